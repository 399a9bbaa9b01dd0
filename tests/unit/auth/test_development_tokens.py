"""Tokens of the settings, on a developer's machine."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest

from shared.api_keys import Grant, Scope
from shared.auth.configured import authenticator, tenant_tokens
from shared.auth.secret_changes import Requester
from shared.auth.tenant_tokens import TenantState, TenantTokens
from shared.auth.tokens import ApiKey, Authenticator, Caller, DevelopmentTokens
from shared.errors import Conflict, NotFound, Unauthorized
from shared.settings import Settings

OWN = "token-of-the-default-tenant"
OTHER = "token-of-the-tenant-ab-cd"
KEY = f"scimkey_crm_{'k' * 43}"


SETTINGS = Settings.from_environment(
    {
        "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
        "SCIM_SECRET_TOKEN": OWN,
        "SCIM_SECRET_TOKEN__AB_CD": OTHER,
        "SCIM_API_KEY__CRM": f"{KEY} scopes=identities.read tenants=ab-cd",
    }
)


@pytest.fixture
def tokens() -> Authenticator:
    return authenticator(SETTINGS)


async def test_the_token_of_the_settings_opens_the_default_tenant(tokens: Authenticator) -> None:
    assert await tokens.authenticate("default", f"Bearer {OWN}") == Caller("default", "development")


async def test_the_end_of_the_settings_name_is_the_tenant_in_lower_case_with_dashes(
    tokens: Authenticator,
) -> None:
    assert await tokens.authenticate("ab-cd", f"Bearer {OTHER}") == Caller("ab-cd", "development")


@pytest.mark.parametrize(
    ("tenant", "token"),
    [
        ("default", OTHER),
        ("ab-cd", OWN),
        ("acme", OWN),
        ("AB-CD", OTHER),
        ("ab_cd", OTHER),
        (None, OWN),
        ("default", f"{OWN}x"),
        ("default", OWN[:-1]),
    ],
)
async def test_a_token_opens_its_own_tenant_alone(
    tokens: Authenticator, tenant: str | None, token: str
) -> None:
    with pytest.raises(Unauthorized) as refusal:
        await tokens.authenticate(tenant, f"Bearer {token}")
    with pytest.raises(Unauthorized) as missing:
        await tokens.authenticate("default", None)
    assert refusal.value.message() == missing.value.message()
    await tokens.close()


async def test_a_key_of_the_settings_is_known_with_what_it_allows(tokens: Authenticator) -> None:
    grant = Grant(frozenset({Scope.IDENTITIES_READ}), frozenset({"ab-cd"}))
    assert await tokens.identify(f"Bearer {KEY}") == ApiKey("crm", "development/crm", grant)
    assert await tokens.has_tenant("ab-cd")
    assert not await tokens.has_tenant("acme")


@pytest.mark.parametrize("given", [f"{KEY}x", KEY.replace("crm", "erp"), OWN, ""])
async def test_every_other_key_is_refused_alike(tokens: Authenticator, given: str) -> None:
    with pytest.raises(Unauthorized) as refusal:
        await tokens.identify(f"Bearer {given}")
    with pytest.raises(Unauthorized) as missing:
        await tokens.identify(None)
    assert refusal.value.message() == missing.value.message()


async def test_a_key_opens_no_tenant_as_a_token_does(tokens: Authenticator) -> None:
    with pytest.raises(Unauthorized):
        await tokens.authenticate("ab-cd", f"Bearer {KEY}")


BY = Requester("portal/1a2b3c4d", "request", time.monotonic() + 60)
NEXT_YEAR = time.time() + 365 * 86_400


@dataclass(frozen=True, slots=True)
class Machine:
    """A developer's machine: who may enter, and what manages the tokens."""

    tokens: DevelopmentTokens
    managed: TenantTokens

    async def draw(self, tenant: str) -> tuple[str, str]:
        """Draw a token; its value and its version."""
        drawn = (await self.managed.draw(tenant, NEXT_YEAR, BY)).drawn
        return drawn.token, drawn.version.id

    async def opens(self, tenant: str, token: str) -> bool:
        try:
            await self.tokens.authenticate(tenant, f"Bearer {token}")
        except Unauthorized:
            return False
        return True


@pytest.fixture
def machine(tokens: Authenticator) -> Machine:
    assert isinstance(tokens, DevelopmentTokens)
    return Machine(tokens, tenant_tokens(SETTINGS, tokens))


async def test_a_token_that_was_drawn_opens_its_tenant_and_no_other(machine: Machine) -> None:
    value, version = await machine.draw("ab-cd")
    caller = await machine.tokens.authenticate("ab-cd", f"Bearer {value}")
    assert (caller.tenant, caller.label) == ("ab-cd", f"development/{version[:8]}")
    assert caller.label == machine.managed.label("ab-cd", version)
    assert not await machine.opens("default", value)


async def test_of_all_tokens_the_newest_two_are_valid_as_in_a_vault(machine: Machine) -> None:
    """So what is seen here of a rotation is what production does."""
    first, _ = await machine.draw("ab-cd")
    assert [await machine.opens("ab-cd", each) for each in (OTHER, first)] == [True, True]
    second, _ = await machine.draw("ab-cd")
    opened = [await machine.opens("ab-cd", each) for each in (OTHER, first, second)]
    assert opened == [False, True, True]


async def test_the_newest_token_is_not_revoked_and_an_older_one_is(machine: Machine) -> None:
    (first, older), (second, newest) = [await machine.draw("ab-cd") for _ in range(2)]
    with pytest.raises(Conflict):
        await machine.managed.revoke("ab-cd", newest, BY)
    assert await machine.managed.revoke("ab-cd", older, BY) == [older]
    with pytest.raises(NotFound):
        await machine.managed.revoke("ab-cd", "f" * 32, BY)
    assert [await machine.opens("ab-cd", each) for each in (first, second)] == [False, True]


async def test_a_tenant_is_created_and_closed_for_as_long_as_the_process_lives(
    machine: Machine,
) -> None:
    created = (await machine.managed.create("acme", NEXT_YEAR, BY)).drawn.token
    assert await machine.opens("acme", created)
    assert "acme" in await machine.managed.names()
    assert (await machine.managed.access("acme")).state is TenantState.OPEN
    await machine.managed.close("acme", BY)
    assert not await machine.opens("acme", created)
    assert (await machine.managed.access("acme")).state is TenantState.CLOSED
    assert await machine.tokens.has_tenant("acme")
    with pytest.raises(NotFound):
        await machine.managed.access("nobody")


async def test_a_closed_tenant_is_opened_by_a_draw_only_where_that_is_meant(
    machine: Machine,
) -> None:
    await machine.managed.close("ab-cd", BY)
    with pytest.raises(Conflict):
        await machine.managed.draw("ab-cd", NEXT_YEAR, BY, reopens=False)
    assert not await machine.opens("ab-cd", OTHER)
    value, _ = await machine.draw("ab-cd")
    assert [await machine.opens("ab-cd", each) for each in (OTHER, value)] == [False, True]
