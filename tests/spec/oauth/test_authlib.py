"""A client library that others wrote does the whole flow: discovery, token, SCIM; over TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata, get_well_known_url

if TYPE_CHECKING:
    from tests.spec.oauth.conftest import Tenant

pytestmark = pytest.mark.server


def client_of(tenant: Tenant, **options: Any) -> AsyncOAuth2Client:
    held = {"client_id": "entra", "client_secret": tenant.secret, **options}
    return AsyncOAuth2Client(
        **held, scope="scim", verify=tenant.world.trust, trust_env=False, timeout=30
    )


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
async def test_a_client_finds_the_token_endpoint_gets_a_token_and_provisions(
    tenant: Tenant, method: str
) -> None:
    async with client_of(tenant, token_endpoint_auth_method=method) as client:
        found = await tenant.world.http.get(get_well_known_url(tenant.url, external=True))
        described = AuthorizationServerMetadata(found.json())
        described.validate_issuer()
        described.validate_token_endpoint()
        described.validate_token_endpoint_auth_methods_supported()
        assert described["issuer"] == tenant.url
        assert method in described["token_endpoint_auth_methods_supported"]

        token = await client.fetch_token(
            described["token_endpoint"], grant_type="client_credentials"
        )
        assert (token["token_type"], token["expires_in"], token["scope"]) == (
            "Bearer",
            3_600,
            "scim",
        )

        created = await client.post(f"{tenant.url}/Users", json={"userName": "ana@contoso.test"})
        assert created.status_code == 201, created.text
        assert created.json()["meta"]["location"].startswith(f"{tenant.url}/Users/")
        read = await client.get(f"{tenant.url}/Users/{created.json()['id']}")
        assert read.json() == created.json()


@pytest.mark.parametrize("named", ["token endpoint", "issuer"])
async def test_a_client_with_a_key_of_its_own_needs_no_secret(tenant: Tenant, named: str) -> None:
    audience = tenant.url if named == "issuer" else tenant.token_endpoint
    async with client_of(
        tenant,
        client_id="okta",
        client_secret=tenant.key,
        token_endpoint_auth_method=PrivateKeyJWT(
            tenant.token_endpoint, alg="RS256", claims={"aud": audience}
        ),
    ) as client:
        await client.fetch_token(tenant.token_endpoint, grant_type="client_credentials")
        assert (await client.get(f"{tenant.url}/Users")).status_code == 200
