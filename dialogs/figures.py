"""Talking about figures: counted, listed, closed, exported; and what 12345 passed on."""

from dataclasses import replace
from datetime import date

from dialogs import ticket_work, tickets
from dialogs.engine import Silence, Talk
from domain import figures
from domain.errors import Refusal
from domain.figures import Period
from domain.messages import Address, Drawing, File, Outgoing
from domain.people import Body
from domain.rights import Action, may
from services import bodies, figure_clock, figure_lists, figure_words, hotline, people, rights, ticket_figures
from texts import catalogue, options, pattern, say, words
from texts.wording import figure

_SEEING = (Action.EXPORT, Action.HANDLE)
_LISTS = ("unhappy", "shelved", "repeated", "uncalled", "corrections")


def show(talk: Talk) -> None:
    """`统计 本月`, `统计 电梯 上月`, `统计 3栋`: to those in office in words and as a card; to neighbours totals."""
    among_neighbours = talk.chat is not None and talk.chat.body_id is None
    if among_neighbours or not talk.person.posts:
        _for_neighbours(talk)
        return
    what = talk.args.get("what", "")
    building, category = pattern("words.building").search(what), _category(what)
    if what and not building and not category:
        raise Refusal("figures.which")
    body = ticket_figures.body_meant(talk.turn, talk.person, talk.chat, *_SEEING)
    if building:
        compound = people.compound_meant(talk.turn, talk.person, talk.chat)
        body = bodies.group_of(talk.turn, compound, figure(building["building"]))
        if not any(may(talk.person, action, body) for action in _SEEING):
            rights.check_right(talk.turn, talk.person, Action.HANDLE, body)
    figure_clock.wind_body(talk.turn, body)
    sheet = ticket_figures.gather(talk.turn, body, _period(talk), category)
    talk.say(figure_words.text(talk.turn, sheet))
    _picture(talk, figure_words.card(talk.turn, sheet))


def _for_neighbours(talk: Talk) -> None:
    """Only their own building's or compound's totals, never one beside another; in a group once an hour."""
    chat = talk.chat
    if chat is None:
        place = talk.person.place
        if place is None:
            raise Refusal("figures.no_right")
        talk.say(figure_words.neighbours_text(ticket_figures.place_totals(talk.turn, place), place))
    elif figure_clock.may_say(talk.turn, chat):
        talk.announce(figure_words.neighbours_text(ticket_figures.place_totals(talk.turn, chat.place), chat.place))
    else:
        raise Silence


def _category(what: str) -> str:
    """The code of the category whose name these words are or begin, as people call it."""
    names = {str(name): code for code, name in catalogue("categories").items()}
    meant = [code for name, code in names.items() if len(what) > 1 and what in name]
    return meant[0] if len(meant) == 1 else ""


def _period(talk: Talk, unsaid: str = "this") -> Period:
    """本月, 上月, 今年, 10月 (the last one that has begun)."""
    said, zone = talk.args.get("period", ""), talk.turn.rules.zone
    today = talk.turn.local.date()
    this = figures.month(today, zone)
    meant = next((name for name in ("this", "last", "year") if said in words(f"words.month_{name}")), unsaid)
    if found := pattern("words.month_number").match(said):
        number = int(figure(found["month"]) or 0)
        if not 1 <= number <= 12:
            raise Refusal("figures.which")
        return figures.month(date(today.year - (number > today.month), number, 1), zone)
    if meant == "year":
        return figures.year(today, zone)
    return figures.month_before(this, zone) if meant == "last" else this


def _picture(talk: Talk, file: File) -> None:
    here = talk.incoming.address
    to = here if here.private or (talk.chat and talk.chat.body_id) else talk.private
    talk.turn.say(Outgoing(to, say("figures.card_here"), file=file))


