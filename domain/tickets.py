"""A ticket's states and the small rules around them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Status(StrEnum):
    """The states of domain practice (12345): 已派单, 退单待审, 办理中, 等报的人, 挂账, 已拆分, 待回访, 办结, …"""

    OPEN = "open"  # passed on, nobody has taken it
    RETURNED = "returned"  # its body says it is not theirs; those above decide
    ACCEPTED = "accepted"  # somebody works on it
    WAITING = "waiting"  # for a word of the reporter; the clock stands still
    SHELVED = "shelved"  # cannot be done now; looked at again on a day
    SPLIT = "split"  # several matters, each a ticket of its own; ends when they have
    DONE = "done"  # the handler says it is fixed; the reporters are asked
    CLOSED = "closed"  # a reporter said so too, or nobody answered
    WITHDRAWN = "withdrawn"
    DECLINED = "declined"  # not taken up, with a reason
    MERGED = "merged"  # goes on in another ticket


class Act(StrEnum):
    """What can happen to a ticket. Each is one row of the audit log, with who, when and from which state to which."""

    OPENED = "opened"
    JOINED = "joined"
    RAISED = "raised"  # it became urgent
    ACCEPTED = "accepted"
    CONTACTED = "contacted"  # the handler spoke with the reporter
    PROGRESSED = "progressed"  # a word on how it goes
    RETURNED = "returned"
    UPHELD = "upheld"  # the return is not granted: the body is designated
    MOVED = "moved"  # to another body
    SORTED = "sorted"  # into another category
    OFFERED = "offered"  # to another body, which has not accepted yet
    ASSIGNED = "assigned"  # a second body helps
    WHISTLED = "whistled"  # bodies are called, with a time to answer
    REPLIED = "replied"  # a body that was called answered
    ASKED = "asked"  # the reporter
    HEARD = "heard"  # the reporter answered
    UNANSWERED = "unanswered"  # they did not: it is worked on as it was reported
    EXTENDED = "extended"
    SHELVED = "shelved"
    REVIEWED = "reviewed"  # the day has come to look at it again
    ESCALATED = "escalated"
    REMINDED = "reminded"
    FINISHED = "finished"
    ANSWERED = "answered"  # a reporter's word on the result
    CALLED_BACK = "called_back"  # 回访 by somebody else than the handler
    LAPSED = "lapsed"  # nobody answered: 未回访
    REOPENED = "reopened"
    WITHDRAWN = "withdrawn"
    FALSE_ALARM = "false_alarm"
    DECLINED = "declined"
    MERGED = "merged"
    UNMERGED = "unmerged"
    SPLIT = "split"
    PARTS_ENDED = "parts_ended"


_WORKED = (Status.OPEN, Status.RETURNED, Status.ACCEPTED, Status.WAITING, Status.SHELVED)
LIVE = (*_WORKED, Status.SPLIT)
ENDED = (Status.CLOSED, Status.WITHDRAWN, Status.DECLINED, Status.MERGED)


def _to(status: Status, *sources: Status) -> dict[Status, Status]:
    return dict.fromkeys(sources, status)


def _stays(*sources: Status) -> dict[Status, Status]:
    return {source: source for source in sources}


# From which states an act is possible, and what the ticket is then. OPENED makes the first state.
STEPS: Mapping[Act, Mapping[Status, Status]] = {
    Act.JOINED: _stays(*LIVE),
    Act.RAISED: _to(Status.OPEN, *_WORKED),
    Act.ACCEPTED: _to(Status.ACCEPTED, Status.OPEN, Status.RETURNED, Status.ACCEPTED, Status.SHELVED),
    Act.CONTACTED: _stays(*LIVE, Status.DONE),
    Act.PROGRESSED: _stays(*LIVE),
    Act.RETURNED: _to(Status.RETURNED, Status.OPEN, Status.ACCEPTED),
    Act.UPHELD: _to(Status.OPEN, Status.RETURNED),
    Act.MOVED: _to(Status.OPEN, *_WORKED),
    Act.SORTED: _stays(*LIVE, Status.DONE, Status.CLOSED),
    Act.OFFERED: _stays(Status.ACCEPTED, Status.WAITING, Status.SHELVED),
    Act.ASSIGNED: _stays(*LIVE),
    Act.WHISTLED: _stays(*LIVE),
    Act.REPLIED: _stays(*LIVE, Status.DONE),
    Act.ASKED: _to(Status.WAITING, Status.OPEN, Status.ACCEPTED),
    Act.HEARD: _to(Status.ACCEPTED, Status.WAITING),
    Act.UNANSWERED: _to(Status.ACCEPTED, Status.WAITING),
    Act.EXTENDED: _stays(Status.OPEN, Status.ACCEPTED),
    Act.SHELVED: _to(Status.SHELVED, Status.OPEN, Status.ACCEPTED, Status.WAITING),
    Act.REVIEWED: _to(Status.OPEN, Status.SHELVED),
    Act.ESCALATED: _stays(*_WORKED),
    Act.REMINDED: _stays(*_WORKED),
    Act.FINISHED: _to(Status.DONE, *_WORKED),
    Act.ANSWERED: _to(Status.CLOSED, Status.DONE) | _stays(Status.CLOSED, *LIVE),
    Act.CALLED_BACK: _to(Status.CLOSED, Status.DONE) | _stays(Status.CLOSED),
    Act.LAPSED: _to(Status.CLOSED, Status.DONE),
    Act.REOPENED: _to(Status.OPEN, Status.DONE, Status.CLOSED),
    Act.WITHDRAWN: _to(Status.WITHDRAWN, *LIVE),
    Act.FALSE_ALARM: _to(Status.WITHDRAWN, *_WORKED),
    Act.DECLINED: _to(Status.DECLINED, Status.OPEN, Status.RETURNED, Status.ACCEPTED),
    Act.MERGED: _to(Status.MERGED, *_WORKED),
    Act.UNMERGED: _to(Status.OPEN, Status.MERGED),
    Act.SPLIT: _to(Status.SPLIT, Status.OPEN, Status.ACCEPTED),
    Act.PARTS_ENDED: _to(Status.DONE, Status.SPLIT),
}


def after(status: Status, act: Act) -> Status | None:
    """The state an act leads to; None where it is not possible in this one."""
    return STEPS[act].get(status)


class Outcome(StrEnum):
    """The four answers to the closing question; each gives solved and satisfied at once (12345 call-back practice)."""

    SATISFIED = "satisfied"
    FAIR = "fair"
    UNSATISFIED = "unsatisfied"
    UNSOLVED = "unsolved"


OUTCOMES = {1: Outcome.SATISFIED, 2: Outcome.FAIR, 3: Outcome.UNSATISFIED, 4: Outcome.UNSOLVED}
# How many households said it when the group is told so (group-life: pile-on).
MILESTONES = frozenset({3, 10, 30})

# What breaks.
THINGS = frozenset({"house", "lift", "water", "power", "gas"})
# What neighbours do, not what breaks: if a household is named, it is spoken of in private only.
CONDUCT = frozenset({"noise", "security", "illegal", "fire", "sanitation", "parking", "greenery"})
# Safety matters that are never a public word and go to the community office alone.
PRIVATE_DANGERS = frozenset({"violence", "suicide"})
# Safety matters whose card quotes no ticket number.
UNNUMBERED_DANGERS = frozenset({"ill", "missing", "fight"})


@dataclass(frozen=True, slots=True)
class Ticket:
    """One matter and its state. `series`/`number` is what people quote; `report_at` when the bot will report back.

    kind: complaint, report, question, suggestion, utility: with `urgent` it sets the limits (domain/limits.py).
    source: group, private, behalf (代报), hotline (12345). first_body_id: who had it first (首接负责).
    offered_to: the body that is to take it over. designated: may not be returned again. overseer_id: the body it has
    been escalated to, after `hops` levels. respond_by, resolve_by: the limits; paused_at: since when they stand still.
    closed_at: when the handler finished it; settled_at: when it ended for good. outside: the supplier it waits for.
    """

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
    kind: str = "complaint"
    source: str = "group"
    first_body_id: int | None = None
    offered_to: int | None = None
    designated: bool = False
    overseer_id: int | None = None
    hops: int = 0
    respond_by: datetime | None = None
    resolve_by: datetime | None = None
    paused_at: datetime | None = None
    extended: bool = False
    review_at: datetime | None = None
    contacted_at: datetime | None = None
    contacted_by: int | None = None
    finished_by: int | None = None
    settled_at: datetime | None = None
    reopened: int = 0
    merged_into: int | None = None
    parent_id: int | None = None
    outside: str = ""
    hotline: str = ""
