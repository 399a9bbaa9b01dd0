"""Users: create, read, change, delete, find and list."""

import logging
from dataclasses import dataclass, replace

from shared.errors import ScimError
from shared.scim.schema import Document
from shared.store import layout
from shared.store.changes import Change
from shared.store.claims import FOUND_BY, RowSet, folded_name, user_rows
from shared.store.collection import Collection, Names
from shared.store.commits import MAX_OPERATIONS, commit
from shared.store.deletions import DeletedGroups, Sweeper
from shared.store.layout import USER_EMAIL, USER_KINDS, Column, pack_ids, unpack_ids
from shared.store.reader import owners_of
from shared.store.resources import (
    Precondition,
    User,
    timestamp,
    user_from,
    user_values,
)
from shared.tables.operations import Delete, Insert, RowOperation
from shared.tables.request_context import RequestContext
from shared.tables.retry import retry_conflicts
from shared.tables.rows import Row, Values
from shared.tables.table import Table

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class UserPage:
    """A page of users in id order, and how many there are in all."""

    total: int
    users: list[User]


class Users(Collection[User]):
    """The users of every tenant; the context says of which.

    Wherever users are read to be shown and any of them is in a group, the row `q` is read too, but
    not again within its lease (`shared/store/deletions.py`).
    """

    def __init__(
        self,
        table: Table,
        sweeper: Sweeper,
        deleted_groups: DeletedGroups,
        changed_names: Names,
    ) -> None:
        super().__init__(table, "User", USER_KINDS, changed_names)
        self._sweeper = sweeper
        self._deleted_groups = deleted_groups

    async def create(self, context: RequestContext, document: Document) -> User:
        """Create a user; calls and errors as in `Collection.insert`."""
        uid = layout.new_id(folded_name(document, "userName"))
        now = timestamp()
        return await self.insert(context, User(uid, document, version=1, created=now, modified=now))

    async def get(self, context: RequestContext, uid: str, *, groups: bool = True) -> User:
        """Read a user. 1 call, and `q` when the user is in groups and they are wanted.

        Raises:
            NotFound: there is no such user.
        """
        user = self.read(await self.row(context, uid))
        return (await self.shown(context, [user]))[0] if groups else user

    async def delete(
        self, context: RequestContext, uid: str, precondition: Precondition | None = None
    ) -> None:
        """Delete a user with its key rows and memberships. 3 calls for up to about 90 groups.

        A user in more groups than one transaction can take away is deleted in the first one, which
        moves its list to a `q-u-` row; the memberships follow in further transactions, here or,
        when the request ends before, by the sweeper.

        Raises:
            NotFound: there is no such user.
            PreconditionFailed: the user has another version.
        """

        async def attempt() -> bool:
            user, operations = await self.deletion(context, uid, precondition)
            room = MAX_OPERATIONS - 1 - len(operations)
            fits = len(user.group_ids) <= room
            if fits:
                operations += [Delete(layout.membership_key(gid, uid)) for gid in user.group_ids]
            else:
                operations.append(Insert(layout.deleted_user_key(uid), pack_ids(user.group_ids)))
            left = user.group_ids if fits else ()
            change = Change("User", uid, "delete", version=user.version + 1, left=left)
            await commit(self.table, context, change, operations)
            return fits

        if not await retry_conflicts(context, attempt):
            await self._sweep_now(context, uid)

    async def by_user_name(self, context: RequestContext, folded: str) -> User | None:
        """Find a user by the folded userName. 2 calls, 1 on a miss, and `q` as in `get`."""
        claim = await self.table.get(context, layout.claim_key(USER_KINDS.claim, folded))
        if claim is None or claim.values[Column.VALUE] != folded:
            return None
        found = await self.get_many(context, [str(claim.values[Column.OWNER])])
        return found[0] if found else None

    async def by_email(self, context: RequestContext, folded: str) -> list[User]:
        """Find the users with a folded e-mail address. 1 call, 1 for each found, `q`."""
        return await self.get_many(
            context, await owners_of(self.table, context, USER_EMAIL, folded)
        )

    async def page(self, context: RequestContext, start_index: int, count: int) -> UserPage:
        """List users in id order, from the `start_index`-th (1-based).

        Calls as in `Collection.read_page`, and `q` when any user is in a group.
        """
        return UserPage(*await self.read_page(context, start_index, count))

    async def shown(self, context: RequestContext, resources: list[User]) -> list[User]:
        """Leave deleted groups out of the users' lists.

        1 call when any of the users is in a group; none within the lease.
        """
        if not any(user.group_ids for user in resources):
            return resources
        deleted = await self._deleted_groups.ids(context)
        return [_without(user, deleted) for user in resources] if deleted else resources

    def read(self, row: Row) -> User:
        """Read a user out of its row."""
        return user_from(row)

    def values(self, resource: User, key_rows: RowSet, before: Row | None) -> Values:
        """Lay a user out as properties, with the packed list of groups as it lies in the row."""
        del key_rows
        groups = {} if before is None else pack_ids(unpack_ids(before.values))
        return user_values(resource, folded_name(resource.document, "userName"), groups)

    def key_rows(self, resource_id: str, document: Document) -> RowSet:
        """Build the claim on the userName, and the rows of externalId and e-mail addresses."""
        return user_rows(resource_id, document)

    def key_changes(
        self, row: Row, resource: User, document: Document
    ) -> tuple[RowSet, list[RowOperation]]:
        """Build the key rows and their changes; none where nothing changed that makes them.

        Most requests change something else, and nobody asks for the rows but to change them.
        """
        before = resource.document
        if all(before.get(name) == document.get(name) for name in FOUND_BY):
            return RowSet({}), []
        return super().key_changes(row, resource, document)

    async def _sweep_now(self, context: RequestContext, uid: str) -> None:
        """Sweep within the request as far as it goes; the user is deleted in any case."""
        try:
            await self._sweeper.sweep_user(context, uid)
        except ScimError as error:
            _log.warning("the sweep of a deleted user waits: %s", type(error).__name__)


def _without(user: User, deleted: frozenset[str]) -> User:
    if deleted.isdisjoint(user.group_ids):
        return user
    return replace(user, group_ids=tuple(gid for gid in user.group_ids if gid not in deleted))
