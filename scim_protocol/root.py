"""What spans resource types: queries of all of them (RFC 7644 section 3.4.2), /Me, and the 404."""

from typing import Any

import azure.functions as func

from scim_groups.handlers import GROUPS
from scim_protocol.custom import CustomHandlers
from scim_users.handlers import USERS
from shared.errors import NotFound, NotServed
from shared.scim import queries
from shared.scim.catalogue import Catalogue
from shared.scim.messages import parse_search
from shared.scim.queries import Query
from shared.telemetry.request_record import RequestRecord
from shared.web.listing import list_resources
from shared.web.matching import Bounds
from shared.web.requests import ScimRequest
from shared.web.resource_handlers import ResourceHandlers
from shared.web.responses import ScimResponse
from shared.web.services import Services


def all_handlers(catalogue: Catalogue) -> tuple[ResourceHandlers[Any], ...]:
    """Return the handlers of every type, in the order in which `/ResourceTypes` lists them."""
    return (USERS, GROUPS, *map(CustomHandlers, catalogue.custom))


async def list_all(request: ScimRequest, services: Services) -> ScimResponse:
    """GET of the Tenant URL itself. Some versions of the Entra portal are said to probe it."""
    return await _query(request, services, queries.from_parameters(request.query))


async def search_all(request: ScimRequest, services: Services) -> ScimResponse:
    """POST /.search."""
    core = services.catalogue.core_schemas
    is_closed = request.is_interop
    query = await request.make(
        lambda body: parse_search(body, core, request.query, is_closed=is_closed)
    )
    return await _query(request, services, query)


async def me(request: ScimRequest, services: Services) -> ScimResponse:
    """Any method of /Me (RFC 7644 section 3.11): a token stands for a client, not for a user."""
    del request, services
    raise NotServed("/Me is not served: a secret token belongs to no user. Use /Users/<id>.")


async def no_such_path(req: func.HttpRequest, record: RequestRecord) -> ScimResponse:
    """Any method of every path that nothing else serves."""
    del req, record
    raise NotFound(
        "Nothing is served at this path. The Tenant URL ends in /scim/v2, and below it are /Users, "
        "/Groups, /Bulk, /.search, /ServiceProviderConfig, /ResourceTypes and /Schemas, and for "
        "OAuth /oauth2/token and what is described below /.well-known."
    )


async def _query(request: ScimRequest, services: Services, query: Query) -> ScimResponse:
    sources = [each.source(request, services) for each in all_handlers(services.catalogue)]
    return await list_resources(request, query, sources, Bounds.of(services.settings))
