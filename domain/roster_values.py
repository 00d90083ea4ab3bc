"""The cells of a roster, one at a time: what people write into normal forms, with the fault where there is one."""

import re
import unicodedata
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from domain.roster_model import Code, Column, RosterWords

LARGEST = 2000  # square metres; no home has more

_DASHES = re.compile(r"[\u2010-\u2015\u2212\ufe63]")
_UNSEEN = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060\ufeff\x00-\x08]")
_CHINESE = re.compile(r"[\u3400-\u9fff]")
_SPACES = re.compile(r"\s+")
_FORMULA = re.compile(r"\s*(?:[=@]|[+-](?![\d\s().,-]*$))|\t(?!(?:\d+[Xx]?)?\s*$)")
_SCIENTIFIC = re.compile(r"(\d(?:\.(\d+))?)E\+?(\d+)", re.IGNORECASE)
_NUMBER = re.compile(r"\d+\.0+")
_RUN = re.compile(r"\d(?:[ ().-]?\d){4,}")
_PARTS = re.compile(r"(\d+)")
_CENT = Decimal("0.01")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643-1999


def clean(text: str) -> str:
    """NFKC, one kind of dash, nothing invisible, no space at the ends."""
    if not text.isascii():
        text = _UNSEEN.sub("", _DASHES.sub("-", unicodedata.normalize("NFKC", text)))
    return text.strip().removeprefix("'")


def is_formula(text: str) -> bool:
    """Would a spreadsheet compute this text once it is written into a file again? A signed number is none.

    A tab before digits is none either: many programs write one so that Excel keeps them all.
    """
    return bool(text) and bool(_FORMULA.match(unicodedata.normalize("NFKC", text)))


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """A key that sorts 2 before 10, numbers before letters."""
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in _PARTS.split(text) if part)


def masked(column: Column, text: str) -> str:
    """What may be shown of a cell on a screen that others see too."""
    if column is Column.NAME:
        return f"{text[:1]}*"
    if column is Column.IDENTITY:
        return f"****{text[-4:]}"
    return _RUN.sub(_hidden, " ".join(text.split()))[:20]


def _hidden(run: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", run[0])
    return f"{digits[:3]}****{digits[7:][-4:]}"


# --- places ---------------------------------------------------------------------------------------------------------


def figure(written: str, digits: str) -> str:
    """The digits of a number in figures or Chinese numerals, anything else in capitals."""
    if not written:
        return ""
    if written.isdecimal():
        return str(int(written))
    if not all(char in digits for char in written) or written.count(digits[10]) > 1:
        return written.lstrip("0").upper() or written
    tens, ten, ones = written.partition(digits[10])
    if not ten:
        return str(int("".join(str(digits.index(char)) for char in written)))
    return str((digits.index(tens) if tens else 1) * 10 + (digits.index(ones) if ones else 0))


def _bare(text: str) -> str:
    text = _SPACES.sub("", text)
    return text.partition(".")[0] if _NUMBER.fullmatch(text) else text


def building(text: str, words: RosterWords) -> str:
    found = words.building.fullmatch(_bare(text))
    return figure(found["figure"], words.digits) if found else _bare(text).upper()


def unit(text: str, words: RosterWords) -> str:
    found = words.unit.fullmatch(_bare(text))
    return figure(found["figure"], words.digits) if found else _bare(text).upper()


def room(text: str, words: RosterWords) -> str:
    found = words.room.fullmatch(_bare(text))
    number = (found["figure"] if found else _bare(text)).upper()
    return number.lstrip("0").rjust(3, "0") if number.isdecimal() and len(number) > 3 else number


def place(text: str, words: RosterWords) -> tuple[str, str, str] | None:
    """Building, unit ("" where there is none) and room out of one cell: 3-2-501."""
    found = words.place.fullmatch(_bare(text))
    if not found:
        return None
    numbers = (figure(found["building"], words.digits), figure(found["unit"] or "", words.digits))
    return *numbers, room(found["room"], words)


# --- numbers --------------------------------------------------------------------------------------------------------


def area(text: str, words: RosterWords) -> tuple[Decimal | None, Code | None]:
    found = words.area.fullmatch(_SPACES.sub("", text))
    if not found:
        return None, Code.AREA_TEXT
    number = found["figure"]
    if re.fullmatch(r"-?\d+,\d{1,2}", number):
        number = number.replace(",", ".")
    size = Decimal(number.replace(",", "")).quantize(_CENT, ROUND_HALF_UP)
    return (size, None) if size > 0 else (None, Code.AREA_SMALL)


def share(text: str) -> tuple[Fraction | None, Code | None]:
    """1/2, 50%, 0.5; the whole is 1 or 100%."""
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)(?:/(\d{1,9})|(%))?", _SPACES.sub("", text).replace("\u2044", "/"))
    below = int(found[2]) if found and found[2] else 100 if found and found[3] else 1
    if not found or not below or not 0 < Fraction(found[1]) / below <= 1:
        return None, Code.SHARE_FORM
    return Fraction(found[1]) / below, None


