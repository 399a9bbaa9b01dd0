"""The feed: everything is told, in whatever order rows become visible, and little is told twice."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from benchmarks.cost.operations import read_feed
from shared.events.feed import Feed, FeedPage, FeedPosition
from shared.scim.documents import changed_names
from shared.store import layout
from shared.store.changes import Change
from shared.store.store import open_store
from shared.tables.operations import Insert
from tests.support.seeds import write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.tables.azure_table import AzureTable
    from shared.tables.request_context import RequestContext
    from tests.conftest import NewContext
    from tests.support.fakes.clock import Time

SECOND = 1_000
UPDATE = Change("User", "b" * 32, "update", ("title",), version=2)
DELETE = Change("User", "b" * 32, "delete", version=3)


class Reader:
    """Reads the feed of a test's tenant on and on, as a product does."""

    def __init__(self, table: AzureTable, new_context: NewContext, clock: Time) -> None:
        guard = open_store(table, changed_names, clock=clock.clock()).guard
        self.feed = Feed(table, clock.clock(), guard)
        self.position = FeedPosition()
        self.context = new_context()
        self._new_context = new_context

    async def once(self, limit: int = 1_000, types: Sequence[str] = ()) -> list[str]:
        """Read a page, and return the rows that it tells."""
        page = await self.page(limit, types)
        return [event.id for event in page.events]

    async def page(self, limit: int = 1_000, types: Sequence[str] = ()) -> FeedPage:
        self.context = self._new_context()
        page = await self.feed.read(self.context, self.position, limit, types)
        self.position = page.position
        return page

    async def to_the_end(self, limit: int = 1_000) -> list[str]:
        ids: list[str] = []
        while True:
            page = await self.page(limit)
            ids += [event.id for event in page.events]
            if not page.has_more:
                return ids


@pytest.fixture
def reader(table: AzureTable, new_context: NewContext, clock: Time) -> Reader:
    return Reader(table, new_context, clock)


class Writer:
    """Writes change rows whose keys were drawn at a time of one's choice."""

    def __init__(self, table: AzureTable, context: RequestContext, clock: Time) -> None:
        self._table, self._context, self._clock = table, context, clock
        self._numbers = 0

    async def write(self, *seconds_ago: float, change: Change = UPDATE) -> list[str]:
        """Write rows, and return the ends of their keys."""
        numbers = [self._drawn(ago) for ago in seconds_ago]
        rows = [Insert(f"l-{each}", change.values(self._context, 1)) for each in numbers]
        await write(self._table, self._context, rows)
        return numbers

    def _drawn(self, ago: float) -> str:
        self._numbers += 1
        return f"{int((self._clock.wall - ago) * SECOND):012x}{self._numbers:020x}"


@pytest.fixture
def writer(table: AzureTable, context: RequestContext, clock: Time) -> Writer:
    return Writer(table, context, clock)


async def test_everything_is_told_in_the_order_of_the_keys(reader: Reader, writer: Writer) -> None:
    rows = await writer.write(900, 600, 300, 10, 1)
    assert await reader.once() == rows


async def test_what_was_told_is_not_told_again(reader: Reader, writer: Writer) -> None:
    await writer.write(900, 100, 1)
    await reader.once()
    assert await reader.once() == []
    new = await writer.write(0.5)
    assert await reader.once() == new


async def test_a_row_that_becomes_visible_late_is_told(
    reader: Reader, writer: Writer, clock: Time
) -> None:
    first = await writer.write(90, 10)
    assert await reader.once() == first
    late = await writer.write(50)
    assert set(late) < set(await reader.once()), "what lies around it comes again"
    clock.advance(200)
    assert await reader.once() == []


async def test_what_is_older_than_two_minutes_never_comes_again(
    reader: Reader, writer: Writer, clock: Time
) -> None:
    settled = await writer.write(900, 121)
    open_ = await writer.write(119)
    assert await reader.once() == settled + open_
    late = await writer.write(119.5)
    assert await reader.once() == late + open_
    clock.advance(layout.LATENESS / SECOND)
    await reader.once()
    assert (reader.position.rows, reader.position.settled >= late[0]) == (0, True)


