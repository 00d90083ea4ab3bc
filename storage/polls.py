"""Quick polls: the poll, its words, which households voted, and secret ballots apart from them."""

from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Index,
    Select,
    bindparam,
    delete,
    exists,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from domain.members import HELPER
from domain.polls import Poll
from storage.base import Base, BigInt, Code, Id, Key, Moment, Ref, upsert
from storage.database import Tx
from storage.people import Identity, Resident, of_bot
from storage.places import Household

_running = text("closed_at IS NULL")
_NO_HOMES = ("parking", "storage")


class PollRow(Base):
    __tablename__ = "poll"
    __table_args__ = (
        # As a ticket, a poll keeps the series it was numbered in.
        Index("uq_poll_series_number", "series", "number", unique=True),
        Index("ix_poll_number", "compound_id", "number"),
        Index("ix_poll_open", "compound_id", "id", sqlite_where=_running, postgresql_where=_running),
    )
    id: Mapped[Id]
    series: Mapped[Ref]
    number: Mapped[int]
    bot_id: Mapped[Code]
    compound_id: Mapped[Ref]
    building_id: Mapped[int | None] = mapped_column(BigInt)
    starter_id: Mapped[Ref]
    secret: Mapped[bool] = mapped_column(Boolean)
    hidden: Mapped[bool] = mapped_column(Boolean)
    opens_at: Mapped[datetime]
    closes_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    reminded_at: Mapped[datetime | None]


class PollText(Base):
    __tablename__ = "poll_text"
    poll_id: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    title: Mapped[Key]
    options: Mapped[list[Any]]


class PollVoter(Base):
    """That a household voted: once, by this key. No time; of a secret poll no choice."""

    __tablename__ = "poll_voter"
    __table_args__ = (Index("ix_poll_voter_person_id", "person_id"),)
    poll_id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    household_id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    person_id: Mapped[int | None] = mapped_column(BigInt)  # who voted for it
    choice: Mapped[int | None]


class SecretBallot(Base):
    """A choice of a secret poll: a random key, no time, nobody's name. Kept in the order of the keys on SQLite."""

    __tablename__ = "secret_ballot"
    __table_args__ = (Index("ix_secret_ballot_poll_id", "poll_id", "choice"), {"sqlite_with_rowid": False})
    key: Mapped[Code] = mapped_column(primary_key=True)
    poll_id: Mapped[Ref]
    choice: Mapped[int]


_names = [each.name for each in fields(Poll)]
_fields: list[Any] = [
    *(PollRow.id, PollRow.number, PollRow.bot_id, PollRow.compound_id, PollRow.building_id, PollRow.starter_id),
    *(PollRow.secret, PollRow.hidden, PollRow.opens_at, PollRow.closes_at, PollRow.closed_at, PollRow.reminded_at),
    *(PollText.title, PollText.options),
]
_polls: Select[Any] = select(*_fields).join_from(PollRow, PollText, PollText.poll_id == PollRow.id)
_get = _polls.where(PollRow.id == bindparam("id"))
# Compounds that became one may have the same number twice: the open one is meant, else the newest.
_numbered = (
    _polls.where(PollRow.compound_id == bindparam("compound"), PollRow.number == bindparam("number"))
    .order_by(PollRow.closed_at.is_not(None), PollRow.id.desc())
    .limit(1)
)
_open = _polls.where(PollRow.compound_id == bindparam("compound"), PollRow.closed_at.is_(None)).order_by(PollRow.id)
_add = insert(PollRow).returning(PollRow.id)
_add_text = insert(PollText)
_hold = select(PollRow.closed_at).where(PollRow.id == bindparam("id")).with_for_update(read=True)
_this = PollRow.id == bindparam("row")
_at = bindparam("at", type_=Moment())
_close = update(PollRow).where(_this, PollRow.closed_at.is_(None)).values(closed_at=_at)
_remind = update(PollRow).where(_this, PollRow.reminded_at.is_(None)).values(reminded_at=_at)
_vote = upsert(PollVoter).on_conflict_do_nothing()
_of_household = (PollVoter.poll_id == bindparam("poll"), PollVoter.household_id == bindparam("household"))
_voter = select(PollVoter.person_id, PollVoter.choice).where(*_of_household)
_held_voter = _voter.with_for_update()
_change = update(PollVoter).where(*_of_household).values(person_id=bindparam("by"), choice=bindparam("new"))
_withdraw = delete(PollVoter).where(*_of_household)
_add_ballot = insert(SecretBallot)
_voted = select(func.count()).select_from(PollVoter).where(PollVoter.poll_id == bindparam("poll"))
_named = select(PollVoter.choice, func.count()).where(PollVoter.poll_id == bindparam("poll")).group_by(PollVoter.choice)
_secret = (
    select(SecretBallot.choice, func.count())
    .where(SecretBallot.poll_id == bindparam("poll"))
    .group_by(SecretBallot.choice)
)


def _area(building: bool, *, apart: bool = False) -> tuple[ColumnElement[bool], ...]:
    """The homes that are asked; each form by its own index. apart: not found by the place, but by who lives there."""
    compound: Any = func.coalesce(Household.compound_id, 0) if apart else Household.compound_id
    homes = tuple(Household.kind != kind for kind in _NO_HOMES)
    if building:
        return *homes, Household.building_id == bindparam("building", type_=BigInteger())
    return *homes, compound == bindparam("compound")


