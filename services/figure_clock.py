"""What the calendar does with figures: a card on Mondays, a word to the secretary before the month ends.

Both are timer rows, one a body. `wind` sets those that are missing and moves none.
"""

from datetime import datetime
from typing import Any

from domain import figures
from domain.messages import Address, Outgoing
from domain.people import Body, Chat, Level
from domain.promises import quiet_end
from domain.rules import Rules
from services import conversations, figure_words, people, ticket_figures
from services.turn import Turn
from storage import places, timers
from storage import ticket_figures as rows
from storage.database import Tx
from texts import options, say

WEEK, MONTH, SAID = "figure.week", "figure.month", "figure.said"


def wind(tx: Tx, now: datetime, rules: Rules) -> int:
    """The timers of every body with a work chat; returns how many were missing. Meant for once a day."""
    missing = 0
    for bot_id, body_id, level in rows.working_bodies(tx):
        missing += _wind(Turn(tx, bot_id, "wind", now, rules), body_id, level)
    return missing


def wind_body(turn: Turn, body: Body) -> None:
    _wind(turn, body.id, body.level)


def _wind(turn: Turn, body_id: int, level: Level) -> int:
    wanted = {WEEK: figures.next_monday(turn.now, turn.rules)}
    if level in ticket_figures.CLOSING:
        wanted[MONTH] = figures.next_reminder(turn.now, turn.rules)
    data = {"body": body_id}
    return sum(
        rows.once(turn.tx, kind, str(body_id), bot_id=turn.bot_id, due_at=due, data=data)
        for kind, due in wanted.items()
    )


def due_week(turn: Turn, data: dict[str, Any]) -> None:
    """Last week's card to the body's work chats: the one post a week that the bot begins there by itself. Nothing is
    said where nothing happened, and never among residents."""
    body = people.get_body(turn, data["body"])
    chats = places.chats_of_body(turn.tx, body.id)
    if not chats:
        return  # wound anew when there is one
    timers.set_timer(
        turn.tx,
        WEEK,
        str(body.id),
        bot_id=turn.bot_id,
        due_at=figures.next_monday(turn.now, turn.rules),
        data=data,
    )
    sheet = ticket_figures.gather(turn, body, figures.week_before(turn.local.date(), turn.rules.zone))
    if not (sheet.intake or sheet.cells or sheet.standing.live):
        return
    text, card = figure_words.week_text(sheet), figure_words.card(turn, sheet)
    for chat in chats:
        turn.say(
            Outgoing(Address(chat.chat_id), text, file=card),
            bot_id=chat.bot_id,
            due_at=quiet_end(turn.now, turn.rules),
        )


def due_month(turn: Turn, data: dict[str, Any]) -> None:
    """Who leads the body hears how many of this month's tickets nobody has called back."""
    body = people.get_body(turn, data["body"])
    due_at = figures.next_reminder(turn.now, turn.rules)
    timers.set_timer(turn.tx, MONTH, str(body.id), bot_id=turn.bot_id, due_at=due_at, data=data)
    sheet = ticket_figures.gather(turn, body, figures.month(turn.local.date(), turn.rules.zone))
    counts = figures.tally(sheet.cells)
    count = counts.silent + counts.unreached
    if not count or sheet.closed_at:
        return
    text, labels = say("figures.remind", count=count), options("figures.remind_choices")
    for user in people.heads(turn, body):
        about: dict[str, Any] = {"flow": "ticket_figures.reminded", "pending": "list", "args": {"body": body.id}}
        if not conversations.begin(turn, user, text, **about, labels=labels):  # in the middle of something else
            people.tell_person(turn, user, text)


def may_say(turn: Turn, chat: Chat) -> bool:
    """Once an hour in a residents' group."""
    key, due_at = f"{turn.bot_id}:{chat.chat_id}", turn.now + figures.HOUR
    return rows.once(turn.tx, SAID, key, bot_id=turn.bot_id, due_at=due_at, data={})


def due_said(turn: Turn, data: dict[str, Any]) -> None:
    """The hour is over: the timer's going is all."""
