"""Groups: create, read, change with their members, delete, find and list."""

import asyncio
import logging
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count

from shared.errors import NotFound, ScimError, TooManyRequests, Unavailable
from shared.scim.members import MemberChange, MemberType
from shared.scim.schema import Document
from shared.store import layout
from shared.store.changes import Change
from shared.store.claims import IndexRows, folded_name, group_rows
from shared.store.collection import ChangedNames
from shared.store.commits import commit, not_unique
from shared.store.deletions import Sweeper
from shared.store.deletions_row import (
    HiddenResources,
    add_hidden,
    also_hidden,
    deleted_member,
    remove_hidden,
)
from shared.store.layout import GROUP_KINDS, Column, unpack_ids
from shared.store.memberships import (
    MAX_MEMBERS_PER_TRANSACTION,
    GroupWrite,
    MembershipProgress,
    Overtaken,
    TooLargeAtOnce,
    Wish,
    check_replacement,
    no_such_group,
    touch_group,
    wishes_against,
    wishes_of,
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
from shared.store.tenant_settings import TenantSettingsStore
from shared.tables.operations import (
    MAX_TRANSACTION_OPERATIONS,
    Delete,
    Insert,
    Merge,
    OperationRejected,
    Replace,
    RowOperation,
)
from shared.tables.request_context import RequestContext
from shared.tables.retry import backoff, retry_conflicts
from shared.tables.rows import ANY_ETAG, Row
from shared.tables.table import Table, collect

PAGE_MEMBERSHIPS = 10_000
"""Memberships that a list of groups carries before it ends early."""

_UNDO_SECONDS = 10.0
_MEMBER_READERS = 8

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Update:
    """What a request does to a group; the parts are those of `Groups.update`."""

    gid: str
    members: MemberChange
    change: DocumentChange | None
    precondition: Precondition | None


class Groups(Reader[Group]):
    """The groups of every tenant; the context says of which.

    Groups are read without their members, but where it says otherwise.
    """

    def __init__(
        self,
        table: Table,
        sweeper: Sweeper,
        hidden: HiddenResources,
        settings: TenantSettingsStore,
        changed_names: ChangedNames,
    ) -> None:
        super().__init__(table, "Group", GROUP_KINDS)
        self._settings = settings
        self._memberships = sweeper.memberships
        self._sweeper = sweeper
        self._hidden = hidden
        self._changed_names = changed_names

    async def create(
        self,
        context: RequestContext,
        document: Document,
        member_ids: Sequence[str] = (),
        member_types: Mapping[str, MemberType] | None = None,
    ) -> Group:
        """Create a group with its members. 2 calls, and those of the members.

        With up to 40 members the group is created in one transaction. A larger one is created last:
        its members join it while it is hidden, and the last transaction shows it. 3 calls more.
        One that cannot be finished is as one that was deleted.

        Args:
            context: the request.
            document: the group without its members.
            member_ids: ids of users and groups.
            member_types: what the client says that some of them are.

        Raises:
            Uniqueness: another group has the displayName, and names of the tenant do not repeat.
            InvalidValue: a value by which groups are found is too long, or a member is unknown or
                not what it is called.
            Unavailable: the deadline came; the group does not exist.
        """
        now = timestamp()
        gid = layout.new_id(folded_name(document, "displayName"))
        repeats = await self._settings.names_repeat(context)
        group = Group(gid, document, "", created=now, modified=now, may_repeat=repeats)
        wanted = wishes_of(MemberChange(add=tuple(member_ids), types=member_types or {}))
        try:
            etag = await self._create_at_once(context, group, wanted)
        except TooLargeAtOnce:
            etag = await self._create_in_steps(context, group, wanted)
        version = await self._version_of(context, gid, etag)
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

        Members alone: a call for each user named, 2 for each group that is not called one, and one
        for each 40 that change, whatever the size of the group; one more with a precondition. A
        document: 2 calls, together with up to 40 members. A new list of members: its current list
        is read, then the difference changed. Of two new lists at once the result is one of them,
        and both requests succeed.

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
            InvalidValue: nobody of a new list of members is known, so it would empty the group; or
                one is not what it is called, or the group itself.
            Unavailable: the deadline came in the middle of many members; repeat the request.
        """
        if not layout.is_id(gid):
            raise no_such_group(gid)
        members.check_others(gid)
        update = _Update(gid, members, change, precondition)
        progress = MembershipProgress()
        apply = self._replace_members if members.replaces else self._change_members
        etag = await apply(context, update, progress)
        await self._sweep_members_met(context, progress.gone)
        return await self._version_of(context, gid, etag)

    async def delete(
        self, context: RequestContext, gid: str, precondition: Precondition | None = None
    ) -> None:
        """Delete a group. 3 calls, and the sweep of its memberships when they are few.

        4 calls more while another deleted group waits for its sweep: the deletions row is then
        found in the way, and the group read again. 1 more where it is known to be there.

        The groups that it is in lose it in the same transaction; those that do not fit, more than
        about 90, in further ones, as with a user. From the first transaction on nobody can join.
        What is left of the group in the rows of its members is swept at once for up to 200 members,
        later for more. When this returns, no user and no group shows the group, on any instance:
        unless it is swept, the end of the lease is waited for (`shared/store/deletions_row.py`), up
        to 2 seconds, past the deadline too.

        Raises:
            NotFound: there is no such group, and nobody shows it; 1 call more to know that.
            PreconditionFailed: the group has another version.
            Unavailable, TooManyRequests: the group may be deleted or not; if it is, a user or a
                group may show it for up to 2 seconds more.
        """
        deletions_row = await self._hidden.read_expected_row(context)

        async def attempt() -> tuple[Row | None, bool]:
            nonlocal deletions_row
            try:
                return await self._delete_rows(context, gid, precondition, deletions_row)
            except OperationRejected as rejection:
                if rejection.operation.key == layout.DELETIONS_KEY:
                    deletions_row = await self._hidden.read_row(context)
                raise

        try:
            deletions_row, is_listed = await retry_conflicts(context, attempt)
        except NotFound:
            await self._finish_deletion(context, gid)
            raise
        lease_end = self._hidden.invalidate(context.tenant)
        # To take the group out of others changes the deletions row.
        is_out = not is_listed or await self._sweeper.sweep_members(context, [gid])
        is_empty = await self._sweep(context, gid, None if is_listed else deletions_row)
        if not (is_out and is_empty):
            await self._hidden.wait_out_lease(lease_end)

    async def have_members(
        self, context: RequestContext, gids: Sequence[str], ids: Sequence[str]
    ) -> list[dict[str, MemberType]]:
        """Tell of each group which of some users and groups are its members, with their types.

        A call for each user, 2 for each group.
        """
        return await self._memberships.find_members(context, gids, ids)

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

    async def by_display_name(self, context: RequestContext, folded: str) -> list[Group]:
        """Find groups by the folded displayName. 1 call, and 1 for each found."""
        return await self.get_many(context, await self.ids_by_display_name(context, folded))

    async def ids_by_display_name(self, context: RequestContext, folded: str) -> list[str]:
        """Find the ids of groups by the folded displayName: one or none, unless names may repeat.

        1 call.
        """
        kind = self.kinds.claim
        if await self._settings.names_repeat(context):
            rows = await collect(self.table, context, layout.named_span(kind, folded))
            return [str(r.values[Column.OWNER]) for r in rows if r.values[Column.VALUE] == folded]
        owner = await self.claim_owner(context, layout.claim_key(kind, folded), folded)
        return [] if owner is None else [owner]

    async def ids_by_external_id(self, context: RequestContext, value: str) -> list[str]:
        """Find the ids of groups with an externalId. 1 call."""
        return await self.owners(context, self.kinds.external_id, value)

    def from_row(self, row: Row) -> Group:
        """Read a group out of its row."""
        return group_from(row)

    def not_found(self, resource_id: str) -> NotFound:
        """Build the answer about a group that does not exist."""
        return no_such_group(resource_id)

    async def _create_at_once(
        self, context: RequestContext, group: Group, wanted: Mapping[str, Wish]
    ) -> str | None:
        """Create a group with its members in one transaction; return the ETag of its row.

        Raises:
            TooLargeAtOnce: the members do not fit into one transaction.
        """
        if len(wanted) > MAX_MEMBERS_PER_TRANSACTION:
            raise TooLargeAtOnce
        names = self._changed_names(None, group.document)
        progress = MembershipProgress(is_whole=True)

        async def attempt() -> str | None:
            operations = await self._prepare_creation(context, group)
            write = GroupWrite(operations, "create", names)
            return await self._memberships.change(context, group.id, write, wanted, progress)

        return await retry_conflicts(context, attempt)

    async def _create_in_steps(
        self, context: RequestContext, group: Group, wanted: Mapping[str, Wish]
    ) -> str | None:
        """Let members join a group that is hidden, and create it; return the ETag of its row.

        Until it is created it has a record and is listed in the deletions row. Whoever takes the
        record away ends the creation, and a request that dies leaves it to the sweeper.
        """
        await self._check_name_is_free(context, group)
        try:
            await self._add_first_members(context, group.id, wanted)
            return await self._show_created(context, group)
        except ScimError as error:
            found = await self._give_up_creation(context, group.id)
            if found is not None:
                return found.etag
            if isinstance(error, (Unavailable, TooManyRequests)):
                raise _does_not_exist(error) from error
            if isinstance(error, NotFound):
                raise _does_not_exist(Unavailable(error.detail, retry_after=1)) from error
            raise

    async def _check_name_is_free(self, context: RequestContext, group: Group) -> None:
        """Refuse a name that is taken before hundreds of members join. 1 call.

        It may be taken later: the insert of the claim decides.
        """
        if group.may_repeat:
            return
        claim = next(iter(group_rows(group.id, group.document).rows.values()))
        if await self.table.get(context, claim.key) is not None:
            raise not_unique(claim)

    async def _add_first_members(
        self, context: RequestContext, gid: str, wanted: Mapping[str, Wish]
    ) -> None:
        """Record that a group is being created, hide it, and let its members join."""
        progress = MembershipProgress(is_unfinished=True)
        row = await self._hidden.read_expected_row(context)

        async def attempt() -> None:
            nonlocal row
            record = Insert(layout.unfinished_group_key(gid), {Column.CREATED: timestamp()})
            write = GroupWrite((record, add_hidden(row, Column.UNFINISHED_IDS, gid)))
            try:
                await self._memberships.change(context, gid, write, wanted, progress)
            except OperationRejected as rejection:
                if rejection.operation.key == layout.DELETIONS_KEY:
                    row = await self._hidden.read_row(context)
                raise

        await retry_conflicts(context, attempt)

    async def _show_created(self, context: RequestContext, group: Group) -> str | None:
        """Create a group whose members have joined; return the ETag of its row. 3 calls."""
        change = Change(
            "Group", group.id, "create", (*self._changed_names(None, group.document), "members")
        )

        async def attempt() -> str | None:
            hidden = await self._hidden.read_row(context)
            operations = [
                *await self._prepare_creation(context, group),
                Delete(layout.unfinished_group_key(group.id)),
                *remove_hidden(hidden, Column.UNFINISHED_IDS, group.id),
            ]
            try:
                etags = await commit(self.table, context, change, operations)
            except OperationRejected as rejection:
                if rejection.operation.key == layout.unfinished_group_key(group.id):
                    raise no_such_group(group.id) from rejection
                raise
            self._hidden.invalidate(context.tenant)
            return etags[0] if etags else None

        return await retry_conflicts(context, attempt)

    async def _prepare_creation(
        self, context: RequestContext, group: Group
    ) -> tuple[RowOperation, ...]:
        """Read the counter and build what creates a group."""
        slot = await self.counters.read_slot(context, group.id)
        values = group_values(group, folded_name(group.document, "displayName"))
        return (
            Insert(layout.group_key(group.id), values),
            *_rows_of(group).inserts(),
            self.counters.increment(group.id, slot, by=1),
        )

    async def _prepare_write(
        self,
        context: RequestContext,
        row: Row,
        change: DocumentChange | None,
        precondition: Precondition | None,
    ) -> GroupWrite:
        """Build the write of a group's own rows: new content, or a touch.

        Raises:
            PreconditionFailed: the group has another version.
        """
        group = group_from(row)
        check_precondition(precondition, group.version)
        document = group.document if change is None else await changed(change, group.document)
        if document == group.document:
            return touch_group(group.id, row, row.etag if precondition else ANY_ETAG)
        written = replace(group, document=document, modified=timestamp())
        name = folded_name(document, "displayName")
        if name != folded_name(group.document, "displayName"):
            repeats = await self._settings.names_repeat(context)
            written = replace(written, may_repeat=repeats)
        values = group_values(written, name)
        if Column.REPLACEMENT in row.values:
            values[Column.REPLACEMENT] = row.values[Column.REPLACEMENT]
        index_rows = _rows_of(group).change_to(_rows_of(written))
        operations = (Replace(row.key, values, row.etag), *index_rows)
        return GroupWrite(operations, "update", self._changed_names(group.document, document), row)

    async def _mark_replacement(
        self, context: RequestContext, update: _Update, replacement: str
    ) -> None:
        """Put the id of a replace into the group's row, which stops every other replace. 2 calls.

        Raises:
            NotFound: there is no such group.
            PreconditionFailed: the group has another version.
            OperationRejected: the version was checked, and has changed.
        """
        row = await self.get_row(context, update.gid)
        check_precondition(update.precondition, group_version(row.etag))
        etag = row.etag if update.precondition else ANY_ETAG
        mark = Merge(row.key, {Column.REPLACEMENT: replacement}, etag)
        await commit(self.table, context, Change("Group", update.gid, "members"), [mark])

    async def _wait_for_replacement(self, context: RequestContext, gid: str) -> str:
        """Wait until the replace that has overtaken this one is done: then this one is, before it.

        Returns:
            The ETag of the group's row.

        Raises:
            NotFound: the group is gone.
            Unavailable: the deadline came first; the list may be that of neither.
        """
        for reads in count():
            row = await self.get_row(context, gid)
            if not row.values.get(Column.REPLACEMENT):
                return row.etag
            await backoff(context, reads)
        raise AssertionError

    async def _change_members(
        self, context: RequestContext, update: _Update, progress: MembershipProgress
    ) -> str | None:
        """Change a group's document, and add and remove members.

        Returns:
            The ETag of the group's row, if it is known.
        """
        gid, wanted = update.gid, wishes_of(update.members)
        is_blind = update.change is None and update.precondition is None

        async def attempt() -> str | None:
            write = (
                touch_group(gid)
                if is_blind
                else await self._prepare_write(
                    context, await self.get_row(context, gid), update.change, update.precondition
                )
            )
            return await self._memberships.change(context, gid, write, wanted, progress)

        return await retry_conflicts(context, attempt)

    async def _replace_members(
        self, context: RequestContext, update: _Update, progress: MembershipProgress
    ) -> str | None:
        """Change a group's document, and its list of members into another.

        The first transaction is committed under the ETag that the group's row had before the list
        was read. Where others move it meanwhile, the replace first puts its id into the row, which
        stops every other one, and goes on from there.

        Returns:
            The ETag of the group's row, if it is known.
        """
        gid, members = update.gid, update.members
        replacement = progress.replacement = secrets.token_hex(8)
        is_raced = is_marked = False

        async def attempt() -> str | None:
            nonlocal is_raced, is_marked
            if is_raced and not is_marked:
                await self._mark_replacement(context, update, replacement)
                is_marked = True
            is_raced = True
            row = await self.get_row(context, gid)
            if is_marked:
                check_replacement(row, replacement)
            # The mark has moved the version, which was checked before.
            write = await self._prepare_write(
                context, row, update.change, None if is_marked else update.precondition
            )
            write = write.under(row.etag) if write.is_touch else write
            write = replace(write, replacement=replacement if is_marked else None)
            current = await self._memberships.list_members(context, gid)
            wanted = wishes_against(members, current)
            joins = any(wish.joins for wish in wanted.values())
            progress.needs_known = joins and bool(current) and current.keys() <= wanted.keys()
            return await self._memberships.change(context, gid, write, wanted, progress)

        try:
            return await retry_conflicts(context, attempt)
        except Overtaken:
            return await self._wait_for_replacement(context, gid)

    async def _sweep_members_met(self, context: RequestContext, ids: Sequence[str]) -> None:
        """Sweep those that were to leave and are not there, if they are deleted and listed."""
        if ids:
            hidden = await self._hidden.member_ids(context)
            await self._sweeper.sweep_members(context, hidden.intersection(ids))

    async def _delete_rows(
        self,
        context: RequestContext,
        gid: str,
        precondition: Precondition | None,
        deletions_row: Row | None,
    ) -> tuple[Row | None, bool]:
        """Delete a group's own rows, and record that its memberships are still there.

        The deletions row is normally absent, so it is inserted without a look; `deletions_row` is
        that row once it was found in the way.

        Returns:
            The deletions row as it was written, if its ETag is known, and whether groups are left
            that list this one as a member.
        """
        row = await self.get_row(context, gid)
        group = group_from(row)
        check_precondition(precondition, group.version)
        slot = await self.counters.read_slot(context, gid)
        hidden = add_hidden(deletions_row, Column.GROUP_IDS, gid)
        operations = [
            Delete(row.key, row.etag),
            *_rows_of(group).deletes(),
            self.counters.increment(gid, slot, by=-1),
            Insert(layout.deleted_group_key(gid), {Column.DELETED: timestamp()}),
        ]
        out_of = [Delete(layout.membership_key(parent, gid)) for parent in group.group_ids]
        is_listed = len(out_of) > MAX_TRANSACTION_OPERATIONS - 2 - len(operations)
        change = Change(
            "Group",
            gid,
            "delete",
            left=() if is_listed else group.group_ids,
            external_id=group.document.get("externalId"),
        )
        if is_listed:
            hidden = also_hidden(hidden, Column.MEMBER_IDS, gid)
            operations.append(deleted_member(gid, "Group", group.group_ids))
        else:
            operations += out_of
        etags = await commit(self.table, context, change, [*operations, hidden])
        return Row(hidden.key, hidden.values, etags[-1]) if etags else None, is_listed

    async def _sweep(self, context: RequestContext, gid: str, deletions_row: Row | None) -> bool:
        """Sweep the members within the request if that can be done; the group is deleted anyhow.

        Returns:
            Whether no member lists the group any more.
        """
        try:
            return await self._sweeper.sweep_group(context, gid, deletions_row)
        except ScimError as error:
            _log.warning("the sweep of a deleted group waits: %s", type(error).__name__)
            return False

    async def _finish_deletion(self, context: RequestContext, gid: str) -> None:
        """Wait until nobody shows a group that is not there any more. 1 call.

        It may have been deleted just now: by another request, or by this one or the one that it
        repeats, whose transaction was taken for lost.
        """
        row = await self._hidden.read_row(context) if layout.is_id(gid) else None
        if row is None:
            return
        is_listed = gid in unpack_ids(row.values, Column.MEMBER_IDS)
        if is_listed or gid in unpack_ids(row.values):
            lease_end = self._hidden.invalidate(context.tenant)
            if is_listed:
                await self._sweeper.sweep_members(context, [gid])
            await self._hidden.wait_out_lease(lease_end)

    async def _give_up_creation(self, context: RequestContext, gid: str) -> Row | None:
        """Sweep a group that could not be created, past the deadline if need be.

        Returns:
            The group's row if the group was created all the same, by a transaction that was taken
            for lost.

        Raises:
            Unavailable, TooManyRequests: whether it was created is not known.
        """
        context.deadline = max(context.deadline, time.monotonic() + _UNDO_SECONDS)
        await self._sweeper.give_up_group(context, gid)
        row = await self.find_row(context, gid)
        if row is None:
            lease_end = self._hidden.invalidate(context.tenant)
            if not await self._sweep(context, gid, None):
                await self._hidden.wait_out_lease(lease_end)
        return row

    async def _with_members(self, context: RequestContext, group: Group) -> Group:
        if group.member_ids is not None:
            return group
        members = await self._memberships.list_members(context, group.id)
        hidden = await self._hidden.member_ids(context) if members else frozenset[str]()
        if not hidden.isdisjoint(members):
            members = {each: its for each, its in members.items() if each not in hidden}
        return group.with_members(members)

    async def _version_of(self, context: RequestContext, gid: str, etag: str | None) -> str:
        """Make the version of an ETag; where only the receipt told of success, read the row."""
        return group_version(etag or (await self.get_row(context, gid)).etag)


def _rows_of(group: Group) -> IndexRows:
    return group_rows(group.id, group.document, may_repeat=group.may_repeat)


def _does_not_exist(error: ScimError) -> ScimError:
    """Build the answer about a group whose creation was undone because of an error."""
    return type(error)(
        "The group could not be created with all its members and does not exist. Repeat the "
        "request, or create the group with fewer members and add the others later.",
        retry_after=error.retry_after,
    )
