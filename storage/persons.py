"""Two rows that are one person: what of an account's row moves to the roster's, column by column."""

from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, delete, exists, or_, select, update
from sqlalchemy.orm import aliased

from domain.roster_plan import ROSTER
from domain.tickets import LIVE
from storage.base import BigInt, Moment
from storage.codes import CodeRow
from storage.database import Tx
from storage.lessons import Lesson
from storage.members import Consent, HomeRequest, Leaver
from storage.people import Identity, PersonRow, PostHistory, PostRow, Resident
from storage.places import ChatRow
from storage.polls import PollVoter
from storage.responsibility import DutyShift
from storage.ticket_bodies import TicketParty
from storage.ticket_files import TicketFile
from storage.ticket_reports import Report, TicketText
from storage.tickets import TicketRow
from storage.timers import TimerRow

# Columns that name a person and stay: who did something, once. The emptied row keeps its number, and the audit row
# of the joining names both.
KEPT = {
    "audit.actor_id": "append-only, its rows are sealed",
    "audit.subject_id": "append-only, its rows are sealed",
    "closed_month.closed_by": "frozen",
    "code.used_by": "spent",
    "consent.recorded_by": "before whom it was given",
    "home_request.decided_by": "decided",
    "known_matter.set_by": "who hung it up",
    "learned_word.added_by": "who taught it",
    "learned_word.undone_by": "undone",
    "lesson.taught_by": "who taught it",
    "lesson.undone_by": "undone",
    "post_history.acts_for": "ended",
    "post_history.ended_by": "ended",
    "poll.starter_id": "who started it",
    "responsibility.set_by": "who set it",
    "duty_shift.set_by": "who set it",
    "roster_batch.by": "imported",
    "ticket_body.asked_by": "who asked",
    "ticket_body.answered_by": "answered",
    "ticket_report.called_by": "called",
    "ticket_report.excluded_by": "excluded",
}
_old, _new = bindparam("old", type_=BigInt), bindparam("new", type_=BigInt)
_compound, _now = bindparam("compound", type_=BigInt), bindparam("now", type_=Moment())
_tickets = select(Report.ticket_id).where(Report.person_id == _old).scalar_subquery()
_live = select(TicketRow.id).where(
    TicketRow.compound_id == _compound, TicketRow.status.in_([status.value for status in LIVE])
)
_there = aliased(Resident)
_homes = select(Resident.household_id).where(Resident.person_id == _old)
_helped = select(_there.person_id).where(_there.household_id.in_(_homes))
_bodies = select(PostRow.body_id).where(PostRow.person_id == _old)
_chats = select(ChatRow.chat_id).where(ChatRow.compound_id == _compound)


def _named(column: Any, *where: ColumnElement[bool]) -> tuple[str, Any]:
    return f"{column.class_.__tablename__}.{column.key}", update(column.class_).where(column == _old, *where).values(
        {column.key: _new}
    )


# In this order: some are found by what moves later. Each by an index: one's own rows by the person, others by what
# they hang on.
_MOVES: dict[str, Any] = dict(
    (
        _named(TicketText.person_id, TicketText.ticket_id.in_(_tickets)),
        _named(Lesson.reporter_id, Lesson.ticket_id.in_(_tickets)),
        _named(Consent.helper_id, Consent.person_id.in_(_helped)),
        _named(Consent.person_id),
        _named(HomeRequest.person_id, HomeRequest.household_id == bindparam("home", type_=BigInt)),
        _named(TicketFile.person_id),
        _named(TicketParty.person_id),
        _named(Leaver.person_id, Leaver.bot_id == bindparam("bot"), Leaver.chat_id.in_(_chats)),
        _named(PollVoter.person_id),
        _named(PostHistory.person_id),
        _named(Identity.person_id),
    )
)
# Of somebody in office what is under way in the compound: their tickets, notes, codes, shifts and deputies.
_OFFICE: dict[str, Any] = dict(
    (
        _named(PostRow.acts_for, PostRow.body_id.in_(_bodies)),
        *(
            _named(column, TicketRow.id.in_(_live))
            for column in (TicketRow.accepted_by, TicketRow.contacted_by, TicketRow.finished_by)
        ),
        _named(CodeRow.made_by, CodeRow.expires_at > _now),
        _named(DutyShift.person_id, DutyShift.compound_id == _compound, DutyShift.ends_at > _now),
    )
)
_notes = update(TicketText).where(TicketText.person_id == _old, TicketText.ticket_id.in_(_live)).values(person_id=_new)


def _twice(table: Any, *key: str) -> Any:
    """Rows that the other person has as well."""
    other = aliased(table)
    same = and_(*(getattr(other, name) == getattr(table, name) for name in key))
    return delete(table).where(
        table.person_id == _old,
        exists().where(other.person_id == _new, same),
    )


