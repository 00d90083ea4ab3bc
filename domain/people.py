"""People, places and the five-level organisation, as the rules see them."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum


class Level(IntEnum):
    """街道党工委 → 社区党组织 → 小区党支部 → 楼栋党小组 → 党员中心户, and the bodies that stand beside them.

    In the tree the number grows with the distance to the resident's door. No ticket goes to those from 10 on.
    """

    STREET = 1
    COMMUNITY = 2
    BRANCH = 3
    BUILDING_GROUP = 4
    MEMBER_HOUSEHOLD = 5
    PROPERTY = 9
    OWNERS_COMMITTEE = 10
    RESIDENTS_COMMITTEE = 11
    TWO_COMMITTEES = 12
    TEAM = 13
    VOLUNTEERS = 14
    PARTNER = 15


TREE = frozenset(level for level in Level if level <= Level.MEMBER_HOUSEHOLD)


class Role(StrEnum):
    """What a person is in a body: 书记, 主任, 组长, 楼栋长, 网格员, 工作人员, 值班."""

    SECRETARY = "secretary"
    DIRECTOR = "director"
    LEADER = "leader"
    HEAD = "head"
    GRID = "grid"
    STAFF = "staff"
    DUTY = "duty"


# The offices that can be filled by chat; their names and other words for them stand in texts.
OFFICES: dict[str, tuple[Level, Role]] = {
    "building_head": (Level.BUILDING_GROUP, Role.HEAD),
    "group_leader": (Level.BUILDING_GROUP, Role.LEADER),
    "group_member": (Level.BUILDING_GROUP, Role.STAFF),
    "member_household": (Level.MEMBER_HOUSEHOLD, Role.LEADER),
    "branch_secretary": (Level.BRANCH, Role.SECRETARY),
    "branch_member": (Level.BRANCH, Role.STAFF),
    "community_secretary": (Level.COMMUNITY, Role.SECRETARY),
    "community_director": (Level.COMMUNITY, Role.DIRECTOR),
    "grid_worker": (Level.COMMUNITY, Role.GRID),
    "community_staff": (Level.COMMUNITY, Role.STAFF),
    "street_secretary": (Level.STREET, Role.SECRETARY),
    "street_staff": (Level.STREET, Role.STAFF),
    "property_leader": (Level.PROPERTY, Role.LEADER),
    "property_staff": (Level.PROPERTY, Role.STAFF),
    "property_duty": (Level.PROPERTY, Role.DUTY),
    "owners_director": (Level.OWNERS_COMMITTEE, Role.DIRECTOR),
    "owners_member": (Level.OWNERS_COMMITTEE, Role.STAFF),
    "residents_director": (Level.RESIDENTS_COMMITTEE, Role.DIRECTOR),
    "residents_member": (Level.RESIDENTS_COMMITTEE, Role.STAFF),
    "two_committees_member": (Level.TWO_COMMITTEES, Role.STAFF),
    "team_leader": (Level.TEAM, Role.LEADER),
    "team_member": (Level.TEAM, Role.STAFF),
    "volunteers_leader": (Level.VOLUNTEERS, Role.LEADER),
    "volunteer": (Level.VOLUNTEERS, Role.STAFF),
    "partner_member": (Level.PARTNER, Role.STAFF),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a household, a chat or a matter is; None: not that narrow. `building` and `unit` are shown numbers."""

    compound_id: int
    building_id: int | None = None
    unit_id: int | None = None
    building: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Body:
    """A node of the organisation tree. `path` holds the ids from the root, "/1/4/9/": who is above is a prefix."""

    id: int
    level: Level
    name: str
    path: str
    compound_id: int | None
    building_id: int | None

    def under(self, other: "Body") -> bool:
        return self.path.startswith(other.path)


@dataclass(frozen=True, slots=True)
class Post:
    """acts_for: whose deputy, by the person's id; None: held in one's own right."""

    role: Role
    body: Body
    acts_for: int | None = None


@dataclass(frozen=True, slots=True)
class Chat:
    """A group chat bound to a place (residents) or to a body (its members' work chat)."""

    bot_id: str
    chat_id: str
    title: str
    place: Place
    body_id: int | None


@dataclass(frozen=True, slots=True)
class Person:
    """Who speaks. id 0: not known yet; nothing is written about a person until there is a reason to."""

    id: int
    user: str
    name: str
    household_id: int | None = None
    place: Place | None = None
    outsider: bool = False
    posts: tuple[Post, ...] = ()

    @property
    def role(self) -> str | None:
        """The sender role the classifier knows: property, community, head, outsider or None (a resident)."""
        levels = {post.body.level for post in self.posts}
        if Level.PROPERTY in levels:
            return "property"
        if levels & {Level.STREET, Level.COMMUNITY, Level.RESIDENTS_COMMITTEE, Level.TWO_COMMITTEES}:
            return "community"
        if levels & (TREE | {Level.OWNERS_COMMITTEE}):
            return "head"
        return "outsider" if self.outsider else None


@dataclass(frozen=True, slots=True)
class Holder:
    """A post with who holds it; acts_for: in whose place, until when."""

    person_id: int
    name: str
    role: Role
    body: Body
    since: datetime | None
    until: datetime | None
    acts_for: int | None


@dataclass(frozen=True, slots=True)
class Named:
    """Somebody with that name; building and unit: of their home, to tell namesakes apart."""

    person_id: int
    name: str
    building: str
    unit: str


@dataclass(frozen=True, slots=True)
class Housed:
    """A home, and which member household looks after it."""

    id: int
    unit: str
    room: str
    body_id: int | None


@dataclass(frozen=True, slots=True)
class Unplaced:
    """A home that no member household looks after; residents: how many of those known are in no body yet."""

    building_id: int
    building: str
    unit: str
    room: str
    residents: int

    @property
    def door(self) -> str:
        return "-".join(part for part in (self.building, self.unit, self.room) if part)
