"""How long it takes to read the members of a large group: `python -m benchmarks.large_groups`.

The pages of the list are read in turn, as one query gives them, and in ranges side by side, as the
service reads them, by the client that serves. The storage is `benchmarks.spans`, in a process of
its own, which answers each call some milliseconds later.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated

import typer

from benchmarks.figures import table, written
from benchmarks.spans import group_of
from local import children
from shared.clock import Clock
from shared.store import layout
from shared.store.deletions_row import HiddenResources
from shared.store.memberships import Memberships
from shared.store.tenant_settings import TenantSettingsStore
from shared.tables.account import TableAddress
from shared.tables.azure_table import open_table
from shared.tables.request_context import RequestContext
from shared.tables.table import collect
from shared.tenants import DEFAULT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence, Sized

    from shared.tables.table import Table

ROOT = Path(__file__).resolve().parents[1]
SIZES = (100, 1_000, 2_000, 5_000, 20_000, 100_000)
HEAD = ("members", "in turn", "CPU", "calls", "side by side", "CPU", "calls")
_DEADLINE = 600.0

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@dataclass(frozen=True, slots=True)
class Reading:
    """What it took to read the members of a group once.

    Attributes:
        seconds: from begin to end.
        cpu: seconds that this process computed.
        calls: to the storage.
    """

    seconds: float
    cpu: float
    calls: int


@app.command()
def main(
    away: Annotated[float, typer.Option(min=0, help="Milliseconds to the storage.")] = 10.0,
    rounds: Annotated[int, typer.Option(min=1, help="How often each group is read.")] = 5,
) -> None:
    """Print a table in Markdown; medians, times in milliseconds."""
    print(asyncio.run(measured(away, rounds)))


async def measured(away: float, rounds: int) -> str:
    """Read each group in both ways in turn; return a table.

    Args:
        away: milliseconds to the storage.
        rounds: how often.
    """
    async with _opened(away) as storage:
        memberships = Memberships(
            storage, HiddenResources(storage, Clock()), TenantSettingsStore(storage, Clock())
        )
        lines = []
        for size in SIZES:
            in_turn, side_by_side = [], []
            for _ in range(rounds):
                in_turn.append(await _read(size, partial(_list_in_turn, storage)))
                side_by_side.append(await _read(size, memberships.list_members))
            lines.append(row(size, in_turn, side_by_side))
    return table(HEAD, lines)


async def _list_in_turn(storage: Table, context: RequestContext, gid: str) -> Sized:
    return await collect(storage, context, layout.memberships_span(gid), select=())


async def _read(
    size: int, list_members: Callable[[RequestContext, str], Awaitable[Sized]]
) -> Reading:
    """Read the members of a group once.

    Raises:
        RuntimeError: some were not found.
    """
    context = RequestContext(DEFAULT, "read", "read", time.monotonic() + _DEADLINE)
    began, cpu = time.perf_counter(), time.process_time()
    members = await list_members(context, group_of(size))
    if len(members) != size:
        raise RuntimeError(f"{len(members)} members of {size}")
    elapsed = time.perf_counter() - began
    return Reading(elapsed, time.process_time() - cpu, context.meter.calls)


def row(size: int, in_turn: Sequence[Reading], side_by_side: Sequence[Reading]) -> Sequence[str]:
    """Write what was measured of a group into the cells of a row."""
    cells = [f"{size:,}"]
    for readings in (in_turn, side_by_side):
        cells += [
            written(1000 * median(each.seconds for each in readings)),
            written(1000 * median(each.cpu for each in readings)),
            f"{median(each.calls for each in readings):.0f}",
        ]
    return cells


@asynccontextmanager
async def _opened(away: float) -> AsyncIterator[Table]:
    """Open the table of a storage with the groups, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.spans", str(away), *map(str, SIZES)]
    async with children.running(
        command, directory=ROOT, environ=os.environ, capture=True
    ) as process:
        port = int(await process.stdout.readline()) if process.stdout else 0
        endpoint = f"TableEndpoint=http://127.0.0.1:{port}/account"
        address = f"DefaultEndpointsProtocol=http;AccountName=account;AccountKey=a2V5;{endpoint}"
        opened = open_table(TableAddress("scim", connection_string=address))
        try:
            yield opened
        finally:
            await opened.close()


if __name__ == "__main__":
    app()
