"""The outbox: whatever is said to anybody, written in the transaction of the change it announces."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Index,
    String,
    and_,
    bindparam,
    case,
    cast,
    delete,
    false,
    func,
    literal_column,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, aliased, mapped_column

from storage import pace
from storage.base import Base, Code, Id, Key, upsert
from storage.database import Tx
from storage.lean import execute_each
from storage.pace import PaceRow, Rates
from storage.places import ChatRow

# held: a private word to somebody who has not opened the chat, kept until they do; merged: a newer state of the same
# post goes instead.
WAITING, SENT, DEAD, HELD, MERGED = "waiting", "sent", "dead", "held", "merged"
_unsent, _kept, _posted = text("state = 'waiting'"), text("state = 'held'"), text("post <> ''")


class Outbox(Base):
    __tablename__ = "outbox"
    __table_args__ = (
        Index("uq_outbox_bot_id_key", "bot_id", "key", unique=True),
        Index("ix_outbox_due", "bot_id", "due_at", sqlite_where=_unsent, postgresql_where=_unsent),
        Index("ix_outbox_chat", "bot_id", "chat_id", "id", sqlite_where=_unsent, postgresql_where=_unsent),
        Index("ix_outbox_held", "bot_id", "chat_id", sqlite_where=_kept, postgresql_where=_kept),
        Index("ix_outbox_post", "bot_id", "chat_id", "post", sqlite_where=_posted, postgresql_where=_posted),
        Index("ix_outbox_done_at", "done_at"),
    )
    id: Mapped[Id]
    bot_id: Mapped[Code]
    key: Mapped[Key]  # what caused it and its number there: the same cause never says it twice
    chat_id: Mapped[Key]  # without the topic: a group's messages leave one after another
    message: Mapped[dict[str, Any]]
    urgent: Mapped[bool]
    due_at: Mapped[datetime]
    leased: Mapped[bool] = mapped_column(Boolean, server_default=false())  # under way; due_at: until when
    state: Mapped[Code]
    attempts: Mapped[int]
    asked_at: Mapped[datetime | None]  # when it was first to be sent
    part: Mapped[int] = mapped_column(server_default="0")  # of a text too long for one message: how many went
    post: Mapped[Key] = mapped_column(server_default="")  # the name of a post that changes with time
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
        asked_at=bindparam("due_at"),
        post=bindparam("post"),
        state=WAITING,
        leased=False,
        attempts=0,
        part=0,
    )
    .on_conflict_do_nothing(index_elements=[Outbox.bot_id, Outbox.key])
)
# Written out, not bound: only so does a planner see that the partial indexes hold these rows.
_waiting: ColumnElement[str] = literal_column(f"'{WAITING}'")
_held: ColumnElement[str] = literal_column(f"'{HELD}'")
_newer = aliased(Outbox)
_merge_one = (
    update(Outbox)
    .where(
        Outbox.id == bindparam("row"),
        Outbox.state == WAITING,
        select(1)
        .where(
            _newer.bot_id == Outbox.bot_id,
            _newer.chat_id == Outbox.chat_id,
            _newer.post == Outbox.post,
            _newer.id > Outbox.id,
            _newer.state == _waiting,
        )
        .exists(),
    )
    .values(state=MERGED, leased=False, done_at=bindparam("at"))
)
_merge = (
    update(Outbox)
    .where(
        Outbox.bot_id == bindparam("bot"),
        Outbox.chat_id == bindparam("chat"),
        Outbox.post == bindparam("name"),
        Outbox.post != literal_column("''"),
        Outbox.state == _waiting,
        Outbox.leased.is_(False),
        Outbox.part == 0,
        Outbox.key != bindparam("own"),
    )
    .values(state=MERGED, done_at=bindparam("at"))
)
_due = Outbox.due_at <= bindparam("now")
_under_way_now = and_(Outbox.leased.is_(True), Outbox.due_at > bindparam("now"))
_chat = and_(ChatRow.bot_id == Outbox.bot_id, ChatRow.chat_id == Outbox.chat_id)
# In a quiet chat (安静到明早) what is not urgent waits until the quiet ends.
_quiet_now = select(ChatRow.chat_id).where(
    ChatRow.bot_id == bindparam("bot_id"), ChatRow.quiet_until > bindparam("now")
)
_may_speak = or_(Outbox.urgent, _under_way_now, Outbox.chat_id.not_in(_quiet_now))
# One message of a chat at a time: what is under way, else urgent ones, else the oldest; one that only waits for its
# hour does not hold up the others. One pass over what waits: a subquery for each row would be slow on PostgreSQL, whose
# statistics do not know of a burst.
_heads = (
    select(
        Outbox.id.label("id"),
        Outbox.bot_id.label("bot_id"),
        Outbox.chat_id.label("chat_id"),
        Outbox.due_at.label("due_at"),
        Outbox.urgent.label("urgent"),
        func.row_number()
        .over(
            partition_by=Outbox.chat_id,
            order_by=(case((_under_way_now, 0), else_=1), Outbox.urgent.desc(), Outbox.id),
        )
        .label("place"),
    )
    .where(Outbox.bot_id == bindparam("bot_id"), Outbox.state == _waiting, or_(_due, Outbox.attempts > 0), _may_speak)
    .subquery("heads")
)
_free = (
    select(_heads.c.id)
    .outerjoin(PaceRow, and_(PaceRow.bot_id == _heads.c.bot_id, PaceRow.chat_id == _heads.c.chat_id))
    .where(
        _heads.c.place == 1,
        _heads.c.due_at <= bindparam("now"),
        or_(PaceRow.not_before.is_(None), PaceRow.not_before <= bindparam("now")),  # nothing to a chat that rests
    )
    .order_by(_heads.c.urgent.desc(), _heads.c.id)
    .limit(bindparam("most"))
)
_claim = (
    select(Outbox.id, Outbox.message, Outbox.attempts, Outbox.part, Outbox.asked_at, ChatRow.quiet_until)
    .outerjoin(ChatRow, _chat)
    .where(Outbox.id.in_(_free), Outbox.state == _waiting, _due)
    .order_by(Outbox.urgent.desc(), Outbox.id)
    .with_for_update(skip_locked=True, of=Outbox)
)
_lease = (
    update(Outbox)
    .where(Outbox.id == bindparam("row"))
    .values(due_at=bindparam("until"), leased=True, attempts=Outbox.attempts + 1)
)
_under_way = select(func.count()).where(
    Outbox.bot_id == bindparam("bot"),
    Outbox.state == _waiting,
    Outbox.leased.is_(True),
    Outbox.due_at > bindparam("now"),
)
_mine = and_(Outbox.id == bindparam("row"), Outbox.state == WAITING)  # not sent by who took over the lease
_finish = (
    update(Outbox)
    .where(_mine)
    .values(
        state=bindparam("new_state"),
        leased=False,
        done_at=bindparam("at"),
        message_id=func.coalesce(Outbox.message_id, bindparam("platform_id", type_=String())),
        error=bindparam("why"),
    )
)
_next_part = (
    update(Outbox)
    .where(_mine)
    .values(
        part=Outbox.part + 1,
        leased=False,
        due_at=bindparam("at"),
        message_id=func.coalesce(Outbox.message_id, bindparam("platform_id", type_=String())),
    )
)
_retry = update(Outbox).where(_mine).values(due_at=bindparam("at"), leased=False, error=bindparam("why"))
_put_off = update(Outbox).where(_mine).values(due_at=bindparam("at"), leased=False, attempts=Outbox.attempts - 1)
_of_held = select(Outbox.id, Outbox.message).where(
    Outbox.bot_id == bindparam("bot"),
    Outbox.chat_id == bindparam("chat"),
    Outbox.state == _held,
    Outbox.done_at > bindparam("since"),
)
_release = (
    update(Outbox)
    .where(Outbox.id == bindparam("row"), Outbox.state == HELD)
    .values(state=WAITING, due_at=bindparam("now"), asked_at=bindparam("now"), attempts=0, done_at=None)
)
_find_post = (
    select(Outbox.message_id, Outbox.done_at)
    .where(
        Outbox.bot_id == bindparam("bot"),
        Outbox.chat_id == bindparam("chat"),
        Outbox.post == bindparam("name"),
        Outbox.post != literal_column("''"),
        Outbox.state == SENT,
    )
    .order_by(Outbox.id.desc())
    .limit(1)
)
_unsent_of = select(Outbox.id, Outbox.message).where(
    Outbox.bot_id == bindparam("bot"), Outbox.chat_id == bindparam("chat"), Outbox.state.in_([WAITING, HELD])
)
_move = update(Outbox).where(Outbox.id == bindparam("row")).values(chat_id=bindparam("new"), message=bindparam("said"))
_kept_quiet = and_(_chat, Outbox.urgent.is_(False), ChatRow.quiet_until > Outbox.due_at)
# The index gives the first row that no quiet keeps; a quiet that keeps something ends at its own moment.
_next_due = (
    select(Outbox.due_at)
    .where(
        Outbox.bot_id == bindparam("bot_id"),
        Outbox.state == _waiting,
        ~select(1).select_from(ChatRow).where(_kept_quiet).correlate(Outbox).exists(),
    )
    .order_by(Outbox.due_at)
    .limit(1)
)
_next_end = select(func.min(ChatRow.quiet_until)).where(
    ChatRow.bot_id == bindparam("bot_id"),
    ChatRow.quiet_until.is_not(None),
    select(1).select_from(Outbox).where(_kept_quiet, Outbox.state == _waiting).correlate(ChatRow).exists(),
)
_forget = delete(Outbox).where(Outbox.done_at < bindparam("before"))
# Whoever edits a post needs its number alone; a name in what was said to somebody else would stand here for a month.
_forget_words = (
    update(Outbox)
    .where(
        Outbox.done_at < bindparam("before"),
        Outbox.done_at >= bindparam("since"),
        Outbox.state.in_((SENT, MERGED)),
        cast(Outbox.message, String) != "{}",
    )
    .values(message={})
)
_undelivered = select(Outbox.id, Outbox.message).where(
    Outbox.done_at >= bindparam("since"), Outbox.state.in_((DEAD, HELD))
)
_give_up = update(Outbox).where(Outbox.id == bindparam("row")).values(state=DEAD, message={})


@dataclass(frozen=True, slots=True)
class Claimed:
    """A leased row. attempts: before this one; part: how many pieces of its text went already; asked_at: when it was
    first to be sent, or its chat's quiet ended."""

    id: int
    message: dict[str, Any]
    attempts: int
    part: int
    asked_at: datetime


