"""Who gets a matter first and whose it is after that: the usual chains of 12345 practice, one line a category.

docs/tickets.md shows them. A compound sets its own first receivers over these (services/responsibility.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from domain.people import Level

# 网格员/楼栋长 and what is nearer than they; 物业; 业委会; 小区党支部; 社区; 街道
_G, _W, _Y = Level.MEMBER_HOUSEHOLD, Level.PROPERTY, Level.OWNERS_COMMITTEE
_P, _C, _J = Level.BRANCH, Level.COMMUNITY, Level.STREET


@dataclass(frozen=True, slots=True)
class Chain:
    """bodies: the first has it, the others follow. agencies: the departments and suppliers after them, as codes.

    law: what makes somebody responsible, a code for docs/tickets.md; "": practice alone.
    """

    bodies: tuple[Level, ...]
    agencies: tuple[str, ...] = ()
    law: str = ""

    @property
    def company_first(self) -> bool:
        return self.bodies[0] is Level.PROPERTY

    @property
    def near_first(self) -> bool:
        return self.bodies[0] is Level.MEMBER_HOUSEHOLD


# Source of all: the categories and chains of city 12345 lists (frequencies: Siping 2025, Yinchuan 2019, Taizhou 2018);
# the residents' committee stands in none, it helps (Beijing's 接诉即办条例 of 2021, articles 16 and 17).
CHAINS: Mapping[str, Chain] = {
    "house": Chain((_W, _Y, _C), ("housing",), "repair_fund"),
    "lift": Chain((_W, _C), ("market",), "lift"),
    "water": Chain((_W, _J), ("water", "housing"), "lines"),
    "power": Chain((_W,), ("power", "management"), "lines"),
    "gas": Chain((_W, _C), ("gas", "heating", "housing"), "lines"),
    "fire": Chain((_G, _W, _C, _J), ("rescue",), "fire_lanes"),
    "parking": Chain((_W, _Y, _C, _J), ("traffic", "management")),
    "noise": Chain((_W, _Y, _C), ("police", "management"), "noise"),
    "sanitation": Chain((_W, _C, _J), ("management", "health")),
    "greenery": Chain((_W, _Y, _C), ("gardens", "management")),
    "illegal": Chain((_W, _C, _J), ("housing", "planning"), "unlawful"),
    "property": Chain((_C, _J), ("housing",), "recusal"),
    "security": Chain((_G, _C), ("police",), "falling"),
    "renovation": Chain((_P, _C), ("housing",)),
    "welfare": Chain((_G, _C), ("welfare",)),
    "other": Chain((_C, _J)),
}
# To whom one goes outside the five levels, in the order in which they are offered.
AGENCIES = (
    *("power", "water", "gas", "heating", "telecom", "housing", "management", "police", "traffic", "rescue", "market"),
    *("gardens", "health", "planning", "welfare"),
)
SUPPLIERS = frozenset({"power", "water", "gas", "heating", "telecom"})
# Which bodies may own a ticket; the committees, teams and partners help (协办) or are called (吹哨).
OWNERS = frozenset(level for level in Level if level <= Level.PROPERTY)
# What a compound may name as first receiver; the residents' committee is none (it is no owner of government duties).
FIRSTS = (Level.MEMBER_HOUSEHOLD, Level.BUILDING_GROUP, Level.PROPERTY, Level.BRANCH, Level.COMMUNITY, Level.STREET)

_NIGHT_FROM, _NIGHT_TO = time(18, 0), time(8, 0)


def chain_of(category: str) -> Chain:
    return CHAINS.get(category, CHAINS["other"])


def agency_of(category: str) -> str:
    """The supplier or department that a matter of this category goes to outside, "" where there is none."""
    return next(iter(chain_of(category).agencies), "")


def tree_level(category: str) -> Level:
    """From which of the five levels on somebody is looked for, where the company is not first."""
    found = next((level for level in chain_of(category).bodies if level in (_P, _C, _J)), _C)
    return Level.BUILDING_GROUP if chain_of(category).company_first or chain_of(category).near_first else found


def shift(day: date, zone: ZoneInfo, *, night: bool) -> tuple[datetime, datetime]:
    """From when to when somebody is on duty: a whole day, or the night that begins on it."""
    after = day + timedelta(days=1)
    start, end = (_NIGHT_FROM, _NIGHT_TO) if night else (time(0), time(0))
    return datetime.combine(day, start, tzinfo=zone), datetime.combine(after, end, tzinfo=zone)
