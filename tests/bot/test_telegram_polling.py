"""Asking Telegram for updates, at the peer: each is confirmed only after it was taken, in its chat's order."""

import asyncio
import json
import logging
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from telegram.request import HTTPXRequest

from bot.telegram_transport import TelegramTransport
from bot.transport import StartError
from domain.messages import File, Happening, Incoming, Outgoing, Press, Sender, numbered
from tests.peers.telegram.peer import TelegramPeer
from tests.support.telegram import FORUM, GROUP, HERE, LIU, OTHER, PACE, TOKEN, WANG, Hearer, on, open_peer, running

UPDATES = Path(__file__).parent / "updates"


@pytest.fixture
async def peer() -> AsyncIterator[TelegramPeer]:
    async with open_peer() as peer:
        yield peer


@pytest.fixture
async def bot(peer: TelegramPeer, tmp_path: Path) -> AsyncIterator[TelegramTransport]:
    async with on(peer, tmp_path) as transport:
        yield transport


@pytest.fixture
def hearer() -> Hearer:
    return Hearer()


async def confirmed(peer: TelegramPeer) -> None:
    """All updates are."""
    await peer.wait_for(lambda: not peer.pending)


async def test_what_people_say(peer: TelegramPeer, bot: TelegramTransport, hearer: Hearer) -> None:
    async with running(bot, hearer):
        peer.say(GROUP, WANG, "@linli_bot 灯坏了")
        peer.say(WANG, WANG, "/report 3楼灯坏了")
        peer.say(FORUM, LIU, "停水了", topic=77)
        for kind, send in (("photo", peer.photo), ("voice", peer.voice), ("video", peer.video)):
            file = send(GROUP, WANG, b"bytes of it", kind)["message"][kind]
            await confirmed(peer)
            heard = hearer.heard[-1]
            assert isinstance(heard, Incoming)
            assert heard.files == (File(kind, (file[-1] if kind == "photo" else file)["file_id"]),)
            assert await bot.fetch(heard.files[0].ref, 100) == b"bytes of it"
        peer.document(GROUP, WANG, b"bytes of it", "单子", name="单子.pdf")
        peer.location(OTHER, LIU, 29.8, 114.3)
        await confirmed(peer)
    first = [each for each in hearer.heard if isinstance(each, Incoming)]
    assert {(each.address.chat, each.text) for each in first} == {
        (str(GROUP), "灯坏了"),
        (str(WANG), "/report 3楼灯坏了"),
        (f"{FORUM}/77", "停水了"),
        (str(GROUP), "photo"),
        (str(GROUP), "voice"),
        (str(GROUP), "video"),
        (str(GROUP), "单子"),
        (str(OTHER), ""),
    }
    assert first[-1].bot_id == "tg"
    assert {each.sender for each in first} == {Sender(str(WANG), "王阿姨"), Sender(str(LIU), "刘 建国")}


async def test_a_press_is_answered_after_it_was_taken(
    peer: TelegramPeer, bot: TelegramTransport, hearer: Hearer
) -> None:
    question = Outgoing(HERE, "您看呢？", choices=numbered([(1, "好了"), (2, "没好")]), question="q:1")
    number = int(await bot.send(question))
    hearer.troubles[""] = 2
    async with running(bot, hearer):
        peer.press(GROUP, WANG, number, "2 没好")
        await peer.wait_for(lambda: peer.answers)
    pressed = hearer.heard[0]
    assert isinstance(pressed, Incoming)
    assert (pressed.press, pressed.message_id, hearer.troubles) == (Press("q:1", "2"), str(number), {"": 0})
    assert len(peer.answers) == 1


async def test_answering_a_press_holds_up_nothing(peer: TelegramPeer, bot: TelegramTransport, hearer: Hearer) -> None:
    number = int(await bot.send(Outgoing(HERE, "您看呢？", choices=numbered([(1, "好了")]), question="q:1")))
    peer.fail("answerCallbackQuery", times=2)
    async with running(bot, hearer):
        for _ in range(3):
            peer.press(GROUP, WANG, number, "1 好了")
        peer.say(GROUP, WANG, "好")
        await peer.wait_for(lambda: "好" in hearer.texts())
        await confirmed(peer)
        await peer.wait_for(lambda: len(peer.answers) == 1)


