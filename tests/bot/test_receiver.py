"""One process receives for a bot at a time; another takes over when it ends, is killed or loses its lease."""

import asyncio
from datetime import UTC, datetime

from bot.receiver import LEASE, Receiver
from storage import receivers
from storage.database import Database

BOT = "bot"


class House:
    """Processes that want to receive, on one clock."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.now = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
        self.receiving: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.changed = asyncio.Condition()

    def open(self, name: str) -> None:
        receiver = Receiver(self.database, BOT, clock=lambda: self.now, renew=0.02)
        self.tasks[name] = asyncio.create_task(receiver.run(lambda: self._receive(name)))

    async def _receive(self, name: str) -> None:
        self.receiving.append(name)
        try:
            await asyncio.Event().wait()
        finally:
            self.receiving.remove(name)

    async def end(self, name: str) -> None:
        self.tasks[name].cancel()
        await asyncio.gather(self.tasks[name], return_exceptions=True)

    async def until(self, receiving: list[str]) -> None:
        async with asyncio.timeout(10):
            while self.receiving != receiving:  # noqa: ASYNC110 - what is waited for sets no event
                await asyncio.sleep(0.005)


async def test_the_second_waits_until_the_first_ends(database: Database) -> None:
    house = House(database)
    house.open("first")
    await house.until(["first"])
    house.open("second")
    await asyncio.sleep(0.1)
    assert house.receiving == ["first"]
    await house.end("first")
    await house.until(["second"])
    await house.end("second")


async def test_after_a_kill_the_lease_runs_out(database: Database) -> None:
    house = House(database)
    await database.run(receivers.hold, bot_id=BOT, holder="killed", now=house.now, lease=LEASE)
    house.open("second")
    await asyncio.sleep(0.1)
    assert house.receiving == []
    house.now += LEASE
    await house.until(["second"])
    await house.end("second")


async def test_who_lost_the_lease_stops_receiving(database: Database) -> None:
    house = House(database)
    house.open("first")
    await house.until(["first"])
    house.now += LEASE  # it slept, and another took over meanwhile
    assert await database.run(receivers.hold, bot_id=BOT, holder="other", now=house.now, lease=LEASE)
    await house.until([])
    house.now += LEASE
    await house.until(["first"])
    await house.end("first")


async def test_work_that_fails_is_raised_and_the_lease_given_back(database: Database) -> None:
    async def fail() -> None:
        raise ValueError("no token")

    receiver = Receiver(database, BOT)
    try:
        await receiver.run(fail)
    except ValueError as error:
        assert str(error) == "no token"
    else:
        raise AssertionError("nothing was raised")
    assert await database.run(receivers.hold, bot_id=BOT, holder="next", now=datetime.now(UTC), lease=LEASE)
