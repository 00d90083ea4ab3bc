"""The clock of a ticket: one warning, one level at a time, whatever happens to the clock or to who ticks."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from domain.guess import Guess
from domain.messages import Address
from domain.people import Body, Level, Person, Place, Role
from domain.rules import Rules
from domain.tickets import Outcome, Status, Ticket
from services import clock, ticket_clock, ticket_endings, ticket_limits, ticket_steps, ticket_work
from services import tickets as services
from services.turn import Turn
from storage import people, places, ticket_bodies, tickets
from storage.audit import Audit
from storage.database import Database, Tx, open_database
from storage.outbox import Outbox
from storage.timers import TimerRow

BOT, RULES = "bot", Rules()
ZONE = ZoneInfo("Asia/Shanghai")
MONDAY = datetime(2026, 11, 23, 10, tzinfo=ZONE)
LEVELS = {5: "household", 4: "group", 3: "branch", 2: "community", 1: "street"}


def at(day: int, hour: int = 10, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=ZONE)


def turn_at(tx: Tx, now: datetime) -> Turn:
    return Turn(tx, BOT, f"u:{now.isoformat()}", now, RULES)


@dataclass(slots=True)
class Town:
    """A building with all five levels; every body has one officer, called like it, unless it is vacant."""

    database: Database
    bodies: dict[int, Body]
    place: Place

    async def report(self, now: datetime = MONDAY, *, urgent: bool = False, what: str = "dirt") -> Ticket:
        """A neighbour's complaint, which the lowest level gets."""
        lowest = self.bodies[5].id
        danger = "fire" if urgent else ""
        guess = Guess(True, "complaint", "sanitation", 0.9, "other", urgent, (), danger=danger, summary=what)

        def open_one(tx: Tx) -> Ticket:
            turn = turn_at(tx, now)
            neighbour = people.find_person(tx, BOT, "neighbour")
            assert neighbour
            said: dict[str, Any] = {"place": self.place, "address": Address("group chat"), "texts": ("x",)}
            opened = services.report(turn, neighbour, guess, **said).ticket
            tickets.change(tx, opened.id, body_id=lowest)
            turn.flush()
            return replace(opened, body_id=lowest)

        return await self.database.run(open_one)

    async def act(self, now: datetime, work: Callable[[Turn, Person, Ticket], object], by: str = "household") -> None:
        """Something that a person does to the one ticket."""

        def run(tx: Tx) -> None:
            turn = turn_at(tx, now)
            person = people.find_person(tx, BOT, by)
            assert person
            work(turn, person, tickets.get(tx, 1))
            turn.flush()

        await self.database.run(run)

    async def tick(self, now: datetime) -> None:
        """All that is due at this moment, as some seconds of ticking do it."""
        for _ in range(8):
            if not await self.database.run(clock.tick, now, RULES):
                return
        raise AssertionError("the clock does not come to rest")

    async def pass_time(self, until: datetime, since: datetime, *, every: timedelta = timedelta(hours=1)) -> None:
        now = since
        while now < until:
            now = min(now + every, until)
            await self.tick(now)

    async def ticket(self) -> Ticket:
        return await self.database.read(lambda tx: tickets.get(tx, 1))

    async def history(self, *actions: str) -> list[tuple[str, str, dict[str, Any]]]:
        """(action, local day and hour, data) of the audit."""

        def read(tx: Tx) -> list[Any]:
            rows = tx.execute(select(Audit.action, Audit.at, Audit.data).order_by(Audit.id)).all()
            return [(row[0], f"{row[1].astimezone(ZONE):%d %H:%M}", row[2]) for row in rows if row[0] in actions]

        return await self.database.read(read)

    async def hops(self) -> list[tuple[str, str]]:
        """(when, to which level) of every hop; each is checked to be the next one."""
        found = await self.history("escalated")
        assert [data["hop"] for _, _, data in found] == list(range(1, len(found) + 1))
        levels = {body.id: int(level) for level, body in self.bodies.items()}
        return [(when, LEVELS[levels[data["body"]]]) for _, when, data in found]

    async def told(self, chat: str) -> list[str]:
        def read(tx: Tx) -> list[str]:
            found = tx.execute(select(Outbox.message).where(Outbox.chat_id == chat).order_by(Outbox.id)).all()
            return [row[0]["text"] for row in found]

        return await self.database.read(read)

    async def timers(self) -> set[str]:
        """The kinds of timers that are set."""
        return await self.database.read(lambda tx: {row[0] for row in tx.execute(select(TimerRow.kind)).all()})

    async def timer(self) -> str:
        def read(tx: Tx) -> str:
            row = tx.execute(select(TimerRow.due_at, TimerRow.data).where(TimerRow.kind == ticket_limits.DUE)).first()
            return f"{row[1]['step']} {row[0].astimezone(ZONE):%d %H:%M}" if row else ""

        return await self.database.read(read)


