"""What linli says on Telegram, at the peer: as it arrives there, and what a refusal becomes."""

import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from telegram.request import HTTPXRequest

from bot.telegram_transport import HEADS, RESIDENTS, TelegramTransport
from bot.transport import Flooded, Gone, Moved, Rejected, RetryLater, Unreachable
from domain.messages import Address, Choice, File, Happening, Outgoing, Sender, numbered
from tests.peers.telegram.peer import TelegramPeer
from tests.support.telegram import FORUM, GROUP, HERE, LIU, PRIVATE, TOKEN, WANG, on, open_peer


@pytest.fixture
async def peer() -> AsyncIterator[TelegramPeer]:
    async with open_peer() as peer:
        yield peer


@pytest.fixture
async def bot(peer: TelegramPeer, tmp_path: Path) -> AsyncIterator[TelegramTransport]:
    async with on(peer, tmp_path) as transport:
        yield transport


def last_call(peer: TelegramPeer, method: str) -> dict[str, Any]:
    return [values for name, values in peer.calls if name == method][-1]


async def test_plain_text_in_a_group_and_privately(peer: TelegramPeer, bot: TelegramTransport) -> None:
    text = "记下了 #1 <b>*楼道灯*</b> _不亮_ https://example.org"
    number = await bot.send(Outgoing(HERE, text))
    await bot.send(Outgoing(PRIVATE, text))
    first, second = peer.sent
    assert (first.chat_id, str(first.message_id), first.text) == (GROUP, number, text)
    assert (second.chat_id, second.text) == (WANG, text)
    assert last_call(peer, "sendMessage")["link_preview_options"] == {"is_disabled": True}


async def test_a_quote_and_one_of_a_message_that_is_gone(peer: TelegramPeer, bot: TelegramTransport) -> None:
    asked = peer.say(GROUP, WANG, "灯坏了")["message"]["message_id"]
    await bot.send(Outgoing(HERE, "记下了", reply_to=str(asked)))
    await bot.send(Outgoing(HERE, "记下了", reply_to="9999", mentions=(Sender(str(WANG), "王阿姨"),)))
    assert [sent.reply_to for sent in peer.sent] == [asked, None]
    assert peer.texts() == ["记下了", "记下了"]


async def test_a_topic_and_one_that_was_deleted(peer: TelegramPeer, bot: TelegramTransport) -> None:
    await bot.send(Outgoing(Address(f"{FORUM}/77"), "在这"))
    await bot.send(Outgoing(Address(f"{FORUM}/78"), "换个地方"))
    assert [(sent.chat_id, sent.topic) for sent in peer.sent] == [(FORUM, 77), (FORUM, None)]


async def test_buttons(peer: TelegramPeer, bot: TelegramTransport) -> None:
    choices = numbered([(1, "好了"), (2, "没好")])
    await bot.send(Outgoing(PRIVATE, "您看呢？", choices=choices, question="ticket.outcome:1:17"))
    await bot.send(Outgoing(HERE, "谁去？", choices=(Choice(1, "我来", "接单 1"),)))
    assert peer.sent[0].buttons == [[("1 好了", "ticket.outcome:1:17|1")], [("2 没好", "ticket.outcome:1:17|2")]]
    assert peer.sent[1].buttons == [[("1 我来", "接单 1")]]
    assert peer.texts() == ["您看呢？", "谁去？"]


@pytest.mark.parametrize(("spare", "buttons"), [(0, 1), (1, 0)])
async def test_data_is_never_cut(peer: TelegramPeer, bot: TelegramTransport, spare: int, buttons: int) -> None:
    """64 bytes are a button; one more, and the answers are typed."""
    question = "问" * 20 + "x" * (2 + spare)
    assert len(f"{question}|1".encode()) == 64 + spare
    await bot.send(Outgoing(PRIVATE, "您看呢？", choices=numbered([(1, "好了")]), question=question))
    assert len(peer.sent[0].buttons) == buttons
    assert peer.texts() == ["您看呢？" if buttons else "您看呢？\n1 好了"]


