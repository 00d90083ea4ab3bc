"""From counts to scores: which category (complement naive Bayes) and complaint or not (naive Bayes).

The rows of the shipped counts are worked out once and shared; a compound has rows of its own only for the pieces it
learned something about.
"""

import math
from collections.abc import Iterable, Sequence
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from classifier.counts import SCALE, TENTHS, Example, Features, Tally, pack, pack_all, unpack
from classifier.learned import Learned

OWN = 5  # a correction is worth so many of the shipped examples
_FEW = 0.3 * TENTHS  # what a piece never seen in the other classes counts as having been seen there
_PIECES = 20_000  # how many pieces the language is taken to have
_CALM = 20  # pieces that say nothing, as if in every message: a few words alone do not decide much
_TOP = 18.0  # above every logarithm here: rows hold no negative numbers


class Odds:
    """Is it the second of two classes? Every piece adds the logarithm of how much more often it was there."""

    def __init__(self, examples: Iterable[Example], smooth: float) -> None:
        """A piece is taken to have been in `smooth` more examples, of both as is usual."""
        self.tally = Tally(2, examples)
        others, mine = (n / TENTHS for n in self.tally.examples)
        share = (mine + 1) / (others + mine + 2)
        self._no, self._yes = smooth * (1 - share) * TENTHS, smooth * share * TENTHS
        counts = self.tally.matrix
        odds = np.rint((np.log((counts[:, 1] + self._yes) / (counts[:, 0] + self._no)) + _TOP) * SCALE)
        rows = np.stack([odds.astype(np.int64), np.ones(len(odds), np.int64)], axis=1)
        self.rows = dict(zip(self.tally.pieces(), pack_all(rows), strict=True))
        self.usual = math.log(share / (1 - share))

    def row(self, piece: str, no: int, yes: int) -> int:
        """The row of a piece with more counts than shipped."""
        base_no, base_yes = self.tally.of(piece)
        odds = math.log((max(0, base_yes + yes) + self._yes) / (max(0, base_no + no) + self._no))
        return pack((round((odds + _TOP) * SCALE), 1))

    def usual_with(self, no: int, yes: int) -> float:
        """What a piece that says nothing would weigh, with more examples than shipped."""
        base_no, base_yes = self.tally.examples
        return math.log((max(0, base_yes + yes) + TENTHS) / (max(0, base_no + no) + TENTHS))

    def score(self, pieces: Features, total: int | None = None, usual: float | None = None) -> float:
        """Above zero for the second class. Long messages do not shout: the sum is divided by the root of the length."""
        total = sum(map(self.rows.get, pieces, repeat(0))) if total is None else total
        odds, known = total & 0xFFFFFFFF, total >> 32
        usual = self.usual if usual is None else usual
        return (odds / SCALE - known * (_TOP + usual)) / math.sqrt(len(pieces) + _CALM)

    def strongest(self, pieces: Features, most: int) -> list[str]:
        """The pairs that spoke loudest for the second class."""
        least = (_TOP + self.usual) * SCALE
        known = ((self.rows.get(piece, 0) & 0xFFFFFFFF, piece) for piece in pieces if len(piece.strip(" ^$0")) > 1)
        return [piece for odds, piece in sorted(known, key=lambda pair: (-pair[0], pair[1])) if odds > least][:most]


class Sorter:
    """Which of many classes? A class is likely where the pieces of a message were rare in all the others."""

    def __init__(self, codes: Sequence[str], examples: Iterable[Example]) -> None:
        """The rows of all pieces of the examples."""
        self.codes = codes
        self.tally = Tally(len(codes), examples)
        counts = self.tally.matrix
        others = counts.sum(axis=1, keepdims=True) - counts
        logs: NDArray[np.int64] = np.rint((_TOP - np.log((others + _FEW) / TENTHS)) * SCALE).astype(np.int64)
        packed = pack_all(np.concatenate([logs, np.ones((len(logs), 1), np.int64)], axis=1)) if codes else []
        self.rows = dict(zip(self.tally.pieces(), packed, strict=False))
        self.examples = sum(self.tally.examples) / TENTHS

    def row(self, piece: str, more: Sequence[int]) -> int:
        """The row of a piece with more counts than shipped."""
        counts = [base + n for base, n in zip(self.tally.of(piece), more, strict=True)]
        whole = sum(counts)
        return pack([*(round((_TOP - math.log((max(0, whole - n) + _FEW) / TENTHS)) * SCALE) for n in counts), 1])

    def sizes(self, more: Sequence[int]) -> list[float]:
        """What a piece never met says for each class."""
        totals = [base + n for base, n in zip(self.tally.totals, more, strict=True)]
        whole = sum(totals)
        return [math.log((max(0, whole - n) + _FEW * _PIECES) / TENTHS) - _TOP for n in totals]

    def scores(self, total: int, sizes: Sequence[float]) -> dict[str, float]:
        """A score for every class from the sum of rows; only differences mean anything."""
        *sums, known = unpack(total, len(self.codes) + 1)
        root = math.sqrt(known or 1)
        return {code: (n / SCALE + known * size) / root for code, n, size in zip(self.codes, sums, sizes, strict=True)}


class Opinion:
    """The shipped rows with what one compound learned on top."""

    def __init__(self, sorter: Sorter, ticket: Odds, learned: Learned) -> None:
        """Rows of learned pieces are worked out when they are first met."""
        self.sorter, self.ticket, self.learned = sorter, ticket, learned
        self._sorted: dict[str, int] = {}
        self._odds: dict[str, int] = {}
        self.refresh(())

    def refresh(self, pieces: Iterable[str]) -> None:
        """Forget the rows of pieces whose counts changed."""
        for piece in pieces:
            self._sorted.pop(piece, None)
            self._odds.pop(piece, None)
        *totals, _ = self.learned.totals
        self._sizes = self.sorter.sizes([OWN * n for n in totals])
        *yes, no = self.learned.examples
        self._usual = self.ticket.usual_with(OWN * no, OWN * sum(yes))

    def scores(self, pieces: Features) -> dict[str, float]:
        """A score for every category."""
        own = self.learned.rows.keys() & pieces
        total = sum(map(self.sorter.rows.get, pieces - own if own else pieces, repeat(0)))
        for piece in own:
            row = self._sorted.get(piece)
            if row is None:
                row = self._sorted[piece] = self.sorter.row(piece, [OWN * n for n in self.learned.rows[piece][:-1]])
            total += row
        return self.sorter.scores(total, self._sizes)

    def odds(self, pieces: Features) -> float:
        """How much a message sounds like a complaint."""
        own = self.learned.rows.keys() & pieces
        total = sum(map(self.ticket.rows.get, pieces - own if own else pieces, repeat(0)))
        for piece in own:
            row = self._odds.get(piece)
            if row is None:
                *yes, no = self.learned.rows[piece]
                row = self._odds[piece] = self.ticket.row(piece, OWN * no, OWN * sum(yes))
            total += row
        return self.ticket.score(pieces, total, self._usual)
