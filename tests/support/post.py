"""An outbox of one bot, its senders and their clock, and a platform that fails as told."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from bot.outbox import Sender
from bot.transport import Limits, Receive, Transport
from domain.messages import Address, Event, Happening, Outgoing
from storage import outbox
from storage.database import Database, Tx
from storage.outbox import Outbox

BOT = "bot"
NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)


class Platform(Transport):
    """A transport that fails as told. troubles: what each next attempt to send a text raises."""

    bot_id = BOT

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.messages: list[Outgoing] = []
        self.edits: list[tuple[str, str]] = []  # (message id, text)
        self.sent: list[tuple[str, str]] = []
        self.attempts: list[str] = []
        self.troubles: dict[str, list[Exception]] = {}
        self.slow: dict[str, asyncio.Event] = {}  # a text is answered only after its event

    async def run(self, receive: Receive) -> None:
        """Nothing comes in."""

    async def send(self, message: Outgoing) -> str:
        self.attempts.append(message.text)
        if message.text in self.slow:
            await self.slow[message.text].wait()
        if troubles := self.troubles.get(message.text):
            raise troubles.pop(0)
        self.sent.append((message.to.chat, message.text))
        self.messages.append(message)
        return f"m{len(self.sent)}"

    async def edit(self, message: Outgoing, message_id: str) -> None:
        self.attempts.append(message.text)
        if troubles := self.troubles.get(message.text):
            raise troubles.pop(0)
        self.edits.append((message_id, message.text))

    def texts(self, chat: str = "") -> list[str]:
        return [text for to, text in self.sent if not chat or to == chat]


class Post:
    """The outbox of one bot, its senders and their clock."""

    def __init__(self, database: Database, limits: Limits | None = None) -> None:
        self.database = database
        self.now = NOON
        self.events: list[Event] = []
        self.platform = Platform(limits)
        self.sender = self.another(self.platform)

    def another(self, platform: Platform) -> Sender:
        """A further process that sends for the same bot."""
        return Sender(self.database, platform, clock=lambda: self.now, happened=self._happened)

    def _happened(self, tx: Tx, event: Event) -> None:
        if event.what is not Happening.RESTORED:  # told after every word to a group
            self.events.append(event)

    async def put(self, chat: str, *texts: str, due_in: float = 0, **more: Any) -> None:
        """Messages to a group, or with private=True to a person. more: parts of an Outgoing."""
        to = Address(chat, more.pop("private", False))
        messages = [Outgoing(to, text, **more) for text in texts]
        await self.database.run(_put, messages, self.now + timedelta(seconds=due_in))

    async def send_all(self, sender: Sender | None = None) -> None:
        while await (sender or self.sender).send_due():
            pass

    async def states(self) -> dict[str, str]:
        def see(tx: Tx) -> dict[str, str]:
            return {row.message["text"]: row.state for row in tx.execute(select(Outbox.message, Outbox.state))}

        return await self.database.read(see)


def _put(tx: Tx, messages: list[Outgoing], due_at: datetime) -> None:
    outbox.add(
        tx,
        [
            {
                "bot_id": BOT,
                "chat_id": message.to.group,
                "urgent": message.urgent,
                "due_at": due_at,
                "key": f"k:{message.text}",
                "message": message.to_json(),
            }
            for message in messages
        ],
    )
