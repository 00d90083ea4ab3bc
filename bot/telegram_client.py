"""The line to the Bot API: a client with a small pool, updates as they come, and no secret in words.

Nothing here is logged or raised with the token in it; the libraries' own loggers, which put it into addresses or quote
what people wrote, are kept quiet.
"""

import logging
import os
from datetime import timedelta
from typing import Any

from telegram import Bot
from telegram.error import RetryAfter
from telegram.request import BaseRequest, HTTPXRequest

from bot.telegram_updates import ALLOWED

# The library is told to give periods as timedelta, since it warns of whoever has not chosen.
os.environ.setdefault("PTB_TIMEDELTA", "true")

_CONNECTIONS = 8  # more in flight are slower, and Telegram takes 30 messages a second at most
_QUEUEING = 45.0  # seconds a call may wait for one of them; the sender gives up on a message after 50
_ANSWERING = 20.0  # seconds the platform may take


class Client(Bot):
    """The Bot API of one bot. It speaks before it is `initialize`d, which is never done: that would name the token."""

    def __init__(self, token: str, api: str, request: BaseRequest | None, updates_request: BaseRequest | None) -> None:
        for name, level in (("httpx", logging.WARNING), ("httpcore", logging.WARNING), ("telegram", logging.CRITICAL)):
            logging.getLogger(name).setLevel(level)
        self._lines = (updates_request or _requests(2), request or _requests(_CONNECTIONS))
        super().__init__(
            token,
            base_url=f"{api.rstrip('/')}/bot",
            base_file_url=f"{api.rstrip('/')}/file/bot",
            get_updates_request=self._lines[0],
            request=self._lines[1],
        )

    async def close_lines(self) -> None:
        for line in self._lines:
            await line.shutdown()

    async def raw_updates(self, offset: int, seconds: int) -> list[dict[str, Any]]:
        """Updates in order, as Telegram sends them: `get_updates` would refuse all for one that it cannot read."""
        asked = {"offset": offset, "timeout": seconds, "allowed_updates": list(ALLOWED)}
        updates = await self._post("getUpdates", asked, read_timeout=seconds + _ANSWERING)
        return sorted(updates, key=lambda update: int(update["update_id"]))

    def plain(self, error: BaseException) -> str:
        """An error in one line without the token."""
        words = (str(error).strip().splitlines() or [""])[0] or type(error).__name__
        for secret in (self.token, self.token.partition(":")[2]):
            words = words.replace(secret, "…") if secret else words
        return words


def wait_of(error: RetryAfter) -> float:
    """The seconds that Telegram asks to wait."""
    wait = error.retry_after
    return wait.total_seconds() if isinstance(wait, timedelta) else float(wait)


def _requests(connections: int) -> HTTPXRequest:
    return HTTPXRequest(
        connections,
        connect_timeout=10.0,
        read_timeout=_ANSWERING,
        write_timeout=_ANSWERING,
        media_write_timeout=2 * _ANSWERING,
        pool_timeout=_QUEUEING,
    )