def _plain(text: str) -> str | None:
    """The digits of a number that Excel showed as 1.38E+10; None where some are lost."""
    found = _SCIENTIFIC.fullmatch(text)
    if not found:
        return text
    whole = len(found[2] or "") == int(found[3])
    return found[1].replace(".", "") if whole else None


# --- people ---------------------------------------------------------------------------------------------------------


def name(text: str, words: RosterWords) -> tuple[str, Code | None]:
    said = _SPACES.sub("" if _CHINESE.search(text) else " ", text).replace("\u2022", "\u00b7")
    if re.search(r"\d{7,}", said):
        return said, Code.NAME_PHONE
    if words.name_company.fullmatch(said):
        return said, None
    if any(char.isdigit() for char in said):
        return said, Code.NAME_DIGITS
    if words.name_several.search(text):
        return said, Code.NAME_SEVERAL
    return said, Code.NAME_OFFICE if words.name_office.search(said) else None


def phone(text: str) -> tuple[str, Code | None]:
    """A mobile number as 11 digits, a fixed line with or without its area code; the first of several."""
    first, *more = [number for number in re.split(r"[/,;|\n\u3001]+", text) if number.strip()] or [text]
    number, fault = _phone(_bare(first))
    return number, fault or (Code.PHONE_SEVERAL if more else None)


def _phone(text: str) -> tuple[str, Code | None]:
    plain = _plain(text)
    if plain is None:
        return "", Code.PHONE_LOST
    if "*" in plain:
        return "", Code.PHONE_MASKED
    number = re.sub(r"^(?:\+|00)?86(?=1\d{10}$)", "", re.sub(r"[()-]", "", plain))
    if fixed := re.fullmatch(r"(0(?:10|2\d|[3-9]\d\d))([2-9]\d{6,7})", number):
        return "-".join(fixed.groups()), None
    if re.fullmatch(r"1[3-9]\d{9}|[2-9]\d{6,7}", number):
        return number, None
    wrong = Code.PHONE_SHORT if len(number) < 11 else Code.PHONE_LONG
    return "", wrong if number.isdecimal() and len(number) != 11 else Code.PHONE_FORM


def identity(text: str) -> tuple[str, Code | None]:
    """A resident's 18 characters with a true check character, or the letters and digits of another paper."""
    number = _bare(text).upper()
    if _SCIENTIFIC.fullmatch(number):
        return "", Code.IDENTITY_LOST
    if "*" in number:
        return "", Code.IDENTITY_MASKED
    if not re.fullmatch(r"\d+X?", number):  # a passport, a permit, a company's credit code
        return (number, None) if re.fullmatch(r"(?=.*\d)[\w()-]{5,20}", number) else ("", Code.IDENTITY_LENGTH)
    if len(number) != 18:
        return "", Code.IDENTITY_LENGTH
    if _checked(number):
        return number, None
    return "", Code.IDENTITY_LOST if number.endswith("000") else Code.IDENTITY_CHECK


def _checked(number: str) -> bool:
    total = sum(int(digit) * weight for digit, weight in zip(number, _WEIGHTS, strict=False))
    try:
        date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    return number[17] == "10X98765432"[total % 11]
