"""Updates per second through the whole Telegram transport, beside bare python-telegram-bot and NoneBot2 echoes."""

import argparse
import asyncio
import gc
import json
import os
import platform
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from telegram.request import BaseRequest

from benchmarks.echo import echo
from benchmarks.house import House
from benchmarks.nonebot_echo import nonebot_echo
from benchmarks.script import BOT, ME, NAME, UPDATES, Script, Size, recorded
from benchmarks.support import NotMeasurable, build_town, disk_of, own_folder
from bot.app import App
from bot.telegram_transport import TelegramTransport
from domain.rules import Rules
from storage.database import Database, open_database
from storage.migrate import upgrade

_BATCH = 100  # updates Telegram gives at once
_PATIENCE = 150  # seconds after the start: then no further round is begun
BARS = {"PTB echo": 1.0, "NoneBot2 echo": 2.0}  # silent chat, at least
Answer = Callable[[list[bytes]], Awaitable[None]]


class Telegram(BaseRequest):
    """No network: Telegram's answers are there at once, updates as soon as there are any."""

    _sent = json.dumps({"ok": True, "result": recorded("evening")[0]["message"]}).encode()

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque()
        self._more, self._confirmed = asyncio.Event(), asyncio.Event()
        self.sent = 0

    @property
    def read_timeout(self) -> float:
        return 5.0

    async def initialize(self) -> None: ...

    async def shutdown(self) -> None: ...

    async def do_request(self, url: str, *args: object, **kwargs: object) -> tuple[int, bytes]:
        match url.rpartition("/")[2]:
            case "getUpdates":
                return 200, await self._updates()
            case "getMe":
                me = {"id": ME, "is_bot": True, "first_name": NAME, "username": NAME}
                return 200, json.dumps({"ok": True, "result": {**me, "can_read_all_group_messages": True}}).encode()
            case "getWebhookInfo":
                info = {"url": "", "has_custom_certificate": False, "pending_update_count": 0}
                return 200, json.dumps({"ok": True, "result": info}).encode()
            case _:
                self.sent += 1
                return 200, self._sent

    async def _updates(self) -> bytes:
        """The next batch. Asking for it confirms all that was given before."""
        while not self._waiting:
            self._confirmed.set()
            self._more.clear()
            await self._more.wait()
        return self._waiting.popleft()

    async def give(self, raw: list[bytes]) -> None:
        """Returns when every update is confirmed."""
        for first in range(0, len(raw), _BATCH):
            self._waiting.append(b'{"ok":true,"result":[' + b",".join(raw[first : first + _BATCH]) + b"]}")
        self._confirmed.clear()
        self._more.set()
        await self._confirmed.wait()


