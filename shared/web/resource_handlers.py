"""Handlers of resources: what the endpoint of a type does with each method (RFC 7644 section 3)."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

from shared.scim import documents, patch, queries
from shared.scim.messages import parse_patch, parse_search
from shared.scim.operations import PatchOperation
from shared.scim.queries import Query
from shared.scim.schema import Document, ResourceType
from shared.store.resources import DocumentChange, Group, Precondition, Resource
from shared.store.tenant_settings import settings_unread
from shared.tables.request_context import RequestContext
from shared.web import responses
from shared.web.listing import list_resources
from shared.web.matching import Bounds
from shared.web.requests import ScimRequest
from shared.web.respond import Handlers
from shared.web.responses import ScimResponse
from shared.web.services import Services
from shared.web.sources import R, Source

R_co = TypeVar("R_co", bound=Resource | Group, covariant=True)


class Deleter(Protocol):
    """What the store gives for a DELETE."""

    async def delete(
        self, context: RequestContext, resource_id: str, precondition: Precondition | None, /
    ) -> None:
        """Delete a resource."""
        ...


class Writer(Deleter, Protocol[R_co]):
    """What the store gives of a type whose documents are all that a client writes."""

    async def create(self, context: RequestContext, document: Document, /) -> R_co:
        """Create a resource."""
        ...

    async def update(
        self,
        context: RequestContext,
        resource_id: str,
        change: DocumentChange,
        precondition: Precondition | None,
        /,
    ) -> R_co:
        """Change a resource's document."""
        ...


class ResourceHandlers(ABC, Generic[R]):
    """The handlers of the endpoint of one resource type.

    Attributes:
        path: below the root, `Users`.
    """

    path: str

    @property
    def collection(self) -> Handlers:
        """Handlers of `Users` by method."""
        return {"GET": self.list, "POST": self.create}

    @property
    def searches(self) -> Handlers:
        """Handlers of `Users/.search` by method."""
        return {"POST": self.search}

    @property
    def item(self) -> Handlers:
        """Handlers of `Users/{id}` by method."""
        return {"GET": self.get, "PUT": self.replace, "PATCH": self.patch, "DELETE": self.delete}

    @abstractmethod
    def source(self, request: ScimRequest, services: Services) -> Source[R]:
        """Open the resources of the request's tenant."""

    def opened_to_write(self, request: ScimRequest, services: Services) -> Source[R]:
        """Open the resources for a write, whose query is read before anything is written.

        Raises:
            InvalidValue: the query asks for what cannot be shown.
        """
        source = self.source(request, services)
        request.check_projection(source.resource_type)
        return source

    @abstractmethod
    def stored(self, services: Services) -> Deleter:
        """Return the resources in the store."""

    async def list(self, request: ScimRequest, services: Services) -> ScimResponse:
        """GET of the collection."""
        return await self._query(request, services, queries.from_parameters(request.query))

    async def search(self, request: ScimRequest, services: Services) -> ScimResponse:
        """POST to `/.search` below the collection (RFC 7644 section 3.4.3)."""
        core = services.catalogue.core_schemas
        is_closed = request.is_interop
        query = await request.make(
            lambda body: parse_search(body, core, request.query, is_closed=is_closed)
        )
        return await self._query(request, services, query)

    async def get(self, request: ScimRequest, services: Services) -> ScimResponse:
        """GET of a resource."""
        source = self.source(request, services)
        resource = await source.get()
        version = str(resource.version)
        if request.has_already(version) and source.is_told_by_version:
            return responses.not_modified(resource.id, version)
        return await show(200, source, resource)

    @abstractmethod
    async def create(self, request: ScimRequest, services: Services) -> ScimResponse:
        """POST to the collection."""

    @abstractmethod
    async def replace(self, request: ScimRequest, services: Services) -> ScimResponse:
        """PUT of a resource."""

    @abstractmethod
    async def patch(self, request: ScimRequest, services: Services) -> ScimResponse:
        """PATCH of a resource."""

    async def delete(self, request: ScimRequest, services: Services) -> ScimResponse:
        """DELETE of a resource."""
        stored = self.stored(services)
        await stored.delete(request.context, request.resource_id, request.precondition)
        return responses.no_content(request.resource_id)

    async def _query(self, request: ScimRequest, services: Services, query: Query) -> ScimResponse:
        sources = [self.source(request, services)]
        return await list_resources(request, query, sources, Bounds.of(services.settings))


class DocumentHandlers(ResourceHandlers[R]):
    """The handlers of a type of which a client writes the document and nothing beside it."""

    @abstractmethod
    def stored(self, services: Services) -> Writer[R]:
        """Return the resources in the store."""

    async def create(self, request: ScimRequest, services: Services) -> ScimResponse:
        """POST to the collection."""
        source = self.opened_to_write(request, services)
        document = await request.make(lambda body: documents.create(source.resource_type, body))
        require_profile(request)
        resource = await self.stored(services).create(request.context, document)
        return await show(201, source, resource)

    async def replace(self, request: ScimRequest, services: Services) -> ScimResponse:
        """PUT of a resource."""
        source = self.opened_to_write(request, services)
        held_type = source.resource_type

        async def change(held: Document) -> Document:
            return await request.make(lambda body: documents.replace(held_type, held, body))

        return await self._update(services, source, change)

    async def patch(self, request: ScimRequest, services: Services) -> ScimResponse:
        """PATCH of a resource."""
        source = self.opened_to_write(request, services)
        core = services.catalogue.core_schemas
        is_closed = source.resource_type.is_closed
        operations = await request.make(lambda body: parse_patch(body, core, is_closed=is_closed))
        change = patching(request, source.resource_type, operations)
        return await self._update(services, source, change)

    async def _update(
        self, services: Services, source: Source[R], change: DocumentChange
    ) -> ScimResponse:
        request = source.request
        require_profile(request)
        resource = await self.stored(services).update(
            request.context, request.resource_id, change, request.precondition
        )
        return await show(200, source, resource)


def require_profile(request: ScimRequest) -> None:
    """Refuse to write what was read as of no profile, by which some of it may have to be refused.

    Raises:
        Unavailable: the settings of the tenant could not be read.
    """
    if request.profile is None:
        raise settings_unread()


def patching(
    request: ScimRequest, resource_type: ResourceType, operations: Sequence[PatchOperation]
) -> DocumentChange:
    """Make the change of a document by the operations of a PATCH."""
    run = request.compute.run_long if request.is_large else request.compute.run

    async def change(held: Document) -> Document:
        return await run(
            request.context, lambda effort: patch.apply(resource_type, held, operations, effort)
        )

    return change


async def show(status: int, source: Source[R], resource: R) -> ScimResponse:
    """Respond with a resource, as the request wants it shown."""
    projection = await source.request.compute_by_size(lambda: source.projection)
    document = await source.present_one(resource, projection)
    return responses.of_resource(status, document, projection.apply(document))
