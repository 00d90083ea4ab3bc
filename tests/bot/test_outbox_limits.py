"""What a platform can take: how fast, how long, what it edits; and what becomes of a word that nobody can be told."""

import asyncio
import time
from collections import defaultdict
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from bot.outbox import SUMMARY, Sender
from bot.transport import Flooded, Gone, Limits, Moved, Unreachable
from domain.messages import Address, Happening, Outgoing
from storage import outbox
from storage.database import Database, Tx
from storage.outbox import DEAD, HELD, MERGED, SENT
from tests.support.post import BOT, NOON, Platform, Post

TELEGRAM = Limits(buttons=True, edits=True, per_second=30, per_minute=20, chat_pause=1.0)


@pytest.fixture
def post(database: Database) -> Post:
    return Post(database, TELEGRAM)


async def test_a_chat_rests_between_two_messages(post: Post) -> None:
    await post.put("a", "a1", "a2")
    await post.put("b", "b1")
    await post.send_all()
    assert post.platform.texts() == ["a1", "b1"]
    post.now += timedelta(seconds=0.9)
    await post.send_all()
    assert post.platform.texts("a") == ["a1"]
    post.now += timedelta(seconds=0.2)
    await post.send_all()
    assert post.platform.texts("a") == ["a1", "a2"]


async def _hurry(post: Post, seconds: float) -> list[tuple[float, str]]:
    """Send for so long, ten times a second: (second, chat) of each message."""
    said: list[tuple[float, str]] = []
    for step in range(int(seconds * 10)):
        post.now = NOON + timedelta(seconds=step / 10)
        await post.send_all()
        said += [(step / 10, chat) for chat, _ in post.platform.sent[len(said) :]]
    return said


async def test_a_group_takes_twenty_a_minute_with_all_its_topics(post: Post) -> None:
    for number in range(50):
        await post.put(("g/1", "g/2", "g")[number % 3], f"{number}")
    said = await _hurry(post, 140)
    at = [moment for moment, _ in said]
    assert len(at) == 50
    assert all(later - first >= 60 for first, later in zip(at, at[20:], strict=False))
    assert at[19] < 25, "up to the limit it goes on at the chat's own pace"


async def test_a_private_chat_has_no_limit_a_minute(post: Post) -> None:
    await post.put("user", *(f"{number}" for number in range(30)), private=True)
    said = await _hurry(post, 40)
    assert len(said) == 30


async def test_the_bot_says_thirty_a_second(post: Post) -> None:
    for number in range(70):
        await post.put(f"chat{number}", f"{number}")
    await post.send_all()
    assert len(post.platform.sent) == 30
    post.now += timedelta(seconds=1.1)
    await post.send_all()
    assert len(post.platform.sent) == 60


async def test_urgent_overtakes_what_waits_in_its_chat(post: Post) -> None:
    await post.put("a", "a1", "a2", "a3")
    await post.put("a", "fire", urgent=True)
    await _hurry(post, 6)
    assert post.platform.texts() == ["fire", "a1", "a2", "a3"]


async def test_urgent_does_not_wait_for_what_is_tried_again(post: Post) -> None:
    post.platform.troubles = {"a1": [ConnectionError("line lost") for _ in range(9)]}
    await post.put("a", "a1", "a2")
    await post.send_all()
    await post.put("a", "fire", urgent=True)
    post.now += timedelta(seconds=1.2)
    await post.send_all()
    assert post.platform.texts() == ["fire"]


async def test_a_flood_rests_its_chat_as_told_and_no_other(post: Post) -> None:
    post.platform.troubles = {"a1": [Flooded(7)]}
    await post.put("a", "a1")
    await post.put("b", "b1", "b2")
    await post.send_all()
    await post.put("a", "fire", urgent=True)
    post.now += timedelta(seconds=6)
    await post.send_all()
    assert post.platform.texts() == ["b1", "b2"], "even urgent words wait where the platform says so"
    post.now += timedelta(seconds=1.2)
    await post.send_all()
    assert post.platform.texts("a") == ["fire"]


