"""The append-only record (ids and codes, never words) and the numbers that people quote."""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Index, Row, Select, bindparam, func, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from storage.base import Base, BigInt, Code, Id, Key, upsert
from storage.database import Tx


class Audit(Base):
    __tablename__ = "audit"
    __table_args__ = (Index("ix_audit_subject", "subject", "subject_id"), Index("ix_audit_compound_id", "compound_id"))
    id: Mapped[Id]
    at: Mapped[datetime]
    compound_id: Mapped[int | None] = mapped_column(BigInt)
    actor_id: Mapped[int | None] = mapped_column(BigInt)  # None: the clock
    subject: Mapped[Code]
    subject_id: Mapped[int] = mapped_column(BigInt)
    action: Mapped[Code]
    data: Mapped[dict[str, Any]]


class Seal(Base):
    """A link of a compound's hash chain over its audit rows, sealed by a tick; the rows themselves stay as written."""

    __tablename__ = "audit_seal"
    __table_args__ = (Index("ix_audit_seal_compound_id", "compound_id", "last_id"),)
    id: Mapped[Id]
    compound_id: Mapped[int] = mapped_column(BigInt)  # 0: rows of no compound
    last_id: Mapped[int] = mapped_column(BigInt)
    rows: Mapped[int]
    at: Mapped[datetime]
    digest: Mapped[Key]


class Counter(Base):
    __tablename__ = "counter"
    name: Mapped[Key] = mapped_column(primary_key=True)
    value: Mapped[int]


_LOCK = "audit.seal"  # a counter; its row is held while links are written
_record = insert(Audit)
_count_new = upsert(Counter).values(name=bindparam("name"), value=1)
_count = _count_new.on_conflict_do_update(index_elements=[Counter.name], set_={"value": Counter.value + 1}).returning(
    Counter.value
)
_columns: Select[Any] = select(
    Audit.id, Audit.at, Audit.compound_id, Audit.actor_id, Audit.subject, Audit.subject_id, Audit.action, Audit.data
).order_by(Audit.id)
_after = _columns.where(Audit.id > bindparam("after")).limit(bindparam("most"))
_between = _columns.where(Audit.id > bindparam("after"), Audit.id <= bindparam("last"))
_between_of = _between.where(Audit.compound_id == bindparam("compound"))
_between_none = _between.where(Audit.compound_id.is_(None))
# A batch writes its links in the order of their last rows, so the newest link ends at the newest sealed row.
_sealed_to = select(Seal.last_id).order_by(Seal.id.desc()).limit(1)
_newest = select(Seal.digest).where(Seal.compound_id == bindparam("compound")).order_by(Seal.last_id.desc()).limit(1)
_add_seal = insert(Seal)
_chains = select(Seal.compound_id).distinct().order_by(Seal.compound_id)
_links = (
    select(Seal.id, Seal.last_id, Seal.rows, Seal.digest)
    .where(Seal.compound_id == bindparam("compound"), Seal.last_id > bindparam("after"))
    .order_by(Seal.last_id, Seal.id)
    .limit(bindparam("most"))
)
_sealed_rows = select(func.coalesce(func.sum(Seal.rows), 0))
_rows_to = select(func.count(Audit.id)).where(Audit.id <= bindparam("last"))


def record(
    tx: Tx,
    *,
    at: datetime,
    compound_id: int | None,
    actor_id: int | None,
    subject: str,
    subject_id: int,
    action: str,
    **data: Any,
) -> None:
    tx.execute(
        _record,
        {
            "at": at,
            "compound_id": compound_id,
            "actor_id": actor_id,
            "subject": subject,
            "subject_id": subject_id,
            "action": action,
            "data": data,
        },
    )


def next_number(tx: Tx, series: str) -> int:
    """The next number of a series, from 1. The series is locked until the transaction ends: ask for it late."""
    value: int = tx.execute(_count, {"name": series}).scalar_one()
    return value


def seal(tx: Tx, *, settled: datetime, now: datetime, most: int) -> int:
    """Seal the next rows, each compound's as one link; returns how many. Rows younger than `settled` wait."""
    next_number(tx, _LOCK)  # one at a time in all processes, until this transaction ends
    after = tx.execute(_sealed_to).scalar() or 0
    links: dict[int, list[Row[Any]]] = {}
    count = 0
    for row in tx.execute(_after, {"after": after, "most": most}).all():
        if row.at > settled:
            break
        links.setdefault(row.compound_id or 0, []).append(row)
        count += 1
    for compound, rows in sorted(links.items(), key=lambda link: link[1][-1].id):
        before = tx.execute(_newest, {"compound": compound}).scalar() or ""
        values = {"compound_id": compound, "last_id": rows[-1].id, "rows": len(rows), "at": now}
        tx.execute(_add_seal, {**values, "digest": _digest(before, rows)})
    return count


def _digest(before: str, rows: list[Row[Any]]) -> str:
    """Over the link before and the rows as canonical JSON, one a line."""
    chain = hashlib.sha256(before.encode())
    for row in rows:
        values = [row.id, row.at.astimezone(UTC).isoformat(timespec="microseconds"), *row[2:]]
        line = json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        chain.update(b"\n" + line.encode())
    return chain.hexdigest()


@dataclass(frozen=True, slots=True)
class Link:
    """How far a chain was recomputed. broken: what is wrong with its next link, "" so far; more: links are left."""

    last_id: int
    digest: str
    rows: int = 0
    broken: str = ""
    more: bool = True


def chains(tx: Tx) -> list[int]:
    """The compounds that have a chain; 0: rows of no compound."""
    return [row[0] for row in tx.execute(_chains)]


def verify(tx: Tx, compound_id: int, link: Link, *, most: int) -> Link:
    """Recompute the next links of a chain, from where `link` ended; stops at the first that is broken."""
    last_id, digest, count = link.last_id, link.digest, link.rows
    found = tx.execute(_links, {"compound": compound_id, "after": last_id, "most": most}).all()
    for number, until, expected, written in found:
        between = _between_of if compound_id else _between_none
        values = {"after": last_id, "last": until} | ({"compound": compound_id} if compound_id else {})
        rows = list(tx.execute(between, values).all())
        actual = _digest(digest, rows)
        if actual != written:
            change = len(rows) - expected
            what = f"{change} inserted" if change > 0 else f"{-change} deleted" if change else "a row changed"
            return Link(last_id, digest, count, f"link {number}, rows {last_id + 1} to {until}: {what}", more=False)
        last_id, digest, count = until, actual, count + len(rows)
    return Link(last_id, digest, count, more=len(found) == most)


def beside(tx: Tx) -> tuple[int, int]:
    """(rows among the sealed ones that belong to no link, rows that are not sealed yet)."""
    last = tx.execute(_sealed_to).scalar() or 0
    there = tx.execute(_rows_to, {"last": last}).scalar_one()
    waiting = tx.execute(select(func.count(Audit.id)).where(Audit.id > last)).scalar_one()
    return there - tx.execute(_sealed_rows).scalar_one(), waiting
