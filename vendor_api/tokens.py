"""`tokens`: the secret tokens of a tenant are drawn, listed and revoked; a value is shown once."""

import re

from pydantic import BaseModel, ConfigDict, Field

from shared.api_keys import Scope
from shared.errors import Conflict, NotFound, NotServed
from shared.web.requests import ScimRequest
from shared.web.responses import ScimResponse
from shared.web.services import Services
from vendor_api.models import read_body
from vendor_api.operations import ApiEndpoint, NoQuery, Operation, of_model
from vendor_api.token_models import (
    NewTokenDocument,
    TokenDocument,
    ValidDays,
    expiry_of,
    requester_of,
)

_VERSION = re.compile("[0-9a-f]{32}")


class TokenToDraw(BaseModel):
    """A token to be drawn."""

    model_config = ConfigDict(extra="forbid")

    valid_days: ValidDays = 365


class TokenList(BaseModel):
    """The tokens of a tenant, the newest first."""

    model_config = ConfigDict(extra="forbid")

    tokens: list[TokenDocument]


class RevokedToken(BaseModel):
    """What a revocation has disabled."""

    model_config = ConfigDict(extra="forbid")

    version: str
    disabled: list[str] = Field(
        description="This version, and older ones that would have become valid in its place; empty"
        " if it was disabled before."
    )


async def list_tokens(request: ScimRequest, services: Services) -> ScimResponse:
    """GET of the tokens. No call of the storage; one of the vault for each 25 versions."""
    judged = await services.tenant_tokens.versions(request.context.tenant)
    return of_model(200, TokenList(tokens=[TokenDocument.of(each) for each in judged]))


async def draw_token(request: ScimRequest, services: Services) -> ScimResponse:
    """POST of a token. No call of the storage."""
    asked = read_body(TokenToDraw, request.json())
    tenant, expires = request.context.tenant, expiry_of(asked.valid_days)
    new = await services.tenant_tokens.draw(tenant, expires, requester_of(request))
    place = f"{request.base_url}/api/v1/tenants/{tenant}/tokens/{new.drawn.version.id}"
    return of_model(201, NewTokenDocument.of(new), {"Location": place})


async def show_token(request: ScimRequest, services: Services) -> ScimResponse:
    """GET of a token, without its value. No call of the storage."""
    version = _version_of(request)
    for each in await services.tenant_tokens.versions(request.context.tenant):
        if each.version.id == version:
            return of_model(200, TokenDocument.of(each))
    raise NotFound("The tenant has no such token.")


async def revoke_token(request: ScimRequest, services: Services) -> ScimResponse:
    """DELETE of a token: it is disabled. No call of the storage."""
    version, tenant = _version_of(request), request.context.tenant
    disabled = await services.tenant_tokens.revoke(tenant, version, requester_of(request))
    return of_model(200, RevokedToken(version=version, disabled=disabled))


def _version_of(request: ScimRequest) -> str:
    """Return the version that the path names, whole: the beginning of one does not suffice."""
    version = request.resource_id.lower()
    if not _VERSION.fullmatch(version):
        raise NotFound("The tenant has no such token.")
    return version


TOKENS = ApiEndpoint(
    Scope.TENANTS_MANAGE,
    {
        "GET": Operation(
            summary="List the tokens of a tenant",
            description="The newest first, with their states; never a value.",
            query=NoQuery,
            answer=TokenList,
            refusals=(NotServed,),
            handler=list_tokens,
        ),
        "POST": Operation(
            summary="Draw a token",
            description="It is shown this once, and valid here at once and in other instances"
            " within 5 seconds. The present token stays valid, so that nothing is interrupted; what"
            " is older is disabled. A closed tenant is opened by it, to this token alone.",
            query=NoQuery,
            answer=NewTokenDocument,
            refusals=(Conflict, NotServed),
            handler=draw_token,
            body=TokenToDraw,
            status=201,
        ),
    },
)

TOKEN_BY_VERSION = ApiEndpoint(
    Scope.TENANTS_MANAGE,
    {
        "GET": Operation(
            summary="Show a token",
            description="Its state and its times; never its value.",
            query=NoQuery,
            answer=TokenDocument,
            refusals=(NotServed,),
            handler=show_token,
        ),
        "DELETE": Operation(
            summary="Revoke a token",
            description="It is refused here at once, and in other instances within a minute. The"
            " newest one is not revoked, because that would close the tenant.",
            query=NoQuery,
            answer=RevokedToken,
            refusals=(Conflict, NotServed),
            handler=revoke_token,
        ),
    },
)
