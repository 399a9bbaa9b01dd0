"""The provisioning log: what an entry keeps, the order of entries, and how they expire."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from shared.store import layout
from shared.store.provisioning_log import KeptEntry, LogEntry, kept
from shared.tables.request_context import Bound
from tests.support.documents import group, setting, user
from tests.support.fakes.storage_proxy import lose_answer, lose_request

if TYPE_CHECKING:
    from shared.store.store import Store
    from shared.tables.request_context import RequestContext
    from tests.conftest import NewContext
    from tests.support.fakes.storage_proxy import StorageProxy
    from tests.unit.store.conftest import ReadBack

NOW = 1_800_000_000_000
AMPLE = Bound(1_000_000, until=math.inf)
WHOLE = LogEntry(
    time=NOW,
    kind="refused",
    request_id="0f0e",
    client_request_id="7a7b",
    token="scim-token/12345678",
    is_product=True,
    method="PATCH",
    route="scim/v2/Users/{id}",
    resource_type="User",
    resource_id="0" * 32,
    names={"userName": "ana@contoso.test"},
    status=400,
    scim_type="invalidValue",
    operation=0,
    position=0,
    path="emails.value",
    detail="Send another.",
    milliseconds=12.5,
    shape=("userName: string of 16",),
    members=("f" * 32,),
    number=3,
    reason="tooMany",
)


async def written(store: Store, context: RequestContext, *times: int) -> list[KeptEntry]:
    entries = [KeptEntry.of(LogEntry(time, "refused")) for time in times]
    for start in range(0, len(entries), 100):
        await store.log.write(context, entries[start : start + 100])
    return entries


@pytest.mark.parametrize("entry", [WHOLE, LogEntry(NOW, "contact")])
async def test_an_entry_is_read_as_it_was_written(
    store: Store, context: RequestContext, entry: LogEntry
) -> None:
    kept = KeptEntry.of(entry)
    await store.log.write(context, [kept])
    assert await store.log.newest(context, 10) == [kept]


async def test_the_newest_entry_comes_first_and_reading_goes_on_behind_one(
    store: Store, context: RequestContext, consistent: ReadBack
) -> None:
    entries = await written(store, context, NOW, NOW + 1, NOW - 5, NOW + 60_000)
    newest = sorted(entries, key=lambda each: -each.entry.time)
    assert await store.log.newest(context, 10) == newest
    assert await store.log.newest(context, 2) == newest[:2]
    assert await store.log.newest(context, 10, newest[1].id) == newest[2:]
    await consistent()


async def test_100_entries_are_1_call_and_so_are_1000_that_are_read(
    store: Store, new_context: NewContext
) -> None:
    writing, reading = new_context(), new_context()
    await written(store, writing, *range(NOW, NOW + 100))
    assert (writing.meter.calls, writing.meter.entities) == (1, 100)
    assert len(await store.log.newest(reading, 1_000)) == 100
    assert reading.meter.calls == 1


@pytest.mark.parametrize("fault", [lose_answer, lose_request])
async def test_an_entry_whose_answer_is_lost_is_there_once(
    faulty_store: Store, proxy: StorageProxy, context: RequestContext, fault: object
) -> None:
    proxy.order(fault)  # type: ignore[arg-type] # one of two faults
    await written(faulty_store, context, NOW)
    assert len(await faulty_store.log.newest(context, 10)) == 1


async def test_entries_before_the_limit_expire_and_change_rows_stay(
    store: Store, new_context: NewContext, partition: ReadBack
) -> None:
    await store.users.create(new_context(), user("ana"))
    await written(store, new_context(), *range(NOW - 130, NOW + 3))
    context = new_context()
    assert await store.history.expire_log(context, NOW, AMPLE) == 130
    assert (context.meter.calls, context.meter.entities) == (1 + 2, 130)
    kept = await store.log.newest(new_context(), 10)
    assert [each.entry.time for each in kept] == [NOW + 2, NOW + 1, NOW]
    assert len((await partition()).changes()) == 1


async def test_what_a_later_version_has_written_more_is_passed_over(
    store: Store, context: RequestContext
) -> None:
    await written(store, context, NOW)
    row = (await store.table.page(context, layout.log_span(), 1)).rows[0]
    later = type(row)(row.key, layout.pack_document({"kind": "slow", "colour": "red"}), row.etag)
    assert kept(later).entry == LogEntry(NOW, "slow")


# What a change row keeps of names that are given up


async def test_a_deletion_and_a_rename_say_which_names_are_free_without_saying_them(
    store: Store, new_context: NewContext, partition: ReadBack
) -> None:
    address = {"value": "Ana@contoso.test"}
    ana = await store.users.create(
        new_context(), user("ana", externalId="7", emails=[address], title="Lead")
    )
    await store.users.update(new_context(), ana.id, setting(title="Head"))
    await store.users.update(new_context(), ana.id, setting(userName="bo"))
    await store.users.delete(new_context(), ana.id)
    sales = await store.groups.create(new_context(), group("Sales"))
    await store.groups.delete(new_context(), sales.id)
    told = [(each["op"], each.get("rel", "")) for each in (await partition()).changes()]
    named = layout.value_mark("un", "ana"), layout.value_mark("un", "bo")
    assert [verb for verb, marks in told if named[0] in str(marks)] == ["update"]
    assert [verb for verb, marks in told if named[1] in str(marks)] == ["delete"]
    external, email = layout.value_mark("ux", "7"), layout.value_mark("ue", "ana@contoso.test")
    assert [verb for verb, marks in told if external in str(marks)] == ["delete"]
    assert [verb for verb, marks in told if email in str(marks)] == ["delete"]
    assert [verb for verb, marks in told if layout.value_mark("gn", "sales") in str(marks)] == [
        "delete"
    ]
    assert "contoso" not in str(told)