@pytest.mark.parametrize("limit", [1, 2, 7, 1_000])
async def test_a_reader_gets_on_whatever_the_limit(
    reader: Reader, writer: Writer, limit: int
) -> None:
    rows = await writer.write(*(900 - n for n in range(10)), *(60 - n for n in range(10)))
    assert await reader.to_the_end(limit) == rows
    late = await writer.write(30)
    assert set(late) <= set(await reader.to_the_end(limit))
    assert await reader.to_the_end(limit) == []


async def test_a_row_that_comes_late_while_a_reader_is_on_its_way_is_told(
    reader: Reader, writer: Writer
) -> None:
    await writer.write(60, 50, 40, 30)
    assert len(await reader.once(2)) == 2
    late = await writer.write(55)
    assert late[0] not in await reader.to_the_end(2)
    assert late[0] in await reader.to_the_end(2)


async def test_only_what_is_wanted_is_told_and_the_rest_is_passed(
    reader: Reader, writer: Writer
) -> None:
    await writer.write(900, 10)
    deleted = await writer.write(5, change=DELETE)
    assert await reader.once(types=("user.deleted",)) == deleted
    assert await reader.once() == []


async def test_a_transaction_is_told_whole(reader: Reader, writer: Writer) -> None:
    member = ("b" * 32, 2)
    names = ("displayName", "members")
    both = Change("Group", "a" * 32, "update", names, added=(member,), removed=(member,))
    [number] = await writer.write(10, change=both)
    [after] = await writer.write(5)
    page = await reader.page(1)
    assert [event.id.partition("-")[0] for event in page.events] == [number] * 3
    assert await reader.once(1) == [after]


async def test_who_begins_now_is_told_the_last_two_minutes_and_what_is_to_come(
    reader: Reader, writer: Writer
) -> None:
    await writer.write(900, 121)
    recent = await writer.write(119)
    reader.position = reader.feed.now()
    assert await reader.once() == recent


@pytest.mark.parametrize(("rows", "calls"), [(0, 1), (999, 1), (1_000, 1), (1_001, 2), (2_500, 3)])
async def test_reading_costs_a_call_for_each_1000_rows(
    reader: Reader, writer: Writer, rows: int, calls: int
) -> None:
    assert read_feed(rows=rows).calls == calls
    await writer.write(*(900 - n / 10 for n in range(rows)))
    spent = 0
    while True:
        page = await reader.page()
        spent += reader.context.meter.calls
        if not page.has_more:
            break
    assert spent == calls


async def test_at_the_end_it_costs_a_call_and_one_more_while_rows_are_not_settled(
    reader: Reader, writer: Writer, clock: Time
) -> None:
    await writer.write(10)
    await reader.once()
    await reader.once()
    assert reader.context.meter.calls == read_feed(recent=1).calls == 2
    clock.advance(layout.LATENESS / SECOND)
    await reader.once()
    await reader.once()
    assert reader.context.meter.calls == 1


@pytest.mark.parametrize("seed", range(12))
async def test_nothing_is_missed_by_any_reader_of_writers_whose_clocks_differ_by_60_seconds(
    reader: Reader, writer: Writer, clock: Time, seed: int
) -> None:
    chance = random.Random(seed)
    pending: list[tuple[float, float]] = []  # when a row becomes visible, when its key was drawn
    written: set[str] = set()
    told: set[str] = set()
    for _ in range(40):
        clock.advance(chance.choice([0.1, 1, 5, 30]))
        for _ in range(chance.randrange(3)):
            drawn = clock.wall + chance.uniform(-30, 30)
            pending.append((clock.wall + chance.uniform(0, 55), drawn))
        visible = [drawn for at, drawn in pending if at <= clock.wall]
        pending = [each for each in pending if each[0] > clock.wall]
        written.update(await writer.write(*(clock.wall - drawn for drawn in visible)))
        if chance.random() < 0.7:
            told.update(await reader.once(chance.choice([1, 2, 1_000])))
    written.update(await writer.write(*(clock.wall - drawn for _, drawn in pending)))
    told.update(await reader.to_the_end())
    told.update(await reader.to_the_end())
    assert told == written
