"""linli on Telegram: asks for updates or is posted them, and sends. See telegram_intake, telegram_sending."""

import asyncio
import logging
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from telegram import BotCommandScope, BotCommandScopeAllGroupChats, BotCommandScopeAllPrivateChats, BotCommandScopeChat
from telegram.error import BadRequest, TelegramError
from telegram.request import BaseRequest

from bot import telegram_doctor
from bot.telegram_client import Client
from bot.telegram_intake import Intake, Me
from bot.telegram_line import Line, Pace
from bot.telegram_sending import LIMITS, Sending
from bot.telegram_updates import ALLOWED
from bot.telegram_webhook import CONNECTIONS, listening, path_of, secret_of, serve, webhook_app
from bot.transport import Limits, Receive, StartError, Transport
from domain.messages import Outgoing
from texts import say

log = logging.getLogger(__name__)

Commands = list[tuple[str, str]]  # name without the stroke, what it is for
# As dialogs/topics.py has them; a test compares.
RESIDENTS = (
    "report",
    "behalf",
    "progress",
    "withdraw",
    "unsolved",
    "pictures",
    "join",
    "person",
    "head",
    "data",
    "help",
)
_NEIGHBOURS = ("waiting", "home_code", "missing")
_OFFICES = ("appoint", "dismiss", "deputy", "back", "vacancies", "bind_code", "bind")
HEADS = (
    "accept",
    "finish",
    "false_alarm",
    *_NEIGHBOURS,
    *_OFFICES,
    "behalf",
    "progress",
    "unsolved",
    "pictures",
    "help",
)


def _commands(names: tuple[str, ...]) -> Commands:
    return [(name, say(f"commands.{name}")) for name in names]


class TelegramTransport(Transport):
    """One bot. `webhook`: where Telegram posts updates to, served at `listen`; "" asks for them. `files`: the folder of
    what is sent as a file. It can send before, while and after it runs, until it is closed."""

    limits: Limits = LIMITS
    one_receiver = True

    def __init__(
        self,
        bot_id: str,
        token: str,
        *,
        api: str = "https://api.telegram.org",
        files: Path,
        webhook: str = "",
        listen: str = "127.0.0.1:8081",
        request: BaseRequest | None = None,
        get_updates_request: BaseRequest | None = None,
        pace: Pace | None = None,
    ) -> None:
        if not token:
            raise StartError("there is no token", "set LINLI_TELEGRAM_TOKEN to the token that BotFather gave")
        self.bot_id = bot_id
        self._api, self._webhook, self._listen = api, webhook, listen
        self._pace = pace or Pace()
        self._client = Client(token, api, request, get_updates_request)
        self._sending = Sending(self._client, files)

    async def close(self) -> None:
        await self._client.close_lines()

    # --- the way in ---

    async def run(self, receive: Receive) -> None:
        """Receive until cancelled. StartError where the bot cannot run as it is set up."""
        line = Line(self._client, self.bot_id, receive, self._pace)
        me = await line.ask(self._client.get_me)
        if not me.can_read_all_group_messages:
            log.warning("telegram bot=%s: %s; %s", self.bot_id, telegram_doctor.PRIVACY, telegram_doctor.PRIVACY_OFF)
        intake = Intake(self._client, Me(self.bot_id, me.username or "", me.id), receive)
        try:
            await (self._be_posted(line, intake) if self._webhook else self._ask(line, intake))
        finally:
            await intake.close()

    async def _ask(self, line: Line, intake: Intake) -> None:
        """Ask on and on. The number asked from confirms all before it, so it never passes an update not taken."""
        if (await line.ask(self._client.get_webhook_info)).url:
            log.warning("telegram bot=%s: a webhook was set, it is taken away", self.bot_id)
            await line.ask(self._client.delete_webhook)
        offset, pause = 0, 0.0
        while True:
            updates = await line.ask(partial(self._news, line, offset))
            failed = await intake.take_all(updates)
            if updates:
                offset = max(offset, int(updates[-1]["update_id"]) + 1 if failed is None else failed)
            pause = 0.0 if failed is None else self._pace.after(pause)
            await asyncio.sleep(pause)

    async def _news(self, line: Line, offset: int) -> list[dict[str, Any]]:
        """Telegram waits for news before it answers; not after trouble, to show at once that the line is back."""
        return await self._client.raw_updates(offset, 0 if line.broken else self._pace.asking)

    async def _be_posted(self, line: Line, intake: Intake) -> None:
        secret = secret_of(self._client.token)
        app = webhook_app(path_of(self._webhook), secret, intake.take, gap=self._pace.gap)
        try:
            listener = listening(self._listen)
        except (OSError, OverflowError) as error:
            what = f"cannot listen on {self._listen}: {error}"
            raise StartError(what, "stop what listens there, or change telegram.listen and the proxy") from None
        with closing(listener):
            await line.ask(partial(self._set_webhook, secret))
            log.info("telegram bot=%s: webhook set, listening on %s", self.bot_id, self._listen)
            await serve(app, listener, self._pace.grace)

    async def _set_webhook(self, secret: str) -> None:
        try:
            await self._client.set_webhook(
                self._webhook, secret_token=secret, allowed_updates=ALLOWED, max_connections=CONNECTIONS
            )
        except BadRequest as error:
            what = f"Telegram does not take telegram.webhook: {self._client.plain(error)}"
            raise StartError(what, "it must be https on port 443, 80, 88 or 8443, at a public host") from None

    # --- the way out ---

    async def send(self, message: Outgoing) -> str:
        return await self._sending.send(message)

    async def edit(self, message: Outgoing, message_id: str) -> None:
        await self._sending.edit(message, message_id)

    async def fetch(self, ref: str, most: int) -> bytes:
        return await self._sending.fetch(ref, most)

    # --- setting up ---

    async def invitation(self) -> tuple[str, str]:
        return await self._sending.invitation()

    async def publish(self, work_chats: list[str]) -> None:
        residents = _commands(RESIDENTS)
        await self._offer(residents, BotCommandScopeAllPrivateChats())
        await self._offer(residents, BotCommandScopeAllGroupChats())
        for group in dict.fromkeys(chat.partition("/")[0] for chat in work_chats):
            await self._offer(_commands(HEADS), BotCommandScopeChat(group))

    async def _offer(self, commands: Commands, scope: BotCommandScope) -> None:
        try:
            await self._client.set_my_commands(commands, scope)
        except TelegramError as error:
            log.warning("telegram bot=%s: commands not set: %s", self.bot_id, self._client.plain(error))

    async def examine(self) -> list[telegram_doctor.Finding]:
        return await telegram_doctor.examine(self._client, api=self._api, webhook=self._webhook, listen=self._listen)
