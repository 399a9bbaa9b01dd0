"""Coercion of what clients send to the type of its attribute."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest

from shared.errors import InvalidValue
from shared.scim import values
from shared.scim.core_schemas import USER
from shared.scim.scalars import read_time
from shared.scim.schema import Attribute

STRING = Attribute("title")
BOOLEAN = Attribute("active", "boolean")
INTEGER = Attribute("level", "integer")
DECIMAL = Attribute("share", "decimal")
MOMENT = Attribute("hired", "dateTime")
BINARY = Attribute("photo", "binary")
NAME = Attribute("name", "complex", sub_attributes=(Attribute("givenName"),))
TAGS = Attribute("tags", multi_valued=True)


def of_user(name: str) -> Attribute:
    path = USER.find(name)
    assert path is not None
    return path.attribute


def coerced(attribute: Attribute, value: Any) -> Any:
    return values.coerce(attribute, value, attribute.name)


@pytest.mark.parametrize("attribute", [STRING, BOOLEAN, TAGS, of_user("manager"), of_user("roles")])
def test_null_and_what_is_empty_leave_the_attribute_unassigned(attribute: Attribute) -> None:
    nothings: tuple[Any, ...] = (None, "", [])
    for value in nothings:
        assert coerced(attribute, value) is None


@pytest.mark.parametrize("value", [[None], [""], {"value": ""}, [{"$ref": None, "value": None}]])
@pytest.mark.parametrize("attribute", [STRING, BOOLEAN, of_user("manager")])
def test_nothing_in_the_wrapping_of_a_single_value_does_too(
    attribute: Attribute, value: Any
) -> None:
    assert coerced(attribute, value) is None


@pytest.mark.parametrize("value", [{"value": ""}, [{"value": None}], [{"type": "x", "value": ""}]])
def test_so_does_a_list_of_which_the_only_value_is_unassigned(value: Any) -> None:
    assert coerced(of_user("roles"), value) is None


@pytest.mark.parametrize("value", [{}, [{}], [None], [""], [None, {}], "[]", "{}", "[{}]"])
def test_a_list_may_name_nothing(value: Any) -> None:
    assert coerced(of_user("roles"), value) == []


@pytest.mark.parametrize("value", [{}, [{}], {"foo": None}, "{}"])
def test_an_object_may_name_nothing(value: Any) -> None:
    assert coerced(of_user("manager"), value) == {}


@pytest.mark.parametrize("value", [{}, [{}], [[]], {"value": {}}, {"foo": None}])
@pytest.mark.parametrize("attribute", [STRING, BOOLEAN, MOMENT])
def test_an_object_is_no_simple_value(attribute: Attribute, value: Any) -> None:
    with pytest.raises(InvalidValue):
        coerced(attribute, value)


@pytest.mark.parametrize("value", [[[]], [["x"]], [[{"value": "x"}]]])
@pytest.mark.parametrize("attribute", [STRING, TAGS, NAME, of_user("manager"), of_user("roles")])
def test_a_list_in_a_list_is_refused(attribute: Attribute, value: Any) -> None:
    with pytest.raises(InvalidValue, match="not a list"):
        coerced(attribute, value)


@pytest.mark.parametrize(
    "value",
    [{"email": "n@x"}, [{"email": "n@x"}], [{"value": "a"}, {"email": "n@x"}], '{"email":"n@x"}'],
)
@pytest.mark.parametrize("attribute", [NAME, of_user("emails"), of_user("addresses")])
def test_a_value_of_which_no_part_is_known_is_refused(attribute: Attribute, value: Any) -> None:
    with pytest.raises(InvalidValue) as refusal:
        coerced(attribute, value)
    assert "n@x" not in refusal.value.detail


@pytest.mark.parametrize("key", ["bad name", "", "@odata.id", "x[y]", "🎈"])
def test_a_part_under_what_is_no_name_is_refused(key: str) -> None:
    with pytest.raises(InvalidValue):
        coerced(of_user("emails"), [{"value": "a", key: "x"}])
    assert coerced(of_user("emails"), [{"value": "a", key: None}]) == [{"value": "a"}]


@pytest.mark.parametrize(
    ("attribute", "value", "expected"),
    [
        (BOOLEAN, "True", True),
        (BOOLEAN, " false ", False),
        (BOOLEAN, True, True),
        (STRING, 7, "7"),
        (STRING, 7.5, "7.5"),
        pytest.param(STRING, 10**4000, "1" + "0" * 4000, id="large"),
        (STRING, "  as sent  ", "  as sent  "),
        (STRING, "\N{PILE OF POO}\x00", "\N{PILE OF POO}\x00"),
        (STRING, [{"$ref": None, "value": "X"}], "X"),
        (STRING, {"VALUE": "X"}, "X"),
        (STRING, ["X"], "X"),
        (BINARY, "QUI=", "QUI="),
        (BINARY, "QUI", "QUI"),
        (BINARY, "QU\r\nJD\nQUJD\n", "QU\r\nJD\nQUJD\n"),
        (MOMENT, "2030-01-31T24:00:00.0Z", "2030-01-31T24:00:00.0Z"),
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
        (STRING, True, "a string of Unicode text, not a boolean"),
        (STRING, False, "a string of Unicode text, not a boolean"),
        (STRING, {"value": "X", "type": "y"}, "a string of Unicode text, not an object"),
        (BINARY, "%HELLO%", "base64 as a string, not this string"),
        (BINARY, "QUI==", "base64 as a string, not this string"),
        (BINARY, "Q", "base64 as a string, not this string"),
        (BINARY, "QQ==QQ==", "base64 as a string, not this string"),
        (BINARY, "QU-_", "base64 as a string, not this string"),
        (BINARY, " ", "base64 as a string, not this string"),
        (BINARY, "-----BEGIN CERTIFICATE-----", "base64 as a string, not this string"),
        (BINARY, True, "base64 as a string, not a boolean"),
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
        *(
            (MOMENT, text, "a date and time such as 2030-01-31T12:00:00Z, not this string")
            for text in (
                *("yesterday", "2030-01-31", "20300131T120000Z", "2030-01-31 12:00:00Z"),
                *("2030-01-31T12:00Z", "2030-W05-4T12:00:00Z", "2030-02-30T12:00:00Z"),
                *("2030-01-31T24:00:01Z", "9999-12-31T24:00:00Z", "2030-01-31t12:00:00z"),
                *(
                    "2030-01-31T12:00:00+0100",
                    "2030-01-31T12:00:00,5Z",
                    "\uff12030-01-31T12:00:00Z",
                ),
            )
        ),
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
        ({"value": "[Admin] of all"}, {"value": "[Admin] of all"}),
    ],
)
def test_a_role_may_be_packed_as_json_text(value: Any, expected: Any) -> None:
    assert coerced(of_user("roles"), [value]) == [expected]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('{"type":"other","value":"n@x"}', [{"type": "other", "value": "n@x"}]),
        (['{"TYPE":"other","VALUE":"n@x"}'], [{"type": "other", "value": "n@x"}]),
        ([{"VALUE": '{"type":"other","value":"n@x"}'}], [{"type": "other", "value": "n@x"}]),
        ([{"type": "work", "value": '{"value":"n@x"}'}], [{"type": "work", "value": "n@x"}]),
        ('[{"value":"n@x"},{"value":"m@x"}]', [{"value": "n@x"}, {"value": "m@x"}]),
        ('["n@x","m@x"]', [{"value": "n@x"}, {"value": "m@x"}]),
        (' [ "n@x" ] ', [{"value": "n@x"}]),
    ],
)
def test_json_as_text_is_what_it_says_wherever_a_complex_value_is_wanted(
    value: Any, expected: Any
) -> None:
    assert coerced(of_user("emails"), value) == expected


def test_a_single_complex_value_may_be_json_as_text_too() -> None:
    manager = of_user("manager")
    for value in ('{"value":"m1"}', ['{"value":"m1"}'], '[{"value":"m1"}]', '["m1"]'):
        assert coerced(manager, value) == {"value": "m1"}
    assert coerced(NAME, '{"givenName":"Bo"}') == {"givenName": "Bo"}


@pytest.mark.parametrize(
    "value",
    [
        *('{"no":"value"}', [{"value": '{"no":"value"}'}], ["[]"], ['["n@x"]'], "[[]]"),
        *([{"value": "[]"}], [{"value": "{}"}], [{"value": {"value": '{"value":"n@x"}'}}]),
    ],
)
def test_json_as_text_that_says_nothing_is_refused(value: Any) -> None:
    with pytest.raises(InvalidValue):
        coerced(of_user("emails"), value)


def test_a_text_is_kept_where_a_text_is_wanted() -> None:
    for text in ('{"value":"25"}', '["x"]', "{}", "[]"):
        assert coerced(STRING, text) == text
        assert coerced(TAGS, [text]) == [text]


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
        ("2030-01-31T24:00:00", "2030-02-01T00:00:00+00:00"),
    ],
)
def test_a_time_without_an_offset_is_taken_as_utc(text: str, utc: str) -> None:
    assert read_time(text).isoformat() == utc


@pytest.mark.parametrize(
    "value",
    [
        *("{not json", "[x", "{x}@x", "null", "TRUE", "false", '"a@x"', '""'),
        *("{'value':'x'}", "{value: x}", '{"a":' * 100_000, '[{"value":"a"}', " "),
    ],
)
def test_json_that_went_wrong_is_no_value(value: str) -> None:
    for name in ("emails", "manager", "roles", "addresses"):
        for sent in (value, [value]):
            with pytest.raises(InvalidValue):
                coerced(of_user(name), sent)
    if ":" in value or value == " ":
        with pytest.raises(InvalidValue):
            coerced(of_user("roles"), [{"value": value}])
    else:
        assert coerced(of_user("roles"), [{"value": value}]) == [{"value": value}]
