"""The WeChat transport against a real Wechaty gateway on Node."""

import asyncio
import logging
import shutil
import subprocess
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from domain.messages import Address, Choice, Event, File, Happening, Incoming, Outgoing, Sender
from tests.peers.wechaty.gateway import NoNode, Room, WechatyGateway

pytest.importorskip("wechaty_grpc", reason="NOT TESTED: pip install linli[wechat]")

from grpclib.client import Channel
from wechaty_grpc.wechaty import PuppetStub  # type: ignore[import-untyped]

from bot import wechat_gateway
from bot.transport import Gone, Rejected, RetryLater, StartError, Unreachable
from bot.wechat_gateway import Failed, Line, Pace, Trouble
from bot.wechat_transport import WechatTransport

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROOM, OTHER, WANG, LI, BOT = "3dong@chatroom", "5dong@chatroom", "wxid_wang", "wxid_li", "wxid_bot"
PEOPLE = {WANG: "王阿姨", LI: "李建国"}
TOKEN = "linli-test"
QUICK = Pace(settle=0.3, greet=0.3, login=0.5, pauses=(0.1, 0.3), payload=(0.02, 0.05, 0.1))
TRYING = Pace(settle=0.1, greet=0.3, silence=0.3, pauses=(0.1, 0.3))
PATIENCE = 10.0
JPEG = bytes(range(256)) * 400


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def gateway() -> AsyncIterator[WechatyGateway]:
    rooms: dict[str, Room] = {
        ROOM: {"topic": "3栋群", "members": [WANG, LI], "aliases": {WANG: "3-502 王", BOT: "3栋小助手"}},
        OTHER: {"topic": "5栋群", "members": [LI]},
    }
    try:
        started = await WechatyGateway.start(token=TOKEN, people=PEOPLE, rooms=rooms)
    except NoNode as error:
        pytest.skip(str(error))
    yield started
    await started.stop()


class Ears:
    """A `receive` that remembers; `broken` times it says that the database is down."""

    def __init__(self) -> None:
        self.all: list[Incoming | Event] = []
        self.broken = 0
        self._news = asyncio.Condition()

    async def __call__(self, thing: Incoming | Event) -> None:
        if self.broken:
            self.broken -= 1
            raise ConnectionError("no database")
        async with self._news:
            self.all.append(thing)
            self._news.notify_all()

    @property
    def messages(self) -> list[Incoming]:
        return [thing for thing in self.all if isinstance(thing, Incoming)]

    @property
    def happenings(self) -> list[Happening]:
        return [thing.what for thing in self.all if isinstance(thing, Event)]

    def event(self, what: Happening) -> Event:
        return next(thing for thing in reversed(self.all) if isinstance(thing, Event) and thing.what is what)

    async def until(self, there: Callable[[], bool]) -> None:
        async with self._news, asyncio.timeout(PATIENCE):
            await self._news.wait_for(there)

    async def heard(self, *ids: str) -> list[Incoming]:
        """The messages, when the last of these has come."""
        await self.until(lambda: {*ids} <= {each.message_id for each in self.messages})
        return self.messages


def transport_to(gateway: WechatyGateway, tmp_path: Path, token: str = TOKEN, **options: Any) -> WechatTransport:
    return WechatTransport("wx", token, gateway.endpoint, **{"files": tmp_path, "pace": QUICK, **options})


@asynccontextmanager
async def running(transport: WechatTransport) -> AsyncIterator[Ears]:
    ears = Ears()
    task = asyncio.create_task(transport.run(ears))
    try:
        yield ears
    finally:
        task.cancel()
        [ended] = await asyncio.gather(task, return_exceptions=True)
        assert isinstance(ended, asyncio.CancelledError), ended


@asynccontextmanager
async def listening(
    gateway: WechatyGateway, tmp_path: Path, **options: Any
) -> AsyncIterator[tuple[WechatTransport, Ears]]:
    transport = transport_to(gateway, tmp_path, **options)
    async with running(transport) as ears:
        await gateway.wait_listening()
        await ears.until(lambda: Happening.LOGGED_IN in ears.happenings)
        yield transport, ears
    await gateway.wait_gone()


