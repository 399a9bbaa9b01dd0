"""The deletions row: what is hidden although rows of others still name it.

It lists three kinds of ids, and is normally absent:

- deleted groups that users list until they are swept. Where a user in groups is shown, the row is
  read, and those groups are left out;
- deleted users and groups that groups list until they are swept. Where members are shown, they are
  left out;
- groups that are being created in several transactions, whose members list them already.

It also tells whether a group of the tenant has ever been the member of a group. It is read where a
user in groups is shown, so a tenant without such groups is known without a call more. The mark is
there, and every process goes by it, before the first group joins a group (`ensure_nesting`). It
stays, since nothing counts how many are left.

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

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from shared.clock import Clock
from shared.scim.members import MemberType
from shared.store import layout
from shared.store.layout import Column, pack_ids, unpack_ids, with_ids
from shared.tables.operations import (
    Delete,
    Insert,
    Merge,
    OperationRejected,
    Replace,
    RowOperation,
)
from shared.tables.request_context import RequestContext
from shared.tables.retry import resend, retry_conflicts
from shared.tables.rows import ANY_ETAG, Row, Value
from shared.tables.table import Table

LEASE_SECONDS = 2.0
"""How long a process goes by what it has read, counted from before the read was sent."""

REMEMBERED_TENANTS = 1_000
"""Tenants of which a process remembers what the row said; of one more it drops the oldest."""


_NEW_SECONDS = 60.0
"""Age of the mark of groups in groups from which nobody can have read the row before it."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """What the row said, and until when to go by it.

    Attributes:
        until: end of the lease, by the steady clock.
        groups: deleted groups.
        members: users and groups that were deleted out of many groups.
        unfinished: groups that are being created.
        nested_from: since when every process knows that there are groups in groups, by the steady
            clock; None where there are none.
    """

    until: float
    groups: frozenset[str] = field(default=frozenset())
    members: frozenset[str] = field(default=frozenset())
    unfinished: frozenset[str] = field(default=frozenset())
    nested_from: float | None = None


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
            self._expire(context.tenant)
            reading = await self._remembered(context)
        return reading.groups | reading.unfinished

    async def member_ids(self, context: RequestContext) -> frozenset[str]:
        """Tell which members are hidden. One call; none within the lease."""
        return (await self._remembered(context)).members

    async def has_nesting(self, context: RequestContext) -> bool:
        """Tell whether there may be groups in groups. One call; none within the lease."""
        return (await self._remembered(context)).nested_from is not None

    async def ensure_nesting(self, context: RequestContext) -> None:
        """Have every process know that there are groups in groups, before there are.

        One call; none within the lease. The first time in a tenant 2 more and a lease is waited
        for, in each process that nests groups within the first minute.
        """
        reading = await self._remembered(context)
        if reading.nested_from is None:
            await self._mark_nesting(context)
            self._expire(context.tenant)
            reading = await self._remembered(context)
        await self.wait_out_lease(reading.nested_from or 0.0)

    async def read_expected_row(self, context: RequestContext) -> Row | None:
        """Read the row to change it, where it was there before: that of groups in groups stays.

        One call; none where the row is not known to be there, which its insert will tell.
        """
        reading = self._readings.get(context.tenant)
        if reading is None or reading.nested_from is None:
            return None
        return await self.read_row(context)

    def invalidate(self, tenant: str) -> float:
        """Drop what the row of a tenant said, since it has changed.

        Returns:
            When the lease of every older reading ends, in any process, for `wait_out_lease`.
        """
        self._expire(tenant)
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
        before = self._readings.pop(context.tenant, None)
        reading = _Reading(until) if row is None else self._read(row, until, before)
        if len(self._readings) >= REMEMBERED_TENANTS:
            del self._readings[next(iter(self._readings))]
        self._readings[context.tenant] = reading
        return reading

    def _read(self, row: Row, until: float, before: _Reading | None) -> _Reading:
        groups, members, unfinished = (frozenset(unpack_ids(row.values, each)) for each in _LISTS)
        nested_from = None
        if Column.NESTED_SINCE in row.values:
            known_before = None if before is None else before.nested_from
            nested_from = self._known_from(row, until) if known_before is None else known_before
        return _Reading(until, groups, members, unfinished, nested_from)

    def _known_from(self, row: Row, until: float) -> float:
        """Tell since when every process goes by a mark that this one reads first.

        Whoever has read the row before the mark goes by that for a lease.
        """
        since = datetime.fromisoformat(str(row.values[Column.NESTED_SINCE])).timestamp()
        return until if self._clock.wall() - since < _NEW_SECONDS else 0.0

    async def _mark_nesting(self, context: RequestContext) -> None:
        """Write into the row that there are groups in groups. 1 call; 2 where the row is there.

        To write it twice does no harm, so it needs no receipt.
        """
        now = datetime.fromtimestamp(self._clock.wall(), UTC).isoformat(timespec="milliseconds")
        mark = {Column.NESTED_SINCE: now}

        async def attempt() -> None:
            try:
                await resend(context, lambda: self._table.transact(context, [_insert(mark)]))
            except OperationRejected:
                merge = Merge(layout.DELETIONS_KEY, mark, ANY_ETAG)
                await resend(context, lambda: self._table.transact(context, [merge]))

        await retry_conflicts(context, attempt)

    def _expire(self, tenant: str) -> None:
        """Have the row read again; what is known of groups in groups stays known."""
        reading = self._readings.get(tenant)
        if reading is not None:
            self._readings[tenant] = replace(reading, until=0.0)


def _insert(values: Mapping[str, Value]) -> Insert:
    return Insert(layout.DELETIONS_KEY, values)


_LISTS = (Column.GROUP_IDS, Column.MEMBER_IDS, Column.UNFINISHED_IDS)


def add_hidden(row: Row | None, column: str, resource_id: str) -> Insert | Replace:
    """Build the operation that puts an id into the deletions row.

    Args:
        row: the row as it was read; None if there is none. An insert is rejected when there is one.
        column: of the list: `GROUP_IDS`, `MEMBER_IDS` or `UNFINISHED_IDS`.
        resource_id: of what is hidden.
    """
    if row is None:
        return Insert(layout.DELETIONS_KEY, pack_ids([resource_id], column))
    ids = (*unpack_ids(row.values, column), resource_id)
    return Replace(row.key, with_ids(row.values, ids, column), row.etag)


def also_hidden(operation: Insert | Replace, column: str, resource_id: str) -> Insert | Replace:
    """Build the same operation, which puts the id into another list of the row too."""
    ids = (*unpack_ids(operation.values, column), resource_id)
    return replace(operation, values=with_ids(operation.values, ids, column))


def deleted_member(member_id: str, member_type: MemberType, group_ids: Iterable[str]) -> Insert:
    """Build the operation that records which groups still list a deleted user or group."""
    values = {**layout.member_type_values(member_type), **pack_ids(group_ids)}
    return Insert(layout.deleted_member_key(member_id), values)


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
