"""One pass over a message: every word of the lexicon in it, longest first, on word boundaries."""

from dataclasses import dataclass
from functools import cache
from operator import attrgetter

import ahocorasick_rs

from classifier.load import CRY, DANGER, GATE, PROBLEM, STRONG, THING, VETO, WEAK, Lexicon, Mark
from classifier.phrase import REACH, Anchor, Match, anchors, expand

_LITERAL = frozenset("~([")
_NO_CUT = frozenset({DANGER, VETO})
_COVER = 1 << THING | 1 << WEAK | 1 << PROBLEM
_PLACE = Mark(GATE, "place")
_IN_ORDER = attrgetter("core", "start")
SPECIAL, WHOLE = 1 << 16, 1 << 17  # beside the roles of a hit: a fault of a category, one that names its thing too
_CLOSE = 5  # characters before the last part of a phrase, where that is one character
_MOST = 600  # words of one message that are weighed
_MANY = 12  # how often a message may repeat the first word of a phrase and still be looked at
_FREE = 4  # words this long are never cut out of another word by chance

CAN_THING, CAN_WEAK, CAN_GENERIC, CAN_FAULT, CAN_STRONG, CAN_CRY, CAN_CUE, CAN_KIND = (1 << n for n in range(8))
CAN_WRONG = CAN_GENERIC | CAN_FAULT | CAN_STRONG
_BEGINS = 1 << 8  # a phrase may begin here
_EVIDENCE = (1 << 8) - 1
_SPEAKS = _EVIDENCE & ~CAN_KIND  # for a complaint
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
SAID = {group: 1 << (9 + at) for at, group in enumerate(sorted(KIND_GROUPS | {"chat"}))}  # a bit for each
_ANY_SAID = sum(SAID.values())
_FIRST_DANGER = 9 + len(SAID)  # this bit and those above it stand for the danger groups


Edges = tuple[set[int], set[int]]
Marks = tuple[Mark, ...]


@dataclass(slots=True)  # not frozen: a dozen are made for every message that is read
class Hit:
    """A word of the lexicon at `start:end`; `core` is where its deciding part begins ("灯~不亮": the second part)."""

    start: int
    end: int
    core: int
    word: str
    marks: Marks
    roles: int  # the roles it can play, see `bit`; SPECIAL and WHOLE
    groups: tuple[str, ...]  # the gate groups it belongs to


@dataclass(slots=True)
class Look:
    """A first look at a message: what its words could amount to, their raw places, and the phrases."""

    could: int
    words: list[tuple[int, int, int]]
    phrases: list[tuple[int, int, int, Match]]


def _best(could: int) -> float:
    subject = 1.0 if could & (CAN_THING | CAN_WEAK) else 0.0
    fault = 3.0 if could & (CAN_STRONG | CAN_CRY) else 1.5 if could & CAN_FAULT else 1.0 if could & CAN_GENERIC else 0.0
    return subject + fault + (2.0 if could & CAN_CUE else 0.5)


_BEST = tuple(_best(could) for could in range(_EVIDENCE + 1))


def hope(could: int) -> float:
    """The most evidence for a complaint that the words of a first look can amount to, about."""
    return _BEST[could & _EVIDENCE]


def bit(role: int) -> int:
    """A role as a bit of `Hit.roles`."""
    return 1 << role


Parts = tuple[Marks, int, tuple[str, ...]]


@cache
def _parts(marks: Marks) -> Parts:
    """The marks of a word with their roles as bits, and its gate groups: the last three of a `Hit`."""
    roles = 0
    for mark in marks:
        roles |= 1 << mark.role
        if mark.role == PROBLEM and mark.group:
            roles |= WHOLE | SPECIAL if mark.label[:1] == "=" else SPECIAL
    return marks, roles, tuple(mark.group for mark in marks if mark.role == GATE)


def _bits(marks: Marks, dangers: dict[str, int]) -> int:
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
            bits |= SAID.get(mark.group, 0)
            bits |= CAN_CUE if mark.group in _CUES else 0
            bits |= CAN_GENERIC if mark.group in ("appeal", "petition") else 0
    return bits


def _senses(marks: Marks, longer: bool) -> tuple[Parts, Parts, Parts]:
    """What a word means where it stands, where it is cut out of others, and inside a longer word.

    What alarms is always kept, and whole complaints inside a longer word; so are places, if `longer` than a character.
    """
    cut = tuple(mark for mark in marks if mark.role in _NO_CUT)
    inside = tuple(m for m in marks if m.role in _NO_CUT or m.role == STRONG or (longer and m == _PLACE))
    return _parts(marks), _parts(cut), _parts(inside)


