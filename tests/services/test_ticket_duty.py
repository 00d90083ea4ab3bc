"""Who does what with a ticket beside its owner, what stays private, and clocks that go on after a change of hands."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, select

from bot.demo import build
from bot.play import BOT
from domain.errors import Refusal
from domain.guess import Guess
from domain.messages import Address
from domain.people import Body, Level, Named, Person, Role
from domain.rules import Rules
from domain.tickets import Outcome, Status, Ticket
from services import (
    callbacks,
    clock,
    hotline,
    lessons,
    offices,
    ticket_clock,
    ticket_endings,
    ticket_intake,
    ticket_limits,
    ticket_merging,
    ticket_routing,
    ticket_search,
    ticket_work,
    tickets,
)
from services.turn import Turn
from storage import people as stored
from storage import ticket_bodies, timers
from storage import tickets as rows
from storage.database import Database, Tx
from storage.outbox import Outbox
from storage.timers import TimerRow

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
LAMP = Guess(True, "complaint", "power", 0.9, "other", False, (), matter="楼道灯", summary="楼道灯不亮")
ABOUT_HEAD = Guess(True, "complaint", "other", 0.9, "house", False, (), summary="有人反映楼栋长的事")
LIFT = Guess(True, "complaint", "power", 0.9, "other", True, (), danger="spark", matter="电线", summary="电线冒火花")
BED = Guess(True, "complaint", "other", 0.9, "house", False, (), summary="花坛坏了")


def turn_at(tx: Tx, at: datetime = NOON) -> Turn:
    return Turn(tx, BOT, f"u:{at.isoformat()}", at, Rules())


def person(tx: Tx, name: str) -> Person:
    found = stored.find_person(tx, BOT, name)
    assert found
    return found


def report(
    tx: Tx, name: str = "王阿姨", *, guess: Guess = LAMP, at: datetime = NOON, discreet: bool = False, **more: Any
) -> Ticket:
    who = person(tx, name)
    place = who.place or person(tx, "王阿姨").place
    assert place
    said: dict[str, Any] = {"place": place, "address": Address(name, private=True), "texts": ("又坏了",)}
    turn = turn_at(tx, at)
    ticket = tickets.report(turn, who, guess, **said, discreet=discreet, **more).ticket
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


async def test_an_alarm_does_not_make_public_what_was_told_in_private(database: Database) -> None:
    def go(tx: Tx) -> None:
        hidden = report(tx, discreet=True)
        alarm = report(tx, "小赵", guess=LIFT, at=NOON + timedelta(minutes=2))
        assert alarm.id != hidden.id and alarm.urgent
        assert rows.get(tx, hidden.id).discreet

    await database.run(go)


async def test_what_was_told_in_private_is_not_merged_into_what_everybody_knows(database: Database) -> None:
    def go(tx: Tx) -> None:
        hidden, known = report(tx, guess=BED, discreet=True), report(tx, "小赵", guess=LAMP)
        with pytest.raises(Refusal, match=r"endings\.merge_private"):
            ticket_merging.merge(turn_at(tx), person(tx, "孙主任"), hidden, known)
        ticket_merging.merge(turn_at(tx), person(tx, "孙主任"), known, hidden)

    await database.run(go)


async def test_what_turns_out_to_be_about_the_company_is_not_left_in_its_hands(database: Database) -> None:
    def go(tx: Tx) -> None:
        company, secretary = lead_company(tx), person(tx, "周书记")
        ticket = report(tx, guess=BED)
        rows.change(tx, ticket.id, body_id=company.id)
        with pytest.raises(Refusal, match=r"lessons\.move_first"):
            lessons.correct(turn_at(tx), secretary, ticket, "property", "")
        rows.change(tx, ticket.id, body_id=secretary.posts[0].body.id)
        assert lessons.correct(turn_at(tx), secretary, ticket, "property", "").discreet

    await database.run(go)


async def test_only_who_serves_there_writes_down_what_the_hotline_passed_on(database: Database) -> None:
    def go(tx: Tx) -> None:
        head = person(tx, "老刘")
        other = person(tx, "何老师").place
        assert other and other.building_id != head.posts[0].body.building_id
        said: dict[str, Any] = {
            "address": Address("老刘", private=True),
            "words": "楼道灯不亮",
            "hotline": "A20261123001",
        }
        with pytest.raises(Refusal, match=r"figures\.hotline_right"):
            hotline.open_passed_on(turn_at(tx), head, LAMP, place=other, **said)
        opened = hotline.open_passed_on(turn_at(tx), person(tx, "孙主任"), LAMP, place=other, **said)
        assert opened.opened

    await database.run(go)


async def test_why_something_is_declined_names_nobody_to_the_reporters(database: Database) -> None:
    def go(tx: Tx) -> None:
        ticket, turn = report(tx), turn_at(tx, NOON + timedelta(minutes=1))
        ticket_work.decline(turn, person(tx, "周书记"), ticket, reason="3-2-501说过了，电话13800138000")
        turn.flush()
        assert "#1 这里办不了" in sent(tx) and "13800138000" not in sent(tx)

    await database.run(go)


async def test_the_whole_ends_when_its_last_part_was_no_complaint(database: Database) -> None:
    def go(tx: Tx) -> None:
        secretary, whole = person(tx, "周书记"), report(tx)
        wanted = [ticket_merging.Wanted(each, each.summary) for each in (LAMP, BED)]
        first, second = (part for part, _ in ticket_merging.split(turn_at(tx), secretary, whole, wanted))
        ticket_work.finish(turn_at(tx), person(tx, "孙主任"), first, note="好了")
        rows.change(tx, second.id, body_id=first.body_id)
        lessons.reject(turn_at(tx), secretary, second, "")
        clock.tick(tx, NOON + timedelta(minutes=1), Rules())
        assert rows.get(tx, whole.id).status is Status.DONE

    await database.run(go)


async def test_who_says_a_part_is_not_good_is_asked_again_though_the_whole_has_ended(database: Database) -> None:
    def go(tx: Tx) -> None:
        director, whole, wang = person(tx, "孙主任"), report(tx), person(tx, "王阿姨")
        wanted = [ticket_merging.Wanted(each, each.summary) for each in (LAMP, BED)]
        parts = [part for part, _ in ticket_merging.split(turn_at(tx), director, whole, wanted)]
        for part in parts:
            ticket_work.finish(turn_at(tx), director, part, note="好了")
        clock.tick(tx, NOON + timedelta(minutes=1), Rules())
        assert rows.get(tx, whole.id).status is Status.DONE
        later = NOON + timedelta(hours=1)
        ticket_endings.answer(turn_at(tx, later), wang, rows.get(tx, parts[0].id), Outcome.UNSOLVED)
        ticket_work.finish(turn_at(tx, later), director, rows.get(tx, parts[0].id), note="又好了")
        keys = tx.execute(select(TimerRow.key).where(TimerRow.kind == ticket_clock.OUTCOME)).scalars().all()
        assert f"{parts[0].id}:{wang.id}" in keys

    await database.run(go)


@pytest.mark.parametrize("at", [NOON, NOON.replace(hour=23)], ids=["day", "night"])
async def test_who_is_complained_about_hears_nothing_in_another_office(database: Database, at: datetime) -> None:
    def go(tx: Tx) -> None:
        branch = person(tx, "周书记").posts[0].body
        whom = Named(person(tx, "老刘").id, "老刘", "", "")
        offices.appoint(turn_at(tx), person(tx, "孙主任"), whom, branch, Role.STAFF)
        tx.execute(delete(Outbox))
        other = report(tx, "小赵", guess=LAMP, at=at)
        rows.change(tx, other.id, body_id=branch.id)  # beside it, so that a night's list has two
        ticket = report(tx, guess=ABOUT_HEAD, at=at, discreet=True, against=(Level.BUILDING_GROUP,))
        assert ticket.body_id == branch.id
        clock.tick(tx, NOON + timedelta(days=2), Rules())
        told = tx.execute(select(Outbox.chat_id, Outbox.message)).all()
        hears = {chat for chat, message in told if f"#{ticket.number} " in str(message)}
        assert "周书记" in hears and "老刘" not in hears and "小区党支部群" not in hears

    await database.run(go)


async def test_the_same_trouble_long_after_is_kept_from_the_same_people(database: Database) -> None:
    def go(tx: Tx) -> None:
        old = report(tx, guess=ABOUT_HEAD, discreet=True, against=(Level.BUILDING_GROUP,))
        ticket_work.finish(turn_at(tx), person(tx, "周书记"), old, note="谈过了")
        new = report(tx, guess=ABOUT_HEAD, at=NOON + timedelta(days=30), discreet=True, after=old)
        assert new.id != old.id
        assert not ticket_search.may_handle(turn_at(tx), person(tx, "老刘"), new)
        assert ticket_bodies.barred(tx, new.id) == ticket_bodies.barred(tx, old.id)

    await database.run(go)


async def test_a_question_nobody_answers_does_not_stop_the_clock_for_ever(database: Database) -> None:
    def go(tx: Tx) -> None:
        ticket, head = report(tx), person(tx, "老刘")
        ticket_work.ask(turn_at(tx), head, ticket, question="是厨房还是厕所")
        seen: list[Status] = []
        for day in range(1, 12):
            clock.tick(tx, NOON.replace(hour=20, minute=1) + timedelta(days=day), Rules())
            seen.append(rows.get(tx, ticket.id).status)
        assert seen[1] is Status.WAITING and seen[-1] is Status.ACCEPTED
        again = rows.get(tx, ticket.id)
        assert again.paused_at is None and again.accepted_by == head.id and again.hops
        assert sent(tx).count("又开始计时了") == 1

    await database.run(go)


async def test_a_bare_word_looks_at_no_more_tickets_than_one_can_choose_from(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def go(tx: Tx) -> None:
        for number in range(20):
            report(tx, guess=replace(LAMP, matter="", summary=f"灯{number}"))
        fire = report(tx, guess=LIFT, at=NOON + timedelta(days=1))
        for number in range(20, 40):
            report(tx, guess=replace(LAMP, matter="", summary=f"灯{number}"), at=NOON + timedelta(days=1))
        head, asked, execute = person(tx, "老刘"), 0, type(tx).execute

        def counted(*args: Any, **more: Any) -> Any:
            nonlocal asked
            asked += 1
            return execute(*args, **more)

        monkeypatch.setattr(type(tx), "execute", counted)
        found = ticket_search.waiting_for(turn_at(tx), head, None, Status.OPEN)
        assert [each.id for each in found] == [fire.id]  # what is urgent comes first
        tickets.call_off(turn_at(tx), head, fire)
        asked = 0
        assert len(ticket_search.waiting_for(turn_at(tx), head, None, Status.OPEN)) == 9
        assert 10 < asked < 30, asked

    await database.run(go)
