"""A process with the whole bot on a platform of our own, so that tests may kill it at any moment.

`python -m tests.support.crashing` loads everything once and then forks a child for each line that it reads, so that a
restart takes milliseconds; it kills children when told so, reports every death, and ends them all when its parent goes:
    parent → nursery   {"do": "bear", "name": …, "url": …, "peer": "host:port", "log": …}   {"do": "kill", "name": …}
    nursery → parent   {"name": …, "code": …}: it has ended and is reaped; -9 is kill -9
A child builds the real App and connects to the peer (tests/crash/peer.py), which plays the chat platform:
    child → peer   hello, poll (hand me updates), confirm N (all up to N are committed), send (answered with an id)
    peer → child   go (the clock), updates, sent or later, end (nothing more comes: send what is due and leave)
A child whose name begins with "desk" takes its updates past the inbox: each is one call of services in `database.run`,
as a command beside the service would do it.
"""

import asyncio
import json
import logging
import os
import signal
import sys
import time
import traceback
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.app import App
from bot.transport import Limits, Receive, RetryLater, Transport
from classifier import Classifier, load_lexicon
from domain.guess import Guess
from domain.messages import Address, Event, Incoming, Outgoing, Sender
from domain.rules import Rules
from services import people, ticket_work, tickets
from services.turn import Turn
from storage import tickets as ticket_rows
from storage.database import Tx, open_database

BOT = "crash"
SECRETARY = "周书记"  # of the demo compound's branch
IN_HAND = 16  # updates that are in turns at once
_ORPHANED = 3


class PeerTransport(Transport):
    """The platform as the parent plays it. Updates of different chats are in hand at once; confirms are cumulative."""

    bot_id = BOT
    limits = Limits()

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._answers: dict[int, asyncio.Future[str]] = {}
        self._batches: asyncio.Queue[list[dict[str, Any]] | None] = asyncio.Queue()
        self._go: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._done: set[int] = set()
        self._confirmed = 0
        self._sends = 0
        self._start = (datetime.fromtimestamp(0, UTC), 0.0)
        self._reading = asyncio.create_task(self._read())

    def clock(self) -> datetime:
        """The parent's clock: each life begins later than all leases of the life before."""
        began, at = self._start
        return began + timedelta(seconds=time.monotonic() - at)

    async def begin(self, name: str) -> None:
        """Say who is there and wait until it is this child's turn to live."""
        self._tell(do="hello", name=name)
        go = await self._go
        self._start = (datetime.fromisoformat(go["clock"]), time.monotonic())
        self._confirmed = go["confirmed"]

    async def run(self, receive: Receive) -> None:
        places = asyncio.Semaphore(IN_HAND)
        self._tell(do="poll")
        async with asyncio.TaskGroup() as turns:
            while (batch := await self._batches.get()) is not None:
                for update in batch:
                    await places.acquire()
                    turns.create_task(self._handle(receive, update, places))
                self._tell(do="poll")

    async def _handle(self, receive: Receive, update: dict[str, Any], places: asyncio.Semaphore) -> None:
        await receive(incoming(update))
        places.release()
        self._done.add(update["n"])
        before = self._confirmed
        while self._confirmed + 1 in self._done:
            self._confirmed += 1
            self._done.remove(self._confirmed)
        if self._confirmed > before:
            self._tell(do="confirm", n=self._confirmed)

    async def send(self, message: Outgoing) -> str:
        self._sends += 1
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._answers[self._sends] = answer
        self._tell(do="send", id=self._sends, message=message.to_json())
        return await answer

    def _tell(self, **parts: Any) -> None:
        self._writer.write(json.dumps(parts).encode() + b"\n")

    async def _read(self) -> None:
        while line := await self._reader.readline():
            told = json.loads(line)
            match told["do"]:
                case "go":
                    self._go.set_result(told)
                case "updates":
                    self._batches.put_nowait(told["updates"])
                case "end":
                    self._batches.put_nowait(None)
                case "sent" | "later":
                    answer = self._answers.pop(told["id"])
                    if answer.done():  # the sender was stopped meanwhile
                        continue
                    if told["do"] == "sent":
                        answer.set_result(told["message_id"])
                    else:
                        answer.set_exception(RetryLater(told["seconds"]))
        os._exit(_ORPHANED)

    async def close(self) -> None:
        self._reading.cancel()
        self._writer.close()
        await self._writer.wait_closed()


