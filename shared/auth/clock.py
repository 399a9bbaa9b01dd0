"""The times that authentication goes by; tests put their own in their place."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Clock:
    """Two clocks, in seconds: of the wall, for dates others have set, and one that never jumps."""

    wall: Callable[[], float] = time.time
    steady: Callable[[], float] = time.monotonic


@dataclass(frozen=True, slots=True)
class Waits:
    """How long a request waits for the vault, and a reading goes on, in real seconds.

    A request may wait three times (names, versions, versions again), and storage calls still have
    to fit into its deadline of 25 s.

    Attributes:
        known: When there is a last good value to fall back on.
        unknown: When there is none.
        reading: How long a reading goes on after the requests have stopped waiting for it.
    """

    known: float = 2.0
    unknown: float = 6.0
    reading: float = 15.0
