"""Group chat in the terminal: several people at one keyboard; on a pipe plain lines in and plain lines out."""

import asyncio
import io
import logging
import os
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bot.terminal_desk import LONGEST, Desk, Leave, Neighbourhood, Note, Spoken, clean, suggestions
from bot.transport import Limits, Receive, RetryLater, Transport
from domain.messages import Outgoing
from texts import say

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession

log = logging.getLogger(__name__)

Line = list[tuple[str, str]]  # (style, text), …
_PATIENCE = 3.0  # seconds to wait for answers that are due


@dataclass(frozen=True, slots=True)
class Block:
    """What stands together on the screen. tone: group, private, urgent, elsewhere, person, divider, note, hint."""

    tone: str
    lines: tuple[Line, ...]


def bot_block(message: Outgoing, desk: Desk) -> Block:
    """A message of the bot: who to and which words it answers, text, numbered answers."""
    bot = say("common.bot_name")
    tone = "urgent" if message.urgent else "private" if message.to.private else "group"
    if message.to.private:
        header = say("terminal.header_private", bot=bot, name=message.to.chat)
    else:
        header = say("terminal.header", bot=bot, chat=desk.title(message.to.chat))
        if not message.urgent and message.to != desk.address:
            tone = "elsewhere"
    lines: list[Line] = [[("name", header), ("quote", desk.quote(message.reply_to))]]
    named = "".join(f"@{person.name} " for person in message.mentions)
    shown = say("terminal.file", kind=say(f"terminal.kind_{message.file.kind}")) if message.file else ""
    lines += [[("text", clean(text))] for text in f"{shown}{named}{message.text}".split("\n")]
    for choice in message.choices:
        lines.append([("choice", say("terminal.choice", number=choice.number, label=clean(choice.label)))])
    return Block(tone, tuple(lines))


def person_block(spoken: Spoken) -> Block:
    """What a person said, in the place of the line that was typed."""
    address, name = spoken.incoming.address, spoken.incoming.sender.name
    key = "spoken_private" if address.private else "spoken_reply" if spoken.reply else "spoken"
    lead, _, rest = say(f"terminal.{key}", name=name, words="\0").partition("\0")
    return Block("person", ([("name", lead), ("text", spoken.words + rest)],))


def note_block(text: str, tone: str = "note") -> Block:
    return Block(tone, tuple([("text", line)] for line in text.split("\n")))


class Screen(Protocol):
    """Where blocks are shown."""

    def show(self, block: Block) -> None: ...


class PlainScreen:
    """Lines without colours, for pipes and files."""

    def __init__(self) -> None:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")

    def show(self, block: Block) -> None:
        indent = "  " if block.tone in _BARRED else ""
        lines = ("".join(text for _, text in line) for line in block.lines)
        print(f"\n{indent}".join(lines), flush=True)


class ColourScreen:
    """Blocks in colour, those of the bot with a bar, above the line that is being typed."""

    def __init__(self) -> None:
        from prompt_toolkit.output import ColorDepth
        from prompt_toolkit.styles import Style

        self.depth = ColorDepth.DEPTH_1_BIT if os.environ.get("NO_COLOR") else None
        self.style = Style.from_dict(_STYLE)

    def show(self, block: Block) -> None:
        from prompt_toolkit import print_formatted_text
        from prompt_toolkit.formatted_text import FormattedText

        parts: Line = [("", "\n")] if block.tone in _SPACED else []
        for number, line in enumerate(block.lines):
            if number and block.tone in _BARRED:
                parts.append((f"class:{block.tone}.bar", "▎ "))
            parts += [(f"class:{block.tone}.{style} class:{style}", text) for style, text in line]
            parts.append(("", "\n"))
        print_formatted_text(FormattedText(parts), style=self.style, color_depth=self.depth, end="")


_BARRED = ("group", "private", "urgent", "elsewhere")
_SPACED = ("person", "divider", "note")
_STYLE = {
    "group.bar": "ansigreen",
    "group.name": "ansigreen bold",
    "group.choice": "ansigreen",
    "private.bar": "ansimagenta",
    "private.name": "ansimagenta bold",
    "private.choice": "ansimagenta",
    "urgent.bar": "ansired",
    "urgent.name": "ansired bold",
    "urgent.text": "bold",
    "urgent.choice": "ansired",
    "elsewhere": "ansibrightblack",
    "quote": "ansibrightblack nobold",
    "person.name": "ansicyan",
    "hint": "ansiyellow",
    "divider": "ansibrightblack",
    "prompt": "ansicyan",
    "placeholder": "ansibrightblack",
}


