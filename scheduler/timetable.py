"""Every job of the service on one screen: name, when, what. All that is due at a moment of its own is a timer row."""

from dataclasses import dataclass

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger


@dataclass(frozen=True, slots=True)
class Job:
    """name: also the name of the function that the composition root hands to the runner."""

    name: str
    trigger: BaseTrigger
    what: str


TIMETABLE = (
    Job("tick", IntervalTrigger(seconds=1), "fires the timers that are due: reports back, alarms, closing questions"),
    Job("seal", IntervalTrigger(minutes=5), "seals the audit log's new rows into the chain of their compound"),
    Job("wind", CronTrigger(hour=4, minute=5, timezone="Asia/Shanghai"), "sets weekly and monthly timers that lack"),
    Job("forget_old", CronTrigger(hour=4, minute=10, timezone="Asia/Shanghai"), "removes rows nobody needs any more"),
)
