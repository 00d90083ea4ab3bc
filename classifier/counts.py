"""Counted examples: how often each piece of text stood in the examples of each class.

All that is kept is whole numbers, so adding is exact, needs no order and can be taken back; the scores come from them.
"""

import math
import re
from collections.abc import Iterable, Sequence
from itertools import repeat

_MOST = 400  # characters of one message that are counted
_BREAKS = re.compile(r"[\s，。！？、,.!;；:：~…—\-()\"“”']+")
_DIGITS = re.compile(r"\d+")
_CALM = 20  # pieces that say nothing, as if in every message: a few words alone do not decide much
_FEW = 0.3  # what a piece never seen in the other classes counts as having been seen there
_PIECES = 20_000  # how many pieces the language is taken to have

Features = frozenset[str]


def features(text: str) -> Features:
    """The characters of a message and their pairs; a number is one sign, and so is a break."""
    text = f"^{_DIGITS.sub('0', _BREAKS.sub(' ', text[:_MOST])).strip()}$"
    return frozenset(text).union(map(str.__add__, text, text[1:]))


class Counts:
    """How often each piece stood in the examples of each class."""

    def __init__(self, classes: Sequence[str]) -> None:
        """No examples yet."""
        self.classes = tuple(classes)
        self.rows: dict[str, list[int]] = {}
        self.sizes = [0] * len(self.classes)  # pieces of each class
        self.examples = [0] * len(self.classes)
        self._place = {name: at for at, name in enumerate(self.classes)}

    def add(self, pieces: Iterable[str], name: str, times: int = 1) -> None:
        """Count one example of a class; `times=-1` takes it back."""
        at, number = self._place[name], 0
        for piece in pieces:
            row = self.rows.get(piece)
            if row is None:
                row = self.rows[piece] = [0] * len(self.classes)
            row[at] += times
            number += 1
        self.sizes[at] += times * number
        self.examples[at] += times


class Odds:
    """Is it the second of two classes? Naive Bayes: every piece adds the logarithm of how much more often it was."""

    def __init__(self, counts: Counts, smooth: float) -> None:
        """The weight of every piece. A piece is taken to have been in `smooth` more examples, of both as is usual."""
        no, yes = counts.examples
        share = (yes + 1) / (no + yes + 2)
        usual = math.log(share / (1 - share))
        self._weights = {
            piece: math.log((yes + smooth * share) / (no + smooth * (1 - share))) - usual
            for piece, (no, yes) in counts.rows.items()
        }

    def score(self, pieces: Features) -> float:
        """Above zero for the second class. Long messages do not shout: the sum is divided by the root of the length."""
        return sum(map(self._weights.get, pieces, repeat(0.0))) / math.sqrt(len(pieces) + _CALM)

    def strongest(self, pieces: Features, most: int) -> list[str]:
        """The pairs that spoke loudest for the second class."""
        pairs = [piece for piece in pieces if self._weights.get(piece, 0) > 0 and len(piece.strip(" ^$0")) > 1]
        return sorted(pairs, key=lambda piece: (-self._weights[piece], piece))[:most]


class Sorter:
    """Which of many classes? Complement naive Bayes: a class is likely where its pieces were rare in all the others."""

    def __init__(self, counts: Counts) -> None:
        """Rows are worked out when a piece is first met."""
        self._counts = counts
        total = sum(counts.sizes)
        self._sizes = [math.log(total - size + _FEW * _PIECES) for size in counts.sizes]
        self._rows: dict[str, list[tuple[int, float]]] = {}
        self.examples = sum(counts.examples)

    def scores(self, pieces: Features) -> dict[str, float]:
        """A score for every class; only differences mean anything."""
        known = [self._row(piece) for piece in pieces if piece in self._counts.rows]
        root = math.sqrt(len(known)) or 1.0
        scores = [len(known) * size for size in self._sizes]
        for row in known:
            for at, gain in row:
                scores[at] += gain
        return {name: score / root for name, score in zip(self._counts.classes, scores, strict=True)}

    def _row(self, piece: str) -> list[tuple[int, float]]:
        """What a piece adds to the classes it was seen in, more than to the classes it was not seen in."""
        row = self._rows.get(piece)
        if row is None:
            counts = self._counts.rows[piece]
            most = math.log(sum(counts) + _FEW)
            row = [(at, most - math.log(sum(counts) - n + _FEW)) for at, n in enumerate(counts) if n]
            self._rows[piece] = row
        return row
