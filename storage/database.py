"""One function, one transaction, on SQLite or PostgreSQL; the only commit in the project.

A function gets `tx` first and is plain synchronous code. It may be run again from its start (lock, deadlock, lost
line), so it touches nothing but `tx`. It returns plain values, never an open result. It catches database errors only
around `tx.begin_nested()`: PostgreSQL gives up the whole transaction after an error that no SAVEPOINT holds.
"""

import asyncio
import logging
import queue
import random
import sqlite3
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeAlias, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError

from storage.lean import LeanConnection

if TYPE_CHECKING:
    from sqlalchemy.engine import ExceptionContext
    from sqlalchemy.ext.asyncio import AsyncEngine

Tx: TypeAlias = Connection
P = ParamSpec("P")
T = TypeVar("T")

GROUP = 16  # functions that share one commit on SQLite, at most
WAITS = (0.02, 0.05, 0.1, 0.2, 0.4)  # seconds before each further attempt, times a random 0.5 to 1.5
# busy_timeout: milliseconds, and first, since the others may have to wait
PRAGMAS = (
    "busy_timeout=5000",
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "temp_store=MEMORY",
    "wal_autocheckpoint=4000",  # pages: a roster's random keys touch the same ones again and again
)
READERS = 4  # threads for `read` on SQLite
POOL = 10  # connections for `run` on PostgreSQL, and as many for `peek` and `read`
# deadlock, serialization failure, plan outdated by a migration, server going down or coming up
PASSING = {"40P01", "40001", "0A000", "57P01", "57P02", "57P03"}
ACCEPTED = "use sqlite:///path/to/linli.db or postgresql://user@host/name"

log = logging.getLogger(__name__)


class CommitUnknown(Exception):
    """The line to PostgreSQL was lost during COMMIT: all of the work is there, or none. It was not run again."""


