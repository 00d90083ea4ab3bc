"""Quick polls: opened by heads, one vote a household, answered privately, ended by the clock. No formal decision."""

import secrets
from datetime import datetime
from typing import Any

from domain import polls as rules
from domain.errors import Refusal
from domain.messages import Address, Choice, Outgoing
from domain.people import Chat, Person, Place
from domain.polls import Draft, Poll
from domain.promises import quiet_end
from domain.rights import Action, may
from services import binding, people, rights
from services.turn import Turn
from storage import audit, offices, polls, timers
from storage import people as people_rows
from texts import say, wording

CLOSE, TALLY = "poll.close", "poll.tally"


# --- opening --------------------------------------------------------------------------------------------------------


def check_place(turn: Turn, person: Person, chat: Chat | None) -> Place:
    """Where a poll of this person would go: the chat's place, else the building they lead. Refusal for who may not."""
    if not may(person, Action.OPEN_POLL):
        rights.check_right_here(turn, person, Action.OPEN_POLL, chat)
    place = chat.place if chat else binding.place_meant(turn, person)
    place = Place(place.compound_id, place.building_id, building=place.building)
    rights.check_right(turn, person, Action.OPEN_POLL, rights.body_at(turn, place))
    if not binding.chats_of(turn, place, work=False):
        raise Refusal("polls.no_group", title=binding.title(place, False))
    return place


def check_draft(turn: Turn, place: Place, draft: Draft) -> None:
    if fault := rules.check(draft, turn.now):
        raise Refusal(f"polls.fault_{fault.value}", most=rules.MOST, days=rules.LONGEST.days, long=rules.OPTION)
    for poll in polls.running(turn.tx, place.compound_id):
        if poll.is_open(turn.now) and poll.building_id == place.building_id and poll.title == draft.title:
            raise Refusal("polls.same_title", number=poll.number)


def open_poll(turn: Turn, person: Person, place: Place, draft: Draft) -> Poll:
    """It is posted in the groups of the place, and ends by itself."""
    rights.check_right(turn, person, Action.OPEN_POLL, rights.body_at(turn, place))
    check_draft(turn, place, draft)
    number = polls.add(
        turn.tx,
        title=draft.title,
        options=draft.options,
        series=place.compound_id,
        number=audit.next_number(turn.tx, f"poll:{place.compound_id}"),
        bot_id=turn.bot_id,
        compound_id=place.compound_id,
        building_id=place.building_id,
        starter_id=person.id,
        secret=draft.secret,
        hidden=draft.hidden,
        opens_at=turn.now,
        closes_at=draft.closes_at,
    )
    poll = polls.get(turn.tx, number)
    _record(turn, poll, "opened", actor=person.id)
    _post(turn, poll, post_text(turn, poll), choices(poll))
    at = {CLOSE: {"": poll.closes_at}, TALLY: rules.moments(poll.opens_at, poll.closes_at)}
    for kind, moments in at.items():
        for name, moment in moments.items():
            key, data = f"{poll.id}{name}", {"poll": poll.id}
            timers.set_timer(turn.tx, kind, key, bot_id=turn.bot_id, due_at=moment, data=data)
    return poll


def post_text(turn: Turn, poll: Poll) -> str:
    key = "polls.post_secret" if poll.secret else "polls.post"
    return say(key, title=poll.title, number=poll.number, until=_moment(turn, poll.closes_at))


def choices(poll: Poll) -> tuple[Choice, ...]:
    """What a press says: the whole command, so that it counts wherever it is pressed."""
    return tuple(
        Choice(number, option, f"P{poll.number} {number}") for number, option in enumerate(poll.options, start=1)
    )


# --- finding --------------------------------------------------------------------------------------------------------


def around(turn: Turn, person: Person, chat: Chat | None) -> list[Poll]:
    """The open polls of the chat's place, in private those of the person's own homes and of the places they lead."""
    compound = people.compound_meant(turn, person, chat)
    found = [poll for poll in polls.running(turn.tx, compound) if poll.is_open(turn.now)] if compound else []
    if chat:
        here = chat.place.building_id
        return [poll for poll in found if here is None or poll.building_id in (None, here)]
    return [poll for poll in found if _concerns(turn, person, poll)]


def numbered(turn: Turn, person: Person, chat: Chat | None, number: int) -> Poll:
    compound = people.compound_meant(turn, person, chat)
    poll = polls.numbered(turn.tx, compound, number) if compound else None
    if not compound and person.household_id is None:
        raise Refusal("polls.no_home", number=number)
    if poll is None:
        raise Refusal("polls.unknown", number=number)
    return poll


