"""Rosters as communities keep them, clean and with single faults, as grids of cells and as files."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import xlsxwriter
import xlwt

from bot.roster_report import roster_words
from domain.rosters import Code, Finding, Roster, Sheet, read_rows

Grid = list[list[str]]

TITLE = "幸福小区住户名册"
HEADER = [
    "小区",
    "楼栋",
    "单元",
    "房号",
    "建筑面积",
    "物业类型",
    "姓名",
    "手机号",
    "证件号",
    "人员类型",
    "产权份额",
    "备注",
]
FIRST = 3  # the first row under the header, as Excel counts
BLOCK = 6  # rows that each fault has for itself: two owners; an owner, a tenant, a relative; an empty flat
_FAMILY_NAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨"
_GIVEN_NAMES = "建国秀英志强丽华晓明桂兰海燕文斌"
_BUILDINGS = ("3栋", "10栋", "A栋")


def identity(number: int) -> str:
    """A valid one: GB 11643, ISO 7064 mod 11-2."""
    body = f"420106{19500101 + number % 28:08d}{number // 28:03d}"
    total = sum(int(digit) * (2 ** (17 - at) % 11) for at, digit in enumerate(body))
    return body + "10X98765432"[total % 11]


def name(number: int) -> str:
    family, given = divmod(number, len(_GIVEN_NAMES))
    rest, family = divmod(family, len(_FAMILY_NAMES))
    return _FAMILY_NAMES[family] + _GIVEN_NAMES[given] + (_GIVEN_NAMES[rest] if rest else "")


def clean(blocks: int = 3) -> Grid:
    """A roster without a fault, under a title."""
    rows: Grid = [[TITLE], list(HEADER)]
    for block in range(blocks):
        people = [("业主", "1/2"), ("共有人", "50%"), ("业主", "100%"), ("租户", ""), ("家属", ""), ("", "")]
        for at, (relation, share) in enumerate(people):
            flat = block * 3 + (0 if at < 2 else 1 if at < 5 else 2)
            place = ["幸福小区", _BUILDINGS[block % 3], f"{block % 2 + 1}单元", f"{flat // 4 + 1}{flat % 4 + 1:02d}"]
            number = block * BLOCK + at
            person = [name(number), f"138{number:08d}", identity(number)] if relation else ["", "", ""]
            rows.append([*place, "89.56", "住宅", *person, relation, share, ""])
    return rows


def flats(count: int) -> Grid:
    """A large roster: one owner a flat."""
    rows: Grid = [list(HEADER)]
    for at in range(count):
        place = ["幸福小区", f"{at // 400 + 1}栋", f"{at % 400 // 100 + 1}单元", f"{at % 100 // 4 + 1}{at % 4 + 1:02d}"]
        rows.append([*place, "89.56", "住宅", name(at % 3000), f"138{at:08d}", identity(at % 27000), "业主", "", ""])
    return rows


@dataclass(frozen=True)
class Fault:
    """One slip. edits: (row of the block, column, what is written there); -1 is the header. told: where it is found."""

    code: Code
    edits: Sequence[tuple[int, str, str]]
    told: tuple[int, str] | None = None  # without: at the last edit
    copies: Sequence[tuple[int, int, str]] = field(default=())  # (to row, from row, columns)

    def apply(self, grid: Grid, block: int) -> tuple[Code, str]:
        """Spoil a block; what must be found, and where."""
        start = FIRST - 1 + block * BLOCK
        for to, source, columns in self.copies:
            for column in columns:
                grid[start + to][_index(column)] = grid[start + source][_index(column)]
        for row, column, value in self.edits:
            grid[FIRST - 2 if row < 0 else start + row][_index(column)] = value
        row, column = self.told or self.edits[-1][:2]
        return self.code, f"{column}{FIRST - 1 if row < 0 else start + row + 1}"


def _index(column: str) -> int:
    return ord(column) - ord("A")


def _one(code: Code, row: int, column: str, value: str) -> Fault:
    return Fault(code, [(row, column, value)])


# Each spoils its own block, so that all of them stand in one file too.
FAULTS = [
    Fault(Code.ASIDE_ROW, [(5, each, "") for each in "BCDEFL"] + [(5, "A", "合 计：")]),
    _one(Code.ASIDE_ROW, 5, "L", "制表人：某某"),
    _one(Code.COMPOUND_OTHER, 5, "A", "隔壁小区"),
    _one(Code.BUILDING_MISSING, 5, "B", ""),
    _one(Code.BUILDING_SPELLING, 5, "B", "3#"),
    _one(Code.UNIT_MISSING, 5, "C", ""),
    _one(Code.ROOM_MISSING, 5, "D", ""),
    _one(Code.PLACE_DATE, 5, "D", "2024-05-01"),
    _one(Code.PLACE_DATE, 5, "D", "5月1日"),
    _one(Code.AREA_TEXT, 0, "E", "约九十"),
    _one(Code.AREA_TEXT, 0, "E", "89.5.6"),
    _one(Code.AREA_SMALL, 0, "E", "0"),
    _one(Code.AREA_SMALL, 0, "E", "-89.56"),
    _one(Code.AREA_LARGE, 5, "E", "8956"),
    _one(Code.AREA_DIFFERS, 1, "E", "98.56"),
    _one(Code.KIND_UNKNOWN, 5, "F", "鸽子笼"),
    _one(Code.NAME_MISSING, 4, "G", ""),
    _one(Code.NAME_DIGITS, 4, "G", "张三2"),
    _one(Code.NAME_PHONE, 4, "G", "张三13812345678"),
    _one(Code.NAME_OFFICE, 4, "G", "张主任"),
    _one(Code.NAME_OFFICE, 4, "G", "张三（网格员）"),
    _one(Code.NAME_SEVERAL, 4, "G", "张三、李四"),
    _one(Code.NAME_SEVERAL, 4, "G", "张小三 李四"),
    _one(Code.PHONE_SHORT, 4, "H", "1381234123"),
    _one(Code.PHONE_LONG, 4, "H", "138123412345"),
    _one(Code.PHONE_FORM, 4, "H", "12812341234"),
    _one(Code.PHONE_FORM, 4, "H", "问他儿子"),
    _one(Code.PHONE_LOST, 4, "H", "1.38E+10"),
    _one(Code.PHONE_MASKED, 4, "H", "138****1234"),
    _one(Code.PHONE_SEVERAL, 4, "H", "13912341234/13712341234"),
    Fault(Code.PHONE_SHARED, [(row, "H", "13600000000") for row in range(5)], told=(0, "H")),
    _one(Code.IDENTITY_LENGTH, 4, "I", "42010619500101001"),
    _one(Code.IDENTITY_LENGTH, 4, "I", "见复印件"),
    _one(Code.IDENTITY_CHECK, 4, "I", "420106195001010012"),
    _one(Code.IDENTITY_CHECK, 4, "I", "420106195013010018"),
    _one(Code.IDENTITY_LOST, 4, "I", "4.20106E+17"),
    _one(Code.IDENTITY_LOST, 4, "I", "420106195001012000"),
    _one(Code.IDENTITY_MASKED, 4, "I", "420106********0011"),
    Fault(Code.IDENTITY_SHARED, [], told=(4, "I"), copies=[(4, 3, "I")]),
    _one(Code.RELATION_UNKNOWN, 4, "J", "干亲"),
    _one(Code.RELATION_MISSING, 4, "J", ""),
    _one(Code.SHARE_FORM, 0, "K", "一半"),
    _one(Code.SHARE_FORM, 0, "K", "3/2"),
    _one(Code.SHARE_SUM, 1, "K", "1/3"),
    Fault(Code.DUPLICATE_ROW, [], told=(4, "G"), copies=[(4, 3, "GHIJK")]),
    Fault(Code.DUPLICATE_PERSON, [], told=(4, "G"), copies=[(4, 3, "GI")]),
    Fault(Code.OWNER_TWICE, [], told=(3, "G"), copies=[(3, 2, "GIJ")]),
    _one(Code.FORMULA, 4, "G", '=HYPERLINK("http://x","张三")'),
    _one(Code.FORMULA, 4, "H", "+1+cmd|' /C calc'!A0"),
    _one(Code.FORMULA, 4, "I", "-2+3"),
    _one(Code.FORMULA, 5, "F", "＠SUM(1)"),
    _one(Code.FORMULA, 5, "D", "\tA501"),
    _one(Code.TEXT_LONG, 4, "G", "张" * 101),
]
# These spoil the whole sheet. told: the header row or the sheet.
HEADER_FAULTS = [
    Fault(Code.BUILDING_COLUMN, [(-1, "B", "")], told=(-1, "")),
    Fault(Code.ROOM_COLUMN, [(-1, "D", "")], told=(-1, "")),
    Fault(Code.COLUMN_TWICE, [(-1, "L", "联系电话")]),
    Fault(Code.COLUMN_TWICE, [(-1, "L", "产权人")]),
]


def write_xlsx(path: Path, sheets: Sequence[Sheet], *, numbers: bool = True) -> Path:
    """numbers: digits stand as numbers where Excel would make them so."""
    with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False}) as book:
        for sheet in sheets:
            table = book.add_worksheet(sheet.name)
            for top, left, bottom, right in sheet.merged:
                table.merge_range(top, left, bottom, right, "")
            for row, cells in enumerate(sheet.rows):
                for column, value in enumerate(cells):
                    if numbers and _numeric(value):
                        table.write_number(row, column, float(value))
                    elif value:
                        table.write_string(row, column, value)
    return path


def write_xls(path: Path, sheets: Sequence[Sheet]) -> Path:
    book = xlwt.Workbook(encoding="utf-8")
    for sheet in sheets:
        table = book.add_sheet(sheet.name, cell_overwrite_ok=True)
        for top, left, bottom, right in sheet.merged:
            table.merge(top, bottom, left, right)
        for row, cells in enumerate(sheet.rows):
            for column, value in enumerate(cells):
                if value:
                    table.write(row, column, float(value) if _numeric(value) else value)
    book.save(str(path))
    return path


def write_csv(path: Path, rows: Grid, encoding: str, delimiter: str = ",") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
    return path


def _numeric(value: str) -> bool:
    return value.replace(".", "", 1).isdecimal() and len(value) < 16


# --- reading them --------------------------------------------------------------------------------------------------

WORDS = roster_words()

SHORT = ["楼栋", "单元", "房号", "姓名", "电话"]


def read(grid: Grid, name: str = "名册", merged: tuple[tuple[int, int, int, int], ...] = ()) -> Roster:
    return read_rows([Sheet(name, grid, merged)], WORDS)


def told(roster: Roster) -> set[tuple[Code, str]]:
    found = {(finding.code, finding.cell or str(finding.row)) for finding in roster.findings}
    assert len(found) == len(roster.findings), "nothing is told twice"
    return found


def households(*lines: list[str], header: list[str] | None = None) -> list[tuple[str, str, str]]:
    roster = read([header or SHORT, *lines])
    assert not roster.findings, roster.findings
    return [row.household for row in roster.rows]


def values(column: str, *written: str) -> list[Finding]:
    """The findings where a column holds these values, one flat each."""
    header = [*SHORT, column] if column not in SHORT else list(SHORT)
    rows = [["1", "1", str(101 + at), name(at), "", ""] for at in range(len(written))]
    for row, value in zip(rows, written, strict=True):
        row[header.index(column)] = value
    return list(read([header, *rows]).findings)
