"""Words that residents use for a category and the lexicon does not know: offered to a person, never taken in alone."""

import math
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from classifier.counts import plain
from classifier.cut import Cutter

TICKETS, SENDERS = 3, 2  # a word of one person, or of one bad day, is no word of the compound
LEAST = 1.5  # log-odds
_LONGEST, _SHORTEST = 6, 2
_FEW = 0.5
_KEPT = 20
_SIGNS = frozenset(" 0")

Sent = Mapping[str, Iterable[tuple[str, Hashable]]]  # category: texts with their senders


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A word for a category: how much likelier there than elsewhere, in how many tickets of how many senders."""

    word: str
    category: str
    log_odds: float
    tickets: int
    senders: int


@dataclass(slots=True)
class _Seen:
    tickets: int = 0
    senders: set[Hashable] = field(default_factory=set)


def candidates(text: str, cut: Cutter) -> Iterator[str]:
    """The words of a text, and pairs of neighbours: what the dictionary does not know it cuts in two."""
    before = ""
    for word in cut(plain(text)):
        if not word.isalnum() or not _SIGNS.isdisjoint(word):
            before = ""
            continue
        for found in (word, before + word if before else ""):
            if _SHORTEST <= len(found) <= _LONGEST:
                yield found
        before = word


def suggest(
    sent: Sent,
    normal: Callable[[str], str],
    cut: Cutter,
    known: Callable[[str], bool],
    others: Callable[[str], Sequence[str]],
) -> list[Suggestion]:
    """The best first. `others`: shipped texts that are not of a category, so that common words are seen as such."""
    texts = {code: [(normal(text), sender) for text, sender in found] for code, found in sent.items()}
    seen: dict[str, dict[str, _Seen]] = {}
    for code, found in texts.items():
        for text, sender in found:
            for word in set(candidates(text, cut)):
                here = seen.setdefault(word, {}).setdefault(code, _Seen())
                here.tickets += 1
                here.senders.add(sender)
    whole = sum(map(len, texts.values()))
    result = []
    for code, found in texts.items():
        ready = {
            word: by[code]
            for word, by in seen.items()
            if code in by and by[code].tickets >= TICKETS and len(by[code].senders) >= SENDERS
        }
        rest = others(code) if ready else ()
        for word, here in _longest(ready).items():
            if known(word):
                continue
            elsewhere = sum(each.tickets for other, each in seen[word].items() if other != code)
            elsewhere += sum(word in text for text in rest)
            odds = _odds(here.tickets, len(found)) - _odds(elsewhere, whole - len(found) + len(rest))
            if odds >= LEAST:
                result.append(Suggestion(word, code, round(odds, 3), here.tickets, len(here.senders)))
    return sorted(result, key=lambda one: (-one.log_odds * math.sqrt(one.tickets), one.category, one.word))[:_KEPT]


def _odds(count: int, whole: int) -> float:
    return math.log((count + _FEW) / (whole - count + _FEW))


def _longest(ready: dict[str, _Seen]) -> dict[str, _Seen]:
    """Without the parts of longer words that were never said alone."""
    return {
        word: here
        for word, here in ready.items()
        if not any(word != other and word in other and more.tickets >= here.tickets for other, more in ready.items())
    }
