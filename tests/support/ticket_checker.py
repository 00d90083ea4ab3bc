"""An independent look at tickets: replays each one's audit rows and says what is not as the limits want it.

It knows the states, the limits and the levels by itself and shares no code with the services: what both get wrong in
the same way is not seen, what one of them gets wrong is.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import chinese_calendar

ZONE = ZoneInfo("Asia/Shanghai")
NIGHT, MORNING, WORK = time(21, 30), time(7, 30), time(9)
DAYS = {"question": 1, "report": 3, "complaint": 5, "suggestion": 7, "complex": 15}  # working days; utility: 24 h
NEVER = datetime(9999, 1, 1, tzinfo=ZONE)
DAY, LAPSE = timedelta(hours=24), timedelta(days=3)
RUNNING = ("open", "returned", "accepted")
WORKED = (*RUNNING, "waiting", "shelved")
LIVE = (*WORKED, "split")
ENDED = ("closed", "withdrawn", "declined", "merged")
# What an act makes of a ticket, and from which states; "" leaves it as it is.
STEPS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "opened": (("",), "open"),
    "joined": (LIVE, ""),
    "accepted": (("open", "returned", "accepted", "shelved"), "accepted"),
    "contacted": ((*LIVE, "done"), ""),
    "progressed": (LIVE, ""),
    "returned": (("open", "accepted"), "returned"),
    "upheld": (("returned",), "open"),
    "moved": (WORKED, "open"),
    "asked": (("open", "accepted"), "waiting"),
    "heard": (("waiting",), "accepted"),
    "unanswered": (("waiting",), "accepted"),
    "extended": (("open", "accepted"), ""),
    "shelved": (("open", "accepted", "waiting"), "shelved"),
    "reviewed": (("shelved",), "open"),
    "escalated": (WORKED, ""),
    "reminded": (WORKED, ""),
    "finished": (WORKED, "done"),
    "lapsed": (("done",), "closed"),
    "reopened": (("done", "closed"), "open"),
    "withdrawn": (LIVE, ""),  # "withdrawn" when the last reporter did: then the audit row says so
    "declined": (("open", "returned", "accepted"), "declined"),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One audit row of a ticket."""

    at: datetime
    action: str
    data: Mapping[str, Any]
    by: int | None = None  # None: the clock


@dataclass(frozen=True, slots=True)
class Matter:
    """A ticket as its row says, to be compared with its history. granted: until when each extension was given, in
    their order; reviews: the days on which it was to be looked at again (from whoever did it, not from the row)."""

    id: int
    kind: str
    urgent: bool
    status: str
    hops: int
    overseer_id: int | None
    granted: tuple[datetime, ...] = ()
    reviews: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True)
class Tree:
    """The levels: the body over each body, and those nobody is in."""

    parents: Mapping[int, int | None]
    vacant: frozenset[int] = frozenset()

    def next_above(self, body: int) -> tuple[int | None, list[int]]:
        """The next body that somebody is in, and those passed over on the way there."""
        passed: list[int] = []
        upper = self.parents[body]
        while upper is not None and upper in self.vacant:
            passed.append(upper)
            upper = self.parents[upper]
        return upper, passed


def works(day: date) -> bool:
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        return day.isoweekday() <= 5


def by_day(moment: datetime) -> datetime:
    """The moment, or the morning after it where it is night."""
    local = moment.astimezone(ZONE)
    if MORNING <= local.time() < NIGHT:
        return local
    morning = datetime.combine(local.date(), MORNING, ZONE)
    return morning if local < morning else morning + timedelta(days=1)


def workdays_later(moment: datetime, days: int) -> datetime:
    local = moment.astimezone(ZONE)
    if not works(local.date()):
        while not works(local.date()):
            local += timedelta(days=1)
        local = datetime.combine(local.date(), WORK, ZONE)
    left = days
    while left:
        local += timedelta(days=1)
        left -= works(local.date())
    return local


def limits(start: datetime, kind: str, *, urgent: bool) -> tuple[datetime, datetime]:
    """(response, resolution) for a clock that starts now."""
    if urgent:
        return start + timedelta(minutes=30), start + timedelta(hours=2)
    resolve = start + DAY if kind == "utility" else workdays_later(start, DAYS[kind])
    return by_day(start + DAY), by_day(resolve)


