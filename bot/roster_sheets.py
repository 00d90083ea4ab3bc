"""Roster files that we write: the empty template, and a faulty table once more with what is wrong in it.

Every cell is written as a string (cell type "s"), in text format and with Excel's quote prefix where it begins like a
formula: a spreadsheet shows "=1+1" as these four characters and keeps them so when the cell is edited; no apostrophe
becomes part of the value, so what is read again is what stood there.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from bot.roster_report import advice, fault
from domain.roster_values import is_formula
from domain.rosters import Column, Finding, Kind, Relation, Severity, Sheet, letter
from texts import say

_TEMPLATE: list[Column] = [column for column in Column if column not in {Column.COMPOUND, Column.PLACE}]
_NUMBERS = (Column.AREA,)
_WIDTHS = {Column.PHONE: 15, Column.IDENTITY: 22, Column.REMARK: 28}
_CHOICES = 20_000  # rows of the template with a list to choose from
_CELL = 32_767  # characters that Excel allows
_COLOURS = {Severity.ERROR: "#FFC7CE", Severity.WARNING: "#FFEB9C"}


def write_template(path: Path) -> None:
    import xlsxwriter

    with xlsxwriter.Workbook(str(path), _strings()) as book:
        heading = book.add_format({"bold": True, "bg_color": "#DDEBF7", "border": 1, "num_format": "@"})
        text, number = book.add_format({"num_format": "@"}), book.add_format({"num_format": "0.00"})
        table = book.add_worksheet(say("rosters.template_sheet"))
        for at, column in enumerate(_TEMPLATE):
            table.set_column(at, at, _WIDTHS.get(column, 10), number if column in _NUMBERS else text)
            table.write_string(0, at, say(f"rosters.title_{column}"), heading)
        for row, example in enumerate(say("rosters.examples").splitlines(), 1):
            for at, value in enumerate(example.split("|")):
                if value and _TEMPLATE[at] in _NUMBERS:
                    table.write_number(row, at, float(value), number)
                else:
                    table.write_string(row, at, value, text)
        table.freeze_panes(1, 0)
        _choose(table, Column.RELATION, [say(f"rosters.label_{relation}") for relation in Relation])
        _choose(table, Column.KIND, [say(f"rosters.label_{kind}") for kind in Kind])
        _explain(book)


def _choose(table: Any, column: Column, labels: list[str]) -> None:
    at = _TEMPLATE.index(column)
    told = {"error_title": say(f"rosters.title_{column}"), "error_message": say("rosters.template_choose")}
    table.data_validation(1, at, _CHOICES, at, {"validate": "list", "source": labels, **told})


def _explain(book: Any) -> None:
    sheet = book.add_worksheet(say("rosters.template_help_sheet"))
    wrapped = book.add_format({"text_wrap": True, "valign": "top"})
    sheet.set_column(0, 0, 80)
    for row, line in enumerate(say("rosters.template_help").splitlines()):
        sheet.write_string(row, 0, line, wrapped)


def write_error_sheet(path: Path, sheets: Sequence[Sheet], findings: Sequence[Finding]) -> None:
    """The same sheets, moved one column to the right: a first column says per row what to do, faulty cells are
    coloured and say it in a comment."""
    import xlsxwriter

    with xlsxwriter.Workbook(str(path), _strings()) as book:
        names: set[str] = set()
        for sheet in sheets:
            table = book.add_worksheet(_sheet_name(sheet.name, names))
            _write_faulty(book, table, sheet, [finding for finding in findings if finding.sheet == sheet.name])


def _strings() -> dict[str, bool]:
    return {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


def _sheet_name(name: str, taken: set[str]) -> str:
    """A name that Excel allows, once."""
    plain = re.sub(r"[\[\]:*?/\\']", "-", name)[:25] or "-"
    while plain.casefold() in taken:
        plain = f"{plain[:25]}-{len(taken)}"
    taken.add(plain.casefold())
    return plain


def _write_faulty(book: Any, table: Any, sheet: Sheet, findings: list[Finding]) -> None:
    from xlsxwriter.exceptions import OverlappingRange

    formats = {
        (severity, quoted): book.add_format(
            {"num_format": "@", "quote_prefix": quoted} | ({"bg_color": _COLOURS[severity]} if severity else {})
        )
        for severity in (None, *Severity)
        for quoted in (False, True)
    }
    columns = {letter(at): at for at in range(max(map(len, sheet.rows), default=0))}
    faulty: dict[tuple[int, int], list[Finding]] = {}
    rows: dict[int, list[Finding]] = {}
    for finding in findings:
        row = max(finding.row - 1, 0)
        rows.setdefault(row, []).append(finding)
        if finding.column in columns:
            faulty.setdefault((row, columns[finding.column]), []).append(finding)

    def write(row: int, at: int, value: str, found: list[Finding]) -> None:
        severity = min((each.severity for each in found), default=None)  # "error" comes before "warning"
        table.write_string(row, at, value[:_CELL], formats[severity, is_formula(value)])

    for top, left, bottom, right in sheet.merged:
        last, end = min(bottom, len(sheet.rows) - 1), min(right, len(columns) - 1)
        if top < last or left < end:
            with suppress(OverlappingRange):
                table.merge_range(top, left + 1, last, end + 1, "", formats[None, False])
    for row, cells in enumerate(sheet.rows):
        said = [f"{fault(each)}。{advice(each)}" for each in rows.get(row, [])]
        write(row, 0, "\n".join(said) or ("" if row else say("rosters.error_column")), rows.get(row, []))
        for at in range(len(columns)):
            found = faulty.get((row, at), [])
            value = cells[at] if at < len(cells) else ""
            if value or found:
                write(row, at + 1, value, found)
            if found:
                comment = "\n".join(f"{fault(each)}。{advice(each)}" for each in found)
                table.write_comment(row, at + 1, comment, {"x_scale": 2, "font_size": 10})
    table.set_column(0, 0, 40)
    table.set_column(1, max(len(columns), 1), 14, formats[None, False])
