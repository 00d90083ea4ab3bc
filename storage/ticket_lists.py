"""Tickets one by one: what a month's figures are made of, and the lists a secretary works through."""

from datetime import datetime
from typing import Any

from sqlalchemy import Integer, bindparam, func, select, union_all

from domain.figures import SILENT, UNREACHED
from domain.tickets import Outcome, Status
from storage.database import Tx
from storage.places import Building, Compound
from storage.ticket_figures import (
    Within,
    answer,
    is_done_between,
    is_in_time,
    is_late,
    is_live,
    is_opened_between,
)
from storage.tickets import TicketRow

_row = (
    select(
        TicketRow.id,
        TicketRow.number,
        Compound.name.label("compound"),
        TicketRow.category,
        TicketRow.summary,
        func.coalesce(Building.number, "").label("building"),
        TicketRow.kind,
        TicketRow.status,
        TicketRow.opened_at,
        TicketRow.contacted_at,
        TicketRow.respond_by,
        TicketRow.resolve_by,
        TicketRow.closed_at,
        TicketRow.review_at,
        answer.label("answer"),
        is_in_time.label("in_time"),
        TicketRow.reopened,
        TicketRow.hops,
        TicketRow.hotline,
    )
    .join(Compound, Compound.id == TicketRow.compound_id)
    .outerjoin(Building, Building.id == TicketRow.building_id)
)
_ids = union_all(*(select(TicketRow.id).where(each) for each in (is_done_between, is_opened_between, is_late)))
_rows = _row.where(TicketRow.id.in_(_ids)).order_by(TicketRow.id)
_most = bindparam("most", type_=Integer())
_unhappy = (
    _row.where(is_done_between, answer.in_((Outcome.UNSATISFIED.value, Outcome.UNSOLVED.value)))
    .order_by(TicketRow.closed_at)
    .limit(_most)
)
_redone = _row.where(is_live, TicketRow.reopened > 0).order_by(TicketRow.id).limit(_most)
_uncalled = _row.where(is_done_between, answer.in_((SILENT, UNREACHED))).order_by(TicketRow.closed_at).limit(_most)
_shelved = (
    _row.where(is_live, TicketRow.status == Status.SHELVED.value)
    .order_by(TicketRow.review_at, TicketRow.id)
    .limit(_most)
)
_repeated = (
    select(Compound.name, Building.number, TicketRow.category, func.count())
    .join_from(TicketRow, Building, Building.id == TicketRow.building_id)
    .join(Compound, Compound.id == TicketRow.compound_id)
    .where(is_opened_between)
    .group_by(Compound.name, Building.id, Building.number, TicketRow.category)
    .having(func.count() >= bindparam("times", type_=Integer()))
    .order_by(func.count().desc(), Building.id, TicketRow.category)
    .limit(_most)
)


def rows(tx: Tx, within: Within, start: datetime, end: datetime, silent: list[int]) -> list[dict[str, Any]]:
    """A row for each ticket that counts in the period, and for each opened in it."""
    values = within.values(start=start, end=end, silent=silent)
    return [row._asdict() for row in tx.execute(_rows, values)]


def unhappy(tx: Tx, within: Within, start: datetime, end: datetime, *, most: int) -> list[dict[str, Any]]:
    """Done in the period and not to the reporter's content; then what was given back and is worked on again."""
    values = within.values(start=start, end=end, most=most)
    found = [row._asdict() for row in tx.execute(_unhappy, values)]
    again = [row._asdict() for row in tx.execute(_redone, within.values(most=most))]
    return [*found, *again]


def uncalled(tx: Tx, within: Within, start: datetime, end: datetime, *, most: int) -> list[dict[str, Any]]:
    """Done in the period, and nobody has answered; not reached is among them."""
    return [row._asdict() for row in tx.execute(_uncalled, within.values(start=start, end=end, most=most))]


def shelved(tx: Tx, within: Within, most: int) -> list[dict[str, Any]]:
    """What cannot be done now, the next to be looked at first."""
    return [row._asdict() for row in tx.execute(_shelved, within.values(most=most))]


def repeated(
    tx: Tx, within: Within, start: datetime, end: datetime, *, times: int, most: int
) -> list[tuple[str, str, str, int]]:
    """(compound, building, category, tickets) of the places where the same is reported again and again."""
    values = within.values(start=start, end=end, times=times, most=most)
    return [(row[0], row[1], row[2], row[3]) for row in tx.execute(_repeated, values)]
