"""`/tenants/{tenant}`: a tenant with its settings, and what of its role map names no group."""

from typing import Literal

from pydantic import BaseModel, Field
from pydantic.json_schema import SkipJsonSchema

from shared.api_keys import Scope
from shared.errors import PreconditionFailed
from shared.roles import RoleEntry
from shared.settings import Settings
from shared.store.tenant_settings import KeptSettings
from shared.store.user_roles import FoundGroups
from shared.tenant_settings import GroupNames, GuardSettings, Profile, TenantSettings, patched
from shared.web.entity_tags import entity_tag
from shared.web.requests import ScimRequest
from shared.web.responses import JSON, ScimResponse
from shared.web.services import Services
from vendor_api.guard import StillHeld
from vendor_api.models import optional, optional_moment
from vendor_api.operations import MERGE_PATCH, ApiEndpoint, NoQuery, Operation
from vendor_api.tenants import CLOSE, TenantOverview, overview


class RoleMapWarning(BaseModel):
    """An entry of the role map that may not do what was meant."""

    entry: int = Field(description="Its index in `roleMap`.")
    reason: Literal["noGroup", "severalGroups"] = Field(
        description="`noGroup`: no group has the name now; the entry waits for one."
        " `severalGroups`: several have the externalId, and all of them give the role."
    )


class TenantDocument(TenantOverview):
    """A tenant, with its settings as they are in force."""

    role_map: list[RoleEntry] | SkipJsonSchema[None] = Field(
        None,
        alias="roleMap",
        json_schema_extra=optional,
        description="Left out where it is not set.",
    )
    requests_per_second: int = Field(alias="requestsPerSecond")
    unknown_members: Literal["skip", "reject"] = Field(alias="unknownMembers")
    profile: Profile
    group_names: GroupNames = Field(alias="groupNames")
    guard: GuardSettings | SkipJsonSchema[None] = Field(
        None,
        json_schema_extra=optional,
        description="Left out where it is not set: an alert above 10 users and 10 %.",
    )
    held: StillHeld | SkipJsonSchema[None] = Field(
        None,
        json_schema_extra=optional,
        description="What the guard holds until somebody decides. Left out where that is nothing.",
    )
    is_set: list[str] = Field(
        alias="set",
        description="Which settings are set of this tenant; the others are the deployment's.",
    )
    warnings: list[RoleMapWarning] = Field(description="Of the role map, as its groups are now.")
    modified: str | SkipJsonSchema[None] = Field(
        None,
        json_schema_extra=optional_moment,
        description="When a setting was last changed; left out where none ever was.",
    )


async def get_tenant(request: ScimRequest, services: Services) -> ScimResponse:
    """GET of the settings. 1 call, one for each entry of the role map, and the deletions row.

    Where removals are held 1 more.
    """
    kept = await services.store.settings.read(request.context)
    request.has_already(str(kept.version))  # for If-Match; what warns of groups has no version
    return await _show(request, services, kept)


async def patch_tenant(request: ScimRequest, services: Services) -> ScimResponse:
    """PATCH of the settings (RFC 7396). 2 calls, 1 when nothing changes, and as of GET."""
    patch = request.json()
    kept = await services.store.settings.update(
        request.context, lambda document: patched(document, patch), request.precondition
    )
    return await _show(request, services, kept)


async def _show(request: ScimRequest, services: Services, kept: KeptSettings) -> ScimResponse:
    found = await services.store.roles.find(request.context, kept)
    known = await overview(request, services, request.context.tenant)
    hold = await services.store.guard.read_open_hold(request.context, kept)
    held = None if hold is None else StillHeld.of(hold, request.context.tenant)
    document = _document(known, services.settings, kept, found, held)
    body = document.model_dump(mode="json", by_alias=True, exclude_none=True)
    headers = {"ETag": entity_tag(str(kept.version)), "Cache-Control": "no-store"}
    return ScimResponse(200, body, headers, media_type=JSON)


def _document(
    known: TenantOverview,
    deployment: Settings,
    kept: KeptSettings,
    found: FoundGroups,
    held: StillHeld | None,
) -> TenantDocument:
    in_force = {
        "requestsPerSecond": deployment.requests_per_second,
        "unknownMembers": deployment.unknown_members,
        "profile": "tolerant",
        "groupNames": "unique",
        **kept.settings.document(),
    }
    return TenantDocument(
        **known.model_dump(by_alias=True),
        **in_force,
        held=held,
        set=list(kept.settings.document()),
        warnings=_warnings(found),
        modified=kept.modified,
    )


def _warnings(found: FoundGroups) -> list[RoleMapWarning]:
    return [
        RoleMapWarning(entry=index, reason="severalGroups" if number else "noGroup")
        for index, number in enumerate(found.numbers)
        if number != 1
    ]


TENANT = ApiEndpoint(
    Scope.TENANTS_MANAGE,
    {
        "GET": Operation(
            summary="Read a tenant and its settings",
            description="The settings as they are in force, and which of them are set. `ETag` is"
            " their version.",
            query=NoQuery,
            answer=TenantDocument,
            refusals=(PreconditionFailed,),
            handler=get_tenant,
        ),
        "PATCH": Operation(
            summary="Change the settings of a tenant",
            description="A JSON merge patch (RFC 7396): send what is to change; `null` unsets, and"
            " a role map is replaced whole. `If-Match` is honoured. Every instance goes by it"
            " within a minute, the guard at once. What the guard holds already stays held: the"
            " answer has it as `held`, with how to decide.",
            query=NoQuery,
            answer=TenantDocument,
            refusals=(PreconditionFailed,),
            handler=patch_tenant,
            body=TenantSettings,
            media_types=(MERGE_PATCH, JSON),
            has_condition=True,
        ),
        "DELETE": CLOSE,
    },
)
