"""Scenarios that read like chats: they enter where a platform's update enters and assert what the platform is sent.

王阿姨@3栋群> 楼道灯又不亮了          a person speaks in a group
王阿姨→小助手> 查 1                    a person speaks to the bot in private
王阿姨@3栋群> [照片] 楼道灯不亮         a file with words, [照片] one without; [语音], [视频], [文件], [位置]
王阿姨@3栋群> ↩ 还在漏                  in answer to what the bot said last there
王阿姨@3栋群> ↪ 报修                    in answer to one's own last file
王阿姨→小助手> [转发] 楼道灯坏了        somebody else's words
王阿姨@3栋群> [收回]                    takes back one's own last message
老刘@3栋党小组群> 按[我来]             presses a button; types its number where there are no buttons
小助手@3栋群> ✅ 楼道灯不亮…           the bot must say this next (… = the rest may differ)
小助手→王阿姨> 记下了 #1…              the same, in private
小助手→老刘> [照片] #1 照片 1/1         the bot sends a file, which it has fetched before
  second line                          indented: the message goes on
王阿姨→小助手> {码}                    the newest code (six or eight digits) that the bot said
--- 4 小时后 ---   --- 20:05 ---   --- 重启 ---   --- 再来一次 ---
"""

import io
import re
import tempfile
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from PIL import Image

from bot.files import Fetcher
from bot.play import BOT, Player, Recorder, Said
from bot.transport import Limits
from domain.messages import Address, Event, File, Happening, Incoming, Outgoing, Press, Sender
from domain.rules import Numbers, Rules
from storage.database import Database

BOT_NAME = "小助手"
ZONE = ZoneInfo("Asia/Shanghai")
START = datetime(2026, 11, 23, 10, 0, tzinfo=ZONE)
RULES = Rules(numbers=Numbers(lift="963333", gas="0715-12345"))

_SPEECH = re.compile(r"^(?P<who>[^@→>]+)(?:@(?P<chat>[^>]+)|→(?P<to>[^>]+))> ?(?P<text>.*)$")
_LATER = re.compile(r"^(?P<count>\d+)\s*(?P<unit>秒|分钟|小时|天)后$")
_FILES = {"照片": "photo", "语音": "voice", "视频": "video", "文件": "document", "位置": "location"}
_FILE = re.compile(rf"\[({'|'.join(_FILES)})\] ?")
_CODE = re.compile(r"(?<!\d)(?:\d{6}|\d{8})(?!\d)")
_ANSWER, _OWN = "↩", "↪"
_FORWARDED, _RECALLED = "[转发]", "[收回]"
_UNITS = {"秒": "seconds", "分钟": "minutes", "小时": "hours", "天": "days"}


class Mismatch(AssertionError):
    """What was said is not what the scenario says; shows the transcript with a mark at the line."""


@dataclass(frozen=True, slots=True)
class Step:
    line: int
    who: str
    place: Address
    text: str


class Album(Recorder):
    """A recorder whose platform gives the bytes of every file it told of."""

    async def fetch(self, ref: str, most: int) -> bytes:
        if not ref.startswith("photo"):
            return b"OggS" + ref.encode()
        picture = io.BytesIO()
        Image.new("RGB", (40, 30), "gray").save(picture, "JPEG")
        return picture.getvalue()


