"""How webhook endpoints fare: what waits, what is dead, since when they fail and why."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from portal.side_by_side import context_at, run_bounded
from shared.errors import ScimError
from shared.store.webhook_checkpoints import WebhookCheckpoints
from shared.store.webhook_deliveries import MOST_REDELIVERED, DeliveryStream
from shared.tables.table import read_both

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portal.visit import Visit
    from shared.store.webhook_checkpoints import Checkpoint
    from shared.store.webhook_deliveries import Delivery, DeliveryState
    from shared.store.webhook_endpoints import WebhookEndpoint
    from shared.tables.request_context import RequestContext

MOST_TENANTS_READ: Final = 50
"""Tenants of an endpoint of which is read what waits and what is dead; the first by name."""

MOST_COUNTED: Final = MOST_REDELIVERED
"""Dead deliveries that are counted; of more it is said that there are more."""

_LOOKED_THROUGH: Final = 10
_READING_SECONDS: Final = 12.0


@dataclass(frozen=True, slots=True)
class StreamHealth:
    """What became of the events of one tenant at an endpoint. Times are POSIX milliseconds.

    Attributes:
        tenant: whose events.
        pending: deliveries that wait.
        dead: deliveries that are sent no more, up to `MOST_COUNTED`.
        failing_since: since when all attempts have failed; None where the last one succeeded.
        lost_before: events from before this time were lost; None for none.
        error: why the newest attempt has failed that is known to have; None where none is.
    """

    tenant: str
    pending: int = 0
    dead: int = 0
    failing_since: int | None = None
    lost_before: int | None = None
    error: str | None = None

    @property
    def has_more_dead(self) -> bool:
        """Whether there may be more that are dead."""
        return self.dead >= MOST_COUNTED


@dataclass(frozen=True, slots=True)
class EndpointHealth:
    """How an endpoint fares.

    Attributes:
        endpoint: the endpoint.
        streams: of the tenants that were read.
        unread: how many tenants could not be read.
        left_out: how many tenants were not to be read, because they are too many.
    """

    endpoint: WebhookEndpoint
    streams: Sequence[StreamHealth]
    unread: int = 0
    left_out: int = 0

    @property
    def pending(self) -> int:
        """How many deliveries wait."""
        return sum(each.pending for each in self.streams)

    @property
    def dead(self) -> int:
        """How many deliveries are dead, at least."""
        return sum(each.dead for each in self.streams)

    @property
    def is_exact(self) -> bool:
        """Whether there are not more that are dead, or wait."""
        of_all = not self.unread and not self.left_out
        return of_all and not any(each.has_more_dead for each in self.streams)

    @property
    def worst(self) -> StreamHealth | None:
        """The tenant to look at first: where it fails for longest, or most is dead."""
        ailing = [each for each in self.streams if each.failing_since is not None or each.dead]
        return min(ailing, key=_order, default=None)


def shown_url(endpoint: WebhookEndpoint) -> str:
    """Return host and path of an endpoint's URL; what follows may hold a secret."""
    parts = urlsplit(endpoint.url)
    return parts.netloc.rpartition("@")[2] + parts.path


async def tenants_of(visit: Visit, endpoint: WebhookEndpoint) -> Sequence[str]:
    """Name the tenants whose events are sent to an endpoint."""
    if endpoint.tenants is not None:
        return endpoint.tenants
    return await visit.services.tenant_tokens.names()


async def read_health(visit: Visit, endpoints: Sequence[WebhookEndpoint]) -> list[EndpointHealth]:
    """Read how endpoints fare, side by side, for some seconds; what is not read is counted.

    2 calls for each endpoint and tenant, 4 at most where deliveries fail or are dead.
    """
    of_each = {each.id: await tenants_of(visit, each) for each in endpoints}
    streams = [
        DeliveryStream(each.id, tenant)
        for each in endpoints
        for tenant in of_each[each.id][:MOST_TENANTS_READ]
    ]
    found: dict[DeliveryStream, StreamHealth] = {}

    async def read(stream: DeliveryStream) -> None:
        context = context_at(visit, stream.tenant)
        try:
            found[stream] = await read_stream(visit, context, stream)
        except ScimError:
            return
        finally:
            visit.entered.context.meter.add(context.meter)

    try:
        async with asyncio.timeout(_READING_SECONDS):
            await run_bounded(read, streams)
    except TimeoutError:
        pass  # what was not read is counted below
    return [_health(each, streams, found, len(of_each[each.id])) for each in endpoints]


async def read_stream(
    visit: Visit, context: RequestContext, stream: DeliveryStream
) -> StreamHealth:
    """Read how the events of a tenant fare at an endpoint. 2 to 4 calls.

    Args:
        visit: the request.
        context: the same, in the tenant.
        stream: of which endpoint and tenant.
    """
    table, deliveries = visit.services.store.table, visit.services.store.webhook_deliveries
    checkpoint, dead = await read_both(
        WebhookCheckpoints(table).read(context, stream.endpoint),
        deliveries.count(context, stream, "dead", MOST_COUNTED),
    )
    error = await _read_error(visit, context, stream, checkpoint, dead)
    if checkpoint is None:
        return StreamHealth(stream.tenant, dead=dead, error=error)
    return StreamHealth(
        stream.tenant,
        checkpoint.pending,
        dead,
        checkpoint.failing_since,
        checkpoint.lost_before,
        error,
    )


async def _read_error(
    visit: Visit,
    context: RequestContext,
    stream: DeliveryStream,
    checkpoint: Checkpoint | None,
    dead: int,
) -> str | None:
    """Read why deliveries fail, or have died. A call for each of the two, where there are such."""
    kept = visit.services.store.webhook_deliveries
    states: list[DeliveryState] = []
    if checkpoint is not None and checkpoint.failing_since is not None:
        states.append("pending")
    if dead:
        states.append("dead")
    for state in states:
        page = await kept.page(context, stream, state, _LOOKED_THROUGH)
        error = _newest_error(page.deliveries)
        if error is not None:
            return error
    return None


def _newest_error(deliveries: Sequence[Delivery]) -> str | None:
    failed = [each for each in deliveries if each.error is not None]
    newest = max(failed, key=lambda each: each.last_attempt or 0, default=None)
    return None if newest is None else newest.error


def _health(
    endpoint: WebhookEndpoint,
    streams: Sequence[DeliveryStream],
    found: dict[DeliveryStream, StreamHealth],
    tenants: int,
) -> EndpointHealth:
    own = [each for each in streams if each.endpoint == endpoint.id]
    read = [found[each] for each in own if each in found]
    return EndpointHealth(endpoint, read, len(own) - len(read), tenants - len(own))


def _order(stream: StreamHealth) -> tuple[float, int, str]:
    since = float("inf") if stream.failing_since is None else stream.failing_since
    return since, -stream.dead, stream.tenant
