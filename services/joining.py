"""One person where there were two: an account that is let in, and whom the roster has in that household already."""

from typing import Any

from domain import namesakes
from domain.members import HELPER, TENANT, Home
from domain.people import Person
from services import binding, people
from services.handovers import HANDOVER
from services.offices import DEPUTY, TERM
from services.ticket_clock import OUTCOME
from services.turn import Turn
from storage import people as people_rows
from storage import persons
from texts import words


def fitting(
    turn: Turn, person_id: int, home: Home, *, name: str, relation: str, bot_id: str = ""
) -> list[tuple[int, str]]:
    """(id, name) of those on the roster of the household, without an account on the bot, whom that name fits.

    Nobody for somebody who acts for others, and for an account that stands on a roster itself. By a surname alone no
    tenant is taken for an owner or one of the family, nor the other way round.
    """
    if relation == HELPER or (person_id and persons.on_roster(turn.tx, person_id)):
        return []
    there = persons.unbound(turn.tx, bot_id or turn.bot_id, home.id)
    rents = {number for number, _, known in there if known == TENANT}
    fits = namesakes.fitting(name, [(number, known) for number, known, _ in there], words("joining.titles"))
    whole = "".join(name.split())
    return [each for each in fits if each[1] == whole or (each[0] in rents) == (relation == TENANT)]


def join(turn: Turn, bot_id: str, person: Person, into: int, home: Home, *, actor: int) -> int:
    """The account becomes that person of the roster; the id under which they go on. Their own, where the other has an
    account since."""
    if not into or not persons.claim(turn.tx, bot_id, into):
        return people.meet(turn, person).id
    old = person.id
    if not old and not people_rows.add_identity(turn.tx, bot_id, person.user, into):
        old = people.meet(turn, person).id  # met in another chat at this moment
    if old and old != into:
        unite(turn, old, into, bot_id=bot_id, compound_id=home.compound_id, household_id=home.id)
    actor = into if actor in (0, old) else actor
    binding.record(turn, "person", into, "joined", actor=actor, compound=home.compound_id, account=old)
    return into


def unite(turn: Turn, old: int, into: int, *, bot_id: str, compound_id: int, household_id: int) -> None:
    """All that is one person's becomes the other's. household_id: of which a request follows."""
    _move_timers(turn, old, into)
    place = {"household_id": household_id, "compound_id": compound_id}
    persons.move(turn.tx, old, into, bot_id=bot_id, now=turn.now, **place)


def _move_timers(turn: Turn, old: int, new: int) -> None:
    """What waits for its hour names people in its key."""
    keys = [(OUTCOME, f"{ticket}:{{}}") for ticket in persons.reported(turn.tx, old)] + [(DEPUTY, "{}")]
    for post in people_rows.posts_of(turn.tx, old):
        keys.append((TERM, f"{{}}:{post.body.id}:{post.role.value}"))
        keys.append((HANDOVER, f"{{}}:{post.body.id}"))
        keys += [(DEPUTY, str(post.acts_for))] if post.acts_for else []
    for kind, key in keys:
        before, after = key.format(old), key.format(new)
        data = persons.timer(turn.tx, kind, before)
        if data and (before == after or persons.timer(turn.tx, kind, after) is None):
            persons.move_timer(turn.tx, kind, before, after, _renamed(data, old, new))


def _renamed(data: dict[str, Any], old: int, new: int) -> dict[str, Any]:
    renamed = dict(data)
    if data.get("person") == old:
        renamed["person"] = new
    if "posts" in data:
        renamed["posts"] = [[new if whom == old else whom, *post] for whom, *post in data["posts"]]
    return renamed
