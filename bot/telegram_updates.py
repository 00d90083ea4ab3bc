"""Telegram → the neutral vocabulary: one update is what a person said or pressed, an event, or nothing to us. Pure.

Needs the extra `telegram`; nothing imports the modules telegram_* unless a bot really is on Telegram.
"""

from datetime import UTC, datetime
from typing import Any

from telegram import (
    CallbackQuery,
    ChatMember,
    ChatMemberUpdated,
    MaybeInaccessibleMessage,
    Message,
    MessageEntity,
    PhotoSize,
    Update,
    User,
)
from telegram.constants import ChatMemberStatus, ChatType, UpdateType

from domain.messages import Address, Event, File, Happening, Incoming, Press, Sender

# What Telegram is asked for. Of others' coming and going it tells by chat_member where the bot is an administrator, in
# small groups by a service message; where by both, the second changes nothing.
ALLOWED = (
    UpdateType.MESSAGE,
    UpdateType.CALLBACK_QUERY,
    UpdateType.MY_CHAT_MEMBER,
    UpdateType.CHAT_MEMBER,
)

_GROUPS = (ChatType.GROUP, ChatType.SUPERGROUP)
_OUT = (ChatMemberStatus.LEFT, ChatMemberStatus.BANNED)
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
) -> Incoming | Event | None:
    """What an update of the Bot API means. Raises TypeError, KeyError, … where it is no update at all.

    received_at: when a press came, since Telegram does not say; without it, now.
    """
    update = Update.de_json(data, None)
    return to_event(update, bot_id=bot_id) or to_incoming(
        update, bot_id=bot_id, bot_username=bot_username, bot_user_id=bot_user_id, received_at=received_at
    )


def to_event(update: Update, *, bot_id: str) -> Event | None:
    """What became of a group, of the bot in a chat, or of the people in a group."""
    message, change = update.message, update.my_chat_member
    if moved := _moved(update):
        return Event(bot_id, str(update.update_id), *moved)
    detail = ""
    if message is not None and message.migrate_to_chat_id:
        what, at, address = Happening.MOVED, message.date, _address(message)
        detail = str(message.migrate_to_chat_id)
    elif change is not None:
        what, at, address = _standing(change.new_chat_member), change.date, _address(change)
    else:
        return None
    if address is None:
        return None
    return Event(bot_id, str(update.update_id), what, at.astimezone(UTC), address, detail)


def _moved(update: Update) -> tuple[Happening, datetime, Address, str] | None:
    """Who joined or left; of bots nothing. A new rank is neither."""
    message, change = update.message, update.chat_member
    if message is not None and message.left_chat_member:
        return _people(Happening.LEFT, message, message.left_chat_member)
    if message is not None and message.new_chat_members:
        return _people(Happening.CAME, message, *message.new_chat_members)
    if change is not None and _is_in(change.old_chat_member) != _is_in(change.new_chat_member):
        what = Happening.CAME if _is_in(change.new_chat_member) else Happening.LEFT
        return _people(what, change, change.new_chat_member.user)
    return None


def _people(
    what: Happening, place: Message | ChatMemberUpdated, *people: User
) -> tuple[Happening, datetime, Address, str] | None:
    users, address = [str(user.id) for user in people if not user.is_bot], _address(place)
    if not users or address is None or address.private:
        return None
    return what, place.date.astimezone(UTC), Address(address.group), " ".join(users)


def _is_in(member: ChatMember) -> bool:
    return member.status not in _OUT and getattr(member, "is_member", True) is not False


def _standing(me: ChatMember) -> Happening:
    """What the bot's new place in a chat means. In a private chat, who blocks the bot kicks it."""
    if not _is_in(me):
        return Happening.REMOVED
    return Happening.MUTED if getattr(me, "can_send_messages", True) is False else Happening.RESTORED


def to_incoming(
    update: Update,
    *,
    bot_id: str,
    bot_username: str,
    bot_user_id: int,
    received_at: datetime | None = None,
) -> Incoming | None:
    """None for whatever is not a person's own new message or press: edits, channel posts, service messages, bots."""
    if query := update.callback_query:
        return _pressed(query, bot_id, str(update.update_id), received_at or datetime.now(UTC))
    message = update.message
    if message is None or message.from_user is None or message.from_user.is_bot or message.sender_chat:
        return None
    address = _address(message)
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
        quoted=_clean(answered.text or answered.caption or "") if answered else "",
        reply_to_me=bool(answered and answered.from_user and answered.from_user.id == bot_user_id),
        forwarded=message.forward_origin is not None,
        quoted_files=_files(answered) if answered and answered.from_user == message.from_user else (),
    )


def _pressed(query: CallbackQuery, bot_id: str, update_id: str, at: datetime) -> Incoming | None:
    """A button under one of our messages, which may be too old for Telegram to show. Its data comes from outside."""
    if query.message is None or query.data is None or query.from_user.is_bot:
        return None
    address = _address(query.message)
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


def _address(place: MaybeInaccessibleMessage | ChatMemberUpdated) -> Address | None:
    """A topic of a group is a chat of its own. Of a message that Telegram shows no more the topic is not known."""
    chat = place.chat
    if chat.type == ChatType.PRIVATE:
        return Address(str(chat.id), private=True)
    if chat.type not in _GROUPS:
        return None
    topic = place.message_thread_id if isinstance(place, Message) and place.is_topic_message else None
    return Address(f"{chat.id}/{topic}" if topic else str(chat.id))


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
