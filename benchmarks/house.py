"""linli as it is measured: the whole way in, on one database, without its sender."""

import json
from collections import Counter

from benchmarks.script import BOT, ME, NAME, START, Script
from benchmarks.support import in_flight
from bot.app import App
from bot.play import Recorder
from bot.telegram_updates import from_json
from domain.messages import Incoming
from domain.rules import Rules
from storage import lanes, tickets
from storage.database import Database


class House:
    """linli on one database, without its sender: from the update to the commit."""

    def __init__(self, database: Database, script: Script, tasks: int) -> None:
        self.database, self.script, self.tasks = database, script, tasks
        self.now = START
        transport = Recorder()
        transport.bot_id = BOT
        self.app = App(database, transport, Rules(), clock=lambda: self.now)
        self._receive = self.app.inbox.receive

    async def plain_chat(self, raw: list[bytes]) -> None:
        await in_flight(raw, self.tasks, self._hear)

    async def _hear(self, raw: bytes) -> None:
        incoming = from_json(json.loads(raw), bot_id=BOT, bot_username=NAME, bot_user_id=ME)
        if isinstance(incoming, Incoming):
            await self._receive(incoming)

    def leave_out_what_is_heard(self) -> None:
        """Keep the lines that mean nothing to the bot, alone or together with others of their speaker."""
        script = self.script
        while True:
            hear = House(self.database, script, 1).app.routing.hear
            chat = [json.loads(raw) for lap in range(script.size.rounds + 1) for raw in script.plain_chat(lap)]
            read = (from_json(update, bot_id=BOT, bot_username=NAME, bot_user_id=ME) for update in chat)
            heard = Counter(
                text for each in read if isinstance(each, Incoming) and (why := hear(each)) for text in set(why.texts)
            )
            if not heard:
                return
            worst = heard.most_common(1)[0][0]
            script.lines = [line for line in script.lines if line["message"]["text"] != worst]

    async def turns(self, said: list[Incoming]) -> None:
        self.now = said[0].sent_at
        await in_flight(said, self.tasks, self._receive)

    async def check(self, last: int) -> None:
        """Nothing is faster than a turn that does nothing: every complaint a ticket, no line of chat a row."""
        size = self.script.size
        updates = [incoming.update_id for incoming in self.script.complaints(last) + self.script.commands(last)]
        lines = [str(json.loads(raw)["update_id"]) for raw in self.script.plain_chat(last)]
        opened = await self.database.read(lambda tx: len(tickets.all_tickets(tx)))
        seen = await self.database.read(
            lambda tx: [
                [lanes.was_seen(tx, bot_id=BOT, update_id=each) for each in ids] for ids in (updates[-5:], lines[-5:])
            ]
        )
        if opened != size.turns * (last + 2) or not all(seen[0]) or any(seen[1]):
            raise RuntimeError(f"the turns did not do their work: {opened} tickets, {seen}")
