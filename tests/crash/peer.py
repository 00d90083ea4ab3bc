"""The parent's side of the crash tests: a chat platform that hands out updates from the last confirmed one on, notes
what it is sent, and ends its children by kill -9 when a plan says so."""

import asyncio
import json
import random
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

REPOSITORY = Path(__file__).parents[2]
NURSERY = (sys.executable, "-m", "tests.support.crashing")
PATIENCE = 60.0  # seconds for one life, at most
_BATCH = 6
_QUIET = 0.7  # seconds of silence after which a child has nothing more to send; longer than its sender's poll


class Told(Protocol):
    """A line of a stream (see story.py)."""

    def as_update(self, number: int) -> dict[str, Any]: ...


@dataclass(slots=True)
class Stream:
    """Updates 1, 2, 3 … and how far they are handed out and confirmed. `last`: no update after it, None: endless."""

    line: Callable[[int], Told]
    last: int | None = None
    handed: int = 0  # ever
    confirmed: int = 0

    @property
    def at_end(self) -> bool:
        return self.last is not None and self.confirmed >= self.last


@dataclass(frozen=True, slots=True)
class Kill:
    """When a life ends. moment: `time` (seconds after the first hand-out), `send` (the count-th message has arrived
    and is not answered), `sent` (it was answered just now), `confirm` (the count-th confirm has arrived)."""

    moment: str
    seconds: float = 0.0
    count: int = 1


