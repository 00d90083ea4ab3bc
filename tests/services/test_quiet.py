"""A quiet chat on a database: what the outbox keeps and lets go, posts that change, the moments people mean, and which
lines are a death notice."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.demo import build
from bot.play import BOT
from dialogs import routing
from dialogs.hearing import Heard
from dialogs.quiet import _until
from domain.errors import Refusal
from domain.guess import Guess
from domain.messages import Address, Incoming, Outgoing, Sender
from domain.rules import Rules
from services import quiet
from services.lessons import School
from services.quiet import Groups
from services.turn import Turn
from storage import outbox, people, places
from storage.audit import Audit
from storage.database import Database, Tx
from texts import pattern

ZONE = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=ZONE)  # a Monday
LATER, LEASE, GROUP = NOON + timedelta(hours=2), timedelta(seconds=60), "3栋群"


@pytest.fixture
async def demo(database: Database) -> Database:
    await database.run(build, BOT)
    return database


def say(tx: Tx, *messages: Outgoing, cause: str = "u:1", at: datetime = NOON, speaker: str = "") -> None:
    turn = Turn(tx, BOT, cause, at, Rules(), speaker)
    for message in messages:
        turn.say(message)
    turn.flush()


def claimed(tx: Tx, now: datetime) -> list[str]:
    return [row.message["text"] for row in outbox.claim(tx, bot_id=BOT, now=now, lease=LEASE)]


async def test_what_is_not_urgent_waits_and_then_goes_in_its_order(demo: Database) -> None:
    def play(tx: Tx) -> None:
        places.set_quiet(tx, BOT, GROUP, LATER)
        group, private = Address(GROUP), Address("王阿姨", private=True)
        say(tx, Outgoing(group, "first"), Outgoing(group, "second"), Outgoing(group, "help", urgent=True))
        say(tx, Outgoing(private, "private"), Outgoing(Address("5栋群"), "elsewhere"), cause="u:2")
        say(tx, Outgoing(Address(f"{GROUP}/7"), "topic"), cause="u:3")
        assert outbox.next_due(tx, bot_id=BOT) == NOON
        rows = outbox.claim(tx, bot_id=BOT, now=NOON, lease=LEASE)
        assert sorted(row.message["text"] for row in rows) == ["elsewhere", "help", "private"]
        for row in rows:
            outbox.mark_sent(tx, row.id, message_id="1", now=NOON)
        assert outbox.next_due(tx, bot_id=BOT) == LATER
        assert claimed(tx, LATER - timedelta(seconds=1)) == []
        for text in ("first", "second", "topic"):
            (row,) = outbox.claim(tx, bot_id=BOT, now=LATER, lease=LEASE)
            assert row.message["text"] == text
            assert row.asked_at == LATER  # a day of patience begins now
            outbox.mark_sent(tx, row.id, message_id="1", now=LATER)
        assert outbox.next_due(tx, bot_id=BOT) is None

    await demo.run(play)


async def test_ended_before_its_time_everything_is_due(demo: Database) -> None:
    def play(tx: Tx) -> None:
        places.set_quiet(tx, BOT, GROUP, LATER)
        say(tx, Outgoing(Address(GROUP), "kept"))
        soon = NOON + timedelta(minutes=5)
        assert claimed(tx, soon) == []
        places.set_quiet(tx, BOT, GROUP, soon)
        assert claimed(tx, soon) == ["kept"]

    await demo.run(play)


async def test_a_post_that_changes_is_said_once_and_newest(demo: Database) -> None:
    def play(tx: Tx) -> None:
        places.set_quiet(tx, BOT, GROUP, LATER)
        for number in range(3):
            say(tx, Outgoing(Address(GROUP), f"state {number}", post="poll:3"), cause=f"u:{number}")
        assert claimed(tx, NOON) == []
        assert claimed(tx, LATER) == ["state 2"]
        assert claimed(tx, LATER) == []

    await demo.run(play)


async def test_a_row_under_way_is_not_taken_twice(demo: Database) -> None:
    """The quiet begins while a message is being sent: it is marked as ever, and nothing passes it."""

    def play(tx: Tx) -> None:
        say(tx, Outgoing(Address(GROUP), "leaving"))
        (row,) = outbox.claim(tx, bot_id=BOT, now=NOON, lease=LEASE)
        places.set_quiet(tx, BOT, GROUP, LATER)
        say(tx, Outgoing(Address(GROUP), "help", urgent=True), cause="u:2")
        assert claimed(tx, NOON) == []
        outbox.mark_sent(tx, row.id, message_id="1", now=NOON)
        assert claimed(tx, NOON) == ["help"]

    await demo.run(play)


async def test_an_answer_goes_to_who_asked(demo: Database) -> None:
    def play(tx: Tx) -> None:
        places.set_quiet(tx, BOT, GROUP, LATER)
        answer = Outgoing(Address(GROUP), "answer", reply_to="m1")
        say(tx, answer, Outgoing(Address(GROUP), "post"), speaker="王阿姨")
        (row,) = outbox.claim(tx, bot_id=BOT, now=NOON, lease=LEASE)
        said = Outgoing.from_json(row.message)
        assert (said.to, said.text, said.reply_to) == (Address("王阿姨", private=True), "answer", "")
        assert said.fallback and said.fallback.to == Address(GROUP)
        outbox.mark_sent(tx, row.id, message_id="1", now=NOON)
        say(tx, answer, cause="u:2", at=LATER, speaker="王阿姨")  # the quiet is over
        assert claimed(tx, LATER) == ["post"]  # then, one after another, the answer

    await demo.run(play)


async def test_only_who_may(demo: Database) -> None:
    def play(tx: Tx) -> None:
        chat = places.find_chat(tx, BOT, "5栋群")
        assert chat
        groups, turn = Groups("5栋群", (chat,)), Turn(tx, BOT, "u:1", NOON, Rules())
        for name in ("王阿姨", "老刘", "吴师傅", "何老师"):
            person = people.find_person(tx, BOT, name)
            assert person
            with pytest.raises(Refusal):
                quiet.start(turn, person, groups, LATER)
        secretary = people.find_person(tx, BOT, "周书记")
        assert secretary
        for until in (NOON, NOON + timedelta(days=7, seconds=1)):
            with pytest.raises(Refusal):
                quiet.start(turn, secretary, groups, until)
        assert places.quiet_until(tx, BOT, "5栋群") is None
        quiet.start(turn, secretary, groups, NOON + timedelta(days=7))
        quiet.end(turn, secretary, groups)
        rows = tx.execute(Audit.__table__.select().order_by(Audit.id)).all()
        assert [(row.action, row.actor_id, row.data["chat"]) for row in rows] == [
            ("quiet", secretary.id, "5栋群"),
            ("quiet_over", secretary.id, "5栋群"),
        ]

    await demo.run(play)


@pytest.mark.parametrize(
    ("now", "said", "until"),
    [
        ("11-23 10:00", "到明早", "11-24 07:30"),
        ("11-23 01:10", "到明早", "11-23 07:30"),
        ("11-23 10:00", "到明天7点", "11-24 07:00"),
        ("11-23 10:00", "到明天7:00", "11-24 07:00"),
        ("11-23 10:00", "到明晚八点半", "11-24 20:30"),
        ("11-23 10:00", "到今晚", "11-23 20:00"),
        ("11-23 10:00", "到下午3点", "11-23 15:00"),
        ("11-23 10:00", "到今天8点", "11-23 20:00"),
        ("11-23 22:00", "到7点", "11-24 07:00"),
        ("11-23 10:00", "到5点", "11-23 17:00"),
        ("11-23 22:00", "到5点", "11-24 05:00"),
        ("11-23 16:30", "到五点半", "11-23 17:30"),
        ("11-23 10:00", "到早上5点", "11-24 05:00"),
        ("11-23 20:00", "到晚上12点", "11-24 00:00"),
        ("11-23 10:00", "到今晚十二点", "11-24 00:00"),
        ("11-23 20:00", "到晚上1点半", "11-24 01:30"),
        ("11-23 20:00", "到明晚12点", "11-25 00:00"),
        ("11-23 10:00", "到12点", "11-23 12:00"),
        ("11-23 10:00", "到中午", "11-23 12:00"),
        ("11-23 10:00", "到后天", "11-25 07:30"),
        ("11-23 10:00", "到周五", "11-27 07:30"),
        ("11-23 10:00", "到周一", "11-30 07:30"),
        ("11-23 10:00", "到下周二", "12-01 07:30"),
        ("11-23 10:00", "2小时", "11-23 12:00"),
        ("11-23 10:00", "两个小时", "11-23 12:00"),
        ("11-23 10:00", "半小时", "11-23 10:30"),
        ("11-23 10:00", "3天", "11-26 07:30"),
        ("11-23 10:00", "到早上", "11-24 07:30"),
        ("11-23 10:00", "到", None),
    ],
)
def test_moments(now: str, said: str, until: str | None) -> None:
    local = datetime.strptime(f"2026-{now}", "%Y-%m-%d %H:%M").replace(tzinfo=ZONE)
    found = pattern("quiet.until").match(said)
    assert found
    meant = _until(found, local, Rules())
    assert (f"{meant:%m-%d %H:%M}" if meant else None) == until


NOTICES = [
    "讣告",
    "【讣告】家父张某于2026年11月23日因病去世，享年82岁，殡仪馆告别，联系电话13800000000",
    "讣 告：老邻居李某某于今晨与世长辞",
    "沉痛哀悼老书记",
    "怀着沉痛的心情告诉大家，陈爹爹昨晚走了",
    "陈爹爹一路走好🙏🙏",
    "走好",
    "走好🙏",
    "老人家走好",
    "节哀顺变",
    "请家属节哀",
    "张老先生千古！",
    "老爷子驾鹤西去了，大家送一送",
    "6楼周婆婆于今天凌晨不幸离世",
    "愿老人安息",
    "含笑九泉，一路走好",
]
OTHERS = [
    "师傅慢走好走",
    "慢走啊",
    "路不好走好多水",
    "楼梯灯坏了老人家走好",
    "停车费又涨价，各位节哀",
    "股票跌成这样，节哀顺变",
    "国足一路走好",
    "哈哈哈一路走好",
    "讣告是谁家的？",
    "听说6楼的老人不幸去世了",
    "是不是要节哀",
    "讣告栏的玻璃坏了",
    "殡葬一条龙，寿衣花圈，节哀热线24小时",
    "千古罪人",
    "流传千古",
    "这个教训太沉痛了",
    "千古绝唱，好听",
    "大家走好点路灯坏了",
    "电视剧里那个老太太走好惨",
    "楼道灯坏了",
    "今天菜场的藕便宜",
    "老刘走好快啊",
]


@pytest.mark.parametrize("text", NOTICES)
def test_a_death_notice(text: str) -> None:
    heard = _hear(routing.Routing(_Unasked(), Rules()), text)
    assert heard and heard.mourning


@pytest.mark.parametrize("text", OTHERS)
def test_no_death_notice(text: str) -> None:
    assert not routing.Routing(_Unasked(), Rules())._mourns(text)


def test_after_the_first_the_next_are_plain_chat() -> None:
    """Heeded once in the window, and never where it is put out; each chat for itself."""
    listener = routing.Routing(_Unasked(), Rules())
    heard = _hear(listener, "节哀")
    assert heard
    listener.settled(_incoming("节哀"), heard)
    assert _hear(listener, "节哀", minutes=60 * 12 - 1) is None
    assert _hear(listener, "节哀", minutes=60 * 12) is not None
    assert _hear(listener, "节哀", chat="5栋群") is not None
    assert not routing.Routing(_Unasked(), Rules(mourning_hours=0))._mourns("节哀")


class _Unasked(School):
    """A death notice is no matter for the classifier."""

    def __init__(self) -> None:
        self._compounds = {}

    def classify(self, text: str, role: str | None = None, *, compound: int = 0) -> Guess:
        raise AssertionError("asked")


def _hear(listener: routing.Routing, text: str, *, minutes: int = 0, chat: str = GROUP) -> Heard | None:
    return listener.hear(_incoming(text, minutes=minutes, chat=chat))


def _incoming(text: str, *, minutes: int = 0, chat: str = GROUP) -> Incoming:
    at = NOON.astimezone(UTC) + timedelta(minutes=minutes)
    return Incoming(BOT, f"{chat}{minutes}", Address(chat), Sender("u", "n"), text, at)
