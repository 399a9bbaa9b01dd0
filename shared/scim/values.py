"""Coercion: a value as a client has sent it becomes the value that its attribute holds.

Clients are taken as they are: Entra sends booleans as strings, a list around a single value, the
id of a manager as a bare string, and the whole of a role as JSON text in its `value`. What carries
a value and cannot be understood is refused: to drop it would be a success that loses something.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NoReturn
from urllib.parse import unquote

from shared.errors import InvalidValue
from shared.scim import strict_json
from shared.scim.names import check_keys, is_well_formed
from shared.scim.scalars import convert, kind_of, remedy, wanted
from shared.scim.schema import REF, VALUE

if TYPE_CHECKING:
    from shared.scim.schema import Attribute, Document

MAX_VALUES = 1_000
"""Values that a multi-valued attribute may hold. Members of a group are not counted here."""

_JSON_WORDS: Final = frozenset({"null", "true", "false"})

_UNSEEN: Final = r"[\s\u200b-\u200f\u2060\ufeff]*"
"""What nobody sees before JSON, such as a byte order mark."""

_BEGINS_AS_JSON: Final = re.compile(_UNSEEN + r"[{\[]")

_LIKE_JSON: Final = re.compile(
    _UNSEEN + r"(?:\{[^:]*:|\{\s*\}|\[\s*(?:[\[\]{\"']|(?:null|true|false)\b))"
)
"""Begins what is an object or a list as JSON, or was meant to be."""

_ID_IN_REF: Final = re.compile(r"(?:^|/)[^/?#:]+/([^/?#]+)/?\Z")
"""The id at the end of the URI of a resource, behind the endpoint of its type."""

_CLEARED: Final = object()
"""Stands for an element whose value the client has unassigned: `{"type": "work", "value": ""}`."""


def is_unassigned(value: Any) -> bool:
    """Tell whether a value stands for none: null or [] (RFC 7643 section 2.5), or Entra's ""."""
    return value is None or (not value and isinstance(value, str | list))


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
        A list for a multi-valued attribute, an object for a complex one, else a scalar. None if
        the value leaves the attribute unassigned; an empty list or object if it names nothing:
        `[{}]`, `{}`.

    Raises:
        InvalidValue: The value cannot be read as one of the attribute's type.
    """
    if is_unassigned(value):
        return None
    if attribute.multi_valued:
        return _list(attribute, value, path)
    value = single(attribute, value, path)
    if attribute.type != "complex" or is_unassigned(value):
        return _scalar(attribute, value, path)
    return merge(attribute, {}, coerce_parts(attribute, value, path))


def coerce_parts(attribute: Attribute, value: Any, path: str) -> dict[str, Any]:
    """Return the sub-attributes that a value of a complex attribute names.

    A bare value stands for its `value` (`"manager": "<id>"`), and JSON as text for what it holds.
    Sub-attributes that are `readOnly` are left out, and unknown ones beside others that hold a
    value; those that the client unassigns are None. The `value` of a reference that is sent as a
    `$ref` alone is the id in that.

    Raises:
        InvalidValue: The value, or one of its parts, is not of its type; it names no part that
            the attribute has, or unknown ones beside labels alone; or a `$ref` and a `value` name
            two resources.
        InvalidSyntax: Two keys differ in letter case alone.
    """
    sent = _object(attribute, value, path)
    parts: dict[str, Any] = {}
    unknown: list[str] = []
    for name, part in sent.items():
        sub = attribute.sub_attribute(name)
        if sub is None:
            if not is_unassigned(part):
                unknown.append(name)
        elif sub.mutability != "readOnly":
            if sub.name in parts:
                check_keys(sent)
            parts[sub.name] = coerce(sub, part, f"{path}.{sub.name}")
    is_slip = unknown and not (_holds(attribute, parts) and all(map(is_well_formed, unknown)))
    if is_slip or _packed_part(attribute, parts.get(VALUE), path) is not None:
        _refuse_parts(attribute, path)
    if VALUE in parts:
        _check_not_blank(parts[VALUE], path)
    return _with_id_of_ref(parts, path) if attribute.is_reference and parts.get(REF) else parts


def single(attribute: Attribute, value: Any, path: str) -> Any:
    """Return the value that a list of one is wrapped around.

    Entra's older dialect sends `[{"$ref": null, "value": "X"}]` even for a single value.

    Raises:
        InvalidValue: The list has more than one element, or holds a list.
    """
    value = unpacked_list(attribute, value, path) or value
    if not isinstance(value, list):
        return value
    if len(value) > 1:
        raise InvalidValue(
            f"{path} takes one value, not a list of {len(value)}: send {wanted(attribute)}.",
            path=path,
        )
    inner = value[0] if value else None
    if isinstance(inner, list):
        _refuse(attribute, inner, path)
    return inner


def unpacked_list(attribute: Attribute, value: Any, path: str) -> Any:
    """Return the list that a text is as JSON where a complex value is wanted, or what was sent.

    Raises:
        InvalidValue: The text begins as JSON does, and is not.
    """
    packed = _packed(attribute, value, path) if attribute.type == "complex" else None
    return packed if isinstance(packed, list) else value


def unpacked_object(value: Any) -> Any:
    """Return the object that a text is as JSON, or the value as it is."""
    packed = unpacked(value)
    return packed if isinstance(packed, dict) else value


def unpacked(value: Any) -> Any:
    """Return what a text is as JSON, or the value as it is."""
    if not isinstance(value, str):
        return value
    try:
        return strict_json.read(value)
    except (ValueError, RecursionError):
        return value


def merge(attribute: Attribute, held: Document, parts: dict[str, Any]) -> Document | None:
    """Return a complex value with parts written; those that are None are unassigned.

    A `$ref` goes with the `value` that it was the URI of, unless another one is written.

    Returns:
        None if nothing is left but labels because a part was unassigned.
    """
    merged = {**held, **parts}
    value = parts.get(VALUE)
    if VALUE in parts and (value is None or value != held.get(VALUE)):
        merged[REF] = None if value is None else parts.get(REF)
    kept = {name: part for name, part in merged.items() if part is not None}
    was_cleared = any(part is None for part in parts.values())
    return None if was_cleared and kept.keys() <= attribute.labels else kept


def check_count(count: int, path: str) -> None:
    """Refuse a list that is longer than any real one, before time is spent on it.

    Raises:
        InvalidValue: There are more than `MAX_VALUES`.
    """
    if count > MAX_VALUES:
        raise InvalidValue(f"{path} takes at most {MAX_VALUES} values, not {count}.", path=path)


def _list(attribute: Attribute, value: Any, path: str) -> list[Any] | None:
    """Coerce the elements of a list; one that is null or empty names nothing."""
    value = unpacked_list(attribute, value, path)
    sent = value if isinstance(value, list) else [value]
    check_count(len(sent), path)
    coerced = [_element(attribute, each, path) for each in sent]
    kept = [each for each in coerced if each is not None and each is not _CLEARED]
    return None if not kept and _CLEARED in coerced else kept


def _element(attribute: Attribute, value: Any, path: str) -> Any:
    """Coerce an element of a list.

    Returns:
        None if it names nothing, `_CLEARED` if it names a value that is unassigned.
    """
    if value is None or value == "":
        return None
    if isinstance(value, list):
        _refuse(attribute, value, path)
    if attribute.type != "complex":
        return _scalar(attribute, value, path)
    parts = coerce_parts(attribute, value, path)
    element = merge(attribute, {}, parts)
    if element:
        return element
    is_cleared = any(name not in attribute.labels for name in parts)
    return _CLEARED if is_cleared else None


def _scalar(attribute: Attribute, value: Any, path: str) -> Any:
    if isinstance(value, dict):
        value = _unwrapped(attribute, value, path)
    if is_unassigned(value):
        return None
    try:
        return convert(attribute, value)
    except ValueError:
        _refuse(attribute, value, path)


def _unwrapped(attribute: Attribute, wrapper: Document, path: str) -> Any:
    """Return the simple value of `{"$ref": null, "value": "X"}`; it has no other parts."""
    name = _value_key(wrapper)
    if name is None or any(not is_unassigned(part) for key, part in wrapper.items() if key != name):
        _refuse(attribute, wrapper, path)
    return wrapper[name]


def _value_key(value: Document) -> str | None:
    return next((name for name in value if name.lower() == VALUE), None)


def _object(attribute: Attribute, value: Any, path: str) -> Document:
    """Return a value of a complex attribute as an object with its parts."""
    if isinstance(value, dict):
        return _unpacked_value(attribute, value, path)
    packed = _packed(attribute, value, path)
    if isinstance(packed, dict):
        return packed
    is_list = isinstance(value, list) or isinstance(packed, list)
    if is_list or _is_json_scalar(value) or attribute.sub_attribute(VALUE) is None:
        _refuse(attribute, value, path)
    return {VALUE: value}


def _unpacked_value(attribute: Attribute, value: Document, path: str) -> Document:
    """Take the parts out of `value` where it is an object as JSON text, as in Entra's roles."""
    name = _value_key(value)
    packed = None if name is None else _packed_part(attribute, value[name], path)
    if not isinstance(packed, dict):
        return value
    if _value_key(packed) is None:
        _refuse_parts(attribute, path)
    return {key: part for key, part in value.items() if key != name} | packed


