"""What the classifier learns: exact, in any order, and taken back without a trace."""

import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier import Classifier, load_lexicon
from classifier.fine import LEAST
from classifier.learner import LIMIT

HERE = Path(__file__).parent
SHIPPED = Classifier(load_lexicon())
WORDS = {"养鸽": ["鸽子", "鸽棚"], "道路": ["路面", "台阶"], "水": ["漏水", "停水"], "空": []}
OWN = Classifier(WORDS)
BOTH = pytest.mark.parametrize("base", [SHIPPED, OWN], ids=["shipped", "own"])
LINES = [line.partition("|")[2] for line in (HERE / "sentences.txt").read_text(encoding="utf-8").splitlines()]
PROBES = LINES[::25]

texts = st.one_of(st.sampled_from(LINES), st.text(st.characters(), max_size=40))
lessons = st.lists(
    st.tuples(st.sampled_from(["learn", "weak", "reject"]), texts, st.integers(0, 3)), min_size=1, max_size=12
)
Lesson = tuple[str, str, int]


def teach(classifier: Classifier, lesson: Lesson, *, back: bool = False) -> None:
    how, text, which = lesson
    category = classifier.lexicon.codes[which]
    if how == "reject":
        (classifier.unreject if back else classifier.reject)(text)
    else:
        (classifier.unlearn if back else classifier.learn)(text, category, 0.3 if how == "weak" else 1.0)


def seen(classifier: Classifier, *more: str) -> list[object]:
    return [classifier.guess(text) for text in (*PROBES, *more)]


@BOTH
@settings(max_examples=25, deadline=None)
@given(found=lessons, seed=st.integers())
def test_any_order_gives_the_same_bits(base: Classifier, found: list[Lesson], seed: int) -> None:
    there, back = base.for_counts(), base.for_counts()
    for lesson in found:
        teach(there, lesson)
    for lesson in random.Random(seed).sample(found, len(found)):
        teach(back, lesson)
    assert there.counts() == back.counts()
    asked = [text for _, text, _ in found]
    assert seen(there, *asked) == seen(back, *asked)


@BOTH
@settings(max_examples=25, deadline=None)
@given(found=lessons, seed=st.integers())
def test_taking_all_back_leaves_no_trace(base: Classifier, found: list[Lesson], seed: int) -> None:
    classifier = base.for_counts()
    asked = [text for _, text, _ in found]
    before = seen(classifier, *asked)
    for lesson in found:
        teach(classifier, lesson)
        classifier.guess(lesson[1])
    for lesson in random.Random(seed).sample(found, len(found)):
        teach(classifier, lesson, back=True)
    assert classifier.counts() == base.for_counts().counts() == {"examples": {}, "pieces": {}, "words": {}}
    assert seen(classifier, *asked) == before


@BOTH
@settings(max_examples=20, deadline=None)
@given(one=lessons, other=lessons)
def test_the_sum_of_two_compounds_is_one_that_learned_both(
    base: Classifier, one: list[Lesson], other: list[Lesson]
) -> None:
    left, right, both = base.for_counts(), base.for_counts(), base.for_counts()
    for lesson in one:
        teach(left, lesson)
        teach(both, lesson)
    for lesson in other:
        teach(right, lesson)
        teach(both, lesson)
    left.learn_word("蜂箱", base.lexicon.codes[0])
    both.learn_word("蜂箱", base.lexicon.codes[0])
    whole = Classifier.merge(left.counts(), right.counts())
    assert whole == both.counts()
    kept = base.for_counts(json.loads(json.dumps(whole)))
    assert kept.counts() == whole
    assert seen(kept, "蜂箱倒了没人管") == seen(both, "蜂箱倒了没人管")


@BOTH
def test_compounds_do_not_hear_of_each_other(base: Classifier) -> None:
    here, there = base.for_counts(), base.for_counts()
    before = seen(there)
    for text in PROBES:
        here.learn(text, base.lexicon.codes[-1])
    assert seen(there) == before
    assert not base.counts()["examples"]


