"""What people say to the bot in the crash tests, and the one effect that each line must have."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

START = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)  # 8:00 at the compound; 3 hours pass without quiet or due promises
MATTERS = ("2单元楼道灯坏了，一直不亮", "2单元下水道堵了，污水冒出来", "垃圾堆了好几天没人清", "2单元门锁坏了关不上")
SMALL_TALK = "今天中午吃的热干面，味道不错"


@dataclass(frozen=True, slots=True)
class Effect:
    """The audit row of an update, by its actor and action, and how many outbox rows it writes."""

    user: str
    action: str
    rows: int


@dataclass(frozen=True, slots=True)
class Line:
    """One update of a stream, numbered from 1. No effect: small talk, of which nothing is written."""

    id: str
    chat: str
    user: str
    text: str
    effect: Effect | None = None
    private: bool = False

    def as_update(self, number: int) -> dict[str, Any]:
        at = START + timedelta(seconds=number)
        return {
            "n": number,
            "id": self.id,
            "chat": self.chat,
            "user": self.user,
            "text": self.text,
            "private": self.private,
            "at": at.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class Story:
    """An endless stream over several chats in turn.

    In each chat, over and over: a neighbour reports, a second one joins (附议), small talk, the second takes it back,
    then the first, which ends the ticket. So each line has an effect that follows only from the lines before it in
    its own chat: a lost, doubled or swapped one shows.
    """

    chats: tuple[str, ...]
    name: str = ""  # tells streams of one database apart
    matter: int = 0

    def line(self, number: int) -> Line:
        index, chat = divmod(number - 1, len(self.chats))
        round_, step = divmod(index, 5)
        place = f"{self.name}{round_}@{self.chats[chat]}"
        first, second = f"甲{place}", f"乙{place}"
        complaint = MATTERS[(chat + self.matter) % len(MATTERS)]
        user, text, effect = (
            (first, complaint, Effect(first, "opened", 2)),
            (second, complaint, Effect(second, "joined", 1)),
            (f"丙{place}", SMALL_TALK, None),
            (second, "不报了", Effect(second, "withdrawn", 1)),
            (first, "不报了", Effect(first, "withdrawn", 2)),
        )[step]
        return Line(f"{self.name}{number}", self.chats[chat], user, text, effect)


BUILDING_CHATS = tuple(f"{building}栋群" for building in range(1, 9))
SECOND_CHATS = tuple(f"{building}栋聊天群" for building in range(1, 9))
