"""The profile `interop` of a tenant: what the SCIM interoperability profile wants of a service.

draft-zollner-scim-interop-profile, of November 2026. What it asks and every tenant has is shown by
the tests that `tests/spec/conformance/profiles.py` names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.fixtures.api_client import KEYS, Api
from tests.support.fixtures.scim_client import (
    ENTERPRISE,
    GROUP,
    PATCH_OP,
    USER,
    Resource,
    Scim,
    created,
    own,
    refused,
    shown,
)

if TYPE_CHECKING:
    from tests.support.fixtures.service import RunningService

BULK, SEARCH = (f"urn:ietf:params:scim:api:messages:2.0:{n}Request" for n in ("Bulk", "Search"))
UNKNOWN = "urn:example:params:scim:schemas:other:2.0:User"


@pytest.fixture
def api(running_service: RunningService, scim: Scim) -> Api:
    service = running_service.api_of(scim)
    return Api(service.http, service.base_url, service.tenant, KEYS["events"])


@pytest.fixture
async def strict(scim: Scim, api: Api) -> Scim:
    """A tenant with the profile."""
    told = await api.patched({"profile": "interop"})
    assert told["profile"] == "interop"
    return scim


async def ana(scim: Scim, **attributes: Any) -> Resource:
    name = {"givenName": "Ana", "familyName": "Ruiz"}
    body = {"schemas": [USER], "userName": "ana", "name": name, **attributes}
    return created(await scim.post("/Users", body))


async def config_of(scim: Scim) -> Resource:
    return shown(await scim.get("/ServiceProviderConfig"))


# ---- the profile is declared, and only where it is kept


async def test_only_a_tenant_that_has_the_profile_declares_it(scim: Scim, api: Api) -> None:
    assert "interopProfileConformant" not in await config_of(scim)
    await api.patched({"profile": "interop"})
    assert (await config_of(scim))["interopProfileConformant"] is True
    await api.patched({"profile": "tolerant"})
    assert "interopProfileConformant" not in await config_of(scim)


async def test_a_profile_that_there_is_not_is_refused(api: Api) -> None:
    response = await api.patch({"profile": "strict"})
    assert response.status_code == 400
    assert "interop" in response.json()["detail"]


async def test_schemas_tell_of_every_attribute_that_is_read(strict: Scim) -> None:
    schema = shown(await strict.get(f"/Schemas/{USER}"))
    names = {each["name"] for each in schema["attributes"]}
    emails = next(each for each in schema["attributes"] if each["name"] == "emails")
    assert "password" not in names
    assert {"type", "value", "primary", "display"} <= {e["name"] for e in emails["subAttributes"]}
    types = next(each for each in emails["subAttributes"] if each["name"] == "type")
    assert "work" in types["canonicalValues"]


# ---- attributes and schemas that there are not


@pytest.mark.parametrize(
    "attributes",
    [
        {"shoeSize": 43},
        {"shoeSize": None},
        {"name": {"givenName": "Ana", "nickname": "An"}},
        {"emails": [{"value": "ana@example.com", "verified": True}]},
        {"emails": '[{"value": "ana@example.com", "verified": true}]'},
        {ENTERPRISE: {"shoeSize": 43}},
        {ENTERPRISE: {"manager": {"value": "0" * 32, "name": "Bo"}}},
        {UNKNOWN: {"a": 1}},
        {"schemas": [USER, UNKNOWN]},
        {"password": "correct horse"},
        {"emails": ["ana@example.com"]},
        {"emails": "ana@example.com"},
        {"name": "Ana Ruiz"},
        {ENTERPRISE: {"manager": "0" * 32}},
        {"schemas": []},
        {"schemas": None},
        {"schemas": [ENTERPRISE]},
    ],
)
async def test_what_no_schema_has_is_refused(strict: Scim, attributes: Resource) -> None:
    held = await ana(strict)
    body = {"schemas": [USER], "userName": "bo", **attributes}
    async with strict.unchanged():
        refused(await strict.post("/Users", body), 400, "invalidSyntax")
        refused(await strict.put(f"/Users/{held['id']}", body), 400, "invalidSyntax")


async def test_of_groups_and_their_members_likewise(strict: Scim) -> None:
    user = await ana(strict)
    group = await strict.create_group("Staff")
    members = [{"value": user["id"], "since": "2026"}]
    body = {"schemas": [GROUP], "displayName": "Others", "members": members}
    async with strict.unchanged():
        refused(await strict.post("/Groups", body), 400, "invalidSyntax")
        refused(
            await strict.patch(
                f"/Groups/{group['id']}", {"op": "add", "path": "members", "value": members}
            ),
            400,
            "invalidSyntax",
        )


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "add", "path": "shoeSize", "value": 43},
        {"op": "remove", "path": "shoeSize"},
        {"op": "replace", "path": "name", "value": {"nickname": "An"}},
        {"op": "replace", "path": "name.nickname", "value": "An"},
        {"op": "add", "path": "emails", "value": [{"value": "a@example.com", "verified": True}]},
        {"op": "add", "path": 'emails[type eq "work"].verified', "value": True},
        {"op": "add", "path": f"{UNKNOWN}:a", "value": 1},
        {"op": "add", "path": ENTERPRISE, "value": {"shoeSize": 43}},
        {"op": "add", "path": "password", "value": "correct horse"},
        {"op": "add", "path": "emails", "value": ["ana@example.com"]},
        {"op": "replace", "path": "name", "value": "Ana Ruiz"},
    ],
)
async def test_an_operation_on_what_no_schema_has_is_refused(
    strict: Scim, operation: Resource
) -> None:
    user = await ana(strict)
    async with strict.unchanged():
        refused(await strict.patch(f"/Users/{user['id']}", operation), 400, "invalidSyntax")


async def test_in_bulk_likewise(strict: Scim) -> None:
    operations = [
        {"method": "POST", "path": "/Users", "bulkId": str(size), "data": data}
        for size, data in enumerate(
            (
                {"schemas": [USER], "userName": "bo"},
                {"schemas": [USER], "userName": "cy", "shoeSize": 43},
            )
        )
    ]
    answer = shown(await strict.post("/Bulk", {"schemas": [BULK], "Operations": operations}))
    assert [each["status"] for each in answer["Operations"]] == ["201", "400"]


@pytest.mark.parametrize(
    "more",
    [{"foo": 1}, {"schemas": None}, {"schemas": [UNKNOWN]}, {"schemas": [BULK, UNKNOWN]}],
)
async def test_what_is_no_part_of_a_bulk_request_is_refused(strict: Scim, more: Resource) -> None:
    data = {"schemas": [USER], "userName": "bo"}
    operation = {"method": "POST", "path": "/Users", "bulkId": "a", "data": data}
    async with strict.unchanged():
        message = {"schemas": [BULK], "Operations": [operation], **more}
        refused(await strict.post("/Bulk", message), 400, "invalidSyntax")


async def test_what_is_no_part_of_a_bulk_operation_is_refused(strict: Scim) -> None:
    data = {"schemas": [USER], "userName": "bo"}
    operation = {"method": "POST", "path": "/Users", "bulkId": "a", "data": data, "status": "201"}
    async with strict.unchanged():
        message = {"schemas": [BULK], "Operations": [operation]}
        refused(await strict.post("/Bulk", message), 400, "invalidSyntax")


@pytest.mark.parametrize("more", [{"foo": 1}, {"schemas": None}, {"schemas": [SEARCH, UNKNOWN]}])
@pytest.mark.parametrize("path", ["/.search", "/Users/.search", "/Groups/.search"])
async def test_what_is_no_part_of_a_search_is_refused(
    strict: Scim, path: str, more: Resource
) -> None:
    message = {"schemas": [SEARCH], "count": 1}
    shown(await strict.post(path, message))
    refused(await strict.post(path, message | more), 400, "invalidSyntax")


async def test_what_the_service_alone_writes_is_passed_over(strict: Scim) -> None:
    user = await ana(strict, id="1", meta={"version": "x"}, groups=[{"value": "1"}])
    assert user["id"] != "1"


# ---- filters


@pytest.mark.parametrize(
    "condition",
    [
        'shoeSize eq "43"',
        'userName eq "ana" and shoeSize pr',
        "not (shoeSize pr)",
        "emails[verified eq true]",
        'members[value eq "1"]',
    ],
)
async def test_a_filter_on_what_no_schema_has_is_refused(strict: Scim, condition: str) -> None:
    await ana(strict)
    response = await strict.request("GET", f"/Users?filter={condition.replace(' ', '%20')}")
    refused(response, 400, "invalidFilter")


async def test_filters_on_what_there_is_find(strict: Scim) -> None:
    user = await ana(strict, emails=[{"value": "ana@example.com", "type": "work"}])
    condition = 'emails[type eq "work" and value eq "ana@example.com"]'
    assert await strict.found("/Users", condition) == [user["id"]]


# ---- PATCH


@pytest.mark.parametrize("value", [{"displayName": "Ana"}, {"name.givenName": "Ana"}, {}])
@pytest.mark.parametrize("op", ["add", "replace", "remove"])
async def test_an_operation_without_a_path_is_refused(strict: Scim, op: str, value: Any) -> None:
    user = await ana(strict)
    async with strict.unchanged():
        response = await strict.patch(f"/Users/{user['id']}", {"op": op, "value": value})
        detail = refused(response, 400, "invalidSyntax")
    assert "path" in detail


@pytest.mark.parametrize(
    "message",
    [
        {"Operations": [{"op": "add", "path": "title", "value": "x", "foo": 1}]},
        {"Operations": [{"op": "add", "path": "title", "value": "x"}], "foo": 1},
        {"Operations": [{"op": "add", "path": "title", "value": "x"}]},
        {"Operations": [{"op": "add", "path": "title", "value": "x"}], "schemas": [UNKNOWN]},
        {
            "Operations": [{"op": "add", "path": "title", "value": "x"}],
            "schemas": [PATCH_OP, UNKNOWN],
        },
    ],
)
@pytest.mark.parametrize("endpoint", ["/Users", "/Groups"])
async def test_what_is_no_part_of_the_message_is_refused(
    strict: Scim, endpoint: str, message: Resource
) -> None:
    held = await (ana(strict) if endpoint == "/Users" else strict.create_group("Staff"))
    async with strict.unchanged():
        response = await strict.request("PATCH", f"{endpoint}/{held['id']}", message)
        refused(response, 400, "invalidSyntax")


async def test_a_refused_operation_undoes_those_before_it(strict: Scim) -> None:
    user = await ana(strict)
    async with strict.unchanged():
        response = await strict.patch(
            f"/Users/{user['id']}",
            {"op": "replace", "path": "active", "value": False},
            {"op": "replace", "value": {"title": "Engineer"}},
        )
        refused(response, 400, "invalidSyntax")


async def test_a_replace_of_a_complex_value_leaves_none_of_its_parts(strict: Scim) -> None:
    user = await ana(strict)
    operation = {"op": "replace", "path": "name", "value": {"givenName": "Anna"}}
    patched = await strict.patched_user(user, operation)
    assert patched["name"] == {"givenName": "Anna"}


async def test_an_add_to_a_complex_value_leaves_its_other_parts(strict: Scim) -> None:
    user = await ana(strict)
    operation = {"op": "add", "path": "name", "value": {"givenName": "Anna"}}
    patched = await strict.patched_user(user, operation)
    assert patched["name"] == {"givenName": "Anna", "familyName": "Ruiz"}


async def test_what_the_profile_allows_is_done(strict: Scim) -> None:
    user = await ana(strict)
    patched = await strict.patched_user(
        user,
        {"op": "add", "path": "active", "value": False},
        {"op": "replace", "path": "name.familyName", "value": "Ruiz-Mora"},
        {"op": "add", "path": f"{ENTERPRISE}:department", "value": "Sales"},
        {"op": "replace", "path": "emails", "value": [{"value": "a@example.com", "type": "work"}]},
    )
    assert own(patched) | {"name": None} == {
        "userName": "ana",
        "active": False,
        "name": None,
        ENTERPRISE: {"department": "Sales"},
        "emails": [{"value": "a@example.com", "type": "work"}],
    }


# ---- without the profile all stays as it is


async def test_a_tenant_without_the_profile_passes_over_what_it_does_not_know(scim: Scim) -> None:
    user = await ana(scim, shoeSize=43, schemas=[USER, UNKNOWN])
    assert "shoeSize" not in user
    patched = await scim.patched_user(
        user, {"op": "replace", "value": {"name": {"givenName": "Anna"}, "shoeSize": 43}}
    )
    assert patched["name"] == {"givenName": "Anna", "familyName": "Ruiz"}
    assert shown(await scim.get("/Users?filter=shoeSize%20pr"))["totalResults"] == 0


async def test_it_takes_bodies_without_schemas_and_texts_for_objects(scim: Scim) -> None:
    user = created(await scim.post("/Users", {"userName": "bo", "emails": ["bo@example.com"]}))
    assert [each["value"] for each in user["emails"]] == ["bo@example.com"]
    found = shown(await scim.post("/Users/.search", {"count": 1, "foo": 1}))
    assert found["totalResults"] == 1
    operation = {"method": "DELETE", "path": f"/Users/{user['id']}", "status": "204"}
    answer = shown(await scim.post("/Bulk", {"Operations": [operation], "foo": 1}))
    assert [each["status"] for each in answer["Operations"]] == ["204"]
