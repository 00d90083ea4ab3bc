"""Tickets: from a report to the reporter's word that it is done. One function per event."""

from dataclasses import dataclass, replace
from datetime import timedelta

from domain.errors import Refusal
from domain.guess import Guess
from domain.messages import Address, Choice, Outgoing
from domain.people import Body, Chat, Person, Place
from domain.promises import first_report, is_quiet, quiet_end
from domain.tickets import LIVE, MILESTONES, Outcome, Status, Ticket, first_level
from services import people, ticket_clock, ticket_search
from services.turn import Turn
from storage import audit, tickets, timers
from texts import options, say, wording

_ANEW = timedelta(minutes=10)  # sooner than this, more words are part of the same report


@dataclass(frozen=True, slots=True)
class Reported:
    """What became of a report.

    opened: a new ticket; joined: this person is new on an open one. card: the ticket has just become urgent.
    rescue: something urgent is under way in the chat, so other replies go privately.
    milestone: the group may be told how many households said it. again: somebody reports their own open matter anew.
    """

    ticket: Ticket
    body: Body
    opened: bool
    joined: bool
    card: bool
    rescue: bool
    households: int = 1
    again: bool = False

    @property
    def milestone(self) -> bool:
        return self.joined and self.households in MILESTONES


def report(
    turn: Turn,
    person: Person,
    guess: Guess,
    *,
    place: Place,
    chat: Chat | None,
    address: Address,
    texts: tuple[str, ...],
    discreet: bool = False,
) -> Reported:
    """Open a ticket for a complaint, or join the open ticket of the same matter in the same building."""
    person = people.meet(turn, person)
    alarm = guess if guess.urgent else None
    if same := _find_same(turn, guess, place):
        return join(turn, person, same.id, texts=texts, alarm=alarm)
    number = audit.next_number(turn.tx, f"ticket:{place.compound_id}")
    if same := _find_same(turn, guess, place):  # opened in another chat while this turn waited for its number
        return join(turn, person, same.id, texts=texts, alarm=alarm)
    return _open(turn, person, guess, number, place=place, chat=chat, address=address, texts=texts, discreet=discreet)


def _find_same(turn: Turn, guess: Guess, place: Place) -> Ticket | None:
    live = tickets.find_same(
        turn.tx,
        compound_id=place.compound_id,
        building_id=place.building_id,
        category=guess.category,
        since=turn.now - timedelta(days=turn.rules.merge_days),
    )
    return next((ticket for ticket in live if _same_matter(ticket, guess, place)), None)


def _same_matter(ticket: Ticket, guess: Guess, place: Place) -> bool:
    """Same thing, or one of the two did not name it; a matter of one stairway is only its own."""
    if ticket.urgent and guess.urgent:
        return True
    if ticket.unit_id and place.unit_id and ticket.unit_id != place.unit_id:
        return False
    return not ticket.matter or not guess.matter or ticket.matter == guess.matter


def _open(
    turn: Turn,
    person: Person,
    guess: Guess,
    number: int,
    *,
    place: Place,
    chat: Chat | None,
    address: Address,
    texts: tuple[str, ...],
    discreet: bool,
) -> Reported:
    body = people.responsible_body(turn, place, first_level(guess.category))
    rescue = _rescue_under_way(turn, chat)
    values = {
        "series": place.compound_id,
        "number": number,
        "compound_id": place.compound_id,
        "building_id": place.building_id,
        "unit_id": place.unit_id,
        "category": guess.category,
        "matter": guess.matter,
        "summary": guess.summary,
        "urgent": guess.urgent,
        "danger": guess.danger if guess.urgent else "",
        "discreet": discreet,
        "status": Status.OPEN.value,
        "body_id": body.id,
        "bot_id": turn.bot_id,
        "chat_id": address.chat,
        "opened_at": turn.now,
        "report_at": first_report(turn.now, turn.rules),
        "accepted_by": None,
        "closed_at": None,
    }
    ticket_id = tickets.open_ticket(turn.tx, **values)
    shown = {"id": ticket_id, "building": place.building, "unit": place.unit, "status": Status.OPEN}
    ticket = Ticket(**{**values, **shown})  # type: ignore[arg-type]
    tickets.join(turn.tx, ticket_id, person_id=person.id, household_id=person.household_id, at=turn.now)
    tickets.add_texts(turn.tx, ticket_id, person_id=person.id, kind="report", at=turn.now, texts=texts)
    _record(turn, ticket, person.id, "opened", category=guess.category)
    if ticket.urgent:
        _alarm(turn, ticket, body)
    else:
        text = say("tickets.to_body", **_facts(turn, ticket))
        people.tell_body(turn, body, text, choices=take_it(ticket))
    ticket_clock.promise(turn, ticket)
    return Reported(ticket, body, opened=True, joined=False, card=ticket.urgent, rescue=rescue)


