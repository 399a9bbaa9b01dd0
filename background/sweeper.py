"""The sweeper: removes from the table what nobody needs any more, tenant by tenant.

That is what large deletions have left behind, change rows and entries of the provisioning log that
are older than they are kept, and traces that ended days ago. The sweeper also tells the product
which users have other roles after a change of the role map, and releases removals that were held
for long enough. Once a day it removes setup links that expired long ago, and counts active users
where an earlier version has not. A run does a bounded amount for each tenant, and the next one goes
on. It keeps no state: what is left is in the table. So it may be broken off anywhere, begin twice,
and run on two instances at once, which the host's lease on a timer does not rule out.
"""

import asyncio
import json
import logging
import random
import time
import traceback
from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import asdict, dataclass, field

from shared.auth.tokens import Authenticator
from shared.clock import Clock
from shared.store.deletions import DeletionRecord
from shared.store.store import Store
from shared.tables.request_context import Bound, RequestContext
from shared.tenants import WEBHOOKS_PARTITION
from shared.web import services

ACTOR = "sweeper"
"""Who did it, as change rows have it in the place of a token's label."""

RUN_SECONDS = 30.0
"""How long a run begins new work: half of the functionTimeout of host.json."""

TENANT_SECONDS = 15.0
TENANT_ENTITIES = 10_000
"""What a run does for a tenant: until one of the two is reached, at the pace of large changes."""

GRACE_SECONDS = 10.0
"""How much longer work that was begun may take. A storage that hangs is given up then."""

TENANTS_AT_ONCE = 16

_DAY_SECONDS = 86_400

_DAILY_SECONDS = 900
"""How long around midnight (UTC) a run also does what is done once a day: the timer's interval."""

_log = logging.getLogger("scim.sweeper")


async def sweep_tenants(run_id: str) -> None:
    """Sweep every tenant; that a run comes late, or once more, makes no difference to it.

    Args:
        run_id: the host's id of the invocation.

    Raises:
        SweepError: a tenant could not be swept. The host logs that the run failed, and does not
            repeat it.
        Unavailable: the settings are wrong, or the tenants cannot be read.
    """
    process = services.current()
    settings = process.settings
    kept = KeptDays(settings.history_days, settings.provisioning_log_days)
    sweep = Sweep(process.store, run_id, kept)
    besides = (WEBHOOKS_PARTITION,) if settings.webhooks == "on" else ()
    try:
        await sweep.run(process.authenticator, besides)
    finally:
        for tenant in sweep.released_tenants:
            await process.webhooks.give_hint(tenant)


@dataclass(frozen=True, slots=True)
class KeptDays:
    """How many days something is kept.

    Attributes:
        changes: change rows.
        log: entries of the provisioning log.
    """

    changes: int
    log: int


class SweepError(Exception):
    """Some tenants could not be swept; the others were."""


@dataclass(slots=True)
class Swept:
    """What a run has done.

    Attributes:
        tenants: how many there are.
        users: deleted users that are swept.
        groups: deleted groups that are swept.
        roles: users of whom it was told that they have other roles.
        released: changes that were held and are told now.
        changes: change rows that had expired.
        log: entries of the provisioning log that had expired.
        traced: entries of traces that had expired.
        links: setup links that had expired.
        counted: slots of users in which the active ones were counted.
        calls: requests sent to Table Storage.
        entities: entities written.
        unfinished: tenants of which something may be left for the next run.
        failed: tenants that could not be swept.
    """

    tenants: int = 0
    users: int = 0
    groups: int = 0
    roles: int = 0
    released: int = 0
    changes: int = 0
    log: int = 0
    traced: int = 0
    links: int = 0
    counted: int = 0
    calls: int = 0
    entities: int = 0
    unfinished: int = 0
    failed: int = 0


@dataclass(slots=True)
class _TenantSweep:
    """The part of a run that belongs to one tenant.

    Attributes:
        context: the run.
        bound: how far to go.
        is_guarded: whether the guard may hold something; false once it is known that it does not.
        faults: what went wrong.
    """

    context: RequestContext
    bound: Bound
    is_guarded: bool = True
    faults: list[Exception] = field(default_factory=list)

    async def attempt(self, work: Awaitable[None]) -> None:
        """Do a piece of work. What is wrong with it does not keep the others from being done."""
        try:
            await work
        except Exception as fault:  # noqa: BLE001 - of whatever kind
            self.faults.append(fault)


