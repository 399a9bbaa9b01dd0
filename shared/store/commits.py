"""Committing a transaction exactly once, although its answer may be lost."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from shared.errors import Uniqueness
from shared.store import layout
from shared.store.changes import Change, void_values
from shared.store.layout import Column
from shared.tables.operations import (
    Delete,
    Insert,
    OperationRejected,
    OutcomeUnknown,
    RowOperation,
    check_transaction,
)
from shared.tables.request_context import RequestContext
from shared.tables.retry import resend, retry_conflicts
from shared.tables.rows import Row
from shared.tables.table import Table


async def commit(
    table: Table, context: RequestContext, change: Change, operations: Sequence[RowOperation]
) -> list[str] | None:
    """Commit operations together with their change row, at most once.

    The change row is the first operation. When an answer is lost the same transaction is sent
    again: if it was committed, the insert of that row is rejected at index 0, and reading the row
    back shows that it is ours. A rejection is for the caller, who builds a new transaction.

    A send whose answer is lost may still be on its way when a resend is rejected. So the key of the
    change row is taken before such a rejection counts: what comes late is then rejected as well.
    That costs a call.

    Returns:
        The new ETags of the operations, in order; None when success is known by the receipt alone.

    Raises:
        Uniqueness: the insert of a claim was rejected.
        OperationRejected: another row was not as expected; read again and repeat.
        Unavailable, TooManyRequests: no clear answer within the attempts or the deadline.
        PayloadTooLarge: a row or the whole is over the limits of the service.
    """
    change = replace(change, released=_released(operations))
    receipt = Insert(layout.new_change_key(), change.values(context, context.next_transaction()))
    transaction = [receipt, *operations]
    check_transaction(transaction)
    may_come_late = False

    async def send() -> list[str] | None:
        nonlocal may_come_late
        try:
            return (await table.transact(context, transaction))[1:]
        except OutcomeUnknown:
            may_come_late = True
            raise
        except OperationRejected as rejection:
            if rejection.index == 0 and await _is_receipt(table, context, receipt):
                return None
            if may_come_late and not await _void(table, context, receipt):
                return None
            raise _interpret(rejection) from rejection

    etags = await resend(context, send)
    context.has_removed |= change.removes_users
    return etags


def _released(operations: Sequence[RowOperation]) -> tuple[str, ...]:
    """Name the values by which the resource is found no more: those whose rows are deleted."""
    deleted = (each.key for each in operations if isinstance(each, Delete))
    return tuple(layout.value_marks_in(deleted))


async def create_once(
    context: RequestContext,
    attempt: Callable[[], Awaitable[None]],
    found: Callable[[], Awaitable[Row | None]],
) -> None:
    """Repeat the creation of a resource after lost races; the id was drawn for this request alone.

    Args:
        context: the request.
        attempt: inserts the resource with its claims.
        found: reads the resource's own row.

    Raises:
        Uniqueness: another resource has the claim.
        Unavailable: as in `retry_conflicts`.
    """
    try:
        await retry_conflicts(context, attempt)
    except Uniqueness:
        # After a repeat the claim in the way may be our own: a transaction that was taken for
        # lost can be committed late.
        if context.transactions < 2 or await found() is None:
            raise


async def _is_receipt(table: Table, context: RequestContext, receipt: Insert) -> bool:
    """Tell whether the row that is in the way of a receipt is that receipt."""
    row = await table.get(context, receipt.key)
    return row is not None and all(
        row.values.get(name) == receipt.values[name]
        for name in (Column.REQUEST_ID, Column.TRANSACTION, Column.VERB)
    )


async def _void(table: Table, context: RequestContext, receipt: Insert) -> bool:
    """Take the key of a receipt, so that its transaction is rejected if it comes late.

    Returns:
        Whether the transaction is not done and never will be; otherwise it is committed.

    Raises:
        Unavailable, TooManyRequests: neither is known.
    """
    void = Insert(receipt.key, void_values(receipt.values))

    async def send() -> bool:
        try:
            await table.transact(context, [void])
        except OperationRejected:
            return not await _is_receipt(table, context, receipt)
        return True

    return await resend(context, send)


def not_unique(claim: Insert) -> Uniqueness:
    """Build the answer about a value that another resource has."""
    case = "" if claim.case_exact else " (letter case does not count)"
    return Uniqueness(
        f"Another resource has this {claim.unique} already{case}. "
        f"Use another {claim.unique}, or look the resource up with a filter and update it.",
        path=claim.unique,
    )


def _interpret(rejection: OperationRejected) -> Exception:
    """Let the rejected operation decide: only a claim that exists already means "not unique"."""
    operation = rejection.operation
    if rejection.status == 409 and isinstance(operation, Insert) and operation.unique is not None:
        return not_unique(operation)
    return rejection
