"""Rosters of a city into SQLite: the import against sqlite3's executemany of the same final rows, in one run."""

import argparse
import asyncio
import gc
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from benchmarks.support import NotMeasurable, disk_of, own_folder
from domain.roster_model import Column, Kind, Relation, Row
from services import rosters
from storage.database import PRAGMAS, SqliteDatabase, open_database
from storage.migrate import upgrade
from storage.vault import Vault, new_key

BAR = 0.3
LONGEST = 0.2  # seconds
TABLES = ("compound", "building", "unit", "household", "person", "resident")
_FAMILY, _GIVEN = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨", "建国秀英志强丽华晓明桂兰海燕文斌"
_HOMES, _PEOPLE = 97_000 / 485, 250_000 / 97_000  # per compound, per household
_COLUMNS = {column: at for at, column in enumerate(Column)}


def roster(compound: int) -> Iterator[Row]:
    """Buildings of 40 households in two units; two or three people in each."""
    person = compound * 1_000
    for home in range(round(_HOMES)):
        for at in range(int((home + 1) * _PEOPLE) - int(home * _PEOPLE)):
            person += 1
            name = _FAMILY[person % 16] + _GIVEN[person // 16 % 16] + _GIVEN[person // 256 % 16]
            relation = Relation.OWNER if at == 0 else Relation.FAMILY
            door = str(home // 40 + 1), str(home % 40 // 20 + 1), f"{home % 20 // 4 + 1}0{home % 4 + 1}"
            phone, paper = f"138{person:08d}", f"420106{person:012d}"
            yield Row(*door, Decimal("89.56"), Kind.HOME, name, phone, paper, relation, None, "", home + 2, _COLUMNS)


async def imported(
    path: Path, cities: list[tuple[Row, ...]], vault: Vault | None, together: int
) -> tuple[float, float]:
    """Seconds for all, and for the longest transaction with its commit: so long does anybody else wait."""
    url = f"sqlite:///{path}"
    await asyncio.to_thread(upgrade, url)
    longest = 0.0
    async with open_database(url) as database:
        assert isinstance(database, SqliteDatabase)
        attempt = database._attempt

        def timed(batch: Any, *, joining: bool) -> None:
            nonlocal longest
            started = time.perf_counter()
            attempt(batch, joining=joining)
            longest = max(longest, time.perf_counter() - started)

        database._attempt = timed  # type: ignore[method-assign]
        waiting = iter(enumerate(cities))

        async def work() -> None:
            for number, rows in waiting:
                source = rosters.Source(f"{number}.xlsx", "", datetime(2026, 11, 23, tzinfo=UTC))
                await rosters.import_roster(database, f"compound {number}", rows, source, vault)

        started = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(together)))
        return time.perf_counter() - started, longest


def raw(path: Path, final: Path) -> tuple[float, int]:
    """Seconds for the same rows by executemany, a table after the other in one transaction; and how many rows.

    What is sealed is read sealed, so only the import pays for sealing; both keep the same indexes.
    """
    upgrade(f"sqlite:///{path}")
    with sqlite3.connect(final) as source:
        rows = {table: source.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}
    source.close()
    target = sqlite3.connect(path, isolation_level=None)
    for pragma in PRAGMAS:
        target.execute(f"PRAGMA {pragma}")
    started = time.perf_counter()
    target.execute("BEGIN IMMEDIATE")
    for table, values in rows.items():
        target.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(values[0]))})", values)
    target.execute("COMMIT")
    seconds = time.perf_counter() - started
    target.close()
    return seconds, sum(map(len, rows.values()))


async def measure(folder: Path, compounds: int, together: int) -> None:
    cities = [tuple(roster(number)) for number in range(compounds)]
    gc.freeze()  # a quarter of a million rows at once are the benchmark's: an import holds one file's
    people, homes = sum(map(len, cities)), sum(len({row.household for row in rows}) for rows in cities)
    print(f"{compounds} compounds, {homes:,} households, {people:,} people; {together} imports at once")
    for words, vault in (("without keys", None), ("with keys", Vault([new_key()]))):
        own = folder / words.replace(" ", "-")
        own.mkdir()
        seconds, longest = await imported(own / "imported.db", cities, vault, together)
        bare, rows = raw(own / "raw.db", own / "imported.db")
        ratio = bare / seconds
        verdict, short = ("met" if good else "MISSED" for good in (ratio >= BAR, longest <= LONGEST))
        print(f"{words:13} import {seconds:6.2f} s = {rows / seconds:8,.0f} rows/s, raw {bare:6.2f} s: ", end="")
        print(f"ratio {ratio:.2f} (bar {BAR}: {verdict}), ", end="")
        print(f"longest transaction {longest * 1000:.0f} ms (bar {LONGEST * 1000:.0f}: {short})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--compounds", type=int, default=485)
    parser.add_argument("--together", type=int, default=4, help="imports at once (they share commits)")
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp"), help="on a real disk")
    chosen = parser.parse_args()
    try:
        with own_folder(chosen.folder) as folder:
            disk_of(folder)
            asyncio.run(measure(folder, chosen.compounds, chosen.together))
    except NotMeasurable as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
