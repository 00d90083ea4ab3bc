"""Talking about offices: who holds them, giving and taking them, standing in while somebody is away."""

from datetime import date, datetime, timedelta

from dialogs.days import read_day
from dialogs.engine import Talk
from domain.errors import Refusal
from domain.people import OFFICES, Body, Holder, Level, Named, Place, Role
from domain.rights import Action
from services import handovers, offices, people, rights
from texts import options, pattern, say, wording, words
from texts.wording import figure

_MOST = 8  # answers to choose from
_NAMES = 3  # shown of a longer list
_IN_BUILDINGS = (Level.BUILDING_GROUP, Level.MEMBER_HOUSEHOLD)


def appoint(talk: Talk) -> None:
    """`任命 小赵 3栋 楼栋长`, `让小赵当3栋楼栋长`, with `到2029年6月` or `任期三年`."""
    compound = compound_meant(talk)
    until = _term(talk)
    body, role = _office(talk, compound, talk.args["office"])
    rights.check_right(talk.turn, talk.person, Action.APPOINT, body, role=role)
    whom = _person(talk, compound, talk.args["who"])
    rights.check_right(talk.turn, talk.person, Action.APPOINT, body, role=role, about=whom.person_id)
    office = offices.title(talk.turn, body, role)
    held, day = offices.leader_of(talk.turn, body, role), offices.last_of(talk.turn, until)
    # Names are as people give them; the door says who is meant.
    who = say("offices.namesake", name=whom.name, place=wording.place(whom.building, whom.unit))
    if held and held.person_id != whom.person_id:
        text, answers = say("offices.replace", office=office, holder=held.name, name=who, day=day), "replace_choices"
    else:
        text, answers = say("offices.appoint", name=who, office=office, day=day), "appoint_choices"
    sure = f"sure_{body.id}_{role.value}_{whom.person_id}_{held.person_id if held else 0}_{day}"
    if talk.choose(sure, text, options(f"offices.{answers}")) == 0:
        talk.say(say("offices.left"))
        return
    office = offices.appoint(talk.turn, talk.person, whom, body, role, until=until)
    talk.say(say("offices.appointed", name=whom.name, office=office, day=day))


def dismiss(talk: Talk) -> None:
    """`免去 小赵`, `免去 小赵 3栋楼栋长`."""
    compound, name = compound_meant(talk), talk.args["who"]
    held = offices.held_by(talk.turn, compound, name)
    if asked := talk.args.get("office"):
        body, role = _office(talk, compound, asked)
        held = [each for each in held if each.body.id == body.id and each.role is role]
    if not held:
        raise Refusal("offices.no_such_post", name=name)
    mine = [each for each in held if offices.may_dismiss(talk.person, each)]
    if not mine:
        first = held[0]
        rights.check_right(talk.turn, talk.person, Action.DISMISS, first.body, role=first.role, about=first.person_id)
    chosen = mine[0]
    if len(mine) > 1:
        labels = [(number, offices.title(talk.turn, each.body, each.role)) for number, each in _numbered(mine)]
        chosen = mine[talk.choose("post", say("offices.which_post"), labels) - 1]
    office = offices.title(talk.turn, chosen.body, chosen.role)
    text = say("offices.dismiss", name=name, office=office)
    sure = f"sure_{chosen.body.id}_{chosen.role.value}_{chosen.person_id}"
    if talk.choose(sure, text, options("offices.dismiss_choices")) == 0:
        talk.say(say("offices.left"))
        return
    offices.dismiss(talk.turn, talk.person, chosen)
    talk.say(say("offices.dismissed", name=name, office=office))


