"""The text of docs/cost.md."""

from collections.abc import Callable, Iterator
from typing import Final

from benchmarks.cost.assumptions import Assumptions
from benchmarks.cost.bill import Alternative, Basis, Bill, Line, Quantity, alternative, bill, fixed
from benchmarks.cost.markdown import wrapped
from benchmarks.cost.measured import Measured
from benchmarks.cost.prices import Price, Prices
from benchmarks.cost.requests import COSTS, Request
from benchmarks.cost.workload import GB, Period, Workload, workload

SIZES: Final = (100, 10_000, 100_000)
SHOWN: Final = (10_000, Period.BUSY)

_INTRODUCTION: Final = """\
# What it costs

For those who decide whether to run the service, and for those who are asked why the bill is what it is. A tenant is
one customer's directory, which Microsoft Entra ID keeps up to date in cycles of {minutes} minutes.

Written by `python -m benchmarks.cost` from counted storage calls (`benchmarks/cost/operations.py`, which
`tests/unit/store/test_store_costs.py` holds the store to), measured CPU (`benchmarks/cost/measured.toml`), prices
(`benchmarks/cost/prices.toml`) and assumptions (`benchmarks/cost/assumptions.toml`). The last two are yours to replace: every
price below is **an assumption as of {as_of}, in USD, for the region `{region}`**, and nothing here was read from a bill.
`make test` fails when this page is not what its sources give.

- [The answer](#the-answer)
- [Least and most](#least-and-most)
- [What a tenant asks](#what-a-tenant-asks)
- [One bill, line by line](#one-bill-line-by-line)
- [What a deployment costs without any tenant](#what-a-deployment-costs-without-any-tenant)
- [The alternative](#the-alternative)
- [What a request costs](#what-a-request-costs)
- [Prices](#prices)
- [What is not in it](#what-is-not-in-it)
"""


def render(basis: Basis) -> str:
    """Return the whole document."""
    prices, measured, assumed = basis.prices, basis.measured, basis.assumed
    bills = [bill(period, users, basis) for users in SIZES for period in Period]
    shown = next(each for each in bills if (each.users, each.period) == SHOWN)
    introduction = _INTRODUCTION.format(
        minutes=assumed.cycle_minutes, as_of=prices.as_of, region=prices.region
    )
    text = "".join(
        [
            introduction,
            *_answer(bills, prices, assumed),
            *_readings(assumed),
            *_asked(assumed),
            *_shown(shown),
            *_fixed(prices, assumed),
            *_alternative(shown, prices, assumed),
            *_requests(measured),
            *_prices(prices),
            *_missing(prices, measured, assumed),
        ]
    )
    return wrapped(text)


def _answer(bills: list[Bill], prices: Prices, assumed: Assumptions) -> Iterator[str]:
    other, always = alternative(prices, assumed), fixed(prices, assumed)
    yield """
## The answer

USD, least to most. **Alone** is a deployment with this tenant only, which has Azure's monthly free grants to itself;
**among many**, the grants are used up by others. The initial cycle comes once, the first month has it and an idle or
busy month besides.

| users | period | requests | alone | among many |
|---:|---|---:|---:|---:|
"""
    for each in bills:
        alone, shared = each.total(granted=True), each.total(granted=False)
        yield (
            f"| {each.users:,} | {each.period} | {each.work.total:,} | {_span(alone)} | "
            f"{_span(shared)} |\n"
        )
    yield f"""
Besides, once for the whole deployment, {_usd(always.alerts)} a month for its alert rules, and
{_usd(always.always_ready)} with an instance always ready, as `infra/prod.bicepparam` has it and `infra/dev.bicepparam`
has not. The smallest container that always runs with the smallest managed PostgreSQL costs {_span(other.total)} a month
whether anybody provisions or not, without high availability, which
[the burstable tier does not have](https://learn.microsoft.com/azure/postgresql/flexible-server/concepts-high-availability);
what it logs, and the alerts on it, come on top there too.
"""


def _readings(assumed: Assumptions) -> Iterator[str]:
    yield f"""
## Least and most

Two of Azure's rules leave room, and one of them is documented in two ways.

- **Time.** An instance is billed while it runs any function, with its whole memory ({assumed.instance_gb:g} GB), for at
  least {assumed.least_billed_seconds * 1000:,.0f} ms, then by 100 ms
  ([documentation](https://learn.microsoft.com/azure/azure-functions/flex-consumption-plan#billing)). Requests that
  overlap or follow each other share that time. *Most*: every request comes alone and costs a second. *Least*: they
  come so densely that an instance does nothing but compute, so the measured CPU is what is billed. Waiting for storage
  counts too, so the truth lies between; a dense initial cycle is near the least, an idle month is the most.
- **Transactions.** An entity group transaction is billed as the one request that it is
  ([the storage team, 2010](https://learn.microsoft.com/archive/blogs/windowsazurestorage/understanding-windows-azure-storage-billing-bandwidth-transactions-and-capacity))
  or as one transaction for each entity
  ([Particular](https://docs.particular.net/persistence/azure-table/capacity-planning)). We do not know which. *Least* takes
  the one, *most* the other; the log has a row for each, by the same reading.
"""


