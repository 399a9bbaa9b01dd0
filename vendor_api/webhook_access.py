"""Which webhook endpoints a request may reach: those whose tenants are all of its API key."""

from shared.errors import NotServed
from shared.store.resources import check_precondition
from shared.store.webhook_endpoints import WebhookEndpoint, no_such_endpoint
from shared.web.requests import ScimRequest
from shared.web.respond import Handler
from shared.web.responses import ScimResponse
from shared.web.services import Services


def when_on(handler: Handler) -> Handler:
    """Serve only where webhooks are on."""

    async def serve(request: ScimRequest, services: Services) -> ScimResponse:
        if services.settings.webhooks == "off":
            raise NotServed(
                "Webhooks are switched off. Set SCIM_WEBHOOKS=on for the service and start it"
                " again, or read the events of each tenant."
            )
        return await handler(request, services)

    return serve


async def find_endpoint(request: ScimRequest, services: Services) -> WebhookEndpoint:
    """Return the endpoint of the path, if the key may see it. 1 call.

    Raises:
        NotFound: there is none, or it is of tenants that are not those of the key.
    """
    kept = services.store.webhook_endpoints
    endpoint = await kept.get(request.context, request.resource_id)
    if not may_see(request, endpoint):
        raise no_such_endpoint()
    return endpoint


async def find_to_change(request: ScimRequest, services: Services) -> WebhookEndpoint:
    """Return the endpoint of the path, if it has the version that the request wants. 1 call."""
    endpoint = await find_endpoint(request, services)
    check_precondition(request.precondition, str(endpoint.version))
    return endpoint


def may_see(request: ScimRequest, endpoint: WebhookEndpoint) -> bool:
    """Tell whether the API key of a request may see an endpoint."""
    key = request.api_key
    if key is None:
        return False
    if endpoint.tenants is None:
        return key.grant.tenants is None
    return all(map(key.grant.opens, endpoint.tenants))
