"""Traces: while one is open the requests of a tenant are kept with their values, sealed.

That one is open stands in the tenant's row of settings, which every process reads once a minute
anyway. So a request makes no call to know it. Besides, each trace has a record among what is left
for the sweeper, which takes the entries away some days after the end, and the record with them.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from shared.clock import Clock
from shared.store import layout
from shared.store.history import History
from shared.store.layout import Column, pack_document, unpack_document
from shared.store.open_trace import TRACE_FIELD, OpenTrace
from shared.store.tenant_settings import TenantSettingsStore
from shared.tables.operations import Delete, Insert, OperationRejected
from shared.tables.request_context import Bound, RequestContext
from shared.tables.retry import resend
from shared.tables.rows import Row
from shared.tables.table import Table, collect

KEPT_SECONDS: Final = 3 * 86_400
"""How long the entries of a trace are kept after its end."""

TRANSACTION_ENTRIES: Final = 40
"""Entries of 64 KiB that fit into a transaction."""

_PAGE_ENTRIES = 100


class TraceIsOpenError(Exception):
    """A trace of the tenant is open already."""


@dataclass(frozen=True, slots=True)
class SealedEntry:
    """An entry of a trace as it lies in the table.

    Attributes:
        key: the key of its row, which sorts by time.
        content: what was sealed.
    """

    key: str
    content: bytes

    @property
    def time(self) -> int:
        """When the request came, in POSIX milliseconds."""
        return layout.trace_entry_time(self.key)


def trace_place(tenant: str, key: str) -> str:
    """Name the place of an entry, which its seal is bound to: the row, which names the trace."""
    return f"{tenant}/{key}"


class Traces:
    """The traces of every tenant; the context says of which."""

    def __init__(
        self,
        table: Table,
        beside: Table,
        settings: TenantSettingsStore,
        history: History,
        clock: Clock,
    ) -> None:
        """Prepare.

        Args:
            table: the table.
            beside: the same table, for what is written when a request is answered.
            settings: where it stands which trace is open.
            history: deletes the entries.
            clock: the time by which traces end and expire.
        """
        self._table = table
        self._beside = beside
        self._settings = settings
        self._history = history
        self._clock = clock

    def latest(self, tenant: str) -> OpenTrace | None:
        """Return the trace that is open, as it was read last, without waiting for anything."""
        kept = self._settings.latest_kept(tenant)
        return None if kept is None else self._open_in(kept.document)

    async def read(self, context: RequestContext) -> OpenTrace | None:
        """Read which trace is open. 1 call."""
        return self._open_in((await self._settings.read(context)).document)

    async def open(self, context: RequestContext, trace: OpenTrace) -> None:
        """Open a trace. 2 calls.

        Raises:
            TraceIsOpenError: one is open already.
        """

        def opened(document: Mapping[str, Any]) -> dict[str, Any]:
            if self._open_in(document) is not None:
                raise TraceIsOpenError
            return {**document, TRACE_FIELD: trace.document()}

        record = Insert(layout.trace_key(trace.id), pack_document(trace.document()))
        await self._settings.update(context, opened, beside=[record])

    async def close(self, context: RequestContext) -> None:
        """Close the trace that is open, if one is. 2 calls; 1 where none was opened."""

        def closed(document: Mapping[str, Any]) -> dict[str, Any]:
            return {name: value for name, value in document.items() if name != TRACE_FIELD}

        await self._settings.update(context, closed)

    async def kept(self, context: RequestContext) -> list[OpenTrace]:
        """List the traces whose entries may be there, the oldest first. 1 call."""
        rows = await collect(self._table, context, layout.traces_span())
        found = (_trace_in(row) for row in rows)
        return [each for each in found if each is not None]

    async def write(self, context: RequestContext, entries: Sequence[SealedEntry]) -> None:
        """Write up to 40 entries in one transaction. 1 call.

        Raises:
            Unavailable, TooManyRequests: they may be written or not; the same may be tried again.
        """
        inserts = [Insert(each.key, {Column.SEALED: each.content}) for each in entries]

        async def send() -> None:
            try:
                await self._beside.transact(context, inserts)
            except OperationRejected:
                return  # it is there: the answer to the first send was lost

        await resend(context, send)

    async def count(self, context: RequestContext, trace_id: str, limit: int) -> int:
        """Count the entries of a trace, up to a limit. A call for each 1,000."""
        span = layout.trace_entries_span(trace_id)
        return len(await collect(self._beside, context, span, limit, select=()))

    async def entries(
        self, context: RequestContext, trace_id: str, since: int = 0
    ) -> AsyncIterator[SealedEntry]:
        """Read the entries of a trace, the oldest first. A call for each 100, or 4 MiB.

        Args:
            context: the request.
            trace_id: of the trace.
            since: from when on, in POSIX milliseconds.
        """
        span, token = layout.trace_entries_span(trace_id, since), None
        while True:
            page = await self._table.page(context, span, _PAGE_ENTRIES, token)
            for row in page.rows:
                content = row.values[Column.SEALED]
                yield SealedEntry(row.key, content if isinstance(content, bytes) else b"")
            token = page.token
            if token is None:
                return

    async def expire(self, context: RequestContext, key: str, bound: Bound) -> int:
        """Delete the entries of a trace that ended days ago, then its record.

        1 call for the record; then those of `History.expire_trace`, and 1.

        Args:
            context: the run.
            key: of the record.
            bound: how far to go.

        Returns:
            How many entries were deleted.
        """
        row = await self._table.get(context, key)
        trace = None if row is None else _trace_in(row)
        if trace is None or self._clock.wall() < trace.until + KEPT_SECONDS:
            return 0
        expired = await self._history.expire_trace(context, trace.id, bound)
        if not bound.is_reached(context):
            await self._delete_record(context, key)
        return expired

    async def _delete_record(self, context: RequestContext, key: str) -> None:
        async def send() -> None:
            try:
                await self._table.transact(context, [Delete(key)])
            except OperationRejected:
                return  # another run was faster

        await resend(context, send)

    def _open_in(self, document: Mapping[str, Any]) -> OpenTrace | None:
        trace = OpenTrace.read(document)
        return trace if trace is not None and self._clock.wall() < trace.until else None


def _trace_in(row: Row) -> OpenTrace | None:
    return OpenTrace.read({TRACE_FIELD: unpack_document(row.values)})
