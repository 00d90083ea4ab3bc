"""The contract between linli and a chat platform, and what can go wrong on the way out."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from domain.messages import Event, Happening, Incoming, Outgoing

# Returns only after the update's effects are committed: then, and not before, it may be confirmed to the platform.
Receive = Callable[[Incoming | Event], Awaitable[None]]


class StartError(Exception):
    """The bot cannot run as it is set up: what is wrong, and how to mend it."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(f"{what}; {mend}")
        self.what, self.mend = what, mend


class RetryLater(Exception):
    """The platform or the line is busy: the same message may be sent again after `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"retry in {seconds} s")
        self.seconds = seconds


class Flooded(RetryLater):
    """The platform says that too much was sent (429): nothing to this chat before `seconds` have passed."""


class Unreachable(Exception):
    """This chat cannot be reached; others can. what: REMOVED (or blocked), MUTED or UNOPENED; None: not known."""

    def __init__(self, why: str, what: Happening | None = None) -> None:
        super().__init__(why)
        self.what = what


class Moved(Exception):
    """The group has another id now."""

    def __init__(self, chat: str) -> None:
        super().__init__(f"moved to {chat}")
        self.chat = chat


class Rejected(Exception):
    """The platform will never take this message as it is, or never give this file."""


class Gone(Rejected):
    """The message that was to be edited, or the file that was to be fetched, is no more."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a platform can do. text_length, caption_length (of a text that goes with a file): in UTF-16 units, as
    Telegram counts. Rates: 0 is no limit."""

    text_length: int = 4096
    caption_length: int = 0
    largest_file: int = 50_000_000  # bytes of a file that can be sent
    buttons: bool = False
    edits: bool = False
    per_second: int = 0  # messages of the bot, in any second
    per_minute: int = 0  # messages to one group, in any minute
    chat_pause: float = 0  # seconds between two messages to one chat


class Transport(ABC):
    """Subclass it: what a platform cannot do at all is left out."""

    bot_id: str
    limits: Limits
    one_receiver: bool = False  # the platform gives each update to one process; others would take them away

    @abstractmethod
    async def run(self, receive: Receive) -> None:
        """Receive updates until cancelled or the platform ends; calls `receive` in each chat's order. Raises StartError
        where waiting would not help."""

    @abstractmethod
    async def send(self, message: Outgoing) -> str:
        """Send one message, which fits the limits (with a file and no captions: the text is empty); returns the
        platform's message id.

        Raises RetryLater, Flooded, Unreachable, Moved or Rejected.
        """

    async def edit(self, message: Outgoing, message_id: str) -> None:
        """Put the message in the place of one sent before; only where limits.edits. Raises as `send`, or Gone."""
        raise Rejected("no edits here")

    async def fetch(self, ref: str, most: int) -> bytes:
        """The bytes of a file that came in. Raises RetryLater, Gone, or Rejected where there are more than `most`."""
        raise Rejected("no files here")

    async def invitation(self) -> tuple[str, str]:
        """How people find the bot: its name on the platform, and the link that opens its private chat; "" where there
        is none or it is not known. Raises as `send`."""
        return "", ""

    async def publish(self, work_chats: list[str]) -> None:  # noqa: B027 - not every platform has a menu
        """Show people the commands, where the platform has a menu for them; heads' in their work chats. Best effort."""

    async def examine(self) -> list[tuple[bool, str, str]]:
        """For `linli doctor`: (serious, what, how to mend it)."""
        return []

    async def close(self) -> None:  # noqa: B027
        """Nothing is sent or fetched any more; leaving `async with` does it."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()


def read_file(folder: Path, ref: str) -> bytes:
    """A file that goes out. Rejected where it is not in the folder or cannot be read."""
    path = folder / ref
    if not path.resolve().is_relative_to(folder.resolve()):
        raise Rejected("a file outside linli's own folder")
    try:
        return path.read_bytes()
    except OSError as error:
        raise Rejected(f"the file cannot be read: {error.strerror}") from None


def as_text(message: Outgoing) -> str:
    """Text and answers to type, for a platform without buttons."""
    return "\n".join([message.text, *(f"{choice.number} {choice.label}" for choice in message.choices)])
