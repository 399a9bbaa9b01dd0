"""Reading a long span in ranges side by side, where its keys go on with random hex digits.

The pages of a query come one after the other: each is asked for with the token of the one before.
Ranges of keys do not wait for each other. A first page that is not the last one tells how close
keys lie, and so how many rows follow; the rest is cut into ranges of about as many rows each. How
it is cut decides the time and the number of calls, and nothing else: the ranges are the whole rest,
and each is read to its end.

A reader sees what it sees with pages in turn. Each key is looked at once, at some time of the
reading, so what is there all the time is found once, and what is never there is not found.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, pairwise
from math import ceil

from shared.tables.request_context import RequestContext
from shared.tables.rows import Row, Span
from shared.tables.table import PAGE_ROWS, Selection, Table, collect, read_side_by_side

RANGES = 8
"""Ranges of one span that are read at the same time."""

SPARE_OF_TENANT = 2 * (RANGES - 1)
SPARE_OF_PROCESS = 4 * (RANGES - 1)
"""Ranges that are read beside the one that every reading has, by all readings together."""

_PLANNED_ROWS = PAGE_ROWS * 95 // 100
"""Rows that are planned for a page. A range of a few rows more would cost a call more, and 1,000
rows tell the number of all with an error of 3 %."""

_ROWS_WORTH_CUTTING = PAGE_ROWS * 110 // 100

_DIGITS = re.compile("[0-9a-f]{8}")
_ALL = 16**8


class RangeReader:
    """Reads spans of one table; there is one in a process."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._spare = _Spare()

    async def read(
        self, context: RequestContext, span: Span, select: Selection = None
    ) -> list[Row]:
        """Read the rows of a span in key order.

        A call for each 1,000 rows, as if they were read in turn; where that is more than two, a
        tenth more on average, because each range may end with a part of a page.

        Args:
            context: the request.
            span: of keys that are its start and random hex digits, 8 at least.
            select: properties to read besides the key.
        """
        first = await self._table.page(context, span, select=select)
        if first.token is None:
            return first.rows
        wanted = cut_rest(span, first.rows, at_most=RANGES)
        with self._spare.lend(context.tenant, len(wanted) - 1) as spare:
            ranges = cut_rest(span, first.rows, at_most=spare + 1)
            reads = [collect(self._table, context, each, select=select) for each in ranges]
            parts = await read_side_by_side(reads)
        return [*first.rows, *chain.from_iterable(parts)]


def cut_rest(span: Span, first_rows: Sequence[Row], at_most: int) -> list[Span]:
    """Cut what follows the first page of a span into ranges of about as many rows each.

    As few as are done as early, because each may end with a part of a page. A page and a little
    more is not cut.

    Args:
        span: as `RangeReader.read` has it.
        first_rows: of the first page, in key order.
        at_most: how many ranges.
    """
    if not first_rows:
        return [span]  # a page may be empty and not the last one
    last_key = first_rows[-1].key
    rest = Span(f"{last_key}-", span.end)  # nothing in keys sorts before "-"
    passed = _position(span, last_key)
    rows = len(first_rows) * (_ALL - passed) / passed if passed else 0
    if rows < _ROWS_WORTH_CUTTING:
        return [rest]
    pages = ceil(rows / (at_most * _PLANNED_ROWS))
    number = ceil(rows / (pages * _PLANNED_ROWS))
    borders = (passed + (_ALL - passed) * n // number for n in range(1, number))
    inner = (f"{span.start}{border:08x}" for border in borders)
    return [Span(*both) for both in pairwise((rest.start, *inner, rest.end))]


def _position(span: Span, key: str) -> int:
    """Tell where a key lies in its span, 0 to 16^8; 0 for a key of another form."""
    digits = _DIGITS.match(key, len(span.start))
    return int(digits[0], 16) if digits else 0


class _Spare:
    """What readings may have under way beside their own range.

    Nobody waits for it, so a reading goes on with what there is, and one whose storage does not
    answer holds up no other. A tenant gets a part of it at most.
    """

    def __init__(self) -> None:
        self._lent: Counter[str] = Counter()

    @contextmanager
    def lend(self, tenant: str, wanted: int) -> Iterator[int]:
        """Lend as much as there is, up to what is wanted, until the `with` block ends."""
        of_tenant = SPARE_OF_TENANT - self._lent[tenant]
        number = min(wanted, of_tenant, SPARE_OF_PROCESS - self._lent.total())
        self._lent[tenant] += number
        try:
            yield number
        finally:
            self._lent[tenant] -= number
            if not self._lent[tenant]:
                del self._lent[tenant]
