"""Quick polls on both databases: one vote a household however many say it at once, and a secret that is kept."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from bot.demo import build
from bot.play import BOT
from dialogs.polls import _moment, _parts, _until_in
from domain.errors import Refusal
from domain.people import Person, Place
from domain.polls import Draft, Poll
from domain.rules import Rules
from services import clock, polls
from services.turn import Turn
from storage import merging, people, personal, places
from storage import polls as rows
from storage.audit import Audit
from storage.database import Database, Tx
from storage.models import Base
from storage.outbox import Outbox
from storage.people import Resident
from storage.places import Household
from storage.polls import PollVoter, SecretBallot
from tests.support.chat import Scenario

ZONE = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=ZONE)
END = NOON + timedelta(days=1)
RULES = Rules()


@pytest.fixture
async def demo(database: Database) -> Database:
    await database.run(build, BOT)
    await database.run(_join, "王叔叔", "王阿姨", "family")
    await database.run(_join, "小周", "陈奶奶", "helper")
    return database


def _join(tx: Tx, name: str, with_whom: str, relation: str) -> None:
    number = people.add_person(tx, name)
    people.add_identity(tx, BOT, name, number)
    home = person(tx, with_whom).household_id
    assert home
    people.add_resident(tx, number, home, relation)


def person(tx: Tx, name: str) -> Person:
    found = people.find_person(tx, BOT, name)
    assert found is not None
    return found


def turn(tx: Tx, at: datetime = NOON, cause: str = "u:1") -> Turn:
    return Turn(tx, BOT, cause, at, RULES)


def begin(tx: Tx, *, secret: bool = False, hidden: bool = False) -> Poll:
    (compound,) = places.compounds(tx, BOT)
    place = Place(compound, places.find_building(tx, compound, "3"), building="3")
    draft = Draft("停车怎么划", ("单侧", "双侧", "不动"), END, secret, hidden)
    now = turn(tx, cause="u:begin")
    poll = polls.open_poll(now, person(tx, "老刘"), place, draft)
    now.flush()
    return poll


def vote(tx: Tx, name: str, poll: Poll, choice: int, *, instead: bool = False, at: datetime = NOON) -> list[str]:
    """Who was told."""
    now = turn(tx, at, f"u:{name}:{choice}")
    polls.vote(now, person(tx, name), poll, choice, instead=instead)
    told = [message.to.chat for _, message, _ in now.said]
    now.flush()
    return told


async def refused(database: Database, *args: Any, **more: Any) -> str:
    with pytest.raises(Refusal) as refusal:
        await database.run(vote, *args, **more)
    return refusal.value.code


def counts(tx: Tx, poll: Poll) -> dict[int, int]:
    return rows.counts(tx, poll)


async def test_a_second_of_the_household_changes_only_when_sure_and_the_first_hears_it(demo: Database) -> None:
    poll = await demo.run(begin)
    assert await demo.run(vote, "王阿姨", poll, 1) == []
    assert await demo.run(vote, "王叔叔", poll, 1) == []
    assert await refused(demo, "王叔叔", poll, 2) == "polls.meanwhile"
    assert await demo.read(counts, poll) == {1: 1}
    assert await demo.run(vote, "王叔叔", poll, 2, instead=True) == ["王阿姨"]
    assert await demo.run(vote, "王叔叔", poll, 3) == []
    assert await demo.read(counts, poll) == {3: 1}


async def test_the_household_is_asked_in_private_and_the_group_hears_nothing(demo: Database) -> None:
    await Scenario(
        """
老刘@3栋群> 投票 停车怎么划 / 单侧 / 双侧
小助手@3栋群> 🗳 停车怎么划  P1…
王阿姨@3栋群> 按[单侧]
小助手→王阿姨> P1 记上了：1 单侧…
王叔叔@3栋群> P1 2
小助手→王叔叔> 您家投过 P1 了，要改成 2 双侧吗？
  1 改
  0 不改
王叔叔→小助手> 按[不改]
小助手→王叔叔> 好，P1 没有动
王叔叔@3栋群> 按[双侧]
小助手→王叔叔> 您家投过 P1 了，要改成 2 双侧吗？…
王叔叔→小助手> 按[改]
小助手→王叔叔> P1 记上了：2 双侧…
小助手→王阿姨> P1 您家有人改成了 2 双侧
  不对就回 P1 加数字
小周→小助手> P1 1
小助手→小周> P1 不是问您家的，投不了…
""",
        demo,
        buttons=True,
    ).run()


async def test_two_open_polls_are_told_apart_by_their_number(demo: Database) -> None:
    await Scenario(
        """
