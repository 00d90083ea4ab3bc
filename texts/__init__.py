"""Every word that people see, one TOML file per feature. A key is "file.name" ("tickets.opened")."""

import re
import tomllib
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any

_FOLDER = Path(__file__).parent / "zh_CN"


@cache
def catalogue(file: str) -> dict[str, Any]:
    with (_FOLDER / f"{file}.toml").open("rb") as handle:
        return tomllib.load(handle)


def files() -> list[str]:
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def _find(key: str) -> Any:
    file, name = key.split(".", 1)
    return catalogue(file)[name]


@cache
def _lines(key: str) -> tuple[tuple[tuple[str, tuple[str, ...]], ...], ...]:
    """Each line of a text as its alternatives: (template, names of its fields)."""

    def parse(template: str) -> tuple[str, tuple[str, ...]]:
        return template, tuple(field for _, field, _, _ in Formatter().parse(template) if field)

    return tuple(
        tuple(parse(alternative) for alternative in line.split(" || "))
        for line in str(_find(key)).strip("\n").split("\n")
    )


def say(key: str, **data: object) -> str:
    """The text of a key with its fields filled.

    A line with an empty field gives way to its next alternative (written after " || ") or is left out, so a number
    that nobody set is never shown as a gap. KeyError where the key or a field does not exist.
    """
    said = []
    for alternatives in _lines(key):
        for template, fields in alternatives:
            if all(data[field] not in ("", None) for field in fields):
                said.append(template.format(**data))
                break
    return "\n".join(said)


def options(key: str) -> tuple[tuple[int, str], ...]:
    """The answers to a question as (number, label); in the file: "1 好了，满意"."""
    return tuple((int(number), label) for number, label in (line.split(" ", 1) for line in _find(key)))


@cache
def words(key: str) -> frozenset[str]:
    """A list of words that mean the same."""
    return frozenset(_find(key))


@cache
def pattern(key: str) -> re.Pattern[str]:
    return re.compile(_find(key))


def has(key: str) -> bool:
    try:
        _find(key)
    except (KeyError, ValueError, FileNotFoundError):
        return False
    return True
