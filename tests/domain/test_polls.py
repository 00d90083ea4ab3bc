"""Which drafts are polls, which answer is meant, when the group hears of it."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.polls import Draft, Fault, check, moments, read_choice

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("options", "after", "fault"),
    [
        (("单侧", "双侧"), HOUR, None),
        (tuple("一二三四五六七八九"), HOUR, None),
        (("单侧",), HOUR, Fault.FEW),
        ((), HOUR, Fault.FEW),
        (tuple("一二三四五六七八九十"), HOUR, Fault.MANY),
        (("a", "A"), HOUR, Fault.TWICE),
        (("单侧", "双" * 21), HOUR, Fault.LONG),
        (("单侧", "双侧"), timedelta(0), Fault.PAST),
        (("单侧", "双侧"), timedelta(days=60), None),
        (("单侧", "双侧"), timedelta(days=60, seconds=1), Fault.FAR),
    ],
)
def test_a_draft(options: tuple[str, ...], after: timedelta, fault: Fault | None) -> None:
    assert check(Draft("停车", options, NOW + after), NOW) is fault


def test_a_long_title_is_no_title() -> None:
    assert check(Draft("停" * 41, ("单侧", "双侧"), NOW + HOUR), NOW) is Fault.LONG


PARKING = ("单侧划线", "双侧划线", "先不动")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        *(("1", 1), ("3", 3), ("4", None), ("0", None), ("a", 1), ("C", 3), ("d", None)),
        *(("先不动", 3), ("双侧", 2), ("划线", None), ("不动", 3), ("动", None), ("", None), ("别的", None)),
    ],
)
def test_an_answer(said: str, meant: int | None) -> None:
    assert read_choice(said, PARKING) == meant


def test_a_letter_that_an_option_begins_with_is_that_option() -> None:
    assert read_choice("a", ("B 先到先停", "A 固定")) == 2


def test_a_long_poll_is_spoken_of_twice_a_short_one_never() -> None:
    assert moments(NOW, NOW + 2 * HOUR) == {}
    assert moments(NOW, NOW + 4 * HOUR) == {"hour": NOW + 3 * HOUR}
    assert moments(NOW, NOW + 10 * HOUR) == {"half": NOW + 5 * HOUR, "hour": NOW + 9 * HOUR}
