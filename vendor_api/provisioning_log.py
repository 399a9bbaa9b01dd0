"""`provisioning-log`: what the identity provider was refused, and what was slow or passed over."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self, get_args

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from shared.api_keys import Scope
from shared.errors import InvalidValue
from shared.store.provisioning_log import EntryKind, KeptEntry, LeftOutReason, LogEntry, is_about
from shared.tables.table import PAGE_ROWS
from shared.web.requests import ScimRequest
from shared.web.responses import JSON, ScimResponse
from shared.web.services import Services
from vendor_api.models import optional, read_number, written_moment
from vendor_api.operations import ApiEndpoint, Operation

DEFAULT_ENTRIES, MOST_ENTRIES_OF_PAGE = 100, 1_000

_MOST_PAGES = 5
"""Reads of 1,000 entries each that look for those that are wanted."""

_ENTRY_ID = re.compile(r"[0-9a-f]{24}")


class ProvisioningLogQuery(BaseModel):
    """Which entries, and how many."""

    after: str | SkipJsonSchema[None] = Field(
        None,
        alias="after",
        pattern=f"^{_ENTRY_ID.pattern}$",
        json_schema_extra=optional,
        description="The `cursor` of the last answer, to read what is older. Without it the log"
        " begins with the newest entry.",
    )
    limit: int = Field(
        DEFAULT_ENTRIES,
        alias="limit",
        ge=1,
        le=MOST_ENTRIES_OF_PAGE,
        description="How many entries at most.",
    )
    user: str | SkipJsonSchema[None] = Field(
        None,
        alias="user",
        min_length=1,
        json_schema_extra=optional,
        description="Only entries that name a user or a group: by its id, or by the userName,"
        " displayName (in any letter case) or externalId that was sent.",
    )
    kinds: str | SkipJsonSchema[None] = Field(
        None,
        alias="kinds",
        min_length=1,
        json_schema_extra=optional,
        description="Kinds of entries, joined by commas; all without it.",
    )


class ProvisioningLogEntry(BaseModel):
    """An entry. What is not known, or does not apply, is left out."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(description="Names the entry in its tenant.")
    time: str = Field(
        description="When the request came (RFC 3339, UTC).",
        json_schema_extra={"format": "date-time"},
    )
    kind: EntryKind = Field(
        description="`refused`; `slow`: answered after 5 s or more; `skippedMembers`: members were"
        " passed over, who are neither users nor groups; `contact`: the identity provider was"
        " there, once an hour; `leftOut`: how many entries the log does not have; `attributes`:"
        " names of attributes that an instance had not seen within a day."
    )
    request: str | SkipJsonSchema[None] = Field(
        None, json_schema_extra=optional, description="The `Request-Id` of the answer."
    )
    client_request: str | SkipJsonSchema[None] = Field(
        None,
        alias="clientRequest",
        json_schema_extra=optional,
        description="The client's own id of the request. Entra shows it in its provisioning log.",
    )
    token: str | SkipJsonSchema[None] = Field(
        None, json_schema_extra=optional, description="Label of the token or the API key."
    )
    method: str | SkipJsonSchema[None] = Field(
        None, json_schema_extra=optional, description="HTTP method."
    )
    route: str | SkipJsonSchema[None] = Field(
        None, json_schema_extra=optional, description="Template of the route."
    )
    resource_type: str | SkipJsonSchema[None] = Field(
        None,
        alias="resourceType",
        json_schema_extra=optional,
        description="`User`, `Group`, or the path of another type.",
    )
    resource_id: str | SkipJsonSchema[None] = Field(
        None, alias="resourceId", json_schema_extra=optional, description="Id of the resource."
    )
    names: dict[str, str] | SkipJsonSchema[None] = Field(
        None,
        json_schema_extra=optional,
        description="`userName`, `displayName` and `externalId` as they were sent.",
    )
    status: int | SkipJsonSchema[None] = Field(
        None, json_schema_extra=optional, description="Status of the answer."
    )
    scim_type: str | SkipJsonSchema[None] = Field(
        None,
        alias="scimType",
        json_schema_extra=optional,
        description="As of RFC 7644 section 3.12.",
    )
    operation: int | SkipJsonSchema[None] = Field(
        None,
        json_schema_extra=optional,
        description="Index of the operation of a PATCH that was refused, from 0.",
    )
    position: int | SkipJsonSchema[None] = Field(
        None, json_schema_extra=optional, description="Index in a bulk request, from 0."
    )
    path: str | SkipJsonSchema[None] = Field(
        None, json_schema_extra=optional, description="Attribute path of what was refused."
    )
    detail: str | SkipJsonSchema[None] = Field(
        None, json_schema_extra=optional, description="What the client was told."
    )
    milliseconds: float | SkipJsonSchema[None] = Field(
        None, json_schema_extra=optional, description="How long the request took."
    )
    shape: list[str] | SkipJsonSchema[None] = Field(
        None,
        json_schema_extra=optional,
        description="The body by names, types and lengths; no values.",
    )
    members: list[str] | SkipJsonSchema[None] = Field(
        None,
        json_schema_extra=optional,
        description="What was named as a member and passed over, an id or not: at most 100, and of"
        " each 128 characters.",
    )
    number: int | SkipJsonSchema[None] = Field(
        None, json_schema_extra=optional, description="How many entries were left out."
    )
    reason: LeftOutReason | SkipJsonSchema[None] = Field(
        None,
        json_schema_extra=optional,
        description="Why: `tooMany` in a minute; over the `rateLimit`; `notWritten`, since storage"
        " did not take them.",
    )


