"""Which tenants there are, for work that no request asks for: the sweeper's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.auth.cached import FRESH_SECONDS, Waits
from shared.auth.configured import authenticator, tenant_tokens
from shared.auth.tenant_tokens import TenantAccess, TenantState
from shared.errors import NotFound, Unauthorized, Unavailable
from shared.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.auth.vault import VaultTokens
    from tests.support.fakes.clock import Time
    from tests.support.fakes.key_vault import FakeKeyVault

TOKEN = "a-token-of-some-tenant"
DEVELOPMENT = {"AZURE_FUNCTIONS_ENVIRONMENT": "Development"}


async def test_the_tenants_are_those_that_have_a_secret(
    tokens: VaultTokens, vault: FakeKeyVault
) -> None:
    for name in ("", "--acme", "--Beta", "--b--ad", "s-of-others"):
        vault.put(f"scim-token{name}", TOKEN)
    assert sorted(await tokens.tenants()) == ["acme", "beta", "default"]
    assert set(vault.calls) == {"/secrets"}, "no version and no value is read"


async def test_a_closed_tenant_is_named_and_lets_no_one_in(
    tokens: VaultTokens, vault: FakeKeyVault
) -> None:
    vault.put("scim-token--acme", TOKEN, enabled=False)
    assert await tokens.tenants() == ("acme",)
    with pytest.raises(Unauthorized):
        await tokens.authenticate("acme", f"Bearer {TOKEN}")


async def test_a_tenant_whose_secret_was_deleted_is_not_named(
    tokens: VaultTokens, vault: FakeKeyVault
) -> None:
    vault.put("scim-token--acme", TOKEN)
    assert await tokens.tenants() == ("acme",)
    del vault.secrets["scim-token--acme"]
    assert await tokens.tenants() == ()


async def test_a_vault_that_refuses_is_unavailable_and_the_log_says_what_to_do(
    tokens: VaultTokens, vault: FakeKeyVault, auth_log: pytest.LogCaptureFixture
) -> None:
    vault.put("scim-token", TOKEN)
    with vault.failing(403, code="Forbidden"), pytest.raises(Unavailable):
        await tokens.tenants()
    (line,) = auth_log.messages
    assert line.startswith("Reading the tenants failed, they cannot be named: VaultError: ")
    assert "give the app's identity the role Key Vault Secrets User" in line
    assert await tokens.tenants() == ("default",)


async def test_a_vault_that_hangs_is_waited_for_as_long_as_a_reading_may_take(
    open_tokens: Callable[..., VaultTokens], vault: FakeKeyVault
) -> None:
    tokens = open_tokens(waits=Waits(reading=0.1))
    vault.put("scim-token", TOKEN)
    with vault.hanging(), pytest.raises(Unavailable):
        await tokens.tenants()


async def test_a_vault_that_is_not_there_is_unavailable(
    open_tokens: Callable[..., VaultTokens],
) -> None:
    tokens = open_tokens("https://127.0.0.1:1", retry_total=0)
    with pytest.raises(Unavailable):
        await tokens.tenants()


async def test_in_development_the_tenants_are_those_of_the_settings() -> None:
    named = {"SCIM_SECRET_TOKEN": TOKEN, "SCIM_SECRET_TOKEN__AB_CD": TOKEN}
    tokens = authenticator(Settings.from_environment(DEVELOPMENT | named))
    assert sorted(await tokens.tenants()) == ["ab-cd", "default"]


async def test_without_a_place_for_tokens_no_tenant_is_known(
    auth_log: pytest.LogCaptureFixture,
) -> None:
    tokens = authenticator(Settings.from_environment(DEVELOPMENT))
    for _ in range(2):
        with pytest.raises(Unavailable):
            await tokens.tenants()
    assert len(auth_log.messages) == 1


# Whether a tenant has a token that opens it


@pytest.mark.parametrize("tenant", ["default", "acme"])
async def test_a_token_that_opens_the_tenant_is_told_with_its_end(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time, tenant: str
) -> None:
    name = "scim-token" if tenant == "default" else f"scim-token--{tenant}"
    with pytest.raises(NotFound):
        await tokens.tenant_access(tenant)
    end = int(clock.wall) + 120
    vault.put(name, TOKEN, expires=end)
    clock.advance(FRESH_SECONDS)
    assert await tokens.tenant_access(tenant) == TenantAccess(TenantState.OPEN, end)
    clock.advance(61)
    assert await tokens.tenant_access(tenant) == TenantAccess(TenantState.NO_VALID_TOKEN, end)


async def test_of_two_tokens_the_end_of_the_newest_is_told_and_any_opens_the_tenant(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time
) -> None:
    vault.put("scim-token", TOKEN)
    end = int(clock.wall) + 30
    vault.put("scim-token", TOKEN, expires=end)
    assert await tokens.tenant_access("default") == TenantAccess(TenantState.OPEN, end)
    clock.advance(31)
    assert await tokens.tenant_access("default") == TenantAccess(TenantState.OPEN, end)


async def test_a_closed_tenant_is_told(tokens: VaultTokens, vault: FakeKeyVault) -> None:
    vault.put("scim-token--acme", TOKEN, enabled=False)
    assert await tokens.tenant_access("acme") == TenantAccess(TenantState.CLOSED, None)


async def test_a_vault_that_fails_tells_nothing(tokens: VaultTokens, vault: FakeKeyVault) -> None:
    vault.put("scim-token", TOKEN)
    with vault.failing(500), pytest.raises(Unavailable):
        await tokens.tenant_access("default")


async def test_in_development_a_token_of_the_settings_never_ends() -> None:
    settings = Settings.from_environment({**DEVELOPMENT, "SCIM_SECRET_TOKEN__ACME": TOKEN})
    managed = tenant_tokens(settings, authenticator(settings))
    assert await managed.access("acme") == TenantAccess(TenantState.OPEN, None)
    with pytest.raises(NotFound):
        await managed.access("other")
