"""Sweeping: what deleted groups and users, and groups given up, leave behind is taken away."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from shared.errors import ScimError
from shared.store import layout
from shared.store.changes import Change
from shared.store.commits import commit
from shared.store.deletions_row import hide_as_deleted, remove_hidden
from shared.store.layout import Column, RowKind, pack_ids, unpack_ids
from shared.store.memberships import (
    USERS_READ_AHEAD,
    GroupWrite,
    MembershipEdit,
    MembershipProgress,
    Memberships,
    MembershipTransaction,
    cut_into_batches,
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
    """

    resource: Literal["Group", "User"]
    id: str
    is_unfinished: bool = False


class Sweeper:
    """Takes away the rows that deleted groups and users, and groups given up, leave behind.

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

    async def sweep_user(
        self, context: RequestContext, uid: str, deletions_row: Row | None = None
    ) -> None:
        """Take away the memberships that a deleted user's record lists. 2 calls for each 90.

        1 more for the deletions row, unless it is known.
        """
        while await self._sweep_user_once(context, uid, deletions_row):
            pass

    async def sweep_users(
        self, context: RequestContext, uids: Iterable[str], deletions_row: Row | None = None
    ) -> bool:
        """Sweep deleted users for whoever came by, as far as it goes.

        Returns:
            Whether all of them are swept.
        """
        try:
            for uid in uids:
                await self.sweep_user(context, uid, deletions_row)
        except ScimError as error:
            _log.warning("the sweep of a deleted user waits: %s", type(error).__name__)
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

    async def records(self, context: RequestContext) -> list[DeletionRecord]:
        """List what is deleted, or unfinished, and not yet swept, up to 1,000. 1 call.

        Users come first, because their groups still list them. Nobody sees a deleted group.
        """
        span = layout.deletion_records_span()
        rows = await collect(self._table, context, span, PAGE_ROWS, select=())
        found = [layout.deleted_in(row.key) for row in rows]
        users = [DeletionRecord("User", uid) for kind, uid in found if kind == RowKind.DELETED_USER]
        groups = [
            DeletionRecord("Group", gid, is_unfinished=kind == RowKind.UNFINISHED_GROUP)
            for kind, gid in found
            if kind != RowKind.DELETED_USER
        ]
        return users + groups

    async def sweep(self, context: RequestContext, record: DeletionRecord, bound: Bound) -> bool:
        """Sweep a deleted group or user of any size, as far as the bound allows.

        Calls as in `sweep_user` and `sweep_group`, and 1 more for the deletions row. It keeps to
        the rate of the tenant's large changes. A group that is not created whole is left alone as
        long as a request may be at it.

        Returns:
            Whether it is swept.
        """
        if record.resource == "User":
            return await self._sweep_large_user(context, record.id, bound)
        if record.is_unfinished:
            if await self._is_being_created(context, record.id):
                return False
            await self.give_up_group(context, record.id)
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

    async def _is_being_created(self, context: RequestContext, gid: str) -> bool:
        """Tell whether a request may still be creating a group. 1 call."""
        row = await self._table.get(context, layout.unfinished_group_key(gid))
        if row is None:
            return False
        begun = datetime.fromisoformat(str(row.values[Column.CREATED]))
        return datetime.now(UTC) - begun < timedelta(seconds=CREATION_SECONDS)

    async def _sweep_user_once(
        self, context: RequestContext, uid: str, deletions_row: Row | None = None
    ) -> bool:
        """Read the list of a deleted user and shorten it; tell whether more is left."""

        async def attempt() -> bool:
            nonlocal deletions_row
            row = await self._table.get(context, layout.deleted_user_key(uid))
            if row is None:
                return False
            known, deletions_row = deletions_row, None
            return await self._sweep_memberships(context, uid, row, known)

        return await retry_conflicts(context, attempt)

    async def _sweep_memberships(
        self, context: RequestContext, uid: str, row: Row, deletions_row: Row | None
    ) -> bool:
        """Take away the first memberships of a deleted user's list; tell whether more are left."""
        gids = unpack_ids(row.values)
        first, rest = gids[:_MEMBERSHIPS_PER_TRANSACTION], gids[_MEMBERSHIPS_PER_TRANSACTION:]
        operations: list[RowOperation]
        if rest:
            operations = [Replace(row.key, pack_ids(rest), row.etag)]
        else:
            known = deletions_row or await self._table.get(context, layout.DELETIONS_KEY)
            operations = [Delete(row.key, row.etag), *remove_hidden(known, Column.USER_IDS, uid)]
        operations += (Delete(layout.membership_key(gid, uid)) for gid in first)
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
        await self._memberships.commit_edits(context, transaction, MembershipProgress())


def _cut_into_blocks(memberships: Sequence[Row]) -> Iterator[list[str]]:
    """Cut the members into as many as are read and kept at a time."""
    uids = [layout.id_in(row.key) for row in memberships]
    return (uids[at : at + USERS_READ_AHEAD] for at in range(0, len(uids), USERS_READ_AHEAD))
