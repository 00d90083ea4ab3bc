"""One contract for every transport, kept by the whole bot: platform, transport, inbox, database, outbox and back.

Where a platform lacks something, its test says what happens instead.
"""

import pytest

from bot.pieces import width
from bot.transport import Rejected
from domain.messages import File, Sender
from tests.transports.rigs import Rig, Said

pytestmark = pytest.mark.asyncio(loop_scope="module")

WANG, ZHAO, LIU, NEW = "王阿姨", "小赵", "老刘", "小新"
GROUP, WORK = "3栋群", "3栋党小组群"
JPEG = b"\xff\xd8\xff" + bytes(range(256)) * 100


async def complain(rig: Rig, who: str = WANG, words: str = "楼道灯又不亮了") -> Said:
    await rig.say(who, words, GROUP)
    return await rig.hears(GROUP, "✅")


# --- text, private and group ---


async def test_a_complaint_is_answered_to_who_made_it(rig: Rig) -> None:
    await rig.say(ZHAO, "大家吃了吗", GROUP)
    await rig.say(WANG, "楼道灯又不亮了", GROUP)
    answer = await rig.hears(GROUP, "✅ 楼道灯不亮，记下了 #1")
    assert answer.quoted == (WANG if rig.has.quotes else "")
    assert answer.called == (() if rig.has.quotes else (WANG,))
    await rig.heard_all(GROUP)


async def test_what_is_asked_privately_is_answered_privately(rig: Rig) -> None:
    await rig.say(WANG, "查 7")
    await rig.hears(WANG, "没有 #7")
    assert len(await rig.said()) == 1


async def test_text_arrives_as_it_was_written(rig: Rig) -> None:
    text = "明天停水😀\n  *几点* <b>_来_</b> [看](http://example.org) &amp; 👨‍👩‍👧 #1"
    await rig.put(GROUP, text)
    assert (await rig.hears(GROUP, "明天")).text == text


async def test_a_person_may_turn_to_the_bot_in_the_group(rig: Rig) -> None:
    """By its name, or in answer to what it said; without either, the same words are for the neighbours."""
    await complain(rig)
    for told in ({}, {"at_me": True}, {"answer": True}):
        await rig.say(WANG, "进度", GROUP, **told)
    for _ in range(2):
        await rig.hears(WANG, "#1 楼道灯不亮：")
    await rig.heard_all(WANG)


async def test_somebody_is_called_by_name(rig: Rig) -> None:
    await rig.put(GROUP, "请看一下", mentions=(Sender(rig.id_of(ZHAO), ZHAO),))
    said = await rig.hears(GROUP, "")
    assert said.text.endswith("请看一下")
    assert said.called == (ZHAO,)


async def test_a_stranger_is_answered_and_not_written_down_for_it(rig: Rig) -> None:
    await rig.say(NEW, "帮助")
    await rig.hears(NEW, "有事直接说")
    assert not await rig.is_known(NEW)
    answer = await complain(rig, NEW)
    assert NEW in (answer.quoted, *answer.called)
    assert await rig.is_known(NEW)


# --- choices ---


async def test_a_matter_from_complaint_to_thanks(rig: Rig) -> None:
    """By buttons where there are buttons, by numbers where there are none."""
    await complain(rig)
    offer = await rig.hears(WORK, "#1 3栋 楼道灯不亮，1户。")
    assert offer.shown.endswith("\n1 我来")
    assert offer.buttons == (("1 我来",) if rig.has.buttons else ())
    await rig.press(LIU, offer, "我来")
    await rig.hears(WORK, "#1 接上了")
    await rig.hears(WANG, "#1 3栋楼栋长接了")
    await rig.hears(LIU, "原话：")
    await rig.say(LIU, "办结 1 已更换灯泡", WORK)
    await rig.hears(WORK, "#1 记上了")
    await rig.hears(GROUP, "✅ #1 楼道灯不亮：3栋楼栋长说已更换灯泡")
    question = await rig.hears(WANG, "#1 楼道灯不亮：3栋楼栋长说已更换灯泡。您看呢？\n1 好了，满意\n")
    await rig.press(WANG, question, "好了，满意")
    await rig.hears(WANG, "好，#1 就算办完了")
    for place in (GROUP, WORK, WANG, LIU):
        await rig.heard_all(place)


async def test_an_answer_that_comes_too_late_is_met_kindly(rig: Rig) -> None:
    await rig.say(WANG, "那个铁皮盖子里头在喷", GROUP)
    question = await rig.hears(WANG, "“那个铁皮盖子里头在喷”")
    await rig.press(WANG, question, "不用")
    await rig.hears(WANG, "好，不记")
    await rig.press(WANG, question, "不用")
    await rig.hears(WANG, "这个问题已经过去了" if rig.has.buttons else "您是想？")
    await rig.heard_all(WANG)


