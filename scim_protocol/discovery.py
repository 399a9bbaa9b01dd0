"""Discovery: what the service can do, its types and schemas (RFC 7644 section 4)."""

from collections.abc import Iterator

from shared.auth.tokens import AcceptedCredentials
from shared.errors import Forbidden
from shared.scim import discovery
from shared.scim.discovery import AuthenticationScheme
from shared.scim.messages import list_response
from shared.scim.schema import Document
from shared.web.requests import ScimRequest
from shared.web.responses import ScimResponse
from shared.web.services import Services


async def get_service_provider_config(request: ScimRequest, services: Services) -> ScimResponse:
    """GET /ServiceProviderConfig."""
    _refuse_filter(request)
    limit = services.settings.max_body_bytes
    access = await services.authenticator.accepted_credentials(request.context.tenant)
    schemes = tuple(_schemes(access))
    document = discovery.service_provider_config(
        request.tenant_url, limit, schemes, is_interop=request.is_interop
    )
    return ScimResponse(200, document)


async def list_resource_types(request: ScimRequest, services: Services) -> ScimResponse:
    """GET /ResourceTypes."""
    types = discovery.resource_types(services.catalogue_for(request), request.tenant_url)
    return _list(request, types)


async def get_resource_type(request: ScimRequest, services: Services) -> ScimResponse:
    """GET /ResourceTypes/{id}."""
    _refuse_filter(request)
    found = discovery.resource_type(
        services.catalogue_for(request), request.tenant_url, request.resource_id
    )
    return ScimResponse(200, found)


async def list_schemas(request: ScimRequest, services: Services) -> ScimResponse:
    """GET /Schemas."""
    return _list(request, discovery.schemas(services.catalogue_for(request), request.tenant_url))


async def get_schema(request: ScimRequest, services: Services) -> ScimResponse:
    """GET /Schemas/{id}."""
    _refuse_filter(request)
    found = discovery.schema(
        services.catalogue_for(request), request.tenant_url, request.resource_id
    )
    return ScimResponse(200, found)


def _schemes(access: AcceptedCredentials) -> Iterator[AuthenticationScheme]:
    """Yield how this tenant is opened; who reads with an API key has a bearer token at any rate."""
    if access.clients:
        yield AuthenticationScheme.CLIENT_CREDENTIALS
    if access.by_token or not access.clients:
        yield AuthenticationScheme.SECRET_TOKEN


def _list(request: ScimRequest, descriptions: list[Document]) -> ScimResponse:
    _refuse_filter(request)
    return ScimResponse(200, list_response(descriptions, len(descriptions), 1))


def _refuse_filter(request: ScimRequest) -> None:
    """Refuse filters, as RFC 7644 section 4 asks, so that a client does not take all for some."""
    if "filter" in request.query:
        raise Forbidden("This endpoint takes no filter; read the whole list.")