_asked = {building: select(func.count()).select_from(Household).where(*_area(building)) for building in (True, False)}
_household = {
    building: select(Household.id)
    .join_from(Resident, Household, Household.id == Resident.household_id)
    .where(Resident.person_id == bindparam("person"), Resident.relation != HELPER, *_area(building, apart=True))
    .order_by(Household.id)
    .limit(1)
    for building in (True, False)
}
_silent = {
    building: select(Household.id, Identity.user_id)
    .join_from(Household, Resident, Resident.household_id == Household.id)
    .join(Identity, Identity.person_id == Resident.person_id)
    .where(
        *_area(building),
        Resident.relation != HELPER,
        of_bot,
        Identity.closed_at.is_(None),
        ~exists().where(PollVoter.poll_id == bindparam("poll"), PollVoter.household_id == Household.id),
    )
    .order_by(Household.id, Resident.person_id)
    for building in (True, False)
}


def _poll(row: Any) -> Poll:
    values: dict[str, Any] = dict(zip(_names, row, strict=True))
    return Poll(**values | {"options": tuple(values["options"])})


def add(tx: Tx, *, title: str, options: Iterable[str], **values: Any) -> int:
    """values: the columns of PollRow but the id and the moments that are still to come."""
    number: int = tx.execute(_add, values).scalar_one()
    tx.execute(_add_text, {"poll_id": number, "title": title, "options": list(options)})
    return number


def get(tx: Tx, poll_id: int) -> Poll:
    return _poll(tx.execute(_get, {"id": poll_id}).one())


def numbered(tx: Tx, compound_id: int, number: int) -> Poll | None:
    row = tx.execute(_numbered, {"compound": compound_id, "number": number}).first()
    return _poll(row) if row else None


def running(tx: Tx, compound_id: int) -> list[Poll]:
    return [_poll(row) for row in tx.execute(_open, {"compound": compound_id})]


def hold(tx: Tx, poll_id: int) -> bool:
    """Nobody closes it before this transaction ends; False where it is closed."""
    return tx.execute(_hold, {"id": poll_id}).scalar() is None


def close(tx: Tx, poll_id: int, at: datetime) -> bool:
    """Waits for the ballots under way; False where it is closed already."""
    return tx.execute(_close, {"row": poll_id, "at": at}).rowcount == 1


def mark_reminded(tx: Tx, poll_id: int, at: datetime) -> bool:
    return tx.execute(_remind, {"row": poll_id, "at": at}).rowcount == 1


def household_of(tx: Tx, poll: Poll, person_id: int) -> int | None:
    """The person's first home among those that are asked; a helper has none there."""
    return tx.execute(_household[poll.building_id is not None], _where(poll) | {"person": person_id}).scalar()


def vote(tx: Tx, poll_id: int, household_id: int, person_id: int, choice: int | None) -> bool:
    """False where the household has voted."""
    row = {"poll_id": poll_id, "household_id": household_id, "person_id": person_id, "choice": choice}
    return tx.execute(_vote, row).rowcount == 1


def voter(tx: Tx, poll_id: int, household_id: int, *, held: bool = False) -> tuple[int | None, int | None] | None:
    """(who voted for the household, what); held: nobody changes it before this transaction ends."""
    row = tx.execute(_held_voter if held else _voter, {"poll": poll_id, "household": household_id}).first()
    return (row[0], row[1]) if row else None


def change(tx: Tx, poll_id: int, household_id: int, person_id: int, choice: int) -> None:
    tx.execute(_change, {"poll": poll_id, "household": household_id, "by": person_id, "new": choice})


def withdraw(tx: Tx, poll_id: int, household_id: int) -> bool:
    return tx.execute(_withdraw, {"poll": poll_id, "household": household_id}).rowcount == 1


def add_ballot(tx: Tx, poll_id: int, key: str, choice: int) -> None:
    tx.execute(_add_ballot, {"key": key, "poll_id": poll_id, "choice": choice})


def voted(tx: Tx, poll_id: int) -> int:
    return int(tx.execute(_voted, {"poll": poll_id}).scalar_one())


def asked(tx: Tx, poll: Poll) -> int:
    """How many households may vote."""
    return int(tx.execute(_asked[poll.building_id is not None], _where(poll)).scalar_one())


def counts(tx: Tx, poll: Poll) -> dict[int, int]:
    rows = tx.execute(_secret if poll.secret else _named, {"poll": poll.id})
    return {row[0]: row[1] for row in rows if row[0]}


def silent(tx: Tx, poll: Poll) -> list[str]:
    """One user id of each household that has not voted and can be written to."""
    rows = tx.execute(_silent[poll.building_id is not None], _where(poll) | {"poll": poll.id, "bot": poll.bot_id})
    first: dict[int, str] = {}
    for household, user in rows:
        first.setdefault(household, user)
    return list(dict.fromkeys(first.values()))


def _where(poll: Poll) -> dict[str, int]:
    return {"building": poll.building_id} if poll.building_id is not None else {"compound": poll.compound_id}
