"""Why a message is taken for what it is: every word, clause and number behind a guess, to be read by people."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from classifier.core import CRY, LOUD_CRY, Classifier
from classifier.counts import Features
from classifier.gate import COST, WORTH, Verdict
from classifier.load import GATE, Mark
from classifier.phrase import BREAK
from classifier.scan import Hit
from classifier.score import VOTE
from domain.guess import Guess

ROLES = ("thing", "weak", "problem", "hint", "strong", "cry", "gate", "danger", "veto")


@dataclass(frozen=True, slots=True)
class Said:
    """One meaning of a word that was found: its role, its category or group, and what its vote counts."""

    word: str
    role: str
    group: str
    weight: float
    label: str
    note: str = ""
    added_by: str = ""


@dataclass(frozen=True, slots=True)
class Clause:
    """What the gate alone makes of a clause. `groups` are its cues with what they count, against where negative."""

    text: str
    kind: str
    evidence: float
    done: bool
    groups: dict[str, tuple[float, tuple[str, ...]]]


@dataclass(slots=True)
class Reasoning:
    """All steps on the way to the guesses."""

    text: str
    normal: str = ""
    words: list[Said] = field(default_factory=list)
    clauses: list[Clause] = field(default_factory=list)
    evidence: float = 0.0
    odds: float = 0.0
    score: float = 0.0
    needed: float | None = None  # None: nothing to weigh, the message left after the first look
    cry: float | None = None
    cry_needed: tuple[float, float] = (CRY, LOUD_CRY)
    scores: dict[str, float] = field(default_factory=dict)
    guesses: tuple[Guess, ...] = ()


class Explainer(Classifier):
    """A classifier that writes down what it weighs."""

    _notes: Reasoning | None = None

    def explain(self, text: str, sender_role: str | None = None) -> Reasoning:
        """The guesses for a message, and everything they rest on."""
        notes = self._notes = Reasoning(text)
        self.guess(text, sender_role)
        self._notes = None
        notes.guesses = self.guess_all(text, sender_role)
        notes.normal, look = self._heard(text)
        hits = self._hits(notes.normal, look)
        notes.words = [said for hit in hits for said in self._said(hit.word, hit.marks)]
        for clause in filter(None, BREAK.split(notes.normal)):
            found = self._hits(clause, self._shared.scanner.look(clause))
            notes.clauses.append(_clause(clause, self._shared.gate.judge(clause, found)))
        return notes

    def _said(self, word: str, marks: Iterable[Mark]) -> list[Said]:
        found = []
        for mark in dict.fromkeys(marks):
            vote = VOTE.get(mark.role, 0.0) * mark.weight if mark.group in self.lexicon.codes else 0.0
            group = mark.group if mark.role >= GATE else self.lexicon.name(mark.group)
            remark = self.lexicon.remarks.get((mark.group, word)) if mark.role < GATE else None
            note, author = (remark.note, remark.added_by) if remark else ("", "")
            found.append(Said(word, ROLES[mark.role], group, vote, mark.label, note, author))
        return found

    def _weigh(self, verdict: Verdict, odds: float, pieces: Features) -> None:
        if self._notes:
            self._notes.needed = self._least(verdict)
            self._notes.evidence, self._notes.odds = verdict.evidence, odds
            self._notes.score = self._weight(verdict, odds)
        super()._weigh(verdict, odds, pieces)

    def _categories(self, hits: list[Hit], pieces: Features, home: str = "") -> dict[str, float]:
        scores = super()._categories(hits, pieces, home)
        if self._notes:
            self._notes.scores = dict(scores)
        return scores

    def _danger(
        self, hits: list[Hit], verdict: Verdict, alarm: bool, pieces: Features
    ) -> tuple[str, tuple[str, ...], bool]:
        if self._notes and self._shared.urgent:
            self._notes.cry = self._shared.urgent.score(pieces)
        return super()._danger(hits, verdict, alarm, pieces)


def _clause(text: str, verdict: Verdict) -> Clause:
    """The verdict with its cues: what speaks for a complaint and what against it."""
    groups = {
        name: (WORTH.get(name, 0.0) - COST.get(name, 0.0), tuple(dict.fromkeys(hit.word for hit in found)))
        for name, found in verdict.groups.items()
        if found
    }
    return Clause(text, verdict.kind, verdict.evidence, verdict.done, groups)
