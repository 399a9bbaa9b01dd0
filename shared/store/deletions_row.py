"""The deletions row: what is hidden although rows of others still name it.

It lists three kinds of ids, and is normally absent:

- deleted groups that users list until they are swept. Where a user in groups is shown, the row is
  read, and those groups are left out;
- deleted users that groups list until they are swept. Where members are shown, they are left out;
- groups that are being created in several transactions, whose members list them already.

A process remembers for a lease of 2 seconds what the row of a tenant said, so that a burst of
requests reads it once.

Once a DELETE is answered, nobody on any instance is shown what was deleted. If it was swept before
the answer, no row names it, whatever any process remembers. Otherwise the answer waits until a
lease has passed since the commit was known. What a process goes by from then on was read less than
a lease ago, thus after the commit, and names it. A reading that was sent before the commit and
comes back after it changes nothing, because its lease counts from when it was sent.

Once a POST is answered, its group is shown: what is remembered of a group that is being created
does not count, and the row is read again.

A DELETE whose answer from the storage is lost ends in an error although it may be done: what was
deleted may be shown for up to 2 seconds more.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from shared.clock import Clock
from shared.store import layout
from shared.store.layout import Column, pack_ids, unpack_ids, with_ids
from shared.tables.operations import Delete, Insert, Replace, RowOperation
from shared.tables.request_context import RequestContext
from shared.tables.rows import Row
from shared.tables.table import Table

LEASE_SECONDS = 2.0
"""How long a process goes by what it has read, counted from before the read was sent."""

REMEMBERED_TENANTS = 1_000
"""Tenants of which a process remembers what the row said; of one more it drops the oldest."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """What the row said, and until when to go by it."""

    until: float
    groups: frozenset[str] = field(default=frozenset())
    users: frozenset[str] = field(default=frozenset())
    unfinished: frozenset[str] = field(default=frozenset())


class HiddenResources:
    """Reads the deletions row of a tenant, and remembers for a lease what it hides."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock
        self._readings: dict[str, _Reading] = {}

    async def read_row(self, context: RequestContext) -> Row | None:
        """Read the row itself, to change it. One call."""
        return await self._table.get(context, layout.DELETIONS_KEY)

    async def group_ids(self, context: RequestContext, listed: Iterable[str]) -> frozenset[str]:
        """Tell which groups are hidden. One call; none within the lease.

        Args:
            context: the request.
            listed: the groups in question. One of them that is being created may be whole by now.
        """
        reading = await self._remembered(context)
        if reading.unfinished and not reading.unfinished.isdisjoint(listed):
            self._readings.pop(context.tenant, None)
            reading = await self._remembered(context)
        return reading.groups | reading.unfinished

    async def user_ids(self, context: RequestContext) -> frozenset[str]:
        """Tell which users are hidden. One call; none within the lease."""
        return (await self._remembered(context)).users

    def invalidate(self, tenant: str) -> float:
        """Drop what the row of a tenant said, since it has changed.

        Returns:
            When the lease of every older reading ends, in any process, for `wait_out_lease`.
        """
        self._readings.pop(tenant, None)
        return self._clock.steady() + LEASE_SECONDS

    async def wait_out_lease(self, lease_end: float) -> None:
        """Wait for the end of a lease that `invalidate` has named, for 2 seconds at most.

        The request's deadline does not end the wait: to overrun it shortly is better than to say
        that a group is gone while a user still shows it.
        """
        while (left := lease_end - self._clock.steady()) > 0:
            await self._clock.sleep(left)

    async def _remembered(self, context: RequestContext) -> _Reading:
        """Read the row, unless its last reading is within its lease."""
        reading = self._readings.get(context.tenant)
        if reading is not None and self._clock.steady() < reading.until:
            return reading
        until = self._clock.steady() + LEASE_SECONDS
        row = await self.read_row(context)
        reading = _Reading(until) if row is None else _read(row, until)
        self._readings.pop(context.tenant, None)
        if len(self._readings) >= REMEMBERED_TENANTS:
            del self._readings[next(iter(self._readings))]
        self._readings[context.tenant] = reading
        return reading


def _read(row: Row, until: float) -> _Reading:
    groups, users, unfinished = (frozenset(unpack_ids(row.values, each)) for each in _LISTS)
    return _Reading(until, groups, users, unfinished)


_LISTS = (Column.GROUP_IDS, Column.USER_IDS, Column.UNFINISHED_IDS)


def add_hidden(row: Row | None, column: str, resource_id: str) -> Insert | Replace:
    """Build the operation that puts an id into the deletions row.

    Args:
        row: the row as it was read; None if there is none. An insert is rejected when there is one.
        column: of the list: `GROUP_IDS`, `USER_IDS` or `UNFINISHED_IDS`.
        resource_id: of what is hidden.
    """
    if row is None:
        return Insert(layout.DELETIONS_KEY, pack_ids([resource_id], column))
    ids = (*unpack_ids(row.values, column), resource_id)
    return Replace(row.key, with_ids(row.values, ids, column), row.etag)


def remove_hidden(row: Row | None, column: str, resource_id: str) -> list[RowOperation]:
    """Build the operation that takes an id out of the deletions row, if it is there."""
    ids = () if row is None else unpack_ids(row.values, column)
    if row is None or resource_id not in ids:
        return []
    values = with_ids(row.values, (other for other in ids if other != resource_id), column)
    return [Replace(row.key, values, row.etag) if values else Delete(row.key, row.etag)]


def hide_as_deleted(row: Row, gid: str) -> Replace:
    """Build the operation that lists a group among the deleted ones, and not as unfinished."""
    unfinished = (other for other in unpack_ids(row.values, Column.UNFINISHED_IDS) if other != gid)
    values = with_ids(row.values, unfinished, Column.UNFINISHED_IDS)
    return Replace(row.key, with_ids(values, (*unpack_ids(row.values), gid)), row.etag)
