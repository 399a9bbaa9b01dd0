"""What was changed last is found from the newest back, whatever number of rows there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.store.changes import Change
from shared.store.layout import RowKind
from shared.store.recent_changes import count_changes, is_told, read_back
from shared.tables.operations import Insert
from tests.support.seeds import write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.store.changes import RecordedChange
    from shared.tables.azure_table import AzureTable
    from shared.tables.request_context import RequestContext
    from tests.conftest import NewContext

HOUR, DAY = 3_600_000, 86_400_000
NOW = 1_800_000_000_000
OLDEST = NOW - 400 * DAY


def key(time: int, number: int = 0) -> str:
    return f"{RowKind.CHANGE}-{time:012x}{number:020x}"


async def seed(
    table: AzureTable,
    context: RequestContext,
    times: Sequence[int],
    *,
    verb: str = "create",
    resource: str = "User",
) -> None:
    change = Change(resource, "0" * 32, verb)  # type: ignore[arg-type]
    rows = [
        Insert(key(time, number), change.values(context, 1)) for number, time in enumerate(times)
    ]
    await write(table, context, rows)


async def all_pages(table: AzureTable, context: RequestContext, count: int) -> list[RecordedChange]:
    found: list[RecordedChange] = []
    before: str | None = None
    while True:
        page = await read_back(table, context, count, now=NOW, oldest=OLDEST, before=before)
        found += page.changes
        before = page.before
        if before is None:
            return found


async def test_nothing_is_nothing(table: AzureTable, context: RequestContext) -> None:
    page = await read_back(table, context, 10, now=NOW, oldest=OLDEST)
    assert (page.changes, page.before, page.looked_back_to) == ([], None, OLDEST)
    assert context.meter.calls <= 6


@pytest.mark.parametrize(
    "times",
    [
        [NOW - 1],
        [NOW - DAY * number for number in range(1, 390, 13)],
        [NOW - HOUR - number for number in range(2_500)],
        [NOW - 5] * 1_500,
        [NOW - 300 * DAY] * 30 + [NOW - HOUR] * 30,
    ],
    ids=["one", "rare", "dense", "at-once", "far-apart"],
)
async def test_pages_have_each_change_once_and_the_newest_first(
    table: AzureTable, new_context: NewContext, times: list[int]
) -> None:
    await seed(table, new_context(seconds=300), times)
    keys = [change.key for change in await all_pages(table, new_context(seconds=300), 200)]
    assert keys == sorted({key(time, n) for n, time in enumerate(times)}, reverse=True)


async def test_what_is_not_wanted_is_passed_over(
    table: AzureTable, context: RequestContext
) -> None:
    await seed(table, context, [NOW - 10 - number for number in range(50)], verb="sweep")
    await seed(table, context, [NOW - DAY])
    page = await read_back(table, context, 10, now=NOW, oldest=OLDEST)
    assert [change.time for change in page.changes] == [NOW - DAY]
    assert all(is_told(change) for change in page.changes)


async def test_a_page_of_a_busy_tenant_is_a_call_or_two(
    table: AzureTable, context: RequestContext, new_context: NewContext
) -> None:
    await seed(table, context, [NOW - number * 60_000 for number in range(1, 500)])
    reading = new_context()
    await read_back(table, reading, 25, now=NOW, oldest=OLDEST)
    assert reading.meter.calls == 1


@pytest.mark.exhaustive
async def test_100_000_changes_are_paged_quickly(
    table: AzureTable, context: RequestContext, new_context: NewContext
) -> None:
    await seed(
        table, new_context(seconds=600), [NOW - number * 20_000 for number in range(100_000)]
    )
    before: str | None = None
    for _ in range(5):
        reading = new_context()
        page = await read_back(table, reading, 25, now=NOW, oldest=OLDEST, before=before)
        assert len(page.changes) == 25
        assert reading.meter.calls <= 8
        before = page.before
    middle = key(NOW - 1_000_000_000)[2:]
    reading = new_context()
    page = await read_back(table, reading, 25, now=NOW, oldest=OLDEST, before=middle)
    assert (len(page.changes), reading.meter.calls <= 8) == (25, True)


async def test_changes_are_counted_in_one_call(
    table: AzureTable, context: RequestContext, new_context: NewContext
) -> None:
    await seed(table, context, [NOW - HOUR // 2] * 3)
    await seed(table, context, [NOW - 3 * HOUR // 2] * 2, resource="Group")
    await seed(table, context, [NOW - 1], verb="void")
    counting = new_context()
    starts = [NOW - 2 * HOUR, NOW - HOUR]
    buckets = await count_changes(table, counting, starts, NOW)
    assert [each.by_type for each in buckets] == [{"Group": 2}, {"User": 3}]
    assert all(each.is_exact for each in buckets)
    assert counting.meter.calls == 1


async def test_what_no_identity_provider_does_is_not_counted(
    table: AzureTable, context: RequestContext, new_context: NewContext
) -> None:
    await seed(table, context, [NOW - 1])
    for number, (resource, verb) in enumerate(
        [("Tenant", "settings"), ("SetupLink", "create"), ("SecretToken", "create")]
    ):
        await seed(table, context, [NOW - 2 - number], verb=verb, resource=resource)
    await seed(table, context, [NOW - 10], verb="roles")
    (bucket,) = await count_changes(table, new_context(), [NOW - HOUR], NOW)
    assert bucket.by_type == {"User": 1}


async def test_more_than_a_page_is_counted_by_spans_and_said_to_be_more(
    table: AzureTable, context: RequestContext, new_context: NewContext
) -> None:
    await seed(table, context, [NOW - HOUR // 2 - number for number in range(1_100)])
    await seed(table, context, [NOW - 3 * HOUR // 2])
    counting = new_context()
    buckets = await count_changes(table, counting, [NOW - 2 * HOUR, NOW - HOUR], NOW)
    assert [(each.total, each.is_exact) for each in buckets] == [(1, True), (1_000, False)]
    assert counting.meter.calls == 3
