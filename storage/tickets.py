"""Tickets, who reported them, and in what words."""

from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Index,
    Row,
    Select,
    String,
    Update,
    and_,
    bindparam,
    false,
    func,
    insert,
    literal_column,
    or_,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy.orm import Mapped, aliased, mapped_column

from domain.tickets import LIVE, Status, Ticket
from storage.base import Base, BigInt, Code, Id, Key, Moment, Ref
from storage.database import Tx
from storage.places import Building, Compound, Unit
from storage.ticket_reports import Report, stays

_LIVE_STATES = f"({', '.join(repr(status.value) for status in LIVE)})"
_live, _ended = text(f"status IN {_LIVE_STATES}"), text("closed_at IS NOT NULL")


class TicketRow(Base):
    __tablename__ = "ticket"
    __table_args__ = (
        # A ticket keeps the series it was numbered in; compounds may merge, numbers stay.
        Index("uq_ticket_series_number", "series", "number", unique=True),
        Index("ix_ticket_live", "compound_id", "building_id", "category", sqlite_where=_live, postgresql_where=_live),
        Index("ix_ticket_chat", "bot_id", "chat_id", "opened_at"),
        Index("ix_ticket_body", "body_id", "id", sqlite_where=_live, postgresql_where=_live),
        Index("ix_ticket_of_compound", "compound_id", "id", sqlite_where=_live, postgresql_where=_live),
        Index("ix_ticket_opened", "compound_id", "opened_at"),
        *(
            Index(f"ix_ticket_{name}", column, *also, sqlite_where=there, postgresql_where=there)
            for name, column, also in (
                ("overseer", "overseer_id", ("id",)),
                ("merged_into", "merged_into", ()),
                ("parent", "parent_id", ()),
            )
            for there in [text(f"{column} IS NOT NULL")]
        ),
        Index("ix_ticket_closed", "compound_id", "closed_at", sqlite_where=_ended, postgresql_where=_ended),
    )
    id: Mapped[Id]
    series: Mapped[Ref]
    number: Mapped[int]
    compound_id: Mapped[Ref]
    building_id: Mapped[int | None] = mapped_column(BigInt)
    unit_id: Mapped[int | None] = mapped_column(BigInt)
    category: Mapped[Code]
    matter: Mapped[Code]
    summary: Mapped[Code]
    urgent: Mapped[bool] = mapped_column(Boolean)
    danger: Mapped[Code]
    alarm_at: Mapped[datetime | None]  # when it became urgent
    household_id: Mapped[int | None] = mapped_column(BigInt)  # a matter inside one home; None: of the building
    discreet: Mapped[bool] = mapped_column(Boolean)  # spoken of in private only
    status: Mapped[Code]
    body_id: Mapped[Ref]
    bot_id: Mapped[Code]
    chat_id: Mapped[Key]  # where it was opened
    opened_at: Mapped[datetime]
    report_at: Mapped[datetime]
    accepted_by: Mapped[int | None] = mapped_column(BigInt)
    closed_at: Mapped[datetime | None]
    kind: Mapped[Code] = mapped_column(server_default="complaint")
    source: Mapped[Code] = mapped_column(server_default="group")
    first_body_id: Mapped[int | None] = mapped_column(BigInt)
    offered_to: Mapped[int | None] = mapped_column(BigInt)
    designated: Mapped[bool] = mapped_column(Boolean, server_default=false())
    overseer_id: Mapped[int | None] = mapped_column(BigInt)
    hops: Mapped[int] = mapped_column(server_default="0")
    respond_by: Mapped[datetime | None]
    resolve_by: Mapped[datetime | None]
    paused_at: Mapped[datetime | None]
    extended: Mapped[bool] = mapped_column(Boolean, server_default=false())
    review_at: Mapped[datetime | None]
    contacted_at: Mapped[datetime | None]
    contacted_by: Mapped[int | None] = mapped_column(BigInt)
    finished_by: Mapped[int | None] = mapped_column(BigInt)
    settled_at: Mapped[datetime | None]
    reopened: Mapped[int] = mapped_column(server_default="0")
    merged_into: Mapped[int | None] = mapped_column(BigInt)
    parent_id: Mapped[int | None] = mapped_column(BigInt)
    outside: Mapped[Code] = mapped_column(server_default="")
    hotline: Mapped[Code] = mapped_column(server_default="")


