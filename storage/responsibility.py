"""Which body of a compound gets what: its own lines over the defaults; who is on duty; what is known to be out."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import CompoundSelect, Index, Integer, String, and_, bindparam, delete, insert, null, select, union_all
from sqlalchemy.orm import Mapped, mapped_column

from domain.people import Body, Level, Role
from storage.base import Base, BigInt, Code, Id, Key, Moment, Ref, upsert
from storage.database import Tx
from storage.people import BodyRow, HouseholdBody, Identity, PersonRow, PostRow, as_body, body_columns, of_bot


class Responsibility(Base):
    """A compound's own line of the table: matters of this category go first to this level, or to this very body."""

    __tablename__ = "responsibility"
    compound_id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    category: Mapped[Code] = mapped_column(primary_key=True)
    level: Mapped[int | None]
    body_id: Mapped[int | None] = mapped_column(BigInt)
    set_by: Mapped[int | None] = mapped_column(BigInt)
    set_at: Mapped[datetime]


class DutyShift(Base):
    """Who is called for urgent matters, from when to when."""

    __tablename__ = "duty_shift"
    __table_args__ = (Index("ix_duty_shift_compound_id", "compound_id", "ends_at"),)
    id: Mapped[Id]
    compound_id: Mapped[Ref]
    person_id: Mapped[Ref]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    set_by: Mapped[int | None] = mapped_column(BigInt)


class KnownMatter(Base):
    """A notice (挂通知): something everybody knows to be out until an hour, so nobody need report it."""

    __tablename__ = "known_matter"
    __table_args__ = (Index("ix_known_matter_compound_id", "compound_id", "until"),)
    id: Mapped[Id]
    compound_id: Mapped[Ref]
    building_id: Mapped[int | None] = mapped_column(BigInt)
    category: Mapped[Code]
    summary: Mapped[Key]
    since: Mapped[datetime]
    until: Mapped[datetime]
    set_by: Mapped[int | None] = mapped_column(BigInt)
    said_at: Mapped[datetime | None]  # when it was last said in answer
    ended_at: Mapped[datetime | None]


@dataclass(frozen=True, slots=True)
class Line:
    """A compound's own line; who set it and when."""

    category: str
    level: int | None
    body_id: int | None
    set_by: int | None
    set_at: datetime


@dataclass(frozen=True, slots=True)
class Asked:
    """What decides who gets a matter first: the compound's own line, the property company if somebody leads it, the
    member household that looks after the reporter's home."""

    level: int | None
    body_id: int | None
    company: Body | None
    household: Body | None


@dataclass(frozen=True, slots=True)
class Shift:
    person_id: int
    name: str
    starts_at: datetime
    ends_at: datetime


