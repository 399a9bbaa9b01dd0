"""A long span is read in ranges side by side: each row once, in less time, for few calls more."""

from __future__ import annotations

import asyncio
import random
import secrets
from bisect import bisect_left
from collections import Counter
from itertools import pairwise
from math import ceil
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Unavailable
from shared.store import layout
from shared.tables.operations import Insert
from shared.tables.ranges import RANGES, SPARE_OF_PROCESS, SPARE_OF_TENANT, RangeReader, cut_rest
from shared.tables.rows import Row
from shared.tables.table import PAGE_ROWS, Page, collect
from tests.support.seeds import write

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from shared.tables.azure_table import AzureTable
    from shared.tables.request_context import RequestContext
    from shared.tables.rows import Span
    from shared.tables.table import ContinuationToken, Selection
    from tests.conftest import NewContext

GROUP = "5" * 32
SPAN = layout.memberships_span(GROUP)
HEX = "0123456789abcdef"


def membership(uid: str) -> str:
    return layout.membership_key(GROUP, uid)


def random_keys(number: int, randomness: random.Random | None = None) -> list[str]:
    drawn = randomness or random.Random(number)
    return sorted(membership(f"{drawn.getrandbits(128):032x}") for _ in range(number))


class Keys:
    """A table of keys in memory, of which spans are read, in pages as the storage has them.

    Attributes:
        keys: in order.
        before_page: runs before a page is answered.
        spans: of the pages that were asked for.
        running: pages that are being asked for, by tenant.
        most: the most of them at a time, by tenant.
    """

    get: Any
    transact: Any
    close: Any

    def __init__(
        self, keys: list[str], before_page: Callable[[Span], Awaitable[object]] | None = None
    ) -> None:
        self.keys = keys
        self.before_page = before_page
        self.spans: list[Span] = []
        self.running: Counter[str] = Counter()
        self.most: Counter[str] = Counter()

    async def page(
        self,
        context: RequestContext,
        span: Span,
        limit: int = PAGE_ROWS,
        token: ContinuationToken | None = None,
        select: Selection = None,
    ) -> Page:
        self.spans.append(span)
        self.running[context.tenant] += 1
        self.most |= self.running
        try:
            if self.before_page is not None:
                await self.before_page(span)
        finally:
            self.running[context.tenant] -= 1
        start = token["RowKey"] if token else span.start
        first, end = bisect_left(self.keys, start), bisect_left(self.keys, span.end)
        last = min(first + limit, end)
        rows = [Row(key, dict.fromkeys(select or (), ""), "") for key in self.keys[first:last]]
        return Page(rows, {"RowKey": self.keys[last]} if last < end else None)


async def read(table: Keys, context: RequestContext) -> list[str]:
    return [row.key for row in await RangeReader(table).read(context, SPAN)]


async def test_the_storage_gives_the_rows_that_it_gives_page_by_page(
    table: AzureTable, new_context: NewContext
) -> None:
    keys = random_keys(3_500)
    around = [membership("").replace("5-", "4-f"), membership("").replace("5-", "6-0")]
    await write(table, new_context(), [Insert(key, {}) for key in (*around, *keys)])
    context = new_context()
    rows = await RangeReader(table).read(context, SPAN, select=())
    assert [row.key for row in rows] == keys
    assert rows == await collect(table, new_context(), SPAN, select=())
    assert context.meter.calls == 4


@pytest.mark.parametrize("number", [0, 1, 999, 1_000, 1_001, 1_999, 2_000])
async def test_up_to_two_pages_are_read_by_the_calls_that_they_are(
    number: int, context: RequestContext
) -> None:
    keys = Keys(random_keys(number))
    assert await read(keys, context) == keys.keys
    assert len(keys.spans) == max(1, ceil(number / PAGE_ROWS))


@pytest.mark.parametrize("number", [2_400, 3_000, 4_321, 5_000, 8_000, 20_000, 100_000])
async def test_more_are_read_in_a_fraction_of_the_time_for_hardly_more_calls(
    number: int, context: RequestContext
) -> None:
    table = Keys(random_keys(number))
    assert await read(table, context) == table.keys
    pages, ranges = ceil(number / PAGE_ROWS), {span.end for span in table.spans[1:]}
    assert len(ranges) <= RANGES
    assert pages <= len(table.spans) <= pages + len(ranges)
    assert len(table.spans) <= pages + max(1, ceil(pages * 0.1))
    longest = max(sum(span.end == end for span in table.spans[1:]) for end in ranges)
    assert 1 + longest <= max(2, 1 + ceil(1.1 * pages / RANGES))


async def test_on_average_a_tenth_more_calls_are_made(context: RequestContext) -> None:
    drawn = random.Random(1)
    sizes = [drawn.randrange(2_001, 20_000) for _ in range(25)]
    tables = [Keys(random_keys(size, drawn)) for size in sizes]
    for table in tables:
        await read(table, context)
    calls, pages = sum(len(table.spans) for table in tables), sum(ceil(s / 1_000) for s in sizes)
    assert 1 <= calls / pages <= 1.12


@pytest.mark.parametrize(
    "uids",
    [
        [f"{'0' * 20}{n:012x}" for n in range(4_000)],
        [f"{'f' * 20}{n:012x}" for n in range(4_000)],
        [f"{n % 2 * 15:x}{'0' * 19}{n:012x}" for n in range(4_000)],
        [f"user-{n}" for n in range(4_000)],
        [f"{n:x}" for n in range(4_000)],
    ],
    ids=["all at the begin", "all at the end", "at both ends", "no digits", "few digits"],
)
async def test_keys_that_are_not_spread_are_all_read_too(
    uids: list[str], context: RequestContext
) -> None:
    table = Keys(sorted(map(membership, uids)))
    assert await read(table, context) == table.keys
    assert len(table.spans) <= 4 + RANGES


