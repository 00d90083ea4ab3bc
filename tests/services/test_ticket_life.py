"""The life of tickets by random people in random order: no act leaves the table of states, nobody who reported is lost,
nobody works on what is not theirs, and each level is called once."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Connection, Engine, StaticPool, create_engine, event, select

from bot.demo import build
from bot.play import BOT
from domain.errors import Refusal
from domain.guess import Guess
from domain.messages import Address
from domain.people import Level, Person
from domain.rules import Rules
from domain.tickets import ENDED, LIVE, OUTCOMES, STEPS, Act, Outcome, Status, Ticket
from services import (
    callbacks,
    clock,
    offices,
    ticket_endings,
    ticket_merging,
    ticket_routing,
    ticket_search,
    ticket_work,
    tickets,
)
from services.turn import Turn, savepoint
from storage import people as stored
from storage import ticket_merging as families
from storage import ticket_reports
from storage import tickets as rows
from storage.audit import Audit
from storage.models import Base
from storage.ticket_reports import UNREACHED

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
RESIDENTS = ("王阿姨", "小赵", "陈奶奶")
OUTSIDERS = ("何老师", "郑工")  # of other buildings, without a post
HEADS = ("老刘", "周书记", "孙主任", "吴师傅", "小林")
BUSY = ("老刘", "周书记", "孙主任")
EVERYBODY = (*RESIDENTS, *OUTSIDERS, *HEADS)
LAMP = Guess(True, "complaint", "power", 0.9, "other", False, (), matter="楼道灯", summary="楼道灯不亮")
STREET = Guess(True, "complaint", "power", 0.9, "other", False, (), matter="路灯", summary="路灯不亮")
WATER = Guess(True, "complaint", "water", 0.9, "other", False, (), matter="下水道", summary="下水道堵")
RUDE = Guess(True, "complaint", "property", 0.9, "other", False, (), summary="物业不管事")
HEAD = Guess(True, "complaint", "other", 0.9, "house", False, (), summary="有人反映楼栋长的事")
LIFT = Guess(True, "complaint", "lift", 0.9, "other", True, (), danger="trapped", matter="电梯", summary="电梯困人")
MATTERS = (LAMP, STREET, WATER, RUDE, HEAD, LIFT)


@dataclass
class World:
    """The demo compound in memory; each life begins in a transaction of its own that is never kept."""

    engine: Engine
    failed: list[logging.LogRecord]


WORLDS: list[World] = []


@pytest.fixture(scope="module", autouse=True)
def world() -> Iterator[None]:
    engine = create_engine("sqlite://", poolclass=StaticPool)

    @event.listens_for(engine, "connect")
    def by_hand(connection: Any, _: Any) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    Base.metadata.create_all(engine)
    with engine.begin() as tx:
        build(tx, BOT)
    failed: list[logging.LogRecord] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            failed.append(record)

    handler = Keep(logging.ERROR)
    clock.log.addHandler(handler)
    WORLDS.append(World(engine, failed))
    yield
    WORLDS.clear()
    clock.log.removeHandler(handler)
    engine.dispose()


Work = Callable[[Turn, Person, Ticket, Ticket], object]


def _finish(turn: Turn, person: Person, ticket: Ticket) -> None:
    ticket_work.finish(turn, person, ticket, note="好了")


def _split(turn: Turn, person: Person, ticket: Ticket, _: Ticket) -> object:
    wanted = [ticket_merging.Wanted(guess, guess.summary) for guess in (LAMP, WATER)]
    return ticket_merging.split(turn, person, ticket, wanted)


def _call_back(turn: Turn, person: Person, ticket: Ticket, outcome: str) -> object:
    return callbacks.book(turn, person, ticket, callbacks.unanswered(turn, person, ticket)[0], outcome, note="")


def _up(turn: Turn, person: Person, ticket: Ticket, _: Ticket) -> object:
    return ticket_routing.pass_on(turn, person, ticket, offices.find_bodies(turn, 1, Level.COMMUNITY)[0])


WORK: dict[str, Work] = {
    "accept": lambda turn, person, ticket, _: ticket_work.accept(turn, person, ticket),
    "finish": lambda turn, person, ticket, _: ticket_work.finish(turn, person, ticket, note="好了"),
    "finish_again": lambda turn, person, ticket, _: ticket_work.finish(turn, person, ticket, note="又好了"),
    "contacted": lambda turn, person, ticket, _: ticket_work.contacted(turn, person, ticket, note=""),
    "tell": lambda turn, person, ticket, _: ticket_work.tell(turn, person, ticket, note="快了"),
    "ask": lambda turn, person, ticket, _: ticket_work.ask(turn, person, ticket, question="哪里"),
    "extend": lambda turn, person, ticket, _: ticket_work.extend(
        turn, person, ticket, day=turn.local.date() + timedelta(days=6), reason="等配件"
    ),
    "shelve": lambda turn, person, ticket, _: ticket_work.shelve(
        turn, person, ticket, day=turn.local.date() + timedelta(days=3), reason="没钱"
    ),
    "decline": lambda turn, person, ticket, _: ticket_work.decline(turn, person, ticket, reason="在法院"),
    "call_off": lambda turn, person, ticket, _: tickets.call_off(turn, person, ticket),
    "merge": ticket_merging.merge,
    "unmerge": lambda turn, person, ticket, _: ticket_merging.unmerge(turn, person, ticket),
    "split": _split,
    "up": _up,
    "give_back": lambda turn, person, ticket, _: ticket_routing.give_back(turn, person, ticket, "不归我"),
    "uphold": lambda turn, person, ticket, _: ticket_routing.uphold(turn, person, ticket),
    "callback": lambda turn, person, ticket, _: _call_back(turn, person, ticket, Outcome.FAIR.value),
    "callback_unsolved": lambda turn, person, ticket, _: _call_back(turn, person, ticket, Outcome.UNSOLVED.value),
    "callback_unreached": lambda turn, person, ticket, _: _call_back(turn, person, ticket, UNREACHED),
    "exclude": lambda turn, person, ticket, _: callbacks.propose_exclusion(turn, person, ticket, reason="重复"),
    "agree": lambda turn, person, ticket, _: callbacks.agree_exclusion(turn, person, ticket),
}

# What an act of the table stands behind, so that it is tried where it is possible.
ACTS = {name: Act.CALLED_BACK for name in WORK if name.startswith("callback")} | {
    "accept": Act.ACCEPTED,
    "finish": Act.FINISHED,
    "finish_again": Act.FINISHED,
    "merge": Act.MERGED,
    "unmerge": Act.UNMERGED,
    "split": Act.SPLIT,
    "uphold": Act.UPHELD,
    "exclude": Act.CALLED_BACK,
    "agree": Act.CALLED_BACK,
    "tell": Act.PROGRESSED,
    "answer": Act.LAPSED,
}
OFTEN = ("finish", "finish_again", "merge", "callback", "callback_unsolved", "split")


class Life(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = WORLDS[0]
        self.tx = self.world.engine.connect()
        self.life = self.tx.begin()
        self.now, self.turns = NOON, 0
        self.voices: set[tuple[int, int]] = set()  # (ticket, person) of every report that was not taken back
        self.against: set[int] = set()  # tickets about the head of the building

    def teardown(self) -> None:
        self.life.rollback()
        self.tx.close()

    def do(self, what: Callable[[Turn], Any]) -> Any:
        """One turn; None where it was refused, and then nothing of it is left."""
        self.turns += 1
        turn = Turn(self.tx, BOT, f"u:{self.turns}", self.now, Rules())
        try:
            with savepoint(turn):
                result = what(turn)
                turn.flush()
                return result if result is not None else True
        except Refusal:
            return None

    def person(self, name: str) -> Person:
        found = stored.find_person(self.tx, BOT, name)
        assert found
        return found

    def all(self) -> list[Ticket]:
        return rows.all_tickets(self.tx)

    def ticket(self, number: int, what: str = "") -> Ticket:
        """One of all; mostly one in whose state the act is possible."""
        there = self.all()
        if number % 5 and (act := ACTS.get(what)):
            there = [each for each in there if each.status in STEPS[act]] or there
        return there[number % len(there)]

    @initialize()
    def begin(self) -> None:
        for name, guess in zip(RESIDENTS, (LAMP, STREET, WATER), strict=True):
            self.report(name, guess)

    @rule(name=st.sampled_from(RESIDENTS), guess=st.sampled_from(MATTERS))
    def report(self, name: str, guess: Guess) -> None:
        person, about = self.person(name), ((Level.BUILDING_GROUP,) if guess is HEAD else ())
        assert person.place
        place = person.place

        def go(turn: Turn) -> Ticket:
            said = {"address": Address(name, private=True), "texts": (guess.summary,)}
            return tickets.report(turn, person, guess, place=place, against=about, **said).ticket  # type: ignore[arg-type]

        if ticket := self.do(go):
            self.voices.add((ticket.id, person.id))
            self.against |= {ticket.id} if about else set()

    @precondition(lambda self: self.voices)
    @rule(name=st.sampled_from(EVERYBODY), number=st.integers(0, 9))
    def withdraw(self, name: str, number: int) -> None:
        person, ticket = self.person(name), self.ticket(number)
        if self.do(lambda turn: tickets.withdraw(turn, person, ticket) or True):
            goes_on = [each for each, who in self.voices if who == person.id and self.root(each) == ticket.id]
            assert goes_on, "a report that nobody made was taken back"
            self.voices -= {(each, person.id) for each in goes_on}

    @precondition(lambda self: self.voices)
    @rule(
        what=st.sampled_from(sorted(WORK)),
        name=st.sampled_from((*BUSY, *EVERYBODY)),
        number=st.integers(0, 9),
        other=st.integers(0, 9),
    )
    def work(self, what: str, name: str, number: int, other: int) -> None:
        person, ticket, second = self.person(name), self.ticket(number, what), self.ticket(other, "tell")
        done = self.do(lambda turn: WORK[what](turn, person, ticket, second))
        concerned = [ticket, *([second] if what == "merge" else [])]
        if done is None:
            return
        assert person.posts, f"{name} has no post: {what}"
        for each in concerned:
            assert name != "老刘" or each.id not in self.against, f"{what} by who is complained about"
            assert name != "吴师傅" or each.category != "property", f"{what} by the company complained about"
        if what.startswith("callback"):
            assert person.id not in (ticket.finished_by, ticket.accepted_by), "asked by who did the work"

    @rule(what=st.sampled_from(OFTEN), name=st.sampled_from(BUSY), number=st.integers(0, 9), other=st.integers(0, 9))
    def work_often(self, what: str, name: str, number: int, other: int) -> None:
        self.work(what, name, number, other)

    @rule(name=st.sampled_from(BUSY), number=st.integers(0, 9))
    def end_parts(self, name: str, number: int) -> None:
        """With the last part the whole is done, on the next tick."""
        whole = [each for each in self.all() if each.status is Status.SPLIT]
        if not whole:
            return
        chosen, person = whole[number % len(whole)], self.person(name)
        for part in families.parts(self.tx, chosen.id):
            self.do(partial(_finish, person=person, ticket=rows.get(self.tx, part.id)))
        clock.tick(self.tx, self.now, Rules())
        ended = all(part.status in (Status.DONE, *ENDED) for part in families.parts(self.tx, chosen.id))
        assert (rows.get(self.tx, chosen.id).status is Status.SPLIT) != ended

    @rule(number=st.integers(0, 9), name=st.sampled_from(BUSY))
    def undo(self, number: int, name: str) -> None:
        self.work("unmerge", name, number, number)

    @precondition(lambda self: self.voices)
    @rule(name=st.sampled_from(EVERYBODY), number=st.integers(0, 9))
    def look(self, name: str, number: int) -> None:
        person, ticket = self.person(name), self.ticket(number)
        seen = self.do(lambda turn: ticket_search.look_up(turn, person, None, ticket.number))
        if name in OUTSIDERS or (name == "老刘" and ticket.id in self.against):
            assert seen is None, f"{name} sees #{ticket.number}"

    @precondition(lambda self: self.voices)
    @rule(name=st.sampled_from(RESIDENTS), number=st.integers(0, 9), answer=st.integers(1, 4))
    def answer(self, name: str, number: int, answer: int) -> None:
        person, ticket = self.person(name), self.ticket(number, "answer")
        if (ticket.id, person.id) not in self.voices and not self.parted(ticket, person):
            return
        if ticket.status is Status.WAITING:
            self.do(lambda turn: ticket_work.heard(turn, person, ticket, "厨房"))
        else:
            self.do(lambda turn: ticket_endings.answer(turn, person, ticket, OUTCOMES[answer]))

    def parted(self, ticket: Ticket, person: Person) -> bool:
        return (ticket.parent_id, person.id) in self.voices

    @rule(minutes=st.sampled_from((1, 11, 300, 1500, 4500)), late=st.booleans())
    def pass_time(self, minutes: int, late: bool) -> None:
        """The clock ticks on the way, or (late) the process was down and wakes at the end."""
        end = self.now + timedelta(minutes=minutes)
        while not late and (due := clock.next_due(self.tx)) and due < end:
            self.now = max(due, self.now)
            clock.tick(self.tx, self.now, Rules())
        self.now = end
        for _ in range(3):
            clock.tick(self.tx, self.now, Rules())

    # --- what always holds ------------------------------------------------------------------------------------------

    def root(self, ticket_id: int) -> int:
        ticket = rows.get(self.tx, ticket_id)
        return self.root(ticket.merged_into) if ticket.merged_into else ticket_id

    @invariant()
    def every_step_is_in_the_table(self) -> None:
        history: dict[int, list[tuple[str, dict[str, Any]]]] = {}
        found = select(Audit.subject_id, Audit.action, Audit.data).where(Audit.subject == "ticket").order_by(Audit.id)
        for ticket_id, action, data in self.tx.execute(found):
            history.setdefault(ticket_id, []).append((action, data))
        for ticket in self.all():
            acts = history[ticket.id]
            states = [(act, data.get("before"), data["after"]) for act, data in acts if "after" in data]
            assert states[0][0] == Act.OPENED.value
            for act, before, after in states[1:]:
                assert STEPS[Act(act)][Status(str(before))] is Status(after)
            assert all(first[2] == second[1] for first, second in pairwise(states)), "a state that no act led to"
            assert states[-1][2] == ticket.status.value
            hops = [data["hop"] for act, data in acts if act == Act.ESCALATED.value]
            assert hops == list(range(1, ticket.hops + 1)), "a level was called twice, or passed over"
            assert sum(act == Act.REOPENED.value for act, _ in acts) == ticket.reopened

    @invariant()
    def nobody_who_reported_is_lost(self) -> None:
        for ticket_id, person_id in self.voices:
            there = ticket_reports.voices(self.tx, self.root(ticket_id))
            assert person_id in {voice.person_id for voice in there if voice.stays}

    @invariant()
    def what_is_written_fits_the_state(self) -> None:
        for ticket in self.all():
            assert (ticket.closed_at is None) == (ticket.status in LIVE)
            assert (ticket.merged_into is None) == (ticket.status is not Status.MERGED)
            if ticket.status in ENDED:
                assert ticket.settled_at
            if ticket.status is Status.SPLIT:
                assert families.parts(self.tx, ticket.id)

    @invariant()
    def no_timer_failed(self) -> None:
        assert not self.world.failed, self.world.failed[0].getMessage()


def test_life() -> None:
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=20,
            stateful_step_count=50,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
