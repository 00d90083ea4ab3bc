"""Statements around a report: stairways of a building, what a night brought, whether a handler was nudged today."""

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, bindparam, delete, literal_column, select

from domain.tickets import LIVE, Act, Status
from storage.audit import Audit
from storage.base import Moment
from storage.database import Tx
from storage.places import Unit
from storage.ticket_reports import TicketText
from storage.tickets import TicketRow

_units = select(Unit.id, Unit.number).where(Unit.building_id == bindparam("building")).order_by(Unit.id)
_since: Any = bindparam("since", type_=Moment())
# Written out: the index is partial.
_live: Any = literal_column(f"({', '.join(repr(status.value) for status in LIVE)})")
_new_of_body = (
    select(TicketRow.id, TicketRow.opened_at)
    .where(
        TicketRow.body_id == bindparam("body"),
        TicketRow.status.op("IN", return_type=Boolean())(_live),
        TicketRow.status == Status.OPEN.value,
        TicketRow.urgent.is_(False),
        TicketRow.opened_at > _since,
    )
    .order_by(TicketRow.id)
)
_nudged = (
    select(Audit.id)
    .where(
        Audit.subject == "ticket",
        Audit.subject_id == bindparam("ticket"),
        Audit.action == Act.REMINDED.value,
        Audit.actor_id.is_not(None),
        Audit.at > _since,
    )
    .limit(1)
)
_forget_words = delete(TicketText).where(
    TicketText.ticket_id == bindparam("ticket"),
    TicketText.person_id == bindparam("person"),
    TicketText.kind == "report",
    TicketText.at > _since,
)


def units(tx: Tx, building_id: int) -> list[tuple[int, str]]:
    """The stairways of a building: (id, shown number)."""
    return [(row[0], row[1]) for row in tx.execute(_units, {"building": building_id})]


def new_of_body(tx: Tx, body_id: int, *, since: datetime) -> list[tuple[int, datetime]]:
    """What nobody has taken yet and is not urgent: (ticket, when it was opened)."""
    return [(row[0], row[1]) for row in tx.execute(_new_of_body, {"body": body_id, "since": since})]


def nudged(tx: Tx, ticket_id: int, *, since: datetime) -> bool:
    """A reporter has urged the handler since then."""
    return tx.execute(_nudged, {"ticket": ticket_id, "since": since}).first() is not None


def forget_words(tx: Tx, ticket_id: int, person_id: int, *, since: datetime) -> None:
    """The words a person has taken back on the platform itself."""
    tx.execute(_forget_words, {"ticket": ticket_id, "person": person_id, "since": since})
