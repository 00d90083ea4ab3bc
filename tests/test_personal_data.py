"""Nothing personal where it does not belong: logs, audit rows, group messages about somebody else."""

import logging
import re
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text

from bot.demo import build, facts
from bot.play import BOT, Player, Recorder, Said, read_transcript, spoken
from bot.roster_report import difference, roster_words
from domain.roster_model import Row, Sheet
from domain.rosters import read_rows
from domain.rules import Rules
from services import clock, retention, rosters, seals
from storage import people
from storage.audit import Audit
from storage.database import Database, Tx
from storage.vault import VARIABLE, Vault, new_key
from tests.support import numbers
from tests.support.chat import Scenario

ROOT = Path(__file__).parent.parent
NAMES = [person["name"] for person in facts()["cast"]]
ROOMS = [person["home"].split("-")[2] for person in facts()["cast"] if "home" in person]
HOMES = [person["home"] for person in facts()["cast"] if "home" in person]
PHONES = {name: f"1380000{place:04d}" for place, name in enumerate(NAMES, start=1001)}
# One of each feature, the next ones too, and those that are about secrets.
HAPPY = sorted(path.stem for path in (ROOT / "tests/scenarios").glob("*_happy.chat"))
STORIES = (*HAPPY, "confide", "data_erased", "data_request", "discreet", "help_here", "ticket_joined")


@pytest.fixture
async def demo(database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Database:
    """The cast with their phones, and everything that is logged from now on."""
    key = new_key()
    monkeypatch.setenv(VARIABLE, key)

    def settle(tx: Tx) -> None:
        build(tx, BOT)
        for name, phone in PHONES.items():
            person = people.find_person(tx, BOT, name)
            assert person is not None
            numbers.set_numbers(tx, person.id, Vault([key]), phone=phone)

    await database.run(settle)
    caplog.set_level(logging.DEBUG)
    return database


def personal_in(said: str) -> list[str]:
    """Names, phones and homes of the cast in what was said; a room only where its digits stand alone."""
    found = [each for each in (*NAMES, *PHONES.values(), *HOMES) if each in said]
    return found + [room for room in ROOMS if re.search(rf"(?<![\d.:]){room}(?!\d)", said)]


def words_in(said: str) -> list[str]:
    """A log line holds figures of all kinds, so there a room counts only as people write one."""
    rooms = "|".join(ROOMS)
    found = [each for each in (*NAMES, *PHONES.values(), *HOMES) if each in said]
    return found + re.findall(rf"(?:单元|栋|幢)(?:{rooms})|(?:{rooms})(?:室|家|户)", said)


async def check(database: Database, sent: list[Said], caplog: pytest.LogCaptureFixture) -> None:
    def rows(tx: Tx) -> list[str]:
        return [repr((row.subject, row.action, row.data)) for row in tx.execute(select(Audit))]

    audit = await database.read(rows)
    assert [line for line in audit if personal_in(line)] == []
    assert words_in(_logged(caplog)) == []
    groups = [said.message.text for said in sent if not said.message.to.private]
    assert [text for text in groups if personal_in(text)] == []


async def test_the_example(demo: Database, caplog: pytest.LogCaptureFixture) -> None:
    transport, rules = Recorder(), Rules()
    player = Player(demo, transport, rules)
    example = (ROOT / "docs/example.txt").read_text(encoding="utf-8")
    for number, line in enumerate(read_transcript(example, date(2026, 11, 23), rules), start=1):
        await player.hear(spoken(line, "3栋群", number))
    assert any(not said.message.to.private for said in transport.sent)
    assert await demo.read(lambda tx: tx.execute(select(Audit.id)).first())
    await check(demo, transport.sent, caplog)


@pytest.mark.parametrize("story", STORIES)
async def test_stories(story: str, demo: Database, caplog: pytest.LogCaptureFixture) -> None:
    source = (ROOT / f"tests/scenarios/{story}.chat").read_text(encoding="utf-8")
    scenario = Scenario(source, demo, buttons=True)
    await scenario.run()
    await check(demo, scenario.transport.sent, caplog)


async def test_what_operators_print(demo: Database) -> None:
    """Figures and tables that need no right in the chat name nobody: retention, seals, a roster's difference."""
    source = (ROOT / "tests/scenarios/member_happy.chat").read_text(encoding="utf-8")
    scenario = Scenario(source, demo, buttons=True)
    await scenario.run()
    later = scenario.now + timedelta(days=1)
    await demo.run(clock.forget_old, later)
    await demo.run(seals.seal, later)
    lines, whole = await seals.verify(demo)
    assert whole
    lines += [*retention.table(Rules()), *await demo.read(retention.last_runs, Rules())]
    diff = await rosters.preview(demo, facts()["compound"], _roster(), None)
    lines += difference(facts()["compound"], diff.counts, known=diff.known, empty=diff.empty, unkept=diff.unkept)
    assert len(lines) > len(retention.table(Rules()))
    assert [line for line in lines if personal_in(line)] == []


def _roster() -> tuple[Row, ...]:
    """One of the cast in another home than before."""
    cells = [["楼栋", "单元", "房号", "姓名", "电话", "关系"], ["5", "2", "502", NAMES[0], PHONES[NAMES[0]], "业主"]]
    roster = read_rows([Sheet("名册", cells)], roster_words())
    assert roster.rows and not roster.faulty
    return roster.rows


_REFUSING = {
    "sqlite": """CREATE TRIGGER refuse BEFORE INSERT ON ticket_text BEGIN SELECT RAISE(ABORT, 'refused'); END""",
    "postgresql": "ALTER TABLE ticket_text ADD CONSTRAINT refused CHECK (length(text) < 2)",
}


async def test_a_failing_turn_logs_no_words(demo: Database, caplog: pytest.LogCaptureFixture) -> None:
    """The database refuses the words of a report: the trace that is logged does not quote them."""
    player, rules = Player(demo, Recorder(), Rules()), Rules()
    lines = read_transcript(f"10:00 王阿姨: 3栋楼道灯又不亮了，{PHONES[NAMES[0]]}", date(2026, 11, 23), rules)
    await demo.run(lambda tx: tx.execute(text(_REFUSING[demo.dialect])))
    await player.hear(spoken(lines[0], "3栋群", 1))
    assert len(player.transport.sent) == 1, "the apology"
    logged = _logged(caplog)
    assert "refused" in logged
    assert words_in(logged) == []


def _logged(caplog: pytest.LogCaptureFixture) -> str:
    """What stands in the log: lines with their traces, SQLAlchemy's, asyncpg's and APScheduler's among them."""
    formatter = logging.Formatter()
    return "\n".join(formatter.format(record) for record in caplog.records)


def test_the_net_catches() -> None:
    """What these tests look for would be found."""
    assert personal_in("王阿姨 来了") and personal_in("3栋2单元501") and personal_in(next(iter(PHONES.values())))
    assert words_in("log: 3栋2单元501 ") and not words_in("row=501 in 0.302 s")
    assert not personal_in("#1 3栋 楼道灯不亮，1户。今晚8点前要回话")
