"""Who reported a ticket, in what words, and what they said of the result."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    Index,
    String,
    bindparam,
    column,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    table,
    union_all,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from storage.base import Base, BigInt, Code, Id, Key, Moment, Ref, upsert
from storage.database import Tx
from storage.lean import execute_each
from storage.people import Identity, PersonRow, of_bot
from storage.places import Building, Household, Unit

WITHDRAWN = "withdrawn"  # as an outcome: the report was taken back
UNREACHED = "unreached"  # as an outcome: called, but nobody answered (打不通)
EXCLUDED = "excluded"  # in `excluded`: two people agreed that it does not count (剔除)


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
# A part of a ticket that was split has the reporters of the whole beside its own.
_ticket = table("ticket", column("id", BigInt), column("parent_id", BigInt))
_asked_for = bindparam("ticket", type_=BigInt)
_with_whole = union_all(
    select(_asked_for), select(_ticket.c.parent_id).where(_ticket.c.id == _asked_for, _ticket.c.parent_id.is_not(None))
)
_reporters = (
    select(Report.person_id, Identity.user_id, PersonRow.name, Building.number, Unit.number, Household.room)
    .join_from(Report, Identity, Identity.person_id == Report.person_id)
    .join(PersonRow, PersonRow.id == Report.person_id)
    .outerjoin(Household, Household.id == Report.household_id)
    .outerjoin(Building, Building.id == Household.building_id)
    .outerjoin(Unit, Unit.id == Household.unit_id)
    .where(Report.ticket_id.in_(_with_whole), of_bot, stays)
    .order_by(Report.id)
)
_places = (
    select(Report.chat_id)
    .distinct()
    .where(Report.ticket_id == bindparam("ticket"), stays, Report.chat_id != "")  # "": of a person who was erased
    .order_by(Report.chat_id)
)
_took_part = select(Report.id).where(Report.ticket_id.in_(_with_whole), Report.person_id == bindparam("person"))
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
_voices = (
    select(
        Report.id,
        Report.person_id,
        Report.household_id,
        Report.chat_id,
        Report.outcome,
        Report.asked,
        Report.answered_at,
        Report.excluded,
    )
    .where(Report.ticket_id == bindparam("ticket"))
    .order_by(Report.id)
)
_of = (Report.ticket_id == bindparam("ticket"), Report.person_id == bindparam("person"))
_leave = delete(Report).where(*_of)
_spoke = select(TicketText.id).where(
    TicketText.ticket_id == bindparam("ticket"),
    TicketText.person_id == bindparam("person"),
    TicketText.kind == "report",
)
_ask_anew = update(Report).where(Report.ticket_id == bindparam("ticket"), stays).values(asked=0)
_count_question = update(Report).where(*_of).values(asked=Report.asked + literal_column("1"))
_book = (
    update(Report)
    .where(*_of)
    .values(
        outcome=bindparam("answer"),
        answered_at=bindparam("when", type_=Moment()),
        called_by=bindparam("by"),
        called_at=bindparam("when", type_=Moment()),
    )
)
_exclude = (
    update(Report)
    .where(Report.ticket_id == bindparam("ticket"), stays)
    .values(excluded=EXCLUDED, excluded_by=bindparam("by"))
)


@dataclass(frozen=True, slots=True)
class Voice:
    """One person's part in a ticket, as it is counted."""

    id: int
    person_id: int
    household_id: int | None
    chat_id: str
    outcome: str | None
    asked: int
    answered_at: datetime | None
    excluded: str

    @property
    def stays(self) -> bool:
        return self.outcome != WITHDRAWN

    def answered(self, closed_at: datetime | None) -> bool:
        """Said what they think of the result since the ticket was said to be done, this time."""
        said = self.outcome not in (None, UNREACHED) and self.answered_at is not None
        return said and (closed_at is None or (self.answered_at or closed_at) >= closed_at)


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
    """Who hears of it: those who reported it, and those of the ticket it is a part of."""
    rows = tx.execute(_reporters, {"ticket": ticket_id, "bot": bot_id})
    return [Reporter(row[0], row[1], *(value or "" for value in row[2:])) for row in rows]


def places_of(tx: Tx, ticket_id: int) -> list[str]:
    """The chats where it was reported, private ones among them; reports taken back do not count."""
    return [row[0] for row in tx.execute(_places, {"ticket": ticket_id})]


def took_part(tx: Tx, ticket_id: int, person_id: int) -> bool:
    """Reported it or the ticket it is a part of, even if the report was taken back."""
    return tx.execute(_took_part, {"ticket": ticket_id, "person": person_id}).first() is not None


def texts(tx: Tx, ticket_id: int, kind: str = "report") -> list[str]:
    return [row[0] for row in tx.execute(_texts, {"ticket": ticket_id, "kind": kind})]


def answer(tx: Tx, ticket_id: int, person_id: int, outcome: str, *, at: datetime) -> bool:
    """Keep a reporter's word on the ticket; False for who never reported it."""
    return tx.execute(_answer, {"ticket": ticket_id, "person": person_id, "answer": outcome, "when": at}).rowcount == 1


def voices(tx: Tx, ticket_id: int) -> list[Voice]:
    """Everybody's part in this very ticket, the first first; reports taken back among them."""
    return [Voice(*row) for row in tx.execute(_voices, {"ticket": ticket_id})]


def leave(tx: Tx, ticket_id: int, person_id: int) -> None:
    """A part that another ticket gave this one goes back with it."""
    tx.execute(_leave, {"ticket": ticket_id, "person": person_id})


def spoke(tx: Tx, ticket_id: int, person_id: int, *, since: datetime) -> bool:
    """Has said something about the ticket in their own words since then."""
    return tx.execute(_spoke, {"ticket": ticket_id, "person": person_id, "since": since}).first() is not None


def ask_anew(tx: Tx, ticket_id: int) -> None:
    """It is said to be done (again): the closing question has not been put yet. What was said before stays."""
    tx.execute(_ask_anew, {"ticket": ticket_id})


def count_question(tx: Tx, ticket_id: int, person_id: int) -> None:
    tx.execute(_count_question, {"ticket": ticket_id, "person": person_id})


def book(tx: Tx, ticket_id: int, person_id: int, outcome: str, *, by: int, at: datetime) -> None:
    """What somebody heard who asked the reporter in person (回访)."""
    tx.execute(_book, {"ticket": ticket_id, "person": person_id, "answer": outcome, "by": by, "when": at})


def exclude(tx: Tx, ticket_id: int, *, by: int) -> None:
    tx.execute(_exclude, {"ticket": ticket_id, "by": by})
