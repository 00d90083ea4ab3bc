"""What a platform tells of a chat or of itself: recorded, followed, and told to those who look after the bot."""

from collections.abc import Sequence
from datetime import datetime

from domain.messages import Address, Event, Happening, Outgoing
from domain.promises import quiet_end
from services import ticket_intake
from services.turn import Turn
from storage import audit, conversations, members, outbox, people, places, tickets
from texts import say, wording

_STATES = {Happening.REMOVED: places.GONE, Happening.MUTED: places.MUTED}


def happened(turn: Turn, event: Event, admins: Sequence[str]) -> None:
    """One event; `admins`: user ids of those who are told. What is no news is passed over."""
    if event.what is Happening.RECALLED:
        ticket_intake.recalled(turn, event)
        return
    if event.address is None:
        words = _platform(turn, event)
    elif event.address.private:
        words = _person(turn, event, event.address.chat)
    else:
        words = _group(turn, event, event.address.group)
    if words:
        due = quiet_end(turn.now, turn.rules)
        for user in admins:
            turn.say(Outgoing(Address(user, private=True), words), due_at=due)


def _platform(turn: Turn, event: Event) -> str:
    """The line or the account. Where it is only lost or waits for a scan, no word would arrive; the log says it."""
    _record(turn, event, "platform", 0, None)
    if event.what is Happening.LOGGED_OUT:
        return say("chats.logged_out", when=_hour(turn, event.at))
    if event.what is Happening.BACK and event.detail:
        since = datetime.fromisoformat(event.detail)
        return say("chats.back", since=_hour(turn, since), until=_hour(turn, event.at))
    return ""


def _person(turn: Turn, event: Event, user: str) -> str:
    """Somebody opened or closed their private chat. Residents are not named: only how the bot helps itself is said."""
    if event.what is Happening.RESTORED:
        person_id = people.open_private(turn.tx, turn.bot_id, user)
        release(turn, user)
    else:
        person_id = people.close_private(turn.tx, turn.bot_id, user, event.at)
    if person_id is None:
        return ""
    posts = people.posts_of(turn.tx, person_id)
    _record(turn, event, "person", person_id, posts[-1].body.compound_id if posts else None)
    if event.what is Happening.RESTORED or (event.what is Happening.UNOPENED and not posts):
        return ""
    if not posts:
        return say("chats.blocked")
    person = people.find_person(turn.tx, turn.bot_id, user)
    return say("chats.blocked_officer", name=person.name if person else "", body=posts[-1].body.name)


def _group(turn: Turn, event: Event, chat_id: str) -> str:
    if event.what is Happening.RESTORED and not places.set_state(turn.tx, turn.bot_id, chat_id, places.OPEN):
        return ""
    chat = places.find_chat(turn.tx, turn.bot_id, chat_id)
    if event.what in (Happening.CAME, Happening.LEFT):
        if chat and chat.body_id is None:
            _members(turn, event, chat_id)
        return ""
    if event.what is Happening.MOVED:
        moved = places.move_chat(turn.tx, turn.bot_id, chat_id, event.detail)
        tickets.move_chat(turn.tx, turn.bot_id, chat_id, event.detail)
        members.move_leavers(turn.tx, turn.bot_id, chat_id, event.detail)
        outbox.move_chat(turn.tx, bot_id=turn.bot_id, old=chat_id, new=event.detail)
    elif event.what in _STATES:
        moved = places.set_state(turn.tx, turn.bot_id, chat_id, _STATES[event.what])
    else:
        moved = True
    if chat is None or not moved:
        return ""
    _record(turn, event, "chat", 0, chat.place.compound_id, chat=chat_id)
    return say(f"chats.{event.what}", title=chat.title)


def _members(turn: Turn, event: Event, chat_id: str) -> None:
    """Who left a residents' group, for its heads to ask about. Of people the bot does not know nothing is kept."""
    for user in event.detail.split():
        if event.what is Happening.CAME:
            members.come_back(turn.tx, turn.bot_id, chat_id, user)
        elif person := people.find_person(turn.tx, turn.bot_id, user):
            members.leave(turn.tx, turn.bot_id, chat_id, user, person_id=person.id, at=event.at)


def opened(turn: Turn, user: str) -> bool:
    """Somebody wrote to the bot privately, so it may write to them; as `release`."""
    people.open_private(turn.tx, turn.bot_id, user)
    return release(turn, user)


def release(turn: Turn, user: str) -> bool:
    """Somebody may be written to: what was kept for them in the last days is said now, but no
    question that is open no more. False where nothing was kept."""
    since = turn.now - turn.rules.dialog_window
    kept = outbox.held(turn.tx, bot_id=turn.bot_id, chat_id=user, since=since)
    if not kept:
        return False
    waiting = conversations.find(turn.tx, turn.bot_id, user, user, turn.now)
    for row, question in kept:
        if not question or (waiting and waiting.question == question):
            outbox.release(turn.tx, row, now=turn.now)
    return True


def _record(turn: Turn, event: Event, subject: str, number: int, compound_id: int | None, **data: str) -> None:
    audit.record(
        turn.tx,
        at=turn.now,
        compound_id=compound_id,
        actor_id=None,
        subject=subject,
        subject_id=number,
        action=event.what.value,
        bot=turn.bot_id,
        **data,
    )


def _hour(turn: Turn, at: datetime) -> str:
    return wording.moment(at.astimezone(turn.rules.zone), turn.local)
