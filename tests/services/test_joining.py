"""An account and the person of the roster become one: who fits, what moves, what stays two, what an undo leaves."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import JSON, BigInteger, DateTime, Engine, Integer, String, event, func, insert, select

from bot.demo import build, facts
from bot.play import BOT
from bot.roster_report import roster_words
from domain.namesakes import fitting, veiled
from domain.people import Role
from domain.rosters import Sheet, read_rows
from services import rosters
from services.handovers import HANDOVER
from services.offices import DEPUTY, TERM
from services.ticket_clock import OUTCOME
from storage import people, persons, timers
from storage.audit import Audit
from storage.database import Database, Tx
from storage.models import Base
from storage.people import Identity, PersonRow, Resident
from storage.vault import VARIABLE, Vault, new_key
from tests.services.test_members import LIU, House
from tests.support.chat import Scenario
from tests.support.rosters import identity

KEY = new_key()
NOW = datetime(2026, 11, 22, 1, tzinfo=UTC)
ROSTER = [
    ["楼栋", "单元", "房号", "姓名", "手机号", "证件号", "人员类型"],
    ["3", "2", "502", "王秀英", "13800000001", identity(1), "业主"],
    ["3", "2", "502", "李国强", "13800000002", identity(2), "家属"],
    ["3", "2", "601", "王秀兰", "13800000003", identity(3), "业主"],
    ["3", "2", "601", "王建国", "13800000004", identity(4), "家属"],
    ["3", "2", "602", "欧阳明", "13800000005", identity(5), "业主"],
]
# Whole numbers that name something else than a person.
OTHERS = {
    *("compound_id", "building_id", "unit_id", "household_id", "body_id", "ticket_id", "batch_id", "parent_id"),
    *("merged_into", "asked_body", "first_body_id", "offered_to", "overseer_id", "series", "last_id", "size", "id"),
    *("poll_id",),
}


@pytest.fixture
async def house(database: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.setenv(VARIABLE, KEY)
    await database.run(build, BOT)
    rows = read_rows([Sheet("名册", ROSTER)], roster_words()).rows
    source = rosters.Source("名册.xlsx", "d", NOW)
    await rosters.import_roster(database, facts()["compound"], rows, source, Vault([KEY]))
    yield House(database)


async def rows_named(house: House, name: str) -> list[tuple[int, str, str, str | None]]:
    """(person, relation, source, account) of everybody of that name, household by household."""
    return [
        (row[0], row[1], row[2], row[3])
        for row in await house.rows(
            select(PersonRow.id, Resident.relation, Resident.source, Identity.user_id)
            .join(Resident, Resident.person_id == PersonRow.id)
            .outerjoin(Identity, Identity.person_id == PersonRow.id)
            .where(PersonRow.name == name)
            .order_by(PersonRow.id)
        )
    ]


async def count(house: House) -> int:
    return int((await house.rows(select(func.count()).select_from(PersonRow)))[0][0])


async def person_of(house: House, user: str) -> int:
    found = await house.database.read(people.find_person, BOT, user)
    assert found
    return found.id


KNOWN = [(1, "王秀英"), (2, "王建国"), (3, "李国强"), (4, "欧阳明"), (5, "王")]


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("王秀英", [1]),
        ("王 秀英", [1]),
        ("李师傅", [3]),
        ("王阿姨", [1, 2]),
        ("欧阳阿姨", [4]),
        ("阿姨", []),
        ("", []),
        ("秀英", []),
        ("张阿姨", []),
        ("王秀英阿姨", []),
        ("王", [5]),
    ],
)
def test_who_fits(said: str, found: list[int]) -> None:
    assert [number for number, _ in fitting(said, KNOWN, {"阿姨", "师傅"})] == found


def test_veiled() -> None:
    assert [veiled(name) for name in ("王秀英", "王英", "欧阳小明", "王")] == ["王*英", "王*", "欧**明", "王*"]


async def test_a_tenant_is_not_taken_for_the_owner_by_a_surname(house: House) -> None:
    code = await house.code(LIU, "门牌码 3-2-502")
    await house.say("租客", f"我是3-2-502 王阿姨 租户 {code}")
    assert house.said("租客")[-1].startswith("好，3栋2单元502给您记上了")
    assert [row[3] for row in await rows_named(house, "王秀英")] == [None]
    assert [row[1:] for row in await rows_named(house, "王阿姨") if row[3] == "租客"] == [("tenant", "code", "租客")]


@pytest.mark.parametrize("said", ["王秀英 租户", "王阿姨 家人"])
async def test_by_a_code_they_become_one(house: House, said: str) -> None:
    before, known = await count(house), await rows_named(house, "王秀英")
    code = await house.code(LIU, "门牌码 3-2-502")
    await house.say("小王", f"我是3-2-502 {said} {code}")
    assert house.said("小王")[-1].startswith("好，3栋2单元502给您记上了")
    assert await rows_named(house, "王秀英") == [(known[0][0], "owner", "code", "小王")], "the roster's relation stays"
    assert await count(house) == before, "no second person"
    phone = await house.rows(select(PersonRow.phone).where(PersonRow.name == "王秀英"))
    assert Vault([KEY]).open(phone[0][0]) == "13800000001"
    log = await house.rows(select(Audit.action, Audit.actor_id, Audit.subject_id).where(Audit.subject == "person"))
    assert log == [("joined", known[0][0], known[0][0]), ("join", known[0][0], known[0][0])]


async def test_a_code_by_itself_goes_by_the_name_that_is_shown(house: House) -> None:
    code = await house.code(LIU, "门牌码 3-2-502")
    await house.say("李国强", code)
    await house.say("李国强", "3")
    assert [row[1:] for row in await rows_named(house, "李国强")] == [("family", "code", "李国强")]


async def test_what_the_account_had_moves_along(house: House) -> None:
    await house.say("小王", "楼道灯坏了", "3栋群")
    old, known = await person_of(house, "小王"), (await rows_named(house, "王秀英"))[0][0]
    code = await house.code(LIU, "门牌码 3-2-502")
    await house.say("小王", f"我是3-2-502 王阿姨 业主 {code}")
    assert await person_of(house, "小王") == known
    await house.say("小王", "查 1")
    assert "#1" in house.said("小王")[-1]
    await house.say("小王", "我的数据")
    assert "王秀英" in house.said("小王")[-1] and "#1" in house.said("小王")[-1]
    shell = await house.rows(select(PersonRow.name, PersonRow.erased_at.is_not(None)).where(PersonRow.id == old))
    assert shell == [(None, True)]


async def test_by_a_head_one_and_all(house: House) -> None:
    await house.say("小王", "我是3-2-502 王阿姨 业主")
    await house.say("阿强", "我是3-2-502 李国强 家人")
    await house.say("新人", "我是3-2-502 赵敏 租户")
    await house.say(LIU, "谁要进")
    await house.say(LIU, "行 1")
    assert [row[1:] for row in await rows_named(house, "王秀英")] == [("owner", "head", "小王")]
    assert "点头了" in house.said("小王")[-1], "told under the new number"
    await house.say(LIU, "都行")
    assert [row[1:] for row in await rows_named(house, "李国强")] == [("family", "head", "阿强")]
    assert [row[1:] for row in await rows_named(house, "赵敏")] == [("tenant", "head", "新人")], "nobody fits: new"


STORY = """
小王→小助手> 我是3-2-601 王阿姨 业主
小助手→小王> 3栋2单元601记下了…
老刘→小助手> 谁要进
小助手→老刘> 1户要进：…
老刘→小助手> 都行
小助手→老刘> 1 名册上有几位像的，再回 行 1
老刘→小助手> 行 1
小助手→老刘> 1 王阿姨 3-2-601，是名册上哪一位？
  1 王秀兰
  2 王建国
  0 都不是，新加一位
