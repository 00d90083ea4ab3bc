"""Tickets that 12345 passed on: opened (or joined) with the hotline's number, or linked to one that is here already."""

from datetime import timedelta
from typing import Any

from domain.errors import Refusal
from domain.guess import Guess
from domain.messages import Address
from domain.people import Person, Place
from domain.rights import Action, may
from domain.tickets import Act, Ticket
from services import rights, ticket_search, ticket_steps, tickets
from services.tickets import Reported
from services.turn import Turn
from storage import ticket_figures
from storage import tickets as rows

_BACK = timedelta(days=180)  # a hotline's number is looked for among tickets so young


def open_passed_on(
    turn: Turn, person: Person, guess: Guess, *, place: Place, address: Address, words: str, hotline: str
) -> Reported:
    """Staff writes down what the hotline passed on. The caller's words stay private: nothing is said in any group."""
    if not may(person, Action.HANDLE, rights.body_at(turn, place)):
        raise Refusal("figures.hotline_right")
    _check_new(turn, place.compound_id, hotline)
    reported = tickets.report(
        turn, person, guess, place=place, address=address, texts=(words,), discreet=not guess.urgent, source="hotline"
    )
    if reported.ticket.hotline:  # a ticket has one number; the second caller's stands in its history
        ticket_steps.record(turn, reported.ticket, Act.PROGRESSED, by=person.id, hotline=hotline)
    else:
        _link(turn, person, reported.ticket, hotline)
    return reported


def link(turn: Turn, person: Person, ticket: Ticket, hotline: str) -> None:
    """The hotline heard of a matter that is here already."""
    ticket, _ = ticket_steps.hold(turn, person, ticket)
    if ticket.hotline:
        raise Refusal("figures.hotline_has", number=ticket.number, hotline=ticket.hotline)
    _check_new(turn, ticket.compound_id, hotline)
    _link(turn, person, ticket, hotline)


def _check_new(turn: Turn, compound_id: int, hotline: str) -> None:
    found = ticket_figures.find_hotline(turn.tx, [compound_id], hotline, since=turn.now - _BACK)
    if found is not None:
        number = ticket_search.get(turn, found).number
        raise Refusal("figures.hotline_there", number=number, hotline=hotline)


def _link(turn: Turn, person: Person, ticket: Ticket, hotline: str) -> None:
    """Possible in every state, so it is written beside the table of states."""
    values: dict[str, Any] = {"hotline": hotline}
    rows.change(turn.tx, ticket.id, **values)
    ticket_steps.record(turn, ticket, Act.PROGRESSED, by=person.id, **values)
