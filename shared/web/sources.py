"""Sources: the resources of one type, as one request finds, compares and presents them."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import cached_property
from typing import Generic, TypeVar

from shared.errors import TooMany
from shared.scim import documents
from shared.scim.filters import Filter
from shared.scim.members import MemberType
from shared.scim.projection import Projection
from shared.scim.schema import Document, ResourceType
from shared.store.display_names import read_display_names
from shared.store.reader import Reader, ResourcePage
from shared.store.resources import Group, Resource
from shared.store.store import Store
from shared.web.entity_tags import entity_tag
from shared.web.requests import ScimRequest

R = TypeVar("R", bound=Resource | Group)

MAX_NAMES = 10_000
"""Names of members or groups that are read for one answer; as many memberships has a page."""

Finder = Callable[[str], Awaitable[Sequence[R]]]
"""Finds what has a value by an index; more than asked for is allowed, less is not."""


class Source(ABC, Generic[R]):
    """The resources of one type, as one request sees them.

    Whatever is listed comes in the order of ids, so that a list can be continued behind an id
    however the resources before it have changed.

    Attributes:
        request: who asks, and what is to be shown.
        resource_type: the type of the resources.
    """

    def __init__(
        self, request: ScimRequest, resource_type: ResourceType, reader: Reader[R]
    ) -> None:
        self.request = request
        self.resource_type = resource_type
        self._reader = reader

    @property
    @abstractmethod
    def indexes(self) -> Mapping[str, Finder[R]]:
        """Finders by the attribute that they need, the most selective first."""

    @cached_property
    def projection(self) -> Projection:
        """What the request wants to be shown of the resource that it reads or writes."""
        return self.request.projection(self.resource_type)

    @property
    def is_told_by_version(self) -> bool:
        """Whether the version of a resource moves with all that the request is shown of it."""
        return True

    async def get(self) -> R:
        """Read the resource that the request names, as far as its own row tells of it.

        Raises:
            NotFound: there is no such resource.
        """
        return await self._reader.get(self.request.context, self.request.resource_id)

    async def by_ids(self, ids: Sequence[str]) -> Sequence[R]:
        """Read resources by id, leaving out those that are not there. A call each, side by side."""
        return await self._reader.get_many(self.request.context, ids)

    async def page(self, start_index: int, count: int) -> ResourcePage[R]:
        """Count the resources, and read a page of them; the first one has the index 1.

        Two calls at most; one for `count` 0.
        """
        return await self._reader.page(self.request.context, start_index, count)

    async def after(self, last_id: str, count: int) -> Sequence[R]:
        """Read the next ones behind an id, which need not be there any more; "" is before all.

        Fewer than `count` (up to 201) only where there are no more. One call.
        """
        return await self._reader.after(self.request.context, last_id, count)

    def scan(self, last_id: str = "") -> AsyncIterator[R]:
        """Read every one behind an id in turn; the caller ends it."""
        return self._reader.scan(self.request.context, last_id)

    async def documents_for_filter(
        self, resources: Sequence[R], condition: Filter
    ) -> AsyncIterator[Document]:
        """Present resources one by one, in their order, with all that a filter compares.

        An attribute to sort by is asked for as `attribute pr`. The rows of most types hold all
        that can be compared.
        """
        del condition
        for resource in resources:
            yield self.document(resource)

    async def present(self, resources: Sequence[R], projection: Projection) -> list[Document]:
        """Present resources with all that a projection keeps.

        It may stop before the last, but not before the first, where they are too much for a page.
        """
        del projection
        return [self.document(resource) for resource in resources]

    async def present_one(self, resource: R, projection: Projection) -> Document:
        """Present a resource that is answered by itself, with all that a projection keeps."""
        (document,) = await self.present([resource], projection)
        return document

    def document(self, resource: R) -> Document:
        """Write a resource as clients see it, with all that is known of it."""
        return self._document(resource)

    def _document(
        self,
        resource: R,
        *,
        groups: Sequence[Document] | None = None,
        members: Sequence[Document] | None = None,
    ) -> Document:
        return documents.present(
            self.resource_type,
            resource.document,
            id=resource.id,
            created=resource.created,
            modified=resource.modified,
            version=entity_tag(str(resource.version)),
            location=self.request.location(self.resource_type.endpoint, resource.id),
            groups=groups,
            members=members,
        )

    async def _by_id(self, value: str) -> Sequence[R]:
        return await self.by_ids([value])

    async def _by_external_id(self, value: str) -> Sequence[R]:
        return await self._reader.by_external_id(self.request.context, value)


class ReferenceSource(Source[R]):
    """The resources of a type that show others, whose names are read where they are asked for."""

    def __init__(
        self, request: ScimRequest, resource_type: ResourceType, reader: Reader[R], store: Store
    ) -> None:
        super().__init__(request, resource_type, reader)
        self._table = store.table

    @property
    def is_told_by_version(self) -> bool:
        """Whether no names of others are shown, which change without the resource."""
        return not any(
            self.projection.includes_part(name, "display") for name in ("members", "groups")
        )

    async def read_names(self, shown: Mapping[str, MemberType]) -> dict[str, str]:
        """Read the names of users and groups by their ids. A call each.

        Raises:
            TooMany: there are more than an answer may cost.
        """
        if len(shown) > MAX_NAMES:
            raise TooMany(
                f"The names of {len(shown):,} members or groups were asked for; at most "
                f"{MAX_NAMES:,} are read for an answer. Leave display out, or ask for fewer."
            )
        return await read_display_names(self._table, self.request.context, shown)


def reference(value: str, ref: str, its_type: str, display: str | None) -> Document:
    """Write a value that refers to a user or a group; `display` where its name was read."""
    written: Document = {"value": value, "$ref": ref, "type": its_type}
    if display is not None:
        written["display"] = display
    return written
