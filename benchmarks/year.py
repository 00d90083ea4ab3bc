"""A year of tickets in a city of 485 compounds, under a simulated clock: is each at its right level, and how fast?

Neighbours report, join and answer; handlers are quick, slow or silent; the real services and the real tick do the rest.
At the end of each month an independent checker replays all audit rows (tests/support/ticket_checker.py), and pandas
finds the three rates in the exported workbook. The last days are recorded on a copy and played by the raw driver beside
the house: the same rows in as many commits.
"""

import argparse
import asyncio
import copy
import heapq
import io
import logging
import random
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import chain, pairwise
from pathlib import Path
from statistics import median
from typing import Any

import asyncpg
import pandas  # type: ignore[import-untyped]
from sqlalchemy import bindparam, or_, select

from benchmarks import growth
from benchmarks.growth import BOT, BUILDINGS, HOMES, PEOPLE, Rows
from benchmarks.support import NotMeasurable, RawSqlite, Statement, Tape, disk_of, own_folder, plain_url, postgres
from bot import figure_sheets
from domain import figures
from domain.errors import Refusal
from domain.guess import Guess
from domain.messages import Address
from domain.people import Person, Place, Role
from domain.promises import quiet_end
from domain.rules import Rules
from domain.tickets import ENDED, Outcome, Status
from services import clock, conversations, ticket_endings, ticket_figures, ticket_work
from services import tickets as services
from services.turn import Turn
from storage import people, tickets
from storage.audit import Audit
from storage.database import Database, SqliteDatabase, Tx, open_database
from storage.migrate import upgrade
from storage.ticket_reports import Report
from storage.tickets import TicketRow as Row
from tests.support import ticket_checker
from texts import say

BAR = 0.3
RULES = Rules()
ZONE = RULES.zone
START = datetime(2026, 1, 1, tzinfo=ZONE)
SLOT = timedelta(minutes=10)  # a tick every so often; all that people do in between comes before it
MOVED_ON = ("opened", "escalated", "reviewed", "reopened")  # after these a handler thinks about what to do

# Of 100 tickets. Property companies 20 to 24 (12345 of a district of Siping, 2025); noise, appearance of the city,
# traffic and property are the next most (Yinchuan 2019), with daily services and illegal building (Taizhou 2018). The
# order is theirs, the single numbers below the first are set by hand.
SHARES = {
    **{"property": 22, "noise": 12, "sanitation": 10, "parking": 10, "water": 8, "house": 7, "power": 5, "illegal": 5},
    **{"lift": 4, "security": 4, "greenery": 3, "fire": 3, "gas": 2, "renovation": 2, "welfare": 1, "other": 2},
}
KINDS = {"complaint": 88, "question": 8, "suggestion": 4}
DANGERS = {"lift": "trapped", "gas": "gas", "fire": "fire"}
OUTCOMES = {Outcome.SATISFIED: 68, Outcome.FAIR: 16, Outcome.UNSATISFIED: 8, Outcome.UNSOLVED: 8}
WAYS = {"quick": 62, "slow": 23, "silent": 15}  # of those in office


# --- the town -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class City:
    """growth.town() with people in all offices, but for some vacant branches."""

    compounds: int
    seed: int

    def branch(self, each: int) -> int:
        return 3 + each * (BUILDINGS + 2)

    def vacant(self) -> frozenset[int]:
        chosen = random.Random(self.seed)
        return frozenset(self.branch(each) for each in range(self.compounds) if chosen.random() < 0.1)

    def officers(self) -> dict[int, int]:
        """body → the person who acts for it."""
        found = {1: self.compounds * PEOPLE + 1, 2: self.compounds * PEOPLE + 2}
        vacant = self.vacant()
        for each in range(self.compounds):
            branch, first = self.branch(each), each * PEOPLE
            if branch not in vacant:
                found[branch] = first + BUILDINGS + 1
            found[branch + 1] = first + BUILDINGS + 2
            found |= {branch + 1 + number: first + number for number in range(1, BUILDINGS + 1)}
        return found

    def rows(self) -> dict[str, Rows]:
        rows = growth.town(self.compounds)
        for body, officer in self.officers().items():
            if body <= 2:
                rows["person (id, name, outsider)"].append((officer, f"person {officer}", True))
                rows["identity (bot_id, user_id, person_id)"].append((BOT, f"user{officer}", officer))
            if (officer - 1) % PEOPLE >= BUILDINGS or body <= 2:  # the heads of the buildings are there already
                rows["post (person_id, body_id, role)"].append((officer, body, Role.SECRETARY.value))
        return rows

    def tree(self) -> ticket_checker.Tree:
        parents: dict[int, int | None] = {1: None, 2: 1}
        for each in range(self.compounds):
            branch = self.branch(each)
            parents[branch] = 2
            parents |= dict.fromkeys(range(branch + 1, branch + 2 + BUILDINGS), branch)
        return ticket_checker.Tree(parents, self.vacant())


