"""What handlers say of tickets that are one matter, or several."""

from dataclasses import replace

from dialogs.engine import Talk
from domain.errors import Refusal
from domain.tickets import Ticket
from services import ticket_merging, ticket_notices, ticket_search
from services.ticket_merging import Wanted
from texts import pattern, say


def merge(talk: Talk) -> None:
    """`合并 12 15`: the second goes on in the first."""
    into = ticket_search.find_by_number(talk.turn, talk.person, talk.chat, int(talk.args["number"]))
    into = ticket_search.goes_on_in(talk.turn, into)
    ticket = ticket_search.find_by_number(talk.turn, talk.person, talk.chat, int(talk.args["other"]))
    households = ticket_merging.merge(talk.turn, talk.person, ticket, into)
    talk.say(say("endings.merged_here", merged=ticket.number, number=into.number, households=households))


def unmerge(talk: Talk) -> None:
    """`拆开 15`, `取消合并 15`."""
    ticket = ticket_search.find_by_number(talk.turn, talk.person, talk.chat, int(talk.args["number"]))
    ticket = ticket_merging.unmerge(talk.turn, talk.person, ticket)
    talk.say(say("endings.unmerged_here", number=ticket.number))


def split(talk: Talk) -> None:
    """`拆分 12 楼道灯 / 垃圾`: what the parts are is asked where it is not said."""
    ticket = ticket_search.find_by_number(talk.turn, talk.person, talk.chat, int(talk.args["number"]))
    ticket_merging.check_split(talk.turn, talk.person, ticket)
    parts = _parts(talk.args.get("parts", ""))
    if not _fits(parts):
        parts = _parts(talk.ask("parts", say("endings.split_what", number=ticket.number)))
    if not _fits(parts):
        parts = _parts(talk.ask("parts_again", say("endings.split_again", most=ticket_merging.MOST)))
    if not _fits(parts):
        raise Refusal("endings.split_few", number=ticket.number)
    wanted = [_wanted(talk, ticket, words) for words in parts]
    opened = ticket_merging.split(talk.turn, talk.person, ticket, wanted)
    talk.say(ticket_merging.said(talk.turn, ticket, opened, "endings.split_here"))


def _parts(words: str) -> list[str]:
    found = [part.strip() for part in pattern("words.split_marks").split(words)]
    return list(dict.fromkeys(part for part in found if part))


def _fits(parts: list[str]) -> bool:
    return 1 < len(parts) <= ticket_merging.MOST


def _wanted(talk: Talk, ticket: Ticket, words: str) -> Wanted:
    """What the words are about; where the classifier knows no name for it, the handler's own words are shown, unless
    there is a room, a phone or a name in them."""
    guess = talk.classify(words)
    shown = guess.summary or ticket_notices.tellable(words[:20]) or guess.matter or ticket.summary
    category = guess.category if guess.ticket or guess.matter else ticket.category
    return Wanted(replace(guess, ticket=True, kind="complaint", category=category, summary=shown), words[:200])


FLOWS = {
    "tickets.merge": merge,
    "tickets.unmerge": unmerge,
    "tickets.split": split,
}
