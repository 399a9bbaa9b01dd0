"""A transaction that was held in the network contradicts no answer when it arrives at last."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.errors import TooManyRequests, Uniqueness
from tests.support.documents import group, setting, user
from tests.support.fakes.storage_proxy import (
    Delayed,
    answer,
    answer_inside,
    commit_but_answer,
    first,
    lose_answer,
    lose_request,
)

if TYPE_CHECKING:
    from shared.store.store import Store
    from tests.conftest import NewContext
    from tests.support.fakes.storage_proxy import Fault, StorageProxy
    from tests.unit.store.conftest import ReadBack

ALWAYS = float("inf")


pytestmark = pytest.mark.usefixtures("retry_at_once")


async def test_a_create_that_was_refused_is_not_done_later(
    faulty_store: Store,
    store: Store,
    proxy: StorageProxy,
    new_context: NewContext,
    consistent: ReadBack,
) -> None:
    delayed = Delayed()
    proxy.order(delayed.fault)
    proxy.order(first(lambda: store.users.create(new_context(), user("Jo"))))
    with pytest.raises(Uniqueness):
        await faulty_store.users.create(new_context(), user("jo"))
    other = await store.users.by_user_name(new_context(), "jo")
    assert other is not None
    await store.users.delete(new_context(), other.id)

    assert "0:" in await delayed.arrive(), "its receipt is rejected"
    found = await consistent()
    assert (found.of("u"), found.of("un")) == ({}, {})
    assert [change["op"] for change in found.changes()].count("void") == 1


async def test_a_group_and_a_rename_that_were_refused_are_not_done_later(
    faulty_store: Store, proxy: StorageProxy, new_context: NewContext, consistent: ReadBack
) -> None:
    taken = answer_inside(409, "EntityAlreadyExists", 2)
    jo = await faulty_store.users.create(new_context(), user("jo"))
    before = (await consistent()).keys()
    for request in (
        lambda: faulty_store.groups.create(new_context(), group("staff"), [jo.id]),
        lambda: faulty_store.users.update(new_context(), jo.id, setting(userName="joe")),
    ):
        delayed = Delayed()
        proxy.order(delayed.fault)
        proxy.order(taken)
        with pytest.raises(Uniqueness):
            await request()
        assert "0:" in await delayed.arrive()
        assert (await consistent()).keys() == before


@pytest.mark.parametrize("fault", [lose_request, lose_answer, answer(500, "InternalError")])
async def test_the_row_that_keeps_it_off_is_sent_again_until_it_is_known(
    faulty_store: Store,
    proxy: StorageProxy,
    fault: Fault,
    new_context: NewContext,
    consistent: ReadBack,
) -> None:
    delayed = Delayed()
    proxy.order(delayed.fault)
    proxy.order(answer_inside(409, "EntityAlreadyExists", 1))
    proxy.order(fault)
    with pytest.raises(Uniqueness):
        await faulty_store.users.create(new_context(), user("jo"))
    await delayed.arrive()
    assert (await consistent()).of("u") == {}


async def test_a_create_that_arrives_before_that_row_is_a_success(
    faulty_store: Store, proxy: StorageProxy, new_context: NewContext, consistent: ReadBack
) -> None:
    delayed = Delayed()
    proxy.order(delayed.fault)
    proxy.order(answer_inside(409, "EntityAlreadyExists", 1))
    proxy.order(first(delayed.arrive))
    jo = await faulty_store.users.create(new_context(), user("jo"))
    found = await consistent()
    assert found.of("u").keys() == {jo.id}
    assert [change["op"] for change in found.changes()] == ["create"]


async def test_what_cannot_be_kept_off_is_no_refusal(
    faulty_store: Store, proxy: StorageProxy, new_context: NewContext
) -> None:
    proxy.order(lose_request)
    proxy.order(answer_inside(409, "EntityAlreadyExists", 1))
    proxy.order(commit_but_answer(503, "ServerBusy"), times=ALWAYS)
    with pytest.raises(TooManyRequests):
        await faulty_store.users.create(new_context(), user("jo"))


async def test_it_costs_a_call_where_an_outcome_was_unknown_and_none_elsewhere(
    faulty_store: Store, proxy: StorageProxy, new_context: NewContext
) -> None:
    await faulty_store.users.create(new_context(), user("jo"))
    context = new_context()
    with pytest.raises(Uniqueness):
        await faulty_store.users.create(context, user("jo"))
    assert context.meter.calls == 2
    proxy.order(lose_request)
    context = new_context()
    with pytest.raises(Uniqueness):
        await faulty_store.users.create(context, user("jo"))
    assert context.meter.calls == 2 + 2
