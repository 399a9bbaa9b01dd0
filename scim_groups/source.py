"""How groups are found and shown, and how their members are compared with a filter."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

from shared.scim.catalogue import Catalogue
from shared.scim.filters import Comparison, Filter
from shared.scim.folding import fold
from shared.scim.projection import Projection
from shared.scim.schema import Document
from shared.store.resources import Group, User
from shared.store.store import Store
from shared.web.lookups import comparisons
from shared.web.requests import ScimRequest
from shared.web.sources import Finder, ReferenceSource, reference

_READ_TOGETHER = 8


class GroupSource(ReferenceSource[Group]):
    """The groups of a request's tenant; members are read only where they are needed."""

    def __init__(self, request: ScimRequest, store: Store, catalogue: Catalogue) -> None:
        super().__init__(request, catalogue.group, store.groups, store)
        self._store = store
        self._endpoints = {each.name: each.endpoint for each in (catalogue.user, catalogue.group)}

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
            return
        async for group in self._read_members(resources):
            yield self.document(group)

    async def present(self, resources: Sequence[Group], projection: Projection) -> list[Document]:
        """Present groups with their members, unless the projection leaves them out."""
        groups = resources
        names: Mapping[str, str] = {}
        if projection.includes("members"):
            groups = await self._store.groups.with_members(self.request.context, resources)
        if projection.includes_part("members", "display"):
            names = await self._read_member_names(groups)
        return [self._with_members(group, names) for group in groups]

    def document(self, resource: Group) -> Document:
        """Write a group without the names of its members."""
        return self._with_members(resource, {})

    def _with_members(self, group: Group, names: Mapping[str, str]) -> Document:
        """Write a group; `members` is left out when they were not read."""
        members = None
        if group.member_ids is not None:
            types = ((each, group.type_of(each)) for each in group.member_ids)
            members = [
                reference(
                    each,
                    self.request.location(self._endpoints[member_type], each),
                    member_type,
                    names.get(each),
                )
                for each, member_type in types
            ]
        return self._document(group, members=members)

    async def _read_member_names(self, groups: Sequence[Group]) -> dict[str, str]:
        types = {each: group.type_of(each) for group in groups for each in group.member_ids or ()}
        return await self.read_names(types)

    async def _read_memberships(self, groups: Sequence[Group], ids: Sequence[str]) -> list[Group]:
        """Read which of some users and groups are in each of the groups."""
        gids = [group.id for group in groups]
        found = await self._store.groups.have_members(self.request.context, gids, ids)
        return [group.with_members(members) for group, members in zip(groups, found, strict=True)]

    async def _read_members(self, groups: Sequence[Group]) -> AsyncIterator[Group]:
        """Read all members of the groups, of few at a time: a group may have 100,000."""
        for start in range(0, len(groups), _READ_TOGETHER):
            reads = map(self._read_members_of, groups[start : start + _READ_TOGETHER])
            for group in await asyncio.gather(*reads):
                yield group

    async def _read_members_of(self, group: Group) -> Group:
        return (await self._store.groups.with_members(self.request.context, [group]))[0]

    async def _by_display_name(self, value: str) -> Sequence[Group]:
        return await self._store.groups.by_display_name(self.request.context, fold(value))

    async def _by_member(self, value: str) -> Sequence[Group]:
        context = self.request.context
        found: Sequence[User | Group] = await self._store.users.get_many(context, [value])
        if not found:
            found = await self._store.groups.get_many(context, [value])
        gids = [gid for member in found for gid in member.group_ids]
        return await self._store.groups.get_many(context, gids)


def _names_a_member(term: Comparison) -> bool:
    is_value = term.path.leaf.name == "value"
    return is_value and term.operator == "eq" and isinstance(term.value, str)