def add(tx: Tx, rows: Sequence[dict[str, Any]]) -> None:
    """rows: bot_id, key, chat_id, message, urgent, due_at. A key that stands already is left as it is; of a post that
    changes, what still waits gives way to the new state."""
    for row in rows:
        row["post"] = row["message"].get("post", "")
        if row["post"] and tx.execute(_add, row).rowcount == 1:
            merged = {"bot": row["bot_id"], "chat": row["chat_id"], "name": row["post"], "own": row["key"]}
            tx.execute(_merge, {**merged, "at": row["due_at"]})
    if plain := [row for row in rows if not row["post"]]:
        execute_each(tx, _add, plain)


def claim(
    tx: Tx, *, bot_id: str, now: datetime, lease: timedelta, most: int = 50, rates: Rates | None = None
) -> list[Claimed]:
    """Lease the due rows that are first in their chats, no more than `rates` leaves room for.

    A row that is neither marked nor put off before its lease ends is due again.
    """
    if rates:
        room = pace.room(tx, rates, bot_id=bot_id, now=now)  # and no other process counts meanwhile
        most = min(most, room - tx.execute(_under_way, {"bot": bot_id, "now": now}).scalar_one())
        if most <= 0:
            return []
    rows = tx.execute(_claim, {"bot_id": bot_id, "now": now, "most": most}).all()
    if rows:
        tx.execute(_lease, [{"row": row.id, "until": now + lease} for row in rows])
    asked = [(row, row.asked_at or now, row.quiet_until) for row in rows]
    return [
        Claimed(row.id, row.message, row.attempts, row.part, max(at, quiet) if quiet and quiet <= now else at)
        for row, at, quiet in asked
    ]


