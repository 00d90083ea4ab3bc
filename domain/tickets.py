"""A ticket's states and the small rules around them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.people import Level


class Status(StrEnum):
    OPEN = "open"  # passed on, nobody has taken it
    ACCEPTED = "accepted"  # somebody works on it
    DONE = "done"  # the handler says it is fixed; the reporters are asked
    CLOSED = "closed"  # a reporter said so too
    WITHDRAWN = "withdrawn"


class Outcome(StrEnum):
    """The four answers to the closing question; each gives solved and satisfied at once (12345 call-back practice)."""

    SATISFIED = "satisfied"
    FAIR = "fair"
    UNSATISFIED = "unsatisfied"
    UNSOLVED = "unsolved"


LIVE = (Status.OPEN, Status.ACCEPTED)
OUTCOMES = {1: Outcome.SATISFIED, 2: Outcome.FAIR, 3: Outcome.UNSATISFIED, 4: Outcome.UNSOLVED}
# How many households said it when the group is told so (group-life: pile-on).
MILESTONES = frozenset({3, 10, 30})

# Who gets a matter first. Everything else goes to the building group, the nearest to the door that has a work chat.
# Source: the usual chains of 12345 practice; property matters pass by the property company.
_FIRST_LEVEL = {
    "property": Level.COMMUNITY,
    "other": Level.COMMUNITY,
    "renovation": Level.BRANCH,
}

# What breaks.
THINGS = frozenset({"house", "lift", "water", "power", "gas"})
# What neighbours do, not what breaks: if a household is named, it is spoken of in private only.
CONDUCT = frozenset({"noise", "security", "illegal", "fire", "sanitation", "parking", "greenery"})
# Safety matters that are never a public word and go to the community office alone.
PRIVATE_DANGERS = frozenset({"violence", "suicide"})
# Safety matters whose card quotes no ticket number.
UNNUMBERED_DANGERS = frozenset({"ill", "missing", "fight"})


def first_level(category: str) -> Level:
    return _FIRST_LEVEL.get(category, Level.BUILDING_GROUP)


@dataclass(frozen=True, slots=True)
class Ticket:
    """One matter and its state. `series`/`number` is what people quote; `report_at` when the bot will report back."""

    id: int
    series: int
    number: int
    compound_id: int
    building_id: int | None
    unit_id: int | None
    building: str
    unit: str
    category: str
    matter: str
    summary: str
    urgent: bool
    danger: str
    alarm_at: datetime | None
    household_id: int | None
    discreet: bool
    status: Status
    body_id: int
    bot_id: str
    chat_id: str
    opened_at: datetime
    report_at: datetime
    accepted_by: int | None
    closed_at: datetime | None
