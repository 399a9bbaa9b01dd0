"""Watch: how many there are, who was there last, what happens over a day, and what came last."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from portal.activity import ActivityFilter, read_activity
from portal.contact import SILENT_SECONDS, contact_of, refusals_in
from portal.rendering import render
from shared.store.counters import read_numbers
from shared.store.recent_changes import count_changes
from shared.tables.table import read_both

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portal.visit import Visit
    from shared.store.provisioning_log import KeptEntry
    from shared.store.recent_changes import Bucket
    from shared.web.responses import ScimResponse

LATEST: Final = 10
MOST_WATCHED: Final = 500
"""Entries of the log that are read, the newest, for the chart and the last contact."""

_HOUR: Final = 3_600_000
_HOURS: Final = 24
_WIDTH, _HEIGHT = 720, 160
_GAP: Final = 3
_LEAST_BAR: Final = 2


@dataclass(frozen=True, slots=True)
class Bar:
    """An hour in the chart; lengths in units of the drawing.

    Attributes:
        x: from the left.
        width: of the bar.
        done: height of what was done, which stands above the line.
        refused: height of what was refused, which hangs below it.
        total: how many changes there were.
        refusals: how many requests were refused.
        is_exact: whether there were not more of either.
        seconds: when the hour began, in POSIX seconds.
    """

    x: float
    width: float
    done: float
    refused: float
    total: int
    refusals: int
    is_exact: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class Chart:
    """What a day was like.

    Attributes:
        bars: one for each hour, the oldest first.
        line: height of the line between what was done and what was refused, from above.
        most: how many changes the highest bar stands for.
        total: how many changes there were in all, at least.
        refusals: how many requests were refused, at least.
        is_exact: whether there were not more.
        width: of the drawing.
        height: of the drawing.
    """

    bars: list[Bar]
    line: float
    most: int
    total: int
    refusals: int
    is_exact: bool
    width: int = _WIDTH
    height: int = _HEIGHT


@dataclass(frozen=True, slots=True)
class RefusalCount:
    """Refusals by the hour.

    Attributes:
        by_hour: by the start of the hour, in POSIX milliseconds.
        since: from which time on these are all, in POSIX milliseconds.
    """

    by_hour: Counter[int]
    since: int


async def watch(visit: Visit) -> ScimResponse:
    """GET of the page. 7 calls or more, and one for each user and group that is named."""
    return render(visit, "watch.html", **await _values(visit))


async def watch_live(visit: Visit) -> ScimResponse:
    """GET of the part of the page that changes, which its script asks for while it is visible."""
    return render(visit, "watch_live.html", **await _values(visit))


async def _values(visit: Visit) -> dict[str, Any]:
    table, context = visit.services.store.table, visit.entered.context
    ((numbers, hold), buckets), (activity, entries) = await read_both(
        read_both(
            read_both(read_numbers(table, context), visit.services.store.guard.read_hold(context)),
            _read_day(visit),
        ),
        read_both(
            read_activity(visit, ActivityFilter(is_of_provisioning=True), count=LATEST),
            visit.services.store.log.newest(context, MOST_WATCHED),
        ),
    )
    now = time.time()
    wrong = visit.services.refused_tokens.of(context.tenant)
    return {
        "numbers": numbers,
        "hold": hold if hold is not None and hold.state == "held" else None,
        "chart": draw(buckets, count_refusals(entries)),
        "activity": activity,
        "contact": contact_of(entries, activity.entries, now),
        "wrong_tokens": wrong if wrong and now - wrong.last / 1000 < SILENT_SECONDS else None,
        "now": now,
    }


async def _read_day(visit: Visit) -> list[Bucket]:
    now = time.time_ns() // 1_000_000
    end = (now // _HOUR + 1) * _HOUR
    starts = [end - hour * _HOUR for hour in range(_HOURS, 0, -1)]
    return await count_changes(visit.services.store.table, visit.entered.context, starts, end)


def count_refusals(entries: Sequence[KeptEntry]) -> RefusalCount:
    """Count the refusals of the identity provider by the hour."""
    by_hour: Counter[int] = Counter()
    for time_, number in refusals_in(entries):
        by_hour[time_ // _HOUR * _HOUR] += number
    is_all = len(entries) < MOST_WATCHED
    return RefusalCount(by_hour, 0 if is_all else entries[-1].entry.time)


def draw(buckets: list[Bucket], refusals: RefusalCount) -> Chart:
    """Draw the numbers of some spans as bars: what was done upwards, what was refused downwards."""
    refused = [refusals.by_hour[bucket.start] for bucket in buckets]
    most, most_refused = max((each.total for each in buckets), default=0), max(refused, default=0)
    unit = (_HEIGHT - 4 * _LEAST_BAR) / max(most + most_refused, 1)
    step = _WIDTH / max(len(buckets), 1)
    bars = [
        Bar(
            x=round(index * step + _GAP / 2, 2),
            width=round(step - _GAP, 2),
            done=_length(bucket.total, unit),
            refused=_length(number, unit),
            total=bucket.total,
            refusals=number,
            is_exact=bucket.is_exact and bucket.start >= refusals.since,
            seconds=bucket.start / 1000,
        )
        for index, (bucket, number) in enumerate(zip(buckets, refused, strict=True))
    ]
    return Chart(
        bars,
        round(most * unit + 2 * _LEAST_BAR, 2),
        most,
        sum(bucket.total for bucket in buckets),
        sum(refused),
        all(bar.is_exact for bar in bars),
    )


def _length(number: int, unit: float) -> float:
    """Return the height of a part: what is there is seen, however little it is."""
    return round(max(number * unit, _LEAST_BAR), 2) if number else 0
