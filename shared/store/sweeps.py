"""Clearing up after deletions that are too large for one transaction; idempotent, safe twice.

A deleted group leaves `q-g-<gid>`, a user deleted out of many groups `q-u-<uid>`. The rows go when
nothing is left to be done.
"""

from shared.store import keys, tombstones
from shared.store.changes import Change
from shared.store.commits import commit, until_settled
from shared.store.memberships import READ_AHEAD, Edit, Head, Memberships, Progress, Step, cut_steps
from shared.store.operations import Delete, Operation, Refused, Replace
from shared.store.rows import Row, pack_ids, unpack_ids
from shared.store.session import Session
from shared.store.table import Table, collect

GROUP_MEMBERS = 200
"""Members up to which a deleted group is swept within the request."""

_USER_ROWS = 90


class Sweeper:
    """Takes away the rows that deleted groups and users leave behind."""

    def __init__(self, table: Table, memberships: Memberships) -> None:
        self._table = table
        self._memberships = memberships

    async def sweep_group(
        self, session: Session, gid: str, listed: Row | None = None, limit: int = GROUP_MEMBERS
    ) -> bool:
        """Take a deleted group out of its members' lists, 40 a transaction.

        A call for each 1,000 members, one for each member, one for each 40.

        Args:
            session: the request.
            gid: id of the deleted group.
            listed: the row `q` where it is known.
            limit: with more members nothing is done.

        Returns:
            Whether the group is swept.
        """
        rows = await collect(self._table, session, keys.memberships(gid), limit + 1, select=())
        if len(rows) > limit:
            return False
        uids = [keys.member_of(row.key) for row in rows]
        last: list[Edit] = []
        for start in range(0, len(uids), READ_AHEAD):
            wanted = dict.fromkeys(uids[start : start + READ_AHEAD], False)
            edits = last + await self._memberships.edits(session, gid, wanted, Progress())
            *steps, last = cut_steps(gid, edits) or [[]]
            for step in steps:
                await self._sweep_group_step(session, gid, step)
        await self._finish_group(session, gid, last, listed)
        return True

    async def _sweep_group_step(self, session: Session, gid: str, edits: list[Edit]) -> None:
        step = Step(gid, Head((), "sweep"), edits)
        await self._memberships.step(session, step, Progress())

    async def sweep_user(self, session: Session, uid: str) -> None:
        """Take away the memberships that a deleted user's row lists, 90 a transaction."""

        async def attempt() -> bool:
            row = await self._table.get(session, keys.deleted_user(uid))
            return row is not None and await self._sweep_user_step(session, uid, row)

        while await until_settled(session, attempt):
            pass

    async def _sweep_user_step(self, session: Session, uid: str, row: Row) -> bool:
        """Take away the first memberships of the list; tell whether more are left."""
        gids = unpack_ids(row.values)
        step, rest = gids[:_USER_ROWS], gids[_USER_ROWS:]
        shortened = (
            Replace(row.key, pack_ids(rest), row.etag) if rest else Delete(row.key, row.etag)
        )
        operations = [shortened, *(Delete(keys.membership(gid, uid)) for gid in step)]
        await commit(self._table, session, Change("User", uid, "sweep", left=step), operations)
        return bool(rest)

    async def _finish_group(
        self, session: Session, gid: str, edits: list[Edit], listed: Row | None
    ) -> None:
        """Take away the last memberships together with the word that there were some."""

        async def attempt() -> None:
            nonlocal listed
            row = listed or await self._table.get(session, keys.DELETED_GROUPS)
            listed = None
            operations: list[Operation] = [Delete(keys.deleted_group(gid))]
            if row is not None and gid in unpack_ids(row.values):
                operations.append(tombstones.removed(row, gid))
            head = Head(tuple(operations), "sweep")
            try:
                await self._memberships.step(session, Step(gid, head, edits), Progress())
            except Refused as refusal:
                if refusal.operation != operations[0]:
                    raise
                # Another sweeper has finished this group.

        await until_settled(session, attempt)