_of_bot = select(TicketRow.id).where(TicketRow.bot_id == bindparam("bot"))
_move_reports = (
    update(Report)
    .where(Report.chat_id == bindparam("old"), Report.ticket_id.in_(_of_bot))
    .values(chat_id=bindparam("new"))
)
_move_tickets = (
    update(TicketRow)
    .where(TicketRow.bot_id == bindparam("bot"), TicketRow.chat_id == bindparam("old"))
    .values(chat_id=bindparam("new"))
)
_shown = {"building": func.coalesce(Building.number, ""), "unit": func.coalesce(Unit.number, "")}
_columns: list[Any] = [
    _shown[each.name].label(each.name) if each.name in _shown else TicketRow.__table__.columns[each.name]
    for each in fields(Ticket)
]
_tickets: Select[Any] = (
    select(*_columns)
    .outerjoin(Building, Building.id == TicketRow.building_id)
    .outerjoin(Unit, Unit.id == TicketRow.unit_id)
)


def _live_status(row: type[TicketRow]) -> ColumnElement[bool]:
    """Written out, not bound: only so does a planner see that the partial indexes hold these rows."""
    return row.status.op("IN", return_type=Boolean())(literal_column(_LIVE_STATES))


_is_live = _live_status(TicketRow)
_since = bindparam("since", type_=Moment())
_alarm_since = bindparam("alarm_since", type_=Moment())
_urgent, _unit = bindparam("urgent", type_=Boolean()), bindparam("unit_id", type_=BigInt)


def _is_same(row: type[TicketRow]) -> ColumnElement[bool]:
    """Live, in the same building, of the same matter and not of another stairway or home; an alarm only joins what is
    not urgent yet and not spoken of in private, or an alarm of the same danger raised a moment ago."""
    same_matter = and_(
        or_(
            and_(row.matter != "", row.matter == bindparam("matter", type_=String())),
            row.summary == bindparam("summary", type_=String()),
        ),
        row.household_id.is_not_distinct_from(bindparam("household_id", type_=BigInt)),
        or_(row.unit_id.is_(None), _unit.is_(None), row.unit_id == _unit),
    )
    same_alarm = and_(row.danger == bindparam("danger", type_=String()), row.alarm_at > _alarm_since)
    return and_(
        row.compound_id == bindparam("compound_id", type_=BigInt),
        row.building_id.is_not_distinct_from(bindparam("building_id", type_=BigInt)),
        row.category == bindparam("category", type_=String()),
        _live_status(row),
        row.opened_at > _since,
        or_(
            and_(_urgent, row.urgent, same_alarm),
            and_(_urgent, ~row.urgent, ~row.discreet, row.opened_at > _alarm_since),
            and_(or_(~_urgent, and_(~row.urgent, ~row.discreet)), same_matter),
        ),
    )


_alarm_in_chat = and_(
    TicketRow.bot_id == bindparam("bot_id"),
    TicketRow.chat_id == bindparam("chat_id"),
    TicketRow.alarm_at > _alarm_since,
    TicketRow.opened_at > _since,
    _is_live,
)
_find_near = (
    select(TicketRow.id, _is_same(TicketRow).label("same"))
    .where(or_(_is_same(TicketRow), _alarm_in_chat))
    .order_by(TicketRow.id.desc())
    .limit(50)
)
_of_compound = bindparam("compound", type_=BigInt)
_series = union_all(select(_of_compound), select(Compound.id).where(Compound.merged_into == _of_compound))
_find_number = _tickets.where(TicketRow.series.in_(_series), TicketRow.number == bindparam("number")).order_by(
    TicketRow.id
)
_get = _tickets.where(TicketRow.id == bindparam("id"))
_lock = _get.with_for_update(of=TicketRow)
_hop = (
    update(TicketRow)
    .where(TicketRow.id == bindparam("row"), TicketRow.hops == bindparam("before"))
    .values(hops=TicketRow.hops + 1)
)
_of_person = (
    _tickets.join(Report, Report.ticket_id == TicketRow.id)
    .where(
        Report.person_id == bindparam("person"),
        stays,
        TicketRow.status.in_(bindparam("statuses", expanding=True)),
    )
    .order_by(TicketRow.id.desc())
    .limit(9)
)
_live_of_compound = (
    _tickets.where(TicketRow.compound_id == bindparam("compound"), _is_live).order_by(TicketRow.id.desc()).limit(100)
)
_recent_in_chat = (
    _tickets.where(
        TicketRow.bot_id == bindparam("bot"),
        TicketRow.chat_id == bindparam("chat"),
        TicketRow.opened_at > bindparam("since"),
        _is_live,
    )
    .order_by(TicketRow.id.desc())
    .limit(9)
)
_other = aliased(TicketRow)
_LATER = {  # what a ticket gets in the course of its life
    *("id", "offered_to", "designated", "overseer_id", "hops", "paused_at", "extended", "review_at", "contacted_at"),
    *("contacted_by", "finished_by", "settled_at", "reopened", "merged_into", "outside"),
}
_opening = [column for column in TicketRow.__table__.columns if column.name not in _LATER]
# In one statement, so that two chats that report the same matter at once open one ticket.
_open = (
    insert(TicketRow)
    .from_select(
        _opening,
        select(*(bindparam(column.name, type_=column.type) for column in _opening)).where(
            ~select(1).where(_is_same(_other)).exists()
        ),
    )
    .returning(TicketRow.id)
)
_all = _tickets.order_by(TicketRow.id)


