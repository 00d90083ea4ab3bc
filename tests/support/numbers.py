"""Phones and numbers of identity cards in the database, as an import leaves them."""

from sqlalchemy import select, update

from storage.database import Tx
from storage.people import PersonRow
from storage.vault import Vault


def set_numbers(tx: Tx, person_id: int, ring: Vault, *, phone: str = "", paper: str = "") -> None:
    """Store a phone and the number of an identity card, sealed; "" leaves what stands there."""
    values: dict[str, str] = {}
    for name, text in (("phone", phone), ("paper", paper)):
        if text:
            values |= {name: ring.seal(text), f"{name}_key": ring.key_of(text)}
    if values:
        tx.execute(update(PersonRow).where(PersonRow.id == person_id).values(**values))


def by_phone(tx: Tx, ring: Vault, phone: str) -> list[int]:
    """The people with that phone: families share one."""
    found = select(PersonRow.id).where(PersonRow.phone_key.in_(ring.keys_of(phone))).order_by(PersonRow.id)
    return [row[0] for row in tx.execute(found)]
