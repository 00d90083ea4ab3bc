"""Tickets, who reported them, and in what words."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Index, Row, Select, String, bindparam, func, insert, or_, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from domain.tickets import LIVE, Status, Ticket
from storage.base import Base, BigInt, Code, Id, Key, Ref, upsert
from storage.database import Tx
from storage.people import Identity, PersonRow
from storage.places import Building, Unit

_live = text("status IN ('open', 'accepted')")


class TicketRow(Base):
    __tablename__ = "ticket"
    __table_args__ = (
        # A ticket keeps the series it was numbered in; compounds may merge, numbers stay.
        Index("uq_ticket_series_number", "series", "number", unique=True),
        Index("ix_ticket_compound_id", "compound_id"),
        Index("ix_ticket_live", "compound_id", "building_id", "category", sqlite_where=_live, postgresql_where=_live),
        Index("ix_ticket_chat", "bot_id", "chat_id", "opened_at"),
    )
    id: Mapped[Id]
    series: Mapped[Ref]
    number: Mapped[int]
    compound_id: Mapped[Ref]
    building_id: Mapped[int | None] = mapped_column(BigInt)
    unit_id: Mapped[int | None] = mapped_column(BigInt)
    category: Mapped[Code]
    matter: Mapped[Code]
    summary: Mapped[Code]
    urgent: Mapped[bool] = mapped_column(Boolean)
    danger: Mapped[Code]
    discreet: Mapped[bool] = mapped_column(Boolean)  # spoken of in private only
    status: Mapped[Code]
    body_id: Mapped[Ref]
    bot_id: Mapped[Code]
    chat_id: Mapped[Key]  # where it was opened
    opened_at: Mapped[datetime]
    report_at: Mapped[datetime]
    accepted_by: Mapped[int | None] = mapped_column(BigInt)
    closed_at: Mapped[datetime | None]


class Report(Base):
    """One person's part in a ticket; a person joins a ticket once."""

    __tablename__ = "ticket_report"
    __table_args__ = (
        Index("uq_ticket_report_ticket_id_person_id", "ticket_id", "person_id", unique=True),
        Index("ix_ticket_report_person_id", "person_id"),
    )
    id: Mapped[Id]
    ticket_id: Mapped[Ref]
    person_id: Mapped[Ref]
    household_id: Mapped[int | None] = mapped_column(BigInt)
    at: Mapped[datetime]
    outcome: Mapped[str | None] = mapped_column(String(32))


class TicketText(Base):
    """People's own words about a ticket: reports and closing notes. Erasable, so apart from everything else."""

    __tablename__ = "ticket_text"
    __table_args__ = (Index("ix_ticket_text_ticket_id", "ticket_id"),)
    id: Mapped[Id]
    ticket_id: Mapped[Ref]
    person_id: Mapped[Ref]
    kind: Mapped[Code]  # report, note
    at: Mapped[datetime]
    text: Mapped[str] = mapped_column(String)


_columns: list[Any] = [
    TicketRow.id,
    TicketRow.series,
    TicketRow.number,
    TicketRow.compound_id,
    TicketRow.building_id,
    TicketRow.unit_id,
    func.coalesce(Building.number, "").label("building"),
    func.coalesce(Unit.number, "").label("unit"),
    TicketRow.category,
    TicketRow.matter,
    TicketRow.summary,
    TicketRow.urgent,
    TicketRow.danger,
    TicketRow.discreet,
    TicketRow.status,
    TicketRow.body_id,
    TicketRow.bot_id,
    TicketRow.chat_id,
    TicketRow.opened_at,
    TicketRow.report_at,
    TicketRow.accepted_by,
    TicketRow.closed_at,
]
_tickets: Select[Any] = (
    select(*_columns)
    .outerjoin(Building, Building.id == TicketRow.building_id)
    .outerjoin(Unit, Unit.id == TicketRow.unit_id)
)
_is_live = TicketRow.status.in_(tuple(status.value for status in LIVE))
_find_same = (
    _tickets.where(
        TicketRow.compound_id == bindparam("compound"),
        TicketRow.building_id.is_not_distinct_from(bindparam("building")),
        TicketRow.category == bindparam("category"),
        TicketRow.opened_at > bindparam("since"),
        _is_live,
    )
    .order_by(TicketRow.id.desc())
    .limit(20)
)
_find_number = _tickets.where(TicketRow.series == bindparam("series"), TicketRow.number == bindparam("number"))
_get = _tickets.where(TicketRow.id == bindparam("id"))
_lock = select(TicketRow.status).where(TicketRow.id == bindparam("id")).with_for_update()
_of_person = (
    _tickets.join(Report, Report.ticket_id == TicketRow.id)
    .where(Report.person_id == bindparam("person"), TicketRow.status.in_(bindparam("statuses", expanding=True)))
    .order_by(TicketRow.id.desc())
    .limit(9)
)
_live_of_compound = (
    _tickets.where(TicketRow.compound_id == bindparam("compound"), _is_live).order_by(TicketRow.id.desc()).limit(100)
)
_recent_in_chat = (
    _tickets.where(
        TicketRow.bot_id == bindparam("bot"),
        TicketRow.chat_id == bindparam("chat"),
        TicketRow.opened_at > bindparam("since"),
        _is_live,
    )
    .order_by(TicketRow.id.desc())
    .limit(9)
)
_stays = or_(Report.outcome.is_(None), Report.outcome != Status.WITHDRAWN.value)
_open = insert(TicketRow).returning(TicketRow.id)
_join = upsert(Report).on_conflict_do_nothing(index_elements=[Report.ticket_id, Report.person_id])
_add_text = insert(TicketText)
_households = select(func.count(func.distinct(func.coalesce(Report.household_id, -Report.person_id)))).where(
    Report.ticket_id == bindparam("ticket"), _stays
)
_reporters = (
    select(Report.person_id, Identity.user_id, PersonRow.name)
    .join_from(Report, Identity, Identity.person_id == Report.person_id)
    .join(PersonRow, PersonRow.id == Report.person_id)
    .where(Report.ticket_id == bindparam("ticket"), Identity.bot_id == bindparam("bot"), _stays)
    .order_by(Report.id)
)
_texts = (
    select(TicketText.text)
    .where(TicketText.ticket_id == bindparam("ticket"), TicketText.kind == bindparam("kind"))
    .order_by(TicketText.id)
)
_answer = (
    update(Report)
    .where(Report.ticket_id == bindparam("ticket"), Report.person_id == bindparam("person"))
    .values(outcome=bindparam("answer"))
)
_all = _tickets.order_by(TicketRow.id)


