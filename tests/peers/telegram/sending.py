"""What the bot says: sendX, editX and deleteMessage, with Telegram's checks."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tests.peers.telegram.pulse import Pulse
from tests.peers.telegram.request import ApiError, Json, Params, Upload, bad
from tests.peers.telegram.world import Chat, World, words_of

Buttons = list[list[tuple[str, str]]]
TEXT_LIMIT, CAPTION_LIMIT, DATA_LIMIT, BUTTON_LIMIT = 4096, 1024, 64, 100
RIGHTS = {"text": "text messages", "photo": "photos", "voice": "voice notes", "video": "videos"}
RIGHTS |= {"document": "documents", "location": "locations"}
UNCHANGED = (
    "message is not modified: specified new message content and reply markup are exactly the same "
    "as a current content and reply markup of the message"
)


@dataclass(frozen=True, slots=True)
class Sent:
    """A message of the bot as it stands now; text is the caption where there is a file."""

    chat_id: int
    message_id: int
    text: str
    buttons: Buttons
    reply_to: int | None
    topic: int | None
    kind: str
    data: bytes | None
    edited: int
    at: float
    method: str
    deleted: bool = False


def buttons_of(markup: Json | None) -> Buttons:
    rows = (markup or {}).get("inline_keyboard", [])
    return [[(one["text"], one.get("callback_data", one.get("url", ""))) for one in row] for row in rows]


def inline_keyboard(params: Params) -> Json | None:
    """The inline keyboard, checked; other keyboards are taken and leave no mark on the message."""
    markup = params.mapping("reply_markup")
    rows = (markup or {}).get("inline_keyboard")
    if not rows:
        return None
    buttons = [button for row in rows for button in row]
    if len(buttons) > BUTTON_LIMIT:
        raise bad("reply markup is too long")
    for button in buttons:
        if not str(button.get("text", "")).strip():
            raise bad('can\'t parse inline keyboard button: Field "text" must be of type String')
        if "callback_data" in button:
            if not 1 <= len(button["callback_data"].encode()) <= DATA_LIMIT:
                raise bad("BUTTON_DATA_INVALID")
        elif set(button) == {"text"}:
            raise bad("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    return {"inline_keyboard": rows}


def reach(world: World, params: Params) -> Chat:
    """The chat the bot may act in, or Telegram's refusal."""
    chat_id = params.values.get("chat_id")
    if chat_id in (None, ""):
        raise bad("chat_id is empty")
    chat = world.chats.get(chat_id) if isinstance(chat_id, int) else None
    if chat is None:
        raise bad("chat not found")
    if chat.moved_to is not None:
        raise bad("group chat was upgraded to a supergroup chat", migrate_to_chat_id=chat.moved_to)
    if not chat.opened:
        raise ApiError(403, "Forbidden: bot can't initiate conversation with a user")
    if chat.blocked:
        raise ApiError(403, "Forbidden: bot was blocked by the user")
    if chat.status == "kicked":
        raise ApiError(403, f"Forbidden: bot was kicked from the {chat.kind} chat")
    if chat.status == "left":
        raise ApiError(403, f"Forbidden: bot is not a member of the {chat.kind} chat")
    return chat