def hand_over(talk: Talk) -> None:
    """`交接 老李`: one's own leading posts, once who is above agrees."""
    bodies = handovers.own(talk.person)
    if not bodies:
        raise Refusal("offices.hand_none")
    whom = _person(talk, compound_meant(talk), talk.args["who"])
    body, roles = bodies[0]
    if len(bodies) > 1:
        labels = [(at, handovers.titles(talk.turn, *each)) for at, each in enumerate(bodies[:_MOST], start=1)]
        body, roles = bodies[talk.choose("which", say("offices.hand_which", name=whom.name), labels) - 1]
    handovers.check(talk.turn, talk.person, whom, body, roles)
    who = say("offices.namesake", name=whom.name, place=wording.place(whom.building, whom.unit))
    text = say("offices.hand_over", name=who, office=handovers.titles(talk.turn, body, roles))
    if talk.choose(f"sure_{body.id}_{whom.person_id}", text, options("offices.hand_choices")) == 0:
        talk.say(say("offices.left"))
        return
    asked = handovers.ask_above(talk.turn, talk.person, whom, body, roles)
    talk.say(say("offices.hand_asked", office=asked))


def decide(talk: Talk) -> None:
    """Who is above is asked whether somebody may hand over their office."""
    text = handovers.wish(talk.turn, talk.args)
    agreed = talk.choose("agree", text, options("offices.decide_choices")) == 1
    talk.say(handovers.decide(talk.turn, talk.person, talk.args, agreed=agreed))


def away(talk: Talk) -> None:
    """`我出门到周日 老李代`."""
    today = talk.turn.local.date()
    day = offices.last_day(talk.turn, _day(talk.args["until"], today))
    if not talk.person.posts:
        raise Refusal("offices.none_yours")
    whom = _person(talk, compound_meant(talk), talk.args["who"])
    offices.go_away(talk.turn, talk.person, whom, day)
    back = wording.day(day + timedelta(days=1), today)
    talk.say(say("offices.away", day=wording.day(day, today), name=whom.name, back=back))


def back(talk: Talk) -> None:
    """`我回来了`."""
    names = offices.come_back(talk.turn, talk.person)
    if not names:
        raise Refusal("offices.nobody_acts")
    talk.say(say("offices.back", name=wording.listed(names)))


def holders(talk: Talk) -> None:
    """`班子`, `楼栋长`: who holds what here."""
    known = talk.chat or talk.person.place
    place = people.locate(talk.turn, talk.person, talk.chat) if known else Place(compound_meant(talk))
    lines = []
    for office, held in offices.holders_at(talk.turn, place):
        names = wording.listed([_held_by(talk, each) for each in held])
        lines.append(say("offices.holds", office=office, names=names))
    talk.say("\n".join(lines))


def _held_by(talk: Talk, held: Holder) -> str:
    if held.until is None:
        return held.name
    if held.acts_for is None:
        return say("offices.holds_until", name=held.name, day=offices.last_of(talk.turn, held.until))
    last = held.until.astimezone(talk.turn.rules.zone).date() - timedelta(days=1)
    return say("offices.stands_in", name=held.name, day=wording.day(last, talk.turn.local.date()))


def vacancies(talk: Talk) -> None:
    """`空缺`: bodies without a head and homes in no member household, as far as this person may see."""
    found = offices.vacancies(talk.turn, talk.person, compound_meant(talk))
    lines = []
    for level in dict.fromkeys(body.level for body in found.bodies):
        bodies = [body for body in found.bodies if body.level is level]
        names = wording.listed([body.name for body in bodies[:_NAMES]])
        key = "offices.vacant_more" if len(bodies) > _NAMES else "offices.vacant"
        lines.append(say(key, office=people.office(bodies[0]), count=len(bodies), names=names))
    if found.homes:
        shown = [say("offices.homes", building=number, count=count) for number, count in found.homes[:_NAMES]]
        key = "offices.unhoused_more" if len(found.homes) > _NAMES else "offices.unhoused"
        total = sum(count for _, count in found.homes)
        lines.append(say(key, count=total, buildings=wording.listed(shown)))
    talk.say("\n".join([*lines, say("offices.fill")] if found.bodies else lines) or say("offices.full"))


