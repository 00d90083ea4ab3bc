"""What a message is for: cancel word > button or number > open dialog > command > complaint > silence.

`hear` runs before any transaction and is cheap: plain chat ends there. `turn` runs inside the transaction.
"""

from dataclasses import replace
from datetime import datetime
from functools import partial

from dialogs import chains, intake, registry, tickets
from dialogs import known as outages
from dialogs.answers import plain, spelled
from dialogs.engine import Engine, Silence, Talk, find_open
from dialogs.hearing import Heard, Known, Line, Room, compound_of, quoted_number
from dialogs.registry import Command, Where
from dialogs.responsibility import accused
from domain.guess import Guess
from domain.messages import Incoming
from domain.people import Chat, Person
from domain.promises import is_quiet
from domain.rules import Rules
from domain.tickets import PRIVATE_DANGERS, THINGS, Status
from services import people, quiet, ticket_files, ticket_intake, ticket_search, ticket_work
from services import tickets as ticket_services
from services.lessons import School
from services.turn import Turn
from texts import pattern, say
from texts import words as word_list

_ROOMS = 20_000  # chats kept in memory before the idle ones are dropped
_PASSED = 20_000  # updates
_LONGEST = 4_000
_UNSURE = 0.3  # below this a person is asked before a ticket is opened
_VAGUE = 0.5  # below this the classifier does not know what a complaint is about
_STAFF = ("property", "community")  # their words are answers and news; they report by command


