"""What a platform tells of its chats: followed, recorded, and told once to those who look after the bot."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from bot.demo import build
from bot.play import BOT, Player, Recorder
from bot.transport import Unreachable
from domain.messages import Address, Event, Happening, Incoming, Outgoing, Sender
from domain.rules import Rules
from storage import members, outbox, people, places, tickets
from storage.audit import Audit
from storage.database import Database, Tx

ZONE = ZoneInfo("Asia/Shanghai")
GROUP, WORK = Address("3栋群"), Address("3栋党小组群")
ADMIN, WANG, LIU = "admin", "王阿姨", "老刘"


class Doors(Recorder):
    """A platform on which some chats are closed to the bot."""

    def __init__(self) -> None:
        super().__init__()
        self.closed: dict[Address, Happening] = {}

    async def send(self, message: Outgoing) -> str:
        if what := self.closed.get(message.to):
            raise Unreachable("closed", what)
        return await super().send(message)


class Street:
    """The demo compound's chats, and what the bot says in them."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.transport = Doors()
        self.player = Player(database, self.transport, Rules())
        self.player.app.admins = (ADMIN,)
        self.now = datetime(2026, 11, 23, 10, 0, tzinfo=ZONE)
        self.count = 0

    async def say(self, user: str, text: str, at: Address) -> None:
        self.count += 1
        self.now += timedelta(seconds=1)
        number, sender = f"m{self.count}", Sender(user, user)
        await self.player.hear(Incoming(BOT, number, at, sender, text, self.now, message_id=number))

    async def tell(self, what: Happening, at: Address | None, detail: str = "", number: str = "") -> None:
        self.count += 1
        self.now += timedelta(seconds=1)
        await self.player.advance(self.now)
        await self.player.app.inbox.receive(Event(BOT, number or f"e{self.count}", what, self.now, at, detail))
        await self.player.advance(self.now)

    def said(self, chat: str) -> list[str]:
        return [said.message.text for said in self.transport.sent if said.message.to.chat == chat]

    async def recorded(self) -> list[tuple[str, str, dict[str, Any]]]:
        def read(tx: Tx) -> list[tuple[str, str, dict[str, Any]]]:
            rows = tx.execute(select(Audit.subject, Audit.action, Audit.data).order_by(Audit.id))
            return [(row.subject, row.action, row.data) for row in rows if row.subject != "ticket"]

        return await self.database.read(read)


@pytest.fixture
async def street(database: Database) -> Street:
    await database.run(build, BOT)
    return Street(database)


async def test_a_group_that_moved_is_followed_with_its_tickets(street: Street) -> None:
    await street.say(WANG, "3栋楼道灯不亮", GROUP)
    await street.tell(Happening.MOVED, GROUP, "super")
    chat = await street.database.read(places.find_chat, BOT, "super")
    assert chat and chat.place.building == "3"
    await street.say(LIU, "办结 1 换了灯泡", WORK)
    assert len(street.said("super")) == 1, "the group hears that it is done, under its new id"
    assert street.said(ADMIN) == ["3栋群 换了群号，已跟上，不用管"]
    assert await street.recorded() == [("chat", "moved", {"bot": BOT, "chat": GROUP.chat})]


async def test_what_waits_for_a_group_that_moved_goes_to_its_new_id(street: Street) -> None:
    def wait(tx: Tx) -> None:
        row = {"bot_id": BOT, "key": "k", "chat_id": GROUP.chat, "urgent": False, "due_at": street.now}
        outbox.add(
            tx, [{**row, "due_at": street.now + timedelta(hours=1), "message": {"chat": GROUP.chat, "text": "x"}}]
        )

    await street.database.run(wait)
    await street.tell(Happening.MOVED, GROUP, "super")
    await street.player.advance(street.now + timedelta(hours=2))
    assert street.said("super") == ["x"]


async def test_the_same_event_twice_is_one(street: Street) -> None:
    await street.tell(Happening.REMOVED, GROUP, number="e")
    await street.tell(Happening.REMOVED, GROUP, number="e")
    await street.tell(Happening.REMOVED, GROUP, number="another, of the same")
    assert len(street.said(ADMIN)) == 1
    assert len(await street.recorded()) == 1


@pytest.mark.parametrize("what", [Happening.REMOVED, Happening.MUTED])
async def test_without_its_work_chat_a_body_is_told_in_private(street: Street, what: Happening) -> None:
    await street.tell(what, WORK)
    await street.say(WANG, "3栋楼道灯不亮", GROUP)
    assert street.said(WORK.chat) == []
    assert "#1" in street.said(LIU)[0]
    await street.tell(Happening.RESTORED, WORK)
    await street.say(WANG, "3栋门口垃圾堆了三天没人收", GROUP)
    assert "#2" in street.said(WORK.chat)[0]
    assert len(street.said(ADMIN)) == 2


