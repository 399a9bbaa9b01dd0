"""OAuth on a developer's machine: a client of the settings, and a key of the process alone."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from shared.auth.configured import authenticator, tenant_tokens
from shared.auth.secret_changes import Requester
from shared.errors import InvalidClient
from shared.oauth.authorization_server import AuthorizationServer
from shared.oauth.credentials import SecretPresented
from shared.settings import Settings, SettingsError

if TYPE_CHECKING:
    from shared.auth.tokens import Authenticator

SECRET = f"scimsecret_{'s' * 43}"
URL = "http://localhost:7071/scim/v2"
SETTINGS = Settings.from_environment(
    {
        "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
        "SCIM_SECRET_TOKEN": "token-of-the-default-tenant",
        "SCIM_SECRET_TOKEN__ACME": "token-of-the-tenant-acme",
        "SCIM_CLIENT_SECRET": SECRET,
    }
)


@pytest.fixture
def tokens() -> Authenticator:
    return authenticator(SETTINGS)


@pytest.fixture
def server(tokens: Authenticator) -> AuthorizationServer:
    return AuthorizationServer(tokens, 3_600, draws_key=True)


async def never(assertion: str, expires: float) -> bool:
    raise AssertionError


async def issued(
    server: AuthorizationServer,
    tenant: str = "default",
    client: str = "local",
    secret: str = SECRET,
) -> str:
    return (await server.issue(tenant, URL, SecretPresented(client, secret), never)).text


async def is_let_in(server: AuthorizationServer, token: str, tenant: str = "default") -> bool:
    decision = await server.decide(tenant, URL, token)
    return decision is not None and decision.caller is not None


@pytest.mark.parametrize("tenant", ["default", "acme"])
async def test_the_client_local_gets_a_token_for_each_tenant_of_the_settings(
    server: AuthorizationServer, tenant: str
) -> None:
    token = await issued(server, tenant)
    decision = await server.decide(tenant, URL, token)
    assert decision is not None
    assert decision.caller is not None
    assert decision.caller.label == "development/local"
    assert len(decision.caller.keys) == 1  # which seals cursors
    assert not await is_let_in(server, token, "acme" if tenant == "default" else "default")


async def test_a_token_ends_with_the_process(
    server: AuthorizationServer, tokens: Authenticator
) -> None:
    token = await issued(server)
    assert await is_let_in(server, token)
    assert not await is_let_in(AuthorizationServer(tokens, 3_600, draws_key=True), token)


@pytest.mark.parametrize(
    ("tenant", "client", "secret"),
    [
        ("default", "local", f"scimsecret_{'w' * 43}"),
        ("default", "local", "token-of-the-default-tenant"),
        ("default", "entra", SECRET),
        ("beta", "local", SECRET),
    ],
)
async def test_nobody_else_gets_one(
    server: AuthorizationServer, tenant: str, client: str, secret: str
) -> None:
    with pytest.raises(InvalidClient):
        await issued(server, tenant, client, secret)


async def test_a_tenant_that_is_closed_takes_its_client_along(
    server: AuthorizationServer, tokens: Authenticator
) -> None:
    token = await issued(server, "acme")
    by = Requester("development/crm", "a-request", time.monotonic() + 10)
    managed = tenant_tokens(SETTINGS, tokens)
    await managed.close("acme", by)
    assert not await is_let_in(server, token, "acme")
    await managed.draw("acme", time.time() + 86_400, by)
    assert not await is_let_in(server, token, "acme")
    with pytest.raises(InvalidClient):
        await issued(server, "acme")
    assert await issued(server)


async def test_without_the_setting_there_is_no_client() -> None:
    token = {"SCIM_SECRET_TOKEN": "token-of-the-default-tenant"}
    settings = Settings.from_environment({"AZURE_FUNCTIONS_ENVIRONMENT": "Development", **token})
    server = AuthorizationServer(authenticator(settings), 3_600, draws_key=True)
    with pytest.raises(InvalidClient):
        await issued(server)


@pytest.mark.parametrize("secret", ["x", "scimsecret_short", f"scimsecret_{'ü' * 43}"])
def test_a_secret_of_another_form_is_refused_at_the_start(secret: str) -> None:
    with pytest.raises(SettingsError, match="SCIM_CLIENT_SECRET should begin with scimsecret_"):
        Settings.from_environment(
            {"AZURE_FUNCTIONS_ENVIRONMENT": "Development", "SCIM_CLIENT_SECRET": secret}
        )


def test_in_production_the_setting_is_refused() -> None:
    environ = {"TABLE_ENDPOINT": "https://a.table.core.windows.net", "SCIM_CLIENT_SECRET": SECRET}
    with pytest.raises(SettingsError, match="SCIM_CLIENT_SECRET is for development only") as told:
        Settings.from_environment(environ)
    assert "keep the secret in Key Vault" in str(told.value)
    assert SECRET not in str(told.value)
