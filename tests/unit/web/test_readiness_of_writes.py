"""Whether the app may write: found out once by itself, and said in words where it may not."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from shared.scim.documents import changed_names
from shared.store import layout
from shared.store.store import open_store
from shared.store.write_check import REMAINS_MILLISECONDS, check_writes
from shared.tables.account import TableAddress
from shared.tables.azure_table import AzureTable, open_table
from shared.tables.operations import Delete, Insert
from shared.tables.rest.authorization import Bearer
from shared.tables.rest.client import RestClient
from shared.tables.table import collect
from shared.web import services
from shared.web.readiness import SCRATCH_PARTITION, Readiness
from tests.support.fakes.clock import Time
from tests.support.fakes.storage_proxy import (
    Fault,
    answer,
    answer_inside,
    first,
    lose_answer,
    lose_request,
)
from tests.unit.tables.test_storage_clients import CLIENTS, Identity
from tests.unit.web.conftest import OneToken

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from local.azurite import Azurite
    from shared.settings import Settings
    from shared.store.store import Store
    from shared.tables.azure_table import ClientName
    from shared.tables.request_context import RequestContext
    from tests.conftest import NewContext
    from tests.support.fakes.storage_proxy import Kind, StorageProxy

    Call = Callable[..., Any]

ONE_READ = ["read"]
ONE_CHECK = ["read", "transaction", "read", "transaction"]
"""The row that every report reads; a row that is committed, read back and removed."""

MAY_NOT = answer(403, "AuthorizationPermissionMismatch")


@dataclass(slots=True)
class Instance:
    """An instance of the app that has just begun, and what it sends to the storage."""

    call: Call
    proxy: StorageProxy
    time: Time

    async def ready(self) -> Any:
        """Ask, when no report is left of an earlier question."""
        self.time.advance(60)
        return await self.call("readyz")

    def sent(self) -> list[Kind]:
        """What the storage was sent since the last look."""
        sent = list(self.proxy.received)
        self.proxy.received.clear()
        return sent


@pytest.fixture(params=CLIENTS)
async def table(
    request: pytest.FixtureRequest, storage: Azurite, proxy: StorageProxy, store: Store
) -> AsyncIterator[AzureTable]:
    """The table through the proxy, by each client."""
    del store
    client: ClientName = request.param
    connection = proxy.instead_of(storage.ports["table"], storage.connection_string)
    opened = open_table(TableAddress("scim", connection_string=connection), client=client)
    yield opened
    await opened.close()


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def process(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, table: AzureTable, time: Time
) -> services.Services:
    """The services of a process on that table, in which nobody has asked yet."""
    store = open_store(table, changed_names)
    built = services.Services(settings, OneToken(), store, readiness=Readiness(time.clock()))
    monkeypatch.setattr(services, "_current", built)
    return built


@pytest.fixture
async def instance(
    process: services.Services, call: Call, proxy: StorageProxy, time: Time, context: RequestContext
) -> Instance:
    await process.store.table.get(context, layout.DELETIONS_KEY)  # creates the table
    proxy.received.clear()
    return Instance(call, proxy, time)


def table_check(response: Any) -> dict[str, Any]:
    check: dict[str, Any] = json.loads(response.get_body())["checks"]["table"]
    return check


async def test_a_row_is_committed_read_back_and_removed_once_in_the_life_of_an_instance(
    instance: Instance, table: AzureTable, context: RequestContext
) -> None:
    scratch = replace(context, tenant=SCRATCH_PARTITION)
    before = await collect(table, scratch, layout.WHOLE_PARTITION)
    instance.sent()
    assert (await instance.ready()).status_code == 200
    assert instance.sent() == ONE_CHECK
    for _ in range(3):
        assert (await instance.ready()).status_code == 200
    assert instance.sent() == ONE_READ * 3
    assert await collect(table, scratch, layout.WHOLE_PARTITION) == before


async def test_many_probes_at_once_are_one_check(instance: Instance) -> None:
    instance.time.advance(60)
    answers = await asyncio.gather(*(instance.call("readyz") for _ in range(50)))
    assert {each.status_code for each in answers} == {200}
    assert instance.sent() == ONE_CHECK


async def test_a_failure_is_not_remembered_and_is_tried_again_with_the_next_report(
    instance: Instance,
) -> None:
    instance.proxy.order(MAY_NOT, "transaction", times=2)
    assert (await instance.ready()).status_code == 503
    answers = await asyncio.gather(*(instance.call("readyz") for _ in range(50)))
    assert {each.status_code for each in answers} == {503}
    assert instance.sent() == ["read", "transaction"]  # the report serves for 5 s
    assert (await instance.ready()).status_code == 503
    assert instance.sent() == ["read", "transaction"]
    assert (await instance.ready()).status_code == 200
    assert instance.sent() == ONE_CHECK


@dataclass(frozen=True, slots=True)
class Refused:
    """What the storage does with requests of a kind, and what is to be said of it."""

    kind: Kind
    answer: Fault
    cause: str
    said: str


REFUSED = [
    Refused(
        "transaction",
        MAY_NOT,
        "readOnly",
        "The storage lets the service read its table and not write to it: the identity of the app"
        " needs the role Storage Table Data Contributor, a role of a reader is not enough; a new"
        " role takes up to 10 minutes to be in force (HTTP 403 AuthorizationPermissionMismatch).",
    ),
    Refused(
        "transaction",
        answer_inside(403, "AuthorizationPermissionMismatch"),
        "readOnly",
        "(HTTP 403 AuthorizationPermissionMismatch).",
    ),
    Refused(
        "read",
        MAY_NOT,
        "noRole",
        "The storage does not let the service read its table: the identity of the app needs the"
        " role Storage Table Data Contributor; a new role takes up to 10 minutes to be in force"
        " (HTTP 403 AuthorizationPermissionMismatch).",
    ),
    Refused(
        "read",
        answer(403, "AuthorizationFailure"),
        "network",
        "The storage takes no calls from the network of the app: its firewall or its private"
        " endpoint must let the app through (HTTP 403 AuthorizationFailure).",
    ),
    Refused(
        "read",
        answer(401, "InvalidAuthenticationInfo"),
        "notAuthenticated",
        "must name an account in the directory of the service's identity"
        " (HTTP 401 InvalidAuthenticationInfo).",
    ),
    Refused("read", answer(403, "AuthenticationFailed"), "notAuthenticated", "does not take the"),
    Refused("read", answer(404, "ResourceMissing"), "noAccount", "TABLE_ENDPOINT must be that of"),
    Refused("read", answer(403, "AccountIsDisabled"), "refused", "(HTTP 403 AccountIsDisabled)."),
    Refused("read", answer(403, "of <b>another</b> kind"), "refused", "the service (HTTP 403)."),
    Refused("read", answer(503, "ServerBusy"), "busy", "turns calls away; that passes"),
    Refused("read", lose_request, "noAnswer", "The storage does not answer: "),
    Refused("transaction", lose_answer, "noAnswer", "The storage does not answer: "),
]


@pytest.mark.filterwarnings("ignore:Testing an element's truth value")
@pytest.mark.parametrize("refused", REFUSED, ids=lambda refused: refused.cause)
async def test_what_was_refused_is_said_in_words(instance: Instance, refused: Refused) -> None:
    instance.proxy.order(refused.answer, refused.kind, times=float("inf"))
    response = await instance.ready()
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    check = table_check(response)
    assert (check["state"], check["cause"]) == ("failed", refused.cause)
    assert refused.said in check["detail"]
    assert "127.0.0.1" not in check["detail"]
    instance.proxy.heal()
    assert (await instance.ready()).status_code == 200


async def test_a_table_that_is_missing_and_may_not_be_created_is_no_missing_role(
    instance: Instance,
) -> None:
    for kind in ("read", "transaction"):
        instance.proxy.order(answer(404, "TableNotFound"), kind, times=float("inf"))
    instance.proxy.order(MAY_NOT, "table", times=float("inf"))
    check = table_check(await instance.ready())
    assert check["cause"] == "noTable"
    assert check["detail"].startswith("The table does not exist and the service may not create it")


async def report_of(client: RestClient, context: RequestContext) -> Any:
    table = AzureTable(client)
    report = await Readiness().report(OneToken(), table, context)
    await table.close()
    return report.table.diagnosis


async def test_an_account_that_does_not_exist_is_said(new_context: NewContext) -> None:
    signer = Bearer(Identity(3_600))  # type: ignore[arg-type] # as much of one as is used
    client = RestClient("https://nowhere.invalid", "scim", signer)
    assert (await report_of(client, new_context(seconds=1))).refusal == "noAccount"


async def test_an_app_without_its_identity_is_said(new_context: NewContext) -> None:
    signer = Bearer(Identity())  # type: ignore[arg-type] # as much of one as is used
    client = RestClient("https://127.0.0.1:1", "scim", signer)
    diagnosis = await report_of(client, new_context(seconds=1))
    assert diagnosis.refusal == "noIdentity"
    assert "AZURE_CLIENT_ID must be the client id of an identity" in diagnosis.detail


async def test_a_row_that_is_not_read_back_is_no_success(
    instance: Instance, table: AzureTable, context: RequestContext
) -> None:
    scratch = replace(context, tenant=SCRATCH_PARTITION)

    async def take_it_away() -> None:
        rows = await collect(table, scratch, layout.WHOLE_PARTITION)
        await table.transact(scratch, [Delete(row.key) for row in rows])

    instance.proxy.order(first(take_it_away), "read", after=1)
    check = table_check(await instance.ready())
    assert (check["state"], check["cause"]) == ("failed", "refused")
    assert "a row that was committed is not read back" in check["detail"]
    assert "SCIM_TABLE_CLIENT=sdk" in check["detail"]


async def test_what_a_check_that_was_broken_off_has_left_is_removed_by_a_later_one(
    table: AzureTable, context: RequestContext
) -> None:
    fresh, old = layout.new_change_key(), layout.new_change_key()
    time = layout.change_time(old) - REMAINS_MILLISECONDS - 60_000
    remains = [f"l-{time:012x}{number:020x}" for number in range(101)]
    for keys in (remains[:100], [*remains[100:], fresh]):
        await table.transact(context, [Insert(key, {}) for key in keys])
    calls = context.meter.calls
    await check_writes(table, context)
    assert context.meter.calls == calls + 4
    kept = [row.key for row in await collect(table, context, layout.WHOLE_PARTITION)]
    assert kept == [remains[100], fresh]  # another instance may be at it
    await check_writes(table, context)
    kept = [row.key for row in await collect(table, context, layout.WHOLE_PARTITION)]
    assert kept == [fresh]
