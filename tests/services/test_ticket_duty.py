"""Who does what with a ticket beside its owner, what stays private, and clocks that go on after a change of hands."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from bot.demo import build
from bot.play import BOT
from domain.errors import Refusal
from domain.guess import Guess
from domain.messages import Address
from domain.people import Body, Level, Named, Person, Role
from domain.rules import Rules
from domain.tickets import Status, Ticket
from services import (
    callbacks,
    clock,
    offices,
    ticket_clock,
    ticket_endings,
    ticket_intake,
    ticket_limits,
    ticket_routing,
    ticket_work,
    tickets,
)
from services.turn import Turn
from storage import people as stored
from storage import tickets as rows
from storage import timers
from storage.database import Database, Tx
from storage.outbox import Outbox
from storage.timers import TimerRow

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
LAMP = Guess(True, "complaint", "power", 0.9, "other", False, (), matter="楼道灯", summary="楼道灯不亮")
LIFT = Guess(True, "complaint", "power", 0.9, "other", True, (), danger="spark", matter="电线", summary="电线冒火花")
BED = Guess(True, "complaint", "other", 0.9, "house", False, (), summary="花坛坏了")


def turn_at(tx: Tx, at: datetime = NOON) -> Turn:
    return Turn(tx, BOT, f"u:{at.isoformat()}", at, Rules())


def person(tx: Tx, name: str) -> Person:
    found = stored.find_person(tx, BOT, name)
    assert found
    return found


def report(tx: Tx, name: str = "王阿姨", *, guess: Guess = LAMP, at: datetime = NOON, discreet: bool = False) -> Ticket:
    who = person(tx, name)
    place = who.place or person(tx, "王阿姨").place
    assert place
    said: dict[str, Any] = {"place": place, "address": Address(name, private=True), "texts": ("又坏了",)}
    turn = turn_at(tx, at)
    ticket = tickets.report(turn, who, guess, **said, discreet=discreet).ticket
    turn.flush()
    return ticket


def sent(tx: Tx) -> str:
    return "\n".join(str(row) for row in tx.execute(select(Outbox.__table__)).all())


def due(tx: Tx, kind: str) -> list[datetime]:
    return [row[0] for row in tx.execute(select(TimerRow.due_at).where(TimerRow.kind == kind))]


def lead_company(tx: Tx) -> Body:
    company = offices.find_bodies(turn_at(tx), 1, Level.PROPERTY)[0]
    whom = Named(person(tx, "吴师傅").id, "吴师傅", "", "")
    offices.appoint(turn_at(tx), person(tx, "孙主任"), whom, company, Role.LEADER)
    return company


@pytest.fixture(autouse=True)
async def demo(database: Database) -> None:
    await database.run(build, BOT)


async def test_a_helper_neither_takes_a_ticket_nor_stops_its_clock_by_asking(database: Database) -> None:
    def go(tx: Tx) -> None:
        ticket, director = report(tx, guess=BED), person(tx, "孙主任")
        helper = person(tx, "老刘")
        ticket_routing.assist(turn_at(tx), director, ticket, helper.posts[0].body)
        ticket_work.contacted(turn_at(tx), helper, ticket, note="")
        with pytest.raises(Refusal, match=r"tickets\.not_your_office"):
            ticket_work.ask(turn_at(tx), helper, ticket, question="哪里坏了")
        ticket_work.accept(turn_at(tx), director, ticket)
        ticket_work.ask(turn_at(tx), person(tx, "小林"), ticket, question="哪里坏了")
        waiting = rows.get(tx, ticket.id)
        assert waiting.status is Status.WAITING and waiting.accepted_by == director.id  # whoever has it keeps it

    await database.run(go)


async def test_whoever_worked_on_it_does_not_call_back_when_another_ends_it(database: Database) -> None:
    def go(tx: Tx) -> None:
        ticket = report(tx)
        ticket_work.accept(turn_at(tx), person(tx, "老刘"), ticket)
        ticket_work.finish(turn_at(tx), person(tx, "周书记"), ticket, note="换了")
        for name in ("老刘", "周书记"):
            with pytest.raises(Refusal, match=r"callbacks\.own_work"):
                callbacks.unanswered(turn_at(tx), person(tx, name), rows.get(tx, ticket.id))
        assert callbacks.unanswered(turn_at(tx), person(tx, "孙主任"), rows.get(tx, ticket.id))

    await database.run(go)


async def test_nobody_is_asked_whether_their_own_work_is_good(database: Database) -> None:
    def go(tx: Tx) -> None:
        ticket = report(tx, "老刘")
        ticket_work.finish(turn_at(tx), person(tx, "老刘"), ticket, note="换了")
        assert not due(tx, ticket_clock.OUTCOME)
        assert due(tx, ticket_clock.LAPSE)
        assert callbacks.unanswered(turn_at(tx), person(tx, "周书记"), rows.get(tx, ticket.id))

    await database.run(go)


async def test_further_words_on_what_is_private_name_nobody_to_those_who_handle_it(database: Database) -> None:
    def go(tx: Tx) -> None:
        open_one, hidden = report(tx), report(tx, guess=LAMP, discreet=True, at=NOON + timedelta(days=60))
        for ticket in (open_one, hidden):
            turn = turn_at(tx, NOON + timedelta(days=61, minutes=ticket.id))
            ticket_endings.add_complaint(
                turn, person(tx, "王阿姨"), ticket, f"{ticket.number} 我是3-2-501的，13800138000"
            )
            turn.flush()
        words = sent(tx)
        assert f"{open_one.number} 我是3-2-501的，13800138000" in words
        assert f"{hidden.number} 我是3-2-501的，13800138000" not in words and f"{hidden.number} 我是" in words

    await database.run(go)


async def test_what_was_shelved_and_changes_hands_is_reported_back_again(database: Database) -> None:
    def go(tx: Tx) -> None:
        company = lead_company(tx)
        head = person(tx, "老刘")
        group = next(post.body for post in head.posts)
        ticket = report(tx, guess=BED)
        rows.change(tx, ticket.id, body_id=group.id)
        ticket_work.shelve(turn_at(tx), head, ticket, day=(NOON + timedelta(days=9)).date(), reason="等钱")
        assert not due(tx, ticket_clock.PROMISE)
        ticket_routing.pass_on(turn_at(tx), head, ticket, company)
        later = NOON + timedelta(days=3)
        taken = ticket_routing.take_over(turn_at(tx, later), person(tx, "吴师傅"), ticket)
        assert taken.status is Status.ACCEPTED and taken.report_at > later
        assert due(tx, ticket_clock.PROMISE) and due(tx, ticket_limits.DUE) and not due(tx, ticket_limits.REVIEW)

    await database.run(go)


async def test_what_was_shelved_and_becomes_urgent_is_reported_back_again(database: Database) -> None:
    def go(tx: Tx) -> None:
        ticket = report(tx)
        ticket_work.shelve(turn_at(tx), person(tx, "老刘"), ticket, day=(NOON + timedelta(days=9)).date(), reason="等")
        said: dict[str, Any] = {"address": Address("小赵", private=True), "texts": ("冒火花了",)}
        later = NOON + timedelta(minutes=3)
        reported = tickets.join(turn_at(tx, later), person(tx, "小赵"), ticket.id, **said, alarm=LIFT)
        assert reported and reported.card and reported.ticket.report_at > later
        assert due(tx, ticket_clock.PROMISE) and not due(tx, ticket_limits.REVIEW)

    await database.run(go)


async def test_those_above_have_one_day_for_what_was_given_back_though_its_reporter_was_called(
    database: Database,
) -> None:
    def go(tx: Tx) -> None:
        ticket = report(tx)
        head = person(tx, "老刘")
        ticket_work.contacted(turn_at(tx), head, ticket, note="")
        ticket_routing.give_back(turn_at(tx), head, ticket, "不归我管")
        rows.change(tx, ticket.id, resolve_by=NOON + timedelta(days=9))
        ticket_limits.start(turn_at(tx), rows.get(tx, ticket.id))
        assert due(tx, ticket_limits.DUE) == [NOON + timedelta(days=1)]

    await database.run(go)


async def test_an_offer_ends_with_the_work_it_was_made_in(database: Database) -> None:
    def go(tx: Tx) -> None:
        company = lead_company(tx)
        head, worker, wang = person(tx, "老刘"), person(tx, "吴师傅"), person(tx, "王阿姨")
        ticket = report(tx, guess=BED)
        rows.change(tx, ticket.id, body_id=next(post.body for post in head.posts).id)
        ticket_routing.pass_on(turn_at(tx), head, ticket, company)
        ticket_work.finish(turn_at(tx), head, ticket, note="修了")
        turn = turn_at(tx, NOON + timedelta(minutes=1))
        data = {"ticket": ticket.id, "person": worker.id, "flow": "tickets.offered", "body": company.id}
        ticket_routing.due_ask(turn, data)
        turn.flush()
        assert "接手" not in sent(tx)
        ticket_endings.give_back(turn_at(tx, NOON + timedelta(hours=1)), wang, rows.get(tx, ticket.id))
        with pytest.raises(Refusal, match=r"routing\.no_offer|tickets\.not_your_office"):
            ticket_routing.take_over(turn_at(tx, NOON + timedelta(hours=2)), worker, ticket)

    await database.run(go)


async def test_what_a_night_brought_is_told_though_the_bot_was_out_for_days(database: Database) -> None:
    night = NOON.replace(hour=23)

    def go(tx: Tx) -> None:
        ticket = report(tx, at=night)
        for each in (ticket_clock.PROMISE, ticket_limits.DUE):
            timers.cancel(tx, each, str(ticket.id))
        assert due(tx, ticket_intake.MORNING)
        clock.tick(tx, NOON + timedelta(days=4), Rules())
        assert "#1 3栋" in sent(tx)

    await database.run(go)
