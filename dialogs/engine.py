"""Dialogs as plain functions: a flow is run from the top with the answers so far and stops at the first open question.

A flow is `def flow(talk: Talk) -> None`. It reads `talk.ask(…)`, `talk.choose(…)`, calls services and `talk.say(…)`.
Whatever it wrote before an unanswered question is rolled back, so nothing is written before the last question.
"""

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from dialogs.answers import plain, read_number, spelled
from domain.errors import Refusal
from domain.guess import Guess
from domain.messages import Address, Incoming, Outgoing, numbered
from domain.people import Chat, Person
from domain.promises import is_quiet
from services import people
from services.conversations import Conversation, close, find, save
from services.lessons import School
from services.turn import Turn, savepoint
from texts import say, words

T = TypeVar("T")
_WORDS = 500  # characters of an answer in words that are kept
_PATIENCE = 2  # wrong answers before a person is asked to help


class Silence(BaseException):
    """Nothing to do and nothing to write: the turn is rolled back whole."""


class Pending(BaseException):
    """The flow waits for an answer. Not an Exception, so that no flow catches it by accident."""

    def __init__(self, question: "Question") -> None:
        super().__init__(question.key)
        self.question = question


class Changed(BaseException):
    """The recorded answers belong to another version of the flow."""


@dataclass(frozen=True, slots=True)
class Question:
    """labels: the answers to choose from; none: any words. secret: never a word of it to others. minutes: how long the
    answer is waited for (None: as the rules say). fallback: who is told instead where it cannot be asked."""

    key: str
    text: str
    labels: tuple[tuple[int, str], ...] = ()
    secret: bool = False
    minutes: int | None = None
    fallback: Outgoing | None = None


Flow = Callable[["Talk"], None]


@dataclass(slots=True)
class Talk:
    """What a flow sees: who speaks, where, the answers so far."""

    turn: Turn
    person: Person
    chat: Chat | None
    incoming: Incoming
    classify: Callable[[str], Guess]
    school: School
    args: dict[str, Any] = field(default_factory=dict)
    answers: list[list[Any]] = field(default_factory=list)
    follow: tuple[str, dict[str, Any]] | None = None
    _asked: int = 0
    _words: list[Outgoing] = field(default_factory=list)

    @property
    def addressed(self) -> bool:
        """The words are meant for the bot: said in private, with its name, or in answer to it."""
        return self.incoming.address.private or self.incoming.at_me or self.incoming.reply_to_me

    @property
    def aside(self) -> Outgoing | None:
        """The neutral line in the group for a private word that cannot be said; at night it waits in silence."""
        return self._aside(say("common.talk_privately"))

    def _aside(self, text: str) -> Outgoing | None:
        here = self.incoming.address
        if here.private or is_quiet(self.turn.now, self.turn.rules):
            return None
        return Outgoing(here, text, reply_to=self.incoming.message_id)

    @property
    def private(self) -> Address:
        return Address(self.person.user, private=True)

    def ask(self, key: str, text: str, *, minutes: int | None = None) -> str:
        """An answer in the person's own words."""
        answer: str = self._answer(Question(key, text, minutes=minutes))
        return answer

    def choose(
        self,
        key: str,
        text: str,
        labels: Iterable[tuple[int, str]],
        *,
        secret: bool = False,
        fallback: Outgoing | None = None,
    ) -> int:
        """The number of the answer chosen. secret: not a word of it in the group, even if it cannot be asked."""
        answer: int = self._answer(Question(key, text, tuple(labels), secret, fallback=fallback))
        return answer

    def _answer(self, question: Question) -> Any:
        if self._asked == len(self.answers):
            raise Pending(question)
        recorded, value, *label = self.answers[self._asked]
        if recorded != question.key:
            raise Changed
        chosen = dict(question.labels).get(value)
        if question.labels and (chosen is None or label not in ([], [chosen])):  # no longer what was chosen: ask again
            del self.answers[self._asked :]
            raise Pending(question)
        self._asked += 1
        return value

    def say(self, text: str) -> None:
        """Answer where it disturbs nobody: here, if here is private or a work chat, else privately."""
        here = self.incoming.address
        if here.private or (self.chat and self.chat.body_id is not None):
            self._words.append(Outgoing(here, text, reply_to="" if here.private else self.incoming.message_id))
        else:
            self.whisper(text)

    def whisper(self, text: str, *, fallback: str = "") -> None:
        """Answer privately; where the platform cannot, one neutral line in the group that quotes the message."""
        instead = self._aside(fallback) if fallback else self.aside
        self._words.append(Outgoing(self.private, text, fallback=instead))

    def announce(self, text: str, *, urgent: bool = False, quote: bool = True) -> None:
        """Speak in the group; what is urgent, privately to who spoke where the group is closed to the bot."""
        reply_to = self.incoming.message_id if quote else ""
        instead = Outgoing(self.private, text, urgent=True) if urgent else None
        self._words.append(Outgoing(self.incoming.address, text, reply_to=reply_to, urgent=urgent, fallback=instead))

    def then(self, flow: str, **args: Any) -> None:
        """Go on with another flow once this one is written."""
        self.follow = (flow, args)


