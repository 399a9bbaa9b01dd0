"""Deliveries: what became of each event that was sent to a webhook endpoint, or is to be.

They lie in the partition of the tenant whose event it is, by state. One that changes its state
moves from one key to another in the transaction of the checkpoint (`webhook_checkpoints`).
"""

import heapq
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from shared.clock import Clock
from shared.errors import InvalidValue
from shared.store import layout
from shared.store.layout import Column, RowKind
from shared.tables.operations import (
    Delete,
    Insert,
    Merge,
    OperationRejected,
    Replace,
    RowOperation,
)
from shared.tables.request_context import RequestContext
from shared.tables.retry import retry_conflicts
from shared.tables.rows import ANY_ETAG, Row, Span, Values
from shared.tables.table import Table, collect, get_all

DeliveryState = Literal["pending", "delivered", "dead"]

DELIVERY_KINDS: Final[dict[DeliveryState, str]] = {
    "pending": RowKind.DELIVERY_PENDING.value,
    "delivered": RowKind.DELIVERY_DONE.value,
    "dead": RowKind.DELIVERY_DEAD.value,
}

MOST_REDELIVERED = 1_000
"""Deliveries that one call makes pending again."""

_IN_A_TRANSACTION = 40
"""Deliveries, each of which takes up to two operations; one more changes the checkpoint."""

_STATES: Final[dict[str, DeliveryState]] = {kind: state for state, kind in DELIVERY_KINDS.items()}
_EVENT_ID = re.compile(r"[0-9a-f]{32}(-[a-z-]{1,20})?")


