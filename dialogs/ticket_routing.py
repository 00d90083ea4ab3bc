"""What handlers say to bring a ticket to the right body: 转派, 退单, 协办, 吹哨, 转外, and their answers."""

from datetime import datetime, time

from dialogs.days import read_day
from dialogs.engine import Talk
from dialogs.responsibility import read_agency, read_body
from dialogs.ticket_work import to_handle
from domain import limits
from domain.errors import Refusal
from domain.people import Body
from domain.responsibility import agency_of
from domain.tickets import LIVE, Status, Ticket
from services import lessons, people, ticket_outside, ticket_routing, ticket_search, ticket_work
from texts import options, pattern, say, wording

_MOST = 6  # bodies to choose from


def pass_on(talk: Talk) -> None:
    """`转派 12 物业`."""
    ticket = to_handle(talk, say("tickets.which_ticket"), *LIVE)
    said = talk.args.get("note") or talk.ask("to", say("routing.pass_to", number=ticket.number))
    body = read_body(talk, ticket, said)
    _, moved = ticket_routing.pass_on(talk.turn, talk.person, ticket, body)
    talk.say(say("routing.moved" if moved else "routing.asked", **_about(ticket, body)))
    if lessons.may_set_routes(talk.turn, talk.person, ticket):
        talk.then("lessons.moved", ticket=ticket.id, body=body.id)


def _about(ticket: Ticket, body: Body) -> dict[str, object]:
    return {"number": ticket.number, "office": people.office(body, ticket.building)}


def take_over(talk: Talk) -> None:
    """`接手 12`."""
    ticket = ticket_search.find_by_number(talk.turn, talk.person, talk.chat, int(talk.args["number"]))
    _take(talk, ticket)


def _take(talk: Talk, ticket: Ticket) -> None:
    ticket_routing.take_over(talk.turn, talk.person, ticket)
    talk.say(say("tickets.accepted_here", number=ticket.number))


def refuse_over(talk: Talk) -> None:
    """`不接 12 不是我们的线路`."""
    ticket = ticket_search.find_by_number(talk.turn, talk.person, talk.chat, int(talk.args["number"]))
    _refuse(talk, ticket)


def _refuse(talk: Talk, ticket: Ticket) -> None:
    reason = talk.args.get("note") or talk.ask("reason", say("routing.refuse_why", number=ticket.number))
    ticket_routing.refuse_over(talk.turn, talk.person, ticket, reason)
    talk.say(say("routing.refused_here", number=ticket.number))


def offered(talk: Talk) -> None:
    """Another body is asked to take a ticket."""
    ticket = ticket_search.get(talk.turn, talk.args["ticket"])
    text, labels = ticket_routing.question(talk.turn, ticket, "tickets.offered")
    if talk.choose("offered", text, labels) == 1:
        _take(talk, ticket)
    else:
        _refuse(talk, ticket)


def give_back(talk: Talk) -> None:
    """`退单 12 不归我管，是供水公司的`; without a reason it is asked for."""
    ticket = to_handle(talk, say("tickets.which_ticket"), Status.OPEN, Status.ACCEPTED)
    ticket_routing.check_give_back(talk.turn, talk.person, ticket)
    reason = talk.args.get("note") or talk.ask("reason", say("routing.return_why", number=ticket.number))
    ticket, office = ticket_routing.give_back(talk.turn, talk.person, ticket, reason)
    talk.say(say("routing.returned_here", number=ticket.number, office=office))


def decide(talk: Talk) -> None:
    """Those above decide on what was given back: 1 to whom else, 2 not granted."""
    ticket = ticket_search.get(talk.turn, talk.args["ticket"])
    ticket_routing.check_decides(talk.turn, talk.person, ticket)
    text, labels = ticket_routing.question(talk.turn, ticket, "tickets.decide")
    if talk.choose("decision", text, labels) == 2:
        _uphold(talk, ticket)
        return
    found = ticket_routing.targets(talk.turn, ticket)[:_MOST]
    if not found:
        raise Refusal("routing.nobody_above", number=ticket.number)
    names = [(number, people.office(body, ticket.building)) for number, body in enumerate(found, start=1)]
    body = found[talk.choose("to", say("routing.decide_to", number=ticket.number), names) - 1]
    _, moved = ticket_routing.pass_on(talk.turn, talk.person, ticket, body)
    talk.say(say("routing.moved" if moved else "routing.asked", **_about(ticket, body)))


def uphold(talk: Talk) -> None:
    """`不同意退 12`."""
    ticket = ticket_search.find_by_number(talk.turn, talk.person, talk.chat, int(talk.args["number"]))
    _uphold(talk, ticket)


