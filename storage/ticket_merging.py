"""Which tickets belong together: merged into one, or parts of one."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select

from domain.tickets import Act, Status
from storage.audit import Audit
from storage.base import BigInt
from storage.database import Tx
from storage.tickets import TicketRow

_start = bindparam("ticket", type_=BigInt)
_down = select(TicketRow.id).where(TicketRow.id == _start).cte("family", recursive=True)
_family = select(_down.union(select(TicketRow.id).join(_down, TicketRow.merged_into == _down.c.id)).c.id)
_parts = (
    select(TicketRow.id, TicketRow.number, TicketRow.summary, TicketRow.status, TicketRow.finished_by)
    .where(TicketRow.parent_id == _start)
    .order_by(TicketRow.id)
)
_merger = (
    select(Audit.data)
    .where(Audit.subject == "ticket", Audit.subject_id == _start, Audit.action == Act.MERGED.value)
    .order_by(Audit.id.desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class Part:
    id: int
    number: int
    summary: str
    status: Status
    finished_by: int | None


def family(tx: Tx, ticket_id: int) -> list[int]:
    """The ticket and all that were merged into it, directly or by another one."""
    return sorted(row[0] for row in tx.execute(_family, {"ticket": ticket_id}))


def parts(tx: Tx, ticket_id: int) -> list[Part]:
    """What the ticket was split into."""
    return [Part(*row[:3], Status(row[3]), row[4]) for row in tx.execute(_parts, {"ticket": ticket_id})]


def last_merger(tx: Tx, ticket_id: int) -> dict[str, Any]:
    """What the history notes of the last time it was merged into another: "into", "people" who were added there."""
    data: dict[str, Any] = tx.execute(_merger, {"ticket": ticket_id}).scalar_one()
    return data
