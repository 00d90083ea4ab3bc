"""Tickets that are one matter go on as one, and apart again; one that holds several matters is split."""

from dataclasses import dataclass
from typing import Any

from domain import limits
from domain.errors import Refusal
from domain.guess import Guess
from domain.people import Person
from domain.promises import first_report
from domain.tickets import ENDED, LIVE, Act, Status, Ticket
from services import (
    people,
    ticket_clock,
    ticket_endings,
    ticket_limits,
    ticket_notices,
    ticket_steps,
    tickets,
)
from services.turn import Turn
from storage import ticket_bodies, ticket_merging, ticket_reports
from storage import tickets as rows
from texts import say

MOST = 5  # parts of one ticket


def merge(turn: Turn, person: Person, ticket: Ticket, into: Ticket) -> int:
    """The ticket goes on in another: its reporters hear of that one from now on. Returns how many households it has."""
    ticket, into = _both(turn, person, ticket, into)
    _check_merge(turn, ticket, into)
    voices = [each for each in ticket_reports.voices(turn.tx, ticket.id) if each.stays]
    if ticket.parent_id:  # those of the whole are told of its parts
        voices += [each for each in ticket_reports.voices(turn.tx, ticket.parent_id) if each.stays]
    added = [
        each.person_id
        for each in voices
        if ticket_reports.join(
            turn.tx,
            into.id,
            person_id=each.person_id,
            household_id=each.household_id,
            chat_id=each.chat_id,
            at=turn.now,
        )
    ]
    households = ticket_reports.households(turn.tx, into.id)
    facts = {"merged": ticket.number, "number": into.number, "when": ticket_notices.when(turn, into)}
    ticket_notices.to_reporters(turn, ticket, say("endings.merged_reporter", **facts, households=households))
    paused = {} if ticket.paused_at else {"paused_at": turn.now}
    over = {"merged_into": into.id, "closed_at": turn.now, "settled_at": turn.now}
    note: dict[str, object] = {"into": into.id, "people": added}
    ended = ticket_steps.step(turn, ticket, Act.MERGED, by=person.id, note=note, **over, **paused)
    ticket_clock.stop(turn, ended)
    _tell_of_merger(turn, person, ticket, into)
    return households


def _both(turn: Turn, person: Person, ticket: Ticket, into: Ticket) -> tuple[Ticket, Ticket]:
    """Both as they are now, locked in one order, so that two people who merge them the other way round do not wait for
    each other; Refusal for who may not handle both."""
    for ticket_id in sorted({ticket.id, into.id}):
        rows.lock(turn.tx, ticket_id)
    return ticket_steps.hold_own(turn, person, ticket)[0], ticket_steps.hold_own(turn, person, into)[0]


def _check_merge(turn: Turn, ticket: Ticket, into: Ticket) -> None:
    if ticket.id == into.id:
        raise Refusal("endings.merge_itself", number=ticket.number)
    if ticket.compound_id != into.compound_id:
        raise Refusal("endings.merge_elsewhere", number=into.number)
    if into.status not in LIVE:
        state = say(f"tickets.state_{into.status.value}")
        raise Refusal("endings.merge_ended", number=into.number, state=state, merged=ticket.number)
    ticket_steps.check(ticket, Act.MERGED)
    if ticket.id == into.parent_id or into.id == ticket.parent_id:
        raise Refusal("endings.merge_part", number=into.number, merged=ticket.number)
    if ticket.urgent and not into.urgent:
        raise Refusal("endings.merge_urgent", number=into.number, merged=ticket.number)
    if ticket.discreet and not into.discreet and ticket.source != "hotline":
        raise Refusal("endings.merge_private", number=into.number, merged=ticket.number)
    if ticket_bodies.barred(turn.tx, ticket.id) != ticket_bodies.barred(turn.tx, into.id):
        raise Refusal("endings.merge_barred", number=into.number, merged=ticket.number)


def _tell_of_merger(turn: Turn, person: Person, ticket: Ticket, into: Ticket) -> None:
    """The handlers of both; who has both, or has just done it, hears it only in answer."""
    facts = {"merged": ticket.number, "number": into.number, "summary": ticket.summary}
    text = say("endings.merged_body", **facts)
    for each, other in ((ticket, into), (into, ticket)):
        if each.body_id != other.body_id:
            ticket_notices.to_body(turn, each, people.get_body(turn, each.body_id), text)
        if each.accepted_by not in (None, person.id):
            ticket_notices.to_taker(turn, each, text)


