"""Due times are rows: a tick claims what is due and calls a service, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Delete, Index, bindparam, delete, func, select
from sqlalchemy.orm import Mapped

from storage.base import Base, Code, Id, Key, upsert
from storage.database import Tx


class TimerRow(Base):
    __tablename__ = "timer"
    __table_args__ = (
        Index("uq_timer_kind_key", "kind", "key", unique=True),
        Index("ix_timer_due_at", "due_at"),
        {"sqlite_autoincrement": True},  # an id never returns: messages are known by the timer that caused them
    )
    id: Mapped[Id]
    kind: Mapped[Code]
    key: Mapped[Key]
    bot_id: Mapped[Code]
    due_at: Mapped[datetime]
    data: Mapped[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Timer:
    id: int
    kind: str
    key: str
    bot_id: str
    due_at: datetime
    data: dict[str, Any]


_set_new = upsert(TimerRow)
_set = _set_new.on_conflict_do_update(
    index_elements=[TimerRow.kind, TimerRow.key],
    set_={name: _set_new.excluded[name] for name in ("bot_id", "due_at", "data")},
)
_keep = upsert(TimerRow).on_conflict_do_nothing(index_elements=[TimerRow.kind, TimerRow.key])
_cancel = delete(TimerRow).where(TimerRow.kind == bindparam("kind"), TimerRow.key == bindparam("key"))
_claim = (
    select(TimerRow.id, TimerRow.kind, TimerRow.key, TimerRow.bot_id, TimerRow.due_at, TimerRow.data)
    .where(TimerRow.due_at <= bindparam("now"))
    .order_by(TimerRow.due_at, TimerRow.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_remove = delete(TimerRow).where(TimerRow.id == bindparam("row"))
_next = select(func.min(TimerRow.due_at))


def set_timer(tx: Tx, kind: str, key: str, *, bot_id: str, due_at: datetime, data: dict[str, Any]) -> None:
    """One timer per (kind, key): setting it again moves it."""
    tx.execute(_set, {"kind": kind, "key": key, "bot_id": bot_id, "due_at": due_at, "data": data})


def keep_timer(tx: Tx, kind: str, key: str, *, bot_id: str, due_at: datetime, data: dict[str, Any]) -> None:
    """Set it unless it is set already."""
    tx.execute(_keep, {"kind": kind, "key": key, "bot_id": bot_id, "due_at": due_at, "data": data})


def cancel(tx: Tx, kind: str, key: str) -> None:
    tx.execute(_cancel, {"kind": kind, "key": key})


@cache
def _cancel_each(count: int) -> Delete:
    kinds: list[BindParameter[str]] = [bindparam(f"kind{number}") for number in range(count)]
    return delete(TimerRow).where(TimerRow.kind.in_(kinds), TimerRow.key == bindparam("key"))


def cancel_each(tx: Tx, kinds: Sequence[str], key: str) -> None:
    """All of these kinds at once."""
    values = {f"kind{number}": kind for number, kind in enumerate(kinds)}
    tx.execute(_cancel_each(len(kinds)), values | {"key": key})


def take_due(tx: Tx, *, now: datetime, most: int = 100) -> list[Timer]:
    """Claim and remove what is due, oldest first; a rolled back tick leaves all as it was."""
    rows = [Timer(*row) for row in tx.execute(_claim, {"now": now, "most": most})]
    if rows:
        tx.execute(_remove, [{"row": timer.id} for timer in rows])
    return rows


def next_due(tx: Tx) -> datetime | None:
    due: datetime | None = tx.execute(_next).scalar_one()
    return due
