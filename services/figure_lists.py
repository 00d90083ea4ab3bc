"""The lists a secretary works through: not content, shelved, repeated places, not called back, corrections."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from domain.figures import UNREACHED, Period
from domain.people import Body
from services import ticket_figures, ticket_notices
from services.turn import Turn
from storage import ticket_lists
from texts import say
from texts.wording import place as place_name

MOST = 20


def lines(turn: Turn, body: Body, name: str, period: Period) -> list[str]:
    """The list of that name, its heading first."""
    return _LISTS[name](turn, body, period)


def _unhappy(turn: Turn, body: Body, period: Period) -> list[str]:
    where = ticket_figures.within(turn, body)
    found = ticket_lists.unhappy(turn.tx, where, period.start, period.end, most=MOST)
    heading = say("figures.list_unhappy", month=period.start.month)
    return _shown(heading, [_line(row, _unhappy_note(row)) for row in found])


def _unhappy_note(row: dict[str, Any]) -> str:
    answer = _answer(row["answer"])
    return answer if row["closed_at"] else say("figures.note_redo", answer=answer)


def _shelved(turn: Turn, body: Body, period: Period) -> list[str]:
    found = ticket_lists.shelved(turn.tx, ticket_figures.within(turn, body), MOST)

    def note(row: dict[str, Any]) -> str:
        review = row["review_at"]
        return say("figures.note_review", day=ticket_notices.day(turn, review)) if review else ""

    return _shown(say("figures.list_shelved"), [_line(row, note(row)) for row in found])


def _uncalled(turn: Turn, body: Body, period: Period) -> list[str]:
    where = ticket_figures.within(turn, body)
    found = ticket_lists.uncalled(turn.tx, where, period.start, period.end, most=MOST + 1)

    def note(row: dict[str, Any]) -> str:
        key = "figures.note_unreached" if row["answer"] == UNREACHED else "figures.note_closed"
        return say(key, day=ticket_notices.day(turn, row["closed_at"]))

    heading = say("figures.list_uncalled", month=period.start.month)
    return _shown(heading, [_line(row, note(row)) for row in found])


def _repeated(turn: Turn, body: Body, period: Period) -> list[str]:
    rules = turn.rules.figures
    start = turn.now - timedelta(days=rules.repeat_days)
    where = ticket_figures.within(turn, body)
    found = ticket_lists.repeated(turn.tx, where, start, turn.now, times=rules.repeat_times, most=MOST)
    several = len(where.compounds) > 1
    shown = [
        say(
            "figures.list_repeated_line",
            place=f"{compound if several else ''}{place_name(building)}",
            category=say(f"categories.{category}"),
            count=count,
        )
        for compound, building, category, count in found
    ]
    return _shown(say("figures.list_repeated", days=rules.repeat_days, times=rules.repeat_times), shown)


def _corrections(turn: Turn, body: Body, period: Period) -> list[str]:
    changed = ticket_figures.corrections(turn, body, period)
    shown = [
        say(
            "figures.list_correction_line",
            number=each.number,
            was=_answer(each.was),
            now=say("figures.answer_reopened") if each.now is None else _answer(each.now),
        )
        for each in changed
    ]
    month = period.start.month
    return _shown(say("figures.list_corrections", month=month), shown)


def _answer(code: str) -> str:
    return say(f"figures.answer_{code or 'silent'}")


def _line(row: dict[str, Any], note: str) -> str:
    place = place_name(row["building"])
    return say("figures.list_line", number=row["number"], place=place, summary=row["summary"], note=note)


def _shown(heading: str, found: list[str]) -> list[str]:
    if not found:
        return [heading, say("figures.list_none")]
    more = [say("figures.list_more", most=MOST)] if len(found) > MOST else []
    return [heading, *found[:MOST], *more]


_LISTS: dict[str, Callable[[Turn, Body, Period], list[str]]] = {
    "unhappy": _unhappy,
    "shelved": _shelved,
    "repeated": _repeated,
    "uncalled": _uncalled,
    "corrections": _corrections,
}
