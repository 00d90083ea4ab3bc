"""A chat is bound to its place by a head's one-time code; a new group takes the place of an old one the same way."""

from datetime import timedelta

from domain.errors import Refusal
from domain.messages import Address, Outgoing
from domain.people import Chat, Level, Person, Place
from domain.promises import quiet_end
from domain.rights import Action, allows
from services import people, rights
from services.codes import draw
from services.turn import Turn
from storage import audit, codes, offices, outbox, places, tickets
from storage import people as people_rows
from storage.codes import Found
from texts import say, wording

CHAT = codes.CHAT
VALID = timedelta(minutes=30)
_HOUR, _TRIES = timedelta(hours=1), 5


def place_meant(turn: Turn, person: Person, building: str = "", *, whole: bool = False) -> Place:
    """The building named, else the one the person leads, else (whole, or who leads no building) the compound."""
    own = [post.body for post in person.posts if post.body.level is Level.BUILDING_GROUP and post.body.building_id]
    compound = own[0].compound_id if own else _compound(turn, person)
    if compound is None:
        raise Refusal("members.which_compound")
    if building:
        found = places.find_building(turn.tx, compound, building)
        if found is None:
            raise Refusal("members.no_building", building=building)
        return Place(compound, found, building=building)
    if own and not whole:
        return Place(compound, own[0].building_id, building=offices.building_of(turn.tx, own[0]))
    return Place(compound)


def _compound(turn: Turn, person: Person) -> int | None:
    served = {compound for post in person.posts for compound in people.compounds_under(turn, post.body)}
    known = served or set(places.compounds(turn.tx, turn.bot_id))
    home = person.place.compound_id if person.place else None
    if len(known) == 1:
        return known.pop()
    return home if home in known else None


def title(place: Place, work: bool) -> str:
    """3栋群, 3栋工作群, 小区群."""
    return say("members.title_work" if work else "members.title", building=place.building)


def new_code(turn: Turn, person: Person, place: Place, *, work: bool, old: str = "") -> str:
    """A code that binds one group to the place; `old`: the chat whose place the new group takes."""
    body = rights.body_at(turn, place)
    rights.check_right(turn, person, Action.BIND_CHAT, body)
    target = {"building_id": place.building_id, "building": place.building, "body_id": body.id if work else None}
    target |= {"old": old, "bot": turn.bot_id} if old else {}
    until = turn.now + VALID
    code = draw(turn, codes.CHAT, 6, compound=place.compound_id, made_by=person.id, until=until, target=target)
    record(turn, "code", 0, "made_chat", actor=person.id, compound=place.compound_id, building=place.building_id)
    return code


def chats_of(turn: Turn, place: Place, *, work: bool) -> list[Chat]:
    """The groups bound there on this bot."""
    return [chat for chat in places.chats_at(turn.tx, turn.bot_id, place) if (chat.body_id is not None) == work]


def look_up(turn: Turn, kind: str, code: str, person: Person, *chats: str) -> Found | None:
    """The code where it is right; a wrong one is counted for each of these chats. Refused after five an hour."""
    for chat in chats:
        if codes.misses(turn.tx, bot_id=turn.bot_id, chat_id=chat, since=turn.now - _HOUR) >= _TRIES:
            raise Refusal("members.too_many")
    found = codes.find(turn.tx, kind=kind, code=code, now=turn.now)
    if found is None:
        missed(turn, kind, person, *chats)
    return found


def stands(turn: Turn, found: Found, action: Action, place: Place) -> bool:
    """Whether who made the code may still make one: the word of somebody dismissed is over."""
    body = rights.body_at(turn, place)
    return any(allows(post, action, body) for post in people_rows.posts_of(turn.tx, found.made_by or 0))


def missed(turn: Turn, kind: str, person: Person, *chats: str) -> None:
    for chat in chats:
        codes.miss(turn.tx, bot_id=turn.bot_id, chat_id=chat, at=turn.now)
    record(turn, "code", 0, f"wrong_{kind}", actor=person.id)


def bind(turn: Turn, person: Person, chat_id: str, found: Found) -> None:
    """The group where the code was said is bound, or takes the old one's place; it hears whose bot this is, once."""
    target = found.target
    place = Place(found.compound_id, target["building_id"], building=target["building"])
    body = people.get_body(turn, target["body_id"]) if target["body_id"] else None
    old, name = target.get("old", ""), title(place, body is not None)
    good = stands(turn, found, Action.BIND_CHAT, place) and (not old or target["bot"] == turn.bot_id)
    if not good or not codes.use(turn.tx, found.id, person_id=person.id or 0, now=turn.now):
        raise Refusal("members.code_gone")
    if old:
        _move(turn, old, chat_id, name)
    elif not places.bind_chat(
        turn.tx,
        bot_id=turn.bot_id,
        chat_id=chat_id,
        title=name,
        place=place,
        body_id=body.id if body else None,
    ):
        raise Refusal("members.bound_already", title=name)
    action = "move" if old else "bind"
    record(turn, "chat", found.id, action, actor=person.id, compound=found.compound_id, chat=chat_id)
    words = say("members.moved_here", title=name) if old else _first_words(turn, place, work=body is not None)
    turn.say(Outgoing(Address(chat_id), words), due_at=quiet_end(turn.now, turn.rules))
    _tell_maker(turn, person, found, name)


def _move(turn: Turn, old: str, new: str, name: str) -> None:
    if not places.move_chat(turn.tx, turn.bot_id, old, new):
        raise Refusal("members.code_gone")
    places.set_state(turn.tx, turn.bot_id, new, places.OPEN)
    tickets.move_chat(turn.tx, turn.bot_id, old, new)
    outbox.move_chat(turn.tx, bot_id=turn.bot_id, old=old, new=new)
    turn.say(Outgoing(Address(old), say("members.goodbye", title=name)), due_at=quiet_end(turn.now, turn.rules))


def _first_words(turn: Turn, place: Place, *, work: bool) -> str:
    if work:
        return say("members.first_words_work", building=place.building)
    chain = people_rows.chain(turn.tx, rights.body_at(turn, place))
    community = next((body.name for body in chain if body.level is Level.COMMUNITY), "")
    return say("members.first_words", building=place.building, community=community)


def _tell_maker(turn: Turn, person: Person, found: Found, name: str) -> None:
    user = people_rows.find_user(turn.tx, turn.bot_id, found.made_by) if found.made_by else None
    if user:
        own = found.made_by == person.id
        due = turn.now if own else quiet_end(turn.now, turn.rules)
        turn.say(Outgoing(Address(user, private=True), say("members.bound", title=name)), due_at=due)


def office_at(turn: Turn, place: Place) -> str:
    """Whom residents of the place are told to turn to."""
    return people.office(rights.body_at(turn, place), place.building)


def record(
    turn: Turn,
    subject: str,
    number: int,
    action: str,
    *,
    actor: int,
    compound: int | None = None,
    **data: int | str | None,
) -> None:
    """An audit row; actor 0: somebody not known yet."""
    audit.record(
        turn.tx,
        at=turn.now,
        compound_id=compound,
        actor_id=actor or None,
        subject=subject,
        subject_id=number,
        action=action,
        **{name: value for name, value in data.items() if value is not None},
    )


def until(turn: Turn) -> str:
    """When a code made now runs out."""
    return wording.hour((turn.now + VALID).astimezone(turn.rules.zone))
