"""What a night takes out of several tables, and what the last nights took."""

from datetime import datetime
from typing import Any

from sqlalchemy import Delete, bindparam, delete, select

from storage.audit import Audit
from storage.base import Moment
from storage.database import Tx
from storage.members import Consent, HomeRequest, Leaver
from storage.ticket_reports import TicketText
from storage.tickets import TicketRow

RUN = "retention"  # the subject of the audit rows
KINDS = ("words", "leaver", "request", "consent")
_before = bindparam("before", type_=Moment())
_old_tickets = select(TicketRow.id).where(TicketRow.closed_at < _before)
_forget: dict[str, Delete] = {
    "words": delete(TicketText).where(TicketText.ticket_id.in_(_old_tickets)),
    "leaver": delete(Leaver).where(Leaver.left_at < _before),
    "request": delete(HomeRequest).where(HomeRequest.decided_at < _before),
    "consent": delete(Consent).where(Consent.withdrawn_at < _before),
}
_runs = (
    select(Audit.at, Audit.data)
    .where(Audit.subject == RUN, Audit.subject_id == 0)
    .order_by(Audit.id.desc())
    .limit(bindparam("most"))
)


def forget(tx: Tx, kind: str, *, before: datetime) -> int:
    """kind: words (of tickets closed before), leaver, request (decided), consent (withdrawn). Returns rows removed."""
    return tx.execute(_forget[kind], {"before": before}).rowcount


def runs(tx: Tx, *, most: int) -> list[tuple[datetime, dict[str, Any]]]:
    """The last nights with their counts, the newest first."""
    return [(row.at, row.data) for row in tx.execute(_runs, {"most": most})]
