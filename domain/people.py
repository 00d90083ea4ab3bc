"""People, places and the five-level organisation, as the rules see them."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Level(IntEnum):
    """街道党工委 → 社区党组织 → 小区党支部 → 楼栋党小组 → 党员中心户; 物业 stands beside the branch.

    The number grows with the distance to the resident's door.
    """

    STREET = 1
    COMMUNITY = 2
    BRANCH = 3
    BUILDING_GROUP = 4
    MEMBER_HOUSEHOLD = 5
    PROPERTY = 9


class Role(StrEnum):
    """What a person is in a body: 书记, 主任, 组长, 楼栋长, 网格员, 工作人员, 值班."""

    SECRETARY = "secretary"
    DIRECTOR = "director"
    LEADER = "leader"
    HEAD = "head"
    GRID = "grid"
    STAFF = "staff"
    DUTY = "duty"


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
    role: Role
    body: Body


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
        if levels & {Level.STREET, Level.COMMUNITY}:
            return "community"
        if levels:
            return "head"
        return "outsider" if self.outsider else None
