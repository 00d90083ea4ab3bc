"""接龙: sign-up chains, where everybody who joins sends the whole list again. Reading, joining and writing them."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import NamedTuple

_ITEM = re.compile(r"\s*(?P<number>\d{1,3})(?P<mark>[.．、)）])(?P<gap>\s*)(?P<said>\S.*)")
_BARE = re.compile(r"\s*\d{1,3}\s*[.．、)）]\s*")  # a number that nobody has filled yet
_POINT = re.compile(r"- \d{1,3}[.．、)）]")
_QUOTE = re.compile(r"\s*(?:-\s+){5,}-?\s*")  # the line in a quoting message
_PART = re.compile(r"\s*\((?P<part>\d{1,2})/(?P<parts>\d{1,2})\)$")
_PERSON = re.compile(r"[\s,;:|/、。.~!-]*(?P<name>[^\s,;:|/、。~!()]{0,20})[\s,;:|/、。]*(?P<note>.*)")


@dataclass(frozen=True, slots=True)
class ChainWords:
    """The words of a chain. Patterns meet NFKC text; `head`, `example` and `meta` match whole lines."""

    label: str  # the first line of a chain we write
    example_label: str
    head: re.Pattern[str]  # groups before, title: what else stands on the first line
    example: re.Pattern[str]  # group said
    meta: re.Pattern[str]  # a line that signs up nobody
    room: re.Pattern[str]  # groups building, unit, door, alone: a door without its building
    persons: re.Pattern[str]  # groups size, extra
    proxy: re.Pattern[str]  # group whom
    withdrawn: re.Pattern[str]  # group name: what stands before the mark and stays


@dataclass(frozen=True, slots=True)
class Entry:
    """One numbered entry. `said` is what was typed after the number, with the lines that follow it."""

    number: int
    name: str
    said: str
    room: str = ""  # "3-2-501", as far as it was named: "5" is a building
    persons: int = 1  # all of them
    note: str = ""
    proxy: bool = False
    withdrawn: bool = False  # taken back; kept, so that no stale list brings it back
    owner: str = ""  # who first sent it; `merge` knows

    @property
    def key(self) -> tuple[str, str]:
        return self.name.casefold(), self.room


@dataclass(frozen=True, slots=True)
class Chain:
    """A list. `notes` sign up nobody ("full", a closing remark). `part`: (2, 3) for the second message of 3."""

    title: str
    entries: tuple[Entry, ...] = ()
    example: str = ""
    notes: tuple[str, ...] = ()
    part: tuple[int, int] | None = None
    initiator: str = ""

    @property
    def standing(self) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.entries if not entry.withdrawn)


class Merged(NamedTuple):
    """What a list changed."""

    chain: Chain
    added: tuple[Entry, ...]
    lost: tuple[Entry, ...]  # missing in the list though not the sender's; they still stand
    withdrawn: tuple[Entry, ...]
    again: tuple[Entry, ...]  # taken back, now listed by somebody else; they count when their owner sends them


def parse(text: str, words: ChainWords) -> Chain | None:
    """The chain in a message, or None. A message that quotes a chain is none."""
    lines = text.replace("&#x20;", " ").strip().splitlines()
    head = words.head.fullmatch(_plain(lines[0])) if lines else None
    if not head or any(_QUOTE.fullmatch(line) for line in lines):
        return None
    titles: list[str] = []
    examples: list[str] = []
    items: list[tuple[int, list[str]]] = []
    for line in map(str.strip, (head["title"], *lines[1:])):
        if item := _opened(line, items, words):
            items.append((int(item["number"]), [item["said"]]))
        elif items and not _BARE.fullmatch(line):
            items[-1][1].append(f"- {line}" if _opened(line, [], words) else line)  # not to open one under new numbers
        elif example := words.example.fullmatch(_plain(line)):
            examples.append(example["said"])
        elif line and not items:
            titles.append(line)
    if not items and (head["before"].strip() or not titles or len(lines) < 2):
        return None  # talk about chains
    entries, notes = _sorted(items, words)
    first, *more = titles or [""]
    part = _PART.search(first)
    numbers = (int(part["part"]), int(part["parts"])) if part else None
    return Chain("\n".join([_PART.sub("", first), *more]), entries, "\n".join(examples), notes, numbers)


def _opened(line: str, items: list[tuple[int, list[str]]], words: ChainWords) -> re.Match[str] | None:
    """The line as a new entry. Gaps and twins are people's; 7.30 is an hour; 1. 2. within an entry are its points."""
    item = _ITEM.fullmatch(line)
    if not item:
        return None
    if item["mark"] in ".．" and not item["gap"] and item["said"][0].isdecimal():
        return item if words.room.match(_plain(item["said"])) else None
    number, (last, said) = int(item["number"]), items[-1] if items else (0, [])
    points = sum(bool(_POINT.match(more)) for more in said[1:])
    return None if number == points + 1 and number <= last and last > 1 else item


