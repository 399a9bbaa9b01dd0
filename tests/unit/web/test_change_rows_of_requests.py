"""What change rows say of the HTTP requests that caused them."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import pytest

from shared.scim.documents import changed_names
from shared.store.changes import RecordedChange, recorded
from shared.store.layout import changes_span
from shared.store.store import open_store
from shared.tables.table import collect
from shared.web import services
from shared.web.services import Services
from tests.unit.web.conftest import TOKEN, OneToken

if TYPE_CHECKING:
    from shared.settings import Settings
    from shared.tables.azure_table import AzureTable
    from shared.tables.request_context import RequestContext
    from tests.conftest import NewContext

Send = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
def send(
    call: Callable[..., Any],
    settings: Settings,
    table: AzureTable,
    tenant: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Send:
    """Send a request to the app, which keeps what it writes in the test's partition."""
    built = Services(settings, OneToken(), open_store(table, changed_names))
    monkeypatch.setattr(services, "_current", built)

    async def sent(function: str, method: str, body: object = None, **route: str) -> dict[str, Any]:
        content = b"" if body is None else json.dumps(body).encode()
        answer = await call(f"tenant_{function}", method, body=content, tenant=tenant, **route)
        assert answer.status_code < 300, answer.get_body()
        document: dict[str, Any] = json.loads(answer.get_body() or b"{}")
        return document

    return sent


async def changes(table: AzureTable, context: RequestContext) -> list[RecordedChange]:
    return [recorded(row) for row in await collect(table, context, changes_span())]


async def test_the_method_of_each_request(
    send: Send, table: AzureTable, new_context: NewContext
) -> None:
    ana = (await send("users", "POST", {"userName": "ana"}))["id"]
    disabled = [{"op": "replace", "path": "active", "value": False}]
    await send("users_id", "PATCH", {"Operations": disabled}, id=ana)
    await send("users_id", "PUT", {"userName": "ana", "active": True}, id=ana)
    await send("users_id", "DELETE", id=ana)
    found = await changes(table, new_context())
    assert [(each.method, each.position, each.change.active) for each in found] == [
        ("POST", None, True),
        ("PATCH", None, False),
        ("PUT", None, True),
        ("DELETE", None, None),
    ]


async def test_the_method_and_the_position_of_each_operation_of_a_bulk_request(
    send: Send, table: AzureTable, new_context: NewContext
) -> None:
    bo = (await send("users", "POST", {"userName": "bo"}))["id"]
    operations = [
        {"method": "POST", "path": "/Users", "bulkId": "1", "data": {"userName": "ana"}},
        {"method": "DELETE", "path": f"/Users/{bo}"},
    ]
    await send("bulk", "POST", {"Operations": operations})
    _, *found = await changes(table, new_context())
    assert sorted((each.position, each.method) for each in found) == [(0, "POST"), (1, "DELETE")]


@pytest.mark.usefixtures("send")
@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ({"client-request-id": "0f6ea0ad-1c0e-4e7a-9a1d-3f1b2c3d4e5f"},) * 2,
        ({"client-request-id": "ana.ruiz@example.com"}, {}),
        ({}, {}),
    ],
)
async def test_the_clients_own_id_of_a_request_if_it_can_hold_no_name(
    call: Callable[..., Any],
    tenant: str,
    table: AzureTable,
    new_context: NewContext,
    *,
    sent: dict[str, str],
    kept: dict[str, str],
) -> None:
    headers = {"authorization": f"Bearer {TOKEN}", **sent}
    body = json.dumps({"userName": "ana"}).encode()
    await call("tenant_users", "POST", headers=headers, body=body, tenant=tenant)
    (change,) = await changes(table, new_context())
    assert change.client_request_id == kept.get("client-request-id", "")
