"""`挂通知 停水 到下午5点`, `来水了`: an outage that everybody knows of."""

from datetime import datetime

from dialogs.engine import Silence, Talk
from dialogs.quiet import read_until
from domain.errors import Refusal
from domain.people import Place
from domain.promises import is_quiet
from services import binding, known, people
from services.known import Known
from texts import options, pattern, say, wording
from texts.wording import figure

_BLANKS = " \u3000，,：:。.、"


def hang(talk: Talk) -> None:
    """The outage, its hour, a building and why, in any order; what is missing is asked for."""
    words = talk.args.get("what") or talk.ask("what", say("known.what"))
    found = pattern("known.until").search(words)
    building = pattern("words.building").search(words)
    rest = words
    for part in (found, building):
        rest = rest.replace(part[0], " ") if part else rest
    what, _, why = rest.strip(_BLANKS).replace("，", " ").replace(",", " ").partition(" ")
    category = known.kind(what) or known.kind(rest)
    if not category:
        raise Refusal("known.which")
    until = _hour(
        talk, (found["until"] and f"{say('tickets.until')}{found['until']}") or found["lasts"] if found else ""
    )
    place = _place(talk, figure(building["building"]) if building else "")
    summary = "，".join(part for part in (what[:20], why.strip(_BLANKS)[:60]) if part)
    matter = known.hang(talk.turn, talk.person, place, category=category, summary=summary, until=until)
    shown = wording.moment(until.astimezone(talk.turn.rules.zone), talk.turn.local)
    where = wording.place(place.building) or say("known.everywhere")
    facts = {"where": where, "what": what, "until": shown, "back": say(f"known.back_{matter.category}")}
    talk.say(say("known.hung", **facts))


def _hour(talk: Talk, said: str) -> datetime:
    """Asked for where it is missing or not understood, once."""
    until = _read(talk, said) if said else None
    until = until or _read(talk, talk.ask("until", say("known.how_long")))
    if until is None:
        raise Refusal("known.which_until")
    return until


def _read(talk: Talk, said: str) -> datetime | None:
    to, local = say("tickets.until"), talk.turn.local
    return read_until(said, local, talk.turn.rules) or read_until(f"{to}{said}", local, talk.turn.rules)


def _place(talk: Talk, building: str = "") -> Place:
    """The building named, that of the chat, the one the person leads; else the whole compound."""
    if talk.chat and not building:
        return Place(talk.chat.place.compound_id, talk.chat.place.building_id, building=talk.chat.place.building)
    return binding.place_meant(talk.turn, talk.person, building)


def end(talk: Talk) -> None:
    """`来水了`, `摘通知 停水`, from who may put one up."""
    words = talk.args.get("what", "") if "end" in talk.args else talk.incoming.text
    building = pattern("words.building").search(words)
    category = known.kind(words)
    place = _place(talk, figure(building["building"]) if building else "")
    matters = known.within(talk.turn, place, category)
    if not matters and not talk.addressed and "end" not in talk.args:
        raise Silence
    if not matters:
        raise Refusal("known.none")
    for matter in matters:
        known.end(talk.turn, talk.person, matter)
    backs = wording.listed([say(f"known.back_{matter.category}") for matter in matters])
    talk.say(say("known.ended", back=backs))


def over(talk: Talk) -> None:
    """The hour has come: is it over?"""
    matter = known.get(talk.turn, talk.args["known"])
    if matter is None:
        raise Refusal("known.none")
    back = say(f"known.back_{matter.category}")
    question = say("known.over_question", back=back)
    if talk.choose("came", question, options("known.over_choices")) == 1:
        known.end(talk.turn, talk.person, matter)
        talk.say(say("known.ended", back=back))
    else:
        until = known.prolong(talk.turn, talk.person, matter)
        shown = wording.moment(until.astimezone(talk.turn.rules.zone), talk.turn.local)
        talk.say(say("known.prolonged", until=shown))


def told(talk: Talk, words: str) -> bool:
    """These words are about a known outage and were answered; False: they are not. Silence where that was said."""
    if not known.kind(words):
        return False
    try:
        place = people.locate(talk.turn, talk.person, talk.chat)
    except Refusal:
        return False
    matter = about(talk, place, words)
    if matter:
        answer(talk, matter)
    return matter is not None


def about(talk: Talk, place: Place, words: str) -> Known | None:
    """The known outage these words are about."""
    category = known.kind(words)
    found = known.find(talk.turn, place, category) if category else []
    return found[0] if found else None


def answer(talk: Talk, matter: Known) -> None:
    """Once an hour in the group, else silence; in private always."""
    here = talk.incoming.address
    text = known.answer(talk.turn, matter, private=here.private)
    if not text:
        raise Silence
    if here.private or is_quiet(talk.turn.now, talk.turn.rules):
        talk.whisper(text)
    else:
        talk.announce(text)


FLOWS = {"known.hang": hang, "known.end": end, "known.over": over}
