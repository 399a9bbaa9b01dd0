"""The endpoints of the types that the deployer has added."""

from scim_custom.handlers import CustomHandlers
from shared.scim.schema import ResourceType
from shared.web.resource_endpoints import ResourceEndpoint
from shared.web.services import Services


def custom_endpoints(services: Services) -> tuple[ResourceEndpoint, ...]:
    """Return the endpoints in the order in which `/ResourceTypes` lists their types."""
    return tuple(map(_endpoint, services.catalogue.others))


def find_endpoint(services: Services, path: str) -> ResourceEndpoint | None:
    """Return the endpoint of a path below the root, in any letter case; None if there is none."""
    for resource_type in services.catalogue.others:
        if resource_type.endpoint.lower() == f"/{path.lower()}":
            return _endpoint(resource_type)
    return None


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