def _packed(attribute: Attribute, value: Any, path: str, *, may_be_name: bool = False) -> Any:
    """Return the object or the list that a text is as JSON, else None.

    Raises:
        InvalidValue: The text begins as JSON does, and is not: `{'value': 'x'}` would be a value,
            unless it may be a name. Or it is a list in which a number or a boolean stands.
        InvalidSyntax: An object in it has a key twice.
    """
    if not isinstance(value, str) or not _BEGINS_AS_JSON.match(value):
        return None
    try:
        packed = strict_json.read(value)
    except (ValueError, RecursionError):
        if may_be_name:
            return None
        raise InvalidValue(
            f"{path} takes {wanted(attribute)}. The text that was sent begins as JSON does, and is "
            "none: send the object itself, or JSON with its names and texts in double quotes.",
            path=path,
        ) from None
    if isinstance(packed, list) and any(isinstance(each, int | float) for each in packed):
        raise InvalidValue(
            f"{path} takes {wanted(attribute)}. The text that was sent is a list as JSON with a "
            "number or a boolean in it: send objects, or texts in double quotes.",
            path=path,
        )
    return packed


def _packed_part(attribute: Attribute, value: Any, path: str) -> Any:
    """Return what the text of a `value` is as JSON; one such as `{Admin}` is a name."""
    if not isinstance(value, str):
        return None
    return _packed(attribute, value, path, may_be_name=not _LIKE_JSON.match(value))


