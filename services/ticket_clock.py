"""What the passing of time does to tickets: the report back that always speaks, the alarm nobody took, the question
whether it is done. Each is a timer row; `clock.tick` calls the functions named `due_…`."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from domain import limits
from domain.messages import Address
from domain.people import Level
from domain.promises import is_quiet, next_report, quiet_end
from domain.tickets import LIVE, Act, Status, Ticket
from services import conversations, people, ticket_files, ticket_limits, ticket_notices, ticket_steps
from services.turn import Turn
from storage import people as people_rows
from storage import ticket_reports, tickets, timers
from texts import options, say

POST, PROMISE, WATCH, OUTCOME = "ticket.post", "ticket.promise", "ticket.watch", "ticket.outcome"
ASK, LAPSE, PARTS = "ticket.ask", "ticket.lapse", "ticket.parts"
_NEAR, _SAME_TICK = timedelta(hours=6), timedelta(minutes=10)
_WEEKLY = 3  # words without a result after which they come once a week


def promise(turn: Turn, ticket: Ticket, *, told: int = 0) -> None:
    """Keep the hour at which the bot reports back. told: how often it did so without a result. Before the first the
    same timer warns the handler; later warnings are the limit's (ticket_limits)."""
    warn_at = ticket.report_at - timedelta(hours=turn.rules.remind_before_hours)
    early = told == 0 and warn_at > turn.now and not is_quiet(warn_at, turn.rules)
    data = {"ticket": ticket.id, "told": told}
    due = warn_at if early else ticket.report_at
    timers.set_timer(turn.tx, PROMISE, str(ticket.id), bot_id=ticket.bot_id, due_at=due, data=data)


def watch(turn: Turn, ticket: Ticket) -> None:
    """An urgent ticket must be taken within minutes."""
    _set(turn, WATCH, ticket, turn.now + timedelta(minutes=turn.rules.duty_minutes))


def ask_outcome(turn: Turn, ticket: Ticket) -> None:
    """Ask all who reported it whether it is done, now or when the quiet hours end; once more the next day; after some
    days without an answer it lapses."""
    ticket_reports.ask_anew(turn.tx, ticket.id)
    for voice in ticket_reports.voices(turn.tx, ticket.id):
        if voice.stays and voice.person_id != ticket.finished_by:  # nobody rates their own work
            _ask_at(turn, ticket, voice.person_id, quiet_end(turn.now, turn.rules))
    _set(turn, LAPSE, ticket, quiet_end(turn.now + timedelta(days=turn.rules.limits.lapse_days), turn.rules))


def stop(turn: Turn, ticket: Ticket) -> None:
    """It ends: nothing more is said of it by the clock. What it is a part of may end with it."""
    timers.cancel_each(turn.tx, (POST, PROMISE, WATCH, ticket_limits.DUE, ticket_limits.REVIEW), str(ticket.id))
    if ticket.parent_id:
        look_at_parts(turn, ticket, ticket.parent_id)


def look_at_parts(turn: Turn, ticket: Ticket, whole: int) -> None:
    """At the next tick it is seen whether a whole and its parts end together."""
    data = {"ticket": whole}
    timers.set_timer(turn.tx, PARTS, str(whole), bot_id=ticket.bot_id, due_at=turn.now, data=data)


def due_post(turn: Turn, data: dict[str, Any]) -> None:
    ticket = tickets.get(turn.tx, data["ticket"])
    if ticket.status is Status.OPEN:
        ticket_files.post(turn, ticket, people.get_body(turn, ticket.body_id))