async def test_what_is_nobodys_words_is_confirmed_unheard(
    peer: TelegramPeer, bot: TelegramTransport, hearer: Hearer
) -> None:
    hearer.down = True
    async with running(bot, hearer):
        for name in ("pinned", "sticker"):
            recorded = json.loads((UPDATES / f"{name}.json").read_text(encoding="utf-8"))
            peer.raw_update({"message": recorded["message"]})
        await confirmed(peer)
    assert hearer.began == []


async def test_who_comes_and_goes_is_heard(peer: TelegramPeer, bot: TelegramTransport, hearer: Hearer) -> None:
    async with running(bot, hearer):
        peer.join(GROUP, LIU)
        peer.leave(GROUP, LIU)
        await confirmed(peer)
    assert [(event.what, event.detail) for event in hearer.events()] == [
        (Happening.CAME, str(LIU)),
        (Happening.LEFT, str(LIU)),
    ]


async def test_only_what_is_needed_is_asked_for(peer: TelegramPeer, bot: TelegramTransport, hearer: Hearer) -> None:
    async with running(bot, hearer):
        said = peer.say(GROUP, WANG, "灯坏了")
        await confirmed(peer)
        peer.edit(GROUP, said["message"]["message_id"], "水管坏了")
        assert peer.pending == []
    asked = [values["allowed_updates"] for name, values in peer.calls if name == "getUpdates"]
    assert asked[0] == ["message", "callback_query", "my_chat_member", "chat_member"]


async def test_an_unreadable_update_blocks_nothing(
    peer: TelegramPeer, bot: TelegramTransport, hearer: Hearer, caplog: pytest.LogCaptureFixture
) -> None:
    peer.say(GROUP, WANG, "一")
    broken = peer.raw_update({"message": {"text": "不成样子"}})
    peer.raw_update({"message": "不成样子"})
    peer.raw_update({"callback_query": ["不成样子"]})
    peer.say(GROUP, WANG, "二")
    async with running(bot, hearer):
        await confirmed(peer)
    assert hearer.texts() == ["一", "二"]
    assert f"update={broken['update_id']} cannot be read" in caplog.text
    assert "不成样子" not in caplog.text


# --- nothing is lost ------------------------------------------------------------------------------------------------


async def test_the_offset_never_passes_what_was_not_taken(
    peer: TelegramPeer, bot: TelegramTransport, hearer: Hearer
) -> None:
    """One chat's update fails again and again: what was said there after it waits for it, other chats go on."""
    hearer.troubles = {"三栋 2": 3}
    updates = [
        peer.say(chat, WANG, f"{place} {number}")
        for number in range(1, 5)
        for chat, place in ((GROUP, "三栋"), (OTHER, "四栋"))
    ]
    failing = next(each["update_id"] for each in updates if each["message"]["text"] == "三栋 2")
    async with running(bot, hearer):
        await peer.wait_for(lambda: hearer.troubles["三栋 2"] == 1)
        assert failing in [each["update_id"] for each in peer.pending]
        await confirmed(peer)
    assert hearer.texts(GROUP) == [f"三栋 {number}" for number in range(1, 5)]
    assert list(dict.fromkeys(hearer.texts(OTHER))) == [f"四栋 {number}" for number in range(1, 5)]


async def test_the_database_is_down_for_a_while(peer: TelegramPeer, bot: TelegramTransport, hearer: Hearer) -> None:
    hearer.down = True
    said = [f"第{number}句" for number in range(30)]
    async with running(bot, hearer):
        for text in said:
            peer.say(GROUP, WANG, text)
        await peer.wait_for(lambda: hearer.began.count("第0句") >= 3)
        assert len(peer.pending) == 30
        hearer.down = False
        await confirmed(peer)
    assert hearer.texts() == said


async def test_killed_in_the_middle(peer: TelegramPeer, tmp_path: Path, hearer: Hearer) -> None:
    """Handed over and not committed: who comes after is given it again."""
    hearer.held["二"] = asyncio.Event()
    for text in ("一", "二", "三"):
        peer.say(GROUP, WANG, text)
    async with on(peer, tmp_path) as bot, running(bot, hearer):
        await peer.wait_for(lambda: "二" in hearer.began)
    assert hearer.texts() == ["一"]
    hearer.held["二"].set()
    async with on(peer, tmp_path) as bot, running(bot, hearer):
        await confirmed(peer)
    assert list(dict.fromkeys(hearer.texts())) == ["一", "二", "三"]
    assert hearer.texts()[-2:] == ["二", "三"]


