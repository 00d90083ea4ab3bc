"""Open dialogs: one row per (chat, person) with the answers so far. Closed dialogs leave no row."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from storage.base import Base, Code, Key, upsert
from storage.database import Tx


class ConversationRow(Base):
    __tablename__ = "conversation"
    bot_id: Mapped[Code] = mapped_column(primary_key=True)
    chat_id: Mapped[Key] = mapped_column(primary_key=True)
    user_id: Mapped[Key] = mapped_column(primary_key=True)
    flow: Mapped[Code]
    args: Mapped[dict[str, Any]]
    answers: Mapped[list[Any]]
    pending: Mapped[Code]
    question: Mapped[Code]
    labels: Mapped[list[Any]]
    said: Mapped[int]
    misses: Mapped[int]
    secret: Mapped[bool]
    expires_at: Mapped[datetime]


@dataclass(slots=True)
class Conversation:
    """flow(args) asked `pending` and waits. answers: [[key, value], …]; labels: [[number, label], …], none for a
    question answered in words; question: the id a button press must carry; said: messages spoken before the
    question; misses: wrong answers in a row."""

    flow: str
    args: dict[str, Any]
    answers: list[Any]
    pending: str
    question: str
    expires_at: datetime
    labels: list[Any] = field(default_factory=list)
    said: int = 0
    misses: int = 0
    secret: bool = False


_key = (
    ConversationRow.bot_id == bindparam("bot"),
    ConversationRow.chat_id == bindparam("chat"),
    ConversationRow.user_id == bindparam("user"),
)
_columns = (
    ConversationRow.flow,
    ConversationRow.args,
    ConversationRow.answers,
    ConversationRow.pending,
    ConversationRow.question,
    ConversationRow.expires_at,
    ConversationRow.labels,
    ConversationRow.said,
    ConversationRow.misses,
    ConversationRow.secret,
)
_open = select(ConversationRow.flow).where(*_key, ConversationRow.expires_at > bindparam("now"))
_find = select(*_columns).where(*_key, ConversationRow.expires_at > bindparam("now"))
_close = delete(ConversationRow).where(*_key)
_forget = delete(ConversationRow).where(ConversationRow.expires_at < bindparam("before"))
_saved = ("flow", "args", "answers", "pending", "question", "expires_at", "labels", "said", "misses", "secret")
_save_new = upsert(ConversationRow)
_save = _save_new.on_conflict_do_update(
    index_elements=[ConversationRow.bot_id, ConversationRow.chat_id, ConversationRow.user_id],
    set_={name: _save_new.excluded[name] for name in _saved},
)


def is_open(tx: Tx, bot_id: str, chat_id: str, user_id: str, now: datetime) -> bool:
    """A dialog waits for this person's answer."""
    return tx.execute(_open, {"bot": bot_id, "chat": chat_id, "user": user_id, "now": now}).first() is not None


def find(tx: Tx, bot_id: str, chat_id: str, user_id: str, now: datetime) -> Conversation | None:
    row = tx.execute(_find, {"bot": bot_id, "chat": chat_id, "user": user_id, "now": now}).first()
    return Conversation(*row) if row else None


def save(tx: Tx, bot_id: str, chat_id: str, user_id: str, conversation: Conversation) -> None:
    values = {name: getattr(conversation, name) for name in _saved}
    tx.execute(_save, {"bot_id": bot_id, "chat_id": chat_id, "user_id": user_id, **values})


def close(tx: Tx, bot_id: str, chat_id: str, user_id: str) -> None:
    tx.execute(_close, {"bot": bot_id, "chat": chat_id, "user": user_id})


def forget_expired(tx: Tx, *, before: datetime) -> int:
    return tx.execute(_forget, {"before": before}).rowcount
