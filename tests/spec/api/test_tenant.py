"""The settings of a tenant: read, changed by a merge patch, or refused with nothing changed."""

from typing import Any

import pytest

from tests.support.fixtures.api_client import KEYS, Api
from tests.support.fixtures.scim_client import Scim
from tests.support.fixtures.service import RunningService

DEFAULTS = {
    "requestsPerSecond": 10_000,
    "unknownMembers": "skip",
    "profile": "tolerant",
    "groupNames": "unique",
    "set": [],
    "warnings": [],
}
"""The service that tests run has no rate limit to speak of."""


@pytest.fixture
def api(running_service: RunningService, scim: Scim) -> Api:
    service = running_service.api_of(scim)
    return Api(service.http, service.base_url, service.tenant, KEYS["events"])


def entry(role: str, priority: Any = 1, **group: Any) -> dict[str, Any]:
    return {"group": group, "role": role, "priority": priority}


ADMINS = entry("admin", displayName="Admins")


def overview(api: Api) -> dict[str, Any]:
    path = "/scim/v2" if api.tenant == "default" else f"/tenants/{api.tenant}/scim/v2"
    return {"name": api.tenant, "tenantUrl": f"{api.base_url}{path}", "state": "open"}


async def settings_of(api: Api) -> dict[str, Any]:
    response = await api.request("GET", "")
    assert response.status_code == 200
    settings: dict[str, Any] = response.json()
    return settings


async def test_of_a_new_tenant_nothing_is_set(api: Api) -> None:
    response = await api.request("GET", "")
    assert response.json() == overview(api) | DEFAULTS
    assert response.headers["etag"] == 'W/"0"'
    assert response.headers["cache-control"] == "no-store"


async def test_a_patch_sets_what_it_names_and_null_unsets_it(api: Api) -> None:
    first = await api.patched({"requestsPerSecond": 100, "unknownMembers": "reject"})
    assert first["set"] == ["requestsPerSecond", "unknownMembers"]
    second = await api.patched({"requestsPerSecond": None})
    assert (second["requestsPerSecond"], second["set"]) == (10_000, ["unknownMembers"])
    third = await api.patched({"unknownMembers": None, "roleMap": None})
    assert third.pop("modified")
    assert third == overview(api) | DEFAULTS


async def test_a_role_map_is_replaced_whole(api: Api) -> None:
    await api.patched({"roleMap": [ADMINS, entry("user", 2, externalId="g-1")]})
    told = await api.patched({"roleMap": [ADMINS]})
    assert told["roleMap"] == [ADMINS]
    assert (await settings_of(api))["roleMap"] == [ADMINS]
    assert (await api.patched({"roleMap": []}))["set"] == ["roleMap"]


async def test_entries_that_name_no_group_yet_are_taken_and_told(scim: Scim, api: Api) -> None:
    await scim.create_group("Admins")
    for name in ("One", "Two"):
        await scim.create_group(name, externalId="shared")
    entries = [
        entry("admin", displayName="ADMINS"),
        entry("owner", displayName="Owners"),
        entry("user", externalId="shared"),
        entry("guest", externalId="SHARED"),
    ]
    told = await api.patched({"roleMap": entries})
    assert told["warnings"] == [
        {"entry": 1, "reason": "noGroup"},
        {"entry": 2, "reason": "severalGroups"},
        {"entry": 3, "reason": "noGroup"},
    ]
    await scim.create_group("Owners")
    assert [each["entry"] for each in (await settings_of(api))["warnings"]] == [2, 3]


# Versions


async def test_a_version_grows_with_every_change_and_with_no_other_patch(api: Api) -> None:
    for patch, version in (
        ({"unknownMembers": "reject"}, 1),
        ({"unknownMembers": "reject"}, 1),
        ({}, 1),
        ({"unknownMembers": None}, 2),
    ):
        assert (await api.patch(patch)).headers["etag"] == f'W/"{version}"'


async def test_if_match_keeps_a_change_by_others(api: Api) -> None:
    await api.patched({"unknownMembers": "reject"})
    stale = await api.patch({"unknownMembers": "skip"}, If_Match='W/"0"')
    assert (stale.status_code, stale.json()["type"]) == (412, "/problems/precondition-failed")
    assert (await settings_of(api))["unknownMembers"] == "reject"
    fresh = await api.patch({"unknownMembers": "skip"}, If_Match='W/"1"')
    assert (fresh.status_code, fresh.headers["etag"]) == (200, 'W/"2"')


# What is not understood is refused, and changes nothing


