"""The peer speaks as the Bot API does: python-telegram-bot reads every answer, every update and every refusal."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from telegram import (
    Bot,
    BotCommand,
    BotCommandScopeChat,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    Message,
    ReplyParameters,
    Update,
)
from telegram.error import (
    BadRequest,
    ChatMigrated,
    EndPointNotFound,
    Forbidden,
    InvalidToken,
)

from tests.peers.telegram.house import BASIC, FORUM, GROUP, KEYS, LIU, ME, TOKEN, WANG, compound, ids, telegram_bot
from tests.peers.telegram.peer import TelegramPeer


@pytest.fixture
async def peer() -> AsyncIterator[TelegramPeer]:
    async with compound() as peer:
        yield peer


@pytest.fixture
async def bot(peer: TelegramPeer) -> AsyncIterator[Bot]:
    async with telegram_bot(peer) as bot:
        yield bot


# --- what people do ---


async def test_python_telegram_bot_reads_every_kind_of_update(peer: TelegramPeer, bot: Bot) -> None:
    said = await bot.send_message(GROUP, "谁去看看?", reply_markup=KEYS)
    begun = peer.say(GROUP, WANG, "👴🏻大爷说 @Linli_Bot 3栋的灯不亮", date=datetime(2026, 11, 23, tzinfo=UTC))
    number = begun["message"]["message_id"]
    done = [
        begun,
        peer.say(WANG, WANG, "/help@linli_bot", reply_to=None),
        peer.say(FORUM, WANG, "楼道灯又不亮了", topic=77),
        peer.say(GROUP, LIU, "+1", reply_to=number),
        peer.photo(GROUP, WANG, b"jpeg", caption="@linli_bot 垃圾", reply_to=said.message_id),
        peer.voice(GROUP, WANG, b"ogg"),
        peer.video(GROUP, WANG, b"mp4", topic=None),
        peer.document(WANG, WANG, b"xlsx", name="3栋名单.xlsx"),
        peer.location(GROUP, WANG, 29.841372, 114.322601),
        peer.edit(GROUP, number, "灯亮了"),
        peer.press(GROUP, LIU, said.message_id, "我来"),
        peer.press(GROUP, LIU, 9999, "q1|1", forged=True),
        peer.join(GROUP, LIU),
        peer.leave(GROUP, LIU),
        peer.block(WANG),
        peer.unblock(WANG),
        peer.mute_bot(GROUP),
        peer.unmute_bot(GROUP),
        peer.promote_bot(GROUP),
        peer.remove_bot(GROUP, by=LIU),
        peer.add_bot(GROUP),
        peer.migrate(BASIC, -1002000000004),
    ]
    updates = await bot.get_updates()
    assert ids(updates)[:-1] == [update["update_id"] for update in done]  # the last: the new group says where from
    assert ids(updates) == list(range(880100001, 880100001 + len(done) + 1))
    for update, given in zip(updates, done, strict=False):
        read = Update.de_json(given, bot)
        assert read.to_dict() == update.to_dict()
        kinds = [name for name in given if name != "update_id"]
        assert all(getattr(read, name) is not None for name in kinds)
        assert read.api_kwargs == {}
    first = updates[0].message
    assert first is not None
    assert first.date == datetime(2026, 11, 23, tzinfo=UTC)
    assert list(first.parse_entities().values()) == ["@Linli_Bot"]  # UTF-16 offsets
    in_topic = updates[2].message
    assert in_topic is not None
    assert (in_topic.message_thread_id, in_topic.is_topic_message) == (77, True)
    pressed = updates[10].callback_query
    assert pressed is not None
    assert (pressed.data, pressed.from_user.full_name) == ("|接单 1", "刘 建国")
    assert isinstance(pressed.message, Message)
    assert pressed.message.reply_markup == KEYS
    assert updates[-1].message is not None
    assert updates[-1].message.migrate_from_chat_id == BASIC


async def test_recorded_updates_and_made_ones_have_the_same_keys(peer: TelegramPeer) -> None:
    recorded = Path(__file__).parent.parent / "bot" / "updates"

    def keys(value: Any) -> Any:
        return {name: keys(part) for name, part in value.items()} if isinstance(value, dict) else None

    made = {
        "group_text": peer.say(GROUP, WANG, "楼道灯又不亮了"),
        "private_text": peer.say(WANG, WANG, "查 1"),
        "mention": peer.say(GROUP, WANG, "大爷说 @Linli_Bot 3栋的灯不亮"),
        "photo_with_caption": peer.photo(GROUP, WANG, b"1", caption="@linli_bot 垃圾"),
        "voice": peer.voice(GROUP, WANG, b"1"),
        "video": peer.video(GROUP, WANG, b"1"),
        "document": peer.document(WANG, WANG, b"1", caption="名单", name="a.xlsx"),
        "location": peer.location(GROUP, WANG, 1.0, 2.0),
        "topic_message": peer.say(FORUM, WANG, "灯", topic=77),
        "bot_added": peer.add_bot(GROUP),
    }
    for name, update in made.items():
        expected = keys(json.loads((recorded / f"{name}.json").read_text(encoding="utf-8")))
        found = keys(update)
        for side in (expected, found):  # people of the records have or have no last name
            for part in side.values():
                if isinstance(part, dict):
                    part.pop("from")
                    part.get("reply_to_message", {}).pop("from", None)
        if name == "bot_added":  # it was added before it was there: the record says left
            expected["my_chat_member"]["old_chat_member"] = found["my_chat_member"]["old_chat_member"]
        assert found == expected, name


async def test_a_button_must_be_there(peer: TelegramPeer, bot: Bot) -> None:
    said = await bot.send_message(GROUP, "谁去?", reply_markup=KEYS)
    assert peer.press(GROUP, WANG, said.message_id, "|接单 1")["callback_query"]["data"] == "|接单 1"
    with pytest.raises(LookupError):
        peer.press(GROUP, WANG, said.message_id, "我不来")
    query = peer.press(GROUP, WANG, said.message_id, "我不来", forged=True)["callback_query"]
    assert query["data"] == "我不来"
    assert await bot.answer_callback_query(query["id"], "晚了", show_alert=True)
    assert peer.answers == {query["id"]: {"text": "晚了", "show_alert": True}}
    with pytest.raises(BadRequest, match="Query is too old"):
        await bot.answer_callback_query("1")


async def test_privacy_mode_hides_what_is_not_for_the_bot() -> None:
    async with TelegramPeer(TOKEN, ME | {"can_read_all_group_messages": False}) as peer, telegram_bot(peer) as bot:
        peer.group(GROUP, title="3栋群")
        peer.person(WANG, "王阿姨")
        mine = await bot.send_message(GROUP, "好")
        peer.say(GROUP, WANG, "晚上吃鱼")
        for_bot = [
            peer.say(GROUP, WANG, "/help"),
            peer.say(GROUP, WANG, "@linli_bot 灯"),
            peer.say(GROUP, WANG, "么样了", reply_to=mine.message_id),
            peer.say(WANG, WANG, "查 1"),
            peer.promote_bot(GROUP),
            peer.say(GROUP, WANG, "晚上吃肉"),
        ]
        assert ids(await bot.get_updates()) == [update["update_id"] for update in for_bot]


# --- what the bot says ---


async def test_what_is_sent_is_on_record(peer: TelegramPeer, bot: Bot) -> None:
    asked = peer.say(GROUP, WANG, "灯不亮")["message"]["message_id"]
    peer.topic(FORUM, 77, "3栋")
    first = await bot.send_message(GROUP, " 记下了 #1 ", reply_parameters=ReplyParameters(asked), reply_markup=KEYS)
    assert first.reply_to_message is not None
    assert first.reply_to_message.message_id == asked
    assert first.from_user is not None
    assert first.from_user.id == ME["id"]
    second = await bot.send_message(FORUM, "好", message_thread_id=77)
    assert second.message_thread_id == 77
    one, two = await peer.wait_sent(2)
    assert (one.text, one.buttons, one.reply_to, one.kind) == ("记下了 #1", [[("我来", "|接单 1")]], asked, "text")
    assert (two.chat_id, two.topic, two.method, two.edited) == (FORUM, 77, "sendMessage", 0)
    assert peer.texts() == ["记下了 #1", "好"]
    assert peer.texts(FORUM) == ["好"]
    assert peer.calls[0] == ("getMe", {})
    assert peer.calls[1][1]["text"] == " 记下了 #1 "


async def test_files_go_both_ways(peer: TelegramPeer, bot: Bot) -> None:
    data = bytes(range(256)) * 20
    for send, kind in (
        (bot.send_photo, "photo"),
        (bot.send_voice, "voice"),
        (bot.send_video, "video"),
        (bot.send_document, "document"),
    ):
        message = await send(WANG, data, caption="看", reply_markup=KEYS)
        assert message.caption == "看"
        assert getattr(message, kind)
        assert (peer.sent[-1].kind, peer.sent[-1].data, peer.sent[-1].text) == (kind, data, "看")
        assert peer.sent[-1].buttons == [[("我来", "|接单 1")]]
    place = await bot.send_location(WANG, latitude=29.8, longitude=114.3)
    assert place.location is not None
    assert peer.sent[-1].kind == "location"
    large = peer.photo(WANG, WANG, data)["message"]["photo"][-1]["file_id"]
    file = await bot.get_file(large)
    assert bytes(await file.download_as_bytearray()) == data
    again = await bot.send_photo(WANG, large)
    assert again.photo
    assert peer.sent[-1].data == data
    peer.file_limit = 5000
    with pytest.raises(BadRequest, match="File is too big"):
        await bot.get_file(large)
    with pytest.raises(InvalidToken):  # so python-telegram-bot reads 404
        await file.download_as_bytearray()
    with pytest.raises(BadRequest, match="Invalid file_id"):
        await bot.get_file("nothing")


async def test_edits_change_the_record(peer: TelegramPeer, bot: Bot) -> None:
    said = await bot.send_message(GROUP, "1 户", reply_markup=KEYS)
    with pytest.raises(BadRequest, match="Message is not modified"):
        await bot.edit_message_text("1 户", GROUP, said.message_id, reply_markup=KEYS)
    edited = await bot.edit_message_text("2 户", GROUP, said.message_id, reply_markup=KEYS)
    assert isinstance(edited, Message)
    assert edited.text == "2 户"
    await bot.edit_message_reply_markup(GROUP, said.message_id)
    assert (peer.sent[0].text, peer.sent[0].edited, peer.sent[0].buttons) == ("2 户", 2, [])
    await bot.send_photo(GROUP, b"jpeg", caption="旧")
    await bot.edit_message_caption(GROUP, peer.sent[1].message_id, caption="新")
    assert peer.texts() == ["2 户", "新"]
    with pytest.raises(BadRequest, match="There is no text in the message to edit"):
        await bot.edit_message_text("文", GROUP, peer.sent[1].message_id)
    theirs = peer.say(GROUP, WANG, "灯")["message"]["message_id"]
    with pytest.raises(BadRequest, match="Message can't be edited"):
        await bot.edit_message_text("灯亮了", GROUP, theirs)


async def test_deleted_messages_are_gone(peer: TelegramPeer, bot: Bot) -> None:
    said = await bot.send_message(GROUP, "1 户")
    asked = peer.say(GROUP, WANG, "灯")["message"]["message_id"]
    with pytest.raises(BadRequest, match="Message can't be deleted"):
        await bot.delete_message(GROUP, asked)
    peer.delete_message(GROUP, said.message_id)
    peer.delete_message(GROUP, asked)
    assert peer.sent[0].deleted
    with pytest.raises(BadRequest, match="Message to edit not found"):
        await bot.edit_message_text("2 户", GROUP, said.message_id)
    with pytest.raises(BadRequest, match="Message to delete not found"):
        await bot.delete_message(GROUP, said.message_id)
    with pytest.raises(BadRequest, match="Message to be replied not found"):
        await bot.send_message(GROUP, "好", reply_parameters=ReplyParameters(asked))
    reply = ReplyParameters(asked, allow_sending_without_reply=True)
    assert (await bot.send_message(GROUP, "好", reply_parameters=reply)).reply_to_message is None
    assert await bot.delete_message(GROUP, peer.sent[-1].message_id)


async def test_what_telegram_refuses_is_refused(peer: TelegramPeer, bot: Bot) -> None:
    def keys(data: str) -> InlineKeyboardMarkup:
        return InlineKeyboardMarkup([[InlineKeyboardButton("按", callback_data=data)]])

    async def refused(reason: str, chat: int = GROUP, text: str = "好", **more: Any) -> None:
        with pytest.raises(BadRequest) as refusal:
            await bot.send_message(chat, text, **more)
        assert refusal.value.message == reason

    await refused("Message is too long", text="长" * 4097)
    await refused("Message text is empty", text=" \n")
    await refused("Chat not found", chat=-100)
    await refused("Chat not found", chat=404)
    await refused("Button_data_invalid", reply_markup=keys("灯" * 22))
    await refused("Message thread not found", message_thread_id=5)
    await refused("Unsupported parse_mode", parse_mode="HTML")
    assert peer.sent == []
    await bot.send_message(GROUP, "长" * 4096, reply_markup=keys("灯" * 21))
    with pytest.raises(BadRequest, match="Message caption is too long"):
        await bot.send_photo(GROUP, b"jpeg", caption="长" * 1025)
    with pytest.raises(BadRequest, match="File must be non-empty"):
        await bot.send_photo(GROUP, b"")
    stranger = telegram_bot(peer, "1:x")
    with pytest.raises(InvalidToken):
        await stranger.initialize()
    await stranger.shutdown()
    with pytest.raises(EndPointNotFound):
        await bot.do_api_request("noSuchMethod")


async def test_the_bots_place_decides_whether_it_may_speak(peer: TelegramPeer, bot: Bot) -> None:
    async def refused(error: type[Exception], words: str, chat: int = GROUP) -> None:
        with pytest.raises(error) as refusal:
            await bot.send_message(chat, "好")
        assert str(refusal.value) == words

    peer.mute_bot(GROUP)
    await refused(BadRequest, "Not enough rights to send text messages to the chat")
    peer.unmute_bot(GROUP)
    peer.remove_bot(GROUP)
    peer.say(GROUP, WANG, "走了")
    await refused(Forbidden, "Forbidden: bot was kicked from the supergroup chat")
    peer.remove_bot(BASIC)
    await refused(Forbidden, "Forbidden: bot was kicked from the group chat", BASIC)
    peer.add_bot(GROUP)
    await bot.send_message(GROUP, "回来了")
    peer.block(WANG)
    await refused(Forbidden, "Forbidden: bot was blocked by the user", WANG)
    peer.unblock(WANG)
    await bot.send_message(WANG, "好")
    await refused(Forbidden, "Forbidden: bot can't initiate conversation with a user", LIU)
    peer.say(LIU, LIU, "/start")
    await bot.send_message(LIU, "好")
    assert peer.texts() == ["回来了", "好", "好"]
    assert all(update.message is None or update.message.text != "走了" for update in await bot.get_updates())


async def test_a_group_moves(peer: TelegramPeer, bot: Bot) -> None:
    peer.migrate(BASIC, -1002000000004)
    with pytest.raises(ChatMigrated) as moved:
        await bot.send_message(BASIC, "好")
    await bot.send_message(moved.value.new_chat_id, "好")
    assert peer.sent[0].chat_id == -1002000000004
    with pytest.raises(ValueError, match="has moved"):
        peer.say(BASIC, WANG, "在吗")


# --- commands, chats, members ---


async def test_commands_are_kept_by_scope(peer: TelegramPeer, bot: Bot) -> None:
    await bot.set_my_commands([BotCommand("help", "怎么用")])
    await bot.set_my_commands([("take", "接单")], scope=BotCommandScopeChat(GROUP))
    assert peer.commands == {
        '{"type": "default"}': [{"command": "help", "description": "怎么用"}],
        f'{{"chat_id": {GROUP}, "type": "chat"}}': [{"command": "take", "description": "接单"}],
    }
    assert [one.command for one in await bot.get_my_commands(BotCommandScopeChat(GROUP))] == ["take"]
    await bot.delete_my_commands()
    assert await bot.get_my_commands() == ()
    with pytest.raises(BadRequest, match="Bot_command_invalid"):
        await bot.set_my_commands([("Help", "怎么用")])
    with pytest.raises(BadRequest, match="Bot_command_description_invalid"):
        await bot.set_my_commands([("help", "")])
    with pytest.raises(BadRequest, match="Chat not found"):
        await bot.set_my_commands([("take", "接单")], scope=BotCommandScopeChat(-5))


async def test_chats_and_members_can_be_asked_for(peer: TelegramPeer, bot: Bot) -> None:
    me = await bot.get_me()
    assert (me.username, me.can_read_all_group_messages) == ("linli_bot", True)
    assert (await bot.get_chat(FORUM)).is_forum
    assert (await bot.get_chat(WANG)).first_name == "王阿姨"
    with pytest.raises(BadRequest, match="Chat not found"):
        await bot.get_chat(LIU)
    assert await bot.send_chat_action(GROUP, "typing")
    peer.say(GROUP, WANG, "在")
    peer.promote(GROUP, LIU, "creator")
    assert (await bot.get_chat_member(GROUP, WANG)).status == "member"
    assert (await bot.get_chat_member(GROUP, LIU)).status == "creator"
    assert (await bot.get_chat_member(FORUM, LIU)).status == "left"
    for change, status in ((peer.mute_bot, "restricted"), (peer.promote_bot, "administrator")):
        change(GROUP)
        assert (await bot.get_chat_member(GROUP, me.id)).status == status
    assert {one.user.id for one in await bot.get_chat_administrators(GROUP)} == {LIU, me.id}
    with pytest.raises(BadRequest, match="Participant_id_invalid"):
        await bot.get_chat_member(GROUP, 1)
