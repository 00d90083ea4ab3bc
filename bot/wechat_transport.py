"""WeChat by way of a Wechaty gateway: one line, kept up for ever; what is missed while it is down is told.

Needs the extra `wechat`; nothing imports this module unless a bot really is on WeChat.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack, aclosing, closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from bot.transport import Gone, Limits, Receive, RetryLater, StartError, Transport, Unreachable, as_text, read_file
from bot.wechat_gateway import (
    LARGEST,
    Contact,
    Failed,
    Hopeless,
    Line,
    Pace,
    Taken,
    Told,
    Trouble,
    check_address,
    login_code,
)
from bot.wechat_lanes import Lanes, Recent
from bot.wechat_messages import AFTER_NAME, Payload, moment, moved, recalled, to_incoming, wanted
from domain.messages import Address, Event, Happening, Incoming, Outgoing, Sender

log = logging.getLogger(__name__)

K = TypeVar("K")
V = TypeVar("V")

_BUSY = 5.0  # seconds after which to try again what the line could not do
_MOST_WAITING = 1_000  # messages not yet taken; then the gateway has to wait
_NAME_PATIENCE = 2.0  # seconds that a room waits for a name


class WechatTransport(Transport):
    """The Transport of WeChat. A gateway tells one client what happens; any number may send and fetch."""

    # WeChat publishes no limits. These are our own caution: an account that talks like a machine may be closed, nobody
    # in a group wants more than 20 lines a minute from a bot, and texts of 2000 characters are known to go through.
    limits = Limits(text_length=2000, largest_file=LARGEST, per_minute=20, chat_pause=1.0, per_second=5)
    one_receiver = True

    def __init__(
        self,
        bot_id: str,
        token: str,
        gateway: str = "127.0.0.1:8788",
        *,
        ca: Path | None = None,
        name: str = "",
        files: Path,
        pace: Pace | None = None,
    ) -> None:
        check_address(gateway, ca)
        self.bot_id = bot_id
        self._to = (gateway, token, ca, name)
        self._files = files
        self._pace = pace or Pace()
        self._receiving = False
        self._line: Line | None = None  # on which we receive, while it is good
        self._aside: Line | None = None  # where this process does not receive: to send and fetch by
        self._here = False  # the account is logged in, as this line said
        self._me = ""  # the account
        self._logged_in: bool | None = None  # as last reported; None: not known yet
        self._good = datetime.now(UTC)  # when the line was last known to be
        self._lost = False  # reported
        self._trouble = ""  # as last logged
        self._code = ""  # as last reported
        self._dongs = False  # the gateway answers a ding with an event, too
        self._seen = Recent[str, None]()
        self._senders = Recent[str, Sender]()  # by message, to call by name where a reply cannot quote
        self._contacts = Recent[tuple[str, int], Contact]()
        self._names = Recent[tuple[str, str, int], str]()

    async def run(self, receive: Receive) -> None:
        """For ever. The gateway keeps nothing while we are away: LOST and BACK tell of which time all is missing.
        StartError where the gateway does not know us or we do not know it."""

        async def hand(thing: Payload | Event) -> None:
            incoming = await self._read(thing) if isinstance(thing, Payload) else thing
            if incoming:
                await receive(incoming)

        await self._introduce()
        self._receiving, self._good = True, datetime.now(UTC)
        try:
            # A line is closed after the tasks that use it: grpclib hides a cancellation behind a line that was cut.
            with ExitStack() as lines:
                async with asyncio.TaskGroup() as self._tasks:
                    self._lanes = Lanes[Payload | Event](hand, self._tasks, _MOST_WAITING)
                    await self._keep_up(lines)
        finally:
            self._receiving, self._line = False, None

    async def _keep_up(self, lines: ExitStack) -> None:
        pause, (first, longest) = 0.0, self._pace.pauses
        while True:
            try:
                await self._listen(lines.enter_context(closing(Line(*self._to))))
            except (Trouble, TimeoutError) as error:
                lines.close()
                pause = first if self._line or not pause else min(2 * pause, longest)
                await self._lose(str(error) or "the gateway is silent")
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))

    async def _introduce(self) -> None:
        try:
            with closing(Line(*self._to)) as line:
                await line.version()
        except Hopeless as trouble:
            raise StartError(trouble.what, trouble.mend) from None
        except Trouble:
            return  # it passes

    async def _listen(self, line: Line) -> None:
        """Until the line breaks. TimeoutError: nothing is heard and nothing answered."""
        self._here = False
        watches = [self._tasks.create_task(each) for each in (self._wake(line), self._try(line))]
        try:
            async with asyncio.timeout(2 * self._pace.silence) as self._patience, aclosing(line.events()) as events:
                async for kind, body in events:
                    await self._prove(line)
                    await self._hear(kind, body, line)
        finally:
            for watch in watches:
                watch.cancel()

    async def _wake(self, line: Line) -> None:
        """Starts the puppet of a gateway where nobody is logged in: from memory, or a code to scan will come."""
        await asyncio.sleep(self._pace.greet)
        if self._here:
            return
        try:
            await line.start()
        except Failed as failed:
            log.warning("start bot=%s: %s", self.bot_id, failed)
        except Trouble:
            return
        await asyncio.sleep(self._pace.login)
        if self._line is line and not self._here:
            await self._logged(False)

    async def _try(self, line: Line) -> None:
        """Shows again and again that the line is good, even where nobody speaks."""
        with suppress(Trouble):
            while True:
                await asyncio.sleep(self._pace.silence)
                with suppress(Failed):  # an answer, too
                    await line.ding()
                if not self._dongs or self._lanes.full:  # else the event must come, or the gateway forgot our stream
                    await self._prove(line)

    async def _prove(self, line: Line) -> None:
        """The line is good now."""
        since, self._good = self._good, datetime.now(UTC)
        self._patience.reschedule(asyncio.get_running_loop().time() + 2 * self._pace.silence)
        if self._line is line:
            return
        self._line, self._trouble = line, ""
        log.info("line bot=%s: good", self.bot_id)
        if self._lost:
            self._lost = False
            await self._report(Happening.BACK, detail=since.isoformat())

    async def _lose(self, why: str) -> None:
        self._line = None
        if why != self._trouble:
            self._trouble = why
            log.warning("line bot=%s: %s", self.bot_id, why)
        if not self._lost:
            self._lost = True
            await self._report(Happening.LOST, at=self._good)

    async def _hear(self, kind: int, body: dict[str, Any], line: Line) -> None:
        match kind:
            case Told.MESSAGE:
                await self._meet(str(body.get("messageId", "")))
            case Told.DONG:
                self._dongs = True
            case Told.ERROR:
                log.warning("gateway bot=%s: reports an error of its own, see its log", self.bot_id)
            case Told.LOGIN:
                self._me, self._here = str(body.get("contactId", "")), True
                await self._logged(True)
            case Told.LOGOUT:
                self._here = False
                await self._logged(False)
            case Told.SCAN:
                await self._scan(login_code(body))
            case Told.FRIENDSHIP:
                self._tasks.create_task(self._befriend(line, str(body.get("friendshipId", ""))))
            case Told.ROOM_JOIN | Told.ROOM_LEAVE:
                for what, users in moved(body, self._me, came=kind == Told.ROOM_JOIN):
                    await self._report(what, Address(str(body.get("roomId", ""))), detail=users)

    async def _logged(self, on: bool) -> None:
        if self._logged_in is not on:
            self._logged_in, self._code = on, ""
            await self._report(Happening.LOGGED_IN if on else Happening.LOGGED_OUT)

    async def _scan(self, code: str) -> None:
        if code and code != self._code:
            self._here = False
            await self._logged(False)
            self._code = code
            await self._report(Happening.SCAN, detail=code)

    async def _befriend(self, line: Line, friendship: str) -> None:
        try:
            user = await line.befriended(friendship)
        except Trouble as trouble:
            log.warning("friendship=%s: %s", friendship, trouble)
        else:
            if user:
                await self._report(Happening.RESTORED, Address(user, private=True))

    async def _report(
        self, what: Happening, address: Address | None = None, *, at: datetime | None = None, detail: str = ""
    ) -> None:
        at, chat = at or datetime.now(UTC), address.chat if address else ""
        update_id = ":".join(part for part in (what.value, chat, at.isoformat()) if part)
        await self._lanes.reserve()
        # The platform's own events stay as they came: LOST tells of a moment before.
        event = Event(self.bot_id, update_id, what, at, address, detail)
        self._lanes.put(chat, event, moment=at.timestamp() if chat else 0, due=0)

    async def _meet(self, message: str) -> None:
        """A message is announced, by some puppets more than once."""
        if message in self._seen or not message:
            return
        self._seen.keep(message, None)
        await self._lanes.reserve()
        self._tasks.create_task(self._take(message, asyncio.get_running_loop().time()))

    async def _take(self, message: str, announced: float) -> None:
        payload = await self._payload(message)
        if payload is None:
            log.error("message=%s could not be read, is passed over", message)
            self._seen.pop(message, None)
        if payload is None or not wanted(payload, self._me):
            self._lanes.release()
            if payload and (detail := recalled(payload, self._me)):
                await self._report(Happening.RECALLED, payload.address, detail=detail)
            return
        at = moment(payload.timestamp, datetime.now(UTC)).timestamp()
        self._lanes.put(payload.address.chat, payload, moment=at, due=announced + self._pace.settle)

    async def _payload(self, message: str) -> Payload | None:
        for pause in (*self._pace.payload, None):
            with suppress(Trouble):
                if self._line:
                    return await self._line.message(message)
            if pause is not None:
                await asyncio.sleep(pause)
        return None

    async def _read(self, payload: Payload) -> Incoming | None:
        """With the names that belong to it. None: an official account writes, which nobody talks with."""
        user, room, me = payload.talker, payload.room, self._me
        name = await self._name_in(room, user) if room else None
        if not name:
            contact = await self._contact(user)
            if contact and contact.official:
                return None
            name = contact.name if contact and contact.name else user
        mine = await self._contact(me)
        incoming = to_incoming(
            payload,
            bot_id=self.bot_id,
            me=me,
            my_names=[each for each in (mine and mine.name, room and await self._name_in(room, me)) if each],
            name=name,
            now=datetime.now(UTC),
        )
        self._senders.keep(payload.id, incoming.sender)
        return incoming

    async def _contact(self, user: str) -> Contact | None:
        return await self._ask(lambda line: line.contact(user), self._contacts, (user, _hour()))

    async def _name_in(self, room: str, user: str) -> str | None:
        return await self._ask(lambda line: line.name_in(room, user), self._names, (room, user, _hour()))

    async def _ask(self, ask: Callable[[Line], Awaitable[V]], known: Recent[K, V], key: K) -> V | None:
        """What is known, or the gateway's answer; None where it has none: nobody waits long for a name."""
        if key in known:
            return known[key]
        with suppress(Trouble, TimeoutError):
            if self._line:
                async with asyncio.timeout(_NAME_PATIENCE):
                    return known.keep(key, await ask(self._line))
        return None

    async def send(self, message: Outgoing) -> str:
        """The file first, since nothing can be written under it. Failed: the gateway gives no reason."""
        line, chat, message_id = self._ready(), message.to.chat, ""
        try:
            if message.file:
                data = await asyncio.to_thread(read_file, self._files, message.file.ref)
                message_id = await line.give(chat, Path(message.file.ref).name, data)
            if text := as_text(message):
                called = self._called(message)
                names = "".join(f"@{person.name}{AFTER_NAME}" for person in called)
                message_id = await line.say(chat, names + text, [person.user for person in called])
        except Failed:
            await self._explain(line, message.to)
            raise
        except Trouble:
            raise RetryLater(_BUSY) from None
        return message_id

    def _called(self, message: Outgoing) -> Sequence[Sender]:
        """WeChat lets nobody quote for us: in a group, who is answered is called by name."""
        if message.to.private:
            return ()
        answered = self._senders.get(message.reply_to)
        called = message.mentions or ((answered,) if answered else ())
        return [person for person in called if person.name != person.user]  # the id stands where no name is known

    async def _explain(self, line: Line, to: Address) -> None:
        """Raises Unreachable where the gateway knows that the chat is none of ours; an empty list is not believed."""
        with suppress(Trouble):
            if to.private:
                contacts = await line.contacts()
                if contacts and (to.chat not in contacts or not (await line.contact(to.chat)).friend):
                    raise Unreachable("not a contact", Happening.UNOPENED)
            else:
                rooms = await line.rooms()
                members = await line.members(to.chat) if to.chat in rooms else []
                if (rooms and to.chat not in rooms) or (members and self._me and self._me not in members):
                    raise Unreachable("not in this room", Happening.REMOVED)

    async def fetch(self, ref: str, most: int) -> bytes:
        line, (kind, _, message) = self._ready(), ref.partition(":")
        try:
            await line.message(message)  # first: it fails where the file of a forgotten message would never end
            return await line.file(message, most, photo=kind == "photo")
        except Failed:
            raise Gone("the gateway does not have the file") from None
        except Trouble:
            raise RetryLater(_BUSY) from None

    def _ready(self) -> Line:
        if self._receiving:
            if self._line is None or not self._here:
                raise RetryLater(_BUSY)
            return self._line
        self._aside = self._aside or Line(*self._to)
        return self._aside

    async def invitation(self) -> tuple[str, str]:
        """There is no link to an account; where nobody told this process which it is, no name either."""
        contact = await self._contact(self._me) if self._me else None
        return contact.name if contact else "", ""

    async def close(self) -> None:
        if self._aside:
            self._aside.close()
            self._aside = None

    async def login(self, show: Callable[[str], None]) -> str:
        """Shows each code to scan until the account is logged in; returns its id. Raises Trouble."""
        line = Line(*self._to)
        try:
            return await line.login(show)
        finally:
            line.close()

    async def examine(self) -> list[tuple[bool, str, str]]:
        """For `linli doctor`: (serious, what, how to mend it)."""
        findings: list[tuple[bool, str, str]] = []
        try:
            line = Line(*self._to)
        except Trouble as trouble:
            return [(True, trouble.what, trouble.mend)]
        try:
            findings.append((False, f"the WeChat gateway answers (puppet {await line.version()})", ""))
            if not await line.somebody(4 * self._pace.greet):
                findings.append((True, "nobody is logged in at the WeChat gateway", "run linli wechat login"))
        except Taken:
            findings.append((False, "a client listens to the WeChat gateway: linli, if it runs", ""))
        except Trouble as trouble:
            findings.append((True, trouble.what, trouble.mend))
        finally:
            line.close()
        return findings


def _hour() -> int:
    """Names change: what is known by the hour is asked for again in the next."""
    return int(time.time() // 3600)
