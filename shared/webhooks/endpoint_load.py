"""Whether one more run may try an endpoint, whatever tenants are concerned, in this process.

An endpoint may hang, and be that of every tenant. Each attempt would then keep a run of the
dispatcher for as long as an attempt may take, and soon no run would be left for other endpoints. So
an endpoint that has not answered yet, or not for a while, has few attempts under way. One that
answers has as many as there are runs. And where many endpoints hang, because they are of one
machine that is down, those attempts are few together, too.
"""

import asyncio
import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Literal

from shared.clock import Clock

Health = Literal["unknown", "answers", "fails"]

MOST: dict[Health, int] = {"unknown": 2, "answers": 1_000, "fails": 1}
MOST_WHILE_SLOW = 4
"""Attempts under way: by what is known of an endpoint, and while one has taken long."""

MOST_SLOW_ATTEMPTS = 16
"""Attempts under way that have taken long, at all endpoints together, beside which only endpoints
that answer are sent more. It is a third of the runs that the host has at once."""

SLOW_SECONDS_OF_ATTEMPT = 1.0
FAILURES = 3
"""In a row, after which an endpoint is taken for one that fails."""

PATIENCE_SECONDS = 1.0
"""How long a run waits to learn whether an endpoint answers that others are trying first."""


@dataclass(slots=True)
class _Load:
    """What is known of an endpoint, and since when each attempt is under way."""

    health: Health = "unknown"
    failures: int = 0
    began: dict[int, float] = field(default_factory=dict)
    learned: asyncio.Event = field(default_factory=asyncio.Event)


class EndpointLoad:
    """The attempts under way, by endpoint."""

    def __init__(self, clock: Clock) -> None:
        """`clock` tells how long an attempt is under way."""
        self._clock = clock
        self._loads: dict[str, _Load] = defaultdict(_Load)
        self._attempts = 0

    async def has_room_soon(self, endpoint: str) -> bool:
        """Tell whether one more attempt may begin; wait a moment where nothing is known yet."""
        load = self._loads[endpoint]
        has_room = self.has_room(endpoint)
        if has_room or load.health != "unknown" or self._is_slow(load):
            return has_room
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await load.learned.wait()
        except TimeoutError:
            return False
        return self.has_room(endpoint)

    def has_room(self, endpoint: str) -> bool:
        """Tell whether one more attempt may begin."""
        load = self._loads[endpoint]
        most, is_slow = MOST[load.health], self._is_slow(load)
        if is_slow:
            most = min(most, MOST_WHILE_SLOW)
        is_well = load.health == "answers" and not is_slow
        has_place = is_well or self._slow_attempts() < MOST_SLOW_ATTEMPTS
        return has_place and len(load.began) < most

    def begin(self, endpoint: str) -> int:
        """Count an attempt in; return what names it."""
        self._attempts += 1
        self._loads[endpoint].began[self._attempts] = self._clock.steady()
        return self._attempts

    def end(self, endpoint: str, attempt: int, *, succeeded: bool) -> None:
        """Count an attempt out, and learn from its outcome."""
        load = self._loads[endpoint]
        del load.began[attempt]
        load.failures = 0 if succeeded else load.failures + 1
        if succeeded:
            load.health = "answers"
        elif load.failures >= FAILURES:
            load.health = "fails"
        if load.health != "unknown":
            load.learned.set()

    def _is_slow(self, load: _Load) -> bool:
        """Tell whether an attempt under way has taken long already."""
        return min(load.began.values(), default=math.inf) < self._slow_since()

    def _slow_attempts(self) -> int:
        """Count the attempts under way that have taken long already, at all endpoints."""
        since = self._slow_since()
        return sum(began < since for load in self._loads.values() for began in load.began.values())

    def _slow_since(self) -> float:
        return self._clock.steady() - SLOW_SECONDS_OF_ATTEMPT
