"""APScheduler as the clock. Its memory store only: what must survive a restart is a timer row."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from scheduler.timetable import TIMETABLE


class Scheduler:
    """Runs the timetable on the running event loop. `jobs`: the function of each job by its name."""

    def __init__(self, **jobs: Callable[[], Awaitable[Any]]) -> None:
        self._scheduler = AsyncIOScheduler(timezone="Asia/Shanghai")
        for job in TIMETABLE:
            self._scheduler.add_job(
                partial(_until_stopped, jobs[job.name]),
                job.trigger,
                id=job.name,
                max_instances=1,
                coalesce=True,
                misfire_grace_time=None,
            )

    def start(self) -> None:
        self._scheduler.start()

    def stop(self) -> None:
        self._scheduler.shutdown(wait=False)


async def _until_stopped(job: Callable[[], Awaitable[Any]]) -> None:
    """A job that runs when the clock stops is cancelled, which is no error."""
    with suppress(asyncio.CancelledError):
        await job()
