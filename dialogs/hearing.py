"""What was said in a chat in the last minutes, and why a message may matter. Lives in memory alone and may be lost at a
restart; nothing of it is stored or logged."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from dialogs.chains import Lists, Lost
from dialogs.registry import Command
from domain.guess import Guess
from domain.messages import File, Incoming
from domain.people import Chat, Person
from services.tickets import Reported
from texts import pattern

_LINES = 50
_FOLLOW = timedelta(minutes=10)
_DISCUSSION = timedelta(minutes=45)
_AFTERMATH = timedelta(minutes=60)


@dataclass(slots=True)
class Line:
    update_id: str
    user: str
    text: str
    at: datetime
    files: tuple[File, ...] = ()
    taken: bool = False  # part of a ticket already
    awaited: bool = False  # words for its files are waited for


@dataclass(slots=True)
class Known:
    """A ticket that was opened or joined here a moment ago: later lines may belong to it."""

    ticket_id: int
    building_id: int | None
    category: str
    matter: str
    urgent: bool
    at: datetime
    users: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Room:
    """One chat's last lines and what they are about."""

    compound: int = 0  # whose lessons count here; 0: not known
    lines: deque[Line] = field(default_factory=lambda: deque(maxlen=_LINES))
    known: list[Known] = field(default_factory=list)
    discussed: datetime | None = None  # when plans and opinions were last weighed here
    alarms: dict[str, datetime] = field(default_factory=dict)  # category → when it was last raised as urgent
    lists: Lists = field(default_factory=Lists)

    def add(self, line: Line, window: timedelta) -> None:
        while self.lines and self.lines[0].at < line.at - window:
            self.lines.popleft()
        if all(each.update_id != line.update_id for each in self.lines):
            self.lines.append(line)

    def fragments(self, user: str) -> list[Line]:
        """The sender's own words of the last moments that are part of no ticket, the newest last."""
        return [line for line in self.lines if line.user == user and line.text and not line.taken]

    def loose(self, user: str) -> list[Line]:
        """The sender's own files of the last moments that are part of no ticket, the newest last."""
        return [line for line in self.lines if line.user == user and line.files and not line.taken]

    def recent(self, now: datetime) -> list[Known]:
        """Tickets spoken of here in the last minutes, the newest first."""
        self.known = [known for known in self.known if now - known.at < _FOLLOW]
        return self.known[::-1]

    def rescue(self, now: datetime, window: timedelta) -> bool:
        """Something urgent is under way here."""
        return any(now - at < window for at in self.alarms.values())

    def aftermath(self, category: str, now: datetime) -> bool:
        """That matter was urgent here a while ago: people go on talking about it."""
        return category in self.alarms and now - self.alarms[category] < _AFTERMATH

    def remember(self, known: Known, lines: list[Line]) -> None:
        for line in lines:
            line.taken = True
        earlier = next((each for each in self.known if each.ticket_id == known.ticket_id), None)
        if earlier:
            known.users |= earlier.users
            known.urgent |= earlier.urgent
            self.known.remove(earlier)
        self.known.append(known)
        if known.urgent:
            self.alarms.setdefault(known.category, known.at)
            if known.at - self.alarms[known.category] > _AFTERMATH:
                self.alarms[known.category] = known.at

    def discussing(self, now: datetime) -> bool:
        return self.discussed is not None and now - self.discussed < _DISCUSSION

    def idle(self, now: datetime) -> bool:
        """Nothing here matters any more, so the room may be forgotten."""
        return (
            (not self.lines or now - self.lines[-1].at > _FOLLOW)
            and not self.recent(now)
            and not self.discussing(now)
            and self.lists.idle(now)
            and all(now - at > _AFTERMATH for at in self.alarms.values())
        )


@dataclass(slots=True)
class Heard:
    """Why a message may matter. lines: the sender's lines it stands for; follows: the ticket they belong to.

    sent: the sender's lines with files that go with them; waits: words for those files are waited for, nothing else.
    kept: they are with a ticket now. lost: whom a list of the chat (接龙) has lost.
    mourning: a death notice, or words that follow one. stroke: a command written "/report".
    released: words that were kept for this person go out before the answer.
    bitter: only scorn for what was promised. outage: a question whether something is out.
    """

    text: str
    commands: list[tuple[Command, dict[str, str]]] = field(default_factory=list)
    guess: Guess | None = None
    lines: list[Line] = field(default_factory=list)
    follows: Known | None = None
    sent: list[Line] = field(default_factory=list)
    waits: bool = False
    kept: bool = False
    lost: Lost | None = None
    mourning: bool = False
    stroke: bool = False
    released: bool = False
    bitter: bool = False
    outage: bool = False
    reported: Reported | None = None

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(line.text for line in self.lines)

    @property
    def files(self) -> tuple[File, ...]:
        return tuple(file for line in self.sent for file in line.files)


def quoted_number(incoming: Incoming, flow: str) -> dict[str, str]:
    """In answer to the bot's post about a ticket its number need not be typed."""
    found = pattern("words.quoted_number").search(incoming.quoted) if incoming.reply_to_me else None
    return {"number": found["number"]} if found and flow.startswith("tickets.") else {}


def compound_of(person: Person, chat: Chat | None) -> int:
    """Whose lessons count for these words; 0: nobody's."""
    place = chat.place if chat else person.place
    return place.compound_id if place else 0
