"""What help needs to know: which rights somebody has at a place, and whose bot this is."""

from domain.errors import Refusal
from domain.people import Body, Chat, Level, Person
from domain.rights import Action, may
from services import people, rights
from services.turn import Turn


def rights_here(turn: Turn, person: Person, chat: Chat | None) -> frozenset[Action]:
    """In a group: those over its place or body; in private: those over anything."""
    if not person.posts:
        return frozenset()
    body = _body(turn, chat) if chat else None
    return frozenset(action for action in Action if may(person, action, body))


def _body(turn: Turn, chat: Chat) -> Body | None:
    if chat.body_id:
        return people.get_body(turn, chat.body_id)
    try:
        return rights.body_at(turn, chat.place)
    except Refusal:
        return None


def community(turn: Turn, person: Person, chat: Chat | None) -> str:
    """The community that runs the bot, where the place is known; else ""."""
    place = chat.place if chat else person.place
    if place is None:
        return ""
    try:
        nearest = rights.body_at(turn, place)
    except Refusal:
        return ""
    return next((body.name for body in people.above(turn, nearest) if body.level is Level.COMMUNITY), "")
