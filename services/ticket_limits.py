"""The clock of a ticket: its limits, the warning before them, and the way up the levels when they pass.

One timer row a ticket. Each firing does one thing at most and sets the next, so after a long outage, or with many
processes ticking, no level is called twice and none passed over: a hop counts only where `hops` still is what it was.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from domain import limits
from domain.people import TREE, Body
from domain.promises import is_quiet, next_report, quiet_end
from domain.tickets import Act, Status, Ticket
from services import conversations, people, ticket_clock, ticket_notices, ticket_steps
from services.turn import Turn
from storage import ticket_bodies, tickets, timers
from texts import options, say

DUE, REVIEW = "ticket.due", "ticket.review"
_RUNNING = (Status.OPEN, Status.RETURNED, Status.ACCEPTED)


def start(turn: Turn, ticket: Ticket) -> None:
    """Wind the clock: the next warning or hop. Called whenever the limits or the state change.

    A ticket that is late and has been passed up keeps the hour of its next hop, whatever is done to it.
    """
    late = limits.overdue_at(ticket)
    if late is None or ticket.status not in _RUNNING:
        timers.cancel(turn.tx, DUE, str(ticket.id))
        return
    if late <= turn.now and ticket.hops:
        after = limits.hop_after(turn.now, urgent=ticket.urgent, rules=turn.rules)
        _set(turn, ticket, after, "hop", keep=True)
        return
    warn = quiet_end(late - timedelta(hours=turn.rules.remind_before_hours), turn.rules)
    early = turn.now < warn < late and not ticket.urgent and ticket.status is not Status.RETURNED
    _set(turn, ticket, warn if early else max(late, turn.now), "remind" if early else "hop")


def stop(turn: Turn, ticket: Ticket) -> None:
    timers.cancel_each(turn.tx, (DUE, REVIEW), str(ticket.id))


def due_limit(turn: Turn, data: dict[str, Any]) -> None:
    """A warning to the handler, or one level up. What has changed meanwhile only winds the clock anew."""
    ticket = ticket_steps.lock(turn, data["ticket"])
    late = limits.overdue_at(ticket)
    if late is None or ticket.status not in _RUNNING:
        return
    if is_quiet(turn.now, turn.rules) and not ticket.urgent:  # after an outage; nobody is woken for it
        _set(turn, ticket, turn.now, data["step"])
        return
    if data["step"] == "remind":
        if turn.now < late:
            _remind(turn, ticket, late)
        _set(turn, ticket, max(late, turn.now), "hop")
    elif turn.now < late:  # the limit was moved
        start(turn, ticket)
    else:
        escalate(turn, ticket, by=None)


def escalate(
    turn: Turn,
    ticket: Ticket,
    *,
    by: int | None,
    said: str = "tickets.escalated_reporter",
    above: str = "tickets.escalated_up",
) -> Ticket:
    """One level up: the next body above that somebody can reach oversees the ticket; who has it, keeps it.

    said, above: the texts that tell the reporters and the level above.
    """
    passed, upper, more = _next_above(turn, ticket)
    if upper is None:
        return ticket
    if not tickets.hop(turn.tx, ticket.id, ticket.hops):
        return ticket
    note: dict[str, object] = {"hop": ticket.hops + 1, "body": upper.id}
    if passed:
        note["passed"] = passed
    late = limits.overdue_at(ticket)
    early = late is not None and late > turn.now  # passed up before its limit, by a person
    report_at = ticket.report_at if early else next_report(turn.now, turn.rules, told=ticket.hops)
    changes = {"overseer_id": upper.id, "report_at": report_at}
    ticket = ticket_steps.step(turn, ticket, Act.ESCALATED, by=by, note=note, **changes)
    ticket = replace(ticket, hops=ticket.hops + 1)
    facts = ticket_notices.facts(turn, ticket) | {"office": people.office(upper, ticket.building)}
    seen = ticket_notices.facts(turn, ticket, seen_at=quiet_end(turn.now, turn.rules))
    choices = ticket_notices.take_it(ticket) if ticket.accepted_by is None else ()
    ticket_notices.to_body(turn, ticket, upper, say(above, **seen), choices=choices, urgent=ticket.urgent)
    ticket_notices.to_reporters(turn, ticket, say(said, **facts))
    if early:
        start(turn, ticket)
        return ticket
    ticket_clock.promise(turn, ticket, told=ticket.hops)
    if more:
        _set(turn, ticket, limits.hop_after(turn.now, urgent=ticket.urgent, rules=turn.rules), "hop")
    return ticket


def rises(turn: Turn, ticket: Ticket) -> bool:
    """There is a level above that can be called."""
    return _next_above(turn, ticket)[1] is not None


def _next_above(turn: Turn, ticket: Ticket) -> tuple[list[int], Body | None, bool]:
    """The next body of the tree that is filled: above the one that oversees it now, else above its own. With it the
    ids of those passed over (vacant, or a party to it), and whether there are any above it."""
    here = people.get_body(turn, ticket.body_id)
    if ticket.overseer_id:
        overseer = people.get_body(turn, ticket.overseer_id)
        here = here if overseer.under(here) else overseer  # it was moved to a body above its overseer
    barred = ticket_bodies.barred(turn.tx, ticket.id)
    chain = [body for body in people.above(turn, here) if body.level in TREE]
    for place, body in enumerate(chain):
        if people.reachable(turn, body, barred):
            return [each.id for each in chain[:place]], body, place + 1 < len(chain)
    return [], None, False


def _remind(turn: Turn, ticket: Ticket, late: datetime) -> None:
    ticket_steps.record(turn, ticket, Act.REMINDED, by=None)
    facts = ticket_notices.facts(turn, ticket) | {"when": ticket_notices.moment(turn, late)}
    text = say("tickets.limit_near", **facts)
    about: dict[str, Any] = {"flow": "tickets.near_limit", "pending": "near_limit", "args": {"ticket": ticket.id}}
    for user in ticket_notices.in_charge(turn, ticket):
        if not conversations.begin(turn, user, text, **about, labels=options("tickets.limit_near_choices")):
            people.tell_person(turn, user, say("tickets.remind", **facts))  # no numbers: another question is open


def resume(turn: Turn, ticket: Ticket) -> dict[str, Any]:
    """What changes when a clock that stood still goes on; nothing where it did not."""
    if ticket.paused_at is None:
        return {}
    timers.cancel(turn.tx, REVIEW, str(ticket.id))
    respond_by, resolve_by = limits.resumed(ticket, turn.now)
    report_at = max(ticket.report_at, next_report(turn.now, turn.rules))
    changes = {"respond_by": respond_by, "resolve_by": resolve_by, "report_at": report_at}
    return {**changes, "paused_at": None, "review_at": None}


def due_review(turn: Turn, data: dict[str, Any]) -> None:
    """The day has come to look at a shelved matter again."""
    ticket = ticket_steps.lock(turn, data["ticket"])
    if ticket.status is not Status.SHELVED:
        return
    changes = resume(turn, ticket)
    soon = limits.respond_by(turn.now, urgent=False, rules=turn.rules)
    changes["respond_by"] = max(changes["respond_by"] or soon, soon)
    soon = limits.add_workdays(turn.now, 1, turn.rules)
    changes["resolve_by"] = max(changes["resolve_by"] or soon, soon)
    ticket = ticket_steps.step(turn, ticket, Act.REVIEWED, by=None, accepted_by=None, **changes)
    ticket_clock.promise(turn, ticket)
    body = people.get_body(turn, ticket.body_id)
    facts = ticket_notices.facts(turn, ticket)
    ticket_notices.to_handlers(
        turn, ticket, body, say("tickets.review_body", **facts), choices=ticket_notices.take_it(ticket)
    )
    ticket_notices.to_reporters(turn, ticket, say("tickets.review_reporter", **facts))
    start(turn, ticket)


def review_on(turn: Turn, ticket: Ticket, at: datetime) -> None:
    timers.set_timer(turn.tx, REVIEW, str(ticket.id), bot_id=ticket.bot_id, due_at=at, data={"ticket": ticket.id})


def _set(turn: Turn, ticket: Ticket, at: datetime, step: str, *, keep: bool = False) -> None:
    """The one timer of the limits, by day unless it is urgent. keep: one that is set already stays as it is."""
    due: dict[str, Any] = {
        "due_at": at if ticket.urgent else quiet_end(at, turn.rules),
        "data": {"ticket": ticket.id, "step": step},
    }
    put = timers.keep_timer if keep else timers.set_timer
    put(turn.tx, DUE, str(ticket.id), bot_id=ticket.bot_id, **due)
