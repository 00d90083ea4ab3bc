"""Rosters of residents: imported in short transactions that nobody sees before the last, and taken back as a whole."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

from domain.errors import Refusal
from domain.roster_model import Row
from domain.roster_plan import ROSTER, Counts, Door, Facts, KeysOf, Plan, Standing, make_plan
from storage import audit, merging, places, rosters
from storage.database import Database, Tx
from storage.people import PersonRow, Resident
from storage.places import Building, Household, Unit
from storage.vault import Vault

CHUNK = 1_000  # people in one transaction; together with the switch where there are no more
_TRIES = 5
# Others prepare while one writes: together they would share a commit and make everybody else wait for all of it.
_one_at_a_time: WeakKeyDictionary[Database, asyncio.Lock] = WeakKeyDictionary()
_PERSON = ("name", "phone", "phone_key", "paper", "paper_key")
_RESIDENT = ("person_id", "household_id", "relation", "source", "since")


class Overtaken(Exception):
    """A newer import of the same compound began, or its places changed while this one was under way."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a roster comes from. by: the person who imports it."""

    file: str
    digest: str
    at: datetime
    by: int | None = None


@dataclass(frozen=True, slots=True)
class Diff:
    counts: Counts
    empty: bool
    unkept: int  # phones and numbers of identity cards that are not stored, for want of keys
    known: bool  # the compound


@dataclass(frozen=True, slots=True)
class Imported:
    """batch None: the roster changed nothing."""

    batch: int | None
    diff: Diff


@dataclass(frozen=True, slots=True)
class Undone:
    """What stays, since somebody changed it after the import."""

    batch: int
    people: int = 0
    households: int = 0
    changes: int = 0

    @property
    def left(self) -> dict[str, int]:
        """Empty where all was taken back."""
        left = {"people": self.people, "households": self.households, "changes": self.changes}
        return left if any(left.values()) else {}


@dataclass(slots=True)
class _Work:
    """An import under way. rows, sealed: people who are new, and the new facts of others."""

    name: str
    source: Source
    plan: Plan
    standing: Standing
    rows: list[tuple[Any, ...]]
    sealed: dict[int, tuple[Any, ...]]
    vault: Vault | None


async def preview(database: Database, name: str, rows: Sequence[Row], vault: Vault | None) -> Diff:
    """What an import would change; writes nothing. Raises Refusal for a compound that is part of another."""
    await database.read(_check_there, name)
    standing = await database.read(rosters.standing, name)
    return _diff(make_plan(rows, standing, vault.keys_of if vault else None), standing)


async def import_roster(
    database: Database, name: str, rows: Sequence[Row], source: Source, vault: Vault | None
) -> Imported:
    """Bring the compound of that name to what the roster says. Raises Refusal where others import it all the time, or
    where it has become part of another."""
    await database.read(_check_there, name)
    for _ in range(_TRIES):
        standing = await database.read(rosters.standing, name)
        # Outside of any transaction, and beside the loop, so that nobody who writes meanwhile waits for it.
        work = await asyncio.to_thread(_prepare, name, source, rows, standing, vault)
        plan = work.plan
        if plan.empty:
            return Imported(None, _diff(plan, standing))
        try:
            async with _one_at_a_time.setdefault(database, asyncio.Lock()):
                batch = await _carry_out(database, work)
        except Overtaken:
            continue
        return Imported(batch, _diff(plan, standing))
    raise Refusal("rosters.overtaken")


def _check_there(tx: Tx, name: str) -> None:
    found = merging.find(tx, name)
    if found and found.merged_into:
        raise Refusal("merging.gone", name=name, into=merging.get(tx, found.merged_into).name)


def _diff(plan: Plan, standing: Standing) -> Diff:
    return Diff(plan.counts, plan.empty, plan.unkept, standing.compound is not None)


def _prepare(name: str, source: Source, rows: Sequence[Row], standing: Standing, vault: Vault | None) -> _Work:
    keys_of = cache(vault.keys_of) if vault else None
    plan = make_plan(rows, standing, keys_of)
    sealed = _sealed([*plan.people, *plan.person_changes.values()], vault, keys_of)
    people = [(*columns, False) for columns in sealed[: len(plan.people)]]
    changed = dict(zip(plan.person_changes, sealed[len(plan.people) :], strict=True))
    return _Work(name, source, plan, standing, people, changed, vault)


