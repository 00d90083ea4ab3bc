"""What no single cell of a roster shows: people who stand in it twice, places that are written in two ways."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from fractions import Fraction

from domain.roster_model import Code, Column, Finding, Kind, Relation, Row, letter
from domain.roster_values import masked

_SHARERS = 4  # a phone of more people is nobody's
_OWNERS = (Relation.OWNER, Relation.CO_OWNER)


@dataclass(slots=True)
class Spellings:
    """How each building is written: spelling → [count, sheet, row, column] of its first cell."""

    _written: dict[str, dict[str, list[object]]] = field(default_factory=dict)
    _counts: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))

    def add(self, building: str, spelling: str, sheet: str, line: int, columns: Mapping[Column, int]) -> None:
        self._counts[building, spelling] += 1
        known = self._written.setdefault(building, {})
        if spelling not in known:
            known[spelling] = [sheet, line, letter(columns[Column.BUILDING])]

    def findings(self) -> list[Finding]:
        """Each rarer spelling, at its first cell."""
        found = []
        for building, spellings in self._written.items():
            usual = max(spellings, key=lambda spelling: self._counts[building, spelling])
            for spelling, (sheet, line, column) in spellings.items():
                if spelling != usual:
                    data = {"value": spelling[:20], "usual": usual[:20]}
                    found.append(Finding(Code.BUILDING_SPELLING, str(sheet), int(str(line)), str(column), data))
        return found


def check(rows: Iterable[Row], lost: Set[tuple[str, int]] = frozenset()) -> tuple[list[Row], list[Finding]]:
    """The rows household by household, and what is wrong among them. One pass, dictionaries only.

    lost: (sheet, line) of rows whose household is not known; a neighbour's shares may lack theirs.
    """
    households: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        households.setdefault(row.household, []).append(row)
    kept: list[Row] = []
    found: list[Finding] = []
    for household in households.values():
        people = [row for row in household if row.person]
        found += _duplicates(people or household)
        found += _areas(household)
        if not any((row.sheet, line) in lost for row in household for line in (row.line - 1, row.line + 1)):
            found += _shares(people)
        area = next((row.area for row in household if row.area), None)
        kept += [row if row.area or not area else replace(row, area=area) for row in people or household[:1]]
    found += _units(households)
    found += _phones(kept)
    found += _identities(kept)
    return kept, found


def _finding(code: Code, row: Row, column: Column, **data: object) -> Finding:
    return Finding(code, row.sheet, row.line, row.column(column), data)


def _facts(row: Row) -> tuple[object, ...]:
    return row.name, row.phone, row.identity, row.relation, row.share, row.area, row.kind


def _duplicates(household: list[Row]) -> Iterator[Finding]:
    known: dict[str, list[Row]] = {}
    for row in household:
        namesakes = known.setdefault(row.person, [])
        first = next((other for other in namesakes if _same(other, row)), None)
        if first:
            owners = first.relation is row.relation is Relation.OWNER
            code = Code.OWNER_TWICE if owners else Code.DUPLICATE_PERSON
            code = Code.DUPLICATE_ROW if _facts(first) == _facts(row) else code
            column = Column.NAME if row.name else Column.PHONE if row.person else Column.ROOM
            yield _finding(code, row, column, value=masked(Column.NAME, row.name), first=first.line)
        elif len(namesakes) < 20:
            namesakes.append(row)


def _same(one: Row, other: Row) -> bool:
    """Father and son may share a name, not a number."""
    return not one.identity or not other.identity or one.identity == other.identity


def _areas(household: list[Row]) -> Iterator[Finding]:
    first = next((row for row in household if row.area), None)
    for row in household:
        if first and row.area and row.area != first.area:
            yield _finding(Code.AREA_DIFFERS, row, Column.AREA, value=row.area, other=first.area, first=first.line)


def _shares(people: list[Row]) -> Iterator[Finding]:
    owners = [row for row in people if row.relation in _OWNERS]
    if owners and all(row.share is not None for row in owners):
        total = sum((row.share or Fraction(0) for row in owners), Fraction(0))
        if abs(total - 1) > Fraction(1, 50):  # a third is often written as 33%
            yield _finding(Code.SHARE_SUM, owners[-1], Column.SHARE, value=f"{float(total):.0%}")


def _units(households: Mapping[tuple[str, str, str], list[Row]]) -> Iterator[Finding]:
    """Shops have no unit; other doors of a building with units do."""
    divided = {building for building, unit, _ in households if unit}
    for (building, unit, room), rows in households.items():
        if not unit and building in divided and rows[0].kind is Kind.HOME and room[:1].isdecimal():
            yield _finding(Code.UNIT_MISSING, rows[0], Column.UNIT, building=building)


def _phones(rows: list[Row]) -> Iterator[Finding]:
    first: dict[str, Row] = {}
    people: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.phone:
            first.setdefault(row.phone, row)
            people[row.phone].add(row.person)
    for phone, names in people.items():
        if len(names) > _SHARERS:
            data = {"value": masked(Column.PHONE, phone), "count": len(names)}
            yield _finding(Code.PHONE_SHARED, first[phone], Column.PHONE, **data)


def _identities(rows: list[Row]) -> Iterator[Finding]:
    known: dict[str, Row] = {}
    for row in rows:
        first = known.setdefault(row.identity, row) if row.identity else row
        if first.name != row.name:
            data = {"value": masked(Column.IDENTITY, row.identity), "first": first.line}
            yield _finding(Code.IDENTITY_SHARED, row, Column.IDENTITY, **data)
