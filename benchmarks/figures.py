"""The arithmetic of the report: medians of rounds, ratios, and how figures are written."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Figure:
    """What several rounds of one measurement came to.

    Attributes:
        median: Median of the rounds' medians.
        samples: Measurements in all rounds together.
    """

    median: float
    samples: int


def figure(rounds: Sequence[Sequence[float]]) -> Figure | None:
    """Sum rounds up; None when no round has measured anything.

    The median of a round keeps single slow requests out, the median of the rounds a slow round:
    other work on the machine disturbs for seconds at a time.
    """
    medians = [median(samples) for samples in rounds if samples]
    if not medians:
        return None
    return Figure(median(medians), sum(len(samples) for samples in rounds))


def ratio(theirs: Figure | None, ours: Figure | None) -> float | None:
    """Return how many times longer theirs took than ours; None when one of them is missing."""
    if theirs is None or ours is None or ours.median == 0:
        return None
    return theirs.median / ours.median


def apart(ones: Sequence[float], others: Sequence[float]) -> float:
    """Return by how much the others exceed the ones, as a fraction of them.

    It is the median over pairs that were measured one after the other, so that what slows the
    machine down for a while is on both sides.
    """
    return median(other / one for one, other in zip(ones, others, strict=True)) - 1


def written(value: float | None) -> str:
    """Write a figure with three digits that count, or a dash for none."""
    if value is None:
        return "-"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def counted(number: float) -> str:
    """Write how often something was done for an operation, a fraction to a hundredth."""
    return f"{round(number, 2):g}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table in Markdown; all columns but the first are figures."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
