"""Joining a household: requests that a building head decides, who lives where, and consents."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    Index,
    Select,
    bindparam,
    delete,
    exists,
    false,
    func,
    insert,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, aliased, mapped_column

from domain.members import HELPER, Home, Request
from storage.base import Base, BigInt, Code, Id, Key, Moment, Ref, upsert
from storage.database import Tx
from storage.people import Identity, PersonRow, Resident, of_bot
from storage.places import Building, Household, Unit

_open = text("state = 'open'")
OPEN, APPROVED, REFUSED, WITHDRAWN = "open", "approved", "refused", "withdrawn"


class HomeRequest(Base):
    """`我是 3-2-501 王阿姨`: waits for a head. One open request a person."""

    __tablename__ = "home_request"
    __table_args__ = (
        Index("uq_home_request_open", "person_id", unique=True, sqlite_where=_open, postgresql_where=_open),
        Index("ix_home_request_household_id", "household_id"),
        Index("ix_home_request_building", "building_id", sqlite_where=_open, postgresql_where=_open),
        Index("ix_home_request_asked", "asked_body", sqlite_where=_open, postgresql_where=_open),
    )
    id: Mapped[Id]
    bot_id: Mapped[Code]
    person_id: Mapped[Ref]
    compound_id: Mapped[Ref]
    building_id: Mapped[Ref]
    household_id: Mapped[Ref]
    number: Mapped[int]  # that the head quotes, counted in the building
    relation: Mapped[Code]
    name: Mapped[Key]  # as they say it; emptied with the decision
    at: Mapped[datetime]
    state: Mapped[Code]  # open, approved, refused, withdrawn
    asked_body: Mapped[int | None] = mapped_column(BigInt)  # whose heads have been shown it
    decided_by: Mapped[int | None] = mapped_column(BigInt)
    decided_at: Mapped[datetime | None]


class Consent(Base):
    """What a person agreed to, when, and before whom (PIPL, articles 14 and 15)."""

    __tablename__ = "consent"
    __table_args__ = (Index("ix_consent_person_id", "person_id"),)
    id: Mapped[Id]
    person_id: Mapped[Ref]
    purpose: Mapped[Code]
    given_at: Mapped[datetime]
    recorded_by: Mapped[int | None] = mapped_column(BigInt)  # None: the person themselves
    withdrawn_at: Mapped[datetime | None]
    helper_id: Mapped[int | None] = mapped_column(BigInt)  # of a helper's consent: who acts for the person


class Leaver(Base):
    """Who left a group; who comes back is taken out."""

    __tablename__ = "chat_leaver"
    bot_id: Mapped[Code] = mapped_column(primary_key=True)
    chat_id: Mapped[Key] = mapped_column(primary_key=True)
    user_id: Mapped[Key] = mapped_column(primary_key=True)
    person_id: Mapped[int | None] = mapped_column(BigInt)
    left_at: Mapped[datetime]


_home: list[Any] = [
    Household.id,
    Household.compound_id,
    Household.building_id,
    Building.number,
    func.coalesce(Unit.number, ""),
    Household.room,
]
_request_columns: list[Any] = [
    HomeRequest.id,
    HomeRequest.number,
    HomeRequest.bot_id,
    HomeRequest.person_id,
    HomeRequest.relation,
    HomeRequest.name,
]
_homes: Select[Any] = (
    select(*_home)
    .join(Building, Building.id == Household.building_id)
    .outerjoin(Unit, Unit.id == Household.unit_id)
    .order_by(func.length(func.coalesce(Unit.number, "")), Unit.number, func.length(Household.room), Household.room)
)
_get_home = _homes.where(Household.id == bindparam("id"))
_homes_named = _homes.where(Household.building_id == bindparam("building"), Household.room == bindparam("room"))
_bound = exists().where(
    Resident.household_id == Household.id,
    Identity.person_id == Resident.person_id,
    Identity.bot_id == bindparam("bot"),
)
_unbound = _homes.where(Household.building_id == bindparam("building"), Household.kind == "home", ~_bound)
_requests: Select[Any] = (
    select(*_request_columns, *_home)
    .join(Household, Household.id == HomeRequest.household_id)
    .join(Building, Building.id == Household.building_id)
    .outerjoin(Unit, Unit.id == Household.unit_id)
    # Written out, not bound: only so does a planner see that the partial indexes hold these rows.
    .where(HomeRequest.state == literal_column(f"'{OPEN}'"))
    .order_by(HomeRequest.number, HomeRequest.id)
)
_of_person = _requests.where(HomeRequest.person_id == bindparam("person"))
_of_building = _requests.where(HomeRequest.building_id == bindparam("building"), HomeRequest.bot_id == bindparam("bot"))
_outdated = _of_building.where(HomeRequest.at < bindparam("before", type_=Moment()))
_namesake = (
    select(PersonRow.id)
    .join(Resident, Resident.person_id == PersonRow.id)
    .where(
        Resident.household_id == bindparam("household"),
        PersonRow.name == bindparam("name"),
        PersonRow.id != bindparam("person"),
        exists().where(Identity.person_id == PersonRow.id, of_bot),
    )
    .limit(1)
)
_asked = _requests.where(HomeRequest.asked_body.in_(bindparam("bodies", expanding=True)))
_add = upsert(HomeRequest).values(state=OPEN).on_conflict_do_nothing()
_mark_asked = update(HomeRequest).where(HomeRequest.id == bindparam("row")).values(asked_body=bindparam("body"))
_decide = (
    update(HomeRequest)
    .where(HomeRequest.id == bindparam("row"), HomeRequest.state == OPEN)
    .values(state=bindparam("new"), decided_by=bindparam("by"), decided_at=bindparam("now"), name="")
)
_settle_new = upsert(Resident)
_settle = _settle_new.on_conflict_do_update(
    index_elements=[Resident.person_id, Resident.household_id],
    set_={name: _settle_new.excluded[name] for name in ("relation", "source", "since")},
)
_belongs = update(PersonRow).where(PersonRow.id == bindparam("person")).values(outsider=false())
_lives = select(Resident.relation).where(
    Resident.person_id == bindparam("person"), Resident.household_id == bindparam("household")
)
_residents = (
    select(PersonRow.id, PersonRow.name)
    .join(Resident, Resident.person_id == PersonRow.id)
    .where(Resident.household_id == bindparam("household"), Resident.relation != "helper")
    .order_by(PersonRow.id)
    .limit(8)
)
_consent = insert(Consent)
_left = upsert(Leaver)
_leave = _left.on_conflict_do_update(
    index_elements=[Leaver.bot_id, Leaver.chat_id, Leaver.user_id],
    set_={name: _left.excluded[name] for name in ("person_id", "left_at")},
)
_this_chat = (Leaver.bot_id == bindparam("bot"), Leaver.chat_id == bindparam("chat"))
_come_back = delete(Leaver).where(*_this_chat, Leaver.user_id == bindparam("user"))
_there = aliased(Leaver)
_move_leavers = (
    update(Leaver)
    .where(
        *_this_chat,
        ~exists().where(
            _there.bot_id == Leaver.bot_id, _there.chat_id == bindparam("new"), _there.user_id == Leaver.user_id
        ),
    )
    .values(chat_id=bindparam("new"))
)
_at_home = Household.building_id == bindparam("building")
_leavers = (
    select(func.coalesce(Unit.number, ""), Household.room, PersonRow.name, Leaver.left_at)
    .join(PersonRow, PersonRow.id == Leaver.person_id)
    .join(Resident, Resident.person_id == Leaver.person_id)
    .join(Household, Household.id == Resident.household_id)
    .outerjoin(Unit, Unit.id == Household.unit_id)
    .where(*_this_chat, _at_home, Resident.relation != HELPER)
    .order_by(Leaver.left_at.desc(), PersonRow.id)
)
_absent = (
    select(func.coalesce(Unit.number, ""), Household.room, PersonRow.name)
    .join_from(Household, Resident, Resident.household_id == Household.id)
    .join(PersonRow, PersonRow.id == Resident.person_id)
    .outerjoin(Unit, Unit.id == Household.unit_id)
    .where(
        _at_home,
        Resident.source == "roster",
        PersonRow.name.is_not(None),
        ~exists().where(Identity.person_id == Resident.person_id, of_bot),
    )
    .order_by(func.length(func.coalesce(Unit.number, "")), Unit.number, func.length(Household.room), Household.room)
    .order_by(PersonRow.id)
)
_housemates = select(Resident.person_id).where(Resident.household_id == bindparam("household"))
_name_helper = (
    update(Consent)
    .where(
        Consent.person_id.in_(_housemates),
        Consent.purpose == HELPER,
        Consent.helper_id.is_(None),
        Consent.given_at == bindparam("at", type_=Moment()),
    )
    .values(helper_id=bindparam("helper"))
)


def get_home(tx: Tx, household_id: int) -> Home | None:
    row = tx.execute(_get_home, {"id": household_id}).first()
    return Home(*row) if row else None


def homes_named(tx: Tx, building_id: int, unit: str, room: str) -> list[Home]:
    """The households of that number; several where the unit is not said and each unit has one."""
    found = [Home(*row) for row in tx.execute(_homes_named, {"building": building_id, "room": room})]
    return [home for home in found if home.unit == unit] if unit else found


def unbound_homes(tx: Tx, bot_id: str, building_id: int) -> list[Home]:
    """Homes of the building of which nobody is known to the bot."""
    return [Home(*row) for row in tx.execute(_unbound, {"bot": bot_id, "building": building_id})]


def _request(row: Any) -> Request:
    number, quoted, bot_id, person_id, relation, name, *home = row
    return Request(number, quoted, bot_id, person_id, relation, name, Home(*home))


def add_request(tx: Tx, **values: Any) -> bool:
    """values: the columns of HomeRequest. False where the person has an open one."""
    return tx.execute(_add, values).rowcount == 1


def request_of(tx: Tx, person_id: int) -> Request | None:
    row = tx.execute(_of_person, {"person": person_id}).first()
    return _request(row) if row else None


def requests_of_building(tx: Tx, bot_id: str, building_id: int) -> list[Request]:
    return [_request(row) for row in tx.execute(_of_building, {"bot": bot_id, "building": building_id})]


def outdated_requests(tx: Tx, bot_id: str, building_id: int, *, before: datetime) -> list[Request]:
    """Open ones that were made before."""
    rows = tx.execute(_outdated, {"bot": bot_id, "building": building_id, "before": before})
    return [_request(row) for row in rows]


def has_namesake(tx: Tx, wanted: Request) -> bool:
    """Somebody else of that very name in the household has an account already."""
    row = {"bot": wanted.bot_id, "household": wanted.home.id, "name": wanted.name, "person": wanted.person_id}
    return tx.execute(_namesake, row).first() is not None


def asked_requests(tx: Tx, body_ids: list[int]) -> list[Request]:
    """What the heads of these bodies were shown and have not decided."""
    return [_request(row) for row in tx.execute(_asked, {"bodies": body_ids})]


def mark_asked(tx: Tx, request_id: int, body_id: int) -> None:
    tx.execute(_mark_asked, {"row": request_id, "body": body_id})


def decide(tx: Tx, request_id: int, state: str, *, by: int | None, at: datetime) -> bool:
    """by: None where it ends by itself. False where it is decided already."""
    return tx.execute(_decide, {"row": request_id, "new": state, "by": by, "now": at}).rowcount == 1


def settle(tx: Tx, *, person_id: int, household_id: int, relation: str, source: str, since: datetime) -> None:
    row = {"person_id": person_id, "household_id": household_id, "relation": relation}
    tx.execute(_settle, {**row, "source": source, "since": since})
    tx.execute(_belongs, {"person": person_id})
    if relation == HELPER:  # the consent of this moment is for them
        tx.execute(_name_helper, {"household": household_id, "helper": person_id, "at": since})


def lives_in(tx: Tx, person_id: int, household_id: int) -> bool:
    return tx.execute(_lives, {"person": person_id, "household": household_id}).first() is not None


def residents_of(tx: Tx, household_id: int) -> list[tuple[int, str]]:
    """(id, name) of those who live there, helpers apart."""
    return [(row[0], row[1] or "") for row in tx.execute(_residents, {"household": household_id})]


def add_consent(tx: Tx, person_id: int, purpose: str, *, at: datetime, by: int | None) -> None:
    tx.execute(_consent, {"person_id": person_id, "purpose": purpose, "given_at": at, "recorded_by": by})


def leave(tx: Tx, bot_id: str, chat_id: str, user: str, *, person_id: int, at: datetime) -> None:
    """Who is known left a group."""
    row = {"bot_id": bot_id, "chat_id": chat_id, "user_id": user, "person_id": person_id}
    tx.execute(_leave, {**row, "left_at": at})


def come_back(tx: Tx, bot_id: str, chat_id: str, user: str) -> None:
    tx.execute(_come_back, {"bot": bot_id, "chat": chat_id, "user": user})


def move_leavers(tx: Tx, bot_id: str, old: str, new: str) -> None:
    tx.execute(_move_leavers, {"bot": bot_id, "chat": old, "new": new})


def leavers(tx: Tx, bot_id: str, chat_id: str, building_id: int) -> list[tuple[str, str, str, datetime]]:
    """(unit, room, name, when) of those of the building who left the group, the newest first."""
    rows = tx.execute(_leavers, {"bot": bot_id, "chat": chat_id, "building": building_id})
    return [(row[0], row[1], row[2] or "", row[3]) for row in rows]


def absent(tx: Tx, bot_id: str, building_id: int) -> list[tuple[str, str, str]]:
    """(unit, room, name) of those on the roster of the building whom the bot does not know."""
    rows = tx.execute(_absent, {"bot": bot_id, "building": building_id})
    return [(row[0], row[1], row[2] or "") for row in rows]
