"""What goes to a supplier or a department outside: a text to send them, a day to ask again, a word to the reporters."""

from datetime import date, datetime, time
from typing import Any

from domain import limits
from domain.errors import Refusal
from domain.people import Person
from domain.promises import quiet_end
from domain.tickets import LIVE, Act, Ticket
from services import conversations, people, ticket_notices, ticket_steps
from services.conversations import LATER
from services.turn import Turn
from storage import people as stored
from storage import ticket_reports, tickets, timers
from texts import options, say

OUTSIDE = "ticket.outside"


def refer(turn: Turn, person: Person, ticket: Ticket, agency: str, day: date | None) -> str:
    """转外: the ticket stays with its body, which asks the supplier. Returns the text to send, and whom to call."""
    ticket, body = ticket_steps.hold_own(turn, person, ticket)
    if day is not None and day <= turn.local.date():
        raise Refusal("routing.outside_late")
    ticket = ticket_steps.step(turn, ticket, Act.PROGRESSED, by=person.id, note={"outside": agency}, outside=agency)
    ask_at = _follow_up(turn, ticket, person.id, day)
    name, phone = say(f"routes.agency_{agency}"), number_of(turn, agency)
    facts = ticket_notices.facts(turn, ticket)
    facts |= {"agency": name, "phone": phone, "office": people.acting_office(person.posts, body, ticket.building)}
    ticket_notices.to_reporters(turn, ticket, say("routing.not_ours", **facts))
    count = ticket_reports.households(turn.tx, ticket.id)
    facts |= {"since": ticket_notices.moment(turn, ticket.opened_at), "households": count}
    return say("routing.to_send", **facts, day=ticket_notices.day(turn, ask_at))


def number_of(turn: Turn, agency: str) -> str:
    """The number to call, from the settings; "" where none is set."""
    found: str = getattr(turn.rules.numbers, agency, "")
    return found


def _follow_up(turn: Turn, ticket: Ticket, person_id: int, day: date | None = None) -> datetime:
    if day is None:
        day = limits.add_workdays(turn.now, 1, turn.rules).astimezone(turn.rules.zone).date()
    at = datetime.combine(day, time.fromisoformat(turn.rules.report_morning), tzinfo=turn.rules.zone)
    _ask_at(turn, ticket, person_id, at)
    return at


def _ask_at(turn: Turn, ticket: Ticket, person_id: int, at: datetime) -> None:
    data = {"ticket": ticket.id, "person": person_id}
    timers.set_timer(turn.tx, OUTSIDE, str(ticket.id), bot_id=ticket.bot_id, due_at=at, data=data)


def due_outside(turn: Turn, data: dict[str, Any]) -> None:
    """The day has come to ask the handler what the supplier says."""
    ticket = tickets.get(turn.tx, data["ticket"])
    person_id = ticket.accepted_by or data["person"]
    user = stored.find_user(turn.tx, ticket.bot_id, person_id)
    if ticket.status not in LIVE or not ticket.outside or user is None:
        return
    text, labels = question(ticket), options("routing.outside_choices")
    about: dict[str, Any] = {"flow": "tickets.outside_news", "pending": "news", "args": {"ticket": ticket.id}}
    if not conversations.begin(turn, user, text, **about, labels=labels, bot_id=ticket.bot_id):
        _ask_at(turn, ticket, person_id, quiet_end(turn.now + LATER, turn.rules))


def question(ticket: Ticket) -> str:
    agency = say(f"routes.agency_{ticket.outside}") if ticket.outside else ""
    return say("routing.outside_ask", number=ticket.number, agency=agency)


def wait_on(turn: Turn, person: Person, ticket: Ticket) -> str:
    """Nothing yet: asked again on the next working day, which is returned."""
    ticket, _ = ticket_steps.hold(turn, person, ticket)
    return ticket_notices.day(turn, _follow_up(turn, ticket, person.id))


def not_theirs(turn: Turn, person: Person, ticket: Ticket) -> None:
    """The supplier says it is not theirs either: the body that has the ticket goes on."""
    ticket, _ = ticket_steps.hold(turn, person, ticket)
    ticket_steps.step(turn, ticket, Act.PROGRESSED, by=person.id, note={"outside": ""}, outside="")
