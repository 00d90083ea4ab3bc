"""Bodies beside the tree and member households: set up, renamed, ended; and which homes a member household has."""

from dataclasses import dataclass
from typing import Any

from domain.errors import Refusal
from domain.people import Body, Housed, Level, Person, Place, Unplaced
from domain.rights import Action, may
from services import offices, people, rights
from services.turn import Turn
from storage import audit, places
from storage import offices as rows
from storage import people as stored
from texts import pattern, say, wording, words

NAMED = (Level.MEMBER_HOUSEHOLD, Level.TEAM, Level.VOLUNTEERS, Level.PARTNER)  # several, each with a name of its own
_OF_COMMUNITY = (Level.RESIDENTS_COMMITTEE, Level.TWO_COMMITTEES)
MANY = 15  # homes of one member household; it is meant for about ten


def establish(turn: Turn, person: Person, compound_id: int, level: Level, name: str) -> Body:
    """A committee, team or partner: under the compound's branch, what is the community's under the community."""
    branch = _branch(turn, compound_id)
    above = people.above(turn, branch)
    community = next((body for body in above if body.level is Level.COMMUNITY), None)
    parent = community if level in _OF_COMMUNITY and community else branch
    rights.check_right(turn, person, Action.ESTABLISH, parent)
    if level in NAMED:
        _check_name(name)
    for body in offices.bodies_of(turn, compound_id):
        if body.name == name or (body.level is level and level not in NAMED):
            raise Refusal("bodies.there", name=body.name)
    made = stored.add_body(turn.tx, level, name, parent=parent, compound_id=parent.compound_id)
    _record(turn, person, made, "established", level=int(level))
    return made


def establish_household(
    turn: Turn, person: Person, compound_id: int, name: str, *, building: str, unit: str = ""
) -> Body:
    """A member household under the building's group; its name begins with its place."""
    group = group_of(turn, compound_id, building)
    rights.check_right(turn, person, Action.ESTABLISH, group)
    if unit and not places.find_unit(turn.tx, group.building_id or 0, unit):
        raise Refusal("bodies.no_unit", building=building, unit=unit)
    _check_name(name)
    whole = wording.place(building, unit) + name
    if any(body.name == whole for body in offices.bodies_of(turn, compound_id)):
        raise Refusal("bodies.there", name=whole)
    made = stored.add_body(turn.tx, Level.MEMBER_HOUSEHOLD, whole, parent=group, compound_id=compound_id)
    _record(turn, person, made, "established", level=int(Level.MEMBER_HOUSEHOLD))
    return made


def _check_name(name: str) -> None:
    """A team that is called like an office would be taken for it."""
    office = max((word for word in words("bodies.offices") if word in name), key=len, default="")
    if office:
        raise Refusal("bodies.like_office", office=office)


def group_of(turn: Turn, compound_id: int, building: str) -> Body:
    number = places.find_building(turn.tx, compound_id, building)
    found = stored.find_group_of_building(turn.tx, number) if number else None
    if found is None:
        raise Refusal("bodies.no_group", building=building)
    return found[0]


def find_named(turn: Turn, compound_id: int, name: str) -> list[Body]:
    """What can be ended, by its whole name, else by a part of it."""
    there = [body for body in offices.bodies_of(turn, compound_id) if body.level > Level.BUILDING_GROUP]
    return [body for body in there if body.name == name] or [body for body in there if name in body.name]


def check_over(turn: Turn, person: Person, body: Body) -> None:
    """Whoever may set up a body may rename and end it: the right counts over what it stands under."""
    above = people.above(turn, body)
    if not above:
        raise Refusal("bodies.ended_already", name=body.name)
    rights.check_right(turn, person, Action.ESTABLISH, above[0])


def rename(turn: Turn, person: Person, compound_id: int, body: Body, name: str) -> str:
    """Returns the new name; of a member household with its place before it."""
    if body.level not in NAMED:
        raise Refusal("bodies.fixed", name=body.name)
    check_over(turn, person, body)
    if body.level is Level.MEMBER_HOUSEHOLD and (place := pattern("bodies.place").match(body.name)):
        name = place[0] + name.removeprefix(place[0])
    _check_name(name)
    if any(each.name == name for each in offices.bodies_of(turn, compound_id)):
        raise Refusal("bodies.there", name=name)
    stored.rename_body(turn.tx, body.id, name)
    _record(turn, person, body, "renamed")
    return name


def dissolve(turn: Turn, person: Person, body: Body) -> None:
    """It is no more: posts end with their history, homes are free again, the row stays out of the tree."""
    check_dissolve(turn, person, body)
    offices.end_all(turn, person, body)
    rows.unhouse(turn.tx, body.id)
    if not stored.end_body(turn.tx, body.id):
        raise Refusal("bodies.ended_already", name=body.name)
    _record(turn, person, body, "dissolved")


