"""The contract between linli and a chat platform, and what can go wrong on the way out."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from domain.messages import Incoming, Outgoing

# Returns only after the update's effects are committed: then, and not before, it may be confirmed to the platform.
Receive = Callable[[Incoming], Awaitable[None]]


class RetryLater(Exception):
    """The platform or the line is busy: the same message may be sent again after `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"retry in {seconds} s")
        self.seconds = seconds


class Unreachable(Exception):
    """This chat cannot be reached (blocked, never opened, bot removed); others can."""


class Rejected(Exception):
    """The platform will never take this message as it is."""


@dataclass(frozen=True, slots=True)
class Limits:
    text_length: int = 4096
    buttons: bool = False


class Transport(Protocol):
    bot_id: str
    limits: Limits

    async def run(self, receive: Receive) -> None:
        """Receive updates until cancelled or the platform ends; calls `receive` in each chat's order."""

    async def send(self, message: Outgoing) -> str:
        """Send one message; returns the platform's message id. Raises RetryLater, Unreachable or Rejected."""
