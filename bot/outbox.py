"""The way out: due rows to the platform, each chat in order, with retry, fallback and a dead letter box."""

import asyncio
import logging
from contextlib import suppress
from datetime import datetime, timedelta

from bot.inbox import Clock, utc_now
from bot.transport import Rejected, RetryLater, Transport, Unreachable
from domain.messages import Outgoing
from storage import outbox
from storage.database import Database, Tx

log = logging.getLogger(__name__)

_LEASE = timedelta(seconds=60)
_PATIENCE = 50  # seconds a platform may take for one message: less than the lease
_UNDER_WAY = 200  # messages on their way at once
_POLL = 0.5  # seconds; another process on the same database cannot wake us
ATTEMPTS = 300  # with the longest pause of five minutes: about a day
_PAUSE = 300.0  # seconds, at most
_BATCH = 50


class Sender:
    """Sends what is due for one bot. Any number of processes may send: rows are leased, a chat's order is kept."""

    def __init__(self, database: Database, transport: Transport, clock: Clock = utc_now) -> None:
        self._database = database
        self._transport = transport
        self._clock = clock
        self._awake = asyncio.Event()
        self._stopping = False
        self.dead = 0

    def wake(self) -> None:
        self._awake.set()

    def stop(self) -> None:
        self._stopping = True
        self.wake()

    async def run(self) -> None:
        """Send until stopped; what is on its way then is still marked. A chat that hangs holds up no other."""
        under_way: set[asyncio.Task[None]] = set()
        while not self._stopping:
            self._awake.clear()
            rows = await self._claim() if len(under_way) < _UNDER_WAY else []
            for row in rows:
                task = asyncio.create_task(self._send(*row))
                under_way.add(task)
                task.add_done_callback(under_way.discard)
                task.add_done_callback(self._landed)
            if not rows:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._awake.wait(), _POLL)
        await asyncio.gather(*under_way, return_exceptions=True)

    def _landed(self, task: asyncio.Task[None]) -> None:
        """A row whose mark failed is due again when its lease ends; the sender goes on."""
        if not task.cancelled() and (error := task.exception()):
            log.error("a message could not be marked", exc_info=error)
        self.wake()

    async def next_due(self) -> datetime | None:
        return await self._database.peek(outbox.next_due, bot_id=self._transport.bot_id)

    async def send_due(self) -> bool:
        """Send the first due row of every chat that has one; False where nothing was due."""
        rows = await self._claim()
        await asyncio.gather(*(self._send(*row) for row in rows))
        return bool(rows)

    async def _claim(self) -> list[tuple[int, Outgoing, int]]:
        """Lease what is due, a row a chat: (id, message, attempts before)."""
        try:
            now = self._clock()
            due = await self.next_due()
            if due is None or due > now:
                return []
            bot_id = self._transport.bot_id
            rows = await self._database.run(outbox.claim, bot_id=bot_id, now=now, lease=_LEASE, most=_BATCH)
        except Exception:
            log.exception("sender bot=%s cannot read its outbox, goes on", self._transport.bot_id)
            return []
        return [(row, Outgoing.from_json(parts), tried) for row, parts, tried in rows]

    async def _send(self, row: int, message: Outgoing, tried: int) -> None:
        now = self._clock()
        try:
            async with asyncio.timeout(_PATIENCE):
                message_id = await self._transport.send(message)
        except RetryLater as later:
            await self._again(row, tried, later.seconds, "retry later")
        except Unreachable as error:
            await self._fall_back(row, message, str(error))
        except Rejected as error:
            await self._bury(row, f"rejected: {error}")
        except Exception as error:
            log.exception("send row=%s failed", row)
            await self._again(row, tried, min(2.0 ** min(tried, 10), _PAUSE), type(error).__name__)
        else:
            await self._database.run(outbox.mark_sent, row, message_id=message_id, now=now)

    async def _again(self, row: int, tried: int, seconds: float, error: str) -> None:
        if tried + 1 >= ATTEMPTS:
            await self._bury(row, error)
            return
        at = self._clock() + timedelta(seconds=seconds)
        await self._database.run(outbox.retry, row, at=at, error=error)

    async def _bury(self, row: int, error: str) -> None:
        if await self._database.run(outbox.mark_dead, row, error=error, now=self._clock()):
            self.dead += 1
            log.error("dead letter row=%s: %s", row, error)

    async def _fall_back(self, row: int, message: Outgoing, error: str) -> None:
        """The private chat is closed: the neutral line in the group instead, in the same transaction."""
        now = self._clock()

        def replace(tx: Tx) -> None:
            if outbox.mark_dead(tx, row, error=error, now=now) and message.fallback:
                instead = message.fallback
                values = {
                    "bot_id": self._transport.bot_id,
                    "key": f"fallback:{row}",
                    "chat_id": instead.to.chat,
                    "message": instead.to_json(),
                    "urgent": instead.urgent,
                    "due_at": now,
                }
                outbox.add(tx, [values])

        await self._database.run(replace)
