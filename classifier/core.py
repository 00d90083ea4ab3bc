"""The classifier: a message in, a `Guess` out. No input or output after it is built."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from classifier.counts import TENTHS, Example, Features, features, plain
from classifier.cut import Cutter, boundaries, cutter
from classifier.danger import find_danger, nearest_danger
from classifier.examples import Seed, seeds, shipped
from classifier.gate import TICKET_AT, Gate, Verdict
from classifier.kind import quiet_kind
from classifier.learned import Learned, Snapshot, merge, tenths
from classifier.load import THING, WEAK, Lexicon, Mark, own_lexicon
from classifier.model import Odds, Opinion, Sorter
from classifier.phrase import BREAK
from classifier.scan import (
    CAN_FAULT,
    CAN_KIND,
    CAN_STRONG,
    CAN_THING,
    CAN_WRONG,
    KIND_GROUPS,
    Hit,
    Look,
    Scanner,
    bit,
    hope,
)
from classifier.score import describe, mix, rank, votes
from classifier.sound import Ear
from classifier.suggest import Sent, Suggestion, suggest
from classifier.version import version
from domain.guess import Guess

_OTHER = "other"
_LONG, _LIMIT = 200, 4_000  # characters: from here on runs of one character are cut, more is not read
_RUNS = re.compile(r"(.)\1{3,}", re.DOTALL)
UNCLEAR = "unclear"  # a danger, but which?
_STAFF = frozenset({"property", "community"})
_REASONS = 8
_PIECES = 3  # of a message, shown where the examples decided
_CLAUSE, _CLAUSES = 3, 8  # characters of a clause that can be a matter; clauses that are looked at
_NOTHING: Features = frozenset()
_KEYWORD = "="  # before a word of the lexicon that is counted as a piece
_LEXICON = 10 * TENTHS  # a word of one's own category counts like ten examples that have it
TAKEN = 1.5  # what a word that a compound took in speaks for its category
BALANCE = 0.5  # what one point of the rules' evidence is worth beside the examples' odds
LEAST = 1.0  # without so much to hope for from the words, the examples are not asked
NEEDED = 0.65
RULED = 0.25  # less is needed where the rules alone say complaint
OURS = 0.2  # and less still where a place of ours is named
DISTANT = 0.6  # more where neither a thing nor a place of ours is named
VAGUE = 0.18  # of what is heard by the examples alone, the category must be likelier
SURE = 0.5  # the least probability of each of two matters in one message
CALM = -1.2  # odds of a cry for help too low for the rules to be believed
CRY = 2.0  # odds of a cry for help, beside words of a danger
LOUD_CRY = 2.6  # odds with which half the words of a danger will do
LOUD = frozenset({"jielong", "vote", "ad", "notice"})  # never complaints, whatever the examples say
KINDS = ("complaint", "question", "suggestion", "thanks", "notice", "ad", "jielong", "vote", "chat")


@dataclass(frozen=True, slots=True)
class Shared:
    """What never changes, and is there once for all compounds."""

    lexicon: Lexicon
    scanner: Scanner
    gate: Gate
    ear: Ear
    cut: Cutter
    sorter: Sorter
    ticket: Odds
    urgent: Odds | None  # None: there are no shipped examples of these categories
    version: str


def _shared(lexicon: Lexicon | Mapping[str, Iterable[str]], engine: str, examples: Sequence[Seed] | None) -> Shared:
    if isinstance(lexicon, Lexicon):
        found, stamp = lexicon, version()
    else:
        words = {code: tuple(words) for code, words in lexicon.items()}
        found, stamp = own_lexicon(words), version(words)
    own = not isinstance(lexicon, Lexicon)
    if examples is None:
        examples = () if own else seeds()
    extra: list[Example] = []
    if own:
        for word, marks in found.words.items():
            groups = {mark.group for mark in marks if mark.group in found.codes}
            extra += [(frozenset([_KEYWORD + word]), found.codes.index(group), _LEXICON) for group in sorted(groups)]
    sorter, ticket, urgent = shipped(examples, found.codes, found.normaliser, extra)
    known = urgent if examples else None
    cut = cutter(engine)
    return Shared(found, Scanner(found), Gate(found), Ear(found, cut), cut, sorter, ticket, known, stamp)


class Classifier:
    """Rules over the words of the lexicon, weighed with counted examples. Every guess says which words decided.

    What a compound teaches is counted apart: `for_counts` gives each its own classifier on the same base.
    """

    def __init__(
        self, lexicon: Lexicon | Mapping[str, Iterable[str]], engine: str = "", examples: Sequence[Seed] | None = None
    ) -> None:
        """`engine` names the word cutter ("rjieba", "jieba"); by default the faster one installed.

        `examples` stand in for those that ship with linli; categories of one's own go by the rules and by what is
        learned alone.
        """
        self._start(_shared(lexicon, engine, examples))

    def _start(self, shared: Shared, counts: Mapping[str, Any] | None = None) -> None:
        self._shared = shared
        self.lexicon = shared.lexicon
        self.version = shared.version
        codes = self.lexicon.codes
        self._learned = Learned(codes)
        if counts:
            self._learned.include(counts)
        self._opinion = Opinion(shared.sorter, shared.ticket, self._learned)
        self._fallback = _OTHER if _OTHER in codes else (codes[-1] if codes else "")
        self._needed = NEEDED - RULED if shared.urgent else 0.0
        category, probability, runner_up = rank(votes(codes, []), self._fallback)
        self._quiet = {
            kind: Guess(False, kind, category, round(probability, 4), runner_up, False, ()) for kind in KINDS
        }

    # --- Learning ---------------------------------------------------------------------------------------------------

    def for_counts(self, counts: Mapping[str, Any] | None = None) -> "Classifier":
        """A classifier with these learned counts (or none) on the same base; cheap, and independent of this one."""
        found = Classifier.__new__(Classifier)
        found._start(self._shared, counts)
        return found

    def learn(self, text: str, category: str, weight: float = 1.0) -> None:
        """The message was about this; `weight` below 1 for weak evidence (0.3: closed, and nobody objected)."""
        self._count(text, self._learned.which(category), tenths(weight))

    def unlearn(self, text: str, category: str, weight: float = 1.0) -> None:
        """Take `learn` back, exactly."""
        self._count(text, self._learned.which(category), -tenths(weight))

    def reject(self, text: str, weight: float = 1.0) -> None:
        """The message was no complaint."""
        self._count(text, len(self.lexicon.codes), tenths(weight))

    def unreject(self, text: str, weight: float = 1.0) -> None:
        """Take `reject` back, exactly."""
        self._count(text, len(self.lexicon.codes), -tenths(weight))

    def learn_word(self, word: str, category: str) -> None:
        """From now on the word is a keyword of this category."""
        self._learned.add_word(self._word(word), category, 1)

    def unlearn_word(self, word: str, category: str) -> None:
        """Take `learn_word` back, exactly."""
        self._learned.add_word(self._word(word), category, -1)

    def _word(self, word: str) -> str:
        found = self.lexicon.normaliser.word(word).strip()
        if not found:
            raise ValueError("an empty word")
        return found

    def counts(self) -> Snapshot:
        """All that was learned, as plain data that JSON can hold."""
        return self._learned.snapshot()

    @staticmethod
    def merge(*counts: Mapping[str, Any]) -> Snapshot:
        """The sum of the counts of several compounds."""
        return merge(counts)

    def lesson(self, text: str) -> str:
        """What is worth keeping of a message: learning from it is learning from the message; numbers are one sign."""
        return plain(self._heard(text)[0])

    def suggest(self, sent: Sent) -> list[Suggestion]:
        """Words to take in: `sent` holds for each category the texts of its tickets, each with its sender's id."""
        for category in sent:
            self._learned.which(category)
        plain_talk, words = seeds(), self.lexicon.words

        def others(code: str) -> list[str]:
            return [self._normal(seed.text) for seed in plain_talk if seed.label != code]

        def known(word: str) -> bool:
            return word in words or word in self._learned.words or word in self.lexicon.loose

        return suggest(sent, self._normal, self._shared.cut, known, others)

    def _count(self, text: str, which: int, amount: int) -> None:
        text, look = self._heard(text)
        pieces = features(text)
        if not self._shared.urgent:
            pieces |= self._keywords(self._hits(text, look))
        self._learned.add(pieces, which, amount)
        self._opinion.refresh(pieces)

    # --- Guessing ---------------------------------------------------------------------------------------------------

    def _normal(self, text: str) -> str:
        return self.lexicon.normaliser.message(text if len(text) < _LONG else _RUNS.sub(r"\1\1\1", text[:_LIMIT]))

    def _heard(self, text: str) -> tuple[str, Look]:
        """The normal form and what is in it. Where something is wrong with nothing named, a name may be misspelt."""
        text = self._normal(text)
        look = self._shared.scanner.look(text)
        if look.could & CAN_WRONG and not look.could & CAN_THING:
            mended = self._shared.ear.mend(text, ((start, end) for _, start, end in look.words))
            if mended != text:
                return mended, self._shared.scanner.look(mended)
        return text, look

    def _hits(self, text: str, look: Look) -> list[Hit]:
        return self._shared.scanner.hits(text, look, boundaries(text, self._shared.cut))

    def _keywords(self, hits: Iterable[Hit]) -> Features:
        codes = self.lexicon.codes
        return frozenset(_KEYWORD + hit.word for hit in hits if any(mark.group in codes for mark in hit.marks))

    def _odds(self, pieces: Features) -> float:
        """How much it sounds like a complaint. For categories of one's own only what was learned counts."""
        odds = self._opinion.odds(pieces) if pieces else 0.0
        return odds if self._shared.urgent else odds - self._shared.ticket.score(pieces)

    def _taken(self, text: str) -> list[Hit]:
        """The words the compound took in."""
        return [
            Hit(at, at + len(word), at, word, tuple(Mark(THING, code, word) for code in sorted(found)), bit(THING), ())
            for word, found in self._learned.words.items()
            if (at := text.find(word)) >= 0
        ]

    def guess(self, text: str, sender_role: str | None = None) -> Guess:
        """What this message is. Most chat leaves after the scan, before any word is cut."""
        text, look = self._heard(text)
        shared = self._shared
        taken = self._taken(text) if self._learned.words else []
        if taken:
            look = replace(look, could=look.could | CAN_THING)
        alarm = shared.scanner.could_alarm(look.could)
        pieces, odds, best = _NOTHING, 0.0, hope(look.could)
        if best >= LEAST or alarm or self._learned or not shared.urgent:
            pieces = features(text)
            odds = self._odds(pieces)
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
        clauses = [clause for clause in BREAK.split(text[:_LIMIT]) if len(clause) >= _CLAUSE]
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
        cry = self._shared.urgent.score(pieces) if self._shared.urgent else 0.0
        found: tuple[str, tuple[str, ...]] = ("", ())
        if alarm and verdict.kind not in ("jielong", "ad", "notice") and cry > CALM:
            found = find_danger(self.lexicon, hits, verdict.refused)
        outright = bool(found[0])
        if not found[0] and verdict.kind == "complaint" and cry >= CRY:
            found = nearest_danger(self.lexicon, hits, verdict.refused, cry >= LOUD_CRY)
        return *found, outright

    def _weigh(self, verdict: Verdict, odds: float, pieces: Features) -> None:
        """The rules' evidence and the examples' odds together decide."""
        verdict.ruled = verdict.kind == "complaint"
        ruled = self._needed - (OURS if verdict.ours else 0.0)
        needed = ruled if verdict.ruled else NEEDED if verdict.near else NEEDED + DISTANT
        if odds + BALANCE * (verdict.evidence - TICKET_AT) >= needed:
            verdict.kind = "complaint"
            if not verdict.ruled:
                verdict.reasons += self._shared.ticket.strongest(pieces, _PIECES)
        elif verdict.ruled:
            verdict.kind = quiet_kind(verdict.groups, verdict.done)

    def _categories(self, hits: list[Hit], pieces: Features, home: str = "") -> dict[str, float]:
        """The score of every category: the lexicon's votes, the counted examples, and the words taken in."""
        scores = votes(self.lexicon.codes, hits)
        if home in scores:
            scores[home] += 1.5
        sorter = self._shared.sorter
        if pieces and (sorter.rows or self._learned):
            if not self._shared.urgent:
                pieces |= self._keywords(hits)
            examples = sorter.examples if self._shared.urgent else 0.0
            examples += sum(self._learned.examples[:-1]) / TENTHS
            scores = mix(scores, self._opinion.scores(pieces), examples)
        for hit in hits:
            for code in self._learned.words.get(hit.word, ()):
                scores[code] += TAKEN
        return scores

    def _glance(self, text: str, look: Look, sender_role: str | None, pieces: Features, taken: list[Hit]) -> Guess:
        """The answer for a message that cannot be a complaint, from the raw words alone."""
        kind, could = "chat", look.could
        if could & CAN_KIND or text[:1].isascii() or sender_role == "outsider":
            marks = (mark for which, _, _ in look.words for mark in self._shared.scanner.marks_of(which))
            groups = [mark.group for mark in marks if mark.group in KIND_GROUPS or mark.group == "chat"]
            kind = "ad" if sender_role == "outsider" else self._shared.gate.glance(text, groups)
        known = bool(self._learned) or not self._shared.urgent
        if not known and not could & CAN_THING and not (could & (CAN_FAULT | CAN_STRONG) and kind != "chat"):
            return self._quiet[kind]
        if self._shared.urgent:
            marks_of = self._shared.scanner.marks_of
            hits = [Hit(at, end, at, text[at:end], marks_of(which), 0, ()) for which, at, end in look.words]
        else:
            hits = self._hits(text, look)
        hits = _with(hits, taken)
        category, probability, runner_up = rank(self._categories(hits, pieces), self._fallback)
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
        category, probability, runner_up = rank(self._categories(verdict.live, pieces, home), self._fallback)
        if kind == "complaint" and self._shared.urgent and not verdict.ruled and probability < VAGUE:
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
