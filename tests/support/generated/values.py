"""Values as clients get them wrong, and what an answer owes to the client that sent one.

The rule is simple and knows nothing of how a value is read. Of a request that succeeded, every
scalar that it carried is found in the attribute that it was sent to, and whatever was there before
and is not meant is there still. A request that carried nothing has changed nothing, unless it was
null, "" or [], which unassign. Anything else must have been refused. A remove takes away nothing
that it does not name.
"""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shared.scim.schema import Attribute

_XSD_DATE_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})?"
)

SAMPLES: Final[dict[str, tuple[Any, Any, Any]]] = {
    "string": ("one", "two", "three"),
    "reference": ("https://one", "https://two", "https://three"),
    "binary": ("b25lIQ==", "dHdvIQ==", "MyEhIQ=="),
    "boolean": (True, False, False),
    "integer": (11, 22, 33),
    "decimal": (1.25, 2.25, 3.25),
    "dateTime": ("2031-01-31T12:00:00Z", "2032-01-31T12:00:00Z", "2033-01-31T12:00:00Z"),
}
"""Of each type: a value that is held, one that is sent, and another that is held in a list."""

SCALARS: Final[tuple[Any, ...]] = (
    *(True, False, 0, 5, -1, 1.5, 3.0, 10**30, "text", "  ", "True", "false", "5", "5.5", "null"),
    *("2030-01-31T12:00:00Z", "2030-01-31T12:00:00", "2030-01-31", "20300131120000Z", "yesterday"),
    *("QUJD", "QUJD\nQUJD", "QQ==", "QQ", "QQ=", "%HELLO%", "\ud800", "o'hara", "\u201cx\u201d"),
)
UNASSIGNED: Final[tuple[Any, ...]] = (None, "", [])
NOTHINGS: Final[tuple[Any, ...]] = (
    None,
    "",
    [],
    {},
    [None],
    [""],
    [{}],
    [[]],
    [None, None],
    [[], []],
)
WRAPPED: Final[tuple[Any, ...]] = (
    *(["x"], [["x"]], [[["x"]]], {"value": "x"}, [{"$ref": None, "value": "x"}], {"VALUE": "x"}),
    *({"value": {"value": "x"}}, {"value": ["x"]}, {"value": [["x"]]}, [{"value": ["x"]}]),
    *({"value": None}, {"value": ""}, {"value": []}, {"value": {}}, [{"value": ""}]),
    *([{"value": None}], [{"value": {}}], [{"$ref": None, "value": ""}], {"x": {"value": "x"}}),
    *({"values": ["x"]}, [{"values": ["x"]}], {"Resources": [{"value": "x"}]}),
)
UNKNOWN_PARTS: Final[tuple[Any, ...]] = (
    *({"foo": "x"}, [{"foo": "x"}], [{"value": "x"}, {"foo": "y"}], {"foo": None}, [{"foo": None}]),
    *({"value": "x", "foo": "y"}, [{"value": "x", "foo": "y"}], {"bad name": "x"}, {"": "x"}),
    *({"value": "x", "bad name": "y"}, {"id": "x"}, [{"id": "x"}], [{"address": "x"}]),
    *({"type": "t", "foo": "x"}, [{"type": "t", "foo": "x"}], {"foo": {"value": "x"}}),
    *([{"value": "x"}, {"type": "t", "address": "y"}], [{"primary": True, "foo": "x"}]),
    *([{"display": "d", "foo": "x"}], [{"value": "", "foo": "x"}], {"value": None, "foo": "x"}),
    *([{"type": "t", "foo": ""}], {"displayName": "d", "id": "x"}, {"$ref": "r", "foo": "x"}),
)
LABELS: Final[tuple[Any, ...]] = (
    *([{"type": "t"}], {"type": "t"}, [{"primary": True}], [{"type": "t", "primary": True}]),
    *([{"type": "t", "value": ""}], [{"type": "t", "value": None}], [{"display": "d"}]),
    *([{"type": "t"}, {"value": "x"}], [{"type": "t", "display": "d"}], [{"$ref": "r"}]),
)
SEVERAL: Final[tuple[Any, ...]] = (
    *(["a", "b"], [{"value": "a"}, {"value": "b"}], ["a", {"value": "b"}], ["a", None], ["a", {}]),
    *([{"value": "a"}, {"value": "a"}], ["a", "a"], ["a", ["b"]], [{"value": "a"}, []]),
)
JSON_TEXTS: Final[tuple[Any, ...]] = (
    *('{"value":"x"}', '["x"]', '[{"value":"x"}]', '{"foo":"x"}', "{}", "[]", '{"value":', "[x"),
    *(['{"value":"x","type":"t"}'], {"value": '{"value":"x"}'}, [{"value": '{"value":"x"}'}]),
    *({"value": '{"foo":"x"}'}, [{"value": '{"foo":"x"}'}], ['["x"]'], ['{"foo":"x"}'], '""'),
    *(" {} ", '{"value":""}', '{"value":null}', {"value": "{}"}, ["{}"], ["[]"], "[[]]", "[{}]"),
    *("{'value':'x','type':'t'}", '[{"value":"a"}', "{value: x}", [{"value": "{value: x}"}]),
    *(["{bad"], {"value": "{'value':'x'}"}, '"x"', ['"x"'], "null", "true", ["null"], ["false"]),
)
WRONG_PARTS: Final[tuple[Any, ...]] = (
    *([{"value": True}], [{"value": {"a": 1}}], [{"value": "x", "primary": "perhaps"}]),
    *([{"value": "x", "primary": "True"}], [{"value": "x", "type": ["a", "b"]}]),
    *([{"value": "x", "type": {}}], [{"value": "x", "type": True}], {"value": False}),
)
VALUES: Final[tuple[Any, ...]] = (
    *(*SCALARS, *NOTHINGS, *WRAPPED, *UNKNOWN_PARTS, *LABELS, *SEVERAL, *JSON_TEXTS),
    *WRONG_PARTS,
)
"""Values that do not look at what they are sent to."""


