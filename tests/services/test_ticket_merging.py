"""Merging, unmerging and splitting on a database: whose report is where, who is kept out, what is looked up how."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.demo import build
from bot.play import BOT
from domain.errors import Refusal
from domain.guess import Guess
from domain.messages import Address
from domain.people import Person
from domain.rules import Rules
from domain.tickets import Status, Ticket
from services import clock, ticket_endings, ticket_merging, ticket_work, tickets
from services.ticket_merging import Wanted
from services.turn import Turn
from storage import callbacks, people, ticket_reports
from storage import ticket_merging as families
from storage import tickets as rows
from storage.database import Database, Tx
from storage.ticket_bodies import bar

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
LAMP = Guess(True, "complaint", "power", 0.9, "other", False, (), matter="楼道灯", summary="楼道灯不亮")
STREET = Guess(True, "complaint", "power", 0.9, "other", False, (), matter="路灯", summary="路灯不亮")
WATER = Guess(True, "complaint", "water", 0.9, "other", False, (), matter="下水道", summary="下水道堵")


def turn_at(tx: Tx, at: datetime = NOON) -> Turn:
    return Turn(tx, BOT, f"u:{at}", at, Rules())


def person(tx: Tx, name: str) -> Person:
    found = people.find_person(tx, BOT, name)
    assert found
    return found


def report(tx: Tx, name: str, guess: Guess, at: datetime = NOON) -> Ticket:
    who = person(tx, name)
    assert who.place
    place, here = replace(who.place, unit_id=None, unit=""), Address(name, private=True)
    return tickets.report(turn_at(tx, at), who, guess, place=place, address=here, texts=(guess.summary,)).ticket


def names(tx: Tx, ticket: Ticket) -> list[str]:
    return sorted(each.name for each in ticket_reports.reporters(tx, ticket.id, BOT))


@pytest.fixture(autouse=True)
async def demo(database: Database) -> None:
    await database.run(build, BOT)


async def test_who_has_a_word_of_their_own_in_the_other_one_stays_there(database: Database) -> None:
    def go(tx: Tx) -> None:
        lamp, street = report(tx, "王阿姨", LAMP), report(tx, "小赵", STREET)
        report(tx, "陈奶奶", STREET)
        head = person(tx, "老刘")
        assert ticket_merging.merge(turn_at(tx), head, street, lamp) == 3
        assert names(tx, lamp) == ["小赵", "王阿姨", "陈奶奶"]
        later = NOON + timedelta(hours=1)
        report(tx, "小赵", LAMP, later)
        ticket_merging.unmerge(turn_at(tx, later), head, rows.get(tx, street.id))
        assert names(tx, lamp) == ["小赵", "王阿姨"]
        assert names(tx, street) == ["小赵", "陈奶奶"]
        assert rows.get(tx, street.id).status is Status.OPEN

    await database.run(go)


async def test_what_was_taken_back_meanwhile_stays_taken_back(database: Database) -> None:
    def go(tx: Tx) -> None:
        lamp, street = report(tx, "王阿姨", LAMP), report(tx, "小赵", STREET)
        report(tx, "陈奶奶", STREET)
        head = person(tx, "老刘")
        ticket_merging.merge(turn_at(tx), head, street, lamp)
        assert not tickets.withdraw(turn_at(tx), person(tx, "小赵"), lamp)
        ticket_merging.unmerge(turn_at(tx), head, rows.get(tx, street.id))
        assert names(tx, street) == ["陈奶奶"]
        assert names(tx, lamp) == ["王阿姨"]

    await database.run(go)


async def test_three_in_a_row_come_apart_in_the_order_in_which_they_came_together(database: Database) -> None:
    def go(tx: Tx) -> None:
        lamp, street, water = report(tx, "王阿姨", LAMP), report(tx, "小赵", STREET), report(tx, "陈奶奶", WATER)
        head = person(tx, "老刘")
        ticket_merging.merge(turn_at(tx), head, water, street)
        ticket_merging.merge(turn_at(tx), head, rows.get(tx, street.id), lamp)
        assert families.family(tx, lamp.id) == [lamp.id, street.id, water.id]
        assert names(tx, lamp) == ["小赵", "王阿姨", "陈奶奶"]
        with pytest.raises(Refusal) as refused:
            ticket_merging.unmerge(turn_at(tx), head, rows.get(tx, water.id))
        assert refused.value.code == "endings.unmerge_ended"
        ticket_merging.unmerge(turn_at(tx), head, rows.get(tx, street.id))
        ticket_merging.unmerge(turn_at(tx), head, rows.get(tx, water.id))
        assert [names(tx, each) for each in (lamp, street, water)] == [["王阿姨"], ["小赵"], ["陈奶奶"]]

    await database.run(go)


async def test_a_ticket_kept_from_somebody_is_no_part_of_one_that_is_not(database: Database) -> None:
    def go(tx: Tx) -> None:
        lamp, street = report(tx, "王阿姨", LAMP), report(tx, "小赵", STREET)
        bar(tx, street.id, person_id=person(tx, "王阿姨").id)
        with pytest.raises(Refusal) as refused:
            ticket_merging.merge(turn_at(tx), person(tx, "老刘"), street, lamp)
        assert refused.value.code == "endings.merge_barred"

    await database.run(go)


async def test_the_clock_stands_still_while_a_ticket_goes_on_in_another(database: Database) -> None:
    def go(tx: Tx) -> None:
        lamp, street = report(tx, "王阿姨", LAMP), report(tx, "小赵", STREET)
        head, later = person(tx, "老刘"), NOON + timedelta(hours=5)
        ticket_merging.merge(turn_at(tx), head, street, lamp)
        ticket_merging.unmerge(turn_at(tx, later), head, rows.get(tx, street.id))
        now = rows.get(tx, street.id)
        assert street.resolve_by and now.resolve_by
        assert now.resolve_by - street.resolve_by == timedelta(hours=5)

    await database.run(go)


async def test_the_whole_is_done_with_the_last_part_and_its_reporter_asked_once(database: Database) -> None:
    def go(tx: Tx) -> None:
        lamp, head = report(tx, "王阿姨", LAMP), person(tx, "老刘")
        wanted = [Wanted(LAMP, "灯"), Wanted(WATER, "水")]
        (first, _), (second, _) = ticket_merging.split(turn_at(tx), head, lamp, wanted)
        ticket_work.finish(turn_at(tx), head, first, note="换了")
        clock.tick(tx, NOON, Rules())
        assert rows.get(tx, lamp.id).status is Status.SPLIT
        ticket_work.decline(turn_at(tx), person(tx, "周书记"), second, reason="在修了")
        clock.tick(tx, NOON, Rules())
        whole = rows.get(tx, lamp.id)
        assert whole.status is Status.DONE and whole.finished_by == head.id
        clock.tick(tx, NOON, Rules())
        assert [voice.asked for voice in ticket_reports.voices(tx, lamp.id)] == [1]
        assert not ticket_reports.voices(tx, first.id)

    await database.run(go)


async def test_a_part_that_is_not_good_is_given_back_alone(database: Database) -> None:
    def go(tx: Tx) -> None:
        lamp, head, wang = report(tx, "王阿姨", LAMP), person(tx, "老刘"), person(tx, "王阿姨")
        wanted = [Wanted(LAMP, "灯"), Wanted(WATER, "水")]
        (first, _), _ = ticket_merging.split(turn_at(tx), head, lamp, wanted)
        ticket_work.finish(turn_at(tx), head, first, note="换了")
        answered = ticket_endings.give_back(turn_at(tx), wang, rows.get(tx, first.id))
        assert answered.ticket.status is Status.OPEN and answered.ticket.reopened == 1
        assert rows.get(tx, lamp.id).status is Status.SPLIT

    await database.run(go)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_families_reporters_and_calls_are_found_by_index(database: Database) -> None:
    def scans(tx: Tx) -> list[str]:
        found = []
        for statement in (families._family, families._parts, families._merger, ticket_reports._reporters, LIST, OUT):
            sql = str(statement.compile(tx.engine, compile_kwargs={"render_postcompile": True}))
            driver: Any = tx.connection.driver_connection
            plan = driver.execute(f"EXPLAIN QUERY PLAN {sql}", ["1"] * sql.count("?")).fetchall()
            found += [row[3] for row in plan if row[3].startswith("SCAN") and row[3] not in SMALL]
        return found

    assert await database.read(scans) == []


LIST, OUT = (each.params(compounds=[1], since=NOON, path="/1/%") for each in (callbacks._list, callbacks._exclusions))
SMALL = {"SCAN family", "SCAN CONSTANT ROW"}  # rows that the statement has found itself
