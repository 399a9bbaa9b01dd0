"""Custom resource types: how their resources are found, and how a path finds its type."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import azure.functions as func

from shared.errors import NotFound
from shared.scim.schema import ResourceType
from shared.store.custom import CustomResources
from shared.store.resources import Resource
from shared.telemetry.request_record import RequestRecord
from shared.web import services
from shared.web.callers import Enter
from shared.web.requests import ScimRequest
from shared.web.resource_handlers import DocumentHandlers
from shared.web.respond import SCIM_ENTRANCE, Endpoint, Handlers, admit, handle
from shared.web.responses import ScimResponse
from shared.web.services import Services
from shared.web.sources import Finder, Source


class CustomSource(Source[Resource]):
    """The resources of a custom type in a request's tenant."""

    def __init__(
        self, request: ScimRequest, resource_type: ResourceType, resources: CustomResources
    ) -> None:
        super().__init__(request, resource_type, resources)
        self._resources = resources

    @property
    def indexes(self) -> Mapping[str, Finder[Resource]]:
        """The id, what is unique, and the identifier that the client has given."""
        unique: dict[str, Finder[Resource]] = {
            name: partial(self._by_unique, name) for name in self._resources.unique_names
        }
        return {"id": self._by_id, **unique, "externalId": self._by_external_id}

    async def _by_unique(self, name: str, value: str) -> Sequence[Resource]:
        return await self._resources.by_unique(self.request.context, name, value)


class CustomHandlers(DocumentHandlers[Resource]):
    """The handlers of a custom type."""

    def __init__(self, resource_type: ResourceType) -> None:
        self.path = resource_type.endpoint.removeprefix("/")
        self._resource_type = resource_type

    def source(self, request: ScimRequest, services: Services) -> CustomSource:
        """Open the resources of the type in the request's tenant."""
        served = services.catalogue_for(request).custom
        resource_type = next(each for each in served if each.name == self._resource_type.name)
        return CustomSource(request, resource_type, self.stored(services))

    def stored(self, services: Services) -> CustomResources:
        """Return the resources of the type in the store."""
        return services.store.custom[self._resource_type.name]


def custom_endpoint(
    choose: Callable[[CustomHandlers], Handlers], enter: Enter = SCIM_ENTRANCE
) -> Endpoint:
    """Make an endpoint that lets the caller in, then serves the custom type that the path names.

    Args:
        choose: takes what the route is for out of the handlers of the type.
        enter: lets the caller in.
    """

    async def serve(req: func.HttpRequest, record: RequestRecord) -> ScimResponse:
        process = services.current()
        request = await admit(req, process, record, enter)
        found = _find(process, req.route_params["endpoint"])
        # Only the name of an endpoint that there is gets this far, so the log may hold it; but not
        # as the client spells it, or each letter case would be another route in the metrics.
        record.route = record.route.replace("{endpoint}", found.path)
        return await handle(choose(found), request, process)

    return serve


def _find(process: Services, path: str) -> CustomHandlers:
    """Return the handlers of the type at a path below the root, in any letter case.

    Raises:
        NotFound: no custom type has that path.
    """
    for resource_type in process.catalogue.custom:
        if resource_type.endpoint.lower() == f"/{path.lower()}":
            return CustomHandlers(resource_type)
    raise NotFound("There is no such endpoint; /ResourceTypes lists those that there are.")
