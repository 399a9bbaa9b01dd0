"""`tools.admin storage verify`: both clients against their contract, and nothing left behind."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from shared.store import layout
from shared.tables.operations import Delete, Insert
from shared.tables.rows import Row, Span
from shared.tables.table import collect
from tests.ops.tools.conftest import Admin, admin_with
from tests.support.fakes.storage_proxy import answer, answer_inside, first
from tools.admin import client_check
from tools.admin.client_check import PARTITION, RUN_SECONDS
from tools.admin.client_contract import RULES
from tools.admin.places import Given, find
from tools.admin.storage import open_clients

if TYPE_CHECKING:
    from local.azurite import Azurite
    from shared.tables.azure_table import AzureTable
    from shared.tables.request_context import RequestContext
    from tests.support.fakes.storage_proxy import StorageProxy

EVERYTHING = Span("0", "z")
VERIFY = ("storage", "verify")


@pytest.fixture
async def verify(
    operator: None,
    storage: Azurite,
    proxy: StorageProxy,
    table: AzureTable,
    context: RequestContext,
) -> Admin:
    """The operator of a table that exists, through a proxy."""
    del operator
    await table.get(context, layout.DELETIONS_KEY)
    address = proxy.instead_of(storage.ports["table"], storage.connection_string)
    return admin_with({"TABLE_CONNECTION_STRING": address})


async def rows_left(table: AzureTable, context: RequestContext) -> list[Row]:
    return await collect(table, replace(context, tenant=PARTITION), EVERYTHING)


async def test_both_clients_pass_and_leave_nothing(
    verify: Admin, table: AzureTable, context: RequestContext
) -> None:
    ended = await verify(*VERIFY)
    assert (ended.status, ended.out) == (0, "rest passed; sdk passed: nothing is to be set\n")
    assert await rows_left(table, context) == []


async def test_where_ours_does_not_pass_it_says_what_to_set(
    verify: Admin, proxy: StorageProxy, table: AzureTable, context: RequestContext
) -> None:
    proxy.order(answer_inside(409, "EntityAlreadyExists"))  # of the first rule, by rest
    ended = await verify(*VERIFY)
    assert ended.status == 1
    assert ended.out == (
        f"rest did not pass (1 of {len(RULES)} checks failed); sdk passed:"
        " set SCIM_TABLE_CLIENT=sdk, and report what failed\n"
    )
    assert "rest: reads what it inserts: no, raises OperationRejected" in ended.err
    assert await rows_left(table, context) == []


async def test_the_verdict_is_json_where_that_is_asked_for(
    verify: Admin, proxy: StorageProxy
) -> None:
    proxy.order(answer(500, "InternalError"))
    ended = await verify(*VERIFY, "--json")
    assert ended.status == 1
    assert ended.json["set"] == {"SCIM_TABLE_CLIENT": "sdk"}
    rest, sdk = ended.json["clients"]
    assert (rest["client"], rest["passed"], rest["checks"]) == ("rest", False, len(RULES))
    (broken,) = rest["broken"]
    assert broken["rule"] == RULES[0].name
    assert (sdk["passed"], sdk["broken"]) == (True, [])


@pytest.mark.parametrize("kind", ["read", "transaction"])
async def test_a_missing_right_is_no_fault_of_a_client(
    verify: Admin, proxy: StorageProxy, kind: str
) -> None:
    refuse = answer(403, "AuthorizationPermissionMismatch")
    proxy.order(refuse, "read" if kind == "read" else "transaction", times=float("inf"))
    ended = await verify(*VERIFY)
    assert (ended.status, ended.out) == (3, "")
    assert "refused: 403 AuthorizationPermissionMismatch" in ended.err


async def test_a_table_that_does_not_exist_is_not_created(
    verify: Admin, proxy: StorageProxy
) -> None:
    ended = await verify(*VERIFY, "--table", "mistyped")
    assert (ended.status, ended.out) == (3, "")
    assert "there is no table mistyped in " in ended.err
    assert "table" not in proxy.received


async def test_what_a_killed_run_has_left_is_removed_and_what_another_one_uses_is_not(
    verify: Admin, table: AzureTable, context: RequestContext
) -> None:
    now = time.time_ns() // 1_000_000
    old = [f"{now - 2 * RUN_SECONDS * 1_000:012x}-{number:03}" for number in range(150)]
    used = f"{now - 1_000:012x}-a"
    scratch = replace(context, tenant=PARTITION)
    for keys in (old[:100], [*old[100:], used]):
        await table.transact(scratch, [Insert(key, {}) for key in keys])
    assert (await verify(*VERIFY)).status == 0
    (left,) = await rows_left(table, context)
    assert left.key == used
    await table.transact(scratch, [Delete(used)])


async def test_a_run_that_is_interrupted_removes_what_it_wrote(
    proxy: StorageProxy, storage: Azurite, table: AzureTable, context: RequestContext
) -> None:
    address = proxy.instead_of(storage.ports["table"], storage.connection_string)
    reached, never = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        reached.set()
        await never.wait()

    proxy.order(first(hang), after=5)
    async with open_clients(find(Given(), {"TABLE_CONNECTION_STRING": address})) as clients:
        now = time.time_ns() // 1_000_000
        running = asyncio.create_task(client_check.check(clients, now))
        await reached.wait()
        assert await rows_left(table, context) != []
        running.cancel()
        await asyncio.wait([running])
        assert running.cancelled()
    assert await rows_left(table, context) == []
