"""Quick polls: what may be asked, what is open, which answer is meant, when the group hears how far it is."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

FEWEST, MOST = 2, 9  # answers
TITLE, OPTION = 40, 20  # characters
LONGEST = timedelta(days=60)
_HALF_FROM, _HOUR_FROM = timedelta(hours=6), timedelta(hours=3)  # shorter polls are not spoken of on the way


class Fault(StrEnum):
    """Why a draft is no poll."""

    FEW = "few"
    MANY = "many"
    TWICE = "twice"
    LONG = "long"
    PAST = "past"
    FAR = "far"


@dataclass(frozen=True, slots=True)
class Draft:
    """secret: nobody learns who chose what. hidden: no counts before the end."""

    title: str
    options: tuple[str, ...]
    closes_at: datetime
    secret: bool = False
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Poll:
    """number: what people quote, P3. building_id None: all of the compound."""

    id: int
    number: int
    bot_id: str
    compound_id: int
    building_id: int | None
    starter_id: int
    secret: bool
    hidden: bool
    opens_at: datetime
    closes_at: datetime
    closed_at: datetime | None
    reminded_at: datetime | None
    title: str
    options: tuple[str, ...]

    def is_open(self, now: datetime) -> bool:
        return self.closed_at is None and now < self.closes_at

    def shows_counts(self, now: datetime) -> bool:
        """A running secret poll would tell what the last voter chose."""
        return not self.is_open(now) or not (self.hidden or self.secret)


def check(draft: Draft, now: datetime) -> Fault | None:
    if len(draft.options) < FEWEST:
        return Fault.FEW
    if len(draft.options) > MOST:
        return Fault.MANY
    if len({option.casefold() for option in draft.options}) < len(draft.options):
        return Fault.TWICE
    if len(draft.title) > TITLE or any(len(option) > OPTION for option in draft.options):
        return Fault.LONG
    if draft.closes_at <= now:
        return Fault.PAST
    return Fault.FAR if draft.closes_at - now > LONGEST else None


def read_choice(said: str, options: tuple[str, ...]) -> int | None:
    """The number of the option meant: by number, letter, the option itself, or words that only one has."""
    said = said.strip().casefold()
    names = [option.casefold() for option in options]
    if said.isdecimal():
        return int(said) if 1 <= int(said) <= len(options) else None
    if said in names:
        return names.index(said) + 1
    starts = [number for number, name in enumerate(names, start=1) if said and name.startswith(said)]
    if len(starts) == 1:
        return starts[0]
    if len(said) == 1 and "a" <= said <= "z":
        number = ord(said) - ord("a") + 1
        return number if number <= len(options) else None
    inside = [number for number, name in enumerate(names, start=1) if len(said) > 1 and said in name]
    return inside[0] if len(inside) == 1 else None


def moments(opens_at: datetime, closes_at: datetime) -> dict[str, datetime]:
    """When the group hears how many have voted: at half time and an hour before the end, where it is long enough."""
    lasts = closes_at - opens_at
    found = {"half": opens_at + lasts / 2} if lasts >= _HALF_FROM else {}
    return found | ({"hour": closes_at - timedelta(hours=1)} if lasts >= _HOUR_FROM else {})
