"""All tenants at a glance: what staff should look at, the most pressing first.

Names, states and expiry of tokens are in memory. Of a tenant that is open the newest entries of
its provisioning log and what the guard holds are read, two calls, and remembered for some minutes;
so the page of a thousand tenants costs two thousand calls once, and none when it is turned or
loaded again. How many users and groups there are is read for those that are shown.
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

MOST_LOOKED_AT: Final = 1_000
"""Tenants whose log is read for a page; of more the others stand behind, by name."""

ENTRIES_READ: Final = 20
"""Entries of a log that are read; of more failures the page says that there are more."""

_REMEMBERED_SECONDS: Final = 300.0
_MOST_REMEMBERED: Final = 5_000
_READING_SECONDS: Final = 12.0
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
        log: what its log tells.
        is_held: whether a mass removal is held back, and waits for a decision.
    """

    log: LogSummary = LogSummary()
    is_held: bool = False


@dataclass(frozen=True, slots=True)
class TenantGlance:
    """A tenant as the list shows it.

    Attributes:
        name: its name.
        access: whether its tokens open it, and when the newest expires.
        log: what its log tells; None where that was not read.
        is_held: whether a mass removal is held back, and waits for a decision.
        was_asked: whether it was to be read.
        numbers: of users and groups; None where they were not read.
        reasons: why somebody should look at it, the most pressing first.
    """

    name: str
    access: TenantAccess
    log: LogSummary | None = None
    is_held: bool = False
    was_asked: bool = False
    numbers: ResourceNumbers | None = None
    reasons: tuple[Concern, ...] = ()

    @property
    def is_closed(self) -> bool:
        """Whether it is closed, so that nothing about it is pressing."""
        return self.access.state is TenantState.CLOSED

    @property
    def order(self) -> tuple[int, int, int, str]:
        """By what it is sorted: how pressing, closed ones last, most failures first, then name."""
        rank = min((_RANKS[reason] for reason in self.reasons), default=len(Concern))
        failures = 0 if self.log is None else self.log.failures
        return rank, int(self.is_closed), -failures, self.name


@dataclass(slots=True)
class RememberedSummaries:
    """What this process has read of tenants.

    Attributes:
        by_tenant: with the steady time at which it was read.
    """

    by_tenant: dict[str, tuple[float, TenantFindings]] = field(default_factory=dict)

    def of(self, tenant: str) -> TenantFindings | None:
        """Return what was read within the last minutes; None without."""
        read_at, summary = self.by_tenant.get(tenant, (-_REMEMBERED_SECONDS, TenantFindings()))
        return summary if time.monotonic() - read_at < _REMEMBERED_SECONDS else None

    def put(self, tenant: str, summary: TenantFindings) -> None:
        """Remember what was read; of too many the oldest is dropped."""
        if len(self.by_tenant) >= _MOST_REMEMBERED:
            del self.by_tenant[next(iter(self.by_tenant))]
        self.by_tenant.pop(tenant, None)
        self.by_tenant[tenant] = time.monotonic(), summary

    def forget(self, tenant: str) -> None:
        """Have a tenant read again."""
        self.by_tenant.pop(tenant, None)


summaries = RememberedSummaries()


async def glance_at_all(visit: Visit, text: str, *, is_fresh: bool) -> list[TenantGlance]:
    """List the tenants whose names have a text in them, the most pressing first.

    2 calls for each that is open and was not read within five minutes, 1,000 such at most.

    Args:
        visit: the request.
        text: which is in the names.
        is_fresh: whether tenants are read again that were read within five minutes.
    """
    tokens = visit.services.tenant_tokens
    names = [name for name in await tokens.names() if text in name]
    found = [TenantGlance(name, await tokens.access(name)) for name in names]
    open_ones = [each.name for each in found if not each.is_closed][:MOST_LOOKED_AT]
    await _read_all(visit, [name for name in open_ones if is_fresh or summaries.of(name) is None])
    asked, now = set(open_ones), time.time()
    glances = (replace(_with_summary(each), was_asked=each.name in asked) for each in found)
    judged = (replace(each, reasons=tuple(reasons_of(each, now))) for each in glances)
    return sorted(judged, key=lambda each: each.order)


def _with_summary(glance: TenantGlance) -> TenantGlance:
    summary = summaries.of(glance.name)
    if summary is None:
        return glance
    return replace(glance, log=summary.log, is_held=summary.is_held)


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
    if log is None and glance.was_asked:
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
        try:
            entries, hold = await read_both(
                store.log.newest(context, ENTRIES_READ), store.guard.hold(context)
            )
        except ScimError:
            return
        finally:
            visit.entered.context.meter.add(context.meter)
        is_held = hold is not None and hold.state == "held"
        summaries.put(name, TenantFindings(summarize(entries, time.time()), is_held))

    try:
        async with asyncio.timeout(_READING_SECONDS):
            await run_bounded(read, names)
    except TimeoutError:
        return
