"""Days as people say them: 今天, 周日, 下周三, 3天, 12月2日."""

from datetime import date, timedelta

from texts import pattern
from texts.wording import figure


def read_day(said: str, today: date) -> date | None:
    """The day meant; None where the words are no day."""
    found = pattern("offices.day").match(said)
    if found is None:
        return None
    near = [days for days, name in enumerate(("today", "tomorrow", "after")) if found[name]]
    if near:
        return today + timedelta(days=near[0])
    if found["days"]:
        return today + timedelta(days=int(figure(found["days"]) or 2))
    if found["weekday"]:
        weekday = int(figure(found["weekday"]) or 7) - 1
        if found["next"]:
            return today + timedelta(days=7 - today.weekday() + weekday)
        return today + timedelta(days=(weekday - today.weekday()) % 7)
    return _date(int(figure(found["month"]) or 0), int(figure(found["date"]) or 0), today)


def _date(month: int, day: int, today: date) -> date | None:
    for year in (today.year, today.year + 1):
        try:
            found = date(year, month, day)
        except ValueError:
            continue
        if found >= today:
            return found
    return None
