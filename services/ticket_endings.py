"""How a ticket ends: the reporters' word on the result, and what follows from it."""

from domain import limits
from domain.people import Person
from domain.promises import first_report, quiet_end
from domain.tickets import LIVE, Act, Outcome, Status, Ticket
from services import people, ticket_clock, ticket_limits, ticket_notices, ticket_steps
from services.turn import Turn
from storage import ticket_reports
from texts import say


def answer(turn: Turn, person: Person, ticket: Ticket, outcome: Outcome) -> tuple[str, str]:
    """A reporter's word on the result; "not solved" gives the ticket back.

    Returns the office that has it and, where it is being worked on (again), when the bot reports back.
    """
    current = ticket_steps.lock(turn, ticket.id)
    body = people.get_body(turn, ticket.body_id)
    office = people.office(body, ticket.building)
    ticket_reports.answer(turn.tx, ticket.id, person.id, outcome.value, at=turn.now)
    if outcome is not Outcome.UNSOLVED:
        settled = {"settled_at": turn.now} if current.status is Status.DONE else {}
        note: dict[str, object] = {"outcome": outcome.value}
        current = ticket_steps.step(turn, current, Act.ANSWERED, by=person.id, note=note, **settled)
        return office, ticket_notices.when(turn, current) if current.status in LIVE else ""
    ticket_steps.record(turn, current, Act.ANSWERED, by=person.id, outcome=outcome.value)
    if current.status not in LIVE:
        current = ticket_steps.step(
            turn,
            current,
            Act.REOPENED,
            by=person.id,
            accepted_by=None,
            closed_at=None,
            settled_at=None,
            reopened=current.reopened + 1,
            report_at=first_report(turn.now, turn.rules),
            respond_by=limits.respond_by(turn.now, urgent=current.urgent, rules=turn.rules),
            resolve_by=limits.resolve_by(turn.now, current.kind, urgent=current.urgent, rules=turn.rules),
        )
        seen_at = quiet_end(turn.now, turn.rules)
        text = say("tickets.reopened_body", **ticket_notices.facts(turn, current, seen_at=seen_at))
        ticket_notices.to_handlers(turn, ticket, body, text, choices=ticket_notices.take_it(ticket))
        ticket_clock.promise(turn, current)
        ticket_limits.start(turn, current)
    return office, ticket_notices.when(turn, current)


def add_complaint(turn: Turn, person: Person, ticket: Ticket, words: str) -> str:
    """What is still missing, in the reporter's words, goes to the handler. Returns the handler's office."""
    ticket_reports.add_texts(turn.tx, ticket.id, person_id=person.id, kind="report", at=turn.now, texts=(words,))
    body = people.get_body(turn, ticket.body_id)
    ticket_notices.to_handlers(turn, ticket, body, say("tickets.lacking_body", number=ticket.number, words=words))
    return people.office(body, ticket.building)