@pytest.mark.parametrize(
    "text", ["阿黄又在草坪上拉了", "二号机又不动弹了 我们怎么下楼", "顶上那个大家伙嗡嗡嗡一整夜", "楼上往下滴水"]
)
def test_one_correction_changes_the_next_guess(text: str) -> None:
    classifier = SHIPPED.for_counts()
    first = classifier.guess(text)
    classifier.learn(text, first.runner_up)
    assert classifier.guess(text).category == first.runner_up
    classifier.unlearn(text, first.runner_up)
    assert classifier.guess(text) == first


def test_weak_evidence_weighs_less() -> None:
    text = "二号机又不动弹了"
    weak, strong = OWN.for_counts(), OWN.for_counts()
    weak.learn(text, "空", 0.1)
    strong.learn(text, "空")
    assert OWN.guess(text).probability < weak.guess(text).probability < strong.guess(text).probability
    for _ in range(9):
        weak.learn(text, "空", 0.1)
    assert weak.counts() == strong.counts()


def test_a_category_without_words_is_learned() -> None:
    classifier = OWN.for_counts()
    for text in ("三单元麻将打到半夜", "又打麻将 哗啦哗啦的", "麻将馆开到楼上来了"):
        classifier.learn(text, "空")
    assert classifier.guess("楼上麻将声音大").category == "空"
    assert classifier.guess("台阶坏了").category == "道路"


@pytest.mark.parametrize("base", [SHIPPED, OWN], ids=["shipped", "own"])
def test_what_was_no_complaint_is_left_alone_and_back(base: Classifier) -> None:
    text = "路面漏水没人管"
    classifier = base.for_counts()
    first = classifier.guess(text)
    assert first.ticket
    for _ in range(5):
        classifier.reject(text)
    assert not classifier.guess(text).ticket
    assert classifier.guess("楼上漏水滴了一个星期 物业不管").ticket
    for _ in range(5):
        classifier.unreject(text)
    assert classifier.guess(text) == first


def test_dangers_are_not_unlearned() -> None:
    classifier = SHIPPED.for_counts()
    for _ in range(20):
        classifier.reject("7栋电梯有人被困 快来人")
    assert classifier.guess("7栋电梯有人被困 快来人").urgent


@BOTH
def test_a_word_taken_in_is_a_keyword_at_once(base: Classifier) -> None:
    classifier = base.for_counts()
    code = base.lexicon.codes[2]
    text = "蜂箱坏了半个月没人管"
    before = classifier.guess(text)
    classifier.learn_word("蜂箱", code)
    found = classifier.guess(text)
    assert (found.ticket, found.category, found.matter) == (True, code, "蜂箱")
    classifier.unlearn_word("蜂箱", code)
    assert classifier.guess(text) == before


def test_a_word_taken_out_before_it_is_taken_in_counts_for_nothing() -> None:
    classifier = OWN.for_counts()
    text = "蜂箱坏了半个月没人管"
    classifier.unlearn_word("蜂箱", "水")
    assert classifier.guess(text) == OWN.guess(text)
    classifier.learn_word("蜂箱", "水")
    assert classifier.counts() == OWN.counts()
    with pytest.raises(ValueError, match="empty"):
        classifier.learn_word(" ", "水")


@pytest.mark.parametrize("name", ["", "nothing", "其他的"])
def test_unknown_categories_are_named(name: str) -> None:
    classifier = OWN.for_counts()
    for call in (classifier.learn, classifier.unlearn, classifier.learn_word):
        with pytest.raises(ValueError, match="养鸽, 道路, 水, 空"):
            call("漏水", name)
    with pytest.raises(ValueError, match="养鸽"):
        OWN.for_counts({"examples": {name + "x": 1}, "pieces": {}, "words": {}})
    assert not classifier.counts()["examples"]


@pytest.mark.parametrize("weight", [0.0, -1.0, 0.04, 1.5])
def test_a_weight_is_at_most_one_example(weight: float) -> None:
    with pytest.raises(ValueError, match="weight"):
        OWN.for_counts().learn("漏水", "水", weight)


