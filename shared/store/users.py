"""Users: create, read, change, delete, find and list."""

import logging
from dataclasses import replace
from itertools import chain

from shared.errors import NotFound
from shared.scim.schema import Document
from shared.store import layout
from shared.store.ancestors import MAX_GROUPS_READ, MAX_LEVELS, read_ancestors
from shared.store.changes import Change
from shared.store.claims import INDEXED_OF_USERS, IndexRows, folded_name, user_rows
from shared.store.collection import ChangedNames, Collection
from shared.store.commits import commit
from shared.store.deleted_users import DeletedUser, find_deleted
from shared.store.deletions import Sweeper
from shared.store.deletions_row import HiddenResources, add_hidden, deleted_member
from shared.store.layout import USER_EMAIL, USER_KINDS, Column, pack_ids, unpack_ids
from shared.store.resources import (
    Precondition,
    User,
    is_active,
    timestamp,
    user_from,
    user_values,
)
from shared.tables.operations import (
    MAX_TRANSACTION_OPERATIONS,
    Delete,
    OperationRejected,
    RowOperation,
)
from shared.tables.request_context import RequestContext
from shared.tables.retry import retry_conflicts
from shared.tables.rows import Row, Values
from shared.tables.table import Table

_log = logging.getLogger(__name__)


