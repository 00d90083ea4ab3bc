"""What the passing of time does to tickets: the report back that always speaks, the alarm nobody took, the question
whether it is done. Each is a timer row; `clock.tick` calls the functions named `due_…`."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from domain.messages import Address, Outgoing, numbered
from domain.people import Level
from domain.promises import is_quiet, next_report, quiet_end
from domain.tickets import LIVE, Status, Ticket
from services import people
from services.turn import Turn
from storage import conversations, tickets, timers
from storage import people as people_rows
from storage.conversations import Conversation
from texts import options, say, wording

PROMISE, WATCH, OUTCOME = "ticket.promise", "ticket.watch", "ticket.outcome"
_BUSY = timedelta(minutes=10)


def promise(turn: Turn, ticket: Ticket) -> None:
    """Keep the hour at which the bot reports back; the same timer first warns the handler, some hours before."""
    warn_at = ticket.report_at - timedelta(hours=turn.rules.remind_before_hours)
    early = warn_at > turn.now and not is_quiet(warn_at, turn.rules)
    _set(turn, PROMISE, ticket, warn_at if early else ticket.report_at)


def watch(turn: Turn, ticket: Ticket) -> None:
    """An urgent ticket must be taken within minutes."""
    _set(turn, WATCH, ticket, turn.now + timedelta(minutes=turn.rules.duty_minutes))


def ask_outcome(turn: Turn, ticket: Ticket, person_id: int) -> None:
    """Ask a reporter whether it is done, now or when the quiet hours end."""
    data = {"ticket": ticket.id, "person": person_id}
    due = quiet_end(turn.now, turn.rules)
    timers.set_timer(turn.tx, OUTCOME, f"{ticket.id}:{person_id}", bot_id=ticket.bot_id, due_at=due, data=data)


def stop(turn: Turn, ticket: Ticket) -> None:
    for kind in (PROMISE, WATCH):
        timers.cancel(turn.tx, kind, str(ticket.id))


def due_promise(turn: Turn, data: dict[str, Any]) -> None:
    """The promised hour: say how it stands, result or not, and when the next word comes."""
    ticket = tickets.get(turn.tx, data["ticket"])
    if ticket.status not in LIVE:
        return
    if turn.now < ticket.report_at:
        _warn(turn, ticket)
        _set(turn, PROMISE, ticket, ticket.report_at)
        return
    ticket = replace(ticket, report_at=next_report(turn.now, turn.rules))
    tickets.change(turn.tx, ticket.id, report_at=ticket.report_at)
    facts = _facts(turn, ticket)
    key = "tickets.promise_accepted" if ticket.status is Status.ACCEPTED else "tickets.promise_open"
    for reporter in tickets.reporters(turn.tx, ticket.id, ticket.bot_id):
        people.tell_person(turn, reporter.user, say(key, **facts))
    body = people.get_body(turn, ticket.body_id)
    people.tell_body(turn, body, say("tickets.promise_body", **facts))
    promise(turn, ticket)


def _warn(turn: Turn, ticket: Ticket) -> None:
    """A private word to whoever has the ticket, before the bot must report back."""
    body = people.get_body(turn, ticket.body_id)
    taker = people_rows.find_user(turn.tx, ticket.bot_id, ticket.accepted_by) if ticket.accepted_by else None
    for user in [taker] if taker else people.heads(turn, body):
        people.tell_person(turn, user, say("tickets.remind", **_facts(turn, ticket)))


def due_watch(turn: Turn, data: dict[str, Any]) -> None:
    """Nobody has taken an urgent ticket: the group is told, the branch and the community are called."""
    ticket = tickets.get(turn.tx, data["ticket"])
    if ticket.status is not Status.OPEN:
        return
    body = people.get_body(turn, ticket.body_id)
    facts = _facts(turn, ticket)
    for upper in people.above(turn, body):
        if upper.level in (Level.BRANCH, Level.COMMUNITY):
            people.tell_body(turn, upper, say("tickets.duty_silent_up", **facts), urgent=True)
    chat = people.find_chat(turn, Address(ticket.chat_id))
    if chat:
        text = say("tickets.duty_silent", number=ticket.number)
        turn.say(Outgoing(Address(ticket.chat_id), text, urgent=True), bot_id=ticket.bot_id)


def due_outcome(turn: Turn, data: dict[str, Any]) -> None:
    """Ask one reporter the closing question; if they are in the middle of another dialog, a little later."""
    ticket = tickets.get(turn.tx, data["ticket"])
    user = people_rows.find_user(turn.tx, ticket.bot_id, data["person"])
    if ticket.status is not Status.DONE or user is None:
        return
    if conversations.is_open(turn.tx, ticket.bot_id, user, user, turn.now):
        key = f"{ticket.id}:{data['person']}"
        due = turn.now + _BUSY
        timers.set_timer(turn.tx, OUTCOME, key, bot_id=ticket.bot_id, due_at=due, data=data)
        return
    question = f"{OUTCOME}:{ticket.id}:{turn.now.timestamp():.0f}"
    labels = options("tickets.outcome_choices")
    conversation = Conversation(
        flow="tickets.outcome",
        args={"ticket": ticket.id},
        answers=[],
        pending="outcome",
        question=question,
        expires_at=turn.now + timedelta(hours=turn.rules.dialog_hours),
        labels=[list(label) for label in labels],
    )
    conversations.save(turn.tx, ticket.bot_id, user, user, conversation)
    text = outcome_question(turn, ticket)
    people.tell_person(turn, user, text, choices=numbered(labels), question=question)


def outcome_question(turn: Turn, ticket: Ticket) -> str:
    notes = tickets.texts(turn.tx, ticket.id, "note")
    return say(
        "tickets.outcome",
        number=ticket.number,
        summary=ticket.summary,
        office=holder(turn, ticket),
        note=notes[-1] if notes else say("tickets.finished_note"),
    )


def holder(turn: Turn, ticket: Ticket) -> str:
    """The office that has the ticket: of whoever accepted it, else of the responsible body."""
    body = people.get_body(turn, ticket.body_id)
    posts = people_rows.posts_of(turn.tx, ticket.accepted_by) if ticket.accepted_by else ()
    return people.acting_office(posts, body, ticket.building)


def _set(turn: Turn, kind: str, ticket: Ticket, due_at: Any) -> None:
    data = {"ticket": ticket.id}
    timers.set_timer(turn.tx, kind, str(ticket.id), bot_id=ticket.bot_id, due_at=due_at, data=data)


def _facts(turn: Turn, ticket: Ticket) -> dict[str, object]:
    return {
        "number": ticket.number,
        "place": wording.place(ticket.building, ticket.unit),
        "summary": ticket.summary,
        "when": wording.moment(ticket.report_at.astimezone(turn.rules.zone), turn.local),
        "clock": turn.local.strftime("%H:%M"),
    }
