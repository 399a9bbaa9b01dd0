"""The endpoints of the types that the deployer has added."""

from collections.abc import Mapping

from scim_protocol.custom import CustomHandlers
from shared.errors import NotFound
from shared.scim.schema import ResourceType
from shared.web.resource_handlers import ResourceEndpoint
from shared.web.respond import Handlers
from shared.web.services import Services


def custom_endpoints(services: Services) -> tuple[ResourceEndpoint, ...]:
    """Return the endpoints in the order in which `/ResourceTypes` lists their types."""
    return tuple(map(_endpoint, services.catalogue.custom))


def find_endpoint(services: Services, path: str) -> ResourceEndpoint | None:
    """Return the endpoint of a path below the root, in any letter case; None if there is none."""
    for resource_type in services.catalogue.custom:
        if resource_type.endpoint.lower() == f"/{path.lower()}":
            return _endpoint(resource_type)
    return None


def collection(route_params: Mapping[str, str], services: Services) -> Handlers:
    """Choose the handlers of `{endpoint}`."""
    return _found(route_params, services).collection


def searches(route_params: Mapping[str, str], services: Services) -> Handlers:
    """Choose the handlers of `{endpoint}/.search`."""
    return _found(route_params, services).searches


def item(route_params: Mapping[str, str], services: Services) -> Handlers:
    """Choose the handlers of `{endpoint}/{id}`."""
    return _found(route_params, services).item


def _found(route_params: Mapping[str, str], services: Services) -> ResourceEndpoint:
    endpoint = find_endpoint(services, route_params["endpoint"])
    if endpoint is None:
        raise NotFound("There is no such endpoint; /ResourceTypes lists those that there are.")
    return endpoint


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
