"""What a transport holds in memory: messages that came in out of order and wait their turn, and what is known of the
newest ones."""

import asyncio
import heapq
import itertools
import logging
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")

_MOST_KNOWN = 10_000

_PAUSE, _LONGEST_PAUSE = 1.0, 60.0  # seconds before what was not taken is handed over again


class Lanes(Generic[T]):
    """What waits is in memory only and bounded: who brings more waits in `reserve`."""

    def __init__(self, hand: Callable[[T], Awaitable[None]], tasks: asyncio.TaskGroup, most: int) -> None:
        self._hand = hand
        self._tasks = tasks
        self._free = asyncio.Semaphore(most)
        self._numbers = itertools.count()  # of the same moment: as they came
        self._waiting: dict[str, list[tuple[float, int, float, T]]] = {}

    @property
    def full(self) -> bool:
        return self._free.locked()

    async def reserve(self) -> None:
        await self._free.acquire()

    def release(self) -> None:
        self._free.release()

    def put(self, chat: str, thing: T, *, moment: float, due: float) -> None:
        """One for which a place is reserved. due: the loop's time before which an earlier one may still come."""
        entry = (moment, next(self._numbers), due, thing)
        if chat in self._waiting:
            heapq.heappush(self._waiting[chat], entry)
        else:
            self._waiting[chat] = [entry]
            self._tasks.create_task(self._run(chat))

    async def _run(self, chat: str) -> None:
        loop, waiting = asyncio.get_running_loop(), self._waiting[chat]
        while waiting:
            wait = waiting[0][2] - loop.time()
            if wait > 0:
                await asyncio.sleep(wait)  # and look again: an earlier one may have come
                continue
            await self._surely(heapq.heappop(waiting)[3])
            self._free.release()
        del self._waiting[chat]

    async def _surely(self, thing: T) -> None:
        """Handed over until it is taken: the gateway would not bring it again, and the chat's order holds."""
        pause = _PAUSE
        while True:
            try:
                return await self._hand(thing)
            except Exception:
                log.exception("not taken, comes again in %s s", pause)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)


class Recent(dict[K, V]):
    """A memory of the newest."""

    def keep(self, key: K, value: V) -> V:
        self[key] = value
        if len(self) > _MOST_KNOWN:
            del self[next(iter(self))]
        return value
