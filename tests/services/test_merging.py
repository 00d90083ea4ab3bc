"""Small compounds become one: everything follows or is declared to stay, nobody gains a right, numbers stay."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import JSON, Boolean, Integer, Table, event, insert, select
from typer.testing import CliRunner

from bot.cli import cli
from bot.commands.compounds import found
from bot.config import DATABASE_URL
from bot.play import BOT, Player, Recorder
from domain.errors import Refusal
from domain.messages import Address, Incoming, Sender
from domain.people import Body, Level, Place, Role
from domain.rights import Action, may
from domain.rules import Rules
from services import merging, rosters, seals
from services.merging import Wanted
from storage import merging as rows
from storage import people, places, tickets
from storage import rosters as stored_rosters
from storage.audit import Audit
from storage.base import Moment
from storage.database import Database, Tx
from storage.models import Base
from storage.people import PostHistory
from storage.places import Compound
from storage.ticket_bodies import ASSIST, WHISTLE, TicketBody

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
BIG, SMALL, MANY = "通湖小区", "西苑小区", "东苑小区"
RENAMED = {(SMALL, "3"): "13"}
WITH_COMPOUND = {table.name: table for table in Base.metadata.sorted_tables if "compound_id" in table.c}


def town(tx: Tx, name: str, *, director: str, buildings: tuple[str, ...]) -> None:
    """A compound with its bodies; in each building a head, a resident and their two groups."""
    compound = places.add_compound(tx, name)
    homes = {}
    for number in buildings:
        building = places.add_building(tx, compound, number)
        unit = places.add_unit(tx, compound, building, "1")
        homes[building] = places.add_household(tx, compound, building, unit, "301")
    names = {"compound": name, "community": f"{name}社区", "street": "街道", "director": (director, director)}
    found(tx, BOT, **names)  # type: ignore[arg-type]
    own = people.bodies_of_compound(tx, compound)
    branch = next(body for body in own if body.level is Level.BRANCH)
    people.add_body(tx, Level.OWNERS_COMMITTEE, f"{name}业委会", parent=branch, compound_id=compound)
    post(tx, f"{name}书记", branch, Role.SECRETARY)
    places.bind_chat(
        tx, bot_id=BOT, chat_id=f"{name}支部群", title="小区工作群", place=Place(compound), body_id=branch.id
    )
    for body in own:
        if not body.building_id:
            continue
        number = next(number for key, number in places.buildings(tx, compound) if key == body.building_id)
        place, key = Place(compound, body.building_id), f"{name}{number}栋"
        post(tx, f"{key}楼栋长", body, Role.HEAD)
        resident = people.add_person(tx, f"{key}住户")
        people.add_identity(tx, BOT, f"{key}住户", resident)
        people.add_resident(tx, resident, homes[body.building_id], "owner")
        places.bind_chat(tx, bot_id=BOT, chat_id=f"{key}群", title=f"{number}栋群", place=place)
        places.bind_chat(
            tx, bot_id=BOT, chat_id=f"{key}工作群", title=f"{number}栋工作群", place=place, body_id=body.id
        )


def post(tx: Tx, name: str, body: Body, role: Role) -> None:
    person = people.add_person(tx, name)
    people.add_identity(tx, BOT, name, person)
    people.add_post(tx, person, body.id, role)


@pytest.fixture(autouse=True)
async def towns(database: Database) -> None:
    await database.run(town, BIG, director="孙主任", buildings=("1", "3"))
    await database.run(town, SMALL, director="钱主任", buildings=("2", "3"))


async def merge(database: Database, *parts: str, renames: dict[tuple[str, str], str] | None = None) -> list[str]:
    wanted = Wanted(BIG, parts or (SMALL,), RENAMED if renames is None else renames)
    done = await merging.merge(database, wanted, now=NOW, bot_id=BOT, rules=Rules())
    return [part.name for part in done]


def number_of(tx: Tx, name: str) -> int:
    return int(tx.execute(select(Compound.id).where(Compound.name == name)).scalar_one())


def everything(tx: Tx) -> dict[str, list[Any]]:
    """All rows, but for locks."""
    tables = [table for table in Base.metadata.sorted_tables if table.name != "lane"]
    return {table.name: sorted(map(repr, tx.execute(select(table)).all())) for table in tables}


def value(column: Any, number: int) -> Any:
    if isinstance(column.type, Moment):
        return NOW + timedelta(days=1)
    if isinstance(column.type, Boolean):
        return False
    if isinstance(column.type, JSON):
        return {}
    return number if isinstance(column.type, Integer) else f"{number}"


def fill(tx: Tx, table: Table, compound: int, number: int) -> None:
    """One row of that compound, with something in every column."""
    there = tx.execute(select(table).where(table.c.compound_id == compound)).first()
    if there is None:
        row = {column.name: value(column, number) for column in table.c if not column.nullable}
        home = tx.execute(
            select(Base.metadata.tables["household"].c.id).where(
                Base.metadata.tables["household"].c.compound_id == compound
            )
        ).scalar()
        near = {"household_id": home, "building_id": 1, "compound_id": compound, "level": 13}
        row |= {name: known for name, known in near.items() if name in table.c}
        tx.execute(insert(table).values(row))


def test_every_table_with_a_compound_is_declared() -> None:
    """A new table says whether its rows follow a merge, or stay and why: storage/merging.py."""
    assert not rows.MOVED & rows.KEPT.keys()
    assert set(WITH_COMPOUND) == rows.MOVED | rows.KEPT.keys()


async def test_everything_follows_and_twice_changes_nothing(database: Database) -> None:
    source = await database.read(number_of, SMALL)
    for number, table in enumerate(WITH_COMPOUND.values()):
        await database.run(fill, table, source, 1_000 + number)
    kept = {name: await database.read(of_compound, name, source) for name in WITH_COMPOUND}
    assert all(kept.values()), "every table has a row of the small compound"
    assert await merge(database) == [SMALL]
    for name in WITH_COMPOUND:
        left = await database.read(of_compound, name, source)
        assert left[: len(kept[name])] == kept[name] if name in rows.KEPT else left == [], name
    before = await database.read(everything)
    assert await merge(database) == []
    assert await database.read(everything) == before
    merged = await database.read(rows.find, SMALL)
    assert merged is not None and merged.merged_into == await database.read(number_of, BIG) and merged.merged_at == NOW


def of_compound(tx: Tx, table: str, compound: int) -> list[Any]:
    of = WITH_COMPOUND[table]
    return list(tx.execute(select(of).where(of.c.compound_id == compound)).all())


@pytest.mark.parametrize(
    ("parts", "renames", "code"),
    [
        ((SMALL,), {}, "merging.same_number"),
        ((SMALL,), {(SMALL, "3"): "1"}, "merging.same_number"),
        ((SMALL,), {**RENAMED, (SMALL, "9"): "19"}, "merging.rename_unknown"),
        ((SMALL, SMALL), RENAMED, "merging.twice"),
        ((BIG,), {}, "merging.twice"),
        ((SMALL, "没有的小区"), RENAMED, "merging.unknown"),
    ],
)
async def test_refused_before_anything_is_written(
    database: Database, parts: tuple[str, ...], renames: dict[tuple[str, str], str], code: str
) -> None:
    before = await database.read(everything)
    with pytest.raises(Refusal) as refused:
        await merge(database, *parts, renames=renames)
    assert refused.value.code == code
    assert await database.read(everything) == before


async def test_a_building_that_is_renamed_is_renamed_everywhere(database: Database) -> None:
    await merge(database)
    compound = await database.read(number_of, BIG)
    assert sorted(number for _, number in await database.read(places.buildings, compound)) == ["1", "13", "2", "3"]
    chat = await database.read(places.find_chat, BOT, f"{SMALL}3栋群")
    assert chat and (chat.title, chat.place.building, chat.place.compound_id) == ("13栋群", "13", compound)
    names = {body.name for body in await database.read(people.bodies_of_compound, compound)}
    assert {"13栋党小组", "3栋党小组", "2栋党小组", f"{SMALL}物业"} <= names


async def test_bodies_hang_under_one_branch_and_the_old_one_has_no_right(database: Database) -> None:
    old = await database.read(people.find_person, BOT, f"{SMALL}书记")
    assert old and [post.role for post in old.posts] == [Role.SECRETARY]
    await merge(database)
    compound = await database.read(number_of, BIG)
    own = await database.read(people.bodies_of_compound, compound)
    branches = [body for body in own if body.level is Level.BRANCH]
    assert [body.name for body in branches] == [f"{BIG}党支部"]
    assert all(body.under(branches[0]) for body in own)
    for body in own:
        assert [each.level for each in await database.read(people.chain, body)][-3:] == [3, 2, 1]
    ended = await database.read(people.find_person, BOT, f"{SMALL}书记")
    assert ended is not None and not any(may(ended, Action.HANDLE, body) for body in own)
    gone = await database.read(lambda tx: tx.execute(select(PostHistory.person_id, PostHistory.ended_at)).all())
    assert [tuple(row) for row in gone] == [(ended.id, NOW)]
    head = await database.read(people.find_person, BOT, f"{SMALL}3栋楼栋长")
    assert head and {body.name for body in own if may(head, Action.HANDLE, body)} == {"13栋党小组"}
    secretary = await database.read(people.find_person, BOT, f"{BIG}书记")
    assert secretary and all(may(secretary, Action.HANDLE, body) for body in own)
    director = await database.read(people.find_person, BOT, "钱主任")
    assert director and not any(may(director, Action.HANDLE, body) for body in own)


async def test_the_chains_still_hold_and_both_tell_of_it(database: Database) -> None:
    talk = Talk(database)
    await talk.say(f"{SMALL}2栋住户", "2栋电梯坏了", f"{SMALL}2栋群")
    await talk.say(f"{BIG}1栋住户", "1栋楼道灯不亮", f"{BIG}1栋群")
    while await database.run(seals.seal, NOW + timedelta(hours=1)):
        pass
    await merge(database)
    await talk.say(f"{SMALL}2栋住户", "2栋下水道堵了", f"{SMALL}2栋群")
    while await database.run(seals.seal, NOW + timedelta(days=1)):
        pass
    lines, whole = await seals.verify(database)
    assert whole, lines
    told = await database.read(
        lambda tx: tx.execute(
            select(Compound.name, Audit.action)
            .join(Compound, Compound.id == Audit.compound_id)
            .where(Audit.subject == "compound")
        ).all()
    )
    assert sorted(map(tuple, told)) == [(SMALL, "merged_into"), (BIG, "merged")]


class Talk:
    """People who speak to the bot; what it says in answer."""

    def __init__(self, database: Database) -> None:
        self.transport = Recorder()
        self.player, self.count, self.now = Player(database, self.transport, Rules()), 0, NOW

    async def say(self, user: str, text: str, group: str = "") -> str:
        self.count, self.now = self.count + 1, self.now + timedelta(seconds=70)
        before = len(self.transport.sent)
        address = Address(group) if group else Address(user, private=True)
        said = Incoming(BOT, f"{self.count}", address, Sender(user, user), text, self.now, message_id=f"{self.count}")
        await self.player.hear(said)
        return "\n".join(said.message.text for said in self.transport.sent[before:])


async def test_numbers_stay_and_new_ones_go_on_after_both(database: Database) -> None:
    talk = Talk(database)
    await talk.say(f"{BIG}3栋住户", "3栋楼道灯不亮", f"{BIG}3栋群")
    for building, words in (("2", "2栋电梯按钮坏了"), ("3", "3栋下水道堵了")):
        await talk.say(f"{SMALL}{building}栋住户", words, f"{SMALL}{building}栋群")
    await merge(database)
    there = await database.read(tickets.all_tickets)
    assert [(ticket.number, ticket.building) for ticket in there] == [(1, "3"), (1, "2"), (2, "13")]
    assert len({ticket.compound_id for ticket in there}) == 1 and len({ticket.series for ticket in there}) == 2
    assert "楼道灯" in await talk.say(f"{BIG}3栋住户", "查 1")
    assert "电梯" in await talk.say(f"{SMALL}2栋住户", "查 1")
    assert "电梯" in await talk.say(f"{SMALL}2栋楼栋长", "查 1")
    both = await talk.say(f"{BIG}书记", "查 1")
    assert "楼道灯" in both and "电梯" in both
    assert "#2" in await talk.say(f"{SMALL}3栋楼栋长", "接单 2", f"{SMALL}3栋工作群")
    said = await talk.say(f"{BIG}书记", "接单 1", f"{SMALL}2栋工作群")
    assert "#1" in said
    there = await database.read(tickets.all_tickets)
    assert [ticket.accepted_by is not None for ticket in there] == [False, True, True]
    assert "#3" in await talk.say(f"{SMALL}2栋住户", "2栋垃圾没人收", f"{SMALL}2栋群")


async def test_what_the_old_branch_had_on_its_desk_goes_to_the_new(database: Database) -> None:
    talk = Talk(database)
    await talk.say(f"{SMALL}2栋住户", "2栋电梯按钮坏了", f"{SMALL}2栋群")

    def up(tx: Tx) -> None:
        own = people.bodies_of_compound(tx, number_of(tx, SMALL))
        branch = next(body for body in own if body.level is Level.BRANCH)
        ticket = tickets.all_tickets(tx)[0].id
        tickets.change(tx, ticket, body_id=branch.id)
        asked = {"ticket_id": ticket, "body_id": branch.id, "asked_at": NOW}
        tx.execute(insert(TicketBody), [{**asked, "part": ASSIST, "answered_at": NOW}])
        tx.execute(insert(TicketBody), [{**asked, "part": WHISTLE, "answered_at": None}])

    await database.run(up)
    old = (await database.read(tickets.all_tickets))[0].body_id
    await merge(database)
    ticket = (await database.read(tickets.all_tickets))[0]
    body = await database.read(people.get_body, ticket.body_id)
    assert (body.name, body.compound_id) == (f"{BIG}党支部", ticket.compound_id)
    helpers = await database.read(lambda tx: tx.execute(select(TicketBody.part, TicketBody.body_id)).all())
    assert sorted(map(tuple, helpers)) == [(ASSIST, old), (WHISTLE, body.id)], "what is answered stays as it was"
    said = [each.message.text for each in talk.transport.sent if each.message.to.chat == f"{SMALL}书记"]
    assert said == []
    await talk.say("孙主任", "菜单")
    said = [each.message.text for each in talk.transport.sent if each.message.to.chat == f"{SMALL}书记"]
    assert len(said) == 1 and BIG in said[0], "whose office ended is told once"


async def test_broken_off_it_goes_on_where_it_was(database: Database) -> None:
    """Closed tickets go ahead in parts; the rest follows when it is said again."""
    talk = Talk(database)
    for words in ("2栋电梯按钮坏了", "2栋垃圾没人收", "2栋下水道堵了"):
        await talk.say(f"{SMALL}2栋住户", words, f"{SMALL}2栋群")
    source, target = await database.read(number_of, SMALL), await database.read(number_of, BIG)
    first, second, _ = await database.read(tickets.all_tickets)

    def closed(tx: Tx) -> None:
        for ticket in (first, second):
            tickets.change(tx, ticket.id, status="closed", closed_at=NOW)

    await database.run(closed)
    assert await database.run(rows.move_some, source, target, {}, 1) == 1
    assert "电梯" in await talk.say(f"{SMALL}2栋住户", "查 1")
    await merge(database)
    assert {ticket.compound_id for ticket in await database.read(tickets.all_tickets)} == {target}


async def test_what_a_late_turn_wrote_for_the_old_compound_follows(database: Database) -> None:
    """On PostgreSQL a turn that had begun before the switch may open its ticket after it."""
    talk = Talk(database)
    await talk.say(f"{SMALL}2栋住户", "2栋电梯按钮坏了", f"{SMALL}2栋群")
    source, target = await database.read(number_of, SMALL), await database.read(number_of, BIG)
    await merge(database)
    await database.run(lambda tx: tickets.change(tx, tickets.all_tickets(tx)[0].id, compound_id=source))
    assert await merge(database) == []
    assert [ticket.compound_id for ticket in await database.read(tickets.all_tickets)] == [target]


async def test_several_at_once_and_merged_before(database: Database) -> None:
    """A compound into which another was merged before takes it along."""
    await database.run(town, MANY, director="李主任", buildings=("5",))
    wanted = Wanted(SMALL, (MANY,))
    await merging.merge(database, wanted, now=NOW, bot_id=BOT, rules=Rules())
    await merge(database)
    listed = {each.name: each for each in await database.read(rows.compounds)}
    assert listed[MANY].merged_into == listed[SMALL].merged_into == listed[BIG].id
    assert (listed[BIG].buildings, listed[SMALL].buildings) == (5, 0)
    with pytest.raises(Refusal, match=r"merging\.gone"):
        await merging.preview(database, wanted, now=NOW, bot_id=BOT, rules=Rules())


async def test_an_import_of_the_old_compound_is_not_taken_back(database: Database) -> None:
    def imported(tx: Tx) -> int:
        compound = number_of(tx, SMALL)
        batch = stored_rosters.open_batch(tx, compound, file="a.xlsx", digest="", at=NOW, by=None)
        stored_rosters.note(tx, batch, "homes", [1, 2, 3, 4])
        stored_rosters.finish(tx, batch, {})
        return batch

    batch = await database.run(imported)
    await merge(database)
    before = await database.read(everything)
    with pytest.raises(Refusal, match=r"rosters\.not_the_last"):
        await rosters.undo(database, None, NOW, batch=batch)
    with pytest.raises(Refusal, match=r"merging\.gone"):
        await rosters.preview(database, SMALL, [], None)
    assert await database.read(everything) == before


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_no_statement_of_a_merge_reads_a_table_of_the_city_whole(database: Database) -> None:
    from sqlalchemy import Engine

    said: list[tuple[str, Any]] = []

    def note(_tx: object, _cursor: object, sql: str, parameters: Any, _context: object, many: bool) -> None:
        if not many and sql.split(maxsplit=1)[0] in {"SELECT", "UPDATE", "DELETE"}:
            said.append((sql, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        await merge(database)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
        Engine._has_events = False
    plans = await database.read(
        lambda tx: [(sql, tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values).all()) for sql, values in said]
    )
    small = {"compound", "CONSTANT"}  # some hundred rows in a city
    read = {(line[-1].split()[1], sql) for sql, lines in plans for line in lines if line[-1].startswith("SCAN")}
    assert len(plans) > 30
    assert [sql for table, sql in sorted(read) if table not in small] == []


# --- the command ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_by_the_command_line(tmp_path: Path, database_url: str) -> None:
    env = {DATABASE_URL: database_url}

    def run(*words: str, answer: str = "") -> Any:
        return CliRunner().invoke(cli, ["compound", *words], env=env, input=answer)

    refused = run("merge", BIG, SMALL)
    assert refused.exit_code == 1 and f"{SMALL}3栋" in refused.output and "--rename" in refused.output
    renamed = ("merge", BIG, SMALL, "--rename", f"{SMALL}:3=13")
    left = run(*renamed, answer="n\n")
    assert left.exit_code == 1 and "3栋改叫13栋" in left.output and "小区书记" in left.output
    assert f"{BIG}物业、{SMALL}物业" in left.output and f"{BIG}业委会、{SMALL}业委会" in left.output
    assert f"以后归{BIG}社区管" in left.output and "支部的工作群" in left.output
    assert f"{SMALL}：2栋，2户" in run("list").output
    assert run(*renamed, answer="y\n").exit_code == 0
    again = run(*renamed, "--yes")
    assert again.exit_code == 0 and "没有要做的" in again.output
    listed = run("list").output
    assert f"{BIG}：4栋，4户" in listed and f"{SMALL}：" in listed and f"并到{BIG}" in listed
    words = ["--community", "a", "--street", "b", "--director", "1 c"]
    gone = run("add", SMALL, *words)
    assert gone.exit_code == 1 and BIG in gone.output
    assert run("merge", BIG, SMALL, "--rename", "3=13").exit_code == 2
