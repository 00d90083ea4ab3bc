"""Handing over one's own office: who is above is asked, and it is their word that appoints."""

from datetime import timedelta
from typing import Any

from domain.errors import Refusal
from domain.messages import Address, Outgoing
from domain.people import Body, Holder, Named, Person, Post, Role
from domain.promises import quiet_end
from domain.rights import LEADING
from services import conversations, offices, people
from services.turn import Turn
from storage import offices as rows
from storage import people as stored
from storage import timers
from texts import options, say, wording

HANDOVER = "handover"  # a timer: who is above is asked as soon as no other dialog of theirs is open
_BUSY = timedelta(minutes=10)


def own(person: Person) -> list[tuple[Body, list[Role]]]:
    """The bodies one leads in one's own right, with the leading posts."""
    posts = [post for post in person.posts if post.role in LEADING and post.acts_for is None]
    bodies = {post.body.id: post.body for post in posts}
    return [(body, sorted(post.role for post in posts if post.body.id == number)) for number, body in bodies.items()]


def titles(turn: Turn, body: Body, roles: list[Role]) -> str:
    return wording.listed([offices.title(turn, body, role) for role in roles])


def ask_above(turn: Turn, person: Person, whom: Named, body: Body, roles: list[Role]) -> str:
    """Have who is above asked; whoever handed it over twice meant the last time. Returns the office that is asked."""
    if whom.person_id == person.id:
        raise Refusal("offices.hand_yourself")
    if not all(Post(role, body) in person.posts for role in roles):
        raise Refusal("offices.hand_none")
    decider = _decider(turn, body, roles, {person.id, whom.person_id})
    if decider is None:
        raise Refusal("offices.hand_nobody")
    data = {
        "person": person.id,
        "whom": whom.person_id,
        "decider": decider.person_id,
        "body": body.id,
        "roles": [role.value for role in roles],
    }
    due = quiet_end(turn.now, turn.rules)
    timers.set_timer(turn.tx, HANDOVER, str(person.id), bot_id=turn.bot_id, due_at=due, data=data)
    return people.office(decider.body, rows.building_of(turn.tx, decider.body))


def _decider(turn: Turn, body: Body, roles: list[Role], concerned: set[int]) -> Holder | None:
    """The nearest above who may appoint to all of it, and can be written to."""
    for upper in people.above(turn, body):
        for held in rows.holders(turn.tx, [upper.id]):
            able = held.person_id not in concerned and all(offices.gives(held, role, body) for role in roles)
            if able and stored.find_user(turn.tx, turn.bot_id, held.person_id):
                return held
    return None


def due_question(turn: Turn, data: dict[str, Any]) -> None:
    user = stored.find_user(turn.tx, turn.bot_id, data["decider"])
    held = _held(turn, data)
    if user is None or held is None:
        return
    args = {name: data[name] for name in ("person", "whom", "body", "roles")}
    about: dict[str, Any] = {"flow": "offices.decide", "pending": "agree", "args": args}
    if not conversations.begin(turn, user, wish(turn, data), **about, labels=options("offices.decide_choices")):
        due = quiet_end(turn.now + _BUSY, turn.rules)
        timers.set_timer(turn.tx, HANDOVER, str(data["person"]), bot_id=turn.bot_id, due_at=due, data=data)


def wish(turn: Turn, data: dict[str, Any]) -> str:
    """The question to who is above. Refusal where the office is no longer theirs to hand over."""
    held = _held(turn, data)
    if held is None:
        raise Refusal("offices.hand_gone")
    return say("offices.decide", name=held[0].name, whom=_name(turn, data["whom"]), office=_office(turn, data))


def decide(turn: Turn, person: Person, data: dict[str, Any], *, agreed: bool) -> str:
    """The word of who is above; with it their right to appoint counts. Returns what they are told."""
    held = _held(turn, data)
    if held is None:
        raise Refusal("offices.hand_gone")
    office, name = _office(turn, data), _name(turn, data["whom"])
    if not agreed:
        if user := stored.find_user(turn.tx, turn.bot_id, data["person"]):
            text = say("offices.hand_refused", office=office, whom=name)
            turn.say(Outgoing(Address(user, private=True), text), due_at=quiet_end(turn.now, turn.rules))
        return say("offices.left")
    whom = Named(data["whom"], name, "", "")
    for each in held:
        offices.appoint(turn, person, whom, each.body, each.role, until=each.until)
    return say("offices.appointed", name=name, office=office, day=offices.last_of(turn, held[0].until))


def _held(turn: Turn, data: dict[str, Any]) -> list[Holder] | None:
    """The posts as they are held now; None where one of them is gone."""
    found = [rows.find(turn.tx, data["person"], data["body"], Role(role)) for role in data["roles"]]
    held = [each for each in found if each is not None and each.acts_for is None]
    return held if len(held) == len(found) else None


def _office(turn: Turn, data: dict[str, Any]) -> str:
    return titles(turn, stored.get_body(turn.tx, data["body"]), [Role(role) for role in data["roles"]])


def _name(turn: Turn, person_id: int) -> str:
    return rows.name_of(turn.tx, person_id)
