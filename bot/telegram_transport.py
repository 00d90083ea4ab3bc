"""Telegram → the neutral vocabulary. Only the way in so far, a pure function; receiving and sending come next.

Needs the extra `telegram`; nothing imports this module unless a bot really is on Telegram.
"""

from datetime import UTC, datetime
from typing import Any

from telegram import CallbackQuery, Message, MessageEntity, PhotoSize, Update
from telegram.constants import ChatType

from domain.messages import Address, File, Incoming, Press, Sender

_GROUPS = (ChatType.GROUP, ChatType.SUPERGROUP)
# A Telegram name for each kind of file; an animation also comes as a document, a venue also as a location.
_FILES = (
    ("photo", "photo"),
    ("voice", "voice"),
    ("audio", "voice"),
    ("video", "video"),
    ("video_note", "video"),
    ("document", "document"),
)


def from_json(
    data: dict[str, Any],
    *,
    bot_id: str,
    bot_username: str,
    bot_user_id: int,
    received_at: datetime | None = None,
) -> Incoming | None:
    """As `to_incoming`, from the Bot API's own JSON. Raises TypeError or KeyError where that is no update at all."""
    update = Update.de_json(data, None)
    return to_incoming(
        update, bot_id=bot_id, bot_username=bot_username, bot_user_id=bot_user_id, received_at=received_at
    )


def to_incoming(
    update: Update,
    *,
    bot_id: str,
    bot_username: str,
    bot_user_id: int,
    received_at: datetime | None = None,
) -> Incoming | None:
    """None for whatever is not a person's own new message or press: edits, channel posts, service messages, bots.

    received_at: when a press came, since Telegram does not say; without it, now.
    """
    if query := update.callback_query:
        return _pressed(query, bot_id, str(update.update_id), received_at or datetime.now(UTC))
    message = update.message
    if message is None or message.from_user is None or message.from_user.is_bot or message.sender_chat:
        return None
    address = _address(message.chat.type, message.chat.id)
    files = _files(message)
    said = message.text or message.caption
    if address is None or not (said or files):
        return None
    text, at_me = said or "", False
    if entities := message.entities or message.caption_entities:
        text, at_me = _without_me(text, entities, bot_username, bot_user_id)
    answered = _answered(message)
    return Incoming(
        bot_id=bot_id,
        update_id=str(update.update_id),
        address=address,
        sender=Sender(str(message.from_user.id), _clean(message.from_user.full_name)),
        text=_clean(text),
        sent_at=message.date.astimezone(UTC),
        files=files,
        at_me=at_me,
        message_id=str(message.message_id),
        reply_to=str(answered.message_id) if answered else "",
        reply_to_me=bool(answered and answered.from_user and answered.from_user.id == bot_user_id),
    )


def _pressed(query: CallbackQuery, bot_id: str, update_id: str, at: datetime) -> Incoming | None:
    """A button under one of our messages, which may be too old for Telegram to show. Its data comes from outside."""
    if query.message is None or query.data is None or query.from_user.is_bot:
        return None
    address = _address(query.message.chat.type, query.message.chat.id)
    if address is None:
        return None
    question, mark, value = _clean(query.data).partition("|")
    return Incoming(
        bot_id=bot_id,
        update_id=update_id,
        address=address,
        sender=Sender(str(query.from_user.id), _clean(query.from_user.full_name)),
        text="",
        sent_at=at.astimezone(UTC),
        press=Press(question, value) if mark else Press("", question),
        message_id=str(query.message.message_id),
    )


def _address(kind: str, chat: int) -> Address | None:
    if kind == ChatType.PRIVATE:
        return Address(str(chat), private=True)
    return Address(str(chat)) if kind in _GROUPS else None


def _answered(message: Message) -> Message | None:
    """The message this one answers. In a topic, everything not a reply answers the message that opened the topic."""
    answered = message.reply_to_message
    return None if answered and answered.forum_topic_created else answered


def _files(message: Message) -> tuple[File, ...]:
    files: list[File] = []
    for name, kind in _FILES:
        if found := getattr(message, name):
            best: PhotoSize = found[-1] if name == "photo" else found  # the same photo in several sizes
            files.append(File(kind, best.file_id))
    if message.location:
        files.append(File("location", f"{message.location.latitude},{message.location.longitude}"))
    return tuple(files)


def _without_me(
    text: str, entities: tuple[MessageEntity, ...], bot_username: str, bot_user_id: int
) -> tuple[str, bool]:
    """The text without the mentions of this bot, also in `/查@bot`, and whether there were any."""
    me = f"@{bot_username}".casefold()
    coded = text.encode("utf-16-le", "surrogatepass")  # entities count in UTF-16
    found = False
    for entity in sorted(entities, key=lambda each: each.offset, reverse=True):
        start, end = 2 * entity.offset, 2 * (entity.offset + entity.length)
        words = coded[start:end].decode("utf-16-le", "replace").casefold()
        if entity.type == MessageEntity.BOT_COMMAND and words.endswith(me):
            start = end - 2 * len(me)
        elif not (
            (entity.type == MessageEntity.MENTION and words == me)
            or (entity.type == MessageEntity.TEXT_MENTION and entity.user and entity.user.id == bot_user_id)
        ):
            continue
        after = coded[end:].decode("utf-16-le", "surrogatepass")
        if words[:1] != "/":
            after = after.lstrip(" \u3000")
        coded = coded[:start] + after.encode("utf-16-le", "surrogatepass")
        found = True
    return coded.decode("utf-16-le", "surrogatepass").strip() if found else text, found


def _clean(text: str) -> str:
    """Without what no database stores: half of a surrogate pair, and NUL."""
    return text.encode("utf-8", "replace").decode().replace("\x00", "")
