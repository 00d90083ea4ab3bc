"""Who speaks, where, with what right, and who is responsible there."""

from dataclasses import replace

from domain.errors import Refusal
from domain.messages import Address, Choice, Outgoing, Sender
from domain.people import Body, Chat, Level, Person, Place, Post, Role
from domain.promises import quiet_end
from services.turn import Turn
from storage import offices, people, places, responsibility
from storage.ticket_bodies import NOBODY, Barred
from texts import say, wording

_OFFICE_KEYS = {
    Level.STREET: "common.office_street",
    Level.COMMUNITY: "common.office_community",
    Level.BRANCH: "common.office_branch",
    Level.BUILDING_GROUP: "common.office_building",
    Level.MEMBER_HOUSEHOLD: "common.office_household",
    Level.PROPERTY: "common.office_property",
    Level.OWNERS_COMMITTEE: "common.office_owners",
    Level.RESIDENTS_COMMITTEE: "common.office_residents",
    Level.TWO_COMMITTEES: "common.office_two_committees",
    Level.TEAM: "common.office_team",
    Level.VOLUNTEERS: "common.office_volunteers",
    Level.PARTNER: "common.office_partner",
}


def recognise(turn: Turn, sender: Sender, address: Address) -> tuple[Person, Chat | None]:
    """Who speaks and in which chat. A stranger has id 0: nothing is written of them yet; None: private or unknown."""
    chat_id = "" if address.private else address.group
    person, chat = people.who_speaks(turn.tx, turn.bot_id, sender.user, chat_id)
    return person or Person(0, sender.user, sender.name), _in_topic(chat, address)


def meet(turn: Turn, person: Person) -> Person:
    """Give a stranger a row, now that there is something to remember about them."""
    if person.id:
        return person
    number = people.add_person(turn.tx, person.name)
    if people.add_identity(turn.tx, turn.bot_id, person.user, number):
        return Person(number, person.user, person.name)
    people.remove_person(turn.tx, number)  # somebody met them in another chat at this moment
    met = people.find_person(turn.tx, turn.bot_id, person.user)
    assert met is not None
    return met


def find_chat(turn: Turn, address: Address, *, bot_id: str = "") -> Chat | None:
    found = None if address.private else places.find_chat(turn.tx, bot_id or turn.bot_id, address.group)
    return _in_topic(found, address)


def _in_topic(chat: Chat | None, address: Address) -> Chat | None:
    """The group is bound to a place, and each of its topics with it."""
    return replace(chat, chat_id=address.chat) if chat and chat.chat_id != address.chat else chat


def locate(turn: Turn, person: Person, chat: Chat | None, *, building: str = "", unit: str = "") -> Place:
    """Where a matter is: what the words name, else the chat's building, else the speaker's own.

    Raises Refusal where nothing is known: without a building nobody is responsible.
    """
    base = chat.place if chat else person.place
    if base is None and building and (only := _only_compound(turn, person)):
        base = Place(only)
    if base is None:
        raise Refusal("tickets.no_place")
    number, shown = base.building_id, base.building
    if building:
        named = places.find_building(turn.tx, base.compound_id, building)
        number, shown = (named, building) if named else (number, shown)
    elif number is None and person.place and person.place.compound_id == base.compound_id:
        number, shown = person.place.building_id, person.place.building
    unit_id = places.find_unit(turn.tx, number, unit) if number and unit else None
    return Place(base.compound_id, number, unit_id, shown, unit if unit_id else "")


def responsible_body(turn: Turn, place: Place, level: Level, *, barred: Barred = NOBODY) -> Body:
    """The body of that level for the place; a level that is not filled, cannot be reached or has an interest in the
    matter gives way to the next."""
    near = None
    if place.building_id and (found := people.find_group_of_building(turn.tx, place.building_id)):
        near, turn.work_chats[found[0].id] = found
        if near.level <= level and reachable(turn, near, barred):
            return near
    if near is None:
        own = people.bodies_of_compound(turn.tx, place.compound_id)
        near = next((body for body in own if body.level is Level.BRANCH), None)
    if near is None:
        raise Refusal("tickets.no_place")
    chain = people.chain(turn.tx, near)
    for body in chain:
        if body.level <= level and reachable(turn, body, barred):
            return body
    return chain[-1]


def reachable(turn: Turn, body: Body, barred: Barred = NOBODY) -> bool:
    """Somebody there can be written to, and the body is not one that a matter concerns, nor all who serve in it."""
    if body.id in barred.bodies:
        return False
    if barred.people:
        serving = {held.person_id for held in offices.holders(turn.tx, [body.id])}
        if serving and serving <= barred.people:
            return False
    return bool(_work_chats(turn, body) or people.officers(turn.tx, turn.bot_id, body.id))


def _work_chats(turn: Turn, body: Body) -> list[Chat]:
    if body.id not in turn.work_chats:
        turn.work_chats[body.id] = places.chats_of_body(turn.tx, body.id)
    return turn.work_chats[body.id]


def above(turn: Turn, body: Body) -> list[Body]:
    """The bodies over this one, the nearest first."""
    return [found for found in people.chain(turn.tx, body) if found.id != body.id]


def compounds_under(turn: Turn, body: Body) -> list[int]:
    """The compounds a body is there for: its own, or those of the bodies below it."""
    return [body.compound_id] if body.compound_id else people.compounds_under(turn.tx, body)


def get_body(turn: Turn, body_id: int) -> Body:
    return people.get_body(turn.tx, body_id)


def office(body: Body, building: str = "") -> str:
    """The office as residents know it: 3栋楼栋长, 物业, 社区."""
    return say(_OFFICE_KEYS[body.level], building=building)


