"""Slips of the ear: characters that sound like a word of the lexicon ("电踢") become that word."""

import json
import unicodedata
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import ahocorasick_rs

from classifier.cut import Cutter
from classifier.load import THING, Lexicon, Mark

_CHINESE = range(0x4E00, 0x9FA6)
_FIRST = 0xE000  # every syllable is one character of the private area, so that places in a text stay the same
_TONES = dict.fromkeys(map(ord, "\u0300\u0301\u0304\u030c"))
_SHORT = 2  # syllables: of so short a word both characters must have stood alone


@cache
def _syllables() -> dict[int, str]:
    """Every Chinese character to its syllable without tone: the first reading of pypinyin's dictionary."""
    home = find_spec("pypinyin")
    assert home is not None and home.origin is not None
    known: dict[str, str] = {}
    table: dict[int, str] = {}
    data: dict[str, str] = json.loads((Path(home.origin).parent / "pinyin_dict.json").read_text(encoding="utf-8"))
    for code, readings in data.items():
        if int(code) in _CHINESE:
            plain = unicodedata.normalize("NFD", readings.split(",", 1)[0]).translate(_TONES)
            table[int(code)] = known.setdefault(plain, chr(_FIRST + len(known)))
    return table


class Ear:
    """Finds what only sounds like a thing of the lexicon. The dictionary is read when it is first needed."""

    def __init__(self, lexicon: Lexicon, cut: Cutter) -> None:
        """The things of two syllables and more."""
        self._cut = cut
        self._words = [word for word, marks in lexicon.words.items() if _heard(word, marks)]
        self._scan: ahocorasick_rs.AhoCorasick | None = None

    def mend(self, text: str, known: Iterable[tuple[int, int]] = ()) -> str:
        """The text with what was misheard put right, or the same text; `known` are the places of words spelt right."""
        table = _syllables()
        if self._scan is None:
            sounds = [word.translate(table) for word in self._words]
            self._scan = ahocorasick_rs.AhoCorasick(sounds, matchkind=ahocorasick_rs.MatchKind.LeftmostLongest)
        found = self._scan.find_matches_as_indexes(text.translate(table))
        if not found:
            return text
        free = _free(text, self._cut, known)
        parts, at = [], 0
        for which, start, end in found:
            if _slip(self._words[which], text[start:end], free[start:end]):
                parts += [text[at:start], self._words[which]]
                at = end
        return "".join(parts) + text[at:]


def _heard(word: str, marks: Iterable[Mark]) -> bool:
    things = any(mark.role == THING for mark in marks)
    return things and len(word) >= _SHORT and all(ord(sign) in _CHINESE for sign in word)


def _free(text: str, cut: Cutter, known: Iterable[tuple[int, int]]) -> list[bool]:
    """Which characters belong to no word, of the dictionary or of the lexicon: a slip is seldom a word."""
    free: list[bool] = []
    for token in cut(text):
        free += [len(token) == 1] * len(token)
    for start, end in known:
        if end - start > 1:
            free[start:end] = [False] * (end - start)
    return free


def _slip(word: str, typed: str, free: list[bool]) -> bool:
    """Half of the characters are right, and the wrong ones were no word: of a short word none was."""
    wrong = [at for at in range(len(word)) if word[at] != typed[at]]
    if not wrong or 2 * len(wrong) > len(word):
        return False
    return all(free) if len(word) == _SHORT else all(free[at] for at in wrong)
