"""Who has what part in a ticket beside its own body: helpers, bodies that were called, parties it concerns."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Index, bindparam, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from storage.base import Base, BigInt, Code, Id, Ref
from storage.database import Tx

ASSIST, WHISTLE = "assist", "whistle"


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
