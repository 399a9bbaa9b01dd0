"""Change rows expire: the oldest first, in bounded steps, and nothing that is still needed."""

from __future__ import annotations

import asyncio
import math
from types import SimpleNamespace
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest

from shared.errors import Unavailable
from shared.store import layout
from shared.tables.operations import Insert
from shared.tables.request_context import Bound
from tests.support.documents import group, setting, user
from tests.support.fakes.storage_proxy import answer, first, lose_answer, lose_request
from tests.support.seeds import write

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.store.store import Store
    from shared.tables.request_context import RequestContext
    from tests.conftest import NewContext
    from tests.support.fakes.clock import Time
    from tests.support.fakes.storage_proxy import StorageProxy
    from tests.unit.store.conftest import ReadBack

LIMIT = 1_700_000_000_000
DAY = 86_400_000
AMPLE = Bound(1_000_000, until=math.inf)

Calls = tuple[int, int]


async def change_rows(store: Store, context: RequestContext, number: int, *, begin: int) -> None:
    """Write change rows, one a millisecond."""
    rows = [
        Insert(f"l-{begin + n:012x}{n:020x}", {"rt": "User", "id": "", "op": "update"})
        for n in range(number)
    ]
    await write(store.table, context, rows)


async def expire(store: Store, context: RequestContext, bound: Bound = AMPLE) -> int:
    return await store.history.expire(context, LIMIT, bound)


def spent(context: RequestContext) -> Calls:
    return context.meter.calls, context.meter.entities


async def test_where_nothing_has_expired_it_costs_1_call(
    store: Store, new_context: NewContext, partition: ReadBack
) -> None:
    await change_rows(store, new_context(), 20, begin=LIMIT)
    context = new_context()
    assert await expire(store, context) == 0
    assert spent(context) == (1, 0)
    assert len((await partition()).of("l")) == 20


async def test_rows_before_the_limit_expire_and_those_from_it_on_stay(
    store: Store, new_context: NewContext, partition: ReadBack
) -> None:
    await change_rows(store, new_context(), 10, begin=LIMIT - 6)
    assert await expire(store, new_context()) == 6
    kept = sorted((await partition()).rows)
    assert [layout.change_time(key) for key in kept] == [LIMIT, LIMIT + 1, LIMIT + 2, LIMIT + 3]


@pytest.mark.parametrize(("rows", "calls"), [(1, 2), (100, 2), (250, 4), (2_050, 3 + 21)])
async def test_it_costs_a_call_for_each_1000_and_one_for_each_100(
    store: Store, new_context: NewContext, partition: ReadBack, rows: int, calls: int
) -> None:
    await change_rows(store, new_context(), rows, begin=LIMIT - 10 * DAY)
    context = new_context()
    assert await expire(store, context) == rows
    assert spent(context) == (calls, rows), "and leaves no change rows of its own"
    assert (await partition()).rows == {}


async def test_only_keys_are_read_and_only_those_that_may_have_expired(
    faulty_store: Store, proxy: StorageProxy, new_context: NewContext
) -> None:
    await change_rows(faulty_store, new_context(), 3, begin=LIMIT - 2)
    proxy.bodies.clear()
    await expire(faulty_store, new_context())
    (read,) = [unquote(target) for method, target, _ in proxy.bodies if method == "GET"]
    assert f"RowKey ge 'l-000000000000' and RowKey lt 'l-{LIMIT:012x}'" in read.replace("+", " ")
    assert "$select=RowKey" in read


async def test_a_run_ends_at_its_bound_and_the_next_ones_go_on(
    store: Store, new_context: NewContext, partition: ReadBack
) -> None:
    await change_rows(store, new_context(), 2_300, begin=LIMIT - DAY)
    deleted = []
    for _ in range(4):
        context = new_context()
        deleted.append(await expire(store, context, Bound(1_000, math.inf)))
        assert context.meter.calls <= 2 + 10
    assert deleted == [1_000, 1_000, 300, 0]
    assert (await partition()).rows == {}


async def test_a_run_ends_when_its_time_is_over(
    faulty_store: Store, proxy: StorageProxy, clock: Time, new_context: NewContext
) -> None:
    await change_rows(faulty_store, new_context(), 500, begin=LIMIT - DAY)

    async def pass_time() -> None:
        clock.advance(20)

    proxy.order(first(pass_time), after=1)
    bound = Bound(1_000_000, clock.steady + 15, lambda: clock.steady)
    assert await expire(faulty_store, new_context(), bound) == 200