class Scanner:
    """The lexicon as one automaton."""

    def __init__(self, lexicon: Lexicon) -> None:
        """Plain words and the first literal part of every phrase go into the automaton."""
        self._loose = lexicon.loose
        plain: dict[str, Marks] = {}
        phrases: dict[str, list[tuple[str, Marks]]] = {}
        for word, marks in lexicon.words.items():
            if _LITERAL.isdisjoint(word):
                plain[word] = marks
                continue
            for phrase in expand(word):
                for anchor in anchors(phrase):
                    phrases.setdefault(anchor, []).append((phrase, marks))
        self._words = list({**plain, **dict.fromkeys(phrases)})
        self._marks = [plain.get(word, ()) for word in self._words]
        senses = {(marks, longer): _senses(marks, longer) for marks in set(self._marks) for longer in (False, True)}
        self._senses = [senses[marks, len(word) > 1] for word, marks in zip(self._words, self._marks, strict=True)]
        groups = sorted({group for rule in lexicon.rules for group in rule.groups})
        dangers = {group: 1 << (_FIRST_DANGER + at) for at, group in enumerate(groups)}
        self._alarms = [sum(dangers[group] for group in set(rule.groups)) for rule in lexicon.rules]
        self._alarm_any = sum({dangers[rule.groups[0]] for rule in lexicon.rules})
        self.heeded = _SPEAKS | self._alarm_any  # with none of these a first look is the last
        self._phrases = [phrases.get(word, []) for word in self._words]
        self._phrase_bits = [[_bits(marks, dangers) & ~_ANY_SAID for _, marks in found] for found in self._phrases]
        self._phrase_parts = [[_parts(marks) for _, marks in found] if found else [] for found in self._phrases]
        begins = [_BEGINS if found else 0 for found in self._phrases]
        bits = [_bits(marks, dangers) | begun for marks, begun in zip(self._marks, begins, strict=True)]
        same = dict(zip(bits, bits, strict=True))  # equal numbers are one object: less to fetch
        self._bits = [same[each] for each in bits]
        self._anchors: dict[int, Anchor] = {}
        self._find = ahocorasick_rs.AhoCorasick(self._words).find_matches_as_indexes

    def look(self, text: str) -> Look:
        """The raw places of all words and phrases, and what they could amount to together."""
        words = self._find(text, True)
        bits, could = self._bits, 0
        for which, _, _ in words:
            could |= bits[which]
        if not could & _BEGINS:
            return Look(could, words, [])
        tried: dict[int, int] = {}
        phrases: list[tuple[int, int, int, Match]] = []
        for which, start, end in words:
            if not bits[which] & _BEGINS:
                continue
            anchor = self._anchors.get(which) or self._anchor(which)
            if anchor.ahead and anchor.ahead.isdisjoint(text[end : end + REACH + 1]):
                continue
            tried[which] = tried.get(which, 0) + 1
            if tried[which] <= _MANY:
                for match in anchor.matches(text, start, end):
                    could |= self._phrase_bits[which][match.which]
                    phrases.append((which, start, end, match))
        return Look(could, words, phrases)

    def _anchor(self, which: int) -> Anchor:
        """The phrases of a word, made ready when the word is first met."""
        anchor = self._anchors[which] = Anchor([phrase for phrase, _ in self._phrases[which]])
        return anchor

    def marks_of(self, which: int) -> Marks:
        """The marks of a plain word by its number in `look`."""
        return self._marks[which]

    def could_alarm(self, could: int) -> bool:
        """Are the words of any danger rule all there?"""
        return bool(could & self._alarm_any) and any(could & alarm == alarm for alarm in self._alarms)

    def hits(self, text: str, look: Look, bounds: set[int]) -> list[Hit]:
        """The words that really stand there, in order; a longer word hides the shorter ones inside it."""
        long = [word for word in look.words if word[2] - word[1] > 1]
        near = {end for _, _, end in long}, {start for _, start, _ in long}
        plain: list[Hit] = []
        cover: list[tuple[int, int, Hit, Parts]] = []
        for which, start, end in look.words[:_MOST]:
            whole, cut, inside = self._senses[which]
            if not whole[0]:
                continue
            if (start in bounds and end in bounds) or self._whole(text, start, end, bounds, near):
                hit = Hit(start, end, start, self._words[which], *whole)
                plain.append(hit)
                if whole[1] & _COVER or "chat" in hit.groups:
                    cover.append((start, -end, hit, inside))
            elif cut[0]:
                plain.append(Hit(start, end, start, self._words[which], *cut))
        found = _longest(plain, cover)
        for which, start, end, match in look.phrases[:_MOST]:
            begins = end - start > 1 or self._whole(text, start, end, bounds, near)
            if begins and self._ends_well(text, end, match, bounds, near):
                parts = self._phrase_parts[which][match.which]
                found.append(Hit(start, match.end, match.core, text[start : match.end], *parts))
        found.sort(key=_IN_ORDER)
        return found

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

    def _ends_well(self, text: str, begun: int, match: Match, bounds: set[int], near: Edges) -> bool:
        """The last part of a phrase, where it is one character, must be close by and no piece of some other word."""
        at, end = match.core, match.end
        if end - at != 1 or at == begun:
            return True
        if at - begun > _CLOSE:
            return False
        if text[at] in self._loose or at in near[1]:
            return True
        return (at in bounds or text[at - 1] in self._loose) and (end in bounds or text[end] in self._loose)


def _longest(hits: list[Hit], cover: list[tuple[int, int, Hit, Parts]]) -> list[Hit]:
    """Without the words that lie inside a longer one of `cover`; of these only what they mean inside is kept."""
    cover.sort()  # no two words begin and end at the same places
    reach, owner, hidden = -1, -1, False
    for start, end, hit, inside in cover:
        if -end <= reach and -end - start < owner:
            hit.marks, hit.roles, hit.groups = inside
            hidden = True
        elif -end > reach:
            reach, owner = -end, -end - start
    return [hit for hit in hits if hit.marks] if hidden else hits
