"""Offices: who holds them and how long, who gives and takes them, and who stands in for somebody until a day."""

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from domain.errors import Refusal
from domain.messages import Address, Outgoing
from domain.people import OFFICES, Body, Holder, Level, Named, Person, Place, Post, Role
from domain.promises import quiet_end
from domain.rights import LEADING, Action, may, may_give
from services import people, rights
from services.turn import Turn
from storage import audit, offices, places, timers
from storage import people as stored
from texts import say, wording

DEPUTY = "deputy"  # a timer: the posts held in somebody's place go back
TERM = "term"  # a timer: a word some days before a term ends, and its end
_LONGEST = 92  # days that somebody may stand in
_LONGEST_TERM = 10  # years
_NOTICE = timedelta(days=30)  # before a term ends
_CODES = {held: code for code, held in OFFICES.items()}
_NAMED_BY_BODY = (Level.MEMBER_HOUSEHOLD, Level.TEAM, Level.VOLUNTEERS, Level.PARTNER)
_LED = {level for level, role in OFFICES.values() if role in LEADING} - {Level.PROPERTY}


def bodies_of(turn: Turn, compound_id: int) -> list[Body]:
    """The compound's own bodies, those above its branch, and the committees beside those."""
    own = stored.bodies_of_compound(turn.tx, compound_id)
    branch = next((body for body in own if body.level is Level.BRANCH), None)
    above = people.above(turn, branch) if branch else []
    return [*own, *above, *stored.bodies_beside(turn.tx, [body.id for body in above])]


def find_bodies(
    turn: Turn, compound_id: int, level: Level, *, building: str = "", unit: str = "", name: str = ""
) -> list[Body]:
    """The bodies of a level: in that building, of that unit, with that in their name, as far as it was said."""
    there = bodies_of(turn, compound_id)
    found = [body for body in there if body.level is level and name in body.name]
    if building:
        number = places.find_building(turn.tx, compound_id, building)
        groups = [body for body in there if number and body.building_id == number]
        found = [body for body in found if any(body.under(group) for group in groups)]
    return [body for body in found if not unit or wording.place(building, unit) in body.name]


def find_people(turn: Turn, compound_id: int, name: str) -> list[Named]:
    """Those of that name in the compound and its bodies whom the bot knows."""
    bodies = [body.id for body in bodies_of(turn, compound_id)]
    return offices.named(turn.tx, turn.bot_id, compound_id, bodies, name)


def held_by(turn: Turn, compound_id: int, name: str) -> list[Holder]:
    bodies = [body.id for body in bodies_of(turn, compound_id)]
    return [held for held in offices.holders(turn.tx, bodies) if held.name == name]


def title(turn: Turn, body: Body, role: Role) -> str:
    """The office by its name: 3栋楼栋长, 小区书记, 3栋1单元党员中心户."""
    code = _CODES.get((body.level, role))
    name = say(f"offices.name_{code}") if code else say(f"rights.role_{role.value}")
    if code and body.level not in _NAMED_BY_BODY:
        return say("offices.title", building=offices.building_of(turn.tx, body), name=name)
    return say("offices.title_of_body", body=body.name, name=name)


def leader_of(turn: Turn, body: Body, role: Role) -> Holder | None:
    """Who holds a leading post that only one can hold, in their own right."""
    held = offices.holders(turn.tx, [body.id]) if role in LEADING else []
    return next((each for each in held if each.role is role and each.acts_for is None), None)


def appoint(
    turn: Turn,
    person: Person,
    whom: Named,
    body: Body,
    role: Role,
    *,
    until: datetime | None = None,
    handed: bool = False,
) -> str:
    """Give a post, with a term that ends at `until` or for good; who held it alone until now gives it up (handed: as
    they wished). Given once more with a term, it is held on until then. Returns the office."""
    rights.check_right(turn, person, Action.APPOINT, body, role=role, about=whom.person_id)
    office = title(turn, body, role)
    before = offices.find(turn.tx, whom.person_id, body.id, role)
    if before and before.acts_for is None and until in (None, before.until):
        raise Refusal("offices.already", name=whom.name, office=office)
    if before:
        _end(turn, before, by=person.id)
    held = leader_of(turn, body, role)
    if held:
        dismiss(turn, person, held, heir=whom.name if handed else "")
    offices.add(turn.tx, whom.person_id, body.id, role, since=turn.now, until=until)
    renewed = before is not None and before.acts_for is None
    _record(turn, "renewed" if renewed else "appointed", body, role, actor=person.id, about=whom.person_id)
    facts = {"office": office, "by": _by(turn, person, body), "day": last_of(turn, until)}
    _tell(turn, whom.person_id, say("offices.renewed_you" if renewed else "offices.appointed_you", **facts))
    _watch_term(turn, whom.person_id, body, role, until)
    return office


