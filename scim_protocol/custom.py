"""What the endpoint of an added type does with each method (RFC 7644 section 3)."""

from collections.abc import Callable
from dataclasses import dataclass

from scim_protocol.custom_presentation import CustomSource, resource_of
from shared.scim import documents, patch
from shared.scim.messages import parse_patch
from shared.scim.schema import Document, ResourceType
from shared.store.custom import CustomResources
from shared.store.resources import Resource
from shared.web import responses
from shared.web.listing import Lister
from shared.web.matching import Bounds
from shared.web.requests import ScimRequest
from shared.web.responses import ScimResponse
from shared.web.services import Services

Change = Callable[[Document], Document]


@dataclass(frozen=True, slots=True)
class CustomHandlers:
    """The handlers of one resource type."""

    resource_type: ResourceType

    def open(self, request: ScimRequest, services: Services) -> CustomSource:
        """Open the resources of the request's tenant, to be listed."""
        return CustomSource(request, self._stored(services), self.resource_type)

    async def list(self, request: ScimRequest, services: Services) -> ScimResponse:
        """GET of the collection."""
        sources = [self.open(request, services)]
        return await Lister(sources, Bounds.of(services.settings)).list(request)

    async def create(self, request: ScimRequest, services: Services) -> ScimResponse:
        """POST to the collection."""
        document = documents.create(self.resource_type, request.json())
        resource = await self._stored(services).create(request.context, document)
        return self._answer(201, request, resource)

    async def get(self, request: ScimRequest, services: Services) -> ScimResponse:
        """GET of one resource."""
        resource = await self._stored(services).get(request.context, request.resource_id)
        if request.has_already(str(resource.version)):
            return responses.not_modified(resource.id, str(resource.version))
        return self._answer(200, request, resource)

    async def replace(self, request: ScimRequest, services: Services) -> ScimResponse:
        """PUT of one resource."""
        body = request.json()
        return await self._update(
            request, services, lambda held: documents.replace(self.resource_type, held, body)
        )

    async def patch(self, request: ScimRequest, services: Services) -> ScimResponse:
        """PATCH of one resource."""
        operations = parse_patch(request.json())
        return await self._update(
            request, services, lambda held: patch.apply(self.resource_type, held, operations)
        )

    async def delete(self, request: ScimRequest, services: Services) -> ScimResponse:
        """DELETE of one resource."""
        await self._stored(services).delete(
            request.context, request.resource_id, request.precondition
        )
        return responses.no_content(request.resource_id)

    def _stored(self, services: Services) -> CustomResources:
        return services.store.custom[self.resource_type.name]

    async def _update(
        self, request: ScimRequest, services: Services, change: Change
    ) -> ScimResponse:
        resource = await self._stored(services).update(
            request.context, request.resource_id, change, request.precondition
        )
        return self._answer(200, request, resource)

    def _answer(self, status: int, request: ScimRequest, resource: Resource) -> ScimResponse:
        presented = resource_of(request, self.resource_type, resource)
        projection = request.projection(self.resource_type)
        return responses.of_resource(status, presented, projection.apply(presented))
