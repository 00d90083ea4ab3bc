"""The count of a formal decision: which ballots stand, what they sum up to, and what follows by the rule.

Exact and pure. How open points are decided, and by which law, stands in docs/votes.md.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from domain.decision_rules import HALF, Rule, Share


class Kind(StrEnum):
    DWELLING = "dwelling"
    SHOP = "shop"
    PARKING = "parking"
    UNSOLD = "unsold"


class Choice(StrEnum):
    AGREE = "agree"
    ABSTAIN = "abstain"
    DISAGREE = "disagree"


class Nonresponse(StrEnum):
    """What the compound's own rules make of an owner who sends no ballot."""

    NOT_PARTICIPATED = "not_participated"
    FOLLOW_MAJORITY = "follow_majority"
    ABSTAIN = "abstain"


class Status(StrEnum):
    PASSED = "passed"
    REJECTED = "rejected"
    NO_QUORUM = "no_quorum"
    INDETERMINATE = "indeterminate"


class Reason(StrEnum):
    """Why a ballot does not count."""

    UNKNOWN_UNIT = "unknown_unit"
    PARKING = "parking"
    EARLY = "early"
    LATE = "late"
    UNCLEAR = "unclear_choice"
    NOT_OWNER = "not_owner"
    PROXY_UNWRITTEN = "proxy_unwritten"
    OWNER_VOTED = "owner_voted"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Unit:
    id: str
    area: Decimal
    owners: frozenset[str]
    kind: Kind = Kind.DWELLING

    @property
    def head(self) -> Hashable:
        """Units with the same head are one person (Interpretation art. 9): the same buyer's, and all the unsold."""
        if self.kind is Kind.UNSOLD:
            return frozenset[str]()
        return self.owners or self.id


@dataclass(frozen=True, slots=True)
class Ballot:
    unit: str
    voter: str
    choice: Choice | None  # None: nobody can tell
    at: datetime
    proxy_for: str | None = None
    in_writing: bool = True  # the proxy showed an authority in writing


@dataclass(frozen=True, slots=True)
class Case:
    rule: Rule
    nonresponse: Nonresponse
    units: tuple[Unit, ...]
    ballots: tuple[Ballot, ...]
    opens: datetime
    closes: datetime
    parking_counts: bool = False  # a local rule


@dataclass(frozen=True, slots=True)
class Amounts:
    area: Fraction = Fraction(0)
    heads: int = 0

    def __add__(self, other: "Amounts") -> "Amounts":
        return Amounts(self.area + other.area, self.heads + other.heads)

    def __sub__(self, other: "Amounts") -> "Amounts":
        return Amounts(self.area - other.area, self.heads - other.heads)


NOTHING = Amounts()
PLACES = 2  # areas are registered in hundredths of a square metre
STEP = Fraction(1, 10**PLACES)


@dataclass(frozen=True, slots=True)
class Tally:
    """What the ballots themselves say."""

    total: Amounts
    participated: Amounts
    agreed: Amounts


@dataclass(frozen=True, slots=True)
class Outcome:
    """What follows. `deemed` are those without a ballot, as far as they count, and `deemed_choice` how they count."""

    deemed: Amounts
    deemed_choice: Choice | None
    quorum: bool
    status: Status
    needs: Amounts

    @property
    def passed(self) -> bool | None:
        return None if self.status is Status.INDETERMINATE else self.status is Status.PASSED


@dataclass(frozen=True, slots=True)
class Ignored:
    unit: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class Result:
    tally: Tally
    outcome: Outcome
    ignored: tuple[Ignored, ...]
    places: int  # digits after the point of the finest area


def decide(case: Case) -> Result:
    standing, ignored = stand(case)
    counted = [unit for unit in case.units if _counts(unit, case)]
    places = max({PLACES, *(_places(unit.area) for unit in counted)})
    tally = count(counted, standing, places)
    return Result(tally, outcome(case.rule, case.nonresponse, tally, Fraction(1, 10**places)), ignored, places)


def stand(case: Case) -> tuple[dict[str, set[Choice]], tuple[Ignored, ...]]:
    """The choices that stand, by unit: one of each owner who voted. And the ballots that do not stand."""
    units = {unit.id: unit for unit in case.units}
    heard: dict[tuple[str, str], list[tuple[bool, datetime, int, Choice]]] = defaultdict(list)
    ignored: list[Ignored] = []
    severity = {choice: rank for rank, choice in enumerate(Choice)}
    for ballot in case.ballots:
        reason, owner = _admit(ballot, units.get(ballot.unit), case)
        if reason or ballot.choice is None:
            ignored.append(Ignored(ballot.unit, reason or Reason.UNCLEAR))
        else:
            own = owner == ballot.voter
            # Of two ballots at the same instant the less agreeing one stands: the order of a list proves nothing.
            heard[ballot.unit, owner].append((own, ballot.at, severity[ballot.choice], ballot.choice))
    standing: dict[str, set[Choice]] = defaultdict(set)
    for (unit, _), ballots in heard.items():
        *beaten, last = sorted(ballots)
        standing[unit].add(last[-1])
        ignored += (Ignored(unit, Reason.SUPERSEDED if own == last[0] else Reason.OWNER_VOTED) for own, *_ in beaten)
    return standing, tuple(sorted(ignored, key=lambda each: (each.unit, each.reason)))


