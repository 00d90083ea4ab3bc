"""Texts: lines give way where a field is empty; times and places are said as neighbours say them."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from texts import files, say, words
from texts.wording import figure, moment, place

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 23, 10, 0, tzinfo=ZONE)  # a Monday


def test_a_line_without_its_number_gives_way() -> None:
    full = say("cards.trapped", lift="963333", number=1)
    bare = say("cards.trapped", lift="", number=1)
    assert "963333" in full and "119" in full
    assert "963333" not in bare and "现在就打 119" in bare
    assert len(bare.splitlines()) == len(full.splitlines()) == 4


def test_a_missing_field_is_an_error_not_a_gap() -> None:
    with pytest.raises(KeyError):
        say("tickets.withdrawn")


@pytest.mark.parametrize("card", ["trapped", "gas", "fire", "wire", "falling", "thrown", "collapse", "check"])
def test_a_card_is_short(card: str) -> None:
    lines = say(f"cards.{card}", number=1, lift="963333", gas="0715-12345", power="95598").splitlines()
    assert 1 < len(lines) <= 4 and lines[0].startswith("🆘")
    assert all(len(line) <= 28 for line in lines)


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ((23, 20, 0), "今晚8点"),
        ((23, 19, 30), "今晚7点半"),
        ((23, 12, 0), "今天中午12点"),
        ((23, 17, 0), "今天下午5点"),
        ((23, 11, 20), "今天上午11点20"),
        ((24, 9, 0), "明早9点"),
        ((24, 7, 30), "明早7点半"),
        ((24, 12, 0), "明天中午12点"),
        ((24, 20, 0), "明晚8点"),
        ((25, 19, 30), "周三（11月25日）晚上7点半"),
    ],
)
def test_moment(at: tuple[int, int, int], said: str) -> None:
    day, hour, minute = at
    assert moment(datetime(2026, 11, day, hour, minute, tzinfo=ZONE), NOW) == said


def test_place_and_figures() -> None:
    assert (place("3"), place("3", "2"), place("")) == ("3栋", "3栋2单元", "")
    written = ["3", "03", "三", "十", "十二", "二十", "二十一"]
    assert [figure(each) for each in written] == ["3", "3", "3", "10", "12", "20", "21"]


def test_word_lists_are_plain() -> None:
    assert "words" in files()
    assert all(word == word.strip() for word in words("words.cancel"))