async def test_an_officer_who_cannot_be_written_to_is_named_a_resident_is_not(street: Street) -> None:
    await street.tell(Happening.REMOVED, Address(LIU, private=True))
    await street.tell(Happening.REMOVED, Address(WANG, private=True))
    officer, resident = street.said(ADMIN)
    assert officer.startswith("老刘（3栋党小组）")
    assert WANG not in resident
    assert [(subject, action) for subject, action, _ in await street.recorded()] == [("person", "removed")] * 2


async def test_a_resident_who_never_wrote_is_no_news(street: Street) -> None:
    await street.tell(Happening.UNOPENED, Address(WANG, private=True))
    assert street.said(ADMIN) == []


async def test_the_gap_is_told_with_its_times(street: Street) -> None:
    await street.tell(Happening.LOST, None)
    since = street.now.replace(hour=8, minute=5)
    await street.tell(Happening.BACK, None, since.isoformat())
    assert street.said(ADMIN) == ["今早8点05到今天上午10点 断线，又连上了\n这段时间群里说的我没听到，请各群留意"]
    assert [action for _, action, _ in await street.recorded()] == ["lost", "back"]


async def test_at_night_those_who_look_after_the_bot_sleep(street: Street) -> None:
    street.now = street.now.replace(hour=23)
    await street.tell(Happening.REMOVED, GROUP)
    assert street.said(ADMIN) == []
    await street.player.advance(street.now + timedelta(hours=10))
    assert len(street.said(ADMIN)) == 1


async def test_a_chat_that_is_bound_to_nothing_is_passed_over(street: Street) -> None:
    for what in (Happening.REMOVED, Happening.MOVED, Happening.DELETED):
        await street.tell(what, Address("elsewhere"), "new")
    assert street.said(ADMIN) == []


async def test_a_topic_is_a_chat_of_its_group(street: Street) -> None:
    topic = Address(f"{GROUP.chat}/7")
    await street.say(WANG, "3栋楼道灯不亮", topic)
    assert len(street.said(topic.chat)) == 1
    await street.say(LIU, "办结 1 换了灯泡", WORK)
    assert len(street.said(topic.chat)) == 2, "what follows is said in the same topic"
    found = await street.database.read(tickets.all_tickets)
    assert [ticket.building for ticket in found] == ["3"]


# --- what cannot be said ---


async def test_who_does_not_want_to_live_and_cannot_be_written_to_is_looked_after(street: Street) -> None:
    street.transport.closed[Address("陈奶奶", private=True)] = Happening.UNOPENED
    await street.say("陈奶奶", "我不想活了", GROUP)
    assert street.said(GROUP.chat) == [], "never a word of it in the group"
    (told,) = street.said("孙主任")
    assert told.startswith("陈奶奶（3栋1单元）")


async def test_the_words_that_open_a_chat_answer_no_question_unseen(street: Street) -> None:
    private = Address(WANG, private=True)
    street.transport.closed[private] = Happening.UNOPENED
    await street.say(WANG, "/report", GROUP)
    await street.say(WANG, "/report", GROUP)
    assert street.said(GROUP.chat) == ["细说请私聊我"], "once, though two questions wait"
    del street.transport.closed[private]
    await street.say(WANG, "谢谢", private)
    assert street.said(WANG) == ["哪里坏了？说几个字就行，例：2单元下水道堵"], "the question that is still open, once"
    await street.say(WANG, "楼道灯不亮", private)
    assert len(await street.database.read(tickets.all_tickets)) == 1


async def test_at_night_the_group_hears_nothing_of_closed_doors(street: Street) -> None:
    street.now = street.now.replace(hour=23)
    street.transport.closed[Address(WANG, private=True)] = Happening.UNOPENED
    await street.say(WANG, "3栋楼道灯不亮", GROUP)
    assert street.said(GROUP.chat) == []


async def test_a_safety_card_for_a_muted_group_goes_to_who_cried(street: Street) -> None:
    street.transport.closed[GROUP] = Happening.MUTED
    await street.say("小赵", "电梯停了，有人困在里面", GROUP)
    assert street.said("小赵")[0].startswith("🆘")


async def test_thanks_and_greetings_report_nothing(street: Street) -> None:
    private = Address(WANG, private=True)
    for words in ("/report", "你好", "谢谢"):
        await street.say(WANG, words, private)
    assert await street.database.read(tickets.all_tickets) == []
    assert street.said(WANG)[1:] == ["说说哪里坏了就行，例：灯不亮。不报了回 0", "好，有事随时说"]


async def test_a_command_after_a_stroke_is_never_an_answer(street: Street) -> None:
    private = Address(WANG, private=True)
    for words in ("/report", "/help", "/report", "/cancel"):
        await street.say(WANG, words, private)
    assert await street.database.read(tickets.all_tickets) == []
    assert street.said(WANG)[-1] == "好，算了"


