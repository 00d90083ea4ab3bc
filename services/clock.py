"""Time passing: due timers call the services they name. Any number of processes may tick at once."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from domain.rules import Rules
from services import (
    figure_clock,
    handovers,
    known,
    members,
    offices,
    polls,
    quiet,
    retention,
    ticket_clock,
    ticket_files,
    ticket_intake,
    ticket_limits,
    ticket_merging,
    ticket_outside,
    ticket_routing,
)
from services.turn import Turn
from storage import timers
from storage.database import Tx, is_passing

log = logging.getLogger(__name__)

_DUE: dict[str, Callable[[Turn, dict[str, Any]], None]] = {
    ticket_clock.POST: ticket_clock.due_post,
    ticket_intake.MORNING: ticket_intake.due_morning,
    ticket_clock.PROMISE: ticket_clock.due_promise,
    ticket_clock.WATCH: ticket_clock.due_watch,
    ticket_clock.OUTCOME: ticket_clock.due_outcome,
    ticket_clock.ASK: ticket_clock.due_ask,
    ticket_clock.LAPSE: ticket_clock.due_lapse,
    ticket_clock.PARTS: ticket_merging.due_parts,
    ticket_limits.DUE: ticket_limits.due_limit,
    ticket_limits.REVIEW: ticket_limits.due_review,
    ticket_routing.ASK: ticket_routing.due_ask,
    ticket_routing.SILENT: ticket_routing.due_silent,
    ticket_outside.OUTSIDE: ticket_outside.due_outside,
    known.OVER: known.due_over,
    polls.CLOSE: polls.due_close,
    polls.TALLY: polls.due_tally,
    figure_clock.WEEK: figure_clock.due_week,
    figure_clock.MONTH: figure_clock.due_month,
    figure_clock.SAID: figure_clock.due_said,
    members.DIGEST: members.due_digest,
    ticket_files.WAIT: ticket_files.due_file,
    offices.DEPUTY: offices.due_back,
    offices.TERM: offices.due_term,
    handovers.HANDOVER: handovers.due_question,
    quiet.MOURNING: quiet.due_mourning,
}
_RETRY = timedelta(minutes=5)


def tick(tx: Tx, now: datetime, rules: Rules) -> int:
    """Fire what is due; returns how many fired. A timer that fails is tried again later and stops no other."""
    due = timers.take_due(tx, now=now)
    for timer in due:
        cause = f"t:{timer.id}:{timer.due_at.isoformat()}"
        turn = Turn(tx, timer.bot_id, cause, now, rules)
        try:
            with tx.begin_nested():
                _DUE[timer.kind](turn, timer.data)
                turn.flush()
        except Exception as error:
            if is_passing(error):
                raise
            log.exception("timer %s %s failed", timer.kind, timer.id)
            later = now + _RETRY
            timers.set_timer(tx, timer.kind, timer.key, bot_id=timer.bot_id, due_at=later, data=timer.data)
    return len(due)


def next_due(tx: Tx) -> datetime | None:
    return timers.next_due(tx)


def forget_old(tx: Tx, now: datetime, rules: Rules | None = None) -> dict[str, int]:
    """Retention; returns rows removed, by kind."""
    return retention.forget_old(tx, now, rules or Rules())
