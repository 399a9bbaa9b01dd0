"""The time by which leases, caches and dates go; tests put their own in its place."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime


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


def rfc3339(seconds: float) -> str:
    """Write a time that is given in POSIX seconds: RFC 3339, in UTC, to the millisecond."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
