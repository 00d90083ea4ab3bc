"""A WeChat message as a Wechaty gateway tells it → the neutral vocabulary: pure functions, no network."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Any

from domain.messages import Address, File, Happening, Incoming, Sender, clean

AFTER_NAME = "\u2005"  # what WeChat puts behind a name that is called


class Kind(IntEnum):
    """Numbers of wechaty-puppet, which the gateway sends; the names of the proto's own enum belong to others."""

    ATTACHMENT = 1
    AUDIO = 2
    IMAGE = 6
    TEXT = 7
    GROUP_NOTE = 10  # 接龙, as text
    VIDEO = 15


RECALLED = 13  # not read as a message: its text is the id of the one that was taken back
_FILES = {Kind.IMAGE: "photo", Kind.AUDIO: "voice", Kind.VIDEO: "video", Kind.ATTACHMENT: "document"}

# A reply comes as a text: the words it answers, a line of dashes, the answer. An answered reply holds both twice.
_QUOTE = re.compile(r"「(?P<quoted>.*)」\n(?:- ?){6,}\n(?P<answer>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Payload:
    """A message of the gateway. room: "" in a private chat. timestamp: of seconds or of milliseconds, both occur."""

    id: str
    kind: int
    text: str
    talker: str
    room: str = ""
    mentions: tuple[str, ...] = ()
    timestamp: int = 0

    @property
    def address(self) -> Address:
        return Address(self.room) if self.room else Address(self.talker, private=True)


def wanted(payload: Payload, me: str) -> bool:
    """Words and files of others. Stickers, cards, links, money, locations and system lines are not read."""
    return payload.talker not in ("", me) and (
        payload.kind in _FILES or (payload.kind in (Kind.TEXT, Kind.GROUP_NOTE) and payload.text.strip() != "")
    )


def recalled(payload: Payload, me: str) -> str:
    """Who took back which message, as an event's detail; "" where the message is none such."""
    message = payload.text.strip()
    told = payload.kind == RECALLED and payload.talker not in ("", me) and message and " " not in message
    return f"{payload.talker} {message}" if told else ""


def moved(body: dict[str, Any], me: str, *, came: bool) -> list[tuple[Happening, str]]:
    """What a change of a room's members means to the bot, then who else came or left, as an event's detail."""
    named = body.get("inviteeIdList" if came else "removeeIdList")
    found = [str(user) for user in named] if isinstance(named, list) else []
    news = [(Happening.RESTORED if came else Happening.REMOVED, "")] if me in found else []
    others = " ".join(user for user in found if user not in ("", me))
    return [*news, (Happening.CAME if came else Happening.LEFT, others)] if others else news


def moment(timestamp: int, now: datetime) -> datetime:
    """When it was said; `now` where the gateway does not say, or says what cannot be."""
    seconds = timestamp / 1000 if timestamp > 10**11 else timestamp
    latest = (now + timedelta(days=1)).timestamp()
    return datetime.fromtimestamp(seconds, UTC) if 0 < seconds < latest else now


def to_incoming(
    payload: Payload, *, bot_id: str, me: str, my_names: Sequence[str], name: str, now: datetime
) -> Incoming:
    """A wanted message. my_names: how the bot is called in that chat; name: how the sender is."""
    text, quoted, to_me, at_me = "", "", False, False
    files: tuple[File, ...] = ()
    if payload.kind not in _FILES:
        text, quoted = unquoted(payload.text)
        to_me = any(quoted.startswith(f"{mine}：") for mine in my_names)
        if payload.room:
            text, at_me = without_me(text, my_names, called=me in payload.mentions, alone=len(payload.mentions) == 1)
    else:
        kind = _FILES[Kind(payload.kind)]
        files = (File(kind, f"{kind}:{payload.id}"),)  # its text is the platform's own XML
    return Incoming(
        bot_id=bot_id,
        update_id=payload.id,
        address=payload.address,
        sender=Sender(payload.talker, clean(name)),
        text=clean(text),
        sent_at=moment(payload.timestamp, now),
        files=files,
        at_me=at_me,
        message_id=payload.id,
        reply_to_me=to_me,
        quoted=clean(quoted),
    )


def unquoted(text: str) -> tuple[str, str]:
    """The answer, and what it answers ("name：words"); "" where it answers nothing."""
    found = _QUOTE.fullmatch(text)
    return (found["answer"], found["quoted"]) if found else (text, "")


def without_me(text: str, names: Sequence[str], *, called: bool, alone: bool) -> tuple[str, bool]:
    """The text without the bot's name, and whether it was called. called: as the platform says, which may know it by
    another name; alone: and nobody else, so that the only name there is must be the bot's."""
    known = "|".join(re.escape(name) for name in sorted(filter(None, names), key=len, reverse=True))
    rest, found = re.subn(rf"@(?:{known})(?:[{AFTER_NAME} ]|(?=\s)|$)", "", text) if known else (text, 0)
    if called and alone and not found:
        rest = re.sub(rf"@[^@{AFTER_NAME}\n]+{AFTER_NAME}", "", text, count=1)
    at_me = called or found > 0
    return (rest.strip() if at_me else text), at_me
