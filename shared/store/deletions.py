"""Sweeping: what deleted groups and users, and groups given up, leave behind is taken away."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from shared.errors import ScimError
from shared.scim.members import MemberType
from shared.store import layout
from shared.store.changes import Change
from shared.store.commits import commit
from shared.store.deletions_row import hide_as_deleted, remove_hidden
from shared.store.layout import Column, RowKind, unpack_ids, with_ids
from shared.store.memberships import (
    MEMBERS_READ_AHEAD,
    GroupWrite,
    MembershipEdit,
    MembershipProgress,
    Memberships,
    MembershipTransaction,
    Wish,
    cut_into_batches,
    leaving,
    members_in,
)
from shared.store.resources import timestamp
from shared.tables.operations import Delete, Insert, OperationRejected, Replace, RowOperation
from shared.tables.request_context import Bound, RequestContext
from shared.tables.retry import retry_conflicts
from shared.tables.rows import Row
from shared.tables.table import PAGE_ROWS, Table, collect

MAX_MEMBERS_SWEPT_AT_ONCE = 200
"""Members up to which a deleted group is swept within the request."""

_MEMBERSHIPS_PER_TRANSACTION = 90


_DELETION_KINDS = (RowKind.DELETED_MEMBER, RowKind.UNFINISHED_GROUP, RowKind.DELETED_GROUP)
"""Kinds of the records of deletions, in the order in which they are swept."""

CREATION_SECONDS = 600
"""Age from which a group that is not created whole has been given up: no request lasts so long."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DeletionRecord:
    """The record of a group or user that is gone, or not yet there, and has memberships.

    Attributes:
        resource: name of the resource type.
        id: of the resource.
        is_unfinished: whether it is a group that was not created whole.
        is_child: whether it is of a group and lists the groups that it was in; it has another
            record for its members.
    """

    resource: MemberType
    id: str
    is_unfinished: bool = False
    is_child: bool = False

    @property
    def is_member(self) -> bool:
        """Tell whether it lists the groups that the resource was in."""
        return self.resource == "User" or self.is_child


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What is left for the sweeper.

    Attributes:
        deletions: what is deleted, or unfinished, and not yet swept.
        role_changes: keys of the records of role maps of which not all is told.
        traces: keys of the records of traces.
        is_guarded: whether removals of the tenant are held, or ever were to be.
        unknown: kinds of records that a later version has written. They are not touched.
    """

    deletions: list[DeletionRecord]
    role_changes: list[str]
    traces: list[str] = field(default_factory=list)
    is_guarded: bool = False
    unknown: frozenset[str] = frozenset()


class Sweeper:
    """Takes away the rows that deleted groups and users, and groups given up, leave behind.

    A small deletion is swept within its own request, a large one by the runs of the timer
    (`sweep`). All of it can be broken off anywhere, repeated, and done by several at once.
    """

    def __init__(self, table: Table, memberships: Memberships) -> None:
        self._table = table
        self.memberships = memberships

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
        rows = await collect(self._table, context, span, limit + 1, select=(Column.MEMBER_TYPE,))
        if len(rows) > limit:
            return False
        last: list[MembershipEdit] = []
        for wanted in _cut_into_blocks(rows):
            last = await self._take_out(context, gid, wanted, last)
        await self._finish_group(context, gid, last, deletions_row)
        return True

    async def sweep_member(
        self, context: RequestContext, member_id: str, deletions_row: Row | None = None
    ) -> None:
        """Take away the memberships that a deleted member's record lists. 2 calls for each 90.

        1 more for the deletions row, unless it is known.
        """
        while await self._sweep_member_once(context, member_id, deletions_row):
            pass

    async def sweep_members(
        self, context: RequestContext, ids: Iterable[str], deletions_row: Row | None = None
    ) -> bool:
        """Sweep deleted members for whoever came by, as far as it goes.

        Returns:
            Whether all of them are swept.
        """
        try:
            for member_id in ids:
                await self.sweep_member(context, member_id, deletions_row)
        except ScimError as error:
            _log.warning("the sweep of a deleted member waits: %s", type(error).__name__)
            return False
        return True

    async def give_up_group(self, context: RequestContext, gid: str) -> None:
        """Make a deleted group of one that is not created whole, so that it can be swept. 2 calls.

        Nothing is done where there is no such group.
        """
        record = Delete(layout.unfinished_group_key(gid))

        async def attempt() -> None:
            row = await self._table.get(context, layout.DELETIONS_KEY)
            hidden = [] if row is None else [hide_as_deleted(row, gid)]
            deleted = Insert(layout.deleted_group_key(gid), {Column.DELETED: timestamp()})
            operations: list[RowOperation] = [record, deleted, *hidden]
            try:
                await commit(self._table, context, Change("Group", gid, "sweep"), operations)
            except OperationRejected as rejection:
                if rejection.operation != record:
                    raise

        await retry_conflicts(context, attempt)

    async def leftovers(self, context: RequestContext) -> Leftovers:
        """List what is left to be done, up to 1,000. 1 call.

        Deleted members come first, because their groups still list them. Nobody sees a deleted
        group.
        """
        span = layout.leftovers_span()
        rows = await collect(self._table, context, span, PAGE_ROWS, select=(Column.MEMBER_TYPE,))
        of: dict[RowKind | None, list[Row]] = defaultdict(list)
        for row in rows:
            of[layout.left_in(row.key)[0]].append(row)
        deletions = [_record_in(row) for kind in _DELETION_KINDS for row in of[kind]]
        return Leftovers(
            deletions,
            role_changes=[row.key for row in of[RowKind.ROLE_CHANGE]],
            traces=[row.key for row in of[RowKind.TRACE]],
            is_guarded=bool(of[RowKind.GUARD]),
            unknown=frozenset(layout.left_kind_in(row.key) for row in of[None]),
        )

    async def sweep(self, context: RequestContext, record: DeletionRecord, bound: Bound) -> bool:
        """Sweep a deleted group or user of any size, as far as the bound allows.

        Calls as in `sweep_member` and `sweep_group`, and 1 more for the deletions row. It keeps to
        the rate of the tenant's large changes. A group that is not created whole is left alone as
        long as a request may be at it.

        Returns:
            Whether it is swept.
        """
        if record.is_member:
            return await self._sweep_large_member(context, record.id, bound)
        if record.is_unfinished:
            if await self._is_being_created(context, record.id):
                return False
            await self.give_up_group(context, record.id)
        return await self._sweep_large_group(context, record.id, bound)

    async def _sweep_large_member(
        self, context: RequestContext, member_id: str, bound: Bound
    ) -> bool:
        while not bound.is_reached(context):
            async with self.memberships.rate_limiter.limit(context):
                if not await self._sweep_member_once(context, member_id):
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
            page = await self._table.page(
                context, span, PAGE_ROWS, token, select=(Column.MEMBER_TYPE,)
            )
            for wanted in _cut_into_blocks(page.rows):
                if bound.is_reached(context):
                    return False
                async with self.memberships.rate_limiter.limit(context):
                    last = await self._take_out(context, gid, wanted, last)
            token = page.token
            if token is None:
                await self._finish_group(context, gid, last, None)
                return True

    async def _take_out(
        self,
        context: RequestContext,
        gid: str,
        wanted: Mapping[str, Wish],
        last: list[MembershipEdit],
    ) -> list[MembershipEdit]:
        """Take a deleted group out of the lists of some members.

        Returns:
            The edits of the last transaction, which is not committed yet: it may be the one that
            finishes the group.
        """
        edits = last + await self.memberships.read_edits(context, gid, wanted, MembershipProgress())
        *full, last = cut_into_batches(gid, edits) or [[]]
        for batch in full:
            await self._commit_sweep(context, gid, (), batch)
        return last

    async def _is_being_created(self, context: RequestContext, gid: str) -> bool:
        """Tell whether a request may still be creating a group. 1 call."""
        row = await self._table.get(context, layout.unfinished_group_key(gid))
        if row is None:
            return False
        begun = datetime.fromisoformat(str(row.values[Column.CREATED]))
        return datetime.now(UTC) - begun < timedelta(seconds=CREATION_SECONDS)

    async def _sweep_member_once(
        self, context: RequestContext, member_id: str, deletions_row: Row | None = None
    ) -> bool:
        """Read the list of a deleted member and shorten it; tell whether more is left."""

        async def attempt() -> bool:
            nonlocal deletions_row
            row = await self._table.get(context, layout.deleted_member_key(member_id))
            if row is None:
                return False
            known, deletions_row = deletions_row, None
            return await self._sweep_memberships(context, member_id, row, known)

        return await retry_conflicts(context, attempt)

    async def _sweep_memberships(
        self, context: RequestContext, member_id: str, row: Row, deletions_row: Row | None
    ) -> bool:
        """Take away the first memberships of a deleted member; tell whether more are left."""
        gids = unpack_ids(row.values)
        first, rest = gids[:_MEMBERSHIPS_PER_TRANSACTION], gids[_MEMBERSHIPS_PER_TRANSACTION:]
        operations: list[RowOperation]
        if rest:
            operations = [Replace(row.key, with_ids(row.values, rest), row.etag)]
        else:
            known = deletions_row or await self._table.get(context, layout.DELETIONS_KEY)
            operations = [
                Delete(row.key, row.etag),
                *remove_hidden(known, Column.MEMBER_IDS, member_id),
            ]
        operations += (Delete(layout.membership_key(gid, member_id)) for gid in first)
        change = Change(layout.member_type_of(row.values), member_id, "sweep", left=first)
        await commit(self._table, context, change, operations)
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
            operations += remove_hidden(row, Column.GROUP_IDS, gid)
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
        await self.memberships.commit_edits(context, transaction, MembershipProgress())


def _record_in(row: Row) -> DeletionRecord:
    kind, resource_id = layout.left_in(row.key)
    if kind == RowKind.DELETED_MEMBER:
        member_type = layout.member_type_of(row.values)
        return DeletionRecord(member_type, resource_id, is_child=member_type == "Group")
    return DeletionRecord("Group", resource_id, is_unfinished=kind == RowKind.UNFINISHED_GROUP)


def _cut_into_blocks(memberships: Sequence[Row]) -> Iterator[dict[str, Wish]]:
    """Cut the members, which shall leave, into as many as are read and kept at a time."""
    members = list(members_in(memberships).items())
    for start in range(0, len(members), MEMBERS_READ_AHEAD):
        some = members[start : start + MEMBERS_READ_AHEAD]
        yield {member_id: leaving(member_type) for member_id, member_type in some}
