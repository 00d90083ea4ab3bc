"""Who has what part in a ticket beside its own body: helpers, bodies that were called, parties it concerns."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import CompoundSelect, Index, bindparam, insert, literal, null, select, union_all, update
from sqlalchemy.orm import Mapped, mapped_column

from domain.tickets import Act
from storage.audit import Audit
from storage.base import Base, BigInt, Code, Id, Moment, Ref, upsert
from storage.database import Tx

ASSIST, WHISTLE = "assist", "whistle"
_BARRED = "barred"


class TicketBody(Base):
    """A body that helps (协办) or was called (吹哨)."""

    __tablename__ = "ticket_body"
    __table_args__ = (Index("ix_ticket_body_body_id", "body_id"),)
    ticket_id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    body_id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    part: Mapped[Code] = mapped_column(primary_key=True)
    asked_by: Mapped[int | None] = mapped_column(BigInt)
    asked_at: Mapped[datetime]
    answer_by: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    answered_by: Mapped[int | None] = mapped_column(BigInt)


class TicketParty(Base):
    """Who is named in a ticket or has an interest in it: they neither handle nor see it."""

    __tablename__ = "ticket_party"
    __table_args__ = (Index("ix_ticket_party_ticket_id", "ticket_id"), Index("ix_ticket_party_person_id", "person_id"))
    id: Mapped[Id]
    ticket_id: Mapped[Ref]
    person_id: Mapped[int | None] = mapped_column(BigInt)
    body_id: Mapped[int | None] = mapped_column(BigInt)
    household_id: Mapped[int | None] = mapped_column(BigInt)


@dataclass(frozen=True, slots=True)
class Barred:
    """Ids of those who neither handle nor see a ticket."""

    people: frozenset[int]
    bodies: frozenset[int]


NOBODY = Barred(frozenset(), frozenset())
_add_party = insert(TicketParty)
_parties = select(TicketParty.person_id, TicketParty.body_id).where(TicketParty.ticket_id == bindparam("ticket"))


def bar(tx: Tx, ticket_id: int, *, person_id: int | None = None, body_id: int | None = None) -> None:
    """Somebody it concerns: they neither handle nor see it."""
    row = {"ticket_id": ticket_id, "person_id": person_id, "body_id": body_id, "household_id": None}
    tx.execute(_add_party, row)


def barred(tx: Tx, ticket_id: int) -> Barred:
    rows = tx.execute(_parties, {"ticket": ticket_id}).all()
    people = frozenset(row.person_id for row in rows if row.person_id)
    return Barred(people, frozenset(row.body_id for row in rows if row.body_id))


@dataclass(frozen=True, slots=True)
class Part:
    """A body's part in a ticket; asked_by: a person's id."""

    body_id: int
    part: str
    asked_by: int | None
    answer_by: datetime | None
    answered_at: datetime | None


_ticket_id = bindparam("ticket", type_=BigInt)
# Who has a part and who is barred, in one statement: every look at a ticket asks both.
_concerned: CompoundSelect[Any] = union_all(
    select(TicketBody.part, TicketBody.body_id, null().cast(BigInt).label("person_id")).where(
        TicketBody.ticket_id == _ticket_id
    ),
    select(literal(_BARRED), TicketParty.body_id, TicketParty.person_id).where(TicketParty.ticket_id == _ticket_id),
)
_of_ticket = select(
    TicketBody.body_id, TicketBody.part, TicketBody.asked_by, TicketBody.answer_by, TicketBody.answered_at
).where(TicketBody.ticket_id == _ticket_id)
_give_new = upsert(TicketBody)
_give = _give_new.on_conflict_do_update(
    index_elements=[TicketBody.ticket_id, TicketBody.body_id, TicketBody.part],
    set_={name: _give_new.excluded[name] for name in ("asked_by", "asked_at", "answer_by", "answered_at")},
)
_answered = (
    update(TicketBody)
    .where(
        TicketBody.ticket_id == _ticket_id,
        TicketBody.body_id == bindparam("body", type_=BigInt),
        TicketBody.part == WHISTLE,
        TicketBody.answered_at.is_(None),
    )
    .values(answered_at=bindparam("at", type_=Moment()), answered_by=bindparam("by", type_=BigInt))
)
_decided = (
    select(Audit.actor_id)
    .where(
        Audit.subject == bindparam("subject"),
        Audit.subject_id == _ticket_id,
        Audit.action.in_([Act.UPHELD.value, Act.MOVED.value]),
    )
    .order_by(Audit.id.desc())
    .limit(1)
)


def concerned(tx: Tx, ticket_id: int) -> tuple[frozenset[int], Barred]:
    """Ids of the bodies with a part in the ticket, and who is barred from it."""
    rows = tx.execute(_concerned, {"ticket": ticket_id}).all()
    barred = [row for row in rows if row[0] == _BARRED]
    return frozenset(row[1] for row in rows if row[0] != _BARRED), Barred(
        frozenset(row[2] for row in barred if row[2]), frozenset(row[1] for row in barred if row[1])
    )


def parts(tx: Tx, ticket_id: int) -> list[Part]:
    return [Part(*row) for row in tx.execute(_of_ticket, {"ticket": ticket_id})]


def give_part(
    tx: Tx, ticket_id: int, body_id: int, part: str, *, by: int, at: datetime, answer_by: datetime | None = None
) -> None:
    """A body helps or is called; called once more, its answer is awaited anew."""
    row = {"ticket_id": ticket_id, "body_id": body_id, "part": part, "asked_by": by, "asked_at": at}
    tx.execute(_give, {**row, "answer_by": answer_by, "answered_at": None})


def answer_whistle(tx: Tx, ticket_id: int, body_id: int, *, by: int, at: datetime) -> bool:
    """False where that body was not called, or has answered."""
    return tx.execute(_answered, {"ticket": ticket_id, "body": body_id, "by": by, "at": at}).rowcount == 1


def designated_by(tx: Tx, ticket_id: int) -> int | None:
    """Who decided last, from above, whose the ticket is."""
    found: int | None = tx.execute(_decided, {"subject": "ticket", "ticket": ticket_id}).scalar()
    return found
