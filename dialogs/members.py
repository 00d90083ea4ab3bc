"""Talking about who belongs where: a group bound to its place, a resident to a household."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from dialogs.engine import Silence, Talk
from domain.errors import Refusal
from domain.members import HELPER, RELATIONS, Home, Request
from domain.namesakes import veiled
from domain.people import Place
from services import binding, joining, members
from texts import options, pattern, say, words
from texts.wording import figure

_NAME = 20
_UNSURE = 0.3  # below this a complaint is no reason to read an introduction as one (as in dialogs/routing.py)


def bind_code(talk: Talk) -> None:
    """`绑群 3栋`: the code that binds one group, privately to the head."""
    place, work = _place(talk)
    code = binding.new_code(talk.turn, talk.person, place, work=work)
    shown = {"title": binding.title(place, work), "code": code, "until": binding.until(talk.turn)}
    talk.whisper(say("members.bind_code", **shown))


def move_code(talk: Talk) -> None:
    """`换群`: the code by which a new group takes the place of the old one."""
    place, work = _place(talk)
    chats, name = binding.chats_of(talk.turn, place, work=work), binding.title(place, work)
    if not chats:
        raise Refusal("members.no_chat", title=name)
    chosen = 0
    if len(chats) > 1:
        titles = [(number, chat.title) for number, chat in enumerate(chats, start=1)]
        chosen = talk.choose("which", say("members.which_chat"), titles) - 1
    code = binding.new_code(talk.turn, talk.person, place, work=work, old=chats[chosen].chat_id)
    talk.whisper(say("members.move_code", title=chats[chosen].title, code=code, until=binding.until(talk.turn)))


def _place(talk: Talk) -> tuple[Place, bool]:
    args = talk.args
    building, whole = figure(args.get("building", "")), "whole" in args
    return binding.place_meant(talk.turn, talk.person, building, whole=whole), "work" in args


def bind(talk: Talk) -> None:
    """`绑定 482173`, typed by anybody in the group that is to be bound."""
    here = talk.incoming.address
    if here.private:
        talk.say(say("members.bind_in_group"))
        return
    if talk.chat:
        raise Refusal("members.bound_already", title=talk.chat.title)
    found = binding.look_up(talk.turn, binding.CHAT, talk.args["code"], talk.person, here.group, talk.person.user)
    if found is None:
        talk.whisper(say("members.chat_code_wrong"), fallback=say("members.code_wrong_aside"))
        return
    binding.bind(talk.turn, talk.person, here.group, found)


def home_code(talk: Talk) -> None:
    """`门牌码 3-2-501`: a head makes one; without a number, how one is used."""
    if "room" not in talk.args:
        talk.whisper(say("members.how"))
        return
    home = _home(talk)
    code, until = members.new_code(talk.turn, talk.person, home)
    talk.whisper(say("members.home_code", home=members.shown(home), code=code, month=until.month, day=until.day))


def code(talk: Talk) -> None:
    """A 门牌码 by itself: it knows the household, only the relation is asked."""
    found = members.look_up(talk.turn, talk.person, talk.args["code"])
    if found is None:
        talk.whisper(say("members.home_code_wrong"))
        return
    home = members.home_of(talk.turn, found)
    if members.lives_in(talk.turn, talk.person, home):
        talk.whisper(say("members.in_already", home=members.shown(home)))
        return
    if _said_aloud(talk, found):
        return
    relation = _relation(talk, home, "")
    if relation == HELPER:
        _ask_heads(talk, home, relation, _shown_name(talk))
        return
    into = _which_self(talk, home, talk.person.name or _shown_name(talk), relation)
    members.enter(talk.turn, talk.person, home, relation, found, into=into)
    talk.whisper(say("members.in", home=members.shown(home)))


def _which_self(talk: Talk, home: Home, name: str, relation: str) -> int:
    """Who of the roster speaks; asked where several fit. 0: nobody of it."""
    known = joining.fitting(talk.turn, talk.person.id, home, name=name, relation=relation)
    question = "self", say("joining.which_self", home=members.shown(home))
    return _chosen(talk, known, question, "none_self", veil=True)


def _chosen(talk: Talk, known: list[tuple[int, str]], question: tuple[str, str], none: str, *, veil: bool) -> int:
    if len(known) < 2:
        return known[0][0] if known else 0
    labels = [(number, veiled(name) if veil else name) for number, (_, name) in enumerate(known, start=1)]
    chosen = talk.choose(*question, [*labels, *options(f"joining.{none}")])
    return known[chosen - 1][0] if chosen else 0


def _said_aloud(talk: Talk, found: Any) -> bool:
    """In a group everybody reads it, so it is spent."""
    if talk.incoming.address.private:
        return False
    members.spoil(talk.turn, talk.person, found)
    talk.whisper(say("members.code_spoiled"))
    return True


def join(talk: Talk) -> None:
    """`我是 3-2-501 王阿姨`, with or without a code; a complaint that begins so stays one. In groups it whispers."""
    said = talk.incoming.text
    relation, besides = _introduced(talk.args.get("rest", ""))
    if _complains(talk, said, relation, besides):
        talk.then("tickets.report", words=said)
        return
    home, given, name = _home(talk), talk.args.get("code", ""), _name(besides)
    if members.lives_in(talk.turn, talk.person, home):
        if not talk.addressed:
            raise Silence
        talk.whisper(say("members.in_already", home=members.shown(home)))
        return
    found = members.look_up(talk.turn, talk.person, given, home) if given else None
    if given and found is None:
        talk.whisper(say("members.home_code_wrong"))
        return
    if found and _said_aloud(talk, found):
        return
    if not found:
        members.check_new(talk.turn, talk.person, home)
    relation = _relation(talk, home, relation)
    name = name or _shown_name(talk)
    if not talk.person.id:
        talk.person = replace(talk.person, name=name)
    if found and relation != HELPER:
        into = _which_self(talk, home, name, relation)
        members.enter(talk.turn, talk.person, home, relation, found, into=into)
        talk.whisper(say("members.in", home=members.shown(home)))
    else:
        _ask_heads(talk, home, relation, name)


def _complains(talk: Talk, said: str, relation: str, besides: str) -> bool:
    """Who says their relation introduces themselves: then only a complaint beside it is one."""
    guess = talk.classify(said)
    if guess.urgent:
        return True
    sure = guess.ticket and guess.probability >= _UNSURE
    return sure and (not relation or talk.classify(besides).ticket)


def _shown_name(talk: Talk) -> str:
    """As the platform shows it, on one line: a head reads it in a list."""
    return " ".join(talk.incoming.sender.name.split())[:_NAME]


def _ask_heads(talk: Talk, home: Home, relation: str, name: str) -> None:
    when = members.request(talk.turn, talk.person, home, relation, name)
    office = binding.office_at(talk.turn, home.place)
    key = "members.asked_helper" if relation == HELPER else "members.asked"
    talk.whisper(say(key, home=members.shown(home), office=office, when=members.when(talk.turn, when)))


def _home(talk: Talk) -> Home:
    """The household named; asks which unit where several have that room."""
    args = talk.args
    building, unit = figure(args.get("building", "")), figure(args.get("unit", ""))
    inside = talk.chat is not None and not unit and args.get("sep") in ("-", "—")  # 2-501: of the chat's own building?
    within = int(args.get("within", 0))
    found = members.homes(
        talk.turn, talk.person, talk.chat, building=building, unit=unit, room=args["room"], inside=inside, within=within
    )
    if len(found) == 1:
        return found[0]
    labels = [(number, members.shown(home)) for number, home in enumerate(found, start=1)]
    return found[talk.choose("home", say("members.which_home"), labels) - 1]


def _relation(talk: Talk, home: Home, said: str) -> str:
    if said:
        return said
    text = say("members.relation", home=members.shown(home))
    return RELATIONS[talk.choose("relation", text, options("members.relations")) - 1]


def _introduced(rest: str) -> tuple[str, str]:
    """The relation in what follows a door's number, "" where none is said; and what is said besides it."""
    relation = ""
    for kind in ("helper", "co_owner", "tenant", "family", "owner"):
        for word in sorted(words(f"words.relation_{kind}"), key=len, reverse=True):
            if word in rest:
                relation, rest = relation or kind, rest.replace(word, " ")
    return relation, rest


