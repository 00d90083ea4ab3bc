"""Tickets between bodies, on a database: whoever does what in whatever order, a ticket is always in one body's hands,
and who is barred neither handles nor sees it."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from bot.demo import build
from bot.play import BOT
from domain.errors import Refusal
from domain.guess import Guess
from domain.messages import Address
from domain.people import Body, Level, Named, Person, Place, Role
from domain.responsibility import OWNERS
from domain.rights import Action
from domain.rules import Rules
from domain.tickets import LIVE, Act, Status, Ticket
from services import (
    offices,
    people,
    responsibility,
    ticket_files,
    ticket_outside,
    ticket_routing,
    ticket_search,
    ticket_work,
    tickets,
)
from services.turn import Turn, savepoint
from storage import offices as posts
from storage import people as stored
from storage import places, ticket_bodies, timers
from storage import tickets as rows
from storage.audit import Audit
from storage.database import Database, Tx
from storage.responsibility import set_shift

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
STAFF = ("老刘", "周书记", "孙主任", "吴师傅", "小林", "何老师")
LAMP = Guess(True, "complaint", "power", 0.9, "other", False, (), matter="楼道灯", summary="楼道灯不亮")
RUDE = Guess(True, "complaint", "property", 0.9, "other", False, (), summary="物业不管事")
ABOUT_HEAD = Guess(True, "complaint", "other", 0.9, "house", False, (), summary="有人反映楼栋长的事")


def turn_at(tx: Tx, at: datetime = NOON) -> Turn:
    return Turn(tx, BOT, "u:1", at, Rules())


def person(tx: Tx, name: str) -> Person:
    found = stored.find_person(tx, BOT, name)
    assert found
    return found


def body_of(tx: Tx, level: Level, building: str = "") -> Body:
    return offices.find_bodies(turn_at(tx), 1, level, building=building)[0]


def report(
    tx: Tx, guess: Guess, *, name: str = "王阿姨", against: tuple[Level, ...] = (), discreet: bool = False
) -> Ticket:
    who = person(tx, name)
    assert who.place
    return tickets.report(
        turn_at(tx),
        who,
        guess,
        place=who.place,
        address=Address(name, private=True),
        texts=("又坏了",),
        discreet=discreet,
        against=against,
    ).ticket


def name_leader(tx: Tx, name: str, level: Level, role: Role, by: str = "孙主任") -> None:
    whom = Named(person(tx, name).id, name, "", "")
    offices.appoint(turn_at(tx), person(tx, by), whom, body_of(tx, level), role)


@pytest.fixture(autouse=True)
async def demo(database: Database) -> None:
    await database.run(build, BOT)


# --- who gets it first ----------------------------------------------------------------------------------------------


async def test_the_company_is_first_once_somebody_leads_it(database: Database) -> None:
    def go(tx: Tx) -> None:
        assert people.get_body(turn_at(tx), report(tx, LAMP).body_id).level is Level.BUILDING_GROUP
        name_leader(tx, "吴师傅", Level.PROPERTY, Role.LEADER)
        water = replace(LAMP, category="water", matter="下水道", summary="下水道堵")
        assert people.get_body(turn_at(tx), report(tx, water).body_id).level is Level.PROPERTY
        noise = replace(LAMP, category="noise", matter="", summary="半夜吵")
        quiet = report(tx, noise, discreet=True)
        assert people.get_body(turn_at(tx), quiet.body_id).level is Level.BUILDING_GROUP
        assert people.get_body(turn_at(tx), report(tx, RUDE, discreet=True).body_id).level is Level.COMMUNITY

    await database.run(go)


async def test_what_begins_at_the_door_goes_to_the_member_household_of_the_home(database: Database) -> None:
    def go(tx: Tx) -> None:
        turn, wang = turn_at(tx), person(tx, "王阿姨")
        near = offices.find_bodies(turn, 1, Level.MEMBER_HOUSEHOLD, building="3", unit="2")[0]
        assert wang.household_id
        posts.house(tx, [wang.household_id], near.id)
        care = replace(LAMP, category="welfare", matter="助餐", summary="想订老人餐")
        assert people.get_body(turn, report(tx, care).body_id).level is Level.BUILDING_GROUP  # nobody is there
        offices.appoint(turn, person(tx, "老刘"), Named(person(tx, "小赵").id, "小赵", "", ""), near, Role.LEADER)
        other = replace(care, matter="陪诊", summary="想有人陪着看病")
        assert report(tx, other).body_id == near.id
        assert wang.place
        urgent = responsibility.first_body(
            turn, wang, wang.place, "welfare", urgent=True, discreet=False, barred=ticket_bodies.NOBODY
        )
        assert urgent.level is Level.BUILDING_GROUP

    await database.run(go)


async def test_vacancy_goes_up_and_to_the_grid_worker_where_the_chain_begins_at_the_door(database: Database) -> None:
    def go(tx: Tx) -> None:
        turn = turn_at(tx)
        building = places.add_building(tx, 1, "88")
        place, wang = Place(1, building, None, "88"), person(tx, "王阿姨")

        def first(category: str) -> Body:
            return responsibility.first_body(
                turn, wang, place, category, urgent=False, discreet=False, barred=ticket_bodies.NOBODY
            )

        assert first("security").level is first("power").level is Level.BRANCH
        name_leader(tx, "何老师", Level.COMMUNITY, Role.GRID)
        assert first("security").level is Level.COMMUNITY
        assert first("power").level is Level.BRANCH

    await database.run(go)


async def test_a_compounds_own_line_counts_and_is_in_the_audit_log(database: Database) -> None:
    def go(tx: Tx) -> None:
        turn, secretary = turn_at(tx), person(tx, "周书记")
        responsibility.set_line(turn, secretary, 1, "power", Level.PROPERTY)
        assert people.get_body(turn, report(tx, LAMP).body_id).level is Level.PROPERTY
        with pytest.raises(Refusal, match="helps_only"):
            responsibility.set_line(turn, secretary, 1, "power", Level.RESIDENTS_COMMITTEE)
        with pytest.raises(Refusal, match="not_its_own"):
            responsibility.set_line(turn, secretary, 1, "property", Level.PROPERTY)
        with pytest.raises(Refusal, match="refused"):
            responsibility.set_line(turn, person(tx, "老刘"), 1, "power", Level.COMMUNITY)
        responsibility.drop_line(turn, secretary, 1, "power")
        lamp = report(tx, replace(LAMP, matter="路灯", summary="路灯不亮"))
        assert people.get_body(turn, lamp.body_id).level is Level.BUILDING_GROUP
        said = tx.execute(select(Audit.action, Audit.actor_id).where(Audit.subject == "compound")).all()
        assert [tuple(row) for row in said] == [("route_set", secretary.id), ("route_dropped", secretary.id)]

    await database.run(go)


# --- who is barred --------------------------------------------------------------------------------------------------


def refused(tx: Tx, do: Callable[[], object]) -> bool:
    try:
        with savepoint(turn_at(tx)):
            do()
    except Refusal:
        return True
    return False


async def test_who_is_barred_neither_handles_nor_sees_it(database: Database) -> None:
    def go(tx: Tx) -> None:
        turn, liu, wu = turn_at(tx), person(tx, "老刘"), person(tx, "吴师傅")
        about_head = report(tx, ABOUT_HEAD, against=(Level.BUILDING_GROUP,), discreet=True)
        about_company = report(tx, RUDE, discreet=True)
        assert people.get_body(turn, about_head.body_id).level is Level.BRANCH
        assert people.get_body(turn, about_company.body_id).level is Level.COMMUNITY
        name_leader(tx, "老刘", Level.BRANCH, Role.STAFF)  # another office helps nothing
        name_leader(tx, "吴师傅", Level.COMMUNITY, Role.GRID)
        liu, wu = person(tx, "老刘"), person(tx, "吴师傅")
        others = (person(tx, "周书记"), person(tx, "孙主任"))
        for ticket, barred, other in ((about_head, liu, others[0]), (about_company, wu, others[1])):
            for number, way in enumerate(_ways(tx, ticket, barred, other)):
                assert refused(tx, way), (ticket.number, number)
            assert not any(ticket_search.may_handle(turn, barred, ticket, action) for action in Action)
            assert ticket.id not in {each.id for each in ticket_search.waiting_for(turn, barred, None, *LIVE)}
            assert ticket_search.may_handle(turn, other, ticket)

    await database.run(go)


def _ways(tx: Tx, ticket: Ticket, barred: Person, other: Person) -> list[Callable[[], object]]:
    turn = turn_at(tx)
    return [
        lambda: ticket_search.look_up(turn, barred, None, ticket.number),
        lambda: ticket_files.show(turn, barred, None, ticket),
        lambda: ticket_work.accept(turn, barred, ticket),
        lambda: ticket_work.finish(turn, barred, ticket, note="好了"),
        lambda: ticket_work.contacted(turn, barred, ticket, note=""),
        lambda: ticket_routing.pass_on(turn, barred, ticket, body_of(tx, Level.STREET)),
        lambda: ticket_routing.give_back(turn, barred, ticket, "不归我"),
        lambda: ticket_routing.reply(turn, barred, ticket, "来了"),
        lambda: ticket_routing.take_over(turn, barred, ticket),
        lambda: ticket_routing.pass_on(turn, other, ticket, _concerned(tx, ticket)),
        lambda: ticket_routing.assist(turn, other, ticket, _concerned(tx, ticket)),
    ]


def _concerned(tx: Tx, ticket: Ticket) -> Body:
    return people.get_body(turn_at(tx), min(ticket_bodies.barred(tx, ticket.id).bodies))


async def test_a_body_whose_only_officers_are_barred_is_passed_over(database: Database) -> None:
    def go(tx: Tx) -> None:
        for held in posts.holders(tx, [body_of(tx, Level.BRANCH).id]):
            assert posts.end(tx, held, at=NOON, by=None)
        name_leader(tx, "老刘", Level.BRANCH, Role.SECRETARY)
        ticket = report(tx, ABOUT_HEAD, against=(Level.BUILDING_GROUP,), discreet=True)
        assert people.get_body(turn_at(tx), ticket.body_id).level is Level.COMMUNITY

    await database.run(go)


# --- between bodies -------------------------------------------------------------------------------------------------


async def test_two_who_take_it_at_once_make_one_owner(database: Database) -> None:
    def begin(tx: Tx) -> Ticket:
        ticket = report(tx, LAMP)
        ticket_routing.pass_on(turn_at(tx), person(tx, "老刘"), ticket, body_of(tx, Level.PROPERTY))
        return ticket

    ticket = await database.run(begin)

    def take(tx: Tx, name: str) -> bool:
        ticket_routing.take_over(turn_at(tx), person(tx, name), ticket)
        return True

    done = await asyncio.gather(
        *(database.run(take, name) for name in ("吴师傅", "孙主任") * 3), return_exceptions=True
    )
    assert all(each is True or isinstance(each, Refusal) for each in done)
    now = await database.run(lambda tx: rows.get(tx, ticket.id))
    company = await database.run(lambda tx: body_of(tx, Level.PROPERTY))
    assert (
        done.count(True) == 1
        and now.body_id == company.id
        and now.offered_to is None
        and now.first_body_id == ticket.body_id
    )


async def test_an_undecided_return_goes_up_after_a_working_day(database: Database) -> None:
    def go(tx: Tx) -> None:
        ticket = report(tx, LAMP)
        ticket, _ = ticket_routing.give_back(turn_at(tx), person(tx, "老刘"), ticket, "不归我")
        assert ticket.respond_by == NOON + timedelta(days=1) and ticket.accepted_by is None

    await database.run(go)


async def test_a_supplier_is_asked_about_again_until_there_is_news(database: Database) -> None:
    def go(tx: Tx) -> None:
        liu, ticket = person(tx, "老刘"), report(tx, LAMP)
        said = ticket_outside.refer(turn_at(tx), liu, ticket, "power", None)
        assert "供电公司" in said and "电话" not in said and "王阿姨" not in said
        assert rows.get(tx, ticket.id).outside == "power"
        with pytest.raises(Refusal, match="outside_late"):
            ticket_outside.refer(turn_at(tx), liu, ticket, "power", NOON.date())
        due = timers.take_due(tx, now=NOON + timedelta(days=2))
        asked = [each for each in due if each.kind == ticket_outside.OUTSIDE]
        assert [each.due_at.astimezone(NOON.tzinfo).isoformat()[:16] for each in asked] == ["2026-11-24T09:00"]
        later = turn_at(tx, NOON + timedelta(days=1))
        assert ticket_outside.wait_on(later, liu, rows.get(tx, ticket.id)) == "明天"
        ticket_outside.not_theirs(later, liu, rows.get(tx, ticket.id))
        ticket_outside.due_outside(later, asked[0].data)
        assert not later.said and rows.get(tx, ticket.id).outside == ""

    await database.run(go)


async def test_the_roster_names_who_hears_an_alarm(database: Database) -> None:
    def go(tx: Tx) -> None:
        turn = turn_at(tx)
        people.tell_duty(turn, 1, "急")
        assert [message.to.chat for _, message, _ in turn.said] == ["吴师傅"]
        turn.said.clear()
        hour = timedelta(hours=1)
        set_shift(tx, 1, person(tx, "老刘").id, NOON - hour, NOON + hour, by=1)
        people.tell_duty(turn, 1, "急")
        assert [message.to.chat for _, message, _ in turn.said] == ["老刘"]
        later = turn_at(tx, NOON + hour)
        people.tell_duty(later, 1, "急")
        assert [message.to.chat for _, message, _ in later.said] == ["吴师傅"]

    await database.run(go)


_DOING = ("pass_on", "take", "refuse", "return", "uphold", "assist", "whistle", "accept", "reply")
_LEVELS = (Level.PROPERTY, Level.BUILDING_GROUP, Level.BRANCH, Level.COMMUNITY, Level.STREET, Level.TEAM)


class Undone(Exception):
    pass


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    data=st.lists(st.tuples(st.sampled_from(_DOING), st.sampled_from(STAFF), st.sampled_from(_LEVELS)), max_size=14),
    guess=st.sampled_from((LAMP, RUDE)),
)
async def test_no_order_of_acts_loses_a_ticket(
    database: Database, data: list[tuple[str, str, Level]], guess: Guess
) -> None:
    """It is live in one body that may own it, never one it concerns; its first receiver is remembered; whoever was
    asked is another body; a designated body does not give it back; every change of hands is in the audit log."""

    def go(tx: Tx) -> None:
        ticket = report(tx, guess, discreet=guess is RUDE)
        first, company = ticket.body_id, body_of(tx, Level.PROPERTY)
        if not offices.find_bodies(turn_at(tx), 1, Level.TEAM):
            stored.add_body(tx, Level.TEAM, "舞蹈队", parent=body_of(tx, Level.BRANCH), compound_id=1)
        for number, (what, name, level) in enumerate(data):
            turn, who = turn_at(tx, NOON + timedelta(minutes=number)), person(tx, name)
            before = rows.get(tx, ticket.id)
            done = act(turn, who, ticket, what, body_of(tx, level, "3" if level is Level.BUILDING_GROUP else ""))
            now = rows.get(tx, ticket.id)
            assert now.status in LIVE and now.first_body_id == first
            assert people.get_body(turn, now.body_id).level in OWNERS
            assert now.offered_to != now.body_id
            barred = ticket_bodies.barred(tx, ticket.id)
            assert not {now.body_id, now.offered_to} & barred.bodies
            if guess is RUDE:
                assert not (done and name == "吴师傅") and now.body_id != company.id
            if done and what == "return":
                assert not before.designated and now.status is Status.RETURNED
                assert now.body_id == before.body_id  # until it is decided
            if now.body_id != before.body_id:
                last = tx.execute(
                    select(Audit.action, Audit.data).where(Audit.subject == "ticket").order_by(Audit.id.desc()).limit(1)
                ).one()
                assert last.action in (Act.MOVED.value, Act.ACCEPTED.value)
                assert (last.data["from"], last.data["to"]) == (before.body_id, now.body_id)
        raise Undone

    with pytest.raises(Undone):
        await database.run(go)


def act(turn: Turn, who: Person, ticket: Ticket, what: str, body: Body) -> bool:
    """Do one thing; False where it was refused."""
    doing: dict[str, Callable[[], object]] = {
        "pass_on": lambda: ticket_routing.pass_on(turn, who, ticket, body),
        "take": lambda: ticket_routing.take_over(turn, who, ticket),
        "refuse": lambda: ticket_routing.refuse_over(turn, who, ticket, "不是我们的"),
        "return": lambda: ticket_routing.give_back(turn, who, ticket, "不归我"),
        "uphold": lambda: ticket_routing.uphold(turn, who, ticket),
        "assist": lambda: ticket_routing.assist(turn, who, ticket, body),
        "whistle": lambda: ticket_routing.whistle(turn, who, ticket, [body], turn.now + timedelta(days=1)),
        "accept": lambda: ticket_work.accept(turn, who, ticket),
        "reply": lambda: ticket_routing.reply(turn, who, ticket, "来了"),
    }
    try:
        with savepoint(turn):
            doing[what]()
    except Refusal:
        return False
    return True
