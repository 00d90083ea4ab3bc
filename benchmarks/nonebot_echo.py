"""The other peer: a bare NoneBot2 bot on its Telegram adapter that repeats every line, with no network under it."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import nonebot
from nonebot.adapters import Bot as AnyBot
from nonebot.adapters import Event
from nonebot.adapters.telegram import Adapter, Bot
from nonebot.adapters.telegram.config import BotConfig
from nonebot.drivers import Request, Response
from nonebot.log import logger

from benchmarks.script import NAME, recorded


def _adapter() -> Any:
    """The adapter on NoneBot2's driver, of which a process has one; its HTTP client is replaced."""
    nonebot.init(driver="~httpx")
    driver: Any = nonebot.get_driver()
    driver.register_adapter(Adapter)
    answer = Response(200, content=json.dumps({"ok": True, "result": recorded("evening")[0]["message"]}).encode())

    async def request(_setup: Request) -> Response:
        """No network: Telegram's answer is there at once."""
        return answer

    driver.request = request
    return nonebot.get_adapter(Adapter)


@asynccontextmanager
async def nonebot_echo() -> AsyncIterator[Callable[[list[bytes]], Awaitable[None]]]:
    """A bare NoneBot2 bot that repeats every line. One at a time in a process."""
    # Its own log handler looks at every line, then drops those below LOG_LEVEL; with this one they are not even formed.
    failures: list[str] = []
    logger.remove()
    log = logger.add(failures.append, level="WARNING", format="{message}")
    adapter = _adapter()
    bot = Bot(adapter, "1", config=BotConfig(token="1:x"))
    bot.username = NAME
    # Its webhook and its polling run this in a task for every update; without the tasks it is faster.
    handle = adapter._Adapter__handle_update

    async def repeat(bot: AnyBot, event: Event) -> None:
        if text := event.get_plaintext():
            await bot.send(event, text)

    async def answer(raw: list[bytes]) -> None:
        for each in raw:
            await handle(bot, json.loads(each))
        if failures:  # NoneBot2 logs an error and goes on
            raise RuntimeError(f"the peer failed {len(failures)} times, first: {failures[0]}")

    matcher = nonebot.on_message(handlers=[repeat], block=False)
    adapter.bot_connect(bot)
    try:
        yield answer
    finally:
        adapter.bot_disconnect(bot)
        matcher.destroy()
        logger.remove(log)
