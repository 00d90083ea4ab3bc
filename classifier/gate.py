"""Complaint or not: the evidence in a message, read from front to back so that the last word counts."""

import re
from dataclasses import dataclass, field

from classifier.load import CRY, DANGER, GATE, HINT, PROBLEM, STRONG, THING, WEAK, Lexicon
from classifier.scan import Hit

TICKET_AT = 2.0
FAR_AT = 2.5  # what is needed when nothing says that it is here and goes on
_WORTH = {"place": 0.5, "lasting": 0.5, "appeal": 1.0, "petition": 1.5}
_MOST = {"place": 0.5, "lasting": 1.0, "appeal": 1.5, "petition": 1.5}
_COST = {"news": 2.5, "discuss": 2.0, "suggest": 0.5, "elsewhere": 2.0, "chat": 0.75, "past": 0.5, "ask": 1.5, "lost": 2.0, "memory": 2.0, "seek": 1.5, "sorry": 1.5, "mourning": 5.0}
_MOST_COST = {"chat": 1.5, "ask": 2.0, "news": 3.0, "discuss": 3.0}
_PATTERNED = frozenset({"ad", "ad_strong", "notice", "notice_strong", "vote", "jielong"})
_NOWHERE = Hit(0, 0, 0, "", ())
_BREAK = re.compile(r"[，。！？；、,.!?;:：\s]")


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
    groups: dict[str, list[Hit]] = field(default_factory=dict)


def roles(hit: Hit) -> set[int]:
    """The roles a word can play."""
    return {mark.role for mark in hit.marks}


