"""Timer functions run when the host would run them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import azure.functions as func
import pytest

from local import timers
from local.errors import LocalError
from local.functions import TimerFunction, index

if TYPE_CHECKING:
    from pathlib import Path

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
        ("0 0 0 * Janu Wednes", "2027-01-06T00:00:00"),
        ("0 0 0 * * 5-1", "2026-11-24T00:00:00"),
        ("0 50-40/5 * * * *", "2026-11-23T10:40:00"),
        ("*/90 * * * * *", "2026-11-23T10:18:00"),
        ("0 5/20 * * * *", "2026-11-23T10:25:00"),
        ("0 0 0 29 2 *", "2028-02-29T00:00:00"),
        ("00:05:00", "2026-11-23T10:22:30"),
        ("1.00:00:00", "2026-11-24T10:17:30"),
    ],
)
def test_a_schedule_is_due_at_its_next_time(app: func.FunctionApp, schedule: str, due: str) -> None:
    resolved = timers.resolve(timer(app, schedule), {})
    assert resolved.next_time(MONDAY) == datetime.fromisoformat(due + "+00:00")


@pytest.mark.parametrize(
    "schedule",
    [
        *("", "* * *", "0 0 ? * * *", "61 * * * * *", "@daily", "0 0 0 * * * *"),
        *("0 0 0 * * 7", "0 0 0 L * *", "0 0 0 * * 5#2", "0\t0\t0\t*\t*\t*", "0 0 0 * * FRX"),
        *("0 0 0 5-40 * *", "0 */x * * * *", "00:00:00", "25:00:00"),
    ],
)
def test_what_is_no_schedule_is_refused(app: func.FunctionApp, schedule: str) -> None:
    with pytest.raises(LocalError, match=r'sweep: its schedule ".*" is no NCRONTAB expression'):
        timers.resolve(timer(app, schedule), {})


def test_a_schedule_may_stand_in_a_setting(app: func.FunctionApp) -> None:
    held = timer(app, "%SWEEP%")
    resolved = timers.resolve(held, {"SWEEP": "0 0 * * * *"})
    assert resolved == timers.resolve(timer(func.FunctionApp(), "0 0 * * * *"), {})
    part = timers.resolve(timer(func.FunctionApp(), "0 %MINUTE% * * * *"), {"MINUTE": "0"})
    assert part == resolved
    with pytest.raises(LocalError, match="the setting SWEEP"):
        timers.resolve(held, {})


@dataclass(slots=True)
class Passing:
    """Time that passes only while somebody sleeps or works, and less of it than was asked for."""

    time: datetime = MONDAY

    def now(self) -> datetime:
        return self.time

    def pass_(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)

    async def sleep(self, seconds: float) -> None:
        self.pass_(seconds - 0.001 if seconds else 0)
        await asyncio.sleep(0)


@dataclass(slots=True)
class Work:
    """What a timer calls: it takes so many seconds each time, and at last it does not end.

    Attributes:
        fired: seconds after the beginning, and whether the timer was past due.
    """

    clock: Passing
    seconds: list[float]
    failure: Exception | None = None
    fired: list[tuple[int, bool]] = field(default_factory=list)
    is_over: asyncio.Event = field(default_factory=asyncio.Event)

    async def invoke(self, _: TimerFunction, request: func.TimerRequest) -> None:
        since = round((self.clock.time - MONDAY).total_seconds())
        self.fired.append((since, request.past_due))
        if not self.seconds:
            self.is_over.set()
            await asyncio.Event().wait()
        self.clock.pass_(self.seconds.pop(0))
        if self.failure is not None:
            raise self.failure


async def fired(
    held: TimerFunction, work: Work, memory: timers.Memory | None = None
) -> list[tuple[int, bool]]:
    """Run a timer until its work does not end."""
    clock = timers.Clock(work.clock.now, work.clock.sleep)
    running = asyncio.create_task(
        timers.run(held, timers.resolve(held, {}), work.invoke, memory=memory, clock=clock)
    )
    async with asyncio.timeout(10):
        await work.is_over.wait()
    running.cancel()
    return work.fired


async def test_a_timer_runs_once_at_each_time(app: func.FunctionApp) -> None:
    work = Work(Passing(), [1, 1, 1])
    assert await fired(timer(app, "0 * * * * *"), work) == [
        (30, False),
        (90, False),
        (150, False),
        (210, False),
    ]


async def test_a_timer_may_run_on_startup_too(app: func.FunctionApp) -> None:
    held = timer(app, "0 * * * * *", run_on_startup=True)
    assert await fired(held, Work(Passing(), [1, 1])) == [(0, False), (30, False), (90, False)]


async def test_a_failure_is_logged_and_not_repeated(
    app: func.FunctionApp, caplog: pytest.LogCaptureFixture
) -> None:
    work = Work(Passing(), [1, 1], failure=ValueError("once more"))
    assert [since for since, _ in await fired(timer(app, "0 * * * * *"), work)] == [30, 90, 150]
    assert caplog.messages.count("sweep failed") == 2


async def test_what_falls_due_while_a_timer_runs_is_one_run_right_after_the_end(
    app: func.FunctionApp,
) -> None:
    work = Work(Passing(), [150, 1])
    assert await fired(timer(app, "0 * * * * *"), work) == [
        (30, False),
        (30 + 150, False),
        (210, False),
    ]


async def test_what_fell_due_while_the_host_was_down_is_one_run_at_the_start_and_past_due(
    app: func.FunctionApp, tmp_path: Path
) -> None:
    held, memory = timer(app, "0 * * * * *"), timers.Memory(tmp_path / "timers")
    assert await fired(held, Work(Passing(), [1]), memory) == [(30, False), (90, False)]
    later = Passing(MONDAY + timedelta(seconds=1_000))
    assert await fired(held, Work(later, [1]), memory) == [(1_000, True), (1_050, False)]


async def test_a_run_that_was_killed_is_repeated_as_past_due(
    app: func.FunctionApp, tmp_path: Path
) -> None:
    held, memory = timer(app, "0 0 * * * *"), timers.Memory(tmp_path)
    first = await fired(held, Work(Passing(), []), memory)
    later = Passing(MONDAY + timedelta(seconds=first[0][0] + 20))
    assert await fired(held, Work(later, []), memory) == [(first[0][0] + 20, True)]


async def test_a_host_that_comes_back_in_time_has_missed_nothing(
    app: func.FunctionApp, tmp_path: Path
) -> None:
    held, memory = timer(app, "0 0 * * * *"), timers.Memory(tmp_path)
    memory.keep(held, MONDAY + timedelta(hours=1))
    (run,) = await fired(held, Work(Passing(), []), memory)
    assert run == (42 * 60 + 30, False)


@pytest.mark.parametrize("text", ["", "soon"])
async def test_a_time_that_cannot_be_read_is_none(
    app: func.FunctionApp, tmp_path: Path, text: str
) -> None:
    (tmp_path / "sweep").write_text(text)
    work = Work(Passing(), [])
    assert await fired(timer(app, "0 * * * * *"), work, timers.Memory(tmp_path)) == [(30, False)]


@pytest.mark.parametrize("setting", ["AzureWebJobs.sweep.Disabled", "AzureWebJobs_sweep_Disabled"])
async def test_a_function_can_be_switched_off(
    app: func.FunctionApp, serving: Serving, setting: str
) -> None:
    held = timer(app, "no schedule at all", run_on_startup=True)
    assert not timers.is_disabled(held, {setting: "false"})
    async with serving(environ={setting: "True"}):
        pass  # its schedule is not looked at


async def test_a_wrong_schedule_disables_its_function_alone(
    app: func.FunctionApp, serving: Serving, caplog: pytest.LogCaptureFixture
) -> None:
    timer(app, "%MISSING%")

    @app.route(route="served")
    async def served(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse()

    async with serving() as wire:
        assert await wire.status("/served") == 200
    assert "sweep: the setting MISSING" in caplog.text


async def test_times_within_a_minute_are_not_kept(app: func.FunctionApp, tmp_path: Path) -> None:
    held = timer(app, "*/20 * * * * *")
    memory = timers.Memory(tmp_path)
    await fired(held, Work(Passing(), []), memory)
    assert memory.recall(held) is None


async def test_the_host_runs_timers_beside_requests(
    app: func.FunctionApp, serving: Serving
) -> None:
    fired = asyncio.Event()

    @app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *", run_on_startup=True)
    async def start(timer: func.TimerRequest, context: func.Context) -> None:
        assert not timer.past_due
        assert timer.schedule == {"AdjustForDST": True}  # type: ignore[attr-defined]  # of the library, not of its interface
        assert context.function_name == "start"
        fired.set()

    async with serving() as wire:
        async with asyncio.timeout(10):
            await fired.wait()
        assert await wire.status("/start") == 404
