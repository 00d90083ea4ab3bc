"""Transcripts through WeChat, whose gateway dies again and again: the tickets and the words of `linli play`, nothing
lost or doubled before or after an outage, each outage told once with its times."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

pytest.importorskip("wechaty_grpc", reason="NOT TESTED: pip install linli[wechat]")

from bot.play import Line
from bot.wechat_gateway import Pace
from bot.wechat_messages import AFTER_NAME
from bot.wechat_transport import WechatTransport
from domain.messages import Event, Happening
from domain.promises import is_quiet
from storage.audit import Audit
from storage.database import Tx
from tests.peers.telegram.limits import Arrival, breaches
from tests.peers.wechaty.gateway import NoNode, Room, Sent, WechatyGateway
from tests.peers.wechaty.install import node
from tests.storms.hour import RULES, Burst, Hour
from tests.storms.stage import LONG, Clock, Stage, Tally, cast, on_stage, settled
from tests.support.databases import Databases
from texts import say, wording

OUTAGES = 20  # in all
AT_ONCE = 6  # gateways
TOGETHER = 6  # lines that come in another order than they were said
ADMIN = "wxid_admin"
TOKEN = "linli-storm"
PACE = Pace(greet=0.1, pauses=(0.05, 0.2))
CALLED = re.compile(rf"^(?:@[^{AFTER_NAME}]+{AFTER_NAME})+")


@dataclass(frozen=True)
class Outage:
    """heard: when the last message before it was said; killed, again: when it began and ended."""

    heard: datetime
    killed: datetime
    again: datetime


class Weather:
    """Lines come in another order than they were said, twice; the gateway dies between bursts; sends fail."""

    def __init__(self, gateway: WechatyGateway, stage: Stage, outages: int) -> None:
        self.gateway, self.stage = gateway, stage
        awake = [number for number, each in enumerate(stage.hour.bursts) if number and not is_quiet(each.at, RULES)]
        self._dying = {awake[number * len(awake) // outages] for number in range(outages)}
        self._last: Sequence[tuple[int, Line]] = ()
        self._heard = datetime.now(UTC)
        self._turn = 0
        self.outages: list[Outage] = []

    async def say(self, number: int, burst: Burst) -> None:
        if number in self._dying:
            await self._die()
        if burst.answered:
            self._turn += 1
            await self.gateway.fail_sends(1, recorded=self._turn % 2 == 0)
        for first in range(0, len(burst.lines), TOGETHER):
            self._last = burst.lines[first : first + TOGETHER]
            await self._speak(self._last)
        await self.stage.until(lambda: self.stage.came(str(number) for number, _ in burst.lines))

    async def _speak(self, lines: Sequence[tuple[int, Line]]) -> None:
        """The newest first; then all of them once more."""
        for number, line in (*lines[-1:], *lines[:-1], *lines):
            await self._one(number, line)
        self.stage.tally.late += len(lines) - 1
        self.stage.tally.repeated += len(lines)

    async def _one(self, number: int, line: Line) -> None:
        room, who = self.stage.ids[self.stage.hour.name], self.stage.ids[line.user]
        at = line.at + timedelta(milliseconds=number)  # a transcript tells minutes
        self._heard = datetime.now(UTC)
        await self.gateway.say(room, who, line.text, id=str(number), at=at)

    async def _die(self) -> None:
        """Afterwards the gateway tells again what it told before."""
        told, heard, killed = self._told_back(), self._heard, datetime.now(UTC)
        await self.gateway.kill()
        again = datetime.now(UTC)
        await self.gateway.restart()
        await self.gateway.echo()
        await self.gateway.wait_listening(LONG)
        await self.stage.until(lambda: self._told_back() > told)
        self.outages.append(Outage(heard, killed, again))
        self.stage.tally.restarts += 1
        for number, line in self._last:
            await self._one(number, line)
        self.stage.tally.repeated += len(self._last)
        await self.stage.advance(self.stage.clock.now)

    def _told_back(self) -> int:
        return sum(event.what is Happening.BACK for event in self.stage.events)


@asynccontextmanager
async def wechat(
    hour: Hour, tally: Tally, databases: Databases, files: Path
) -> AsyncIterator[tuple[Stage, WechatyGateway]]:
    """A gateway with the hour's people and groups, and the bot on it."""
    people = cast(hour)
    async with settled(
        databases, hour, group=lambda number: f"{number}@chatroom", person=lambda number: f"wxid_{number}"
    ) as (database, ids):
        known = {id: people[name] for name, id in ids.items() if name in people}
        rooms: dict[str, Room] = {
            id: {"topic": name, "members": list(known)} for name, id in ids.items() if name not in people
        }
        gateway = await WechatyGateway.start(token=TOKEN, people={**known, ADMIN: "周管理"}, rooms=rooms)
        try:
            transport = WechatTransport("play", TOKEN, gateway.endpoint, files=files, pace=PACE)
            clock = Clock(hour.lines[0].at, time.time)
            async with on_stage(hour, database, transport, clock, ids=ids, tally=tally, admins=[ADMIN]) as stage:
                await gateway.echo()
                await gateway.wait_listening(LONG)
                yield stage, gateway
        finally:
            await gateway.stop()


