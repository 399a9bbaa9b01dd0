"""`access`: whether somebody may sign in, by what the customer's identity provider has said."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from shared.api_keys import Scope
from shared.errors import InvalidValue, NotFound
from shared.scim.folding import fold
from shared.store.deleted_users import DeletedUser
from shared.store.resources import User, is_active
from shared.store.store import Store
from shared.store.users import Users
from shared.tables.request_context import RequestContext
from shared.web.requests import ScimRequest
from shared.web.responses import JSON, ScimResponse
from shared.web.services import Services
from vendor_api.models import optional, optional_moment
from vendor_api.operations import ApiEndpoint, Operation

FindUsers = Callable[[Users, RequestContext, str], Awaitable[list[str]]]
"""Finds the ids of the users who have a value: two at most, since two are too many. 1 call."""

FindDeletedUser = Callable[[Users, RequestContext, str], Awaitable[DeletedUser | None]]
"""Finds who had a value and was deleted. 1 call."""


def _exactly_one(schema: dict[str, Any]) -> None:
    schema["oneOf"] = [{"required": [name]} for name in schema["properties"]]


class AccessQuery(BaseModel):
    """Who wants to sign in, by exactly one of these."""

    model_config = ConfigDict(json_schema_extra=_exactly_one)

    user_name: str | SkipJsonSchema[None] = Field(
        None,
        alias="userName",
        min_length=1,
        json_schema_extra=optional,
        description="The userName, in any letter case, as SCIM compares it.",
    )
    external_id: str | SkipJsonSchema[None] = Field(
        None,
        alias="externalId",
        min_length=1,
        json_schema_extra=optional,
        description="The identifier that the identity provider has given, compared exactly. With"
        " Microsoft Entra ID it is what the customer maps to it.",
    )
    email: str | SkipJsonSchema[None] = Field(
        None,
        alias="email",
        min_length=1,
        json_schema_extra=optional,
        description="Any of the e-mail addresses, in any letter case.",
    )


class Access(BaseModel):
    """The decision. What is not known is left out."""

    model_config = ConfigDict(extra="forbid")

    decision: Literal["allow", "deny", "unknown"] = Field(
        description="`allow`: one active user. `deny`: do not let them in. `unknown`: the tenant"
        " has no such user, and has deleted none as far as its history goes."
    )
    reason: Literal["active", "deactivated", "deleted", "ambiguous", "notFound"] = Field(
        description="`deactivated`: there is the user, and `active` is not true. `deleted`: nobody"
        " has the value, and somebody who had it was deleted, not longer ago than the history is"
        " kept; `id` says who, the last of them. Somebody else may have had the value since and be"
        " there under another one. `ambiguous`: several"
        " users have the value. `notFound`: nobody has it, and nobody was deleted who had it: who"
        " comes was never provisioned, or not under this value."
    )
    since: str | SkipJsonSchema[None] = Field(
        None,
        json_schema_extra=optional_moment,
        description="Since when it is so (RFC 3339, UTC). Only where it is known: of a user who was"
        " not changed since being created, and of one who was deleted.",
    )
    id: str | SkipJsonSchema[None] = Field(
        None,
        json_schema_extra=optional,
        description="The SCIM id of the user: 32 hex digits, the same for good.",
    )
    version: int | SkipJsonSchema[None] = Field(
        None,
        json_schema_extra=optional,
        description="The version of the user, which grows with every change: of two decisions"
        " about one id the one with the greater version is the newer.",
    )
    roles: list[str] | SkipJsonSchema[None] = Field(
        None,
        json_schema_extra=optional,
        description="The roles of whom `allow` lets in, by the role map of the tenant, groups in"
        " groups included; sorted by priority, then by name. Left out where the tenant has no role"
        " map.",
    )


async def get_access(request: ScimRequest, services: Services) -> ScimResponse:
    """GET of a decision. 2 calls; 1 when several have the value.

    In a tenant with groups in groups and a role map, also a call for each group that the user is
    in, directly or not, and the deletions row.
    """
    name, value = _asked(request)
    decision = await _decide(request.context, services.store, value, _LOOKUPS[name])
    body = decision.model_dump(exclude_none=True)
    return ScimResponse(200, body, {"Cache-Control": "no-store"}, decision.id or "", JSON)


async def _decide(
    context: RequestContext,
    store: Store,
    value: str,
    lookup: "_Lookup",
) -> Access:
    users = store.users
    ids = await lookup.find(users, context, value)
    if len(ids) > 1:
        # Whoever signs in is one of them, and nothing says which.
        return Access(decision="deny", reason="ambiguous")
    user = await _read(context, users, ids[0]) if ids else None
    if user is None:
        return _without_user(await lookup.find_deleted(users, context, value))
    # Between the two reads the user may have been renamed, and another may have the name.
    if not lookup.has(user, value):
        return Access(decision="unknown", reason="notFound")
    may_enter = is_active(user.document)
    return Access(
        decision="allow" if may_enter else "deny",
        reason="active" if may_enter else "deactivated",
        since=user.created if user.modified == user.created else None,
        id=user.id,
        version=user.version,
        roles=await _roles(context, store, user) if may_enter else None,
    )


def _without_user(deleted: DeletedUser | None) -> Access:
    """Decide about a value that nobody has now."""
    if deleted is None:
        return Access(decision="unknown", reason="notFound")
    return Access(
        decision="deny",
        reason="deleted",
        since=deleted.deleted,
        id=deleted.id,
        version=deleted.version,
    )


async def _roles(context: RequestContext, store: Store, user: User) -> list[str] | None:
    """Compute the roles of a user who is let in; None where the tenant has no role map."""
    roles = await store.roles.of(context, [user])
    return None if roles is None else list(roles[0])


async def _read(context: RequestContext, users: Users, uid: str) -> User | None:
    """Read a user without its groups; None if it was deleted meanwhile. 1 call."""
    try:
        return await users.get(context, uid, groups=False)
    except NotFound:
        return None


def _asked(request: ScimRequest) -> tuple[str, str]:
    """Return the one parameter by which is asked, and its value.

    Raises:
        InvalidValue: there is none, there are several, or it has no value.
    """
    asked = [name for name in _LOOKUPS if name.lower() in request.query]
    if len(asked) != 1:
        raise InvalidValue(
            f"Send exactly one of the parameters {', '.join(_LOOKUPS)}; there are {len(asked)}."
        )
    value = request.query[asked[0].lower()]
    if not value:
        raise InvalidValue(f"{asked[0]} has no value: send one.", path=asked[0])
    return asked[0], value


def _has_user_name(user: User, value: str) -> bool:
    return fold(str(user.document.get("userName"))) == fold(value)


def _has_external_id(user: User, value: str) -> bool:
    return user.document.get("externalId") == value


def _has_email(user: User, value: str) -> bool:
    addresses = (each.get("value") for each in user.document.get("emails", ()))
    return fold(value) in {fold(each) for each in addresses if isinstance(each, str)}


async def _by_user_name(users: Users, context: RequestContext, value: str) -> list[str]:
    return await users.ids_by_user_name(context, fold(value))


async def _by_external_id(users: Users, context: RequestContext, value: str) -> list[str]:
    return await users.ids_by_external_id(context, value, _SEVERAL)


async def _by_email(users: Users, context: RequestContext, value: str) -> list[str]:
    return await users.ids_by_email(context, fold(value), _SEVERAL)


async def _deleted_by_user_name(
    users: Users, context: RequestContext, value: str
) -> DeletedUser | None:
    return await users.deleted_by_user_name(context, fold(value))


async def _deleted_by_external_id(
    users: Users, context: RequestContext, value: str
) -> DeletedUser | None:
    return await users.deleted_by_external_id(context, value)


async def _deleted_by_email(
    users: Users, context: RequestContext, value: str
) -> DeletedUser | None:
    return await users.deleted_by_email(context, fold(value))


_SEVERAL = 2
"""As many as need to be found to know that it is not one."""


@dataclass(frozen=True, slots=True)
class _Lookup:
    """How the user is found who has a value.

    Attributes:
        find: finds who has it.
        has: tells whether a user that was read has it.
        find_deleted: finds who had it and was deleted last, where nobody has it now.
    """

    find: FindUsers
    has: Callable[[User, str], bool]
    find_deleted: FindDeletedUser


_LOOKUPS: dict[str, _Lookup] = {
    "userName": _Lookup(_by_user_name, _has_user_name, _deleted_by_user_name),
    "externalId": _Lookup(_by_external_id, _has_external_id, _deleted_by_external_id),
    "email": _Lookup(_by_email, _has_email, _deleted_by_email),
}

ACCESS = ApiEndpoint(
    Scope.IDENTITIES_READ,
    {
        "GET": Operation(
            summary="Decide whether somebody may sign in",
            description="Ask at every sign-in, also by single sign-on, and before a session is"
            " prolonged. Send exactly one parameter, percent-encoded. Let nobody in but for"
            " `allow`, and do not take an error for it. Two reads of storage at most.",
            query=AccessQuery,
            answer=Access,
            refusals=(InvalidValue,),
            handler=get_access,
        )
    },
)
