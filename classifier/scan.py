"""One pass over a message: every word of the lexicon in it, longest first, on word boundaries."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import ahocorasick_rs

from classifier.load import CRY, DANGER, GATE, PROBLEM, STRONG, THING, VETO, WEAK, Lexicon, Mark

GAP = r"[^，。！？；、,.!?;:：\s]{0,8}?"
_NO_CUT = frozenset({DANGER, VETO})
_COVER = 1 << THING | 1 << WEAK | 1 << PROBLEM
_MOST = 600  # words of one message that are weighed
_MANY = 12  # how often a message may repeat the first word of a phrase and still be looked at
_FREE = 4  # words this long are never cut out of another word by chance

CAN_THING, CAN_WEAK, CAN_GENERIC, CAN_FAULT, CAN_STRONG, CAN_CRY, CAN_CUE, CAN_KIND = (1 << n for n in range(8))
_FIRST_DANGER = 8  # the bits above these eight stand for the danger groups
_BY_ROLE = {THING: CAN_THING, WEAK: CAN_WEAK, STRONG: CAN_STRONG, CRY: CAN_CRY}
KIND_GROUPS = frozenset(
    [
        "jielong",
        "vote",
        "ad",
        "ad_strong",
        "notice",
        "notice_strong",
        "thanks",
        "praise",
        "ask",
        "polite",
        "seek",
        "suggest",
        "discuss",
    ]
)
_CUES = frozenset({"place", "lasting", "appeal", "petition"})


Edges = tuple[set[int], set[int]]
Found = list[tuple[int, int, int]]


@dataclass(frozen=True, slots=True)
class Hit:
    """A word of the lexicon at `start:end`; `core` is where its deciding part begins ("灯~不亮": the second part)."""

    start: int
    end: int
    core: int
    word: str
    marks: tuple[Mark, ...]
    roles: int  # the roles it can play, see `bit`
    groups: tuple[str, ...]  # the gate groups it belongs to


def bit(role: int) -> int:
    """A role as a bit of `Hit.roles`."""
    return 1 << role


def _hit(start: int, end: int, core: int, word: str, marks: tuple[Mark, ...]) -> Hit:
    roles = 0
    groups: tuple[str, ...] = ()
    for mark in marks:
        roles |= 1 << mark.role
        if mark.role == GATE:
            groups += (mark.group,)
    return Hit(start, end, core, word, marks, roles, groups)


def _bits(marks: tuple[Mark, ...], dangers: dict[str, int]) -> int:
    """What a word could contribute, for a quick look before the careful one."""
    bits = 0
    for mark in marks:
        bits |= _BY_ROLE.get(mark.role, 0)
        if mark.role == PROBLEM:
            bits |= CAN_FAULT if mark.group else CAN_GENERIC
        elif mark.role == DANGER:
            bits |= dangers.get(mark.group, 0)
        elif mark.role == GATE:
            bits |= CAN_KIND if mark.group in KIND_GROUPS else 0
            bits |= CAN_CUE if mark.group in _CUES else 0
            bits |= CAN_GENERIC if mark.group in ("appeal", "petition") else 0
    return bits


def _compile(phrase: str) -> re.Pattern[str]:
    """A phrase with gaps: `~` stands for up to eight characters of the same clause, the last part is the core."""
    parts = phrase.split("~")
    head, tail = parts[:-1], parts[-1]
    return re.compile("".join(f"(?:{part}){GAP}" for part in head) + f"(?P<core>{tail})")


def _expand(part: str) -> list[str]:
    """The literal words a simple alternation at the head of a phrase stands for."""
    match = re.match(r"^([^()|\[\]?*+{}\\.]*)(?:\(([^()\[\]?*+{}\\.]*)\)(\??))?", part)
    assert match is not None
    stem, options, optional = match.groups()
    if options is None or optional:
        return [stem]
    return [stem + option for option in options.split("|")]


def _all_bits(phrases: list[tuple[str, tuple[Mark, ...]]], dangers: dict[str, int]) -> int:
    """What the phrases beginning with one word could contribute together."""
    bits = 0
    for _, marks in phrases:
        bits |= _bits(marks, dangers)
    return bits


class Scanner:
    """The lexicon as one automaton."""

    def __init__(self, lexicon: Lexicon) -> None:
        """Plain words and the first literal part of every phrase go into the automaton."""
        self._loose = lexicon.loose
        plain: dict[str, tuple[Mark, ...]] = {}
        phrases: dict[str, list[tuple[str, tuple[Mark, ...]]]] = {}
        for word, marks in lexicon.words.items():
            if "~" not in word and "(" not in word and "[" not in word:
                plain[word] = marks
                continue
            for anchor in _expand(word.split("~")[0]):
                phrases.setdefault(anchor, []).append((word, marks))
        phrases.pop("", None)
        self._words = list({**plain, **dict.fromkeys(phrases)})
        self._marks = [plain.get(word, ()) for word in self._words]
        groups = sorted({group for rule in lexicon.rules for group in rule.groups})
        dangers = {group: 1 << (_FIRST_DANGER + at) for at, group in enumerate(groups)}
        self._alarms = [sum(dangers[group] for group in set(rule.groups)) for rule in lexicon.rules]
        self._alarm_any = sum({dangers[rule.groups[0]] for rule in lexicon.rules})
        self._bits = [_bits(marks, dangers) for marks in self._marks]
        self._phrases = [phrases.get(word, []) for word in self._words]
        self._phrase_bits = [_all_bits(found, dangers) for found in self._phrases]
        self._quick: list[re.Pattern[str] | None] = [None] * len(self._words)
        self._slow: dict[str, re.Pattern[str]] = {}
        self._automaton = ahocorasick_rs.AhoCorasick(self._words)

    def look(self, text: str) -> tuple[int, Found]:
        """The raw places of all words, and what they could amount to together."""
        found = self._automaton.find_matches_as_indexes(text, overlapping=True)
        could = 0
        tried: dict[int, int] = {}
        for which, start, _ in found:
            could |= self._bits[which]
            if self._phrases[which] and tried.setdefault(which, 0) < _MANY:
                tried[which] += 1
                if self._any_phrase(which, text, start):
                    could |= self._phrase_bits[which]
        return could, found

    def marks_of(self, which: int) -> tuple[Mark, ...]:
        """The marks of a plain word by its number in `look`."""
        return self._marks[which]

    def could_alarm(self, could: int) -> bool:
        """Are the words of any danger rule all there?"""
        return bool(could & self._alarm_any) and any(could & alarm == alarm for alarm in self._alarms)

    def _any_phrase(self, which: int, text: str, start: int) -> bool:
        pattern = self._quick[which]
        if pattern is None:
            parts = (_compile(phrase).pattern.replace("?P<core>", "?:") for phrase, _ in self._phrases[which])
            pattern = self._quick[which] = re.compile("|".join(parts))
        return pattern.match(text, start) is not None

    def hits(self, text: str, found: Found, edges: Callable[[], set[int]]) -> list[Hit]:
        """The words that really stand there, in order; a longer word hides the shorter ones inside it."""
        plain: list[Hit] = []
        phrases: list[Hit] = []
        bounds = edges()
        near = (
            {end for _, start, end in found if end - start > 1},
            {start for _, start, end in found if end - start > 1},
        )
        tried: dict[int, int] = {}
        for which, start, end in found[:_MOST]:
            marks = self._marks[which]
            if marks and not self._whole(text, start, end, bounds, near):
                marks = tuple(mark for mark in marks if mark.role in _NO_CUT)
            if marks:
                plain.append(_hit(start, end, start, self._words[which], marks))
            if self._phrases[which] and tried.setdefault(which, 0) < _MANY:
                tried[which] += 1
                if end - start == 1 and not self._whole(text, start, end, bounds, near):
                    continue
                if self._any_phrase(which, text, start):
                    phrases += self._matched(which, text, start)
        return sorted(_longest(plain) + phrases, key=lambda hit: (hit.core, hit.start))

    def _matched(self, which: int, text: str, start: int) -> list[Hit]:
        hits = []
        for phrase, marks in self._phrases[which]:
            pattern = self._slow.get(phrase)
            if pattern is None:
                pattern = self._slow[phrase] = _compile(phrase)
            match = pattern.match(text, start)
            if match:
                hits.append(_hit(start, match.end(), match.start("core"), match.group(), marks))
        return hits

    def _whole(self, text: str, start: int, end: int, bounds: set[int], near: Edges) -> bool:
        """A word counts where words begin and end, or beside a small word the dictionary may have glued on.

        Beside another word of the lexicon too, but only with two characters or as a small word itself.
        """
        if end - start >= _FREE or (start in bounds and end in bounds):
            return True
        ends, starts = near
        small = end - start == 1 and text[start] not in self._loose
        left = start in bounds or text[start - 1] in self._loose or (start in ends and not small)
        right = end in bounds or text[end] in self._loose or (end in starts and not small)
        return left and right


def _longest(hits: list[Hit]) -> list[Hit]:
    """Without the words that lie inside a longer one; what alarms is kept, and whole phrases hide nothing."""
    cover = sorted(
        (hit for hit in hits if hit.roles & _COVER or "chat" in hit.groups),
        key=lambda hit: (hit.start, -hit.end),
    )
    kept, reach, owner = [], -1, -1
    hidden: set[int] = set()
    for hit in cover:
        if hit.end <= reach and hit.end - hit.start < owner:
            hidden.add(id(hit))
        elif hit.end > reach:
            reach, owner = hit.end, hit.end - hit.start
    for hit in hits:
        if id(hit) not in hidden:
            kept.append(hit)
            continue
        rest = tuple(mark for mark in hit.marks if mark.role in _NO_CUT or mark.role == STRONG)
        if rest:
            kept.append(_hit(hit.start, hit.end, hit.core, hit.word, rest))
    return kept
