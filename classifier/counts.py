"""Counted examples: how often each piece of text stood in the examples of each class.

All that is kept is whole numbers, so adding is exact and needs no order; the scores come from them.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
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
        self.of = {name: Counter[str]() for name in classes}
        self.examples = dict.fromkeys(classes, 0)

    def add(self, pieces: Features, name: str) -> None:
        """Count one example of a class."""
        self.of[name].update(pieces)
        self.examples[name] += 1


class Odds:
    """Is it the second of two classes? Naive Bayes: every piece adds the logarithm of how much more often it was."""

    def __init__(self, counts: Counts, smooth: float) -> None:
        """The weight of every piece. A piece is taken to have been in `smooth` more examples, of both as is usual."""
        no, yes = counts.of.values()
        others, mine = counts.examples.values()
        share = (mine + 1) / (others + mine + 2)
        usual = math.log(share / (1 - share))
        self._weights = {
            piece: math.log((yes[piece] + smooth * share) / (no[piece] + smooth * (1 - share))) - usual
            for piece in yes.keys() | no.keys()
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
        sizes = [found.total() for found in counts.of.values()]
        self._sizes = [math.log(sum(sizes) - size + _FEW * _PIECES) for size in sizes]
        self._known = frozenset[str]().union(*counts.of.values())
        self._rows: dict[str, list[float]] = {}
        self.examples = sum(counts.examples.values())

    def scores(self, pieces: Features) -> dict[str, float]:
        """A score for every class; only differences mean anything."""
        rows = [self._rows.get(piece) or self._row(piece) for piece in self._known & pieces]
        root = math.sqrt(len(rows))
        sums = [sum(column) / root for column in zip(*rows)] if rows else [0.0] * len(self._sizes)  # noqa: B905 (speed)
        return dict(zip(self._counts.of, sums, strict=True))

    def _row(self, piece: str) -> list[float]:
        """What a piece says for each class: less where it was often in the others."""
        counts = [found[piece] for found in self._counts.of.values()]
        total = sum(counts)
        row = [size - math.log(total - n + _FEW) for n, size in zip(counts, self._sizes, strict=True)]
        self._rows[piece] = row
        return row
