"""An API key reads the SCIM endpoints of its tenants, and writes nothing."""

from dataclasses import replace

import pytest

from tests.support.fixtures.api_client import KEYS
from tests.support.fixtures.scim_client import Scim, listed, refused, shown
from tests.support.fixtures.service import RunningService

SEARCH = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "count": 10}


@pytest.fixture
def reader(scim: Scim) -> Scim:
    """The same tenant, with an API key that may read identities."""
    return replace(scim, token=KEYS["reader"])


async def test_a_key_reads_what_the_token_reads(scim: Scim, reader: Scim) -> None:
    user = await scim.create_user()
    group = await scim.create_group("Sales", user["id"])
    for path in (
        f"/Users/{user['id']}",
        f"/Groups/{group['id']}",
        "/Users",
        "/Groups",
        "",
    ):
        assert shown(await reader.get(path)) == shown(await scim.get(path))
    assert (await reader.request("HEAD", f"/Users/{user['id']}")).status_code == 200
    assert await reader.found("/Users", 'userName eq "ana@contoso.test"') == [user["id"]]


@pytest.mark.parametrize("path", ["/Users/.search", "/.search"])
async def test_a_search_is_a_read(scim: Scim, reader: Scim, path: str) -> None:
    user = await scim.create_user()
    page = listed(await reader.post(path, SEARCH))
    assert [resource["id"] for resource in page["Resources"]] == [user["id"]]


async def test_a_key_walks_by_cursor(scim: Scim, reader: Scim) -> None:
    for number in range(5):
        await scim.create_user(f"{number}@contoso.test")
    page = listed(await reader.get("/Users?count=3&cursor"))
    rest = listed(await reader.get(f"/Users?count=3&cursor={page['nextCursor']}"))
    assert len({each["id"] for each in page["Resources"] + rest["Resources"]}) == 5
    # It was given to the holder of the key, and opens nothing to others.
    refused(await scim.get(f"/Users?count=3&cursor={page['nextCursor']}"), 400, "invalidCursor")


async def test_a_key_writes_nothing(scim: Scim, reader: Scim) -> None:
    user = await scim.create_user()
    bulk = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": []}
    body = {"userName": "bo@contoso.test"}
    async with scim.unchanged():
        for method, path, sent in (
            ("POST", "/Users", body),
            ("PUT", f"/Users/{user['id']}", body),
            ("PATCH", f"/Users/{user['id']}", {}),
            ("DELETE", f"/Users/{user['id']}", None),
            ("DELETE", "/Users/.search", None),
            ("POST", "/Groups", {"displayName": "Sales"}),
            ("POST", "/Bulk", bulk),
            ("POST", "/Me", body),
        ):
            detail = refused(await reader.request(method, path, sent), 403)
            assert "API key" in detail


async def test_a_key_of_other_tenants_reads_nothing(running_service: RunningService) -> None:
    for number, status in ((1498, 200), (1499, 403)):
        url = f"{running_service.base_url}/tenants/t{number}/scim/v2"
        client = Scim(running_service.default.http, url, KEYS["even"])
        assert (await client.get("/Users")).status_code == status
    unknown = Scim(
        running_service.default.http,
        f"{running_service.base_url}/tenants/nobody/scim/v2",
        KEYS["even"],
    )
    assert refused(await unknown.get("/Users"), 403) == refused(await client.get("/Users"), 403)


@pytest.mark.parametrize("name", ["events", "idle"])
async def test_a_key_without_the_scope_reads_nothing(scim: Scim, name: str) -> None:
    client = replace(scim, token=KEYS[name])
    refused(await client.get("/Users"), 403)


async def test_a_wrong_key_is_answered_as_an_unknown_one(scim: Scim) -> None:
    for token in (f"{KEYS['reader']}x", f"scimkey_nobody_{'n' * 43}", "scimkey_"):
        client = replace(scim, token=token.ljust(16, "x"))
        assert "API key" in refused(await client.get("/Users"), 401)


async def test_readiness_is_told_to_the_token_alone(running_service: RunningService) -> None:
    http, base_url = running_service.default.http, running_service.base_url
    headers = {"Authorization": f"Bearer {KEYS['reader']}"}
    assert (await http.get(f"{base_url}/readyz", headers=headers)).status_code == 401