def build(tx: Tx, vacant: frozenset[int] = frozenset()) -> tuple[dict[int, Body], Place]:
    compound = places.add_compound(tx, "compound")
    building = places.add_building(tx, compound, "3")
    place = Place(compound, building, building="3")
    bodies: dict[int, Body] = {}
    for level in (1, 2, 3, 4, 5):
        of = compound if level > 2 else None
        at_building = building if level == 4 else None
        parent = bodies.get(level - 1)
        body = people.add_body(tx, Level(level), LEVELS[level], parent=parent, compound_id=of, building_id=at_building)
        bodies[level] = body
        if level not in vacant:
            officer = people.add_person(tx, LEVELS[level])
            people.add_identity(tx, BOT, LEVELS[level], officer)
            people.add_post(tx, officer, body.id, Role.HEAD)
    places.bind_chat(tx, bot_id=BOT, chat_id="group chat", title="3", place=place)
    neighbour = people.add_person(tx, "neighbour")
    people.add_identity(tx, BOT, "neighbour", neighbour)
    return bodies, place


@pytest.fixture
async def town(database: Database, request: pytest.FixtureRequest) -> Town:
    vacant = frozenset(getattr(request, "param", ()))
    return Town(database, *await database.run(build, vacant))


def accept(turn: Turn, person: Person, ticket: Ticket) -> None:
    ticket_work.accept(turn, person, ticket)


def contacted(turn: Turn, person: Person, ticket: Ticket) -> None:
    ticket_work.contacted(turn, person, ticket, note="")


def finish(turn: Turn, person: Person, ticket: Ticket) -> None:
    ticket_work.finish(turn, person, ticket, note="done")


def ask(turn: Turn, person: Person, ticket: Ticket) -> None:
    ticket_work.ask(turn, person, ticket, question="where")


def shelve(turn: Turn, person: Person, ticket: Ticket) -> None:
    ticket_work.shelve(turn, person, ticket, day=date(2026, 11, 27), reason="funds")


def heard(turn: Turn, person: Person, ticket: Ticket) -> None:
    ticket_work.heard(turn, person, ticket, "there")


def unsolved(turn: Turn, person: Person, ticket: Ticket) -> None:
    ticket_endings.answer(turn, person, ticket, Outcome.UNSOLVED)


async def test_a_warning_and_then_one_level_at_a_time(town: Town) -> None:
    await town.report()
    assert await town.timer() == "remind 24 07:30", "four hours before it is night: when the day begins"
    await town.pass_time(at(30, 12), MONDAY)
    assert await town.hops() == [
        ("24 10:00", "group"),
        ("25 10:00", "branch"),
        ("26 10:00", "community"),
        ("27 10:00", "street"),
    ]
    ticket = await town.ticket()
    assert (ticket.hops, ticket.overseer_id, ticket.body_id) == (4, town.bodies[1].id, town.bodies[5].id)
    news = [text for text in await town.told("neighbour") if "一起办" in text]
    for level in ("group", "branch", "community", "street"):
        assert any("#1" in text for text in await town.told(level)), level
    assert len(news) == 4, "each hop is told to the resident"


