"""The lexicon: every word and pattern the classifier knows, read from the TOML files beside this module."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from classifier.normal import Normaliser

FOLDER = Path(__file__).parent / "lexicon"
_SHARED = ("aliases", "gate", "urgent")

THING, WEAK, PROBLEM, HINT, STRONG, CRY, GATE, DANGER, VETO = range(9)


@dataclass(frozen=True, slots=True)
class Mark:
    """What one word means: its role, its category (or gate group), its name in a summary, what its vote counts."""

    role: int
    group: str
    label: str = ""
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Remark:
    """What a file of the lexicon says of a word, or of all its words: why it is there, and who added it."""

    note: str
    added_by: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A danger holds when a word of every group stands within `span` characters."""

    danger: str
    groups: tuple[str, ...]
    span: int


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Words in normal form with their marks, the regular expressions of the gate, the danger rules, the names."""

    codes: tuple[str, ...]
    names: Mapping[str, str]
    shorts: Mapping[str, str]
    words: Mapping[str, tuple[Mark, ...]]
    patterns: Mapping[str, tuple[re.Pattern[str], ...]]
    rules: tuple[Rule, ...]
    homes: Mapping[str, str]
    alarms: Mapping[str, str]
    matters: Mapping[str, tuple[str, ...]]
    loose: frozenset[str]
    remarks: Mapping[tuple[str, str], Remark]
    normaliser: Normaliser = field(repr=False)

    def name(self, code: str) -> str:
        """The Chinese name of a category; an unknown code is its own name."""
        return self.names.get(code, code)

    def short(self, code: str) -> str:
        """The category as the summary of a complaint that named nothing."""
        return self.shorts.get(code, code)

    def remark(self, code: str, word: str) -> Remark:
        """What is said of a word of a category, else of the category."""
        return self.remarks.get((code, word)) or self.remarks.get((code, "")) or Remark("", "")

    def gate_words(self, group: str) -> list[str]:
        """The words of one group of the gate."""
        return [word for word, marks in self.words.items() if any(m.role == GATE and m.group == group for m in marks)]

    def matter_in(self, code: str, label: str) -> str:
        """The matter of this category a summary begins with, "" if it begins with none."""
        return next((matter for matter in self.matters.get(code, ()) if label.startswith(matter)), "")


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


@cache
def _normaliser() -> Normaliser:
    data = _read("aliases")
    words = {typed: meant for meant, line in data["words"].items() for typed in line.split()}
    return Normaliser({**data["chars"], **data["emoji"]}, words)


def _category_marks(data: Mapping[str, Any]) -> Iterator[tuple[str, Mark]]:
    roles = {"things": THING, "weak": WEAK, "problems": PROBLEM, "hints": HINT, "strong": STRONG, "cries": STRONG}
    for section, role in roles.items():
        for label, line in data.get(section, {}).items():
            for word in line.split():
                weight = data.get("words", {}).get(word, {}).get("weight", 1.0)
                yield word, Mark(role, data["code"], label, weight)
                if section == "cries":
                    yield word, Mark(CRY, data["code"], label)


def _remarks(categories: Iterable[Mapping[str, Any]], normaliser: Normaliser) -> dict[tuple[str, str], Remark]:
    """Notes and authors: of a whole file under "", of its words where they differ."""
    found: dict[tuple[str, str], Remark] = {}
    for data in categories:
        whole = Remark(data.get("note", ""), data.get("added_by", ""))
        found[data["code"], ""] = whole
        for word, said in data.get("words", {}).items():
            remark = Remark(said.get("note", whole.note), said.get("added_by", whole.added_by))
            found[data["code"], normaliser.word(word)] = remark
    return found


def _shared_marks(gate: Mapping[str, Any], urgent: Mapping[str, Any]) -> Iterator[tuple[str, Mark]]:
    for group, body in gate["gate"].items():
        if isinstance(body.get("words"), str) and group != "loose":
            yield from ((word, Mark(GATE, group)) for word in body["words"].split())
    for role, table in ((DANGER, urgent["groups"]), (VETO, urgent["veto"])):
        for group, line in table.items():
            yield from ((word, Mark(role, group)) for word in line.split())


def _combined(table: Mapping[str, str]) -> Iterator[tuple[str, Mark]]:
    """Every verb with every result it does not reach: a fault, whatever it is about."""
    skip = set(table["except"].split())
    for verb in table["verbs"].split():
        for result in table["results"].split():
            word = verb + table["between"] + result
            if word not in skip:
                yield word, Mark(PROBLEM, "", table["label"])


def _collect(marks: Iterable[tuple[str, Mark]], normaliser: Normaliser) -> dict[str, tuple[Mark, ...]]:
    words: dict[str, list[Mark]] = {}
    for word, mark in marks:
        known = words.setdefault(normaliser.word(word), [])
        if mark not in known:
            known.append(mark)
    return {word: tuple(known) for word, known in words.items()}


def _build(categories: Sequence[Mapping[str, Any]], extra: Iterable[tuple[str, Mark]] = ()) -> Lexicon:
    gate, urgent = _read("gate"), _read("urgent")
    normaliser = _normaliser()
    marks = [*extra, *(mark for data in (*categories, gate) for mark in _category_marks(data))]
    marks += _shared_marks(gate, urgent)
    marks += _combined(gate["combine"])
    return Lexicon(
        codes=tuple(data["code"] for data in categories),
        names={data["code"]: data["name"] for data in categories},
        shorts={data["code"]: data["short"] for data in categories},
        words=_collect(marks, normaliser),
        patterns={
            group: tuple(re.compile(pattern) for pattern in body["patterns"])
            for group, body in gate["gate"].items()
            if "patterns" in body
        },
        rules=tuple(Rule(rule["danger"], tuple(rule["all"]), rule["span"]) for rule in urgent["rules"]),
        homes=urgent["homes"],
        alarms=urgent["alarms"],
        matters={data["code"]: tuple(sorted(data.get("things", ()), key=len, reverse=True)) for data in categories},
        loose=frozenset(gate["gate"]["loose"]["words"].split()),
        remarks=_remarks(categories, normaliser),
        normaliser=normaliser,
    )


def _bundled() -> list[dict[str, Any]]:
    names = sorted(path.stem for path in FOLDER.glob("*.toml"))
    return [_read(name) for name in names if name not in _SHARED]


def load_lexicon() -> Lexicon:
    """The lexicon that ships with linli."""
    return _build(_bundled())


def own_lexicon(categories: Mapping[str, Iterable[str]]) -> Lexicon:
    """A lexicon of other categories. The bundled words for faults keep saying that something is wrong, no more.

    A word the bundle knows as a complaint in itself keeps that strength for the new category.
    """
    normaliser = _normaliser()
    bundled = _collect((m for data in _bundled() for m in _category_marks(data)), normaliser)
    extra: list[tuple[str, Mark]] = []
    for code, words in categories.items():
        for word in words:
            if not word.strip():
                continue
            roles = {mark.role for mark in bundled.get(normaliser.word(word), ())}
            role = STRONG if STRONG in roles else PROBLEM if PROBLEM in roles else THING
            extra.append((word, Mark(role, code, word)))
    for word, marks in bundled.items():
        extra += [(word, Mark(PROBLEM, "", mark.label)) for mark in marks if mark.role in (PROBLEM, STRONG)]
    heads = [{"code": code, "name": code, "short": code[:10]} for code in categories]
    return _build(heads, extra)
