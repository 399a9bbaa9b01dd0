"""RFC 7644 section 3.9: `attributes` and `excludedAttributes`."""

from typing import Any

import pytest

from tests.support.fixtures.scim_client import (
    ENTERPRISE,
    USER,
    Resource,
    Scim,
    created,
    listed,
    refused,
    shown,
)
from tests.support.fixtures.service import RunningService

ALWAYS = {"schemas", "id"}


@pytest.fixture(scope="module")
async def people(running_service: RunningService) -> Scim:
    """A tenant with a user in a group, which no test changes."""
    scim = next(running_service.tenants)
    user = await scim.create_user(
        title="T",
        externalId="x",
        name={"givenName": "A", "familyName": "R"},
        emails=[{"value": "a@b", "type": "work", "primary": True}],
        **{ENTERPRISE: {"department": "D", "manager": {"value": "boss"}}},
    )
    await scim.create_group("Sales", user["id"])
    return scim


async def _everywhere(scim: Scim, query: str) -> Resource:
    """The user as GET, the list and a filter show it under a query: all the same."""
    whole = listed(await scim.get("/Users"))["Resources"][0]
    read = shown(await scim.get(f"/Users/{whole['id']}?{query}"))
    assert listed(await scim.get(f"/Users?{query}"))["Resources"] == [read]
    filtered = await scim.get(f"/Users?filter=userName+pr&{query}")
    assert listed(filtered)["Resources"] == [read]
    assert {name: whole[name] for name in ALWAYS} == {name: read[name] for name in ALWAYS}
    return {name: value for name, value in read.items() if name not in ALWAYS}


SHOWN: list[tuple[str, dict[str, Any]]] = [
    ("title", {"title": "T"}),
    ("TITLE,%20externalid", {"title": "T", "externalId": "x"}),
    (f"{USER}:title", {"title": "T"}),
    ("name.givenName", {"name": {"givenName": "A"}}),
    ("name.givenName,name", {"name": {"givenName": "A", "familyName": "R"}}),
    ("emails.value", {"emails": [{"value": "a@b"}]}),
    (f"{ENTERPRISE}:department", {ENTERPRISE: {"department": "D"}}),
    (f"{ENTERPRISE}:manager.value", {ENTERPRISE: {"manager": {"value": "boss"}}}),
    (ENTERPRISE, {ENTERPRISE: {"department": "D", "manager": {"value": "boss"}}}),
    ("meta.resourceType", {"meta": {"resourceType": "User"}}),
    ("id", {}),
    ("nothing,emails.nothing", {}),
    ("password", {}),
    ("nickName", {}),
]


@pytest.mark.rfc(
    "7644-3.9-minimum", "7644-3.9-never", "7644-3.9-attributes", "7644-3.4.2.5-notation"
)
@pytest.mark.parametrize(("names", "expected"), SHOWN, ids=str)
async def test_only_what_is_asked_for_is_shown_and_the_id(
    people: Scim, names: str, expected: Resource
) -> None:
    assert await _everywhere(people, f"attributes={names}") == expected


EXCLUDED: list[tuple[str, set[str]]] = [
    ("title", {"title"}),
    ("TITLE,groups,meta", {"title", "groups", "meta"}),
    ("id,schemas", set()),
    (ENTERPRISE, {ENTERPRISE}),
    (f"{USER}:emails", {"emails"}),
    ("nothing", set()),
    ("", set()),
]


@pytest.mark.rfc("7644-3.9-minimum", "7644-3.9-excluded", "7644-3.4.2.5-always")
@pytest.mark.parametrize(("names", "gone"), EXCLUDED, ids=[names for names, _ in EXCLUDED])
async def test_what_is_excluded_is_left_out_but_never_the_id(
    people: Scim, names: str, gone: set[str]
) -> None:
    whole = await _everywhere(people, "")
    expected = {name: value for name, value in whole.items() if name not in gone}
    assert await _everywhere(people, f"excludedAttributes={names}") == expected


async def test_a_part_can_be_excluded(people: Scim) -> None:
    shown_part = await _everywhere(people, "excludedAttributes=name.familyName,emails.type")
    assert shown_part["name"] == {"givenName": "A"}
    assert shown_part["emails"] == [{"value": "a@b", "primary": True}]


async def test_of_both_parameters_attributes_counts(people: Scim) -> None:
    query = "attributes=title,nickName&excludedAttributes=title"
    assert await _everywhere(people, query) == {"title": "T"}


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("attributes=displayName", {"displayName"}),
        ("excludedAttributes=members", {"displayName", "meta"}),
        ("excludedAttributes=MEMBERS", {"displayName", "meta"}),
        ("excludedAttributes=members,meta", {"displayName"}),
        ("attributes=members.value", {"members"}),
        ("attributes=members", {"members"}),
        ("", {"displayName", "members", "meta"}),
    ],
)
async def test_groups_are_projected_too(people: Scim, query: str, names: set[str]) -> None:
    (group,) = listed(await people.get(f"/Groups?{query}"))["Resources"]
    assert group.keys() == ALWAYS | names
    assert shown(await people.get(f"/Groups/{group['id']}?{query}")) == group


async def test_the_answer_to_a_write_is_projected(scim: Scim) -> None:
    user = await scim.create_user(title="T")
    path = f"/Users/{user['id']}"
    body = {"userName": "ana", "title": "U"}
    operation = {"op": "replace", "path": "title", "value": "V"}
    assert shown(await scim.put(f"{path}?attributes=title", body)).keys() == ALWAYS | {"title"}
    answer = shown(await scim.patch(f"{path}?excludedAttributes=userName,meta", operation))
    assert answer.keys() == ALWAYS | {"title", "active"}


NOT_NAMES = ("*", "a%20b", "emails[type%20eq%20%22work%22]", "[]", "userName,*")


@pytest.mark.parametrize("parameter", ["attributes", "excludedAttributes"])
@pytest.mark.parametrize("names", NOT_NAMES)
async def test_what_are_no_names_is_refused_before_anything_is_written(
    extended: Scim, parameter: str, names: str
) -> None:
    bodies: dict[str, Resource] = {
        "/Users": {"userName": "ana"},
        "/Groups": {"displayName": "Sales"},
        "/Devices": {"serialNumber": "SN-1"},
    }
    query = f"?{parameter}={names}"
    for endpoint, body in bodies.items():
        refused(await extended.post(endpoint + query, body), 400, "invalidValue")
        assert listed(await extended.get(endpoint))["totalResults"] == 0

        held = created(await extended.post(endpoint, body))
        place = f"{endpoint}/{held['id']}"
        changed = {**body, "externalId": "x"}
        refused(await extended.put(place + query, changed), 400, "invalidValue")
        operation = {"op": "add", "path": "externalId", "value": "x"}
        refused(await extended.patch(place + query, operation), 400, "invalidValue")
        assert shown(await extended.get(place)) == held