def join(turn: Turn, person: Person, ticket_id: int, *, texts: tuple[str, ...], alarm: Guess | None = None) -> Reported:
    """Add a person's voice (附议) or further words; an urgent guess (`alarm`) makes the ticket urgent, once."""
    tickets.lock(turn.tx, ticket_id)
    ticket = tickets.get(turn.tx, ticket_id)
    person = people.meet(turn, person)
    joined = tickets.join(turn.tx, ticket_id, person_id=person.id, household_id=person.household_id, at=turn.now)
    tickets.add_texts(turn.tx, ticket_id, person_id=person.id, kind="report", at=turn.now, texts=texts)
    body = people.get_body(turn, ticket.body_id)
    raised = alarm is not None and not ticket.urgent
    if alarm and raised:
        ticket = replace(ticket, urgent=True, danger=alarm.danger, summary=alarm.summary, discreet=False)
        tickets.change(turn.tx, ticket_id, urgent=True, danger=ticket.danger, summary=ticket.summary, discreet=False)
        _record(turn, ticket, person.id, "raised", danger=alarm.danger)
        _alarm(turn, ticket, body)
    if joined:
        _record(turn, ticket, person.id, "joined")
    count = tickets.households(turn.tx, ticket_id)
    rescue = ticket.urgent and not raised
    again = not joined and turn.now - ticket.opened_at > _ANEW
    return Reported(ticket, body, False, joined, card=raised, rescue=rescue, households=count, again=again)


def _alarm(turn: Turn, ticket: Ticket, body: Body) -> None:
    """Tell the responsible body and the duty person at once, and watch that somebody takes it."""
    facts = _facts(turn, ticket)
    choices = take_it(ticket)
    people.tell_body(turn, body, say("tickets.to_body_urgent", **facts), choices=choices, urgent=True)
    people.tell_duty(turn, ticket.compound_id, say("tickets.to_duty", **facts), choices=choices)
    ticket_clock.watch(turn, ticket)


def accept(turn: Turn, person: Person, ticket: Ticket, *, chat: Chat | None) -> None:
    """Somebody with the right takes the ticket; the reporters hear who."""
    body = _check_right(turn, person, ticket)
    if ticket.status is Status.ACCEPTED and ticket.accepted_by == person.id:
        raise Refusal("tickets.already_yours", number=ticket.number)
    if ticket.status is Status.ACCEPTED:
        raise Refusal("tickets.taken", number=ticket.number, office=ticket_clock.holder(turn, ticket))
    _check_live(ticket)
    tickets.change(turn.tx, ticket.id, status=Status.ACCEPTED.value, accepted_by=person.id)
    timers.cancel(turn.tx, ticket_clock.WATCH, str(ticket.id))
    _record(turn, ticket, person.id, "accepted")
    office = people.acting_office(person.posts, body, ticket.building)
    if not ticket.urgent:
        _tell_reporters(turn, ticket, "tickets.accepted_reporter", office=office, when=_when(turn, ticket))
    elif chat is None or chat.chat_id != ticket.chat_id:
        _tell_all(turn, ticket, say("tickets.accepted_urgent", number=ticket.number, office=office))


