"""The endpoints of custom types."""

from collections.abc import Callable

import azure.functions as func

from scim_protocol.custom import CustomHandlers
from shared.errors import NotFound
from shared.scim.schema import ResourceType
from shared.web import services
from shared.web.request_log import RequestRecord
from shared.web.resource_handlers import ResourceEndpoint
from shared.web.respond import Endpoint, Handlers, admit, handler_of
from shared.web.responses import ScimResponse
from shared.web.services import Services


def custom_endpoints(process: Services) -> tuple[ResourceEndpoint, ...]:
    """Return the endpoints in the order in which `/ResourceTypes` lists their types."""
    return tuple(map(_endpoint, process.catalogue.custom))


def custom(choose: Callable[[ResourceEndpoint], Handlers]) -> Endpoint:
    """Make an endpoint that lets the caller in, then serves the custom type that the path names.

    Args:
        choose: takes the handlers that the route is for out of those of the type.
    """

    async def serve(req: func.HttpRequest, record: RequestRecord) -> ScimResponse:
        process = services.current()
        request = await admit(req, process, record)
        found = _find(process, req.route_params["endpoint"])
        # Only the name of an endpoint that there is gets this far, so the log may bear it; but not
        # as the client spells it, or each letter case would be another route in the metrics.
        record.route = record.route.replace("{endpoint}", found.path)
        return await handler_of(choose(found), request.method)(request, process)

    return serve


def _find(process: Services, path: str) -> ResourceEndpoint:
    """Return the endpoint of a path below the root, in any letter case."""
    for resource_type in process.catalogue.custom:
        if resource_type.endpoint.lower() == f"/{path.lower()}":
            return _endpoint(resource_type)
    raise NotFound("There is no such endpoint; /ResourceTypes lists those that there are.")


def _endpoint(resource_type: ResourceType) -> ResourceEndpoint:
    handlers = CustomHandlers(resource_type)
    return ResourceEndpoint(
        path=resource_type.endpoint.removeprefix("/"),
        collection={"GET": handlers.list, "POST": handlers.create},
        item={
            "GET": handlers.get,
            "PUT": handlers.replace,
            "PATCH": handlers.patch,
            "DELETE": handlers.delete,
        },
        source=handlers.open,
    )