async def test_duplicates_and_shuffled_batches(peer: TelegramPeer, bot: TelegramTransport, hearer: Hearer) -> None:
    peer.shuffle = random.Random(7)
    peer.duplicate(1)
    said = [f"第{number}句" for number in range(40)]
    for text in said[:20]:
        peer.say(GROUP, WANG, text)
    async with running(bot, hearer):
        await confirmed(peer)
        for text in said[20:]:
            peer.say(GROUP, WANG, text)
        await confirmed(peer)
        await peer.wait_for(lambda: len(hearer.heard) >= 2 * len(said))
    assert list(dict.fromkeys(hearer.texts())) == said
    assert {each.update_id for each in hearer.heard} == {str(880100001 + number) for number in range(40)}


async def test_a_lost_answer_and_a_platform_that_stops(
    peer: TelegramPeer, bot: TelegramTransport, hearer: Hearer
) -> None:
    peer.say(GROUP, WANG, "一")
    peer.drop("getUpdates")
    peer.fail("getUpdates", times=2)
    async with running(bot, hearer):
        await confirmed(peer)
        await peer.stop()
        peer.say(GROUP, WANG, "二")
        await asyncio.sleep(0.05)
        await peer.start()
        await confirmed(peer)
    assert list(dict.fromkeys(hearer.texts())) == ["一", "二"]
    assert hearer.events() == []


async def test_chats_do_not_wait_for_each_other(peer: TelegramPeer, bot: TelegramTransport, hearer: Hearer) -> None:
    hearer.held["慢"] = asyncio.Event()
    for chat, text in ((GROUP, "慢"), (GROUP, "后来"), (OTHER, "快")):
        peer.say(chat, WANG, text)
    async with running(bot, hearer):
        await peer.wait_for(lambda: hearer.texts() == ["快"])
        assert hearer.began == ["慢", "快"]
        hearer.held["慢"].set()
        await confirmed(peer)
    assert hearer.texts() == ["快", "慢", "后来"]


# --- what becomes of chats and of the line --------------------------------------------------------------------------


async def test_events(peer: TelegramPeer, bot: TelegramTransport, hearer: Hearer) -> None:
    peer.group(-4000003, "5栋群", "group")
    async with running(bot, hearer):
        peer.mute_bot(GROUP)
        peer.unmute_bot(GROUP)
        peer.remove_bot(OTHER)
        peer.block(WANG)
        peer.unblock(WANG)
        await confirmed(peer)
        peer.say(-4000003, LIU, "搬之前")
        peer.migrate(-4000003, -1002000000055)
        peer.say(-1002000000055, LIU, "搬之后")
        await confirmed(peer)
    told = [(each.what, each.address.chat if each.address else None, each.detail) for each in hearer.events()]
    assert [(what, detail) for what, chat, detail in told if chat == str(GROUP)] == [
        (Happening.MUTED, ""),
        (Happening.RESTORED, ""),
    ]
    assert [what for what, chat, _ in told if chat == str(WANG)] == [Happening.REMOVED, Happening.RESTORED]
    assert (Happening.REMOVED, str(OTHER), "") in told
    last = [each.text if isinstance(each, Incoming) else each.detail for each in hearer.heard[-3:]]
    assert last == ["搬之前", "-1002000000055", "搬之后"]


async def test_a_lost_line_is_told_once_and_that_it_is_back(peer: TelegramPeer, tmp_path: Path, hearer: Hearer) -> None:
    pace = replace(PACE, lost=0.2, asking=1)
    hearer.troubles = {"lost": 2, "back": 1}
    async with on(peer, tmp_path, pace=pace) as bot, running(bot, hearer):
        peer.say(GROUP, WANG, "一")
        await confirmed(peer)
        await peer.stop()
        await until(lambda: len(hearer.events()) == 1)
        await asyncio.sleep(0.3)
        await peer.start()
        peer.say(GROUP, WANG, "二")
        await peer.wait_for(lambda: len(hearer.events()) == 2)
        await confirmed(peer)
    lost, back = hearer.events()
    assert (lost.what, back.what, lost.address, back.address) == (Happening.LOST, Happening.BACK, None, None)
    assert back.detail == lost.at.isoformat()
    assert lost.at < back.at
    assert lost.update_id != back.update_id
    assert hearer.began.count("lost") == 3
    assert hearer.texts()[-1] == "二"


async def until(true: Any) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(0.01)


