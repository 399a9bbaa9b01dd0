"""The documents that lead a client to the token endpoint (RFC 8414, RFC 9728)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.spec.oauth.conftest import WITHOUT_TOKEN, tenant_of

if TYPE_CHECKING:
    from tests.spec.oauth.conftest import Tenant, World

pytestmark = pytest.mark.server

SERVER, RESOURCE = "oauth-authorization-server", "oauth-protected-resource"


def places(tenant_url: str, document: str) -> list[str]:
    """Where a document is: before the path of the address, as the RFCs have it, and behind it."""
    parts = urlsplit(tenant_url)
    inserted = f"{parts.scheme}://{parts.netloc}/.well-known/{document}{parts.path}"
    return [inserted, f"{tenant_url}/.well-known/{document}"]


@pytest.mark.parametrize("root", ["/scim/v2", "/tenants/acme/scim/v2", "/tenants/nobody/scim/v2"])
async def test_the_server_is_described_at_every_address(world: World, root: str) -> None:
    """Also where there is no tenant, so that nobody learns which there are."""
    issuer = world.url + root
    for place in places(issuer, SERVER):
        response = await world.http.get(place)
        assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
        assert response.headers["cache-control"] == "public, max-age=300"
        assert response.json() == {
            "issuer": issuer,
            "token_endpoint": f"{issuer}/oauth2/token",
            "grant_types_supported": ["client_credentials"],
            "response_types_supported": [],
            "scopes_supported": ["scim"],
            "token_endpoint_auth_methods_supported": [
                "client_secret_basic",
                "client_secret_post",
                "private_key_jwt",
            ],
            "token_endpoint_auth_signing_alg_values_supported": ["ES256", "RS256"],
            "protected_resources": [issuer],
        }
    for place in places(issuer, RESOURCE):
        assert (await world.http.get(place)).json() == {
            "resource": issuer,
            "authorization_servers": [issuer],
            "scopes_supported": ["scim"],
            "bearer_methods_supported": ["header"],
        }


async def test_who_is_refused_is_led_to_the_token_endpoint(tenant: Tenant) -> None:
    """As a client does that knows nothing but the Tenant URL."""
    http = tenant.world.http
    challenge = (await http.get(f"{tenant.url}/Users")).headers["www-authenticate"]
    found = re.fullmatch(r'Bearer resource_metadata="([^"]+)"', challenge)
    assert found is not None
    resource = (await http.get(found[1])).json()
    assert resource["resource"] == tenant.url
    (issuer,) = resource["authorization_servers"]
    described = (await http.get(places(issuer, SERVER)[0])).json()
    assert described["token_endpoint"] == tenant.token_endpoint


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_a_document_is_read_and_nothing_else(world: World, method: str) -> None:
    for place in (
        *places(f"{world.url}/scim/v2", SERVER),
        *places(f"{world.url}/scim/v2", RESOURCE),
    ):
        response = await world.http.request(method, place)
        assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD")
        assert (await world.http.head(place)).status_code == 200


async def test_no_document_is_at_a_name_that_no_tenant_can_have(world: World) -> None:
    for place in places(f"{world.url}/tenants/a--b/scim/v2", SERVER):
        assert (await world.http.get(place)).status_code == 404


async def test_the_service_says_of_each_tenant_how_it_is_opened(tenant: Tenant) -> None:
    async def schemes(url: str, token: str) -> list[tuple[str, bool]]:
        headers = {"Authorization": f"Bearer {token}"}
        response = await tenant.world.http.get(f"{url}/ServiceProviderConfig", headers=headers)
        listed = response.json()["authenticationSchemes"]
        return [(each["type"], each["primary"]) for each in listed]

    of_both = [("oauth2", True), ("oauthbearertoken", False)]
    assert await schemes(tenant.url, tenant.token) == of_both
    acme = f"{tenant.world.url}/tenants/acme/scim/v2"
    token = tenant.world.azure.vault.secrets["scim-token--acme"][-1].value
    assert await schemes(acme, token) == [("oauthbearertoken", True)]


async def test_a_tenant_whose_tokens_are_switched_off_is_opened_by_its_clients_alone(
    world: World,
) -> None:
    tenant = tenant_of(world, WITHOUT_TOKEN)
    token = (await tenant.ask()).json()["access_token"]
    response = await tenant.get("/ServiceProviderConfig", token)
    listed = response.json()["authenticationSchemes"]
    assert [(each["type"], each["primary"]) for each in listed] == [("oauth2", True)]
    assert (await tenant.get("/Users", tenant.token)).status_code == 401
