"""Tokens of the settings, on a developer's machine."""

from __future__ import annotations

import pytest

from shared.auth.configured import authenticator
from shared.auth.tokens import Authenticator, Caller
from shared.errors import Unauthorized
from shared.settings import Settings

OWN = "token-of-the-default-tenant"
OTHER = "token-of-the-tenant-ab-cd"


@pytest.fixture
def tokens() -> Authenticator:
    return authenticator(
        Settings.from_environment(
            {
                "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
                "SCIM_SECRET_TOKEN": OWN,
                "SCIM_SECRET_TOKEN__AB_CD": OTHER,
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