def mark_sent(tx: Tx, row: int, *, message_id: str, now: datetime) -> None:
    tx.execute(_finish, {"row": row, "new_state": SENT, "at": now, "platform_id": message_id[:200], "why": None})


def mark_dead(tx: Tx, row: int, *, error: str, now: datetime) -> bool:
    """False where another sender has sent it meanwhile."""
    result = tx.execute(_finish, {"row": row, "new_state": DEAD, "at": now, "platform_id": None, "why": error[:200]})
    return result.rowcount == 1


def mark_held(tx: Tx, row: int, *, error: str, now: datetime) -> bool:
    """A private word that cannot be said yet; False where another sender has said it meanwhile."""
    result = tx.execute(_finish, {"row": row, "new_state": HELD, "at": now, "platform_id": None, "why": error[:200]})
    return result.rowcount == 1


def held(tx: Tx, *, bot_id: str, chat_id: str, since: datetime) -> list[tuple[int, str]]:
    """What is kept for a person since then: (id, the question it asks or "")."""
    rows = tx.execute(_of_held, {"bot": bot_id, "chat": chat_id, "since": since})
    return [(row.id, row.message.get("question", "")) for row in rows]


def release(tx: Tx, row: int, *, now: datetime) -> None:
    """A kept word is due."""
    tx.execute(_release, {"row": row, "now": now})