@dataclass(frozen=True, slots=True)
class Reporter:
    person_id: int
    user: str
    name: str


def _ticket(row: Row[Any]) -> Ticket:
    values = row._asdict()
    values["status"] = Status(values["status"])
    return Ticket(**values)


def find_same(tx: Tx, *, compound_id: int, building_id: int | None, category: str, since: datetime) -> list[Ticket]:
    """Live tickets of that category in that building, the newest first."""
    values = {"compound": compound_id, "building": building_id, "category": category, "since": since}
    return [_ticket(row) for row in tx.execute(_find_same, values)]


def find_number(tx: Tx, series: int, number: int) -> Ticket | None:
    row = tx.execute(_find_number, {"series": series, "number": number}).first()
    return _ticket(row) if row else None


def get(tx: Tx, ticket_id: int) -> Ticket:
    return _ticket(tx.execute(_get, {"id": ticket_id}).one())


def lock(tx: Tx, ticket_id: int) -> None:
    """Hold the ticket until the transaction ends, before a decision that depends on its state."""
    tx.execute(_lock, {"id": ticket_id})


def of_person(tx: Tx, person_id: int, *statuses: Status) -> list[Ticket]:
    """What this person reported, the newest first; live ones unless told otherwise."""
    values = {"person": person_id, "statuses": [status.value for status in statuses or LIVE]}
    return [_ticket(row) for row in tx.execute(_of_person, values)]


def live_of_compound(tx: Tx, compound_id: int) -> list[Ticket]:
    """The newest hundred: what a bare word of a handler can mean."""
    return [_ticket(row) for row in tx.execute(_live_of_compound, {"compound": compound_id})]


def recent_in_chat(tx: Tx, bot_id: str, chat_id: str, *, since: datetime) -> list[Ticket]:
    values = {"bot": bot_id, "chat": chat_id, "since": since}
    return [_ticket(row) for row in tx.execute(_recent_in_chat, values)]


def open_ticket(tx: Tx, **values: Any) -> int:
    return int(tx.execute(_open, values).scalar_one())


def join(tx: Tx, ticket_id: int, *, person_id: int, household_id: int | None, at: datetime) -> bool:
    """False where this person had joined already."""
    row = {"ticket_id": ticket_id, "person_id": person_id, "household_id": household_id, "at": at}
    return tx.execute(_join, row).rowcount == 1


def add_texts(tx: Tx, ticket_id: int, *, person_id: int, kind: str, at: datetime, texts: tuple[str, ...]) -> None:
    rows = [{"ticket_id": ticket_id, "person_id": person_id, "kind": kind, "at": at, "text": each} for each in texts]
    if rows:
        tx.execute(_add_text, rows)


def change(tx: Tx, ticket_id: int, **values: Any) -> None:
    tx.execute(update(TicketRow).where(TicketRow.id == ticket_id).values(**values))


def households(tx: Tx, ticket_id: int) -> int:
    """How many households reported it; a person of no known household counts as one."""
    return int(tx.execute(_households, {"ticket": ticket_id}).scalar_one())


def reporters(tx: Tx, ticket_id: int, bot_id: str) -> list[Reporter]:
    return [
        Reporter(row[0], row[1], row[2] or "") for row in tx.execute(_reporters, {"ticket": ticket_id, "bot": bot_id})
    ]


def texts(tx: Tx, ticket_id: int, kind: str = "report") -> list[str]:
    return [row[0] for row in tx.execute(_texts, {"ticket": ticket_id, "kind": kind})]


def answer(tx: Tx, ticket_id: int, person_id: int, outcome: str) -> bool:
    """Keep a reporter's word on the ticket; False for who never reported it."""
    return tx.execute(_answer, {"ticket": ticket_id, "person": person_id, "answer": outcome}).rowcount == 1


def all_tickets(tx: Tx) -> list[Ticket]:
    return [_ticket(row) for row in tx.execute(_all)]
