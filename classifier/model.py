"""From counts to scores: which category (complement naive Bayes) and complaint or not (naive Bayes).

The rows of the shipped counts are worked out once and shared; a compound has rows of its own only for the pieces it
learned something about.
"""

import math
from collections.abc import Callable, Iterable, Sequence

from classifier.counts import SCALE, TENTHS, Features, Tally, pack, unpack
from classifier.fine import Fine
from classifier.learned import Learned

OWN = 3  # a lesson is worth so many of the shipped examples, for whether it is a complaint
_FEW = 0.2 * TENTHS  # what a piece never seen in the other classes counts as having been seen there
_RARE = 1.0 * TENTHS  # a piece seen so often says half of what it would say if it were seen very often
_PIECES = 5_000  # how many pieces the language is taken to have
_CALM = 20  # pieces that say nothing, as if in every message: a few words alone do not decide much
_TOP = 18.0  # above every logarithm here: rows hold no negative numbers


class Rows(dict[str, int]):
    """The rows of the pieces met so far; one is worked out when its piece is first met. An unknown piece has none."""

    def __init__(self, tally: Tally, make: Callable[[str], int]) -> None:
        """`make` gives the row of a counted piece."""
        super().__init__()
        self._tally, self._make = tally, make

    def __missing__(self, piece: str) -> int:
        """Work a row out."""
        if piece not in self._tally.index:
            return 0
        row = self[piece] = self._make(piece) if any(self._tally.of(piece)) else 0
        return row

    def total(self, pieces: Features) -> int:
        """The sum of the rows."""
        return sum(map(self.__getitem__, pieces))


class Odds:
    """Is it the second of two classes? Every piece adds the logarithm of how much more often it was there."""

    def __init__(self, tally: Tally, smooth: float) -> None:
        """A piece is taken to have been in `smooth` more examples, of both as is usual."""
        self.tally = tally
        others, mine = (n / TENTHS for n in self.tally.examples)
        share = (mine + 1) / (others + mine + 2)
        self._no, self._yes = smooth * (1 - share) * TENTHS, smooth * share * TENTHS
        self.rows = Rows(self.tally, lambda piece: self.row(piece, 0, 0))
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
        total = self.rows.total(pieces) if total is None else total
        odds, known = total & 0xFFFFFFFF, total >> 32
        usual = self.usual if usual is None else usual
        return (odds / SCALE - known * (_TOP + usual)) / math.sqrt(len(pieces) + _CALM)

    def strongest(self, pieces: Features, most: int) -> list[str]:
        """The pairs that spoke loudest for the second class."""
        least = round((_TOP + self.usual) * SCALE)
        pairs = [piece for piece in self.tally.index.keys() & pieces if len(piece.strip(" ^$0")) > 1]
        known = sorted((-(self.rows[piece] & 0xFFFFFFFF), piece) for piece in pairs)
        return [piece for odds, piece in known if -odds > least][:most]


class Sorter:
    """Which of many classes? A class is likely where the pieces of a message were rare in all the others."""

    def __init__(self, codes: Sequence[str], tally: Tally) -> None:
        """`tally` counts a class for every code."""
        self.codes = codes
        self.tally = tally
        none = [0] * len(codes)
        self.rows = Rows(self.tally, lambda piece: self.row(piece, none))
        self.examples = sum(tally.examples) / TENTHS

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
        self._sizes: list[float] = []
        self._fine = Fine(len(sorter.codes))
        self.refresh(())

    def refresh(self, pieces: Iterable[str], lesson: str = "") -> None:
        """Forget the rows of pieces whose counts changed."""
        for piece in pieces:
            self._sorted.pop(piece, None)
            self._odds.pop(piece, None)
        self._sizes.clear()
        self._fine.check(self.learned.lessons, lesson)

    def settle(self, read: Callable[[str], Features]) -> None:
        """Work out the fine weights anew where it is time to; `read` gives the pieces of a lesson."""
        if self._fine.due(self.learned.lessons):
            self._fine.fit(self.learned.lessons, read, self._strength)

    def _found_sizes(self) -> list[float]:
        if not self._sizes:
            *totals, _ = self.learned.totals
            self._sizes = self.sorter.sizes([self._own * n for n in totals])
        return self._sizes

    def _more(self, piece: str) -> list[int]:
        return [self._own * n for n in self.learned.rows[piece][:-1]]

    def _strength(self, piece: str) -> float:
        """How much a piece tells the classes apart."""
        if piece not in self.learned.rows:
            return 0.0
        *weights, trust = self.sorter.weights(piece, self._more(piece))
        found = [weight + trust * size for weight, size in zip(weights, self._found_sizes(), strict=True)]
        middle = sum(found) / len(found)
        return max(abs(weight - middle) for weight in found)

    def scores(self, pieces: Features) -> dict[str, float]:
        """A score for every category; only differences mean anything."""
        own = self.learned.rows.keys() & pieces
        total = self.sorter.rows.total(pieces - own if own else pieces)
        for piece in own:
            row = self._sorted.get(piece)
            if row is None:
                row = self._sorted[piece] = self.sorter.row(piece, self._more(piece))
            total += row
        sizes = self._found_sizes()
        *sums, trust, known = unpack(total, len(sizes) + 2)
        fine = self._fine.add(pieces)
        root = math.sqrt(known or 1) * SCALE
        return {
            code: (n + trust * size + more) / root
            for code, n, size, more in zip(self.sorter.codes, sums, sizes, fine, strict=True)
        }

    def odds(self, pieces: Features) -> float:
        """How much a message sounds like a complaint."""
        own = self.learned.rows.keys() & pieces
        total = self.ticket.rows.total(pieces - own if own else pieces)
        for piece in own:
            row = self._odds.get(piece)
            if row is None:
                *yes, no = self.learned.rows[piece]
                row = self._odds[piece] = self.ticket.row(piece, OWN * no, OWN * sum(yes))
            total += row
        *yes, no = self.learned.examples
        return self.ticket.score(pieces, total, self.ticket.usual_with(OWN * no, OWN * sum(yes)))
