"""Files without words: what is written of them, what is not, and what is asked."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from bot.app import App
from bot.demo import build
from bot.play import BOT, Recorder
from domain.messages import Address, File, Incoming, Sender
from domain.rules import Rules
from services import ticket_files
from storage.database import Database, Tx
from storage.models import Base
from storage.outbox import Outbox
from storage.ticket_files import TicketFile
from storage.timers import TimerRow

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
LAMP = "楼道灯坏了，一直不亮"


class House:
    """The real bot on a database with the demo compound, and its clock."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.now = NOON
        self.app = App(database, Recorder(), Rules(), clock=lambda: self.now)
        self.updates = 0

    async def hear(self, words: str = "", *files: File, chat: str = "3栋群", user: str = "王阿姨", **more: Any) -> None:
        self.updates += 1
        self.now += timedelta(seconds=1)
        place = Address(user if chat == user else chat, private=chat == user)
        number = str(self.updates)
        await self.app.inbox.receive(
            Incoming(BOT, number, place, Sender(user, user), words, self.now, files=files, message_id=number, **more)
        )

    async def rows(self) -> dict[str, int]:
        def count(tx: Tx) -> dict[str, int]:
            tables = Base.metadata.tables.items()
            return {name: tx.scalar(select(func.count()).select_from(table)) or 0 for name, table in tables}

        return await self.database.read(count)

    async def column(self, column: Any) -> list[Any]:
        return await self.database.read(lambda tx: list(tx.scalars(select(column))))


@pytest.fixture
async def house(database: Database) -> AsyncIterator[House]:
    await database.run(build, BOT)
    yield House(database)


def photo(number: int) -> File:
    return File("photo", f"photo-{number}")


async def test_what_is_nobodys_business_is_not_even_looked_up(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*args: object, **more: object) -> None:
        raise AssertionError("the database was asked")

    with monkeypatch.context() as patch:
        for name in ("run", "read", "peek"):
            patch.setattr(house.database, name, fail)
        await house.hear("", photo(1))
        await house.hear("今天包的饺子", photo(2))
        await house.hear("味道不错")
        await house.hear("", File("voice", "voice-1"), user="小赵")
        await house.hear("", File("location", "29.8,114.3"))
        await house.hear("", photo(3), user="路人甲")


async def test_waiting_keeps_handles_and_no_words(house: House) -> None:
    await house.hear("下水道")
    before = await house.rows()
    await house.hear("", photo(1))
    await house.hear("下水道这里")
    (data,) = await house.column(TimerRow.data)
    assert set(data) == {"chat", "user", "message", "at", "files", "update"}
    assert data["files"] == [["photo", "photo-1"]]
    assert "下水道" not in str(data)
    after = await house.rows()
    assert {name: after[name] - before[name] for name in after if after[name] != before[name]} == {
        "inbox": 1,
        "lane": 1,
        "timer": 1,
    }


@pytest.mark.parametrize(("hour", "falls_back"), [(12, True), (23, False)])
async def test_who_cannot_be_written_to_is_asked_in_the_group_but_not_at_night(
    house: House, hour: int, falls_back: bool
) -> None:
    house.now = house.now.replace(hour=hour)
    await house.hear("下水道")
    await house.hear("", photo(1))
    house.now += timedelta(seconds=91)
    await house.app.tick()
    (message,) = await house.column(Outbox.message)
    assert (message["chat"], message["private"]) == ("王阿姨", True)
    assert ("fallback" in message) == falls_back
    if falls_back:
        assert message["fallback"] == {"chat": "3栋群", "text": "细说请私聊我", "reply_to": "2"}


async def test_a_dialog_that_is_open_is_not_disturbed(house: House) -> None:
    """The question waits for the other one, an hour at most."""
    await house.hear("找不到人", chat="王阿姨")
    said = len(await house.column(Outbox.message))
    await house.hear("下水道")
    await house.hear("", photo(1))
    house.now += timedelta(seconds=91)
    await house.app.tick()
    assert len(await house.column(Outbox.message)) == said
    await house.hear("算了", chat="王阿姨")
    house.now += timedelta(minutes=10)
    await house.app.tick()
    assert "照片收到了" in (await house.column(Outbox.message))[-1]["text"]


async def test_after_an_hour_nothing_is_asked_any_more(house: House) -> None:
    await house.hear("找不到人", chat="王阿姨")
    await house.hear("下水道")
    await house.hear("", photo(1))
    for _ in range(9):
        house.now += timedelta(minutes=10)
        await house.app.tick()
    assert await house.column(TimerRow.kind) == []


async def test_nine_of_one_person_and_each_once(house: House) -> None:
    await house.hear(LAMP, *(photo(number) for number in range(6)))
    await house.hear("", *(photo(number) for number in range(4, 12)))
    await house.hear("", photo(20))
    await house.hear("我家也是", *(photo(number) for number in range(30, 33)), user="小赵")
    refs = await house.column(TicketFile.ref)
    assert sorted(refs, key=lambda ref: int(ref[6:])) == [
        f"photo-{number}" for number in (*range(ticket_files.MOST), 30, 31, 32)
    ]


async def test_a_place_is_not_kept(house: House) -> None:
    await house.hear(LAMP, File("location", "29.8,114.3"), photo(1))
    assert await house.column(TicketFile.ref) == ["photo-1"]


async def test_a_ticket_taken_back_takes_no_more(house: House) -> None:
    await house.hear(LAMP)
    await house.hear("不报了")
    before = await house.rows()
    await house.hear("", photo(1))
    assert await house.rows() == before


async def test_the_dialog_of_a_report_keeps_what_comes_meanwhile(house: House) -> None:
    await house.hear("报修", chat="王阿姨")
    await house.hear("", photo(1), chat="王阿姨")
    await house.hear("2单元下水道堵了", photo(2), chat="王阿姨")
    assert sorted(await house.column(TicketFile.ref)) == ["photo-1", "photo-2"]
