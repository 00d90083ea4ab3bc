"""Rosters on their way in: a batch is staged row by row, then switched in one short transaction, and can be undone."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from itertools import chain
from typing import Any

from sqlalchemy import BindParameter, Index, Integer, bindparam, delete, func, insert, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from domain.roster_plan import ROSTER, Door, Dweller, Home, Standing
from storage import lanes
from storage.base import Base, BigInt, Code, Id, Key, Ref, upsert
from storage.database import Tx
from storage.people import BodyRow, PersonRow, Resident
from storage.places import Building, ChatRow, Compound, Household, Unit

STAGED, APPLIED, UNDONE, DROPPED = "staged", "applied", "undone", "dropped"
MANY = 500  # ids in one statement
_AT_ONCE = 100  # rows in one statement


class RosterBatch(Base):
    __tablename__ = "roster_batch"
    __table_args__ = (Index("ix_roster_batch_compound_id", "compound_id"),)
    id: Mapped[Id]
    compound_id: Mapped[Ref]
    file: Mapped[Key]  # its name, for people
    digest: Mapped[Key]  # of its bytes
    at: Mapped[datetime]
    by: Mapped[int | None] = mapped_column(BigInt)
    state: Mapped[Code]  # staged, applied, undone, dropped
    counts: Mapped[dict[str, Any]]


class RosterChange(Base):
    """One change of a batch: what to do, and once done, what undoes it. Personal parts are encrypted."""

    __tablename__ = "roster_change"
    __table_args__ = (Index("ix_roster_change_batch_id", "batch_id"),)
    id: Mapped[Id]
    batch_id: Mapped[Ref]
    kind: Mapped[Code]
    data: Mapped[dict[str, Any]]


_compound: BindParameter[int] = bindparam("compound")
_find_compound = select(func.min(Compound.id)).where(Compound.name == bindparam("name"))
_buildings = select(Building.number, Building.id).where(Building.compound_id == _compound)
_units = (
    select(Building.number, Unit.number, Unit.id)
    .join_from(Unit, Building, Building.id == Unit.building_id)
    .where(Unit.compound_id == _compound)
)
_homes = (
    select(Building.number, Unit.number, Household.room, Household.id, Household.area, Household.kind)
    .join_from(Household, Building, Building.id == Household.building_id)
    .outerjoin(Unit, Unit.id == Household.unit_id)
    .where(Household.compound_id == _compound)
)
_dwellers = (
    select(
        Resident.person_id,
        Resident.household_id,
        PersonRow.name,
        PersonRow.phone_key,
        PersonRow.paper_key,
        Resident.relation,
        Resident.source,
        Resident.since,
    )
    .join_from(Household, Resident, Resident.household_id == Household.id)
    .join(PersonRow, PersonRow.id == Resident.person_id)
    .where(Household.compound_id == _compound, PersonRow.erased_at.is_(None))
    .order_by(Resident.person_id)
)
_mine = (RosterBatch.compound_id == _compound, RosterBatch.state == APPLIED)
_stamp = select(
    *(
        select(measure(table.id)).where(table.compound_id == _compound).scalar_subquery()
        for table in (Building, Unit, Household)
        for measure in (func.count, func.max)
    ),
    *(select(measure(RosterBatch.id)).where(*_mine).scalar_subquery() for measure in (func.count, func.max)),
)
_batch = select(RosterBatch.id, RosterBatch.compound_id, RosterBatch.at, RosterBatch.state, RosterBatch.counts)
_lock_batch = _batch.where(RosterBatch.id == bindparam("batch")).with_for_update()
_last_at = select(func.max(RosterBatch.at)).where(RosterBatch.compound_id == _compound)
_last_applied = select(func.max(RosterBatch.id)).where(*_mine)
_last_of_all = select(func.max(RosterBatch.id)).where(RosterBatch.state == APPLIED)
_add_batch = insert(RosterBatch).returning(RosterBatch.id)
_set_state = update(RosterBatch).where(RosterBatch.id == bindparam("batch")).values(state=bindparam("new"))
_finish = _set_state.values(counts=bindparam("counted"))
_drop_staged = (
    update(RosterBatch).where(RosterBatch.compound_id == _compound, RosterBatch.state == STAGED).values(state=DROPPED)
)
_leftovers = (
    select(RosterChange.id)
    .join_from(RosterChange, RosterBatch, RosterBatch.id == RosterChange.batch_id)
    .where(
        RosterBatch.compound_id == _compound, RosterBatch.state.in_((STAGED, DROPPED)), RosterChange.kind == "people"
    )
)
_changes = select(RosterChange.kind, RosterChange.data).where(RosterChange.batch_id == bindparam("batch"))
_take_change = delete(RosterChange).where(RosterChange.id == bindparam("change")).returning(RosterChange.data)
_older = select(RosterBatch.id).where(
    RosterBatch.compound_id == _compound,
    RosterBatch.id < bindparam("batch"),
    RosterBatch.state.in_((APPLIED, UNDONE)),
)
_forget_older = delete(RosterChange).where(RosterChange.batch_id.in_(_older))
_people_by_id = select(
    PersonRow.id, PersonRow.name, PersonRow.phone, PersonRow.phone_key, PersonRow.paper, PersonRow.paper_key
).where(PersonRow.id.in_(bindparam("ids", expanding=True)), PersonRow.erased_at.is_(None))
_add_change = insert(RosterChange)
_this_resident = (
    Resident.person_id == bindparam("person"),
    Resident.household_id == bindparam("home"),
    Resident.source == ROSTER,
)
_remove_resident = delete(Resident).where(*_this_resident)
_relate = (
    update(Resident).where(*_this_resident, Resident.relation == bindparam("old")).values(relation=bindparam("new"))
)
_furnish = (
    update(Household)
    .where(
        Household.id == bindparam("home"),
        Household.area.is_not_distinct_from(bindparam("old_area")),
        Household.kind == bindparam("old_kind"),
    )
    .values(area=bindparam("new_area"), kind=bindparam("new_kind"))
)
_set_person = (
    update(PersonRow)
    .where(PersonRow.id == bindparam("person"), PersonRow.erased_at.is_(None))
    .values({name: bindparam(f"new_{name}") for name in ("name", "phone", "phone_key", "paper", "paper_key")})
)
_remove_arrivals = delete(Resident).where(
    Resident.source == ROSTER,
    Resident.since == bindparam("at"),
    Resident.household_id.in_(select(Household.id).where(Household.compound_id == _compound)),
)


def find_compound(tx: Tx, name: str) -> int | None:
    return tx.execute(_find_compound, {"name": name}).scalar()


def standing(tx: Tx, name: str) -> Standing:
    """What the compound of that name holds; nothing where there is none."""
    compound = find_compound(tx, name)
    if compound is None:
        return Standing()
    of = {"compound": compound}
    homes: dict[Door, Home] = {}
    for building, unit, room, key, area, kind in tx.execute(_homes, of):
        homes[building, unit or "", room] = Home(key, area, kind)
    dwellers = [
        Dweller(person, home, person_name or "", phone, paper, relation, source, since)
        for person, home, person_name, phone, paper, relation, source, since in tx.execute(_dwellers, of)
    ]
    buildings = {row[0]: row[1] for row in tx.execute(_buildings, of)}
    units = {(building, unit): key for building, unit, key in tx.execute(_units, of)}
    return Standing(compound, buildings, units, homes, dwellers, stamp(tx, compound))


def stamp(tx: Tx, compound: int) -> tuple[int, ...]:
    return tuple(value or 0 for value in tx.execute(_stamp, {"compound": compound}).one())


def lock(tx: Tx) -> None:
    """Imports begin one after another: until the transaction ends no other begins, in any process."""
    lanes.enter_lane(tx, bot_id="", chat_id="roster")


def drop_staged(tx: Tx, compound: int) -> None:
    """Whatever is staged will never be switched."""
    tx.execute(_drop_staged, {"compound": compound})


def open_batch(tx: Tx, compound: int, *, file: str, digest: str, at: datetime, by: int | None) -> int:
    row = {"compound_id": compound, "file": file[:200], "digest": digest, "at": at, "by": by}
    return int(tx.execute(_add_batch, {**row, "state": STAGED, "counts": {}}).scalar_one())


def last_at(tx: Tx, compound: int) -> datetime | None:
    found: datetime | None = tx.execute(_last_at, {"compound": compound}).scalar()
    return found


def lock_batch(tx: Tx, batch: int) -> Any:
    """(id, compound_id, at, state, counts), or None."""
    return tx.execute(_lock_batch, {"batch": batch}).first()


def set_state(tx: Tx, batch: int, state: str) -> None:
    tx.execute(_set_state, {"batch": batch, "new": state})


def finish(tx: Tx, batch: int, counts: dict[str, int]) -> None:
    tx.execute(_finish, {"batch": batch, "new": APPLIED, "counted": counts})


def last_applied(tx: Tx, compound: int | None) -> int | None:
    """The newest applied batch, of one compound or of all."""
    if compound is None:
        return tx.execute(_last_of_all, {}).scalar()
    return tx.execute(_last_applied, {"compound": compound}).scalar()


def leftovers(tx: Tx, compound: int, batch: int | None) -> list[int]:
    """People that imports (or one) staged and never switched: the ids of their changes."""
    of = _leftovers if batch is None else _leftovers.where(RosterBatch.id == batch)
    return [row[0] for row in tx.execute(of, {"compound": compound})]


def take_change(tx: Tx, change: int) -> dict[str, Any] | None:
    data: dict[str, Any] | None = tx.execute(_take_change, {"change": change}).scalar()
    return data


def note(tx: Tx, batch: int, kind: str, entries: Sequence[Any]) -> None:
    """Write down what undoes the batch, some hundred entries a row."""
    parts = [entries[at : at + 2 * MANY] for at in range(0, len(entries), 2 * MANY)]
    for part in parts:
        tx.execute(_add_change, {"batch_id": batch, "kind": kind, "data": {"of": part}})


def notes(tx: Tx, batch: int) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for kind, data in tx.execute(_changes.order_by(RosterChange.id), {"batch": batch}):
        found.setdefault(kind, []).extend(data["of"])
    return found


def forget_notes(tx: Tx, batch: int) -> None:
    tx.execute(delete(RosterChange).where(RosterChange.batch_id == bindparam("batch")), {"batch": batch})


def forget_older(tx: Tx, compound: int, batch: int) -> None:
    """Only the last import can be undone."""
    tx.execute(_forget_older, {"compound": compound, "batch": batch})


# --- what a roster changes ------------------------------------------------------------------------------------------


@cache
def _next_ids(table: Any, dialect: str) -> Any:
    if dialect == "sqlite":
        return select(func.coalesce(func.max(table.id), 0) + 1)
    series = func.generate_series(1, bindparam("many", type_=Integer)).table_valued("n")
    return select(func.nextval(func.pg_get_serial_sequence(table.__tablename__, "id"))).select_from(series)


def reserve(tx: Tx, table: Any, many: int) -> list[int]:
    """Ids for rows that are written next, in this transaction."""
    if many == 0:
        return []
    next_ids = _next_ids(table, tx.dialect.name)
    if tx.dialect.name == "sqlite":  # one writer, and the next id is one more than the greatest
        first = tx.execute(next_ids, {}).scalar_one()
        return list(range(first, first + many))
    return [row[0] for row in tx.execute(next_ids, {"many": many})]


def add(tx: Tx, table: type[Any], columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """New rows, in the order of `columns`; those that stand already stay as they are.

    On SQLite straight to the driver: SQLAlchemy costs twice what the driver needs for a row.
    """
    if not rows:
        return
    if tx.dialect.name != "sqlite":
        statement = upsert(table).on_conflict_do_nothing()
        tx.execute(statement, [dict(zip(columns, row, strict=True)) for row in rows])
        return
    for at, column in enumerate(columns):
        if convert := table.__table__.c[column].type.dialect_impl(tx.dialect).bind_processor(tx.dialect):
            stored = cache(convert)
            rows = [(*row[:at], stored(row[at]), *row[at + 1 :]) for row in rows]
    marks = f"({', '.join('?' * len(columns))})"
    sql = f"INSERT INTO {table.__tablename__} ({', '.join(columns)}) VALUES {{}} ON CONFLICT DO NOTHING"
    several = sql.format(", ".join([marks] * _AT_ONCE))
    sqlite: Any = tx.connection.driver_connection
    whole = len(rows) // _AT_ONCE * _AT_ONCE
    # For each statement the driver gives up the interpreter, and waits for it where another thread is busy.
    sqlite.executemany(several, (list(chain(*rows[at : at + _AT_ONCE])) for at in range(0, whole, _AT_ONCE)))
    sqlite.executemany(sql.format(marks), rows[whole:])


def remove_residents(tx: Tx, rows: list[dict[str, Any]]) -> None:
    if rows:
        tx.execute(_remove_resident, rows)


def remove_arrivals(tx: Tx, compound: int, at: datetime) -> int:
    """Who came by the batch of that moment and whom nobody else has confirmed since; how many those were."""
    return tx.execute(_remove_arrivals, {"compound": compound, "at": at}).rowcount


def relate(tx: Tx, rows: list[dict[str, Any]]) -> int:
    return sum(tx.execute(_relate, row).rowcount for row in rows)


def furnish(tx: Tx, rows: list[dict[str, Any]]) -> int:
    return sum(tx.execute(_furnish, row).rowcount for row in rows)


def people_by_id(tx: Tx, ids: Sequence[int]) -> list[Any]:
    """(id, name, phone, phone_key, paper, paper_key)"""
    parts = [ids[at : at + MANY] for at in range(0, len(ids), MANY)]
    return [row for part in parts for row in tx.execute(_people_by_id, {"ids": list(part)})]


def set_people(tx: Tx, rows: list[dict[str, Any]]) -> None:
    if rows:
        tx.execute(_set_person, rows)


def remove_unused(tx: Tx, table: type[Any], column: str, ids: Sequence[int]) -> int:
    """Remove rows that no row of any table names in `column`; how many those were."""
    from storage.models import Base  # all tables, also those that come later

    named = [other.c[column] for other in Base.metadata.sorted_tables if column in other.c]
    removed = 0
    for at in range(0, len(ids), MANY):
        part = ids[at : at + MANY]
        free = [table.id.not_in(select(other).where(other.in_(part))) for other in named]
        removed += tx.execute(delete(table).where(table.id.in_(part), *free)).rowcount
    return removed


def remove_compounds(tx: Tx, ids: Sequence[int]) -> None:
    """Compounds without places, chats and bodies."""
    used = [
        select(text("1")).where(table.compound_id == Compound.id).exists() for table in (Building, ChatRow, BodyRow)
    ]
    if ids:
        tx.execute(delete(Compound).where(Compound.id.in_(ids), *(~each for each in used)))
