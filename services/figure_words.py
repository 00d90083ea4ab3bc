"""A body's figures in words and as the data of a card: numerators and denominators always, percentages from five on."""

from typing import Any

from domain import figures
from domain.figures import Rate
from domain.messages import Drawing, File
from domain.people import Place
from services import ticket_notices
from services.ticket_figures import Sheet
from services.turn import Turn
from texts import say
from texts.wording import place as place_name

_PLACES, _CATEGORIES = 14, 6  # rows and columns of the heat table, beside "the others"
_HOUR, _DAY = 60, 24 * 60
_SHOWN = 12  # characters of a digest in chat; the file has it whole


def period(turn: Turn, sheet: Sheet) -> str:
    """11月, 今年, or 11月16日到22日; of what is not over yet, until when it counts."""
    zone = turn.rules.zone
    first, last = sheet.period.start.astimezone(zone).date(), sheet.period.last
    if sheet.period.month:
        running = "figures.month_running" if sheet.period.end > turn.now else "figures.month"
        return say(running, year=first.year, month=first.month)
    if (last - first).days > 31:
        return say("figures.year", year=first.year)
    return say("figures.days", month=first.month, day=first.day, until_month=last.month, until=last.day)


def text(turn: Turn, sheet: Sheet) -> str:
    """Six lines for those in office."""
    counts, rules = figures.tally(sheet.cells), turn.rules.figures
    rates = figures.rates(counts, rules)
    enough = counts.valid >= rules.few
    return say(
        "figures.text",
        name=sheet.body.name,
        what=say(f"categories.{sheet.category}") if sheet.category else "",
        period=period(turn, sheet),
        opened=sum(each.count for each in sheet.intake),
        done=counts.done,
        live=sheet.standing.live,
        overdue=sheet.standing.overdue,
        shelved=sheet.standing.shelved,
        response=figures.shown(rates.response, rules.few),
        solved=figures.shown(rates.solved, rules.few),
        satisfied=figures.shown(rates.satisfied, rules.few),
        composite=figures.percent(rates.composite) if enough else figures.NONE,
        valid=counts.valid,
        silent=counts.silent,
        unreached=counts.unreached,
        excluded=counts.excluded,
        hotline=sum(each.hotline for each in sheet.intake),
        unprompted=counts.unprompted,
        closed=ticket_notices.day(turn, sheet.closed_at) if sheet.closed_at else "",
    )


def closed_text(turn: Turn, sheet: Sheet, digest: str) -> str:
    """What the secretary hears who closed a month."""
    few = turn.rules.figures.few
    rates = figures.rates(figures.tally(sheet.cells), turn.rules.figures)
    return say(
        "figures.closed",
        month=sheet.period.start.month,
        response=figures.shown(rates.response, few),
        solved=figures.shown(rates.solved, few),
        satisfied=figures.shown(rates.satisfied, few),
        digest=digest[:_SHOWN],
    )


def neighbours_text(sheet: Sheet, where: Place) -> str:
    """For residents: their own building's or compound's totals and nothing else."""
    place = place_name(where.building) if where.building_id else say("figures.whole_compound")
    opened, done = sum(each.count for each in sheet.intake), figures.tally(sheet.cells).done
    return say("figures.neighbours", place=place, opened=opened, done=done, live=sheet.standing.live)


def week_text(sheet: Sheet) -> str:
    """Beside the weekly card."""
    return say(
        "figures.week",
        name=sheet.body.name,
        opened=sum(each.count for each in sheet.intake),
        done=figures.tally(sheet.cells).done,
        live=sheet.standing.live,
        overdue=sheet.standing.overdue,
        shelved=sheet.standing.shelved,
    )


def card(turn: Turn, sheet: Sheet) -> File:
    """A picture for a phone; it is drawn when it is sent."""
    counts, rules = figures.tally(sheet.cells), turn.rules.figures
    rates = figures.rates(counts, rules)
    enough = counts.valid >= rules.few
    named = {"opened": sum(each.count for each in sheet.intake), "done": counts.done, "live": sheet.standing.live}
    named |= {"overdue": sheet.standing.overdue, "shelved": sheet.standing.shelved, "reopened": counts.reopened}
    data: dict[str, Any] = {
        "name": sheet.body.name,
        "title": say("figures.card_title", what=say(f"categories.{sheet.category}") if sheet.category else ""),
        "period": period(turn, sheet),
        "numbers": [[say(f"figures.number_{name}"), value] for name, value in named.items()],
        "rates": [
            _rate(say(f"figures.rate_{name}"), rate, rules.few)
            for name, rate in (("response", rates.response), ("solved", rates.solved), ("satisfied", rates.satisfied))
        ],
        "composite": [say("figures.rate_composite"), figures.percent(rates.composite) if enough else figures.NONE],
        "medians": [
            [say(f"figures.median_{name}"), _duration(sheet.medians.get(name))] for name in ("response", "resolution")
        ],
        "called": say("figures.card_called", **_called(sheet)),
        "heat": _heat(sheet),
        "foot": say("figures.card_foot"),
    }
    return File("photo", say("figures.card_file"), Drawing("figures_card", data))


def _rate(name: str, rate: Rate, few: int) -> dict[str, Any]:
    fraction = f"{figures.amount(rate.part)}/{rate.whole}" if rate.whole else ""
    enough = rate.whole >= few and rate.value is not None
    large = figures.percent(rate.value) if enough else fraction or figures.NONE
    return {"name": name, "large": large, "small": fraction if enough else "", "share": float(rate.value or 0)}


def _called(sheet: Sheet) -> dict[str, int]:
    counts = figures.tally(sheet.cells)
    names = ("done", "valid", "silent", "unreached", "excluded", "unprompted")
    return {name: getattr(counts, name) for name in names} | {"hotline": sum(each.hotline for each in sheet.intake)}


def _heat(sheet: Sheet) -> dict[str, Any]:
    """By building; where there are several compounds, by compound."""
    several = len({each.compound for each in sheet.intake}) > 1

    def label(compound: str, building: str) -> str:
        return compound if several else place_name(building) or say("figures.whole_compound")

    entries = [(label(each.compound, each.building), each.category, each.count) for each in sheet.intake]
    table = figures.heat(entries, lambda name: (len(name), name), places=_PLACES, categories=_CATEGORIES)
    rest = say("figures.others")
    return {
        "caption": say("figures.heat_compounds" if several else "figures.heat_buildings"),
        "total": say("figures.heat_total"),
        "columns": [say(f"categories.{code}") if code else rest for code in table.categories],
        "rows": [[name or rest, row] for name, row in zip(table.places, table.counts, strict=True)],
    }


def _duration(minutes: int | None) -> str:
    if minutes is None:
        return figures.NONE
    if minutes < _HOUR:
        return say("figures.minutes", count=minutes)
    if minutes < 2 * _DAY:
        return say("figures.hours", count=f"{minutes / _HOUR:.1f}".removesuffix(".0"))
    return say("figures.long_days", count=f"{minutes / _DAY:.1f}".removesuffix(".0"))
