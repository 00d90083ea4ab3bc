"""The append-only record (ids and codes, never words) and the numbers that people quote."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, bindparam, insert
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


_record = insert(Audit)
_count_new = upsert(Counter).values(name=bindparam("name"), value=1)
_count = _count_new.on_conflict_do_update(index_elements=[Counter.name], set_={"value": Counter.value + 1}).returning(
    Counter.value
)


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
