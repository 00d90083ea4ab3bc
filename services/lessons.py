"""What a compound teaches the classifier, live in every process; and why a ticket was taken as it was.

A correction by a head is a whole lesson; a ticket that closed and nobody moved is a weak one, a few a month for each
reporter, so that silence cannot teach a mistake.
"""

import threading
from datetime import timedelta

from classifier import Classifier
from domain.errors import Refusal
from domain.guess import Guess
from domain.people import Level, Person, Place
from domain.rights import Action, may
from domain.tickets import LIVE, Act, Ticket
from services import rights, ticket_clock, ticket_steps
from services.turn import Turn
from storage import audit, lessons, places, ticket_reports
from storage.database import Tx
from storage.lessons import CLOSED, CORRECTED, REJECTED, Kept, Stamp, Taught, Word

WEAK = 0.3  # of a lesson: closed, and nobody objected
_WEAK_MOST = 3  # of one reporter in `_WEAK_WINDOW`
_WEAK_WINDOW = timedelta(days=30)
_RECENT = 3_000  # lessons that suggestions are drawn from


class School:
    """The classifier of one process, with a view for each compound that taught it something.

    Compounds share what is shipped. `refresh` reads what is new; a lesson is live in this process at once, in others
    with their next tick.
    """

    def __init__(self, base: Classifier) -> None:
        self.base = base
        self._views: dict[int, Classifier] = {}
        self._compounds: dict[tuple[str, str], int] = {}
        self._lessons: dict[int, Taught] = {}
        self._words: dict[int, Word] = {}
        self._stamp: Stamp = ()
        self._lock = threading.Lock()

    def classify(self, text: str, role: str | None = None, *, compound: int = 0) -> Guess:
        with self._lock:
            return self._views.get(compound, self.base).guess(text, role)

    def classify_all(self, text: str, role: str | None = None, *, compound: int = 0) -> tuple[Guess, ...]:
        """What `classify` says, and a second matter where both are beyond doubt."""
        with self._lock:
            return self._views.get(compound, self.base).guess_all(text, role)

    def compound(self, bot_id: str, chat: str) -> int:
        """The compound of a group; 0 where it is not known (yet)."""
        return self._compounds.get((bot_id, chat), 0)

    def know(self, tx: Tx) -> None:
        """Read which group belongs to which compound."""
        self._compounds = places.compounds_of_chats(tx)

    def refresh(self, tx: Tx) -> None:
        """Learn what others taught, forget what was taken back."""
        stamp, known = lessons.stamp(tx), self._stamp
        if stamp == known:
            return
        # An id may be given before its row is seen, so some that were read are asked for again.
        new = lessons.since(tx, max(max(self._lessons, default=0) - 1_000, 0))
        gone = lessons.undone(tx, known[1]) if known and known[1] else []
        words = {word.id: word for word in lessons.all_words(tx)}
        with self._lock:  # never while the database is asked: on PostgreSQL another reader has its turn meanwhile
            for lesson in new:
                if lesson.id not in self._lessons:
                    self._lessons[lesson.id] = lesson
                    self._teach(lesson)
            for lesson in gone:
                self._forget(lesson.id)
            self._take_words(words)
            self._stamp = stamp

    def _take_words(self, there: dict[int, Word]) -> None:
        for word in [word for number, word in self._words.items() if number not in there]:
            self._view(word.compound_id).unlearn_word(word.word, word.category)
        for number, word in there.items():
            if number not in self._words:
                self._view(word.compound_id).learn_word(word.word, word.category)
        self._words = there

    def _view(self, compound: int) -> Classifier:
        if compound not in self._views:
            self._views[compound] = self.base.for_counts()
        return self._views[compound]

    def _teach(self, lesson: Taught) -> None:
        view = self._view(lesson.compound_id)
        if lesson.kind == REJECTED:
            view.reject(lesson.text)
        elif lesson.category in self.base.lexicon.codes:
            view.learn(lesson.text, lesson.category, WEAK if lesson.kind == CLOSED else 1.0)

    def _forget(self, lesson_id: int) -> None:
        lesson = self._lessons.pop(lesson_id, None)
        if lesson is None:
            return
        view = self._view(lesson.compound_id)
        if lesson.kind == REJECTED:
            view.unreject(lesson.text)
        elif lesson.category in self.base.lexicon.codes:
            view.unlearn(lesson.text, lesson.category, WEAK if lesson.kind == CLOSED else 1.0)


def keep(turn: Turn, ticket: Ticket, guess: Guess, version: str) -> None:
    """What the classifier thought of a new ticket, and why."""
    lessons.keep_guess(
        turn.tx,
        ticket.id,
        category=guess.category,
        runner_up=guess.runner_up,
        probability=guess.probability,
        reasons=guess.reasons,
        version=version,
    )


def reasons(turn: Turn, ticket: Ticket) -> Kept | None:
    return lessons.guess(turn.tx, ticket.id)


def may_set_routes(turn: Turn, person: Person, ticket: Ticket) -> bool:
    return may(person, Action.SET_ROUTES, rights.body_at(turn, Place(ticket.compound_id)))


