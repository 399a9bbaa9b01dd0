"""The history of a tenant, its change rows and its provisioning log: how both expire.

A change row is a receipt for a minute, a part of the feed for two (it may become visible that
late), and the audit trail for as long as the operator says. Then it expires. That of a deleted user
takes along the rows that still tell of it (`shared/store/deleted_users.py`). An entry of the log
expires earlier.
"""

import json
from collections.abc import Iterator, Sequence

from shared.store import layout
from shared.store.changes import GUARD
from shared.store.layout import Column
from shared.tables.operations import MAX_TRANSACTION_OPERATIONS, Delete, OperationRejected
from shared.tables.rate_limiter import RateLimiter
from shared.tables.request_context import Bound, RequestContext
from shared.tables.retry import resend
from shared.tables.rows import Row, Span
from shared.tables.table import PAGE_ROWS, Page, Table

_AHEAD = 86_400_000
"""By how many milliseconds the clock that drew a key may be ahead of ours, and more."""

_MOST_PROBES = 44
"""Halvings of a time, of which there are as many as a time in milliseconds has bits."""

_OF_A_DELETION = (Column.RESOURCE_TYPE, Column.VERB, Column.RESOURCE_ID, Column.RELEASED)
"""What is read of a row that expires: what else goes with it, which the deletion of a user has, and
what was decided about removals that were held."""

_DECISIONS = ("release", "undo")


class History:
    """The change rows and the log of every tenant; the context says of which."""

    def __init__(self, table: Table, rate_limiter: RateLimiter) -> None:
        """Prepare.

        Args:
            table: the table.
            rate_limiter: limits expiry together with the large changes of a tenant.
        """
        self._table = table
        self._rate_limiter = rate_limiter

    async def last_change(self, context: RequestContext, since: int, now: int) -> int | None:
        """Find when the newest change row was drawn; None if none was since a time.

        Table Storage reads forwards only. So rows are read from that time on, and where there are
        more than a page of them the rest is halved until it fits. 1 call where there are up to
        1,000 rows; one more for each halving, 44 at most. Of the rows only the keys are read.

        Args:
            context: the request.
            since: in POSIX milliseconds.
            now: in POSIX milliseconds.
        """
        page, after = await self._first_rows(context, since), now + _AHEAD
        for _ in range(_MOST_PROBES):
            newest = layout.change_time(page.rows[-1].key) if page.rows else after
            if page.token is None or after - newest <= 1:
                break
            middle = (newest + after) // 2
            later = await self._first_rows(context, middle)
            page, after = (later, after) if later.rows else (page, middle)
        return layout.change_time(page.rows[-1].key) if page.rows else None

    async def _first_rows(self, context: RequestContext, since: int) -> Page:
        """Read the first rows of a span: a page may be empty and yet not be the last."""
        span = layout.changes_span(since)
        page = await self._table.page(context, span, PAGE_ROWS, select=())
        while not page.rows and page.token is not None:
            page = await self._table.page(context, span, PAGE_ROWS, page.token, select=())
        return page

    async def expire(self, context: RequestContext, before: int, bound: Bound) -> int:
        """Delete the oldest change rows, 100 a transaction; they leave no change rows themselves.

        A call for each 1,000 rows, and one for each 100 that are deleted. Where nothing has expired
        it is 1 call. Only keys below the limit are read, and of the rows what else goes with them.

        Args:
            context: the run.
            before: in POSIX milliseconds; rows whose keys were drawn earlier have expired.
            bound: how far to go.

        Returns:
            How many rows were deleted, without those that others have deleted meanwhile.
        """
        return await self._expire(context, layout.changes_span(until=before), bound)

    async def expire_log(self, context: RequestContext, before: int, bound: Bound) -> int:
        """Delete entries of the provisioning log, the newest of the expired ones first.

        Calls, arguments and what is returned are as of `expire`.
        """
        return await self._expire(context, layout.log_span_before(before), bound)

    async def expire_trace(self, context: RequestContext, trace_id: str, bound: Bound) -> int:
        """Delete the entries of a trace, whatever their age.

        Calls, arguments and what is returned are as of `expire`.
        """
        return await self._expire(context, layout.trace_entries_span(trace_id), bound)

    async def _expire(self, context: RequestContext, span: Span, bound: Bound) -> int:
        token = None
        expired = 0
        while True:
            page = await self._table.page(context, span, PAGE_ROWS, token, select=_OF_A_DELETION)
            for rows in _batches(page.rows):
                if bound.is_reached(context):
                    return expired
                async with self._rate_limiter.limit(context):
                    expired += await self._delete(context, rows)
            token = page.token
            if token is None:
                return expired

    async def _delete(self, context: RequestContext, rows: Sequence[Row]) -> int:
        """Delete some change rows, and what goes with them, in one transaction.

        Returns:
            How many change rows were deleted.
        """
        operations = [Delete(key) for row in rows for key in _keys(row)]
        return len(rows) if await delete_expired(self._table, context, operations) else 0


async def delete_expired(
    table: Table, context: RequestContext, operations: Sequence[Delete]
) -> bool:
    """Delete rows that have expired, in one transaction.

    It needs no receipt: deleted is deleted. It is rejected when a row is gone: another sweeper is
    at it, or this one was, and the answer was lost. What may be left is found by the next run.

    Returns:
        Whether they were deleted by this call.
    """

    async def send() -> bool:
        try:
            await table.transact(context, operations)
        except OperationRejected:
            return False
        return True

    return await resend(context, send)


def _keys(row: Row) -> list[str]:
    """List the keys of a change row and of what goes with it."""
    resource, verb = row.values.get(Column.RESOURCE_TYPE), row.values.get(Column.VERB)
    if resource == GUARD and verb in _DECISIONS:
        return [row.key, layout.decided_hold_key(str(row.values[Column.RESOURCE_ID]))]
    if (resource, verb) != ("User", "delete"):
        return [row.key]
    marks = json.loads(str(row.values.get(Column.RELEASED, "[]")))
    owner = str(row.values[Column.RESOURCE_ID])
    return [row.key, *(layout.deleted_value_key(mark, owner) for mark in marks)]


def _batches(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Cut change rows into what one transaction deletes, each with all that goes with it."""
    batch: list[Row] = []
    size = 0
    for row in rows:
        more = len(_keys(row))
        if batch and size + more > MAX_TRANSACTION_OPERATIONS:
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += more
    if batch:
        yield batch
