"""The service with the settings of production, beside a vault that it may write to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.fixtures.api_client import hold_to_the_rules
from tests.support.production import Azure, Deployed, azure_in, bearer, deployed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

MANAGER, SOME, READER = (f"scimkey_{name}_{name[0] * 43}" for name in ("manager", "some", "reader"))
"""API keys: of all tenants; of `acme` and `initech`; without the scope `tenants.manage`."""


@dataclass(frozen=True, slots=True)
class Managed:
    """The service as the product manages its tenants.

    Attributes:
        app: The service.
        azure: What stands around it.
        key: The API key that is sent.
        place: Which part of the API its requests are sent to.
    """

    app: Deployed
    azure: Azure
    key: str = MANAGER
    numbers: list[int] = field(default_factory=lambda: [0])
    place: str = "/api/v1/tenants"

    async def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """Send a request to a path below the place."""
        response = await self.app.client.request(
            method,
            f"{self.place}{path}",
            json=body,
            headers=bearer(self.key if key is None else key) | (headers or {}),
        )
        if response.status_code < 500:
            hold_to_the_rules(response)
        assert response.headers["cache-control"] == "no-store"
        return response

    async def new_tenant(self) -> tuple[str, dict[str, Any]]:
        """Create a tenant that no other test has; return its name and its first token."""
        self.numbers[0] += 1
        name = f"t{self.numbers[0]}"
        response = await self("POST", "", {"name": name})
        assert response.status_code == 201, response.text
        token: dict[str, Any] = response.json()["token"]
        return name, token

    async def opens(self, tenant: str, token: str) -> bool:
        """Tell whether a token opens a tenant for its identity provider."""
        url = f"/tenants/{tenant}/scim/v2/Users?count=1"
        status = (await self.app.client.get(url, headers=bearer(token))).status_code
        assert status in {200, 401}
        return status == 200


@pytest.fixture(scope="session")
async def deployed_once(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[Deployed, Azure]]:
    """The service and what stands around it, which the tests of a worker share."""
    async with azure_in(tmp_path_factory.mktemp("azure")) as azure:
        every = {"scopes": "tenants.manage identities.read events.read"}
        azure.vault.put("scim-apikey--manager", MANAGER, tags=every)
        azure.vault.put("scim-apikey--some", SOME, tags={**every, "tenants": "acme,initech"})
        azure.vault.put("scim-apikey--reader", READER, tags={"scopes": "identities.read"})
        queues = {"AzureWebJobsStorage__queueServiceUri": "https://account.queue.core.windows.net"}
        on = {"SCIM_PORTAL": "on", "SCIM_WEBHOOKS": "on", **queues}
        more = {"SCIM_REQUESTS_PER_SECOND": "10000", **on}
        async with deployed({**azure.settings, **more}) as app:
            yield app, azure


@pytest.fixture(scope="session")
def numbers() -> list[int]:
    """How many tenants the tests have created."""
    return [0]


@pytest.fixture
def manage(deployed_once: tuple[Deployed, Azure], numbers: list[int]) -> Managed:
    """Sends requests as the holder of an API key that manages tenants."""
    return Managed(*deployed_once, numbers=numbers)
