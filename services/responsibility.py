"""Who gets a matter first, whom it is kept from, who is on duty; and the table of that as a page."""

import re
from collections.abc import Iterable
from datetime import date, timedelta

from domain.errors import Refusal
from domain.people import Body, Level, Named, Person, Place, Role
from domain.responsibility import CHAINS, FIRSTS, Chain, chain_of, shift, tree_level
from domain.rights import LEADING, Action, may
from domain.tickets import Ticket
from services import people, rights
from services.turn import Turn
from storage import audit, offices, ticket_bodies
from storage import people as stored
from storage import responsibility as rows
from storage.responsibility import Line, Shift
from storage.ticket_bodies import NOBODY, Barred
from texts import say, wording

_WEEK = timedelta(days=7)
_OVER = {Level.BUILDING_GROUP: Level.BRANCH, Level.BRANCH: Level.COMMUNITY, Level.PROPERTY: Level.COMMUNITY}
_MARKS = re.compile(r"(?<=<!-- routes -->\n).*?(?=<!-- /routes -->)", re.DOTALL)


def parties(turn: Turn, person: Person, place: Place, category: str, against: Iterable[Level]) -> Barred:
    """Whom a matter concerns: the property company in complaints about its service, and the offices that are named,
    with all who lead them now (they stay out of it in whatever office they are later)."""
    levels = {*against, *((Level.PROPERTY,) if category == "property" else ())}
    if not levels:
        return NOBODY
    building = place.building_id or (person.place.building_id if person.place else None)
    own = stored.bodies_of_compound(turn.tx, place.compound_id)
    named = [body for body in own if body.level in levels and body.building_id in (None, building)]
    held = offices.holders(turn.tx, [body.id for body in named if body.level in set(against)])
    leading = frozenset(each.person_id for each in held if each.role in LEADING)
    return Barred(leading, frozenset(body.id for body in named))


def first_body(
    turn: Turn,
    person: Person,
    place: Place,
    category: str,
    *,
    urgent: bool,
    discreet: bool,
    barred: Barred,
    against: tuple[Level, ...] = (),
) -> Body:
    """The first receiver: the compound's own line, else the usual chain. Who is not there or concerned is passed over.

    The company is first by the chain only where somebody leads it: whoever has a matter first answers for it. What is
    spoken of in private goes to people, not to a company; what is urgent to an office, not to a neighbour. What is said
    against an office goes to who is above it.
    """
    if against:
        level = min(_OVER[each] for each in against)
        return people.responsible_body(turn, place, level, barred=barred)
    home = person.household_id if person.place and person.place.building_id == place.building_id else None
    asked = rows.asked(turn.tx, place.compound_id, category, home)
    chain, own = chain_of(category), Level(asked.level) if asked.level else None
    wanted: list[Body | None] = [people.get_body(turn, asked.body_id) if asked.body_id else None]
    if own is Level.PROPERTY and category != "property":
        wanted.append(asked.company or _company(turn, place.compound_id))
    elif own is None and chain.company_first and not discreet:
        wanted.append(asked.company)
    if not urgent and (own is Level.MEMBER_HOUSEHOLD or (own is None and chain.near_first)):
        wanted.append(asked.household)
    for body in wanted:
        if body and people.reachable(turn, body, barred):
            return body
    level = own if own and own < Level.MEMBER_HOUSEHOLD else tree_level(category)
    found = people.responsible_body(turn, place, level, barred=barred)
    if found.level is Level.BRANCH and chain.near_first and own is None:
        return _grid(turn, found, barred) or found
    return found


def _company(turn: Turn, compound_id: int) -> Body | None:
    own = stored.bodies_of_compound(turn.tx, compound_id)
    return next((body for body in own if body.level is Level.PROPERTY), None)


def _grid(turn: Turn, branch: Body, barred: Barred) -> Body | None:
    """The community, where it has a grid worker: nearer to what begins at the door than the branch."""
    community = next((body for body in people.above(turn, branch) if body.level is Level.COMMUNITY), None)
    if community is None or not people.reachable(turn, community, barred):
        return None
    roles = {held.role for held in offices.holders(turn.tx, [community.id])}
    return community if Role.GRID in roles else None


def keep_out(turn: Turn, ticket: Ticket, barred: Barred) -> None:
    """From now on they neither handle nor see it."""
    for body_id in sorted(barred.bodies):
        ticket_bodies.bar(turn.tx, ticket.id, body_id=body_id)
    for person_id in sorted(barred.people):
        ticket_bodies.bar(turn.tx, ticket.id, person_id=person_id)


