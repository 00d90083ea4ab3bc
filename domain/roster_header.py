"""Where the table begins: its header under the title rows, in one row or two, in the words that people use."""

from collections.abc import Mapping
from dataclasses import dataclass

from domain import roster_values as values
from domain.roster_model import Code, Column, Finding, RosterWords, Sheet, letter

_DEPTH = 30  # rows in which a header may stand
_SAMPLE = 50  # rows that tell what a column really holds


@dataclass(frozen=True, slots=True)
class Header:
    """first: the index of the first row under it. building: what the name of the sheet says, for lack of a column."""

    first: int
    columns: Mapping[Column, int]
    twice: tuple[tuple[int, int], ...] = ()  # (column, the earlier one of the same meaning)
    building: str = ""


def fold(text: str, words: RosterWords) -> str:
    """A header without what does not name its meaning: brackets, units, stars, spaces."""
    return words.header_noise.sub("", values.clean(text).casefold())


def find_header(sheet: Sheet, words: RosterWords) -> Header | None:
    """The row (or two) that names the most meanings, a place among them."""
    best, most = None, 1
    named = [_named(cells, words) for cells in sheet.rows[:_DEPTH]]
    for at, top in enumerate(named):
        below = named[at + 1] if at + 1 < len(named) else {}
        two = len(below.keys() - top.keys()) > 1 or any(
            first == at < last and left in top for first, left, last, _ in sheet.merged
        )
        meanings = top | below if two else top
        known = set(meanings.values())
        if len(known) > most and known & {Column.PLACE, Column.BUILDING, Column.ROOM}:
            best, most = (at + 1 + two, meanings), len(known)
    return _header(sheet, words, *best) if best else None


def _named(cells: list[str], words: RosterWords) -> dict[int, Column]:
    found = ((at, words.headers.get(fold(cell, words))) for at, cell in enumerate(cells) if cell)
    return {at: meaning for at, meaning in found if meaning}


def _header(sheet: Sheet, words: RosterWords, first: int, meanings: Mapping[int, Column]) -> Header:
    columns: dict[Column, int] = {}
    twice = []
    for at, meaning in sorted(meanings.items()):
        if meaning is Column.REMARK or columns.setdefault(meaning, at) == at:
            continue
        twice.append((at, columns[meaning]))
    if Column.BUILDING in columns and Column.ROOM in columns:
        columns.pop(Column.PLACE, None)  # an address beside them says it once more
    building = ""
    if not columns.keys() & {Column.BUILDING, Column.PLACE}:
        if Column.ROOM in columns and _holds_places(sheet, first, columns[Column.ROOM], words):
            columns[Column.PLACE] = columns.pop(Column.ROOM)
        elif words.building.fullmatch(name := values.clean(sheet.name)) and not name.isascii():
            building = values.building(name, words)
    return Header(first, columns, tuple(twice), building)


def _holds_places(sheet: Sheet, first: int, column: int, words: RosterWords) -> bool:
    cells = (values.clean(row[column]) for row in sheet.rows[first : first + _SAMPLE] if column < len(row))
    read = [values.place(cell, words) is not None for cell in cells if cell]
    return sum(read) * 2 > len(read)


def faults(sheet: Sheet, header: Header) -> list[Finding]:
    """What is wrong with the header itself."""
    found = [
        Finding(Code.COLUMN_TWICE, sheet.name, header.first, letter(at), {"other": letter(other)})
        for at, other in header.twice
    ]
    if Column.PLACE not in header.columns:
        if Column.BUILDING not in header.columns and not header.building:
            found.append(Finding(Code.BUILDING_COLUMN, sheet.name, header.first))
        if Column.ROOM not in header.columns:
            found.append(Finding(Code.ROOM_COLUMN, sheet.name, header.first))
    return found
