"""What handlers do with a ticket, one function per event."""

from datetime import date, datetime, time
from typing import Any

from domain import limits
from domain.errors import Refusal
from domain.people import Level, Person
from domain.tickets import Act, Status, Ticket
from services import people, ticket_clock, ticket_endings, ticket_files, ticket_limits, ticket_notices, ticket_steps
from services.turn import Turn
from storage import ticket_reports, timers
from texts import say, wording

_DECLINING = (Level.BRANCH, Level.COMMUNITY, Level.STREET)


def accept(turn: Turn, person: Person, ticket: Ticket) -> str:
    """Somebody with the right takes the ticket; the reporters hear who. Returns what the taker must know: the words of
    the report and, unless it is discreet, who made it."""
    ticket, body = ticket_steps.hold_own(turn, person, ticket)
    if ticket.status is Status.ACCEPTED and ticket.accepted_by == person.id:
        raise Refusal("tickets.already_yours", number=ticket.number)
    if ticket.status is Status.ACCEPTED:
        raise Refusal("tickets.taken", number=ticket.number, office=ticket_notices.holder(turn, ticket))
    changes = ticket_limits.resume(turn, ticket)  # it may have been shelved
    ticket = ticket_steps.step(turn, ticket, Act.ACCEPTED, by=person.id, accepted_by=person.id, **changes)
    timers.cancel(turn.tx, ticket_clock.WATCH, str(ticket.id))
    ticket_limits.start(turn, ticket)
    if changes:
        ticket_clock.promise(turn, ticket)
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
    said = ticket_notices.quoted(ticket, words[0][:60]) if words else ""
    return say("tickets.taker_words", words=said, who=who, hint=ticket_files.hint(turn, ticket))


def finish(turn: Turn, person: Person, ticket: Ticket, *, note: str) -> None:
    """The handler says it is fixed: the group hears it once, each reporter is asked privately."""
    ticket, body = ticket_steps.hold_own(turn, person, ticket)
    ticket = ticket_steps.step(
        turn,
        ticket,
        Act.FINISHED,
        by=person.id,
        accepted_by=ticket.accepted_by or person.id,  # whoever worked on it does not ask whether it is done
        finished_by=person.id,
        closed_at=turn.now,
    )
    ticket_reports.add_texts(turn.tx, ticket.id, person_id=person.id, kind="note", at=turn.now, texts=(note,))
    ticket_clock.stop(turn, ticket)
    office = people.acting_office(person.posts, body, ticket.building)
    ticket_endings.announce(turn, ticket, office)


def contacted(turn: Turn, person: Person, ticket: Ticket, *, note: str) -> None:
    """The handler spoke with the reporter: the evidence of the response rate (taking a ticket is none)."""
    ticket, _ = ticket_steps.hold(turn, person, ticket)
    first: dict[str, Any] = {} if ticket.contacted_at else {"contacted_at": turn.now, "contacted_by": person.id}
    ticket = ticket_steps.step(turn, ticket, Act.CONTACTED, by=person.id, **first)
    _note(turn, person, ticket, "contact", note)
    ticket_limits.start(turn, ticket)


def tell(turn: Turn, person: Person, ticket: Ticket, *, note: str) -> None:
    """A word on how it goes, for those who reported it."""
    ticket, body = ticket_steps.hold(turn, person, ticket)
    ticket = ticket_steps.step(turn, ticket, Act.PROGRESSED, by=person.id)
    _note(turn, person, ticket, "progress", note)
    office = people.acting_office(person.posts, body, ticket.building)
    told = ticket_notices.tellable(note) or say("tickets.in_hand")
    facts = {"number": ticket.number, "office": office, "note": told, "when": ticket_notices.when(turn, ticket)}
    ticket_notices.to_reporters(turn, ticket, say("tickets.progressed", **facts))


def ask(turn: Turn, person: Person, ticket: Ticket, *, question: str) -> None:
    """The owner needs a word of the reporter: the clock stands still until it comes."""
    ticket, body = ticket_steps.hold_own(turn, person, ticket)
    taker = ticket.accepted_by or person.id
    ticket = ticket_steps.step(turn, ticket, Act.ASKED, by=person.id, accepted_by=taker, paused_at=turn.now)
    _note(turn, person, ticket, "question", question)
    ticket_limits.start(turn, ticket)
    office = people.acting_office(person.posts, body, ticket.building)
    ticket_clock.ask_reporter(turn, ticket, say("tickets.asked", number=ticket.number, office=office, note=question))


