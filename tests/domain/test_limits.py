"""Limits of tickets: working days with moved days, kinds, nights, pauses."""

from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import limits
from domain.promises import is_quiet
from domain.rules import Limits, Rules
from domain.tickets import Act, Status, Ticket
from services.ticket_table import into

ZONE = ZoneInfo("Asia/Shanghai")
RULES = Rules()


def at(month: int, day: int, hour: int = 10, minute: int = 0, *, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=ZONE)


MOMENTS = st.integers(0, 3 * 365 * 24 * 60).map(lambda minutes: at(1, 1, 0, year=2025) + timedelta(minutes=minutes))


def ticket(**values: object) -> Ticket:
    base = Ticket(
        *(1, 1, 1, 1, None, None, "3", "", "other", "", "x", False, "", None, None, False, Status.OPEN, 1, "b", "c"),
        opened_at=at(11, 23),
        report_at=at(11, 23, 20),
        accepted_by=None,
        closed_at=None,
        respond_by=at(11, 24),
        resolve_by=at(11, 30),
    )
    return replace(base, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2026, 2, 13), True),  # the Friday before 春节
        (date(2026, 2, 14), True),  # a Saturday that is worked
        (date(2026, 2, 15), False),
        (date(2026, 2, 16), False),  # 除夕, a Monday
        (date(2026, 2, 23), False),
        (date(2026, 2, 24), True),
        (date(2026, 2, 28), True),  # worked for the holiday
        (date(2026, 3, 1), False),
        (date(2026, 10, 1), False),
        (date(2026, 10, 10), True),  # 调休
        (date(2026, 11, 23), True),
        (date(2040, 5, 1), True),  # a Tuesday of a year nobody has decided on yet
        (date(2040, 5, 5), False),
        (date(1999, 5, 8), False),
    ],
)
def test_working_days(day: date, works: bool) -> None:
    assert limits.is_workday(day) is works


@pytest.mark.parametrize(
    ("start", "days", "end"),
    [
        (at(11, 23), 1, at(11, 24)),
        (at(11, 20, 16), 1, at(11, 23, 16)),  # over a weekend
        (at(2, 13, 15), 1, at(2, 14, 15)),  # Friday, and the Saturday is worked
        (at(2, 13, 15), 2, at(2, 24, 15)),  # over 春节
        (at(2, 14, 15), 1, at(2, 24, 15)),
        (at(2, 18, 3), 1, at(2, 25, 9)),  # on a day off: from the next morning of work
        (at(11, 22, 3), 0, at(11, 23, 9)),
        (at(11, 23, 3), 0, at(11, 23, 3)),
        (at(4, 30, 12, year=2040), 5, at(5, 7, 12, year=2040)),  # weekdays only
    ],
)
def test_add_workdays(start: datetime, days: int, end: datetime) -> None:
    assert limits.add_workdays(start, days, RULES) == end
    assert limits.add_workdays(start.astimezone(UTC), days, RULES) == end, "the zone of the caller does not matter"


@given(MOMENTS, st.integers(0, 30), st.integers(0, 30))
def test_working_days_add_up(start: datetime, some: int, more: int) -> None:
    once = limits.add_workdays(start, some, RULES)
    assert limits.add_workdays(once, more, RULES) == limits.add_workdays(start, some + more, RULES)
    assert limits.is_workday(once.date())
    assert once >= start


def test_the_year_has_no_lost_hour() -> None:
    """China has no summer time; a zone that has it keeps the hour on the clock, not the count of hours."""
    for month in range(1, 13):
        assert limits.add_workdays(at(month, 10, 2, 30), 3, RULES).time().hour in (2, 9)
    berlin = Rules(timezone="Europe/Berlin")
    start = datetime(2027, 3, 26, 15, tzinfo=berlin.zone)
    later = limits.add_workdays(start, 1, berlin)
    assert (later.hour, later.date()) == (15, date(2027, 3, 29))
    assert later.astimezone(UTC) - start.astimezone(UTC) == timedelta(hours=71)


