"""The way out to Telegram: one message is one call; its errors in the words of the transport contract."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from telegram import (
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
    Message,
    MessageEntity,
    ReplyParameters,
    User,
)
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, RetryAfter, TelegramError

from bot.telegram_client import Client, wait_of
from bot.transport import Flooded, Gone, Limits, Moved, Rejected, RetryLater, Unreachable, as_text, read_file
from domain.messages import Address, Choice, File, Happening, Outgoing

LIMITS = Limits(
    text_length=4096, caption_length=1024, buttons=True, edits=True, per_second=30, per_minute=20, chat_pause=1.0
)

_DATA = 64  # bytes a button can send back
_BUTTONS = 100
_DOWNLOAD = 20 * 1024 * 1024  # bytes of a file that the Bot API gives
_PAUSE = 5.0  # seconds until a call is tried again after trouble on the line
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
_REMOVED, _MUTED, _UNOPENED = Happening.REMOVED, Happening.MUTED, Happening.UNOPENED
# Telegram tells these apart by words alone; the first that stands in its description counts.
_CLOSED = (
    ("initiate conversation", _UNOPENED),
    ("peer_id_invalid", _UNOPENED),
    ("blocked by the user", _REMOVED),
    ("user is deactivated", _REMOVED),
    ("kicked", _REMOVED),
    ("not a member", _REMOVED),
    ("chat was deleted", _REMOVED),
    ("chat was deactivated", _REMOVED),
    ("not enough rights to send text", _MUTED),
    ("no rights to send", _MUTED),
    ("chat_restricted", _MUTED),
    ("chat_write_forbidden", _MUTED),
    ("chat_send_plain", _MUTED),  # not CHAT_SEND_PHOTOS_FORBIDDEN and its like: words may still be said
)
_NOT_TO_EDIT = ("message to edit not found", "message can't be edited", "message_id_invalid", "in the message to edit")
_NO_TOPIC = ("message thread not found", "topic_deleted", "topic_closed")


class Sending:
    """Says things as one bot. `files`: the folder of what is sent as a file."""

    def __init__(self, client: Client, files: Path) -> None:
        self._client = client
        self._files = files

    async def send(self, message: Outgoing) -> str:
        async with self._told(message.to):
            try:
                sent = await self._send(message, _place(message.to))
            except BadRequest as error:
                if "/" not in message.to.chat or not _says(error, *_NO_TOPIC):
                    raise
                sent = await self._send(message, _place(Address(message.to.group)))
        return str(sent.message_id)

    async def _send(self, message: Outgoing, place: dict[str, Any]) -> Message:
        """Text, or a file with a caption."""
        words, entities = _words(message)
        text: dict[str, Any] = {"text": words, "entities": entities, "link_preview_options": _NO_PREVIEW}
        buttons: dict[str, Any] = {"reply_markup": _keyboard(message)}
        quote: dict[str, Any] = {}
        if message.reply_to.isdecimal():
            quote["reply_parameters"] = ReplyParameters(int(message.reply_to), allow_sending_without_reply=True)
        if message.file is None:
            return await self._client.send_message(**place, **text, **quote, **buttons)
        call, content = await self._file(message.file)
        caption: dict[str, Any] = {"caption": words, "caption_entities": entities} if words else {}
        captioned: Message = await call(**place, **content, **caption, **quote, **buttons)
        return captioned

    async def _file(self, file: File) -> tuple[Any, dict[str, Any]]:
        """The call that sends a file of this kind, and what it is given."""
        calls: dict[str, Any] = {
            "photo": self._client.send_photo,
            "voice": self._client.send_voice,
            "video": self._client.send_video,
            "document": self._client.send_document,
        }
        if file.kind not in calls:
            raise Rejected(f"no such file can be sent: {file.kind}")
        data = await asyncio.to_thread(read_file, self._files, file.ref)
        return calls[file.kind], {file.kind: data, "filename": Path(file.ref).name}

    async def edit(self, message: Outgoing, message_id: str) -> None:
        words, entities = _words(message)
        where: dict[str, Any] = {"chat_id": _number(message.to.group), "message_id": _number(message_id)}
        where["reply_markup"] = _keyboard(message)
        async with self._told(message.to):
            try:
                if message.file is None:
                    await self._client.edit_message_text(
                        words, entities=entities, link_preview_options=_NO_PREVIEW, **where
                    )
                else:
                    await self._client.edit_message_caption(caption=words, caption_entities=entities, **where)
            except BadRequest as error:
                if not _says(error, "message is not modified"):
                    raise

    async def fetch(self, ref: str, most: int) -> bytes:
        """Telegram tells the size before the file, mostly; whole files are held, of 20 MB at most."""
        async with self._told(None):
            try:
                file = await self._client.get_file(ref)
                if (file.file_size or 0) <= min(most, _DOWNLOAD):
                    data = bytes(await file.download_as_bytearray())
                    if len(data) <= most:
                        return data
            except InvalidToken:  # also how the library reads a 404
                raise Gone("the file is no more") from None
            except BadRequest as error:
                if _says(error, "too big"):
                    raise Rejected("the file is too big for the Bot API") from None
                raise Gone(self._client.plain(error)) from None
        raise Rejected("the file is too big")

    async def invitation(self) -> tuple[str, str]:
        async with self._told(None):
            me = await self._client.get_me()
        return f"@{me.username}", f"https://t.me/{me.username}"

    @asynccontextmanager
    async def _told(self, to: Address | None) -> AsyncIterator[None]:
        """Telegram's refusals as the contract names them."""
        try:
            yield
        except RetryAfter as error:
            raise Flooded(wait_of(error)) from None
        except ChatMigrated as error:
            raise Moved(str(error.new_chat_id)) from None
        except TelegramError as error:
            raise self._refusal(error, to) from None

    def _refusal(self, error: TelegramError, to: Address | None) -> Exception:
        plain = self._client.plain(error)
        if not isinstance(error, BadRequest | Forbidden):
            return Rejected(plain) if _says(error, "entity too large") else RetryLater(_PAUSE)
        for words, what in _CLOSED:
            if _says(error, words):
                return Unreachable(plain, what)
        if _says(error, "chat not found"):
            return Unreachable(plain, _UNOPENED if to and to.private else _REMOVED)
        if isinstance(error, Forbidden):
            return Unreachable(plain)
        return Gone(plain) if _says(error, *_NOT_TO_EDIT) else Rejected(plain)


