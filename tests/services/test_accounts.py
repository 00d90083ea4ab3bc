"""Accounts on a database: what passes to the new one, what ends, and that nobody gains a right by changing accounts."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.demo import build
from bot.play import BOT
from domain.errors import Refusal
from domain.messages import Address, Outgoing
from domain.people import Body, Level, Named, Person, Place
from domain.rights import Action, allows
from domain.rules import Rules
from services import accounts, members, offices, rights
from services.turn import Turn
from storage import accounts as rows
from storage import conversations, outbox, people
from storage.audit import Audit
from storage.conversations import Conversation
from storage.database import Database, Tx

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=ZoneInfo("Asia/Shanghai"))


def turn_at(tx: Tx, now: datetime = NOON, cause: str = "u:1") -> Turn:
    return Turn(tx, BOT, cause, now, Rules())


def speaker(tx: Tx, user: str) -> Person:
    return people.find_person(tx, BOT, user) or Person(0, user, user)


def named(tx: Tx, name: str) -> Named:
    return Named(speaker(tx, name).id, name, "", "")


def use(turn: Turn, user: str, code: str) -> str:
    found = accounts.look_up(turn, speaker(turn.tx, user), code)
    assert found
    return accounts.change(turn, speaker(turn.tx, user), found)


@pytest.fixture
async def demo(database: Database) -> Database:
    await database.run(build, BOT)
    return database


async def test_the_person_goes_on_and_the_old_account_is_a_stranger(demo: Database) -> None:
    def play(tx: Tx) -> None:
        turn, before = turn_at(tx), speaker(tx, "老刘")
        code = accounts.own_code(turn, before)
        assert use(turn, "new", code) == "老刘"
        after = speaker(tx, "new")
        assert (after.id, after.posts, after.place) == (before.id, before.posts, before.place)
        assert speaker(tx, "老刘").id == 0
        assert accounts.look_up(turn, speaker(tx, "other"), code) is None
        actions = [(row.action, row.actor_id) for row in tx.execute(Audit.__table__.select().order_by(Audit.id))]
        assert actions == [("account_code", before.id), ("account_changed", before.id), ("wrong_account", None)]

    await demo.run(play)


async def test_questions_and_kept_words_end_and_unsaid_ones_follow(demo: Database) -> None:
    def play(tx: Tx) -> None:
        turn, old = turn_at(tx), Address("王阿姨", private=True)
        waiting = Conversation("help.menu", {}, [], "what", "q", NOON + timedelta(hours=1))
        conversations.save(tx, BOT, "王阿姨", "王阿姨", waiting)
        for text, question in (("held", ""), ("asked", "q"), ("news", "")):
            turn.say(Outgoing(old, text, question=question), due_at=NOON + timedelta(hours=len(text)))
        turn.flush()
        (row,) = outbox.claim(tx, bot_id=BOT, now=NOON + timedelta(hours=4), lease=timedelta(minutes=1), most=1)
        outbox.mark_held(tx, row.id, error="never wrote", now=NOON)
        turn = turn_at(tx, cause="u:2")
        use(turn, "new", accounts.own_code(turn, speaker(tx, "王阿姨")))
        assert conversations.find(tx, BOT, "王阿姨", "王阿姨", NOON) is None
        assert outbox.held(tx, bot_id=BOT, chat_id="王阿姨", since=NOON - timedelta(days=1)) == []
        later = outbox.claim(tx, bot_id=BOT, now=NOON + timedelta(days=1), lease=timedelta(minutes=1))
        assert [(each.message["chat"], each.message["text"]) for each in later] == [("new", "news")]

    await demo.run(play)


async def test_a_second_code_is_over_with_the_first(demo: Database) -> None:
    def play(tx: Tx) -> None:
        turn = turn_at(tx)
        first, second = (accounts.own_code(turn, speaker(tx, "王阿姨")) for _ in range(2))
        use(turn, "new", first)
        with pytest.raises(Refusal, match="code_gone"):
            use(turn, "thief", second)
        assert speaker(tx, "thief").id == 0

    await demo.run(play)


async def test_a_request_of_the_new_account_is_withdrawn(demo: Database) -> None:
    """Somebody who has only asked to be let in is no known account; the request goes, the person of the code stays."""

    def play(tx: Tx) -> None:
        turn = turn_at(tx)
        (home,) = members.homes(turn, speaker(tx, "老刘"), None, building="3", unit="2", room="602")
        members.request(turn, speaker(tx, "new"), home, "owner", "new")
        use(turn, "new", accounts.own_code(turn, speaker(tx, "王阿姨")))
        assert speaker(tx, "new").name == "王阿姨"
        assert members.show_waiting(turn, speaker(tx, "老刘")) == ""

    await demo.run(play)


async def test_who_holds_a_post_above_is_not_given_away_below(demo: Database) -> None:
    """No code for somebody of whose posts one is not theirs to give, nor for whose home is elsewhere."""

    def play(tx: Tx) -> None:
        turn, head, secretary = turn_at(tx), speaker(tx, "老刘"), speaker(tx, "周书记")
        known = build(tx, BOT)
        known.appoint(speaker(tx, "孙主任").id, "building_group:staff", "3")
        known.settle("二妹", "二妹", home="5-1-101")
        known.appoint(speaker(tx, "二妹").id, "building_group:staff", "3")
        for name in ("孙主任", "二妹", "何老师", "周书记", "吴师傅", "老刘"):
            with pytest.raises(Refusal):
                accounts.code_for(turn, head, named(tx, name))
        assert accounts.code_for(turn, head, named(tx, "王阿姨"))
        assert accounts.code_for(turn, secretary, named(tx, "二妹"))
        assert accounts.code_for(turn, secretary, named(tx, "老刘"))
        for name in ("孙主任", "周书记", "小林"):
            with pytest.raises(Refusal):
                accounts.code_for(turn, secretary, named(tx, name))

    await demo.run(play)


# --- rights come only from rights -----------------------------------------------------------------------------------

NAMES = ("王阿姨", "小赵", "老刘", "周书记", "孙主任", "吴师傅", "何老师", "郑工", "小林")
FRESH = ("a1", "a2", "a3")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(("own", "for", "use", "dismiss")),
        st.sampled_from((*NAMES, *FRESH)),
        st.sampled_from(NAMES),
        st.integers(0, 9),
    ),
    min_size=2,
    max_size=14,
)
Right = tuple[Action, int]


@contextmanager
def undone(tx: Tx) -> Iterator[None]:
    step = tx.begin_nested()
    try:
        yield
    finally:
        step.rollback()


def rights_of(person: Person, bodies: list[Body]) -> set[Right]:
    return {(each, body.id) for post in person.posts for each in Action for body in bodies if allows(post, each, body)}


def homes_of(tx: Tx, user: str) -> list[Place]:
    return rows.homes(tx, speaker(tx, user).id) if speaker(tx, user).id else []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_no_account_gets_what_nobody_with_the_right_gave(demo: Database) -> None:
    """Whoever draws, uses and dismisses in whatever order: an account gains rights and homes only as the account before
    it gives them up, or by who may give every one of them."""
    changed, helped = 0, 0

    def play(tx: Tx) -> None:
        bodies = offices.bodies_of(turn_at(tx), 1)
        above = {body.id for body in bodies if body.level in (Level.STREET, Level.COMMUNITY, Level.BRANCH)}

        @settings(
            max_examples=60, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
        )
        @given(STEPS)
        def steps(given_steps: list[tuple[str, str, str, int]]) -> None:
            nonlocal changed, helped
            with undone(tx):
                drawn: list[tuple[str, int, int]] = []  # code, whose word, whose account
                for verb, user, about, number in given_steps:
                    turn, before = turn_at(tx), rights_of(speaker(tx, user), bodies)
                    homes = homes_of(tx, user)
                    code, maker, whom = drawn[number % len(drawn)] if drawn else ("", 0, 0)
                    word = Person(maker, "", "", posts=people.posts_of(tx, maker))
                    given_by = rights_of(word, bodies)
                    if not act(turn, verb, user, about=about, code=code, drawn=drawn) or verb != "use":
                        assert rights_of(speaker(tx, user), bodies) <= before
                        continue
                    changed += 1
                    new = rights_of(speaker(tx, user), bodies) - before
                    assert speaker(tx, user).id == whom
                    assert not homes
                    if maker == whom:
                        continue
                    helped += 1
                    work = {Action.HANDLE, Action.CALL_OFF, Action.SEE_FILES}
                    in_property = any(post.body.level is Level.PROPERTY for post in speaker(tx, user).posts)
                    for action, body_id in new:
                        needed = Action.APPOINT if action is Action.DEPUTISE else action
                        passed_on = in_property and action in work and body_id in above
                        assert (needed, body_id) in given_by or passed_on, (user, action, body_id)
                    for home in homes_of(tx, user):
                        assert (Action.APPROVE, rights.body_at(turn, home).id) in given_by

        steps()

    await demo.run(play)
    assert changed > 5 and helped > 0, "the steps hardly ever changed an account"


def act(turn: Turn, verb: str, user: str, *, about: str, code: str, drawn: list[tuple[str, int, int]]) -> bool:
    """Whether it was done."""
    tx, who = turn.tx, speaker(turn.tx, user)
    try:
        with tx.begin_nested():
            if verb == "own":
                drawn.append((accounts.own_code(turn, who), who.id, who.id))
            elif verb == "for":
                whom = speaker(tx, about)
                if not whom.id:
                    return False
                drawn.append((accounts.code_for(turn, who, Named(whom.id, about, "", "")), who.id, whom.id))
            elif verb == "use":
                found = accounts.look_up(turn, who, code) if code else None
                if found is None:
                    return False
                accounts.change(turn, who, found)
            else:
                for held in offices.held_by(turn, 1, about)[:1]:
                    offices.dismiss(turn, who, held)
    except Refusal:
        return False
    return True