def next_part(tx: Tx, row: int, *, message_id: str, now: datetime) -> None:
    """One piece of a long text went; the next is due."""
    tx.execute(_next_part, {"row": row, "platform_id": message_id[:200], "at": now})


def retry(tx: Tx, row: int, *, at: datetime, error: str) -> None:
    tx.execute(_retry, {"row": row, "at": at, "why": error[:200]})


def put_off(tx: Tx, row: int, *, at: datetime) -> None:
    """Not now, and not because anything failed: a newer state of the same post takes its place, now or later."""
    if tx.execute(_merge_one, {"row": row, "at": at}).rowcount == 0:
        tx.execute(_put_off, {"row": row, "at": at})


def find_post(tx: Tx, *, bot_id: str, chat_id: str, post: str) -> tuple[str, datetime] | None:
    """Where and when the newest state of a changing post was sent: (the platform's message id, moment)."""
    row = tx.execute(_find_post, {"bot": bot_id, "chat": chat_id, "name": post}).first()
    return (row.message_id or "", row.done_at) if row else None


def move_chat(tx: Tx, *, bot_id: str, old: str, new: str) -> None:
    """The group has another id: what is unsent goes there."""
    for row in tx.execute(_unsent_of, {"bot": bot_id, "chat": old}).all():
        tx.execute(_move, {"row": row.id, "new": new, "said": {**row.message, "chat": new}})


def next_due(tx: Tx, *, bot_id: str) -> datetime | None:
    """When the sender has something to do next."""
    moments = (tx.execute(statement, {"bot_id": bot_id}).scalar() for statement in (_next_due, _next_end))
    return min((each for each in moments if each is not None), default=None)


def forget_sent(tx: Tx, *, before: datetime) -> int:
    return tx.execute(_forget, {"before": before}).rowcount


def forget_words(tx: Tx, *, before: datetime, since: datetime) -> int:
    """Empty what was sent, or gave way to something newer, in that time; the rows stay."""
    return tx.execute(_forget_words, {"before": before, "since": since}).rowcount


def forget_name(tx: Tx, name: str, *, since: datetime) -> None:
    """What could not be delivered since then and names this person never will be."""
    rows = tx.execute(_undelivered, {"since": since}).all()
    for row in rows:
        if name in row.message.get("text", ""):
            tx.execute(_give_up, {"row": row.id})
