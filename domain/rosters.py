"""Rosters as communities keep them: sheets of cells → rows of people, and what is wrong with which cell."""

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import cache
from typing import TypeVar

from domain import roster_checks, roster_values
from domain.roster_header import Header, faults, find_header, fold
from domain.roster_model import (
    Code,
    Column,
    Finding,
    Kind,
    Relation,
    Roster,
    RosterWords,
    Row,
    Severity,
    Sheet,
    letter,
)
from domain.roster_values import masked, natural

__all__ = [
    "Code",
    "Column",
    "Finding",
    "Header",
    "Kind",
    "Relation",
    "Roster",
    "RosterWords",
    "Row",
    "Severity",
    "Sheet",
    "find_header",
    "fold",
    "letter",
    "natural",
    "read_rows",
]

_PLACES = (Column.COMPOUND, Column.PLACE, Column.BUILDING, Column.UNIT, Column.ROOM)
_WHOLE_HOUSEHOLD = (*_PLACES, Column.AREA, Column.KIND)  # what a merged cell says of all its rows
_PHONE_LENGTH = 11
_LONGEST = 100  # characters of a cell that we keep

Value = TypeVar("Value")


def read_rows(sheets: Sequence[Sheet], words: RosterWords) -> Roster:
    """The rosters of all sheets together; a sheet without a header (an explanation) counts where no sheet has one."""
    headers = {at: header for at, sheet in enumerate(sheets) if (header := find_header(sheet, words))}
    if not headers:
        return Roster((), (Finding(Code.HEADER_MISSING, sheets[0].name if sheets else ""),), 0)
    rows: list[Row] = []
    findings: list[Finding] = []
    spellings = roster_checks.Spellings()
    lost: set[tuple[str, int]] = set()
    for at, header in headers.items():
        wrong = faults(sheets[at], header)
        findings += wrong
        if not wrong:
            table = _Table(sheets[at], header, words, spellings)
            rows += table.rows()
            findings += table.findings
            lost |= table.lost
    rows, found = roster_checks.check(rows, lost)
    findings += found + spellings.findings()
    order = {sheet.name: at for at, sheet in enumerate(sheets)}
    findings.sort(key=lambda found: (order[found.sheet], found.row, len(found.column), found.column))
    if any(found.severity is Severity.ERROR for found in findings):
        return Roster((), tuple(findings), len(rows))
    rows.sort(key=lambda row: tuple(map(natural, row.household)))
    return Roster(tuple(rows), tuple(findings), len(rows))


