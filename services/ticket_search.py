"""Finding the ticket that is meant, and whether this person may see it or act on it."""

from datetime import timedelta
from itertools import islice

from domain.errors import Refusal
from domain.people import Chat, Level, Person
from domain.rights import Action, may
from domain.tickets import LIVE, Status, Ticket
from services import people, ticket_notices
from services.turn import Turn
from storage import ticket_bodies, ticket_reports, tickets
from texts import say, wording

_CHOICES = 9


def look_up(turn: Turn, person: Person, chat: Chat | None, number: int) -> Ticket:
    """The ticket of that number, if this person may see it: a reporter, or one who may handle it."""
    found = tickets.find_number(turn.tx, people.compound_meant(turn, person, chat), number)
    mine = [each for each in found if ticket_reports.took_part(turn.tx, each.id, person.id)]
    seen = mine or [each for each in found if may_handle(turn, person, each)]
    if not seen:
        yours = wording.numbers([(each.number, each.summary) for each in own(turn, person)])
        known = _told_of(turn, person, found)
        raise Refusal("tickets.not_yours" if known else "tickets.no_such", number=number, yours=yours)
    return _meant(turn, person, chat, seen)


def find_by_number(turn: Turn, person: Person, chat: Chat | None, number: int) -> Ticket:
    """The ticket of that number, for who wants to act on it; the right to do so is checked where it is done."""
    found = tickets.find_number(turn.tx, people.compound_meant(turn, person, chat), number)
    found = _told_of(turn, person, found)
    if not found:
        raise Refusal("tickets.no_such", number=number, yours="")
    if len(found) > 1:
        found = [each for each in found if may_handle(turn, person, each)] or found[:1]
    return _meant(turn, person, chat, found)


def _told_of(turn: Turn, person: Person, found: list[Ticket]) -> list[Ticket]:
    """Without those that concern an officer: that such a complaint exists and where it lies is kept from them too."""
    if not person.posts:
        return found
    return [each for each in found if not _concerns(person, each, ticket_bodies.barred(turn.tx, each.id))]


def _meant(turn: Turn, person: Person, chat: Chat | None, found: list[Ticket]) -> Ticket:
    """Of several with one number (compounds were merged): that of the building where it is asked or where the person
    lives, else the one that is still open. Refusal that shows them all where that leaves several."""
    place = chat.place if chat else person.place
    building = place.building_id if place else None
    for narrower in (lambda each: each.building_id == building, lambda each: each.status in LIVE):
        if len(found) > 1:
            found = [each for each in found if narrower(each)] or found
    if len(found) > 1:
        both = "\n".join(progress(turn, each) for each in found)
        raise Refusal("merging.two_tickets", number=found[0].number, both=both)
    return found[0]


def may_handle(turn: Turn, person: Person, ticket: Ticket, action: Action = Action.HANDLE) -> bool:
    """A right over its body, or over one that helps, was called or is to take it over. Whoever it concerns may not,
    whatever other posts they hold."""
    parts, barred = ticket_bodies.concerned(turn.tx, ticket.id)
    if _concerns(person, ticket, barred):
        return False
    if may(person, action, people.get_body(turn, ticket.body_id)):
        return True
    others = parts | ({ticket.offered_to} if ticket.offered_to else frozenset())
    return any(may(person, action, people.get_body(turn, each)) for each in others)


def may_own(turn: Turn, person: Person, ticket: Ticket) -> bool:
    """A right over the body that has the ticket: a helper works on it, but only its owner takes or ends it."""
    if _concerns(person, ticket, ticket_bodies.barred(turn.tx, ticket.id)):
        return False
    return may(person, Action.HANDLE, people.get_body(turn, ticket.body_id))


def _concerns(person: Person, ticket: Ticket, barred: ticket_bodies.Barred) -> bool:
    bodies = {post.body.id for post in person.posts}
    company = ticket.category == "property" and any(post.body.level is Level.PROPERTY for post in person.posts)
    return company or person.id in barred.people or bool(bodies & barred.bodies)


def own(turn: Turn, person: Person, *statuses: Status) -> list[Ticket]:
    """What this person reported and did not take back, the newest first; live ones unless told otherwise."""
    return tickets.of_person(turn.tx, person.id, *statuses) if person.id else []


def get(turn: Turn, ticket_id: int) -> Ticket:
    return tickets.get(turn.tx, ticket_id)


def waiting_for(turn: Turn, person: Person, chat: Chat | None, *statuses: Status) -> list[Ticket]:
    """Tickets in those states that a bare word may mean: of the work chat's body (in private: of all that the person
    serves) and the urgent ones of the compound; only the urgent ones, if there are any. The newest first, no more
    than one can choose from."""
    if chat and chat.body_id is None:
        return _just_opened(turn, person, chat, statuses)
    bodies = {chat.body_id} if chat else {post.body.id for post in person.posts}
    live = tickets.live_of_compound(turn.tx, people.compound_meant(turn, person, chat))
    meant = [each for each in live if each.status in statuses and (each.body_id in bodies or each.urgent)]
    meant.sort(key=lambda each: not each.urgent)
    waiting = list(islice((each for each in meant if may_handle(turn, person, each)), _CHOICES))
    return [ticket for ticket in waiting if ticket.urgent] or waiting


def _just_opened(turn: Turn, person: Person, chat: Chat, statuses: tuple[Status, ...]) -> list[Ticket]:
    """In the residents' own group an officer's bare word can only mean the one ticket just opened there, and the
    urgent one before any other."""
    since = turn.now - timedelta(minutes=turn.rules.rescue_minutes)
    recent = tickets.recent_in_chat(turn.tx, turn.bot_id, chat.chat_id, since=since)
    found = [ticket for ticket in recent if ticket.status in statuses and may_handle(turn, person, ticket)]
    found = [ticket for ticket in found if ticket.urgent] or found
    return found if len(found) == 1 else []


def urgent_here(turn: Turn, chat: Chat, *statuses: Status) -> Ticket | None:
    """The urgent ticket of the last minutes in this chat that is in one of the states."""
    since = turn.now - timedelta(minutes=turn.rules.rescue_minutes)
    recent = tickets.recent_in_chat(turn.tx, turn.bot_id, chat.chat_id, since=since)
    return next((ticket for ticket in recent if ticket.urgent and ticket.status in statuses), None)


def goes_on_in(turn: Turn, ticket: Ticket) -> Ticket:
    """The ticket itself; of one that was merged: the one in which it goes on."""
    while ticket.merged_into:
        ticket = tickets.get(turn.tx, ticket.merged_into)
    return ticket


def progress(turn: Turn, ticket: Ticket) -> str:
    """Where a ticket stands, in one or two lines; of one that was merged: where the other one stands."""
    if ticket.status is Status.MERGED:
        other = goes_on_in(turn, ticket)
        return say("endings.progress_merged", number=ticket.number, other=other.number) + "\n" + progress(turn, other)
    office = ticket_notices.holder(turn, ticket)
    facts = {
        "number": ticket.number,
        "summary": ticket.summary,
        "office": office,
        "when": ticket_notices.when(turn, ticket),
        "note": ticket_notices.note(turn, ticket),
        "review": ticket_notices.day(turn, ticket.review_at) if ticket.review_at else "",
    }
    return say(f"tickets.progress_{ticket.status.value}", **facts)
