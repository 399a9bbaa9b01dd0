"""A time that only tests move."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.clock import Clock


@dataclass(slots=True)
class Time:
    """Both clocks, in seconds; the wall shows a day in January 2027.

    `waits` has how long each of those waited who waited by it; nothing but the clocks moved
    meanwhile.
    """

    wall: float = 1_800_000_000.0
    steady: float = 5_000.0
    waits: list[float] = field(default_factory=list)

    def advance(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.advance(seconds)

    def clock(self) -> Clock:
        return Clock(lambda: self.wall, lambda: self.steady, self.sleep)
