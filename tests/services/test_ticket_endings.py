"""How tickets end on a database: what is asked how often, what counts as an answer, who may ask in person."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from bot.demo import build
from bot.play import BOT
from domain.errors import Refusal
from domain.guess import Guess
from domain.messages import Address
from domain.people import Level, Named, Person, Role
from domain.rules import Rules
from domain.tickets import Outcome, Status, Ticket
from services import callbacks, clock, offices, ticket_endings, ticket_work, tickets
from services.turn import Turn
from storage import people, ticket_reports, vault
from storage import tickets as rows
from storage.audit import Audit
from storage.database import Database, Tx
from storage.outbox import Outbox
from storage.people import PersonRow

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
LAMP = Guess(True, "complaint", "power", 0.9, "other", False, (), matter="楼道灯", summary="楼道灯不亮")


def turn_at(tx: Tx, at: datetime = NOON) -> Turn:
    return Turn(tx, BOT, f"u:{at}", at, Rules())


def person(tx: Tx, name: str) -> Person:
    found = people.find_person(tx, BOT, name)
    assert found
    return found


def report(tx: Tx, name: str = "王阿姨", *, discreet: bool = False) -> Ticket:
    who = person(tx, name)
    assert who.place
    here = Address(name, private=True)
    return tickets.report(
        turn_at(tx), who, LAMP, place=who.place, address=here, texts=("灯不亮",), discreet=discreet
    ).ticket


def finished(tx: Tx, *, discreet: bool = False, at: datetime = NOON) -> Ticket:
    ticket = report(tx, discreet=discreet)
    ticket_work.finish(turn_at(tx, at), person(tx, "老刘"), ticket, note="换了")
    return rows.get(tx, ticket.id)


def asked(tx: Tx) -> list[str]:
    """The closing questions that were put."""
    found = [row[0] for row in tx.execute(select(Outbox.message))]
    return [message["text"] for message in found if len(message.get("choices", ())) == 4]


@pytest.fixture(autouse=True)
async def demo(database: Database) -> None:
    await database.run(build, BOT)


async def test_asked_twice_then_not_called_back_and_never_counted_as_solved(database: Database) -> None:
    def go(tx: Tx) -> None:
        ticket = finished(tx)
        for hours in range(0, 24 * 6, 3):
            clock.tick(tx, NOON + timedelta(hours=hours), Rules())
        assert len(asked(tx)) == 2
        now = rows.get(tx, ticket.id)
        (voice,) = ticket_reports.voices(tx, ticket.id)
        assert (now.status, voice.outcome, voice.asked) == (Status.CLOSED, None, 2)
        acts = [row[0] for row in tx.execute(select(Audit.action).where(Audit.subject_id == ticket.id))]
        assert acts.count("lapsed") == 1

    await database.run(go)


async def test_a_long_outage_asks_no_more_often(database: Database) -> None:
    def go(tx: Tx) -> None:
        ticket = finished(tx)
        for _ in range(5):
            clock.tick(tx, NOON + timedelta(days=9), Rules())
        assert len(asked(tx)) <= 2
        assert rows.get(tx, ticket.id).status is Status.CLOSED

    await database.run(go)


async def test_said_to_be_done_again_it_is_asked_again(database: Database) -> None:
    def go(tx: Tx) -> None:
        ticket, wang = finished(tx), person(tx, "王阿姨")
        clock.tick(tx, NOON, Rules())
        ticket_endings.answer(turn_at(tx), wang, ticket, Outcome.UNSOLVED)
        later = NOON + timedelta(hours=2)
        ticket_work.finish(turn_at(tx, later), person(tx, "老刘"), ticket, note="又换了")
        (voice,) = ticket_reports.voices(tx, ticket.id)
        assert (voice.outcome, voice.asked) == ("unsolved", 0)  # until they take it back
        assert not voice.answered(rows.get(tx, ticket.id).closed_at)
        assert [call.person_id for call in callbacks.calls(turn_at(tx, later), person(tx, "周书记"))] == [wang.id]

    await database.run(go)


async def test_too_late_to_give_back(database: Database) -> None:
    def go(tx: Tx) -> None:
        ticket = finished(tx)
        late = NOON + timedelta(days=7, minutes=1)
        assert ticket_endings.is_late(turn_at(tx, late), ticket)
        answered = ticket_endings.answer(turn_at(tx, late), person(tx, "王阿姨"), ticket, Outcome.UNSOLVED)
        assert answered.ticket.status is Status.DONE and answered.ticket.reopened == 0

    await database.run(go)


async def test_an_answer_to_a_question_is_contact(database: Database) -> None:
    def go(tx: Tx) -> None:
        ticket, head = report(tx), person(tx, "老刘")
        ticket_work.tell(turn_at(tx), head, ticket, note="快了")
        ticket_work.ask(turn_at(tx), head, ticket, question="几楼")
        assert rows.get(tx, ticket.id).contacted_at is None
        ticket_work.heard(turn_at(tx), person(tx, "王阿姨"), ticket, "三楼")
        now = rows.get(tx, ticket.id)
        assert (now.contacted_at, now.contacted_by) == (NOON, head.id)

    await database.run(go)


async def test_a_phone_is_whole_only_for_who_may_see_the_roster(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(vault.VARIABLE, vault.new_key())

    def go(tx: Tx) -> None:
        finished(tx)
        ring = vault.vault()
        assert ring
        wang = person(tx, "王阿姨").id
        tx.execute(update(PersonRow).where(PersonRow.id == wang).values(phone=ring.seal("13812345678")))
        (call,) = callbacks.calls(turn_at(tx), person(tx, "周书记"))
        assert call.shown.endswith("13812345678")
        (call,) = callbacks.calls(turn_at(tx), person(tx, "小林"))  # of the street, without the roster
        assert call.shown.endswith("138****5678")
        monkeypatch.delenv(vault.VARIABLE)
        (call,) = callbacks.calls(turn_at(tx), person(tx, "周书记"))
        assert not call.shown.endswith("5678")

    await database.run(go)


async def test_who_reported_a_discreet_ticket_is_told_to_the_community_alone(database: Database) -> None:
    def go(tx: Tx) -> None:
        ticket = finished(tx, discreet=True)
        assert callbacks.calls(turn_at(tx), person(tx, "周书记")) == []
        with pytest.raises(Refusal):
            callbacks.unanswered(turn_at(tx), person(tx, "周书记"), ticket)
        assert len(callbacks.calls(turn_at(tx), person(tx, "孙主任"))) == 1

    await database.run(go)


async def test_two_people_apart_from_the_work_leave_it_out(database: Database) -> None:
    def go(tx: Tx) -> None:
        ticket = finished(tx)
        secretary, director = person(tx, "周书记"), person(tx, "孙主任")
        with pytest.raises(Refusal) as refused:
            callbacks.propose_exclusion(turn_at(tx), person(tx, "老刘"), ticket, reason="重复")
        assert refused.value.code == "callbacks.own_work"
        callbacks.propose_exclusion(turn_at(tx), secretary, ticket, reason="重复")
        with pytest.raises(Refusal) as refused:
            callbacks.agree_exclusion(turn_at(tx), secretary, ticket)
        assert refused.value.code == "callbacks.own_proposal"
        assert [voice.excluded for voice in ticket_reports.voices(tx, ticket.id)] == [""]
        callbacks.agree_exclusion(turn_at(tx), director, ticket)
        assert [voice.excluded for voice in ticket_reports.voices(tx, ticket.id)] == ["excluded"]

    await database.run(go)


async def test_a_list_is_of_ones_own_bodies(database: Database) -> None:
    def go(tx: Tx) -> None:
        finished(tx)
        other = offices.find_bodies(turn_at(tx), 1, Level.BUILDING_GROUP, building="5")[0]
        whom = Named(person(tx, "何老师").id, "何老师", "5", "1")
        offices.appoint(turn_at(tx), person(tx, "周书记"), whom, other, Role.HEAD)
        assert callbacks.calls(turn_at(tx), person(tx, "何老师")) == []
        assert len(callbacks.calls(turn_at(tx), person(tx, "周书记"))) == 1
        assert callbacks.calls(turn_at(tx), person(tx, "老刘")) == []  # whose work it was

    await database.run(go)


async def test_not_reached_twice_stays_apart(database: Database) -> None:
    def go(tx: Tx) -> None:
        ticket, secretary = finished(tx), person(tx, "周书记")
        for _ in range(2):
            (call,) = callbacks.unanswered(turn_at(tx), secretary, ticket)
            callbacks.book(turn_at(tx), secretary, ticket, call, ticket_reports.UNREACHED, note="")
        (voice,) = ticket_reports.voices(tx, ticket.id)
        assert (voice.outcome, voice.excluded) == ("unreached", "")
        assert rows.get(tx, ticket.id).status is Status.DONE

    await database.run(go)
