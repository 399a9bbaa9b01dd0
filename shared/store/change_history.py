"""The change rows of one resource, searched for from now back, within bounds.

No row says where the changes of a resource are, so all are read, up to a number. Of a deletion that
is known: what is known of a deleted user says when it was.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from shared.store import layout
from shared.store.changes import RecordedChange, recorded
from shared.store.deleted_users import DeletedUser
from shared.tables.request_context import RequestContext
from shared.tables.rows import Row, Span
from shared.tables.table import PAGE_ROWS, Table, collect

_FIRST_SPAN = 3_600_000
_WIDEN = 6

_COMMIT = 60_000
"""How many milliseconds after its time a deletion is committed at most, by the deadline of
requests."""


@dataclass(frozen=True, slots=True)
class Lookback:
    """How far a search goes back.

    Attributes:
        until: to which time, in POSIX milliseconds.
        rows: how many rows are read, but for the rest of a page.
        rows_a_call: how many of them by a call.
    """

    until: int
    rows: int
    rows_a_call: int = PAGE_ROWS


@dataclass(frozen=True, slots=True)
class ChangeHistory:
    """What was found of one resource.

    Attributes:
        changes: oldest first.
        since: from here on nothing is missing, in POSIX milliseconds.
        is_whole: whether that reaches back to where it was to go.
    """

    changes: list[RecordedChange]
    since: int
    is_whole: bool


def is_done(recorded_change: RecordedChange) -> bool:
    """Tell whether a row records a change: not one that was given up, nor one told again."""
    return recorded_change.change.verb != "void" and not recorded_change.retold


async def read_back(  # noqa: PLR0913 - each bounds what is read
    table: Table,
    context: RequestContext,
    is_wanted: Callable[[RecordedChange], bool],
    now: int,
    lookback: Lookback,
    *,
    is_candidate: Callable[[Row], bool] | None = None,
) -> ChangeHistory:
    """Read the changes of one resource: the last hour first, then ever longer spans before it.

    A call for each 1,000 rows and each span; to a time a year ago there are 7 spans.

    Args:
        table: the table.
        context: the request.
        is_wanted: tells a change of the resource from others.
        now: in POSIX milliseconds.
        lookback: how far to go.
        is_candidate: passes over rows by their properties, before they are parsed. For as many rows
            as are not parsed in one go.
    """
    found: list[RecordedChange] = []
    end: int | None = None
    complete, width, rows_left = now, _FIRST_SPAN, lookback.rows
    while complete > lookback.until:
        start = max(complete - width, lookback.until)
        span = layout.changes_span(start, end)
        rows, number, is_all = await _up_to(
            table, context, span, replace(lookback, rows=rows_left), is_candidate
        )
        if len(rows) > PAGE_ROWS:
            found = await asyncio.to_thread(_wanted_of, rows, is_wanted) + found
        else:
            found = _wanted_of(rows, is_wanted) + found
        if not is_all:
            return ChangeHistory(found, complete, is_whole=False)
        rows_left -= number
        complete = end = start
        width *= _WIDEN
    return ChangeHistory(found, complete, is_whole=True)


def _wanted_of(
    rows: Iterable[Row], is_wanted: Callable[[RecordedChange], bool]
) -> list[RecordedChange]:
    return [each for each in map(recorded, rows) if is_done(each) and is_wanted(each)]


async def read_deletion(
    table: Table, context: RequestContext, user: DeletedUser
) -> list[RecordedChange]:
    """Read the change row of a user's deletion: one, or none if it has expired. 1 call."""
    began = int(datetime.fromisoformat(user.deleted).timestamp() * 1_000)
    rows = await collect(table, context, layout.changes_span(began, began + _COMMIT), PAGE_ROWS)
    changes = map(recorded, rows)
    return [
        each
        for each in changes
        if each.change.id == user.id and each.change.verb == "delete" and not each.retold
    ]


async def _up_to(
    table: Table,
    context: RequestContext,
    span: Span,
    bound: Lookback,
    is_candidate: Callable[[Row], bool] | None,
) -> tuple[list[Row], int, bool]:
    """Read the rows of a span up to a number; tell how many, and whether these are all."""
    rows: list[Row] = []
    number = 0
    token = None
    while True:
        page = await table.page(context, span, bound.rows_a_call, token)
        rows += page.rows if is_candidate is None else filter(is_candidate, page.rows)
        number += len(page.rows)
        token = page.token
        if token is None or number >= bound.rows:
            return rows, number, token is None
