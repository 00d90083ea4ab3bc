"""A compound becomes part of another: which rows follow, which stay, and the compounds as they are listed.

Written for each merge and not kept at module level: it happens a few times in the life of a city.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, case, func, select, true, update
from sqlalchemy.orm import aliased

from domain.people import Body, Level
from domain.tickets import LIVE
from storage import people
from storage.audit import Counter
from storage.base import upsert
from storage.codes import CodeRow
from storage.database import Tx
from storage.lessons import LearnedWord, Lesson
from storage.members import HomeRequest
from storage.people import BodyRow
from storage.places import Building, ChatRow, Compound, Household, Unit
from storage.polls import PollRow
from storage.responsibility import DutyShift, KnownMatter
from storage.ticket_bodies import TicketBody
from storage.tickets import TicketRow

# Tables whose rows stay with the compound they were written for; the others follow (`_rows`, `move_bodies`).
KEPT = {
    "audit": "its chain of digests covers the compound of each row",
    "audit_seal": "the chain itself",
    "roster_batch": "an import of the old compound; what would undo it is forgotten",
    "responsibility": "the lines of the greater compound hold for all its buildings",
}
MOVED = {
    table.__tablename__
    for table in (
        Building,
        Unit,
        Household,
        BodyRow,
        ChatRow,
        TicketRow,
        HomeRequest,
        CodeRow,
        DutyShift,
        KnownMatter,
        Lesson,
        LearnedWord,
        PollRow,
    )
}
# Nobody acts by these rows, so they go before the switch, a part at a time.
_AHEAD: tuple[tuple[Any, ColumnElement[bool]], ...] = (
    (TicketRow, TicketRow.status.not_in([status.value for status in LIVE])),
    (Lesson, true()),
)
_LATE: tuple[Any, ...] = (TicketRow, Lesson, PollRow, ChatRow, CodeRow)
Heirs = Mapping[int, int]  # bodies whose tickets and questions go to another


@dataclass(frozen=True, slots=True)
class Listed:
    id: int
    name: str
    merged_into: int | None
    merged_at: datetime | None
    buildings: int
    homes: int


@dataclass(frozen=True, slots=True)
class Counts:
    buildings: int
    homes: int
    chats: int
    tickets: int


def _count(table: Any, compound: Any) -> Any:
    return select(func.count()).select_from(table).where(table.compound_id == compound).scalar_subquery()


_known = select(
    Compound.id,
    Compound.name,
    Compound.merged_into,
    Compound.merged_at,
    _count(Building, Compound.id),
    _count(Household, Compound.id),
)
_named = _known.where(Compound.name == bindparam("name")).order_by(Compound.merged_into.is_not(None), Compound.id)
_get = _known.where(Compound.id == bindparam("id"))
_counts = select(*(_count(table, bindparam("compound")) for table in (Building, Household, ChatRow, TicketRow)))
_raise_new = upsert(Counter)
_raise = _raise_new.on_conflict_do_update(
    index_elements=[Counter.name],
    set_={"value": case((Counter.value < _raise_new.excluded.value, _raise_new.excluded.value), else_=Counter.value)},
)


def compounds(tx: Tx) -> list[Listed]:
    return [Listed(*row) for row in tx.execute(_known.order_by(Compound.id))]


def find(tx: Tx, name: str) -> Listed | None:
    """The compound of that name; one that was merged only where there is no other."""
    row = tx.execute(_named, {"name": name}).first()
    return Listed(*row) if row else None


def get(tx: Tx, compound: int) -> Listed:
    return Listed(*tx.execute(_get, {"id": compound}).one())


def counts(tx: Tx, compound: int) -> Counts:
    return Counts(*tx.execute(_counts, {"compound": compound}).one())


def _heir(column: Any, heirs: Heirs) -> Any:
    return case(dict(heirs), value=column, else_=column) if heirs else column


def _values(table: Any, target: int, heirs: Heirs) -> dict[str, Any]:
    handed = {TicketRow: ("body_id", "offered_to"), HomeRequest: ("asked_body",)}.get(table, ())
    return {"compound_id": target} | {name: _heir(getattr(table, name), heirs) for name in handed}


def move_some(tx: Tx, source: int, target: int, heirs: Heirs, most: int) -> int:
    """Closed tickets and lessons of a compound, so many at most; how many there were."""
    moved = 0
    for table, over in _AHEAD:
        some = select(table.id).where(table.compound_id == source, over).limit(most)
        moved += tx.execute(update(table).where(table.id.in_(some)).values(_values(table, target, heirs))).rowcount
    return moved


def _rows(source: int, now: datetime) -> dict[Any, ColumnElement[bool]]:
    """What follows, found by indexes; what is found through buildings and households comes before them."""
    buildings = select(Building.id).where(Building.compound_id == source)
    homes = select(Household.id).where(Household.compound_id == source)
    plain = (TicketRow, Lesson, LearnedWord, PollRow, ChatRow, DutyShift, Household, Building)
    return {
        Unit: Unit.building_id.in_(buildings),
        HomeRequest: HomeRequest.household_id.in_(homes),
        CodeRow: and_(CodeRow.compound_id == source, CodeRow.expires_at > now),  # the others are thrown away soon
        # What is out in all of the small compound is not out in all of the great one.
        KnownMatter: and_(KnownMatter.compound_id == source, KnownMatter.building_id.is_not(None)),
        **{table: table.compound_id == source for table in plain},
    }


def move_all(tx: Tx, source: int, target: int, heirs: Heirs, now: datetime) -> None:
    """Everything that is left but the bodies."""
    for table, there in _rows(source, now).items():
        tx.execute(update(table).where(there).values(_values(table, target, heirs)))


def hand_over_calls(tx: Tx, branch: int, heir: int) -> None:
    """What the ended branch was called for and has not answered is asked of its heir, if that was not called too."""
    again = aliased(TicketBody)
    there = select(1).where(
        again.ticket_id == TicketBody.ticket_id, again.part == TicketBody.part, again.body_id == heir
    )
    waiting = (TicketBody.body_id == branch, TicketBody.answered_at.is_(None), ~there.exists())
    tx.execute(update(TicketBody).where(*waiting).values(body_id=heir))


def move_late(tx: Tx, source: int, target: int, heirs: Heirs, now: datetime) -> None:
    """What turns wrote for the old compound that had begun before the switch."""
    rows = _rows(source, now)
    for table in _LATE:
        tx.execute(update(table).where(rows[table]).values(_values(table, target, heirs)))


def close(tx: Tx, source: int, target: int, now: datetime) -> None:
    """The source's row says where its places are; compounds merged into it before follow."""
    tx.execute(update(Compound).where(Compound.id == source).values(merged_into=target, merged_at=now))
    tx.execute(update(Compound).where(Compound.merged_into == source).values(merged_into=target))