async def test_the_warning_comes_four_hours_before_and_once(town: Town) -> None:
    await town.report(at(23, 15))
    assert await town.timer() == "remind 24 11:00"
    await town.pass_time(at(24, 14, 59), at(23, 15))
    assert [when for _, when, _ in await town.history("reminded")] == ["24 11:00"]
    assert await town.hops() == []
    assert any("#1" in text for text in await town.told("household"))
    await town.pass_time(at(24, 16), at(24, 14))
    assert await town.hops() == [("24 15:00", "group")]
    assert len(await town.history("reminded")) == 1


async def test_no_warning_and_no_hop_at_night(town: Town) -> None:
    await town.report(at(23, 9))  # four hours before the limit it is still quiet
    assert await town.timer() == "remind 24 07:30"
    await town.pass_time(at(24, 3), at(23, 9))

    def late(tx: Tx) -> None:
        tickets.change(tx, 1, respond_by=at(24, 2))
        ticket_limits.start(turn_at(tx, at(24, 3)), tickets.get(tx, 1))

    await town.database.run(late)
    await town.pass_time(at(24, 7, 29), at(24, 3))
    assert await town.hops() == []
    await town.tick(at(24, 7, 30))
    assert await town.hops() == [("24 07:30", "group")]


async def test_an_outage_that_ends_at_night_wakes_nobody(town: Town) -> None:
    await town.report(at(23, 15))
    await town.tick(at(26, 2))
    assert (await town.hops(), await town.history("reminded")) == ([], [])
    await town.tick(at(26, 7, 30))
    assert await town.hops() == [("26 07:30", "group")]


@pytest.mark.parametrize("town", [(3,), (4, 3), (1,), (1, 2, 3, 4)], indirect=True, ids=str)
async def test_vacant_levels_are_passed_over_and_noted(town: Town, request: pytest.FixtureRequest) -> None:
    vacant = set(request.node.callspec.params["town"])
    await town.report()
    await town.pass_time(at(30, 12), MONDAY)
    filled = [level for level in (4, 3, 2, 1) if level not in vacant]
    assert [level for _, level in await town.hops()] == [LEVELS[level] for level in filled]
    passed = [body for _, _, data in await town.history("escalated") for body in data.get("passed", [])]
    top = min(filled, default=5)
    assert passed == [town.bodies[level].id for level in (4, 3, 2, 1) if level in vacant and level > top]


async def test_a_party_is_passed_over(town: Town) -> None:
    await town.report()
    await town.act(MONDAY, lambda turn, _, ticket: ticket_bodies.bar(turn.tx, ticket.id, body_id=town.bodies[4].id))
    await town.pass_time(at(25, 12), MONDAY)
    assert await town.hops() == [("24 10:00", "branch"), ("25 10:00", "community")]
    assert not any("#1" in text for text in (await town.told("group"))[1:]), "but for the first post nothing"


async def test_a_long_outage_is_one_hop(town: Town) -> None:
    await town.report(at(10))
    await town.tick(at(20))
    assert await town.hops() == [("20 10:00", "group")]
    await town.pass_time(at(23, 9), at(20), every=timedelta(minutes=30))
    assert len(await town.hops()) == 1, "the next level only after a working day"
    await town.pass_time(at(23, 11), at(23, 9))
    assert await town.hops() == [("20 10:00", "group"), ("23 10:00", "branch")]


