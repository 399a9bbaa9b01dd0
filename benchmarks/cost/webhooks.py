"""What webhooks cost: a month in which nothing happens, and what is sent besides."""

from dataclasses import dataclass
from math import ceil

from benchmarks.cost.bill import TRACES_OF_A_REQUEST, TRACES_OF_A_SWEEP, Basis, Line, Quantity
from benchmarks.cost.operations import dispatch
from benchmarks.cost.parameters import Assumptions
from benchmarks.cost.requests import Request
from benchmarks.cost.workload import GB

OPERATIONS_OF_A_HINT = 3
"""On the queue: it is put, received and deleted."""

OPERATIONS_OF_A_TIMER = 1
"""On the queue: the one of hints that failed is looked at."""


@dataclass(frozen=True, slots=True)
class Use:
    """What is used.

    Attributes:
        runs: of functions.
        seconds: that an instance is billed for.
        calls: to Table Storage.
        queue: operations on queues.
        vault: operations on the vault.
        traces: rows of AppTraces that a run leaves.
    """

    runs: Quantity
    seconds: Quantity
    calls: Quantity
    queue: Quantity
    vault: int
    traces: int


@dataclass(frozen=True, slots=True)
class Webhooks:
    """What webhooks do, and its bill.

    Attributes:
        what: in words.
        use: what they use for it.
        lines: of the bill.
    """

    what: str
    use: Use
    lines: tuple[Line, ...]

    def total(self, *, granted: bool) -> Quantity:
        """Add up, in USD; `granted` takes off what a subscription gets for nothing."""
        return sum((each.amount(granted=granted) for each in self.lines), Quantity(0, 0))


def idle(basis: Basis) -> Webhooks:
    """Price a month of a deployment with one tenant and one endpoint, in which nothing happens.

    The least is where no instance runs between the timer's runs, so that nobody asks the queue at
    our expense; the most, where one asks it all month long.
    """
    assumed = basis.assumed
    runs = assumed.webhook_timers_in_month
    own = runs * OPERATIONS_OF_A_TIMER
    polls = assumed.seconds_in_month / assumed.queue_poll_seconds
    least, most = assumed.webhook_timer_least_seconds, assumed.webhook_timer_most_seconds
    use = Use(
        runs=_same(runs),
        seconds=Quantity(runs * least, runs * most),
        calls=_same(runs * dispatch().calls),
        queue=Quantity(own, own + polls),
        vault=runs,
        traces=TRACES_OF_A_SWEEP,
    )
    return _webhooks("nothing happens", use, basis)


def deliveries(number: int, basis: Basis) -> Webhooks:
    """Price events that are sent to an endpoint which takes them at the first attempt.

    The least is where they come so densely that a run sends as many as lie between two checkpoints,
    and runs share their time; the most, where each comes alone and is billed for a second.
    """
    assumed = basis.assumed
    dense = ceil(number / assumed.events_of_a_run)
    calls = dense * dispatch(events=assumed.events_of_a_run).calls
    # A call, or an attempt, takes as much CPU as a request that makes one call.
    cpu = (calls + number) * basis.measured.cpu_microseconds[Request.PROBE_USER] / 1e6
    use = Use(
        runs=Quantity(dense, number),
        seconds=Quantity(cpu, number * assumed.least_billed_seconds),
        calls=Quantity(calls, number * dispatch(events=1).per_entity),
        queue=Quantity(dense * OPERATIONS_OF_A_HINT, number * OPERATIONS_OF_A_HINT),
        vault=0,
        traces=TRACES_OF_A_REQUEST,
    )
    return _webhooks(f"{number:,} events are sent", use, basis)


def silent_receiver(basis: Basis) -> float:
    """Price an attempt whose receiver does not answer, alone on its instance, in USD."""
    assumed = basis.assumed
    gb_seconds = assumed.longest_answer_seconds * assumed.instance_gb
    return basis.prices.on_demand_gb_second.of(gb_seconds)


def _webhooks(what: str, use: Use, basis: Basis) -> Webhooks:
    assumed, prices, seconds = basis.assumed, basis.prices, use.seconds
    gb = assumed.instance_gb
    lines = (
        Line(prices.on_demand_gb_second, "", Quantity(seconds.least * gb, seconds.most * gb)),
        Line(prices.on_demand_execution, "", use.runs),
        Line(prices.table_transaction, "", use.calls),
        Line(prices.queue_operation, "", use.queue),
        Line(prices.vault_operation, "", _same(use.vault)),
        Line(prices.log_gb, "", _logged(use, assumed)),
    )
    return Webhooks(what, use, lines)


def _logged(use: Use, assumed: Assumptions) -> Quantity:
    """Size what the log gets, in GB; operations on queues are not logged."""
    run = assumed.log_request_bytes + use.traces * assumed.log_trace_bytes
    call, vault = assumed.log_storage_call_bytes, use.vault * assumed.log_vault_operation_bytes
    least = use.runs.least * run + use.calls.least * call + vault
    most = use.runs.most * run + use.calls.most * call + vault
    return Quantity(least / GB, most / GB)


def _same(quantity: float) -> Quantity:
    return Quantity(quantity, quantity)
