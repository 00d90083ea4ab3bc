"""What reporters say of the result."""

from dialogs import tickets
from dialogs.engine import Talk
from domain.errors import Refusal
from domain.tickets import OUTCOMES, Outcome, Status
from services import ticket_clock, ticket_endings, ticket_notices, ticket_search
from texts import options, say

_LACKING = 30  # minutes for which what is still missing is waited for


def outcome(talk: Talk) -> None:
    """The closing question: four answers that give solved and satisfied at once."""
    ticket = ticket_search.get(talk.turn, talk.args["ticket"])
    text = ticket_clock.outcome_question(talk.turn, ticket)
    chosen = OUTCOMES[talk.choose("outcome", text, options("tickets.outcome_choices"))]
    office, when = ticket_endings.answer(talk.turn, talk.person, ticket, chosen)
    if chosen is Outcome.UNSOLVED:
        talk.say(say("tickets.reopened", number=ticket.number, office=office, when=when))
        talk.then("tickets.lacking", ticket=ticket.id)
    elif chosen is Outcome.UNSATISFIED:
        talk.say(say("tickets.thanks_unsatisfied", number=ticket.number))
    elif when:  # another reporter has given it back meanwhile
        talk.say(say("tickets.thanks_back", number=ticket.number, when=when))
    else:
        talk.say(say("tickets.thanks_satisfied", number=ticket.number))


def unsolved(talk: Talk) -> None:
    """`没好 12`, `没好`: the fourth answer, said later."""
    if number := talk.args.get("number"):
        ticket = ticket_search.look_up(talk.turn, talk.person, talk.chat, int(number))
    else:
        done = ticket_search.own(talk.turn, talk.person, Status.DONE, Status.CLOSED)
        if not done:
            raise Refusal("tickets.none_yours")
        ticket = tickets.pick(talk, done[:3], say("tickets.which_unsolved"))
    if ticket.status not in (Status.DONE, Status.CLOSED):
        raise Refusal("tickets.not_done", number=ticket.number, when=ticket_notices.when(talk.turn, ticket))
    office, when = ticket_endings.answer(talk.turn, talk.person, ticket, Outcome.UNSOLVED)
    talk.say(say("tickets.reopened", number=ticket.number, office=office, when=when))
    talk.then("tickets.lacking", ticket=ticket.id)


def lacking(talk: Talk) -> None:
    """What is still missing, passed on in the reporter's words."""
    words = talk.ask("words", say("tickets.lacking"), minutes=_LACKING)
    ticket = ticket_search.get(talk.turn, talk.args["ticket"])
    office = ticket_endings.add_complaint(talk.turn, talk.person, ticket, words)
    talk.say(say("tickets.lacking_noted", number=ticket.number, office=office))


FLOWS = {
    "tickets.outcome": outcome,
    "tickets.unsolved": unsolved,
    "tickets.lacking": lacking,
}
