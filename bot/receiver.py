"""One process receives for a bot; others wait until it ends or is no more heard of."""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

from bot.inbox import Clock, utc_now
from storage import receivers
from storage.database import Database

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=30)
_RENEW = 8.0  # seconds: three chances within a lease


class Receiver:
    """The leased row of a bot's receiver. `holder`: this process, by a name nobody else has."""

    def __init__(self, database: Database, bot_id: str, clock: Clock = utc_now, renew: float = _RENEW) -> None:
        self._database = database
        self._bot_id = bot_id
        self._clock = clock
        self._renew = renew
        self.holder = secrets.token_hex(8)

    async def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """Wait until nobody else receives, then run `work` until it ends; begin anew where the lease was lost."""
        while True:
            await self._wait()
            task = asyncio.ensure_future(work())
            keeping = asyncio.create_task(self._keep())
            try:
                await asyncio.wait({task, keeping}, return_when=asyncio.FIRST_COMPLETED)
                if task.done():
                    return await task
                log.error("receiver bot=%s: the lease was lost, another process may receive now", self._bot_id)
            finally:
                for each in (task, keeping):
                    each.cancel()
                await asyncio.gather(task, keeping, return_exceptions=True)
                with suppress(Exception):  # it ends by itself
                    await self._database.run(receivers.release, bot_id=self._bot_id, holder=self.holder)

    async def _wait(self) -> None:
        told = False
        while not await self._try("could not be asked for", otherwise=False):
            if not told:
                log.warning("receiver bot=%s: another process receives, waiting until it ends", self._bot_id)
                told = True
            await asyncio.sleep(self._renew / 4)

    async def _keep(self) -> None:
        """Renew the lease until another process has it. While the database is away nobody can take it."""
        while await self._try("could not be renewed", otherwise=True):  # noqa: ASYNC110
            await asyncio.sleep(self._renew)

    async def _try(self, trouble: str, *, otherwise: bool) -> bool:
        try:
            return await self._hold()
        except Exception:
            log.exception("receiver bot=%s: the lease %s, trying again", self._bot_id, trouble)
            return otherwise

    async def _hold(self) -> bool:
        return await self._database.run(
            receivers.hold, bot_id=self._bot_id, holder=self.holder, now=self._clock(), lease=LEASE
        )
