"""Visitors of the portal of a tenant that nobody else uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from tests.support.fixtures.api_client import KEYS
from tests.support.fixtures.office import Office, open_office
from tests.support.fixtures.portal_visitor import Visitor
from tests.support.fixtures.staff import SIGN_IN, Staff, staff_at
from tests.support.production import Azure, Deployed, azure_in, deployed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.fixtures.scim_client import Scim
    from tests.support.fixtures.service import RunningService


@pytest.fixture
async def visitor(running_service: RunningService, scim: Scim) -> AsyncIterator[Visitor]:
    """A visitor who has opened nothing yet."""
    tenant = scim.tenant_url.split("/")[4]
    async with httpx.AsyncClient(
        base_url=running_service.base_url, timeout=60, trust_env=False
    ) as http:
        yield Visitor(http, tenant)


@pytest.fixture(scope="session")
async def office() -> AsyncIterator[Office]:
    """A local service, and the vendor's staff who look after it."""
    async with open_office() as opened:
        yield opened


@pytest.fixture(scope="session")
async def staffed_azure(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Azure]:
    """What stands around a service whose staff sign in."""
    async with azure_in(tmp_path_factory.mktemp("azure")) as around:
        around.vault.put("scim-apikey--events", KEYS["events"], tags={"scopes": "tenants.manage"})
        yield around


@pytest.fixture(scope="session")
async def staffed_app(staffed_azure: Azure) -> AsyncIterator[Deployed]:
    """The service whose staff sign in by the platform, and whose product has a host."""
    hosts = {"SCIM_PORTAL_RETURN_HOSTS": "app.example.com"}
    async with deployed({**staffed_azure.settings, **SIGN_IN, **hosts}) as running:
        yield running


@pytest.fixture
async def staff(staffed_app: Deployed) -> AsyncIterator[Staff]:
    """A member of staff who has signed in."""
    async with staff_at(staffed_app) as member:
        yield member
