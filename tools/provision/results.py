"""What happened: every operation with its latency, and every object that failed."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum


class Operation(StrEnum):
    """What the client does to the service; one row of the closing table each."""

    TEST_CONNECTION = "test connection"
    MATCH_USER = "match user"
    CREATE_USER = "create user"
    UPDATE_USER = "update user"
    DISABLE_USER = "disable user"
    RESTORE_USER = "restore user"
    DELETE_USER = "delete user"
    CHECK_REFERENCE = "check reference"
    SET_MANAGER = "set manager"
    CLEAR_MANAGER = "clear manager"
    MATCH_GROUP = "match group"
    CREATE_GROUP = "create group"
    RENAME_GROUP = "rename group"
    ADD_MEMBERS = "add members"
    REMOVE_MEMBERS = "remove members"
    DELETE_GROUP = "delete group"
    READ_BACK = "read back"


class ServiceError(Exception):
    """The service refused an operation, answered with something else than SCIM, or is away.

    Attributes:
        operation: what was asked for.
        detail: one line, with the service's own words where it gave some.
        status: HTTP status, None when there was no answer.
    """

    def __init__(self, operation: Operation, detail: str, status: int | None = None) -> None:
        super().__init__(f"{operation} failed: {detail}")
        self.operation = operation
        self.detail = detail
        self.status = status


@dataclass(frozen=True, slots=True)
class Sample:
    """One finished operation: `started` and `ended` in seconds of one monotonic clock.

    `latency` is that of the last attempt in seconds, without the waits between attempts.
    """

    operation: Operation
    started: float
    ended: float
    latency: float
    retries: int
    ok: bool


@dataclass(frozen=True, slots=True)
class Failure:
    """An object that could not be synchronised; it is tried again in the next cycle."""

    operation: Operation
    subject: str
    detail: str
    status: int | None


@dataclass(frozen=True, slots=True)
class Row:
    """The operations of one kind; `rate` is per second, latencies are milliseconds."""

    operation: str
    count: int
    ok: int
    failed: int
    retries: int
    rate: float
    p50: float
    p95: float
    slowest: float


@dataclass(slots=True)
class Ledger:
    """Collects samples and failures of a run."""

    samples: list[Sample] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    def fail(self, subject: str, error: ServiceError) -> None:
        """Put an object into escrow: it is reported at the end and stops no other."""
        self.failures.append(Failure(error.operation, subject, error.detail, error.status))

    def rows(self) -> list[Row]:
        """Sum up per operation, in the order of Operation, and all of them in a last row."""
        by_operation: dict[Operation, list[Sample]] = {}
        for sample in self.samples:
            by_operation.setdefault(sample.operation, []).append(sample)
        rows = [_row(str(name), by_operation[name]) for name in Operation if name in by_operation]
        return [*rows, _row("all", self.samples)] if self.samples else rows


def _row(name: str, samples: list[Sample]) -> Row:
    latencies = sorted(sample.latency * 1000 for sample in samples)
    ok = sum(sample.ok for sample in samples)
    busy = _busy((sample.started, sample.ended) for sample in samples)
    return Row(
        operation=name,
        count=len(samples),
        ok=ok,
        failed=len(samples) - ok,
        retries=sum(sample.retries for sample in samples),
        rate=len(samples) / busy if busy else 0.0,
        p50=_percentile(latencies, 50),
        p95=_percentile(latencies, 95),
        slowest=latencies[-1],
    )


def _busy(intervals: Iterable[tuple[float, float]]) -> float:
    """Measure the time in which at least one of the operations was under way, in seconds.

    A kind of operation comes back in every cycle; the time between must not dilute its rate.
    """
    total, reached = 0.0, float("-inf")
    for started, ended in sorted(intervals):
        total += max(0.0, ended - max(started, reached))
        reached = max(reached, ended)
    return total


def _percentile(ordered: list[float], percent: int) -> float:
    """Return the nearest-rank percentile of a sorted, non-empty list."""
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
