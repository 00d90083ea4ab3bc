"""What people taught the classifier: one row for each correction, with who, when and undo; and words they added."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, bindparam, func, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from storage.base import Base, BigInt, Code, Id, Key, Moment, Ref, upsert
from storage.database import Tx
from storage.ticket_figures import TicketGuess

CORRECTED, CLOSED, REJECTED = "corrected", "closed", "rejected"


class Lesson(Base):
    """One message and what it was about; never changed but for `undone_at`."""

    __tablename__ = "lesson"
    __table_args__ = (
        Index("ix_lesson_compound_id", "compound_id", "id"),
        Index("ix_lesson_ticket_id", "ticket_id"),
        Index("ix_lesson_reporter_id", "reporter_id", "at"),
        Index("ix_lesson_undone_at", "undone_at"),
    )
    id: Mapped[Id]
    compound_id: Mapped[Ref]
    ticket_id: Mapped[int | None] = mapped_column(BigInt)
    kind: Mapped[Code]  # corrected, closed (nobody objected: weak), rejected (was no complaint)
    category: Mapped[Code]  # the right one
    was: Mapped[Code]  # what the classifier had thought
    text: Mapped[str] = mapped_column(String)  # in normal form, without digits; emptied with its reporter's data
    reporter_id: Mapped[int | None] = mapped_column(BigInt)
    taught_by: Mapped[int | None] = mapped_column(BigInt)  # None: the clock
    at: Mapped[datetime]
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[int | None] = mapped_column(BigInt)


class LearnedWord(Base):
    """A word somebody took into the lexicon of their compound."""

    __tablename__ = "learned_word"
    __table_args__ = (
        Index("ix_learned_word_compound_id", "compound_id", "id"),
        Index("ix_learned_word_undone_at", "undone_at"),
    )
    id: Mapped[Id]
    compound_id: Mapped[Ref]
    category: Mapped[Code]
    word: Mapped[Key]
    added_by: Mapped[Ref]
    at: Mapped[datetime]
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[int | None] = mapped_column(BigInt)


@dataclass(frozen=True, slots=True)
class Taught:
    """A lesson as the classifier needs it."""

    id: int
    compound_id: int
    kind: str
    category: str
    text: str


@dataclass(frozen=True, slots=True)
class Word:
    id: int
    compound_id: int
    category: str
    word: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What the classifier thought of a ticket; probability: 0..1."""

    category: str
    runner_up: str
    probability: float
    reasons: tuple[str, ...]
    version: str


Stamp = tuple[Any, ...]
_add = insert(Lesson).returning(Lesson.id)
_columns = (Lesson.id, Lesson.compound_id, Lesson.kind, Lesson.category, Lesson.text)
_active = select(*_columns).where(Lesson.undone_at.is_(None), Lesson.text != "").order_by(Lesson.id)
_since = _active.where(Lesson.id > bindparam("after"))
_undone = select(*_columns).where(Lesson.undone_at >= bindparam("since", type_=Moment()))
_of_ticket = select(Lesson.id, Lesson.kind, Lesson.category).where(
    Lesson.ticket_id == bindparam("ticket"), Lesson.undone_at.is_(None)
)
_undo = (
    update(Lesson)
    .where(Lesson.id == bindparam("row"), Lesson.undone_at.is_(None))
    .values(undone_at=bindparam("now", type_=Moment()), undone_by=bindparam("by"))
)
_of_reporter = select(func.count(Lesson.id)).where(
    Lesson.reporter_id == bindparam("person"), Lesson.at > bindparam("since", type_=Moment()), Lesson.kind == CLOSED
)
_recent = (
    select(Lesson.category, Lesson.text, Lesson.reporter_id)
    .where(Lesson.compound_id == bindparam("compound"), Lesson.undone_at.is_(None), Lesson.text != "")
    .order_by(Lesson.id.desc())
    .limit(bindparam("most"))
)
_words = select(LearnedWord.id, LearnedWord.compound_id, LearnedWord.category, LearnedWord.word)
_all_words = _words.where(LearnedWord.undone_at.is_(None)).order_by(LearnedWord.id)
_undone_words = _words.where(LearnedWord.undone_at >= bindparam("since", type_=Moment()))
_words_of = _words.where(LearnedWord.compound_id == bindparam("compound"), LearnedWord.undone_at.is_(None)).order_by(
    LearnedWord.id
)
_add_word = insert(LearnedWord)
_undo_word = (
    update(LearnedWord)
    .where(LearnedWord.id == bindparam("row"), LearnedWord.undone_at.is_(None))
    .values(undone_at=bindparam("now", type_=Moment()), undone_by=bindparam("by"))
)
_stamp = select(
    select(func.max(Lesson.id)).scalar_subquery(),
    select(func.max(Lesson.undone_at)).scalar_subquery(),
    select(func.max(LearnedWord.id)).scalar_subquery(),
    select(func.max(LearnedWord.undone_at)).scalar_subquery(),
)
_keep_guess = upsert(TicketGuess).on_conflict_do_nothing()
_guess = select(
    TicketGuess.category, TicketGuess.runner_up, TicketGuess.probability, TicketGuess.reasons, TicketGuess.version
).where(TicketGuess.ticket_id == bindparam("ticket"))


