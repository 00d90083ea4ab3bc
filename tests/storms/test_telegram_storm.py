"""Transcripts through Telegram in a storm: the tickets and the words of `linli play`, nothing lost, no limit broken."""

import random
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("telegram", reason="NOT TESTED: pip install linli[telegram]")

from bot.play import BOT, Line
from bot.telegram_transport import TelegramTransport
from tests.peers.telegram.limits import breaches
from tests.peers.telegram.peer import TelegramPeer
from tests.storms.hour import Burst, Hour
from tests.storms.stage import LONG, Clock, Stage, Tally, cast, on_stage, settled
from tests.support.databases import Databases
from tests.support.telegram import ME, PACE, TOKEN

RESTARTS = 4  # in each transcript
FIRST_PERSON = 5100000


class Mixer(random.Random):
    """Mixes a batch so that the newest comes first; counts what comes after something said later, the first time."""

    def __init__(self, tally: Tally) -> None:
        super().__init__(7)
        self._tally = tally
        self._given: set[int] = set()

    def shuffle(self, x: Any) -> None:
        super().shuffle(x)
        newest = max(range(len(x)), key=lambda place: int(x[place]["update_id"]), default=0)
        x.insert(0, x.pop(newest)) if x else None
        for update in x:
            number = int(update["update_id"])
            if number not in self._given:
                self._tally.late += any(before > number for before in self._given)
                self._given.add(number)


class Weather:
    """Trouble for each burst, in turn: restarts spread over the transcript, every second in the middle of a burst; 429
    and broken lines where there is an answer to be sent."""

    def __init__(self, peer: TelegramPeer, stage: Stage) -> None:
        self.peer, self.stage = peer, stage
        long = [number for number, burst in enumerate(stage.hour.bursts) if len(burst.lines) > 1]
        self._restarts = [long[round(number * len(long) / RESTARTS)] for number in range(RESTARTS)]
        self._turn = 0

    async def say(self, number: int, burst: Burst) -> None:
        if burst.answered:
            self._trouble()
        if number % 5 == 3:
            self.peer.fail("getUpdates", status=502)
        if number % 5 == 4:
            self.peer.drop("getUpdates")
        if number in self._restarts:
            await self._restart(burst, middle=self._restarts.index(number) % 2 == 0)
        else:
            speak(self.stage, self.peer, burst.lines)
        await self.peer.wait_for(lambda: not self.peer.pending, LONG)

    async def _restart(self, burst: Burst, *, middle: bool) -> None:
        """What is said while the platform is away is there when it is back."""
        half = len(burst.lines) // 2 if middle else 0
        before = speak(self.stage, self.peer, burst.lines[:half])
        await self.peer.wait_for(lambda: self.stage.came(before[:1]), LONG)
        await self.peer.stop()
        speak(self.stage, self.peer, burst.lines[half:])
        await self.peer.start()
        self.stage.tally.restarts += 1
        self.stage.tally.in_bursts += middle

    def _trouble(self) -> None:
        peer, self._turn = self.peer, self._turn + 1
        match self._turn % 4:
            case 0:
                peer.flood(int(self.stage.ids[self.stage.hour.name]), times=3, seconds=2)
            case 1:
                peer.flood(times=6, seconds=1)
            case 2:
                peer.drop("sendMessage", times=2)
            case 3:
                peer.fail("sendMessage", times=2)
                peer.flood(times=2, seconds=3)


def speak(stage: Stage, peer: TelegramPeer, lines: Iterable[tuple[int, Line]]) -> list[str]:
    """People say the lines in the transcript's group; gives the updates."""
    group = int(stage.ids[stage.hour.name])
    said = [peer.say(group, int(stage.ids[line.user]), line.text, date=line.at) for _, line in lines]
    return [str(update["update_id"]) for update in said]


@asynccontextmanager
async def telegram(
    hour: Hour, tally: Tally, databases: Databases, files: Path, **more: Any
) -> AsyncIterator[tuple[Stage, TelegramPeer]]:
    """The platform with the hour's people and groups, and the bot on it."""
    async with (
        settled(databases, hour, group=lambda n: str(-1002000000000 - n), person=lambda n: str(FIRST_PERSON + n)) as (
            database,
            ids,
        ),
        TelegramPeer(TOKEN, ME) as peer,
    ):
        people = cast(hour)
        for name, number in ids.items():
            if name in people:
                peer.person(int(number), people[name])
            else:
                peer.group(int(number), name)
        clock = Clock(hour.lines[0].at, time.monotonic)
        async with (
            TelegramTransport(BOT, TOKEN, api=peer.url, files=files, pace=PACE, **more) as transport,
            on_stage(hour, database, transport, clock, ids=ids, tally=tally) as stage,
        ):
            yield stage, peer


