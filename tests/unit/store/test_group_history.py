"""Groups as they were, read from a real table: deletions of every size, sweeps, and bounds."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from shared.errors import NotFound
from shared.scim.members import MemberChange
from shared.store import group_history, layout
from shared.store.group_history import HistoryNotKept, KeptHistory, MembersPage
from shared.tables.operations import Delete
from shared.tables.table import collect
from tests.support.documents import group, user
from tests.support.seeds import seed

if TYPE_CHECKING:
    from shared.store.deletions import Sweeper
    from shared.store.store import Store
    from tests.conftest import NewContext

ALL = MembersPage(limit=1_000)


def now() -> int:
    """The time, from which on every change is later."""
    moment = time.time_ns() // 1_000_000
    while time.time_ns() // 1_000_000 == moment:
        pass
    return moment


async def members(store: Store, new_context: NewContext, gid: str, at: int) -> set[str]:
    kept = KeptHistory.of(400)
    past = await store.group_history.members_at(new_context(), gid, at, kept, ALL)
    assert past.existed
    return {each.id for each in past.members}


async def test_a_user_in_many_groups_leaves_them_when_it_is_deleted(
    store: Store, new_context: NewContext, sweeper: Sweeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    jo, bo = [await store.users.create(new_context(), user(name)) for name in ("jo", "bo")]
    groups = [
        await store.groups.create(new_context(seconds=60), group(f"g{n}"), [jo.id, bo.id])
        for n in range(100)
    ]
    gid, before = groups[0].id, now()

    async def wait(*_: object) -> bool:
        return False

    monkeypatch.setattr(type(store.users._sweeper), "sweep_members", wait)
    await store.users.delete(new_context(seconds=60), jo.id)
    after = now()
    for _ in range(2):
        assert await members(store, new_context, gid, before) == {jo.id, bo.id}
        assert await members(store, new_context, gid, after) == {bo.id}
        times = before, now()
        kept = KeptHistory.of(400)
        found = await store.group_history.difference(new_context(), gid, times, kept, ALL)
        assert [(each.id, joined) for each, joined in found.members] == [(jo.id, False)]
        await sweeper.sweep_member(new_context(seconds=60), jo.id)


async def test_a_large_group_that_is_deleted_is_told_of_before_and_after_its_sweep(
    store: Store, new_context: NewContext, sweeper: Sweeper
) -> None:
    everyone = await seed(store.table, new_context(), users=210, groups=0)
    made = await store.groups.create(new_context(seconds=60), group("Firm"), everyone.users)
    before = now()
    await store.groups.delete(new_context(), made.id)
    for _ in range(2):
        assert await members(store, new_context, made.id, before) == set(everyone.users)
        await sweeper.sweep_group(new_context(seconds=60), made.id, limit=1_000)
    with pytest.raises(NotFound):
        await members(store, new_context, made.id, now())


async def test_a_group_in_a_group_is_a_member(store: Store, new_context: NewContext) -> None:
    team = await store.groups.create(new_context(), group("Team"))
    firm = await store.groups.create(new_context(), group("Firm"), [team.id])
    before = now()
    await store.groups.delete(new_context(), team.id)
    past = await store.group_history.members_at(
        new_context(), firm.id, before, KeptHistory.of(400), ALL
    )
    assert [(each.id, each.type, each.name) for each in past.members] == [(team.id, "Group", None)]


async def test_a_time_before_the_oldest_change_row_cannot_be_told(
    store: Store, new_context: NewContext
) -> None:
    jo = await store.users.create(new_context(), user("jo"))
    made = await store.groups.create(new_context(), group("Sales"), [jo.id])
    at = now()
    await store.groups.update(new_context(), made.id, MemberChange(remove=(jo.id,)))
    rows = await collect(store.table, new_context(), layout.changes_span(), select=())
    await store.table.transact(new_context(), [Delete(row.key) for row in rows[:-1]])
    with pytest.raises(HistoryNotKept) as refused:
        await members(store, new_context, made.id, at)
    assert refused.value.since == layout.change_time(rows[-1].key)
    assert await members(store, new_context, made.id, now()) == set()


async def test_more_change_rows_than_are_read_cannot_be_told(
    store: Store, new_context: NewContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await store.groups.create(new_context(), group("Sales"))
    at = now()
    for n in range(3):
        await store.users.create(new_context(), user(f"jo{n}"))
    monkeypatch.setattr(group_history, "MOST_CHANGE_ROWS", 2)
    monkeypatch.setattr(group_history, "_ROWS_A_CALL", 2)
    with pytest.raises(HistoryNotKept):
        await members(store, new_context, made.id, at)


async def test_what_is_paid_does_not_depend_on_the_size_of_the_group(
    store: Store, new_context: NewContext
) -> None:
    everyone = await seed(store.table, new_context(seconds=60), users=1_200)
    await store.users.create(new_context(), user("jo"))
    at, costs = now(), []
    for limit in (5, 10):
        context = new_context()
        past = await store.group_history.members_at(
            context, everyone.groups[0], at, KeptHistory.of(400), MembersPage(limit=limit)
        )
        assert len(past.members) == limit
        costs.append(context.meter.calls - limit)
    assert costs[0] - costs[1] in {0, 1}, "the deletions row is not read again within its lease"
    assert max(costs) <= 5


async def test_members_of_a_large_group_come_once_each(
    store: Store, new_context: NewContext
) -> None:
    everyone = await seed(store.table, new_context(seconds=60), users=1_100)
    gid, jo = everyone.groups[0], await store.users.create(new_context(), user("jo"))
    at = now()
    gone = everyone.users[::50]
    await store.groups.update(new_context(seconds=60), gid, MemberChange(add=(jo.id,), remove=gone))
    seen: list[str] = []
    page = MembersPage(limit=400)
    while True:
        past = await store.group_history.members_at(
            new_context(seconds=60), gid, at, KeptHistory.of(400), page
        )
        seen += [each.id for each in past.members]
        if past.after is None:
            break
        page = MembersPage(past.after, 400)
    assert seen == sorted(everyone.users)
