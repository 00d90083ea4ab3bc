"""Handing over one's own office: who is above is asked, and it is their word that appoints."""

from datetime import datetime
from typing import Any

from domain.errors import Refusal
from domain.messages import Address, Outgoing
from domain.people import Body, Holder, Named, Person, Post, Role
from domain.promises import quiet_end
from domain.rights import LEADING, Action, may_give
from services import conversations, offices, people
from services.turn import Turn
from storage import offices as rows
from storage import people as stored
from storage import persons, timers
from texts import options, say, wording

HANDOVER = "handover"  # a timer: who is above is asked as soon as no other dialog of theirs is open, then waited for


def own(person: Person) -> list[tuple[Body, list[Role]]]:
    """The bodies one leads in one's own right, with the leading posts."""
    posts = [post for post in person.posts if post.role in LEADING and post.acts_for is None]
    bodies = {post.body.id: post.body for post in posts}
    return [(body, sorted(post.role for post in posts if post.body.id == number)) for number, body in bodies.items()]


def titles(turn: Turn, body: Body, roles: list[Role]) -> str:
    return wording.listed([offices.title(turn, body, role) for role in roles])


def check(turn: Turn, person: Person, whom: Named, body: Body, roles: list[Role]) -> Holder:
    """Whose word it is. Refusal for oneself, for what is not held, and where nobody above could agree."""
    if whom.person_id == person.id:
        raise Refusal("offices.hand_yourself")
    if not all(Post(role, body) in person.posts for role in roles):
        raise Refusal("offices.hand_none")
    decider = _decider(turn, body, roles, {person.id, whom.person_id})
    if decider is None:
        raise Refusal("offices.hand_nobody")
    return decider


def ask_above(turn: Turn, person: Person, whom: Named, body: Body, roles: list[Role]) -> str:
    """Have who is above asked; whoever handed it over twice meant the last time. Returns the office that is asked."""
    decider = check(turn, person, whom, body, roles)
    data = {
        "person": person.id,
        "whom": whom.person_id,
        "body": body.id,
        "roles": [role.value for role in roles],
    }
    _plan(turn, data, turn.now)
    return people.office(decider.body, rows.building_of(turn.tx, decider.body))


def _plan(turn: Turn, data: dict[str, Any], at: datetime) -> None:
    due = quiet_end(at, turn.rules)
    timers.set_timer(turn.tx, HANDOVER, _key(data), bot_id=turn.bot_id, due_at=due, data=data)


def _key(data: dict[str, Any]) -> str:
    return f"{data['person']}:{data['body']}"


def _decider(turn: Turn, body: Body, roles: list[Role], concerned: set[int]) -> Holder | None:
    """The nearest above who may appoint to all of it, and can be written to."""
    for upper in people.above(turn, body):
        for held in rows.holders(turn.tx, [upper.id]):
            able = held.person_id not in concerned and all(offices.gives(held, role, body) for role in roles)
            if able and stored.find_user(turn.tx, turn.bot_id, held.person_id):
                return held
    return None


def due_question(turn: Turn, data: dict[str, Any]) -> None:
    """Who is above now is asked; whoever handed it over hears when nobody answered."""
    if _held(turn, data) is None:
        return
    body, roles = stored.get_body(turn.tx, data["body"]), [Role(role) for role in data["roles"]]
    decider = _decider(turn, body, roles, {data["person"], data["whom"]})
    user = stored.find_user(turn.tx, turn.bot_id, decider.person_id) if decider else None
    if user is None or "asked" in data:
        _tell(turn, data, "offices.hand_unanswered")
        return
    about: dict[str, Any] = {"flow": "offices.decide", "pending": "agree", "args": data}
    if conversations.begin(turn, user, _wish(turn, data), **about, labels=options("offices.decide_choices")):
        _plan(turn, {**data, "asked": True}, turn.now + turn.rules.dialog_window)
    else:
        _plan(turn, data, turn.now + conversations.LATER)


def wish(turn: Turn, data: dict[str, Any]) -> str:
    """The question to who is above. Refusal where it is gone: the office, or another was named since."""
    last = persons.timer(turn.tx, HANDOVER, _key(data))
    if _held(turn, data) is None or last is None or last["whom"] != data["whom"] or not _known(turn, data["whom"]):
        raise Refusal("offices.hand_gone")
    return _wish(turn, data)


def _known(turn: Turn, person_id: int) -> bool:
    return stored.find_user(turn.tx, turn.bot_id, person_id) is not None


def _wish(turn: Turn, data: dict[str, Any]) -> str:
    name = rows.name_of(turn.tx, data["person"])
    return say("offices.decide", name=name, whom=_name(turn, data["whom"]), office=_office(turn, data))


def decide(turn: Turn, person: Person, data: dict[str, Any], *, agreed: bool) -> str:
    """The word of who is above; with it their right to appoint counts. Returns what they are told."""
    held = _held(turn, data)
    if held is None:
        raise Refusal("offices.hand_gone")
    wished = {name: data[name] for name in ("person", "whom", "body", "roles")}
    if not all(may_give(person, Action.APPOINT, each.role, each.body) for each in held):
        _plan(turn, wished, turn.now)  # of an office that is no longer theirs; who holds it now is asked
        return say("offices.hand_gone")
    timers.cancel(turn.tx, HANDOVER, _key(data))
    office, name = _office(turn, data), _name(turn, data["whom"])
    if not agreed:
        _tell(turn, data, "offices.hand_refused")
        return say("offices.left")
    whom = Named(data["whom"], name, "", "")
    for each in held:
        offices.appoint(turn, person, whom, each.body, each.role, until=each.until, handed=True)
    return say("offices.appointed", name=name, office=office, day=offices.last_of(turn, held[0].until))


def _tell(turn: Turn, data: dict[str, Any], key: str) -> None:
    """Who hands it over, privately, by day."""
    if user := stored.find_user(turn.tx, turn.bot_id, data["person"]):
        text = say(key, office=_office(turn, data), whom=_name(turn, data["whom"]))
        turn.say(Outgoing(Address(user, private=True), text), due_at=quiet_end(turn.now, turn.rules))


def _held(turn: Turn, data: dict[str, Any]) -> list[Holder] | None:
    """The posts as they are held now; None where one of them is gone."""
    found = [rows.find(turn.tx, data["person"], data["body"], Role(role)) for role in data["roles"]]
    held = [each for each in found if each is not None and each.acts_for is None]
    return held if len(held) == len(found) else None


def _office(turn: Turn, data: dict[str, Any]) -> str:
    return titles(turn, stored.get_body(turn.tx, data["body"]), [Role(role) for role in data["roles"]])


def _name(turn: Turn, person_id: int) -> str:
    return rows.name_of(turn.tx, person_id)
