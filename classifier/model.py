"""From counts to scores: which category (complement naive Bayes) and complaint or not (naive Bayes).

The rows of the shipped counts are worked out once and shared; a compound has rows of its own only for the pieces it
learned something about.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import compress, repeat

import numpy as np
from numpy.typing import NDArray

from classifier.counts import SCALE, TENTHS, Features, Tally, pack, pack_all, unpack
from classifier.fine import Fine
from classifier.learned import Learned

OWN = 3  # a lesson is worth so many of the shipped examples, for whether it is a complaint
_FEW = 0.2 * TENTHS  # what a piece never seen in the other classes counts as having been seen there
_RARE = 1.0 * TENTHS  # a piece seen so often says half of what it would say if it were seen very often
_PIECES = 5_000  # how many pieces the language is taken to have
_CALM = 20  # pieces that say nothing, as if in every message: a few words alone do not decide much
_TOP = 18.0  # above every logarithm here: rows hold no negative numbers


class Odds:
    """Is it the second of two classes? Every piece adds the logarithm of how much more often it was there."""

    def __init__(self, tally: Tally, smooth: float) -> None:
        """A piece is taken to have been in `smooth` more examples, of both as is usual."""
        self.tally = tally
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

    def __init__(self, codes: Sequence[str], tally: Tally) -> None:
        """The rows of all pieces of the examples."""
        self.codes = codes
        self.tally = tally
        counts = self.tally.matrix
        whole = counts.sum(axis=1, keepdims=True)
        met = whole[:, 0] > 0
        trust = whole / (whole + _RARE)
        logs = np.concatenate([trust * (_TOP - np.log((whole - counts + _FEW) / TENTHS)), trust], axis=1)
        lanes: NDArray[np.int64] = np.rint(logs * SCALE).astype(np.int64)
        packed = pack_all(np.concatenate([lanes, np.ones((len(lanes), 1), np.int64)], axis=1)[met])
        self.rows = dict(zip(compress(self.tally.pieces(), met), packed, strict=True))
        self.examples = sum(self.tally.examples) / TENTHS

    def weights(self, piece: str, more: Sequence[int]) -> list[float]:
        """What a piece says for each class with more counts than shipped, and last how far it is to be trusted."""
        counts = [base + n for base, n in zip(self.tally.of(piece), more, strict=True)]
        whole = sum(counts)
        trust = max(0, whole) / (max(0, whole) + _RARE)
        return [*(trust * (_TOP - math.log((max(0, whole - n) + _FEW) / TENTHS)) for n in counts), trust]

    def row(self, piece: str, more: Sequence[int]) -> int:
        """The row of a piece with more counts than shipped."""
        return pack([*(round(weight * SCALE) for weight in self.weights(piece, more)), 1])

    def sizes(self, more: Sequence[int]) -> list[float]:
        """What a piece never met says for each class."""
        totals = [base + n for base, n in zip(self.tally.totals, more, strict=True)]
        whole = sum(totals)
        return [math.log((max(0, whole - n) + _FEW * _PIECES) / TENTHS) - _TOP for n in totals]


class Opinion:
    """The shipped rows with what one compound learned on top. A correction is worth `own` of the shipped examples."""

    def __init__(self, sorter: Sorter, ticket: Odds, learned: Learned, own: int) -> None:
        """Rows of learned pieces are worked out when they are first met."""
        self.sorter, self.ticket, self.learned, self._own = sorter, ticket, learned, own
        self._sorted: dict[str, int] = {}
        self._odds: dict[str, int] = {}
        self._fine = Fine(len(sorter.codes))
        self.refresh(())

    def refresh(self, pieces: Iterable[str], lesson: str = "") -> None:
        """Forget the rows of pieces whose counts changed."""
        for piece in pieces:
            self._sorted.pop(piece, None)
            self._odds.pop(piece, None)
        *totals, _ = self.learned.totals
        self._sizes = self.sorter.sizes([self._own * n for n in totals])
        *yes, no = self.learned.examples
        self._usual = self.ticket.usual_with(OWN * no, OWN * sum(yes))
        self._fine.check(self.learned.lessons, lesson)

    def settle(self, read: Callable[[str], Features]) -> None:
        """Work out the fine weights anew where it is time to; `read` gives the pieces of a lesson."""
        if self._fine.due(self.learned.lessons):
            self._fine.fit(self.learned.lessons, read, self._strength)

    def _more(self, piece: str) -> list[int]:
        return [self._own * n for n in self.learned.rows[piece][:-1]]

    def _strength(self, piece: str) -> float:
        """How much a piece tells the classes apart."""
        if piece not in self.learned.rows:
            return 0.0
        *weights, trust = self.sorter.weights(piece, self._more(piece))
        found = [weight + trust * size for weight, size in zip(weights, self._sizes, strict=True)]
        middle = sum(found) / len(found)
        return max(abs(weight - middle) for weight in found)

    def scores(self, pieces: Features) -> dict[str, float]:
        """A score for every category; only differences mean anything."""
        own = self.learned.rows.keys() & pieces
        total = sum(map(self.sorter.rows.get, pieces - own if own else pieces, repeat(0)))
        for piece in own:
            row = self._sorted.get(piece)
            if row is None:
                row = self._sorted[piece] = self.sorter.row(piece, self._more(piece))
            total += row
        *sums, trust, known = unpack(total, len(self._sizes) + 2)
        fine = self._fine.add(pieces)
        root = math.sqrt(known or 1) * SCALE
        return {
            code: (n + trust * size + more) / root
            for code, n, size, more in zip(self.sorter.codes, sums, self._sizes, fine, strict=True)
        }

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
