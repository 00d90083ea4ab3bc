"""The people, chats, messages and files that the peer knows, in the shapes of the Bot API."""

import re
import time
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count

from tests.peers.telegram.request import Json

_ENTITY = re.compile(r"(?:^|(?<=\s))(?P<command>/[A-Za-z0-9_]{1,32}(?:@\w+)?)|(?<!\w)(?P<mention>@[A-Za-z]\w{3,31})")
PRIVATE = "private"


@dataclass(slots=True)
class Chat:
    """A chat as the bot may reach it; `status` is the bot's own."""

    id: int
    kind: str
    shape: Json
    ids: Iterator[int]
    status: str = "member"
    opened: bool = True
    blocked: bool = False
    moved_to: int | None = None
    messages: dict[int, Json] = field(default_factory=dict)
    topics: dict[int, str] = field(default_factory=dict)
    ranks: dict[int, str] = field(default_factory=dict)  # of people

    @property
    def is_private(self) -> bool:
        return self.kind == PRIVATE

    @property
    def reachable(self) -> bool:
        return self.moved_to is None and not self.blocked and self.status not in {"kicked", "left"}


@dataclass(frozen=True, slots=True)
class StoredFile:
    id: str
    unique_id: str
    path: str
    data: bytes

    def shape(self) -> Json:
        return {"file_id": self.id, "file_unique_id": self.unique_id, "file_size": len(self.data)}


def unix(date: datetime | float | None) -> int:
    if date is None:
        return int(time.time())
    return int(date.timestamp() if isinstance(date, datetime) else date)


def entities(text: str) -> list[Json]:
    """Commands and mentions as Telegram marks them; its offsets count in UTF-16."""
    found = []
    for match in _ENTITY.finditer(text):
        kind = "bot_command" if match["command"] else "mention"
        offset = len(text[: match.start()].encode("utf-16-le")) // 2
        found.append({"offset": offset, "length": len(match.group()), "type": kind})
    return found


def worded(name: str, text: str) -> Json:
    """The text or the caption of a person's message, with its entities."""
    if not text:
        return {}
    marks = entities(text)
    key = "entities" if name == "text" else "caption_entities"
    return {name: text} | ({key: marks} if marks else {})


def words_of(message: Json) -> str:
    return str(message.get("text", message.get("caption", "")))


class World:
    def __init__(self, me: Json) -> None:
        self.me: Json = {"is_bot": True, "can_join_groups": True, "supports_inline_queries": False} | me  # getMe
        self.bot = {key: self.me[key] for key in ("id", "is_bot", "first_name", "username")}  # everywhere else
        self.people: dict[int, Json] = {}
        self.chats: dict[int, Chat] = {}
        self.files: dict[str, StoredFile] = {}
        self._shared_ids = count(1)  # private chats and basic groups share one sequence, each supergroup has its own
        self._file_ids = count(1)

    def add_group(self, chat_id: int, title: str, kind: str, *, forum: bool) -> Chat:
        shape: Json = {"id": chat_id, "title": title, "type": kind} | ({"is_forum": True} if forum else {})
        ids = self._shared_ids if kind == "group" else count(1)
        self.chats[chat_id] = Chat(chat_id, kind, shape, ids)
        return self.chats[chat_id]

    def add_person(self, user_id: int, shape: Json, *, opened: bool) -> None:
        self.people[user_id] = {"id": user_id, "is_bot": False} | shape | {"language_code": "zh-hans"}
        place = {"id": user_id} | shape | {"type": PRIVATE}
        self.chats[user_id] = Chat(user_id, PRIVATE, place, self._shared_ids, opened=opened)

    def chat(self, chat_id: int) -> Chat:
        """A chat in which people can do something now."""
        if chat_id not in self.chats:
            raise LookupError(f"no chat {chat_id}: make it with peer.group or peer.person")
        chat = self.chats[chat_id]
        if chat.moved_to is not None:
            raise ValueError(f"chat {chat_id} has moved to {chat.moved_to}")
        return chat

    def person(self, user_id: int) -> Json:
        if user_id not in self.people:
            raise LookupError(f"no person {user_id}: make one with peer.person")
        return self.people[user_id]

    def admin(self, user_id: int | None) -> Json:
        """Who changes the bot's place in a group, when it does not matter who."""
        return self.person(user_id) if user_id else {"id": 5000001, "is_bot": False, "first_name": "群主"}

    def message(
        self,
        chat: Chat,
        sender: Json,
        content: Json,
        *,
        date: datetime | float | None = None,
        reply_to: int | None = None,
        topic: int | None = None,
    ) -> Json:
        """A new message in the chat, from a person or from the bot."""
        number = next(chat.ids)
        message: Json = {"message_id": number, "from": sender, "chat": chat.shape, "date": unix(date)}
        original = chat.messages[reply_to] if reply_to is not None else None
        if topic is None and original:
            topic = original.get("message_thread_id")  # an answer lands where the question stands
        if topic is not None:
            name = chat.topics.setdefault(topic, str(topic))
            message |= {"message_thread_id": topic, "is_topic_message": True}
            if original is None:
                message["reply_to_message"] = self._topic_root(chat, topic, name, message["date"])
        if original:
            message["reply_to_message"] = {key: original[key] for key in original if key != "reply_to_message"}
        message |= content
        chat.messages[number] = message
        return deepcopy(message)

    def _topic_root(self, chat: Chat, topic: int, name: str, date: int) -> Json:
        created = {"name": name, "icon_color": 7322096}
        root: Json = {"message_id": topic, "from": self.admin(None), "chat": chat.shape, "date": date}
        return root | {"message_thread_id": topic, "is_topic_message": True, "forum_topic_created": created}

    def store(self, folder: str, ending: str, data: bytes) -> StoredFile:
        number = next(self._file_ids)
        file = StoredFile(f"{folder}-{number}-id", f"u{number}", f"{folder}/file_{number}{ending}", data)
        self.files[file.id] = file
        return file

    def media(self, kind: str, data: bytes, name: str = "", mime: str = "application/octet-stream") -> Json:
        """The part of a message that holds a stored file."""
        if kind == "photo":
            sizes = [self.store("photos", ".jpg", data).shape() for _ in range(2)]
            return {"photo": [sizes[0] | {"width": 90, "height": 67}, sizes[1] | {"width": 1280, "height": 960}]}
        if kind == "voice":
            shape = self.store("voice", ".oga", data).shape()
            return {"voice": shape | {"duration": 7, "mime_type": "audio/ogg"}}
        if kind == "video":
            shape = self.store("videos", ".mp4", data).shape()
            return {"video": shape | {"duration": 12, "width": 720, "height": 1280, "mime_type": "video/mp4"}}
        shape = self.store("documents", "", data).shape()
        return {"document": shape | {"file_name": name, "mime_type": mime}}

    def overhears(self, chat: Chat, message: Json) -> bool:
        """Whether the bot is given this message: always, unless privacy mode hides it."""
        if chat.is_private or chat.status == "administrator" or self.me.get("can_read_all_group_messages"):
            return True
        words = words_of(message)
        answered = message.get("reply_to_message", {}).get("from", {}).get("id")
        named = f"@{self.me['username']}".lower() in words.lower()
        return words.startswith("/") or named or answered == self.me["id"]
