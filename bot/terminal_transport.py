"""Group chat in the terminal: several people at one keyboard; on a pipe plain lines in and plain lines out."""

import asyncio
import io
import logging
import os
import secrets
import sys
import threading
import time
import unicodedata
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bot.transport import Limits, Receive, RetryLater
from domain.messages import Address, Choice, Incoming, Outgoing, Sender
from domain.people import Chat
from texts import pattern, say, words

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession

log = logging.getLogger(__name__)

Line = list[tuple[str, str]]  # (style, text), …
_LONGEST = 100_000  # characters of a line; the bot itself reads less
_KEPT = 500  # messages that can be quoted
_PATIENCE = 3.0  # seconds to wait for answers that are due


@dataclass(frozen=True, slots=True)
class Neighbour:
    name: str
    about: str = ""  # where they live or serve
    building: str = ""
    serves: bool = False


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """Whom and which chats the terminal knows when it opens."""

    chats: tuple[Chat, ...] = ()
    people: tuple[Neighbour, ...] = ()


@dataclass(frozen=True, slots=True)
class Note:
    """A word of the terminal itself, from nobody in the chat."""

    text: str


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a person said, as an update and as it was typed."""

    incoming: Incoming
    words: str
    reply: bool
    stranger: bool


class Leave:
    """The person at the keyboard wants to go."""


@dataclass(slots=True)
class _Newest:
    """The bot's newest message in a chat; `open`: nobody has spoken since."""

    message_id: str
    choices: tuple[Choice, ...]
    open: bool = True


class Desk:
    """Who speaks where: turns typed lines into updates and keeps what can be answered. No input, no output."""

    def __init__(self, bot_id: str, here: Neighbourhood) -> None:
        self._bot_id = bot_id
        self.chats = {chat.chat_id: chat for chat in here.chats}
        self.people = {person.name: person for person in here.people}
        residents = [person for person in here.people if not person.serves]
        speaker = next(iter(residents or here.people), None)
        self.speaker = speaker.name if speaker else say("terminal.nobody")
        self.chat = self._home(speaker)
        self.private = not self.chat
        self._newest: dict[Address, _Newest] = {}
        self._said: dict[str, tuple[str, str]] = {}  # message id → name and words, for quotes
        self._start = f"{time.time_ns() // 1000:x}-{secrets.token_hex(2)}"
        self._count = 0

    def _home(self, person: Neighbour | None) -> str:
        """The residents' chat of the person's building, else the first there is."""
        groups = sorted(self.chats.values(), key=lambda chat: chat.body_id is not None)
        home = [chat for chat in groups if person and person.building and chat.place.building == person.building]
        return (home or groups)[0].chat_id if groups else ""

    @property
    def address(self) -> Address:
        return Address(self.speaker, private=True) if self.private else Address(self.chat)

    def title(self, chat_id: str) -> str:
        return self.chats[chat_id].title if chat_id in self.chats else chat_id

    def read(self, typed: str) -> Spoken | Note | Leave | None:
        """What a typed line means; None where it is empty."""
        line = clean(typed)[:_LONGEST].strip()
        if line.startswith("/"):
            return self._command(line)
        return self._speech(line) if line else None

    def _command(self, line: str) -> Spoken | Note | Leave | None:
        """`/…`: another chat, another speaker, private or not, help, a command of the bot."""
        if line in words("terminal.leave"):
            return Leave()
        if line in words("terminal.help_words"):
            return Note(self._help())
        if line in words("terminal.private"):
            self.private = True
        elif line in words("terminal.group") and self.chat:
            self.private = False
        elif not self._turn_to(line[1:].strip()):
            word = line[1:].strip()
            if word.split(" ")[0] in dict(commands()):
                return self._speech(word)
            near = [name for name in self.names() if word and (word[:2] in name)][:6]
            return Note(say("terminal.unknown", word=word[:20], near=say("terminal.separator").join(near)))
        return Note("")

    def _turn_to(self, word: str) -> bool:
        """Another chat or speaker, by its whole name or the only one that begins so."""
        titles = {chat.title: chat.chat_id for chat in self.chats.values()}
        names = [word] if word in titles or word in self.people else [n for n in self.names() if n.startswith(word)]
        if len(names) != 1 or not word:
            return False
        if names[0] in titles:
            self.chat, self.private = titles[names[0]], False
        else:
            self.speaker = names[0]
        return True

    def chats_by_distance(self) -> tuple[list[Chat], list[Chat]]:
        """The chats of this building and of the whole compound; those of other buildings."""
        speaker, chat = self.people.get(self.speaker), self.chats.get(self.chat)
        home = (chat.place.building if chat else "") or (speaker.building if speaker else "")
        order = sorted(self.chats.values(), key=lambda chat: (chat.place.building.zfill(4), chat.title))
        near = [chat for chat in order if chat.place.building in ("", home)]
        near.sort(key=lambda chat: chat.place.building != home)
        return near, [chat for chat in order if chat not in near]

    def names(self) -> list[str]:
        return [*(chat.title for chat in self.chats.values()), *self.people]

    def _speech(self, line: str) -> Spoken | None:
        reply = False
        if mark := pattern("terminal.reply_pattern").match(line):
            reply, line = True, line[mark.end() :]
        stranger = False
        named = pattern("terminal.speaker_pattern").match(line)
        if named and self._is_name(named["name"], line):
            self.speaker, line = named["name"], named["words"]
            stranger = self.speaker not in self.people
            self.people.setdefault(self.speaker, Neighbour(self.speaker, say("terminal.about_stranger")))
        if mark := pattern("terminal.reply_pattern").match(line):
            reply, line = True, line[mark.end() :]
        text = pattern("terminal.mention_pattern").sub("", line).strip()
        at_me = text != line.strip()
        if not text and not at_me:
            return None
        return Spoken(self._update(text, at_me=at_me, reply=reply), line.strip(), reply, stranger)

    def _is_name(self, name: str, line: str) -> bool:
        if name in self.people:
            return True
        clock = pattern("terminal.clock_pattern").match(line, len(name) - 1)  # the hour of a day
        return name not in words("terminal.no_names") and not clock

    def _update(self, text: str, *, at_me: bool, reply: bool) -> Incoming:
        self._count += 1
        update = f"{self._start}-{self._count:06d}"
        newest = self._newest.get(self.address)
        reply = reply and newest is not None
        if newest:
            pressed = [choice.value for choice in newest.choices if text == str(choice.number)]
            if pressed and (reply or newest.open or self.private):
                text = pressed[0]
            newest.open = False
        self._keep(update, self.speaker, text)
        return Incoming(
            bot_id=self._bot_id,
            update_id=update,
            address=self.address,
            sender=Sender(self.speaker, self.speaker),
            text=text,
            sent_at=datetime.now(UTC),
            at_me=at_me,
            message_id=update,
            reply_to=newest.message_id if newest and reply else "",
            reply_to_me=reply,
        )

    def sent(self, message: Outgoing) -> str:
        """The bot has spoken: keep what can be answered. Returns the message's id."""
        self._count += 1
        number = f"{self._start}-{self._count:06d}"
        direct = () if message.question else message.choices  # a dialog reads its own numbers
        self._newest[message.to] = _Newest(number, direct)
        self._keep(number, say("common.bot_name"), message.text)
        return number

    def _keep(self, number: str, name: str, text: str) -> None:
        self._said[number] = (name, text)
        if len(self._said) > _KEPT:
            del self._said[next(iter(self._said))]

    def quote(self, number: str) -> str:
        name, text = self._said.get(number, ("", ""))
        if not name:
            return ""
        first = text.split("\n", 1)[0]
        shown = first if len(first) <= 16 else say("common.quote_cut", words=first[:16])
        return say("terminal.quote", name=name, words=shown)

    def _help(self) -> str:
        comma, (near, far) = say("terminal.separator"), self.chats_by_distance()
        people = [say("terminal.help_person", name=each.name, about=each.about) for each in self.people.values()]
        return say(
            "terminal.help",
            chats=comma.join(chat.title for chat in near),
            more=len(far) or "",
            people=comma.join(people),
            commands=comma.join(word for word, _ in commands()),
        )


