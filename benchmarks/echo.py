"""The peer: a bare python-telegram-bot bot that repeats every line, with no network under it."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from telegram import Update
from telegram.ext import Application, MessageHandler, filters
from telegram.request import BaseRequest

from benchmarks.script import ME, NAME, recorded


class _Network(BaseRequest):
    """No network: Telegram's answer is there at once."""

    _answer = json.dumps({"ok": True, "result": recorded("evening")[0]["message"]}).encode()
    _me = json.dumps({"ok": True, "result": {"id": ME, "is_bot": True, "first_name": NAME, "username": NAME}}).encode()

    @property
    def read_timeout(self) -> float:
        return 5.0

    async def initialize(self) -> None: ...

    async def shutdown(self) -> None: ...

    async def do_request(self, url: str, *args: object, **kwargs: object) -> tuple[int, bytes]:
        return 200, self._me if url.endswith("getMe") else self._answer


@asynccontextmanager
async def echo() -> AsyncIterator[Callable[[list[bytes]], Awaitable[None]]]:
    """A bare python-telegram-bot bot that repeats every line."""
    builder = Application.builder().token("1:x").updater(None)
    application: Any = builder.request(_Network()).get_updates_request(_Network()).build()

    async def repeat(update: Update, _context: Any) -> None:
        message = update.effective_message
        if message is not None and message.text is not None:
            await message.reply_text(message.text)

    async def answer(raw: list[bytes]) -> None:
        for each in raw:
            await application.process_update(Update.de_json(json.loads(each), application.bot))

    application.add_handler(MessageHandler(filters.TEXT & ~filters.COMMAND, repeat))
    async with application:
        yield answer