class _Table:
    """The rows under one header. A cell with a fault has no value, so that one slip is told once."""

    def __init__(self, sheet: Sheet, header: Header, words: RosterWords, spellings: roster_checks.Spellings) -> None:
        self.findings: list[Finding] = []
        self.lost: set[tuple[str, int]] = set()  # rows (sheet, line) of which nobody knows the household
        self._sheet, self._header, self._words, self._spellings = sheet, header, words, spellings
        self._building = cache(lambda text: roster_values.building(text, words))
        self._unit = cache(lambda text: roster_values.unit(text, words))
        self._whole = {header.columns[each] for each in _WHOLE_HOUSEHOLD if each in header.columns}
        self._filled = dict(self._merged())
        self._compound = ""
        self._last: tuple[str, str, str] | None = None  # the household of the row above
        self._titles = {column: self._raw(header.first - 1, column) for column in header.columns.values()}

    def rows(self) -> Iterator[Row]:
        for at in range(self._header.first, len(self._sheet.rows)):
            if row := self._row(at):
                yield row

    def _merged(self) -> Iterator[tuple[tuple[int, int], int]]:
        """Where a cell of a merged range takes its value from: its row, for columns that speak of a household."""
        for top, left, bottom, _ in self._sheet.merged:
            if left in self._whole and top >= self._header.first:
                yield from (((row, left), top) for row in range(top + 1, bottom + 1))

    def _raw(self, at: int, column: int) -> str:
        cells = self._sheet.rows[self._filled.get((at, column), at)]
        return cells[column] if column < len(cells) else ""

    def _tell(self, code: Code, at: int, column: Column, **data: object) -> None:
        place = self._header.columns.get(column)
        self.findings.append(Finding(code, self._sheet.name, at + 1, "" if place is None else letter(place), data))

    def _row(self, at: int) -> Row | None:
        if self._aside(at):
            return None
        texts, wrong = self._texts(at)
        if not wrong and not any(text for meaning, text in texts.items() if meaning is not Column.REMARK):
            return None
        place = self._place(at, texts, wrong)
        area = self._value(at, Column.AREA, texts, lambda text: roster_values.area(text, self._words), None)
        kind = self._kind(at, texts)
        if area and area > roster_values.LARGEST and kind is Kind.HOME:
            self._tell(Code.AREA_LARGE, at, Column.AREA, value=str(area))
        name, phone, identity, share = self._person(at, texts, wrong)
        relation = self._relation(at, texts, wrong, place) if name or phone or identity else None
        self._last = place or self._last
        if not place or wrong:
            self.lost.add((self._sheet.name, at + 1))
            return None
        source = (self._sheet.name, at + 1, self._header.columns)
        return Row(*place, area, kind, name, phone, identity, relation, share, *source)

    def _texts(self, at: int) -> tuple[dict[Column, str], set[Column]]:
        """The clean cells by meaning, "" for those that say nothing, and the columns where nothing can be read."""
        texts: dict[Column, str] = {}
        wrong: set[Column] = set()
        for meaning, column in self._header.columns.items():
            raw = self._raw(at, column)
            text = roster_values.clean(raw)
            texts[meaning] = "" if text.casefold() in self._words.nothing else text
            if meaning is not Column.REMARK and roster_values.is_formula(raw):
                wrong.add(meaning)
                self._tell(Code.FORMULA, at, meaning)
            elif meaning is not Column.REMARK and len(text) > _LONGEST:
                wrong.add(meaning)
                self._tell(Code.TEXT_LONG, at, meaning, limit=_LONGEST)
            if meaning in wrong:
                texts[meaning] = ""
        return texts, wrong

    def _aside(self, at: int) -> bool:
        """Totals, signatures and the header once more on the next printed page are no households."""
        for column, cell in enumerate(self._sheet.rows[at]):
            if cell.isascii() or not self._words.aside.fullmatch("".join(roster_values.clean(cell).split())):
                continue
            data = {"value": roster_values.clean(cell).partition(":")[0].partition(",")[0][:8]}
            self.findings.append(Finding(Code.ASIDE_ROW, self._sheet.name, at + 1, letter(column), data))
            return True
        titles = ((column, title) for column, title in self._titles.items() if title)
        return sum(self._raw(at, column) == title for column, title in titles) > 2

    def _place(self, at: int, texts: dict[Column, str], wrong: set[Column]) -> tuple[str, str, str] | None:
        self._check_compound(at, texts)
        for meaning in (Column.BUILDING, Column.UNIT, Column.ROOM):
            if self._words.date.fullmatch(texts.get(meaning, "")):
                self._tell(Code.PLACE_DATE, at, meaning, value=texts[meaning])
                wrong.add(meaning)
        if Column.PLACE in self._header.columns:
            return self._combined(at, texts[Column.PLACE], wrong)
        building = self._building(texts.get(Column.BUILDING, "")) or self._header.building
        unit = self._unit(texts.get(Column.UNIT, ""))
        room = roster_values.room(texts[Column.ROOM], self._words)
        for code, meaning, value in (
            (Code.BUILDING_MISSING, Column.BUILDING, building),
            (Code.ROOM_MISSING, Column.ROOM, room),
        ):
            if not value and meaning not in wrong:
                self._tell(code, at, meaning)
        if not building or not room:
            return None
        both = f"{texts.get(Column.BUILDING, '')}-{room}"  # a column may hold building and unit
        if not unit and not self._words.building.fullmatch(building):
            return roster_values.place(both, self._words) or (building, unit, room)
        if texts.get(Column.BUILDING):
            self._spellings.add(building, texts[Column.BUILDING], self._sheet.name, at + 1, self._header.columns)
        whole = roster_values.place(room, self._words)  # "3-2-501" beside a column that says 3
        if whole and len(whole[2]) > 2 and whole[0] == building and (not unit or whole[1] in ("", unit)):
            return building, unit or whole[1], whole[2]
        return building, unit, room

    def _check_compound(self, at: int, texts: dict[Column, str]) -> None:
        compound = "".join(texts.get(Column.COMPOUND, "").split())
        self._compound = self._compound or compound
        if compound and compound != self._compound:
            self._tell(Code.COMPOUND_OTHER, at, Column.COMPOUND, value=compound[:20], first=self._compound[:20])

    def _combined(self, at: int, text: str, wrong: set[Column]) -> tuple[str, str, str] | None:
        place = roster_values.place(text, self._words)
        if not place and Column.PLACE not in wrong:
            date = self._words.date.fullmatch(text)
            code = Code.PLACE_DATE if date else Code.PLACE_FORM if text else Code.ROOM_MISSING
            self._tell(code, at, Column.PLACE, value=masked(Column.PLACE, text))
        return place

    def _value(
        self,
        at: int,
        column: Column,
        texts: dict[Column, str],
        read: Callable[[str], tuple[Value, Code | None]],
        empty: Value,
    ) -> Value:
        text = texts.get(column, "")
        if not text:
            return empty
        value, code = read(text)
        if code:
            digits = sum(map(str.isdecimal, text))
            off = {"off": abs(digits - _PHONE_LENGTH)} if column is Column.PHONE else {"digits": digits}
            self._tell(code, at, column, value=masked(column, text), **off)
        return value

    def _person(self, at: int, texts: dict[Column, str], wrong: set[Column]) -> tuple[str, str, str, Fraction | None]:
        name = self._value(at, Column.NAME, texts, lambda text: roster_values.name(text, self._words), "")
        phone = self._value(at, Column.PHONE, texts, roster_values.phone, "")
        identity = self._value(at, Column.IDENTITY, texts, roster_values.identity, "")
        nobody: Fraction | None = None
        share = self._value(at, Column.SHARE, texts, roster_values.share, nobody)
        told = texts.get(Column.PHONE) or texts.get(Column.IDENTITY)
        if Column.NAME in self._header.columns and not texts[Column.NAME] and told and Column.NAME not in wrong:
            self._tell(Code.NAME_MISSING, at, Column.NAME)
            wrong.add(Column.NAME)
        return name, phone, identity, share

    def _kind(self, at: int, texts: dict[Column, str]) -> Kind:
        text = "".join(texts.get(Column.KIND, "").split())
        if not text:
            return Kind.HOME
        if text not in self._words.kinds:
            self._tell(Code.KIND_UNKNOWN, at, Column.KIND, value=masked(Column.KIND, text))
        return self._words.kinds.get(text, Kind.OTHER)

    def _relation(
        self, at: int, texts: dict[Column, str], wrong: set[Column], place: tuple[str, str, str] | None
    ) -> Relation:
        """Without a word the first person of a household is its owner; in a file without the column everybody is."""
        text = self._words.relation_noise.sub("", "".join(texts.get(Column.RELATION, "").split()))
        if text and text not in self._words.relations:
            self._tell(Code.RELATION_UNKNOWN, at, Column.RELATION, value=masked(Column.RELATION, text))
        asked = Column.RELATION in self._header.columns and Column.RELATION not in wrong
        if asked and not text and place and place == self._last:
            self._tell(Code.RELATION_MISSING, at, Column.RELATION)
        return self._words.relations.get(text, Relation.OWNER)
