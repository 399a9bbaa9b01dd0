"""The path of production, whole: managed identity, Key Vault, Table Storage by identity over TLS.

The app has the settings of production and no others. The identity endpoint and the vault are fakes
on loopback, the storage is Azurite that takes tokens alone;
`tests/support/fakes/azure_names.py` makes the names of Azure lead to them.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from local import children
from tests.support.fakes.azure import (
    STORAGE,
    TABLES,
    VAULT,
    Identity,
    certificates,
    line_of,
    table_storage,
)
from tests.support.fakes.key_vault import ACCESS_TOKEN, FakeIdentity, FakeKeyVault, serving

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.server

ROOT = Path(__file__).parents[3]
CLIENT_ID = "11111111-2222-3333-4444-555555555555"
PUBLIC = "https://id.example.com"
TOKEN = "the-token-that-lies-in-the-vault"
SWEEPER_OFF = "AzureWebJobs_sweeper_Disabled"


@dataclass(frozen=True, slots=True)
class Azure:
    """What stands around the app: where it is, and what was asked of it."""

    settings: dict[str, str]
    vault: FakeKeyVault
    identity: FakeIdentity


class Log:
    """What a process has written so far."""

    def __init__(self) -> None:
        self.text = ""
        self._grown = asyncio.Condition()

    async def follow(self, process: Process) -> None:
        while line := await line_of(process):
            async with self._grown:
                self.text += line.decode()
                self._grown.notify_all()

    async def until(self, text: str) -> None:
        """Wait until something was written."""
        async with asyncio.timeout(30), self._grown:
            await self._grown.wait_for(lambda: text in self.text)


@dataclass(frozen=True, slots=True)
class Deployed:
    """A running app."""

    client: httpx.AsyncClient
    log: Log


@pytest.fixture(scope="module")
async def azure(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Azure]:
    folder = tmp_path_factory.mktemp("azure")
    tls = certificates(folder)
    vault, identity = FakeKeyVault(), Identity()
    vault.put("scim-token", TOKEN)
    vault.put("scim-token--acme", f"{TOKEN}-of-acme")
    vault.put("connection-string", "of something else")
    async with (
        serving(vault.answer, tls) as vault_url,
        serving(identity.answer) as identity_url,
        table_storage(folder) as table_port,
    ):
        vault.url = f"https://{VAULT}"
        settings = {
            "KEY_VAULT_URL": vault.url,
            "TABLE_ENDPOINT": f"https://{TABLES}/devstoreaccount1",
            "AZURE_CLIENT_ID": CLIENT_ID,
            "SCIM_BASE_URL": PUBLIC,
        }
        ports = {VAULT: int(vault_url.rpartition(":")[2]), TABLES: table_port}
        of_the_platform = {
            "PORTS_OF_NAMES": json.dumps(ports),
            "IDENTITY_ENDPOINT": f"{identity_url}/msi/token",
            "IDENTITY_HEADER": identity.header,
            "SSL_CERT_FILE": str(folder / "authority.pem"),
            SWEEPER_OFF: "true",
            "PATH": os.environ["PATH"],
        }
        yield Azure({**settings, **of_the_platform}, vault, identity)


@asynccontextmanager
async def deployed(settings: dict[str, str], *arguments: str) -> AsyncIterator[Deployed]:
    """Run the app in a process of its own with these settings and no other variables."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = [sys.executable, "-m", "tests.support.fakes.azure_names", "--root", str(ROOT)]
        command += ["--app", "function_app", "--socket", str(listener.fileno()), *arguments]
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with (
            children.running(
                command,
                directory=ROOT,
                environ=settings,
                capture=True,
                descriptors=[listener.fileno()],
            ) as process,
            httpx.AsyncClient(base_url=address, timeout=30, trust_env=False) as client,
        ):
            log = Log()
            following = asyncio.create_task(log.follow(process))
            yield Deployed(client, log)
            following.cancel()


@pytest.fixture(scope="module")
async def app(azure: Azure) -> AsyncIterator[Deployed]:
    async with deployed(azure.settings) as running:
        yield running


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_a_user_is_created_and_read_with_nothing_but_the_identity_of_the_app(
    azure: Azure, app: Deployed
) -> None:
    sent = {"userName": "ana@contoso.test", "externalId": "7"}
    created = await app.client.post("/scim/v2/Users", json=sent, headers=bearer(TOKEN))
    assert created.status_code == 201, created.text
    user = created.json()
    assert created.headers["Location"] == f"{PUBLIC}/scim/v2/Users/{user['id']}"

    read = await app.client.get(f"/scim/v2/Users/{user['id']}", headers=bearer(TOKEN))
    assert (read.status_code, read.json()) == (200, user)

    asked = {(query["resource"], query["client_id"]) for query in azure.identity.queries}
    assert asked == {("https://vault.azure.net", CLIENT_ID), (STORAGE, CLIENT_ID)}
    assert not {name for name in azure.settings if "CONNECTION" in name or "SECRET" in name}


async def test_of_the_vault_the_tokens_are_read_and_nothing_else(
    azure: Azure, app: Deployed
) -> None:
    await app.client.get("/scim/v2/Schemas", headers=bearer(TOKEN))
    assert "/secrets" in {path.rstrip("/") for path in azure.vault.calls}
    assert azure.vault.calls_about("scim-token")
    assert not azure.vault.calls_about("connection-string")


