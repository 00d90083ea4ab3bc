"""Which body of a compound gets what: its own lines over the defaults; who is on duty; what is known to be out."""

from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from storage.base import Base, BigInt, Code, Id, Key, Ref


class Responsibility(Base):
    """A compound's own line of the table: matters of this category go first to this level, or to this very body."""

    __tablename__ = "responsibility"
    compound_id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    category: Mapped[Code] = mapped_column(primary_key=True)
    level: Mapped[int | None]
    body_id: Mapped[int | None] = mapped_column(BigInt)
    set_by: Mapped[int | None] = mapped_column(BigInt)
    set_at: Mapped[datetime]


class DutyShift(Base):
    """Who is called for urgent matters, from when to when."""

    __tablename__ = "duty_shift"
    __table_args__ = (Index("ix_duty_shift_compound_id", "compound_id", "ends_at"),)
    id: Mapped[Id]
    compound_id: Mapped[Ref]
    person_id: Mapped[Ref]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    set_by: Mapped[int | None] = mapped_column(BigInt)


class KnownMatter(Base):
    """A notice (挂通知): something everybody knows to be out until an hour, so nobody need report it."""

    __tablename__ = "known_matter"
    __table_args__ = (Index("ix_known_matter_compound_id", "compound_id", "until"),)
    id: Mapped[Id]
    compound_id: Mapped[Ref]
    building_id: Mapped[int | None] = mapped_column(BigInt)
    category: Mapped[Code]
    summary: Mapped[Key]
    since: Mapped[datetime]
    until: Mapped[datetime]
    set_by: Mapped[int | None] = mapped_column(BigInt)
    said_at: Mapped[datetime | None]  # when it was last said in answer
    ended_at: Mapped[datetime | None]