def is_event_id(text: str) -> bool:
    """Tell whether a text has the form of the id of an event."""
    return _EVENT_ID.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event on its way to an endpoint. Times are POSIX milliseconds.

    Attributes:
        id: of the event, and `webhook-id` of each attempt.
        endpoint: id of the webhook endpoint.
        tenant: whose event it is.
        type: of the event.
        state: `pending` is yet to be sent, at first or once more; `dead` is sent no more, unless
            somebody asks for it.
        attempts: how many there were, those before a redelivery included.
        attempts_before: how many of them were made before the last redelivery. The schedule counts
            those after it.
        redelivered: when somebody wanted it to be made again last; None for never.
        last_attempt: when the last one was; None before the first.
        next_attempt: when the next one is due; None unless it is pending.
        status: HTTP status of the last answer; None where there was none.
        latency_ms: how long the last attempt took.
        error: why the last attempt has failed; None where it has not.
        answer: the first 1,024 bytes of the last answer, as text.
        body: what is sent: the event as JSON.
    """

    id: str
    endpoint: str
    tenant: str
    type: str
    state: DeliveryState = "pending"
    attempts: int = 0
    attempts_before: int = 0
    redelivered: int | None = None
    last_attempt: int | None = None
    next_attempt: int | None = None
    status: int | None = None
    latency_ms: int | None = None
    error: str | None = None
    answer: str | None = None
    body: str = ""

    @property
    def key(self) -> str:
        """The key of its row."""
        return layout.delivery_key(DELIVERY_KINDS[self.state], self.endpoint, self.id)

    def made_again(self, now: int) -> "Delivery":
        """Begin its schedule anew, with an attempt at once; what was tried stays to be seen."""
        return replace(
            self,
            state="pending",
            attempts_before=self.attempts,
            redelivered=now,
            next_attempt=now,
        )

    def insertion(self) -> Insert:
        """Write it as a row."""
        document = {name: getattr(self, name) for name in _IN_DOCUMENT}
        told = {name: value for name, value in document.items() if value is not None}
        return Insert(self.key, layout.pack_document(told))


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """Deliveries, those of the newest events first, and where the next page begins.

    Attributes:
        deliveries: of the page.
        cursor: what to ask the next page with; None where there is none.
    """

    deliveries: list[Delivery]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class DeliveryStream:
    """The deliveries of the events of one tenant to one endpoint.

    Attributes:
        endpoint: id of the endpoint.
        tenant: whose events.
    """

    endpoint: str
    tenant: str


@dataclass(frozen=True, slots=True)
class Redelivery:
    """Which deliveries are to be made again; all dead ones, if nothing is said.

    Attributes:
        ids: of events, in whatever state; those of which nothing is known are passed over.
        since: those of events from this time on, in whatever state; POSIX milliseconds.
        until: those of events before this time.
    """

    ids: tuple[str, ...] | None = None
    since: int | None = None
    until: int | None = None

    @property
    def is_by_time(self) -> bool:
        """Whether deliveries are meant by the time of their events."""
        return self.ids is None and not (self.since is None and self.until is None)


@dataclass(frozen=True, slots=True)
class RedeliveryResult:
    """What was made again.

    Attributes:
        number: how many deliveries.
        until: where they were meant by time and there may be more, the end of the time with which
            to go on; POSIX milliseconds.
        has_more: whether there may be more.
    """

    number: int
    until: int | None
    has_more: bool


class WebhookDeliveries:
    """The deliveries of every tenant and endpoint."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    async def page(
        self,
        context: RequestContext,
        stream: DeliveryStream,
        state: DeliveryState | None,
        limit: int,
        cursor: str | None = None,
    ) -> DeliveryPage:
        """Read deliveries, those of the newest events first. 1 call; 3 where all states are meant.

        Args:
            context: the request, of whatever tenant; what this costs is counted there.
            stream: of which endpoint and tenant.
            state: of the deliveries; None for all.
            limit: how many at most, up to 999.
            cursor: of the page before.

        Raises:
            InvalidValue: the cursor is of no page.
        """
        if cursor is not None and not is_event_id(cursor):
            raise InvalidValue(
                "This cursor was not given out here. Send that of the last answer as it was.",
                path="cursor",
            )
        own = replace(context, tenant=stream.tenant)
        pages: list[Sequence[Row]] = []
        for each in DELIVERY_KINDS if state is None else (state,):
            span = layout.deliveries_span(DELIVERY_KINDS[each], stream.endpoint, cursor or "")
            pages.append(await collect(self._table, own, span, limit + 1))
        rows = list(heapq.merge(*pages, key=lambda row: layout.order_in(row.key)))
        found = [delivery_of(row, stream) for row in rows[:limit]]
        return DeliveryPage(found, found[-1].id if len(rows) > limit else None)

    async def count(
        self, context: RequestContext, stream: DeliveryStream, state: DeliveryState, most: int
    ) -> int:
        """Count deliveries in a state, up to a number. 1 call for each 1,000."""
        own = replace(context, tenant=stream.tenant)
        span = layout.deliveries_span(DELIVERY_KINDS[state], stream.endpoint)
        return len(await collect(self._table, own, span, most, select=()))

    async def read_pending(
        self, context: RequestContext, stream: DeliveryStream, limit: int
    ) -> list[Delivery]:
        """Read what is yet to be sent, of the newest events first. 1 call for each 1,000."""
        span = layout.deliveries_span(DELIVERY_KINDS["pending"], stream.endpoint)
        rows = await collect(self._table, context, span, limit)
        return [delivery_of(row, stream) for row in rows]

    async def read_pending_among(
        self, context: RequestContext, stream: DeliveryStream, ids: Iterable[str]
    ) -> dict[str, Delivery]:
        """Read those of some deliveries that are pending. 1 call for each, several at once."""
        kind = DELIVERY_KINDS["pending"]
        keys = [layout.delivery_key(kind, stream.endpoint, each) for each in ids]
        rows = await get_all(self._table, context, keys)
        found = [delivery_of(row, stream) for row in rows if row is not None]
        return {each.id: each for each in found}

    async def redeliver(
        self, context: RequestContext, stream: DeliveryStream, wanted: Redelivery
    ) -> "RedeliveryResult":
        """Make deliveries again: their schedule begins anew, with an attempt at once.

        Of one that is pending the next attempt is made now, whatever its schedule or a
        `Retry-After` has said. The caller gives a hint of it (`ChangeHints.give`), or the timer
        finds them.

        Args:
            context: the request, of whatever tenant.
            stream: of which endpoint and tenant.
            wanted: which deliveries.

        Returns:
            How many, of the newest events first, and whether there may be more.
        """
        own = replace(context, tenant=stream.tenant)
        found = (await self._wanted(own, stream.endpoint, wanted))[:MOST_REDELIVERED]
        has_more = len(found) == MOST_REDELIVERED
        again = 0
        for start in range(0, len(found), _IN_A_TRANSACTION):
            again += await self._revive(own, stream, found[start : start + _IN_A_TRANSACTION])
        until = None
        if has_more and wanted.is_by_time:
            # One would suffice, but to write the time as text may lose a millisecond.
            until = layout.event_time(layout.event_id_in(found[-1].key)) + 2
        return RedeliveryResult(again, until, has_more=has_more)

    async def _wanted(self, own: RequestContext, endpoint: str, wanted: Redelivery) -> list[Row]:
        if wanted.ids is not None:
            return await self._named(own, endpoint, wanted.ids)
        if not wanted.is_by_time:
            span = layout.deliveries_span(DELIVERY_KINDS["dead"], endpoint)
            return await collect(self._table, own, span, MOST_REDELIVERED)
        return await self._between(own, endpoint, wanted.since or 0, wanted.until)

    async def _named(self, own: RequestContext, endpoint: str, ids: Collection[str]) -> list[Row]:
        known = [each for each in dict.fromkeys(ids) if is_event_id(each)]
        keys = [
            layout.delivery_key(DELIVERY_KINDS[state], endpoint, each)
            for each in known[:MOST_REDELIVERED]
            for state in DELIVERY_KINDS
        ]
        rows = await get_all(self._table, own, keys)
        return [row for row in rows if row is not None]

    async def _between(
        self, own: RequestContext, endpoint: str, since: int, until: int | None
    ) -> list[Row]:
        end = int(self._clock.wall() * 1_000) + 1 if until is None else until
        spans: list[Span] = [
            layout.deliveries_between(DELIVERY_KINDS[state], endpoint, since, end)
            for state in DELIVERY_KINDS
        ]
        found = [await collect(self._table, own, span, MOST_REDELIVERED) for span in spans]
        return list(heapq.merge(*found, key=lambda row: layout.order_in(row.key)))

    async def _revive(
        self, own: RequestContext, stream: DeliveryStream, rows: Sequence[Row]
    ) -> int:
        """Make deliveries pending and due now, and mark the checkpoint for the dispatcher."""
        now = int(self._clock.wall() * 1_000)
        mark: Values = {Column.DUE: str(now), Column.HAS_REDELIVERIES: 1}
        due = Merge(layout.checkpoint_key(stream.endpoint), mark)
        keys = [row.key for row in rows]

        async def attempt() -> int:
            # Read again: the dispatcher, or another redelivery, may have moved some.
            present = [row for row in await get_all(self._table, own, keys) if row is not None]
            operations: list[RowOperation] = []
            for row in present:
                pending = delivery_of(row, stream).made_again(now).insertion()
                if pending.key == row.key:
                    operations.append(Replace(row.key, pending.values, row.etag))
                else:
                    operations += [Delete(row.key, row.etag), pending]
            if present:
                await transact_over(self._table, own, due, operations)
            return len(present)

        return await retry_conflicts(own, attempt)


