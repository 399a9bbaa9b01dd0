"""Timer functions, run on their schedules as the host runs them.

A timer never overlaps itself. What falls due while it runs is made up for by one run, right after
the end; what fell due while the host was down, by one run at the start, which is past due. For that
the host keeps the next time of each timer that is due once a minute or less often, in its storage
account; this one keeps a file. A timer that fails is not run again before its next time.

Other than in the host, no lease keeps two of them apart, and a timer is not told when it ran last.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Never

from azure.functions.timer import TimerRequest

from local import ncrontab
from local.errors import LocalError
from local.functions import TimerFunction

if TYPE_CHECKING:
    from pathlib import Path

    from local.ncrontab import Distance, Schedule

Invoke = Callable[[TimerFunction, TimerRequest], Awaitable[object]]

_logger = logging.getLogger(__name__)
_SETTING = re.compile(r"%([^%]+)%")
# What the host says of a schedule; no schedule that is read here has another.
_OF_SCHEDULE = {"AdjustForDST": True}


def is_disabled(timer: TimerFunction, environ: Mapping[str, str]) -> bool:
    """Whether a setting switches the function off; no variable of a shell has a dot in its name."""
    name = timer.function.name
    settings = (f"AzureWebJobs.{name}.Disabled", f"AzureWebJobs_{name}_Disabled")
    return any(environ.get(setting, "").lower() in {"1", "true"} for setting in settings)


def resolve(timer: TimerFunction, environ: Mapping[str, str]) -> Schedule | Distance:
    """Read the schedule of a timer, in which `%NAME%` stands for a setting.

    Raises:
        LocalError: A setting that it names is missing, or the host does not take it.
    """
    name = timer.function.name
    for setting in _SETTING.findall(timer.schedule):
        if setting not in environ:
            raise LocalError(f"{name}: the setting {setting} that holds its schedule is missing")
    text = _SETTING.sub(lambda found: environ[found[1]], timer.schedule)
    try:
        return ncrontab.parse(text)
    except ValueError as error:
        problem = f'its schedule "{text}" is no NCRONTAB expression: {error}'
        raise LocalError(f"{name}: {problem}") from None


@dataclass(frozen=True, slots=True)
class Clock:
    """The time of day, and how to wait for another."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


@dataclass(frozen=True, slots=True)
class Memory:
    """When each timer is due next, in a file for each; without a folder nothing is kept."""

    folder: Path | None = None

    def recall(self, timer: TimerFunction) -> datetime | None:
        """Return the time that was kept, if there is one that can be read."""
        if self.folder is None:
            return None
        try:
            text = (self.folder / timer.function.name).read_text(encoding="utf-8")
            return datetime.fromisoformat(text)
        except (OSError, ValueError):
            return None

    def keep(self, timer: TimerFunction, due: datetime) -> None:
        """Keep a time in the place of the last one."""
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / timer.function.name).write_text(due.isoformat(), encoding="utf-8")


async def run(
    timer: TimerFunction,
    schedule: Schedule | Distance,
    invoke: Invoke,
    *,
    memory: Memory | None = None,
    clock: Clock | None = None,
) -> Never:
    """Run one timer until it is cancelled; it never overlaps itself and survives failures."""
    is_kept = timer.use_monitor and schedule.is_kept
    memory, clock = memory if memory and is_kept else Memory(), clock or Clock()
    kept, due = memory.recall(timer), clock.now()
    is_past_due = kept is not None and kept <= due
    if is_past_due or timer.run_on_startup:
        await _fire(timer, invoke, is_past_due=is_past_due)
    while True:
        due = schedule.next_time(due)
        memory.keep(timer, due)
        await clock.sleep(max(0.0, (due - clock.now()).total_seconds()))
        # From the later of both: a sleep may end a little before the time it was asked for, and
        # what fell due before this run began is made up for by it.
        due = max(due, clock.now())
        await _fire(timer, invoke)


async def _fire(timer: TimerFunction, invoke: Invoke, *, is_past_due: bool = False) -> None:
    name, began = timer.function.name, time.perf_counter()
    _logger.info("%s: its timer fires%s", name, ", past due" if is_past_due else "")
    try:
        await invoke(timer, TimerRequest(past_due=is_past_due, schedule=_OF_SCHEDULE))
    except Exception:
        _logger.exception("%s failed", name)
    else:
        _logger.info("%s succeeded in %d ms", name, (time.perf_counter() - began) * 1_000)