--- 重启 ---
老刘→小助手> 9
小助手→老刘> …
老刘→小助手> 按[王秀兰]
小助手→小王> 3栋楼栋长点头了…
小助手→老刘> 好，1 王阿姨 3-2-601 进了
--- 再来一次 ---
小王→小助手> 我是3-2-601
小助手→小王> 您已经在3栋2单元601了，有事直接说
老刘→小助手> 行 1
小助手→老刘> 现在没人等着进
老刘→小助手> 门牌码 3-2-502
小助手→老刘> 3栋2单元502的门牌码：{码}…
李姐→小助手> 我是3-2-502 李姐 家人 {码}
小助手→李姐> 好，3栋2单元502给您记上了…
"""


@pytest.mark.parametrize("buttons", [False, True], ids=["words", "buttons"])
async def test_a_head_is_asked_once_where_several_fit(house: House, buttons: bool) -> None:
    source = STORY.strip()
    if buttons:
        source = source.replace("老刘→小助手> 9\n小助手→老刘> …\n", "")
    await Scenario(source, house.database, buttons=buttons).run()
    assert [row[1:] for row in await rows_named(house, "王秀兰")] == [("owner", "head", "小王")]
    assert [row[1:] for row in await rows_named(house, "王建国")] == [("family", "roster", None)]
    assert [row[1:] for row in await rows_named(house, "李国强")] == [("family", "code", "李姐")]


@pytest.mark.parametrize(("answer", "joined"), [("2", "王建国"), ("0", "")])
async def test_by_a_code_the_person_is_asked(house: House, answer: str, joined: str) -> None:
    code = await house.code(LIU, "门牌码 3-2-601")
    await house.say("小王", f"我是3-2-601 王师傅 家人 {code}")
    asked = house.transport.sent[-1].message
    assert asked.text == "3栋2单元601，您是哪一位？"
    assert [choice.label for choice in asked.choices] == ["王*兰", "王*国", "都不是"]
    await house.say("小王", answer)
    accounts = {name: [row[3] for row in await rows_named(house, name)] for name in ("王秀兰", "王建国", "王师傅")}
    assert accounts == {"王秀兰": [None], "王建国": ["小王" if joined else None], "王师傅": [] if joined else ["小王"]}


async def test_nobody_takes_the_place_of_somebody_with_an_account(house: House) -> None:
    first, second = await house.code(LIU, "门牌码 3-2-502"), await house.code(LIU, "门牌码 3-2-502")
    await house.say("小王", f"我是3-2-502 王秀英 业主 {first}")
    await house.say("生人", f"我是3-2-502 王秀英 业主 {second}")
    assert [row[3] for row in await rows_named(house, "王秀英")] == ["小王", "生人"], "two persons"


async def test_two_at_once_and_one_of_them_is_the_person(house: House) -> None:
    first, second = await house.code(LIU, "门牌码 3-2-502"), await house.code(LIU, "门牌码 3-2-502")
    words = [f"我是3-2-502 王秀英 业主 {code}" for code in (first, second)]
    await house.at_once(house.words("甲", words[0]), house.words("乙", words[1]))
    rows = await rows_named(house, "王秀英")
    assert sorted(row[3] or "" for row in rows) == ["乙", "甲"]
    assert len({row[0] for row in rows}) == 2


async def test_who_acts_for_others_is_nobody_of_the_roster(house: House) -> None:
    await house.say("李国强", "我是3-2-502 代办 李国强")
    await house.say(LIU, "谁要进")
    await house.say(LIU, "行 1")
    await house.say(LIU, "1")
    assert [row[1:] for row in await rows_named(house, "李国强")] == [
        ("family", "roster", None),
        ("helper", "head", "李国强"),
    ]


async def test_an_undone_roster_leaves_who_has_an_account(house: House) -> None:
    code = await house.code(LIU, "门牌码 3-2-502")
    await house.say("小王", f"我是3-2-502 王秀英 业主 {code}")
    undone = await rosters.undo(house.database, Vault([KEY]), NOW + timedelta(days=2), name=facts()["compound"])
    assert (undone.people, undone.changes) == (1, 1)
    assert [row[1:] for row in await rows_named(house, "王秀英")] == [("owner", "code", "小王")]
    assert await rows_named(house, "李国强") == [], "whom nobody else knows is gone"
    await house.say("小王", "我是3-2-502")
    assert house.said("小王")[-1] == "您已经在3栋2单元502了，有事直接说"


async def test_a_later_roster_finds_them_again(house: House) -> None:
    code = await house.code(LIU, "门牌码 3-2-502")
    await house.say("小王", f"我是3-2-502 王阿姨 业主 {code}")
    rows = read_rows([Sheet("名册", ROSTER)], roster_words()).rows
    again = await rosters.import_roster(
        house.database, facts()["compound"], rows, rosters.Source("2.xlsx", "e", NOW), Vault([KEY])
    )
    assert again.batch is None and again.diff.empty


def test_every_column_that_may_name_a_person_is_declared() -> None:
    """A new one is written into MOVED or KEPT of storage/persons.py, or into OTHERS here where it names no person."""
    found = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, BigInteger) and column.name not in OTHERS
    }
    assert found - {"person.id"} == persons.MOVED | set(persons.KEPT)
    assert not persons.MOVED & set(persons.KEPT)


def _row(table: Any, person: str, values: dict[str, Any], number: int) -> dict[str, Any]:
    """A row that names the person in that column; everything that must be there is."""
    row: dict[str, Any] = {}
    for column in table.columns:
        if column.name in values:
            row[column.name] = values[column.name]
        elif column.name == person or column.nullable or column.server_default is not None or column.name == "id":
            continue
        elif isinstance(column.type, String):
            row[column.name] = f"x{number}"
        elif isinstance(column.type, JSON):
            row[column.name] = {}
        elif isinstance(column.type, (BigInteger, Integer)):
            row[column.name] = 900_000 + number
        elif isinstance(getattr(column.type, "impl", column.type), DateTime):
            row[column.name] = NOW + timedelta(days=400)
        else:
            row[column.name] = False
    return {**row, person: values["old"]}


async def test_every_moved_column_moves(house: House) -> None:
    """A head with a ticket, a report, a code and all the rest: nothing names the old row but what is KEPT."""
    old = await person_of(house, LIU)
    new = (await rows_named(house, "王秀英"))[0][0]

    def go(tx: Tx) -> dict[str, tuple[int, int]]:
        people_tables = Base.metadata.tables
        home = tx.execute(select(Resident.household_id).where(Resident.person_id == new)).scalar_one()
        compound = tx.execute(
            select(people_tables["household"].c.compound_id).where(people_tables["household"].c.id == home)
        ).scalar_one()
        chat = people_tables["chat"]
        group = tx.execute(select(chat.c.chat_id).where(chat.c.bot_id == BOT, chat.c.compound_id == compound)).first()
        body = tx.execute(select(people_tables["post"].c.body_id).where(people_tables["post"].c.person_id == old))
        values = {"old": old, "compound_id": compound, "household_id": home, "bot_id": BOT, "status": "open"}
        values |= {"chat_id": group[0] if group else "", "body_id": body.scalar(), "state": "refused"}
        ticket = people_tables["ticket"]
        values["ticket_id"] = tx.execute(
            insert(ticket).values(_row(ticket, "accepted_by", values, 0)).returning(ticket.c.id)
        ).scalar_one()
        other = tx.execute(select(func.max(PersonRow.id))).scalar_one()
        for number, name in enumerate(sorted(persons.MOVED - {"ticket.accepted_by"}), start=1):
            table, column = name.split(".")
            at = people_tables[table]
            given = dict(values)
            if "person_id" in at.c and column != "person_id":
                given["person_id"] = other if table == "post" else old
            if table == "resident":
                given["household_id"] = home + 1
            if table == "post" and column == "acts_for":
                given["role"] = "staff"
            tx.execute(insert(at).values(_row(at, column, given, number)))
        place = {"household_id": home, "compound_id": compound}
        before = _named(tx, old)
        persons.move(tx, old, new, bot_id=BOT, now=NOW, **place)
        after = _named(tx, old)
        return {name: (before[name], after[name]) for name in before}

    def _named(tx: Tx, person: int) -> dict[str, int]:
        tables = Base.metadata.tables
        return {
            name: tx.execute(
                select(func.count()).select_from(tables[table]).where(tables[table].c[column] == person)
            ).scalar_one()
            for name in persons.MOVED
            for table, column in [name.split(".")]
        }

    found = await house.database.run(go)
    assert {name for name, (before, _) in found.items() if not before} == set(), "each was there"
    assert {name for name, (_, after) in found.items() if after} == set()


async def test_an_officer_keeps_office_and_clock(house: House) -> None:
    """The head is on the roster of their flat, and comes in there: deputy, term and closing questions go along."""
    old, new = await person_of(house, LIU), (await rows_named(house, "欧阳明"))[0][0]
    asking = (OUTCOME, f"7:{old}", {"ticket": 7, "person": old})

    def prepare(tx: Tx) -> None:
        report = Base.metadata.tables["ticket_report"]
        tx.execute(insert(report).values(ticket_id=7, person_id=old, chat_id="x", at=NOW))
        post = people.posts_of(tx, old)[0]
        term = (TERM, f"{old}:{post.body.id}:{post.role.value}", {"person": old})
        away: tuple[str, str, dict[str, Any]] = (
            DEPUTY,
            str(old),
            {"person": old, "posts": [[old, 5, "head"], [3, 5, "head"]]},
        )
        handing = (HANDOVER, f"{old}:{post.body.id}", {"person": old, "whom": 3, "body": post.body.id})
        for kind, key, data in (asking, term, away, handing):
            timers.set_timer(tx, kind, key, bot_id=BOT, due_at=NOW + timedelta(days=90), data=data)

    await house.database.run(prepare)
    code = await house.code("周书记", "门牌码 3-2-602")
    await house.say(LIU, f"我是3-2-602 欧阳明 业主 {code}")
    assert await person_of(house, LIU) == new
    found = await house.database.read(people.find_person, BOT, LIU)
    assert found and any(post.role is Role.HEAD for post in found.posts)
    waiting = await house.rows(select(timers.TimerRow.key, timers.TimerRow.data))
    assert sorted(key for key, _ in waiting if str(new) in key.split(":"))[:1]
    assert all(data.get("person") in (None, new) for _, data in waiting)
    assert [[new, 5, "head"], [3, 5, "head"]] in [data.get("posts") for _, data in waiting]
    await house.say(LIU, "门牌码 3-2-601")
    assert "门牌码：" in house.said(LIU)[-1], "still the head"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_nothing_is_searched_by_reading_a_table_whole(house: House) -> None:
    await house.say(LIU, "楼道灯坏了", "3栋群")
    code = await house.code("周书记", "门牌码 3-2-602")
    said: list[tuple[str, Any]] = []

    def note(_tx: object, _cursor: object, sql: str, parameters: Any, _context: object, many: bool) -> None:
        if not many and sql.split(maxsplit=1)[0] in {"SELECT", "UPDATE", "DELETE"}:
            said.append((sql, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        await house.say(LIU, f"我是3-2-602 欧阳明 业主 {code}")
    finally:
        event.remove(Engine, "before_cursor_execute", note)
        Engine._has_events = False
    plans = await house.database.read(
        lambda tx: [(sql, tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values).all()) for sql, values in said]
    )
    assert any("UPDATE ticket_text" in sql for sql, _ in plans)
    scans = {(line[-1].split()[1], sql) for sql, lines in plans for line in lines if line[-1].startswith("SCAN")}
    assert [sql for table, sql in scans if table.rstrip("_0123456789") in Base.metadata.tables] == []
