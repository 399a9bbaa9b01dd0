"""Memberships: a row each, beside the list of groups in the member's row; they change together.

The cost of a change does not depend on the size of the group. A change of a membership rewrites the
member's row under its ETag and touches the group's row, which fails when the group is gone.

A member is a user or a group, and its id decides which. Ids do not tell, so the row of a user is
looked for first, and that of a group where there is none; the other way round for what a request
calls a group.

To add and to remove is blind: what else happens to the group does not matter. To replace the list
is not: it is the difference to the list as it was read. So its first transaction is committed under
the ETag that the group's row had before. If there are more, the row bears the id of the replace
until the last one, and each is committed under the ETag of a row with that id. A later replace
puts its own id there, or none if it is done at once; who finds that has been overtaken.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from shared.errors import InvalidValue, NotFound, ScimError, Unavailable
from shared.scim.members import MEMBER_TYPES, MemberChange, MemberType, contradicts
from shared.store import layout
from shared.store.changes import Change, Verb
from shared.store.commits import commit
from shared.store.deletions_row import HiddenResources
from shared.store.layout import Column, unpack_ids, with_ids
from shared.store.resources import timestamp
from shared.store.tenant_settings import TenantSettingsStore
from shared.tables.operations import (
    Delete,
    Insert,
    Merge,
    OperationRejected,
    Replace,
    RowOperation,
    payload_bytes,
)
from shared.tables.ranges import RangeReader
from shared.tables.rate_limiter import RateLimiter
from shared.tables.request_context import RequestContext
from shared.tables.retry import RETRY_POLICY, backoff, conflicts_exhausted
from shared.tables.rows import ANY_ETAG, Row
from shared.tables.table import Table, get_all
from shared.tables.tenant_queue import TenantQueue

MAX_MEMBERS_PER_TRANSACTION = 40
"""Members that one transaction changes; up to so many in a request are changed atomically."""

MEMBERS_READ_AHEAD = 5 * MAX_MEMBERS_PER_TRANSACTION
"""Members whose rows are read and kept at a time, however many a request names."""

_MAX_BYTES = 3 * 1_048_576
_MAX_RECORDED_IDS = 900  # of 35 characters in JSON: they fit into one property of 32,768
_MAX_TOLD_VALUES, _MAX_TOLD_LENGTH = 100, 128
"""Skipped values that the request is told of, for the provisioning log, and of each how much."""


class Wish(NamedTuple):
    """What a request wants of an id, by what it turns out to be.

    Attributes:
        user: whether it shall be a member (True) or none (False) if it is a user; None if such a
            one is to stay as it is.
        group: the same if it is a group.
        declared: what the request says that it is.
    """

    user: bool | None
    group: bool | None
    declared: MemberType | None = None

    def of(self, member_type: MemberType) -> bool | None:
        """Tell what is wanted of it if it is of a type."""
        return self.user if member_type == "User" else self.group

    @property
    def joins(self) -> bool:
        """Tell whether it shall be a member, whatever it is."""
        return bool(self.user or self.group)

    @property
    def likely_type(self) -> MemberType:
        """Tell as what to look for it first."""
        if self.declared is not None:
            return self.declared
        return "User" if self.user is not None else "Group"

    @property
    def other_type(self) -> MemberType | None:
        """Tell as what to look for it then; None where that would make no difference."""
        other: MemberType = "Group" if self.likely_type == "User" else "User"
        is_wanted = self.declared is not None or self.of(other) is not None
        return other if is_wanted else None


_ANY = Wish(True, True)


def leaving(member_type: MemberType) -> Wish:
    """Want a member of a known type to leave."""
    return Wish(False, None) if member_type == "User" else Wish(None, False)


def wishes_of(members: MemberChange) -> dict[str, Wish]:
    """Tell of each id that a change names what it wants."""
    users, groups = (_wanted(members.of(each)) for each in MEMBER_TYPES)
    ids = dict.fromkeys((*users, *groups)) if members.groups is not None else users
    types = members.types
    return {each: Wish(users.get(each), groups.get(each), types.get(each)) for each in ids}


def wishes_against(members: MemberChange, current: Mapping[str, MemberType]) -> dict[str, Wish]:
    """Compare a change with a list of members: who joins, then who leaves.

    Args:
        members: the change.
        current: the list, in id order.

    Raises:
        InvalidValue: a member is called what it is not.
    """
    wishes = wishes_of(members)
    kept = {each: frozenset(members.of(each).add) for each in MEMBER_TYPES}
    joining = {each: wish for each, wish in wishes.items() if wish.joins and each not in current}
    leaves: dict[str, Wish] = {}
    for member_id, member_type in current.items():
        wish = wishes.get(member_id)
        if wish is not None:
            members.check_type(member_id, member_type)
        is_named = wish is not None and wish.of(member_type) is False
        is_left_out = members.of(member_type).replace and member_id not in kept[member_type]
        if is_named or is_left_out:
            leaves[member_id] = leaving(member_type)
    return joining | leaves


def _wanted(members: MemberChange) -> dict[str, bool]:
    return dict.fromkeys(members.remove, False) | dict.fromkeys(members.add, True)


@dataclass(frozen=True, slots=True)
class MembershipEdit:
    """A user or a group about to join or to leave a group.

    Attributes:
        row: the member's row as it was read.
        joins: whether the member joins or leaves.
    """

    row: Row
    joins: bool

    @property
    def member_id(self) -> str:
        """Id of the member."""
        return layout.id_in(self.row.key)

    @property
    def member_type(self) -> MemberType:
        """What the member is."""
        return layout.member_type_in(self.row.key)

    @property
    def version(self) -> int | None:
        """Version of a user after the edit; a group's is made of the ETag of its row."""
        return None if self.member_type == "Group" else int(self.row.values[Column.VERSION]) + 1

    def is_needed(self, gid: str) -> bool:
        """Tell whether the member is not yet as the edit wants it."""
        return (gid in unpack_ids(self.row.values)) != self.joins

    def operations(self, gid: str) -> list[RowOperation]:
        """Build the operations on the member's row and on the membership row."""
        groups = unpack_ids(self.row.values)
        membership = layout.membership_key(gid, self.member_id)
        rest = tuple(other for other in groups if other != gid)
        values = with_ids(self.row.values, (*rest, gid) if self.joins else rest)
        if self.version is not None:
            values[Column.VERSION] = self.version
        kind = layout.member_type_values(self.member_type)
        return [
            Replace(self.row.key, values, self.row.etag),
            Insert(membership, kind) if self.joins else Delete(membership),
        ]


