"""The line to Telegram as it holds: every call is asked again until it is answered; LOST is told once, and BACK."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from telegram.error import Conflict, InvalidToken, RetryAfter, TelegramError

from bot.telegram_client import Client, wait_of
from bot.transport import Receive, StartError
from domain.messages import Event, Happening

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Pace:
    """In seconds. asking: how long Telegram may wait for news before it answers. pause: after the first trouble, then
    twice as long each time up to longest. lost: silence after which the line counts as lost. gap: how long a posted
    update waits for the ones before it. grace: what is in hand may take so long when the bot stops."""

    asking: int = 25
    pause: float = 1.0
    longest: float = 30.0
    lost: float = 60.0
    gap: float = 1.0
    grace: int = 5

    def after(self, pause: float) -> float:
        """The pause after this one."""
        return min(max(2 * pause, self.pause), self.longest)


class Line:
    """What is asked of Telegram for as long as it takes; `receive` hears when nobody answers for long. broken: the last
    call was not answered."""

    def __init__(self, client: Client, bot_id: str, receive: Receive, pace: Pace) -> None:
        self._client = client
        self._bot_id = bot_id
        self._receive = receive
        self._pace = pace
        self.broken = False
        self._told = False  # that the line is lost
        self._heard = (time.monotonic(), datetime.now(UTC))

    async def ask(self, call: Callable[[], Awaitable[Answer]]) -> Answer:
        """The answer. StartError where asking again would not help."""
        pause = 0.0
        while True:
            pause = self._pace.after(pause)
            wait = pause
            try:
                answer = await call()
            except InvalidToken:
                raise unknown_token() from None
            except RetryAfter as error:
                wait = wait_of(error)
                log.warning("telegram bot=%s: too many calls, waiting %s s", self._bot_id, wait)
                await self._answered()
            except Conflict:
                wait = self._pace.longest
                log.error("telegram bot=%s: another program asks for the same bot; stop it", self._bot_id)
                await self._answered()
            except (TelegramError, KeyError, TypeError) as error:  # the latter two: an answer that is not Telegram's
                log.warning("telegram bot=%s: no answer: %s", self._bot_id, self._client.plain(error))
                await self._silent()
            else:
                await self._answered()
                return answer
            await asyncio.sleep(wait)

    async def _silent(self) -> None:
        self.broken = True
        heard, at = self._heard
        if not self._told and time.monotonic() - heard >= self._pace.lost:
            self._told = await self._tell(Happening.LOST, at)

    async def _answered(self) -> None:
        self.broken = False
        if self._told and not await self._tell(Happening.BACK, datetime.now(UTC), self._heard[1].isoformat()):
            return
        self._told = False
        self._heard = (time.monotonic(), datetime.now(UTC))

    async def _tell(self, what: Happening, at: datetime, detail: str = "") -> bool:
        """Whether it was taken; else it is told again."""
        event = Event(self._bot_id, f"{what.value}-{self._heard[1].timestamp():.0f}", what, at, None, detail)
        try:
            await self._receive(event)
        except Exception as error:  # whatever the database raises
            log.error("telegram bot=%s: %s not taken: %s", self._bot_id, what.value, type(error).__name__)
            return False
        return True


def unknown_token() -> StartError:
    return StartError(
        "Telegram does not know the token in LINLI_TELEGRAM_TOKEN",
        "copy it again from BotFather (/mybots, API Token)",
    )
