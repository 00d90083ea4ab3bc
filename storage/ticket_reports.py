"""Who reported a ticket, in what words, and what they said of the result."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Index, String, bindparam, func, insert, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column

from storage.base import Base, BigInt, Code, Id, Key, Moment, Ref, upsert
from storage.database import Tx
from storage.lean import execute_each
from storage.people import Identity, PersonRow, of_bot
from storage.places import Building, Household, Unit

WITHDRAWN = "withdrawn"  # as an outcome: the report was taken back


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
    chat_id: Mapped[Key]  # where they said it
    at: Mapped[datetime]
    outcome: Mapped[str | None] = mapped_column(String(32))
    asked: Mapped[int] = mapped_column(server_default="0")  # how often the closing question was put
    answered_at: Mapped[datetime | None]
    called_by: Mapped[int | None] = mapped_column(BigInt)  # who asked them in person (回访)
    called_at: Mapped[datetime | None]
    excluded: Mapped[Code] = mapped_column(server_default="")  # why their answer does not count (剔除), a code
    excluded_by: Mapped[int | None] = mapped_column(BigInt)


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


stays = or_(Report.outcome.is_(None), Report.outcome != WITHDRAWN)
_join_new = upsert(Report)
_join = _join_new.on_conflict_do_update(  # who had taken the report back comes in again
    index_elements=[Report.ticket_id, Report.person_id],
    set_={"outcome": None, "chat_id": _join_new.excluded.chat_id},
    where=Report.outcome == WITHDRAWN,
)
_add_text = insert(TicketText)
_households = select(func.count(func.distinct(func.coalesce(Report.household_id, -Report.person_id)))).where(
    Report.ticket_id == bindparam("ticket"), stays
)
_reporters = (
    select(Report.person_id, Identity.user_id, PersonRow.name, Building.number, Unit.number, Household.room)
    .join_from(Report, Identity, Identity.person_id == Report.person_id)
    .join(PersonRow, PersonRow.id == Report.person_id)
    .outerjoin(Household, Household.id == Report.household_id)
    .outerjoin(Building, Building.id == Household.building_id)
    .outerjoin(Unit, Unit.id == Household.unit_id)
    .where(Report.ticket_id == bindparam("ticket"), of_bot, stays)
    .order_by(Report.id)
)
_places = (
    select(Report.chat_id)
    .distinct()
    .where(Report.ticket_id == bindparam("ticket"), stays, Report.chat_id != "")  # "": of a person who was erased
    .order_by(Report.chat_id)
)
_took_part = select(Report.id).where(Report.ticket_id == bindparam("ticket"), Report.person_id == bindparam("person"))
_texts = (
    select(TicketText.text)
    .where(TicketText.ticket_id == bindparam("ticket"), TicketText.kind == bindparam("kind"))
    .order_by(TicketText.id)
)
_answer = (
    update(Report)
    .where(Report.ticket_id == bindparam("ticket"), Report.person_id == bindparam("person"))
    .values(outcome=bindparam("answer"), answered_at=bindparam("when", type_=Moment()))
)


@dataclass(frozen=True, slots=True)
class Reporter:
    person_id: int
    user: str
    name: str
    building: str
    unit: str
    room: str


def join(tx: Tx, ticket_id: int, *, person_id: int, household_id: int | None, chat_id: str, at: datetime) -> bool:
    """False where this person had joined already."""
    row = {"ticket_id": ticket_id, "person_id": person_id, "household_id": household_id, "chat_id": chat_id, "at": at}
    return tx.execute(_join, row).rowcount == 1


def add_texts(tx: Tx, ticket_id: int, *, person_id: int, kind: str, at: datetime, texts: tuple[str, ...]) -> None:
    rows = [{"ticket_id": ticket_id, "person_id": person_id, "kind": kind, "at": at, "text": each} for each in texts]
    execute_each(tx, _add_text, rows)


def households(tx: Tx, ticket_id: int) -> int:
    """How many households reported it; a person of no known household counts as one."""
    return int(tx.execute(_households, {"ticket": ticket_id}).scalar_one())


def reporters(tx: Tx, ticket_id: int, bot_id: str) -> list[Reporter]:
    rows = tx.execute(_reporters, {"ticket": ticket_id, "bot": bot_id})
    return [Reporter(row[0], row[1], *(value or "" for value in row[2:])) for row in rows]


def places_of(tx: Tx, ticket_id: int) -> list[str]:
    """The chats where it was reported, private ones among them; reports taken back do not count."""
    return [row[0] for row in tx.execute(_places, {"ticket": ticket_id})]


def took_part(tx: Tx, ticket_id: int, person_id: int) -> bool:
    """Reported it, even if the report was taken back."""
    return tx.execute(_took_part, {"ticket": ticket_id, "person": person_id}).first() is not None


def texts(tx: Tx, ticket_id: int, kind: str = "report") -> list[str]:
    return [row[0] for row in tx.execute(_texts, {"ticket": ticket_id, "kind": kind})]


def answer(tx: Tx, ticket_id: int, person_id: int, outcome: str, *, at: datetime) -> bool:
    """Keep a reporter's word on the ticket; False for who never reported it."""
    return tx.execute(_answer, {"ticket": ticket_id, "person": person_id, "answer": outcome, "when": at}).rowcount == 1
