"""`webhooks/{id}/deliveries` and `.../redeliver`: what became of events, and sending them again."""

from dataclasses import replace
from typing import Annotated, Self, cast

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from shared.api_keys import Scope
from shared.clock import rfc3339
from shared.errors import InvalidValue, NotFound, NotServed, PreconditionFailed
from shared.store.webhook_deliveries import (
    MOST_REDELIVERED,
    Delivery,
    DeliveryState,
    DeliveryStream,
    Redelivery,
)
from shared.store.webhook_endpoints import WebhookEndpoint
from shared.validation import Omittable, OnlyTrue
from shared.web.callers import require_tenant
from shared.web.requests import ScimRequest
from shared.web.responses import ScimResponse
from shared.web.services import Services
from shared.webhook_endpoints import tenant_named
from vendor_api.models import (
    check_order,
    optional,
    optional_moment,
    read_body,
    read_moment,
    read_number,
)
from vendor_api.operations import ApiEndpoint, NoQuery, Operation, of_model
from vendor_api.webhook_access import find_endpoint, find_to_change, when_on

DEFAULT_DELIVERIES, MOST_DELIVERIES = 100, 500
MOST_IDS = 100

_EventId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}(-[a-z-]{1,20})?$")]
_EventIds = Annotated[list[_EventId], Field(min_length=1, max_length=MOST_IDS)]


class DeliveriesQuery(BaseModel):
    """Which deliveries."""

    tenant: str | SkipJsonSchema[None] = Field(
        None,
        alias="tenant",
        json_schema_extra=optional,
        description="Whose events. May be left out where the endpoint is of one tenant alone.",
    )
    state: DeliveryState | SkipJsonSchema[None] = Field(
        None, alias="state", json_schema_extra=optional, description="Left out: all."
    )
    limit: int = Field(DEFAULT_DELIVERIES, alias="limit", ge=1, le=MOST_DELIVERIES)
    cursor: str | SkipJsonSchema[None] = Field(
        None,
        alias="cursor",
        min_length=1,
        json_schema_extra=optional,
        description="That of the last answer, for what comes behind it.",
    )


