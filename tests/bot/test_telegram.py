"""Telegram's updates, as the Bot API sends them (updates/*.json), in linli's vocabulary."""

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from telegram import Update

from bot.telegram_updates import from_json, to_incoming
from domain.messages import Address, Event, File, Happening, Incoming, Press, Sender

UPDATES = Path(__file__).parent / "updates"
GROUP = Address("-1002000000003")
WANG, LIU = Sender("5100001", "王阿姨"), Sender("5100002", "刘 建国")
PRESSED_AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


def recorded(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((UPDATES / f"{name}.json").read_text(encoding="utf-8"))
    return data


def read(data: dict[str, Any]) -> Incoming | Event | None:
    return from_json(data, bot_id="tg", bot_username="linli_bot", bot_user_id=7_000_000_001, received_at=PRESSED_AT)


def heard(name: str) -> Incoming:
    return incoming(recorded(name))


def incoming(data: dict[str, Any]) -> Incoming:
    said = read(data)
    assert isinstance(said, Incoming)
    return said


def test_a_line_in_a_group() -> None:
    assert heard("group_text") == Incoming(
        bot_id="tg",
        update_id="880100001",
        address=GROUP,
        sender=WANG,
        text="楼道灯又不亮了",
        sent_at=datetime.fromtimestamp(1_795_399_200, UTC),
        message_id="4101",
    )


def test_a_forwarded_message_is_somebody_elses() -> None:
    data = recorded("group_text")
    data["message"]["forward_origin"] = {"type": "hidden_user", "sender_user_name": "x", "date": 1_795_399_000}
    incoming = read(data)
    assert isinstance(incoming, Incoming)
    assert incoming.forwarded
    assert not heard("group_text").forwarded


def test_an_answer_to_ones_own_picture_brings_it_along() -> None:
    data = recorded("reply_to_neighbour")
    data["message"]["reply_to_message"]["photo"] = [
        {"file_id": "small", "file_unique_id": "a", "width": 90, "height": 60, "file_size": 900},
        {"file_id": "large", "file_unique_id": "b", "width": 900, "height": 600, "file_size": 90_000},
    ]
    assert incoming(data).quoted_files == (), "a neighbour's"
    data["message"]["reply_to_message"]["from"] = data["message"]["from"]
    assert incoming(data).quoted_files == (File("photo", "large"),)
    assert incoming(data).files == ()


def test_a_basic_group_is_a_group_too() -> None:
    assert heard("basic_group_text").address == Address("-4000003")


def test_a_private_chat_has_the_id_of_its_person() -> None:
    said = heard("private_text")
    assert said.address == Address(WANG.user, private=True)
    assert said.sender == WANG


@pytest.mark.parametrize(
    ("name", "text", "at_me"),
    [
        ("mention", "👴🏻大爷说 3栋的灯不亮", True),  # offsets count in UTF-16, names in any case
        ("mention_of_other", "@laoliu3 灯不亮", False),
        ("text_mention", "么样了", True),
        ("command_for_me", "/help", True),
        ("command_for_other", "/help@ad_bot", False),
        ("photo_with_caption", "垃圾堆成山了", True),
    ],
)
def test_mentions(name: str, text: str, at_me: bool) -> None:
    said = heard(name)
    assert (said.text, said.at_me) == (text, at_me)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("photo_with_caption", File("photo", "AgAClarge")),
        ("voice", File("voice", "AwACvoice")),
        ("video", File("video", "BAACvideo")),
        ("video_note", File("video", "DQACnote")),
        ("document", File("document", "BQACdoc")),
        ("location", File("location", "29.841372,114.322601")),
    ],
)
def test_files(name: str, file: File) -> None:
    assert heard(name).files == (file,)