def _sealed(people: list[Facts], vault: Vault | None, keys_of: KeysOf | None) -> list[tuple[str | None, ...]]:
    """The columns `_PERSON` of each; of a number nothing where nobody can seal it."""
    if vault is None or keys_of is None:
        return [(facts.name or None, None, None, None, None) for facts in people]
    numbers = [number for facts in people for number in (facts.phone, facts.paper)]
    tokens = iter(vault.seal_all([number for number in numbers if number]))

    def columns(number: str) -> tuple[str | None, str | None]:
        return (next(tokens), keys_of(number)[0]) if number else (None, None)

    return [(facts.name or None, *columns(facts.phone), *columns(facts.paper)) for facts in people]


async def _carry_out(database: Database, work: _Work) -> int:
    if work.standing.compound is not None:
        await _clear(database, work.standing.compound)
    if len(work.rows) <= CHUNK:
        return await database.run(_all_at_once, work)
    batch, compound = await database.run(_begin, work)
    try:
        people: list[int] = []
        for at in range(0, len(work.rows), CHUNK):
            people += await database.run(_stage, batch, work.rows[at : at + CHUNK])
        await database.run(_switch, batch, work, people)
    except Overtaken:
        await _clear(database, compound, batch)
        raise
    return batch


async def _clear(database: Database, compound: int, batch: int | None = None) -> None:
    """Remove what imports left behind that never came to their end, or what this one did."""
    left = await database.read(rosters.leftovers, compound, batch)
    if left and batch is None:
        await database.run(rosters.drop_staged, compound)
        left = await database.read(rosters.leftovers, compound, None)
    for change in left:
        await database.run(_clear_change, change)


def _clear_change(tx: Tx, change: int) -> None:
    if data := rosters.take_change(tx, change):
        rosters.remove_unused(tx, PersonRow, "person_id", data["of"])


def _all_at_once(tx: Tx, work: _Work) -> int:
    batch, _ = _begin(tx, work)
    _switch(tx, batch, work, _stage(tx, batch, work.rows))
    return batch


def _begin(tx: Tx, work: _Work) -> tuple[int, int]:
    """A staged batch, and its compound. One that is staged already is dropped: the newest import goes before."""
    rosters.lock(tx)
    compound = rosters.find_compound(tx, work.name)
    if compound != work.standing.compound:
        raise Overtaken
    new = compound is None
    if compound is None:
        compound = places.add_compound(tx, work.name)
    rosters.drop_staged(tx, compound)
    last, source = rosters.last_at(tx, compound), work.source
    # No two batches of a compound have the same moment: residents are known by it.
    at = max(source.at, last + timedelta(microseconds=1)) if last else source.at
    batch = rosters.open_batch(tx, compound, file=source.file, digest=source.digest, at=at, by=source.by)
    if new:
        rosters.note(tx, batch, "compound", [compound])
    return batch, compound


def _held(tx: Tx, batch: int) -> Any:
    """The batch, locked, as long as it is staged."""
    held = rosters.lock_batch(tx, batch)
    if held is None or held.state != rosters.STAGED:
        raise Overtaken
    return held


def _stage(tx: Tx, batch: int, rows: list[tuple[Any, ...]]) -> list[int]:
    """People of no household: nobody meets them before the switch."""
    _held(tx, batch)
    ids = rosters.reserve(tx, PersonRow, len(rows))
    rosters.add(tx, PersonRow, ("id", *_PERSON, "outsider"), list(zip(ids, *zip(*rows, strict=True), strict=True)))
    rosters.note(tx, batch, "people", ids)
    return ids


