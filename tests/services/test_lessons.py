"""Lessons: live in another process too, exact when taken back, weak ones few."""

import asyncio
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from classifier import Classifier, load_lexicon
from services.lessons import School
from storage import lessons
from storage.database import Database, Tx

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
BASE = Classifier(load_lexicon())
SAID = "架空层那个柜子打不开了，取不了东西"


def teach(tx: Tx, kind: str, category: str, *, compound: int = 1, text: str = SAID) -> int:
    return lessons.add(
        tx,
        compound_id=compound,
        ticket_id=None,
        kind=kind,
        category=category,
        was="illegal",
        text=BASE.lesson(text),
        reporter_id=None,
        taught_by=1,
        at=NOW,
    )


async def test_a_lesson_counts_in_every_process_of_its_compound_alone(database: Database) -> None:
    here, there = School(BASE), School(BASE)
    before = BASE.guess(SAID)
    for _ in range(3):
        await database.run(teach, lessons.CORRECTED, "greenery")
    await database.read(here.refresh)
    await database.read(there.refresh)
    assert here.classify(SAID, compound=1) == there.classify(SAID, compound=1)
    assert here.classify(SAID, compound=1).category == "greenery"
    assert here.classify(SAID, compound=2) == here.classify(SAID) == before


async def test_taken_back_all_is_as_at_the_start(database: Database) -> None:
    school = School(BASE)
    await database.read(school.refresh)
    rows = [await database.run(teach, kind, "greenery") for kind in ("corrected", "closed", "rejected")]
    await database.read(school.refresh)
    taught = school.classify(SAID, compound=1)
    for after, row in enumerate(rows, start=1):
        at = NOW + timedelta(minutes=after)
        assert await database.run(lessons.undo, row, by=1, now=at)
        assert not await database.run(lessons.undo, row, by=1, now=at)
        await database.read(school.refresh)
    assert taught != BASE.guess(SAID)
    assert school.classify(SAID, compound=1) == BASE.guess(SAID)


async def test_a_row_that_was_on_its_way_is_not_passed_over(database: Database) -> None:
    """PostgreSQL gives ids before the commit: a lower id may be seen after a higher one."""
    school, other = School(BASE), School(BASE)
    first = await database.run(teach, lessons.CORRECTED, "greenery")
    await database.run(teach, lessons.CORRECTED, "greenery")
    await database.read(school.refresh)
    school._forget(first)
    school._stamp = ()
    await database.read(school.refresh)
    await database.read(other.refresh)
    assert school.classify(SAID, compound=1) == other.classify(SAID, compound=1)


async def test_words_come_and_go(database: Database) -> None:
    school = School(BASE)
    said = "小红亭又坏了没人管"

    def word(tx: Tx) -> None:
        lessons.add_word(tx, compound_id=1, category="greenery", word="小红亭", by=1, now=NOW)

    await database.run(word)
    await database.read(school.refresh)
    assert school.classify(said, compound=1).category == "greenery"
    (kept,) = await database.read(lessons.words_of, 1)
    assert await database.run(lessons.undo_word, kept.id, by=1, now=NOW)
    await database.read(school.refresh)
    assert school.classify(said, compound=1) == BASE.guess(said)


async def test_many_may_read_at_once(database: Database) -> None:
    """A tick and the end of a turn read at the same time; on PostgreSQL both run on the loop."""
    school = School(BASE)
    for _ in range(3):
        await database.run(teach, lessons.CORRECTED, "greenery")
        async with asyncio.timeout(20):
            await asyncio.gather(*(database.read(school.refresh) for _ in range(8)))
    once = School(BASE)
    await database.read(once.refresh)
    assert school.classify(SAID, compound=1) == once.classify(SAID, compound=1)
