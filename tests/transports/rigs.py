"""What the contract suite needs of a platform: its people speak, and what the bot said is seen as they see it."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, update

from bot.app import App
from bot.demo import build, facts
from bot.inbox import utc_now
from bot.transport import Transport
from domain.messages import Address, Outgoing
from domain.rules import Rules
from storage import outbox
from storage.database import Database, Tx
from storage.outbox import Outbox
from storage.people import Identity
from storage.places import ChatRow
from storage.ticket_files import TicketFile
from storage.ticket_reports import TicketText

BOT, NAME, STRANGER = "house", "小助手", "小新"
SECOND = 0.05  # what a second of the rate limits lasts
PATIENCE = 10.0
RULES = Rules()
PEOPLE = (*(person["name"] for person in facts()["cast"]), STRANGER)
GROUPS = ("3栋群", "3栋党小组群", "和谐小区群", "社区群", "物业群")
NOON = datetime.combine(utc_now().astimezone(RULES.zone), time(12), tzinfo=RULES.zone)


@dataclass(frozen=True, slots=True)
class Has:
    """What a platform offers. closed: private chats that people must open first; repeats: it may tell of one message
    twice; captions: words stand under a picture; pace: it is not to be written
    to too fast."""

    buttons: bool = False
    edits: bool = False
    media: bool = True
    captions: bool = False
    quotes: bool = True
    closed: bool = True
    repeats: bool = True
    pace: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """A message of the bot as it stands on the platform. quoted: whose message it quotes; called: who is called by
    name; edits: how often its words were changed."""

    to: str
    private: bool
    text: str
    buttons: tuple[str, ...] = ()
    quoted: str = ""
    called: tuple[str, ...] = ()
    file: bytes | None = None
    edits: int = 0
    id: str = ""

    @property
    def shown(self) -> str:
        """The text and the answers there are: on buttons, or as numbered lines which are in the text."""
        return "\n".join([self.text, *self.buttons])


class Rig(ABC):
    """One bot on one platform with the demo compound. People and groups go by name; chat "": privately to the bot."""

    has = Has()
    transport: Transport
    app: App

    def __init__(self, database: Database, files: Path) -> None:
        self.database = database
        self.files = files
        self._ahead = NOON - utc_now()
        self._read: dict[tuple[str, bool], int] = {}
        self._running: asyncio.Task[None] | None = None
        self._puts = 0

    # --- the platform: each rig's own ---

    @abstractmethod
    def id_of(self, name: str) -> str:
        """The platform's id of a person or a group."""

    @abstractmethod
    async def start(self) -> None: ...

    @abstractmethod
    async def stop(self) -> None: ...

    @abstractmethod
    async def say(self, who: str, text: str, chat: str = "", *, at_me: bool = False, answer: bool = False) -> None:
        """answer: to what the bot said last in that chat."""

    @abstractmethod
    async def say_twice(self, who: str, text: str, chat: str = "") -> None:
        """One message of which the platform tells twice; where it never does, the same words again."""

    @abstractmethod
    async def photo(self, who: str, data: bytes, words: str, chat: str = "") -> None:
        """A photo with words: under it, or where there are no captions, after it."""

    @abstractmethod
    async def said(self) -> list[Said]:
        """All that the bot said so far, in order, as it stands now."""

    @abstractmethod
    async def go(self) -> None:
        """The platform goes away."""

    @abstractmethod
    async def come_back(self) -> None: ...

    async def shut(self, who: str) -> None:
        """The person has never opened a private chat with the bot."""
        raise NotImplementedError

    async def open(self, who: str) -> None:
        """Now they do, in the platform's way."""
        await self.say(who, "帮助")

    async def press(self, who: str, said: Said, label: str) -> None:
        """Press the button; where there are none, type the number before the label."""
        number = next(line.partition(" ")[0] for line in said.shown.splitlines() if line.endswith(f" {label}"))
        await self.say(who, number, "" if said.private else said.to)

    async def forge(self, who: str) -> None:
        """An answer to a question that nobody asked."""
        await self.say(who, "9")

    async def breaches(self) -> list[str]:
        """How the bot wrote faster than the platform bears, in words."""
        return []

    # --- the bot: the same for all ---

    async def settle_in(self) -> None:
        """The demo compound, with this platform's ids."""

        def rename(tx: Tx) -> None:
            build(tx, BOT)
            for name in PEOPLE:
                tx.execute(update(Identity).where(Identity.user_id == name).values(user_id=self.id_of(name)))
            for name in GROUPS:
                tx.execute(update(ChatRow).where(ChatRow.chat_id == name).values(chat_id=self.id_of(name)))

        await self.database.run(rename)

    def clock(self) -> datetime:
        """Noon when the test begins, so that no night changes what is said."""
        return utc_now() + self._ahead

    def begin(self) -> None:
        self.app = App(self.database, self.transport, RULES, clock=self.clock, second=SECOND)
        self._running = asyncio.create_task(self.app.run())

    async def end(self) -> None:
        if self._running:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running

    async def later(self, **time: float) -> None:
        self._ahead += timedelta(**time)
        self.app.sender.wake()

    def place(self, name: str) -> Address:
        return Address(self.id_of(name), private=name in PEOPLE)

    async def put(self, to: str, *texts: str, **parts: Any) -> None:
        """Messages into the outbox, as a feature would write them."""
        messages = [Outgoing(self.place(to), text, **parts) for text in texts]
        first, self._puts = self._puts, self._puts + len(texts)
        rows = [
            {
                "bot_id": BOT,
                "key": f"put:{number}",
                "chat_id": message.to.group,
                "message": message.to_json(),
                "urgent": message.urgent,
                "due_at": self.clock(),
            }
            for number, message in enumerate(messages, start=first)
        ]
        await self.database.run(outbox.add, rows)
        self.app.sender.wake()

    async def hears(self, to: str, begins: str) -> Said:
        """The next thing the bot says to a group or a person; it must begin like this."""
        place = (to, to in PEOPLE)
        number = self._read.get(place, 0)
        self._read[place] = number + 1
        told: list[Said] = []
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while len(told) <= number:
                    told = [each for each in await self.said() if (each.to, each.private) == place]
                    await asyncio.sleep(0 if len(told) > number else 0.02)
        assert len(told) > number, f"{to} hears nothing; said so far: {[each.shown for each in await self.said()]}"
        assert told[number].shown.startswith(begins), f"{to} hears instead: {told[number].shown}"
        return told[number]

    async def heard_all(self, to: str) -> None:
        """Nothing else was said there: what is put last is what comes next."""
        await self.put(to, "就这些")
        await self.hears(to, "就这些")

    async def until(self, there: Callable[[Tx], bool]) -> None:
        """Until the database says so."""
        async with asyncio.timeout(PATIENCE):
            while not await self.database.read(there):  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    async def tried(self) -> None:
        """Until somebody has tried to send what waits."""
        found = select(func.max(Outbox.attempts)).where(Outbox.state == outbox.WAITING)
        await self.until(lambda tx: bool(tx.execute(found).scalar_one()))

    async def reports(self) -> int:
        """How often people's words were written down with tickets."""
        found = select(func.count()).select_from(TicketText)
        return await self.database.read(lambda tx: tx.execute(found).scalar_one())

    async def is_known(self, who: str) -> bool:
        found = select(func.count()).select_from(Identity).where(Identity.user_id == self.id_of(who))
        return bool(await self.database.read(lambda tx: tx.execute(found).scalar_one()))

    async def wanted_files(self) -> list[str]:
        """The platform's handles of the files that belong to tickets."""
        found = select(TicketFile.ref).order_by(TicketFile.id)
        return await self.database.read(lambda tx: list(tx.execute(found).scalars()))