class Gate:
    """The rules of the gate, made from the lexicon."""

    def __init__(self, lexicon: Lexicon) -> None:
        """Refusals become one expression that looks back from a word."""
        self._patterns = lexicon.patterns
        denied = [w for w, marks in lexicon.words.items() if any(m.group == "refuse" for m in marks)]
        self._negatives = tuple(sorted((w for w in denied if len(w) == 1), key=len))
        self._denied = re.compile("(?:" + "|".join(sorted(map(re.escape, denied), key=len, reverse=True)) + ")$")
        self._asked = [w for w, marks in lexicon.words.items() if any(m.group == "until" for m in marks)]

    def glance(self, text: str, names: list[str]) -> str:
        """The kind of a message known to hold no complaint; patterns run only where they may fit."""
        verdict = Verdict()
        for name in names:
            verdict.groups.setdefault(name, []).append(_NOWHERE)
        if text[:1].isascii() or not verdict.groups.keys().isdisjoint(_PATTERNED):
            self._match_patterns(text, verdict)
        return self._kind(text, verdict)

    def judge(self, text: str, hits: list[Hit]) -> Verdict:
        """Weigh every word, then name the kind of message."""
        verdict = Verdict()
        for hit in hits:
            for mark in hit.marks:
                if mark.role == GATE:
                    verdict.groups.setdefault(mark.group, []).append(hit)
        self._match_patterns(text, verdict)
        whole = [h for h in hits if STRONG in roles(h)]
        for group in _COST:
            inside = [h for h in verdict.groups.get(group, ()) if not any(_within(h, w) for w in whole)]
            verdict.groups[group] = inside
        self._read(text, hits, verdict)
        self._settle(text, verdict)
        return verdict

    def _match_patterns(self, text: str, verdict: Verdict) -> None:
        for group, patterns in self._patterns.items():
            for pattern in patterns:
                match = pattern.search(text)
                if match:
                    found = Hit(match.start(), match.end(), match.start(), match.group(), ())
                    verdict.groups.setdefault(group, []).append(found)
                    break

    def _read(self, text: str, hits: list[Hit], verdict: Verdict) -> None:
        """Front to back: faults add, what is settled wipes the faults before it."""
        starts = {h.start for h in hits if roles(h) & {PROBLEM, STRONG} or any(m.group == "done" for m in h.marks)}
        for hit in hits:
            what = roles(hit)
            if what & {PROBLEM, STRONG, DANGER} or any(m.group == "done" for m in hit.marks):
                denied = self._refuses(text, hit)
                settled = any(m.group == "done" for m in hit.marks)
                if settled and not what & {PROBLEM, STRONG}:
                    self._settled(text, hit, denied, verdict)
                    continue
                if denied or (self._bare_refusal(text, hit) and hit.end in starts):
                    verdict.refused.append(hit)
                    continue
            if what & {THING, WEAK, PROBLEM, STRONG, HINT}:
                verdict.live.append(hit)
        denied_now = {id(hit) for hit in verdict.refused}
        verdict.live = [hit for hit in verdict.live if id(hit) not in denied_now]

    def _settled(self, text: str, hit: Hit, denied: bool, verdict: Verdict) -> None:
        clause = _clause(text, hit.start)
        wanted = any(word in clause for word in self._asked)
        if denied or wanted:
            verdict.groups.setdefault("appeal", []).append(hit)
            return
        verdict.done = True
        keep = [h for h in verdict.live if not roles(h) & {PROBLEM, STRONG}]
        verdict.live = keep
        verdict.groups = {
            group: [h for h in found if h.start > hit.start or group not in _WORTH or group == "place"]
            for group, found in verdict.groups.items()
        }

    def _refuses(self, text: str, hit: Hit) -> bool:
        """Is the word denied ("没停", "不漏")? A question ("漏不漏", "是不是") or a fault of lacking is not."""
        for at in {hit.core, hit.start}:
            if text[at : at + 1] in self._negatives:
                continue
            before = text[max(0, at - 6) : at]
            match = self._denied.search(before)
            if match and not self._choice(before, match.start(), text[at : at + 1]):
                return True
        return False

    def _bare_refusal(self, text: str, hit: Hit) -> bool:
        """A phrase that ends in a bare refusal ("燃气~没"): before another fault it denies that fault."""
        return hit.core > hit.start and text[hit.core : hit.end] in self._negatives

    @staticmethod
    def _choice(before: str, start: int, following: str) -> bool:
        """`X不X`: the same character on both sides of the refusal."""
        left = before[start - 1 : start]
        right = before[start + 1 : start + 2] or following
        return bool(left) and left == right

    def _settle(self, text: str, verdict: Verdict) -> None:
        groups = verdict.groups
        things = [h for h in verdict.live if THING in roles(h)]
        weak = [h for h in verdict.live if WEAK in roles(h)]
        strong = [h for h in verdict.live if STRONG in roles(h)]
        faults = [h for h in verdict.live if PROBLEM in roles(h)]
        special = [h for h in faults if any(m.role == PROBLEM and m.group for m in h.marks)]
        alone = {id(h) for h in things + weak} if len(things + weak) == 1 else set()
        total = 1.0 if things else 0.5 if weak else 0.0
        total += 2.0 if strong else 1.0 if any(id(h) not in alone for h in faults) else 0.0
        total += 0.25 * min(3, max(0, len({h.core for h in faults + strong}) - 1))
        total += 0.5 if things and not strong and _agree(things, [h for h in special if id(h) not in alone]) else 0.0
        total += 0.5 if any(m.role == CRY for h in strong for m in h.marks) else 0.0
        counted = {h.start for h in faults}
        for group, worth in _WORTH.items():
            total += min(_MOST[group], worth * sum(h.start not in counted for h in groups.get(group, ())))
        cost = 0.0
        for group, price in _COST.items():
            cost += min(_MOST_COST.get(group, price), price * len(groups.get(group, ())))
        if groups.get("thanks") and not groups.get("appeal") and groups["thanks"][0].start <= 6:
            cost += 1.5
        if groups.get("praise"):
            last = groups["praise"][-1].start
            cost += 0.0 if any(h.core > last for h in strong + special) else 2.0
        verdict.evidence = total - cost
        soft = bool(things and groups.get("place") and groups.get("lasting") and not cost)
        petition = any(not self._refuses(text, h) for h in groups.get("petition", ()))
        verdict.fault = bool(strong or faults or petition or (groups.get("appeal") and (things or weak)) or soft)
        if not (strong or things or petition):  # a fault of nothing: only where it is at least said to be here
            verdict.fault = bool(special and groups.get("place"))
        verdict.reasons = [h.word for h in (*strong, *things, *faults, *groups.get("appeal", ()))]
        verdict.kind = self._kind(text, verdict)

    def _kind(self, text: str, verdict: Verdict) -> str:
        """The kind of message; lists, ballots, offers and announcements first, as they quote faults freely."""
        groups = verdict.groups
        if groups.get("jielong"):
            return "jielong"
        cues = any(groups.get(group) for group in _WORTH)
        enough = verdict.evidence >= (TICKET_AT if cues else FAR_AT)
        short = len(text) <= 20 and not groups.get("appeal")
        urgent_tone = len(groups.get("appeal", ())) + len(groups.get("lasting", ()))
        offers = len(groups.get("ad", ()))
        if groups.get("ad_strong") and urgent_tone < (3 if offers >= 2 else 1):
            return "ad"
        if offers >= 3 and urgent_tone < 2:
            return "ad"
        if groups.get("notice_strong") and not groups.get("appeal"):
            return "notice"
        if groups.get("vote") and (short or not enough):
            return "vote"
        if verdict.fault and enough:
            return "complaint"
        return _quiet_kind(groups, verdict.done)


def _within(hit: Hit, whole: Hit) -> bool:
    """Does a word lie inside a whole phrase, which then says better what was meant?"""
    if whole.core > whole.start:  # a phrase with a gap: what lies in the gap was not meant by it
        return whole.start == hit.start and hit.end <= whole.end
    return whole.start <= hit.start and hit.end <= whole.end


def _agree(things: list[Hit], faults: list[Hit]) -> bool:
    """Do a thing and a fault belong to one category?"""
    named = {m.group for h in things for m in h.marks if m.role == THING}
    return any(m.role == PROBLEM and m.group in named for h in faults for m in h.marks)


def _quiet_kind(groups: dict[str, list[Hit]], done: bool) -> str:
    """What a message without a complaint is."""
    if groups.get("thanks") or groups.get("praise"):
        return "thanks"
    if len(groups.get("notice", ())) >= 2:
        return "notice"
    if groups.get("news") or done:
        return "chat"
    if groups.get("ask"):
        return "question"
    if groups.get("suggest") or groups.get("discuss"):
        return "suggestion"
    return "chat"


def _clause(text: str, at: int) -> str:
    """The clause around a place."""
    start = max((m.end() for m in _BREAK.finditer(text, 0, at)), default=0)
    after = _BREAK.search(text, at)
    return text[start : after.start() if after else len(text)]
