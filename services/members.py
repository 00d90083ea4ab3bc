"""Joining a household: at once by a 门牌码, else by the word of a building head, who is asked once a day."""

from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any

from domain.errors import Refusal
from domain.members import HELPER, Home, Request
from domain.messages import Address, Outgoing
from domain.people import Body, Chat, Person, Place
from domain.promises import quiet_end
from domain.rights import Action, may
from domain.roster_model import Column
from domain.roster_values import masked
from services import binding, joining, people, rights
from services.codes import draw
from services.turn import Turn
from storage import audit, codes, members, persons, places, timers
from storage import people as people_rows
from storage.codes import Found
from texts import say, wording

DIGEST = "home_digest"  # the timer of a building's open requests
VALID = timedelta(days=30)
_DIGEST_AT = "18:30"
_SHOWN = 9  # requests of one digest
_DOORS = 20  # of a report
_HOMES = 9  # with names, of a report


def homes(
    turn: Turn,
    person: Person,
    chat: Chat | None,
    *,
    building: str,
    unit: str,
    room: str,
    inside: bool = False,
    within: int = 0,
) -> list[Home]:
    """The households meant; several where each unit has that room. The building is the chat's where it is not said;
    inside: what is given as the building may be a unit of it; within: the building's id, where it is known."""
    place = Place(0, within) if within else _near(turn, person, chat)
    if inside and place.building_id and (own := members.homes_named(turn.tx, place.building_id, building, room)):
        return own
    named = building and not within
    number = places.find_building(turn.tx, place.compound_id, building) if named else place.building_id
    if number is None:
        raise Refusal("members.no_building", building=building)
    found = members.homes_named(turn.tx, number, unit, room)
    if not found:
        raise Refusal("members.no_home", door="-".join(part for part in (building, unit, room) if part))
    return found


def _near(turn: Turn, person: Person, chat: Chat | None) -> Place:
    """Where building numbers are read: the chat's compound, one's own, the only one this bot serves."""
    if chat or person.place:
        return chat.place if chat else person.place or Place(0)
    served = {compound for post in person.posts for compound in people.compounds_under(turn, post.body)}
    known = served or set(places.compounds(turn.tx, turn.bot_id))
    if len(known) != 1:
        raise Refusal("members.which_compound")
    return Place(known.pop())


def shown(home: Home) -> str:
    return wording.home(home.building, home.unit, home.room)


def lives_in(turn: Turn, person: Person, home: Home) -> bool:
    return bool(person.id) and members.lives_in(turn.tx, person.id, home.id)


# --- by a code ----------------------------------------------------------------------------------------------------


def new_code(turn: Turn, person: Person, home: Home) -> tuple[str, datetime]:
    """A 门牌码 of one household, for one person, and until when it is good."""
    rights.check_right(turn, person, Action.MAKE_CODES, rights.body_at(turn, home.place))
    until = turn.now + VALID
    code = draw(turn, codes.HOME, 8, compound=home.compound_id, made_by=person.id, until=until, household=home.id)
    binding.record(turn, "household", home.id, "made_code", actor=person.id, compound=home.compound_id)
    return code, until.astimezone(turn.rules.zone)


def look_up(turn: Turn, person: Person, code: str, home: Home | None = None) -> Found | None:
    """A usable 门牌码, of that household where one was named. None: a wrong try, counted."""
    found = binding.look_up(turn, codes.HOME, code, person, person.user)
    if found and home and found.household_id != home.id:
        binding.missed(turn, codes.HOME, person, person.user)
        return None
    return found


def home_of(turn: Turn, found: Found) -> Home:
    home = members.get_home(turn.tx, found.household_id or 0)
    if home is None:  # the roster took the household away meanwhile
        raise Refusal("members.code_gone")
    return home


def enter(turn: Turn, person: Person, home: Home, relation: str, found: Found, *, into: int = 0) -> None:
    """In at once, by a 门牌码; into: who of the roster they are."""
    if person.id and found.made_by == person.id:
        who = rights.who_could(turn, Action.APPROVE, rights.body_at(turn, home.place), but=person.id)
        raise Refusal("rights.refused_self", who=who)
    if person.id and (waiting := members.request_of(turn.tx, person.id)):
        members.decide(turn.tx, waiting.id, members.WITHDRAWN, by=person.id, at=turn.now)
    number = joining.join(turn, turn.bot_id, person, into, home, actor=0)
    good = binding.stands(turn, found, Action.MAKE_CODES, home.place)
    if not good or not codes.use(turn.tx, found.id, person_id=number, now=turn.now):
        raise Refusal("members.code_gone")
    _settle(turn, number, home, relation, source="code", actor=number, known=number == into)


def spoil(turn: Turn, person: Person, found: Found) -> None:
    """A code that was said where others read it lets nobody in."""
    codes.use(turn.tx, found.id, person_id=person.id, now=turn.now)
    binding.record(turn, "code", found.id, "spoiled", actor=person.id, compound=found.compound_id)