_new_rows = (
    select(Audit.id, Audit.subject_id, Audit.action, Audit.data)
    .where(Audit.id > bindparam("after"), Audit.subject == "ticket", or_(*(Audit.action == act for act in MOVED_ON)))
    .order_by(Audit.id)
)
_history = (
    select(Audit.id, Audit.subject_id, Audit.at, Audit.action, Audit.data, Audit.actor_id)
    .where(Audit.id > bindparam("after"), Audit.subject == "ticket")
    .order_by(Audit.id)
)
_matters = select(Row.id, Row.kind, Row.urgent, Row.status, Row.hops, Row.overseer_id).order_by(Row.id)
_voices = select(Report.person_id).where(Report.ticket_id == bindparam("ticket")).order_by(Report.id)


# --- what people do -------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Life:
    """The script: who does what when, on one chance. Copied whole, it tells the same story again."""

    city: City
    chance: random.Random
    ways: dict[int, str]
    officers: dict[int, int]
    waiting: list[tuple[datetime, int, str, dict[str, Any]]] = field(default_factory=list)
    count: int = 0
    bodies: dict[int, int] = field(default_factory=dict)  # whose each ticket is
    seen: int = 0  # the last audit row thought about
    granted: dict[int, datetime] = field(default_factory=dict)
    reviews: dict[int, datetime] = field(default_factory=dict)
    done: Counter[str] = field(default_factory=Counter)

    @classmethod
    def begin(cls, city: City, seed: int) -> "Life":
        chance = random.Random(seed)
        officers = city.officers()
        ways = {body: _pick(chance, WAYS) for body in officers}
        return cls(city, chance, ways | {1: "quick"}, officers)

    def plan(self, at: datetime, what: str, *, by_day: bool = True, **about: Any) -> None:
        self.count += 1
        at = quiet_end(at, RULES) + timedelta(minutes=self.chance.random() * 30) if by_day else at
        heapq.heappush(self.waiting, (at, self.count, what, about))

    def month(self, first: datetime, last: datetime, reports: int) -> None:
        """All reports of a month, most of them by day."""
        for _ in range(reports):
            day = first + timedelta(days=self.chance.randrange((last - first).days))
            hour = self.chance.triangular(6, 23.9, 18) if self.chance.random() < 0.94 else self.chance.random() * 6
            self.plan(day + timedelta(hours=hour), "report", by_day=False, matter=self._matter())

    def _matter(self) -> dict[str, Any]:
        category = _pick(self.chance, SHARES)
        each, building = self.chance.randrange(self.city.compounds), self.chance.randrange(BUILDINGS)
        urgent = category in DANGERS and self.chance.random() < 0.12
        what = f"{category} {self.chance.randrange(60)}"
        return {"each": each, "building": building, "category": category, "urgent": urgent, "what": what} | {
            "kind": _pick(self.chance, KINDS)
        }

    def until(self, end: datetime) -> Iterator[tuple[datetime, str, dict[str, Any]]]:
        while self.waiting and self.waiting[0][0] <= end:
            at, _, what, about = heapq.heappop(self.waiting)
            yield at, what, about

    def think(self, now: datetime, rows: Iterable[tuple[int, int, str, dict[str, Any]]]) -> None:
        """What whoever has it now will do about each ticket that moved on."""
        for row, ticket, action, data in rows:
            self.seen = row
            if action == "opened":
                self.bodies[ticket] = data["body"]
            body = data.get("body", self.bodies[ticket])
            way = self.ways.get(body, "silent")
            if way == "silent" and not (action == "escalated" and self.chance.random() < 0.4):
                continue
            self._handle(now, ticket, body, way)

    def _handle(self, now: datetime, ticket: int, body: int, way: str) -> None:
        chance, slow = self.chance, 8.0 if way == "slow" else 1.0
        about: dict[str, Any] = {"ticket": ticket, "body": body}
        at = now + timedelta(hours=chance.expovariate(1 / 4) * slow)
        self.plan(at, "accept", **about)
        if chance.random() < 0.85:
            at += timedelta(hours=chance.expovariate(1 / 3) * slow)
            self.plan(at, "contacted", **about)
        odd = chance.random()
        if odd < 0.05:
            self.plan(at + timedelta(hours=2), "ask", **about)
            if chance.random() < 0.8:
                self.plan(at + timedelta(hours=2 + chance.expovariate(1 / 20)), "heard", **about)
            at += timedelta(days=4)
        elif odd < 0.10:
            self.plan(at + timedelta(hours=2), "extend", **about)
            at += timedelta(days=2)
        elif odd < 0.13:
            self.plan(at + timedelta(hours=2), "shelve", **about)
            return
        elif odd < 0.14:
            self.plan(at + timedelta(hours=2), "withdraw", **about)
        elif odd < 0.35:
            self.plan(at + timedelta(hours=5), "tell", **about)
        self.plan(at + timedelta(hours=1 + chance.expovariate(1 / 26) * slow), "finish", **about)


