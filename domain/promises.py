"""When the bot is quiet and when it reports back. It promises only what it controls: to speak at that hour."""

from datetime import datetime, time, timedelta

from domain.rules import Rules


def _at(local: datetime, clock: str, *, days: int = 0) -> datetime:
    day = local.date() + timedelta(days=days)
    return datetime.combine(day, time.fromisoformat(clock), tzinfo=local.tzinfo)


def is_quiet(now: datetime, rules: Rules) -> bool:
    clock = now.astimezone(rules.zone).time()
    start, end = time.fromisoformat(rules.quiet_from), time.fromisoformat(rules.quiet_to)
    return clock >= start or clock < end if start > end else start <= clock < end


def quiet_end(now: datetime, rules: Rules) -> datetime:
    """`now` by day; in quiet hours the moment they end."""
    if not is_quiet(now, rules):
        return now
    local = now.astimezone(rules.zone)
    today = _at(local, rules.quiet_to)
    return today if local < today else _at(local, rules.quiet_to, days=1)


def first_report(now: datetime, rules: Rules) -> datetime:
    """When a matter reported now is answered for: this evening, or noon of the next day for what comes late."""
    local = now.astimezone(rules.zone)
    if local < _at(local, rules.quiet_to):
        return _at(local, rules.report_noon)
    if local < _at(local, rules.report_cutoff):
        return _at(local, rules.report_evening)
    return _at(local, rules.report_noon, days=1)


_DAYS = (1, 2, 2)  # until the second, third, fourth word that it is not done; then one a week


def next_report(now: datetime, rules: Rules, *, told: int = 0) -> datetime:
    """After a report without a result. told: how many there were before it; each waits longer, so that one matter does
    not ring twice a day for weeks."""
    days = _DAYS[told] if told < len(_DAYS) else 7
    return _at(now.astimezone(rules.zone), rules.report_evening, days=days)
