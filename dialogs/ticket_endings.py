"""What reporters say of the result."""

from dialogs import tickets
from dialogs.engine import Talk
from domain.errors import Refusal
from domain.guess import Guess
from domain.people import Place
from domain.tickets import OUTCOMES, Outcome, Status, Ticket
from services import lessons, ticket_clock, ticket_endings, ticket_notices, ticket_search
from services import tickets as ticket_services
from texts import options, pattern, say

_LACKING = 30  # minutes for which what is still missing is waited for
_PHOTO = 24 * 60


def outcome(talk: Talk) -> None:
    """The closing question: four answers that give solved and satisfied at once."""
    ticket = ticket_search.goes_on_in(talk.turn, ticket_search.get(talk.turn, talk.args["ticket"]))
    text = ticket_clock.outcome_question(talk.turn, ticket)
    chosen = OUTCOMES[talk.choose("outcome", text, options("tickets.outcome_choices"))]
    if chosen is Outcome.UNSOLVED:
        _not_solved(talk, ticket)
        return
    answered = ticket_endings.answer(talk.turn, talk.person, ticket, chosen)
    if chosen is Outcome.UNSATISFIED:
        talk.say(say("tickets.thanks_unsatisfied", number=ticket.number))
        talk.then("tickets.dissatisfied", ticket=ticket.id)
    elif answered.when:  # another reporter has given it back meanwhile
        talk.say(say("tickets.thanks_back", number=ticket.number, when=answered.when))
    else:
        words = lessons.words_for(talk.turn, ticket)
        lessons.closed(talk.turn, ticket, talk.school.base.lesson(words) if words else "")
        talk.say(say("tickets.thanks_satisfied", number=ticket.number))


def unsolved(talk: Talk) -> None:
    """`没好 12`, `没好`: the fourth answer, said later."""
    if number := talk.args.get("number"):
        ticket = ticket_search.look_up(talk.turn, talk.person, talk.chat, int(number))
        ticket = ticket_search.goes_on_in(talk.turn, ticket)
    else:
        done = ticket_search.own(talk.turn, talk.person, Status.DONE, Status.CLOSED)
        done = done or ticket_search.own(talk.turn, talk.person)  # in hand still, which is said
        if not done:
            raise Refusal("tickets.none_yours")
        ticket = tickets.pick(talk, done[:3], say("tickets.which_unsolved"))
    if ticket.status in (Status.WITHDRAWN, Status.DECLINED):
        state = say(f"tickets.state_{ticket.status.value}")
        raise Refusal("endings.unsolved_ended", number=ticket.number, state=state)
    if ticket.status not in (Status.DONE, Status.CLOSED):
        raise Refusal("tickets.not_done", number=ticket.number, when=ticket_notices.when(talk.turn, ticket))
    _not_solved(talk, ticket)


def _not_solved(talk: Talk, ticket: Ticket) -> None:
    """Back to the handler, with what is missing; too long after it was done, a new ticket that names the old one."""
    if ticket_endings.is_late(talk.turn, ticket):
        ticket = _anew(talk, ticket)
    else:
        answered = ticket_endings.answer(talk.turn, talk.person, ticket, Outcome.UNSOLVED)
        if not answered.raised:
            facts = {"number": ticket.number, "office": answered.office, "when": answered.when}
            talk.say(say("tickets.reopened", **facts))
    talk.then("tickets.lacking", ticket=ticket.id)


def _anew(talk: Talk, old: Ticket) -> Ticket:
    place = Place(old.compound_id, old.building_id, old.unit_id, old.building, old.unit)
    guess = Guess(True, "complaint", old.category, 1.0, old.category, False, (), matter=old.matter, summary=old.summary)
    reported = ticket_services.report(
        talk.turn,
        talk.person,
        guess,
        place=place,
        address=talk.incoming.address,
        texts=(say("endings.anew_words", number=old.number, summary=old.summary),),
        discreet=old.discreet,
        own_home=old.household_id is not None,
        after=old,
    )
    talk.say(say("endings.anew", number=old.number, days=talk.turn.rules.limits.reopen_days))
    tickets.acknowledge(talk, reported)
    return reported.ticket


def dissatisfied(talk: Talk) -> None:
    """Why somebody is not satisfied, in their own words."""
    ticket = ticket_search.get(talk.turn, talk.args["ticket"])
    words = talk.ask("why", say("endings.why_unsatisfied"), minutes=_LACKING)
    ticket_endings.add_reason(talk.turn, talk.person, ticket, words)
    talk.say(say("endings.why_noted"))


def after_photo(talk: Talk) -> None:
    """A picture of the result, or why there is none; asked once, and the ticket is done either way. A picture comes as
    a file (dialogs/tickets.py)."""
    ticket = ticket_search.get(talk.turn, talk.args["ticket"])
    words = talk.ask("photo", say("endings.photo", number=ticket.number), minutes=_PHOTO)
    reason = pattern("words.no_photo_pattern").sub("", words).strip() or words
    ticket_endings.add_reason(talk.turn, talk.person, ticket, reason, kind="no_photo")
    talk.say(say("endings.photo_none", number=ticket.number))


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
    "tickets.dissatisfied": dissatisfied,
    "tickets.after_photo": after_photo,
}