def _sorted(items: list[tuple[int, list[str]]], words: ChainWords) -> tuple[tuple[Entry, ...], tuple[str, ...]]:
    """The entries, and the lines that are none: said to all, or after a blank line at the end."""
    entries, notes, closing = [], [], []
    if items and "" in items[-1][1]:
        said = items[-1][1]
        closing, said[:] = said[said.index("") :], said[: said.index("")]
    for number, said in items:
        meta = [line for line in said if words.meta.fullmatch(_plain(line))]
        if said[0] in meta:
            notes += said
        else:
            notes += meta
            entries.append(_entry(number, [line for line in said if line and line not in meta], words))
    return tuple(entries), tuple(line for line in dict.fromkeys(notes + closing) if line)


def _entry(number: int, lines: list[str], words: ChainWords) -> Entry:
    rest, *more = map(_plain, lines)
    room = words.room.search(rest)
    rest = words.room.sub(" ", rest, count=1)
    persons = words.persons.search(rest)
    rest = words.persons.sub(" ", rest, count=1).strip()
    marks = [words.withdrawn.search(line) for line in (rest, *more)]
    withdrawn = any(mark and (line == 0 or not mark["name"]) for line, mark in enumerate(marks))
    rest = words.withdrawn.sub(r"\g<name> ", rest)
    proxy = words.proxy.search(rest)
    whom = proxy["whom"] if proxy else ""
    rest = words.proxy.sub(" ", rest, count=1)
    person = _PERSON.fullmatch(re.sub(r"\(\s*\)", " ", rest))
    name, note = (person["name"], person["note"]) if person else ("", rest)
    name, note = (whom, f"{name} {note}") if whom else (name, note)
    where = "-".join(filter(None, room.group("building", "unit", "door", "alone"))) if room else ""
    note = "\n".join(filter(None, (note.strip(), *more)))
    return Entry(number, name, "\n".join(lines), where, _count(persons, bool(name)), note, bool(proxy), withdrawn)


def _count(persons: re.Match[str] | None, named: bool) -> int:
    if persons and persons["extra"]:
        return int(persons["extra"]) + named
    size = persons["size"] if persons else "1"
    return int(size) if size.isdecimal() else int(unicodedata.numeric(size, 2))  # the word for a pair has no value


def _plain(line: str) -> str:
    return unicodedata.normalize("NFKC", line).strip()


def same(known: Chain, came: Chain, sender: str) -> bool:
    """Whether a list continues this chain: the same title. Renamed by its initiator, or untitled: most entries."""
    titles = ["".join(_plain(chain.title.split("\n")[0]).casefold().split()) for chain in (known, came)]
    whole = came.entries if came.part else known.standing
    listed = {entry.key for entry in (known if came.part else came).entries}
    shared = sum(entry.key in listed for entry in whole)
    may = sender == known.initiator or not all(titles)
    return titles[0] == titles[1] != "" or (may and 2 * shared > len(whole))


