"""The way out: due rows to the platform, a chat's in order, in measure, with retry, fallback and dead letters."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

from bot.inbox import Clock, utc_now
from bot.pieces import pieces
from bot.transport import Flooded, Gone, Moved, Rejected, RetryLater, Transport, Unreachable
from domain.messages import Address, Event, Happening, Outgoing
from storage import outbox, pace
from storage.database import Database, Tx
from storage.outbox import Claimed
from storage.pace import Rates

log = logging.getLogger(__name__)

_LEASE = timedelta(seconds=60)
_ANSWERING = 50  # seconds a platform may take for one message: less than the lease
_UNDER_WAY = 200  # messages on their way at once
_POLL = 0.5  # seconds; another process on the same database cannot wake us
PATIENCE = timedelta(days=1)  # then a message is given up
_PAUSE = 300.0  # seconds between two attempts, at most
_BATCH = 50
SUMMARY = timedelta(minutes=30)  # where a post cannot be edited, its newest state is said no more often
Happened = Callable[[Tx, Event], None]
Drawn = Callable[[Outgoing], AbstractAsyncContextManager[Outgoing]]


@dataclass(frozen=True, slots=True)
class _Letter:
    """A leased row, and the piece of it that goes now."""

    row: Claimed
    message: Outgoing
    piece: Outgoing
    last: bool

    @property
    def chat(self) -> str:
        return self.message.to.group


class Sender:
    """Sends what is due for one bot. Any number of processes may send: rows are leased, a chat's order and the
    platform's limits are kept among them. `happened(tx, event)`: what sending shows about a chat is told there.
    `drawn(message)`: what is only drawn now, as a file while it is sent."""

    def __init__(
        self,
        database: Database,
        transport: Transport,
        clock: Clock = utc_now,
        *,
        happened: Happened = lambda tx, event: None,
        drawn: Drawn = nullcontext,
        second: float = 1.0,
    ) -> None:
        self._database = database
        self._transport = transport
        self._clock = clock
        self._happened = happened
        self._drawn = drawn
        limits = transport.limits
        self._rates = Rates(limits.per_second, limits.per_minute, limits.chat_pause, second)
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
                task = asyncio.create_task(self._send(row))
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
        if self._rates:  # the chat rests; then its next message may go
            asyncio.get_running_loop().call_later(self._rates.chat_pause * self._rates.second + 0.06, self.wake)

    async def next_due(self) -> datetime | None:
        return await self._database.peek(outbox.next_due, bot_id=self._transport.bot_id)

    async def send_due(self) -> bool:
        """Send the first due row of every chat that has one; False where nothing was due."""
        rows = await self._claim()
        await asyncio.gather(*(self._send(row) for row in rows))
        return bool(rows)

    async def _claim(self) -> list[Claimed]:
        """Lease what is due, a row a chat."""
        try:
            now = self._clock()
            due = await self.next_due()
            if due is None or due > now:
                return []
            bot_id = self._transport.bot_id
            return await self._database.run(
                outbox.claim, bot_id=bot_id, now=now, lease=_LEASE, most=_BATCH, rates=self._rates
            )
        except Exception:
            log.exception("sender bot=%s cannot read its outbox, goes on", self._transport.bot_id)
            return []

    async def _send(self, row: Claimed) -> None:
        try:
            message = Outgoing.from_json(row.message)
            cut = pieces(message, self._transport.limits)
        except Exception as error:  # it would hold up its chat for ever
            log.exception("row=%s cannot be read", row.id)
            await self._database.run(outbox.mark_dead, row.id, error=type(error).__name__, now=self._clock())
            return
        number = min(row.part, len(cut) - 1)
        letter = _Letter(row, message, cut[number], last=number == len(cut) - 1)
        try:
            async with asyncio.timeout(_ANSWERING), self._drawn(letter.piece) as piece:
                undrawn = letter.piece.file is not None and piece.file is None  # which is said; nothing more follows
                letter = replace(letter, piece=piece, last=letter.last or undrawn)
                message_id = await self._deliver(letter)
        except Moved as moved:
            await self._move(letter, moved.chat)
        except Flooded as flooded:
            log.warning("flood row=%s: the platform asks for %s s", row.id, flooded.seconds)
            await self._again(letter, flooded.seconds, "flooded", flooded=flooded.seconds)
        except RetryLater as later:
            await self._again(letter, later.seconds, "retry later")
        except Unreachable as error:
            await self._fall_back(letter, error)
        except Rejected as error:
            await self._bury(letter, f"rejected: {error}")
        except Exception as error:
            log.exception("send row=%s failed", row.id)
            await self._again(letter, min(2.0 ** min(row.attempts, 10), _PAUSE), type(error).__name__)
        else:
            if message_id is not None:
                await self._sent(letter, message_id)

    async def _deliver(self, letter: _Letter) -> str | None:
        """Send, or edit the post that changes; the platform's message id. None: put off, a newer state may follow."""
        bot_id, limits, post = self._transport.bot_id, self._transport.limits, letter.message.post
        found = None
        if post and letter.row.part == 0:
            found = await self._database.read(outbox.find_post, bot_id=bot_id, chat_id=letter.chat, post=post)
        if found is None:
            return await self._transport.send(letter.piece)
        message_id, said_at = found
        if not limits.edits:
            if self._clock() < said_at + SUMMARY:
                await self._database.run(outbox.put_off, letter.row.id, at=said_at + SUMMARY)
                return None
            return await self._transport.send(letter.piece)
        try:
            if letter.last:
                await self._transport.edit(letter.piece, message_id)
                return message_id
        except Gone:
            await self._database.run(self._happened, self._event(letter, Happening.DELETED))
        return await self._transport.send(letter.piece)

    async def _sent(self, letter: _Letter, message_id: str) -> None:
        now = self._clock()

        def mark(tx: Tx) -> None:
            if letter.last:
                outbox.mark_sent(tx, letter.row.id, message_id=message_id, now=now)
            else:
                outbox.next_part(tx, letter.row.id, message_id=message_id, now=now)
            self._note(tx, letter)
            if not letter.message.to.private:  # it may speak there, whatever was known
                self._happened(tx, self._event(letter, Happening.RESTORED))

        await self._database.run(mark)

    def _note(self, tx: Tx, letter: _Letter, flooded: float = 0) -> None:
        """Whatever was answered counts against the limits."""
        if self._rates:
            now, bot_id, group = self._clock(), self._transport.bot_id, not letter.message.to.private
            pace.note(tx, self._rates, bot_id=bot_id, chat_id=letter.chat, group=group, now=now, flooded=flooded)

    async def _again(self, letter: _Letter, seconds: float, error: str, flooded: float = 0) -> None:
        if self._clock() - letter.row.asked_at > PATIENCE:
            await self._bury(letter, error)
            return
        at = self._clock() + timedelta(seconds=seconds)

        def mark(tx: Tx) -> None:
            outbox.retry(tx, letter.row.id, at=at, error=error)
            self._note(tx, letter, flooded)

        await self._database.run(mark)

    async def _bury(self, letter: _Letter, error: str) -> None:
        def mark(tx: Tx) -> bool:
            self._note(tx, letter)
            return outbox.mark_dead(tx, letter.row.id, error=error, now=self._clock())

        if await self._database.run(mark):
            self.dead += 1
            log.error("dead letter row=%s: %s", letter.row.id, error)

    async def _move(self, letter: _Letter, chat: str) -> None:
        """The group has another id: everything of it moves there, this message too."""

        def move(tx: Tx) -> None:
            outbox.retry(tx, letter.row.id, at=self._clock(), error="moved")
            self._happened(tx, self._event(letter, Happening.MOVED, chat))
            outbox.move_chat(tx, bot_id=self._transport.bot_id, old=letter.chat, new=chat)

        await self._database.run(move)

    async def _fall_back(self, letter: _Letter, error: Unreachable) -> None:
        """Nobody can be written to there. A private word is kept until its person opens the chat, and the neutral line
        is said in the group instead, in the same transaction; what was for a group is a dead letter."""
        now, row = self._clock(), letter.row.id
        private, instead = letter.message.to.private, letter.message.fallback

        def replace(tx: Tx) -> bool:
            self._note(tx, letter)
            mark = outbox.mark_held if private else outbox.mark_dead
            if not mark(tx, row, error=str(error), now=now):
                return False
            if instead:
                values = {
                    "bot_id": self._transport.bot_id,
                    "key": _once_an_hour(letter.message.to, instead, now),
                    "chat_id": instead.to.group,
                    "message": instead.to_json(),
                    "urgent": instead.urgent,
                    "due_at": now,
                }
                outbox.add(tx, [values])
            if error.what:
                self._happened(tx, self._event(letter, error.what))
            return True

        if not await self._database.run(replace):
            return
        if not private:
            self.dead += 1
            log.error("dead letter row=%s: %s", row, error)
        elif letter.message.urgent:
            log.error("urgent row=%s cannot be said privately yet: %s", row, error)

    def _event(self, letter: _Letter, what: Happening, detail: str = "") -> Event:
        """What sending this message showed. Each row tells each thing once."""
        to = letter.message.to
        at = Address(to.group, to.private)
        return Event(self._transport.bot_id, f"out:{letter.row.id}:{what}", what, self._clock(), at, detail)


def _once_an_hour(to: Address, instead: Outgoing, now: datetime) -> str:
    """The same neutral line for the same person is said once an hour, however many words wait for them."""
    digest = sha256(f"{to.chat}|{instead.to.chat}|{instead.text}".encode()).hexdigest()[:32]
    return f"fallback:{digest}:{now:%Y%m%d%H}"
