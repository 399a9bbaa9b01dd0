"""`tenants`: which tenants there are and which have changed; one is created, one is closed."""

import asyncio
import time
from bisect import bisect_right
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from shared import tenants
from shared.api_keys import Scope
from shared.auth.tenant_tokens import TenantState
from shared.clock import Clock
from shared.errors import Conflict, InvalidValue, NotFound, NotServed, ScimError
from shared.store import layout
from shared.tables.request_context import RequestContext
from shared.web.callers import require_tenant
from shared.web.requests import ScimRequest, path_of
from shared.web.responses import ScimResponse
from shared.web.services import Services
from vendor_api.models import (
    optional,
    optional_moment,
    read_body,
    read_moment,
    read_number,
    written_moment,
)
from vendor_api.operations import ApiEndpoint, NoQuery, Operation, of_model
from vendor_api.token_models import (
    NewTokenDocument,
    ValidDays,
    expiry_of,
    requester_of,
)

DEFAULT_TENANTS, MOST_TENANTS = 100, 1_000

READS_AT_ONCE = 16
"""Tenants whose changes are looked for at the same time."""

READ_SECONDS = 5.0
"""What that may take for one tenant, so that one whose storage hangs does not hide the others."""

_NAME = "^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$"
_CLOCK = Clock()


class TenantsQuery(BaseModel):
    """Which tenants, and how many of them are looked at."""

    after: str | SkipJsonSchema[None] = Field(
        None,
        alias="after",
        min_length=1,
        json_schema_extra=optional,
        description="The `cursor` of the last answer, or any text: tenants whose names come behind"
        " it.",
    )
    limit: int = Field(
        DEFAULT_TENANTS,
        alias="limit",
        ge=1,
        le=MOST_TENANTS,
        description="How many tenants to look at; with `changedAfter` fewer may be listed.",
    )
    changed_after: str | SkipJsonSchema[None] = Field(
        None,
        alias="changedAfter",
        json_schema_extra=optional_moment,
        description="Only tenants in which something was changed since this time (RFC 3339). A"
        " change may become visible two minutes late, so those of the two minutes before are listed"
        " as well.",
    )


class TenantOverview(BaseModel):
    """Where a tenant is, and whether its tokens open it."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(description="As it stands in paths; `default` for the one at `/scim/v2`.")
    tenant_url: str = Field(alias="tenantUrl", description="What the customer enters.")
    state: TenantState = Field(
        description="`open`: a token is valid. `closed`: the newest is disabled, so that none is."
        " `noValidToken`: none is valid, because they have expired, not begun, or are"
        " switched off. OAuth clients are let in unless the tenant is `closed`."
    )
    token_expires: str | SkipJsonSchema[None] = Field(
        None,
        alias="tokenExpires",
        json_schema_extra=optional_moment,
        description="When the newest token expires; left out if it never does.",
    )


class TenantSummary(TenantOverview):
    """A tenant of a list."""

    last_change: str | SkipJsonSchema[None] = Field(
        None,
        alias="lastChange",
        json_schema_extra=optional_moment,
        description="With `changedAfter`: when the newest change was made.",
    )
    is_unknown: Literal[True] | SkipJsonSchema[None] = Field(
        None,
        alias="changeUnknown",
        json_schema_extra=optional,
        description="With `changedAfter`: that the storage of this tenant did not answer, so that"
        " it may have changed.",
    )


class TenantList(BaseModel):
    """Tenants of the API key, in the order of their names."""

    model_config = ConfigDict(extra="forbid")

    tenants: list[TenantSummary]
    cursor: str | SkipJsonSchema[None] = Field(
        None,
        json_schema_extra=optional,
        description="To be sent as `after` for more; left out when these were the last.",
    )


class TenantToCreate(BaseModel):
    """A tenant to be created."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=40, pattern=_NAME)] = Field(
        description="Up to 40 of a-z, 0-9 and single dashes between them; capitals become small."
    )
    valid_days: ValidDays = 365
    existing_data: bool = Field(
        False,
        alias="existingData",
        description="Create it although data of a former tenant of this name are there, which it"
        " takes over.",
    )


class NewTenant(BaseModel):
    """A tenant that was created, with its first token."""

    model_config = ConfigDict(extra="forbid")

    name: str
    tenant_url: str = Field(alias="tenantUrl", description="What the customer enters.")
    token: NewTokenDocument


class ClosedTenant(BaseModel):
    """A tenant that was closed."""

    model_config = ConfigDict(extra="forbid")

    name: str
    state: Literal["closed"]
    disabled: list[str] = Field(description="Versions of tokens that were not disabled before.")
    data: Literal["kept"] = Field(description="Nothing purges the identities yet.")


async def list_tenants(request: ScimRequest, services: Services) -> ScimResponse:
    """GET of the key's tenants. No call; with `changedAfter` one for each that is looked at."""
    limit = read_number(request.query, "limit", DEFAULT_TENANTS, 1, MOST_TENANTS)
    after = _after(request.query.get("after"))
    changed = request.query.get("changedafter")
    since = None if changed is None else read_moment(changed, "changedAfter")
    key = request.api_key
    names = await services.tenant_tokens.names()
    own = [name for name in names if key is not None and key.grant.opens(name)]
    begin = bisect_right(own, after)
    page = own[begin : begin + limit]
    found = [await _summary(request, services, name) for name in page]
    if since is not None:
        found = await _changed(request, services, found, since)
    answer = TenantList(tenants=found)
    if begin + limit < len(own):
        answer.cursor = page[-1]
    return of_model(200, answer)


