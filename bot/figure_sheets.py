"""A month's figures as a workbook: each ticket, the three rates with what they are made of, where what is reported.

Text cells are written as text, with Excel's quote prefix where they begin like a formula (as in bot/roster_sheets.py).
No name, phone or word of a resident stands in it.
"""

import io
from fractions import Fraction
from typing import Any

from domain import figures
from domain.figures import Cell, Intake
from domain.roster_values import is_formula
from domain.rules import Figures
from texts import say

_COLUMNS = (
    *("number", "compound", "building", "category", "kind", "opened_at", "contacted_at", "respond_by", "resolve_by"),
    *("closed_at", "counts", "answer", "reopened", "hops", "hotline"),
)
_WIDE = 19
_SAFE = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}
_COUNTS = ("done", "valid", "late", "silent", "unreached", "excluded", "hotline", "unprompted", "reopened")


class _Book:
    """One workbook and its few formats."""

    def __init__(self, target: io.BytesIO) -> None:
        import xlsxwriter

        self.book = xlsxwriter.Workbook(target, _SAFE)
        self.heading = self.book.add_format({"bold": True, "bg_color": "#F6E7D2", "bottom": 1, "num_format": "@"})
        self.text = self.book.add_format({"num_format": "@"})
        self.quoted = self.book.add_format({"num_format": "@", "quote_prefix": True})
        self.rate = self.book.add_format({"num_format": "0.0%"})
        self.part = self.book.add_format({"num_format": "0.##"})

    def sheet(self, name: str, headings: list[str]) -> Any:
        sheet = self.book.add_worksheet(name)
        for at, heading in enumerate(headings):
            self.put(sheet, 0, at, heading, self.heading)
        sheet.freeze_panes(1, 0)
        return sheet

    def put(self, sheet: Any, row: int, at: int, value: str | float, style: Any = None) -> None:
        if isinstance(value, str):
            sheet.write_string(row, at, value, style or (self.quoted if is_formula(value) else self.text))
        else:
            sheet.write_number(row, at, value, style)


def write(content: dict[str, Any]) -> bytes:
    """The workbook. content: as services/ticket_figures.export gives it."""
    target = io.BytesIO()
    book = _Book(target)
    _tickets(book, content)
    _rates(book, content)
    _heat(book, [Intake(*each) for each in content["intake"]])
    book.book.close()
    return target.getvalue()


def _tickets(book: _Book, content: dict[str, Any]) -> None:
    sheet = book.sheet(say("figures.sheet_tickets"), [say(f"figures.column_{name}") for name in _COLUMNS])
    for row, ticket in enumerate(content["tickets"], 1):
        shown = ticket | {
            "category": say(f"categories.{ticket['category']}"),
            "kind": say(f"figures.kind_{ticket['kind']}"),
            "counts": say(f"figures.counts_{ticket['counts']}") if ticket["counts"] else "",
            "answer": say(f"figures.answer_{ticket['answer'] or 'silent'}") if ticket["counts"] else "",
        }
        for at, name in enumerate(_COLUMNS):
            book.put(sheet, row, at, shown[name])
    sheet.set_column(0, len(_COLUMNS) - 1, 11)
    first = _COLUMNS.index("opened_at")
    sheet.set_column(first, _COLUMNS.index("closed_at"), _WIDE)
    sheet.set_column(len(_COLUMNS) - 1, len(_COLUMNS) - 1, _WIDE)
    sheet.autofilter(0, 0, len(content["tickets"]), len(_COLUMNS) - 1)


def _rates(book: _Book, content: dict[str, Any]) -> None:
    rules = Figures(*content["rules"])
    counts = figures.tally(Cell(*each) for each in content["cells"])
    rates = figures.rates(counts, rules)
    sheet = book.sheet(
        say("figures.sheet_rates"), [say(f"figures.column_{name}") for name in ("figure", "part", "whole", "rate")]
    )
    row = 0
    for name, rate in (("response", rates.response), ("solved", rates.solved), ("satisfied", rates.satisfied)):
        row += 1
        book.put(sheet, row, 0, say(f"figures.rate_{name}"))
        book.put(sheet, row, 1, float(rate.part), book.part)
        book.put(sheet, row, 2, rate.whole)
        _share(book, sheet, row, rate.value if rate.whole >= rules.few else None)
    row += 1
    book.put(sheet, row, 0, say("figures.rate_composite"))
    _share(book, sheet, row, rates.composite if counts.valid >= rules.few else None)
    for name in _COUNTS:
        row += 1
        book.put(sheet, row, 0, say(f"figures.figure_{name}"))
        book.put(sheet, row, 1, getattr(counts, name))
    weights = {
        "response": rules.response_weight,
        "solved": rules.solved_weight,
        "satisfied": rules.satisfied_weight,
        "fair": rules.fair_percent,
    }
    facts = {name: content[name] for name in ("who", "at", "closed", "digest")}
    book.put(sheet, row + 2, 0, say("figures.row_weights", **weights))
    book.put(sheet, row + 3, 0, say("figures.row_exported", **facts))
    sheet.set_column(0, 0, _WIDE)
    sheet.set_column(1, 3, 11)


def _share(book: _Book, sheet: Any, row: int, value: Fraction | None) -> None:
    if value is None:
        book.put(sheet, row, 3, figures.NONE)
    else:
        book.put(sheet, row, 3, float(value), book.rate)


def _heat(book: _Book, intake: list[Intake]) -> None:
    """Every building with every category, none left out; tinted by how many."""
    several = len({each.compound for each in intake}) > 1

    def label(each: Intake) -> str:
        building = each.building or say("figures.whole_compound")
        return f"{each.compound} {building}" if several else building

    entries = [(label(each), each.category, each.count) for each in intake]
    table = figures.heat(entries, lambda name: (len(name), name), places=len(entries), categories=len(entries))
    headings = [say(f"categories.{code}") for code in table.categories]
    sheet = book.sheet(
        say("figures.sheet_heat"), [say("figures.column_building"), *headings, say("figures.heat_total")]
    )
    for row, (name, line) in enumerate(zip(table.places, table.counts, strict=True), 1):
        book.put(sheet, row, 0, name)
        for at, count in enumerate([*line, sum(line)], 1):
            book.put(sheet, row, at, count)
    if table.counts:
        colours = {"type": "2_color_scale", "min_color": "#FFFFFF", "max_color": "#D2695A"}
        sheet.conditional_format(1, 1, len(table.places), len(headings), colours)
    sheet.set_column(0, 0, _WIDE)
