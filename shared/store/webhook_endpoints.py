"""Webhook endpoints: where events are sent, and which. Their secrets lie in Key Vault.

An endpoint may be of several tenants, or of all. So the rows lie together in a partition that no
tenant can have, and one read lists them. What a process remembers of them is a minute old at most:
by it a commit knows without a call whether anybody is to be told.
"""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from shared.clock import Clock
from shared.errors import Conflict, NotFound, Unavailable
from shared.store import layout
from shared.store.changes import WEBHOOK_ENDPOINT, Change
from shared.store.commits import commit
from shared.store.layout import (
    FORMAT_VERSION,
    Column,
    RowKind,
    pack_document,
    unpack_document,
)
from shared.store.remembered import Remembered
from shared.store.resources import Precondition, check_precondition, timestamp
from shared.store.tenant_settings import beside_requests
from shared.tables.operations import Delete, Insert, Replace, RowOperation
from shared.tables.request_context import RequestContext
from shared.tables.retry import retry_conflicts
from shared.tables.rows import Row, Value
from shared.tables.table import Table, collect
from shared.tenants import WEBHOOKS_PARTITION

EVERY_TENANT = "*"
"""What stands for all tenants that are not named."""

MOST_ENDPOINTS = 100
"""Endpoints of a deployment."""

_log = logging.getLogger("scim.webhooks")

EndpointState = Literal["enabled", "paused", "disabled"]


@dataclass(frozen=True, slots=True)
class WebhookEndpoint:
    """Where events are sent.

    Attributes:
        id: 32 hex digits.
        url: where they are posted.
        tenants: those whose events are sent; None for all, those too that are yet to come.
        types: of the events; none for all.
        state: `enabled` is sent events; `paused` was stopped by somebody, `disabled` by the
            service.
        reason: why the service has disabled it; None unless it has.
        description: for people.
        created: time of creation, RFC 3339 in UTC.
        modified: time of the last change.
        version: 1 at creation, one more at every change.
        joined: since when it is of tenants that it was not of at its creation, in POSIX
            milliseconds; under `EVERY_TENANT` since when it is of all others.
    """

    id: str
    url: str
    tenants: tuple[str, ...] | None = None
    types: tuple[str, ...] = ()
    state: EndpointState = "enabled"
    reason: str | None = None
    description: str | None = None
    created: str = ""
    modified: str = ""
    version: int = 0
    joined: Mapping[str, int] = field(default_factory=dict)

    def is_of(self, tenant: str) -> bool:
        """Tell whether events of a tenant are sent to it, when it is enabled."""
        return self.tenants is None or tenant in self.tenants

    def since(self, tenant: str) -> int:
        """Return from when on events of a tenant are sent to it, in POSIX milliseconds."""
        created = int(datetime.fromisoformat(self.created).timestamp() * 1_000)
        return self.joined.get(tenant, self.joined.get(EVERY_TENANT, created))

    def after(self, before: "WebhookEndpoint", now: int) -> "WebhookEndpoint":
        """Note since when it is of tenants of which it was not before."""
        if self.tenants == before.tenants:
            return self
        named = {*(self.tenants or before.tenants or ())}
        joined = {each: before.since(each) if before.is_of(each) else now for each in named}
        if self.tenants is None:
            joined[EVERY_TENANT] = now
        return replace(self, joined=joined)

    def in_state(self, state: EndpointState) -> "WebhookEndpoint":
        """Put it into a state that somebody has chosen; why the service had disabled it is past."""
        return replace(self, state=state, reason=None)

    def takes(self, event_type: str) -> bool:
        """Tell whether events of a type are sent to it."""
        return not self.types or event_type in self.types

    def told(self) -> dict[str, Any]:
        """Describe it for people and products, as `/api/v1/webhooks` shows it; None is not set."""
        kept_apart = {"version", "joined"}
        told = {name: value for name, value in asdict(self).items() if name not in kept_apart}
        tenants = None if self.tenants is None else list(self.tenants)
        return told | {"tenants": tenants, "types": list(self.types) or None}


EndpointChange = Callable[[WebhookEndpoint], WebhookEndpoint]
"""Makes an endpoint of the one that is kept; pure, so that it can be applied again."""

_IN_DOCUMENT = ("url", "tenants", "types", "state", "reason", "description", "joined")
"""The others lie in columns of their own, or in the key."""


