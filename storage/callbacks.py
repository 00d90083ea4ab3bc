"""Whom nobody has asked yet whether it is done; what is to be left out of the figures, and who said so."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, bindparam, or_, select

from domain.tickets import Outcome, Status
from storage.audit import Audit
from storage.base import BigInt, Moment
from storage.database import Tx
from storage.people import BodyRow, PersonRow
from storage.places import Building, Household, Unit
from storage.ticket_reports import EXCLUDED, Report, TicketText
from storage.tickets import TicketRow

PROPOSED = "exclude_proposed"  # acts of the audit log, of the ticket
AGREED = "excluded"
_MOST = 200

# An index of its own holds what was done, by compound and day: the oldest that counts are looked at first.
_done = and_(
    TicketRow.compound_id.in_(bindparam("compounds", expanding=True)),
    TicketRow.closed_at > bindparam("since", type_=Moment()),
    TicketRow.status.in_((Status.DONE.value, Status.CLOSED.value)),
)
_silent = or_(
    Report.outcome.is_(None),
    and_(Report.outcome == Outcome.UNSOLVED.value, Report.answered_at < TicketRow.closed_at),  # done again since
)
_columns: list[Any] = [
    TicketRow.id,
    Report.person_id,
    PersonRow.name,
    PersonRow.phone,
    Building.number,
    Unit.number,
    Household.room,
]
_waiting: Select[Any] = (
    select(*_columns)
    .join_from(TicketRow, Report, Report.ticket_id == TicketRow.id)
    .join(BodyRow, BodyRow.id == TicketRow.body_id)
    .join(PersonRow, PersonRow.id == Report.person_id)
    .outerjoin(Household, Household.id == Report.household_id)
    .outerjoin(Building, Building.id == Household.building_id)
    .outerjoin(Unit, Unit.id == Household.unit_id)
)
_list = (
    _waiting.where(_done, _silent, Report.excluded == "", BodyRow.path.like(bindparam("path")))
    .order_by(TicketRow.closed_at, Report.id)
    .limit(_MOST)
)
_of_ticket = _waiting.where(TicketRow.id == bindparam("ticket")).order_by(Report.id)
_proposal = (
    select(Audit.actor_id)
    .where(
        Audit.subject == "ticket",
        Audit.subject_id == bindparam("ticket", type_=BigInt),
        Audit.action == PROPOSED,
    )
    .order_by(Audit.id.desc())
    .limit(1)
)
_proposer = (
    select(Audit.actor_id)
    .where(Audit.subject == "ticket", Audit.subject_id == TicketRow.id, Audit.action == PROPOSED)
    .order_by(Audit.id.desc())
    .limit(1)
    .scalar_subquery()
)
_excluded_report = select(Report.id).where(Report.ticket_id == TicketRow.id, Report.excluded == EXCLUDED).exists()
_reason = (
    select(TicketText.text)
    .where(TicketText.ticket_id == TicketRow.id, TicketText.kind == "exclusion")
    .order_by(TicketText.id.desc())
    .limit(1)
    .scalar_subquery()
)
_exclusions = (
    select(TicketRow.id, _proposer, _excluded_report, _reason)
    .join(BodyRow, BodyRow.id == TicketRow.body_id)
    .where(_done, BodyRow.path.like(bindparam("path")), _proposer.is_not(None))
    .order_by(TicketRow.closed_at)
    .limit(_MOST)
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A reporter of a ticket that is done. phone: sealed, None where none is kept."""

    ticket_id: int
    person_id: int
    name: str
    phone: str | None
    building: str
    unit: str
    room: str


@dataclass(frozen=True, slots=True)
class Exclusion:
    """What somebody wants to leave out of the figures. agreed: a second person has said so too."""

    ticket_id: int
    proposed_by: int
    agreed: bool
    reason: str


def _waiting_of(rows: Any) -> list[Waiting]:
    return [Waiting(row[0], row[1], row[2] or "", row[3], *(value or "" for value in row[4:])) for row in rows]


def waiting(tx: Tx, path: str, compounds: Sequence[int], *, since: datetime) -> list[Waiting]:
    """The reporters under a body who have not said yet whether it is done, the oldest first."""
    return _waiting_of(tx.execute(_list, {"path": f"{path}%", "compounds": list(compounds), "since": since}))


def reporters(tx: Tx, ticket_id: int) -> list[Waiting]:
    return _waiting_of(tx.execute(_of_ticket, {"ticket": ticket_id}))


def proposed_by(tx: Tx, ticket_id: int) -> int | None:
    """Who wants to leave the ticket out of the figures."""
    found: int | None = tx.execute(_proposal, {"ticket": ticket_id}).scalar()
    return found


def exclusions(tx: Tx, path: str, compounds: Sequence[int], *, since: datetime) -> list[Exclusion]:
    values = {"path": f"{path}%", "compounds": list(compounds), "since": since}
    return [Exclusion(row[0], row[1], bool(row[2]), row[3] or "") for row in tx.execute(_exclusions, values)]
