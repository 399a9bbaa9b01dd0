"""Envelopes: what a PATCH body must be, and the answer to a query."""

from __future__ import annotations

from typing import Any

import pytest

from shared.errors import InvalidSyntax, InvalidValue, PayloadTooLarge
from shared.scim.messages import list_response, parse_bulk, parse_patch, parse_search
from shared.scim.operations import MAX_PATCH_OPERATIONS, PatchOperation

SCHEMAS = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"]


def test_operations_are_read_in_order() -> None:
    operations = [
        {"op": "Replace", "path": "title", "value": "x"},
        {"op": "add", "value": {"title": "y"}},
        {"op": "REMOVE", "path": " title "},
    ]
    assert parse_patch({"schemas": SCHEMAS, "Operations": operations}) == [
        PatchOperation(0, "replace", "title", "x"),
        PatchOperation(1, "add", "", {"title": "y"}),
        PatchOperation(2, "remove", "title", None),
    ]


def test_names_are_read_in_any_case_and_what_is_unknown_is_left() -> None:
    body = {"operations": [{"OP": "add", "Path": None, "VALUE": {}, "name": "x"}], "x": 1}
    assert parse_patch(body) == [PatchOperation(0, "add", "", {})]


@pytest.mark.parametrize(
    "body",
    [
        None,
        "x",
        1,
        [],
        [{"op": "add"}],
        {},
        {"schemas": SCHEMAS},
        {"Operations": None},
        {"Operations": []},
        {"Operations": {"op": "add"}},
        {"Operations": "add"},
    ],
)
def test_a_body_without_operations_is_refused(body: Any) -> None:
    with pytest.raises(InvalidSyntax, match="Operations") as refusal:
        parse_patch(body)
    assert refusal.value.operation is None


@pytest.mark.parametrize(
    ("operation", "why"),
    [
        ({"path": "title", "value": "x"}, "needs an op"),
        ({"op": None, "path": "title"}, "needs an op"),
        ({"op": "copy", "path": "title"}, "needs an op"),
        ({"op": ["add"], "path": "title"}, "needs an op"),
        ({"op": "add", "path": 7, "value": "x"}, "has a path that is not a string"),
        ({"op": "add", "path": ["title"], "value": "x"}, "has a path that is not a string"),
        ("add", "must be an object"),
        (None, "must be an object"),
        ([], "must be an object"),
        ({"op": "add", "path": "title"}, "needs a value; null unassigns"),
        ({"op": "replace", "path": "members"}, "needs a value; null unassigns"),
    ],
)
def test_a_broken_operation_is_refused_by_its_index(operation: Any, why: str) -> None:
    with pytest.raises(InvalidSyntax) as refusal:
        parse_patch({"Operations": [{"op": "remove", "path": "title"}, operation]})
    assert refusal.value.operation == 1
    assert refusal.value.detail.startswith(f"Operation 1 (the first is 0) {why}")


def test_the_number_of_operations_is_bounded() -> None:
    operation = {"op": "remove", "path": "title"}
    assert (
        len(parse_patch({"Operations": [operation] * MAX_PATCH_OPERATIONS})) == MAX_PATCH_OPERATIONS
    )
    with pytest.raises(PayloadTooLarge, match="1001 operations; send at most 1000"):
        parse_patch({"Operations": [operation] * (MAX_PATCH_OPERATIONS + 1)})


def test_an_empty_page_still_has_its_resources() -> None:
    assert list_response([], 0, 1) == {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": 0,
        "startIndex": 1,
        "itemsPerPage": 0,
        "Resources": [],
    }


def test_a_page_tells_its_place_and_size() -> None:
    page = list_response(({"id": "a"}, {"id": "b"}), 12, 6)
    assert (page["totalResults"], page["startIndex"], page["itemsPerPage"]) == (12, 6, 2)
    assert page["Resources"] == [{"id": "a"}, {"id": "b"}]


@pytest.mark.parametrize(
    ("operation", "why"),
    [
        ({"path": "/Users/1"}, "needs a method"),
        ({"method": "GET", "path": "/Users/1"}, "needs a method"),
        ({"method": "DELETE"}, "needs a path"),
        ({"method": "DELETE", "path": ""}, "needs a path"),
        ({"method": "POST", "path": "/Users", "bulkId": 7, "data": {}}, "has a bulkId that is not"),
        ({"method": "PUT", "path": "/Users/1", "version": 7, "data": {}}, "has a version that is"),
        ({"method": "POST", "path": "/Users", "data": {}}, "is a POST and needs a bulkId"),
        ({"method": "PUT", "path": "/Users/1"}, "is a PUT and needs data"),
        ({"method": "PATCH", "path": "/Users/1"}, "is a PATCH and needs data"),
        ("DELETE", "must be an object"),
    ],
)
def test_a_broken_bulk_operation_is_refused_by_its_index(operation: Any, why: str) -> None:
    right = {"method": "delete", "path": "/Users/1"}
    with pytest.raises(InvalidSyntax) as refusal:
        parse_bulk({"Operations": [right, operation]})
    assert refusal.value.detail.startswith(f"Operation 1 (the first is 0) {why}")


@pytest.mark.parametrize(("sent", "limit"), [(None, None), (0, 1), (1, 1), ("3", 3), (3.0, 3)])
def test_the_number_of_errors_that_end_a_bulk_request_is_read(
    sent: object, limit: int | None
) -> None:
    body = {"failOnErrors": sent, "Operations": [{"method": "DELETE", "path": "/Users/1"}]}
    operations, read = parse_bulk(body)
    assert ([each.method for each in operations], read) == (["DELETE"], limit)


@pytest.mark.parametrize("sent", [-1, 1.5, "x", [], {}, True])
def test_another_number_of_errors_is_refused(sent: object) -> None:
    body = {"failOnErrors": sent, "Operations": [{"method": "DELETE", "path": "/Users/1"}]}
    with pytest.raises(InvalidSyntax, match="failOnErrors must be a whole number"):
        parse_bulk(body)


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"filter": 1}, "filter"),
        ({"sortBy": ["userName"]}, "sortBy"),
        ({"sortOrder": 1}, "sortOrder"),
        ({"startIndex": []}, "startIndex"),
        ({"count": 1.5}, "count"),
        ({"cursor": 1}, "cursor"),
        ({"attributes": [1]}, "attributes"),
        ({"excludedAttributes": {}}, "excludedAttributes"),
    ],
)
def test_a_search_with_a_part_of_another_type_is_refused(body: Any, name: str) -> None:
    with pytest.raises(InvalidValue) as refusal:
        parse_search(body)
    assert (refusal.value.path, refusal.value.detail.split()[0]) == (name, name)


def test_a_filter_in_the_url_of_a_search_is_refused_unless_the_body_has_it() -> None:
    with pytest.raises(InvalidValue, match="filter stands in the URL"):
        parse_search({"count": 1}, in_url={"filter"})
    assert parse_search({"filter": 'userName eq "a"'}, in_url={"filter"}).filter is not None
