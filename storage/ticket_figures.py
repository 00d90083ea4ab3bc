"""Counts of tickets by SQL over the indexes of compound and day, and the months that are closed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BindParameter,
    Boolean,
    ColumnElement,
    Index,
    Integer,
    Select,
    String,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    union_all,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Mapped, aliased, mapped_column
from sqlalchemy.sql.functions import FunctionElement

from domain.figures import EXCLUDED, SILENT, UNREACHED, VALID, Cell, Intake
from domain.people import Level
from domain.tickets import LIVE, Outcome, Status
from storage.base import Base, BigInt, Code, Id, Key, Moment, Ref, upsert
from storage.database import Tx
from storage.people import BodyRow, PostRow
from storage.places import OPEN, Building, ChatRow, Compound
from storage.ticket_bodies import TicketParty
from storage.ticket_reports import Report, stays
from storage.tickets import TicketRow
from storage.timers import TimerRow


class ClosedMonth(Base):
    """A body's figures of a month, frozen when it was closed; later answers count in the next."""

    __tablename__ = "closed_month"
    __table_args__ = (Index("uq_closed_month_body_id_month", "body_id", "month", unique=True),)
    id: Mapped[Id]
    body_id: Mapped[Ref]
    month: Mapped[Code]  # 2026-11
    closed_at: Mapped[datetime]
    closed_by: Mapped[int | None] = mapped_column(BigInt)
    figures: Mapped[dict[str, Any]]
    digest: Mapped[Key]


class TicketGuess(Base):
    """What the classifier thought of a ticket, and why."""

    __tablename__ = "ticket_guess"
    ticket_id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    category: Mapped[Code]
    runner_up: Mapped[Code]
    probability: Mapped[int]  # in hundredths of a percent
    reasons: Mapped[list[Any]]
    version: Mapped[Code]


@dataclass(frozen=True, slots=True)
class Within:
    """Which tickets: of these compounds; narrower where building, body or category is given. but: a category left out.
    viewer: the body that is shown them; what it or anybody in it has an interest in is left out."""

    compounds: tuple[int, ...]
    building: int | None = None
    body: int | None = None
    category: str = ""
    but: str = ""
    viewer: int = 0

    def values(self, **more: Any) -> dict[str, Any]:
        narrow = {"building": self.building, "body": self.body, "category": self.category, "but": self.but}
        return {"compounds": list(self.compounds), "viewer": self.viewer, **narrow, **more}


class MinutesBetween(FunctionElement[int]):
    """Whole minutes from one moment to another."""

    type = Integer()
    inherit_cache = True
    name = "minutes_between"


@compiles(MinutesBetween, "sqlite")
def _minutes_sqlite(element: Any, compiler: Any, **how: Any) -> str:
    start, end = (compiler.process(each, **how) for each in element.clauses)
    return f"CAST(ROUND((julianday({end}) - julianday({start})) * 1440) AS INTEGER)"


@compiles(MinutesBetween, "postgresql")
def _minutes_postgresql(element: Any, compiler: Any, **how: Any) -> str:
    start, end = (compiler.process(each, **how) for each in element.clauses)
    return f"CAST(EXTRACT(EPOCH FROM ({end} - {start})) / 60 AS INTEGER)"


# --- statements -----------------------------------------------------------------------------------------------------

_building, _body = bindparam("building", type_=BigInt), bindparam("body", type_=BigInt)
_category, _but = bindparam("category", type_=String()), bindparam("but", type_=String())
_start, _end = bindparam("start", type_=Moment()), bindparam("end", type_=Moment())
_viewer = bindparam("viewer", type_=BigInt)
_colleagues = select(PostRow.person_id).where(PostRow.body_id == _viewer)
_concerned = (
    exists()
    .where(
        TicketParty.ticket_id == TicketRow.id,
        or_(TicketParty.body_id == _viewer, TicketParty.person_id.in_(_colleagues)),
    )
    .correlate(TicketRow)
)
_of_compounds: BindParameter[Any] = bindparam("compounds", expanding=True)
_narrow = and_(
    ~_concerned,
    or_(_building.is_(None), TicketRow.building_id == _building),
    or_(_body.is_(None), TicketRow.body_id == _body),
    _category.in_(("", TicketRow.category)),
    TicketRow.category != _but,
)
# Written out, not bound: only so does a planner see that the partial index holds these rows.
_states = f"({', '.join(repr(status.value) for status in LIVE)})"
_live = aliased(TicketRow)
_is_live_status = _live.status.op("IN", return_type=Boolean())(literal_column(_states))
# With and without a building, so that SQLite takes the index of what is live; else it takes that of the day of opening
# and walks through all tickets the compound ever had.
_live_ids = union_all(
    *(
        select(_live.id).where(_live.compound_id.in_(_of_compounds), _is_live_status, where)
        for where in (_live.building_id > 0, _live.building_id.is_(None))
    )
)
is_live = and_(_narrow, TicketRow.id.in_(_live_ids))
here = and_(_narrow, TicketRow.compound_id.in_(_of_compounds))
_is_done = TicketRow.status.in_((Status.DONE.value, Status.CLOSED.value))


