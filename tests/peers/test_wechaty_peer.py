"""The Wechaty gateway for tests keeps its word towards the published Python stubs, with a raw client."""

import asyncio
import base64
import json
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.peers.wechaty.gateway import NoNode, Room, WechatyGateway
from tests.peers.wechaty.install import node

pytest.importorskip("wechaty_grpc", reason="NOT TESTED: pip install wechaty-grpc==0.20.19 grpclib")

from grpclib.client import Channel
from grpclib.const import Status
from grpclib.exceptions import GRPCError, StreamTerminatedError
from wechaty_grpc.wechaty import PuppetStub  # type: ignore[import-untyped]
from wechaty_grpc.wechaty.puppet import EventType, ImageType  # type: ignore[import-untyped]

ROOM, WANG, LI, BOT = "3dong@chatroom", "wxid_wang", "wxid_li", "wxid_bot"
PEOPLE = {WANG: "王阿姨", LI: "李建国"}
TEXT, IMAGE, AUDIO, RECALLED = 7, 6, 2, 13  # wechaty-puppet's numbers, not those that the stubs name
PATIENCE = 10

Start = Callable[..., Awaitable[WechatyGateway]]


def rooms() -> dict[str, Room]:
    return {ROOM: {"topic": "3栋群", "members": [WANG, LI], "aliases": {WANG: "3-502 王"}}}


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts gateways that end with the test."""
    started: list[WechatyGateway] = []

    async def begin(**options: Any) -> WechatyGateway:
        try:
            gateway = await WechatyGateway.start(people=PEOPLE, rooms=rooms(), **options)
        except NoNode as error:
            pytest.skip(str(error))
        started.append(gateway)
        return gateway

    yield begin
    for gateway in started:
        await gateway.stop()


class Client:
    """The least that speaks to a gateway: one event stream, read in order."""

    def __init__(self, gateway: WechatyGateway, *, token: str | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.channel = Channel("127.0.0.1", gateway.port, ssl=tls)
        metadata = {"authorization": f"Wechaty {token or gateway.token}"}
        self.puppet = PuppetStub(self.channel, metadata=metadata)
        self.heard: asyncio.Queue[tuple[int, Any]] = asyncio.Queue()
        self.reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for event in self.puppet.event():
            self.heard.put_nowait((event.type, json.loads(event.payload)))

    async def next(self, wanted: int) -> Any:
        """The payload of the next event, which is of this type; what comes between is not skipped over in silence."""
        while True:
            kind, payload = await asyncio.wait_for(self.heard.get(), PATIENCE)
            if kind == wanted:
                return payload
            assert kind in {EventType.EVENT_TYPE_HEARTBEAT, EventType.EVENT_TYPE_DIRTY, EventType.EVENT_TYPE_LOGIN}

    async def ended(self) -> BaseException | None:
        """How the event stream ended."""
        await asyncio.wait([self.reading], timeout=PATIENCE)
        return self.reading.exception()

    async def close(self) -> None:
        self.reading.cancel()
        await asyncio.wait([self.reading])
        self.channel.close()


@asynccontextmanager
async def connected(gateway: WechatyGateway, **options: Any) -> AsyncIterator[Client]:
    client = Client(gateway, **options)
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def listening(gateway: WechatyGateway, **options: Any) -> AsyncIterator[Client]:
    async with connected(gateway, **options) as client:
        await client.next(EventType.EVENT_TYPE_HEARTBEAT)
        await client.puppet.start()
        assert await client.next(EventType.EVENT_TYPE_LOGIN) == {"contactId": BOT}
        await gateway.wait_listening()
        yield client


async def test_a_line_in_a_room_and_the_answer(start: Start) -> None:
    gateway = await start()
    async with listening(gateway) as client:
        assert await gateway.clients() == 1
        said_at = datetime(2024, 2, 9, 12, 30, 0, 123000, tzinfo=UTC)
        message = await gateway.say(ROOM, WANG, "@小助手\u2005水管爆了", mentions=[BOT], id="m1", at=said_at)
        assert message == "m1"
        assert await client.next(EventType.EVENT_TYPE_MESSAGE) == {"messageId": "m1"}
        payload = await client.puppet.message_payload(id="m1")
        assert (payload.id, payload.from_id, payload.room_id, payload.to_id) == ("m1", WANG, ROOM, "")
        assert (payload.text, payload.mention_ids) == ("@小助手\u2005水管爆了", [BOT])
        assert (payload.type, payload.timestamp) == (TEXT, 1707481800123)

        answer = await client.puppet.message_send_text(conversation_id=ROOM, text="@王阿姨 收到", mentonal_ids=[WANG])
        [sent] = await gateway.sent()
        assert (sent.conversation, sent.kind, sent.text, sent.mentions) == (ROOM, "text", "@王阿姨 收到", (WANG,))
        assert answer.id == sent.id
        assert abs(datetime.now(UTC) - sent.at) < timedelta(minutes=1)
        assert (await client.puppet.message_payload(id=sent.id)).from_id == BOT


async def test_the_world_is_as_described(start: Start) -> None:
    gateway = await start()
    async with listening(gateway) as client:
        assert set((await client.puppet.contact_list()).ids) == {WANG, LI, BOT}
        assert (await client.puppet.contact_payload(id=WANG)).name == "王阿姨"
        assert (await client.puppet.room_list()).ids == [ROOM]
        room = await client.puppet.room_payload(id=ROOM)
        assert (room.topic, room.member_ids) == ("3栋群", [WANG, LI, BOT])
        member = await client.puppet.room_member_payload(id=ROOM, member_id=WANG)
        assert (member.name, member.room_alias) == ("王阿姨", "3-502 王")


async def test_private_chat_and_own_messages(start: Start) -> None:
    gateway = await start()
    async with listening(gateway) as client:
        for who, heard in ((WANG, (WANG, BOT)), (BOT, (BOT, WANG))):
            message = await gateway.say(WANG, who, "在吗")
            assert await client.next(EventType.EVENT_TYPE_MESSAGE) == {"messageId": message}
            payload = await client.puppet.message_payload(id=message)
            assert (payload.from_id, payload.to_id, payload.room_id) == (*heard, "")
        await gateway.echo()
        answer = await client.puppet.message_send_text(conversation_id=WANG, text="在")
        assert await client.next(EventType.EVENT_TYPE_MESSAGE) == {"messageId": answer.id}


async def test_the_same_message_twice(start: Start) -> None:
    gateway = await start()
    async with listening(gateway) as client:
        for text in ("停电了", "停电了?"):
            await gateway.say(ROOM, LI, text, id="m1")
            assert await client.next(EventType.EVENT_TYPE_MESSAGE) == {"messageId": "m1"}
            assert (await client.puppet.message_payload(id="m1")).text == text


@pytest.mark.parametrize("size", [1_000, 300_000])
async def test_bytes_come_back_equal(start: Start, size: int) -> None:
    data = bytes(range(256)) * (size // 256)
    gateway = await start()
    async with listening(gateway) as client:
        photo = await gateway.photo(ROOM, WANG, data)
        payload = await client.puppet.message_payload(id=photo)
        assert (payload.type, payload.filename) == (IMAGE, "photo.jpg")
        chunks = [chunk.file_box_chunk async for chunk in client.puppet.message_file_stream(id=photo)]
        assert chunks[0].name == "photo.jpg"
        assert b"".join(chunk.data for chunk in chunks[1:]) == data
        box = json.loads((await client.puppet.message_image(id=photo, type=ImageType.IMAGE_TYPE_ARTWORK)).filebox)
        if size < 20 * 1024:  # larger ones are fetched by uuid with Download, which the stubs lack
            assert base64.b64decode(box["base64"]) == data
        else:
            assert (box["boxType"], box["size"], "base64" in box) == (7, len(data), False)

        voice = await gateway.voice(WANG, WANG, data)
        assert (await client.puppet.message_payload(id=voice)).type == AUDIO


async def test_a_file_sent_is_recorded(start: Start) -> None:
    gateway = await start()
    async with listening(gateway) as client:
        # Exactly what the gateway needs of FileBox JSON; 1 is base64.
        box = {"boxType": 1, "name": "周报.csv", "base64": base64.b64encode(b"a,b\n").decode(), "metadata": {}}
        await client.puppet.message_send_file(conversation_id=ROOM, filebox=json.dumps(box))
        await client.puppet.message_send_file(conversation_id=WANG, filebox=json.dumps(box | {"name": "图.png"}))
        sent = await gateway.wait_sent(2)
        assert [(one.conversation, one.kind, one.text, one.data) for one in sent] == [
            (ROOM, "file", "周报.csv", b"a,b\n"),
            (WANG, "image", "图.png", b"a,b\n"),
        ]


async def test_room_and_friendship_events(start: Start) -> None:
    gateway = await start()
    async with listening(gateway) as client:
        assert (await client.puppet.room_payload(id=ROOM)).topic == "3栋群"  # now in the gateway's cache
        await gateway.topic(ROOM, "3栋业主群", changer=WANG)
        event = await client.next(EventType.EVENT_TYPE_ROOM_TOPIC)
        assert event.pop("timestamp") > 1_700_000_000_000
        assert event == {"changerId": WANG, "newTopic": "3栋业主群", "oldTopic": "3栋群", "roomId": ROOM}
        await gateway.leave(ROOM, LI)
        event = await client.next(EventType.EVENT_TYPE_ROOM_LEAVE)
        assert (event["removeeIdList"], event["removerId"], event["roomId"]) == ([LI], LI, ROOM)
        gateway.people["wxid_zhao"] = "赵姐"
        await gateway.join(ROOM, "wxid_zhao", inviter=WANG)
        event = await client.next(EventType.EVENT_TYPE_ROOM_JOIN)
        assert (event["inviteeIdList"], event["inviterId"], event["roomId"]) == (["wxid_zhao"], WANG, ROOM)
        room = await client.puppet.room_payload(id=ROOM)
        assert (room.topic, room.member_ids) == ("3栋业主群", [WANG, BOT, "wxid_zhao"])

        await gateway.befriend("wxid_zhao", "我是3栋的")
        friendship = (await client.next(EventType.EVENT_TYPE_FRIENDSHIP))["friendshipId"]
        payload = await client.puppet.friendship_payload(id=friendship)
        assert (payload.contact_id, payload.hello, payload.type) == ("wxid_zhao", "我是3栋的", 1)


async def test_scan_login_logout(start: Start) -> None:
    gateway = await start(login=False)
    async with connected(gateway) as client:
        await client.next(EventType.EVENT_TYPE_HEARTBEAT)
        await client.puppet.start()
        await gateway.scan("https://example.org/qr")
        assert await client.next(EventType.EVENT_TYPE_SCAN) == {"qrcode": "https://example.org/qr", "status": 2}
        with pytest.raises(GRPCError, match="not logged in"):
            await client.puppet.message_send_text(conversation_id=ROOM, text="早")
        await gateway.login()
        assert await client.next(EventType.EVENT_TYPE_LOGIN) == {"contactId": BOT}
        await gateway.wait_listening()
        await gateway.logout("别处登录")
        assert await client.next(EventType.EVENT_TYPE_LOGOUT) == {"contactId": BOT, "data": "别处登录"}
        await gateway.wait_gone()


async def test_an_error_event_ends_nothing(start: Start) -> None:
    gateway = await start()
    async with listening(gateway) as client:
        await gateway.error("风控")
        event = await client.next(EventType.EVENT_TYPE_ERROR)
        assert set(event) == {"gerror"}
        assert json.loads(event["gerror"])["message"] == "风控"
        await gateway.heartbeat("还在")
        assert await client.next(EventType.EVENT_TYPE_HEARTBEAT) == {"data": "还在"}
        await client.puppet.message_send_text(conversation_id=ROOM, text="还在")
        assert len(await gateway.sent()) == 1


async def test_sends_that_fail(start: Start) -> None:
    gateway = await start()
    async with listening(gateway) as client:
        await gateway.fail_sends(1)
        with pytest.raises(GRPCError, match=r"Error: send failed\\n"):
            await client.puppet.message_send_text(conversation_id=ROOM, text="一")
        await gateway.fail_sends(1, recorded=True)
        with pytest.raises(GRPCError, match="send failed after all"):
            await client.puppet.message_send_text(conversation_id=ROOM, text="二")
        await client.puppet.message_send_text(conversation_id=ROOM, text="三")
        with pytest.raises(GRPCError, match="no such conversation"):
            await client.puppet.message_send_text(conversation_id="wxid_nobody", text="四")
        assert [sent.text for sent in await gateway.sent()] == ["二", "三"]


async def test_payloads_that_fail_or_are_late(start: Start) -> None:
    gateway = await start()
    async with listening(gateway) as client:
        await gateway.fail_payload("m1", 1)
        await gateway.say(ROOM, WANG, "喂", id="m1")
        with pytest.raises(GRPCError, match="payload not to be had") as failed:
            await client.puppet.message_payload(id="m1")
        assert failed.value.status is Status.UNKNOWN
        assert (await client.puppet.message_payload(id="m1")).text == "喂"

        await gateway.hold_payload("m2")
        await gateway.say(ROOM, WANG, "慢", id="m2")
        late = asyncio.create_task(client.puppet.message_payload(id="m2"))
        assert (await client.puppet.message_payload(id="m1")).text == "喂"
        assert not late.done()
        await gateway.release_payload("m2")
        assert (await asyncio.wait_for(late, PATIENCE)).text == "慢"


async def test_a_recalled_message(start: Start) -> None:
    gateway = await start()
    async with listening(gateway) as client:
        first = await gateway.say(ROOM, WANG, "说错了")
        recalled = await gateway.say(ROOM, WANG, first, type="Recalled")
        payload = await client.puppet.message_payload(id=recalled)
        assert (payload.type, payload.text) == (RECALLED, first)


async def test_a_wrong_token_is_refused(start: Start) -> None:
    gateway = await start()
    async with connected(gateway, token="wrong") as client:
        with pytest.raises(GRPCError) as refused:
            await client.puppet.start()
        assert refused.value.status is Status.UNAUTHENTICATED
        stream = await client.ended()
        assert isinstance(stream, GRPCError) and stream.status is Status.UNAUTHENTICATED
        assert await gateway.clients() == 0


async def test_a_second_client_is_refused_until_the_first_is_stopped(start: Start) -> None:
    gateway = await start()
    async with listening(gateway) as first, connected(gateway) as second:
        refused = await second.ended()
        assert isinstance(refused, GRPCError) and refused.status is Status.ALREADY_EXISTS
        await second.puppet.stop()
        assert await first.ended() is None
        async with listening(gateway) as third:
            message = await gateway.say(ROOM, WANG, "现在呢")
            assert await third.next(EventType.EVENT_TYPE_MESSAGE) == {"messageId": message}


async def test_who_comes_back_is_told_the_login_and_nothing_missed(start: Start) -> None:
    gateway = await start()
    async with listening(gateway):
        pass
    await gateway.wait_gone()
    assert await gateway.clients() == 0
    await gateway.say(ROOM, WANG, "没人听见")
    async with listening(gateway) as client:  # Start again without Stop: no second login
        message = await gateway.say(ROOM, WANG, "有人吗")
        assert await client.next(EventType.EVENT_TYPE_MESSAGE) == {"messageId": message}
        await client.puppet.message_send_text(conversation_id=ROOM, text="有")


async def test_kill_and_restart(start: Start) -> None:
    gateway = await start()
    before = gateway.endpoint
    async with listening(gateway) as client:
        message = await gateway.say(ROOM, WANG, "喂")
        await client.puppet.message_send_text(conversation_id=ROOM, text="前")
        await gateway.kill()
        assert isinstance(await client.ended(), StreamTerminatedError)
        with pytest.raises(OSError):
            await gateway.say(ROOM, WANG, "喂")
    assert [sent.text for sent in await gateway.sent()] == ["前"]
    await gateway.restart()
    assert gateway.endpoint == before
    async with listening(gateway) as client:
        assert (await client.puppet.room_payload(id=ROOM)).topic == "3栋群"
        with pytest.raises(GRPCError, match="no payload found"):
            await client.puppet.message_payload(id=message)
        await client.puppet.message_send_text(conversation_id=ROOM, text="后")
        assert [sent.text for sent in await gateway.sent()] == ["前", "后"]


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("NOT TESTED: TLS; no openssl on the PATH to make a certificate with")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subject = ["-subj", "/CN=gateway", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subprocess.run([*command, "-keyout", key, "-out", cert, "-days", "1", *subject], check=True, capture_output=True)
    return cert, key


async def test_tls_with_a_certificate_of_ones_own(start: Start, certificate: tuple[Path, Path]) -> None:
    gateway = await start(tls=certificate)
    trusting = ssl.create_default_context(cafile=certificate[0])
    trusting.set_alpn_protocols(["h2"])
    async with listening(gateway, tls=trusting) as client:
        message = await gateway.say(ROOM, WANG, "加密的")
        assert (await client.puppet.message_payload(id=message)).text == "加密的"
    stranger = ssl.create_default_context()
    stranger.set_alpn_protocols(["h2"])
    async with connected(gateway, tls=stranger) as client:
        assert isinstance(await client.ended(), ssl.SSLCertVerificationError)


def test_without_node_the_reason_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoNode, match=r"NOT TESTED: no node and npm on the PATH; .* Node >= 18"):
        node()
