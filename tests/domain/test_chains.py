"""接龙: the shapes of real chats are read, lists that cross on the way lose nobody, what is written is read again."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs.chains import chain_words
from domain.chains import Chain, Entry, Merged, emit, merge, parse, same

WORDS = chain_words()


def read(text: str) -> Chain:
    chain = parse(text, WORDS)
    assert chain
    return chain


def entry(line: str) -> Entry:
    (only,) = read(f"#接龙\n报名\n\n1. {line}").entries
    return only


def names(entries: tuple[Entry, ...]) -> list[str]:
    return [found.name for found in entries]


def lists(*lines: str, title: str = "周六楼道清理") -> Chain:
    return read("\n".join([f"#接龙\n{title}\n", *(f"{at}. {line}" for at, line in enumerate(lines, 1))]))


FULL = """#接龙
6月26日 周六楼道清理报名
例 3-2-501 王阿姨 1人

1. 3-2-501 王阿姨 2人
2. 小赵 +1
3. 郑工6栋 下午才有空
带工具自备手套
7.30 在门口等
4. 人满截止
"""


def test_the_whole_shape() -> None:
    chain = read(FULL)
    assert (chain.title, chain.example) == ("6月26日 周六楼道清理报名", "3-2-501 王阿姨 1人")
    assert chain.notes == ("人满截止",)
    assert [(e.number, e.name, e.room, e.persons) for e in chain.entries] == [
        (1, "王阿姨", "3-2-501", 2),
        (2, "小赵", "", 2),
        (3, "郑工", "6", 1),
    ]
    assert chain.entries[2].note == "下午才有空\n带工具自备手套\n7.30 在门口等"
    assert chain.entries[2].said == "郑工6栋 下午才有空\n带工具自备手套\n7.30 在门口等"


@pytest.mark.parametrize(
    ("head", "title"),
    [
        ("#接龙\n磨剪刀报名\n\n", "磨剪刀报名"),
        ("#接龙 磨剪刀报名\n", "磨剪刀报名"),
        ("#接龙\n\n磨剪刀报名\n例 3-1-101 陈奶奶\n\n", "磨剪刀报名"),
        ("@小赵 打卡#接龙\n\n磨剪刀报名\n", "磨剪刀报名"),
        ("# 接龙\n磨剪刀报名\n周六上午\n\n", "磨剪刀报名\n周六上午"),
        ("#Group Note\n磨剪刀报名\n\n", "磨剪刀报名"),
        ("＃接龙&#x20;\r\n磨剪刀报名\r\n\r\n", "磨剪刀报名"),
        ("#接龙\n\n", ""),
    ],
)
def test_heads(head: str, title: str) -> None:
    chain = read(f"{head}1. 陈奶奶 3-1-101\n2. 小赵")
    assert (chain.title, names(chain.entries)) == (title, ["陈奶奶", "小赵"])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1. 王阿姨\n2. 小赵",
        "#接龙",
        "#接龙怎么用？",
        "大家看看#接龙\n还没报的快报",
        "王阿姨：\n#接龙\n报名\n1. 王阿姨",
        f"#接龙\n报名\n1. 王阿姨\n{'- ' * 15}\n我也去",
    ],
)
def test_no_chain(text: str) -> None:
    assert parse(text, WORDS) is None


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("1.王阿姨\n2．小赵\n3、陈奶奶\n", [(1, "王阿姨"), (2, "小赵"), (3, "陈奶奶")]),
        ("4) 郑工\n５）何老师", [(4, "郑工"), (5, "何老师")]),
        ("1. 王阿姨\n4. 小赵\n4. 郑工\n3. 陈奶奶", [(1, "王阿姨"), (4, "小赵"), (4, "郑工"), (3, "陈奶奶")]),
        ("1.3-2-501 王阿姨\n2.5栋何老师", [(1, "王阿姨"), (2, "何老师")]),
        ("1. 王阿姨\n2. 小赵 打卡\n1. 读书\n2. 散步\n3. 郑工", [(1, "王阿姨"), (2, "小赵"), (3, "郑工")]),
        ("1. 王阿姨\n2.\n\n谢谢大家！", [(1, "王阿姨")]),
        ("1. 王阿姨\n2. 30箱\n3.30 见", [(1, "王阿姨"), (2, "30箱")]),
    ],
)  # fmt: skip
def test_numbers(lines: str, expected: list[tuple[int, str]]) -> None:
    assert [(found.number, found.name) for found in read(f"#接龙\n报名\n\n{lines}").entries] == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("3栋2单元501室 王阿姨 两个人", ("王阿姨", "3-2-501", 2, "")),
        ("3-2-501王阿姨2人，带水", ("王阿姨", "3-2-501", 2, "带水")),
        ("王阿姨（2人）", ("王阿姨", "", 2, "")),
        ("501 王阿姨", ("王阿姨", "501", 1, "")),
        ("何老师 5栋 +2 晚到", ("何老师", "5", 3, "晚到")),
        ("6#1-302 郑工 12箱", ("郑工", "6-1-302", 1, "12箱")),
        ("🌸花开富贵👨‍👩‍👧 3人", ("🌸花开富贵👨‍👩‍👧", "", 3, "")),
        ("+1", ("", "", 1, "")),
        ("李四 13800000000", ("李四", "", 1, "13800000000")),
    ],
)
def test_entries(line: str, expected: tuple[str, str, int, str]) -> None:
    found = entry(line)
    assert (found.name, found.room, found.persons, found.note) == expected
    assert (found.said, found.proxy, found.withdrawn) == (line, False, False)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("替3-1-101陈奶奶报名 1人", "陈奶奶"),
        ("小赵替陈奶奶 3-1-101", "陈奶奶"),
        ("代陈奶奶领一份", "陈奶奶"),
        ("陈奶奶（小赵代）", "陈奶奶"),
    ],
)
def test_proxies(line: str, name: str) -> None:
    found = entry(line)
    assert (found.name, found.proxy) == (name, True)


@pytest.mark.parametrize(
    "line",
    ["代阿姨 3-1-101", "张代芳", "王五 替我拿一份", "王五 如果下雨活动取消", "王五不取消", "王五 晚到\n下雨取消"],
)
def test_neither_proxy_nor_withdrawn(line: str) -> None:
    found = entry(line)
    assert (found.proxy, found.withdrawn) == (False, False)
    assert found.name == line.split(" ", maxsplit=1)[0]


@pytest.mark.parametrize("line", ["王阿姨 取消", "3-2-501 王阿姨（取消）", "王阿姨退出了", "王阿姨 2人\n不去了"])
def test_withdrawn(line: str) -> None:
    found = entry(line)
    assert (found.name, found.withdrawn) == ("王阿姨", True)


def test_a_closing_remark_is_no_part_of_the_last_entry() -> None:
    chain = read("#接龙\n报名\n\n1. 王阿姨\n\n周五晚上八点锁门")
    assert (chain.notes, chain.entries[0].said) == (("周五晚上八点锁门",), "王阿姨")


def story(*sent: tuple[str, Chain]) -> Merged:
    merged = None
    for sender, chain in sent:
        merged = merge(merged.chain if merged else None, chain, sender)
    assert merged
    return merged


WANG, ZHAO, CHEN, HE, ZHENG = "3-2-501 王阿姨", "小赵", "3-1-101 陈奶奶", "5栋 何老师", "6栋 郑工"


def test_two_at_once_keep_both_and_the_lost_one_is_named() -> None:
    first = [("wang", lists(WANG)), ("zhao", lists(WANG, ZHAO))]
    crossed = story(*first, ("he", lists(WANG, ZHAO, HE)), ("zheng", lists(WANG, ZHAO, ZHENG)))
    assert names(crossed.chain.entries) == ["王阿姨", "小赵", "何老师", "郑工"]
    assert (names(crossed.added), names(crossed.lost), crossed.withdrawn) == (["郑工"], ["何老师"], ())
    assert [found.owner for found in crossed.chain.entries] == ["wang", "zhao", "he", "zheng"]
    assert [found.number for found in crossed.chain.entries] == [1, 2, 3, 4]


def test_ones_own_entry_is_changed_and_taken_back() -> None:
    sent = [("wang", lists(WANG)), ("zhao", lists(WANG, ZHAO))]
    changed = story(*sent, ("zhao", lists(f"{WANG} 不去", f"{ZHAO} +1 带梯子")))
    assert [found.said for found in changed.chain.entries] == [WANG, f"{ZHAO} +1 带梯子"]
    left = story(*sent, ("zhao", lists(WANG)))
    assert (names(left.withdrawn), names(left.chain.standing)) == (["小赵"], ["王阿姨"])
    marked = story(*sent, ("chen", lists(WANG, f"{ZHAO} 取消", CHEN)))
    assert (names(marked.withdrawn), names(marked.chain.standing)) == (["小赵"], ["王阿姨", "陈奶奶"])
    stale = story(*sent, ("zhao", lists(WANG)), ("he", lists(WANG, ZHAO, HE)))
    assert (names(stale.again), names(stale.chain.standing)) == (["小赵"], ["王阿姨", "何老师"])
    back = merge(stale.chain, lists(ZHAO, WANG, HE), "zhao")
    assert (names(back.added), names(back.chain.standing)) == (["小赵"], ["王阿姨", "小赵", "何老师"])


def test_namesakes_and_one_person_twice() -> None:
    two = story(("zhao", lists("小赵")), ("zhao2", lists("小赵", "小赵 带水")))
    assert [(found.owner, found.said) for found in two.chain.entries] == [("zhao", "小赵"), ("zhao2", "小赵 带水")]
    swapped = merge(two.chain, lists("小赵 带水", "小赵"), "zhao2").chain
    assert swapped == two.chain
    assert [found.said for found in merge(two.chain, lists("小赵 带水"), "he").lost] == ["小赵"]
    own = merge(two.chain, lists("小赵 带梯子"), "zhao2")
    assert ([found.said for found in own.chain.standing], names(own.lost)) == (["小赵", "小赵 带梯子"], ["小赵"])
    once = story(("wang", lists(WANG, ZHAO, f"{WANG} 改2人")), ("he", lists(WANG, ZHAO, f"{WANG} 改2人", HE)))
    assert [(found.name, found.persons) for found in once.chain.entries] == [("王阿姨", 2), ("小赵", 1), ("何老师", 1)]


def test_a_long_line_is_read_at_once() -> None:
    """No pattern tries a line in more and more ways: 2 to the power of 5000 would not end."""
    assert entry("人满截止" * 5000 + "？").name.startswith("人满截止")


def test_titles() -> None:
    known = story(("wang", lists(WANG)), ("zhao", lists(WANG, ZHAO))).chain
    renamed = lists(WANG, ZHAO, title="周日楼道清理")
    assert merge(known, renamed, "wang").chain.title == "周日楼道清理"
    assert not same(known, renamed, "zhao")
    assert not same(known, lists(WANG, title="买脐橙"), "wang")
    other = merge(known, lists(CHEN, title="买脐橙"), "chen")
    assert (other.chain.title, names(other.added), other.lost) == ("买脐橙", ["陈奶奶"], ())
    assert same(known, lists(WANG, ZHAO, HE, title=" "), "he")


def test_a_part_that_people_continue_loses_nobody() -> None:
    known = story(*((str(at), lists(*(f"3-1-{n}01 邻居" for n in range(1, at + 1)))) for at in range(1, 10))).chain
    parts = emit(known, WORDS, 120)
    assert len(parts) > 1
    continued = merge(known, read(parts[-1] + f"\n10. {ZHAO}"), "1")
    assert (names(continued.added), continued.lost, continued.withdrawn) == (["小赵"], (), ())
    assert len(continued.chain.standing) == 10


def test_written_as_people_write_it() -> None:
    assert emit(read(FULL), WORDS) == [FULL.replace("4. 人满截止\n", "\n人满截止")]
    assert emit(Chain("报名", example="3-1-101 陈奶奶"), WORDS) == ["#接龙\n报名\n例 3-1-101 陈奶奶"]
    assert emit(lists(WANG, f"{ZHAO} 取消", CHEN), WORDS) == [f"#接龙\n周六楼道清理\n\n1. {WANG}\n2. {CHEN}"]
    for limit in range(200, 260):
        parts = emit(read(FULL.replace("1. ", "1. 小赵\n2. " * 60)), WORDS, limit)
        assert max(map(len, parts)) <= limit
        assert sum(len(read(part).entries) for part in parts) == 63
    (cut,) = emit(lists(f"{WANG} {'水' * 3000}"), WORDS)
    assert len(cut) <= 2000
    assert read(cut).entries[0].key == ("王阿姨", "3-2-501")


# --- properties -----------------------------------------------------------------------------------------------------

BITS = st.sampled_from(
    [*"123 .、)）\n-+替代人例", "#接龙", "取消", "人满截止", "王阿姨", "3-2-501", "2人", "🌸", "\n\n", "\n1. "]
)
MESS = st.lists(BITS, max_size=40).map("".join) | st.text(max_size=60)


@given(MESS, MESS, st.integers(200, 400))
def test_what_is_written_is_read_again(title: str, body: str, limit: int) -> None:
    chain = parse(f"#接龙\n报名 {title}\n\n1. 小赵\n2. {body}", WORDS)
    if not chain:
        return  # the mess quoted something
    messages = emit(chain, WORDS, limit)
    assert all(len(message) <= limit for message in messages)
    again = [found for message in messages for found in read(message).entries]
    assert [found.number for found in again] == list(range(1, len(chain.standing) + 1))
    wanted = [(e.said, e.key, e.persons, e.note, e.proxy) for e in chain.standing]
    assert [(e.said, e.key, e.persons, e.note, e.proxy) for e in again] == wanted


@given(MESS, MESS)
def test_merging_twice_is_merging_once(before: str, body: str) -> None:
    known = merge(None, read(f"#接龙\n报名\n\n1. 小赵\n2. 王阿姨 {before.replace('-', '')}"), "a").chain
    came = parse(f"#接龙\n报名\n\n1. 小赵\n2. {body}", WORDS)
    if not came:
        return  # the mess quoted something
    for sender in "ab":
        once = merge(known, came, sender)
        twice = merge(once.chain, came, sender)
        assert twice.chain == once.chain
        assert not (twice.added or twice.withdrawn)


@given(st.lists(st.tuples(st.integers(0, 3), st.permutations(range(6)), st.integers(0, 6)), min_size=1, max_size=12))
def test_only_its_owner_takes_an_entry_back(sent: list[tuple[int, list[int], int]]) -> None:
    """An entry stands as long as the newest list of whoever sent it first has it, whatever the others leave out."""
    owners: dict[str, int] = {}
    newest: dict[int, set[str]] = {}
    known = None
    for sender, order, length in sent:
        listed = [f"邻居{'甲乙丙丁戊己'[at]}" for at in order[:length]]
        merged = merge(known, lists(*listed), sender=str(sender))
        known, newest[sender] = merged.chain, set(listed)
        for name in listed:
            owners.setdefault(name, sender)
        standing = {name for name, owner in owners.items() if name in newest[owner]}
        assert set(names(known.standing)) == standing
        assert set(names(merged.lost)) == standing - set(listed)


def test_whoever_comes_first_nobody_is_lost() -> None:
    """Four join at once: whatever the order of arrival, all four are in the list."""
    for order in permutations([("zhao", ZHAO), ("chen", CHEN), ("he", HE), ("zheng", ZHENG)]):
        merged = story(("wang", lists(WANG)), *((sender, lists(WANG, line)) for sender, line in order))
        assert {found.said for found in merged.chain.standing} == {WANG, ZHAO, CHEN, HE, ZHENG}
