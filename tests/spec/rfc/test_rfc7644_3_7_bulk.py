"""RFC 7644 section 3.7: many operations in one request."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.fixtures.scim_client import (
    ENTERPRISE,
    ERROR,
    USER,
    Resource,
    Scim,
    refused,
    shown,
)

if TYPE_CHECKING:
    from tests.support.fixtures.service import RunningService

BULK_REQUEST = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
BULK_RESPONSE = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"


def bulk(*operations: Any, **members: Any) -> Resource:
    return {"schemas": [BULK_REQUEST], "Operations": list(operations), **members}


def user(name: str, **attributes: Any) -> Resource:
    """A POST of a user whose bulkId is its name."""
    data = {"userName": name, **attributes}
    return {"method": "POST", "path": "/Users", "bulkId": name, "data": data}


def group(name: str, *members: str) -> Resource:
    data = {"displayName": name, "members": [{"value": member} for member in members]}
    return {"method": "POST", "path": "/Groups", "bulkId": name, "data": data}


def patch(path: str, *operations: Resource, **members: Any) -> Resource:
    return {"method": "PATCH", "path": path, "data": {"Operations": list(operations)}, **members}


async def done(scim: Scim, *operations: Resource, **members: Any) -> list[Resource]:
    """The results of a bulk request, each held to what the RFC asks of it."""
    answer = shown(await scim.post("/Bulk", bulk(*operations, **members)))
    assert answer["schemas"] == [BULK_RESPONSE]
    results: list[Resource] = answer["Operations"]
    for result in results:
        failed = int(result["status"]) >= 400
        assert ("response" in result) == failed, result
        if failed:
            assert result["response"]["schemas"] == [ERROR]
            assert result["response"]["status"] == result["status"]
        assert ("location" in result) == (not failed or result["method"] != "POST"), result
    return results


def statuses(results: list[Resource]) -> list[str]:
    return [result["status"] for result in results]


def id_of(result: Resource) -> str:
    return str(result["location"]).rpartition("/")[2]


@pytest.mark.rfc(
    "7644-3.7-ok",
    "7644-3.7-response",
    "7644-3.7-bulk-id-back",
    "7644-3.7.3-location",
    "7644-3.7.3-status",
)
async def test_each_operation_does_what_its_request_would(scim: Scim) -> None:
    ana, bo, cy = [await scim.create_user(f"{name}@contoso.test") for name in ("ana", "bo", "cy")]
    results = await done(
        scim,
        user("di@contoso.test", displayName="Di"),
        {"method": "PUT", "path": f"/Users/{ana['id']}", "data": {"userName": "anna@contoso.test"}},
        patch(f"/Users/{bo['id']}", {"op": "Replace", "path": "active", "value": "False"}),
        {"method": "DELETE", "path": f"/Users/{cy['id']}"},
    )
    assert statuses(results) == ["201", "200", "200", "204"]
    assert [result["method"] for result in results] == ["POST", "PUT", "PATCH", "DELETE"]
    di = await scim.user(id_of(results[0]))
    assert di["displayName"] == "Di"
    assert results[0]["location"] == di["meta"]["location"]
    assert results[0]["version"] == di["meta"]["version"]
    assert results[0]["bulkId"] == "di@contoso.test"
    assert (await scim.user(ana["id"]))["userName"] == "anna@contoso.test"
    assert results[1]["version"] == 'W/"2"'
    assert (await scim.user(bo["id"]))["active"] is False
    refused(await scim.get(f"/Users/{cy['id']}"), 404)
    assert results[3]["location"] == cy["meta"]["location"]


async def test_paths_may_lack_the_slash_and_vary_in_letter_case(scim: Scim) -> None:
    results = await done(scim, {**user("ana"), "path": "users"})
    assert statuses(results) == ["201"]


@pytest.mark.rfc(
    "7644-3.7-path",
    "7644-3.7-goes-on",
    "7644-3.7.3-all-results",
    "7644-3.7.3-location",
    "7644-3.7.3-status",
    "7644-3.7.3-error",
)
async def test_what_fails_leaves_the_others_alone(scim: Scim) -> None:
    await scim.create_user("taken")
    results = await done(
        scim,
        user("taken"),
        user("free"),
        {"method": "DELETE", "path": "/Users/0123456789abcdef0123456789abcdef"},
        {"method": "POST", "path": "/Printers", "bulkId": "p", "data": {}},
        {"method": "POST", "path": "/Users/1", "bulkId": "q", "data": {}},
        patch("/Users"),
        {"method": "POST", "path": "/Users/1/2", "bulkId": "r", "data": {}},
    )
    assert statuses(results) == ["409", "201", "404", "404", "405", "405", "404"]
    assert results[0]["response"]["scimType"] == "uniqueness"
    assert "/Users, /Groups" in results[3]["response"]["detail"]


@pytest.mark.rfc("7644-3.7-fail-on-errors")
@pytest.mark.parametrize("errors", [2, 2.0, "2"])
async def test_it_ends_after_as_many_errors_as_the_client_accepts(
    scim: Scim, errors: float | str
) -> None:
    """A whole number, also one that a client writes as a decimal or as text."""
    await scim.create_user("taken")
    operations = [user("a"), user("taken"), user("b"), {**user("taken"), "bulkId": "2"}, user("c")]
    results = await done(scim, *operations, failOnErrors=errors)
    assert statuses(results) == ["201", "409", "201", "409"]
    assert await scim.found("/Users", 'userName eq "c"') == []


async def test_to_accept_no_error_is_to_end_with_the_first(scim: Scim) -> None:
    """Some clients count the errors that they accept, and send 0."""
    await scim.create_user("taken")
    operations = [user("a"), user("taken"), user("b")]
    assert statuses(await done(scim, *operations, failOnErrors=0)) == ["201", "409"]
    assert await scim.found("/Users", 'userName eq "b"') == []


@pytest.mark.rfc("7644-3.7.2-references")
async def test_a_group_may_name_users_that_the_same_request_creates(scim: Scim) -> None:
    results = await done(scim, group("Sales", "bulkId:ana", "bulkId:bo"), user("bo"), user("ana"))
    assert statuses(results) == ["201", "201", "201"]
    assert [result["bulkId"] for result in results] == ["Sales", "bo", "ana"]
    assert await scim.members(id_of(results[0])) == {id_of(results[1]), id_of(results[2])}


@pytest.mark.rfc("7644-3.7.2-references")
async def test_references_are_resolved_in_paths_and_in_filters(scim: Scim) -> None:
    ana = await scim.create_user("ana")
    results = await done(
        scim,
        user("bo"),
        group("Sales", "bulkId:bo", ana["id"]),
        patch("/Groups/bulkId:Sales", {"op": "remove", "path": 'members[value eq "bulkId:bo"]'}),
        patch("/Users/bulkId:bo", {"op": "add", "path": "title", "value": "Dr"}),
    )
    assert statuses(results) == ["201", "201", "204", "200"]
    assert results[2]["location"] == results[1]["location"]
    assert await scim.members(id_of(results[1])) == {ana["id"]}
    assert (await scim.user(id_of(results[0])))["title"] == "Dr"


@pytest.mark.rfc("7644-3.7.1-circular")
@pytest.mark.parametrize(
    "reference",
    [
        "bulkId:ana",
        "bulkid:ana",
        " bulkId:ana ",
        {"value": "bulkId:ana"},
        {"$ref": "../Users/bulkId:ana"},
        {"value": "BulkId:ana", "$ref": "https://x.test/scim/v2/Users/bulkId%3Aana"},
        '{"value":"bulkId:ana"}',
        '[{"value":"bulkId:ana"}]',
    ],
    ids=str,
)
async def test_a_reference_is_resolved_in_every_form(scim: Scim, reference: Any) -> None:
    members = reference if isinstance(reference, str) else [reference]
    sales = {"displayName": "Sales", "members": members}
    results = await done(
        scim,
        {"method": "POST", "path": "/Groups", "bulkId": "sales", "data": sales},
        user("bo", **{ENTERPRISE: {"manager": reference}}),
        user("ana"),
    )
    assert statuses(results) == ["201", "201", "201"]
    ana = id_of(results[2])
    assert await scim.members(id_of(results[0])) == {ana}
    assert (await scim.user(id_of(results[1])))[ENTERPRISE]["manager"]["value"] == ana


async def test_users_may_be_each_others_managers(scim: Scim) -> None:
    """RFC 7644 section 3.7.1: circular references are to be resolved."""
    results = await done(
        scim,
        user("ana", **{ENTERPRISE: {"department": "R", "manager": {"value": "bulkId:bo"}}}),
        user("bo", **{ENTERPRISE: {"department": "S", "manager": {"value": "bulkId:ana"}}}),
    )
    assert statuses(results) == ["201", "201"]
    ana, bo = [await scim.user(id_of(result)) for result in results]
    assert ana[ENTERPRISE]["manager"]["value"] == bo["id"]
    assert bo[ENTERPRISE]["manager"]["value"] == ana["id"]
    assert (ana[ENTERPRISE]["department"], bo[ENTERPRISE]["department"]) == ("R", "S")
    assert [result["version"] for result in results] == [
        each["meta"]["version"] for each in (ana, bo)
    ]


@pytest.mark.rfc("7644-3.7.1-circular")
async def test_a_circle_that_cannot_be_closed_leaves_nothing_half_made(scim: Scim) -> None:
    await scim.create_user("taken")
    async with scim.unchanged():
        results = await done(
            scim,
            user("taken", **{ENTERPRISE: {"manager": {"value": "bulkId:bo"}}}),
            user("bo", **{ENTERPRISE: {"manager": {"value": "bulkId:taken"}}}),
        )
        assert statuses(results) == ["409", "409"]
        assert "was not created" in results[1]["response"]["detail"]


async def test_a_circle_through_a_required_attribute_cannot_be_resolved(scim: Scim) -> None:
    async with scim.unchanged():
        results = await done(scim, {**user("a"), "data": {"userName": "bulkId:a"}})
        assert statuses(results) == ["400"]


async def test_what_refers_to_a_failure_fails_too(scim: Scim) -> None:
    await scim.create_user("taken")
    results = await done(
        scim, user("taken"), group("Sales", "bulkId:taken"), patch("/Users/bulkId:taken")
    )
    assert statuses(results) == ["409", "409", "409"]
    assert "'taken' was not created" in results[1]["response"]["detail"]
    assert await scim.found("/Groups", 'displayName eq "Sales"') == []


async def test_a_version_is_a_precondition(scim: Scim) -> None:
    ana = await scim.create_user("ana")
    rename = {"op": "replace", "path": "displayName", "value": "A"}
    stale = patch(f"/Users/{ana['id']}", rename, version='W/"9"')
    current = patch(f"/Users/{ana['id']}", rename, version=ana["meta"]["version"])
    assert statuses(await done(scim, stale, current)) == ["412", "200"]


async def test_an_empty_version_is_none_and_refused(scim: Scim) -> None:
    ana = await scim.create_user("ana")
    async with scim.unchanged():
        operation = {"method": "DELETE", "path": f"/Users/{ana['id']}", "version": ""}
        assert statuses(await done(scim, operation)) == ["400"]


async def test_a_delete_frees_the_name_for_a_later_create(scim: Scim) -> None:
    ana = await scim.create_user("ana")
    delete = {"method": "DELETE", "path": f"/Users/{ana['id']}"}
    results = await done(scim, delete, user("ana"))
    assert statuses(results) == ["204", "201"]


async def test_of_creates_of_one_name_the_first_gets_it(scim: Scim) -> None:
    """In any letter case, and however the attribute is named."""
    urn = {"method": "POST", "path": "users/", "bulkId": "urn", "data": {f"{USER}:userName": "ANA"}}
    operations = [user("ana"), {**user("Ana"), "path": "/users"}, urn, {**urn, "bulkId": "again"}]
    for order in (operations, operations[::-1]):
        results = await done(scim, *order, group("Sales"), {**group("SALES"), "bulkId": "2"})
        assert statuses(results) == ["201", "409", "409", "409", "201", "409"]
        for result in (results[0], results[4]):
            location = result["location"].removeprefix(scim.tenant_url)
            assert (await scim.delete(location)).status_code == 204


async def test_of_two_deletes_of_one_resource_the_second_finds_nothing(scim: Scim) -> None:
    ana = await scim.create_user("ana")
    delete = {"method": "DELETE", "path": f"/Users/{ana['id']}"}
    assert statuses(await done(scim, delete, delete)) == ["204", "404"]


@pytest.mark.rfc("7644-3.7.3-all-results")
async def test_hundreds_of_operations_are_done_and_reported_in_order(scim: Scim) -> None:
    names = [f"u{number}" for number in range(150)]
    results = await done(scim, *map(user, names))
    assert statuses(results) == ["201"] * 150
    assert [result["bulkId"] for result in results] == names
    assert (await scim.find("/Users", 'userName eq "u149"'))["totalResults"] == 1


async def test_every_operation_has_a_line_in_the_log_without_values(
    scim: Scim, running_service: RunningService
) -> None:
    ana = await scim.create_user("ana")
    answer = await scim.post(
        "/Bulk",
        bulk(user("bo@contoso.test"), patch(f"/Users/{ana['id']}"), user("ana")),
    )
    lines = await running_service.log_lines(answer, 4)
    told = [(line["method"], line["route"], line["status"]) for line in lines]
    assert told[-1] == ("POST", "tenants/{tenant}/scim/v2/Bulk", 200)
    assert sorted(told[:-1]) == [
        ("PATCH", "Bulk/Users/{id}", 400),
        ("POST", "Bulk/Users", 201),
        ("POST", "Bulk/Users", 409),
    ]
    refused_patch = next(line for line in lines if line["method"] == "PATCH")
    assert refused_patch["resource"] == ana["id"]
    assert lines[-1]["calls"] == sum(line.get("calls", 0) for line in lines[:-1])
    assert "contoso" not in json.dumps(lines)


REFUSED: list[tuple[Any, int, str | None, str]] = [
    ([], 400, "invalidSyntax", '"Operations"'),
    ({}, 400, "invalidSyntax", '"Operations"'),
    (bulk(), 400, "invalidSyntax", '"Operations"'),
    (bulk({"method": "POST"}, user("a")), 400, "invalidSyntax", "Operation 0"),
    (bulk(user("a"), {**user("b"), "method": "GET"}), 400, "invalidSyntax", "Operation 1"),
    (bulk(user("a"), {**user("b"), "method": None}), 400, "invalidSyntax", "needs a method"),
    (bulk(user("a"), {**user("b"), "path": ""}), 400, "invalidSyntax", "needs a path"),
    (bulk(user("a"), {**user("b"), "bulkId": None}), 400, "invalidSyntax", "needs a bulkId"),
    (bulk(user("a"), {**user("b"), "bulkId": 7}), 400, "invalidSyntax", "bulkId that is not"),
    (bulk(user("a"), {**user("b"), "data": None}), 400, "invalidSyntax", "needs data"),
    (bulk(user("a"), {"method": "PUT", "path": "/Users/1"}), 400, "invalidSyntax", "needs data"),
    (bulk(user("a"), "b"), 400, "invalidSyntax", "Operation 1"),
    (bulk(user("a"), user("a")), 400, "invalidValue", "bulkId of an earlier"),
    (bulk(user("a"), group("g", "bulkId:z")), 400, "invalidValue", "'z', which no POST"),
    (bulk(user("a"), failOnErrors=-1), 400, "invalidSyntax", "failOnErrors"),
    (bulk(user("a"), failOnErrors="many"), 400, "invalidSyntax", "failOnErrors"),
    (bulk(*(user(f"u{n}") for n in range(1_001))), 413, None, "at most 1000"),
    (bulk(user("a", title="x" * 1_048_576)), 413, None, "at most 1,048,576"),
]


@pytest.mark.rfc("7644-3.7-ok", "7644-3.7-method", "7644-3.7-bulk-id", "7644-3.7.4-too-large")
@pytest.mark.parametrize(("body", "status", "scim_type", "words"), REFUSED)
async def test_a_malformed_request_is_refused_whole(
    scim: Scim, body: Any, status: int, scim_type: str | None, words: str
) -> None:
    async with scim.unchanged():
        assert words in refused(await scim.post("/Bulk", body), status, scim_type)


async def test_other_methods_are_not_allowed(scim: Scim) -> None:
    answer = await scim.get("/Bulk")
    refused(answer, 405)
    assert answer.headers["allow"] == "POST"


async def test_the_operations_are_those_of_the_tenant_alone(
    scim: Scim, running_service: RunningService
) -> None:
    other = next(running_service.tenants)
    theirs = await other.create_user("ana")
    async with other.unchanged():
        results = await done(
            scim,
            {"method": "DELETE", "path": f"/Users/{theirs['id']}"},
            group("Sales", theirs["id"]),
        )
    assert statuses(results) == ["404", "201"]
    assert await scim.members(id_of(results[1])) == set()