def _between(column: Any, start: ColumnElement[Any] = _start, end: ColumnElement[Any] = _end) -> ColumnElement[bool]:
    return and_(column >= start, column < end)


_is_whole = TicketRow.parent_id.is_(None)  # what was split counts once, as the whole that was reported
is_done_between = and_(here, _is_done, _is_whole, _between(TicketRow.closed_at))
is_opened_between = and_(here, _is_whole, _between(TicketRow.opened_at))

# A ticket's answer: "not solved" of anybody, else of the first who gave one; else why there is none.
_said = case(
    (Report.excluded != "", EXCLUDED),
    (Report.outcome.in_(VALID), Report.outcome),
    (Report.called_at.is_not(None), UNREACHED),
    else_=SILENT,
)
_weight = case(
    (_said == Outcome.UNSOLVED.value, 0),
    (_said.in_(VALID), 1),
    (_said == EXCLUDED, 2),
    (_said == UNREACHED, 3),
    else_=4,
)
_of_ticket = and_(Report.ticket_id == TicketRow.id, stays)
_first_said = select(_said).where(_of_ticket).order_by(_weight, Report.id).limit(1).correlate(TicketRow)
answer = func.coalesce(_first_said.scalar_subquery(), SILENT)
_spoken = and_(
    TicketRow.contacted_at.is_not(None),
    or_(TicketRow.respond_by.is_(None), TicketRow.contacted_at <= TicketRow.respond_by),
)
is_in_time = case((_spoken, 1), else_=0)
_counts = and_(_of_ticket, Report.excluded == "", Report.outcome.in_(VALID))
# Done in the month before, which was closed while nobody had answered; somebody has since.
is_late = and_(
    here,
    _is_done,
    TicketRow.id.in_(bindparam("silent", expanding=True)),
    TicketRow.closed_at < _start,
    exists().where(_counts).correlate(TicketRow),
)


def _cells_of(condition: ColumnElement[bool]) -> Select[Any]:
    facts = (
        select(
            TicketRow.building_id,
            TicketRow.body_id,
            TicketRow.category,
            answer.label("answer"),
            is_in_time.label("in_time"),
            case((TicketRow.hotline != "", 1), else_=0).label("hotline"),
            TicketRow.reopened,
        )
        .where(condition)
        .subquery("facts")
    )
    column = facts.c
    alike = (column.building_id, Building.number, column.body_id, column.category)
    shown = (*alike, column.answer, column.in_time, column.hotline)
    return (
        select(*shown, func.count(), func.sum(column.reopened))
        .select_from(facts)
        .outerjoin(Building, Building.id == column.building_id)
        .group_by(*shown)
        .order_by(*shown)
    )


_cells, _late_cells = _cells_of(is_done_between), _cells_of(is_late)
_place = (Compound.name, TicketRow.building_id, Building.number, TicketRow.body_id, TicketRow.category)
_intake = (
    select(*_place, func.count(), func.sum(case((TicketRow.hotline != "", 1), else_=0)))
    .join(Compound, Compound.id == TicketRow.compound_id)
    .outerjoin(Building, Building.id == TicketRow.building_id)
    .where(is_opened_between)
    .group_by(*_place)
    .order_by(*_place)
)
_now = bindparam("now", type_=Moment())
_untouched = and_(
    TicketRow.accepted_by.is_(None),
    or_(TicketRow.contacted_at.is_(None), TicketRow.status == Status.RETURNED.value),
)
_overdue = and_(
    TicketRow.status.in_((Status.OPEN.value, Status.RETURNED.value, Status.ACCEPTED.value)),
    TicketRow.paused_at.is_(None),
    or_(TicketRow.resolve_by < _now, and_(TicketRow.respond_by < _now, _untouched)),
)
_standing = select(
    func.count(),
    func.coalesce(func.sum(case((_overdue, 1), else_=0)), 0),
    func.coalesce(func.sum(case((TicketRow.status == Status.SHELVED.value, 1), else_=0)), 0),
).where(is_live)