def due_promise(turn: Turn, data: dict[str, Any]) -> None:
    """The promised hour: say how it stands, result or not, and when the next word comes."""
    ticket = ticket_steps.lock(turn, data["ticket"])  # somebody may be giving another hour
    if ticket.status not in LIVE:
        return
    body = people.get_body(turn, ticket.body_id)
    told = data.get("told", 0)
    late = limits.overdue_at(ticket)
    if turn.now < ticket.report_at:
        if told == 0 and (late is None or late - turn.now > _NEAR):  # else the limit's own warning says it
            _remind(turn, ticket, say("tickets.remind", **ticket_notices.facts(turn, ticket)))
        data, due = {**data, "told": max(told, ticket.hops)}, ticket.report_at
        timers.set_timer(turn.tx, PROMISE, str(ticket.id), bot_id=ticket.bot_id, due_at=due, data=data)
        return
    ticket = replace(ticket, report_at=next_report(turn.now, turn.rules, told=told))
    tickets.change(turn.tx, ticket.id, report_at=ticket.report_at)
    promise(turn, ticket, told=told + 1)
    if ticket.status is Status.WAITING:
        days = turn.rules.limits.lapse_days
        if ticket.paused_at and turn.now >= limits.add_workdays(ticket.paused_at, days, turn.rules):
            _go_on(turn, ticket)
        return
    if late and late <= turn.now < late + _SAME_TICK and ticket_limits.rises(turn, ticket):
        return  # at this moment the next level is called, and those who reported it hear that
    facts = ticket_notices.facts(turn, ticket)
    taken = ticket.status is Status.ACCEPTED
    urged = told == 0 or told >= _WEEKLY  # between, the limit's clock speaks to handlers
    key = ("accepted" if taken else "open") if urged else "still"
    ticket_notices.to_reporters(turn, ticket, say(f"tickets.promise_{key}", **facts))
    if not urged:
        return
    if taken:
        _remind(turn, ticket, say("tickets.promise_taker", **facts))
    else:
        text = say("tickets.promise_body", **facts)
        ticket_notices.to_body(turn, ticket, body, text, choices=ticket_notices.take_it(ticket))


def _go_on(turn: Turn, ticket: Ticket) -> None:
    """No answer to a handler's question: the clock does not stand still for ever."""
    changes = ticket_limits.resume(turn, ticket)
    ticket = ticket_steps.step(turn, ticket, Act.UNANSWERED, by=None, **changes)
    promise(turn, ticket)
    ticket_limits.start(turn, ticket)
    _remind(turn, ticket, say("tickets.asked_silent", number=ticket.number))


def _remind(turn: Turn, ticket: Ticket, text: str) -> None:
    """A private word to whoever has the ticket, else to those who lead the responsible body."""
    for user in ticket_notices.in_charge(turn, ticket):
        people.tell_person(turn, user, text, bot_id=ticket.bot_id)


def due_watch(turn: Turn, data: dict[str, Any]) -> None:
    """Nobody has taken an urgent ticket: who raised it is told, the branch and the community are called."""
    ticket = tickets.get(turn.tx, data["ticket"])
    if ticket.status is not Status.OPEN:
        return
    body = people.get_body(turn, ticket.body_id)
    text = say("tickets.duty_silent_up", **ticket_notices.facts(turn, ticket))
    for upper in people.above(turn, body):
        if upper.level in (Level.BRANCH, Level.COMMUNITY):
            ticket_notices.to_body(turn, ticket, upper, text, choices=ticket_notices.take_it(ticket), urgent=True)
    ticket_notices.to_places(turn, ticket, say("tickets.duty_silent", number=ticket.number), urgent=True)


