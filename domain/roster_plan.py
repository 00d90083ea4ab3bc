"""A roster against what stands in a compound: who is new, changed and gone. Decides, writes nothing."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP

from domain.roster_model import Column, Relation, Row

Door = tuple[str, str, str]  # building, unit or "", room
KeysOf = Callable[[str], Sequence[str]]  # the digests under which a number may stand, the newest first
ROSTER = "roster"  # the source of a resident


@dataclass(frozen=True, slots=True)
class Home:
    id: int
    area: int | None
    kind: str


@dataclass(frozen=True, slots=True)
class Dweller:
    """A person in a household, as it stands."""

    person: int
    household: int
    name: str
    phone_key: str | None
    paper_key: str | None
    relation: str
    source: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Standing:
    """What a compound holds. stamp: changes with its places and its imports."""

    compound: int | None = None
    buildings: dict[str, int] = field(default_factory=dict)
    units: dict[tuple[str, str], int] = field(default_factory=dict)
    homes: dict[Door, Home] = field(default_factory=dict)
    dwellers: Sequence[Dweller] = ()
    stamp: tuple[int, ...] = ()


@dataclass(slots=True)
class Facts:
    """What the roster says of a person; "": nothing. Of several rows the first that says it counts."""

    name: str = ""
    phone: str = ""
    paper: str = ""

    def add(self, row: Row) -> None:
        self.name = self.name or row.name
        self.phone = self.phone or row.phone
        self.paper = self.paper or row.identity


@dataclass(frozen=True, slots=True)
class Counts:
    buildings: int = 0
    households: int = 0
    people: int = 0
    households_changed: int = 0
    people_changed: int = 0
    households_gone: int = 0  # they stay: only a person may say that a household is none any more
    people_gone: int = 0

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


@dataclass(slots=True)
class Plan:
    """Persons are ids, or -n: the n-th of `people`, from 1."""

    buildings: list[str] = field(default_factory=list)
    units: list[tuple[str, str]] = field(default_factory=list)
    homes: list[tuple[Door, int | None, str]] = field(default_factory=list)
    people: list[Facts] = field(default_factory=list)
    residents: list[tuple[int, Door, str]] = field(default_factory=list)
    home_changes: list[tuple[Home, int | None, str]] = field(default_factory=list)
    person_changes: dict[int, Facts] = field(default_factory=dict)  # only what differs is not ""
    relations: list[tuple[Dweller, str]] = field(default_factory=list)
    gone: list[Dweller] = field(default_factory=list)
    homes_gone: int = 0
    people_gone: int = 0
    unkept: int = 0  # phones and numbers of identity cards that nobody can seal

    @property
    def empty(self) -> bool:
        places = self.buildings or self.units or self.homes or self.home_changes
        return not (places or self.residents or self.person_changes or self.relations or self.gone)

    @property
    def counts(self) -> Counts:
        moved = {person for person, _, _ in self.residents if person > 0}
        changed = {*self.person_changes, *(dweller.person for dweller, _ in self.relations), *moved}
        return Counts(
            len(self.buildings),
            len(self.homes),
            len(self.people),
            len(self.home_changes),
            len(changed),
            self.homes_gone,
            self.people_gone,
        )


def make_plan(rows: Sequence[Row], standing: Standing, keys_of: KeysOf | None) -> Plan:
    """keys_of None: phones and numbers of identity cards are neither stored nor compared."""
    return _Planner(standing, keys_of).plan(rows)


class _Planner:
    def __init__(self, standing: Standing, keys_of: KeysOf | None) -> None:
        self._standing, self._keys_of = standing, keys_of
        self._plan = Plan()
        self._facts: dict[int, Facts] = {}  # of everybody in the roster, by person
        self._wanted: dict[tuple[int, int], str] = {}  # (person, household) that stand and stay → relation
        self._named: set[tuple[int, int]] = set()  # who is known by name at home: (person, household)
        self._at_home: dict[int, list[Dweller]] = {}
        self._by_paper: dict[str, Dweller] = {}
        self._by_phone: dict[str, list[Dweller]] = {}
        for dweller in standing.dwellers:
            self._at_home.setdefault(dweller.household, []).append(dweller)
            if dweller.paper_key:
                self._by_paper.setdefault(dweller.paper_key, dweller)
            if dweller.phone_key:
                self._by_phone.setdefault(dweller.phone_key, []).append(dweller)
        self._new_papers: dict[str, int] = {}
        self._new_phones: dict[tuple[str, str], int] = {}

    def plan(self, rows: Sequence[Row]) -> Plan:
        self._places(rows)
        told = [row for row in rows if row.person and self._kept(row)]
        whose = [self._namesake(row) for row in told]
        for row, known in zip(told, whose, strict=True):
            self._stays(row, known or self._by_number(row) or self._newcomer(row))
        self._changes()
        self._leaving({row.building for row in rows})
        return self._plan

    def _kept(self, row: Row) -> bool:
        if self._keys_of is not None:
            return True
        self._plan.unkept += bool(row.phone) + bool(row.identity)
        return bool(row.name)

    def _places(self, rows: Sequence[Row]) -> None:
        standing, plan = self._standing, self._plan
        buildings, units, homes = set(standing.buildings), set(standing.units), set[Door]()
        for row in rows:
            door = row.household
            if door in homes:
                continue
            homes.add(door)
            if row.building not in buildings:
                buildings.add(row.building)
                plan.buildings.append(row.building)
            if row.unit and door[:2] not in units:
                units.add(door[:2])
                plan.units.append(door[:2])
            area = None if row.area is None else int((row.area * 100).to_integral_value(ROUND_HALF_UP))
            home = standing.homes.get(door)
            if home is None:
                plan.homes.append((door, area, row.kind.value))
                continue
            new = area or home.area, row.kind.value if Column.KIND in row.columns else home.kind
            if new != (home.area, home.kind):
                plan.home_changes.append((home, *new))
        listed = {row.building for row in rows}
        plan.homes_gone = sum(door[0] in listed and door not in homes for door in standing.homes)

    def _keys(self, number: str) -> Sequence[str]:
        return self._keys_of(number) if number and self._keys_of else ()

    def _differs(self, row: Row, dweller: Dweller) -> bool:
        """Two numbers of identity cards are two people."""
        return bool(dweller.paper_key and row.identity and self._keys_of) and (
            dweller.paper_key not in self._keys(row.identity)
        )

    def _namesake(self, row: Row) -> int | None:
        """Who has this name in this household; of father and son with one name, whose numbers are the same."""
        home = self._standing.homes.get(row.household)
        if not home or not row.name:
            return None
        same = [each for each in self._at_home.get(home.id, ()) if each.name == row.name]
        free = [each for each in same if (each.person, home.id) not in self._named and not self._differs(row, each)]
        if not free:
            return None
        papers, phones = self._keys(row.identity), self._keys(row.phone)
        best = max(free, key=lambda each: (each.paper_key in papers, each.phone_key in phones)) if free[1:] else free[0]
        self._named.add((best.person, home.id))
        return best.person

    def _by_number(self, row: Row) -> int | None:
        """The number of an identity card is a person. A phone is, with the same name; or alone in one household."""
        for key in self._keys(row.identity):
            if found := self._by_paper.get(key):
                return found.person
        home = self._standing.homes.get(row.household)
        for key in self._keys(row.phone):
            known = [each for each in self._by_phone.get(key, ()) if not self._differs(row, each)]
            if len({each.person for each in known if each.name == row.name}) == 1:
                return next(each.person for each in known if each.name == row.name)
            here = [each for each in known if home and each.household == home.id]
            here = [each for each in here if (each.person, each.household) not in self._named]
            if len(here) == 1:
                return here[0].person
        return None

    def _newcomer(self, row: Row) -> int:
        """A new person, once for all their rows."""
        person = self._new_papers.get(row.identity) if row.identity and self._keys_of else None
        if person is None and row.phone and self._keys_of:
            known = self._new_phones.get((row.phone, row.name))
            other = self._plan.people[-known - 1].paper if known else ""
            person = known if not (other and row.identity and other != row.identity) else None
        if person is None:
            self._plan.people.append(Facts())
            person = -len(self._plan.people)
        if row.identity:
            self._new_papers.setdefault(row.identity, person)
        if row.phone:
            self._new_phones.setdefault((row.phone, row.name), person)
        return person

    def _stays(self, row: Row, person: int) -> None:
        """The person lives there, as the roster says."""
        facts = self._facts.get(person)
        if facts is None:
            facts = self._facts[person] = self._plan.people[-person - 1] if person < 0 else Facts()
        facts.add(row)
        relation = row.relation or Relation.OWNER
        home = self._standing.homes.get(row.household)
        known = next((each for each in self._at_home.get(home.id, ()) if each.person == person), None) if home else None
        if known is None:
            self._plan.residents.append((person, row.household, relation.value))
        elif (person, known.household) not in self._wanted:
            self._wanted[person, known.household] = relation.value
            if known.relation != relation and known.source == ROSTER:
                self._plan.relations.append((known, relation.value))

    def _changes(self) -> None:
        known = {dweller.person: dweller for dweller in self._standing.dwellers}
        for person, facts in self._facts.items():
            if person < 0:
                continue
            old = known[person]
            new = Facts(
                facts.name if facts.name != old.name else "",
                facts.phone if self._news(facts.phone, old.phone_key) else "",
                facts.paper if self._news(facts.paper, old.paper_key) else "",
            )
            if new != Facts():
                self._plan.person_changes[person] = new

    def _news(self, number: str, key: str | None) -> bool:
        return bool(number and self._keys_of) and key not in self._keys(number)

    def _leaving(self, listed: Iterable[str]) -> None:
        """Whom the roster no longer has, in the buildings it lists: large rosters come building by building."""
        numbers = {home.id for door, home in self._standing.homes.items() if door[0] in listed}
        self._plan.gone = [
            each
            for each in self._standing.dwellers
            if each.source == ROSTER and each.household in numbers and (each.person, each.household) not in self._wanted
        ]
        self._plan.people_gone = len({each.person for each in self._plan.gone if each.person not in self._facts})