老刘@3栋群> 投票 停车怎么划 / 单侧 / 双侧
小助手@3栋群> 🗳 停车怎么划  P1…
老刘@3栋群> 投票 装不装雨棚 / 装 / 不装 结果先不公布 截止2小时
小助手@3栋群> 🗳 装不装雨棚  P2…
王阿姨→小助手> 2
小助手→王阿姨> 几个投票开着，要说是哪个：
  P1 停车怎么划
  P2 装不装雨棚
  例：P1 2
王阿姨@3栋群> ↩ 2
小助手→王阿姨> P2 记上了：2 不装…
王阿姨→小助手> 结果 P2
小助手→王阿姨> P2 24户投了1户
  结果今天中午12点截止了再公布
""",
        demo,
        buttons=False,
    ).run()


async def test_twenty_at_once_of_twenty_homes_and_of_one(demo: Database) -> None:
    """Each household once, twice tapped or not; every ballot that was taken is counted."""
    poll = await demo.run(begin)

    def settle(tx: Tx) -> list[str]:
        homes = tx.execute(
            select(Household.id)
            .where(Household.building_id == poll.building_id)
            .where(Household.id.not_in(select(Resident.household_id)))
            .limit(20)
        )
        names = []
        for number, home in enumerate([row[0] for row in homes]):
            names.append(f"邻居{number}")
            added = people.add_person(tx, names[-1])
            people.add_identity(tx, BOT, names[-1], added)
            people.add_resident(tx, added, home, "owner")
        return names

    names = await demo.run(settle)
    assert len(names) == 20

    async def tap(name: str, choice: int) -> bool:
        try:
            await demo.run(vote, name, poll, choice)
        except Refusal:
            return False
        return True

    taken = await asyncio.gather(*(tap(name, 2) for name in names for _ in range(2)))
    assert all(taken)
    assert await demo.read(counts, poll) == {2: 20}
    taken = await asyncio.gather(*(tap(name, 1 + at % 3) for at in range(10) for name in ("王阿姨", "王叔叔")))
    assert any(taken)
    assert sum((await demo.read(counts, poll)).values()) == 21


async def test_ballots_and_the_end_at_the_same_moment(demo: Database) -> None:
    """What was confirmed is in the result, what came later is refused; the result is said once."""
    poll = await demo.run(begin)

    async def tap(name: str) -> bool:
        try:
            await demo.run(vote, name, poll, 1)
        except Refusal as refusal:
            assert refusal.code == "polls.over"
            return False
        return True

    def end(tx: Tx) -> int:
        now = turn(tx, cause="u:end")
        try:
            polls.end(now, person(tx, "老刘"), poll)
        except Refusal:
            return -1
        now.flush()
        return sum(rows.counts(tx, poll).values())

    names = ("王阿姨", "小赵", "陈奶奶", "老刘")
    *taken, first, second = await asyncio.gather(*(tap(name) for name in names), demo.run(end), demo.run(end))
    assert min(first, second) == -1
    assert max(first, second) == sum(taken) == sum((await demo.read(counts, poll)).values())
    assert await demo.run(clock.tick, END + timedelta(hours=1), RULES) == 0, "no timer of it is left"


async def test_nothing_leads_from_a_household_to_its_secret_ballot(demo: Database) -> None:
    poll = await demo.run(begin, secret=True)
    for name, choice in (("王阿姨", 2), ("小赵", 1), ("陈奶奶", 2)):
        assert await demo.run(vote, name, poll, choice) == []
    assert await refused(demo, "王阿姨", poll, 1) == "polls.voted_secret"
    assert await refused(demo, "王叔叔", poll, 1) == "polls.voted_secret"

    def look(tx: Tx) -> None:
        assert rows.counts(tx, poll) == {1: 1, 2: 2}
        assert tx.execute(select(func.count()).select_from(PollVoter)).scalar() == 3
        assert tx.execute(select(PollVoter.choice).distinct()).all() == [(None,)]
        assert {column.name for column in SecretBallot.__table__.columns} == {"key", "poll_id", "choice"}
        actions = {row[0] for row in tx.execute(select(Audit.action).where(Audit.subject == "poll"))}
        assert actions == {"opened"}
        keys = [row[0] for row in tx.execute(select(SecretBallot.key))]
        named = {table.name for table in Base.metadata.sorted_tables for row in tx.execute(select(table)).all()
                 if any(key in repr(row) for key in keys)}  # fmt: skip
        assert named == {"secret_ballot"}

    await demo.read(look)


async def test_a_secret_vote_leaves_no_word_behind(demo: Database) -> None:
    await Scenario(
        """
