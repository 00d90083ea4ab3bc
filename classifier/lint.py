"""Faults of a lexicon: words that another category takes, that never fire, or that stand in two categories."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, product

from classifier.cut import boundaries, cutter
from classifier.load import CRY, DANGER, PROBLEM, STRONG, THING, Lexicon, Mark
from classifier.phrase import expand, options
from classifier.scan import Hit, Scanner
from classifier.score import votes

_SIGNS = frozenset("~([")
_TRIES = 40  # texts that a phrase stands for, of which one has to be found
_OFTEN = 3  # a word that the examples have so often must be found in one of them
_ROLES = ("thing", "weak word", "problem", "hint", "phrase", "cry", "gate word", "danger word", "veto")


@dataclass(frozen=True, slots=True)
class Fault:
    """kind: collides, never fires, two categories."""

    kind: str
    word: str
    what: str


class _Reader:
    """Reads short texts the way the classifier does, without what it learned."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self._scanner = Scanner(lexicon)
        self._cut = cutter()

    def hits(self, text: str) -> list[Hit]:
        text = self._lexicon.normaliser.message(text)
        return self._scanner.hits(text, self._scanner.look(text), boundaries(text, self._cut))


def lint(lexicon: Lexicon, texts: Iterable[str] = ()) -> list[Fault]:
    """All faults. `texts` are examples in which frequent words have to be found."""
    reader = _Reader(lexicon)
    checks: tuple[Callable[[Lexicon, _Reader], Iterator[Fault]], ...] = (_collisions, _silent, _doubled)
    found = [fault for check in checks for fault in check(lexicon, reader)]
    return sorted(found + list(_unseen(lexicon, reader, texts)), key=lambda fault: (fault.kind, fault.word))


def _plain(lexicon: Lexicon) -> Iterator[tuple[str, tuple[Mark, ...]]]:
    return ((word, marks) for word, marks in lexicon.words.items() if _SIGNS.isdisjoint(word))


def _owners(marks: Iterable[Mark], *roles: int) -> set[str]:
    return {mark.group for mark in marks if mark.group and mark.role in roles}


def _collisions(lexicon: Lexicon, reader: _Reader) -> Iterator[Fault]:
    """Said alone, a word of one category must not count more for another, because of a shorter word inside it."""
    for word, marks in _plain(lexicon):
        mine = _owners(marks, THING, PROBLEM, STRONG)
        if not mine or len(word) == 1:
            continue
        hits = reader.hits(word)
        scores = votes(lexicon.codes, hits)
        best = max(scores, key=lambda code: scores[code])
        if best not in mine and scores[best] > max(scores[code] for code in mine):
            inner = next(
                (hit.word for hit in hits if hit.word != word and best in _owners(hit.marks, THING, STRONG)), ""
            )
            yield Fault("collides", word, f"is of {_list(mine)}, but {inner or 'a word'} in it counts for {best}")


def _silent(lexicon: Lexicon, reader: _Reader) -> Iterator[Fault]:
    """A word or phrase that is not found even when it is all that is said, or with a small word in its gaps."""
    gaps = ("", *sorted(lexicon.loose))
    for word, marks in lexicon.words.items():
        roles = {mark.role for mark in marks}
        texts = [parts for phrase in expand(word) for parts in _texts(phrase)]
        if texts and not any(_fires(reader, gap.join(parts), word, marks) for gap in gaps for parts in texts):
            yield Fault("never fires", word, f"{_ROLES[min(roles)]} of {_list({m.group for m in marks}) or 'all'}")


def _texts(word: str) -> Iterator[tuple[str, ...]]:
    """The parts of some texts a word or phrase stands for; a phrase that is too involved is not judged."""
    if _SIGNS.isdisjoint(word):
        return iter(((word,),))
    return islice(product(*map(options, word.split("~"))), _TRIES)


def _fires(reader: _Reader, text: str, word: str, marks: tuple[Mark, ...]) -> bool:
    wanted, phrase = set(marks), not _SIGNS.isdisjoint(word)
    return any((phrase or hit.word == word) and not wanted.isdisjoint(hit.marks) for hit in reader.hits(text))


def _doubled(lexicon: Lexicon, _: _Reader) -> Iterator[Fault]:
    """A thing of two categories, or a thing of one that is a whole complaint of another, unless a weight settles it."""
    for word, marks in _plain(lexicon):
        owners = _owners(marks, THING) | _owners(marks, STRONG, CRY)
        settled = {mark.group for mark in marks if mark.weight != 1}
        if len(owners - settled) > 1:
            yield Fault("two categories", word, _list(owners))


def _unseen(lexicon: Lexicon, reader: _Reader, texts: Iterable[str]) -> Iterator[Fault]:
    """A word the examples have often, but always as a piece of words that the dictionary knows."""
    words = {word for word, marks in _plain(lexicon) if len(word) > 1 and {mark.role for mark in marks} - {DANGER, CRY}}
    longest = max(map(len, words), default=0)
    missed: dict[str, int] = {}
    found: set[str] = set()
    for text in map(lexicon.normaliser.message, texts):
        hits = reader.hits(text)
        found.update(hit.word for hit in hits)
        for at, end in ((at, at + size) for size in range(2, longest + 1) for at in range(len(text) - size + 1)):
            word = text[at:end]
            if word in words and not any(hit.start <= at and end <= hit.end for hit in hits):
                missed[word] = missed.get(word, 0) + 1
    for word in sorted(word for word, often in missed.items() if often >= _OFTEN and word not in found):
        yield Fault("never fires", word, f"{missed[word]} times in the examples, always a piece of another word")


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(name for name in names if name))
