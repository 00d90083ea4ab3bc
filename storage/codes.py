"""One-time codes: 门牌码 for a household, a code by which a chat is bound to its place. Only digests are stored."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from storage.base import Base, BigInt, Code, Id, Key


class CodeRow(Base):
    __tablename__ = "code"
    __table_args__ = (
        Index("uq_code_digest", "digest", unique=True),
        Index("ix_code_household_id", "household_id"),
        Index("ix_code_expires_at", "expires_at"),
    )
    id: Mapped[Id]
    kind: Mapped[Code]  # home, chat
    digest: Mapped[Key]
    compound_id: Mapped[int] = mapped_column(BigInt)
    household_id: Mapped[int | None] = mapped_column(BigInt)
    target: Mapped[dict[str, Any]]  # of a chat: building_id, unit_id, body_id
    made_by: Mapped[int | None] = mapped_column(BigInt)
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    used_by: Mapped[int | None] = mapped_column(BigInt)
