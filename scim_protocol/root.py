"""What the root does: queries of every type of resource (RFC 7644 section 3.4.2), and /Me."""

from scim_protocol.resource_endpoints import resource_endpoints
from shared.errors import NotServed
from shared.scim import queries
from shared.scim.messages import parse_search
from shared.scim.queries import Query
from shared.web.listing import Lister
from shared.web.matching import Bounds
from shared.web.requests import ScimRequest
from shared.web.responses import Answer
from shared.web.services import Services


async def list_everything(request: ScimRequest, services: Services) -> Answer:
    """GET of the Tenant URL itself. Some versions of the Entra portal are said to probe it."""
    return await _answer(request, services, queries.from_parameters(request.query))


async def search_everything(request: ScimRequest, services: Services) -> Answer:
    """POST /.search."""
    return await _answer(request, services, parse_search(request.json()))


async def me(request: ScimRequest, services: Services) -> Answer:
    """Any method of /Me (RFC 7644 section 3.11): a token stands for a client, not for a user."""
    del request, services
    raise NotServed("/Me is not served: a secret token belongs to no user. Use /Users/<id>.")


async def _answer(request: ScimRequest, services: Services, query: Query) -> Answer:
    sources = [each.source(request, services) for each in resource_endpoints(services)]
    return await Lister(sources, Bounds.of(services.settings)).answer(request, query)


ROOT = {"GET": list_everything}
SEARCH = {"POST": search_everything}
ME = dict.fromkeys(("GET", "POST", "PUT", "PATCH", "DELETE"), me)