def _name(besides: str) -> str:
    names = [pattern("words.name_noise").sub("", part) for part in pattern("words.name_parts").split(besides)]
    return next((name[:_NAME] for name in names if name), "")


def waiting(talk: Talk) -> None:
    """`谁要进`: the requests that wait, now."""
    talk.whisper(members.show_waiting(talk.turn, talk.person) or say("members.none_waiting"))


def approve_all(talk: Talk) -> None:
    """`都行`: all that the head was shown; who would act for somebody else, and a name that is there already, one by
    one."""
    asked = _asked(talk)
    known = {each.id: _known(talk, each) for each in asked}
    lot = [each for each in asked if each.relation != HELPER and each.person_id != talk.person.id]
    same = [each for each in lot if members.has_namesake(talk.turn, each)]
    lot = [each for each in lot if each not in same]
    unclear = next((each.number for each in lot if len(known[each.id]) > 1), "")
    lot = [each for each in lot if len(known[each.id]) < 2]
    if not asked or all(each.person_id == talk.person.id for each in asked):
        talk.whisper(say("members.none_waiting"))
        return
    for each in lot:
        members.approve(talk.turn, talk.person, each, into=next((number for number, _ in known[each.id]), 0))
    left = next((each.number for each in asked if each.relation == HELPER), "")
    lines = (
        say("members.approved_lot", count=len(lot) or "", left=left),
        say("members.twice", number=same[0].number if same else ""),
        say("joining.unclear", number=unclear),
    )
    talk.whisper("\n".join(line for line in lines if line))


