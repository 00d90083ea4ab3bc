"""The rows of the shipped examples by number: pieces that were counted alike share one, and are summed quickly."""

from classifier.counts import Features, Tally
from classifier.model import Rows


class Ready(Rows):
    """The same rows. A message has the same numbers whatever is asked of it, so they are looked up once."""

    def __init__(self, tally: Tally, rows: Rows) -> None:
        """`rows` works a row out when it is first met."""
        super().__init__(tally, rows.__getitem__)
        self._numbers = tally.index.numbers
        self._row = _Numbered(tally, rows).__getitem__

    def total(self, pieces: Features) -> int:
        """The sum of the rows."""
        return sum(map(self._row, self._numbers(pieces)))


class _Numbered(dict[int, int]):
    """Rows by the number of their counts."""

    def __init__(self, tally: Tally, rows: Rows) -> None:
        super().__init__()
        self._sample, self._rows = tally.sample, rows

    def __missing__(self, number: int) -> int:
        row = self[number] = self._rows[self._sample[number]] if number else 0
        return row
