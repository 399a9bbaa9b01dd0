"""Roles: what the role map of a tenant makes of the groups that a user is in."""

from typing import Any

import pytest

from tests.support.fixtures.api_client import KEYS, Api
from tests.support.fixtures.scim_client import PATCH_OP, USER, Scim, refused
from tests.support.fixtures.service import RunningService

ROLES = "urn:ietf:params:scim:schemas:extension:scim-on-functions:2.0:User"
BULK_REQUEST = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"


@pytest.fixture
def api(running_service: RunningService, scim: Scim) -> Api:
    return running_service.api_of(scim)


@pytest.fixture
def manager(api: Api) -> Api:
    return Api(api.http, api.base_url, api.tenant, KEYS["events"])


@pytest.fixture
def reader(scim: Scim) -> Scim:
    return Scim(scim.http, scim.tenant_url, KEYS["reader"])


def entry(role: str, priority: int, **group: str) -> dict[str, Any]:
    return {"group": group, "role": role, "priority": priority}


async def roles(api: Api, name: str = "ana@contoso.test") -> Any:
    return (await api.access(userName=name)).get("roles")


async def test_roles_are_sorted_by_priority_then_by_name_and_each_is_there_once(
    scim: Scim, api: Api, manager: Api
) -> None:
    ana = await scim.create_user()
    for name, external_id in (("Sales", "g-1"), ("Finance", "g-2"), ("Admins", "g-3")):
        await scim.create_group(name, ana["id"], externalId=external_id)
    await manager.patched(
        {
            "roleMap": [
                entry("viewer", 20, displayName="SALES"),
                entry("editor", 20, externalId="g-1"),
                entry("editor", 20, externalId="g-2"),
                entry("admin", 1, displayName="admins"),
                entry("owner", 0, displayName="Owners"),
                entry("auditor", 0, externalId="G-1"),
            ]
        }
    )
    assert await roles(api) == ["admin", "editor", "viewer"]


async def test_without_a_role_map_nothing_is_said_of_roles(
    scim: Scim, api: Api, manager: Api
) -> None:
    await scim.create_user()
    assert await roles(api) is None
    await manager.patched({"roleMap": [entry("admin", 1, displayName="Admins")]})
    assert await roles(api) == []


async def test_a_sign_in_right_after_a_large_role_map_was_set_is_answered_by_it(
    scim: Scim, api: Api, manager: Api
) -> None:
    ana = await scim.create_user()
    await scim.create_group("Admins", ana["id"])
    others = [entry("other", 2, displayName=f"Group {number}") for number in range(999)]
    for role in ("admin", "owner"):
        await manager.patched({"roleMap": [entry(role, 1, displayName="Admins"), *others]})
        assert await roles(api) == [role]


async def test_who_is_not_let_in_has_no_roles(scim: Scim, api: Api, manager: Api) -> None:
    ana = await scim.create_user()
    await scim.create_group("Admins", ana["id"])
    await manager.patched({"roleMap": [entry("admin", 1, displayName="Admins")]})
    await scim.patched_user(ana, {"op": "replace", "path": "active", "value": False})
    told = await api.access(userName="ana@contoso.test")
    assert (told["decision"], "roles" in told) == ("deny", False)


async def test_a_membership_gives_and_takes_a_role_at_once(
    scim: Scim, api: Api, manager: Api
) -> None:
    ana = await scim.create_user()
    group = await scim.create_group("Admins")
    await manager.patched({"roleMap": [entry("admin", 1, displayName="Admins")]})
    member = [{"value": ana["id"]}]
    for op, expected in (("add", ["admin"]), ("remove", [])):
        change = {"op": op, "path": "members", "value": member}
        await scim.patch(f"/Groups/{group['id']}", change)
        assert await roles(api) == expected


async def test_groups_in_groups_give_roles_and_circles_end(
    running_service: RunningService, scim: Scim, api: Api, manager: Api
) -> None:
    ana = await scim.create_user()
    bo = await scim.create_user("bo@contoso.test")
    inner = await scim.create_group("Inner", ana["id"])
    middle = await scim.create_group("Middle", inner["id"], bo["id"])
    outer = await scim.create_group("Outer", middle["id"])
    circle = {"op": "add", "path": "members", "value": [{"value": outer["id"]}]}
    await scim.patch(f"/Groups/{inner['id']}", circle)
    await manager.patched(
        {
            "roleMap": [
                entry("inner", 1, displayName="Inner"),
                entry("outer", 3, displayName="Outer"),
                entry("middle", 2, displayName="Middle"),
            ]
        }
    )
    assert await roles(api) == ["inner", "middle", "outer"]
    assert await roles(api, "bo@contoso.test") == ["inner", "middle", "outer"]
    response = await api.request("GET", "/access?userName=ana@contoso.test")
    # The name, the user and three groups; the deletions row is read within its lease.
    assert (await running_service.log_line(response))["calls"] in {5, 6}


async def test_the_usual_decision_costs_two_calls_with_roles_too(
    running_service: RunningService, scim: Scim, api: Api, manager: Api
) -> None:
    ana = await scim.create_user()
    for number in range(5):
        await scim.create_group(f"Group {number}", ana["id"])
    await manager.patched({"roleMap": [entry("admin", 1, displayName="Group 3")]})
    for _ in range(2):
        response = await api.request("GET", "/access?userName=ana@contoso.test")
        assert response.json()["roles"] == ["admin"]
        assert (await running_service.log_line(response))["calls"] == 2


# Reads of SCIM by API key


