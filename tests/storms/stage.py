"""A whole bot on a platform, with a clock of its own: it stands while anything is under way, then passes on to the next
moment at which something may happen."""

import asyncio
from bisect import bisect_right
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import func, select, update

from bot.app import App
from bot.demo import build, facts
from bot.play import BOT, _ticket
from bot.transport import Flooded, Limits, Transport
from domain.messages import Event, Incoming, Outgoing
from domain.people import Place
from storage import tickets
from storage.database import Database, Tx, open_database
from storage.outbox import Outbox
from storage.pace import BOT as WHOLE
from storage.pace import PaceRow
from storage.people import Identity
from storage.places import ChatRow
from tests.storms.hour import RULES, Burst, Hour
from tests.support.databases import Databases

_STEP = timedelta(milliseconds=250)
LONG = 30.0  # real seconds in which anything under way must end


@dataclass
class Tally:
    """What happened in a whole test."""

    restarts: int = 0
    in_bursts: int = 0  # restarts while updates and messages were on their way
    received: Counter[tuple[str, str]] = field(
        default_factory=Counter, repr=False
    )  # (hour, update) → how often it came
    late: int = 0  # updates that came after one that was said after them
    refused: int = 0  # updates that could not be taken
    repeated: int = 0  # updates that the platform told again, where the transport itself knows them
    sends: int = 0
    flooded: int = 0
    failed: int = 0  # sends whose effect is not known
    doubled: int = 0  # messages that reached the platform more often than once

    @property
    def duplicates(self) -> int:
        return self.repeated + sum(times - 1 for times in self.received.values())

    def refused_at_least(self, times: int) -> bool:
        return self.refused >= times


class Clock:
    """Stands until it is set. `since`: a real clock, whose moments can be asked for afterwards."""

    def __init__(self, now: datetime, since: Callable[[], float]) -> None:
        self.now, self._since = now, since
        self._real, self._shown = [0.0], [now]

    def __call__(self) -> datetime:
        return self.now

    def set(self, now: datetime) -> None:
        assert now >= self.now
        self._real.append(self._since())
        self._shown.append(now)
        self.now = now

    def at(self, real: float) -> float:
        """What it showed then, in seconds."""
        return self._shown[bisect_right(self._real, real) - 1].timestamp()


@dataclass
class Stage:
    """One hour on one platform. `ids`: the platform's ids by the names that play uses; `events`: what it told."""

    hour: Hour
    database: Database
    app: App
    clock: Clock
    ids: Mapping[str, str]
    tally: Tally
    events: list[Event] = field(default_factory=list)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)
    down: bool = False  # the database is, as far as what comes in is concerned

    async def receive(self, said: Incoming | Event) -> None:
        if self.down:
            self.tally.refused += 1
            raise ConnectionError("no database")
        await self.app.inbox.receive(said)
        if isinstance(said, Event):
            self.events.append(said)
        else:
            self.tally.received[self.hour.name, said.update_id] += 1
        async with self._news:
            self._news.notify_all()

    async def until(self, there: Callable[[], bool]) -> None:
        """Until something came in that makes it true."""
        async with self._news, asyncio.timeout(LONG):
            await self._news.wait_for(there)

    def came(self, updates: Iterable[str]) -> bool:
        """Whether all of these were taken."""
        return all(self.tally.received[self.hour.name, each] for each in updates)

    async def advance_to(self, burst: Burst) -> None:
        await self.advance(burst.at)
        assert self.clock.now == burst.at, f"{self.hour.name}: the storm outran the transcript"

    async def end(self) -> None:
        """All is said, the tickets are those of play, and nothing is left to send."""
        await self.advance(self.hour.lines[-1].at)
        assert await self.shown_tickets() == self.hour.tickets, self.hour.name
        assert await self.unsent() == {}, self.hour.name

    def compare(self, seen: Counter[tuple[str, str]]) -> None:
        """What people saw is what play says; what they saw more often is counted."""
        said = self.hour.said
        lost, strange = said - seen, set(seen) - set(said)
        assert not lost and not strange, f"{self.hour.name}: lost {dict(lost)}, not said by play {strange}"
        self.tally.doubled += (seen - said).total()

    async def advance(self, to: datetime) -> None:
        """Let time pass: all that is due is done at its own moment."""
        loop = asyncio.get_running_loop()
        patience = loop.time() + LONG
        while (due := await self._next()) is not None and due <= to:
            if due > self.clock.now:
                self.clock.set(due)
                patience = loop.time() + LONG
            elif not await self.app.tick():
                assert loop.time() < patience, f"{self.hour.name}: something is under way and never ends"
                await asyncio.sleep(0.002)
            self.app.sender.wake()
        self.clock.set(max(to, self.clock.now))

    async def _next(self) -> datetime | None:
        """When something may happen next; now, while anything is under way."""
        message = await self.database.read(_next_send, self.app.transport, self.clock.now)
        moments = [each for each in (message, await self.app.next_due()) if each is not None]
        return max(min(moments), self.clock.now) if moments else None

    async def shown_tickets(self) -> list[dict[str, Any]]:
        return await self.database.read(lambda tx: [_ticket(tx, ticket) for ticket in tickets.all_tickets(tx)])

    async def unsent(self) -> dict[str, int]:
        """How many rows of the outbox that are due by now are in which state, the sent ones apart."""

        def count(tx: Tx) -> dict[str, int]:
            rows = select(Outbox.state, func.count()).where(Outbox.due_at <= self.clock.now).group_by(Outbox.state)
            return {state: number for state, number in tx.execute(rows).all() if state != "sent"}

        return await self.database.read(count)