老刘@3栋群> 匿名投票 换不换物业 / 换掉它 / 留下它
小助手@3栋群> 🗳 换不换物业  P1…
王阿姨→小助手> P1 1
小助手→王阿姨> P1 您家投上了。匿名的，查不到投了哪个
小赵→小助手> 选 换掉
小助手→小赵> P1 您家投上了。匿名的，查不到投了哪个
""",
        demo,
        buttons=True,
    ).run()

    def look(tx: Tx) -> None:
        assert tx.execute(select(SecretBallot.choice)).all() == [(1,), (1,)]
        private = tx.execute(select(Outbox.message).where(Outbox.chat_id.in_(["王阿姨", "小赵"])))
        assert not [row for row in private if "换掉" in str(row)]

    await demo.read(look)


async def test_running_counts_are_hidden_from_everybody(demo: Database) -> None:
    for which in ({"secret": True}, {"hidden": True}):
        poll = await demo.run(begin, **which)
        await demo.run(vote, "王阿姨", poll, 2)

        def look(tx: Tx, poll: Poll = poll) -> None:
            for name in ("老刘", "王阿姨", "孙主任"):
                said = polls.result(turn(tx), person(tx, name), poll, None)
                assert "双侧" not in said and "1户" in said
            now = turn(tx, cause="u:end")
            polls.end(now, person(tx, "老刘"), poll)
            assert any("双侧1户" in message.text for _, message, _ in now.said)

        await demo.run(look)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("", "2026-11-24 20:00"),
        ("周五20点", "2026-11-27 20:00"),
        ("周五晚8点", "2026-11-27 20:00"),
        ("周五", "2026-11-27 20:00"),
        ("明天", "2026-11-24 20:00"),
        ("今晚9点半", "2026-11-23 21:30"),
        ("2小时", "2026-11-23 14:00"),
        ("3天", "2026-11-26 20:00"),
        ("12月4日晚8点", "2026-12-04 20:00"),
        ("12月4日", "2026-12-04 20:00"),
    ],
)
def test_until_when(said: str, meant: str) -> None:
    class Heard:
        turn = Turn(None, BOT, "u", NOON, RULES)  # type: ignore[arg-type]

    assert _moment(Heard(), said) == datetime.fromisoformat(meant).replace(tzinfo=ZONE)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("words", "title", "answers", "until"),
    [
        ("停车怎么划 / 单侧 / 双侧 / 不动 截止周五20点", "停车怎么划", ["单侧", "双侧", "不动"], "周五20点"),
        ("停车位 A/B/C截止周五20点", "停车位", ["A", "B", "C"], "周五20点"),
        ("停车;A 固定;B 先到;截止:明天", "停车", ["固定", "先到"], "明天"),
        ("停车怎么划\n1. 单侧\n2. 双侧", "停车怎么划", ["单侧", "双侧"], ""),
        ("停车怎么划", "停车怎么划", [], ""),
    ],
)
def test_how_a_poll_is_written(words: str, title: str, answers: list[str], until: str) -> None:
    rest, found = _until_in(words)
    assert (*_parts(rest), found) == (title, answers, until)


async def test_a_helper_a_stranger_and_another_building_have_no_vote(demo: Database) -> None:
    poll = await demo.run(begin)
    assert await refused(demo, "小周", poll, 1) == "polls.not_asked"
    assert await refused(demo, "何老师", poll, 1) == "polls.not_asked"
    assert await refused(demo, "王阿姨", poll, 1, at=END) == "polls.over"
    assert await demo.read(counts, poll) == {}


async def test_who_is_erased_leaves_the_vote_of_the_household(demo: Database) -> None:
    poll = await demo.run(begin)
    await demo.run(vote, "王叔叔", poll, 2)

    def play(tx: Tx) -> None:
        personal.erase(tx, person(tx, "王叔叔").id, at=NOON, mark="x")
        assert tx.execute(select(PollVoter.person_id, PollVoter.choice)).all() == [(None, 2)]
        assert rows.counts(tx, poll) == {2: 1}

    await demo.run(play)
    assert await demo.run(vote, "王阿姨", poll, 1) == []
    assert await demo.read(counts, poll) == {1: 1}


async def test_a_merge_takes_its_polls_along(demo: Database) -> None:
    poll = await demo.run(begin)

    def play(tx: Tx) -> None:
        other = places.add_compound(tx, "西苑小区")
        merging.move_late(tx, poll.compound_id, other, {}, NOON)
        moved = rows.numbered(tx, other, poll.number)
        assert moved is not None and moved.id == poll.id and rows.running(tx, poll.compound_id) == []

    await demo.run(play)
