"""What handlers do with a ticket, one function per event."""

from domain.errors import Refusal
from domain.people import Person
from domain.tickets import Act, Status, Ticket
from services import people, ticket_clock, ticket_files, ticket_limits, ticket_notices, ticket_steps
from services.turn import Turn
from storage import ticket_reports, timers
from texts import say, wording


def accept(turn: Turn, person: Person, ticket: Ticket) -> str:
    """Somebody with the right takes the ticket; the reporters hear who. Returns what the taker must know: the words of
    the report and, unless it is discreet, who made it."""
    ticket, body = ticket_steps.hold(turn, person, ticket)
    if ticket.status is Status.ACCEPTED and ticket.accepted_by == person.id:
        raise Refusal("tickets.already_yours", number=ticket.number)
    if ticket.status is Status.ACCEPTED:
        raise Refusal("tickets.taken", number=ticket.number, office=ticket_notices.holder(turn, ticket))
    ticket = ticket_steps.step(turn, ticket, Act.ACCEPTED, by=person.id, accepted_by=person.id)
    timers.cancel(turn.tx, ticket_clock.WATCH, str(ticket.id))
    ticket_limits.start(turn, ticket)
    office = people.acting_office(person.posts, body, ticket.building)
    if ticket.urgent:
        text = say("tickets.accepted_urgent", number=ticket.number, office=office)
        ticket_notices.to_places(turn, ticket, text, urgent=True)
    else:
        when = ticket_notices.when(turn, ticket)
        text = say("tickets.accepted_reporter", number=ticket.number, office=office, when=when)
        ticket_notices.to_reporters(turn, ticket, text)
    first = ticket_reports.reporters(turn.tx, ticket.id, ticket.bot_id)[:1]
    words = ticket_reports.texts(turn.tx, ticket.id)[:1]
    home = wording.home(first[0].building, first[0].unit, first[0].room) if first else ""
    who = f"{home} {first[0].name}".strip() if first and not ticket.discreet else ""
    hint = ticket_files.hint(turn, ticket)
    return say("tickets.taker_words", words=words[0][:60] if words else "", who=who, hint=hint)


def finish(turn: Turn, person: Person, ticket: Ticket, *, note: str) -> None:
    """The handler says it is fixed: the group hears it once, each reporter is asked privately."""
    ticket, body = ticket_steps.hold(turn, person, ticket)
    ticket = ticket_steps.step(
        turn, ticket, Act.FINISHED, by=person.id, accepted_by=person.id, finished_by=person.id, closed_at=turn.now
    )
    ticket_reports.add_texts(turn.tx, ticket.id, person_id=person.id, kind="note", at=turn.now, texts=(note,))
    ticket_clock.stop(turn, ticket)
    office = people.acting_office(person.posts, body, ticket.building)
    told = ticket_notices.note(turn, ticket)
    facts = {"number": ticket.number, "summary": ticket.summary, "office": office, "note": told}
    if not ticket.discreet:
        ticket_notices.to_groups(turn, ticket, say("tickets.finished_group", **facts), urgent=ticket.urgent)
    for reporter in ticket_reports.reporters(turn.tx, ticket.id, ticket.bot_id):
        ticket_clock.ask_outcome(turn, ticket, reporter.person_id)