def skipped(turn: Turn, ticket: Ticket) -> str:
    """The offices a ticket is kept from, as residents know them; "" where there are none."""
    bodies = [people.get_body(turn, each) for each in sorted(ticket_bodies.barred(turn.tx, ticket.id).bodies)]
    return wording.listed([people.office(body, ticket.building) for body in bodies])


# --- the compound's own lines ---------------------------------------------------------------------------------------


def lines(turn: Turn, person: Person, compound_id: int) -> dict[str, Line]:
    """The compound's own lines, for whoever serves there."""
    if not any(compound_id in people.compounds_under(turn, post.body) for post in person.posts):
        rights.check_right(turn, person, Action.HANDLE, _branch(turn, compound_id))
    return rows.lines(turn.tx, compound_id)


def set_line(turn: Turn, person: Person, compound_id: int, category: str, level: Level) -> None:
    rights.check_right(turn, person, Action.SET_ROUTES, _branch(turn, compound_id))
    if level not in FIRSTS:
        raise Refusal("routes.helps_only")
    if category == "property" and level is Level.PROPERTY:
        raise Refusal("routes.not_its_own")
    rows.set_line(turn.tx, compound_id, category, level, by=person.id, at=turn.now)
    _record(turn, person, compound_id, "route_set", category=category, level=int(level))


def drop_line(turn: Turn, person: Person, compound_id: int, category: str) -> None:
    """The usual chain counts again."""
    rights.check_right(turn, person, Action.SET_ROUTES, _branch(turn, compound_id))
    rows.drop_line(turn.tx, compound_id, category)
    _record(turn, person, compound_id, "route_dropped", category=category)


def first_name(chain: Chain, category: str) -> str:
    """The first receiver by the usual chain, in words."""
    level = chain.bodies[0]
    return level_name(level if chain.company_first or chain.near_first else tree_level(category))


def level_name(level: Level) -> str:
    return say(f"routes.level_{level.name.lower()}")


def _branch(turn: Turn, compound_id: int) -> Body:
    return rights.body_at(turn, Place(compound_id))


# --- who is on duty -------------------------------------------------------------------------------------------------


def set_shifts(
    turn: Turn, person: Person, compound_id: int, days: Iterable[date], whom: Named | None, *, night: bool
) -> None:
    """Somebody is on duty on these days or nights, in place of who was; None: nobody."""
    check_duty(turn, person, compound_id)
    for day in days:
        start, end = shift(day, turn.rules.zone, night=night)
        rows.set_shift(turn.tx, compound_id, whom.person_id if whom else None, start, end, by=person.id)
        about = whom.person_id if whom else None
        _record(turn, person, compound_id, "duty_set", about=about, start=start.isoformat(), end=end.isoformat())


def check_duty(turn: Turn, person: Person, compound_id: int) -> None:
    """By who leads the property company, or the branch and those above it."""
    company = _company(turn, compound_id)
    if company is None or not may(person, Action.SET_DUTY, company):
        rights.check_right(turn, person, Action.SET_DUTY, _branch(turn, compound_id))


def tell_shift(turn: Turn, person: Person, whom: Named, days: str) -> None:
    """Whoever is on duty hears it, unless they said it themselves."""
    user = stored.find_user(turn.tx, turn.bot_id, whom.person_id)
    if user and whom.person_id != person.id:
        people.tell_person(turn, user, say("routes.duty_you", days=days, by=person.name))


def shifts(turn: Turn, person: Person, compound_id: int) -> list[Shift]:
    """This week's, for whoever serves there."""
    lines(turn, person, compound_id)
    return rows.shifts(turn.tx, compound_id, turn.now, turn.now + _WEEK)


def _record(turn: Turn, person: Person, compound_id: int, action: str, **data: object) -> None:
    audit.record(
        turn.tx,
        at=turn.now,
        compound_id=compound_id,
        actor_id=person.id,
        subject="compound",
        subject_id=compound_id,
        action=action,
        **data,
    )


# --- the table as a page --------------------------------------------------------------------------------------------


def table() -> str:
    """The table in docs/tickets.md."""
    out = ["| category | first | the chain | then outside | law |", "|---|---|---|---|---|"]
    for category, chain in CHAINS.items():
        bodies = " → ".join(level_name(level) for level in chain.bodies)
        outside = wording.listed([say(f"routes.agency_{code}") for code in chain.agencies])
        law = say(f"routes.law_{chain.law}") if chain.law else ""
        first = first_name(chain, category)
        out.append(f"| {say(f'categories.{category}')} `{category}` | {first} | {bodies} | {outside} | {law} |")
    return "\n".join([*out, ""])


def into(page: str) -> str:
    """The page with the table between its marks."""
    return _MARKS.sub(lambda _: table(), page)
