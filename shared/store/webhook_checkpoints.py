"""Checkpoints: how far the deliveries to a webhook endpoint have come, for each tenant a row.

Whatever moves a checkpoint is written in one transaction with the deliveries that it is about,
under the ETag of the row as it was read. So what is behind a checkpoint is delivered, pending or
dead, each in a row. Of two dispatchers at once the second finds its checkpoint refused.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from shared.store import layout
from shared.store.layout import Column, RowKind
from shared.store.webhook_deliveries import DELIVERY_KINDS, DeliveryStream, transact_over
from shared.tables.operations import Delete, Insert, OperationRejected, Replace, RowOperation
from shared.tables.request_context import RequestContext
from shared.tables.retry import resend
from shared.tables.rows import Row, Span, Value
from shared.tables.table import Table, collect

_DELETED_AT_ONCE = 1_000
_IN_A_TRANSACTION = 99


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far the deliveries of a tenant's events to an endpoint have come.

    Times are POSIX milliseconds.

    Attributes:
        position: in the feed, as `shared.webhooks.positions` writes it.
        sent: marks of the events that were told although more may still come before them.
        due: when the next attempt at a pending delivery is due; None where none is pending.
        pending: how many are.
        holder: the run of a dispatcher that sends at present; "" where none does.
        held_until: when it is taken for dead.
        failures: attempts in a row that have failed.
        failing_since: when the first of them was; None where the last one succeeded.
        recovered_at: when an attempt succeeded after so many failures that all the others are due
            again.
        probe_at: when one attempt is made beside the schedule, where too many have failed.
        quiet_until: until when the endpoint wants to be sent nothing.
        lost_before: events from before this time are lost: they had expired before they were sent.
        swept_at: when expired deliveries were deleted last.
        has_redeliveries: whether somebody wants deliveries to be made again now, even where the
            endpoint wants to be sent nothing.
        etag: of the row; "" where there is none yet.
    """

    position: str
    sent: bytes = b""
    due: int | None = None
    pending: int = 0
    holder: str = ""
    held_until: int = 0
    failures: int = 0
    failing_since: int | None = None
    recovered_at: int = 0
    probe_at: int = 0
    quiet_until: int = 0
    lost_before: int | None = None
    swept_at: int = 0
    has_redeliveries: bool = False
    etag: str = ""

    def is_held(self, now: int, holder: str) -> bool:
        """Tell whether another run of a dispatcher is at it."""
        return self.holder not in {"", holder} and now < self.held_until


class WebhookCheckpoints:
    """The checkpoints of every tenant; the context says of which."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def read(self, context: RequestContext, endpoint: str) -> Checkpoint | None:
        """Read a checkpoint; None where nothing was looked at yet. 1 call."""
        row = await self._table.get(context, layout.checkpoint_key(endpoint))
        return None if row is None else _checkpoint(row)

    async def write(
        self,
        context: RequestContext,
        endpoint: str,
        checkpoint: Checkpoint,
        operations: Sequence[RowOperation] = (),
    ) -> Checkpoint:
        """Write a checkpoint in the place of that whose ETag it has, with deliveries. 1 call.

        Raises:
            OperationRejected: another one has been written meanwhile.
            Unavailable, TooManyRequests: it may be written or not.
        """
        key, receipt = layout.checkpoint_key(endpoint), secrets.token_hex(8)
        values = {**_values(checkpoint), Column.REQUEST_ID: receipt}
        etag = checkpoint.etag
        write = Replace(key, values, etag) if etag else Insert(key, values)

        async def send() -> str:
            try:
                return await transact_over(self._table, context, write, operations)
            except OperationRejected as rejection:
                # An answer may have been lost: then the row is the one that was to be written.
                row = await self._table.get(context, key) if rejection.index == 0 else None
                if row is None or row.values.get(Column.REQUEST_ID) != receipt:
                    raise
                return row.etag

        return replace(checkpoint, etag=await resend(context, send))

    async def expire(self, context: RequestContext, stream: DeliveryStream, before: int) -> int:
        """Delete deliveries, done and dead, of events from before a time; return how many.

        1 call for each kind, and one for each 99 deliveries; up to 1,000 of each.
        """
        return await self._delete(
            context,
            *(
                layout.deliveries_between(kind, stream.endpoint, 1, before)
                for kind in (DELIVERY_KINDS["delivered"], DELIVERY_KINDS["dead"])
            ),
        )

    async def list_endpoints(self, context: RequestContext) -> set[str]:
        """Name the endpoints that have a checkpoint, deleted ones too. 1 call."""
        span = layout.kind_span(RowKind.DELIVERY_CHECKPOINT)
        return {layout.id_in(row.key) for row in await collect(self._table, context, span)}

    async def delete_all(self, context: RequestContext, endpoint: str) -> None:
        """Delete the deliveries to an endpoint that was deleted, and then its checkpoint.

        3 calls, and one for each 99 deliveries; of more than 1,000 of a state some are left, with
        the checkpoint, for the next time.
        """
        spans = [layout.deliveries_span(kind, endpoint) for kind in DELIVERY_KINDS.values()]
        if await self._delete(context, *spans) < _DELETED_AT_ONCE:
            await self._table.transact(context, [Delete(layout.checkpoint_key(endpoint))])

    async def _delete(self, context: RequestContext, *spans: Span) -> int:
        """Delete rows, up to 1,000 of each span; return how many."""
        deleted = 0
        for span in spans:
            rows = await collect(self._table, context, span, _DELETED_AT_ONCE, select=())
            for start in range(0, len(rows), _IN_A_TRANSACTION):
                some = rows[start : start + _IN_A_TRANSACTION]
                try:
                    await self._table.transact(context, [Delete(row.key) for row in some])
                except OperationRejected:
                    return deleted  # somebody else is at it
                deleted += len(some)
        return deleted


def _values(checkpoint: Checkpoint) -> dict[str, Value]:
    document = {name: getattr(checkpoint, name) for name in _IN_DOCUMENT}
    values: dict[str, Value] = {**layout.pack_document(document)}
    if checkpoint.sent:
        values[Column.SENT] = checkpoint.sent
    if checkpoint.due is not None:
        values[Column.DUE] = str(checkpoint.due)
    if checkpoint.has_redeliveries:
        values[Column.HAS_REDELIVERIES] = 1
    return values


def _checkpoint(row: Row) -> Checkpoint:
    document = layout.unpack_document(row.values)
    known: dict[str, Any] = {name: document[name] for name in _IN_DOCUMENT if name in document}
    sent, due = row.values.get(Column.SENT, b""), row.values.get(Column.DUE)
    return Checkpoint(
        **known,
        sent=sent if isinstance(sent, bytes) else b"",
        due=None if due is None else int(due),
        has_redeliveries=Column.HAS_REDELIVERIES in row.values,
        etag=row.etag,
    )


_BESIDE_DOCUMENT = {"sent", "due", "has_redeliveries", "etag"}
_IN_DOCUMENT = tuple(each.name for each in fields(Checkpoint) if each.name not in _BESIDE_DOCUMENT)
