"""What the store needs of a table: get, page, transact; and the reading of many rows."""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from shared.tables.operations import RowOperation
from shared.tables.request_context import RequestContext
from shared.tables.rows import Row, Span

ContinuationToken = dict[str, str]
"""The service's continuation token; opaque, good for the next page of the same query only."""

Selection = Sequence[str] | None
"""Properties to read of each row besides its key, each text or a number of 32 bits. The rows are
smaller then, and come without their ETags. None reads all of every row."""

PAGE_ROWS = 1_000
"""Rows that the service returns in one page at most."""

_PARALLEL_READS = 100
"""Reads that one request has under way; as many calls as the table lets a tenant have."""

_T = TypeVar("_T")
_U = TypeVar("_U")


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in key order, and the token of the next page; a page may be empty and still have one."""

    rows: list[Row]
    token: ContinuationToken | None


class Table(Protocol):
    """What the store needs of a table whose partition is the context's tenant."""

    async def get(self, context: RequestContext, key: str) -> Row | None:
        """Read one row; None when there is none. One call."""
        ...

    async def page(
        self,
        context: RequestContext,
        span: Span,
        limit: int = PAGE_ROWS,
        token: ContinuationToken | None = None,
        select: Selection = None,
    ) -> Page:
        """Read up to `limit` (at most 1,000) rows of a span in key order. One call."""
        ...

    async def transact(
        self, context: RequestContext, operations: Sequence[RowOperation]
    ) -> list[str]:
        """Commit 1 to 100 operations on different rows atomically. One call.

        Returns:
            The new ETag of each row, in order; "" for a deleted one.

        Raises:
            OperationRejected: not committed, because an operation met 404, 409 or 412.
            OutcomeUnknown: it may be committed or not.
        """
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


async def collect(
    table: Table,
    context: RequestContext,
    span: Span,
    limit: int | None = None,
    select: Selection = None,
) -> list[Row]:
    """Read the rows of a span in key order, at most `limit`; a call for each 1,000 rows.

    The loop ends on the continuation token: a page may be short, or empty, and not the last.
    """
    rows: list[Row] = []
    token: ContinuationToken | None = None
    while limit is None or len(rows) < limit:
        wanted = PAGE_ROWS if limit is None else min(PAGE_ROWS, limit - len(rows))
        page = await table.page(context, span, wanted, token, select)
        rows += page.rows
        token = page.token
        if token is None:
            break
    return rows


async def get_all(table: Table, context: RequestContext, keys: Sequence[str]) -> list[Row | None]:
    """Read rows by key, in parallel, None where there is none. A call each.

    Not all at once: a read that waits for a connection would use up its time before it is sent.
    """
    rows: list[Row | None] = []
    for start in range(0, len(keys), _PARALLEL_READS):
        some = keys[start : start + _PARALLEL_READS]
        if len(some) == 1:
            rows.append(await table.get(context, some[0]))  # needs no task of its own
            continue
        rows += await asyncio.gather(*(table.get(context, key) for key in some))
    return rows


async def read_both(one: Coroutine[Any, Any, _T], other: Coroutine[Any, Any, _U]) -> tuple[_T, _U]:
    """Run two reads at the same time, as `read_side_by_side` does."""
    first, second = asyncio.ensure_future(one), asyncio.ensure_future(other)
    await _wait_for_all(first, second)
    return first.result(), second.result()


async def read_side_by_side(reads: Sequence[Coroutine[Any, Any, _T]]) -> list[_T]:
    """Run reads at the same time. None goes on when one fails, or this is cancelled.

    Raises:
        Exception: what the first one to fail has raised, as it is.
    """
    tasks = [asyncio.ensure_future(read) for read in reads]
    await _wait_for_all(*tasks)
    return [task.result() for task in tasks]


async def _wait_for_all(*reads: asyncio.Future[Any]) -> None:
    try:
        await asyncio.gather(*reads)
    except BaseException:
        for read in reads:
            read.cancel()
        await asyncio.wait(reads)
        raise