def correct(turn: Turn, person: Person, ticket: Ticket, category: str, lesson: str) -> Ticket:
    """The words meant another category: the ticket gets it, and the classifier learns. lesson: the words as it keeps
    them; without any the category alone changes."""
    ticket, body = ticket_steps.hold(turn, person, ticket)
    rights.check_right(turn, person, Action.TEACH, body)
    if category == ticket.category:
        raise Refusal("lessons.same", number=ticket.number)
    was = _was(turn, ticket)
    _take_back(turn, ticket, by=person.id)
    if lesson:
        _add(turn, ticket, CORRECTED, lesson, category=category, was=was, by=person.id)
    note: dict[str, object] = {"was": ticket.category, "category": category}
    changes: dict[str, object] = {"category": category}
    if category == "property":  # neither seen nor handled by the company from now on
        if body.level is Level.PROPERTY and ticket.status in LIVE:
            raise Refusal("lessons.move_first", number=ticket.number)
        changes["discreet"] = True
    return ticket_steps.step(turn, ticket, Act.SORTED, by=person.id, note=note, **changes)


def reject(turn: Turn, person: Person, ticket: Ticket, lesson: str) -> None:
    """It was no complaint at all: the ticket ends, and the classifier learns."""
    ticket, body = ticket_steps.hold(turn, person, ticket)
    rights.check_right(turn, person, Action.TEACH, body)
    if ticket.urgent:
        raise Refusal("lessons.urgent", number=ticket.number)
    was = _was(turn, ticket)
    ticket = ticket_steps.step(
        turn, ticket, Act.DECLINED, by=person.id, note={"why": "no_complaint"}, closed_at=turn.now, settled_at=turn.now
    )
    ticket_clock.stop(turn, ticket)
    _take_back(turn, ticket, by=person.id)
    if lesson:
        _add(turn, ticket, REJECTED, lesson, category=ticket.category, was=was, by=person.id)


def take_back(turn: Turn, person: Person, ticket: Ticket) -> bool:
    """Undo what this ticket taught; False where it taught nothing."""
    ticket, body = ticket_steps.hold(turn, person, ticket)
    rights.check_right(turn, person, Action.TEACH, body)
    return _take_back(turn, ticket, by=person.id)


def closed(turn: Turn, ticket: Ticket, lesson: str) -> None:
    """Closed, and nobody said it was another matter: a weak lesson, once a ticket and a few a month for a reporter."""
    if not lesson or ticket.urgent or lessons.of_ticket(turn.tx, ticket.id):
        return
    first = next(iter(ticket_reports.reporters(turn.tx, ticket.id, ticket.bot_id)), None)
    if first and lessons.of_reporter(turn.tx, first.person_id, turn.now - _WEAK_WINDOW) < _WEAK_MOST:
        _add(turn, ticket, CLOSED, lesson, category=ticket.category, was=_was(turn, ticket), by=None)


def _was(turn: Turn, ticket: Ticket) -> str:
    kept = lessons.guess(turn.tx, ticket.id)
    return kept.category if kept else ticket.category


def _add(turn: Turn, ticket: Ticket, kind: str, lesson: str, *, category: str, was: str, by: int | None) -> None:
    turn.taught = True
    first = next(iter(ticket_reports.reporters(turn.tx, ticket.id, ticket.bot_id)), None)
    lessons.add(
        turn.tx,
        compound_id=ticket.compound_id,
        ticket_id=ticket.id,
        kind=kind,
        category=category,
        was=was,
        text=lesson,
        reporter_id=first.person_id if first else None,
        taught_by=by,
        at=turn.now,
    )


def _take_back(turn: Turn, ticket: Ticket, *, by: int | None) -> bool:
    found = lessons.of_ticket(turn.tx, ticket.id)
    turn.taught = turn.taught or bool(found)
    return sum(lessons.undo(turn.tx, row, by=by, now=turn.now) for row, _, _ in found) > 0


def words_for(turn: Turn, ticket: Ticket) -> str:
    """What the first report said, to learn from."""
    said = ticket_reports.texts(turn.tx, ticket.id)
    return said[0] if said else ""


def add_word(turn: Turn, person: Person, compound_id: int, word: str, category: str) -> None:
    """A word of the compound's own: from now on it speaks for that category."""
    rights.check_right(turn, person, Action.TEACH, rights.body_at(turn, Place(compound_id)))
    if any(each.word == word for each in lessons.words_of(turn.tx, compound_id)):
        raise Refusal("lessons.word_there", word=word)
    lessons.add_word(turn.tx, compound_id=compound_id, category=category, word=word, by=person.id, now=turn.now)
    _record(turn, compound_id, person, "word_added", category)


def drop_word(turn: Turn, person: Person, compound_id: int, word: str) -> None:
    rights.check_right(turn, person, Action.TEACH, rights.body_at(turn, Place(compound_id)))
    found = next((each for each in lessons.words_of(turn.tx, compound_id) if each.word == word), None)
    if found is None:
        raise Refusal("lessons.word_unknown", word=word)
    lessons.undo_word(turn.tx, found.id, by=person.id, now=turn.now)
    _record(turn, compound_id, person, "word_dropped", found.category)


def _record(turn: Turn, compound_id: int, person: Person, action: str, category: str) -> None:
    turn.taught = True
    audit.record(
        turn.tx,
        at=turn.now,
        compound_id=compound_id,
        actor_id=person.id,
        subject="lexicon",
        subject_id=compound_id,
        action=action,
        category=category,
    )


def sent(turn: Turn, person: Person, compound_id: int) -> dict[str, list[tuple[str, str]]]:
    """The compound's newest lessons, (text, sender) by category, for suggestions."""
    rights.check_right(turn, person, Action.TEACH, rights.body_at(turn, Place(compound_id)))
    found: dict[str, list[tuple[str, str]]] = {}
    for category, text, reporter in lessons.recent(turn.tx, compound_id, _RECENT):
        found.setdefault(category, []).append((text, str(reporter or 0)))
    return found
