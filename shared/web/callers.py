"""Who comes in at an endpoint: a customer's token opens its tenant, an API key what it allows.

Under SCIM both are taken, and access tokens of OAuth clients; a key reads alone. Under `/api/v1` a
key is taken and a token opens nothing. What was sent says by its first characters which of the two
it is meant for, so neither is ever looked for among the others.
"""

from collections.abc import Awaitable, Callable, Collection
from urllib.parse import quote

import azure.functions as func

from shared import api_keys, tenants
from shared.api_keys import Scope
from shared.auth.tokens import ApiKey, Caller, bearer_token, digest_of
from shared.errors import Forbidden, InsufficientScope, NotFound, Unauthorized
from shared.oauth.metadata import PROTECTED_RESOURCE
from shared.telemetry.request_record import RequestRecord
from shared.web.requests import tenant_url
from shared.web.services import Services

Enter = Callable[[func.HttpRequest, RequestRecord, Services], Awaitable[Caller]]
"""Lets the caller of a request in, and notes in the record who it is; refuses by a `ScimError`."""

_JWT = "eyJ"
"""What every JWT begins with: the base64url of `{"`."""

READS = frozenset({"GET", "HEAD"})


async def with_token(req: func.HttpRequest, record: RequestRecord, process: Services) -> Caller:
    """Let a request in whose token opens the tenant of its path, `default` if that names none.

    Raises:
        Unauthorized: the token does not open the tenant, or there is no such tenant.
        Unavailable: the tokens cannot be read at present.
    """
    tenant = tenants.of_path(req.route_params.get("tenant"))
    authorization = req.headers.get("authorization")
    try:
        caller = await process.authenticator.authenticate(tenant, authorization)
    except Unauthorized:
        if tenant is not None:
            process.refused_tokens.note(tenant)
        raise
    record.token = caller.label
    # Whoever opened the tenant has sent a token; its digest is a secret of both sides.
    keys = caller.keys or (digest_of(bearer_token(authorization)),)
    return Caller(caller.tenant, caller.label, keys)


async def with_credentials(
    req: func.HttpRequest, record: RequestRecord, process: Services
) -> Caller:
    """Let a request in that has an access token for the tenant of its path, or its secret token.

    What is no access token of this service or of an issuer that the tenant trusts, or is refused as
    one, is looked at as a secret token is. So the answer is the same, and comes after the same
    calls, whatever is wrong with it.

    Raises:
        Unauthorized: what was sent does not open the tenant, or there is no such tenant.
        Unavailable: it cannot be decided at present.
    """
    authorization = req.headers.get("authorization")
    # Most requests bring a secret token, which needs no more than this look at it.
    if authorization is not None and _JWT in authorization:
        tenant = tenants.of_path(req.route_params.get("tenant"))
        issuer = tenant_url(req, tenant or "", process.settings.base_url)
        token = bearer_token(authorization)
        decision = await process.authorization_server.decide(tenant, issuer, token)
        if decision is not None and decision.caller is not None:
            record.token = decision.caller.label
            keys = decision.caller.keys or (digest_of(token),)
            return Caller(decision.caller.tenant, decision.caller.label, keys)
        record.failed_check = str(decision.failed or "") if decision else ""
    return await with_token(req, record, process)


def with_token_or_key(reads: Collection[str] = READS) -> Enter:
    """Make an entrance for SCIM: to a token of either kind, or to an API key that may read.

    Who is refused is told where the resource is described (RFC 9728 section 5.1), also where there
    is no such tenant.

    Args:
        reads: the methods of the endpoint that read; a key may use no other.
    """

    async def enter(req: func.HttpRequest, record: RequestRecord, process: Services) -> Caller:
        try:
            return await _enter(req, record, process)
        except Unauthorized as error:
            raise Unauthorized(error.detail, challenge=_challenge(req, process)) from None

    async def _enter(req: func.HttpRequest, record: RequestRecord, process: Services) -> Caller:
        if not _sends_key(req.headers.get("authorization")):
            return await with_credentials(req, record, process)
        key = await _identify(req, record, process)
        if record.method not in reads:
            raise Forbidden(
                "An API key changes nothing here: identities are written by the customer's "
                "identity provider, with the secret token of the tenant."
            )
        tenant = tenants.of_path(req.route_params.get("tenant"))
        return await _admit(key, Scope.IDENTITIES_READ, tenant, process)

    return enter


