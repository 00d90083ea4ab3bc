"""A chat platform for tests: an HTTP server on 127.0.0.1 that is to a bot what api.telegram.org is, and its people.

`telegram.Bot(token, base_url=f"{peer.url}/bot", base_file_url=f"{peer.url}/file/bot")` speaks to it. What people do is
an update at once, for getUpdates or for the webhook; it is sent even if the bot is not there, and waits.
"""

import random
import time
from collections.abc import Callable
from copy import deepcopy
from datetime import datetime
from itertools import count
from types import TracebackType
from typing import Any, Self, TypedDict, Unpack

from tests.peers.telegram.faults import Faults, Flood
from tests.peers.telegram.limits import breaches
from tests.peers.telegram.members import member
from tests.peers.telegram.methods import Methods
from tests.peers.telegram.pulse import Pulse
from tests.peers.telegram.request import Json
from tests.peers.telegram.sending import Sending, Sent, buttons_of
from tests.peers.telegram.server import Desk
from tests.peers.telegram.updates import Updates
from tests.peers.telegram.webhook import Webhook
from tests.peers.telegram.world import Chat, World, unix, worded

__all__ = ["Sent", "TelegramPeer"]


class Where(TypedDict, total=False):
    """How a person's message stands in its chat."""

    reply_to: int | None
    topic: int | None
    date: datetime | float | None


