"""Timers: when the work in the background begins, as plain data.

As with routes, nothing else is imported to index the functions. What runs stands in `endpoints`,
under the name of its timer.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import azure.functions as func

from shared.web import host_log, loading


@dataclass(frozen=True, slots=True)
class Timer:
    """When a job runs.

    Attributes:
        name: of the job, and of the function.
        schedule: NCRONTAB, in UTC.
    """

    name: str
    schedule: str


# Every 15 minutes, but not at the quarters of the hour, when everybody else's timers fire too.
SWEEPER = Timer("sweeper", "0 7,22,37,52 * * * *")

# Every 5 minutes, past the full ones.
WEBHOOKS = Timer("webhooks", "20 3,8,13,18,23,28,33,38,43,48,53,58 * * * *")

TIMERS = (SWEEPER,)
WEBHOOK_TIMERS = (WEBHOOKS,)
"""Registered where webhooks are on."""


def register_timers(app: func.FunctionApp, timers: Iterable[Timer]) -> None:
    """Register the functions of the timers; none runs because an instance starts."""
    for timer in timers:
        _register(app, timer)


def _register(app: func.FunctionApp, named: Timer) -> None:
    """Register one function. What it raises is not caught: the host logs that the run failed."""

    async def main(timer: func.TimerRequest, context: func.Context) -> None:
        del timer  # whether it is late makes no difference to any job
        with host_log.invocation():
            loaded = await loading.load_endpoints()
            await loaded.JOBS[named.name](str(context.invocation_id))

    timed = app.timer_trigger(arg_name="timer", schedule=named.schedule, run_on_startup=False)(main)
    app.function_name(named.name)(timed)
