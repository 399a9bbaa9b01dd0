"""`guard`: what the guard against mass removal holds of a tenant, its release and its undo."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from shared.api_keys import Scope
from shared.clock import rfc3339
from shared.errors import Conflict, NotFound
from shared.store import layout
from shared.store.guard import bound_of
from shared.store.guard_state import Decision, Hold, HoldState
from shared.store.resources import user_from
from shared.tables.request_context import RequestContext
from shared.tables.table import get_all
from shared.tenant_settings import GuardSettings
from shared.web.requests import ScimRequest
from shared.web.responses import ScimResponse
from shared.web.services import Services
from vendor_api.events import ActiveBefore, HeldGroup, RemovedUsers
from vendor_api.models import optional, optional_moment
from vendor_api.operations import ApiEndpoint, NoQuery, Operation, of_model

_NAMED = 10
"""Users who are named of those that are held."""


class HeldUser(BaseModel):
    """A user who is held."""

    model_config = ConfigDict(extra="forbid")

    id: str
    user_name: str | SkipJsonSchema[None] = Field(
        None,
        alias="userName",
        json_schema_extra=optional,
        description="Left out where the user was deleted.",
    )


class LeftOutUser(BaseModel):
    """A user whom an undo did not enable again."""

    model_config = ConfigDict(extra="forbid")

    id: str
    reason: Literal["changed", "deleted"] = Field(
        description="`changed`: something else was done to the user since."
    )


class LeftOut(BaseModel):
    """How many users an undo did not enable again."""

    model_config = ConfigDict(extra="forbid")

    changed: int
    deleted: int
    first: list[LeftOutUser] | SkipJsonSchema[None] = Field(
        None,
        json_schema_extra=optional,
        description=f"The first of them, for a key with the scope `{Scope.IDENTITIES_READ}`.",
    )


class HoldSummary(BaseModel):
    """A mass removal whose events are held back, or were."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(description="32 hex digits.")
    state: HoldState = Field(
        description="`held`: somebody is to decide. `deciding`: somebody has, and not all that"
        " follows is done yet; send the same again to go on."
    )
    since: str = Field(json_schema_extra={"format": "date-time"})
    users: int = Field(description="Users who are disabled or deleted, and held.")
    removed: RemovedUsers
    active_users: ActiveBefore = Field(alias="activeUsers")
    groups: list[HeldGroup] = Field(description="Groups of which removals are held.")
    first: list[HeldUser] | SkipJsonSchema[None] = Field(
        None,
        json_schema_extra=optional,
        description="The first of the users while they are held, for a key with the scope"
        f" `{Scope.IDENTITIES_READ}`.",
    )
    release_at: str | SkipJsonSchema[None] = Field(
        None,
        alias="releaseAt",
        json_schema_extra=optional_moment,
        description="When it is released by itself, by the settings with which it began, if nobody"
        " decides. Left out where that is never, and after a decision.",
    )
    decided: str | SkipJsonSchema[None] = Field(None, json_schema_extra=optional_moment)
    decided_by: str | SkipJsonSchema[None] = Field(
        None,
        alias="decidedBy",
        json_schema_extra=optional,
        description="Label of the API key; `admin`, or `sweeper` for the time that was set.",
    )
    changes_told: int | SkipJsonSchema[None] = Field(
        None,
        alias="changesTold",
        json_schema_extra=optional,
        description="How many of the changes that were held the feed tells now.",
    )
    enabled: int | SkipJsonSchema[None] = Field(
        None, json_schema_extra=optional, description="Of an undo: users who are enabled again."
    )
    left_out: LeftOut | SkipJsonSchema[None] = Field(
        None,
        alias="leftOut",
        json_schema_extra=optional,
        description="Of an undo: users who were disabled or deleted and are not enabled again.",
    )

    @classmethod
    def of(cls, hold: Hold, first: list[HeldUser] | None, *, shows_ids: bool) -> Self:
        """Show a hold."""
        is_decided, is_undo = hold.decision is not None, hold.decision == "undo"
        return cls(
            id=hold.id,
            state=hold.state,
            since=rfc3339(hold.began / 1_000),
            users=len(hold.users),
            removed=hold.removed,
            activeUsers=hold.active,
            groups=[HeldGroup(id=gid, users=number) for gid, number in hold.groups.items()],
            first=first,
            releaseAt=None if is_decided else _moment(hold.release_at),
            decided=rfc3339(hold.decided / 1_000) if is_decided else None,
            decidedBy=hold.decided_by if is_decided else None,
            changesTold=hold.events if is_decided else None,
            enabled=len(hold.undone) if is_undo else None,
            leftOut=_left_out(hold, shows_ids=shows_ids) if is_undo else None,
        )


