"""What people taught the classifier: one row for each correction, with who, when and undo; and words they added."""

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from storage.base import Base, BigInt, Code, Id, Key, Ref


class Lesson(Base):
    """One message and what it was about; never changed but for `undone_at`."""

    __tablename__ = "lesson"
    __table_args__ = (
        Index("ix_lesson_compound_id", "compound_id", "id"),
        Index("ix_lesson_ticket_id", "ticket_id"),
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
    __table_args__ = (Index("ix_learned_word_compound_id", "compound_id", "id"),)
    id: Mapped[Id]
    compound_id: Mapped[Ref]
    category: Mapped[Code]
    word: Mapped[Key]
    added_by: Mapped[Ref]
    at: Mapped[datetime]
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[int | None] = mapped_column(BigInt)
