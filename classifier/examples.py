"""The examples that ship with linli and were written for it: complaints, and plain talk that is none."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from classifier.counts import Counts, Features, Odds, Sorter, features
from classifier.normal import Normaliser

FOLDER = Path(__file__).parent / "seeds"
PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Seed:
    """One example; `label` is a category for a complaint and a kind for plain talk."""

    text: str
    label: str
    complaint: bool
    urgent: bool


@dataclass(frozen=True, slots=True)
class Examples:
    """What the examples say of a message: is it a complaint, which category, does somebody cry for help."""

    ticket: Odds
    category: Sorter
    urgent: Odds


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


def count(found: Sequence[Seed], codes: Sequence[str], normaliser: Normaliser) -> Examples:
    """Count examples."""
    ticket, urgent = Counts((PLAIN, "complaint")), Counts(("calm", "urgent"))
    category = Counts(codes)
    for seed in found:
        pieces: Features = features(normaliser.message(seed.text))
        ticket.add(pieces, "complaint" if seed.complaint else PLAIN)
        urgent.add(pieces, "urgent" if seed.urgent else "calm")
        if seed.complaint:
            category.add(pieces, seed.label)
    return Examples(Odds(ticket, 1.0), Sorter(category), Odds(urgent, 2.0))