def commands() -> list[tuple[str, str]]:
    """The bot's own commands and what they are for."""
    return [(word, about) for word, _, about in (line.partition(" ") for line in say("terminal.commands").split("\n"))]


def clean(text: str) -> str:
    """Without what would steer a terminal or a database: control characters, half characters, direction marks."""
    turns = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    kept = (" " if mark == "\t" else mark for mark in text if mark not in turns)
    return "".join(mark for mark in kept if unicodedata.category(mark) not in ("Cc", "Cs"))


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
    lines += [[("text", clean(text))] for text in message.text.split("\n")]
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


class TerminalTransport:
    """The Transport of the terminal. `due`: whether something is to be said at this moment."""

    limits = Limits()

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


def suggestions(desk: Desk, text: str) -> Iterator[tuple[str, str, str]]:
    """What the typed text may become: (end that it replaces, what is put there, what that is for)."""
    if text.startswith("/"):
        word = text[1:]
        menu = [line.partition(" ") for line in say("terminal.menu").split("\n")]
        found = [(name, about) for name, _, about in menu]
        near, far = desk.chats_by_distance()
        found += [_chat_suggestion(chat) for chat in near]
        found += [(f"/{person.name}", person.about) for person in desk.people.values()]
        found += [*commands(), *(_chat_suggestion(chat) for chat in far)]
        yield from ((text, name, about) for name, about in found if word in name)
        return
    named = pattern("terminal.speaker_pattern").match(text)
    if not named and text:
        yield from ((text, f"{each.name}: ", each.about) for each in desk.people.values() if each.name.startswith(text))
    rest = named["words"] if named else text
    yield from ((rest, name, about) for name, about in commands() if rest and name.startswith(rest))


def _chat_suggestion(chat: Chat) -> tuple[str, str]:
    return f"/{chat.title}", say("terminal.about_work" if chat.body_id else "terminal.about_chat")


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
                *whole, rest = (rest[: 4 * _LONGEST] + data).split(b"\n")
                for line in whole:
                    put(line.decode("utf-8", "replace"))
            put(rest.decode("utf-8", "replace"))
            put(None)

    threading.Thread(target=read, name="linli-keyboard", daemon=True).start()
    while (line := await lines.get()) is not None:
        yield line
