"""Which process receives for a bot: one at a time, by a row that must be renewed."""

from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, or_
from sqlalchemy.orm import Mapped, mapped_column

from storage.base import Base, Code, upsert
from storage.database import Tx


class Receiver(Base):
    __tablename__ = "receiver"
    bot_id: Mapped[Code] = mapped_column(primary_key=True)
    holder: Mapped[Code]
    until: Mapped[datetime]


_new = upsert(Receiver)
_hold = _new.on_conflict_do_update(
    index_elements=[Receiver.bot_id],
    set_={"holder": _new.excluded.holder, "until": _new.excluded.until},
    where=or_(Receiver.holder == _new.excluded.holder, Receiver.until <= bindparam("now")),
)
_release = delete(Receiver).where(Receiver.bot_id == bindparam("bot"), Receiver.holder == bindparam("by"))


def hold(tx: Tx, *, bot_id: str, holder: str, now: datetime, lease: timedelta) -> bool:
    """Become the bot's receiver, or stay it; False while another process is."""
    row = {"bot_id": bot_id, "holder": holder, "until": now + lease, "now": now}
    return tx.execute(_hold, row).rowcount == 1


def release(tx: Tx, *, bot_id: str, holder: str) -> None:
    tx.execute(_release, {"bot": bot_id, "by": holder})
