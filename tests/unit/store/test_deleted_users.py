"""A user who was deleted out of many groups: no group shows it once the DELETE is answered.

`reader` is another instance than the one that deletes: it has its own memory, and its clock shows
another time.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from shared.errors import NotFound, Unavailable
from shared.scim.members import MemberChange
from shared.store.deletions_row import LEASE_SECONDS
from tests.support.documents import user
from tests.support.fakes.storage_proxy import answer, commit_but_answer
from tests.support.seeds import seed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from shared.store.store import Store
    from tests.conftest import NewContext
    from tests.support.fakes.clock import Time
    from tests.support.fakes.storage_proxy import StorageProxy
    from tests.support.seeds import Seeded
    from tests.unit.store.conftest import ReadBack

BUSY = answer(503, "ServerBusy")
ALWAYS = float("inf")
GROUPS = 120


pytestmark = pytest.mark.usefixtures("retry_at_once")


async def shown(store: Store, new_context: NewContext, everyone: Seeded) -> set[str]:
    """The members that any group shows: read by itself, in a list, and by a check."""
    found: set[str] = set()
    for gid in everyone.groups:
        found |= set((await store.groups.get(new_context(), gid)).member_ids or ())
    page = await store.groups.page(new_context(), 1, 200)
    for group in await store.groups.with_members(new_context(), page.resources):
        found |= set(group.member_ids or ())
    checked = await store.groups.have_members(new_context(), everyone.groups, everyone.users)
    return found.union(*checked)


async def interrupted_deletion(
    faulty_store: Store, proxy: StorageProxy, new_context: NewContext, everyone: Seeded
) -> str:
    """Delete the first user; the storage fails after the first transaction."""
    proxy.order(BUSY, after=1, times=ALWAYS)
    await faulty_store.users.delete(new_context(), everyone.users[0])
    proxy.heal()
    return everyone.users[0]


async def test_who_remembers_shows_no_user_whose_delete_is_answered(
    *,
    faulty_store: Store,
    reader: Store,
    proxy: StorageProxy,
    clock: Time,
    new_context: NewContext,
    consistent: ReadBack,
) -> None:
    everyone = await seed(faulty_store.table, new_context(), users=2, groups=GROUPS)
    assert await shown(reader, new_context, everyone) == set(everyone.users)
    uid = await interrupted_deletion(faulty_store, proxy, new_context, everyone)
    assert clock.waits == [LEASE_SECONDS]
    assert (await consistent()).hidden("u") == [uid]
    for instance in (faulty_store, reader):
        assert await shown(instance, new_context, everyone) == {everyone.users[1]}


async def test_a_user_who_is_swept_within_the_request_is_not_waited_for(
    store: Store, clock: Time, new_context: NewContext, consistent: ReadBack
) -> None:
    everyone = await seed(store.table, new_context(), users=2, groups=GROUPS)
    await store.users.delete(new_context(), everyone.users[0])
    assert clock.waits == []
    found = await consistent()
    assert {uid for _, uid in found.memberships()} == {everyone.users[1]}
    assert "q" not in found.rows


async def test_the_process_may_die_after_the_first_transaction(
    *,
    faulty_store: Store,
    reader: Store,
    proxy: StorageProxy,
    clock: Time,
    new_context: NewContext,
    consistent: ReadBack,
) -> None:
    everyone = await seed(faulty_store.table, new_context(), users=2, groups=GROUPS)
    uid = everyone.users[0]
    reached, never = asyncio.Event(), asyncio.Event()

    async def hang(*_: object) -> None:
        reached.set()
        await never.wait()

    proxy.order(hang, after=1)  # type: ignore[arg-type] # it never answers
    dying = asyncio.create_task(faulty_store.users.delete(new_context(), uid))
    await reached.wait()
    dying.cancel()
    clock.advance(LEASE_SECONDS)
    assert await shown(reader, new_context, everyone) == {everyone.users[1]}
    assert (await consistent()).hidden("u") == [uid]
    with pytest.raises(NotFound):
        await reader.users.delete(new_context(), uid)
    assert "q" not in (await consistent()).rows, "whoever repeats the DELETE finishes it"
    never.set()


FINISHERS: dict[str, Callable[[Store, NewContext, str, str], Awaitable[object]]] = {
    "the sweeper": lambda store, begin, uid, _: store.sweeper.sweep_member(begin(), uid),
    "who removes it": lambda store, begin, uid, gid: store.groups.update(
        begin(), gid, MemberChange(remove=(uid,))
    ),
    "who empties a list": lambda store, begin, _, gid: store.groups.update(
        begin(), gid, MemberChange(replace=True)
    ),
}


@pytest.mark.parametrize("finish", FINISHERS.values(), ids=FINISHERS)
async def test_whoever_comes_by_finishes_the_work(
    *,
    faulty_store: Store,
    store: Store,
    proxy: StorageProxy,
    new_context: NewContext,
    consistent: ReadBack,
    finish: Callable[[Store, NewContext, str, str], Awaitable[object]],
) -> None:
    everyone = await seed(faulty_store.table, new_context(), users=1, groups=GROUPS)
    uid = await interrupted_deletion(faulty_store, proxy, new_context, everyone)
    await finish(store, new_context, uid, everyone.groups[5])
    found = await consistent()
    assert found.memberships() == set()
    assert not {"q", f"q-u-{uid}"} & found.rows.keys()


async def test_who_repeats_the_delete_while_the_storage_fails_waits_and_is_told_404(
    faulty_store: Store,
    reader: Store,
    proxy: StorageProxy,
    clock: Time,
    new_context: NewContext,
) -> None:
    everyone = await seed(faulty_store.table, new_context(), users=1, groups=GROUPS)
    await shown(reader, new_context, everyone)
    proxy.order(commit_but_answer(500, "InternalError"), times=ALWAYS)
    with pytest.raises(Unavailable):
        await faulty_store.users.delete(new_context(), everyone.users[0])
    proxy.heal()
    proxy.order(BUSY, times=ALWAYS)
    with pytest.raises(NotFound):
        await faulty_store.users.delete(new_context(), everyone.users[0])
    assert clock.waits == [LEASE_SECONDS]
    assert await shown(reader, new_context, everyone) == set()


async def test_users_and_groups_are_hidden_side_by_side(
    faulty_store: Store, proxy: StorageProxy, new_context: NewContext, consistent: ReadBack
) -> None:
    everyone = await seed(faulty_store.table, new_context(), users=3, groups=GROUPS)
    uid = await interrupted_deletion(faulty_store, proxy, new_context, everyone)
    gid, *kept = everyone.groups
    proxy.order(BUSY, after=2, times=ALWAYS)
    await faulty_store.groups.delete(new_context(), gid)
    proxy.heal()
    found = await consistent()
    assert (found.hidden("u"), found.hidden("g")) == ([uid], [gid])
    other = await faulty_store.users.get(new_context(), everyone.users[1])
    assert other.group_ids == tuple(kept)
    for record in (await faulty_store.sweeper.leftovers(new_context())).deletions:
        if record.resource == "User":
            await faulty_store.sweeper.sweep_member(new_context(), record.id)
    assert (await consistent()).deleted_groups() == [gid]


async def test_a_user_of_the_same_name_who_is_created_later_is_another(
    faulty_store: Store,
    store: Store,
    proxy: StorageProxy,
    new_context: NewContext,
    consistent: ReadBack,
) -> None:
    everyone = await seed(faulty_store.table, new_context(), users=1, groups=GROUPS)
    await interrupted_deletion(faulty_store, proxy, new_context, everyone)
    again = await store.users.create(new_context(), user("user0@example.com"))
    gid = everyone.groups[0]
    await store.groups.update(new_context(), gid, MemberChange(add=(again.id,)))
    assert await shown(store, new_context, everyone) == {again.id}
    assert (await store.users.get(new_context(), again.id)).group_ids == (gid,)
    await store.sweeper.sweep_members(new_context(), everyone.users)
    assert (await consistent()).memberships() == {(gid, again.id)}
    assert await store.users.count(new_context()) == 1


async def test_members_cost_a_call_more_beyond_the_lease_and_none_within(
    store: Store, clock: Time, new_context: NewContext
) -> None:
    everyone = await seed(store.table, new_context(), users=2)
    [gid] = everyone.groups
    empty = await store.groups.create(new_context(), {"displayName": "empty"})
    calls = []
    for name in (gid, gid, empty.id):
        context = new_context()
        await store.groups.get(context, name)
        calls.append(context.meter.calls)
    assert calls == [3, 2, 2], "an empty list has nobody to hide"
    del clock
