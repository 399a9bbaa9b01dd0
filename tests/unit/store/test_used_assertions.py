"""An assertion is used once, whatever instance it comes to, and is forgotten when it expires."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from benchmarks.cost.operations import give_access_token
from shared.scim.documents import changed_names
from shared.store.store import Store, open_store
from tests.support.fakes.clock import Time
from tests.support.fakes.storage_proxy import lose_answer

if TYPE_CHECKING:
    from shared.tables.azure_table import AzureTable
    from tests.conftest import NewContext
    from tests.support.fakes.storage_proxy import StorageProxy
    from tests.unit.store.conftest import ReadBack

ASSERTION = '["okta", "assertion-1"]'
HOUR = 3_600


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def store(table: AzureTable, clock: Time) -> Store:
    return open_store(table, changed_names, clock=clock.clock())


@pytest.fixture
def expires(clock: Time) -> float:
    return clock.clock().wall() + 300


async def test_an_assertion_is_used_once_by_one_instance_and_by_two(
    store: Store, reader: Store, new_context: NewContext, expires: float
) -> None:
    contexts = [new_context() for _ in range(3)]
    assert await store.assertions.use(contexts[0], ASSERTION, expires)
    assert not await store.assertions.use(contexts[1], ASSERTION, expires)
    assert not await reader.assertions.use(contexts[2], ASSERTION, expires)
    assert [each.meter.calls for each in contexts[1:]] == [2, 2]
    assert await reader.assertions.use(new_context(), '["okta", "assertion-2"]', expires)
    assert await reader.assertions.use(new_context(), '["entra", "assertion-1"]', expires)


async def test_of_many_at_once_one_is_the_first(
    store: Store, new_context: NewContext, expires: float
) -> None:
    uses = (store.assertions.use(new_context(), ASSERTION, expires) for _ in range(8))
    assert sorted(await asyncio.gather(*uses)) == [False] * 7 + [True]


async def test_each_use_costs_a_call_and_once_in_an_hour_what_has_expired_is_cleared(
    store: Store, clock: Time, new_context: NewContext, consistent: ReadBack, expires: float
) -> None:
    calls = []
    for number in range(4):
        context = new_context()
        assert await store.assertions.use(context, f"assertion-{number}", expires)
        calls.append(context.meter.calls)
    expected = give_access_token(by_assertion=True)
    assert calls == [expected.calls + 1, *[expected.calls] * 3]
    assert context.meter.entities == expected.entities
    clock.advance(HOUR)
    context = new_context()
    assert await store.assertions.use(context, "assertion-4", expires + HOUR)
    assert context.meter.calls == 3
    assert len((await consistent()).of("ja")) == 1


async def test_nothing_of_an_assertion_is_in_its_row(
    store: Store, new_context: NewContext, consistent: ReadBack, expires: float
) -> None:
    await store.assertions.use(new_context(), ASSERTION, expires)
    (row,) = (await consistent()).rows.values()
    assert "assertion" not in f"{row.key} {row.values}"
    assert row.values.keys() == {"rc"}


@pytest.mark.usefixtures("retry_at_once")
async def test_a_use_whose_answer_is_lost_is_the_first_all_the_same(
    faulty_store: Store, store: Store, proxy: StorageProxy, new_context: NewContext, expires: float
) -> None:
    proxy.order(lose_answer, "transaction")
    assert await faulty_store.assertions.use(new_context(), ASSERTION, expires)
    assert not await store.assertions.use(new_context(), ASSERTION, expires)
