"""What one update, click or due timer carries through the services."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from domain.messages import Address, Outgoing
from domain.people import Chat
from domain.rules import Rules
from storage import outbox, places
from storage.database import Tx
from texts import say


@dataclass(slots=True)
class Turn:
    """One transaction's work: `tx` writes, `now` is aware, `cause` names what started it ("u:17", "t:3:1763900000").

    What is said is kept until `flush`, so that a step that is rolled back takes its words with it.
    speaker: the user id of who is answered, privately where the group is quiet.
    """

    tx: Tx
    bot_id: str
    cause: str
    now: datetime
    rules: Rules
    speaker: str = ""
    taught: bool = False  # the classifier has something to learn from this turn
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
        self.said = [(bot_id, self._aside(bot_id, message), due) for bot_id, message, due in self.said]
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

    def _aside(self, bot_id: str, message: Outgoing) -> Outgoing:
        """An answer in a group that is quiet goes to who asked; all else the outbox keeps until the quiet ends."""
        answer = self.speaker and message.reply_to and bot_id == self.bot_id
        if message.to.private or message.urgent or not answer:
            return message
        until = places.quiet_until(self.tx, bot_id, message.to.group)
        if until is None or until <= self.now:
            return message
        later = Outgoing(message.to, say("common.talk_privately"), reply_to=message.reply_to)
        return replace(message, to=Address(self.speaker, private=True), reply_to="", fallback=later)


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