def incoming(update: dict[str, Any]) -> Incoming:
    """An update of the peer's as the bot knows it."""
    return Incoming(
        bot_id=BOT,
        update_id=update["id"],
        address=Address(update["chat"], private=update.get("private", False)),
        sender=Sender(update["user"], update["user"]),
        text=update["text"],
        sent_at=datetime.fromisoformat(update["at"]),
        message_id=f"m{update['id']}",
    )


async def live(name: str, url: str, peer: str) -> None:
    """One life: wait for `go`, then the service until `end`."""
    host, port = peer.rsplit(":", 1)
    transport = PeerTransport(*await asyncio.open_connection(host, int(port)))
    database = open_database(url)
    app = App(database, transport, Rules(), clock=transport.clock)
    await transport.begin(name)
    if name.startswith("desk"):

        async def receive(incoming: Incoming | Event) -> None:
            assert isinstance(incoming, Incoming)
            await database.run(at_the_desk, incoming, app)

        app.inbox.receive = receive  # type: ignore[method-assign]
    async with database:
        await app.run()
    await transport.close()


def at_the_desk(tx: Tx, update: Incoming, app: App) -> None:
    """A matter that is filed, taken and finished in one go; each is a matter of its own."""
    turn = Turn(tx, BOT, f"u:{update.update_id}", app.clock(), app.rules)
    person, chat = people.recognise(turn, update.sender, update.address)
    place = people.locate(turn, person, chat)
    matter = f"矛盾{update.update_id}"
    guess = Guess(True, "complaint", "noise", 1.0, "other", False, (), matter=matter, summary=matter)
    reported = tickets.report(turn, person, guess, place=place, address=update.address, texts=(update.text,))
    officer, _ = people.recognise(turn, Sender(SECRETARY, SECRETARY), Address(SECRETARY, private=True))
    ticket_work.accept(turn, officer, reported.ticket)
    ticket_work.finish(turn, officer, ticket_rows.get(tx, reported.ticket.id), note="劝好了")
    turn.flush()


class Nursery:
    """Bears children by fork. Has no threads and no event loop: each child makes its own."""

    def __init__(self) -> None:
        self._children: dict[int, str] = {}
        signal.signal(signal.SIGCHLD, lambda *_: self._reap())

    def run(self) -> None:
        """Do as told until standard input ends."""
        while line := sys.stdin.buffer.readline():
            told = json.loads(line)
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})  # no pid is reaped, so none is somebody else's
            if told["do"] == "bear":
                self._bear(told["name"], told["url"], told["peer"], told["log"])
            else:
                self._kill(told["name"])
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        for pid in self._children:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)

    def _bear(self, name: str, url: str, peer: str, log: str) -> None:
        pid = os.fork()
        if pid:
            self._children[pid] = name
            return
        code = 1
        try:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
            os.dup2(2, 1)
            asyncio.run(live(name, url, peer))
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)

    def _kill(self, name: str) -> None:
        for pid in [pid for pid, child in self._children.items() if child == name]:
            os.kill(pid, signal.SIGKILL)

    def _reap(self) -> None:
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            report = {"name": self._children.pop(pid), "code": os.waitstatus_to_exitcode(status)}
            os.write(1, json.dumps(report).encode() + b"\n")


def load() -> None:
    """Everything that a life needs and that is slow to load."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    open_database("postgresql://nobody@localhost/nothing")
    Classifier(load_lexicon()).guess("楼道灯不亮了", None)


if __name__ == "__main__":
    load()
    Nursery().run()