class TelegramPeer:
    scale = 1.0  # what a second of the rate limits lasts, in seconds
    slack = 0.0  # how much of a window is forgiven to the way between bot and peer, in seconds

    def __init__(self, token: str, me: Json, *, first_update_id: int = 880100001) -> None:
        self.token = token
        self._world = World(me)
        self._pulse = Pulse()
        self._updates = Updates(first_update_id)
        self._webhook = Webhook(self._updates)
        self._sending = Sending(self._world, self._pulse)
        self._methods = Methods(self._world, self._updates, self._webhook, self._sending)
        self._faults = Faults()
        self._desk = Desk(token, self._methods, self._faults)
        self._press_ids = count(4382000001)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        await self._desk.start()
        self._webhook.resume_work()

    async def stop(self) -> None:
        """Break every line; nothing is forgotten, `start` listens on the same port again."""
        await self._webhook.pause_work()
        await self._desk.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._desk.port}"

    # --- people and chats ---

    def group(self, chat_id: int, title: str, kind: str = "supergroup", *, forum: bool = False) -> None:
        self._world.add_group(chat_id, title, kind, forum=forum)

    def person(self, user_id: int, first_name: str, *, opened: bool = True, **more: str) -> None:
        """A person; `more` may be last_name and username."""
        self._world.add_person(user_id, {"first_name": first_name, **more}, opened=opened)

    def topic(self, chat_id: int, topic: int, name: str) -> None:
        """A topic of a forum; what people say makes unknown ones by itself."""
        self._world.chat(chat_id).topics[topic] = name

    def promote(self, chat_id: int, user_id: int, rank: str = "administrator") -> None:
        """Give a person a rank in a group; no update, since linli does not ask for these."""
        self._world.chat(chat_id).ranks[user_id] = rank

    # --- what people do: each gives the update ---

    def say(self, chat_id: int, user_id: int, text: str, **where: Unpack[Where]) -> Json:
        return self._write(chat_id, user_id, worded("text", text), where)

    def photo(self, chat_id: int, user_id: int, data: bytes, caption: str = "", **where: Unpack[Where]) -> Json:
        content = self._world.media("photo", data) | worded("caption", caption)
        return self._write(chat_id, user_id, content, where)

    def voice(self, chat_id: int, user_id: int, data: bytes, caption: str = "", **where: Unpack[Where]) -> Json:
        content = self._world.media("voice", data) | worded("caption", caption)
        return self._write(chat_id, user_id, content, where)

    def video(self, chat_id: int, user_id: int, data: bytes, caption: str = "", **where: Unpack[Where]) -> Json:
        content = self._world.media("video", data) | worded("caption", caption)
        return self._write(chat_id, user_id, content, where)

    def document(
        self, chat_id: int, user_id: int, data: bytes, caption: str = "", *, name: str, **where: Unpack[Where]
    ) -> Json:
        content = self._world.media("document", data, name) | worded("caption", caption)
        return self._write(chat_id, user_id, content, where)

    def location(self, chat_id: int, user_id: int, lat: float, lon: float, **where: Unpack[Where]) -> Json:
        return self._write(chat_id, user_id, {"location": {"latitude": lat, "longitude": lon}}, where)

    def edit(self, chat_id: int, message_id: int, text: str) -> Json:
        """A person changes the words of a message."""
        chat = self._world.chat(chat_id)
        message = chat.messages[message_id]
        message.pop("entities", None)
        message |= worded("text", text) | {"edit_date": int(time.time())}
        return self._tell("edited_message", deepcopy(message), seen=self._overhears(chat, message))

    def join(self, chat_id: int, user_id: int) -> Json:
        person = self._world.person(user_id)
        self._world.chat(chat_id).ranks[user_id] = "member"
        content = {"new_chat_participant": person, "new_chat_member": person, "new_chat_members": [person]}
        return self._service(self._world.chat(chat_id), person, content)

    def leave(self, chat_id: int, user_id: int) -> Json:
        person = self._world.person(user_id)
        self._world.chat(chat_id).ranks[user_id] = "left"
        return self._service(self._world.chat(chat_id), person, {"left_chat_member": person})

    def press(self, chat_id: int, user_id: int, message_id: int, data_or_label: str, *, forged: bool = False) -> Json:
        """Press a button of a message of the bot; `forged` sends the data though there is no such button."""
        chat = self._world.chat(chat_id)
        message = chat.messages.get(message_id)
        buttons = [button for row in buttons_of((message or {}).get("reply_markup")) for button in row]
        data = next((data for label, data in buttons if data_or_label in {label, data}), None)
        if data is None and not forged:
            raise LookupError(f"message {message_id} of chat {chat_id} has no button {data_or_label!r}: {buttons}")
        number = str(next(self._press_ids))
        self._methods.presses.add(number)
        query = {
            "id": number,
            "from": self._world.person(user_id),
            "message": deepcopy(message) or {"chat": chat.shape, "message_id": message_id, "date": 0},
            "chat_instance": str(chat_id * 7),
            "data": data_or_label if data is None else data,
        }
        return self._tell("callback_query", query, seen=chat.reachable)

    def migrate(self, chat_id: int, new_id: int) -> Json:
        """The group becomes a supergroup with a new id. Gives the message of the old chat; that of the new follows."""
        old = self._world.chat(chat_id)
        new = self._world.add_group(new_id, old.shape["title"], "supergroup", forum=False)
        new.status, new.ranks = old.status, dict(old.ranks)
        update = self._service(old, self._world.admin(None), {"migrate_to_chat_id": new_id})
        self._service(new, self._world.admin(None), {"migrate_from_chat_id": chat_id})
        old.moved_to = new_id
        return update

    def remove_bot(self, chat_id: int, by: int | None = None, *, kicked: bool = True) -> Json:
        return self._place_bot(chat_id, "kicked" if kicked else "left", by)

    def mute_bot(self, chat_id: int, by: int | None = None) -> Json:
        return self._place_bot(chat_id, "restricted", by)

    def unmute_bot(self, chat_id: int, by: int | None = None) -> Json:
        return self._place_bot(chat_id, "member", by)

    def add_bot(self, chat_id: int, by: int | None = None) -> Json:
        return self._place_bot(chat_id, "member", by)

    def promote_bot(self, chat_id: int, by: int | None = None) -> Json:
        return self._place_bot(chat_id, "administrator", by)

    def block(self, user_id: int) -> Json:
        return self._block(user_id, blocked=True)

    def unblock(self, user_id: int) -> Json:
        return self._block(user_id, blocked=False)

    def delete_message(self, chat_id: int, message_id: int) -> None:
        """The message is gone; Telegram does not tell bots."""
        self._sending.forget(self._world.chat(chat_id), message_id)

    def raw_update(self, update: Json) -> Json:
        return self._updates.add(update)

    # --- faults ---

    def flood(self, chat_id: int | None = None, times: int = 1, seconds: int = 3) -> None:
        """The next sends and edits, to this chat or to any, are answered 429."""
        self._faults.floods.append(Flood(chat_id, times, seconds))

    def fail(self, method: str, times: int = 1, status: int = 502) -> None:
        """The next calls of the method have no effect and this status."""
        self._faults.failures += [(method, status)] * times

    def drop(self, method: str, times: int = 1) -> None:
        """The next calls of the method have their effect, then the line breaks before the answer."""
        self._faults.drops += [method] * times

    def duplicate(self, again: int) -> None:
        """From now on getUpdates gives every confirmed update so many times again."""
        self._updates.again = again

    @property
    def shuffle(self) -> random.Random | None:
        """Mixes the order of every batch of getUpdates."""
        return self._updates.shuffle

    @shuffle.setter
    def shuffle(self, source: random.Random | None) -> None:
        self._updates.shuffle = source

    @property
    def file_limit(self) -> int:
        """The most bytes that getFile gives."""
        return self._methods.file_limit

    @file_limit.setter
    def file_limit(self, limit: int) -> None:
        self._methods.file_limit = limit

    @property
    def webhook_parallel(self) -> int:
        """How many updates are posted at once; read by setWebhook and start, never more than max_connections."""
        return self._webhook.parallel

    @webhook_parallel.setter
    def webhook_parallel(self, parallel: int) -> None:
        self._webhook.parallel = parallel

    def webhook_patience(self, *, tries: int = 200, pause: float = 0.05, timeout: float = 10.0) -> None:
        """How often and how soon an update is posted again, and how long an answer may take."""
        self._webhook.tries, self._webhook.pause, self._webhook.timeout = tries, pause, timeout

    # --- what the bot did ---

    @property
    def sent(self) -> list[Sent]:
        return self._sending.sent

    @property
    def calls(self) -> list[tuple[str, Json]]:
        return self._desk.calls

    @property
    def commands(self) -> dict[str, list[Json]]:
        """By the scope as JSON with sorted keys; a language_code stands in it too."""
        return self._methods.commands

    @property
    def answers(self) -> dict[str, Json]:
        """What the bot answered to presses, by the id of the callback query: text, show_alert."""
        return self._methods.answers

    @property
    def webhook(self) -> Json | None:
        """As setWebhook made it: url, max_connections, secret_token, allowed_updates."""
        return self._webhook.settings

    @property
    def deliveries(self) -> dict[int, int]:
        """How often each update was posted to the webhook."""
        return self._webhook.deliveries

    @property
    def given_up(self) -> list[Json]:
        """Updates that the webhook did not take in all tries."""
        return self._webhook.given_up

    @property
    def pending(self) -> list[Json]:
        """Updates that are not confirmed."""
        return self._updates.pending

    def texts(self, chat_id: int | None = None) -> list[str]:
        return [one.text for one in self.sent if chat_id in {None, one.chat_id}]

    def over_limits(self, *, second: float = 1.0, minute: float = 60.0) -> list[str]:
        """How the bot broke Telegram's rates, in words; judged on when its calls came, answered or not."""
        windows = {"second": second * self.scale, "minute": minute * self.scale}
        return breaches(self._desk.arrivals, **windows, slack=self.slack)

    async def wait_for(self, predicate: Callable[[], Any], timeout: float = 10) -> None:  # noqa: ASYNC109
        """Wait until the predicate holds; it is asked again whenever the bot has sent, and every 20 ms."""
        until = time.monotonic() + timeout
        while not predicate():
            if time.monotonic() > until:
                raise TimeoutError(f"not within {timeout:g} s; sent so far: {self.texts()[-10:]}")
            await self._pulse.wait(0.02)

    async def wait_sent(self, number: int, timeout: float = 10) -> list[Sent]:  # noqa: ASYNC109
        """Wait until the bot has sent so many messages in all; gives them."""
        await self.wait_for(lambda: len(self.sent) >= number, timeout)
        return self.sent

    # --- how updates come to be ---

    def _write(self, chat_id: int, user_id: int, content: Json, where: Where) -> Json:
        chat, person = self._world.chat(chat_id), self._world.person(user_id)
        if chat.blocked:
            raise ValueError(f"person {user_id} has blocked the bot: unblock first")
        if chat.is_private:
            chat.opened = True
        else:
            chat.ranks.setdefault(user_id, "member")
        message = self._world.message(chat, person, content, **where)
        return self._tell("message", message, seen=self._overhears(chat, message))

    def _service(self, chat: Chat, sender: Json, content: Json) -> Json:
        return self._tell("message", self._world.message(chat, sender, content), seen=chat.reachable)

    def _overhears(self, chat: Chat, message: Json) -> bool:
        return chat.reachable and self._world.overhears(chat, message)

    def _place_bot(self, chat_id: int, status: str, by: int | None) -> Json:
        chat = self._world.chat(chat_id)
        before, chat.status = chat.status, status
        return self._tell_place(chat, self._world.admin(by), before, status)

    def _block(self, user_id: int, *, blocked: bool) -> Json:
        chat = self._world.chat(user_id)
        chat.blocked = blocked
        before, after = ("member", "kicked") if blocked else ("kicked", "member")
        return self._tell_place(chat, self._world.person(user_id), before, after)

    def _tell_place(self, chat: Chat, by: Json, before: str, after: str) -> Json:
        bot = self._world.bot
        change = {"chat": chat.shape, "from": by, "date": unix(None)}
        change |= {"old_chat_member": member(bot, before), "new_chat_member": member(bot, after)}
        return self._tell("my_chat_member", change)

    def _tell(self, kind: str, content: Json, *, seen: bool = True) -> Json:
        return self._updates.add({kind: content}, seen=seen)
