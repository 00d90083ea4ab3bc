"""The three rates, exact; which days a month and a week have; what stands on the heat table."""

from datetime import date, datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from domain import figures
from domain.figures import EXCLUDED, SILENT, UNREACHED, VALID, Cell, Rate, Tally
from domain.rules import Figures, Rules

ZONE = ZoneInfo("Asia/Shanghai")
RULES = Figures()

cells = some.lists(
    some.builds(
        Cell,
        building_id=some.integers(1, 3),
        building=some.just("3"),
        body_id=some.integers(1, 3),
        category=some.sampled_from(["water", "lift"]),
        answer=some.sampled_from([*VALID, SILENT, UNREACHED, EXCLUDED]),
        in_time=some.booleans(),
        hotline=some.booleans(),
        count=some.integers(1, 50),
        reopened=some.integers(0, 3),
        late=some.booleans(),
    ),
    max_size=12,
)


def test_the_formulas_of_12345() -> None:
    """18 valid: 17 spoken with in time, 16 solved, satisfied 10 and fair 5."""
    counts = Tally(valid=18, contacted=17, satisfied=10, fair=5, unsatisfied=1, unsolved=2)
    found = figures.rates(counts, RULES)
    assert found.response.value == Fraction(17, 18)
    assert found.solved.value == Fraction(16, 18)
    assert found.satisfied == Rate(Fraction(29, 2), 18)  # 10 + 0.9 x 5
    assert found.composite == (Fraction(17) + 5 * Fraction(16) + 4 * Fraction(29, 2)) / 180
    assert figures.percent(found.composite) == "86.1%"


def test_nothing_to_divide_by_is_no_zero() -> None:
    found = figures.rates(Tally(done=7, silent=7), RULES)
    assert found.composite is None
    assert [figures.shown(rate, 5) for rate in (found.response, found.solved, found.satisfied)] == ["—"] * 3


def test_a_citys_own_weights() -> None:
    rules = Figures(response_weight=1, solved_weight=1, satisfied_weight=2, fair_percent=60)
    found = figures.rates(Tally(valid=2, contacted=2, fair=2), rules)
    assert found.composite == (1 + 1 + 2 * Fraction(6, 10)) / 4


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [
        (Fraction(4), 4, "4/4"),
        (Fraction(19, 5), 4, "3.8/4"),
        (Fraction(5), 5, "100.0% (5/5)"),
        (Fraction(2), 3, "2/3"),
        (Fraction(1999), 2000, "100.0% (1999/2000)"),
        (Fraction(1), 16, "6.3% (1/16)"),  # 6.25 is rounded up, as people do
        (Fraction(0), 8, "0.0% (0/8)"),
    ],
)
def test_percentages_from_five_on(part: Fraction, whole: int, said: str) -> None:
    assert figures.shown(Rate(part, whole), 5) == said


@given(cells)
def test_every_ticket_is_counted_once(found: list[Cell]) -> None:
    counts = figures.tally(found)
    here = sum(cell.count for cell in found if not cell.late)
    assert counts.done == here == counts.hotline + counts.unprompted
    assert counts.done == counts.valid - counts.late + counts.silent + counts.unreached + counts.excluded
    assert counts.valid == counts.satisfied + counts.fair + counts.unsatisfied + counts.unsolved
    for rate in (figures.rates(counts, RULES).response, figures.rates(counts, RULES).satisfied):
        assert rate.value is None or 0 <= rate.value <= 1


@given(cells, cells)
def test_parts_add_up(one: list[Cell], other: list[Cell]) -> None:
    both, parts = figures.tally([*one, *other]), (figures.tally(one), figures.tally(other))
    for name in Tally.__dataclass_fields__:
        assert getattr(both, name) == sum(getattr(part, name) for part in parts)


@given(some.dates(date(2000, 1, 1), date(2100, 12, 31)))
def test_months_follow_one_another(day: date) -> None:
    this = figures.month(day, ZONE)
    assert this.start.date() <= day < this.end.date()
    assert this.start.day == this.end.day == 1
    before = figures.month_before(this, ZONE)
    assert before.end == this.start
    assert figures.month(this.last, ZONE) == this


def test_the_week_before_is_monday_to_sunday() -> None:
    for day in (23, 25, 29):
        week = figures.week_before(date(2026, 11, day), ZONE)
        assert (week.start.date(), week.last) == (date(2026, 11, 16), date(2026, 11, 22))


@pytest.mark.parametrize(
    ("now", "monday", "reminder"),
    [
        ("2026-11-23 08:59", "2026-11-23 09:00", "2026-11-28 09:00"),
        ("2026-11-23 09:00", "2026-11-30 09:00", "2026-11-28 09:00"),
        ("2026-11-28 09:00", "2026-11-30 09:00", "2026-12-29 09:00"),
        ("2027-02-01 00:00", "2027-02-01 09:00", "2027-02-26 09:00"),
    ],
)
def test_when_the_card_and_the_reminder_are_due(now: str, monday: str, reminder: str) -> None:
    at = datetime.fromisoformat(now).replace(tzinfo=ZONE)
    assert f"{figures.next_monday(at, Rules()):%Y-%m-%d %H:%M}" == monday
    assert f"{figures.next_reminder(at, Rules()):%Y-%m-%d %H:%M}" == reminder


def test_the_heat_table_keeps_the_most_and_adds_up_the_rest() -> None:
    entries = [("10", "water", 5), ("2", "water", 3), ("2", "lift", 4), ("1", "noise", 1), ("3", "gas", 1)]
    table = figures.heat(entries, int, places=2, categories=2)
    assert (table.places, table.categories) == (["2", "10", ""], ["water", "lift", ""])
    assert table.counts == [[3, 4, 0], [5, 0, 0], [0, 0, 2]]
    assert figures.heat([], int, places=2, categories=2).counts == []


def test_a_digest_does_not_depend_on_the_order_of_names() -> None:
    one, other = {"b": [1, "栋"], "a": None}, {"a": None, "b": [1, "栋"]}
    assert figures.digest(one) == figures.digest(other) != figures.digest({"a": None, "b": [2, "栋"]})
