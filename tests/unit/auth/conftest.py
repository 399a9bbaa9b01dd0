from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from shared.auth.key_vault import KeyVault
from shared.auth.vault import VaultTokens
from shared.identity import open_credential
from shared.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from shared.auth.cached import Waits
    from tests.support.fakes.clock import Time
    from tests.support.fakes.key_vault import FakeIdentity, FakeKeyVault
    from tests.support.fixtures.key_vault import Certificates


@pytest.fixture
def production(vault: FakeKeyVault) -> Settings:
    return Settings.from_environment(
        {
            "KEY_VAULT_URL": vault.url,
            "TABLE_ENDPOINT": "https://account.table.core.windows.net",
            "AZURE_CLIENT_ID": "11111111-2222-3333-4444-555555555555",
        }
    )


@pytest.fixture
async def open_tokens(
    certificates: Certificates, identity: FakeIdentity, production: Settings, clock: Time
) -> AsyncIterator[Callable[..., VaultTokens]]:
    """Make authenticators that differ from those of production in their clock and trust alone."""
    opened: list[VaultTokens] = []

    def open_one(
        url: str | None = None, *, waits: Waits | None = None, **options: Any
    ) -> VaultTokens:
        key_vault = KeyVault(
            url or production.key_vault_url or "",
            partial(open_credential, production),
            **{"connection_verify": str(certificates.authority), **options},
            verify_challenge_resource=False,
        )
        opened.append(VaultTokens(key_vault, clock=clock.clock(), waits=waits))
        return opened[-1]

    yield open_one
    for tokens in opened:
        await tokens.close()


@pytest.fixture
def tokens(open_tokens: Callable[..., VaultTokens]) -> VaultTokens:
    return open_tokens()


@pytest.fixture
def auth_log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level("WARNING", logger="shared.auth"):
        yield caplog
