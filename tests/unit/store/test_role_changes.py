"""A change of the role map: the feed tells of each user whose roles are others, and of no other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from shared.events.event import events_of
from shared.scim.documents import changed_names
from shared.scim.members import MemberChange
from shared.store.changes import recorded
from shared.store.layout import changes_span
from shared.store.role_changes import SETTLED_SECONDS
from shared.store.store import Store, open_store
from shared.tables.request_context import Bound
from shared.tables.table import collect
from shared.tenant_settings import patched
from tests.support.documents import group, user
from tests.support.fakes.clock import Time
from tests.support.seeds import seed

if TYPE_CHECKING:
    from shared.events.event import Event
    from shared.tables.azure_table import AzureTable
    from shared.tables.request_context import RequestContext
    from tests.conftest import NewContext
    from tests.unit.store.conftest import ReadBack

NO_END = Bound(1_000_000, float("inf"))


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def store(table: AzureTable, clock: Time) -> Store:
    return open_store(table, changed_names, clock=clock.clock(), member_writes_per_second=1_000_000)


def entry(role: str, name: str, priority: int = 1) -> dict[str, Any]:
    return {"group": {"displayName": name}, "role": role, "priority": priority}


async def set_map(store: Store, context: RequestContext, *entries: dict[str, Any]) -> None:
    await store.settings.update(context, lambda kept: patched(kept, {"roleMap": list(entries)}))


async def tell(store: Store, context: RequestContext, bound: Bound = NO_END) -> int:
    """What the sweeper does: of each record that is there as much as the bound allows."""
    leftovers = await store.sweeper.leftovers(context)
    return sum(
        [await store.role_changes.tell(context, key, bound) for key in leftovers.role_changes]
    )


async def told(store: Store, context: RequestContext) -> list[Event]:
    rows = await collect(store.table, context, changes_span())
    events = [event for row in rows for event in events_of(recorded(row))]
    return [event for event in events if event.attributes == ("roles",)]


async def concerned(store: Store, context: RequestContext) -> list[str]:
    return sorted(event.recorded.change.id for event in await told(store, context))


@pytest.fixture
async def members(store: Store, new_context: NewContext) -> dict[str, str]:
    """The ids of users by the group that they are in."""
    found = {}
    for name in ("Admins", "Sales", "Nobody"):
        created = await store.users.create(new_context(), user(f"{name}@contoso.test"))
        await store.groups.create(new_context(), group(name), [created.id])
        found[name] = created.id
    return found


async def test_those_are_told_of_whose_roles_are_others(
    *,
    store: Store,
    clock: Time,
    context: RequestContext,
    members: dict[str, str],
    consistent: ReadBack,
) -> None:
    await set_map(store, context, entry("admin", "Admins"), entry("seller", "Sales"))
    clock.advance(SETTLED_SECONDS)
    assert await tell(store, context) == 2
    assert await concerned(store, context) == sorted([members["Admins"], members["Sales"]])
    await set_map(store, context, entry("owner", "Admins"), entry("seller", "Sales"))
    clock.advance(SETTLED_SECONDS)
    assert await tell(store, context) == 1
    (event,) = (await told(store, context))[2:]
    change = event.recorded.change
    assert (event.type, change.id) == ("user.updated", members["Admins"])
    # The user is as it was, and so is its version.
    assert change.version == (await store.users.get(context, members["Admins"])).version
    found = await consistent()
    assert not found.of("q-r")


async def test_nothing_is_told_before_every_process_goes_by_the_new_map(
    store: Store, clock: Time, context: RequestContext, members: dict[str, str]
) -> None:
    await set_map(store, context, entry("admin", "Admins"))
    clock.advance(SETTLED_SECONDS - 1)
    assert await tell(store, context) == 0
    clock.advance(1)
    assert await tell(store, context) == 1
    assert await concerned(store, context) == [members["Admins"]]


async def test_what_changes_no_roles_is_told_to_nobody(
    store: Store, clock: Time, context: RequestContext, members: dict[str, str]
) -> None:
    del members
    await set_map(store, context, entry("admin", "Admins"), entry("seller", "Sales", 2))
    clock.advance(SETTLED_SECONDS)
    await tell(store, context)
    before = len(await told(store, context))
    # Another spelling, another priority that changes no order, and a group that is not there.
    again = [entry("seller", "SALES", 3), entry("admin", "admins"), entry("x", "Nowhere")]
    await set_map(store, context, *again)
    clock.advance(SETTLED_SECONDS)
    assert await tell(store, context) == 0
    assert len(await told(store, context)) == before
    await store.settings.update(context, lambda kept: patched(kept, {"requestsPerSecond": 100}))
    assert (await store.sweeper.leftovers(context)).role_changes == []


async def test_of_maps_that_follow_each_other_the_last_one_counts(
    store: Store, clock: Time, context: RequestContext, members: dict[str, str]
) -> None:
    await set_map(store, context, entry("admin", "Admins"))
    await set_map(store, context, entry("admin", "Admins"), entry("seller", "Sales"))
    clock.advance(SETTLED_SECONDS)
    await tell(store, context)
    assert set(await concerned(store, context)) == {members["Admins"], members["Sales"]}


async def test_groups_in_groups_count(
    store: Store, clock: Time, new_context: NewContext, members: dict[str, str]
) -> None:
    context = new_context()
    (sales,) = (await store.users.get(context, members["Sales"])).group_ids
    await store.groups.create(new_context(), group("Outer"), [sales])
    await set_map(store, context, entry("insider", "Outer"))
    clock.advance(SETTLED_SECONDS)
    assert await tell(store, context) == 1
    assert await concerned(store, context) == [members["Sales"]]


async def test_it_goes_on_where_it_was_broken_off_and_tells_each_once(
    store: Store, clock: Time, new_context: NewContext
) -> None:
    everyone = await seed(store.table, new_context(), users=450, groups=1)
    (gid,) = everyone.groups
    name = (await store.groups.get(new_context(), gid, members=False)).document["displayName"]
    await set_map(store, new_context(), entry("user", name))
    clock.advance(SETTLED_SECONDS)
    runs = []
    while (await store.sweeper.leftovers(new_context())).role_changes:
        context = new_context()
        runs.append(await tell(store, context, Bound(100, float("inf"))))
    assert runs[:5] == [99, 99, 99, 99, 54]
    assert await concerned(store, new_context()) == sorted(everyone.users)


async def test_what_it_costs(store: Store, clock: Time, new_context: NewContext) -> None:
    everyone = await seed(store.table, new_context(), users=250, groups=1)
    (gid,) = everyone.groups
    name = (await store.groups.get(new_context(), gid, members=False)).document["displayName"]
    await set_map(store, new_context(), entry("user", name))
    clock.advance(SETTLED_SECONDS)
    context = new_context()
    await tell(store, context)
    # The list of what is left, the record, the settings, the entry, groups in groups, a page of
    # users, three transactions, and the end of the record.
    assert context.meter.calls == 1 + 1 + 1 + 1 + 1 + 1 + 3 + 1


async def test_a_membership_is_told_as_such_and_not_as_roles(
    store: Store, clock: Time, context: RequestContext, members: dict[str, str]
) -> None:
    await set_map(store, context, entry("admin", "Admins"))
    clock.advance(SETTLED_SECONDS)
    await tell(store, context)
    before = await concerned(store, context)
    (gid,) = (await store.users.get(context, members["Admins"])).group_ids
    await store.groups.update(context, gid, MemberChange(add=(members["Sales"],)))
    await tell(store, context)
    assert await concerned(store, context) == before
