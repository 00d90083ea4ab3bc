"""What a message is for: cancel word > button or number > open dialog > command > complaint > silence.

`hear` runs before any transaction and is cheap: plain chat ends there. `turn` runs inside the transaction.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from dialogs import registry, tickets
from dialogs.answers import plain
from dialogs.engine import Engine, Silence, Talk, find_open
from dialogs.hearing import Known, Line, Room
from dialogs.registry import Command, Where
from domain.guess import Guess
from domain.messages import Incoming
from domain.people import Chat, Person
from domain.rules import Rules
from services import people
from services import tickets as ticket_services
from services.tickets import Reported
from services.turn import Turn
from texts import pattern, say, words

Classify = Callable[[str, str | None], Guess]
_ROOMS = 20_000  # chats kept in memory before the idle ones are dropped
_LONGEST = 4_000


@dataclass(slots=True)
class Heard:
    """Why a message may matter. texts: the sender's lines it stands for; follows: tickets it may belong to."""

    text: str
    commands: list[tuple[Command, dict[str, str]]] = field(default_factory=list)
    guess: Guess | None = None
    lines: list[Line] = field(default_factory=list)
    follows: Known | None = None
    danger: str = ""
    reported: Reported | None = None

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(line.text for line in self.lines)


class Routing:
    """One per process; keeps the last lines of each chat."""

    def __init__(self, classify: Classify, rules: Rules) -> None:
        self._classify = classify
        self._rules = rules
        self._engine = Engine(registry.FLOWS)
        self._rooms: dict[tuple[str, str], Room] = {}

    def hear(self, incoming: Incoming) -> Heard | None:
        """None: plain chat that asks for nothing. Called once per update, in the chat's order."""
        text = plain(incoming.text)[:_LONGEST]
        if incoming.address.private or incoming.press:
            commands = registry.find_commands(text)
            line = Line(incoming.update_id, incoming.sender.user, text, incoming.sent_at)
            return Heard(text, commands, None if commands else self._classify(text, None), [line])
        if not text:
            return None
        room = self._room(incoming)
        line = Line(incoming.update_id, incoming.sender.user, text, incoming.sent_at)
        room.add(line, self._rules.join_window)
        if commands := registry.find_commands(text):
            return Heard(text, commands, lines=[line])
        return self._listen(room, incoming, line)

    def _listen(self, room: Room, incoming: Incoming, line: Line) -> Heard | None:
        """A line of group chat: a complaint by itself, with the sender's last lines, or about a ticket just opened."""
        now, user = incoming.sent_at, incoming.sender.user
        guess = self._classify(line.text, None)
        lines = [line]
        fragments = room.fragments(user)
        if len(fragments) > 1 and not guess.urgent:
            joined = self._classify("，".join(each.text for each in fragments), None)
            if joined.urgent or (joined.ticket and not guess.ticket):
                guess, lines = joined, fragments
        self._note_discussion(room, line.text, guess, now)
        heard = Heard(line.text, guess=guess if guess.ticket else None, lines=lines)
        for known in room.recent(now):
            mine = user in known.users and now - known.at <= self._rules.join_window and guess.kind == "chat"
            if not guess.ticket and (mine or pattern("words.me_too").match(line.text)):
                heard.follows = known
            if not guess.urgent and not known.urgent:
                said = "，".join([known.matter, *(each.text for each in fragments)])
                in_context = self._classify(said, None)
                if in_context.urgent and in_context.category == known.category:
                    heard.follows, heard.danger, heard.lines = known, in_context.danger, fragments
            if heard.follows:
                break
        if guess.ticket and not guess.urgent and room.under_discussion(guess.category, now):
            heard.guess = None
        addressed = incoming.at_me or incoming.reply_to_me
        urgent_here = any(known.urgent for known in room.recent(now))
        on_it = urgent_here and pattern("words.on_it").match(line.text)
        return heard if heard.guess or heard.follows or addressed or on_it else None

    def _note_discussion(self, room: Room, text: str, guess: Guess, now: datetime) -> None:
        """A chat that weighs plans and opinions is not complaining: its subjects open no ticket for a while."""
        if sum(word in text for word in words("words.discussion")) >= 2 or (
            room.under_discussion(guess.category, now) and any(word in text for word in words("words.discussion"))
        ):
            room.discuss(guess.category, now)

    def turn(self, turn: Turn, incoming: Incoming, heard: Heard) -> None:
        """Do what the message asks for. Raises Silence where it turns out to ask for nothing."""
        person = people.recognise(turn, incoming.sender)
        chat = people.find_chat(turn, incoming.address)
        talk = Talk(turn, person, chat, incoming, lambda text: self._classify(text, person.role))
        addressed = incoming.address.private or incoming.at_me or incoming.reply_to_me
        if incoming.address.private or incoming.press:
            conversation = find_open(turn, person)
            command = self._command(heard, person, chat, addressed)
            if conversation and not (command and conversation.labels) and self._engine.answer(talk, conversation):
                return
            if conversation and not command and not (heard.guess and heard.guess.ticket):
                self._engine.missed(talk, conversation)
                return
        if not incoming.address.private and chat is None:
            self._unbound(talk, addressed)
            return
        if command := self._command(heard, person, chat, addressed):
            talk.args = command[1]
            self._engine.start(talk, command[0].flow)
            return
        if not self._complaint(talk, heard, person, chat):
            self._rest(talk, heard, addressed)

    def _command(
        self, heard: Heard, person: Person, chat: Chat | None, addressed: bool
    ) -> tuple[Command, dict[str, str]] | None:
        at_work = (chat is not None and chat.body_id is not None) or (addressed and bool(person.posts))
        counts = {Where.ANYWHERE: True, Where.ADDRESSED: addressed, Where.WORK: at_work}
        return next(((command, dict(args)) for command, args in heard.commands if counts[command.where]), None)

    def _complaint(self, talk: Talk, heard: Heard, person: Person, chat: Chat | None) -> bool:
        """Open or join a ticket; False where the words are no complaint after all."""
        if heard.follows and (heard.danger or not heard.guess):
            self._follow(talk, heard, heard.follows)
            return True
        guess = heard.guess
        if guess is None:
            return False
        if person.role:
            guess = self._classify("，".join(heard.texts), person.role)
        if not guess.ticket:
            return False
        named = bool(pattern("words.neighbour").search(heard.text)) and not guess.urgent
        heard.reported = self._engine.run(talk, lambda: tickets.complain(talk, guess, heard.texts, named))
        return True

    def _follow(self, talk: Talk, heard: Heard, known: Known) -> None:
        """Further words of a reporter, a neighbour's 我也是, or words that make a known matter dangerous."""
        if talk.person.role:
            raise Silence
        reported = ticket_services.join(talk.turn, talk.person, known.ticket_id, texts=heard.texts, danger=heard.danger)
        heard.reported = reported
        self._engine.run(talk, lambda: tickets.acknowledge(talk, reported))

    def _rest(self, talk: Talk, heard: Heard, addressed: bool) -> None:
        """Neither command nor complaint: an officer's word on an alarm, a menu in private, else silence."""
        if talk.chat and talk.person.role and pattern("words.on_it").match(heard.text):
            urgent = ticket_services.urgent_here(talk.turn, talk.chat)
            if urgent and ticket_services.may_handle(talk.turn, talk.person, urgent):
                ticket_services.accept(talk.turn, talk.person, urgent, chat=talk.chat)
                return
        if not talk.incoming.address.private:
            raise Silence
        self._engine.start(talk, "help.menu")

    def _unbound(self, talk: Talk, addressed: bool) -> None:
        if not addressed:
            raise Silence
        talk.announce(say("common.unbound"))
        self._engine.run(talk, lambda: None)

    def settled(self, incoming: Incoming, heard: Heard) -> None:
        """Called after the commit: later lines of this chat may belong to the ticket just spoken of."""
        if heard.reported is None or incoming.address.private:
            return
        ticket = heard.reported.ticket
        known = Known(ticket.id, ticket.category, ticket.matter, ticket.urgent, incoming.sent_at)
        known.users.add(incoming.sender.user)
        self._room(incoming).remember(known, heard.lines)

    def _room(self, incoming: Incoming) -> Room:
        key = (incoming.bot_id, incoming.address.chat)
        room = self._rooms.get(key)
        if room is None:
            if len(self._rooms) >= _ROOMS:
                self._rooms = {key: room for key, room in self._rooms.items() if not room.idle(incoming.sent_at)}
            room = self._rooms[key] = Room()
        return room
