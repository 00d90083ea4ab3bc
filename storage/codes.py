"""One-time codes: 门牌码 for a household, by which a chat is bound, by which an account is changed. Only digests are
stored."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Index, bindparam, delete, func, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from storage.base import Base, BigInt, Code, Id, Key, upsert
from storage.database import Tx
from storage.vault import vault

HOME, CHAT, ACCOUNT = "home", "chat", "account"


class CodeRow(Base):
    __tablename__ = "code"
    __table_args__ = (
        Index("uq_code_digest", "digest", unique=True),
        Index("ix_code_household_id", "household_id"),
        Index("ix_code_expires_at", "expires_at"),
    )
    id: Mapped[Id]
    kind: Mapped[Code]  # home, chat, account
    digest: Mapped[Key]
    compound_id: Mapped[int] = mapped_column(BigInt)
    household_id: Mapped[int | None] = mapped_column(BigInt)
    target: Mapped[dict[str, Any]]  # of a chat: building_id, unit_id, body_id; of an account: person, bot, user
    made_by: Mapped[int | None] = mapped_column(BigInt)
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    used_by: Mapped[int | None] = mapped_column(BigInt)


class CodeMiss(Base):
    """A wrong code that was tried in a group or by a person; a few an hour are heard."""

    __tablename__ = "code_miss"
    __table_args__ = (Index("ix_code_miss_chat", "bot_id", "chat_id", "at"),)
    id: Mapped[Id]
    bot_id: Mapped[Code]
    chat_id: Mapped[Key]  # of a person: their user id
    at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class Found:
    """A code that may still be used."""

    id: int
    compound_id: int
    household_id: int | None
    target: dict[str, Any]
    made_by: int | None


_usable = (CodeRow.used_at.is_(None), CodeRow.expires_at > bindparam("now"))
_add = upsert(CodeRow).on_conflict_do_nothing()
_find = select(CodeRow.id, CodeRow.compound_id, CodeRow.household_id, CodeRow.target, CodeRow.made_by).where(
    CodeRow.digest.in_(bindparam("digests", expanding=True)), CodeRow.kind == bindparam("kind"), *_usable
)
_use = (
    update(CodeRow)
    .where(CodeRow.id == bindparam("row"), *_usable)
    .values(used_at=bindparam("now"), used_by=bindparam("person"))
)
_miss = insert(CodeMiss)
_misses = select(func.count(CodeMiss.id)).where(
    CodeMiss.bot_id == bindparam("bot"), CodeMiss.chat_id == bindparam("chat"), CodeMiss.at > bindparam("since")
)
_forget = delete(CodeRow).where(CodeRow.expires_at < bindparam("before"))
_forget_misses = delete(CodeMiss).where(CodeMiss.at < bindparam("before"))


def _digests(kind: str, code: str) -> list[str]:
    """The digest to store, and others it may be stored under. Without keys a plain one: six digits are soon guessed
    by whoever holds the database, so codes live shortly and work once."""
    text, keys = f"{kind} {code}", vault()
    return [*(keys.keys_of(text) if keys else ()), sha256(text.encode()).hexdigest()]


def add(tx: Tx, *, kind: str, code: str, **values: Any) -> bool:
    """values: compound_id, household_id, target, made_by, made_at, expires_at. False where that code is another's."""
    row = {"kind": kind, "digest": _digests(kind, code)[0], **values}
    return tx.execute(_add, row).rowcount == 1


def find(tx: Tx, *, kind: str, code: str, now: datetime) -> Found | None:
    row = tx.execute(_find, {"digests": _digests(kind, code), "kind": kind, "now": now}).first()
    return Found(*row) if row else None


def use(tx: Tx, code_id: int, *, person_id: int, now: datetime) -> bool:
    """False where it was used at this moment by another."""
    return tx.execute(_use, {"row": code_id, "person": person_id, "now": now}).rowcount == 1


def miss(tx: Tx, *, bot_id: str, chat_id: str, at: datetime) -> None:
    tx.execute(_miss, {"bot_id": bot_id, "chat_id": chat_id, "at": at})


def misses(tx: Tx, *, bot_id: str, chat_id: str, since: datetime) -> int:
    return int(tx.execute(_misses, {"bot": bot_id, "chat": chat_id, "since": since}).scalar_one())


def forget(tx: Tx, *, before: datetime) -> int:
    """Codes that ran out and tries, both long ago."""
    tx.execute(_forget_misses, {"before": before})
    return tx.execute(_forget, {"before": before}).rowcount
