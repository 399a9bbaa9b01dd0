"""The plot of a run: latency against the size of the directory, and of the group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.results import ADD, LIST
from benchmarks.services import OURS, SCIM2_SERVER, SCIMMY, STORAGE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.results import Results

PANELS = {
    "create a user": "users in the directory",
    "`userName eq`": "users in the directory",
    LIST: "users in the directory",
    ADD: "members of the group",
    "membership check": "members of the group",
    "get the group without members": "members of the group",
}
"""What lies on the horizontal axis of each operation that is drawn."""

_COLOURS = {OURS: "#1560bd", STORAGE: "#1560bd", SCIM2_SERVER: "#b8860b", SCIMMY: "#8b1a1a"}


def series(results: Results, operation: str, service: str) -> list[tuple[int, float]]:
    """Return the points of one line: users, and milliseconds."""
    found = ((users, results.milliseconds(operation, service, users)) for users in results.levels)
    return [(users, figure.median) for users, figure in found if figure is not None]


def draw(results: Results, file: Path) -> None:
    """Draw the plot into an SVG file."""
    # Of the environment of the benchmark alone.
    import matplotlib as mpl  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    # The same figures give the same file, with text that can be read and found.
    mpl.rcParams.update({"svg.hashsalt": "benchmarks", "svg.fonttype": "none"})
    mpl.rcParams.update({"font.size": 9, "font.sans-serif": ["DejaVu Sans", "Verdana"]})
    figure = Figure(figsize=(11, 6.5), layout="constrained")
    panels = figure.subplots(2, 3)
    for axes, (operation, size) in zip(panels.flat, PANELS.items(), strict=True):
        for service, colour in _COLOURS.items():
            points = series(results, operation, service)
            if points:
                style = ":" if service == STORAGE else "o-"
                axes.plot(*zip(*points, strict=True), style, color=colour, label=service)
        axes.set(xscale="log", yscale="log", title=operation.strip("`"), xlabel=size)
        axes.set_ylabel("milliseconds")
        axes.grid(visible=True, alpha=0.3)
        _mark(axes, results.levels)
    figure.legend(
        *panels.flat[0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=len(_COLOURS),
    )
    figure.savefig(file, format="svg", metadata={"Date": None})


def _mark(axes: Any, sizes: Sequence[int]) -> None:
    """Mark the sizes that were measured, and few latencies, by the grid: it makes a small file."""
    from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter  # noqa: PLC0415

    axes.set_xticks(sizes, [f"{each:,}" for each in sizes])
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    axes.tick_params(bottom=False, left=False)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())
