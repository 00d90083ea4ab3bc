"""What `linli doctor` says of a bot on Telegram, asked of the peer."""

import asyncio
import ssl
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path
from shutil import which
from typing import Any

import pytest

from bot.telegram_transport import TelegramTransport
from tests.peers.telegram.peer import TelegramPeer
from tests.support.telegram import TOKEN, on, open_peer

WEBHOOK = "https://linli.example.org/hook/x1y2"


@pytest.fixture
async def peer() -> AsyncIterator[TelegramPeer]:
    async with open_peer() as peer:
        yield peer


async def said(peer: TelegramPeer, files: Path, **more: Any) -> list[tuple[bool, str, str]]:
    async with on(peer, files, **more) as bot:
        return await bot.examine()


async def test_all_is_well(peer: TelegramPeer, tmp_path: Path) -> None:
    assert await said(peer, tmp_path) == [(False, "Telegram knows the bot as @linli_bot", "")]


async def test_a_wrong_token(peer: TelegramPeer, tmp_path: Path) -> None:
    async with TelegramTransport("tg", "7:wrong", api=peer.url, files=tmp_path) as bot:
        [(serious, what, mend)] = await bot.examine()
    assert serious
    assert "LINLI_TELEGRAM_TOKEN" in what
    assert "BotFather" in mend
    assert "wrong" not in what + mend


async def test_no_way_there(peer: TelegramPeer, tmp_path: Path) -> None:
    await peer.stop()
    [(serious, what, mend)] = await said(peer, tmp_path)
    assert serious
    assert what.startswith("no answer from 127.0.0.1: ")
    assert "HTTPS_PROXY" in mend


@pytest.mark.skipif(not which("openssl"), reason="openssl makes the certificate")
async def test_a_certificate_that_nobody_trusts(peer: TelegramPeer, tmp_path: Path) -> None:
    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "certificate.pem")
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate]
    await asyncio.to_thread(subprocess.run, [*made, "-subj", "/CN=127.0.0.1"], check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    async with await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=tls) as server:
        port = server.sockets[0].getsockname()[1]
        [(serious, what, mend)] = await said(peer, tmp_path, api=f"https://127.0.0.1:{port}")
    assert serious
    assert what.startswith("the TLS certificate of 127.0.0.1 is not trusted: ")
    assert "clock" in mend
    assert TOKEN.partition(":")[2] not in what


async def test_privacy_mode(tmp_path: Path) -> None:
    async with open_peer(can_read_all_group_messages=False) as peer:
        _, (serious, what, mend) = await said(peer, tmp_path)
    assert serious
    assert "privacy mode is on" in what
    assert "Group Privacy → Turn off" in mend


async def test_asking_while_a_webhook_is_set(peer: TelegramPeer, tmp_path: Path) -> None:
    await set_webhook(peer, tmp_path, "https://other.example.org/secret-path")
    _, (serious, what, mend) = await said(peer, tmp_path)
    assert not serious
    assert "other.example.org" in what
    assert "secret-path" not in what + mend


async def set_webhook(peer: TelegramPeer, files: Path, url: str, **error: Any) -> None:
    async with on(peer, files) as bot:
        await bot._client.set_webhook(url)
    peer._webhook.last_error = error


async def test_webhooks_that_are_not_ours(peer: TelegramPeer, tmp_path: Path) -> None:
    _, (serious, what, mend) = await said(peer, tmp_path, webhook=WEBHOOK)
    assert (serious, what) == (False, "Telegram knows of no webhook yet")
    await set_webhook(peer, tmp_path, "https://other.example.org/secret-path")
    _, (serious, what, mend) = await said(peer, tmp_path, webhook=WEBHOOK)
    assert serious
    assert "other.example.org" in what
    assert "secret-path" not in what + mend
    await set_webhook(peer, tmp_path, WEBHOOK)
    assert len(await said(peer, tmp_path, webhook=WEBHOOK)) == 1


@pytest.mark.parametrize(
    ("error", "what", "mend"),
    [
        ("Wrong response from the webhook: 403 Forbidden", "wrong secret", "X-Telegram-Bot-Api-Secret-Token"),
        ("Wrong response from the webhook: 502 Bad Gateway", "did not arrive", "leads the whole path to 127.0.0.1:9"),
        ("Connection refused", "did not arrive", "leads the whole path to 127.0.0.1:9"),
        ("SSL error {error:0A000086:SSL routines::certificate verify failed}", "certificate", "whole chain"),
    ],
)
async def test_a_webhook_in_trouble(peer: TelegramPeer, tmp_path: Path, error: str, what: str, mend: str) -> None:
    for age, serious in ((10, True), (7200, False)):
        date = int(time.time()) - age
        await set_webhook(peer, tmp_path, WEBHOOK, last_error_message=error, last_error_date=date)
        _, finding = await said(peer, tmp_path, webhook=WEBHOOK, listen="127.0.0.1:9")
        assert finding[0] is serious
        assert what in finding[1]
        assert error in finding[1]
        assert mend in finding[2]
