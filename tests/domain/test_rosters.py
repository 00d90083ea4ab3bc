"""Rosters: what people write is read, every slip is named by its cell, and a clean file raises no alarm."""

import sys
from decimal import Decimal
from fractions import Fraction
from types import FrameType

import pytest

from domain.rosters import (
    Code,
    Column,
    Kind,
    Relation,
    Severity,
    Sheet,
    find_header,
    fold,
    read_rows,
)
from tests.support import rosters
from tests.support.rosters import FAULTS, HEADER_FAULTS, SHORT, WORDS, Fault, households, read, told

# --- clean and dirty ------------------------------------------------------------------------------------------------


def test_a_clean_roster() -> None:
    roster = read(rosters.clean(4))
    assert roster.findings == () and not roster.faulty
    assert roster.seen == len(roster.rows) == 4 * rosters.BLOCK
    assert [row.building for row in roster.rows] == ["3"] * 12 + ["10"] * 6 + ["A"] * 6
    first, second, *_ = roster.rows
    assert (first.household, first.area, first.kind) == (("3", "1", "101"), Decimal("89.56"), Kind.HOME)
    assert (first.relation, first.share, second.relation) == (Relation.OWNER, Fraction(1, 2), Relation.CO_OWNER)
    assert (first.phone, first.cell(Column.PHONE), first.cell(Column.BUILDING)) == ("13800000000", "H3", "B3")
    empty = [row for row in roster.rows if not row.name]
    assert len(empty) == 4 and all(row.relation is None for row in empty)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.code)
def test_one_slip_is_named_by_its_cell_and_nothing_else(fault: Fault) -> None:
    grid = rosters.clean(8)
    wanted = fault.apply(grid, 3)
    roster = read(grid)
    assert told(roster) == {wanted}
    (finding,) = roster.findings
    assert roster.faulty == (finding.severity is Severity.ERROR)
    assert bool(roster.rows) != roster.faulty, "none imported by halves"


@pytest.mark.parametrize("fault", HEADER_FAULTS, ids=lambda fault: fault.code)
def test_a_faulty_header(fault: Fault) -> None:
    grid = rosters.clean()
    code, place = fault.apply(grid, 0)
    roster = read(grid)
    assert told(roster) == {(code, place)} and roster.faulty and not roster.rows


def test_all_slips_at_once() -> None:
    grid = rosters.clean(len(FAULTS))
    wanted = {fault.apply(grid, block) for block, fault in enumerate(FAULTS)}
    assert len(wanted) == len(FAULTS) > 50
    assert told(read(grid)) == wanted


def test_every_code_is_tried() -> None:
    tried = {fault.code for fault in (*FAULTS, *HEADER_FAULTS)}
    assert set(Code) - tried == {Code.HEADER_MISSING, Code.PLACE_FORM}  # below


def test_no_header() -> None:
    for sheets in ([], [Sheet("名册", [["随便"], ["写写"]])]):
        roster = read_rows(sheets, WORDS)
        assert [finding.code for finding in roster.findings] == [Code.HEADER_MISSING] and roster.faulty


def test_findings_hold_no_personal_data_whole() -> None:
    grid = rosters.clean(len(FAULTS))
    for block, fault in enumerate(FAULTS):
        fault.apply(grid, block)
    said = " ".join(str(value) for finding in read(grid).findings for value in finding.data.values())
    assert "138****123 " in said and "张*" in said
    assert not any(private in said for private in ("1381234", "张三", "李四", "420106", "赵建"))


# --- headers --------------------------------------------------------------------------------------------------------


def test_headers_stand_as_they_are_compared() -> None:
    assert all(fold(header, WORDS) == header for header in WORDS.headers)


@pytest.mark.parametrize(
    "header",
    [
        ["幢号", "单元号", "门牌号", "产权人", "联系电话"],
        ["*楼栋（必填）", "单元", "房　号", "户主姓名：", "手机号码"],
        ["座", "门栋", "室号", "业主\n姓名", "联系方式"],
        ["栋", "单元", "户号", "业主", "手机"],
    ],
)
def test_headers_have_many_names(header: list[str]) -> None:
    roster = read([["标题"], [], header, ["3", "2", "501", "张三", "13812341234"]])
    assert not roster.findings
    assert [(row.household, row.name, row.phone) for row in roster.rows] == [(("3", "2", "501"), "张三", "13812341234")]


def test_area_headers_bear_their_unit() -> None:
    for header in ("建筑面积（㎡）", "建筑面积㎡", "面积(平方米)", "专有部分面积", "产权面积 平方米"):
        assert read([["楼栋", "房号", header], ["3", "501", "89.56"]]).rows[0].area == Decimal("89.56"), header


def test_a_header_of_two_rows() -> None:
    grid = [
        ["房屋信息", "", "", "建筑面积", "业主信息", "", "备注"],
        ["楼栋", "单元", "房号", "（㎡）", "姓名", "电话", ""],
        ["3", "2", "501", "89.56", "张三", "13812341234", ""],
    ]
    merged = ((0, 0, 0, 2), (0, 4, 0, 5), (0, 6, 1, 6))
    roster = read(grid, merged=merged)
    assert not roster.findings
    assert [(row.household, row.area, row.line) for row in roster.rows] == [(("3", "2", "501"), Decimal("89.56"), 3)]
    header = find_header(Sheet("", grid, merged), WORDS)
    assert header and header.first == 2


def test_the_header_repeats_on_each_printed_page() -> None:
    assert households(["3", "2", "501", "张三", ""], list(SHORT), ["3", "2", "502", "李四", ""]) == [
        ("3", "2", "501"),
        ("3", "2", "502"),
    ]


def test_one_sheet_a_building() -> None:
    sheets = [Sheet(name, [["房号", "姓名"], ["501", "张三"]]) for name in ("10栋", "2号楼")]
    roster = read_rows([Sheet("说明", [["一人一行"]]), *sheets], WORDS)
    assert not roster.findings
    assert [(row.household, row.sheet) for row in roster.rows] == [
        (("2", "", "501"), "2号楼"),
        (("10", "", "501"), "10栋"),
    ]


def test_reading_grows_with_the_rows_alone() -> None:
    def calls(rows: int) -> int:
        grid, count = rosters.flats(rows), 0

        def counted(frame: FrameType, event: str, argument: object) -> None:
            nonlocal count
            count += 1

        sys.setprofile(counted)
        try:
            roster = read(grid)
        finally:
            sys.setprofile(None)
        assert len(roster.rows) == rows
        return count

    assert calls(4000) < 4.4 * calls(1000)
