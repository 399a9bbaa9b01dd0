"""Watch: how many there are, what happens over a day, and what happened last."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from portal.activity import ActivityFilter, read_activity
from portal.rendering import render
from shared.store.counters import read_numbers
from shared.store.recent_changes import count_changes
from shared.tables.table import read_both

if TYPE_CHECKING:
    from portal.visit import Visit
    from shared.store.recent_changes import Bucket
    from shared.web.responses import ScimResponse

LATEST: Final = 10
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
        users: height of the part of users, which stands below.
        others: height of the part of groups and of everything else.
        total: how many changes there were.
        is_exact: whether there were not more.
        seconds: when the hour began, in POSIX seconds.
    """

    x: float
    width: float
    users: float
    others: float
    total: int
    is_exact: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class Chart:
    """The changes of a day.

    Attributes:
        bars: one for each hour, the oldest first.
        most: how many changes the highest bar stands for.
        total: how many there were in all, at least.
        is_exact: whether there were not more.
        width: of the drawing.
        height: of the drawing.
    """

    bars: list[Bar]
    most: int
    total: int
    is_exact: bool
    width: int = _WIDTH
    height: int = _HEIGHT


async def watch(visit: Visit) -> ScimResponse:
    """GET of the page. 4 calls or more, and one for each user and group that is named."""
    return render(visit, "watch.html", **await _values(visit))


async def watch_live(visit: Visit) -> ScimResponse:
    """GET of the part of the page that changes, which its script asks for while it is visible."""
    return render(visit, "watch_live.html", **await _values(visit))


async def _values(visit: Visit) -> dict[str, Any]:
    table, context = visit.services.store.table, visit.entered.context
    (numbers, buckets), activity = await read_both(
        read_both(read_numbers(table, context), _read_day(visit)),
        read_activity(visit, ActivityFilter(is_of_provisioning=True), count=LATEST),
    )
    return {
        "numbers": numbers,
        "chart": draw(buckets),
        "activity": activity,
        "now": time.time(),
    }


async def _read_day(visit: Visit) -> list[Bucket]:
    now = time.time_ns() // 1_000_000
    end = (now // _HOUR + 1) * _HOUR
    starts = [end - hour * _HOUR for hour in range(_HOURS, 0, -1)]
    return await count_changes(visit.services.store.table, visit.entered.context, starts, end)


def draw(buckets: list[Bucket]) -> Chart:
    """Draw the numbers of some spans as bars; users stand below, everything else upon them."""
    most = max((bucket.total for bucket in buckets), default=0)
    step = _WIDTH / max(len(buckets), 1)
    bars = [
        Bar(
            x=round(index * step + _GAP / 2, 2),
            width=round(step - _GAP, 2),
            users=_length(bucket.by_type.get("User", 0), most),
            others=_length(bucket.total - bucket.by_type.get("User", 0), most),
            total=bucket.total,
            is_exact=bucket.is_exact,
            seconds=bucket.start / 1000,
        )
        for index, bucket in enumerate(buckets)
    ]
    return Chart(
        bars,
        most,
        sum(bucket.total for bucket in buckets),
        all(bucket.is_exact for bucket in buckets),
    )


def _length(number: int, most: int) -> float:
    """Return the height of a part: what is there is seen, however little it is."""
    if not number:
        return 0
    return round(max(number / most * (_HEIGHT - 2 * _LEAST_BAR), _LEAST_BAR), 2)
