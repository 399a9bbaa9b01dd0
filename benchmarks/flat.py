"""What an operation costs in a small directory and in a large one: calls, entities, CPU."""

from __future__ import annotations

from collections import defaultdict
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from benchmarks import instance, services
from benchmarks.cpu import spent
from benchmarks.directory import Directory
from benchmarks.figures import Figure, figure
from benchmarks.operations import OPERATIONS, Operation, note

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.instance import Instance
    from benchmarks.options import Options
    from benchmarks.services import Seeded

_FIRST = 10_000_000
"""Number of the first person who is created here: beyond those whom other measurements left."""


@dataclass(frozen=True, slots=True)
class Flat:
    """One operation in a directory.

    Attributes:
        operation: Name of the operation.
        users: Users of the directory, all members of one group.
        calls: Calls to storage of one operation, without those for row `q`.
        entities: Entities that one operation writes.
        microseconds: CPU of one operation, from the entry of the function to its return.
    """

    operation: str
    users: int
    calls: float
    entities: float
    microseconds: Figure


async def measure(options: Options, large: Seeded, tell: Callable[[str], None]) -> list[Flat]:
    """Measure every operation in a small directory and in a large one, by turns."""
    async with AsyncExitStack() as stack:
        small = await stack.enter_async_context(services.seeded(options.small))
        directories = []
        for there in (small, large):
            app = await stack.enter_async_context(instance.opened(there.storage))
            directory = await Directory.open(there.ids, app.create, first=_FIRST)
            directories.append(_Measured(app, directory))
        for turn in range(options.rounds):
            for operation in OPERATIONS:
                for each in directories[:: 1 if turn % 2 else -1]:
                    await each.measure(operation, options.repeats)
            tell(f"flat: round {turn + 1} of {options.rounds}")
        return [found for each in directories for found in each.found()]


class _Measured:
    """One directory, and what was measured in it."""

    def __init__(self, app: Instance, directory: Directory) -> None:
        self._app = app
        self._directory = directory
        self._rounds: defaultdict[str, list[list[float]]] = defaultdict(list)
        self._calls: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)

    async def measure(self, operation: Operation, repeats: int) -> None:
        """Measure one operation in one round."""
        self._app.enter()
        requests = list(islice(operation.requests(self._directory), repeats))
        invocations = [self._app.invocation(self._app.prepared(each)) for each in requests]
        self._app.recorder.calls.clear()
        seconds = await spent(invocations)
        calls = self._app.recorder.counted
        entities = sum(len(each.operations) for each in calls)
        self._rounds[operation.name].append([seconds / repeats * 1e6])
        self._calls[operation.name].append((len(calls) / repeats, entities / repeats))
        note(operation, self._directory, requests)

    def found(self) -> list[Flat]:
        """Return what was measured."""
        users = len(self._directory.ids.users)
        found = []
        for name, rounds in self._rounds.items():
            microseconds = figure(rounds)
            if microseconds is not None:
                calls, entities = max(self._calls[name])
                found.append(Flat(name, users, calls, entities, microseconds))
        return found