def _pick(chance: random.Random, shares: dict[Any, int]) -> Any:
    return chance.choices(list(shares), list(shares.values()))[0]


class Acts:
    """One transaction each; what is not possible any more is refused, as it is to people."""

    def __init__(self, life: Life) -> None:
        self.life = life

    def do(self, tx: Tx, at: datetime, cause: str, what: str, about: dict[str, Any]) -> str:
        turn = Turn(tx, BOT, cause, at, RULES)
        try:
            with tx.begin_nested():
                what = getattr(self, what)(turn, **about) or what
                turn.flush()
        except Refusal:
            return "refused"
        return what

    def report(self, turn: Turn, matter: dict[str, Any]) -> str:
        building = matter["each"] * BUILDINGS + matter["building"] + 1
        place = Place(matter["each"] + 1, building, building=f"{matter['building'] + 1}")
        home = matter["building"] * (HOMES // BUILDINGS) + self.life.chance.randrange(HOMES // BUILDINGS)
        user = f"user{matter['each'] * PEOPLE + (home or HOMES)}"
        danger = DANGERS.get(matter["category"], "") if matter["urgent"] else ""
        guess = Guess(
            *(True, matter["kind"], matter["category"], 0.9, "other", matter["urgent"], ()),
            danger=danger,
            summary=matter["what"],
        )
        address, texts = Address(f"chat{building}"), (matter["what"],)
        found = services.report(turn, self._person(turn, user), guess, place=place, address=address, texts=texts)
        if found.opened and self.life.chance.random() < 0.12:
            self.life.plan(turn.now + timedelta(hours=self.life.chance.random() * 30), "report", matter=matter)
        return "report" if found.opened else "join"

    def accept(self, turn: Turn, ticket: int, body: int) -> None:
        ticket_work.accept(turn, self._officer(turn, body), tickets.get(turn.tx, ticket))

    def contacted(self, turn: Turn, ticket: int, body: int) -> None:
        ticket_work.contacted(turn, self._officer(turn, body), tickets.get(turn.tx, ticket), note="")

    def tell(self, turn: Turn, ticket: int, body: int) -> None:
        ticket_work.tell(turn, self._officer(turn, body), tickets.get(turn.tx, ticket), note="part ordered")

    def ask(self, turn: Turn, ticket: int, body: int) -> None:
        ticket_work.ask(turn, self._officer(turn, body), tickets.get(turn.tx, ticket), question="which door?")

    def heard(self, turn: Turn, ticket: int, body: int) -> None:
        ticket_work.heard(turn, self._reporter(turn, ticket), tickets.get(turn.tx, ticket), "the left one")

    def extend(self, turn: Turn, ticket: int, body: int) -> None:
        row = tickets.get(turn.tx, ticket)
        day = ((row.resolve_by or turn.now).astimezone(ZONE) + timedelta(days=3)).date()
        found = ticket_work.extend(turn, self._officer(turn, body), row, day=day, reason="a part is missing")
        assert found.resolve_by
        self.life.granted[ticket] = datetime.combine(day, datetime.min.time(), ZONE) + timedelta(hours=20)

    def shelve(self, turn: Turn, ticket: int, body: int) -> None:
        day = turn.local.date() + timedelta(days=self.life.chance.randrange(7, 45))
        ticket_work.shelve(turn, self._officer(turn, body), tickets.get(turn.tx, ticket), day=day, reason="funds")
        self.life.reviews[ticket] = datetime.combine(day, datetime.min.time(), ZONE) + timedelta(hours=9)

    def withdraw(self, turn: Turn, ticket: int, body: int) -> None:
        services.withdraw(turn, self._reporter(turn, ticket), tickets.get(turn.tx, ticket))

    def finish(self, turn: Turn, ticket: int, body: int) -> None:
        row = tickets.get(turn.tx, ticket)
        ticket_work.finish(turn, self._officer(turn, body), row, note="repaired")
        for (number,) in turn.tx.execute(_voices, {"ticket": ticket}).all():
            if self.life.chance.random() < 0.6:
                at = turn.now + timedelta(hours=self.life.chance.expovariate(1 / 12))
                self.life.plan(at, "answer", ticket=ticket, user=f"user{number}")

    def answer(self, turn: Turn, ticket: int, user: str) -> None:
        row, outcome = tickets.get(turn.tx, ticket), _pick(self.life.chance, OUTCOMES)
        if row.status not in (Status.DONE, Status.CLOSED):
            raise Refusal("tickets.not_open", number=row.number, state="")
        ticket_endings.answer(turn, self._person(turn, user), row, outcome)
        conversations.close(turn, Address(user, private=True), user)

    def _officer(self, turn: Turn, body: int) -> Person:
        return self._person(turn, f"user{self.life.officers[body]}")

    def _reporter(self, turn: Turn, ticket: int) -> Person:
        first = turn.tx.execute(_voices, {"ticket": ticket}).all()[0]
        return self._person(turn, f"user{first[0]}")

    def _person(self, turn: Turn, user: str) -> Person:
        found = people.find_person(turn.tx, BOT, user)
        assert found, user
        return found


# --- the run --------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Year:
    """One database, the life in it, and how long the services took."""

    database: Database
    life: Life
    now: datetime = START
    events: int = 0
    seconds: float = 0.0
    said: list[tuple[str, list[Statement]]] = field(default_factory=list)  # where a tape runs
    tape: Tape | None = None

    async def days(self, end: datetime) -> None:
        while self.now < end:
            self.now += SLOT
            await self._slot()

    async def _slot(self) -> None:
        acts = Acts(self.life)
        work = [
            (
                what,
                partial(self.database.run, acts.do, at, f"y:{self.life.count}:{number}:{at.isoformat()}", what, about),
            )
            for number, (at, what, about) in enumerate(self.life.until(self.now))
        ]
        for name in await self._timed(work):
            self.life.done[name] += 1
        fired = 1
        while fired:
            fired = (await self._timed([("tick", partial(self.database.run, clock.tick, self.now, RULES))]))[0]
            self.life.done["timer"] += fired
            self.events += fired
        rows = await self.database.read(lambda tx: tx.execute(_new_rows, {"after": self.life.seen}).all())
        self.life.think(self.now, [tuple(row) for row in rows])

    async def _timed(self, work: Sequence[tuple[str, Callable[[], Any]]]) -> list[Any]:
        """All at once, as chats come in; one after another where a tape runs."""
        if self.tape:
            answers: list[Any] = []
            for what, each in work:
                answers.append(None)

                async def go(each: Callable[[], Any] = each) -> None:
                    answers[-1] = await each()

                self.said.append((what, (await self.tape.record([go]))[0]))
        else:
            begun = time.perf_counter()
            answers = await asyncio.gather(*(each() for _, each in work))
            self.seconds += time.perf_counter() - begun
        self.events += len(work) if work and work[0][0] != "tick" else 0
        return answers


@dataclass(slots=True)
class Checkpoints:
    """What the independent checker is told. Tickets that ended long ago are looked at no more."""

    tree: ticket_checker.Tree
    histories: dict[int, list[ticket_checker.Entry]] = field(default_factory=dict)
    last: int = 0

    async def look(self, year: Year) -> list[str]:
        rows, found = await year.database.read(
            lambda tx: (tx.execute(_history, {"after": self.last}).all(), tx.execute(_matters).all())
        )
        for number, ticket, at, action, data, by in rows:
            self.last = number
            self.histories.setdefault(ticket, []).append(ticket_checker.Entry(at, action, data, by))
        life, matters = year.life, []
        for row in found:
            if row.id in self.histories:
                granted = (life.granted[row.id],) if row.id in life.granted else ()
                reviews = (life.reviews[row.id],) if row.id in life.reviews else ()
                matters.append(ticket_checker.Matter(*row, granted, reviews))
        wrong = ticket_checker.check(matters, self.histories, self.tree, now=year.now, slack=SLOT)
        long_ago = year.now - timedelta(days=30)
        over = {matter.id for matter in matters if matter.status in ENDED}
        for ticket in [each for each in self.histories if each in over and self.histories[each][-1].at < long_ago]:
            del self.histories[ticket]
        states = Counter(matter.status for matter in matters)
        print(f"  {len(matters):,} tickets looked at: {len(wrong)} wrong; {dict(states.most_common())}", flush=True)
        return wrong


# --- the three rates ------------------------------------------------------------------------------------------------


async def compare_rates(year: Year, first: datetime) -> list[str]:
    """The rates of the month that has just ended, as the service counts them, beside those that pandas finds in the
    exported workbook."""
    period = figures.month(first.date(), ZONE)

    def gather(tx: Tx) -> tuple[dict[str, Any], figures.Rates]:
        turn = Turn(tx, BOT, "export", year.now, RULES)
        street = people.get_body(tx, 1)
        counts = figures.tally(ticket_figures.gather(turn, street, period).cells)
        content = ticket_figures.export(turn, street, period, by=None, who="")
        return content, figures.rates(counts, RULES.figures)

    content, rates = await year.database.run(gather)
    shown = {name: say(f"figures.answer_{name.value}") for name in Outcome}
    book = await asyncio.to_thread(figure_sheets.write, content)
    name = say("figures.sheet_tickets")
    sheet = pandas.read_excel(io.BytesIO(book), sheet_name=name, keep_default_na=False, engine="openpyxl")
    column = {name: sheet[say(f"figures.column_{name}")] for name in ("answer", "counts", "contacted_at", "respond_by")}
    valid = column["counts"].ne("") & column["answer"].isin(list(shown.values()))
    in_time = column["contacted_at"].ne("") & (column["contacted_at"] <= column["respond_by"])
    satisfied = column["answer"].eq(shown[Outcome.SATISFIED]) + 0.9 * column["answer"].eq(shown[Outcome.FAIR])
    found = {
        "response": (rates.response, in_time[valid].sum()),
        "solved": (rates.solved, column["answer"][valid].ne(shown[Outcome.UNSOLVED]).sum()),
        "satisfied": (rates.satisfied, satisfied[valid].sum()),
    }
    said = ", ".join(f"{name} {rate.part}/{rate.whole}" for name, (rate, _) in found.items())
    print(f"  {said}; pandas found the same in the {len(sheet):,} lines of the workbook?", end=" ")
    wrong = [
        f"{first:%Y-%m}: {name} {float(rate.part)}/{rate.whole}, in the workbook {part}/{valid.sum()}"
        for name, (rate, part) in found.items()
        if rate.whole != valid.sum() or abs(float(rate.part) - part) > 1e-6
    ]
    print("no" if wrong else "yes", flush=True)
    return wrong


# --- the raw driver beside it ---------------------------------------------------------------------------------------


@dataclass(slots=True)
class Beside:
    """Some days once more: the house on its database, the raw driver on a copy."""

    year: Year
    folder: Path
    rates: list[tuple[float, float]] = field(default_factory=list)  # events a second: house, raw driver
    statements: dict[str, list[int]] = field(default_factory=dict)

    async def run(self, days: int) -> None:
        copies = [self.folder / f"{name}.db" for name in ("tape", "raw")]
        for path in copies:
            await asyncio.to_thread(_copy, self.folder / "year.db", path)
        told, chunks = await self._record(copies[0], days)
        commits = _count_commits(self.year.database)
        raw = RawSqlite(copies[1])
        for chunk in chunks:
            events, seconds, before = self.year.events, self.year.seconds, commits[0]
            await self.year.days(self.year.now + timedelta(days=1))
            events, seconds = self.year.events - events, self.year.seconds - seconds
            groups = _in_groups([_writes(said) for _, said in chunk], commits[0] - before)
            begun = time.perf_counter()
            await raw.play(groups)
            self.rates.append((events / seconds, events / (time.perf_counter() - begun)))
        await raw.close()
        if (told.life.done, told.life.seen) != (self.year.life.done, self.year.life.seen):
            raise RuntimeError("the recorded days were other days")

    async def _record(self, path: Path, days: int) -> tuple[Year, list[list[tuple[str, list[Statement]]]]]:
        """The same days on a copy, statement by statement."""
        chunks, tape = [], Tape()
        async with open_database(f"sqlite:///{path}") as database:
            told = Year(database, copy.deepcopy(self.year.life), self.year.now, tape=tape)
            with tape.running():
                for _ in range(days):
                    told.said = []
                    await told.days(told.now + timedelta(days=1))
                    chunks.append(told.said)
        for what, said in (each for chunk in chunks for each in chunk):
            self.statements.setdefault(what, []).append(
                len([1 for each in said if not each[0].startswith(("SAVE", "REL"))])
            )
        return told, chunks

    def shown(self) -> list[str]:
        house, raw = (median(each) for each in zip(*self.rates, strict=True))
        ratio = median(mine / other for mine, other in self.rates)
        verdict = "ok" if ratio >= BAR else "MISSED"
        counts = [f"{what} {median(counts):.0f}" for what, counts in sorted(self.statements.items()) if what != "tick"]
        return [
            f"statements an event: {', '.join(counts)}",
            f"{house:,.0f} events/s, raw driver writing the same rows {raw:,.0f}: {ratio:.2f} (>= {BAR}) {verdict}",
        ]


def _copy(source: Path, target: Path) -> None:
    with sqlite3.connect(source) as old, sqlite3.connect(target) as new:
        old.backup(new)
    old.close()
    new.close()


def _writes(said: list[Statement]) -> list[Statement]:
    return [each for each in said if each[0].startswith(("INSERT", "UPDATE", "DELETE"))]


def _in_groups(turns: list[list[Statement]], commits: int) -> list[list[Statement]]:
    """The writing turns in so many transactions."""
    writing = [turn for turn in turns if turn]
    size = max(1, round(len(writing) / max(commits, 1)))
    batches = [writing[first : first + size] for first in range(0, len(writing), size)]
    return [list(chain.from_iterable(batch)) for batch in batches]


def _count_commits(database: Database) -> list[int]:
    assert isinstance(database, SqliteDatabase)
    dialect, count = database._writing.dialect, [0]
    commit = dialect.do_commit

    def counted(line: Any) -> None:
        count[0] += 1
        commit(line)

    vars(dialect)["do_commit"] = counted
    return count


# --- the whole ------------------------------------------------------------------------------------------------------


def fill_sqlite(url: str, rows: dict[str, Rows]) -> None:
    upgrade(url)
    raw = sqlite3.connect(url.removeprefix("sqlite:///"))
    for table, values in rows.items():
        raw.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(values[0]))})", values)
    raw.commit()
    raw.close()


