"""Tickets: from a report to the reporter's word that it is done. One function per event."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from domain.errors import Refusal
from domain.guess import Guess
from domain.messages import Address, File
from domain.people import Body, Person, Place
from domain.promises import first_report, is_quiet, quiet_end
from domain.rights import Action
from domain.tickets import LIVE, MILESTONES, Outcome, Status, Ticket, first_level
from services import people, ticket_clock, ticket_files, ticket_notices, ticket_search
from services.turn import Turn
from storage import audit, ticket_reports, tickets, timers
from texts import say, wording

_ASKED = ("since", "alarm_since")  # of a matter, not of the ticket
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
    address: Address,
    texts: tuple[str, ...],
    files: tuple[File, ...] = (),
    discreet: bool = False,
    own_home: bool = False,
) -> Reported:
    """Open a ticket for a complaint, or join the open ticket of the same matter in the same building.

    own_home: a matter inside the reporter's home, which no other household shares.
    """
    person = people.meet(turn, person)
    alarm = guess if guess.urgent else None
    matter: dict[str, Any] = {
        "compound_id": place.compound_id,
        "building_id": place.building_id,
        "unit_id": place.unit_id,
        "category": guess.category,
        "matter": guess.matter,
        "summary": guess.summary,
        "household_id": person.household_id if own_home else None,
        "urgent": guess.urgent,
        "danger": guess.danger if guess.urgent else "",
        "since": turn.now - timedelta(days=turn.rules.merge_days),
        "bot_id": turn.bot_id,
        "chat_id": address.chat,
    }
    said: dict[str, Any] = {"address": address, "texts": texts, "files": files}
    matter["alarm_since"] = turn.now - turn.rules.rescue_window
    near = tickets.find_near(turn.tx, **matter)
    reported = join(turn, person, near.same, **said, alarm=alarm) if near.same else None
    if reported is not None:
        return reported
    body = people.responsible_body(turn, place, first_level(guess.category))
    if ticket := _open(turn, guess, body, place, discreet=discreet, **matter):
        _announce(turn, person, ticket, body, **said)
        return Reported(ticket, body, opened=True, joined=False, card=ticket.urgent, rescue=near.alarm)
    near = tickets.find_near(turn.tx, **matter)
    reported = join(turn, person, near.same, **said, alarm=alarm) if near.same else None
    assert reported is not None, "the matter that was in the way is gone"
    return reported


def _open(turn: Turn, guess: Guess, body: Body, place: Place, *, discreet: bool, **matter: Any) -> Ticket | None:
    """None: the same matter was opened in another chat at this moment."""
    values = {
        **matter,
        "series": place.compound_id,
        "number": audit.next_number(turn.tx, f"ticket:{place.compound_id}"),
        "alarm_at": turn.now if guess.urgent else None,
        "discreet": discreet,
        "status": Status.OPEN.value,
        "body_id": body.id,
        "opened_at": turn.now,
        "report_at": first_report(turn.now, turn.rules),
        "accepted_by": None,
        "closed_at": None,
        "kind": "complaint",
        "source": "group",
        "first_body_id": body.id,
        "respond_by": None,
        "resolve_by": None,
        "parent_id": None,
        "hotline": "",
    }
    ticket_id = tickets.open_ticket(turn.tx, **values)
    if ticket_id is None:
        return None
    shown = {"id": ticket_id, "building": place.building, "unit": place.unit, "status": Status.OPEN}
    return Ticket(**{name: value for name, value in {**values, **shown}.items() if name not in _ASKED})


def _announce(turn: Turn, person: Person, ticket: Ticket, body: Body, **said: Any) -> None:
    """Who reported the new ticket in what words; who must hear of it; when the bot reports back."""
    _add_voice(turn, person, ticket, **said)
    _record(turn, ticket, person.id, "opened", category=ticket.category)
    if ticket.urgent:
        _raise_alarm(turn, ticket, body)
    elif is_quiet(turn.now, turn.rules):
        ticket_clock.post_in_the_morning(turn, ticket)
    else:
        ticket_files.post(turn, ticket, body, files=bool(said["files"]))
    ticket_clock.promise(turn, ticket)


def _add_voice(
    turn: Turn, person: Person, ticket: Ticket, *, address: Address, texts: tuple[str, ...], files: tuple[File, ...]
) -> bool:
    """The person's part in a ticket, their words and files; False where they had a part already."""
    household = person.household_id
    joined = ticket_reports.join(
        turn.tx, ticket.id, person_id=person.id, household_id=household, chat_id=address.chat, at=turn.now
    )
    ticket_reports.add_texts(turn.tx, ticket.id, person_id=person.id, kind="report", at=turn.now, texts=texts)
    ticket_files.attach(turn, person, ticket, files)
    return joined