def compound_meant(talk: Talk) -> int:
    """The compound that is spoken of; kept with the building, for the answers come from the private chat."""
    meant = people.compound_meant(talk.turn, talk.person, talk.chat)
    number: int = talk.args.setdefault("compound", meant)
    talk.args.setdefault("building", talk.chat.place.building if talk.chat else "")
    if not number:
        raise Refusal("offices.no_place")
    return number


def _numbered(found: list[Holder]) -> list[tuple[int, Holder]]:
    return list(enumerate(found[:_MOST], start=1))


def _person(talk: Talk, compound: int, name: str) -> Named:
    """The one of that name; of several, the person chooses."""
    found = offices.find_people(talk.turn, compound, name)
    if not found:
        raise Refusal("offices.no_such_person", name=name)
    if len(found) == 1:
        return found[0]
    labels = [
        (number, say("offices.namesake", name=each.name, place=wording.place(each.building, each.unit)))
        for number, each in enumerate(found[:_MOST], start=1)
    ]
    return found[talk.choose("who", say("offices.which_person", name=name), labels) - 1]


def _office(talk: Talk, compound: int, said: str) -> tuple[Body, Role]:
    """The body and the role that words like 3栋楼栋长, 社区主任, 舞蹈队队长 mean."""
    building, unit = pattern("words.building").search(said), pattern("words.unit").search(said)
    rest = said
    for part in (building, unit):
        rest = rest.replace(part[0], "") if part else rest
    rest = "".join(rest.split())
    known = [(word, code) for code in OFFICES for word in words(f"offices.words_{code}") if rest.endswith(word)]
    if not known:
        raise Refusal("offices.no_office")
    word, code = max(known, key=lambda each: len(each[0]))
    level, role = OFFICES[code]
    number = figure(building["building"]) if building else ""
    if not number and level in _IN_BUILDINGS:
        number = talk.args["building"]
    found = offices.find_bodies(
        talk.turn,
        compound,
        level,
        building=number,
        unit=figure(unit["unit"]) if unit else "",
        name=rest.removesuffix(word),
    )
    if not found:
        raise Refusal("offices.no_body", office=said)
    return choose_body(talk, found, word), role


def choose_body(talk: Talk, found: list[Body], word: str) -> Body:
    if len(found) == 1:
        return found[0]
    if len(found) > _MOST:
        raise Refusal("offices.which_building")
    labels = [(number, body.name) for number, body in enumerate(found, start=1)]
    return found[talk.choose("body", say("offices.which_body", office=word), labels) - 1]


def _term(talk: Talk) -> datetime | None:
    """When a term like 任期三年 or 到2029年6月 is over; None: none was said."""
    said = "".join(talk.args.get("term", "").split())
    if not said:
        return None
    found = pattern("offices.term").match(said)
    if found is None:
        raise Refusal("offices.which_term")
    if found["years"]:
        return offices.term_until(talk.turn, years=int(figure(found["years"]) or 2))
    this_year = talk.turn.local.year
    year = int(found["year"]) if found["year"] else this_year + (1 if found["next"] else 0)
    month = int(figure(found["month"] or "") or 12)
    try:
        first = date(year, month, 1)
        day = first.replace(day=int(figure(found["date"]))) if found["date"] else _end_of_month(first)
    except ValueError:
        raise Refusal("offices.which_term") from None
    return offices.term_until(talk.turn, last=day)


def _end_of_month(day: date) -> date:
    return (day + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def _day(said: str, today: date) -> date:
    """The day that words like 周日, 3天, 12月2日 mean."""
    found = read_day(said, today)
    if found is None:
        raise Refusal("offices.which_day")
    return found


FLOWS = {
    "offices.appoint": appoint,
    "offices.dismiss": dismiss,
    "offices.hand_over": hand_over,
    "offices.decide": decide,
    "offices.away": away,
    "offices.back": back,
    "offices.holders": holders,
    "offices.vacancies": vacancies,
}
