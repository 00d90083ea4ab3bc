"""Pieces of text and how often each stood in the examples of each class: whole numbers, so order never matters."""

import re
import struct
from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence
from copy import copy
from functools import cache
from itertools import repeat
from operator import concat

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
    return frozenset((*text, *map(concat, text, text[1:])))


class Index(dict[str, int]):
    """The number of the row of every counted piece; pieces that were counted alike share one. Row 0 is of none."""

    _last: tuple[Features, list[int]] = frozenset(), []

    def numbers(self, pieces: Features) -> list[int]:
        """The rows of the pieces of a message. It is asked several times, and remembered until the next."""
        last, numbers = self._last
        if last is not pieces:
            numbers = list(map(self.get, pieces, repeat(0)))
            self._last = pieces, numbers
        return numbers


class Tally:
    """Counted examples that never change, in tenths; shared by all compounds."""

    def __init__(self, classes: int, examples: Iterable[Example]) -> None:
        """Count the examples."""
        index: defaultdict[str, int] = defaultdict()
        index.default_factory = index.__len__  # a new piece gets the next number
        self._classes = classes
        examples_of, totals_of = [0] * classes, [0] * classes
        found: list[tuple[array[int], int, int]] = []
        for pieces, which, tenths in examples:
            found.append((array("i", map(index.__getitem__, pieces)), which, tenths))
            examples_of[which] += tenths
            totals_of[which] += tenths * len(pieces)
        cells = array("i", bytes(4 * classes * len(index)))
        for numbers, which, tenths in found:
            for number in numbers:
                cells[number * classes + which] += tenths
        del found
        rows: dict[bytes, int] = {bytes(4 * classes): 0}  # many pieces were counted alike
        self.index, self.sample = Index(), [""]
        for piece, at in index.items():
            row = cells[at * classes : (at + 1) * classes].tobytes()
            number = self.index[piece] = rows.setdefault(row, len(rows))
            if number == len(self.sample):
                self.sample.append(piece)  # stands for all pieces of this row
        self._cells = array("i", b"".join(rows))
        self._groups: Sequence[Sequence[int]] = [(which,) for which in range(classes)]
        self.examples, self.totals = examples_of, totals_of

    def joined(self, groups: Sequence[Sequence[int]]) -> "Tally":
        """The same examples with several classes taken as one."""
        found = copy(self)
        found._groups = groups
        found.examples = [sum(self.examples[at] for at in group) for group in groups]
        found.totals = [sum(self.totals[at] for at in group) for group in groups]
        return found

    def of(self, piece: str) -> list[int]:
        """How often a piece was in each class."""
        at = self.index.get(piece)
        if at is None:
            return [0] * len(self._groups)
        row = self._cells[at * self._classes : (at + 1) * self._classes]
        return [sum([row[which] for which in group]) for group in self._groups]


@cache
def _lanes(count: int) -> struct.Struct:
    return struct.Struct(f"<{count}I")


def pack(values: Sequence[int]) -> int:
    """Whole numbers side by side in one: adding two such numbers adds all lanes at once, exactly."""
    return int.from_bytes(_lanes(len(values)).pack(*values), "little")


def unpack(total: int, lanes: int) -> tuple[int, ...]:
    """The lanes of a sum."""
    return _lanes(lanes).unpack(total.to_bytes(4 * lanes, "little"))