class DeliveryDocument(BaseModel):
    """What became of an event."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(description="Of the event: the `webhook-id` of each attempt.")
    tenant: str
    type: str
    state: DeliveryState = Field(
        description="`pending` is yet to be sent, at first or again. `dead` is sent no more, unless"
        " somebody asks for it."
    )
    attempts: int = Field(description="All that were made, those before a redelivery included.")
    redelivered: str | SkipJsonSchema[None] = Field(
        None,
        json_schema_extra=optional_moment,
        description="When somebody wanted it to be made again last: its schedule began anew then.",
    )
    last_attempt: str | SkipJsonSchema[None] = Field(
        None, alias="lastAttempt", json_schema_extra=optional_moment
    )
    next_attempt: str | SkipJsonSchema[None] = Field(
        None, alias="nextAttempt", json_schema_extra=optional_moment
    )
    status: int | SkipJsonSchema[None] = Field(
        None,
        json_schema_extra=optional,
        description="HTTP status of the last answer; left out where none came.",
    )
    latency_ms: int | SkipJsonSchema[None] = Field(
        None,
        alias="latencyMs",
        json_schema_extra=optional,
        description="How long the last attempt took.",
    )
    error: str | SkipJsonSchema[None] = Field(
        None, json_schema_extra=optional, description="Why the last attempt has failed."
    )
    answer: str | SkipJsonSchema[None] = Field(
        None, json_schema_extra=optional, description="The first 1 kB of the last answer."
    )

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        """Describe a delivery; what was sent is in the feed."""
        return cls(
            id=delivery.id,
            tenant=delivery.tenant,
            type=delivery.type,
            state=delivery.state,
            attempts=delivery.attempts,
            redelivered=_of_milliseconds(delivery.redelivered),
            lastAttempt=_of_milliseconds(delivery.last_attempt),
            nextAttempt=_of_milliseconds(delivery.next_attempt),
            status=delivery.status,
            latencyMs=delivery.latency_ms,
            error=delivery.error,
            answer=delivery.answer,
        )


class DeliveryList(BaseModel):
    """Deliveries, those of the newest events first."""

    model_config = ConfigDict(extra="forbid")

    deliveries: list[DeliveryDocument]
    cursor: str | SkipJsonSchema[None] = Field(
        None,
        json_schema_extra=optional,
        description="To be sent as `cursor` for more; left out when these were the last.",
    )
    lost_before: str | SkipJsonSchema[None] = Field(
        None,
        alias="lostBefore",
        json_schema_extra=optional_moment,
        description="Events from before this time were never sent, because they were no longer kept"
        " when the endpoint could be reached again: copy all users and groups anew.",
    )


class RedeliveryWanted(BaseModel):
    """Which deliveries are to be made again: by `ids`, by time, or all that are dead."""

    model_config = ConfigDict(extra="forbid")

    tenant: Omittable[str] = Field(
        None,
        json_schema_extra=optional,
        description="Whose events. May be left out where the endpoint is of one tenant alone.",
    )
    ids: Omittable[_EventIds] = Field(
        None,
        json_schema_extra=optional,
        description="Of events, whatever became of them. Of one that is pending the next attempt is"
        " made now. Those of which nothing is known are passed over.",
    )
    since: Omittable[str] = Field(
        None,
        json_schema_extra=optional_moment,
        description="Those of events from this time on (RFC 3339), whatever became of them.",
    )
    until: Omittable[str] = Field(
        None, json_schema_extra=optional_moment, description="And before this one."
    )
    dead: Omittable[OnlyTrue] = Field(
        None, json_schema_extra=optional, description="All that are dead."
    )


class Redelivered(BaseModel):
    """How many deliveries are made again."""

    model_config = ConfigDict(extra="forbid")

    redelivered: int
    more: bool = Field(
        description=f"Whether there may be more: at most {MOST_REDELIVERED:,} are made again at"
        " once, those of the newest events. Send the same request again, with this `until`."
    )
    until: str | SkipJsonSchema[None] = Field(
        None,
        json_schema_extra=optional_moment,
        description="With `more`, where they are meant by time: what to send as `until`.",
    )


@when_on
async def list_deliveries(request: ScimRequest, services: Services) -> ScimResponse:
    """GET of deliveries. 3 calls; 5 where all states are meant."""
    limit = read_number(request.query, "limit", DEFAULT_DELIVERIES, 1, MOST_DELIVERIES)
    state = _state(request.query.get("state"))
    cursor = request.query.get("cursor")
    endpoint = await find_endpoint(request, services)
    stream = DeliveryStream(endpoint.id, _tenant(request, endpoint, request.query.get("tenant")))
    page = await services.store.webhook_deliveries.page(
        request.context, stream, state, limit, cursor
    )
    answer = DeliveryList(deliveries=[DeliveryDocument.of(each) for each in page.deliveries])
    answer.cursor = page.cursor
    answer.lost_before = await _lost_before(request, services, stream)
    return of_model(200, answer)


@when_on
async def redeliver(request: ScimRequest, services: Services) -> ScimResponse:
    """POST of a redelivery. 2 calls, and up to two for each 40 deliveries."""
    asked = read_body(RedeliveryWanted, request.json())
    wanted = _redelivery(asked)
    endpoint = await find_to_change(request, services)
    stream = DeliveryStream(endpoint.id, _tenant(request, endpoint, asked.tenant))
    done = await services.store.webhook_deliveries.redeliver(request.context, stream, wanted)
    if done.number:
        await services.webhooks.give_hint(stream.tenant)
    until = _of_milliseconds(done.until)
    return of_model(200, Redelivered(redelivered=done.number, more=done.has_more, until=until))


async def _lost_before(
    request: ScimRequest, services: Services, stream: DeliveryStream
) -> str | None:
    own = replace(request.context, tenant=stream.tenant)
    checkpoint = await services.store.webhook_checkpoints.read(own, stream.endpoint)
    return None if checkpoint is None else _of_milliseconds(checkpoint.lost_before)


def _tenant(request: ScimRequest, endpoint: WebhookEndpoint, name: str | None) -> str:
    """Read of which tenant deliveries are meant.

    Raises:
        InvalidValue: none is named, or one of which the endpoint is not.
    """
    if name is None:
        if endpoint.tenants is None or len(endpoint.tenants) != 1:
            raise InvalidValue(
                "tenant: is missing; the endpoint is of several tenants, so say whose deliveries"
                " are meant.",
                path="tenant",
            )
        return endpoint.tenants[0]
    tenant = tenant_named(name, "tenant")
    if request.api_key is not None:
        require_tenant(request.api_key, tenant)
    if not endpoint.is_of(tenant):
        raise InvalidValue(f"tenant: the endpoint is not of {tenant}.", path="tenant")
    return tenant


def _state(text: str | None) -> DeliveryState | None:
    if text is not None and text not in {"pending", "delivered", "dead"}:
        raise InvalidValue("state must be pending, delivered or dead.", path="state")
    return cast("DeliveryState | None", text)


def _redelivery(asked: RedeliveryWanted) -> Redelivery:
    """Read which deliveries are meant.

    Raises:
        InvalidValue: nothing is said, or two things are.
    """
    by_time = asked.since is not None or asked.until is not None
    if [asked.ids is not None, by_time, asked.dead is not None].count(True) != 1:
        raise InvalidValue(
            'Say which deliveries are meant in one way: "ids", "since" with or without "until", or'
            ' "dead": true.'
        )
    if asked.ids is not None:
        return Redelivery(ids=tuple(asked.ids))
    if asked.until is not None and asked.since is None:
        raise InvalidValue("since: is missing; say from when to until.", path="since")
    since, until = (
        None if text is None else read_moment(text, name)
        for name, text in (("since", asked.since), ("until", asked.until))
    )
    check_order(since, until)
    return Redelivery(since=since, until=until)


def _of_milliseconds(moment: int | None) -> str | None:
    return None if moment is None else rfc3339(moment / 1_000)


WEBHOOK_DELIVERIES = ApiEndpoint(
    Scope.TENANTS_MANAGE,
    {
        "GET": Operation(
            summary="List deliveries to a webhook endpoint",
            description="What became of each event: attempts, status, latency and the beginning of"
            " the answer.",
            query=DeliveriesQuery,
            answer=DeliveryList,
            refusals=(InvalidValue, NotFound, NotServed),
            handler=list_deliveries,
        )
    },
    is_of_tenant=False,
)

WEBHOOK_REDELIVERY = ApiEndpoint(
    Scope.TENANTS_MANAGE,
    {
        "POST": Operation(
            summary="Deliver again to a webhook endpoint",
            description="By ids of events, by time, or all that are dead. The next attempt is made"
            " now, also of what is pending, and whatever a `Retry-After` has said. They begin the"
            " schedule anew, under the same `webhook-id`; `attempts` and what came of the last one"
            " stay to be seen. Nothing is sent to an endpoint that is not enabled. `If-Match` means"
            " the version of the endpoint.",
            query=NoQuery,
            answer=Redelivered,
            refusals=(InvalidValue, NotFound, NotServed, PreconditionFailed),
            handler=redeliver,
            body=RedeliveryWanted,
            has_condition=True,
        )
    },
    is_of_tenant=False,
)
