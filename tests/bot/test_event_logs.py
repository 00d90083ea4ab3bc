"""What a platform tells of a chat, in the log: who comes and goes is everyday, a lost chat is a warning."""

import logging
from datetime import UTC, datetime

import pytest

from bot.app import App
from bot.demo import build
from bot.play import BOT, Recorder
from domain.messages import Address, Event, Happening
from domain.rules import Rules
from storage.database import Database

NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("what", "level"),
    [(Happening.CAME, logging.INFO), (Happening.LEFT, logging.INFO), (Happening.MOVED, logging.WARNING)],
)
async def test_the_level_of_an_event(
    database: Database, caplog: pytest.LogCaptureFixture, what: Happening, level: int
) -> None:
    await database.run(build, BOT)
    app = App(database, Recorder(), Rules(), clock=lambda: NOON)
    with caplog.at_level(logging.INFO):
        await app.inbox.receive(Event(BOT, "e1", what, NOON, Address("3栋群", private=False), "somebody"))
    told = [record for record in caplog.records if record.name == "bot.inbox"]
    assert [record.levelno for record in told] == [level]
    assert "somebody" not in caplog.text