@pytest.mark.parametrize(
    ("name", "reply_to", "to_me"),
    [
        ("reply_to_me", "4100", True),
        ("reply_to_neighbour", "4101", False),
        ("topic_reply", "4100", True),
        ("topic_message", "", False),  # Telegram lets it answer the message by which the bot opened the topic
        ("group_text", "", False),
    ],
)
def test_replies(name: str, reply_to: str, to_me: bool) -> None:
    said = heard(name)
    assert (said.reply_to, said.reply_to_me) == (reply_to, to_me)


@pytest.mark.parametrize(
    ("name", "press"),
    [
        ("press_command", Press("", "接单 1")),
        ("press_answer", Press("ticket.outcome:1:1795399100", "2")),
        ("press_malformed", Press("", "接单 1")),
        ("press_on_old_message", Press("q1", "1")),
    ],
)
def test_presses(name: str, press: Press) -> None:
    said = heard(name)
    assert said.press == press
    assert said.text == ""
    assert said.sent_at == PRESSED_AT


def test_a_press_belongs_to_who_pressed_and_where_the_button_is() -> None:
    said = heard("press_command")
    assert said.sender == LIU
    assert said.address == Address("-1002000000013")
    assert said.message_id == "4099"
    assert heard("press_answer").address == Address(WANG.user, private=True)


@pytest.mark.parametrize(
    ("name", "chat"),
    [
        ("topic_message", "-1002000000009/77"),
        ("topic_reply", "-1002000000009/77"),
        ("press_in_topic", "-1002000000009/77"),
        ("thread_of_replies", GROUP.chat),  # a group without topics numbers its threads too
    ],
)
def test_a_topic_is_a_chat_of_its_own(name: str, chat: str) -> None:
    assert heard(name).address == Address(chat)
    assert heard(name).address.group == chat.partition("/")[0]


@pytest.mark.parametrize(
    ("name", "address", "what", "detail"),
    [
        ("migrated", Address("-4000003"), Happening.MOVED, GROUP.chat),
        ("bot_kicked", GROUP, Happening.REMOVED, ""),
        ("bot_left", GROUP, Happening.REMOVED, ""),
        ("bot_restricted_out", GROUP, Happening.REMOVED, ""),
        ("bot_muted", GROUP, Happening.MUTED, ""),
        ("bot_unmuted", GROUP, Happening.RESTORED, ""),
        ("bot_added", GROUP, Happening.RESTORED, ""),
        ("bot_admin", GROUP, Happening.RESTORED, ""),
        ("bot_blocked", Address(WANG.user, private=True), Happening.REMOVED, ""),
        ("bot_unblocked", Address(WANG.user, private=True), Happening.RESTORED, ""),
    ],
)
def test_what_becomes_of_a_chat(name: str, address: Address, what: Happening, detail: str) -> None:
    data = recorded(name)
    at = datetime.fromtimestamp((data.get("message") or data["my_chat_member"])["date"], UTC)
    assert read(data) == Event("tg", str(data["update_id"]), what, at, address, detail)


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("joined", Happening.CAME),
        ("left", Happening.LEFT),
        ("person_put_out", Happening.LEFT),
        ("person_left_muted", Happening.LEFT),
        ("person_came_back", Happening.CAME),
    ],
)
def test_who_comes_and_goes(name: str, what: Happening) -> None:
    data = recorded(name)
    at = datetime.fromtimestamp((data.get("message") or data["chat_member"])["date"], UTC)
    assert read(data) == Event("tg", str(data["update_id"]), what, at, GROUP, LIU.user)


def test_several_come_at_once_and_bots_do_not_count() -> None:
    data = recorded("joined")
    bot = {"id": 7_000_000_002, "is_bot": True, "first_name": "x"}
    data["message"]["new_chat_members"] += [{"id": 5100007, "is_bot": False, "first_name": "y"}, bot]
    event = read(data)
    assert isinstance(event, Event)
    assert event.detail == "5100002 5100007"
    data["message"]["new_chat_members"] = [bot]
    assert read(data) is None


