"""Sorting: by which value of a resource, and in which order any two of them come."""

from __future__ import annotations

from typing import Any

import pytest

from shared.errors import InvalidValue
from shared.scim.core_schemas import ENTERPRISE_USER_SCHEMA, GROUP, USER
from shared.scim.schema import Attribute, ResourceType, Schema
from shared.scim.sorting import MAX_CHARACTERS, MISSING, SortValue, sort_paths, sort_value

THING = ResourceType(
    name="Thing",
    endpoint="/Things",
    description="",
    schema=Schema(
        "urn:x:Thing",
        "Thing",
        "",
        (
            Attribute("size", "integer"),
            Attribute("weight", "decimal"),
            Attribute("ready", "boolean"),
            Attribute("bought", "dateTime"),
            Attribute("code", case_exact=True),
            Attribute("tags", multi_valued=True),
            Attribute("secret", returned="never"),
            Attribute(
                "owner",
                "complex",
                sub_attributes=(Attribute("value"), Attribute("pin", returned="never")),
            ),
        ),
    ),
)


def ordered(sort_by: str, *values: Any) -> list[Any]:
    """Return values of one attribute of things in their order."""
    (path,) = sort_paths(sort_by, [THING])
    assert path is not None
    things = [{path.attribute.name: value} for value in values]
    in_order = sorted(things, key=lambda thing: sort_value(path, thing))
    return [thing[path.attribute.name] for thing in in_order]


@pytest.mark.parametrize(
    ("sort_by", "values"),
    [
        ("size", [-1, 2, 10, None]),
        ("weight", [0.5, 2, 10.25, 10**30]),
        ("ready", [False, True, None]),
        ("code", ["A", "B", "a", "b"]),
        # Moments, whatever offset they are written with, or none.
        (
            "bought",
            [
                "2030-01-01T12:00:00+14:00",
                "2030-01-01T00:00:00",
                "2030-01-01T00:00:00.001Z",
                "2029-12-31T23:00:00-12:00",
                "9999-12-31T23:59:59-12:00",
            ],
        ),
        ("tags", [["a", "z"], ["B"], ["c", "a"], []]),
        ("owner", [{"value": "a"}, {"value": "B"}, {"pin": "0"}]),
        # What was written when the attribute had another type is not in the way.
        ("size", [1, 2, "10", "9", {"value": 0}]),
        ("bought", [7, "2030-01-01T00:00:00Z", "soon"]),
    ],
)
def test_values_are_compared_as_what_they_are(sort_by: str, values: list[Any]) -> None:
    assert ordered(sort_by, *reversed(values)) == values


def test_letter_case_makes_no_difference_unless_the_schema_says_so() -> None:
    (path,) = sort_paths("displayName", [USER])
    values = {sort_value(path, {"displayName": name}) for name in ("Émile", "e\u0301MILE", "émile")}
    assert len(values) == 1


def test_of_several_values_the_primary_one_counts_or_the_first() -> None:
    (path,) = sort_paths("emails", [USER])
    first, second = {"value": "z", "type": "home"}, {"value": "a", "type": "work"}
    assert sort_value(path, {"emails": [first, second]}).value == "z"
    assert sort_value(path, {"emails": [first, {**second, "primary": True}]}).value == "a"
    assert sort_value(path, {"emails": [{"type": "work"}, second]}) == MISSING
    assert sort_value(path, {}) == MISSING


def test_a_long_text_is_compared_by_its_beginning() -> None:
    (path,) = sort_paths("title", [USER])
    value = sort_value(path, {"title": "x" * 100_000})
    assert value == SortValue(is_missing=False, kind=2, value="x" * MAX_CHARACTERS)


def test_what_has_no_value_comes_last() -> None:
    values = [
        SortValue(False, 0, 10**40),
        SortValue(False, 1, 1e12),
        SortValue(False, 2, "\U0010ffff"),
    ]
    assert sorted([MISSING, *reversed(values)]) == [*values, MISSING]


def test_several_types_are_sorted_by_what_each_has() -> None:
    assert sort_paths(None, [USER, GROUP]) == (None, None)
    user, group = sort_paths("userName", [USER, GROUP])
    assert user is not None
    assert group is None
    assert sort_value(group, {"userName": "x"}) == MISSING
    of_both = sort_paths("displayName", [USER, GROUP])
    assert all(of_both)


@pytest.mark.parametrize("name", [f"{ENTERPRISE_USER_SCHEMA}:department", "DEPARTMENT"])
def test_an_attribute_is_found_as_in_a_filter(name: str) -> None:
    (path,) = sort_paths(name, [USER])
    assert sort_value(path, {ENTERPRISE_USER_SCHEMA: {"department": "R"}}).value == "r"


@pytest.mark.parametrize("sort_by", ["shoeSize", "emails.shoeSize", "", "secret", "owner.pin"])
def test_what_is_not_known_or_never_shown_is_refused(sort_by: str) -> None:
    with pytest.raises(InvalidValue, match="sortBy") as refusal:
        sort_paths(sort_by, [THING])
    assert refusal.value.path == "sortBy"


def test_of_a_complex_attribute_without_a_value_the_parts_are_named() -> None:
    with pytest.raises(InvalidValue, match=r"name\.givenName"):
        sort_paths("name", [USER, GROUP])