@dataclass(slots=True)
class Replay:
    """One ticket, lived through again."""

    matter: Matter
    tree: Tree
    slack: timedelta
    status: str = ""
    level: int = 0  # the body that has to see to it: its own, then who oversees it
    hops: int = 0
    touched: bool = False
    spoken: bool = False
    respond: datetime = NEVER
    resolve: datetime = NEVER
    paused: datetime | None = None
    woken: datetime | None = None  # since when the clock goes again
    hopped: datetime | None = None
    kept: datetime | None = None  # the next hop of a late ticket, which nothing that is done to it moves
    finished: datetime | None = None
    review: datetime | None = None
    wrong: list[str] = field(default_factory=list)

    def blame(self, what: str) -> None:
        self.wrong.append(f"ticket {self.matter.id}: {what}")

    def late(self) -> datetime:
        return self.resolve if self.touched or self.spoken else min(self.respond, self.resolve)

    def due(self) -> datetime | None:
        """When the next level is to be called; None: the clock stands, or nobody is above."""
        if self.status not in RUNNING or self.paused or self.tree.next_above(self.level)[0] is None:
            return None
        if self.kept:
            return self.kept
        late = self.late()
        since = max((moment for moment in (self.hopped, self.woken) if moment), default=None)
        if self.hops and since and late <= since:
            late = since + timedelta(minutes=30) if self.matter.urgent else workdays_later(since, 1)
        elif self.woken:
            late = max(late, self.woken)
        return late if self.matter.urgent else by_day(late)

    def latest(self, due: datetime) -> datetime:
        """When the tick that finds it due has come: one that comes at night leaves it for the morning."""
        return due + self.slack if self.matter.urgent else by_day(due + self.slack)

    def live(self, history: Iterable[Entry], now: datetime) -> list[str]:
        for entry in history:
            self.expect_nothing_missed(entry)
            self.enter(entry)
        self.end(now)
        return self.wrong

    def expect_nothing_missed(self, entry: Entry) -> None:
        due = self.due()
        if due and entry.at > self.latest(due):
            self.blame(f"nobody was called at {due:%m-%d %H:%M}, next came {entry.action} {entry.at.astimezone(ZONE)}")

    def enter(self, entry: Entry) -> None:
        action = entry.action
        if action == "answered":
            closes = self.status == "done" and entry.data.get("outcome") != "unsolved"
            self.status = "closed" if closes else self.status
            return
        if action not in STEPS:
            return
        sources, target = STEPS[action]
        due, self.kept = self.due(), None
        if self.status not in sources:
            self.blame(f"{action} while it was {self.status}")
        getattr(self, f"on_{action}", lambda _: None)(entry)
        if action == "withdrawn":
            target = "withdrawn" if entry.data.get("after") == "withdrawn" else ""
        self.status = target or self.status
        if action != "escalated" and due and self.hops and self.late() <= entry.at:
            self.kept = due

    def start(self, at: datetime) -> None:
        self.respond, self.resolve = limits(at, self.matter.kind, urgent=self.matter.urgent)
        self.touched = self.spoken = False
        self.paused = self.woken = None

    def on_opened(self, entry: Entry) -> None:
        self.level = entry.data["body"]
        self.start(entry.at)

    def on_accepted(self, entry: Entry) -> None:
        self.wake(entry.at)
        self.touched = True

    def on_contacted(self, _: Entry) -> None:
        self.spoken = True

    def on_asked(self, entry: Entry) -> None:
        self.touched, self.paused = True, entry.at

    def on_heard(self, entry: Entry) -> None:
        self.wake(entry.at)
        self.spoken = True

    def on_unanswered(self, entry: Entry) -> None:
        self.wake(entry.at)

    def wake(self, at: datetime) -> None:
        if self.paused:
            stood = at - self.paused
            self.respond, self.resolve = self.respond + stood, self.resolve + stood
            self.paused, self.woken = None, at

    def on_extended(self, _: Entry) -> None:
        self.resolve = self.matter.granted[0]

    def on_shelved(self, entry: Entry) -> None:
        self.paused = self.paused or entry.at
        self.review = self.matter.reviews[-1]

    def on_reviewed(self, entry: Entry) -> None:
        self.wake(entry.at)
        self.touched = False
        self.respond = max(self.respond, limits(entry.at, "question", urgent=False)[0])
        self.resolve = max(self.resolve, workdays_later(entry.at, 1))

    def on_reopened(self, entry: Entry) -> None:
        self.start(entry.at)

    def on_finished(self, entry: Entry) -> None:
        self.finished, self.paused = entry.at, None

    def on_escalated(self, entry: Entry) -> None:
        due = self.due()
        upper, passed = self.tree.next_above(self.level)
        if self.hops and self.hopped == entry.at:
            self.blame("two levels at one moment")
        if due is None and not entry.by:
            self.blame(f"a level was called though the clock stood, {entry.at.astimezone(ZONE)}")
        elif due and not entry.by and not due <= entry.at <= self.latest(due):
            self.blame(f"a level was called at {entry.at.astimezone(ZONE)}, not at {due}")
        if entry.data["body"] != upper or entry.data.get("passed", []) != passed:
            self.blame(f"{entry.data['body']} was called over {entry.data.get('passed')}, not {upper} over {passed}")
        self.hops += 1
        if entry.data["hop"] != self.hops:
            self.blame(f"hop {entry.data['hop']} is the {self.hops}th")
        self.level, self.hopped = entry.data["body"], entry.at

    def end(self, now: datetime) -> None:
        """The ticket has ended, or it is where it must be now."""
        row, due = self.matter, self.due()
        if (row.status, row.hops) != (self.status, self.hops):
            self.blame(f"is {row.status} after {row.hops} hops, its history says {self.status} after {self.hops}")
        if self.hops and row.overseer_id != self.level:
            self.blame(f"overseen by {row.overseer_id}, not {self.level}")
        if due and now > self.latest(due):
            self.blame(f"the next level should have been called at {due}")
        if self.status == "done" and self.finished and now > by_day(self.finished + LAPSE) + self.slack:
            self.blame(f"nobody answered since {self.finished.astimezone(ZONE)}, and it has not lapsed")
        if self.status == "shelved" and self.review and now > self.review + self.slack:
            self.blame(f"was not looked at again at {self.review}")


def check(
    matters: Iterable[Matter],
    histories: Mapping[int, Iterable[Entry]],
    tree: Tree,
    *,
    now: datetime,
    slack: timedelta,
) -> list[str]:
    """What is wrong, a line each. slack: how much later than due a tick may come."""
    wrong: list[str] = []
    for matter in matters:
        if matter.id not in histories:
            wrong.append(f"ticket {matter.id}: has no history")
            continue
        wrong += Replay(matter, tree, slack).live(histories[matter.id], now)
    return wrong