async def test_a_flood_in_two_chats_rests_the_whole_bot(post: Post) -> None:
    post.platform.troubles = {"a1": [Flooded(7)], "b1": [Flooded(5)]}
    await post.put("a", "a1")
    await post.put("b", "b1")
    await post.send_all()
    await post.put("c", "c1")
    post.now += timedelta(seconds=4)
    await post.send_all()
    assert post.platform.texts() == []
    post.now += timedelta(seconds=1.2)
    await post.send_all()
    assert sorted(post.platform.texts()) == ["b1", "c1"]
    post.now += timedelta(seconds=3)
    await post.send_all()
    assert sorted(post.platform.texts()) == ["a1", "b1", "c1"]


class Counting(Platform):
    """Takes its time to answer, and writes down when each message came."""

    def __init__(self, limits: Limits, heard: list[tuple[float, str]]) -> None:
        super().__init__(limits)
        self.heard = heard

    async def send(self, message: Outgoing) -> str:
        self.heard.append((time.monotonic(), message.to.group))
        await asyncio.sleep(0.002 * (len(self.heard) % 5))
        return await super().send(message)


async def test_two_processes_together_keep_the_limits(database: Database) -> None:
    """Seconds of 60 ms; real clocks, three senders on one database."""
    second, post = 0.06, Post(database)
    heard: list[tuple[float, str]] = []
    for number in range(90):
        await post.put(f"g{number % 15}", f"{number}")
    await post.put("g0", *(f"more {number}" for number in range(20)))
    limits = Limits(per_second=10, per_minute=20, chat_pause=1.0)
    senders = [Sender(database, Counting(limits, heard), second=second) for _ in range(3)]
    tasks = [asyncio.create_task(sender.run()) for sender in senders]
    async with asyncio.timeout(60):
        while len(heard) < 110:  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(0.05)
    for sender in senders:
        sender.stop()
    await asyncio.gather(*tasks)
    at = sorted(moment for moment, _ in heard)
    assert min(later - first for first, later in zip(at, at[10:], strict=False)) > second
    by_chat: dict[str, list[float]] = defaultdict(list)
    for moment, chat in sorted(heard):
        by_chat[chat].append(moment)
    assert min(b - a for moments in by_chat.values() for a, b in pairwise(moments)) > second
    assert min(b - a for a, b in zip(by_chat["g0"], by_chat["g0"][20:], strict=False)) > 60 * second


async def test_a_long_text_goes_in_pieces_and_in_order(database: Database) -> None:
    post = Post(database, Limits(text_length=20))
    await post.put("a", "一二三四五六七八九十。一二三四五六七八九。一二三。", "next", reply_to="q")
    await post.send_all()
    assert post.platform.texts() == ["一二三四五六七八九十。", "一二三四五六七八九。一二三。", "next"]
    assert [message.reply_to for message in post.platform.messages] == ["q", "", "q"]
    assert set((await post.states()).values()) == {SENT}


async def test_after_a_piece_that_failed_only_the_rest_is_sent(database: Database) -> None:
    post = Post(database, Limits(text_length=10))
    post.platform.troubles = {"七八九十。": [ConnectionError("line lost")]}
    await post.put("a", "一二三四五六。七八九十。")
    await post.send_all()
    post.now += timedelta(seconds=2)
    await post.send_all()
    assert post.platform.texts() == ["一二三四五六。", "七八九十。"]


async def test_a_post_is_edited_in_place_and_its_states_merge(post: Post) -> None:
    await post.put("a", "1 vote", post="poll:3")
    await post.send_all()
    await post.put("a", "2 votes", "3 votes", post="poll:3")
    await post.put("a", "4 votes", post="poll:3")
    post.now += timedelta(seconds=2)
    await post.send_all()
    assert post.platform.texts() == ["1 vote"]
    assert post.platform.edits == [("m1", "4 votes")]
    states = await post.states()
    assert [states[text] for text in ("1 vote", "2 votes", "3 votes", "4 votes")] == [SENT, MERGED, MERGED, SENT]


