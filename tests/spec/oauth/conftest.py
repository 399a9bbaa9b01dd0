"""The service with the settings of production, behind TLS, and a tenant with clients of OAuth."""

from __future__ import annotations

import secrets
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.support.fakes.azure import certificates
from tests.support.fakes.azure_front import AzureFront, fronting
from tests.support.fakes.issuer import FakeIssuer
from tests.support.fakes.key_vault import serving
from tests.support.oauth import SIGNING_KEY, client_secret, private_key, public_half, rsa_key
from tests.support.production import Azure, Deployed, azure_in, deployed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tests.support.fakes.key_vault import FakeKeyVault

TENANTS = 120
"""More than there are tests. A vault is asked about new ones no more than once in 5 seconds."""

WITHOUT_TOKEN = "without-token"
"""A tenant whose secret tokens are switched off."""

PAGE = 25
"""Secrets that the real vault lists at once."""


@dataclass(frozen=True, slots=True)
class World:
    """The service at its public address.

    Attributes:
        url: Public address, `https://127.0.0.1:<port>`.
        azure: What stands around the app.
        app: Its process.
        trust: Trusts the certificate of the address.
        http: Sends requests to it.
        tenants: Names of tenants that no test has used.
        issuer: Another issuer, whose tokens the client `wif` of each tenant is known by.
    """

    url: str
    azure: Azure
    app: Deployed
    trust: ssl.SSLContext
    http: httpx.AsyncClient
    tenants: Iterator[str]
    issuer: FakeIssuer


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant that no other test has, with its clients.

    Attributes:
        name: Of the tenant.
        url: Tenant URL.
        token: Secret token.
        secret: Secret of the client `entra`.
        key: Private key of the client `okta`.
        world: Where it is.
    """

    name: str
    url: str
    token: str
    secret: str
    key: str
    world: World

    @property
    def token_endpoint(self) -> str:
        return f"{self.url}/oauth2/token"

    async def ask(self, **form: str) -> httpx.Response:
        """Ask for an access token with these parameters and those of the client."""
        held = {
            "grant_type": "client_credentials",
            "client_id": "entra",
            "client_secret": self.secret,
            **form,
        }
        return await self.world.http.post(
            self.token_endpoint, data={name: value for name, value in held.items() if value}
        )

    async def get(self, path: str, token: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"}
        return await self.world.http.get(f"{self.url}{path}", headers=headers)


@pytest.fixture(scope="session")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    folder: Path = tmp_path_factory.mktemp("oauth")
    tls = certificates(folder)
    trust = ssl.create_default_context(cafile=str(folder / "authority.pem"))
    front = AzureFront(("127.0.0.1", 0))
    known = tmp_path_factory.mktemp("azure")
    issuer = FakeIssuer()
    async with (
        azure_in(known) as azure,
        fronting(front, tls) as url,
        serving(issuer.serve, trusted_by_the_app(known)) as issuer.url,
    ):
        names = [f"oauth-{number}" for number in range(TENANTS)]
        furnish(azure.vault, names, issuer)
        settings = {**azure.settings, "SCIM_BASE_URL": url, "SCIM_JWKS_HOSTS": issuer.host}
        async with (
            deployed(settings) as app,
            httpx.AsyncClient(verify=trust, timeout=30, trust_env=False) as http,
        ):
            front.app = (app.client.base_url.host, app.client.base_url.port or 0)
            yield World(url, azure, app, trust, http, iter(names), issuer)


def trusted_by_the_app(folder: Path) -> ssl.SSLContext:
    """A certificate of the authority that the app trusts as it does those of Azure."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return context


KEY_OF_OKTA = rsa_key()


def furnish(vault: FakeKeyVault, names: list[str], issuer: FakeIssuer) -> None:
    """Put a signing key, and the tenants with their tokens and clients, into a vault."""
    vault.page = PAGE
    vault.put(SIGNING_KEY, private_key())
    key = public_half(KEY_OF_OKTA)
    for name in (*names, WITHOUT_TOKEN):
        tags = {"token": "off"} if name == WITHOUT_TOKEN else {}
        vault.put(f"scim-token--{name}", secrets.token_urlsafe(32), tags=tags)
        vault.put(f"scim-client--{name}--entra", client_secret())
        vault.put(f"scim-client--{name}--okta", key)
        vault.put(f"scim-client--{name}--wif", issuer.trust(bearer=True))


@pytest.fixture
def tenant(world: World) -> Tenant:
    return tenant_of(world, next(world.tenants))


def tenant_of(world: World, name: str) -> Tenant:
    kept = world.azure.vault.secrets
    return Tenant(
        name,
        f"{world.url}/tenants/{name}/scim/v2",
        kept[f"scim-token--{name}"][0].value,
        kept[f"scim-client--{name}--entra"][0].value,
        KEY_OF_OKTA,
        world,
    )