async def test_a_key_reads_roles_beside_the_document_and_a_token_never(
    scim: Scim, reader: Scim, manager: Api
) -> None:
    ana = await scim.create_user()
    await scim.create_user("bo@contoso.test")
    await scim.create_group("Admins", ana["id"])
    await manager.patched({"roleMap": [entry("admin", 1, displayName="Admins")]})
    path = f"/Users/{ana['id']}"
    plain = (await scim.get(path)).json()
    told = (await reader.get(path)).json()
    assert told.pop(ROLES) == {"roles": ["admin"]}
    assert told.pop("schemas") == [*plain.pop("schemas"), ROLES]
    assert told == plain
    by_name = {
        each["userName"]: each.get(ROLES)
        for each in (await reader.get("/Users")).json()["Resources"]
    }
    assert by_name == {"ana@contoso.test": {"roles": ["admin"]}, "bo@contoso.test": None}
    everything = (await scim.get("")).text + (await scim.get("/Users")).text
    assert ROLES not in everything


async def test_a_key_filters_and_projects_by_roles(scim: Scim, reader: Scim, manager: Api) -> None:
    ana = await scim.create_user()
    await scim.create_user("bo@contoso.test")
    await scim.create_group("Admins", ana["id"])
    await manager.patched({"roleMap": [entry("admin", 1, displayName="Admins")]})
    assert await reader.found("/Users", f'{ROLES}:roles eq "admin"') == [ana["id"]]
    assert await reader.found("/Users", f'{ROLES}:roles eq "ADMIN"') == []
    assert await scim.found("/Users", f'{ROLES}:roles eq "admin"') == []
    path = f"/Users/{ana['id']}"
    shown = (await reader.get(f"{path}?attributes={ROLES}:roles")).json()
    assert shown[ROLES] == {"roles": ["admin"]}
    assert "userName" not in shown
    assert ROLES not in (await reader.get(f"{path}?excludedAttributes={ROLES}:roles")).json()


async def test_schemas_tell_a_key_of_the_extension_and_a_token_not(
    scim: Scim, reader: Scim
) -> None:
    (attribute,) = (await reader.get(f"/Schemas/{ROLES}")).json()["attributes"]
    assert (attribute["name"], attribute["mutability"]) == ("roles", "readOnly")
    extensions = (await reader.get("/ResourceTypes/User")).json()["schemaExtensions"]
    assert {"schema": ROLES, "required": False} in extensions
    assert (await scim.get(f"/Schemas/{ROLES}")).status_code == 404
    assert ROLES not in (await scim.get("/ResourceTypes")).text
    assert ROLES not in (await scim.get("/Schemas")).text


@pytest.mark.parametrize("op", ["add", "replace", "remove"])
@pytest.mark.parametrize(
    "path",
    [
        ROLES,
        f"{ROLES}:roles",
        f"{ROLES}:roles.value",
        f'{ROLES}:roles[value eq "admin"]',
        f"{ROLES}:other",
        f"{ROLES}.roles",
        ROLES.upper(),
        f"{ROLES.removesuffix(':User')}User:roles",
    ],
)
async def test_a_path_that_names_roles_is_refused_and_changes_nothing(
    scim: Scim, op: str, path: str
) -> None:
    user = await scim.create_user()
    named = {"op": op, "path": path, "value": ["admin"]}
    title = {"op": "replace", "path": "title", "value": "T"}
    response = await scim.patch(f"/Users/{user['id']}", title, named)
    assert "role map" in refused(response, 400, "mutability")
    assert (await scim.get(f"/Users/{user['id']}")).json() == user


async def test_a_path_in_a_bulk_request_that_names_roles_is_refused(scim: Scim) -> None:
    user = await scim.create_user()
    operations = [{"op": "add", "path": f"{ROLES}:roles", "value": ["admin"]}]
    patch = {
        "method": "PATCH",
        "path": f"/Users/{user['id']}",
        "data": {"schemas": [PATCH_OP], "Operations": operations},
    }
    response = await scim.post("/Bulk", {"schemas": [BULK_REQUEST], "Operations": [patch]})
    (answer,) = response.json()["Operations"]
    assert (answer["status"], answer["response"]["scimType"]) == ("400", "mutability")


async def test_roles_in_bodies_and_in_values_without_path_are_passed_over(
    scim: Scim, reader: Scim
) -> None:
    written = {"schemas": [USER, ROLES], ROLES: {"roles": ["admin"]}}
    user = await scim.create_user(**written)
    place = f"/Users/{user['id']}"
    sent = {"userName": user["userName"], **written, f"{ROLES}:roles": ["admin"]}
    assert (await scim.put(place, sent)).status_code == 200
    for value in ({"roles": ["admin"]}, {}, ["admin"], "admin"):
        operation = {"op": "add", "value": {ROLES: value, "title": "T"}}
        assert (await scim.patch(place, operation)).json()["title"] == "T"
    for named in (f"{ROLES}:roles", f'{ROLES}:roles[value eq "admin"]', f"{ROLES}.roles.value"):
        operation = {"op": "replace", "value": {named: ["admin"]}}
        assert (await scim.patch(place, operation)).status_code == 200
    assert ROLES not in (await scim.get(place)).text
    assert ROLES not in (await reader.get(place)).text


async def test_a_version_does_not_tell_of_roles_so_a_key_gets_no_304(
    scim: Scim, reader: Scim
) -> None:
    user = await scim.create_user()
    headers = {"If-None-Match": user["meta"]["version"]}
    path = f"/Users/{user['id']}"
    assert (await scim.get(path, headers=headers)).status_code == 304
    assert (await reader.get(path, headers=headers)).status_code == 200
