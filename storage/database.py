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
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeAlias, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

Tx: TypeAlias = Connection
P = ParamSpec("P")
T = TypeVar("T")

GROUP = 16  # functions that share one commit on SQLite, at most
WAITS = (0.02, 0.05, 0.1, 0.2, 0.4)  # seconds before the next attempt, times a random 0.5 to 1.5
SQLITE_READERS = 4  # threads for `read`
ACCEPTED = "use sqlite:///path/to/linli.db or postgresql://user@host/name"

log = logging.getLogger(__name__)


class CommitUnknown(Exception):
    """The line to PostgreSQL was lost during COMMIT: all of the work is there, or none. It was not run again."""


class Database(ABC):
    """Where functions run. Belongs to the event loop that called `start`; `async with` starts and closes it."""

    dialect: str  # "sqlite" | "postgresql"
    url: str  # with its driver and its password: not for logs

    @abstractmethod
    async def start(self) -> None:
        """Connect. Raises when the database cannot be opened."""

    @abstractmethod
    async def run(self, fn: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `fn(tx, …)` in one transaction and return after its commit.

        Whatever `fn` raises rolls back its work alone and is raised here. Passing trouble (lock, deadlock, lost line)
        is tried again. Cancelling the caller does not cancel the work: it still commits or rolls back as a whole.
        """

    @abstractmethod
    async def peek(self, fn: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """One quick indexed SELECT outside any transaction, for every line of chat. On SQLite it holds up the loop."""

    @abstractmethod
    async def read(self, fn: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Several SELECTs on one unchanging picture of the data; blocks no writer and may not write."""

    @abstractmethod
    async def close(self) -> None:
        """Finish what was handed to `run`, then disconnect."""

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()


def open_database(url: str) -> Database:
    """The database for `url`, not yet connected. ValueError for a url that is neither SQLite file nor PostgreSQL."""
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


# --- SQLite ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Job:
    work: Callable[[Tx], Any]
    answer: asyncio.Future[Any]
    value: Any = None
    error: BaseException | None = None


class SqliteDatabase(Database):
    """One writer thread with one connection for life; those who wait together share a commit."""

    dialect = "sqlite"

    def __init__(self, url: URL) -> None:
        self.url = url.render_as_string(hide_password=False)
        self._writing = _sqlite_engine(url, begin="BEGIN IMMEDIATE")
        self._reading = _sqlite_engine(url, begin="BEGIN", query_only=True)
        self._peeking = _sqlite_engine(url, begin=None, query_only=True)
        self._readers = ThreadPoolExecutor(SQLITE_READERS, thread_name_prefix="linli-read")
        self._writer = threading.Thread(target=self._write, name="linli-write", daemon=True)
        self._waiting: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()  # None: no more will come
        self._write_tx: Connection | None = None
        self._peek_tx: Connection | None = None
        self._open = False

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._write_tx = await asyncio.to_thread(self._writing.connect)
        self._peek_tx = self._peeking.connect()
        self._writer.start()
        self._open = True

    async def run(self, fn: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        if not self._open:
            raise RuntimeError("the database is not open")
        context = copy_context()
        job = _Job(lambda tx: context.run(fn, tx, *args, **kwargs), self._loop.create_future())
        self._waiting.put(job)
        await job.answer  # cancelling this wait does not reach the writer
        if job.error is not None:
            raise job.error
        value: T = job.value
        return value

    async def peek(self, fn: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        if self._peek_tx is None:
            self._peek_tx = self._peeking.connect()
        try:
            return fn(self._peek_tx, *args, **kwargs)
        except DBAPIError:
            self._peek_tx.invalidate()
            self._peek_tx.close()
            self._peek_tx = None
            raise

    async def read(self, fn: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        def work() -> T:
            with self._reading.connect() as tx:
                return fn(tx, *args, **kwargs)

        return await self._loop.run_in_executor(self._readers, copy_context().run, work)

    async def close(self) -> None:
        if not self._open:
            return
        self._open = False
        self._waiting.put(None)
        await asyncio.to_thread(self._writer.join)
        await asyncio.to_thread(self._readers.shutdown)
        for tx in (self._peek_tx, self._write_tx):
            if tx is not None:
                tx.close()
        for engine in (self._peeking, self._reading, self._writing):
            engine.dispose()

    def _write(self) -> None:
        """The writer thread. Nothing that a function raises may end it."""
        while (job := self._waiting.get()) is not None:
            batch = [job]
            self._settle(batch, joining=True)
            try:
                self._loop.call_soon_threadsafe(_answer, batch)
            except RuntimeError:  # the loop is gone, and with it everybody who waits
                log.warning("%d transactions ended after their event loop", len(batch))

    def _settle(self, batch: list[_Job], *, joining: bool) -> None:
        """Try until every job of `batch` is committed or has its error."""
        for attempt in range(len(WAITS) + 1):
            try:
                return self._attempt(batch, joining=joining)
            except BaseException as error:  # BEGIN, SAVEPOINT or COMMIT: what functions raise is already in their jobs
                self._disconnect()
                if len(batch) > 1 and not _is_busy(error):  # one of them spoiled it, and only that one shall suffer
                    for job in batch:
                        self._settle([job], joining=False)
                    return
                if attempt == len(WAITS) or isinstance(error, IntegrityError):
                    for job in batch:
                        job.error = error
                    return
                log.warning("transaction of %d tried again: %s", len(batch), type(error).__name__)
                time.sleep(_jittered(WAITS[attempt]))

    def _attempt(self, batch: list[_Job], *, joining: bool) -> None:
        """One transaction for all of `batch`; when `joining`, also for those that come while it runs."""
        tx = self._write_tx = self._write_tx or self._writing.connect()
        sqlite: sqlite3.Connection = tx.connection.driver_connection  # type: ignore[assignment]
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
            except BaseException as error:  # also Pending, KeyboardInterrupt and SystemExit: they belong to the caller
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
        try:
            job = self._waiting.get_nowait()
        except queue.Empty:
            return False
        if job is None:
            self._waiting.put(None)
            return False
        batch.append(job)
        return True

    def _disconnect(self) -> None:
        tx, self._write_tx = self._write_tx, None
        if tx is not None:
            tx.invalidate()  # closes the file: SQLite rolls back what was open
            tx.close()


def _answer(batch: list[_Job]) -> None:
    for job in batch:
        if not job.answer.done():
            job.answer.set_result(None)
        elif job.error is not None:
            log.error("a cancelled caller's transaction failed: %s", type(job.error).__name__)


def _sqlite_engine(url: URL, *, begin: str | None, query_only: bool = False) -> Engine:
    """An engine on which transactions begin with `begin`, as SQLite means it and not as Python's sqlite3 guesses it."""
    engine = create_engine(
        url, pool_reset_on_return=None, pool_size=SQLITE_READERS, connect_args={"cached_statements": 512}
    )

    def prepare(sqlite: sqlite3.Connection, _record: object) -> None:
        sqlite.isolation_level = None
        sqlite.execute("PRAGMA busy_timeout = 5000")  # milliseconds
        if sqlite.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            sqlite.execute("PRAGMA journal_mode = WAL")
        sqlite.execute("PRAGMA synchronous = FULL")
        sqlite.execute("PRAGMA foreign_keys = ON")
        sqlite.execute("PRAGMA temp_store = MEMORY")
        sqlite.execute(f"PRAGMA query_only = {int(query_only)}")

    event.listen(engine, "connect", prepare)
    if begin is not None:
        event.listen(engine, "begin", lambda tx: tx.exec_driver_sql(begin))
    return engine


def _is_busy(error: BaseException) -> bool:
    code: int = getattr(getattr(error, "orig", error), "sqlite_errorcode", 0)
    return code & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def _jittered(seconds: float) -> float:
    return seconds * random.uniform(0.5, 1.5)


# --- PostgreSQL ------------------------------------------------------------------------------------------------------


class PostgresDatabase(Database):
    """asyncpg pools: one for transactions, and one for looking, so that no peek queues behind them."""

    dialect = "postgresql"

    def __init__(self, url: URL, *, pool_size: int = 10) -> None:
        try:
            import asyncpg  # noqa: F401
            from sqlalchemy.ext.asyncio import create_async_engine
        except ImportError as error:
            raise RuntimeError('PostgreSQL needs more packages: pip install "linli[postgres]"') from error
        self.url = url.render_as_string(hide_password=False)
        options = {"prepared_statement_cache_size": 512, "server_settings": {"application_name": "linli"}}
        engine = partial(create_async_engine, url, pool_size=pool_size, connect_args=options)
        self._writing: AsyncEngine = engine(isolation_level="READ COMMITTED", max_overflow=0)
        self._peeking: AsyncEngine = engine(isolation_level="AUTOCOMMIT", pool_reset_on_return=None)
        self._reading = self._peeking.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._running: set[asyncio.Task[Any]] = set()

    async def start(self) -> None:
        async with self._peeking.connect():
            pass

    async def run(self, fn: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        async def once() -> T:
            async with self._writing.connect() as tx:
                await tx.begin()
                value = await tx.run_sync(fn, *args, **kwargs)
                await _commit(tx)
                return value

        task = asyncio.get_running_loop().create_task(_insist(once))
        self._running.add(task)  # the loop itself holds tasks weakly
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def peek(self, fn: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        async def once() -> T:
            async with self._peeking.connect() as tx:
                return await tx.run_sync(fn, *args, **kwargs)

        return await _insist(once)

    async def read(self, fn: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        async def once() -> T:
            async with self._reading.connect() as tx:
                return await tx.run_sync(fn, *args, **kwargs)

        return await _insist(once)

    async def close(self) -> None:
        if self._running:
            await asyncio.wait(self._running)
        await self._writing.dispose()
        await self._peeking.dispose()


async def _commit(tx: "AsyncConnection") -> None:
    try:
        await tx.commit()
    except DBAPIError as error:
        if error.connection_invalidated:
            raise CommitUnknown("the line was lost during COMMIT") from error
        raise


async def _insist(once: Callable[[], Awaitable[T]]) -> T:
    for wait in WAITS:
        try:
            return await once()
        except (DBAPIError, OSError) as error:
            if not _is_passing(error):
                raise
            log.warning("transaction tried again: %s", type(error).__name__)
        await asyncio.sleep(_jittered(wait))
    return await once()


def _is_passing(error: DBAPIError | OSError) -> bool:
    """Deadlock, serialization failure, plan outdated by a migration, lost or refused connection."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or getattr(error.orig, "sqlstate", None) in {"40P01", "40001", "0A000"}
    return True