class Sending:
    def __init__(self, world: World, pulse: Pulse) -> None:
        self.world, self.pulse = world, pulse
        self.sent: list[Sent] = []
        self._places: dict[tuple[int, int], int] = {}

    def methods(self) -> dict[str, Callable[[Params], Any]]:
        files = {f"send{kind.title()}": self._file(kind) for kind in ("photo", "voice", "video", "document")}
        return files | {
            "sendMessage": self._message,
            "sendLocation": self._location,
            "editMessageText": lambda params: self._edit(params, "text"),
            "editMessageCaption": lambda params: self._edit(params, "caption"),
            "editMessageReplyMarkup": lambda params: self._edit(params, ""),
            "deleteMessage": self._delete,
        }

    def _message(self, params: Params) -> Json:
        return self._send(params, "text", _words(params, "text"), method="sendMessage")

    def _location(self, params: Params) -> Json:
        place = {"latitude": params.fraction("latitude"), "longitude": params.fraction("longitude")}
        return self._send(params, "location", {"location": place}, method="sendLocation")

    def _file(self, kind: str) -> Callable[[Params], Json]:
        def send(params: Params) -> Json:
            file = params.values.get(kind)
            if isinstance(file, str) and file.startswith("attach://"):
                file = params.values.get(file.removeprefix("attach://"))
            if isinstance(file, str) and file in self.world.files:
                file = Upload(file, "application/octet-stream", self.world.files[file].data)
            if not isinstance(file, Upload):
                raise bad("wrong remote file identifier specified" if file else f"there is no {kind} in the request")
            if not file.data:
                raise bad("file must be non-empty")
            content = self.world.media(kind, file.data, file.name, file.mime) | _words(params, "caption")
            return self._send(params, kind, content, method=f"send{kind.title()}", data=file.data)

        return send

    def _send(self, params: Params, kind: str, content: Json, *, method: str, data: bytes | None = None) -> Json:
        chat = reach(self.world, params)
        if chat.status == "restricted":
            raise bad(f"not enough rights to send {RIGHTS[kind]} to the chat")
        topic = params.number("message_thread_id")
        if topic is not None and topic not in chat.topics:
            raise bad("message thread not found")
        reply_to = _reply_to(params, chat)
        keyboard = inline_keyboard(params)
        content |= {"reply_markup": keyboard} if keyboard else {}
        message = self.world.message(chat, self.world.bot, content, reply_to=reply_to, topic=topic)
        number, words = message["message_id"], words_of(content)
        topic = message.get("message_thread_id")
        self._places[chat.id, number] = len(self.sent)
        buttons, at = buttons_of(keyboard), time.monotonic()
        self.sent.append(Sent(chat.id, number, words, buttons, reply_to, topic, kind, data, 0, at, method))
        self.pulse.beat()
        return message

    def _edit(self, params: Params, part: str) -> Json:
        words = _words(params, part) if part else {}
        chat = reach(self.world, params)
        message = chat.messages.get(params.number("message_id", 0) or 0)
        if message is None:
            raise bad("message to edit not found")
        if message["from"]["id"] != self.world.me["id"]:
            raise bad("message can't be edited")
        if part == "text" and "text" not in message:
            raise bad("there is no text in the message to edit")
        if part == "caption" and "text" in message:
            raise bad("there is no caption in the message to edit")
        keyboard = inline_keyboard(params)
        same_words = not part or message.get(part, "") == words.get(part, "")
        if same_words and message.get("reply_markup") == keyboard:
            raise bad(UNCHANGED)
        message.pop("reply_markup", None)  # an edit without a keyboard takes the old one away
        if part:
            for key in (part, "entities", "caption_entities"):
                message.pop(key, None)
        message |= words | {"edit_date": int(time.time())} | ({"reply_markup": keyboard} if keyboard else {})
        place = self._places[chat.id, message["message_id"]]
        said = self.sent[place]
        self.sent[place] = replace(said, text=words_of(message), buttons=buttons_of(keyboard), edited=said.edited + 1)
        self.pulse.beat()
        return dict(message)

    def _delete(self, params: Params) -> bool:
        chat = reach(self.world, params)
        number = params.number("message_id", 0) or 0
        if number not in chat.messages:
            raise bad("message to delete not found")
        own = chat.messages[number]["from"]["id"] == self.world.me["id"]
        if not (own or chat.is_private or chat.status == "administrator"):
            raise bad("message can't be deleted")
        self.forget(chat, number)
        return True

    def forget(self, chat: Chat, number: int) -> None:
        """The message is gone, whoever deleted it."""
        del chat.messages[number]
        if (place := self._places.get((chat.id, number))) is not None:
            self.sent[place] = replace(self.sent[place], deleted=True)
            self.pulse.beat()


def _words(params: Params, name: str) -> Json:
    """The checked text or caption, as Telegram trims it."""
    if params.text("parse_mode"):
        raise bad("unsupported parse_mode")  # this peer knows plain text and entities
    words = params.text(name).strip()
    if name == "text" and not words:
        raise bad("message text is empty")
    if len(words) > (TEXT_LIMIT if name == "text" else CAPTION_LIMIT):
        raise bad("message is too long" if name == "text" else "message caption is too long")
    key = "entities" if name == "text" else "caption_entities"
    marks = params.sequence(key)
    return ({name: words} if words else {}) | ({key: marks} if marks else {})


def _reply_to(params: Params, chat: Chat) -> int | None:
    reply = params.mapping("reply_parameters") or {}
    number = reply.get("message_id") or params.number("reply_to_message_id")
    if number is None or number in chat.messages:
        return number
    if reply.get("allow_sending_without_reply") or params.flag("allow_sending_without_reply"):
        return None
    raise bad("message to be replied not found")
