"""The token endpoint of a tenant: `POST <Tenant URL>/oauth2/token` (RFC 6749 section 4.4)."""

import time
from functools import partial

import azure.functions as func

from shared import tenants
from shared.errors import InvalidClient, OAuthError, ScimError
from shared.oauth.access_tokens import SCOPE
from shared.tables.request_context import RequestContext
from shared.telemetry.request_record import RequestRecord
from shared.web import services
from shared.web.requests import tenant_url
from shared.web.respond import method_not_allowed
from shared.web.responses import JSON, ScimResponse, headers_of
from token_endpoint.token_request import check_resource, check_url, parse_token_request, uses_header

_UNSTORED = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_CHALLENGE = 'Basic realm="scim", charset="UTF-8"'


async def give_token(req: func.HttpRequest, record: RequestRecord) -> ScimResponse:
    """Any method of the token endpoint; a refusal is one of OAuth (section 5.2)."""
    try:
        return await _give(req, record)
    except ScimError as error:
        if isinstance(error, InvalidClient):
            record.failed_check = error.failed
        return _refusal(error, in_header=uses_header(req.headers.get("authorization")))


async def _give(req: func.HttpRequest, record: RequestRecord) -> ScimResponse:
    if record.method != "POST":
        raise method_not_allowed(record.method, ("POST",))
    process = services.current()
    headers = req.headers
    check_url(req.url)
    asked = parse_token_request(
        req.get_body(), headers.get("content-type"), headers.get("authorization")
    )
    tenant = tenants.of_path(req.route_params.get("tenant"))
    issuer = tenant_url(req, tenant or "", process.settings.base_url)
    check_resource(asked, issuer)
    context = _begin(record, tenant or "", process)
    issued = await process.authorization_server.issue(
        tenant, issuer, asked.presented, partial(process.store.assertions.use, context)
    )
    # The tenant is known from here on, and so is whose rate limit it is.
    record.tenant, record.token = tenant or "", issued.label
    process.rate_limit.take(record.tenant)
    body = {
        "access_token": issued.text,
        "token_type": "Bearer",
        "expires_in": issued.seconds,
        "scope": SCOPE,
    }
    return ScimResponse(200, body, _UNSTORED, media_type=JSON)


def _begin(record: RequestRecord, tenant: str, process: services.Services) -> RequestContext:
    """Begin what storage is asked: nothing, unless an assertion is to be used once."""
    deadline = time.monotonic() + process.settings.request_deadline_seconds
    context = RequestContext(tenant, record.request_id, "", deadline, record.method)
    record.meter = context.meter
    return context


def _refusal(error: ScimError, *, in_header: bool) -> ScimResponse:
    """Write a refusal; who has tried the header is told the scheme in it (section 5.2)."""
    headers = {**_UNSTORED, **headers_of(error)}
    if isinstance(error, InvalidClient) and in_header:
        headers["WWW-Authenticate"] = _CHALLENGE
    body = {"error": _code_of(error), "error_description": _printable(error.detail)}
    return ScimResponse(error.status, body, headers, media_type=JSON)


def _code_of(error: ScimError) -> str:
    if isinstance(error, OAuthError):
        return error.code
    return "temporarily_unavailable" if error.status in {429, 503} else OAuthError.code


def _printable(detail: str) -> str:
    """Leave out of a text what a description must not hold (section 5.2)."""
    plain = detail.replace('"', "'").replace("\\", "/")
    return "".join(each for each in plain if " " <= each <= "~")
