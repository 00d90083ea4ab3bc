"""Roster files: every kind gives the same rows, broken ones one sentence, and what we write is safe and read again."""

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter

from bot import roster_files
from bot.roster_files import RosterFileError
from bot.roster_report import advice, fault, lines, roster_words
from bot.roster_sheets import write_error_sheet, write_template
from domain.rosters import Code, Finding, Roster, Sheet, read_rows
from tests.support import rosters
from tests.support.rosters import FAULTS, Grid, write_csv, write_xls, write_xlsx

NAME = "名册"


def read(path: Path) -> Roster:
    return read_rows(roster_files.read(path), roster_words())


def spoiled() -> Grid:
    grid = rosters.clean(len(FAULTS))
    for block, slip in enumerate(FAULTS):
        slip.apply(grid, block)
    return grid


def refused(path: Path) -> str:
    with pytest.raises(RosterFileError) as told:
        roster_files.read(path)
    return str(told.value)


# --- reading --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("grid", [rosters.clean(4), spoiled()], ids=["clean", "spoiled"])
def test_every_kind_of_file_gives_the_same(tmp_path: Path, grid: Grid) -> None:
    wanted = read_rows([Sheet(NAME, grid)], roster_words())
    sheets = [Sheet(NAME, grid)]
    assert read(write_xlsx(tmp_path / f"{NAME}.xlsx", sheets)) == wanted
    assert read(write_xlsx(tmp_path / f"{NAME}.xlsx", sheets, numbers=False)) == wanted
    assert read(write_xls(tmp_path / f"{NAME}.xls", sheets)) == wanted
    for encoding in ("gbk", "gb18030", "utf-8", "utf-8-sig", "utf-16"):
        assert read(write_csv(tmp_path / f"{NAME}.csv", grid, encoding)) == wanted, encoding
    for delimiter in ";\t":
        assert read(write_csv(tmp_path / f"{NAME}.csv", grid, "gbk", delimiter)) == wanted, delimiter


def test_numbers_that_programs_guard_in_csv(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [["楼栋", "房号", "电话"], ['="3"', '="0501"', '="13812341234"']], "gbk")
    assert [(row.household, row.phone) for row in read(path).rows] == [(("3", "", "501"), "13812341234")]


def test_the_content_tells_the_kind(tmp_path: Path) -> None:
    path = write_xls(tmp_path / "名册.xlsx", [Sheet(NAME, rosters.clean())])
    assert not read(path).findings


def test_merged_cells(tmp_path: Path) -> None:
    grid = [["住户名册"], ["楼栋", "单元", "房号", "姓名"], ["3", "2", "501", "张三"], ["", "", "", "李四"]]
    sheet = Sheet(NAME, grid, ((0, 0, 0, 3), (2, 0, 3, 0), (2, 1, 3, 1), (2, 2, 3, 2)))
    for path in (write_xlsx(tmp_path / "a.xlsx", [sheet]), write_xls(tmp_path / "a.xls", [sheet])):
        (found,) = roster_files.read(path)
        assert found.rows == grid and sorted(found.merged) == sorted(sheet.merged)
        assert [(row.household, row.name) for row in read(path).rows] == [
            (("3", "2", "501"), "张三"),
            (("3", "2", "501"), "李四"),
        ]


def test_cells_are_read_as_they_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "cells.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        table = book.add_worksheet(NAME)
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        numbers: list[float] = [501.0, 13812341234, 420106195001010012, 89.56, 0.1 + 0.2, 13800000000.0]
        for column, number in enumerate(numbers):
            table.write_number(2, column, number)
        table.write_number(2, 6, 45413, day)
        table.write_formula(2, 7, "=1+1", None, 2)
        table.write_boolean(2, 8, True)
        table.write_blank(150, 60, None, day)
        table.write_string(4, 0, "  ")
        hidden = book.add_worksheet("藏")
        hidden.write_string(0, 0, "x")
        hidden.hide()
    (sheet,) = roster_files.read(path)
    shown = ["501", "13812341234", "4.2010619500101E+17", "89.56", "0.3", "13800000000", "2024-05-01", "2", "TRUE"]
    assert sheet.rows == [[], [], shown]


