"""Rosters: the many ways to write a place, a number, a name."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.roster_values import clean, is_formula
from domain.rosters import (
    Code,
    Relation,
    natural,
)
from tests.support import rosters
from tests.support.rosters import HEADER, SHORT, households, read, told, values

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


def test_building_and_unit_in_one_column() -> None:
    header = ["楼栋单元", "房号", "姓名"]
    assert households(["3栋2单元", "501", "张三"], ["10-1", "502", "李四"], header=header) == [
        ("3", "2", "501"),
        ("10", "1", "502"),
    ]


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
        ("\t13812341234", "13812341234"),
        ("\t", ""),
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
    (finding,) = values("电话", "138 1234 1234; 137-1234-1234")
    assert finding.data["value"] == "138****1234; 137****"


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
    people = [
        ("张三", "户主"),
        ("李四", "妻"),
        ("王五", "保姆"),
        ("赵六", "租客"),
        ("钱七", "共有人"),
        ("孙八", "户主之子"),
    ]
    roster = read([header, *(["3", "2", "501", name, "", relation] for name, relation in people)])
    assert not roster.findings
    assert [row.relation for row in roster.rows] == [
        Relation.OWNER,
        Relation.FAMILY,
        Relation.HELPER,
        Relation.TENANT,
        Relation.CO_OWNER,
        Relation.FAMILY,
    ]


def test_without_a_column_of_relations_everybody_is_an_owner() -> None:
    roster = read([SHORT, ["3", "2", "501", "张三", ""], ["3", "2", "501", "李四", ""]])
    assert not roster.findings and {row.relation for row in roster.rows} == {Relation.OWNER}


def test_a_roster_may_have_no_names() -> None:
    header = ["手机号", "身份证号", "房号", "专有部分面积"]
    people = [[f"1381234000{at}", rosters.identity(at), "1-101", "89.56"] for at in range(3)]
    roster = read([header, *people])
    assert not roster.findings and len(roster.rows) == 3
    assert {(row.household, row.relation) for row in roster.rows} == {(("1", "", "101"), Relation.OWNER)}
    assert told(read([header, *people, people[0]])) == {(Code.DUPLICATE_ROW, "A5")}


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
