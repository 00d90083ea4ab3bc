"""Roster files → sheets of cells. Nothing is computed: a formula comes as the value that was last shown."""

import codecs
import csv
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

from bot.roster_workbook import MOST_COLUMNS, MOST_ROWS, excess, trimmed
from domain.rosters import Sheet
from texts import say

LARGEST = 50  # MB
_PATIENCE = 180  # seconds; the reading process ends itself earlier
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
_TEXTS = (".csv", ".txt", ".tsv")
_QUOTED = re.compile(r'^="([^"]*)"$')  # ="0501": how programs keep Excel from making a number of it
_SAMPLE = 40  # lines that tell what stands between the cells


class RosterFileError(Exception):
    """A file that cannot be read; the text is the sentence for the person who gave it."""


def read(path: Path) -> list[Sheet]:
    """The sheets of an .xlsx, .xls or .csv, without empty ones. Takes seconds: not for the loop of the bot."""
    try:
        if path.stat().st_size > LARGEST * 1_000_000:
            raise RosterFileError(say("rosters.file_large", limit=LARGEST))
        with path.open("rb") as file:
            start = file.read(8)
    except OSError as error:
        raise RosterFileError(say("rosters.file_missing", name=path.name)) from error
    if start.startswith(_WORKBOOKS):
        sheets = _workbook(path)
    elif path.suffix.lower() in _TEXTS:
        sheets = [Sheet(path.stem, _text(path))]
    else:
        raise RosterFileError(say("rosters.file_kind", name=path.name))
    sheets = [sheet for sheet in sheets if sheet.rows]
    if not sheets:
        raise RosterFileError(say("rosters.file_empty", name=path.name))
    return sheets


def _workbook(path: Path) -> list[Sheet]:
    root = str(Path(__file__).resolve().parent.parent)
    command = [sys.executable, "-P", "-m", "bot.roster_workbook", str(path.resolve())]
    environment = {**os.environ, "PYTHONPATH": root}
    try:
        done = subprocess.run(command, capture_output=True, timeout=_PATIENCE, check=True, env=environment)
        answer = json.loads(done.stdout)
    except (subprocess.SubprocessError, ValueError) as error:
        if isinstance(error, subprocess.CalledProcessError) and b"No module named 'python_calamine'" in error.stderr:
            raise ModuleNotFoundError("python-calamine is not installed: pip install 'linli[rosters]'") from error
        raise RosterFileError(say("rosters.file_broken", name=path.name)) from None  # stderr may quote cells
    if "fault" in answer:
        raise _fault(answer["fault"], path)
    return [Sheet(name, rows, tuple(tuple(at) for at in merged)) for name, rows, merged in answer["sheets"]]


def _fault(fault: str, path: Path) -> RosterFileError:
    if fault == "rows":
        return RosterFileError(say("rosters.file_rows", limit=MOST_ROWS))
    if fault == "columns":
        return RosterFileError(say("rosters.file_columns", limit=MOST_COLUMNS))
    return RosterFileError(say("rosters.file_broken", name=path.name))


def _text(path: Path) -> list[list[str]]:
    written = _decoded(path.read_bytes())
    sample = "".join(written.splitlines(keepends=True)[:_SAMPLE])
    try:
        delimiter = max(",;\t", key=lambda each: sum(map(len, csv.reader(io.StringIO(sample), delimiter=each))))
        rows = []
        for row in csv.reader(io.StringIO(written, newline=""), delimiter=delimiter):
            rows.append([_QUOTED.sub(r"\1", cell) for cell in row])
            if len(rows) > 2 * MOST_ROWS:  # empty rows may follow the table, not without end
                break
    except csv.Error as error:
        raise _fault("broken", path) from error
    if fault := excess(trimmed(rows)):
        raise _fault(fault, path)
    return rows


def _decoded(written: bytes) -> str:
    """UTF-8, what Excel calls Unicode text, or what it writes in China."""
    wide = written.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ("utf-16",) if wide else ("utf-8-sig", "gb18030"):
        try:
            return written.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise RosterFileError(say("rosters.file_encoding"))
