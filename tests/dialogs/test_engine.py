"""Replayed dialogs: nothing is written before the last question, nothing is said twice, a restart loses nothing."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from classifier import Classifier
from dialogs.engine import Engine, Flow, Talk, find_open
from domain.errors import Refusal
from domain.guess import Guess
from domain.messages import Address, Incoming, Press, Sender
from domain.people import Person
from domain.rules import Rules
from services.lessons import School
from services.turn import Turn
from storage import audit
from storage.database import Database, Tx

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
SIZES = ((1, "大"), (2, "小"))


SCHOOL = School(Classifier({}))


def no_guess(text: str) -> Guess:
    return Guess(False, "chat", "other", 0.0, "house", False, ())


def message(text: str, press: Press | None = None) -> Incoming:
    return Incoming("t", "1", Address("甲", private=True), Sender("甲", "甲"), text, NOW, press=press)


class Dialog:
    """One person's private dialog with flows given by name; each call is one turn of its own transaction."""

    def __init__(self, database: Database, flows: dict[str, Flow]) -> None:
        self.database, self.engine, self.now = database, Engine(flows), NOW

    async def _turn(self, work: Callable[[Talk], object], text: str, press: Press | None) -> list[str]:
        def run(tx: Tx) -> list[str]:
            turn = Turn(tx, "t", "u:1", self.now, Rules())
            work(Talk(turn, Person(1, "甲", "甲"), None, message(text, press), no_guess, SCHOOL))
            return [said.text for _, said, _ in turn.said]

        return await self.database.run(run)

    async def start(self, flow: str) -> list[str]:
        return await self._turn(lambda talk: self.engine.start(talk, flow), "", None)

    async def answer(self, text: str, press: Press | None = None) -> list[str]:
        def work(talk: Talk) -> None:
            conversation = find_open(talk.turn, talk.person)
            assert conversation is not None, "no dialog is open"
            if not self.engine.answer(talk, conversation):
                self.engine.missed(talk, conversation)

        return await self._turn(work, text, press)

    async def is_open(self) -> bool:
        def look(tx: Tx) -> bool:
            return find_open(Turn(tx, "t", "u:1", self.now, Rules()), Person(1, "甲", "甲")) is not None

        return await self.database.run(look)


def order(talk: Talk) -> None:
    audit.next_number(talk.turn.tx, "started")
    talk.say("欢迎")
    size = talk.choose("size", "多大？", SIZES)
    name = talk.ask("name", "写什么名字？")
    number = audit.next_number(talk.turn.tx, "done")
    talk.say(f"{number} {dict(SIZES)[size]} {name}")


async def count(database: Database, series: str) -> int:
    """How often a series was counted: this look counts once itself."""
    return await database.run(lambda tx: audit.next_number(tx, series)) - 1


async def test_nothing_is_written_before_the_last_question_and_nothing_is_said_twice(database: Database) -> None:
    dialog = Dialog(database, {"order": order})
    assert await dialog.start("order") == ["欢迎", "多大？"]
    assert await dialog.answer("2") == ["写什么名字？"]
    assert await dialog.answer("王") == ["1 小 王"]
    assert not await dialog.is_open()
    assert await count(database, "started") == 1
    assert await count(database, "done") == 1


async def test_a_wrong_answer_is_asked_again_then_handed_over(database: Database) -> None:
    dialog = Dialog(database, {"order": order})
    await dialog.start("order")
    assert await dialog.answer("三十") == ["没看明白\n回 0 算了"]
    (said,) = await dialog.answer("什么")
    assert said.startswith("这里还没有登记楼栋长")  # nobody is there to hand over to
    assert not await dialog.is_open()


async def test_cancel_and_expiry(database: Database) -> None:
    dialog = Dialog(database, {"order": order})
    await dialog.start("order")
    assert await dialog.answer("算了") == ["好，算了"]
    assert not await dialog.is_open()
    await dialog.start("order")
    dialog.now += timedelta(hours=49)
    assert not await dialog.is_open()


async def test_a_stale_button_is_told_so(database: Database) -> None:
    dialog = Dialog(database, {"order": order})
    await dialog.start("order")
    assert await dialog.answer("", Press("another", "1")) == ["这个问题已经过去了"]
    assert await dialog.is_open()


async def test_an_answer_no_longer_valid_is_asked_again(database: Database) -> None:
    sizes = [(1, "大"), (2, "小")]

    def flow(talk: Talk) -> None:
        size = talk.choose("size", "多大？", sizes)
        talk.ask("name", "写什么名字？")
        talk.say(str(size))

    dialog = Dialog(database, {"order": flow})
    await dialog.start("order")
    await dialog.answer("2")
    sizes.pop()
    assert await dialog.answer("王") == ["多大？"]
    assert await dialog.answer("1") == ["写什么名字？"]
    assert await dialog.answer("王") == ["1"]


async def test_changed_code_begins_again_with_an_apology(database: Database) -> None:
    dialog = Dialog(database, {"order": order})
    await dialog.start("order")
    await dialog.answer("1")

    def newer(talk: Talk) -> None:
        talk.say(talk.ask("colour", "什么颜色？"))

    dialog.engine = Engine({"order": newer})
    assert await dialog.answer("王") == ["对不住，刚才那几问要从头来", "什么颜色？"]
    assert await dialog.answer("红") == ["红"]


async def test_a_refusal_undoes_the_step_and_is_said(database: Database) -> None:
    def flow(talk: Talk) -> None:
        talk.say("不会说出口")
        audit.next_number(talk.turn.tx, "refused")
        raise Refusal("tickets.withdrawn", number=7)

    assert await Dialog(database, {"no": flow}).start("no") == ["好，#7 不报了"]
    assert await count(database, "refused") == 0


async def test_any_other_error_undoes_the_turn(database: Database) -> None:
    def flow(talk: Talk) -> None:
        audit.next_number(talk.turn.tx, "broken")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await Dialog(database, {"bad": flow}).start("bad")
    assert await count(database, "broken") == 0
