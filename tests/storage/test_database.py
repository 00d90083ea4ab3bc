"""`database.run`, `peek` and `read` keep their promises, on both databases and between real processes."""

import asyncio
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Connection, Engine, Integer, MetaData, Table, event, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import DBAPIError, IntegrityError

from storage.database import CommitUnknown, Database, SqliteDatabase, Tx, open_database

PROBE = Table("probe", MetaData(), Column("id", Integer, primary_key=True), Column("value", Integer, nullable=False))
REPOSITORY = Path(__file__).parents[2]
only_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
only_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


class Pending(BaseException):
    """Control flow, as dialogs use it."""


@pytest.fixture
async def db(database: Database) -> Database:
    await database.run(PROBE.create)
    return database


def add(tx: Tx, key: int, value: int = 0) -> int:
    tx.execute(insert(PROBE).values(id=key, value=value))
    return key


def add_then_raise(tx: Tx, key: int, error: BaseException) -> None:
    add(tx, key)
    raise error


def value_of(tx: Tx, key: int) -> int | None:
    value: int | None = tx.scalar(select(PROBE.c.value).where(PROBE.c.id == key))
    return value


def keys(tx: Tx) -> list[int]:
    return list(tx.scalars(select(PROBE.c.id).order_by(PROBE.c.id)))


def increase(tx: Tx, key: int) -> None:
    tx.execute(update(PROBE).where(PROBE.c.id == key).values(value=PROBE.c.value + 1))


def increase_by_hand(tx: Tx, key: int) -> None:
    value = value_of(tx, key)
    assert value is not None
    tx.execute(update(PROBE).where(PROBE.c.id == key).values(value=value + 1))


def put_or_increase(tx: Tx, key: int) -> None:
    statement = upsert(PROBE).values(id=key, value=1)
    tx.execute(statement.on_conflict_do_update(index_elements=["id"], set_={"value": PROBE.c.value + 1}))


class Gate:
    """Holds the SQLite writer inside one function until the test has queued what shall share the next commit."""

    def __init__(self, db: Database) -> None:
        self._db, self._entered, self._opened = db, threading.Event(), threading.Event()

    async def __aenter__(self) -> None:
        self._task = asyncio.create_task(self._db.run(self._wait))
        await asyncio.to_thread(self._entered.wait, 10)

    async def __aexit__(self, *exc: object) -> None:
        await asyncio.sleep(0)  # lets the tasks made meanwhile queue their functions
        self._opened.set()
        await self._task

    def _wait(self, _tx: Tx) -> None:
        self._entered.set()
        self._opened.wait(10)


# --- one function, one transaction -----------------------------------------------------------------------------------


async def test_what_a_function_writes_and_returns(db: Database) -> None:
    assert await db.run(add, 1, value=7) == 1
    assert await db.peek(value_of, 1) == 7


@pytest.mark.parametrize("error", [ValueError("no"), Pending(), StopIteration(), asyncio.CancelledError()])
async def test_what_raises_leaves_nothing(db: Database, error: BaseException) -> None:
    with pytest.raises((type(error), RuntimeError)):
        await db.run(add_then_raise, 1, error)
    assert await db.peek(keys) == []
    await db.run(add, 1)


@only_sqlite
@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit()])
async def test_the_writer_survives_even_these(db: Database, error: BaseException) -> None:
    with pytest.raises(type(error)):
        await db.run(add_then_raise, 1, error)
    await db.run(add, 2)
    assert await db.peek(keys) == [2]


async def test_a_function_that_spoils_its_transaction_is_told_so(db: Database) -> None:
    with pytest.raises(RuntimeError, match="ended its transaction"):
        await db.run(lambda tx: tx.rollback())
    await db.run(add, 1)


async def test_savepoint_inside_a_function(db: Database) -> None:
    def twice(tx: Tx) -> None:
        add(tx, 1)
        for _ in range(2):
            with pytest.raises(IntegrityError), tx.begin_nested():
                add(tx, 1)
        with pytest.raises(Pending), tx.begin_nested(), tx.begin_nested():
            add_then_raise(tx, 2, Pending())
        with tx.begin_nested():
            add(tx, 3)

    await asyncio.gather(db.run(twice), db.run(add, 4))
    assert await db.peek(keys) == [1, 3, 4]