class Database(ABC):
    """Where functions run. Belongs to the event loop that called `start`; `async with` starts and closes it."""

    dialect: str  # "sqlite" | "postgresql"

    def __init__(self, url: URL) -> None:
        self.url = url.render_as_string(hide_password=False)  # with driver and password: not for logs
        self._open = False

    async def run(self, fn: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `fn(tx, …)` in one transaction and return after its commit.

        Whatever `fn` raises rolls back its work alone and is raised here. Passing trouble (lock, deadlock, lost line)
        is tried again. Cancelling the caller does not cancel the work: it still commits or rolls back as a whole.
        """
        if not self._open:
            raise RuntimeError("the database is not open")
        return await self._run(lambda tx: fn(tx, *args, **kwargs))

    async def peek(self, fn: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """One quick indexed SELECT outside any transaction, for every line of chat. On SQLite it holds up the loop."""
        return await self._peek(lambda tx: fn(tx, *args, **kwargs))

    async def read(self, fn: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Several SELECTs on one unchanging picture of the data; blocks no writer and may not write."""
        return await self._read(lambda tx: fn(tx, *args, **kwargs))

    @abstractmethod
    async def start(self) -> None:
        """Connect. Raises when the database cannot be opened."""

    @abstractmethod
    async def close(self) -> None:
        """Finish what was handed to `run`, then disconnect."""

    @abstractmethod
    async def _run(self, work: Callable[[Tx], T]) -> T: ...

    @abstractmethod
    async def _peek(self, work: Callable[[Tx], T]) -> T: ...

    @abstractmethod
    async def _read(self, work: Callable[[Tx], T]) -> T: ...

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()


def open_database(url: str) -> Database:
    """The database for `url`, not yet connected. ValueError unless it is a SQLite file or PostgreSQL."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ValueError(f"not a database url; {ACCEPTED}") from error
    if parsed.drivername in {"sqlite", "sqlite+pysqlite"}:
        name = parsed.database or ""
        if not name or ":memory:" in name or "memory" in parsed.query.values():
            raise ValueError(f"SQLite in memory is one connection, linli needs several; {ACCEPTED}")
        return SqliteDatabase(parsed.set(drivername="sqlite+pysqlite"))
    if parsed.drivername in {"postgresql", "postgres", "postgresql+asyncpg"}:
        return PostgresDatabase(parsed.set(drivername="postgresql+asyncpg"))
    raise ValueError(f"{parsed.drivername} is not supported; {ACCEPTED}")


@dataclass(slots=True)
class _Job:
    work: Callable[[Tx], Any]
    answer: asyncio.Future[None]
    value: Any = None
    error: BaseException | None = None


class SqliteDatabase(Database):
    """One writer thread with one connection for life; those who wait together share a commit."""

    dialect = "sqlite"

    def __init__(self, url: URL) -> None:
        super().__init__(url)
        self._writing = _sqlite_engine(url, "BEGIN IMMEDIATE")
        self._reading = _sqlite_engine(url, "BEGIN", "query_only=ON")
        self._peeking = _sqlite_engine(url, "", "query_only=ON")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="linli-read")
        self._writer = threading.Thread(target=self._write, name="linli-write", daemon=True)
        self._waiting: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()  # None: no more will come

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._write_tx = await asyncio.to_thread(self._writing.connect)
        self._peek_tx = self._peeking.connect()
        self._writer.start()
        self._open = True

    async def _run(self, work: Callable[[Tx], T]) -> T:
        context = copy_context()
        job = _Job(lambda tx: context.run(work, tx), self._loop.create_future())
        self._waiting.put(job)
        await job.answer  # cancelling this wait does not reach the writer
        if job.error is not None:
            raise job.error
        value: T = job.value
        return value

    async def _peek(self, work: Callable[[Tx], T]) -> T:
        return work(self._peek_tx)

    async def _read(self, work: Callable[[Tx], T]) -> T:
        context = copy_context()

        def look() -> T:
            with self._reading.connect() as tx:
                return context.run(work, tx)

        return await self._loop.run_in_executor(self._readers, look)

    async def close(self) -> None:
        if not self._open:
            return
        self._open = False
        self._waiting.put(None)
        await asyncio.to_thread(self._writer.join)
        await asyncio.to_thread(self._readers.shutdown)
        self._write_tx.close()
        self._peek_tx.close()
        for engine in (self._writing, self._reading, self._peeking):
            engine.dispose()

    def _write(self) -> None:
        """The writer thread. Nothing that a function raises may end it."""
        while (job := self._waiting.get()) is not None:
            batch = [job]
            self._settle(batch, joining=True)
            with suppress(RuntimeError):  # the loop is gone, and with it everybody who waits
                self._loop.call_soon_threadsafe(_answer, batch)

    def _settle(self, batch: list[_Job], *, joining: bool) -> None:
        """Try until every job of `batch` is committed or has its error."""
        for wait in (*WAITS, None):
            try:
                return self._attempt(batch, joining=joining)
            except BaseException as error:  # in BEGIN, SAVEPOINT or COMMIT: what functions raise is in their jobs
                self._write_tx.invalidate()  # SQLite rolls back when the file is closed; the next use opens it again
                self._write_tx.rollback()
                if len(batch) > 1 and not _is_busy(error):  # one of them spoiled it, and only that one shall suffer
                    for job in batch:
                        self._settle([job], joining=False)
                    return
                if wait is None or isinstance(error, IntegrityError):
                    for job in batch:
                        job.error = error
                    return
                log.warning("transaction of %d tried again: %s", len(batch), type(error).__name__)
                time.sleep(wait * random.uniform(0.5, 1.5))

    def _attempt(self, batch: list[_Job], *, joining: bool) -> None:
        """One transaction for all of `batch`; when `joining`, also for those that come while it runs."""
        tx, sqlite = self._write_tx, self._write_tx.connection.driver_connection
        assert isinstance(sqlite, sqlite3.Connection)
        kept = place = 0
        while place < len(batch) or (joining and place < GROUP and self._take(batch)):
            job = batch[place]
            place += 1
            if not tx.in_transaction():
                tx.begin()
            if kept:  # the first has nobody before it to protect
                sqlite.execute("SAVEPOINT mate")
            try:
                job.value, job.error = job.work(tx), None
                if not sqlite.in_transaction:
                    raise RuntimeError("the function ended its transaction")
            except BaseException as error:  # also Pending, KeyboardInterrupt and SystemExit: they are the caller's
                job.error = error
                if not kept:
                    tx.rollback()
                    continue
                while nested := tx.get_nested_transaction():
                    nested.rollback()
                sqlite.execute("ROLLBACK TO mate")
            if kept:
                sqlite.execute("RELEASE mate")
            kept += job.error is None
        if tx.in_transaction():
            tx.commit()

    def _take(self, batch: list[_Job]) -> bool:
        with suppress(queue.Empty):
            if (job := self._waiting.get_nowait()) is not None:
                batch.append(job)
                return True
            self._waiting.put(None)
        return False


def _answer(batch: list[_Job]) -> None:
    for job in batch:
        if not job.answer.done():
            job.answer.set_result(None)
        elif job.error is not None:
            log.error("a transaction failed after its caller was cancelled", exc_info=job.error)


def is_passing(error: BaseException) -> bool:
    """Trouble that a second attempt at the whole transaction may not meet: whoever catches errors lets it through."""
    if not isinstance(error, DBAPIError):
        return False
    lost: bool = error.connection_invalidated
    return lost or getattr(error.orig, "sqlstate", None) in PASSING or _is_busy(error)


def _is_busy(error: BaseException) -> bool:
    code: int = getattr(getattr(error, "orig", error), "sqlite_errorcode", 0)
    return code & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def _sqlite_engine(url: URL, begin: str, *pragmas: str) -> Engine:
    """An engine whose transactions begin with `begin`, as SQLite means it and not as Python's sqlite3 guesses it."""
    engine = create_engine(
        url, hide_parameters=True, pool_reset_on_return=None, pool_size=READERS, connect_args={"cached_statements": 512}
    )

    def prepare(sqlite: sqlite3.Connection, _record: object) -> None:
        sqlite.isolation_level = None
        for pragma in (*PRAGMAS, *pragmas):
            sqlite.execute(f"PRAGMA {pragma}")

    def say(word: str) -> Callable[[Connection, str], object]:
        return lambda tx, name: tx.connection.cursor().execute(f"{word} {name}")

    event.listen(engine, "connect", prepare)
    # Not by a "begin" event: one listener makes every statement dearer, and SQLAlchemy compiles each SAVEPOINT anew.
    # Measured for a turn of 8 statements: 540 µs with both, 325 µs without.
    vars(engine.dialect).update(
        do_begin=lambda sqlite: sqlite.cursor().execute(begin),
        do_savepoint=say("SAVEPOINT"),
        do_release_savepoint=say("RELEASE"),
        do_rollback_to_savepoint=say("ROLLBACK TO"),
    )
    engine._connection_cls = LeanConnection
    return engine


class PostgresDatabase(Database):
    """asyncpg pools: one for transactions, and one for looking, so that no peek queues behind them."""

    dialect = "postgresql"

    def __init__(self, url: URL, *, pool_size: int = POOL) -> None:
        try:
            import asyncpg  # noqa: F401
            from sqlalchemy.ext.asyncio import create_async_engine
        except ImportError as error:
            raise RuntimeError('PostgreSQL needs more packages: pip install "linli[postgres]"') from error
        super().__init__(url)
        line = {"timeout": 10, "prepared_statement_cache_size": 512, "server_settings": {"application_name": "linli"}}
        engine = partial(
            create_async_engine, url, hide_parameters=True, pool_size=pool_size, max_overflow=0, connect_args=line
        )
        self._writing = engine(isolation_level="READ COMMITTED")
        self._peeking = engine(isolation_level="AUTOCOMMIT", pool_reset_on_return=None)
        self._reading = self._peeking.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._running: set[asyncio.Task[Any]] = set()

        # As on SQLite: a SAVEPOINT and its RELEASE cost 550 µs SQLAlchemy's way, 120 this way.
        vars(self._writing.sync_engine.dialect).update(
            do_savepoint=lambda tx, name: tx.tell(f"SAVEPOINT {name}"),
            do_release_savepoint=lambda tx, name: tx.tell(f"RELEASE {name}"),
            do_rollback_to_savepoint=lambda tx, name: tx.tell(f"ROLLBACK TO {name}"),
        )
        self._writing.sync_engine._connection_cls = LeanConnection
        for each in (self._writing, self._peeking):
            event.listen(each.sync_engine, "handle_error", _hide_row)

    async def start(self) -> None:
        await self.peek(lambda tx: None)
        self._open = True

    async def _run(self, work: Callable[[Tx], T]) -> T:
        task = asyncio.get_running_loop().create_task(_insist(self._writing, partial(_transact, work)))
        self._running.add(task)  # the loop itself holds tasks weakly
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def _peek(self, work: Callable[[Tx], T]) -> T:
        return await _insist(self._peeking, work)

    async def _read(self, work: Callable[[Tx], T]) -> T:
        return await _insist(self._reading, work)

    async def close(self) -> None:
        self._open = False
        if self._running:
            await asyncio.wait(self._running)
        await self._writing.dispose()
        await self._peeking.dispose()


def _hide_row(context: "ExceptionContext") -> None:
    """PostgreSQL quotes the refused row in the detail of its error, and a logged trace would show it."""
    cause = context.original_exception.__cause__
    if getattr(cause, "detail", None):
        vars(cause)["detail"] = None


def _transact(work: Callable[[Tx], T], tx: Tx) -> T:
    root = tx.begin()
    value = work(tx)
    if not root.is_active:
        raise RuntimeError("the function ended its transaction")
    try:
        root.commit()
    except DBAPIError as error:
        if error.connection_invalidated:
            raise CommitUnknown from error
        raise
    return value


async def _insist(engine: "AsyncEngine", work: Callable[[Tx], T]) -> T:
    for wait in (*WAITS, None):
        try:
            async with engine.connect() as tx:
                return await tx.run_sync(work)
        except (DBAPIError, OSError) as error:  # OSError: nobody answers there
            if wait is None or not (isinstance(error, OSError) or is_passing(error)):
                raise
            log.warning("transaction tried again: %s", type(error).__name__)
            await asyncio.sleep(wait * random.uniform(0.5, 1.5))
    raise AssertionError("the last attempt returns or raises")
