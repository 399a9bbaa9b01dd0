"""What an instance remembers of the deletions row, and what a DELETE of a group waits for.

`reader` is another instance than the one that deletes: it has its own memory, and its clock shows
another time.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from shared.clock import Clock
from shared.errors import NotFound, TooManyRequests, Unavailable
from shared.scim.documents import changed_names
from shared.store import deletions_row
from shared.store.deletions_row import LEASE_SECONDS
from shared.store.store import Store, open_store
from tests.support.documents import setting
from tests.support.fakes.storage_proxy import answer, commit_but_answer, first
from tests.support.seeds import seed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp import web

    from shared.tables.azure_table import AzureTable
    from shared.tables.request_context import RequestContext
    from tests.conftest import NewContext
    from tests.support.fakes.clock import Time
    from tests.support.fakes.storage_proxy import Forward, StorageProxy
    from tests.support.seeds import Seeded

LARGE = 201
"""Members of a group that is not swept within the request."""

SENDS = 6
"""How often a transaction is sent before it is given up."""

BUSY = answer(503, "ServerBusy")
ALWAYS = float("inf")


pytestmark = pytest.mark.usefixtures("retry_at_once")


async def remembering(reader: Store, context: RequestContext, everyone: Seeded) -> str:
    """Let a reader read the deletions row; return a user who shows the group."""
    uid = everyone.users[0]
    assert (await reader.users.get(context, uid)).group_ids == everyone.groups
    return uid


# What a DELETE waits for


async def test_a_reader_that_remembers_shows_no_group_whose_delete_is_answered(
    table: AzureTable, reader: Store, clock: Time, new_context: NewContext
) -> None:
    everyone = await seed(table, new_context(), users=LARGE)
    uid = await remembering(reader, new_context(), everyone)
    shown_meanwhile: list[tuple[str, ...]] = []

    async def wait(seconds: float) -> None:
        shown_meanwhile.append((await reader.users.get(new_context(), uid)).group_ids)
        await clock.sleep(seconds)

    writer = open_store(table, changed_names, clock=Clock(steady=lambda: clock.steady, sleep=wait))
    await writer.groups.delete(new_context(), everyone.groups[0])

    assert shown_meanwhile == [everyone.groups], "it still goes by what it remembers"
    assert clock.waits == [LEASE_SECONDS]
    for title, instance in (("Dr", reader), ("Prof", writer)):
        assert (await instance.users.get(new_context(), uid)).group_ids == ()
        page = await instance.users.page(new_context(), 1, 500)
        assert {user.group_ids for user in page.resources} == {()}
        changed = await instance.users.update(new_context(), uid, setting(title=title))
        assert changed.group_ids == ()


async def test_the_instance_that_deletes_forgets_at_once_what_it_remembers(
    table: AzureTable, clock: Time, new_context: NewContext
) -> None:
    everyone = await seed(table, new_context(), users=LARGE)
    shown_meanwhile: list[tuple[str, ...]] = []

    async def wait(seconds: float) -> None:
        user = await writer.users.get(new_context(), everyone.users[0])
        shown_meanwhile.append(user.group_ids)
        await clock.sleep(seconds)

    writer = open_store(table, changed_names, clock=Clock(steady=lambda: clock.steady, sleep=wait))
    await remembering(writer, new_context(), everyone)
    await writer.groups.delete(new_context(), everyone.groups[0])
    assert shown_meanwhile == [()]


async def test_a_group_that_is_swept_within_the_request_is_not_waited_for(
    store: Store, reader: Store, clock: Time, new_context: NewContext
) -> None:
    everyone = await seed(store.table, new_context(), users=3)
    uid = await remembering(reader, new_context(), everyone)
    await store.groups.delete(new_context(), everyone.groups[0])
    assert clock.waits == []
    context = new_context()
    assert (await reader.users.get(context, uid)).group_ids == ()
    assert context.meter.calls == 1, "no user lists it, so what is remembered does not matter"


async def test_a_sweep_that_fails_is_waited_for(
    faulty_store: Store,
    reader: Store,
    proxy: StorageProxy,
    clock: Time,
    new_context: NewContext,
) -> None:
    everyone = await seed(faulty_store.table, new_context(), users=3)
    uid = await remembering(reader, new_context(), everyone)
    proxy.order(BUSY, after=1, times=ALWAYS)
    await faulty_store.groups.delete(new_context(), everyone.groups[0])
    assert clock.waits == [LEASE_SECONDS]
    assert (await reader.users.get(new_context(), uid)).group_ids == ()


@pytest.mark.parametrize(("seconds", "waits"), [(1.5, [0.5]), (2.0, []), (30.0, [])])
async def test_the_time_that_a_sweep_took_is_not_waited_for_again(
    *,
    faulty_store: Store,
    proxy: StorageProxy,
    clock: Time,
    new_context: NewContext,
    seconds: float,
    waits: list[float],
) -> None:
    everyone = await seed(faulty_store.table, new_context(), users=3)

    async def time_passes() -> None:
        clock.advance(seconds)

    proxy.order(first(time_passes, BUSY), after=1)
    proxy.order(BUSY, times=SENDS)
    await faulty_store.groups.delete(new_context(), everyone.groups[0])
    assert clock.waits == waits


async def test_a_deadline_does_not_end_the_wait(
    faulty_store: Store,
    reader: Store,
    proxy: StorageProxy,
    clock: Time,
    new_context: NewContext,
) -> None:
    everyone = await seed(faulty_store.table, new_context(), users=3)
    uid = await remembering(reader, new_context(), everyone)
    context = new_context()

    async def deadline_passes() -> None:
        context.deadline = time.monotonic()

    proxy.order(first(deadline_passes), "read", after=2)  # the first one of the sweep
    await faulty_store.groups.delete(context, everyone.groups[0])
    assert clock.waits == [LEASE_SECONDS]
    assert (await reader.users.get(new_context(), uid)).group_ids == ()


async def test_a_new_group_that_is_taken_back_is_waited_for(
    faulty_store: Store,
    reader: Store,
    proxy: StorageProxy,
    clock: Time,
    new_context: NewContext,
) -> None:
    everyone = await seed(faulty_store.table, new_context(), users=300, groups=0)
    proxy.order(BUSY, after=6, times=SENDS)  # when 240 users are members
    uids = everyone.users
    assert (await reader.users.page(new_context(), 1, 1_000)).total == 300
    with pytest.raises(TooManyRequests, match="does not exist"):
        await faulty_store.groups.create(new_context(), {"displayName": "all"}, uids)
    assert clock.waits == [LEASE_SECONDS]
    page = await reader.users.page(new_context(), 1, 1_000)
    assert {user.group_ids for user in page.resources} == {()}


# Answers that get lost


async def test_a_delete_whose_answer_is_lost_shows_for_a_lease_at_most(
    faulty_store: Store,
    reader: Store,
    proxy: StorageProxy,
    clock: Time,
    new_context: NewContext,
) -> None:
    everyone = await seed(faulty_store.table, new_context(), users=LARGE)
    uid = await remembering(reader, new_context(), everyone)
    proxy.order(commit_but_answer(500, "InternalError"), times=ALWAYS)
    with pytest.raises(Unavailable):
        await faulty_store.groups.delete(new_context(), everyone.groups[0])
    assert clock.waits == []
    assert (await reader.users.get(new_context(), uid)).group_ids == everyone.groups
    clock.advance(LEASE_SECONDS)
    assert (await reader.users.get(new_context(), uid)).group_ids == ()


async def test_who_repeats_that_delete_is_told_404_when_no_user_shows_the_group(
    faulty_store: Store,
    reader: Store,
    proxy: StorageProxy,
    clock: Time,
    new_context: NewContext,
) -> None:
    everyone = await seed(faulty_store.table, new_context(), users=3)
    uid = await remembering(reader, new_context(), everyone)
    proxy.order(commit_but_answer(500, "InternalError"), times=ALWAYS)
    with pytest.raises(Unavailable):
        await faulty_store.groups.delete(new_context(), everyone.groups[0])
    proxy.heal()
    with pytest.raises(NotFound):
        await faulty_store.groups.delete(new_context(), everyone.groups[0])
    assert clock.waits == [LEASE_SECONDS]
    assert (await reader.users.get(new_context(), uid)).group_ids == ()


async def test_a_group_that_is_gone_and_swept_is_not_waited_for(
    store: Store, clock: Time, new_context: NewContext
) -> None:
    everyone = await seed(store.table, new_context(), users=3)
    await store.groups.delete(new_context(), everyone.groups[0])
    for gid in (everyone.groups[0], "no id"):
        with pytest.raises(NotFound):
            await store.groups.delete(new_context(), gid)
    assert clock.waits == []


# What is remembered


async def test_a_reading_serves_until_its_lease_is_over(
    store: Store, clock: Time, new_context: NewContext
) -> None:
    everyone = await seed(store.table, new_context(), users=1)
    get = calls_of_get(store, new_context, everyone.users[0])
    assert await get() == 2
    clock.advance(LEASE_SECONDS - 0.01)
    assert await get() == 1
    clock.advance(0.01)
    assert [await get(), await get()] == [2, 1]


async def test_a_lease_counts_from_before_the_read_was_sent(
    faulty_store: Store, proxy: StorageProxy, clock: Time, new_context: NewContext
) -> None:
    everyone = await seed(faulty_store.table, new_context(), users=1)
    get = calls_of_get(faulty_store, new_context, everyone.users[0])

    async def time_passes() -> None:
        clock.advance(LEASE_SECONDS)

    proxy.order(first(time_passes), "read", after=1)
    assert [await get(), await get(), await get()] == [2, 2, 1]


async def test_a_reading_from_before_a_deletion_that_comes_after_it_is_forgotten_in_time(
    faulty_store: Store, proxy: StorageProxy, clock: Time, new_context: NewContext
) -> None:
    everyone = await seed(faulty_store.table, new_context(), users=LARGE)
    uid = everyone.users[0]
    read, release = asyncio.Event(), asyncio.Event()
    shown_meanwhile: list[tuple[str, ...]] = []

    async def held(request: web.BaseRequest, forward: Forward) -> web.StreamResponse:
        response = await forward()
        read.set()
        await release.wait()
        return response

    async def wait(seconds: float) -> None:
        release.set()
        shown_meanwhile.append((await early).group_ids)
        shown_meanwhile.append((await instance.users.get(new_context(), uid)).group_ids)
        await clock.sleep(seconds)

    instance = open_store(
        faulty_store.table, changed_names, clock=Clock(steady=lambda: clock.steady, sleep=wait)
    )
    proxy.order(held, "read", after=1)
    early = asyncio.create_task(instance.users.get(new_context(), uid))
    await read.wait()
    clock.advance(1)
    await instance.groups.delete(new_context(), everyone.groups[0])

    assert shown_meanwhile == [everyone.groups] * 2
    assert (await instance.users.get(new_context(), uid)).group_ids == ()


async def test_tenants_are_remembered_apart(
    store: Store, tenant: str, new_context: NewContext
) -> None:
    other = replace(new_context(), tenant=f"{tenant}-2")
    for context in (new_context(), other):
        everyone = await seed(store.table, context, users=1)
        calls = context.meter.calls
        await store.users.get(context, everyone.users[0])
        assert context.meter.calls - calls == 2


async def test_of_many_tenants_those_read_last_are_remembered(
    store: Store, tenant: str, new_context: NewContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletions_row, "REMEMBERED_TENANTS", 2)
    gets = []
    for number in range(3):

        def context(name: str = f"{tenant}-{number}") -> RequestContext:
            return replace(new_context(), tenant=name)

        everyone = await seed(store.table, context(), users=1)
        gets.append(calls_of_get(store, context, everyone.users[0]))
    assert [await get() for get in gets] == [2, 2, 2]
    assert [await gets[n]() for n in (2, 1, 0)] == [1, 1, 2]
    assert await gets[1]() == 2, "the oldest one made room"


def calls_of_get(
    store: Store, new_context: Callable[[], RequestContext], uid: str
) -> Callable[[], Awaitable[int]]:
    """Make what reads a user and counts the calls."""

    async def get() -> int:
        context = new_context()
        await store.users.get(context, uid)
        return context.meter.calls

    return get
