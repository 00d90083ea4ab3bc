"""Joining a household: requests that a building head decides, and consents."""

from datetime import datetime

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.base import Base, BigInt, Code, Id, Key, Ref

_open = text("state = 'open'")


class HomeRequest(Base):
    """`我是 3-2-501 王阿姨`: waits for a head. One open request a person."""

    __tablename__ = "home_request"
    __table_args__ = (
        Index("uq_home_request_open", "person_id", unique=True, sqlite_where=_open, postgresql_where=_open),
        Index("ix_home_request_household_id", "household_id"),
        Index("ix_home_request_building", "building_id", sqlite_where=_open, postgresql_where=_open),
    )
    id: Mapped[Id]
    bot_id: Mapped[Code]
    person_id: Mapped[Ref]
    compound_id: Mapped[Ref]
    building_id: Mapped[Ref]
    household_id: Mapped[Ref]
    relation: Mapped[Code]
    name: Mapped[Key]  # as they say it; erased with the request
    at: Mapped[datetime]
    state: Mapped[Code]  # open, approved, refused, withdrawn
    decided_by: Mapped[int | None] = mapped_column(BigInt)
    decided_at: Mapped[datetime | None]


class Consent(Base):
    """What a person agreed to, when, and before whom (PIPL, articles 14 and 15)."""

    __tablename__ = "consent"
    __table_args__ = (Index("ix_consent_person_id", "person_id"),)
    id: Mapped[Id]
    person_id: Mapped[Ref]
    purpose: Mapped[Code]
    given_at: Mapped[datetime]
    recorded_by: Mapped[int | None] = mapped_column(BigInt)  # None: the person themselves
    withdrawn_at: Mapped[datetime | None]
