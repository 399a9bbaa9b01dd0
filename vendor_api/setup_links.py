"""`setup-links`: what lets a customer's administrator into the portal, made by the product."""

from collections.abc import Sequence
from datetime import UTC, datetime
from time import time
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from shared.api_keys import Scope
from shared.errors import (
    Conflict,
    InvalidSyntax,
    InvalidValue,
    NotFound,
    PayloadTooLarge,
    UnsupportedMediaType,
)
from shared.portal_codes import PortalCode
from shared.store.setup_links import LinkState, Right, SetupLink
from shared.web.requests import ScimRequest, tenant_path
from shared.web.responses import JSON, ScimResponse
from shared.web.services import Services
from vendor_api.models import optional, optional_moment, read_body
from vendor_api.operations import ApiEndpoint, NoQuery, Operation

DEFAULT_DAYS, MOST_DAYS = 7, 90
_NO_STORE = {"Cache-Control": "no-store"}


class NewSetupLink(BaseModel):
    """What a link is to allow, and for how long."""

    model_config = ConfigDict(extra="forbid")

    rights: Sequence[Literal["connect", "watch", "rotate"]] = Field(
        default=("connect", "watch", "rotate"),
        min_length=1,
        description="`connect`: see the Tenant URL and which tokens there are, and test a"
        " connection. `rotate`: the same, and draw a token and revoke one. `watch`: see users,"
        " groups and what was changed.",
    )
    days: int = Field(
        default=DEFAULT_DAYS,
        ge=1,
        le=MOST_DAYS,
        description="For how many days it can be opened. The session that begins then takes 8"
        " hours, whatever is left of them.",
    )


class SetupLinkSummary(BaseModel):
    """A setup link, without what opens the portal."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(description="32 hex digits.")
    state: LinkState = Field(
        description="`open`: to be opened. `opened`: it was, and cannot be again."
    )
    rights: list[str]
    created: str = Field(json_schema_extra={"format": "date-time"})
    expires: str = Field(
        json_schema_extra={"format": "date-time"}, description="When it can be opened no longer."
    )
    opened: str | SkipJsonSchema[None] = Field(None, json_schema_extra=optional_moment)
    revoked: str | SkipJsonSchema[None] = Field(None, json_schema_extra=optional_moment)
    maker: str = Field(description="Label of the API key that made it, or `admin`.")
    url: str | SkipJsonSchema[None] = Field(
        None,
        json_schema_extra=optional,
        description="The link itself, in the answer that made it and never again. It opens the"
        " portal once: pass it to one person, by a way that you trust.",
    )


class SetupLinkList(BaseModel):
    """The links of a tenant."""

    model_config = ConfigDict(extra="forbid")

    links: list[SetupLinkSummary] = Field(description="The newest first.")


async def create_link(request: ScimRequest, services: Services) -> ScimResponse:
    """POST of a link. 2 calls."""
    if services.settings.portal == "off":
        raise Conflict(
            "The portal is switched off, so a link would lead nowhere. Set SCIM_PORTAL=on for the"
            " service, then make the link."
        )
    asked = read_body(NewSetupLink, request.json())
    context = request.context
    rights = [Right(right) for right in asked.rights]
    issued = await services.store.setup_links.issue(context, rights, asked.days)
    base = request.tenant_url.removesuffix(tenant_path(context.tenant))
    url = PortalCode(context.tenant, issued.link.id, issued.secret).url(base)
    return ScimResponse(201, _written(issued.link, url), _NO_STORE, issued.link.id, JSON)


async def list_links(request: ScimRequest, services: Services) -> ScimResponse:
    """GET of the links. 1 call."""
    links = await services.store.setup_links.list_links(request.context)
    body = {"links": [_written(link) for link in links]}
    return ScimResponse(200, body, _NO_STORE, media_type=JSON)


async def revoke_link(request: ScimRequest, services: Services) -> ScimResponse:
    """DELETE of a link, which ends its session; it stays in the list. 2 calls."""
    link = await services.store.setup_links.revoke(request.context, request.resource_id)
    return ScimResponse(200, _written(link), _NO_STORE, link.id, JSON)


def _written(link: SetupLink, url: str | None = None) -> dict[str, Any]:
    summary = SetupLinkSummary(
        id=link.id,
        state=link.state(time()),
        rights=sorted(link.rights),
        created=_moment(link.created),
        expires=_moment(link.expires),
        opened=None if link.opened is None else _moment(link.opened),
        revoked=None if link.revoked is None else _moment(link.revoked),
        maker=link.maker,
        url=url,
    )
    return summary.model_dump(exclude_none=True)


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


SETUP_LINKS_ENDPOINT = ApiEndpoint(
    Scope.TENANTS_MANAGE,
    {
        "GET": Operation(
            summary="List the setup links of a tenant",
            description="Those that expired a month ago are removed when another is made.",
            query=NoQuery,
            answer=SetupLinkList,
            refusals=(),
            handler=list_links,
        ),
        "POST": Operation(
            summary="Make a setup link",
            description="The link opens the portal to one person, once. Its secret is in this"
            " answer and nowhere else.",
            query=NoQuery,
            body=NewSetupLink,
            status=201,
            answer=SetupLinkSummary,
            refusals=(InvalidSyntax, InvalidValue, Conflict, PayloadTooLarge, UnsupportedMediaType),
            handler=create_link,
        ),
    },
)

SETUP_LINK_ENDPOINT = ApiEndpoint(
    Scope.TENANTS_MANAGE,
    {
        "DELETE": Operation(
            summary="Revoke a setup link",
            description="It opens nothing from now on, and whoever has opened it is signed out.",
            query=NoQuery,
            answer=SetupLinkSummary,
            refusals=(NotFound,),
            handler=revoke_link,
        )
    },
)