def join(
    turn: Turn,
    person: Person,
    ticket_id: int,
    *,
    address: Address,
    texts: tuple[str, ...],
    files: tuple[File, ...] = (),
    alarm: Guess | None = None,
) -> Reported | None:
    """Add a person's voice (附议) or further words; an urgent guess (`alarm`) makes the ticket urgent, once.

    None where the ticket was closed meanwhile.
    """
    tickets.lock(turn.tx, ticket_id)
    ticket = tickets.get(turn.tx, ticket_id)
    if ticket.status not in LIVE:
        return None
    person = people.meet(turn, person)
    joined = _add_voice(turn, person, ticket, address=address, texts=texts, files=files)
    body = people.get_body(turn, ticket.body_id)
    raised = alarm is not None and not ticket.urgent
    if alarm and raised:
        changes = {"danger": alarm.danger, "summary": alarm.summary, "alarm_at": turn.now, "status": Status.OPEN}
        tickets.change(turn.tx, ticket_id, urgent=True, discreet=False, accepted_by=None, **changes)
        ticket = tickets.get(turn.tx, ticket_id)
        _record(turn, ticket, person.id, "raised", danger=alarm.danger)
        _raise_alarm(turn, ticket, body)
    if joined:
        _record(turn, ticket, person.id, "joined")
    count = ticket_reports.households(turn.tx, ticket_id)
    rescue = ticket.urgent and not raised
    again = not joined and turn.now - ticket.opened_at > _ANEW
    return Reported(ticket, body, False, joined, card=raised, rescue=rescue, households=count, again=again)


def _raise_alarm(turn: Turn, ticket: Ticket, body: Body) -> None:
    """Tell the responsible body and the duty person at once, and watch that somebody takes it."""
    ticket_notices.alarm(turn, ticket, body)
    ticket_clock.watch(turn, ticket)


def accept(turn: Turn, person: Person, ticket: Ticket) -> str:
    """Somebody with the right takes the ticket; the reporters hear who. Returns what the taker must know: the words of
    the report and, unless it is discreet, who made it."""
    ticket, body = _hold(turn, person, ticket)
    if ticket.status is Status.ACCEPTED and ticket.accepted_by == person.id:
        raise Refusal("tickets.already_yours", number=ticket.number)
    if ticket.status is Status.ACCEPTED:
        raise Refusal("tickets.taken", number=ticket.number, office=ticket_notices.holder(turn, ticket))
    _check_live(ticket)
    tickets.change(turn.tx, ticket.id, status=Status.ACCEPTED.value, accepted_by=person.id)
    timers.cancel(turn.tx, ticket_clock.WATCH, str(ticket.id))
    _record(turn, ticket, person.id, "accepted")
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
    ticket, body = _hold(turn, person, ticket)
    _check_live(ticket)
    tickets.change(turn.tx, ticket.id, status=Status.DONE.value, accepted_by=person.id, closed_at=turn.now)
    ticket_reports.add_texts(turn.tx, ticket.id, person_id=person.id, kind="note", at=turn.now, texts=(note,))
    ticket_clock.stop(turn, ticket)
    _record(turn, ticket, person.id, "finished")
    office = people.acting_office(person.posts, body, ticket.building)
    told = ticket_notices.note(turn, ticket)
    facts = {"number": ticket.number, "summary": ticket.summary, "office": office, "note": told}
    if not ticket.discreet:
        ticket_notices.to_groups(turn, ticket, say("tickets.finished_group", **facts), urgent=ticket.urgent)
    for reporter in ticket_reports.reporters(turn.tx, ticket.id, ticket.bot_id):
        ticket_clock.ask_outcome(turn, ticket, reporter.person_id)


