"""Who hears what of a ticket: its reporters, the places where it was reported, those who handle it."""

from datetime import datetime

from domain.messages import Address, Choice, Outgoing
from domain.people import Body
from domain.promises import is_quiet, quiet_end
from domain.tickets import Ticket
from services import people
from services.turn import Turn
from storage import people as people_rows
from storage import ticket_bodies, ticket_reports
from storage.ticket_bodies import NOBODY, Barred
from texts import options, pattern, say, wording


def facts(turn: Turn, ticket: Ticket, *, seen_at: datetime | None = None) -> dict[str, object]:
    """What texts about a ticket are filled with; hours are worded for the moment of reading (now)."""
    local = (seen_at or turn.now).astimezone(turn.rules.zone)
    return {
        "number": ticket.number,
        "place": wording.place(ticket.building, ticket.unit),
        "summary": ticket.summary,
        "when": wording.moment(ticket.report_at.astimezone(turn.rules.zone), local),
        "clock": wording.hour(turn.local),
    }


def when(turn: Turn, ticket: Ticket) -> str:
    """The hour at which the bot reports back, as people say it."""
    return moment(turn, ticket.report_at)


def moment(turn: Turn, at: datetime) -> str:
    """The hour, as people say it."""
    return wording.moment(at.astimezone(turn.rules.zone), turn.local)


def day(turn: Turn, at: datetime) -> str:
    """The day, as people say it."""
    return wording.day(at.astimezone(turn.rules.zone).date(), turn.local.date())


def holder(turn: Turn, ticket: Ticket) -> str:
    """The office that has the ticket: of whoever accepted it, else of the responsible body."""
    body = people.get_body(turn, ticket.body_id)
    posts = people_rows.posts_of(turn.tx, ticket.accepted_by) if ticket.accepted_by else ()
    return people.acting_office(posts, body, ticket.building)


def note(turn: Turn, ticket: Ticket) -> str:
    """What the handler said was done, last."""
    notes = ticket_reports.texts(turn.tx, ticket.id, "note")
    return (tellable(notes[-1]) if notes else "") or say("tickets.finished_note")


def tellable(words: str) -> str:
    """A handler's words as others may read them: "" where there is a room, a phone or a name in them."""
    return "" if pattern("words.private_note").search(words) else words


def quoted(ticket: Ticket, words: str) -> str:
    """A reporter's words for those who handle it; of what is spoken of in private neither who said it nor of whom."""
    return pattern("words.private_note").sub(say("intake.someone"), words) if ticket.discreet else words


def take_it(ticket: Ticket) -> tuple[Choice, ...]:
    """The button under a post to handlers; a press is the same as typing the command."""
    return tuple(
        Choice(number, label, say("common.take_command", number=ticket.number))
        for number, label in options("tickets.to_body_choices")
    )


def to_reporters(turn: Turn, ticket: Ticket, text: str) -> None:
    """A private word to each; to whom the platform does not let us write, one neutral line in their group."""
    group = people.find_chat(turn, Address(ticket.chat_id), bot_id=ticket.bot_id)
    fallback = None
    if group and not ticket.discreet and not is_quiet(turn.now, turn.rules):
        fallback = Outgoing(Address(group.chat_id), say("tickets.news_fallback", number=ticket.number))
    for reporter in ticket_reports.reporters(turn.tx, ticket.id, ticket.bot_id):
        people.tell_person(turn, reporter.user, text, bot_id=ticket.bot_id, fallback=fallback)


def to_places(turn: Turn, ticket: Ticket, text: str, *, urgent: bool) -> None:
    """A word wherever the ticket was reported: the groups, and whoever reported it in private."""
    for chat_id in ticket_reports.places_of(turn.tx, ticket.id):
        private = people.find_chat(turn, Address(chat_id), bot_id=ticket.bot_id) is None
        turn.say(Outgoing(Address(chat_id, private=private), text, urgent=urgent), bot_id=ticket.bot_id)


def to_groups(turn: Turn, ticket: Ticket, text: str, *, urgent: bool) -> None:
    """A word in the groups where the ticket was reported."""
    due = turn.now if urgent else quiet_end(turn.now, turn.rules)
    for chat_id in ticket_reports.places_of(turn.tx, ticket.id):
        if people.find_chat(turn, Address(chat_id), bot_id=ticket.bot_id):
            turn.say(Outgoing(Address(chat_id), text, urgent=urgent), bot_id=ticket.bot_id, due_at=due)


def to_handlers(
    turn: Turn,
    ticket: Ticket,
    body: Body,
    text: str,
    *,
    choices: tuple[Choice, ...] = (),
    urgent: bool = False,
) -> None:
    """A word to the responsible body and to whoever took the ticket, if that is somebody from elsewhere."""
    to_body(turn, ticket, body, text, choices=choices, urgent=urgent)
    if ticket.accepted_by and all(
        post.body.id != body.id for post in people_rows.posts_of(turn.tx, ticket.accepted_by)
    ):
        to_taker(turn, ticket, text)


def to_body(
    turn: Turn, ticket: Ticket, body: Body, text: str, *, choices: tuple[Choice, ...] = (), urgent: bool = False
) -> None:
    """A word to a body; whoever in it the ticket concerns does not hear it."""
    people.tell_body(turn, body, text, choices=choices, urgent=urgent, barred=_barred(turn, ticket))


def in_charge(turn: Turn, ticket: Ticket) -> list[str]:
    """User ids of whoever took the ticket, else of those who lead its body and whom it does not concern."""
    taker = people_rows.find_user(turn.tx, ticket.bot_id, ticket.accepted_by) if ticket.accepted_by else None
    if taker:
        return [taker]
    body = people.get_body(turn, ticket.body_id)
    concerned = people.barred_users(turn, body, _barred(turn, ticket))
    return [user for user in people.heads(turn, body) if user not in concerned]


def _barred(turn: Turn, ticket: Ticket) -> Barred:
    """What is kept from somebody is always discreet."""
    return ticket_bodies.barred(turn.tx, ticket.id) if ticket.discreet else NOBODY


def to_taker(turn: Turn, ticket: Ticket, text: str, *, choices: tuple[Choice, ...] = ()) -> bool:
    """A private word to whoever took the ticket; False where nobody did or they cannot be written to."""
    user = people_rows.find_user(turn.tx, ticket.bot_id, ticket.accepted_by) if ticket.accepted_by else None
    if user:
        people.tell_person(turn, user, text, choices=choices, bot_id=ticket.bot_id)
    return user is not None


def alarm(turn: Turn, ticket: Ticket, body: Body) -> None:
    """The responsible body and the duty person, at once."""
    said, choices = facts(turn, ticket), take_it(ticket)
    people.tell_body(turn, body, say("tickets.to_body_urgent", **said), choices=choices, urgent=True)
    people.tell_duty(turn, ticket.compound_id, say("tickets.to_duty", **said), choices=choices)
