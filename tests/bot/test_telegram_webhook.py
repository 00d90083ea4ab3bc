"""Telegram posts updates to linli, from the peer: 200 only after each was taken, in their order, and to nobody else."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.telegram_webhook import Turns, path_of, secret_of
from bot.transport import StartError
from domain.messages import Happening, Outgoing, Press, numbered
from tests.peers.telegram.peer import TelegramPeer
from tests.support.telegram import GROUP, HERE, OTHER, TOKEN, WANG, Hearer, on, open_peer, running

HEADER = "X-Telegram-Bot-Api-Secret-Token"
SECRET = secret_of(TOKEN)


@pytest.fixture
async def peer() -> AsyncIterator[TelegramPeer]:
    async with open_peer() as peer:
        yield peer


@pytest.fixture
def hearer() -> Hearer:
    return Hearer()


@pytest.fixture
def listen() -> str:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return f"127.0.0.1:{found.getsockname()[1]}"


@asynccontextmanager
async def posted(peer: TelegramPeer, files: Path, listen: str, hearer: Hearer, **more: Any) -> AsyncIterator[str]:
    """A bot whose webhook is set; gives its address. There is no proxy between: the peer posts to it directly."""
    webhook = f"http://{listen}/hook/x1y2"
    async with on(peer, files, webhook=webhook, listen=listen, **more) as bot, running(bot, hearer):
        await peer.wait_for(lambda: peer.webhook)
        yield webhook


async def delivered(peer: TelegramPeer) -> None:
    await peer.wait_for(lambda: not peer.pending)


async def test_the_round(peer: TelegramPeer, tmp_path: Path, listen: str, hearer: Hearer) -> None:
    webhook = f"http://{listen}/hook/x1y2"
    async with on(peer, tmp_path, webhook=webhook, listen=listen) as bot, running(bot, hearer):
        number = int(await bot.send(Outgoing(HERE, "您看呢？", choices=numbered([(1, "好了")]), question="q:1")))
        peer.say(GROUP, WANG, "灯坏了")
        peer.press(GROUP, WANG, number, "1 好了")
        peer.mute_bot(GROUP)
        await delivered(peer)
        await peer.wait_for(lambda: peer.answers)
    assert peer.webhook == {  # it stays set
        "url": webhook,
        "max_connections": 16,
        "secret_token": SECRET,
        "allowed_updates": ["message", "callback_query", "my_chat_member", "chat_member"],
    }
    assert hearer.texts() == ["灯坏了", ""]
    assert getattr(hearer.heard[1], "press", None) == Press("q:1", "1")
    assert hearer.events()[0].what is Happening.MUTED
    assert set(peer.deliveries.values()) == {1}


async def test_only_telegram_is_heard(peer: TelegramPeer, tmp_path: Path, listen: str, hearer: Hearer) -> None:
    update = {"update_id": 5, "message": "forged"}
    async with posted(peer, tmp_path, listen, hearer) as webhook, httpx.AsyncClient(trust_env=False) as client:
        for headers in ({}, {HEADER: ""}, {HEADER: "x" * 64}, {HEADER: SECRET[:-1]}, {HEADER: TOKEN}):
            assert (await client.post(webhook, json=update, headers=headers)).status_code == 403
        for path in ("/", "/hook", "/hook/x1y2z", "/hook/x1y2/"):
            answer = await client.post(f"http://{listen}{path}", json=update, headers={HEADER: SECRET})
            assert answer.status_code == 404
        assert (await client.get(webhook, headers={HEADER: SECRET})).status_code == 405
    assert hearer.began == []


async def test_bodies_that_are_no_updates(
    peer: TelegramPeer, tmp_path: Path, listen: str, hearer: Hearer, caplog: pytest.LogCaptureFixture
) -> None:
    async with posted(peer, tmp_path, listen, hearer) as webhook, httpx.AsyncClient(trust_env=False) as client:

        async def post(body: bytes) -> int:
            return (await client.post(webhook, content=body, headers={HEADER: SECRET})).status_code

        for body in (b"", b"{", b"[]", b"7", b'"x"', b"{}", b'{"update_id": null}', b"\xff\xfe", b"[" * 100_000):
            assert await post(body) == 400
        assert await post(b" " * (1024 * 1024 + 1)) == 413
        assert await post(b'{"update_id": 7, "message": "odd"}') == 200
    assert "update=7 cannot be read" in caplog.text
    assert "odd" not in caplog.text
    assert hearer.began == []


async def test_what_is_not_taken_is_posted_again(
    peer: TelegramPeer, tmp_path: Path, listen: str, hearer: Hearer
) -> None:
    hearer.troubles = {"二": 3}
    async with posted(peer, tmp_path, listen, hearer):
        said = [peer.say(GROUP, WANG, text)["update_id"] for text in ("一", "二", "三")]
        await peer.wait_for(lambda: hearer.troubles["二"] == 1)
        assert said[1] in [each["update_id"] for each in peer.pending]
        await delivered(peer)
    assert hearer.texts() == ["一", "二", "三"]
    assert [peer.deliveries[number] for number in said] == [1, 4, 1]
    assert peer.given_up == []


async def test_the_answer_is_503(peer: TelegramPeer, tmp_path: Path, listen: str, hearer: Hearer) -> None:
    hearer.down = True
    update = peer.say(GROUP, WANG, "灯坏了")
    async with posted(peer, tmp_path, listen, hearer) as webhook, httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(webhook, json=update, headers={HEADER: SECRET})
        assert answer.status_code == 503
        hearer.down = False
        await delivered(peer)
        assert (await client.post(webhook, json=update, headers={HEADER: SECRET})).status_code == 200
    assert hearer.texts() == ["灯坏了", "灯坏了"]  # the database knows the second


async def test_posts_side_by_side_keep_their_order(
    peer: TelegramPeer, tmp_path: Path, listen: str, hearer: Hearer
) -> None:
    peer.webhook_parallel = 8
    hearer.troubles = {"第7句": 1, "第20句": 2}
    said = [f"第{number}句" for number in range(40)]
    for text in said[:20]:
        peer.say(GROUP, WANG, text)
    async with posted(peer, tmp_path, listen, hearer):
        await delivered(peer)
        for text in said[20:]:
            peer.say(GROUP, WANG, text)
        await delivered(peer)
    assert sorted(hearer.texts()) == sorted(said)
    assert peer.given_up == []
    again = {"第7句", "第20句"}
    assert [text for text in hearer.texts() if text not in again] == [text for text in said if text not in again]


async def test_chats_do_not_wait_for_each_other(
    peer: TelegramPeer, tmp_path: Path, listen: str, hearer: Hearer
) -> None:
    peer.webhook_parallel = 4
    hearer.held["慢"] = asyncio.Event()
    async with posted(peer, tmp_path, listen, hearer):
        peer.say(GROUP, WANG, "慢")
        peer.say(OTHER, WANG, "快")
        await peer.wait_for(lambda: hearer.texts() == ["快"])
        hearer.held["慢"].set()
        await delivered(peer)


async def test_stopped_in_the_middle(peer: TelegramPeer, tmp_path: Path, listen: str, hearer: Hearer) -> None:
    """What was in hand is posted again to who comes after; so is what was said meanwhile."""
    hearer.held["二"] = asyncio.Event()
    async with posted(peer, tmp_path, listen, hearer):
        for text in ("一", "二", "三"):
            peer.say(GROUP, WANG, text)
        await peer.wait_for(lambda: "二" in hearer.began)
    assert hearer.texts() == ["一"]
    peer.say(GROUP, WANG, "四")
    hearer.held["二"].set()
    async with posted(peer, tmp_path, listen, hearer):
        await delivered(peer)
    assert hearer.texts() == ["一", "二", "三", "四"]


async def test_a_lost_answer_to_set_webhook(peer: TelegramPeer, tmp_path: Path, listen: str, hearer: Hearer) -> None:
    peer.fail("getMe", times=2)
    peer.drop("setWebhook")
    async with posted(peer, tmp_path, listen, hearer):
        peer.say(GROUP, WANG, "灯坏了")
        await delivered(peer)
    assert set(hearer.texts()) == {"灯坏了"}


async def test_what_cannot_start(peer: TelegramPeer, tmp_path: Path, listen: str, hearer: Hearer) -> None:
    async with on(peer, tmp_path, webhook="ftp://x/y", listen=listen) as bot:
        with pytest.raises(StartError, match=r"telegram\.webhook"):
            await bot.run(hearer.receive)
    host, port = listen.split(":")
    async with on(peer, tmp_path, webhook="http://x/y", listen=listen) as bot:
        with socket.create_server((host, int(port))), pytest.raises(StartError, match=f"cannot listen on {listen}"):
            await bot.run(hearer.receive)
    assert peer.webhook is None


async def test_no_secret_in_logs(
    peer: TelegramPeer, tmp_path: Path, listen: str, hearer: Hearer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    hearer.troubles = {"灯坏了": 1}
    async with posted(peer, tmp_path, listen, hearer):
        peer.say(GROUP, WANG, "灯坏了")
        await delivered(peer)
    ours = " ".join(record.getMessage() for record in caplog.records if record.name != "uvicorn.access")
    assert "not taken" in ours
    for secret in (TOKEN.partition(":")[2], SECRET, "灯坏了"):
        assert secret not in ours


def test_the_secret_is_of_the_token() -> None:
    assert SECRET == secret_of(TOKEN) != secret_of(f"{TOKEN}x")
    assert TOKEN not in SECRET
    assert path_of("https://example.org/tg/%E9%82%BB?") == "/tg/邻"
    assert path_of("https://example.org") == "/"


# --- turns ----------------------------------------------------------------------------------------------------------


class Work:
    def __init__(self) -> None:
        self.began: list[int] = []
        self.failing: set[int] = set()

    def of(self, number: int) -> Callable[[], Any]:
        async def work() -> None:
            self.began.append(number)
            if number in self.failing:
                self.failing.remove(number)
                raise ValueError

        return work


async def test_early_ones_wait_for_those_before_them() -> None:
    turns, work = Turns(5.0), Work()
    turns._next = 1
    waiting = [asyncio.create_task(turns.take(number, work.of(number))) for number in (4, 2, 3, 1, 6, 5)]
    await asyncio.wait_for(asyncio.gather(*waiting), 4)
    assert work.began == [1, 2, 3, 4, 5, 6]


async def test_nobody_waits_long() -> None:
    turns, work = Turns(0.05), Work()
    await asyncio.gather(*(turns.take(number, work.of(number)) for number in (9, 7, 12)))
    assert work.began == [7, 9, 12]


async def test_who_comes_late_or_again_or_from_afar_does_not_wait() -> None:
    turns, work = Turns(60), Work()
    turns._next = 5
    for number in (5, 3, 5, 4, 9_000_000, 9_000_001, 17, 18):
        await asyncio.wait_for(turns.take(number, work.of(number)), 1)
    assert work.began == [5, 3, 5, 4, 9_000_000, 9_000_001, 17, 18]


async def test_those_after_a_failed_one_wait_for_it() -> None:
    turns, work = Turns(5.0), Work()
    turns._next, work.failing = 1, {1}
    with pytest.raises(ValueError):
        await turns.take(1, work.of(1))
    later = asyncio.create_task(turns.take(2, work.of(2)))
    await asyncio.sleep(0)
    await turns.take(1, work.of(1))
    await later
    assert work.began == [1, 1, 2]
