"""Resources of types that a deployer has added: what they cost, and what races and faults leave."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

import pytest

from shared.errors import InvalidValue, NotFound, PreconditionFailed, Uniqueness
from shared.scim.documents import changed_names
from shared.store.claims import UniqueAttribute
from shared.store.custom import CustomResources, CustomType
from shared.store.store import open_store
from shared.tables.azure_table import open_table
from shared.tables.service import TableAddress
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
    from shared.tables.request_context import Session
    from tests.conftest import NewSession
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


@pytest.fixture
def _retry_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the waiting out of the pauses between attempts: they are random from 0 up."""
    monkeypatch.setattr(random, "uniform", lambda low, _: low)


async def together(awaitables: Iterable[Awaitable[Any]]) -> list[Any]:
    return await asyncio.gather(*awaitables, return_exceptions=True)


# What is stored


async def test_what_was_stored_is_read_back_and_listed_in_id_order(
    devices: CustomResources, session: Session, consistent: ReadBack
) -> None:
    made = [await devices.create(session, device(f"S{n}", note="é😀")) for n in range(5)]
    assert await devices.get(session, made[0].id) == made[0]
    ordered = sorted(made, key=lambda each: each.id)
    page = await devices.page(session, 2, 3)
    assert (page.total, page.resources) == (5, ordered[1:4])
    assert await devices.after(session, ordered[1].id, 2) == ordered[2:4]
    assert [each async for each in devices.scan(session)] == ordered
    assert [each async for each in devices.scan(session, ordered[3].id)] == ordered[4:]
    assert await devices.count(session) == 5
    await consistent()


async def test_types_users_and_groups_of_a_tenant_are_kept_apart(
    table: AzureTable, session: Session, consistent: ReadBack
) -> None:
    types = tuple(CustomType(name, (SERIAL,)) for name in ("N", "Nn", "U", "G", "Device"))
    store = open_store(table, changed_names, custom=types)
    user = await store.users.create(session, {"userName": "S1", "externalId": "E"})
    made = {
        name: await resources.create(session, device("S1", externalId="E"))
        for name, resources in store.custom.items()
    }
    for name, resources in store.custom.items():
        assert await resources.by_unique(session, "serialNumber", "s1") == [made[name]]
        assert await resources.by_external_id(session, "E") == [made[name]]
        assert (await resources.page(session, 1, 10)).resources == [made[name]]
        with pytest.raises(NotFound):
            await resources.get(session, user.id)
    assert await store.users.count(session) == 1
    found = await consistent()
    assert found.custom_types() == {"n", "nn", "u", "g", "device"}


async def test_the_change_row_names_the_type_the_attributes_and_no_value(
    devices: CustomResources, session: Session, consistent: ReadBack
) -> None:
    made = await devices.create(session, device("secret-serial", note="x"))
    await devices.update(session, made.id, setting(note="y"))
    await devices.delete(session, made.id)
    changes = (await consistent()).changes()
    told = [(each["rt"], each["op"], each["at"], each["v"]) for each in changes]
    assert told == [
        ("Device", "create", ["serialNumber", "note"], 1),
        ("Device", "update", ["note"], 2),
        ("Device", "delete", [], 3),
    ]
    assert "secret" not in str(changes)


async def test_nothing_but_a_count_and_the_changes_is_left_of_a_deleted_one(
    devices: CustomResources, session: Session, consistent: ReadBack
) -> None:
    made = await devices.create(session, device("S1", assetTag="T", externalId="E"))
    await devices.delete(session, made.id)
    found = await consistent()
    assert found.keys() == {f"cr-device-{made.id[:2]}"}
    assert await devices.count(session) == 0
    with pytest.raises(NotFound):
        await devices.delete(session, made.id)


@pytest.mark.parametrize("rid", ["0" * 32, "x", "", "0" * 31, "../u"])
async def test_an_id_that_is_none_finds_nothing(
    devices: CustomResources, session: Session, rid: str
) -> None:
    for operation in (
        devices.get(session, rid),
        devices.update(session, rid, setting(note="x")),
        devices.delete(session, rid),
    ):
        with pytest.raises(NotFound, match="There is no Device"):
            await operation
    assert await devices.get_many(session, [rid]) == []


