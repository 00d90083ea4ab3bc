"""Every scenario in tests/scenarios, on both databases, on a platform with buttons and on one without."""

from pathlib import Path

import pytest

from bot.demo import build
from bot.play import BOT
from storage.database import Database
from tests.support.chat import Scenario, scenario_files


@pytest.mark.parametrize("buttons", [True, False], ids=["buttons", "numbers"])
@pytest.mark.parametrize("path", scenario_files(), ids=lambda path: path.stem)
async def test_scenario(path: Path, buttons: bool, database: Database) -> None:
    await database.run(build, BOT)
    await Scenario(path.read_text(encoding="utf-8"), database, buttons=buttons).run()
