"""Compound → building → unit → household, and the chats bound to them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Index, bindparam, func, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from domain.people import Chat, Place
from storage.base import Base, BigInt, Code, Id, Key, Ref, upsert
from storage.database import Tx

# May the bot speak in a chat? muted: it only hears; gone: it was put out.
OPEN, MUTED, GONE = "open", "muted", "gone"


class Compound(Base):
    __tablename__ = "compound"
    __table_args__ = (Index("ix_compound_merged_into", "merged_into"), Index("ix_compound_name", "name"))
    id: Mapped[Id]
    name: Mapped[Key]
    merged_into: Mapped[int | None] = mapped_column(BigInt)  # where its places are now
    merged_at: Mapped[datetime | None]


class Building(Base):
    __tablename__ = "building"
    __table_args__ = (Index("ix_building_compound_id", "compound_id"),)
    id: Mapped[Id]
    compound_id: Mapped[Ref]
    number: Mapped[Code]


class Unit(Base):
    __tablename__ = "unit"
    __table_args__ = (Index("ix_unit_building_id", "building_id"),)
    id: Mapped[Id]
    compound_id: Mapped[Ref]
    building_id: Mapped[Ref]
    number: Mapped[Code]


class Household(Base):
    __tablename__ = "household"
    __table_args__ = (
        Index("uq_household_building_id_unit_id_room", "building_id", "unit_id", "room", unique=True),
        Index("ix_household_compound_id", "compound_id"),
    )
    id: Mapped[Id]
    compound_id: Mapped[Ref]
    building_id: Mapped[Ref]
    unit_id: Mapped[int | None] = mapped_column(BigInt)
    room: Mapped[Code]
    area: Mapped[int | None]  # exclusive area in hundredths of a square metre
    kind: Mapped[Code] = mapped_column(server_default="home")  # home, shop, office, parking, storage, other


class ChatRow(Base):
    __tablename__ = "chat"
    __table_args__ = (
        Index("ix_chat_body_id", "body_id"),
        Index("ix_chat_compound_id", "compound_id"),
    )
    bot_id: Mapped[Code] = mapped_column(primary_key=True)
    chat_id: Mapped[Key] = mapped_column(primary_key=True)
    title: Mapped[Key]
    compound_id: Mapped[Ref]
    building_id: Mapped[int | None] = mapped_column(BigInt)
    unit_id: Mapped[int | None] = mapped_column(BigInt)
    body_id: Mapped[int | None] = mapped_column(BigInt)
    state: Mapped[Code] = mapped_column(server_default=OPEN)
    quiet_until: Mapped[datetime | None]  # until then nothing but what is urgent is said here


def chat_columns(building: type[Building], unit: type[Unit]) -> tuple[Any, ...]:
    """What `as_chat` reads; `building` and `unit`: the tables (or aliases) joined for the chat's place."""
    chat = ChatRow.bot_id, ChatRow.chat_id, ChatRow.title, ChatRow.body_id
    return *chat, ChatRow.compound_id, ChatRow.building_id, ChatRow.unit_id, building.number, unit.number


