"""Groups in groups: one row and one entry in the child's row, by the rules that hold for users."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import pytest

from shared.errors import InvalidValue, NotFound, ScimError, Unavailable
from shared.scim.documents import changed_names
from shared.scim.members import MemberChange
from shared.store import layout
from shared.store.ancestors import MAX_GROUPS_READ
from shared.store.deletions import DeletionRecord
from shared.store.deletions_row import LEASE_SECONDS
from shared.store.store import Store, open_store
from shared.tables.operations import Insert, Replace, RowOperation
from shared.tables.request_context import Bound
from shared.tables.table import collect
from tests.support.documents import group, setting, user
from tests.support.fakes.storage_proxy import answer, commit_but_answer, lose_answer, lose_request
from tests.support.seeds import seed, write
from tests.unit.store.test_costs import cost_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.cost.operations import Cost
    from shared.tables.azure_table import AzureTable
    from tests.conftest import NewContext
    from tests.support.fakes.clock import Time
    from tests.support.fakes.storage_proxy import Fault, StorageProxy
    from tests.unit.store.conftest import ReadBack

BUSY = answer(503, "ServerBusy")
ALWAYS = float("inf")
AMPLE = Bound(1_000_000, float("inf"), lambda: 0.0)

pytestmark = pytest.mark.usefixtures("retry_at_once")


async def groups_of(store: Store, new_context: NewContext, *names: str) -> list[str]:
    """Create empty groups."""
    return [(await store.groups.create(new_context(), group(name))).id for name in names]


async def put_into(store: Store, new_context: NewContext, parent: str, *members: str) -> None:
    await store.groups.update(new_context(), parent, MemberChange(add=members))


async def members_of(store: Store, new_context: NewContext, gid: str) -> dict[str, str]:
    """The members that a group shows, each with its type."""
    found = await store.groups.get(new_context(), gid)
    return {each: found.type_of(each) for each in found.member_ids or ()}


async def indirect_of(store: Store, new_context: NewContext, uid: str) -> tuple[str, ...]:
    found = await store.users.get(new_context(), uid)
    return (await store.users.with_indirect_groups(new_context(), found)).indirect_group_ids


async def chain(store: Store, new_context: NewContext, length: int) -> tuple[str, list[str]]:
    """Create a user in the first of a chain of groups, each of which is in the next one."""
    uid = (await store.users.create(new_context(), user("ana"))).id
    gids: list[str] = []
    for number in range(length):
        made = await store.groups.create(new_context(), group(f"level {number}"), [uid, *gids[-1:]])
        if gids:
            await store.groups.update(new_context(), made.id, MemberChange(remove=(uid,)))
        gids.append(made.id)
    return uid, gids


async def test_a_user_and_a_group_are_members_side_by_side(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    uid = (await store.users.create(new_context(), user("ana"))).id
    [child] = await groups_of(store, new_context, "child")
    made = await store.groups.create(new_context(), group("parent"), [uid, child])
    assert await members_of(store, new_context, made.id) == {uid: "User", child: "Group"}
    found = await consistent()
    assert found.nested() == {(made.id, child)}
    assert found.rows[layout.membership_key(made.id, uid)].values == {}
    [created] = [each for each in found.changes("create") if each["id"] == made.id]
    assert created["add"] == [[uid, 2], [child, None]], "a group has no version of its own"
    await store.groups.update(new_context(), made.id, MemberChange(remove=(child,)))
    assert await members_of(store, new_context, made.id) == {uid: "User"}
    assert (await consistent()).nested() == set()


async def test_a_change_of_the_child_keeps_the_groups_that_it_is_in(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    child, parent = await groups_of(store, new_context, "child", "parent")
    await put_into(store, new_context, parent, child)
    await store.groups.update(
        new_context(), child, MemberChange(), setting(displayName="renamed", externalId="7")
    )
    assert await members_of(store, new_context, parent) == {child: "Group"}
    await consistent()


@pytest.mark.parametrize("declared", ["User", "Group", None])
async def test_the_id_decides_what_a_member_is(
    store: Store, new_context: NewContext, consistent: ReadBack, declared: str | None
) -> None:
    uid = (await store.users.create(new_context(), user("ana"))).id
    child, parent = await groups_of(store, new_context, "child", "parent")
    for member, its_type in ((uid, "User"), (child, "Group")):
        types = {member: declared} if declared else {}
        for change in (
            MemberChange(add=(member,), types=types),  # type: ignore[arg-type] # a text of two
            MemberChange(replace=True, add=(member,), types=types),  # type: ignore[arg-type]
        ):
            if declared in {its_type, None}:
                await store.groups.update(new_context(), parent, change)
            else:
                with pytest.raises(InvalidValue, match="correct its type"):
                    await store.groups.update(new_context(), parent, change)
    last = {None: {child: "Group"}, "User": {uid: "User"}, "Group": {child: "Group"}}[declared]
    assert await members_of(store, new_context, parent) == last
    await consistent()


async def test_nothing_of_many_members_is_written_where_one_is_not_what_it_is_called(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    everyone = await seed(store.table, new_context(), users=230, groups=0)
    child, parent = await groups_of(store, new_context, "child", "parent")
    joining = (*everyone.users, child)
    types = dict.fromkeys(joining, "User")
    with pytest.raises(InvalidValue, match="is a group here"):
        await store.groups.update(
            new_context(),
            parent,
            MemberChange(add=joining, types=types),  # type: ignore[arg-type] # all one type
        )
    assert (await consistent()).memberships() == set()


async def test_users_or_groups_alone_are_taken_out(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    uid = (await store.users.create(new_context(), user("ana"))).id
    child, other, parent = await groups_of(store, new_context, "child", "other", "parent")
    await put_into(store, new_context, parent, uid, child)
    groups_out = MemberChange(groups=MemberChange(replace=True))
    await store.groups.update(new_context(), parent, groups_out)
    assert await members_of(store, new_context, parent) == {uid: "User"}
    await put_into(store, new_context, parent, child)
    groups_for_another = MemberChange(add=(other,), groups=MemberChange(replace=True, add=(other,)))
    await store.groups.update(new_context(), parent, groups_for_another)
    assert await members_of(store, new_context, parent) == {uid: "User", other: "Group"}
    users_out = MemberChange(replace=True, groups=MemberChange())
    await store.groups.update(new_context(), parent, users_out)
    assert await members_of(store, new_context, parent) == {other: "Group"}
    only_if_a_user = MemberChange(remove=(other,), groups=MemberChange())
    await store.groups.update(new_context(), parent, only_if_a_user)
    assert await members_of(store, new_context, parent) == {other: "Group"}
    await consistent()


async def test_an_id_that_was_that_of_a_user_is_unknown(
    store: Store, rejecting_store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    uid = (await store.users.create(new_context(), user("ana"))).id
    [parent] = await groups_of(store, new_context, "parent")
    await put_into(store, new_context, parent, uid)
    await store.users.delete(new_context(), uid)
    await put_into(store, new_context, parent, uid)
    assert await members_of(store, new_context, parent) == {}
    with pytest.raises(InvalidValue, match="neither users nor groups"):
        await put_into(rejecting_store, new_context, parent, uid)
    await consistent()


# ---- circles and chains


async def test_circles_end(store: Store, new_context: NewContext, consistent: ReadBack) -> None:
    uid, [first, second, third] = await chain(store, new_context, 3)
    await put_into(store, new_context, first, third)
    assert await indirect_of(store, new_context, uid) == (second, third)
    for gid in (first, second, third):
        await store.groups.delete(new_context(), gid)
    found = await consistent()
    assert found.memberships() == set()


async def test_of_a_chain_of_50_the_ten_levels_above_are_shown_and_the_log_says_so(
    store: Store, new_context: NewContext, caplog: pytest.LogCaptureFixture
) -> None:
    uid, gids = await chain(store, new_context, 50)
    context = new_context()
    found = await store.users.get(context, uid)
    shown = await store.users.with_indirect_groups(context, found)
    assert shown.indirect_group_ids == tuple(gids[1:11])
    assert context.meter.calls == 1 + 10
    assert f"user {uid} is shown without the indirect groups beyond 200 groups" in caplog.text


async def test_no_more_than_200_groups_are_read(
    store: Store, new_context: NewContext, caplog: pytest.LogCaptureFixture
) -> None:
    everyone = await seed(store.table, new_context(), users=1, groups=MAX_GROUPS_READ + 1)
    [top] = await groups_of(store, new_context, "top")
    await put_into(store, new_context, top, everyone.groups[0])
    found = await store.users.get(new_context(), everyone.users[0])
    context = new_context()
    shown = await store.users.with_indirect_groups(context, found)
    assert shown.indirect_group_ids == (top,)
    assert context.meter.calls == MAX_GROUPS_READ
    assert "beyond 200 groups" in caplog.text


async def test_a_group_in_two_ways_is_shown_once_and_a_direct_one_as_direct(
    store: Store, new_context: NewContext, caplog: pytest.LogCaptureFixture
) -> None:
    uid = (await store.users.create(new_context(), user("ana"))).id
    left, right, top = await groups_of(store, new_context, "left", "right", "top")
    for gid in (left, right, top):
        await put_into(store, new_context, gid, uid)
    for gid in (left, right):
        await put_into(store, new_context, top, gid)
    assert await indirect_of(store, new_context, uid) == ()
    await store.groups.update(new_context(), top, MemberChange(remove=(uid,)))
    assert await indirect_of(store, new_context, uid) == (top,)
    assert caplog.text == ""


# ---- what it costs, and how a tenant is known to have groups in groups


async def test_a_tenant_without_groups_in_groups_pays_nothing_for_them(
    store: Store, clock: Time, new_context: NewContext
) -> None:
    everyone = await seed(store.table, new_context(), users=1, groups=3)
    context = new_context()
    found = await store.users.get(context, everyone.users[0])
    await store.users.with_indirect_groups(context, found)
    assert context.meter.calls == 2
    assert clock.waits == []


async def test_the_first_group_in_a_group_waits_until_every_instance_knows(
    store: Store, reader: Store, clock: Time, new_context: NewContext
) -> None:
    uid = (await store.users.create(new_context(), user("ana"))).id
    child, parent, other = await groups_of(store, new_context, "child", "parent", "other")
    await put_into(store, new_context, child, uid)
    assert await indirect_of(reader, new_context, uid) == (), "and it remembers that there are none"
    await put_into(store, new_context, parent, child)
    assert clock.waits == [LEASE_SECONDS]
    assert await indirect_of(reader, new_context, uid) == (parent,)
    await put_into(store, new_context, other, child)
    assert clock.waits == [LEASE_SECONDS], "once in the life of a tenant"


async def test_an_instance_that_reads_a_young_mark_waits_as_well(
    store: Store, table: AzureTable, clock: Time, new_context: NewContext
) -> None:
    child, parent, other = await groups_of(store, new_context, "child", "parent", "other")
    await put_into(store, new_context, parent, child)
    for seconds, waits in ((0.0, 2), (60.0, 2)):
        clock.advance(seconds)
        another = open_store(table, changed_names, clock=clock.clock())
        await put_into(another, new_context, other, child)
        assert len(clock.waits) == waits
        await another.groups.update(new_context(), other, MemberChange(remove=(child,)))


async def costs_of_members(
    store: Store, clock: Time, new_context: NewContext, parent: str, changes: Sequence[MemberChange]
) -> list[Cost]:
    """Count each change, made when every lease is over."""
    costs = []
    for change in changes:
        clock.advance(LEASE_SECONDS)
        costs.append(
            await cost_of(new_context(), lambda c, it=change: store.groups.update(c, parent, it))  # type: ignore[misc] # of this round
        )
    return costs


async def test_what_groups_in_groups_cost(
    store: Store, clock: Time, new_context: NewContext, consistent: ReadBack
) -> None:
    uid = (await store.users.create(new_context(), user("ana"))).id
    first, second, child, parent = await groups_of(
        store, new_context, "first", "second", "child", "parent"
    )
    await put_into(store, new_context, second, first)
    called = MemberChange(add=(child,), types={child: "Group"})
    costs = await costs_of_members(
        store,
        clock,
        new_context,
        parent,
        [
            called,
            MemberChange(remove=(child,)),
            MemberChange(add=(child,)),
            MemberChange(replace=True),
            MemberChange(add=(uid,)),
            MemberChange(remove=("e" * 32,)),
        ],
    )
    # Reading the child; the deletions row, where it joins; the transaction.
    assert [cost.calls for cost in costs] == [
        1 + 1 + 1,
        2 + 1,
        2 + 1 + 1,
        1 + 1 + 1 + 1,
        1 + 1,
        2 + 1 + 1,
    ]
    assert [cost.entities for cost in costs] == [4, 4, 4, 4, 4, 0]
    await put_into(store, new_context, child, uid)
    await put_into(store, new_context, first, child)
    clock.advance(LEASE_SECONDS)
    context = new_context()
    found = await store.users.get(context, uid)
    shown = await store.users.with_indirect_groups(context, found)
    assert set(shown.indirect_group_ids) == {first, second}
    assert context.meter.calls == 2 + 4, "of a user in two groups, which are in two others"
    await consistent()


# ---- deletions


async def test_a_child_is_deleted_out_of_its_groups_in_one_transaction(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    child, *parents = await groups_of(store, new_context, "child", "one", "two")
    for parent in parents:
        await put_into(store, new_context, parent, child)
    cost = await cost_of(new_context(), lambda context: store.groups.delete(context, child))
    # The deletions row, which is there; the group, its counter, the transaction; the sweep.
    assert (cost.calls, cost.entities) == (1 + 3 + 1 + 1, 6 + 2 + 3)
    found = await consistent()
    assert found.memberships() == set()
    [deletion] = found.changes("delete")
    assert set(deletion["left"]) == set(parents)


async def test_a_parent_is_deleted_out_of_its_children(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    uid = (await store.users.create(new_context(), user("ana"))).id
    child, parent = await groups_of(store, new_context, "child", "parent")
    await put_into(store, new_context, child, uid)
    await put_into(store, new_context, parent, child, uid)
    await store.groups.delete(new_context(), parent)
    assert (await store.users.get(new_context(), uid)).group_ids == (child,)
    assert await indirect_of(store, new_context, uid) == ()
    assert (await consistent()).memberships() == {(child, uid)}


async def test_a_large_parent_that_is_deleted_shows_nowhere(
    *,
    store: Store,
    reader: Store,
    clock: Time,
    new_context: NewContext,
    consistent: ReadBack,
) -> None:
    everyone = await seed(store.table, new_context(), users=201, groups=1)
    [parent] = everyone.groups
    [child] = await groups_of(store, new_context, "child")
    uid = (await store.users.create(new_context(), user("ana"))).id
    await put_into(store, new_context, child, uid)
    await put_into(store, new_context, parent, child)
    assert await indirect_of(reader, new_context, uid) == (parent,)
    clock.waits.clear()
    await store.groups.delete(new_context(), parent)
    assert clock.waits == [LEASE_SECONDS]
    for instance in (store, reader):
        assert await indirect_of(instance, new_context, uid) == ()
    await consistent()
    assert await store.sweeper.sweep(new_context(), DeletionRecord("Group", parent), AMPLE)
    assert (await consistent()).memberships() == {(child, uid)}


PARENTS = 300


async def child_of_300(store: Store, new_context: NewContext) -> tuple[str, tuple[str, ...]]:
    """Write a group that is in 300 others."""
    everyone = await seed(store.table, new_context(), users=0, groups=PARENTS)
    [child] = await groups_of(store, new_context, "child")
    await put_into(store, new_context, everyone.groups[0], child)
    row = await store.table.get(new_context(), layout.group_key(child))
    assert row is not None
    listed = layout.with_ids(row.values, everyone.groups)
    group_in_a_group = layout.member_type_values("Group")
    await write(
        store.table,
        new_context(),
        [
            Replace(row.key, listed, row.etag),
            *(
                Insert(layout.membership_key(gid, child), group_in_a_group)
                for gid in everyone.groups[1:]
            ),
        ],
    )
    return child, everyone.groups


@pytest.mark.parametrize(
    "fault",
    [BUSY, lose_request, lose_answer, commit_but_answer(500, "InternalError")],
    ids=["busy", "lost request", "lost answer", "committed"],
)
@pytest.mark.parametrize("after", range(9))
async def test_a_child_in_300_groups_is_deleted_under_every_fault(
    *,
    faulty_store: Store,
    store: Store,
    reader: Store,
    proxy: StorageProxy,
    new_context: NewContext,
    consistent: ReadBack,
    fault: Fault,
    after: int,
) -> None:
    child, parents = await child_of_300(store, new_context)
    assert await members_of(reader, new_context, parents[5]) == {child: "Group"}
    proxy.order(fault, after=after, times=2)
    await faulty_store.groups.delete(new_context(), child)
    for parent in parents[::50]:
        assert await members_of(reader, new_context, parent) == {}
    for record in (await store.sweeper.leftovers(new_context())).deletions:
        await store.sweeper.sweep(new_context(), record, AMPLE)
    found = await consistent()
    assert found.memberships() == set()
    assert not {key for key in found.rows if key.startswith("q-")}


async def test_a_child_whose_deletion_is_cut_is_hidden_and_whoever_comes_by_finishes_it(
    *,
    faulty_store: Store,
    reader: Store,
    store: Store,
    proxy: StorageProxy,
    clock: Time,
    new_context: NewContext,
    consistent: ReadBack,
) -> None:
    child, parents = await child_of_300(store, new_context)
    assert await members_of(reader, new_context, parents[-1]) == {child: "Group"}
    clock.waits.clear()
    proxy.order(BUSY, after=3, times=ALWAYS)
    await faulty_store.groups.delete(new_context(), child)
    proxy.heal()
    assert clock.waits == [LEASE_SECONDS]
    for instance in (faulty_store, reader):
        assert await members_of(instance, new_context, parents[-1]) == {}
    assert (await consistent()).hidden("u") == [child]
    with pytest.raises(NotFound):
        await store.groups.delete(new_context(), child)
    found = await consistent()
    assert found.memberships() == set()
    assert found.hidden("u") == []


# ---- races


async def test_a_group_and_a_user_are_raced_into_one_list_by_12_writers_on_3_instances(
    table: AzureTable, clock: Time, new_context: NewContext, consistent: ReadBack
) -> None:
    instances = [open_store(table, changed_names, clock=clock.clock()) for _ in range(3)]
    uid = (await instances[0].users.create(new_context(), user("ana"))).id
    child, parent = await groups_of(instances[0], new_context, "child", "parent")
    chance = random.Random(7)

    async def writer(number: int) -> None:
        store = instances[number % 3]
        for _ in range(4):
            member = chance.choice([uid, child])
            change = chance.choice(
                [
                    MemberChange(add=(member,)),
                    MemberChange(remove=(member,)),
                    MemberChange(replace=True, add=(uid, child)),
                    MemberChange(groups=MemberChange(replace=True)),
                ]
            )
            try:
                await store.groups.update(new_context(), parent, change)
            except Unavailable:
                continue

    await asyncio.gather(*map(writer, range(12)))
    await consistent()
    listed = MemberChange(replace=True, add=(uid, child))
    await instances[1].groups.update(new_context(), parent, listed)
    assert await members_of(instances[2], new_context, parent) == {uid: "User", child: "Group"}
    await consistent()


async def test_children_and_parents_are_deleted_while_they_are_nested(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    gids = await groups_of(store, new_context, *(f"group {n}" for n in range(6)))

    async def attempt(parent: str, child: str) -> None:
        try:
            await put_into(store, new_context, parent, child)
        except ScimError:
            return

    nesting = [attempt(parent, child) for parent in gids for child in gids if parent != child]
    await asyncio.gather(*nesting, *(store.groups.delete(new_context(), gid) for gid in gids[:3]))
    for record in (await store.sweeper.leftovers(new_context())).deletions:
        await store.sweeper.sweep(new_context(), record, AMPLE)
    found = await consistent()
    assert {each for pair in found.memberships() for each in pair} <= set(gids[3:])


async def test_a_parent_of_many_groups_is_created_and_emptied(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    everyone = await seed(store.table, new_context(), users=0, groups=90)
    made = await store.groups.create(new_context(), group("parent"), everyone.groups)
    shown = await members_of(store, new_context, made.id)
    assert shown == dict.fromkeys(everyone.groups, "Group")
    await store.groups.update(new_context(), made.id, MemberChange(replace=True))
    assert (await consistent()).memberships() == set()


async def test_a_parent_of_5_000_groups_is_read_deleted_and_swept(
    store: Store, clock: Time, new_context: NewContext, consistent: ReadBack
) -> None:
    children = (await seed(store.table, new_context(seconds=60), users=0, groups=5_000)).groups
    [parent] = await groups_of(store, new_context, "parent")
    await put_into(store, new_context, parent, children[0])
    await nest(store, new_context, parent, children[1:])
    clock.advance(LEASE_SECONDS)
    context = new_context()
    found = await store.groups.get(context, parent)
    assert (len(found.member_ids or ()), len(found.nested_ids)) == (5_000, 5_000)
    assert context.meter.calls == 2 + 6, "ranges may end with a part of a page"
    clock.waits.clear()
    await store.groups.delete(new_context(), parent)
    assert clock.waits == [LEASE_SECONDS], "it is left to the sweeper"
    some = Bound(400, float("inf"), lambda: 0.0)
    record = DeletionRecord("Group", parent)
    context = new_context(seconds=60)
    assert not await store.sweeper.sweep(context, record, some)
    assert 400 <= context.meter.entities < 1_000
    left = await consistent()
    assert 0 < len(left.nested()) < 5_000


async def nest(store: Store, new_context: NewContext, parent: str, children: Sequence[str]) -> None:
    """Write memberships of groups, 33 a transaction."""
    kind = layout.member_type_values("Group")
    operations: list[RowOperation] = []
    rows = await collect(store.table, new_context(seconds=60), layout.kind_span("g"))
    wanted = {layout.group_key(child) for child in children}
    for row in rows:
        if row.key in wanted:
            key = layout.membership_key(parent, layout.id_in(row.key))
            values = layout.with_ids(row.values, [parent])
            operations += [Replace(row.key, values, row.etag), Insert(key, kind)]
    await write(store.table, new_context(seconds=60), operations)