async def eventually(there: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not there():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


# --- in and out -----------------------------------------------------------------------------------------------------


async def test_words_in_and_out(gateway: WechatyGateway, tmp_path: Path) -> None:
    async with listening(gateway, tmp_path) as (transport, ears):
        said_at = datetime(2026, 11, 23, 9, 30, 0, 123_000, tzinfo=UTC)
        before = len(await gateway.sent())
        await gateway.say(ROOM, WANG, "三号楼没水了😭", id="words", at=said_at)
        await gateway.say(WANG, WANG, "在吗", id="private")
        await ears.heard("words", "private")
        [line] = [each for each in ears.messages if not each.address.private]
        assert line == Incoming(
            bot_id="wx",
            update_id="words",
            address=Address(ROOM),
            sender=Sender(WANG, "3-502 王"),
            text="三号楼没水了😭",
            sent_at=said_at,
            message_id="words",
        )
        [private] = [each for each in ears.messages if each.address.private]
        assert (private.address, private.sender, private.text) == (
            Address(WANG, private=True),
            Sender(WANG, "王阿姨"),
            "在吗",
        )
        choices = (Choice(1, "是", "1"), Choice(2, "不是", "2"))
        message_id = await transport.send(Outgoing(Address(ROOM), "收到😊", reply_to="words"))
        await transport.send(Outgoing(Address(WANG, private=True), "是停水吗?", choices, reply_to="private"))
        await transport.send(Outgoing(Address(OTHER), "请看", mentions=(Sender(LI, "李建国"),)))
        sent = (await gateway.wait_sent(before + 3))[before:]
        assert [(each.conversation, each.text, each.mentions) for each in sent] == [
            (ROOM, "@3-502 王\u2005收到😊", (WANG,)),
            (WANG, "是停水吗?\n1 是\n2 不是", ()),
            (OTHER, "@李建国\u2005请看", (LI,)),
        ]
        assert message_id == sent[0].id


async def test_called_by_name_and_answered(gateway: WechatyGateway, tmp_path: Path) -> None:
    quote = "「{}：已登记」\n- - - - - - - - - - - - - - -\n还没好"
    async with listening(gateway, tmp_path) as (_, ears):
        await gateway.say(ROOM, WANG, "@3栋小助手\u2005没水了", id="alias", mentions=[BOT])
        await gateway.say(ROOM, WANG, "@小助手 没电了", id="typed")
        await gateway.say(ROOM, WANG, "@李建国\u2005在吗", id="other", mentions=[LI])
        await gateway.say(ROOM, WANG, quote.format("3栋小助手"), id="answer")
        await gateway.say(ROOM, WANG, quote.format("李建国"), id="answer to other")
        heard = await ears.heard("alias", "typed", "other", "answer", "answer to other")
        assert [(each.text, each.at_me, each.reply_to_me) for each in heard] == [
            ("没水了", True, False),
            ("没电了", True, False),
            ("@李建国\u2005在吗".replace("\u2005", " "), False, False),
            ("还没好", False, True),
            ("还没好", False, False),
        ]


async def test_files_in(gateway: WechatyGateway, tmp_path: Path) -> None:
    async with listening(gateway, tmp_path) as (transport, ears):
        await gateway.photo(ROOM, WANG, JPEG, id="photo")
        await gateway.voice(WANG, WANG, b"SILK", id="voice")
        await gateway.file(ROOM, WANG, b"%PDF", name="通知.pdf", id="document")
        heard = {each.message_id: each for each in await ears.heard("photo", "voice", "document")}
        for name, data in (("photo", JPEG), ("voice", b"SILK"), ("document", b"%PDF")):
            [file] = heard[name].files
            assert (file.kind, heard[name].text) == (name, "")
            assert await transport.fetch(file.ref, 1_000_000) == data
        with pytest.raises(Rejected):
            await transport.fetch("photo:photo", len(JPEG) - 1)
        with pytest.raises(Gone):
            await transport.fetch("photo:never-said", 1_000)


async def test_a_file_out(gateway: WechatyGateway, tmp_path: Path) -> None:
    (tmp_path / "chart.png").write_bytes(JPEG)
    (tmp_path / "large.png").write_bytes(bytes(wechat_gateway.LARGEST + 1))
    (tmp_path / "largest.png").write_bytes(bytes(wechat_gateway.LARGEST))
    async with listening(gateway, tmp_path) as (transport, _):
        before = len(await gateway.sent())
        file_id = await transport.send(Outgoing(Address(ROOM), "", file=File("photo", "chart.png")))
        text_id = await transport.send(Outgoing(Address(ROOM), "本周", file=File("photo", "chart.png")))
        chart, again, words = (await gateway.wait_sent(before + 3))[before:]
        assert (chart.kind, chart.text, chart.data, chart.id) == ("image", "chart.png", JPEG, file_id)
        assert (again.kind, words.text, words.id) == ("image", "本周", text_id)
        await transport.send(Outgoing(Address(ROOM), "", file=File("photo", "largest.png")))
        assert len((await gateway.wait_sent(before + 4))[-1].data or b"") == wechat_gateway.LARGEST
        for name in ("large.png", "missing.png", "../chart.pn"):
            with pytest.raises(Rejected):
                await transport.send(Outgoing(Address(ROOM), "", file=File("photo", name)))


async def test_who_does_not_receive_may_send(gateway: WechatyGateway, tmp_path: Path) -> None:
    """Two processes of one bot: one receives, both send and fetch."""
    async with listening(gateway, tmp_path) as (_, ears), transport_to(gateway, tmp_path) as other:
        before = len(await gateway.sent())
        await other.send(Outgoing(Address(ROOM), "收到"))
        assert (await gateway.wait_sent(before + 1))[-1].text == "收到"
        await gateway.photo(ROOM, WANG, JPEG, id="for both")
        await ears.heard("for both")
        assert await other.fetch("photo:for both", 1_000_000) == JPEG
        with pytest.raises(Unreachable):
            await other.send(Outgoing(Address("gone@chatroom"), "在吗"))


async def test_what_is_not_heard(gateway: WechatyGateway, tmp_path: Path) -> None:
    """Its own messages, stickers, money, links; an official account would be another."""
    await gateway.echo()
    try:
        async with listening(gateway, tmp_path) as (transport, ears):
            await transport.send(Outgoing(Address(ROOM), "收到"))
            await gateway.say(ROOM, BOT, "写在手机上", id="phone")
            for kind in ("Emoticon", "RedEnvelope", "Transfer", "Url", "MiniProgram", "Recalled", "Location"):
                await gateway.say(ROOM, WANG, "<msg/>", type=kind)
            await gateway.say(ROOM, WANG, "没水了", id="last", at=datetime.now(UTC) + timedelta(seconds=5))
            assert [each.message_id for each in await ears.heard("last")] == ["last"]
    finally:
        await gateway.echo(False)


async def test_a_recall_is_told(gateway: WechatyGateway, tmp_path: Path) -> None:
    async with listening(gateway, tmp_path) as (_, ears):
        first = await gateway.say(ROOM, WANG, "说错了")
        await ears.heard(first)
        await gateway.say(ROOM, WANG, first, type="Recalled")
        await ears.until(lambda: Happening.RECALLED in ears.happenings)
        event = ears.event(Happening.RECALLED)
        assert (event.address, event.detail) == (Address(ROOM), f"{WANG} {first}")


# --- order, repeats, faults -----------------------------------------------------------------------------------------


async def test_official_accounts_are_not_talked_with(
    gateway: WechatyGateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The peer knows no official account, so that the number of an ordinary one stands for it."""
    monkeypatch.setattr("bot.wechat_gateway._OFFICIAL", 1)
    async with listening(gateway, tmp_path) as (_, ears):
        await gateway.say(WANG, WANG, "今日要闻", id="official")
        await gateway.say(ROOM, WANG, "没水了", id="in the room")
        await ears.heard("in the room")
        await gateway.say(WANG, WANG, "今日要闻", id="official too")
        await gateway.say(ROOM, WANG, "没电了", id="in the room too")
        assert [each.message_id for each in await ears.heard("in the room too")] == ["in the room", "in the room too"]


async def test_a_message_told_twice_is_heard_once(gateway: WechatyGateway, tmp_path: Path) -> None:
    async with listening(gateway, tmp_path) as (_, ears):
        for name in ("twice", "twice", "after", "twice"):
            await gateway.say(ROOM, WANG, name, id=name)
        await gateway.say(ROOM, WANG, "end", id="end", at=datetime.now(UTC) + timedelta(seconds=5))
        heard = [each.message_id for each in await ears.heard("end")]
        assert sorted(heard) == ["after", "end", "twice"]


async def test_what_comes_out_of_order_is_put_right(gateway: WechatyGateway, tmp_path: Path) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    async with listening(gateway, tmp_path, pace=Pace(settle=1.5, greet=0.3)) as (_, ears):
        for second in (3, 1, 2, 5, 4):
            await gateway.say(ROOM, WANG, f"{second}", id=f"o{second}", at=now + timedelta(seconds=second))
        heard = await ears.heard(*(f"o{second}" for second in range(1, 6)))
        assert [each.text for each in heard] == ["1", "2", "3", "4", "5"]


async def test_late_and_failing_payloads(
    gateway: WechatyGateway, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with listening(gateway, tmp_path) as (_, ears):
        await gateway.fail_payload("third time", 2)
        await gateway.fail_payload("never", 1_000)
        await gateway.hold_payload("late")
        for name in ("third time", "never", "late", "prompt"):
            await gateway.say(ROOM, WANG, "暗号四四", id=name)
        await ears.heard("third time", "prompt")
        await gateway.release_payload("late")
        heard = await ears.heard("late")
        assert heard[-1].message_id == "late"
        await eventually(lambda: "message=never could not be read" in caplog.text)
        assert {each.message_id for each in ears.messages} == {"third time", "prompt", "late"}


async def test_a_message_comes_again_until_it_is_taken(
    gateway: WechatyGateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.wechat_lanes._PAUSE", 0.01)
    async with listening(gateway, tmp_path) as (_, ears):
        ears.broken = 3
        await gateway.say(ROOM, WANG, "1", id="r1")
        await gateway.say(ROOM, WANG, "2", id="r2")
        assert [each.message_id for each in await ears.heard("r1", "r2")] == ["r1", "r2"]
        assert ears.broken == 0


async def test_a_full_bot_lets_the_gateway_wait(
    gateway: WechatyGateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is lost, and the line is not taken for dead."""
    monkeypatch.setattr("bot.wechat_lanes._PAUSE", 0.01)
    monkeypatch.setattr("bot.wechat_lanes._LONGEST_PAUSE", 0.05)
    monkeypatch.setattr("bot.wechat_transport._MOST_WAITING", 2)
    async with listening(gateway, tmp_path, pace=TRYING) as (transport, ears):
        await eventually(lambda: transport._dongs)  # from now on, a line without one is not trusted
        ears.broken = 1_000_000
        for number in range(6):
            await gateway.say(ROOM, WANG, f"{number}", id=f"full {number}")
        await asyncio.sleep(1.5)
        ears.broken = 0
        assert len(await ears.heard(*(f"full {number}" for number in range(6)))) == 6
        assert ears.happenings == [Happening.LOGGED_IN]


async def test_an_error_event_is_survived(gateway: WechatyGateway, tmp_path: Path) -> None:
    async with listening(gateway, tmp_path) as (_, ears):
        await gateway.error("王阿姨 said something strange")
        await gateway.say(ROOM, WANG, "没水了", id="after the error")
        await ears.heard("after the error")
        assert ears.happenings == [Happening.LOGGED_IN]


async def test_sends_that_fail(gateway: WechatyGateway, tmp_path: Path) -> None:
    async with listening(gateway, tmp_path) as (transport, _):
        await gateway.fail_sends(1)
        with pytest.raises(Failed) as failed:
            await transport.send(Outgoing(Address(ROOM), "收到"))
        assert "send failed" not in str(failed.value), "the gateway's words may hold anything"
        for to, what in (
            (Address("wxid_stranger", private=True), Happening.UNOPENED),
            (Address("gone@chatroom"), Happening.REMOVED),
        ):
            with pytest.raises(Unreachable) as unreachable:
                await transport.send(Outgoing(to, "在吗"))
            assert unreachable.value.what is what


async def test_friends_and_rooms(gateway: WechatyGateway, tmp_path: Path) -> None:
    async with listening(gateway, tmp_path) as (transport, ears):
        await gateway.befriend(WANG)
        await ears.until(lambda: Happening.RESTORED in ears.happenings)
        assert ears.event(Happening.RESTORED).address == Address(WANG, private=True)
        await gateway.leave(OTHER, BOT, remover=LI)
        await ears.until(lambda: Happening.REMOVED in ears.happenings)
        assert ears.event(Happening.REMOVED).address == Address(OTHER)
        await gateway.fail_sends(1)
        with pytest.raises(Unreachable):
            await transport.send(Outgoing(Address(OTHER), "在吗"))
        await gateway.join(OTHER, BOT, inviter=LI)
        await ears.until(lambda: ears.happenings[-1] is Happening.RESTORED)
        assert ears.event(Happening.RESTORED).address == Address(OTHER)
        await gateway.leave(OTHER, LI)
        await gateway.join(OTHER, LI, WANG, inviter=BOT)
        await ears.until(lambda: Happening.CAME in ears.happenings)
        assert (ears.event(Happening.LEFT).address, ears.event(Happening.LEFT).detail) == (Address(OTHER), LI)
        assert ears.event(Happening.CAME).detail == f"{LI} {WANG}"
        await gateway.leave(OTHER, WANG)
        assert await transport.invitation() == ("小助手", ""), "its name; there is no link to an account"


# --- the line -------------------------------------------------------------------------------------------------------


async def test_a_gap_is_told(gateway: WechatyGateway, tmp_path: Path) -> None:
    async with listening(gateway, tmp_path) as (transport, ears):
        await gateway.say(ROOM, WANG, "之前", id="before")
        await ears.heard("before")
        await gateway.kill()
        killed = datetime.now(UTC)
        await ears.until(lambda: Happening.LOST in ears.happenings)
        with pytest.raises(RetryLater):
            await transport.send(Outgoing(Address(ROOM), "收到"))
        with pytest.raises(RetryLater):
            await transport.fetch("photo:before", 1_000)
        restarted = datetime.now(UTC)
        await gateway.restart()
        await gateway.wait_listening()
        await ears.until(lambda: Happening.BACK in ears.happenings)
        await gateway.say(ROOM, WANG, "之后", id="after")
        await ears.heard("after")
        assert [each.message_id for each in ears.messages] == ["before", "after"]
        assert ears.happenings == [Happening.LOGGED_IN, Happening.LOST, Happening.BACK], "each once, not each retry"
        lost, back = ears.event(Happening.LOST), ears.event(Happening.BACK)
        assert lost.at < killed
        assert back.detail == lost.at.isoformat()
        assert back.at > restarted
        assert len({thing.update_id for thing in ears.all}) == len(ears.all)
        before = len(await gateway.sent())
        await transport.send(Outgoing(Address(ROOM), "又好了"))
        assert (await gateway.wait_sent(before + 1))[-1].text == "又好了"


class Swallower:
    """A way to the gateway that may swallow everything without closing anything."""

    def __init__(self, port: int) -> None:
        self.stuck = False
        self._to = port
        self._ends: list[asyncio.StreamWriter] = []
        self._pipes: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "Swallower":
        self._server = await asyncio.start_server(self._meet, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.cut()
        self._server.close()
        await asyncio.gather(*self._pipes, *(end.wait_closed() for end in self._ends), return_exceptions=True)

    def cut(self) -> None:
        self.stuck = False
        for end in self._ends:
            end.close()

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._to)
        self._ends += [writer, back]
        self._pipes += [asyncio.create_task(self._pass(reader, back)), asyncio.create_task(self._pass(there, writer))]

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            if not self.stuck:
                writer.write(data)


async def test_a_line_that_hangs_is_lost(gateway: WechatyGateway, tmp_path: Path) -> None:
    async with Swallower(gateway.port) as way:
        transport = WechatTransport("wx", TOKEN, f"127.0.0.1:{way.port}", files=tmp_path, pace=TRYING)
        async with running(transport) as ears:
            await ears.until(lambda: Happening.LOGGED_IN in ears.happenings)
            await asyncio.sleep(1.5)  # nobody speaks for longer than the line is trusted, yet it answers
            assert ears.happenings == [Happening.LOGGED_IN]
            way.stuck = True
            await ears.until(lambda: Happening.LOST in ears.happenings)
            way.cut()
            await ears.until(lambda: Happening.BACK in ears.happenings)
    await gateway.wait_gone()


async def test_a_stream_that_the_gateway_forgot(
    gateway: WechatyGateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers what it is asked, but what happens is told to nobody any more."""
    forgotten, events = False, Line.events

    async def some(line: Line) -> AsyncGenerator[tuple[int, dict[str, Any]]]:
        async with aclosing(events(line)) as told:
            async for event in told:
                if not forgotten:
                    yield event

    monkeypatch.setattr(Line, "events", some)
    async with listening(gateway, tmp_path, pace=TRYING) as (transport, ears):
        await eventually(lambda: transport._dongs)
        forgotten = True
        await ears.until(lambda: Happening.LOST in ears.happenings)
        forgotten = False
        await ears.until(lambda: Happening.BACK in ears.happenings)


async def test_another_client_stops_the_puppet(gateway: WechatyGateway, tmp_path: Path) -> None:
    """As Wechaty's own does when it connects: the stream ends, the account is logged out, and comes back."""
    async with listening(gateway, tmp_path) as (_, ears):
        channel = Channel("127.0.0.1", gateway.port)
        await PuppetStub(channel, metadata={"authorization": f"Wechaty {TOKEN}"}).stop()
        channel.close()
        await ears.until(lambda: Happening.BACK in ears.happenings)
        await gateway.wait_listening()
        await gateway.say(ROOM, WANG, "没水了", id="after the stop")
        await ears.heard("after the stop")
        assert ears.happenings[:3] == [Happening.LOGGED_IN, Happening.LOST, Happening.BACK]


async def test_logout_scan_login(gateway: WechatyGateway, tmp_path: Path) -> None:
    async with listening(gateway, tmp_path) as (transport, ears):
        await gateway.logout()
        await ears.until(lambda: Happening.LOGGED_OUT in ears.happenings)
        with pytest.raises(RetryLater):
            await transport.send(Outgoing(Address(ROOM), "收到"))
        for code in ("http://weixin.qq.com/x/1", "http://weixin.qq.com/x/1", "http://weixin.qq.com/x/2"):
            await gateway.scan(code)
        await gateway.scan("http://weixin.qq.com/x/3", status=3)  # scanned, on the phone it waits for a yes
        await gateway.login()
        await ears.until(lambda: ears.happenings.count(Happening.LOGGED_IN) == 2)
        assert ears.happenings == [
            Happening.LOGGED_IN,
            Happening.LOGGED_OUT,
            Happening.SCAN,
            Happening.SCAN,
            Happening.LOGGED_IN,
        ]
        assert ears.event(Happening.SCAN).detail == "http://weixin.qq.com/x/2"
        await transport.send(Outgoing(Address(ROOM), "收到"))


async def test_a_gateway_where_nobody_is_logged_in(gateway: WechatyGateway, tmp_path: Path) -> None:
    """It is a new one, whose puppet has to be started, too."""
    fresh = await WechatyGateway.start(token=TOKEN, people=PEOPLE, login=False)
    try:
        transport = transport_to(fresh, tmp_path)
        async with running(transport) as ears:
            await ears.until(lambda: Happening.LOGGED_OUT in ears.happenings)
            with pytest.raises(RetryLater):
                await transport.send(Outgoing(Address(WANG, private=True), "在吗"))
            await fresh.scan("http://weixin.qq.com/x/1")
            await ears.until(lambda: Happening.SCAN in ears.happenings)
            await fresh.login()
            await ears.until(lambda: Happening.LOGGED_IN in ears.happenings)
            assert ears.happenings == [Happening.LOGGED_OUT, Happening.SCAN, Happening.LOGGED_IN]
    finally:
        await fresh.stop()


async def test_coming_again_logs_nobody_out(gateway: WechatyGateway, tmp_path: Path) -> None:
    for _ in range(3):
        async with listening(gateway, tmp_path) as (_, ears):
            await gateway.say(ROOM, WANG, "没水了")
            await ears.until(lambda: len(ears.messages) == 1)
            assert ears.happenings == [Happening.LOGGED_IN]


async def test_logs_name_nobody(gateway: WechatyGateway, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with listening(gateway, tmp_path) as (transport, ears):
        await gateway.fail_payload("unreadable", 1_000)
        await gateway.say(ROOM, WANG, "暗号四四", id="unreadable")
        await gateway.say(ROOM, WANG, "暗号四四", id="readable")
        await ears.heard("readable")
        await gateway.error("王阿姨: 暗号四四")
        await gateway.fail_sends(1)
        with pytest.raises(Failed):
            await transport.send(Outgoing(Address(ROOM), "暗号四四", mentions=(Sender(WANG, "王阿姨"),)))
        await gateway.kill()
        await ears.until(lambda: Happening.LOST in ears.happenings)
        await gateway.restart()
        await ears.until(lambda: Happening.BACK in ears.happenings)
        await gateway.wait_listening()
    assert "line bot=wx" in caplog.text
    assert not [word for word in ("王", "暗号", TOKEN) if word in caplog.text]


# --- what the operator is told --------------------------------------------------------------------------------------


async def test_the_doctor_finds_it_well(gateway: WechatyGateway, tmp_path: Path) -> None:
    [(serious, what, mend)] = await transport_to(gateway, tmp_path).examine()
    assert (serious, mend) == (False, "")
    assert "1.19" in what


async def test_the_doctor_disturbs_nobody(gateway: WechatyGateway, tmp_path: Path) -> None:
    async with listening(gateway, tmp_path) as (_, ears):
        findings = await transport_to(gateway, tmp_path).examine()
        assert [serious for serious, _, _ in findings] == [False, False]
        assert "a client listens" in findings[-1][1]
        await gateway.say(ROOM, WANG, "没水了", id="still heard")
        await ears.heard("still heard")


async def test_a_wrong_token(gateway: WechatyGateway, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    wrong = transport_to(gateway, tmp_path, token="secret-but-wrong")
    [(serious, what, mend)] = await wrong.examine()
    assert serious and "does not know this token" in what and "LINLI_WECHAT_TOKEN" in mend
    with pytest.raises(StartError, match="does not know this token"):
        await asyncio.wait_for(wrong.run(Ears()), PATIENCE)
    with pytest.raises(Trouble):
        await wrong.login(lambda code: None)
    assert "secret-but-wrong" not in caplog.text + what


async def test_nobody_answers(unused_tcp_port: int, tmp_path: Path) -> None:
    transport = WechatTransport("wx", TOKEN, f"127.0.0.1:{unused_tcp_port}", files=tmp_path)
    [(serious, what, mend)] = await transport.examine()
    assert serious and "no gateway answers" in what and "wechat.gateway" in mend
    async with transport, running(transport) as ears:
        await ears.until(lambda: Happening.LOST in ears.happenings)
    async with transport:
        with pytest.raises(RetryLater):
            await transport.send(Outgoing(Address(ROOM), "收到"))


async def test_login_shows_the_codes(gateway: WechatyGateway, tmp_path: Path) -> None:
    transport = transport_to(gateway, tmp_path)
    shown: list[str] = []
    assert await transport.login(shown.append) == BOT
    assert shown == [], "it is logged in"
    await gateway.wait_gone()
    await gateway.logout()
    await gateway.scan("http://weixin.qq.com/x/1")
    findings = await transport.examine()
    assert findings[-1][0] and "nobody is logged in" in findings[-1][1]
    async with asyncio.timeout(PATIENCE):
        while await gateway.clients():
            pass
    asked = asyncio.create_task(transport.login(shown.append))
    for code in ("http://weixin.qq.com/x/1", "http://weixin.qq.com/x/2"):
        await eventually(lambda: code in shown)  # noqa: B023
        await gateway.scan("http://weixin.qq.com/x/2")
    await gateway.login()
    assert await asyncio.wait_for(asked, PATIENCE) == BOT
    assert shown == ["http://weixin.qq.com/x/1", "http://weixin.qq.com/x/2"]
    await gateway.wait_gone()


# --- TLS ------------------------------------------------------------------------------------------------------------


def authority(folder: Path, name: str) -> tuple[Path, Path, Path]:
    """A certificate authority, and a certificate it signed for `name` with its key: as an operator makes them."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("NOT TESTED: no openssl on the PATH")

    def run(*arguments: str) -> None:
        subprocess.run([openssl, *arguments], cwd=folder, check=True, capture_output=True)

    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    (folder / "name").write_text(f"subjectAltName=DNS:{name}\n", encoding="ascii")
    run("req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=ca")
    run("req", *curve[:-2], "-keyout", "key", "-out", "request", "-subj", f"/CN={name}")
    signed = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "name")
    run("x509", "-req", "-in", "request", *signed, "-out", "crt")
    return folder / "ca.crt", folder / "crt", folder / "key"


async def test_tls(gateway: WechatyGateway, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    ca, certificate, key = authority(tmp_path, "gateway.linli")
    other, _, _ = authority(tmp_path / "other", "gateway.linli")
    secure = await WechatyGateway.start(token=TOKEN, people=PEOPLE, tls=(certificate, key))
    try:
        async with listening(secure, tmp_path, ca=ca, name="gateway.linli") as (_, ears):
            await secure.say(WANG, WANG, "在吗", id="secure")
            await ears.heard("secure")
        told = {}
        for case, to, options in (
            ("well", secure, {"ca": ca, "name": "gateway.linli"}),
            ("other ca", secure, {"ca": other, "name": "gateway.linli"}),
            ("other name", secure, {"ca": ca, "name": "gateway.example"}),
            ("no name", secure, {"ca": ca}),
            ("plain to TLS", secure, {}),
            ("TLS to plain", gateway, {"ca": ca}),
            ("no such ca", secure, {"ca": tmp_path / "missing.crt"}),
            ("no certificate", secure, {"ca": tmp_path / "name"}),
        ):
            if case.startswith(("other", "no ")):
                with pytest.raises(StartError):
                    await asyncio.wait_for(transport_to(to, tmp_path, **options).run(Ears()), PATIENCE)
            findings = await transport_to(to, tmp_path, **options).examine()
            told[case] = [what for serious, what, _ in findings if serious]
        assert told.pop("well") == []
        for case, words in {
            "other ca": "is not trusted",
            "other name": "is for another name",
            "no name": "is for another name",
            "plain to TLS": "was cut",
            "TLS to plain": "does not speak TLS",
            "no such ca": "cannot be read",
            "no certificate": "cannot be read",
        }.items():
            [what] = told[case]
            assert words in what, case
    finally:
        await secure.stop()


@pytest.mark.parametrize(
    ("gateway_at", "words"),
    [
        ("gateway.example:8788", "must be encrypted"),
        ("10.0.0.5:8788", "must be encrypted"),
        ("localhost", "no host:port"),
        ("127.0.0.1:", "no host:port"),
    ],
)
async def test_lines_that_are_not_tried(gateway_at: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(StartError, match=words):
        WechatTransport("wx", TOKEN, gateway_at, files=tmp_path)
