"""How a ticket ends: the reporters' word on the result, and what follows from it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from domain import limits
from domain.people import Person
from domain.promises import first_report, quiet_end
from domain.tickets import LIVE, Act, Outcome, Status, Ticket
from services import people, ticket_clock, ticket_limits, ticket_notices, ticket_steps
from services.turn import Turn
from storage import ticket_merging, ticket_reports, tickets
from texts import say

_AGAIN = 2  # given back so often, it goes up a level


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of an answer. office: who has the ticket; when: the bot reports back, where it is being worked on;
    raised: it went up a level, and all who reported it were told."""

    ticket: Ticket
    office: str
    when: str
    raised: bool = False


def announce(turn: Turn, ticket: Ticket, office: str) -> None:
    """It is said to be done: the group hears it once, each reporter is asked privately."""
    facts = {"number": ticket.number, "summary": ticket.summary, "office": office}
    if not ticket.discreet:
        text = say("tickets.finished_group", **facts, note=ticket_notices.note(turn, ticket))
        ticket_notices.to_groups(turn, ticket, text, urgent=ticket.urgent)
    if ticket.parent_id and any(part.status in LIVE for part in ticket_merging.parts(turn.tx, ticket.parent_id)):
        text = say("endings.part_done", **facts, note=ticket_notices.note(turn, ticket))
        ticket_notices.to_reporters(turn, ticket, text)  # they are asked when all parts have ended
    ticket_clock.ask_outcome(turn, ticket)


def is_late(turn: Turn, ticket: Ticket) -> bool:
    """It was done so long ago that the same trouble is a new matter."""
    done = ticket.status not in LIVE and ticket.closed_at
    return bool(done and turn.now > done + timedelta(days=turn.rules.limits.reopen_days))


def answer(turn: Turn, person: Person, ticket: Ticket, outcome: Outcome) -> Answered:
    """A reporter's word on the result; "not solved" gives the ticket back."""
    current = ticket_steps.lock(turn, ticket.id)
    if outcome is Outcome.UNSOLVED and current.parent_id:
        _join_part(turn, person, current, current.parent_id)
    ticket_reports.answer(turn.tx, ticket.id, person.id, outcome.value, at=turn.now)
    note: dict[str, object] = {"outcome": outcome.value}
    if outcome is Outcome.UNSOLVED:
        ticket_steps.record(turn, current, Act.ANSWERED, by=person.id, **note)
        return give_back(turn, person, current)
    settled = {"settled_at": turn.now} if current.status is Status.DONE else {}
    current = ticket_steps.step(turn, current, Act.ANSWERED, by=person.id, note=note, **settled)
    return _answered(turn, current)


def _join_part(turn: Turn, person: Person, part: Ticket, whole_id: int) -> None:
    """The whole has ended, so nobody would be asked again when its part is done: who says it is not good, will be."""
    if tickets.get(turn.tx, whole_id).status is Status.SPLIT:
        return
    for voice in ticket_reports.voices(turn.tx, whole_id):
        if voice.stays and voice.person_id == person.id:
            where: dict[str, Any] = {"household_id": voice.household_id, "chat_id": voice.chat_id}
            ticket_reports.join(turn.tx, part.id, person_id=person.id, **where, at=turn.now)


def give_back(turn: Turn, person: Person, ticket: Ticket) -> Answered:
    """It is not solved: back to its body with new limits, and the second time a level up at once. One that is being
    worked on, or that was done too long ago, stays as it is."""
    if ticket.status in LIVE or is_late(turn, ticket):
        return _answered(turn, ticket)
    again = ticket_steps.step(
        turn,
        ticket,
        Act.REOPENED,
        by=person.id,
        accepted_by=None,
        contacted_at=None,  # who has it speaks with the reporter anew
        contacted_by=None,
        offered_to=None,  # an offer of last time is over
        closed_at=None,
        settled_at=None,
        paused_at=None,
        reopened=ticket.reopened + 1,
        report_at=first_report(turn.now, turn.rules),
        respond_by=limits.respond_by(turn.now, urgent=ticket.urgent, rules=turn.rules),
        resolve_by=limits.resolve_by(turn.now, ticket.kind, urgent=ticket.urgent, rules=turn.rules),
    )
    seen_at = quiet_end(turn.now, turn.rules)
    text = say("tickets.reopened_body", **ticket_notices.facts(turn, again, seen_at=seen_at))
    body = people.get_body(turn, ticket.body_id)
    ticket_notices.to_handlers(turn, ticket, body, text, choices=ticket_notices.take_it(ticket))
    ticket_limits.start(turn, again)
    raised = again
    if again.reopened >= _AGAIN:
        said = "endings.second_time" if again.reopened == _AGAIN else "endings.many_times"
        raised = ticket_limits.escalate(turn, again, by=person.id, said=said, above="endings.not_good_up")
    ticket_clock.promise(turn, raised)
    return _answered(turn, raised, raised=raised.hops > again.hops)


def _answered(turn: Turn, ticket: Ticket, *, raised: bool = False) -> Answered:
    office = people.office(people.get_body(turn, ticket.body_id), ticket.building)
    when = ticket_notices.when(turn, ticket) if ticket.status in LIVE else ""
    return Answered(ticket, office, when, raised)


def add_complaint(turn: Turn, person: Person, ticket: Ticket, words: str) -> str:
    """What is still missing, in the reporter's words, goes to the handler. Returns the handler's office."""
    ticket_reports.add_texts(turn.tx, ticket.id, person_id=person.id, kind="report", at=turn.now, texts=(words,))
    body = people.get_body(turn, ticket.body_id)
    said = ticket_notices.quoted(ticket, words)
    ticket_notices.to_handlers(turn, ticket, body, say("tickets.lacking_body", number=ticket.number, words=said))
    return people.office(body, ticket.building)


def add_reason(turn: Turn, person: Person, ticket: Ticket, words: str, *, kind: str = "reason") -> None:
    """Why somebody is not satisfied; kind "no_photo": why the handler has no picture of the result."""
    ticket_reports.add_texts(turn.tx, ticket.id, person_id=person.id, kind=kind, at=turn.now, texts=(words,))
