"""One act on a ticket: is it possible, may this person do it, what is written. Every service for tickets comes here."""

from dataclasses import replace
from typing import Any

from domain.errors import Refusal
from domain.people import Body, Person
from domain.rights import Action
from domain.tickets import Act, Ticket, after
from services import people, ticket_search
from services.turn import Turn
from storage import audit, tickets
from texts import say


def hold(turn: Turn, person: Person, ticket: Ticket, action: Action = Action.HANDLE) -> tuple[Ticket, Body]:
    """The ticket as it is now, locked for this turn, and its body; Refusal for who may not handle it."""
    ticket = lock(turn, ticket.id)
    body = people.get_body(turn, ticket.body_id)
    if not ticket_search.may_handle(turn, person, ticket, action):
        raise Refusal("tickets.not_your_office", number=ticket.number, office=people.office(body, ticket.building))
    return ticket, body


def hold_own(turn: Turn, person: Person, ticket: Ticket) -> tuple[Ticket, Body]:
    """As `hold`, for what only the owner does: a helper works on a ticket, but does not take, move or end it."""
    ticket, body = hold(turn, person, ticket)
    if not ticket_search.may_own(turn, person, ticket):
        raise Refusal("tickets.not_your_office", number=ticket.number, office=people.office(body, ticket.building))
    return ticket, body


def lock(turn: Turn, ticket_id: int) -> Ticket:
    """The ticket as it is now, and nobody else changes it in this turn."""
    return tickets.lock(turn.tx, ticket_id)


def check(ticket: Ticket, act: Act) -> None:
    """Refusal where the act is not possible in the ticket's state."""
    if after(ticket.status, act) is None:
        raise Refusal("tickets.not_open", number=ticket.number, state=say(f"tickets.state_{ticket.status.value}"))


def step(
    turn: Turn,
    ticket: Ticket,
    act: Act,
    *,
    by: int | None,
    note: dict[str, object] | None = None,
    **changes: Any,
) -> Ticket:
    """Carry out one act on a locked ticket: its new state by the table of states, further columns, and the audit row.

    by: person id, None: the clock. note: ids and codes for the audit row, never words.
    """
    check(ticket, act)
    status = after(ticket.status, act) or ticket.status
    values = changes if status is ticket.status else {**changes, "status": status.value}
    if values:
        tickets.change(turn.tx, ticket.id, **values)
    record(turn, ticket, act, by=by, before=ticket.status.value, after=status.value, **(note or {}))
    return replace(ticket, status=status, **changes)


def record(turn: Turn, ticket: Ticket, act: Act, *, by: int | None, **data: object) -> None:
    audit.record(
        turn.tx,
        at=turn.now,
        compound_id=ticket.compound_id,
        actor_id=by,
        subject="ticket",
        subject_id=ticket.id,
        action=act.value,
        **data,
    )