@dataclass(frozen=True, slots=True)
class GroupWrite:
    """What a transaction of memberships does to the group itself.

    Attributes:
        operations: on the group's own rows; the one on the group's row, if any, is the first.
        verb: what the change row says was done.
        names: attributes of the group that change.
        row: the group's row, where it was read.
        replacement: id of a replace of the list that is under way. The group's row must bear it.
    """

    operations: tuple[RowOperation, ...]
    verb: Verb = "members"
    names: tuple[str, ...] = ()
    row: Row | None = None
    replacement: str | None = None

    @property
    def is_touch(self) -> bool:
        """Tell whether nothing is changed but the time of the group's last change."""
        is_merge = len(self.operations) == 1 and isinstance(self.operations[0], Merge)
        return is_merge and self.replacement is None

    def marked(self, replacement: str) -> "GroupWrite":
        """Let the write put the id of a replace into the group's row; "" when it is the last."""
        first, *others = self.operations
        if isinstance(first, Delete):
            raise TypeError("a group that is deleted bears nothing")
        values = {**first.values, Column.REPLACEMENT: replacement}
        return replace(self, operations=(replace(first, values=values), *others))

    def under(self, etag: str) -> "GroupWrite":
        """Let a touch that was rejected go by another ETag of the group's row."""
        (touch,) = self.operations
        if not isinstance(touch, Merge):
            raise TypeError("what depends on the row that was read is built anew")
        return replace(self, operations=(replace(touch, etag=etag),))


