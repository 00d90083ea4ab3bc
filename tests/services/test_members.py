"""Codes and requests: what is stored and recorded of them, who is asked, what happens when two act at once."""

import asyncio
import re
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Executable, select

from bot.demo import Demo, build
from bot.play import BOT, Player, Recorder
from domain.messages import Address, Incoming, Sender
from domain.people import Role
from domain.rules import Rules
from storage import people, places
from storage.audit import Audit
from storage.codes import CodeRow
from storage.database import Database, Tx
from storage.members import Consent, HomeRequest
from storage.people import PersonRow, Resident
from storage.vault import VARIABLE, new_key

ZONE = ZoneInfo("Asia/Shanghai")
START = datetime(2026, 11, 23, 10, 0, tzinfo=ZONE)
LIU, ZHOU = "老刘", "周书记"


class House:
    """The demo compound; whoever speaks without naming a group speaks privately."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.transport = Recorder()
        self.player = Player(database, self.transport, Rules())
        self.now = START
        self.count = 0

    def words(self, user: str, text: str, group: str = "") -> Incoming:
        self.count += 1
        self.now += timedelta(seconds=1)
        at = Address(group) if group else Address(user, private=True)
        return Incoming(BOT, f"m{self.count}", at, Sender(user, user), text, self.now, message_id=f"m{self.count}")

    async def say(self, user: str, text: str, group: str = "") -> None:
        await self.player.hear(self.words(user, text, group))

    async def wait(self, time: timedelta) -> None:
        self.now += time
        await self.player.advance(self.now)

    async def until(self, hour: int, minute: int) -> None:
        await self.wait(self.now.replace(hour=hour, minute=minute, second=0) - self.now)

    async def at_once(self, *incoming: Incoming) -> None:
        """Heard in different chats at the same moment."""
        self.player.now = self.now
        await asyncio.gather(*(self.player.app.inbox.receive(each) for each in incoming))
        await self.player.advance(self.now)

    def said(self, chat: str) -> list[str]:
        return [said.message.text for said in self.transport.sent if said.message.to.chat == chat]

    async def code(self, user: str, text: str) -> str:
        await self.say(user, text)
        found = re.search(r"(?<!\d)(\d{6}|\d{8})(?!\d)", self.said(user)[-1])
        assert found, self.said(user)[-1]
        return found[0]

    async def rows(self, statement: Executable) -> list[tuple[Any, ...]]:
        return await self.database.read(lambda tx: [tuple(row) for row in tx.execute(statement)])

    async def homes_of(self, name: str) -> list[str]:
        joined = select(Resident.relation).join(PersonRow, PersonRow.id == Resident.person_id)
        return [row[0] for row in await self.rows(joined.where(PersonRow.name == name))]


@pytest.fixture
async def house(database: Database) -> House:
    await database.run(build, BOT)
    return House(database)


async def test_one_code_binds_one_of_two_groups(house: House) -> None:
    code = await house.code(LIU, "绑群 3栋")
    await house.at_once(house.words("甲", f"绑定 {code}", "新群一"), house.words("乙", f"绑定 {code}", "新群二"))
    bound = [chat.chat_id for chat in await house.database.read(places.all_chats, BOT)]
    new = [chat for chat in ("新群一", "新群二") if chat in bound]
    assert len(new) == 1
    assert [bool(house.said(chat)) for chat in ("新群一", "新群二")] == [chat in new for chat in ("新群一", "新群二")]


async def test_two_codes_for_one_group_bind_it_once(house: House) -> None:
    first, second = await house.code(LIU, "绑群 3栋"), await house.code(ZHOU, "绑群 小区")
    await house.say("甲", f"绑定 {first}", "新群")
    await house.say("乙", f"绑定 {second}", "新群")
    await house.say("乙", f"绑定 {second}", "另一群")
    chats = {chat.chat_id: chat for chat in await house.database.read(places.all_chats, BOT)}
    assert chats["新群"].place.building == "3"
    assert chats["另一群"].place.building_id is None
    assert len(house.said("新群")) == 1


async def test_a_topic_binds_its_whole_group(house: House) -> None:
    code = await house.code(LIU, "绑群 3栋")
    await house.say("甲", f"绑定 {code}", "新群/7")
    assert "新群" in [chat.chat_id for chat in await house.database.read(places.all_chats, BOT)]


async def test_first_words_wait_for_the_morning(house: House) -> None:
    await house.until(22, 0)
    code = await house.code(LIU, "绑群 3栋")
    await house.say(LIU, f"绑定 {code}", "新群")
    assert house.said("新群") == []
    assert house.said(LIU)[-1] == "3栋群绑好了"
    await house.wait(timedelta(hours=10))
    assert len(house.said("新群")) == 1


@pytest.mark.parametrize("keys", [False, True], ids=["plain", "keyed"])
async def test_no_code_is_stored(house: House, monkeypatch: pytest.MonkeyPatch, keys: bool) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    if keys:
        monkeypatch.setenv(VARIABLE, new_key())
    chat, home = await house.code(LIU, "绑群 3栋"), await house.code(LIU, "门牌码 3-2-502")
    stored = await house.rows(select(CodeRow.digest, CodeRow.target))
    recorded = await house.rows(select(Audit.data))
    assert len(stored) == 2
    assert not any(code in repr(row) for row in [*stored, *recorded] for code in (chat, home))
    plain = {sha256(f"{kind} {code}".encode()).hexdigest() for kind, code in (("chat", chat), ("home", home))}
    assert ({row[0] for row in stored} == plain) is not keys
    await house.say("李姐", f"我是3-2-502 李姐 租户 {home}")
    assert await house.homes_of("李姐") == ["tenant"]


async def test_a_home_code_lasts_thirty_days(house: House) -> None:
    code = await house.code(LIU, "门牌码 3-2-502")
    await house.wait(timedelta(days=30, hours=1))
    await house.say("李姐", f"我是3-2-502 李姐 租户 {code}")
    assert await house.homes_of("李姐") == []


async def test_what_happens_is_recorded_by_ids_alone(house: House) -> None:
    code = await house.code(LIU, "门牌码 3-2-502")
    await house.say("李姐", f"我是3-2-502 李姐 租户 {code}")
    await house.say("李姐", "12345678")
    await house.say("小孙", "我是3-1-101 代办 小孙")
    await house.say(LIU, "谁要进")
    await house.say(LIU, "行 1")
    await house.say(LIU, "1")
    rows = await house.rows(select(Audit.subject, Audit.action, Audit.actor_id, Audit.data))
    actions = [f"{row[0]} {row[1]}" for row in rows]
    assert actions == [
        "household made_code",
        "person join",
        "code wrong_home",
        "household asked_in",
        "home_request approved",
        "person consent",
        "person join",
    ]
    assert all(row[2] for row in rows)
    assert not any(word in repr(row) for row in rows for word in ("李姐", "小孙", "陈奶奶", code, "3-2-502"))
    consents = await house.rows(select(Consent.person_id, Consent.purpose, Consent.recorded_by))
    chen, liu = [await house.database.read(people.find_person, BOT, name) for name in ("陈奶奶", LIU)]
    assert chen and liu
    assert consents == [(chen.id, "helper", liu.id)]
    assert await house.homes_of("小孙") == ["helper"]
    assert {row[0] for row in await house.rows(select(HomeRequest.name))} == {""}


async def test_a_building_without_a_head_is_asked_of_the_branch(house: House) -> None:
    await house.say("李姐", "我是5-1-402 李姐 业主")
    await house.until(18, 30)
    assert house.said(ZHOU) == ["1户要进：\n1 李姐 5-1-402 业主\n都行就回 都行，不行的回 不行 1"]
    await house.say(LIU, "都行")
    assert house.said(LIU) == ["现在没人等着进"]
    await house.say(ZHOU, "都行")
    assert await house.homes_of("李姐") == ["owner"]


async def test_nobody_lets_in_who_was_not_shown(house: House) -> None:
    rooms = ["101", "102", "201", "202", "301", "302", "401", "402", "502", "601"]
    for room in rooms:
        await house.say(f"住户{room}", f"我是3-2-{room} 业主")
    await house.until(18, 30)
    assert "还有1户，点完回 谁要进" in house.said(LIU)[-1]
    await house.say("迟来的", "我是3-2-602 业主")
    await house.say(LIU, "都行")
    assert house.said(LIU)[-1] == "好，9户都进了"
    assert await house.homes_of("住户601") == await house.homes_of("迟来的") == []
    await house.say(LIU, "谁要进")
    await house.say(LIU, "都行")
    assert await house.homes_of("住户601") == await house.homes_of("迟来的") == ["owner"]


async def test_two_heads_decide_at_once_and_one_counts(house: House) -> None:
    def second_head(tx: Tx) -> None:
        demo: Demo = build(tx, BOT)
        demo.appoint(demo.settle("老马", "老马", home="3-1-202"), f"building_group:{Role.LEADER.value}", "3")

    await house.database.run(second_head)
    await house.say("李姐", "我是3-2-502 李姐 业主")
    await house.until(18, 30)
    await house.at_once(house.words(LIU, "行 1"), house.words("老马", "不行 1"))
    told = [text for text in house.said("李姐") if "点头" in text and "问" not in text]
    assert len(told) == 1
    states = await house.rows(select(HomeRequest.state))
    assert states == [("approved",)] if "没点头" not in told[0] else [("refused",)]


async def test_a_head_does_not_let_in_themselves(house: House) -> None:
    await house.say(LIU, "我是3-2-502 业主")
    await house.say(LIU, "谁要进")
    await house.say(LIU, "行 1")
    assert house.said(LIU)[-1] == "自己的事自己批不了\n请找小区党支部"
    assert await house.homes_of(LIU) == ["owner"]  # of the first home alone


async def test_a_new_request_takes_the_place_of_the_old(house: House) -> None:
    await house.say("李姐", "我是3-2-502 李姐 业主")
    await house.say("李姐", "我是3-2-601 李姐 业主")
    await house.until(18, 30)
    assert "3-2-601" in house.said(LIU)[-1]
    assert "3-2-502" not in house.said(LIU)[-1]


async def test_who_joins_is_no_outsider(house: House) -> None:
    def trader(tx: Tx) -> None:
        build(tx, BOT).settle("老板", "老板", outsider=True)

    await house.database.run(trader)
    code = await house.code(LIU, "门牌码 3-2-502")
    await house.say("老板", f"我是3-2-502 租户 {code}")
    person = await house.database.read(people.find_person, BOT, "老板")
    assert person
    assert replace(person, id=0) == replace(person, id=0, outsider=False)
    assert person.household_id


async def test_a_name_of_several_lines_makes_one_line(house: House) -> None:
    words = house.words("甲", "我是3-2-502 业主")
    await house.player.hear(replace(words, sender=Sender("甲", "甲\n2 老刘 3-1-201 业主")))
    await house.say(LIU, "谁要进")
    assert house.said(LIU)[-1].split("\n")[1].startswith("1 甲 2 老刘")
    assert len(house.said(LIU)[-1].split("\n")) == 3


@pytest.mark.parametrize(
    "words",
    ["我是3栋2单元502，煤气味好大", "我是3-2-502，楼道灯坏了", "我是3-2-502 下水道堵了"],
)
async def test_a_report_that_begins_with_the_door_stays_one(house: House, words: str) -> None:
    await house.say("李姐", words, "3栋群")
    assert any("#1" in text for text in house.said("3栋群"))
    assert await house.rows(select(HomeRequest.id)) == []
