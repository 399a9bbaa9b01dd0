"""Replaces of one list of members at once: the result is one of the lists, at any size.

Every request has an instance of its own.
"""

from __future__ import annotations

import asyncio
import random
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from shared.errors import NotFound, PreconditionFailed, ScimError, Unavailable
from shared.scim.documents import changed_names
from shared.scim.members import MemberChange
from shared.store import memberships
from shared.store.store import open_store
from tests.support.documents import setting
from tests.support.fakes.storage_proxy import (
    answer,
    commit_but_answer,
    first,
    lose_answer,
)
from tests.support.interleaving import interleave
from tests.support.seeds import seed

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from shared.store.resources import Precondition
    from shared.store.store import Store
    from shared.tables.azure_table import AzureTable
    from shared.tables.request_context import RequestContext
    from shared.tables.table import Table
    from tests.conftest import NewContext
    from tests.support.fakes.storage_proxy import StorageProxy
    from tests.unit.store.conftest import ReadBack


pytestmark = pytest.mark.usefixtures("retry_at_once")


def replaces(
    new_context: NewContext,
    gid: str,
    uids: Sequence[str],
    name: str | None = None,
    precondition: Precondition | None = None,
) -> Callable[[Table], Coroutine[Any, Any, object]]:
    """A request that replaces the list: a PATCH, or with a name a PUT."""
    change = None if name is None else setting(displayName=name)
    members = MemberChange(replace=True, add=tuple(uids))
    context = new_context()

    async def update(table: Table) -> str:
        groups = open_store(table, changed_names, member_writes_per_second=1_000_000).groups
        return await groups.update(context, gid, members, change, precondition)

    return update


def changes(
    new_context: NewContext, gid: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()
) -> Callable[[Table], Coroutine[Any, Any, object]]:
    """A request that adds and removes members."""
    context = new_context()

    async def update(table: Table) -> str:
        members = MemberChange(add=tuple(add), remove=tuple(remove))
        return await open_store(table, changed_names).groups.update(context, gid, members)

    return update


def members_of(found: Any, gid: str) -> set[str]:
    return {uid for group, uid in found.memberships() if group == gid}


# Every order of calls


@pytest.mark.parametrize("size", [1, 2], ids=["one transaction each", "several"])
async def test_of_two_replaces_one_list_is_there_in_whatever_order_their_calls_come(
    *,
    store: Store,
    new_context: NewContext,
    consistent: ReadBack,
    monkeypatch: pytest.MonkeyPatch,
    size: int,
) -> None:
    monkeypatch.setattr(memberships, "MAX_MEMBERS_PER_TRANSACTION", 2)
    everyone = await seed(store.table, new_context(), users=4 * size)
    [gid] = everyone.groups
    half = 2 * size
    lists = (everyone.users[:half], everyone.users[half:])
    draw = random.Random(size)
    for _ in range(25):
        requests = [replaces(new_context, gid, uids) for uids in lists]
        outcomes = await interleave(store.table, requests, draw.randrange)
        assert all(isinstance(outcome, str) for outcome in outcomes), outcomes
        assert members_of(await consistent(), gid) in [set(uids) for uids in lists]


async def test_of_three_replaces_and_changes_beside_them_nothing_is_lost(
    store: Store, new_context: NewContext, consistent: ReadBack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memberships, "MAX_MEMBERS_PER_TRANSACTION", 2)
    everyone = await seed(store.table, new_context(), users=14)
    [gid] = everyone.groups
    joins, leaves, *users = everyone.users
    lists = [(*users[start : start + 5], leaves) for start in (0, 3, 7)]
    draw = random.Random(3)
    for _ in range(15):
        # It is added, and removed, after the last replace has begun, so that it shows.
        requests = [
            *(
                replaces(new_context, gid, uids, f"name {number}")
                for number, uids in enumerate(lists)
            ),
            changes(new_context, gid, add=[joins]),
            changes(new_context, gid, remove=[leaves]),
        ]
        outcomes = await interleave(store.table, requests, draw.randrange)
        assert all(isinstance(outcome, str) for outcome in outcomes), outcomes
        found = await consistent()
        rest = members_of(found, gid) - {joins, leaves}
        assert rest in [set(uids) - {leaves} for uids in lists]
        requests = [
            changes(new_context, gid, add=[joins]),
            changes(new_context, gid, remove=[leaves]),
        ]
        await interleave(store.table, requests, draw.randrange)
        assert members_of(await consistent(), gid) == rest | {joins}


