"""The settings of a tenant as a process remembers them: read once a minute, beside the requests."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from shared.errors import InvalidValue, Unavailable
from shared.scim.documents import changed_names
from shared.scim.members import MemberChange
from shared.store import remembered
from shared.store.store import Store, open_store
from shared.tenant_settings import patched
from tests.support.documents import group, user
from tests.support.fakes.clock import Time
from tests.support.fakes.storage_proxy import answer

if TYPE_CHECKING:
    from shared.tables.azure_table import AzureTable
    from shared.tables.request_context import RequestContext
    from tests.conftest import NewContext
    from tests.support.fakes.storage_proxy import StorageProxy

BUSY = answer(503, "ServerBusy")
ALWAYS = float("inf")


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def other(table: AzureTable, clock: Time) -> Store:
    """Another instance than the one that changes the settings."""
    return open_store(table, changed_names, clock=clock.clock())


async def change(store: Store, context: RequestContext, **patch: Any) -> None:
    await store.settings.update(context, lambda kept: patched(kept, patch))


def role_of(name: str, role: str) -> dict[str, Any]:
    return {"group": {"displayName": name}, "role": role, "priority": 1}


async def test_what_is_changed_is_in_force_at_once_here_and_within_a_minute_elsewhere(
    store: Store, other: Store, clock: Time, context: RequestContext
) -> None:
    assert (await other.settings.current(context)).version == 0
    await change(store, context, requestsPerSecond=100)
    assert (await store.settings.current(context)).settings.requests_per_second == 100
    clock.advance(remembered.REMEMBERED_SECONDS - 1)
    assert (await other.settings.current(context)).version == 0
    clock.advance(1)
    assert (await other.settings.current(context)).settings.requests_per_second == 100


async def test_the_rate_limit_waits_for_nothing(
    store: Store, other: Store, clock: Time, context: RequestContext
) -> None:
    await change(store, context, requestsPerSecond=100)
    assert other.settings.latest(context.tenant) is None
    await other.settings.current(context)
    await change(store, context, requestsPerSecond=200)
    clock.advance(3_600)
    stale = other.settings.latest(context.tenant)
    assert stale is not None
    assert stale.requests_per_second == 100
    await other.settings.current(context)
    fresh = other.settings.latest(context.tenant)
    assert fresh is not None
    assert fresh.requests_per_second == 200


async def test_requests_pay_for_no_reading(other: Store, new_context: NewContext) -> None:
    context = new_context()
    await other.settings.current(context)
    assert context.meter.calls == 0


async def test_many_requests_at_once_have_one_reading(
    faulty_store: Store, proxy: StorageProxy, context: RequestContext
) -> None:
    before = len(proxy.received)
    await asyncio.gather(*(faulty_store.settings.current(context) for _ in range(50)))
    for _ in range(50):
        faulty_store.settings.latest(context.tenant)
    assert len(proxy.received) == before + 1


@pytest.mark.usefixtures("retry_at_once")
async def test_while_the_row_cannot_be_read_the_last_good_value_serves(
    store: Store, faulty_store: Store, proxy: StorageProxy, clock: Time, context: RequestContext
) -> None:
    await change(store, context, requestsPerSecond=100)
    await faulty_store.settings.current(context)
    proxy.order(BUSY, "read", times=ALWAYS)
    clock.advance(10_000)
    kept = await faulty_store.settings.current(context)
    assert kept.settings.requests_per_second == 100


@pytest.mark.usefixtures("retry_at_once")
async def test_where_none_was_ever_read_what_rests_on_it_is_refused(
    faulty_store: Store, proxy: StorageProxy, context: RequestContext
) -> None:
    proxy.order(BUSY, "read", times=ALWAYS)
    with pytest.raises(Unavailable):
        await faulty_store.settings.current(context)
    assert faulty_store.settings.latest(context.tenant) is None


async def test_a_tenant_decides_about_unknown_members_before_the_deployment(
    store: Store, rejecting_store: Store, context: RequestContext
) -> None:
    sales = await store.groups.create(context, group("Sales"))
    unknown = MemberChange(add=("0" * 32,))
    await store.groups.update(context, sales.id, unknown)
    await change(store, context, unknownMembers="reject")
    with pytest.raises(InvalidValue):
        await store.groups.update(context, sales.id, unknown)
    await change(rejecting_store, context, unknownMembers="skip")
    await rejecting_store.groups.update(context, sales.id, unknown)
    await change(rejecting_store, context, unknownMembers=None)
    with pytest.raises(InvalidValue):
        await rejecting_store.groups.update(context, sales.id, unknown)


async def test_the_groups_of_a_role_map_are_found_within_a_minute(
    other: Store, clock: Time, new_context: NewContext
) -> None:
    context = new_context()
    await change(other, context, roleMap=[role_of("Admins", "admin")])
    ana = await other.users.create(context, user("ana@contoso.test"))
    assert await other.roles.of(context, [ana]) == [()]
    await other.groups.create(context, group("Admins"), [ana.id])
    ana = await other.users.get(context, ana.id)
    assert await other.roles.of(context, [ana]) == [()]
    clock.advance(remembered.REMEMBERED_SECONDS)
    asking = new_context()
    assert await other.roles.of(asking, [ana]) == [("admin",)]
    assert asking.meter.calls == 0


async def test_what_a_change_of_the_role_map_has_found_is_not_looked_up_again(
    faulty_store: Store, proxy: StorageProxy, context: RequestContext
) -> None:
    store = faulty_store
    ana = await store.users.create(context, user("ana@contoso.test"))
    sales = await store.groups.create(context, group("Sales"), [ana.id])
    ana = await store.users.get(context, ana.id)
    for role in ("seller", "editor"):
        await change(store, context, roleMap=[role_of(sales.document["displayName"], role)])
        await store.roles.find(context, await store.settings.read(context))
        before = len(proxy.received)
        assert await store.roles.of(context, [ana]) == [(role,)]
        assert len(proxy.received) == before


@pytest.mark.usefixtures("retry_at_once")
async def test_the_last_role_map_serves_for_a_minute_while_the_groups_of_a_new_one_are_not_found(
    store: Store, faulty_store: Store, proxy: StorageProxy, clock: Time, context: RequestContext
) -> None:
    ana = await store.users.create(context, user("ana@contoso.test"))
    await store.groups.create(context, group("Sales"), [ana.id])
    ana = await store.users.get(context, ana.id)
    await change(store, context, roleMap=[role_of("Sales", "seller")])
    await faulty_store.settings.current(context)
    clock.advance(30)
    assert await faulty_store.roles.of(context, [ana]) == [("seller",)]
    await change(store, context, roleMap=[role_of("Sales", "editor")])
    clock.advance(30)
    assert (await faulty_store.settings.current(context)).version == 2
    proxy.order(BUSY, "read", times=ALWAYS)
    assert await faulty_store.roles.of(context, [ana]) == [("seller",)]
    clock.advance(remembered.REMEMBERED_SECONDS)
    with pytest.raises(Unavailable):
        await faulty_store.roles.of(context, [ana])


async def test_settings_of_a_later_version_are_kept_and_passed_over(
    store: Store, context: RequestContext
) -> None:
    await store.settings.update(context, lambda _: {"later": {"n": 1}, "requestsPerSecond": 100})
    kept = await store.settings.read(context)
    assert kept.settings.document() == {"requestsPerSecond": 100}
    await change(store, context, requestsPerSecond=None)
    assert (await store.settings.read(context)).document == {"later": {"n": 1}}