async def test_who_is_called_by_name(peer: TelegramPeer, bot: TelegramTransport) -> None:
    people = (Sender(str(WANG), "王阿姨👵🏻"), Sender(str(LIU), "刘 建国"))
    await bot.send(Outgoing(HERE, "来看看", mentions=people))
    assert peer.texts() == ["@王阿姨👵🏻 @刘 建国 来看看"]
    marks = [(mark["offset"], mark["length"], mark["user"]["id"]) for mark in entities(peer)]
    assert marks == [(0, 8, WANG), (9, 5, LIU)]  # in UTF-16: the woman's face counts four
    await bot.send(Outgoing(HERE, "字" * 4096, mentions=people))
    assert peer.texts()[1] == "字" * 4096


def entities(peer: TelegramPeer) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = last_call(peer, "sendMessage")["entities"]
    return found


@pytest.mark.parametrize("kind", ["photo", "voice", "video", "document"])
async def test_files(peer: TelegramPeer, bot: TelegramTransport, tmp_path: Path, kind: str) -> None:
    (tmp_path / "1.jpg").write_bytes(b"bytes of it")
    asked = peer.say(GROUP, WANG, "什么样子？")["message"]["message_id"]
    choices = (Choice(1, "我来", "接单 1"),)
    await bot.send(Outgoing(HERE, "是这样", file=File(kind, "1.jpg"), reply_to=str(asked), choices=choices))
    await bot.send(Outgoing(HERE, "", file=File(kind, "1.jpg")))
    captioned, bare = peer.sent
    assert (captioned.kind, captioned.data, captioned.text) == (kind, b"bytes of it", "是这样")
    assert (captioned.reply_to, captioned.buttons) == (asked, [[("1 我来", "接单 1")]])
    assert (bare.kind, bare.text) == (kind, "")


@pytest.mark.parametrize("file", [File("photo", "none.jpg"), File("photo", "../secret"), File("stone", "1.jpg")])
async def test_a_file_that_cannot_be_sent(bot: TelegramTransport, tmp_path: Path, file: File) -> None:
    (tmp_path.parent / "secret").write_bytes(b"not yours")
    with pytest.raises(Rejected):
        await bot.send(Outgoing(HERE, "看", file=file))


# --- edits ----------------------------------------------------------------------------------------------------------


async def test_an_edit(peer: TelegramPeer, bot: TelegramTransport) -> None:
    post = Outgoing(HERE, "1 票", choices=(Choice(1, "赞成", "赞成"),), post="poll:1")
    number = await bot.send(post)
    changed = Outgoing(HERE, "2 票", choices=(Choice(1, "赞成", "赞成"),), post="poll:1")
    await bot.edit(changed, number)
    await bot.edit(changed, number)  # says nothing new: all is well
    assert [(sent.text, sent.buttons, sent.edited) for sent in peer.sent] == [("2 票", [[("1 赞成", "赞成")]], 1)]
    await bot.edit(Outgoing(HERE, "结束了", post="poll:1"), number)
    assert (peer.sent[0].text, peer.sent[0].buttons) == ("结束了", [])


async def test_an_edit_under_a_picture(peer: TelegramPeer, bot: TelegramTransport, tmp_path: Path) -> None:
    (tmp_path / "1.jpg").write_bytes(b"bytes of it")
    picture = File("photo", "1.jpg")
    number = await bot.send(Outgoing(HERE, "一", file=picture))
    await bot.edit(Outgoing(HERE, "二", file=picture), number)
    assert peer.texts() == ["二"]
    with pytest.raises(Gone):  # no text there: it is said anew
        await bot.edit(Outgoing(HERE, "三"), number)


async def test_an_edit_of_what_is_gone_or_not_ours(peer: TelegramPeer, bot: TelegramTransport) -> None:
    number = await bot.send(Outgoing(HERE, "1 票"))
    peer.delete_message(GROUP, int(number))
    theirs = peer.say(GROUP, WANG, "灯坏了")["message"]["message_id"]
    for gone in (number, str(theirs)):
        with pytest.raises(Gone):
            await bot.edit(Outgoing(HERE, "2 票"), gone)


# --- refusals -------------------------------------------------------------------------------------------------------


