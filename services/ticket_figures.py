"""The figures of a body's tickets: counted, frozen when a month is closed, corrected in a list, exported.

A body's figures are those of its subtree: of all compounds below it, of its building, or (beside the tree) of what is
in its own hands. What a month's closing froze is never counted anew; who answers later counts in the month after.
"""

from dataclasses import astuple, dataclass, replace
from datetime import datetime
from typing import Any

from domain import figures
from domain.errors import Refusal
from domain.figures import Cell, Intake, Period
from domain.people import Body, Chat, Level, Person, Place
from domain.rights import Action, allows, may
from services import people, rights, ticket_notices
from services.turn import Turn
from storage import audit, ticket_lists
from storage import ticket_figures as rows
from storage.ticket_figures import Frozen, Standing, Within

CLOSING = (Level.BRANCH, Level.COMMUNITY)
_PROPERTY = "property"  # complaints about the property company are not for its eyes


@dataclass(frozen=True, slots=True)
class Sheet:
    """A body's figures of a period. closed_at, digest: of the closed month they come from."""

    body: Body
    category: str
    period: Period
    cells: list[Cell]
    intake: list[Intake]
    medians: dict[str, int]
    standing: Standing
    closed_at: datetime | None = None
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Correction:
    """A ticket whose answer is no longer what was frozen; now: None where it does not count there any more."""

    number: int
    was: str
    now: str | None


# --- whose figures, for whom ----------------------------------------------------------------------------------------


def body_meant(turn: Turn, person: Person, chat: Chat | None, *actions: Action) -> Body:
    """The work chat's body, else the highest in which the person has one of the rights. Refusal where there is none."""
    if chat and chat.body_id:
        body = people.get_body(turn, chat.body_id)
        if not any(may(person, action, body) for action in actions):
            rights.check_right(turn, person, actions[0], body)
        return body
    for post in person.posts:
        if any(allows(post, action, post.body) for action in actions):
            return post.body
    if person.posts:
        rights.check_right(turn, person, actions[0], person.posts[0].body)
    raise Refusal("figures.no_right")


def within(turn: Turn, body: Body, category: str = "") -> Within:
    """What the body may see of its subtree: nothing that is about itself or about somebody in it."""
    seen = Within(tuple(people.compounds_under(turn, body)), category=category, viewer=body.id)
    if body.building_id and body.level is Level.BUILDING_GROUP:
        return replace(seen, building=body.building_id)
    if body.level <= Level.BRANCH:
        return seen
    return replace(seen, body=body.id, but=_PROPERTY if body.level is Level.PROPERTY else "")


def _closer(turn: Turn, body: Body) -> Body | None:
    """Whose closing of a month counts for this body: its own, or its compound's branch's."""
    if body.level in CLOSING:
        return body
    return next((upper for upper in people.above(turn, body) if upper.level is Level.BRANCH), None)


# --- counting -------------------------------------------------------------------------------------------------------


def gather(turn: Turn, body: Body, period: Period, category: str = "") -> Sheet:
    """A closed month as it was frozen, everything else as it stands now."""
    closer = _closer(turn, body) if period.month else None
    found = rows.frozen(turn.tx, closer.id, period.month) if closer else None
    if found:
        return _thawed(turn, body, period, category, found)
    where = within(turn, body, category)
    return Sheet(
        body,
        category,
        period,
        rows.cells(turn.tx, where, period.start, period.end, _silent(turn, closer, period)),
        rows.intake(turn.tx, where, period.start, period.end),
        rows.medians(turn.tx, where, period.start, period.end),
        rows.standing(turn.tx, where, turn.now),
    )


def _silent(turn: Turn, closer: Body | None, period: Period) -> list[int]:
    """Of the month before, where it is closed: whoever has answered since counts here."""
    if closer is None or not period.month:
        return []
    return rows.silent_in(turn.tx, closer.id, figures.month_before(period, turn.rules.zone).month)


def _thawed(turn: Turn, body: Body, period: Period, category: str, found: Frozen) -> Sheet:
    """What was frozen, narrowed to the body and the category; durations of a part of it are counted anew."""
    where = within(turn, body, category)

    def belongs(each: Cell | Intake) -> bool:
        return (
            where.building in (None, each.building_id)
            and where.body in (None, each.body_id)
            and category in ("", each.category)
            and each.category != where.but
        )

    content = found.figures
    whole = where == Within(where.compounds, viewer=body.id)
    medians = content["medians"] if whole else rows.medians(turn.tx, where, period.start, period.end)
    return Sheet(
        body,
        category,
        period,
        [cell for cell in (Cell(*each) for each in content["cells"]) if belongs(cell)],
        [each for each in (Intake(*each) for each in content["intake"]) if belongs(each)],
        medians,
        rows.standing(turn.tx, where, turn.now),
        found.closed_at,
        found.digest,
    )


def place_totals(turn: Turn, place: Place) -> Sheet:
    """For neighbours: this month of their own building or compound, and nothing to compare it with."""
    period = figures.month(turn.local.date(), turn.rules.zone)
    where = Within((place.compound_id,), building=place.building_id)
    body = rights.body_at(turn, place)
    intake = rows.intake(turn.tx, where, period.start, period.end)
    cells = rows.cells(turn.tx, where, period.start, period.end, [])
    return Sheet(body, "", period, cells, intake, {}, rows.standing(turn.tx, where, turn.now))