def due_outcome(turn: Turn, data: dict[str, Any]) -> None:
    """Ask one reporter the closing question, and once more if nobody has answered by the next day; if they are in the
    middle of another dialog, a little later."""
    ticket = tickets.get(turn.tx, data["ticket"])
    user = people_rows.find_user(turn.tx, ticket.bot_id, data["person"])
    voices = ticket_reports.voices(turn.tx, ticket.id)
    voice = next((each for each in voices if each.person_id == data["person"] and each.stays), None)
    if user is None or voice is None or voice.answered(ticket.closed_at):
        return
    if ticket.status is not Status.DONE and not (ticket.status is Status.CLOSED and not voice.asked):
        return
    text, labels = outcome_question(turn, ticket), options("tickets.outcome_choices")
    about: dict[str, Any] = {"flow": "tickets.outcome", "pending": "outcome", "args": {"ticket": ticket.id}}
    if voice.asked:
        _close_question(turn, user, ticket)
        text = say("endings.outcome_again", question=text)
    if not conversations.begin(turn, user, text, **about, labels=labels, bot_id=ticket.bot_id):
        _ask_at(turn, ticket, voice.person_id, quiet_end(turn.now + conversations.LATER, turn.rules))
        return
    ticket_reports.count_question(turn.tx, ticket.id, voice.person_id)
    if not voice.asked:
        again = turn.now + timedelta(hours=turn.rules.limits.ask_again_hours)
        _ask_at(turn, ticket, voice.person_id, quiet_end(again, turn.rules))


def _close_question(turn: Turn, user: str, ticket: Ticket) -> None:
    """The closing question that is still open gives way to the same one, asked again."""
    private = Address(user, private=True)
    waiting = conversations.find(turn, private, user)
    if waiting and waiting.flow == "tickets.outcome" and waiting.args.get("ticket") == ticket.id:
        conversations.close(turn, private, user)


def due_lapse(turn: Turn, data: dict[str, Any]) -> None:
    """Nobody answered the closing question: 未回访, never counted as solved."""
    ticket = ticket_steps.lock(turn, data["ticket"])
    if ticket.status is Status.DONE:
        ticket_steps.step(turn, ticket, Act.LAPSED, by=None, settled_at=turn.now)


def ask_reporter(turn: Turn, ticket: Ticket, text: str) -> None:
    """A handler's question to whoever reported it first, now or when the quiet hours end; answered in own words."""
    first = ticket_reports.reporters(turn.tx, ticket.id, ticket.bot_id)[:1]
    for reporter in first:
        data = {"ticket": ticket.id, "person": reporter.person_id, "text": text}
        due = quiet_end(turn.now, turn.rules)
        timers.set_timer(turn.tx, ASK, str(ticket.id), bot_id=ticket.bot_id, due_at=due, data=data)


def due_ask(turn: Turn, data: dict[str, Any]) -> None:
    """Put a handler's question; if the reporter is in the middle of another dialog, a little later."""
    ticket = tickets.get(turn.tx, data["ticket"])
    user = people_rows.find_user(turn.tx, ticket.bot_id, data["person"])
    if ticket.status is not Status.WAITING or user is None:
        return
    about: dict[str, Any] = {"flow": "tickets.asked", "pending": "asked", "args": {"ticket": ticket.id}}
    if not conversations.begin(turn, user, data["text"], **about, bot_id=ticket.bot_id):
        later = quiet_end(turn.now + conversations.LATER, turn.rules)
        timers.set_timer(turn.tx, ASK, str(ticket.id), bot_id=ticket.bot_id, due_at=later, data=data)


def outcome_question(turn: Turn, ticket: Ticket) -> str:
    return say(
        "tickets.outcome",
        number=ticket.number,
        summary=ticket.summary,
        office=ticket_notices.holder(turn, ticket),
        note=ticket_notices.note(turn, ticket) + ticket_files.with_after(turn, ticket),
    )


def _ask_at(turn: Turn, ticket: Ticket, person_id: int, due_at: datetime) -> None:
    data = {"ticket": ticket.id, "person": person_id}
    timers.set_timer(turn.tx, OUTCOME, f"{ticket.id}:{person_id}", bot_id=ticket.bot_id, due_at=due_at, data=data)


def _set(turn: Turn, kind: str, ticket: Ticket, due_at: datetime) -> None:
    data = {"ticket": ticket.id}
    timers.set_timer(turn.tx, kind, str(ticket.id), bot_id=ticket.bot_id, due_at=due_at, data=data)
