"""Pieces of text and how often each stood in the examples of each class: whole numbers, so order never matters."""

import re
import struct
from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

TENTHS = 10  # one example; weak evidence is a few tenths of one
SCALE = 1 << 16  # logarithms are kept as whole numbers too: their sums are exact, in whatever order they are added
_MOST = 400  # characters of one message that are counted
_BREAKS = re.compile(r"[\s，。！？、,.!;；:：~…—\-()\"“”']+")
_DIGITS = re.compile(r"\d+")

Features = frozenset[str]
Example = tuple[Features, int, int]  # the pieces of a text, the number of its class, tenths


def plain(text: str) -> str:
    """What is counted of a message: a number is one sign, and so is a break."""
    return _DIGITS.sub("0", _BREAKS.sub(" ", text[:_MOST])).strip()


def features(text: str) -> Features:
    """The characters of a message and their pairs."""
    text = f"^{plain(text)}$"
    return frozenset(text).union(map(str.__add__, text, text[1:]))


class Tally:
    """Counted examples that never change, in tenths; shared by all compounds."""

    def __init__(self, classes: int, examples: Iterable[Example]) -> None:
        """Count the examples."""
        found = list(examples)
        pieces = [piece for one, _, _ in found for piece in one]
        self._index = {piece: at for at, piece in enumerate(dict.fromkeys(pieces))}
        rows = np.fromiter(map(self._index.__getitem__, pieces), np.int64, len(pieces))
        lengths = [len(one) for one, _, _ in found]
        which, worth = (np.array([one[at] for one in found], np.int64) for at in (1, 2))
        self.examples = [int(worth[which == at].sum()) for at in range(classes)]
        cells = rows * classes + np.repeat(which, lengths)
        counted = np.bincount(cells, np.repeat(worth, lengths), minlength=len(self._index) * classes)
        self.matrix: NDArray[np.int64] = counted.astype(np.int64).reshape(len(self._index), classes)
        self.totals: list[int] = self.matrix.sum(axis=0).tolist()
        self._none = [0] * classes

    def joined(self, groups: Sequence[Sequence[int]]) -> "Tally":
        """The same examples with several classes taken as one."""
        found = Tally.__new__(Tally)
        found._index = self._index
        found.examples = [sum(self.examples[at] for at in group) for group in groups]
        columns = [self.matrix[:, list(group)].sum(axis=1) for group in groups]
        found.matrix = np.stack(columns, axis=1) if columns else self.matrix[:, :0]
        found.totals = found.matrix.sum(axis=0).tolist()
        found._none = [0] * len(groups)
        return found

    def of(self, piece: str) -> list[int]:
        """How often a piece was in each class."""
        at = self._index.get(piece)
        if at is None:
            return self._none
        row: list[int] = self.matrix[at].tolist()
        return row

    def pieces(self) -> Iterable[str]:
        """All pieces, in the order of the matrix."""
        return self._index


@cache
def _lanes(count: int) -> struct.Struct:
    return struct.Struct(f"<{count}I")


def pack(values: Sequence[int]) -> int:
    """Whole numbers side by side in one: adding two such numbers adds all lanes at once, exactly."""
    return int.from_bytes(_lanes(len(values)).pack(*values), "little")


def unpack(total: int, lanes: int) -> tuple[int, ...]:
    """The lanes of a sum."""
    return _lanes(lanes).unpack(total.to_bytes(4 * lanes, "little"))


def pack_all(values: NDArray[np.int64]) -> list[int]:
    """Every row of a matrix as one number."""
    width = 4 * values.shape[1]
    raw = values.astype("<u4").tobytes()
    return [int.from_bytes(raw[at : at + width], "little") for at in range(0, len(raw), width)]