class StillHeld(BaseModel):
    """What is held while settings are read or changed: they change nothing in it."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(description="32 hex digits.")
    since: str = Field(json_schema_extra={"format": "date-time"})
    users: int = Field(description="Users who are disabled or deleted, and held.")
    groups: list[HeldGroup] = Field(description="Groups of which removals are held.")
    release_at: str | SkipJsonSchema[None] = Field(
        None,
        alias="releaseAt",
        json_schema_extra=optional_moment,
        description="When it is released by itself, if nobody decides. Left out for never.",
    )
    detail: str = Field(description="What becomes of it, and how to decide, for a person.")

    @classmethod
    def of(cls, hold: Hold, tenant: str) -> Self:
        """Show what is held."""
        path = f"/api/v1/tenants/{tenant}/guard/{hold.id}"
        return cls(
            id=hold.id,
            since=rfc3339(hold.began / 1_000),
            users=len(hold.users),
            groups=[HeldGroup(id=gid, users=number) for gid, number in hold.groups.items()],
            releaseAt=_moment(hold.release_at),
            detail="It stays held by the settings with which it began, whatever is set now, until"
            f" it is released or undone: POST {path}/release or {path}/undo.",
        )


class GuardLastHour(BaseModel):
    """What was removed within the last hour, held or not."""

    model_config = ConfigDict(extra="forbid")

    users: int = Field(
        description="Users disabled or deleted, or taken out of one group: the greatest of these."
        " Those who were enabled again or put back since are counted too, as after an undo."
    )
    active_users: int = Field(alias="activeUsers", description="Active users before.")
    passed: bool = Field(description="Whether both thresholds are passed.")


class GuardReport(BaseModel):
    """What the guard of a tenant does, and what it holds."""

    model_config = ConfigDict(extra="forbid")

    settings: GuardSettings = Field(description="As they are in force.")
    last_hour: GuardLastHour = Field(alias="lastHour")
    held: HoldSummary | SkipJsonSchema[None] = Field(
        None, json_schema_extra=optional, description="What is held now."
    )
    decided: list[HoldSummary] = Field(description="What was held, the newest first; 50 at most.")


async def show_guard(request: ScimRequest, services: Services) -> ScimResponse:
    """GET of the guard. 5 calls, more after an hour of many changes, and 10 for the names."""
    guard, context = services.store.guard, request.context
    kept = await services.store.settings.read(context)
    rule = kept.settings.guard_rule
    hour = await guard.count_last_hour(context, rule)
    hold = await guard.read_hold(context)
    report = GuardReport(
        settings=rule,
        lastHour=GuardLastHour(users=hour.removed, activeUsers=hour.active, passed=hour.is_mass),
        held=None if hold is None else await _summary(request, services, hold),
        decided=[
            HoldSummary.of(each, None, shows_ids=_shows_ids(request))
            for each in await guard.list_decided(context)
        ],
    )
    return of_model(200, report)


async def release(request: ScimRequest, services: Services) -> ScimResponse:
    """POST of a release; calls as in `Guard.decide`."""
    return await _decide(request, services, "release")


async def undo(request: ScimRequest, services: Services) -> ScimResponse:
    """POST of an undo; calls as in `Guard.decide`."""
    return await _decide(request, services, "undo")


async def _decide(request: ScimRequest, services: Services, decision: Decision) -> ScimResponse:
    context = request.context
    guard, hold_id = services.store.guard, request.resource_id
    try:
        hold = await guard.decide(context, hold_id, decision, bound_of(context))
    except NotFound as error:
        shown_by = f"GET /api/v1/tenants/{context.tenant}/guard"
        raise NotFound(f"{error.detail} {shown_by} shows the ids.") from error
    return of_model(200, HoldSummary.of(hold, None, shows_ids=_shows_ids(request)))


async def _summary(request: ScimRequest, services: Services, hold: Hold) -> HoldSummary:
    shows_ids = _shows_ids(request)
    first = None
    if shows_ids and not hold.is_done:
        first = await _first_users(request.context, services, hold)
    return HoldSummary.of(hold, first, shows_ids=shows_ids)


async def _first_users(context: RequestContext, services: Services, hold: Hold) -> list[HeldUser]:
    ids = sorted(hold.users)[:_NAMED]
    rows = await get_all(services.store.table, context, list(map(layout.user_key, ids)))
    names = [None if row is None else user_from(row).document["userName"] for row in rows]
    return [HeldUser(id=uid, userName=name) for uid, name in zip(ids, names, strict=True)]


def _moment(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else rfc3339(milliseconds / 1_000)


def _shows_ids(request: ScimRequest) -> bool:
    return Scope.IDENTITIES_READ in request.scopes


def _left_out(hold: Hold, *, shows_ids: bool) -> LeftOut:
    first = [
        LeftOutUser.model_validate({"id": uid, "reason": why})
        for uid, why in hold.left_out_first.items()
    ]
    return LeftOut(
        changed=hold.left_out.get("changed", 0),
        deleted=hold.left_out.get("deleted", 0),
        first=first if shows_ids else None,
    )


def _post(summary: str, description: str, decision: Decision) -> Operation:
    return Operation(
        summary=summary,
        description=description,
        query=NoQuery,
        answer=HoldSummary,
        refusals=(NotFound, Conflict),
        handler=release if decision == "release" else undo,
    )


GUARD_OVERVIEW = ApiEndpoint(
    Scope.TENANTS_MANAGE,
    {
        "GET": Operation(
            summary="Show the guard against mass removal",
            description="The thresholds, what was removed within the last hour, what is held, and"
            " what was.",
            query=NoQuery,
            answer=GuardReport,
            refusals=(),
            handler=show_guard,
        )
    },
)

GUARD_RELEASE = ApiEndpoint(
    Scope.TENANTS_MANAGE,
    {
        "POST": _post(
            "Release what is held",
            "The feed tells it behind what was told meanwhile, each event as it would have been"
            " told. Sending it again changes nothing.",
            "release",
        )
    },
)

GUARD_UNDO = ApiEndpoint(
    Scope.TENANTS_MANAGE,
    {
        "POST": _post(
            "Undo the disables that are held",
            "Each user who was disabled, and to whom nothing else has happened since, is enabled"
            " again; the feed tells that, and not the disable. All else that is held is released.",
            "undo",
        )
    },
)
