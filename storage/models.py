"""Every table of the house, so that Alembic and the tests see all of them."""

from storage import audit, conversations, lanes, outbox, pace, people, places, receivers, ticket_files, tickets, timers
from storage.base import Base

__all__ = [
    "Base",
    "audit",
    "conversations",
    "lanes",
    "outbox",
    "pace",
    "people",
    "places",
    "receivers",
    "ticket_files",
    "tickets",
    "timers",
]