@given(
    st.lists(st.text(HEX, min_size=32, max_size=32), min_size=1, unique=True),
    st.integers(1, RANGES),
)
def test_ranges_are_the_whole_rest_and_do_not_meet(uids: list[str], at_most: int) -> None:
    first = [Row(membership(uid), {}, "") for uid in sorted(uids)]
    ranges = cut_rest(SPAN, first, at_most)
    assert 1 <= len(ranges) <= at_most
    assert first[-1].key < ranges[0].start <= f"{first[-1].key}-"
    assert ranges[-1].end == SPAN.end
    assert all(one.end == other.start for one, other in pairwise(ranges))
    assert all(each.start < each.end for each in ranges)


async def test_an_empty_page_is_not_taken_for_the_end(context: RequestContext) -> None:
    class BeginsEmpty(Keys):
        async def page(
            self,
            context: RequestContext,
            span: Span,
            limit: int = PAGE_ROWS,
            token: ContinuationToken | None = None,
            select: Selection = None,
        ) -> Page:
            if span == SPAN and token is None:
                return Page([], {"RowKey": span.start})
            return await super().page(context, span, limit, token, select)

    table = BeginsEmpty(random_keys(2_500))
    assert await read(table, context) == table.keys


async def test_who_is_there_all_the_time_is_found_once_whatever_comes_and_goes(
    context: RequestContext,
) -> None:
    drawn = random.Random(7)
    staying, leaving = random_keys(6_000, drawn), random_keys(1_000, drawn)
    table = Keys(sorted((*staying, *leaving)))
    joining: list[str] = []

    async def change(span: Span) -> None:
        """Let some leave and others join, in every range."""
        del span
        joined = random_keys(40, drawn)
        gone = {leaving.pop() for _ in range(40) if leaving}
        joining.extend(joined)
        table.keys = sorted((*(key for key in table.keys if key not in gone), *joined))

    table.before_page = change
    known = {*staying, *leaving}
    found = await read(table, context)
    assert found == sorted(set(found))
    assert set(staying) <= set(found) <= known | set(joining)


class Gate:
    """Lets no page through until it is opened; knows who waits."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()

    async def pass_by(self, span: Span) -> None:
        if span != SPAN:
            await self.opened.wait()


async def settle() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


def contexts(new_context: NewContext, tenants: Iterable[str]) -> list[RequestContext]:
    made = [new_context() for _ in tenants]
    for context, tenant in zip(made, tenants, strict=True):
        context.tenant = tenant
    return made


async def test_a_tenant_and_all_of_them_have_so_many_ranges_under_way_and_no_more(
    new_context: NewContext,
) -> None:
    gate = Gate()
    table = Keys(random_keys(20_000), before_page=gate.pass_by)
    reader = RangeReader(table)
    tenants = [tenant for tenant in "abcd" for _ in range(3)]
    readings = [
        asyncio.create_task(reader.read(context, SPAN))
        for context in contexts(new_context, tenants)
    ]
    await settle()
    assert table.running["a"] == table.running["b"] == 3 + SPARE_OF_TENANT
    assert sum(table.running.values()) == len(tenants) + SPARE_OF_PROCESS
    assert all(number >= 3 for number in table.running.values()), "each has one of its own"
    gate.opened.set()
    for rows in await asyncio.gather(*readings):
        assert [row.key for row in rows] == table.keys
    assert table.most["a"] == 3 + SPARE_OF_TENANT
    await reader.read(new_context(), SPAN)
    assert max(table.most.values()) == 3 + SPARE_OF_TENANT


async def test_a_tenant_whose_storage_does_not_answer_holds_up_no_other(
    new_context: NewContext,
) -> None:
    stuck = Keys(random_keys(20_000), before_page=Gate().pass_by)
    reader = RangeReader(stuck)
    readings = [
        asyncio.create_task(reader.read(context, SPAN))
        for context in contexts(new_context, "aaabbbccc")
    ]
    await settle()
    stuck.before_page = None
    async with asyncio.timeout(10):
        assert [row.key for row in await reader.read(new_context(), SPAN)] == stuck.keys
    for reading in readings:
        reading.cancel()
    await asyncio.wait(readings)
    await reader.read(new_context(), SPAN)
    assert max(stuck.most.values()) == 3 + SPARE_OF_TENANT


@pytest.mark.parametrize("is_cancelled", [False, True])
async def test_where_a_range_fails_or_the_request_ends_none_goes_on(
    is_cancelled: bool, context: RequestContext
) -> None:
    gate = Gate()

    async def fail(span: Span) -> None:
        if span.end == SPAN.end and span != SPAN and not is_cancelled:
            raise Unavailable("The storage is away.", retry_after=10)
        await gate.pass_by(span)

    table = Keys(random_keys(20_000), before_page=fail)
    reading = asyncio.create_task(RangeReader(table).read(context, SPAN))
    await settle()
    if is_cancelled:
        reading.cancel()
    with pytest.raises(asyncio.CancelledError if is_cancelled else Unavailable):
        await reading
    assert table.running == {context.tenant: 0}


def test_the_ids_of_users_are_spread_over_all_ranges() -> None:
    first_digits = {layout.new_id(secrets.token_hex(4))[0] for _ in range(500)}
    assert first_digits == set(HEX)
