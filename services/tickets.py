"""Tickets as residents make them: a report, a voice that joins it, words taken back. One function per event.

What handlers do: ticket_work.py. How it ends: ticket_endings.py.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from domain import limits
from domain.errors import Refusal
from domain.guess import Guess
from domain.messages import Address, File
from domain.people import Body, Level, Person, Place
from domain.promises import first_report, is_quiet
from domain.rights import Action
from domain.tickets import LIVE, MILESTONES, Act, Status, Ticket
from services import (
    people,
    responsibility,
    ticket_clock,
    ticket_files,
    ticket_intake,
    ticket_limits,
    ticket_notices,
    ticket_steps,
)
from services.turn import Turn
from storage import audit, ticket_bodies, ticket_reports, tickets
from storage.ticket_bodies import NOBODY, Barred
from texts import say

_ASKED = ("since", "alarm_since")  # of a matter, not of the ticket
_ANEW = timedelta(minutes=10)  # sooner than this, more words are part of the same report


@dataclass(frozen=True, slots=True)
class Reported:
    """What became of a report.

    opened: a new ticket; joined: this person is new on an open one. card: the ticket has just become urgent.
    rescue: something urgent is under way in the chat, so other replies go privately.
    milestone: the group may be told how many households said it. again: somebody reports their own open matter anew.
    held: the handlers do not hear of it before the reporter was asked whom to tell.
    """

    ticket: Ticket
    body: Body
    opened: bool
    joined: bool
    card: bool
    rescue: bool
    households: int = 1
    again: bool = False
    held: bool = False

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
    source: str = "",
    against: tuple[Level, ...] = (),
    personal: bool = False,
    by: Person | None = None,
    after: Ticket | None = None,
) -> Reported:
    """Open a ticket for a complaint, or join the open ticket of the same matter in the same building.

    own_home: a matter inside the reporter's home, which no other household shares. source: behalf (代报), hotline.
    against: the levels whose officers it complains about; they neither handle nor see it.
    personal: it names a household or a person. by: who says it for the reporter.
    after: the ended ticket of the same trouble; this one is kept from the same people.
    """
    person = people.meet(turn, person)
    alarm = guess if guess.urgent else None
    matter: dict[str, Any] = {
        **_about(guess, place),
        "household_id": person.household_id if own_home else None,
        "since": turn.now - timedelta(days=turn.rules.merge_days),
        "alarm_since": turn.now - turn.rules.rescue_window,
        "bot_id": turn.bot_id,
        "chat_id": address.chat,
    }
    said: dict[str, Any] = {"address": address, "texts": texts, "files": files}
    near = tickets.find_near(turn.tx, **matter)
    reported = join(turn, person, near.same, **said, alarm=alarm) if near.same else None
    if reported is not None:
        return reported
    barred = _kept_too(turn, after, responsibility.parties(turn, person, place, guess.category, against))
    body = responsibility.first_body(
        turn, person, place, guess.category, urgent=guess.urgent, discreet=discreet, barred=barred, against=against
    )
    source = source or ("private" if address.private else "group")
    if ticket := _open(turn, guess, body, place, discreet=discreet, source=source, **matter):
        responsibility.keep_out(turn, ticket, barred)
        _add_voice(turn, person, ticket, **said)
        held = personal and ticket.discreet and body.level > Level.COMMUNITY
        _begin(turn, by or person, ticket, body, files=bool(files), held=held)
        return Reported(ticket, body, opened=True, joined=False, card=ticket.urgent, rescue=near.alarm, held=held)
    same = tickets.find_near(turn.tx, **matter).same
    reported = join(turn, person, same, **said, alarm=alarm) if same else None
    assert reported is not None, "the matter that was in the way is gone"
    return reported


def _about(guess: Guess, place: Place) -> dict[str, Any]:
    """What a ticket is about, and where."""
    return {
        "compound_id": place.compound_id,
        "building_id": place.building_id,
        "unit_id": place.unit_id,
        "category": guess.category,
        "matter": guess.matter,
        "summary": guess.summary,
        "urgent": guess.urgent,
        "danger": guess.danger if guess.urgent else "",
    }


def _open(
    turn: Turn,
    guess: Guess,
    body: Body,
    place: Place,
    *,
    discreet: bool,
    source: str,
    parent_id: int | None = None,
    **matter: Any,
) -> Ticket | None:
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
        "kind": (kind := limits.kind_of(guess.category, guess.kind)),
        "source": source,
        "first_body_id": body.id,
        "respond_by": limits.respond_by(turn.now, urgent=guess.urgent, rules=turn.rules),
        "resolve_by": limits.resolve_by(turn.now, kind, urgent=guess.urgent, rules=turn.rules),
        "parent_id": parent_id,
        "hotline": "",
    }
    ticket_id = tickets.open_ticket(turn.tx, **values)
    if ticket_id is None:
        return None
    shown = {"id": ticket_id, "building": place.building, "unit": place.unit, "status": Status.OPEN}
    return Ticket(**{name: value for name, value in {**values, **shown}.items() if name not in _ASKED})


def _begin(turn: Turn, person: Person, ticket: Ticket, body: Body, *, files: bool, held: bool = False) -> None:
    """Who must hear of the new ticket; when the bot reports back."""
    ticket_steps.record(
        turn, ticket, Act.OPENED, by=person.id, after=ticket.status.value, category=ticket.category, body=body.id
    )
    if ticket.urgent:
        _raise_alarm(turn, ticket, body)
    elif is_quiet(turn.now, turn.rules):
        ticket_intake.in_the_morning(turn, ticket)
    elif held:
        ticket_intake.hold(turn, ticket)
    else:
        ticket_files.post(turn, ticket, body, files=files)
    ticket_clock.promise(turn, ticket)
    ticket_limits.start(turn, ticket)


def open_part(turn: Turn, person: Person, whole: Ticket, guess: Guess, words: str) -> tuple[Ticket, Body]:
    """One matter of a ticket that holds several, as a ticket by its own category, with who is responsible for it. The
    reporters stay with the whole."""
    place = Place(whole.compound_id, whole.building_id, whole.unit_id, whole.building, whole.unit)
    nobody = Person(0, "", "")
    barred = _kept_too(turn, whole, responsibility.parties(turn, nobody, place, guess.category, ()))
    body = responsibility.first_body(
        turn, nobody, place, guess.category, urgent=guess.urgent, discreet=whole.discreet, barred=barred
    )
    matter: dict[str, Any] = {
        **_about(guess, place),
        "household_id": whole.household_id,
        "since": turn.now,  # no other ticket is the same
        "alarm_since": turn.now,
        "bot_id": whole.bot_id,
        "chat_id": whole.chat_id,
    }
    about: dict[str, Any] = {"discreet": whole.discreet, "source": whole.source, "parent_id": whole.id}
    ticket = _open(turn, guess, body, place, **about, **matter)
    assert ticket is not None
    responsibility.keep_out(turn, ticket, barred)
    ticket_reports.add_texts(turn.tx, ticket.id, person_id=person.id, kind="report", at=turn.now, texts=(words,))
    _begin(turn, person, ticket, body, files=False)
    return ticket, body


def _kept_too(turn: Turn, ticket: Ticket | None, barred: Barred) -> Barred:
    """And whom that other ticket is kept from, if there is one."""
    known = ticket_bodies.barred(turn.tx, ticket.id) if ticket else NOBODY
    return Barred(known.people | barred.people, known.bodies | barred.bodies)


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
    ticket = ticket_steps.lock(turn, ticket_id)
    if ticket.status not in LIVE:
        return None
    person = people.meet(turn, person)
    joined = _add_voice(turn, person, ticket, address=address, texts=texts, files=files)
    body = people.get_body(turn, ticket.body_id)
    raised = alarm is not None and not ticket.urgent
    if alarm and raised:
        changes: dict[str, Any] = {"danger": alarm.danger, "summary": alarm.summary, "alarm_at": turn.now}
        resumed = ticket_limits.resume(turn, ticket)  # the clock of one that was shelved goes on
        changes |= resumed | {"urgent": True, "discreet": False, "accepted_by": None, "paused_at": None}
        changes["respond_by"] = limits.respond_by(turn.now, urgent=True, rules=turn.rules)
        changes["resolve_by"] = limits.resolve_by(turn.now, ticket.kind, urgent=True, rules=turn.rules)
        note: dict[str, object] = {"danger": alarm.danger}
        ticket = ticket_steps.step(turn, ticket, Act.RAISED, by=person.id, note=note, **changes)
        ticket_limits.start(turn, ticket)
        if resumed:
            ticket_clock.promise(turn, ticket)
        _raise_alarm(turn, ticket, body)
    if joined:
        ticket_steps.record(turn, ticket, Act.JOINED, by=person.id)
    count = ticket_reports.households(turn.tx, ticket_id)
    rescue = ticket.urgent and not raised
    again = not joined and turn.now - ticket.opened_at > _ANEW
    return Reported(ticket, body, False, joined, card=raised, rescue=rescue, households=count, again=again)


def _raise_alarm(turn: Turn, ticket: Ticket, body: Body) -> None:
    """Tell the responsible body and the duty person at once, and watch that somebody takes it."""
    ticket_notices.alarm(turn, ticket, body)
    ticket_clock.watch(turn, ticket)


def withdraw(turn: Turn, person: Person, ticket: Ticket) -> bool:
    """Take back one's report. True where the ticket ends with it, False where other households stay."""
    ticket = ticket_steps.lock(turn, ticket.id)
    ticket_steps.check(ticket, Act.WITHDRAWN)
    if not ticket_reports.answer(turn.tx, ticket.id, person.id, Status.WITHDRAWN.value, at=turn.now):
        raise Refusal("tickets.not_yours", number=ticket.number, yours="")
    if ticket_reports.households(turn.tx, ticket.id) > 0:
        ticket_steps.record(turn, ticket, Act.WITHDRAWN, by=person.id)
        return False
    whole = ticket.status is Status.SPLIT
    ticket = ticket_steps.step(turn, ticket, Act.WITHDRAWN, by=person.id, closed_at=turn.now, settled_at=turn.now)
    unheard = ticket_intake.is_held(turn, ticket)
    ticket_clock.stop(turn, ticket)
    if whole:  # its parts that nobody else reported end with it
        ticket_clock.look_at_parts(turn, ticket, ticket.id)
    body = people.get_body(turn, ticket.body_id)
    text = say("tickets.withdrawn_body", number=ticket.number)
    if ticket.urgent:
        people.tell_duty(turn, ticket.compound_id, text)
        ticket_notices.to_groups(turn, ticket, text, urgent=True)
    if ticket.urgent or ticket.accepted_by or not (unheard or is_quiet(ticket.opened_at, turn.rules)):
        ticket_notices.to_handlers(turn, ticket, body, text, urgent=ticket.urgent)
    return True


def call_off(turn: Turn, person: Person, ticket: Ticket) -> None:
    """误报: any head in scope takes an alarm back; whoever heard of it hears that too."""
    ticket, body = ticket_steps.hold(turn, person, ticket, Action.CALL_OFF)
    ticket_steps.check(ticket, Act.FALSE_ALARM)
    if not ticket.urgent:
        raise Refusal("tickets.not_urgent", number=ticket.number)
    ticket = ticket_steps.step(turn, ticket, Act.FALSE_ALARM, by=person.id, closed_at=turn.now, settled_at=turn.now)
    ticket_clock.stop(turn, ticket)
    text = say("tickets.false_alarm", number=ticket.number)
    ticket_notices.to_places(turn, ticket, text, urgent=True)
    ticket_notices.to_handlers(turn, ticket, body, text, urgent=True)
    people.tell_duty(turn, ticket.compound_id, text)
