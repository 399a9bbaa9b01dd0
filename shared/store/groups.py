"""Groups: create, read, change with their members, delete, find and list."""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import replace

from shared.errors import NotFound, ScimError, TooManyRequests, Unavailable
from shared.scim.members import MemberChange
from shared.scim.schema import Document
from shared.store import layout
from shared.store.changes import Change
from shared.store.claims import folded_name, group_rows
from shared.store.collection import ChangedNames
from shared.store.commits import commit
from shared.store.deletions import DeletedGroups, Sweeper, record_deletion
from shared.store.layout import GROUP_KINDS, Column
from shared.store.memberships import (
    MAX_MEMBERS_PER_TRANSACTION,
    GroupWrite,
    MembershipProgress,
    Memberships,
    no_such_group,
    touch_group,
)
from shared.store.reader import Reader
from shared.store.resources import (
    DocumentChange,
    Group,
    Precondition,
    changed,
    check_precondition,
    group_from,
    group_values,
    group_version,
    timestamp,
)
from shared.tables.operations import Delete, Insert, OperationRejected, Replace
from shared.tables.request_context import RequestContext
from shared.tables.retry import retry_conflicts
from shared.tables.rows import ANY_ETAG, Row
from shared.tables.table import Table

PAGE_MEMBERSHIPS = 10_000
"""Memberships that a list of groups carries before it ends early."""

_UNDO_SECONDS = 10.0
_MEMBER_READERS = 8

_log = logging.getLogger(__name__)


