"""What handlers say about tickets: I take it, it is done, it was a false alarm."""

from dialogs import tickets
from dialogs.engine import Silence, Talk
from domain.errors import Refusal
from domain.tickets import LIVE, Status, Ticket
from services import ticket_files, ticket_search, ticket_work
from services import tickets as ticket_services
from texts import say


def accept(talk: Talk) -> None:
    """`接单 12`; `我来` in a work chat; `收到` there takes only what is urgent, else it means "seen"."""
    ticket = to_handle(talk, say("tickets.which_accept"), Status.OPEN)
    taker_words = ticket_work.accept(talk.turn, talk.person, ticket)
    talk.say(say("tickets.accepted_here", number=ticket.number))
    talk.whisper(taker_words)


def finish(talk: Talk) -> None:
    """`办结 12 已更换灯泡`; `弄好了` in a work chat."""
    ticket = to_handle(talk, say("tickets.which_finish"), *LIVE)
    note = talk.args.get("note") or say("tickets.finished_note")
    ticket_files.attach(talk.turn, talk.person, ticket, ticket_files.unpacked(talk.args.get("files", ())))
    ticket_work.finish(talk.turn, talk.person, ticket, note=note)
    talk.say(say("tickets.finished_here", number=ticket.number))


def call_off(talk: Talk) -> None:
    """`误报`, `误报 13`: a head takes an alarm back; whoever raised it takes back their own report."""
    raised = [] if talk.person.posts else [each for each in ticket_search.own(talk.turn, talk.person) if each.urgent]
    if raised:
        talk.args.setdefault("number", str(raised[0].number))
        tickets.withdraw(talk)
        return
    if number := talk.args.get("number"):
        ticket = ticket_search.find_by_number(talk.turn, talk.person, talk.chat, int(number))
    elif talk.chat and talk.chat.body_id is None:
        urgent = ticket_search.urgent_here(talk.turn, talk.chat, *LIVE)
        if urgent is None:
            raise Silence
        ticket = urgent
    else:
        alarms = ticket_search.waiting_for(talk.turn, talk.person, talk.chat, *LIVE)
        alarms = [each for each in alarms if each.urgent]
        if not alarms:
            raise Refusal("tickets.no_alarm")
        ticket = tickets.pick(talk, alarms, say("tickets.which_false"))
    ticket_services.call_off(talk.turn, talk.person, ticket)


def to_handle(talk: Talk, question: str, *statuses: Status) -> Ticket:
    """The ticket a handler means: by number, or the one that a bare word can mean."""
    if number := talk.args.get("number"):
        return ticket_search.find_by_number(talk.turn, talk.person, talk.chat, int(number))
    waiting = ticket_search.waiting_for(talk.turn, talk.person, talk.chat, *statuses)
    if "urgent" in talk.args:
        waiting = [ticket for ticket in waiting if ticket.urgent]
    among_neighbours = talk.chat is not None and talk.chat.body_id is None
    if not waiting and ("urgent" in talk.args or among_neighbours):
        raise Silence
    if not waiting:
        raise Refusal("tickets.nothing_to_accept")
    return tickets.pick(talk, waiting, question)


FLOWS = {
    "tickets.accept": accept,
    "tickets.finish": finish,
    "tickets.call_off": call_off,
}
