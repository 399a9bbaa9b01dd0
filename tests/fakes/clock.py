"""A time that only tests move."""

from __future__ import annotations

from dataclasses import dataclass

from shared.auth.clock import Clock


@dataclass(slots=True)
class Time:
    """Both clocks, in seconds; the wall shows a day in January 2027."""

    wall: float = 1_800_000_000.0
    steady: float = 5_000.0

    def advance(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds

    def clock(self) -> Clock:
        return Clock(wall=lambda: self.wall, steady=lambda: self.steady)
