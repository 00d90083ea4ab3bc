"""Reading a typed answer: a number in any writing, or the words of the answer itself."""

import unicodedata
from functools import cache

from texts import has, pattern, say, words
from texts.wording import figure


def plain(text: str) -> str:
    """Full-width and circled forms made ordinary, blanks at the ends gone."""
    return unicodedata.normalize("NFKC", text).strip()


def spelled(text: str) -> str:
    """A command after a stroke in everyday words: "/report 灯坏了", "/查 12"."""
    if not text.startswith("/"):
        return text
    name, _, rest = text[1:].partition(" ")
    known = name.lower()
    if known == "start":  # what follows it is the link's, not a person's words: a poster's, or nothing to us
        if pattern("words.start_pattern").match(f"start {rest}"):
            return f"start {rest}"
        rest = ""
    word = say(f"words.slash_{known}") if has(f"words.slash_{known}") else name
    return f"{word} {rest}".strip()


@cache
def _also(label: str) -> frozenset[str]:
    """How people say an answer in their own words."""
    entries = (entry.partition(":") for entry in words("words.answers"))
    return frozenset(word for known, _, said in entries if plain(known) == label for word in said.split())


def read_number(text: str, labels: tuple[tuple[int, str], ...]) -> int | None:
    """The number of the label meant, None where nothing fits.

    Understood: 2, ２, ②, 二, "2.", "选2", a label in full, as people say it, or the only one that contains the words.
    """
    text = plain(text)
    if text in words("words.cancel") and 0 in dict(labels):
        return 0
    if found := pattern("words.choice").match(text):
        digits = found["number"]
        number = int(figure(digits))
        return number if number in dict(labels) else None
    exact = [number for number, label in labels if text == plain(label) or text in _also(plain(label))]
    partly = [number for number, label in labels if len(text) > 1 and text in plain(label)]
    if exact:
        return exact[0]
    return partly[0] if len(partly) == 1 else None
