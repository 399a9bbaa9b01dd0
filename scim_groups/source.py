"""How groups are found and shown, and how their members are compared with a filter."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace

from shared.scim.catalogue import Catalogue
from shared.scim.filters import Comparison, Filter
from shared.scim.folding import fold
from shared.scim.projection import Projection
from shared.scim.schema import Document
from shared.store.resources import Group
from shared.store.store import Store
from shared.web.lookups import comparisons
from shared.web.requests import ScimRequest
from shared.web.sources import Finder, Source

_READ_TOGETHER = 8


class GroupSource(Source[Group]):
    """The groups of a request's tenant; members are read only where they are needed."""

    def __init__(self, request: ScimRequest, store: Store, catalogue: Catalogue) -> None:
        super().__init__(request, catalogue.group, store.groups)
        self._store = store
        self._users_endpoint = catalogue.user.endpoint

    @property
    def indexes(self) -> Mapping[str, Finder[Group]]:
        """What Entra and Okta look groups up by."""
        return {
            "id": self._by_id,
            "displayName": self._by_display_name,
            "externalId": self._by_external_id,
            "members.value": self._by_member,
        }

    async def get(self) -> Group:
        """Read the group that the request names, without its members."""
        return await self._store.groups.get(
            self.request.context, self.request.resource_id, members=False
        )

    async def documents_for_filter(
        self, resources: Sequence[Group], condition: Filter
    ) -> AsyncIterator[Document]:
        """Present groups with as many members as the filter compares.

        A comparison of their `value` with `eq` costs a call for each user: Entra's
        membership check, `id eq "<group>" and members eq "<user>"`, must not read a large group.
        """
        terms = list(comparisons(condition, "members"))
        if all(map(_names_a_member, terms)):
            wanted = tuple({str(term.value) for term in terms})
            groups = await self._read_memberships(resources, wanted) if wanted else resources
            for group in groups:
                yield self.document(group)
        else:
            async for group in self._read_members(resources):
                yield self.document(group)

    async def present(self, resources: Sequence[Group], projection: Projection) -> list[Document]:
        """Present groups with their members, unless the projection leaves them out."""
        groups = resources
        if projection.includes("members"):
            groups = await self._store.groups.with_members(self.request.context, resources)
        return [self.document(group) for group in groups]

    def document(self, resource: Group) -> Document:
        """Write a group; `members` is left out when they were not read."""
        members = None
        if resource.member_ids is not None:
            members = [
                {
                    "value": uid,
                    "$ref": self.request.location(self._users_endpoint, uid),
                    "type": "User",
                }
                for uid in resource.member_ids
            ]
        return self._document(resource, members=members)

    async def _read_memberships(self, groups: Sequence[Group], uids: Sequence[str]) -> list[Group]:
        """Read which of some users are in each of the groups."""
        gids = [group.id for group in groups]
        found = await self._store.groups.have_members(self.request.context, gids, uids)
        return [
            replace(group, member_ids=members) for group, members in zip(groups, found, strict=True)
        ]

    async def _read_members(self, groups: Sequence[Group]) -> AsyncIterator[Group]:
        """Read all members of the groups, of few at a time: a group may have 100,000."""
        for start in range(0, len(groups), _READ_TOGETHER):
            reads = map(self._read_members_of, groups[start : start + _READ_TOGETHER])
            for group in await asyncio.gather(*reads):
                yield group

    async def _read_members_of(self, group: Group) -> Group:
        return (await self._store.groups.with_members(self.request.context, [group]))[0]

    async def _by_display_name(self, value: str) -> Sequence[Group]:
        group = await self._store.groups.by_display_name(self.request.context, fold(value))
        return [] if group is None else [group]

    async def _by_member(self, value: str) -> Sequence[Group]:
        users = await self._store.users.get_many(self.request.context, [value])
        gids = [gid for user in users for gid in user.group_ids]
        return await self._store.groups.get_many(self.request.context, gids)


def _names_a_member(term: Comparison) -> bool:
    is_value = term.path.leaf.name == "value"
    return is_value and term.operator == "eq" and isinstance(term.value, str)
