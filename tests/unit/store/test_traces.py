"""Traces in the table: one is open at a time, it ends by itself, and is deleted days later."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.scim.documents import changed_names
from shared.store import layout
from shared.store.open_trace import OpenTrace
from shared.store.store import Store, open_store
from shared.store.traces import KEPT_SECONDS, SealedEntry, TraceIsOpenError
from shared.tables.request_context import Bound
from shared.tenant_settings import patched
from tests.support.fakes.clock import Time

if TYPE_CHECKING:
    from shared.tables.azure_table import AzureTable
    from shared.tables.request_context import RequestContext
    from tests.conftest import NewContext
    from tests.unit.store.conftest import ReadBack

NO_END = Bound(1_000_000, float("inf"))


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def store(table: AzureTable, clock: Time) -> Store:
    return open_store(table, changed_names, clock=clock.clock(), member_writes_per_second=1_000_000)


def new_trace(clock: Time, hours: int = 1) -> OpenTrace:
    milliseconds = int(clock.wall * 1_000)
    until = int(clock.wall) + hours * 3_600
    return OpenTrace(layout.new_trace_id(milliseconds), "public", "version", until, by="admin/ana")


def entries_of(trace: OpenTrace, number: int, clock: Time) -> list[SealedEntry]:
    began = int(clock.wall * 1_000)
    return [
        SealedEntry(layout.new_trace_entry_key(trace.id, began + each), bytes([each]))
        for each in range(number)
    ]


async def read(
    store: Store, context: RequestContext, trace: OpenTrace, since: int = 0
) -> list[bytes]:
    return [each.content async for each in store.traces.entries(context, trace.id, since)]


async def test_a_trace_is_opened_and_closed_with_a_change_row_of_each(
    store: Store, context: RequestContext, clock: Time, partition: ReadBack
) -> None:
    trace = new_trace(clock)
    assert await store.traces.read(context) is None
    await store.traces.open(context, trace)
    assert await store.traces.read(context) == trace
    await store.traces.close(context)
    assert await store.traces.read(context) is None
    assert await store.traces.kept(context) == [trace]
    found = await partition()
    assert found.problems() == []
    changes = [(each["op"], each["by"], each["at"]) for each in found.changes()]
    assert changes == 2 * [("settings", context.actor, ["trace"])]


async def test_the_settings_of_the_tenant_stay_as_they_are(
    store: Store, context: RequestContext, clock: Time
) -> None:
    await store.settings.update(context, lambda kept: patched(kept, {"requestsPerSecond": 70}))
    trace = new_trace(clock)
    await store.traces.open(context, trace)
    await store.settings.update(context, lambda kept: patched(kept, {"unknownMembers": "reject"}))
    settings = (await store.settings.read(context)).settings
    assert settings.document() == {"requestsPerSecond": 70, "unknownMembers": "reject"}
    assert await store.traces.read(context) == trace


async def test_a_second_trace_is_refused_while_one_is_open(
    store: Store, context: RequestContext, clock: Time
) -> None:
    first = new_trace(clock)
    await store.traces.open(context, first)
    with pytest.raises(TraceIsOpenError):
        await store.traces.open(context, new_trace(clock))
    assert await store.traces.kept(context) == [first]
    clock.advance(3_600)
    second = new_trace(clock)
    await store.traces.open(context, second)
    assert await store.traces.kept(context) == [first, second]


async def test_it_ends_by_time_in_every_process_without_a_reading(
    store: Store, table: AzureTable, context: RequestContext, clock: Time
) -> None:
    trace = new_trace(clock)
    await store.traces.open(context, trace)
    other = open_store(table, changed_names, clock=clock.clock())
    await other.settings.current(context)
    assert (store.traces.latest(context.tenant), other.traces.latest(context.tenant)) == (
        trace,
        trace,
    )
    clock.advance(3_599)
    assert other.traces.latest(context.tenant) == trace
    clock.advance(1)
    assert other.traces.latest(context.tenant) is None
    assert store.traces.latest(context.tenant) is None


async def test_to_ask_which_is_open_is_no_call_of_a_request(
    store: Store, context: RequestContext, clock: Time
) -> None:
    await store.traces.open(context, new_trace(clock))
    calls = context.meter.calls
    assert store.traces.latest(context.tenant) is not None
    assert context.meter.calls == calls


async def test_entries_are_read_in_order_and_from_a_time_on(
    store: Store, context: RequestContext, clock: Time
) -> None:
    trace, other = new_trace(clock), new_trace(clock)
    entries = entries_of(trace, 40, clock)
    await store.traces.write(context, entries)
    await store.traces.write(context, entries_of(other, 1, clock))
    await store.traces.write(context, entries)  # as if the first answer had been lost
    assert await read(store, context, trace) == [bytes([each]) for each in range(40)]
    assert await read(store, context, trace, since=entries[30].time) == [
        bytes([each]) for each in range(30, 40)
    ]
    assert await store.traces.count(context, trace.id, 1_000) == 40


async def test_entries_of_64_kib_fit_into_a_transaction(
    store: Store, context: RequestContext, clock: Time
) -> None:
    trace = new_trace(clock)
    largest = [SealedEntry(each.key, bytes(65_536)) for each in entries_of(trace, 40, clock)]
    await store.traces.write(context, largest)
    assert await store.traces.count(context, trace.id, 1_000) == 40
    assert len(await read(store, context, trace)) == 40


async def test_a_trace_is_deleted_three_days_after_its_end(
    store: Store, context: RequestContext, clock: Time, partition: ReadBack
) -> None:
    trace = new_trace(clock)
    await store.traces.open(context, trace)
    await store.traces.write(context, entries_of(trace, 30, clock))
    (key,) = (await store.sweeper.leftovers(context)).traces
    clock.advance(3_600 + KEPT_SECONDS - 1)
    assert await store.traces.expire(context, key, NO_END) == 0
    clock.advance(1)
    assert await store.traces.expire(context, key, NO_END) == 30
    found = await partition()
    assert not found.of("tr")
    assert (await store.sweeper.leftovers(context)).traces == []
    assert await store.traces.expire(context, key, NO_END) == 0


async def test_an_expiry_that_is_broken_off_goes_on(
    store: Store, context: RequestContext, new_context: NewContext, clock: Time
) -> None:
    trace = new_trace(clock)
    await store.traces.open(context, trace)
    for _ in range(4):
        await store.traces.write(context, entries_of(trace, 40, clock))
    clock.advance(3_600 + KEPT_SECONDS)
    (key,) = (await store.sweeper.leftovers(context)).traces
    assert await store.traces.expire(new_context(), key, Bound(50, float("inf"))) == 100
    assert (await store.sweeper.leftovers(context)).traces == [key]
    assert await store.traces.expire(new_context(), key, NO_END) == 60
    assert (await store.sweeper.leftovers(context)).traces == []


async def test_a_trace_is_nothing_to_be_swept_of_resources(
    store: Store, context: RequestContext, clock: Time
) -> None:
    await store.traces.open(context, new_trace(clock))
    leftovers = await store.sweeper.leftovers(context)
    assert (leftovers.deletions, leftovers.role_changes) == ([], [])
