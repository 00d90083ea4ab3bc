"""Teaching the classifier by chat: another category, no complaint at all, a new word; and why a ticket was taken so."""

from dialogs.engine import Talk
from dialogs.responsibility import read_category
from dialogs.ticket_work import to_handle
from domain.errors import Refusal
from domain.tickets import LIVE, Status, Ticket
from services import lessons, people, responsibility, ticket_notices, ticket_search
from texts import catalogue, options, say

_SUGGESTED = 6


def sort(talk: Talk) -> None:
    """`改类 12 停车`: another category; was it the words that were not understood?"""
    ticket = to_handle(talk, say("tickets.which_ticket"), *LIVE, Status.DONE, Status.CLOSED)
    category = _category(talk.args.get("category", ""))
    chosen = talk.choose("why", say("lessons.why", number=ticket.number), options("lessons.why_choices"))
    words = lessons.words_for(talk.turn, ticket) if chosen == 1 else ""
    lessons.correct(talk.turn, talk.person, ticket, category, talk.school.base.lesson(words) if words else "")
    name = say(f"categories.{category}")
    lines = [say("lessons.sorted", number=ticket.number, category=name)]
    talk.say("\n".join([*lines, say("lessons.learned", category=name)] if words else lines))


def reject(talk: Talk) -> None:
    """`不是投诉 12`: it was talk."""
    ticket = to_handle(talk, say("tickets.which_ticket"), *LIVE)
    words = lessons.words_for(talk.turn, ticket)
    lessons.reject(talk.turn, talk.person, ticket, talk.school.base.lesson(words) if words else "")
    ticket_notices.to_reporters(talk.turn, ticket, say("lessons.rejected_reporter", number=ticket.number))
    talk.say(say("lessons.rejected", number=ticket.number))


def take_back(talk: Talk) -> None:
    """`撤回改类 12`."""
    ticket = to_handle(talk, say("tickets.which_ticket"), *LIVE)
    undone = lessons.take_back(talk.turn, talk.person, ticket)
    talk.say(say("lessons.taken_back" if undone else "lessons.nothing_taught", number=ticket.number))


def why(talk: Talk) -> None:
    """`为什么 12`: one short reason for who reported it, all for those who may handle it."""
    ticket = ticket_search.look_up(talk.turn, talk.person, talk.chat, int(talk.args["number"]))
    kept = lessons.reasons(talk.turn, ticket)
    if kept is None:
        raise Refusal("lessons.no_reasons", number=ticket.number)
    name = say(f"categories.{kept.category}")
    if not ticket_search.may_handle(talk.turn, talk.person, ticket):
        word = next(iter(kept.reasons), "")
        talk.whisper(say("lessons.because", number=ticket.number, word=word, category=name))
        return
    facts = {
        "number": ticket.number,
        "category": name,
        "share": f"{kept.probability:.0%}",
        "words": say("lessons.comma").join(kept.reasons),
        "runner_up": say(f"categories.{kept.runner_up}"),
        "version": kept.version,
    }
    talk.say(say("lessons.reasons", **facts))


def moved(talk: Talk) -> None:
    """After a head has moved a ticket: was it the words, the table, or only this one?"""
    ticket = ticket_search.get(talk.turn, talk.args["ticket"])
    office = people.office(people.get_body(talk.turn, talk.args["body"]), ticket.building)
    labels = [(number, label.format(office=office)) for number, label in options("lessons.moved_why_choices")]
    chosen = talk.choose("why", say("lessons.moved_why", number=ticket.number), labels)
    if chosen == 1:
        _wrong_words(talk, ticket)
    elif chosen == 2:
        level = people.get_body(talk.turn, talk.args["body"]).level
        responsibility.set_line(talk.turn, talk.person, ticket.compound_id, ticket.category, level)
        talk.say(say("lessons.set", category=say(f"categories.{ticket.category}"), office=office))
    else:
        talk.say(say("lessons.left"))


def _wrong_words(talk: Talk, ticket: Ticket) -> None:
    words = lessons.words_for(talk.turn, ticket)
    guess = talk.classify(words)
    likely = [code for code in dict.fromkeys((guess.category, guess.runner_up)) if code != ticket.category]
    codes = [*likely, *(code for code in catalogue("categories") if code not in (*likely, ticket.category))][:9]
    labels = [(number, say(f"categories.{code}")) for number, code in enumerate(codes, start=1)]
    chosen = talk.choose("category", say("lessons.moved_which", number=ticket.number), labels)
    lessons.correct(talk.turn, talk.person, ticket, codes[chosen - 1], talk.school.base.lesson(words))
    talk.say(say("lessons.learned", category=labels[chosen - 1][1]))


def suggest(talk: Talk) -> None:
    """`新词`: words that several people used for a category and the lexicon does not know."""
    compound = people.compound_meant(talk.turn, talk.person, talk.chat)
    found = talk.school.base.suggest(lessons.sent(talk.turn, talk.person, compound))[:_SUGGESTED]
    lines = [
        say(
            "lessons.suggested_line",
            word=each.word,
            category=say(f"categories.{each.category}"),
            tickets=each.tickets,
            senders=each.senders,
            odds=f"{each.log_odds:.1f}",
        )
        for each in found
    ]
    talk.say(say("lessons.suggested", lines="\n".join(lines)) if lines else say("lessons.suggested_none"))


def add_word(talk: Talk) -> None:
    """`收词 灯闪 供电`."""
    compound = people.compound_meant(talk.turn, talk.person, talk.chat)
    category, word = _category(talk.args.get("category", "")), talk.args["word"]
    lessons.add_word(talk.turn, talk.person, compound, word, category)
    talk.say(say("lessons.word_added", word=word, category=say(f"categories.{category}")))


def drop_word(talk: Talk) -> None:
    """`退词 灯闪`."""
    compound = people.compound_meant(talk.turn, talk.person, talk.chat)
    lessons.drop_word(talk.turn, talk.person, compound, talk.args["word"])
    talk.say(say("lessons.word_dropped", word=talk.args["word"]))


def _category(said: str) -> str:
    """The category of that name, as people call it, or the only one whose name holds the words."""
    names = {code: say(f"categories.{code}") for code in catalogue("categories")}
    called = read_category(said)
    found = [called] if called else []
    found = found or [code for code, name in names.items() if said and said in name]
    if len(found) != 1:
        raise Refusal("lessons.which_category", name=said, names=say("lessons.comma").join(names.values()))
    return found[0]


FLOWS = {
    "lessons.sort": sort,
    "lessons.reject": reject,
    "lessons.take_back": take_back,
    "lessons.why": why,
    "lessons.moved": moved,
    "lessons.suggest": suggest,
    "lessons.add_word": add_word,
    "lessons.drop_word": drop_word,
}
