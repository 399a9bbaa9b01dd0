"""Writes traces: after the answer, sealed, together, and never more than the bounds allow.

A request is answered before anything of it is written or encrypted. What waits for a second is then
written in one transaction, by a task that outlives the invocation. Nothing relies on an entry. What
is left out is counted, and the trace says so.
"""

import asyncio
import logging
import secrets
import time
from collections import Counter
from dataclasses import dataclass, field

from shared.clock import Clock
from shared.notices import Notices
from shared.store import layout
from shared.store.open_trace import OpenTrace
from shared.store.traces import TRANSACTION_ENTRIES, SealedEntry, Traces, trace_place
from shared.tables.request_context import RequestContext
from shared.telemetry.request_record import RequestRecord
from shared.web.traced_exchange import TraceGap, names_user, write_exchange, write_left_out
from shared.web.writings import wait_until_written, write_or_give_up

TRACED_A_MINUTE = 600
"""Requests of a tenant that an instance keeps in a minute."""

MOST_TRACED = 5_000
"""Entries of a trace. Each instance counts them when it begins, and again after every 100 of its
own; so several at once may write some more."""

MOST_TRACED_WAITING = 200
"""Requests of a tenant that wait to be written, with the bodies that were read of them."""

MOST_TRACED_TENANTS = 5
"""Tenants whose requests wait at once."""

TRACE_GATHER_SECONDS = 1.0
TRACE_COUNT_SECONDS = 60.0
"""How long entries wait for others, and how long what is only counted is counted."""

_COUNTED_AGAIN = 100
_MOST_ATTEMPTS = 4
_WRITE_SECONDS = 20.0
_ACTOR = "trace"

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _TenantTrace:
    """What is to be written of the trace of a tenant.

    Attributes:
        trace: which one is open.
        waiting: requests that are not yet written.
        left_out: how many are not to be, by reason.
        minute: of which `taken` counts the requests that were taken.
        total: entries of the trace as they were counted last, and those written since.
        counted_at: what `total` was when they were counted last; None before.
        writing: the task that writes.
    """

    trace: OpenTrace
    waiting: list[RequestRecord] = field(default_factory=list)
    left_out: Counter[TraceGap] = field(default_factory=Counter)
    minute: int = 0
    taken: int = 0
    total: int = 0
    counted_at: int | None = None
    writing: asyncio.Task[None] | None = None


