"""Timer functions, run on their schedules as the host runs them.

A timer never overlaps itself. What falls due while it runs is made up for by one run, right after
the end; what fell due while no host ran, by one run at the start, which is past due. A timer that
fails is not run again before its next time.

Of the hosts on one storage, the one that holds the lease of a timer runs it; the others look every
minute whether it is free. For a timer that is due once a minute or less often, the storage keeps
when it ran last and is due next, and the timer is told. Both are blobs where the host has them.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Never, Self

from azure.core.exceptions import AzureError
from azure.functions import TimerRequest
from azure.functions.meta import Datum
from azure.functions.timer import TimerRequestConverter

from local import app_settings, ncrontab
from local.clock import Clock
from local.errors import LocalError
from local.leases import Lease

if TYPE_CHECKING:
    from azure.storage.blob.aio import ContainerClient

    from local.functions import TimerFunction
    from local.ncrontab import Distance, Schedule

Invoke = Callable[["TimerFunction", TimerRequest], Awaitable[object]]

_NEVER = datetime(1, 1, 1, tzinfo=UTC)

_logger = logging.getLogger(__name__)


def resolve(timer: TimerFunction, environ: Mapping[str, str]) -> Schedule | Distance:
    """Read the schedule of a timer, in which `%NAME%` stands for a setting.

    Raises:
        LocalError: A setting that it names is missing, or the host does not take it.
    """
    text = app_settings.resolve(timer.schedule, environ, "schedule")
    try:
        return ncrontab.parse(text)
    except ValueError as error:
        raise LocalError(f'its schedule "{text}" is no NCRONTAB expression: {error}') from None


@dataclass(frozen=True, slots=True)
class Status:
    """When a timer ran last and is due next.

    Attributes:
        last: When its last run was due; the year 1 before the first one.
        next: When it is due next.
        updated: When this was written.
    """

    last: datetime
    next: datetime
    updated: datetime

    @classmethod
    def read(cls, text: bytes | str) -> Self | None:
        """Read what was kept; None where it cannot be read."""
        try:
            held = json.loads(text)
            times = (datetime.fromisoformat(held[name]) for name in ("Last", "Next", "LastUpdated"))
            last, next_, updated = (each.replace(tzinfo=each.tzinfo or UTC) for each in times)
        except (ValueError, TypeError, KeyError):
            return None
        return cls(last, next_, updated)

    def written(self) -> dict[str, str]:
        """Return it as the host keeps it, and as it tells it."""
        return {
            "Last": self.last.isoformat(),
            "Next": self.next.isoformat(),
            "LastUpdated": self.updated.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class StatusBlob:
    """The status of a timer, in the storage of the host.

    Attributes:
        container: Of the host.
        name: Of the blob.
    """

    container: ContainerClient
    name: str

    async def read(self) -> Status | None:
        """Read the status, if there is one that can be read."""
        try:
            blob = await self.container.download_blob(self.name)
            return Status.read(await blob.readall())
        except AzureError:
            return None

    async def write(self, status: Status) -> None:
        """Keep a status in the place of the last one; a storage that is away keeps none."""
        with suppress(AzureError):
            text = json.dumps(status.written())
            await self.container.upload_blob(self.name, text, overwrite=True)


@dataclass(frozen=True, slots=True)
class TimerRunner:
    """Runs one timer.

    Attributes:
        timer: The function.
        schedule: When it is due.
        invoke: Calls the function.
        lease: Of the timer.
        status: Where its status is kept.
        clock: The time.
    """

    timer: TimerFunction
    schedule: Schedule | Distance
    invoke: Invoke
    lease: Lease
    status: StatusBlob
    clock: Clock = field(default_factory=Clock)

    async def run(self) -> Never:
        """Run the timer whenever it is due and this host has its lease, until cancelled."""
        while True:
            await self.lease.run_while_held(self._fire_when_due)
            _logger.error("%s: another host has taken its lease", self._name)

    async def _fire_when_due(self) -> Never:
        is_kept = self.timer.use_monitor and self.schedule.is_kept
        due = self.clock.now()
        status = await self.status.read() if is_kept else None
        next_ = await self._next_of(status, due) if is_kept else None
        is_past_due = next_ is not None and next_ < due
        if is_past_due or self.timer.run_on_startup:
            status = await self._fire(status, is_past_due=is_past_due, is_kept=is_kept, due=due)
        while True:
            due = self.schedule.next_time(due)
            await self.clock.sleep(max(0.0, (due - self.clock.now()).total_seconds()))
            # From the later of both: a sleep may end a little before the time it was asked for, and
            # what fell due before this run began is made up for by it.
            due = max(due, self.clock.now())
            status = await self._fire(status, is_past_due=False, is_kept=is_kept, due=due)

    async def _next_of(self, status: Status | None, now: datetime) -> datetime:
        """Return when the timer was due next by its status, which a first start begins.

        A schedule that is another one since makes nothing past due.
        """
        if status is not None:
            since = status.updated if status.last == _NEVER else status.last
            if status.next == self.schedule.next_time(since):
                return status.next
        begun = Status(_NEVER, self.schedule.next_time(now), now)
        await self.status.write(begun)
        return begun.next

    async def _fire(
        self, status: Status | None, *, is_past_due: bool, is_kept: bool, due: datetime
    ) -> Status | None:
        """Run the function once, and keep that it ran; return its status."""
        began = time.perf_counter()
        _logger.info("%s: its timer fires%s", self._name, ", past due" if is_past_due else "")
        try:
            await self.invoke(self.timer, request(status, is_past_due=is_past_due))
        except Exception:
            _logger.exception("%s failed", self._name)
        else:
            ms = (time.perf_counter() - began) * 1_000
            _logger.info("%s succeeded in %d ms", self._name, ms)
        if not is_kept:
            return None
        ran = Status(due, self.schedule.next_time(due), self.clock.now())
        await self.status.write(ran)
        return ran

    @property
    def _name(self) -> str:
        return self.timer.function.name


def runner(
    timer: TimerFunction,
    schedule: Schedule | Distance,
    invoke: Invoke,
    container: ContainerClient,
    host_id: str,
) -> TimerRunner:
    """Return what runs a timer; its blobs are named as the host names them.

    Args:
        timer: The function.
        schedule: When it is due.
        invoke: Calls the function.
        container: Of the host.
        host_id: Hosts with one id are instances of one app.
    """
    name = f"Host.Functions.{timer.function.name}"
    lease = Lease(container, f"locks/{host_id}/{name}.Listener")
    status = StatusBlob(container, f"timers/{host_id}/{name}/status")
    return TimerRunner(timer, schedule, invoke, lease, status)


def request(status: Status | None, *, is_past_due: bool) -> TimerRequest:
    """Return what the worker gives a timer.

    Args:
        status: As it was before this run; None for the first one.
        is_past_due: Whether it was due while no host ran.
    """
    told = {
        "Schedule": {"AdjustForDST": True},
        "ScheduleStatus": status and status.written(),
        "IsPastDue": is_past_due,
    }
    decoded: TimerRequest = TimerRequestConverter.decode(
        Datum(json.dumps(told), "json"), trigger_metadata=None
    )
    return decoded
