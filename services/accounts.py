"""A person goes on with another account: by a code from the old one, or, where that is lost, from somebody with the
right over every post and home of theirs."""

from dataclasses import replace
from datetime import timedelta

from domain.errors import Refusal
from domain.messages import Address, Outgoing
from domain.people import Named, Person, Place, Post
from domain.rights import Action, may, may_give
from services import binding, joining, people, rights
from services.codes import draw
from services.turn import Turn
from storage import accounts, codes, members, offices, persons
from storage import people as stored
from storage.codes import Found
from texts import say, wording

VALID = timedelta(minutes=30)


def own_code(turn: Turn, person: Person) -> str:
    """For the account that speaks: the new one says the code and is that person."""
    if not person.id:
        raise Refusal("accounts.unknown")
    return _draw(turn, person, person.id, person.user, _compound(turn, person.id))


def check_may_help(turn: Turn, person: Person) -> None:
    """Refusal, before anybody is looked up, for who may not change anybody's account."""
    if not may(person, Action.APPOINT) and not may(person, Action.APPROVE):
        rights.check_right_here(turn, person, Action.APPROVE, None)


def code_for(turn: Turn, person: Person, whom: Named) -> str:
    """A code to be handed over in person; the old account hears of it at once."""
    posts, homes = stored.posts_of(turn.tx, whom.person_id), accounts.homes(turn.tx, whom.person_id)
    if whom.person_id == person.id:
        raise Refusal("accounts.yourself", who=_who_could(turn, posts, homes, but=person.id))
    if not _covers(turn, person, posts, homes):
        raise Refusal("rights.refused", who=_who_could(turn, posts, homes, but=person.id))
    user = stored.find_user(turn.tx, turn.bot_id, whom.person_id)
    if user is None:
        raise Refusal("accounts.nobody", name=whom.name)
    code = _draw(turn, person, whom.person_id, user, _compound(turn, whom.person_id))
    people.tell_person(turn, user, say("accounts.warned", office=_office(turn, person.posts), until=until(turn)))
    return code


def _covers(turn: Turn, person: Person, posts: tuple[Post, ...], homes: list[Place]) -> bool:
    """Whoever speaks by an account has its posts and homes for good: they are given by who may give each of them, in
    their own right."""
    person = replace(person, posts=tuple(post for post in person.posts if post.acts_for is None))
    given = all(may_give(person, Action.APPOINT, post.role, post.body) for post in posts)
    let_in = all(may(person, Action.APPROVE, rights.body_at(turn, home)) for home in homes)
    return bool(posts or homes) and given and let_in


def _who_could(turn: Turn, posts: tuple[Post, ...], homes: list[Place], *, but: int) -> str:
    """The office that could, by its highest post, else by the home."""
    if posts:
        return rights.who_could(turn, Action.APPOINT, posts[0].body, role=posts[0].role, but=but)
    if homes:
        return rights.who_could(turn, Action.APPROVE, rights.body_at(turn, homes[0]), but=but)
    raise Refusal("accounts.unknown")


def _draw(turn: Turn, person: Person, whom: int, user: str, compound: int) -> str:
    target = {"person": whom, "bot": turn.bot_id, "user": user}
    ends = turn.now + VALID
    code = draw(turn, codes.ACCOUNT, 6, compound=compound, made_by=person.id, until=ends, target=target)
    binding.record(turn, "person", whom, "account_code", actor=person.id, compound=compound or None)
    return code


def look_up(turn: Turn, person: Person, code: str) -> Found | None:
    """A usable code; None: a wrong try, counted."""
    return binding.look_up(turn, codes.ACCOUNT, code, person, person.user)


def spoil(turn: Turn, person: Person, found: Found) -> None:
    """A code that was said where others read it changes nothing."""
    codes.use(turn.tx, found.id, person_id=person.id, now=turn.now)
    binding.record(turn, "code", found.id, "spoiled", actor=person.id, compound=found.compound_id or None)


def change(turn: Turn, person: Person, found: Found) -> str:
    """The account that speaks is the code's person from now on, the old one a stranger. Returns the person's name."""
    whom, old = int(found.target["person"]), str(found.target["user"])
    if whom == person.id:
        raise Refusal("accounts.same")
    if person.posts or (person.id and accounts.homes(turn.tx, person.id)):
        raise Refusal("accounts.known")
    if not _stands(turn, found, whom) or not codes.use(turn.tx, found.id, person_id=whom, now=turn.now):
        raise Refusal("members.code_gone")
    if not accounts.drop(turn.tx, turn.bot_id, old, whom):
        raise Refusal("members.code_gone")
    if not _take(turn, person, whom):
        raise Refusal("accounts.known")
    accounts.move_private(turn.tx, turn.bot_id, old, person.user)
    compound = found.compound_id or None
    binding.record(turn, "person", whom, "account_changed", actor=found.made_by or 0, compound=compound, code=found.id)
    now = stored.find_person(turn.tx, turn.bot_id, person.user)
    turn.say(Outgoing(Address(old, private=True), say("accounts.gone", office=_responsible(turn, whom))))
    return now.name if now else ""


def _stands(turn: Turn, found: Found, whom: int) -> bool:
    """The code is for this bot and an account that is still the person's, and who made it still may."""
    target, maker = found.target, found.made_by or 0
    if target["bot"] != turn.bot_id or accounts.owner(turn.tx, turn.bot_id, target["user"]) != whom:
        return False
    if maker == whom:
        return True
    by = Person(maker, "", "", posts=stored.posts_of(turn.tx, maker))
    return _covers(turn, by, stored.posts_of(turn.tx, whom), accounts.homes(turn.tx, whom))


def _take(turn: Turn, person: Person, whom: int) -> bool:
    if not person.id:
        return stored.add_identity(turn.tx, turn.bot_id, person.user, whom)
    if waiting := members.request_of(turn.tx, person.id):
        members.decide(turn.tx, waiting.id, members.WITHDRAWN, by=whom, at=turn.now)
    if not accounts.take(turn.tx, turn.bot_id, person.user, before=person.id, person=whom):
        return False
    if not persons.on_roster(turn.tx, person.id):  # what the account reported before goes with it
        joining.unite(turn, person.id, whom, bot_id=turn.bot_id, compound_id=_compound(turn, whom), household_id=0)
    return True


def _compound(turn: Turn, person_id: int) -> int:
    """0: the person belongs to none."""
    if homes := accounts.homes(turn.tx, person_id):
        return homes[0].compound_id
    served = [each for post in stored.posts_of(turn.tx, person_id) for each in people.compounds_under(turn, post.body)]
    return served[0] if served else 0


def _responsible(turn: Turn, whom: int) -> str:
    """The office to turn to when an account was changed by another."""
    posts, homes = stored.posts_of(turn.tx, whom), accounts.homes(turn.tx, whom)
    if not posts and not homes:
        return say("common.office_community")
    return _who_could(turn, posts, homes, but=whom)


def _office(turn: Turn, posts: tuple[Post, ...]) -> str:
    return people.office(posts[0].body, offices.building_of(turn.tx, posts[0].body))


def until(turn: Turn) -> str:
    return wording.hour((turn.now + VALID).astimezone(turn.rules.zone))