def far(path: Path) -> None:
    """One cell far away asks a reader of full rectangles for 500 GB."""
    write_xlsx(path, [Sheet(NAME, rosters.clean())])
    with xlsxwriter.Workbook(str(path)) as book:
        table = book.add_worksheet(NAME)
        table.write_string(0, 0, "楼栋")
        table.write_string(1_048_575, 16_383, "x")


def bomb(path: Path) -> None:
    """A part that says it is 50 GB once it is unpacked."""
    write_xlsx(path, [Sheet(NAME, rosters.clean())])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("xl/more.xml", b" " * 1_000_000)
        parts.infolist()[-1].file_size = 50_000_000_000


def cut(path: Path) -> None:
    write_xlsx(path, [Sheet(NAME, rosters.clean())])
    path.write_bytes(path.read_bytes()[:3000])


def scrambled(path: Path) -> None:
    """An .xls whose inner sizes are absurd."""
    write_xls(path, [Sheet(NAME, rosters.clean())])
    written = bytearray(path.read_bytes())
    written[44:80] = b"\xff" * 36
    path.write_bytes(written)


@pytest.mark.parametrize("spoil", [far, bomb, cut, scrambled])
def test_a_broken_file_gives_one_sentence(tmp_path: Path, spoil: Any) -> None:
    path = tmp_path / "坏.xlsx"
    spoil(path)
    said = refused(path)
    assert said.startswith("打不开这个文件：坏.xlsx") and "\n" not in said


def test_files_that_are_no_rosters(tmp_path: Path) -> None:
    assert "没有这个文件" in refused(tmp_path / "none.csv")
    files = {
        "page.xls": (b"<html><table></table></html>", "认不得这种文件"),
        "odd.csv": (b"\x81\xff\xff\x00\x81", "文字编码"),
        "empty.csv": (b"\xef\xbb\xbf\r\n,,\r\n", "表里是空的"),
        "rows.csv": (b"3,501\n" * 200_001, "超过200000行"),
        "columns.csv": (b"x," * 100 + b"x\n", "超过100列"),
        "large.csv": (b"\n" * 50_000_001, "超过50MB"),
        "cell.csv": (b"x" * 200_000, "打不开这个文件"),
    }
    for name, (written, said) in files.items():
        (tmp_path / name).write_bytes(written)
        assert said in refused(tmp_path / name)
    wide = write_xlsx(tmp_path / "wide.xlsx", [Sheet(NAME, [["x"] * 101])])
    assert "超过100列" in refused(wide)


def test_the_libraries_are_loaded_when_they_are_needed() -> None:
    code = "import sys, bot.roster_files, bot.roster_sheets; print({'xlsxwriter', 'python_calamine'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


# --- writing --------------------------------------------------------------------------------------------------------


def test_the_template(tmp_path: Path) -> None:
    path = tmp_path / "模板.xlsx"
    write_template(path)
    table, help_sheet = openpyxl.load_workbook(path).worksheets
    header = [cell.value for cell in table[1]]
    assert header[:4] == ["楼栋", "单元", "房号", "建筑面积"] and table.freeze_panes == "A2"
    choices = {str(each.sqref).split(":")[0]: each.formula1 for each in table.data_validations.dataValidation}
    assert choices == {"I2": '"业主,共有人,租户,家属,保姆"', "E2": '"住宅,商铺,办公,车位,储藏室,其他"'}
    texts = {
        at
        for each in table.column_dimensions.values()
        if each.number_format == "@"
        for at in range(each.min, each.max + 1)
    }
    assert {title for at, title in enumerate(header, 1) if at not in texts} == {"建筑面积"}
    assert table["G2"].value == "13800000001" and table["D2"].value == 89.56
    assert "一人一行" in help_sheet["A1"].value
    roster = read(path)  # who forgets to delete the examples imports nobody
    assert roster.rows == () and {found.code for found in roster.findings} == {Code.ASIDE_ROW} and not roster.faulty


def test_a_filled_template_is_clean(tmp_path: Path) -> None:
    path = tmp_path / "模板.xlsx"
    write_template(path)
    book = openpyxl.load_workbook(path)
    for label in ("业主", "共有人", "租户", "家属", "保姆"):
        book.worksheets[0].append(["3", "2", "501", 89.56, "住宅", f"张{label}"[:2], None, None, label, None, None])
    names = iter("赵钱孙李周")
    for row in list(book.worksheets[0].rows)[3:]:
        row[5].value = f"{next(names)}某"
    book.save(path)
    roster = read(path)
    assert len(roster.rows) == 5 and not roster.faulty
    assert {found.code for found in roster.findings} == {Code.ASIDE_ROW}