@pytest.mark.parametrize(
    ("patch", "place"),
    [
        ({"profiles": "interop"}, "profiles"),
        ({"deletedDays": None}, "deletedDays"),
        ({"deletedDays": 30}, "deletedDays"),
        ({"rolemap": []}, "rolemap"),
        ({"tenant": "acme"}, "tenant"),
        ({"requestsPerSecond": 24}, "requestsPerSecond"),
        ({"requestsPerSecond": 10_001}, "requestsPerSecond"),
        ({"requestsPerSecond": "50"}, "requestsPerSecond"),
        ({"requestsPerSecond": 50.0}, "requestsPerSecond"),
        ({"requestsPerSecond": True}, "requestsPerSecond"),
        ({"unknownMembers": "Skip"}, "unknownMembers"),
        ({"unknownMembers": ["skip"]}, "unknownMembers"),
        ({"roleMap": {}}, "roleMap"),
        ({"roleMap": "admin"}, "roleMap"),
        ({"roleMap": [None]}, "roleMap[0]"),
        ({"roleMap": [ADMINS, "admin"]}, "roleMap[1]"),
        ({"roleMap": [{"role": "a", "priority": 1}]}, "roleMap[0].group"),
        ({"roleMap": [{"group": {"externalId": "x"}, "role": "a"}]}, "roleMap[0].priority"),
        ({"roleMap": [{"group": {"externalId": "x"}, "priority": 1}]}, "roleMap[0].role"),
        ({"roleMap": [ADMINS | {"rank": 1}]}, "roleMap[0].rank"),
        ({"roleMap": [entry("a")]}, "roleMap[0].group"),
        ({"roleMap": [entry("a", externalId="x", displayName="y")]}, "roleMap[0].group"),
        ({"roleMap": [entry("a", id="0" * 32)]}, "roleMap[0].group"),
        ({"roleMap": [entry("a", externalId="x", displayName=None)]}, "roleMap[0].group"),
        ({"roleMap": [entry("a", externalId=None)]}, "roleMap[0].group"),
        ({"roleMap": [entry("a", externalId="")]}, "roleMap[0].group.externalId"),
        ({"roleMap": [entry("a", displayName=" ")]}, "roleMap[0].group.displayName"),
        ({"roleMap": [entry("a", displayName=7)]}, "roleMap[0].group.displayName"),
        ({"roleMap": [entry("", displayName="x")]}, "roleMap[0].role"),
        ({"roleMap": [entry(" a", displayName="x")]}, "roleMap[0].role"),
        ({"roleMap": [entry("a\nb", displayName="x")]}, "roleMap[0].role"),
        ({"roleMap": [entry("a" * 65, displayName="x")]}, "roleMap[0].role"),
        ({"roleMap": [entry("a", 1.5, displayName="x")]}, "roleMap[0].priority"),
        ({"roleMap": [entry("a", "1", displayName="x")]}, "roleMap[0].priority"),
        ({"roleMap": [entry("a", True, displayName="x")]}, "roleMap[0].priority"),
        ({"roleMap": [entry("a", -1, displayName="x")]}, "roleMap[0].priority"),
        ({"roleMap": [entry("a", None, displayName="x")]}, "roleMap[0].priority"),
        ({"roleMap": [ADMINS, ADMINS]}, "roleMap"),
        ({"roleMap": [ADMINS, entry("admin", displayName="admins")]}, "roleMap"),
        ({"roleMap": [ADMINS, entry("admin", 2, externalId="g-1")]}, "roleMap"),
        (
            {"roleMap": [entry("a", displayName=f"g{number}") for number in range(10_000)]},
            "roleMap",
        ),
        ({"requestsPerSecond": 100, "unknownMembers": "x"}, "unknownMembers"),
    ],
)
async def test_what_is_no_setting_is_refused(api: Api, patch: Any, place: str) -> None:
    before = await api.patched(
        {"requestsPerSecond": 77, "roleMap": [entry("held", externalId="h")]}
    )
    response = await api.patch(patch)
    assert response.status_code == 400, response.text
    problem = response.json()
    assert problem["type"] == "/problems/invalid-value"
    assert place in problem["detail"]
    assert await settings_of(api) == before


@pytest.mark.parametrize("body", [[], "roleMap", 7, [{"roleMap": []}]])
async def test_a_patch_is_an_object(api: Api, body: Any) -> None:
    response = await api.patch(body)
    assert (response.status_code, response.json()["type"]) == (400, "/problems/invalid-syntax")


