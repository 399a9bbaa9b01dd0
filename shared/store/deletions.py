"""The deletions row: ids of deleted groups that users may still list until their rows are swept.

It is normally absent. Where a user in groups is shown, it is read and those groups are left out.
A process remembers for a lease of 2 seconds what the row of a tenant said, so that a burst of
requests reads it once.

Once a DELETE is answered, no user on any instance shows the group. If it was swept before the
answer, no user lists it, whatever any process remembers. Otherwise the answer waits until a lease
has passed since the commit was known. What a process goes by from then on was read less than a
lease ago, thus after the commit, and names the group. A reading that was sent before the commit and
comes back after it changes nothing, because its lease counts from when it was sent.

A DELETE whose answer from the storage is lost ends in an error although it may be done: a user may
show the group for up to 2 seconds more.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from shared.clock import Clock
from shared.store import layout
from shared.store.changes import Change
from shared.store.commits import commit
from shared.store.layout import RowKind, pack_ids, unpack_ids
from shared.store.memberships import (
    USERS_READ_AHEAD,
    GroupWrite,
    MembershipEdit,
    MembershipProgress,
    Memberships,
    MembershipTransaction,
    cut_into_batches,
)
from shared.tables.operations import Delete, Insert, OperationRejected, Replace, RowOperation
from shared.tables.request_context import Bound, RequestContext
from shared.tables.retry import retry_conflicts
from shared.tables.rows import Row
from shared.tables.table import PAGE_ROWS, Table, collect

LEASE_SECONDS = 2.0
"""How long a process goes by what it has read, counted from before the read was sent."""

REMEMBERED_TENANTS = 1_000
"""Tenants of which a process remembers what the row said; of one more it drops the oldest."""

MAX_MEMBERS_SWEPT_AT_ONCE = 200
"""Members up to which a deleted group is swept within the request."""

_MEMBERSHIPS_PER_TRANSACTION = 90


@dataclass(frozen=True, slots=True)
class _Reading:
    """What the row said, and until when to go by it."""

    ids: frozenset[str]
    until: float


class DeletedGroups:
    """Reads the deletions row of a tenant, and remembers for a lease which groups it named."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock
        self._readings: dict[str, _Reading] = {}

    async def read_row(self, context: RequestContext) -> Row | None:
        """Read the row itself, to change it. One call."""
        return await self._table.get(context, layout.DELETIONS_KEY)

    async def get_ids(self, context: RequestContext) -> frozenset[str]:
        """Tell which groups are deleted and not swept yet. One call; none within the lease."""
        reading = self._readings.get(context.tenant)
        if reading is not None and self._clock.steady() < reading.until:
            return reading.ids
        until = self._clock.steady() + LEASE_SECONDS
        row = await self.read_row(context)
        ids = frozenset[str]() if row is None else frozenset(unpack_ids(row.values))
        self._remember(context.tenant, _Reading(ids, until))
        return ids

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

    def _remember(self, tenant: str, reading: _Reading) -> None:
        self._readings.pop(tenant, None)
        if len(self._readings) >= REMEMBERED_TENANTS:
            del self._readings[next(iter(self._readings))]
        self._readings[tenant] = reading


def record_deletion(gid: str, row: Row | None) -> Insert | Replace:
    """Build the operation that records a deleted group in the deletions row.

    Args:
        gid: id of the group.
        row: the row as it was read; None if there is none. An insert is rejected when there is one.
    """
    if row is None:
        return Insert(layout.DELETIONS_KEY, pack_ids([gid]))
    return Replace(row.key, pack_ids([*unpack_ids(row.values), gid]), row.etag)


def record_sweep(gid: str, row: Row) -> RowOperation:
    """Build the operation that takes a swept group out of the deletions row as it was read."""
    packed = pack_ids(other for other in unpack_ids(row.values) if other != gid)
    return Replace(row.key, packed, row.etag) if packed else Delete(row.key, row.etag)


@dataclass(frozen=True, slots=True)
class DeletionRecord:
    """The record of a deleted group or user some of whose memberships are still there."""

    resource: Literal["Group", "User"]
    id: str