async def test_the_state_of_another_post_or_chat_is_left_alone(post: Post) -> None:
    await post.put("a", "poll", post="poll:3")
    await post.put("b", "poll there", post="poll:3")
    await post.put("a", "list", post="list:1")
    await post.put("a", "words")
    await _hurry(post, 4)
    assert post.platform.edits == []
    assert sorted(post.platform.texts()) == ["list", "poll", "poll there", "words"]


async def test_a_post_that_was_deleted_is_said_anew(post: Post) -> None:
    await post.put("a", "1 vote", post="poll:3")
    await post.send_all()
    post.now += timedelta(seconds=2)
    post.platform.troubles = {"2 votes": [Gone("message to edit not found")]}
    await post.put("a", "2 votes", post="poll:3")
    await post.send_all()
    assert post.platform.texts() == ["1 vote", "2 votes"]
    assert [(event.what, event.address) for event in post.events] == [(Happening.DELETED, Address("a"))]
    await post.put("a", "3 votes", post="poll:3")
    post.now += timedelta(seconds=2)
    await post.send_all()
    assert post.platform.edits == [("m2", "3 votes")]


async def test_without_edits_a_post_is_summed_up_now_and_then(database: Database) -> None:
    post = Post(database)
    for votes in range(1, 6):
        await post.put("a", f"{votes} votes", post="poll:3")
        await post.send_all()
        post.now += timedelta(minutes=5)
    assert post.platform.texts() == ["1 votes"]
    post.now += SUMMARY
    await post.send_all()
    assert post.platform.texts() == ["1 votes", "5 votes"]


async def test_a_group_that_moved_is_followed(post: Post) -> None:
    post.platform.troubles = {"a1": [Moved("b")]}
    await post.put("a", "a1", "a2")
    await _hurry(post, 4)
    assert post.platform.sent == [("b", "a1"), ("b", "a2")]
    assert [(event.what, event.detail) for event in post.events] == [(Happening.MOVED, "b")]


def _open(tx: Tx, now: datetime) -> None:
    """The person opens the chat."""
    for row, _ in outbox.held(tx, bot_id=BOT, chat_id="user", since=now - timedelta(hours=48)):
        outbox.release(tx, row, now=now)


async def test_a_private_word_is_kept_until_the_chat_is_opened(post: Post) -> None:
    post.platform.troubles = {"news": [Unreachable("never opened", Happening.UNOPENED)]}
    fallback = Outgoing(Address("group"), "talk to me in private")
    await post.put("user", "news", private=True, fallback=fallback)
    await post.send_all()
    assert post.platform.sent == [("group", "talk to me in private")]
    assert (await post.states())["news"] == HELD
    assert [(event.what, event.address) for event in post.events] == [(Happening.UNOPENED, Address("user", True))]
    await post.database.run(_open, post.now)
    post.now += timedelta(seconds=2)
    await post.send_all()
    assert post.platform.texts("user") == ["news"]


async def test_what_was_kept_too_long_is_not_said_any_more(post: Post) -> None:
    post.platform.troubles = {"news": [Unreachable("never opened", Happening.UNOPENED)]}
    await post.put("user", "news", private=True)
    await post.send_all()
    post.now += timedelta(hours=49)
    await post.database.run(_open, post.now)
    await post.send_all()
    assert post.platform.texts("user") == []


async def test_a_group_that_put_the_bot_out_is_a_dead_letter_and_told(post: Post) -> None:
    post.platform.troubles = {"a1": [Unreachable("kicked", Happening.REMOVED)]}
    await post.put("a", "a1")
    await post.send_all()
    assert await post.states() == {"a1": DEAD}
    assert [event.what for event in post.events] == [Happening.REMOVED]
