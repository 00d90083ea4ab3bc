"""When the bot is quiet and when it reports back, as tables."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.promises import first_report, is_quiet, next_report, quiet_end
from domain.rules import Rules

ZONE = ZoneInfo("Asia/Shanghai")
RULES = Rules()


def at(clock: str, day: int = 23) -> datetime:
    hour, minute = clock.split(":")
    return datetime(2026, 11, day, int(hour), int(minute), tzinfo=ZONE)


@pytest.mark.parametrize(
    ("reported", "answered", "day"),
    [
        ("07:30", "20:00", 23),
        ("10:00", "20:00", 23),
        ("15:59", "20:00", 23),
        ("16:00", "12:00", 24),
        ("20:30", "12:00", 24),
        ("23:59", "12:00", 24),
        ("00:00", "12:00", 23),
        ("02:30", "12:00", 23),
        ("07:29", "12:00", 23),
    ],
)
def test_first_report(reported: str, answered: str, day: int) -> None:
    assert first_report(at(reported), RULES) == at(answered, day)


@pytest.mark.parametrize(("told", "day"), [(0, 24), (1, 25), (2, 25), (3, 30), (9, 30)])
def test_next_report_waits_longer_each_time(told: int, day: int) -> None:
    assert next_report(at("20:00"), RULES, told=told) == at("20:00", day)


@pytest.mark.parametrize(
    ("clock", "quiet"),
    [("21:29", False), ("21:30", True), ("23:00", True), ("00:00", True), ("07:29", True), ("07:30", False)],
)
def test_is_quiet(clock: str, quiet: bool) -> None:
    assert is_quiet(at(clock), RULES) is quiet


def test_quiet_hours_may_lie_within_a_day() -> None:
    rules = Rules(quiet_from="12:00", quiet_to="14:00")
    assert is_quiet(at("13:00"), rules) and not is_quiet(at("11:59"), rules) and not is_quiet(at("14:00"), rules)


@given(st.datetimes(min_value=datetime(2026, 1, 1), max_value=datetime(2027, 1, 1), timezones=st.just(ZONE)))  # noqa: DTZ001
def test_a_promise_is_always_ahead_and_never_at_night(now: datetime) -> None:
    for promise in (first_report(now, RULES), next_report(now, RULES)):
        assert promise > now
        assert not is_quiet(promise, RULES)
    assert quiet_end(now, RULES) >= now
    assert not is_quiet(quiet_end(now, RULES), RULES)