def _settle(
    turn: Turn, person_id: int, home: Home, relation: str, *, source: str, actor: int, known: bool = False
) -> None:
    """known: from the roster, whose word for the relation stands."""
    standing = persons.confirm(turn.tx, person_id, home.id, source) if known else None
    if standing is None:
        members.settle(
            turn.tx, person_id=person_id, household_id=home.id, relation=relation, source=source, since=turn.now
        )
    relation = standing or relation
    binding.record(
        turn,
        "person",
        person_id,
        "join",
        actor=actor,
        compound=home.compound_id,
        household=home.id,
        relation=relation,
        source=source,
    )


# --- by a head's word ---------------------------------------------------------------------------------------------


def check_new(turn: Turn, person: Person, home: Home) -> None:
    """Refusal where the same is asked already."""
    waiting = members.request_of(turn.tx, person.id) if person.id else None
    if waiting and waiting.home.id == home.id:
        raise Refusal("members.waiting", home=shown(home), office=binding.office_at(turn, home.place))


def request(turn: Turn, person: Person, home: Home, relation: str, name: str) -> datetime:
    """Kept until a head decides; a new one takes the place of the person's older one. Returns when heads are asked."""
    person = people.meet(turn, person)
    if waiting := members.request_of(turn.tx, person.id):
        members.decide(turn.tx, waiting.id, members.WITHDRAWN, by=person.id, at=turn.now)
    number = audit.next_number(turn.tx, f"home_request:{home.building_id}")
    members.add_request(
        turn.tx,
        bot_id=turn.bot_id,
        person_id=person.id,
        compound_id=home.compound_id,
        building_id=home.building_id,
        household_id=home.id,
        number=number,
        relation=relation,
        name=name,
        at=turn.now,
    )
    binding.record(turn, "household", home.id, "asked_in", actor=person.id, compound=home.compound_id)
    return _plan_digest(turn, home.building_id)


def _plan_digest(turn: Turn, building_id: int) -> datetime:
    local = turn.local
    at = datetime.combine(local.date(), time.fromisoformat(_DIGEST_AT), tzinfo=local.tzinfo)
    due = quiet_end(at if at > local else at + timedelta(days=1), turn.rules)
    data = {"building": building_id}
    timers.set_timer(turn.tx, DIGEST, f"{turn.bot_id}:{building_id}", bot_id=turn.bot_id, due_at=due, data=data)
    return due.astimezone(turn.rules.zone)


def due_digest(turn: Turn, data: dict[str, Any]) -> None:
    """Once a day while a building has open requests: its heads are shown them, or those of the next body above; what
    waited too long ends by itself."""
    for old in members.outdated_requests(
        turn.tx, turn.bot_id, data["building"], before=turn.now - timedelta(days=turn.rules.request_days)
    ):
        if members.decide(turn.tx, old.id, members.WITHDRAWN, by=None, at=turn.now):
            compound = old.home.compound_id
            binding.record(turn, "home_request", old.id, members.WITHDRAWN, actor=0, compound=compound)
            _tell(turn, old, "members.lapsed")
    waiting = members.requests_of_building(turn.tx, turn.bot_id, data["building"])
    if not waiting:
        return
    group = rights.body_at(turn, waiting[0].home.place)
    askers = [people_rows.find_user(turn.tx, turn.bot_id, each.person_id) for each in waiting]
    for body in [group, *people.above(turn, group)]:
        heads = people.heads(turn, body)
        if heads and not set(askers) <= set(heads):  # nobody decides about themselves alone
            text = _digest(turn, waiting, body)
            for user in heads:
                people.tell_person(turn, user, text)
            break
    _plan_digest(turn, data["building"])


def show_waiting(turn: Turn, person: Person) -> str:
    """`谁要进`: what waits in the buildings the person leads, now. "" where nothing does."""
    led = {post.body.id: post.body for post in person.posts if may(person, Action.APPROVE, post.body)}
    if not led:
        raise Refusal("members.none_to_approve")
    text = []
    for body in led.values():
        asked = members.asked_requests(turn.tx, [body.id])
        if body.building_id:
            asked = members.requests_of_building(turn.tx, turn.bot_id, body.building_id)
        if asked:
            text.append(_digest(turn, asked, body))
    return "\n".join(text)


def _digest(turn: Turn, waiting: list[Request], body: Body) -> str:
    for each in waiting[:_SHOWN]:
        members.mark_asked(turn.tx, each.id, body.id)
    lines = [
        say(
            "members.digest_line",
            number=each.number,
            name=each.name,
            door=each.home.door,
            relation=say(f"members.relation_{each.relation}"),
            same=say("members.same_name") if has_namesake(turn, each) else "",
        )
        for each in waiting[:_SHOWN]
    ]
    more = len(waiting) - _SHOWN
    helper = next((each.number for each in waiting[:_SHOWN] if each.relation == HELPER), "")
    return say(
        "members.digest", count=len(waiting), lines="\n".join(lines), more=more if more > 0 else "", helper=helper
    )


def asked(turn: Turn, person: Person) -> list[Request]:
    """What this person was shown and may decide."""
    led = [post.body.id for post in person.posts if may(person, Action.APPROVE, post.body)]
    return members.asked_requests(turn.tx, sorted(set(led))) if led else []


