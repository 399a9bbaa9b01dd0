"""What each operation costs, in calls and in entities written, whatever the tenant's size.

The expected numbers are those of `benchmarks/cost/operations.py`, from which docs/cost.md is
computed.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from itertools import count
from typing import TYPE_CHECKING

import pytest

from benchmarks.cost.operations import Cost, add_members, expected_costs
from shared.errors import NotFound
from shared.scim.documents import changed_names
from shared.scim.members import MemberChange
from shared.store.deletions_row import LEASE_SECONDS
from shared.store.store import Store, open_store
from shared.tables.account import TableAddress
from shared.tables.azure_table import AzureTable, open_table
from shared.tables.request_context import RequestContext
from tests.support.documents import group, setting, user
from tests.support.fakes.storage_proxy import answer, first, lose_request
from tests.support.seeds import Seeded, seed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from local.azurite import Azurite
    from tests.conftest import NewContext
    from tests.support.fakes.clock import Time
    from tests.support.fakes.storage_proxy import StorageProxy
    from tests.unit.store.conftest import ReadBack

NO_MEMBERS = MemberChange()


class Meters:
    """Runs operations as requests of their own and keeps what each of them cost."""

    def __init__(self, tenant: str, clock: Time) -> None:
        self.costs: dict[str, Cost] = {}
        self._tenant = tenant
        self._clock = clock
        self._latest: RequestContext | None = None

    def __call__(self, name: str) -> RequestContext:
        """Begin a request that is to be measured under a name, when every lease is over."""
        self._clock.advance(LEASE_SECONDS)
        return self.at_once(name)

    def at_once(self, name: str) -> RequestContext:
        """Begin it at the time of the one before."""
        self._close()
        context = RequestContext(self._tenant, name, "test", time.monotonic() + 25)
        self._name, self._latest = name, context
        return context

    def _close(self) -> None:
        if self._latest is not None:
            meter = self._latest.meter
            self.costs[self._name] = Cost(meter.calls, meter.entities)

    def read(self) -> dict[str, Cost]:
        self._close()
        return self.costs


async def measure(store: Store, meters: Meters, everyone: Seeded) -> dict[str, Cost]:
    """Run every operation once in a tenant whose users are all in one group."""
    await _measure_users(store, meters, everyone)
    for name, show in shows_users_in_groups(store, everyone).items():
        await show(meters(name))
    await _measure_groups(store, meters, everyone)
    await _measure_members(store, meters, everyone)
    await _measure_pages(store, meters, everyone)
    return meters.read()


async def _measure_users(store: Store, meters: Meters, everyone: Seeded) -> None:
    users, groups = store.users, store.groups
    plain = await users.create(meters("create user"), user("plain"))
    full = await users.create(
        meters("create user with externalId and 2 e-mails"),
        user("full", externalId="7", emails=[{"value": "a@x.org"}, {"value": "b@x.org"}]),
    )
    await users.get(meters("get user"), full.id)
    await users.get(meters("get user in a group, without groups"), everyone.users[0], groups=False)
    await users.by_user_name(meters("userName eq"), "full")
    await users.by_user_name(meters("userName eq, miss"), "nobody")
    await users.by_external_id(meters("externalId eq"), "7")
    await users.by_external_id(meters("externalId eq, miss"), "8")
    await users.by_email(meters("emails.value eq"), "a@x.org")
    await users.by_email(meters("emails.value eq, miss"), "c@x.org")

    await users.update(meters("PATCH user"), full.id, setting(title="Dr"))
    await users.update(meters("PATCH that changes nothing"), full.id, setting(title="Dr"))
    await users.update(meters("disable user"), full.id, setting(active=False))
    await users.update(meters("rename user"), full.id, setting(userName="fuller"))
    await users.update(
        meters("rename user in letter case only"), full.id, setting(userName="Fuller")
    )
    await users.update(meters("change externalId"), full.id, setting(externalId="8"))
    emails = [{"value": "a@x.org"}, {"value": "c@x.org"}]
    await users.update(meters("change an e-mail"), full.id, setting(emails=emails))
    emails = [{"value": "a@x.org"}, {"value": "d@x.org"}]
    change = setting(userName="fullest", externalId="9", emails=emails)
    await users.update(meters("rename and change all keys"), full.id, change)

    await users.delete(meters("delete user"), plain.id)
    await users.delete(meters("delete user with externalId and 2 e-mails"), full.id)
    joined = await users.create(meters("prepare"), user("joined"))
    for n in range(3):
        await groups.create(meters("prepare"), group(f"of joined {n}"), [joined.id])
    await users.delete(meters("delete user in 3 groups"), joined.id)


async def _measure_groups(store: Store, meters: Meters, everyone: Seeded) -> None:
    groups, all_of_them = store.groups, everyone.groups[0]
    empty = await groups.create(meters("create group"), group("empty"))
    named = await groups.create(
        meters("create group with externalId"), group("named", externalId="7")
    )
    small = await groups.create(
        meters("create group with 3 members"), group("small"), everyone.users[:3]
    )
    await groups.by_display_name(meters("displayName eq"), "small")
    await groups.by_display_name(meters("displayName eq, miss"), "none")
    await groups.get(meters("get group without members"), all_of_them, members=False)
    await groups.get(meters("get group with members"), all_of_them)

    new_name = setting(displayName="renamed")
    await groups.update(meters("rename group"), named.id, NO_MEMBERS, new_name)
    new_name = setting(displayName="Renamed")
    await groups.update(meters("rename group in letter case only"), named.id, NO_MEMBERS, new_name)
    joining = MemberChange(add=everyone.users[:1])
    await groups.update(
        meters("rename group and add a member"), empty.id, joining, setting(displayName="no more")
    )
    await groups.update(meters("prepare"), empty.id, MemberChange(remove=everyone.users[:1]))
    await groups.delete(meters("delete group without members"), empty.id)
    await groups.delete(meters("delete group with externalId"), named.id)
    await groups.delete(meters("delete group with 3 members"), small.id)
    with pytest.raises(NotFound):
        await groups.delete(meters("delete group, none there"), small.id)


async def _measure_members(store: Store, meters: Meters, everyone: Seeded) -> None:
    groups, all_of_them = store.groups, everyone.groups[0]
    new = [(await store.users.create(meters("prepare"), user(f"new{n}"))).id for n in range(5)]
    one, five = (new[0],), tuple(new)
    await groups.update(meters("add a member"), all_of_them, MemberChange(add=one))
    await groups.update(meters("add a member who is one"), all_of_them, MemberChange(add=one))
    await groups.update(meters("remove a member"), all_of_them, MemberChange(remove=one))
    await groups.update(
        meters("add a member with If-Match"),
        all_of_them,
        MemberChange(add=one),
        precondition=any_version,
    )
    await groups.update(
        meters("remove a member with If-Match"),
        all_of_them,
        MemberChange(remove=one),
        precondition=any_version,
    )
    await groups.update(meters("add 5 members"), all_of_them, MemberChange(add=five))
    await groups.update(meters("remove 5 members"), all_of_them, MemberChange(remove=five))
    context = meters("membership check")
    await groups.get(context, all_of_them, members=False)
    one_user = everyone.users[1:2]
    assert await groups.have_members(context, [all_of_them], one_user) == [
        dict.fromkeys(one_user, "User")
    ]
    listed = MemberChange(replace=True, add=(*everyone.users[1:], new[0]))
    await groups.update(meters("replace a list by one that differs in 2"), all_of_them, listed)
    await groups.update(meters("replace a list by the same"), all_of_them, listed)


async def _measure_pages(store: Store, meters: Meters, everyone: Seeded) -> None:
    users, number = store.users, len(everyone.users)
    assert await users.count(meters("count users")) == number + 5
    assert await store.groups.count(meters("count groups")) == 1 + 3
    assert (await users.page(meters("page of 0 users"), 1, 0)).resources == []
    assert (await users.page(meters("page past the end"), number + 6, 10)).resources == []
    assert len((await store.groups.page(meters("page of groups"), 1, 10)).resources) == 1 + 3


Show = Callable[[RequestContext], Awaitable[object]]


def shows_users_in_groups(store: Store, everyone: Seeded) -> dict[str, Show]:
    """The operations that show users who are in a group."""
    users, first, number = store.users, everyone.users[0], len(everyone.users)
    titles = count()

    async def patch(context: RequestContext) -> None:
        await users.update(context, first, setting(title=f"No. {next(titles)}"))

    async def first_page(context: RequestContext) -> None:
        assert len((await users.page(context, 1, 10)).resources) == 10

    async def last_page(context: RequestContext) -> None:
        assert (await users.page(context, number, 10)).resources

    return {
        "get user in a group": lambda context: users.get(context, first),
        "userName eq, in a group": lambda context: users.by_user_name(context, "user0@example.com"),
        "externalId eq, in a group": lambda context: users.by_external_id(context, "70"),
        "emails.value eq, in a group": lambda context: users.by_email(context, "70@x.org"),
        "PATCH user in a group": patch,
        "first page of users": first_page,
        "last page of users": last_page,
    }


async def seed_one_group(store: Store, context: RequestContext, members: int) -> Seeded:
    """Write users who are all in one group; one has an externalId and an e-mail address."""
    everyone = await seed(store.table, context, users=members)
    found = setting(externalId="70", emails=[{"value": "70@x.org"}])
    await store.users.update(context, everyone.users[0], found)
    return everyone


async def check_costs(store: Store, context: RequestContext, meters: Meters, members: int) -> None:
    everyone = await seed_one_group(store, context, members)
    expected = expected_costs(members)
    measured = await measure(store, meters, everyone)
    assert {name: cost for name, cost in measured.items() if name in expected} == expected


async def check_costs_within_lease(
    store: Store, context: RequestContext, meters: Meters, members: int
) -> None:
    everyone = await seed_one_group(store, context, members)
    shows = shows_users_in_groups(store, everyone)
    await store.users.get(meters("the first one reads the deletions row"), everyone.users[0])
    for name, show in shows.items():
        await show(meters.at_once(name))
    costs = expected_costs(members)
    expected = {name: Cost(costs[name].calls - 1, costs[name].entities) for name in shows}
    assert meters.read() == {"the first one reads the deletions row": Cost(2)} | expected


@pytest.fixture
def meters(tenant: str, clock: Time) -> Meters:
    return Meters(tenant, clock)


async def test_every_operation_costs_what_the_design_allows_with_10_members(
    store: Store, new_context: NewContext, meters: Meters
) -> None:
    await check_costs(store, new_context(), meters, 10)


async def test_users_in_groups_cost_a_call_less_within_the_lease_with_10_members(
    store: Store, new_context: NewContext, meters: Meters
) -> None:
    await check_costs_within_lease(store, new_context(), meters, 10)


@pytest.fixture
async def table_of_its_own(storage: Azurite) -> AsyncIterator[AzureTable]:
    """Azurite looks through a whole table at each query, so a large one is not shared."""
    opened = open_table(TableAddress("large", connection_string=storage.connection_string))
    yield opened
    await opened.close()


@pytest.mark.exhaustive
@pytest.mark.parametrize("members", [1_000, 5_000])
@pytest.mark.parametrize("check", [check_costs, check_costs_within_lease])
async def test_every_operation_costs_the_same_with_many_members(
    *,
    table_of_its_own: AzureTable,
    new_context: NewContext,
    meters: Meters,
    clock: Time,
    members: int,
    check: Callable[[Store, RequestContext, Meters, int], Awaitable[None]],
) -> None:
    store = open_store(
        table_of_its_own,
        changed_names,
        member_writes_per_second=1_000_000,
        clock=clock.clock(),
    )
    await check(store, new_context(seconds=120), meters, members)


async def test_many_members_cost_a_read_each_and_a_transaction_for_each_40(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    everyone = await seed(store.table, new_context(), users=90)
    [gid] = everyone.groups
    assert await cost_of(
        new_context(), lambda s: store.groups.update(s, gid, MemberChange(replace=True))
    ) == Cost(1 + 1 + 90 + 3, 2 * 90 + 2 * 3)
    assert await cost_of(
        new_context(), lambda s: store.groups.update(s, gid, MemberChange(add=everyone.users))
    ) == add_members(90, steps=3)
    assert await cost_of(
        new_context(), lambda s: store.groups.create(s, group("again"), everyone.users)
    ) == Cost(2 + 90 + 2 + 3, 4 + 2 * 90 + 2 * 2 + 5), "it is hidden until it is whole"
    await consistent()


async def test_deleting_a_group_costs_3_calls_and_the_sweep_of_its_members(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    everyone = await seed(store.table, new_context(), users=90)
    cost = await cost_of(new_context(), lambda s: store.groups.delete(s, everyone.groups[0]))
    assert cost == Cost(3 + 1 + 90 + 3, 6 + 2 * 90 + 3 + 2)
    await consistent()


async def test_deleting_a_group_beside_one_that_waits_for_its_sweep_costs_4_calls_more(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    await seed(store.table, new_context(), users=201)
    (large,) = await store.groups.by_display_name(new_context(), "group 0")
    cost = await cost_of(new_context(), lambda s: store.groups.delete(s, large.id))
    assert cost == Cost(3 + 1, 6), "too large to be swept within the request"
    other = await store.groups.create(new_context(), group("other"))
    cost = await cost_of(new_context(), lambda s: store.groups.delete(s, other.id))
    assert cost == Cost(3 + 1 + 3 + 1 + 1, 6 + 3), "the deletions row is found, read and added to"
    await consistent()


async def test_a_lost_race_costs_a_read_and_a_transaction_more(
    faulty_store: Store, store: Store, proxy: StorageProxy, new_context: NewContext
) -> None:
    created = await store.users.create(new_context(), user("jo"))

    async def another_writer() -> None:
        await store.users.update(new_context(), created.id, setting(title="Dr"))

    proxy.order(first(another_writer))
    context = new_context()
    await faulty_store.users.update(context, created.id, setting(nickName="Jo"))
    assert Cost(context.meter.calls, context.meter.entities) == Cost(2 + 2, 2)
    settled = await store.users.get(new_context(), created.id)
    assert settled.document == user("jo", title="Dr", nickName="Jo")


async def test_a_resent_request_is_counted_each_time_and_its_entities_once(
    faulty_store: Store, proxy: StorageProxy, new_context: NewContext
) -> None:
    proxy.order(answer(503, "ServerBusy"), "read")
    proxy.order(lose_request, "transaction")
    context = new_context()
    await faulty_store.users.create(context, user("jo"))
    assert Cost(context.meter.calls, context.meter.entities) == Cost(2 + 2, 4)


async def cost_of(
    context: RequestContext, operation: Callable[[RequestContext], Awaitable[object]]
) -> Cost:
    await operation(context)
    return Cost(context.meter.calls, context.meter.entities)


def any_version(version: str) -> bool:
    return True
