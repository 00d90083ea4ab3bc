"""The scripted year in little: every ticket ended or is at its right level, says a checker that knows no service."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from benchmarks import year
from storage.database import open_database
from tests.support.ticket_checker import Entry, Matter, Tree, check

ZONE = ZoneInfo("Asia/Shanghai")
SLACK = timedelta(minutes=10)
TREE = Tree({1: None, 2: 1, 3: 2, 4: 3}, vacant=frozenset({2}))


async def test_a_month_of_three_compounds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    city = year.City(compounds=3, seed=6)
    url = f"sqlite:///{tmp_path / 'year.db'}"
    await asyncio.to_thread(year.fill_sqlite, url, city.rows())
    async with open_database(url) as database:
        lived, wrong = await year.live(database, city, ends=year.months(1), reports=100, seed=6)
        hops = await database.read(lambda tx: [row.hops for row in tx.execute(year._matters).all()])
    assert not wrong, "\n".join(wrong)
    assert len(hops) > 90
    assert sum(hops) > 20, "silent handlers were passed over"
    assert lived.life.done.keys() >= {"accept", "contacted", "finish", "answer", "join", "timer"}


def at(day: int, hour: int = 10) -> datetime:
    return datetime(2026, 11, day, hour, tzinfo=ZONE)


OPENED = Entry(at(23), "opened", {"body": 4})
FIRST = Entry(at(24), "escalated", {"hop": 1, "body": 3})
SECOND = Entry(at(25), "escalated", {"hop": 2, "body": 1, "passed": [2]})
SILENT = Matter(1, "complaint", urgent=False, status="open", hops=2, overseer_id=1)
LATER = at(30, 12)


def blamed(history: list[Entry], matter: Matter = SILENT, *, now: datetime = LATER) -> list[str]:
    return check([matter], {1: history}, TREE, now=now, slack=SLACK)


def test_the_checker_finds_nothing_wrong_with_what_is_right() -> None:
    assert blamed([OPENED, FIRST, SECOND]) == []
    taken = Entry(at(23, 12), "accepted", {})
    assert blamed([OPENED, taken], replace(SILENT, status="accepted", hops=0), now=at(27)) == []


def test_the_checker_sees_what_is_wrong() -> None:
    early = replace(SECOND, at=at(24, 12))
    late = replace(FIRST, at=at(24, 14))
    skipped = replace(FIRST, data={"hop": 1, "body": 1})
    silent = replace(SECOND, data={"hop": 2, "body": 1})
    assert "called at" in blamed([OPENED, FIRST, early])[0]
    assert "nobody was called" in blamed([OPENED, late, SECOND])[0]
    assert "not 3" in blamed([OPENED, skipped], replace(SILENT, hops=1))[0]
    assert "over None, not 1 over [2]" in blamed([OPENED, FIRST, silent])[0]
    assert "should have been called" in blamed([OPENED, FIRST], replace(SILENT, hops=1, overseer_id=3))[0]
    assert "after 3 hops" in blamed([OPENED, FIRST, SECOND], replace(SILENT, hops=3))[0]
    assert "is done" in blamed([OPENED, FIRST, SECOND], replace(SILENT, status="done"))[0]
    assert "overseen by 3" in blamed([OPENED, FIRST, SECOND], replace(SILENT, overseer_id=3))[0]
    assert "two levels" in blamed([OPENED, FIRST, replace(SECOND, at=FIRST.at)])[0]
    heard = Entry(at(23, 11), "heard", {})
    assert "heard while it was open" in blamed([OPENED, heard, FIRST, SECOND])[0]
    done = Entry(at(23, 12), "finished", {})
    assert "not lapsed" in blamed([OPENED, done], replace(SILENT, status="done", hops=0))[0]
    asked = Entry(at(23, 12), "asked", {})
    assert "clock stood" in blamed([OPENED, asked, FIRST], replace(SILENT, status="waiting", hops=1, overseer_id=3))[0]
    assert "has no history" in check([SILENT], {}, TREE, now=at(30), slack=SLACK)[0]
