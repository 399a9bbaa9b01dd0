"""What the discovery endpoints answer (RFC 7644 section 4)."""

from collections.abc import Callable

from shared.scim import discovery
from shared.scim.errors import Forbidden, NotFound
from shared.scim.messages import list_response
from shared.scim.schema import Document
from shared.web.answers import Answer
from shared.web.requests import ScimRequest
from shared.web.services import Services

Describe = Callable[[str], list[Document]]
"""Lists documents under a base URL."""


async def get_service_provider_config(request: ScimRequest, services: Services) -> Answer:
    """GET /ServiceProviderConfig."""
    del services
    _refuse_filter(request)
    return Answer(200, discovery.service_provider_config(request.tenant_url))


async def list_resource_types(request: ScimRequest, services: Services) -> Answer:
    """GET /ResourceTypes."""
    del services
    return _listed(request, discovery.resource_types)


async def get_resource_type(request: ScimRequest, services: Services) -> Answer:
    """GET /ResourceTypes/{id}."""
    del services
    return _single(request, discovery.resource_types)


async def list_schemas(request: ScimRequest, services: Services) -> Answer:
    """GET /Schemas."""
    del services
    return _listed(request, discovery.schemas)


async def get_schema(request: ScimRequest, services: Services) -> Answer:
    """GET /Schemas/{id}."""
    del services
    return _single(request, discovery.schemas)


def _listed(request: ScimRequest, describe: Describe) -> Answer:
    _refuse_filter(request)
    documents = describe(request.tenant_url)
    return Answer(200, list_response(documents, len(documents), 1))


def _single(request: ScimRequest, describe: Describe) -> Answer:
    _refuse_filter(request)
    wanted = request.resource_id.lower()
    for document in describe(request.tenant_url):
        if document["id"].lower() == wanted:
            return Answer(200, document)
    raise NotFound("There is no such description; the list one level up names those there are.")


def _refuse_filter(request: ScimRequest) -> None:
    """Refuse filters, as RFC 7644 section 4 asks, so that a client does not take all for some."""
    if "filter" in request.query:
        raise Forbidden("This endpoint takes no filter; read the whole list.")