def touch_group(
    gid: str, row: Row | None = None, etag: str = ANY_ETAG, replacement: str | None = None
) -> GroupWrite:
    """Build the write for a change of members only: the group must exist, and its ETag moves."""
    touch = Merge(layout.group_key(gid), {Column.MODIFIED: timestamp()}, etag)
    return GroupWrite((touch,), row=row, replacement=replacement)


def touch_unfinished_group(gid: str) -> GroupWrite:
    """Build the write for members who join a group before it is created: nobody has given it up."""
    touch = Merge(layout.unfinished_group_key(gid), {Column.MODIFIED: timestamp()}, ANY_ETAG)
    return GroupWrite((touch,))


class TooLargeAtOnce(Exception):  # noqa: N818 - an outcome that callers act on, not a fault
    """What had to be one transaction takes several. Nothing was changed."""


class Overtaken(Exception):  # noqa: N818 - an outcome that callers act on, not a fault
    """A replace of a list was stopped, because a later one of the same list has begun, or is done.

    When the later one is done, the list is as if the earlier one had been done before it.
    """


def check_replacement(row: Row, replacement: str) -> None:
    """Require that a group's row bears the id of a replace.

    Raises:
        Overtaken: it bears that of another, or none.
    """
    if row.values.get(Column.REPLACEMENT) != replacement:
        raise Overtaken


@dataclass(slots=True)
class MembershipProgress:
    """How far a request of several transactions has come.

    Attributes:
        transactions: transactions committed.
        members: members changed.
        known: members found of those that shall join.
        needs_known: whether nothing may change unless there is one.
        replacement: id of the replace of the list of which the changes are the difference.
        is_whole: whether all must be one transaction.
        is_unfinished: whether the group is not created yet; its record stands for it.
        gone: ids of those that shall leave that are neither users nor groups.
        skipped: ids that are neither, not yet recorded in a change row.
    """

    transactions: int = 0
    members: int = 0
    known: int = 0
    needs_known: bool = False
    replacement: str | None = None
    is_whole: bool = False
    is_unfinished: bool = False
    gone: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class MembershipTransaction:
    """One transaction of memberships.

    Attributes:
        gid: id of the group.
        group_write: what is done to the group itself.
        edits: who joins and who leaves.
    """

    gid: str
    group_write: GroupWrite
    edits: Sequence[MembershipEdit]

    def operations(self) -> list[RowOperation]:
        """Build the operations, without the change row."""
        edits = (operation for edit in self.edits for operation in edit.operations(self.gid))
        return [*self.group_write.operations, *edits]

    def change(self, progress: MembershipProgress) -> Change:
        """Describe the transaction; skipped ids are recorded with the next one after the read."""
        verb, names = self.group_write.verb, self.group_write.names
        return Change(
            "Group",
            self.gid,
            verb,
            (*names, "members") if self.edits and verb != "sweep" else names,
            added=tuple((edit.member_id, edit.version) for edit in self.edits if edit.joins),
            removed=tuple((edit.member_id, edit.version) for edit in self.edits if not edit.joins),
            skipped=tuple(progress.skipped),
        )