async def test_a_precondition_holds_a_change_and_a_deletion_back(
    devices: CustomResources, session: Session, consistent: ReadBack
) -> None:
    made = await devices.create(session, device("S1"))
    with pytest.raises(PreconditionFailed):
        await devices.update(session, made.id, setting(note="x"), lambda version: version == "2")
    with pytest.raises(PreconditionFailed):
        await devices.delete(session, made.id, lambda version: version == "2")
    assert await devices.get(session, made.id) == made
    await consistent()


# What it costs


async def test_what_each_operation_costs(devices: CustomResources, new_session: NewSession) -> None:
    costs: dict[str, tuple[int, int]] = {}
    sessions: dict[str, Session] = {}

    def meter(name: str) -> Session:
        sessions[name] = new_session()
        return sessions[name]

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

    for name, session in sessions.items():
        costs[name] = (session.meter.calls, session.meter.entities)
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
    devices: CustomResources, new_session: NewSession, consistent: ReadBack
) -> None:
    outcomes = await together(
        devices.create(new_session(), device(serial)) for serial in ("Sn-É1", "sn-é1") * 16
    )
    losers = [outcome for outcome in outcomes if isinstance(outcome, Uniqueness)]
    assert len(losers) == 31
    assert {loser.path for loser in losers} == {"serialNumber"}
    assert await devices.count(new_session()) == 1
    await consistent()


async def test_a_unique_value_that_is_case_exact_is_another_one_in_another_letter_case(
    devices: CustomResources, session: Session, consistent: ReadBack
) -> None:
    lower = await devices.create(session, device(assetTag="t"))
    upper = await devices.create(session, device(assetTag="T"))
    with pytest.raises(Uniqueness) as refusal:
        await devices.create(session, device(assetTag="T"))
    assert "letter case" not in refusal.value.detail
    assert await devices.by_unique(session, "assetTag", "T") == [upper]
    assert await devices.by_unique(session, "assetTag", "t") == [lower]
    await consistent()


async def test_two_unique_attributes_do_not_meet_in_one_value(
    devices: CustomResources, session: Session, consistent: ReadBack
) -> None:
    one = await devices.create(session, device("same"))
    other = await devices.create(session, device(assetTag="same"))
    assert await devices.by_unique(session, "serialNumber", "same") == [one]
    assert await devices.by_unique(session, "assetTag", "same") == [other]
    await consistent()


async def test_any_number_may_have_no_value(
    devices: CustomResources, session: Session, consistent: ReadBack
) -> None:
    for _ in range(3):
        await devices.create(session, device())
    assert (await consistent()).of("rn-device") == {}


async def test_of_those_who_take_one_serial_number_exactly_one_wins(
    devices: CustomResources, new_session: NewSession, consistent: ReadBack
) -> None:
    made = [await devices.create(new_session(), device(f"S{n}")) for n in range(8)]
    outcomes = await together(
        devices.update(new_session(), each.id, setting(serialNumber="wanted")) for each in made
    )
    assert sum(isinstance(outcome, Uniqueness) for outcome in outcomes) == 7
    await consistent()


async def test_a_serial_number_that_was_given_up_is_free(
    devices: CustomResources, session: Session, consistent: ReadBack
) -> None:
    first_one = await devices.create(session, device("S1"))
    await devices.update(session, first_one.id, setting(serialNumber="S2"))
    second = await devices.create(session, device("S1"))
    with pytest.raises(Uniqueness):
        await devices.update(session, second.id, setting(serialNumber="s2"))
    await devices.delete(session, first_one.id)
    await devices.update(session, second.id, setting(serialNumber="s2"))
    await consistent()


