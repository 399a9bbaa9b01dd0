"""`setup-links`: what lets a customer's administrator into the portal, made by the product."""

from time import time
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictInt
from pydantic.json_schema import SkipJsonSchema

from shared.api_keys import Scope
from shared.clock import rfc3339
from shared.errors import Conflict, InvalidValue
from shared.portal_codes import MOST_URL_CHARACTERS, PortalCode, may_return_to
from shared.store.setup_links import LinkState, Right, SetupLink
from shared.validation import WHOLE, Omittable
from shared.web.requests import ScimRequest
from shared.web.responses import ScimResponse
from shared.web.services import Services
from vendor_api.models import optional, optional_moment, read_body, written_moment
from vendor_api.operations import ApiEndpoint, NoQuery, Operation, of_model

DEFAULT_DAYS, MOST_DAYS = 7, 90


class NewSetupLink(BaseModel):
    """What a link is to allow, and for how long."""

    model_config = ConfigDict(extra="forbid")

    rights: list[Literal["connect", "watch", "rotate"]] = Field(
        default=["connect", "watch", "rotate"],
        min_length=1,
        description="`connect`: see the Tenant URL and which tokens there are, and test a"
        " connection. `rotate`: the same, and draw a token and revoke one. `watch`: see users,"
        " groups and what was changed.",
    )
    days: Annotated[StrictInt, Field(ge=1, le=MOST_DAYS), WHOLE] = Field(
        default=DEFAULT_DAYS,
        description="For how many days it can be opened. The session that begins then takes 8"
        " hours, whatever is left of them.",
    )
    return_url: Omittable[Annotated[str, Field(max_length=MOST_URL_CHARACTERS)]] = Field(
        None,
        alias="returnUrl",
        json_schema_extra=optional,
        description="A page of your product, which the portal leads back to: an https URL whose"
        " host is in the setting `SCIM_PORTAL_RETURN_HOSTS`.",
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
    maker: str = Field(
        description="Label of the API key that made it, `staff/<object id>`, or `admin`."
    )
    return_url: str | SkipJsonSchema[None] = Field(
        None, alias="returnUrl", json_schema_extra=optional
    )
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
    _check_return_url(asked.return_url, services.settings.portal_return_hosts)
    context = request.context
    rights = [Right(right) for right in asked.rights]
    issued = await services.store.setup_links.issue(
        context, rights, asked.days, asked.return_url or ""
    )
    url = PortalCode(context.tenant, issued.link.id, issued.secret).url(request.base_url)
    place = f"{request.base_url}/api/v1/tenants/{context.tenant}/setup-links/{issued.link.id}"
    return of_model(201, _summary(issued.link, url), {"Location": place})


async def list_links(request: ScimRequest, services: Services) -> ScimResponse:
    """GET of the links. 1 call."""
    links = await services.store.setup_links.list_links(request.context)
    return of_model(200, SetupLinkList(links=[_summary(link) for link in links]))


async def show_link(request: ScimRequest, services: Services) -> ScimResponse:
    """GET of a link, without what opens the portal. 1 call."""
    link = await services.store.setup_links.show(request.context, request.resource_id)
    return of_model(200, _summary(link))


async def revoke_link(request: ScimRequest, services: Services) -> ScimResponse:
    """DELETE of a link, which ends its session; it stays in the list. 2 calls."""
    link = await services.store.setup_links.revoke(request.context, request.resource_id)
    return of_model(200, _summary(link))


def _summary(link: SetupLink, url: str | None = None) -> SetupLinkSummary:
    return SetupLinkSummary(
        id=link.id,
        state=link.state(time()),
        rights=sorted(link.rights),
        created=rfc3339(link.created),
        expires=rfc3339(link.expires),
        opened=written_moment(link.opened),
        revoked=written_moment(link.revoked),
        maker=link.maker,
        returnUrl=link.return_url or None,
        url=url,
    )


def _check_return_url(url: str | None, hosts: frozenset[str]) -> None:
    """Refuse an address to which the portal may not lead.

    Raises:
        InvalidValue: the address is one.
    """
    if url is not None and not may_return_to(url, hosts):
        raise InvalidValue(
            "The portal may not lead back to returnUrl. Send an https URL whose host the operator"
            " has named in SCIM_PORTAL_RETURN_HOSTS, or leave it out.",
            path="returnUrl",
        )


SETUP_LINKS = ApiEndpoint(
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
            refusals=(Conflict, InvalidValue),
            handler=create_link,
        ),
    },
)

SETUP_LINK_BY_ID = ApiEndpoint(
    Scope.TENANTS_MANAGE,
    {
        "GET": Operation(
            summary="Show a setup link",
            description="Its state, its rights and its times; never the link itself.",
            query=NoQuery,
            answer=SetupLinkSummary,
            refusals=(),
            handler=show_link,
        ),
        "DELETE": Operation(
            summary="Revoke a setup link",
            description="It opens nothing from now on, and whoever has opened it is signed out.",
            query=NoQuery,
            answer=SetupLinkSummary,
            refusals=(),
            handler=revoke_link,
        ),
    },
)