# --- who left -------------------------------------------------------------------------------------------------------


def roster_of(names: dict[str, str]) -> Callable[[Tx], None]:
    """People of the roster whom the bot does not know: name → unit-room in building 3."""

    def write(tx: Tx) -> None:
        chat = places.find_chat(tx, BOT, GROUP.chat)
        assert chat and chat.place.building_id
        for name, door in names.items():
            unit, _, room = door.partition("-")
            [home] = members.homes_named(tx, chat.place.building_id, unit, room)
            person = people.add_person(tx, name)
            members.settle(
                tx, person_id=person, household_id=home.id, relation="owner", source="roster", since=datetime.now(ZONE)
            )

    return write


async def asked(street: Street, who: str = LIU) -> str:
    await street.say(who, "谁没进群 3栋", Address(who, private=True))
    return street.said(who)[-1]


async def test_who_left_is_told_to_the_head_alone(street: Street) -> None:
    """Who comes back is taken out; in the group nothing is said, and of strangers nothing is kept."""
    assert "退群" not in await asked(street)
    await street.tell(Happening.LEFT, GROUP, f"{WANG} 小赵 路人")
    assert street.said(GROUP.chat) == street.said(ADMIN) == []
    assert "退群的（3栋群）：1单元302 小赵，11月23日；2单元501 王阿姨，11月23日" in (await asked(street)).replace(
        "2单元501 王阿姨，11月23日；1单元302 小赵，11月23日", "1单元302 小赵，11月23日；2单元501 王阿姨，11月23日"
    )
    await street.tell(Happening.CAME, GROUP, WANG)
    said = await asked(street)
    assert "退群的（3栋群）：1单元302 小赵，11月23日" in said.split("\n")
    await street.say(WANG, "谁没进群 3栋", Address(WANG, private=True))
    assert "小赵" not in street.said(WANG)[-1]
    assert not [row for row in await street.recorded() if row[1] in ("left", "came")]

    def kept(tx: Tx) -> list[str]:
        return list(tx.execute(select(members.Leaver.user_id)).scalars())

    assert await street.database.read(kept) == ["小赵"]


async def test_each_group_has_its_leavers(street: Street) -> None:
    """Of the compound's group only those of the building; a work chat has none; left twice is left once."""
    await street.tell(Happening.LEFT, Address("和谐小区群"), f"{WANG} 何老师")
    await street.tell(Happening.LEFT, WORK, LIU)
    await street.tell(Happening.LEFT, Address("8栋群"), WANG)
    await street.tell(Happening.LEFT, Address("nowhere"), WANG)
    await street.tell(Happening.LEFT, Address("和谐小区群"), WANG)
    left = [line for line in (await asked(street)).split("\n") if "退群" in line]
    assert left == ["退群的（和谐小区群）：2单元501 王阿姨，11月23日"]


async def test_leavers_move_with_their_group(street: Street) -> None:
    await street.tell(Happening.LEFT, GROUP, WANG)
    await street.tell(Happening.LEFT, GROUP, "小赵")
    await street.tell(Happening.MOVED, GROUP, "super")
    await street.tell(Happening.CAME, Address("super"), WANG)
    assert "退群的（3栋群）：1单元302 小赵，11月23日" in await asked(street)


async def test_who_erases_their_data_is_no_leaver(street: Street) -> None:
    await street.tell(Happening.LEFT, GROUP, WANG)
    await street.say(WANG, "注销", Address(WANG, private=True))
    await street.say(WANG, "1", Address(WANG, private=True))

    def kept(tx: Tx) -> list[str]:
        return list(tx.execute(select(members.Leaver.user_id)).scalars())

    assert await street.database.read(kept) == []
    assert "退群" not in await asked(street)


async def test_who_is_on_the_roster_and_unknown_is_listed_masked(street: Street) -> None:
    await street.database.run(roster_of({"李桂兰": "2-502", "周海燕": "2-502", "孙斌": "1-102"}))
    said = await asked(street)
    assert "名册上有、群里没有：1单元102 孙*、2单元502 李* 周*" in said.split("\n")
    assert "李桂兰" not in said


async def test_a_long_roster_is_cut(street: Street) -> None:
    homes = {f"赵{number}": f"2-{floor}02" for number, floor in enumerate(range(1, 7))}
    homes |= {f"钱{number}": f"1-{floor}02" for number, floor in enumerate((1, 2, 4, 5, 6))}
    await street.database.run(roster_of(homes))
    [line] = [line for line in (await asked(street)).split("\n") if "名册" in line]
    assert line.count("单元") == 9
    assert line.endswith("，一共11户")