def raise_counter(tx: Tx, source: str, target: str) -> None:
    """The target's numbers go on after the greater of the two, so that no new number was somebody's already."""
    reached = tx.execute(select(Counter.value).where(Counter.name == source)).scalar()
    if reached:
        tx.execute(_raise, {"name": target, "value": reached})


def rename_buildings(tx: Tx, buildings: Sequence[tuple[int, str]]) -> None:
    for number, name in buildings:
        tx.execute(update(Building).where(Building.id == number).values(number=name))


def chat_titles(tx: Tx, building: int, compound: int) -> list[tuple[str, str, str]]:
    """(bot, chat, title) of the groups of a building."""
    of = select(ChatRow.bot_id, ChatRow.chat_id, ChatRow.title)
    rows = tx.execute(of.where(ChatRow.compound_id == compound, ChatRow.building_id == building))
    return [(row[0], row[1], row[2]) for row in rows]


def set_title(tx: Tx, bot_id: str, chat_id: str, title: str) -> None:
    tx.execute(update(ChatRow).where(ChatRow.bot_id == bot_id, ChatRow.chat_id == chat_id).values(title=title))


def move_bodies(tx: Tx, source: int, target: int, branch: Body) -> None:
    """The source's bodies hang under the target's branch, with all that is below them; the source's own branch ends."""
    columns = select(BodyRow.id, BodyRow.parent_id, BodyRow.level, BodyRow.compound_id)
    rows = tx.execute(columns.where(BodyRow.compound_id == source)).all()
    found = {row.id: row for row in rows}
    while rows:  # members of a team, say, that were given no compound of their own
        below = tx.execute(columns.where(BodyRow.parent_id.in_([row.id for row in rows]))).all()
        rows = [row for row in below if row.id not in found]
        found |= {row.id: row for row in rows}
    left = {row.id for row in found.values() if row.level == Level.BRANCH}
    for number in left:
        people.end_body(tx, number)
    paths: dict[int, tuple[int, str]] = {}

    def place(number: int) -> str:
        if number not in paths:
            above = found[number].parent_id
            inside = above in found and above not in left
            paths[number] = (above, place(above)) if inside else (branch.id, branch.path)
        return f"{paths[number][1]}{number}/"

    for number in found.keys() - left:
        path = place(number)
        compound = target if found[number].compound_id == source else found[number].compound_id
        values = {"parent_id": paths[number][0], "path": path, "compound_id": compound}
        tx.execute(update(BodyRow).where(BodyRow.id == number).values(values))
