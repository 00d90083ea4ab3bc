"""Who holds which post, in their own right or in somebody's place, and what stands vacant. The tables: people.py."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, bindparam, case, delete, exists, func, insert, not_, or_, select
from sqlalchemy.orm import aliased

from domain.people import Body, Holder, Housed, Named, Role, Unplaced
from storage.base import upsert
from storage.database import Tx
from storage.people import (
    BodyRow,
    HouseholdBody,
    Identity,
    PersonRow,
    PostHistory,
    PostRow,
    Resident,
    as_body,
    body_columns,
    of_bot,
)
from storage.places import Building, Household, Unit
from storage.responsibility import Responsibility
from storage.ticket_bodies import TicketBody
from storage.tickets import TicketRow

_held = select(
    PostRow.person_id, PersonRow.name, PostRow.role, PostRow.since, PostRow.until, PostRow.acts_for, *body_columns
).join_from(PostRow, PersonRow, PersonRow.id == PostRow.person_id)
_holders = (
    _held.join(BodyRow, BodyRow.id == PostRow.body_id)
    .where(PostRow.body_id.in_(bindparam("bodies", expanding=True)))
    .order_by(BodyRow.level, BodyRow.id, PostRow.role, PostRow.acts_for.is_not(None), PostRow.person_id)
)
_known = and_(PersonRow.name == bindparam("name"), PersonRow.erased_at.is_(None))
_neighbours = (
    select(PersonRow.id, Building.number, Unit.number)
    .join_from(Household, Resident, Resident.household_id == Household.id)
    .join(PersonRow, PersonRow.id == Resident.person_id)
    .join(Identity, and_(Identity.person_id == PersonRow.id, of_bot))
    .join(Building, Building.id == Household.building_id)
    .outerjoin(Unit, Unit.id == Household.unit_id)
    .where(Household.compound_id == bindparam("compound"), _known)
    .order_by(PersonRow.id)
)
_colleagues = (
    select(PersonRow.id)
    .join_from(PostRow, PersonRow, PersonRow.id == PostRow.person_id)
    .join(Identity, and_(Identity.person_id == PersonRow.id, of_bot))
    .where(PostRow.body_id.in_(bindparam("bodies", expanding=True)), _known)
    .order_by(PersonRow.id)
)
_add = upsert(PostRow).on_conflict_do_nothing()
_this = (
    PostRow.person_id == bindparam("person"),
    PostRow.body_id == bindparam("body"),
    PostRow.role == bindparam("role"),
)
_find = _held.join(BodyRow, BodyRow.id == PostRow.body_id).where(*_this)
_end = delete(PostRow).where(*_this)
_remember = insert(PostHistory)
_unhoused = (
    select(Building.id, Building.number, func.count(Household.id))
    .join_from(Household, Building, Building.id == Household.building_id)
    .outerjoin(HouseholdBody, HouseholdBody.household_id == Household.id)
    .where(
        Household.compound_id == bindparam("compound"), Household.kind == "home", HouseholdBody.household_id.is_(None)
    )
    .group_by(Building.id, Building.number)
    .order_by(Building.id)
)
_lives = and_(Resident.household_id == Household.id, Resident.relation != "helper")
_other = aliased(Resident)
_placed = or_(
    exists().where(PostRow.person_id == Resident.person_id),
    exists().where(_other.person_id == Resident.person_id, HouseholdBody.household_id == _other.household_id),
)
_unplaced_people = func.count(case((not_(_placed), Resident.person_id)))
_unit_number = func.coalesce(Unit.number, "")
_unplaced = (
    select(Building.id, Building.number, _unit_number, Household.room, _unplaced_people)
    .join_from(Household, Building, Building.id == Household.building_id)
    .outerjoin(Unit, Unit.id == Household.unit_id)
    .outerjoin(Resident, _lives)
    .where(
        Household.compound_id == bindparam("compound"),
        Household.kind == "home",
        not_(exists().where(HouseholdBody.household_id == Household.id)),
    )
    .group_by(Household.id, Building.id, Building.number, Unit.number, Household.room)
    .having(or_(func.count(Resident.person_id) == 0, _unplaced_people > 0))
    .order_by(Building.id, func.length(_unit_number), _unit_number, func.length(Household.room), Household.room)
)
_homes = (
    select(Household.id, _unit_number, Household.room, HouseholdBody.body_id)
    .outerjoin(Unit, Unit.id == Household.unit_id)
    .outerjoin(HouseholdBody, HouseholdBody.household_id == Household.id)
    .where(Household.building_id == bindparam("building"), Household.kind == "home")
    .order_by(func.length(_unit_number), _unit_number, func.length(Household.room), Household.room)
)
_house_new = upsert(HouseholdBody)
_house = _house_new.on_conflict_do_update(
    index_elements=[HouseholdBody.household_id], set_={"body_id": _house_new.excluded["body_id"]}
)
_unhouse = delete(HouseholdBody).where(HouseholdBody.body_id == bindparam("body"))
_looked_after = select(func.count(HouseholdBody.household_id)).where(HouseholdBody.body_id == bindparam("body"))
_had_ticket = select(
    or_(
        exists().where(TicketRow.compound_id == bindparam("compound"), TicketRow.body_id == bindparam("body")),
        exists().where(TicketBody.body_id == bindparam("body")),
        exists().where(
            Responsibility.compound_id == bindparam("compound"), Responsibility.body_id == bindparam("body")
        ),
    )
)
_name = select(PersonRow.name).where(PersonRow.id == bindparam("person"))
_number = select(Building.number).where(Building.id == bindparam("building"))


def building_of(tx: Tx, body: Body) -> str:
    """The shown number of the body's building; "" where it has none."""
    found = tx.execute(_number, {"building": body.building_id}).scalar() if body.building_id else ""
    return found or ""


