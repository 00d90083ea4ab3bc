"""Every scenario in tests/scenarios, on both databases, on a platform with buttons and on one without."""

import pytest

from bot.demo import build
from bot.play import BOT
from storage.database import Database
from tests.support.chat import Scenario, scenario_files

SOURCES = {path.stem: path.read_text(encoding="utf-8") for path in scenario_files()}


@pytest.mark.parametrize("buttons", [True, False], ids=["buttons", "numbers"])
@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
async def test_scenario(source: str, buttons: bool, database: Database) -> None:
    await database.run(build, BOT)
    await Scenario(source, database, buttons=buttons).run()
