"""What a roster is made of: sheets of cells come in; rows of people and findings about single cells go out."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction


class Column(StrEnum):
    """What a column means. `place` holds building, unit and room in one cell; a remark is known and not kept."""

    COMPOUND = "compound"
    PLACE = "place"
    BUILDING = "building"
    UNIT = "unit"
    ROOM = "room"
    AREA = "area"
    KIND = "kind"
    NAME = "name"
    PHONE = "phone"
    IDENTITY = "identity"
    RELATION = "relation"
    SHARE = "share"
    REMARK = "remark"


class Relation(StrEnum):
    OWNER = "owner"
    CO_OWNER = "co_owner"
    TENANT = "tenant"
    FAMILY = "family"
    HELPER = "helper"


class Kind(StrEnum):
    HOME = "home"
    SHOP = "shop"
    OFFICE = "office"
    PARKING = "parking"
    STORAGE = "storage"
    OTHER = "other"


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


class Code(StrEnum):
    """What may be wrong. An error is certainly wrong, and keeps the whole file out; a warning may be meant."""

    HEADER_MISSING = "header_missing"
    BUILDING_COLUMN = "building_column"
    ROOM_COLUMN = "room_column"
    COLUMN_TWICE = "column_twice"
    ASIDE_ROW = "aside_row"
    COMPOUND_OTHER = "compound_other"
    BUILDING_MISSING = "building_missing"
    ROOM_MISSING = "room_missing"
    PLACE_FORM = "place_form"
    PLACE_DATE = "place_date"
    UNIT_MISSING = "unit_missing"
    BUILDING_SPELLING = "building_spelling"
    AREA_TEXT = "area_text"
    AREA_SMALL = "area_small"
    AREA_LARGE = "area_large"
    AREA_DIFFERS = "area_differs"
    KIND_UNKNOWN = "kind_unknown"
    NAME_MISSING = "name_missing"
    NAME_DIGITS = "name_digits"
    NAME_PHONE = "name_phone"
    NAME_OFFICE = "name_office"
    NAME_SEVERAL = "name_several"
    PHONE_SHORT = "phone_short"
    PHONE_LONG = "phone_long"
    PHONE_FORM = "phone_form"
    PHONE_LOST = "phone_lost"
    PHONE_MASKED = "phone_masked"
    PHONE_SEVERAL = "phone_several"
    PHONE_SHARED = "phone_shared"
    IDENTITY_LENGTH = "identity_length"
    IDENTITY_CHECK = "identity_check"
    IDENTITY_LOST = "identity_lost"
    IDENTITY_MASKED = "identity_masked"
    IDENTITY_SHARED = "identity_shared"
    RELATION_UNKNOWN = "relation_unknown"
    RELATION_MISSING = "relation_missing"
    SHARE_FORM = "share_form"
    SHARE_SUM = "share_sum"
    DUPLICATE_ROW = "duplicate_row"
    DUPLICATE_PERSON = "duplicate_person"
    OWNER_TWICE = "owner_twice"
    FORMULA = "formula"
    TEXT_LONG = "text_long"


WARNINGS = frozenset(
    {
        Code.ASIDE_ROW,
        Code.UNIT_MISSING,
        Code.BUILDING_SPELLING,
        Code.KIND_UNKNOWN,
        Code.NAME_OFFICE,
        Code.PHONE_MASKED,
        Code.PHONE_SEVERAL,
        Code.PHONE_SHARED,
        Code.IDENTITY_MASKED,
        Code.SHARE_SUM,
    }
)


@dataclass(frozen=True, slots=True)
class Sheet:
    """The cells of one sheet as they are shown; row 0 is row 1 of the file. merged: (top, left, bottom, right)."""

    name: str
    rows: list[list[str]]
    merged: tuple[tuple[int, int, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of one cell. `data` fills its sentence; what is personal in it is masked already."""

    code: Code
    sheet: str
    row: int = 0  # as Excel counts; 0: the whole sheet
    column: str = ""  # "C"; "": the whole row
    data: Mapping[str, object] = field(default_factory=dict, hash=False)

    @property
    def severity(self) -> Severity:
        return Severity.WARNING if self.code in WARNINGS else Severity.ERROR

    @property
    def cell(self) -> str:
        return f"{self.column}{self.row}" if self.column and self.row else ""


@dataclass(frozen=True, slots=True)
class Row:
    """One person of one household, or a household without anybody. Texts are in their normal form."""

    building: str
    unit: str
    room: str
    area: Decimal | None
    kind: Kind
    name: str
    phone: str  # 11 digits, or a fixed line as "027-87654321"
    identity: str
    relation: Relation | None  # None: nobody
    share: Fraction | None
    sheet: str
    line: int  # as Excel counts
    columns: Mapping[Column, int] = field(repr=False, compare=False)

    @property
    def household(self) -> tuple[str, str, str]:
        return self.building, self.unit, self.room

    @property
    def person(self) -> str:
        """What tells this person from others in the household; "" where there is nobody."""
        return self.name or self.identity or self.phone

    def column(self, meaning: Column) -> str:
        """The letter of the column where a value came from; "" where the sheet has none."""
        if meaning in {Column.BUILDING, Column.UNIT, Column.ROOM} and meaning not in self.columns:
            meaning = Column.PLACE
        return letter(self.columns[meaning]) if meaning in self.columns else ""

    def cell(self, meaning: Column) -> str:
        return f"{column}{self.line}" if (column := self.column(meaning)) else ""


@dataclass(frozen=True, slots=True)
class Roster:
    """rows: sorted as people count (2 before 10), and empty where an error was found: none imported by halves."""

    rows: tuple[Row, ...]
    findings: tuple[Finding, ...]
    seen: int  # rows read, of a faulty file too

    @property
    def faulty(self) -> bool:
        return any(finding.severity is Severity.ERROR for finding in self.findings)


@dataclass(frozen=True, eq=False)
class RosterWords:
    """The words of rosters. Patterns meet NFKC text.

    They match whole cells; `*_noise`, `name_several` and `name_office` parts of them.
    """

    headers: Mapping[str, Column]  # as `fold` leaves them
    relations: Mapping[str, Relation]
    kinds: Mapping[str, Kind]
    nothing: frozenset[str]  # what people write into a cell that should be empty
    digits: str  # from zero to ten
    header_noise: re.Pattern[str]
    aside: re.Pattern[str]  # totals and signatures under the table
    building: re.Pattern[str]  # group figure
    unit: re.Pattern[str]  # group figure
    room: re.Pattern[str]  # group figure
    place: re.Pattern[str]  # groups building, unit, room
    date: re.Pattern[str]  # what Excel makes of "5-1"
    area: re.Pattern[str]  # group figure
    relation_noise: re.Pattern[str]
    name_several: re.Pattern[str]
    name_office: re.Pattern[str]
    name_company: re.Pattern[str]


def letter(column: int) -> str:
    """0 is A, 26 is AA."""
    written = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        written = chr(65 + rest) + written
    return written