def test_the_table_of_faults(tmp_path: Path) -> None:
    grid, path = spoiled(), tmp_path / "要改的.xlsx"
    sheets = [Sheet(NAME, grid, ((0, 0, 0, 11),))]
    findings = read_rows(sheets, roster_words()).findings
    write_error_sheet(path, sheets, findings)
    table = openpyxl.load_workbook(path).worksheets[0]
    assert table["A1"].value == "要改的" and table["B1"].value == rosters.TITLE
    marked = {cell.coordinate: cell for row in table.rows for cell in row if cell.comment}
    assert len(marked) == len(findings)
    for finding in findings:
        cell = marked[_moved(finding)]
        assert fault(finding) in cell.comment.text and advice(finding) in cell.comment.text
        assert cell.fill.fgColor.rgb == {"error": "FFFFC7CE", "warning": "FFFFEB9C"}[finding.severity]
        assert fault(finding) in table[f"A{finding.row}"].value
    again = read_rows(roster_files.read(path), roster_words())
    assert [(each.code, each.cell) for each in again.findings] == [(each.code, _moved(each)) for each in findings]


def _moved(finding: Finding) -> str:
    """One column to the right."""
    return f"{chr(ord(finding.column) + 1)}{finding.row}"


def test_no_cell_becomes_a_formula(tmp_path: Path) -> None:
    texts = ["=1+1", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "\t=1", "＝1", "http://x", "0501", "{=1}"]
    path = tmp_path / "faults.xlsx"
    write_error_sheet(path, [Sheet("a/b:[c]", [texts]), Sheet("a*b?[c]", [texts])], [])
    for table in openpyxl.load_workbook(path).worksheets:
        cells = list(table[1])[1:]
        assert [cell.value for cell in cells] == texts
        assert {cell.data_type for cell in cells} == {"s"} and {cell.number_format for cell in cells} == {"@"}
        assert [cell.quotePrefix for cell in cells] == [True] * 6 + [False] * 3
        assert not any(cell.hyperlink for cell in cells)
    assert [sheet.rows[0][1:] for sheet in roster_files.read(path)] == [texts, texts]
    with zipfile.ZipFile(path) as parts:
        assert b"<f>" not in b"".join(parts.read(name) for name in parts.namelist())


def test_merged_cells_stay_merged_in_the_table_of_faults(tmp_path: Path) -> None:
    grid = [["楼栋", "房号", "姓名"], ["3", "501", "张三"], ["", "", "李四1"]]
    sheets = [Sheet(NAME, grid, ((1, 0, 2, 0), (1, 1, 2, 1)))]
    findings = read_rows(sheets, roster_words()).findings
    write_error_sheet(tmp_path / "a.xlsx", sheets, findings)
    assert [(each.code, each.cell) for each in findings] == [(Code.NAME_DIGITS, "C3")]
    assert [(each.code, each.cell) for each in read(tmp_path / "a.xlsx").findings] == [(Code.NAME_DIGITS, "D3")]


# --- telling --------------------------------------------------------------------------------------------------------


def test_lines() -> None:
    grid = rosters.clean(2)
    grid[6][7], grid[6][6], grid[8][1] = "1381234123", "张三2", ""
    said = lines(read_rows([Sheet(NAME, grid)], roster_words()).findings)
    assert said == ["第7行 G列 姓名里有数字：张*", "第7行 H列 手机号少了1位：138****123", "第9行 B列 没写几栋"]
    assert lines([Finding(Code.HEADER_MISSING, NAME)]) == ["没找到表头：要有一行写着 楼栋、单元、房号、姓名 这些字"]
    two = [Finding(Code.BUILDING_COLUMN, "甲", 2), Finding(Code.ROOM_MISSING, "乙", 3, "C")]
    assert lines(two) == ["表“甲” 第2行 表头里没有楼栋这一列", "表“乙” 第3行 C列 没写房号"]


def test_every_fault_has_a_short_sentence_and_an_advice() -> None:
    findings = read_rows([Sheet(NAME, spoiled())], roster_words()).findings
    for line, finding in zip(lines(findings), findings, strict=True):
        assert len(line) < 60 and "{" not in line + advice(finding) and advice(finding)
    assert all(advice(Finding(code, "")) for code in Code)
