"""What is known of users who were deleted: written with the deletion, gone with its change row."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from shared.tables.request_context import Bound
from tests.support.documents import setting, user
from tests.support.seeds import seed

if TYPE_CHECKING:
    from shared.store.store import Store
    from shared.tables.request_context import RequestContext
    from tests.conftest import NewContext
    from tests.unit.store.conftest import ReadBack

ANA = "ana@contoso.test"


def full(name: str = ANA, addresses: int = 2) -> dict[str, object]:
    emails = [{"value": f"{number}-{name}"} for number in range(addresses)]
    return user(name, externalId=f"x-{name}", emails=emails)


async def expire(store: Store, context: RequestContext) -> int:
    later = int((time.time() + 1) * 1000)
    return await store.history.expire(context, later, Bound(10_000, float("inf")))


async def test_a_deletion_writes_a_row_for_each_value_and_no_value(
    store: Store, context: RequestContext, consistent: ReadBack
) -> None:
    ana = await store.users.create(context, full())
    await store.users.delete(context, ana.id)
    found = await consistent()
    rows = found.of("dv")
    assert len(rows) == 4
    for key, row in rows.items():
        assert key.endswith(ana.id)
        assert row.values.keys() == {"at", "v"}
    assert ANA not in str(rows)


async def test_they_cost_no_call(store: Store, new_context: NewContext) -> None:
    ana = await store.users.create(new_context(), full())
    context = new_context()
    await store.users.delete(context, ana.id)
    # The user and the counter are read. The change row, the user, the counter, 4 keys, 4 hashes.
    assert (context.meter.calls, context.meter.entities) == (3, 3 + 4 + 4)


async def test_they_are_gone_with_the_change_row_of_the_deletion(
    store: Store, context: RequestContext, consistent: ReadBack
) -> None:
    ana = await store.users.create(context, full())
    await store.users.delete(context, ana.id)
    assert await store.users.deleted_by_user_name(context, ANA)
    assert await expire(store, context) == 2
    assert await store.users.deleted_by_user_name(context, ANA) is None
    assert (await consistent()).keys() == {f"cu-{ana.id[:2]}"}


async def test_of_two_deletions_each_takes_its_own_along(
    store: Store, context: RequestContext, consistent: ReadBack
) -> None:
    for _ in range(2):
        ana = await store.users.create(context, full())
        await store.users.delete(context, ana.id)
    assert len((await consistent()).of("dv")) == 8
    await expire(store, context)
    assert not (await consistent()).of("dv")


async def test_more_than_a_transaction_takes_expire_in_several(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    for number in range(5):
        ana = await store.users.create(new_context(), full(f"{number}@contoso.test", addresses=30))
        await store.users.delete(new_context(), ana.id)
    context = new_context()
    assert await expire(store, context) == 10
    # A page, and 170 rows in transactions of at most 100, in which those of a user stay together.
    assert context.meter.calls == 1 + 3
    assert not (await consistent()).of("dv")


@pytest.mark.parametrize("groups", [3, 120])
async def test_a_user_in_groups_leaves_the_same(
    store: Store, context: RequestContext, consistent: ReadBack, groups: int
) -> None:
    everyone = await seed(store.table, context, users=1, groups=groups)
    uid = everyone.users[0]
    await store.users.update(context, uid, setting(**full()))
    await store.users.delete(context, uid)
    found = await store.users.deleted_by_external_id(context, f"x-{ANA}")
    assert found is not None
    assert found.id == uid
    await consistent()


async def test_the_user_of_the_last_deletion_is_the_one(
    store: Store, context: RequestContext
) -> None:
    ids = []
    for _ in range(3):
        ana = await store.users.create(context, full())
        await store.users.delete(context, ana.id)
        ids.append(ana.id)
    found = await store.users.deleted_by_email(context, f"0-{ANA}")
    assert found is not None
    assert (found.id, found.version) == (ids[-1], 2)
