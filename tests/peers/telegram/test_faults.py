"""What the peer does wrong on purpose, and what it says of a bot that is too fast."""

import asyncio
import time
from datetime import timedelta

import pytest
from telegram import (
    Bot,
)
from telegram.error import (
    NetworkError,
    RetryAfter,
)

from tests.peers.telegram.house import GROUP, WANG, ids
from tests.peers.telegram.limits import Arrival, breaches
from tests.peers.telegram.peer import TelegramPeer


async def test_a_flood_answers_429(peer: TelegramPeer, bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "1")  # else reading retry_after warns
    peer.flood(GROUP, times=2, seconds=7)
    await bot.send_message(WANG, "别处")
    for _ in range(2):
        with pytest.raises(RetryAfter) as refusal:
            await bot.send_message(GROUP, "好")
        assert refusal.value.retry_after == timedelta(seconds=7)
    await bot.send_message(GROUP, "好")
    peer.flood()
    with pytest.raises(RetryAfter):
        await bot.send_message(WANG, "好")
    assert peer.texts() == ["别处", "好"]


async def test_calls_fail_and_lines_break(peer: TelegramPeer, bot: Bot) -> None:
    peer.fail("sendMessage")
    with pytest.raises(NetworkError, match="Bad Gateway"):
        await bot.send_message(GROUP, "没有")
    peer.drop("sendMessage")
    with pytest.raises(NetworkError, match="disconnected"):
        await bot.send_message(GROUP, "有")
    await bot.send_message(GROUP, "又有")
    assert peer.texts() == ["有", "又有"]


async def test_the_platform_restarts(peer: TelegramPeer, bot: Bot) -> None:
    url, reading = peer.url, asyncio.create_task(bot.get_updates(timeout=30))
    await peer.wait_for(lambda: peer.calls and peer.calls[-1][0] == "getUpdates")
    await peer.stop()
    with pytest.raises(NetworkError):
        await reading
    with pytest.raises(NetworkError):
        await bot.send_message(GROUP, "好")
    update = peer.say(GROUP, WANG, "在吗")
    await peer.start()
    assert peer.url == url
    assert ids(await bot.get_updates()) == [update["update_id"]]
    await bot.send_message(GROUP, "好")


def arrivals(*times: float, chat: int = GROUP) -> list[Arrival]:
    return [Arrival(at, chat, "sendMessage") for at in times]


def test_a_legal_sequence_is_no_breach() -> None:
    minutes = [3.0 * number for number in range(100)]  # 20 in any minute
    assert breaches(arrivals(*minutes), second=1, minute=60) == []
    private = [Arrival(second + chat / 32, chat + 1, "sendMessage") for second in range(5) for chat in range(30)]
    assert breaches(private, second=1, minute=60) == []
    assert breaches(arrivals(0, 0.96), second=1, minute=60, slack=0.05) == []


@pytest.mark.parametrize(
    ("calls", "words"),
    [
        (arrivals(5.0, 5.99), f"chat {GROUP}: 2 calls within 0.990 s"),
        (arrivals(*(2.9 * number for number in range(21))), f"group {GROUP}: 21 calls within 58.000 s"),
        ([Arrival(0.03 * chat, chat + 1, "editMessageText") for chat in range(31)], "the bot: 31 calls within 0.900 s"),
    ],
)
def test_a_breach_is_reported(calls: list[Arrival], words: str) -> None:
    found = breaches(calls, second=1, minute=60)
    assert len(found) == 1
    assert found[0].startswith(words)


async def test_the_peer_judges_what_really_came(peer: TelegramPeer, bot: Bot) -> None:
    peer.scale = 0.05
    before = time.monotonic()
    await bot.send_message(GROUP, "一")
    await asyncio.sleep(0.06)
    await bot.send_message(GROUP, "二")
    await bot.send_chat_action(GROUP, "typing")
    assert peer.over_limits() == []
    peer.scale = time.monotonic() - before  # now both lie within one "second"
    assert [breach.split(" calls")[0] for breach in peer.over_limits()] == [f"chat {GROUP}: 2"]
