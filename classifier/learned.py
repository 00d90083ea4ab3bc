"""What one compound taught: whole numbers beside the shipped ones, exact, without order, and each can be taken back."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from classifier.counts import TENTHS, Features

REJECTED = ""  # the class of what was no complaint, in a snapshot
Snapshot = dict[str, Any]  # {"examples": {class: tenths}, "pieces": {piece: {class: tenths}}, "words": {...}}


def tenths(weight: float) -> int:
    """A weight as whole tenths of an example."""
    found = round(weight * TENTHS)
    if not 1 <= found <= TENTHS:
        raise ValueError(f"a weight is from 0.1 to 1, not {weight}")
    return found


class Learned:
    """Counts in tenths. The last class is that of messages which were no complaint."""

    def __init__(self, codes: Sequence[str]) -> None:
        """Nothing learned yet."""
        self.classes = (*codes, REJECTED)
        self._at = {code: at for at, code in enumerate(self.classes)}
        self.rows: dict[str, list[int]] = {}
        self.examples = [0] * len(self.classes)
        self.totals = [0] * len(self.classes)  # pieces
        self.lessons: dict[str, list[int]] = {}  # the messages themselves, while this process lives; not in a snapshot
        self.words: dict[str, dict[str, int]] = {}  # word: {category: how often it was taken in}
        self.taken: dict[str, tuple[str, ...]] = {}  # the words that count, with their categories

    def __bool__(self) -> bool:
        """Was anything learned?"""
        return bool(self.rows or self.words or any(self.examples))

    def which(self, category: str) -> int:
        """The number of a category."""
        at = self._at.get(category)
        if at is None or category == REJECTED:
            raise ValueError(f"no category {category!r}; there are: {', '.join(self.classes[:-1])}")
        return at

    def add(self, text: str, pieces: Features, which: int, amount: int) -> None:
        """Count a message; a negative amount takes it back."""
        self.examples[which] += amount
        self.totals[which] += amount * len(pieces)
        self._row(self.lessons, text, which, amount)
        for piece in pieces:
            self._row(self.rows, piece, which, amount)

    def _row(self, rows: dict[str, list[int]], key: str, which: int, amount: int) -> None:
        row = rows.get(key)
        if row is None:
            row = rows[key] = [0] * len(self.classes)
        row[which] += amount
        if not row[which] and not any(row):
            del rows[key]

    def add_word(self, word: str, category: str, amount: int) -> None:
        """Take a word into a category; a negative amount takes it out again."""
        self.which(category)
        found = self.words.setdefault(word, {})
        found[category] = found.get(category, 0) + amount
        if not found[category]:
            del found[category]
        if not found:
            del self.words[word]
        self.taken[word] = tuple(sorted(code for code, n in found.items() if n > 0))
        if not self.taken[word]:
            del self.taken[word]

    def snapshot(self) -> Snapshot:
        """All of it as plain data, always in the same order."""
        return {
            "examples": {code: n for code, n in sorted(zip(self.classes, self.examples, strict=True)) if n},
            "pieces": {piece: self._named(row) for piece, row in sorted(self.rows.items())},
            "words": {word: dict(sorted(found.items())) for word, found in sorted(self.words.items())},
        }

    def _named(self, row: list[int]) -> dict[str, int]:
        return {code: n for code, n in sorted(zip(self.classes, row, strict=True)) if n}

    def include(self, snapshot: Mapping[str, Any]) -> None:
        """Add what a snapshot holds."""
        unknown = {code for code in snapshot.get("examples", {}) if code not in self._at}
        if unknown:
            self.which(min(unknown))
        for code, n in snapshot.get("examples", {}).items():
            self.examples[self._at[code]] += n
        for piece, row in snapshot.get("pieces", {}).items():
            for code, n in row.items():
                self.totals[self._at[code]] += n
                self._row(self.rows, piece, self._at[code], n)
        for word, found in snapshot.get("words", {}).items():
            for code, n in found.items():
                self.add_word(word, code, n)


def merge(snapshots: Iterable[Mapping[str, Any]]) -> Snapshot:
    """The sum of several snapshots."""
    found = list(snapshots)
    codes = {code for each in found for row in (each.get("examples", {}), *each["words"].values()) for code in row}
    codes.update(code for each in found for row in each["pieces"].values() for code in row)
    whole = Learned(sorted(codes - {REJECTED}))
    for each in found:
        whole.include(each)
    return whole.snapshot()
