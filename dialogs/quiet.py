"""`安静到明早`, `可以说话了`: keeping the bot quiet in a group of residents."""

import re
from datetime import datetime, time, timedelta

from dialogs.engine import Silence, Talk
from domain.errors import Refusal
from domain.messages import Outgoing
from domain.rights import Action, may
from domain.rules import Rules
from services import quiet
from services.quiet import Groups
from texts import pattern, say
from texts.wording import figure

_MOST = 9  # groups to choose from
_WHILE = timedelta(hours=1)  # 一会儿
_DUSK = 6  # up to this hour the afternoon is meant while it lasts
_DAWN = 5  # said before this hour, tomorrow morning is the one that comes


def start(talk: Talk) -> None:
    """`安静到明早`, `安静2小时`, `安静到周五 3栋`; `安静`: till tomorrow morning."""
    until = _moment(talk, talk.args.get("until", ""))
    groups = _groups(talk)
    _answer(talk, say("quiet.started", title=groups.title, until=quiet.start(talk.turn, talk.person, groups, until)))


def end(talk: Talk) -> None:
    """`可以说话了`."""
    groups = _groups(talk, quiet_ones=True)
    if not talk.addressed and not quiet.is_quiet(talk.turn, groups):
        raise Silence
    quiet.end(talk.turn, talk.person, groups)
    _answer(talk, say("quiet.ended", title=groups.title))


def _answer(talk: Talk, text: str) -> None:
    """Privately or not at all: a line in the group would come when the quiet is over."""
    talk.turn.say(Outgoing(talk.private, text))


def _groups(talk: Talk, *, quiet_ones: bool = False) -> Groups:
    """The group it was said in, the building named, else all groups of the building; of several buildings one is
    asked for."""
    if not talk.addressed and not may(talk.person, Action.QUIET):
        raise Silence  # said among neighbours, to each other
    if "building" in talk.args or "whole" in talk.args:
        building = figure(talk.args.get("building", ""))
        return quiet.of_building(talk.turn, talk.person, building, whole="whole" in talk.args)
    if talk.chat and talk.chat.body_id is None:
        return quiet.here(talk.turn, talk.person, talk.chat)
    found = quiet.choices(talk.turn, talk.person, talk.chat)
    if quiet_ones:
        found = [each for each in found if quiet.is_quiet(talk.turn, each)] or found[:1]
    if len(found) == 1:
        return found[0]
    if len(found) > _MOST:
        raise Refusal("quiet.which_building")
    labels = [(number, each.title) for number, each in enumerate(found, start=1)]
    return found[talk.choose("which", say("quiet.which_group"), labels) - 1]


def _moment(talk: Talk, said: str) -> datetime:
    local, rules = talk.turn.local, talk.turn.rules
    if not said:
        return _morning(local, rules)
    until = read_until(said, local, rules)
    if until is None:
        if not talk.addressed and not may(talk.person, Action.QUIET):
            raise Silence
        raise Refusal("quiet.which_until")
    return until


def read_until(said: str, local: datetime, rules: Rules) -> datetime | None:
    """到下午5点, 2小时: the moment meant; None where the words are none."""
    found = pattern("quiet.until").match(said)
    return _until(found, local, rules) if found else None


def _until(found: re.Match[str], local: datetime, rules: Rules) -> datetime | None:
    """The moment meant; without an hour, the morning of that day."""
    if lasts := _lasts(found):
        return local + lasts
    if found["days"]:
        return _morning(local, rules, days=_number(found["days"]))
    days, clock = _days(found, local), _clock(found, rules)
    if days is None and clock is None and not found["morning"]:
        return None
    if clock is None:
        return _morning(local, rules, days=1 if days is None else days)
    if found["evening"] and clock.hour % 12 < _DAWN:  # 到今晚12点, 到晚上1点: that night, after midnight
        return _at(local, clock.replace(hour=clock.hour % 12), days=1 + (days or 0))
    until = _at(local, clock, days=days or 0)
    if days is None and until <= local:  # 到7点, said in the evening; 到5点, said at ten
        later = until + timedelta(hours=12)
        today = 1 <= clock.hour <= _DUSK and later > local and not found["morning"]
        until = later if today else until + timedelta(days=1)
    if days == 0 and until <= local and clock.hour < 12 and not found["morning"]:  # 到今天8点, said at ten
        until += timedelta(hours=12)
    return until


def _lasts(found: re.Match[str]) -> timedelta | None:
    if found["while"]:
        return _WHILE
    if found["minutes"]:
        return timedelta(minutes=_number(found["minutes"]))
    if found["half_hour"] or found["hours"]:
        return timedelta(hours=0.5 if found["half_hour"] else _number(found["hours"]))
    return None


def _days(found: re.Match[str], local: datetime) -> int | None:
    for name, days in (("today", 0), ("tomorrow", 1), ("after", 2)):
        if found[name]:
            return days
    if found["weekday"]:
        return _days_until(local, int(figure(found["weekday"]) or 7) - 1, next_week=bool(found["next"]))
    return None


def _clock(found: re.Match[str], rules: Rules) -> time | None:
    """The hour of the day; None: the morning."""
    late = bool(found["evening"] or found["afternoon"])
    if not found["clock"]:
        if found["noon"]:
            return time.fromisoformat(rules.report_noon)
        return time.fromisoformat(rules.report_evening) if late else None
    hour = _number(found["clock"])
    hour += 12 if (late and hour < 12) or (found["noon"] and hour < 3) else 0
    if hour > 23:
        raise Refusal("quiet.which_until")
    return time(hour, 30 if found["half"] else 0)


def _morning(local: datetime, rules: Rules, *, days: int = 1) -> datetime:
    """The end of the night, so many days on."""
    return _at(local, time.fromisoformat(rules.quiet_to), days=0 if days == 1 and local.hour < _DAWN else days)


def _at(local: datetime, clock: time, *, days: int) -> datetime:
    return datetime.combine(local.date() + timedelta(days=days), clock, tzinfo=local.tzinfo)


def _days_until(local: datetime, weekday: int, *, next_week: bool) -> int:
    """Monday is 0. Today's own weekday is that of next week: for today there is 今天."""
    if next_week:
        return 7 - local.weekday() + weekday
    return (weekday - local.weekday() - 1) % 7 + 1


def _number(written: str) -> int:
    return int(figure(written) or 2)


FLOWS = {"quiet.start": start, "quiet.end": end}