class WebhookEndpoints:
    """The webhook endpoints of a deployment.

    The tenant of a context does not matter here: it says who acts, until when, and what it costs.
    """

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock
        self._kept: Remembered[tuple[WebhookEndpoint, ...]] = Remembered(self._read_beside, clock)

    async def list(self, context: RequestContext) -> tuple[WebhookEndpoint, ...]:
        """List all endpoints, the oldest first. 1 call."""
        rows = await collect(self._table, _own(context), layout.kind_span(RowKind.WEBHOOK))
        return tuple(sorted(map(_endpoint, rows), key=lambda each: (each.created, each.id)))

    async def get(self, context: RequestContext, endpoint_id: str) -> WebhookEndpoint:
        """Return an endpoint. 1 call.

        Raises:
            NotFound: there is no such endpoint.
        """
        return _endpoint(await self._row(_own(context), endpoint_id))

    async def create(self, context: RequestContext, wanted: WebhookEndpoint) -> WebhookEndpoint:
        """Keep a new endpoint under the id that was drawn for it. 2 calls.

        Of creations at once each writes the row that it has counted by, so one after the other is
        done, and there are never more endpoints than there can be.

        Raises:
            Conflict: there are too many.
        """
        own = _own(context)
        now = timestamp()
        endpoint = replace(wanted, created=now, modified=now, version=1)
        insert = Insert(layout.webhook_key(endpoint.id), _values(endpoint))

        async def attempt() -> None:
            change = Change(WEBHOOK_ENDPOINT, endpoint.id, "create", version=1)
            await self._commit(own, change, insert, await self._count_one_more(own))

        await retry_conflicts(own, attempt)
        self._kept.amend(lambda known: (*known, endpoint))
        return endpoint

    async def require_room(self, context: RequestContext) -> None:
        """Refuse one more endpoint where there are too many, before anything is drawn. 1 call.

        Raises:
            Conflict: there are too many.
        """
        _require_room(len(await self.list(context)))

    async def update(
        self,
        context: RequestContext,
        endpoint_id: str,
        change: EndpointChange,
        precondition: Precondition | None = None,
    ) -> WebhookEndpoint:
        """Change an endpoint. 2 calls; 1 when nothing changes.

        This process goes by it at once, every other one within a minute.

        Raises:
            NotFound: there is no such endpoint.
            PreconditionFailed: it has another version.
        """
        own = _own(context)

        async def attempt() -> WebhookEndpoint:
            row = await self._row(own, endpoint_id)
            before = _endpoint(row)
            check_precondition(precondition, str(before.version))
            after = change(before)
            if after == before:
                return before
            return await self._replace(own, row, before, after)

        endpoint = await retry_conflicts(own, attempt)
        self._kept.amend(lambda known: (*_others(known, endpoint_id), endpoint))
        return endpoint

    async def disable(
        self, context: RequestContext, endpoint_id: str, reason: str
    ) -> WebhookEndpoint:
        """Stop sending events to an endpoint, and say why. 2 calls; 1 if it is not enabled.

        Raises:
            NotFound: there is no such endpoint any more.
        """

        def disabled(endpoint: WebhookEndpoint) -> WebhookEndpoint:
            if endpoint.state != "enabled":
                return endpoint
            return replace(endpoint, state="disabled", reason=reason)

        return await self.update(context, endpoint_id, disabled)

    async def delete(
        self,
        context: RequestContext,
        endpoint_id: str,
        precondition: Precondition | None = None,
    ) -> None:
        """Delete an endpoint. 2 calls.

        Raises:
            NotFound: there is no such endpoint.
            PreconditionFailed: it has another version.
        """
        own = _own(context)

        async def attempt() -> None:
            row = await self._row(own, endpoint_id)
            check_precondition(precondition, str(_endpoint(row).version))
            change = Change(WEBHOOK_ENDPOINT, endpoint_id, "delete")
            await self._commit(own, change, Delete(row.key, row.etag))

        await retry_conflicts(own, attempt)
        self._kept.amend(lambda known: tuple(_others(known, endpoint_id)))

    def latest(self) -> tuple[WebhookEndpoint, ...] | None:
        """Return what was last read, without waiting; None if nothing ever was.

        Where it is older than a minute, a reading is begun beside the request: 1 call.
        """
        return self._kept.latest()

    async def current(self) -> tuple[WebhookEndpoint, ...]:
        """Return endpoints that are at most a minute old, or the last that could be read.

        Raises:
            Unavailable: none could ever be read.
        """
        kept = await self._kept.current()
        if kept is None:
            raise Unavailable(
                "The webhook endpoints could not be read; repeat the request.", retry_after=2
            )
        return kept

    async def close(self) -> None:
        """End the reading that is under way."""
        await self._kept.close()

    async def _replace(
        self,
        own: RequestContext,
        row: Row,
        before: WebhookEndpoint,
        after: WebhookEndpoint,
    ) -> WebhookEndpoint:
        now = int(self._clock.wall() * 1_000)
        kept = replace(after, version=before.version + 1, modified=timestamp()).after(before, now)
        changed = [name for name in _IN_DOCUMENT if getattr(before, name) != getattr(after, name)]
        change = Change(
            WEBHOOK_ENDPOINT, kept.id, "update", tuple(sorted(changed)), version=kept.version
        )
        await self._commit(own, change, Replace(row.key, _values(kept), row.etag))
        return kept

    async def _count_one_more(self, own: RequestContext) -> RowOperation:
        """Build the operation that counts one more endpoint. 1 call.

        The row is read before the endpoints, so what it does not count yet changes it.

        Raises:
            Conflict: there are too many.
        """
        rows = await collect(self._table, own, layout.webhooks_span())
        counted = next((row for row in rows if row.key == layout.WEBHOOKS_KEY), None)
        number = len(rows) - (counted is not None)
        _require_room(number)
        values: dict[str, Value] = {Column.NUMBER: number + 1}
        if counted is None:
            return Insert(layout.WEBHOOKS_KEY, values)
        return Replace(counted.key, values, counted.etag)

    async def _commit(self, own: RequestContext, change: Change, *written: RowOperation) -> None:
        """Commit a change, and tell in the log who made it: names of what changed, no value."""
        await commit(self._table, own, change, written)
        line = {"webhook": change.verb, "endpoint": change.id, "changed": list(change.names)}
        _log.info("%s", json.dumps(dict(line, by=own.actor, request=own.request_id)))

    async def _row(self, own: RequestContext, endpoint_id: str) -> Row:
        key = layout.webhook_key(endpoint_id)
        row = await self._table.get(own, key) if layout.is_id(endpoint_id) else None
        if row is None:
            raise no_such_endpoint()
        return row

    async def _read_beside(self) -> tuple[WebhookEndpoint, ...]:
        return await self.list(beside_requests(WEBHOOKS_PARTITION))