class Groups(Reader[Group]):
    """The groups of every tenant; the context says of which.

    Groups are read without their members, but where it says otherwise.
    """

    def __init__(
        self,
        table: Table,
        memberships: Memberships,
        sweeper: Sweeper,
        deleted_groups: DeletedGroups,
        changed_names: ChangedNames,
    ) -> None:
        super().__init__(table, "Group", GROUP_KINDS)
        self._memberships = memberships
        self._sweeper = sweeper
        self._deleted_groups = deleted_groups
        self._changed_names = changed_names

    async def create(
        self, context: RequestContext, document: Document, member_ids: Sequence[str] = ()
    ) -> Group:
        """Create a group with its members. 2 calls, and those of the members.

        With up to 40 members the group is created in one transaction. A larger one that cannot be
        finished is deleted again.

        Raises:
            Uniqueness: another group has the displayName.
            InvalidValue: a value by which groups are found is too long, or a member is unknown.
            Unavailable: the deadline came; the group does not exist.
        """
        name = folded_name(document, "displayName")
        now = timestamp()
        group = Group(layout.new_id(name), document, version="", created=now, modified=now)
        wanted = dict.fromkeys(member_ids, True)
        progress = MembershipProgress()

        async def attempt() -> str | None:
            group_write = await self._prepare_creation(context, group, name)
            return await self._memberships.change(context, group.id, group_write, wanted, progress)

        try:
            etag = await retry_conflicts(context, attempt)
        except ScimError as error:
            # An unclear first transaction may have been committed, with the first members alone.
            passing = isinstance(error, (Unavailable, TooManyRequests))
            if progress.transactions or (passing and len(wanted) > MAX_MEMBERS_PER_TRANSACTION):
                is_gone = await self._undo_creation(context, group.id)
                if is_gone and passing:
                    raise _does_not_exist(error) from error
            raise
        version = await self._version_of(context, group.id, etag)
        # Nobody else knows the id yet, so a group that was to be empty is.
        return replace(group, version=version, member_ids=None if wanted else ())

    async def get(
        self, context: RequestContext, resource_id: str, *, members: bool = True
    ) -> Group:
        """Read a group. 1 call, and one for each 1,000 members when they are wanted.

        The row is read before the members, so the version is never newer than what is shown.

        Raises:
            NotFound: there is no such group.
        """
        group = self.from_row(await self.get_row(context, resource_id))
        return await self._with_members(context, group) if members else group

    async def update(
        self,
        context: RequestContext,
        gid: str,
        members: MemberChange,
        change: DocumentChange | None = None,
        precondition: Precondition | None = None,
    ) -> str:
        """Change a group's document, its members, or both.

        Members alone: a call for each user named and one for each 40 that change, whatever the
        size of the group; one more with a precondition. A document: 2 calls, together with up to
        40 members. A new list of members: its current list is read, then the difference changed.

        Args:
            context: the request.
            gid: id of the group.
            members: what happens to the members.
            change: is called again with the newer document after a lost race.
            precondition: the client's If-Match.

        Returns:
            The group's new version.

        Raises:
            NotFound: there is no such group.
            PreconditionFailed: the group has another version.
            Uniqueness: another group has the new displayName.
            InvalidValue: nobody of a new list of members is known, so it would empty the group.
            Unavailable: the deadline came in the middle of many members; repeat the request.
        """
        if not layout.is_id(gid):
            raise no_such_group(gid)
        is_blind = change is None and precondition is None and not members.replace

        async def attempt() -> str | None:
            group_write = (
                touch_group(gid)
                if is_blind
                else await self._prepare_update(context, gid, change, precondition)
            )
            if not members.replace:
                wanted = dict.fromkeys(members.remove, False) | dict.fromkeys(members.add, True)
                return await self._memberships.change(context, gid, group_write, wanted)
            wanted = await self._read_difference(context, gid, members.add)
            keeps_nobody = all(wanted.get(uid) for uid in members.add)
            is_exchange = bool(members.add) and keeps_nobody and not all(wanted.values())
            progress = MembershipProgress(needs_known=is_exchange)
            return await self._memberships.change(context, gid, group_write, wanted, progress)

        return await self._version_of(context, gid, await retry_conflicts(context, attempt))

    async def delete(
        self, context: RequestContext, gid: str, precondition: Precondition | None = None
    ) -> None:
        """Delete a group. 3 calls, and the sweep of its memberships when they are few.

        4 calls more while another deleted group waits for its sweep: the deletions row is then
        found in the way, and the group read again.

        From the first transaction on nobody can join. What is left of the group in the rows of
        users is swept at once for up to 200 members, later for more. When this returns, no user
        shows the group, on any instance: unless it is swept, the end of the lease is waited for
        (`shared/store/deletions.py`), up to 2 seconds, past the deadline too.

        Raises:
            NotFound: there is no such group, and no user shows it; 1 call more to know that.
            PreconditionFailed: the group has another version.
            Unavailable, TooManyRequests: the group may be deleted or not; if it is, a user may
                show it for up to 2 seconds more.
        """
        deletions_row: Row | None = None

        async def attempt() -> Row | None:
            nonlocal deletions_row
            try:
                return await self._delete_rows(context, gid, precondition, deletions_row)
            except OperationRejected as rejection:
                if rejection.operation.key == layout.DELETIONS_KEY:
                    deletions_row = await self._deleted_groups.read_row(context)
                raise

        try:
            deletions_row = await retry_conflicts(context, attempt)
        except NotFound:
            await self._wait_out_deletion(context, gid)
            raise
        lease_end = self._deleted_groups.invalidate(context.tenant)
        if not await self._sweep(context, gid, deletions_row):
            await self._deleted_groups.wait_out_lease(lease_end)

    async def have_members(
        self, context: RequestContext, gids: Sequence[str], uids: Sequence[str]
    ) -> list[tuple[str, ...]]:
        """Tell of each group which of some users are its members. A call for each of both."""
        return await self._memberships.find_members(context, gids, uids)

    async def with_members(self, context: RequestContext, groups: Sequence[Group]) -> list[Group]:
        """Read the members of groups, up to 10,000 in all; later groups are left out, never cut.

        At least one group is returned. A call for each group whose members are not known yet, and
        more for each 1,000 members.
        """
        complete: list[Group] = []
        memberships = 0
        for start in range(0, len(groups), _MEMBER_READERS):
            some = groups[start : start + _MEMBER_READERS]
            for group in await asyncio.gather(*(self._with_members(context, g) for g in some)):
                memberships += len(group.member_ids or ())
                if complete and memberships > PAGE_MEMBERSHIPS:
                    return complete
                complete.append(group)
        return complete

    async def by_display_name(self, context: RequestContext, folded: str) -> Group | None:
        """Find a group by the folded displayName. 2 calls, 1 on a miss."""
        key = layout.claim_key(self.kinds.claim, folded)
        return next(iter(await self.by_claim(context, key, folded)), None)

    def from_row(self, row: Row) -> Group:
        """Read a group out of its row."""
        return group_from(row)

    def not_found(self, resource_id: str) -> NotFound:
        """Build the answer about a group that does not exist."""
        return no_such_group(resource_id)

    async def _prepare_creation(
        self, context: RequestContext, group: Group, name: str
    ) -> GroupWrite:
        """Read the counter and build what creates a group."""
        slot = await self.counters.read_slot(context, group.id)
        operations = (
            Insert(layout.group_key(group.id), group_values(group, name)),
            *group_rows(group.id, group.document).inserts(),
            self.counters.increment(group.id, slot, by=1),
        )
        return GroupWrite(operations, "create", self._changed_names(None, group.document))

    async def _prepare_update(
        self,
        context: RequestContext,
        gid: str,
        change: DocumentChange | None,
        precondition: Precondition | None,
    ) -> GroupWrite:
        """Read a group and build the write of its own rows: new content, or a touch."""
        row = await self.get_row(context, gid)
        group = group_from(row)
        check_precondition(precondition, group.version)
        document = group.document if change is None else await changed(change, group.document)
        if document == group.document:
            return touch_group(gid, row, row.etag if precondition else ANY_ETAG)
        written = replace(group, document=document, modified=timestamp())
        name = folded_name(document, "displayName")
        before, after = group_rows(gid, group.document), group_rows(gid, document)
        operations = (
            Replace(row.key, group_values(written, name), row.etag),
            *before.change_to(after),
        )
        return GroupWrite(operations, "update", self._changed_names(group.document, document), row)

    async def _read_difference(
        self, context: RequestContext, gid: str, wanted: Sequence[str]
    ) -> dict[str, bool]:
        """Compare a new list of members with the current one: who joins (True), then who leaves."""
        current = frozenset(await self._memberships.list_members(context, gid))
        leaving = dict.fromkeys(sorted(current.difference(wanted)), False)
        return {uid: True for uid in wanted if uid not in current} | leaving

    async def _delete_rows(
        self,
        context: RequestContext,
        gid: str,
        precondition: Precondition | None,
        deletions_row: Row | None,
    ) -> Row | None:
        """Delete a group's own rows, and record that its memberships are still there.

        The deletions row is normally absent, so it is inserted without a look; `deletions_row` is
        that row once it was found in the way.

        Returns:
            The deletions row as it was written, if its ETag is known.
        """
        row = await self.get_row(context, gid)
        group = group_from(row)
        check_precondition(precondition, group.version)
        slot = await self.counters.read_slot(context, gid)
        record = record_deletion(gid, deletions_row)
        operations = [
            Delete(row.key, row.etag),
            *group_rows(gid, group.document).deletes(),
            self.counters.increment(gid, slot, by=-1),
            Insert(layout.deleted_group_key(gid), {Column.DELETED: timestamp()}),
            record,
        ]
        etags = await commit(self.table, context, Change("Group", gid, "delete"), operations)
        return Row(record.key, record.values, etags[-1]) if etags else None

    async def _sweep(self, context: RequestContext, gid: str, deletions_row: Row | None) -> bool:
        """Sweep within the request if that can be done; the group is deleted in any case.

        Returns:
            Whether the group is swept.
        """
        try:
            return await self._sweeper.sweep_group(context, gid, deletions_row)
        except ScimError as error:
            _log.warning("the sweep of a deleted group waits: %s", type(error).__name__)
            return False

    async def _wait_out_deletion(self, context: RequestContext, gid: str) -> None:
        """Wait until no user shows a group that is not there any more.

        It may have been deleted just now: by another request, or by this one or the one that it
        repeats, whose transaction was taken for lost.
        """
        if (
            layout.is_id(gid)
            and await self.table.get(context, layout.deleted_group_key(gid)) is not None
        ):
            lease_end = self._deleted_groups.invalidate(context.tenant)
            await self._deleted_groups.wait_out_lease(lease_end)

    async def _undo_creation(self, context: RequestContext, gid: str) -> bool:
        """Delete a group whose members could not all be added, past the deadline if need be.

        Returns:
            Whether it is known that the group does not exist.
        """
        context.deadline = max(context.deadline, time.monotonic() + _UNDO_SECONDS)
        try:
            await self.delete(context, gid)
        except NotFound:
            return True
        except ScimError:
            _log.exception("a group whose creation failed could not be deleted again: %s", gid)
            return False
        return True

    async def _with_members(self, context: RequestContext, group: Group) -> Group:
        if group.member_ids is not None:
            return group
        return replace(group, member_ids=await self._memberships.list_members(context, group.id))

    async def _version_of(self, context: RequestContext, gid: str, etag: str | None) -> str:
        """Make the version of an ETag; where only the receipt told of success, read the row."""
        return group_version(etag or (await self.get_row(context, gid)).etag)


def _does_not_exist(error: ScimError) -> ScimError:
    """Build the answer about a group whose creation was undone because of an error."""
    return type(error)(
        "The group could not be created with all its members and does not exist. Repeat the "
        "request, or create the group with fewer members and add the others later.",
        retry_after=error.retry_after,
    )
