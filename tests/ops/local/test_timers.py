"""Timer functions run when the host would run them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import azure.functions as func
import pytest

from local import timers
from local.errors import LocalError
from local.functions import TimerFunction, index

if TYPE_CHECKING:
    from tests.ops.local.conftest import Serving

MONDAY = datetime(2026, 11, 23, 10, 17, 30, tzinfo=UTC)


def timer(app: func.FunctionApp, schedule: str, *, run_on_startup: bool = False) -> TimerFunction:
    @app.function_name("sweep")
    @app.timer_trigger(arg_name="timer", schedule=schedule, run_on_startup=run_on_startup)
    async def sweep(timer: func.TimerRequest) -> None: ...

    return index(app, "").timers[0]


@pytest.mark.parametrize(
    ("schedule", "due"),
    [
        ("*/20 * * * * *", "2026-11-23T10:17:40"),
        ("0 */5 * * * *", "2026-11-23T10:20:00"),
        ("*/5 * * * *", "2026-11-23T10:20:00"),
        ("0 30 3 * * *", "2026-11-24T03:30:00"),
        ("0 0 0 * * 6,0", "2026-11-28T00:00:00"),
        ("0 0 12 1 1 *", "2027-01-01T12:00:00"),
        ("0 0 0 13 * Fri", "2027-08-13T00:00:00"),
    ],
)
def test_a_schedule_is_due_at_its_next_time(app: func.FunctionApp, schedule: str, due: str) -> None:
    resolved = timers.resolve(timer(app, schedule), {})
    assert timers.next_time(resolved, MONDAY) == datetime.fromisoformat(due + "+00:00")


@pytest.mark.parametrize(
    "schedule", ["", "00:05:00", "* * *", "0 0 ? * * *", "61 * * * * *", "@daily"]
)
def test_what_is_no_schedule_is_refused(app: func.FunctionApp, schedule: str) -> None:
    with pytest.raises(LocalError, match=r'sweep: its schedule ".*" is no NCRONTAB expression'):
        timers.resolve(timer(app, schedule), {})


def test_a_schedule_may_stand_in_a_setting(app: func.FunctionApp) -> None:
    held = timer(app, "%SWEEP%")
    assert timers.resolve(held, {"SWEEP": "0 0 * * * *"}) == "0 0 * * * *"
    with pytest.raises(LocalError, match="the setting SWEEP"):
        timers.resolve(held, {})


class Clock:
    """Time that passes only while somebody sleeps, and a little less of it than was asked for."""

    def __init__(self) -> None:
        self.time = MONDAY

    def now(self) -> datetime:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds - 0.001)
        await asyncio.sleep(0)


@pytest.mark.parametrize("run_on_startup", [False, True])
async def test_a_timer_runs_once_at_each_time_and_survives_its_failures(
    app: func.FunctionApp, run_on_startup: bool
) -> None:
    clock, fired, enough = Clock(), list[datetime](), asyncio.Event()

    async def invoke(timer: TimerFunction, request: func.TimerRequest) -> None:
        fired.append(clock.time)
        if len(fired) == 4:
            enough.set()
        raise ValueError("once more")

    held = timer(app, "0 * * * * *", run_on_startup=run_on_startup)
    running = asyncio.create_task(
        timers.run(held, held.schedule, invoke, now=clock.now, sleep=clock.sleep)
    )
    async with asyncio.timeout(10):
        await enough.wait()
    running.cancel()
    minutes = [round((time - MONDAY).total_seconds()) for time in fired]
    assert minutes == ([0, 30, 90, 150] if run_on_startup else [30, 90, 150, 210])


async def test_the_host_runs_timers_beside_requests(
    app: func.FunctionApp, serving: Serving
) -> None:
    fired = asyncio.Event()

    @app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *", run_on_startup=True)
    async def start(timer: func.TimerRequest, context: func.Context) -> None:
        assert not timer.past_due
        assert context.function_name == "start"
        fired.set()

    async with serving() as wire:
        async with asyncio.timeout(10):
            await fired.wait()
        assert await wire.status("/start") == 404
