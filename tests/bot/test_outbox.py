"""What is written to the outbox is sent: in each chat's order, again after trouble, and never silently dropped."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from bot.outbox import Sender
from bot.transport import Rejected, RetryLater, Unreachable
from domain.messages import Address, Outgoing
from storage.database import Database
from storage.outbox import DEAD, SENT, WAITING
from tests.support.post import Platform, Post

LEASE = timedelta(seconds=61)  # a little more than the sender's


@pytest.fixture
def post(database: Database) -> Post:
    return Post(database)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(0.005)


async def test_each_chat_in_its_order(post: Post) -> None:
    for number in range(5):
        for chat in ("a", "b", "c"):
            await post.put(chat, f"{chat}{number}")
    await post.send_all()
    for chat in ("a", "b", "c"):
        assert post.platform.texts(chat) == [f"{chat}{number}" for number in range(5)]
    assert set((await post.states()).values()) == {SENT}


async def test_nothing_due_nothing_done(post: Post) -> None:
    assert await post.sender.send_due() is False
    await post.put("a", "later", due_in=60)
    assert await post.sender.send_due() is False
    assert post.platform.attempts == []


async def test_the_same_cause_says_it_once(post: Post) -> None:
    await post.put("a", "hello")
    await post.send_all()
    await post.put("a", "hello")
    await post.send_all()
    assert post.platform.texts() == ["hello"]


async def test_retry_later_waits_and_holds_up_only_its_chat(post: Post) -> None:
    post.platform.troubles = {"a1": [RetryLater(5)]}
    await post.put("a", "a1", "a2")
    await post.put("b", "b1", "b2")
    await post.send_all()
    assert post.platform.texts() == ["b1", "b2"]
    post.now += timedelta(seconds=4)
    await post.send_all()
    assert post.platform.texts("a") == []
    post.now += timedelta(seconds=2)
    await post.send_all()
    assert post.platform.texts("a") == ["a1", "a2"]


async def test_an_unknown_error_is_tried_again(post: Post) -> None:
    post.platform.troubles = {"a1": [ConnectionError("line lost")]}
    await post.put("a", "a1")
    await post.send_all()
    assert await post.states() == {"a1": WAITING}
    post.now += timedelta(seconds=10)
    await post.send_all()
    assert post.platform.texts() == ["a1"]


@pytest.mark.parametrize("trouble", [lambda: RetryLater(5), lambda: ConnectionError("line lost")])
async def test_after_a_day_of_trouble_a_dead_letter(post: Post, trouble: Callable[[], Exception]) -> None:
    post.platform.troubles = {"a1": [trouble() for _ in range(200)]}
    await post.put("a", "a1", "a2")
    for _ in range(24 * 6):  # a line that is away for hours gives up nothing
        await post.send_all()
        post.now += timedelta(minutes=10)
    assert await post.states() == {"a1": WAITING, "a2": WAITING}
    post.now += timedelta(minutes=10)
    await post.send_all()
    assert await post.states() == {"a1": DEAD, "a2": SENT}
    assert post.sender.dead == 1


async def test_rejected_is_a_dead_letter_at_once(post: Post) -> None:
    post.platform.troubles = {"a1": [Rejected("too long")]}
    await post.put("a", "a1", "a2")
    await post.send_all()
    assert await post.states() == {"a1": DEAD, "a2": SENT}
    assert post.sender.dead == 1
    assert post.platform.attempts == ["a1", "a2"]


async def test_unreachable_falls_back_to_the_group(post: Post) -> None:
    post.platform.troubles = {"secret": [Unreachable("blocked")], "more": [Unreachable("blocked")]}
    await post.put("user", "secret", fallback=Outgoing(Address("group"), "talk to me in private"))
    await post.put("user", "more")
    await post.send_all()
    assert post.platform.sent == [("group", "talk to me in private")]
    assert await post.states() == {"secret": DEAD, "more": DEAD, "talk to me in private": SENT}


async def test_what_is_not_due_blocks_nobody(post: Post) -> None:
    await post.put("a", "tomorrow", due_in=3600)
    await post.put("a", "now")
    await post.put("b", "too")
    await post.send_all()
    assert sorted(post.platform.texts()) == ["now", "too"]
    post.now += timedelta(hours=2)
    await post.send_all()
    assert post.platform.texts("a") == ["now", "tomorrow"]


async def test_urgent_first(post: Post) -> None:
    for number in range(60):
        await post.put(f"chat{number}", f"plain{number}")
    await post.put("alarm", "urgent", urgent=True)
    await post.sender.send_due()
    assert post.platform.attempts[0] == "urgent"
    await post.send_all()
    assert len(post.platform.sent) == 61


async def _begin(post: Post, text: str) -> tuple[Platform, asyncio.Task[bool]]:
    """A process that has leased the row and hangs in its platform."""
    hanging = Platform()
    hanging.slow[text] = asyncio.Event()
    task = asyncio.create_task(post.another(hanging).send_due())
    await until(lambda: text in hanging.attempts)
    return hanging, task


async def test_a_lease_keeps_others_away(post: Post) -> None:
    await post.put("a", "a1", "a2")
    hanging, task = await _begin(post, "a1")
    await post.send_all()
    assert post.platform.attempts == []
    hanging.slow["a1"].set()
    await task
    await post.send_all()
    assert (hanging.texts(), post.platform.texts()) == (["a1"], ["a2"])


async def test_an_expired_lease_is_taken_over(post: Post) -> None:
    """The process that had it was killed; nothing else waits in the outbox."""
    await post.put("a", "a1")
    _, task = await _begin(post, "a1")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await post.states() == {"a1": WAITING}
    post.now += LEASE
    await post.send_all()
    assert post.platform.texts() == ["a1"]


@pytest.mark.parametrize("trouble", [RetryLater(1), Rejected("no"), Unreachable("no")])
async def test_who_lost_the_lease_changes_nothing(post: Post, trouble: Exception) -> None:
    """A process that hangs until another has sent its row may not have it sent again, nor bury it."""
    await post.put("a", "a1", fallback=Outgoing(Address("group"), "instead"))
    hanging, task = await _begin(post, "a1")
    post.now += LEASE
    await post.put("b", "wakes")
    await post.send_all()
    assert post.platform.texts("a") == ["a1"]
    hanging.troubles["a1"] = [trouble]
    hanging.slow["a1"].set()
    await task
    post.now += LEASE
    await post.send_all()
    assert post.platform.texts("a") == ["a1"]
    assert await post.states() == {"a1": SENT, "wakes": SENT}


async def _while_running(sender: Sender, do: Callable[[], Awaitable[None]]) -> None:
    task = asyncio.create_task(sender.run())
    try:
        await do()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_chat_that_hangs_holds_up_no_other(post: Post) -> None:
    post.platform.slow["a1"] = asyncio.Event()
    await post.put("a", "a1", "a2")
    await post.put("b", "b1", "b2", "b3")

    async def watch() -> None:
        await until(lambda: post.platform.texts() == ["b1", "b2", "b3"])
        post.platform.slow["a1"].set()
        await until(lambda: post.platform.texts("a") == ["a1", "a2"])

    await _while_running(post.sender, watch)


async def test_two_senders_send_each_row_once(post: Post) -> None:
    for number in range(40):
        await post.put(f"chat{number % 4}", f"{number}")
    other = Platform()
    senders = [post.sender, post.another(other)]
    tasks = [asyncio.create_task(sender.run()) for sender in senders]
    await until(lambda: len(post.platform.sent) + len(other.sent) >= 40)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert sorted(map(int, post.platform.texts() + other.texts())) == list(range(40))
