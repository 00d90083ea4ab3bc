"""What every test may ask for: `database_url`, `database` (each test runs on SQLite and on PostgreSQL)."""

from collections.abc import AsyncIterator, Iterator

import pytest

from storage.database import Database, open_database
from tests.support.databases import Databases, NoPostgres, SqliteDatabases, open_postgres


@pytest.fixture(scope="session")
def sqlite_databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    databases = SqliteDatabases(tmp_path_factory.mktemp("sqlite"))
    yield databases
    databases.close()


@pytest.fixture(scope="session")
def postgresql_databases() -> Iterator[Databases]:
    try:
        databases = open_postgres()
    except NoPostgres as error:
        pytest.skip(str(error))
    yield databases
    databases.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A database of this test alone: all tables, no rows.

    On one database only: `@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)`.
    """
    databases: Databases = request.getfixturevalue(f"{request.param}_databases")
    url = databases.create()
    yield url
    databases.drop(url)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with open_database(database_url) as database:
        yield database
