"""`webhooks`: the endpoints to which events are sent, their secrets and what became of deliveries.

An endpoint may be of several tenants. A key of some tenants sees and makes those endpoints alone
whose tenants are all its own; of every other it is told that there is none.
"""

from collections.abc import Callable
from dataclasses import replace

from shared.api_keys import Scope
from shared.errors import (
    Conflict,
    Forbidden,
    InvalidValue,
    NotFound,
    NotServed,
    PreconditionFailed,
)
from shared.store.layout import new_id_without_name
from shared.store.webhook_endpoints import WebhookEndpoint, no_such_endpoint
from shared.web.callers import require_tenant
from shared.web.entity_tags import entity_tag
from shared.web.requests import ScimRequest
from shared.web.responses import JSON, ScimResponse
from shared.web.services import Services
from shared.web.webhook_hints import hint_at_waiting
from shared.webhook_endpoints import (
    EndpointPatch,
    EndpointToCreate,
    checked_url,
    read_patch,
    tenants_named,
    types_among,
)
from vendor_api.event_types import known_types
from vendor_api.models import read_body, written_moment
from vendor_api.operations import MERGE_PATCH, ApiEndpoint, NoQuery, Operation, of_model
from vendor_api.token_models import TokenDocument, requester_of
from vendor_api.webhook_access import find_endpoint, find_to_change, may_see, when_on
from vendor_api.webhook_models import (
    NewSecretDocument,
    NewWebhookDocument,
    RotationWanted,
    SecretList,
    WebhookDocument,
    WebhookList,
)

_HOUR = 3_600


@when_on
async def list_webhooks(request: ScimRequest, services: Services) -> ScimResponse:
    """GET of the endpoints. 1 call."""
    endpoints = await services.store.webhook_endpoints.list(request.context)
    own = [WebhookDocument.of(each) for each in endpoints if may_see(request, each)]
    return of_model(200, WebhookList(webhooks=own))


@when_on
async def create_webhook(request: ScimRequest, services: Services) -> ScimResponse:
    """POST of an endpoint. 3 calls."""
    asked = read_body(EndpointToCreate, request.json())
    wanted = WebhookEndpoint(
        id=new_id_without_name(),
        url=_url(services, asked.url),
        tenants=await _tenants(request, services, asked.tenants),
        types=_types(services, asked.types),
        state=asked.state,
        description=asked.description or None,
    )
    kept = services.store.webhook_endpoints
    await kept.require_room(request.context)
    by = requester_of(request)
    new = await services.webhook_secrets.create(wanted.id, by)
    try:
        created = await kept.create(request.context, wanted)
    except Exception:
        # Nobody has seen the secret, and nothing is signed with it.
        await services.webhook_secrets.close(wanted.id, by)
        raise
    place = f"{request.base_url}/api/v1/webhooks/{created.id}"
    headers = {"Location": place, "ETag": entity_tag(str(created.version))}
    return of_model(201, NewWebhookDocument.with_secret(created, new.drawn.token), headers)


@when_on
async def show_webhook(request: ScimRequest, services: Services) -> ScimResponse:
    """GET of an endpoint. 1 call."""
    endpoint = await find_endpoint(request, services)
    request.has_already(str(endpoint.version))  # for If-Match
    return _shown(endpoint)


@when_on
async def patch_webhook(request: ScimRequest, services: Services) -> ScimResponse:
    """PATCH of an endpoint (RFC 7396). 3 calls, 2 when nothing changes; hints of what waits."""
    patch = read_patch(request.json())
    before = await find_endpoint(request, services)
    change = await _change(request, services, patch)
    endpoint = await services.store.webhook_endpoints.update(
        request.context, before.id, change, request.precondition
    )
    if (endpoint.state, endpoint.url) != (before.state, before.url):
        await hint_at_waiting(services, endpoint)
    return _shown(endpoint)


@when_on
async def delete_webhook(request: ScimRequest, services: Services) -> ScimResponse:
    """DELETE of an endpoint, whose secrets end before it. 3 calls."""
    endpoint = await find_to_change(request, services)
    await services.webhook_secrets.close(endpoint.id, requester_of(request))
    await services.store.webhook_endpoints.delete(
        request.context, endpoint.id, request.precondition
    )
    return _shown(endpoint)


@when_on
async def list_secrets(request: ScimRequest, services: Services) -> ScimResponse:
    """GET of the secrets. 1 call; one of the vault for each 25 versions."""
    endpoint = await find_endpoint(request, services)
    judged = await services.webhook_secrets.versions(endpoint.id)
    return of_model(200, SecretList(secrets=[TokenDocument.of(each) for each in judged]))


@when_on
async def rotate_secret(request: ScimRequest, services: Services) -> ScimResponse:
    """POST of a secret. 1 call."""
    asked = read_body(RotationWanted, request.json())
    endpoint = await find_to_change(request, services)
    overlap = asked.overlap_hours * _HOUR
    new = await services.webhook_secrets.rotate(endpoint.id, overlap, requester_of(request))
    answer = NewSecretDocument(
        version=new.drawn.version.id,
        secret=new.drawn.token,
        previousUntil=written_moment(new.previous_until),
        disabled=new.disabled,
    )
    place = f"{request.base_url}/api/v1/webhooks/{endpoint.id}/secrets"
    return of_model(201, answer, {"Location": place})


