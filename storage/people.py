"""People with their platform identities, households and posts; the bodies of the organisation tree."""

from datetime import datetime

from sqlalchemy import Boolean, Index, String, and_, bindparam, delete, func, insert, select, update
from sqlalchemy.orm import Mapped, aliased, mapped_column

from domain.people import Body, Chat, Level, Person, Place, Post, Role
from storage.base import Base, BigInt, Code, Id, Key, Ref, upsert
from storage.database import Tx
from storage.places import OPEN, Building, ChatRow, Household, Unit, as_chat, chat_columns


class PersonRow(Base):
    """A person; the name is personal data and can be erased."""

    __tablename__ = "person"
    __table_args__ = (Index("ix_person_phone_key", "phone_key"), Index("ix_person_paper_key", "paper_key"))
    id: Mapped[Id]
    name: Mapped[str | None] = mapped_column(String(200))
    outsider: Mapped[bool] = mapped_column(Boolean)  # a trader or guest in the group, of no household here
    phone: Mapped[str | None] = mapped_column(String(300))  # encrypted (storage/vault.py)
    phone_key: Mapped[str | None] = mapped_column(String(64))  # to find it by: a keyed digest
    paper: Mapped[str | None] = mapped_column(String(300))  # number of the identity card, encrypted
    paper_key: Mapped[str | None] = mapped_column(String(64))
    erased_at: Mapped[datetime | None]


class Identity(Base):
    __tablename__ = "identity"
    __table_args__ = (Index("ix_identity_person_id", "person_id"),)
    bot_id: Mapped[Code] = mapped_column(primary_key=True)
    user_id: Mapped[Key] = mapped_column(primary_key=True)
    person_id: Mapped[Ref]
    closed_at: Mapped[datetime | None]  # since when they cannot be written to privately


class Resident(Base):
    __tablename__ = "resident"
    __table_args__ = (Index("ix_resident_household_id", "household_id"),)
    person_id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    household_id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    relation: Mapped[Code]  # owner, co_owner, tenant, family, helper
    source: Mapped[Code] = mapped_column(server_default="demo")  # roster, code, head: how it is known
    since: Mapped[datetime | None]


class BodyRow(Base):
    __tablename__ = "body"
    __table_args__ = (
        Index("ix_body_compound_id", "compound_id"),
        Index("ix_body_building_id", "building_id"),
        Index("ix_body_parent_id", "parent_id"),
    )
    id: Mapped[Id]
    parent_id: Mapped[int | None] = mapped_column(BigInt)
    level: Mapped[int]
    name: Mapped[Key]
    path: Mapped[Key]
    compound_id: Mapped[int | None] = mapped_column(BigInt)
    building_id: Mapped[int | None] = mapped_column(BigInt)


class PostRow(Base):
    __tablename__ = "post"
    __table_args__ = (Index("ix_post_body_id", "body_id"),)
    person_id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    body_id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    role: Mapped[Code] = mapped_column(primary_key=True)
    since: Mapped[datetime | None]
    until: Mapped[datetime | None]  # the end of the term, or of standing in for somebody
    acts_for: Mapped[int | None] = mapped_column(BigInt)  # whose deputy


class PostHistory(Base):
    """Posts that were held; append-only."""

    __tablename__ = "post_history"
    __table_args__ = (Index("ix_post_history_body_id", "body_id"), Index("ix_post_history_person_id", "person_id"))
    id: Mapped[Id]
    person_id: Mapped[Ref]
    body_id: Mapped[Ref]
    role: Mapped[Code]
    since: Mapped[datetime | None]
    ended_at: Mapped[datetime]
    ended_by: Mapped[int | None] = mapped_column(BigInt)  # None: the clock
    acts_for: Mapped[int | None] = mapped_column(BigInt)


class HouseholdBody(Base):
    """Which member household (党员中心户) looks after a household."""

    __tablename__ = "household_body"
    __table_args__ = (Index("ix_household_body_body_id", "body_id"),)
    household_id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    body_id: Mapped[Ref]


