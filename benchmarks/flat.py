"""What an operation costs a small tenant and a large one: calls, entities, CPU.

Both are in one table of one Azurite, so that this process waits for both of them, and finds its
caches as cold when storage has answered.
"""

from __future__ import annotations

import gc
import time
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import islice
from statistics import median
from typing import TYPE_CHECKING

from benchmarks import instance
from benchmarks.cpu import PORTION, spent
from benchmarks.directory import Directory
from benchmarks.instance import CONTROL
from benchmarks.operations import OPERATIONS, Operation, note
from benchmarks.tables import Rows
from shared.tenants import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.client import Request
    from benchmarks.directory import Ids
    from benchmarks.instance import Instance
    from benchmarks.options import Options
    from benchmarks.tables import Seeded

_SECONDS = 10.0
"""Time for one operation in a round, after which no portion is begun."""

_FIRST = 10_000_000
"""Number of the first person who is created here: beyond those whom other measurements left."""


@dataclass(frozen=True, slots=True)
class Flat:
    """One operation of a tenant.

    Attributes:
        operation: Name of the operation.
        users: Users of the tenant, all members of one group.
        calls: Calls to storage of one operation, but for those of `reads_of_deletions`.
        reads_of_deletions: Reads of the deletions row in one operation. A process may remember it
            for a while; then their number is a matter of time and not of the operation.
        entities: Entities that one operation writes.
        portions: CPU of one operation in microseconds, from the entry of the function to its
            return: the mean of each portion, in their order.
        milliseconds: Time of one operation, most of which is that of storage.
    """

    operation: str
    users: int
    calls: float
    reads_of_deletions: float
    entities: float
    portions: Sequence[float]
    milliseconds: float

    @property
    def microseconds(self) -> float:
        """CPU of one operation: the median of the portions."""
        return median(self.portions)


async def measure(options: Options, large: Seeded, tell: Callable[[str], None]) -> list[Flat]:
    """Measure every operation for a small tenant and for a large one, by turns."""
    small = Rows.of(options.small)
    await small.write(large.storage, (CONTROL,))
    async with instance.opened(large.storage) as app:
        tenants = [
            await _Tenant.open(app, name, ids)
            for name, ids in ((CONTROL, small.ids), (DEFAULT, large.ids))
        ]
        for turn in range(options.rounds):
            for operation in OPERATIONS:
                await _round(operation, options.repeats, tenants)
            tell(f"flat: round {turn + 1} of {options.rounds}")
        return [found for each in tenants for found in each.found()]


async def _round(operation: Operation, repeats: int, tenants: Sequence[_Tenant]) -> None:
    """Measure one operation, a portion of one tenant after a portion of the other."""
    turns = [(each, each.requests(operation, repeats)) for each in tenants]
    until = time.perf_counter() + _SECONDS
    for at in range(0, repeats, PORTION):
        for tenant, requests in turns if at // PORTION % 2 else turns[::-1]:
            await tenant.measure(operation, requests[at : at + PORTION])
        if time.perf_counter() > until:
            return


@dataclass(slots=True)
class _Counts:
    """What operations of one name came to; lists have an entry for each portion."""

    done: int = 0
    calls: int = 0
    reads_of_deletions: int = 0
    entities: int = 0
    microseconds: list[float] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)


class _Tenant:
    """A tenant with its directory, and what was measured of it."""

    def __init__(self, app: Instance, name: str, directory: Directory) -> None:
        self._app = app
        self._name = name
        self._directory = directory
        self._counts: defaultdict[str, _Counts] = defaultdict(_Counts)

    @classmethod
    async def open(cls, app: Instance, name: str, ids: Ids) -> _Tenant:
        """Create the users who are in no group."""

        async def create(request: Request) -> str:
            return await app.create(request, name)

        return cls(app, name, await Directory.open(ids, create, first=_FIRST))

    def requests(self, operation: Operation, repeats: int) -> Sequence[Request]:
        """Write the requests of a round of an operation."""
        return list(islice(operation.requests(self._directory), repeats))

    async def measure(self, operation: Operation, requests: Sequence[Request]) -> None:
        """Measure a portion of a round."""
        prepared = [self._app.prepared(each, self._name) for each in requests]
        invocations = [self._app.invocation(each) for each in prepared]
        recorder = self._app.recorder
        recorder.calls.clear()
        gc.collect()  # so that neither pays for what the other has left
        took = await spent(invocations)
        counts = self._counts[operation.name]
        counts.done += len(requests)
        counted = recorder.counted
        counts.calls += len(counted)
        counts.reads_of_deletions += len(recorder.calls) - len(counted)
        counts.entities += sum(len(each.operations) for each in counted)
        counts.microseconds.append(took.cpu / len(requests) * 1e6)
        counts.milliseconds.append(took.elapsed / len(requests) * 1e3)
        note(operation, self._directory, requests)

    def found(self) -> list[Flat]:
        """Return what was measured."""
        return [self._flat(name, counts) for name, counts in self._counts.items()]

    def _flat(self, name: str, counts: _Counts) -> Flat:
        return Flat(
            name,
            len(self._directory.ids.users),
            counts.calls / counts.done,
            counts.reads_of_deletions / counts.done,
            counts.entities / counts.done,
            counts.microseconds,
            median(counts.milliseconds),
        )
