"""`python -m benchmarks`: measures, and writes results.md and the plot."""

from __future__ import annotations

import asyncio
import shlex
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks import core, cpu, flat, latency, machine, overload, tables
from benchmarks.options import Options, parse
from benchmarks.plot import draw
from benchmarks.report import PLOT, page
from benchmarks.results import Results, goals
from local.errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(slots=True)
class Clock:
    """Tells what is done, and since when."""

    begun: float = field(default_factory=time.monotonic)

    @property
    def minutes(self) -> float:
        """Minutes since the start."""
        return (time.monotonic() - self.begun) / 60

    def tell(self, what: str) -> None:
        """Print a line."""
        seconds = int(time.monotonic() - self.begun)
        print(f"{seconds // 60:3}:{seconds % 60:02}  {what}", flush=True)


def main() -> int:
    """Measure as the command line says; return the exit code."""
    options = parse()
    clock = Clock()
    try:
        results = asyncio.run(_measured(options, clock))
    except LocalError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "results.md").write_text(page(results), "utf-8")
    draw(results, options.output / PLOT)
    for goal in goals(results):
        print(f"{'reached' if goal.is_reached else 'MISSED '}  {goal.name}: {goal.reached}")
    return 0


async def _measured(options: Options, clock: Clock) -> Results:
    described = machine.description()
    pures = core.measure()
    costs = await cpu.measure(options, clock.tell)
    latencies = await latency.measure(options, clock.tell)
    clock.tell(f"{options.large:,} users are written into a table")
    async with tables.seeded(options.large) as large:
        latencies += await latency.measure_large(options, large, clock.tell)
        flats = await flat.measure(options, large, clock.tell)
    clock.tell("one instance is offered too much")
    overloads = await overload.measure(options.overload, clock.tell)
    return Results(
        command=_command(sys.argv[1:]),
        minutes=clock.minutes,
        machine=described,
        clients=options.clients,
        latencies=latencies,
        flats=flats,
        rows=large.rows,
        costs=costs,
        pures=pures,
        overloads=overloads,
    )


def _command(arguments: Sequence[str]) -> str:
    """Write the command that measures the same again."""
    return f'make bench BENCH_ARGS="{shlex.join(arguments)}"' if arguments else "make bench"


if __name__ == "__main__":
    sys.exit(main())
