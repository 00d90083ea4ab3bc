"""Fine weights: from some hundreds of lessons on, which pieces matter is worked out from all lessons at once.

Counting treats every piece as if it stood alone; this corrects what that gets wrong (multinomial logistic regression,
by steps that are the same whatever the order in which the lessons came).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from classifier.counts import SCALE, Features, pack, unpack

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]

LEAST = 256  # lessons
_GROWTH = 1.25  # so many times the lessons of last time: time to do it again
_STEPS = 30
_HOLD = 0.1  # how strongly weights are held near zero
_SHARE = 0.5  # of the fine weights beside the counted ones
_BOUND = 8.0  # no weight is greater
_TWICE = 2  # a piece of one lesson only has no say

Lessons = Mapping[str, Sequence[int]]


class Fine:
    """The weights of one compound. They hold while every lesson they were made from still stands."""

    def __init__(self, classes: int) -> None:
        """None yet."""
        self._classes = classes
        self._rows: dict[str, int] = {}
        self._of: dict[str, tuple[int, ...]] = {}
        self._gone: set[str] = set()

    def check(self, lessons: Lessons, text: str) -> None:
        """A lesson changed: if it is less than it was, the weights rest until it is back."""
        if text in self._of:
            now = lessons.get(text, [0] * (self._classes + 1))
            less = any(n < was for n, was in zip(now, self._of[text], strict=True))
            (self._gone.add if less else self._gone.discard)(text)

    def due(self, lessons: Lessons) -> bool:
        """Is it time to work the weights out (again)?"""
        return len(lessons) >= LEAST and (bool(self._gone) or len(lessons) >= _GROWTH * len(self._of))

    def fit(self, lessons: Lessons, read: Callable[[str], Features], strength: Callable[[str], float]) -> None:
        """Work the weights out from all lessons."""
        import numpy as np

        self._of = {text: tuple(row) for text, row in lessons.items()}
        self._gone.clear()
        texts = sorted(text for text, row in lessons.items() if any(n > 0 for n in row[:-1]))
        pieces = [sorted(read(text)) for text in texts]
        seen: dict[str, int] = {}
        for found in pieces:
            for piece in found:
                seen[piece] = seen.get(piece, 0) + 1
        index = {piece: at for at, piece in enumerate(sorted(p for p, n in seen.items() if n >= _TWICE))}
        scale = np.array([strength(piece) for piece in index], np.float32)
        kept = [(np.array([index[p] for p in found if p in index], np.int64), len(found)) for found in pieces]
        full = [at for at, (found, _) in enumerate(kept) if len(found)]
        self._rows = {}
        if not full:
            return
        counts = np.array([lessons[texts[at]][:-1] for at in full], np.float32).clip(0)
        weights = _fit(
            np.concatenate([kept[at][0] for at in full]),
            np.array([len(kept[at][0]) for at in full]),
            np.array([1 / math.sqrt(kept[at][1]) for at in full], np.float32),
            scale,
            counts,
        )
        bound = round(_BOUND * SCALE)
        lanes = np.rint((_SHARE * scale[:, None] * weights).clip(-_BOUND, _BOUND) * SCALE).astype(np.int64) + bound
        self._rows = {piece: pack((*row, 1)) for piece, row in zip(index, lanes.tolist(), strict=True)}

    def add(self, pieces: Features) -> list[int]:
        """What the pieces say for each class, times `SCALE`."""
        if not self._rows or self._gone:
            return [0] * self._classes
        rows = self._rows
        *sums, known = unpack(sum(rows[piece] for piece in rows.keys() & pieces), self._classes + 1)
        bound = round(_BOUND * SCALE) * known
        return [n - bound for n in sums]


def _fit(
    columns: NDArray[np.int64], lengths: NDArray[np.int64], short: Floats, scale: Floats, counts: Floats
) -> Floats:
    """Weights by piece and class. `columns` are the pieces of one lesson after the other, `counts` what each was."""
    import numpy as np

    lines = np.repeat(np.arange(len(lengths)), lengths)
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    values = (scale[columns] * short[lines])[:, None]
    order = np.argsort(columns, kind="stable")
    used, firsts = np.unique(columns[order], return_index=True)
    worth = counts.sum(axis=1, keepdims=True) / 10
    goal = counts / counts.sum(axis=1, keepdims=True)

    def forward(weights: Floats) -> Floats:
        found: Floats = np.add.reduceat(weights[columns] * values, starts, axis=0)
        return found

    def backward(rest: Floats) -> Floats:
        found = np.zeros((len(scale), rest.shape[1]), np.float32)
        found[used] = np.add.reduceat((rest[lines] * values)[order], firsts, axis=0)
        return found

    probe = np.ones((len(scale), 1), np.float32)
    largest = 1.0
    for _ in range(6):
        probe = backward(worth * forward(probe))
        largest = float(np.linalg.norm(probe)) or 1.0
        probe /= np.float32(largest)
    step = np.float32(1 / (0.5 * largest + _HOLD))
    weights: Floats = np.zeros((len(scale), counts.shape[1]), np.float32)
    ahead = weights
    for at in range(_STEPS):
        sums = forward(ahead)
        shares = np.exp(sums - sums.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        new = ahead - step * (backward(worth * (shares - goal)) + np.float32(_HOLD) * ahead)
        ahead = new + np.float32(at / (at + 3)) * (new - weights)
        weights = new
    return weights
