"""What one instance serves: `python -m benchmarks.throughput`.

One worker process, the app in Azure's runtime library, answers a mix of GET, `userName eq`, PATCH
of one attribute, create, and a member added, of as many clients at once as each level says; every
client sends its next request when the last one is answered. The storage is Azurite, which works on
the same cores; a second curve is measured with each call to it delayed as the way to a data centre
does, which leaves it idle enough not to be the limit. What the host adds, HTTP and gRPC, is in
neither.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from collections import defaultdict
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, Annotated

import typer

from benchmarks import runtime_library
from benchmarks.driven import Measurement, Plan
from local import azurite

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[1]
LEVELS = (1, 2, 4, 8, 16, 32, 64)
WAITS = (0.01, 0.02, 0.04)
"""Seconds that a request might wait for the storage of a data centre."""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    rounds: Annotated[int, typer.Option(min=1, help="How often every level is measured.")] = 3,
    seconds: Annotated[float, typer.Option(min=0.5, help="Of one measurement.")] = 4.0,
    users: Annotated[int, typer.Option(min=10, help="In the directory.")] = 400,
    away: Annotated[float, typer.Option(min=0, help="Milliseconds, in the second curve.")] = 10.0,
) -> None:
    """Measure requests a second and their latency at 1 to 64 requests at once."""
    runtime_library.require()
    near = Plan(LEVELS, rounds, seconds, users, groups=20, away=0.0)
    for plan in (near, replace(near, away=away / 1000)):
        measured = asyncio.run(_measure(plan))
        print(f"Each call to storage {plan.away * 1000:.0f} ms longer:", end="\n\n")
        print(curve(measured), end="\n\n")
        print(ceiling(measured), end="\n\n", flush=True)


async def _measure(plan: Plan) -> list[Measurement]:
    async with azurite.running() as storage:
        environ = {
            "PATH": os.environ["PATH"],
            "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
            "TABLE_CONNECTION_STRING": storage.connection_string,
            "SCIM_SECRET_TOKEN": "the-token-of-the-benchmark",
            "SCIM_REQUESTS_PER_SECOND": "10000",
        }
        program = [sys.executable, "-m", "benchmarks.driven", str(storage.process.pid)]
        process = await asyncio.create_subprocess_exec(
            *program, json.dumps(asdict(plan)), cwd=ROOT, env=environ, stdout=PIPE
        )
        told, _ = await process.communicate()
    if process.returncode:
        raise SystemExit("the app was not driven to the end")
    return [Measurement(**json.loads(line)) for line in told.splitlines()]


def curve(measured: Sequence[Measurement]) -> str:
    """Write a row for each level, in Markdown; medians of the rounds, times in milliseconds."""
    head = (
        "at once",
        "requests/s",
        "p50, ms",
        "p95, ms",
        "our CPU, ms",
        "Azurite's CPU, ms",
        "busy",
    )
    lines = [f"| {' | '.join(head)} |", "|---:" * len(head) + "|"]
    by_level: defaultdict[int, list[Measurement]] = defaultdict(list)
    for each in measured:
        by_level[each.level].append(each)
    for level, rounds in sorted(by_level.items()):
        busy = [each.cpu / each.elapsed for each in rounds]
        busy_storage = [each.storage_cpu / each.elapsed for each in rounds]
        latencies = [quantiles(each.latencies, n=20) for each in rounds]
        cells = (
            f"{level}",
            f"{median(len(each.latencies) / each.elapsed for each in rounds):.0f}",
            f"{1000 * median(each[9] for each in latencies):.1f}",
            f"{1000 * median(each[18] for each in latencies):.1f}",
            f"{1000 * cpu_of_a_request(rounds):.2f}",
            f"{1000 * median(each.storage_cpu / len(each.latencies) for each in rounds):.2f}",
            f"{median(busy):.0%}, {median(busy_storage):.0%}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def ceiling(measured: Sequence[Measurement]) -> str:
    """Say what a core of its own would serve, and how many requests at once keep it busy."""
    cpu = cpu_of_a_request([each for each in measured if each.level >= 4])
    waits = ", ".join(
        f"{at_once_to_fill(cpu, wait):.0f} where a request waits {wait * 1000:.0f} ms for storage"
        for wait in WAITS
    )
    return (
        f"A request takes {cpu * 1000:.2f} ms of CPU: a core serves {1 / cpu:.0f} a second at most,"
        f" and is busy with {waits}. The process took {max(each.resident for each in measured):.0f}"
        " MiB."
    )


def cpu_of_a_request(measured: Sequence[Measurement]) -> float:
    """Return the median of our CPU a request, in seconds."""
    return median(each.cpu / len(each.latencies) for each in measured)


def at_once_to_fill(cpu: float, wait: float) -> float:
    """Return how many requests at once keep a core busy: while one computes, others wait.

    Args:
        cpu: seconds that a request computes.
        wait: seconds that it waits.
    """
    return (cpu + wait) / cpu


if __name__ == "__main__":
    app()