_chats = (
    select(*chat_columns(Building, Unit))
    .outerjoin(Building, Building.id == ChatRow.building_id)
    .outerjoin(Unit, Unit.id == ChatRow.unit_id)
)
_find_chat = _chats.where(ChatRow.bot_id == bindparam("bot"), ChatRow.chat_id == bindparam("chat"))
_chats_of_body = _chats.where(ChatRow.body_id == bindparam("body"), ChatRow.state == OPEN).order_by(ChatRow.chat_id)
_find_building = select(Building.id, Building.number).where(
    Building.compound_id == bindparam("compound"), Building.number == bindparam("number")
)
_buildings = (
    select(Building.id, Building.number).where(Building.compound_id == bindparam("compound")).order_by(Building.id)
)
_find_unit = select(Unit.id).where(Unit.building_id == bindparam("building"), Unit.number == bindparam("number"))
_find_household = select(Household.id).where(
    Household.building_id == bindparam("building"),
    Household.unit_id.is_not_distinct_from(bindparam("unit")),
    Household.room == bindparam("room"),
)
_all_chats = _chats.where(ChatRow.bot_id == bindparam("bot")).order_by(ChatRow.chat_id)
_chats_at = _chats.where(
    ChatRow.bot_id == bindparam("bot"),
    ChatRow.compound_id == bindparam("compound"),
    ChatRow.building_id.is_not_distinct_from(bindparam("building", type_=BigInt)),
).order_by(ChatRow.chat_id)
_residents_chats = _chats.where(
    ChatRow.bot_id == bindparam("bot"),
    ChatRow.compound_id.in_(bindparam("compounds", expanding=True)),
    ChatRow.body_id.is_(None),
    ChatRow.state != GONE,
).order_by(func.coalesce(ChatRow.building_id, 0), ChatRow.chat_id)  # NULL has no place of its own
_bound_chats = select(ChatRow.bot_id, ChatRow.chat_id, ChatRow.compound_id)
_compounds = select(ChatRow.compound_id).distinct().where(ChatRow.bot_id == bindparam("bot"))
_bind = upsert(ChatRow).values(state=OPEN).on_conflict_do_nothing()
_this = (ChatRow.bot_id == bindparam("bot"), ChatRow.chat_id == bindparam("chat"))
_set_state = update(ChatRow).where(*_this, ChatRow.state != bindparam("new")).values(state=bindparam("new"))
_set_quiet = update(ChatRow).where(*_this).values(quiet_until=bindparam("until"))
_quiet_until = select(ChatRow.quiet_until).where(*_this)
_move = update(ChatRow).where(*_this).values(chat_id=bindparam("new"))
_closed = select(ChatRow.title, ChatRow.state).where(ChatRow.bot_id == bindparam("bot"), ChatRow.state != OPEN)


def as_chat(row: Sequence[Any]) -> Chat:
    """A chat from the values of `chat_columns`."""
    bot_id, chat_id, title, body_id, compound_id, building_id, unit_id, building, unit = row
    return Chat(bot_id, chat_id, title, Place(compound_id, building_id, unit_id, building or "", unit or ""), body_id)


def find_chat(tx: Tx, bot_id: str, chat_id: str) -> Chat | None:
    row = tx.execute(_find_chat, {"bot": bot_id, "chat": chat_id}).first()
    return as_chat(row) if row else None


def chats_of_body(tx: Tx, body_id: int) -> list[Chat]:
    """The work chats of a body; usually one, none where it has not opened one yet."""
    return [as_chat(row) for row in tx.execute(_chats_of_body, {"body": body_id})]


def all_chats(tx: Tx, bot_id: str) -> list[Chat]:
    return [as_chat(row) for row in tx.execute(_all_chats, {"bot": bot_id})]


def chats_at(tx: Tx, bot_id: str, place: Place) -> list[Chat]:
    """The chats bound to that building (or, without one, to the whole compound), work chats among them."""
    values = {"bot": bot_id, "compound": place.compound_id, "building": place.building_id}
    return [as_chat(row) for row in tx.execute(_chats_at, values)]


def residents_chats(tx: Tx, bot_id: str, compound_ids: Sequence[int]) -> list[Chat]:
    """The groups of residents in these compounds, by building."""
    return [as_chat(row) for row in tx.execute(_residents_chats, {"bot": bot_id, "compounds": list(compound_ids)})]


def compounds_of_chats(tx: Tx) -> dict[tuple[str, str], int]:
    """The compound of every bound group, by bot and group."""
    return {(row.bot_id, row.chat_id): row.compound_id for row in tx.execute(_bound_chats)}


def compounds(tx: Tx, bot_id: str) -> list[int]:
    """The compounds this bot serves."""
    return [row[0] for row in tx.execute(_compounds, {"bot": bot_id})]


