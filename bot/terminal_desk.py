"""Who speaks where in the terminal: typed lines become updates, and what may be typed next. No input, no output."""

import secrets
import time
import unicodedata
from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from domain.messages import Address, Choice, Incoming, Outgoing, Sender
from domain.people import Chat, Place
from texts import pattern, say, words

LONGEST = 100_000  # characters of a line; the bot itself reads less
_KEPT = 500  # messages that can be quoted
_NOWHERE = Place(0)  # of a group that is bound to nothing


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
        if here.chats:
            unbound = _unbound(bot_id, self.chats)
            self.chats[unbound.chat_id] = unbound
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
        line = clean(typed)[:LONGEST].strip()
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


def _unbound(bot_id: str, known: Container[str]) -> Chat:
    """A group that no place is known of, to try binding one; once bound it is known, and the next is another."""
    titles = (say("terminal.unbound", number=number) for number in ("", *range(2, 100)))
    title = next(each for each in titles if each not in known)
    return Chat(bot_id, title, title, _NOWHERE, None)


def commands() -> list[tuple[str, str]]:
    """The bot's own commands and what they are for."""
    return [(word, about) for word, _, about in (line.partition(" ") for line in say("terminal.commands").split("\n"))]


def clean(text: str) -> str:
    """Without what would steer a terminal or a database: control characters, half characters, direction marks."""
    turns = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    kept = (" " if mark == "\t" else mark for mark in text if mark not in turns)
    return "".join(mark for mark in kept if unicodedata.category(mark) not in ("Cc", "Cs"))


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
    if chat.place == _NOWHERE:
        return f"/{chat.title}", say("terminal.about_unbound")
    return f"/{chat.title}", say("terminal.about_work" if chat.body_id else "terminal.about_chat")