def sent(attribute: Attribute) -> Any:
    """Return a value of an attribute as a client should send it."""
    value = _sample(attribute, 1)
    return [value] if attribute.multi_valued else value


def stored(attribute: Attribute) -> Any:
    """Return a value of an attribute as it is held: two elements, where there may be many."""
    return (
        [_sample(attribute, n) for n in (0, 2)] if attribute.multi_valued else _sample(attribute, 0)
    )


def _sample(attribute: Attribute, which: int) -> Any:
    if attribute.type != "complex":
        return SAMPLES[attribute.type][which]
    return {
        sub.name: _sample_part(sub, which)
        for sub in attribute.sub_attributes
        if sub.mutability != "readOnly" or attribute.mutability == "readOnly"
    }


def part(sub: Attribute) -> Any:
    """Return a value of a part as a client should send it."""
    return _sample_part(sub, 1)


def _sample_part(sub: Attribute, which: int) -> Any:
    value = SAMPLES[sub.type][which]
    if sub.name == "$ref":
        return f"https://x.test/Users/{SAMPLES['string'][which]} value"
    return f"{value} {sub.name}" if sub.type == "string" else value


def shaped(attribute: Attribute, names: tuple[str, ...]) -> Iterator[Any]:
    """Yield values that look at the attribute: right ones, in the shapes that clients give them.

    Args:
        attribute: The attribute.
        names: Its name and its path, under which a client may wrap a value once more.
    """
    right = sent(attribute)
    yield right
    yield [right]
    yield {"value": right}
    yield [{"$ref": None, "value": right}]
    yield from ({name: right} for name in names)
    yield from ({name: {name: right}} for name in names)
    yield {names[0]: right, "foo": "x"}
    yield {names[0]: []}
    yield json.dumps(right)
    yield json.dumps([right])
    if attribute.type == "complex":
        yield from _shaped_parts(attribute)


def _shaped_parts(attribute: Attribute) -> Iterator[Any]:
    """Yield objects with one part of an attribute, right and wrong, alone and beside others."""
    whole = sent(attribute)
    element = whole[0] if attribute.multi_valued else whole
    for name, part in element.items():
        yield {name: part}
        yield [{name: part}]
        yield {name.upper(): part}
        yield {name: part, "foo": "x"}
        for wrong in (*UNASSIGNED, {}, [[]], True, {"foo": "x"}, ["a", "b"]):
            yield {name: wrong}
            yield {**element, name: wrong}
            yield [{**element, name: wrong}]
    yield [element, element]
    yield [element, {"foo": "x"}]
    yield [element, None, {}]
    yield [element, []]
    yield [json.dumps(element)]
    yield [{"value": json.dumps(element)}]


def carried(attribute: Attribute, value: Any, *, drops_labels: bool = True) -> set[str]:
    """Return the scalars that an answer owes to the client: what was sent and may not get lost.

    Not among them are parts that no schema has, beside one that the attribute has, and elements of
    which nothing is said but how they are called, unless they are there already.
    """
    return set(_owed(attribute, value, drops_labels))


def _owed(attribute: Attribute, value: Any, drops_labels: bool) -> Iterator[str]:
    if attribute.type == "complex":
        value = _of_json(value)
    if isinstance(value, list):
        for each in value:
            yield from _owed(attribute, each, drops_labels)
    elif isinstance(value, dict):
        yield from _owed_of_object(attribute, value, drops_labels)
    elif value is not None and value != "":
        yield normal(value)