def dismiss(turn: Turn, person: Person, held: Holder, *, heir: str = "") -> str:
    """Take a post, and with it those of whoever stands in for its holder. heir: to whom they handed it. Returns the
    office."""
    rights.check_right(turn, person, Action.DISMISS, held.body, role=held.role, about=held.person_id)
    office = title(turn, held.body, held.role)
    if not _end(turn, held, by=person.id):
        raise Refusal("offices.ended_already", name=held.name, office=office)
    _record(turn, "dismissed", held.body, held.role, actor=person.id, about=held.person_id)
    told = "offices.handed_you" if heir else "offices.dismissed_you"
    _tell(turn, held.person_id, say(told, office=office, by=_by(turn, person, held.body), name=heir))
    _stand_down(turn, held, by=person.id)
    return office


def end_all(turn: Turn, person: Person, body: Body) -> None:
    """The body is no more: all its posts end. Whose right it is, the caller has seen to."""
    held = offices.holders(turn.tx, [body.id])
    for each in held:
        _end(turn, each, by=person.id)
        _record(turn, "dismissed", body, each.role, actor=person.id, about=each.person_id)
    for person_id in {each.person_id for each in held} - {person.id}:
        _tell(turn, person_id, say("offices.body_ended", body=body.name))


def term_until(turn: Turn, *, years: int = 0, last: date | None = None) -> datetime:
    """The moment at which a term of so many years, or up to a last day, is over."""
    today = turn.local.date()
    over = last + timedelta(days=1) if last else _years_on(today, years)
    if not today < over <= _years_on(today, _LONGEST_TERM) + timedelta(days=1):
        raise Refusal("offices.term_wrong", years=_LONGEST_TERM)
    return _start_of(turn, over)


def last_of(turn: Turn, until: datetime | None) -> str:
    """The last day of a term, with its year; "" for a post without one."""
    if until is None:
        return ""
    day = until.astimezone(turn.rules.zone).date() - timedelta(days=1)
    return say("offices.term_day", year=day.year, month=day.month, day=day.day)


def due_term(turn: Turn, data: dict[str, Any]) -> None:
    """Some days before a term ends: the holder and who is above are asked what is to be. At its end: the post ends."""
    held = offices.find(turn.tx, data["person"], data["body"], Role(data["role"]))
    if held is None or held.until is None or held.acts_for is not None:
        return
    office, above = title(turn, held.body, held.role), _above(turn, held)
    by = people.office(above[0].body, offices.building_of(turn.tx, above[0].body)) if above else ""
    facts = {"office": office, "name": held.name, "day": last_of(turn, held.until), "by": by}
    if held.until > turn.now:
        told, told_you = "offices.term_near", "offices.term_near_you"
        _watch_term(turn, held.person_id, held.body, held.role, held.until, warned=True)
    else:
        told, told_you = "offices.term_over", "offices.term_over_you"
        _end(turn, held, by=None)
        _record(turn, "term_ended", held.body, held.role, actor=None, about=held.person_id)
        _stand_down(turn, held, by=None)
    _tell(turn, held.person_id, say(told_you, **facts))
    for leader in above:
        _tell(turn, leader.person_id, say(told, **facts))


def _above(turn: Turn, held: Holder) -> list[Holder]:
    """Who may give the post to the next: those who lead the nearest body of which anybody else does."""
    for body in [held.body, *people.above(turn, held.body)]:
        there = [each for each in offices.holders(turn.tx, [body.id]) if each.person_id != held.person_id]
        if able := [each for each in there if gives(each, held.role, held.body)]:
            return list({each.person_id: each for each in able}.values())
    return []


def gives(holder: Holder, role: Role, body: Body) -> bool:
    """Whether this post lets its holder appoint to that role of the body."""
    post = Post(holder.role, holder.body, holder.acts_for)
    return may_give(Person(holder.person_id, "", "", posts=(post,)), Action.APPOINT, role, body)