class ProvisioningLogPage(BaseModel):
    """Entries, the newest first."""

    model_config = ConfigDict(extra="forbid")

    entries: list[ProvisioningLogEntry]
    cursor: str | SkipJsonSchema[None] = Field(
        None,
        json_schema_extra=optional,
        description="Send it as `after` to read on. It is left out when nothing is older.",
    )


async def list_entries(request: ScimRequest, services: Services) -> ScimResponse:
    """GET of a page of the log. A call for each 1,000 entries that are looked at, 5 at most."""
    asked = _EntriesAsked.of(request.query)
    found: list[KeptEntry] = []
    behind, has_more = asked.after, True
    for _ in range(_MOST_PAGES):
        # One more than is wanted tells whether there are more.
        wanted = PAGE_ROWS if asked.is_choosy else min(asked.limit + 1, PAGE_ROWS)
        rows = await services.store.log.newest(request.context, wanted, behind)
        has_more = len(rows) == wanted
        for row in rows:
            if len(found) == asked.limit:
                has_more = True
                break
            behind = row.id
            found += [row] if asked.is_wanted(row.entry) else []
        if not has_more or len(found) == asked.limit:
            break
    page: dict[str, Any] = {"entries": [_shown(each) for each in found]}
    if has_more:
        page["cursor"] = behind
    return ScimResponse(200, page, {"Cache-Control": "no-store"}, media_type=JSON)


@dataclass(frozen=True, slots=True)
class _EntriesAsked:
    """What a request asks for."""

    after: str
    limit: int
    user: str
    kinds: tuple[str, ...]

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Self:
        """Read the query.

        Raises:
            InvalidValue: a parameter is not what it should be.
        """
        after = query.get("after", "")
        if "after" in query and not _ENTRY_ID.fullmatch(after):
            raise InvalidValue("Send as after the cursor of the last answer.", path="after")
        if "user" in query and not query["user"]:
            raise InvalidValue("user has no value: send one, or leave it out.", path="user")
        limit = read_number(query, "limit", DEFAULT_ENTRIES, 1, MOST_ENTRIES_OF_PAGE)
        return cls(after, limit, query.get("user", ""), _kinds(query))

    @property
    def is_choosy(self) -> bool:
        """Whether not all entries are wanted."""
        return bool(self.user or self.kinds)

    def is_wanted(self, entry: LogEntry) -> bool:
        """Tell whether an entry is."""
        is_of_kind = not self.kinds or entry.kind in self.kinds
        return is_of_kind and (not self.user or is_about(entry, self.user))


def _kinds(query: Mapping[str, str]) -> tuple[str, ...]:
    if "kinds" not in query:
        return ()
    kinds = tuple(each.strip() for each in query["kinds"].split(","))
    known = get_args(EntryKind)
    unknown = [each for each in kinds if each not in known]
    if unknown:
        raise InvalidValue(
            f"There are no entries of the kind {unknown[0][:64]!r}. The kinds are:"
            f" {', '.join(known)}.",
            path="kinds",
        )
    return kinds


_READERS: Mapping[str, Callable[[LogEntry], Any]] = {
    "kind": lambda entry: entry.kind,
    "request": lambda entry: entry.request_id,
    "clientRequest": lambda entry: entry.client_request_id,
    "token": lambda entry: entry.token,
    "method": lambda entry: entry.method,
    "route": lambda entry: entry.route,
    "resourceType": lambda entry: entry.resource_type,
    "resourceId": lambda entry: entry.resource_id,
    "names": lambda entry: dict(entry.names) or None,
    "status": lambda entry: entry.status or None,
    "scimType": lambda entry: entry.scim_type,
    "operation": lambda entry: entry.operation,
    "position": lambda entry: entry.position,
    "path": lambda entry: entry.path,
    "detail": lambda entry: entry.detail,
    "milliseconds": lambda entry: entry.milliseconds or None,
    "shape": lambda entry: list(entry.shape) or None,
    "members": lambda entry: list(entry.members) or None,
    "number": lambda entry: entry.number or None,
    "reason": lambda entry: entry.reason,
}
"""How each member of an answer is read; what has no value is left out."""


def _shown(kept: KeptEntry) -> dict[str, Any]:
    shown = {"id": kept.id, "time": written_moment(kept.entry.time / 1_000)}
    told = {name: read(kept.entry) for name, read in _READERS.items()}
    return shown | {name: value for name, value in told.items() if value not in (None, "")}


PROVISIONING_LOG = ApiEndpoint(
    Scope.IDENTITIES_READ,
    {
        "GET": Operation(
            summary="Read what was refused, slow or passed over",
            description="The newest entries come first. Changes are not among them: those are"
            " events. An entry is there some seconds after its request, and for"
            " `SCIM_PROVISIONING_LOG_DAYS`. With `user` or `kinds` an answer looks at 5,000 entries"
            " at most, so it may be short or empty and still have a `cursor`.",
            query=ProvisioningLogQuery,
            answer=ProvisioningLogPage,
            refusals=(InvalidValue,),
            handler=list_entries,
        )
    },
)
