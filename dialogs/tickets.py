"""Talking about tickets: a complaint in plain words, and the few commands around it."""

from dataclasses import replace

from dialogs.engine import Silence, Talk, find_open
from domain.errors import Refusal
from domain.guess import Guess
from domain.messages import Address, File, Outgoing
from domain.promises import is_quiet, quiet_end
from domain.tickets import CONDUCT, PRIVATE_DANGERS, UNNUMBERED_DANGERS, Ticket
from services import people, ticket_files, ticket_notices, ticket_search, tickets
from services.tickets import Reported
from texts import options, pattern, say, wording
from texts.wording import figure

_SHORT = 4  # characters: thanks, greetings
_LACKING = 30  # minutes for which what is still missing is waited for


def complain(talk: Talk, guess: Guess, texts: tuple[str, ...]) -> Reported | None:
    """A complaint in a person's own words, in a group or in private. None: it was not written as a ticket."""
    if guess.danger in PRIVATE_DANGERS:
        talk.then("tickets.confide", danger=guess.danger, chat=talk.incoming.address.chat)
        return None
    words = " ".join(texts)
    building, unit = pattern("words.building").search(words), pattern("words.unit").search(words)
    try:
        place = people.locate(
            talk.turn,
            talk.person,
            talk.chat,
            building=figure(building["building"]) if building else "",
            unit=figure(unit["unit"]) if unit else "",
        )
    except Refusal:
        if not guess.urgent:
            raise
        say_card(talk, guess.danger)  # help first, even where nobody can be sent
        return None
    files = ticket_files.unpacked(talk.args.get("files", ()))
    named = guess.category in CONDUCT and pattern("words.neighbour").search(words)
    reported = tickets.report(
        talk.turn,
        talk.person,
        guess,
        place=place,
        address=talk.incoming.address,
        texts=texts,
        files=(*ticket_files.asked_about(talk.turn, talk.person), *files, *talk.incoming.files),
        discreet=not guess.urgent and bool(guess.category == "property" or named),
        own_home=bool(pattern("words.own_home").search(words)),
    )
    acknowledge(talk, reported)
    return reported


def acknowledge(talk: Talk, reported: Reported) -> None:
    """What the reporter and the group hear of a report."""
    ticket = reported.ticket
    if reported.card or _unheard(talk, reported):
        say_card(talk, ticket.danger, ticket.number)
    elif reported.opened:
        _opened(talk, reported)
    elif reported.joined:
        facts = {"number": ticket.number, "households": reported.households, "summary": ticket.summary}
        if reported.milestone and not _private_only(talk, reported):
            talk.announce(say("tickets.joined_many", **facts), quote=False)
        elif not ticket.urgent:
            talk.whisper(say("tickets.joined", **facts))
    elif reported.again or talk.incoming.address.private:
        talk.whisper(say("tickets.still_working", **_still(talk, ticket)))


def _unheard(talk: Talk, reported: Reported) -> bool:
    """An alarm that others raised elsewhere: in private, and in another group, its card is said too."""
    here, ticket = talk.incoming.address, reported.ticket
    return ticket.urgent and (here.private or (reported.joined and here.chat != ticket.chat_id))


def say_card(talk: Talk, danger: str, ticket_number: int | str = "") -> None:
    """The safety card, where the alarm was raised. Its number line falls away where there is none."""
    numbers = talk.turn.rules.numbers
    number = "" if danger in UNNUMBERED_DANGERS else ticket_number
    facts = {"number": number, "lift": numbers.lift, "gas": numbers.gas, "power": numbers.power}
    if danger in PRIVATE_DANGERS:
        talk.whisper(say(f"cards.{danger}", **facts))
    else:
        talk.announce(say(f"cards.{danger}", **facts), urgent=True)


