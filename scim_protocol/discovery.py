"""What the discovery endpoints answer (RFC 7644 section 4)."""

import azure.functions as func

from shared.errors import Forbidden, NotFound
from shared.scim import discovery
from shared.scim.messages import list_response
from shared.scim.schema import Document
from shared.web.request_log import RequestRecord
from shared.web.requests import ScimRequest
from shared.web.responses import Answer
from shared.web.services import Services


async def get_service_provider_config(request: ScimRequest, services: Services) -> Answer:
    """GET /ServiceProviderConfig."""
    _refuse_filter(request)
    limit = services.settings.max_body_bytes
    return Answer(200, discovery.service_provider_config(request.tenant_url, limit))


async def list_resource_types(request: ScimRequest, services: Services) -> Answer:
    """GET /ResourceTypes."""
    types = discovery.resource_types(services.catalogue, request.tenant_url)
    return _listed(request, types)


async def get_resource_type(request: ScimRequest, services: Services) -> Answer:
    """GET /ResourceTypes/{id}."""
    _refuse_filter(request)
    found = discovery.resource_type(services.catalogue, request.tenant_url, request.resource_id)
    return Answer(200, found)


async def list_schemas(request: ScimRequest, services: Services) -> Answer:
    """GET /Schemas."""
    return _listed(request, discovery.schemas(services.catalogue, request.tenant_url))


async def get_schema(request: ScimRequest, services: Services) -> Answer:
    """GET /Schemas/{id}."""
    _refuse_filter(request)
    found = discovery.schema(services.catalogue, request.tenant_url, request.resource_id)
    return Answer(200, found)


async def no_such_path(req: func.HttpRequest, record: RequestRecord) -> Answer:
    """Any method of every path that nothing else serves."""
    del req, record
    raise NotFound(
        "Nothing is served at this path. The Tenant URL ends in /scim/v2, and below it are /Users, "
        "/Groups, /Bulk, /.search, /ServiceProviderConfig, /ResourceTypes and /Schemas."
    )


def _listed(request: ScimRequest, descriptions: list[Document]) -> Answer:
    _refuse_filter(request)
    return Answer(200, list_response(descriptions, len(descriptions), 1))


def _refuse_filter(request: ScimRequest) -> None:
    """Refuse filters, as RFC 7644 section 4 asks, so that a client does not take all for some."""
    if "filter" in request.query:
        raise Forbidden("This endpoint takes no filter; read the whole list.")


SERVICE_PROVIDER_CONFIG = {"GET": get_service_provider_config}
RESOURCE_TYPES = {"GET": list_resource_types}
RESOURCE_TYPE = {"GET": get_resource_type}
SCHEMAS = {"GET": list_schemas}
SCHEMA = {"GET": get_schema}