def heard(turn: Turn, person: Person, ticket: Ticket, words: str) -> str:
    """The reporter's answer goes to the handler and the clock goes on. Returns the office that has it."""
    ticket = ticket_steps.lock(turn, ticket.id)
    ticket_reports.add_texts(turn.tx, ticket.id, person_id=person.id, kind="report", at=turn.now, texts=(words,))
    body = people.get_body(turn, ticket.body_id)
    if ticket.status is Status.WAITING:
        respond_by, resolve_by = limits.resumed(ticket, turn.now)
        changes: dict[str, Any] = {"paused_at": None, "respond_by": respond_by, "resolve_by": resolve_by}
        if not ticket.contacted_at:  # asked and answered: they have spoken with each other
            changes |= {"contacted_at": turn.now, "contacted_by": ticket.accepted_by}
        ticket = ticket_steps.step(turn, ticket, Act.HEARD, by=person.id, **changes)
        ticket_limits.start(turn, ticket)
    said = ticket_notices.quoted(ticket, words)
    ticket_notices.to_handlers(turn, ticket, body, say("tickets.lacking_body", number=ticket.number, words=said))
    return ticket_notices.holder(turn, ticket)


def extend(turn: Turn, person: Person, ticket: Ticket, *, day: date, reason: str) -> Ticket:
    """The one extension: later by some working days, with a reason that the reporters hear."""
    ticket, body = ticket_steps.hold_own(turn, person, ticket)
    ticket_steps.check(ticket, Act.EXTENDED)
    if ticket.extended:
        raise Refusal("tickets.extended_already", number=ticket.number)
    until = datetime.combine(day, time.fromisoformat(turn.rules.report_evening), tzinfo=turn.rules.zone)
    latest = limits.add_workdays(ticket.resolve_by or turn.now, turn.rules.limits.extension_days, turn.rules)
    if ticket.resolve_by and turn.now < until <= ticket.resolve_by:
        raise Refusal("tickets.extended_not_later", day=ticket_notices.day(turn, ticket.resolve_by))
    if until <= turn.now or until.date() > latest.astimezone(turn.rules.zone).date():
        raise Refusal("tickets.extended_too_long", day=ticket_notices.day(turn, latest))
    changes: dict[str, Any] = {"resolve_by": until, "report_at": until, "extended": True}
    ticket = ticket_steps.step(turn, ticket, Act.EXTENDED, by=person.id, **changes)
    _note(turn, person, ticket, "reason", reason)
    ticket_clock.promise(turn, ticket)
    ticket_limits.start(turn, ticket)
    office = people.acting_office(person.posts, body, ticket.building)
    told = ticket_notices.tellable(reason)
    facts = {"number": ticket.number, "office": office, "note": told, "when": ticket_notices.when(turn, ticket)}
    ticket_notices.to_reporters(turn, ticket, say("tickets.extended", **facts))
    return ticket


def shelve(turn: Turn, person: Person, ticket: Ticket, *, day: date, reason: str) -> Ticket:
    """挂账: it cannot be done now; why, and when it is looked at again. The body above hears of it."""
    ticket, body = ticket_steps.hold_own(turn, person, ticket)
    ticket_steps.check(ticket, Act.SHELVED)
    if ticket.urgent:
        raise Refusal("tickets.shelved_urgent", number=ticket.number)
    today = turn.local.date()
    if not 0 < (day - today).days <= turn.rules.limits.shelve_days:
        raise Refusal("tickets.shelved_too_long", days=turn.rules.limits.shelve_days)
    review_at = datetime.combine(day, time.fromisoformat(turn.rules.report_morning), tzinfo=turn.rules.zone)
    changes: dict[str, Any] = {"paused_at": ticket.paused_at or turn.now, "review_at": review_at}
    ticket = ticket_steps.step(turn, ticket, Act.SHELVED, by=person.id, **changes)
    _note(turn, person, ticket, "reason", reason)
    ticket_clock.stop(turn, ticket)
    ticket_limits.review_on(turn, ticket, review_at)
    facts = ticket_notices.facts(turn, ticket)
    facts |= {"day": ticket_notices.day(turn, review_at), "note": ticket_notices.tellable(reason)}
    ticket_notices.to_reporters(turn, ticket, say("tickets.shelved", **facts))
    for upper in people.above(turn, body)[:1]:
        ticket_notices.to_body(turn, ticket, upper, say("tickets.shelved_up", **facts))
    return ticket


def decline(turn: Turn, person: Person, ticket: Ticket, *, reason: str) -> None:
    """不受理: in court, with the Party's discipline, said before … by the branch or above, with why and where to go."""
    ticket, _ = ticket_steps.hold_own(turn, person, ticket)
    if all(post.body.level not in _DECLINING for post in person.posts):
        raise Refusal("tickets.declined_above", number=ticket.number)
    ticket = ticket_steps.step(turn, ticket, Act.DECLINED, by=person.id, closed_at=turn.now, settled_at=turn.now)
    _note(turn, person, ticket, "reason", reason)
    ticket_clock.stop(turn, ticket)
    told = ticket_notices.tellable(reason)
    ticket_notices.to_reporters(turn, ticket, say("tickets.declined", number=ticket.number, note=told))


def _note(turn: Turn, person: Person, ticket: Ticket, kind: str, words: str) -> None:
    """Words of a handler; erasable, so apart from the audit row."""
    if words:
        ticket_reports.add_texts(turn.tx, ticket.id, person_id=person.id, kind=kind, at=turn.now, texts=(words,))
