"""The classifier: a message in, a `Guess` out. No input or output after it is built."""

from collections.abc import Iterable, Mapping

from classifier.cut import boundaries, cutter
from classifier.danger import find_danger
from classifier.gate import Gate, Verdict
from classifier.load import Lexicon, own_lexicon
from classifier.scan import (
    CAN_CRY,
    CAN_CUE,
    CAN_FAULT,
    CAN_GENERIC,
    CAN_KIND,
    CAN_STRONG,
    CAN_THING,
    CAN_WEAK,
    KIND_GROUPS,
    Hit,
    Look,
    Scanner,
)
from classifier.score import describe, rank, votes
from domain.guess import Guess

_OTHER = "other"
_STAFF = frozenset({"property", "community"})
_REASONS = 8
KINDS = ("complaint", "question", "suggestion", "thanks", "notice", "ad", "jielong", "vote", "chat")


class Classifier:
    """Keyword rules first. Everything it knows is in the lexicon; every guess says which words decided."""

    def __init__(self, lexicon: Lexicon | Mapping[str, Iterable[str]], engine: str = "") -> None:
        """`engine` names the word cutter ("rjieba", "jieba"); by default the faster one installed."""
        self.lexicon = lexicon if isinstance(lexicon, Lexicon) else own_lexicon(lexicon)
        codes = self.lexicon.codes
        self._fallback = _OTHER if _OTHER in codes else (codes[-1] if codes else "")
        self._scanner = Scanner(self.lexicon)
        self._gate = Gate(self.lexicon)
        self._cut = cutter(engine)
        category, probability, runner_up = rank(votes(codes, []), self._fallback)
        self._quiet = {
            kind: Guess(False, kind, category, round(probability, 4), runner_up, False, ()) for kind in KINDS
        }

    def guess(self, text: str, sender_role: str | None = None) -> Guess:
        """What this message is. Most chat leaves after the scan, before any word is cut."""
        text = self.lexicon.normaliser.message(text)
        look = self._scanner.look(text)
        alarm = self._scanner.could_alarm(look.could)
        if not alarm and not self._worth_reading(look.could, text):
            return self._glance(text, look, sender_role)
        hits = self._scanner.hits(text, look, boundaries(text, self._cut))
        verdict = self._gate.judge(text, hits)
        danger, words = "", tuple[str, ...]()
        if alarm and verdict.kind not in ("jielong", "ad", "notice"):
            danger, words = find_danger(self.lexicon, hits, verdict.refused)
        return self._answer(verdict, danger, words, sender_role)

    def _worth_reading(self, could: int, text: str) -> bool:
        """Could the words found amount to a complaint at all? Where only a place is missing, look for a room number."""
        if could & CAN_STRONG and could & (CAN_CRY | CAN_THING | CAN_WEAK | CAN_FAULT | CAN_CUE):
            return True
        if could & CAN_FAULT and could & (CAN_THING | CAN_CUE):
            return True
        named = could & (CAN_THING | CAN_WEAK)
        if named and could & CAN_GENERIC and could & (CAN_CUE | CAN_THING):
            return True
        if not (could & (CAN_STRONG | CAN_FAULT) or (named and could & CAN_GENERIC)):
            return False
        return any(pattern.search(text) for pattern in self.lexicon.patterns["place"])

    def _glance(self, text: str, look: Look, sender_role: str | None) -> Guess:
        """The answer for a message that cannot be a complaint, from the raw words alone."""
        kind, could = "chat", look.could
        if could & CAN_KIND or text[:1].isascii() or sender_role == "outsider":
            marks = (mark for which, _, _ in look.words for mark in self._scanner.marks_of(which))
            groups = [mark.group for mark in marks if mark.group in KIND_GROUPS or mark.group == "chat"]
            kind = "ad" if sender_role == "outsider" else self._gate.glance(text, groups)
        if not could & CAN_THING and not (could & (CAN_FAULT | CAN_STRONG) and kind != "chat"):
            return self._quiet[kind]
        hits = [Hit(at, end, at, text[at:end], self._scanner.marks_of(which), 0, ()) for which, at, end in look.words]
        category, probability, runner_up = rank(votes(self.lexicon.codes, hits), self._fallback)
        matter = describe(self.lexicon, category, hits)[0]
        return Guess(False, kind, category, round(probability, 4), runner_up, False, (), "", matter)

    def _answer(self, verdict: Verdict, danger: str, words: tuple[str, ...], sender_role: str | None) -> Guess:
        kind = verdict.kind
        if sender_role == "outsider" and not danger:
            kind = "ad"
        elif sender_role in _STAFF and kind == "complaint" and not verdict.groups.get("proxy"):
            kind = "notice"
        if sender_role in _STAFF and verdict.groups.get("acting"):
            danger = ""
        ticket = bool(danger) or kind == "complaint"
        scores = votes(self.lexicon.codes, verdict.live)
        if danger:
            home = self.lexicon.homes.get(danger, "")
            if home in scores:
                scores[home] += 1.5
        category, probability, runner_up = rank(scores, self._fallback)
        matter, summary = describe(self.lexicon, category, verdict.live)
        return Guess(
            ticket=ticket,
            kind="complaint" if ticket else kind,
            category=category,
            probability=round(probability, 4),
            runner_up=runner_up,
            urgent=bool(danger),
            reasons=tuple(dict.fromkeys((*words, *verdict.reasons)))[:_REASONS],
            danger=danger,
            matter=matter,
            summary=(self.lexicon.alarms.get(danger, summary) if danger else summary) if ticket else "",
        )
