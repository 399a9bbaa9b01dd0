"""Groups in groups, as an operator is shown them: the tree below a group, the ways to a user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.store import layout
from shared.store.ancestors import MAX_LEVELS, read_ancestors
from shared.store.layout import Column
from shared.store.memberships import members_in
from shared.tables.table import collect
from tools.admin.resource_report import Member

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.scim.members import MemberType
    from shared.store.resources import User
    from shared.tables.request_context import RequestContext
    from tools.admin.storage import Storage


async def groups_of(
    storage: Storage, context: RequestContext, user: User, most: int
) -> list[Member]:
    """List the groups of a user, direct ones first, and by which way it is in the others.

    A call for each group, and one for each that the service would read for `groups`.
    """
    ways: dict[str, tuple[str, ...]] = dict.fromkeys(user.group_ids, ())
    if user.group_ids and await storage.store.hidden.has_nesting(context):
        found = await read_ancestors(storage.table, storage.store.hidden, context, user.group_ids)
        ways |= _ways(user.group_ids, found.parents)
    shown = list(ways)[:most]
    ids = dict.fromkeys([*shown, *(step for gid in shown for step in ways[gid])])
    groups = await storage.store.groups.get_many(context, list(ids))
    names = {group.id: group.document["displayName"] for group in groups}
    return [
        Member(gid, names[gid], "Group", way=tuple(names.get(step, step) for step in ways[gid]))
        for gid in shown
        if gid in names
    ]


def _ways(first: Sequence[str], parents: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Find the shortest way to each group that is reached from others, without itself."""
    ways: dict[str, tuple[str, ...]] = {}
    level: dict[str, tuple[str, ...]] = {gid: (gid,) for gid in first}
    seen = {*first}
    while level:
        above: dict[str, tuple[str, ...]] = {}
        for gid, way in level.items():
            for parent in parents.get(gid, ()):
                if parent not in seen:
                    seen.add(parent)
                    ways[parent] = way
                    above[parent] = (*way, parent)
        level = above
    return ways


async def tree_below(
    storage: Storage, context: RequestContext, gid: str, most: int
) -> list[Member]:
    """List the members of a group, and below each group its own, up to so many in all.

    A call for each member, and for each group on the way. A group that stands above itself, or is
    10 levels down, is listed without its members.
    """
    return await _Tree(storage, context, most).below(gid, (gid,))


class _Tree:
    """The tree that is drawn, and how many members there is room for."""

    def __init__(self, storage: Storage, context: RequestContext, room: int) -> None:
        self._storage = storage
        self._context = context
        self._room = room

    async def below(self, gid: str, above: tuple[str, ...]) -> list[Member]:
        if self._room <= 0:
            return []
        span, kind = layout.memberships_span(gid), (Column.MEMBER_TYPE,)
        rows = await collect(self._storage.table, self._context, span, self._room, select=kind)
        types = members_in(rows)
        names = await self._names(types)
        self._room -= len(names)
        return [
            Member(each, name, types[each], await self._members_of(each, types[each], above))
            for each, name in names.items()
        ]

    async def _members_of(
        self, member: str, its_type: MemberType, above: tuple[str, ...]
    ) -> list[Member]:
        if its_type == "User" or member in above or len(above) >= MAX_LEVELS:
            return []
        return await self.below(member, (*above, member))

    async def _names(self, types: Mapping[str, MemberType]) -> dict[str, str]:
        store, context = self._storage.store, self._context
        users = await store.users.get_many(context, [e for e in types if types[e] == "User"])
        groups = await store.groups.get_many(context, [e for e in types if types[e] == "Group"])
        return {user.id: user.document["userName"] for user in users} | {
            group.id: group.document["displayName"] for group in groups
        }
