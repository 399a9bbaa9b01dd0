"""What a period of a tenant costs, line by line; what a deployment costs, and the alternative."""

from dataclasses import dataclass

from benchmarks.cost import operations
from benchmarks.cost.parameters import Assumptions, Measured, Price, Prices
from benchmarks.cost.workload import GB, Period, Workload, stored_gb, workload

TRACES_OF_A_REQUEST = 3
"""Rows of AppTraces: the host writes two, that a function begins and ends, and the service one."""

TRACES_OF_A_SWEEP = 2
"""Those of the host alone: a run of the sweeper that found nothing to do leaves no line."""


_HOURS_IN_DAY = 24


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

    def __add__(self, other: "Quantity") -> "Quantity":
        return Quantity(self.least + other.least, self.most + other.most)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a bill: so much of a meter, and the arithmetic in words and numbers."""

    price: Price
    how: str
    quantity: Quantity

    def amount(self, *, granted: bool) -> Quantity:
        """Price it, in USD; `granted` takes off what a subscription gets for nothing."""
        of, quantity = self.price.of, self.quantity
        return Quantity(of(quantity.least, granted=granted), of(quantity.most, granted=granted))


@dataclass(frozen=True, slots=True)
class Bill:
    """The bill of a period."""

    users: int
    period: Period
    work: Workload
    lines: tuple[Line, ...]

    @property
    def name(self) -> str:
        """What is billed."""
        return f"{self.users:,} users, {self.period}"

    @property
    def largest(self) -> Line:
        """The line that costs most where nothing is free."""
        return max(self.lines, key=lambda line: line.amount(granted=False).most)

    def total(self, *, granted: bool) -> Quantity:
        """Add up, in USD."""
        return sum((each.amount(granted=granted) for each in self.lines), Quantity(0, 0))


def bill(period: Period, users: int, basis: Basis) -> Bill:
    """Bill a period of a tenant, in a deployment that scales to zero."""
    work, prices = workload(period, users, basis.assumed), basis.prices
    minutes = _busy_minutes(work, basis)
    asked = minutes * basis.assumed.vault_operations
    sweeps = _sweeps(period, work, basis)
    calls = (
        f"{work.calls:,} calls, or {work.per_entity:,} when entities are counted,"
        f" {sweeps.least:,.0f} or {sweeps.most:,.0f} of the sweeper"
        f" and at most {minutes:,} for the settings of the tenant, one in each minute with requests"
    )
    beside = sweeps + _same(minutes)
    vault = f"{basis.assumed.vault_operations} in each minute with requests, at most {minutes:,}"
    lines = (
        _time(work, basis),
        Line(prices.on_demand_execution, f"{work.total:,} requests", _same(work.total)),
        Line(prices.table_transaction, calls, _transactions(work) + beside),
        _stored(period, users, basis),
        Line(prices.vault_operation, vault, _same(asked)),
        _logged(work, asked, beside, basis),
    )
    return Bill(users, period, work, lines)


def _transactions(work: Workload) -> Quantity:
    return Quantity(work.calls, work.per_entity)


def _sweeps(period: Period, work: Workload, basis: Basis) -> Quantity:
    """Count the sweeper's transactions: in a month as many changes expire as there are new ones.

    The least is all of them in as few transactions as may be. An initial cycle is no month.
    """
    if period is Period.INITIAL:
        return _same(0)
    looks = _looks(period, basis)
    expiry = operations.sweep(expired=work.changes).calls - operations.sweep().calls
    return Quantity(looks + expiry, looks + work.changes)


def _looks(period: Period, basis: Basis) -> int:
    """Count the reads by which the sweeper finds out whether there is anything to do."""
    if period is Period.INITIAL:
        return 0
    return _looks_in_month(basis)


def _looks_in_month(basis: Basis) -> int:
    by_run = operations.sweep().calls * basis.assumed.sweeps_in_month
    days = basis.assumed.hours_in_month // _HOURS_IN_DAY
    return by_run + operations.sweep_once_a_day().calls * days


def _busy_minutes(work: Workload, basis: Basis) -> int:
    """Count from above the minutes with requests: what is remembered is read again in each."""
    return min(work.total, basis.assumed.hours_in_month * 60)


def _same(quantity: float) -> Quantity:
    return Quantity(quantity, quantity)


def _time(work: Workload, basis: Basis) -> Line:
    cpu, gb = work.cpu_seconds(basis.measured), basis.assumed.instance_gb
    apart = work.total * basis.assumed.least_billed_seconds
    how = f"{cpu:,.1f} s of CPU, or {apart:,.0f} s when every request comes alone; x {gb:g} GB"
    return Line(basis.prices.on_demand_gb_second, how, Quantity(cpu * gb, apart * gb))


def _stored(period: Period, users: int, basis: Basis) -> Line:
    periods = {Period.INITIAL, period}
    changes = sum(workload(each, users, basis.assumed).changes for each in periods)
    how = f"{users:,} users, their groups and memberships, {changes:,} change rows"
    held = stored_gb(users, changes, basis.measured, basis.assumed)
    return Line(basis.prices.table_gb_month, how, _same(held))


def _logged(work: Workload, vault_operations: int, beside: Quantity, basis: Basis) -> Line:
    assumed = basis.assumed
    how = (
        f"{_request_bytes(basis):,} bytes a request, {assumed.log_storage_call_bytes:,} a storage"
        f" transaction, {assumed.log_vault_operation_bytes:,} an operation on the vault"
    )
    logged = logged_gb(work.total, vault_operations, _transactions(work) + beside, basis)
    return Line(basis.prices.log_gb, how, logged)


def logged_gb(requests: int, vault_operations: int, calls: Quantity, basis: Basis) -> Quantity:
    """Size what the log gets of requests, and of what they ask of the vault and the storage."""
    call = basis.assumed.log_storage_call_bytes
    rest = requests * _request_bytes(basis)
    rest += vault_operations * basis.assumed.log_vault_operation_bytes
    return Quantity((rest + calls.least * call) / GB, (rest + calls.most * call) / GB)


def _request_bytes(basis: Basis) -> int:
    """Size the rows of a request in the log: those of the host and the line of the service."""
    traces = TRACES_OF_A_REQUEST * basis.assumed.log_trace_bytes
    return basis.assumed.log_request_bytes + traces + basis.measured.log_line_bytes


def storage_log(of: Bill, basis: Basis) -> dict[str, Quantity]:
    """Price the log of storage calls where nothing is free, in USD, as `storageLogs` names it."""
    work, price = of.work, basis.prices.log_gb
    gb = basis.assumed.log_storage_call_bytes / GB
    minutes = _busy_minutes(work, basis)
    reads = work.reads + _looks(of.period, basis) + minutes
    calls = _transactions(work) + _sweeps(of.period, work, basis) + _same(minutes)
    return {
        "all": Quantity(price.of(calls.least * gb), price.of(calls.most * gb)),
        "changes": Quantity(
            price.of((calls.least - reads) * gb), price.of((calls.most - reads) * gb)
        ),
        "none": _same(0),
    }


def alerts(basis: Basis) -> float:
    """Price the rules of the log, in USD a month."""
    often = basis.prices.alert_rule_5_minutes.of(basis.assumed.alert_rules_5_minutes)
    return often + basis.prices.alert_rule_15_minutes.of(basis.assumed.alert_rules_15_minutes)


def always_ready(basis: Basis) -> float:
    """Price one instance kept ready, as infra/prod.bicepparam asks for, in USD a month."""
    gb_seconds = basis.assumed.seconds_in_month * basis.assumed.instance_gb
    return basis.prices.always_ready_gb_second.of(gb_seconds)


def sweeper(basis: Basis, *, granted: bool) -> Quantity:
    """Price the sweeper's runs with nothing to do, but for what they ask of tenants, a month."""
    assumed, prices, runs = basis.assumed, basis.prices, basis.assumed.sweeps_in_month
    logged = assumed.log_request_bytes + TRACES_OF_A_SWEEP * assumed.log_trace_bytes
    logged += assumed.log_vault_operation_bytes
    rest = (
        prices.on_demand_execution.of(runs, granted=granted)
        + prices.vault_operation.of(runs, granted=granted)
        + prices.log_gb.of(runs * logged / GB, granted=granted)
    )

    def time(seconds: float) -> float:
        gb_seconds = runs * seconds * assumed.instance_gb
        return prices.on_demand_gb_second.of(gb_seconds, granted=granted)

    least, most = time(assumed.sweeper_least_seconds), time(assumed.sweeper_most_seconds)
    return Quantity(rest + least, rest + most)


