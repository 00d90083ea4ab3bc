"""The way in: each update has its effect once, a chat's messages keep their order, plain chat leaves nothing."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
from sqlalchemy import func, insert, select, text

from bot.app import App
from bot.demo import build
from bot.play import BOT, Recorder
from dialogs.engine import Silence
from dialogs.hearing import Heard
from domain.messages import Address, Incoming, Outgoing, Sender
from domain.rules import Rules
from services.turn import Turn
from storage import audit, lanes, people, ticket_reports
from storage.database import CommitUnknown, Database, Tx
from storage.models import Base
from storage.outbox import Outbox

T = TypeVar("T")
NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
LAMP = "楼道灯坏了，一直不亮"
SMALL_TALK = (
    "今天中午吃的热干面，味道不错",
    "孙子考了九十八分",
    "早上好",
    "哈哈哈",
    "晚上去不去跳广场舞",
    "哪个有多的葱",
    "下雨了，收衣服",
    "😀😀😀",
    "周末回老屋里",
    "[图片]",
)
Do = Callable[[Turn, Incoming], None]


class House:
    """The real bot on a database with the demo compound; `then` replaces what a turn does after the way in."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.transport = Recorder()
        self.app = App(database, self.transport, Rules(), clock=lambda: NOON)
        self.updates = 0

    def update(
        self, words: str = LAMP, *, chat: str = "3栋群", user: str = "王阿姨", private: bool = False
    ) -> Incoming:
        self.updates += 1
        at = NOON + timedelta(seconds=self.updates)
        place = Address(user if private else chat, private=private)
        return Incoming(BOT, f"i{self.updates}", place, Sender(user, user), words, at, message_id=f"m{self.updates}")

    async def receive(self, incoming: Incoming) -> None:
        await self.app.inbox.receive(incoming)

    async def hear(self, words: str = LAMP, **more: Any) -> None:
        await self.receive(self.update(words, **more))

    def then(self, monkeypatch: pytest.MonkeyPatch, do: Do) -> None:
        monkeypatch.setattr(self.app.routing, "hear", lambda incoming: Heard(incoming.text))
        monkeypatch.setattr(self.app.routing, "turn", lambda turn, incoming, heard: do(turn, incoming))

    async def see(self, fn: Callable[[Tx], T]) -> T:
        return await self.database.read(fn)

    async def rows(self) -> dict[str, int]:
        """How many rows each table has."""
        return await self.see(_rows)

    async def said(self) -> list[dict[str, Any]]:
        """All outbox messages, the oldest first."""
        return await self.see(lambda tx: list(tx.scalars(select(Outbox.message).order_by(Outbox.id))))


def _rows(tx: Tx) -> dict[str, int]:
    return {
        name: tx.scalar(select(func.count()).select_from(table)) or 0 for name, table in Base.metadata.tables.items()
    }


@pytest.fixture
async def house(database: Database) -> House:
    await database.run(build, BOT)
    return House(database)


# --- once ------------------------------------------------------------------------------------------------------------


async def test_the_same_update_twice_has_one_effect(house: House) -> None:
    update = house.update()
    await house.receive(update)
    once = await house.rows()
    assert (once["ticket"], once["ticket_report"], once["inbox"], once["outbox"]) == (1, 1, 1, 2)
    await house.receive(update)
    assert await house.rows() == once


async def test_the_same_update_five_times_at_once(house: House) -> None:
    update = house.update()
    await asyncio.gather(*(house.receive(update) for _ in range(5)))
    once = await house.rows()
    assert (once["ticket"], once["ticket_report"], once["inbox"], once["outbox"]) == (1, 1, 1, 2)


async def test_again_after_a_restart(house: House) -> None:
    update = house.update()
    await house.receive(update)
    once = await house.rows()
    await House(house.database).receive(update)
    assert await house.rows() == once