def _require_room(number: int) -> None:
    if number >= MOST_ENDPOINTS:
        raise Conflict(
            f"There are {MOST_ENDPOINTS} webhook endpoints, which is as many as there can be."
            " Delete one that nobody needs, then create this one."
        )


def no_such_endpoint() -> NotFound:
    """Build the answer about an endpoint that does not exist, or is not for the caller to see."""
    return NotFound("There is no such webhook endpoint.")


def _own(context: RequestContext) -> RequestContext:
    """Reach the partition of the endpoints on behalf of a request; its cost is counted there."""
    return replace(context, tenant=WEBHOOKS_PARTITION)


def _others(known: Sequence[WebhookEndpoint], endpoint_id: str) -> Sequence[WebhookEndpoint]:
    return [each for each in known if each.id != endpoint_id]


def _values(endpoint: WebhookEndpoint) -> dict[str, Value]:
    document = {name: getattr(endpoint, name) for name in _IN_DOCUMENT}
    return {
        **pack_document(document),
        Column.VERSION: endpoint.version,
        Column.CREATED: endpoint.created,
        Column.MODIFIED: endpoint.modified,
        Column.FORMAT: FORMAT_VERSION,
    }


def _endpoint(row: Row) -> WebhookEndpoint:
    values, document = row.values, unpack_document(row.values)
    known: dict[str, Any] = {name: document[name] for name in _IN_DOCUMENT if name in document}
    of = known.get("tenants")
    return WebhookEndpoint(
        **known
        | {"tenants": None if of is None else tuple(of), "types": tuple(known.get("types", ()))},
        id=layout.id_in(row.key),
        created=str(values[Column.CREATED]),
        modified=str(values[Column.MODIFIED]),
        version=int(values[Column.VERSION]),
    )