def has_namesake(turn: Turn, wanted: Request) -> bool:
    """One more account of a name that the household has: perhaps the same person, perhaps somebody else as them."""
    return members.has_namesake(turn.tx, wanted)


def may_decide(person: Person) -> bool:
    return may(person, Action.APPROVE)


def approve(turn: Turn, person: Person, wanted: Request, *, consent_of: int = 0, into: int = 0) -> None:
    """In by the head's word; consent_of: who agreed that a helper acts for them, as the head says; into: who of the
    roster they are."""
    _decide(turn, person, wanted, members.APPROVED)
    if wanted.relation == HELPER:
        members.add_consent(turn.tx, consent_of, HELPER, at=turn.now, by=person.id)
        compound, helper = wanted.home.compound_id, wanted.person_id
        binding.record(turn, "person", consent_of, "consent", actor=person.id, compound=compound, helper=helper)
    asker = Person(wanted.person_id, "", wanted.name)
    number = joining.join(turn, wanted.bot_id, asker, into, wanted.home, actor=person.id)
    _settle(turn, number, wanted.home, wanted.relation, source="head", actor=person.id, known=number == into)
    _tell(turn, replace(wanted, person_id=number), "members.approved")


def refuse(turn: Turn, person: Person, wanted: Request) -> None:
    _decide(turn, person, wanted, members.REFUSED)
    _tell(turn, wanted, "members.refused")


def _decide(turn: Turn, person: Person, wanted: Request, state: str) -> None:
    body = rights.body_at(turn, wanted.home.place)
    rights.check_right(turn, person, Action.APPROVE, body, about=wanted.person_id)
    if not members.decide(turn.tx, wanted.id, state, by=person.id, at=turn.now):
        raise Refusal("members.decided", number=wanted.number)
    home = wanted.home
    binding.record(turn, "home_request", wanted.id, state, actor=person.id, compound=home.compound_id)


def _tell(turn: Turn, wanted: Request, key: str) -> None:
    user = people_rows.find_user(turn.tx, wanted.bot_id, wanted.person_id)
    if user:
        words = say(key, home=shown(wanted.home), office=binding.office_at(turn, wanted.home.place))
        due = quiet_end(turn.now, turn.rules)
        turn.say(Outgoing(Address(user, private=True), words), bot_id=wanted.bot_id, due_at=due)


def residents(turn: Turn, wanted: Request) -> list[tuple[int, str]]:
    """Who lives where the helper wants to help, by id and name."""
    return [each for each in members.residents_of(turn.tx, wanted.home.id) if each[0] != wanted.person_id]


# --- who is not in yet --------------------------------------------------------------------------------------------


def missing(turn: Turn, person: Person, building: str) -> str:
    """Who of a building is not in: for its heads. Doors behind which nobody is known, people of the roster whom the bot
    does not know (names masked), and who left its groups."""
    place = binding.place_meant(turn, person, building)
    rights.check_right(turn, person, Action.SEE_ROSTER, rights.body_at(turn, place))
    if place.building_id is None:
        raise Refusal("members.which_building")
    doors = [home.door.partition("-")[2] for home in members.unbound_homes(turn.tx, turn.bot_id, place.building_id)]
    absent, homes_absent = _absent(turn, place.building_id)
    return say(
        "members.missing",
        building=place.building,
        count=len(doors) or "",
        doors=" ".join(doors[:_DOORS]),
        more=len(doors) if len(doors) > _DOORS else "",
        most=_DOORS,
        absent="、".join(absent[:_HOMES]),
        homes=homes_absent if homes_absent > _HOMES else "",
        left="\n".join(_left(turn, place)),
    )


def _absent(turn: Turn, building_id: int) -> tuple[list[str], int]:
    """2单元501 王* 李*: a household each, and how many there are."""
    found: dict[tuple[str, str], list[str]] = {}
    for unit, room, name in members.absent(turn.tx, turn.bot_id, building_id):
        found.setdefault((unit, room), []).append(masked(Column.NAME, name))
    shown = [say("members.absent", unit=door[0], room=door[1], names=" ".join(names)) for door, names in found.items()]
    return shown, len(shown)


def _left(turn: Turn, place: Place) -> list[str]:
    """A line for each group of the building, and of the compound, that somebody of the building left."""
    lines = []
    groups = [*places.chats_at(turn.tx, turn.bot_id, place), *places.chats_at(turn.tx, turn.bot_id, _whole(place))]
    for chat in groups:
        gone = members.leavers(turn.tx, turn.bot_id, chat.chat_id, place.building_id or 0)
        days = [(unit, room, name, at.astimezone(turn.rules.zone)) for unit, room, name, at in gone[:_HOMES]]
        people_gone = "；".join(
            say("members.leaver", unit=unit, room=room, name=name, month=at.month, day=at.day)
            for unit, room, name, at in days
        )
        if people_gone:
            lines.append(say("members.left", title=chat.title, people=people_gone))
    return lines


def _whole(place: Place) -> Place:
    return Place(place.compound_id)


def when(turn: Turn, at: datetime) -> str:
    """今晚6点半."""
    return wording.moment(at, turn.local)
