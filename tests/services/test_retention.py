"""A night takes away what is old enough, each kind by its own rule, and writes down how much it took."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, select

from bot.demo import build
from domain.rules import Rules
from services import clock, retention
from storage import outbox
from storage.audit import Audit
from storage.database import Database, Tx
from storage.members import Consent, HomeRequest, Leaver
from storage.outbox import Outbox
from storage.ticket_reports import TicketText
from storage.tickets import TicketRow

NOW = datetime(2026, 11, 23, 4, 10, tzinfo=UTC)
BOT, RULES = "linli", Rules()


def ago(days: int, **more: int) -> datetime:
    return NOW - timedelta(days=days, **more)


def _ticket(number: int, closed: datetime | None) -> dict[str, Any]:
    blank = dict.fromkeys(("category", "matter", "summary", "danger", "chat_id"), "")
    flags = {"urgent": False, "discreet": False, "status": "closed" if closed else "open"}
    row = {"id": number, "series": 1, "number": number, "compound_id": 1, "body_id": 1, "bot_id": BOT}
    return {**blank, **flags, **row, "opened_at": ago(900), "report_at": ago(900), "closed_at": closed}


def _add(tx: Tx, table: type[Any], **values: Any) -> None:
    tx.execute(insert(table), values)


def _settle(tx: Tx) -> None:
    """Of each kind a row that is old enough, one that is a day too young, one that never ends."""
    build(tx, BOT)
    tx.execute(insert(TicketRow), [_ticket(1, ago(731)), _ticket(2, ago(729)), _ticket(3, None)])
    for ticket in (1, 2, 3):
        _add(tx, TicketText, ticket_id=ticket, person_id=1, kind="report", at=ago(900), text=f"原话{ticket}")
    for user, days in (("old", 91), ("young", 89)):
        _add(tx, Leaver, bot_id=BOT, chat_id="3栋群", user_id=user, person_id=None, left_at=ago(days))
    home = {"compound_id": 1, "building_id": 1, "household_id": 1, "relation": "family", "name": "", "at": ago(400)}
    for number, state, decided in ((1, "approved", ago(181)), (2, "refused", ago(179)), (3, "open", None)):
        of = {"person_id": number, "number": number, "state": state, "decided_at": decided}
        _add(tx, HomeRequest, bot_id=BOT, **home, **of)
    for ended in (ago(1096), ago(1094), None):
        _add(tx, Consent, person_id=1, purpose="phone", given_at=ago(2000), recorded_by=None, withdrawn_at=ended)
    blank = {"bot_id": BOT, "chat_id": "老刘", "urgent": False, "due_at": NOW, "leased": False, "part": 0, "post": ""}
    for key, done in (("old", ago(31)), ("young", ago(0, hours=2)), ("now", ago(0, minutes=5))):
        sent = {"key": key, "message": {"text": key}, "state": outbox.SENT, "attempts": 1, "done_at": done}
        _add(tx, Outbox, **blank, **sent)


async def test_a_night(database: Database) -> None:
    await database.run(_settle)
    counts = await database.run(clock.forget_old, NOW)
    taken = {kind: count for kind, count in counts.items() if count}
    assert taken == {"sent": 1, "outbox": 1, "words": 1, "leaver": 1, "request": 1, "consent": 1}

    for column, stays in (
        (TicketText.ticket_id, {2, 3}),
        (Leaver.user_id, {"young"}),
        (HomeRequest.number, {2, 3}),
        (Consent.withdrawn_at, {ago(1094), None}),
    ):
        assert await database.read(lambda tx, of: set(tx.scalars(select(of))), column) == stays
    rows = await database.read(lambda tx: tx.execute(select(Outbox.key, Outbox.message)).all())
    assert {row.key: row.message for row in rows} == {"young": {}, "now": {"text": "now"}}
    again = await database.run(clock.forget_old, NOW)
    assert not any(again.values())


async def test_the_days_are_the_compounds_own(database: Database) -> None:
    await database.run(_settle)
    longer = replace(RULES, keep_words_days=800, keep_leaver_days=10)
    counts = await database.run(clock.forget_old, NOW, longer)
    assert (counts["words"], counts["leaver"]) == (0, 2)


async def test_counts_stand_in_the_audit_log_and_are_shown(database: Database) -> None:
    assert await database.read(retention.last_runs, RULES) == ["还没有清理过"]
    await database.run(_settle)
    await database.run(clock.forget_old, NOW)
    await database.run(clock.forget_old, NOW + timedelta(days=1))
    rows = await database.read(lambda tx: tx.execute(select(Audit.action, Audit.data).order_by(Audit.id)).all())
    assert [action for action, _ in rows] == ["forgotten", "forgotten"]
    assert all(isinstance(count, int) for _, data in rows for count in data.values())
    newest, oldest = await database.read(retention.last_runs, RULES)
    assert newest.startswith("2026-11-24 12:10") and oldest.startswith("2026-11-23 12:10")
    assert "办完的事的原话 1" in oldest and "退群的人 1" in oldest


async def test_every_kind_that_is_taken_is_in_the_table(database: Database) -> None:
    counts = await database.run(clock.forget_old, NOW)
    assert set(counts) == {each.kind for each in retention.kept(RULES) if each.after is not None}
    assert len(retention.table(RULES)) == len(retention.kept(RULES))
    assert any(line.startswith("退群的人：90天") for line in retention.table(RULES))
