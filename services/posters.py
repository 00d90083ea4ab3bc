"""A building's poster: what stands on it, who may have it, and whose stairwell a scan of it came from."""

from domain.errors import Refusal
from domain.messages import Drawing, File
from domain.people import Person, Place
from domain.rights import Action
from services import binding, rights
from services.turn import Turn
from storage import posters
from storage.posters import Poster
from texts import say

_LARGEST = 2**63 - 1  # that a database takes for an id


def ask(turn: Turn, person: Person, building: str) -> tuple[File, Poster]:
    """The poster of the building named, else of the one the person leads; it is drawn when it is sent."""
    place = binding.place_meant(turn, person, building)
    if place.building_id is None:
        raise Refusal("posters.which_building")
    rights.check_right(turn, person, Action.MAKE_CODES, rights.body_at(turn, place))
    poster = posters.find(turn.tx, place.building_id)
    assert poster is not None
    return page(turn, poster), poster


def page(turn: Turn, poster: Poster) -> File:
    """A4. Its code, where the platform has links, says "b" and the building's id."""
    place = Place(poster.compound_id, poster.building_id, building=poster.building)
    data = {
        "compound": poster.compound,
        "building": say("posters.building", building=poster.building),
        "assistant": say("posters.assistant"),
        "slogan": say("posters.slogan"),
        "uses": say("posters.uses").split("\n"),
        "bot": say("common.bot_name"),
        "steps_scan": say("posters.steps_scan").split("\n"),
        "words_scan": say("posters.words_scan"),
        "steps_name": say("posters.steps_name", bot="{bot}").split("\n"),
        "words_name": say("posters.words_name", building=poster.building),
        "honest": say("posters.honest"),
        "office": binding.office_at(turn, place),
        "phone": say("posters.phone"),
        "urgent": say("posters.urgent"),
    }
    name = say("posters.file", building=poster.building)
    return File("document", name, Drawing("poster", data, f"b{poster.building_id}"))


def scanned(turn: Turn, building_id: int) -> Poster | None:
    """The building whose poster was scanned; None: there is none such (any more)."""
    return posters.find(turn.tx, building_id) if building_id <= _LARGEST else None
