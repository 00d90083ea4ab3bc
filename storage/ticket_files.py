"""Pictures, voice notes and other files of tickets: which are wanted, kept or lost. The bytes stand in a folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

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
from sqlalchemy.orm import Mapped, mapped_column

from domain.messages import File
from storage.base import Base, BigInt, Code, Id, Ref, upsert
from storage.database import Tx
from storage.lean import execute_each
from storage.ticket_reports import Report, TicketText
from storage.tickets import TicketRow

WANTED, KEPT, LOST = "wanted", "kept", "lost"
_is_wanted = text("state = 'wanted'")


class TicketFile(Base):
    """One file of one person about a ticket. Personal data: a row goes, and the sweep takes the file."""

    __tablename__ = "ticket_file"
    __table_args__ = (
        Index("uq_ticket_file_ticket_id_ref", "ticket_id", "ref", unique=True),
        Index("ix_ticket_file_person_id", "person_id"),
        Index("ix_ticket_file_due", "bot_id", "due_at", sqlite_where=_is_wanted, postgresql_where=_is_wanted),
    )
    id: Mapped[Id]
    ticket_id: Mapped[Ref]
    person_id: Mapped[Ref]
    bot_id: Mapped[Code]
    kind: Mapped[Code]
    ref: Mapped[str] = mapped_column(String)  # the platform's handle
    at: Mapped[datetime]
    state: Mapped[Code]
    due_at: Mapped[datetime]  # while it is being fetched: when another process may take it over
    attempts: Mapped[int]
    name: Mapped[str | None] = mapped_column(String(200))  # in the folder, once kept
    size: Mapped[int | None] = mapped_column(BigInt)
    why: Mapped[str | None] = mapped_column(String(200))  # it was lost, or must be tried again


@dataclass(frozen=True, slots=True)
class Stored:
    """A ticket's file as the services see it; name: "" until it is kept."""

    person_id: int
    kind: str
    state: str
    name: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """A leased row; attempts: those before this one."""

    id: int
    kind: str
    ref: str
    at: datetime
    attempts: int