def count(units: Iterable[Unit], standing: dict[str, set[Choice]], places: int) -> Tally:
    """Sums over units, in whole parts of the last place. A unit agrees when all of its owners who voted do."""
    total = voted = agreeing = 0
    heads: set[Hashable] = set()
    present: set[Hashable] = set()
    unwilling: set[Hashable] = set()
    for unit in units:
        area, head, choices = int(unit.area.scaleb(places)), unit.head, standing.get(unit.id)
        total += area
        heads.add(head)
        if not choices:
            continue
        voted += area
        present.add(head)
        if choices == {Choice.AGREE}:
            agreeing += area
        else:
            unwilling.add(head)
    scale = 10**places
    return Tally(
        Amounts(Fraction(total, scale), len(heads)),
        Amounts(Fraction(voted, scale), len(present)),
        Amounts(Fraction(agreeing, scale), len(present - unwilling)),
    )


def outcome(rule: Rule, nonresponse: Nonresponse, tally: Tally, step: Fraction = STEP) -> Outcome:
    """What follows from sums alone, so that a running tally can ask too."""
    silent = tally.total - tally.participated
    deemed, choice, clear = NOTHING, None, True
    if silent != NOTHING and nonresponse is Nonresponse.ABSTAIN:
        deemed, choice = silent, Choice.ABSTAIN
    elif silent != NOTHING and nonresponse is Nonresponse.FOLLOW_MAJORITY:
        sides = _sides(rule, tally)
        clear = len(set(sides)) == 1
        if any(sides):  # where no axis has a majority there is nobody to follow
            deemed = silent
            choice = (Choice.AGREE if sides[0] > 0 else Choice.DISAGREE) if clear else None
    present = tally.participated + deemed
    agreed = tally.agreed + (deemed if choice is Choice.AGREE else NOTHING)
    quorum = present.heads > 0 and all(rule.quorum.met(*pair) for pair in _axes(rule, present, tally.total))
    base = tally.total if rule.of_all else present
    if not quorum:
        missing = _missing(rule, _least(rule.quorum, tally.total, step), present)
        return Outcome(deemed, choice, quorum, Status.NO_QUORUM, missing)
    if not clear:
        status = Status.INDETERMINATE
    elif all(rule.approval.met(*pair) for pair in _axes(rule, agreed, base)):
        return Outcome(deemed, choice, quorum, Status.PASSED, NOTHING)
    else:
        status = Status.REJECTED
    return Outcome(deemed, choice, quorum, status, _to_approval(rule, nonresponse, tally, base, step))


def _admit(ballot: Ballot, unit: Unit | None, case: Case) -> tuple[Reason | None, str]:
    """Why a ballot cannot count, or the owner whose vote it is."""
    if unit is None:
        return Reason.UNKNOWN_UNIT, ""
    if not _counts(unit, case):
        return Reason.PARKING, ""
    if ballot.at < case.opens:
        return Reason.EARLY, ""
    if ballot.at > case.closes:
        return Reason.LATE, ""
    if ballot.proxy_for in unit.owners and ballot.proxy_for != ballot.voter:
        return (None, ballot.proxy_for) if ballot.in_writing else (Reason.PROXY_UNWRITTEN, "")
    return (None, ballot.voter) if ballot.voter in unit.owners else (Reason.NOT_OWNER, "")


def _counts(unit: Unit, case: Case) -> bool:
    return case.parking_counts or unit.kind is not Kind.PARKING


def _places(area: Decimal) -> int:
    """Digits after the point that say something."""
    return len(format(area, "f").partition(".")[2].rstrip("0"))


def _axes(rule: Rule, amounts: Amounts, of: Amounts) -> list[tuple[Fraction | int, Fraction | int]]:
    heads: tuple[Fraction | int, Fraction | int] = (amounts.heads, of.heads)
    return [(amounts.area, of.area), heads] if rule.by_area else [heads]


def _sides(rule: Rule, tally: Tally) -> list[int]:
    """On each axis: more than half of those who took part agree (1), do not (-1), or it is just half (0)."""
    halves = [(2 * agreed, present) for agreed, present in _axes(rule, tally.agreed, tally.participated)]
    return [(twice > present) - (twice < present) for twice, present in halves]


def _to_approval(rule: Rule, nonresponse: Nonresponse, tally: Tally, base: Amounts, step: Fraction) -> Amounts:
    """What must agree besides, of those counted as taking part."""
    if nonresponse is not Nonresponse.FOLLOW_MAJORITY:
        return _missing(rule, _least(rule.approval, base, step), tally.agreed)
    # The silent join once the majority has turned.
    joined = _least(rule.approval, tally.total, step) - (tally.total - tally.participated)
    turned = _least(HALF, tally.participated, step)
    wanted = Amounts(max(joined.area, turned.area), max(joined.heads, turned.heads))
    return _missing(rule, wanted, tally.agreed)


def _least(share: Share, whole: Amounts, step: Fraction) -> Amounts:
    return Amounts(share.least(whole.area, step), int(share.least(whole.heads, 1)))


def _missing(rule: Rule, wanted: Amounts, there: Amounts) -> Amounts:
    missing = wanted - there
    return Amounts(max(missing.area, Fraction(0)) if rule.by_area else Fraction(0), max(missing.heads, 0))