# Not a plain comparison: SQLite would begin with all identities of the bot instead of the few people asked for.
of_bot = func.coalesce(Identity.bot_id, "") == bindparam("bot")
body_columns = (BodyRow.id, BodyRow.level, BodyRow.name, BodyRow.path, BodyRow.compound_id, BodyRow.building_id)
_me = select(
    bindparam("bot", type_=String()).label("bot"),
    bindparam("user", type_=String()).label("user"),
    bindparam("chat", type_=String()).label("chat"),
).subquery("me")
_chat_building, _chat_unit = aliased(Building), aliased(Unit)
_person_columns = (
    PersonRow.id,
    PersonRow.name,
    PersonRow.outsider,
    Household.id,
    Household.compound_id,
    Household.building_id,
    Household.unit_id,
    Building.number,
    Unit.number,
)
_chat_columns = chat_columns(_chat_building, _chat_unit)
# One row for each post of the person (one in all for most people): a turn asks once who speaks and where.
_who_speaks = (
    select(*_person_columns, *_chat_columns, PostRow.role, PostRow.acts_for, *body_columns)
    .select_from(_me)
    .outerjoin(Identity, and_(Identity.bot_id == _me.c.bot, Identity.user_id == _me.c.user))
    .outerjoin(PersonRow, PersonRow.id == Identity.person_id)
    .outerjoin(Resident, Resident.person_id == PersonRow.id)
    .outerjoin(Household, Household.id == Resident.household_id)
    .outerjoin(Building, Building.id == Household.building_id)
    .outerjoin(Unit, Unit.id == Household.unit_id)
    .outerjoin(ChatRow, and_(ChatRow.bot_id == _me.c.bot, ChatRow.chat_id == _me.c.chat))
    .outerjoin(_chat_building, _chat_building.id == ChatRow.building_id)
    .outerjoin(_chat_unit, _chat_unit.id == ChatRow.unit_id)
    .outerjoin(PostRow, PostRow.person_id == PersonRow.id)
    .outerjoin(BodyRow, BodyRow.id == PostRow.body_id)
    .order_by(Household.id, BodyRow.level)
)
_posts = (
    select(PostRow.role, PostRow.acts_for, *body_columns)
    .join_from(PostRow, BodyRow, BodyRow.id == PostRow.body_id)
    .where(PostRow.person_id == bindparam("person"))
    .order_by(BodyRow.level)
)
_user_of = (
    select(Identity.user_id)
    .where(Identity.bot_id == bindparam("bot"), Identity.person_id == bindparam("person"))
    .limit(1)
)
_get_body = select(*body_columns).where(BodyRow.id == bindparam("id"))
_group_of_building = (
    select(*body_columns, *_chat_columns)
    .outerjoin(ChatRow, and_(ChatRow.body_id == BodyRow.id, ChatRow.state == OPEN))
    .outerjoin(_chat_building, _chat_building.id == ChatRow.building_id)
    .outerjoin(_chat_unit, _chat_unit.id == ChatRow.unit_id)
    .where(BodyRow.building_id == bindparam("building"), BodyRow.level == Level.BUILDING_GROUP)
    .order_by(BodyRow.id, ChatRow.chat_id)
)
_bodies_of_compound = select(*body_columns).where(BodyRow.compound_id == bindparam("compound"))
_bodies_beside = (
    select(*body_columns)
    .where(
        BodyRow.parent_id.in_(bindparam("parents", expanding=True)),
        BodyRow.compound_id.is_(None),
        BodyRow.level > int(Level.MEMBER_HOUSEHOLD),
    )
    .order_by(BodyRow.id)
)
_rename_body = update(BodyRow).where(BodyRow.id == bindparam("body")).values(name=bindparam("new"))
# Its row stays for the history and the audit log, but out of the tree and of its compound: nobody is above "/0/".
_end_body = (
    update(BodyRow)
    .where(BodyRow.id == bindparam("body"), BodyRow.parent_id.is_not(None))
    .values(parent_id=None, compound_id=None, building_id=None, path=bindparam("new"))
)
_compounds_under = (
    select(BodyRow.compound_id)
    .distinct()
    .where(BodyRow.path.like(bindparam("path")), BodyRow.compound_id.is_not(None))
    .order_by(BodyRow.compound_id)
)
_DEEPEST = 8  # bodies on the way from the street down; a fixed number of places goes straight to the driver
_chain = select(*body_columns).where(BodyRow.id.in_([bindparam(f"at{place}") for place in range(_DEEPEST)]))
_officers = (
    select(Identity.user_id, PostRow.role, PersonRow.id, PersonRow.name)
    .join_from(PostRow, Identity, Identity.person_id == PostRow.person_id)
    .join(PersonRow, PersonRow.id == PostRow.person_id)
    .where(PostRow.body_id == bindparam("body"), of_bot, Identity.closed_at.is_(None))
    .order_by(PostRow.role, PersonRow.id)
)
_on_duty = (
    select(Identity.user_id)
    .join_from(PostRow, Identity, Identity.person_id == PostRow.person_id)
    .join(BodyRow, BodyRow.id == PostRow.body_id)
    .where(
        BodyRow.compound_id == bindparam("compound"),
        PostRow.role == Role.DUTY.value,
        of_bot,
    )
    .order_by(Identity.user_id)
)
_add_identity = upsert(Identity).values(closed_at=None).on_conflict_do_nothing()
_close = (
    update(Identity)
    .where(Identity.bot_id == bindparam("bot"), Identity.user_id == bindparam("user"), Identity.closed_at.is_(None))
    .values(closed_at=bindparam("at"))
    .returning(Identity.person_id)
)
_reopen = (
    update(Identity)
    .where(Identity.bot_id == bindparam("bot"), Identity.user_id == bindparam("user"), Identity.closed_at.is_not(None))
    .values(closed_at=None)
    .returning(Identity.person_id)
)
_closed_officers = (
    select(func.count(Identity.person_id.distinct()))
    .join_from(Identity, PostRow, PostRow.person_id == Identity.person_id)
    .where(Identity.bot_id == bindparam("bot"), Identity.closed_at.is_not(None))
)
_add_resident = upsert(Resident).on_conflict_do_nothing()
_add_post = upsert(PostRow).on_conflict_do_nothing()