def _medians_of() -> Select[Any]:
    """The middle one, or the mean of the middle two, of each duration."""
    durations = union_all(
        *(
            select(literal(kind).label("kind"), MinutesBetween(TicketRow.opened_at, column).label("minutes")).where(
                is_done_between, column.is_not(None)
            )
            for kind, column in (("response", TicketRow.contacted_at), ("resolution", TicketRow.closed_at))
        )
    ).subquery("durations")
    column = durations.c
    ranked = select(
        column.kind,
        column.minutes,
        func.row_number().over(partition_by=column.kind, order_by=column.minutes).label("place"),
        func.count().over(partition_by=column.kind).label("all"),
    ).subquery("ranked")
    middle = ranked.c.place.in_(((ranked.c.all + 1) // 2, (ranked.c.all + 2) // 2))
    return select(ranked.c.kind, func.sum(ranked.c.minutes), func.count()).where(middle).group_by(ranked.c.kind)


_medians = _medians_of()
_of_hotline = (
    select(TicketRow.id)
    .where(
        TicketRow.compound_id.in_(bindparam("compounds", expanding=True)),
        TicketRow.opened_at >= _start,
        TicketRow.hotline == bindparam("hotline"),
    )
    .order_by(TicketRow.id)
    .limit(1)
)
_closed_columns = (
    ClosedMonth.body_id,
    ClosedMonth.month,
    ClosedMonth.closed_at,
    ClosedMonth.figures,
    ClosedMonth.digest,
)
_closed = select(*_closed_columns).where(
    ClosedMonth.body_id == bindparam("body"), ClosedMonth.month == bindparam("month")
)
_silent = select(ClosedMonth.figures["silent"]).where(
    ClosedMonth.body_id == bindparam("body"), ClosedMonth.month == bindparam("month")
)
_close = upsert(ClosedMonth).on_conflict_do_nothing()
_once = upsert(TimerRow).on_conflict_do_nothing()
_working = (
    select(ChatRow.bot_id, BodyRow.id, BodyRow.level)
    .distinct()
    .join_from(ChatRow, BodyRow, BodyRow.id == ChatRow.body_id)
    .where(ChatRow.state == OPEN)
    .order_by(ChatRow.bot_id, BodyRow.id)
)


# --- what is asked --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standing:
    """What is live now: all, those over their limit, those shelved."""

    live: int
    overdue: int
    shelved: int


@dataclass(frozen=True, slots=True)
class Frozen:
    body_id: int
    month: str
    closed_at: datetime
    figures: dict[str, Any]
    digest: str


def cells(tx: Tx, within: Within, start: datetime, end: datetime, silent: list[int]) -> list[Cell]:
    """Tickets done in the period by place, body, category and answer. silent: of the closed month before, those nobody
    had answered; they count here once somebody has."""
    rows = [(row, False) for row in tx.execute(_cells, within.values(start=start, end=end))]
    if silent:
        rows += [(row, True) for row in tx.execute(_late_cells, within.values(start=start, silent=silent))]
    return [
        Cell(
            row[0] or 0, row[1] or "", row[2], row[3], row[4], bool(row[5]), bool(row[6]), row[7], int(row[8]), is_late
        )
        for row, is_late in rows
    ]


def intake(tx: Tx, within: Within, start: datetime, end: datetime) -> list[Intake]:
    """Tickets opened in the period by place, body and category."""
    rows = tx.execute(_intake, within.values(start=start, end=end))
    return [Intake(row[0], row[1] or 0, row[2] or "", row[3], row[4], row[5], int(row[6])) for row in rows]


def standing(tx: Tx, within: Within, now: datetime) -> Standing:
    live, overdue, shelved = tx.execute(_standing, within.values(now=now)).one()
    return Standing(live, int(overdue), int(shelved))


def medians(tx: Tx, within: Within, start: datetime, end: datetime) -> dict[str, int]:
    """Minutes until the reporter was spoken with ("response") and until it was done ("resolution")."""
    rows = tx.execute(_medians, within.values(start=start, end=end))
    return {row[0]: round(int(row[1]) / row[2]) for row in rows}


def find_hotline(tx: Tx, compounds: list[int], hotline: str, *, since: datetime) -> int | None:
    """The ticket that has this number of 12345 already."""
    values = {"compounds": compounds, "hotline": hotline, "start": since}
    found: int | None = tx.execute(_of_hotline, values).scalar()
    return found


def frozen(tx: Tx, body_id: int, month: str) -> Frozen | None:
    """The month as the body closed it, if it did."""
    row = tx.execute(_closed, {"body": body_id, "month": month}).first()
    return Frozen(*row) if row else None


def silent_in(tx: Tx, body_id: int, month: str) -> list[int]:
    """Of that month, where it is closed: the tickets that nobody had answered then."""
    found: list[int] | None = tx.execute(_silent, {"body": body_id, "month": month}).scalar()
    return found or []


def close(tx: Tx, body_id: int, month: str, *, at: datetime, by: int, figures: dict[str, Any], digest: str) -> bool:
    """False where it is closed already."""
    row = {"body_id": body_id, "month": month, "closed_at": at, "closed_by": by, "figures": figures, "digest": digest}
    return tx.execute(_close, row).rowcount == 1


def once(tx: Tx, kind: str, key: str, *, bot_id: str, due_at: datetime, data: dict[str, Any]) -> bool:
    """A timer where there is none of that kind and key yet; False where there is."""
    row = {"kind": kind, "key": key, "bot_id": bot_id, "due_at": due_at, "data": data}
    return tx.execute(_once, row).rowcount == 1


def working_bodies(tx: Tx) -> list[tuple[str, int, Level]]:
    """(bot, body, its level) of every body with a work chat."""
    return [(row[0], row[1], Level(row[2])) for row in tx.execute(_working)]
