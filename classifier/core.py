"""The classifier: a message in, a `Guess` out. No input or output after it is built."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from classifier.counts import TENTHS, Features, plain
from classifier.cut import boundaries
from classifier.danger import find_danger, nearest_danger
from classifier.examples import Seed
from classifier.gate import TICKET_AT, Verdict
from classifier.kind import quiet_kind
from classifier.learner import LIMIT, Learner, stamp
from classifier.load import THING, WEAK, Lexicon
from classifier.phrase import BREAK
from classifier.scan import (
    CAN_FAULT,
    CAN_KIND,
    CAN_STRONG,
    CAN_THING,
    Hit,
    Look,
    bit,
    hope,
)
from classifier.score import DISPUTED, describe, mix, own_sharp, rank, trust, votes
from classifier.shared import KEYWORD, Shared, share
from classifier.trigger import Patterns
from domain.guess import Guess

_OTHER = "other"
UNCLEAR = "unclear"  # a danger, but which?
_STAFF = frozenset({"property", "community"})
_REASONS = 8
_PIECES = 3  # of a message, shown where the examples decided
_CLAUSE, _CLAUSES = 3, 8  # characters of a clause that can be a matter; clauses that are looked at
_NOTHING: Features = frozenset()
OWN_FADE = 100  # with so many lessons the words of one's own categories are worth half
AGAIN = 1.5  # the very same message was about it before
TAKEN = 1.5  # what a word that a compound took in speaks for its category
BALANCE = 0.5  # what one point of the rules' evidence is worth beside the examples' odds
LEAST = 1.0  # without so much to hope for from the words, the examples are not asked
NEEDED = 0.65
RULED = 0.25  # less is needed where the rules alone say complaint
SLACK = 0.3  # categories of one's own have no examples: what was rejected must speak clearly
OURS = 0.2  # and less still where a place of ours is named
DISTANT = 0.6  # more where neither a thing nor a place of ours is named
VAGUE = 0.18  # of what is heard by the examples alone, the category must be likelier
UNCERTAIN, HEAVY = 0.3, 1.2  # and of what is hardly of any category, the weight
DOUBT = 0.29  # the most probability of what may be meant the other way round: so much is asked about
SURE = 0.5  # the least probability of each of two matters in one message
CALM = -1.2  # odds of a cry for help too low for the rules to be believed
CRY = 2.0  # odds of a cry for help, beside words of a danger
LOUD_CRY = 2.6  # odds with which half the words of a danger will do
LOUD = frozenset({"jielong", "vote", "ad", "notice"})  # never complaints, whatever the examples say
KINDS = ("complaint", "question", "suggestion", "thanks", "notice", "ad", "jielong", "vote", "chat")


class Classifier(Learner):
    """Rules over the words of the lexicon, weighed with counted examples. Every guess says which words decided.

    What a compound teaches is counted apart: `for_counts` gives each its own classifier on the same base.
    """

    def __init__(
        self,
        lexicon: Lexicon | Mapping[str, Iterable[str]] | Shared,
        engine: str = "",
        examples: Sequence[Seed] | None = None,
        counts: Mapping[str, Any] | None = None,
    ) -> None:
        """`engine` names the word cutter ("rjieba", "jieba"); by default the faster one installed.

        `examples` stand in for those that ship with linli; categories of one's own go by the rules and by what is
        learned alone. `counts` is what was learned before.
        """
        super().__init__(lexicon if isinstance(lexicon, Shared) else share(lexicon, engine, examples), counts)
        codes = self.lexicon.codes
        self._fallback = _OTHER if _OTHER in codes else (codes[-1] if codes else "")
        self._closing = Patterns([("", self.lexicon.patterns["closing"][:1])])  # thanks at the end are only polite
        self._heeded = self._shared.scanner.heeded
        self._needed = NEEDED - RULED if self._shared.urgent else -SLACK
        category, probability, runner_up = rank(votes(codes, []), self._fallback)
        self._quiet = {
            kind: Guess(False, kind, category, round(probability, 4), runner_up, False, ()) for kind in KINDS
        }

    def for_counts(self, counts: Mapping[str, Any] | None = None) -> "Classifier":
        """A classifier with these learned counts (or none) on the same base; cheap, and independent of this one."""
        return Classifier(self._shared, counts=counts)

    def _hits(self, text: str, look: Look) -> list[Hit]:
        return self._shared.scanner.hits(text, look, boundaries(text, self._shared.cut))

    def guess(self, text: str, sender_role: str | None = None) -> Guess:
        """What this message is. Most chat leaves after the scan, before any word is cut."""
        text, look = self._heard(text)
        shared = self._shared
        if not (look.could & self._heeded or self._known):
            return self._quiet[self._kind(text, look.could, sender_role)]
        taken = self._taken(text) if self._learned.words else []
        if taken:
            look = replace(look, could=look.could | CAN_THING)
        alarm = shared.scanner.could_alarm(look.could)
        pieces, odds, best = _NOTHING, 0.0, hope(look.could)
        if best >= LEAST or alarm or self._known:
            closing = self._closing.search(text) if look.could & CAN_KIND else None
            pieces = self._pieces(text[: closing[0][1].start()] if closing else text)
            pieces |= {stamp(plain(text))} if self._learned else _NOTHING
            odds = self._odds(pieces) if best >= LEAST or alarm else 0.0
        if not alarm and (best < LEAST or odds + BALANCE * (best - TICKET_AT) < self._needed - OURS):
            return self._glance(text, look, sender_role, pieces, taken)
        hits = _with(self._hits(text, look), taken)
        verdict = shared.gate.judge(text, hits)
        if verdict.kind not in LOUD:
            self._weigh(verdict, odds, pieces)
        danger, words, outright = self._danger(hits, verdict, alarm, pieces)
        guess = self._answer(verdict, danger, words, sender_role, pieces, outright=outright)
        return guess if outright or not guess.urgent else self._fitting(guess)

    def guess_all(self, text: str, sender_role: str | None = None) -> tuple[Guess, ...]:
        """What `guess` says, and a second matter where two clauses are complaints of their own, both beyond doubt."""
        first = self.guess(text, sender_role)
        if not first.ticket or first.urgent or first.probability < SURE or not first.matter:
            return (first,)
        clauses = [clause for clause in BREAK.split(text[:LIMIT]) if len(clause) >= _CLAUSE]
        found = [self.guess(clause, sender_role) for clause in clauses[:_CLAUSES]] if len(clauses) > 1 else []
        sure = [guess for guess in found if guess.ticket and guess.matter and guess.probability >= SURE]
        also = any(pattern.search(text) for pattern in self.lexicon.patterns["also"])
        if not also or all(guess.category != first.category for guess in sure):
            return (first,)
        return first, *[guess for guess in sure if guess.category != first.category and not guess.urgent][:1]

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
        found: tuple[str, tuple[str, ...]] = ("", ())
        if not alarm and verdict.kind != "complaint":
            return *found, False
        cry = self._shared.urgent.score(pieces) if self._shared.urgent else 0.0
        if alarm and verdict.kind not in ("jielong", "ad", "notice") and cry > CALM:
            found = find_danger(self.lexicon, hits, verdict.refused)
        outright = bool(found[0])
        if not found[0] and verdict.kind == "complaint" and cry >= CRY:
            found = nearest_danger(self.lexicon, hits, verdict.refused, cry >= LOUD_CRY)
        return *found, outright

    def _least(self, verdict: Verdict) -> float:
        """What a message must weigh to be a complaint."""
        if verdict.kind == "complaint":
            return self._needed - (OURS if verdict.ours else 0.0)
        return NEEDED if verdict.near else NEEDED + DISTANT

    @staticmethod
    def _weight(verdict: Verdict, odds: float) -> float:
        return odds + BALANCE * (verdict.evidence - TICKET_AT)

    def _weigh(self, verdict: Verdict, odds: float, pieces: Features) -> None:
        """The rules' evidence and the examples' odds together decide."""
        needed = self._least(verdict)
        verdict.ruled = verdict.kind == "complaint"
        if not self._shared.urgent and not self._learned:
            return
        verdict.weight = self._weight(verdict, odds)
        if verdict.weight >= needed:
            verdict.kind = "complaint"
            if not verdict.ruled:
                verdict.reasons += self._shared.ticket.strongest(pieces, _PIECES)
        elif verdict.irony and verdict.weight >= 0:
            verdict.kind = "complaint"
        elif verdict.ruled:
            verdict.kind = quiet_kind(verdict.groups, verdict.done)

    @staticmethod
    def _vague(verdict: Verdict, probability: float) -> bool:
        """What is of no category above others must be a complaint by the rules, or weigh much more."""
        if not verdict.ruled and probability < VAGUE:
            return True
        return probability < UNCERTAIN and verdict.weight < HEAVY and not verdict.groups.get("petition")

    def _categories(self, hits: list[Hit], pieces: Features, home: str = "") -> dict[str, float]:
        """The score of every category: the lexicon's votes, the counted examples, and the words taken in."""
        keywords, sorter = self._shared.keywords, self._shared.sorter
        learned = sum(self._learned.examples[:-1]) / TENTHS if self._known else 0.0
        if keywords:
            named = [piece[1:] for piece in pieces if piece[0] == KEYWORD]
            voted, weight = keywords.votes(named), OWN_FADE / (OWN_FADE + learned)
        else:
            voted, weight = votes(self.lexicon.codes, hits), trust(sorter.examples + learned)
        if home in voted:
            voted[home] += 1.5
        if pieces and (sorter.examples or learned):
            if self._known:
                self._opinion.settle(self._pieces)
            voted = mix(voted, self._opinion.scores(pieces), weight)
        for code, times in self._same(pieces).items() if learned else ():
            voted[code] += AGAIN * min(times, 1.0)
        for hit in hits if self._learned.taken else ():
            for code in self._learned.taken.get(hit.word, ()):
                voted[code] += TAKEN
        return voted

    def _rank(self, scores: dict[str, float]) -> tuple[str, float, str]:
        if not self._shared.keywords:
            return rank(scores, self._fallback)
        return rank(scores, self._fallback, own_sharp(sum(self._learned.examples[:-1]) / TENTHS), DISPUTED)

    def _kind(self, text: str, could: int, sender_role: str | None) -> str:
        """What a message is that cannot be a complaint."""
        if sender_role == "outsider":
            return "ad"
        return self._shared.gate.glance(text, could) if could & CAN_KIND or text[:1].isascii() else "chat"

    def _glance(self, text: str, look: Look, sender_role: str | None, pieces: Features, taken: list[Hit]) -> Guess:
        """The answer for a message that cannot be a complaint, from the raw words alone."""
        could = look.could
        kind = self._kind(text, could, sender_role)
        if not self._known and not could & CAN_THING and not (could & (CAN_FAULT | CAN_STRONG) and kind != "chat"):
            return self._quiet[kind]
        if not self._shared.keywords:
            marks_of = self._shared.scanner.marks_of
            hits = [Hit(at, end, at, text[at:end], marks_of(which), 0, ()) for which, at, end in look.words]
        else:
            hits = self._hits(text, look)
        hits = _with(hits, taken)
        category, probability, runner_up = self._rank(self._categories(hits, pieces))
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
        home = self.lexicon.homes.get(danger, "") if outright else ""
        category, probability, runner_up = self._rank(self._categories(verdict.live, pieces, home))
        if verdict.irony:
            probability = min(probability, DOUBT)  # asked about, never answered in public
        elif kind == "complaint" and self._shared.urgent and self._vague(verdict, probability):
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


def _with(hits: list[Hit], taken: list[Hit]) -> list[Hit]:
    """The words of the lexicon and those taken in, which stand instead of the same words."""
    if not taken:
        return hits
    places = {(hit.start, hit.end) for hit in taken}
    named = bit(THING) | bit(WEAK)
    kept = [hit for hit in hits if (hit.start, hit.end) not in places or hit.roles & ~named]
    return sorted([*kept, *taken], key=lambda hit: (hit.core, hit.start))