def _watch_term(
    turn: Turn, person_id: int, body: Body, role: Role, until: datetime | None, *, warned: bool = False
) -> None:
    key = f"{person_id}:{body.id}:{role.value}"
    if until is None:
        timers.cancel(turn.tx, TERM, key)
        return
    notice = until - _NOTICE
    due_at = until if warned or notice <= turn.now else notice
    data = {"person": person_id, "body": body.id, "role": role.value}
    timers.set_timer(turn.tx, TERM, key, bot_id=turn.bot_id, due_at=due_at, data=data)


def _years_on(day: date, years: int) -> date:
    leap = (day.month, day.day) == (2, 29) and (day.year + years) % 4 != 0
    return day.replace(year=day.year + years, day=28 if leap else day.day)


def last_day(turn: Turn, day: date) -> date:
    """The day itself, if somebody may stand in that long."""
    if not 0 <= (day - turn.local.date()).days <= _LONGEST:
        raise Refusal("offices.too_long", days=_LONGEST)
    return day


def go_away(turn: Turn, person: Person, whom: Named, day: date) -> list[str]:
    """Somebody else holds one's posts too, until that day is over. Returns the offices."""
    if whom.person_id == person.id:
        raise Refusal("offices.yourself")
    own = sorted((post for post in person.posts if post.acts_for is None), key=lambda post: (post.body.id, post.role))
    if not own:
        raise Refusal("offices.none_yours")
    given = [post for post in own if may(replace(person, posts=(post,)), Action.DEPUTISE, post.body)]
    if not given:
        rights.check_right(turn, person, Action.DEPUTISE, own[0].body)
    until = _start_of(turn, day + timedelta(days=1))
    standing = _deputies(turn, person.id, [post.body.id for post in own])
    if standing and {(each.person_id, each.until) for each in standing} == {(whom.person_id, until)}:
        return [title(turn, each.body, each.role) for each in standing]  # said twice
    _give_back(turn, standing, by=person.id)
    told, rows = [], []
    for post in given:
        key = (whom.person_id, post.body.id, post.role)
        if offices.add(turn.tx, *key, since=turn.now, until=until, acts_for=person.id):
            _record(turn, "deputised", post.body, post.role, actor=person.id, about=whom.person_id)
            told.append(title(turn, post.body, post.role))
            rows.append([whom.person_id, post.body.id, post.role.value])
    if not told:
        raise Refusal("offices.already", name=whom.name, office=title(turn, given[0].body, given[0].role))
    data = {"person": person.id, "posts": rows}
    timers.set_timer(turn.tx, DEPUTY, str(person.id), bot_id=turn.bot_id, due_at=until, data=data)
    facts = {"offices": wording.listed(told), "name": person.name, "day": wording.day(day, turn.local.date())}
    _tell(turn, whom.person_id, say("offices.acting_you", **facts))
    return told


def come_back(turn: Turn, person: Person) -> list[str]:
    """One's posts are one's own again. Returns the names of those who stood in."""
    timers.cancel(turn.tx, DEPUTY, str(person.id))
    bodies = [post.body.id for post in person.posts]
    ended = _give_back(turn, _deputies(turn, person.id, bodies), by=person.id)
    return sorted({held.name for held in ended})


def due_back(turn: Turn, data: dict[str, Any]) -> None:
    """The day is over: who stood in does so no longer, and both are told."""
    found = [offices.find(turn.tx, person, body, Role(role)) for person, body, role in data["posts"]]
    due = [held for held in found if held and held.acts_for == data["person"] and _over(turn, held)]
    if ended := _give_back(turn, due, by=None):
        facts = {"offices": _titles(turn, ended), "name": ended[0].name}
        _tell(turn, data["person"], say("offices.back_to_you", **facts))


def _over(turn: Turn, held: Holder) -> bool:
    return held.until is not None and held.until <= turn.now


@dataclass(frozen=True, slots=True)
class Vacancies:
    """Bodies that nobody leads, and (building, homes that no member household looks after)."""

    bodies: tuple[Body, ...]
    homes: tuple[tuple[str, int], ...]


