"""A transcript: its lines, what `linli play` makes of them, and the bursts in which a platform brings them."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

from bot.play import Line, play_lines, read_transcript
from domain.rules import Numbers, Rules

TRANSCRIPTS = sorted((Path(__file__).parent / "transcripts").glob("*.txt"))
RULES = Rules(numbers=Numbers(lift="963333", gas="0715-12345"))
DAY = date(2025, 11, 24)  # gone by: platforms say no moment that is still to come
_MOST = 12  # lines of a burst; those of one minute stay together
# From its first line to its last: what belongs to a ticket just opened may not come much later than it was said.
_LONGEST, _LONGEST_IN_CALM, _CALM = timedelta(minutes=8), timedelta(hours=1), timedelta(minutes=30)


@dataclass(frozen=True)
class Burst:
    """Lines that arrive together, with their numbers, at the moment of the last. answered: play says something then."""

    at: datetime
    lines: tuple[tuple[int, Line], ...]
    answered: bool


@dataclass(frozen=True)
class Hour:
    """tickets, said: as `linli play` shows them; said: (group's title or person's name, words with answers to type)."""

    name: str
    lines: tuple[Line, ...]
    tickets: list[dict[str, Any]]
    said: Counter[tuple[str, str]]
    bursts: tuple[Burst, ...]

    @property
    def people(self) -> dict[str, str]:
        """Shown names by user."""
        return {line.user: line.name for line in self.lines}


def read(path: Path) -> Hour:
    lines = read_transcript(path.read_text(encoding="utf-8"), DAY, RULES)
    played = asyncio.run(play_lines(lines, path.stem, RULES))
    said = Counter((each["chat"], "\n".join([each["text"], *each["choices"]])) for each in played["messages"])
    moments = sorted({datetime.fromisoformat(each["at"]) for each in played["messages"]})
    return Hour(path.stem, tuple(lines), played["tickets"], said, tuple(_bursts(lines, moments)))


def _bursts(lines: list[Line], moments: list[datetime]) -> Iterator[Burst]:
    """Cut wherever play said something, so that whatever has an effect is heard at its own minute."""
    burst: list[tuple[int, Line]] = []
    for at, group in groupby(enumerate(lines, start=1), key=lambda numbered: numbered[1].at):
        minute = list(group)
        if burst:
            first, last = burst[0][1].at, burst[-1][1].at
            calm = not any(first - _CALM <= moment <= at for moment in moments)
            long = at - first > (_LONGEST_IN_CALM if calm else _LONGEST) or len(burst) + len(minute) > _MOST
            if long or any(last <= moment < at for moment in moments):
                yield Burst(last, tuple(burst), last in moments)
                burst = []
        burst += minute
    yield Burst(burst[-1][1].at, tuple(burst), burst[-1][1].at in moments)
