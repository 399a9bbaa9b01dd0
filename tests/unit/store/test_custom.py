"""Custom resources: what they cost, and what races and faults leave."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from shared.errors import InvalidValue, NotFound, PreconditionFailed, Uniqueness
from shared.scim.documents import changed_names
from shared.store.claims import UniqueAttribute
from shared.store.custom import CustomResources, CustomType
from shared.store.store import open_store
from shared.tables.account import TableAddress
from shared.tables.azure_table import open_table
from tests.support.documents import setting
from tests.support.fakes.storage_proxy import (
    answer,
    commit_but_answer,
    first,
    lose_answer,
    lose_request,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Iterable

    from local.azurite import Azurite
    from shared.store.store import Store
    from shared.tables.azure_table import AzureTable
    from shared.tables.request_context import RequestContext
    from tests.conftest import NewContext
    from tests.support.fakes.storage_proxy import Fault, StorageProxy
    from tests.unit.store.conftest import ReadBack

SERIAL = UniqueAttribute("serialNumber", case_exact=False)
TAG = UniqueAttribute("assetTag", case_exact=True)
DEVICE = CustomType("Device", (SERIAL, TAG))

Json = dict[str, Any]


def device(serial: str | None = None, **attributes: Any) -> Json:
    return attributes if serial is None else {"serialNumber": serial, **attributes}


def devices_of(table: AzureTable, custom_type: CustomType = DEVICE) -> CustomResources:
    return open_store(table, changed_names, custom=(custom_type,)).custom[custom_type.name]


@pytest.fixture
def devices(table: AzureTable) -> CustomResources:
    return devices_of(table)


@pytest.fixture
async def faulty_devices(storage: Azurite, proxy: StorageProxy) -> AsyncIterator[CustomResources]:
    """The devices, with the proxy between them and the storage."""
    address = proxy.instead_of(storage.ports["table"], storage.connection_string)
    opened = open_table(TableAddress("scim", connection_string=address))
    yield devices_of(opened)
    await opened.close()


async def together(awaitables: Iterable[Awaitable[Any]]) -> list[Any]:
    return await asyncio.gather(*awaitables, return_exceptions=True)


# What is stored


async def test_what_was_stored_is_read_back_and_listed_in_id_order(
    devices: CustomResources, context: RequestContext, consistent: ReadBack
) -> None:
    made = [await devices.create(context, device(f"S{n}", note="é😀")) for n in range(5)]
    assert await devices.get(context, made[0].id) == made[0]
    ordered = sorted(made, key=lambda each: each.id)
    page = await devices.page(context, 2, 3)
    assert (page.total, page.resources) == (5, ordered[1:4])
    assert await devices.after(context, ordered[1].id, 2) == ordered[2:4]
    assert [each async for each in devices.scan(context)] == ordered
    assert [each async for each in devices.scan(context, ordered[3].id)] == ordered[4:]
    assert await devices.count(context) == 5
    await consistent()


async def test_types_users_and_groups_of_a_tenant_are_kept_apart(
    table: AzureTable, context: RequestContext, consistent: ReadBack
) -> None:
    types = tuple(CustomType(name, (SERIAL,)) for name in ("N", "Nn", "U", "G", "Device"))
    store = open_store(table, changed_names, custom=types)
    user = await store.users.create(context, {"userName": "S1", "externalId": "E"})
    made = {
        name: await resources.create(context, device("S1", externalId="E"))
        for name, resources in store.custom.items()
    }
    for name, resources in store.custom.items():
        assert await resources.by_unique(context, "serialNumber", "s1") == [made[name]]
        assert await resources.by_external_id(context, "E") == [made[name]]
        assert (await resources.page(context, 1, 10)).resources == [made[name]]
        with pytest.raises(NotFound):
            await resources.get(context, user.id)
    assert await store.users.count(context) == 1
    found = await consistent()
    assert found.custom_types() == {"n", "nn", "u", "g", "device"}


async def test_the_change_row_names_the_type_the_attributes_and_no_value(
    devices: CustomResources, context: RequestContext, consistent: ReadBack
) -> None:
    made = await devices.create(context, device("secret-serial", note="x"))
    await devices.update(context, made.id, setting(note="y"))
    await devices.delete(context, made.id)
    changes = (await consistent()).changes()
    told = [(each["rt"], each["op"], each["at"], each["v"]) for each in changes]
    assert told == [
        ("Device", "create", ["serialNumber", "note"], 1),
        ("Device", "update", ["note"], 2),
        ("Device", "delete", [], 3),
    ]
    assert "secret" not in str(changes)


async def test_nothing_but_a_count_and_the_changes_is_left_of_a_deleted_one(
    devices: CustomResources, context: RequestContext, consistent: ReadBack
) -> None:
    made = await devices.create(context, device("S1", assetTag="T", externalId="E"))
    await devices.delete(context, made.id)
    found = await consistent()
    assert found.keys() == {f"cr-device-{made.id[:2]}"}
    assert await devices.count(context) == 0
    with pytest.raises(NotFound):
        await devices.delete(context, made.id)


@pytest.mark.parametrize("rid", ["0" * 32, "x", "", "0" * 31, "../u"])
async def test_an_id_that_is_none_finds_nothing(
    devices: CustomResources, context: RequestContext, rid: str
) -> None:
    for operation in (
        devices.get(context, rid),
        devices.update(context, rid, setting(note="x")),
        devices.delete(context, rid),
    ):
        with pytest.raises(NotFound, match="There is no Device"):
            await operation
    assert await devices.get_many(context, [rid]) == []


async def test_a_precondition_holds_a_change_and_a_deletion_back(
    devices: CustomResources, context: RequestContext, consistent: ReadBack
) -> None:
    made = await devices.create(context, device("S1"))
    with pytest.raises(PreconditionFailed):
        await devices.update(context, made.id, setting(note="x"), lambda version: version == "2")
    with pytest.raises(PreconditionFailed):
        await devices.delete(context, made.id, lambda version: version == "2")
    assert await devices.get(context, made.id) == made
    await consistent()


# What it costs


async def test_what_each_operation_costs(devices: CustomResources, new_context: NewContext) -> None:
    costs: dict[str, tuple[int, int]] = {}
    contexts: dict[str, RequestContext] = {}

    def meter(name: str) -> RequestContext:
        contexts[name] = new_context()
        return contexts[name]

    plain = await devices.create(meter("create"), device())
    full = await devices.create(meter("create, 3 keys"), device("S", assetTag="T", externalId="E"))
    await devices.get(meter("get"), full.id)
    await devices.by_unique(meter("unique eq"), "serialNumber", "s")
    await devices.by_unique(meter("unique eq, miss"), "serialNumber", "none")
    await devices.by_external_id(meter("externalId eq"), "E")
    await devices.by_external_id(meter("externalId eq, miss"), "none")
    await devices.update(meter("PATCH"), full.id, setting(note="x"))
    await devices.update(meter("PATCH of nothing"), full.id, setting(note="x"))
    await devices.update(meter("new serial"), full.id, setting(serialNumber="S2"))
    await devices.update(meter("new letter case"), full.id, setting(serialNumber="s2"))
    await devices.count(meter("count"))
    await devices.page(meter("page"), 1, 10)
    await devices.page(meter("page of 0"), 1, 0)
    await devices.after(meter("page by cursor"), plain.id, 10)
    await devices.delete(meter("delete"), plain.id)
    await devices.delete(meter("delete, 3 keys"), full.id)

    for name, context in contexts.items():
        costs[name] = (context.meter.calls, context.meter.entities)
    assert costs == {
        "create": (2, 3),
        "create, 3 keys": (2, 3 + 3),
        "get": (1, 0),
        "unique eq": (2, 0),
        "unique eq, miss": (1, 0),
        "externalId eq": (2, 0),
        "externalId eq, miss": (1, 0),
        "PATCH": (2, 2),
        "PATCH of nothing": (1, 0),
        "new serial": (2, 2 + 2),
        "new letter case": (2, 2),
        "count": (1, 0),
        "page": (2, 0),
        "page of 0": (1, 0),
        "page by cursor": (1, 0),
        "delete": (3, 3),
        "delete, 3 keys": (3, 3 + 3),
    }


# What is unique


async def test_of_32_who_create_one_serial_number_in_two_spellings_exactly_one_wins(
    devices: CustomResources, new_context: NewContext, consistent: ReadBack
) -> None:
    outcomes = await together(
        devices.create(new_context(), device(serial)) for serial in ("Sn-É1", "sn-é1") * 16
    )
    losers = [outcome for outcome in outcomes if isinstance(outcome, Uniqueness)]
    assert len(losers) == 31
    assert {loser.path for loser in losers} == {"serialNumber"}
    assert await devices.count(new_context()) == 1
    await consistent()


async def test_a_unique_value_that_is_case_exact_is_another_one_in_another_letter_case(
    devices: CustomResources, context: RequestContext, consistent: ReadBack
) -> None:
    lower = await devices.create(context, device(assetTag="t"))
    upper = await devices.create(context, device(assetTag="T"))
    with pytest.raises(Uniqueness) as refusal:
        await devices.create(context, device(assetTag="T"))
    assert "letter case" not in refusal.value.detail
    assert await devices.by_unique(context, "assetTag", "T") == [upper]
    assert await devices.by_unique(context, "assetTag", "t") == [lower]
    await consistent()


async def test_two_unique_attributes_do_not_meet_in_one_value(
    devices: CustomResources, context: RequestContext, consistent: ReadBack
) -> None:
    one = await devices.create(context, device("same"))
    other = await devices.create(context, device(assetTag="same"))
    assert await devices.by_unique(context, "serialNumber", "same") == [one]
    assert await devices.by_unique(context, "assetTag", "same") == [other]
    await consistent()


async def test_any_number_may_have_no_value(
    devices: CustomResources, context: RequestContext, consistent: ReadBack
) -> None:
    for _ in range(3):
        await devices.create(context, device())
    assert (await consistent()).of("rn-device") == {}


async def test_of_those_who_take_one_serial_number_exactly_one_wins(
    devices: CustomResources, new_context: NewContext, consistent: ReadBack
) -> None:
    made = [await devices.create(new_context(), device(f"S{n}")) for n in range(8)]
    outcomes = await together(
        devices.update(new_context(), each.id, setting(serialNumber="wanted")) for each in made
    )
    assert sum(isinstance(outcome, Uniqueness) for outcome in outcomes) == 7
    await consistent()


async def test_a_serial_number_that_was_given_up_is_free(
    devices: CustomResources, context: RequestContext, consistent: ReadBack
) -> None:
    first_one = await devices.create(context, device("S1"))
    await devices.update(context, first_one.id, setting(serialNumber="S2"))
    second = await devices.create(context, device("S1"))
    with pytest.raises(Uniqueness):
        await devices.update(context, second.id, setting(serialNumber="s2"))
    await devices.delete(context, first_one.id)
    await devices.update(context, second.id, setting(serialNumber="s2"))
    await consistent()


@pytest.mark.parametrize("value", ["x" * 1_025, "a\x00b", "a\nb"], ids=["long", "nul", "newline"])
async def test_a_value_that_could_not_be_found_again_is_refused(
    devices: CustomResources, context: RequestContext, consistent: ReadBack, value: str
) -> None:
    for document in (device(value), device(assetTag=value), device(externalId=value)):
        with pytest.raises(InvalidValue):
            await devices.create(context, document)
    assert (await consistent()).rows == {}


# When the files change


@pytest.mark.parametrize(
    "later",
    [
        CustomType("Device", ()),
        CustomType("Device", (TAG,)),
        CustomType("Device", (UniqueAttribute("serialNumber", case_exact=True),)),
        CustomType("Device", (SERIAL, TAG, UniqueAttribute("note", case_exact=False))),
    ],
    ids=["none is unique", "one is unique no more", "case-exact now", "one more is unique"],
)
async def test_what_was_claimed_under_other_rules_is_given_up_with_its_resource(
    table: AzureTable, context: RequestContext, consistent: ReadBack, later: CustomType
) -> None:
    before, after = devices_of(table), devices_of(table, later)
    first_one = await before.create(context, device("Serial", assetTag="T", note="n"))
    second = await before.create(context, device("Other", note="m"))
    changed = await after.update(context, first_one.id, setting(note="k"))
    assert changed.version == 2
    await consistent()
    for attribute in later.unique:
        value = str(changed.document[attribute.name])
        assert await after.by_unique(context, attribute.name, value) == [changed]
    await after.delete(context, first_one.id)
    await after.delete(context, second.id)
    assert {key[:3] for key in (await consistent()).keys()} == {"cr-"}  # noqa: SIM118 - a method


async def test_a_value_of_the_type_that_a_unique_attribute_once_had_claims_nothing(
    table: AzureTable, context: RequestContext, consistent: ReadBack
) -> None:
    numbered = await devices_of(table, CustomType("Device", ())).create(
        context, {"serialNumber": 7, "note": "n"}
    )
    after = devices_of(table, CustomType("Device", (SERIAL,)))
    assert (await after.update(context, numbered.id, setting(note="k"))).version == 2
    await after.update(context, numbered.id, setting(serialNumber="7"))
    assert [each.id for each in await after.by_unique(context, "serialNumber", "7")] == [
        numbered.id
    ]
    await consistent()


# Races and faults


async def test_changes_at_the_same_time_are_all_done_and_each_has_its_version(
    devices: CustomResources, new_context: NewContext, consistent: ReadBack
) -> None:
    made = await devices.create(new_context(seconds=60), device("S1"))
    outcomes = await together(
        devices.update(new_context(seconds=60), made.id, setting(**{f"a{n}": n})) for n in range(6)
    )
    assert [each for each in outcomes if isinstance(each, Exception)] == []
    settled = await devices.get(new_context(), made.id)
    assert settled.document == device("S1", **{f"a{n}": n for n in range(6)})
    assert settled.version == 7
    await consistent()


async def test_creations_and_deletions_at_the_same_time_are_counted(
    devices: CustomResources, new_context: NewContext, consistent: ReadBack
) -> None:
    made = [await devices.create(new_context(), device(f"S{n}")) for n in range(8)]
    await together(
        [
            *(devices.delete(new_context(), each.id) for each in made[:5]),
            *(devices.create(new_context(), device(f"T{n}")) for n in range(5)),
        ]
    )
    assert await devices.count(new_context()) == 8
    await consistent()


async def test_a_change_that_meets_a_deletion_finds_nothing(
    devices: CustomResources,
    faulty_devices: CustomResources,
    proxy: StorageProxy,
    new_context: NewContext,
    consistent: ReadBack,
) -> None:
    made = await devices.create(new_context(), device("S1"))

    async def another_deletes() -> None:
        await devices.delete(new_context(), made.id)

    proxy.order(first(another_deletes))
    with pytest.raises(NotFound):
        await faulty_devices.update(new_context(), made.id, setting(serialNumber="S2"))
    await consistent()


@pytest.mark.usefixtures("retry_at_once")
@pytest.mark.parametrize(
    "fault",
    [
        lose_request,
        lose_answer,
        answer(503, "ServerBusy"),
        commit_but_answer(500, "InternalError"),
        commit_but_answer(503, "ServerBusy", inside=True),
    ],
    ids=["request lost", "answer lost", "503 before", "500 after", "503 inside after"],
)
async def test_every_write_with_an_unclear_outcome_is_done_exactly_once(
    faulty_devices: CustomResources,
    proxy: StorageProxy,
    fault: Fault,
    new_context: NewContext,
    consistent: ReadBack,
) -> None:
    def failing() -> RequestContext:
        """A request whose first transaction meets the fault."""
        proxy.order(fault)
        return new_context()

    made = await faulty_devices.create(failing(), device("S1", externalId="E"))
    changed = await faulty_devices.update(failing(), made.id, setting(serialNumber="S2"))
    assert changed.version == 2
    await consistent()
    await faulty_devices.delete(failing(), made.id)
    changes = [each["op"] for each in (await consistent()).changes()]
    assert changes == ["create", "update", "delete"]


async def test_storage_that_keeps_failing_leaves_nothing_half_written(
    faulty_devices: CustomResources,
    devices: CustomResources,
    proxy: StorageProxy,
    new_context: NewContext,
    consistent: ReadBack,
) -> None:
    made = await devices.create(new_context(), device("S1"))
    proxy.order(answer(503, "ServerBusy"), "transaction", times=6)
    with pytest.raises(Exception, match="at its limit"):
        await faulty_devices.update(new_context(), made.id, setting(serialNumber="S2"))
    assert await devices.get(new_context(), made.id) == made
    assert await devices.by_unique(new_context(), "serialNumber", "S2") == []
    await consistent()


async def test_the_store_without_custom_types_has_none(store: Store) -> None:
    assert store.custom == {}
