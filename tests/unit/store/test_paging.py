"""Lists: every resource once, in id order, with the exact number of all."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from shared.errors import Unavailable
from shared.scim.documents import changed_names
from shared.store import groups as groups_module
from shared.store import layout
from shared.store.store import open_store
from shared.tables.table import Page, collect
from tests.support.documents import group, user
from tests.support.seeds import seed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.store.store import Store
    from shared.tables.operations import RowOperation
    from shared.tables.request_context import RequestContext
    from shared.tables.rows import Row, Span
    from shared.tables.table import ContinuationToken, Selection, Table
    from tests.conftest import NewContext


@pytest.mark.parametrize("count", [7, 100, 499, 500, 10_000])
async def test_pages_of_any_size_hold_each_user_once_in_id_order(
    store: Store, new_context: NewContext, count: int
) -> None:
    everyone = await seed(store.table, new_context(), users=500, groups=0)
    listed: list[str] = []
    while len(listed) < 500:
        page = await store.users.page(new_context(), len(listed) + 1, count)
        assert page.total == 500
        listed += [user.id for user in page.resources]
    assert tuple(listed) == everyone.users


async def test_a_page_may_begin_anywhere(store: Store, new_context: NewContext) -> None:
    everyone = await seed(store.table, new_context(), users=500, groups=0)
    gate = asyncio.Semaphore(8)

    async def check(start: int) -> None:
        async with gate:
            page = await store.users.page(new_context(), start, 3)
            ids = tuple(user.id for user in page.resources)
            assert (page.total, ids) == (500, everyone.users[start - 1 : start + 2])

    await asyncio.gather(*map(check, range(1, 504, 8)))


async def test_a_list_goes_on_behind_any_id_whether_it_is_there_or_not(
    store: Store, new_context: NewContext
) -> None:
    everyone = await seed(store.table, new_context(), users=30, groups=4)
    short = open_store(ShortPages(store.table), changed_names)
    for users, groups in ((store.users, store.groups), (short.users, short.groups)):
        last_id, listed = "", []
        while page := await users.after(new_context(), last_id, 7):
            listed += [user.id for user in page]
            last_id = listed[-1]
        assert tuple(listed) == everyone.users
        behind = [user.id async for user in users.scan(new_context(), everyone.users[9])]
        assert tuple(behind) == everyone.users[10:]
        assert [each.id for each in await groups.after(new_context(), "", 9)] == [*everyone.groups]
        assert await groups.after(new_context(), everyone.groups[-1], 9) == []
    await store.users.delete(new_context(), everyone.users[9])
    (following,) = await store.users.after(new_context(), everyone.users[9], 1)
    assert following.id == everyone.users[10]
    assert [group.id async for group in store.groups.scan(new_context(), "0" * 32)] == [
        *everyone.groups
    ]


async def test_pages_of_groups_hold_each_group_once_in_id_order(
    store: Store, new_context: NewContext
) -> None:
    everyone = await seed(store.table, new_context(), users=0, groups=40)
    listed: list[str] = []
    for start in range(1, 41, 9):
        page = await store.groups.page(new_context(), start, 9)
        assert page.total == 40
        listed += [group.id for group in page.resources]
    assert tuple(listed) == everyone.groups
    assert [group.id async for group in store.groups.scan(new_context())] == listed
    assert (await store.groups.page(new_context(), 1, 0)).resources == []
    assert (await store.groups.page(new_context(), 41, 9)).resources == []


async def test_a_tenant_without_anyone_has_empty_pages(
    store: Store, context: RequestContext
) -> None:
    assert await store.users.count(context) == await store.groups.count(context) == 0
    assert (await store.users.page(context, 1, 10)).resources == []
    assert (await store.groups.page(context, 1, 10)).resources == []
    assert [user async for user in store.users.scan(context)] == []


@pytest.mark.parametrize(
    ("start_index", "count", "calls"), [(1, 10, 2), (1, 0, 1), (2, 10, 1), (2, 0, 1)]
)
async def test_an_empty_page_costs_two_calls_where_it_is_the_first_and_one_otherwise(
    store: Store, new_context: NewContext, start_index: int, count: int, calls: int
) -> None:
    for page in (store.users.page, store.groups.page):
        context = new_context()
        assert (await page(context, start_index, count)).total == 0
        assert context.meter.calls == calls


class TwoAtOnce:
    """A table of which two pages are asked for at the same time, or none comes.

    Those that begin as `fails` says fail then; the others stay away if `stays`.
    """

    def __init__(self, table: Table, fails: tuple[str, ...] = (), *, stays: bool = False) -> None:
        self.running = 0
        self.are_begun = asyncio.Event()
        self._table = table
        self._fails = fails
        self._stays = stays
        self.get, self.transact, self.close = table.get, table.transact, table.close

    async def page(
        self,
        context: RequestContext,
        span: Span,
        limit: int = 1_000,
        token: ContinuationToken | None = None,
        select: Selection = None,
    ) -> Page:
        self.running += 1
        try:
            if self.running == 2:
                self.are_begun.set()
            await self.are_begun.wait()
            if span.start.startswith(self._fails):
                raise Unavailable("The storage is away.", retry_after=10)
            if self._stays:
                await asyncio.Event().wait()
            return await self._table.page(context, span, limit, token, select)
        finally:
            self.running -= 1


async def test_counters_and_rows_of_the_first_page_are_read_at_the_same_time(
    store: Store, new_context: NewContext
) -> None:
    everyone = await seed(store.table, new_context(), users=30, groups=0)
    async with asyncio.timeout(10):
        users = open_store(TwoAtOnce(store.table), changed_names).users
        page = await users.page(new_context(), 1, 7)
    assert (page.total, tuple(user.id for user in page.resources)) == (30, everyone.users[:7])


@pytest.mark.parametrize("fails", [("cu-",), ("u-",), ("cu-", "u-")])
async def test_a_first_page_that_cannot_be_read_fails_as_any_other_and_leaves_nothing_running(
    store: Store, context: RequestContext, fails: tuple[str, ...]
) -> None:
    table = TwoAtOnce(store.table, fails, stays=True)
    with pytest.raises(Unavailable):
        async with asyncio.timeout(10):
            await open_store(table, changed_names).users.page(context, 1, 7)
    assert table.running == 0


async def test_a_first_page_that_is_cancelled_leaves_nothing_running(
    store: Store, context: RequestContext
) -> None:
    table = TwoAtOnce(store.table, stays=True)
    reading = asyncio.create_task(open_store(table, changed_names).users.page(context, 1, 7))
    async with asyncio.timeout(10):
        await table.are_begun.wait()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
    assert table.running == 0


async def test_totals_and_pages_follow_creations_and_deletions(
    store: Store, new_context: NewContext
) -> None:
    created = [await store.users.create(new_context(), user(f"jo{n}")) for n in range(4)]
    await store.users.delete(new_context(), created[2].id)
    page = await store.users.page(new_context(), 1, 10)
    assert page.total == await store.users.count(new_context()) == 3
    assert [user.id for user in page.resources] == sorted(
        user.id for n, user in enumerate(created) if n != 2
    )


async def test_a_list_of_groups_ends_early_rather_than_show_a_part_of_the_members(
    store: Store, new_context: NewContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    everyone = await seed(store.table, new_context(), users=4, groups=10)
    found = (await store.groups.page(new_context(), 1, 10)).resources
    for limit, number in ((1, 1), (4, 1), (8, 2), (39, 9), (40, 10)):
        monkeypatch.setattr(groups_module, "PAGE_MEMBERSHIPS", limit)
        shown = await store.groups.with_members(new_context(), found)
        assert len(shown) == number
        assert {group.member_ids for group in shown} == {everyone.users}


class ShortPages:
    """A table whose pages are short, and empty every other time, as those of the service may be."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def get(self, context: RequestContext, key: str) -> Row | None:
        return await self._table.get(context, key)

    async def page(
        self,
        context: RequestContext,
        span: Span,
        limit: int = 1_000,
        token: ContinuationToken | None = None,
        select: Selection = None,
    ) -> Page:
        if token is None or "empty" not in token:
            return Page([], {**(token or {}), "empty": ""})
        before = {name: value for name, value in token.items() if name != "empty"}
        return await self._table.page(context, span, min(limit, 3), before or None, select)

    async def transact(
        self, context: RequestContext, operations: Sequence[RowOperation]
    ) -> list[str]:
        return await self._table.transact(context, operations)

    async def close(self) -> None:
        await self._table.close()


