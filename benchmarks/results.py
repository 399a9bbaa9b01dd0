"""All that a run has measured, and what of it reaches the targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.figures import ratio, spread, written
from benchmarks.services import OURS, SCIM2_SERVER, SCIMMY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.core import Pure
    from benchmarks.cpu import Cost
    from benchmarks.figures import Figure
    from benchmarks.flat import Flat
    from benchmarks.latency import Latency

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
        latencies: Of every service.
        flats: Of this service in two directories.
        costs: CPU of this service.
        pures: CPU of the SCIM core.
    """

    command: str
    minutes: float
    machine: Mapping[str, str]
    clients: int
    latencies: Sequence[Latency]
    flats: Sequence[Flat]
    costs: Sequence[Cost]
    pures: Sequence[Pure]

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
    def levels(self) -> list[int]:
        """The sizes, from the smallest."""
        return sorted({each.users for each in self.latencies})

    @property
    def shared_levels(self) -> list[int]:
        """The sizes that every service was measured at."""
        return sorted({each.users for each in self.latencies if each.service != OURS})


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
    ratios = {peer: ratio(results.milliseconds(operation, peer, users), ours) for peer in peers}
    reached = ", ".join(f"{written(each)} times {peer}" for peer, each in ratios.items())
    known = [each for each in ratios.values() if each is not None]
    is_reached = len(known) == len(peers) and min(known) >= target
    name = f"{operation}, {users:,} users"
    return Goal(
        name,
        f"at least {target:g} times as fast" if target > 1 else "at least as fast",
        reached,
        is_reached,
    )


def _flat(results: Results) -> list[Goal]:
    found = []
    for operation in dict.fromkeys(each.operation for each in results.flats):
        pair = [each for each in results.flats if each.operation == operation]
        sizes = " and ".join(f"{each.users:,}" for each in pair)
        is_equal = len({(each.calls, each.entities) for each in pair}) == 1
        apart = spread([each.microseconds.median for each in pair])
        reached = f"{'equal' if is_equal else 'not equal'}; {apart:.0%}"
        target = f"calls and entities equal; CPU within {FLAT_WITHIN:.0%}"
        is_reached = is_equal and apart <= FLAT_WITHIN
        found.append(Goal(f"{operation}, {sizes} users", target, reached, is_reached))
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