def sweeps_of_a_tenant(basis: Basis) -> float:
    """Price what the sweeper asks of a tenant with nothing to do, in USD a month."""
    calls = _looks_in_month(basis)
    logged = calls * basis.assumed.log_storage_call_bytes / GB
    return basis.prices.table_transaction.of(calls) + basis.prices.log_gb.of(logged)


def access_tokens(basis: Basis) -> Quantity:
    """Price the access tokens of one client, by secret and by assertion, in USD a month.

    A client asks for one when it has none that is valid, once an hour; nothing is free. Each
    request is billed for a second of an instance, as where no other is served meanwhile.
    """
    assumed, prices, asked = basis.assumed, basis.prices, basis.assumed.hours_in_month
    by_secret = (
        prices.on_demand_execution.of(asked)
        + prices.on_demand_gb_second.of(asked * assumed.instance_gb)
        + prices.log_gb.of(asked * _request_bytes(basis) / GB)
    )
    calls = asked * operations.give_access_token(by_assertion=True).calls
    stored = prices.log_gb.of(calls * assumed.log_storage_call_bytes / GB)
    return Quantity(by_secret, by_secret + prices.table_transaction.of(calls) + stored)


def container(basis: Basis) -> Quantity:
    """Price the smallest container that always runs: idle, and active; in USD a month."""
    prices, seconds = basis.prices, basis.assumed.seconds_in_month
    vcpu, gib = seconds * basis.assumed.container_vcpu, seconds * basis.assumed.container_gib
    return _same(prices.container_gib_second.of(gib, granted=True)) + Quantity(
        prices.container_idle_vcpu_second.of(vcpu, granted=True),
        prices.container_active_vcpu_second.of(vcpu, granted=True),
    )


def database(basis: Basis) -> float:
    """Price the smallest managed PostgreSQL, server and storage, in USD a month."""
    server = basis.prices.postgresql_hour.of(basis.assumed.hours_in_month)
    return server + basis.prices.postgresql_gib_month.of(basis.assumed.postgresql_gib)


def alternative(basis: Basis) -> Quantity:
    """Price what the service is compared with, in USD a month."""
    return container(basis) + _same(database(basis))
