"""Counts of tickets, and the months that are closed."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from storage.base import Base, BigInt, Code, Id, Key, Ref


class ClosedMonth(Base):
    """A body's figures of a month, frozen when it was closed; later answers count in the next."""

    __tablename__ = "closed_month"
    __table_args__ = (Index("uq_closed_month_body_id_month", "body_id", "month", unique=True),)
    id: Mapped[Id]
    body_id: Mapped[Ref]
    month: Mapped[Code]  # 2026-11
    closed_at: Mapped[datetime]
    closed_by: Mapped[int | None] = mapped_column(BigInt)
    figures: Mapped[dict[str, Any]]
    digest: Mapped[Key]


class TicketGuess(Base):
    """What the classifier thought of a ticket, and why."""

    __tablename__ = "ticket_guess"
    ticket_id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    category: Mapped[Code]
    runner_up: Mapped[Code]
    probability: Mapped[int]  # in hundredths of a percent
    reasons: Mapped[list[Any]]
    version: Mapped[Code]