# --- a month is closed ----------------------------------------------------------------------------------------------


def close(turn: Turn, person: Person, body: Body, period: Period) -> tuple[Sheet, str]:
    """Freeze a month that is over. Returns its figures and their digest. Refusal where it is closed already."""
    rights.check_right(turn, person, Action.EXPORT, body)
    if body.level not in CLOSING:
        raise Refusal("figures.close_who")
    if period.end > turn.now:
        raise Refusal("figures.close_early", day=ticket_notices.day(turn, period.end))
    sheet = gather(turn, body, period)
    if sheet.closed_at:
        raise Refusal("figures.closed_already", month=period.start.month, day=ticket_notices.day(turn, sheet.closed_at))
    content = _content(turn, sheet)
    digest = figures.digest(content)
    if not rows.close(turn.tx, body.id, period.month, at=turn.now, by=person.id, figures=content, digest=digest):
        raise Refusal("figures.closed_already", month=period.start.month, day=ticket_notices.day(turn, turn.now))
    _record(turn, person.id, body, "month_closed", month=period.month, digest=digest)
    return sheet, digest


def _content(turn: Turn, sheet: Sheet) -> dict[str, Any]:
    """All of a period's figures, with the tickets they are made of, as plain values: what is frozen and exported."""
    tickets = _tickets(turn, sheet.body, sheet.period)
    silent = [each["id"] for each in tickets if each["counts"] == "done" and each["answer"] not in figures.VALID]
    return {
        "month": sheet.period.month,
        "silent": silent,
        "cells": [list(astuple(cell)) for cell in sheet.cells],
        "intake": [list(astuple(each)) for each in sheet.intake],
        "medians": sheet.medians,
        "tickets": tickets,
    }


def _tickets(turn: Turn, body: Body, period: Period) -> list[dict[str, Any]]:
    """counts: "done" in the period, "late" of the month before, "" only opened in it."""
    silent = _silent(turn, _closer(turn, body), period)
    found = ticket_lists.rows(turn.tx, within(turn, body), period.start, period.end, silent)
    return [_plain(turn, row, period) for row in found]


def _plain(turn: Turn, row: dict[str, Any], period: Period) -> dict[str, Any]:
    closed_at, zone = row["closed_at"], turn.rules.zone
    counts = ""
    if row["status"] in ("done", "closed") and closed_at:
        if period.start <= closed_at < period.end:
            counts = "done"
        elif not period.start <= row["opened_at"] < period.end:
            counts = "late"
    moments = ("opened_at", "contacted_at", "respond_by", "resolve_by", "closed_at")
    local = {name: f"{row[name].astimezone(zone):%Y-%m-%d %H:%M:%S}" if row[name] else "" for name in moments}
    kept = (
        "id",
        "number",
        "compound",
        "category",
        "building",
        "kind",
        "status",
        "answer",
        "reopened",
        "hops",
        "hotline",
    )
    return {name: row[name] for name in kept} | local | {"counts": counts, "in_time": bool(row["in_time"])}


def corrections(turn: Turn, body: Body, period: Period) -> list[Correction]:
    """What has changed since the month was closed; the frozen figures stay as they are."""
    found = rows.frozen(turn.tx, body.id, period.month)
    if found is None:
        raise Refusal("figures.not_closed", month=period.start.month)
    today = {row["id"]: row for row in _tickets(turn, body, period)}
    changed = []
    for was in found.figures["tickets"]:
        now = today.get(was["id"])
        after = now["answer"] if now and now["counts"] == was["counts"] else None
        if was["counts"] and was["answer"] != after:
            changed.append(Correction(was["number"], was["answer"], after))
    return changed


# --- export ---------------------------------------------------------------------------------------------------------


def export(turn: Turn, body: Body, period: Period, *, by: int | None, who: str) -> dict[str, Any]:
    """Everything that stands on the sheets, as plain values (bot/figure_sheets.py writes them); it is recorded who had
    it. The right is checked where it is asked for."""
    found = rows.frozen(turn.tx, body.id, period.month)
    content = found.figures if found else _content(turn, gather(turn, body, period))
    digest = found.digest if found else figures.digest(content)
    _record(turn, by, body, "figures_exported", month=period.month, digest=digest)
    return {
        **content,
        "body": body.name,
        "who": who,
        "at": f"{turn.local:%Y-%m-%d %H:%M}",
        "closed": f"{found.closed_at.astimezone(turn.rules.zone):%Y-%m-%d %H:%M}" if found else "",
        "digest": digest,
        "rules": astuple(turn.rules.figures),
    }


def _record(turn: Turn, by: int | None, body: Body, action: str, **data: Any) -> None:
    audit.record(
        turn.tx,
        at=turn.now,
        compound_id=body.compound_id,
        actor_id=by,
        subject="body",
        subject_id=body.id,
        action=action,
        **data,
    )
