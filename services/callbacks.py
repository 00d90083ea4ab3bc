"""回访: somebody else than the handler asks a reporter in person; what two people leave out of the figures."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from domain.errors import Refusal
from domain.people import TREE, Body, Level, Person
from domain.rights import Action, may
from domain.tickets import ENDED, Act, Outcome, Status, Ticket
from services import people, ticket_endings, ticket_search, ticket_steps
from services.ticket_endings import Answered
from services.turn import Turn
from storage import audit, callbacks, ticket_merging, ticket_reports, tickets
from storage import offices as offices_rows
from storage.callbacks import Waiting
from storage.ticket_reports import UNREACHED
from storage.vault import vault
from texts import say, wording

MOST = 5  # in one list
_WINDOW = timedelta(days=62)  # older ones belong to months that are closed
_TRUSTED = (Level.COMMUNITY, Level.STREET)  # who may know the reporter of a discreet ticket


@dataclass(frozen=True, slots=True)
class Call:
    """A reporter to be asked; shown: who it is, with the phone as far as this person may see it."""

    ticket: Ticket
    person_id: int
    shown: str


def calls(turn: Turn, person: Person) -> list[Call]:
    """Whom this person may ask: reporters under their own bodies who have not answered, one of a ticket, the oldest
    first."""
    found: dict[int, Call] = {}
    for body, compounds in _served(turn, person):
        for each in callbacks.waiting(turn.tx, body.path, compounds, since=turn.now - _WINDOW):
            if each.ticket_id in found:
                continue
            ticket = tickets.get(turn.tx, each.ticket_id)
            if each.person_id != person.id and _may_call(turn, person, ticket) and not _had_it(turn, person, ticket):
                found[each.ticket_id] = Call(ticket, each.person_id, _shown(turn, person, ticket, each))
    return list(found.values())


def _served(turn: Turn, person: Person) -> Iterator[tuple[Body, list[int]]]:
    """The bodies of the five levels in which the person has a post that handles, with their compounds."""
    bodies = {post.body.id: post.body for post in person.posts if post.body.level in TREE}
    if not bodies:
        raise Refusal("callbacks.heads_only")
    for body in bodies.values():
        yield body, people.compounds_under(turn, body)


def _may_call(turn: Turn, person: Person, ticket: Ticket) -> bool:
    """With a post of the five levels over its body; a discreet one, who may know who reported it."""
    levels = [post.body.level for post in person.posts if post.body.level in TREE]
    trusted = not ticket.discreet or any(level in _TRUSTED for level in levels)
    return bool(levels) and trusted and ticket_search.may_handle(turn, person, ticket)


def _had_it(turn: Turn, person: Person, ticket: Ticket) -> bool:
    """Whoever worked on it, or on a part of it, does not ask whether it is done."""
    if person.id in (ticket.finished_by, ticket.accepted_by):
        return True
    return any(part.finished_by == person.id for part in ticket_merging.parts(turn.tx, ticket.id))


def _shown(turn: Turn, person: Person, ticket: Ticket, each: Waiting) -> str:
    ring = vault()
    phone = ring.open(each.phone) if ring and each.phone else ""
    if not may(person, Action.SEE_ROSTER, people.get_body(turn, ticket.body_id)):
        phone = wording.phone_masked(phone)
    home = wording.home(each.building, each.unit, each.room)
    return " ".join(part for part in (home, each.name, phone) if part)


def unanswered(turn: Turn, person: Person, ticket: Ticket) -> list[Call]:
    """The reporters of a ticket who may still be asked; Refusal where this person may not, or nobody is left."""
    _check(turn, person, ticket)
    answered = {
        voice.person_id
        for voice in ticket_reports.voices(turn.tx, ticket.id)
        if not voice.stays or voice.excluded or voice.answered(ticket.closed_at)
    }
    left = [
        Call(ticket, each.person_id, _shown(turn, person, ticket, each))
        for each in callbacks.reporters(turn.tx, ticket.id)
        if each.person_id not in answered and each.person_id != person.id
    ]
    if not left:
        raise Refusal("callbacks.all_answered", number=ticket.number)
    return left


def _check(turn: Turn, person: Person, ticket: Ticket) -> None:
    body = people.get_body(turn, ticket.body_id)
    if not _may_call(turn, person, ticket):
        raise Refusal("callbacks.not_yours", number=ticket.number, who=_another(turn, person, ticket, body))
    if ticket.status not in (Status.DONE, Status.CLOSED):
        key = "callbacks.ended" if ticket.status in ENDED else "callbacks.not_done"
        raise Refusal(key, number=ticket.number, state=say(f"tickets.state_{ticket.status.value}"))
    if _had_it(turn, person, ticket):
        raise Refusal("callbacks.own_work", number=ticket.number, who=_another(turn, person, ticket, body))


def _another(turn: Turn, person: Person, ticket: Ticket, body: Body) -> str:
    """The nearest office of the five levels where somebody sits who had no part in the work."""
    for upper in [body, *people.above(turn, body)]:
        held = offices_rows.holders(turn.tx, [upper.id]) if upper.level in TREE else []
        if any(each.person_id not in (person.id, ticket.finished_by, ticket.accepted_by) for each in held):
            return people.office(upper, ticket.building)
    return people.office(body, ticket.building)


def book(turn: Turn, person: Person, ticket: Ticket, call: Call, outcome: str, *, note: str) -> Answered:
    """What the reporter said, booked for them; "not solved" gives the ticket back, not reached leaves it as it is."""
    ticket = ticket_steps.lock(turn, ticket.id)
    _check(turn, person, ticket)
    ticket_reports.book(turn.tx, ticket.id, call.person_id, outcome, by=person.id, at=turn.now)
    if note:
        ticket_reports.add_texts(
            turn.tx, ticket.id, person_id=call.person_id, kind="reason", at=turn.now, texts=(note,)
        )
    data: dict[str, object] = {"outcome": outcome, "person": call.person_id}
    if outcome == UNREACHED:
        ticket_steps.record(turn, ticket, Act.CALLED_BACK, by=person.id, **data)
        return Answered(ticket, "", "")
    if outcome == Outcome.UNSOLVED.value:
        ticket_steps.record(turn, ticket, Act.CALLED_BACK, by=person.id, **data)
        return ticket_endings.give_back(turn, person, ticket)
    settled = {"settled_at": turn.now} if ticket.status is Status.DONE else {}
    ticket = ticket_steps.step(turn, ticket, Act.CALLED_BACK, by=person.id, note=data, **settled)
    return Answered(ticket, "", "")


# --- what is left out of the figures --------------------------------------------------------------------------------


def propose_exclusion(turn: Turn, person: Person, ticket: Ticket, *, reason: str) -> str:
    """Somebody wants to leave the ticket out of the figures; a second person has to agree. Returns who can."""
    ticket = ticket_steps.lock(turn, ticket.id)
    _check_exclusion(turn, person, ticket)
    ticket_reports.add_texts(turn.tx, ticket.id, person_id=person.id, kind="exclusion", at=turn.now, texts=(reason,))
    _record(turn, person, ticket, callbacks.PROPOSED)
    return _another(turn, person, ticket, people.get_body(turn, ticket.body_id))


def agree_exclusion(turn: Turn, person: Person, ticket: Ticket) -> None:
    """The second person's word: from now on it does not count."""
    ticket = ticket_steps.lock(turn, ticket.id)
    _check_exclusion(turn, person, ticket)
    proposer = callbacks.proposed_by(turn.tx, ticket.id)
    if proposer is None:
        raise Refusal("callbacks.not_proposed", number=ticket.number)
    if proposer == person.id:
        who = _another(turn, person, ticket, people.get_body(turn, ticket.body_id))
        raise Refusal("callbacks.own_proposal", number=ticket.number, who=who)
    ticket_reports.exclude(turn.tx, ticket.id, by=person.id)
    _record(turn, person, ticket, callbacks.AGREED)