def _concerns(turn: Turn, person: Person, poll: Poll) -> bool:
    return polls.household_of(turn.tx, poll, person.id) is not None or leads(turn, person, poll)


def leads(turn: Turn, person: Person, poll: Poll) -> bool:
    """Who may end it, and have it reminded of: who started it, and whoever might have."""
    return person.id == poll.starter_id or may(person, Action.OPEN_POLL, _body(turn, poll))


def check_leads(turn: Turn, person: Person, poll: Poll) -> None:
    if person.id == 0 or person.id != poll.starter_id:
        rights.check_right(turn, person, Action.OPEN_POLL, _body(turn, poll))


def _body(turn: Turn, poll: Poll) -> Any:
    return rights.body_at(turn, Place(poll.compound_id, poll.building_id))


# --- voting ---------------------------------------------------------------------------------------------------------


def household(turn: Turn, person: Person, poll: Poll) -> int:
    """The home the person votes for; Refusal that says how to join, or why not."""
    found = polls.household_of(turn.tx, poll, person.id) if person.id else None
    if found is None:
        raise Refusal("polls.not_asked" if person.household_id else "polls.no_home", number=poll.number)
    return found


def standing(turn: Turn, person: Person, poll: Poll) -> tuple[int | None, bool] | None:
    """(what the household chose, whether this person did); None where it has not voted."""
    found = polls.voter(turn.tx, poll.id, household(turn, person, poll))
    return (found[1], found[0] in (person.id, None)) if found else None


def vote(turn: Turn, person: Person, poll: Poll, choice: int, *, instead: bool = False) -> None:
    """Once for the household, whoever says it first; a later word of the same person changes it, another's only with
    `instead`."""
    home = household(turn, person, poll)
    _hold(turn, poll)
    if polls.vote(turn.tx, poll.id, home, person.id, None if poll.secret else choice):
        if poll.secret:  # not in the audit log, which has a time and a name
            polls.add_ballot(turn.tx, poll.id, secrets.token_hex(16), choice)
        else:
            _record(turn, poll, "voted", actor=person.id, household=home, choice=choice)
        return
    if poll.secret:
        raise Refusal("polls.voted_secret", number=poll.number)
    found = polls.voter(turn.tx, poll.id, home, held=True)
    if found is None or (found[0] not in (person.id, None) and found[1] != choice and not instead):
        raise Refusal("polls.meanwhile", number=poll.number)
    if found[1] == choice:
        return
    polls.change(turn.tx, poll.id, home, person.id, choice)
    _record(turn, poll, "changed", actor=person.id, household=home, choice=choice)
    _tell_first(turn, person, poll, found[0], "polls.told_first", option=poll.options[choice - 1], choice=choice)


def withdraw(turn: Turn, person: Person, poll: Poll) -> None:
    if poll.secret:
        raise Refusal("polls.voted_secret", number=poll.number)
    home = household(turn, person, poll)
    _hold(turn, poll)
    found = polls.voter(turn.tx, poll.id, home, held=True)
    if found is None or not polls.withdraw(turn.tx, poll.id, home):
        raise Refusal("polls.not_voted", number=poll.number)
    _record(turn, poll, "withdrawn", actor=person.id, household=home)
    _tell_first(turn, person, poll, found[0], "polls.told_withdrawn")


def _hold(turn: Turn, poll: Poll) -> None:
    """A ballot that is accepted is counted: closing waits for it."""
    if not poll.is_open(turn.now) or not polls.hold(turn.tx, poll.id):
        raise Refusal("polls.over", number=poll.number)


def _tell_first(turn: Turn, person: Person, poll: Poll, first: int | None, key: str, **data: object) -> None:
    """Who voted for the household before hears it, privately and alone."""
    user = people_rows.find_user(turn.tx, turn.bot_id, first) if first and first != person.id else None
    if user:
        people.tell_person(turn, user, say(key, number=poll.number, **data))


# --- how far it is --------------------------------------------------------------------------------------------------


def result(turn: Turn, person: Person, poll: Poll, chat: Chat | None) -> str:
    """What who belongs to the place may know now."""
    here = chat is not None and chat.place.compound_id == poll.compound_id
    here = here and chat is not None and poll.building_id in (None, chat.place.building_id)
    if not here and not (person.id and _concerns(turn, person, poll)):
        raise Refusal("polls.elsewhere", number=poll.number)
    if poll.shows_counts(turn.now):
        return _result(turn, poll)
    return say("polls.hidden", **_turnout(turn, poll))


