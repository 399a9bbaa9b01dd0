"""Large deletions, swept by the runs of a timer: bounded, resumed, repeated, several at once."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from shared.errors import NotFound
from shared.store import deletions
from shared.store.deletions import DeletionRecord
from shared.tables.request_context import Bound
from tests.support.documents import group
from tests.support.fakes.storage_proxy import answer, first
from tests.support.seeds import seed

if TYPE_CHECKING:
    from aiohttp import web

    from shared.store.store import Store
    from shared.tables.request_context import RequestContext
    from tests.conftest import NewContext
    from tests.support.fakes.clock import Time
    from tests.support.fakes.storage_proxy import Forward, StorageProxy
    from tests.unit.store.conftest import ReadBack

AMPLE = Bound(1_000_000, until=math.inf)
REFUSED = answer(403, "AuthorizationFailure")


@dataclass(frozen=True, slots=True)
class Held:
    """A fault: the storage has done its work, and the answer is held back until it is released."""

    is_done: asyncio.Event = field(default_factory=asyncio.Event)
    is_released: asyncio.Event = field(default_factory=asyncio.Event)

    async def fault(self, _: web.BaseRequest, forward: Forward) -> web.StreamResponse:
        response = await forward()
        self.is_done.set()
        await self.is_released.wait()
        return response


async def sweep_all(store: Store, context: RequestContext, bound: Bound = AMPLE) -> bool:
    """Sweep everything that is left, as a run does; tell whether it came to the end."""
    records = (await store.sweeper.leftovers(context)).deletions
    return all([await store.sweeper.sweep(context, each, bound) for each in records])


async def deleted_group(store: Store, new_context: NewContext, members: int) -> str:
    """A group that is deleted and too large to be swept within the request."""
    everyone = await seed(store.table, new_context(), users=members)
    [gid] = everyone.groups
    await store.groups.delete(new_context(), gid)
    return gid


async def deleted_user(
    store: Store, proxy: StorageProxy, new_context: NewContext, groups: int
) -> str:
    """A user who is deleted out of many groups by a request that got no further."""
    everyone = await seed(store.table, new_context(), users=1, groups=groups)
    [uid] = everyone.users
    proxy.order(REFUSED, after=1, times=math.inf)
    await store.users.delete(new_context(), uid)
    proxy.heal()
    return uid


async def test_where_nothing_was_deleted_it_costs_1_call(
    store: Store, new_context: NewContext
) -> None:
    await seed(store.table, new_context(), users=5, groups=2)
    context = new_context()
    assert (await store.sweeper.leftovers(context)).deletions == []
    assert (context.meter.calls, context.meter.entities) == (1, 0)


async def test_a_small_deletion_leaves_nothing_to_a_run(
    store: Store, new_context: NewContext
) -> None:
    everyone = await seed(store.table, new_context(), users=3, groups=5)
    await store.groups.delete(new_context(), everyone.groups[0])
    await store.users.delete(new_context(), everyone.users[0])
    assert (await store.sweeper.leftovers(new_context())).deletions == []


async def test_users_go_before_groups_because_groups_still_list_them(
    faulty_store: Store, proxy: StorageProxy, new_context: NewContext
) -> None:
    uid = await deleted_user(faulty_store, proxy, new_context, groups=100)
    emptied = await faulty_store.groups.create(new_context(), group("emptied"))
    proxy.order(REFUSED, after=2, times=math.inf)  # the deletions row is in the way of the first
    await faulty_store.groups.delete(new_context(), emptied.id)
    proxy.heal()
    left = (await faulty_store.sweeper.leftovers(new_context())).deletions
    assert left == [DeletionRecord("User", uid), DeletionRecord("Group", emptied.id)]


async def test_a_large_group_costs_a_call_for_each_page_one_for_each_member_and_one_for_each_40(
    store: Store, new_context: NewContext, consistent: ReadBack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletions, "PAGE_ROWS", 100)
    gid = await deleted_group(store, new_context, members=210)
    context = new_context()
    assert await store.sweeper.sweep(context, DeletionRecord("Group", gid), AMPLE)
    assert context.meter.calls == 3 + 210 + 6 + 1
    assert context.meter.entities == 2 * 210 + 6 + 2
    found = await consistent()
    assert found.memberships() == set()
    assert not {"q", f"q-g-{gid}"} & found.rows.keys()


async def test_a_group_is_swept_by_as_many_runs_as_it_takes(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    gid = await deleted_group(store, new_context, members=450)
    left = []
    for _ in range(3):
        context = new_context()
        is_swept = await sweep_all(store, context, Bound(300, math.inf))
        found = await consistent()
        left.append(len(found.memberships()))
        assert is_swept == (gid not in found.of("q-g")) == (gid not in found.deleted_groups())
        assert context.meter.entities <= 5 * 81 + 2, "a block that was begun is finished"
    assert left == [290, 130, 0]


@pytest.mark.exhaustive
async def test_a_group_of_5000_members_is_swept_by_several_runs(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    await deleted_group(store, new_context, members=5_000)
    runs = 0
    while (await store.sweeper.leftovers(new_context())).deletions:
        await sweep_all(store, new_context(seconds=120), Bound(3_000, math.inf))
        runs += 1
    assert runs == 4
    found = await consistent()
    assert found.memberships() == set()
    assert len(found.of("u")) == 5_000


async def test_a_run_ends_when_its_time_is_over(
    faulty_store: Store, proxy: StorageProxy, clock: Time, new_context: NewContext
) -> None:
    gid = await deleted_group(faulty_store, new_context, members=450)

    async def pass_time() -> None:
        clock.advance(20)

    proxy.order(first(pass_time))
    bound = Bound(1_000_000, clock.steady + 15, lambda: clock.steady)
    context = new_context()
    assert not await faulty_store.sweeper.sweep(context, DeletionRecord("Group", gid), bound)
    assert context.meter.entities == 4 * 81, "200 members but for the last step, which comes next"


async def test_a_user_in_300_groups_is_swept_90_groups_a_transaction(
    faulty_store: Store, proxy: StorageProxy, new_context: NewContext, consistent: ReadBack
) -> None:
    uid = await deleted_user(faulty_store, proxy, new_context, groups=300)
    context = new_context()
    assert await sweep_all(faulty_store, context)
    assert context.meter.calls == 1 + 2 * 4 + 1
    found = await consistent()
    assert found.memberships() == set()
    assert uid not in found.of("q-u")
    assert [len(change["left"]) for change in found.changes("sweep")] == [90, 90, 90, 30]


async def test_a_user_in_300_groups_is_swept_by_as_many_runs_as_it_takes(
    faulty_store: Store, proxy: StorageProxy, new_context: NewContext, consistent: ReadBack
) -> None:
    await deleted_user(faulty_store, proxy, new_context, groups=300)
    left = []
    for _ in range(3):
        await sweep_all(faulty_store, new_context(), Bound(100, math.inf))
        left.append(len((await consistent()).memberships()))
    assert left == [120, 0, 0]


async def test_a_run_that_is_killed_leaves_the_rest_to_the_next(
    faulty_store: Store, proxy: StorageProxy, new_context: NewContext, consistent: ReadBack
) -> None:
    gid = await deleted_group(faulty_store, new_context, members=300)
    held = Held()
    proxy.order(held.fault, after=2)
    killed = asyncio.create_task(sweep_all(faulty_store, new_context()))
    await held.is_done.wait()
    killed.cancel()
    held.is_released.set()
    found = await consistent()
    assert len(found.memberships()) == 300 - 3 * 40
    assert found.deleted_groups() == [gid]
    assert await sweep_all(faulty_store, new_context())
    assert (await consistent()).memberships() == set()


async def test_a_run_after_the_last_one_finds_nothing(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    gid = await deleted_group(store, new_context, members=201)
    assert await sweep_all(store, new_context())
    context = new_context()
    assert await sweep_all(store, context)
    assert (context.meter.calls, context.meter.entities) == (1, 0)
    assert await store.sweeper.sweep(context, DeletionRecord("Group", gid), AMPLE), "it is swept"
    assert context.meter.entities == 0
    await consistent()


async def test_two_runs_at_once_on_two_instances_sweep_a_group(
    store: Store, faulty_store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    gid = await deleted_group(store, new_context, members=250)
    runs = (sweep_all(each, new_context(seconds=60)) for each in (store, faulty_store))
    assert await asyncio.gather(*runs) == [True, True]
    found = await consistent()
    assert found.memberships() == set()
    assert not {"q", f"q-g-{gid}"} & found.rows.keys()


async def test_two_runs_at_once_on_two_instances_sweep_a_user(
    store: Store,
    faulty_store: Store,
    proxy: StorageProxy,
    new_context: NewContext,
    consistent: ReadBack,
) -> None:
    await deleted_user(faulty_store, proxy, new_context, groups=300)
    runs = (sweep_all(each, new_context()) for each in (store, faulty_store))
    assert await asyncio.gather(*runs) == [True, True]
    found = await consistent()
    assert found.memberships() == set()
    assert not found.of("q-u")


async def test_what_a_delete_that_runs_still_needs_is_there(
    store: Store,
    faulty_store: Store,
    proxy: StorageProxy,
    new_context: NewContext,
    consistent: ReadBack,
) -> None:
    """A run sweeps the group while the DELETE does not know yet that it has deleted it."""
    everyone = await seed(store.table, new_context(), users=50)
    [gid] = everyone.groups
    held = Held()
    proxy.order(held.fault)
    deleting = asyncio.create_task(faulty_store.groups.delete(new_context(), gid))
    await held.is_done.wait()
    assert await sweep_all(store, new_context())
    held.is_released.set()
    await deleting
    found = await consistent()
    assert found.memberships() == set()
    with pytest.raises(NotFound):
        await store.groups.delete(new_context(), gid)


async def test_a_delete_whose_answer_is_lost_is_recognised_after_a_run(
    store: Store,
    faulty_store: Store,
    proxy: StorageProxy,
    new_context: NewContext,
    consistent: ReadBack,
) -> None:
    everyone = await seed(store.table, new_context(), users=201)
    [gid] = everyone.groups

    async def commit_and_sweep(request: web.BaseRequest, forward: Forward) -> web.StreamResponse:
        await forward()
        assert await sweep_all(store, new_context())
        return await answer(500, "InternalError")(request, forward)

    proxy.order(commit_and_sweep)
    await faulty_store.groups.delete(new_context(), gid)
    found = await consistent()
    assert found.memberships() == set()
    assert len(found.changes("delete")) == 1


async def test_members_that_a_deleted_user_still_owns_are_no_obstacle(
    faulty_store: Store, proxy: StorageProxy, new_context: NewContext, consistent: ReadBack
) -> None:
    uid = await deleted_user(faulty_store, proxy, new_context, groups=100)
    (first_group,) = await faulty_store.groups.by_display_name(new_context(), "group 0")
    proxy.order(REFUSED, after=2, times=math.inf)  # the deletions row is in the way of the first
    await faulty_store.groups.delete(new_context(), first_group.id)
    proxy.heal()
    sweeper = faulty_store.sweeper
    assert await sweeper.sweep(new_context(), DeletionRecord("Group", first_group.id), AMPLE)
    assert (first_group.id, uid) in (await consistent()).memberships()
    assert await sweep_all(faulty_store, new_context())
    assert (await consistent()).memberships() == set()


async def test_sweeps_keep_to_the_pace_of_large_changes(
    store: Store, new_context: NewContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    gid = await deleted_group(store, new_context, members=450)
    written: list[int] = []
    limiter = store.sweeper.memberships.rate_limiter

    async def wait(context: RequestContext) -> None:
        written.append(context.meter.entities)

    monkeypatch.setattr(limiter, "wait", wait)
    assert await store.sweeper.sweep(new_context(), DeletionRecord("Group", gid), AMPLE)
    assert written == [0, 4 * 81, 9 * 81], "asked before each block of 200 members"