def answer(turn: Turn, person: Person, ticket: Ticket, outcome: Outcome) -> tuple[str, str]:
    """A reporter's word on the result; "not solved" gives the ticket back.

    Returns the office that has it and, where it is being worked on (again), when the bot reports back.
    """
    tickets.lock(turn.tx, ticket.id)
    body = people.get_body(turn, ticket.body_id)
    office = people.office(body, ticket.building)
    ticket_reports.answer(turn.tx, ticket.id, person.id, outcome.value)
    _record(turn, ticket, person.id, "answered", outcome=outcome.value)
    current = tickets.get(turn.tx, ticket.id)
    if outcome is not Outcome.UNSOLVED:
        if current.status is Status.DONE:
            tickets.change(turn.tx, ticket.id, status=Status.CLOSED.value)
        return office, ticket_notices.when(turn, current) if current.status in LIVE else ""
    if current.status not in LIVE:
        report_at = first_report(turn.now, turn.rules)
        tickets.change(
            turn.tx, ticket.id, status=Status.OPEN.value, accepted_by=None, closed_at=None, report_at=report_at
        )
        current = replace(current, status=Status.OPEN, report_at=report_at)
        _record(turn, ticket, person.id, "reopened")
        seen_at = quiet_end(turn.now, turn.rules)
        text = say("tickets.reopened_body", **ticket_notices.facts(turn, current, seen_at=seen_at))
        ticket_notices.to_handlers(turn, ticket, body, text, choices=ticket_notices.take_it(ticket))
        ticket_clock.promise(turn, current)
    return office, ticket_notices.when(turn, current)


def add_complaint(turn: Turn, person: Person, ticket: Ticket, words: str) -> str:
    """What is still missing, in the reporter's words, goes to the handler. Returns the handler's office."""
    ticket_reports.add_texts(turn.tx, ticket.id, person_id=person.id, kind="report", at=turn.now, texts=(words,))
    body = people.get_body(turn, ticket.body_id)
    ticket_notices.to_handlers(turn, ticket, body, say("tickets.lacking_body", number=ticket.number, words=words))
    return people.office(body, ticket.building)


def withdraw(turn: Turn, person: Person, ticket: Ticket) -> bool:
    """Take back one's report. True where the ticket ends with it, False where other households stay."""
    tickets.lock(turn.tx, ticket.id)
    ticket = tickets.get(turn.tx, ticket.id)
    _check_live(ticket)
    if not ticket_reports.answer(turn.tx, ticket.id, person.id, Status.WITHDRAWN.value):
        raise Refusal("tickets.not_yours", number=ticket.number, yours="")
    _record(turn, ticket, person.id, "withdrawn")
    if ticket_reports.households(turn.tx, ticket.id) > 0:
        return False
    tickets.change(turn.tx, ticket.id, status=Status.WITHDRAWN.value, closed_at=turn.now)
    ticket_clock.stop(turn, ticket)
    body = people.get_body(turn, ticket.body_id)
    text = say("tickets.withdrawn_body", number=ticket.number)
    if ticket.urgent:
        people.tell_duty(turn, ticket.compound_id, text)
        ticket_notices.to_groups(turn, ticket, text, urgent=True)
    if ticket.urgent or ticket.accepted_by or not is_quiet(ticket.opened_at, turn.rules):
        ticket_notices.to_handlers(turn, ticket, body, text, urgent=ticket.urgent)
    return True


def call_off(turn: Turn, person: Person, ticket: Ticket) -> None:
    """误报: any head in scope takes an alarm back; whoever heard of it hears that too."""
    ticket, body = _hold(turn, person, ticket, Action.CALL_OFF)
    _check_live(ticket)
    if not ticket.urgent:
        raise Refusal("tickets.not_urgent", number=ticket.number)
    tickets.change(turn.tx, ticket.id, status=Status.WITHDRAWN.value, closed_at=turn.now)
    ticket_clock.stop(turn, ticket)
    _record(turn, ticket, person.id, "false_alarm")
    text = say("tickets.false_alarm", number=ticket.number)
    ticket_notices.to_places(turn, ticket, text, urgent=True)
    ticket_notices.to_handlers(turn, ticket, body, text, urgent=True)
    people.tell_duty(turn, ticket.compound_id, text)


def _hold(turn: Turn, person: Person, ticket: Ticket, action: Action = Action.HANDLE) -> tuple[Ticket, Body]:
    """The ticket as it is now, locked for this turn, and its body; Refusal for who may not handle it."""
    tickets.lock(turn.tx, ticket.id)
    ticket = tickets.get(turn.tx, ticket.id)
    body = people.get_body(turn, ticket.body_id)
    if not ticket_search.may_handle(turn, person, ticket, action):
        raise Refusal("tickets.not_your_office", number=ticket.number, office=people.office(body, ticket.building))
    return ticket, body


def _check_live(ticket: Ticket) -> None:
    if ticket.status not in LIVE:
        raise Refusal("tickets.not_open", number=ticket.number, state=say(f"tickets.state_{ticket.status.value}"))


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
