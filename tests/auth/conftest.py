from __future__ import annotations

import ssl
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from shared.auth.key_vault import KeyVault
from shared.auth.vault import VaultTokens
from shared.identity import open_credential
from shared.settings import Settings
from tests.fakes.clock import Time
from tests.fakes.key_vault import FakeIdentity, FakeKeyVault, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from shared.auth.clock import Waits


@dataclass(frozen=True, slots=True)
class Certificates:
    server: ssl.SSLContext
    authority: Path


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    path = tmp_path_factory.mktemp("tls") / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    return Certificates(server, path)


@pytest.fixture
async def vault(certificates: Certificates) -> AsyncIterator[FakeKeyVault]:
    fake = FakeKeyVault()
    async with serving(fake.answer, certificates.server) as url:
        fake.url = url
        yield fake


@pytest.fixture
async def identity(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeIdentity]:
    """The identity endpoint, announced to the process as App Service does."""
    fake = FakeIdentity()
    async with serving(fake.answer) as url:
        fake.endpoint = f"{url}/msi/token"
        monkeypatch.setenv("IDENTITY_ENDPOINT", fake.endpoint)
        monkeypatch.setenv("IDENTITY_HEADER", fake.header)
        yield fake


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
