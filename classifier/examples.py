"""The examples that ship with linli and were written for it: complaints, and plain talk that is none."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from classifier.counts import TENTHS, Example, Tally, features
from classifier.model import Odds, Sorter
from classifier.normal import Normaliser

FOLDER = Path(__file__).parent / "seeds"


@dataclass(frozen=True, slots=True)
class Seed:
    """One example; `label` is a category for a complaint and a kind for plain talk."""

    text: str
    label: str
    complaint: bool
    urgent: bool


def _lines(name: str) -> Iterator[list[str]]:
    """The columns of a file; a line break inside a text is written as two characters."""
    for line in (FOLDER / f"{name}.tsv").read_text(encoding="utf-8").splitlines():
        yield line.replace(r"\n", "\n").split("\t")


@cache
def seeds() -> tuple[Seed, ...]:
    """All examples."""
    complaints = (Seed(text, label, True, urgent == "1") for label, urgent, text in _lines("complaints"))
    plain = (Seed(text, label, False, False) for label, text in _lines("plain"))
    return (*complaints, *plain)


def shipped(
    found: Sequence[Seed], codes: Sequence[str], normaliser: Normaliser, extra: Iterable[Example] = ()
) -> tuple[Sorter, Odds, Odds]:
    """Which category, is it a complaint, does somebody cry for help; `extra` speaks for categories alone."""
    at = {code: 2 * which for which, code in enumerate(codes)}
    plain, other = 2 * len(codes), 2 * len(codes) + 1  # no complaint; a complaint of no category of these

    def counted() -> Iterator[Example]:  # one by one: all pieces of all examples together are large
        yield from ((pieces, 2 * which, worth) for pieces, which, worth in extra)
        for seed in found:
            which = at.get(seed.label, other) if seed.complaint else plain
            which += seed.urgent and which < plain
            yield features(normaliser.message(seed.text)), which, TENTHS

    tally = Tally(2 * len(codes) + 2, counted())
    said = range(2 * len(codes))
    sorter = Sorter(codes, tally.joined([(which, which + 1) for which in said[::2]]))
    if not found:
        return sorter, *_known_tickets(normaliser)
    return sorter, *_odds(tally, said, plain, other)


def _odds(tally: Tally, said: Sequence[int], plain: int, other: int) -> tuple[Odds, Odds]:
    ticket = Odds(tally.joined([(plain,), (*said, other)]), 1.0)
    return ticket, Odds(tally.joined([(plain, other, *said[::2]), said[1::2]]), 2.0)


@cache
def _known_tickets(normaliser: Normaliser) -> tuple[Odds, Odds]:
    """What lessons about other categories start from: is it a complaint is much the same question everywhere."""
    return shipped(seeds(), (), normaliser)[1:]
