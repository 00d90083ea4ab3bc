"""How many must take part and how many must agree, by body and matter, with the law that says so (docs/votes.md)."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Share:
    """A share of a whole that must be reached; `strict`: it must be exceeded (Civil Code art. 1259)."""

    part: Fraction
    strict: bool

    def met(self, amount: Fraction | int, whole: Fraction | int) -> bool:
        return amount > self.part * whole if self.strict else amount >= self.part * whole

    def least(self, whole: Fraction | int, step: Fraction | int) -> Fraction:
        """The smallest whole number of steps that is enough."""
        steps, rest = divmod(self.part * whole, step)
        return (steps + (rest > 0 or self.strict)) * Fraction(step)


@dataclass(frozen=True, slots=True)
class Rule:
    """Two stages: the quorum is measured on everybody, the approval on those who take part (`of_all`: on everybody)."""

    code: str
    quorum: Share
    approval: Share
    by_area: bool  # area and heads must both be enough, else heads alone
    of_all: bool
    sources: tuple[str, ...]


HALF = Share(Fraction(1, 2), strict=True)
TWO_THIRDS = Share(Fraction(2, 3), strict=False)
THREE_QUARTERS = Share(Fraction(3, 4), strict=False)

_COUNTING = (
    "Civil Code art. 1259: a number with 'or more' includes itself, 'more than' does not",
    "Interpretation on partitioned ownership (Fa Shi [2020] No. 17) art. 8: the area of the exclusive parts",
    "the same, art. 9: the number of owners",
)
GENERAL = Rule(
    "civil-code-278-general",
    TWO_THIRDS,
    HALF,
    by_area=True,
    of_all=False,
    sources=("Civil Code art. 278 para. 2: matters 1 to 5 and 9", *_COUNTING),
)
SPECIAL = Rule(
    "civil-code-278-special",
    TWO_THIRDS,
    THREE_QUARTERS,
    by_area=True,
    of_all=False,
    sources=("Civil Code art. 278 para. 2: matters 6 to 8", *_COUNTING),
)
RESIDENTS = Rule(
    "residents-meeting",
    HALF,
    HALF,
    by_area=False,
    of_all=False,
    sources=("Organic Law of the Urban Residents Committees art. 9",),
)
COMMITTEE = Rule(
    "committee",
    HALF,
    HALF,
    by_area=False,
    of_all=True,
    sources=("Guiding Rules on owners' assemblies and committees (Jian Fang [2009] No. 274)",),
)
RULES: Mapping[str, Rule] = MappingProxyType({rule.code: rule for rule in (GENERAL, SPECIAL, RESIDENTS, COMMITTEE)})

# The nine matters of art. 278 para. 1 by their number. Using the fund (5) is a general matter, raising it (6) is not.
MATTERS: Mapping[int, Rule] = MappingProxyType(
    {number: SPECIAL if number in (6, 7, 8) else GENERAL for number in range(1, 10)}
)
