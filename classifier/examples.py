"""The examples that ship with linli and were written for it: complaints, and plain talk that is none."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from classifier.counts import TENTHS, Example, features
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
    ticket: list[Example] = []
    urgent: list[Example] = []
    sorted_by: list[Example] = list(extra)
    at = {code: which for which, code in enumerate(codes)}
    for seed in found:
        pieces = features(normaliser.message(seed.text))
        ticket.append((pieces, int(seed.complaint), TENTHS))
        urgent.append((pieces, int(seed.urgent), TENTHS))
        if seed.complaint and seed.label in at:
            sorted_by.append((pieces, at[seed.label], TENTHS))
    return Sorter(codes, sorted_by), Odds(ticket, 1.0), Odds(urgent, 2.0)
