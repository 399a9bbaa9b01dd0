"""Stored resources of a type that the deployer has added, as clients see them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from shared.scim.documents import present
from shared.scim.filters import Filter
from shared.scim.projection import Projection
from shared.scim.schema import Document, ResourceType
from shared.store.custom import CustomResources
from shared.store.resources import Resource
from shared.web.entity_tags import entity_tag
from shared.web.requests import ScimRequest
from shared.web.sources import Finder


def resource_of(request: ScimRequest, resource_type: ResourceType, resource: Resource) -> Document:
    """Present a resource."""
    return present(
        resource_type,
        resource.document,
        id=resource.id,
        created=resource.created,
        modified=resource.modified,
        version=entity_tag(str(resource.version)),
        location=request.location(resource_type.endpoint, resource.id),
    )


@dataclass(frozen=True, slots=True)
class CustomSource:
    """The resources of a type in a request's tenant, as `shared.web.sources.Source` wants them."""

    request: ScimRequest
    resources: CustomResources
    resource_type: ResourceType

    @property
    def indexes(self) -> Mapping[str, Finder[Resource]]:
        """The id, what is unique, and the identifier that the client has given."""
        unique: dict[str, Finder[Resource]] = {
            name: partial(self._by_unique, name) for name in self.resources.unique_names
        }
        return {"id": self._by_id, **unique, "externalId": self._by_external_id}

    async def page(self, start_index: int, count: int) -> tuple[int, Sequence[Resource]]:
        """Return how many resources there are, and those of a page."""
        page = await self.resources.page(self.request.context, start_index, count)
        return page.total, page.resources

    async def after(self, last_id: str, count: int) -> Sequence[Resource]:
        """Return the next resources in id order."""
        return await self.resources.after(self.request.context, last_id, count)

    def scan(self, last_id: str = "") -> AsyncIterator[Resource]:
        """Return every resource in turn."""
        return self.resources.scan(self.request.context, last_id)

    async def compared(
        self, items: Sequence[Resource], condition: Filter
    ) -> AsyncIterator[Document]:
        """Present resources whole: all that a filter can compare lies in their rows."""
        del condition
        for resource in items:
            yield resource_of(self.request, self.resource_type, resource)

    async def shown(self, items: Sequence[Resource], projection: Projection) -> list[Document]:
        """Present resources whole; they cost nothing more."""
        del projection
        return [resource_of(self.request, self.resource_type, resource) for resource in items]

    async def _by_id(self, value: str) -> Sequence[Resource]:
        return await self.resources.get_many(self.request.context, [value])

    async def _by_unique(self, name: str, value: str) -> Sequence[Resource]:
        return await self.resources.by_unique(self.request.context, name, value)

    async def _by_external_id(self, value: str) -> Sequence[Resource]:
        return await self.resources.by_external_id(self.request.context, value)
