"""Timer functions, run on their schedules as the host runs them.

A schedule is an NCRONTAB expression of six fields (seconds first) or five, in UTC, or `%NAME%`
for the setting that holds one. Other than in cron, a day must satisfy both the field of the day
of the month and that of the day of the week. What came due while the host was down is not made up
for: the host keeps that in its storage account, and this one keeps nothing.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Never

from azure.functions.timer import TimerRequest
from croniter import croniter  # type: ignore[import-untyped]  # its annotations are not published

from local.errors import LocalError
from local.functions import TimerFunction

Invoke = Callable[[TimerFunction, TimerRequest], Awaitable[object]]

_logger = logging.getLogger(__name__)
# croniter also knows "?", "L", "#" and more; the host does not.
_TERM = r"(?:\*|\w{1,3})(?:-\w{1,3})?(?:/\d+)?"
_EXPRESSION = re.compile(rf"(?:{_TERM}(?:,{_TERM})*(?:\s+|$)){{5,6}}")


def resolve(timer: TimerFunction, environ: Mapping[str, str]) -> str:
    """The NCRONTAB expression of a timer.

    Raises:
        LocalError: The setting it names is missing, or the expression is none that the host takes.
    """
    name, schedule = timer.function.name, timer.schedule.strip()
    if schedule.startswith("%") and schedule.endswith("%"):
        setting = schedule.strip("%")
        if setting not in environ:
            raise LocalError(f"{name}: the setting {setting} that holds its schedule is missing")
        schedule = environ[setting].strip()
    if not _EXPRESSION.fullmatch(schedule) or not croniter.is_valid(
        schedule, second_at_beginning=True
    ):
        raise LocalError(f'{name}: its schedule "{schedule}" is no NCRONTAB expression')
    return schedule


def next_time(schedule: str, after: datetime) -> datetime:
    """The first time after `after` at which a schedule is due."""
    times = croniter(schedule, after, day_or=False, second_at_beginning=True)
    due: datetime = times.get_next(datetime)
    return due


def _now() -> datetime:
    return datetime.now(UTC)


async def run(
    timer: TimerFunction,
    schedule: str,
    invoke: Invoke,
    *,
    now: Callable[[], datetime] = _now,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Never:
    """Runs one timer until it is cancelled; it never overlaps itself and survives failures."""
    if timer.run_on_startup:
        await _fire(timer, invoke)
    due = now()
    while True:
        # From the later of both: a sleep may end a little before the time it was asked for.
        due = next_time(schedule, max(due, now()))
        await sleep((due - now()).total_seconds())
        await _fire(timer, invoke)


async def _fire(timer: TimerFunction, invoke: Invoke) -> None:
    try:
        await invoke(timer, TimerRequest())
    except Exception:
        _logger.exception("%s failed", timer.function.name)
