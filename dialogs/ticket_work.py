"""What handlers say about tickets: I take it, it is done, it was a false alarm."""

from datetime import date

from dialogs import tickets
from dialogs.days import read_day
from dialogs.engine import Silence, Talk
from domain.errors import Refusal
from domain.tickets import LIVE, Status, Ticket
from services import ticket_files, ticket_notices, ticket_routing, ticket_search, ticket_work
from services import tickets as ticket_services
from texts import options, pattern, say, wording


def accept(talk: Talk) -> None:
    """`接单 12`; `我来` in a work chat; `收到` there takes only what is urgent, else it means "seen"."""
    ticket = to_handle(talk, say("tickets.which_accept"), Status.OPEN)
    if any(post.body.id == ticket.offered_to for post in talk.person.posts):
        ticket_routing.take_over(talk.turn, talk.person, ticket)
        talk.say(say("tickets.accepted_here", number=ticket.number))
        return
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
    if ticket_files.wants_after(talk.turn, talk.person, ticket):
        talk.then("tickets.after_photo", ticket=ticket.id)


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


def contacted(talk: Talk) -> None:
    """`联系了 12`, `打过电话了 12 说明天来`."""
    ticket = to_handle(talk, say("tickets.which_ticket"), *LIVE)
    ticket_work.contacted(talk.turn, talk.person, ticket, note=talk.args.get("note", ""))
    talk.say(say("tickets.contacted_here", number=ticket.number))


def tell(talk: Talk) -> None:
    """`进展 12 配件明天到`: a word to those who reported it."""
    ticket = to_handle(talk, say("tickets.which_ticket"), *LIVE)
    note = talk.args.get("note") or talk.ask("note", say("tickets.progress_what", number=ticket.number))
    ticket_work.tell(talk.turn, talk.person, ticket, note=note)
    talk.say(say("tickets.progressed_here", number=ticket.number))


def ask(talk: Talk) -> None:
    """`问 12 漏的是厨房还是厕所`: a question to whoever reported it; the clock stands still until the answer."""
    ticket = to_handle(talk, say("tickets.which_ticket"), Status.OPEN, Status.ACCEPTED)
    question = talk.args.get("note") or talk.ask("question", say("tickets.ask_what", number=ticket.number))
    ticket_work.ask(talk.turn, talk.person, ticket, question=question)
    talk.say(say("tickets.asked_here", number=ticket.number))


def asked(talk: Talk) -> None:
    """The reporter's answer to a handler's question."""
    ticket = ticket_search.get(talk.turn, talk.args["ticket"])
    words = talk.ask("asked", say("tickets.lacking"))
    office = ticket_work.heard(talk.turn, talk.person, ticket, words)
    talk.say(say("tickets.asked_noted", office=office))


def extend(talk: Talk) -> None:
    """`延期 12 周五 等配件`: the day and the reason are asked for where they are missing."""
    ticket = to_handle(talk, say("tickets.which_ticket"), Status.OPEN, Status.ACCEPTED)
    day, reason = _day_and_reason(talk, ticket, "tickets.extend_until", "tickets.extend_why")
    ticket = ticket_work.extend(talk.turn, talk.person, ticket, day=day, reason=reason)
    talk.say(say("tickets.extended_here", number=ticket.number, when=ticket_notices.when(talk.turn, ticket)))


def shelve(talk: Talk) -> None:
    """`挂账 18 12月20日 要先定维修资金`."""
    ticket = to_handle(talk, say("tickets.which_ticket"), Status.OPEN, Status.ACCEPTED, Status.WAITING)
    day, reason = _day_and_reason(talk, ticket, "tickets.shelve_until", "tickets.shelve_why")
    ticket = ticket_work.shelve(talk.turn, talk.person, ticket, day=day, reason=reason)
    shown = wording.day(day, talk.turn.local.date())
    talk.say(say("tickets.shelved_here", number=ticket.number, day=shown))


def decline(talk: Talk) -> None:
    """`不受理 12 已经在法院了`."""
    ticket = to_handle(talk, say("tickets.which_ticket"), Status.OPEN, Status.RETURNED, Status.ACCEPTED)
    reason = talk.args.get("note") or talk.ask("reason", say("tickets.decline_why", number=ticket.number))
    ticket_work.decline(talk.turn, talk.person, ticket, reason=reason)
    talk.say(say("tickets.declined_here", number=ticket.number))


def _day_and_reason(talk: Talk, ticket: Ticket, until: str, why: str) -> tuple[date, str]:
    """What is missing is asked for, the day twice; the reason may stand beside the day in every answer."""
    day, reason = _read(talk, talk.args.get("note", ""))
    for question in ("day", "day_again"):
        if day is None:
            day, beside = _read(talk, talk.ask(question, say(until, number=ticket.number)))
            reason = reason or (beside if day else "")
    if day is None:
        raise Refusal("offices.which_day")
    return day, reason or talk.ask("reason", say(why))


def _read(talk: Talk, said: str) -> tuple[date | None, str]:
    """The day, where the words begin with one, and the rest of them."""
    first, *rest = pattern("routing.between").split(said.strip(), maxsplit=1)
    day = _day(talk, first)
    return day, ("".join(rest) if day else said.strip())


def _day(talk: Talk, said: str) -> date | None:
    said = pattern("routing.before").sub("", said.removeprefix(say("tickets.until")))
    return read_day(said, talk.turn.local.date())


def near_limit(talk: Talk) -> None:
    """The warning before the limit: each answer is the same as its command."""
    ticket = ticket_search.get(talk.turn, talk.args["ticket"])
    question = say("tickets.limit_near", **ticket_notices.facts(talk.turn, ticket))
    chosen = talk.choose("near_limit", question, options("tickets.limit_near_choices"))
    talk.then(("tickets.finish", "tickets.extend", "tickets.give_back")[chosen - 1], number=str(ticket.number))


FLOWS = {
    "tickets.near_limit": near_limit,
    "tickets.accept": accept,
    "tickets.finish": finish,
    "tickets.call_off": call_off,
    "tickets.contacted": contacted,
    "tickets.tell": tell,
    "tickets.ask": ask,
    "tickets.asked": asked,
    "tickets.extend": extend,
    "tickets.shelve": shelve,
    "tickets.decline": decline,
}