class Memberships:
    """Reads and changes the members of groups.

    Attributes:
        rate_limiter: limits what the large changes of a tenant write together.
    """

    def __init__(
        self,
        table: Table,
        hidden: HiddenResources,
        settings: TenantSettingsStore,
        *,
        reject_unknown: bool = False,
        writes_per_second: int = 1_000,
    ) -> None:
        """Prepare.

        Args:
            table: the table.
            hidden: the deletions row, which tells of groups in groups.
            settings: those of the tenants, which may say otherwise than the next one.
            reject_unknown: refuse a request that names an id that is neither a user nor a group;
                otherwise such ids are skipped and recorded, because one stale id must not block the
                others.
            writes_per_second: entities that the large changes of a tenant write a second together.
        """
        self._table = table
        self._hidden = hidden
        self._settings = settings
        self._reject_unknown = reject_unknown
        self.rate_limiter = RateLimiter(entities_per_second=writes_per_second)
        self._queue = TenantQueue(capacity=1)
        self._ranges = RangeReader(table)

    async def list_members(self, context: RequestContext, gid: str) -> dict[str, MemberType]:
        """List the ids of a group's members, in id order, with their types.

        A call for each 1,000, and a few more.
        """
        span = layout.memberships_span(gid)
        return members_in(await self._ranges.read(context, span, select=(Column.MEMBER_TYPE,)))

    async def find_members(
        self, context: RequestContext, gids: Sequence[str], ids: Sequence[str]
    ) -> list[dict[str, MemberType]]:
        """Tell of each group which of some users and groups are its members, with their types.

        A call for each user, 2 for each group. Their own lists are read: what is deleted is no
        member, swept or not.
        """
        found = await self._read_rows(context, dict.fromkeys(ids, _ANY))
        lists = {member_id: frozenset(unpack_ids(row.values)) for member_id, row in found.items()}
        return [
            {each: layout.member_type_in(found[each].key) for each in lists if gid in lists[each]}
            for gid in gids
        ]

    async def change(
        self,
        context: RequestContext,
        gid: str,
        group_write: GroupWrite,
        wanted: Mapping[str, Wish],
        progress: MembershipProgress | None = None,
    ) -> str | None:
        """Add and remove members; up to 40 in one transaction together with the group's write.

        A call for each user named, 2 for each group that is not called one, and one for each 40
        that change. Larger changes go on in further transactions, which are idempotent: the request
        may be repeated.

        Args:
            context: the request.
            gid: id of the group.
            group_write: what the first transaction does to the group itself.
            wanted: ids, each with what is wanted of it; what is or is not a member already is no
                error.
            progress: filled in as the request goes on. Where it needs somebody known, those who
                shall join come first in `wanted`.

        Returns:
            The ETag of the group's row after the last transaction, if it is known.

        Raises:
            NotFound: there is no such group.
            OperationRejected: the group's write was rejected; nothing was changed.
            InvalidValue: an id is neither a user nor a group, and such ids are refused; or all of
                them are neither, and one must be known; or one is not what it is called.
            Overtaken: another replace of the list was begun later.
            TooLargeAtOnce: it had to be one transaction.
            Unavailable: the deadline came in the middle; the request may be repeated.
        """
        progress = progress if progress is not None else MembershipProgress()
        progress.skipped.clear()
        progress.known = 0
        etag: str | None = None
        try:
            batches = self._read_batches(context, gid, group_write, wanted, progress)
            async for edits, is_last in batches:
                # Whoever leaves comes last, so by now all who shall join were read.
                _check_known(progress)
                if progress.is_whole and not is_last:
                    raise TooLargeAtOnce
                if progress.transactions:
                    await self.rate_limiter.wait(context)
                    group_write = await self._next_touch(context, gid, etag, progress)
                if progress.replacement is not None:
                    group_write = group_write.marked("" if is_last else progress.replacement)
                if any(edit.joins and edit.member_type == "Group" for edit in edits):
                    await self._hidden.ensure_nesting(context)
                entities = context.meter.entities
                transaction = MembershipTransaction(gid, group_write, edits)
                etag = await self.commit_edits(context, transaction, progress)
                self.rate_limiter.record(context, context.meter.entities - entities)
        except ScimError as error:
            raise _interrupted(error, progress, len(wanted)) from error
        _check_known(progress)
        if progress.transactions == 0:
            etag = await self._read_etag(context, gid, group_write)
        if progress.skipped:
            record = MembershipTransaction(gid, touch_group(gid), ()).change(progress)
            await commit(self._table, context, record, [])
        return etag

    async def read_edits(
        self,
        context: RequestContext,
        gid: str,
        wanted: Mapping[str, Wish],
        progress: MembershipProgress,
    ) -> list[MembershipEdit]:
        """Read the members named in `wanted` and keep the edits that are needed.

        Raises:
            InvalidValue: an id is neither a user nor a group, and such ids are refused; or one is
                not what it is called.
        """
        found = await self._read_rows(context, wanted)
        edits: list[MembershipEdit] = []
        unknown: list[str] = []
        for member_id, wish in wanted.items():
            row = found.get(member_id)
            joins = wish.joins if row is None else wish.of(layout.member_type_in(row.key))
            if row is None:
                (unknown if joins else progress.gone).append(member_id)
            elif joins is not None:
                progress.known += joins
                edits.append(MembershipEdit(row, joins))
        await self._skip_unknown(context, unknown, progress)
        return [edit for edit in edits if edit.is_needed(gid)]

    async def _read_rows(
        self, context: RequestContext, wanted: Mapping[str, Wish]
    ) -> dict[str, Row]:
        """Read the rows of users and groups by their ids, as what each is most likely first.

        Raises:
            InvalidValue: one is not what it is called.
        """
        ids = [member_id for member_id in wanted if layout.is_id(member_id)]
        found = await self._read_as(context, {each: wanted[each].likely_type for each in ids})
        others = {each: wanted[each].other_type for each in ids if each not in found}
        also_found = await self._read_as(
            context, {each: other for each, other in others.items() if other is not None}
        )
        for member_id, row in also_found.items():
            declared = wanted[member_id].declared
            if declared is not None:
                raise contradicts(member_id, declared, layout.member_type_in(row.key))
        return found | also_found

    async def _read_as(
        self, context: RequestContext, types: Mapping[str, MemberType]
    ) -> dict[str, Row]:
        """Read rows by ids, each as what it may be; a call each."""
        keys = [layout.member_key(member_type, each) for each, member_type in types.items()]
        rows = await get_all(self._table, context, keys)
        return {layout.id_in(row.key): row for row in rows if row is not None}

    async def commit_edits(
        self,
        context: RequestContext,
        transaction: MembershipTransaction,
        progress: MembershipProgress,
    ) -> str | None:
        """Commit one transaction, again for each user or touch that lost a race.

        Returns:
            The ETag of the row of the group write's first operation, if it is known.

        Raises:
            NotFound: the group is gone.
            OperationRejected: the group's write was rejected; nothing was changed.
            Overtaken: the replace that the group's row was to bear is not the latest.
            Unavailable: the same members are changed by others without end.
        """
        several = len(transaction.edits) > 1
        if several and self._queue.is_full(context):
            # By the time the turn comes, most of what was read will be stale.
            lost = transaction.edits
        else:
            try:
                return await self._commit(context, transaction, progress)
            except OperationRejected as rejection:
                lost = _edits_lost_to(rejection, transaction)
                transaction = await self._follow_group(context, rejection, transaction)
        async with self._queue.place(context):
            return await self._commit_again(context, transaction, lost, progress)

    async def _read_batches(
        self,
        context: RequestContext,
        gid: str,
        group_write: GroupWrite,
        wanted: Mapping[str, Wish],
        progress: MembershipProgress,
    ) -> AsyncIterator[tuple[list[MembershipEdit], bool]]:
        """Read members block by block, and cut the edits into what one transaction takes.

        With each batch it tells whether it is the last one.

        There is one batch at least where the group's write needs one. Where an id may be refused,
        because it is unknown or not what it is called, all are read before the first transaction.
        """
        names = list(wanted)
        is_checked = any(wish.declared for wish in wanted.values()) or (
            len(names) > MEMBERS_READ_AHEAD and await self._rejects_unknown(context)
        )
        block = max(len(names), 1) if is_checked else MEMBERS_READ_AHEAD
        reserved = sum(map(payload_bytes, group_write.operations))
        last: list[MembershipEdit] = []
        for start in range(0, len(names), block):
            part = {uid: wanted[uid] for uid in names[start : start + block]}
            edits = last + await self.read_edits(context, gid, part, progress)
            *full, last = cut_into_batches(gid, edits, reserved) or [[]]
            for batch in full:
                yield batch, False
        if last or (progress.transactions == 0 and not group_write.is_touch):
            yield last, True

    async def _commit(
        self,
        context: RequestContext,
        transaction: MembershipTransaction,
        progress: MembershipProgress,
    ) -> str | None:
        """Commit one transaction, once; see `commit_edits`."""
        change = transaction.change(progress)
        etags = await commit(self._table, context, change, transaction.operations())
        progress.transactions += 1
        progress.members += len(transaction.edits)
        progress.skipped.clear()
        return etags[0] if etags else None

    async def _commit_again(
        self,
        context: RequestContext,
        transaction: MembershipTransaction,
        lost: Sequence[MembershipEdit],
        progress: MembershipProgress,
    ) -> str | None:
        """Read the members of the lost edits again and commit, until no race is lost.

        One lost race costs one read. After a second one all members are read again.
        """
        gid, group_write = transaction.gid, transaction.group_write
        for races in range(RETRY_POLICY.conflict_attempts):
            if races:
                await backoff(context, races - 1)
            wanted = {
                edit.member_id: Wish(edit.joins, None)
                if edit.member_type == "User"
                else Wish(None, edit.joins)
                for edit in lost
            }
            again = await self.read_edits(context, gid, wanted, progress)
            edits = [edit for edit in transaction.edits if edit not in lost] + again
            if not edits and group_write.is_touch:
                return await self._read_etag(context, gid, group_write)
            transaction = MembershipTransaction(gid, group_write, edits)
            try:
                return await self._commit(context, transaction, progress)
            except OperationRejected as rejection:
                lost = edits if _edits_lost_to(rejection, transaction) else []
                transaction = await self._follow_group(context, rejection, transaction)
                group_write = transaction.group_write
        raise conflicts_exhausted("members")

    async def _next_touch(
        self, context: RequestContext, gid: str, etag: str | None, progress: MembershipProgress
    ) -> GroupWrite:
        """Build the touch that goes with the next transaction of a change.

        Args:
            context: the request.
            gid: id of the group.
            etag: of the group's row after the last transaction, if it is known.
            progress: of the change.
        """
        if progress.is_unfinished:
            return touch_unfinished_group(gid)
        replacement = progress.replacement
        if replacement is None:
            return touch_group(gid)
        if etag is None:
            etag = (await self._read_replaced(context, gid, replacement)).etag
        return touch_group(gid, etag=etag, replacement=replacement)

    async def _follow_group(
        self,
        context: RequestContext,
        rejection: OperationRejected,
        transaction: MembershipTransaction,
    ) -> MembershipTransaction:
        """Let a transaction of a replace go by the group's row as it is now. 1 call.

        Whoever adds or removes a member moves the ETag of that row.
        """
        group_write = transaction.group_write
        is_of_group = rejection.operation.key == layout.group_key(transaction.gid)
        if group_write.replacement is None or not is_of_group:
            return transaction
        row = await self._read_replaced(context, transaction.gid, group_write.replacement)
        return replace(transaction, group_write=group_write.under(row.etag))

    async def _read_replaced(self, context: RequestContext, gid: str, replacement: str) -> Row:
        """Read the row of a group whose list is being replaced. 1 call.

        Raises:
            NotFound: the group is gone.
            Overtaken: another replace was begun later.
        """
        row = await self._table.get(context, layout.group_key(gid))
        if row is None:
            raise no_such_group(gid)
        check_replacement(row, replacement)
        return row

    async def _read_etag(self, context: RequestContext, gid: str, group_write: GroupWrite) -> str:
        """End a change that needs no write: the group must exist all the same."""
        row = group_write.row or await self._table.get(context, group_write.operations[0].key)
        if row is None:
            raise no_such_group(gid)
        return row.etag

    async def _rejects_unknown(self, context: RequestContext) -> bool:
        """Tell whether the tenant wants unknown members refused. No call of the request.

        Raises:
            Unavailable: the settings of the tenant were never read.
        """
        said = (await self._settings.current(context)).settings.unknown_members
        return self._reject_unknown if said is None else said == "reject"

    async def _skip_unknown(
        self, context: RequestContext, unknown: list[str], progress: MembershipProgress
    ) -> None:
        """Refuse ids that are neither users nor groups, or keep those that are to be recorded.

        A change row holds those that have the form of an id, and the request all of them.
        """
        if unknown and await self._rejects_unknown(context):
            raise InvalidValue(
                f"{len(unknown)} of the members named are neither users nor groups here, the first "
                f"is {unknown[0][:64]!r}. Create them first, or leave them out.",
                path="members",
            )
        room = _MAX_RECORDED_IDS - len(progress.skipped)
        skipped = [uid for uid in unknown if layout.is_id(uid)]
        progress.skipped += skipped[:room]
        room = _MAX_TOLD_VALUES - len(context.skipped)
        context.skipped += [each[:_MAX_TOLD_LENGTH] for each in unknown[:room]]


