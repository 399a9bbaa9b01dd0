"""Effort: what the computation of a request costs, counted instead of timed.

A request that is small by its bytes may still compute for minutes: terms of a filter times values
of a resource, operations of a PATCH times values of a list. What does so counts its effort as it
goes, which ends it at a bound, and lets whoever runs it serve others meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SLICE = 100_000
"""Units between two pauses. A unit is about 0.1 us, so this is 10 ms."""

MAX_EFFORT = 5_000_000
"""What the operations of one PATCH may cost: half a second. The largest requests that are known
stay below a hundredth of it."""

MAX_QUERY_EFFORT = 20_000_000
"""What the comparisons of one query may cost: two seconds, for a filter of a hundred names against
10,000 resources."""


class EffortExceeded(Exception):  # noqa: N818 - it becomes the refusal that fits the request
    """The computation has cost all that it may."""


def _go_on() -> None:
    """Pause for nobody."""


@dataclass(slots=True)
class Effort:
    """Counts units of work.

    Attributes:
        most: How many may be spent.
        pause: Is called once for each slice that was spent; what it raises ends the computation.
        spent: How many were spent so far.
    """

    most: int = MAX_EFFORT
    pause: Callable[[], None] = _go_on
    spent: int = 0
    _next_pause: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._next_pause = self.spent + SLICE

    def spend(self, units: int) -> None:
        """Count what is about to be done.

        Raises:
            EffortExceeded: It is more than may be spent.
        """
        self.spent += units
        if self.spent > self.most:
            raise EffortExceeded
        while self.spent >= self._next_pause:
            self._next_pause += SLICE
            self.pause()
