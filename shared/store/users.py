"""Users: create, read, change, delete, find and list."""

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace

from shared.scim.errors import NotFound, ScimError
from shared.store import keys
from shared.store.changes import Change
from shared.store.claims import folded_name, user_rows
from shared.store.commits import MAX_OPERATIONS, commit, create_once, until_settled
from shared.store.counters import Counters
from shared.store.lists import owners_of, pages, read_page, rows_after
from shared.store.operations import Delete, Insert, Replace
from shared.store.resources import (
    Precondition,
    User,
    check_precondition,
    timestamp,
    user_from,
    user_values,
)
from shared.store.rows import Document, Row, Values, pack_ids, unpack_ids
from shared.store.session import Session
from shared.store.sweeps import Sweeper
from shared.store.table import Table, get_all
from shared.store.tombstones import DeletedGroups

Names = Callable[[Document | None, Document], tuple[str, ...]]
"""Names the attributes in which two documents differ; None stands for no document at all."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class UserPage:
    """A page of users in id order, and how many there are in all."""

    total: int
    users: list[User]


class Users:
    """The users of every tenant; the session says of which."""

    def __init__(self, table: Table, sweeper: Sweeper, changed_names: Names) -> None:
        self._table = table
        self._sweeper = sweeper
        self._names = changed_names
        self._counters = Counters(table, "cu")
        self._deleted_groups = DeletedGroups(table)

    async def create(self, session: Session, document: Document) -> User:
        """Create a user. 2 calls.

        Raises:
            Uniqueness: another user has the userName.
            InvalidValue: a value by which users are found is too long.
            PayloadTooLarge: the document does not fit into a row.
        """
        name = folded_name(document, "userName")
        uid = keys.new_id(name)
        now = timestamp()
        user = User(uid, document, version=1, created=now, modified=now)
        change = Change("User", uid, "create", self._names(None, document), version=1)

        async def attempt() -> None:
            slot = await self._counters.read(session, uid)
            operations = [
                *user_rows(uid, document).inserts(),
                Insert(keys.user(uid), user_values(user, name, {})),
                self._counters.step(uid, slot, by=1),
            ]
            await commit(self._table, session, change, operations)

        await create_once(session, attempt, lambda: self._find_row(session, uid))
        return user

    async def get(self, session: Session, uid: str, *, groups: bool = True) -> User:
        """Read a user. 1 call; 2 when the user is in groups and they are wanted.

        Raises:
            NotFound: there is no such user.
        """
        user = user_from(await self._row(session, uid))
        return (await self._shown(session, [user]))[0] if groups else user

    async def get_many(self, session: Session, uids: Sequence[str]) -> list[User]:
        """Read users by id, in parallel, leaving out ids that are none. A call each, and `q`."""
        ids = [keys.user(uid) for uid in uids if keys.is_id(uid)]
        rows = await get_all(self._table, session, ids)
        return await self._shown(session, [user_from(row) for row in rows if row is not None])

    async def update(
        self,
        session: Session,
        uid: str,
        change: Callable[[Document], Document],
        precondition: Precondition | None = None,
    ) -> User:
        """Change a user's document. 2 calls; 1 when nothing changes; `q` as in `get`.

        Args:
            session: the request.
            uid: id of the user.
            change: pure; it is called again with the newer document after a lost race.
            precondition: the client's If-Match.

        Raises:
            NotFound: there is no such user.
            PreconditionFailed: the user has another version.
            Uniqueness: another user has the new userName.
        """

        async def attempt() -> User:
            row = await self._row(session, uid)
            user = user_from(row)
            check_precondition(precondition, str(user.version))
            document = change(user.document)
            if document == user.document:
                return user
            return await self._write(session, row, user, document)

        user = await until_settled(session, attempt)
        return (await self._shown(session, [user]))[0]

    async def delete(
        self, session: Session, uid: str, precondition: Precondition | None = None
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
            row = await self._row(session, uid)
            user = user_from(row)
            check_precondition(precondition, str(user.version))
            slot = await self._counters.read(session, uid)
            operations = [
                Delete(row.key, row.etag),
                *user_rows(uid, user.document).deletes(),
                self._counters.step(uid, slot, by=-1),
            ]
            room = MAX_OPERATIONS - 1 - len(operations)
            fits = len(user.group_ids) <= room
            if fits:
                operations += [Delete(keys.membership(gid, uid)) for gid in user.group_ids]
            else:
                operations.append(Insert(keys.deleted_user(uid), pack_ids(user.group_ids)))
            left = user.group_ids if fits else ()
            change = Change("User", uid, "delete", version=user.version + 1, left=left)
            await commit(self._table, session, change, operations)
            return fits

        if not await until_settled(session, attempt):
            await self._sweep_now(session, uid)

    async def by_user_name(self, session: Session, folded: str) -> User | None:
        """Find a user by the folded userName. 2 calls, 1 on a miss, and `q` as in `get`."""
        claim = await self._table.get(session, keys.claim("un", folded))
        if claim is None or claim.values["x"] != folded:
            return None
        found = await self.get_many(session, [str(claim.values["o"])])
        return found[0] if found else None

    async def by_external_id(self, session: Session, value: str) -> list[User]:
        """Find the users with an externalId, compared exactly. 1 call, 1 for each found, `q`."""
        owners = await owners_of(self._table, session, "ux", value)
        return await self.get_many(session, owners)

    async def by_email(self, session: Session, folded: str) -> list[User]:
        """Find the users with a folded e-mail address. 1 call, 1 for each found, `q`."""
        owners = await owners_of(self._table, session, "ue", folded)
        return await self.get_many(session, owners)

    async def count(self, session: Session) -> int:
        """Count the users. 1 call."""
        return (await self._counters.totals(session)).total

    async def page(self, session: Session, start_index: int, count: int) -> UserPage:
        """List users in id order, from the `start_index`-th (1-based).

        2 calls for up to 1,000 rows, those passed over in the first slot included, and `q` when
        any user is in a group; 1 for `count` 0 and past the end.
        """
        place = (start_index, count)
        page = await read_page(self._table, session, "u", self._counters, place)
        users = [user_from(row) for row in page.rows]
        return UserPage(page.total, await self._shown(session, users))

    async def after(self, session: Session, last_id: str, count: int) -> list[User]:
        """List users in id order, from behind an id on. 1 call for 1,000, and `q` as in `page`."""
        rows = await rows_after(self._table, session, "u", (last_id, count))
        return await self._shown(session, [user_from(row) for row in rows])

    async def scan(self, session: Session, last_id: str = "") -> AsyncIterator[User]:
        """Read all users in id order, or those behind an id; the caller bounds it.

        A call and `q` for each 1,000.
        """
        async for rows in pages(self._table, session, "u", last_id):
            for user in await self._shown(session, [user_from(row) for row in rows]):
                yield user

    async def _write(self, session: Session, row: Row, user: User, document: Document) -> User:
        """Replace a user's row and the key rows that differ."""
        name = folded_name(document, "userName")
        written = replace(user, document=document, version=user.version + 1, modified=timestamp())
        before, after = user_rows(user.id, user.document), user_rows(user.id, document)
        # The row comes before the claims: a rename that was done meanwhile by the same client's
        # retry must be read again, not be told that its own name is taken.
        operations = [
            Replace(row.key, user_values(written, name, _packed_list(row.values)), row.etag),
            *before.change_to(after),
        ]
        names = self._names(user.document, document)
        change = Change("User", user.id, "update", names, version=written.version)
        await commit(self._table, session, change, operations)
        return written

    async def _sweep_now(self, session: Session, uid: str) -> None:
        """Sweep within the request as far as it goes; the user is deleted in any case."""
        try:
            await self._sweeper.sweep_user(session, uid)
        except ScimError as error:
            _log.warning("the sweep of a deleted user waits: %s", type(error).__name__)

    async def _row(self, session: Session, uid: str) -> Row:
        row = await self._find_row(session, uid)
        if row is None:
            raise NotFound(f"There is no user {uid[:64]!r}.")
        return row

    async def _find_row(self, session: Session, uid: str) -> Row | None:
        return await self._table.get(session, keys.user(uid)) if keys.is_id(uid) else None

    async def _shown(self, session: Session, users: list[User]) -> list[User]:
        """Leave deleted groups out of the users' lists. 1 call when any of them is in a group."""
        gids = {gid for user in users for gid in user.group_ids}
        deleted = await self._deleted_groups.among(session, gids)
        if not deleted:
            return users
        return [
            replace(user, group_ids=tuple(gid for gid in user.group_ids if gid not in deleted))
            for user in users
        ]


def _packed_list(values: Values) -> Values:
    """Copy the packed list of groups as it lies in the row."""
    return pack_ids(unpack_ids(values))