async def test_a_clock_that_jumps_a_week_and_back(town: Town) -> None:
    await town.report()
    await town.tick(at(30))
    await town.tick(at(30, 10, 1))
    assert await town.hops() == [("30 10:00", "group")]
    await town.pass_time(at(30, 9), MONDAY, every=timedelta(hours=3))  # it was put back, and the week goes by again
    assert len(await town.hops()) == 1
    await town.tick(at(30, 12))
    assert len(await town.hops()) == 1
    await town.tick(datetime(2026, 12, 1, 10, tzinfo=ZONE))
    assert [level for _, level in await town.hops()] == ["group", "branch"]


async def test_who_takes_a_late_ticket_has_its_time(town: Town) -> None:
    """Accepting and contacting after the response limit stop that clock; the one of the resolution runs."""
    await town.report()
    await town.pass_time(at(24, 11), MONDAY)
    assert await town.timer() == "hop 25 10:00"
    await town.act(at(24, 12), accept)
    assert await town.timer() == "remind 30 07:30"
    await town.pass_time(at(30, 9), at(24, 12), every=timedelta(hours=3))
    assert len(await town.hops()) == 1
    await town.tick(at(30))
    assert [level for _, level in await town.hops()] == ["group", "branch"]
    before = await town.timer()
    await town.act(at(30, 12), contacted)
    assert await town.timer() == before, "a word to the reporter neither calls the next level at once nor puts it off"
    await town.tick(at(30, 12, 1))
    assert len(await town.hops()) == 2


async def test_a_question_to_the_reporter_stops_the_clock(town: Town) -> None:
    await town.report()
    await town.act(at(23, 12), accept)
    await town.act(at(27, 16), ask)
    assert await town.timer() == ""
    await town.pass_time(datetime(2026, 12, 2, 16, tzinfo=ZONE), at(27, 16), every=timedelta(hours=6))
    assert await town.hops() == []
    await town.act(datetime(2026, 12, 2, 16, tzinfo=ZONE), heard, by="neighbour")
    ticket = await town.ticket()
    assert ticket.resolve_by == datetime(2026, 12, 5, 10, tzinfo=ZONE), "later by the five days it stood"
    assert await town.timer() == "remind 05 07:30"


async def test_a_shelved_ticket_that_is_taken_runs_again(town: Town) -> None:
    await town.report()
    await town.act(at(23, 12), shelve)
    assert await town.timers() == {ticket_limits.REVIEW}
    await town.act(at(24, 12), accept)
    ticket = await town.ticket()
    assert (ticket.paused_at, ticket.review_at, ticket.resolve_by) == (None, None, at(30, 10) + timedelta(days=1))
    assert await town.timers() == {ticket_limits.DUE, ticket_clock.PROMISE}
    await town.pass_time(datetime(2026, 12, 1, 11, tzinfo=ZONE), at(24, 12), every=timedelta(hours=6))
    assert [level for _, level in await town.hops()] == ["group"]


async def test_on_its_day_a_shelved_ticket_is_asked_for_and_runs_again(town: Town) -> None:
    await town.report()
    await town.act(at(23, 12), shelve)
    await town.pass_time(at(27, 9), at(23, 12), every=timedelta(hours=3))
    ticket = await town.ticket()
    assert (ticket.status, ticket.paused_at, ticket.accepted_by) == (Status.OPEN, None, None)
    assert ticket.respond_by == at(28, 9), "a day to answer, from the day it was looked at again"
    assert await town.timers() == {ticket_limits.DUE, ticket_clock.PROMISE}
    await town.pass_time(at(28, 10), at(27, 9))
    assert await town.hops() == [("28 09:00", "group")]


async def test_a_ticket_moved_above_its_overseer_goes_on_from_there(town: Town) -> None:
    await town.report()
    await town.tick(at(24, 10))
    await town.act(at(24, 12), lambda turn, _, ticket: tickets.change(turn.tx, ticket.id, body_id=town.bodies[2].id))
    await town.pass_time(at(26), at(24, 12))
    assert await town.hops() == [("24 10:00", "group"), ("25 10:00", "street")]


