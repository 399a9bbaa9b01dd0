"""Keys of issuers are fetched when an instance starts, before anybody asks for anything."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from tests.spec.oauth.conftest import trusted_by_the_app
from tests.support.fakes.issuer import FakeIssuer
from tests.support.fakes.key_vault import serving
from tests.support.oauth import SIGNING_KEY, private_key
from tests.support.production import PUBLIC, azure_in, deployed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.production import Azure, Deployed

pytestmark = pytest.mark.server

TENANT = "/tenants/acme/scim/v2"


@asynccontextmanager
async def started(
    folder: Path, *, is_federated: bool
) -> AsyncIterator[tuple[Deployed, Azure, FakeIssuer]]:
    """An instance that no request has come to, and the issuer that its tenant trusts."""
    issuer = FakeIssuer()
    async with (
        azure_in(folder) as azure,
        serving(issuer.serve, trusted_by_the_app(folder)) as issuer.url,
    ):
        azure.vault.put("scim-token--acme", "the-token-of-the-tenant")
        azure.vault.put(SIGNING_KEY, private_key())
        if is_federated:
            trust = issuer.trust()
            azure.vault.put("scim-client--acme--wif", trust, content_type="SCIM client trust")
        settings = {**azure.settings, "SCIM_BASE_URL": PUBLIC, "SCIM_JWKS_HOSTS": issuer.host}
        async with deployed(settings) as app:
            yield app, azure, issuer


async def test_the_first_token_of_an_issuer_needs_no_fetch(tmp_path: Path) -> None:
    async with started(tmp_path, is_federated=True) as (app, _, issuer):
        async with asyncio.timeout(30):
            await issuer.is_asked.wait()
        form = {
            "grant_type": "client_credentials",
            "client_id": "wif",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": issuer.token(time.time()),
        }
        response = await app.client.post(f"{TENANT}/oauth2/token", data=form)
        assert response.status_code == 200, response.text
        assert len(issuer.requests) == 1


async def test_without_a_trust_the_list_of_secrets_is_read_once_and_nothing_else(
    tmp_path: Path,
) -> None:
    """By whoever comes first: the start of the instance, or a request."""
    async with started(tmp_path, is_federated=False) as (app, azure, issuer):
        async with asyncio.timeout(30):
            await azure.vault.is_called.wait()
        headers = {"Authorization": "Bearer the-token-of-the-tenant"}
        response = await app.client.get(f"{TENANT}/Users", headers=headers)
        assert response.status_code == 200, response.text
        listings = [path for path in azure.vault.calls if path.strip("/") == "secrets"]
        assert len(listings) == 1 + 2 // azure.vault.page
        assert issuer.requests == []
