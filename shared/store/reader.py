"""Reading many rows of one kind: a page by ordinal, all in turn, the owners of a value."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from shared.store import layout
from shared.store.counters import Counters
from shared.store.layout import Column
from shared.tables.request_context import RequestContext
from shared.tables.rows import Row
from shared.tables.table import ContinuationToken, Table, collect, read_both


@dataclass(frozen=True, slots=True)
class RowPage:
    """The rows of a page in id order, and how many there are in all."""

    total: int
    rows: list[Row]


async def read_page(
    table: Table, context: RequestContext, kind: str, counters: Counters, place: tuple[int, int]
) -> RowPage:
    """Read a page of rows in id order.

    The counters tell in which slot the page begins, so that only the rows of that slot are passed
    over. 2 calls for up to 1,000 rows, those included; 1 for `count` 0 and past the end. The first
    page begins with the first row, so both calls are made at the same time, even where the first
    one would have told that there are no rows.

    Args:
        table: the table.
        context: the request.
        kind: `u`, `g`, or `r` and a type (`layout.custom`).
        counters: of that kind.
        place: 1-based index of the first row, and how many rows.
    """
    start_index, count = place
    if start_index == 1 and count:
        first_rows = collect(table, context, layout.kind_span(kind), count)
        totals, rows = await read_both(counters.totals(context), first_rows)
        return RowPage(totals.total, rows)
    totals = await counters.totals(context)
    position = totals.locate(start_index - 1) if count else None
    if position is None:
        return RowPage(totals.total, [])
    span = layout.kind_span(kind, position.slot)
    rows = await collect(table, context, span, position.skip + count)
    return RowPage(totals.total, rows[position.skip :])


async def rows_after(
    table: Table, context: RequestContext, kind: str, place: tuple[str, int]
) -> list[Row]:
    """Read rows in id order, from behind an id on. A call for each 1,000.

    Args:
        table: the table.
        context: the request.
        kind: `u`, `g`, or `r` and a type (`layout.custom`).
        place: the id ("" is before all), which need not be there any more; and how many rows.
    """
    last_id, count = place
    return await collect(table, context, layout.span_after(kind, last_id), count)


async def pages(
    table: Table, context: RequestContext, kind: str, last_id: str = ""
) -> AsyncIterator[list[Row]]:
    """Read all rows of a kind in id order, or those behind an id, 1,000 a call; not bounded."""
    token: ContinuationToken | None = None
    while True:
        page = await table.page(context, layout.span_after(kind, last_id), token=token)
        yield page.rows
        token = page.token
        if token is None:
            return


async def owners_of(table: Table, context: RequestContext, kind: str, value: str) -> list[str]:
    """List the ids of those who have a value; `kind` as in `layout.owners_span`.

    A call for each 1,000.
    """
    rows = await collect(table, context, layout.owners_span(kind, value))
    return [str(row.values[Column.OWNER]) for row in rows if row.values[Column.VALUE] == value]
