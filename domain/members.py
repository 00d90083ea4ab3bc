"""Households with their shown numbers, and who asks to be counted to one."""

from dataclasses import dataclass

from domain.people import Place

RELATIONS = ("owner", "co_owner", "tenant", "family", "helper")
TENANT = "tenant"
HELPER = "helper"  # acts for somebody of the household, with their recorded consent


@dataclass(frozen=True, slots=True)
class Home:
    id: int
    compound_id: int
    building_id: int
    building: str
    unit: str
    room: str

    @property
    def door(self) -> str:
        return "-".join(part for part in (self.building, self.unit, self.room) if part)

    @property
    def place(self) -> Place:
        return Place(self.compound_id, self.building_id, building=self.building)


@dataclass(frozen=True, slots=True)
class Request:
    """number: what the head quotes; bot_id: where the person asked and is answered."""

    id: int
    number: int
    bot_id: str
    person_id: int
    relation: str
    name: str
    home: Home
