"""Statements by which a person's identity on a platform passes from one account to another."""

from sqlalchemy import bindparam, delete, select, update

from domain.people import Place
from storage import outbox, tickets
from storage.conversations import ConversationRow
from storage.database import Tx
from storage.outbox import HELD, WAITING, Outbox
from storage.people import Identity, Resident
from storage.places import Household

_this = (Identity.bot_id == bindparam("bot"), Identity.user_id == bindparam("user"))
_of = select(Identity.person_id).where(*_this)
_take = update(Identity).where(*_this, Identity.person_id == bindparam("before")).values(person_id=bindparam("person"))
_drop = delete(Identity).where(*_this, Identity.person_id == bindparam("person"))
_homes = (
    select(Household.compound_id, Household.building_id)
    .distinct()
    .join_from(Resident, Household, Household.id == Resident.household_id)
    .where(Resident.person_id == bindparam("person"))
    .order_by(Household.building_id)
)
_end_dialogs = delete(ConversationRow).where(
    ConversationRow.bot_id == bindparam("bot"),
    ConversationRow.chat_id == bindparam("user"),
    ConversationRow.user_id == bindparam("user"),
)
_unsaid = select(Outbox.id, Outbox.state, Outbox.message).where(
    Outbox.bot_id == bindparam("bot"), Outbox.chat_id == bindparam("user"), Outbox.state.in_([WAITING, HELD])
)
_end_word = delete(Outbox).where(Outbox.id == bindparam("row"))


def owner(tx: Tx, bot_id: str, user: str) -> int | None:
    """Whose account it is, by the person's id."""
    return tx.execute(_of, {"bot": bot_id, "user": user}).scalar()


def homes(tx: Tx, person_id: int) -> list[Place]:
    """The buildings in which the person has a home."""
    return [Place(row.compound_id, row.building_id) for row in tx.execute(_homes, {"person": person_id})]


def take(tx: Tx, bot_id: str, user: str, *, before: int, person: int) -> bool:
    """The account is another person's from now on; False where it was not that one's any more."""
    return tx.execute(_take, {"bot": bot_id, "user": user, "before": before, "person": person}).rowcount == 1


def drop(tx: Tx, bot_id: str, user: str, person_id: int) -> bool:
    """The account is a stranger's from now on; False where it is already."""
    return tx.execute(_drop, {"bot": bot_id, "user": user, "person": person_id}).rowcount == 1


def move_private(tx: Tx, bot_id: str, old: str, new: str) -> None:
    """The private chat of one account passes to the other: open questions and kept words end, what else was not said
    yet and what was reported there follow."""
    tx.execute(_end_dialogs, {"bot": bot_id, "user": old})
    for row in tx.execute(_unsaid, {"bot": bot_id, "user": old}).all():
        if row.state == HELD or row.message.get("question"):
            tx.execute(_end_word, {"row": row.id})
    outbox.move_chat(tx, bot_id=bot_id, old=old, new=new)
    tickets.move_chat(tx, bot_id, old, new)