class TerminalTransport(Transport):
    """The Transport of the terminal. `due`: whether something is to be said at this moment."""

    limits = Limits(caption_length=4096)

    def __init__(
        self, bot_id: str, here: Neighbourhood, *, due: Callable[[], Awaitable[bool]], log_file: Path | None = None
    ) -> None:
        self.bot_id = bot_id
        self.desk = Desk(bot_id, here)
        self._due = due
        self._log_file = log_file
        self._interactive = all(stream and stream.isatty() for stream in (sys.stdin, sys.stdout))
        self._screen: Screen = ColourScreen() if self._interactive else PlainScreen()
        self._deaf = False  # nobody reads what we print

    async def run(self, receive: Receive) -> None:
        """Until the people at the keyboard leave or the pipe ends, and what is due by then is said."""
        if self._interactive:
            await self._prompt(receive)
        else:
            await self._pipe(receive)
        await self._settle(checks=4)

    async def send(self, message: Outgoing) -> str:
        """Show a message of the bot."""
        number = self.desk.sent(message)
        if not self._show(bot_block(message, self.desk)):
            raise RetryLater(60)
        return number

    def _show(self, block: Block) -> bool:
        """False where nobody reads any more (`linli demo | head -1`)."""
        try:
            if not self._deaf:
                self._screen.show(block)
        except BrokenPipeError:
            self._deaf = True
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains at its end
        return not self._deaf

    async def _pipe(self, receive: Receive) -> None:
        if not sys.stdin:  # closed, as under some supervisors
            return
        async for line in piped_lines():
            if self._deaf or not await self._take(line, receive):
                return
            if await self._due():
                await self._settle()

    async def _prompt(self, receive: Receive) -> None:
        from prompt_toolkit.patch_stdout import patch_stdout

        self._show(note_block(self._welcome(), "welcome"))
        session = open_prompt(self.desk)
        with patch_stdout(raw=True):
            while True:
                try:
                    typed = await session.prompt_async([("class:prompt", self._label())])
                except EOFError:
                    break
                except KeyboardInterrupt:
                    if session.default_buffer.text:
                        continue
                    break
                for line in typed.splitlines():  # more than one where a chat was pasted
                    if not await self._take(line, receive):
                        return self._bye()
        self._bye()

    async def _take(self, typed: str, receive: Receive) -> bool:
        """One typed line; False where it says goodbye."""
        before = self.desk.address
        meant = self.desk.read(typed)
        if isinstance(meant, Leave):
            return False
        if isinstance(meant, Note) and meant.text:
            self._show(note_block(meant.text))
        elif self._interactive and isinstance(meant, Note) and before != self.desk.address:
            self._show(note_block(self._divider(), "divider"))
        if isinstance(meant, Spoken):
            await self._hear(meant, receive)
        return True

    async def _hear(self, spoken: Spoken, receive: Receive) -> None:
        if self._interactive:
            self._show(person_block(spoken))
        if spoken.stranger:
            self._show(note_block(say("terminal.stranger", name=spoken.incoming.sender.name), "hint"))
        try:
            await receive(spoken.incoming)
        except Exception:
            log.exception("update=%s was not taken", spoken.incoming.update_id)
            self._show(note_block(say("terminal.trouble", log=self._log_file or ""), "hint"))

    def _divider(self) -> str:
        if self.desk.private:
            return say("terminal.divider_private", name=self.desk.speaker)
        return say("terminal.divider", chat=self.desk.title(self.desk.chat))

    def _label(self) -> str:
        chat, name = self.desk.title(self.desk.chat), self.desk.speaker
        return say("terminal.prompt_private" if self.desk.private else "terminal.prompt", chat=chat, name=name)

    def _welcome(self) -> str:
        desk = self.desk
        if not desk.chats:
            return say("terminal.nobody_here")
        place = min((chat.title for chat in desk.chats.values() if chat.place.building_id is None), default="")
        handler = next((each.name for each in desk.people.values() if each.serves), desk.speaker)
        return say("terminal.welcome", place=place or desk.title(desk.chat), resident=desk.speaker, handler=handler)

    def _bye(self) -> None:
        self._show(note_block(say("terminal.bye")))

    async def _settle(self, checks: int = 2) -> None:
        """Wait until nothing is due at several looks; not for ever: another process may be the one to say it."""
        until, quiet = time.monotonic() + _PATIENCE, 0
        while quiet < checks and time.monotonic() < until:
            await asyncio.sleep(0.01)
            quiet = 0 if await self._due() else quiet + 1


def open_prompt(desk: Desk) -> "PromptSession[str]":
    """The line that is typed on: completion after "/", the typed line gives way to what was said."""
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import CompleteEvent, Completer, Completion
    from prompt_toolkit.document import Document

    class Names(Completer):
        def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
            for end, name, about in suggestions(desk, document.text_before_cursor):
                yield Completion(name, start_position=-len(end), display_meta=about)

    screen = ColourScreen()
    return PromptSession(
        completer=Names(),
        complete_while_typing=True,
        erase_when_done=True,
        placeholder=[("class:placeholder", say("terminal.keys"))],
        style=screen.style,
        color_depth=screen.depth,
    )


async def piped_lines() -> AsyncIterator[str]:
    """Standard input line by line. A thread of its own reads it, which an end of the process need not wait for."""
    loop, lines = asyncio.get_running_loop(), asyncio.Queue[str | None](100)

    def put(line: str | None) -> None:
        asyncio.run_coroutine_threadsafe(lines.put(line), loop).result()

    def read() -> None:
        rest = b""
        with suppress(RuntimeError, CancelledError):  # the loop is gone
            while data := os.read(sys.stdin.fileno(), 65_536):
                *whole, rest = (rest[: 4 * LONGEST] + data).split(b"\n")
                for line in whole:
                    put(line.decode("utf-8", "replace"))
            put(rest.decode("utf-8", "replace"))
            put(None)

    threading.Thread(target=read, name="linli-keyboard", daemon=True).start()
    while (line := await lines.get()) is not None:
        yield line
