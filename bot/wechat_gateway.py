"""The line to a Wechaty gateway: gRPC as its puppet service speaks it, with a token and TLS.

Needs the extra `wechat`; nothing imports this module unless a bot really is on WeChat.
"""

import asyncio
import base64
import io
import ipaddress
import json
import logging
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any, TypeVar

from grpclib.client import Channel
from grpclib.config import Configuration
from grpclib.const import Status
from grpclib.exceptions import GRPCError, ProtocolError, StreamTerminatedError
from wechaty_grpc.wechaty import PuppetStub  # type: ignore[import-untyped]

from bot.transport import Rejected, StartError
from bot.wechat_messages import Payload

T = TypeVar("T")

logging.getLogger("hpack").setLevel(logging.INFO)  # below, it writes every header into the log, the token too

_SENDING = 45.0  # seconds for a send, which may have happened though it is not answered; the outbox waits 50
PATIENCE = 15.0  # seconds for an answer; the gateway itself gives a start 15
LARGEST = 3_000_000  # bytes of a file to send: the gateway takes 4 MiB in one message, base64 makes them a third more
_BASE64 = 1  # file-box: FileBoxType.Base64
_HD = 2  # wechaty-puppet: the size between the thumbnail and the original
_CONFIRMED = 1  # wechaty-puppet: the other side accepted
_PAST_SCANNING = (1, 3, 4)  # wechaty-puppet: a login code that was cancelled, scanned, confirmed
_OFFICIAL = 2  # wechaty-puppet: an account of a newspaper, a shop, WeChat itself