_UNIQUE: dict[str, tuple[Any, Any]] = {
    name: (_twice(column.class_, *key), statement)
    for column, key in (
        (Report.person_id, ("ticket_id",)),
        (PostRow.person_id, ("body_id", "role")),
        (Resident.person_id, ("household_id",)),
    )
    for name, statement in [_named(column)]
}
MOVED = {*_MOVES, *_OFFICE, *_UNIQUE}
_identity = exists().where(Identity.person_id == PersonRow.id, Identity.bot_id == bindparam("bot"))
_unbound = (
    select(PersonRow.id, PersonRow.name, Resident.relation)
    .join_from(Resident, PersonRow, PersonRow.id == Resident.person_id)
    .where(
        Resident.household_id == bindparam("home"),
        Resident.source == ROSTER,
        Resident.relation != "helper",
        PersonRow.name.is_not(None),
        PersonRow.erased_at.is_(None),
        ~_identity,
    )
    .order_by(PersonRow.id)
)
_lock = select(PersonRow.id).where(PersonRow.id == bindparam("person"), PersonRow.erased_at.is_(None)).with_for_update()
_bound = select(Identity.user_id).where(Identity.person_id == bindparam("person"), Identity.bot_id == bindparam("bot"))
_on_roster = select(PersonRow.id).where(
    PersonRow.id == bindparam("person"),
    or_(
        PersonRow.phone_key.is_not(None),
        PersonRow.paper_key.is_not(None),
        PersonRow.erased_at.is_not(None),
        exists().where(Resident.person_id == PersonRow.id, Resident.source == ROSTER),
    ),
)
_empty = update(PersonRow).where(PersonRow.id == _old).values(name=None, erased_at=bindparam("now", type_=Moment()))
_confirm = (
    update(Resident)
    .where(Resident.person_id == bindparam("person"), Resident.household_id == bindparam("home"))
    .values(source=bindparam("how"))
    .returning(Resident.relation)
)
_reported = select(Report.ticket_id).where(Report.person_id == bindparam("person"))
_this_timer = (TimerRow.kind == bindparam("of"), TimerRow.key == bindparam("old_key"))
_timer = select(TimerRow.data).where(*_this_timer)
_move_timer = update(TimerRow).where(*_this_timer).values(key=bindparam("new_key"), data=bindparam("new_data"))


@cache
def _wanted(statement: Any) -> frozenset[str]:
    return frozenset(statement.compile().params)


def unbound(tx: Tx, bot_id: str, household_id: int) -> list[tuple[int, str, str]]:
    """(id, name, relation) of whom the roster has in the household and the bot does not know."""
    return [(row[0], row[1] or "", row[2]) for row in tx.execute(_unbound, {"bot": bot_id, "home": household_id})]


def claim(tx: Tx, bot_id: str, person_id: int) -> bool:
    """The row is held until the transaction ends, and nobody's account on this bot."""
    held = tx.execute(_lock, {"person": person_id}).first()
    return held is not None and tx.execute(_bound, {"person": person_id, "bot": bot_id}).first() is None


def on_roster(tx: Tx, person_id: int) -> bool:
    """The row is more than an account: a roster brought it, or its numbers."""
    return tx.execute(_on_roster, {"person": person_id}).first() is not None


def move(tx: Tx, old: int, new: int, *, bot_id: str, household_id: int, compound_id: int, now: datetime) -> None:
    """All that is the account's goes to the other row; its own stays as an empty number, since records name it."""
    ids = {"old": old, "new": new}
    place = {"compound": compound_id, "home": household_id, "bot": bot_id, "now": now}

    def run(statement: Any) -> None:
        tx.execute(statement, {**ids, **{name: value for name, value in place.items() if name in _wanted(statement)}})

    if tx.execute(_bodies, {"old": old}).first():
        for statement in (*_OFFICE.values(), _notes):
            run(statement)
    for statement in _MOVES.values():
        run(statement)
    for twice, statement in _UNIQUE.values():
        tx.execute(twice, ids)
        tx.execute(statement, ids)
    tx.execute(_empty, {"old": old, "now": now})


def confirm(tx: Tx, person_id: int, household_id: int, source: str) -> str | None:
    """They live there not by the roster's word alone, so that no roster takes them away. Returns the relation; None
    where a roster has just taken them away."""
    found: str | None = tx.execute(_confirm, {"person": person_id, "home": household_id, "how": source}).scalar()
    return found


def reported(tx: Tx, person_id: int) -> list[int]:
    return [row[0] for row in tx.execute(_reported, {"person": person_id})]


def timer(tx: Tx, kind: str, key: str) -> dict[str, Any] | None:
    data: dict[str, Any] | None = tx.execute(_timer, {"of": kind, "old_key": key}).scalar()
    return data


def move_timer(tx: Tx, kind: str, key: str, new_key: str, data: dict[str, Any]) -> None:
    tx.execute(_move_timer, {"of": kind, "old_key": key, "new_key": new_key, "new_data": data})
