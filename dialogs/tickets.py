"""Talking about tickets: a complaint in plain words, and the few commands around it."""

from dataclasses import replace

from dialogs import intake, known
from dialogs.engine import Silence, Talk, find_open
from dialogs.responsibility import about, accused
from domain.errors import Refusal
from domain.guess import Guess
from domain.messages import Address, File, Outgoing
from domain.people import Person, Place
from domain.promises import is_quiet, quiet_end
from domain.tickets import CONDUCT, LIVE, PRIVATE_DANGERS, THINGS, UNNUMBERED_DANGERS, Status, Ticket
from services import (
    lessons,
    people,
    responsibility,
    ticket_files,
    ticket_intake,
    ticket_notices,
    ticket_search,
    tickets,
)
from services.conversations import close
from services.tickets import Reported
from texts import options, pattern, say, wording, words
from texts.wording import figure

_SHORT = 4  # characters: thanks, greetings


def complain(
    talk: Talk, guess: Guess, texts: tuple[str, ...], *, also: Guess | None = None, elder: Person | None = None
) -> Reported | None:
    """A complaint in a person's own words, in a group or in private. None: it was not written as a ticket.

    also: a second matter in the same words. elder: for whom it is said (代报), where the bot knows them.
    """
    if guess.danger in PRIVATE_DANGERS:
        talk.then("tickets.confide", danger=guess.danger, chat=talk.incoming.address.chat)
        return None
    words = " ".join(texts)
    try:
        place = _place(talk, elder or talk.person, words)
    except Refusal:
        if not guess.urgent:
            raise
        say_card(talk, guess.danger)  # help first, even where nobody can be sent
        return None
    if not guess.urgent and (matter := known.about(talk, place, words)):
        known.answer(talk, matter)
        return None
    first = _report(talk, guess, texts, place, elder)
    second = _report(talk, also, texts, place, elder) if also else None
    if elder and first.opened:
        intake.told(talk, first, elder)
    elif second and _both(talk, first, second):
        return first
    else:
        acknowledge(talk, first)
    if second:
        acknowledge(talk, second)
    intake.ask_on(talk, first, words)
    return first


def _place(talk: Talk, person: Person, words: str) -> Place:
    building, unit = pattern("words.building").search(words), pattern("words.unit").search(words)
    numbers = (figure(found[name]) if found else "" for found, name in ((building, "building"), (unit, "unit")))
    return people.locate(talk.turn, person, talk.chat, **dict(zip(("building", "unit"), numbers, strict=True)))


def _report(talk: Talk, guess: Guess, texts: tuple[str, ...], place: Place, elder: Person | None) -> Reported:
    words, person = " ".join(texts), talk.person
    files = ticket_files.unpacked(talk.args.get("files", ()))
    against = () if guess.urgent or guess.category in THINGS else accused(f"{talk.incoming.text} {words}")
    if against:
        guess = replace(guess, matter="", summary=about(against))
    named = guess.category in CONDUCT and bool(pattern("words.neighbour").search(words))
    private = guess.category == "property" or named or "hidden" in talk.args or bool(against)
    reported = tickets.report(
        talk.turn,
        elder or person,
        guess,
        place=place,
        address=Address(elder.user, private=True) if elder else talk.incoming.address,
        texts=texts,
        files=(*ticket_files.asked_about(talk.turn, person), *files, *talk.incoming.files),
        discreet=not guess.urgent and private,
        own_home=bool(pattern("words.own_home").search(words)),
        source="behalf" if "behalf" in talk.args else "",
        personal=named and not against,
        by=person if elder else None,
        against=against,
    )
    if reported.opened:
        lessons.keep(talk.turn, reported.ticket, guess, talk.school.base.version)
    return reported


def _both(talk: Talk, first: Reported, second: Reported) -> bool:
    """Two matters of one message are told in one line in the group."""
    tickets_, now = (first.ticket, second.ticket), is_quiet(talk.turn.now, talk.turn.rules)
    if not (first.opened and second.opened) or now or any(_private_only(talk, each) for each in (first, second)):
        return False
    one, two = tickets_
    facts = {"number": one.number, "other": two.number, "first": one.summary, "second": two.summary}
    talk.announce(say("intake.opened_two", when=ticket_notices.when(talk.turn, one), **facts))
    return True


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
    skipped = responsibility.skipped(turn, ticket) if ticket.discreet else ""
    if ticket.category == "property" and skipped in ("", say("common.office_property")):
        talk.whisper(say("tickets.opened_property", **facts), fallback=fallback)
    elif skipped:
        talk.whisper(say("routes.opened_apart", **facts, skipped=skipped), fallback=fallback)
    elif ticket.discreet and "hidden" in talk.args and not reported.held:
        talk.whisper(say("intake.opened_hidden", **facts), fallback=fallback)
    elif ticket.discreet:
        talk.whisper(say("tickets.opened_discreet", **facts) + _noise(talk, ticket), fallback=fallback)
    elif is_quiet(turn.now, turn.rules):
        talk.whisper(say("tickets.opened_night", **facts) + _noise(talk, ticket))
    elif _private_only(talk, reported):
        talk.whisper(say("tickets.opened_private", **facts), fallback=fallback)
    else:
        talk.announce(say("tickets.opened", **facts))