# Written out, not bound: only so does a planner see that the partial index holds these rows.
_wanted: ColumnElement[bool] = TicketFile.state == literal_column(f"'{WANTED}'")
_add = (
    upsert(TicketFile)
    .values(
        ticket_id=bindparam("ticket_id"),
        person_id=bindparam("person_id"),
        bot_id=bindparam("bot_id"),
        kind=bindparam("kind"),
        ref=bindparam("ref"),
        at=bindparam("at"),
        state=WANTED,
        due_at=bindparam("at"),
        attempts=0,
    )
    .on_conflict_do_nothing(index_elements=[TicketFile.ticket_id, TicketFile.ref])
)
_refs = select(TicketFile.ref).where(
    TicketFile.ticket_id == bindparam("ticket"), TicketFile.person_id == bindparam("person")
)
_known = select(TicketFile.ref).where(
    TicketFile.person_id == bindparam("person"), TicketFile.ref.in_(bindparam("refs", expanding=True))
)
_stays = or_(Report.outcome.is_(None), Report.outcome != "withdrawn")
_of_ticket = (
    select(TicketFile.person_id, TicketFile.kind, TicketFile.state, func.coalesce(TicketFile.name, ""))
    .outerjoin(Report, and_(Report.ticket_id == TicketFile.ticket_id, Report.person_id == TicketFile.person_id))
    .where(TicketFile.ticket_id == bindparam("ticket"), _stays)  # no report: of a handler
    .order_by(TicketFile.id)
)
_sent_since = (
    select(TicketFile.id)
    .where(
        TicketFile.ticket_id == bindparam("ticket"),
        TicketFile.person_id == bindparam("person"),
        TicketFile.at >= bindparam("since"),
        TicketFile.state != LOST,
    )
    .limit(1)
)
_own = (
    select(TicketRow.id)
    .join(Report, Report.ticket_id == TicketRow.id)
    .join(TicketText, and_(TicketText.ticket_id == Report.ticket_id, TicketText.person_id == Report.person_id))
    .where(
        Report.person_id == bindparam("person"),
        or_(bindparam("chat", type_=String()) == "", Report.chat_id == bindparam("chat", type_=String())),
        _stays,
        TicketText.at >= bindparam("since"),
        TicketRow.status.in_(("open", "accepted", "done")),
    )
    .order_by(TicketText.id.desc())
    .limit(1)
)
_next_due = select(func.min(TicketFile.due_at)).where(TicketFile.bot_id == bindparam("bot_id"), _wanted)
_claim = (
    select(TicketFile.id, TicketFile.kind, TicketFile.ref, TicketFile.at, TicketFile.attempts)
    .where(TicketFile.bot_id == bindparam("bot_id"), _wanted, TicketFile.due_at <= bindparam("now"))
    .order_by(TicketFile.due_at, TicketFile.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_lease = (
    update(TicketFile)
    .where(TicketFile.id == bindparam("row"))
    .values(due_at=bindparam("until"), attempts=TicketFile.attempts + 1)
)
_mine = and_(TicketFile.id == bindparam("row"), TicketFile.state == WANTED)  # not settled by who took over the lease
_keep = (
    update(TicketFile).where(_mine).values(state=KEPT, name=bindparam("new_name"), size=bindparam("bytes"), why=None)
)
_lose = update(TicketFile).where(_mine).values(state=LOST, why=bindparam("reason"))
_retry = update(TicketFile).where(_mine).values(due_at=bindparam("again_at"), why=bindparam("reason"))
_names = select(TicketFile.name).where(TicketFile.name.is_not(None))
_forget = delete(TicketFile).where(
    TicketFile.ticket_id.in_(select(TicketRow.id).where(TicketRow.closed_at < bindparam("before")))
)


def add(tx: Tx, ticket_id: int, files: Sequence[File], *, person_id: int, bot_id: str, at: datetime) -> None:
    """Wanted from now on; a file that the ticket has already is left as it is."""
    shared = {"ticket_id": ticket_id, "person_id": person_id, "bot_id": bot_id, "at": at}
    execute_each(tx, _add, [{**shared, "kind": file.kind, "ref": file.ref} for file in files])


def refs(tx: Tx, ticket_id: int, person_id: int) -> set[str]:
    """What this person has sent about the ticket."""
    return {row[0] for row in tx.execute(_refs, {"ticket": ticket_id, "person": person_id})}


def known(tx: Tx, person_id: int, sent: Sequence[str]) -> set[str]:
    """Those of the person's files that are with a ticket."""
    return {row[0] for row in tx.execute(_known, {"person": person_id, "refs": list(sent)})}


def of_ticket(tx: Tx, ticket_id: int) -> list[Stored]:
    """The files of handlers and of everybody whose report stands, the oldest first."""
    return [Stored(*row) for row in tx.execute(_of_ticket, {"ticket": ticket_id})]


def sent_since(tx: Tx, ticket_id: int, person_id: int, *, since: datetime) -> bool:
    """This person has sent a file about the ticket since then."""
    values = {"ticket": ticket_id, "person": person_id, "since": since}
    return tx.execute(_sent_since, values).first() is not None


def own_ticket(tx: Tx, person_id: int, *, since: datetime, chat_id: str = "") -> int | None:
    """The live ticket that this person reported (in that chat) and last wrote about, not before `since`."""
    found: int | None = tx.execute(_own, {"person": person_id, "since": since, "chat": chat_id}).scalar()
    return found


def next_due(tx: Tx, *, bot_id: str) -> datetime | None:
    due: datetime | None = tx.execute(_next_due, {"bot_id": bot_id}).scalar_one()
    return due


def claim(tx: Tx, *, bot_id: str, now: datetime, lease: timedelta, most: int) -> list[Wanted]:
    """Lease what is due; a row that is not settled before its lease ends is due again."""
    rows = [Wanted(*row) for row in tx.execute(_claim, {"bot_id": bot_id, "now": now, "most": most})]
    if rows:
        tx.execute(_lease, [{"row": wanted.id, "until": now + lease} for wanted in rows])
    return rows


def mark_kept(tx: Tx, row: int, *, name: str, size: int) -> bool:
    """False where somebody else has settled it, or it was erased: the bytes just written belong to nobody."""
    return tx.execute(_keep, {"row": row, "new_name": name, "bytes": size}).rowcount == 1


def mark_lost(tx: Tx, row: int, *, why: str) -> None:
    tx.execute(_lose, {"row": row, "reason": why[:200]})


def retry(tx: Tx, row: int, *, at: datetime, why: str) -> None:
    tx.execute(_retry, {"row": row, "again_at": at, "reason": why[:200]})


def names(tx: Tx) -> set[str]:
    """Every file that must stay in the folder."""
    return {row[0] for row in tx.execute(_names) if row[0]}


def forget(tx: Tx, *, before: datetime) -> int:
    """Rows of tickets that were closed before; their files go with the next sweep."""
    return tx.execute(_forget, {"before": before}).rowcount
