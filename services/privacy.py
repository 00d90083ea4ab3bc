"""A person's rights in their own data: a copy, erasure, consent taken back. And the keys under which it is stored."""

from collections.abc import Callable
from typing import Any

from domain.errors import Refusal
from domain.people import Person
from services.turn import Turn
from storage import audit, personal
from storage.database import Database
from storage.vault import Vault, vault
from texts import say, wording

CHUNK = 500  # rows of a transaction when keys are rotated
_SHOWN = 5  # tickets by number


def copy(turn: Turn, person: Person) -> dict[str, object]:
    """Everything that is kept about the person, as the facts of a text. Refusal where that is nothing."""
    if not person.id:
        raise Refusal("privacy.nothing")
    kept, ring = personal.kept(turn.tx, person.id), vault()
    numbers = wording.listed([say("privacy.ticket", number=number) for number in kept.tickets[:_SHOWN]])
    zone = turn.rules.zone
    given = [(say(f"privacy.for_{purpose}"), at.astimezone(zone)) for purpose, at in kept.consents]
    consents = [
        say("privacy.consent", purpose=purpose, year=at.year, month=at.month, day=at.day) for purpose, at in given
    ]
    return {
        "name": kept.name,
        "accounts": kept.accounts,
        "phone": wording.phone_masked(ring.open(kept.phone)) if ring and kept.phone else "",
        "paper": wording.paper_masked(ring.open(kept.paper)) if ring and kept.paper else "",
        "homes": wording.listed(
            [
                say(f"privacy.home_{relation}", home=wording.home(building, unit, room))
                for building, unit, room, relation in kept.homes
            ]
        ),
        "posts": _posts(person),
        "count": len(kept.tickets),
        "tickets": say("privacy.tickets_more", tickets=numbers) if len(kept.tickets) > _SHOWN else numbers,
        "files": kept.files or "",
        "consents": wording.listed(consents),
    }


def check_erasable(person: Person) -> None:
    """Who holds an office hands it over first; who is not known has nothing to erase."""
    if not person.id:
        raise Refusal("privacy.nothing")
    if person.posts:
        raise Refusal("privacy.office", posts=_posts(person))


def erase(turn: Turn, person: Person) -> None:
    """Erase what no law asks to be kept. Tickets stay as counts, audit rows as ids."""
    check_erasable(person)
    personal.erase(turn.tx, person.id, at=turn.now, mark=say("privacy.erased_words"))
    _record(turn, person, "erased")


def withdraw_consent(turn: Turn, person: Person) -> None:
    """Take back all consents: the numbers go, and those who acted for the person no longer do."""
    if not person.id:
        raise Refusal("privacy.nothing")
    count = personal.withdraw_consents(turn.tx, person.id, turn.now)
    _record(turn, person, "consent_withdrawn", consents=count)


async def rotate(database: Database, ring: Vault) -> int:
    """Everything sealed under the newest key; returns rows changed. Stopped half-way, it is simply run again."""
    return await _renew(database, personal.renew_people, ring) + await _renew(database, personal.renew_changes, ring)


async def _renew(database: Database, step: Callable[..., tuple[int | None, int]], ring: Vault) -> int:
    after: int | None = 0
    total = 0
    while after is not None:
        after, changed = await database.run(step, ring, after=after, most=CHUNK)
        total += changed
    return total


def _posts(person: Person) -> str:
    return wording.listed(list(dict.fromkeys(post.body.name for post in person.posts)))


def _record(turn: Turn, person: Person, action: str, **data: Any) -> None:
    compound = person.place.compound_id if person.place else None
    audit.record(
        turn.tx,
        at=turn.now,
        compound_id=compound,
        actor_id=person.id,
        subject="person",
        subject_id=person.id,
        action=action,
        **data,
    )
