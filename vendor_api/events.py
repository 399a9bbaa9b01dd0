"""`events`: the feed of what has changed, for a product that keeps its own copy up to date."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from shared.api_keys import Scope
from shared.clock import Clock
from shared.errors import Gone, InsufficientScope, InvalidValue
from shared.events.cursor import (
    ExpiredFeedCursorError,
    InvalidFeedCursorError,
    read_cursor,
    write_cursor,
)
from shared.events.event import Event
from shared.events.feed import ROWS_IN_A_TURN, Feed, FeedPage, FeedPosition
from shared.scim.catalogue import Catalogue
from shared.tables.request_context import RequestContext
from shared.web.requests import ScimRequest
from shared.web.responses import JSON, ScimResponse
from shared.web.services import Services
from vendor_api.documents import ResourceName, read_documents
from vendor_api.event_types import known_types
from vendor_api.models import optional, read_number
from vendor_api.operations import ApiEndpoint, Operation

DEFAULT_LIMIT, MOST_EVENTS, MOST_EXPANDED = 100, 1_000, 100
LONGEST_WAIT = 20
NOW = "now"

_DAY = 86_400_000
PAUSE_SECONDS = 1.0
"""Between two looks at the storage while a request waits."""

_WAITED_OF_DEADLINE = 0.8
"""The part of what is left to a request that it may wait; the rest is for its reads."""

_CLOCK = Clock()


class EventsQuery(BaseModel):
    """Where to read on, how much, and whether to wait."""

    after: str | SkipJsonSchema[None] = Field(
        None,
        alias="after",
        min_length=1,
        json_schema_extra=optional,
        description="The `cursor` of the last answer. Without it the feed begins with the oldest"
        f" change that is kept. `{NOW}` begins with the last two minutes: take it before you copy"
        " all users and groups.",
    )
    limit: int = Field(
        DEFAULT_LIMIT,
        alias="limit",
        ge=1,
        le=MOST_EVENTS,
        description="How many events are enough. Those of one transaction stay together, so that"
        f" two more may come. With `expand` at most {MOST_EXPANDED}.",
    )
    wait: int = Field(
        0,
        alias="wait",
        ge=0,
        le=LONGEST_WAIT,
        description="Seconds to wait for an event where there is none. Three requests of a tenant"
        " wait in an instance, and ten of all; others are answered at once.",
    )
    types: str | SkipJsonSchema[None] = Field(
        None,
        alias="types",
        min_length=1,
        json_schema_extra=optional,
        description="Types of events, joined by commas; all without it.",
    )
    expand: Literal["resource"] | SkipJsonSchema[None] = Field(
        None,
        alias="expand",
        json_schema_extra=optional,
        description="`resource` adds to each event the document of what it is about. The"
        f" key needs the scope `{Scope.IDENTITIES_READ}` as well.",
    )


class EventResource(BaseModel):
    """What an event is about."""

    type: str = Field(description="`User`, `Group`, or a resource type of the deployment.")
    id: str = Field(description="The SCIM id.")
    external_id: str | SkipJsonSchema[None] = Field(
        None,
        alias="externalId",
        json_schema_extra=optional,
        description="Of what was deleted, since it can be read no longer.",
    )
    uri: str = Field(description="Below the Tenant URL.")
    version: int | SkipJsonSchema[None] = Field(
        None,
        json_schema_extra=optional,
        description="Of a user or another resource but a group: of two events about one id the one"
        " with the greater version is the later.",
    )
    document: dict[str, Any] | SkipJsonSchema[None] = Field(
        None,
        json_schema_extra=optional,
        description="With `expand=resource`: the SCIM resource as it is now, which may be newer"
        " than the event; a group without its members. Left out where the resource is gone.",
    )


class EventMember(BaseModel):
    """Who joined a group, or left it."""

    id: str
    type: Literal["User", "Group"]
    version: int | SkipJsonSchema[None] = Field(
        None,
        json_schema_extra=optional,
        description="The new version of the user, by which its memberships are ordered. A group"
        " has none.",
    )


class EventMembers(BaseModel):
    """Who joined and who left."""

    added: list[EventMember]
    removed: list[EventMember]


class HeldGroup(BaseModel):
    """A group out of which users were taken whose removal is held."""

    model_config = ConfigDict(extra="forbid")

    id: str
    users: int = Field(description="How many of these are held.")


RemovedUsers = Annotated[
    int,
    Field(
        description="Users who are disabled or deleted in all: those who are held, and those of the"
        " hour before who are not active again, of whom the feed has told. A decision within that"
        " hour changes nothing in it."
    ),
]
ActiveBefore = Annotated[int, Field(description="Active users before all these removals.")]


class GuardNotice(BaseModel):
    """How many are concerned by a mass removal when it begins to be held; more may follow."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(description="Of the hold, as `GET /guard` shows it.")
    users: int = Field(description="Users who are disabled or deleted, and held.")
    removed: RemovedUsers
    active_users: ActiveBefore = Field(alias="activeUsers")
    groups: list[HeldGroup] = Field(description="Groups of which removals are held.")