@BOTH
def test_a_lesson_is_kept_without_numbers_and_learned_again(base: Classifier) -> None:
    there, again = base.for_counts(), base.for_counts()
    for text in LINES[::10]:
        lesson = there.lesson(text)
        assert not any(sign.isdigit() and sign != "0" for sign in lesson)
        there.learn(lesson, base.lexicon.codes[1])
        again.learn(there.lesson(lesson), base.lexicon.codes[1])
    assert there.counts() == again.counts()


def many() -> list[tuple[str, str]]:
    """More lessons than fine weights need, all different."""
    dice, codes = random.Random(5), OWN.lexicon.codes
    things = {code: WORDS[code] or ["麻将", "棋牌"] for code in codes}
    found = []
    for at in range(LEAST + 40):
        code = codes[at % len(codes)]
        found.append((f"{dice.choice(LINES)} {dice.choice(things[code])} {chr(0x4E00 + at)}", code))
    return found


def test_fine_weights_know_no_order_and_go_with_their_lessons() -> None:
    found = many()
    there, back, plain = OWN.for_counts(), OWN.for_counts(), OWN.for_counts()
    for text, code in found:
        there.learn(text, code)
    for text, code in reversed(found):
        back.learn(text, code)
    settled = seen(there)
    assert settled == seen(back)
    assert settled != seen(plain.for_counts(there.counts()))  # counts hold no lessons, so no fine weights
    there.unlearn(*found[0])
    there.learn(*found[0])
    assert seen(there) == settled
    for text, code in found:
        there.unlearn(text, code)
    assert there.counts() == plain.counts()
    assert seen(there) == seen(plain)


@pytest.mark.parametrize("base", [SHIPPED, OWN], ids=["shipped", "own"])
@pytest.mark.parametrize(
    "text", ["", " ", "\ud800", "\x00\x01\x02", "=鸽子", "😀" * 50, "电梯" * 500_000, "\ud800" * 1_000_000]
)
def test_odd_lessons_are_learned_and_taken_back(base: Classifier, text: str) -> None:
    classifier = base.for_counts()
    code = classifier.lexicon.codes[0]
    classifier.learn(text, code)
    classifier.reject(text)
    classifier.guess(text)
    json.dumps(classifier.counts()).encode()
    classifier.unlearn(text, code)
    classifier.unreject(text)
    assert not any(classifier.counts().values())


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(), max_size=200))
def test_nothing_raises(text: str) -> None:
    classifier = OWN.for_counts()
    classifier.learn(text, "空")
    assert classifier.guess(text).category in WORDS
    classifier.unlearn(text, "空")
    assert not any(classifier.counts().values())


def test_no_more_than_so_many_characters_are_read() -> None:
    long = " ".join(LINES)
    assert len(long) > LIMIT
    one, other = SHIPPED.for_counts(), SHIPPED.for_counts()
    one.learn(long[:LIMIT], "lift")
    other.learn(long[:LIMIT] + "电梯困人" * 100_000, "lift")
    assert one.counts() == other.counts()
    assert one.guess(long[:LIMIT]) == one.guess(long[:LIMIT] + "电梯困人" * 100_000)


def test_words_to_take_in_need_three_tickets_of_two_senders() -> None:
    sent = {
        "sanitation": [("小黑屋又满了", 1), ("小黑屋臭死了", 2), ("小黑屋旁边都是苍蝇", 2), ("垃圾没人收", 3)],
        "lift": [("电梯又停了", 1), ("二号机又不动", 5), ("二号机咯吱响", 5), ("二号机门关不上", 5)],
    }
    found = SHIPPED.suggest(sent)
    assert [(one.word, one.category, one.tickets, one.senders) for one in found] == [("小黑屋", "sanitation", 3, 2)]
    assert found[0].log_odds > 1
    taken = SHIPPED.for_counts()
    taken.learn_word("小黑屋", "sanitation")
    assert taken.suggest(sent) == []
    with pytest.raises(ValueError, match="no category"):
        SHIPPED.suggest({"nowhere": []})


def test_the_version_is_of_the_words() -> None:
    assert SHIPPED.version == Classifier(load_lexicon()).version == SHIPPED.for_counts().version
    assert len({SHIPPED.version, OWN.version, Classifier({**WORDS, "空": ["麻将"]}).version}) == 3
