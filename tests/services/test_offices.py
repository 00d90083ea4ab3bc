"""Offices on a database: the history, ended posts, deputies after their day, and that rights come only from rights."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from bot.demo import build
from bot.play import BOT
from domain.errors import Refusal
from domain.people import OFFICES, Body, Level, Named, Person, Role
from domain.rights import Action, allows
from domain.rules import Rules
from services import bodies as body_services
from services import clock, handovers, offices, rights
from services.turn import Turn
from storage import conversations, people
from storage.audit import Audit
from storage.conversations import Conversation
from storage.database import Database, Tx
from storage.people import PostHistory, PostRow
from storage.timers import TimerRow
from texts import say, words

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=ZoneInfo("Asia/Shanghai"))


def turn_at(tx: Tx, now: datetime = NOON) -> Turn:
    return Turn(tx, BOT, "u:1", now, Rules())


def person(tx: Tx, name: str) -> Person:
    found = people.find_person(tx, BOT, name)
    assert found
    return found


def named(tx: Tx, name: str) -> Named:
    return Named(person(tx, name).id, name, "", "")


def group(tx: Tx, building: str) -> Body:
    bodies = people.bodies_of_compound(tx, 1)
    return next(body for body in bodies if body.level is Level.BUILDING_GROUP and body.name.startswith(f"{building}栋"))


@pytest.fixture(autouse=True)
async def demo(database: Database) -> None:
    await database.run(build, BOT)


async def test_every_change_is_in_the_history_and_in_the_audit(database: Database) -> None:
    def change(tx: Tx) -> None:
        turn, secretary, body = turn_at(tx), person(tx, "周书记"), group(tx, "3")
        offices.appoint(turn, secretary, named(tx, "小赵"), body, Role.HEAD)
        old, new = person(tx, "老刘"), person(tx, "小赵")
        assert [post.role for post in new.posts] == [Role.HEAD]
        assert [post.role for post in old.posts] == [Role.LEADER]  # one of two posts went over
        history = tx.execute(select(PostHistory.person_id, PostHistory.role, PostHistory.ended_by)).all()
        assert [tuple(row) for row in history] == [(old.id, "head", secretary.id)]
        audit = tx.execute(select(Audit.action, Audit.actor_id, Audit.subject_id, Audit.data).order_by(Audit.id)).all()
        assert [tuple(row) for row in audit] == [
            ("dismissed", secretary.id, body.id, {"person": old.id, "role": "head"}),
            ("appointed", secretary.id, body.id, {"person": new.id, "role": "head"}),
        ]
        since = tx.execute(select(PostRow.since).where(PostRow.person_id == new.id)).scalar_one()
        assert since == NOON
        assert [message.to.chat for _, message, _ in turn.said] == ["老刘", "小赵"]

    await database.run(change)


async def test_an_ended_post_gives_no_right(database: Database) -> None:
    def end(tx: Tx) -> None:
        body, secretary = group(tx, "3"), person(tx, "周书记")
        held = offices.held_by(turn_at(tx), 1, "老刘")
        assert any(allows(post, Action.APPROVE, body) for post in person(tx, "老刘").posts)
        for each in held:
            offices.dismiss(turn_at(tx), secretary, each)
        assert person(tx, "老刘").posts == ()
        for action in Action:
            with pytest.raises(Refusal):
                rights.check_right(turn_at(tx), person(tx, "老刘"), action, body)
        with pytest.raises(Refusal, match="ended_already"):
            offices.dismiss(turn_at(tx), secretary, held[0])

    await database.run(end)


async def test_a_deputy_has_nothing_after_the_day(database: Database) -> None:
    def go(tx: Tx) -> None:
        assert offices.go_away(turn_at(tx), person(tx, "老刘"), named(tx, "小赵"), date(2026, 11, 29))
        assert len(person(tx, "小赵").posts) == 2
        before, after = datetime(2026, 11, 29, 23, 59, tzinfo=NOON.tzinfo), datetime(2026, 11, 30, tzinfo=NOON.tzinfo)
        clock.tick(tx, before, Rules())
        assert len(person(tx, "小赵").posts) == 2
        clock.tick(tx, after, Rules())
        assert person(tx, "小赵").posts == ()
        assert len(person(tx, "老刘").posts) == 2
        ended = tx.execute(select(PostHistory.person_id, PostHistory.acts_for, PostHistory.ended_by)).all()
        expected = (person(tx, "小赵").id, person(tx, "老刘").id, None)
        assert [tuple(row) for row in ended] == [expected, expected]

    await database.run(go)


async def test_another_absence_takes_the_place_of_the_first(database: Database) -> None:
    def go(tx: Tx) -> None:
        offices.go_away(turn_at(tx), person(tx, "老刘"), named(tx, "小赵"), date(2026, 11, 24))
        offices.go_away(turn_at(tx), person(tx, "老刘"), named(tx, "王阿姨"), date(2026, 11, 29))
        assert person(tx, "小赵").posts == ()
        timers = tx.execute(select(TimerRow.kind).where(TimerRow.kind == offices.DEPUTY)).all()
        assert len(timers) == 1
        clock.tick(tx, datetime(2026, 11, 25, tzinfo=NOON.tzinfo), Rules())
        assert len(person(tx, "王阿姨").posts) == 2

    await database.run(go)


async def test_a_deputy_who_is_appointed_stays(database: Database) -> None:
    def go(tx: Tx) -> None:
        offices.go_away(turn_at(tx), person(tx, "老刘"), named(tx, "小赵"), date(2026, 11, 24))
        offices.appoint(turn_at(tx), person(tx, "周书记"), named(tx, "小赵"), group(tx, "3"), Role.HEAD)
        clock.tick(tx, NOON + timedelta(days=3), Rules())
        assert [(post.role, post.acts_for) for post in person(tx, "小赵").posts] == [(Role.HEAD, None)]

    await database.run(go)


async def test_namesakes_are_told_apart_and_strangers_not_found(database: Database) -> None:
    def look(tx: Tx) -> None:
        known = build(tx, BOT)
        known.settle("second", "小赵", home="5-1-302")
        known.settle("stranger", "生人")
        other = people.add_person(tx, "小赵")  # on the roster only: no identity
        found = offices.find_people(turn_at(tx), 1, "小赵")
        assert [(each.building, each.unit) for each in found] == [("3", "1"), ("5", "1")]
        assert other not in {each.person_id for each in found}
        assert offices.find_people(turn_at(tx), 1, "生人") == []
        assert [each.name for each in offices.find_people(turn_at(tx), 1, "孙主任")] == ["孙主任"]  # by the post alone

    await database.run(look)


async def test_a_term_ends_by_itself_with_whoever_stands_in(database: Database) -> None:
    def go(tx: Tx) -> None:
        body, secretary = group(tx, "3"), person(tx, "周书记")
        until = offices.term_until(turn_at(tx), last=date(2026, 12, 31))
        offices.appoint(turn_at(tx), secretary, named(tx, "小赵"), body, Role.HEAD, until=until)
        offices.go_away(turn_at(tx, until - timedelta(days=2)), person(tx, "小赵"), named(tx, "王阿姨"), until.date())
        clock.tick(tx, until - timedelta(minutes=1), Rules())
        assert len(person(tx, "小赵").posts) == 1
        clock.tick(tx, until, Rules())
        assert person(tx, "小赵").posts == person(tx, "王阿姨").posts == ()
        ended = tx.execute(select(PostHistory.person_id, PostHistory.ended_by).order_by(PostHistory.id)).all()
        assert [tuple(row) for row in ended][1:] == [(person(tx, "小赵").id, None), (person(tx, "王阿姨").id, None)]
        actions = [row[0] for row in tx.execute(select(Audit.action).order_by(Audit.id))]
        assert actions == ["dismissed", "appointed", "deputised", "term_ended", "returned"]

    await database.run(go)


async def test_an_older_term_ends_nothing(database: Database) -> None:
    """Held on for longer, given to another, or given back for good: the day of the first term is a day like others."""

    def go(tx: Tx) -> None:
        body, secretary = group(tx, "5"), person(tx, "周书记")
        short, long = (offices.term_until(turn_at(tx), years=years) for years in (1, 3))
        offices.appoint(turn_at(tx), secretary, named(tx, "何老师"), body, Role.HEAD, until=short)
        with pytest.raises(Refusal, match="already"):
            offices.appoint(turn_at(tx), secretary, named(tx, "何老师"), body, Role.HEAD, until=short)
        offices.appoint(turn_at(tx), secretary, named(tx, "何老师"), body, Role.HEAD, until=long)
        clock.tick(tx, short + timedelta(days=1), Rules())
        assert [post.role for post in person(tx, "何老师").posts] == [Role.HEAD]
        offices.appoint(turn_at(tx), secretary, named(tx, "郑工"), body, Role.HEAD)
        offices.appoint(turn_at(tx), secretary, named(tx, "何老师"), body, Role.HEAD)
        clock.tick(tx, long + timedelta(days=1), Rules())
        assert [post.role for post in person(tx, "何老师").posts] == [Role.HEAD]

    await database.run(go)


@pytest.mark.parametrize(
    ("today", "years", "last"),
    [
        (date(2026, 11, 23), 3, "2029年11月22日"),
        (date(2028, 2, 29), 1, "2029年2月27日"),
        (date(2028, 2, 29), 4, "2032年2月28日"),
    ],
)
async def test_years_of_a_term(database: Database, today: date, years: int, last: str) -> None:
    def count(tx: Tx) -> str:
        turn = turn_at(tx, datetime(today.year, today.month, today.day, 12, tzinfo=NOON.tzinfo))
        with pytest.raises(Refusal, match="term_wrong"):
            offices.term_until(turn, last=today - timedelta(days=1))
        with pytest.raises(Refusal, match="term_wrong"):
            offices.term_until(turn, years=11)
        return offices.last_of(turn, offices.term_until(turn, years=years))

    assert await database.run(count) == last


async def test_a_handover_needs_the_right_of_who_agrees(database: Database) -> None:
    def go(tx: Tx) -> None:
        body, roles = handovers.own(person(tx, "老刘"))[0]
        assert handovers.ask_above(turn_at(tx), person(tx, "老刘"), named(tx, "小赵"), body, roles) == "小区党支部"
        data = tx.execute(select(TimerRow.data).where(TimerRow.kind == handovers.HANDOVER)).scalar_one()
        for nobody in ("小赵", "老刘", "王阿姨", "吴师傅"):
            for agreed in (True, False):
                told = handovers.decide(turn_at(tx), person(tx, nobody), data, agreed=agreed)
                assert told == say("offices.hand_gone")
            assert len(person(tx, "老刘").posts) == 2
        handovers.decide(turn_at(tx), person(tx, "周书记"), data, agreed=True)
        assert person(tx, "老刘").posts == ()
        assert sorted(post.role for post in person(tx, "小赵").posts) == [Role.HEAD, Role.LEADER]
        with pytest.raises(Refusal, match="hand_gone"):
            handovers.decide(turn_at(tx), person(tx, "周书记"), data, agreed=True)

    await database.run(go)


async def test_who_is_above_is_asked_when_their_other_dialog_is_over(database: Database) -> None:
    def go(tx: Tx) -> None:
        open_ = Conversation("help.menu", {}, [], "what", "q", NOON + timedelta(minutes=15))
        conversations.save(tx, BOT, "周书记", "周书记", open_)
        body, roles = handovers.own(person(tx, "老刘"))[0]
        handovers.ask_above(turn_at(tx), person(tx, "老刘"), named(tx, "小赵"), body, roles)
        for minutes, flow in ((0, "help.menu"), (10, "help.menu"), (20, "offices.decide")):
            now = NOON + timedelta(minutes=minutes)
            clock.tick(tx, now, Rules())
            found = conversations.find(tx, BOT, "周书记", "周书记", now)
            assert found and found.flow == flow

    await database.run(go)


def test_words_for_offices_mean_one_thing() -> None:
    seen: dict[str, str] = {}
    for code in OFFICES:
        for word in words(f"offices.words_{code}"):
            assert seen.setdefault(word, code) == code, word


# --- rights come only from rights -----------------------------------------------------------------------------------

NAMES = ("王阿姨", "小赵", "老刘", "周书记", "孙主任", "吴师傅", "何老师", "郑工", "小林")
ROLES = tuple(Role)
BODY_VERBS = ("establish", "rename", "dissolve", "divide")
VERBS = ("appoint", "appoint", "dismiss", "away", "back", "days", "hand", "agree", *BODY_VERBS)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(VERBS),
        st.sampled_from((*NAMES, "周书记", "孙主任", "周书记", "孙主任", "老刘")),
        st.sampled_from(NAMES),
        st.integers(0, 99),
        st.sampled_from(ROLES),
    ),
    min_size=1,
    max_size=12,
)
Right = tuple[str, Action, int]


@contextmanager
def undone(tx: Tx) -> Iterator[None]:
    step = tx.begin_nested()
    try:
        yield
    finally:
        step.rollback()


def rights_of(tx: Tx, bodies: list[Body]) -> set[Right]:
    found = set()
    for name in NAMES:
        for post in person(tx, name).posts:
            found |= {(name, each, body.id) for each in Action for body in bodies if allows(post, each, body)}
    return found


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_nobody_gets_a_right_that_nobody_with_that_right_gave(database: Database) -> None:
    """Whatever random people say in whatever order: who gains a right gains it by the word of somebody who has it.

    To be away (DEPUTISE) concerns one's own post alone and comes with it.
    """
    gained = handed = established = 0

    def play(tx: Tx) -> None:
        for level, name in ((Level.OWNERS_COMMITTEE, "业委会"), (Level.TEAM, "舞蹈队")):
            body_services.establish(turn_at(tx), person(tx, "周书记"), 1, level, name)
        handovers.ask_above(turn_at(tx), person(tx, "老刘"), named(tx, "小赵"), *handovers.own(person(tx, "老刘"))[0])
        bodies = sorted(offices.bodies_of(turn_at(tx), 1), key=lambda body: (body.level < Level.PROPERTY, body.id))
        few = [body for body in bodies if body.level is not Level.MEMBER_HOUSEHOLD or body.name.startswith("3栋")][:18]
        above = {body.id for body in bodies if body.level in (Level.STREET, Level.COMMUNITY, Level.BRANCH)}

        @settings(
            max_examples=60,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=[HealthCheck.too_slow],
        )
        @given(STEPS)
        def steps(given_steps: list[tuple[str, str, str, int, Role]]) -> None:
            nonlocal gained, handed, established
            with undone(tx):
                now = NOON
                for verb, actor, about, number, role in given_steps:
                    there = {body.id: body for body in offices.bodies_of(turn_at(tx), 1)}
                    known = {body.id for body in few}
                    few_now = [body for number, body in there.items() if number in known]
                    before = rights_of(tx, few_now)
                    if verb == "days":
                        now += timedelta(days=number % 9)
                        clock.tick(tx, now, Rules())
                    else:
                        body = few_now[number % len(few_now)]
                        act(turn_at(tx, now), verb, actor, about, body=body, role=role)
                    new = rights_of(tx, few_now) - before
                    gained += len(new)
                    handed += len(new) if verb == "agree" else 0
                    made = [body for body in offices.bodies_of(turn_at(tx), 1) if body.id not in there]
                    established += len(made)
                    for name, action, body_id in rights_of(tx, made):  # of whoever had it over what is above
                        parent = next(int(body.path.split("/")[-3]) for body in made if body.id == body_id)
                        assert (name, action, parent) in before, (verb, actor, name, action)
                    if verb in ("days", "dismiss", "back", "hand", *BODY_VERBS):
                        assert not new, (verb, actor, new)
                    has = {(action, body_id) for name, action, body_id in before if name == actor}
                    work = {Action.HANDLE, Action.CALL_OFF, Action.SEE_FILES}
                    for name, action, body_id in new:
                        passed_on = role_in_property(tx, name) and action in work and body_id in above
                        given = verb in ("appoint", "agree")
                        needed = Action.APPOINT if action is Action.DEPUTISE and given else action
                        assert (needed, body_id) in has or passed_on, (verb, actor, name, action, body_id)

        steps()

    await database.run(play)
    assert gained > 0, "the steps never gave anybody anything"
    assert established > 0, "the steps never set up a body"
    assert handed > 0, "no office was ever handed over"


def role_in_property(tx: Tx, name: str) -> bool:
    """The property company handles what was passed on above it, whoever appointed its people."""
    return any(post.body.level is Level.PROPERTY for post in person(tx, name).posts)


def act(turn: Turn, verb: str, actor: str, about: str, *, body: Body, role: Role) -> None:
    tx, who = turn.tx, person(turn.tx, actor)
    try:
        with tx.begin_nested():
            if verb == "appoint":
                until = offices.term_until(turn, last=turn.local.date() + timedelta(days=4))
                offices.appoint(turn, who, named(tx, about), body, role, until=until if role in ROLES[::2] else None)
            elif verb in BODY_VERBS:
                change_body(turn, verb, who, about, body)
            elif verb == "hand":
                for own, roles in handovers.own(who)[:1]:
                    handovers.ask_above(turn, who, named(tx, about), own, roles)
            elif verb == "agree":  # whoever says it: not only who was asked
                for data in (
                    tx.execute(select(TimerRow.data).where(TimerRow.kind == handovers.HANDOVER)).scalars().all()
                ):
                    handovers.decide(turn, who, data, agreed=True)
            elif verb == "away":
                offices.go_away(turn, who, named(tx, about), (turn.local + timedelta(days=2)).date())
            elif verb == "back":
                offices.come_back(turn, who)
            else:
                for held in offices.held_by(turn, 1, about)[:1]:
                    offices.dismiss(turn, who, held)
    except Refusal:
        pass


def change_body(turn: Turn, verb: str, who: Person, about: str, body: Body) -> None:
    if verb == "establish" and body.building_id:
        body_services.establish_household(turn, who, 1, f"{about}家", building=body.name.partition("栋")[0])
    elif verb == "establish":
        body_services.establish(turn, who, 1, body.level if body.level > Level.PROPERTY else Level.TEAM, f"{about}队")
    elif verb == "rename":
        body_services.rename(turn, who, 1, body, f"{about}社")
    elif verb == "divide":
        body_services.divide(turn, who, body, body_services.homes_between(turn, 1, "3", ("1", ""), ("1", "")))
    else:
        body_services.dissolve(turn, who, body)