def acting_office(posts: tuple[Post, ...], body: Body, building: str) -> str:
    """The office in which somebody with these posts acts on a matter of that body."""
    for post in posts:
        if post.body.level is Level.PROPERTY or body.under(post.body):
            return office(post.body, building)
    return office(body, building)


def tell_person(
    turn: Turn,
    user: str,
    text: str,
    *,
    choices: tuple[Choice, ...] = (),
    question: str = "",
    urgent: bool = False,
    bot_id: str = "",
    fallback: Outgoing | None = None,
) -> None:
    """A private word, by the turn's bot unless another is named; `fallback` if the person cannot be written to."""
    to = Address(user, private=True)
    turn.say(Outgoing(to, text, choices, question, urgent=urgent, fallback=fallback), bot_id=bot_id)


def tell_body(
    turn: Turn,
    body: Body,
    text: str,
    *,
    choices: tuple[Choice, ...] = (),
    urgent: bool = False,
    barred: Barred = NOBODY,
) -> None:
    """A word to the body's work chat, else (or where it concerns somebody there) to its officers one by one; what is
    not urgent waits for the morning."""
    due = turn.now if urgent else quiet_end(turn.now, turn.rules)
    concerned = barred_users(turn, body, barred)
    chats = [] if concerned else _work_chats(turn, body)
    for chat in chats:
        turn.say(Outgoing(Address(chat.chat_id), text, choices, urgent=urgent), bot_id=chat.bot_id, due_at=due)
    if not chats:
        for user, _, _ in people.officers(turn.tx, turn.bot_id, body.id):
            if user not in concerned:
                turn.say(Outgoing(Address(user, private=True), text, choices, urgent=urgent), due_at=due)


def barred_users(turn: Turn, body: Body, barred: Barred) -> set[str]:
    """User ids of those who serve in the body and whom the matter concerns."""
    held = {each.person_id for each in offices.holders(turn.tx, [body.id])} if barred.people else set()
    found = {people.find_user(turn.tx, turn.bot_id, each) for each in sorted(held & barred.people)}
    return {user for user in found if user}


def tell_duty(turn: Turn, compound_id: int, text: str, *, choices: tuple[Choice, ...] = ()) -> None:
    """Who is on duty now by the roster; where nobody is, those who hold the post."""
    shift = [user for user, _ in responsibility.on_shift(turn.tx, turn.bot_id, compound_id, turn.now)]
    for user in shift or people.users_on_duty(turn.tx, turn.bot_id, compound_id):
        tell_person(turn, user, text, choices=choices, urgent=True)


def heads(turn: Turn, body: Body) -> list[str]:
    """User ids of those who lead the body."""
    leading = (Role.HEAD, Role.LEADER, Role.SECRETARY, Role.DIRECTOR)
    return sorted({user for user, role, _ in people.officers(turn.tx, turn.bot_id, body.id) if role in leading})


def call_head(turn: Turn, person: Person, chat: Chat | None, text: str) -> str:
    """Ask the nearest head to look after somebody; returns the office that was asked."""
    place = person.place or (chat.place if chat else None)
    if place is None:
        raise Refusal("common.nobody", duty=turn.rules.numbers.duty)
    nearest = responsible_body(turn, place, Level.BUILDING_GROUP)
    for body in [nearest, *above(turn, nearest)]:  # who asks is no help to themselves
        if users := [user for user in heads(turn, body) if user != person.user]:
            break
    else:
        raise Refusal("common.nobody", duty=turn.rules.numbers.duty)
    due = quiet_end(turn.now, turn.rules)
    for user in users:
        turn.say(Outgoing(Address(user, private=True), text), due_at=due)
    return office(body, place.building)


def call_director(turn: Turn, person: Person, chat_id: str) -> None:
    """A matter of life that only the community's director hears of (where there is none, those in office there), with
    the person's consent. Raises Refusal where nobody could be told."""
    told, where = _directors(turn, person, chat_id)
    if not told:
        raise Refusal("common.nobody", duty=turn.rules.numbers.duty)
    for user in told:
        tell_person(turn, user, say("tickets.confide_call", name=person.name, place=where), urgent=True)


def director_instead(turn: Turn, person: Person, chat_id: str) -> Outgoing | None:
    """What the director is told where the person themselves cannot be written to. None: there is nobody to tell."""
    told, where = _directors(turn, person, chat_id)
    if not told:
        return None
    text = say("tickets.confide_unreached", name=person.name, place=where)
    return Outgoing(Address(told[0], private=True), text, urgent=True)


def _directors(turn: Turn, person: Person, chat_id: str) -> tuple[list[str], str]:
    """User ids of the community's director, and where the person is."""
    chat = find_chat(turn, Address(chat_id))
    place = person.place or (chat.place if chat else None)
    told: list[str] = []
    if place:
        body = responsible_body(turn, place, Level.COMMUNITY)
        officers = people.officers(turn.tx, turn.bot_id, body.id)
        told = sorted(
            {user for user, role, _ in officers if role is Role.DIRECTOR} or {user for user, _, _ in officers}
        )
    return told, wording.place(place.building, place.unit) if place else ""


def compound_meant(turn: Turn, person: Person, chat: Chat | None) -> int:
    """The compound that is spoken of: the chat's, the person's own, or the only one served; 0: none."""
    place = chat.place if chat else person.place
    if place:
        return place.compound_id
    served = {compound for post in person.posts for compound in compounds_under(turn, post.body)}
    return served.pop() if len(served) == 1 else 0


def _only_compound(turn: Turn, person: Person) -> int | None:
    """The compound meant where nobody said which: the only one the person serves, else the only one of this bot."""
    served = {compound for post in person.posts for compound in compounds_under(turn, post.body)}
    known = served or set(places.compounds(turn.tx, turn.bot_id))
    return known.pop() if len(known) == 1 else None
