"""Small compounds become one (小归大): everything moves, every history stays. docs/organisation.md"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from domain.errors import Refusal
from domain.messages import Address, Outgoing
from domain.people import Body, Holder, Level
from domain.promises import quiet_end
from domain.rules import Rules
from services import offices as office_names
from services.turn import Turn
from storage import audit, merging, offices, people, places, rosters
from storage.database import Database, Tx
from storage.merging import Counts, Heirs, Listed
from texts import say, wording

CHUNK = 500  # closed tickets, lessons in one transaction
_TURN = 1.0  # seconds: a turn that had begun before the switch is over by then
_ALL = 2**62
_COMMITTEES = (Level.OWNERS_COMMITTEE, Level.RESIDENTS_COMMITTEE, Level.TWO_COMMITTEES)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for. renames: (compound's name, building) -> its new number."""

    into: str
    parts: tuple[str, ...]
    renames: Mapping[tuple[str, str], str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ending:
    held: Holder
    office: str


@dataclass(frozen=True, slots=True)
class Part:
    """One compound that goes into the other. done: it has been there before; the rest is empty then.

    renamed: (building, old number, new); moves_to: (community's name until now, from now on), where they differ.
    firms, committees: of the great compound afterwards, where there are several of what a compound has one of.
    """

    id: int
    name: str
    target: int
    done: bool = False
    counts: Counts = field(default_factory=lambda: Counts(0, 0, 0, 0))
    renamed: tuple[tuple[int, str, str], ...] = ()
    branch: Body | None = None
    ending: tuple[Ending, ...] = ()
    heirs: Heirs = field(default_factory=dict)
    moves_to: tuple[str, str] | None = None
    branch_has_chat: bool = False
    firms: tuple[str, ...] = ()
    committees: tuple[str, ...] = ()


async def preview(database: Database, wanted: Wanted, *, now: datetime, bot_id: str, rules: Rules) -> list[Part]:
    """What a merge would do; writes nothing. Raises Refusal where it cannot be."""
    return await database.read(lambda tx: _plan(Turn(tx, bot_id, "merge", now, rules), wanted))


async def merge(database: Database, wanted: Wanted, *, now: datetime, bot_id: str, rules: Rules) -> list[Part]:
    """Merge them one after the other; returns those that were not merged before. Said again, it goes on where it was
    broken off."""

    def switch(tx: Tx, name: str) -> None:
        turn = Turn(tx, bot_id, f"merge:{name}", now, rules)
        rosters.lock(tx)  # no import begins meanwhile
        own = {(part, old): new for (part, old), new in wanted.renames.items() if part == name}
        part = _plan(turn, Wanted(wanted.into, (name,), own))[0]
        if not part.done:
            _switch(turn, part)

    parts = await preview(database, wanted, now=now, bot_id=bot_id, rules=rules)
    for part in parts:
        if not part.done:
            while await database.run(merging.move_some, part.id, part.target, part.heirs, CHUNK):
                pass
            await database.run(switch, part.name)
    if database.dialect == "postgresql" and not all(part.done for part in parts):
        await asyncio.sleep(_TURN)
    for part in parts:
        await database.run(merging.move_late, part.id, part.target, part.heirs, now)
    return [part for part in parts if not part.done]


# --- what would be done ---------------------------------------------------------------------------------------------


def _plan(turn: Turn, wanted: Wanted) -> list[Part]:
    target = _find(turn.tx, wanted.into)
    if target.merged_into:
        raise Refusal("merging.gone", name=target.name, into=merging.get(turn.tx, target.merged_into).name)
    names = [wanted.into, *wanted.parts]
    if twice := next((name for name in names if names.count(name) > 1), ""):
        raise Refusal("merging.twice", name=twice)
    sources = [_find(turn.tx, name) for name in wanted.parts]
    for source in sources:
        if source.merged_into and source.merged_into != target.id:
            raise Refusal("merging.gone", name=source.name, into=merging.get(turn.tx, source.merged_into).name)
    renamed = _renamed(turn.tx, wanted, target, [source for source in sources if not source.merged_into])
    return [
        Part(source.id, source.name, target.id, done=True)
        if source.merged_into
        else _part(turn, source, target, renamed[source.id])
        for source in sources
    ]


def _find(tx: Tx, name: str) -> Listed:
    found = merging.find(tx, name)
    if found is None:
        raise Refusal("merging.unknown", name=name)
    return found


def _renamed(
    tx: Tx, wanted: Wanted, target: Listed, sources: list[Listed]
) -> dict[int, tuple[tuple[int, str, str], ...]]:
    """The buildings that get another number, by compound. Refusal where two would have the same."""
    left, found, same = dict(wanted.renames), {}, []
    taken = {number for _, number in places.buildings(tx, target.id)}
    for source in sources:
        changed = []
        for building, number in places.buildings(tx, source.id):
            new = left.pop((source.name, number), number)
            if new in taken:
                same.append((source.name, new))
            if new != number:
                changed.append((building, number, new))
            taken.add(new)
        found[source.id] = tuple(changed)
    if same:
        free = max((int(number) for number in taken if number.isdecimal()), default=0) + 1
        which = wording.listed([f"{name}{wording.place(number)}" for name, number in same])
        raise Refusal("merging.same_number", which=which, example=f"{same[0][0]}:{same[0][1]}={free}")
    merged = set(wanted.parts) - {source.name for source in sources}
    if unknown := next((key for key in left if key[0] not in merged), None):
        raise Refusal("merging.rename_unknown", rename=f"{unknown[0]}:{unknown[1]}={left[unknown]}")
    return found


def _part(turn: Turn, source: Listed, target: Listed, renamed: tuple[tuple[int, str, str], ...]) -> Part:
    tx = turn.tx
    own, there = people.bodies_of_compound(tx, source.id), people.bodies_of_compound(tx, target.id)
    branch, new = _branch(own), _branch(there)
    if own and new is None:
        raise Refusal("merging.no_branch", name=target.name)
    if rosters.leftovers(tx, source.id, None):
        raise Refusal("merging.importing", name=source.name)
    part = Part(source.id, source.name, target.id, counts=merging.counts(tx, source.id), renamed=renamed)
    if branch is None or new is None:
        return part
    above = {body.level: body for body in people.chain(tx, new)}
    old = people.chain(tx, branch)
    heirs = {body.id: above[body.level].id for body in old if body.level in above and above[body.level] != body}
    before = next((body for body in old if body.level is Level.COMMUNITY), None)
    after = above.get(Level.COMMUNITY)
    ending = [Ending(held, office_names.title(turn, branch, held.role)) for held in offices.holders(tx, [branch.id])]
    return Part(
        source.id,
        source.name,
        target.id,
        counts=part.counts,
        renamed=renamed,
        branch=branch,
        ending=tuple(ending),
        heirs=heirs,
        moves_to=(before.name, after.name) if before and after and before.id != after.id else None,
        branch_has_chat=bool(places.chats_of_body(tx, branch.id)),
        firms=_several([*there, *own], Level.PROPERTY),
        committees=tuple(name for level in _COMMITTEES for name in _several([*there, *own], level)),
    )


def _several(bodies: list[Body], level: Level) -> tuple[str, ...]:
    names = tuple(body.name for body in bodies if body.level is level)
    return names if len(names) > 1 else ()


def _branch(bodies: list[Body]) -> Body | None:
    return next((body for body in bodies if body.level is Level.BRANCH), None)


# --- the switch -----------------------------------------------------------------------------------------------------


def _switch(turn: Turn, part: Part) -> None:
    """Everything that can be seen, in one transaction."""
    tx, target = turn.tx, merging.get(turn.tx, part.target)
    bodies = people.bodies_of_compound(tx, part.id)
    for renamed in part.renamed:
        _rename(turn, part, bodies, renamed)
    branch = _branch(people.bodies_of_compound(tx, part.target))
    for ending in part.ending:
        _end(turn, part, target, branch, ending)
    if branch:
        merging.move_bodies(tx, part.id, part.target, branch)
    if part.branch and branch:
        merging.hand_over_calls(tx, part.branch.id, branch.id)
    merging.move_all(tx, part.id, part.target, part.heirs, turn.now)
    # Last of what turns lock too: a turn that opens a ticket holds the counter, and then no ticket of others.
    for series in ("ticket", "poll"):
        merging.raise_counter(tx, f"{series}:{part.id}", f"{series}:{part.target}")
    rosters.drop_staged(tx, part.id)
    rosters.forget_older(tx, part.id, _ALL)  # an import of the old compound cannot be taken back from the new one
    merging.close(tx, part.id, part.target, turn.now)
    old_branch = part.branch.id if part.branch else None
    about: list[tuple[int, str, dict[str, object]]] = [
        (
            part.id,
            "merged_into",
            {"into": part.target, "branch": old_branch, "renamed": [list(x) for x in part.renamed]},
        ),
        (part.target, "merged", {"part": part.id, "posts": len(part.ending)}),
    ]
    for compound, action, data in about:
        _record(turn, compound, "compound", compound, action, **data)
    turn.flush()


def _rename(turn: Turn, part: Part, bodies: list[Body], renamed: tuple[int, str, str]) -> None:
    """The building, and whatever is called by its number: its bodies, its groups."""
    building, old, new = renamed
    was, now = wording.place(old), wording.place(new)
    merging.rename_buildings(turn.tx, [(building, new)])
    groups = [body for body in bodies if body.building_id == building]
    for body in bodies:
        if body.name.startswith(was) and any(body.under(group) for group in groups):
            people.rename_body(turn.tx, body.id, now + body.name.removeprefix(was))
    for bot_id, chat_id, title in merging.chat_titles(turn.tx, building, part.id):
        if title.startswith(was):
            merging.set_title(turn.tx, bot_id, chat_id, now + title.removeprefix(was))


def _end(turn: Turn, part: Part, target: Listed, branch: Body | None, ending: Ending) -> None:
    """A post in the old branch: there is one branch now. Who held it is told once."""
    held = ending.held
    if not offices.end(turn.tx, held, at=turn.now, by=None):
        return
    facts = {"person": held.person_id, "role": held.role.value}
    _record(turn, part.id, "post", held.body.id, "dismissed", **facts)
    if user := people.find_user(turn.tx, turn.bot_id, held.person_id):
        by = branch.name if branch else target.name
        text = say("merging.told", compound=part.name, into=target.name, office=ending.office, by=by)
        turn.say(Outgoing(Address(user, private=True), text), due_at=quiet_end(turn.now, turn.rules))


def _record(turn: Turn, compound: int, subject: str, number: int, action: str, **data: object) -> None:
    audit.record(
        turn.tx,
        at=turn.now,
        compound_id=compound,
        actor_id=None,
        subject=subject,
        subject_id=number,
        action=action,
        **data,
    )
