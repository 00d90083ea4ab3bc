"""Around a report, on both databases: urged once however many ask, a night in one message, no table read whole."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, event

from bot.demo import build
from bot.play import BOT
from domain.guess import Guess
from domain.messages import Address, Event, Happening
from domain.people import Person
from domain.rules import Rules
from domain.tickets import Status, Ticket
from services import clock, known, ticket_intake, tickets
from services.turn import Turn
from storage import conversations, lanes, people, ticket_reports
from storage import tickets as rows
from storage.database import Database, Tx

ZONE = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=ZONE)
RULES = Rules()
LAMP = Guess(True, "complaint", "power", 0.9, "property", False, (), "", "楼道灯", "楼道灯不亮")
DRAIN = Guess(True, "complaint", "water", 0.9, "house", False, (), "", "下水道", "下水道堵了")


@pytest.fixture
async def demo(database: Database) -> Database:
    await database.run(build, BOT)
    return database


def turn(tx: Tx, at: datetime = NOON) -> Turn:
    return Turn(tx, BOT, f"u:{at.isoformat()}", at, RULES)


def person(tx: Tx, name: str) -> Person:
    found = people.find_person(tx, BOT, name)
    assert found is not None
    return found


def report(
    tx: Tx, guess: Guess = LAMP, *, name: str = "王阿姨", at: datetime = NOON, personal: bool = False
) -> tuple[Ticket, list[str]]:
    """Also the chats that hear of it."""
    now, who = turn(tx, at), person(tx, name)
    assert who.place
    said: dict[str, Any] = {"address": Address("3栋群"), "texts": ("502的灯又不亮",)}
    opened = tickets.report(now, who, guess, place=who.place, discreet=personal, personal=personal, **said)
    assert opened.held is personal
    told = [message.to.chat for _, message, _ in now.said]
    now.flush()
    return opened.ticket, told


async def test_urged_once_a_day_however_many_ask_at_once(demo: Database) -> None:
    ticket, _ = await demo.run(report)

    def urge(tx: Tx, at: datetime) -> bool:
        return ticket_intake.urge(turn(tx, at), person(tx, "王阿姨"), ticket)

    assert sorted(await asyncio.gather(*(demo.run(urge, NOON) for _ in range(8)))) == [False] * 7 + [True]
    assert not await demo.run(urge, NOON + timedelta(hours=23))
    assert await demo.run(urge, NOON + timedelta(hours=25))


async def test_urged_at_night_the_handler_hears_in_the_morning(demo: Database) -> None:
    def play(tx: Tx) -> None:
        ticket, _ = report(tx)
        now = turn(tx, NOON + timedelta(hours=11))
        assert ticket_intake.urge(now, person(tx, "王阿姨"), ticket)
        assert [(message.to.chat, due) for _, message, due in now.said] == [("老刘", NOON + timedelta(hours=19.5))]

    await demo.run(play)


async def test_a_night_is_one_message_and_no_night_comes_twice(demo: Database) -> None:
    def play(tx: Tx) -> None:
        night = NOON + timedelta(hours=12)
        first, told = report(tx, at=night)
        second, _ = report(tx, DRAIN, name="小赵", at=night)
        assert told == []
        clock.tick(tx, NOON + timedelta(hours=19, minutes=29), RULES)
        now = turn(tx, NOON + timedelta(hours=19.5))
        ticket_intake.due_morning(now, {"body": first.body_id})
        (message,) = [message for _, message, _ in now.said]
        assert message.text.count(f"#{first.number} ") == 1 == message.text.count(f"#{second.number} ")
        rows.change(tx, first.id, status=Status.WITHDRAWN.value)
        now = turn(tx, NOON + timedelta(hours=19.5))
        ticket_intake.due_morning(now, {"body": first.body_id})
        assert [message.text.startswith(f"#{second.number} ") for _, message, _ in now.said] == [True]
        later = turn(tx, NOON + timedelta(hours=43.5))
        ticket_intake.due_morning(later, {"body": first.body_id})
        assert later.said == []

    await demo.run(play)


async def test_who_is_named_is_heard_of_later_or_by_the_community_alone(demo: Database) -> None:
    def play(tx: Tx) -> None:
        ticket, told = report(tx, personal=True)
        assert told == []
        now = turn(tx, NOON + timedelta(minutes=1))
        moved = ticket_intake.pass_by(now, person(tx, "王阿姨"), ticket)
        assert [message.to.chat for _, message, _ in now.said] == ["社区群"]
        again = turn(tx, NOON + timedelta(minutes=2))
        ticket_intake.stand(again, moved)
        assert again.said == []
        clock.tick(tx, NOON + timedelta(hours=1), RULES)
        other, _ = report(tx, DRAIN, name="小赵", personal=True)
        assert ticket_intake.is_held(turn(tx), other)
        clock.tick(tx, NOON + timedelta(minutes=10), RULES)
        assert not ticket_intake.is_held(turn(tx), other)

    await demo.run(play)


async def test_a_recall_takes_only_its_own_writers_words_of_the_last_minutes(demo: Database) -> None:
    def play(tx: Tx) -> None:
        ticket, _ = report(tx)
        tickets.join(turn(tx), person(tx, "小赵"), ticket.id, address=Address("3栋群"), texts=("我家也是",))
        lanes.first_sight(tx, bot_id=BOT, update_id="m1", now=NOON)

        def recall(message: str, at: datetime = NOON, chat: str = "3栋群") -> bool:
            what = Event(BOT, f"r{message}", Happening.RECALLED, at, Address(chat), f"王阿姨 {message}")
            ticket_intake.recalled(turn(tx, at), what)
            return conversations.is_open(tx, BOT, "王阿姨", "王阿姨", at)

        assert not recall("m0"), "plain chat leaves no row"
        assert not recall("m1", chat="5栋群")
        assert not recall("m1", NOON + timedelta(hours=1))
        assert len(ticket_reports.texts(tx, ticket.id)) == 2
        assert recall("m1", NOON + timedelta(minutes=1))
        assert ticket_reports.texts(tx, ticket.id) == ["我家也是"]

    await demo.run(play)


async def test_no_table_is_read_whole(demo: Database) -> None:
    heard: list[tuple[str, Any]] = []

    def note(_tx: object, _cursor: object, sql: str, parameters: Any, _context: object, many: bool) -> None:
        if not many and sql.split(maxsplit=1)[0] in {"SELECT", "UPDATE", "DELETE"}:
            heard.append((sql, parameters))

    def play(tx: Tx) -> list[str]:
        ticket, _ = report(tx)
        who, place = person(tx, "王阿姨"), person(tx, "王阿姨").place
        assert place
        event.listen(Engine, "before_cursor_execute", note)
        try:
            ticket_intake.stairways(turn(tx), ticket)
            ticket_intake.urge(turn(tx), who, ticket)
            ticket_intake.due_morning(turn(tx), {"body": ticket.body_id})
            known.find(turn(tx), place, "water")
        finally:
            event.remove(Engine, "before_cursor_execute", note)
            Engine._has_events = False
        if demo.dialect == "postgresql":
            tx.exec_driver_sql("SET LOCAL enable_seqscan = off")
        explain = "EXPLAIN QUERY PLAN " if demo.dialect == "sqlite" else "EXPLAIN "
        return [str(row[-1]).strip() for sql, values in heard for row in tx.exec_driver_sql(explain + sql, values)]

    plans = await demo.run(play)
    tables = ("ticket", "audit", "known_matter", "unit", "ticket_text")
    whole = [
        line
        for line in plans
        if any(f"Seq Scan on {table} " in line or line.startswith(f"SCAN {table}") for table in tables)
    ]
    assert whole == []
    for index in ("ix_ticket_body", "ix_known_matter_compound_id", "ix_audit_subject", "ix_unit_building_id"):
        assert any(index in line for line in plans), index