def vacancies(turn: Turn, person: Person, compound_id: int) -> Vacancies:
    """What stands vacant where this person may see the roster."""
    whole = rights.body_at(turn, Place(compound_id))
    if not may(person, Action.SEE_ROSTER):
        rights.check_right(turn, person, Action.SEE_ROSTER, whole)
    seen = [body for body in bodies_of(turn, compound_id) if may(person, Action.SEE_ROSTER, body)]
    held = offices.holders(turn.tx, [body.id for body in seen])
    led = {each.body.id for each in held if each.role in LEADING and each.acts_for is None}
    staffed = {each.body.id for each in held}
    open_ = [body for body in seen if body.id not in (led if body.level in _LED else staffed)]
    buildings = {body.building_id for body in seen if body.level is Level.BUILDING_GROUP}
    homes = offices.unhoused(turn.tx, compound_id)
    if not may(person, Action.SEE_ROSTER, whole):
        homes = [each for each in homes if each[0] in buildings]
    open_.sort(key=lambda body: (body.level, body.id))
    return Vacancies(tuple(open_), tuple((number, count) for _, number, count in homes))


def holders_at(turn: Turn, place: Place) -> list[tuple[str, list[Holder]]]:
    """(office, who holds it) of the place's own body and those beside and above it, the nearest first; no one holds
    the office of the body itself: an empty list."""
    near = rights.body_at(turn, place)
    chain = [body for body in (near, *people.above(turn, near)) if body.level is not Level.STREET]
    beside = [body for body in bodies_of(turn, place.compound_id) if body.level in (Level.PROPERTY, *_BESIDE)]
    held = offices.holders(turn.tx, [body.id for body in (*chain, *beside)])
    found: list[tuple[str, list[Holder]]] = []
    for body in (*chain, *sorted(beside, key=lambda each: (each.level, each.id))):
        roles = [each.role for each in held if each.body.id == body.id and _shown(each)]
        if body is near and not roles:
            found.append((people.office(body, offices.building_of(turn.tx, body)), []))
        for role in dict.fromkeys(roles):
            holding = [each for each in held if each.body.id == body.id and each.role is role]
            found.append((title(turn, body, role), holding))
    return found


_BESIDE = (Level.OWNERS_COMMITTEE, Level.RESIDENTS_COMMITTEE)


def _shown(held: Holder) -> bool:
    return held.role in LEADING or held.role is Role.DUTY


def may_dismiss(person: Person, held: Holder) -> bool:
    return may_give(person, Action.DISMISS, held.role, held.body) and held.person_id != person.id


def _give_back(turn: Turn, acting: list[Holder], *, by: int | None) -> list[Holder]:
    """End what deputies hold, and tell each of them once. Returns what was not ended before."""
    ended = [held for held in acting if _end(turn, held, by=by)]
    for held in ended:
        _record(turn, "returned", held.body, held.role, actor=by, about=held.person_id)
    for person_id in dict.fromkeys(held.person_id for held in ended):
        own = [held for held in ended if held.person_id == person_id]
        _tell(turn, person_id, say("offices.acting_over", office=_titles(turn, own)))
    return ended


def _stand_down(turn: Turn, held: Holder, *, by: int | None) -> None:
    """Who stands in for the holder of an ended post does so no longer."""
    acting = _deputies(turn, held.person_id, [held.body.id])
    _give_back(turn, [each for each in acting if each.role is held.role], by=by)


def _deputies(turn: Turn, person_id: int, bodies: list[int]) -> list[Holder]:
    return [held for held in offices.holders(turn.tx, bodies) if held.acts_for == person_id]


def _titles(turn: Turn, held: list[Holder]) -> str:
    return wording.listed([title(turn, each.body, each.role) for each in held])


def _end(turn: Turn, held: Holder, *, by: int | None) -> bool:
    return offices.end(turn.tx, held, at=turn.now, by=by)


def _start_of(turn: Turn, day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=turn.rules.zone)


def _by(turn: Turn, person: Person, body: Body) -> str:
    """The office in which a person decides about a body."""
    post = next(post for post in person.posts if body.under(post.body))
    return people.office(post.body, offices.building_of(turn.tx, post.body))


def _tell(turn: Turn, person_id: int, text: str) -> None:
    """Privately, by day."""
    if user := stored.find_user(turn.tx, turn.bot_id, person_id):
        turn.say(Outgoing(Address(user, private=True), text), due_at=quiet_end(turn.now, turn.rules))


def _record(turn: Turn, action: str, body: Body, role: Role, *, actor: int | None, about: int) -> None:
    audit.record(
        turn.tx,
        at=turn.now,
        compound_id=body.compound_id,
        actor_id=actor,
        subject="post",
        subject_id=body.id,
        action=action,
        person=about,
        role=role.value,
    )