def with_key(scope: Scope) -> Enter:
    """Make an entrance for the tenants below `/api/v1`: to an API key that has a scope.

    Raises:
        Unauthorized: no API key that is valid was sent.
        InsufficientScope: the key has not the scope.
        Forbidden: the tenant is none of those of the key, whether there is such a tenant or not.
        NotFound: there is no such tenant.
        Unavailable: the keys cannot be read at present.
    """

    async def enter(req: func.HttpRequest, record: RequestRecord, process: Services) -> Caller:
        key = await _identify(req, record, process)
        tenant = tenants.named(req.route_params["tenant"])
        return await _admit(key, scope, tenant, process)

    return enter


def with_key_alone(scope: Scope) -> Enter:
    """Make an entrance for what is of no tenant, to an API key that has a scope.

    The caller's tenant is "", which is the name of none: it reaches no rows, and its requests have
    a rate limit of their own.

    Raises:
        Unauthorized: no API key that is valid was sent.
        InsufficientScope: the key has not the scope.
        Unavailable: the keys cannot be read at present.
    """

    async def enter(req: func.HttpRequest, record: RequestRecord, process: Services) -> Caller:
        key = await _identify(req, record, process)
        _require_scope(key, scope)
        return Caller("", key.label, key.keys, key)

    return enter


def _challenge(req: func.HttpRequest, process: Services) -> str:
    """Write the challenge: it names the address that was asked, and tells nothing of a tenant."""
    segment = req.route_params.get("tenant")
    tenant = tenants.of_path(segment) or quote(segment or "", safe="")
    url = tenant_url(req, tenant, process.settings.base_url)
    return f'Bearer resource_metadata="{url}/{PROTECTED_RESOURCE}"'


def _sends_key(authorization: str | None) -> bool:
    """Tell whether the bearer token of a request is meant for an API key.

    Raises:
        Unauthorized: it is no bearer token.
    """
    # Most requests are those of identity providers, whose header is read once.
    is_possible = authorization is not None and api_keys.PREFIX in authorization
    return is_possible and api_keys.is_key(bearer_token(authorization))


async def _identify(req: func.HttpRequest, record: RequestRecord, process: Services) -> ApiKey:
    key = await process.authenticator.identify(req.headers.get("authorization"))
    record.token, record.is_product = key.label, True
    return key


async def _admit(key: ApiKey, scope: Scope, tenant: str | None, process: Services) -> Caller:
    """Let a key into a tenant. What it may not enter it is told nothing about."""
    _require_scope(key, scope)
    require_tenant(key, tenant)
    if tenant is None or not await process.authenticator.has_tenant(tenant):
        raise NotFound("There is no such tenant.")
    return Caller(tenant, key.label, key.keys, key)


def _require_scope(key: ApiKey, scope: Scope) -> None:
    """Refuse a key that has not a scope, and say how it gets it."""
    if scope not in key.grant.scopes:
        scopes = ",".join([*sorted(key.grant.scopes), scope])
        raise InsufficientScope(
            f"The API key has not the scope {scope}. Its operator gives it with"
            f" `python -m tools.admin apikey rotate {key.name} --scopes {scopes}`.",
            scope=scope,
        )


def require_tenant(key: ApiKey, tenant: str | None) -> None:
    """Refuse a tenant that is none of a key's, whether there is such a tenant or not.

    Raises:
        Forbidden: it is none of them; the detail is the same for all.
    """
    if not key.grant.opens(tenant):
        raise Forbidden(
            "The API key is not for this tenant. Its operator gives it the tenant with"
            f" `python -m tools.admin apikey rotate {key.name} --tenants <tenant>,...`, which"
            " names all that the key is to open."
        )