async def test_short_and_empty_pages_of_the_storage_lose_nothing(
    store: Store, new_context: NewContext
) -> None:
    everyone = await seed(store.table, new_context(), users=20)
    short = open_store(ShortPages(store.table), changed_names)
    page = await short.users.page(new_context(), 3, 15)
    assert tuple(user.id for user in page.resources) == everyone.users[2:17]
    scanned = [user.id async for user in short.users.scan(new_context())]
    assert tuple(scanned) == everyone.users
    whole = await short.groups.get(new_context(), everyone.groups[0])
    assert whole.member_ids == everyone.users
    assert await short.users.count(new_context()) == 20
    await short.groups.delete(new_context(), everyone.groups[0])
    assert [g async for g in short.groups.scan(new_context())] == []


async def test_a_limited_read_of_a_span_returns_no_more_rows(
    store: Store, context: RequestContext
) -> None:
    await seed(store.table, context, users=20, groups=0)
    for table in (store.table, ShortPages(store.table)):
        for limit in (1, 7, 20, 21):
            rows = await collect(table, context, layout.kind_span("u"), limit)
            assert len(rows) == min(limit, 20)


async def test_tenants_do_not_see_each_other(
    store: Store, new_context: NewContext, context: RequestContext
) -> None:
    staff = await store.groups.create(context, group("staff"))
    created = await store.users.create(context, user("jo", externalId="1"))
    other = new_context()
    other.tenant = f"{context.tenant}-2"
    assert await store.users.count(other) == 0
    assert await store.users.get_many(other, [created.id]) == []
    assert await store.groups.get_many(other, [staff.id]) == []
    assert await store.users.by_user_name(other, "jo") is None
    assert await store.users.by_external_id(other, "1") == []
    assert [user async for user in store.users.scan(other)] == []
    assert (await store.users.create(other, user("jo"))).id != created.id