def _switch(tx: Tx, batch: int, work: _Work, people: list[int]) -> None:
    """Everything that can be seen, at once."""
    held = _held(tx, batch)
    compound, plan, standing = held.compound_id, work.plan, work.standing
    if standing.compound is not None and rosters.stamp(tx, compound) != standing.stamp:
        raise Overtaken
    homes = _add_places(tx, batch, compound, work)
    arrivals = [
        (person if person > 0 else people[-person - 1], homes[door], relation, ROSTER, held.at)
        for person, door, relation in plan.residents
    ]
    rosters.add(tx, Resident, _RESIDENT, arrivals)
    rosters.note(tx, batch, "arrivals", [len(plan.residents)])
    _change_people(tx, batch, work)
    _change_homes(tx, batch, plan)
    rosters.finish(tx, batch, plan.counts.as_dict())
    rosters.forget_older(tx, compound, batch)
    about = {"compound_id": compound, "subject": "roster", "subject_id": batch}
    audit.record(tx, at=held.at, actor_id=work.source.by, action="imported", **about)


def _add_places(tx: Tx, batch: int, compound: int, work: _Work) -> dict[Door, int]:
    """The ids of all households of the compound, new ones too."""
    plan, standing = work.plan, work.standing
    new = rosters.reserve(tx, Building, len(plan.buildings))
    buildings = standing.buildings | dict(zip(plan.buildings, new, strict=True))
    rows: list[tuple[Any, ...]] = [(buildings[number], compound, number) for number in plan.buildings]
    rosters.add(tx, Building, ("id", "compound_id", "number"), rows)
    rosters.note(tx, batch, "buildings", new)
    new = rosters.reserve(tx, Unit, len(plan.units))
    units = standing.units | dict(zip(plan.units, new, strict=True))
    rows = [(units[unit], compound, buildings[unit[0]], unit[1]) for unit in plan.units]
    rosters.add(tx, Unit, ("id", "compound_id", "building_id", "number"), rows)
    rosters.note(tx, batch, "units", new)
    new = rosters.reserve(tx, Household, len(plan.homes))
    homes = {door: home.id for door, home in standing.homes.items()}
    homes |= {door: number for number, (door, _, _) in zip(new, plan.homes, strict=True)}
    rows = [
        (homes[door], compound, buildings[door[0]], units[door[:2]] if door[1] else None, door[2], area, kind)
        for door, area, kind in plan.homes
    ]
    rosters.add(tx, Household, ("id", "compound_id", "building_id", "unit_id", "room", "area", "kind"), rows)
    rosters.note(tx, batch, "homes", new)
    return homes


def _change_people(tx: Tx, batch: int, work: _Work) -> None:
    plan = work.plan
    rows, undo = [], []
    for old in rosters.people_by_id(tx, list(plan.person_changes)):
        columns = dict(zip(_PERSON, old[1:], strict=True))
        new = columns | {name: value for name, value in zip(_PERSON, work.sealed[old[0]], strict=True) if value}
        rows.append({"person": old[0]} | {f"new_{name}": value for name, value in new.items()})
        undo.append({"person": old[0], "old": _hidden(columns, work.vault), "new": _hidden(new, work.vault)})
    rosters.set_people(tx, rows)
    rosters.note(tx, batch, "person", undo)
    relations = [
        {"person": dweller.person, "home": dweller.household, "old": dweller.relation, "new": relation}
        for dweller, relation in plan.relations
    ]
    rosters.relate(tx, relations)
    rosters.note(tx, batch, "relation", relations)
    rosters.remove_residents(tx, [{"person": each.person, "home": each.household} for each in plan.gone])
    rosters.note(
        tx,
        batch,
        "gone",
        [[each.person, each.household, each.relation, each.since and each.since.isoformat()] for each in plan.gone],
    )


def _hidden(columns: dict[str, Any], vault: Vault | None) -> dict[str, Any]:
    """A person's columns as they may be kept: the name sealed where there are keys."""
    name = columns["name"]
    return {**columns, "name": vault.seal(name), "sealed": True} if vault and name else columns


def _shown(columns: dict[str, Any], vault: Vault | None) -> dict[str, Any]:
    rest = {name: value for name, value in columns.items() if name != "sealed"}
    if "sealed" not in columns:
        return rest
    if vault is None:
        raise Refusal("rosters.no_keys")
    return {**rest, "name": vault.open(columns["name"])}