def find_building(tx: Tx, compound_id: int, number: str) -> int | None:
    return tx.execute(_find_building, {"compound": compound_id, "number": number}).scalar()


def buildings(tx: Tx, compound_id: int) -> list[tuple[int, str]]:
    """(id, number) of a compound's buildings."""
    return [(row.id, row.number) for row in tx.execute(_buildings, {"compound": compound_id})]


def find_unit(tx: Tx, building_id: int, number: str) -> int | None:
    return tx.execute(_find_unit, {"building": building_id, "number": number}).scalar()


def find_household(tx: Tx, building_id: int, unit_id: int | None, room: str) -> int | None:
    return tx.execute(_find_household, {"building": building_id, "unit": unit_id, "room": room}).scalar()


def add_compound(tx: Tx, name: str) -> int:
    return int(tx.execute(insert(Compound).returning(Compound.id), {"name": name}).scalar_one())


def add_building(tx: Tx, compound_id: int, number: str) -> int:
    row = {"compound_id": compound_id, "number": number}
    return int(tx.execute(insert(Building).returning(Building.id), row).scalar_one())


def add_unit(tx: Tx, compound_id: int, building_id: int, number: str) -> int:
    row = {"compound_id": compound_id, "building_id": building_id, "number": number}
    return int(tx.execute(insert(Unit).returning(Unit.id), row).scalar_one())


def add_household(tx: Tx, compound_id: int, building_id: int, unit_id: int | None, room: str) -> int:
    row = {"compound_id": compound_id, "building_id": building_id, "unit_id": unit_id, "room": room}
    return int(tx.execute(insert(Household).returning(Household.id), row).scalar_one())


def add_households(tx: Tx, compound_id: int, building_id: int, unit_id: int, rooms: list[str]) -> None:
    """Many households of one unit, all new."""
    row = {"compound_id": compound_id, "building_id": building_id, "unit_id": unit_id}
    tx.execute(insert(Household), [{**row, "room": room} for room in rooms])


def bind_chat(tx: Tx, *, bot_id: str, chat_id: str, title: str, place: Place, body_id: int | None = None) -> bool:
    """False where the chat is bound already."""
    bound = tx.execute(
        _bind,
        {
            "bot_id": bot_id,
            "chat_id": chat_id,
            "title": title,
            "compound_id": place.compound_id,
            "building_id": place.building_id,
            "unit_id": place.unit_id,
            "body_id": body_id,
        },
    )
    return bound.rowcount == 1


def set_state(tx: Tx, bot_id: str, chat_id: str, state: str) -> bool:
    """Whether the bot may speak in a bound chat; False where nothing changed."""
    return tx.execute(_set_state, {"bot": bot_id, "chat": chat_id, "new": state}).rowcount == 1


def set_quiet(tx: Tx, bot_id: str, chat_id: str, until: datetime) -> None:
    """Until then the outbox keeps what is not urgent; a moment that is over ends it."""
    tx.execute(_set_quiet, {"bot": bot_id, "chat": chat_id, "until": until})


def quiet_until(tx: Tx, bot_id: str, chat_id: str) -> datetime | None:
    """Until when the bot is or was quiet there."""
    until: datetime | None = tx.execute(_quiet_until, {"bot": bot_id, "chat": chat_id}).scalar()
    return until


def move_chat(tx: Tx, bot_id: str, old: str, new: str) -> bool:
    """A bound chat has another id on its platform; False where the old one is not bound, or the new one already is."""
    if find_chat(tx, bot_id, new) is not None:
        return False
    return tx.execute(_move, {"bot": bot_id, "chat": old, "new": new}).rowcount == 1


def closed_chats(tx: Tx, bot_id: str) -> list[tuple[str, str]]:
    """(title, state) of the chats where the bot may not speak."""
    return [(row.title, row.state) for row in tx.execute(_closed, {"bot": bot_id})]