class TraceRecorder:
    """Takes finished requests, and writes those of tenants that a trace is open of."""

    def __init__(
        self, traces: Traces, hidden: frozenset[str] = frozenset(), *, clock: Clock | None = None
    ) -> None:
        """Prepare.

        Args:
            traces: which are open, and where entries are written.
            hidden: folded names of attributes whose values are left out.
            clock: the time by which entries wait and are bounded.
        """
        self._traces = traces
        self._hidden = hidden
        self._clock = clock or Clock()
        self._tenants: dict[str, _TenantTrace] = {}
        self._notices = Notices(clock=self._clock)

    def take(self, record: RequestRecord) -> None:
        """Take a request that is finished; nothing is raised.

        Nothing is sent before this returns.
        """
        try:
            self._take(record)
        except Exception as fault:  # noqa: BLE001 - the client is answered all the same
            # Without what it quotes, which would be a value.
            kind = type(fault).__name__
            _log.warning("request %s could not be traced: %s", record.request_id, kind)

    async def drain(self) -> None:
        """Wait until all that was taken is written, or given up."""
        await wait_until_written(self._tenants)

    async def close(self) -> None:
        """Write what waits, for a few seconds at most, and give up the rest."""
        await write_or_give_up(self._tenants)

    def _take(self, record: RequestRecord) -> None:
        trace = self._traces.latest(record.tenant)
        if trace is None or not _is_traced(record, trace):
            return
        tenant = self._tenant(record.tenant, trace)
        if tenant is None:
            return
        if tenant.total >= MOST_TRACED:
            tenant.left_out["total"] += 1
        elif self._has_room(tenant):
            tenant.waiting.append(record)
        else:
            tenant.left_out["tooMany"] += 1
        if tenant.writing is None:
            task = asyncio.get_running_loop().create_task(self._write_all(record.tenant, tenant))
            tenant.writing = task

    def _tenant(self, name: str, trace: OpenTrace) -> _TenantTrace | None:
        """Return what waits of a trace; None where too many tenants have one."""
        known = self._tenants.get(name)
        if known is not None and (known.trace.id == trace.id or known.writing):
            return known
        for each in [other for other, held in self._tenants.items() if not held.writing]:
            del self._tenants[each]
        if len(self._tenants) >= MOST_TRACED_TENANTS:
            return None
        self._tenants[name] = _TenantTrace(trace)
        return self._tenants[name]

    def _has_room(self, tenant: _TenantTrace) -> bool:
        minute = int(self._clock.steady() // 60)
        if minute != tenant.minute:
            tenant.minute, tenant.taken = minute, 0
        has_room = tenant.taken < TRACED_A_MINUTE and len(tenant.waiting) < MOST_TRACED_WAITING
        tenant.taken += has_room
        return has_room

    async def _write_all(self, name: str, tenant: _TenantTrace) -> None:
        """Write what waits for a tenant until nothing does, one transaction after the other."""
        try:
            while tenant.waiting or tenant.left_out:
                pause = TRACE_GATHER_SECONDS if tenant.waiting else TRACE_COUNT_SECONDS
                await self._clock.sleep(pause)
                await self._write_some(name, tenant)
        except Exception as fault:  # noqa: BLE001 - nothing relies on it
            self._notice(name, fault)
            tenant.waiting.clear()
            tenant.left_out.clear()
        finally:
            tenant.writing = None

    async def _write_some(self, name: str, tenant: _TenantTrace) -> None:
        """Write a transaction: requests, and how many were left out."""
        await self._count(name, tenant)
        # One place is kept for the number of those that were left out.
        records = tenant.waiting[: TRANSACTION_ENTRIES - 1]
        del tenant.waiting[: len(records)]
        room = max(MOST_TRACED - tenant.total, 0)
        tenant.left_out["total"] += len(records[room:])
        counted, tenant.left_out = +tenant.left_out, Counter()
        entries = await asyncio.to_thread(self._sealed, name, tenant.trace, records[:room], counted)
        if await self._is_written(name, entries):
            tenant.total += len(entries)
        elif tenant.waiting:
            # Where nothing waits nobody is told; the line of the log has been.
            tenant.left_out.update(counted)
            tenant.left_out["notWritten"] += len(records[:room])

    async def _count(self, name: str, tenant: _TenantTrace) -> None:
        """Count the entries of the trace, when others may have written many."""
        last = tenant.counted_at
        if last is not None and tenant.total < last + _COUNTED_AGAIN:
            return
        tenant.total = await self._traces.count(_context_of(name), tenant.trace.id, MOST_TRACED)
        tenant.counted_at = tenant.total

    def _sealed(
        self,
        name: str,
        trace: OpenTrace,
        records: list[RequestRecord],
        counted: Counter[TraceGap],
    ) -> list[SealedEntry]:
        """Write and seal requests, and the number of those that were left out."""
        contents = [
            (record.began // 1_000_000, write_exchange(record, self._hidden)) for record in records
        ]
        if counted:
            contents.append((int(self._clock.wall() * 1_000), write_left_out(counted)))
        return [_seal(name, trace, began, content) for began, content in contents]

    async def _is_written(self, name: str, entries: list[SealedEntry]) -> bool:
        """Write entries, as often as it takes within bounds; tell whether they are there."""
        for attempt in range(_MOST_ATTEMPTS):
            try:
                await self._traces.write(_context_of(name), entries)
            except Exception as fault:  # noqa: BLE001 - tried again, and told
                self._notice(name, fault)
                await self._clock.sleep(float(2 << attempt))
            else:
                return True
        return False

    def _notice(self, name: str, fault: Exception) -> None:
        """Log why entries could not be written: the kind, without what it quotes."""
        if self._notices.is_due(name):
            _log.warning(
                "the trace of tenant %s could not be written: %s", name, type(fault).__name__
            )


def _is_traced(record: RequestRecord, trace: OpenTrace) -> bool:
    """Tell whether a request belongs into a trace.

    What came with an API key is of the product, not of the identity provider. A request that has no
    body here is none of SCIM: that of a token, whose body is a secret.
    """
    if record.is_product or record.body is None:
        return False
    return not trace.user or names_user(record, trace.user)


def _seal(name: str, trace: OpenTrace, began: int, content: bytes) -> SealedEntry:
    # Imported here because it is needed while a trace is open, which is seldom.
    from shared.trace_seals import seal  # noqa: PLC0415 - see above

    key = layout.new_trace_entry_key(trace.id, began)
    return SealedEntry(key, seal(trace.public_key, content, trace_place(name, key)))


def _context_of(tenant: str) -> RequestContext:
    deadline = time.monotonic() + _WRITE_SECONDS
    return RequestContext(tenant, f"trace-{secrets.token_hex(8)}", _ACTOR, deadline)
