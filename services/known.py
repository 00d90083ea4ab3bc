"""Known matters (挂通知): an outage that everybody is told of once an hour, and that is no ticket until it is over."""

from datetime import datetime, timedelta
from typing import Any

from domain.errors import Refusal
from domain.messages import Address, Outgoing
from domain.people import Chat, Person, Place
from domain.promises import quiet_end
from domain.rights import Action
from services import conversations, rights
from services.turn import Turn
from storage import audit, known, places, timers
from storage import people as people_rows
from storage.known import Known
from texts import options, pattern, say, wording

__all__ = [
    "CATEGORIES",
    "OVER",
    "Known",
    "answer",
    "due_over",
    "end",
    "find",
    "get",
    "hang",
    "kind",
    "prolong",
    "text",
    "within",
]

OVER = "known.over"
CATEGORIES = ("water", "power", "gas", "lift")
LONGEST = timedelta(days=7)
MORE = timedelta(hours=2)
_AGAIN = timedelta(hours=1)  # between two answers in the group


def kind(words: str) -> str:
    """Which outage the words are about; "": none."""
    return next((each for each in CATEGORIES if pattern(f"known.{each}").search(words)), "")


def hang(turn: Turn, person: Person, place: Place, *, category: str, summary: str, until: datetime) -> Known:
    """Put it up, or prolong what is up already; the groups of the place hear of it once."""
    rights.check_right(turn, person, Action.HANDLE, rights.body_at(turn, place))
    if not turn.now < until <= turn.now + LONGEST:
        raise Refusal("known.too_long", days=LONGEST.days)
    here = known.at(turn.tx, place.compound_id, place.building_id, turn.now)
    for earlier in here:
        if earlier.category == category and earlier.building_id == place.building_id:
            known.end(turn.tx, earlier.id, at=turn.now)
            timers.cancel(turn.tx, OVER, str(earlier.id))
    values: dict[str, Any] = {"compound_id": place.compound_id, "building_id": place.building_id}
    values |= {"category": category, "summary": summary, "until": until, "set_by": person.id}
    matter = Known(id=known.add(turn.tx, **values, since=turn.now), **values, ended_at=None)
    _record(turn, person, matter, "hung")
    _watch(turn, matter, until)
    _tell(turn, matter, text(turn, matter))
    return matter


def find(turn: Turn, place: Place, category: str = "") -> list[Known]:
    """What concerns a place, of that category if one is named."""
    found = known.at(turn.tx, place.compound_id, place.building_id, turn.now)
    return [matter for matter in found if category in ("", matter.category)]


def within(turn: Turn, place: Place, category: str = "") -> list[Known]:
    """What is up there; without a building in any building of the compound."""
    if place.building_id:
        return find(turn, place, category)
    return [each for each in known.within(turn.tx, place.compound_id, turn.now) if category in ("", each.category)]


def get(turn: Turn, known_id: int) -> Known | None:
    """None where it has ended."""
    found = known.get(turn.tx, known_id)
    return found if found and found.ended_at is None else None


def answer(turn: Turn, matter: Known, *, private: bool) -> str:
    """What who asks is told; "" in a group where it was said within the hour."""
    due = private or known.said(turn.tx, matter.id, at=turn.now, before=turn.now - _AGAIN)
    return text(turn, matter) if due else ""


def text(turn: Turn, matter: Known) -> str:
    """📌 停水到下午5点，供水公司在修管子"""
    what, _, why = matter.summary.partition("，")
    until = wording.moment(matter.until.astimezone(turn.rules.zone), turn.local)
    return say("known.said", what=what, why=why, until=until, back=say(f"known.back_{matter.category}"))


def end(turn: Turn, person: Person, matter: Known) -> None:
    """It is over: one line in the groups."""
    place = Place(matter.compound_id, matter.building_id)
    rights.check_right(turn, person, Action.HANDLE, rights.body_at(turn, place))
    if known.end(turn.tx, matter.id, at=turn.now):
        timers.cancel(turn.tx, OVER, str(matter.id))
        _record(turn, person, matter, "ended")
        _tell(turn, matter, say("known.over", back=say(f"known.back_{matter.category}")))


def prolong(turn: Turn, person: Person, matter: Known) -> datetime:
    until = turn.now + MORE
    known.prolong(turn.tx, matter.id, until)
    _record(turn, person, matter, "prolonged")
    _watch(turn, matter, until)
    return until


def due_over(turn: Turn, data: dict[str, Any]) -> None:
    """The hour has come: who put it up is asked whether it is over; in the middle of another dialog, a little later."""
    matter = get(turn, data["known"])
    user = people_rows.find_user(turn.tx, turn.bot_id, matter.set_by) if matter and matter.set_by else None
    if matter is None or user is None:
        return
    morning = quiet_end(turn.now, turn.rules)
    if morning > turn.now:
        _watch(turn, matter, morning)
        return
    question = say("known.over_question", back=say(f"known.back_{matter.category}"))
    about: dict[str, Any] = {"flow": OVER, "pending": "came", "args": {"known": matter.id}}
    if not conversations.begin(turn, user, question, **about, labels=options("known.over_choices")):
        _watch(turn, matter, turn.now + conversations.LATER)


def _tell(turn: Turn, matter: Known, words: str) -> None:
    """The residents' groups of the place; of one building, not the compound's."""
    due = quiet_end(turn.now, turn.rules)
    for chat in places.residents_chats(turn.tx, turn.bot_id, [matter.compound_id]):
        if _concerns(matter, chat):
            turn.say(Outgoing(Address(chat.chat_id), words), due_at=due)


def _concerns(matter: Known, chat: Chat) -> bool:
    return matter.building_id in (None, chat.place.building_id)


def _watch(turn: Turn, matter: Known, at: datetime) -> None:
    timers.set_timer(turn.tx, OVER, str(matter.id), bot_id=turn.bot_id, due_at=at, data={"known": matter.id})


def _record(turn: Turn, person: Person, matter: Known, action: str) -> None:
    audit.record(
        turn.tx,
        at=turn.now,
        compound_id=matter.compound_id,
        actor_id=person.id,
        subject="known",
        subject_id=matter.id,
        action=action,
        category=matter.category,
    )
