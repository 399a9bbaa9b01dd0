"""How many answers were held against each other in this process, and what came of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(slots=True)
class Tally:
    """Counts of a run.

    Attributes:
        compared: Requests whose two answers were compared.
        different: Requests of which the answers differ as listed.
        by_title: How often each listed difference was met.
    """

    compared: int = 0
    different: int = 0
    by_title: Counter[str] = field(default_factory=Counter)

    def note(self, titles: Sequence[str]) -> None:
        """Count one request, with the listed differences between its answers."""
        self.compared += 1
        self.different += bool(titles)
        self.by_title.update(titles)

    def __str__(self) -> str:
        alike = self.compared - self.different
        return (
            f"{self.compared} requests: {alike} alike, {self.different} different as listed "
            f"({len(self.by_title)} differences met)"
        )


TALLY = Tally()