class Sweep:
    """One run over all tenants, several at the same time.

    Their order is drawn for each run. So where the time does not suffice for all of them, no
    tenant is always the last one.

    Attributes:
        swept: what the run has done so far.
        released_tenants: those in which changes were released, so that webhooks are due.
    """

    def __init__(
        self,
        store: Store,
        request_id: str,
        kept: KeptDays,
        *,
        clock: Clock | None = None,
        draw: random.Random | None = None,
    ) -> None:
        """Begin the time of the run.

        Args:
            store: what is swept.
            request_id: names the run in change rows and in the log.
            kept: how long change rows and the provisioning log are kept.
            clock: the time by which the run ends and these expire.
            draw: draws the order of the tenants.
        """
        self._store = store
        self._request_id = request_id
        self._kept = kept
        self._clock = clock or Clock()
        self._draw = draw or random.Random()  # noqa: S311 - an order, no secret
        self._began = self._clock.steady()
        self.swept = Swept()
        self.released_tenants: list[str] = []
        self._unknown: dict[str, int] = {}

    async def run(self, authenticator: Authenticator, besides: Sequence[str] = ()) -> None:
        """Sweep every tenant within its bound, and write a line into the log if there was work.

        A tenant without work costs 3 calls, and 4 where removals are held; in one run a day 2 more.

        Args:
            authenticator: names the tenants.
            besides: partitions of no tenant, whose change rows expire as theirs do.

        Raises:
            SweepError: a tenant could not be swept; the log has each with the reason.
            Unavailable: the tenants cannot be read.
        """
        tenants = [*await authenticator.tenants(), *besides]
        self._draw.shuffle(tenants)
        self.swept.tenants = len(tenants)
        waiting = iter(tenants)
        async with asyncio.TaskGroup() as workers:
            for _ in range(TENANTS_AT_ONCE):
                workers.create_task(self._work(waiting))
        self._write_line()
        self._write_unknown()
        if self.swept.failed:
            raise SweepError(f"{self.swept.failed} of {len(tenants)} tenants could not be swept")

    async def _work(self, waiting: Iterator[str]) -> None:
        """Sweep one tenant after the other, as long as any waits and the run goes on."""
        for tenant in waiting:
            if self._clock.steady() < self._began + RUN_SECONDS:
                await self._sweep_tenant(tenant)
            else:
                self.swept.unfinished += 1

    async def _sweep_tenant(self, tenant: str) -> None:
        sweep = self._begin_tenant(tenant)
        await sweep.attempt(self._work_off_leftovers(sweep))
        await sweep.attempt(self._expire_changes(sweep))
        await sweep.attempt(self._expire_log(sweep))
        if self._is_daily():
            await sweep.attempt(self._expire_links(sweep))
            await sweep.attempt(self._count_active_users(sweep))
        self.swept.calls += sweep.context.meter.calls
        self.swept.entities += sweep.context.meter.entities
        if sweep.faults:
            self.swept.failed += 1
            _write_fault(tenant, sweep.faults[0])
        elif sweep.bound.is_reached(sweep.context):
            self.swept.unfinished += 1

    def _begin_tenant(self, tenant: str) -> _TenantSweep:
        now = self._clock.steady()
        until = min(now + TENANT_SECONDS, self._began + RUN_SECONDS)
        deadline = time.monotonic() + (until - now) + GRACE_SECONDS
        context = RequestContext(tenant, self._request_id, ACTOR, deadline, "sweep")
        return _TenantSweep(context, Bound(TENANT_ENTITIES, until, self._clock.steady))

    async def _work_off_leftovers(self, sweep: _TenantSweep) -> None:
        leftovers = await self._store.sweeper.leftovers(sweep.context)
        for kind in leftovers.unknown:
            self._unknown[kind] = self._unknown.get(kind, 0) + 1
        sweep.is_guarded = leftovers.is_guarded
        for record in leftovers.deletions:
            if sweep.bound.is_reached(sweep.context):
                return
            await sweep.attempt(self._sweep_deletion(sweep, record))
        for key in leftovers.traces:
            if sweep.bound.is_reached(sweep.context):
                return
            await sweep.attempt(self._expire_trace(sweep, key))
        for key in leftovers.role_changes:
            if sweep.bound.is_reached(sweep.context):
                return
            await sweep.attempt(self._tell_role_change(sweep, key))
        if leftovers.is_guarded and not sweep.bound.is_reached(sweep.context):
            await sweep.attempt(self._tend_guard(sweep))

    async def _tend_guard(self, sweep: _TenantSweep) -> None:
        released = await self._store.guard.tend(sweep.context, sweep.bound)
        self.swept.released += released
        if released:
            self.released_tenants.append(sweep.context.tenant)

    async def _tell_role_change(self, sweep: _TenantSweep, key: str) -> None:
        told = await self._store.role_changes.tell(sweep.context, key, sweep.bound)
        self.swept.roles += told

    async def _expire_trace(self, sweep: _TenantSweep, key: str) -> None:
        expired = await self._store.traces.expire(sweep.context, key, sweep.bound)
        self.swept.traced += expired

    async def _sweep_deletion(self, sweep: _TenantSweep, record: DeletionRecord) -> None:
        is_swept = await self._store.sweeper.sweep(sweep.context, record, sweep.bound)
        if record.resource == "User":
            self.swept.users += is_swept
        elif not record.is_child:
            self.swept.groups += is_swept

    async def _expire_changes(self, sweep: _TenantSweep) -> None:
        before = self._days_ago(self._kept.changes)
        if sweep.is_guarded:
            # What is held is yet to be told, however old it is.
            held_since = await self._store.guard.read_held_since(sweep.context)
            before = before if held_since is None else min(before, held_since)
        expired = await self._store.history.expire(sweep.context, before, sweep.bound)
        # Not in one statement: it would add to what the number was before the wait.
        self.swept.changes += expired

    async def _expire_log(self, sweep: _TenantSweep) -> None:
        before = self._days_ago(self._kept.log)
        expired = await self._store.history.expire_log(sweep.context, before, sweep.bound)
        self.swept.log += expired

    async def _expire_links(self, sweep: _TenantSweep) -> None:
        expired = await self._store.setup_links.expire(sweep.context)
        self.swept.links += expired

    async def _count_active_users(self, sweep: _TenantSweep) -> None:
        counted = await self._store.active_users.count(sweep.context, sweep.bound)
        self.swept.counted += counted

    def _is_daily(self) -> bool:
        """Tell whether this is the run at midnight, which a timer may call somewhat early."""
        since_midnight = (self._clock.wall() + _DAILY_SECONDS / 2) % _DAY_SECONDS
        return since_midnight < _DAILY_SECONDS

    def _days_ago(self, days: int) -> int:
        """Return a time in POSIX milliseconds."""
        return int((self._clock.wall() - days * _DAY_SECONDS) * 1_000)

    def _write_line(self) -> None:
        """Log what was done, by numbers alone; a run that found nothing to do leaves no line."""
        swept = self.swept
        if not (swept.entities or swept.unfinished or swept.failed):
            return
        ms = round((self._clock.steady() - self._began) * 1_000, 1)
        _log.info("%s", json.dumps({"sweep": self._request_id, **asdict(swept), "ms": ms}))

    def _write_unknown(self) -> None:
        """Log that there were records of a later version, which this one leaves to it."""
        for kind, tenants in sorted(self._unknown.items()):
            _log.warning(
                "records %s of %d tenants are of a later version and were passed over: its"
                " instances sweep them",
                kind,
                tenants,
            )


def _write_fault(tenant: str, fault: Exception) -> None:
    """Log why a tenant could not be swept: the kind and where, without what it quotes."""
    stack = "".join(traceback.format_tb(fault.__traceback__))
    _log.error("tenant %s could not be swept: %s\n%s", tenant, type(fault).__name__, stack)