_STATUS = [each.name for each in fields(Ticket)].index("status")


def _ticket(row: Row[Any]) -> Ticket:
    values = list(row)  # in the order of the fields, as `_columns`
    values[_STATUS] = Status(values[_STATUS])
    return Ticket(*values)


@dataclass(frozen=True, slots=True)
class Near:
    """same: the open ticket of the same matter; alarm: something urgent was opened in this chat a moment ago."""

    same: int | None
    alarm: bool


def find_near(tx: Tx, **matter: Any) -> Near:
    """matter: compound_id, building_id, unit_id, household_id, category, matter, summary, urgent, danger, bot_id,
    chat_id; since, alarm_since: older tickets, older alarms do not count."""
    rows = tx.execute(_find_near, matter).all()
    same = next((row.id for row in rows if row.same), None)
    return Near(same, any(not row.same for row in rows))


def find_number(tx: Tx, compound_id: int, number: int) -> list[Ticket]:
    """One, or none; several where compounds were merged that each had a ticket of that number."""
    return [_ticket(row) for row in tx.execute(_find_number, {"compound": compound_id, "number": number})]


def get(tx: Tx, ticket_id: int) -> Ticket:
    return _ticket(tx.execute(_get, {"id": ticket_id}).one())


def lock(tx: Tx, ticket_id: int) -> Ticket:
    """The ticket as it is now, held until the transaction ends, before a decision that depends on its state."""
    return _ticket(tx.execute(_lock, {"id": ticket_id}).one())


def of_person(tx: Tx, person_id: int, *statuses: Status) -> list[Ticket]:
    """What this person reported, the newest first; live ones unless told otherwise."""
    values = {"person": person_id, "statuses": [status.value for status in statuses or LIVE]}
    return [_ticket(row) for row in tx.execute(_of_person, values)]


def live_of_compound(tx: Tx, compound_id: int) -> list[Ticket]:
    """The newest hundred: what a bare word of a handler can mean."""
    return [_ticket(row) for row in tx.execute(_live_of_compound, {"compound": compound_id})]


def recent_in_chat(tx: Tx, bot_id: str, chat_id: str, *, since: datetime) -> list[Ticket]:
    values = {"bot": bot_id, "chat": chat_id, "since": since}
    return [_ticket(row) for row in tx.execute(_recent_in_chat, values)]


def open_ticket(tx: Tx, **values: Any) -> int | None:
    """None where another chat opened the same matter while this turn waited for its number."""
    found: int | None = tx.execute(_open, values).scalar()
    return found


@cache
def _change(names: tuple[str, ...]) -> Update:
    """Built once for each set of columns that change together."""
    return (
        update(TicketRow)
        .where(TicketRow.id == bindparam("row"))
        .values({name: bindparam(f"new_{name}", type_=TicketRow.__table__.columns[name].type) for name in names})
    )


def change(tx: Tx, ticket_id: int, **values: Any) -> None:
    names = tuple(sorted(values))
    tx.execute(_change(names), {"row": ticket_id} | {f"new_{name}": values[name] for name in names})


def hop(tx: Tx, ticket_id: int, before: int) -> bool:
    """One level up; False where somebody else has done it."""
    return tx.execute(_hop, {"row": ticket_id, "before": before}).rowcount == 1


def all_tickets(tx: Tx) -> list[Ticket]:
    return [_ticket(row) for row in tx.execute(_all)]


def move_chat(tx: Tx, bot_id: str, old: str, new: str) -> None:
    """A group has another id: its tickets and reports follow. Rare, so no index is kept for it."""
    tx.execute(_move_reports, {"bot": bot_id, "old": old, "new": new})
    tx.execute(_move_tickets, {"bot": bot_id, "old": old, "new": new})