def check_dissolve(turn: Turn, person: Person, body: Body) -> None:
    check_over(turn, person, body)
    if rows.had_ticket(turn.tx, body):
        raise Refusal("bodies.had_tickets", name=body.name)
    if places.chats_of_body(turn.tx, body.id):
        raise Refusal("bodies.has_chat", name=body.name)


# --- homes ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Given:
    """What a member household was given: how many homes, how many of them another had, how many it has now."""

    body: Body
    count: int
    moved: int
    total: int


def check_divide(turn: Turn, person: Person, compound_id: int, building: str) -> None:
    rights.check_right(turn, person, Action.ESTABLISH, group_of(turn, compound_id, building))


def homes_between(
    turn: Turn, compound_id: int, building: str, first: tuple[str, str], last: tuple[str, str]
) -> list[Housed]:
    """From one (unit, room) to another; without rooms all of the unit, without a unit all of the building."""
    homes = _homes(turn, compound_id, building)
    unit, room = first
    if not room:
        found = [home for home in homes if unit in ("", home.unit)]
    else:
        low, high = sorted(_index(homes, building, door) for door in (first, last))
        found = homes[low : high + 1]
    if not found:
        raise Refusal("bodies.no_home", home=wording.home(building, unit, room))
    return found


def _homes(turn: Turn, compound_id: int, building: str) -> list[Housed]:
    number = places.find_building(turn.tx, compound_id, building)
    return rows.homes(turn.tx, number) if number else []


def _index(homes: list[Housed], building: str, door: tuple[str, str]) -> int:
    unit, room = door
    found = [at for at, home in enumerate(homes) if home.room == room and unit in ("", home.unit)]
    if len(found) != 1:
        raise Refusal("bodies.no_home", home=wording.home(building, unit, room))
    return found[0]


def divide(turn: Turn, person: Person, body: Body, homes: list[Housed]) -> Given:
    """The member household looks after these homes from now on, whoever did before."""
    check_over(turn, person, body)
    new = [home for home in homes if home.body_id != body.id]
    rows.house(turn.tx, [home.id for home in new], body.id)
    if new:
        _record(turn, person, body, "housed", homes=[home.id for home in new])
    moved = sum(home.body_id is not None for home in new)
    return Given(body, len(homes), moved, rows.looked_after(turn.tx, body.id))


def divide_all(turn: Turn, person: Person, compound_id: int, building: str) -> tuple[list[Given], int]:
    """Each unit's homes that nobody looks after, in equal parts to the unit's member households. Also returns how many
    homes are left."""
    check_divide(turn, person, compound_id, building)
    free = [home for home in _homes(turn, compound_id, building) if home.body_id is None]
    given: list[Given] = []
    for unit in dict.fromkeys(home.unit for home in free if home.unit):
        homes = [home for home in free if home.unit == unit]
        bodies = offices.find_bodies(turn, compound_id, Level.MEMBER_HOUSEHOLD, building=building, unit=unit)
        for at, body in enumerate(bodies):
            part = homes[at * len(homes) // len(bodies) : (at + 1) * len(homes) // len(bodies)]
            if part:
                given.append(divide(turn, person, body, part))
    return given, len(free) - sum(each.count for each in given)


def unplaced(turn: Turn, person: Person, compound_id: int, building: str = "") -> list[Unplaced]:
    """The homes whose people have no place in the organisation yet, where this person may see the roster."""
    if building:
        seen = {group_of(turn, compound_id, building).building_id}
        rights.check_right(turn, person, Action.SEE_ROSTER, group_of(turn, compound_id, building))
        return [home for home in rows.unplaced(turn.tx, compound_id) if home.building_id in seen]
    whole = rights.body_at(turn, Place(compound_id))
    bodies = offices.bodies_of(turn, compound_id)
    seen = {body.building_id for body in bodies if body.building_id and may(person, Action.SEE_ROSTER, body)}
    if not seen:
        rights.check_right(turn, person, Action.SEE_ROSTER, whole)
    everywhere = may(person, Action.SEE_ROSTER, whole)
    return [home for home in rows.unplaced(turn.tx, compound_id) if everywhere or home.building_id in seen]


def _branch(turn: Turn, compound_id: int) -> Body:
    own = stored.bodies_of_compound(turn.tx, compound_id)
    branch = next((body for body in own if body.level is Level.BRANCH), None)
    if branch is None:
        raise Refusal("offices.no_body", office=say("common.office_branch"))
    return branch


def _record(turn: Turn, person: Person, body: Body, action: str, **data: Any) -> None:
    audit.record(
        turn.tx,
        at=turn.now,
        compound_id=body.compound_id,
        actor_id=person.id,
        subject="body",
        subject_id=body.id,
        action=action,
        **data,
    )
