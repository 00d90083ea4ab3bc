"""The way in: one chat's messages one after another, each update once, one transaction around a turn."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Protocol

from domain.messages import Event, Happening, Incoming, clean
from storage.database import CommitUnknown, Database, Tx

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]
_EVERYDAY = (Happening.CAME, Happening.LEFT)  # of these nobody need be warned
_LATER: Any = object()  # to be heard in its turn
_NAME = 100  # characters of a shown name that are kept
_WAITING = 1_000  # updates in hand at once; further receivers wait


def utc_now() -> datetime:
    return datetime.now(UTC)


class Listener(Protocol):
    """What the dialogs room offers to the way in (see dialogs/routing.py)."""

    def hear(self, incoming: Incoming) -> Any | None: ...

    def settled(self, incoming: Incoming, heard: Any) -> None: ...

    def passed(self, incoming: Incoming) -> None: ...


class Inbox:
    """Turns updates into committed effects. `turn(tx, incoming, heard, now)` does the work inside the transaction and
    may raise `silence` to end it without a trace; `apologise(tx, incoming, trace, now)` is said when it failed;
    `happened(tx, event, now)` records what a platform tells of a chat."""

    def __init__(
        self,
        database: Database,
        listener: Listener,
        *,
        turn: Callable[[Tx, Incoming, Any, datetime], None],
        apologise: Callable[[Tx, Incoming, str, datetime], None],
        happened: Callable[[Tx, Event, datetime], None],
        silence: type[BaseException],
        wake: Callable[[], Awaitable[None]],
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._listener = listener
        self._turn = turn
        self._apologise = apologise
        self._happened = happened
        self._silence = silence
        self._wake = wake
        self._clock = clock
        self._lanes: dict[tuple[str, str], tuple[asyncio.Lock, int]] = {}
        self._places = asyncio.Semaphore(_WAITING)

    async def receive(self, incoming: Incoming | Event) -> None:
        """Returns when the update's effects are committed (or it has none): only then may it be confirmed."""
        if isinstance(incoming, Event):
            await self._note(incoming)
            return
        text, name = clean(incoming.text), clean(incoming.sender.name)[:_NAME]
        if (text, name) != (incoming.text, incoming.sender.name):
            incoming = replace(incoming, text=text, sender=replace(incoming.sender, name=name))
        # Most talk asks for nothing; where nobody is before it in its chat, it need not queue to find that out.
        free = (incoming.bot_id, incoming.address.chat) not in self._lanes
        heard = self._hear(incoming) if free else _LATER
        if heard is None:
            self._listener.passed(incoming)
            return
        async with self._lane(incoming.bot_id, incoming.address.chat), self._places:
            try:
                await self._handle(incoming, heard)
            except self._silence:
                self._listener.passed(incoming)
                return
            except Exception:
                trace = secrets.token_hex(4)
                log.exception("turn failed trace=%s bot=%s update=%s", trace, incoming.bot_id, incoming.update_id)
                await self._database.run(self._apologise, incoming, trace, self._clock())
            await self._wake()

    async def _note(self, event: Event) -> None:
        chat = event.address.chat if event.address else ""
        level = logging.INFO if event.what in _EVERYDAY else logging.WARNING
        log.log(level, "event %s bot=%s chat=%s", event.what, event.bot_id, chat)
        async with self._lane(event.bot_id, chat), self._places:
            await self._database.run(self._happened, event, self._clock())
        await self._wake()

    def _hear(self, incoming: Incoming) -> Any:
        try:
            return self._listener.hear(incoming)
        except Exception:  # met again in the lane, where it is answered for
            return _LATER

    async def _handle(self, incoming: Incoming, heard: Any) -> None:
        if heard is _LATER:
            heard = self._listener.hear(incoming)
        if heard is None:
            raise self._silence
        try:
            await self._database.run(self._turn, incoming, heard, self._clock())
        except CommitUnknown:  # done or not: run again, and the dedupe row decides
            await self._database.run(self._turn, incoming, heard, self._clock())
        self._listener.settled(incoming, heard)

    @asynccontextmanager
    async def _lane(self, bot_id: str, chat: str) -> AsyncIterator[None]:
        """The chat's own queue: locks are handed on in the order of asking, and forgotten when nobody waits."""
        key = (bot_id, chat)
        lock, waiting = self._lanes.get(key, (asyncio.Lock(), 0))
        self._lanes[key] = (lock, waiting + 1)
        try:
            async with lock:
                yield
        finally:
            lock, waiting = self._lanes.pop(key)
            if waiting > 1:
                self._lanes[key] = (lock, waiting - 1)