def _change_homes(tx: Tx, batch: int, plan: Plan) -> None:
    rows = [
        {"home": home.id, "old_area": home.area, "old_kind": home.kind, "new_area": area, "new_kind": kind}
        for home, area, kind in plan.home_changes
    ]
    rosters.furnish(tx, rows)
    rosters.note(tx, batch, "furnished", rows)


# --- undo -----------------------------------------------------------------------------------------------------------


async def undo(
    database: Database, vault: Vault | None, now: datetime, *, batch: int | None = None, name: str | None = None
) -> Undone:
    """Take back the last import of a compound, or of all. Raises Refusal where there is none, or it is not the last."""
    undone, people = await database.run(_undo, vault, now, batch, name)
    stayed = 0
    for at in range(0, len(people), CHUNK):
        part = people[at : at + CHUNK]
        stayed += len(part) - await database.run(rosters.remove_unused, PersonRow, "person_id", part)
    return Undone(undone.batch, stayed, undone.households, undone.changes)


def _undo(tx: Tx, vault: Vault | None, now: datetime, batch: int | None, name: str | None) -> tuple[Undone, list[int]]:
    rosters.lock(tx)
    compound = rosters.find_compound(tx, name) if name else None
    if name and compound is None:
        raise Refusal("rosters.compound_unknown", name=name)
    batch = batch or rosters.last_applied(tx, compound)
    held = rosters.lock_batch(tx, batch) if batch else None
    if batch is None or held is None or held.state != rosters.APPLIED:
        raise Refusal("rosters.nothing_to_undo")
    notes = rosters.notes(tx, batch)
    if rosters.last_applied(tx, held.compound_id) != batch or not notes or compound not in (None, held.compound_id):
        raise Refusal("rosters.not_the_last", batch=batch)
    compound = held.compound_id
    changes = sum(notes["arrivals"]) - rosters.remove_arrivals(tx, compound, held.at)
    changes += _give_back(tx, compound, notes, vault)
    homes = notes.get("homes", [])
    stayed = len(homes) - rosters.remove_unused(tx, Household, "household_id", homes)
    rosters.remove_unused(tx, Unit, "unit_id", notes.get("units", []))
    rosters.remove_unused(tx, Building, "building_id", notes.get("buildings", []))
    rosters.set_state(tx, batch, rosters.UNDONE)
    rosters.forget_notes(tx, batch)
    about = {"compound_id": compound, "subject": "roster", "subject_id": batch}
    audit.record(tx, at=now, actor_id=None, action="undone", **about)
    rosters.remove_compounds(tx, notes.get("compound", []))
    return Undone(batch, 0, stayed, changes), notes.get("people", [])


def _give_back(tx: Tx, compound: int, notes: dict[str, list[Any]], vault: Vault | None) -> int:
    """What stood before, where it is still as the import left it; how many changes stay."""
    gone = [
        (person, home, relation, ROSTER, since and datetime.fromisoformat(since))
        for person, home, relation, since in notes.get("gone", [])
    ]
    there = {row.id for row in rosters.people_by_id(tx, [person for person, *_ in gone])}  # nobody who was erased
    gone = [each for each in gone if each[0] in there]
    rosters.add(tx, Resident, _RESIDENT, gone)
    relations = [{**each, "old": each["new"], "new": each["old"]} for each in notes.get("relation", [])]
    stayed = len(relations) - rosters.relate(tx, relations)
    furnished = notes.get("furnished", [])
    stayed += len(furnished) - rosters.furnish(
        tx,
        [
            {
                "home": each["home"],
                "old_area": each["new_area"],
                "old_kind": each["new_kind"],
                "new_area": each["old_area"],
                "new_kind": each["old_kind"],
            }
            for each in furnished
        ],
    )
    people = notes.get("person", [])
    stand = {row[0]: tuple(row[1:]) for row in rosters.people_by_id(tx, [each["person"] for each in people])}
    rows = []
    for each in people:
        new, old = _shown(each["new"], vault), _shown(each["old"], vault)
        if stand.get(each["person"]) == tuple(new.values()):
            rows.append({"person": each["person"]} | {f"new_{name}": value for name, value in old.items()})
    rosters.set_people(tx, rows)
    return stayed + len(people) - len(rows)
