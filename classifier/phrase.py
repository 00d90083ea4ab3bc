"""Phrases with gaps: "灯~(不亮|坏)" is the word before `~`, then within eight characters of its clause one after it.

Nearly all are matched by plain comparison; only those with repeats in them become regular expressions, when first met.
"""

import re
from dataclasses import dataclass
from itertools import pairwise

REACH = 8
BREAK = re.compile(r"[，。！？；、,.!?;:：\s]")
_GAP = r"[^，。！？；、,.!?;:：\s]{0,8}?"
_TOKEN = re.compile(r"\(([^()\[\]?*+$\\]*)\)(\??)|\[([^\]]*)\](?![?*+{])|([^()\[\]?*+$\\|]+)")
_MOST = 500


@dataclass(slots=True)
class Match:
    """Where a phrase stands; `core` is where its last part begins."""

    which: int
    core: int
    end: int


def options(part: str) -> tuple[str, ...]:
    """All texts a simple pattern stands for; empty when it is not simple."""
    texts, at = [""], 0
    while at < len(part):
        token = _TOKEN.match(part, at)
        if token is None:
            return ()
        group, optional, chars, literal = token.groups()
        if literal is not None:
            choices = [literal]
        elif chars is not None:
            choices = list(chars.replace("0-9", "0123456789"))
        else:
            choices = [*group.split("|"), *([""] if optional else [])]
        texts = [text + choice for text in texts for choice in choices]
        if len(texts) > _MOST:
            return ()
        at = token.end()
    return tuple(dict.fromkeys(texts))


def expand(phrase: str) -> tuple[str, ...]:
    """The same as several phrases without a gap inside a choice: "灯~(坏|一~黑)" is "灯~(坏)" and "灯~一~黑"."""
    depth, begun, cuts = 0, 0, [0]
    for at, sign in enumerate(phrase):
        if sign == "(":
            depth += 1
            if depth == 1:
                begun, cuts = at, [at]
        elif sign == "|" and depth == 1:
            cuts.append(at)
        elif sign == ")":
            depth -= 1
            if depth == 0 and "~" in phrase[begun:at]:
                choices = [phrase[left + 1 : right] for left, right in pairwise([*cuts, at])]
                plain = [choice for choice in choices if "~" not in choice]
                ways = ["(" + "|".join(plain) + ")"] * bool(plain) + [choice for choice in choices if "~" in choice]
                return tuple(each for way in ways for each in expand(phrase[:begun] + way + phrase[at + 1 :]))
    return (phrase,)


def anchors(phrase: str) -> tuple[str, ...]:
    """The literal words a phrase can begin with."""
    head = phrase.split("~", maxsplit=1)[0]
    found = options(head)
    if not found:
        found = (re.split(r"[(\[?*+]", head)[0],)
    shortest = [word for word in found if not any(word != other and word.startswith(other) for other in found)]
    return tuple(word for word in shortest if word)


class Anchor:
    """All phrases that begin with one word."""

    def __init__(self, phrases: list[str]) -> None:
        """Sort the phrases into those always there, those compared, and those that need a regular expression."""
        self._bare: list[int] = []
        self._next: dict[str, list[tuple[str, int]]] = {}
        self._rest: dict[int, list[tuple[str, ...]]] = {}
        self._complex: list[tuple[int, re.Pattern[str]]] = []
        self.ahead: frozenset[str] | None = None  # signs of which one must follow within reach; None: not known
        for which, phrase in enumerate(phrases):
            head, *tail = phrase.split("~")
            parts = [options(part) for part in tail]
            if not options(head) or not all(parts):
                self._complex.append((which, _compile(phrase)))
            elif not tail or parts[0] == ("",):
                self._bare.append(which)
            else:
                for option in parts[0]:
                    self._next.setdefault(option[:1], []).append((option, which))
                self._rest[which] = parts[1:]
        if not self._bare and not self._complex:
            self.ahead = frozenset(self._next)

    def matches(self, text: str, start: int, end: int) -> list[Match]:
        """The phrases that stand at `start`, whose first word reaches to `end`."""
        found = [Match(which, start, end) for which in self._bare]
        if self._next:
            stop = BREAK.search(text, end)
            limit = stop.start() if stop else len(text)
            seen: set[int] = set()
            for at in range(end, min(limit, end + REACH + 1)):
                for option, which in self._next.get(text[at], ()):
                    if which not in seen and text.startswith(option, at):
                        match = self._follow(text, at, at + len(option), which, limit)
                        if match:
                            seen.add(which)
                            found.append(match)
        for which, pattern in self._complex:
            regex = pattern.match(text, start)
            if regex:
                found.append(Match(which, regex.start("core"), regex.end()))
        return found

    def _follow(self, text: str, core: int, end: int, which: int, limit: int) -> Match | None:
        """The parts after the second, each within reach of the one before."""
        for part in self._rest[which]:
            places = [(text.find(option, end, min(limit, end + REACH + len(option))), option) for option in part]
            here = [place for place in places if place[0] >= 0]
            if not here:
                return None
            core, option = min(here)
            end = core + len(option)
        return Match(which, core, end)


def _compile(phrase: str) -> re.Pattern[str]:
    """A phrase as a regular expression; its last part is the group `core`."""
    *head, tail = phrase.split("~")
    return re.compile("".join(f"(?:{part}){_GAP}" for part in head) + f"(?P<core>{tail})")
