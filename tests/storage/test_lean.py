"""Statements that skip SQLAlchemy's execution give what it gives: rows, types, counts, errors."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError, MultipleResultsFound, NoResultFound

from storage import audit, conversations, lanes, outbox, timers
from storage.conversations import Conversation
from storage.database import Database, Tx
from storage.lean import Rows

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


async def test_the_second_execution_is_lean_and_gives_the_same(database: Database) -> None:
    kept = Conversation("f", {"a": [1]}, [["k", "答"]], "p", "q", NOW + timedelta(hours=1), [[1, "好"]], secret=True)

    def work(tx: Tx) -> list[Conversation | None]:
        found = []
        for number in range(3):
            conversations.save(tx, "b", f"c{number}", "u", kept)
            found.append(conversations.find(tx, "b", f"c{number}", "u", NOW))
        return found

    assert await database.run(work) == [kept] * 3


async def test_counts_moments_and_numbers(database: Database) -> None:
    def work(tx: Tx) -> None:
        for number in range(3):
            assert lanes.first_sight(tx, bot_id="b", update_id=str(number), now=NOW)
            assert not lanes.first_sight(tx, bot_id="b", update_id=str(number), now=NOW)
            assert lanes.enter_lane(tx, bot_id="b", chat_id="c") == number + 1
            assert audit.next_number(tx, "s") == number + 1
            due = NOW + timedelta(minutes=number)
            timers.set_timer(tx, "k", str(number), bot_id="b", due_at=due, data={"n": number})
        taken = timers.take_due(tx, now=NOW + timedelta(minutes=1))
        assert [(timer.key, timer.due_at, timer.data) for timer in taken] == [
            ("0", NOW, {"n": 0}),
            ("1", NOW + timedelta(minutes=1), {"n": 1}),
        ]
        assert outbox.next_due(tx, bot_id="nobody") is None

    await database.run(work)


async def test_errors_are_sqlalchemys_and_a_savepoint_holds_them(database: Database) -> None:
    def work(tx: Tx) -> int:
        for number in range(3):
            with pytest.raises(IntegrityError), tx.begin_nested():
                lanes.first_sight(tx, bot_id="b", update_id=None, now=NOW)  # type: ignore[arg-type]
            assert audit.next_number(tx, "s") == number + 1
        return audit.next_number(tx, "s")

    assert await database.run(work) == 4


async def test_rows_refuse_what_sqlalchemy_refuses(database: Database) -> None:
    def work(tx: Tx) -> None:
        from storage.lanes import _seen

        lanes.first_sight(tx, bot_id="b", update_id="1", now=NOW)
        tx.execute(_seen, {"bot_id": "b", "update_id": "1"})
        one = tx.execute(_seen, {"bot_id": "b", "update_id": "1"})
        none = tx.execute(_seen, {"bot_id": "b", "update_id": "2"})
        assert isinstance(one, Rows) and isinstance(none, Rows), "not lean: the test shows nothing"
        assert one.scalar_one() == "1" and none.scalar() is None and none.first() is None
        with pytest.raises(NoResultFound):
            none.one()
        double = Rows(one._plan, [("1",), ("1",)], 2)
        assert len(double.all()) == 2
        with pytest.raises(MultipleResultsFound):
            double.one()

    await database.run(work)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_listener_still_sees_every_statement(database: Database) -> None:
    seen: list[str] = []

    def work(tx: Tx) -> None:
        event.listen(tx.engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
        for _ in range(3):
            audit.next_number(tx, "s")

    await database.run(work)
    assert len([sql for sql in seen if "counter" in sql]) == 3
