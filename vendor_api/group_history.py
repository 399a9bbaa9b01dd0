"""`members` and `differences` of a group: who was in it at a time, and what changed since."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from shared.api_keys import Scope
from shared.clock import rfc3339
from shared.errors import InvalidValue, NotFound
from shared.scim.members import MemberType
from shared.store import layout
from shared.store.group_history import HistoryNotKept, KeptHistory, MembersPage, PastMember
from shared.web.requests import ScimRequest
from shared.web.responses import ScimResponse
from shared.web.services import Services
from vendor_api.models import optional, optional_moment, read_moment, read_number
from vendor_api.operations import ApiEndpoint, Operation, of_model

DEFAULT_MEMBERS, MOST_MEMBERS = 100, 200

_LIMIT = f"How many members at most, from 1 to {MOST_MEMBERS}; each costs a read of storage."
_AFTER = "The `cursor` of the last answer, to read on. Without it the first ones are answered."


class MembersQuery(BaseModel):
    """When, and which members."""

    at: str | SkipJsonSchema[None] = Field(
        None,
        alias="at",
        json_schema_extra=optional_moment,
        description="When (RFC 3339, with its zone); now without it.",
    )
    after: str | SkipJsonSchema[None] = Field(
        None, alias="after", json_schema_extra=optional, description=_AFTER
    )
    limit: int = Field(DEFAULT_MEMBERS, alias="limit", ge=1, le=MOST_MEMBERS, description=_LIMIT)


class DifferencesQuery(BaseModel):
    """Between which times, and which members."""

    since: str = Field(
        alias="since",
        json_schema_extra={"format": "date-time"},
        description="The first time (RFC 3339, with its zone).",
    )
    until: str | SkipJsonSchema[None] = Field(
        None,
        alias="until",
        json_schema_extra=optional_moment,
        description="The second time; now without it.",
    )
    after: str | SkipJsonSchema[None] = Field(
        None, alias="after", json_schema_extra=optional, description=_AFTER
    )
    limit: int = Field(DEFAULT_MEMBERS, alias="limit", ge=1, le=MOST_MEMBERS, description=_LIMIT)


class GroupMember(BaseModel):
    """A member of a group at an earlier time."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(description="Its id.")
    type: MemberType = Field(description="What it is.")
    name: str | SkipJsonSchema[None] = Field(
        None,
        json_schema_extra=optional,
        description="Its name as it is known now. Left out where it was deleted since.",
    )


class GroupMembers(BaseModel):
    """Who was a member of a group at a time."""

    model_config = ConfigDict(extra="forbid")

    at: str = Field(description="When.", json_schema_extra={"format": "date-time"})
    existed: bool = Field(description="Whether the group was there at that time.")
    members: list[GroupMember] = Field(
        description="The direct members, in the order of their ids. A page may be short and still"
        " have a `cursor`."
    )
    cursor: str | SkipJsonSchema[None] = Field(
        None, json_schema_extra=optional, description="Where the next page begins."
    )


class MemberDifference(GroupMember):
    """Who is a member at one of the two times alone."""

    joined: bool = Field(description="Whether it joined; otherwise it left.")


class GroupDifferences(BaseModel):
    """What is different of a group between two times."""

    model_config = ConfigDict(extra="forbid")

    since: str = Field(description="The first time.", json_schema_extra={"format": "date-time"})
    until: str = Field(description="The second one.", json_schema_extra={"format": "date-time"})
    existed_since: bool = Field(
        alias="existedSince", description="Whether the group was there at the first time."
    )
    existed_until: bool = Field(
        alias="existedUntil", description="Whether the group was there at the second time."
    )
    attributes: list[str] = Field(
        description="Names of the attributes that were written in between, sorted. What they were"
        " is not kept."
    )
    joined: int = Field(description="How many joined, on all pages.")
    left: int = Field(description="How many left, on all pages.")
    members: list[MemberDifference] = Field(description="They, in the order of their ids.")
    cursor: str | SkipJsonSchema[None] = Field(
        None, json_schema_extra=optional, description="Where the next page begins."
    )


async def show_members(request: ScimRequest, services: Services) -> ScimResponse:
    """GET of the members at a time. Calls as of `GroupHistory.members_at`."""
    kept = KeptHistory.of(services.settings.history_days)
    at = _moment(request, "at", kept.now)
    past = await services.store.group_history.members_at(
        request.context, request.resource_id, at, kept, _page(request)
    )
    answer = GroupMembers(
        at=_written(at),
        existed=past.existed,
        members=[GroupMember(**_facts(each)) for each in past.members],
        cursor=past.after,
    )
    return of_model(200, answer)


async def show_differences(request: ScimRequest, services: Services) -> ScimResponse:
    """GET of what changed between two times. Calls as of `GroupHistory.difference`."""
    kept = KeptHistory.of(services.settings.history_days)
    since, until = _moment(request, "since", None), _moment(request, "until", kept.now)
    found = await services.store.group_history.difference(
        request.context, request.resource_id, (since, until), kept, _page(request)
    )
    answer = GroupDifferences(
        since=_written(since),
        until=_written(until),
        existedSince=found.existed[0],
        existedUntil=found.existed[1],
        attributes=found.attributes,
        joined=found.joined,
        left=found.left,
        members=[MemberDifference(**_facts(each), joined=joined) for each, joined in found.members],
        cursor=found.after,
    )
    return of_model(200, answer)


def _moment(request: ScimRequest, name: str, default: int | None) -> int:
    """Read a time of the query, in POSIX milliseconds.

    Raises:
        InvalidValue: it is none, or missing where there is no default.
    """
    text = request.query.get(name)
    if text is None and default is not None:
        return default
    return read_moment(text or "", name)


def _page(request: ScimRequest) -> MembersPage:
    """Read which members are wanted.

    Raises:
        InvalidValue: they are not named as an answer names them.
        NotFound: what is asked for is no id, so no group has it.
    """
    gid = request.resource_id
    if not layout.is_id(gid):
        raise NotFound(f"There is no group {gid[:64]!r}.")
    after = request.query.get("after")
    if after is not None and not layout.is_id(after):
        raise InvalidValue("after must be the cursor of an answer.", path="after")
    limit = read_number(request.query, "limit", DEFAULT_MEMBERS, 1, MOST_MEMBERS)
    return MembersPage(after or "", limit)


def _facts(member: PastMember) -> dict[str, Any]:
    return {"id": member.id, "type": member.type, "name": member.name}


def _written(milliseconds: int) -> str:
    return rfc3339(milliseconds / 1000)


GROUP_MEMBERS = ApiEndpoint(
    Scope.IDENTITIES_READ,
    {
        "GET": Operation(
            summary="Show the members of a group as they were",
            description="Computed from the members of now and the changes since then, for any time"
            " that the history reaches. One that it does not reach is refused, and the first that"
            " it does is named. The latest 2 minutes may still change. Costs a read for each 1,000"
            " changes of the tenant since then, of which up to 100,000 are read.",
            query=MembersQuery,
            answer=GroupMembers,
            refusals=(InvalidValue, HistoryNotKept, NotFound),
            handler=show_members,
        )
    },
)

GROUP_DIFFERENCES = ApiEndpoint(
    Scope.IDENTITIES_READ,
    {
        "GET": Operation(
            summary="Show what changed of a group between two times",
            description="Who joined, who left, and which attributes were written. Who joined and"
            " left in between is not shown. Bounds and cost are those of `members`.",
            query=DifferencesQuery,
            answer=GroupDifferences,
            refusals=(InvalidValue, HistoryNotKept, NotFound),
            handler=show_differences,
        )
    },
)