def shown(stage: Stage, sent: Sequence[Sent]) -> Counter[tuple[str, str]]:
    """What residents see, as play names them. Who is called by name stands before the words."""
    people, names = cast(stage.hour), {id: name for name, id in stage.ids.items()}
    where = [names[each.conversation] for each in sent]
    return Counter((people.get(name, name), CALLED.sub("", each.text)) for name, each in zip(where, sent, strict=True))


def judge_pace(stage: Stage, sent: Sequence[Sent]) -> None:
    """Never over the limits, on the bot's own clock. The gateway's moments are whole milliseconds."""
    chats = {id: -number if "@" in id else number for number, id in enumerate((*stage.ids.values(), ADMIN), start=1)}
    at = [stage.clock.at(each.at.timestamp() + 0.001) for each in sent]
    arrivals = [Arrival(moment, chats[each.conversation], "send") for moment, each in zip(at, sent, strict=True)]
    assert breaches(arrivals, second=1, minute=60) == []
    most = stage.app.transport.limits.per_second
    assert all(later - first >= 1 for first, later in zip(at, at[most:], strict=False))


def judge_outages(stage: Stage, outages: Sequence[Outage], told: Sequence[str]) -> None:
    """Each was noticed once, with its times, and those who look after the bot were told of it once."""
    lost = [event for event in stage.events if event.what is Happening.LOST]
    back = [event for event in stage.events if event.what is Happening.BACK]
    assert len(lost) == len(back) == len(outages)
    for outage, gone, here in zip(outages, lost, back, strict=True):
        assert outage.heard <= gone.at <= outage.killed <= outage.again <= here.at
        assert here.detail == gone.at.isoformat()
    assert list(told) == [gap(stage, event) for event in back]


def gap(stage: Stage, back: Event) -> str:
    now = stage.clock.now.astimezone(RULES.zone)
    since, end = (each.astimezone(RULES.zone) for each in (datetime.fromisoformat(back.detail), back.at))
    return say("chats.back", since=wording.moment(since, now), until=wording.moment(end, now))


def _recorded(tx: Tx) -> dict[str, int]:
    rows = select(Audit.action, func.count().label("number")).where(Audit.subject == "platform").group_by(Audit.action)
    return {row.action: row.number for row in tx.execute(rows)}


async def through(hour: Hour, outages: int, tally: Tally, databases: Databases, files: Path) -> None:
    async with wechat(hour, tally, databases, files) as (stage, gateway):
        weather = Weather(gateway, stage, outages)
        for number, burst in enumerate(hour.bursts):
            await stage.advance_to(burst)
            await weather.say(number, burst)
        await stage.end()
        sent = await gateway.sent()
        told = [each.text for each in sent if each.conversation == ADMIN]
        stage.compare(shown(stage, [each for each in sent if each.conversation != ADMIN]))
        judge_pace(stage, sent)
        judge_outages(stage, weather.outages, told)
        recorded = await stage.database.read(_recorded)
        assert recorded == {"logged_in": 1, "lost": outages, "back": outages}


async def test_nothing_but_what_was_said_in_the_gaps_is_lost(
    hours: list[Hour], sqlite_databases: Databases, tmp_path: Path
) -> None:
    try:
        await asyncio.to_thread(node)
    except NoNode as error:
        pytest.skip(str(error))
    tally, places = Tally(), asyncio.Semaphore(AT_ONCE)

    async def next_hour(hour: Hour, outages: int) -> None:
        async with places:
            await through(hour, outages, tally, sqlite_databases, tmp_path)

    async with asyncio.TaskGroup() as tasks:
        for number, hour in enumerate(hours):
            share = OUTAGES * (number + 1) // len(hours) - OUTAGES * number // len(hours)
            tasks.create_task(next_hour(hour, share))
    print(tally, tally.duplicates)
    assert tally.restarts == OUTAGES
    assert tally.duplicates >= 200 and tally.late >= 200
    assert all(times == 1 for times in tally.received.values())
    assert 0 < tally.doubled <= tally.failed
