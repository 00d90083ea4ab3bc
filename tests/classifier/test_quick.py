"""What makes the classifier quick changes nothing of what it finds."""

import re

import pytest

from classifier import load_lexicon
from classifier.counts import TENTHS, Tally, features
from classifier.examples import seeds, shipped
from classifier.ready import Ready
from classifier.trigger import Patterns, needed

LEXICON = load_lexicon()
TEXTS = [seed.text for seed in seeds()]


@pytest.mark.parametrize(
    ("pattern", "signs"),
    [
        (r"\d+\s*(栋|楼)", "0"),
        (r"(片警|民警)\S{0,5}(提醒|提示)", "提"),
        (r"^\s*#?接龙", "接"),
        (r"(改)?(投|选)", "投选"),
        (r"[a-c]楼?", "abc"),
        (r"(\d|x)y?", "0x"),
        (r"a?", ""),
        (r"\S{2}", ""),
        (r"[^a]", ""),
        (r"(也|)?", ""),
        ("(?i)x", ""),
    ],
)
def test_what_an_expression_cannot_do_without(pattern: str, signs: str) -> None:
    found = needed(re.compile(pattern))
    assert found in ({frozenset(signs)} if signs != "提" else {frozenset("提"), frozenset("片民")})


def test_expressions_skipped_would_not_have_fitted() -> None:
    quick = Patterns(LEXICON.patterns.items())
    fitted = 0
    for text in (*TEXTS, "٣栋 电梯", "", "\n1. 老王\n2. 老李"):
        found = [(name, match.span()) for name, match in quick.search(text)]
        firsts = {
            name: next((match.span() for one in patterns if (match := one.search(text))), None)
            for name, patterns in LEXICON.patterns.items()
        }
        assert found == [(name, span) for name, span in firsts.items() if span]
        fitted += len(found)
    assert fitted > 100


@pytest.mark.parametrize(
    "text",
    [*TEXTS[::7], "ＡＢ栋 Wi-Fi断了！", "電梯壞了，冇人嚟", "İ栋", "ﬁ e\u0301灯", "㈠单元…", "灯\u200b坏\n了", "HTTP"],
)
def test_what_is_nearly_normal_is_read_like_all_else(text: str) -> None:
    message = LEXICON.normaliser.message
    assert message(text) == message(text + "[x]")  # a tag is read with care, and leaves nothing


def test_rows_by_number_are_the_same_rows() -> None:
    lines = seeds()[::9]
    for model in shipped(lines, LEXICON.codes, LEXICON.normaliser):
        ready = Ready(model.tally, model.rows)
        for text in TEXTS[::11]:
            pieces = features(text)
            assert ready.total(pieces) == sum(model.rows[piece] for piece in pieces)


def test_pieces_counted_alike_share_a_row() -> None:
    tally = Tally(2, [(frozenset("ab"), 0, TENTHS), (frozenset("bc"), 1, TENTHS), (frozenset("c"), 0, TENTHS)])
    assert [tally.of(piece) for piece in "abcd"] == [[10, 0], [10, 10], [10, 10], [0, 0]]
    assert tally.index["b"] == tally.index["c"] != tally.index["a"]
    assert tally.index.numbers(frozenset("d")) == [0]
    assert tally.index.numbers(frozenset("a")) == [tally.index["a"]]
