"""What the root does: queries of all types (RFC 7644 section 3.4.2), /Me, and the 404 of SCIM."""

import azure.functions as func

from scim_protocol.resource_endpoints import resource_endpoints
from shared.errors import NotFound, NotServed
from shared.scim import queries
from shared.scim.messages import parse_search
from shared.scim.queries import Query
from shared.web.listing import Lister
from shared.web.matching import Bounds
from shared.web.request_log import RequestRecord
from shared.web.requests import ScimRequest
from shared.web.responses import ScimResponse
from shared.web.services import Services


async def list_everything(request: ScimRequest, services: Services) -> ScimResponse:
    """GET of the Tenant URL itself. Some versions of the Entra portal are said to probe it."""
    return await _answer(request, services, queries.from_parameters(request.query))


async def search_everything(request: ScimRequest, services: Services) -> ScimResponse:
    """POST /.search."""
    return await _answer(request, services, parse_search(request.json()))


async def me(request: ScimRequest, services: Services) -> ScimResponse:
    """Any method of /Me (RFC 7644 section 3.11): a token stands for a client, not for a user."""
    del request, services
    raise NotServed("/Me is not served: a secret token belongs to no user. Use /Users/<id>.")


async def no_such_path(req: func.HttpRequest, record: RequestRecord) -> ScimResponse:
    """Any method of every path that nothing else serves."""
    del req, record
    raise NotFound(
        "Nothing is served at this path. The Tenant URL ends in /scim/v2, and below it are /Users, "
        "/Groups, /Bulk, /.search, /ServiceProviderConfig, /ResourceTypes and /Schemas."
    )


async def _answer(request: ScimRequest, services: Services, query: Query) -> ScimResponse:
    sources = [each.source(request, services) for each in resource_endpoints(services)]
    return await Lister(sources, Bounds.of(services.settings)).answer(request, query)
