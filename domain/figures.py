"""The three rates of 12345 practice, from counts of tickets, and to which month a ticket belongs. Exact until shown.

A ticket belongs to the month of the day on which it was done (办结日, `closed_at`). Its answer is that of the first who
gave one, unless anybody says it is not solved; whose "not solved" was never taken back stays so, however often the
ticket is said to be done again (docs/tickets.md, Figures).
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from domain.rules import Figures, Rules
from domain.tickets import Outcome

# What a ticket's answer can be beside the four outcomes: nobody answered; called, not reached; taken out (剔除).
SILENT, UNREACHED, EXCLUDED = "", "unreached", "excluded"
VALID = tuple(outcome.value for outcome in Outcome)
WEEK, HOUR = timedelta(days=7), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Cell:
    """Tickets done in a period that are alike. in_time: the reporter was spoken with before the response limit.
    late: done in the month before, answered after that month was closed: they count in the rates alone."""

    building_id: int
    building: str
    body_id: int
    category: str
    answer: str
    in_time: bool
    hotline: bool
    count: int
    reopened: int = 0
    late: bool = False


@dataclass(frozen=True, slots=True)
class Intake:
    """Tickets opened in a period: how many of a category in a building, and how many of them came from 12345."""

    compound: str
    building_id: int
    building: str
    body_id: int
    category: str
    count: int
    hotline: int


@dataclass(frozen=True, slots=True)
class Tally:
    """done: 办结, all of which are to be called back. valid: 有效回访, the denominator of all rates. contacted: of
    those, spoken with in time. silent: 未回访. unprompted: 未诉先办, done here and never heard of by 12345. reopened:
    how often they were given back. late: of `valid`, those done in the closed month before."""

    done: int = 0
    valid: int = 0
    contacted: int = 0
    satisfied: int = 0
    fair: int = 0
    unsatisfied: int = 0
    unsolved: int = 0
    silent: int = 0
    unreached: int = 0
    excluded: int = 0
    unprompted: int = 0
    hotline: int = 0
    reopened: int = 0
    late: int = 0

    @property
    def solved(self) -> int:
        return self.valid - self.unsolved


def tally(cells: Iterable[Cell]) -> Tally:
    """All of these together."""
    sums = dict.fromkeys(Tally.__dataclass_fields__, 0)
    for cell in cells:
        if cell.answer in VALID:
            sums["valid"] += cell.count
            sums["contacted"] += cell.count if cell.in_time else 0
            sums["late"] += cell.count if cell.late else 0
            sums[cell.answer] += cell.count
        if not cell.late:
            sums["done"] += cell.count
            sums["hotline" if cell.hotline else "unprompted"] += cell.count
            sums["reopened"] += cell.reopened
            if cell.answer not in VALID:
                sums[cell.answer or "silent"] += cell.count
    return Tally(**sums)


@dataclass(frozen=True, slots=True)
class Rate:
    """A numerator over a denominator, both shown. value: None where there is nothing to divide by."""

    part: Fraction
    whole: int

    @property
    def value(self) -> Fraction | None:
        return self.part / self.whole if self.whole else None


@dataclass(frozen=True, slots=True)
class Rates:
    response: Rate
    solved: Rate
    satisfied: Rate
    composite: Fraction | None


def rates(counts: Tally, rules: Figures) -> Rates:
    """响应率, 解决率, 满意率 over the valid answers, and the three weighed together."""
    content = counts.satisfied + Fraction(rules.fair_percent * counts.fair, 100)
    found = [Rate(Fraction(part), counts.valid) for part in (counts.contacted, counts.solved, content)]
    weights = (rules.response_weight, rules.solved_weight, rules.satisfied_weight)
    composite = None
    if counts.valid and sum(weights):
        values = [rate.part / rate.whole for rate in found]
        composite = sum((each * weight for each, weight in zip(values, weights, strict=True)), Fraction(0))
        composite /= sum(weights)
    return Rates(found[0], found[1], found[2], composite)


NONE = "\u2014"  # no data is no zero


def percent(value: Fraction | None) -> str:
    """95.3%, rounded here and nowhere before."""
    return f"{_tenth(value * 100)}%" if value is not None else NONE


def amount(value: Fraction) -> str:
    """12, or 11.8 where it is no whole number."""
    return str(value.numerator) if value.denominator == 1 else str(_tenth(value))


def shown(rate: Rate, few: int) -> str:
    """With its percentage from `few` answers on, else as a plain fraction."""
    if not rate.whole:
        return NONE
    plain = f"{amount(rate.part)}/{rate.whole}"
    return f"{percent(rate.value)} ({plain})" if rate.whole >= few else plain


def _tenth(value: Fraction) -> Decimal:
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    return exact.quantize(Decimal("0.1"), ROUND_HALF_UP)


# --- periods --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Period:
    """From a local midnight until another. month: "2026-11" where it is a whole month, which can be closed."""

    start: datetime
    end: datetime
    month: str = ""

    @property
    def last(self) -> date:
        return (self.end - timedelta(hours=1)).date()


def midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone)


def month(first: date, zone: ZoneInfo) -> Period:
    """The month in which that day is."""
    first = first.replace(day=1)
    after = (first + timedelta(days=31)).replace(day=1)
    return Period(midnight(first, zone), midnight(after, zone), f"{first:%Y-%m}")


def month_before(period: Period, zone: ZoneInfo) -> Period:
    return month(period.start.astimezone(zone).date() - timedelta(days=1), zone)


def year(day: date, zone: ZoneInfo) -> Period:
    return Period(midnight(day.replace(month=1, day=1), zone), midnight(date(day.year + 1, 1, 1), zone))


def week_before(day: date, zone: ZoneInfo) -> Period:
    """Monday to Sunday, the last one that is over."""
    monday = day - timedelta(days=day.weekday())
    return Period(midnight(monday - WEEK, zone), midnight(monday, zone))


def next_monday(now: datetime, rules: Rules) -> datetime:
    """When the next weekly card is due: a Monday's start of work."""
    local = now.astimezone(rules.zone)
    monday = local.date() - timedelta(days=local.weekday())
    due = _morning(monday, rules)
    return due if due > local else _morning(monday + WEEK, rules)