def _as_holder(row: tuple) -> Holder:  # type: ignore[type-arg]
    person_id, name, role, since, until, acts_for = row[:6]
    return Holder(person_id, name or "", Role(role), as_body(row[6:]), since, until, acts_for)


def holders(tx: Tx, bodies: Sequence[int]) -> list[Holder]:
    """All posts in these bodies, the highest body first."""
    return [_as_holder(tuple(row)) for row in tx.execute(_holders, {"bodies": list(bodies)})]


def find(tx: Tx, person_id: int, body_id: int, role: Role) -> Holder | None:
    row = tx.execute(_find, {"person": person_id, "body": body_id, "role": role.value}).first()
    return _as_holder(tuple(row)) if row else None


def named(tx: Tx, bot_id: str, compound_id: int, bodies: Sequence[int], name: str) -> list[Named]:
    """Those of that name who live in the compound or hold a post in one of the bodies, and are known to the bot."""
    found: dict[int, Named] = {}
    for row in tx.execute(_neighbours, {"bot": bot_id, "compound": compound_id, "name": name}):
        found.setdefault(row[0], Named(row[0], name, row[1], row[2] or ""))
    for other in tx.execute(_colleagues, {"bot": bot_id, "bodies": list(bodies), "name": name}):
        found.setdefault(other[0], Named(other[0], name, "", ""))
    return list(found.values())


def add(
    tx: Tx,
    person_id: int,
    body_id: int,
    role: Role,
    *,
    since: datetime,
    until: datetime | None = None,
    acts_for: int | None = None,
) -> bool:
    """False where the person holds that post already."""
    row = {"person_id": person_id, "body_id": body_id, "role": role.value}
    return tx.execute(_add, {**row, "since": since, "until": until, "acts_for": acts_for}).rowcount == 1


def end(tx: Tx, held: Holder, *, at: datetime, by: int | None) -> bool:
    """Into the history; by: None is the clock. False where it was ended already."""
    key = {"person": held.person_id, "body": held.body.id, "role": held.role.value}
    if tx.execute(_end, key).rowcount == 0:
        return False
    row = {"person_id": held.person_id, "body_id": held.body.id, "role": held.role.value, "since": held.since}
    tx.execute(_remember, {**row, "ended_at": at, "ended_by": by, "acts_for": held.acts_for})
    return True


def unhoused(tx: Tx, compound_id: int) -> list[tuple[int, str, int]]:
    """(building, its number, homes that no member household looks after)."""
    return [(row[0], row[1], row[2]) for row in tx.execute(_unhoused, {"compound": compound_id})]


def unplaced(tx: Tx, compound_id: int) -> list[Unplaced]:
    """Homes in no member household, those apart whose known residents all have a place of their own."""
    return [Unplaced(*row) for row in tx.execute(_unplaced, {"compound": compound_id})]


def homes(tx: Tx, building_id: int) -> list[Housed]:
    """The building's homes by unit and room, each with the member household that looks after it."""
    return [Housed(*row) for row in tx.execute(_homes, {"building": building_id})]


def house(tx: Tx, household_ids: Sequence[int], body_id: int) -> None:
    """From now on that member household looks after these homes."""
    if household_ids:
        tx.execute(_house, [{"household_id": each, "body_id": body_id} for each in household_ids])


def unhouse(tx: Tx, body_id: int) -> None:
    tx.execute(_unhouse, {"body": body_id})


def looked_after(tx: Tx, body_id: int) -> int:
    """How many homes the member household looks after."""
    return int(tx.execute(_looked_after, {"body": body_id}).scalar_one())


def had_ticket(tx: Tx, body: Body) -> bool:
    """Whether the body ever had a part in a ticket, or tickets are to go to it."""
    values = {"compound": body.compound_id or 0, "body": body.id}
    return bool(tx.execute(_had_ticket, values).scalar())


def name_of(tx: Tx, person_id: int) -> str:
    return tx.execute(_name, {"person": person_id}).scalar() or ""
