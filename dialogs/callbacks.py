"""回访 and 剔除: who asks reporters in person, and what two people leave out of the figures."""

from dialogs.engine import Talk
from domain.errors import Refusal
from domain.tickets import Outcome, Ticket
from services import callbacks, ticket_search
from texts import options, say

_RESULTS = (*(outcome.value for outcome in Outcome), "unreached")  # as the choices, as the groups of the pattern


def call_list(talk: Talk) -> None:
    """`回访`: whom to ask, five at a time, always privately."""
    calls = callbacks.calls(talk.turn, talk.person)
    if not calls:
        talk.say(say("callbacks.nobody"))
        return
    lines = [
        say("callbacks.line", number=each.ticket.number, summary=each.ticket.summary, who=each.shown)
        for each in calls[: callbacks.MOST]
    ]
    more = len(calls) - callbacks.MOST
    shown = say("callbacks.list", lines="\n".join(lines), more=more if more > 0 else "", number=calls[0].ticket.number)
    talk.whisper(shown)


def call_back(talk: Talk) -> None:
    """`回访 12 还行`: of several who have not answered, which is asked privately."""
    ticket = _ticket(talk)
    calls = callbacks.unanswered(talk.turn, talk.person, ticket)
    result = next((name for name in _RESULTS if name in talk.args), "")
    call = calls[0]
    if len(calls) > 1:
        labels = [(place, each.shown) for place, each in enumerate(calls[:9], start=1)]
        call = calls[talk.choose("who", say("callbacks.which", number=ticket.number), labels) - 1]
    if not result:
        text = say("callbacks.what", number=ticket.number, who=call.shown)
        result = _RESULTS[talk.choose("result", text, options("callbacks.results")) - 1]
    note = talk.args.get("note", "")
    answered = callbacks.book(talk.turn, talk.person, ticket, call, result, note=note)
    if answered.when and not answered.raised:
        talk.say(say("callbacks.given_back", number=ticket.number, office=answered.office, when=answered.when))
    else:
        talk.say(say("callbacks.raised" if answered.raised else "callbacks.booked", number=ticket.number))


def exclude(talk: Talk) -> None:
    """`剔除 12 原因`."""
    ticket = _ticket(talk)
    reason = talk.args.get("note") or talk.ask("why", say("callbacks.exclude_why", number=ticket.number))
    who = callbacks.propose_exclusion(talk.turn, talk.person, ticket, reason=reason)
    talk.say(say("callbacks.proposed", number=ticket.number, who=who))


def agree_exclusion(talk: Talk) -> None:
    """`同意剔除 12`: by a second person."""
    ticket = _ticket(talk)
    callbacks.agree_exclusion(talk.turn, talk.person, ticket)
    talk.say(say("callbacks.excluded", number=ticket.number))


def exclusions(talk: Talk) -> None:
    """`剔除名单`."""
    lines = callbacks.exclusions(talk.turn, talk.person)
    if not lines:
        raise Refusal("callbacks.none_excluded")
    talk.whisper("\n".join(lines[-9:]))


def _ticket(talk: Talk) -> Ticket:
    return ticket_search.find_by_number(talk.turn, talk.person, talk.chat, int(talk.args["number"]))


FLOWS = {
    "callbacks.list": call_list,
    "callbacks.book": call_back,
    "callbacks.exclude": exclude,
    "callbacks.agree": agree_exclusion,
    "callbacks.exclusions": exclusions,
}