def _is_json_scalar(value: Any) -> bool:
    """Tell whether a text is a JSON word, or a JSON string in its quotes."""
    text = value.strip().lower() if isinstance(value, str) else ""
    return text in _JSON_WORDS or (len(text) > 1 and text[0] == text[-1] == '"')


def _holds(attribute: Attribute, parts: dict[str, Any]) -> bool:
    """Tell whether some parts hold what a value is, and not labels alone.

    Of one value without a `value`, such as a name, to unassign a part is enough.
    """
    if not attribute.multi_valued and attribute.sub_attribute(VALUE) is None:
        return bool(parts)
    return any(part is not None and name not in attribute.labels for name, part in parts.items())


def _check_not_blank(value: Any, path: str) -> None:
    if isinstance(value, str) and not value.strip():
        raise InvalidValue(
            f"{path} takes a value that is not blank: send null to unassign it.", path=path
        )


def _with_id_of_ref(parts: dict[str, Any], path: str) -> dict[str, Any]:
    """Return the parts of a reference, whose `value` is the id that ends its `$ref`.

    A `$ref` that ends with no id is kept beside a `value`: validators fill it with random text.
    """
    match = _ID_IN_REF.search(parts[REF])
    named = unquote(match[1]) if match else None
    value = parts.get(VALUE, named)
    contradicts = named is not None and (value or "").strip() != named
    if contradicts or (named is None and VALUE not in parts):
        raise InvalidValue(
            f"{path}.$ref must be the URI of the resource whose id is the value, such as "
            ".../Users/<id>: correct it, or leave it out.",
            path=path,
        )
    return {**parts, VALUE: value}


def _refuse(attribute: Attribute, value: Any, path: str) -> NoReturn:
    """Name the attribute and both types, and not the value, which may be personal."""
    refusal = f"{path} takes {wanted(attribute)}, not {kind_of(value)}."
    raise InvalidValue(f"{refusal} {remedy(attribute)}".rstrip(), path=path)


def _refuse_parts(attribute: Attribute, path: str) -> NoReturn:
    names = ", ".join(sub.name for sub in attribute.sub_attributes)
    raise InvalidValue(
        f"{path} takes an object with some of these parts: {names}. What was sent has other names, "
        "and would be lost.",
        path=path,
    )
