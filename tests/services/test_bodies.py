"""Bodies on a database: what an ended body leaves, whose homes are whose, and who has no place yet."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from bot.demo import build
from bot.play import BOT
from domain.errors import Refusal
from domain.people import Body, Level, Named, Person, Role
from domain.rights import Action, may
from domain.rules import Rules
from services import bodies, offices
from services.turn import Turn
from storage import offices as rows
from storage import people
from storage.audit import Audit
from storage.database import Database, Tx
from storage.people import BodyRow, HouseholdBody, PostHistory
from storage.ticket_bodies import TicketBody

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=ZoneInfo("Asia/Shanghai"))


def turn_at(tx: Tx) -> Turn:
    return Turn(tx, BOT, "u:1", NOON, Rules())


def person(tx: Tx, name: str) -> Person:
    found = people.find_person(tx, BOT, name)
    assert found
    return found


def household_of(tx: Tx, building: str, unit: str) -> Body:
    return offices.find_bodies(turn_at(tx), 1, Level.MEMBER_HOUSEHOLD, building=building, unit=unit)[0]


@pytest.fixture(autouse=True)
async def demo(database: Database) -> None:
    await database.run(build, BOT)


async def test_an_ended_body_keeps_its_row_and_nobody_has_a_right_over_it(database: Database) -> None:
    def go(tx: Tx) -> None:
        secretary = person(tx, "周书记")
        team = bodies.establish(turn_at(tx), secretary, 1, Level.TEAM, "舞蹈队")
        wang = Named(person(tx, "王阿姨").id, "王阿姨", "", "")
        offices.appoint(turn_at(tx), secretary, wang, team, Role.LEADER)
        bodies.dissolve(turn_at(tx), secretary, team)
        assert person(tx, "王阿姨").posts == ()
        assert tx.execute(select(PostHistory.body_id, PostHistory.ended_by)).one() == (team.id, secretary.id)
        row = tx.execute(
            select(BodyRow.name, BodyRow.parent_id, BodyRow.compound_id).where(BodyRow.id == team.id)
        ).one()
        assert tuple(row) == ("舞蹈队", None, None)
        ended = people.get_body(tx, team.id)
        assert people.chain(tx, ended) == [ended]
        for name in ("周书记", "孙主任", "小林", "吴师傅"):
            assert not any(may(person(tx, name), action, ended) for action in Action)
        assert team.id not in {body.id for body in offices.bodies_of(turn_at(tx), 1)}
        with pytest.raises(Refusal, match="ended_already"):
            bodies.dissolve(turn_at(tx), secretary, ended)
        actions = [row[0] for row in tx.execute(select(Audit.action).order_by(Audit.id))]
        assert actions == ["established", "appointed", "dismissed", "dissolved"]

    await database.run(go)


async def test_a_body_with_a_part_in_a_ticket_stays(database: Database) -> None:
    def go(tx: Tx) -> None:
        secretary = person(tx, "周书记")
        team = bodies.establish(turn_at(tx), secretary, 1, Level.VOLUNTEERS, "志愿服务队")
        row = {"ticket_id": 1, "body_id": team.id, "part": "assist", "asked_at": NOON}
        tx.execute(TicketBody.__table__.insert(), row)  # type: ignore[attr-defined]
        with pytest.raises(Refusal, match="had_tickets"):
            bodies.dissolve(turn_at(tx), secretary, team)

    await database.run(go)


async def test_committees_of_the_community_stand_once_for_all_its_compounds(database: Database) -> None:
    def go(tx: Tx) -> None:
        director = person(tx, "孙主任")
        made = bodies.establish(turn_at(tx), director, 1, Level.RESIDENTS_COMMITTEE, "居委会")
        assert made.compound_id is None
        assert made in offices.bodies_of(turn_at(tx), 1)
        with pytest.raises(Refusal, match="there"):
            bodies.establish(turn_at(tx), director, 1, Level.RESIDENTS_COMMITTEE, "第二居委会")
        with pytest.raises(Refusal, match="refused"):
            bodies.dissolve(turn_at(tx), person(tx, "周书记"), made)

    await database.run(go)


async def test_a_deputy_sets_up_nothing(database: Database) -> None:
    def go(tx: Tx) -> None:
        turn = turn_at(tx)
        offices.go_away(turn, person(tx, "周书记"), Named(person(tx, "小赵").id, "小赵", "", ""), NOON.date())
        with pytest.raises(Refusal, match="refused"):
            bodies.establish(turn, person(tx, "小赵"), 1, Level.TEAM, "舞蹈队")

    await database.run(go)


async def test_a_home_has_one_member_household(database: Database) -> None:
    def go(tx: Tx) -> None:
        turn, liu = turn_at(tx), person(tx, "老刘")
        first, second = household_of(tx, "3", "1"), household_of(tx, "3", "2")
        homes = bodies.homes_between(turn, 1, "3", ("1", "602"), ("2", "102"))  # over the stairway's end
        assert [(home.unit, home.room) for home in homes] == [("1", "602"), ("2", "101"), ("2", "102")]
        assert bodies.divide(turn, liu, first, homes).total == 3
        homes = bodies.homes_between(turn, 1, "3", ("2", ""), ("2", ""))
        given = bodies.divide(turn, liu, second, homes)
        assert (given.count, given.moved, given.total) == (12, 2, 12)
        assert rows.looked_after(tx, first.id) == 1
        given_all, left = bodies.divide_all(turn, liu, 1, "3")
        assert [(each.body.id, each.count, each.total) for each in given_all] == [(first.id, 11, 12)]
        assert left == 0
        assert bodies.divide_all(turn, liu, 1, "3") == ([], 0)
        bodies.dissolve(turn, liu, first)
        left_over = tx.execute(select(HouseholdBody.body_id).distinct()).scalars().all()
        assert left_over == [second.id]

    await database.run(go)


async def test_a_unit_without_a_member_household_is_left(database: Database) -> None:
    def go(tx: Tx) -> None:
        turn, secretary = turn_at(tx), person(tx, "周书记")
        bodies.dissolve(turn, secretary, household_of(tx, "6", "2"))
        second = bodies.establish_household(turn, secretary, 1, "陈家", building="6", unit="1")
        given, left = bodies.divide_all(turn, secretary, 1, "6")
        assert sorted(each.count for each in given) == [6, 6]
        assert second.id in {each.body.id for each in given}
        assert left == 12

    await database.run(go)


async def test_who_has_no_place_yet(database: Database) -> None:
    """In no member household, without a post; whoever lives in a second home that is looked after has a place."""

    def go(tx: Tx) -> None:
        turn, liu = turn_at(tx), person(tx, "老刘")

        def doors() -> dict[str, int]:
            return {home.door: home.residents for home in bodies.unplaced(turn, liu, 1)}

        assert doors()["3-2-501"] == doors()["3-1-302"] == 1
        assert doors()["3-1-102"] == 0  # nobody is known there
        assert "3-1-201" not in doors()  # the head's own
        assert not any(door.startswith("5") for door in doors())
        team = bodies.establish(turn, person(tx, "周书记"), 1, Level.TEAM, "舞蹈队")
        wang = Named(person(tx, "王阿姨").id, "王阿姨", "", "")
        offices.appoint(turn, person(tx, "周书记"), wang, team, Role.STAFF)
        assert "3-2-501" not in doors()
        second = next(home for home in rows.homes(tx, 3) if (home.unit, home.room) == ("2", "101"))
        people.add_resident(tx, person(tx, "小赵").id, second.id, "owner")
        bodies.divide(turn, liu, household_of(tx, "3", "2"), [second])
        assert "3-1-302" not in doors()
        with pytest.raises(Refusal, match="refused"):
            bodies.unplaced(turn, person(tx, "小赵"), 1)

    await database.run(go)
