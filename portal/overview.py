"""All tenants at a glance: what staff should look at, the most pressing first.

Names, states and expiry of tokens are in memory. Of a tenant that is open the newest entries of
its provisioning log and what the guard holds are read, two calls, and remembered with the time of
the reading. A view of the page reads some tenants and no more, those that were never read first,
then those that were read the longest ago; so a view of a thousand tenants costs what a view of a
hundred does, and the page tells how many of them have been read. How many users and groups there
are is read for those that are shown.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from portal.contact import SILENT_SECONDS, contacts_in, refusals_in
from portal.side_by_side import context_at, run_bounded
from shared.auth.tenant_tokens import TenantState
from shared.errors import ScimError
from shared.store.counters import read_numbers
from shared.tables.table import read_both

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from portal.visit import Visit
    from shared.auth.tenant_tokens import TenantAccess
    from shared.store.counters import ResourceNumbers
    from shared.store.provisioning_log import KeptEntry

MOST_READ: Final = 100
"""Tenants that are read for a view of the page; the next view reads the next ones."""

ENTRIES_READ: Final = 20
"""Entries of a log that are read; of more failures the page says that there are more."""

REREAD_SECONDS: Final = 300
"""How old a reading is before the tenant is read again."""

_MOST_REMEMBERED: Final = 5_000
_READING_SECONDS: Final = 3.0
_DAY: Final = 86_400
_SOON: Final = 30 * _DAY


class Concern(StrEnum):
    """Why somebody should look at a tenant; the first of these is the most pressing.

    Attributes:
        HELD: a mass removal is held back, and waits for a decision.
        SHUT: no token opens it.
        FAILURES: requests were refused within a day.
        EXPIRES: its token expires within a month.
        SILENT: the identity provider was there before, and not for a day.
        UNREADABLE: its log could not be read.
    """

    HELD = "held"
    SHUT = "shut"
    FAILURES = "failures"
    EXPIRES = "expires"
    SILENT = "silent"
    UNREADABLE = "unreadable"


_RANKS: Final = {reason: rank for rank, reason in enumerate(Concern)}
_UNREAD, _CALM, _CLOSED = len(Concern), len(Concern) + 1, len(Concern) + 2


@dataclass(frozen=True, slots=True)
class LogSummary:
    """What the newest entries of a provisioning log tell; times in POSIX seconds.

    Attributes:
        last: when the identity provider was last heard of, to the hour; None where it is not told.
        failures: how many requests were refused within a day.
        is_exact: whether there were not more.
    """

    last: float | None = None
    failures: int = 0
    is_exact: bool = True


@dataclass(frozen=True, slots=True)
class TenantFindings:
    """What was read of a tenant.

    Attributes:
        read_at: when, in POSIX seconds.
        log: what its log tells; None where it could not be read.
        is_held: whether a mass removal is held back, and waits for a decision.
    """

    read_at: float
    log: LogSummary | None = None
    is_held: bool = False


@dataclass(frozen=True, slots=True)
class TenantGlance:
    """A tenant as the list shows it.

    Attributes:
        name: its name.
        access: whether its tokens open it, and when the newest expires.
        findings: what was read of it; None where it was not read yet, or is closed.
        numbers: of users and groups; None where they were not read.
        reasons: why somebody should look at it, the most pressing first.
    """

    name: str
    access: TenantAccess
    findings: TenantFindings | None = None
    numbers: ResourceNumbers | None = None
    reasons: tuple[Concern, ...] = ()

    @property
    def log(self) -> LogSummary | None:
        """What its log tells; None where that was not read."""
        return None if self.findings is None else self.findings.log

    @property
    def is_held(self) -> bool:
        """Whether a mass removal is held back, and waits for a decision."""
        return self.findings is not None and self.findings.is_held

    @property
    def is_closed(self) -> bool:
        """Whether it is closed, so that nothing about it is pressing."""
        return self.access.state is TenantState.CLOSED

    @property
    def is_unread(self) -> bool:
        """Whether it is open, and was not read yet."""
        return self.findings is None and not self.is_closed

    @property
    def order(self) -> tuple[int, int, str]:
        """By what it is sorted: how pressing, most failures first, then name.

        What was not read yet may be pressing, and stands before what is known not to be; closed
        ones are last.
        """
        calm = _CLOSED if self.is_closed else _UNREAD if self.is_unread else _CALM
        rank = min((_RANKS[reason] for reason in self.reasons), default=calm)
        failures = 0 if self.log is None else self.log.failures
        return rank, -failures, self.name


@dataclass(slots=True)
class RememberedFindings:
    """What this process has read of tenants.

    Attributes:
        by_tenant: what was read, the oldest first.
    """

    by_tenant: dict[str, TenantFindings] = field(default_factory=dict)

    def of(self, tenant: str) -> TenantFindings | None:
        """Return what was read of a tenant; None without."""
        return self.by_tenant.get(tenant)

    def put(self, tenant: str, found: TenantFindings) -> None:
        """Remember what was read; of too many the oldest is dropped."""
        self.by_tenant.pop(tenant, None)
        if len(self.by_tenant) >= _MOST_REMEMBERED:
            del self.by_tenant[next(iter(self.by_tenant))]
        self.by_tenant[tenant] = found

    def invalidate(self, tenant: str) -> None:
        """Have a tenant read again."""
        self.by_tenant.pop(tenant, None)

    def due(self, tenants: Sequence[str], before: float) -> list[str]:
        """Choose which to read now: never read, or before a time, the longest ago first."""
        read_at = {name: found.read_at for name in tenants if (found := self.of(name))}
        old = [name for name in tenants if read_at.get(name, 0.0) < before]
        return sorted(old, key=lambda name: read_at.get(name, 0.0))[:MOST_READ]


findings = RememberedFindings()


async def glance_at_all(visit: Visit, text: str, *, is_fresh: bool) -> list[TenantGlance]:
    """List the tenants whose names have a text in them, the most pressing first.

    2 calls for each that is open and was not read within five minutes, for `MOST_READ` at most.

    Args:
        visit: the request.
        text: which is in the names.
        is_fresh: whether tenants are read again that were read within five minutes.
    """
    tokens = visit.services.tenant_tokens
    names = [name for name in await tokens.names() if text in name]
    found = [TenantGlance(name, await tokens.access(name)) for name in names]
    now = time.time()
    due = findings.due(
        [each.name for each in found if not each.is_closed],
        now if is_fresh else now - REREAD_SECONDS,
    )
    await _read_all(visit, due)
    known = (
        each if each.is_closed else replace(each, findings=findings.of(each.name)) for each in found
    )
    judged = (replace(each, reasons=tuple(reasons_of(each, now))) for each in known)
    return sorted(judged, key=lambda each: each.order)


async def with_numbers(visit: Visit, glances: Sequence[TenantGlance]) -> list[TenantGlance]:
    """Read how many users and groups the tenants have. A call each."""

    async def count(glance: TenantGlance) -> TenantGlance:
        context = context_at(visit, glance.name)
        try:
            numbers = await read_numbers(visit.services.store.table, context)
        except ScimError:
            return glance
        finally:
            visit.entered.context.meter.add(context.meter)
        return replace(glance, numbers=numbers)

    return await run_bounded(count, glances)


def reasons_of(glance: TenantGlance, now: float) -> Iterable[Concern]:
    """Tell why somebody should look at a tenant, the most pressing first. Pure."""
    if glance.is_closed:
        return
    if glance.is_held:
        yield Concern.HELD
    if glance.access.state is TenantState.NO_VALID_TOKEN:
        yield Concern.SHUT
    log = glance.log
    if log is not None and log.failures:
        yield Concern.FAILURES
    expires = glance.access.expires
    if expires is not None and now < expires < now + _SOON:
        yield Concern.EXPIRES
    if log is not None and log.last is not None and log.last < now - SILENT_SECONDS:
        yield Concern.SILENT
    if glance.findings is not None and log is None:
        yield Concern.UNREADABLE


def summarize(entries: Sequence[KeptEntry], now: float) -> LogSummary:
    """Read the newest entries of a log, the newest first. Pure."""
    since = (now - _DAY) * 1_000
    failures = sum(number for time_, number in refusals_in(entries) if time_ >= since)
    reaches_back = len(entries) < ENTRIES_READ or entries[-1].entry.time < since
    last = next((each.time / 1_000 for each in contacts_in(entries)), None)
    return LogSummary(last, failures, reaches_back)


async def _read_all(visit: Visit, names: Sequence[str]) -> None:
    """Read tenants, side by side, for some seconds; what is not read stays unread. 2 calls each."""
    store = visit.services.store

    async def read(name: str) -> None:
        context = context_at(visit, name)
        now = time.time()
        try:
            entries, hold = await read_both(
                store.log.newest(context, ENTRIES_READ), store.guard.read_hold(context)
            )
        except ScimError:
            findings.put(name, TenantFindings(now))
            return
        finally:
            visit.entered.context.meter.add(context.meter)
        is_held = hold is not None and hold.state == "held"
        findings.put(name, TenantFindings(now, summarize(entries, now), is_held))

    try:
        async with asyncio.timeout(_READING_SECONDS):
            await run_bounded(read, names)
    except TimeoutError:
        return
