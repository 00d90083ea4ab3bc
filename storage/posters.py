"""What stands on a building's poster: its number and its compound."""

from dataclasses import dataclass

from sqlalchemy import bindparam, select

from storage.database import Tx
from storage.places import Building, Compound


@dataclass(frozen=True, slots=True)
class Poster:
    """building: its shown number; compound: its name."""

    building_id: int
    building: str
    compound_id: int
    compound: str


_posters = (
    select(Building.id, Building.number, Compound.id, Compound.name)
    .join(Compound, Compound.id == Building.compound_id)
    .order_by(Building.id)
)
_of_building = _posters.where(Building.id == bindparam("building"))
_of_compound = _posters.where(Building.compound_id == bindparam("compound"))


def find(tx: Tx, building_id: int) -> Poster | None:
    row = tx.execute(_of_building, {"building": building_id}).first()
    return Poster(*row) if row else None


def of_compound(tx: Tx, compound_id: int) -> list[Poster]:
    """One for each building."""
    return [Poster(*row) for row in tx.execute(_of_compound, {"compound": compound_id})]
