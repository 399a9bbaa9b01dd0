"""The client library against the running service, for one tenant that a test has to itself."""

from collections.abc import AsyncIterator, Iterator

import pytest

from scim_on_functions import AsyncClient, AsyncTenant, Client, Tenant
from tests.support.fixtures.api_client import KEYS
from tests.support.fixtures.scim_client import Scim
from tests.support.fixtures.service import RunningService

API_KEY = KEYS["product"]


@pytest.fixture
async def tenant(running_service: RunningService, scim: Scim) -> AsyncIterator[AsyncTenant]:
    """The tenant of `scim`, as a product on an event loop sees it."""
    async with AsyncClient(running_service.base_url, API_KEY) as client:
        yield client.tenant(scim.tenant_url.split("/")[4])


@pytest.fixture
def waiting_tenant(running_service: RunningService, scim: Scim) -> Iterator[Tenant]:
    """The same, as a product sees it that waits. Use it in a thread: `asyncio.to_thread`."""
    with Client(running_service.base_url, API_KEY) as client:
        yield client.tenant(scim.tenant_url.split("/")[4])