async def test_too_much(peer: TelegramPeer, bot: TelegramTransport) -> None:
    peer.flood(GROUP, seconds=7)
    with pytest.raises(Flooded) as error:
        await bot.send(Outgoing(HERE, "好"))
    assert error.value.seconds == 7
    await bot.send(Outgoing(HERE, "好"))
    assert peer.texts() == ["好"]


async def test_a_group_that_moved(peer: TelegramPeer, bot: TelegramTransport) -> None:
    peer.group(-4000003, "3栋群", "group")
    peer.migrate(-4000003, -1002000000055)
    for chat in ("-4000003", "-4000003/77"):
        with pytest.raises(Moved) as error:
            await bot.send(Outgoing(Address(chat), "好"))
        assert error.value.chat == "-1002000000055"


async def refused(bot: TelegramTransport, to: Address) -> Happening | None:
    with pytest.raises(Unreachable) as error:
        await bot.send(Outgoing(to, "好"))
    return error.value.what


async def test_chats_that_cannot_be_reached(peer: TelegramPeer, bot: TelegramTransport) -> None:
    peer.person(5100009, "新来的", opened=False)
    assert await refused(bot, Address("5100009", private=True)) is Happening.UNOPENED
    assert await refused(bot, Address("5100010", private=True)) is Happening.UNOPENED
    assert await refused(bot, Address("-1009999999999")) is Happening.REMOVED
    peer.block(WANG)
    assert await refused(bot, PRIVATE) is Happening.REMOVED
    peer.mute_bot(GROUP)
    assert await refused(bot, HERE) is Happening.MUTED
    peer.remove_bot(GROUP, kicked=False)
    assert await refused(bot, HERE) is Happening.REMOVED
    peer.remove_bot(GROUP)
    assert await refused(bot, HERE) is Happening.REMOVED
    peer.add_bot(GROUP)
    assert await bot.send(Outgoing(HERE, "好"))


async def test_what_telegram_never_takes(bot: TelegramTransport) -> None:
    for message in (Outgoing(HERE, " "), Outgoing(HERE, "字" * 4097), Outgoing(Address("wxid_1@chatroom"), "好")):
        with pytest.raises(Rejected):
            await bot.send(message)


@pytest.mark.parametrize("status", [500, 502, 504])
async def test_trouble_at_the_platform(peer: TelegramPeer, bot: TelegramTransport, status: int) -> None:
    peer.fail("sendMessage", status=status)
    with pytest.raises(RetryLater) as error:
        await bot.send(Outgoing(HERE, "好"))
    assert not isinstance(error.value, Flooded)
    assert 0 < error.value.seconds < 60


async def test_trouble_on_the_line(peer: TelegramPeer, bot: TelegramTransport) -> None:
    peer.drop("sendMessage")
    with pytest.raises(RetryLater):
        await bot.send(Outgoing(HERE, "好"))
    await peer.stop()
    with pytest.raises(RetryLater):
        await bot.send(Outgoing(HERE, "好"))
    await peer.start()
    await bot.send(Outgoing(HERE, "好"))
    assert peer.texts() == ["好", "好"]  # the first had arrived: at least once


class Answer(HTTPXRequest):
    """The platform's answer is given; nothing is asked."""

    def __init__(self, code: int, description: str) -> None:
        super().__init__()
        self.answer = code, json.dumps({"ok": False, "error_code": code, "description": description}).encode()

    async def do_request(self, *_: Any, **__: Any) -> tuple[int, bytes]:
        return self.answer


