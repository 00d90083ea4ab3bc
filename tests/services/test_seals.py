"""The audit log's chains: sealed once, in batches, and every kind of tampering is named."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, func, insert, select, update
from typer.testing import CliRunner

from bot.app import App
from bot.cli import cli
from bot.config import DATABASE_URL
from bot.play import Recorder
from domain.rules import Rules
from services import seals
from storage import audit
from storage.audit import Audit, Seal
from storage.database import Database, Tx, open_database

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
OLD = NOW - timedelta(hours=1)


def write(tx: Tx, count: int, at: datetime = OLD, compounds: tuple[int | None, ...] = (1, 2, None)) -> None:
    for number in range(count):
        compound = compounds[number % len(compounds)]
        audit.record(
            tx,
            at=at,
            compound_id=compound,
            actor_id=number or None,
            subject="ticket",
            subject_id=number,
            action="opened",
            body=number,
            how={"b": 1, "a": [1, 2]},
        )


def links(tx: Tx) -> int:
    return int(tx.execute(select(func.count(Seal.id))).scalar_one())


async def verdict(database: Database) -> str:
    lines, whole = await seals.verify(database)
    assert whole == ("BROKEN" not in "\n".join(lines))
    return "\n".join(lines)


async def test_sealed_once_and_verified(database: Database) -> None:
    await database.run(write, 9)
    assert await database.run(seals.seal, NOW) == 9
    assert await database.run(seals.seal, NOW) == 0
    await database.run(write, 3)
    assert await database.run(seals.seal, NOW) == 3
    assert await database.read(links) == 6
    lines, whole = await seals.verify(database)
    assert whole
    assert len(lines) == 4
    assert lines[0].startswith("no compound: 4 rows up to 12, ")
    assert lines[-1] == "not sealed yet: 0 rows"


async def test_batches_make_one_chain(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seals, "BATCH", 7)
    monkeypatch.setattr(seals, "_LINKS", 2)
    await database.run(write, 40)
    sealed = []
    while count := await database.run(seals.seal, NOW):
        sealed.append(count)
    assert sealed == [7, 7, 7, 7, 7, 5]
    assert "BROKEN" not in await verdict(database)


async def test_young_rows_wait(database: Database) -> None:
    await database.run(write, 3)
    await database.run(write, 3, NOW - timedelta(minutes=9))
    assert await database.run(seals.seal, NOW) == 3
    assert "not sealed yet: 3 rows" in await verdict(database)
    assert await database.run(seals.seal, NOW + timedelta(minutes=2)) == 3


async def test_a_row_changed(database: Database) -> None:
    await database.run(write, 9)
    await database.run(seals.seal, NOW)
    await database.run(lambda tx: tx.execute(update(Audit).where(Audit.id == 5).values(actor_id=77)))
    text = await verdict(database)
    assert "compound 2: BROKEN at link" in text
    assert "a row changed" in text
    assert "compound 1: 3 rows" in text


async def test_a_row_deleted(database: Database) -> None:
    await database.run(write, 9)
    await database.run(seals.seal, NOW)
    await database.run(lambda tx: tx.execute(delete(Audit).where(Audit.id == 5)))
    assert "1 deleted" in await verdict(database)


async def test_a_row_moved_to_another_compound(database: Database) -> None:
    await database.run(write, 9)
    await database.run(seals.seal, NOW)
    await database.run(lambda tx: tx.execute(update(Audit).where(Audit.id == 1).values(compound_id=2)))
    text = await verdict(database)
    assert "1 deleted" in text
    assert "1 inserted" in text


async def test_a_row_inserted_in_between(database: Database) -> None:
    def forge(tx: Tx, number: int, compound: int) -> None:
        row = {"id": number, "at": OLD, "compound_id": compound, "subject": "x", "subject_id": 1, "action": "x"}
        tx.execute(insert(Audit), {**row, "data": {}})

    await database.run(write, 9)
    await database.run(seals.seal, NOW)
    await database.run(forge, -1, 9)
    assert "1 rows inserted beside" in await verdict(database)
    await database.run(lambda tx: tx.execute(delete(Audit).where(Audit.id == 5)))
    await database.run(forge, 5, 1)
    assert "1 inserted" in await verdict(database)


async def test_a_link_changed_and_a_link_deleted(database: Database) -> None:
    for _ in range(3):
        await database.run(write, 3)
        await database.run(seals.seal, NOW)
    await database.run(lambda tx: tx.execute(update(Seal).where(Seal.id == 4).values(digest="0" * 64)))
    assert "BROKEN at link 4" in await verdict(database)
    await database.run(lambda tx: tx.execute(delete(Seal).where(Seal.id == 4)))
    assert "BROKEN at link 7" in await verdict(database)


async def test_two_processes_seal_once(database_url: str) -> None:
    async with open_database(database_url) as one, open_database(database_url) as other:
        await one.run(write, 60)
        counts = await asyncio.gather(*(each.run(seals.seal, NOW) for each in (one, other) * 4))
        assert sorted(counts) == [0] * 7 + [60]
        assert await one.read(links) == 3
        assert "BROKEN" not in await verdict(other)


async def test_the_job_and_the_command(database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the service runs it, and as `linli audit verify` judges it."""
    app = App(database, Recorder(), Rules(), clock=lambda: NOW)
    monkeypatch.setattr(seals, "BATCH", 4)
    await database.run(write, 9)
    assert await app.seal() == 9
    assert await app.seal() == 0
    monkeypatch.setenv(DATABASE_URL, database_url)
    monkeypatch.setattr("bot.service.upgrade", lambda url: None)  # the tables are there, made without migrations
    well = await asyncio.to_thread(CliRunner().invoke, cli, ["audit", "verify"])
    assert (well.exit_code, well.stdout.count("rows up to")) == (0, 3)
    await database.run(lambda tx: tx.execute(update(Audit).where(Audit.id == 5).values(action="forged")))
    broken = await asyncio.to_thread(CliRunner().invoke, cli, ["audit", "verify"])
    assert broken.exit_code == 1
    assert "compound 2: BROKEN at link" in broken.stdout