def add(tx: Tx, **row: Any) -> int:
    return int(tx.execute(_add, row).scalar_one())


def stamp(tx: Tx) -> Stamp:
    """Changes with every lesson, every word and every undo."""
    return tuple(tx.execute(_stamp).one())


def since(tx: Tx, after: int) -> list[Taught]:
    """Lessons that count, from the first after that id."""
    return [Taught(*row) for row in tx.execute(_since, {"after": after})]


def undone(tx: Tx, since: datetime) -> list[Taught]:
    return [Taught(*row) for row in tx.execute(_undone, {"since": since})]


def of_ticket(tx: Tx, ticket_id: int) -> list[tuple[int, str, str]]:
    """(id, kind, category) of the lessons that stand for a ticket."""
    return [(row.id, row.kind, row.category) for row in tx.execute(_of_ticket, {"ticket": ticket_id})]


def undo(tx: Tx, lesson_id: int, *, by: int | None, now: datetime) -> bool:
    """False where it was undone before."""
    return tx.execute(_undo, {"row": lesson_id, "by": by, "now": now}).rowcount == 1


def of_reporter(tx: Tx, person_id: int, since: datetime) -> int:
    """How many weak lessons somebody's own reports gave since then."""
    return int(tx.execute(_of_reporter, {"person": person_id, "since": since}).scalar_one())


def recent(tx: Tx, compound_id: int, most: int) -> list[tuple[str, str, int | None]]:
    """(category, text, reporter) of the compound's newest lessons."""
    found = tx.execute(_recent, {"compound": compound_id, "most": most})
    return [(row.category, row.text, row.reporter_id) for row in found]


def all_words(tx: Tx) -> list[Word]:
    return [Word(*row) for row in tx.execute(_all_words)]


def undone_words(tx: Tx, since: datetime) -> list[Word]:
    return [Word(*row) for row in tx.execute(_undone_words, {"since": since})]


def words_of(tx: Tx, compound_id: int) -> list[Word]:
    return [Word(*row) for row in tx.execute(_words_of, {"compound": compound_id})]


def add_word(tx: Tx, *, compound_id: int, category: str, word: str, by: int, now: datetime) -> None:
    row = {"compound_id": compound_id, "category": category, "word": word, "added_by": by, "at": now}
    tx.execute(_add_word, row)


def undo_word(tx: Tx, word_id: int, *, by: int, now: datetime) -> bool:
    return tx.execute(_undo_word, {"row": word_id, "by": by, "now": now}).rowcount == 1


def keep_guess(
    tx: Tx,
    ticket_id: int,
    *,
    category: str,
    runner_up: str,
    probability: float,
    reasons: Sequence[str],
    version: str,
) -> None:
    row = {"ticket_id": ticket_id, "category": category, "runner_up": runner_up, "version": version}
    tx.execute(_keep_guess, row | {"probability": round(probability * 10_000), "reasons": list(reasons)})


def guess(tx: Tx, ticket_id: int) -> Kept | None:
    row = tx.execute(_guess, {"ticket": ticket_id}).first()
    return Kept(row[0], row[1], row[2] / 10_000, tuple(row[3]), row[4]) if row else None