class Scenario:
    """Runs one scenario on one database, on a platform with or without buttons."""

    def __init__(self, source: str, database: Database, *, buttons: bool, rules: Rules = RULES) -> None:
        self.source = source.splitlines()
        self.database = database
        self.buttons = buttons
        self.rules = rules
        self.now = START
        self.updates = 0
        self.last: Incoming | None = None
        self.files = 0
        self.sent: dict[str, tuple[File, ...]] = {}  # who sent which files last
        self.said: dict[str, str] = {}  # the update of everybody's last message
        self.transport = Album()
        self.transport.limits = Limits(buttons=buttons, caption_length=1024)
        self.player = Player(database, self.transport, rules)
        self.unsaid: list[Said] = []
        self.seen = 0

    async def run(self) -> None:
        with tempfile.TemporaryDirectory(prefix="linli-chat-") as folder:
            fetcher = Fetcher(self.database, self.transport, Path(folder), 1_000_000, lambda: self.now)
            await self._play(fetcher)

    async def _play(self, fetcher: Fetcher) -> None:
        for step in self._steps():
            while self.files and await fetcher.fetch_due():
                pass
            if isinstance(step, str):
                await self._direct(step)
            elif step.who == BOT_NAME:
                self._expect(step)
            else:
                self._nothing_left(step.line)
                await self._speak(step)
        self._nothing_left(len(self.source))

    def _steps(self) -> list[Step | str]:
        steps: list[Step | str] = []
        for number, line in enumerate(self.source, start=1):
            if line.startswith("---"):
                steps.append(line.strip("- "))
            elif line[:1].isspace() and line.strip() and steps and isinstance(steps[-1], Step):
                steps[-1] = replace(steps[-1], text=f"{steps[-1].text}\n{line.strip()}")
            elif found := _SPEECH.match(line):
                who, to = found["who"], found["to"]
                private = to if who == BOT_NAME else who
                place = Address(private, private=True) if to else Address(found["chat"])
                steps.append(Step(number, who, place, found["text"]))
            elif line.strip() and not line.startswith("#"):
                raise ValueError(f"line {number} is not a scenario line: {line}")
        return steps

    async def _direct(self, what: str) -> None:
        if what == "重启":
            self.player = Player(self.database, self.transport, self.rules)
            await self.player.advance(self.now)
        elif what == "再来一次":
            assert self.last is not None
            await self.player.hear(self.last)
        elif later := _LATER.match(what):
            await self._advance(self.now + timedelta(**{_UNITS[later["unit"]]: int(later["count"])}))
        else:
            hour, minute = what.split(":")
            at = self.now.replace(hour=int(hour), minute=int(minute))
            await self._advance(at if at >= self.now else at + timedelta(days=1))

    async def _advance(self, to: datetime) -> None:
        self.now = to
        await self.player.advance(to)

    async def _speak(self, step: Step) -> None:
        self.updates += 1
        self.now += timedelta(seconds=1)
        if step.text == _RECALLED:
            await self._recall(step)
            return
        text, press = self._with_code(step.text), None
        if found := re.match(r"^按\[(.+)\]$", text):
            text, press = self._press(step, found[1])
        mention, answers = f"@{BOT_NAME}", text.startswith(_ANSWER)
        files = tuple(self._file(_FILES[name]) for name in _FILE.findall(text))
        own = self.sent.get(step.who, ()) if text.startswith(_OWN) else ()
        self.sent[step.who] = files or self.sent.get(step.who, ())
        forwarded = _FORWARDED in text
        text = _FILE.sub("", text.removeprefix(_ANSWER).removeprefix(_OWN)).replace(_FORWARDED, "")
        self.last = Incoming(
            bot_id=BOT,
            update_id=f"s{self.updates}",
            address=step.place,
            sender=Sender(step.who, step.who),
            text=text.replace(mention, "").strip(),
            sent_at=self.now,
            press=press,
            files=files,
            at_me=mention in text,
            message_id=f"m{self.updates}",
            reply_to_me=answers,
            quoted=self._newest(step.place) if answers else "",
            forwarded=forwarded,
            quoted_files=own,
        )
        self.said[step.who] = self.last.update_id
        await self.player.hear(self.last)

    async def _recall(self, step: Step) -> None:
        detail = f"{step.who} {self.said[step.who]}"
        event = Event(BOT, f"r{self.updates}", Happening.RECALLED, self.now, step.place, detail)
        await self.player.advance(self.now)
        await self.player.app.inbox.receive(event)
        await self.player.advance(self.now)

    def _with_code(self, text: str) -> str:
        """What people copy: codes are new each time."""
        codes = [found[0] for said in self.transport.sent if (found := _CODE.search(said.message.text))]
        return text.replace("{码}", codes[-1]) if codes else text

    def _newest(self, place: Address) -> str:
        """What a person who answers the bot quotes: its last message there."""
        return next((shown(said.message) for said in reversed(self.transport.sent) if said.message.to == place), "")

    def _file(self, kind: str) -> File:
        self.files += 1
        return File(kind, f"{kind}-{self.files}")

    def _press(self, step: Step, label: str) -> tuple[str, Press | None]:
        """The newest button with that label in this place; on a platform without buttons its number, typed."""
        for said in reversed(self.transport.sent):
            for choice in said.message.choices if said.message.to == step.place else ():
                if choice.label == label:
                    press = Press(said.message.question, choice.value) if self.buttons else None
                    return ("" if self.buttons else str(choice.number)), press
        raise self._mismatch(step.line, f"nothing to press is called {label}")

    def _expect(self, step: Step) -> None:
        """The next message to that place; different chats have no order among them."""
        self._collect()
        said = next((said for said in self.unsaid if said.message.to == step.place), None)
        if said is None or not _fits(step.text, shown(said.message)):
            rest = "\n".join(_line(said) for said in self.unsaid) or "nothing"
            raise self._mismatch(step.line, f"the bot said instead:\n{rest}")
        self.unsaid.remove(said)

    def _nothing_left(self, line: int) -> None:
        self._collect()
        if self.unsaid:
            raise self._mismatch(line, "the bot said besides:\n" + "\n".join(_line(said) for said in self.unsaid))

    def _collect(self) -> None:
        self.unsaid += self.transport.sent[self.seen :]
        self.seen = len(self.transport.sent)

    def _mismatch(self, line: int, why: str) -> Mismatch:
        marked = [f"{'>>' if number == line else '  '} {text}" for number, text in enumerate(self.source, start=1)]
        return Mismatch("\n".join([why, *marked]))


def shown(message: Outgoing) -> str:
    """Text and answers as people see them, the same on every platform."""
    names = [f"[{name}] " for name, kind in _FILES.items() if message.file and message.file.kind == kind]
    return "\n".join(
        ["".join([*names, message.text]), *(f"{choice.number} {choice.label}" for choice in message.choices)]
    )


def _line(said: Said) -> str:
    to = said.message.to
    return f"{BOT_NAME}{'→' if to.private else '@'}{to.chat}> {shown(said.message)}"


def _fits(expected: str, said: str) -> bool:
    if "{码}" in expected:
        said = _CODE.sub("{码}", said)
    start, cut, _ = expected.partition("…")
    return said.startswith(start) if cut else said == expected


def scenario_files() -> list[Path]:
    return sorted((Path(__file__).parent.parent / "scenarios").glob("*.chat"))