@pytest.mark.parametrize("committed", [True, False])
async def test_a_commit_of_which_nobody_knows(house: House, monkeypatch: pytest.MonkeyPatch, committed: bool) -> None:
    """The line was lost in COMMIT: the effect stands once in any case, and nobody is asked to say it again."""
    run, lost = house.database.run, [True]

    async def break_once(fn: Callable[..., Any], *args: Any, **more: Any) -> Any:
        if not lost:
            return await run(fn, *args, **more)
        lost.clear()
        if committed:
            await run(fn, *args, **more)
        raise CommitUnknown

    monkeypatch.setattr(house.database, "run", break_once)
    await house.hear()
    once = await house.rows()
    assert (once["ticket"], once["inbox"], once["outbox"]) == (1, 1, 2)


async def test_a_cancelled_receiver_leaves_all_or_nothing(house: House) -> None:
    updates = [house.update(user=f"客{number}") for number in range(20)]
    tasks = [asyncio.create_task(house.receive(update)) for update in updates]
    await asyncio.sleep(0.005)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for update in updates:
        await house.receive(update)
    rows = await house.rows()
    assert (rows["ticket"], rows["ticket_report"], rows["inbox"], rows["audit"]) == (1, 20, 20, 20)


# --- poison ----------------------------------------------------------------------------------------------------------


def _fail(turn: Turn, incoming: Incoming) -> None:
    """Write, then fail as a programming error would."""
    turn.tx.execute(insert(people.PersonRow), {"name": "half", "outsider": False})
    turn.say(Outgoing(incoming.address, "half done"))
    raise ValueError("poison")


def _fail_in_the_database(turn: Turn, incoming: Incoming) -> None:
    """Fail so that PostgreSQL gives up the whole transaction."""
    turn.tx.execute(insert(lanes.Inbox), {"bot_id": BOT, "update_id": incoming.update_id, "received_at": NOON})


@pytest.mark.parametrize("poison", [_fail, _fail_in_the_database])
async def test_poison_is_met_once_and_apologised_for_in_private(
    house: House, monkeypatch: pytest.MonkeyPatch, poison: Do
) -> None:
    before = await house.rows()
    update = house.update("毒", user="王阿姨")
    with monkeypatch.context() as patch:
        house.then(patch, poison)
        await house.receive(update)
        await house.receive(update)
    said = await house.said()
    assert [(each["chat"], each.get("private", False)) for each in said] == [("王阿姨", True)]
    assert "毒" in said[0]["text"]
    after = await house.rows()
    assert {name: after[name] - before[name] for name in after if after[name] != before[name]} == {
        "inbox": 1,
        "lane": 1,
        "outbox": 1,
    }
    await house.hear()
    assert (await house.rows())["ticket"] == 1