def _asked(assumed: Assumptions) -> Iterator[str]:
    busy, directory = assumed.busy, assumed.directory
    yield f"""
## What a tenant asks

A directory of N users has N / {directory.users_of_a_group} groups, and each user is in {directory.groups_of_a_user}. A month has
{assumed.hours_in_month} hours and so {assumed.cycles_in_month:,} cycles.

- **Initial cycle:** every user is matched by name and created, then its manager checked and set; every group is
  matched and created; every membership is checked and added by a request of its own. How many members Entra puts into
  one PATCH is not documented; several in one are cheaper.
- **Idle month:** nothing changes. Every cycle begins with a query for a user and one for a group that do not exist.
- **Busy month:** the same, and of the users {_percent(busy.joined)} join, {_percent(busy.disabled)} are disabled,
  {_percent(busy.deleted)} deleted, {_percent(busy.changed)} get another attribute, {_percent(busy.managed)} another manager,
  {_percent(busy.members_added)} join a group and {_percent(busy.members_removed)} leave one. What is changed is looked up first.

| requests | {" | ".join(f"{users:,} users, {period}" for users in SIZES[1:] for period in Period)} |
|---|{"---:|" * len(SIZES[1:]) * len(Period)}
"""
    works = [workload(period, users, assumed) for users in SIZES[1:] for period in Period]
    for kind in Request:
        yield f"| {kind} | {' | '.join(f'{work.requests[kind]:,}' for work in works)} |\n"
    yield _sum("**all**", works, lambda work: work.total)
    yield _sum("storage calls", works, lambda work: work.calls)
    yield _sum("transactions, counted by entity", works, lambda work: work.per_entity)
    yield _sum("entities written", works, lambda work: work.entities)


def _shown(shown: Bill) -> Iterator[str]:
    yield f"""
## One bill, line by line

{shown.users:,} users, {shown.period}, alone: quantity less what is free, by the price.

| meter | how | quantity | free | price | USD |
|---|---|---:|---:|---:|---:|
"""
    for line in shown.lines:
        yield (
            f"| {line.price.what} | {line.how} | {_numbers(line.quantity)} | "
            f"{_free(line.price)} | {_price(line.price)} | {_span(line.amount(granted=True))} |\n"
        )
    yield f"| **all** | | | | | **{_span(shown.total(granted=True))}** |\n"
    yield f"""
The same, among many, where nothing is free: {_span(shown.total(granted=False))}. Most of it is for: {_largest(shown).price.what}.
"""


def _fixed(prices: Prices, assumed: Assumptions) -> Iterator[str]:
    always = fixed(prices, assumed)
    five, fifteen = prices.alert_rule_5_minutes, prices.alert_rule_15_minutes
    yield f"""
## What a deployment costs without any tenant

- **Alerts:** {assumed.alert_rules_5_minutes} rules every 5 minutes x {_usd(five.usd)} + {assumed.alert_rules_15_minutes} every
  6 hours x {_usd(fifteen.usd)} = {_usd(always.alerts)} a month.
- **An instance always ready**, which spares the first request after a pause its cold start: {assumed.hours_in_month} h x
  3,600 s x {assumed.instance_gb:g} GB x {_price(prices.always_ready_gb_second)} = {_usd(always.always_ready)} a month. None by default
  (`alwaysReadyInstances`). Work on it is billed at rates of its own, without a free grant.
- **A timer:** none. The app has no timer today; memberships of deleted groups of more than 200 wait for a sweeper that
  does not exist. One that ran every 10 minutes would be {_usd(_timer(prices, assumed))} a month: {_runs(assumed):,} runs of a
  second, by the price of a GB-second and of an execution, without a free grant.
"""


def _alternative(shown: Bill, prices: Prices, assumed: Assumptions) -> Iterator[str]:
    other, container = alternative(prices, assumed), assumed.container
    busy = shown.total(granted=False)
    seconds = assumed.hours_in_month * 3600
    vcpu, gib = prices.container_active_vcpu_second, prices.container_gib_second
    yield f"""
## The alternative

What the peers need: a container that always runs, because an identity provider calls when it likes, and a database.

- **Container Apps**, {container.vcpu:g} vCPU and {container.gib:g} GiB, the smallest: ({seconds:,} s x {container.vcpu:g} - {vcpu.free:,} free) x
  {_price(prices.container_idle_vcpu_second)} idle, or {_price(vcpu)} active, and ({seconds:,} s x {container.gib:g} -
  {gib.free:,} free) x {_price(gib)} = {_span(other.container)} a month.
- **PostgreSQL**, flexible server B1ms: {assumed.hours_in_month} h x {_price(prices.postgresql_hour)} + {container.postgresql_gib} GiB x
  {_price(prices.postgresql_gib_month)} = {_usd(other.database)} a month.
- Together {_span(other.total)}.

One container holds many tenants as well, and its price does not move with them until it is too small. This service's
does, from nothing on: the container and its database cost as much as {_tenants(other, busy)} tenants of {SHOWN[0]:,} users in
a busy month, among many. From there on the price speaks for the container, and what it costs to keep a server and a
database alive against it.
"""


