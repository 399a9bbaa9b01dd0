"""Deletions that are too large for one transaction: what shows, what waits, what is left."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from shared.errors import NotFound
from shared.scim.members import MemberChange
from shared.store import layout
from shared.store.layout import with_ids
from shared.tables.operations import Replace
from tests.support.documents import group, setting, user
from tests.support.fakes.storage_proxy import answer
from tests.support.seeds import seed

if TYPE_CHECKING:
    from shared.store.deletions import Sweeper
    from shared.store.store import Store
    from tests.conftest import NewContext
    from tests.support.fakes.storage_proxy import StorageProxy
    from tests.support.seeds import Seeded
    from tests.unit.store.conftest import ReadBack

STORM = answer(503, "ServerBusy")


async def test_a_user_in_90_groups_is_deleted_in_one_transaction(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    everyone = await seed(store.table, new_context(), users=2, groups=90)
    deleted, other = everyone.users
    context = new_context()
    await store.users.delete(context, deleted)
    assert (context.meter.calls, context.meter.entities) == (3, 5 + 90)
    found = await consistent()
    assert {uid for _, uid in found.memberships()} == {other}
    [change] = found.changes("delete")
    assert sorted(change["left"]) == list(everyone.groups), "consumers learn which groups it left"


async def test_a_user_in_100_groups_is_deleted_in_steps_within_the_request(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    everyone = await seed(store.table, new_context(), users=1, groups=100)
    context = new_context()
    await store.users.delete(context, everyone.users[0])
    assert (context.meter.calls, context.meter.entities) == (3 + 2 * 2, 7 + (2 + 90) + (3 + 10))
    found = await consistent()
    assert found.memberships() == set()
    assert not found.of("q-u")
    left = [gid for change in found.changes("sweep") for gid in change["left"]]
    assert sorted(left) == list(everyone.groups)


async def test_a_user_whose_deletion_is_interrupted_is_gone_and_its_name_is_free(
    faulty_store: Store,
    store: Store,
    proxy: StorageProxy,
    new_context: NewContext,
    consistent: ReadBack,
) -> None:
    uid = await interrupted_deletion(faulty_store, proxy, new_context, after=1)
    found = await consistent()
    assert len(found.memberships()) == 100
    assert found.of("q-u").keys() == {uid}
    with pytest.raises(NotFound):
        await store.users.get(new_context(), uid)
    with pytest.raises(NotFound):
        await store.users.delete(new_context(), uid)
    assert await store.users.count(new_context()) == 0
    assert (await store.users.create(new_context(), user("user0@example.com"))).id != uid


async def test_the_deletion_of_a_user_is_resumed_where_it_was_interrupted(
    faulty_store: Store,
    proxy: StorageProxy,
    sweeper: Sweeper,
    new_context: NewContext,
    consistent: ReadBack,
) -> None:
    uid = await interrupted_deletion(faulty_store, proxy, new_context, after=2)
    assert len((await consistent()).memberships()) == 10
    context = new_context()
    await sweeper.sweep_member(context, uid)
    assert context.meter.calls == 2 + 1
    found = await consistent()
    assert found.memberships() == set()
    assert not found.of("q-u")
    context = new_context()
    await sweeper.sweep_member(context, uid)
    assert context.meter.entities == 0, "a second sweep finds nothing to do"


async def test_a_group_is_deleted_while_a_user_is_being_deleted_out_of_it(
    *,
    faulty_store: Store,
    store: Store,
    proxy: StorageProxy,
    sweeper: Sweeper,
    new_context: NewContext,
    consistent: ReadBack,
) -> None:
    uid = await interrupted_deletion(faulty_store, proxy, new_context, after=1)
    (first,) = await store.groups.by_display_name(new_context(), "group 0")
    await store.groups.delete(new_context(), first.id)
    assert (first.id, uid) in (await consistent()).memberships(), "its owner is the row q-u"
    await sweeper.sweep_member(new_context(), uid)
    assert (await consistent()).memberships() == set()


async def test_a_new_list_of_members_passes_over_a_user_who_is_being_deleted(
    faulty_store: Store,
    store: Store,
    proxy: StorageProxy,
    new_context: NewContext,
    consistent: ReadBack,
) -> None:
    uid = await interrupted_deletion(faulty_store, proxy, new_context, after=1)
    jo = await store.users.create(new_context(), user("jo"))
    (first,) = await store.groups.by_display_name(new_context(), "group 0")
    change = MemberChange(replace=True, add=(jo.id,))
    await store.groups.update(new_context(), first.id, change)
    joined = {pair for pair in (await consistent()).memberships() if pair[1] != uid}
    assert joined == {(first.id, jo.id)}


async def interrupted_deletion(
    faulty_store: Store, proxy: StorageProxy, new_context: NewContext, *, after: int
) -> str:
    """Delete a user out of 100 groups; the storage fails after some of the transactions."""
    everyone = await seed(faulty_store.table, new_context(), users=1, groups=100)
    proxy.order(STORM, after=after, times=float("inf"))
    await faulty_store.users.delete(new_context(), everyone.users[0])
    proxy.heal()
    return everyone.users[0]


async def test_a_user_whose_list_takes_several_properties_is_deleted(
    store: Store, new_context: NewContext, consistent: ReadBack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "_IDS_PER_PROPERTY", 45)
    everyone = await seed(store.table, new_context(), users=1, groups=100)
    [uid] = everyone.users
    assert {"g", "g1", "g2"} <= (await consistent()).rows[f"u-{uid}"].values.keys()
    await store.users.delete(new_context(), uid)
    assert (await consistent()).memberships() == set()


async def test_a_user_in_5000_groups_is_shown_joins_and_leaves(
    store: Store, new_context: NewContext
) -> None:
    jo = await store.users.create(new_context(), user("jo"))
    gids = tuple(layout.new_id(f"group {n}") for n in range(5_000))
    row = await store.table.get(new_context(), layout.user_key(jo.id))
    assert row is not None
    listed = Replace(row.key, with_ids(row.values, gids), row.etag)
    await store.table.transact(new_context(), [listed])

    staff = await store.groups.create(new_context(), group("staff"), [jo.id])
    assert (await store.users.get(new_context(), jo.id)).group_ids == (*gids, staff.id)
    await store.users.update(new_context(), jo.id, setting(title="Dr"))
    await store.groups.update(new_context(), staff.id, MemberChange(remove=(jo.id,)))
    assert (await store.users.get(new_context(), jo.id)).group_ids == gids


async def test_a_group_of_201_members_is_gone_at_once_and_swept_later(
    store: Store, sweeper: Sweeper, new_context: NewContext, consistent: ReadBack
) -> None:
    everyone = await seed(store.table, new_context(), users=201, groups=2)
    deleted, kept = everyone.groups
    await store.groups.delete(new_context(), deleted)
    assert len((await consistent()).memberships()) == 2 * 201
    await shows_no_trace(store, new_context, everyone, deleted, kept)
    assert not await sweeper.sweep_group(new_context(), deleted), "more than 200 members"

    assert await sweeper.sweep_group(new_context(), deleted, limit=1_000)
    found = await consistent()
    assert {gid for gid, _ in found.memberships()} == {kept}
    assert "q" not in found.rows
    context = new_context()
    assert await sweeper.sweep_group(context, deleted)
    assert context.meter.entities == 0, "a second sweep finds nothing to do"


async def shows_no_trace(
    store: Store, new_context: NewContext, everyone: Seeded, deleted: str, kept: str
) -> None:
    """Assert that a deleted group shows nowhere, although users still list it."""
    with pytest.raises(NotFound):
        await store.groups.get(new_context(), deleted)
    assert await store.groups.count(new_context()) == 1
    uid, other = everyone.users[:2]
    assert (await store.users.get(new_context(), uid)).group_ids == (kept,)
    page = await store.users.page(new_context(), 1, 500)
    assert {user.group_ids for user in page.resources} == {(kept,)}
    assert [user.group_ids async for user in store.users.scan(new_context())] == 201 * [(kept,)]
    changed = await store.users.update(new_context(), other, setting(title="Dr"))
    assert changed.group_ids == (kept,)


async def test_groups_that_wait_for_their_sweep_do_so_independently(
    faulty_store: Store,
    proxy: StorageProxy,
    sweeper: Sweeper,
    new_context: NewContext,
    consistent: ReadBack,
) -> None:
    everyone = await seed(faulty_store.table, new_context(), users=5, groups=3)
    for gid in everyone.groups:
        proxy.order(STORM, after=1 if gid == everyone.groups[0] else 2, times=float("inf"))
        await faulty_store.groups.delete(new_context(), gid)
        proxy.heal()
    assert sorted((await consistent()).deleted_groups()) == list(everyone.groups)
    for number, gid in enumerate(everyone.groups, start=1):
        assert await sweeper.sweep_group(new_context(), gid)
        assert len((await consistent()).deleted_groups()) == 3 - number


async def test_two_sweeps_of_one_group_at_once_do_no_harm(
    store: Store, sweeper: Sweeper, new_context: NewContext, consistent: ReadBack
) -> None:
    everyone = await seed(store.table, new_context(), users=201)
    [gid] = everyone.groups
    await store.groups.delete(new_context(), gid)
    swept = await asyncio.gather(
        *(sweeper.sweep_group(new_context(), gid, limit=500) for _ in range(2))
    )
    assert swept == [True, True]
    found = await consistent()
    assert found.memberships() == set()
    assert not found.of("q-g")


async def test_sweeps_of_two_groups_that_end_at_once_both_leave_the_deletions_row(
    store: Store, sweeper: Sweeper, new_context: NewContext, consistent: ReadBack
) -> None:
    everyone = await seed(store.table, new_context(), users=201, groups=2)
    for gid in everyone.groups:
        await store.groups.delete(new_context(), gid)
    assert len((await consistent()).deleted_groups()) == 2
    await asyncio.gather(
        *(sweeper.sweep_group(new_context(), gid, limit=500) for gid in everyone.groups)
    )
    assert "q" not in (await consistent()).rows


async def test_a_user_who_is_deleted_before_the_sweep_of_its_group_is_no_obstacle(
    store: Store, sweeper: Sweeper, new_context: NewContext, consistent: ReadBack
) -> None:
    everyone = await seed(store.table, new_context(), users=201)
    [gid] = everyone.groups
    await store.groups.delete(new_context(), gid)
    for uid in everyone.users[:3]:
        await store.users.delete(new_context(), uid)
    assert len((await consistent()).memberships()) == 198
    assert await sweeper.sweep_group(new_context(), gid)
    assert (await consistent()).memberships() == set()