@pytest.mark.parametrize(
    ("category", "said", "kind"),
    [
        ("water", "complaint", "utility"),
        ("lift", "", "utility"),
        ("noise", "complaint", "complaint"),
        ("noise", "thanks", "complaint"),
        ("policy", "question", "question"),
        ("water", "question", "question"),
        ("other", "suggestion", "suggestion"),
    ],
)
def test_kinds(category: str, said: str, kind: str) -> None:
    assert limits.kind_of(category, said) == kind
    assert kind in limits.KINDS


@pytest.mark.parametrize(
    ("kind", "end"),
    [
        ("utility", at(11, 21, 16)),
        ("question", at(11, 23, 16)),
        ("report", at(11, 25, 16)),
        ("complaint", at(11, 27, 16)),
        ("suggestion", at(12, 1, 16)),
        ("complex", at(12, 11, 16)),
    ],
)
def test_a_limit_for_each_kind(kind: str, end: datetime) -> None:
    friday = at(11, 20, 16)
    assert limits.resolve_by(friday, kind, urgent=False, rules=RULES) == end
    assert limits.resolve_by(friday, kind, urgent=True, rules=RULES) == friday + timedelta(hours=2)


def test_a_city_sets_its_own() -> None:
    rules = Rules(limits=Limits(complaint_days=13, respond_hours=2, hop_days=5))
    assert limits.resolve_by(at(11, 23), "complaint", urgent=False, rules=rules) == at(12, 10)
    assert limits.respond_by(at(11, 23), urgent=False, rules=rules) == at(11, 23, 12)
    assert limits.hop_after(at(11, 23), urgent=False, rules=rules) == at(11, 30)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (at(11, 23, 10), at(11, 24, 10)),
        (at(11, 23, 23), at(11, 25, 7, 30)),  # would end in the quiet hours
        (at(11, 23, 3), at(11, 24, 7, 30)),
    ],
)
def test_nobody_answers_at_night(start: datetime, end: datetime) -> None:
    assert limits.respond_by(start, urgent=False, rules=RULES) == end
    assert limits.resolve_by(start, "utility", urgent=False, rules=RULES) == end
    assert limits.respond_by(start, urgent=True, rules=RULES) == start + timedelta(minutes=30)


@given(MOMENTS, st.sampled_from(limits.KINDS[1:]))
def test_no_limit_ends_at_night_or_before_it_starts(start: datetime, kind: str) -> None:
    for end in (
        limits.respond_by(start, urgent=False, rules=RULES),
        limits.resolve_by(start, kind, urgent=False, rules=RULES),
        limits.hop_after(start, urgent=False, rules=RULES),
    ):
        assert end > start
        assert not is_quiet(end, RULES)


def test_late() -> None:
    assert limits.overdue_at(ticket()) == at(11, 24)
    assert limits.overdue_at(ticket(accepted_by=7)) == at(11, 30)
    assert limits.overdue_at(ticket(contacted_at=at(11, 23, 11))) == at(11, 30)
    assert limits.overdue_at(ticket(resolve_by=at(11, 23, 12))) == at(11, 23, 12), "the nearer one counts"
    assert limits.overdue_at(ticket(paused_at=at(11, 23, 11))) is None
    assert limits.overdue_at(ticket(resolve_by=None)) is None


def test_the_clock_goes_on_where_it_stood() -> None:
    paused = ticket(accepted_by=7, paused_at=at(11, 25, 10))
    assert limits.resumed(paused, at(11, 28, 12)) == (at(11, 27, 12), at(12, 3, 12))
    assert limits.resumed(ticket(), at(11, 28)) == (at(11, 24), at(11, 30)), "it did not stand"
    assert limits.resumed(paused, at(11, 24)) == (at(11, 24), at(11, 30)), "a clock that was put back takes no time"
    none = ticket(respond_by=None, resolve_by=None, paused_at=at(11, 25))
    assert limits.resumed(none, at(11, 28)) == (None, None)


def test_the_page_shows_states_acts_and_limits_as_they_are() -> None:
    page = (Path(__file__).parents[2] / "docs/tickets.md").read_text(encoding="utf-8")
    assert page == into(page), "docs/tickets.md is old: make tickets"
    for name in (*Status, *Act):
        assert f"`{name.value}`" in page
    for each in fields(Limits):
        assert f"`{each.name}`" in page
