"""Learning: what one compound teaches, and what its messages are then read as."""

import re
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from classifier.counts import TENTHS, Features, features, plain
from classifier.examples import seeds
from classifier.learned import Learned, Snapshot, merge, tenths
from classifier.load import THING, Mark
from classifier.model import Opinion
from classifier.scan import CAN_THING, CAN_WRONG, Hit, Look, bit
from classifier.shared import KEYWORD, Shared
from classifier.suggest import Sent, Suggestion, suggest

LONG, LIMIT = 200, 4_000  # characters: from here on runs of one character are cut, more is not read
_RUNS = re.compile(r"(.)\1{3,}", re.DOTALL)
_WORD = "\x02"  # before a word of the language that is counted as a piece
SAME = "\x03"  # before the stamp of a whole message
_STAMP = 6  # bytes
OWN = 2  # a correction is worth so many of the shipped examples: more, and few lessons would drown them


class Learner:
    """What was learned on top of what is shared. Learned counts are whole numbers and stand apart."""

    def __init__(self, shared: Shared, counts: Mapping[str, Any] | None = None) -> None:
        """`counts` as `counts()` gives them."""
        self._shared = shared
        self.lexicon = shared.lexicon
        self.version = shared.version
        self._learned = Learned(self.lexicon.codes)
        if counts:
            self._learned.include(counts)
        self._opinion = Opinion(shared.sorter, shared.ticket, self._learned, 1 if shared.keywords else OWN)
        self._known = self._knows()
        self._usual = shared.ticket.usual_with(0, 0)
        self._message, self._look = shared.lexicon.normaliser.message, shared.scanner.look

    def _knows(self) -> bool:
        """Must every message be weighed? Not while nothing was learned: then the examples that ship have their say."""
        return bool(self._learned) or not self._shared.urgent

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
        self._known = self._knows()

    def unlearn_word(self, word: str, category: str) -> None:
        """Take `learn_word` back, exactly."""
        self._learned.add_word(self._word(word), category, -1)
        self._known = self._knows()

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
            return word in words or word in self._learned.taken or word in self.lexicon.loose

        return suggest(sent, self._normal, self._shared.cut, known, others)

    def _count(self, text: str, which: int, amount: int) -> None:
        lesson = plain(self._heard(text)[0])
        pieces = self._pieces(lesson) | {stamp(lesson)}
        self._learned.add(lesson, pieces, which, amount)
        self._opinion.refresh(pieces, lesson)
        self._known = self._knows()

    # --- Reading ----------------------------------------------------------------------------------------------------

    def _normal(self, text: str) -> str:
        return self._message(text if len(text) < LONG else _RUNS.sub(r"\1\1\1", text[:LIMIT]))

    def _heard(self, text: str) -> tuple[str, Look]:
        """The normal form and what is in it. Where something is wrong with nothing named, a name may be misspelt."""
        text = self._normal(text)
        look = self._look(text)
        if look.could & CAN_WRONG and not look.could & CAN_THING:
            mended = self._shared.ear.mend(text, ((start, end) for _, start, end in look.words))
            if mended != text:
                return mended, self._shared.scanner.look(mended)
        return text, look

    def _pieces(self, text: str) -> Features:
        """What is counted of a message. Of one's own categories words too: there are no shipped examples to help."""
        pieces = features(text)
        keywords = self._shared.keywords
        if keywords:
            text = plain(text)
            pieces |= {KEYWORD + word for word in keywords.find(text, self._shared.cut)}
            pieces |= {_WORD + word for word in self._shared.search(text) if len(word) > 1}
        return pieces

    def _same(self, pieces: Features) -> dict[str, float]:
        """How often the very same message was about each category, with the stamp among the pieces."""
        stamp = next((piece for piece in pieces if piece[0] == SAME and piece in self._learned.rows), "")
        row = self._learned.rows[stamp][:-1] if stamp else ()
        return {code: n / TENTHS for code, n in zip(self.lexicon.codes, row, strict=False) if n > 0}

    def _odds(self, pieces: Features) -> float:
        """How much it sounds like a complaint. For categories of one's own only what was learned counts."""
        if not self._known:
            ticket = self._shared.ticket
            return ticket.score(pieces, usual=self._usual)
        if not pieces or self._shared.urgent:
            return self._opinion.odds(pieces) if pieces else 0.0
        pieces = frozenset(piece for piece in pieces if piece[0] > _WORD)
        return self._opinion.odds(pieces) - self._shared.ticket.score(pieces)

    def _taken(self, text: str) -> list[Hit]:
        """The words the compound took in."""
        return [
            Hit(at, at + len(word), at, word, tuple(Mark(THING, code, word) for code in codes), bit(THING), ())
            for word, codes in self._learned.taken.items()
            if (at := text.find(word)) >= 0
        ]


def stamp(lesson: str) -> str:
    """A message that says the same again has the same stamp; nobody can read it back."""
    return SAME + blake2b(lesson.encode("utf-8", "replace"), digest_size=_STAMP).hexdigest()
