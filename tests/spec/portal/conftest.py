"""Visitors of the portal of a tenant that nobody else uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from tests.support.fixtures.portal_visitor import Visitor

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
