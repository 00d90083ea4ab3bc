"""Which signs a regular expression cannot do without: a text that has none of them need not be searched."""

import re
from collections.abc import Iterable
from functools import reduce
from importlib import import_module
from typing import Any

DIGIT = "0"  # stands for every digit
_WIDEST = 64  # of a range of characters


def needed(pattern: re.Pattern[str]) -> frozenset[str]:
    """Every match holds at least one of these; empty where nobody can tell."""
    if pattern.flags & re.IGNORECASE:
        return frozenset()
    return _sequence(import_module("re._parser").parse(pattern.pattern)) or frozenset()


def _sequence(parts: Iterable[tuple[Any, Any]]) -> frozenset[str] | None:
    """The fewest signs that one of the parts insists on."""
    found = [signs for signs in (_part(str(kind), value) for kind, value in parts) if signs]
    return min(found, key=len) if found else None


def _part(kind: str, value: Any) -> frozenset[str] | None:
    if kind == "LITERAL":
        return frozenset(DIGIT if chr(value).isdigit() else chr(value))
    if kind == "IN":
        return _any([_member(str(kind), value) for kind, value in value])
    if kind == "BRANCH":
        return _any([_sequence(way) for way in value[1]])
    if kind == "SUBPATTERN":
        return _sequence(value[-1])
    if kind in ("MAX_REPEAT", "MIN_REPEAT") and value[0]:
        return _sequence(value[2])
    return None


def _member(kind: str, value: Any) -> frozenset[str] | None:
    if kind == "RANGE" and value[1] - value[0] < _WIDEST:
        return _any([_part("LITERAL", code) for code in range(value[0], value[1] + 1)])
    if kind == "CATEGORY":
        return frozenset(DIGIT) if str(value) == "CATEGORY_DIGIT" else None
    return _part(kind, value) if kind == "LITERAL" else None


def _any(ways: list[frozenset[str] | None]) -> frozenset[str] | None:
    """Of several ways each must insist on something."""
    return None if None in ways else reduce(frozenset.union, [way for way in ways if way], frozenset[str]())


class Patterns:
    """Named expressions, tried only where a sign they need is in the text."""

    def __init__(self, named: Iterable[tuple[str, Iterable[re.Pattern[str]]]]) -> None:
        """Of the expressions with one name the first that fits is taken."""
        self._all = [(name, pattern) for name, patterns in named for pattern in patterns]
        self._always = 0
        self._needs: dict[str, int] = {DIGIT: 0}
        for at, (_, pattern) in enumerate(self._all):
            signs = needed(pattern)
            self._always |= 0 if signs else 1 << at
            for sign in signs:
                self._needs[sign] = self._needs.get(sign, 0) | 1 << at
        self._digits = self._needs[DIGIT]
        self._signs = re.compile(rf"[\d{re.escape(''.join(self._needs))}]").findall

    def search(self, text: str) -> list[tuple[str, re.Match[str]]]:
        """The names that fit, in order, with where."""
        fit = self._always
        for sign in self._signs(text):
            fit |= self._needs.get(sign, self._digits)
        found: list[tuple[str, re.Match[str]]] = []
        while fit:
            first = fit & -fit
            fit ^= first
            name, pattern = self._all[first.bit_length() - 1]
            match = pattern.search(text) if not found or found[-1][0] != name else None
            if match:
                found.append((name, match))
        return found
