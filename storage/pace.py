"""How fast a bot may speak: what it sent lately, and when it may write to a chat again. Shared by all processes.

A message counts from the moment its platform answered, and while it is on its way: so no window on the platform's side
ever holds more than the limit, however slow the line was.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from storage.base import Base, Code, Key, upsert
from storage.database import Tx

BOT = ""  # the row of the whole bot stands beside those of its chats
_MARGIN = 0.05  # seconds: the platform's clock need not run like ours


@dataclass(frozen=True, slots=True)
class Rates:
    """0 is no limit. per_second: messages of the bot; per_minute: to one group; chat_pause: seconds between two
    messages to one chat. second: how long a second is (shorter in tests)."""

    per_second: int = 0
    per_minute: int = 0
    chat_pause: float = 0
    second: float = 1.0

    def __bool__(self) -> bool:
        return bool(self.per_second or self.per_minute or self.chat_pause)


class PaceRow(Base):
    __tablename__ = "pace"
    bot_id: Mapped[Code] = mapped_column(primary_key=True)
    chat_id: Mapped[Key] = mapped_column(primary_key=True)
    not_before: Mapped[datetime]
    flooded_until: Mapped[datetime]
    sent: Mapped[list[Any]]  # moments of the last messages, seconds since 1970


_new = upsert(PaceRow).on_conflict_do_nothing()
_get = (
    select(PaceRow.not_before, PaceRow.flooded_until, PaceRow.sent)
    .where(PaceRow.bot_id == bindparam("bot"), PaceRow.chat_id == bindparam("chat"))
    .with_for_update()
)
_set_new = upsert(PaceRow)
_set = _set_new.on_conflict_do_update(
    index_elements=[PaceRow.bot_id, PaceRow.chat_id],
    set_={name: _set_new.excluded[name] for name in ("not_before", "flooded_until", "sent")},
)
_forget = delete(PaceRow).where(PaceRow.not_before < bindparam("before"), PaceRow.chat_id != bindparam("all"))
_flooded = select(PaceRow.chat_id).where(
    PaceRow.bot_id == bindparam("bot"),
    PaceRow.chat_id != bindparam("chat"),
    PaceRow.flooded_until > bindparam("now"),
)


def room(tx: Tx, rates: Rates, *, bot_id: str, now: datetime) -> int:
    """How many messages may be under way now. Locks the bot's pace until the transaction ends, so that no other process
    gives out the same room."""
    not_before, _, sent = _lock(tx, bot_id, BOT, now)
    if not_before > now:
        return 0
    if not rates.per_second:
        return 1_000
    since = now.timestamp() - rates.second - _MARGIN
    return rates.per_second - sum(moment > since for moment in sent)


def note(tx: Tx, rates: Rates, *, bot_id: str, chat_id: str, group: bool, now: datetime, flooded: float = 0) -> None:
    """A message was answered. flooded: the platform wants so many seconds of rest, in this chat; of the whole bot, as
    soon as it says so in a second chat."""
    _, resting, sent = _lock(tx, bot_id, BOT, now)
    until = now + timedelta(seconds=flooded + _MARGIN if flooded else 0)
    elsewhere = tx.execute(_flooded, {"bot": bot_id, "chat": chat_id, "now": now}).first() if flooded else None
    rest = max(resting, until) if elsewhere else resting
    moments = _last(sent, now, rates.second, rates.per_second)
    _write(tx, bot_id, BOT, (rest, rest), moments)
    before, rested, sent = _lock(tx, bot_id, chat_id, now)
    moments = _last(sent, now, 60 * rates.second, rates.per_minute)
    free = now + timedelta(seconds=rates.chat_pause * rates.second + _MARGIN)
    if group and rates.per_minute and len(moments) >= rates.per_minute:
        wait = moments[0] + 60 * rates.second + _MARGIN - now.timestamp()
        free = max(free, now + timedelta(seconds=wait))
    _write(tx, bot_id, chat_id, (max(before, free, until), max(rested, until)), moments)


def _lock(tx: Tx, bot_id: str, chat_id: str, now: datetime) -> tuple[datetime, datetime, Sequence[float]]:
    row = tx.execute(_get, {"bot": bot_id, "chat": chat_id}).first()
    if row is None:
        new = {"bot_id": bot_id, "chat_id": chat_id, "not_before": now, "flooded_until": now, "sent": []}
        tx.execute(_new, new)
        row = tx.execute(_get, {"bot": bot_id, "chat": chat_id}).one()
    return row[0], row[1], row[2]


def _last(sent: Sequence[float], now: datetime, window: float, most: int) -> list[float]:
    """The moments within the window that still count, this one the last."""
    since = now.timestamp() - window - _MARGIN
    kept = [moment for moment in sent if moment > since]
    return [*kept, now.timestamp()][-most:] if most else []


def _write(tx: Tx, bot_id: str, chat_id: str, until: tuple[datetime, datetime], sent: list[float]) -> None:
    not_before, flooded = until
    row = {"bot_id": bot_id, "chat_id": chat_id, "not_before": not_before, "flooded_until": flooded, "sent": sent}
    tx.execute(_set, row)


def forget(tx: Tx, *, before: datetime) -> int:
    """Chats that nothing was said in lately; to whom the bot spoke once is nobody's business later."""
    return tx.execute(_forget, {"before": before, "all": BOT}).rowcount
