"""The provisioning log over HTTP: what an identity provider does is there soon after its answer."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.support.fixtures.api_client import KEYS, Api
from tests.support.fixtures.scim_client import GROUP, PATCH_OP, USER, Scim
from tests.support.fixtures.service import RunningService

Entry = dict[str, Any]


@pytest.fixture
def api(running_service: RunningService, scim: Scim) -> Api:
    return running_service.api_of(scim)


async def page(api: Api, query: str = "") -> dict[str, Any]:
    response = await api.request("GET", f"/provisioning-log{query}")
    assert response.status_code == 200, response.text
    assert response.headers["cache-control"] == "no-store"
    content: dict[str, Any] = response.json()
    return content


async def refused(api: Api, number: int = 1) -> list[Entry]:
    """The refusals, the newest first, once there are so many: they are written after the answer."""
    async with asyncio.timeout(20):
        while len(found := (await page(api, "?kinds=refused"))["entries"]) < number:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)
    return list(found)


async def test_a_refusal_is_there_with_whom_it_named_and_without_the_values(
    scim: Scim, api: Api
) -> None:
    body = {
        "schemas": [USER],
        "userName": "ana@contoso.test",
        "externalId": "7",
        "active": "perhaps",
    }
    answer = await scim.post("/Users", body, headers={"client-request-id": "entra-0001"})
    assert answer.status_code == 400
    [entry] = await refused(api)
    assert entry["names"] == {"userName": "ana@contoso.test", "externalId": "7"}
    assert entry["request"] == answer.headers["request-id"]
    assert (entry["clientRequest"], entry["method"]) == ("entra-0001", "POST")
    assert (entry["status"], entry["scimType"]) == (400, answer.json()["scimType"])
    assert entry["detail"] == answer.json()["detail"]
    assert (entry["resourceType"], entry["token"]) == ("User", "development")
    assert "active: string of 7" in entry["shape"]


async def test_an_operation_of_a_bulk_request_is_an_entry_with_its_position(
    scim: Scim, api: Api
) -> None:
    operations = [
        {"method": "POST", "path": "/Users", "bulkId": name, "data": {"userName": name, **more}}
        for name, more in (("a", {}), ("b", {"active": "perhaps"}))
    ]
    body = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": operations,
    }
    assert (await scim.post("/Bulk", body)).status_code == 200
    [entry] = await refused(api)
    assert (entry["position"], entry["names"]) == (1, {"userName": "b"})


async def test_members_that_were_passed_over_are_there(scim: Scim, api: Api) -> None:
    stranger = "f" * 32
    sales = await scim.create_group("Sales", stranger)
    async with asyncio.timeout(20):
        while not (found := (await page(api, "?kinds=skippedMembers"))["entries"]):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)
    [entry] = found
    assert (entry["resourceId"], entry["members"]) == (sales["id"], [stranger])


async def test_members_that_cannot_be_ids_are_there_too_each_cut(scim: Scim, api: Api) -> None:
    sales = await scim.create_group("Sales", "bo", "x" * 500)
    async with asyncio.timeout(20):
        while not (found := (await page(api, "?kinds=skippedMembers"))["entries"]):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)
    [entry] = found
    assert (entry["resourceId"], entry["members"]) == (sales["id"], ["bo", "x" * 128])
    assert (await explained(api, "bo"))["verdict"] == "skippedMember"


async def test_it_is_read_by_name_and_page_by_page(scim: Scim, api: Api) -> None:
    for name in ("ana", "bo", "ana", "cy"):
        await scim.post("/Users", {"schemas": [USER], "userName": name, "active": "perhaps"})
    every = await refused(api, 4)
    assert [each["names"]["userName"] for each in every] == ["cy", "ana", "bo", "ana"]
    only = await page(api, "?user=ANA&kinds=refused")
    assert [each["id"] for each in only["entries"]] == [every[1]["id"], every[3]["id"]]
    assert "cursor" not in only
    walked: list[str] = []
    query = "?limit=2&kinds=refused"
    while True:
        part = await page(api, query)
        walked += [each["id"] for each in part["entries"]]
        if "cursor" not in part:
            break
        query = f"?limit=2&kinds=refused&after={part['cursor']}"
    assert walked == [each["id"] for each in every]


async def test_a_group_is_found_by_its_name(scim: Scim, api: Api) -> None:
    await scim.post(
        "/Groups", {"schemas": [GROUP], "displayName": "Sales", "members": "all", "externalId": {}}
    )
    await refused(api)
    assert len((await page(api, "?user=sales"))["entries"]) == 1


async def test_a_wrong_token_leaves_nothing(
    scim: Scim, api: Api, new_scim: Callable[[], Scim]
) -> None:
    stranger = replace(scim, token="wrong")
    assert (await stranger.post("/Users", {"userName": "a-stranger"})).status_code == 401
    assert (await replace(scim, token=new_scim().token).get("/Users")).status_code == 401
    await scim.patch("/Users/" + "0" * 32, {"op": "add", "path": "title", "value": "x"})
    assert [each["status"] for each in await refused(api)] == [404]
    assert "a-stranger" not in str(await page(api))


async def test_a_tenant_reads_no_log_of_another(
    running_service: RunningService, scim: Scim, api: Api, new_scim: Callable[[], Scim]
) -> None:
    await scim.post("/Users", {"schemas": [USER], "userName": "ana", "active": "perhaps"})
    [entry] = await refused(api)
    other = running_service.api_of(new_scim())
    assert await page(other) == {"entries": []}
    assert await page(other, f"?after={entry['id']}") == {"entries": []}


@pytest.mark.parametrize(
    "query",
    [
        "?after=",
        "?after=x",
        "?after=l-0",
        "?limit=0",
        "?limit=1001",
        "?limit=all",
        "?user=",
        "?kinds=",
        "?kinds=refused,other",
        "?user=a&user=b",
    ],
)
async def test_what_is_not_understood_is_refused(api: Api, query: str) -> None:
    response = await api.request("GET", f"/provisioning-log{query}")
    assert response.status_code == 400
    assert response.json()["type"] == "/problems/invalid-value"


@pytest.mark.parametrize("path", ["/provisioning-log", "/explain?user=ana"])
async def test_it_takes_the_scope_and_no_other_method(api: Api, path: str) -> None:
    assert (await replace(api, key=KEYS["events"]).request("GET", path)).status_code == 403
    response = await api.request("POST", path)
    assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD")


# Why she is not there


async def explained(api: Api, user: str) -> dict[str, Any]:
    response = await api.request("GET", f"/explain?user={user}")
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def test_who_was_refused_is_explained_by_the_request_that_was(scim: Scim, api: Api) -> None:
    answer = await scim.post("/Users", {"schemas": [USER], "userName": "ana", "active": "perhaps"})
    await refused(api)
    told = await explained(api, "Ana")
    assert told["verdict"] == "refused"
    assert told["requests"] == [answer.headers["request-id"]]
    assert answer.json()["detail"] in told["ticket"]
    assert scim.token not in str(told)


async def test_who_was_disabled_deleted_and_never_there(scim: Scim, api: Api) -> None:
    ana = await scim.create_user("ana", active=True)
    assert (await explained(api, "ana"))["verdict"] == "present"
    off = {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "value": {"active": False}}]}
    disabling = await scim.request("PATCH", f"/Users/{ana['id']}", off)
    told = await explained(api, "ana")
    assert told["verdict"] == "disabled"
    assert told["requests"] == [disabling.headers["request-id"]]
    deleting = await scim.delete(f"/Users/{ana['id']}")
    told = await explained(api, "ana")
    assert (told["verdict"], told["requests"]) == ("deleted", [deleting.headers["request-id"]])
    assert (await explained(api, "bo"))["verdict"] == "outOfScope"


async def test_an_identity_provider_with_a_wrong_token_is_told(scim: Scim, api: Api) -> None:
    assert (await explained(api, "ana"))["verdict"] == "neverContacted"
    stranger = replace(scim, token="wrong")
    assert (await stranger.get("/Users")).status_code == 401
    told = await explained(api, "ana")
    assert told["verdict"] == "wrongToken"
    assert "has refused for a wrong token since it began: 1, the last" in told["ticket"]


@pytest.mark.parametrize("query", ["", "?user=", f"?user={'x' * 1_025}", "?user=a&user=b"])
async def test_who_is_missed_must_be_said(api: Api, query: str) -> None:
    response = await api.request("GET", f"/explain{query}")
    assert response.status_code == 400
