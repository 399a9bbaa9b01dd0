"""Paths of PATCH operations (RFC 7644 section 3.5.2, figure 7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.errors import InvalidFilter, InvalidPath, InvalidSyntax
from shared.scim.filters import FilterReader
from shared.scim.names import is_well_formed
from shared.scim.unknown import refusal, remedy

if TYPE_CHECKING:
    from shared.scim.filters import Filter
    from shared.scim.schema import AttributePath, ResourceType


@dataclass(frozen=True, slots=True)
class PatchPath:
    """What a PATCH operation is about.

    Attributes:
        target: The attribute or sub-attribute.
        filter: Which elements of the multi-valued attribute are meant; None for all of them.
            Its paths name sub-attributes.
    """

    target: AttributePath
    filter: Filter | None = None


def parse_path(text: str, resource_type: ResourceType) -> PatchPath | None:
    """Read the path of a PATCH operation.

    Returns:
        None for a path that is well formed and names no known attribute: Entra maps attributes
        that a service does not know and expects that they are ignored.

    Raises:
        InvalidPath: It is malformed, names an attribute in the wrong place, filters what has no
            elements, or filters by what no schema has: nobody can tell which elements are meant.
        InvalidSyntax: The type is closed, and has no such attribute.
    """
    path = text.strip()
    target = resource_type.find(path)
    if target is not None:
        return PatchPath(target)
    if "[" in path:
        return _value_path(path, resource_type)
    _check_unknown(path, resource_type)
    return None


def _malformed(path: str | None = None) -> InvalidPath:
    return InvalidPath(
        'The path is malformed: send one such as userName, name.givenName or emails[type eq "work"]'
        ".value.",
        path=path,
    )


def _value_path(path: str, resource_type: ResourceType) -> PatchPath | None:
    try:
        reader = FilterReader(path, resource_type.find, is_strict=True)
        attribute, condition, sub_name = reader.whole_value_path()
    except InvalidFilter as error:
        # Only the name is told, because the rest of the path may hold a personal value.
        head = resource_type.find(path.partition("[")[0])
        raise InvalidPath(
            f"The path is malformed. {error.detail}", path=None if head is None else head.text
        ) from None
    if sub_name and not is_well_formed(sub_name):
        raise _malformed(attribute.text)
    if not attribute.attribute.multi_valued:
        raise InvalidPath(
            f"{attribute.text} has one value, so no [filter] applies to it: leave it out.",
            path=attribute.text,
        )
    whole = f"{attribute.text}.{sub_name}" if sub_name else attribute.text
    target = resource_type.find(whole)
    if target is None:
        _check_unknown(whole, resource_type)
        return None
    return PatchPath(target, condition)


def _check_unknown(path: str, resource_type: ResourceType) -> None:
    """Refuse a path that names nothing, unless it may be that of an attribute nobody here has."""
    if not is_well_formed(path):
        raise _malformed()
    reason = remedy(resource_type, path)
    if reason:
        raise InvalidPath(reason)
    if resource_type.is_closed:
        raise InvalidSyntax(refusal(resource_type, path))