async def test_cancelling_the_caller_does_not_cancel_the_work(db: Database) -> None:
    task = asyncio.create_task(db.run(add, 1))
    await asyncio.sleep(0)  # it has begun
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await db.close()
    async with open_database(db.url) as again:
        assert await again.peek(keys) == [1]


async def test_close_finishes_what_waits(db: Database) -> None:
    tasks = [asyncio.create_task(db.run(add, key)) for key in range(40)]
    await asyncio.sleep(0)
    await db.close()
    await asyncio.gather(*tasks)
    async with open_database(db.url) as again:
        assert await again.peek(keys) == list(range(40))


# --- many at once ----------------------------------------------------------------------------------------------------


async def test_who_raises_does_not_hurt_those_beside(db: Database) -> None:
    errors: list[BaseException | None] = [None, ValueError("no"), None, Pending(), None]

    def work(tx: Tx, key: int) -> None:
        if error := errors[key % 5]:
            with tx.begin_nested():
                add_then_raise(tx, key, error)
        add(tx, key)

    results = await asyncio.gather(*(db.run(work, key) for key in range(50)), return_exceptions=True)
    good = [key for key in range(50) if errors[key % 5] is None]
    assert [key for key, result in enumerate(results) if result is None] == good
    assert await db.peek(keys) == good


@pytest.mark.parametrize("change", [increase, put_or_increase])
async def test_no_update_is_lost(db: Database, change: Callable[[Tx, int], None]) -> None:
    await db.run(add, 1)
    await asyncio.gather(*(db.run(change, 1) for _ in range(50)))
    assert await db.peek(value_of, 1) == 50


@only_sqlite
async def test_read_modify_write_is_safe_with_one_writer(db: Database) -> None:
    await db.run(add, 1)
    await asyncio.gather(*(db.run(increase_by_hand, 1) for _ in range(50)))
    assert await db.peek(value_of, 1) == 50


@only_postgresql
async def test_a_deadlock_is_tried_again(db: Database) -> None:
    await db.run(lambda tx: (add(tx, 1), add(tx, 2)))
    tries: Counter[int] = Counter()
    held = {1: asyncio.Event(), 2: asyncio.Event()}

    def both(tx: Tx, first: int, second: int) -> None:
        tries[first] += 1
        increase(tx, first)
        held[first].set()
        if tries[first] == 1:
            _wait_for(held[second])
        increase(tx, second)

    await asyncio.gather(db.run(both, 1, 2), db.run(both, 2, 1))
    assert sorted(tries.values()) == [1, 2]
    assert [await db.peek(value_of, key) for key in (1, 2)] == [2, 2]


def _wait_for(moment: asyncio.Event) -> None:
    from sqlalchemy.util import await_only

    await_only(moment.wait())


@only_postgresql
async def test_a_lost_line_is_tried_again(db: Database) -> None:
    kills = iter([True, False])

    def work(tx: Tx) -> None:
        add(tx, 1)
        if next(kills):
            tx.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    await db.run(work)
    assert await db.peek(keys) == [1]


DIE_AT_COMMIT = (
    """CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$""",
    """CREATE CONSTRAINT TRIGGER die AFTER INSERT ON probe DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.id = 13) EXECUTE FUNCTION die()""",
)


@only_postgresql
async def test_a_line_lost_during_commit_is_not_tried_again(db: Database) -> None:
    for statement in DIE_AT_COMMIT:
        await db.run(Connection.exec_driver_sql, statement)
    tries: list[int] = []

    def work(tx: Tx) -> None:
        tries.append(add(tx, 13))

    with pytest.raises(CommitUnknown):
        await db.run(work)
    assert tries == [13]
    await db.run(add, 14)
    assert await db.peek(keys) == [14]


# --- group commit on SQLite ------------------------------------------------------------------------------------------


@only_sqlite
async def test_those_who_wait_together_share_a_commit(db: Database) -> None:
    commits = count_commits(db)
    async with Gate(db):
        tasks = [asyncio.create_task(db.run(add, key)) for key in range(15)]
    await asyncio.gather(*tasks)
    assert commits() == 1  # the gate and these fifteen


@only_sqlite
async def test_nobody_is_answered_before_the_commit(db: Database) -> None:
    async def add_and_look(key: int) -> bool:
        await db.run(add, key)
        return await db.peek(value_of, key) is not None

    async with Gate(db):
        tasks = [asyncio.create_task(add_and_look(key)) for key in range(30)]
    assert all(await asyncio.gather(*tasks))


