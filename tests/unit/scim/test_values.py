"""Coercion of what clients send to the type of its attribute."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest

from shared.errors import InvalidValue
from shared.scim import values
from shared.scim.core_schemas import USER
from shared.scim.schema import Attribute

STRING = Attribute("title")
BOOLEAN = Attribute("active", "boolean")
INTEGER = Attribute("level", "integer")
DECIMAL = Attribute("share", "decimal")
MOMENT = Attribute("hired", "dateTime")
NAME = Attribute("name", "complex", sub_attributes=(Attribute("givenName"),))
TAGS = Attribute("tags", multi_valued=True)


def of_user(name: str) -> Attribute:
    path = USER.find(name)
    assert path is not None
    return path.attribute


def coerced(attribute: Attribute, value: Any) -> Any:
    return values.coerce(attribute, value, attribute.name)


@pytest.mark.parametrize("value", [None, "", [], {}, [None], [""], [{}], {"value": ""}])
@pytest.mark.parametrize("attribute", [STRING, BOOLEAN, TAGS, of_user("manager"), of_user("roles")])
def test_every_form_of_nothing_leaves_the_attribute_unassigned(
    attribute: Attribute, value: Any
) -> None:
    assert coerced(attribute, value) is None


@pytest.mark.parametrize(
    ("attribute", "value", "expected"),
    [
        (BOOLEAN, "True", True),
        (BOOLEAN, " false ", False),
        (BOOLEAN, True, True),
        (STRING, 7, "7"),
        (STRING, 7.5, "7.5"),
        pytest.param(STRING, 10**4000, "1" + "0" * 4000, id="large"),
        (STRING, True, "true"),
        (STRING, False, "false"),
        (STRING, "  as sent  ", "  as sent  "),
        (STRING, "\N{PILE OF POO}\x00", "\N{PILE OF POO}\x00"),
        (STRING, [{"$ref": None, "value": "X"}], "X"),
        (STRING, {"VALUE": "X"}, "X"),
        (STRING, ["X"], "X"),
        (BOOLEAN, [{"$ref": None, "value": "False"}], False),
        (INTEGER, 3, 3),
        (INTEGER, "-3", -3),
        (INTEGER, 3.0, 3),
        (DECIMAL, "2.5e1", 25.0),
        (DECIMAL, 2.5, 2.5),
        (MOMENT, "2030-01-31T12:00:00Z", "2030-01-31T12:00:00Z"),
        (TAGS, "a", ["a"]),
        (TAGS, ["a", None, 1], ["a", "1"]),
        (NAME, {"GIVENNAME": "Bo", "nick": "B"}, {"givenName": "Bo"}),
        (NAME, [{"givenName": "Bo"}], {"givenName": "Bo"}),
    ],
)
def test_a_value_is_read_as_one_of_the_attributes_type(
    attribute: Attribute, value: Any, expected: Any
) -> None:
    result = coerced(attribute, value)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("attribute", "value", "wanted"),
    [
        (BOOLEAN, "banana", "a boolean (true or false), not this string"),
        (BOOLEAN, 1, "a boolean (true or false), not this number"),
        (BOOLEAN, {"a": 1}, "a boolean (true or false), not an object"),
        (BOOLEAN, [True, False], "one value, not a list of 2"),
        (STRING, {"a": 1}, "a string of Unicode text, not an object"),
        (STRING, [["X"]], "a string of Unicode text, not a list"),
        (STRING, "\ud800", "a string of Unicode text, not this string"),
        (STRING, float("nan"), "a string of Unicode text, not this number"),
        (STRING, float("inf"), "a string of Unicode text, not this number"),
        pytest.param(STRING, 10**5000, "a string of Unicode text, not this number", id="huge"),
        (INTEGER, 2.5, "a whole number, not this number"),
        (INTEGER, "x", "a whole number, not this string"),
        (INTEGER, True, "a whole number, not a boolean"),
        pytest.param(INTEGER, "9" * 5000, "a whole number, not this string", id="long"),
        (DECIMAL, "1e999", "a number, not this string"),
        (MOMENT, "yesterday", "a date and time such as 2030-01-31T12:00:00Z, not this string"),
        (NAME, "Bo Li", "an object with sub-attributes, not this string"),
        (TAGS, [["a"]], "a string of Unicode text, not a list"),
        (TAGS, ["a"] * 1001, "at most 1000 values, not 1001"),
    ],
)
def test_a_hopeless_value_is_refused_with_the_attribute_and_the_type(
    attribute: Attribute, value: Any, wanted: str
) -> None:
    with pytest.raises(InvalidValue) as refusal:
        coerced(attribute, value)
    assert refusal.value.path == attribute.name
    assert refusal.value.detail.startswith(f"{attribute.name} takes {wanted}")


def test_a_refusal_names_the_part_and_does_not_repeat_the_value() -> None:
    with pytest.raises(InvalidValue) as refusal:
        coerced(of_user("emails"), [{"value": "a"}, {"primary": "my secret"}])
    assert refusal.value.path == "emails.primary"
    assert "secret" not in refusal.value.detail


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a@x", [{"value": "a@x"}]),
        (["a@x", "b@x"], [{"value": "a@x"}, {"value": "b@x"}]),
        ({"type": "work", "value": "a@x"}, [{"type": "work", "value": "a@x"}]),
        ([{"value": 5, "PRIMARY": "True", "x": 1}], [{"value": "5", "primary": True}]),
        ([{"type": "work", "value": None}, "b@x"], [{"value": "b@x"}]),
        ([{"type": "work", "value": "a@x", "display": None}], [{"type": "work", "value": "a@x"}]),
        ([{"type": "work"}], [{"type": "work"}]),
    ],
)
def test_elements_come_in_every_shape(value: Any, expected: Any) -> None:
    assert coerced(of_user("emails"), value) == expected


@pytest.mark.parametrize(
    "value",
    ["m1", ["m1"], {"value": "m1"}, [{"$ref": None, "value": "m1"}], {"value": "m1", "$ref": ""}],
)
def test_a_manager_is_an_object_whatever_was_sent(value: Any) -> None:
    assert coerced(of_user("manager"), value) == {"value": "m1"}


def test_what_is_read_only_is_dropped_from_a_value() -> None:
    assert coerced(of_user("manager"), {"value": "m1", "displayName": "Bo"}) == {"value": "m1"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            {"value": json.dumps({"id": "1", "value": "25", "displayName": "Role"})},
            {"value": "25", "display": "Role"},
        ),
        (
            {"primary": True, "value": json.dumps({"value": "25"})},
            {"value": "25", "primary": True},
        ),
        (json.dumps({"value": "25"}), {"value": "25"}),
        ({"value": "Admin", "displayName": "A"}, {"value": "Admin", "display": "A"}),
        ({"value": "{not json"}, {"value": "{not json"}),
        ({"value": '{"no": "value"}'}, {"value": '{"no": "value"}'}),
        ({"value": '{"a":' * 100_000}, {"value": '{"a":' * 100_000}),
    ],
)
def test_a_role_may_be_packed_as_json_text(value: Any, expected: Any) -> None:
    assert coerced(of_user("roles"), [value]) == [expected]


def test_only_roles_are_unpacked() -> None:
    text = json.dumps({"value": "25"})
    assert coerced(of_user("entitlements"), [text]) == [{"value": text}]


@pytest.mark.parametrize("opening", ["[", '{"value":'])
def test_a_value_nested_without_end_is_refused_or_empty(opening: str) -> None:
    value: Any = "x"
    for _ in range(100_000):
        value = [value] if opening == "[" else {"value": value}
    for attribute in (STRING, BOOLEAN, NAME, TAGS, of_user("emails"), of_user("manager")):
        with contextlib.suppress(InvalidValue):
            assert coerced(attribute, value) is None


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2030-01-31T12:00:00Z", "2030-01-31T12:00:00+00:00"),
        ("2030-01-31T12:00:00.1234567+02:00", "2030-01-31T12:00:00.123456+02:00"),
        ("2030-01-31T12:00:00", "2030-01-31T12:00:00+00:00"),
        ("2030-01-31", "2030-01-31T00:00:00+00:00"),
    ],
)
def test_a_time_without_an_offset_is_taken_as_utc(text: str, utc: str) -> None:
    assert values.read_time(text).isoformat() == utc