@dataclass(frozen=True, slots=True)
class Engine:
    """Runs flows and keeps their conversations. `flows`: by name, "tickets.withdraw"."""

    flows: Mapping[str, Flow]

    def start(self, talk: Talk, flow: str) -> None:
        """Run a flow for the first time; its questions, if any, are asked privately."""
        self._run(talk, flow, Conversation(flow, talk.args, [], "", "", talk.turn.now))

    def speak(self, talk: Talk) -> None:
        """Say what was put into the talk outside any step."""
        self._speak(talk)

    def run(self, talk: Talk, step: Callable[[], T]) -> T | None:
        """A step without questions: its words are said, a refusal becomes a sentence. None where it was refused."""
        result, mark = None, len(talk.turn.said)
        try:
            with savepoint(talk.turn):
                result = step()
        except Refusal as refusal:
            talk._words = []
            talk.say(say(refusal.code, **refusal.data))
        self._speak(talk, at=mark)
        self._go_on(talk)
        return result

    def answer(self, talk: Talk, conversation: Conversation) -> bool:
        """Offer a message to the open dialog. False: it is no answer, and the message may mean something else."""
        said = spelled(talk.incoming.text.strip())
        text, press = plain(said), talk.incoming.press
        if press and not press.question:
            return False
        if press and press.question != conversation.question:
            talk.say(say("common.stale"))
            self._speak(talk)
            return True
        labels = tuple((number, label) for number, label in conversation.labels)
        if text in words("words.cancel") and 0 not in dict(labels):
            self._forget(talk)
            talk.say(say("common.cancelled"))
            self._speak(talk)
            return True
        if labels:
            value: str | int | None = read_number(press.value if press else text, labels)
        else:
            value = said[:_WORDS]
        if value is None or value == "":
            return False
        recorded = [conversation.pending, value, *([dict(labels)[int(value)]] if labels else [])]
        talk.args, talk.answers = conversation.args, [*conversation.answers, recorded]
        self._run(talk, conversation.flow, conversation)
        return True

    def missed(self, talk: Talk, conversation: Conversation) -> None:
        """No answer to the question: the same question, shorter; after two misses a person is asked to look.

        A secret question is asked again as it was, and nobody else hears of it.
        """
        if conversation.secret:
            talk.args, talk.answers = conversation.args, conversation.answers
            self._run(talk, conversation.flow, conversation)
            return
        conversation.misses += 1
        if conversation.misses < _PATIENCE:
            labels = tuple((number, label) for number, label in conversation.labels)
            save(talk.turn, talk.private, talk.person.user, conversation)
            way_out = () if 0 in dict(labels) else (say("common.way_out"),)
            text = "\n".join((say("common.again"), *way_out))
            talk.turn.say(Outgoing(talk.private, text, numbered(labels), conversation.question))
            return
        self._forget(talk)
        shown = say("common.head_look", name=talk.person.name, words=talk.incoming.text.strip()[:60])
        try:
            office = people.call_head(talk.turn, talk.person, talk.chat, shown)
            talk.whisper(say("common.handed_over", office=office))
        except Refusal as refusal:
            talk.whisper(say(refusal.code, **refusal.data))
        self._speak(talk)

    def _run(self, talk: Talk, flow: str, conversation: Conversation) -> None:
        mark = len(talk.turn.said)
        try:
            with savepoint(talk.turn):
                self.flows[flow](talk)
        except Pending as pending:
            self._ask(talk, flow, conversation, pending.question)
            return
        except Changed:
            talk.answers, talk._words, talk._asked = [], [], 0
            talk.turn.say(Outgoing(talk.private, say("common.changed")))
            self._run(talk, flow, Conversation(flow, talk.args, [], "", "", talk.turn.now))
            return
        except Refusal as refusal:
            talk._words = []
            talk.say(say(refusal.code, **refusal.data))
        if conversation.pending:
            self._forget(talk)
        self._speak(talk, skip=conversation.said, at=mark)
        self._go_on(talk)

    def _go_on(self, talk: Talk) -> None:
        if talk.follow:
            name, args = talk.follow
            self.start(Talk(talk.turn, talk.person, talk.chat, talk.incoming, talk.classify, talk.school, args), name)

    def _ask(self, talk: Talk, flow: str, conversation: Conversation, asked: Question) -> None:
        said = len(talk._words)
        self._speak(talk, skip=conversation.said)
        question = secrets.token_urlsafe(6)
        waiting = Conversation(
            flow=flow,
            args=talk.args,
            answers=talk.answers,
            pending=asked.key,
            question=question,
            expires_at=talk.turn.now + timedelta(minutes=asked.minutes or 60 * talk.turn.rules.dialog_hours),
            labels=[list(label) for label in asked.labels],
            said=said,
            secret=asked.secret,
        )
        save(talk.turn, talk.private, talk.person.user, waiting)
        fallback = asked.fallback if asked.secret else talk.aside
        choices = numbered(asked.labels)
        talk.turn.say(Outgoing(talk.private, asked.text, choices, question, fallback=fallback))

    def _forget(self, talk: Talk) -> None:
        close(talk.turn, talk.private, talk.person.user)

    def _speak(self, talk: Talk, *, skip: int = 0, at: int | None = None) -> None:
        """The flow's words; `at`: before what the services said meanwhile, so that who speaks is answered first."""
        words = [(talk.turn.bot_id, message, talk.turn.now) for message in talk._words[skip:]]
        place = len(talk.turn.said) if at is None else at
        talk.turn.said[place:place] = words
        talk._words = []


def find_open(turn: Turn, person: Person) -> Conversation | None:
    """The dialog this person has open with the bot; questions are always asked privately."""
    return find(turn, Address(person.user, private=True), person.user)
