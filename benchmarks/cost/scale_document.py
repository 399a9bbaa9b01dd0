"""The text of docs/scale.md."""

from collections.abc import Iterator
from math import ceil
from typing import Final

from benchmarks.cost.assumptions import Assumptions
from benchmarks.cost.markdown import wrapped
from benchmarks.cost.measured import Measured
from benchmarks.cost.operations import PAGE_ROWS, Cost, add_members, create_user, expected_costs
from benchmarks.cost.sharding import SLOTS, operations, partition_of
from benchmarks.cost.workload import Period, Workload, workload

USERS: Final = 100_000
PARTITIONS: Final = 8
_EXAMPLE_IDS: Final = ("00", "1f", "20", "7f", "80", "ff")

_INTRODUCTION: Final = """\
# How far it scales

Where the first limit lies, what happens there, and what is to be done about it. For those who plan for large
customers, or for many.

Written by `python -m benchmarks.cost` from counted storage calls (`benchmarks/cost/operations.py`), measured CPU
(`benchmarks/cost/measured.toml`) and Azure's documented targets (`benchmarks/cost/assumptions.toml`). **The targets were read, not
measured:** nothing here has run on the real service.

- [The limits, in the order in which they are met](#the-limits-in-the-order-in-which-they-are-met)
- [One tenant](#one-tenant)
- [What happens at the limit](#what-happens-at-the-limit)
- [One tenant in several partitions](#one-tenant-in-several-partitions)
- [Many tenants](#many-tenants)
"""


def render(measured: Measured, assumed: Assumptions) -> str:
    """Return the whole document."""
    initial = workload(Period.INITIAL, USERS, assumed)
    text = "".join(
        [
            _INTRODUCTION,
            *_limits(initial, measured, assumed),
            *_one_tenant(initial, assumed),
            *_at_the_limit(),
            *_partitions(assumed),
            *_many_tenants(initial, measured, assumed),
        ]
    )
    return wrapped(text)


def _limits(initial: Workload, measured: Measured, assumed: Assumptions) -> Iterator[str]:
    limits = assumed.limits
    yield f"""
## The limits, in the order in which they are met

| what | target | here | source |
|---|---|---|---|
| a partition of a table | {limits.partition_entities_per_second:,} entities a second, of 1 KiB | **one tenant** | [Azure](https://learn.microsoft.com/azure/storage/tables/scalability-targets) |
| a storage account | {limits.account_requests_per_second:,} transactions a second, of 1 KiB | all tenants of a deployment | the same |
| a vault | {limits.vault_operations_in_10_seconds:,} operations in 10 s | the list of tenants, read by each instance once a minute | [Azure](https://learn.microsoft.com/azure/key-vault/general/service-limits) |
| an instance | one core at 2,048 MB | {_per_second(initial, measured):,.0f} requests a second by CPU alone | [Azure](https://learn.microsoft.com/azure/azure-functions/flex-consumption-plan#instance-sizes), measured |
| the app | {assumed.instances} instances (`maximumInstanceCount`, up to 1,000) | {assumed.instances * _per_second(initial, measured):,.0f} requests a second by CPU alone | `infra/main.bicep` |

The last two use the mean of an initial cycle, {_mean_cpu(initial, measured):.2f} ms a request on the machine that
[cost.md](cost.md#what-a-request-costs) names; the Functions host and its worker need CPU besides, which was not measured.
So the app is not what ends first: a tenant is, then the account.
"""


