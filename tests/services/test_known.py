"""Known outages on both databases: who hears of them, how often, until when; and what nobody may do."""

import asyncio
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.demo import build
from bot.play import BOT
from domain.errors import Refusal
from domain.people import Person, Place
from domain.rules import Rules
from services import clock, known
from services.known import Known
from services.turn import Turn
from storage import conversations, people, places, timers
from storage.database import Database, Tx

ZONE = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=ZONE)
HOUR = timedelta(hours=1)
RULES = Rules()


@pytest.fixture
async def demo(database: Database) -> Database:
    await database.run(build, BOT)
    return database


def turn(tx: Tx, at: datetime = NOON) -> Turn:
    return Turn(tx, BOT, f"u:{at.isoformat()}", at, RULES)


def person(tx: Tx, name: str) -> Person:
    found = people.find_person(tx, BOT, name)
    assert found is not None
    return found


def building(tx: Tx, number: str) -> Place:
    (compound,) = places.compounds(tx, BOT)
    return Place(compound, places.find_building(tx, compound, number) if number else None, building=number)


def hang(
    tx: Tx, *, who: str = "老刘", where: str = "3", at: datetime = NOON, hours: int = 5, category: str = "water"
) -> tuple[Known, list[str]]:
    """Also the chats that hear of it."""
    now = turn(tx, at)
    until = at + hours * HOUR
    matter = known.hang(now, person(tx, who), building(tx, where), category=category, summary="停水", until=until)
    told = sorted(message.to.chat for _, message, _ in now.said)
    now.flush()
    return matter, told


async def test_of_one_building_or_of_all(demo: Database) -> None:
    def play(tx: Tx) -> None:
        own, told = hang(tx)
        assert told == ["3栋群"]
        assert known.find(turn(tx), building(tx, "3")) == [own]
        assert known.find(turn(tx), building(tx, "5")) == [] == known.find(turn(tx), building(tx, ""))
        assert known.find(turn(tx), building(tx, "3"), "power") == []
        assert known.within(turn(tx), building(tx, "")) == [own]
        everywhere, told = hang(tx, who="周书记", where="", category="power")
        assert {"3栋群", "5栋群", "和谐小区群"} <= set(told)
        for number in ("3", "5", ""):
            assert everywhere in known.find(turn(tx), building(tx, number), "power")

    await demo.run(play)


async def test_only_who_handles_matters_there(demo: Database) -> None:
    def play(tx: Tx) -> None:
        for name, where in (("王阿姨", "3"), ("老刘", "5"), ("老刘", ""), ("小赵", "")):
            with pytest.raises(Refusal):
                hang(tx, who=name, where=where)
        hang(tx, who="吴师傅", where="5")
        matter, _ = hang(tx)
        with pytest.raises(Refusal):
            known.end(turn(tx), person(tx, "王阿姨"), matter)
        assert known.get(turn(tx), matter.id) == matter

    await demo.run(play)


@pytest.mark.parametrize("hours", [0, -1, 24 * 7 + 1])
async def test_no_hour_that_cannot_be(demo: Database, hours: int) -> None:
    def play(tx: Tx) -> None:
        with pytest.raises(Refusal):
            hang(tx, hours=hours)

    await demo.run(play)


async def test_once_an_hour_in_the_group_however_many_ask_at_once(demo: Database) -> None:
    matter, _ = await demo.run(hang)

    def ask(tx: Tx, at: datetime, private: bool = False) -> str:
        return known.answer(turn(tx, at), matter, private=private)

    for hour in range(3):
        at = NOON + hour * HOUR
        said = await asyncio.gather(*(demo.run(ask, at) for _ in range(8)))
        assert len([text for text in said if text]) == 1
        assert await demo.run(ask, at + HOUR - timedelta(seconds=1)) == ""
        assert await demo.run(ask, at, True) != ""