def listed(talk: Talk) -> None:
    """`名单 挂账`, `名单 未回访 上月`."""
    body = ticket_figures.body_meant(talk.turn, talk.person, talk.chat, *_SEEING)
    name = next(name for name in _LISTS if talk.args["list"] in words(f"words.list_{name}"))
    _list(talk, body, name, _period(talk, "last" if name == "corrections" else "this"))


def _list(talk: Talk, body: Body, name: str, period: Period) -> None:
    talk.say("\n".join(figure_lists.lines(talk.turn, body, name, period)))


def reminded(talk: Talk) -> None:
    """What is not called back, three days before the month ends."""
    body = people.get_body(talk.turn, talk.args["body"])
    if talk.choose("list", say("figures.remind", count=0), options("figures.remind_choices")) == 1:
        rights.check_right(talk.turn, talk.person, Action.HANDLE, body)
        _list(talk, body, "uncalled", figures.month(talk.turn.local.date(), talk.turn.rules.zone))


def close(talk: Talk) -> None:
    """`关账 上月`: the month is frozen."""
    body = ticket_figures.body_meant(talk.turn, talk.person, talk.chat, Action.EXPORT)
    figure_clock.wind_body(talk.turn, body)
    sheet, digest = ticket_figures.close(talk.turn, talk.person, body, _period(talk, "last"))
    talk.say(figure_words.closed_text(talk.turn, sheet, digest))


def export(talk: Talk) -> None:
    """`导出 本月`: the sheets as a file, privately."""
    body = ticket_figures.body_meant(talk.turn, talk.person, talk.chat, Action.EXPORT)
    period = _period(talk)
    if not period.month:
        raise Refusal("figures.which")
    office = people.acting_office(talk.person.posts, body, "")
    content = ticket_figures.export(talk.turn, body, period, by=talk.person.id, who=f"{office} {talk.person.name}")
    name = say("figures.export_file", name=body.name, month=period.month)
    text = say("figures.export_sent", name=body.name, period=period.month)
    file = File("document", name, Drawing("figure_sheets", content))
    talk.turn.say(Outgoing(talk.private, text, file=file, fallback=talk.aside))


def passed_on(talk: Talk) -> None:
    """`转来 12345 A20261123001 3栋楼道灯不亮`: staff writes down what the hotline passed on."""
    number = talk.args["hotline"].upper()
    said = talk.args.get("words") or talk.ask("what", say("figures.hotline_what"))
    guess = talk.classify(said)
    if not guess.summary:
        guess = replace(guess, summary=guess.matter or say("tickets.unnamed"))
    building, unit = pattern("words.building").search(said), pattern("words.unit").search(said)
    place = people.locate(
        talk.turn,
        talk.person,
        talk.chat,
        building=figure(building["building"]) if building else "",
        unit=figure(unit["unit"]) if unit else "",
    )
    reported = hotline.open_passed_on(
        talk.turn,
        talk.person,
        replace(guess, ticket=True),
        place=place,
        address=Address(talk.person.user, private=True),
        words=said,
        hotline=number,
    )
    ticket = reported.ticket
    if reported.card:
        tickets.say_card(talk, ticket.danger, ticket.number)
    office = people.office(reported.body, ticket.building)
    key = "figures.hotline_opened" if reported.opened else "figures.hotline_joined"
    talk.say(say(key, number=ticket.number, hotline=number, office=office))


def linked(talk: Talk) -> None:
    """`12345 12 A20261123001`: the hotline heard of what is here already."""
    ticket = ticket_work.to_handle(talk, "")
    number = talk.args["hotline"].upper()
    hotline.link(talk.turn, talk.person, ticket, number)
    talk.say(say("figures.hotline_linked", number=ticket.number, hotline=number))


FLOWS = {
    "ticket_figures.show": show,
    "ticket_figures.list": listed,
    "ticket_figures.reminded": reminded,
    "ticket_figures.close": close,
    "ticket_figures.export": export,
    "ticket_figures.hotline": passed_on,
    "ticket_figures.link": linked,
}
