"""The feed: the change rows of a tenant in the order of their keys, read on from a position.

A row becomes visible up to two minutes later than its key says: the key is drawn before the commit,
and the clocks of instances differ. So a position has two places. Up to *settled* all is told, and
nothing will come any more. Up to *seen* all is told that was visible, and the position holds how
many rows that were, behind *settled*. Rows are not taken away there. So while their number is the
same only what comes behind is told; once it has grown, everything behind *settled* is told again.
"""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from shared.clock import Clock
from shared.events.event import Event, events_of
from shared.store import layout
from shared.store.changes import recorded
from shared.tables.request_context import RequestContext
from shared.tables.table import PAGE_ROWS, Table, collect

LATENESS: Final = 120_000
"""By how many milliseconds a row may become visible later than its key says."""

_MOST_ROWS = 10 * PAGE_ROWS
"""Rows that one reading looks through, where nearly all events are of types that are not wanted."""

ROWS_IN_A_TURN: Final = 200
"""After so many, which take a few milliseconds, the event loop is given to others."""

_BEGINNING = layout.change_number(0)


@dataclass(frozen=True, slots=True)
class FeedPosition:
    """How far a reader has come. Rows are named by the ends of their keys.

    Attributes:
        settled: up to here all is told, and nothing will come any more.
        seen: up to here all is told that was visible.
        rows: how many rows that were, behind `settled`.
        is_at_end: whether nothing was behind `seen`. Otherwise the reader is on the way to the end,
            and what has become visible behind `settled` meanwhile is found from there.
    """

    settled: str = _BEGINNING
    seen: str = _BEGINNING
    rows: int = 0
    is_at_end: bool = False


@dataclass(frozen=True, slots=True)
class FeedPage:
    """Events in the order of their rows, the position behind them, and whether more is there."""

    events: list[Event]
    position: FeedPosition
    has_more: bool


class Feed:
    """Reads the events of every tenant; the context says of which."""

    def __init__(self, table: Table, clock: Clock) -> None:
        """Prepare.

        Args:
            table: the table.
            clock: its wall clock says what is settled.
        """
        self._table = table
        self._clock = clock

    def now(self) -> FeedPosition:
        """Return the position of a reader who wants what is yet to come, and the last 2 minutes.

        Whoever copies all resources takes it first, so that the feed goes on where the copy ends.
        """
        final = self._final()
        return FeedPosition(final, final)

    async def read(
        self,
        context: RequestContext,
        position: FeedPosition,
        limit: int,
        types: Collection[str] = (),
    ) -> FeedPage:
        """Read on from a position.

        A call for each 1,000 rows; at the end of the feed, one more for each 1,000 rows behind
        `settled`, if there are any.

        Args:
            context: the request.
            position: from where on.
            limit: how many events are enough; those of a transaction stay together, so that two
                more may come.
            types: of the events that are wanted; none means all.
        """
        final = self._final()  # before the rows are read, which makes them visible
        position, known = await self._look_back(context, position)
        events, numbers, has_more = await self._read_rows(context, position.seen, limit, types)
        if position.rows > len(known):
            # On the way: what came late is looked for from the end on.
            seen = numbers[-1] if numbers else position.seen
            rows = position.rows + len(numbers)
            return FeedPage(
                events, FeedPosition(position.settled, seen, rows, not has_more), has_more
            )
        return FeedPage(
            events, _settled(position, [*known, *numbers], final, has_more=has_more), has_more
        )

    async def _look_back(
        self, context: RequestContext, position: FeedPosition
    ) -> tuple[FeedPosition, list[str]]:
        """Look, from the end of the feed, for rows behind `settled` that have come late.

        Returns:
            The position to read on from, and the rows between its places, if these were read.
        """
        if not position.is_at_end or not position.rows:
            return position, []
        span = layout.changes_behind(position.settled, position.seen)
        rows = await collect(self._table, context, span, select=())
        if len(rows) != position.rows:
            return FeedPosition(position.settled, position.settled), []
        return position, [layout.id_in(row.key) for row in rows]

    async def _read_rows(
        self, context: RequestContext, seen: str, limit: int, types: Collection[str]
    ) -> tuple[list[Event], list[str], bool]:
        """Read rows until there are enough events; tell which rows, and whether there are more."""
        events: list[Event] = []
        numbers: list[str] = []
        span, token = layout.changes_behind(seen), None
        a_page = PAGE_ROWS if types else min(limit + 1, PAGE_ROWS)
        while True:
            page = await self._table.page(context, span, a_page, token)
            for row in page.rows:
                if len(events) >= limit:
                    return events, numbers, True
                found = events_of(recorded(row))
                events += [event for event in found if not types or event.type in types]
                numbers.append(layout.id_in(row.key))
                if len(numbers) % ROWS_IN_A_TURN == 0:
                    await asyncio.sleep(0)
            token = page.token
            if token is None or len(events) >= limit or len(numbers) >= _MOST_ROWS:
                return events, numbers, token is not None

    def _final(self) -> str:
        """Name the row behind which rows may still become visible."""
        return layout.change_number(int(self._clock.wall() * 1000) - LATENESS)


def _settled(
    position: FeedPosition, numbers: list[str], final: str, *, has_more: bool
) -> FeedPosition:
    """Move a position behind what was told, of which nothing is unknown."""
    seen = numbers[-1] if numbers else position.seen
    settled = max(position.settled, min(final, seen) if has_more else final)
    rows = sum(number > settled for number in numbers)
    return FeedPosition(settled, max(settled, seen), rows, not has_more)