async def test_the_oldest_rows_go_first(
    store: Store, new_context: NewContext, partition: ReadBack
) -> None:
    await change_rows(store, new_context(), 300, begin=LIMIT - DAY)
    await expire(store, new_context(), Bound(200, math.inf))
    kept = [layout.change_time(key) for key in sorted((await partition()).rows)]
    assert kept == list(range(LIMIT - DAY + 200, LIMIT - DAY + 300))


@pytest.mark.parametrize("fault", [lose_answer, lose_request, answer(503, "ServerBusy")])
async def test_an_answer_that_is_lost_is_no_obstacle(
    faulty_store: Store,
    proxy: StorageProxy,
    new_context: NewContext,
    partition: ReadBack,
    fault: Callable[..., object],
) -> None:
    await change_rows(faulty_store, new_context(), 250, begin=LIMIT - DAY)
    proxy.order(fault, after=1)  # type: ignore[arg-type] # a fault each
    await expire(faulty_store, new_context())
    assert (await partition()).rows == {}


async def test_a_run_that_dies_in_the_middle_leaves_the_rest_to_the_next(
    faulty_store: Store, proxy: StorageProxy, new_context: NewContext, partition: ReadBack
) -> None:
    await change_rows(faulty_store, new_context(), 500, begin=LIMIT - DAY)
    proxy.order(answer(500, "InternalError"), after=2, times=float("inf"))
    with pytest.raises(Unavailable):
        await expire(faulty_store, new_context())
    proxy.heal()
    assert len((await partition()).rows) == 300
    assert await expire(faulty_store, new_context()) == 300
    assert (await partition()).rows == {}


async def test_two_runs_at_once_on_two_instances_do_no_harm(
    store: Store, faulty_store: Store, new_context: NewContext, partition: ReadBack
) -> None:
    await change_rows(store, new_context(), 1_500, begin=LIMIT - DAY)
    await change_rows(store, new_context(), 5, begin=LIMIT)
    await asyncio.gather(expire(store, new_context()), expire(faulty_store, new_context()))
    await expire(store, new_context())
    assert len((await partition()).rows) == 5


async def test_what_another_run_has_deleted_meanwhile_is_not_counted(
    store: Store, faulty_store: Store, proxy: StorageProxy, new_context: NewContext
) -> None:
    await change_rows(store, new_context(), 150, begin=LIMIT - DAY)

    async def another_run() -> None:
        assert await expire(store, new_context()) == 150

    proxy.order(first(another_run))
    context = new_context()
    assert await expire(faulty_store, context) == 0
    assert spent(context) == (1 + 2, 0)


async def test_the_rules_of_the_table_hold_when_the_oldest_changes_are_gone(
    store: Store, new_context: NewContext, partition: ReadBack, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = LIMIT - 3
    monkeypatch.setattr(layout, "time", SimpleNamespace(time_ns=lambda: now * 1_000_000))
    jo = await store.users.create(new_context(), user("jo"))
    gone = await store.users.create(new_context(), user("gone"))
    staff = await store.groups.create(new_context(), group("staff"), [jo.id, gone.id])
    await store.users.delete(new_context(), gone.id)
    now = LIMIT
    await store.users.update(new_context(), jo.id, setting(title="Dr"))

    assert await expire(store, new_context()) == 4
    found = await partition()
    assert found.problems(history_is_cut=True) == []
    assert [change["v"] for change in found.changes()] == [3]
    assert (await store.users.get(new_context(), jo.id)).group_ids == (staff.id,)


@pytest.mark.parametrize(("number", "most"), [(0, 1), (1, 1), (1_000, 2), (2_500, 20)])
async def test_the_last_change_is_found_in_a_call_where_a_page_holds_what_was_changed(
    store: Store, new_context: NewContext, number: int, most: int
) -> None:
    """Otherwise in one more for each halving of the time, of which the rows are a part."""
    await change_rows(store, new_context(), number, begin=LIMIT)
    context = new_context()
    found = await store.history.last_change(context, LIMIT, LIMIT + DAY)
    assert found == (LIMIT + number - 1 if number else None)
    assert context.meter.calls <= most
    after = await store.history.last_change(new_context(), LIMIT + number, LIMIT + DAY)
    assert after is None