def _opened(talk: Talk, reported: Reported) -> None:
    ticket, turn = reported.ticket, talk.turn
    morning = quiet_end(turn.now, turn.rules).astimezone(turn.rules.zone)
    facts = {
        "number": ticket.number,
        "summary": ticket.summary,
        "office": people.office(reported.body, ticket.building),
        "when": wording.moment(ticket.report_at.astimezone(turn.rules.zone), turn.local),
        "morning": wording.moment(morning, turn.local),
    }
    fallback = say("tickets.opened_fallback", number=ticket.number)
    if ticket.category == "property":
        talk.whisper(say("tickets.opened_property", **facts), fallback=fallback)
    elif ticket.discreet:
        talk.whisper(say("tickets.opened_discreet", **facts), fallback=fallback)
    elif is_quiet(turn.now, turn.rules):
        talk.whisper(say("tickets.opened_night", **facts))
    elif _private_only(talk, reported):
        talk.whisper(say("tickets.opened_private", **facts), fallback=fallback)
    else:
        talk.announce(say("tickets.opened", **facts))


def _private_only(talk: Talk, reported: Reported) -> bool:
    in_private = talk.incoming.address.private
    return in_private or reported.rescue or reported.ticket.discreet or is_quiet(talk.turn.now, talk.turn.rules)


def confide(talk: Talk) -> None:
    """Violence, a child in danger, a person who does not want to live: one private question, one named office."""
    text = say(f"cards.{talk.args['danger']}")
    instead = people.director_instead(talk.turn, talk.person, talk.args["chat"])
    if talk.choose("call", text, options("cards.confide_choices"), secret=True, fallback=instead) == 1:
        people.call_director(talk.turn, people.meet(talk.turn, talk.person), talk.args["chat"])
        talk.say(say("tickets.confide_done"))
    else:
        talk.say(say("tickets.confide_left"))


def report(talk: Talk) -> None:
    """`报修 …`, `我要投诉 …`, `代报 …`: a complaint by command; asks what it is about where no words were given."""
    if "words" not in talk.args:
        files = ticket_files.packed(ticket_files.asked_about(talk.turn, talk.person))
        talk.args.setdefault("files", files)
    words = talk.args.get("words") or _described(talk, say("tickets.what"))
    if not words:
        return
    guess = talk.classify(words)
    if not guess.summary:
        guess = replace(guess, summary=guess.matter or say("tickets.unnamed"))
    reported = complain(talk, replace(guess, ticket=True), (words,))
    news = reported and (reported.opened or reported.joined or reported.card or reported.again)
    if reported and not news and not talk.incoming.address.private:
        talk.whisper(say("tickets.still_working", **_still(talk, reported.ticket)))


def _described(talk: Talk, question: str) -> str:
    """What is broken, in the person's words; thanks and greetings are asked once more. "" where they say no more."""
    words = talk.ask("what", question)
    if _says_nothing(talk, words):
        words = talk.ask("what_again", say("tickets.what_again"))
        if _says_nothing(talk, words):
            talk.say(say("common.nothing"))
            return ""
    return words


def _says_nothing(talk: Talk, words: str) -> bool:
    guess = talk.classify(words)
    return not guess.ticket and not guess.matter and len(words) <= _SHORT


def unsure(talk: Talk) -> None:
    """Words that may be a report, but of what? Asked privately before anything is written."""
    words, codes = talk.args["words"], talk.args["categories"]
    names = [(number, say(f"categories.{code}")) for number, code in enumerate(codes, start=1)]
    text = say("tickets.unsure", words=words[:30])
    chosen = talk.choose("category", text, [*names, *options("tickets.unsure_choices")])
    if chosen == 0:
        talk.say(say("tickets.unsure_left"))
        return
    talk.chat = talk.chat or people.find_chat(talk.turn, Address(talk.args["chat"]))
    guess = talk.classify(words)
    if guess.category != codes[chosen - 1] or not guess.summary:
        guess = replace(guess, category=codes[chosen - 1], matter="", summary=names[chosen - 1][1])
    complain(talk, replace(guess, ticket=True, urgent=False, danger=""), (words,))


def wordless(talk: Talk, files: tuple[File, ...]) -> bool:
    """Files without words, in private or in answer to the bot: into one's own ticket (True), else one question."""
    here, ticket = talk.incoming.address, None
    waiting = find_open(talk.turn, talk.person) if here.private else None
    if not files:
        talk.say(say("tickets.what"))
        return False
    if waiting and waiting.flow == "tickets.lacking":
        ticket = ticket_search.get(talk.turn, waiting.args["ticket"])
    elif not (waiting and waiting.flow in ticket_files.REPORTS):
        ticket = ticket_files.own(talk.turn, talk.person, here)
    kind = ticket_files.kinds(files)
    if ticket:
        news = ticket_files.attach(talk.turn, talk.person, ticket, files)
        if news and here.private:
            talk.say(say(f"tickets.file_{news}", kind=kind, number=ticket.number))
        return True
    asked = ticket_files.ask(talk.turn, talk.person, talk.chat, here, files, fallback=talk.aside)
    if not asked and here.private:
        talk.say(say("tickets.file_busy", kind=kind))
    return False


