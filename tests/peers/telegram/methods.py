"""The methods of the Bot API that say nothing to people: updates, webhook, commands, chats, files, presses."""

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from tests.peers.telegram.members import full_chat, member
from tests.peers.telegram.request import ApiError, Json, Params, bad
from tests.peers.telegram.sending import Sending, reach
from tests.peers.telegram.updates import Updates
from tests.peers.telegram.webhook import Webhook
from tests.peers.telegram.world import World

Method = Callable[[Params], Any]
COMMAND = re.compile(r"[a-z0-9_]{1,32}")
SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
ACTIONS = frozenset(
    {
        "typing",
        "upload_photo",
        "record_video",
        "upload_video",
        "record_voice",
        "upload_voice",
        "upload_document",
        "choose_sticker",
        "find_location",
        "record_video_note",
        "upload_video_note",
    }
)


class Methods:
    def __init__(self, world: World, updates: Updates, webhook: Webhook, sending: Sending) -> None:
        self.world, self.updates, self.webhook = world, updates, webhook
        self.commands: dict[str, list[Json]] = {}
        self.presses: set[str] = set()  # ids of the callback queries the bot was given
        self.answers: dict[str, Json] = {}  # what it answered to them
        self.file_limit = 20 * 1024 * 1024
        methods: dict[str, Method] = {
            "getMe": lambda _: self.world.me,
            "getUpdates": self._get_updates,
            "setWebhook": self._set_webhook,
            "deleteWebhook": self._delete_webhook,
            "getWebhookInfo": lambda _: self.webhook.info(),
            "answerCallbackQuery": self._answer_press,
            "setMyCommands": self._set_commands,
            "getMyCommands": lambda params: self.commands.get(self._scope(params), []),
            "deleteMyCommands": lambda params: self.commands.pop(self._scope(params), None) is None or True,
            "getChat": self._get_chat,
            "getChatMember": self._get_member,
            "getChatAdministrators": self._get_administrators,
            "getFile": self._get_file,
            "sendChatAction": self._act,
        }
        self._table = {name.lower(): method for name, method in (methods | sending.methods()).items()}

    async def call(self, name: str, params: Params) -> Any:
        """The result of a method; its name is read in any case."""
        method = self._table.get(name.lower())
        if method is None:
            raise ApiError(404, "Not Found: method not found")
        result = method(params)
        return await result if isinstance(result, Awaitable) else result

    async def _get_updates(self, params: Params) -> list[Json]:
        allowed = params.sequence("allowed_updates")
        if allowed is not None:
            self.updates.allowed = allowed
        limit = params.number("limit", 100) or 100
        timeout = params.number("timeout", 0) or 0
        return await self.updates.poll(params.number("offset", 0) or 0, min(max(limit, 1), 100), max(timeout, 0))

    async def _set_webhook(self, params: Params) -> bool:
        url, secret = params.text("url"), params.text("secret_token")
        if not url:
            return await self._delete_webhook(params)
        if not url.startswith(("https://", "http://")):
            raise bad("bad webhook: invalid webhook URL specified")
        if secret and not SECRET.fullmatch(secret):
            raise bad("secret token contains unallowed characters")
        connections = params.number("max_connections", 40) or 40
        allowed = params.sequence("allowed_updates")
        if allowed is not None:
            self.updates.allowed = allowed
        if params.flag("drop_pending_updates"):
            self.updates.pending = []
        settings: Json = {"url": url, "max_connections": min(max(connections, 1), 100)}
        settings |= {"secret_token": secret} if secret else {}
        await self.webhook.set(settings | ({"allowed_updates": self.updates.allowed} if self.updates.allowed else {}))
        return True

    async def _delete_webhook(self, params: Params) -> bool:
        await self.webhook.clear()
        if params.flag("drop_pending_updates"):
            self.updates.pending = []
        return True

    def _answer_press(self, params: Params) -> bool:
        number = params.text("callback_query_id")
        if number not in self.presses:
            raise bad("query is too old and response timeout expired or query ID is invalid")
        if len(params.text("text")) > 200:
            raise bad("MESSAGE_TOO_LONG")
        self.answers[number] = {"text": params.text("text"), "show_alert": params.flag("show_alert")}
        return True

    def _scope(self, params: Params) -> str:
        scope = dict(params.mapping("scope") or {"type": "default"})
        if "chat_id" in scope and scope["chat_id"] not in self.world.chats:
            raise bad("chat not found")
        if language := params.text("language_code"):
            scope["language_code"] = language
        return json.dumps(scope, sort_keys=True)

    def _set_commands(self, params: Params) -> bool:
        commands = params.sequence("commands") or []
        if len(commands) > 100:
            raise bad("BOT_COMMANDS_TOO_MUCH")
        for one in commands:
            if not COMMAND.fullmatch(one["command"]):
                raise bad("BOT_COMMAND_INVALID")
            if not 1 <= len(one["description"]) <= 256:
                raise bad("BOT_COMMAND_DESCRIPTION_INVALID")
        self.commands[self._scope(params)] = commands
        return True

    def _get_chat(self, params: Params) -> Json:
        chat = self.world.chats.get(params.values.get("chat_id", 0))
        if chat is not None and not chat.opened:
            raise bad("chat not found")
        return full_chat(self.world, chat if chat is not None and chat.blocked else reach(self.world, params))

    def _get_member(self, params: Params) -> Json:
        chat, user = reach(self.world, params), params.number("user_id", 0) or 0
        if user == self.world.bot["id"]:
            return member(self.world.bot, chat.status)
        if user not in self.world.people:
            raise bad("PARTICIPANT_ID_INVALID")
        return member(self.world.people[user], "member" if chat.is_private else chat.ranks.get(user, "left"))

    def _get_administrators(self, params: Params) -> list[Json]:
        chat = reach(self.world, params)
        if chat.is_private:
            raise bad("there are no administrators in the private chat")
        ranks = chat.ranks.items()
        found = [member(self.world.people[user], rank) for user, rank in ranks if rank in {"administrator", "creator"}]
        return found + ([member(self.world.bot, chat.status)] if chat.status == "administrator" else [])

    def _get_file(self, params: Params) -> Json:
        file = self.world.files.get(params.text("file_id"))
        if file is None:
            raise bad("invalid file_id")
        if len(file.data) > self.file_limit:
            raise bad("file is too big")
        return file.shape() | {"file_path": file.path}

    def _act(self, params: Params) -> bool:
        chat = reach(self.world, params)
        if params.text("action") not in ACTIONS:
            raise bad("wrong parameter action in request")
        if chat.status == "restricted":
            raise bad("not enough rights to send text messages to the chat")
        return True