async def test_the_log_has_an_id_and_no_words(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(turn: Turn, incoming: Incoming) -> None:
        row = {"id": 1, "ticket_id": 1, "person_id": 1, "kind": "report", "at": NOON, "text": incoming.text}
        turn.tx.execute(insert(ticket_reports.TicketText), [row])
        turn.tx.execute(insert(ticket_reports.TicketText), [row])

    house.then(monkeypatch, fail)
    with caplog.at_level(logging.DEBUG):
        await house.hear("我家住三楼的秘密", user="王阿姨")
    assert "trace=" in caplog.text
    assert "秘密" not in caplog.text
    assert "王阿姨" not in caplog.text


@pytest.mark.parametrize("words", ["楼道灯坏了\x00一直不亮", "楼道灯坏了\ud83d一直不亮", "楼道灯坏了\u202e一直不亮"])
@pytest.mark.parametrize("private", [True, False])
async def test_characters_no_database_takes(house: House, words: str, private: bool) -> None:
    await house.hear(words, private=private)
    assert (await house.rows())["ticket"] == 1


async def test_what_cannot_be_committed_is_not_confirmed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def gone(*_: Any, **__: Any) -> None:
        raise OSError("no database")

    update = house.update()
    with monkeypatch.context() as patch:
        patch.setattr(house.database, "run", gone)
        with pytest.raises(OSError, match="no database"):
            await house.receive(update)
    await house.receive(update)
    assert (await house.rows())["ticket"] == 1


# --- order -----------------------------------------------------------------------------------------------------------


def _echo(turn: Turn, incoming: Incoming) -> None:
    turn.say(Outgoing(incoming.address, incoming.text))


async def test_fifty_at_once_keep_their_order(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.then(monkeypatch, _echo)
    chats = ("3栋群", "4栋群")
    updates = [house.update(f"{number}", chat=chats[number % 2]) for number in range(100)]
    await asyncio.gather(*map(house.receive, updates))
    said = await house.said()
    for chat in chats:
        numbers = [int(each["text"]) for each in said if each["chat"] == chat]
        assert numbers == sorted(numbers)
        assert len(numbers) == 50
    counted = await house.see(lambda tx: {row.chat_id: row.seq for row in tx.execute(select(lanes.Lane))})
    assert counted == dict.fromkeys(chats, 50)


async def test_a_long_queue_holds_up_no_other_chat(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.then(monkeypatch, _echo)
    done: list[str] = []

    async def receive(words: str, chat: str) -> None:
        await house.hear(words, chat=chat)
        done.append(words)

    async with asyncio.TaskGroup() as group:  # PostgreSQL opens a second connection, which takes its time
        for chat in ("5栋群", "6栋群"):
            group.create_task(receive(f"warm {chat}", chat))
    async with asyncio.TaskGroup() as group:
        for number in range(50):
            group.create_task(receive(f"{number}", "3栋群"))
        group.create_task(receive("other", "4栋群"))
    assert done.index("other") < 25


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_slow_turn_holds_up_no_other_chat(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite has one writer, so there nothing slow may be in a turn; PostgreSQL bears it."""

    def slow(turn: Turn, incoming: Incoming) -> None:
        if incoming.text == "slow":
            turn.tx.execute(text("SELECT pg_sleep(1)"))

    house.then(monkeypatch, slow)
    waiting = asyncio.create_task(house.hear("slow", chat="3栋群"))
    await asyncio.sleep(0.1)
    async with asyncio.timeout(0.7):
        await house.hear("quick", chat="4栋群")
    assert not waiting.done()
    await waiting


async def test_the_queues_are_forgotten(house: House) -> None:
    await asyncio.gather(*(house.hear(chat=f"{number % 5}栋群") for number in range(20)))
    assert house.app.inbox._lanes == {}


async def test_a_ticket_taken_by_two_at_the_same_moment(house: House) -> None:
    """Officers in chats of their own: a ticket has one owner, and the other hears that it is taken."""
    chats = [f"{building}栋群" for building in range(1, 9)]
    for chat in chats:
        await house.hear(chat=chat, user=f"客{chat}")
    for number in range(1, 9):
        officers = ("周书记", "吴师傅")
        await asyncio.gather(*(house.hear(f"接单 {number}", user=user, private=True) for user in officers))
    taken = await house.see(
        lambda tx: Counter(tx.scalars(select(audit.Audit.subject_id).where(audit.Audit.action == "accepted")))
    )
    assert taken == dict.fromkeys(taken, 1)
    assert len(taken) == 8


# --- silence ---------------------------------------------------------------------------------------------------------


async def test_two_hundred_lines_of_chat_leave_nothing(house: House) -> None:
    before = await house.rows()
    for number in range(200):
        await house.hear(SMALL_TALK[number % 10], chat=f"{1 + number % 3}栋群", user=f"客{number % 7}")
    assert await house.rows() == before
    assert await house.see(lambda tx: tx.scalar(select(func.count()).select_from(lanes.Inbox))) == 0


async def test_a_turn_that_finds_nothing_to_do_leaves_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(turn: Turn, incoming: Incoming) -> None:
        _echo(turn, incoming)
        raise Silence

    before = await house.rows()
    house.then(monkeypatch, silent)
    await house.hear("whatever")
    assert await house.rows() == before


async def test_a_refusal_is_an_effect_too(house: House) -> None:
    await house.hear("查 99", private=True)
    rows = await house.rows()
    assert (rows["inbox"], rows["outbox"], rows["ticket"]) == (1, 1, 0)
