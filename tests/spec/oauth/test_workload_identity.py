"""Entra's workload identity federation, and its own tokens, over TLS to a loopback issuer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.spec.oauth.test_token_endpoint import ASSERTION_TYPE, error_of

if TYPE_CHECKING:
    from tests.spec.oauth.conftest import Tenant

pytestmark = pytest.mark.server


async def test_entra_exchanges_its_token_and_provisions(tenant: Tenant) -> None:
    """As Microsoft describes it: the client id of ours, the assertion, the scope."""
    form = {
        "client_id": "wif",
        "client_secret": "",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": tenant.world.issuer.token(time.time()),
        "scope": "scim",
    }
    issued = await tenant.ask(**form)
    assert issued.status_code == 200, issued.text
    body = issued.json()
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 3_600, "scim")
    assert (await tenant.get("/Users", body["access_token"])).status_code == 200

    form["client_assertion"] = tenant.world.issuer.token(time.time(), sub="another")
    refused = await tenant.ask(**form)
    assert error_of(refused, 401) == "invalid_client"
    assert refused.json() == (await tenant.ask(client_id="none")).json()
    assert len(tenant.world.issuer.requests) == 1


async def test_entra_sends_its_own_token_where_the_secret_token_is_empty(tenant: Tenant) -> None:
    now = time.time()
    assert (await tenant.get("/Users", tenant.world.issuer.token(now))).status_code == 200
    for wrong in ({"sub": "another"}, {"aud": "api://another"}, {"exp": int(now) - 100}):
        refused = await tenant.get("/Users", tenant.world.issuer.token(now, **wrong))
        assert refused.status_code == 401
        assert refused.json() == (await tenant.get("/Users", "x" * 43)).json()


async def test_a_secret_token_and_the_secret_of_another_client_go_on_beside_it(
    tenant: Tenant,
) -> None:
    assert (await tenant.get("/Users", tenant.token)).status_code == 200
    assert (await tenant.ask()).status_code == 200
