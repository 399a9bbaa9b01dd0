"""Tokens of the settings, on a developer's machine."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from shared.api_keys import Grant, Scope
from shared.auth.configured import authenticator
from shared.auth.tokens import ApiKey, Authenticator, Caller, DevelopmentTokens
from shared.errors import Conflict, NotFound, Unauthorized
from shared.settings import Settings

OWN = "token-of-the-default-tenant"
OTHER = "token-of-the-tenant-ab-cd"
KEY = f"scimkey_crm_{'k' * 43}"


@pytest.fixture
def tokens() -> Authenticator:
    return authenticator(
        Settings.from_environment(
            {
                "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
                "SCIM_SECRET_TOKEN": OWN,
                "SCIM_SECRET_TOKEN__AB_CD": OTHER,
                "SCIM_API_KEY__CRM": f"{KEY} scopes=identities.read tenants=ab-cd",
            }
        )
    )


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


async def test_a_token_that_was_drawn_opens_its_tenant_and_no_other() -> None:
    tokens = DevelopmentTokens({"default": SecretStr("a" * 20), "acme": SecretStr("b" * 20)})
    drawn = await tokens.draw_token("acme", 1)
    caller = await tokens.authenticate("acme", f"Bearer {drawn.value}")
    assert (caller.tenant, caller.label) == ("acme", drawn.version.label)
    with pytest.raises(Unauthorized):
        await tokens.authenticate("default", f"Bearer {drawn.value}")


async def test_of_drawn_tokens_the_newest_two_are_valid_and_the_newest_stays() -> None:
    tokens = DevelopmentTokens({"acme": SecretStr("b" * 20)})
    drawn = [await tokens.draw_token("acme", 1) for _ in range(3)]
    with pytest.raises(Unauthorized):
        await tokens.authenticate("acme", f"Bearer {drawn[0].value}")
    listed = await tokens.list_tokens("acme")
    assert [each.id for each in listed] == [drawn[2].version.id, drawn[1].version.id, "settings"]
    assert [each.can_be_revoked for each in listed] == [False, True, False]
    await tokens.revoke_token("acme", drawn[1].version.id)
    with pytest.raises(Unauthorized):
        await tokens.authenticate("acme", f"Bearer {drawn[1].value}")
    with pytest.raises(Conflict):
        await tokens.revoke_token("acme", drawn[2].version.id)
    with pytest.raises(NotFound):
        await tokens.revoke_token("acme", drawn[1].version.id)
