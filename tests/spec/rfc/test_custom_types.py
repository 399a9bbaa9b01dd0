"""A resource type of a deployer's own (docs/extending.md) is served like User and Group."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from tests.support.fixtures.scim_client import Scim, created, listed, refused, shown

if TYPE_CHECKING:
    from tests.support.fixtures.service import Clients, RunningService

DEVICE = "urn:ietf:params:scim:schemas:contoso:2.0:Device"
NOBODY = "0" * 32


def body(serial: str = "SN-1", **attributes: Any) -> dict[str, Any]:
    return {"schemas": [DEVICE], "serialNumber": serial, **attributes}


async def create(scim: Scim, serial: str = "SN-1", **attributes: Any) -> dict[str, Any]:
    return created(await scim.post("/Devices", body(serial, **attributes)))


@pytest.fixture
async def device(extended: Scim) -> dict[str, Any]:
    return await create(
        extended,
        displayName="Ana's laptop",
        kind="laptop",
        active=True,
        purchased="2026-01-31T12:00:00Z",
        externalId="asset-7",
        owner={"value": "u1", "$ref": "../Users/u1"},
        addresses=[{"value": "00:00:5E:00:53:01", "type": "wifi"}],
    )


# Discovery


async def test_discovery_tells_of_the_type_and_its_schema(extended: Scim) -> None:
    types = listed(await extended.get("/ResourceTypes"))["Resources"]
    assert [each["name"] for each in types] == ["User", "Group", "Device"]
    device = shown(await extended.get("/ResourceTypes/Device"))
    assert device == types[2]
    assert (device["endpoint"], device["schema"]) == ("/Devices", DEVICE)
    schema = shown(await extended.get(f"/Schemas/{DEVICE}"))
    assert schema in listed(await extended.get("/Schemas"))["Resources"]
    names = [attribute["name"] for attribute in schema["attributes"]]
    assert names[:2] == ["externalId", "serialNumber"]
    user = shown(await extended.get("/ResourceTypes/User"))
    extension = "urn:ietf:params:scim:schemas:extension:contoso:2.0:User"
    assert {"schema": extension, "required": False} in user["schemaExtensions"]


async def test_without_the_files_there_is_no_such_endpoint(scim: Scim) -> None:
    for path in ("/Devices", f"/Devices/{NOBODY}"):
        assert "/ResourceTypes lists" in refused(await scim.get(path), 404)
    refused(await scim.post("/Devices/.search", {}), 404)
    refused(await scim.get("/ResourceTypes/Device"), 404)


# One resource


async def test_create_get_replace_and_delete(extended: Scim, device: Any) -> None:
    place = f"/Devices/{device['id']}"
    assert device["meta"]["location"] == extended.tenant_url + place
    assert device["meta"]["resourceType"] == "Device"
    assert device["schemas"] == [DEVICE]
    assert shown(await extended.get(place)) == device

    replaced = shown(await extended.put(place, body(kind="tablet")))
    assert replaced["kind"] == "tablet"
    assert "displayName" not in replaced
    assert replaced["meta"]["created"] == device["meta"]["created"]
    assert shown(await extended.get(place)) == replaced

    answer = await extended.delete(place)
    assert answer.status_code == 204
    refused(await extended.get(place), 404)
    refused(await extended.delete(place), 404)
    refused(await extended.put(place, body()), 404)
    refused(await extended.patch(place, {"op": "add", "path": "kind", "value": "x"}), 404)


async def test_the_endpoint_is_found_in_any_letter_case(extended: Scim, device: Any) -> None:
    assert shown(await extended.get(f"/devices/{device['id']}")) == device
    assert device["id"] in [
        each["id"] for each in listed(await extended.get("/DEVICES"))["Resources"]
    ]


async def test_patch_in_both_dialects(extended: Scim, device: Any) -> None:
    place = f"/Devices/{device['id']}"
    older = await extended.patch(
        place,
        {"op": "Replace", "path": "active", "value": "False"},
        {"op": "Add", "path": f"{DEVICE}:kind", "value": "phone"},
        {"op": "Replace", "path": "owner", "value": "u2"},
        {"op": "Replace", "path": 'addresses[type eq "wifi"].value', "value": "new"},
        {"op": "Add", "path": 'addresses[type eq "ethernet"].value', "value": "cable"},
        {"op": "Remove", "path": "purchased"},
    )
    changed = shown(older)
    assert (changed["active"], changed["kind"], changed["owner"]) == (
        False,
        "phone",
        {"value": "u2"},
    )
    assert changed["addresses"] == [
        {"value": "new", "type": "wifi"},
        {"type": "ethernet", "value": "cable"},
    ]
    assert "purchased" not in changed
    pathless = await extended.patch(
        place, {"op": "replace", "value": {"displayName": "New", "owner.value": "u3"}}
    )
    assert (pathless.json()["displayName"], pathless.json()["owner"]["value"]) == ("New", "u3")
    assert shown(await extended.get(place)) == pathless.json()


async def test_versions_and_conditions(extended: Scim, device: Any) -> None:
    place = f"/Devices/{device['id']}"
    first = device["meta"]["version"]
    unchanged = await extended.get(place, headers={"If-None-Match": first})
    assert unchanged.status_code == 304
    change = {"op": "replace", "path": "kind", "value": "phone"}
    second = shown(await extended.patch(place, change, headers={"If-Match": first}))
    assert second["meta"]["version"] != first
    assert shown(await extended.patch(place, change)) == second, "nothing changed, no new version"
    for answer in (
        await extended.patch(place, {**change, "value": "x"}, headers={"If-Match": first}),
        await extended.put(place, body(), headers={"If-Match": first}),
        await extended.delete(place, headers={"If-Match": first}),
    ):
        refused(answer, 412)
    assert shown(await extended.get(place)) == second
    gone = await extended.delete(place, headers={"If-Match": second["meta"]["version"]})
    assert gone.status_code == 204


# What the schema says


async def test_what_is_required_is_required(extended: Scim, device: Any) -> None:
    place = f"/Devices/{device['id']}"
    for answer in (
        await extended.post("/Devices", {"kind": "laptop"}),
        await extended.post("/Devices", {"serialNumber": "  "}),
        await extended.put(place, {"kind": "laptop"}),
    ):
        assert "serialNumber is required" in refused(answer, 400, "invalidValue")
    removed = await extended.patch(place, {"op": "remove", "path": "serialNumber"})
    assert "serialNumber is required" in refused(removed, 400, "mutability")
    assert shown(await extended.get(place)) == device


async def test_what_is_unique_is_unique_in_any_letter_case(extended: Scim, device: Any) -> None:
    other = await create(extended, "SN-2")
    for answer in (
        await extended.post("/Devices", body("sn-1")),
        await extended.put(f"/Devices/{other['id']}", body("Sn-1")),
        await extended.patch(
            f"/Devices/{other['id']}", {"op": "replace", "path": "serialNumber", "value": "SN-1"}
        ),
    ):
        assert "serialNumber" in refused(answer, 409, "uniqueness")
    assert shown(await extended.get(f"/Devices/{other['id']}")) == other


async def test_what_is_returned_on_request_is_shown_when_it_is_asked_for(
    extended: Scim, device: Any
) -> None:
    place = f"/Devices/{device['id']}"
    priced = await extended.patch(place, {"op": "add", "path": "price", "value": "1250.5"})
    assert shown(priced)["price"] == 1250.5, "RFC 7643 section 7: the request has written it"
    assert "price" not in shown(await extended.get(place))
    assert shown(await extended.get(f"{place}?attributes=price"))["price"] == 1250.5
    assert await extended.found("/Devices", "price gt 1250") == [device["id"]]


async def test_what_is_never_returned_is_kept_and_told_in_no_way(
    extended: Scim, device: Any
) -> None:
    place = f"/Devices/{device['id']}"
    secret = {"op": "add", "path": "unlockCode", "value": "0815"}
    changed = await extended.patch(place, secret)
    assert changed.json()["meta"]["version"] != device["meta"]["version"]
    answers = [
        changed,
        await extended.get(place),
        await extended.get(f"{place}?attributes=unlockCode"),
        await extended.get("/Devices?attributes=unlockCode,serialNumber"),
        await extended.put(f"{place}?attributes=unlockCode", body(unlockCode="0815")),
    ]
    for answer in answers:
        assert "0815" not in answer.text
        assert "unlockCode" not in answer.text
    for condition in ("unlockCode pr", 'unlockCode eq "0815"', 'unlockCode sw "0"'):
        assert await extended.found("/Devices", condition) == []
    answer = await extended.get("/Devices?sortBy=unlockCode")
    refused(answer, 400, "invalidValue")


# Lists


async def test_lists_pages_filters_and_sorting(extended: Scim) -> None:
    made = [
        await create(extended, f"SN-{n}", kind="phone" if n % 2 else "laptop", externalId=f"e{n}")
        for n in range(7)
    ]
    ids = sorted(each["id"] for each in made)
    page = listed(await extended.get("/Devices?startIndex=3&count=2"))
    assert (page["totalResults"], page["startIndex"]) == (7, 3)
    assert [each["id"] for each in page["Resources"]] == ids[2:4]
    assert listed(await extended.get("/Devices?count=0"))["totalResults"] == 7

    assert await extended.found("/Devices", 'serialNumber eq "sn-3"') == [made[3]["id"]]
    assert await extended.found("/Devices", 'externalId eq "e3"') == [made[3]["id"]]
    assert await extended.found("/Devices", 'externalId eq "E3"') == []
    assert await extended.found("/Devices", f'id eq "{made[3]["id"]}"') == [made[3]["id"]]
    phones = await extended.found("/Devices", 'kind eq "PHONE" and serialNumber ne "SN-1"')
    assert sorted(phones) == sorted(made[n]["id"] for n in (3, 5))
    assert await extended.found("/Devices", 'meta.resourceType eq "Device"') == ids

    ordered = listed(await extended.get("/Devices?sortBy=serialNumber&sortOrder=descending"))
    assert [each["serialNumber"] for each in ordered["Resources"]] == [
        f"SN-{n}" for n in range(6, -1, -1)
    ]


async def test_the_cursor_goes_through_all_of_them(extended: Scim) -> None:
    made = {(await create(extended, f"SN-{n}"))["id"] for n in range(5)}
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = shown(await extended.get(f"/Devices?count=2&cursor={quote(cursor)}"))
        found += [each["id"] for each in page["Resources"]]
        cursor = page.get("nextCursor")
    assert (len(found), set(found)) == (5, made)


async def test_they_are_searched_by_post_on_their_own_and_with_everything(
    extended: Scim, device: Any
) -> None:
    search = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "filter": 'serialNumber eq "sn-1"',
    }
    for path in ("/Devices/.search", "/.search"):
        found = shown(await extended.post(path, search))
        assert [each["id"] for each in found["Resources"]] == [device["id"]]
    user = await extended.create_user(displayName="Ana's laptop")
    search["filter"] = 'displayName eq "Ana\'s laptop"'
    found = shown(await extended.post("/.search", search))
    assert {each["id"] for each in found["Resources"]} == {device["id"], user["id"]}
    everything = shown(await extended.get("/?count=10"))
    kinds = [each["meta"]["resourceType"] for each in everything["Resources"]]
    assert sorted(kinds) == ["Device", "User"]


async def test_a_scan_that_comes_to_its_bound_names_what_is_indexed(extended: Scim) -> None:
    for n in range(41):
        await create(extended, f"SN-{n}")
    detail = refused(
        await extended.get("/Devices?filter=" + quote('kind eq "phone"')), 400, "tooMany"
    )
    assert "id, serialNumber, externalId" in detail


# Who may


async def test_tenants_are_kept_apart(new_extended: Clients) -> None:
    one, other = new_extended(), new_extended()
    first, second = await create(one), await create(other)
    assert first["id"] != second["id"]
    refused(await other.get(f"/Devices/{first['id']}"), 404)
    refused(await other.delete(f"/Devices/{first['id']}"), 404)
    assert await other.found("/Devices", 'serialNumber eq "SN-1"') == [second["id"]]
    assert listed(await other.get("/Devices"))["totalResults"] == 1


async def test_it_takes_a_token_also_to_learn_what_is_there(extended: Scim) -> None:
    for path in ("/Devices", f"/Devices/{NOBODY}", "/Nothing", "/Nothing/x"):
        refused(await extended.get(path, headers={"Authorization": "Bearer wrong"}), 401)
        refused(await extended.get(path, headers={"Authorization": None}), 401)


async def test_the_log_names_the_endpoint_and_no_value(
    extended_service: RunningService, extended: Scim, device: Any
) -> None:
    for spelling in ("Devices", "dEVICES"):
        answer = await extended.get(f"/{spelling}/{device['id']}")
        line = await extended_service.log_line(answer)
        assert line["route"] == "tenants/{tenant}/scim/v2/Devices/{id}"
        assert (line["resource"], line["calls"]) == (device["id"], 1)
    answer = await extended.get("/Secret-name/x")
    line = await extended_service.log_line(answer)
    assert line["route"] == "tenants/{tenant}/scim/v2/{endpoint}/{id}"


# Bad input


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/Devices", "GET, HEAD, POST"),
        ("DELETE", "/Devices", "GET, HEAD, POST"),
        ("POST", f"/Devices/{NOBODY}", "GET, HEAD, PUT, PATCH, DELETE"),
        ("GET", "/Devices/.search", "POST"),
    ],
)
async def test_a_method_that_is_not_served(
    extended: Scim, method: str, path: str, allow: str
) -> None:
    answer = await extended.request(method, path, {} if method != "GET" else None)
    refused(answer, 405)
    assert answer.headers["allow"] == allow


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        "text",
        {"serialNumber": {"a": 1}},
        {"serialNumber": "x" * 2_000},
        {"serialNumber": "a\u0000b"},
        {"serialNumber": "s", "price": "much"},
        {"serialNumber": "s", "active": 7},
        {"serialNumber": "s", "purchased": "soon"},
        {"serialNumber": "s", "owner": ["a", "b"]},
        {"serialNumber": "s", "addresses": [{"value": ["a", "b"]}]},
        {"serialNumber": "s", "externalId": "x" * 2_000},
    ],
    ids=lambda wrong: json.dumps(wrong)[:40],
)
async def test_a_body_that_is_none_of_a_device_changes_nothing(
    extended: Scim, device: Any, wrong: Any
) -> None:
    refused_as = "invalidSyntax" if not isinstance(wrong, dict) else "invalidValue"
    for answer in (
        await extended.post("/Devices", wrong),
        await extended.put(f"/Devices/{device['id']}", wrong),
    ):
        refused(answer, 400, refused_as)
    page = listed(await extended.get("/Devices"))
    assert page["Resources"] == [device]


async def test_a_device_that_does_not_fit_into_a_row_is_refused(extended: Scim) -> None:
    answer = await extended.post("/Devices", body(displayName="x" * 600_000))
    refused(answer, 413)
    assert listed(await extended.get("/Devices"))["totalResults"] == 0


@pytest.mark.parametrize("rid", ["x", "0", NOBODY, f"device-{NOBODY}", "a%2fb"])
async def test_an_id_that_is_none(extended: Scim, rid: str) -> None:
    refused(await extended.get(f"/Devices/{rid}"), 404)
    refused(await extended.put(f"/Devices/{rid}", body()), 404)
