"""Complaint or not: the evidence in a message, read from front to back so that the last word counts."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from classifier.kind import loud_kind, quiet_kind
from classifier.load import CRY, DANGER, HINT, PROBLEM, STRONG, THING, WEAK, Lexicon
from classifier.phrase import BREAK
from classifier.scan import SAID, SPECIAL, WHOLE, Hit, bit
from classifier.trigger import Patterns

TICKET_AT = 2.0
FAR_AT = 2.5  # what is needed when no thing is named and nothing says that it is here and goes on
WORTH = {"place": 0.5, "lasting": 0.5, "appeal": 1.0, "petition": 1.5}
_MOST = {"place": 0.5, "lasting": 1.0, "appeal": 1.5, "petition": 1.5}
COST = {
    "news": 3.5,
    "discuss": 2.0,
    "suggest": 0.5,
    "elsewhere": 2.0,
    "chat": 0.75,
    "past": 0.5,
    "ask": 1.5,
    "lost": 2.0,
    "memory": 2.0,
    "seek": 1.5,
    "polite": 0.5,
    "sorry": 1.5,
    "mourning": 5.0,
    "world": 1.0,
}
MOST_COST = {"world": 2.0, "elsewhere": 3.0, "chat": 1.5, "ask": 2.0, "news": 5.0, "discuss": 3.0}
_WEIGHED = frozenset({"discuss", "suggest", "ask", "news"})  # who weighs plans means praise as it is said
_PATTERNED = sum(SAID[group] for group in ("ad", "ad_strong", "notice", "notice_strong", "vote", "jielong"))
_ANY_SAID = sum(SAID.values())
_LOUD = frozenset({"jielong", "ad", "ad_strong", "notice_strong", "vote"})
_NOWHERE = Hit(0, 0, 0, "", (), 0, ())

_THING, _WEAK, _PROBLEM, _STRONG, _CRY = bit(THING), bit(WEAK), bit(PROBLEM), bit(STRONG), bit(CRY)
FAULTS = _PROBLEM | _STRONG
SUBJECT = FAULTS | _THING | _WEAK | bit(HINT)
_ANY_WRONG = FAULTS | bit(DANGER)
Groups = dict[str, list[Hit]]


@dataclass(slots=True)
class Verdict:
    """What the gate found. `live` are the things and faults that still stand, `refused` those denied."""

    evidence: float = 0.0
    kind: str = "chat"
    live: list[Hit] = field(default_factory=list)
    refused: list[Hit] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    done: bool = False
    fault: bool = False
    ruled: bool = False  # a complaint by the rules alone
    weight: float = 0.0  # the evidence with the examples' odds
    irony: bool = False  # praise, then a fault that lasts: only a person can tell
    near: bool = False  # a thing is named, or a place of ours with something wrong
    ours: bool = False  # a place of ours is named, or somebody cries out as neighbours do
    groups: Groups = field(default_factory=dict)


@dataclass(slots=True)
class Subjects:
    """The words that still stand, by what they do."""

    things: list[Hit]
    weak: list[Hit]
    strong: list[Hit]
    faults: list[Hit]
    special: list[Hit]  # faults that belong to a category
    whole: bool = False  # one of them names its thing too: "水压低"

    @classmethod
    def of(cls, live: Iterable[Hit]) -> "Subjects":
        """Sort the words."""
        sorted_hits = cls([], [], [], [], [])
        for hit in live:
            roles = hit.roles
            if roles & _THING:
                sorted_hits.things.append(hit)
            if roles & _WEAK:
                sorted_hits.weak.append(hit)
            if roles & _STRONG:
                sorted_hits.strong.append(hit)
            if roles & _PROBLEM:
                sorted_hits.faults.append(hit)
                if roles & SPECIAL:
                    sorted_hits.special.append(hit)
                    sorted_hits.whole |= bool(roles & WHOLE)
        return sorted_hits


class Gate:
    """The rules of the gate, made from the lexicon."""

    def __init__(self, lexicon: Lexicon) -> None:
        """Refusals become one expression that looks back from a word."""
        self._patterns = Patterns(lexicon.patterns.items())
        self._kinds: dict[int, str] = {}
        denied = sorted(lexicon.gate_words("refuse"), key=len, reverse=True)
        self._negatives = frozenset(word for word in denied if len(word) == 1)
        self._lasts = frozenset(word[-1] for word in denied)
        self._denied = re.compile("(?:" + "|".join(map(re.escape, denied)) + ")$")
        self._until = lexicon.gate_words("until")

    def glance(self, text: str, could: int) -> str:
        """The kind of a message known to hold no complaint; patterns run only where they may fit."""
        said = could & _ANY_SAID
        patterned = said & _PATTERNED or text[:1].isascii()
        if not patterned and said in self._kinds:
            return self._kinds[said]
        groups: Groups = {name: [_NOWHERE] for name, bit in SAID.items() if said & bit}
        if patterned:
            self._match_patterns(text, groups)
        kind = loud_kind(groups, len(text), False) or quiet_kind(groups, False)
        if not patterned:
            self._kinds[said] = kind
        return kind

    def judge(self, text: str, hits: list[Hit]) -> Verdict:
        """Weigh every word, then name the kind of message."""
        verdict = Verdict()
        groups = verdict.groups
        for hit in hits:
            for group in hit.groups:
                groups.setdefault(group, []).append(hit)
        self._match_patterns(text, groups)
        whole = [hit for hit in hits if hit.roles & _STRONG]
        for group in COST.keys() & groups.keys() if whole else ():
            groups[group] = [h for h in groups[group] if not any(_within(h, phrase) for phrase in whole)]
        if "praise" in groups:
            groups["praise"] = [hit for hit in groups["praise"] if not self._refuses(text, hit)]
        self._read(text, hits, verdict)
        self._settle(text, verdict)
        return verdict

    def _match_patterns(self, text: str, groups: Groups) -> None:
        for group, match in self._patterns.search(text):
            start, end = match.span()
            groups.setdefault(group, []).append(Hit(start, end, start, match.group(), (), 0, (group,)))

    def _read(self, text: str, hits: list[Hit], verdict: Verdict) -> None:
        """Front to back: faults add, what is settled wipes the faults before it."""
        for hit in hits:
            settled = not hit.roles & FAULTS and "done" in hit.groups
            if settled or hit.roles & _ANY_WRONG:
                denied = self._refuses(text, hit) or (hit.core > hit.start and self._bare_refusal(text, hit, hits))
                if settled:
                    self._settled(text, hit, denied, verdict)
                    continue
                if denied:
                    verdict.refused.append(hit)
                    continue
            if hit.roles & SUBJECT:
                verdict.live.append(hit)

    def _settled(self, text: str, hit: Hit, denied: bool, verdict: Verdict) -> None:
        """A word like "修好了": what came before is over, unless it is denied or only wished for."""
        clause = _clause(text, hit.start)
        if denied or any(word in clause for word in self._until):
            verdict.groups.setdefault("appeal", []).append(hit)
            return
        verdict.done = True
        verdict.live = [h for h in verdict.live if not h.roles & FAULTS]
        for group in ("lasting", "appeal", "petition"):
            if group in verdict.groups:
                verdict.groups[group] = [h for h in verdict.groups[group] if h.start > hit.start]

    def _refuses(self, text: str, hit: Hit) -> bool:
        """Is the word denied ("没停", "不漏")? A question ("漏不漏", "是不是") or a fault of lacking is not."""
        for at in (hit.core, hit.start) if hit.core != hit.start else (hit.start,):
            if text[at - 1 : at] not in self._lasts or text[at : at + 1] in self._negatives:
                continue
            before = text[max(0, at - 6) : at]
            match = self._denied.search(before)
            if match and not _choice(before, match.start(), text[at : at + 1]):
                return True
        return False

    def _bare_refusal(self, text: str, phrase: Hit, hits: list[Hit]) -> bool:
        """A phrase that ends in a bare refusal ("燃气~没") denies the fault after it, and ends a clause only to ask."""
        if text[phrase.core : phrase.end] not in self._negatives:
            return False
        if BREAK.match(text[phrase.end : phrase.end + 1] or " "):
            return True
        return any(hit.start == phrase.end and (hit.roles & FAULTS or "done" in hit.groups) for hit in hits)

    def _settle(self, text: str, verdict: Verdict) -> None:
        """Add up, decide, and name the kind."""
        groups = verdict.groups
        found = Subjects.of(verdict.live)
        cost = _cost(found, groups, text)
        verdict.evidence = _worth(found, groups) - cost
        subject = bool(found.things or found.weak or found.faults or found.strong or groups.get("place"))
        petition = subject and any(not self._refuses(text, hit) for hit in groups.get("petition", ()))
        named = bool(found.things or found.strong or petition)
        lasting = bool(found.things and groups.get("place") and groups.get("lasting") and not cost)
        asked = bool(groups.get("appeal") and (found.things or found.weak))
        wrong = found.faults or groups.get("appeal")
        verdict.near = bool(found.things or found.whole or ((found.weak or groups.get("place")) and wrong))
        verdict.ours = bool(groups.get("place") or any(hit.roles & _CRY for hit in found.strong))
        praise = groups.get("praise")
        late = [hit for hit in found.strong + found.special if praise and hit.core > praise[-1].start]
        verdict.irony = bool(late and groups.get("lasting") and not verdict.done and groups.keys().isdisjoint(_WEIGHED))
        if named:
            verdict.fault = bool(found.strong or found.faults or petition or asked or lasting)
        else:  # a fault of nothing: only where it is at least said to be here
            verdict.fault = bool(found.special and groups.get("place"))
        cues = bool(found.things) or any(groups.get(group) for group in WORTH)
        complains = verdict.fault and verdict.evidence >= (TICKET_AT if cues else FAR_AT)
        verdict.reasons = [h.word for h in (*found.strong, *found.things, *found.faults, *groups.get("appeal", ()))]
        loud = "" if groups.keys().isdisjoint(_LOUD) else loud_kind(groups, len(text), complains)
        verdict.kind = loud or ("complaint" if complains else quiet_kind(groups, verdict.done))


def _worth(found: Subjects, groups: Groups) -> float:
    """The evidence for a complaint. One word that is both thing and fault counts once."""
    subjects = found.things + found.weak
    alone = id(subjects[0]) if len(subjects) == 1 else 0
    faults = [hit for hit in found.faults if id(hit) != alone]
    whole = set() if faults else {(hit.start, hit.end) for hit in found.strong}
    named = any((hit.start, hit.end) not in whole for hit in found.things)  # a thing that is the complaint counts once
    total = 1.0 if named else 0.5 if found.weak else 0.0
    total += 2.0 if found.strong else 1.0 if faults else 0.0
    total += 0.25 * min(3, max(0, len({hit.core for hit in found.faults + found.strong}) - 1))
    if found.things and not found.strong and _agree(found.things, faults):
        total += 0.5
    if any(hit.roles & _CRY for hit in found.strong):
        total += 1.0
    counted = [hit.start for hit in found.faults]
    for group, worth in WORTH.items():
        if group in groups:
            fresh = len([hit for hit in groups[group] if hit.start not in counted])
            total += min(_MOST[group], worth * fresh)
    return total


def _cost(found: Subjects, groups: Groups, text: str) -> float:
    """The evidence against: news, questions, chat, and thanks or praise after which no fault comes."""
    cost = 0.0
    for group, price in COST.items():
        if group in groups and not (group == "world" and groups.get("place")):
            cost += min(MOST_COST.get(group, price), price * len(groups[group]))
    if groups.get("ask") and "?" in text and not groups.get("lasting"):
        cost += 1.0
    thanks = groups.get("thanks")
    if (
        thanks
        and not groups.get("appeal")
        and not any(hit.core < thanks[0].start for hit in found.strong + found.faults)
    ):
        cost += 1.5  # after a fault it is only polite
    if groups.get("praise"):
        last = groups["praise"][-1].start
        cost += 0.0 if any(hit.core > last for hit in found.strong + found.special) else 2.0
    return cost


def _choice(before: str, start: int, following: str) -> bool:
    """`X不X`: the same character on both sides of the refusal."""
    left = before[start - 1 : start]
    right = before[start + 1 : start + 2] or following
    return bool(left) and left == right


def _within(hit: Hit, whole: Hit) -> bool:
    """Does a word lie inside a whole phrase, which then says better what was meant?"""
    if whole.core > whole.start:  # a phrase with a gap: what lies in the gap was not meant by it
        return whole.start == hit.start and hit.end <= whole.end
    return whole.start <= hit.start and hit.end <= whole.end


def _agree(things: list[Hit], faults: list[Hit]) -> bool:
    """Do a thing and a fault belong to one category?"""
    named = {mark.group for hit in things for mark in hit.marks if mark.role == THING}
    return any(mark.role == PROBLEM and mark.group in named for hit in faults for mark in hit.marks)


def _clause(text: str, at: int) -> str:
    """The clause around a place, no more than 60 characters of it."""
    before = BREAK.split(text[max(0, at - 30) : at])[-1]
    return before + BREAK.split(text[at : at + 30])[0]