@pytest.mark.parametrize(
    ("code", "description", "kind", "what"),
    [
        (400, "Bad Request: CHAT_WRITE_FORBIDDEN", Unreachable, Happening.MUTED),
        (403, "Forbidden: CHAT_WRITE_FORBIDDEN", Unreachable, Happening.MUTED),
        (400, "Bad Request: CHAT_SEND_PLAIN_FORBIDDEN", Unreachable, Happening.MUTED),
        (400, "Bad Request: CHAT_SEND_PHOTOS_FORBIDDEN", Rejected, None),
        (400, "Bad Request: not enough rights to send photos to the chat", Rejected, None),
        (400, "Bad Request: have no rights to send a message", Unreachable, Happening.MUTED),
        (400, "Bad Request: not enough rights to send text messages to the chat", Unreachable, Happening.MUTED),
        (403, "Forbidden: the group chat was deleted", Unreachable, Happening.REMOVED),
        (403, "Forbidden: user is deactivated", Unreachable, Happening.REMOVED),
        (403, "Forbidden: bot can't send messages to bots", Unreachable, None),
        (400, "Bad Request: PEER_ID_INVALID", Unreachable, Happening.UNOPENED),
        (413, "Request Entity Too Large", Rejected, None),
        (400, "Bad Request: PHOTO_INVALID_DIMENSIONS", Rejected, None),
        (401, "Unauthorized", RetryLater, None),
        (404, "Not Found", RetryLater, None),
        (409, "Conflict: other", RetryLater, None),
    ],
)
async def test_refusals_in_telegrams_words(
    tmp_path: Path, code: int, description: str, kind: type[Exception], what: Happening | None
) -> None:
    async with TelegramTransport("tg", TOKEN, files=tmp_path, request=Answer(code, description)) as bot:
        with pytest.raises(kind) as error:
            await bot.send(Outgoing(HERE, "好"))
    assert getattr(error.value, "what", None) is what


# --- files of residents ---------------------------------------------------------------------------------------------


async def test_a_file_is_fetched(peer: TelegramPeer, bot: TelegramTransport) -> None:
    photo = peer.photo(GROUP, WANG, b"x" * 5000)["message"]["photo"][-1]["file_id"]
    assert await bot.fetch(photo, 5000) == b"x" * 5000
    with pytest.raises(Rejected, match="too big"):
        await bot.fetch(photo, 4999)
    with pytest.raises(Gone):
        await bot.fetch("no such file", 5000)
    peer.file_limit = 4000
    with pytest.raises(Rejected, match="too big"):
        await bot.fetch(photo, 5000)
    await peer.stop()
    with pytest.raises(RetryLater):
        await bot.fetch(photo, 5000)


async def test_a_file_that_the_platform_no_more_has(tmp_path: Path) -> None:
    async with TelegramTransport("tg", TOKEN, files=tmp_path, request=Answer(404, "Not Found")) as bot:
        with pytest.raises(Gone):
            await bot.fetch("AgAC", 100)


# --- commands and secrets -------------------------------------------------------------------------------------------


async def test_commands(peer: TelegramPeer, bot: TelegramTransport, caplog: pytest.LogCaptureFixture) -> None:
    await bot.publish([f"{FORUM}/77", str(FORUM), "-1009999999999"])
    shown = {scope: [one["command"] for one in commands] for scope, commands in peer.commands.items()}
    residents, heads = list(RESIDENTS), list(HEADS)
    assert shown == {
        '{"type": "all_private_chats"}': residents,
        '{"type": "all_group_chats"}': residents,
        f'{{"chat_id": {FORUM}, "type": "chat"}}': heads,
    }
    assert "commands not set" in caplog.text  # for the group that is not there


async def test_no_token_in_logs_and_errors(
    peer: TelegramPeer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said = []
    async with on(peer, tmp_path) as bot:
        await bot.send(Outgoing(HERE, "好"))
        await peer.stop()
        for call in (bot.send(Outgoing(HERE, "好")), bot.fetch("x", 1), bot.edit(Outgoing(HERE, "好"), "1")):
            with pytest.raises(RetryLater) as error:
                await call
            said.append(f"{error.value!r} {error.getrepr(chain=True)}")
        await bot.publish([])
        said += [str(finding) for finding in await bot.examine()]
    async with on(peer, tmp_path, api="nonsense://x") as bot:
        said += [str(finding) for finding in await bot.examine()]
    secret = TOKEN.partition(":")[2]
    ours = [record.getMessage() for record in caplog.records if record.name != "uvicorn.access"]  # that is the peer's
    assert "commands not set" in " ".join(ours)
    assert not [words for words in (*said, *ours) if secret in words]
