"""Talking about bodies beside the tree and member households, and about who has no place in any of them yet."""

from dialogs.engine import Silence, Talk
from dialogs.offices import choose_body, compound_meant
from domain.errors import Refusal
from domain.people import OFFICES, Body, Level, Unplaced
from domain.rights import LEADING
from services import bodies, offices
from services.bodies import Given
from texts import options, pattern, say, wording, words
from texts.wording import figure

_LONGEST = 12  # characters of a name
_DOORS = 20  # shown of a longer list
_NAMES = 3
_ONLY = {
    "property": Level.PROPERTY,
    "owners": Level.OWNERS_COMMITTEE,
    "residents": Level.RESIDENTS_COMMITTEE,
    "two_committees": Level.TWO_COMMITTEES,
}


def establish(talk: Talk) -> None:
    """`成立 舞蹈队`, `成立 业委会`, `成立 包保单位 市文旅局`, `成立 党员中心户 李阿姨家 3栋1单元`."""
    compound, said = compound_meant(talk), talk.args["body"].strip()
    if said.startswith(tuple(words("bodies.words_member_household"))):
        _household(talk, compound, _without(said, "bodies.words_member_household"))
        return
    code = next((code for code in _ONLY if said in words(f"bodies.words_{code}")), "")
    if code:
        level, name = _ONLY[code], say(f"bodies.name_{code}")
    elif said.startswith(tuple(words("bodies.words_partner"))):
        level, name = Level.PARTNER, _named(_without(said, "bodies.words_partner"))
    else:
        level, name = Level.VOLUNTEERS if pattern("bodies.volunteers").search(said) else Level.TEAM, _named(said)
    made = bodies.establish(talk.turn, talk.person, compound, level, name)
    role = min((role for at, role in OFFICES.values() if at is level), key=lambda role: role not in LEADING)
    talk.say(say("bodies.established", name=made.name, office=offices.title(talk.turn, made, role)))


def _household(talk: Talk, compound: int, said: str) -> None:
    building, unit = pattern("words.building").search(said), pattern("words.unit").search(said)
    for part in (building, unit):
        said = said.replace(part[0], "") if part else said
    number = figure(building["building"]) if building else talk.args["building"]
    if not number:
        raise Refusal("bodies.which_building")
    shown = figure(unit["unit"]) if unit else ""
    name = _named(said)
    made = bodies.establish_household(talk.turn, talk.person, compound, name, building=number, unit=shown)
    place = wording.place(number, shown)
    talk.say(say("bodies.established_household", name=made.name, place=place, short=made.name.removeprefix(place)))


def _without(said: str, key: str) -> str:
    for word in sorted(words(key), key=len, reverse=True):
        said = said.removeprefix(word)
    return said


def _named(said: str) -> str:
    name = "".join(said.split()).strip("，,：:")
    if not name or len(name) > _LONGEST:
        raise Refusal("bodies.which_name", most=_LONGEST)
    return name


def dissolve(talk: Talk) -> None:
    """`撤销 舞蹈队`: asked once, for posts and homes go with it."""
    body = _found(talk, talk.args["body"])
    bodies.check_dissolve(talk.turn, talk.person, body)
    text = say("bodies.dissolve", name=body.name)
    if talk.choose(f"sure_{body.id}", text, options("bodies.dissolve_choices")) == 0:
        talk.say(say("offices.left"))
        return
    bodies.dissolve(talk.turn, talk.person, body)
    talk.say(say("bodies.dissolved", name=body.name))


def rename(talk: Talk) -> None:
    """`改名 舞蹈队 红叶舞蹈队`."""
    body = _found(talk, talk.args["body"])
    name = bodies.rename(talk.turn, talk.person, compound_meant(talk), body, _named(talk.args["new"]))
    talk.say(say("bodies.renamed", old=body.name, name=name))


