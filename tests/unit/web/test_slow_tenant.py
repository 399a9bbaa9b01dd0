"""One tenant at the limit of its storage leaves another one alone.

The storage of the slow tenant does not answer until all is over: what the other one gets in the
meantime did not wait for it. The whole service runs in this process, over a proxy before Azurite.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import TYPE_CHECKING, Any

import pytest

from shared.auth.tokens import DevelopmentTokens
from shared.scim.documents import changed_names
from shared.settings import Settings
from shared.store.store import open_store
from shared.tables.account import TableAddress
from shared.tables.azure_table import open_table
from shared.web import services
from shared.web.services import Services
from tests.support.fakes import storage_proxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    import azure.functions as func
    from aiohttp import web

    from local.azurite import Azurite
    from tests.support.fakes.storage_proxy import Fault, Forward, Kind, StorageProxy

    Call = Callable[..., Any]

ID = "0123456789abcdef0123456789abcdef"
TOKENS = {"slow": "token-of-the-slow-tenant", "quick": "token-of-the-quick-tenant"}
CROWD = 400
"""Requests of the slow tenant at once: many times as many as a client opens connections."""

KINDS: tuple[Kind, ...] = ("read", "transaction")


@pytest.fixture
async def proxy(storage: Azurite) -> AsyncIterator[StorageProxy]:
    async with storage_proxy.serving(storage.ports["table"]) as proxy:
        yield proxy


@pytest.fixture(autouse=True)
async def process(
    monkeypatch: pytest.MonkeyPatch, storage: Azurite, proxy: StorageProxy
) -> AsyncIterator[Services]:
    """The services of the process, with storage behind the proxy."""
    address = proxy.instead_of(storage.ports["table"], storage.connection_string)
    settings = Settings.from_environment(
        {
            "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
            "TABLE_CONNECTION_STRING": address,
            "SCIM_REQUESTS_PER_SECOND": str(2 * CROWD),
            **{f"SCIM_SECRET_TOKEN__{name.upper()}": token for name, token in TOKENS.items()},
        }
    )
    table = open_table(TableAddress(f"t{secrets.token_hex(8)}", connection_string=address))
    built = Services(
        settings, DevelopmentTokens(settings.development_tokens), open_store(table, changed_names)
    )
    monkeypatch.setattr(services, "_current", built)
    yield built
    await built.close()


def befalling(tenant: str, fault: Fault) -> Fault:
    """Let a fault befall the requests of one tenant, and those of others pass."""
    mark = f"'{tenant}'".encode()
    in_a_url = f"%27{tenant}%27".encode()

    async def chosen(request: web.BaseRequest, forward: Forward) -> web.StreamResponse:
        said = request.raw_path.encode() + await request.read()
        is_of_tenant = mark in said or in_a_url in said
        return await (fault(request, forward) if is_of_tenant else forward())

    return chosen


async def used_by_someone(call: Call, tenant: str) -> dict[str, int]:
    """Create, find, change, list and delete a user and a group; give the statuses."""
    headers = {"authorization": f"Bearer {TOKENS[tenant]}"}
    own: dict[str, Any] = {"tenant": tenant, "headers": headers}
    typed = {"content-type": "application/scim+json", **headers}

    def body(**content: Any) -> dict[str, Any]:
        return {"tenant": tenant, "headers": typed, "body": json.dumps(content).encode()}

    created = await call("tenant_users", "POST", **body(userName=f"ana@{tenant}.test"))
    user = json.loads(created.get_body())["id"]
    joined = body(displayName="Sales", members=[{"value": user}])
    group = await call("tenant_groups", "POST", **joined)
    url = "https://x/tenants/x/scim/v2/Users?filter=userName+eq+%22ana@quick.test%22"
    operations = [{"op": "replace", "path": "active", "value": False}]
    envelope = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"]}
    answers = {
        "create": created,
        "create group": group,
        "find": await call("tenant_users", url=url, **own),
        "list": await call("tenant_groups", **own),
        "change": await call(
            "tenant_users_id", "PATCH", id=user, **body(**envelope, Operations=operations)
        ),
        "delete": await call("tenant_users_id", "DELETE", id=user, **own),
        "delete group": await call(
            "tenant_groups_id", "DELETE", id=json.loads(group.get_body())["id"], **own
        ),
    }
    return {what: answer.status_code for what, answer in answers.items()}


async def held(proxy: StorageProxy, calls: int) -> None:
    """Wait until the proxy has got so many calls."""
    async with asyncio.timeout(8):
        while len(proxy.received) < calls:  # noqa: ASYNC110 - nothing tells when one comes
            await asyncio.sleep(0.01)


WELL = {
    "create": 201,
    "create group": 201,
    "find": 200,
    "list": 200,
    "change": 200,
    "delete": 204,
    "delete group": 204,
}


async def test_requests_of_others_are_served_while_a_tenants_storage_does_not_answer(
    call: Call, proxy: StorageProxy
) -> None:
    assert await used_by_someone(call, "quick") == WELL  # creates the table
    release = asyncio.Event()
    proxy.received.clear()
    for kind in KINDS:
        proxy.order(befalling("slow", storage_proxy.hold(release)), kind, times=float("inf"))
    headers = {"authorization": f"Bearer {TOKENS['slow']}"}
    crowd = [
        asyncio.create_task(call("tenant_users_id", id=ID, tenant="slow", headers=headers))
        for _ in range(CROWD)
    ]
    try:
        await held(proxy, 100)
        async with asyncio.timeout(8):  # less than the 10 s after which a call is given up
            assert await used_by_someone(call, "quick") == WELL
        assert not any(task.done() for task in crowd)
    finally:
        release.set()
        answers: list[func.HttpResponse] = await asyncio.gather(*crowd)
    assert {answer.status_code for answer in answers} == {404}


async def test_requests_of_others_are_served_while_a_tenants_storage_is_throttled(
    call: Call, proxy: StorageProxy
) -> None:
    assert await used_by_someone(call, "quick") == WELL
    busy = storage_proxy.answer(503, "ServerBusy")
    for kind in KINDS:
        proxy.order(befalling("slow", busy), kind, times=float("inf"))
    headers = {"authorization": f"Bearer {TOKENS['slow']}"}
    crowd = [
        asyncio.create_task(call("tenant_users_id", id=ID, tenant="slow", headers=headers))
        for _ in range(10)
    ]
    assert await used_by_someone(call, "quick") == WELL
    answers = await asyncio.gather(*crowd)
    assert {(each.status_code, each.headers["Retry-After"]) for each in answers} == {(429, "10")}
