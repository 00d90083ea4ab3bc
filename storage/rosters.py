"""Rosters on their way in: a batch is staged row by row, then switched in one short transaction, and can be undone."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from storage.base import Base, BigInt, Code, Id, Key, Ref


class RosterBatch(Base):
    __tablename__ = "roster_batch"
    __table_args__ = (Index("ix_roster_batch_compound_id", "compound_id"),)
    id: Mapped[Id]
    compound_id: Mapped[Ref]
    file: Mapped[Key]  # its name, for people
    digest: Mapped[Key]  # of its bytes
    at: Mapped[datetime]
    by: Mapped[int | None] = mapped_column(BigInt)
    state: Mapped[Code]  # staged, applied, undone, dropped
    counts: Mapped[dict[str, Any]]


class RosterChange(Base):
    """One change of a batch: what to do, and once done, what undoes it. Personal parts are encrypted."""

    __tablename__ = "roster_change"
    __table_args__ = (Index("ix_roster_change_batch_id", "batch_id"),)
    id: Mapped[Id]
    batch_id: Mapped[Ref]
    kind: Mapped[Code]
    data: Mapped[dict[str, Any]]