def _check_exclusion(turn: Turn, person: Person, ticket: Ticket) -> None:
    _check(turn, person, ticket)
    if any(voice.excluded for voice in ticket_reports.voices(turn.tx, ticket.id)):
        raise Refusal("callbacks.excluded_already", number=ticket.number)


def _record(turn: Turn, person: Person, ticket: Ticket, action: str) -> None:
    audit.record(
        turn.tx,
        at=turn.now,
        compound_id=ticket.compound_id,
        actor_id=person.id,
        subject="ticket",
        subject_id=ticket.id,
        action=action,
    )


def exclusions(turn: Turn, person: Person) -> list[str]:
    """What is proposed and what was agreed to under the person's bodies, the oldest first."""
    found: dict[int, str] = {}
    for body, compounds in _served(turn, person):
        for each in callbacks.exclusions(turn.tx, body.path, compounds, since=turn.now - _WINDOW):
            ticket = tickets.get(turn.tx, each.ticket_id)
            if each.ticket_id not in found and _may_call(turn, person, ticket):
                who = offices_rows.name_of(turn.tx, each.proposed_by)
                key = "callbacks.excluded_line" if each.agreed else "callbacks.proposed_line"
                found[each.ticket_id] = say(key, number=ticket.number, reason=each.reason, who=who)
    return list(found.values())