def _one_tenant(initial: Workload, assumed: Assumptions) -> Iterator[str]:
    limit, rate = (
        assumed.limits.partition_entities_per_second,
        assumed.provider_requests_per_second,
    )
    costs = expected_costs(members=0)
    shown: dict[str, tuple[Cost, int]] = {
        "create a user with an externalId and an e-mail": (
            create_user(external_ids=1, emails=1),
            1,
        ),
        "create a user with an externalId and two e-mails": (
            create_user(external_ids=1, emails=2),
            1,
        ),
        "PATCH a user": (costs["PATCH user"], 1),
        "add or remove one member": (add_members(1), 1),
        "add 40 members by one request": (add_members(40), 40),
    }
    yield f"""
## One tenant

A tenant is one partition, so everything that its identity provider writes shares {limit:,} entities a second. Whether reads
count as entities is not said; the lower number counts them.

| operation | entities written, read | a second | of the limit at {rate} requests a second |
|---|---|---:|---:|
"""
    for name, (cost, members) in shown.items():
        reads = cost.calls - 1
        touched = cost.entities + reads
        each = f"{limit // touched:,} to {limit // cost.entities:,}"
        if members > 1:
            each += (
                f" ({limit * members // touched:,} to {limit * members // cost.entities:,} members)"
            )
        share = f"{rate * cost.entities / limit:.0%} to {rate * touched / limit:.0%}"
        yield f"| {name} | {cost.entities}, {reads} | {each} | {share} |\n"
    seconds = initial.entities / limit
    yield f"""
{rate} requests a second is what Entra's gallery asks an application to take for each tenant. Requests of one user or of
one membership at a time need a tenth of the partition at that rate; only large PATCHes of groups come near it, and those are paced: an instance writes at most half of it for them (`SCIM_MEMBER_WRITES_PER_SECOND`).

The initial cycle of {USERS:,} users as [cost.md](cost.md#what-a-tenant-asks) describes it is {initial.total:,} requests that write
{initial.entities:,} entities. At {rate} requests a second it takes {initial.total / rate / 3600:.1f} hours; the partition would take it in
{seconds / 60:.0f} minutes. **The identity provider is the slower of the two by {initial.total / rate / seconds:.0f} times.**

No count of users is a limit in itself: rows are found by key, and [no operation but a scan](architecture.md#what-an-operation-costs)
costs more calls in a large tenant, and nothing but reading or replacing a list of members in a large group. A page by `startIndex` does when what lies between a counter's slot and the page is more
than one answer of {PAGE_ROWS:,} rows: a slot has 1 of {SLOTS} users, so with a page of 100 from {(PAGE_ROWS - 100) * SLOTS:,} users on.
"""


def _at_the_limit() -> Iterator[str]:
    yield """
## What happens at the limit

1. **Table Storage** answers 503 `ServerBusy`, or 500, to what is too much.
2. **The service** sends a read up to four times, and a transaction again so that it is done once
   ([the rules](architecture.md#the-rules-that-keep-it-correct)), after pauses that double up to 2 s, within the 25 s of the
   request. Most peaks end there, unseen. A tenant has at most 100 calls under way, and further ones wait for each
   other, not those of other tenants.
3. **The answer** to what is still refused is 429 with `Retry-After: 10` when storage said that it is busy, and 503 with
   `Retry-After: 10` when it did not say so. Nothing is half written: a request is done, or not, or, above 40
   membership changes, done in part and safe to repeat.
4. **The log** has the line of that request with its status, its calls, and the tenant. The alert `storage-throttling`
   is mailed when storage turned away 10 calls, or 5 requests were answered 429, within 15 minutes
   ([operate.md](operate.md#storage-throttling) has cause and remedy). `StorageTableLogs` shows every refused call.
5. **Entra** notes the objects that failed and tries them again in later cycles
   ([how provisioning works](https://learn.microsoft.com/entra/identity/app-provisioning/how-provisioning-works)). What it
   makes of `Retry-After` is not documented. Its quarantine begins at thousands of failures, so a peak does not reach it
   ([quarantine](https://learn.microsoft.com/entra/identity/app-provisioning/application-provisioning-quarantine-status)).

At the limit of the **account** the same happens to all tenants of a deployment at once. The remedy is a second deployment
for some of them: a tenant is one partition, so it moves as a copy of its rows and of its secret, and its customer enters
another Tenant URL.
"""