def _next_send(tx: Tx, transport: Transport, now: datetime) -> datetime | None:
    """When the sender has something to do: a chat's first row, after the rest of the chat and of the bot."""
    mine = (Outbox.bot_id == transport.bot_id, Outbox.state == "waiting")
    rests = {row.chat_id: row.not_before for row in tx.execute(select(PaceRow.chat_id, PaceRow.not_before))}
    rows = tx.execute(
        select(Outbox.chat_id, Outbox.due_at, Outbox.leased, Outbox.attempts)
        .where(*mine)
        .order_by(Outbox.chat_id, Outbox.urgent.desc(), Outbox.id)
    ).all()
    if any(row.leased for row in rows):
        return now
    moments = []
    for chat, queue in groupby(rows, key=lambda row: str(row.chat_id)):
        waiting = list(queue)
        first = next((row for row in waiting if row.due_at <= now or row.attempts), None)
        due = first.due_at if first else min(row.due_at for row in waiting)
        moments.append(max(due, rests.get(chat, due), rests.get(WHOLE, due)))
    if moments and min(moments) <= now and (full := _full_until(tx, transport, now)):
        return full
    return min(moments, default=None)


def _full_until(tx: Tx, transport: Transport, now: datetime) -> datetime | None:
    """Until when the bot has sent all that it may in a second."""
    sent = tx.execute(select(PaceRow.sent).where(PaceRow.chat_id == WHOLE)).scalar() or []
    recent = [moment for moment in sent if moment > now.timestamp() - 1.06]
    return now + _STEP if len(recent) >= transport.limits.per_second > 0 else None


class Counted(Transport):
    """Counts how sending through another transport ends."""

    def __init__(self, inner: Transport, tally: Tally) -> None:
        self.inner, self.tally = inner, tally
        self.bot_id, self.one_receiver = inner.bot_id, inner.one_receiver
        self.limits: Limits = inner.limits

    async def run(self, receive: Callable[[Incoming | Event], Awaitable[None]]) -> None:
        await self.inner.run(receive)

    async def send(self, message: Outgoing) -> str:
        self.tally.sends += 1
        try:
            return await self.inner.send(message)
        except Flooded:
            self.tally.flooded += 1
            raise
        except Exception:
            self.tally.failed += 1
            raise


def cast(hour: Hour) -> dict[str, str]:
    """Everybody in the demo compound and in the transcript: shown names by user."""
    return {person["name"]: person["name"] for person in facts()["cast"]} | hour.people


def _settle(tx: Tx, hour: Hour, group: Callable[[int], str], person: Callable[[int], str]) -> dict[str, str]:
    """The people and chats as play has them, then with the platform's ids. Gives those by play's."""
    demo = build(tx, BOT)
    demo.chat(hour.name, Place(demo.compound_id))
    standing = {each["name"] for each in facts()["cast"]}
    for user, line in {line.user: line for line in hour.lines}.items():
        if user not in standing:
            demo.label(user, line.name, line.label)
    chats = tx.execute(select(ChatRow.chat_id).order_by(ChatRow.chat_id)).scalars().all()
    users = tx.execute(select(Identity.user_id).order_by(Identity.user_id)).scalars().all()
    ids = {chat: group(number) for number, chat in enumerate(chats, start=1)}
    ids |= {user: person(number) for number, user in enumerate(users, start=1)}
    for chat in chats:
        tx.execute(update(ChatRow).where(ChatRow.chat_id == chat).values(chat_id=ids[chat]))
    for user in users:
        tx.execute(update(Identity).where(Identity.user_id == user).values(user_id=ids[user]))
    return ids


@asynccontextmanager
async def settled(
    databases: Databases, hour: Hour, *, group: Callable[[int], str], person: Callable[[int], str]
) -> AsyncIterator[tuple[Database, dict[str, str]]]:
    """A database with the hour's people and chats; the platform's ids by play's."""
    url = databases.create()
    async with open_database(url) as database:
        yield database, await database.run(_settle, hour, group, person)
    databases.drop(url)


@asynccontextmanager
async def on_stage(
    hour: Hour,
    database: Database,
    transport: Transport,
    clock: Clock,
    *,
    ids: Mapping[str, str],
    tally: Tally,
    **more: Any,
) -> AsyncIterator[Stage]:
    """The bot is running."""
    app = App(database, Counted(transport, tally), RULES, clock=clock, **more)
    stage = Stage(hour, database, app, clock, ids, tally)
    sending, receiving = asyncio.create_task(app.sender.run()), asyncio.create_task(transport.run(stage.receive))
    try:
        yield stage
    finally:
        app.sender.stop()
        await sending
        receiving.cancel()
        with suppress(asyncio.CancelledError):
            await receiving