def _says(error: TelegramError, *words: str) -> bool:
    return any(each in error.message.lower() for each in words)


def _place(to: Address) -> dict[str, Any]:
    """Where to send: the group, and the topic where there is one."""
    group, _, topic = to.chat.partition("/")
    return {"chat_id": _number(group), "message_thread_id": _number(topic) if topic else None}


def _number(written: str) -> int:
    try:
        return int(written)
    except ValueError:
        raise Rejected("no id of Telegram") from None


def _words(message: Outgoing) -> tuple[str, list[MessageEntity]]:
    """The text; before it, where nothing is quoted, the names of whom it is for, unless they leave it no room."""
    text = message.text if _keyboard(message) or not message.choices else as_text(message)
    called = [person for person in message.mentions if person.name and person.user.isdecimal() and not message.reply_to]
    names, entities = "", []
    for person in called:
        name, user = f"@{person.name}", User(int(person.user), person.name, is_bot=False)
        entities.append(MessageEntity(MessageEntity.TEXT_MENTION, _units(names), _units(name), user=user))
        names += f"{name} "
    return (names + text, entities) if _units(names + text) <= LIMITS.text_length else (text, [])


def _units(text: str) -> int:
    """As Telegram counts: in UTF-16."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _keyboard(message: Outgoing) -> InlineKeyboardMarkup | None:
    """A button a row; none at all where one could not send back what it must."""
    rows = [[_button(message.question, choice)] for choice in message.choices]
    fit = all(1 <= len(str(row[0].callback_data).encode()) <= _DATA for row in rows)
    return InlineKeyboardMarkup(rows) if rows and fit and len(rows) <= _BUTTONS else None


def _button(question: str, choice: Choice) -> InlineKeyboardButton:
    data = f"{question}|{choice.value}" if question else choice.value
    return InlineKeyboardButton(f"{choice.number} {choice.label}", callback_data=data)
