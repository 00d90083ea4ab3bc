"""Telegram: the transport asks the peer for updates."""

import random
from pathlib import Path
from typing import Any

from bot.telegram_line import Pace
from bot.telegram_transport import TelegramTransport
from storage.database import Database
from tests.peers.telegram.peer import Sent, TelegramPeer
from tests.transports.rigs import BOT, GROUPS, PEOPLE, SECOND, Has, Rig, Said

TOKEN = "7000000001:AAHsecretOfTheTest-do_not_log"
ME = {
    "id": 7000000001,
    "first_name": "小助手",
    "username": "linli_bot",
    "can_join_groups": True,
    "can_read_all_group_messages": True,
}
IDS = {name: 5100001 + number for number, name in enumerate(PEOPLE)}
IDS |= {name: -1002000000001 - number for number, name in enumerate(GROUPS)}
NAMES = {number: name for name, number in IDS.items()}
PACE = Pace(asking=3, pause=0.02, longest=0.1, gap=0.2, grace=0)


class TelegramRig(Rig):
    has = Has(buttons=True, edits=True, captions=True, pace=True)

    def __init__(self, database: Database, files: Path) -> None:
        super().__init__(database, files)
        self.peer = TelegramPeer(TOKEN, ME)
        self.peer.scale = SECOND
        self.peer.shuffle = random.Random(7)  # no batch need come in its order
        self._writers: dict[tuple[int, int], str] = {}

    def id_of(self, name: str) -> str:
        return str(IDS[name])

    async def start(self) -> None:
        await self.peer.start()
        for name in GROUPS:
            self.peer.group(IDS[name], name)
        for name in PEOPLE:
            self.peer.person(IDS[name], name)
        self.transport: TelegramTransport = TelegramTransport(
            BOT, TOKEN, api=self.peer.url, files=self.files, pace=PACE
        )
        self.begin()

    async def stop(self) -> None:
        await self.end()
        await self.transport.close()
        await self.peer.stop()

    async def say(self, who: str, text: str, chat: str = "", *, at_me: bool = False, answer: bool = False) -> None:
        place = IDS[chat or who]
        last = max((sent.message_id for sent in self.peer.sent if answer and sent.chat_id == place), default=None)
        self._told(self.peer.say(place, IDS[who], f"@linli_bot {text}" if at_me else text, reply_to=last), who)

    async def say_twice(self, who: str, text: str, chat: str = "") -> None:
        self.peer.duplicate(1)
        await self.say(who, text, chat)

    async def photo(self, who: str, data: bytes, words: str, chat: str = "") -> None:
        self._told(self.peer.photo(IDS[chat or who], IDS[who], data, words), who)

    def _told(self, update: dict[str, Any], who: str) -> None:
        message = update["message"]
        self._writers[message["chat"]["id"], message["message_id"]] = who

    async def press(self, who: str, said: Said, label: str) -> None:
        button = next(each for each in said.buttons if each.endswith(f" {label}"))
        self.peer.press(IDS[said.to], IDS[who], int(said.id), button)

    async def forge(self, who: str) -> None:
        self.peer.press(IDS[who], IDS[who], 1, "ticket.outcome:1:1795399100|2", forged=True)

    async def said(self) -> list[Said]:
        return [self._seen(sent) for sent in self.peer.sent]

    def _seen(self, sent: Sent) -> Said:
        return Said(
            NAMES[sent.chat_id],
            sent.chat_id > 0,
            sent.text,
            tuple(label for row in sent.buttons for label, _ in row),
            self._writers.get((sent.chat_id, sent.reply_to or 0), ""),
            self._called(sent),
            sent.data,
            sent.edited,
            str(sent.message_id),
        )

    def _called(self, sent: Sent) -> tuple[str, ...]:
        """Whom the marks in the text name, as the call that sent it says."""
        marks = [
            mark
            for method, values in self.peer.calls
            if (method, values.get("chat_id"), values.get("text")) == (sent.method, sent.chat_id, sent.text)
            for mark in values.get("entities") or ()
        ]
        return tuple(NAMES[mark["user"]["id"]] for mark in marks if mark["type"] == "text_mention")

    async def shut(self, who: str) -> None:
        self.peer.person(IDS[who], who, opened=False)

    async def go(self) -> None:
        await self.peer.stop()

    async def come_back(self) -> None:
        await self.peer.start()

    async def breaches(self) -> list[str]:
        return self.peer.over_limits()
