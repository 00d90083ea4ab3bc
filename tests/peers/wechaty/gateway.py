"""A real Wechaty gateway (gateway.mjs, run by Node): tests start it, speak through it, kill it, see what was sent."""

import asyncio
import base64
import contextlib
import copy
import http.client
import itertools
import json
import os
import tempfile
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NotRequired, Self, TypedDict

from tests.peers.wechaty.install import FOLDER, NoNode, node

__all__ = ["NoNode", "Room", "Sent", "WechatyGateway"]

HOST = "127.0.0.1"
LONGEST_LINE = 2**27  # a sent file is one line of base64
ROOM_CHANGED = 3  # wechaty-puppet: types.Dirty.Room
WAITING = 2  # wechaty-puppet: types.ScanStatus.Waiting
CONFIRM = 1  # wechaty-puppet: types.Friendship.Confirm


class Room(TypedDict):
    topic: str
    members: list[str]
    aliases: NotRequired[dict[str, str]]


@dataclass(frozen=True)
class Sent:
    """What the client sent. `kind`: text, image, file (both with the name as text), url, announce, recall."""

    conversation: str
    text: str
    mentions: tuple[str, ...]
    kind: str
    data: bytes | None
    at: datetime
    id: str


class WechatyGateway:
    """Start with `await WechatyGateway.start(...)`, end with `await gateway.stop()`. It lives on one event loop."""

    def __init__(self, *, token: str, tls: tuple[Path, Path] | None, me: tuple[str, str], login: bool) -> None:
        self.token = token
        self.port = 0
        self.me, self._my_name = me
        self.people: dict[str, str] = {}
        self.rooms: dict[str, Room] = {}
        self.noise: deque[str] = deque(maxlen=100)  # what Node wrote besides
        self._tls, self._login, self._control = tls, login, 0
        self._friendships: dict[str, dict[str, Any]] = {}
        self._sent: list[Sent] = []
        self._listening = self._ready = self._over = False
        self._marks, self._mark = itertools.count(1), 0
        self._changed = asyncio.Condition()
        self._directory = tempfile.TemporaryDirectory(prefix="wechaty-")

    @classmethod
    async def start(
        cls,
        *,
        token: str = "linli-test",
        tls: tuple[Path, Path] | None = None,
        people: Mapping[str, str] | None = None,
        rooms: Mapping[str, Room] | None = None,
        me: tuple[str, str] = ("wxid_bot", "小助手"),
        login: bool = True,
    ) -> Self:
        """`tls`: certificate and key file. With `login=False` only `login()` logs the bot in. May raise NoNode."""
        gateway = cls(token=token, tls=tls, me=me, login=login)
        gateway.people = dict(people or {})
        gateway.rooms = copy.deepcopy(dict(rooms or {}))
        for room in gateway.rooms.values():
            room["members"] = list(dict.fromkeys((*room["members"], gateway.me)))
        try:
            await gateway.restart()
        except BaseException:
            await gateway.stop()
            raise
        return gateway

    @property
    def endpoint(self) -> str:
        return f"{HOST}:{self.port}"

    # --- its life ---------------------------------------------------------------------------------------------------

    async def restart(self) -> None:
        """After `kill`: a new process on the same ports, with the same people and rooms and no old messages."""
        program = await asyncio.to_thread(node)
        self._process = await asyncio.create_subprocess_exec(
            program,
            str(FOLDER / "gateway.mjs"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=LONGEST_LINE,
            env=os.environ | {"WECHATY_LOG": "error", "NODE_NO_WARNINGS": "1", "TMPDIR": self._directory.name},
        )
        self._over = False
        self._reader = asyncio.create_task(self._read())
        assert self._process.stdin is not None
        me = {"id": self.me, "name": self._my_name}
        tls = self._tls and {"cert": str(self._tls[0]), "key": str(self._tls[1])}
        config = {"port": self.port, "control": self._control, "token": self.token, "tls": tls, "me": me}
        self._process.stdin.write(json.dumps(config | {"login": self._login} | self._world()).encode() + b"\n")
        await self._until(lambda: self._ready, "the gateway to be ready", 30)

    async def kill(self) -> None:
        """SIGKILL. What was sent until then stays known."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._ended()

    async def stop(self) -> None:
        if hasattr(self, "_process"):
            assert self._process.stdin is not None
            self._process.stdin.close()  # its sign to leave
            try:
                await asyncio.wait_for(self._process.wait(), timeout=10)
            except TimeoutError:
                await self.kill()
            await self._ended()
        self._directory.cleanup()

    async def _ended(self) -> None:
        await self._process.wait()
        await self._reader

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            async with self._changed:
                self._hear(line)
                self._changed.notify_all()
        async with self._changed:
            self._ready, self._listening, self._over = False, False, True
            self._changed.notify_all()

    def _hear(self, line: bytes) -> None:
        match json.loads(line) if line.startswith(b'{"') else line:
            case {"ready": {"port": int(port), "control": int(control)}}:
                self.port, self._control, self._ready = port, control, True
            case {"listening": bool(listening)}:
                self._listening = listening
            case {"sent": dict(sent)}:
                self._sent.append(_sent(sent))
            case {"mark": int(mark)}:
                self._mark = mark
            case _:
                self.noise.append(line.decode(errors="replace").rstrip())

    async def _until(self, happened: Callable[[], bool], what: str, seconds: float) -> None:
        async with self._changed:
            try:
                async with asyncio.timeout(seconds):
                    await self._changed.wait_for(lambda: happened() or self._over)
            except TimeoutError:
                raise TimeoutError("\n".join((f"waited {seconds} s for {what}", *self.noise))) from None
            if not happened():
                raise ConnectionError("\n".join((f"the gateway ended before {what}", *self.noise)))

    async def _call(self, name: str, **body: Any) -> Any:
        status, answer = await asyncio.to_thread(_post, self._control, f"/{name}", json.dumps(body).encode())
        if status != http.HTTPStatus.OK:
            raise RuntimeError(f"the gateway refused {name}: {answer['error']}")
        return answer["result"]

    # --- its world --------------------------------------------------------------------------------------------------

    def _world(self) -> dict[str, Any]:
        people = {user: {"name": name} for user, name in self.people.items()}
        return {"people": people, "rooms": self.rooms, "friendships": self._friendships}

    async def update(self) -> None:
        """To be called after `people` or `rooms` were changed by hand."""
        await self._call("world", **self._world())

    async def _emit(self, event: str, **payload: Any) -> None:
        await self._call("emit", event=event, payload=payload)

    async def _change_room(self, event: str, room: str, **payload: Any) -> None:
        await self.update()
        await self._emit("dirty", payloadType=ROOM_CHANGED, payloadId=room)
        await self._emit(event, roomId=room, timestamp=_milliseconds(None), **payload)

    async def join(self, room: str, *users: str, inviter: str | None = None) -> None:
        members = self.rooms[room]["members"]
        members.extend(user for user in users if user not in members)
        await self._change_room("room-join", room, inviteeIdList=users, inviterId=inviter or self.me)

    async def leave(self, room: str, *users: str, remover: str | None = None) -> None:
        """By themselves unless `remover` is given."""
        members = self.rooms[room]["members"]
        members[:] = [user for user in members if user not in users]
        await self._change_room("room-leave", room, removeeIdList=users, removerId=remover or users[0])

    async def topic(self, room: str, topic: str, *, changer: str) -> None:
        old, self.rooms[room]["topic"] = self.rooms[room]["topic"], topic
        await self._change_room("room-topic", room, oldTopic=old, newTopic=topic, changerId=changer)

    async def befriend(self, user: str, hello: str = "") -> None:
        """The friendship with `user` was accepted."""
        friendship = f"friendship_{user}"
        at = _milliseconds(None)
        self._friendships[friendship] = {
            "id": friendship, "contactId": user, "hello": hello, "timestamp": at, "type": CONFIRM
        }  # fmt: skip
        await self.update()
        await self._emit("friendship", friendshipId=friendship)

    # --- what it says -----------------------------------------------------------------------------------------------

    async def say(
        self,
        where: str,
        who: str,
        text: str,
        *,
        mentions: Sequence[str] = (),
        id: str | None = None,
        at: datetime | None = None,
        type: str = "Text",
        file: tuple[str, bytes] | None = None,
    ) -> str:
        """`who` says it in the room `where`, or in the private chat with the person `where`; `who` may be the bot.

        The same `id` again is the same message again. `type` is a name of wechaty-puppet's types.Message.
        """
        message = id or uuid.uuid4().hex
        payload: dict[str, Any] = {"id": message, "talkerId": who, "text": text, "timestamp": _milliseconds(at)}
        if where in self.rooms:
            payload |= {"roomId": where, "mentionIdList": list(mentions)}
        else:
            payload |= {"listenerId": where if who == self.me else self.me}
        box = None
        if file is not None:
            payload["filename"] = file[0]
            box = {"name": file[0], "base64": base64.b64encode(file[1]).decode()}
        await self._call("message", payload=payload, type=type, file=box)
        return message

    async def photo(self, where: str, who: str, data: bytes, *, name: str = "photo.jpg", **say: Any) -> str:
        return await self.say(where, who, "", type="Image", file=(name, data), **say)

    async def voice(self, where: str, who: str, data: bytes, *, name: str = "voice.sil", **say: Any) -> str:
        return await self.say(where, who, "", type="Audio", file=(name, data), **say)

    async def file(self, where: str, who: str, data: bytes, *, name: str, **say: Any) -> str:
        return await self.say(where, who, "", type="Attachment", file=(name, data), **say)

    async def scan(self, qrcode: str, status: int = WAITING) -> None:
        await self._emit("scan", qrcode=qrcode, status=status)

    async def login(self) -> None:
        await self._call("login")

    async def logout(self, reason: str = "logged out on the phone") -> None:
        await self._call("logout", reason=reason)

    async def error(self, text: str) -> None:
        await self._call("error", text=text)

    async def heartbeat(self, data: str = "heartbeat") -> None:
        await self._emit("heartbeat", data=data)

    # --- faults -----------------------------------------------------------------------------------------------------

    async def echo(self, on: bool = True) -> None:
        """Report the bot's own messages as messages, as real puppets do."""
        await self._call("echo", on=on)

    async def fail_sends(self, count: int, *, recorded: bool = False) -> None:
        """The next `count` sends fail; `recorded`: they arrive and fail nevertheless."""
        await self._call("fail_sends", count=count, recorded=recorded)

    async def fail_payload(self, id: str, count: int = 1) -> None:
        """The next `count` questions for the payload of this message fail. To be called before it is said."""
        await self._call("fail_payload", id=id, count=count)

    async def hold_payload(self, id: str) -> None:
        """Questions for the payload of this message get no answer until `release_payload`."""
        await self._call("hold_payload", id=id)

    async def release_payload(self, id: str) -> None:
        await self._call("release_payload", id=id)

    # --- what it saw ------------------------------------------------------------------------------------------------

    async def clients(self) -> int:
        """Open event streams: 0 or 1."""
        return int(await self._call("clients"))

    async def wait_listening(self, timeout: float = 10) -> None:  # noqa: ASYNC109
        """Until a client reads events and the bot is logged in: what is said before is lost."""
        await self._until(lambda: self._listening, "a client that listens", timeout)

    async def wait_gone(self, timeout: float = 10) -> None:  # noqa: ASYNC109
        await self._until(lambda: not self._listening, "the client to go", timeout)

    async def sent(self) -> list[Sent]:
        """Everything sent since `start`, in order, also by way of processes killed since."""
        if self._ready:
            mark = next(self._marks)
            await self._call("mark", mark=mark)
            await self._until(lambda: self._mark >= mark, "its own mark", 10)
        return list(self._sent)

    async def wait_sent(self, count: int, timeout: float = 10) -> list[Sent]:  # noqa: ASYNC109
        """Until `count` messages were sent since `start`; all there are then."""
        await self._until(lambda: len(self._sent) >= count, f"message {count} to be sent", timeout)
        return list(self._sent)


def _milliseconds(at: datetime | None) -> int:
    return int((at or datetime.now(UTC)).timestamp() * 1000)


def _sent(raw: Mapping[str, Any]) -> Sent:
    return Sent(
        conversation=raw["conversation"],
        text=raw["text"],
        mentions=tuple(raw.get("mentions", ())),
        kind=raw["kind"],
        data=base64.b64decode(raw["data"]) if "data" in raw else None,
        at=datetime.fromtimestamp(raw["at"] / 1000, UTC),
        id=raw["id"],
    )


def _post(port: int, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection(HOST, port, timeout=20)
    try:
        connection.request("POST", path, body)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()
