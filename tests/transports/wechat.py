"""WeChat: the transport on a real Wechaty gateway, which all tests share; each comes and goes as its one client."""

import uuid
from pathlib import Path

from bot.wechat_gateway import Pace
from bot.wechat_messages import AFTER_NAME
from bot.wechat_transport import WechatTransport
from storage.database import Database
from tests.peers.telegram.limits import Arrival, breaches
from tests.peers.wechaty.gateway import Room, Sent, WechatyGateway
from tests.transports.rigs import BOT, GROUPS, NAME, PEOPLE, SECOND, Has, Rig, Said

TOKEN, ME = "linli-test", "wxid_bot"
IDS = {name: f"wxid_{number}" for number, name in enumerate(PEOPLE)}
IDS |= {name: f"{number}@chatroom" for number, name in enumerate(GROUPS)}
NAMES = {number: name for name, number in IDS.items()}
FRIENDS = {IDS[name]: name for name in PEOPLE}
QUICK = Pace(settle=0.1, greet=0.3, login=0.5, pauses=(0.05, 0.1), payload=(0.02, 0.05, 0.1))


async def start_gateway() -> WechatyGateway:
    rooms: dict[str, Room] = {IDS[name]: {"topic": name, "members": list(FRIENDS)} for name in GROUPS}
    return await WechatyGateway.start(token=TOKEN, people=FRIENDS, rooms=rooms, me=(ME, NAME))


class WechatRig(Rig):
    has = Has(quotes=False, pace=True)

    def __init__(self, database: Database, files: Path, gateway: WechatyGateway) -> None:
        super().__init__(database, files)
        self._gateway = gateway

    def id_of(self, name: str) -> str:
        return IDS[name]

    async def start(self) -> None:
        self._before = len(await self._gateway.sent())
        self.transport = WechatTransport(BOT, TOKEN, self._gateway.endpoint, files=self.files, pace=QUICK)
        self.begin()
        await self._gateway.wait_listening()

    async def stop(self) -> None:
        await self.end()
        await self._gateway.wait_gone()
        if self._gateway.people != FRIENDS:
            self._gateway.people = dict(FRIENDS)
            await self._gateway.update()

    async def say(self, who: str, text: str, chat: str = "", *, at_me: bool = False, answer: bool = False) -> None:
        if answer:
            last = [each for each in await self.said() if each.to == (chat or who)][-1]
            text = f"「{NAME}：{last.text}」\n- - - - - - - - - - - - - - -\n{text}"
        elif at_me:
            text = f"@{NAME}{AFTER_NAME}{text}"
        await self._gateway.say(IDS[chat or who], IDS[who], text, mentions=[ME] if at_me else [])

    async def say_twice(self, who: str, text: str, chat: str = "") -> None:
        message = uuid.uuid4().hex
        for _ in range(2):
            await self._gateway.say(IDS[chat or who], IDS[who], text, id=message)

    async def photo(self, who: str, data: bytes, words: str, chat: str = "") -> None:
        await self._gateway.photo(IDS[chat or who], IDS[who], data)
        await self.say(who, words, chat)

    async def said(self) -> list[Said]:
        return [_seen(sent) for sent in (await self._gateway.sent())[self._before :]]

    async def shut(self, who: str) -> None:
        del self._gateway.people[IDS[who]]
        await self._gateway.update()

    async def open(self, who: str) -> None:
        self._gateway.people[IDS[who]] = who
        await self._gateway.befriend(IDS[who])

    async def go(self) -> None:
        await self._gateway.kill()

    async def come_back(self) -> None:
        """A new gateway: what was said while there was none is lost, and the bot knows."""
        await self._gateway.restart()
        await self._gateway.wait_listening()

    async def breaches(self) -> list[str]:
        """By the rules that it keeps of itself: 20 a minute to a group, one a second to a chat."""
        sent = (await self._gateway.sent())[self._before :]
        arrivals = [Arrival(each.at.timestamp(), -1 if "@" in each.conversation else 1, "send") for each in sent]
        return breaches(arrivals, second=SECOND, minute=60 * SECOND, slack=0.002)


def _seen(sent: Sent) -> Said:
    name, text = NAMES[sent.conversation], sent.text
    called = tuple(NAMES[user] for user in sent.mentions)
    for user, who in zip(sent.mentions, called, strict=True):
        for shown in (who, user):  # the gateway knows no name of who is no friend
            text = text.removeprefix(f"@{shown}{AFTER_NAME}")
    words = text if sent.kind == "text" else ""
    return Said(name, name in PEOPLE, words, called=called, file=sent.data, id=sent.id)
