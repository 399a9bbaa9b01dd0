"""The feed: the change rows of a tenant in the order of their keys, read on from a position.

A row becomes visible up to two minutes later than its key says: the key is drawn before the commit,
and the clocks of instances differ. So a position has two places. Up to *settled* all is told, and
nothing will come any more. Up to *seen* all is told that was visible, and the position holds how
many rows that were, behind *settled*. Rows are not taken away there. So while their number is the
same only what comes behind is told; once it has grown, everything behind *settled* is told again.

The guard rules on rows before they are told (`shared/store/guard.py`). What it holds is a row that
makes no event. Before a row that waits, a reading ends as at the end of the feed.
"""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from shared.clock import Clock
from shared.events.event import Event, events_of
from shared.store import layout
from shared.store.changes import recorded
from shared.store.guard import Guard
from shared.tables.request_context import RequestContext
from shared.tables.table import PAGE_ROWS, Table, collect

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
    """Events in the order of their rows.

    Attributes:
        events: that are wanted.
        position: behind them.
        has_more: whether there is more to be read at once.
        is_cut: whether a row comes next on which the guard has yet to rule.
    """

    events: list[Event]
    position: FeedPosition
    has_more: bool
    is_cut: bool = False


class Feed:
    """Reads the events of every tenant; the context says of which."""

    def __init__(self, table: Table, clock: Clock, guard: Guard) -> None:
        """Prepare.

        Args:
            table: the table.
            clock: its wall clock says what is settled.
            guard: rules on what can be told.
        """
        self._table = table
        self._clock = clock
        self._guard = guard

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
        `settled`, if there are any. Where removals are held also what the guard needs.

        Args:
            context: the request.
            position: from where on.
            limit: how many events are enough; those of a transaction stay together, so that two
                more may come.
            types: of the events that are wanted; none means all.
        """
        final = self._final()  # before the rows are read, which makes them visible
        position, known = await self._look_back(context, position)
        found = await self._read_rows(context, position.seen, limit, types)
        if position.rows > len(known):
            # On the way: what came late is looked for from the end on.
            seen = found.numbers[-1] if found.numbers else position.seen
            rows = position.rows + len(found.numbers)
            position = FeedPosition(position.settled, seen, rows, not found.has_more)
        else:
            position = _settled(position, [*known, *found.numbers], final, found)
        return FeedPage(found.events, position, found.has_more, found.is_cut)

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
    ) -> "_Found":
        """Read rows until there are enough events, the rows end, or one of them waits."""
        found = _Found()
        span, token = layout.changes_behind(seen), None
        a_page = PAGE_ROWS if types else min(limit + 1, PAGE_ROWS)
        while True:
            page = await self._table.page(context, span, a_page, token)
            told = await self._guard.rule(context, page.rows)
            for row in told.rows:
                if len(found.events) >= limit:
                    found.has_more = True
                    return found
                events = events_of(recorded(row))
                found.events += [event for event in events if not types or event.type in types]
                found.numbers.append(layout.id_in(row.key))
                if len(found.numbers) % ROWS_IN_A_TURN == 0:
                    await asyncio.sleep(0)
            token = page.token
            found.is_cut = told.is_cut
            if found.is_cut or token is None:
                found.has_more = told.is_announced
                return found
            if len(found.events) >= limit or len(found.numbers) >= _MOST_ROWS:
                found.has_more = True
                return found

    def _final(self) -> str:
        """Name the row behind which rows may still become visible."""
        return layout.change_number(int(self._clock.wall() * 1000) - layout.LATENESS)


@dataclass(slots=True)
class _Found:
    """What a reading has come upon.

    Attributes:
        events: that are wanted.
        numbers: of the rows, whether they make events or not.
        has_more: whether there is more to be read at once.
        is_cut: whether a row that waits comes next.
    """

    events: list[Event] = field(default_factory=list)
    numbers: list[str] = field(default_factory=list)
    has_more: bool = False
    is_cut: bool = False


def _settled(position: FeedPosition, numbers: list[str], final: str, found: _Found) -> FeedPosition:
    """Move a position behind what was told, of which nothing is unknown."""
    seen = numbers[-1] if numbers else position.seen
    is_before_more = found.has_more or found.is_cut
    settled = max(position.settled, min(final, seen) if is_before_more else final)
    rows = sum(number > settled for number in numbers)
    return FeedPosition(settled, max(settled, seen), rows, not found.has_more)