async def create_tenant(request: ScimRequest, services: Services) -> ScimResponse:
    """POST of a tenant. 1 call, unless data of the name may be there."""
    asked = read_body(TenantToCreate, request.json())
    name = _name_of(asked.name)
    if request.api_key is not None:
        require_tenant(request.api_key, name)
    if not asked.existing_data:
        await _require_no_data(request, services, name)
    expires = expiry_of(asked.valid_days)
    new = await services.tenant_tokens.create(name, expires, requester_of(request))
    answer = NewTenant(
        name=name,
        tenantUrl=f"{request.base_url}{path_of(name)}",
        token=NewTokenDocument.of(new),
    )
    return of_model(201, answer, {"Location": f"{request.base_url}/api/v1/tenants/{name}"})


async def close_tenant(request: ScimRequest, services: Services) -> ScimResponse:
    """DELETE of a tenant: no token opens it any more. No call of the storage."""
    name = request.context.tenant
    disabled = await services.tenant_tokens.close(name, requester_of(request))
    return of_model(200, ClosedTenant(name=name, state="closed", disabled=disabled, data="kept"))


async def overview(request: ScimRequest, services: Services, name: str) -> TenantOverview:
    """Tell where a tenant is, and whether its tokens open it. No call of the storage."""
    access = await services.tenant_tokens.access(name)
    return TenantOverview(
        name=name,
        tenantUrl=f"{request.base_url}{path_of(name)}",
        state=access.state,
        tokenExpires=written_moment(access.expires),
    )


async def _summary(request: ScimRequest, services: Services, name: str) -> TenantSummary:
    known = await overview(request, services, name)
    return TenantSummary(**known.model_dump(by_alias=True))


async def _changed(
    request: ScimRequest, services: Services, found: Iterable[TenantSummary], since: int
) -> list[TenantSummary]:
    """Keep the tenants that have changed, and those of which it cannot be told."""
    room = asyncio.Semaphore(READS_AT_ONCE)

    async def look(tenant: TenantSummary) -> TenantSummary | None:
        async with room:
            return await _look_for_change(request, services, tenant, since)

    looked = await asyncio.gather(*map(look, found))
    return [tenant for tenant in looked if tenant is not None]


async def _look_for_change(
    request: ScimRequest, services: Services, tenant: TenantSummary, since: int
) -> TenantSummary | None:
    """Look for the newest change of a tenant; None if there is none since."""
    context, now = request.context, int(_CLOCK.wall() * 1000)
    until = min(context.deadline, time.monotonic() + READ_SECONDS)
    own = RequestContext(tenant.name, context.request_id, context.actor, until, context.method)
    try:
        async with asyncio.timeout(max(until - time.monotonic(), 0)):
            last = await services.store.history.last_change(own, since - layout.LATENESS, now)
    except (ScimError, TimeoutError):
        tenant.is_unknown = True
        return tenant
    finally:
        context.meter.add(own.meter)
    if last is None:
        return None
    tenant.last_change = written_moment(last / 1000)
    return tenant


async def _require_no_data(request: ScimRequest, services: Services, name: str) -> None:
    """Refuse a name of which the table holds data. 1 call.

    Raises:
        Conflict: a former tenant had that name.
    """
    context = request.context
    own = RequestContext(name, context.request_id, context.actor, context.deadline, context.method)
    page = await services.store.table.page(own, layout.WHOLE_PARTITION, 1, select=())
    context.meter.add(own.meter)
    if (page.rows or page.token is not None) and name not in await services.tenant_tokens.names():
        raise Conflict(
            "Data of a former tenant of this name are there, which a new one would take over. Give"
            ' it another name, or send "existingData": true if it is the same one.'
        )


def _after(text: str | None) -> str:
    """Return the name behind which to begin; "" without one."""
    if text == "":
        raise InvalidValue("after has no value: send the cursor of the last answer.", path="after")
    return (text or "").lower()


def _name_of(text: str) -> str:
    name = tenants.named(text)
    if name is None:
        raise InvalidValue(
            "name must be that of a tenant: up to 40 of a-z, 0-9 and single dashes between them.",
            path="name",
        )
    return name


TENANTS = ApiEndpoint(
    Scope.TENANTS_MANAGE,
    {
        "GET": Operation(
            summary="List tenants, or those that have changed",
            description="Only tenants that the API key opens. With `changedAfter` a poller learns"
            " with one read for each tenant whose feed is worth reading.",
            query=TenantsQuery,
            answer=TenantList,
            refusals=(InvalidValue,),
            handler=list_tenants,
        ),
        "POST": Operation(
            summary="Create a tenant",
            description="Draws its first token, which is shown this once. The service must be"
            " allowed to write to its vault.",
            query=NoQuery,
            answer=NewTenant,
            refusals=(Conflict, NotServed),
            handler=create_tenant,
            body=TenantToCreate,
            status=201,
        ),
    },
    is_of_tenant=False,
)

CLOSE = Operation(
    summary="Close a tenant",
    description="Every token is disabled: no identity provider comes in any more, here at once and"
    " in other instances within a minute. The identities stay, and API keys go on reading them;"
    " nothing purges them yet. Its OAuth clients are closed with it. A new token opens the tenant"
    " again, and brings back none of them. With `If-Match` it is closed only while its settings"
    " have that version.",
    query=NoQuery,
    answer=ClosedTenant,
    refusals=(Conflict, NotServed, NotFound),
    handler=close_tenant,
)
