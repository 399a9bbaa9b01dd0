"""Users: create, read, change, delete, find and list."""

import logging
from dataclasses import replace

from shared.errors import ScimError
from shared.scim.schema import Document
from shared.store import layout
from shared.store.changes import Change
from shared.store.claims import INDEXED_OF_USERS, IndexRows, folded_name, user_rows
from shared.store.collection import ChangedNames, Collection
from shared.store.commits import commit
from shared.store.deletions import DeletedGroups, Sweeper
from shared.store.layout import USER_EMAIL, USER_KINDS, pack_ids, unpack_ids
from shared.store.resources import Precondition, User, timestamp, user_from, user_values
from shared.tables.operations import MAX_TRANSACTION_OPERATIONS, Delete, Insert, RowOperation
from shared.tables.request_context import RequestContext
from shared.tables.retry import retry_conflicts
from shared.tables.rows import Row, Values
from shared.tables.table import Table

_log = logging.getLogger(__name__)


class Users(Collection[User]):
    """The users of every tenant; the context says of which.

    Wherever users are read to be shown and any of them is in a group, the deletions row is read
    too, but not again within its lease (`shared/store/deletions.py`).
    """

    def __init__(
        self,
        table: Table,
        sweeper: Sweeper,
        deleted_groups: DeletedGroups,
        changed_names: ChangedNames,
    ) -> None:
        super().__init__(table, "User", USER_KINDS, changed_names)
        self._sweeper = sweeper
        self._deleted_groups = deleted_groups

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
        moves the list of its groups to a row of its own; the memberships follow in further
        transactions, here or, when the request ends before, by the sweeper.

        Raises:
            NotFound: there is no such user.
            PreconditionFailed: the user has another version.
        """

        async def attempt() -> bool:
            user, operations = await self.prepare_deletion(context, resource_id, precondition)
            room = MAX_TRANSACTION_OPERATIONS - 1 - len(operations)
            fits = len(user.group_ids) <= room
            if fits:
                operations += [
                    Delete(layout.membership_key(gid, user.id)) for gid in user.group_ids
                ]
            else:
                operations.append(
                    Insert(layout.deleted_user_key(user.id), pack_ids(user.group_ids))
                )
            left = user.group_ids if fits else ()
            change = Change("User", user.id, "delete", version=user.version + 1, left=left)
            await commit(self.table, context, change, operations)
            return fits

        if not await retry_conflicts(context, attempt):
            await self._sweep(context, resource_id)

    async def by_user_name(self, context: RequestContext, folded: str) -> User | None:
        """Find a user by the folded userName. 2 calls, 1 on a miss, and the deletions row."""
        key = layout.claim_key(self.kinds.claim, folded)
        return next(iter(await self.by_claim(context, key, folded)), None)

    async def by_email(self, context: RequestContext, folded: str) -> list[User]:
        """Find the users with a folded e-mail address. 1 call, 1 for each found, deletions row."""
        return await self.by_owned_value(context, USER_EMAIL, folded)

    async def hide_deleted_groups(
        self, context: RequestContext, resources: list[User]
    ) -> list[User]:
        """Leave deleted groups out of the users' lists.

        1 call when any of the users is in a group; none within the lease.
        """
        if not any(user.group_ids for user in resources):
            return resources
        deleted = await self._deleted_groups.get_ids(context)
        return [_without_groups(user, deleted) for user in resources] if deleted else resources

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

    async def _sweep(self, context: RequestContext, uid: str) -> None:
        """Sweep within the request as far as it goes; the user is deleted in any case."""
        try:
            await self._sweeper.sweep_user(context, uid)
        except ScimError as error:
            _log.warning("the sweep of a deleted user waits: %s", type(error).__name__)


def _without_groups(user: User, deleted: frozenset[str]) -> User:
    if deleted.isdisjoint(user.group_ids):
        return user
    return replace(user, group_ids=tuple(gid for gid in user.group_ids if gid not in deleted))
