"""Every table of the house, so that Alembic and the tests see all of them."""

from storage import (
    audit,
    codes,
    conversations,
    lanes,
    lessons,
    members,
    outbox,
    pace,
    people,
    places,
    receivers,
    rosters,
    ticket_files,
    ticket_reports,
    tickets,
    timers,
)
from storage.base import Base

__all__ = [
    "Base",
    "audit",
    "codes",
    "conversations",
    "lanes",
    "lessons",
    "members",
    "outbox",
    "pace",
    "people",
    "places",
    "receivers",
    "rosters",
    "ticket_files",
    "ticket_reports",
    "tickets",
    "timers",
]