@pytest.mark.parametrize(
    "name",
    [
        "edited",
        "channel_post",
        "channel_forwarded",
        "anonymous_admin",
        "other_bot",
        "person_muted",
        "pinned",
        "migrated_here",
        "sticker",
        "bot_in_channel",
        "press_inline",
    ],
)
def test_not_for_us(name: str) -> None:
    assert read(recorded(name)) is None


@pytest.mark.parametrize("name", ["evening", "reports"])
def test_an_answer_of_get_updates(name: str) -> None:
    """The lines that benchmarks/script.py plays."""
    updates = recorded(name)["result"]
    texts = [incoming(update).text for update in updates]
    assert texts == [update["message"]["text"] for update in updates]


async def test_the_benchmark_runs(tmp_path: Path) -> None:
    """benchmarks/turns.py in little, on SQLite; its times decide nothing, but every turn must do its work."""
    from benchmarks.script import Size
    from benchmarks.support import NotMeasurable
    from benchmarks.turns import measure

    size = Size(rounds=1, compounds=1, buildings=3, lines=12)
    try:
        shown = await measure(tmp_path, size, server_url=None, fresh=False)
    except NotMeasurable as reason:
        pytest.skip(str(reason))
    assert [line.split("  ")[0] for line in shown.splitlines() if "SQLite" in line][:6] == [
        f"{what}, SQLite" for what in ("silent chat", "complaint turn", "command turn") for _ in range(2)
    ]


def test_every_recorded_update_is_asserted() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    assert [path.stem for path in UPDATES.glob("*.json") if f'"{path.stem}"' not in source] == []


def test_time_is_utc_whatever_zone_the_library_was_told() -> None:
    update = Update.de_json(recorded("group_text"), None)
    assert update.message is not None
    update.message._unfreeze()
    update.message.date = update.message.date.astimezone(timezone(timedelta(hours=8)))
    said = to_incoming(update, bot_id="tg", bot_username="linli_bot", bot_user_id=1)
    assert said is not None
    assert said.sent_at.tzinfo is UTC
    assert said.sent_at == heard("group_text").sent_at


def test_a_press_without_a_given_time_is_now() -> None:
    data = recorded("press_command")
    before = datetime.now(UTC)
    said = from_json(data, bot_id="tg", bot_username="linli_bot", bot_user_id=1)
    assert isinstance(said, Incoming)
    assert before <= said.sent_at <= datetime.now(UTC)


@pytest.mark.parametrize("text", ["", " ", "👍", "x" * 10_000, "a\x00b", "灯\ud83d坏了", "\u202e反了"])
def test_strange_text_is_read_and_can_be_stored(text: str) -> None:
    data = recorded("group_text")
    data["message"]["text"] = text
    data["message"]["entities"] = [
        {"offset": offset, "length": length, "type": kind}
        for kind in ("mention", "bot_command")
        for offset, length in ((0, 1), (3, 400), (9_999, 9), (-2, 1))
    ]
    if text:
        said = incoming(data)
        said.text.encode()
        assert "\x00" not in said.text
    else:
        assert read(data) is None


def test_mentions_at_every_place() -> None:
    for before, after in (("", "灯坏了"), ("灯坏了 ", ""), ("灯 ", " 坏了"), ("灯\n", "\n坏了"), ("😀 ", " 👍")):
        data = recorded("group_text")
        data["message"]["text"] = f"{before}@linli_bot{after}"
        place = len(before.encode("utf-16-le")) // 2
        data["message"]["entities"] = [{"offset": place, "length": 10, "type": "mention"}]
        said = incoming(data)
        assert said.at_me
        assert said.text == (before + after.lstrip(" ")).strip()


def test_two_mentions_both_go() -> None:
    data = recorded("group_text")
    data["message"]["text"] = "@linli_bot 灯坏了 @linli_bot"
    data["message"]["entities"] = [{"offset": at, "length": 10, "type": "mention"} for at in (0, 15)]
    assert incoming(data).text == "灯坏了"
