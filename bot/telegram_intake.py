"""Updates on their way to the inbox: each chat's in order, chats at the same time; then a press is answered."""

import asyncio
import logging
from collections import defaultdict
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from telegram.error import TelegramError

from bot.telegram_client import Client
from bot.telegram_updates import from_json
from bot.transport import Receive
from domain.messages import Event, Happening, Incoming

log = logging.getLogger(__name__)

_ANSWERING = 2  # presses answered at once, so that what the bot says finds a free connection


@dataclass(frozen=True, slots=True)
class Me:
    """bot_id: in linli's database; username and user_id: on Telegram."""

    bot_id: str
    username: str
    user_id: int


@dataclass(frozen=True, slots=True)
class Read:
    """One update. said: None where it means nothing to us; press: the id by which a press is answered."""

    number: int
    said: Incoming | Event | None = None
    press: str = ""

    @property
    def chat(self) -> str:
        return self.said.address.chat if self.said and self.said.address else ""

    @property
    def moves(self) -> bool:
        """Whether it concerns two chats, so that nothing is handed over beside it."""
        return isinstance(self.said, Event) and self.said.what is Happening.MOVED


class Intake:
    def __init__(self, client: Client, me: Me, receive: Receive) -> None:
        self._client = client
        self._me = me
        self._receive = receive
        self._few = asyncio.Semaphore(_ANSWERING)
        self._answers: set[asyncio.Task[None]] = set()

    async def take(self, data: dict[str, Any]) -> None:
        """Returns when the update's effects are committed; raises as `receive`. One that nobody can read has none."""
        await self._hand_over(self._read(data))

    async def take_all(self, updates: list[dict[str, Any]]) -> int | None:
        """Hand over what one question brought, sorted. Gives the first update that was not taken; None: all were."""
        for _, group in groupby(map(self._read, updates), key=lambda read: read.moves):
            lanes: dict[str, list[Read]] = defaultdict(list)
            for read in group:
                lanes[read.chat].append(read)
            async with asyncio.TaskGroup() as tasks:
                ends = [tasks.create_task(self._lane(lane)) for lane in lanes.values()]
            failed = [number for end in ends if (number := end.result()) is not None]
            if failed:
                return min(failed)
        return None

    async def _lane(self, reads: list[Read]) -> int | None:
        """One chat's updates up to the first that is not taken: that one, and what was said after it, come again."""
        for read in reads:
            try:
                await self._hand_over(read)
            except Exception as error:  # whatever the database raises
                log.error("bot=%s update=%s not taken: %s", self._me.bot_id, read.number, type(error).__name__)
                return read.number
        return None

    async def _hand_over(self, read: Read) -> None:
        if read.said is not None:
            await self._receive(read.said)
        if read.press:
            answer = asyncio.create_task(self._answer(read))
            self._answers.add(answer)
            answer.add_done_callback(self._answers.discard)

    def _read(self, data: dict[str, Any]) -> Read:
        number, me = int(data["update_id"]), self._me
        try:
            said = from_json(data, bot_id=me.bot_id, bot_username=me.username, bot_user_id=me.user_id)
            return Read(number, said, str((data.get("callback_query") or {}).get("id", "")))
        except Exception as error:  # whatever a strange shape makes the library raise
            log.error("bot=%s update=%s cannot be read: %s", me.bot_id, number, type(error).__name__)
            return Read(number)

    async def _answer(self, read: Read) -> None:
        """The button stops blinking; without it that only takes longer."""
        try:
            async with self._few:
                await self._client.answer_callback_query(read.press)
        except TelegramError as error:
            log.debug("bot=%s press of update=%s: %s", self._me.bot_id, read.number, self._client.plain(error))

    async def close(self) -> None:
        for answer in self._answers:
            answer.cancel()
        await asyncio.gather(*self._answers, return_exceptions=True)
