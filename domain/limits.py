"""How long a ticket may take: limits of response and resolution by kind and urgency, working days, and when it goes up.

Limits differ from city to city, so all are settings (domain/rules.py names where each default comes from).
"""

from datetime import date, datetime, time, timedelta

import chinese_calendar

from domain.promises import quiet_end
from domain.rules import Limits, Rules
from domain.tickets import Status, Ticket

# 水电气热: what stops when it fails is answered within a day, whatever was asked.
UTILITIES = frozenset({"water", "power", "gas", "lift"})
KINDS = ("urgent", "utility", "question", "report", "complaint", "suggestion", "complex")
_SATURDAY = 5


def kind_of(category: str, said: str) -> str:
    """The kind that sets the limits; said: what the classifier or the command called it."""
    if said in ("question", "suggestion"):
        return said
    return "utility" if category in UTILITIES else "complaint"


def is_workday(day: date) -> bool:
    """By the State Council's calendar with its moved days (调休); in years it does not know yet: Monday to Friday."""
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        return day.weekday() < _SATURDAY


def add_workdays(now: datetime, days: int, rules: Rules) -> datetime:
    """The same hour so many working days later; from a day off it counts from the next morning's start of work."""
    local = now.astimezone(rules.zone)
    day, hour = local.date(), local.time()
    while not is_workday(day):
        day, hour = day + timedelta(days=1), time.fromisoformat(rules.report_morning)
    for _ in range(days):
        day += timedelta(days=1)
        while not is_workday(day):
            day += timedelta(days=1)
    return datetime.combine(day, hour, tzinfo=rules.zone)


def respond_by(now: datetime, *, urgent: bool, rules: Rules) -> datetime:
    """When somebody must have taken it or spoken with the reporter; hours that end at night end in the morning."""
    limits = rules.limits
    if urgent:
        return now + timedelta(minutes=limits.urgent_respond_minutes)
    return quiet_end(now + timedelta(hours=limits.respond_hours), rules)


def resolve_by(now: datetime, kind: str, *, urgent: bool, rules: Rules) -> datetime:
    """When it must be done; by day unless it is urgent."""
    limits = rules.limits
    if urgent:
        return now + timedelta(minutes=limits.urgent_resolve_minutes)
    if kind == "utility":
        return quiet_end(now + timedelta(hours=limits.utility_hours), rules)
    return quiet_end(add_workdays(now, workdays(kind, limits), rules), rules)


def workdays(kind: str, limits: Limits) -> int:
    """Working days to resolve a matter of this kind."""
    days: int = getattr(limits, f"{kind}_days")
    return days


def hop_after(now: datetime, *, urgent: bool, rules: Rules) -> datetime:
    """How long each level has before the next one is called."""
    if urgent:
        return now + timedelta(minutes=rules.limits.urgent_hop_minutes)
    return quiet_end(add_workdays(now, rules.limits.hop_days, rules), rules)


def overdue_at(ticket: Ticket) -> datetime | None:
    """When the ticket is late: nobody took it and nobody spoke with the reporter, nobody decided on what was given
    back, or it is not done. None: the clock stands still."""
    if ticket.paused_at or ticket.resolve_by is None or ticket.respond_by is None:
        return None
    untouched = ticket.accepted_by is None and (ticket.contacted_at is None or ticket.status is Status.RETURNED)
    return min(ticket.respond_by, ticket.resolve_by) if untouched else ticket.resolve_by


def resumed(ticket: Ticket, now: datetime) -> tuple[datetime | None, datetime | None]:
    """(respond_by, resolve_by) after the clock stood still: both later by as long as it did."""
    if ticket.paused_at is None:
        return ticket.respond_by, ticket.resolve_by
    stood = max(now - ticket.paused_at, timedelta(0))
    return (
        ticket.respond_by + stood if ticket.respond_by else None,
        ticket.resolve_by + stood if ticket.resolve_by else None,
    )
