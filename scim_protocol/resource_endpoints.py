"""Every endpoint of resources that a deployment serves."""

from scim_groups.endpoint import GROUPS
from scim_protocol.custom_endpoints import custom_endpoints
from scim_users.endpoint import USERS
from shared.web.resource_handlers import ResourceEndpoint
from shared.web.services import Services


def resource_endpoints(services: Services) -> tuple[ResourceEndpoint, ...]:
    """Return the endpoints in the order in which `/ResourceTypes` lists their types."""
    return (USERS, GROUPS, *custom_endpoints(services))
