"""Writes the provisioning log: after the answer, together, and never more than the bounds allow.

A request is answered before its entry is written. Entries of a tenant wait for a second, so that
those of a burst are one transaction, and are then written by a task that outlives the invocation.
The host drops what such a task logs and lets it read and write. An instance that ends takes the
entries of its last second along. Nothing relies on them: the client was told why it was refused,
and asks again, and the line of the request is in the log of the app.
"""

import asyncio
import logging
import math
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from shared.clock import Clock
from shared.notices import Notices
from shared.store.provisioning_log import (
    EntryKind,
    KeptEntry,
    LeftOutReason,
    LogEntry,
    ProvisioningLog,
)
from shared.tables.operations import MAX_TRANSACTION_OPERATIONS
from shared.tables.request_context import RequestContext
from shared.telemetry.request_record import RequestRecord
from shared.web.body_shapes import names_in, names_in_filter, shape_of
from shared.web.writings import wait_until_written, write_or_give_up

ENTRIES_A_MINUTE = 300
"""Entries of a tenant that an instance writes in a minute; more are counted. The sweeper takes away
twice as many."""

MOST_PENDING = 1_000
"""Entries of a tenant that wait while the storage does not take them."""

MOST_PENDING_IN_ALL = 5_000
"""The same of all tenants together."""

SLOW_SECONDS = 5.0
"""An answer that takes longer is told of. Entra waits for 60 s."""

CONTACT_SECONDS = 3_600.0
"""How often it is written that the identity provider was there."""

MOST_PATH = 256
MOST_DETAIL = 1_000
"""Characters that are kept of the path of what was refused, and of what was answered."""

GATHER_SECONDS = 1.0
COUNT_SECONDS = 15.0
"""How long entries wait for others, and how long what is only counted is counted."""

_LONGEST_BACKOFF = 60.0
_WRITE_SECONDS = 20.0
_MOST_FAILURES = 8
"""Attempts at writing, over some four minutes; then what waits is counted as lost."""

_ACTOR = "provisioning-log"
_TYPES = {"Users": "User", "Groups": "Group"}

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _TenantLog:
    """What is to be written for a tenant, and how much was taken of late."""

    waiting: list[KeptEntry] = field(default_factory=list)
    left_out: Counter[LeftOutReason] = field(default_factory=Counter)
    minute: int = 0
    taken: int = 0
    contact_at: float = -math.inf
    writing: asyncio.Task[None] | None = None

    @property
    def is_empty(self) -> bool:
        return not self.waiting and not self.left_out


