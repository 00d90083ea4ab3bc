"""Rosters: what people write is read, every slip is named by its cell, and a clean file raises no alarm."""

import sys
from decimal import Decimal
from fractions import Fraction
from types import FrameType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.roster_report import roster_words
from domain.roster_values import clean, is_formula
from domain.rosters import (
    Code,
    Column,
    Finding,
    Kind,
    Relation,
    Roster,
    Severity,
    Sheet,
    find_header,
    fold,
    natural,
    read_rows,
)
from tests.support import rosters
from tests.support.rosters import FAULTS, HEADER, HEADER_FAULTS, Fault, Grid

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
    rows = [["1", "1", str(101 + at), rosters.name(at), "", ""] for at in range(len(written))]
    for row, value in zip(rows, written, strict=True):
        row[header.index(column)] = value
    return list(read([header, *rows]).findings)


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


# --- places ---------------------------------------------------------------------------------------------------------

NUMERALS = dict(enumerate(["一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二"], 1))
WIDE = str.maketrans("0123456789#-", "０１２３４５６７８９＃－")


@given(
    building=st.integers(1, 12),
    unit=st.integers(1, 9),
    room=st.integers(101, 3399),
    first=st.sampled_from(["{}", "{}栋", "{}幢", "{}#", "{}号楼", "{} 号 楼", "第{}栋", "{}座", "{}#楼", "0{}"]),
    second=st.sampled_from(["{}", "{}单元", "第{}单元", "0{}单元", "{}门"]),
    third=st.sampled_from(["{}", "{}室", "0{}", "{}号", " {} ", "{}.0"]),
    chinese=st.booleans(),
    wide=st.booleans(),
)
def test_places_are_spelled_in_many_ways(
    *, building: int, unit: int, room: int, first: str, second: str, third: str, chinese: bool, wide: bool
) -> None:
    numeral = NUMERALS.get if chinese and not first.startswith("0") and not second.startswith("0") else str
    cells = [first.format(numeral(building)), second.format(numeral(unit)), third.format(room)]
    if wide:
        cells = [cell.translate(WIDE) for cell in cells]
    assert households([*cells, "张三", ""]) == [(str(building), str(unit), str(room))]


@given(
    st.integers(1, 99),
    st.integers(1, 9),
    st.integers(101, 3399),
    st.sampled_from(["{}-{}-{}", "{}栋{}单元{}", "{}#{}-{}", "{}号楼{}单元{}室", "幸福小区{}幢{}单元{}号", "{}—{}—{}"]),
    st.sampled_from(["房屋地址", "房号"]),
)
def test_a_place_in_one_cell(building: int, unit: int, room: int, form: str, header: str) -> None:
    found = households([form.format(building, unit, room), "张三"], header=[header, "姓名"])
    assert found == [(str(building), str(unit), str(room))]


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ("3幢501", ("3", "", "501")),
        ("3#2-501", ("3", "2", "501")),
        ("1-101", ("1", "", "101")),
        ("三栋二单元501", ("3", "2", "501")),
        ("A座1203室", ("A", "", "1203")),
        ("3-2-5-1", ("3", "2", "5-1")),
        ("湖滨路18号3栋2单元501", ("3", "2", "501")),
        ("3号楼A01", ("3", "", "A01")),
    ],
)
def test_forms_of_places(written: str, place: tuple[str, str, str]) -> None:
    assert households([written, "张三"], header=["房屋地址", "姓名"]) == [place]


def test_a_place_that_says_too_little() -> None:
    grid = [["房屋地址", "姓名"], ["3-2-501", "张三"], ["3栋2单元", "李四"], ["", "王五"], ["2024-03-02", "赵六"]]
    assert told(read(grid)) == {(Code.PLACE_FORM, "A3"), (Code.ROOM_MISSING, "A4"), (Code.PLACE_DATE, "A5")}


def test_rooms_keep_what_they_say() -> None:
    rooms = ["5-1", "A01", "0501", "门面", "1", "01", "1203房"]
    found = households(*([["3", "", room, "", ""] for room in rooms]))
    assert sorted(room for _, _, room in found) == sorted(["5-1", "A01", "501", "门面", "1", "01", "1203"])


def test_a_room_may_repeat_building_and_unit() -> None:
    assert households(["3", "2", "3-2-501", "张三", ""], ["3栋2单元"[:1], "2", "502", "", ""]) == [
        ("3", "2", "501"),
        ("3", "2", "502"),
    ]


def test_people_count_2_before_10() -> None:
    assert sorted(["10", "2", "A1", "1", "10A"], key=natural) == ["1", "2", "10", "10A", "A1"]


def test_shops_have_no_unit() -> None:
    header = ["楼栋", "单元", "房号", "物业类型"]
    found = households(["3", "2", "501", "住宅"], ["3", "", "A01", ""], ["3", "", "1", "商铺"], header=header)
    assert found == [("3", "", "1"), ("3", "", "A01"), ("3", "2", "501")]


def test_merged_cells_speak_for_all_their_rows() -> None:
    grid = [
        ["楼栋", "单元", "房号", "面积", "姓名", "人员类型"],
        ["3", "2", "501", "89.56", "张三", "业主"],
        ["", "", "", "", "李四", "家属"],
        ["", "", "502", "", "王五", "业主"],
        ["", "", "", "", "", ""],  # higher for looks
    ]
    roster = read(grid, merged=((1, 0, 4, 0), (1, 1, 4, 1), (1, 2, 2, 2), (1, 3, 2, 3), (3, 2, 4, 2), (3, 4, 4, 4)))
    assert not roster.findings
    assert [(row.room, row.name, row.area) for row in roster.rows] == [
        ("501", "张三", Decimal("89.56")),
        ("501", "李四", Decimal("89.56")),
        ("502", "王五", None),
    ]
    assert told(read(grid)) == {
        *((Code.BUILDING_MISSING, f"A{row}") for row in (3, 4)),
        (Code.ROOM_MISSING, "C3"),
    }


