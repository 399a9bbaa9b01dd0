"""Assertions of OAuth clients that were used: each has a row for as long as it is valid.

The insert of a row decides, so an assertion is used once whatever instance it is sent to. Nothing
of it is kept but a hash.
"""

import secrets

from shared.clock import Clock
from shared.errors import ScimError
from shared.store import layout
from shared.store.layout import Column
from shared.tables.operations import (
    MAX_TRANSACTION_OPERATIONS,
    Delete,
    Insert,
    OperationRejected,
    OutcomeUnknown,
)
from shared.tables.request_context import RequestContext
from shared.tables.retry import resend
from shared.tables.table import Table

CLEAR_EVERY_SECONDS = 3_600.0
"""How often a process looks for rows of a tenant that have expired."""

_MOST_TENANTS = 10_000


class UsedAssertions:
    """The used assertions of every tenant; the context says of which."""

    def __init__(self, table: Table, clock: Clock) -> None:
        """Prepare.

        Args:
            table: the table.
            clock: its wall clock says what has expired.
        """
        self._table = table
        self._clock = clock
        self._cleared_at: dict[str, float] = {}

    async def use(self, context: RequestContext, assertion: str, expires: float) -> bool:
        """Note that an assertion is used. 1 call; once in an hour 2, and 1 more for 100 expired.

        Args:
            context: the request.
            assertion: whose it is, and its id.
            expires: when it is valid no longer, in POSIX seconds; of one assertion always the same.

        Returns:
            Whether it was not used before.

        Raises:
            Unavailable, TooManyRequests: it may be used now, or not.
        """
        key = layout.used_assertion_key(int(expires), assertion)
        receipt = secrets.token_hex(8)

        async def send() -> bool:
            try:
                await self._table.transact(context, [Insert(key, {Column.RECEIPT: receipt})])
            except OperationRejected:
                row = await self._table.get(context, key)
                # It is there by this request where the answer to an earlier send was lost.
                return row is not None and row.values.get(Column.RECEIPT) == receipt
            return True

        is_first = await resend(context, send)
        if is_first and self._is_due(context.tenant):
            await self._clear(context)
        return is_first

    def _is_due(self, tenant: str) -> bool:
        now = self._clock.steady()
        if now - self._cleared_at.get(tenant, -CLEAR_EVERY_SECONDS) < CLEAR_EVERY_SECONDS:
            return False
        if len(self._cleared_at) >= _MOST_TENANTS:
            self._cleared_at.clear()
        self._cleared_at[tenant] = now
        return True

    async def _clear(self, context: RequestContext) -> None:
        """Delete rows that have expired. What fails is left to the next hour."""
        span = layout.used_assertions_before(int(self._clock.wall()))
        try:
            page = await self._table.page(context, span, MAX_TRANSACTION_OPERATIONS, select=())
            if page.rows:
                await self._table.transact(context, [Delete(row.key) for row in page.rows])
        except (OperationRejected, OutcomeUnknown, ScimError):
            return