async def test_a_token_opens_its_own_tenant_alone(app: Deployed) -> None:
    acme = bearer(f"{TOKEN}-of-acme")
    inside = await app.client.get("/tenants/acme/scim/v2/Users", headers=acme)
    assert (inside.status_code, inside.json()["totalResults"]) == (200, 0)
    for path, headers in {
        "/scim/v2/Users": acme,
        "/tenants/acme/scim/v2/Users": bearer(TOKEN),
        "/tenants/nobody/scim/v2/Users": bearer(TOKEN),
    }.items():
        assert (await app.client.get(path, headers=headers)).status_code == 401


async def test_the_vault_and_the_table_are_ready_and_monitors_learn_it(
    azure: Azure, app: Deployed
) -> None:
    assert (await app.client.get("/healthz")).json() == {"status": "ok"}
    assert (await app.client.get("/readyz")).status_code == 401
    assert (await app.client.get("/readyz", headers=bearer(f"{TOKEN}-of-acme"))).status_code == 401
    assert (await app.client.head("/readyz", headers=bearer(TOKEN))).status_code == 200
    ready = await app.client.get("/readyz", headers=bearer(TOKEN))
    assert (ready.status_code, ready.headers["Content-Type"]) == (200, "application/json")
    checks = ready.json()["checks"]
    assert {name: check["state"] for name, check in checks.items()} == {
        "vault": "ok",
        "table": "ok",
    }
    assert not any(text in ready.text for text in (TOKEN, VAULT, TABLES, "acme"))


async def test_while_the_vault_fails_monitors_learn_it_and_clients_are_served(azure: Azure) -> None:
    async with deployed(azure.settings) as app:
        assert (await app.client.get("/scim/v2/Users", headers=bearer(TOKEN))).status_code == 200
        with azure.vault.failing(500):
            unready = await app.client.get("/readyz", headers=bearer(TOKEN))
            served = await app.client.get("/scim/v2/Users", headers=bearer(TOKEN))
    assert (unready.status_code, unready.json()["status"]) == (503, "unavailable")
    checks = unready.json()["checks"]
    assert (checks["vault"]["state"], checks["table"]["state"]) == ("failed", "ok")
    assert served.status_code == 200


async def test_a_token_is_replaced_without_a_request_that_is_refused(azure: Azure) -> None:
    path, old, new = "/tenants/rotating/scim/v2/Users", f"{TOKEN}-old", f"{TOKEN}-new"
    azure.vault.put("scim-token--rotating", old)
    async with deployed(azure.settings) as app:

        async def statuses(*tokens: str) -> set[int]:
            asked = (app.client.get(path, headers=bearer(token)) for token in tokens)
            return {answer.status_code for answer in await asyncio.gather(*asked)}

        assert await statuses(old) == {200}
        azure.vault.put("scim-token--rotating", new)
        assert await statuses(*[old, new] * 10) == {200}
        assert await statuses(f"{TOKEN}-of-nobody") == {401}
        for version in azure.vault.secrets["scim-token--rotating"]:
            await app.log.until(f"scim-token--rotating/{version.id[:8]}")


async def test_the_sweeper_runs_with_nothing_but_the_identity_of_the_app(
    azure: Azure, tmp_path: Path
) -> None:
    (tmp_path / "sweeper").write_text("2026-01-01T00:00:00+00:00")  # when it was due
    azure.vault.calls.clear()
    on = {name: value for name, value in azure.settings.items() if name != SWEEPER_OFF}
    async with deployed(on, "--timers", str(tmp_path)) as app:
        await app.log.until("sweeper succeeded")
    assert {path.rstrip("/") for path in azure.vault.calls} == {"/secrets"}


async def test_the_log_holds_no_token_and_no_name(app: Deployed) -> None:
    sent = {"userName": "bo@contoso.test"}
    await app.client.post("/scim/v2/Users", json=sent, headers=bearer(TOKEN))
    missed = await app.client.get("/nowhere", headers=bearer(TOKEN))
    await app.log.until(missed.headers["Request-Id"])
    assert '"token": "scim-token/' in app.log.text
    for secret in (TOKEN, ACCESS_TOKEN, "eyJ", "contoso.test"):
        assert secret not in app.log.text


async def test_a_cursor_leads_on_at_another_instance_and_with_the_next_token(
    azure: Azure, app: Deployed
) -> None:
    """No key is configured for cursors: the vault's tokens are what the instances share."""
    for name in ("cy", "dee"):
        sent = {"userName": f"{name}@contoso.test"}
        await app.client.post("/scim/v2/Users", json=sent, headers=bearer(TOKEN))
    users = "/scim/v2/Users?count=1&cursor="
    first = (await app.client.get(users, headers=bearer(TOKEN))).json()

    azure.vault.put("scim-token", f"{TOKEN}-of-tomorrow")
    async with deployed(azure.settings) as other:
        path = users + first["nextCursor"]
        second = await other.client.get(path, headers=bearer(f"{TOKEN}-of-tomorrow"))
    assert second.status_code == 200, second.text
    assert second.json()["Resources"][0]["id"] > first["Resources"][0]["id"]


async def test_storage_that_refuses_the_identity_is_a_503_and_a_line_for_the_operator(
    azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Identity, "audience", "https://of.another.service")
    async with deployed(azure.settings) as app:
        refused = await app.client.get("/scim/v2/Users", headers=bearer(TOKEN))
        assert refused.status_code == 503
        assert refused.headers["Retry-After"] == "60"
        assert "storage refused the service" in refused.json()["detail"]
        await app.log.until("table storage refused a request: 403")


async def test_without_a_vault_nobody_comes_in(azure: Azure) -> None:
    settings: dict[str, Any] = {**azure.settings, "KEY_VAULT_URL": ""}
    async with deployed(settings) as app:
        refused = await app.client.get("/scim/v2/Users", headers=bearer(TOKEN))
        assert refused.status_code == 503
        assert "no tokens configured" in refused.json()["detail"]
