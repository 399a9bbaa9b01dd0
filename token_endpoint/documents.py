"""The documents that lead a client to the token endpoint: open to everybody."""

from collections.abc import Callable
from typing import Any

import azure.functions as func

from shared import tenants
from shared.errors import NotFound
from shared.oauth import metadata
from shared.telemetry.request_record import RequestRecord
from shared.web import services
from shared.web.callers import READS
from shared.web.requests import tenant_url
from shared.web.respond import Endpoint, method_not_allowed
from shared.web.responses import JSON, ScimResponse

_CACHE = {"Cache-Control": "public, max-age=300"}


def _document(describe: Callable[[str], dict[str, Any]]) -> Endpoint:
    """Make the endpoint of a document, which depends on nothing but the address."""

    async def serve(req: func.HttpRequest, record: RequestRecord) -> ScimResponse:
        if record.method not in READS:
            raise method_not_allowed(record.method, sorted(READS))
        tenant = tenants.of_path(req.route_params.get("tenant"))
        if tenant is None:
            raise NotFound("No tenant can have this name, so nothing is described here.")
        issuer = tenant_url(req, tenant, services.current().settings.base_url)
        return ScimResponse(200, describe(issuer), _CACHE, media_type=JSON)

    return serve


AUTHORIZATION_SERVER_DOCUMENT = _document(metadata.authorization_server)
PROTECTED_RESOURCE_DOCUMENT = _document(metadata.protected_resource)