def _owed_of_object(
    attribute: Attribute, value: dict[str, Any], drops_labels: bool
) -> Iterator[str]:
    parts = {sub.name.lower(): sub for sub in attribute.sub_attributes}
    known = {
        name.lower(): part
        for name, part in value.items()
        if name.lower() in parts and parts[name.lower()].mutability != "readOnly"
    }
    is_label = bool(known) and _is_label(attribute, known)
    is_dropped = is_label and (drops_labels or "value" in known)
    for name, part in value.items():
        sub = parts.get(name.lower())
        if sub is not None and (sub.mutability == "readOnly" or is_dropped):
            if name.lower() in {"display", "$ref"} and "value" not in known:
                yield from _owed(sub, part, drops_labels)
            continue
        if sub is not None or not known or is_label:
            is_packed = attribute.type == "complex" and name.lower() == "value"
            inner = _of_json(part) if is_packed else part
            is_packed = is_packed and isinstance(inner, dict) and inner != {}
            yield from _owed(attribute if is_packed else (sub or attribute), inner, drops_labels)


def _is_label(attribute: Attribute, known: dict[str, Any]) -> bool:
    """Tell whether an element lacks the part that holds what it is."""
    has_value = attribute.sub_attribute("value") is not None
    if "value" in known and known["value"] in (None, "", []) and known.keys() <= {"value", "$ref"}:
        return True
    if not attribute.multi_valued or not (has_value or attribute.name == "addresses"):
        return False
    labels = {"type", "primary"} | ({"display", "$ref"} if has_value else set())
    return all(name in labels or part in (None, "", []) for name, part in known.items())


def clears(attribute: Attribute, value: Any, *, is_one: bool) -> bool:
    """Tell whether a value that carries nothing unassigns the attribute, or some of its parts.

    Args:
        attribute: The attribute.
        value: What was sent.
        is_one: Whether one value is meant, so that a list may be wrapped around it.
    """
    if _is_empty(value):
        return True
    if attribute.type == "complex":
        value = _of_json(value)
    if isinstance(value, list):
        wraps_nothing = is_one and len(value) == 1 and value[0] in (None, "")
        objects = (each for each in value if isinstance(each, dict))
        return wraps_nothing or any(clears(attribute, each, is_one=True) for each in objects)
    return isinstance(value, dict) and any(
        _clears_part(attribute, name.lower(), part) for name, part in value.items()
    )


def _clears_part(attribute: Attribute, name: str, part: Any) -> bool:
    names = {"value", *(sub.name.lower() for sub in attribute.sub_attributes)}
    packed = _of_json(part) if name == "value" else None
    is_packed = isinstance(packed, dict) and clears(attribute, packed, is_one=True)
    return is_packed or (name in names and _is_empty(part))


def _is_empty(value: Any) -> bool:
    return value in UNASSIGNED


def _of_json(value: Any) -> Any:
    if not isinstance(value, str) or value.strip()[:1] not in {"{", "["}:
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def leaves(value: Any) -> set[str]:
    """Return the scalars that a stored value has."""
    if isinstance(value, list):
        return set().union(*map(leaves, value))
    if isinstance(value, dict):
        return set().union(*map(leaves, value.values()))
    return set() if value is None else {normal(value)}


def normal(value: Any) -> str:
    """Return a scalar as it is compared here: as text, a whole number without its fraction."""
    text = str(value).strip()
    if re.fullmatch(r"-?[0-9]+[.]0+", text):
        text = text.partition(".")[0]
    return text.lower() if text.lower() in {"true", "false"} else text


_IS_OF_TYPE: Final[dict[str, Callable[[Any], bool]]] = {
    "string": lambda value: isinstance(value, str) and value != "",
    "reference": lambda value: isinstance(value, str) and value != "",
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: type(value) is int,
    "decimal": lambda value: type(value) in {int, float},
    "dateTime": lambda value: bool(_XSD_DATE_TIME.fullmatch(value)),
    "binary": lambda value: bool(_base64_bytes(value)),
}


def _base64_bytes(text: str) -> bytes:
    joined = "".join(text.split())
    return base64.b64decode(joined + "=" * (-len(joined) % 4), validate=True)


def is_of_its_type(attribute: Attribute, value: Any) -> bool:
    """Tell whether a stored value is what its description says."""
    if attribute.multi_valued:
        elements = value if isinstance(value, list) else []
        return bool(elements) and all(_is_one(attribute, each) for each in elements)
    return _is_one(attribute, value)


def _is_one(attribute: Attribute, value: Any) -> bool:
    if attribute.type != "complex":
        return _IS_OF_TYPE[attribute.type](value)
    parts = {sub.name: sub for sub in attribute.sub_attributes}
    return (
        isinstance(value, dict)
        and bool(value)
        and all(name in parts and _is_one(parts[name], part) for name, part in value.items())
    )