def merge(known: Chain | None, came: Chain, sender: str, *, strikes: bool = False) -> Merged:
    """Take in a list that `sender` sent. A list that does not continue `known` (see `same`) begins a chain.

    strikes: what the list lacks was struck out by somebody who may, not lost.
    """
    if known is None or not same(known, came, sender):
        known = Chain(came.title, initiator=sender)
    union, listed = list(known.entries), _once(came.entries)
    pairs = _pairs(union, listed, sender)
    added, gone, again = [], [], []
    for index, entry in enumerate(listed):
        place = pairs.get(index, len(union))
        if place == len(union):
            union.append(replace(entry, owner=sender))
            added += [] if entry.withdrawn else [place]
        elif entry.withdrawn:
            gone += [] if union[place].withdrawn else [place]
            union[place] = replace(union[place], withdrawn=True)
        elif union[place].owner == sender:
            added += [place] if union[place].withdrawn else []
            union[place] = replace(entry, owner=sender)
        elif union[place].withdrawn:
            again.append(place)
    standing = {place for place, entry in enumerate(known.entries) if not entry.withdrawn}
    missing = set() if came.part else standing - set(pairs.values())  # a part says nothing about the others
    lost = [place for place in sorted(missing) if union[place].owner != sender and not strikes]
    for place in sorted(missing - set(lost)):
        gone.append(place)
        union[place] = replace(union[place], withdrawn=True)
    numbers = accumulate(int(not entry.withdrawn) for entry in union)
    union = [replace(entry, number=0 if entry.withdrawn else at) for at, entry in zip(numbers, union, strict=True)]
    first, other = (known, came) if came.part or sender != known.initiator else (came, known)
    notes = came.notes if first is came else tuple(dict.fromkeys(known.notes + came.notes))
    title, example = first.title or other.title, first.example or other.example  # the initiator may change them
    chain = Chain(title, tuple(union), example, notes, None, known.initiator)
    return Merged(chain, *(tuple(chain.entries[place] for place in places) for places in (added, lost, gone, again)))


def _once(entries: Sequence[Entry]) -> list[Entry]:
    """One person at one door is one entry, the last one; namesakes without a door may be two people."""
    door = [entry.name and len(entry.room.rpartition("-")[2]) > 2 for entry in entries]
    return list({entry.key if door[at] else at: entry for at, entry in enumerate(entries)}.values())


def _pairs(known: Sequence[Entry], listed: Sequence[Entry], sender: str) -> dict[int, int]:
    """Which listed entry is which known one, by their places: first those unchanged, then the sender's own."""
    free: dict[tuple[str, str], list[int]] = {}
    for place, entry in enumerate(known):
        free.setdefault(entry.key, []).append(place)
    found: dict[int, int] = {}
    for exact in (True, False):
        for index, entry in enumerate(listed):
            fits = [place for place in free.get(entry.key, ()) if not exact or known[place].said == entry.said]
            if fits and index not in found:
                found[index] = min(fits, key=lambda at: (known[at].owner != sender, known[at].withdrawn, at))
                free[entry.key].remove(found[index])
    return found


def emit(chain: Chain, words: ChainWords, limit: int = 2000) -> list[str]:
    """The chain as people can continue it, in as many messages as the limit (200 or more characters) asks for."""
    title = chain.title[: limit // 4].strip()
    example = [f"{words.example_label} {line}" for line in chain.example[: limit // 8].splitlines()]
    notes = "\n".join(chain.notes)[: limit // 8].strip() if chain.standing else ""  # else they would be read as title
    space = limit - len("\n".join([words.label, title, *example])) - len(notes) - 14  # " (99/99)", blank lines
    pages: list[list[str]] = [[]]
    for number, entry in enumerate(chain.standing, 1):
        line = f"{number}. {entry.said}"
        line = line if len(line) <= space else line[: space - 1] + "…"
        if pages[-1] and len("\n".join([*pages[-1], line])) > space:
            pages.append([])
        pages[-1].append(line)
    messages = []
    first, *more = title.split("\n")
    for part, lines in enumerate(pages, 1):
        named = f"{first} ({part}/{len(pages)})".strip() if len(pages) > 1 else first
        head = "\n".join(filter(None, [words.label, named, *more, *example]))
        messages.append("\n\n".join(filter(None, [head, "\n".join(lines), notes if lines is pages[-1] else ""])))
    return messages
