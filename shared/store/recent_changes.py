"""What was changed last: change rows from the newest back, and how many there were when.

Table Storage reads in the order of keys, so the newest rows of a tenant are found by spans of time
that are read forward and put in reverse: short ones at first, longer ones where little happens.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from shared.store import layout
from shared.store.changes import ADMINISTRATIVE, GUARD, RecordedChange, recorded
from shared.store.layout import Column
from shared.tables.request_context import RequestContext
from shared.tables.rows import Row, Span
from shared.tables.table import PAGE_ROWS, ContinuationToken, Table, collect, read_side_by_side

_HOUR: Final = 3_600_000
_FIRST_WIDTH: Final = 6 * _HOUR
_WIDEN: Final = 8
_MOST_READS: Final = 24
"""Spans that one request looks through, where what is wanted is rare."""

Wanted = Callable[[RecordedChange], bool]


@dataclass(frozen=True, slots=True)
class ChangesPage:
    """Changes, the newest first.

    Attributes:
        changes: those that were wanted.
        before: where the next page begins: the end of the key of the last row that was looked at;
            None when nothing older is kept.
        looked_back_to: up to which time all was looked at, in POSIX milliseconds.
    """

    changes: list[RecordedChange]
    before: str | None
    looked_back_to: int


def is_told(change: RecordedChange) -> bool:
    """Tell whether a row records what somebody did, and not how the store keeps its house."""
    is_of_the_house = change.change.verb in {"void", "sweep"} or change.change.resource == GUARD
    return not is_of_the_house and not change.retold


async def read_back(  # noqa: PLR0913 - each bounds what is read
    table: Table,
    context: RequestContext,
    count: int,
    *,
    now: int,
    oldest: int,
    before: str | None = None,
    is_wanted: Wanted = is_told,
) -> ChangesPage:
    """Read the newest changes. 1 call for a busy tenant, a few for a quiet one, at most some 50.

    Args:
        table: the table.
        context: the request.
        count: how many are enough.
        now: in POSIX milliseconds.
        oldest: nothing drawn earlier is looked at, in POSIX milliseconds.
        before: the end of a key; only older rows are looked at. None for all.
        is_wanted: chooses among the changes.
    """
    found: list[RecordedChange] = []
    end, upper = before, now if before is None else layout.change_time(before)
    width = _FIRST_WIDTH
    for _ in range(_MOST_READS):
        lower = max(upper - width, oldest)
        span = layout.changes_before(end, lower)
        rows, is_all = await _rows(table, context, span)
        if not is_all and width > 1:
            # As many came in the time up to the last of them; in the rest there are more than that.
            passed = layout.change_time(rows[-1].key) - lower
            width = max(min(width // _WIDEN, passed // 2), 1)
            continue
        if not is_all:
            rows = await collect(table, context, span)
        for each in map(recorded, reversed(rows)):
            if len(found) == count:
                return ChangesPage(found, layout.id_in(found[-1].key), found[-1].time)
            if is_wanted(each):
                found.append(each)
        if lower <= oldest:
            return ChangesPage(found, None, lower)
        end, upper = layout.change_number(lower), lower
        width *= _WIDEN if len(rows) < PAGE_ROWS // 2 else 1
    return ChangesPage(found, end, upper)


@dataclass(frozen=True, slots=True)
class Bucket:
    """How many changes of a span of time there were.

    Attributes:
        start: in POSIX milliseconds.
        by_type: by resource type.
        is_exact: whether these are all; otherwise there were more.
    """

    start: int
    by_type: dict[str, int]
    is_exact: bool = True

    @property
    def total(self) -> int:
        """How many there were, at least."""
        return sum(self.by_type.values())


async def count_changes(
    table: Table, context: RequestContext, starts: Sequence[int], end: int
) -> list[Bucket]:
    """Count what the identity provider changed between times.

    1 call where there are up to 1,000 changes, otherwise one more for each span.

    Args:
        table: the table.
        context: the request.
        starts: of the spans, ascending, in POSIX milliseconds.
        end: of the last one.
    """
    buckets = [Bucket(start, {}) for start in starts]
    rows, is_all = await _rows(table, context, layout.changes_span(starts[0], end), _COUNTED)
    if is_all:
        for row in rows:
            time = layout.change_time(row.key)
            _count(row, next(each for each in reversed(buckets) if each.start <= time))
        return buckets

    async def count(bucket: Bucket, until: int) -> Bucket:
        page = await table.page(
            context, layout.changes_span(bucket.start, until), PAGE_ROWS, select=_COUNTED
        )
        for row in page.rows:
            _count(row, bucket)
        return replace(bucket, is_exact=page.token is None)

    ends = [*starts[1:], end]
    reads = [count(bucket, until) for bucket, until in zip(buckets, ends, strict=True)]
    return await read_side_by_side(reads)


_COUNTED = (Column.RESOURCE_TYPE, Column.VERB, Column.METHOD, Column.ORIGINAL)

_VERBS_OF_OTHERS: Final = frozenset({"roles", "settings", "sweep", "void"})
_METHODS_OF_OTHERS: Final = frozenset({"admin", "sweep"})
"""By which verbs and methods nothing is done by an identity provider."""


def _count(row: Row, bucket: Bucket) -> None:
    name = str(row.values[Column.RESOURCE_TYPE])
    is_of_others = (
        name in ADMINISTRATIVE
        or name == GUARD
        or Column.ORIGINAL in row.values
        or row.values[Column.VERB] in _VERBS_OF_OTHERS
        or row.values.get(Column.METHOD) in _METHODS_OF_OTHERS
    )
    if not is_of_others:
        bucket.by_type[name] = bucket.by_type.get(name, 0) + 1


async def _rows(
    table: Table, context: RequestContext, span: Span, select: Sequence[str] | None = None
) -> tuple[list[Row], bool]:
    """Read up to a page of rows of a span; tell whether these are all."""
    rows: list[Row] = []
    token: ContinuationToken | None = None
    while True:
        page = await table.page(context, span, PAGE_ROWS, token, select)
        rows += page.rows
        token = page.token
        if token is None or len(rows) >= PAGE_ROWS:
            return rows, token is None
