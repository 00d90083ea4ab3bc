"""`python -m bot.roster_workbook FILE`: an .xlsx or .xls as JSON, read in a process that may die.

Calamine lays a sheet out as a full rectangle: one cell at XFD1048576 asks for 500 GB and aborts, and a damaged .xls
makes it panic. So it runs beside the bot (`roster_files.read`), with an end to its memory and time.
"""

import json
import os
import sys
import zipfile
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

MOST_ROWS = 200_000
MOST_COLUMNS = 100
_UNPACKED = 1_000_000_000  # bytes in the parts of an .xlsx; 200,000 full rows have some 300 million
_MEMORY = 3 << 30
_SECONDS = 120


def cell(value: object) -> str:
    """A cell as it is shown: 501.0 is 501; a number of 16 and more digits has lost some, so it stays 4.2E+17."""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float):
        shown = f"{value:.15g}"
        if "e" not in shown:
            return shown
        mantissa, exponent = shown.upper().split("E")
        return f"{mantissa}E{int(exponent):+d}"
    if isinstance(value, datetime) and value.time() == time():
        value = value.date()
    return value.isoformat() if isinstance(value, date | time) else str(value)


def trimmed(rows: list[list[str]]) -> list[list[str]]:
    """Without the empty cells at the ends of rows and the empty rows at the end."""
    for row in rows:
        while row and not row[-1].strip():
            row.pop()
    while rows and not rows[-1]:
        rows.pop()
    return rows


def excess(rows: list[list[str]]) -> str:
    if len(rows) > MOST_ROWS:
        return "rows"
    return "columns" if any(len(row) > MOST_COLUMNS for row in rows) else ""


def sheets(path: Path) -> dict[str, Any]:
    """The visible sheets as [name, rows, merged ranges], or the fault that keeps them closed."""
    from python_calamine import SheetTypeEnum, SheetVisibleEnum, load_workbook

    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as parts:
            if sum(part.file_size for part in parts.infolist()) > _UNPACKED:
                return {"fault": "broken"}
    found = []
    with path.open("rb") as file:
        workbook = load_workbook(file)
        for number, about in enumerate(workbook.sheets_metadata):
            if about.visible is not SheetVisibleEnum.Visible or about.typ is not SheetTypeEnum.WorkSheet:
                continue
            sheet = workbook.get_sheet_by_index(number)
            rows = trimmed([[cell(value) for value in row] for row in sheet.to_python(skip_empty_area=False)])
            if fault := excess(rows):
                return {"fault": fault}
            merged = [(*first, *last) for first, last in sheet.merged_cell_ranges or () if first != last]
            found.append((about.name, rows, [at for at in merged if at[0] < len(rows)]))
    return {"sheets": found}


def _bounded() -> None:
    """Windows has no such limits; there an absurd size fails at once."""
    if os.name == "posix":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold the people of the roster


if __name__ == "__main__":
    _bounded()
    sys.stdout.write(json.dumps(sheets(Path(sys.argv[1]))))
