"""A stored group as clients see it, and how its members are compared with a filter."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace

from shared.scim.catalogue import Catalogue
from shared.scim.documents import present
from shared.scim.filters import Comparison, Filter
from shared.scim.folding import fold
from shared.scim.projection import Projection
from shared.scim.schema import Document, ResourceType
from shared.store.resources import Group
from shared.store.store import Store
from shared.web.entity_tags import entity_tag
from shared.web.lookups import comparisons
from shared.web.requests import ScimRequest
from shared.web.sources import Finder

_READ_TOGETHER = 8


def resource_of(request: ScimRequest, catalogue: Catalogue, group: Group) -> Document:
    """Present a group; `members` is left out when they were not read."""
    members = None
    users = catalogue.user.endpoint
    if group.member_ids is not None:
        members = [
            {"value": uid, "$ref": request.location(users, uid), "type": "User"}
            for uid in group.member_ids
        ]
    return present(
        catalogue.group,
        group.document,
        id=group.id,
        created=group.created,
        modified=group.modified,
        version=entity_tag(group.version),
        location=request.location(catalogue.group.endpoint, group.id),
        members=members,
    )


def _names_a_member(term: Comparison) -> bool:
    is_value = term.path.leaf.name == "value"
    return is_value and term.operator == "eq" and isinstance(term.value, str)


@dataclass(frozen=True, slots=True)
class GroupSource:
    """The groups of a request's tenant, as `shared.web.sources.Source` wants them.

    Members are read only when the filter or the answer needs them.
    """

    request: ScimRequest
    store: Store
    catalogue: Catalogue

    @property
    def resource_type(self) -> ResourceType:
        """The Group type."""
        return self.catalogue.group

    @property
    def indexes(self) -> Mapping[str, Finder[Group]]:
        """What Entra and Okta look groups up by."""
        return {
            "id": self._by_id,
            "displayName": self._by_display_name,
            "externalId": self._by_external_id,
            "members.value": self._by_member,
        }

    async def page(self, start_index: int, count: int) -> tuple[int, Sequence[Group]]:
        """Return how many groups there are, and those of a page."""
        page = await self.store.groups.page(self.request.context, start_index, count)
        return page.total, page.resources

    async def after(self, last_id: str, count: int) -> Sequence[Group]:
        """Return the next groups in id order."""
        return await self.store.groups.after(self.request.context, last_id, count)

    def scan(self, last_id: str = "") -> AsyncIterator[Group]:
        """Return every group in turn."""
        return self.store.groups.scan(self.request.context, last_id)

    async def compared(self, items: Sequence[Group], condition: Filter) -> AsyncIterator[Document]:
        """Present groups with as many members as the filter compares.

        A comparison of their `value` with `eq` costs a call for each group and user: Entra's
        membership check, `id eq "<group>" and members eq "<user>"`, must not read a large group.
        """
        terms = list(comparisons(condition, "members"))
        if all(map(_names_a_member, terms)):
            wanted = tuple({str(term.value) for term in terms})
            known = await self._with_those_of(items, wanted) if wanted else items
            for group in known:
                yield resource_of(self.request, self.catalogue, group)
        else:
            async for group in self._with_all(items):
                yield resource_of(self.request, self.catalogue, group)

    async def shown(self, items: Sequence[Group], projection: Projection) -> list[Document]:
        """Present groups with their members, unless the projection leaves them out."""
        groups: Sequence[Group] = items
        if projection.includes("members"):
            groups = await self.store.groups.with_members(self.request.context, items)
        return [resource_of(self.request, self.catalogue, group) for group in groups]

    async def _with_those_of(self, items: Sequence[Group], uids: Sequence[str]) -> list[Group]:
        """Read which of some users are in each of the groups."""
        gids = [group.id for group in items]
        found = await self.store.groups.have_members(self.request.context, gids, uids)
        return [
            replace(group, member_ids=members) for group, members in zip(items, found, strict=True)
        ]

    async def _with_all(self, items: Sequence[Group]) -> AsyncIterator[Group]:
        """Read all members of the groups, of few at a time: a group may have 100,000."""
        for start in range(0, len(items), _READ_TOGETHER):
            reads = (self._with_its_own(group) for group in items[start : start + _READ_TOGETHER])
            for group in await asyncio.gather(*reads):
                yield group

    async def _with_its_own(self, group: Group) -> Group:
        return (await self.store.groups.with_members(self.request.context, [group]))[0]

    async def _by_id(self, value: str) -> Sequence[Group]:
        return await self.store.groups.get_many(self.request.context, [value])

    async def _by_display_name(self, value: str) -> Sequence[Group]:
        group = await self.store.groups.by_display_name(self.request.context, fold(value))
        return [] if group is None else [group]

    async def _by_external_id(self, value: str) -> Sequence[Group]:
        return await self.store.groups.by_external_id(self.request.context, value)

    async def _by_member(self, value: str) -> Sequence[Group]:
        users = await self.store.users.get_many(self.request.context, [value])
        gids = [gid for user in users for gid in user.group_ids]
        return await self.store.groups.get_many(self.request.context, gids)
