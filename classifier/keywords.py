"""The words of one's own categories in a message: the longest from the left, one character only where a word ends."""

import math
from collections.abc import Callable, Iterable, Mapping

import ahocorasick_rs

from classifier.cut import boundaries
from classifier.load import Lexicon

_VOTE = 1.1  # what a word of one character says; a longer one says more, and so do several


class Keywords:
    """Every word of every category as one automaton."""

    def __init__(self, lexicon: Lexicon) -> None:
        """Words may belong to several categories."""
        own = {
            word: tuple({mark.group for mark in marks} & set(lexicon.codes)) for word, marks in lexicon.words.items()
        }
        self.of: Mapping[str, tuple[str, ...]] = {word: groups for word, groups in own.items() if groups and word}
        self._words = list(self.of)
        self._codes = lexicon.codes
        kind = ahocorasick_rs.MatchKind.LeftmostLongest
        self._automaton = ahocorasick_rs.AhoCorasick(self._words, matchkind=kind)

    def find(self, text: str, cut: Callable[[str], list[str]]) -> frozenset[str]:
        """The words that stand in a message."""
        found = self._automaton.find_matches_as_indexes(text)
        if not found:
            return frozenset()
        bounds = boundaries(text, cut) if any(end - start == 1 for _, start, end in found) else set()
        return frozenset(
            self._words[which] for which, start, end in found if end - start > 1 or (start in bounds and end in bounds)
        )

    def votes(self, words: Iterable[str]) -> dict[str, float]:
        """What the words say for each category."""
        letters = dict.fromkeys(self._codes, 0)
        for word in words:
            for code in self.of[word]:
                letters[code] += len(word)
        return {code: _VOTE * math.sqrt(n) for code, n in letters.items()}