def picture(talk: Talk) -> None:
    """What files without words are about: the answer becomes a report with them, at the place where they were sent."""
    args = talk.args
    kind = ticket_files.kinds(ticket_files.unpacked(args["files"]))
    words = _described(talk, say("tickets.file_what", kind=kind))
    if not words:
        return
    talk.chat = talk.chat or people.find_chat(talk.turn, Address(args["chat"]))
    guess = talk.classify(words)
    if guess.ticket:
        complain(talk, guess, (words,))
    else:
        talk.then("tickets.unsure", **args, words=words, categories=[guess.category, guess.runner_up])


def pictures(talk: Talk) -> None:
    """`照片 12`: the files of a ticket, each to the asker; into the work chat where it was asked there."""
    try:
        ticket = ticket_search.look_up(talk.turn, talk.person, talk.chat, int(talk.args["number"]))
    except Refusal:
        if talk.addressed or talk.person.posts:
            raise
        raise Silence from None  # said among neighbours, of some other picture
    shown = ticket_files.show(talk.turn, talk.person, talk.chat, ticket)
    to = talk.incoming.address if shown.here else talk.private
    for place, file in enumerate(shown.files, start=1):
        kind, count = ticket_files.kind_name(file.kind), len(shown.files)
        text = say("tickets.file_shown", number=ticket.number, kind=kind, place=place, count=count)
        fallback = talk.aside if to.private and place == 1 else None
        talk.turn.say(Outgoing(to, text, file=file, fallback=fallback))


def _still(talk: Talk, ticket: Ticket) -> dict[str, object]:
    when = ticket_notices.when(talk.turn, ticket)
    return {"number": ticket.number, "summary": ticket.summary, "when": when}


def withdraw(talk: Talk) -> None:
    """`不报了`, `不报 12`."""
    ticket = _mine(talk, "tickets.which_withdraw")
    ended = tickets.withdraw(talk.turn, talk.person, ticket)
    talk.say(say("tickets.withdrawn" if ended else "tickets.withdrawn_self", number=ticket.number))


def progress(talk: Talk) -> None:
    """`查 12`, `么样了`: one ticket, or all of one's own."""
    if number := talk.args.get("number"):
        ticket = ticket_search.look_up(talk.turn, talk.person, talk.chat, int(number))
        talk.say(ticket_search.progress(talk.turn, ticket))
        return
    mine = ticket_search.own(talk.turn, talk.person)
    if not mine and not talk.addressed:
        raise Silence
    if not mine:
        raise Refusal("tickets.none_yours")
    talk.whisper("\n".join(ticket_search.progress(talk.turn, ticket) for ticket in mine[:3]))


def _mine(talk: Talk, question: str) -> Ticket:
    """The one ticket of one's own that is meant: by number, the only one, or chosen."""
    if number := talk.args.get("number"):
        return ticket_search.look_up(talk.turn, talk.person, talk.chat, int(number))
    mine = ticket_search.own(talk.turn, talk.person)
    if not mine:
        raise Refusal("tickets.none_yours")
    return pick(talk, mine, say(question))


def pick(talk: Talk, found: list[Ticket], question: str) -> Ticket:
    """One ticket as it is; of several, the person chooses by its own number."""
    if len(found) == 1:
        return found[0]
    place = {ticket.number: wording.place(ticket.building, ticket.unit) for ticket in found}
    labels = [
        (ticket.number, say("tickets.pick", place=place[ticket.number], summary=ticket.summary)) for ticket in found
    ]
    chosen = talk.choose("ticket", question, labels)
    return next(ticket for ticket in found if ticket.number == chosen)


FLOWS = {
    "tickets.confide": confide,
    "tickets.report": report,
    "tickets.unsure": unsure,
    "tickets.picture": picture,
    "tickets.pictures": pictures,
    "tickets.withdraw": withdraw,
    "tickets.progress": progress,
}