def _partitions(assumed: Assumptions) -> Iterator[str]:
    limits = assumed.limits
    useful = limits.account_requests_per_second // limits.partition_entities_per_second
    yield f"""
## One tenant in several partitions

**Not built, because nothing needs it:** one tenant would have to write ten times what Entra sends. What is built is what
could not be added later: the first 8 bits of an id are those of SHA-256 over the folded name at creation
(`shared/store/layout.py`), so that ids which customers' directories already hold can be spread without changing one.

`partition_of(tenant, id, partitions)` in `benchmarks/cost/sharding.py`, tested by `tests/ops/benchmarks/test_cost_sharding.py`, is the
rule: with S partitions, a power of two up to 256, partition k holds the k-th of S equal ranges of those 8 bits. With one,
it is the tenant, as today. Ranges rather than remainders, because then the order of ids is the order of partitions, so a
list goes through them one after the other, and to double S splits each in two. A tenant's name has no `--`, so no two
tenants meet. For `contoso`:

| id begins with | {" | ".join(f"S = {s}" for s in (1, 2, PARTITIONS))} |
|---|---|---|---|
"""
    for head in _EXAMPLE_IDS:
        names = (f"`{partition_of('contoso', head + '0' * 30, s)}`" for s in (1, 2, PARTITIONS))
        yield f"| `{head}` | {' | '.join(names)} |\n"
    yield """
Where rows would lie, and why:

| rows | partition of | because |
|---|---|---|
| `u-`, `cu-`, `l-` of a user's changes | the user's id | they change together |
| `m-<gid>-<uid>` | the **user's** id | the list in the user's row and the membership must agree; a hot group spreads over all partitions |
| `un-` | SHA-256 of the folded name | the id's first 8 bits are those of the name at creation: claim and user are in one partition until a rename |
| `ux-`, `ue-` | SHA-256 of their value | or a search for one would ask every partition |
| `g-`, `cg-`, `q-g-`; `gn-`; `gx-` | the group's id; its folded name; its externalId | as with users |
| `q` | the first partition | there is one |

**What stays one transaction:** everything about one user: its row, its name at creation, its counter, its memberships
and the list of them, its change row. **What does not:** the keys `ux-` and `ue-`, a name after a rename, and the touch of
the group. A key would be inserted before its owner and deleted after it, and a reader would compare it with the owner's row
and ignore one that is left over; a claim that was left over would have to be taken over by compare-and-swap after a time
(an hour: longer than the time-out of a function and the 15 minutes in which a late request is still taken). The group
would be touched first, which finds out whether it is there; a membership that a deletion overtakes belongs to a group that
`q-g-` marks as deleted, so nobody sees it and the sweep takes it.

"""
    yield f"What it would cost, with S = {PARTITIONS}, in calls and entities written:\n\n"
    yield f"| operation | S = 1 | S = {PARTITIONS} | why |\n|---|---:|---:|---|\n"
    for each in operations(PARTITIONS):
        yield (
            f"| {each.name} | {each.today.calls}, {each.today.entities} | "
            f"{each.spread.calls}, {each.spread.entities} | {each.why} |\n"
        )
    members = 10_000
    yield f"""| a group with {members:,} members | {1 + ceil(members / PAGE_ROWS)}, 0 | {1 + max(PARTITIONS, ceil(members / PAGE_ROWS))} to {1 + PARTITIONS + ceil(members / PAGE_ROWS)}, 0 | a range in every partition |
| a page by `startIndex` | 2, 0 | {PARTITIONS + 1} to {PARTITIONS + 2}, 0 | every partition's counters, then one range or two |
| a page by cursor | 1, 0 | 1 to 2, 0 | the next partition where one ends |
| the feed of changes | 1, 0 | {PARTITIONS}, 0 | merged by time |

A rename whose names fall into the same partition, one in S, stays as today. {PARTITIONS} partitions take
{PARTITIONS * limits.partition_entities_per_second:,} entities a second; more than {useful} of them help nothing, because the account
ends there, and a tenant beyond that needs an account of its own.

**To move a tenant from one partition to S** its rows are copied, by their ids or by SHA-256 of their values, while its token is disabled; there is no transaction over two partitions, and so no way to do it while it is
written to. A million rows at half of the account's {limits.account_requests_per_second:,} a second take
{1_000_000 // (limits.account_requests_per_second // 2)} s to write, and as long to delete. No tool for it exists.
"""