class Linli:
    """linli whole: its Telegram transport, inbox, classifier, database, outbox."""

    def __init__(self, database: Database, script: Script, folder: Path) -> None:
        self.telegram, self.script = Telegram(), script
        self.now = script.at(0)
        self._transport = TelegramTransport(
            BOT, "1:x", files=folder, request=self.telegram, get_updates_request=self.telegram
        )
        # Telegram's own limit of 30 messages a second would be measured otherwise.
        self._transport.limits = replace(self._transport.limits, per_second=0, per_minute=0, chat_pause=0)
        self._app = App(database, self._transport, Rules(), clock=lambda: self.now)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        tasks = [
            asyncio.create_task(self._transport.run(self._app.inbox.receive)),
            asyncio.create_task(self._app.sender.run()),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def silent(self, raw: list[bytes]) -> None:
        before = self.telegram.sent
        await self.telegram.give(raw)
        if self.telegram.sent != before:
            raise RuntimeError("plain chat was answered")

    async def answered(self, raw: list[bytes]) -> None:
        """Committed, sent, and marked as sent."""
        until = self.telegram.sent + len(raw)
        self.now = self.now + timedelta(days=1)
        await self.telegram.give(raw)
        while self.telegram.sent < until or await self._app.sender.next_due():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


def _asked(script: Script, lap: int) -> list[bytes]:
    """Every resident asks privately for help."""
    raw = []
    for number, home in enumerate(script.homes):
        update: dict[str, Any] = json.loads((UPDATES / "private_text.json").read_text(encoding="utf-8"))
        message = update["message"]
        message["from"]["id"] = message["chat"]["id"] = int(home.user)
        message["text"] = "/help"
        update["update_id"] = 900_000_000 + lap * 10_000 + number
        raw.append(json.dumps(update).encode())
    return raw


async def _timed(work: Awaitable[None]) -> float:
    gc.collect()
    begun = time.perf_counter()
    await work
    return time.perf_counter() - begun


async def measure(folder: Path, size: Size) -> str:
    """The whole run; returns what to print."""
    url = f"sqlite:///{folder / 'town.db'}"
    await asyncio.to_thread(upgrade, url)
    until = time.perf_counter() + _PATIENCE
    async with open_database(url) as database:
        homes = await database.run(build_town, BOT, size.compounds, size.buildings)
        script = Script(size, homes, recorded("evening"))
        House(database, script, 1).leave_out_what_is_heard()
        linli = Linli(database, script, folder)
        async with linli.running(), echo() as ptb, nonebot_echo() as nonebot:
            chat: dict[str, Answer] = {"linli": linli.silent, "PTB echo": ptb, "NoneBot2 echo": nonebot}
            asked: dict[str, Answer] = {"linli": linli.answered, "NoneBot2 echo": nonebot}
            rates = await _laps(script, chat, asked, until)
    return _table(rates, script)


async def _laps(
    script: Script, chat: dict[str, Answer], asked: dict[str, Answer], until: float
) -> dict[tuple[str, str], list[float]]:
    """Updates per second, by what is said and who hears it. Whose turn is first changes; the first lap warms up."""
    rates: dict[tuple[str, str], list[float]] = {}
    for lap in range(script.size.rounds + 1):
        for kind, raw, runners in (("silent", script.plain_chat(lap), chat), ("answer", _asked(script, lap), asked)):
            names = list(runners)
            for place in range(len(names)):
                name = names[(place + lap) % len(names)]
                seconds = await _timed(runners[name](raw))
                if lap:
                    rates.setdefault((kind, name), []).append(len(raw) / seconds)
        if time.perf_counter() > until:
            break
    return rates


def _table(rates: dict[tuple[str, str], list[float]], script: Script) -> str:
    silent, lines = rates["silent", "linli"], []
    lines.append(f"silent chat, linli's whole Telegram transport: {median(silent):,.0f} updates per second")
    for name, bar in BARS.items():
        others = rates["silent", name]
        ratio = median(rate / other for rate, other in zip(silent, others, strict=True))
        verdict = "ok" if ratio >= bar else "MISSED"
        lines.append(f"  {ratio:.2f} of {name} ({median(others):,.0f}), at least {bar:.1f}: {verdict}")
    durable, other = rates["answer", "linli"], rates["answer", "NoneBot2 echo"]
    ratio = median(rate / each for rate, each in zip(durable, other, strict=True))
    lines.append(f"durable answers, committed before they are confirmed and sent: {median(durable):,.0f} per second")
    lines.append(f"  {ratio:.2f} of NoneBot2's undurable ones ({median(other):,.0f})")
    if lost := len(recorded("evening")) - len(script.lines):
        lines.append(f"{lost} lines of plain chat left out: they are heard as something")
    packages = ("python-telegram-bot", "nonebot2", "nonebot-adapter-telegram")
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    lines.append(
        f"{len(silent)} interleaved rounds of {script.size.lines} lines and {len(script.homes)} answers, medians, no "
        f"network; {platform.machine()}, {os.cpu_count()} cores{load}, Python {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in packages)
    )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.transports", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp"), help="on a real disk; default: /var/tmp")
    chosen = parser.parse_args()
    try:
        disk_of(chosen.folder)
        with own_folder(chosen.folder) as folder:
            print(asyncio.run(measure(folder, Size(rounds=chosen.rounds))))
    except NotMeasurable as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