@only_sqlite
async def test_who_ruins_a_shared_transaction_is_alone_in_it(db: Database) -> None:
    async with Gate(db):
        tasks = [
            asyncio.create_task(db.run(add, 1)),
            asyncio.create_task(db.run(lambda tx: tx.exec_driver_sql("ROLLBACK"))),
            asyncio.create_task(db.run(add, 2)),
        ]
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [int, RuntimeError, int]
    assert await db.peek(keys) == [1, 2]


@only_sqlite
async def test_a_constraint_that_fails_at_commit_is_the_culprits_alone(db: Database) -> None:
    child = "CREATE TABLE child (probe INTEGER REFERENCES probe DEFERRABLE INITIALLY DEFERRED)"
    await db.run(lambda tx: tx.exec_driver_sql(child))
    async with Gate(db):
        orphan = asyncio.create_task(db.run(lambda tx: tx.exec_driver_sql("INSERT INTO child VALUES (99)")))
        tasks = [asyncio.create_task(db.run(add, key)) for key in range(3)]
    with pytest.raises(IntegrityError):
        await orphan
    await asyncio.gather(*tasks)
    assert await db.peek(keys) == [0, 1, 2]


@only_sqlite
async def test_a_broken_connection_is_opened_again(db: Database) -> None:
    def close_it(tx: Tx) -> None:
        sqlite = tx.connection.driver_connection
        assert isinstance(sqlite, sqlite3.Connection)
        sqlite.close()

    with pytest.raises((RuntimeError, DBAPIError, sqlite3.ProgrammingError)):
        await db.run(close_it)
    await db.run(add, 1)
    assert await db.peek(keys) == [1]


def count_commits(db: Database) -> Callable[[], int]:
    """How many transactions with work in them were committed since now."""
    assert isinstance(db, SqliteDatabase)
    engine: Engine = db._writing
    seen: list[object] = []
    event.listen(engine, "commit", seen.append)
    return lambda: len(seen)


# --- looking ---------------------------------------------------------------------------------------------------------


async def test_peek_sees_only_what_is_committed(db: Database) -> None:
    loop, added, go_on = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
    opened = threading.Event()

    def slow(tx: Tx) -> None:
        add(tx, 1)
        loop.call_soon_threadsafe(added.set)
        opened.wait(10) if db.dialect == "sqlite" else _wait_for(go_on)

    task = asyncio.create_task(db.run(slow))
    await added.wait()
    assert await db.peek(keys) == []
    assert await db.read(keys) == []
    opened.set()
    go_on.set()
    await task
    assert await db.peek(keys) == [1]


async def test_read_keeps_one_picture_while_others_write(db: Database) -> None:
    loop, looked, go_on = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
    opened = threading.Event()

    def look_twice(tx: Tx) -> tuple[list[int], list[int]]:
        before = keys(tx)
        loop.call_soon_threadsafe(looked.set)
        opened.wait(10) if db.dialect == "sqlite" else _wait_for(go_on)
        return before, keys(tx)

    task = asyncio.create_task(db.read(look_twice))
    await looked.wait()
    await db.run(add, 1)  # is not held up
    opened.set()
    go_on.set()
    assert await task == ([], [])
    assert await db.read(keys) == await db.peek(keys) == [1]


async def test_read_may_not_write(db: Database) -> None:
    with pytest.raises(DBAPIError):
        await db.read(add, 1)
    assert await db.peek(keys) == []


@only_postgresql
async def test_peek_needs_no_transaction(db: Database) -> None:
    await db.read(keys)  # leaves nothing on the connection that it shares with peek

    def in_transaction(tx: Tx) -> bool:
        keys(tx)
        return bool(_driver(tx).is_in_transaction())

    assert await db.read(in_transaction)
    assert not await db.peek(in_transaction)


def _driver(tx: Tx) -> Any:
    return tx.connection.driver_connection


# --- several processes -----------------------------------------------------------------------------------------------

