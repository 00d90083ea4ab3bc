"""Typed answers in every writing people use."""

import pytest

from dialogs.answers import read_number

LABELS = ((1, "好了，满意"), (2, "好了，还行"), (3, "好了，但不满意"), (4, "没好"))


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("1", 1),
        (" 2 ", 2),
        ("２", 2),
        ("②", 2),
        ("二", 2),
        ("选2", 2),
        ("我选3", 3),
        ("4.", 4),
        ("没好", 4),
        ("好了，还行", 2),
        ("还行", 2),
        ("好了", None),  # three labels hold it
        ("9", None),
        ("12", None),
        ("2栋", None),
        ("", None),
        ("不知道", None),
    ],
)
def test_read_number(typed: str, number: int | None) -> None:
    assert read_number(typed, LABELS) == number
