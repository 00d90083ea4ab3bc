"""What is settled after a report was written down: where it is, who is not to hear of it, whether it still stands; and
what a reporter's impatience does."""

from datetime import datetime, timedelta
from typing import Any

from domain.messages import Address, Event, Outgoing
from domain.people import Body, Level, Person, Place
from domain.promises import is_quiet, quiet_end
from domain.rights import Action, may
from domain.tickets import LIVE, THINGS, Act, Status, Ticket
from services import (
    conversations,
    offices,
    people,
    responsibility,
    rights,
    ticket_clock,
    ticket_files,
    ticket_notices,
    ticket_search,
    ticket_steps,
)
from services.turn import Turn
from storage import lanes, persons, places, ticket_bodies, ticket_intake, ticket_reports, tickets, timers
from storage import people as people_rows
from storage import ticket_files as file_rows
from texts import options, say

MORNING = "ticket.morning"
_HELD = timedelta(minutes=10)
_RECALL = timedelta(minutes=10)  # a platform lets its people take words back for some minutes only
_STAIRWAYS = 6  # that can be chosen from by number


def unplaced(turn: Turn, person: Person, ticket: Ticket) -> str:
    """What of the place is worth a question: "building", "unit" or "". Nothing of what is urgent, nor where the words,
    the chat or the reporter's home tell it."""
    if ticket.urgent or ticket.category not in THINGS or ticket.household_id:
        return ""
    if ticket.building_id is None:
        return "building"
    home = person.place
    told = ticket.unit_id or (home and home.building_id == ticket.building_id and home.unit_id)
    return "" if told or len(stairways(turn, ticket)) < 2 else "unit"


def stairways(turn: Turn, ticket: Ticket) -> list[tuple[int, str]]:
    """Those of the ticket's building, (id, number); none where they are too many to choose from."""
    found = ticket_intake.units(turn.tx, ticket.building_id) if ticket.building_id else []
    return found if len(found) <= _STAIRWAYS else []


def place_in(turn: Turn, person: Person, ticket: Ticket, building: str) -> Ticket | None:
    """The building is known now; while nobody has taken the ticket, it goes to who is nearest there. None: there is no
    such building."""
    found = places.find_building(turn.tx, ticket.compound_id, building)
    if found is None:
        return None
    ticket = ticket_steps.lock(turn, ticket.id)
    tickets.change(turn.tx, ticket.id, building_id=found)
    ticket_steps.record(turn, ticket, Act.HEARD, by=person.id, building=found)
    ticket = tickets.get(turn.tx, ticket.id)
    if ticket.status is not Status.OPEN or ticket.accepted_by:
        return _placed(turn, ticket)
    place = Place(ticket.compound_id, found, building=building)
    barred = ticket_bodies.barred(turn.tx, ticket.id)
    asked: dict[str, Any] = {"urgent": ticket.urgent, "discreet": ticket.discreet, "barred": barred}
    return move(turn, person, ticket, responsibility.first_body(turn, person, place, ticket.category, **asked))


def place_at(turn: Turn, person: Person, ticket: Ticket, unit_id: int) -> Ticket:
    """The stairway is known now."""
    ticket = ticket_steps.lock(turn, ticket.id)
    tickets.change(turn.tx, ticket.id, unit_id=unit_id)
    ticket_steps.record(turn, ticket, Act.HEARD, by=person.id, unit=unit_id)
    return _placed(turn, tickets.get(turn.tx, ticket.id))


def _placed(turn: Turn, ticket: Ticket) -> Ticket:
    """Who has the ticket already hears where it is; who hears of it in the morning, hears both then."""
    if ticket.status in LIVE and not is_quiet(turn.now, turn.rules):
        body = people.get_body(turn, ticket.body_id)
        ticket_notices.to_handlers(turn, ticket, body, say("intake.placed_body", **ticket_notices.facts(turn, ticket)))
    return ticket


def move(turn: Turn, person: Person, ticket: Ticket, body: Body) -> Ticket:
    """By the reporter's answer, before anybody took it, the ticket has another first receiver."""
    if body.id == ticket.body_id:
        return _placed(turn, ticket)
    old = people.get_body(turn, ticket.body_id)
    note: dict[str, object] = {"body": body.id}
    changes: dict[str, Any] = {"body_id": body.id, "first_body_id": body.id}
    held = is_held(turn, ticket)
    ticket = ticket_steps.step(turn, ticket, Act.MOVED, by=person.id, note=note, **changes)
    if not held and not is_quiet(turn.now, turn.rules):
        office = people.office(body, ticket.building)
        ticket_notices.to_body(turn, ticket, old, say("intake.moved_body", number=ticket.number, office=office))
    deliver(turn, ticket)
    return ticket


def deliver(turn: Turn, ticket: Ticket) -> None:
    """The post to the handlers, now or in the morning."""
    timers.cancel(turn.tx, ticket_clock.POST, str(ticket.id))
    if is_quiet(turn.now, turn.rules):
        in_the_morning(turn, ticket)
    else:
        ticket_files.post(turn, ticket, people.get_body(turn, ticket.body_id))


def pass_by(turn: Turn, person: Person, ticket: Ticket) -> Ticket:
    """`直接找社区`: those at the door neither handle nor see it."""
    ticket = ticket_steps.lock(turn, ticket.id)
    if ticket.status is not Status.OPEN or ticket.accepted_by:
        return ticket
    ticket_bodies.bar(turn.tx, ticket.id, body_id=ticket.body_id)
    place = Place(ticket.compound_id, ticket.building_id, building=ticket.building)
    barred = ticket_bodies.barred(turn.tx, ticket.id)
    return move(turn, person, ticket, people.responsible_body(turn, place, Level.COMMUNITY, barred=barred))