def next_reminder(now: datetime, rules: Rules) -> datetime:
    """Some days before the month ends, in the morning: what is not called back yet can still be."""
    local = now.astimezone(rules.zone)

    def before(period: Period) -> datetime:
        return _morning(period.last - timedelta(days=rules.figures.remind_days - 1), rules)

    this = month(local.date(), rules.zone)
    due = before(this)
    return due if due > local else before(month(this.end.date(), rules.zone))


def _morning(day: date, rules: Rules) -> datetime:
    return datetime.combine(day, time.fromisoformat(rules.report_morning), tzinfo=rules.zone)


# --- tables and proofs ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Heat:
    """Counts by place and category; the last of either may be "", all the others together."""

    places: list[str]
    categories: list[str]
    counts: list[list[int]]


def heat(entries: Iterable[tuple[str, str, int]], order: Callable[[str], Any], *, places: int, categories: int) -> Heat:
    """entries: (place, category, count). The places with most, in their order; the commonest category first."""
    by_place: dict[str, int] = {}
    by_category: dict[str, int] = {}
    listed = list(entries)
    for place, category, count in listed:
        by_place[place] = by_place.get(place, 0) + count
        by_category[category] = by_category.get(category, 0) + count
    rows = sorted(_most(by_place, places), key=order)
    columns = _most(by_category, categories)
    rows += [""] if len(rows) < len(by_place) else []
    columns += [""] if len(columns) < len(by_category) else []
    table = [[0] * len(columns) for _ in rows]
    for place, category, count in listed:
        row = rows.index(place if place in rows else "")
        table[row][columns.index(category if category in columns else "")] += count
    return Heat(rows, columns, table)


def _most(sums: dict[str, int], most: int) -> list[str]:
    return sorted(sums, key=lambda name: (-sums[name], name))[:most]


def digest(content: dict[str, Any]) -> str:
    """sha256 over canonical JSON: the same figures have the same digest everywhere."""
    canonical = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