class Sweeper:
    """Takes away the rows that deleted groups and users leave behind.

    A small deletion is swept within its own request, a large one by the runs of the timer
    (`sweep`). All of it can be broken off anywhere, repeated, and done by several at once.
    """

    def __init__(self, table: Table, memberships: Memberships) -> None:
        self._table = table
        self._memberships = memberships

    async def sweep_group(
        self,
        context: RequestContext,
        gid: str,
        deletions_row: Row | None = None,
        limit: int = MAX_MEMBERS_SWEPT_AT_ONCE,
    ) -> bool:
        """Take a deleted group out of its members' lists, 40 a transaction.

        A call for each 1,000 members, one for each member, one for each 40.

        Args:
            context: the request.
            gid: id of the deleted group.
            deletions_row: the deletions row where it is known.
            limit: with more members nothing is done.

        Returns:
            Whether the group is swept.
        """
        span = layout.memberships_span(gid)
        rows = await collect(self._table, context, span, limit + 1, select=())
        if len(rows) > limit:
            return False
        last: list[MembershipEdit] = []
        for uids in _cut_into_blocks(rows):
            last = await self._sweep_members(context, gid, uids, last)
        await self._finish_group(context, gid, last, deletions_row)
        return True

    async def sweep_user(self, context: RequestContext, uid: str) -> None:
        """Take away the memberships that a deleted user's record lists. 2 calls for each 90."""
        while await self._sweep_user_once(context, uid):
            pass

    async def records(self, context: RequestContext) -> list[DeletionRecord]:
        """List what is deleted and not yet swept, up to 1,000 groups and users. 1 call.

        Users come first, because their groups still list them. Nobody sees a deleted group.
        """
        span = layout.deletion_records_span()
        rows = await collect(self._table, context, span, PAGE_ROWS, select=())
        found = [layout.deleted_in(row.key) for row in rows]
        users = [DeletionRecord("User", uid) for kind, uid in found if kind == RowKind.DELETED_USER]
        groups = [
            DeletionRecord("Group", gid) for kind, gid in found if kind == RowKind.DELETED_GROUP
        ]
        return users + groups

    async def sweep(self, context: RequestContext, record: DeletionRecord, bound: Bound) -> bool:
        """Sweep a deleted group or user of any size, as far as the bound allows.

        Calls as in `sweep_user` and `sweep_group`, and 1 more for the deletions row. It keeps to
        the rate of the tenant's large changes.

        Returns:
            Whether it is swept.
        """
        if record.resource == "User":
            return await self._sweep_large_user(context, record.id, bound)
        return await self._sweep_large_group(context, record.id, bound)

    async def _sweep_large_user(self, context: RequestContext, uid: str, bound: Bound) -> bool:
        while not bound.is_reached(context):
            async with self._memberships.rate_limiter.limit(context):
                if not await self._sweep_user_once(context, uid):
                    return True
        return False

    async def _sweep_large_group(self, context: RequestContext, gid: str, bound: Bound) -> bool:
        """Take a deleted group out of its members' lists, a page of memberships after the other.

        A page goes on by the token of the one before: what is left of a membership whose user is
        being deleted belongs to that user, and would be the first on every page.
        """
        span, token = layout.memberships_span(gid), None
        last: list[MembershipEdit] = []
        while True:
            page = await self._table.page(context, span, PAGE_ROWS, token, select=())
            for uids in _cut_into_blocks(page.rows):
                if bound.is_reached(context):
                    return False
                async with self._memberships.rate_limiter.limit(context):
                    last = await self._sweep_members(context, gid, uids, last)
            token = page.token
            if token is None:
                await self._finish_group(context, gid, last, None)
                return True

    async def _sweep_members(
        self, context: RequestContext, gid: str, uids: Sequence[str], last: list[MembershipEdit]
    ) -> list[MembershipEdit]:
        """Take a deleted group out of the lists of some members.

        Returns:
            The edits of the last transaction, which is not committed yet: it may be the one that
            finishes the group.
        """
        wanted, progress = dict.fromkeys(uids, False), MembershipProgress()
        edits = last + await self._memberships.read_edits(context, gid, wanted, progress)
        *full, last = cut_into_batches(gid, edits) or [[]]
        for batch in full:
            await self._commit_sweep(context, gid, (), batch)
        return last

    async def _sweep_user_once(self, context: RequestContext, uid: str) -> bool:
        """Read the list of a deleted user and shorten it; tell whether more is left."""

        async def attempt() -> bool:
            row = await self._table.get(context, layout.deleted_user_key(uid))
            return row is not None and await self._sweep_memberships(context, uid, row)

        return await retry_conflicts(context, attempt)

    async def _sweep_memberships(self, context: RequestContext, uid: str, row: Row) -> bool:
        """Take away the first memberships of a deleted user's list; tell whether more are left."""
        gids = unpack_ids(row.values)
        first, rest = gids[:_MEMBERSHIPS_PER_TRANSACTION], gids[_MEMBERSHIPS_PER_TRANSACTION:]
        shortened = (
            Replace(row.key, pack_ids(rest), row.etag) if rest else Delete(row.key, row.etag)
        )
        operations = [shortened, *(Delete(layout.membership_key(gid, uid)) for gid in first)]
        await commit(self._table, context, Change("User", uid, "sweep", left=first), operations)
        return bool(rest)

    async def _finish_group(
        self,
        context: RequestContext,
        gid: str,
        edits: list[MembershipEdit],
        deletions_row: Row | None,
    ) -> None:
        """Take away the last memberships together with the records of the deletion."""

        async def attempt() -> None:
            nonlocal deletions_row
            row = deletions_row or await self._table.get(context, layout.DELETIONS_KEY)
            deletions_row = None
            operations: list[RowOperation] = [Delete(layout.deleted_group_key(gid))]
            if row is not None and gid in unpack_ids(row.values):
                operations.append(record_sweep(gid, row))
            try:
                await self._commit_sweep(context, gid, tuple(operations), edits)
            except OperationRejected as rejection:
                if rejection.operation != operations[0]:
                    raise
                # Another sweeper has finished this group.

        await retry_conflicts(context, attempt)

    async def _commit_sweep(
        self,
        context: RequestContext,
        gid: str,
        operations: tuple[RowOperation, ...],
        edits: list[MembershipEdit],
    ) -> None:
        """Commit operations on a deleted group's records together with users who leave it."""
        transaction = MembershipTransaction(gid, GroupWrite(operations, "sweep"), edits)
        await self._memberships.commit_edits(context, transaction, MembershipProgress())


def _cut_into_blocks(memberships: Sequence[Row]) -> Iterator[list[str]]:
    """Cut the members into as many as are read and kept at a time."""
    uids = [layout.id_in(row.key) for row in memberships]
    return (uids[at : at + USERS_READ_AHEAD] for at in range(0, len(uids), USERS_READ_AHEAD))
