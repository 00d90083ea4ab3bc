"""Rosters into the database: same again, changed, undone, crashed, overtaken; on both databases."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, select

from bot.roster_report import roster_words
from domain.errors import Refusal
from domain.roster_plan import Counts
from domain.rosters import Row, Sheet, read_rows
from services import rosters
from services.rosters import Source, import_roster, preview, undo
from storage import people, places
from storage import rosters as stored
from storage.database import Database, Tx
from storage.models import Base
from storage.vault import Vault, new_key
from tests.support.rosters import identity

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
NAME = "幸福小区"
SOURCE = Source("名册.xlsx", "d1", NOW)
VAULT = Vault([new_key()])
HEADER = ["楼栋", "单元", "房号", "面积", "姓名", "手机号", "证件号", "人员类型"]
OWN = {"roster_batch", "roster_change", "lane", "audit"}  # what keeps the book is not what the book is about


def rows_of(*lines: str, header: Sequence[str] = HEADER) -> tuple[Row, ...]:
    """ "3 2 501 89.56 王秀英 13800000001 - 业主" a line."""
    grid = [list(header), *([("" if cell == "-" else cell) for cell in line.split()] for line in lines)]
    roster = read_rows([Sheet("名册", grid)], roster_words())
    assert roster.rows, roster.findings
    return roster.rows


FIRST = rows_of(
    f"3 2 501 89.56 王秀英 13800000001 {identity(1)} 业主",
    f"3 2 501 89.56 王建国 13800000002 {identity(2)} 家属",
    f"3 2 502 101.2 赵志强 13800000003 {identity(3)} 业主",
    "3 2 503 88 - - - -",
    f"5 1 101 70 何丽华 13800000004 {identity(4)} 业主",
)
CHANGED = rows_of(
    f"3 2 501 90 王秀英 13800000001 {identity(1)} 业主",  # the area
    f"3 2 501 90 王建国 13800000009 {identity(2)} 租户",  # the phone and the relation
    f"3 2 502 101.2 刘晓明 13800000005 {identity(5)} 业主",  # 赵志强 is gone
    f"3 2 504 66 陈桂兰 13800000006 {identity(6)} 业主",  # a new household; 503 is not in the list
    f"5 1 101 70 何丽娜 13800000004 {identity(4)} 业主",  # the name
)


def contents(tx: Tx) -> dict[str, list[tuple[Any, ...]]]:
    return {
        table.name: sorted((tuple(row) for row in tx.execute(select(table))), key=repr)
        for table in Base.metadata.sorted_tables
        if table.name not in OWN
    }


def dwellers(standing: Any) -> dict[str, tuple[str, str]]:
    doors = {home.id: "-".join(door) for door, home in standing.homes.items()}
    return {each.name: (doors[each.household], each.relation) for each in standing.dwellers}


async def bring(database: Database, rows: Sequence[Row], vault: Vault | None = VAULT, name: str = NAME) -> Counts:
    return (await import_roster(database, name, rows, SOURCE, vault)).diff.counts


async def test_a_first_roster_builds_the_compound(database: Database) -> None:
    before = await database.read(contents)
    told = await preview(database, NAME, FIRST, VAULT)
    assert told.counts == Counts(buildings=2, households=4, people=4) and not told.known
    assert await database.read(contents) == before, "a preview writes nothing"
    assert await bring(database, FIRST) == told.counts
    standing = await database.read(stored.standing, NAME)
    assert standing.homes["3", "2", "501"].area == 8956
    assert dwellers(standing) == {
        "王秀英": ("3-2-501", "owner"),
        "王建国": ("3-2-501", "family"),
        "赵志强": ("3-2-502", "owner"),
        "何丽华": ("5-1-101", "owner"),
    }
    assert {each.source for each in standing.dwellers} == {"roster"}
    kept = (await database.read(contents))["person"]
    sealed = next(row for row in kept if "王秀英" in row)
    assert VAULT.open(sealed[3]) == "13800000001" and VAULT.open(sealed[5]) == identity(1)
    assert "13800000001" not in repr(kept), "no phone stands open"


async def test_the_same_roster_again_changes_nothing(database: Database) -> None:
    await bring(database, FIRST)
    before = await database.read(contents)
    again = await import_roster(database, NAME, FIRST, SOURCE, VAULT)
    assert again.batch is None and again.diff.empty and again.diff.counts == Counts()
    assert await database.read(contents) == before


async def test_imports_of_one_process_write_one_after_another(database: Database) -> None:
    names = [f"小区{number}" for number in range(4)]
    batches = await asyncio.gather(*(import_roster(database, name, FIRST, SOURCE, VAULT) for name in names))
    assert len({each.batch for each in batches} - {None}) == 4
    for name in names:
        assert (await import_roster(database, name, FIRST, SOURCE, VAULT)).batch is None


async def test_a_changed_roster_and_back(database: Database) -> None:
    await bring(database, FIRST)
    before = await database.read(contents)
    counts = await bring(database, CHANGED)
    assert counts == Counts(0, 1, 2, households_changed=1, people_changed=2, households_gone=1, people_gone=1)
    standing = await database.read(stored.standing, NAME)
    assert dwellers(standing) == {
        "王秀英": ("3-2-501", "owner"),
        "王建国": ("3-2-501", "tenant"),
        "刘晓明": ("3-2-502", "owner"),
        "陈桂兰": ("3-2-504", "owner"),
        "何丽娜": ("5-1-101", "owner"),
    }
    assert ("3", "2", "503") in standing.homes, "a household stays where the roster forgets it"
    assert (await import_roster(database, NAME, CHANGED, SOURCE, VAULT)).batch is None
    undone = await undo(database, VAULT, NOW, name=NAME)
    assert (undone.people, undone.households, undone.changes) == (0, 0, 0)
    assert await database.read(contents) == before
    with pytest.raises(Refusal):
        await undo(database, VAULT, NOW, name=NAME)
    assert await bring(database, CHANGED) == counts, "what was undone can be imported again"


async def test_an_undone_first_roster_leaves_nothing(database: Database) -> None:
    before = await database.read(contents)
    await bring(database, FIRST)
    await undo(database, VAULT, NOW)
    assert await database.read(contents) == before


async def test_undo_leaves_what_others_touched(database: Database) -> None:
    await bring(database, FIRST)
    standing = await database.read(stored.standing, NAME)
    person = next(each for each in standing.dwellers if each.name == "赵志强")

    def touch(tx: Tx) -> None:
        people.add_identity(tx, "linli", "u1", person.person)
        model = people.Resident
        mine = model.__table__.c.person_id == person.person
        tx.execute(model.__table__.update().where(mine).values(source="code"))  # type: ignore[attr-defined]

    await database.run(touch)
    undone = await undo(database, VAULT, NOW)
    assert (undone.people, undone.households, undone.changes) == (1, 1, 1)
    assert dwellers(await database.read(stored.standing, NAME)) == {"赵志强": ("3-2-502", "owner")}


async def test_only_the_last_import_is_undone(database: Database) -> None:
    first = (await import_roster(database, NAME, FIRST, SOURCE, VAULT)).batch
    await bring(database, CHANGED)
    with pytest.raises(Refusal, match="not_the_last"):
        await undo(database, VAULT, NOW, batch=first)


async def test_people_keep_their_identity_when_they_move_or_leave(database: Database) -> None:
    await bring(database, FIRST)
    standing = await database.read(stored.standing, NAME)
    known = {each.name: each.person for each in standing.dwellers}
    await database.run(people.add_identity, "linli", "u3", known["赵志强"])
    counts = await bring(
        database,
        rows_of(
            f"3 2 501 - 王秀英 13800000001 {identity(1)} 业主",
            f"3 2 503 - 赵志强 13800000003 {identity(3)} 业主",  # moved, the same number
            "5 1 101 - 王建国 13811111111 - 租户",  # a namesake with nothing in common
        ),
    )
    assert (counts.people, counts.people_changed, counts.people_gone) == (1, 1, 2)
    moved = await database.read(people.find_person, "linli", "u3")
    assert moved and moved.id == known["赵志强"] and moved.place and moved.place.building == "3"
    standing = await database.read(stored.standing, NAME)
    assert {each.name: each.person for each in standing.dwellers}["王建国"] != known["王建国"]


async def test_a_roster_of_one_building_leaves_the_others_alone(database: Database) -> None:
    await bring(database, FIRST)
    counts = await bring(database, rows_of(f"5 1 101 70 何丽华 13800000004 {identity(4)} 业主", "5 1 102 70 - - - -"))
    assert counts == Counts(households=1)


async def test_who_is_known_otherwise_than_by_the_roster_stays(database: Database) -> None:
    await bring(database, FIRST)
    standing = await database.read(stored.standing, NAME)

    def join(tx: Tx) -> None:
        tenant = people.add_person(tx, "小赵")
        people.add_resident(tx, tenant, standing.homes["3", "2", "503"].id, "tenant")

    await database.run(join)
    assert (await bring(database, CHANGED)).people_gone == 1
    assert "小赵" in dwellers(await database.read(stored.standing, NAME))


async def test_without_keys_no_number_is_stored(database: Database) -> None:
    imported = await import_roster(database, NAME, FIRST, SOURCE, None)
    assert imported.diff.unkept == 8 and imported.diff.counts.people == 4
    kept = (await database.read(contents))["person"]
    assert {value for row in kept for value in row[3:7]} == {None}
    assert (await import_roster(database, NAME, FIRST, SOURCE, None)).batch is None
    before = await database.read(contents)
    assert (await bring(database, FIRST)).people_changed == 4, "with keys the numbers come later"
    await undo(database, VAULT, NOW)
    assert await database.read(contents) == before


async def test_numbers_are_found_after_the_keys_were_renewed(database: Database) -> None:
    old, new = new_key(), new_key()
    await bring(database, FIRST, Vault([old]))
    assert (await import_roster(database, NAME, FIRST, SOURCE, Vault([new, old]))).batch is None


async def test_father_and_son_with_one_name(database: Database) -> None:
    both = rows_of(f"3 2 501 - 王伟 - {identity(1)} 业主", f"3 2 501 - 王伟 - {identity(2)} 家属")
    assert (await bring(database, both)).people == 2
    assert (await import_roster(database, NAME, both[::-1], SOURCE, VAULT)).batch is None


async def test_an_owner_of_two_flats_is_one_person(database: Database) -> None:
    both = rows_of(f"3 2 501 - 王伟 13800000001 {identity(1)} 业主", "3 2 502 - 王伟 13800000001 - 业主")
    assert (await bring(database, both)).people == 1
    assert (await import_roster(database, NAME, both, SOURCE, VAULT)).batch is None


# --- in chunks ------------------------------------------------------------------------------------------------------


def large(flats: int, area: str = "80") -> tuple[Row, ...]:
    return rows_of(
        *(
            f"{at // 40 + 1} 1 {at % 40 + 100} {area} 王{'一二三四'[at % 4]} 139{at:08d} {identity(at + 1_000)} 业主"
            for at in range(flats)
        )
    )


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rosters, "CHUNK", 30)


class Broken(Exception):
    pass


@pytest.mark.usefixtures("small_chunks")
async def test_a_crash_between_chunks_leaves_nothing_visible(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bring(database, FIRST)
    before, seen = await database.read(contents), await database.read(stored.standing, NAME)
    switch = rosters._switch

    def die(*_args: object) -> None:
        raise Broken

    monkeypatch.setattr(rosters, "_switch", die)
    with pytest.raises(Broken):
        await bring(database, large(100))
    after = await database.read(contents)
    assert len(after["person"]) == len(before["person"]) + 100, "the chunks were staged"
    assert await database.read(stored.standing, NAME) == seen
    assert {**after, "person": before["person"]} == before, "and nobody points at them"
    monkeypatch.setattr(rosters, "_switch", switch)
    assert (await bring(database, large(100))).people == 100
    assert len((await database.read(contents))["person"]) == len(before["person"]) + 100
    await undo(database, VAULT, NOW)
    assert await database.read(contents) == before


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("flats", [5, 100])
async def test_two_imports_at_once_make_one(database: Database, flats: int) -> None:
    both = await asyncio.gather(
        *(import_roster(database, NAME, large(flats), SOURCE, VAULT) for _ in range(2)), return_exceptions=True
    )
    done = [each for each in both if isinstance(each, rosters.Imported)]
    assert done and all(isinstance(each, rosters.Imported | Refusal) for each in both), both
    standing = await database.read(stored.standing, NAME)
    assert len(standing.dwellers) == flats and len(standing.homes) == flats
    kept = await database.read(contents)
    assert len(kept["person"]) == flats and len(kept["compound"]) == 1 and len(kept["household"]) == flats


async def test_places_that_changed_while_it_was_planned(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    await bring(database, FIRST)
    carry_out = rosters._carry_out
    met: list[int] = []

    async def late(database: Database, work: Any) -> int:
        if not met:
            home = work.standing.homes["3", "2", "501"].id
            met.append(home)
            unit, building = work.standing.units["3", "2"], work.standing.buildings["3"]
            await database.run(places.add_household, work.standing.compound, building, unit, "504")
        return await carry_out(database, work)

    monkeypatch.setattr(rosters, "_carry_out", late)
    assert (await bring(database, CHANGED)).households == 0, "the household that came meanwhile is used"
    assert dwellers(await database.read(stored.standing, NAME))["陈桂兰"] == ("3-2-504", "owner")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_transaction_is_short_however_long_the_roster(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Statements and rows per transaction: a bounded number of people each, and a switch of few statements."""
    monkeypatch.setattr(rosters, "CHUNK", 100)
    transactions: list[list[tuple[str, int]]] = []

    def count(_tx: object, _cursor: object, sql: str, parameters: Any, _context: object, many: bool) -> None:
        transactions[-1].append((sql, len(parameters) if many else 1))

    def begin(*_args: object) -> None:
        transactions.append([])

    add = stored.add

    def added(tx: Tx, table: type[Any], columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        transactions[-1].append((f"INSERT INTO {table.__tablename__}", len(rows)))  # straight to the driver
        add(tx, table, columns, rows)

    monkeypatch.setattr(stored, "add", added)
    hooks = (("before_cursor_execute", count), ("begin", begin))
    for name, hook in hooks:
        event.listen(Engine, name, hook)
    try:
        await bring(database, large(1_000))
        await undo(database, VAULT, NOW)
    finally:
        for name, hook in hooks:
            event.remove(Engine, name, hook)
        Engine._has_events = False
    writing = [each for each in transactions if any(sql.startswith(("INSERT", "UPDATE", "DELETE")) for sql, _ in each)]
    assert len(writing) > 12, "a transaction a chunk"
    assert max(len(each) for each in writing) < 40, "however many people, few statements"
    people_at_once = [rows for each in writing for sql, rows in each if sql == "INSERT INTO person"]
    assert people_at_once == [100] * 10
    for each in writing:
        whole = [sql for sql, _ in each if "INTO resident" in sql]
        assert not (whole and any("INTO person" in sql for sql, _ in each)), "the switch carries no people"


async def test_the_moments_of_two_imports_differ(database: Database) -> None:
    await bring(database, FIRST)
    await import_roster(database, NAME, CHANGED, replace(SOURCE, at=NOW - timedelta(days=1)), VAULT)
    standing = await database.read(stored.standing, NAME)
    since = {each.name: each.since for each in standing.dwellers}
    assert since["刘晓明"] == NOW + timedelta(microseconds=1)
    assert json.dumps(Counts().as_dict())
