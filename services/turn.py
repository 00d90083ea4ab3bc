"""What one update, click or due timer carries through the services."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from domain.messages import Outgoing
from domain.people import Chat
from domain.rules import Rules
from storage import outbox
from storage.database import Tx


@dataclass(slots=True)
class Turn:
    """One transaction's work: `tx` writes, `now` is aware, `cause` names what started it ("u:17", "t:3:1763900000").

    What is said is kept until `flush`, so that a step that is rolled back takes its words with it.
    """

    tx: Tx
    bot_id: str
    cause: str
    now: datetime
    rules: Rules
    said: list[tuple[str, Outgoing, datetime]] = field(default_factory=list)
    work_chats: dict[int, list[Chat]] = field(default_factory=dict)  # by body, each read once a turn

    @property
    def local(self) -> datetime:
        return self.now.astimezone(self.rules.zone)

    def say(self, message: Outgoing, *, bot_id: str = "", due_at: datetime | None = None) -> None:
        self.said.append((bot_id or self.bot_id, message, due_at or self.now))

    def flush(self) -> None:
        """Write all that was said as outbox rows; the cause and the place in the turn make each row unique.

        Who would hear the same words twice, as handler and on duty, hears them once.
        """
        said = {(bot_id, message.to, message.text): (bot_id, message, due) for bot_id, message, due in self.said[::-1]}
        rows: list[dict[str, Any]] = [
            {
                "bot_id": bot_id,
                "key": f"{self.cause}/{number}",
                "chat_id": message.to.group,
                "message": message.to_json(),
                "urgent": message.urgent,
                "due_at": due_at,
            }
            for number, (bot_id, message, due_at) in enumerate(reversed(said.values()))
        ]
        if rows:
            outbox.add(self.tx, rows)
        self.said.clear()


@contextmanager
def savepoint(turn: Turn) -> Iterator[None]:
    """A step that is undone as a whole, its words included, when anything is raised in it."""
    mark = len(turn.said)
    try:
        with turn.tx.begin_nested():
            yield
    except BaseException:
        del turn.said[mark:]
        raise