class Routing:
    """One per process; keeps the last lines of each chat."""

    def __init__(self, school: School, rules: Rules) -> None:
        self._school = school
        self._rules = rules
        self._rescue_window = rules.rescue_window
        self._engine = Engine(registry.FLOWS)
        self._rooms: dict[tuple[str, str], Room] = {}
        self._mourned: dict[tuple[str, str], datetime] = {}  # when a death notice was last heeded in a chat
        self._passed: dict[tuple[str, str], None] = {}  # updates that came to nothing; they leave no row

    def hear(self, incoming: Incoming) -> Heard | None:
        """None: plain chat that asks for nothing. Called once per update, in the chat's order."""
        press = incoming.press
        said = (press.value if press and not press.question else incoming.text).strip()[:_LONGEST]
        words, stroke = spelled(said), said.startswith("/")
        text, user = plain(words), incoming.sender.user
        sent = (*incoming.files, *incoming.quoted_files)  # `报修` in answer to one's own picture: it goes along
        files = tuple(file for file in sent if file.kind in ticket_files.KINDS)
        line = Line(incoming.update_id, user, words, incoming.sent_at, files)
        if incoming.address.private or incoming.press:
            commands = [] if incoming.forwarded else registry.find_commands(text)
            guess = None if commands else self._school.classify(words)
            if guess and incoming.forwarded:  # somebody else's words raise no alarm
                guess = replace(guess, urgent=False, danger="", outright=False)
            return Heard(text, commands, guess, [line], sent=[line], stroke=stroke)
        if incoming.forwarded or not (text or files) or (incoming.bot_id, incoming.update_id) in self._passed:
            return None
        room = self._room(incoming)
        room.add(line, self._rules.join_window)
        if not text:
            return self._look(room, incoming, line)
        if came := chains.read(words):
            lost = room.lists.take(came, user, line.at)
            return Heard(text, lost=lost) if lost else None
        commands = registry.find_commands(text)
        if not commands and self._mourns(text):
            heeded = self._mourned.get((incoming.bot_id, incoming.address.chat))
            late = heeded is None or incoming.sent_at - heeded >= self._rules.mourning_window
            return Heard(text, mourning=True) if late else None
        heard = Heard(text, commands, lines=[line], stroke=stroke) if commands else self._listen(room, incoming, line)
        if heard:
            heard.sent = room.loose(user)
        plainly = heard if heard and (heard.commands or heard.guess or heard.follows) else self._murmur(text)
        return plainly or heard or self._awaiting(room, line)

    @staticmethod
    def _murmur(text: str) -> Heard | None:
        """Scorn is answered to nobody but the handler; who asks whether the water is off, where that is known."""
        if pattern("intake.bitter").search(text):
            return Heard(text, bitter=True)
        return Heard(text, outage=True) if pattern("known.asked").search(text) else None

    def _mourns(self, text: str) -> bool:
        found = self._rules.mourning_hours and pattern("words.mourning").search(text)
        return bool(found) and not pattern("words.not_mourning").match(text)

    def _look(self, room: Room, incoming: Incoming, line: Line) -> Heard | None:
        """Files without words in a group: after the sender's own ticket, in answer to the bot, beside fragments."""
        own = next((known for known in room.recent(line.at) if line.user in known.users), None)
        if own or incoming.at_me or incoming.reply_to_me:
            return Heard("", sent=[line], follows=own)
        return self._awaiting(room, line)

    def _awaiting(self, room: Room, line: Line) -> Heard | None:
        """The sender's files and fragments of a report stand side by side: words for the files are waited for, once."""
        sent = [each for each in room.loose(line.user) if not each.awaited]
        fragments = room.fragments(line.user)
        if not sent or not fragments or room.discussing(line.at) or room.rescue(line.at, self._rescue_window):
            return None
        said = "，".join(each.text for each in fragments)
        guess = self._school.classify(said, compound=room.compound)
        about = guess.ticket or guess.matter or pattern("words.fragment").search(said)
        return Heard("", sent=sent, waits=True) if about and guess.kind in ("chat", "complaint") else None

    def _listen(self, room: Room, incoming: Incoming, line: Line) -> Heard | None:
        """A line of group chat: a complaint by itself, with the sender's last lines, or about a ticket just opened."""
        now, user = incoming.sent_at, incoming.sender.user
        guess, lines = self._school.classify(line.text, compound=room.compound), [line]
        fragments = room.fragments(user)
        if len(fragments) > 1 and not guess.urgent:
            said = "，".join(each.text for each in fragments)
            joined = self._school.classify(said, compound=room.compound)
            if joined.urgent or (joined.ticket and not guess.ticket):
                guess, lines = joined, fragments
        self._note_discussion(room, line.text, now)
        if follows := self._follows(room, line, fragments, guess, now):
            return follows
        if guess.ticket and not self._doubtful(room, line, guess, now):
            return Heard(line.text, guess=guess, lines=lines)
        on_it = room.rescue(now, self._rescue_window) and pattern("words.on_it").match(line.text)
        addressed = incoming.at_me or incoming.reply_to_me
        return Heard(line.text, lines=lines) if addressed or on_it else None

    def _follows(self, room: Room, line: Line, fragments: list[Line], guess: Guess, now: datetime) -> Heard | None:
        """Words that belong to a ticket spoken of here a moment ago: danger, 我也是, more of one's own."""
        for known in room.recent(now):
            if not known.urgent:
                said = "，".join([known.matter, *(each.text for each in fragments)])
                alarm = self._school.classify(said, compound=room.compound)
                if alarm.outright and alarm.category == known.category:
                    return Heard(line.text, guess=alarm, lines=fragments)
            if guess.urgent:
                continue
            own = line.user in known.users and now - known.at <= self._rules.join_window
            beside = pattern("words.aside").match(line.text) or pattern("intake.bitter").search(line.text)
            more = own and guess.kind == "chat" and not beside
            same = not guess.ticket or guess.category == known.category
            too = same and pattern("words.me_too").match(line.text)
            alike = guess.category == known.category and guess.probability >= _UNSURE
            shared = not guess.matter or pattern("words.shared").search(line.text)
            vague = guess.ticket and ((alike and shared) or (own and (alike or guess.probability < _VAGUE)))
            if too or vague or (more and not guess.ticket):
                return Heard(line.text, guess=guess if vague and not too else None, lines=[line], follows=known)
        return None

    def _doubtful(self, room: Room, line: Line, guess: Guess, now: datetime) -> bool:
        """Words of a rescue, talk after it, talk that weighs plans: only what is plainly another matter counts."""
        rescue = room.rescue(now, self._rescue_window)
        if guess.urgent:
            return rescue and not guess.outright and guess.danger not in PRIVATE_DANGERS
        if room.aftermath(guess.category, now):
            return True
        if not rescue and not room.discussing(now):
            return False
        plain_fault = guess.matter and guess.category in THINGS and pattern("words.spot").search(line.text)
        return not plain_fault and not (guess.matter and pattern("words.by_the_way").search(line.text))

    def _note_discussion(self, room: Room, text: str, now: datetime) -> None:
        """A chat that weighs plans and opinions is not complaining: for a while it takes more to open a ticket."""
        found = set(pattern("words.discussion").findall(text))
        if len(found) >= 2 or (found and room.discussing(now)):
            room.discussed = now

    def turn(self, turn: Turn, incoming: Incoming, heard: Heard) -> None:
        """Do what the message asks for. Raises Silence where it turns out to ask for nothing."""
        person, chat = people.recognise(turn, incoming.sender, incoming.address)
        turn.speaker = person.user
        if heard.mourning:
            bound = chat is not None and chat.body_id is None and person.role != "outsider"
            if not (chat and bound and quiet.mourn(turn, chat)):
                raise Silence
            return
        classify = partial(self._school.classify, compound=compound_of(person, chat))
        talk = Talk(turn, person, chat, incoming, classify, self._school)
        talk.args = {"files": ticket_files.packed(heard.files)} if heard.files else {}
        if heard.waits or (incoming.files and not heard.text and not incoming.press):
            self._wordless(talk, heard)
            return
        if heard.bitter or heard.outage:
            self._murmured(talk, heard)
            return
        answers = heard.stroke or bool(incoming.quoted_files)
        command = self._command(heard, person, chat, talk.addressed or answers)
        if command and command[0].flow == "help.show" and heard.released:
            return
        if self._dialog(talk, heard, command):
            return
        unbound = not incoming.address.private and chat is None
        if unbound and not (command and command[0].flow in registry.UNBOUND):
            self._unbound(talk, heard)
        elif heard.lost:
            self._lists(talk, heard.lost)
        elif command:
            talk.args |= quoted_number(incoming, command[0].flow) | command[1]
            self._engine.start(talk, command[0].flow)
        elif not self._complaint(talk, heard):
            self._rest(talk, heard)

    def _murmured(self, talk: Talk, heard: Heard) -> None:
        residents = talk.chat is not None and talk.chat.body_id is None
        about = ticket_intake.grumble(talk.turn, talk.person) if heard.bitter else outages.told(talk, heard.text)
        if not residents or not about:
            raise Silence
        self._engine.speak(talk)

    def _wordless(self, talk: Talk, heard: Heard) -> None:
        """Files without words: taken to a ticket, asked about, or waited on. In groups only of residents: handlers
        show each other much."""
        here, chat, role = talk.incoming.address, talk.chat, talk.person.role
        heard.kept = False
        if not here.private and (chat is None or chat.body_id is not None or role in (*_STAFF, "outsider")):
            raise Silence
        if heard.waits:
            ticket_files.wait(talk.turn, talk.incoming, [(line.update_id, line.at, line.files) for line in heard.sent])
        elif heard.follows:
            heard.kept = ticket_files.add(talk.turn, talk.person, heard.follows.ticket_id, heard.files)
            if not heard.kept:
                raise Silence
        else:
            heard.kept = bool(self._engine.run(talk, lambda: tickets.wordless(talk, heard.files)))

    def _lists(self, talk: Talk, lost: chains.Lost) -> None:
        """Not at night, nor where it is quiet: the next list in the morning lacks them too."""
        if is_quiet(talk.turn.now, talk.turn.rules) or (talk.chat and quiet.is_quiet_in(talk.turn, talk.chat)):
            raise Silence
        chains.say_lost(talk, lost)

    def _dialog(self, talk: Talk, heard: Heard, command: tuple[Command, dict[str, str]] | None) -> bool:
        """The open question first; but a cry for help and a plain command are no answers to a question in words."""
        incoming = talk.incoming
        pressed = incoming.press is not None and bool(incoming.press.question)
        if not pressed and (heard.released or not incoming.address.private):
            return False  # nobody answers a question that was not seen yet
        conversation = find_open(talk.turn, talk.person)
        if conversation is None:
            if pressed:
                talk.whisper(say("common.stale"))
                self._engine.speak(talk)
            return pressed
        alarm = heard.guess is not None and heard.guess.urgent
        menu = conversation.flow == "help.menu" and not heard.text.isdigit()  # any command is plainer
        clear = command is not None and (menu or heard.stroke or "_short" not in command[0].key)
        cancels = heard.text in word_list("words.cancel")
        if (alarm or clear) and not conversation.labels and not cancels:
            return False
        if self._engine.answer(talk, conversation):
            return True
        sure = heard.guess is not None and heard.guess.ticket and heard.guess.probability >= _UNSURE
        if clear or alarm or (sure and not conversation.secret):
            return False
        self._engine.missed(talk, conversation)
        return True

    def _command(
        self, heard: Heard, person: Person, chat: Chat | None, addressed: bool
    ) -> tuple[Command, dict[str, str]] | None:
        work, officer = chat is not None and chat.body_id is not None, bool(person.posts)
        counts = {
            Where.ANYWHERE: True,
            Where.ADDRESSED: addressed,
            Where.WORK: work or (officer and addressed),
            Where.REPLY: work and addressed,
            Where.OFFICE: work or officer,
        }
        return next(((command, dict(args)) for command, args in heard.commands if counts[command.where]), None)

    def _complaint(self, talk: Talk, heard: Heard) -> bool:
        """Open or join a ticket; False where the words are no complaint after all."""
        guess, role = heard.guess, talk.person.role
        if heard.follows and self._follow(talk, heard, heard.follows):
            return True
        if guess is None:
            return False
        if role and not guess.urgent:
            guess = self._school.classify("，".join(heard.texts), role, compound=compound_of(talk.person, talk.chat))
        if not guess.ticket or (role in _STAFF and not guess.urgent):
            return False
        sure = guess.urgent or guess.probability >= _UNSURE or bool(accused(heard.text))
        if talk.incoming.forwarded or not sure:
            return self._ask_what(talk, guess, heard)
        also = None if guess.urgent else self._second(talk, heard)
        heard.reported = self._engine.run(talk, lambda: tickets.complain(talk, guess, heard.texts, also=also))
        return True

    def _second(self, talk: Talk, heard: Heard) -> Guess | None:
        """Another matter in the same words, where both are beyond doubt."""
        compound = compound_of(talk.person, talk.chat)
        found = self._school.classify_all("，".join(heard.texts), talk.person.role, compound=compound)
        return found[1] if len(found) > 1 else None

    def _ask_what(self, talk: Talk, guess: Guess, heard: Heard) -> bool:
        """A report of the classifier hardly knows what: one private question, unless another is open. In a group only
        where a thing was named: what names nothing is mostly a sigh."""
        if find_open(talk.turn, talk.person) or not (guess.matter or talk.incoming.address.private):
            return False
        codes = [guess.category, guess.runner_up][: 1 if guess.probability >= _UNSURE else 2]
        words, chat = " ".join(heard.texts)[:200], talk.incoming.address.chat
        talk.args |= {"words": words, "categories": codes, "chat": chat}
        self._engine.start(talk, "tickets.unsure")
        return True

    def _follow(self, talk: Talk, heard: Heard, known: Known) -> bool:
        """Further words of a reporter, or a neighbour's 我也是 (in a chat of several buildings: of the same one).

        False where they do not belong to that ticket.
        """
        if outages.told(talk, heard.text):
            self._engine.speak(talk)
            return True
        chat, home = talk.chat, talk.person.place
        elsewhere = chat and chat.place.building_id is None and (not home or home.building_id != known.building_id)
        if talk.person.role or (elsewhere and talk.incoming.sender.user not in known.users):
            return False
        reported = ticket_services.join(
            talk.turn,
            talk.person,
            known.ticket_id,
            address=talk.incoming.address,
            texts=heard.texts,
            files=heard.files,
        )
        if reported is None:
            return False
        heard.reported = reported
        self._engine.run(talk, lambda: tickets.acknowledge(talk, reported))
        return True

    def _rest(self, talk: Talk, heard: Heard) -> None:
        """Neither command nor complaint: an officer's word on an alarm, a menu in private, else silence."""
        if talk.chat and talk.person.role and pattern("words.on_it").match(heard.text):
            urgent = ticket_search.urgent_here(talk.turn, talk.chat, Status.OPEN)
            if urgent and ticket_search.may_handle(talk.turn, talk.person, urgent):
                ticket_work.accept(talk.turn, talk.person, urgent)
                return
        if not talk.incoming.address.private:
            raise Silence
        if heard.released:
            return
        if not heard.text:
            talk.say(say("tickets.what"))
            self._engine.speak(talk)
            return
        if self._engine.run(talk, lambda: outages.told(talk, heard.text) or intake.added(talk, heard.guess)):
            return
        self._engine.start(talk, "help.menu")

    def _unbound(self, talk: Talk, heard: Heard) -> None:
        """A group that no place is known of: help for a cry for help, a word to who asks, else silence."""
        if heard.guess and heard.guess.urgent:
            tickets.say_card(talk, heard.guess.danger)
        elif talk.addressed:
            talk.announce(say("common.unbound"))
        else:
            raise Silence
        self._engine.speak(talk)

    def passed(self, incoming: Incoming) -> None:
        """It came to nothing; brought again, it is no new line."""
        self._passed[incoming.bot_id, incoming.update_id] = None
        if len(self._passed) > _PASSED:
            del self._passed[next(iter(self._passed))]

    def settled(self, incoming: Incoming, heard: Heard) -> None:
        """Called after the commit: later lines of this chat may belong to the ticket just spoken of."""
        if heard.lost:
            heard.lost.settled()
        if heard.mourning:
            self._mourned[incoming.bot_id, incoming.address.chat] = incoming.sent_at
            if len(self._mourned) > _ROOMS:
                del self._mourned[next(iter(self._mourned))]
        for line in heard.sent:
            line.taken, line.awaited = line.taken or heard.kept, line.awaited or heard.waits
        for line in heard.lines:  # what was answered or done is no part of a later report; its files may be
            line.taken = line.taken or not line.files
        if heard.reported is None or incoming.address.private:
            return
        ticket = heard.reported.ticket
        known = Known(ticket.id, ticket.building_id, ticket.category, ticket.matter, ticket.urgent, incoming.sent_at)
        known.users.add(incoming.sender.user)
        self._room(incoming).remember(known, [*heard.lines, *heard.sent])

    def _room(self, incoming: Incoming) -> Room:
        key = (incoming.bot_id, incoming.address.chat)
        room = self._rooms.get(key)
        if room is None:
            if len(self._rooms) >= _ROOMS:
                self._rooms = {key: room for key, room in self._rooms.items() if not room.idle(incoming.sent_at)}
            room = self._rooms[key] = Room()
        room.compound = self._school.compound(incoming.bot_id, incoming.address.group)
        return room
