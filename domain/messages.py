"""The neutral chat vocabulary: what comes in from any platform and what goes out to it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True)
class Address:
    """A place to speak in: a group chat, or the private chat with one person.

    The id of a private chat is the person's own user id, as on Telegram and WeChat. Where a group has topics, each is
    a chat of its own: "-100123/45" is topic 45 of the group -100123.
    """

    chat: str
    private: bool = False

    @property
    def group(self) -> str:
        """The chat without the topic: what is bound to a place, and what the platform counts messages for."""
        return self.chat.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Sender:
    user: str  # the platform's id of the person
    name: str  # as the platform shows it; personal data, never logged


@dataclass(frozen=True, slots=True)
class Press:
    """A button was pressed. Comes from outside: `question` must match the open question, else the press is stale."""

    question: str
    value: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture or page that is drawn just before it is sent: a template of bot/templates, and its data (JSON).

    start: what a scan of its QR code says to the bot; where there is one, the data gains the bot's name and link.
    """

    template: str
    data: dict[str, Any]
    start: str = ""


@dataclass(frozen=True, slots=True)
class File:
    """kind: photo, voice, video, document, location. ref, coming in: the platform's handle, fetched after the commit
    ("lat,lon" of a location); going out: the file's name in linli's own folder of files. Of a drawing: the name that
    people see; a photo is drawn as PNG, a document as PDF."""

    kind: str
    ref: str
    drawing: Drawing | None = None


@dataclass(frozen=True, slots=True)
class Incoming:
    """One update of a platform. (bot_id, update_id) is unique for ever."""

    bot_id: str
    update_id: str
    address: Address
    sender: Sender
    text: str
    sent_at: datetime  # aware, UTC
    press: Press | None = None
    files: tuple[File, ...] = ()
    at_me: bool = False
    message_id: str = ""
    reply_to: str = ""  # message_id of the message this one answers
    reply_to_me: bool = False
    quoted: str = ""  # the words of the message this one answers, where the platform tells them
    forwarded: bool = False  # somebody else's words
    quoted_files: tuple[File, ...] = ()  # of the sender's own message that this one answers


class Happening(StrEnum):
    """What a platform tells of a chat or of itself."""

    MOVED = "moved"  # the group has a new id (detail)
    REMOVED = "removed"  # the bot was put out of a group, or blocked by a person
    MUTED = "muted"  # the bot may not write in the group
    RESTORED = "restored"  # it may (again)
    UNOPENED = "unopened"  # a person who never wrote to the bot privately cannot be written to
    DELETED = "deleted"  # a message of the bot that was to be edited is gone
    SCAN = "scan"  # the account must be logged in by scanning a code (detail)
    LOGGED_IN = "logged_in"
    LOGGED_OUT = "logged_out"
    LOST = "lost"  # the line to the platform, since `at`: what is said meanwhile may never arrive
    BACK = "back"  # detail: ISO moment since when it was away
    CAME = "came"  # people joined the group (detail: their user ids, a blank between)
    LEFT = "left"  # people left it or were put out, as CAME
    RECALLED = "recalled"  # a person took a message back (detail: their user id, a blank, the message)


@dataclass(frozen=True, slots=True)
class Event:
    """(bot_id, update_id) is unique for ever, as of an Incoming. address: the chat, None where it is the platform."""

    bot_id: str
    update_id: str
    what: Happening
    at: datetime  # aware, UTC
    address: Address | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """An answer a person may give: a button where there are buttons, a number to type where there are none.

    `value` is what a press sends back: the number for a question of a dialog, a whole command ("接单 12") otherwise.
    """

    number: int
    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to send. Written as an outbox row in the turn that causes it.

    question: id that a press sends back with its value ("" when the choices are commands).
    reply_to: message_id that the message quotes.
    mentions: who is called by name where the platform cannot quote, or where nothing is quoted.
    file: goes with the text.
    post: the name of a post that changes with time ("poll:3"): a later message of that name and chat takes its place,
    by an edit where the platform can.
    fallback: where and what to say instead if the private chat cannot be reached.
    """

    to: Address
    text: str
    choices: tuple[Choice, ...] = ()
    question: str = ""
    reply_to: str = ""
    urgent: bool = False
    fallback: "Outgoing | None" = None
    mentions: tuple[Sender, ...] = ()
    file: File | None = None
    post: str = ""

    def to_json(self) -> dict[str, Any]:
        """The outbox row's form; empty parts are left out."""
        fallback = self.fallback.to_json() if self.fallback else None
        parts = {
            "chat": self.to.chat,
            "private": self.to.private,
            "text": self.text,
            "choices": [[choice.number, choice.label, choice.value] for choice in self.choices],
            "question": self.question,
            "reply_to": self.reply_to,
            "urgent": self.urgent,
            "fallback": fallback,
            "mentions": [[person.user, person.name] for person in self.mentions],
            "file": _parts(self.file) if self.file else None,
            "post": self.post,
        }
        return {name: part for name, part in parts.items() if part}

    @classmethod
    def from_json(cls, parts: dict[str, Any]) -> "Outgoing":
        fallback = parts.get("fallback")
        return cls(
            to=Address(parts["chat"], parts.get("private", False)),
            text=parts.get("text", ""),
            choices=tuple(Choice(*choice) for choice in parts.get("choices", ())),
            question=parts.get("question", ""),
            reply_to=parts.get("reply_to", ""),
            urgent=parts.get("urgent", False),
            fallback=cls.from_json(fallback) if fallback else None,
            mentions=tuple(Sender(*person) for person in parts.get("mentions", ())),
            file=_file(*parts["file"]) if "file" in parts else None,
            post=parts.get("post", ""),
        )


def _parts(file: File) -> list[Any]:
    drawn = file.drawing
    return [file.kind, file.ref, *([[drawn.template, drawn.data, drawn.start]] if drawn else [])]


def _file(kind: str, ref: str, drawing: list[Any] | None = None) -> File:
    return File(kind, ref, Drawing(*drawing) if drawing else None)


def clean(text: str) -> str:
    """Text that any database and screen can hold: no control characters (line ends stay), no broken surrogates."""
    if text.isprintable():
        return text
    kept = "".join(char if char.isprintable() or char in "\n\u200d\u3000" else " " for char in text)
    return kept.replace("\r", " ")


def numbered(labels: Iterable[tuple[int, str]]) -> tuple[Choice, ...]:
    """The answers to a question of a dialog: pressing a button sends its number."""
    return tuple(Choice(number, label, str(number)) for number, label in labels)