async def fill_postgres(url: str, rows: dict[str, Rows]) -> None:
    await asyncio.to_thread(upgrade, url)
    raw = await asyncpg.connect(url)
    for table, values in rows.items():
        called, _, columns = table.rstrip(")").partition(" (")
        await raw.copy_records_to_table(called, records=values, columns=columns.split(", "))
    await raw.execute("ANALYZE")
    await raw.close()


def months(count: int) -> list[datetime]:
    """The first of each month, and of the one after the last."""
    return [datetime(2026 + number // 12, number % 12 + 1, 1, tzinfo=ZONE) for number in range(count + 1)]


async def live(
    database: Database, city: City, *, ends: list[datetime], reports: int, seed: int
) -> tuple[Year, list[str]]:
    """The months until `ends`, each with its checkpoint; returns what was wrong."""
    year, wrong = Year(database, Life.begin(city, seed)), []
    checks = Checkpoints(city.tree())
    for first, last in pairwise(ends):
        year.life.month(first, last, reports)
        begun, events, seconds = time.perf_counter(), year.events, year.seconds
        await year.days(last)
        rate = (year.events - events) / (year.seconds - seconds)
        spent = time.perf_counter() - begun
        print(f"{first:%Y-%m}: {year.events - events:,} events, {rate:,.0f}/s, {spent:.0f} s in all", flush=True)
        wrong += await checks.look(year) + await compare_rates(year, first)
    print(f"  {dict(year.life.done.most_common())}")
    return year, wrong


async def run(folder: Path, url: str | None, chosen: argparse.Namespace) -> bool:
    city = City(chosen.compounds, chosen.seed)
    ends, about = months(chosen.months), {"reports": chosen.tickets, "seed": chosen.seed}
    print(f"{chosen.compounds} compounds, {chosen.tickets:,} reports a month, {chosen.months} months", flush=True)
    async with AsyncExitStack() as stack:
        if url is None:
            path = f"sqlite:///{folder / 'year.db'}"
            await asyncio.to_thread(fill_sqlite, path, city.rows())
            database = await stack.enter_async_context(open_database(path))
        else:
            server = await asyncpg.connect(plain_url(url))
            stack.push_async_callback(server.close)
            stack.push_async_callback(server.execute, "DROP DATABASE IF EXISTS linli_bench_year WITH (FORCE)")
            await server.execute("CREATE DATABASE linli_bench_year")
            path = plain_url(url, "linli_bench_year")
            await fill_postgres(path, city.rows())
            database = await stack.enter_async_context(open_database(path))
        year, wrong = await live(database, city, ends=ends, **about)
        if url is None:
            beside = Beside(year, folder)
            year.life.month(year.now, year.now + timedelta(days=chosen.beside), chosen.tickets * chosen.beside // 30)
            await beside.run(chosen.beside)
            print("\n".join(beside.shown()), flush=True)
    print("\n".join(wrong[:20]) or "every ticket ended or is at its right level")
    return not wrong


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.year", description=__doc__)
    parser.add_argument("--months", type=int, default=1)
    parser.add_argument("--tickets", type=int, default=12_000, help="reports a month")
    parser.add_argument("--compounds", type=int, default=growth.CITY)
    parser.add_argument("--beside", type=int, default=5, help="days beside the raw driver after the last month")
    parser.add_argument("--seed", type=int, default=6)
    parser.add_argument("--postgres", nargs="?", const="", default=None, metavar="URL", help="there instead of SQLite")
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp"), help="on a real disk; default: /var/tmp")
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    try:
        disk_of(chosen.folder)
        with own_folder(chosen.folder) as folder:
            if chosen.postgres is None:
                good = asyncio.run(run(folder, None, chosen))
            else:
                with postgres(chosen.postgres, folder) as url:
                    good = asyncio.run(run(folder, url, chosen))
    except NotMeasurable as error:
        raise SystemExit(str(error)) from error
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main()