def finish(turn: Turn, person: Person, ticket: Ticket, *, note: str) -> None:
    """The handler says it is fixed: the group hears it once, each reporter is asked privately."""
    body = _check_right(turn, person, ticket)
    _check_live(ticket)
    tickets.change(turn.tx, ticket.id, status=Status.DONE.value, accepted_by=person.id, closed_at=turn.now)
    tickets.add_texts(turn.tx, ticket.id, person_id=person.id, kind="note", at=turn.now, texts=(note,))
    ticket_clock.stop(turn, ticket)
    _record(turn, ticket, person.id, "finished")
    office = people.acting_office(person.posts, body, ticket.building)
    facts = {"number": ticket.number, "summary": ticket.summary, "office": office, "note": note}
    if not ticket.discreet and not is_quiet(turn.now, turn.rules):
        _tell_chat(turn, ticket, say("tickets.finished_group", **facts))
    for reporter in tickets.reporters(turn.tx, ticket.id, ticket.bot_id):
        ticket_clock.ask_outcome(turn, ticket, reporter.person_id)


def answer(turn: Turn, person: Person, ticket: Ticket, outcome: Outcome) -> tuple[str, str]:
    """A reporter's word on the result; "not solved" gives the ticket back.

    Returns the office that has it and when it reports back, in words.
    """
    tickets.lock(turn.tx, ticket.id)
    body = people.get_body(turn, ticket.body_id)
    office = people.office(body, ticket.building)
    tickets.answer(turn.tx, ticket.id, person.id, outcome.value)
    _record(turn, ticket, person.id, "answered", outcome=outcome.value)
    current = tickets.get(turn.tx, ticket.id)
    if outcome is not Outcome.UNSOLVED:
        if current.status is Status.DONE:
            tickets.change(turn.tx, ticket.id, status=Status.CLOSED.value)
        return office, ""
    if current.status not in LIVE:
        report_at = first_report(turn.now, turn.rules)
        tickets.change(
            turn.tx, ticket.id, status=Status.OPEN.value, accepted_by=None, closed_at=None, report_at=report_at
        )
        current = replace(current, status=Status.OPEN, report_at=report_at)
        _record(turn, ticket, person.id, "reopened")
        text = say("tickets.reopened_body", **_facts(turn, current))
        people.tell_body(turn, body, text, choices=take_it(ticket))
        ticket_clock.promise(turn, current)
    return office, _when(turn, current)


def add_complaint(turn: Turn, person: Person, ticket: Ticket, words: str) -> str:
    """What is still missing, in the reporter's words, goes to the handler. Returns the handler's office."""
    tickets.add_texts(turn.tx, ticket.id, person_id=person.id, kind="report", at=turn.now, texts=(words,))
    body = people.get_body(turn, ticket.body_id)
    people.tell_body(turn, body, say("tickets.lacking_body", number=ticket.number, words=words))
    return people.office(body, ticket.building)


def withdraw(turn: Turn, person: Person, ticket: Ticket) -> bool:
    """Take back one's report. True where the ticket ends with it, False where other households stay."""
    tickets.lock(turn.tx, ticket.id)
    _check_live(tickets.get(turn.tx, ticket.id))
    if not tickets.answer(turn.tx, ticket.id, person.id, Status.WITHDRAWN.value):
        raise Refusal("tickets.not_yours", number=ticket.number, yours="")
    _record(turn, ticket, person.id, "withdrawn")
    if tickets.households(turn.tx, ticket.id) > 0:
        return False
    tickets.change(turn.tx, ticket.id, status=Status.WITHDRAWN.value, closed_at=turn.now)
    ticket_clock.stop(turn, ticket)
    body = people.get_body(turn, ticket.body_id)
    people.tell_body(turn, body, say("tickets.withdrawn_body", number=ticket.number))
    return True


