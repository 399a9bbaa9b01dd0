"""A large group whose creation is cut: nothing of it shows, and it can be created again."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from shared.clock import Clock
from shared.errors import NotFound, Unavailable, Uniqueness
from shared.scim.documents import changed_names
from shared.scim.members import MemberChange
from shared.store import deletions, memberships
from shared.store.deletions_row import LEASE_SECONDS
from shared.store.store import Store, open_store
from shared.tables.request_context import Bound
from tests.support.documents import group
from tests.support.fakes.storage_proxy import Delayed, commit_but_answer, first
from tests.support.interleaving import interleave
from tests.support.seeds import seed

if TYPE_CHECKING:
    from shared.tables.azure_table import AzureTable
    from shared.tables.request_context import RequestContext
    from shared.tables.table import Table
    from tests.conftest import NewContext
    from tests.support.fakes.clock import Time
    from tests.support.fakes.storage_proxy import StorageProxy
    from tests.unit.store.conftest import ReadBack

AMPLE = Bound(1_000_000, until=float("inf"))
TRANSACTIONS = 4
"""What a group of 100 takes: three in which members join, and that which creates it."""


pytestmark = pytest.mark.usefixtures("retry_at_once")


@dataclass(slots=True)
class Dying:
    """A table to a process that dies after some transactions."""

    table: Table
    transactions: int

    def __getattr__(self, name: str) -> Any:
        return getattr(self.table, name)

    async def transact(self, context: RequestContext, operations: Any) -> list[str]:
        if self.transactions == 0:
            raise asyncio.CancelledError
        self.transactions -= 1
        return await self.table.transact(context, operations)


async def cut_creation(
    table: Table, context: RequestContext, uids: tuple[str, ...], transactions: int
) -> None:
    dying = open_store(Dying(table, transactions), changed_names)
    with pytest.raises(asyncio.CancelledError):
        await dying.groups.create(context, group("all", externalId="7"), uids)


@pytest.mark.parametrize("transactions", range(1, TRANSACTIONS))
async def test_nothing_shows_and_it_can_be_repeated(
    *,
    store: Store,
    new_context: NewContext,
    consistent: ReadBack,
    clock: Time,
    transactions: int,
) -> None:
    everyone = await seed(store.table, new_context(), users=100, groups=0)
    await cut_creation(store.table, new_context(), everyone.users, transactions)
    found = await consistent()
    assert len(found.memberships()) == min(40 * transactions, 100)
    assert (found.of("g"), found.of("gn"), found.of("gx"), found.of("cg")) == ({}, {}, {}, {})
    await shows_nobody_in_a_group(store, new_context)

    again = await store.groups.create(new_context(), group("all", externalId="7"), everyone.users)
    await is_whole(store, new_context, again.id, everyone.users)
    assert clock.waits == []
    await consistent()


async def shows_nobody_in_a_group(store: Store, new_context: NewContext) -> None:
    assert await store.groups.by_display_name(new_context(), "all") == []
    assert await store.groups.by_external_id(new_context(), "7") == []
    page = await store.groups.page(new_context(), 1, 10)
    assert (page.total, page.resources) == (0, [])
    users = await store.users.page(new_context(), 1, 200)
    assert {user.group_ids for user in users.resources} == {()}


async def is_whole(store: Store, new_context: NewContext, gid: str, uids: tuple[str, ...]) -> None:
    assert (await store.groups.get(new_context(), gid)).member_ids == uids
    users = await store.users.page(new_context(), 1, 1_000)
    assert {user.group_ids for user in users.resources} == {(gid,)}
    assert await store.groups.count(new_context()) == 1


async def test_the_sweeper_takes_away_what_is_left_but_not_what_may_be_under_way(
    store: Store, new_context: NewContext, consistent: ReadBack, monkeypatch: pytest.MonkeyPatch
) -> None:
    everyone = await seed(store.table, new_context(), users=100, groups=0)
    await cut_creation(store.table, new_context(), everyone.users, 3)
    [record] = (await store.sweeper.leftovers(new_context())).deletions
    assert not await store.sweeper.sweep(new_context(), record, AMPLE)
    assert len((await consistent()).memberships()) == 100
    monkeypatch.setattr(deletions, "CREATION_SECONDS", 0)
    assert await store.sweeper.sweep(new_context(), record, AMPLE)
    found = await consistent()
    assert found.memberships() == set()
    assert not [key for key in found.rows if key.startswith("q")]


async def test_a_creation_that_the_sweeper_gives_up_is_not_done(
    *,
    store: Store,
    faulty_store: Store,
    proxy: StorageProxy,
    new_context: NewContext,
    consistent: ReadBack,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deletions, "CREATION_SECONDS", 0)
    everyone = await seed(store.table, new_context(), users=100, groups=0)

    async def sweep() -> None:
        for record in (await store.sweeper.leftovers(new_context())).deletions:
            await store.sweeper.sweep(new_context(), record, AMPLE)

    for step in range(1, TRANSACTIONS):
        proxy.order(first(sweep), after=step)
        with pytest.raises(Unavailable, match="does not exist"):
            await faulty_store.groups.create(new_context(), group("all"), everyone.users)
        found = await consistent()
        assert found.memberships() == set()
        assert not [key for key in found.rows if key.startswith(("q", "g-", "gn-"))]


async def test_a_large_group_is_shown_by_every_instance_once_it_is_created(
    table: AzureTable, store: Store, clock: Time, new_context: NewContext, proxy: StorageProxy
) -> None:
    """Also by one that remembers from before that it was being created."""
    everyone = await seed(table, new_context(), users=100, groups=0)
    reader = open_store(table, changed_names, clock=Clock(steady=lambda: clock.steady - 4_900))

    @dataclass(slots=True)
    class Watched(Dying):
        async def transact(self, context: RequestContext, operations: Any) -> list[str]:
            self.transactions -= 1
            if self.transactions == 0:
                clock.advance(LEASE_SECONDS)
                await shows_nobody_in_a_group(reader, new_context)
            return await self.table.transact(context, operations)

    watched = open_store(Watched(table, TRANSACTIONS), changed_names, clock=clock.clock())
    created = await watched.groups.create(new_context(), group("all"), everyone.users)
    await is_whole(reader, new_context, created.id, everyone.users)
    del proxy, store


async def test_a_name_that_is_taken_is_refused_before_anybody_joins(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    everyone = await seed(store.table, new_context(), users=100, groups=0)
    await store.groups.create(new_context(), group("All"))
    context = new_context()
    with pytest.raises(Uniqueness):
        await store.groups.create(context, group("all"), everyone.users)
    assert (context.meter.calls, context.meter.entities) == (1, 0)
    assert (await consistent()).memberships() == set()


async def test_of_two_large_groups_of_a_name_one_is_created_in_whatever_order_calls_come(
    *,
    clock: Time,
    store: Store,
    new_context: NewContext,
    consistent: ReadBack,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memberships, "MAX_MEMBERS_PER_TRANSACTION", 2)
    monkeypatch.setattr("shared.store.groups.MAX_MEMBERS_PER_TRANSACTION", 2)
    everyone = await seed(store.table, new_context(), users=5, groups=0)
    draw = random.Random(4)

    async def create(context: RequestContext, table: Table) -> str:
        groups = open_store(
            table, changed_names, member_writes_per_second=1_000_000, clock=clock.clock()
        ).groups
        return (await groups.create(context, group("all"), everyone.users)).id

    for _ in range(8):
        requests = [partial(create, new_context()) for _ in range(2)]
        outcomes = await interleave(store.table, requests, draw.randrange)
        [gid] = [each for each in outcomes if isinstance(each, str)]
        assert sum(isinstance(each, Uniqueness) for each in outcomes) == 1
        found = await consistent()
        assert {pair for pair in found.memberships() if pair[0] == gid} == {
            (gid, uid) for uid in everyone.users
        }
        await store.groups.delete(new_context(), gid)
        assert (await consistent()).memberships() == set()


async def test_a_creation_whose_last_answers_are_lost_is_a_success(
    faulty_store: Store, proxy: StorageProxy, new_context: NewContext, consistent: ReadBack
) -> None:
    everyone = await seed(faulty_store.table, new_context(), users=100, groups=0)
    proxy.order(commit_but_answer(500, "InternalError"), after=TRANSACTIONS - 1, times=6)
    created = await faulty_store.groups.create(new_context(), group("all"), everyone.users)
    await is_whole(faulty_store, new_context, created.id, everyone.users)
    await consistent()


@pytest.mark.parametrize("step", range(TRANSACTIONS))
async def test_no_transaction_that_comes_late_shows_a_group_that_does_not_exist(
    *,
    faulty_store: Store,
    proxy: StorageProxy,
    new_context: NewContext,
    consistent: ReadBack,
    step: int,
) -> None:
    everyone = await seed(faulty_store.table, new_context(), users=100, groups=0)
    delayed = Delayed()
    proxy.order(delayed.fault, after=step, times=6)
    with pytest.raises(Unavailable, match="does not exist"):
        await faulty_store.groups.create(new_context(), group("all"), everyone.users)
    await delayed.arrive()
    found = await consistent()
    assert found.of("g") == {}
    await shows_nobody_in_a_group(faulty_store, new_context)
    await faulty_store.groups.create(new_context(), group("all"), everyone.users)


async def test_members_too_large_for_one_transaction_join_in_several(
    store: Store, new_context: NewContext, consistent: ReadBack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memberships, "_MAX_BYTES", 30_000)
    everyone = await seed(store.table, new_context(), users=20, groups=0)
    await cut_creation(store.table, new_context(), everyone.users, 1)
    assert (await consistent()).of("g") == {}
    created = await store.groups.create(new_context(), group("all"), everyone.users)
    await is_whole(store, new_context, created.id, everyone.users)


async def test_a_user_who_is_deleted_meanwhile_is_no_member(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    everyone = await seed(store.table, new_context(), users=100, groups=0)
    leaver, *others = everyone.users

    @dataclass(slots=True)
    class Beside(Dying):
        async def transact(self, context: RequestContext, operations: Any) -> list[str]:
            self.transactions -= 1
            if self.transactions == 0:
                await store.users.delete(new_context(), leaver)
            return await self.table.transact(context, operations)

    beside = open_store(Beside(store.table, TRANSACTIONS), changed_names)
    created = await beside.groups.create(new_context(), group("all"), everyone.users)
    await is_whole(store, new_context, created.id, tuple(others))
    with pytest.raises(NotFound):
        await store.groups.update(new_context(), "0" * 32, MemberChange(add=(leaver,)))
    await consistent()