def unmerge(turn: Turn, person: Person, ticket: Ticket) -> Ticket:
    """Two matters after all: the ticket goes on by itself, and exactly those it brought leave the other one with it;
    who has words of their own there stays there too."""
    if ticket.status is not Status.MERGED or ticket.merged_into is None:
        ticket_steps.hold_own(turn, person, ticket)
        raise Refusal("endings.not_merged", number=ticket.number)
    ticket, into = _both(turn, person, ticket, rows.get(turn.tx, ticket.merged_into))
    ticket_steps.check(ticket, Act.UNMERGED)
    if into.status not in LIVE:
        state = say(f"tickets.state_{into.status.value}")
        raise Refusal("endings.unmerge_ended", number=ticket.number, other=into.number, state=state)
    gone = {each.person_id for each in ticket_reports.voices(turn.tx, into.id) if not each.stays}
    for each in ticket_merging.last_merger(turn.tx, ticket.id)["people"]:
        if each in gone:
            ticket_reports.answer(turn.tx, ticket.id, each, ticket_reports.WITHDRAWN, at=turn.now)
        if not ticket_reports.spoke(turn.tx, into.id, each, since=ticket.closed_at or turn.now):
            ticket_reports.leave(turn.tx, into.id, each)
    respond_by, resolve_by = limits.resumed(ticket, turn.now)
    ticket = ticket_steps.step(
        turn,
        ticket,
        Act.UNMERGED,
        by=person.id,
        note={"from": into.id},
        merged_into=None,
        closed_at=None,
        settled_at=None,
        accepted_by=None,
        paused_at=None,
        report_at=first_report(turn.now, turn.rules),
        respond_by=respond_by,
        resolve_by=resolve_by,
    )
    ticket_clock.promise(turn, ticket)
    ticket_limits.start(turn, ticket)
    facts = ticket_notices.facts(turn, ticket)
    ticket_notices.to_reporters(turn, ticket, say("endings.unmerged_reporter", **facts))
    body = people.get_body(turn, ticket.body_id)
    text = say("endings.unmerged_body", **facts)
    ticket_notices.to_body(turn, ticket, body, text, choices=ticket_notices.take_it(ticket))
    return ticket


@dataclass(frozen=True, slots=True)
class Wanted:
    """One matter of a ticket that holds several: what the classifier makes of it, in the handler's words."""

    guess: Guess
    words: str


def check_split(turn: Turn, person: Person, ticket: Ticket) -> None:
    """Refusal where this ticket is not this person's to split."""
    ticket, _ = ticket_steps.hold_own(turn, person, ticket)
    if ticket.parent_id:
        raise Refusal("endings.split_part", number=ticket.number)
    ticket_steps.check(ticket, Act.SPLIT)


def split(turn: Turn, person: Person, ticket: Ticket, wanted: list[Wanted]) -> list[tuple[Ticket, str]]:
    """Several matters, each a ticket of its own with who is responsible for it; the whole ends when they have. Returns
    them with their offices."""
    check_split(turn, person, ticket)
    ticket = ticket_steps.lock(turn, ticket.id)
    opened = [tickets.open_part(turn, person, ticket, each.guess, each.words) for each in wanted]
    note: dict[str, object] = {"parts": [part.id for part, _ in opened]}
    ticket = ticket_steps.step(turn, ticket, Act.SPLIT, by=person.id, note=note, accepted_by=person.id)
    ticket_clock.stop(turn, ticket)
    shown = [(part, people.office(body, part.building)) for part, body in opened]
    ticket_notices.to_reporters(turn, ticket, said(turn, ticket, shown, "endings.split_reporter"))
    return shown


def said(turn: Turn, ticket: Ticket, parts: list[tuple[Ticket, str]], key: str) -> str:
    """What the reporters hear of it, and the handler in answer: what is in the first line, then the parts."""
    lines = [
        say("endings.split_line", number=part.number, summary=part.summary, office=office) for part, office in parts
    ]
    when = ticket_notices.when(turn, parts[0][0])
    return "\n".join([say(key, number=ticket.number, count=len(parts), when=when), *lines])


def due_parts(turn: Turn, data: dict[str, Any]) -> None:
    """A part has ended: with the last one the whole is done, and its reporters are asked. Or the whole was taken back:
    so are the parts that nobody else reported."""
    ticket = ticket_steps.lock(turn, data["ticket"])
    parts = ticket_merging.parts(turn.tx, ticket.id)
    if ticket.status is Status.WITHDRAWN:
        for part in parts:
            if part.status in LIVE and not ticket_reports.households(turn.tx, part.id):
                _withdraw(turn, ticket_steps.lock(turn, part.id))
    elif ticket.status is Status.SPLIT and all(part.status in (Status.DONE, *ENDED) for part in parts):
        _finish(turn, ticket, parts)


def _withdraw(turn: Turn, part: Ticket) -> None:
    part = ticket_steps.step(turn, part, Act.WITHDRAWN, by=None, closed_at=turn.now, settled_at=turn.now)
    ticket_clock.stop(turn, part)
    text = say("tickets.withdrawn_body", number=part.number)
    ticket_notices.to_handlers(turn, part, people.get_body(turn, part.body_id), text)


def _finish(turn: Turn, ticket: Ticket, parts: list[ticket_merging.Part]) -> None:
    finishers = [part.finished_by for part in parts if part.finished_by]
    last = finishers[-1] if finishers else ticket.accepted_by
    ticket = ticket_steps.step(turn, ticket, Act.PARTS_ENDED, by=None, closed_at=turn.now, finished_by=last)
    lines = [
        say("endings.part_ended", summary=part.summary, state=say(f"tickets.state_{part.status.value}"))
        for part in parts
    ]
    if last:
        note = (say("endings.comma").join(lines),)
        ticket_reports.add_texts(turn.tx, ticket.id, person_id=last, kind="note", at=turn.now, texts=note)
    ticket_clock.stop(turn, ticket)
    ticket_endings.announce(turn, ticket, ticket_notices.holder(turn, ticket))
