"""What the feed of a tenant costs in a month in which nothing happens, by how it is read."""

from dataclasses import dataclass

from benchmarks.cost.bill import Basis, Line, Quantity, logged_gb
from benchmarks.cost.operations import read_feed
from benchmarks.cost.requests import Request


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read the feed.

    Attributes:
        how: in words.
        requests: of a month.
        calls: to the storage.
        lines: of the bill.
    """

    how: str
    requests: int
    calls: int
    lines: tuple[Line, ...]

    def total(self, *, granted: bool) -> Quantity:
        """Add up, in USD; `granted` takes off what a subscription gets for nothing."""
        return sum((each.amount(granted=granted) for each in self.lines), Quantity(0, 0))


def readings(basis: Basis) -> list[Reading]:
    """Price both ways to read the feed."""
    return [_polling(basis), _waiting(basis)]


def _polling(basis: Basis) -> Reading:
    """Price a request every minute, and whatever is billed for each while it is served."""
    assumed = basis.assumed
    requests = assumed.seconds_in_month // assumed.poll_seconds
    # A request that makes one call, as a probe does.
    cpu = requests * basis.measured.cpu_microseconds[Request.PROBE_USER] / 1e6
    seconds = Quantity(cpu, requests * assumed.least_billed_seconds)
    how = f"asking every {assumed.poll_seconds} s"
    return _reading(basis, how, requests, requests * read_feed().calls, seconds)


def _waiting(basis: Basis) -> Reading:
    """Price a request that always waits: an instance is awake, which a few such requests share."""
    assumed = basis.assumed
    whole = assumed.seconds_in_month
    requests = whole // assumed.wait_seconds
    calls = (requests + whole // assumed.look_seconds) * read_feed().calls
    how = f"waiting, {assumed.wait_seconds} s a request"
    return _reading(basis, how, requests, calls, Quantity(whole / assumed.waits_at_once, whole))


def _reading(basis: Basis, how: str, requests: int, calls: int, seconds: Quantity) -> Reading:
    assumed, prices = basis.assumed, basis.prices
    gb_seconds = Quantity(seconds.least * assumed.instance_gb, seconds.most * assumed.instance_gb)
    asked = min(requests, assumed.hours_in_month * 60) * assumed.vault_operations
    transactions = Quantity(calls, calls)
    lines = (
        Line(prices.on_demand_gb_second, "", gb_seconds),
        Line(prices.on_demand_execution, "", Quantity(requests, requests)),
        Line(prices.table_transaction, "", transactions),
        Line(prices.vault_operation, "", Quantity(asked, asked)),
        Line(prices.log_gb, "", logged_gb(requests, asked, transactions, basis)),
    )
    return Reading(how, requests, calls, lines)
