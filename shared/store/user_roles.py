"""The roles of users: from the groups that they are in, groups in groups included."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from shared.clock import Clock
from shared.roles import RoleEntry, RoleMap
from shared.store.ancestors import MAX_GROUPS_READ, read_ancestors
from shared.store.deletions_row import HiddenResources
from shared.store.groups import Groups
from shared.store.remembered import RememberedByTenant
from shared.store.resources import User
from shared.store.tenant_settings import (
    KeptSettings,
    TenantSettingsStore,
    beside_requests,
    settings_unread,
)
from shared.tables.request_context import RequestContext
from shared.tables.table import read_side_by_side

Roles = tuple[str, ...]

MAX_GROUPS_OF_A_PAGE = 10_000
"""Groups that are read for the roles of the users of a page."""

_LOOKUPS_AT_ONCE = 50

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FoundGroups:
    """A role map, with what was found of the groups that it names.

    Attributes:
        version: that of the settings.
        role_map: by the ids of groups.
        numbers: how many groups each entry names.
        is_nested: whether there may be groups in groups.
    """

    version: int
    role_map: RoleMap
    numbers: tuple[int, ...]
    is_nested: bool = False


class UserRoles:
    """Computes roles; nothing of them is kept, and no document holds them.

    A process finds the groups that a role map names once a minute, while roles are asked for, so
    that the ids in a user's row tell the roles. While the groups of a new role map are being found,
    the last one serves, unless it was found more than a minute ago.
    """

    def __init__(
        self,
        groups: Groups,
        hidden: HiddenResources,
        settings: TenantSettingsStore,
        clock: Clock,
    ) -> None:
        self._groups = groups
        self._hidden = hidden
        self._settings = settings
        self._found = RememberedByTenant(self._find_beside, clock)

    async def of(self, context: RequestContext, users: Sequence[User]) -> list[Roles] | None:
        """Return the roles of each user, sorted; None where the tenant has no role map.

        No call in a tenant without groups in groups. With them a call for each group that the users
        are in, directly or not, up to 200 for each user and 10,000 in all, and 10 levels; and the
        deletions row. Past that a line of the log tells that some roles may be missing.

        Args:
            context: the request.
            users: with all their groups; those that are deleted and not yet swept give no role.

        Raises:
            Unavailable: the settings, or the groups of the role map, could not be read.
        """
        found = await self._current(context)
        if found is None:
            return None
        groups = await self.groups_of(context, users, is_nested=found.is_nested)
        return [found.role_map.roles_of(group_ids) for group_ids in groups]

    async def groups_of(
        self, context: RequestContext, users: Sequence[User], *, is_nested: bool
    ) -> list[list[str]]:
        """List the groups of each user, those in which they are indirectly too; calls as of `of`.

        Args:
            context: the request.
            users: with their own groups.
            is_nested: whether there may be groups in groups.
        """
        parents: Mapping[str, Sequence[str]] = {}
        first = tuple({gid: None for user in users for gid in user.group_ids})
        if is_nested and first:
            most = min(MAX_GROUPS_READ * len(users), MAX_GROUPS_OF_A_PAGE)
            ancestors = await read_ancestors(self._groups.table, self._hidden, context, first, most)
            parents = ancestors.parents
            if not ancestors.is_whole:
                _log.warning("roles are computed without the groups beyond %d or 10 levels", most)
        return [list(_upwards(user.group_ids, parents)) for user in users]

    async def find_groups(
        self, context: RequestContext, entries: Sequence[RoleEntry]
    ) -> tuple[RoleMap, tuple[int, ...]]:
        """Find the groups that entries name now, and how many each names. A call for each."""
        found: list[list[str]] = []
        for start in range(0, len(entries), _LOOKUPS_AT_ONCE):
            some = entries[start : start + _LOOKUPS_AT_ONCE]
            found += await read_side_by_side([self._ids_of(context, each) for each in some])
        return RoleMap.of(zip(entries, found, strict=True)), tuple(map(len, found))

    async def is_nested(self, context: RequestContext) -> bool:
        """Tell whether there may be groups in groups. 1 call; none within the lease."""
        return await self._hidden.has_nesting(context)

    async def find(self, context: RequestContext, kept: KeptSettings) -> FoundGroups:
        """Find the groups that a role map names now. A call for each entry, and 1.

        This process goes by them at once.
        """
        found = await self._find(context, kept)
        self._found.of(context.tenant).put(found)
        return found

    async def close(self) -> None:
        """End the readings that are under way."""
        await self._found.close()

    async def _find(self, context: RequestContext, kept: KeptSettings) -> FoundGroups:
        role_map, numbers = await self.find_groups(context, kept.settings.role_map or ())
        is_nested = bool(role_map.by_group) and await self.is_nested(context)
        return FoundGroups(kept.version, role_map, numbers, is_nested)

    async def _current(self, context: RequestContext) -> FoundGroups | None:
        """Return the groups of the role map as they were within the last minute; None without map.

        Those of a new map are waited for, a second at most. If they take longer, those of the last
        map serve, provided that they were found within the last minute.

        Raises:
            Unavailable: they could not be read.
        """
        kept = await self._settings.current(context)
        if kept.settings.role_map is None:
            return None
        remembered = self._found.of(context.tenant)
        found = await remembered.current()
        if found is not None and found.version < kept.version:
            found = await remembered.read_again()
            if found is not None and found.version < kept.version and not remembered.is_recent:
                raise settings_unread()
        if found is None:
            raise settings_unread()
        return found

    async def _find_beside(self, tenant: str) -> FoundGroups:
        context = beside_requests(tenant)
        return await self._find(context, await self._settings.current(context))

    async def _ids_of(self, context: RequestContext, entry: RoleEntry) -> list[str]:
        group = entry.group
        if group.external_id is not None:
            return await self._groups.ids_by_external_id(context, group.external_id)
        return await self._groups.ids_by_display_name(context, str(group.folded_display_name))


def _upwards(first: Sequence[str], parents: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield some groups and all that they are in, each once, so that circles end."""
    ahead, seen = list(first), set(first)
    while ahead:
        gid = ahead.pop()
        yield gid
        above = [each for each in parents.get(gid, ()) if each not in seen]
        ahead += above
        seen.update(above)
