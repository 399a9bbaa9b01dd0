"""The path of production, whole: managed identity, Key Vault, Table Storage by identity over TLS.

The app has the settings of production and no others; `tests/support/production.py` has what stands
around it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from background.timers import SWEEPER
from tests.support.fakes.azure import STORAGE, TABLES, VAULT, Identity
from tests.support.fakes.key_vault import ACCESS_TOKEN
from tests.support.production import (
    CLIENT_ID,
    PUBLIC,
    SWEEPER_OFF,
    TOKEN,
    Azure,
    Deployed,
    azure_in,
    bearer,
    deployed,
)
from tests.support.timers import missed_in_azure

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
async def azure(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Azure]:
    async with azure_in(tmp_path_factory.mktemp("azure")) as running:
        yield running


@pytest.fixture(scope="module")
async def app(azure: Azure) -> AsyncIterator[Deployed]:
    async with deployed(azure.settings) as running:
        yield running


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


async def test_the_sweeper_runs_with_nothing_but_the_identity_of_the_app(azure: Azure) -> None:
    azure.vault.calls.clear()
    on = {name: value for name, value in azure.settings.items() if name != SWEEPER_OFF}
    on |= await missed_in_azure(on, SWEEPER.name, SWEEPER.schedule)
    async with deployed(on) as app:
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
