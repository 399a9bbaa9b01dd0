"""Changes of role maps, as the feed tells them: an event for each user whose roles are others now.

The transaction that changes a role map leaves a record with the map before. The sweeper goes
through the users from there on, compares the roles by that map and by the one in force, and writes
a change row for each user for whom they differ, together with how far it has come. So it may be
broken off anywhere and go on, and what is told is told once.

It begins when every process goes by the new map. Who is told earlier and asks for the roles would
be given the old ones, and be told no more.

If the map is changed again meanwhile there are two records. Each compares with what is in force
when it comes by, so whoever is told too early by one is told again by the other.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from shared.clock import Clock
from shared.roles import RoleMap
from shared.store import layout
from shared.store.changes import Change
from shared.store.commits import commit
from shared.store.layout import USER_KINDS, Column, unpack_document
from shared.store.remembered import READING_SECONDS, REMEMBERED_SECONDS
from shared.store.resources import User, user_from
from shared.store.tenant_settings import TenantSettingsStore
from shared.store.user_roles import UserRoles
from shared.tables.operations import (
    MAX_TRANSACTION_OPERATIONS,
    Delete,
    Insert,
    Merge,
    OperationRejected,
    RowOperation,
)
from shared.tables.rate_limiter import RateLimiter
from shared.tables.request_context import Bound, RequestContext
from shared.tables.retry import resend
from shared.tables.rows import Row
from shared.tables.table import PAGE_ROWS, Table
from shared.tenant_settings import TenantSettings

SETTLED_SECONDS = 2 * (REMEMBERED_SECONDS + READING_SECONDS)
"""After how long every process goes by a new role map, also where clocks differ."""

_USERS_PER_TRANSACTION = MAX_TRANSACTION_OPERATIONS - 1
"""A transaction holds the change row of each, and the record."""


class _Comparison(NamedTuple):
    """What the roles of users are compared by."""

    before: RoleMap
    now: RoleMap
    is_nested: bool


class RoleChanges:
    """Tells of the role changes of every tenant; the context says of which."""

    def __init__(
        self,
        table: Table,
        settings: TenantSettingsStore,
        roles: UserRoles,
        rate_limiter: RateLimiter,
        clock: Clock,
    ) -> None:
        self._table = table
        self._settings = settings
        self._roles = roles
        self._rate_limiter = rate_limiter
        self._clock = clock

    async def tell(self, context: RequestContext, key: str, bound: Bound) -> int:
        """Tell of a change of the role map, as far as the bound allows.

        A call for the record, the settings, whether there are groups in groups, and each entry of
        both maps; then two for each 1,000 users, and one for each 99 who are concerned. With groups
        in groups also one for each group that users are in.

        Args:
            context: the run.
            key: of the record.
            bound: how far to go.

        Returns:
            How many users were told of.
        """
        record = await self._table.get(context, key)
        if record is None or not self._is_settled(record):
            return 0
        comparison = await self._read_maps(context, record)
        told = 0
        after = str(record.values.get(Column.VALUE, ""))
        while not bound.is_reached(context):
            span = layout.span_after(USER_KINDS.resource, after)
            page = await self._table.page(context, span, PAGE_ROWS)
            users = [user_from(row) for row in page.rows]
            concerned = await self._concerned(context, users, comparison)
            for some, end in _batches(concerned, users[-1].id if users else after):
                try:
                    record = await self._write(context, record, some, end)
                except OperationRejected:
                    return told  # another one is at it, or has finished it
                told, after = told + len(some), end
                if bound.is_reached(context):
                    return told
            if page.token is None:
                await self._finish(context, record)
                return told
        return told

    def _is_settled(self, record: Row) -> bool:
        """Tell whether every process goes by the new map."""
        since = int(record.values[Column.NUMBER])
        return self._clock.wall() >= since + SETTLED_SECONDS

    async def _read_maps(self, context: RequestContext, record: Row) -> _Comparison:
        before = TenantSettings.read(unpack_document(record.values)).role_map or ()
        now = (await self._settings.read(context)).settings.role_map or ()
        (map_before, _), (map_now, _) = [
            await self._roles.find_groups(context, entries) for entries in (before, now)
        ]
        return _Comparison(map_before, map_now, await self._roles.is_nested(context))

    async def _concerned(
        self, context: RequestContext, users: Sequence[User], comparison: _Comparison
    ) -> list[User]:
        groups = await self._roles.groups_of(context, users, is_nested=comparison.is_nested)
        return [
            user
            for user, group_ids in zip(users, groups, strict=True)
            if comparison.before.roles_of(group_ids) != comparison.now.roles_of(group_ids)
        ]

    async def _write(
        self, context: RequestContext, record: Row, users: Sequence[User], end: str
    ) -> Row:
        """Write the change rows of some users, and that all up to `end` are told of. 1 call."""
        progress = Merge(record.key, {Column.VALUE: end}, record.etag)
        async with self._rate_limiter.limit(context):
            if not users:
                (etag,) = await self._transact(context, progress)
                return Row(record.key, record.values, etag)
            first, *others = [_change(user) for user in users]
            rows: list[RowOperation] = [
                Insert(layout.new_change_key(), each.values(context, context.next_transaction()))
                for each in others
            ]
            etags = await commit(self._table, context, first, [progress, *rows])
        if etags is None:
            return await self._table.get(context, record.key) or record
        return Row(record.key, record.values, etags[0])

    async def _finish(self, context: RequestContext, record: Row) -> None:
        """Take the record away; whoever finds it gone has nothing to do."""
        try:
            await self._transact(context, Delete(record.key))
        except OperationRejected:
            return

    async def _transact(self, context: RequestContext, operation: RowOperation) -> list[str]:
        """Write the record alone, which needs no receipt."""
        return await resend(context, lambda: self._table.transact(context, [operation]))


def _change(user: User) -> Change:
    """Tell of a user whose roles have changed, and nothing of whose row."""
    return Change("User", user.id, "roles", ("roles",), version=user.version)


def _batches(users: Sequence[User], end: str) -> Iterator[tuple[Sequence[User], str]]:
    """Cut users into transactions, each with the id up to which all are told of after it."""
    size = _USERS_PER_TRANSACTION
    for start in range(0, max(len(users), 1), size):
        some = users[start : start + size]
        is_last = start + size >= len(users)
        yield some, end if is_last else some[-1].id