def _known(talk: Talk, wanted: Request) -> list[tuple[int, str]]:
    said = {"name": wanted.name, "relation": wanted.relation, "bot_id": wanted.bot_id}
    return joining.fitting(talk.turn, wanted.person_id, wanted.home, **said)


def approve(talk: Talk) -> None:
    """`行 1`: one of them; of a helper, who agreed is asked and kept."""
    wanted, consent_of = _wanted(talk), 0
    if wanted.relation == HELPER:
        residents = members.residents(talk.turn, wanted)
        if not residents:
            raise Refusal("members.nobody_to_consent", number=wanted.number)
        labels = [(number, name) for number, (_, name) in enumerate(residents, start=1)]
        labels.append(options("members.consent_none")[0])
        text = say("members.consent", name=wanted.name, home=members.shown(wanted.home))
        chosen = talk.choose(f"consent_{wanted.id}", text, labels)
        if chosen == 0:
            talk.whisper(say("members.consent_later", number=wanted.number))
            return
        consent_of = residents[chosen - 1][0]
    facts = {"number": wanted.number, "name": wanted.name, "door": wanted.home.door}
    question = f"known_{wanted.id}", say("joining.which_known", **facts)
    into = _chosen(talk, _known(talk, wanted), question, "none_known", veil=False)
    members.approve(talk.turn, talk.person, wanted, consent_of=consent_of, into=into)
    talk.whisper(say("members.approved_one", number=wanted.number, name=wanted.name, door=wanted.home.door))


def refuse(talk: Talk) -> None:
    """`不行 2`."""
    wanted = _wanted(talk)
    members.refuse(talk.turn, talk.person, wanted)
    talk.whisper(say("members.refused_one", number=wanted.number, name=wanted.name, door=wanted.home.door))


def _asked(talk: Talk) -> list[Request]:
    if not members.may_decide(talk.person):
        if talk.incoming.address.private:
            raise Refusal("members.none_to_approve")
        raise Silence  # said among neighbours, of something else
    asked = members.asked(talk.turn, talk.person)
    if not asked:
        raise Refusal("members.none_waiting")
    return asked


def _wanted(talk: Talk) -> Request:
    number = int(talk.args["number"])
    found = [each for each in _asked(talk) if each.number == number]
    if not found:
        raise Refusal("members.no_request", number=number)
    if len(found) == 1:
        return found[0]
    labels = [(place, f"{each.name} {each.home.door}") for place, each in enumerate(found, start=1)]
    return found[talk.choose("which", say("members.which_request"), labels) - 1]


def missing(talk: Talk) -> None:
    """`谁没进群`: doors alone, privately."""
    talk.whisper(members.missing(talk.turn, talk.person, figure(talk.args.get("building", ""))))


FLOWS: dict[str, Callable[[Talk], None]] = {
    "members.bind_code": bind_code,
    "members.move_code": move_code,
    "members.bind": bind,
    "members.home_code": home_code,
    "members.code": code,
    "members.join": join,
    "members.waiting": waiting,
    "members.approve_all": approve_all,
    "members.approve": approve,
    "members.refuse": refuse,
    "members.missing": missing,
}
