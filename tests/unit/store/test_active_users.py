"""How many users are active: exact at every moment, and never told where it is not known."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import pytest

from shared.store import layout
from shared.store.counters import read_numbers
from shared.tables.operations import Replace
from shared.tables.request_context import Bound
from shared.tables.table import collect
from tests.support.documents import setting, user
from tests.support.fakes.storage_proxy import first, lose_answer
from tests.support.seeds import forget_active, seed

if TYPE_CHECKING:
    from shared.store.store import Store
    from tests.conftest import NewContext
    from tests.support.fakes.storage_proxy import StorageProxy
    from tests.unit.store.conftest import ReadBack

UNBOUND = Bound(1_000_000, float("inf"))


async def active(store: Store, new_context: NewContext) -> int | None:
    return (await read_numbers(store.table, new_context())).active


async def test_every_change_of_active_counts(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    users = store.users
    assert await active(store, new_context) == 0
    jo = await users.create(new_context(), user("jo"))
    off = await users.create(new_context(), user("off", active=False))
    assert await active(store, new_context) == 1
    await users.update(new_context(), jo.id, setting(active=False))
    assert await active(store, new_context) == 0
    for each in (jo, off):
        await users.update(new_context(), each.id, setting(active=True))
    assert await active(store, new_context) == 2
    await users.update(new_context(), jo.id, setting(title="Dr"))
    assert await active(store, new_context) == 2
    await users.delete(new_context(), jo.id)
    await users.update(new_context(), off.id, lambda d: {**d, "active": None} | {"active": False})
    await users.delete(new_context(), off.id)
    assert await active(store, new_context) == 0
    await consistent()


async def test_a_user_of_whom_nobody_says_so_is_not_active(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    jo = await store.users.create(new_context(), user("jo"))

    def without(document: dict[str, object]) -> dict[str, object]:
        return {name: value for name, value in document.items() if name != "active"}

    await store.users.update(new_context(), jo.id, without)
    assert await active(store, new_context) == 0
    await consistent()


async def test_only_a_change_of_active_costs_a_call_and_an_entity_more(
    store: Store, new_context: NewContext
) -> None:
    jo = await store.users.create(new_context(), user("jo"))
    costs = []
    for change in (setting(title="Dr"), setting(active=False), setting(active=False, title="")):
        context = new_context()
        await store.users.update(context, jo.id, change)
        costs.append((context.meter.calls, context.meter.entities))
    assert costs == [(2, 2), (3, 3), (2, 2)]


async def test_a_number_is_told_once_every_slot_is_counted(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    everyone = await seed(store.table, new_context(), users=300)
    await forget_active(store.table, new_context())
    await store.users.update(new_context(), everyone.users[0], setting(active=False))
    assert await active(store, new_context) is None, "a change of one does not count the others"
    assert await store.active_users.count(new_context(), UNBOUND) > 100
    assert await active(store, new_context) == 299
    context = new_context()
    assert await store.active_users.count(context, UNBOUND) == 0
    assert (context.meter.calls, context.meter.entities) == (1, 0)
    await consistent()


async def test_a_count_goes_on_where_the_bound_has_ended_it(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    await seed(store.table, new_context(seconds=60), users=2_000)
    await forget_active(store.table, new_context(seconds=60))
    assert await store.active_users.count(new_context(), Bound(1, float("inf"))) <= 100
    assert await active(store, new_context) is None
    await store.active_users.count(new_context(), UNBOUND)
    assert await active(store, new_context) == 2_000
    await consistent()


async def test_who_is_disabled_during_a_count_makes_it_void(
    faulty_store: Store,
    store: Store,
    proxy: StorageProxy,
    new_context: NewContext,
    consistent: ReadBack,
) -> None:
    jo = await store.users.create(new_context(), user("jo"))
    await forget_active(store.table, new_context())

    async def another_writer() -> None:
        await store.users.update(new_context(), jo.id, setting(active=False))

    proxy.order(first(another_writer))
    assert await faulty_store.active_users.count(new_context(), UNBOUND) == 0
    assert await active(store, new_context) is None
    assert await store.active_users.count(new_context(), UNBOUND) == 1
    assert await active(store, new_context) == 0
    await consistent()


@pytest.mark.usefixtures("retry_at_once")
async def test_a_count_whose_answer_is_lost_counts_all_the_same(
    faulty_store: Store, store: Store, proxy: StorageProxy, new_context: NewContext
) -> None:
    await store.users.create(new_context(), user("jo"))
    await forget_active(store.table, new_context())
    proxy.order(lose_answer)
    await faulty_store.active_users.count(new_context(), UNBOUND)
    assert await active(store, new_context) == 1


async def test_a_number_that_cannot_be_is_not_told_and_counted_again(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    """Instances of an earlier version enable and disable without counting."""
    jo = await store.users.create(new_context(), user("jo"))
    (slot,) = await collect(store.table, new_context(), layout.kind_span("cu"))
    await store.table.transact(new_context(), [Replace(slot.key, {"n": 1, "ac": 0}, slot.etag)])
    await store.users.update(new_context(), jo.id, setting(active=False))
    assert await active(store, new_context) is None
    await store.active_users.count(new_context(), UNBOUND)
    assert await active(store, new_context) == 0
    await consistent()


async def test_a_wrong_number_is_mended_where_every_slot_is_counted(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    await store.users.create(new_context(), user("jo"))
    (slot,) = await collect(store.table, new_context(), layout.kind_span("cu"))
    await store.table.transact(new_context(), [Replace(slot.key, {"n": 1, "ac": 0}, slot.etag)])
    assert await store.active_users.count(new_context(), UNBOUND) == 0
    await store.active_users.count(new_context(), UNBOUND, every_slot=True)
    assert await active(store, new_context) == 1
    await consistent()


@pytest.mark.parametrize("seed_of_order", range(3))
async def test_many_writers_and_a_count_at_once_end_with_the_right_number(
    store: Store, new_context: NewContext, consistent: ReadBack, seed_of_order: int
) -> None:
    draw = random.Random(seed_of_order)
    everyone = await seed(store.table, new_context(), users=20)
    await forget_active(store.table, new_context())

    async def write(number: int) -> None:
        for step in range(4):
            uid = draw.choice(everyone.users[:15])
            await store.users.update(
                new_context(), uid, setting(active=draw.random() < 0.5, title=f"{number} {step}")
            )

    async def come_and_go(number: int) -> None:
        made = await store.users.create(new_context(), user(f"new{number}"))
        await store.users.delete(new_context(), everyone.users[15 + number])
        await store.users.update(new_context(), made.id, setting(active=False))

    async def count() -> None:
        for _ in range(4):
            await store.active_users.count(new_context(), UNBOUND)

    await asyncio.gather(*map(write, range(4)), *map(come_and_go, range(4)), count(), count())
    await store.active_users.count(new_context(), UNBOUND)
    documents = [row.values["d"] for row in (await consistent()).of("u").values()]
    assert await active(store, new_context) == sum('"active":true' in str(d) for d in documents)
