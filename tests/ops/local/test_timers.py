"""Timer functions run when the host would run them."""

from __future__ import annotations

import asyncio
import json
import secrets
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import azure.functions as func
import pytest
from azure.storage.blob.aio import BlobLeaseClient

from local import app_settings, host_storage, timers
from local.clock import Clock
from local.errors import LocalError
from local.functions import TimerFunction, index

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from azure.storage.blob.aio import BlobClient, ContainerClient

    from local.azurite import Azurite
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
    with pytest.raises(LocalError, match=r'its schedule ".*" is no NCRONTAB expression'):
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
        told: the status that each run was told.
    """

    clock: Passing
    seconds: list[float]
    failure: Exception | None = None
    fired: list[tuple[int, bool]] = field(default_factory=list)
    told: list[dict[str, str]] = field(default_factory=list)
    is_over: asyncio.Event = field(default_factory=asyncio.Event)

    async def invoke(self, _: TimerFunction, request: func.TimerRequest) -> None:
        since = round((self.clock.time - MONDAY).total_seconds())
        self.fired.append((since, request.past_due))
        self.told.append(request.schedule_status)  # type: ignore[attr-defined]  # of the library, not of its interface
        if not self.seconds:
            self.is_over.set()
            await asyncio.Event().wait()
        self.clock.pass_(self.seconds.pop(0))
        if self.failure is not None:
            raise self.failure


@dataclass(frozen=True, slots=True)
class App:
    """An app on a storage of its own; each run of its timer is a host of it."""

    container: ContainerClient
    host_id: str

    def runner(self, held: TimerFunction, work: Work) -> timers.TimerRunner:
        schedule = timers.resolve(held, {})
        made = timers.runner(held, schedule, work.invoke, self.container, self.host_id)
        return replace(made, clock=Clock(work.clock.now, work.clock.sleep))

    async def fired(self, held: TimerFunction, work: Work) -> list[tuple[int, bool]]:
        """Run a timer by one host until its work does not end."""
        async with self.running(self.runner(held, work)):
            await work.is_over.wait()
        return work.fired

    @asynccontextmanager
    async def running(self, runner: timers.TimerRunner) -> AsyncIterator[None]:
        """Run a host until the block ends, in order."""
        task = asyncio.create_task(runner.run())
        try:
            async with asyncio.timeout(10):
                yield
        finally:
            task.cancel()
            await asyncio.wait({task})

    def status(self, held: TimerFunction) -> BlobClient:
        name = f"timers/{self.host_id}/Host.Functions.{held.function.name}/status"
        return self.container.get_blob_client(name)

    def lock(self, held: TimerFunction) -> BlobClient:
        name = f"locks/{self.host_id}/Host.Functions.{held.function.name}.Listener"
        return self.container.get_blob_client(name)


@pytest.fixture
async def hosts(storage: Azurite) -> AsyncIterator[App]:
    environ = {"AzureWebJobsStorage": storage.connection_string}
    async with host_storage.host_container(environ) as container:
        yield App(container, secrets.token_hex(8))


async def test_a_timer_runs_once_at_each_time(app: func.FunctionApp, hosts: App) -> None:
    work = Work(Passing(), [1, 1, 1])
    assert await hosts.fired(timer(app, "0 * * * * *"), work) == [
        (30, False),
        (90, False),
        (150, False),
        (210, False),
    ]


async def test_a_timer_may_run_on_startup_too(app: func.FunctionApp, hosts: App) -> None:
    held = timer(app, "0 * * * * *", run_on_startup=True)
    fired = await hosts.fired(held, Work(Passing(), [1, 1]))
    assert fired == [(0, False), (30, False), (90, False)]


async def test_a_failure_is_logged_and_not_repeated(
    app: func.FunctionApp, hosts: App, caplog: pytest.LogCaptureFixture
) -> None:
    work = Work(Passing(), [1, 1], failure=ValueError("once more"))
    fired = await hosts.fired(timer(app, "0 * * * * *"), work)
    assert [since for since, _ in fired] == [30, 90, 150]
    assert caplog.messages.count("sweep failed") == 2


async def test_what_falls_due_while_a_timer_runs_is_one_run_right_after_the_end(
    app: func.FunctionApp, hosts: App
) -> None:
    work = Work(Passing(), [150, 1])
    assert await hosts.fired(timer(app, "0 * * * * *"), work) == [
        (30, False),
        (30 + 150, False),
        (210, False),
    ]


async def test_what_fell_due_while_no_host_ran_is_one_run_at_the_start_and_past_due(
    app: func.FunctionApp, hosts: App
) -> None:
    held = timer(app, "0 * * * * *")
    assert await hosts.fired(held, Work(Passing(), [1])) == [(30, False), (90, False)]
    later = Passing(MONDAY + timedelta(seconds=1_000))
    assert await hosts.fired(held, Work(later, [1])) == [(1_000, True), (1_050, False)]


async def test_a_run_that_was_killed_is_repeated_as_past_due(
    app: func.FunctionApp, hosts: App
) -> None:
    held = timer(app, "0 0 * * * *")
    first = await hosts.fired(held, Work(Passing(), []))
    later = Passing(MONDAY + timedelta(seconds=first[0][0] + 20))
    assert await hosts.fired(held, Work(later, [])) == [(first[0][0] + 20, True)]


async def test_a_host_that_comes_back_in_time_has_missed_nothing(
    app: func.FunctionApp, hosts: App
) -> None:
    held = timer(app, "0 0 * * * *")
    await hosts.fired(held, Work(Passing(), [1]))
    later = Passing(MONDAY + timedelta(hours=1))
    (run,) = await hosts.fired(held, Work(later, []))
    assert run == (3_600 + 42 * 60 + 30, False)


async def test_another_schedule_makes_nothing_past_due(app: func.FunctionApp, hosts: App) -> None:
    await hosts.fired(timer(app, "0 * * * * *"), Work(Passing(), [1]))
    hourly = timer(func.FunctionApp(), "0 0 * * * *")
    later = Passing(MONDAY + timedelta(minutes=30))
    assert await hosts.fired(hourly, Work(later, [])) == [(42 * 60 + 30, False)]


async def test_a_timer_is_told_when_it_ran_last_as_the_storage_keeps_it(
    app: func.FunctionApp, hosts: App
) -> None:
    held, work = timer(app, "0 * * * * *"), Work(Passing(), [1, 1])
    await hosts.fired(held, work)
    first, second, third = work.told
    assert first == {}, "the host says null"
    assert (second["Last"], second["Next"]) == (
        "2026-11-23T10:18:00+00:00",
        "2026-11-23T10:19:00+00:00",
    )
    assert third == json.loads(await (await hosts.status(held).download_blob()).readall())


@pytest.mark.parametrize("text", ["", "soon", '{"Last": 1}'])
async def test_a_status_that_cannot_be_read_is_none(
    app: func.FunctionApp, hosts: App, text: str
) -> None:
    held = timer(app, "0 * * * * *")
    await hosts.fired(held, Work(Passing(), []))
    await hosts.status(held).upload_blob(text, overwrite=True)
    later = Passing(MONDAY + timedelta(seconds=1_000))
    assert await hosts.fired(held, Work(later, [])) == [(1_050, False)]


async def test_times_within_a_minute_are_not_kept(app: func.FunctionApp, hosts: App) -> None:
    held = timer(app, "*/20 * * * * *")
    await hosts.fired(held, Work(Passing(), []))
    assert not await hosts.status(held).exists()


@dataclass(slots=True)
class Looking:
    """The time of a lease: each wait is put into `waits`, and lasts until the test ends it."""

    waits: asyncio.Queue[float] = field(default_factory=asyncio.Queue)
    ends: asyncio.Event = field(default_factory=asyncio.Event)

    async def sleep(self, seconds: float) -> None:
        self.waits.put_nowait(seconds)
        await self.ends.wait()
        self.ends.clear()

    def of(self, runner: timers.TimerRunner) -> timers.TimerRunner:
        return replace(runner, lease=replace(runner.lease, clock=Clock(sleep=self.sleep)))


async def test_of_two_hosts_one_runs_a_timer_and_the_other_takes_over(
    app: func.FunctionApp, hosts: App
) -> None:
    held = timer(app, "0 * * * * *")
    one, other, looks = Work(Passing(), []), Work(Passing(), []), Looking()
    second = looks.of(hosts.runner(held, other))
    async with AsyncExitStack() as stack:
        async with hosts.running(hosts.runner(held, one)):
            await one.is_over.wait()
            await stack.enter_async_context(hosts.running(second))
            assert await looks.waits.get() == 60, "seconds until it looks again"
            assert other.fired == []
        looks.ends.set()
        await other.is_over.wait()


async def test_a_host_whose_lease_was_taken_begins_no_other_run(
    app: func.FunctionApp, hosts: App, caplog: pytest.LogCaptureFixture
) -> None:
    held, work, looks = timer(app, "0 * * * * *"), Work(Passing(), []), Looking()
    async with hosts.running(looks.of(hosts.runner(held, work))):
        await work.is_over.wait()
        assert await looks.waits.get() == 30, "seconds until the lease is renewed"
        await BlobLeaseClient(hosts.lock(held)).break_lease(0)
        await hosts.lock(held).acquire_lease(60)
        looks.ends.set()
        assert await looks.waits.get() == 60
    assert caplog.messages[-1] == "sweep: another host has taken its lease"
    assert len(work.fired) == 1


@pytest.mark.parametrize("setting", ["AzureWebJobs.sweep.Disabled", "AzureWebJobs_sweep_Disabled"])
async def test_a_function_can_be_switched_off(
    app: func.FunctionApp, serving: Serving, setting: str
) -> None:
    timer(app, "no schedule at all", run_on_startup=True)
    assert not app_settings.is_disabled("sweep", {setting: "false"})
    async with serving(environ={setting: "True"}):
        pass  # its schedule is not looked at


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        ("%MISSING%", "sweep: the setting MISSING"),
        ("@hourly", "sweep: its schedule"),
        ("0 * * * * *", "sweep: the connection AzureWebJobsStorage is missing"),
    ],
)
async def test_what_keeps_a_timer_from_running_disables_it_alone(
    app: func.FunctionApp,
    serving: Serving,
    caplog: pytest.LogCaptureFixture,
    schedule: str,
    said: str,
) -> None:
    timer(app, schedule)

    @app.route(route="served")
    async def served(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse()

    async with serving() as wire:
        assert await wire.status("/served") == 200
    assert said in caplog.text


async def test_the_host_runs_timers_beside_requests(
    app: func.FunctionApp, serving: Serving, storage: Azurite
) -> None:
    fired = asyncio.Event()

    @app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *", run_on_startup=True)
    async def start(timer: func.TimerRequest, context: func.Context) -> None:
        assert not timer.past_due
        assert timer.schedule == {"AdjustForDST": True}  # type: ignore[attr-defined]  # of the library, not of its interface
        assert context.function_name == "start"
        fired.set()

    environ = {
        "AzureWebJobsStorage": storage.connection_string,
        "AzureFunctionsWebHost__hostid": secrets.token_hex(8),
    }
    async with serving(environ=environ) as wire:
        async with asyncio.timeout(10):
            await fired.wait()
        assert await wire.status("/start") == 404
