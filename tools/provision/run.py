"""A whole run: connection check, cycles, read-back."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter

from tools.provision.client import ScimClient
from tools.provision.cycle import Cycle, Settings, check_connection
from tools.provision.directory import Directory
from tools.provision.generator import evolve
from tools.provision.readback import Difference, ReadBack, Verification, expect
from tools.provision.results import Failure, Row
from tools.provision.state import State
from tools.provision.watch import Prefixed, Watch


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do.

    Attributes:
        directories: states of one directory, at least one, synchronised one after the other.
        settings: how to synchronise.
        verification: how to read the last state back, None to leave that.
    """

    directories: Sequence[Directory]
    settings: Settings = field(default_factory=Settings)
    verification: Verification | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What a run came to.

    Attributes:
        rows: one for each kind of operation, and their sum.
        failures: objects that could not be synchronised, in any cycle.
        differences: what the read-back found, None when it was not asked for.
        seconds: of the whole run.
    """

    rows: list[Row]
    failures: list[Failure]
    differences: list[Difference] | None
    seconds: float

    @property
    def ok(self) -> bool:
        """Nothing failed and nothing differs."""
        return not self.failures and not self.differences


def evolutions(directory: Directory, count: int, seed: int) -> list[Directory]:
    """Return a directory and so many later states of it."""
    states = [directory]
    for step in range(count):
        states.append(evolve(states[-1], seed + step))
    return states


async def provision(client: ScimClient, plan: Plan, state: State, watch: Watch) -> Report:
    """Carry out a plan.

    Args:
        client: reaches the service.
        plan: what to do.
        state: what the service is known to hold; brought up to date, also when this raises.
        watch: sees the progress.

    Raises:
        ServiceError: when the connection check fails, or a list cannot be read back.
    """
    started = perf_counter()
    await check_connection(client, plan.settings)
    for number, directory in enumerate(plan.directories, start=1):
        named = Prefixed(watch, f"cycle {number}: ")
        await Cycle(client, state, plan.settings, named).run(directory)
    differences = None
    if plan.verification is not None:
        expectation = expect(plan.directories[-1], state)
        differences = await ReadBack(client, expectation, watch, plan.verification).compare()
    ledger = client.ledger
    return Report(ledger.rows(), ledger.failures, differences, perf_counter() - started)
