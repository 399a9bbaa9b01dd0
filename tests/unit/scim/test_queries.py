"""Queries: what is read of a URL and of a SearchRequest, and that both are read alike."""

from __future__ import annotations

from typing import Any

import pytest

from shared.errors import InvalidCount, InvalidFilter, InvalidSyntax, InvalidValue
from shared.scim.core_schemas import USER
from shared.scim.messages import parse_search
from shared.scim.queries import MAX_COUNT, Query, from_parameters

BOTH: list[tuple[dict[str, str], dict[str, Any], Query]] = [
    ({}, {}, Query()),
    ({"filter": "id pr"}, {"filter": "id pr"}, Query(filter="id pr")),
    ({"sortby": " userName "}, {"sortBy": " userName "}, Query(sort_by="userName")),
    ({"sortby": "", "sortorder": ""}, {"sortBy": "", "sortOrder": None}, Query()),
    ({"sortorder": "Descending"}, {"SORTORDER": "Descending"}, Query(descending=True)),
    ({"sortorder": "ascending"}, {"sortOrder": "ascending"}, Query()),
    (
        {"startindex": "201", "count": "10"},
        {"startIndex": 201, "count": 10},
        Query(start_index=201, count=10),
    ),
    ({"startindex": "+3", "count": " "}, {"startIndex": "+3", "count": " "}, Query(start_index=3)),
    ({"startindex": "0", "count": "0"}, {"startIndex": 0, "count": 0}, Query(count=0)),
    ({"startindex": "-5", "count": "-5"}, {"startIndex": -5, "count": -5}, Query(count=0)),
    ({"count": "201"}, {"count": 201}, Query(count=200)),
    ({"startindex": "9999999999"}, {"startIndex": 9_999_999_999}, Query(start_index=9_999_999_999)),
    ({"cursor": ""}, {"cursor": ""}, Query(cursor="")),
    ({"cursor": "x", "count": "200"}, {"cursor": "x", "count": 200}, Query(cursor="x", count=200)),
    *(
        ({"startindex": text, "count": text}, {"startIndex": number, "count": text}, query)
        for text, number, query in (
            ("9" * 11, 10**11 - 1, Query(start_index=10**11 - 1, count=MAX_COUNT)),
            ("9" * 5_000, 10**400, Query(start_index=10**18, count=MAX_COUNT)),
            ("-" + "9" * 5_000, -(10**400), Query(count=0)),
        )
    ),
    ({"cursor": "", "startindex": "1"}, {"cursor": "", "startIndex": 1}, Query(cursor="")),
    ({"attributes": "a,b"}, {"attributes": ["a", "b"]}, Query(attributes="a,b")),
    ({"excludedattributes": "a"}, {"excludedAttributes": "a"}, Query(excluded_attributes="a")),
    ({"unknown": "x"}, {"unknown": "x", "schemas": []}, Query()),
]


@pytest.mark.parametrize(("parameters", "message", "query"), BOTH, ids=str)
def test_a_url_and_a_message_ask_the_same(
    parameters: dict[str, str], message: dict[str, Any], query: Query
) -> None:
    assert from_parameters(parameters) == query
    assert parse_search(message) == query


@pytest.mark.parametrize(
    "text", ["one", "1.5", "1e3", "0x10", "--1", "+-1", "-", "9" * 5_000 + "x", "²"]
)
@pytest.mark.parametrize("name", ["startIndex", "count"])
def test_paging_by_something_else_than_a_number_is_refused(name: str, text: str) -> None:
    for read, given in ((from_parameters, {name.lower(): text}), (parse_search, {name: text})):
        with pytest.raises(InvalidValue, match=f"{name} must be a whole number") as refusal:
            read(given)
        assert refusal.value.path == name


@pytest.mark.parametrize("count", ["201", "x", "1.5", "9" * 11])
def test_a_count_by_cursor_is_not_cut_but_refused(count: str) -> None:
    for read in (from_parameters, parse_search):
        with pytest.raises(InvalidCount, match="at most 200"):
            read({"cursor": "", "count": count})


def test_a_page_does_not_begin_at_two_places() -> None:
    with pytest.raises(InvalidValue, match="startIndex or at cursor"):
        from_parameters({"cursor": "", "startindex": "2"})


@pytest.mark.parametrize("order", ["down", "desc", "-1", "ascending descending"])
def test_an_order_that_is_none_is_refused(order: str) -> None:
    with pytest.raises(InvalidValue, match="ascending or descending"):
        from_parameters({"sortby": "userName", "sortorder": order})


@pytest.mark.parametrize("text", ["", "  "])
def test_an_empty_filter_is_a_mistake(text: str) -> None:
    for read in (from_parameters, parse_search):
        with pytest.raises(InvalidFilter):
            read({"filter": text})


@pytest.mark.parametrize("body", [None, [], "x", 1, True])
def test_a_message_is_an_object(body: Any) -> None:
    with pytest.raises(InvalidSyntax, match="SearchRequest"):
        parse_search(body)


@pytest.mark.parametrize(
    "name",
    [
        "filter",
        "sortBy",
        "sortOrder",
        "startIndex",
        "count",
        "cursor",
        "attributes",
        "excludedAttributes",
    ],
)
@pytest.mark.parametrize("value", [True, {}, 1.5, [1], [["a"]]], ids=str)
def test_a_value_of_another_type_is_refused_by_its_name(name: str, value: Any) -> None:
    with pytest.raises(InvalidValue) as refusal:
        parse_search({"filter": "id pr", name: value})
    assert refusal.value.path == name
    assert refusal.value.detail.startswith(f"{name} must be ")


def test_what_to_show_is_read_from_both_lists() -> None:
    assert not from_parameters({"excludedattributes": "groups"}).projection(USER).includes("groups")
    only = parse_search({"attributes": ["userName"], "excludedAttributes": ["id"]})
    assert only.projection(USER).includes("userName")
    assert not only.projection(USER).includes("groups")
