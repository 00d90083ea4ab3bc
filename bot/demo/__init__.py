"""The demo compound: ten buildings, 240 households, the five levels, the cast and their chats."""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from domain.people import Body, Level, Place, Role
from storage import people, places
from storage.database import Tx

_ROOM = re.compile(r"^(?:(?P<building>\d{1,3})-)?(?:(?P<unit>\d{1,2})-)?(?P<room>\d{3,4})(?P<rest>\D*)$")
_BUILDING = re.compile(r"^(?P<building>\d{1,3})\D")


@cache
def facts() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "compound.toml").read_text(encoding="utf-8"))


@dataclass(slots=True)
class Demo:
    """The demo compound in one bot's database; `settle` and `appoint` add what a transcript names beyond it."""

    tx: Tx
    bot_id: str
    compound_id: int
    upper: dict[str, Body]  # street, community, branch, property

    def building(self, number: str) -> tuple[int, Body]:
        """The building and its group; made with their chats where they do not stand yet."""
        found = places.find_building(self.tx, self.compound_id, number)
        if found is not None:
            group = people.find_group_of_building(self.tx, found)
            if group is not None:
                return found, group[0]
        building_id = places.add_building(self.tx, self.compound_id, number)
        name = facts()["building_group"].format(building=number)
        body = people.add_body(
            self.tx,
            Level.BUILDING_GROUP,
            name,
            parent=self.upper["branch"],
            compound_id=self.compound_id,
            building_id=building_id,
        )
        place = Place(self.compound_id, building_id, building=number)
        self.chat(facts()["chat_building"].format(building=number), place)
        self.chat(facts()["chat_building_work"].format(building=number), place, body)
        return building_id, body

    def chat(self, title: str, place: Place, body: Body | None = None) -> None:
        body_id = body.id if body else None
        places.bind_chat(self.tx, bot_id=self.bot_id, chat_id=title, title=title, place=place, body_id=body_id)

    def unit(self, building_id: int, number: str, building: str, group: Body) -> int:
        found = places.find_unit(self.tx, building_id, number)
        if found is not None:
            return found
        name = facts()["member_household"].format(building=building, unit=number)
        people.add_body(self.tx, Level.MEMBER_HOUSEHOLD, name, parent=group, compound_id=self.compound_id)
        return places.add_unit(self.tx, self.compound_id, building_id, number)

    def household(self, building: str, unit: str | None, room: str) -> int:
        building_id, group = self.building(building)
        unit_id = self.unit(building_id, unit, building, group) if unit else None
        found = places.find_household(self.tx, building_id, unit_id, room)
        return found or places.add_household(self.tx, self.compound_id, building_id, unit_id, room)

    def fill(self, building: str, unit: str, rooms: list[str]) -> None:
        """A new unit with its households, in one go."""
        building_id, group = self.building(building)
        unit_id = self.unit(building_id, unit, building, group)
        places.add_households(self.tx, self.compound_id, building_id, unit_id, rooms)

    def settle(self, user: str, name: str, *, home: str = "", relation: str = "family", outsider: bool = False) -> int:
        """A person with an identity on this bot and, where `home` is "3-2-501" or "7-702", a household."""
        person_id = people.add_person(self.tx, name, outsider=outsider)
        people.add_identity(self.tx, self.bot_id, user, person_id)
        if found := _ROOM.match(home):
            household = self.household(found["building"] or "1", found["unit"], found["room"])
            people.add_resident(self.tx, person_id, household, relation)
        return person_id

    def appoint(self, person_id: int, post: str, building: str = "") -> None:
        """post: "property:staff"; a post in a building group needs the building, else it is one in the branch."""
        where, role = post.split(":")
        if where == "building_group" and building:
            body = self.building(building)[1]
        else:
            body = self.upper.get(where, self.upper["branch"])
        people.add_post(self.tx, person_id, body.id, Role(role))

    def label(self, user: str, name: str, label: str) -> None:
        """A speaker of a transcript, as the label beside the name says: a room, an office, or an outsider."""
        known = facts()["labels"]
        if any(word in label for word in known["outsider"]):
            self.settle(user, name, outsider=True)
            return
        room = _ROOM.match(label)
        person_id = self.settle(user, name, home=label if room and room["building"] else "")
        building = (room or _BUILDING.match(label) or {"building": ""})["building"] or ""
        for word, post in known["posts"].items():
            if word in label:
                self.appoint(person_id, post, building)
                return


def build(tx: Tx, bot_id: str) -> Demo:
    """The demo compound for this bot; built the first time, found again later."""
    data = facts()
    standing = places.find_chat(tx, bot_id, data["chat_all"])
    if standing is not None:
        branch = next(b for b in people.bodies_of_compound(tx, standing.place.compound_id) if b.level is Level.BRANCH)
        above = {body.level: body for body in people.chain(tx, branch)}
        prop = next(b for b in people.bodies_of_compound(tx, standing.place.compound_id) if b.level is Level.PROPERTY)
        upper = {"street": above[Level.STREET], "community": above[Level.COMMUNITY], "branch": branch, "property": prop}
        return Demo(tx, bot_id, standing.place.compound_id, upper)
    compound = places.add_compound(tx, data["compound"])
    street = people.add_body(tx, Level.STREET, data["street"], parent=None)
    community = people.add_body(tx, Level.COMMUNITY, data["community"], parent=street)
    branch = people.add_body(tx, Level.BRANCH, data["branch"], parent=community, compound_id=compound)
    prop = people.add_body(tx, Level.PROPERTY, data["property"], parent=branch, compound_id=compound)
    upper = {"street": street, "community": community, "branch": branch, "property": prop}
    demo = Demo(tx, bot_id, compound, upper)
    everywhere = Place(compound)
    demo.chat(data["chat_all"], everywhere)
    demo.chat(data["chat_branch"], everywhere, branch)
    demo.chat(data["chat_community"], everywhere, community)
    demo.chat(data["chat_property"], everywhere, prop)
    for building in range(1, data["buildings"] + 1):
        for unit in range(1, data["units"] + 1):
            floors, rooms = range(1, data["floors"] + 1), range(1, data["rooms_per_floor"] + 1)
            demo.fill(str(building), str(unit), [f"{floor}{room:02d}" for floor in floors for room in rooms])
    for person in data["cast"]:
        home = person.get("home", "")
        number = demo.settle(person["name"], person["name"], home=home, relation=person.get("relation", "owner"))
        for post in person.get("posts", ()):
            demo.appoint(number, post, home.split("-")[0])
    return demo
