"""The inbox: each update has one effect (`inbox`), each chat one turn at a time in all processes (`lane`)."""

from datetime import datetime

from sqlalchemy import Index, bindparam, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from storage.base import Base, Code, Key, upsert
from storage.database import Tx


class Inbox(Base):
    __tablename__ = "inbox"
    __table_args__ = (Index("ix_inbox_received_at", "received_at"),)
    bot_id: Mapped[Code] = mapped_column(primary_key=True)
    update_id: Mapped[Key] = mapped_column(primary_key=True)
    received_at: Mapped[datetime]


class Lane(Base):
    __tablename__ = "lane"
    bot_id: Mapped[Code] = mapped_column(primary_key=True)
    chat_id: Mapped[Key] = mapped_column(primary_key=True)
    seq: Mapped[int]


_first_sight = (
    upsert(Inbox)
    .values(bot_id=bindparam("bot_id"), update_id=bindparam("update_id"), received_at=bindparam("received_at"))
    .on_conflict_do_nothing()
)
_enter = upsert(Lane).values(bot_id=bindparam("bot_id"), chat_id=bindparam("chat_id"), seq=1)
_enter_lane = _enter.on_conflict_do_update(
    index_elements=[Lane.bot_id, Lane.chat_id], set_={"seq": Lane.seq + 1}
).returning(Lane.seq)
_seen = select(Inbox.update_id).where(Inbox.bot_id == bindparam("bot_id"), Inbox.update_id == bindparam("update_id"))
_forget = delete(Inbox).where(Inbox.received_at < bindparam("before"))


def first_sight(tx: Tx, *, bot_id: str, update_id: str, now: datetime) -> bool:
    """Record the update; False where it was seen before."""
    row = {"bot_id": bot_id, "update_id": update_id, "received_at": now}
    return tx.execute(_first_sight, row).rowcount == 1


def was_seen(tx: Tx, *, bot_id: str, update_id: str) -> bool:
    return tx.execute(_seen, {"bot_id": bot_id, "update_id": update_id}).first() is not None


def enter_lane(tx: Tx, *, bot_id: str, chat_id: str) -> int:
    """Lock the chat until the transaction ends; returns the number of this turn in the chat, from 1."""
    number: int = tx.execute(_enter_lane, {"bot_id": bot_id, "chat_id": chat_id}).scalar_one()
    return number


def forget_updates(tx: Tx, *, before: datetime) -> int:
    return tx.execute(_forget, {"before": before}).rowcount
