"""The row `q`: ids of deleted groups that users may still list until their rows are swept.

It is normally absent. Whoever shows a user that is in groups reads it and leaves those groups out.
"""

from collections.abc import Collection

from shared.store import keys
from shared.store.operations import Delete, Insert, Operation, Replace
from shared.store.rows import Row, pack_ids, unpack_ids
from shared.store.session import Session
from shared.store.table import Table


class DeletedGroups:
    """Reads and changes the row `q` of a tenant."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def read(self, session: Session) -> Row | None:
        """Read the row itself, to change it. One call."""
        return await self._table.get(session, keys.DELETED_GROUPS)

    async def among(self, session: Session, gids: Collection[str]) -> frozenset[str]:
        """Tell which of these groups are deleted. One call; none when there are no groups."""
        if not gids:
            return frozenset()
        row = await self.read(session)
        return frozenset() if row is None else frozenset(unpack_ids(row.values)) & frozenset(gids)


def begun(gid: str) -> Insert:
    """Build the operation that begins the row with one group; refused when there is a row."""
    return Insert(keys.DELETED_GROUPS, pack_ids([gid]))


def added(row: Row, gid: str) -> Replace:
    """Build the operation that adds a group to the row as it was read."""
    return Replace(row.key, pack_ids([*unpack_ids(row.values), gid]), row.etag)


def removed(row: Row, gid: str) -> Operation:
    """Build the operation that takes a group out of the row as it was read."""
    packed = pack_ids(other for other in unpack_ids(row.values) if other != gid)
    return Replace(row.key, packed, row.etag) if packed else Delete(row.key, row.etag)
