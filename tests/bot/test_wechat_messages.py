"""WeChat's messages in linli's vocabulary, by tables; no gateway."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.wechat_messages import (
    RECALLED,
    Kind,
    Payload,
    moment,
    moved,
    recalled,
    to_incoming,
    unquoted,
    wanted,
    without_me,
)
from domain.messages import Address, File, Happening, Incoming, Sender

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
ROOM, WANG, BOT = "3dong@chatroom", "wxid_wang", "wxid_bot"
NAMES = ("小助手", "3栋小助手")
DASHES = "- - - - - - - - - - - - - - -"


def payload(text: str = "", kind: int = Kind.TEXT, **parts: object) -> Payload:
    return Payload(**{"id": "m1", "kind": kind, "text": text, "talker": WANG, "room": ROOM, **parts})  # type: ignore[arg-type]


def heard(text: str = "", kind: int = Kind.TEXT, **parts: object) -> Incoming:
    return to_incoming(payload(text, kind, **parts), bot_id="wx", me=BOT, my_names=NAMES, name="王阿姨", now=NOW)


def test_a_line_in_a_room() -> None:
    assert heard("三号楼没水了😭", timestamp=1_763_890_200) == Incoming(
        bot_id="wx",
        update_id="m1",
        address=Address(ROOM),
        sender=Sender(WANG, "王阿姨"),
        text="三号楼没水了😭",
        sent_at=datetime.fromtimestamp(1_763_890_200, UTC),
        message_id="m1",
    )


def test_a_private_line_is_addressed_by_its_sender() -> None:
    private = heard("@小助手 在吗", room="")
    assert private.address == Address(WANG, private=True)
    assert (private.text, private.at_me) == ("@小助手 在吗", False)


@pytest.mark.parametrize(
    ("kind", "file"),
    [(Kind.IMAGE, "photo"), (Kind.AUDIO, "voice"), (Kind.VIDEO, "video"), (Kind.ATTACHMENT, "document")],
)
def test_a_file_has_no_words(kind: Kind, file: str) -> None:
    """What the platform writes with it is XML."""
    incoming = heard("<msg><img/></msg>", kind)
    assert (incoming.text, incoming.files) == ("", (File(file, f"{file}:m1"),))


@pytest.mark.parametrize(
    ("text", "called", "alone", "rest", "at_me"),
    [
        ("@小助手\u2005没水了", True, True, "没水了", True),
        ("@小助手\u2005没水了", False, False, "没水了", True),
        ("@小助手 没水了", False, False, "没水了", True),
        ("没水了@小助手", False, False, "没水了", True),
        ("@3栋小助手\u2005没水了", False, False, "没水了", True),
        ("@小助手\u2005", True, True, "", True),
        ("请 @小助手\u2005看看", True, True, "请 看看", True),
        ("@小助手二号\u2005没水了", False, False, "@小助手二号\u2005没水了", False),
        ("@小助手说过", False, False, "@小助手说过", False),
        ("小助手没水了", False, False, "小助手没水了", False),
        ("@李建国\u2005@小助手\u2005一起看", True, False, "@李建国\u2005一起看", True),
        ("@旧名字\u2005没水了", True, True, "没水了", True),  # the platform knows the bot by a name we do not
        ("@旧名字\u2005没水了", True, False, "@旧名字\u2005没水了", True),  # whose name it is cannot be told
        ("@李建国\u2005没水了", False, True, "@李建国\u2005没水了", False),
    ],
)
def test_the_bots_name_is_taken_out(text: str, called: bool, alone: bool, rest: str, at_me: bool) -> None:
    assert without_me(text, NAMES, called=called, alone=alone) == (rest, at_me)


def test_a_name_is_no_pattern() -> None:
    assert without_me("@.*\u2005没水了", (".*",), called=False, alone=False) == ("没水了", True)
    assert without_me("@ab\u2005没水了", (".*", ""), called=False, alone=False) == ("@ab\u2005没水了", False)


def test_who_is_mentioned_is_read_from_the_payload() -> None:
    assert heard("@谁\u2005没水了", mentions=(BOT,)).at_me
    assert not heard("@谁\u2005没水了", mentions=(WANG,)).at_me


@pytest.mark.parametrize(
    ("text", "answer", "quoted"),
    [
        (f"「王阿姨：没水了」\n{DASHES}\n我家也是", "我家也是", "王阿姨：没水了"),
        (f"「王阿姨：没水了\n也没电」\n{DASHES}\n我家\n也是", "我家\n也是", "王阿姨：没水了\n也没电"),
        (f"「王：「李：没水」\n{DASHES}\n真的」\n{DASHES}\n是", "是", f"王：「李：没水」\n{DASHES}\n真的"),
        ("「王阿姨：没水了」我家也是", "「王阿姨：没水了」我家也是", ""),
        ("「通知」\n明天停水", "「通知」\n明天停水", ""),
    ],
)
def test_an_answer_stands_without_what_it_answers(text: str, answer: str, quoted: str) -> None:
    assert unquoted(text) == (answer, quoted)


@pytest.mark.parametrize(
    ("who", "to_me"), [("小助手", True), ("3栋小助手", True), ("王阿姨", False), ("小助手二号", False)]
)
def test_an_answer_to_the_bot(who: str, to_me: bool) -> None:
    """Its name in the quote alone is no call."""
    incoming = heard(f"「{who}：@小助手 收到」\n{DASHES}\n没修好")
    assert (incoming.text, incoming.reply_to_me, incoming.at_me) == ("没修好", to_me, False)


@pytest.mark.parametrize(
    ("text", "parts", "detail"),
    [
        ("m7", {}, f"{WANG} m7"),
        (" m7\n", {"room": ""}, f"{WANG} m7"),
        ("", {}, ""),
        ("王阿姨 recalled a message", {}, ""),
        ("m7", {"talker": BOT}, ""),
        ("m7", {"talker": ""}, ""),
        ("m7", {"kind": Kind.TEXT}, ""),
    ],
)
def test_a_recall_names_its_message(text: str, parts: dict[str, object], detail: str) -> None:
    assert recalled(payload(text, **{"kind": RECALLED, **parts}), BOT) == detail  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [0, 3, 4, 5, 8, 9, 11, 12, 13, 14, 16, 99])
def test_stickers_cards_money_links_and_recalls_are_not_read(kind: int) -> None:
    assert not wanted(payload("<msg/>", kind), BOT)


@pytest.mark.parametrize("kind", list(Kind))
def test_what_is_read(kind: Kind) -> None:
    assert wanted(payload("没水了", kind), BOT)
    assert not wanted(payload("没水了", kind, talker=BOT), BOT), "the bot's own"
    assert not wanted(payload("没水了", kind, talker=""), BOT), "nobody's"


def test_a_text_without_words_is_not_read() -> None:
    assert not wanted(payload(" \n\u2005"), BOT)
    assert not wanted(payload(""), BOT)


@pytest.mark.parametrize(
    ("timestamp", "at"),
    [
        (1_763_890_200, datetime.fromtimestamp(1_763_890_200, UTC)),
        (1_763_890_200_123, datetime.fromtimestamp(1_763_890_200.123, UTC)),
        (0, NOW),
        (int((NOW + timedelta(days=2)).timestamp()), NOW),
        (2**64 - 1, NOW),
    ],
)
def test_when_it_was_said(timestamp: int, at: datetime) -> None:
    """In seconds or milliseconds; what cannot be is now."""
    assert moment(timestamp, NOW) == at


@pytest.mark.parametrize(
    ("came", "body", "news"),
    [
        (False, {"removeeIdList": [WANG]}, [(Happening.LEFT, WANG)]),
        (True, {"inviteeIdList": [WANG, "wxid_li"]}, [(Happening.CAME, "wxid_wang wxid_li")]),
        (True, {"inviteeIdList": [BOT, WANG]}, [(Happening.RESTORED, ""), (Happening.CAME, WANG)]),
        (False, {"removeeIdList": [BOT]}, [(Happening.REMOVED, "")]),
        (False, {"inviteeIdList": [WANG]}, []),
        (False, {"removeeIdList": "no list"}, []),
    ],
)
def test_who_comes_and_goes(came: bool, body: dict[str, object], news: list[tuple[Happening, str]]) -> None:
    assert moved(body, BOT, came=came) == news


def test_control_characters_stay_outside() -> None:
    assert heard("没\x00水").text == "没 水"