COUNT_UP = """
import asyncio, sys
from tests.storage.test_database import put_or_increase
from storage.database import open_database

async def main(url, times):
    async with open_database(url) as db:
        print("ready", flush=True)
        sys.stdin.readline()
        await asyncio.gather(*(db.run(put_or_increase, 1) for _ in range(times)))

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


async def test_two_processes_lose_nothing(db: Database) -> None:
    others = start(COUNT_UP, db.url, "100"), start(COUNT_UP, db.url, "100")
    for other in others:
        await asyncio.to_thread(wait_until_ready, other)
    for other in others:
        go(other)
    await asyncio.gather(*(db.run(put_or_increase, 1) for _ in range(100)))
    for other in others:
        await asyncio.to_thread(finish, other)
    assert await db.peek(value_of, 1) == 300


HOLD_THE_LOCK = """
import sqlite3, sys, time
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute("BEGIN IMMEDIATE")
print("ready", flush=True)
sys.stdin.readline()
time.sleep(1)
held.execute("COMMIT")
"""


@only_sqlite
async def test_a_process_that_holds_the_lock_only_delays(db: Database, database_url: str) -> None:
    other = start(HOLD_THE_LOCK, database_url.removeprefix("sqlite:///"))
    wait_until_ready(other)
    go(other)
    task = asyncio.create_task(db.run(add, 1))
    assert await db.peek(keys) == []  # looking is not delayed
    await task
    await asyncio.to_thread(finish, other)
    assert await db.peek(keys) == [1]


@only_sqlite
async def test_a_lock_longer_than_sqlite_waits_is_tried_again(db: Database) -> None:
    patience(db, milliseconds=1)
    blocker = sqlite3.connect(str(db.url).removeprefix("sqlite+pysqlite:///"), isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    tasks = [asyncio.create_task(db.run(add, key)) for key in range(3)]
    done, _ = await asyncio.wait(tasks, timeout=0.05)
    assert not done
    blocker.execute("COMMIT")
    await asyncio.gather(*tasks)

    blocker.execute("BEGIN IMMEDIATE")
    results = await asyncio.gather(*(db.run(add, key) for key in (7, 8)), return_exceptions=True)
    blocker.close()
    assert ["locked" in str(result) for result in results] == [True, True]
    await db.run(add, 9)
    assert await db.peek(keys) == [0, 1, 2, 9]


def patience(db: Database, *, milliseconds: int) -> None:
    """Shorten busy_timeout, also on the connections that are opened again."""
    assert isinstance(db, SqliteDatabase)
    say_so = f"PRAGMA busy_timeout = {milliseconds}"
    event.listen(db._writing, "connect", lambda sqlite, _record: sqlite.execute(say_so))
    _driver(db._write_tx).execute(say_so)


def start(program: str, *arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def wait_until_ready(process: "subprocess.Popen[str]") -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"


def go(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def finish(process: "subprocess.Popen[str]") -> None:
    process.communicate(timeout=60)
    assert process.returncode == 0


# --- opening ---------------------------------------------------------------------------------------------------------


@only_sqlite
async def test_how_sqlite_is_set(db: Database) -> None:
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000, "temp_store": 2}
    for ask in (db.run, db.peek, db.read):
        assert await ask(_pragmas, list(wanted)) == wanted


def _pragmas(tx: Tx, names: list[str]) -> dict[str, object]:
    return {name: tx.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names}


async def test_the_tables_are_there_and_empty(database: Database) -> None:
    from storage.models import Base

    for table in Base.metadata.tables.values():
        assert await database.peek(Connection.scalar, select(func.count()).select_from(table)) == 0


@pytest.mark.parametrize(
    ("url", "dialect", "full"),
    [
        ("sqlite:///a.db", "sqlite", "sqlite+pysqlite:///a.db"),
        ("sqlite+pysqlite:////a/b.db", "sqlite", "sqlite+pysqlite:////a/b.db"),
        ("postgresql://u:p@h/n", "postgresql", "postgresql+asyncpg://u:p@h/n"),
        ("postgresql+asyncpg://h/n", "postgresql", "postgresql+asyncpg://h/n"),
    ],
)
def test_urls(url: str, dialect: str, full: str) -> None:
    database = open_database(url)
    assert (database.dialect, database.url) == (dialect, full)


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:x?mode=memory&uri=true", "mysql://h/n", "linli.db", ""]
)
def test_refused_urls(url: str) -> None:
    with pytest.raises(ValueError, match=r"use sqlite:///path/to/linli.db or postgresql://"):
        open_database(url)


def test_without_asyncpg_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    with pytest.raises(RuntimeError, match=r"linli\[postgres\]"):
        open_database("postgresql://h/n")


async def test_a_closed_database_says_so(db: Database) -> None:
    await db.close()
    with pytest.raises(RuntimeError, match="not open"):
        await db.run(keys)
    await db.close()  # twice does no harm
