"""Talking about who gets what first (分工) and who is on duty (值班); and which body or supplier words mean."""

from datetime import date

from dialogs.days import read_day
from dialogs.engine import Talk
from dialogs.offices import choose_body, compound_meant
from domain.errors import Refusal
from domain.people import OFFICES, Body, Level, Named
from domain.responsibility import AGENCIES, CHAINS, FIRSTS, chain_of
from domain.tickets import Ticket
from services import offices, responsibility
from texts import options, pattern, say, wording, words
from texts.wording import figure

_MOST = 9
_BESIDE = {
    "owners_committee": Level.OWNERS_COMMITTEE,
    "residents_committee": Level.RESIDENTS_COMMITTEE,
    "two_committees": Level.TWO_COMMITTEES,
}


def routes(talk: Talk) -> None:
    """`分工` shows the table; `分工 电梯 物业` sets a line, said again it goes back to the usual chain."""
    compound = compound_meant(talk)
    own = responsibility.lines(talk.turn, talk.person, compound)
    if "category" not in talk.args:
        shown = []
        for code, chain in CHAINS.items():
            line = own.get(code)
            first = responsibility.level_name(Level(line.level)) if line and line.level else ""
            facts = {"category": say(f"categories.{code}"), "level": first or responsibility.first_name(chain, code)}
            shown.append(say("routes.line_own" if first else "routes.line", **facts))
        talk.say(say("routes.shown", lines="\n".join(shown)))
        return
    category = read_category(talk.args["category"])
    level = read_level(talk.args.get("level", ""))
    if not category:
        raise Refusal("routes.which_category")
    if level is None:
        raise Refusal("routes.which_level")
    facts = {"category": say(f"categories.{category}")}
    there = own.get(category)
    if there and there.level == level and level in FIRSTS:
        text = say("routes.again", **facts, level=responsibility.level_name(level))
        if talk.choose("again", text, options("routes.again_choices")) == 0:
            talk.say(say("routes.left"))
            return
        responsibility.drop_line(talk.turn, talk.person, compound, category)
        first = responsibility.first_name(chain_of(category), category)
        talk.say(say("routes.dropped", **facts, level=first))
        return
    responsibility.set_line(talk.turn, talk.person, compound, category, level)
    talk.say(say("routes.set", **facts, level=responsibility.level_name(level)))


def read_category(said: str) -> str:
    for code in CHAINS:
        known = words("routes.words_property_matters" if code == "property" else f"routes.words_{code}")
        if said in known:
            return code
    return ""


def duty(talk: Talk) -> None:
    """`值班` shows the week; `值班 今晚 吴师傅`, `值班 周六 周日 吴师傅` set it, `值班 今晚 取消` takes it back."""
    compound, zone = compound_meant(talk), talk.turn.rules.zone
    if "days" not in talk.args:
        lines = [
            say(
                "routes.duty_line",
                when=_when(
                    talk, each.starts_at.astimezone(zone).date(), night=each.starts_at.astimezone(zone).hour > 0
                ),
                name=each.name,
            )
            for each in responsibility.shifts(talk.turn, talk.person, compound)
        ]
        shown = say("routes.duty_shown", lines="\n".join(lines))
        talk.say(shown if lines else say("routes.duty_none"))
        return
    responsibility.check_duty(talk.turn, talk.person, compound)
    days, nights = _days(talk.args["days"], talk.turn.local.date())
    shown_days = wording.listed(
        [*(_when(talk, day, night=False) for day in days), *(_when(talk, day, night=True) for day in nights)]
    )
    nobody = talk.args["who"] in words("routes.nobody_words")
    whom = None if nobody else _person(talk, compound, talk.args["who"])
    responsibility.set_shifts(talk.turn, talk.person, compound, days, whom, night=False)
    responsibility.set_shifts(talk.turn, talk.person, compound, nights, whom, night=True)
    if whom:
        responsibility.tell_shift(talk.turn, talk.person, whom, shown_days)
        talk.say(say("routes.duty_set", days=shown_days, name=whom.name))
    else:
        talk.say(say("routes.duty_dropped", days=shown_days))


def _days(said: str, today: date) -> tuple[list[date], list[date]]:
    """Whole days and nights that words like 周六 周日, 今晚 mean."""
    days: list[date] = []
    nights: list[date] = []
    for part in pattern("routes.duty_days").findall(said):
        day = read_day(part, today)
        if day is None:
            raise Refusal("routes.which_days")
        (nights if pattern("routes.nights").search(part) else days).append(day)
    if not days and not nights:
        raise Refusal("routes.which_days")
    return days, nights


def _when(talk: Talk, day: date, *, night: bool) -> str:
    shown = wording.day(day, talk.turn.local.date())
    return say("routes.night", day=shown) if night else shown


def _person(talk: Talk, compound: int, name: str) -> Named:
    found = offices.find_people(talk.turn, compound, name)[:_MOST]
    if not found:
        raise Refusal("offices.no_such_person", name=name)
    labels = [
        (number, say("offices.namesake", name=each.name, place=wording.place(each.building, each.unit)))
        for number, each in enumerate(found, start=1)
    ]
    return (
        found[0] if len(found) == 1 else found[talk.choose("who", say("offices.which_person", name=name), labels) - 1]
    )


def accused(said: str) -> tuple[Level, ...]:
    """Whose officers the words complain about: building head, branch secretary, the company's manager."""
    codes = ("building_head", "branch_secretary", "property_leader")
    return tuple(OFFICES[code][0] for code in codes if pattern(f"words.accused_{code}").search(said))


def about(levels: tuple[Level, ...]) -> str:
    """What a complaint about an office is called: neither who nor what it says stands in a post."""
    return say("routes.about", offices=wording.listed([responsibility.level_name(level) for level in levels]))


# --- what words mean ------------------------------------------------------------------------------------------------


def read_level(said: str) -> Level | None:
    known = {level.name.lower(): level for level in FIRSTS} | _BESIDE
    return next((level for name, level in known.items() if said in words(f"routes.words_{name}")), None)


def read_agency(said: str) -> str:
    """The code of a supplier or department, "" where the words are none."""
    return next((code for code in AGENCIES if said.strip() in words(f"routes.words_agency_{code}")), "")


def read_body(talk: Talk, ticket: Ticket, said: str) -> Body:
    """The body that words like 物业, 业委会, 5栋楼栋长, 舞蹈队 mean, seen from the ticket's place."""
    said = pattern("routing.given_to").sub("", "".join(said.split()))
    building = pattern("words.building").search(said)
    rest = said.replace(building[0], "") if building else said
    level, turn = (read_level(rest) if rest or not building else Level.BUILDING_GROUP), talk.turn
    if level is None:
        there = offices.bodies_of(turn, ticket.compound_id)
        found = [body for body in there if body.name == said] or [body for body in there if said in body.name]
    elif level in (Level.BUILDING_GROUP, Level.MEMBER_HOUSEHOLD):
        number = figure(building["building"]) if building else ticket.building
        found = offices.find_bodies(turn, ticket.compound_id, level, building=number)
    else:
        found = offices.find_bodies(turn, ticket.compound_id, level)
    if not said or not found:
        raise Refusal("routing.which_body", said=said)
    return choose_body(talk, found, said)


FLOWS = {
    "routes.routes": routes,
    "routes.duty": duty,
}
