"""Whether the table takes writes: a row that is committed, read back and removed.

The row lies in a partition that is no tenant's, under a key of the form of change rows: drawn for
each check, so that instances that start at the same time do not meet, and with its time in it.
"""

from contextlib import suppress

from shared.errors import Unavailable
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
from shared.tables.retry import RETRY_POLICY, retries_exhausted
from shared.tables.rows import Row
from shared.tables.table import Table, collect

REMAINS_MILLISECONDS = 600_000
"""Age at which a row was left by a check that was broken off: none takes so long."""


class NotAsWrittenError(Unavailable):
    """The storage does not do what it answers, or its answers are read wrongly."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"The storage does not do what it answers: {what}. SCIM_TABLE_CLIENT=sdk serves with"
            " the other client; `tools.admin storage verify` tells them apart.",
            retry_after=RETRY_POLICY.retry_after_refused,
        )


async def check_writes(table: Table, context: RequestContext) -> None:
    """Commit a row, read it back and remove it. 3 calls; one more where others have left rows.

    Nothing is sent twice: who wants to know asks again.

    Args:
        table: what is checked.
        context: its tenant is the partition to write to.

    Raises:
        NotAsWrittenError: the answers contradict each other.
        Unavailable, TooManyRequests: a step was refused, or not answered. What was committed then
            stays until a later check removes it.
    """
    key = layout.new_change_key()
    try:
        (etag,) = await table.transact(
            context, [Insert(key, {Column.REQUEST_ID: context.request_id})]
        )
        rows = await collect(table, context, layout.changes_span())
        if (key, etag) not in {(row.key, row.etag) for row in rows}:
            raise NotAsWrittenError("a row that was committed is not read back")
        await table.transact(context, [Delete(key, etag)])
    except OutcomeUnknown as failure:
        raise retries_exhausted(failure) from failure
    except OperationRejected as rejection:
        raise NotAsWrittenError("a row that was just read is not removed") from rejection
    await _remove_remains(table, context, rows, layout.change_time(key))


async def _remove_remains(table: Table, context: RequestContext, rows: list[Row], now: int) -> None:
    """Remove what checks that were broken off have left; no call where that is nothing."""
    before = now - REMAINS_MILLISECONDS
    remains = [Delete(row.key) for row in rows if layout.change_time(row.key) < before]
    if remains:
        # Another instance may do the same; what stays is removed by the next check.
        with suppress(OperationRejected, OutcomeUnknown):
            await table.transact(context, remains[:MAX_TRANSACTION_OPERATIONS])
