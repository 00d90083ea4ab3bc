"""The test transport: what `linli play` and the scenarios run on, with the player's own clock."""

from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from bot.play import Player, Recorder
from bot.transport import Gone, RetryLater, Unreachable, as_text
from domain.messages import Address, File, Happening, Incoming, Outgoing, Sender
from storage.database import Database
from tests.transports.rigs import BOT, NOON, RULES, Has, Rig, Said


class Stage(Recorder):
    """A recorder that can be away, with people who cannot be written to and photos to fetch."""

    bot_id = BOT

    def __init__(self) -> None:
        super().__init__()
        self.away = False
        self.shut: set[str] = set()
        self.photos: dict[str, bytes] = {}

    async def send(self, message: Outgoing) -> str:
        if self.away:
            raise RetryLater(5)
        if message.to.chat in self.shut:
            raise Unreachable("never opened", Happening.UNOPENED)
        return await super().send(message)

    async def fetch(self, ref: str, most: int) -> bytes:
        if ref not in self.photos:
            raise Gone("no such photo")
        return self.photos[ref]


class PlayedRig(Rig):
    has = Has(captions=True)
    transport: Stage

    def __init__(self, database: Database, files: Path) -> None:
        super().__init__(database, files)
        self._numbers = count(1)
        self._writers: dict[str, str] = {}

    def id_of(self, name: str) -> str:
        return name

    async def start(self) -> None:
        self.transport = Stage()
        self._player = Player(self.database, self.transport, RULES)
        self.app = self._player.app
        await self._player.advance(NOON)

    async def stop(self) -> None:
        """Nothing runs by itself."""

    async def say(
        self, who: str, text: str, chat: str = "", *, at_me: bool = False, answer: bool = False, file: str = ""
    ) -> None:
        await self._hear(self._incoming(who, text, chat, file, at_me=at_me, reply_to_me=answer))

    async def say_twice(self, who: str, text: str, chat: str = "") -> None:
        incoming = self._incoming(who, text, chat)
        await self._hear(incoming)
        await self._hear(incoming)

    async def photo(self, who: str, data: bytes, words: str, chat: str = "") -> None:
        ref = f"photo-{len(self.transport.photos)}"
        self.transport.photos[ref] = data
        await self.say(who, words, chat, file=ref)

    def _incoming(self, who: str, text: str, chat: str, file: str = "", **more: Any) -> Incoming:
        number = str(next(self._numbers))
        self._writers[number] = who
        place = Address(chat) if chat else Address(who, private=True)
        files = (File("photo", file),) if file else ()
        return Incoming(
            BOT, number, place, Sender(who, who), text, self._player.now, files=files, message_id=number, **more
        )

    async def _hear(self, incoming: Incoming) -> None:
        self.transport.shut -= {incoming.address.chat}
        await self._player.hear(incoming)

    async def said(self) -> list[Said]:
        return [self._seen(each.message, number) for number, each in enumerate(self.transport.sent, start=1)]

    def _seen(self, message: Outgoing, number: int) -> Said:
        return Said(
            message.to.chat,
            message.to.private,
            as_text(message),
            quoted=self._writers.get(message.reply_to, ""),
            called=tuple(person.name for person in message.mentions),
            file=(self.files / message.file.ref).read_bytes() if message.file else None,
            id=f"bot-{number}",
        )

    async def put(self, to: str, *texts: str, **parts: Any) -> None:
        await super().put(to, *texts, **parts)
        await self.later()

    def clock(self) -> datetime:
        return self._player.now

    async def later(self, **time: float) -> None:
        """Not by `advance`: it waits for what is due, and here a message may stand behind one that is tried again."""
        await self._player._settle(self._player.now + timedelta(**time))

    async def shut(self, who: str) -> None:
        self.transport.shut.add(who)

    async def go(self) -> None:
        self.transport.away = True

    async def come_back(self) -> None:
        self.transport.away = False
