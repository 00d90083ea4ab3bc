"""The lexicon is in order, slips are heard, two matters are two, and the commands say why."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.commands.lexicon import UNSURE, action, lexicon_commands
from classifier import Classifier, load_lexicon
from classifier.cut import cutter
from classifier.examples import seeds
from classifier.explain import Explainer
from classifier.lint import lint
from classifier.load import THING, Lexicon, Mark, Remark
from classifier.phrase import expand
from classifier.score import votes
from classifier.sound import Ear

LEXICON = load_lexicon()
CLASSIFIER = Classifier(LEXICON)

WRITTEN = (Path(__file__).parent / "sentences.txt").read_text(encoding="utf-8").splitlines()


def with_word(word: str, *marks: Mark) -> Lexicon:
    return replace(LEXICON, words={**LEXICON.words, word: marks})


# --- Words -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", LEXICON.codes)
def test_sixty_words_a_category(code: str) -> None:
    words = {word for word, marks in LEXICON.words.items() if any(mark.group == code for mark in marks)}
    plain = {word for word in words if not set("~([") & set(word)}
    assert len(plain) >= 60
    assert LEXICON.remark(code, "") == LEXICON.remark(code, "不在词表里的词")
    assert LEXICON.remark(code, "").note
    assert LEXICON.remark(code, "").added_by


def test_a_word_may_have_a_weight_a_note_and_an_author() -> None:
    assert LEXICON.remark("noise", "货车") == Remark("多半说的是停车", "linli")
    (mark,) = [mark for mark in LEXICON.words["货车"] if mark.group == "noise" and mark.role == THING]
    assert mark.weight == 0.5
    text = "货车"
    scores = votes(LEXICON.codes, CLASSIFIER._hits(text, CLASSIFIER._shared.scanner.look(text)))
    assert scores["parking"] > scores["noise"] > 0


def test_the_shipped_lexicon_has_no_faults() -> None:
    assert lint(LEXICON, [seed.text for seed in seeds()]) == []


def test_lint_finds_a_thing_of_two_categories() -> None:
    word = "旋转木马"
    (fault,) = lint(with_word(word, Mark(THING, "noise", "马"), Mark(THING, "lift", "马")))
    assert (fault.kind, fault.word, fault.what) == ("two categories", word, "lift, noise")
    assert lint(with_word(word, Mark(THING, "noise", "马"), Mark(THING, "lift", "马", 0.5))) == []


def test_lint_finds_a_word_that_another_category_takes() -> None:
    (fault,) = lint(with_word("漏煤气味", Mark(THING, "other", "味")))
    assert (fault.kind, fault.word) == ("collides", "漏煤气味")
    assert "gas" in fault.what


def test_lint_finds_a_word_that_never_fires() -> None:
    typed = "拉圾"  # always read as another word
    (fault,) = lint(with_word(typed, Mark(THING, "sanitation", "垃圾")))
    assert (fault.kind, fault.word) == ("never fires", typed)
    glued = with_word("海大", Mark(THING, "parking", "车"))
    assert [fault.word for fault in lint(glued, ["上海大学"] * 3)] == ["海大"]
    assert lint(glued, ["上海大学"] * 2) == []


def test_a_choice_may_hold_a_gap() -> None:
    assert expand("灯~(坏|一~黑|又~(灭|闪))") == ("灯~(坏)", "灯~一~黑", "灯~又~(灭|闪)")
    assert expand("灯~(坏|黑)") == ("灯~(坏|黑)",)


# --- Words that only sound right -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("电踢坏了", "lift"),
        ("电题又坏了没人修", "lift"),
        ("拉圾没人收", "sanitation"),
        ("消访通道堵了", "fire"),
        ("下水倒堵了", "water"),
        ("楼倒灯不亮", "power"),
        ("门金坏了一个月", "property"),
        ("充电庄坏了没人修", "parking"),
        ("消放栓没水", "fire"),
        ("健身器才坏了没人管", "greenery"),
    ],
)
def test_homophones_are_heard(text: str, category: str) -> None:
    found = CLASSIFIER.guess(text)
    assert (found.ticket, found.category) == (True, category)


@pytest.mark.parametrize(
    "text", ["露水好多", "露水打湿了鞋", "公式错了", "会意错了", "没睡好 累得很", "剧里的事件没完没了", "实体店关了"]
)
def test_words_of_the_language_are_not_mended(text: str) -> None:
    assert Ear(LEXICON, cutter()).mend(text) == text
    assert not CLASSIFIER.guess(text).ticket


def test_a_slip_needs_something_wrong_and_no_thing_named() -> None:
    assert CLASSIFIER.lesson("消访通道堵了") == "消防通道堵了"
    assert CLASSIFIER.lesson("消防通道堵了") == "消防通道堵了"
    assert CLASSIFIER.lesson("消访通道见") == "消访通道见"
    assert CLASSIFIER.lesson("消访通道旁边的路灯坏了") == "消访通道旁边的路灯坏了"


def test_the_dictionary_of_sounds_is_read_when_it_is_needed() -> None:
    code = """
