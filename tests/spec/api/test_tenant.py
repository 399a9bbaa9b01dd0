"""The settings of a tenant: read, changed, refused; and the roles that come of its role map."""

from typing import Any

import pytest

from tests.support.fixtures.api_client import KEYS, Api
from tests.support.fixtures.scim_client import Scim
from tests.support.fixtures.service import RunningService

DEFAULTS = {"requestsPerSecond": 50, "unknownMembers": "skip", "set": [], "warnings": []}


@pytest.fixture
def api(running_service: RunningService, scim: Scim) -> Api:
    return running_service.api_of(scim)


@pytest.fixture
def manager(api: Api) -> Api:
    return Api(api.http, api.base_url, api.tenant, KEYS["events"])


def entry(role: str, priority: int = 1, **group: str) -> dict[str, Any]:
    return {"group": group, "role": role, "priority": priority}


async def test_of_a_new_tenant_nothing_is_set(manager: Api) -> None:
    response = await manager.request("GET", "")
    assert response.json() == {"tenant": manager.tenant} | DEFAULTS
    assert response.headers["etag"] == 'W/"0"'
    assert response.headers["cache-control"] == "no-store"


async def test_a_patch_sets_and_null_unsets(manager: Api) -> None:
    first = await manager.patched({"requestsPerSecond": 100, "unknownMembers": "reject"})
    assert first["set"] == ["requestsPerSecond", "unknownMembers"]
    second = await manager.patched({"requestsPerSecond": None})
    assert (second["requestsPerSecond"], second["set"]) == (50, ["unknownMembers"])
    third = await manager.patched({"unknownMembers": None, "roleMap": None})
    assert {**third, "modified": ""} == {"tenant": manager.tenant, "modified": ""} | DEFAULTS