def _found(talk: Talk, said: str) -> Body:
    compound = compound_meant(talk)
    name = "".join(_without(_without(said.strip(), "bodies.words_partner"), "bodies.words_member_household").split())
    found = bodies.find_named(talk.turn, compound, name or said)
    if not found:
        if "named" in talk.args and not talk.addressed:
            raise Silence  # among officers, of something else
        raise Refusal("bodies.no_such", name=said.strip())
    return choose_body(talk, found, name or said)


def divide(talk: Talk) -> None:
    """`分户 3栋1单元 归 李阿姨家`, `分户 3-1-101 到 3-1-502 归 李阿姨家`."""
    compound = compound_meant(talk)
    first, *more = pattern("bodies.to").split(talk.args["homes"], 1)
    building, unit, room = _door(first)
    building = building or talk.args["building"]
    if not building:
        raise Refusal("bodies.which_homes")
    last_building, last_unit, last_room = _door(more[0]) if more else (building, unit, room)
    if last_building not in ("", building) or bool(room) != bool(last_room):
        raise Refusal("bodies.which_homes")
    bodies.check_divide(talk.turn, talk.person, compound, building)
    homes = bodies.homes_between(talk.turn, compound, building, (unit, room), (last_unit or unit, last_room))
    found = offices.find_bodies(
        talk.turn, compound, Level.MEMBER_HOUSEHOLD, building=building, name=_named(talk.args["body"])
    )
    if not found:
        raise Refusal("bodies.no_household", name=talk.args["body"], building=building)
    chosen = choose_body(talk, found, say("common.office_household"))
    given = bodies.divide(talk.turn, talk.person, chosen, homes)
    talk.say(_given(given))


def _door(said: str) -> tuple[str, str, str]:
    """Building, unit and room, as far as they are said."""
    found = pattern("bodies.door").match("".join(said.split()))
    if found is None:
        raise Refusal("bodies.which_homes")
    return figure(found["building"] or ""), figure(found["unit"] or ""), found["room"] or ""


def _given(given: Given) -> str:
    many = given.total if given.total > bodies.MANY else ""
    moved = given.moved or ""
    return say("bodies.given", name=given.body.name, count=given.count, total=given.total, moved=moved, many=many)


def divide_all(talk: Talk) -> None:
    """`分户 3栋 自动`: what nobody looks after, unit by unit in equal parts."""
    compound, number = compound_meant(talk), figure(talk.args["homes_of"])
    given, left = bodies.divide_all(talk.turn, talk.person, compound, number)
    if not given:
        raise Refusal("bodies.none_given" if left else "bodies.all_given", building=number)
    parts = [say("bodies.part", name=each.body.name, total=each.total) for each in given]
    talk.say(say("bodies.divided", building=number, parts=wording.listed(parts), left=left or ""))


def unplaced(talk: Talk) -> None:
    """`谁没归队`, `谁没归队 3栋`: doors alone, privately."""
    building = figure(talk.args.get("at", ""))
    homes = bodies.unplaced(talk.turn, talk.person, compound_meant(talk), building)
    talk.whisper(_shown(homes) if homes else say("bodies.all_placed"))


def _shown(homes: list[Unplaced]) -> str:
    numbers = [home.building for home in homes]
    counts = [say("offices.homes", building=number, count=numbers.count(number)) for number in dict.fromkeys(numbers)]
    return say(
        "bodies.unplaced",
        count=len(homes),
        people=sum(home.residents for home in homes) or "",
        buildings=wording.listed(counts),
        doors=" ".join(home.door for home in homes[:_DOORS]),
        most=_DOORS if len(homes) > _DOORS else "",
        place=wording.place(homes[0].building, homes[0].unit),
    )


FLOWS = {
    "bodies.establish": establish,
    "bodies.dissolve": dissolve,
    "bodies.rename": rename,
    "bodies.divide": divide,
    "bodies.divide_all": divide_all,
    "bodies.unplaced": unplaced,
}