# --- values ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ("89.56㎡", "89.56"),
        ("89.56平方米", "89.56"),
        ("89,56", "89.56"),
        ("1,234.5", "1234.50"),
        ("８９．５６", "89.56"),
        ("89.5 m²", "89.50"),
        ("120", "120.00"),
        ("89.5649999", "89.56"),
        ("无", None),
    ],
)
def test_areas(written: str, size: str | None) -> None:
    roster = read([["楼栋", "房号", "面积"], ["3", "501", written]])
    assert not roster.findings and roster.rows[0].area == (Decimal(size) if size else None)


def test_an_area_said_once_holds_for_the_household() -> None:
    roster = read([["楼栋", "房号", "面积", "姓名"], ["3", "501", "", "张三"], ["3", "501", "89.56", "李四"]])
    assert [row.area for row in roster.rows] == [Decimal("89.56")] * 2


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("138 1234 1234", "13812341234"),
        ("+86-138-1234-1234", "13812341234"),
        ("8613812341234", "13812341234"),
        ("１３８１２３４１２３４", "13812341234"),
        ("13812341234.0", "13812341234"),
        ("1.3812341234E+10", "13812341234"),
        ("'13812341234", "13812341234"),
        ("027-87654321", "027-87654321"),
        ("(0715)8765432", "0715-8765432"),
        ("87654321", "87654321"),
        ("/", ""),
        ("-", ""),
    ],
)
def test_phones(written: str, number: str) -> None:
    roster = read([SHORT, ["3", "2", "501", "张三", written]])
    assert not roster.findings and roster.rows[0].phone == number


def test_how_many_digits_a_phone_lacks() -> None:
    (finding,) = values("电话", "138123412")
    assert finding.data == {"off": 2, "value": "138****12"}


def test_identity_numbers() -> None:
    valid = [rosters.identity(number) for number in range(200)]
    assert any(number.endswith("X") for number in valid)
    assert values("证件号", *valid) == values("证件号", *map(str.lower, valid)) == []
    assert values("证件号", "E12345678", "H1234567890", "91420100MA4K2WXY8T") == []  # passport, permit, company
    wrong = [number[:17] + ("0" if number[17] != "0" else "1") for number in valid[30:60]]
    assert {finding.code for finding in values("证件号", *wrong)} == {Code.IDENTITY_CHECK}


def test_names() -> None:
    assert (
        values("姓名", "张 三", "欧阳修远", "阿卜杜拉·买买提", "John Smith", "湖北某某置业有限公司", "第2建筑公司")
        == []
    )
    assert [row.name for row in read([SHORT, ["3", "2", "501", "张　三", ""]]).rows] == ["张三"]


def test_relations() -> None:
    header = [*SHORT, "与户主关系"]
    people = [("张三", "户主"), ("李四", "妻"), ("王五", "保姆"), ("赵六", "租客"), ("钱七", "共有人")]
    roster = read([header, *(["3", "2", "501", name, "", relation] for name, relation in people)])
    assert not roster.findings
    assert [row.relation for row in roster.rows] == [
        Relation.OWNER,
        Relation.FAMILY,
        Relation.HELPER,
        Relation.TENANT,
        Relation.CO_OWNER,
    ]


def test_without_a_column_of_relations_everybody_is_an_owner() -> None:
    roster = read([SHORT, ["3", "2", "501", "张三", ""], ["3", "2", "501", "李四", ""]])
    assert not roster.findings and {row.relation for row in roster.rows} == {Relation.OWNER}


def test_father_and_son_may_share_a_name() -> None:
    people = [["3", "2", "501", "张三", "", rosters.identity(number)] for number in (1, 2)]
    assert not read([[*SHORT, "证件号"], *people]).findings


def test_an_owner_may_have_many_flats() -> None:
    rows = [["3", "2", str(room), "张三", "13812341234"] for room in range(101, 109)]
    assert not read([SHORT, *rows]).findings


def test_the_same_flat_twice_and_empty() -> None:
    rows = [
        ["3", "2", "501", "", ""],
        ["3", "2", "501", "", ""],
        ["3", "2", "502", "", ""],
        ["3", "2", "502", "张三", ""],
    ]
    roster = read([SHORT, *rows])
    assert told(roster) == {(Code.DUPLICATE_ROW, "C3")}


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "-x", "@SUM(1)", "\tx", "＝1+1", " =1", "-1+2"])
def test_what_a_spreadsheet_would_compute(text: str) -> None:
    assert is_formula(text)


@given(st.from_regex(r"[+-]?[\d .()-]{0,15}", fullmatch=True))
def test_signed_numbers_are_no_formulas(text: str) -> None:
    assert not is_formula(text)


@given(st.text(max_size=30))
def test_any_cell_is_read(text: str) -> None:
    for column in range(len(HEADER)):
        grid = rosters.clean(1)
        grid[3][column] = text
        roster = read(grid)
        assert roster.seen <= rosters.BLOCK
    assert clean(clean(text)) in {clean(text), clean(text).removeprefix("'").strip()}


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
