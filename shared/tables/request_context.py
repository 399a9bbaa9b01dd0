"""What one request carries through the store: its tenant, its identity, its deadline, its meter.

A run of the sweeper carries the same, and a bound besides.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from shared.errors import Unavailable

_RETRY_AFTER_DEADLINE = 5


@dataclass(slots=True)
class Meter:
    """Counts what a request costs; written by the table, read by the request log and by tests.

    Attributes:
        calls: requests sent to Table Storage, resends included.
        entities: entities written by committed transactions.
    """

    calls: int = 0
    entities: int = 0

    def add(self, part: "Meter") -> None:
        """Count in what a part of the request cost."""
        self.calls += part.calls
        self.entities += part.entities


@dataclass(slots=True)
class RequestContext:
    """One request's view of the store.

    Attributes:
        tenant: the PartitionKey of every row that the request can reach.
        request_id: names the request in change rows and in the log.
        actor: label of the token that authorised the request, never the token.
        deadline: `time.monotonic()` after which no storage call is begun.
        method: how the request came: its HTTP method, of each operation in a bulk request its own;
            `sweep` for the sweeper, `admin` for the command line and for what follows of a decision
            about the guard. Change rows keep it.
        position: index of the operation in its bulk request; None outside of one.
        client_request_id: how the client names the request, in a form that holds no name; "" where
            it does not. Change rows keep it, by which they are found from the client's own log.
        meter: what the request has cost so far.
        transactions: transactions begun so far; the number names one of the request in its receipt.
        has_removed: whether it has disabled or deleted users, or taken them out of a group.
        skipped: what the request has named as members and was passed over, ids or not, each cut.
    """

    tenant: str
    request_id: str
    actor: str
    deadline: float
    method: str = ""
    position: int | None = None
    client_request_id: str = ""
    meter: Meter = field(default_factory=Meter)
    transactions: int = 0
    has_removed: bool = False
    skipped: list[str] = field(default_factory=list)

    @property
    def has_written(self) -> bool:
        """Whether it has written something, or may have: parts of it are counted in the meter."""
        return bool(self.transactions or self.meter.entities)

    def next_transaction(self) -> int:
        """Count one more transaction of this request, and return its number."""
        self.transactions += 1
        return self.transactions

    def remaining(self) -> float:
        """Seconds left until the deadline.

        Raises:
            Unavailable: the deadline has passed.
        """
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise Unavailable(
                "The request could not be finished in time; repeat it as it was.",
                retry_after=_RETRY_AFTER_DEADLINE,
            )
        return left


@dataclass(frozen=True, slots=True)
class Bound:
    """How much work in the background does for a tenant before it leaves the rest to the next run.

    Looked at between transactions, unlike a deadline, which ends one in the middle.

    Attributes:
        entities: how many may have been written before another transaction is begun.
        until: by `steady`, after which none is begun.
        steady: a clock that never jumps, in seconds.
    """

    entities: int
    until: float
    steady: Callable[[], float] = time.monotonic

    def is_reached(self, context: RequestContext) -> bool:
        """Tell whether the rest is for the next run."""
        return context.meter.entities >= self.entities or self.steady() >= self.until