_compound = bindparam("compound", type_=BigInt)
_me = select(
    _compound.label("compound"),
    bindparam("category", type_=String()).label("category"),
).subquery("me")
_leads = (
    select(PostRow.person_id)
    .join(BodyRow, BodyRow.id == PostRow.body_id)
    .where(BodyRow.compound_id == _compound, BodyRow.level == int(Level.PROPERTY), PostRow.role == Role.LEADER.value)
    .exists()
)
# One statement at each new ticket: the line with the company, and the member household.
_asked: CompoundSelect[Any] = union_all(
    select(Responsibility.level, Responsibility.body_id, *body_columns)
    .select_from(_me)
    .outerjoin(
        Responsibility,
        and_(Responsibility.compound_id == _me.c.compound, Responsibility.category == _me.c.category),
    )
    .outerjoin(BodyRow, and_(BodyRow.compound_id == _me.c.compound, BodyRow.level == int(Level.PROPERTY), _leads)),
    select(null().cast(Integer), null().cast(BigInt), *body_columns)
    .join_from(HouseholdBody, BodyRow, BodyRow.id == HouseholdBody.body_id)
    .where(HouseholdBody.household_id == bindparam("home", type_=BigInt)),
)
_lines = select(
    Responsibility.category, Responsibility.level, Responsibility.body_id, Responsibility.set_by, Responsibility.set_at
).where(Responsibility.compound_id == _compound)
_set_new = upsert(Responsibility)
_set_line = _set_new.on_conflict_do_update(
    index_elements=[Responsibility.compound_id, Responsibility.category],
    set_={name: _set_new.excluded[name] for name in ("level", "body_id", "set_by", "set_at")},
)
_drop_line = delete(Responsibility).where(
    Responsibility.compound_id == _compound, Responsibility.category == bindparam("category")
)
_from, _to = bindparam("start", type_=Moment()), bindparam("end", type_=Moment())
_add_shift = insert(DutyShift)
_drop_shift = delete(DutyShift).where(
    DutyShift.compound_id == _compound, DutyShift.starts_at == _from, DutyShift.ends_at == _to
)
_shifts = (
    select(DutyShift.person_id, PersonRow.name, DutyShift.starts_at, DutyShift.ends_at)
    .join(PersonRow, PersonRow.id == DutyShift.person_id)
    .where(DutyShift.compound_id == _compound, DutyShift.ends_at > _from, DutyShift.starts_at < _to)
    .order_by(DutyShift.starts_at, DutyShift.id)
)
_on_shift = (
    select(Identity.user_id, Identity.person_id)
    .join_from(DutyShift, Identity, Identity.person_id == DutyShift.person_id)
    .where(
        DutyShift.compound_id == _compound,
        DutyShift.ends_at > bindparam("now", type_=Moment()),
        DutyShift.starts_at <= bindparam("now", type_=Moment()),
        of_bot,
        Identity.closed_at.is_(None),
    )
    .order_by(Identity.user_id)
)


def asked(tx: Tx, compound_id: int, category: str, household_id: int | None) -> Asked:
    values = {"compound": compound_id, "category": category, "home": household_id}
    rows: list[tuple[Any, ...]] = [tuple(row) for row in tx.execute(_asked, values)]
    bodies = [as_body(row[2:]) for row in rows if row[2]]
    level, body_id = next((row[:2] for row in rows if row[0] or row[1]), (None, None))
    return Asked(
        level,
        body_id,
        next((body for body in bodies if body.level is Level.PROPERTY), None),
        next((body for body in bodies if body.level is Level.MEMBER_HOUSEHOLD), None),
    )


def lines(tx: Tx, compound_id: int) -> dict[str, Line]:
    return {row.category: Line(*row) for row in tx.execute(_lines, {"compound": compound_id})}


def set_line(tx: Tx, compound_id: int, category: str, level: Level, *, by: int, at: datetime) -> None:
    row = {"compound_id": compound_id, "category": category, "level": int(level), "body_id": None}
    tx.execute(_set_line, {**row, "set_by": by, "set_at": at})


def drop_line(tx: Tx, compound_id: int, category: str) -> None:
    tx.execute(_drop_line, {"compound": compound_id, "category": category})


def set_shift(tx: Tx, compound_id: int, person_id: int | None, start: datetime, end: datetime, *, by: int) -> None:
    """Who is on duty in that time, in place of who was; None: nobody."""
    tx.execute(_drop_shift, {"compound": compound_id, "start": start, "end": end})
    if person_id is not None:
        row = {"compound_id": compound_id, "person_id": person_id, "starts_at": start, "ends_at": end, "set_by": by}
        tx.execute(_add_shift, row)


def shifts(tx: Tx, compound_id: int, start: datetime, end: datetime) -> list[Shift]:
    values = {"compound": compound_id, "start": start, "end": end}
    return [Shift(row[0], row[1] or "", row[2], row[3]) for row in tx.execute(_shifts, values)]


def on_shift(tx: Tx, bot_id: str, compound_id: int, now: datetime) -> list[tuple[str, int]]:
    """(user id, person id) of who is on duty now."""
    rows = tx.execute(_on_shift, {"bot": bot_id, "compound": compound_id, "now": now})
    return [(row[0], row[1]) for row in rows]
