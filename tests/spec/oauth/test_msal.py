"""Microsoft's client library gets tokens by a client secret and by a workload identity, over TLS.

It looks for OpenID Connect alone and wants a page to sign in to, of which the service has neither.
So the document of RFC 8414 is handed to it in the form that it wants; all else is as it sends it.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import httpx
import msal
import pytest

if TYPE_CHECKING:
    from tests.spec.oauth.conftest import Tenant

pytestmark = pytest.mark.server

OPENID = "/.well-known/openid-configuration"


class Http:
    """What the library sends its requests by."""

    def __init__(self, tenant: Tenant) -> None:
        self._http = httpx.Client(verify=tenant.world.trust, trust_env=False, timeout=30)
        self.asked: list[dict[str, str]] = []

    def get(self, url: str, **_: Any) -> httpx.Response:
        found = self._http.get(url.replace(OPENID, "/.well-known/oauth-authorization-server"))
        if not url.endswith(OPENID):
            return found
        document = {**found.json(), "authorization_endpoint": "https://none.example.com"}
        return httpx.Response(found.status_code, json=document)

    def post(
        self, url: str, data: dict[str, str], headers: dict[str, str] | None = None, **_: Any
    ) -> httpx.Response:
        self.asked.append(data)
        return self._http.post(url, data=data, headers=headers)

    def close(self) -> None:
        self._http.close()


def acquired(tenant: Tenant, http: Http, client: str, credential: Any) -> dict[str, Any]:
    app = msal.ConfidentialClientApplication(
        client, client_credential=credential, oidc_authority=tenant.url, http_client=http
    )
    answer: dict[str, Any] = app.acquire_token_for_client(["scim"])
    return answer


@pytest.mark.parametrize("client", ["entra", "wif"])
async def test_microsofts_library_gets_a_token_that_opens_scim(tenant: Tenant, client: str) -> None:
    token = tenant.world.issuer.token(time.time())
    http = Http(tenant)
    try:
        credential: Any = (
            tenant.secret if client == "entra" else {"client_assertion": lambda: token}
        )
        answer = await asyncio.to_thread(acquired, tenant, http, client, credential)
    finally:
        http.close()
    assert answer["token_type"] == "Bearer", answer
    assert [each["grant_type"] for each in http.asked] == ["client_credentials"]
    assert http.asked[0]["scope"] == "scim"
    assert (await tenant.get("/Users", answer["access_token"])).status_code == 200
