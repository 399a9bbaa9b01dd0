"""The time by which leases, caches and dates go; tests put their own in its place."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """Times in seconds, and how to wait.

    Attributes:
        wall: the time of day, for dates that others have set, in POSIX seconds.
        steady: a clock that never jumps, for what has a duration.
        sleep: waits until the steady clock has gone on.
    """

    wall: Callable[[], float] = time.time
    steady: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