def call_off(turn: Turn, person: Person, ticket: Ticket) -> None:
    """误报: any head in scope takes an alarm back; the group hears one line."""
    _check_right(turn, person, ticket)
    _check_live(ticket)
    tickets.change(turn.tx, ticket.id, status=Status.WITHDRAWN.value, closed_at=turn.now)
    ticket_clock.stop(turn, ticket)
    _record(turn, ticket, person.id, "false_alarm")
    _tell_all(turn, ticket, say("tickets.false_alarm", number=ticket.number))


def take_it(ticket: Ticket) -> tuple[Choice, ...]:
    """The button under a post to handlers; a press is the same as typing the command."""
    return tuple(
        Choice(number, label, say("common.take_command", number=ticket.number))
        for number, label in options("tickets.to_body_choices")
    )


def _check_right(turn: Turn, person: Person, ticket: Ticket) -> Body:
    tickets.lock(turn.tx, ticket.id)
    body = people.get_body(turn, ticket.body_id)
    if not ticket_search.may_handle(turn, person, ticket):
        raise Refusal("tickets.not_your_office", number=ticket.number, office=people.office(body, ticket.building))
    return body


def _check_live(ticket: Ticket) -> None:
    if ticket.status not in LIVE:
        raise Refusal("tickets.not_open", number=ticket.number, state=say(f"tickets.state_{ticket.status.value}"))


def _rescue_under_way(turn: Turn, chat: Chat | None) -> bool:
    if chat is None:
        return False
    since = turn.now - timedelta(minutes=turn.rules.rescue_minutes)
    recent = tickets.recent_in_chat(turn.tx, turn.bot_id, chat.chat_id, since=since)
    return any(ticket.urgent for ticket in recent)


def _facts(turn: Turn, ticket: Ticket) -> dict[str, object]:
    """What handlers read; what is held back in the quiet hours is worded for the morning."""
    seen_at = quiet_end(turn.now, turn.rules).astimezone(turn.rules.zone)
    return {
        "number": ticket.number,
        "place": wording.place(ticket.building, ticket.unit),
        "summary": ticket.summary,
        "when": wording.moment(ticket.report_at.astimezone(turn.rules.zone), seen_at),
        "clock": turn.local.strftime("%H:%M"),
    }


def _when(turn: Turn, ticket: Ticket) -> str:
    return wording.moment(ticket.report_at.astimezone(turn.rules.zone), turn.local)


def _tell_reporters(turn: Turn, ticket: Ticket, key: str, **facts: object) -> None:
    for reporter in tickets.reporters(turn.tx, ticket.id, ticket.bot_id):
        people.tell_person(turn, reporter.user, say(key, number=ticket.number, **facts))


def _tell_chat(turn: Turn, ticket: Ticket, text: str, *, urgent: bool = False) -> bool:
    """A word in the group where the ticket was opened; False where it was opened in private."""
    chat = people.find_chat(turn, Address(ticket.chat_id))
    if chat:
        turn.say(Outgoing(Address(ticket.chat_id), text, urgent=urgent), bot_id=ticket.bot_id)
    return chat is not None


def _tell_all(turn: Turn, ticket: Ticket, text: str) -> None:
    """A word on an alarm: where it was raised, to the group or to the one who raised it in private."""
    if not _tell_chat(turn, ticket, text, urgent=True):
        for reporter in tickets.reporters(turn.tx, ticket.id, ticket.bot_id):
            people.tell_person(turn, reporter.user, text, urgent=True)


def _record(turn: Turn, ticket: Ticket, actor_id: int | None, action: str, **data: object) -> None:
    audit.record(
        turn.tx,
        at=turn.now,
        compound_id=ticket.compound_id,
        actor_id=actor_id,
        subject="ticket",
        subject_id=ticket.id,
        action=action,
        **data,
    )