async def test_an_answer_to_a_question_nobody_asked(rig: Rig) -> None:
    await rig.forge(WANG)
    await rig.hears(WANG, "这个问题已经过去了" if rig.has.buttons else "您是想？")


# --- files ---


async def test_a_photo_goes_with_its_words(rig: Rig) -> None:
    await rig.photo(WANG, JPEG, "楼道灯又不亮了", GROUP)
    await rig.hears(GROUP, "✅ 楼道灯不亮，记下了 #1")
    refs = await rig.wanted_files()
    if rig.has.media:
        assert [await rig.transport.fetch(ref, len(JPEG)) for ref in refs] == [JPEG]
    else:
        assert refs == []
        with pytest.raises(Rejected):
            await rig.transport.fetch("photo", len(JPEG))


async def test_a_file_arrives_as_it_is(rig: Rig) -> None:
    (rig.files / "week.png").write_bytes(JPEG)
    await rig.put(GROUP, "这一周", file=File("photo", "week.png"))
    said = await rig.hears(GROUP, "")
    assert said.file == (JPEG if rig.has.media else None)
    if not said.text:  # words do not stand under a file: they follow
        said = await rig.hears(GROUP, "这一周")
    assert said.text == ("这一周" if rig.has.media else "[照片] 这一周")  # a terminal names it


# --- order and repeats ---


async def test_twenty_lines_are_answered_in_their_order(rig: Rig) -> None:
    for number in range(101, 121):
        await rig.say(WANG, f"查 {number}")
    for number in range(101, 121):
        await rig.hears(WANG, f"没有 #{number}")


async def test_what_is_told_twice_happens_once(rig: Rig) -> None:
    await rig.say_twice(WANG, "楼道灯又不亮了")
    await rig.hears(WANG, "记下了 #1")
    if not rig.has.repeats:  # there, who says it again means it
        await rig.hears(WANG, "#1 楼道灯不亮还在办")
    for number in (7, 8):
        await rig.say(WANG, f"查 {number}")
        await rig.hears(WANG, f"没有 #{number}")
    await rig.heard_all(WANG)
    assert await rig.reports() == (1 if rig.has.repeats else 2)


async def test_the_platform_goes_away_and_comes_back(rig: Rig) -> None:
    await rig.say(WANG, "查 7")
    await rig.hears(WANG, "没有 #7")
    await rig.go()
    await rig.put(GROUP, "明天停水", "后天来水")
    await rig.tried()
    await rig.come_back()
    await rig.later(minutes=10)
    await rig.say(WANG, "查 8")
    await rig.hears(WANG, "没有 #8")
    await rig.hears(GROUP, "明天停水")
    await rig.hears(GROUP, "后天来水")
    await rig.heard_all(GROUP)


# --- what does not fit, what cannot be reached, what changes ---


async def test_a_text_too_long_comes_in_pieces_that_end_where_sentences_end(rig: Rig) -> None:
    most = rig.transport.limits.text_length
    text = "".join(f"第{number}户说灯还没有修好😀，等了很久。" for number in range(most // 8))
    assert width(text) > 2 * most
    await rig.put(GROUP, text, "完了")
    said: list[Said] = []
    while not said or said[-1].text != "完了":
        said.append(await rig.hears(GROUP, ""))
    *pieces, _ = [each.text for each in said]
    assert "".join(pieces) == text
    assert all(piece.endswith("。") and width(piece) <= most for piece in pieces)


async def test_who_never_opened_the_private_chat_is_told_once_they_do(rig: Rig) -> None:
    if rig.has.closed:
        await rig.shut(WANG)
    await rig.say(WANG, "物业电话永远打不通，收了钱不管事", GROUP)
    if rig.has.closed:
        neutral = await rig.hears(GROUP, "#1 记下了，细说请私聊我")
        assert "物业" not in neutral.text
        await rig.open(WANG)
    await rig.hears(WANG, "记下了 #1，不经过物业")
    await rig.heard_all(GROUP)


async def test_a_post_that_changes(rig: Rig) -> None:
    """In its place where messages can be edited; else its newest state is said, half an hour later."""
    await rig.put(GROUP, "1票", post="poll:1")
    await rig.hears(GROUP, "1票")
    for votes in ("2票", "3票"):
        await rig.put(GROUP, votes, post="poll:1")
        await rig.heard_all(GROUP)
    if rig.has.edits:
        first, *_ = await rig.said()
        assert (first.text, first.edits) == ("3票", 2)
    else:
        await rig.later(minutes=31)
        await rig.hears(GROUP, "3票")
        await rig.heard_all(GROUP)


async def test_no_limit_of_the_platform_is_broken(rig: Rig) -> None:
    texts = [f"通知 {number}" for number in range(1, 26)]
    await rig.put(GROUP, *texts)
    assert [(await rig.hears(GROUP, "通知")).text for _ in texts] == texts
    limits = rig.transport.limits
    assert bool(limits.per_minute and limits.chat_pause) == rig.has.pace
    assert await rig.breaches() == []