def shown(stage: Stage, peer: TelegramPeer) -> Counter[tuple[str, str]]:
    """What people see, as play names them."""
    people, names = cast(stage.hour), {int(number): name for name, number in stage.ids.items()}
    seen: Counter[tuple[str, str]] = Counter()
    for sent in peer.sent:
        where = names[sent.chat_id]
        seen[
            people.get(where, where), "\n".join([sent.text, *(label for row in sent.buttons for label, _ in row)])
        ] += 1
    return seen


async def judge(stage: Stage, peer: TelegramPeer) -> None:
    """Nothing lost; nothing doubled that no broken line explains; never over the limits, on the bot's own clock."""
    await stage.end()
    stage.compare(shown(stage, peer))
    arrivals = [replace(each, at=stage.clock.at(each.at)) for each in peer._desk.arrivals]
    assert breaches(arrivals, second=1, minute=60) == []


async def test_nothing_is_lost_in_a_storm(hours: list[Hour], sqlite_databases: Databases, tmp_path: Path) -> None:
    tally = Tally()
    for hour in hours:
        async with telegram(hour, tally, sqlite_databases, tmp_path) as (stage, peer):
            peer.shuffle = Mixer(tally)
            peer.duplicate(1)
            weather = Weather(peer, stage)
            for number, burst in enumerate(hour.bursts):
                await stage.advance_to(burst)
                await weather.say(number, burst)
            await judge(stage, peer)
    print(tally, tally.duplicates)
    assert tally.restarts >= 20 and tally.in_bursts >= 10
    assert tally.duplicates >= 200 and tally.late >= 200 and tally.flooded >= 50
    assert 0 < tally.doubled <= tally.failed


@pytest.mark.parametrize("number", [0, 5])
async def test_posts_that_overtake_each_other_and_are_refused(
    hours: list[Hour], number: int, sqlite_databases: Databases, tmp_path: Path
) -> None:
    tally = Tally()
    with socket.create_server(("127.0.0.1", 0)) as found:
        listen = f"127.0.0.1:{found.getsockname()[1]}"
    webhook = {"webhook": f"http://{listen}/hook", "listen": listen}
    async with telegram(hours[number], tally, sqlite_databases, tmp_path, **webhook) as (stage, peer):
        peer.webhook_parallel = 8
        await peer.wait_for(lambda: peer.webhook, LONG)
        for turn, burst in enumerate(stage.hour.bursts):
            await stage.advance_to(burst)
            stage.down = turn % 3 == 0
            enough = tally.refused + len(speak(stage, peer, burst.lines))
            if stage.down:
                await peer.wait_for(partial(tally.refused_at_least, enough), LONG)
                stage.down = False
            await peer.wait_for(lambda: not peer.pending, LONG)
        await judge(stage, peer)
        assert peer.given_up == []
    print(tally, tally.duplicates)
    assert tally.refused >= 5 and tally.doubled == 0


async def test_half_an_hour_without_telegram_loses_nothing(
    hours: list[Hour], sqlite_databases: Databases, tmp_path: Path
) -> None:
    """What is to be said meanwhile is tried again for as long as it takes."""
    tally = Tally()
    async with telegram(hours[0], tally, sqlite_databases, tmp_path) as (stage, peer):
        first = next(burst for burst in stage.hour.bursts if burst.answered)
        await stage.advance_to(first)
        peer.fail("sendMessage", times=2)
        speak(stage, peer, first.lines)
        await peer.wait_for(lambda: tally.failed == 2 and not peer.pending, LONG)
        before = len(peer.sent)  # of three words: to the group, to the handlers, and where it is
        await peer.stop()
        await stage.advance(stage.clock.now + timedelta(minutes=30))
        assert len(peer.sent) == before
        await peer.start()
        await stage.advance(stage.clock.now + timedelta(minutes=10))
        assert await stage.unsent() == {}
        assert len(peer.sent) == 3