def _check_known(progress: MembershipProgress) -> None:
    """Refuse a list of members of which nobody is known, where somebody must be."""
    if progress.needs_known and not progress.known:
        raise InvalidValue(
            "None of the members named is a user or a group here, so the list would only be "
            "emptied. Create them first, or send an empty list to remove all members.",
            path="members",
        )


def members_in(memberships: Sequence[Row]) -> dict[str, MemberType]:
    """Read the members, with their types, in membership rows."""
    return {layout.id_in(row.key): layout.member_type_of(row.values) for row in memberships}


def no_such_group(gid: str) -> NotFound:
    """Build the answer about a group that does not exist."""
    return NotFound(f"There is no group {gid[:64]!r}.")


def cut_into_batches(
    gid: str, edits: Sequence[MembershipEdit], reserved: int = 0
) -> list[list[MembershipEdit]]:
    """Cut edits into what one transaction takes: 40 members and 3 MiB, `reserved` bytes taken."""
    if len(edits) == 1:
        return [list(edits)]  # whatever its size: most changes are of one member
    batches: list[list[MembershipEdit]] = []
    size = 0
    for edit in edits:
        edit_size = sum(map(payload_bytes, edit.operations(gid)))
        is_full = not batches or len(batches[-1]) == MAX_MEMBERS_PER_TRANSACTION
        if is_full or size + edit_size > _MAX_BYTES:
            batches.append([])
            size = reserved
        batches[-1].append(edit)
        size += edit_size
    return batches


def _edits_lost_to(
    rejection: OperationRejected, transaction: MembershipTransaction
) -> list[MembershipEdit]:
    """Find the edit whose operation was rejected; none for a touch that met another touch.

    Raises:
        NotFound: the group is gone.
        OperationRejected: the group's write was rejected; the caller reads the group again.
    """
    operation = rejection.operation
    is_replacing = transaction.group_write.replacement is not None
    if isinstance(operation, Merge) and (operation.etag == ANY_ETAG or is_replacing):
        if rejection.status == 404:
            raise no_such_group(transaction.gid) from rejection
        return []
    member_id = layout.member_in(operation.key)
    lost = [edit for edit in transaction.edits if edit.member_id == member_id]
    if not lost:
        raise rejection
    return lost


def _interrupted(error: ScimError, progress: MembershipProgress, wanted: int) -> ScimError:
    """Say how far a request of several transactions came."""
    if progress.transactions == 0 or not isinstance(error, Unavailable):
        return error
    return Unavailable(
        f"{progress.members} of {wanted} members are done. Repeat the request as it was to go on, "
        "or send fewer members at a time.",
        retry_after=error.retry_after,
    )
