"""`linli play`: a transcript through the whole bot, on a database of its own and at the transcript's own clock."""

import asyncio
import json
import re
import tempfile
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from bot.app import App
from bot.demo import Demo, build, facts
from bot.transport import Limits, Receive, Transport
from domain.messages import Address, Incoming, Outgoing, Sender
from domain.people import Place
from domain.rules import Rules
from domain.tickets import Ticket
from storage import people, places, ticket_reports, tickets
from storage.database import Database, Tx, open_database
from storage.migrate import upgrade
from texts import say, wording

_LINE = re.compile(
    r"^\s*(?P<clock>\d{1,2}:\d{2})\s+(?P<name>[^():：]+?)\s*(?:[(（](?P<label>[^)）]*)[)）])?\s*[:：] ?(?P<text>.*)$"
)
BOT = "play"
_BEFORE = datetime.fromtimestamp(0, UTC)


class TranscriptError(Exception):
    """A line that is not `HH:MM name(room): text`; the message names the line and shows the right form."""


@dataclass(frozen=True, slots=True)
class Line:
    at: datetime
    name: str
    label: str
    text: str

    @property
    def user(self) -> str:
        return f"{self.name}({self.label})" if self.label else self.name


def read_transcript(text: str, day: date, rules: Rules) -> list[Line]:
    """Lines in order; a clock that runs backwards means the next day. Blank lines and `#` comments are passed over."""
    lines: list[Line] = []
    for number, raw in enumerate(text.lstrip("\ufeff").splitlines(), start=1):
        if not raw.strip() or raw.startswith("# "):
            continue
        found = _LINE.match(raw)
        try:
            clock = time.fromisoformat(found["clock"].zfill(5)) if found else None
        except ValueError:
            clock = None
        if found is None or clock is None:
            shown = raw[:40]
            raise TranscriptError(
                f"line {number}: expected `HH:MM name(room): text`, like `17:41 Wang(3-2-501): hello`, found {shown!r}"
            )
        at = datetime.combine(day, clock, tzinfo=rules.zone)
        if lines and at < lines[-1].at:
            day += timedelta(days=1)
            at += timedelta(days=1)
        lines.append(Line(at, found["name"].strip(), found["label"] or "", found["text"].replace("\\n", "\n")))
    if not lines:
        raise TranscriptError("the transcript has no lines; expected `HH:MM name(room): text`")
    return lines


@dataclass(frozen=True, slots=True)
class Said:
    """What the bot sent: when, and after how many lines of the transcript."""

    at: datetime
    after: int
    message: Outgoing


class Recorder(Transport):
    """A transport that keeps what is sent."""

    bot_id = BOT
    limits = Limits()

    def __init__(self) -> None:
        self.now = _BEFORE
        self.heard = 0
        self.sent: list[Said] = []

    async def run(self, receive: Receive) -> None:
        """Nothing comes in by itself: the player calls `receive`."""

    async def send(self, message: Outgoing) -> str:
        self.sent.append(Said(self.now, self.heard, message))
        return f"bot-{len(self.sent)}"


class Player:
    """Drives an App with a clock of its own: due timers fire in their order, then the next message is heard."""

    def __init__(self, database: Database, transport: Recorder, rules: Rules) -> None:
        self.transport = transport
        self.now = _BEFORE
        self.app = App(database, transport, rules, clock=lambda: self.now)

    async def advance(self, to: datetime) -> None:
        """Let time pass: every timer and waiting message fires at its own moment."""
        while True:
            due = await self._next_due()
            if due is None or due > to:
                break
            await self._settle(max(due, self.now))
        await self._settle(to)

    async def hear(self, incoming: Incoming) -> None:
        """One message, at its own time, and all that follows from it at once."""
        await self.advance(incoming.sent_at)
        self.transport.heard += 1
        await self.app.inbox.receive(incoming)
        await self._settle(incoming.sent_at)

    async def _next_due(self) -> datetime | None:
        timer = await self.app.next_due()
        message = await self.app.sender.next_due()
        moments = [moment for moment in (timer, message) if moment is not None]
        return min(moments, default=None)

    async def _settle(self, at: datetime) -> None:
        self.now = self.transport.now = at
        while await self.app.tick() or await self.app.sender.send_due():
            pass


