"""The outbox: whatever is said to anybody, written in the transaction of the change it announces."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Index,
    String,
    and_,
    bindparam,
    delete,
    func,
    literal_column,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, aliased, mapped_column

from storage.base import Base, Code, Id, Key, upsert
from storage.database import Tx
from storage.lean import execute_each

WAITING, SENT, DEAD = "waiting", "sent", "dead"
_unsent = text("state = 'waiting'")


class Outbox(Base):
    __tablename__ = "outbox"
    __table_args__ = (
        Index("uq_outbox_bot_id_key", "bot_id", "key", unique=True),
        Index("ix_outbox_due", "bot_id", "due_at", sqlite_where=_unsent, postgresql_where=_unsent),
        Index("ix_outbox_chat", "bot_id", "chat_id", "id", sqlite_where=_unsent, postgresql_where=_unsent),
        Index("ix_outbox_done_at", "done_at"),
    )
    id: Mapped[Id]
    bot_id: Mapped[Code]
    key: Mapped[Key]  # what caused it and its number there: the same cause never says it twice
    chat_id: Mapped[Key]
    message: Mapped[dict[str, Any]]
    urgent: Mapped[bool]
    due_at: Mapped[datetime]  # while it is being sent: when another sender may take it over
    state: Mapped[Code]
    attempts: Mapped[int]
    done_at: Mapped[datetime | None]
    message_id: Mapped[str | None] = mapped_column(String(200))  # the platform's, once sent
    error: Mapped[str | None] = mapped_column(String(200))


_add = (
    upsert(Outbox)
    .values(
        bot_id=bindparam("bot_id"),
        key=bindparam("key"),
        chat_id=bindparam("chat_id"),
        message=bindparam("message"),
        urgent=bindparam("urgent"),
        due_at=bindparam("due_at"),
        state=WAITING,
        attempts=0,
    )
    .on_conflict_do_nothing(index_elements=[Outbox.bot_id, Outbox.key])
)
_earlier = aliased(Outbox)
# Written out, not bound: only so does a planner see that the partial indexes hold these rows.
_waiting: ColumnElement[str] = literal_column(f"'{WAITING}'")
_due = Outbox.due_at <= bindparam("now")
# The oldest unsent row of a chat goes first; one that only waits for its hour does not hold up the others.
_claim = (
    select(Outbox.id, Outbox.message, Outbox.attempts)
    .where(
        Outbox.bot_id == bindparam("bot_id"),
        Outbox.state == _waiting,
        _due,
        ~select(1)
        .where(
            _earlier.bot_id == Outbox.bot_id,
            _earlier.chat_id == Outbox.chat_id,
            _earlier.id < Outbox.id,
            _earlier.state == _waiting,
            or_(_earlier.due_at <= bindparam("now"), _earlier.attempts > 0),
        )
        .exists(),
    )
    .order_by(Outbox.urgent.desc(), Outbox.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True, of=Outbox)
)
_lease = (
    update(Outbox).where(Outbox.id == bindparam("row")).values(due_at=bindparam("until"), attempts=Outbox.attempts + 1)
)
_mine = and_(Outbox.id == bindparam("row"), Outbox.state == WAITING)  # not sent by who took over the lease
_finish = (
    update(Outbox)
    .where(_mine)
    .values(
        state=bindparam("new_state"),
        done_at=bindparam("at"),
        message_id=bindparam("platform_id"),
        error=bindparam("why"),
    )
)
_retry = update(Outbox).where(_mine).values(due_at=bindparam("at"), error=bindparam("why"))
_next_due = select(func.min(Outbox.due_at)).where(Outbox.bot_id == bindparam("bot_id"), Outbox.state == _waiting)
_forget = delete(Outbox).where(Outbox.done_at < bindparam("before"))


def add(tx: Tx, rows: Sequence[dict[str, Any]]) -> None:
    """rows: bot_id, key, chat_id, message, urgent, due_at. A key that stands already is left as it is."""
    execute_each(tx, _add, rows)


def claim(
    tx: Tx, *, bot_id: str, now: datetime, lease: timedelta, most: int = 50
) -> list[tuple[int, dict[str, Any], int]]:
    """Lease the due rows that are first in their chats: (id, message, attempts before this one).

    A row that is neither marked nor put off before its lease ends is due again.
    """
    rows = tx.execute(_claim, {"bot_id": bot_id, "now": now, "most": most}).all()
    if rows:
        tx.execute(_lease, [{"row": row.id, "until": now + lease} for row in rows])
    return [(row.id, row.message, row.attempts) for row in rows]


def mark_sent(tx: Tx, row: int, *, message_id: str, now: datetime) -> None:
    tx.execute(_finish, {"row": row, "new_state": SENT, "at": now, "platform_id": message_id[:200], "why": None})


def mark_dead(tx: Tx, row: int, *, error: str, now: datetime) -> bool:
    """False where another sender has sent it meanwhile."""
    result = tx.execute(_finish, {"row": row, "new_state": DEAD, "at": now, "platform_id": None, "why": error[:200]})
    return result.rowcount == 1


def retry(tx: Tx, row: int, *, at: datetime, error: str) -> None:
    tx.execute(_retry, {"row": row, "at": at, "why": error[:200]})


def next_due(tx: Tx, *, bot_id: str) -> datetime | None:
    due: datetime | None = tx.execute(_next_due, {"bot_id": bot_id}).scalar_one()
    return due


def forget_sent(tx: Tx, *, before: datetime) -> int:
    return tx.execute(_forget, {"before": before}).rowcount
