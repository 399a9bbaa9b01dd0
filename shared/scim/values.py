"""Coercion: a value as a client has sent it becomes the value that its attribute holds.

Clients are taken as they are: Entra sends booleans as strings, a list around a single value, the
id of a manager as a bare string, and the whole of a role as JSON text in its `value`. What is of
the right type is kept exactly as it was sent; formats are not checked, because Entra's validators
send random text for locales, time zones and phone numbers and compare what comes back.
"""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn

from shared.errors import InvalidValue

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.scim.schema import Attribute, AttributeType, Document

MAX_VALUES = 1_000
"""Values that a multi-valued attribute may hold. Members of a group are not counted here."""

_LABELS = frozenset({"type", "primary"})
"""Parts that say which value it is, and are worth nothing without one."""

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)


def is_unassigned(value: Any) -> bool:
    """Tell whether a value stands for "no value" (RFC 7643 section 2.5; Entra also sends "")."""
    return not value and (value is None or isinstance(value, str | list | dict))


def elements(value: Any) -> list[Any]:
    """Return the values that an attribute holds, however many it may hold."""
    if is_unassigned(value):
        return []
    return value if isinstance(value, list) else [value]


def coerce(attribute: Attribute, value: Any, path: str) -> Any:
    """Return the value that the attribute holds when a client has sent `value`.

    Args:
        attribute: The attribute, or sub-attribute, that is written.
        value: Any JSON value.
        path: Attribute path, for the error.

    Returns:
        A list for a multi-valued attribute, an object for a complex one, else a scalar; None if
        the value leaves the attribute unassigned.

    Raises:
        InvalidValue: The value cannot be read as one of the attribute's type.
    """
    if is_unassigned(value):
        return None
    if not attribute.multi_valued:
        return _element(attribute, single(attribute, value, path), path)
    sent = value if isinstance(value, list) else [value]
    check_count(len(sent), path)
    coerced = (_element(attribute, element, path) for element in sent)
    return [element for element in coerced if element is not None] or None


def coerce_parts(attribute: Attribute, value: Any, path: str) -> dict[str, Any]:
    """Return the sub-attributes that a value of a complex attribute names.

    A bare value stands for its `value` (`"manager": "<id>"`). Sub-attributes that are unknown or
    `readOnly` are left out; those that the client unassigns are None.

    Raises:
        InvalidValue: The value, or one of its parts, is not of its type.
    """
    if not attribute.multi_valued:
        value = single(attribute, value, path)
    parts: dict[str, Any] = {}
    for name, part in _as_object(attribute, value, path).items():
        sub = attribute.sub_attribute(name)
        if sub is not None and sub.mutability != "readOnly":
            parts[sub.name] = coerce(sub, part, f"{path}.{sub.name}")
    return parts


def single(attribute: Attribute, value: Any, path: str) -> Any:
    """Return the value that a list of one is wrapped around.

    Entra's older dialect sends `[{"$ref": null, "value": "X"}]` even for a single value.

    Raises:
        InvalidValue: The list has more than one element.
    """
    if not isinstance(value, list):
        return value
    if len(value) > 1:
        raise InvalidValue(
            f"{path} takes one value, not a list of {len(value)}: send {wanted(attribute)}.",
            path=path,
        )
    return value[0] if value else None


def assemble(parts: dict[str, Any]) -> Document | None:
    """Return the complex value that has these parts, or None if nothing of it is left.

    Parts that are None are unassigned. A value without its `value` is no longer one, and neither
    is one that was left with nothing but its labels: `{"type": "work"}`.
    """
    kept = {name: part for name, part in parts.items() if part is not None}
    was_cleared = len(kept) < len(parts)
    if was_cleared and (kept.keys() <= _LABELS or ("value" in parts and "value" not in kept)):
        return None
    return kept or None


def convert(attribute: Attribute, value: Any) -> Any:
    """Return a scalar as one of the attribute's type, which must not be `complex`.

    Raises:
        ValueError: It cannot be read as one.
    """
    return _CONVERT[attribute.type](value)


def wanted(attribute: Attribute) -> str:
    """Return what an attribute takes, in words for an error."""
    return _WANTED[attribute.type]


