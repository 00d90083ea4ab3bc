"""The bot is quiet in a group of residents: by a head's word, or by itself after a death notice."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from domain.errors import Refusal
from domain.messages import Address, Outgoing
from domain.people import Chat, Person, Place
from domain.promises import quiet_end
from domain.rights import Action, may
from services import binding, people, rights
from services.turn import Turn
from storage import people as stored
from storage import places, timers
from texts import say, wording

LONGEST = timedelta(days=7)
MOURNING = "mourning"  # a timer: the heads hear in the morning of what began at night


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups of one building, or those of the whole compound."""

    title: str
    chats: tuple[Chat, ...]


def here(turn: Turn, person: Person, chat: Chat) -> Groups:
    """The group in which it is said. Refusal for who may not."""
    rights.check_right(turn, person, Action.QUIET, rights.body_at(turn, chat.place))
    return Groups(binding.title(chat.place, False), (chat,))


def of_building(turn: Turn, person: Person, building: str, *, whole: bool = False) -> Groups:
    """The groups of a building, or (whole) those for all buildings."""
    place = binding.place_meant(turn, person, building, whole=whole)
    rights.check_right(turn, person, Action.QUIET, rights.body_at(turn, place))
    chats = places.residents_chats(turn.tx, turn.bot_id, [place.compound_id])
    own = tuple(chat for chat in chats if chat.place.building_id == place.building_id)
    if not own:
        raise Refusal("members.no_chat", title=binding.title(place, False))
    return Groups(binding.title(place, False), own)


def choices(turn: Turn, person: Person, chat: Chat | None) -> list[Groups]:
    """All that the person may have quiet, by building; in a building's work chat those of that building alone."""
    if not may(person, Action.QUIET):
        rights.check_right_here(turn, person, Action.QUIET, chat)
    served = sorted({each for post in person.posts for each in people.compounds_under(turn, post.body)})
    found: dict[Place, list[Chat]] = {}
    for each in places.residents_chats(turn.tx, turn.bot_id, served):
        place = Place(each.place.compound_id, each.place.building_id, building=each.place.building)
        elsewhere = chat is not None and chat.place.building_id not in (None, place.building_id)
        if not elsewhere:
            found.setdefault(place, []).append(each)
    allowed = [place for place in found if may(person, Action.QUIET, rights.body_at(turn, place))]
    if not allowed:
        raise Refusal("quiet.no_group")
    return [Groups(binding.title(place, False), tuple(found[place])) for place in allowed]


def is_quiet(turn: Turn, groups: Groups) -> bool:
    return any(is_quiet_in(turn, chat) for chat in groups.chats)


def is_quiet_in(turn: Turn, chat: Chat) -> bool:
    return _until(turn, chat) > turn.now


def start(turn: Turn, person: Person, groups: Groups, until: datetime) -> str:
    """Nothing but what is urgent is said there until then. Returns the moment in words."""
    if until <= turn.now:
        raise Refusal("quiet.which_until")
    if until - turn.now > LONGEST:
        raise Refusal("quiet.too_long", days=LONGEST.days)
    _set(turn, person, groups, until, "quiet")
    return wording.moment(until.astimezone(turn.rules.zone), turn.local)


def end(turn: Turn, person: Person, groups: Groups) -> None:
    """What was kept goes out now."""
    if not is_quiet(turn, groups):
        raise Refusal("quiet.not_quiet", title=groups.title)
    _set(turn, person, groups, turn.now, "quiet_over")


def _set(turn: Turn, person: Person, groups: Groups, until: datetime, action: str) -> None:
    for chat in groups.chats:
        rights.check_right(turn, person, Action.QUIET, rights.body_at(turn, chat.place))
        _keep(turn, chat, until, action, actor=person.id)


def mourn(turn: Turn, chat: Chat) -> bool:
    """A death notice was read in the group, from somebody of the compound: the bot is quiet there for half a day, and
    the heads hear how that is ended. False where it is quiet already, or somebody else said it."""
    speaker = stored.find_person(turn.tx, turn.bot_id, turn.speaker)
    if speaker is None or is_quiet_in(turn, chat):
        return False
    lives_here = speaker.place is not None and speaker.place.compound_id == chat.place.compound_id
    if not lives_here and not may(speaker, Action.QUIET, rights.body_at(turn, chat.place)):
        return False
    until = turn.now + timedelta(hours=turn.rules.mourning_hours)
    _keep(turn, chat, until, "mourning", actor=0)
    due, data = quiet_end(turn.now, turn.rules), {"chat": Address(chat.chat_id).group}
    if due > turn.now:  # by day, and only if it is quiet still
        timers.set_timer(turn.tx, MOURNING, f"{turn.bot_id}:{data['chat']}", bot_id=turn.bot_id, due_at=due, data=data)
    else:
        _tell_heads(turn, chat)
    return True


def due_mourning(turn: Turn, data: dict[str, Any]) -> None:
    chat = places.find_chat(turn.tx, turn.bot_id, data["chat"])
    if chat and is_quiet_in(turn, chat):
        _tell_heads(turn, chat)


def _tell_heads(turn: Turn, chat: Chat) -> None:
    shown = wording.moment(_until(turn, chat).astimezone(turn.rules.zone), turn.local)
    text = say("quiet.mourning", title=binding.title(chat.place, False), until=shown)
    body = rights.body_at(turn, chat.place)
    for each in (body, *people.above(turn, body)):
        if heads := people.heads(turn, each):
            for user in heads:
                turn.say(Outgoing(Address(user, private=True), text))
            break


def _keep(turn: Turn, chat: Chat, until: datetime, action: str, *, actor: int) -> None:
    chat_id = Address(chat.chat_id).group
    places.set_quiet(turn.tx, chat.bot_id, chat_id, until)
    compound = chat.place.compound_id
    binding.record(turn, "chat", 0, action, actor=actor, compound=compound, chat=chat_id, until=until.isoformat())


def _until(turn: Turn, chat: Chat) -> datetime:
    """Until when the bot is quiet there; a moment of the past where it never was."""
    return places.quiet_until(turn.tx, chat.bot_id, Address(chat.chat_id).group) or turn.now