import sys
from classifier import Classifier, load_lexicon
from classifier.sound import _syllables
c = Classifier(load_lexicon())
c.guess("今天天气真好")
c.guess("楼道灯坏了")
print(_syllables.cache_info().currsize, "pypinyin" in sys.modules)
c.guess("消访通道堵了")
print(_syllables.cache_info().currsize, "pypinyin" in sys.modules)
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert out == ["0", "False", "1", "False"]


# --- Both word cutters -----------------------------------------------------------------------------------------------


def test_both_cutters_cut_alike() -> None:
    texts = [line.partition("|")[2] for line in WRITTEN] + [seed.text for seed in seeds()]
    fast, slow = cutter("rjieba"), cutter("jieba")
    normal = [LEXICON.normaliser.message(text) for text in texts]
    assert [text for text in normal if fast(text) != slow(text)] == []


# --- Two matters -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "categories"),
    [
        ("垃圾没人扫，灯也不亮", ["sanitation", "power"]),
        ("电梯又停了，楼道灯也坏了半个月", ["lift", "power"]),
        ("3栋垃圾没人收 路灯也不亮 谁管管", ["sanitation", "power"]),
        ("下水道堵了，另外路灯也不亮", ["water", "power"]),
        ("垃圾没人扫", ["sanitation"]),
        ("垃圾没人扫，臭死了", ["sanitation"]),
        ("电梯坏了，老人也下不了楼", ["lift"]),
        ("停水了，也没人通知", ["water"]),
        ("路灯不亮，楼道灯也不亮", ["power"]),
        ("今天天气好，去散步", [CLASSIFIER.guess("今天天气好，去散步").category]),
        ("5栋着火了，路灯也不亮", ["fire"]),
    ],
)
def test_two_matters_in_one_message(text: str, categories: list[str]) -> None:
    found = CLASSIFIER.guess_all(text)
    assert [guess.category for guess in found] == categories
    assert found[0] == CLASSIFIER.guess(text)
    assert len(found) == 1 or all(guess.ticket and guess.summary for guess in found)


def test_one_complaint_is_seldom_two() -> None:
    complaints = [seed.text for seed in seeds() if seed.complaint]
    assert sum(len(CLASSIFIER.guess_all(text)) > 1 for text in complaints) <= 0.005 * len(complaints)


# --- The commands ----------------------------------------------------------------------------------------------------


def run(*args: str) -> tuple[int, str]:
    result = CliRunner().invoke(lexicon_commands, list(args))
    return result.exit_code, result.output


def test_the_whole_reasoning_is_shown() -> None:
    code, out = run("test", "消访通道堵了，谢谢")
    assert code == 0
    for part in ("read as     消防通道堵了,谢谢", "消防通道  thing  消防安全 1", "thanks", "complaint?  yes", "margin"):
        assert part in out
    assert "urgent?     no" in out
    assert "routes: opens or joins a ticket" in out


def test_an_alarm_and_plain_talk_are_explained() -> None:
    assert "urgent?     fire: a rule of the dangers holds" in run("test", "5栋着火了快打119")[1]
    assert "the bot     routes: an alarm at once" in run("test", "5栋着火了快打119")[1]
    quiet = run("test", "今天天气真好")[1]
    assert "complaint?  no" in quiet
    assert "the bot     is silent" in quiet


def test_who_sends_it_counts() -> None:
    assert "opens or joins" in run("test", "3栋下水道堵了，污水外溢")[1]
    assert "is silent" in run("test", "3栋下水道堵了，污水外溢", "--role", "property")[1]


def test_an_explanation_is_of_the_guess_itself() -> None:
    explainer = Explainer(LEXICON)
    for line in WRITTEN[:200]:
        text = line.partition("|")[2]
        reasoning = explainer.explain(text)
        assert reasoning.guesses == CLASSIFIER.guess_all(text)
        if reasoning.needed is None and reasoning.guesses[0].ticket:
            assert reasoning.guesses[0].urgent
        elif reasoning.guesses[0].ticket and not reasoning.guesses[0].urgent:
            assert reasoning.score >= (reasoning.needed or 0)


def test_the_bot_does_what_the_command_says() -> None:
    from dialogs.routing import _UNSURE

    assert UNSURE == _UNSURE
    guess = CLASSIFIER.guess("楼道灯坏了")
    assert "opens or joins" in action(guess)
    assert "in private" in action(replace(guess, probability=0.2))
    assert "silent in a group" in action(replace(guess, probability=0.2, matter=""))


def test_lint_says_so_when_all_is_well() -> None:
    code, out = run("lint")
    assert code == 0
    assert out.endswith(" 0 faults\n")


def test_lint_fails_on_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    faulty = with_word("旋转木马", Mark(THING, "noise", "马"), Mark(THING, "lift", "马"))
    monkeypatch.setattr("classifier.load_lexicon", lambda: faulty)
    code, out = run("lint")
    assert code == 1
    assert "two categories: 旋转木马" in out
