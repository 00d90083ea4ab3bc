"""One written form for what people type: width, case, traditional characters, dialect, slips, tags, mentions."""

import re
import unicodedata
from collections.abc import Mapping
from functools import cache

import ahocorasick_rs
import opencc

MAX_CHARS = 4000
_CHINESE = (0x4E00, 0xA000)
_COMMON = ((0x0A, 0x0B), (0x20, 0x7F), (0x2010, 0x2028), (0x3000, 0x3040), _CHINESE)
_LINKS = frozenset("@[hw")  # mentions, tags, "http" and "www." begin so: such a message is read with care

_TAG = re.compile(r"\[[^\[\]\s]{1,8}\]")
_URL = re.compile(r"(?:https?://|www\.)[\x21-\x7e]+")
_MENTION = re.compile(r"@[^\s@]{1,24}(?=\s)|@[^\s@]{1,24}$|@")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060\ufeff\ufe0f]")


@cache
def _traditional() -> dict[int, str]:
    """Single traditional characters to simplified ones: asked of OpenCC once, for all Chinese characters.

    A table is quicker than asking for every message, and what is lost (words written differently) are aliases.
    """
    block = [chr(code) for code in range(*_CHINESE)]
    simple = opencc.OpenCC("t2s").convert("\n".join(block)).split("\n")
    return {ord(old): new for old, new in zip(block, simple, strict=True) if old != new and len(new) == 1}


def _untouched(sign: str) -> bool:
    """Is this character its own normal form, whatever stands beside it?"""
    same = unicodedata.is_normalized("NFKC", sign) and sign.casefold() == sign and not unicodedata.combining(sign)
    return same and sign not in _LINKS and (sign.isprintable() or sign == "\n")


class Normaliser:
    """Brings a message and the words of the lexicon to the same form."""

    def __init__(self, chars: Mapping[str, str], words: Mapping[str, str]) -> None:
        """`chars` maps single characters (dialect, emoji), `words` a typed word to the lexicon's word."""
        self._chars: dict[int, str] = {**_traditional(), **{ord(k): v for k, v in chars.items()}}
        self._old = frozenset(map(chr, self._chars))
        common = (chr(code) for first, last in _COMMON for code in range(first, last) if code not in self._chars)
        self._normal = re.compile(f"[{re.escape(''.join(filter(_untouched, common)))}]*").fullmatch
        self._from = [word.casefold().translate(self._chars) for word in words]
        self._to = [word.casefold().translate(self._chars) for word in words.values()]
        self._scan = ahocorasick_rs.AhoCorasick(
            self._from, ahocorasick_rs.MatchKind.LeftmostLongest, implementation=ahocorasick_rs.Implementation.DFA
        )

    def word(self, text: str) -> str:
        """A word or message without tags: width, case, script, aliases."""
        if not text.isprintable():  # lone surrogates among others
            text = text.encode("utf-8", "replace").decode()
        if not unicodedata.is_normalized("NFKC", text):
            text = unicodedata.normalize("NFKC", text)
        text = text.casefold()
        if not self._old.isdisjoint(text):
            text = text.translate(self._chars)
        return self._meant(text)

    def _meant(self, text: str) -> str:
        """The lexicon's words for what was typed."""
        found = self._scan.find_matches_as_indexes(text)
        if not found:
            return text
        parts: list[str] = []
        at = 0
        for which, start, end in found:
            parts += (text[at:start], self._to[which])
            at = end
        return "".join(parts) + text[at:]

    def message(self, text: str) -> str:
        """A whole message, cut to `MAX_CHARS`; mentions, addresses and picture tags become a break.

        Nearly all messages are normal but for their commas and capitals, and leave at once.
        """
        text = text[:MAX_CHARS]
        if self._normal(text):
            return self._meant(text)[:MAX_CHARS].strip()
        narrow = text.replace("\uff0c", ",").replace("\uff1f", "?").replace("\uff01", "!").casefold()
        if self._normal(narrow):
            return self._meant(narrow)[:MAX_CHARS].strip()
        if "[" in text:
            text = _TAG.sub(" ", text)
        if "@" in text or "\uff20" in text:
            text = _MENTION.sub(" ", text.replace("\uff20", "@"))
        if "http" in text or "www." in text:
            text = _URL.sub(" ", text)
        if not text.isprintable():
            text = _CONTROL.sub("", text)
        return self.word(text)[:MAX_CHARS].strip()