class Told(IntEnum):
    """Kinds of events. Others are not listened to."""

    HEARTBEAT = 1
    MESSAGE = 2
    DONG = 3
    ERROR = 16
    FRIENDSHIP = 17
    ROOM_JOIN = 19
    ROOM_LEAVE = 20
    SCAN = 22
    LOGIN = 25
    LOGOUT = 26


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds. settle: how late an earlier message may come; greet: until a gateway has said who is logged in; login:
    for logging in from memory; silence: after which the line is tried; pauses: between attempts to connect, the first
    and the longest; payload: between attempts to read a message."""

    settle: float = 0.5
    greet: float = 0.5
    login: float = 15.0
    silence: float = 30.0
    pauses: tuple[float, float] = (1.0, 60.0)
    payload: tuple[float, ...] = (0.3, 1.0, 3.0, 10.0)


@dataclass(frozen=True, slots=True)
class Contact:
    name: str  # personal data, never logged
    friend: bool
    official: bool


class Trouble(Exception):
    """The gateway cannot be spoken with. Holds nothing that a person said."""

    def __init__(self, what: str, mend: str = "") -> None:
        super().__init__(what)
        self.what, self.mend = what, mend


class Taken(Trouble):
    """Another client listens to the gateway, which tells only one what happens."""


class Hopeless(Trouble):
    """It will stay so until somebody mends it."""


class Failed(Trouble):
    """The gateway is there and says that it could not do this."""


class Line:
    """One connection. Its calls raise Trouble. Nothing here ever calls Stop: that would log the account out."""

    def __init__(self, gateway: str, token: str, ca: Path | None, name: str) -> None:
        host, _, port = gateway.rpartition(":")
        self._where, self._ca = gateway, ca
        context = None
        if ca is not None:
            try:
                context = ssl.create_default_context(cafile=ca)
            except OSError as error:
                what = f"{ca} cannot be read as a certificate ({type(error).__name__})"
                mend = "name under [wechat] as ca the file of the authority that signed the gateway's"
                raise Hopeless(what, mend) from None
            context.set_alpn_protocols(["h2"])
        config = Configuration(ssl_target_name_override=name or None)
        self._channel = Channel(host.strip("[]"), int(port), ssl=context, config=config)
        self._puppet = PuppetStub(self._channel, metadata={"authorization": f"Wechaty {token}"})

    def close(self) -> None:
        self._channel.close()

    async def events(self) -> AsyncGenerator[tuple[int, dict[str, Any]]]:
        """What happens, until the line is cut. A gateway serves one client."""
        with self._told():
            async for event in self._puppet.event():
                try:
                    body = json.loads(event.payload or "{}")
                except ValueError:
                    body = None
                yield event.type, body if isinstance(body, dict) else {}
        raise Trouble(f"the gateway at {self._where} ended the stream of events")

    async def login(self, show: Callable[[str], None]) -> str:
        """Starts the puppet, shows each code to scan; returns the account."""
        started, shown = False, ""
        async with aclosing(self.events()) as events:
            async for kind, body in events:
                if kind == Told.LOGIN:
                    return str(body.get("contactId", ""))
                if kind == Told.SCAN and (code := login_code(body)) and code != shown:
                    shown = code
                    show(code)
                if not started:
                    started = True
                    await self.start()
        raise AssertionError("events end with Trouble")

    async def somebody(self, seconds: float) -> bool:
        """Whether an account is logged in, which a gateway says first of all."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), aclosing(self.events()) as events:
                async for kind, _ in events:
                    if kind in (Told.LOGIN, Told.SCAN):
                        return kind == Told.LOGIN
        return False

    async def start(self) -> None:
        """Where the puppet is started already, nothing happens."""
        await self._ask(self._puppet.start())

    async def ding(self) -> None:
        await self._ask(self._puppet.ding(data="linli"))

    async def version(self) -> str:
        return str((await self._ask(self._puppet.version())).version)

    async def message(self, id: str) -> Payload:
        found = await self._ask(self._puppet.message_payload(id=id))
        return Payload(
            id=id,
            kind=int(found.type),
            text=found.text,
            talker=found.from_id,
            room=found.room_id,
            mentions=tuple(found.mention_ids),
            timestamp=found.timestamp,
        )

    async def contact(self, id: str) -> Contact:
        found = await self._ask(self._puppet.contact_payload(id=id))
        return Contact(found.name, found.friend, found.type == _OFFICIAL)

    async def contacts(self) -> list[str]:
        return list((await self._ask(self._puppet.contact_list())).ids)

    async def name_in(self, room: str, member: str) -> str:
        """As the room knows the person; "" where it knows nothing of its own."""
        found = await self._ask(self._puppet.room_member_payload(id=room, member_id=member))
        return str(found.room_alias or found.name)

    async def rooms(self) -> list[str]:
        return list((await self._ask(self._puppet.room_list())).ids)

    async def members(self, room: str) -> list[str]:
        return list((await self._ask(self._puppet.room_payload(id=room))).member_ids)

    async def befriended(self, friendship: str) -> str:
        """The person who accepted; "" where it is something else about a friendship."""
        found = await self._ask(self._puppet.friendship_payload(id=friendship))
        return str(found.contact_id) if found.type == _CONFIRMED else ""

    async def say(self, chat: str, text: str, mentions: list[str]) -> str:
        sent = await self._ask(
            self._puppet.message_send_text(conversation_id=chat, text=text, mentonal_ids=mentions), _SENDING
        )
        return sent.id or ""

    async def give(self, chat: str, name: str, data: bytes) -> str:
        if len(data) > LARGEST:
            raise Rejected(f"a file of {len(data)} bytes; the gateway takes {LARGEST}")
        box = {"type": _BASE64, "name": name, "base64": base64.b64encode(data).decode(), "metadata": {}}
        sent = await self._ask(self._puppet.message_send_file(conversation_id=chat, filebox=json.dumps(box)), _SENDING)
        return sent.id or ""

    async def file(self, message: str, most: int, *, photo: bool) -> bytes:
        """By the streams, which the gateway marks as old: the newer way is a handle that only Node's client follows.
        What it cannot give, it never ends."""
        if photo:
            parts = self._puppet.message_image_stream(id=message, type=_HD)
        else:
            parts = self._puppet.message_file_stream(id=message)
        data = bytearray()
        with self._told():
            async with asyncio.timeout(PATIENCE) as patience:
                async for part in parts:
                    patience.reschedule(asyncio.get_running_loop().time() + PATIENCE)
                    data += part.file_box_chunk.data
                    if len(data) > most:
                        raise Rejected(f"a file of more than {most} bytes")
        return bytes(data)

    async def _ask(self, call: Awaitable[T], seconds: float = PATIENCE) -> T:
        with self._told():
            async with asyncio.timeout(seconds):
                return await call

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Errors in our words: the gateway's own quote the token and whatever a message holds."""
        try:
            yield
        except GRPCError as error:
            raise self._refused(error.status) from None
        except (OSError, StreamTerminatedError, ProtocolError) as error:  # TimeoutError and SSLError are OSErrors
            raise self._broken(error) from None

    def _refused(self, status: Status) -> Trouble:
        if status is Status.UNAUTHENTICATED:
            what = f"the gateway at {self._where} does not know this token"
            return Hopeless(what, "set LINLI_WECHAT_TOKEN to the token the gateway was started with")
        if status is Status.ALREADY_EXISTS:
            what = f"another client listens to the gateway at {self._where}, which serves only one"
            return Taken(what, "stop the other client, or give each its own gateway")
        if status is Status.UNIMPLEMENTED:
            return Failed(f"the gateway at {self._where} does not know this call")
        return Failed(f"the gateway at {self._where} could not do it ({status.name})")

    def _broken(self, error: Exception) -> Trouble:
        where, tls, kind = self._where, self._ca is not None, type(error).__name__
        match error:
            case ssl.SSLCertVerificationError(verify_code=62 | 64):  # another host name, another address
                what = f"the certificate of {where} is for another name: {error.verify_message}"
                mend = 'write the name it is for under [wechat] as name = "…"'
            case ssl.SSLCertVerificationError():
                what = f"the certificate of {where} is not trusted: {error.verify_message}"
                mend = "name under [wechat] as ca the file of the authority that signed it"
            case ConnectionRefusedError() | TimeoutError():
                what = f"no gateway answers at {where} ({kind})"
                mend = "start the gateway, or mend wechat.gateway (host:port) and the way there"
            case ssl.SSLError() | ConnectionError() if tls:
                what = f"the gateway at {where} does not speak TLS ({kind})"
                mend = "give the gateway a certificate, or leave ca empty where it runs on this machine"
            case OSError():
                what, mend = f"no way to {where} ({kind})", "mend wechat.gateway (host:port) and the way there"
            case _:
                what = f"the line to {where} was cut ({kind})"
                mend = "" if tls else "if it never comes about, the gateway wants TLS: name its ca under [wechat]"
        return (Hopeless if isinstance(error, ssl.SSLCertVerificationError) else Trouble)(what, mend)


def login_code(body: dict[str, Any]) -> str:
    """The text of the code of a SCAN, as long as it is to be scanned."""
    return "" if body.get("status") in _PAST_SCANNING else str(body.get("qrcode") or "")


def check_address(gateway: str, ca: Path | None) -> None:
    """StartError for what is no host:port, and for a plain line to another machine."""
    host, _, port = gateway.rpartition(":")
    host = host.strip("[]")
    if not (host and port.isdecimal()):
        raise StartError(f"{gateway} is no host:port", 'write gateway = "127.0.0.1:8788" under [wechat], for example')
    try:
        here = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        here = False
    if ca is None and not here:
        what = f"the line to {gateway} must be encrypted"
        raise StartError(what, "name under [wechat] as ca the file of its certificate authority")


def draw(code: str) -> str:
    """A login code as half blocks, light on black whatever the terminal's colours are, so that a phone reads it."""
    import segno

    drawn = io.StringIO()
    segno.make(code, error="l").terminal(drawn, compact=True)
    lines = [f"\x1b[97;40m{line}\x1b[0m" for line in drawn.getvalue().splitlines()]
    return "\n".join([*lines, "scan it in WeChat on the bot's phone; a new code comes when this one is too old"])
