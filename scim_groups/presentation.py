"""A stored group as clients see it, and how its members are compared with a filter."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace

from shared.scim.core_schemas import GROUP, USER
from shared.scim.documents import present
from shared.scim.filters import Comparison, Filter
from shared.scim.folding import fold
from shared.scim.projection import Projection
from shared.scim.schema import Document, ResourceType
from shared.store.resources import Group
from shared.store.store import Store
from shared.web.entity_tags import entity_tag
from shared.web.listing import Finder
from shared.web.lookups import comparisons
from shared.web.requests import ScimRequest


def resource_of(request: ScimRequest, group: Group) -> Document:
    """Present a group; `members` is left out when they were not read."""
    members = None
    if group.member_ids is not None:
        members = [
            {"value": uid, "$ref": request.location(USER.endpoint, uid), "type": "User"}
            for uid in group.member_ids
        ]
    return present(
        GROUP,
        group.document,
        id=group.id,
        created=group.created,
        modified=group.modified,
        version=entity_tag(group.version),
        location=request.location(GROUP.endpoint, group.id),
        members=members,
    )


def _names_a_member(term: Comparison) -> bool:
    is_value = term.path.leaf.name == "value"
    return is_value and term.operator == "eq" and isinstance(term.value, str)


@dataclass(frozen=True, slots=True)
class GroupSource:
    """The groups of a request's tenant, as `shared.web.listing.Source` wants them.

    Members are read only when the filter or the answer needs them.
    """

    request: ScimRequest
    store: Store

    @property
    def resource_type(self) -> ResourceType:
        """The Group type."""
        return GROUP

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
        page = await self.store.groups.page(self.request.session, start_index, count)
        return page.total, page.groups

    def scan(self) -> AsyncIterator[Group]:
        """Return every group in turn."""
        return self.store.groups.scan(self.request.session)

    async def compared(self, items: Sequence[Group], condition: Filter) -> list[Document]:
        """Present groups with as many members as the filter compares.

        A comparison of their `value` with `eq` costs a call for each group and user: Entra's
        membership check, `id eq "<group>" and members eq "<user>"`, must not read a large group.
        """
        terms = list(comparisons(condition, "members"))
        if not terms:
            known = list(items)
        elif all(map(_names_a_member, terms)):
            wanted = tuple({str(term.value) for term in terms})
            known = await asyncio.gather(*(self._with_those_of(item, wanted) for item in items))
        else:
            known = await asyncio.gather(*(self._with_all(item) for item in items))
        return [resource_of(self.request, group) for group in known]

    async def shown(self, items: Sequence[Group], projection: Projection) -> list[Document]:
        """Present groups with their members, unless the projection leaves them out."""
        groups: Sequence[Group] = items
        if projection.includes("members"):
            groups = await self.store.groups.with_members(self.request.session, items)
        return [resource_of(self.request, group) for group in groups]

    async def _with_those_of(self, group: Group, uids: Sequence[str]) -> Group:
        has_member = self.store.groups.has_member
        found = await asyncio.gather(
            *(has_member(self.request.session, group.id, uid) for uid in uids)
        )
        members = tuple(uid for uid, is_member in zip(uids, found, strict=True) if is_member)
        return replace(group, member_ids=members)

    async def _with_all(self, group: Group) -> Group:
        return (await self.store.groups.with_members(self.request.session, [group]))[0]

    async def _by_id(self, value: str) -> Sequence[Group]:
        return await self.store.groups.get_many(self.request.session, [value])

    async def _by_display_name(self, value: str) -> Sequence[Group]:
        group = await self.store.groups.by_display_name(self.request.session, fold(value))
        return [] if group is None else [group]

    async def _by_external_id(self, value: str) -> Sequence[Group]:
        return await self.store.groups.by_external_id(self.request.session, value)

    async def _by_member(self, value: str) -> Sequence[Group]:
        users = await self.store.users.get_many(self.request.session, [value])
        gids = [gid for user in users for gid in user.group_ids]
        return await self.store.groups.get_many(self.request.session, gids)
