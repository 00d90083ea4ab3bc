"""The composition root: builds a bot from its parts. The only module that knows all rooms."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext, suppress
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from bot.files import Fetcher
from bot.inbox import Clock, Inbox, utc_now
from bot.outbox import Sender
from bot.pictures import Easel
from bot.receiver import Receiver
from bot.transport import Transport
from classifier import Classifier, load_lexicon
from dialogs.engine import Silence
from dialogs.hearing import Heard
from dialogs.routing import Routing
from domain.messages import Address, Event, Incoming, Outgoing
from domain.rules import Rules
from scheduler.runner import Scheduler
from services import chats, figure_clock, seals
from services import clock as clock_services
from services.lessons import School
from services.turn import Turn
from storage import lanes, places
from storage.database import Database, Tx
from texts import say

_CHATS_EVERY = timedelta(minutes=5)


@cache
def _classifier() -> Classifier:
    """One for all bots of a process: it takes a third of a second to build and nothing changes it."""
    return Classifier(load_lexicon())


class App:
    """One bot on one transport: its way in, its way out, and its clock."""

    def __init__(
        self,
        database: Database,
        transport: Transport,
        rules: Rules,
        *,
        admins: Sequence[str] = (),
        clock: Clock = utc_now,
        second: float = 1.0,
        files: Path | None = None,
        largest_file: int = 10_000_000,
    ) -> None:
        self.database = database
        self.transport = transport
        self.rules = rules
        self.admins = admins
        self.clock = clock
        self.school = School(_classifier())
        self.routing = Routing(self.school, rules)
        self._behind = True  # the classifier has lessons to read
        self._knows_chats_of: datetime | None = None
        drawn = Easel(transport, files).drawn if files else nullcontext
        self.sender = Sender(database, transport, clock, happened=self._happened, drawn=drawn, second=second)
        # What came in is kept as files where there is a folder for them.
        largest_file = min(largest_file, transport.limits.largest_file)  # what is kept can be shown
        self.fetcher = Fetcher(database, transport, files, largest_file, clock) if files else None
        self.inbox = Inbox(
            database,
            self.routing,
            turn=self._turn,
            apologise=self._apologise,
            happened=self._noted,
            silence=Silence,
            wake=self._wake,
            clock=clock,
        )

    def _turn(self, tx: Tx, incoming: Incoming, heard: Heard, now: datetime) -> None:
        """One update in one transaction: dedupe, lane, routing, words. Re-run from its start after a lost lock."""
        if not self._enter(tx, incoming, now):
            return
        turn = Turn(tx, incoming.bot_id, f"u:{incoming.update_id}", now, self.rules)
        if incoming.address.private:
            heard.released = chats.opened(turn, incoming.address.chat)
        heard.reported = None
        self.routing.turn(turn, incoming, heard)
        turn.flush()
        self._behind = self._behind or turn.taught

    def _noted(self, tx: Tx, event: Event, now: datetime) -> None:
        if lanes.first_sight(tx, bot_id=event.bot_id, update_id=event.update_id, now=now):
            self._happened(tx, event)

    def _happened(self, tx: Tx, event: Event) -> None:
        turn = Turn(tx, event.bot_id, f"e:{event.update_id}", self.clock(), self.rules)
        chats.happened(turn, event, self.admins)
        turn.flush()

    def _enter(self, tx: Tx, incoming: Incoming, now: datetime) -> bool:
        if not lanes.first_sight(tx, bot_id=incoming.bot_id, update_id=incoming.update_id, now=now):
            return False
        lanes.enter_lane(tx, bot_id=incoming.bot_id, chat_id=incoming.address.chat)
        return True

    def _apologise(self, tx: Tx, incoming: Incoming, trace: str, now: datetime) -> None:
        """The update failed: it is never tried again, and its sender is told so, privately."""
        if not self._enter(tx, incoming, now):
            return
        turn = Turn(tx, incoming.bot_id, f"u:{incoming.update_id}", now, self.rules)
        words = incoming.text.strip()[:30]
        text = say("common.apology", words=words) if words else say("common.apology_short")
        turn.say(Outgoing(Address(incoming.sender.user, private=True), text))
        turn.flush()

    async def tick(self) -> int:
        """Fire what is due now; returns how many timers fired."""
        now = self.clock()
        await self._study(now)
        due = await self.next_due()
        if due is None or due > now:
            return 0
        fired = await self.database.run(clock_services.tick, now, self.rules)
        self.sender.wake()
        return fired

    async def next_due(self) -> datetime | None:
        """When the next timer is due."""
        return await self.database.peek(clock_services.next_due)

    async def seal(self) -> int:
        """Seal what the audit log has gained, a transaction a batch; returns rows sealed."""
        total = 0
        while sealed := await self.database.run(seals.seal, self.clock()):
            total += sealed
        return total

    async def wind(self) -> int:
        """The weekly cards and monthly reminders of bodies that are new."""
        return await self.database.run(figure_clock.wind, self.clock(), self.rules)

    async def forget_old(self) -> dict[str, int]:
        forgotten = await self.database.run(clock_services.forget_old, self.clock(), self.rules)
        return {**forgotten, "file": await self.fetcher.forget_old()} if self.fetcher else forgotten

    async def _study(self, now: datetime) -> None:
        """What was taught anywhere counts from now on; which groups there are is read now and then."""
        await self.database.read(self.school.refresh)
        self._behind = False
        if self._knows_chats_of is None or now - self._knows_chats_of > _CHATS_EVERY:
            await self.database.read(self.school.know)
            self._knows_chats_of = now

    async def _wake(self) -> None:
        if self._behind:  # the very next message is judged by it
            await self._study(self.clock())
        self.sender.wake()
        if self.fetcher:
            self.fetcher.wake()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """What the bot does beside receiving: tick, send, fetch."""
        sending = asyncio.create_task(self.sender.run())
        fetching = asyncio.create_task(self.fetcher.run()) if self.fetcher else None
        scheduler = Scheduler(tick=self.tick, wind=self.wind, forget_old=self.forget_old, seal=self.seal)
        scheduler.start()
        try:
            yield
        finally:
            scheduler.stop()
            self.sender.stop()
            if fetching:
                fetching.cancel()  # what it was fetching is due again when its lease ends
                await asyncio.gather(fetching, return_exceptions=True)
            await sending

    async def run(self) -> None:
        """Receive, publish the commands, and when the transport ends, send what is still due."""
        async with self.running():
            publishing = asyncio.create_task(self._publish())
            try:
                if self.transport.one_receiver:
                    receiver = Receiver(self.database, self.transport.bot_id, self.clock)
                    await receiver.run(lambda: self.transport.run(self.inbox.receive))
                else:
                    await self.transport.run(self.inbox.receive)
            finally:
                publishing.cancel()
        while await self.sender.send_due():
            pass

    async def _publish(self) -> None:
        with suppress(Exception):  # the menu is a help, no more
            await self._offer_commands()

    async def _offer_commands(self) -> None:
        bound = await self.database.read(places.all_chats, self.transport.bot_id)
        await self.transport.publish([chat.chat_id for chat in bound if chat.body_id is not None])