class ProvisioningRecorder:
    """Takes finished requests, and writes what the log of their tenants is to tell of them."""

    def __init__(
        self, log: ProvisioningLog, *, is_on: bool = True, clock: Clock | None = None
    ) -> None:
        """Prepare.

        Args:
            log: where entries are written.
            is_on: whether any are.
            clock: the time by which entries wait and are bounded.
        """
        self._log = log
        self._is_on = is_on
        self._clock = clock or Clock()
        self._tenants: dict[str, _TenantLog] = {}
        self._waiting = 0
        self._notices = Notices(clock=self._clock)

    def take(self, record: RequestRecord) -> None:
        """Take a request that is finished and whose tenant is known; nothing is raised.

        Nothing is sent before this returns.
        """
        if not self._is_on or not record.tenant:
            return
        try:
            self._take(record)
        except Exception:  # noqa: BLE001 - the client is answered all the same
            _log.exception(
                "request %s could not be noted in the provisioning log", record.request_id
            )

    async def drain(self) -> None:
        """Wait until all that was taken is written, or given up."""
        await wait_until_written(self._tenants)

    async def close(self) -> None:
        """Write what waits, for a few seconds at most, and give up the rest."""
        await write_or_give_up(self._tenants)

    def _take(self, record: RequestRecord) -> None:
        kinds = list(self._kinds(record))
        is_limited = record.refused_by == "rateLimit"
        if not kinds and not is_limited:
            return
        tenant = self._tenants.setdefault(record.tenant, _TenantLog())
        if is_limited:
            tenant.left_out["rateLimit"] += 1
        for kind in kinds:
            if self._has_room(tenant):
                tenant.waiting.append(KeptEntry.of(entry_of(record, kind)))
                self._waiting += 1
            else:
                tenant.left_out["tooMany"] += 1
        if tenant.writing is None:
            task = asyncio.get_running_loop().create_task(self._write_all(record.tenant, tenant))
            tenant.writing = task

    def _kinds(self, record: RequestRecord) -> Iterator[EntryKind]:
        """Yield what is told of a request: mostly nothing."""
        # What is over the rate limit is a flood, in which single requests say nothing.
        if record.status >= 400 and record.refused_by != "rateLimit":
            yield "refused"
        elif record.seconds >= SLOW_SECONDS:
            yield "slow"
        if record.skipped:
            yield "skippedMembers"
        if not record.is_product and self._is_contact_due(record.tenant):
            yield "contact"

    def _is_contact_due(self, name: str) -> bool:
        tenant = self._tenants.setdefault(name, _TenantLog())
        now = self._clock.steady()
        if now - tenant.contact_at < CONTACT_SECONDS:
            return False
        tenant.contact_at = now
        return True

    def _has_room(self, tenant: _TenantLog) -> bool:
        minute = int(self._clock.steady() // 60)
        if minute != tenant.minute:
            tenant.minute, tenant.taken = minute, 0
        has_room = (
            tenant.taken < ENTRIES_A_MINUTE
            and len(tenant.waiting) < MOST_PENDING
            and self._waiting < MOST_PENDING_IN_ALL
        )
        tenant.taken += has_room
        return has_room

    async def _write_all(self, name: str, tenant: _TenantLog) -> None:
        """Write what waits for a tenant until nothing does, one transaction after the other."""
        failures = 0
        try:
            while not tenant.is_empty:
                await self._clock.sleep(_pause(tenant, failures))
                failures = await self._write_some(name, tenant, failures)
        finally:
            tenant.writing = None

    async def _write_some(self, name: str, tenant: _TenantLog, failures: int) -> int:
        """Write a transaction; return how often in a row that has failed."""
        # One place is kept for each reason to count what was left out.
        room = MAX_TRANSACTION_OPERATIONS - len(tenant.left_out)
        entries, counted = tenant.waiting[:room], tenant.left_out
        del tenant.waiting[:room]
        tenant.left_out = Counter()
        context = RequestContext(
            name, f"log-{secrets.token_hex(8)}", _ACTOR, time.monotonic() + _WRITE_SECONDS
        )
        try:
            await self._log.write(context, [*entries, *self._told(counted)])
        except Exception as fault:  # noqa: BLE001 - tried again, and told
            self._notice(name, fault)
            failures += 1
            tenant.left_out.update(counted)
            if failures < _MOST_FAILURES:
                tenant.waiting[:0] = entries
                return failures
            tenant.left_out["notWritten"] += len(entries)
            if not tenant.waiting:
                # Nobody is told; the line of the log has been.
                tenant.left_out.clear()
        self._waiting -= len(entries)
        return 0

    def _told(self, counted: Counter[LeftOutReason]) -> Iterator[KeptEntry]:
        now = int(self._clock.wall() * 1_000)
        for reason, number in counted.items():
            yield KeptEntry.of(LogEntry(now, "leftOut", number=number, reason=reason))

    def _notice(self, name: str, fault: Exception) -> None:
        """Log why entries could not be written: the kind, without what it quotes."""
        if self._notices.is_due(name):
            _log.warning(
                "the provisioning log of tenant %s could not be written: %s; it is tried again"
                " for some minutes",
                name,
                type(fault).__name__,
            )


def entry_of(record: RequestRecord, kind: EntryKind) -> LogEntry:
    """Make an entry of a finished request."""
    entry = LogEntry(
        time=record.began // 1_000_000,
        kind=kind,
        request_id=record.request_id,
        client_request_id=record.client_request,
        token=record.token,
        is_product=record.is_product,
        method=record.method[:20],
        route=record.route,
        status=record.status,
    )
    return entry if kind == "contact" else _with_details(entry, record)


def _with_details(entry: LogEntry, record: RequestRecord) -> LogEntry:
    seen = None if record.body is None else record.body.seen
    size = 0 if record.body is None else record.body.size
    unread = (f"{size:,} bytes that were not read as JSON",) if size else ()
    return replace(
        entry,
        resource_type=_resource_type(record.route),
        resource_id=record.resource_id,
        names=names_in(seen) | names_in_filter(record.filter),
        scim_type=record.scim_type,
        operation=record.operation,
        position=record.position,
        path=record.path[:MOST_PATH],
        detail=record.detail[:MOST_DETAIL],
        milliseconds=record.milliseconds,
        shape=unread if seen is None else shape_of(seen),
        members=tuple(dict.fromkeys(record.skipped)),
    )


def _resource_type(route: str) -> str:
    """Read out of the template of a route what it is about; "" where that is not one type."""
    below = route.rpartition("scim/v2")[2].removeprefix("Bulk/").strip("/").partition("/")[0]
    return _TYPES.get(below, "" if below.startswith(("{", ".")) else below)


def _pause(tenant: _TenantLog, failures: int) -> float:
    if failures:
        return float(min(2**failures, _LONGEST_BACKOFF))
    return GATHER_SECONDS if tenant.waiting else COUNT_SECONDS
