"""The classifier: a message in, a `Guess` out. No input or output after it is built."""

from collections.abc import Iterable, Mapping

from domain.guess import Guess

from classifier.cut import boundaries, cutter
from classifier.danger import find_danger
from classifier.gate import Gate, Verdict
from classifier.load import Lexicon, own_lexicon
from classifier.scan import (
    CAN_DANGER,
    CAN_FAULT,
    CAN_GATE,
    CAN_GENERIC,
    CAN_STRONG,
    CAN_THING,
    Scanner,
)
from classifier.score import describe, rank, votes

_OTHER = "other"
_STAFF = frozenset({"property", "community"})
_REASONS = 8


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
        self._silent = self._quiet("chat")

    def guess(self, text: str, sender_role: str | None = None) -> Guess:
        """What this message is. Most chat leaves after the scan, before any word is cut."""
        text = self.lexicon.normaliser.message(text)
        could, found = self._scanner.look(text)
        if not _worth_reading(could):
            if not could & (CAN_GATE | CAN_THING) and not text[:1].isascii():
                return self._silent
        hits = self._scanner.hits(text, found, lambda: boundaries(text, self._cut))
        verdict = self._gate.judge(text, hits)
        danger, words = "", ()
        if could & CAN_DANGER and verdict.kind not in ("jielong", "ad", "notice"):
            danger, words = find_danger(self.lexicon, hits, verdict.refused)
        return self._answer(verdict, danger, words, sender_role)

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

    def _quiet(self, kind: str) -> Guess:
        scores = votes(self.lexicon.codes, [])
        category, probability, runner_up = rank(scores, self._fallback)
        return Guess(False, kind, category, round(probability, 4), runner_up, False, ())


def _worth_reading(could: int) -> bool:
    """Could the words found amount to a complaint or an alarm at all?"""
    if could & (CAN_STRONG | CAN_DANGER | CAN_FAULT):
        return True
    return bool(could & CAN_THING and could & CAN_GENERIC)
