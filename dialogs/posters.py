"""Talking about posters: a head asks for one, a resident comes by one."""

import re
from collections.abc import Callable

from dialogs.engine import Talk
from domain.messages import Outgoing
from services import posters
from texts import pattern, say, wording
from texts.wording import figure


def send(talk: Talk) -> None:
    """`海报 3栋`: the building's poster as a file, privately."""
    file, poster = posters.ask(talk.turn, talk.person, figure(talk.args.get("building", "")))
    text = say("posters.sent", building=poster.building)
    talk.turn.say(Outgoing(talk.private, text, file=file, fallback=talk.aside))


def start(talk: Talk) -> None:
    """A poster was scanned: one question, which door; the rest is joining (dialogs/members.py)."""
    poster = posters.scanned(talk.turn, int(talk.args["number"]))
    if poster is None:
        talk.then("help.show", first="start")
        return
    for key in ("which_door", "which_door_again"):
        said = talk.ask(key, say(f"posters.{key}", building=poster.building))
        if found := pattern("words.door_pattern").match(said):
            talk.then("members.join", **_door(found, poster.building, poster.building_id))
            return
        if talk.classify(said).ticket:
            here = "" if talk.person.place or pattern("words.building").search(said) else wording.place(poster.building)
            talk.then("tickets.report", words=here + said)  # of who lives nowhere yet the poster says where
            return
    talk.whisper(say("members.how"))


def _door(found: re.Match[str], building: str, building_id: int) -> dict[str, str]:
    """As `我是…` gives it; within: the building of the poster, unless another is named. 2-501 is a unit of it."""
    args = {name: value for name, value in found.groupdict().items() if value}
    named = figure(args.pop("building", ""))
    if named and named != building:
        if "unit" in args or args.get("sep") not in ("-", "—"):
            return args | {"building": named}
        args["unit"] = named
    return args | {"building": building, "within": str(building_id)}


FLOWS: dict[str, Callable[[Talk], None]] = {"posters.send": send, "posters.start": start}