async def test_a_refusal_says_how_many_entries_are_allowed(api: Api) -> None:
    entries = [entry("a", displayName=f"g{number}") for number in range(10_000)]
    detail = (await api.patch({"roleMap": entries})).json()["detail"]
    assert detail == "roleMap: has 10,000 entries; send at most 1,000."


async def test_a_thousand_entries_are_a_role_map(api: Api) -> None:
    entries = [entry("a", displayName=f"g{number}") for number in range(1_000)]
    assert len((await api.patched({"roleMap": entries}))["warnings"]) == 1_000


async def test_settings_that_fit_into_no_row_are_refused(api: Api) -> None:
    entries = [entry("a", displayName=f"{number:0>1000}") for number in range(800)]
    response = await api.patch({"roleMap": entries})
    assert (response.status_code, response.json()["type"]) == (413, "/problems/payload-too-large")
    assert (await settings_of(api))["set"] == []


# Who may


@pytest.mark.parametrize("method", ["GET", "PATCH"])
async def test_a_key_needs_the_scope(api: Api, method: str) -> None:
    for name in ("reader", "idle"):
        other = Api(api.http, api.base_url, api.tenant, KEYS[name])
        response = await other.request(method, "", body={"requestsPerSecond": 100})
        assert response.status_code == 403
        assert 'scope="tenants.manage"' in response.headers["www-authenticate"]
    assert (await settings_of(api))["set"] == []


async def test_a_customers_token_opens_nothing(scim: Scim, api: Api) -> None:
    headers = {"Authorization": f"Bearer {scim.token}"}
    for method in ("GET", "PATCH"):
        response = await api.request(method, "", headers, body={"requestsPerSecond": 100})
        assert response.status_code == 401


async def test_a_tenant_that_does_not_exist_has_no_settings(api: Api) -> None:
    other = Api(api.http, api.base_url, "nobody", KEYS["events"])
    for response in (await other.request("GET", ""), await other.patch({})):
        assert response.status_code == 404


async def test_one_tenant_does_not_see_the_settings_of_another(
    running_service: RunningService, api: Api
) -> None:
    await api.patched({"unknownMembers": "reject"})
    other = running_service.api_of(next(running_service.tenants))
    manager = Api(other.http, other.base_url, other.tenant, KEYS["events"])
    assert (await settings_of(manager))["set"] == []


# What they do


async def test_unknown_members_are_refused_where_the_tenant_says_so(scim: Scim, api: Api) -> None:
    group = {"displayName": "Sales", "members": [{"value": "0" * 32}]}
    user = await scim.create_user()
    await api.patched({"unknownMembers": "reject"})
    group["members"] = [{"value": "0" * 32}, {"value": user["id"]}]
    assert (await scim.post("/Groups", group)).status_code == 400
    await api.patched({"unknownMembers": None})
    assert (await scim.post("/Groups", group)).status_code == 201


async def test_a_tenant_is_served_as_much_as_its_settings_say(scim: Scim, api: Api) -> None:
    """Each operation of a bulk request counts, those too that come after a failure."""
    operation = {"method": "DELETE", "path": f"/Users/{'0' * 32}"}
    schema = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
    bulk = {"schemas": [schema], "failOnErrors": 1, "Operations": 1_000 * [operation]}
    assert (await scim.post("/Bulk", bulk)).status_code == 200
    assert (await scim.get("/Users?count=0")).status_code == 200
    await api.patched({"requestsPerSecond": 25})
    await scim.post("/Bulk", bulk)
    response = await scim.get("/Users?count=0")
    assert response.status_code == 429
    assert response.headers["ratelimit-policy"] == '"tenant";q=50;w=2'


# The history


async def test_the_feed_does_not_tell_of_settings(scim: Scim, api: Api) -> None:
    await api.patched({"unknownMembers": "reject"})
    await scim.create_user()
    response = await api.request("GET", "/events")
    assert [event["type"] for event in response.json()["events"]] == ["user.created"]


async def test_what_a_request_costs(running_service: RunningService, scim: Scim, api: Api) -> None:
    await scim.create_group("Admins")
    entries = [ADMINS, entry("user", 2, externalId="g-1")]

    async def calls(response: Any) -> int:
        number: int = (await running_service.log_line(response))["calls"]
        return number

    assert await calls(await api.request("GET", "")) == 1
    # The row, the transaction, two names of groups, and whether there are groups in groups.
    assert await calls(await api.patch({"roleMap": entries})) == 2 + 2 + 1
    assert await calls(await api.patch({"roleMap": entries[1:]})) == 2 + 1
    assert await calls(await api.request("GET", "")) == 1 + 1
