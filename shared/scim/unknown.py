"""Names that no schema here has: which are passed over, and which are slips.

Attributes that a service does not know are passed over: Entra maps them, and expects success. A
name that can only be meant for an attribute that there is, is refused with what to send instead.
Of a closed type every name that no schema has is refused (the interoperability profile).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.errors import InvalidSyntax
from shared.scim import declarations
from shared.scim.names import abridged, is_attribute, is_well_formed
from shared.scim.schema import REF, VALUE, spellings
from shared.scim.values import elements, unpacked

if TYPE_CHECKING:
    from shared.scim.schema import AttributePath, ResourceType, Schema


_OF_AN_OPERATION = frozenset({"op", "path", VALUE, REF})
"""Keys that are left where the path of an operation, or the name around a value, was forgotten."""

_DEEPEST = 2
"""Names in the path of an attribute that there is: itself, and its part."""


class _Urn(NamedTuple):
    """The URN of a schema that is known here, in one spelling.

    Attributes:
        text: In lower case.
        is_own: Whether the resource type has the schema; otherwise it is that of another type.
    """

    text: str
    is_own: bool


@cache
def _urns(of: ResourceType) -> tuple[_Urn, ...]:
    """Return the URNs that are known, the longest first: one may begin with another."""
    own = {text for schema in (of.schema, *of.extensions) for text in spellings(schema.id)}
    others = {
        text
        for urn in (*declarations.CORE_SCHEMAS, *of.other_schemas)
        for text in spellings(urn)
        if text not in own
    }
    known = [_Urn(text, True) for text in own] + [_Urn(text, False) for text in others]
    return tuple(sorted(known, key=lambda urn: len(urn.text), reverse=True))


def is_name(of: ResourceType, name: str) -> bool:
    """Tell whether a text is the name of an attribute or a schema, whether or not there is one.

    Behind the URN of a schema of the type there is nothing, or an attribute behind `:` or `.`.
    """
    if not is_well_formed(name):
        return False
    urn = _urn_of(of, name)
    if urn is None or not urn.is_own:
        return True
    rest = name[len(urn.text) :]
    return not rest or (rest[0] in ":." and is_attribute(rest[1:]))


def remedy(of: ResourceType, name: str) -> str:
    """Say what to send instead of a name that no schema of a type has; "" if it is passed over."""
    if not is_name(of, name):
        return (
            f"{abridged(name)!r} is not the name of an attribute: send one such as userName, "
            "name.givenName or, with the URN of its schema, urn:...:User:department."
        )
    return (
        _remedy_of_operation(of, name)
        or _remedy_of_urn(of, name)
        or _remedy_of_type(of, name)
        or _remedy_of_part(of, name)
    )


def remedy_of_wrapper(of: ResourceType, schema: Schema, name: str, value: Any) -> str:
    """Say that a key with attributes of a type in it is left out; "" if it is not of that kind.

    `{"value": {"active": false}}` and `{"User": {"active": false}}` would be attributes that nobody
    knows, and the user stays enabled.
    """
    if name.lower() not in {VALUE, *_type_names(of)}:
        return ""
    for inner in elements(value):
        if isinstance(inner, dict) and (
            not inner or any(of.find(key) or of.find_within(schema, key) for key in inner)
        ):
            return f"{name} is no attribute: leave it out, and send what is in it in its place."
    return ""


def refusal(of: ResourceType, name: str) -> str:
    """Say of a closed type that it has no attribute of a name."""
    return (
        f"{abridged(name)!r} is no attribute of a {of.name}, and this tenant has the profile "
        "interop, by which unknown attributes are refused: leave it out. /Schemas lists those that "
        "there are."
    )


def check_parts(of: ResourceType, path: AttributePath, value: Any) -> None:
    """Refuse complex values that are no objects, and keys in them that name no part.

    Args:
        of: The closed type.
        path: What the value is of; what is not complex is left.
        value: Any JSON value; JSON as text counts as what it holds.

    Raises:
        InvalidSyntax: A value is no object, or a key names no part.
    """
    if path.leaf.type != "complex":
        return
    for element in elements(unpacked(value)):
        parts = unpacked(element)
        if not isinstance(parts, dict):
            raise InvalidSyntax(
                f"{path.text} takes objects, and this tenant has the profile interop, by which a "
                "value in place of one is not guessed at: send an object with its parts.",
                path=path.text,
            )
        for name in parts:
            if path.leaf.sub_attribute(name) is None:
                raise InvalidSyntax(refusal(of, f"{path.text}.{name}"), path=path.text)


def _type_names(of: ResourceType) -> set[str]:
    return {each.lower() for each in (of.name, of.schema.name)}


def _urn_of(of: ResourceType, name: str) -> _Urn | None:
    """Return the known URN that a name begins with."""
    lowered = name.lower()
    if ":" not in lowered:
        return None
    return next((urn for urn in _urns(of) if lowered.startswith(urn.text)), None)


def _remedy_of_operation(of: ResourceType, name: str) -> str:
    """Look at what stands in an operation beside its path, or in an element of a list."""
    urn = _urn_of(of, name)
    start = 0 if urn is None or not urn.is_own else len(urn.text) + 1
    if name[start:].lower() not in _OF_AN_OPERATION:
        return ""
    return (
        f"{name[start:]} is no attribute: name the one that is meant in the path of the operation, "
        'as in {"op": "add", "path": "members", "value": ...}, or as the key around its value.'
    )


def _remedy_of_urn(of: ResourceType, name: str) -> str:
    """Look at a name behind a URN whose schema has no such attribute."""
    urn = _urn_of(of, name)
    if urn is None:
        return ""
    rest = name[len(urn.text) :]
    if not urn.is_own:
        is_meant = not rest or rest[0] in ":."
        return f"{urn.text} is the schema of another type than {of.name}." if is_meant else ""
    first = rest[1:].partition(".")[0]
    meant = of.find(first)
    if meant is None or of.find(f"{urn.text}:{first}") is not None:
        return ""
    if meant.attribute.mutability == "readOnly":  # libraries write `schemas` into each object
        return ""
    return f"{abridged(name)!r} is no attribute of that schema: send {meant.text}."


def _remedy_of_type(of: ResourceType, name: str) -> str:
    """Look at `User.title`."""
    head, _, rest = name.partition(".")
    meant = of.find(rest) if head.lower() in _type_names(of) and of.find(head) is None else None
    return "" if meant is None else f"{abridged(name)!r} is no attribute: send {meant.text}."


def _remedy_of_part(of: ResourceType, name: str) -> str:
    """Look at a part of what has none: `title.text`, `name.givenName.text`."""
    urn = _urn_of(of, name)
    start = 0 if urn is None else len(urn.text) + 1
    names = name[start:].split(".", _DEEPEST)
    for depth in range(1, len(names)):
        path = of.find(name[:start] + ".".join(names[:depth]))
        if path is not None and path.leaf.type != "complex":
            return f"{path.text} has no parts: send {path.text}."
    return ""
