"""A decision as a file (docs/votes.md): values of JSON → a case, checked field by field; a result → values of JSON."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from domain.decision_rules import RULES
from domain.decisions import Amounts, Ballot, Case, Choice, Kind, Nonresponse, Result, Unit

Json = Any

_CHOICES: dict[str, Choice] = {choice.value: choice for choice in Choice}
_LARGEST, _FINEST = Decimal(10) ** 9, -6
_SHOWN = 40


class CaseError(ValueError):
    """What is wrong with a file: the field, what is expected there, what stands there."""

    def __init__(self, field: str, expected: str, got: Json = None) -> None:
        found = "it is missing" if got is None else f"found {_short(got)}"
        super().__init__(f"{field}: expected {expected}, {found}")


def read_case(data: Json) -> Case:
    """Numbers must come exact: read the JSON with `parse_float=Decimal`."""
    case = _object(data, "the file")
    rule = RULES[_one_of(case, "rule", "", tuple(RULES))]
    nonresponse = Nonresponse(_one_of(case, "nonresponse", "", tuple(Nonresponse), Nonresponse.NOT_PARTICIPATED))
    opens, closes = _instant(case, "opens", ""), _instant(case, "closes", "")
    if closes < opens:
        raise CaseError("closes", f"a time not before opens ({case['opens']})", case["closes"])
    units = tuple(_unit(each, at, rule.by_area) for each, at in _list(case, "units"))
    seen: set[str] = set()
    for at, unit in enumerate(units):
        if unit.id in seen:
            raise CaseError(f"units[{at}].id", "an id that no other unit has", unit.id)
        seen.add(unit.id)
    ballots = tuple(_ballot(each, at) for each, at in _list(case, "ballots"))
    return Case(rule, nonresponse, units, ballots, opens, closes, _flag(case, "parking_counts", "", usual=False))


def show(result: Result) -> dict[str, Json]:
    """Areas are decimal strings, so that nobody's reader rounds them."""
    tally, outcome = result.tally, result.outcome

    def amounts(of: Amounts) -> dict[str, Json]:
        return {"area": _decimal(of.area, result.places), "heads": of.heads}

    return {
        "total": amounts(tally.total),
        "participated": amounts(tally.participated),
        "agreed": amounts(tally.agreed),
        "deemed": {**amounts(outcome.deemed), "choice": outcome.deemed_choice},
        "quorum": outcome.quorum,
        "passed": outcome.passed,
        "status": outcome.status,
        "needs": amounts(outcome.needs),
        "ignored": [{"unit": each.unit, "reason": each.reason} for each in result.ignored],
    }


def _unit(value: Json, at: str, by_area: bool) -> Unit:
    unit = _object(value, at)
    owners = frozenset(_text({at: each}, at, "") for each, at in _list(unit, "owners", f"{at}."))
    kind = Kind(_one_of(unit, "kind", f"{at}.", tuple(Kind), Kind.DWELLING))
    area = Decimal(0) if not by_area and unit.get("area") is None else _area(unit, f"{at}.")
    return Unit(_text(unit, "id", f"{at}."), area, owners, kind)


def _ballot(value: Json, at: str) -> Ballot:
    ballot = _object(value, at)
    place = f"{at}."
    choice = _text(ballot, "choice", place)
    return Ballot(
        unit=_text(ballot, "unit", place),
        voter=_text(ballot, "voter", place),
        choice=_CHOICES.get(choice),
        at=_instant(ballot, "at", place),
        proxy_for=None if ballot.get("proxy_for") in (None, "") else _text(ballot, "proxy_for", place),
        in_writing=_flag(ballot, "in_writing", place, usual=True),
    )


def _object(value: Json, field: str) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise CaseError(field, "an object in braces", value)
    return value


def _list(within: dict[str, Json], name: str, place: str = "") -> Iterator[tuple[Json, str]]:
    values = within.get(name)
    if not isinstance(values, list):
        raise CaseError(f"{place}{name}", "a list in brackets", values)
    return ((value, f"{place}{name}[{at}]") for at, value in enumerate(values))


def _text(within: dict[str, Json], name: str, place: str) -> str:
    value = within.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value:
        raise CaseError(f"{place}{name}", "a text", value)
    return value


def _one_of(within: dict[str, Json], name: str, place: str, allowed: tuple[str, ...], usual: str | None = None) -> str:
    value = within.get(name, usual)
    if not isinstance(value, str) or value not in allowed:
        raise CaseError(f"{place}{name}", f"one of {', '.join(allowed)}", value)
    return value


def _flag(within: dict[str, Json], name: str, place: str, *, usual: bool) -> bool:
    value = within.get(name, usual)
    if not isinstance(value, bool):
        raise CaseError(f"{place}{name}", "true or false", value)
    return value


def _area(within: dict[str, Json], place: str) -> Decimal:
    value = within.get("area")
    area = _exact(value)
    if area is None or not 0 <= area < _LARGEST or area != round(area, -_FINEST):
        raise CaseError(
            f"{place}area", "square metres from 0, as 89.56, with at most six digits after the point", value
        )
    return area


def _exact(value: Json) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _instant(within: dict[str, Json], name: str, place: str) -> datetime:
    value = within.get(name)
    expected = "a time with its offset, as 2026-11-27T20:00:00+08:00"
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise CaseError(f"{place}{name}", expected, value)
    return moment


def _decimal(area: Fraction, places: int) -> str:
    whole, rest = divmod(int(area * 10**places), 10**places)
    return f"{whole}.{rest:0{places}}"


def _short(value: Json) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    said = repr(str(value) if isinstance(value, Decimal) else value)
    return said if len(said) <= _SHOWN else f"{said[:_SHOWN]}…"
