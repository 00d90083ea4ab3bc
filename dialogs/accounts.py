"""`换人`: a person goes on with another account."""

from dialogs.engine import Talk
from domain.errors import Refusal
from domain.messages import Outgoing
from domain.people import Named
from services import accounts, offices, people
from texts import say, wording

_MOST = 8  # answers to choose from


def code(talk: Talk) -> None:
    """`换人`, from the old account."""
    drawn = accounts.own_code(talk.turn, talk.person)
    talk.whisper(say("accounts.code", code=drawn, until=accounts.until(talk.turn)))


def change(talk: Talk) -> None:
    """`换人 482173`, privately from the new account."""
    found = accounts.look_up(talk.turn, talk.person, talk.args["code"])
    if found is None:
        talk.whisper(say("accounts.wrong"))
        return
    if not talk.incoming.address.private:
        accounts.spoil(talk.turn, talk.person, found)
        talk.whisper(say("accounts.spoiled"))
        return
    name = accounts.change(talk.turn, talk.person, found)
    talk.turn.say(Outgoing(talk.private, say("accounts.changed", name=name)))


def code_for(talk: Talk) -> None:
    """`换人 小赵`: the old account is lost; the code is handed over in person."""
    accounts.check_may_help(talk.turn, talk.person)
    whom = _person(talk, talk.args["who"])
    drawn = accounts.code_for(talk.turn, talk.person, whom)
    talk.whisper(say("accounts.code_for", name=whom.name, code=drawn, until=accounts.until(talk.turn)))


def _person(talk: Talk, name: str) -> Named:
    """The one of that name; of several, who asks chooses."""
    compound = talk.args.setdefault("compound", people.compound_meant(talk.turn, talk.person, talk.chat))
    if not compound:
        raise Refusal("offices.no_place")
    found = offices.find_people(talk.turn, compound, name)
    if not found:
        raise Refusal("accounts.nobody", name=name)
    if len(found) == 1:
        return found[0]
    labels = [
        (number, say("offices.namesake", name=each.name, place=wording.place(each.building, each.unit)))
        for number, each in enumerate(found[:_MOST], start=1)
    ]
    return found[talk.choose("who", say("offices.which_person", name=name), labels) - 1]


FLOWS = {"accounts.code": code, "accounts.change": change, "accounts.code_for": code_for}