def spoken(line: Line, chat: str, number: int) -> Incoming:
    """A transcript's line as a platform would bring it."""
    mention = f"@{say('common.bot_name')}"
    return Incoming(
        bot_id=BOT,
        update_id=str(number),
        address=Address(chat),
        sender=Sender(line.user, line.name),
        text=line.text.replace(mention, "").strip(),
        sent_at=line.at,
        at_me=mention in line.text,
        message_id=str(number),
    )


async def play_lines(lines: list[Line], chat: str, rules: Rules) -> dict[str, Any]:
    """Run the lines in one group chat; returns what the bot said and what became of it, as one JSON-able object."""
    with tempfile.TemporaryDirectory(prefix="linli-play-") as folder:
        url = f"sqlite:///{Path(folder) / 'play.db'}"
        await asyncio.to_thread(upgrade, url)
        async with open_database(url) as database:
            await database.run(_people, lines, chat)
            player = Player(database, Recorder(), rules)
            for number, line in enumerate(lines, start=1):
                await player.hear(spoken(line, chat, number))
            return await database.read(_state, player.transport.sent, rules)


def _people(tx: Tx, lines: list[Line], chat: str) -> None:
    demo: Demo = build(tx, BOT)
    demo.chat(chat, Place(demo.compound_id))
    cast = {person["name"] for person in facts()["cast"]}
    for user, line in {line.user: line for line in lines}.items():
        if user not in cast:
            demo.label(user, line.name, line.label)


def _state(tx: Tx, sent: list[Said], rules: Rules) -> dict[str, Any]:
    titles = {chat.chat_id: chat.title for chat in places.all_chats(tx, BOT)}
    return {
        "messages": [
            {
                "at": said.at.astimezone(rules.zone).isoformat(),
                "after": said.after,
                "chat": _title(tx, titles, said.message.to),
                "to": _title(tx, titles, said.message.to) if said.message.to.private else "",
                "text": said.message.text,
                "choices": [f"{choice.number} {choice.label}" for choice in said.message.choices],
            }
            for said in sent
        ],
        "tickets": [_ticket(tx, ticket) for ticket in tickets.all_tickets(tx)],
    }


def _title(tx: Tx, titles: dict[str, str], address: Address) -> str:
    """The group's title, or the name of the person whose private chat it is."""
    if not address.private:
        return titles.get(address.chat, address.chat)
    person = people.find_person(tx, BOT, address.chat)
    return person.name if person else address.chat


def _ticket(tx: Tx, ticket: Ticket) -> dict[str, Any]:
    return {
        "number": ticket.number,
        "category": ticket.category,
        "urgent": ticket.urgent,
        "status": ticket.status.value,
        "group": people.get_body(tx, ticket.body_id).name,
        "place": wording.place(ticket.building, ticket.unit),
        "reporters": [reporter.name for reporter in ticket_reports.reporters(tx, ticket.id, BOT)],
        "texts": ticket_reports.texts(tx, ticket.id),
    }


def render(lines: list[Line], chat: str, state: dict[str, Any]) -> str:
    """The chat as it would look: people and bot in order, private words with an arrow."""
    name = say("common.bot_name")
    spoken = [(number, f"{line.at:%H:%M} {line.user}: {line.text}") for number, line in enumerate(lines, start=1)]
    for message in state["messages"]:
        private, elsewhere = message["to"], message["chat"] != chat
        where = f"→{private}" if private else f"@{message['chat']}" if elsewhere else ""
        text = "\n        ".join([*message["text"].split("\n"), *message["choices"]])
        spoken.append((message["after"], f"{message['at'][11:16]}   {name}{where}> {text}"))
    return "\n".join(text for _, text in sorted(spoken, key=lambda each: each[0]))


def dump(state: dict[str, Any]) -> str:
    return json.dumps(state, ensure_ascii=False, indent=2)