async def test_another_program_asks_for_the_same_bot(
    peer: TelegramPeer, tmp_path: Path, hearer: Hearer, caplog: pytest.LogCaptureFixture
) -> None:
    """The two send each other away, and what is said is heard all the same."""
    async with on(peer, tmp_path) as bot, on(peer, tmp_path) as other, running(bot, hearer), running(other, hearer):
        await until(lambda: "another program asks for the same bot" in caplog.text)
        peer.say(GROUP, WANG, "灯坏了")
        await confirmed(peer)
    assert set(hearer.texts()) == {"灯坏了"}


class OnceTooOften(HTTPXRequest):
    """The first call is answered 429."""

    answered = False

    async def do_request(self, *args: Any, **more: Any) -> tuple[int, bytes]:
        if self.answered:
            return await super().do_request(*args, **more)
        self.answered = True
        parts = {"ok": False, "error_code": 429, "description": "Too Many Requests", "parameters": {"retry_after": 1}}
        return 429, json.dumps(parts).encode()


async def test_asked_too_often(
    peer: TelegramPeer, tmp_path: Path, hearer: Hearer, caplog: pytest.LogCaptureFixture
) -> None:
    async with on(peer, tmp_path, get_updates_request=OnceTooOften()) as bot, running(bot, hearer):
        peer.say(GROUP, WANG, "灯坏了")
        await confirmed(peer)
    assert hearer.texts() == ["灯坏了"]
    assert "too many calls, waiting 1.0 s" in caplog.text


# --- the start ------------------------------------------------------------------------------------------------------


async def test_a_wrong_token_ends_the_run(peer: TelegramPeer, tmp_path: Path) -> None:
    async with TelegramTransport("tg", "7:wrong", api=peer.url, files=tmp_path) as bot:
        with pytest.raises(StartError, match="BotFather") as error:
            await bot.run(Hearer().receive)
    assert "wrong" not in str(error.value)
    with pytest.raises(StartError, match="LINLI_TELEGRAM_TOKEN"):
        TelegramTransport("tg", "", files=tmp_path)


async def test_the_platform_is_not_there_at_the_start(
    peer: TelegramPeer, bot: TelegramTransport, hearer: Hearer
) -> None:
    await peer.stop()
    async with running(bot, hearer):
        await asyncio.sleep(0.05)
        await peer.start()
        peer.say(GROUP, WANG, "灯坏了")
        await confirmed(peer)
    assert hearer.texts() == ["灯坏了"]


async def test_privacy_mode_is_warned_of(tmp_path: Path, hearer: Hearer, caplog: pytest.LogCaptureFixture) -> None:
    async with open_peer(can_read_all_group_messages=False) as peer, on(peer, tmp_path) as bot, running(bot, hearer):
        await until(lambda: any(name == "getUpdates" for name, _ in peer.calls))
    assert "privacy mode is on" in caplog.text
    assert "Group Privacy" in caplog.text


async def test_a_webhook_left_behind_is_taken_away(peer: TelegramPeer, bot: TelegramTransport, hearer: Hearer) -> None:
    await bot._client.set_webhook("http://127.0.0.1:1/nobody")
    peer.say(GROUP, WANG, "灯坏了")
    async with running(bot, hearer):
        await confirmed(peer)
    assert peer.webhook is None
    assert hearer.texts() == ["灯坏了"]


async def test_it_sends_before_and_after_it_runs(peer: TelegramPeer, bot: TelegramTransport, hearer: Hearer) -> None:
    await bot.send(Outgoing(HERE, "前"))
    async with running(bot, hearer):
        await until(lambda: any(name == "getUpdates" for name, _ in peer.calls))
    await bot.send(Outgoing(HERE, "后"))
    assert peer.texts() == ["前", "后"]


async def test_no_token_in_logs(peer: TelegramPeer, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    hearer = Hearer(troubles={"灯坏了": 1})
    async with on(peer, tmp_path) as bot, running(bot, hearer):
        peer.say(GROUP, WANG, "灯坏了")
        await confirmed(peer)
        await peer.stop()
        await until(lambda: "no answer" in caplog.text)
    async with TelegramTransport("tg", f"{TOKEN}x", api=peer.url, files=tmp_path, pace=PACE) as bot:
        await peer.start()
        with suppress(StartError):
            await bot.run(hearer.receive)
    ours = [record.getMessage() for record in caplog.records if record.name != "uvicorn.access"]  # that is the peer's
    assert not [words for words in ours if TOKEN.partition(":")[2] in words or "灯坏了" in words]