def as_body(row: tuple) -> Body:  # type: ignore[type-arg]
    """A body from the values of `body_columns`."""
    number, level, name, path, compound_id, building_id = row
    return Body(number, Level(level), name, path, compound_id, building_id)


def who_speaks(tx: Tx, bot_id: str, user: str, chat_id: str) -> tuple[Person | None, Chat | None]:
    """The person of that identity with posts and (first) household, and the chat; None for what is not known."""
    rows = [tuple(row) for row in tx.execute(_who_speaks, {"bot": bot_id, "user": user, "chat": chat_id})]
    chat = as_chat(rows[0][9:18]) if rows[0][9] else None
    number, name, outsider, household, compound, building_id, unit_id, building, unit = rows[0][:9]
    if number is None:
        return None, chat
    own = [row for row in rows if row[3] == household and row[18]]
    posts = tuple(Post(Role(row[18]), as_body(row[20:]), row[19]) for row in own)
    place = Place(compound, building_id, unit_id, building or "", unit or "") if household else None
    return Person(number, user, name or "", household, place, outsider, posts), chat


def find_person(tx: Tx, bot_id: str, user: str) -> Person | None:
    return who_speaks(tx, bot_id, user, "")[0]


def posts_of(tx: Tx, person_id: int) -> tuple[Post, ...]:
    """The person's posts, the highest body first."""
    rows = tx.execute(_posts, {"person": person_id})
    return tuple(Post(Role(row[0]), as_body(tuple(row[2:])), row[1]) for row in rows)


def find_user(tx: Tx, bot_id: str, person_id: int) -> str | None:
    """The person's user id on that bot's platform, which is also the id of their private chat."""
    return tx.execute(_user_of, {"bot": bot_id, "person": person_id}).scalar()


def get_body(tx: Tx, body_id: int) -> Body:
    return as_body(tuple(tx.execute(_get_body, {"id": body_id}).one()))


def find_group_of_building(tx: Tx, building_id: int) -> tuple[Body, list[Chat]] | None:
    """The building's group and its work chats."""
    rows = [tuple(row) for row in tx.execute(_group_of_building, {"building": building_id})]
    if not rows:
        return None
    return as_body(rows[0][:6]), [as_chat(row[6:]) for row in rows if row[6] and row[0] == rows[0][0]]


