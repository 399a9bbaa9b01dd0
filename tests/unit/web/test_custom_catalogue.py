"""Catalogues that the examples do not show: an extension of Group, one that is required, types with
extensions. The functions are called as the worker calls them, on a real table."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from shared.schema_files import read_catalogue
from shared.scim.documents import changed_names
from shared.store.claims import UniqueAttribute
from shared.store.custom import CustomType
from shared.store.store import open_store
from shared.web import services
from shared.web.services import Services
from tests.unit.web.conftest import OneToken

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from shared.settings import Settings
    from shared.tables.azure_table import AzureTable

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
TEAM = "urn:ietf:params:scim:schemas:extension:contoso:2.0:Group"
BADGE = "urn:ietf:params:scim:schemas:extension:contoso:2.0:Badge"
SITE = "urn:contoso:schemas:Site"

DOCUMENTS = [
    {
        "id": TEAM,
        "name": "Team",
        "attributes": [
            {"name": "costCenter", "description": "Who pays."},
            {"name": "displayName", "description": "The same name as that of a core attribute."},
            {"name": "tags", "multiValued": True},
        ],
    },
    {"id": BADGE, "name": "Badge", "attributes": [{"name": "number", "required": True}]},
    {"id": SITE, "name": "Site", "attributes": [{"name": "code", "uniqueness": "global"}]},
    {
        "name": "Group",
        "endpoint": "/Groups",
        "schema": GROUP,
        "schemaExtensions": [{"schema": TEAM}],
    },
    {
        "name": "User",
        "endpoint": "/Users",
        "schema": USER,
        "schemaExtensions": [{"schema": BADGE, "required": True}],
    },
    {"name": "Site", "endpoint": "/Sites", "schema": SITE, "schemaExtensions": [{"schema": TEAM}]},
]

Json = dict[str, Any]


@pytest.fixture
def _serving(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, table: AzureTable, settings: Settings
) -> None:
    """Serve these documents."""
    file = tmp_path / "own.json"
    file.write_text(json.dumps(DOCUMENTS))
    sites = CustomType("Site", (UniqueAttribute("code", case_exact=False),))
    store = open_store(table, changed_names, custom=[sites])
    catalogue = read_catalogue(str(file))
    monkeypatch.setattr(services, "_current", Services(settings, OneToken(), store, catalogue))


@pytest.fixture
def send(_serving: None, call: Callable[..., Any], tenant: str) -> Callable[..., Any]:
    """Send a request to the service."""

    async def request(name: str, method: str, body: Any = None, **route: str) -> tuple[int, Json]:
        url = f"https://scim.example.com/tenants/{tenant}/scim/v2/x"
        if "query" in route:
            url += f"?{route.pop('query')}"
        content = b"" if body is None else json.dumps(body).encode()
        answer = await call(f"tenant_{name}", method, url=url, body=content, tenant=tenant, **route)
        return answer.status_code, json.loads(answer.get_body() or b"{}")

    return request


def patch(*operations: Json) -> Json:
    return {"Operations": list(operations)}


async def test_a_group_has_an_extension_beside_its_members(send: Callable[..., Any]) -> None:
    _, user = await send("users", "POST", {"userName": "ana", BADGE: {"number": "7"}})
    status, group = await send(
        "groups",
        "POST",
        {
            "displayName": "Sales",
            "members": [{"value": user["id"]}],
            f"{TEAM}:costCenter": "C-1",
            TEAM.upper(): {"displayName": "Inner", "tags": ["a", "b"]},
        },
    )
    assert status == 201
    assert group["schemas"] == [GROUP, TEAM]
    assert group["displayName"] == "Sales"
    assert group[TEAM] == {"costCenter": "C-1", "displayName": "Inner", "tags": ["a", "b"]}
    assert [member["value"] for member in group["members"]] == [user["id"]]

    operations = (
        {"op": "replace", "value": {f"{TEAM}:costCenter": "C-2", "members": []}},
        {"op": "Remove", "path": f"{TEAM}:tags", "value": ["a"]},
        {"op": "Replace", "path": "displayName", "value": "All"},
    )
    status, _ = await send("groups_id", "PATCH", patch(*operations), id=group["id"])
    assert status == 204
    _, changed = await send("groups_id", "GET", id=group["id"])
    assert changed[TEAM] == {"costCenter": "C-2", "displayName": "Inner", "tags": ["b"]}
    assert (changed["displayName"], changed.get("members", [])) == ("All", [])

    query = f"filter={TEAM}:displayName+eq+%22inner%22"
    _, found = await send("groups", "GET", query=query)
    assert [each["id"] for each in found["Resources"]] == [group["id"]]
    _, found = await send("groups", "GET", query="filter=displayName+eq+%22inner%22")
    assert found["totalResults"] == 0


async def test_an_extension_that_is_required_is_asked_of_every_new_user(
    send: Callable[..., Any],
) -> None:
    status, error = await send("users", "POST", {"userName": "ana"})
    assert (status, error["scimType"]) == (400, "invalidValue")
    assert error["detail"].startswith(f"{BADGE} is required")
    status, user = await send("users", "POST", {"userName": "ana", f"{BADGE}:number": "7"})
    assert status == 201
    for body in ({"userName": "ana"}, {"userName": "ana", BADGE: {"number": ""}}):
        status, _ = await send("users_id", "PUT", body, id=user["id"])
        assert status == 400
    removal = patch({"op": "remove", "path": BADGE})
    status, error = await send("users_id", "PATCH", removal, id=user["id"])
    assert (status, error["scimType"]) == (400, "mutability")
    _, types = await send("resource_types", "GET")
    extensions = {
        each["schema"]: each["required"] for each in types["Resources"][0]["schemaExtensions"]
    }
    assert extensions[BADGE] is True
    assert sum(extensions.values()) == 1


async def test_a_type_has_extensions_and_unique_values(send: Callable[..., Any]) -> None:
    body = {"code": "OSL", TEAM: {"costCenter": "C-1"}}
    status, site = await send("zz_custom", "POST", body, endpoint="Sites")
    assert status == 201
    assert site["schemas"] == [SITE, TEAM]
    status, error = await send("zz_custom", "POST", {"code": "osl"}, endpoint="sites")
    assert (status, error["scimType"]) == (409, "uniqueness")
    change = patch({"op": "replace", "path": f"{TEAM}:costCenter", "value": "C-2"})
    status, changed = await send("zz_custom_id", "PATCH", change, endpoint="Sites", id=site["id"])
    assert (status, changed[TEAM]) == (200, {"costCenter": "C-2"})
    query = f"filter=code+eq+%22osl%22+and+{TEAM}:costCenter+eq+%22c-2%22&attributes={TEAM}"
    _, found = await send("zz_custom", "GET", endpoint="Sites", query=query)
    assert [each[TEAM] for each in found["Resources"]] == [{"costCenter": "C-2"}]
