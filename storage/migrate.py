"""Schema changes by Alembic, from empty to the newest, on both databases. Revisions are numbered files: 0001_….py."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, create_engine, inspect, select, table, text
from sqlalchemy.engine import make_url

if TYPE_CHECKING:
    from alembic.config import Config

T = TypeVar("T")
_FOLDER = Path(__file__).parent / "migrations"


def newest() -> str:
    """The revision this code needs."""
    return max(path.name.split("_", 1)[0] for path in (_FOLDER / "versions").glob("[0-9]*_*.py"))


def current(url: str) -> str | None:
    """The revision the database is at; None for an empty one. Raises what the driver raises if it can't be opened."""
    return _with_connection(url, _revision)


def upgrade(url: str) -> bool:
    """Bring the database to the newest revision; False where it was there already (Alembic is not even imported)."""
    if make_url(url).get_backend_name() == "sqlite":
        Path(make_url(url).database or "").parent.mkdir(parents=True, exist_ok=True)

    def work(connection: Connection) -> bool:
        if _revision(connection) == newest():
            return False
        from alembic import command

        command.upgrade(_config(connection), "head")
        return True

    return _with_connection(url, work)


def drift(url: str) -> list[Any]:
    """What differs between the models and the database, as Alembic's operations; empty: nothing."""

    def work(connection: Connection) -> list[Any]:
        from alembic.autogenerate import compare_metadata
        from alembic.migration import MigrationContext

        from storage.models import Base

        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, Base.metadata))

    return _with_connection(url, work)


def write_revision(url: str, message: str, number: str) -> None:
    """Write the next migration file from what differs (for developers)."""

    def work(connection: Connection) -> None:
        from alembic import command

        command.revision(_config(connection), message=message, autogenerate=True, rev_id=number)

    _with_connection(url, work)


def _config(connection: Connection) -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.attributes["connection"] = connection
    return config


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(select(text("version_num")).select_from(table("alembic_version"))).scalar()
    return found


def _with_connection(url: str, work: Callable[[Connection], T]) -> T:
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(parsed.set(drivername="sqlite+pysqlite"), hide_parameters=True)
        try:
            with engine.begin() as connection:
                return work(connection)
        finally:
            engine.dispose()
    return asyncio.run(
        _with_async_connection(str(parsed.set(drivername="postgresql+asyncpg").render_as_string(False)), work)
    )


async def _with_async_connection(url: str, work: Callable[[Connection], T]) -> T:
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine(url, hide_parameters=True)
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(work)
    finally:
        await engine.dispose()
