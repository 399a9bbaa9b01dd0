"""The history of a tenant, its change rows and its provisioning log: how both expire.

A change row is a receipt for a minute, a part of the feed for two (it may become visible that
late), and the audit trail for as long as the operator says. Then it expires. So does an entry of
the log, earlier.
"""

from collections.abc import Sequence

from shared.store import layout
from shared.tables.operations import MAX_TRANSACTION_OPERATIONS, Delete, OperationRejected
from shared.tables.rate_limiter import RateLimiter
from shared.tables.request_context import Bound, RequestContext
from shared.tables.retry import resend
from shared.tables.rows import Span
from shared.tables.table import PAGE_ROWS, Table


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

    async def expire(self, context: RequestContext, before: int, bound: Bound) -> int:
        """Delete the oldest change rows, 100 a transaction; they leave no change rows themselves.

        A call for each 1,000 rows, and one for each 100. Where nothing has expired it is 1 call.
        Only keys below the limit are read, and of the rows nothing but their keys.

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

    async def _expire(self, context: RequestContext, span: Span, bound: Bound) -> int:
        token = None
        expired = 0
        while True:
            page = await self._table.page(context, span, PAGE_ROWS, token, select=())
            keys = [row.key for row in page.rows]
            for start in range(0, len(keys), MAX_TRANSACTION_OPERATIONS):
                if bound.is_reached(context):
                    return expired
                async with self._rate_limiter.limit(context):
                    expired += await self._delete(
                        context, keys[start : start + MAX_TRANSACTION_OPERATIONS]
                    )
            token = page.token
            if token is None:
                return expired

    async def _delete(self, context: RequestContext, keys: Sequence[str]) -> int:
        """Delete some rows in one transaction, which needs no receipt: deleted is deleted.

        It is rejected when a row is gone: another sweeper is at it, or this one was, and the answer
        was lost. What may be left of them is found by the next run.

        Returns:
            How many rows were deleted.
        """
        operations = [Delete(key) for key in keys]

        async def send() -> int:
            try:
                await self._table.transact(context, operations)
            except OperationRejected:
                return 0
            return len(operations)

        return await resend(context, send)
