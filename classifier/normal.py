"""One written form for what people type: width, case, traditional characters, dialect, slips, tags, mentions."""

import re
import unicodedata
from collections.abc import Mapping
from functools import cache

import ahocorasick_rs
import opencc

MAX_CHARS = 4000
_CHINESE = (0x4E00, 0xA000)

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


class Normaliser:
    """Brings a message and the words of the lexicon to the same form."""

    def __init__(self, chars: Mapping[str, str], words: Mapping[str, str]) -> None:
        """`chars` maps single characters (dialect, emoji), `words` a typed word to the lexicon's word."""
        self._chars: dict[int, str] = {**_traditional(), **{ord(k): v for k, v in chars.items()}}
        self._old = frozenset(map(chr, self._chars))
        self._from = [word.casefold().translate(self._chars) for word in words]
        self._to = [word.casefold().translate(self._chars) for word in words.values()]
        self._scan = ahocorasick_rs.AhoCorasick(self._from, matchkind=ahocorasick_rs.MatchKind.LeftmostLongest)

    def word(self, text: str) -> str:
        """A word or message without tags: width, case, script, aliases."""
        if not text.isprintable():  # lone surrogates among others
            text = text.encode("utf-8", "replace").decode()
        if not unicodedata.is_normalized("NFKC", text):
            text = unicodedata.normalize("NFKC", text)
        text = text.casefold()
        if not self._old.isdisjoint(text):
            text = text.translate(self._chars)
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
        """A whole message, cut to `MAX_CHARS`; mentions, addresses and picture tags become a break."""
        text = text[:MAX_CHARS]
        if "[" in text:
            text = _TAG.sub(" ", text)
        if "@" in text or "\uff20" in text:
            text = _MENTION.sub(" ", text.replace("\uff20", "@"))
        if "http" in text or "www." in text:
            text = _URL.sub(" ", text)
        if not text.isprintable():
            text = _CONTROL.sub("", text)
        return self.word(text)[:MAX_CHARS].strip()
