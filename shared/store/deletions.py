"""The row `q`: ids of deleted groups that users may still list until their rows are swept.

It is normally absent. Whoever shows a user that is in groups goes by it and leaves those groups
out. What it said of a tenant a process remembers for a lease of 2 seconds, so that a burst of
requests reads it once.

Once a DELETE is answered, no user on any instance shows the group. Either it was swept before the
answer: then no user lists it, whatever anybody remembers. Or the answer waited until a lease had
passed since the commit was known: what an instance goes by from then on was read less than a lease
ago, thus after the commit, and names the group. A reading that was sent before the commit and comes
back after it changes nothing, because its lease counts from when it was sent.

A DELETE whose answer from the storage is lost ends in an error although it may be done: a user may
show the group for up to 2 seconds more.
"""

from dataclasses import dataclass

from shared.clock import Clock
from shared.store import layout
from shared.store.changes import Change
from shared.store.commits import commit
from shared.store.layout import pack_ids, unpack_ids
from shared.store.memberships import READ_AHEAD, Edit, Head, Memberships, Progress, Step, cut_steps
from shared.tables.operations import Delete, Insert, OperationRejected, Replace, RowOperation
from shared.tables.request_context import RequestContext
from shared.tables.retry import retry_conflicts
from shared.tables.rows import Row
from shared.tables.table import Table, collect

LEASE_SECONDS = 2.0
"""How long a process goes by what it has read, counted from before the read was sent."""

REMEMBERED_TENANTS = 1_000
"""Tenants of which a process remembers what the row said; of one more it drops the oldest."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """What the row said, and until when to go by it."""

    ids: frozenset[str]
    until: float


class DeletedGroups:
    """Reads the row `q` of a tenant, and remembers for a while which groups it named."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock
        self._readings: dict[str, _Reading] = {}

    async def read(self, context: RequestContext) -> Row | None:
        """Read the row itself, to change it. One call."""
        return await self._table.get(context, layout.DELETIONS_KEY)

    async def get_ids(self, context: RequestContext) -> frozenset[str]:
        """Tell which groups are deleted and not swept yet. One call; none within the lease."""
        reading = self._readings.get(context.tenant)
        if reading is not None and self._clock.steady() < reading.until:
            return reading.ids
        until = self._clock.steady() + LEASE_SECONDS
        row = await self.read(context)
        ids = frozenset[str]() if row is None else frozenset(unpack_ids(row.values))
        self._remember(context.tenant, _Reading(ids, until))
        return ids

    def forget(self, tenant: str) -> float:
        """Forget what the row of a tenant said, since it has changed.

        Returns:
            When no process goes by an older reading any more, for `outlast`.
        """
        self._readings.pop(tenant, None)
        return self._clock.steady() + LEASE_SECONDS

    async def outlast(self, moment: float) -> None:
        """Wait until a moment that `forget` has named, for 2 seconds at most.

        The request's deadline does not end the wait: to overrun it shortly is better than to say
        that a group is gone while a user still shows it.
        """
        while (left := moment - self._clock.steady()) > 0:
            await self._clock.sleep(left)

    def _remember(self, tenant: str, reading: _Reading) -> None:
        self._readings.pop(tenant, None)
        if len(self._readings) >= REMEMBERED_TENANTS:
            del self._readings[next(iter(self._readings))]
        self._readings[tenant] = reading


def begun(gid: str) -> Insert:
    """Build the operation that begins the row with one group; refused when there is a row."""
    return Insert(layout.DELETIONS_KEY, pack_ids([gid]))


def added(row: Row, gid: str) -> Replace:
    """Build the operation that adds a group to the row as it was read."""
    return Replace(row.key, pack_ids([*unpack_ids(row.values), gid]), row.etag)


def removed(row: Row, gid: str) -> RowOperation:
    """Build the operation that takes a group out of the row as it was read."""
    packed = pack_ids(other for other in unpack_ids(row.values) if other != gid)
    return Replace(row.key, packed, row.etag) if packed else Delete(row.key, row.etag)


GROUP_MEMBERS = 200
"""Members up to which a deleted group is swept within the request."""

_USER_ROWS = 90


class Sweeper:
    """Takes away the rows that deleted groups and users leave behind."""

    def __init__(self, table: Table, memberships: Memberships) -> None:
        self._table = table
        self._memberships = memberships

    async def sweep_group(
        self,
        context: RequestContext,
        gid: str,
        listed: Row | None = None,
        limit: int = GROUP_MEMBERS,
    ) -> bool:
        """Take a deleted group out of its members' lists, 40 a transaction.

        A call for each 1,000 members, one for each member, one for each 40.

        Args:
            context: the request.
            gid: id of the deleted group.
            listed: the row `q` where it is known.
            limit: with more members nothing is done.

        Returns:
            Whether the group is swept.
        """
        rows = await collect(
            self._table, context, layout.memberships_span(gid), limit + 1, select=()
        )
        if len(rows) > limit:
            return False
        uids = [layout.id_in(row.key) for row in rows]
        last: list[Edit] = []
        for start in range(0, len(uids), READ_AHEAD):
            wanted = dict.fromkeys(uids[start : start + READ_AHEAD], False)
            edits = last + await self._memberships.edits(context, gid, wanted, Progress())
            *steps, last = cut_steps(gid, edits) or [[]]
            for step in steps:
                await self._sweep_group_step(context, gid, step)
        await self._finish_group(context, gid, last, listed)
        return True

    async def _sweep_group_step(self, context: RequestContext, gid: str, edits: list[Edit]) -> None:
        step = Step(gid, Head((), "sweep"), edits)
        await self._memberships.step(context, step, Progress())

    async def sweep_user(self, context: RequestContext, uid: str) -> None:
        """Take away the memberships that a deleted user's row lists, 90 a transaction."""

        async def attempt() -> bool:
            row = await self._table.get(context, layout.deleted_user_key(uid))
            return row is not None and await self._sweep_user_step(context, uid, row)

        while await retry_conflicts(context, attempt):
            pass

    async def _sweep_user_step(self, context: RequestContext, uid: str, row: Row) -> bool:
        """Take away the first memberships of the list; tell whether more are left."""
        gids = unpack_ids(row.values)
        step, rest = gids[:_USER_ROWS], gids[_USER_ROWS:]
        shortened = (
            Replace(row.key, pack_ids(rest), row.etag) if rest else Delete(row.key, row.etag)
        )
        operations = [shortened, *(Delete(layout.membership_key(gid, uid)) for gid in step)]
        await commit(self._table, context, Change("User", uid, "sweep", left=step), operations)
        return bool(rest)

    async def _finish_group(
        self, context: RequestContext, gid: str, edits: list[Edit], listed: Row | None
    ) -> None:
        """Take away the last memberships together with the word that there were some."""

        async def attempt() -> None:
            nonlocal listed
            row = listed or await self._table.get(context, layout.DELETIONS_KEY)
            listed = None
            operations: list[RowOperation] = [Delete(layout.deleted_group_key(gid))]
            if row is not None and gid in unpack_ids(row.values):
                operations.append(removed(row, gid))
            head = Head(tuple(operations), "sweep")
            try:
                await self._memberships.step(context, Step(gid, head, edits), Progress())
            except OperationRejected as refusal:
                if refusal.operation != operations[0]:
                    raise
                # Another sweeper has finished this group.

        await retry_conflicts(context, attempt)
