"""The classifier: a message in, a `Guess` out. No input or output after it is built."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from classifier.counts import Features, features
from classifier.cut import boundaries, cutter
from classifier.danger import find_danger, nearest_danger
from classifier.examples import Examples, Seed, count, seeds
from classifier.gate import TICKET_AT, Gate, Verdict
from classifier.kind import quiet_kind
from classifier.load import Lexicon, own_lexicon
from classifier.scan import (
    CAN_FAULT,
    CAN_KIND,
    CAN_STRONG,
    CAN_THING,
    KIND_GROUPS,
    Hit,
    Look,
    Scanner,
    hope,
)
from classifier.score import describe, mix, rank, votes
from domain.guess import Guess

_OTHER = "other"
_LONG, _LIMIT = 200, 4_000  # characters: from here on runs of one character are cut, more is not read
_RUNS = re.compile(r"(.)\1{3,}", re.DOTALL)
UNCLEAR = "unclear"  # a danger, but which?
_STAFF = frozenset({"property", "community"})
_REASONS = 8
_PIECES = 3  # of a message, shown where the examples decided
_NOTHING: Features = frozenset()
BALANCE = 0.5  # what one point of the rules' evidence is worth beside the examples' odds
LEAST = 1.0  # without so much to hope for from the words, the examples are not asked
NEEDED = 0.4
RULED = 0.3  # less is needed where the rules alone say complaint
DISTANT = 0.7  # more where no thing and no place of ours is named
VAGUE = 0.18  # of what is heard by the examples alone, the category must be likelier
CALM = -3.0  # odds of a cry for help too low for the rules to be believed
CRY = 1.5  # odds of a cry for help, beside a word of the danger
LOUD_CRY = 2.2  # odds with which any word of a danger will do, where the rules say complaint
LOUDEST_CRY = 2.8  # and where they do not
LOUD = frozenset({"jielong", "vote", "ad", "notice"})  # never complaints, whatever the examples say
KINDS = ("complaint", "question", "suggestion", "thanks", "notice", "ad", "jielong", "vote", "chat")


class Classifier:
    """Rules over the words of the lexicon, weighed with counted examples. Every guess says which words decided."""

    def __init__(
        self, lexicon: Lexicon | Mapping[str, Iterable[str]], engine: str = "", examples: Sequence[Seed] | None = None
    ) -> None:
        """`engine` names the word cutter ("rjieba", "jieba"); by default the faster one installed.

        `examples` stand in for those that ship with linli; categories of one's own go by the rules alone.
        """
        self.lexicon = lexicon if isinstance(lexicon, Lexicon) else own_lexicon(lexicon)
        codes = self.lexicon.codes
        if examples is None:
            examples = seeds() if isinstance(lexicon, Lexicon) else ()
        self._examples = count(examples, codes, self.lexicon.normaliser) if examples else None
        self._fallback = _OTHER if _OTHER in codes else (codes[-1] if codes else "")
        self._scanner = Scanner(self.lexicon)
        self._gate = Gate(self.lexicon)
        self._cut = cutter(engine)
        self._needed = NEEDED - RULED if self._examples else 0.0
        category, probability, runner_up = rank(votes(codes, []), self._fallback)
        self._quiet = {
            kind: Guess(False, kind, category, round(probability, 4), runner_up, False, ()) for kind in KINDS
        }

    def guess(self, text: str, sender_role: str | None = None) -> Guess:
        """What this message is. Most chat leaves after the scan, before any word is cut."""
        text = self.lexicon.normaliser.message(text if len(text) < _LONG else _RUNS.sub(r"\1\1\1", text[:_LIMIT]))
        look = self._scanner.look(text)
        alarm = self._scanner.could_alarm(look.could)
        pieces, odds, best = _NOTHING, 0.0, hope(look.could)
        if self._examples and (alarm or best >= LEAST):
            pieces = features(text)
            odds = self._examples.ticket.score(pieces)
        if not alarm and (best < LEAST or odds + BALANCE * (best - TICKET_AT) < self._needed):
            return self._glance(text, look, sender_role)
        hits = self._scanner.hits(text, look, boundaries(text, self._cut))
        verdict = self._gate.judge(text, hits)
        if self._examples and verdict.kind not in LOUD:
            self._weigh(verdict, odds, pieces, self._examples)
        danger, words, outright = self._danger(hits, verdict, alarm, pieces)
        guess = self._answer(verdict, danger, words, sender_role, pieces, outright=outright)
        return guess if outright or not guess.urgent else self._fitting(guess)

    def _fitting(self, guess: Guess) -> Guess:
        """A danger that was not said outright must be of the message's own category; else it is the category's own, or
        nobody knows which: a wrong safety card is worse than a general one."""
        home = self.lexicon.homes
        if home.get(guess.danger) == guess.category:
            return guess
        own = [danger for danger, category in home.items() if category == guess.category]
        if len(own) == 1:
            return replace(guess, danger=own[0], summary=self.lexicon.alarms.get(own[0], guess.summary))
        return replace(guess, danger=UNCLEAR, summary=guess.matter or self.lexicon.short(guess.category))

    def _danger(
        self, hits: list[Hit], verdict: Verdict, alarm: bool, pieces: Features
    ) -> tuple[str, tuple[str, ...], bool]:
        """By the rules (then it was said outright); else a complaint that sounds like the urgent examples, with a word
        of danger in it."""
        cry = self._examples.urgent.score(pieces) if self._examples else 0.0
        found: tuple[str, tuple[str, ...]] = ("", ())
        if alarm and verdict.kind not in ("jielong", "ad", "notice") and cry > CALM:
            found = find_danger(self.lexicon, hits, verdict.refused)
        outright = bool(found[0])
        if not found[0] and verdict.kind == "complaint" and cry >= CRY:
            sure = cry >= (LOUD_CRY if verdict.ruled else LOUDEST_CRY)
            found = nearest_danger(self.lexicon, hits, verdict.refused, sure)
        return *found, outright

    def _weigh(self, verdict: Verdict, odds: float, pieces: Features, examples: Examples) -> None:
        """The rules' evidence and the examples' odds together decide."""
        verdict.ruled = verdict.kind == "complaint"
        needed = NEEDED - RULED if verdict.ruled else NEEDED if verdict.near else NEEDED + DISTANT
        if odds + BALANCE * (verdict.evidence - TICKET_AT) >= needed:
            verdict.kind = "complaint"
            if not verdict.ruled:
                verdict.reasons += examples.ticket.strongest(pieces, _PIECES)
        elif verdict.ruled:
            verdict.kind = quiet_kind(verdict.groups, verdict.done)

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

    def _answer(
        self,
        verdict: Verdict,
        danger: str,
        words: tuple[str, ...],
        sender_role: str | None,
        pieces: Features,
        *,
        outright: bool,
    ) -> Guess:
        kind = verdict.kind
        if sender_role == "outsider" and not danger:
            kind = "ad"
        elif sender_role in _STAFF and kind == "complaint" and not verdict.groups.get("proxy"):
            kind = "notice"
        if sender_role in _STAFF and verdict.groups.get("acting"):
            danger = ""
        scores = votes(self.lexicon.codes, verdict.live)
        if danger and outright:
            home = self.lexicon.homes.get(danger, "")
            if home in scores:
                scores[home] += 1.5
        if self._examples:
            sorter = self._examples.category
            scores = mix(scores, sorter.scores(pieces), sorter.examples)
        category, probability, runner_up = rank(scores, self._fallback)
        if kind == "complaint" and self._examples and not verdict.ruled and probability < VAGUE:
            kind = "chat"
        ticket = bool(danger) or kind == "complaint"
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
            outright=outright and bool(danger),
            summary=(self.lexicon.alarms.get(danger, summary) if danger else summary) if ticket else "",
        )
