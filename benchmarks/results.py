"""All that a run has measured, and what of it reaches the targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.figures import apart, ratio, written
from benchmarks.services import OURS, SCIM2_SERVER, SCIMMY, STORAGE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.core import Pure
    from benchmarks.cpu import Cost
    from benchmarks.figures import Figure
    from benchmarks.flat import Flat
    from benchmarks.latency import Latency
    from benchmarks.overload import Overload

PEERS = (SCIM2_SERVER, SCIMMY)
ADD, LIST = "add a member", "list a page of 100"
MULTIPLES = {
    "get a user": 3.5,
    "create a user": 2.5,
    "PATCH one attribute": 2.5,
    "add a member": 2.5,
    "remove a member": 2.5,
}
"""What an operation may cost, as a multiple of the floor."""
FLAT_WITHIN = 0.10


@dataclass(frozen=True, slots=True)
class Results:
    """What a run has measured.

    Attributes:
        command: That runs it again.
        minutes: That it took.
        machine: What a reader must know, by what it is.
        clients: Requests under way at once.
        latencies: Of every service, and of the storage of this one alone.
        flats: Of this service for two tenants of one table.
        rows: Of the large directory.
        costs: CPU of this service.
        pures: CPU of the SCIM core.
        overloads: Of one instance that was offered too much.
    """

    command: str
    minutes: float
    machine: Mapping[str, str]
    clients: int
    latencies: Sequence[Latency]
    flats: Sequence[Flat]
    rows: int
    costs: Sequence[Cost]
    pures: Sequence[Pure]
    overloads: Sequence[Overload] = ()

    def latency(self, operation: str, service: str, users: int) -> Latency | None:
        """Return one measurement."""
        for each in self.latencies:
            if (each.operation, each.service, each.users) == (operation, service, users):
                return each
        return None

    def milliseconds(self, operation: str, service: str, users: int) -> Figure | None:
        """Return a latency; None when there is none."""
        found = self.latency(operation, service, users)
        return None if found is None else found.milliseconds

    @property
    def operations(self) -> list[str]:
        """The names of the operations, in their order."""
        return list(dict.fromkeys(each.operation for each in self.latencies))

    @property
    def pairs(self) -> list[tuple[Flat, Flat]]:
        """Each operation for the small tenant and for the large one."""
        ordered = sorted(self.flats, key=lambda each: each.users)
        half = len(ordered) // 2
        return list(zip(ordered[:half], ordered[half:], strict=True))

    @property
    def levels(self) -> list[int]:
        """The sizes, from the smallest."""
        return sorted({each.users for each in self.latencies})

    @property
    def shared_levels(self) -> list[int]:
        """The sizes that every service was measured at."""
        peers = (each for each in self.latencies if each.service not in {OURS, STORAGE})
        return sorted({each.users for each in peers})


@dataclass(frozen=True, slots=True)
class Goal:
    """A target, and how far it was reached.

    Attributes:
        name: What is to be reached.
        target: As the report has it.
        reached: What was.
        is_reached: Whether that is enough.
    """

    name: str
    target: str
    reached: str
    is_reached: bool


def goals(results: Results) -> list[Goal]:
    """Hold what was measured against every target."""
    return [
        *_faster(results),
        *_flat(results),
        *(_multiple(cost) for cost in results.costs if cost.operation in MULTIPLES),
        *(_pure(pure) for pure in results.pures),
    ]


def _faster(results: Results) -> list[Goal]:
    largest = results.shared_levels[-1]
    found = [
        _times(results, ADD, largest, PEERS, 100),
        _times(results, LIST, largest, PEERS, 10),
    ]
    others = [each for each in results.operations if each not in {ADD, LIST}]
    return found + [_times(results, each, largest, [SCIM2_SERVER], 1) for each in others]


def _times(
    results: Results, operation: str, users: int, peers: Sequence[str], target: float
) -> Goal:
    ours = results.milliseconds(operation, OURS, users)
    alone = results.milliseconds(operation, STORAGE, users)
    reached, is_reached = [], True
    for peer in peers:
        theirs = results.milliseconds(operation, peer, users)
        times = ratio(theirs, ours)
        reached.append(f"{written(times)} times {peer}")
        if times is None or times < target:
            is_reached = False
            share = written(ratio(alone, theirs))
            reached[-1] += f" (Azurite alone takes {share} times its whole latency)"
    return Goal(
        f"{operation}, {users:,} users",
        f"at least {target:g} times as fast" if target > 1 else "at least as fast",
        ", ".join(reached),
        is_reached,
    )


def _flat(results: Results) -> list[Goal]:
    target = f"calls and entities equal; CPU within {FLAT_WITHIN:.0%}"
    found = []
    for small, large in results.pairs:
        is_equal = (small.calls, small.entities) == (large.calls, large.entities)
        more = apart(small.portions, large.portions)
        found.append(
            Goal(
                f"{small.operation}, {small.users:,} and {large.users:,} users",
                target,
                f"{'equal' if is_equal else 'not equal'}; {more:+.0%}",
                is_equal and abs(more) <= FLAT_WITHIN,
            )
        )
    return found


def _multiple(cost: Cost) -> Goal:
    target = MULTIPLES[cost.operation]
    return Goal(
        f"{cost.operation}, CPU of the handler",
        f"at most {target} times the floor",
        f"{cost.multiple:.2f} times",
        cost.multiple <= target,
    )


def _pure(pure: Pure) -> Goal:
    reached = pure.microseconds.median
    return Goal(
        pure.name,
        f"at most {written(pure.target)} µs of CPU",
        f"{written(reached)} µs",
        reached <= pure.target,
    )
