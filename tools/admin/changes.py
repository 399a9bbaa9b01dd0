"""Change rows: all since a time, those of one resource, the last one, and those to come.

Their keys begin with the time at which they were drawn, so a span of time is one range of rows.
They become visible out of that order, up to 2 minutes late, because a key is drawn before its
transaction is committed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shared.store import layout
from shared.store.change_history import ChangeHistory, Lookback, is_done, read_back
from shared.store.changes import RecordedChange, recorded
from shared.tables.table import PAGE_ROWS, Page

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from shared.tables.request_context import RequestContext
    from shared.tables.rows import Span
    from shared.tables.table import Table
    from tools.admin.storage import Storage

Milliseconds = int
"""POSIX time, or a length of time, in milliseconds."""

HOUR: Milliseconds = 3_600_000
DAY: Milliseconds = 24 * HOUR
ROWS_A_CALL = PAGE_ROWS

_PROBES = 40


async def since(
    storage: Storage, context: RequestContext, start: Milliseconds
) -> AsyncIterator[RecordedChange]:
    """Read the changes from a time on, in the order of their keys. A call for each 1,000."""
    token = None
    while True:
        page = await storage.table.page(context, layout.changes_span(start), ROWS_A_CALL, token)
        for change in map(recorded, page.rows):
            if is_done(change):
                yield change
        token = page.token
        if token is None:
            return


async def follow(
    read: Callable[[Milliseconds], AsyncIterator[RecordedChange]],
    start: Milliseconds,
    pause: Callable[[], Awaitable[None]],
) -> AsyncIterator[RecordedChange]:
    """Read the changes from a time on, and then those that become visible, each once.

    Every round reads again from 2 minutes before the newest change that was seen: what was drawn
    before that is visible by now. So it does not matter how this machine's clock goes.

    Args:
        read: reads the changes from a time on.
        start: where to begin.
        pause: waits until the next round.
    """
    cursor = start
    seen: dict[str, Milliseconds] = {}
    while True:
        async for change in read(cursor):
            if change.key not in seen:
                seen[change.key] = change.time
                yield change
        cursor = max(cursor, max(seen.values(), default=cursor) - layout.LATENESS)
        seen = {key: time for key, time in seen.items() if time >= cursor}
        await pause()


async def history(
    storage: Storage,
    context: RequestContext,
    is_wanted: Callable[[RecordedChange], bool],
    now: Milliseconds,
    lookback: Lookback,
) -> ChangeHistory:
    """Read the changes of one resource; see `shared.store.change_history`."""
    in_pages = replace(lookback, rows_a_call=ROWS_A_CALL)
    return await read_back(storage.table, context, is_wanted, now, in_pages)


async def last(
    storage: Storage, context: RequestContext, now: Milliseconds
) -> RecordedChange | None:
    """Find the newest change; None when there is none.

    Table Storage reads forward only: so spans without an end are tried, from the last hour to
    everything, and then halved until the rest fits into a page. 1 call for a busy tenant, 4 for one
    without changes, at most 44.
    """

    async def read(start: Milliseconds) -> Page:
        return await _some(storage.table, context, layout.changes_span(start))

    page, after = Page([], None), now + DAY  # the clocks of others may be ahead, but not by a day
    for start in (now - HOUR, now - DAY, now - 30 * DAY, 0):
        page = await read(start)
        if page.rows:
            break
        after = start
    for _ in range(_PROBES):
        newest = layout.change_time(page.rows[-1].key) if page.rows else after
        if page.token is None or after - newest <= 1:
            break
        middle = (newest + after) // 2
        later = await read(middle)
        page, after = (later, after) if later.rows else (page, middle)
    return recorded(page.rows[-1]) if page.rows else None


async def _some(table: Table, context: RequestContext, span: Span) -> Page:
    """Read the first rows of a span: a page may be empty and yet not be the last."""
    page = await table.page(context, span, ROWS_A_CALL)
    while not page.rows and page.token is not None:
        page = await table.page(context, span, ROWS_A_CALL, page.token)
    return page


def concerns_member(member_id: str) -> Callable[[RecordedChange], bool]:
    """Tell the changes of a user or a group from others: its own, and those that it joined by."""

    def concerns(recorded_change: RecordedChange) -> bool:
        change = recorded_change.change
        moved = {member for member, _ in (*change.added, *change.removed)}
        return change.id == member_id or member_id in moved

    return concerns


def concerns_group(gid: str) -> Callable[[RecordedChange], bool]:
    """Tell the changes of a group from others: its own, and those of its memberships."""
    of_a_member = concerns_member(gid)

    def concerns(recorded_change: RecordedChange) -> bool:
        return of_a_member(recorded_change) or gid in recorded_change.change.left

    return concerns