async def _tenants(
    request: ScimRequest, services: Services, names: list[str] | None
) -> tuple[str, ...] | None:
    """Read which tenants are meant; None for all.

    Raises:
        Forbidden: they are not those of the key.
        InvalidValue: there is no such tenant.
    """
    key = request.api_key
    if names is None:
        if key is None or key.grant.tenants is not None:
            raise Forbidden(
                "An endpoint without tenants is sent the events of all of them, and the API key is"
                ' of some. Name them: "tenants": ["<tenant>"].'
            )
        return None
    named = tenants_named(names)
    for tenant in named:
        if key is not None:
            require_tenant(key, tenant)
    for tenant in named:
        if not await services.authenticator.has_tenant(tenant):
            raise InvalidValue(
                f"tenants: there is no tenant {tenant}. Create it, then name it here.",
                path="tenants",
            )
    return named


def _types(services: Services, wanted: list[str] | None) -> tuple[str, ...]:
    return () if wanted is None else types_among(wanted, known_types(services.catalogue))


def _url(services: Services, url: str) -> str:
    return checked_url(url, to_loopback=services.settings.webhooks_to_loopback == "on")


async def _change(
    request: ScimRequest, services: Services, patch: EndpointPatch
) -> Callable[[WebhookEndpoint], WebhookEndpoint]:
    """Make of a patch what is to be done to the endpoint as it then is."""
    named: dict[str, object] = {}
    if patch.url is not None:
        named["url"] = _url(services, patch.url)
    if "description" in patch.model_fields_set:
        named["description"] = patch.description or None
    if "tenants" in patch.model_fields_set:
        named["tenants"] = await _tenants(request, services, patch.tenants)
    if "types" in patch.model_fields_set:
        named["types"] = _types(services, patch.types)

    def changed(endpoint: WebhookEndpoint) -> WebhookEndpoint:
        if not may_see(request, endpoint):  # somebody has given it other tenants meanwhile
            raise no_such_endpoint()
        after: WebhookEndpoint = replace(endpoint, **named)  # type: ignore[arg-type]
        return after if patch.state is None else after.in_state(patch.state)

    return changed


def _shown(endpoint: WebhookEndpoint) -> ScimResponse:
    tag = entity_tag(str(endpoint.version))
    return of_model(200, WebhookDocument.of(endpoint), {"ETag": tag})


WEBHOOK_ENDPOINTS = ApiEndpoint(
    Scope.TENANTS_MANAGE,
    {
        "GET": Operation(
            summary="List webhook endpoints",
            description="Only those whose tenants are all of the API key.",
            query=NoQuery,
            answer=WebhookList,
            refusals=(NotServed,),
            handler=list_webhooks,
        ),
        "POST": Operation(
            summary="Create a webhook endpoint",
            description="Its secret is in this answer and nowhere else. Events from now on are"
            " sent to it, within a minute of this answer or sooner.",
            query=NoQuery,
            answer=NewWebhookDocument,
            refusals=(Conflict, InvalidValue, NotServed),
            handler=create_webhook,
            body=EndpointToCreate,
            status=201,
        ),
    },
    is_of_tenant=False,
)

WEBHOOK_BY_ID = ApiEndpoint(
    Scope.TENANTS_MANAGE,
    {
        "GET": Operation(
            summary="Show a webhook endpoint",
            description="`ETag` is its version.",
            query=NoQuery,
            answer=WebhookDocument,
            refusals=(NotFound, NotServed, PreconditionFailed),
            handler=show_webhook,
        ),
        "PATCH": Operation(
            summary="Change, pause or resume a webhook endpoint",
            description="A JSON merge patch (RFC 7396): send what is to change; `null` unsets."
            " `If-Match` is honoured. Every instance goes by it within a minute.",
            query=NoQuery,
            answer=WebhookDocument,
            refusals=(InvalidValue, NotFound, NotServed, PreconditionFailed),
            handler=patch_webhook,
            body=EndpointPatch,
            media_types=(MERGE_PATCH, JSON),
            has_condition=True,
        ),
        "DELETE": Operation(
            summary="Delete a webhook endpoint",
            description="Its secrets are disabled and it is sent nothing more; the answer shows it"
            " as it was. What was not delivered is not kept.",
            query=NoQuery,
            answer=WebhookDocument,
            refusals=(NotFound, NotServed, PreconditionFailed),
            handler=delete_webhook,
            has_condition=True,
        ),
    },
    is_of_tenant=False,
)

WEBHOOK_SECRETS = ApiEndpoint(
    Scope.TENANTS_MANAGE,
    {
        "GET": Operation(
            summary="List the secrets of a webhook endpoint",
            description="The newest first, with their states; never a value.",
            query=NoQuery,
            answer=SecretList,
            refusals=(NotFound, NotServed),
            handler=list_secrets,
        ),
        "POST": Operation(
            summary="Rotate the secret of a webhook endpoint",
            description="The new secret is shown this once. Webhooks are signed with both for"
            " `overlapHours`, so that a receiver that knows either accepts them; two at most are"
            " valid. `If-Match` means the version of the endpoint.",
            query=NoQuery,
            answer=NewSecretDocument,
            refusals=(Conflict, NotFound, NotServed, PreconditionFailed),
            handler=rotate_secret,
            body=RotationWanted,
            status=201,
            has_condition=True,
        ),
    },
    is_of_tenant=False,
)