@pytest.mark.parametrize("value", ["x" * 1_025, "a\x00b", "a\nb"], ids=["long", "nul", "newline"])
async def test_a_value_that_could_not_be_found_again_is_refused(
    devices: CustomResources, session: Session, consistent: ReadBack, value: str
) -> None:
    for document in (device(value), device(assetTag=value), device(externalId=value)):
        with pytest.raises(InvalidValue):
            await devices.create(session, document)
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
    table: AzureTable, session: Session, consistent: ReadBack, later: CustomType
) -> None:
    before, after = devices_of(table), devices_of(table, later)
    first_one = await before.create(session, device("Serial", assetTag="T", note="n"))
    second = await before.create(session, device("Other", note="m"))
    changed = await after.update(session, first_one.id, setting(note="k"))
    assert changed.version == 2
    await consistent()
    for attribute in later.unique:
        value = str(changed.document[attribute.name])
        assert await after.by_unique(session, attribute.name, value) == [changed]
    await after.delete(session, first_one.id)
    await after.delete(session, second.id)
    assert {key[:3] for key in (await consistent()).keys()} == {"cr-"}  # noqa: SIM118 - a method


async def test_a_value_of_the_type_that_a_unique_attribute_once_had_claims_nothing(
    table: AzureTable, session: Session, consistent: ReadBack
) -> None:
    numbered = await devices_of(table, CustomType("Device", ())).create(
        session, {"serialNumber": 7, "note": "n"}
    )
    after = devices_of(table, CustomType("Device", (SERIAL,)))
    assert (await after.update(session, numbered.id, setting(note="k"))).version == 2
    await after.update(session, numbered.id, setting(serialNumber="7"))
    assert [each.id for each in await after.by_unique(session, "serialNumber", "7")] == [
        numbered.id
    ]
    await consistent()


# Races and faults


async def test_changes_at_the_same_time_are_all_done_and_each_has_its_version(
    devices: CustomResources, new_session: NewSession, consistent: ReadBack
) -> None:
    made = await devices.create(new_session(seconds=60), device("S1"))
    outcomes = await together(
        devices.update(new_session(seconds=60), made.id, setting(**{f"a{n}": n})) for n in range(6)
    )
    assert [each for each in outcomes if isinstance(each, Exception)] == []
    settled = await devices.get(new_session(), made.id)
    assert settled.document == device("S1", **{f"a{n}": n for n in range(6)})
    assert settled.version == 7
    await consistent()


async def test_creations_and_deletions_at_the_same_time_are_counted(
    devices: CustomResources, new_session: NewSession, consistent: ReadBack
) -> None:
    made = [await devices.create(new_session(), device(f"S{n}")) for n in range(8)]
    await together(
        [
            *(devices.delete(new_session(), each.id) for each in made[:5]),
            *(devices.create(new_session(), device(f"T{n}")) for n in range(5)),
        ]
    )
    assert await devices.count(new_session()) == 8
    await consistent()


async def test_a_change_that_meets_a_deletion_finds_nothing(
    devices: CustomResources,
    faulty_devices: CustomResources,
    proxy: StorageProxy,
    new_session: NewSession,
    consistent: ReadBack,
) -> None:
    made = await devices.create(new_session(), device("S1"))

    async def another_deletes() -> None:
        await devices.delete(new_session(), made.id)

    proxy.order(first(another_deletes))
    with pytest.raises(NotFound):
        await faulty_devices.update(new_session(), made.id, setting(serialNumber="S2"))
    await consistent()


@pytest.mark.usefixtures("_retry_at_once")
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
    new_session: NewSession,
    consistent: ReadBack,
) -> None:
    def failing() -> Session:
        """A request whose first transaction meets the fault."""
        proxy.order(fault)
        return new_session()

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
    new_session: NewSession,
    consistent: ReadBack,
) -> None:
    made = await devices.create(new_session(), device("S1"))
    proxy.order(answer(503, "ServerBusy"), "transaction", times=6)
    with pytest.raises(Exception, match="at its limit"):
        await faulty_devices.update(new_session(), made.id, setting(serialNumber="S2"))
    assert await devices.get(new_session(), made.id) == made
    assert await devices.by_unique(new_session(), "serialNumber", "S2") == []
    await consistent()


async def test_the_store_without_custom_types_has_none(store: Store) -> None:
    assert store.custom == {}
