"""What a period of a tenant costs, line by line, and what the alternative would."""

from dataclasses import dataclass

from benchmarks.cost.assumptions import Assumptions
from benchmarks.cost.measured import Measured
from benchmarks.cost.prices import Price, Prices
from benchmarks.cost.workload import GB, Period, Workload, stored_gb, workload

TRACES_OF_A_REQUEST = 3
"""Rows of AppTraces: the host writes two, that a function begins and ends, and the service one."""


@dataclass(frozen=True, slots=True)
class Basis:
    """What everything is computed from."""

    prices: Prices
    measured: Measured
    assumed: Assumptions


@dataclass(frozen=True, slots=True)
class Quantity:
    """How much of something: by the reading of Azure's rules that costs least, and most."""

    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a bill.

    Attributes:
        price: of its meter.
        quantity: how much of it.
        how: the arithmetic, in words and numbers.
    """

    price: Price
    quantity: Quantity
    how: str

    def amount(self, *, granted: bool) -> Quantity:
        """Price it, in USD; `granted` takes off what a subscription gets for nothing."""
        return Quantity(
            self.price.of(self.quantity.least, granted=granted),
            self.price.of(self.quantity.most, granted=granted),
        )


@dataclass(frozen=True, slots=True)
class Bill:
    """The bill of a period."""

    users: int
    period: Period
    work: Workload
    lines: tuple[Line, ...]

    def total(self, *, granted: bool) -> Quantity:
        """Add up, in USD."""
        amounts = [line.amount(granted=granted) for line in self.lines]
        return Quantity(sum(each.least for each in amounts), sum(each.most for each in amounts))


def bill(period: Period, users: int, basis: Basis) -> Bill:
    """Bill a period of a tenant, in a deployment that scales to zero."""
    work = workload(period, users, basis.assumed)
    minutes = min(work.total, basis.assumed.hours_in_month * 60)
    vault = minutes * basis.assumed.vault_operations
    lines = (
        _time(work, basis),
        _executions(work, basis.prices),
        _transactions(work, basis.prices),
        _storage(period, users, basis),
        Line(
            basis.prices.vault_operation,
            Quantity(vault, vault),
            f"{basis.assumed.vault_operations} in each minute with requests, at most {minutes:,}",
        ),
        _log(work, vault, basis),
    )
    return Bill(users, period, work, lines)


def _time(work: Workload, basis: Basis) -> Line:
    cpu = work.cpu_seconds(basis.measured)
    apart = work.total * basis.assumed.least_billed_seconds
    gb = basis.assumed.instance_gb
    return Line(
        basis.prices.on_demand_gb_second,
        Quantity(cpu * gb, apart * gb),
        f"{cpu:,.1f} s of CPU, or {apart:,.0f} s when every request comes alone; x {gb:g} GB",
    )


def _executions(work: Workload, prices: Prices) -> Line:
    number = Quantity(work.total, work.total)
    return Line(prices.on_demand_execution, number, f"{work.total:,} requests")


def _transactions(work: Workload, prices: Prices) -> Line:
    return Line(
        prices.table_transaction,
        Quantity(work.calls, work.per_entity),
        f"{work.calls:,} calls, or {work.per_entity:,} when entities are counted",
    )


def _storage(period: Period, users: int, basis: Basis) -> Line:
    changes = workload(Period.INITIAL, users, basis.assumed).changes
    if period is Period.BUSY:
        changes += workload(Period.BUSY, users, basis.assumed).changes
    held = stored_gb(users, changes, basis.measured, basis.assumed)
    return Line(
        basis.prices.table_gb_month,
        Quantity(held, held),
        f"{users:,} users, their groups and memberships, {changes:,} change rows",
    )


def _log(work: Workload, vault: int, basis: Basis) -> Line:
    size = basis.assumed.log_row_bytes
    request = size.request + TRACES_OF_A_REQUEST * size.trace + basis.measured.log_line_bytes
    rest = work.total * request + vault * size.vault_operation
    return Line(
        basis.prices.log_gb,
        Quantity(
            (rest + work.calls * size.storage_call) / GB,
            (rest + work.per_entity * size.storage_call) / GB,
        ),
        f"{request:,} bytes a request, {size.storage_call:,} a storage transaction,"
        f" {size.vault_operation:,} an operation on the vault",
    )


@dataclass(frozen=True, slots=True)
class Fixed:
    """What a deployment costs each month, whatever its tenants do; USD.

    Attributes:
        alerts: the rules of the log.
        always_ready: one instance kept ready, as infra/prod.bicepparam asks for.
    """

    alerts: float
    always_ready: float


def fixed(prices: Prices, assumed: Assumptions) -> Fixed:
    """Price what does not depend on tenants."""
    seconds = assumed.hours_in_month * 3600
    return Fixed(
        prices.alert_rule_5_minutes.of(assumed.alert_rules_5_minutes)
        + prices.alert_rule_15_minutes.of(assumed.alert_rules_15_minutes),
        prices.always_ready_gb_second.of(seconds * assumed.instance_gb),
    )


@dataclass(frozen=True, slots=True)
class Alternative:
    """The smallest container that always runs, and the smallest managed PostgreSQL; USD a month.

    Attributes:
        container: idle all month, and active all month, less the free grant.
        database: server and storage.
    """

    container: Quantity
    database: float

    @property
    def total(self) -> Quantity:
        """Both."""
        return Quantity(self.container.least + self.database, self.container.most + self.database)


def alternative(prices: Prices, assumed: Assumptions) -> Alternative:
    """Price what the service is compared with."""
    seconds = assumed.hours_in_month * 3600
    vcpu, gib = seconds * assumed.container.vcpu, seconds * assumed.container.gib
    memory = prices.container_gib_second.of(gib, granted=True)
    return Alternative(
        Quantity(
            prices.container_idle_vcpu_second.of(vcpu, granted=True) + memory,
            prices.container_active_vcpu_second.of(vcpu, granted=True) + memory,
        ),
        prices.postgresql_hour.of(assumed.hours_in_month)
        + prices.postgresql_gib_month.of(assumed.container.postgresql_gib),
    )