class Users(Collection[User]):
    """The users of every tenant; the context says of which.

    Wherever users are read to be shown and any of them is in a group, the deletions row is read
    too, but not again within its lease (`shared/store/deletions_row.py`).
    """

    def __init__(
        self,
        table: Table,
        sweeper: Sweeper,
        hidden: HiddenResources,
        changed_names: ChangedNames,
    ) -> None:
        super().__init__(table, "User", USER_KINDS, changed_names)
        self._sweeper = sweeper
        self._hidden = hidden

    async def create(self, context: RequestContext, document: Document) -> User:
        """Create a user; calls and errors as in `Collection.insert`."""
        uid = layout.new_id(folded_name(document, "userName"))
        now = timestamp()
        return await self.insert(context, User(uid, document, version=1, created=now, modified=now))

    async def get(self, context: RequestContext, resource_id: str, *, groups: bool = True) -> User:
        """Read a user. 1 call, and the deletions row when the user's groups are wanted.

        Raises:
            NotFound: there is no such user.
        """
        user = self.from_row(await self.get_row(context, resource_id))
        return (await self.hide_deleted_groups(context, [user]))[0] if groups else user

    async def delete(
        self, context: RequestContext, resource_id: str, precondition: Precondition | None = None
    ) -> None:
        """Delete a user with its index rows and memberships. 3 calls for up to about 90 groups.

        A user in more groups than one transaction can take away is deleted in the first one, which
        moves the list of its groups to a row of its own, and hides it from them; the memberships
        follow in further transactions, here or, when the request ends before, by whoever comes by.
        When this returns, no group shows the user, on any instance: unless it is swept, the end of
        the lease is waited for (`shared/store/deletions_row.py`), up to 2 seconds, past the
        deadline too.

        Raises:
            NotFound: there is no such user, and no group shows it; 1 call more to know that.
            PreconditionFailed: the user has another version.
            Unavailable, TooManyRequests: the user may be deleted or not; if it is, a group may
                show it for up to 2 seconds more.
        """
        deletions_row: Row | None = None

        async def attempt() -> tuple[bool, Row | None]:
            nonlocal deletions_row
            try:
                return await self._delete_rows(context, resource_id, precondition, deletions_row)
            except OperationRejected as rejection:
                if rejection.operation.key == layout.DELETIONS_KEY:
                    deletions_row = await self._hidden.read_row(context)
                raise

        try:
            is_swept, deletions_row = await retry_conflicts(context, attempt)
        except NotFound:
            if not await self._is_hidden(context, resource_id):
                raise
            await self._finish_deletion(context, resource_id, None)
            raise
        if not is_swept:
            await self._finish_deletion(context, resource_id, deletions_row)

    async def by_user_name(self, context: RequestContext, folded: str) -> User | None:
        """Find a user by the folded userName. 2 calls, 1 on a miss, and the deletions row."""
        key = layout.claim_key(self.kinds.claim, folded)
        return next(iter(await self.by_claim(context, key, folded)), None)

    async def by_email(self, context: RequestContext, folded: str) -> list[User]:
        """Find the users with a folded e-mail address. 1 call, 1 for each found, deletions row."""
        return await self.by_owned_value(context, USER_EMAIL, folded)

    async def ids_by_user_name(self, context: RequestContext, folded: str) -> list[str]:
        """Find the id of the user with a folded userName: one or none. 1 call."""
        key = layout.claim_key(self.kinds.claim, folded)
        owner = await self.claim_owner(context, key, folded)
        return [] if owner is None else [owner]

    async def ids_by_external_id(self, context: RequestContext, value: str, most: int) -> list[str]:
        """Find the ids of users with an externalId, at most so many. 1 call."""
        return await self.owners(context, self.kinds.external_id, value, most)

    async def ids_by_email(self, context: RequestContext, folded: str, most: int) -> list[str]:
        """Find the ids of users with a folded e-mail address, at most so many. 1 call."""
        return await self.owners(context, USER_EMAIL, folded, most)

    async def deleted_by_user_name(
        self, context: RequestContext, folded: str
    ) -> DeletedUser | None:
        """Find who had a folded userName and was deleted last. 1 call."""
        return await find_deleted(self.table, context, self.kinds.claim, folded)

    async def deleted_by_external_id(
        self, context: RequestContext, value: str
    ) -> DeletedUser | None:
        """Find who had an externalId and was deleted last. 1 call."""
        return await find_deleted(self.table, context, self.kinds.external_id, value)

    async def deleted_by_email(self, context: RequestContext, folded: str) -> DeletedUser | None:
        """Find who had a folded e-mail address and was deleted last. 1 call."""
        return await find_deleted(self.table, context, USER_EMAIL, folded)

    async def hide_deleted_groups(
        self, context: RequestContext, resources: list[User]
    ) -> list[User]:
        """Leave deleted groups out of the users' lists, and those that are not yet created.

        1 call when any of the users is in a group; none within the lease.
        """
        if not any(user.group_ids for user in resources):
            return resources
        listed = chain.from_iterable(user.group_ids for user in resources)
        deleted = await self._hidden.group_ids(context, listed)
        return [_without_groups(user, deleted) for user in resources] if deleted else resources

    async def with_indirect_groups(self, context: RequestContext, user: User) -> User:
        """Read the groups that the user's groups are in, where the tenant has groups in groups.

        Otherwise no call. A call for each group, up to 200 of them and 10 levels; past that a line
        of the log tells that some may be missing.
        """
        if not user.group_ids or not await self._hidden.has_nesting(context):
            return user
        found = await read_ancestors(self.table, self._hidden, context, user.group_ids)
        if not found.is_whole:
            _log.warning(
                "user %s is shown without the indirect groups beyond %d groups or %d levels",
                user.id,
                MAX_GROUPS_READ,
                MAX_LEVELS,
            )
        return replace(user, indirect_group_ids=found.ids)

    def from_row(self, row: Row) -> User:
        """Read a user out of its row."""
        return user_from(row)

    def values(self, resource: User, index_rows: IndexRows, before: Row | None) -> Values:
        """Lay a user out as properties, with the packed list of groups as it lies in the row."""
        del index_rows
        groups = {} if before is None else pack_ids(unpack_ids(before.values))
        return user_values(resource, folded_name(resource.document, "userName"), groups)

    def index_rows(self, resource_id: str, document: Document) -> IndexRows:
        """Build the claim on the userName, and the rows of externalId and e-mail addresses."""
        return user_rows(resource_id, document)

    def activity(self, document: Document) -> bool | None:
        """Tell whether a user is active."""
        return is_active(document)

    def index_changes(
        self, row: Row, resource: User, document: Document
    ) -> tuple[IndexRows, list[RowOperation]]:
        """Build the index rows and their changes; none where nothing changed that makes them.

        Most requests change something else, and nobody asks for the rows but to change them.
        """
        before = resource.document
        if all(before.get(name) == document.get(name) for name in INDEXED_OF_USERS):
            return IndexRows({}), []
        return super().index_changes(row, resource, document)

    async def _delete_rows(
        self,
        context: RequestContext,
        uid: str,
        precondition: Precondition | None,
        deletions_row: Row | None,
    ) -> tuple[bool, Row | None]:
        """Delete a user's own rows with its memberships, or record that these are still there.

        The deletions row is normally absent, so it is inserted without a look; `deletions_row` is
        that row once it was found in the way.

        Returns:
            Whether nothing is left, and otherwise the deletions row, if its ETag is known.
        """
        user, operations = await self.prepare_deletion(context, uid, precondition)
        index_rows = self.index_rows(uid, user.document)
        operations += DeletedUser(uid, user.version + 1, timestamp()).rows(index_rows)
        deletion = Change(
            "User",
            uid,
            "delete",
            version=user.version + 1,
            external_id=user.document.get("externalId"),
        )
        if len(user.group_ids) <= MAX_TRANSACTION_OPERATIONS - 1 - len(operations):
            operations += [Delete(layout.membership_key(gid, uid)) for gid in user.group_ids]
            change = replace(deletion, left=user.group_ids)
            await commit(self.table, context, change, operations)
            return True, None
        known = deletions_row or await self._hidden.read_expected_row(context)
        hidden = add_hidden(known, Column.MEMBER_IDS, uid)
        operations += [deleted_member(uid, "User", user.group_ids), hidden]
        etags = await commit(self.table, context, deletion, operations)
        return False, Row(hidden.key, hidden.values, etags[-1]) if etags else None

    async def _is_hidden(self, context: RequestContext, uid: str) -> bool:
        """Tell whether a user that is not there was deleted, and is not swept. 1 call."""
        return (
            layout.is_id(uid)
            and await self.table.get(context, layout.deleted_member_key(uid)) is not None
        )

    async def _finish_deletion(
        self, context: RequestContext, uid: str, deletions_row: Row | None
    ) -> None:
        """Sweep a deleted user, or else wait until no group shows it."""
        lease_end = self._hidden.invalidate(context.tenant)
        if not await self._sweeper.sweep_members(context, [uid], deletions_row):
            await self._hidden.wait_out_lease(lease_end)


def _without_groups(user: User, deleted: frozenset[str]) -> User:
    if deleted.isdisjoint(user.group_ids):
        return user
    return replace(user, group_ids=tuple(gid for gid in user.group_ids if gid not in deleted))