async def test_hung_again_it_is_one(demo: Database) -> None:
    def play(tx: Tx) -> None:
        first, _ = hang(tx)
        second, _ = hang(tx, hours=8)
        other, _ = hang(tx, category="gas")
        assert known.find(turn(tx), building(tx, "3")) == [second, other]
        assert known.get(turn(tx), first.id) is None
        due = [timer.data["known"] for timer in timers.take_due(tx, now=NOON + 24 * HOUR) if timer.kind == known.OVER]
        assert sorted(due) == [second.id, other.id]

    await demo.run(play)


async def test_its_hour_ends_it_and_asks_its_head_once(demo: Database) -> None:
    def play(tx: Tx) -> None:
        matter, _ = hang(tx, hours=5)
        assert clock.tick(tx, NOON + 5 * HOUR - timedelta(seconds=1), RULES) == 0
        assert known.find(turn(tx, NOON + 5 * HOUR), building(tx, "3")) == []
        assert clock.tick(tx, NOON + 5 * HOUR, RULES) == 1
        assert conversations.is_open(tx, BOT, "老刘", "老刘", NOON + 5 * HOUR)
        assert clock.tick(tx, NOON + 9 * HOUR, RULES) == 0
        late = NOON + 6 * HOUR
        until = known.prolong(turn(tx, late), person(tx, "老刘"), matter)
        assert until == late + 2 * HOUR
        assert [each.id for each in known.find(turn(tx, late), building(tx, "3"))] == [matter.id]

    await demo.run(play)


async def test_nobody_is_asked_at_night_nor_in_the_middle_of_another_dialog(demo: Database) -> None:
    def play(tx: Tx) -> None:
        hang(tx, hours=14)  # 2:00
        night = NOON + 14 * HOUR
        clock.tick(tx, night, RULES)
        assert not conversations.is_open(tx, BOT, "老刘", "老刘", night)
        morning = NOON + 19 * HOUR + HOUR / 2  # 7:30
        busy = conversations.Conversation("help.menu", {}, [], "what", "q", morning + HOUR)
        conversations.save(tx, BOT, "老刘", "老刘", busy)
        clock.tick(tx, morning, RULES)
        open_now = conversations.find(tx, BOT, "老刘", "老刘", morning)
        assert open_now is not None and open_now.flow == "help.menu"
        later = morning + timedelta(minutes=10)
        conversations.close(tx, BOT, "老刘", "老刘")
        clock.tick(tx, later, RULES)
        open_now = conversations.find(tx, BOT, "老刘", "老刘", later)
        assert open_now is not None and open_now.flow == known.OVER

    await demo.run(play)


async def test_ended_twice_it_is_said_once(demo: Database) -> None:
    def play(tx: Tx) -> None:
        matter, _ = hang(tx)
        first, second = turn(tx), turn(tx)
        known.end(first, person(tx, "老刘"), matter)
        known.end(second, person(tx, "老刘"), matter)
        assert [message.to.chat for _, message, _ in first.said] == ["3栋群"]
        assert second.said == []
        assert clock.tick(tx, NOON + 9 * HOUR, RULES) == 0

    await demo.run(play)


@pytest.mark.parametrize(
    ("words", "category"),
    [
        *((words, "water") for words in ("怎么没水了", "么样搞的又停水", "冇得水", "水停了", "几时来水", "停了水")),
        *((words, "power") for words in ("家里没电了", "停电", "又跳闸了", "几点来电")),
        *((words, "gas") for words in ("整栋都没气了", "停煤气", "怎么停了燃气")),
        *((words, "lift") for words in ("电梯怎么不动", "停电梯")),
        *(
            (words, "")
            for words in ("下水道堵了", "厨房水管漏水", "没电视信号", "停车没水泥地", "来电话了", "一股煤气味")
        ),
    ],
)
def test_which_outage_words_are_about(words: str, category: str) -> None:
    assert known.kind(words) == category