def _result(turn: Turn, poll: Poll) -> str:
    found = polls.counts(turn.tx, poll)
    shares = [
        say("polls.share", option=option, count=found.get(number, 0))
        for number, option in enumerate(poll.options, start=1)
    ]
    key = "polls.so_far" if poll.is_open(turn.now) else "polls.outcome"
    return say(key, title=poll.title, shares=say("polls.comma").join(shares), **_turnout(turn, poll))


def _turnout(turn: Turn, poll: Poll) -> dict[str, Any]:
    asked, voted = polls.asked(turn.tx, poll), polls.voted(turn.tx, poll.id)
    until = _moment(turn, poll.closes_at)
    return {"number": poll.number, "asked": asked, "voted": voted, "left": max(asked - voted, 0), "until": until}


def due_tally(turn: Turn, data: dict[str, Any]) -> None:
    """The post gains a line where it can be edited, else it is said anew. Never a count of the choices."""
    poll = polls.get(turn.tx, data["poll"])
    if not poll.is_open(turn.now) or quiet_end(turn.now, turn.rules) >= poll.closes_at:
        return
    said = say("polls.tally", **_turnout(turn, poll))
    _post(turn, poll, f"{post_text(turn, poll)}\n{said}", choices(poll))


# --- reminding and the end ------------------------------------------------------------------------------------------


def remind(turn: Turn, person: Person, poll: Poll) -> int:
    """Each household that has not voted, once, one private word; returns how many."""
    check_leads(turn, person, poll)
    _hold(turn, poll)
    if not polls.mark_reminded(turn.tx, poll.id, turn.now):
        raise Refusal("polls.reminded_already", number=poll.number)
    text = say("polls.reminder", number=poll.number, title=poll.title, until=_moment(turn, poll.closes_at))
    users, due = polls.silent(turn.tx, poll), quiet_end(turn.now, turn.rules)
    for user in users:
        turn.say(Outgoing(Address(user, private=True), text, choices(poll)), due_at=due)
    _record(turn, poll, "reminded", actor=person.id, households=len(users))
    return len(users)


def end(turn: Turn, person: Person, poll: Poll) -> None:
    """Before its hour."""
    check_leads(turn, person, poll)
    if not _close(turn, poll, actor=person.id):
        raise Refusal("polls.over", number=poll.number)


def due_close(turn: Turn, data: dict[str, Any]) -> None:
    _close(turn, polls.get(turn.tx, data["poll"]), actor=None)


def _close(turn: Turn, poll: Poll, *, actor: int | None) -> bool:
    """Once: the groups read the result."""
    if not polls.close(turn.tx, poll.id, turn.now):
        return False
    timers.cancel(turn.tx, CLOSE, str(poll.id))
    for name in rules.moments(poll.opens_at, poll.closes_at):
        timers.cancel(turn.tx, TALLY, f"{poll.id}{name}")
    poll = polls.get(turn.tx, poll.id)
    _record(turn, poll, "closed", actor=actor, voted=polls.voted(turn.tx, poll.id))
    due = quiet_end(turn.now, turn.rules)
    for chat in binding.chats_of(turn, _place(turn, poll), work=False):
        turn.say(Outgoing(Address(chat.chat_id), _result(turn, poll)), due_at=due)
    return True


def _post(turn: Turn, poll: Poll, text: str, answers: tuple[Choice, ...]) -> None:
    due = quiet_end(turn.now, turn.rules)
    for chat in binding.chats_of(turn, _place(turn, poll), work=False):
        turn.say(Outgoing(Address(chat.chat_id), text, answers, post=f"poll:{poll.id}"), due_at=due)


def _place(turn: Turn, poll: Poll) -> Place:
    return Place(poll.compound_id, poll.building_id)


def title_of(turn: Turn, poll: Poll) -> str:
    """3栋群: where it was posted."""
    building = offices.building_of(turn.tx, _body(turn, poll)) if poll.building_id else ""
    return binding.title(Place(poll.compound_id, poll.building_id, building=building), False)


def _moment(turn: Turn, at: datetime) -> str:
    return wording.moment(at.astimezone(turn.rules.zone), turn.local)


def _record(turn: Turn, poll: Poll, action: str, *, actor: int | None, **data: Any) -> None:
    audit.record(
        turn.tx,
        at=turn.now,
        compound_id=poll.compound_id,
        actor_id=actor,
        subject="poll",
        subject_id=poll.id,
        action=action,
        **data,
    )