def bodies_of_compound(tx: Tx, compound_id: int) -> list[Body]:
    """The compound's own bodies (branch, building groups, property …), not those above it."""
    return [as_body(tuple(row)) for row in tx.execute(_bodies_of_compound, {"compound": compound_id})]


def bodies_beside(tx: Tx, parent_ids: list[int]) -> list[Body]:
    """The committees under these bodies that belong to no single compound."""
    return [as_body(tuple(row)) for row in tx.execute(_bodies_beside, {"parents": parent_ids})]


def rename_body(tx: Tx, body_id: int, name: str) -> None:
    tx.execute(_rename_body, {"body": body_id, "new": name})


def end_body(tx: Tx, body_id: int) -> bool:
    """False where it was ended already."""
    return tx.execute(_end_body, {"body": body_id, "new": f"/0/{body_id}/"}).rowcount == 1


def compounds_under(tx: Tx, body: Body) -> list[int]:
    rows = tx.execute(_compounds_under, {"path": f"{body.path}%"})
    return [row[0] for row in rows if row[0] is not None]


def chain(tx: Tx, body: Body) -> list[Body]:
    """The body and all above it, the nearest first."""
    ids = [int(part) for part in body.path.strip("/").split("/")]
    rows = tx.execute(_chain, {f"at{place}": ids[place] if place < len(ids) else 0 for place in range(_DEEPEST)})
    return sorted((as_body(tuple(row)) for row in rows), key=lambda found: len(found.path), reverse=True)


def officers(tx: Tx, bot_id: str, body_id: int) -> list[tuple[str, Role, str]]:
    """(user id, role, name) of those who hold a post in the body and can be written to."""
    return [(row[0], Role(row[1]), row[3] or "") for row in tx.execute(_officers, {"bot": bot_id, "body": body_id})]


def users_on_duty(tx: Tx, bot_id: str, compound_id: int) -> list[str]:
    return [row[0] for row in tx.execute(_on_duty, {"bot": bot_id, "compound": compound_id})]


def add_person(tx: Tx, name: str, *, outsider: bool = False) -> int:
    row = {"name": name, "outsider": outsider}
    return int(tx.execute(insert(PersonRow).returning(PersonRow.id), row).scalar_one())


def add_identity(tx: Tx, bot_id: str, user: str, person_id: int) -> bool:
    """False where that identity is somebody's already."""
    row = {"bot_id": bot_id, "user_id": user, "person_id": person_id}
    return tx.execute(_add_identity, row).rowcount == 1


def remove_person(tx: Tx, person_id: int) -> None:
    tx.execute(delete(PersonRow).where(PersonRow.id == person_id))


def add_resident(tx: Tx, person_id: int, household_id: int, relation: str) -> None:
    tx.execute(_add_resident, {"person_id": person_id, "household_id": household_id, "relation": relation})


def add_post(tx: Tx, person_id: int, body_id: int, role: Role) -> None:
    tx.execute(_add_post, {"person_id": person_id, "body_id": body_id, "role": role.value})


def add_body(
    tx: Tx,
    level: Level,
    name: str,
    *,
    parent: Body | None,
    compound_id: int | None = None,
    building_id: int | None = None,
) -> Body:
    row = {
        "parent_id": parent.id if parent else None,
        "level": int(level),
        "name": name,
        "path": "",
        "compound_id": compound_id,
        "building_id": building_id,
    }
    number = int(tx.execute(insert(BodyRow).returning(BodyRow.id), row).scalar_one())
    path = f"{parent.path if parent else '/'}{number}/"
    tx.execute(BodyRow.__table__.update().where(BodyRow.id == number).values(path=path))  # type: ignore[attr-defined]
    return Body(number, level, name, path, compound_id, building_id)


def close_private(tx: Tx, bot_id: str, user: str, at: datetime) -> int | None:
    """The person cannot be written to privately; their id where that is news."""
    return tx.execute(_close, {"bot": bot_id, "user": user, "at": at}).scalar()


def open_private(tx: Tx, bot_id: str, user: str) -> int | None:
    """They can be again; their id where that is news."""
    return tx.execute(_reopen, {"bot": bot_id, "user": user}).scalar()


def closed_officers(tx: Tx, bot_id: str) -> int:
    """How many with a post cannot be written to privately."""
    return int(tx.execute(_closed_officers, {"bot": bot_id}).scalar_one())
