"""A bot on the Telegram peer, and in the inbox's place somebody who notes what arrives or cannot take it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.telegram_line import Pace
from bot.telegram_transport import TelegramTransport
from domain.messages import Address, Event, Incoming
from tests.peers.telegram.peer import TelegramPeer

TOKEN = "7000000001:AAHsecretOfTheTest-do_not_log"
ME = {
    "id": 7000000001,
    "first_name": "小助手",
    "username": "linli_bot",
    "can_join_groups": True,
    "can_read_all_group_messages": True,
    "supports_inline_queries": False,
}
GROUP, OTHER, FORUM = -1002000000003, -1002000000004, -1002000000009
WANG, LIU = 5100001, 5100002
HERE, PRIVATE = Address(str(GROUP)), Address(str(WANG), private=True)
PACE = Pace(asking=3, pause=0.02, longest=0.1, gap=0.2, grace=0)


class Down(Exception):
    """The database is."""


@dataclass
class Hearer:
    """`heard`: what was taken, in order. `troubles`: how often an update with this text is not taken. `held`: texts
    that are not taken until they are released."""

    heard: list[Incoming | Event] = field(default_factory=list)
    troubles: dict[str, int] = field(default_factory=dict)
    held: dict[str, asyncio.Event] = field(default_factory=dict)
    began: list[str] = field(default_factory=list)
    down: bool = False

    async def receive(self, said: Incoming | Event) -> None:
        text = said.text if isinstance(said, Incoming) else said.what.value
        self.began.append(text)
        if text in self.held:
            await self.held[text].wait()
        if self.down:
            raise Down
        if self.troubles.get(text, 0):
            self.troubles[text] -= 1
            raise Down
        await asyncio.sleep(0)
        self.heard.append(said)

    def texts(self, chat: int | None = None) -> list[str]:
        said = [each for each in self.heard if isinstance(each, Incoming)]
        return [each.text for each in said if chat is None or each.address.chat == str(chat)]

    def events(self) -> list[Event]:
        return [each for each in self.heard if isinstance(each, Event)]


@asynccontextmanager
async def open_peer(**me: Any) -> AsyncIterator[TelegramPeer]:
    """The platform with two groups, a forum and two people."""
    async with TelegramPeer(TOKEN, ME | me) as peer:
        peer.group(GROUP, "3栋群")
        peer.group(OTHER, "4栋群")
        peer.group(FORUM, "和谐小区", forum=True)
        peer.topic(FORUM, 77, "3栋")
        peer.person(WANG, "王阿姨")
        peer.person(LIU, "刘", last_name="建国")
        yield peer


@asynccontextmanager
async def on(peer: TelegramPeer, files: Path, **more: Any) -> AsyncIterator[TelegramTransport]:
    settings: dict[str, Any] = {"api": peer.url, "pace": PACE} | more
    async with TelegramTransport("tg", TOKEN, files=files, **settings) as transport:
        yield transport


@asynccontextmanager
async def running(transport: TelegramTransport, hearer: Hearer) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(transport.run(hearer.receive))
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
