"""Known matters (挂通知): what everybody knows to be out until an hour. The table stands in responsibility.py."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Select, bindparam, insert, or_, select, update

from storage.base import Moment
from storage.database import Tx
from storage.responsibility import KnownMatter


@dataclass(frozen=True, slots=True)
class Known:
    """building_id None: in all buildings of the compound. summary: the thing, and after a comma why."""

    id: int
    compound_id: int
    building_id: int | None
    category: str
    summary: str
    until: datetime
    set_by: int | None
    ended_at: datetime | None


_fields: list[Any] = [KnownMatter.__table__.columns[each.name] for each in fields(Known)]
_columns: Select[Any] = select(*_fields)
_building = bindparam("building", type_=BigInteger())
_running = _columns.where(
    KnownMatter.compound_id == bindparam("compound"),
    KnownMatter.until > bindparam("now", type_=Moment()),
    KnownMatter.ended_at.is_(None),
).order_by(KnownMatter.id)
_at = _running.where(or_(KnownMatter.building_id.is_(None), KnownMatter.building_id == _building))
_get = _columns.where(KnownMatter.id == bindparam("id"))
_add = insert(KnownMatter).returning(KnownMatter.id)
_row = KnownMatter.id == bindparam("row")
_end = update(KnownMatter).where(_row, KnownMatter.ended_at.is_(None)).values(ended_at=bindparam("at", type_=Moment()))
_prolong = update(KnownMatter).where(_row).values(until=bindparam("to", type_=Moment()))
_say = (
    update(KnownMatter)
    .where(_row, or_(KnownMatter.said_at.is_(None), KnownMatter.said_at <= bindparam("before", type_=Moment())))
    .values(said_at=bindparam("at", type_=Moment()))
)


def add(tx: Tx, **values: Any) -> int:
    """values: compound_id, building_id, category, summary, since, until, set_by."""
    number: int = tx.execute(_add, values).scalar_one()
    return number


def at(tx: Tx, compound_id: int, building_id: int | None, now: datetime) -> list[Known]:
    """What is known to be out at a place; without a building only what concerns the whole compound."""
    return [Known(*row) for row in tx.execute(_at, {"compound": compound_id, "building": building_id, "now": now})]


def within(tx: Tx, compound_id: int, now: datetime) -> list[Known]:
    """Whatever is known to be out in the compound."""
    return [Known(*row) for row in tx.execute(_running, {"compound": compound_id, "now": now})]


def get(tx: Tx, known_id: int) -> Known | None:
    row = tx.execute(_get, {"id": known_id}).first()
    return Known(*row) if row else None


def end(tx: Tx, known_id: int, *, at: datetime) -> bool:
    """False where it had ended."""
    return tx.execute(_end, {"row": known_id, "at": at}).rowcount == 1


def prolong(tx: Tx, known_id: int, until: datetime) -> None:
    tx.execute(_prolong, {"row": known_id, "to": until})


def said(tx: Tx, known_id: int, *, at: datetime, before: datetime) -> bool:
    """It is said in answer now; False where that was done since `before`."""
    return tx.execute(_say, {"row": known_id, "at": at, "before": before}).rowcount == 1
