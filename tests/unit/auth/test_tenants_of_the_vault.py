"""Which tenants there are, for work that no request asks for: the sweeper's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.auth.cached import FRESH_SECONDS, Waits
from shared.auth.configured import authenticator
from shared.auth.tokens import TokenState
from shared.auth.vault import RENEW_SECONDS
from shared.errors import Unauthorized, Unavailable
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
    assert await tokens.token_state(tenant) == TokenState("absent")
    vault.put(name, TOKEN, expires=int(clock.wall) + 60)
    clock.advance(RENEW_SECONDS)
    assert await tokens.token_state(tenant) == TokenState("valid", int(clock.wall) + 30)
    clock.advance(31)
    assert await tokens.token_state(tenant) == TokenState("expired")


async def test_of_two_tokens_the_later_end_counts_and_none_is_no_end(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time
) -> None:
    vault.put("scim-token", TOKEN, expires=int(clock.wall) + 60)
    vault.put("scim-token", TOKEN, expires=int(clock.wall) + 90)
    assert await tokens.token_state("default") == TokenState("valid", int(clock.wall) + 90)
    vault.put("scim-token", TOKEN)
    clock.advance(FRESH_SECONDS)
    assert await tokens.token_state("default") == TokenState("valid")


async def test_a_closed_tenant_is_told(tokens: VaultTokens, vault: FakeKeyVault) -> None:
    vault.put("scim-token--acme", TOKEN, enabled=False)
    assert await tokens.token_state("acme") == TokenState("closed")


async def test_a_vault_that_fails_tells_nothing(tokens: VaultTokens, vault: FakeKeyVault) -> None:
    vault.put("scim-token", TOKEN)
    with vault.failing(500), pytest.raises(Unavailable):
        await tokens.token_state("default")


async def test_in_development_a_token_of_the_settings_never_ends() -> None:
    tokens = authenticator(
        Settings.from_environment({**DEVELOPMENT, "SCIM_SECRET_TOKEN__ACME": TOKEN})
    )
    assert await tokens.token_state("acme") == TokenState("valid")
    assert await tokens.token_state("other") == TokenState("absent")
