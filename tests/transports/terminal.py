"""The terminal on a pipe: typed lines in, printed lines out."""

import asyncio
import io
import os
import re
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TextIO

from bot.service import neighbourhood
from bot.terminal_transport import Block, PlainScreen, TerminalTransport
from storage import outbox
from storage.database import Database
from tests.transports.rigs import BOT, NAME, PATIENCE, PEOPLE, STRANGER, Has, Rig, Said

_HEAD = re.compile(rf"^{NAME} → (?P<to>[^（]+)(?P<private>（私聊）)?(?:（回(?P<quoted>[^：]+)：.*）)?$")


class Paper(PlainScreen):
    """What is printed is kept here: while a test runs, pytest puts its own stdout in the way."""

    def __init__(self) -> None:
        super().__init__()
        self._sheet = io.StringIO()

    def show(self, block: Block) -> None:
        with redirect_stdout(self._sheet):
            super().show(block)

    def lines(self) -> list[str]:
        return self._sheet.getvalue().splitlines()


class TerminalRig(Rig):
    has = Has(media=False, closed=False, repeats=False)

    def __init__(self, database: Database, files: Path) -> None:
        super().__init__(database, files)
        self._usual = sys.stdin
        self._paper = Paper()

    def id_of(self, name: str) -> str:
        return name

    async def start(self) -> None:
        read, write = os.pipe()
        self._keys: TextIO = os.fdopen(write, "w", encoding="utf-8", buffering=1)
        self._pipe = os.fdopen(read, encoding="utf-8")
        sys.stdin = self._pipe
        cast = [name for name in PEOPLE if name != STRANGER]
        here = await self.database.read(neighbourhood, BOT, cast)
        self.transport: TerminalTransport = TerminalTransport(BOT, here, due=self._due)
        self.transport._screen = self._paper
        self.begin()

    async def _due(self) -> bool:
        at = await self.database.peek(outbox.next_due, bot_id=BOT)
        return at is not None and at <= self.clock()

    async def stop(self) -> None:
        """The pipe ends, and with it the program."""
        self._keys.close()
        try:
            if self._running:
                await asyncio.wait_for(self._running, PATIENCE)
        finally:
            sys.stdin = self._usual
            self._pipe.close()

    async def say(self, who: str, text: str, chat: str = "", *, at_me: bool = False, answer: bool = False) -> None:
        words = f"{'> ' if answer else ''}{f'@{NAME} ' if at_me else ''}{text}"
        print(f"/{chat or '私聊'}\n{who}: {words}", file=self._keys)

    async def say_twice(self, who: str, text: str, chat: str = "") -> None:
        await self.say(who, text, chat)
        await self.say(who, text, chat)

    async def photo(self, who: str, data: bytes, words: str, chat: str = "") -> None:
        """There is no way to show one: only the words can be typed."""
        await self.say(who, words, chat)

    async def said(self) -> list[Said]:
        told: list[Said] = []
        for line in self._paper.lines():
            if head := _HEAD.match(line):
                told.append(Said(head["to"], head["private"] is not None, "", quoted=head["quoted"] or ""))
            elif line.startswith("  "):
                told[-1] = _and(told[-1], line[2:])
        return told

    async def go(self) -> None:
        await self.stop()

    async def come_back(self) -> None:
        await self.start()

    async def tried(self) -> None:
        """The program has ended: nobody tries."""


def _and(said: Said, line: str) -> Said:
    text = f"{said.text}\n{line}" if said.text else line
    called = tuple(re.findall(r"@(\S+) ", text))
    return Said(said.to, said.private, text, quoted=said.quoted, called=called)