async def test_a_member_that_is_added_while_a_long_replace_is_under_way_stays(
    store: Store,
    faulty_store: Store,
    proxy: StorageProxy,
    new_context: NewContext,
    consistent: ReadBack,
) -> None:
    everyone = await seed(store.table, new_context(), users=130, groups=0)
    group = await store.groups.create(new_context(), {"displayName": "all"})
    gid, (joins, leaves, *users) = group.id, everyone.users

    async def change_members() -> None:
        await store.groups.update(new_context(), gid, MemberChange(add=(joins,)))
        await store.groups.update(new_context(), gid, MemberChange(remove=(leaves,)))

    proxy.order(first(change_members), after=2)
    context = new_context()
    listed = MemberChange(replace=True, add=(leaves, *users))
    await faulty_store.groups.update(context, gid, listed)
    assert members_of(await consistent(), gid) == {joins, *users}
    assert context.meter.calls == 2 + 129 + 4 + 2, "the row of the group is read and it goes on"


# At any size


@pytest.mark.parametrize("size", [3, 300])
async def test_of_replaces_on_four_instances_one_list_is_there(
    table: AzureTable, new_context: NewContext, consistent: ReadBack, size: int
) -> None:
    everyone = await seed(table, new_context(), users=2 * size)
    [gid] = everyone.groups
    lists = [everyone.users[start : start + size] for start in (0, size // 3, size // 2, size)]
    requests = [
        replaces(partial(new_context, seconds=120), gid, uids, name)
        for uids, name in zip(lists, (None, "a", None, "b"), strict=True)
    ]
    outcomes = await asyncio.gather(*(request(table) for request in requests))
    assert all(isinstance(outcome, str) for outcome in outcomes)
    found = await consistent()
    assert members_of(found, gid) in [set(uids) for uids in lists]
    assert not found.rows[f"g-{gid}"].values["rp"], "none is under way"


@pytest.mark.exhaustive
async def test_of_replaces_of_thousands_on_two_instances_one_list_is_there(
    table: AzureTable, new_context: NewContext, consistent: ReadBack
) -> None:
    everyone = await seed(table, new_context(seconds=120), users=4_000)
    [gid] = everyone.groups
    lists = [everyone.users[:2_000], everyone.users[2_000:]]
    requests = [replaces(partial(new_context, seconds=300), gid, uids) for uids in lists]
    await asyncio.gather(*(request(table) for request in requests))
    assert members_of(await consistent(), gid) in [set(uids) for uids in lists]


# What is answered


async def replaced_meanwhile(
    store: Store, new_context: NewContext, users: Sequence[str], gid: str
) -> None:
    await store.groups.update(new_context(), gid, MemberChange(replace=True, add=tuple(users)))


async def test_who_is_overtaken_answers_when_the_later_list_is_there(
    store: Store,
    faulty_store: Store,
    proxy: StorageProxy,
    new_context: NewContext,
    consistent: ReadBack,
) -> None:
    everyone = await seed(store.table, new_context(), users=130)
    [gid] = everyone.groups
    later = everyone.users[:7]
    proxy.order(first(partial(replaced_meanwhile, store, new_context, later, gid)), after=2)
    version = await faulty_store.groups.update(new_context(), gid, MemberChange(replace=True))
    assert members_of(await consistent(), gid) == set(later)
    assert (await store.groups.get(new_context(), gid, members=False)).version == version


async def test_who_is_overtaken_by_one_that_dies_is_not_told_that_it_is_done(
    store: Store,
    faulty_store: Store,
    proxy: StorageProxy,
    new_context: NewContext,
    consistent: ReadBack,
) -> None:
    everyone = await seed(store.table, new_context(), users=130)
    [gid] = everyone.groups
    context = new_context()

    async def another_begins_and_dies() -> None:
        dying = open_store(_DiesAfter(store.table, transactions=1), changed_names)
        with pytest.raises(asyncio.CancelledError):
            await dying.groups.update(
                new_context(), gid, MemberChange(replace=True, add=everyone.users[:7])
            )
        context.deadline -= 23

    proxy.order(first(another_begins_and_dies), after=1)
    with pytest.raises(Unavailable) as refused:
        await faulty_store.groups.update(context, gid, MemberChange(replace=True))
    assert refused.value.retry_after is not None
    repeated = MemberChange(replace=True, add=everyone.users[3:5])
    await store.groups.update(new_context(), gid, repeated)
    assert members_of(await consistent(), gid) == set(everyone.users[3:5])


class _DiesAfter:
    """A table to a process that dies after some transactions."""

    def __init__(self, table: Table, *, transactions: int) -> None:
        self._table = table
        self._left = transactions

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)

    async def transact(self, context: RequestContext, operations: Any) -> list[str]:
        if self._left == 0:
            raise asyncio.CancelledError
        self._left -= 1
        return await self._table.transact(context, operations)


@pytest.mark.parametrize("transactions", [1, 2, 3])
async def test_what_a_dead_replace_has_left_is_no_obstacle(
    store: Store, new_context: NewContext, consistent: ReadBack, transactions: int
) -> None:
    everyone = await seed(store.table, new_context(), users=150)
    [gid] = everyone.groups
    dying = open_store(_DiesAfter(store.table, transactions=transactions), changed_names)
    with pytest.raises(asyncio.CancelledError):
        await dying.groups.update(new_context(), gid, MemberChange(replace=True))
    change = setting(displayName="renamed")
    await store.groups.update(new_context(), gid, MemberChange(), change)
    listed = MemberChange(replace=True, add=everyone.users)
    await store.groups.update(new_context(), gid, listed)
    found = await consistent()
    assert members_of(found, gid) == set(everyone.users)
    assert not found.rows[f"g-{gid}"].values["rp"]


async def test_a_rename_beside_a_replace_does_not_end_it(
    store: Store,
    faulty_store: Store,
    proxy: StorageProxy,
    new_context: NewContext,
    consistent: ReadBack,
) -> None:
    everyone = await seed(store.table, new_context(), users=130)
    [gid] = everyone.groups

    async def rename() -> None:
        change = setting(displayName="renamed")
        await store.groups.update(new_context(), gid, MemberChange(), change)

    proxy.order(first(rename), after=2)
    await faulty_store.groups.update(new_context(), gid, MemberChange(replace=True))
    found = await consistent()
    assert members_of(found, gid) == set()
    assert found.document(f"g-{gid}") == {"displayName": "renamed"}


async def test_a_group_that_is_deleted_while_its_list_is_replaced_is_not_found(
    store: Store, faulty_store: Store, proxy: StorageProxy, new_context: NewContext
) -> None:
    everyone = await seed(store.table, new_context(), users=130)
    [gid] = everyone.groups
    proxy.order(first(lambda: store.groups.delete(new_context(), gid)), after=2)
    with pytest.raises(NotFound):
        await faulty_store.groups.update(new_context(), gid, MemberChange(replace=True))


@pytest.mark.parametrize(
    "fault", [lose_answer, commit_but_answer(500, "InternalError"), answer(503, "ServerBusy")]
)
@pytest.mark.parametrize("step", [0, 1, 3])
async def test_an_answer_that_is_lost_amid_a_replace_makes_no_difference(
    *,
    faulty_store: Store,
    proxy: StorageProxy,
    new_context: NewContext,
    consistent: ReadBack,
    fault: Any,
    step: int,
) -> None:
    everyone = await seed(faulty_store.table, new_context(), users=130)
    [gid] = everyone.groups
    proxy.order(fault, after=step)
    await faulty_store.groups.update(new_context(), gid, MemberChange(replace=True))
    found = await consistent()
    assert members_of(found, gid) == set()
    assert len(found.changes("members")) == 4


async def test_of_puts_under_one_version_exactly_one_is_done_in_whatever_order_calls_come(
    store: Store, new_context: NewContext, consistent: ReadBack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memberships, "MAX_MEMBERS_PER_TRANSACTION", 2)
    everyone = await seed(store.table, new_context(), users=8)
    [gid] = everyone.groups
    lists = (everyone.users[:4], everyone.users[4:])
    draw = random.Random(5)
    for turn in range(15):
        version = (await store.groups.get(new_context(), gid, members=False)).version
        requests = [
            replaces(new_context, gid, uids, f"{turn}.{n}", precondition=version.__eq__)
            for n, uids in enumerate(lists)
        ]
        outcomes = await interleave(store.table, requests, draw.randrange)
        [refused] = [each for each in outcomes if isinstance(each, ScimError)]
        assert isinstance(refused, PreconditionFailed)
        won = outcomes.index(next(each for each in outcomes if isinstance(each, str)))
        found = await consistent()
        assert members_of(found, gid) == set(lists[won])
        assert found.document(f"g-{gid}") == {"displayName": f"{turn}.{won}"}
