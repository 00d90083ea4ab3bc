"""Every scenario in tests/scenarios: with buttons on both databases, without them on SQLite."""

import pytest

from bot.demo import build
from bot.play import BOT
from storage.database import Database
from tests.support.chat import Scenario, scenario_files

SOURCES = {path.stem: path.read_text(encoding="utf-8") for path in scenario_files()}


WAYS = {
    "sqlite-buttons": ("sqlite", True),
    "sqlite-numbers": ("sqlite", False),
    "postgresql-buttons": ("postgresql", True),
}


@pytest.mark.parametrize(("database_url", "buttons"), WAYS.values(), ids=WAYS, indirect=["database_url"])
@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
async def test_scenario(source: str, buttons: bool, database: Database) -> None:
    await database.run(build, BOT)
    await Scenario(source, database, buttons=buttons).run()
