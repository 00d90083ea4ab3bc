"""The order of what comes out of order, bounded, and handed over until it is taken."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from bot import wechat_lanes
from bot.wechat_lanes import Lanes, Recent


async def play(hand: Callable[[str], Awaitable[None]], *things: tuple[str, str, float], most: int = 100) -> None:
    """All wait for the same moment, so that the order is the lanes' alone."""
    async with asyncio.TaskGroup() as tasks:
        lanes = Lanes[str](hand, tasks, most)
        due = asyncio.get_running_loop().time() + 0.05
        for chat, thing, moment in things:
            await lanes.reserve()
            lanes.put(chat, thing, moment=moment, due=due)


async def test_each_chat_in_the_order_of_moments() -> None:
    taken: list[str] = []

    async def hand(thing: str) -> None:
        taken.append(thing)

    await play(hand, ("a", "a3", 3), ("b", "b2", 2), ("a", "a1", 1), ("a", "a3 too", 3), ("b", "b1", 1), ("a", "a2", 2))
    assert [each for each in taken if each[0] == "a"] == ["a1", "a2", "a3", "a3 too"]
    assert [each for each in taken if each[0] == "b"] == ["b1", "b2"]


async def test_a_chat_waits_for_nobody_else() -> None:
    b_taken, order = asyncio.Event(), []

    async def hand(thing: str) -> None:
        if thing == "a1":
            await asyncio.wait_for(b_taken.wait(), 10)
        order.append(thing)
        if thing == "b1":
            b_taken.set()

    await play(hand, ("a", "a1", 1), ("a", "a2", 2), ("b", "b1", 3))
    assert order == ["b1", "a1", "a2"]


async def test_what_was_not_taken_comes_again_before_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wechat_lanes, "_PAUSE", 0.01)
    tried: list[str] = []

    async def hand(thing: str) -> None:
        tried.append(thing)
        if len(tried) <= 2:
            raise OSError("no database")

    await play(hand, ("a", "a1", 1), ("a", "a2", 2))
    assert tried == ["a1", "a1", "a1", "a2"]


async def test_who_brings_too_many_waits() -> None:
    may_go = {"a": asyncio.Event(), "b": asyncio.Event()}

    async def hand(thing: str) -> None:
        await may_go[thing].wait()

    async with asyncio.TaskGroup() as tasks:
        lanes = Lanes[str](hand, tasks, most=2)
        for thing in may_go:
            assert not lanes.full
            await lanes.reserve()
            lanes.put(thing, thing, moment=0, due=0)
        third = tasks.create_task(lanes.reserve())
        await asyncio.sleep(0.05)
        assert lanes.full and not third.done()
        may_go["a"].set()
        await asyncio.wait_for(third, 10)
        may_go["b"].set()


def test_the_newest_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wechat_lanes, "_MOST_KNOWN", 2)
    known = Recent[str, int]()
    for number, key in enumerate("abc"):
        assert known.keep(key, number) == number
    assert known == {"b": 1, "c": 2}
