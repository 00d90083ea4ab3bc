"""What the benchmark says: recorded Telegram updates with ids, chats and times of their own for every round."""

import json
import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.support import Home
from bot.telegram_updates import from_json
from domain.messages import Incoming

UPDATES = Path(__file__).parent.parent / "tests" / "bot" / "updates"
BOT, NAME, ME = "tg", "linli_bot", 7_000_000_001
START = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)  # ten in the morning in Shanghai
APART = timedelta(days=8)  # between rounds: the same matter a week later is a new ticket
BUSY_CHATS, SPEAKERS, PAUSE = 32, 12, 10  # plain chat: groups, people in each, seconds between two lines of a group


@dataclass(frozen=True, slots=True)
class Size:
    rounds: int = 7
    compounds: int = 12
    buildings: int = 8
    lines: int = 1000

    @property
    def turns(self) -> int:
        return self.compounds * self.buildings


def recorded(name: str) -> list[dict[str, Any]]:
    updates: list[dict[str, Any]] = json.loads((UPDATES / f"{name}.json").read_text(encoding="utf-8"))["result"]
    return updates


@dataclass(slots=True)
class Script:
    """What is said in each round: the recorded lines, with ids, chats and times of their own."""

    size: Size
    homes: list[Home]
    lines: list[dict[str, Any]]
    numbers: dict[str, int] = field(default_factory=dict)  # of each chat's first ticket

    def at(self, lap: int) -> datetime:
        return START + APART * lap

    def plain_chat(self, lap: int) -> list[bytes]:
        """Updates as Telegram sends them."""
        dice, raw = random.Random(lap), []
        for number in range(self.size.lines):
            home = self.homes[number % BUSY_CHATS % len(self.homes)]
            update = json.loads(json.dumps(self.lines[number % len(self.lines)]))
            message = update["message"]
            update["update_id"] = self._id(lap, 0, number)
            message["message_id"] = number + 1
            message["from"]["id"] = 9_000_000 + dice.randrange(SPEAKERS)
            message["chat"]["id"] = int(home.chat)
            message["date"] = int(self.at(lap).timestamp()) + number // BUSY_CHATS * PAUSE
            raw.append(json.dumps(update).encode())
        return raw

    def complaints(self, lap: int) -> list[Incoming]:
        """One in every building's chat; each becomes a ticket."""
        reports, at = recorded("reports"), self.at(lap) + timedelta(hours=2)
        said = []
        for number, home in enumerate(self.homes):
            update = json.loads(json.dumps(reports[(number + lap) % len(reports)]))
            update["message"]["from"]["id"] = int(home.user)
            update["message"]["chat"]["id"] = int(home.chat)
            said.append(self._incoming(update, self._id(lap, 1, number), at))
        return said

    def commands(self, lap: int) -> list[Incoming]:
        """Every resident asks the bot privately about the ticket they reported first."""
        text, at = (UPDATES / "private_text.json").read_text(encoding="utf-8"), self.at(lap) + timedelta(hours=4)
        asked = []
        for number, home in enumerate(self.homes):
            update = json.loads(text)
            message = update["message"]
            message["from"]["id"] = message["chat"]["id"] = int(home.user)
            message["text"] = message["text"].replace("1", str(self.numbers[home.chat]))
            asked.append(self._incoming(update, self._id(lap, 2, number), at))
        return asked

    def _id(self, lap: int, kind: int, number: int) -> int:
        return ((lap + 2) * 3 + kind) * 1_000_000 + number

    def _incoming(self, update: dict[str, Any], update_id: int, at: datetime) -> Incoming:
        incoming = from_json(update, bot_id=BOT, bot_username=NAME, bot_user_id=ME)
        assert isinstance(incoming, Incoming)
        return replace(incoming, update_id=str(update_id), sent_at=at, message_id=str(update_id))
