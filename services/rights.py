"""Rights where things are done: refused politely with who could, and the table as a page."""

from domain.errors import Refusal
from domain.people import Body, Chat, Level, Person, Place, Post, Role
from domain.rights import APART, LASTING, LEADING, TABLE, Action, Scope, allows, may, may_give
from services import people
from services.turn import Turn
from storage import offices
from storage import people as stored
from texts import say


def check_right(
    turn: Turn, person: Person, action: Action, body: Body, *, role: Role | None = None, about: int = 0
) -> None:
    """Refusal that names the office that could do it. role: the one given or taken away; about: the person concerned,
    for what nobody does for themselves."""
    allowed = may_give(person, action, role, body) if role else may(person, action, body)
    apart = about != 0 and about == person.id and action in APART
    if not allowed or apart:
        who = who_could(turn, action, body, role=role, but=person.id)
        raise Refusal("rights.refused_self" if allowed else "rights.refused", who=who)


def check_right_here(turn: Turn, person: Person, action: Action, chat: Chat | None) -> None:
    """As `check_right`, over the chat's place, the speaker's own, or what they serve; where none is known, the office
    nearest to residents is named."""
    place = chat.place if chat else person.place
    if place is None and not person.posts:
        raise Refusal("rights.refused", who=say("common.office_building", building=""))
    check_right(turn, person, action, body_at(turn, place) if place else person.posts[0].body)


def body_at(turn: Turn, place: Place) -> Body:
    """The body whose right counts at a place: the building's group, else the compound's branch."""
    if place.building_id and (found := stored.find_group_of_building(turn.tx, place.building_id)):
        return found[0]
    own = stored.bodies_of_compound(turn.tx, place.compound_id)
    branch = next((body for body in own if body.level is Level.BRANCH), None)
    if branch is None:
        raise Refusal("tickets.no_place")
    return branch


def who_could(turn: Turn, action: Action, body: Body, *, role: Role | None = None, but: int = 0) -> str:
    """The nearest office that is filled and has the right, by name; where none is, the highest there is."""
    chain = [body, *people.above(turn, body)]
    for holder in sorted(offices.holders(turn.tx, [each.id for each in chain]), key=lambda each: -len(each.body.path)):
        post = Post(holder.role, holder.body, holder.acts_for)
        above = role is None or role not in LEADING or holder.body.id != body.id
        if holder.person_id != but and above and allows(post, action, body):
            return people.office(holder.body, offices.building_of(turn.tx, holder.body))
    return people.office(chain[-1], offices.building_of(turn.tx, chain[-1]))


def table() -> str:
    """docs/rights.md, whole."""
    lines = [
        "# Rights",
        "",
        "Written by `make rights` from the table in `domain/rights.py`; a test compares the two.",
        "",
        "- *own*: one's own body. *subtree*: with all below. *compound*: the whole compound, and all above it.",
        "- Who leads a body is appointed and dismissed from above it; its other members by its leaders too.",
        "- ¹ never about oneself. ² never in somebody's place: a deputy may not.",
    ]
    for kind, roles in TABLE.items():
        lines += ["", f"## {say(f'rights.kind_{kind.value}')} `{kind.value}`", ""]
        names = [f"{say(f'rights.role_{role.value}')} `{role.value}`" for role in roles]
        lines += [f"| | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
        for action in Action:
            mark = (" ¹" if action in APART else "") + (" ²" if action in LASTING else "")
            scopes = [_shown(grants.get(action)) for grants in roles.values()]
            lines.append(f"| {say(f'rights.action_{action.value}')} `{action.value}`{mark} | {' | '.join(scopes)} |")
    return "\n".join([*lines, ""])


def _shown(scope: Scope | None) -> str:
    return scope.value if scope else "–"