async def transact_over(
    table: Table,
    own: RequestContext,
    checkpoint: RowOperation,
    operations: Sequence[RowOperation],
) -> str:
    """Commit a change of the checkpoint with changes of deliveries; return the ETag of the former.

    The checkpoint alone decides. An event may be told twice, and two dispatchers may meet: a
    delivery that is there already is written over, and one that is gone need not be deleted.

    Raises:
        OperationRejected: the checkpoint, or a delivery under its ETag, is not as it was read.
        OutcomeUnknown: it may be committed or not.
    """
    kept = {operation.key: operation for operation in operations}
    # Each attempt mends one operation. The bound ends it where somebody undoes what is mended.
    for _ in range(2 * len(kept)):
        try:
            return (await table.transact(own, [checkpoint, *kept.values()]))[0]
        except OperationRejected as rejection:
            if rejection.index == 0 or not _mend(kept, rejection):
                raise
    return (await table.transact(own, [checkpoint, *kept.values()]))[0]


def _mend(kept: dict[str, RowOperation], rejection: OperationRejected) -> bool:
    """Change what was rejected so that it does what was meant; tell whether that can be done."""
    operation, key = rejection.operation, rejection.operation.key
    if isinstance(operation, Insert) and rejection.status == 409:
        kept[key] = Replace(key, operation.values, ANY_ETAG)
    elif isinstance(operation, Replace) and rejection.status == 404:
        kept[key] = Insert(key, operation.values)
    elif isinstance(operation, Delete) and rejection.status == 404:
        del kept[key]
    else:
        return False
    return True


def delivery_of(row: Row, stream: DeliveryStream) -> Delivery:
    """Read a delivery out of its row."""
    document = layout.unpack_document(row.values)
    # An instance of a later version may have written more.
    known: dict[str, Any] = {name: document[name] for name in _IN_DOCUMENT if name in document}
    return Delivery(
        id=layout.event_id_in(row.key),
        endpoint=stream.endpoint,
        tenant=stream.tenant,
        state=_STATES[layout.kind_in(row.key)],
        **known,
    )


_IN_DOCUMENT = (
    *("type", "attempts", "attempts_before", "redelivered", "last_attempt", "next_attempt"),
    *("status", "latency_ms", "error", "answer", "body"),
)