async def test_an_extension_moves_it_once(town: Town) -> None:
    await town.report()
    await town.act(at(23, 12), accept)
    until = date(2026, 12, 4)
    await town.act(at(24), lambda turn, who, each: ticket_work.extend(turn, who, each, day=until, reason="part"))
    assert await town.timer() == "remind 04 16:00"
    await town.pass_time(datetime(2026, 12, 4, 19, tzinfo=ZONE), at(24), every=timedelta(hours=6))
    assert await town.hops() == []
    await town.tick(datetime(2026, 12, 4, 20, tzinfo=ZONE))
    assert [level for _, level in await town.hops()] == ["group"]


async def test_a_reopened_ticket_starts_anew(town: Town) -> None:
    await town.report()
    await town.act(at(23, 12), accept)
    await town.act(at(23, 13), contacted)
    await town.act(at(25), finish)
    assert await town.timer() == ""
    await town.pass_time(at(27), at(25), every=timedelta(hours=6))
    await town.act(at(27, 15), unsolved, by="neighbour")
    ticket = await town.ticket()
    assert (ticket.status, ticket.hops, ticket.respond_by) == (Status.OPEN, 0, at(28, 15))
    assert ticket.contacted_at is None, "who has it speaks with the reporter anew"
    assert await town.timer() == "remind 28 11:00"
    await town.tick(at(28, 15))
    assert [level for _, level in await town.hops()] == ["group"]


async def test_an_urgent_ticket_goes_up_every_half_hour_and_at_night(town: Town) -> None:
    await town.report(at(23, 23), urgent=True)
    await town.pass_time(at(24, 2), at(23, 23), every=timedelta(minutes=5))
    assert [when for when, _ in await town.hops()] == ["23 23:30", "24 00:00", "24 00:30", "24 01:00"]


async def test_passed_up_by_a_person_before_its_limit(town: Town) -> None:
    """An early hop leaves the limit where it is; at the limit the level after it is called."""
    await town.report(at(23, 15))

    def up(turn: Turn, person: Person, ticket: Ticket) -> None:
        ticket_limits.escalate(turn, ticket_steps.lock(turn, ticket.id), by=person.id)

    await town.act(at(23, 16), up)
    assert await town.timer() == "remind 24 11:00"
    await town.pass_time(at(24, 16), at(23, 16))
    assert await town.hops() == [("23 16:00", "group"), ("24 15:00", "branch")]


async def test_ten_who_tick_at_once_are_one_clock(town: Town, database_url: str) -> None:
    """Ten connections of their own, each in its own thread, tick at the same moments."""
    for number in range(6):
        await town.report(MONDAY + timedelta(minutes=number), what=f"dirt {number}")
    moments = [at(24, 11), at(25, 11), at(25, 12), at(26, 12), at(27, 13), at(30, 14)]

    async def ticking() -> None:
        async with open_database(database_url) as mine:
            for moment in moments:
                for _ in range(3):
                    await mine.run(clock.tick, moment, RULES)

    with ThreadPoolExecutor(10) as threads:
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.run_in_executor(threads, asyncio.run, ticking()) for _ in range(10)))

    def check(tx: Tx) -> None:
        rows = tx.execute(select(Audit.subject_id, Audit.at, Audit.data).where(Audit.action == "escalated")).all()
        found = tickets.all_tickets(tx)
        assert len(found) == 6
        for ticket in found:
            mine = sorted((row[2]["hop"], row[1], row[2]["body"]) for row in rows if row[0] == ticket.id)
            assert [hop for hop, _, _ in mine] == [1, 2, 3, 4]
            assert [body for *_, body in mine] == [town.bodies[level].id for level in (4, 3, 2, 1)]
            assert ticket.hops == 4
            days = [when.astimezone(ZONE).day for _, when, _ in mine]
            assert days == sorted(set(days)), "never two levels in one working day"

    await town.database.read(check)