@dataclass(slots=True)
class Life:
    """One child process. It is handed what comes after `first`, the last update confirmed before it, up to `handed`."""

    name: str
    stream: Stream
    errors: Path
    ended: asyncio.Future[int]  # its exit code; it is reaped by then
    here: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)  # the connection has ended
    writer: asyncio.StreamWriter | None = None
    kill: Kill | None = None
    first: int = 0
    handed: int = 0
    sends: int = 0
    confirms: int = 0
    hungry: bool = False  # it asked for updates and got none yet
    last_word: float = 0.0
    inside: bool = False  # killed with updates in hand
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def tell(self, **parts: Any) -> None:
        if self.writer is not None and not self.writer.is_closing():
            self.writer.write(json.dumps(parts).encode() + b"\n")

    def later(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


class Peer:
    """The platform. `sent` holds every message in the order of arrival, also those that came twice."""

    def __init__(self) -> None:
        self.lives: dict[str, Life] = {}
        self.latency = 0.003
        self.address = ""
        self.begin()

    def begin(self, seed: int = 0, *, refusals: float = 0.0, hasty: bool = False) -> None:
        """Forget what was sent before. refusals: the share of messages that are to be sent again a little later;
        hasty: a child is told to leave in the middle of its sending."""
        self.random = random.Random(seed)
        self.sent: list[dict[str, Any]] = []
        self.refusals, self.hasty = refusals, hasty

    def spawn(self, url: str, stream: Stream, kind: str = "life") -> Life:
        """A new child, which waits for its turn."""
        name = f"{kind}{len(self.lives) + 1}"
        errors = self._folder / f"{name}.log"
        errors.touch()
        life = Life(name, stream, errors, asyncio.get_running_loop().create_future())
        self.lives[name] = life
        self._order(do="bear", name=name, url=url, peer=self.address, log=str(errors))
        return life

    def _order(self, **parts: Any) -> None:
        assert self._nursery.stdin is not None
        self._nursery.stdin.write(json.dumps(parts).encode() + b"\n")

    async def live(self, life: Life, clock: datetime, kill: Kill | None = None) -> None:
        """Let a child live until it is killed as planned or, without a plan, until its stream is at its end.

        Raises when the child ends in another way, complains in its log or takes too long. It is always reaped.
        """
        try:
            async with asyncio.timeout(PATIENCE):
                await self._until(life, life.here)
                life.kill, life.handed, life.first = kill, life.stream.confirmed, life.stream.confirmed
                life.tell(do="go", clock=clock.isoformat(), confirmed=life.stream.confirmed)
                code = await asyncio.shield(life.ended)
                await life.over.wait()  # what it said before it died is heard to the end
        except TimeoutError as error:
            raise AssertionError(f"{life.name} took more than {PATIENCE} s:\n{complaints(life)}") from error
        finally:
            await self._reap(life)
        expected = 0 if kill is None else -9
        if code != expected or complaints(life):
            raise AssertionError(f"{life.name} ended with {code}, not {expected}:\n{complaints(life)}")

    async def _until(self, life: Life, event: asyncio.Event) -> None:
        """Wait for the event, but no longer than the child lives."""
        waiting = asyncio.create_task(event.wait())
        await asyncio.wait((waiting, asyncio.ensure_future(life.ended)), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if not event.is_set():
            raise AssertionError(f"{life.name} did not start:\n{complaints(life)}")

    async def _reap(self, life: Life) -> None:
        if not life.ended.done():
            self._order(do="kill", name=life.name)
            await asyncio.wait([life.ended], timeout=10)
        for task in list(life.tasks):
            task.cancel()

    async def _report(self) -> None:
        """Note the deaths that the nursery tells of."""
        assert self._nursery.stdout is not None
        while line := await self._nursery.stdout.readline():
            told = json.loads(line)
            self.lives[told["name"]].ended.set_result(told["code"])

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Peer"]:
        """The platform's door and the nursery; at the end every child is dead and reaped."""
        with tempfile.TemporaryDirectory(prefix="linli-peer-") as folder:
            self._folder = Path(folder)
            self._nursery = await asyncio.create_subprocess_exec(
                *NURSERY, cwd=REPOSITORY, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
            )
            reports = asyncio.create_task(self._report())
            server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
            host, port = server.sockets[0].getsockname()
            self.address = f"{host}:{port}"
            try:
                yield self
            finally:
                for life in self.lives.values():
                    await self._reap(life)
                assert self._nursery.stdin is not None
                self._nursery.stdin.close()
                await self._nursery.wait()
                await reports
                for life in self.lives.values():
                    if life.writer is not None:
                        await life.over.wait()
                server.close()
                await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        life: Life | None = None
        try:
            while (line := await reader.readline()).endswith(b"\n"):  # a torn last line was never said
                told = json.loads(line)
                if told["do"] == "hello":
                    life = self.lives[told["name"]]
                    life.writer = writer
                    life.here.set()
                elif life is not None:
                    self._hear(life, told)
        except ConnectionError:
            pass  # killed in the middle of a word
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
            if life is not None:
                life.over.set()

    def _hear(self, life: Life, told: dict[str, Any]) -> None:
        life.last_word = asyncio.get_running_loop().time()
        match told["do"]:
            case "poll":
                life.hungry = True
            case "confirm":
                assert life.stream.confirmed < told["n"] <= life.handed, "confirmed what was not handed out"
                life.stream.confirmed = told["n"]
                life.confirms += 1
                self._end_when(life, "confirm", life.confirms)
            case "send":
                life.sends += 1
                if self.random.random() < self.refusals:
                    life.tell(do="later", id=told["id"], seconds=0.05)
                    return
                self.sent.append(told["message"])
                life.later(self._answer(life, told["id"], life.sends, len(self.sent)))
        self._feed(life)

    def _feed(self, life: Life) -> None:
        """Answer a waiting poll, if there is anything to answer."""
        stream = life.stream
        upto = life.handed + _BATCH if stream.last is None else min(life.handed + _BATCH, stream.last)
        if life.hungry and upto > life.handed:
            if life.kill and life.kill.moment == "time" and life.handed == life.first:
                life.later(self._end_after(life, life.kill.seconds))
            numbers = range(life.handed + 1, upto + 1)
            life.handed, life.hungry = upto, False
            stream.handed = max(stream.handed, upto)
            life.tell(do="updates", updates=[stream.line(number).as_update(number) for number in numbers])
        elif life.hungry and stream.at_end:
            life.hungry = False
            life.later(self._part(life))

    async def _answer(self, life: Life, number: int, count: int, message_id: int) -> None:
        self._end_when(life, "send", count)
        await asyncio.sleep(self.random.uniform(0, self.latency))
        life.tell(do="sent", id=number, message_id=f"p{message_id}")
        if life.kill and life.kill.moment == "sent" and count == life.kill.count:
            await self._end_after(life, self.random.uniform(0, self.latency))

    async def _part(self, life: Life) -> None:
        """Nothing more comes. A child that still sends is let finish, unless `hasty`."""
        silent = 0.0
        while not self.hasty and silent < _QUIET:
            await asyncio.sleep(_QUIET - silent)
            silent = asyncio.get_running_loop().time() - life.last_word
        life.tell(do="end")

    def _end_when(self, life: Life, moment: str, count: int) -> None:
        if life.kill and life.kill.moment == moment and life.kill.count == count:
            self._end(life)

    async def _end_after(self, life: Life, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._end(life)

    def _end(self, life: Life) -> None:
        life.inside = life.handed > life.stream.confirmed
        self._order(do="kill", name=life.name)


def complaints(life: Life) -> str:
    """What the child logged: warnings and worse. A transaction tried again is no trouble, that is how it should be."""
    lines = life.errors.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(line for line in lines if not line.startswith("WARNING:storage.database:"))[-6000:]
