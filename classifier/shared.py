"""What never changes in a classifier and is there once for all compounds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from classifier.counts import TENTHS, Example, features
from classifier.cut import Cutter, cutter, searcher
from classifier.examples import Seed, seeds, shipped
from classifier.gate import Gate
from classifier.keywords import Keywords
from classifier.load import Lexicon, own_lexicon
from classifier.model import Odds, Sorter
from classifier.ready import Ready
from classifier.scan import Scanner
from classifier.sound import Ear
from classifier.version import version

KEYWORD = "\x01"  # before a word of one's own lexicon that is counted as a piece
_NAMED = 5 * TENTHS  # a word of one's own category counts like five examples that have it
_ALIKE = 2 * TENTHS  # and its characters and their pairs like two: words like it are heard too


@dataclass(frozen=True, slots=True)
class Shared:
    """The lexicon with all that is made from it, and the counts of the shipped examples."""

    lexicon: Lexicon
    scanner: Scanner
    gate: Gate
    ear: Ear
    cut: Cutter
    search: Cutter
    sorter: Sorter
    ticket: Odds
    urgent: Odds | None  # None: there are no shipped examples of these categories
    keywords: Keywords | None  # of categories of one's own
    version: str


def share(
    lexicon: Lexicon | Mapping[str, Iterable[str]], engine: str = "", examples: Sequence[Seed] | None = None
) -> Shared:
    """`lexicon` is that which ships, or one's own categories with their words."""
    if isinstance(lexicon, Lexicon):
        found, stamp, keywords = lexicon, version(), None
    else:
        words = {code: tuple(words) for code, words in lexicon.items()}
        found, stamp = own_lexicon(words), version(words)
        keywords = Keywords(found)
    if examples is None:
        examples = () if keywords else seeds()
    sorter, ticket, urgent = shipped(examples, found.codes, found.normaliser, _known(keywords, found.codes))
    for each in (sorter, ticket, urgent):
        each.rows = Ready(each.tally, each.rows)
    cut = cutter(engine)
    return Shared(
        lexicon=found,
        scanner=Scanner(found),
        gate=Gate(found),
        ear=Ear(found, cut),
        cut=cut,
        search=searcher(engine),
        sorter=sorter,
        ticket=ticket,
        urgent=urgent if examples else None,
        keywords=keywords,
        version=stamp,
    )


def _known(keywords: Keywords | None, codes: Sequence[str]) -> list[Example]:
    """What the words of one's own categories count for before anything is learned."""
    known: list[Example] = []
    for word, groups in keywords.of.items() if keywords else ():
        pieces = frozenset(piece for piece in features(word) if "^" not in piece and "$" not in piece)
        for group in sorted(groups):
            known.append((frozenset([KEYWORD + word]), codes.index(group), _NAMED))
            known.append((pieces, codes.index(group), _ALIKE))
    return known