def _noise(talk: Talk, ticket: Ticket) -> str:
    """Who is kept awake cannot wait for the morning."""
    if ticket.category != "noise" or not is_quiet(talk.turn.now, talk.turn.rules):
        return ""
    return "\n" + say("intake.night_noise", duty=talk.turn.rules.numbers.duty)


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
    """`报修 …`, `我要投诉 …`, `代报 …`, `匿名 …`: a complaint by command; asks what it is about where no words were
    given."""
    if "words" not in talk.args:
        files = ticket_files.packed(ticket_files.asked_about(talk.turn, talk.person))
        talk.args.setdefault("files", files)
    words = talk.args.get("words") or _described(talk, say("tickets.what"))
    if not words:
        return
    elder, words = intake.on_behalf(talk, words) if "behalf" in talk.args else (None, words)
    guess = talk.classify(words)
    if not guess.summary:
        guess = replace(guess, summary=guess.matter or say("tickets.unnamed"))
    reported = complain(talk, replace(guess, ticket=True), (words,), elder=elder)
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
    if waiting and waiting.flow in ("tickets.lacking", "tickets.after_photo"):
        ticket = ticket_search.get(talk.turn, waiting.args["ticket"])
        if waiting.flow == "tickets.after_photo":
            close(talk.turn, talk.private, talk.person.user)
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
    """`不报了`, `不报 12`. `修好了` of an officer who reported nothing is the word of who worked."""
    done = talk.person.posts and talk.incoming.text in words("words.finish_here")
    if done and not ticket_search.own(talk.turn, talk.person):
        talk.then("tickets.finish")
        return
    ticket = _mine(talk, "tickets.which_withdraw")
    ended = tickets.withdraw(talk.turn, talk.person, ticket)
    talk.say(say("tickets.withdrawn" if ended else "tickets.withdrawn_self", number=ticket.number))


def progress(talk: Talk) -> None:
    """`查 12`, `么样了`: one ticket, or all of one's own."""
    if number := talk.args.get("number"):
        ticket = _numbered(talk, int(number))
        talk.say(ticket_search.progress(talk.turn, ticket))
        return
    mine = ticket_search.own(talk.turn, talk.person)
    if not mine and not talk.addressed:
        raise Silence
    if not mine:
        raise Refusal("tickets.none_yours")
    talk.whisper("\n".join(ticket_search.progress(talk.turn, ticket) for ticket in mine[:3]))


def urge(talk: Talk) -> None:
    """`催一下`, `催 12`: the handler hears it once a day."""
    mine = [] if "number" in talk.args else ticket_search.own(talk.turn, talk.person)
    if not mine and "number" not in talk.args:
        progress(talk)
        return
    ticket = pick(talk, mine, say("intake.urge_which")) if mine else _mine(talk, "intake.urge_which")
    if ticket.status not in LIVE or ticket.status is Status.SHELVED:  # why, and when it is looked at again
        talk.say(ticket_search.progress(talk.turn, ticket))
        return
    facts = {"number": ticket.number, "when": ticket_notices.when(talk.turn, ticket)}
    if not ticket_intake.urge(talk.turn, talk.person, ticket):
        talk.say(say("intake.urged_already", **facts))
        return
    note = ticket_intake.last_word(talk.turn, ticket)
    talk.say(say("intake.urged", note=say("intake.urged_note", note=note) if note else "", **facts))


def _numbered(talk: Talk, number: int) -> Ticket:
    """By its number; of somebody whose compound nobody knows, one of their own."""
    try:
        return ticket_search.look_up(talk.turn, talk.person, talk.chat, number)
    except Refusal:
        mine = [ticket for ticket in ticket_search.own(talk.turn, talk.person) if ticket.number == number]
        if len(mine) != 1:
            raise
        return mine[0]


def _mine(talk: Talk, question: str) -> Ticket:
    """The one ticket of one's own that is meant: by number, the only one, or chosen."""
    if number := talk.args.get("number"):
        return _numbered(talk, int(number))
    mine = ticket_search.own(talk.turn, talk.person)
    if not mine:
        raise Refusal("tickets.none_yours")
    return pick(talk, mine, say(question))


def pick(talk: Talk, found: list[Ticket], question: str) -> Ticket:
    """One ticket as it is; of several, the person chooses by its own number, or in turn where two have the same."""
    if len(found) == 1:
        return found[0]
    labels = [
        (
            ticket.number,
            say("tickets.pick", place=wording.place(ticket.building, ticket.unit), summary=ticket.summary),
        )
        for ticket in found
    ]
    if len(dict(labels)) < len(labels):
        labels = [(place, label) for place, (_, label) in enumerate(labels, start=1)]
    chosen = talk.choose("ticket", question, labels)
    return found[[number for number, _ in labels].index(chosen)]


FLOWS = {
    "tickets.confide": confide,
    "tickets.report": report,
    "tickets.unsure": unsure,
    "tickets.picture": picture,
    "tickets.pictures": pictures,
    "tickets.withdraw": withdraw,
    "tickets.progress": progress,
    "tickets.urge": urge,
}