def stand(turn: Turn, ticket: Ticket) -> None:
    """`就这样`: what was held back goes to the handlers."""
    ticket = ticket_steps.lock(turn, ticket.id)
    if is_held(turn, ticket) and ticket.status is Status.OPEN:
        deliver(turn, ticket)


def urge(turn: Turn, person: Person, ticket: Ticket) -> bool:
    """A word to the handler that the reporter waits; once a day. False where that was done."""
    ticket = ticket_steps.lock(turn, ticket.id)
    if ticket.status not in LIVE or ticket_intake.nudged(turn.tx, ticket.id, since=turn.now - timedelta(days=1)):
        return False
    ticket_steps.record(turn, ticket, Act.REMINDED, by=person.id)
    due = quiet_end(turn.now, turn.rules)
    text = say("intake.urged_body", **ticket_notices.facts(turn, ticket, seen_at=due))
    for user in ticket_notices.in_charge(turn, ticket):
        turn.say(Outgoing(Address(user, private=True), text), bot_id=ticket.bot_id, due_at=due)
    return True


def last_word(turn: Turn, ticket: Ticket) -> str:
    """What the handler said last of how it goes, as far as it may be repeated."""
    said = [*ticket_reports.texts(turn.tx, ticket.id, "progress"), *ticket_reports.texts(turn.tx, ticket.id, "reason")]
    return ticket_notices.tellable(said[-1])[:40] if said else ""


def grumble(turn: Turn, person: Person) -> bool:
    """A bitter word in the group: the handler of the person's oldest open ticket is urged, and nobody else hears."""
    mine = ticket_search.own(turn, person)
    return bool(mine) and urge(turn, person, mine[-1])


def recalled(turn: Turn, event: Event) -> None:
    """A message was taken back on its platform (detail: who, and which one): if a ticket came of it, its words go and
    its writer is asked whether it still stands."""
    user, _, message = event.detail.partition(" ")
    if event.address is None or not lanes.was_seen(turn.tx, bot_id=turn.bot_id, update_id=message):
        return
    person = people_rows.find_person(turn.tx, turn.bot_id, user)
    since = turn.now - _RECALL
    found = file_rows.own_ticket(turn.tx, person.id, since=since, chat_id=event.address.chat) if person else None
    if person is None or found is None:
        return
    ticket_intake.forget_words(turn.tx, found, person.id, since=since)
    ticket = tickets.get(turn.tx, found)
    question = say("intake.recalled", number=ticket.number)
    about: dict[str, Any] = {"flow": "intake.recalled", "pending": "still", "args": {"ticket": ticket.id}}
    conversations.begin(turn, user, question, **about, labels=options("intake.recalled_choices"))


def neighbour(turn: Turn, person: Person, place: Place, name: str) -> Person | None:
    """The one of that name in the building, where this person may report for them (代报) and the bot knows them."""
    if not place.building or not may(person, Action.HANDLE, rights.body_at(turn, place)):
        return None
    found = [each for each in offices.find_people(turn, place.compound_id, name) if each.building == place.building]
    user = people_rows.find_user(turn.tx, turn.bot_id, found[0].person_id) if len(found) == 1 else None
    return people_rows.find_person(turn.tx, turn.bot_id, user) if user else None


def hold(turn: Turn, ticket: Ticket) -> None:
    """The reporter is asked whom to tell; without an answer the handlers hear of it a little later."""
    data = {"ticket": ticket.id}
    due = turn.now + _HELD
    timers.set_timer(turn.tx, ticket_clock.POST, str(ticket.id), bot_id=ticket.bot_id, due_at=due, data=data)


def is_held(turn: Turn, ticket: Ticket) -> bool:
    return persons.timer(turn.tx, ticket_clock.POST, str(ticket.id)) is not None


def in_the_morning(turn: Turn, ticket: Ticket) -> None:
    """What a night brought reaches the handlers when the quiet hours end, in one message."""
    due = quiet_end(turn.now, turn.rules)
    data = {"body": ticket.body_id, "due": due.isoformat()}
    timers.set_timer(turn.tx, MORNING, str(ticket.body_id), bot_id=ticket.bot_id, due_at=due, data=data)


def due_morning(turn: Turn, data: dict[str, Any]) -> None:
    due = datetime.fromisoformat(data["due"]) if "due" in data else turn.now  # not now: after an outage it is late
    opened = ticket_intake.new_of_body(turn.tx, data["body"], since=due - timedelta(days=1))
    new = [tickets.get(turn.tx, number) for number, at in opened if is_quiet(at, turn.rules)]
    new = [ticket for ticket in new if not is_held(turn, ticket)]
    body = people.get_body(turn, data["body"])
    alone = [ticket for ticket in new if len(new) == 1 or _kept_from_people(turn, ticket)]
    for ticket in alone:
        ticket_files.post(turn, ticket, body)
    new = [ticket for ticket in new if ticket not in alone]
    if not new:
        return
    shown = [say("intake.night_line", **ticket_notices.facts(turn, ticket)) for ticket in new]
    when = ticket_notices.when(turn, min(new, key=lambda ticket: ticket.report_at))
    people.tell_body(turn, body, "\n".join([*shown, say("intake.night", when=when, number=new[0].number)]))


def _kept_from_people(turn: Turn, ticket: Ticket) -> bool:
    return ticket.discreet and bool(ticket_bodies.barred(turn.tx, ticket.id).people)