def _requests(measured: Measured) -> Iterator[str]:
    yield f"""
## What a request costs

Calls and entities are asserted (`make test PYTEST_ARGS=tests/unit/store/test_store_costs.py`). CPU is the median of
{measured.rounds} requests of each kind, from the call of the function to its return, of the service's process alone; Azurite is
the storage; the Functions host, its worker and TLS are not in it. Measured on {measured.machine}, by
`python -m benchmarks.cost --measure`, which fails when the service counts other calls than the table. A line of the log has
{measured.log_line_bytes} bytes.

Whoever shows a user in groups reads row `q` ([the data](architecture.md#the-data)), and the instance remembers it for 2
seconds. This page counts it for every such request, which is the most: so it is where they are further apart, and in a
burst they cost one call less.

| request | storage calls | entities written | transactions by entity | CPU, ms |
|---|---:|---:|---:|---:|
"""
    for kind, cost in COSTS.items():
        yield (
            f"| {kind} | {cost.calls} | {cost.entities} | {cost.per_entity} | "
            f"{measured.cpu_microseconds[kind] / 1000:.2f} |\n"
        )
    yield """
A row of each kind ([the data](architecture.md#the-data)) as Table Storage bills it, in bytes; users are those of
`tools/provision`, with two dozen attributes.

"""
    kinds = measured.row_bytes
    yield f"| {' | '.join(f'`{kind}`' for kind in kinds)} |\n|{'---:|' * len(kinds)}\n"
    yield f"| {' | '.join(f'{size:,}' for size in kinds.values())} |\n"


def _prices(prices: Prices) -> Iterator[str]:
    yield f"""
## Prices

As of {prices.as_of}, region `{prices.region}`, pay as you go, without tax. **Assumptions to be replaced.** Azure's pages fill their
figures in by script, so they could not be read there; where another public page states the same figure, it is linked.
The command in `benchmarks/cost/prices.toml` asks Azure's Retail Prices API for each of them, without signing in.

| meter | USD | free a month | decided by | read at |
|---|---:|---:|---|---|
"""
    for price in prices.all():
        read_at = f"[page]({price.read_at})" if price.read_at else "no page found"
        yield (
            f"| {price.what} | {_price(price)} | {_free(price)} | [Azure]({price.source}) | "
            f"{read_at} |\n"
        )


def _missing(prices: Prices, measured: Measured, assumed: Assumptions) -> Iterator[str]:
    yearly = 12 * workload(Period.BUSY, SIZES[-1], assumed).changes
    gb = yearly * measured.row_bytes["l"] / GB
    yield f"""
## What is not in it

- **Sampling.** Application Insights keeps a part of the traces of a busy app (`host.json`), so a dense cycle logs less
  than this page says. Sizes of rows in the log are estimates; `assumptions.toml` has the query that shows yours.
- **Metrics** that the host and storage write on their own, retention of logs beyond what is free, and OpenTelemetry, which
  is off.
- **Change rows** never expire today: {SIZES[-1]:,} users leave {yearly:,} of them in a year of busy months,
  {gb:.2f} GB, which cost {_usd(prices.table_gb_month.of(gb))} a month from then on.
- **The network:** what leaves Azure, private endpoints, a gateway before the app.
- **The host's storage account** (a package of some MB), the action group's mails, the workbook.
- **Requests of your own product**, and people.
"""


def _tenants(other: Alternative, tenant: Quantity) -> str:
    """Say how many tenants cost as much: the cheapest by the dearest, and the other way round."""
    few, many = other.total.least / tenant.most, other.total.most / tenant.least
    return f"{few:.0f} to {many:.0f}"


def _runs(assumed: Assumptions) -> int:
    return assumed.hours_in_month * 6


def _timer(prices: Prices, assumed: Assumptions) -> float:
    runs = _runs(assumed)
    return prices.on_demand_gb_second.of(
        runs * assumed.instance_gb
    ) + prices.on_demand_execution.of(runs)


def _largest(shown: Bill) -> Line:
    return max(shown.lines, key=lambda line: line.amount(granted=False).most)


def _sum(name: str, works: list[Workload], of: Callable[[Workload], int]) -> str:
    return f"| {name} | {' | '.join(f'{of(work):,}' for work in works)} |\n"


def _percent(part: float) -> str:
    return f"{part * 100:g} %"


def _usd(amount: float) -> str:
    if 0 < amount < 0.005:
        return "< $0.01"
    return f"${amount:,.2f}"


def _span(amount: Quantity) -> str:
    least, most = _usd(amount.least), _usd(amount.most)
    return least if least == most else f"{least} to {most}"


def _price(price: Price) -> str:
    shown = f"{price.usd:.7f}".rstrip("0")
    whole, _, decimals = shown.partition(".")
    return f"${whole}.{decimals:0<2} per {price.per}"


def _free(price: Price) -> str:
    return f"{price.free:,}" if price.free else ""


def _numbers(quantity: Quantity) -> str:
    least, most = _number(quantity.least), _number(quantity.most)
    return least if least == most else f"{least} to {most}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == round(value) else f"{value:,.3g}"