def _uphold(talk: Talk, ticket: Ticket) -> None:
    office = ticket_routing.uphold(talk.turn, talk.person, ticket)
    talk.say(say("routing.upheld_here", number=ticket.number, office=office))


def assist(talk: Talk) -> None:
    """`协办 12 物业`."""
    ticket = to_handle(talk, say("tickets.which_ticket"), *LIVE)
    said = talk.args.get("note") or talk.ask("to", say("routing.assist_whom", number=ticket.number))
    body = read_body(talk, ticket, said)
    ticket_routing.assist(talk.turn, talk.person, ticket, body)
    talk.say(say("routing.assist_here", **_about(ticket, body)))


def whistle(talk: Talk) -> None:
    """`吹哨 12 物业 业委会 周五前`: to answer by the next working day where no day is said."""
    turn = talk.turn
    ticket = to_handle(talk, say("tickets.which_ticket"), *LIVE)
    said = talk.args.get("note") or talk.ask("to", say("routing.whistle_whom", number=ticket.number))
    *names, last = pattern("routing.between").split(said.strip())
    today = turn.local.date()
    day = read_day(pattern("routing.before").sub("", last), today)
    if day is None:
        names = [*names, last]
        day = limits.add_workdays(turn.now, 1, turn.rules).astimezone(turn.rules.zone).date()
    if not names:
        raise Refusal("routing.which_body", said="")
    until = datetime.combine(day, time.fromisoformat(turn.rules.report_evening), tzinfo=turn.rules.zone)
    bodies = list(dict.fromkeys(read_body(talk, ticket, name) for name in names if name))
    ticket_routing.whistle(turn, talk.person, ticket, bodies, until)
    offices = wording.listed([people.office(body, ticket.building) for body in bodies])
    when = wording.moment(until, turn.local)
    talk.say(say("routing.whistle_here", number=ticket.number, offices=offices, when=when))


def reply(talk: Talk) -> None:
    """`到 12 师傅下午到`: the answer of a body that was called."""
    ticket = ticket_search.find_by_number(talk.turn, talk.person, talk.chat, int(talk.args["number"]))
    words = talk.args.get("note") or talk.ask("words", say("routing.reply_what", number=ticket.number))
    ticket_routing.reply(talk.turn, talk.person, ticket, words)
    talk.say(say("routing.replied_here", number=ticket.number))


def refer(talk: Talk) -> None:
    """`转外 12 供电`, `转外 12 供电 周五`, `转外 12`: the supplier of the matter's kind."""
    ticket = to_handle(talk, say("tickets.which_ticket"), *LIVE)
    said, today = pattern("routing.between").split(talk.args.get("note", "").strip()), talk.turn.local.date()
    agency = next((code for word in said if (code := read_agency(word))), "")
    day = next((day for word in said if (day := read_day(word, today))), None)
    strange = [word for word in said if word and not read_agency(word) and not read_day(word, today)]
    if strange and agency:
        raise Refusal("routing.outside_day")
    agency = (
        agency
        or (not strange and agency_of(ticket.category))
        or read_agency(talk.ask("agency", say("routing.which_agency")))
    )
    if not agency:
        raise Refusal("routing.which_agency")
    talk.say(ticket_outside.refer(talk.turn, talk.person, ticket, agency, day))


def outside_news(talk: Talk) -> None:
    """What the supplier says: done, not yet, not theirs either."""
    ticket = ticket_search.get(talk.turn, talk.args["ticket"])
    chosen = talk.choose("news", ticket_outside.question(ticket), options("routing.outside_choices"))
    if chosen == 1:
        agency = say(f"routes.agency_{ticket.outside}")
        ticket_work.finish(talk.turn, talk.person, ticket, note=say("routing.outside_done", agency=agency))
        talk.say(say("tickets.finished_here", number=ticket.number))
    elif chosen == 2:
        day = ticket_outside.wait_on(talk.turn, talk.person, ticket)
        talk.say(say("routing.outside_later", number=ticket.number, day=day))
    else:
        ticket_outside.not_theirs(talk.turn, talk.person, ticket)
        talk.say(say("routing.outside_back", number=ticket.number))


FLOWS = {
    "tickets.pass_on": pass_on,
    "tickets.take_over": take_over,
    "tickets.refuse_over": refuse_over,
    "tickets.offered": offered,
    "tickets.give_back": give_back,
    "tickets.decide": decide,
    "tickets.uphold": uphold,
    "tickets.assist": assist,
    "tickets.whistle": whistle,
    "tickets.reply": reply,
    "tickets.refer": refer,
    "tickets.outside_news": outside_news,
}