def _many_tenants(initial: Workload, measured: Measured, assumed: Assumptions) -> Iterator[str]:
    limits, rate = assumed.limits, assumed.provider_requests_per_second
    account = limits.account_requests_per_second
    calls, entities = initial.calls / initial.total, initial.per_entity / initial.total
    cycle = assumed.cycle_minutes * 60
    busy = workload(Period.BUSY, 10_000, assumed)
    month = assumed.hours_in_month * 3600
    per_vault = limits.vault_operations_in_10_seconds * 6
    yield f"""
## Many tenants

**What an account holds.** Tenants are different partitions, which Azure spreads over its servers by itself; there is no
limit on their number. What ends is the account's {account:,} transactions a second, by either reading of a transaction:

| tenants that do this at the same time | transactions of a tenant a second | tenants |
|---|---:|---:|
| the initial cycle, at {rate} requests a second | {rate * calls:.0f} to {rate * entities:.0f} | {account / (rate * entities):,.0f} to {account / (rate * calls):,.0f} |
| a busy month of 10,000 users, evenly | {busy.calls / month:.3f} to {busy.per_entity / month:.3f} | {account * month / busy.per_entity:,.0f} to {account * month / busy.calls:,.0f} |
| nothing but cycles | {2 / cycle:.5f} | {account * cycle / 2:,.0f} |

The first row is the one to plan for: how many customers may be connected on the same day. The others only say that
storage does not end before the vault does.

**What an app holds.** By CPU, {assumed.instances} instances take {assumed.instances * _per_second(initial, measured) / rate:,.0f} tenants in their
initial cycle at once, so the account ends first.

**What a vault holds.** Every instance reads the list of secrets once a minute, {limits.secrets_of_a_page} of them a page
([Azure](https://learn.microsoft.com/rest/api/keyvault/secrets/get-secrets/get-secrets)), and once a minute the versions of each tenant
that calls. The vault takes {per_vault:,} operations a minute:

| tenants | pages of the list | operations a minute, 1 instance | 10 instances | {assumed.instances} instances |
|---:|---:|---:|---:|---:|
"""
    for tenants in (100, 1_000, 10_000):
        pages = ceil(tenants / limits.secrets_of_a_page)
        counts = (
            _vault(n * (pages + _calling(tenants, cycle)), per_vault)
            for n in (1, 10, assumed.instances)
        )
        yield f"| {tenants:,} | {pages} | {' | '.join(counts)} |\n"
    yield f"""
Of T tenants whose cycles are spread over {assumed.cycle_minutes} minutes, T / {assumed.cycle_minutes} call in a minute, and each instance is taken to meet
them all. Pages are read one after the other within 15 s, in which a request that waits for a list nobody has yet gives up
after 6 s. **So the list of tenants is what limits the tenants of one deployment:** about 1,000 are well within
it, at 10,000 the {ceil(10_000 / limits.secrets_of_a_page)} pages take longer than a request waits unless a page takes less than
{6000 / ceil(10_000 / limits.secrets_of_a_page):.0f} ms, and many instances outrun the vault. Beyond, deploy twice, or keep the list elsewhere, which is
not built.
"""


def _vault(operations_a_minute: int, limit: int) -> str:
    text = f"{operations_a_minute:,}"
    return text if operations_a_minute <= limit else f"**{text}, too many**"


def _calling(tenants: int, cycle_seconds: int) -> int:
    """Tenants whose cycle begins within one minute."""
    return ceil(tenants * 60 / cycle_seconds)


def _mean_cpu(work: Workload, measured: Measured) -> float:
    """CPU of a request in the mean, in milliseconds."""
    return work.cpu_seconds(measured) / work.total * 1000


def _per_second(work: Workload, measured: Measured) -> float:
    return 1000 / _mean_cpu(work, measured)