class EventDocument(BaseModel):
    """One thing that happened to one resource; `guard.held` is of no resource."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(description="The same whenever the event comes; it tells doubles apart.")
    type: str = Field(description="As `user.deactivated`.")
    event: str = Field(description="The URI of the event (RFC 9967).")
    txn: str = Field(description="The id of the request that caused it.")
    time: str = Field(json_schema_extra={"format": "date-time"}, description="When, in UTC.")
    resource: EventResource | SkipJsonSchema[None] = Field(
        None,
        json_schema_extra=optional,
        description="What it is about. Left out in `guard.held` alone.",
    )
    guard: GuardNotice | SkipJsonSchema[None] = Field(
        None, json_schema_extra=optional, description="In `guard.held` alone."
    )
    active: bool | SkipJsonSchema[None] = Field(
        None,
        json_schema_extra=optional,
        description="Whether the user may come in, where that changed or the user is new.",
    )
    attributes: list[str] = Field(description="Names of the attributes that changed.")
    members: EventMembers
    actor: str = Field(description="Which token was used, by its label.")


class Events(BaseModel):
    """A page of the feed."""

    model_config = ConfigDict(extra="forbid")

    events: list[EventDocument] = Field(description="In the order of their times.")
    cursor: str = Field(description="Behind them. Keep it together with what you made of them.")
    more: bool = Field(description="Whether there is more to be read at once.")


async def list_events(request: ScimRequest, services: Services) -> ScimResponse:
    """GET of the feed. A call for each 1,000 changes, and as many for those of two minutes.

    With `expand` a call for each resource besides, and perhaps one for the deletions row.
    """
    asked = _Asked.of(request, services)
    page = await _read(request, services, asked)
    paths = {each.name: each.endpoint for each in services.catalogue.resource_types}
    # Of a type that is served no longer nothing could be read.
    events = [each for each in page.events if each.resource[0] in paths or each.is_of_guard]
    named = (event.resource for event in events if not event.is_of_guard)
    documents = await read_documents(request, services, named) if asked.expands else {}
    body = {
        "events": await _write(events, paths, documents),
        "cursor": write_cursor(page.position, request.context.tenant),
        "more": page.has_more,
    }
    return ScimResponse(200, body, {"Cache-Control": "no-store"}, media_type=JSON)


async def _write(
    events: Sequence[Event],
    paths: Mapping[str, str],
    documents: Mapping[ResourceName, Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Write events, and give the event loop to others in between."""
    written: list[dict[str, Any]] = []
    for start in range(0, len(events), ROWS_IN_A_TURN):
        some = events[start : start + ROWS_IN_A_TURN]
        written += [each.document(paths, documents.get(each.resource)) for each in some]
        await asyncio.sleep(0)
    return written


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a request asks for; `position` is None for now."""

    position: FeedPosition | None
    limit: int
    wait: int
    types: tuple[str, ...]
    expands: bool

    @classmethod
    def of(cls, request: ScimRequest, services: Services) -> Self:
        """Read the query.

        Raises:
            InvalidValue: a parameter is not what it should be.
            Gone: the cursor is older than what is kept.
            InsufficientScope: documents are asked for by a key that may not read them.
        """
        expands = _expands(request)
        return cls(
            _position(request, services.settings.history_days),
            _limit(request.query, expands=expands),
            read_number(request.query, "wait", 0, 0, LONGEST_WAIT),
            _types(request.query.get("types"), services.catalogue),
            expands,
        )


def _position(request: ScimRequest, history_days: int) -> FeedPosition | None:
    after = request.query.get("after")
    if after is None:
        return FeedPosition()
    if after == NOW:
        return None
    now = int(_CLOCK.wall() * 1000)
    try:
        return read_cursor(after, request.context.tenant, now, history_days * _DAY)
    except InvalidFeedCursorError:
        raise InvalidValue(
            "This cursor was not given out for the feed of this tenant. Send the cursor of the last"
            f" answer as it was; or after={NOW}, and then copy all users and groups.",
            path="after",
        ) from None
    except ExpiredFeedCursorError:
        raise Gone(
            f"Changes behind this cursor are no longer kept, after {history_days} days. Read"
            f" after={NOW} for a new cursor, copy all users and groups, and go on from there.",
            path="after",
        ) from None


def _limit(query: Mapping[str, str], *, expands: bool) -> int:
    limit = read_number(query, "limit", DEFAULT_LIMIT, 1, MOST_EVENTS)
    if expands and limit > MOST_EXPANDED:
        raise InvalidValue(
            f"With expand=resource limit is {MOST_EXPANDED} at most: each resource is read.",
            path="limit",
        )
    return limit


def _types(text: str | None, catalogue: Catalogue) -> tuple[str, ...]:
    if text is None:
        return ()
    known = known_types(catalogue)
    wanted = tuple(part.strip() for part in text.split(","))
    unknown = [each for each in wanted if each not in known]
    if unknown:
        raise InvalidValue(
            f"There is no event of the type {unknown[0][:64]!r}. The types are:"
            f" {', '.join(sorted(known))}.",
            path="types",
        )
    return wanted


def _expands(request: ScimRequest) -> bool:
    expand = request.query.get("expand")
    if expand is None:
        return False
    if expand != "resource":
        raise InvalidValue("expand takes the word resource, and nothing else.", path="expand")
    needed = Scope.IDENTITIES_READ
    if needed not in request.scopes:
        raise InsufficientScope(
            f"expand=resource shows identities: the API key has not the scope {needed}.",
            scope=needed,
        )
    return True


async def _read(request: ScimRequest, services: Services, asked: _Asked) -> FeedPage:
    """Read on, and wait for something to come if that is asked for and a place is free."""
    feed = Feed(services.store.table, _CLOCK, services.store.guard)
    position = asked.position or feed.now()
    if asked.position is None and not asked.wait:
        return FeedPage([], position, has_more=True)
    page = await feed.read(request.context, position, asked.limit, asked.types)
    if not asked.wait:
        return page
    # A place is given back however the wait ends: by an event, by its time, or by a cancellation.
    with services.long_polls.place(request.context.tenant) as has_place:
        return await _wait(request.context, feed, page, asked) if has_place else page


async def _wait(context: RequestContext, feed: Feed, page: FeedPage, asked: _Asked) -> FeedPage:
    """Read on until there is something, or the time is over; no call is under way in between."""
    until = _CLOCK.steady() + min(asked.wait, context.remaining() * _WAITED_OF_DEADLINE)
    while not page.events and not page.has_more and _CLOCK.steady() < until:
        await _CLOCK.sleep(min(PAUSE_SECONDS, max(until - _CLOCK.steady(), 0)))
        page = await feed.read(context, page.position, asked.limit, asked.types)
    return page


EVENTS = ApiEndpoint(
    Scope.EVENTS_READ,
    {
        "GET": Operation(
            summary="Read what has changed",
            description="Every change comes at least once, and may come again within two minutes:"
            " `id` tells doubles apart. Read on with `cursor`, at once while there is `more`, and"
            " every minute after that.",
            query=EventsQuery,
            answer=Events,
            refusals=(InvalidValue, Gone),
            handler=list_events,
        )
    },
)
