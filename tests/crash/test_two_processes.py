"""Two real processes on one database: no lost update, no deadlock that is not tried again, each chat's order kept, each
message sent once though both send."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select

from storage import audit, people, ticket_reports, tickets, timers
from storage.database import Tx, open_database
from storage.outbox import Outbox
from tests.crash.peer import Peer, Stream
from tests.crash.story import BUILDING_CHATS, MATTERS, SECOND_CHATS, START, Line, Story
from tests.crash.verdict import Figures, Watch, count, judge, judge_sends, prepare
from tests.support.crashing import SECRETARY

pytestmark = pytest.mark.asyncio(loop_scope="package")

LINES = 80  # of each process
Tell = Callable[[int], Line]


@pytest.fixture
def peer(crash_peer: Peer) -> Peer:
    crash_peer.begin()
    return crash_peer


async def run_two(peer: Peer, url: str, first: Tell, second: Tell, *, lines: int = LINES, kind: str = "life") -> None:
    """Both streams to their end, in two processes that live at the same time; the second may be a "desk"."""
    lives = [peer.spawn(url, Stream(first, lines)), peer.spawn(url, Stream(second, lines), kind)]
    async with asyncio.TaskGroup() as group:
        for life in lives:
            group.create_task(peer.live(life, START))


async def look(url: str, see: Callable[..., Any], *args: Any) -> Any:
    async with open_database(url) as database:
        return await database.read(see, *args)


async def settle(url: str) -> int:
    async with open_database(url) as database:
        return await prepare(database, second_chats=True)


def sends(tx: Tx, lines: list[Line], sent: list[dict[str, Any]]) -> dict[str, int]:
    """What is wrong with what was sent; repeated counts too, since nothing was killed."""
    watch = Watch()
    judge_sends(tx, watch, lines, sent)
    return watch.figures.wrong | ({"repeated": watch.figures.repeated} if watch.figures.repeated else {})


async def test_two_services_with_chats_of_the_same_buildings(peer: Peer, database_url: str) -> None:
    settled = await settle(database_url)
    first, second = Story(BUILDING_CHATS, "a"), Story(SECOND_CHATS, "b", matter=1)
    peer.begin(refusals=0.05)
    await run_two(peer, database_url, first.line, second.line)
    lines = [story.line(number) for story in (first, second) for number in range(1, LINES + 1)]
    figures: Figures = await look(database_url, judge, Watch(), lines, peer.sent, settled)
    assert not figures.wrong, str(figures)
    assert figures.effects == LINES * 2 * 4 / 5
    assert figures.repeated == 0


async def test_a_command_beside_the_service(peer: Peer, database_url: str) -> None:
    """The other process calls services directly. Both tick: each closing question is asked once."""
    await settle(database_url)
    story = Story(BUILDING_CHATS, "a")

    def desk(number: int) -> Line:
        return Line(f"d{number}", SECOND_CHATS[number % 8], f"客{number}", "吵架")

    await run_two(peer, database_url, story.line, desk, kind="desk")
    opened = sum(line.effect is not None and line.effect.action == "opened" for line in map(story.line, _numbers()))

    def see(tx: Tx) -> None:
        numbers = tx.scalars(select(tickets.TicketRow.number).order_by(tickets.TicketRow.number)).all()
        assert list(numbers) == list(range(1, opened + LINES + 1))
        actions = Counter(tx.scalars(select(audit.Audit.action)))
        assert actions["opened"] == opened + LINES
        assert actions["accepted"] == actions["finished"] == LINES
        questions = Counter(tx.scalars(select(Outbox.chat_id).where(Outbox.key.like("t:%"))))
        waiting = count(tx, timers.TimerRow, timers.TimerRow.kind == "ticket.outcome")
        assert set(questions) <= {f"客{number}" for number in _numbers()}
        assert set(questions.values()) <= {1}
        assert waiting == LINES  # the second question of whoever was asked; else the first, both ended before its tick
        # No inbox, no order among the commands: each stands for itself.
        commands = [replace(desk(number), chat=f"desk {number}") for number in _numbers()]
        lines = [*map(story.line, _numbers()), *commands]
        assert sends(tx, lines, peer.sent) == {}

    await look(database_url, see)


async def test_the_same_matter_reported_in_both_opens_one_ticket(peer: Peer, database_url: str) -> None:
    await settle(database_url)

    def report(name: str, chats: tuple[str, ...]) -> Tell:
        return lambda number: Line(
            f"{name}{number}", chats[number % 8], f"{name}{number}", MATTERS[number % 8 % len(MATTERS)]
        )

    first, second = report("a", BUILDING_CHATS), report("b", SECOND_CHATS)
    await run_two(peer, database_url, first, second, lines=40)

    def see(tx: Tx) -> None:
        actions = Counter(tx.scalars(select(audit.Audit.action)))
        assert actions == {"opened": 8, "joined": 72}
        assert count(tx, ticket_reports.Report) == 80
        assert sends(tx, [tell(number) for tell in (first, second) for number in range(1, 41)], peer.sent) == {}

    await look(database_url, see)


async def test_a_stranger_who_speaks_in_both_is_one_person(peer: Peer, database_url: str) -> None:
    settled = await settle(database_url)

    def speak(name: str, chats: tuple[str, ...], matter: int) -> Tell:
        return lambda number: Line(
            f"{name}{number}", chats[number % 8], f"客{number}", MATTERS[(number % 8 + matter) % len(MATTERS)]
        )

    await run_two(peer, database_url, speak("a", BUILDING_CHATS, 0), speak("b", SECOND_CHATS, 1), lines=40)

    def see(tx: Tx) -> None:
        assert count(tx, people.PersonRow) == settled + 40
        mine = select(people.Identity.user_id).join(
            ticket_reports.Report, ticket_reports.Report.person_id == people.Identity.person_id
        )
        assert Counter(tx.scalars(mine)) == {f"客{number}": 2 for number in range(1, 41)}

    await look(database_url, see)


async def test_a_ticket_taken_in_both_is_one_persons(peer: Peer, database_url: str) -> None:
    """Two officers answer 接单 for the same tickets at the same time: each has one owner, the other hears so."""
    await settle(database_url)

    def report(number: int) -> Line:
        chat = (BUILDING_CHATS * 3)[number - 1]
        return Line(f"r{number}", chat, f"客{number}", MATTERS[((number - 1) // 8 + number) % len(MATTERS)])

    def take(officer: str) -> Tell:
        return lambda number: Line(f"{officer}{number}", officer, officer, f"接单 {number}", private=True)

    await peer.live(peer.spawn(database_url, Stream(report, 24)), START)
    await run_two(peer, database_url, take(SECRETARY), take("吴师傅"), lines=24)

    def see(tx: Tx) -> None:
        taken = select(audit.Audit.subject_id, audit.Audit.actor_id).where(audit.Audit.action == "accepted")
        recorded = sorted((row.subject_id, row.actor_id) for row in tx.execute(taken))
        owners = tx.execute(select(tickets.TicketRow.id, tickets.TicketRow.accepted_by).order_by(tickets.TicketRow.id))
        assert recorded == [(row.id, row.accepted_by) for row in owners]
        assert len(recorded) == 24
        assert tx.scalar(select(func.count()).where(Outbox.key.like("u:%"), Outbox.state != "sent")) == 0

    await look(database_url, see)


def _numbers() -> range:
    return range(1, LINES + 1)