def is_primary(element: Any) -> bool:
    """Tell whether an element of a multi-valued attribute is marked as the preferred one."""
    return isinstance(element, dict) and element.get("primary") is True


def with_one_primary(values: list[Any], chosen: Any) -> list[Any]:
    """Return the values with `chosen` as the only one marked (RFC 7643 section 2.4)."""
    return [
        {**value, "primary": False} if is_primary(value) and value is not chosen else value
        for value in values
    ]


def check_count(count: int, path: str) -> None:
    """Refuse a list that is longer than any real one, before time is spent on it.

    Raises:
        InvalidValue: There are more than `MAX_VALUES`.
    """
    if count > MAX_VALUES:
        raise InvalidValue(f"{path} takes at most {MAX_VALUES} values, not {count}.", path=path)


def read_time(text: str) -> datetime:
    """Return the moment that a `dateTime` names; without an offset it is taken as UTC.

    Raises:
        ValueError: The text is not an ISO 8601 date and time.
    """
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _element(attribute: Attribute, value: Any, path: str) -> Any:
    if is_unassigned(value):
        return None
    if attribute.type == "complex":
        return assemble(coerce_parts(attribute, value, path))
    if isinstance(value, dict):
        value = _value_of(attribute, value, path)
        if is_unassigned(value):
            return None
    try:
        return convert(attribute, value)
    except ValueError:
        _refuse(attribute, value, path)


def _value_of(attribute: Attribute, wrapper: Document, path: str) -> Any:
    values = [value for name, value in wrapper.items() if name.lower() == "value"]
    if not values:
        _refuse(attribute, wrapper, path)
    return values[0]


def _as_object(attribute: Attribute, value: Any, path: str) -> Document:
    if is_unassigned(value):
        return {}
    if not isinstance(value, dict):
        if isinstance(value, list) or attribute.sub_attribute("value") is None:
            _refuse(attribute, value, path)
        value = {"value": value}
    return _unpacked(value) if attribute.json_in_value else value


def _unpacked(value: Document) -> Document:
    """Take the parts out of `value` where it is an object as JSON text, as in Entra's PATCH."""
    text = value.get("value")
    if not isinstance(text, str) or not text.startswith("{"):
        return value
    try:
        packed = json.loads(text)
    except (ValueError, RecursionError):
        return value
    return {**value, **packed} if "value" in packed else value


def _refuse(attribute: Attribute, value: Any, path: str) -> NoReturn:
    """Name the attribute and both types, and not the value, which may be personal."""
    raise InvalidValue(f"{path} takes {wanted(attribute)}, not {_kind(value)}.", path=path)


def _kind(value: Any) -> str:
    kinds = ((bool, "a boolean"), (str, "this string"), (list, "a list"), (dict, "an object"))
    return next((kind for of, kind in kinds if isinstance(value, of)), "this number")


def _string(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # An unpaired surrogate, which JSON can express, can be neither stored nor sent.
        value.encode()
        return value
    return str(_decimal(value))


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    text = value.strip().lower() if isinstance(value, str) else ""
    if text not in {"true", "false"}:
        raise ValueError(text)
    return text == "true"


def _decimal(value: Any) -> int | float:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value) if set(value) & set(".eE") else int(value)
    # JSON has integers that no float can hold, so `isfinite` is for floats alone.
    if type(value) is int or (type(value) is float and math.isfinite(value)):
        return value
    raise ValueError


def _integer(value: Any) -> int:
    number = _decimal(value)
    if number != int(number):
        raise ValueError
    return int(number)


def _date_time(value: Any) -> str:
    text = _string(value)
    read_time(text)
    return text


_CONVERT: dict[AttributeType, Callable[[Any], Any]] = {
    "string": _string,
    "reference": _string,
    "binary": _string,
    "boolean": _boolean,
    "decimal": _decimal,
    "integer": _integer,
    "dateTime": _date_time,
}

_WANTED: dict[AttributeType, str] = {
    "string": "a string of Unicode text",
    "reference": "a URI as a string",
    "binary": "base64 as a string",
    "boolean": "a boolean (true or false)",
    "decimal": "a number",
    "integer": "a whole number",
    "dateTime": "a date and time such as 2030-01-31T12:00:00Z",
    "complex": "an object with sub-attributes",
}
