"""Sorting: by which value of a resource a list is ordered (RFC 7644 section 3.4.2.3)."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.errors import InvalidValue
from shared.scim.elements import is_primary
from shared.scim.folding import fold
from shared.scim.scalars import read_time
from shared.scim.schema import AttributePath
from shared.scim.values import is_unassigned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.scim.schema import Document, ResourceType

MAX_CHARACTERS = 256
"""Of a text, by which it is ordered: what a list remembers of each resource stays small."""

_FOLDED_CHARACTERS = 8 * MAX_CHARACTERS
"""Of a text that is longer, what is folded: no folding makes so few of so many."""

_NUMBERS, _MOMENTS, _TEXTS = range(3)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SortValue(NamedTuple):
    """What is compared. Each kind of value has a place of its own, so that any two compare.

    Attributes:
        is_missing: Whether the resource has no value: it sorts behind those that have one, and
            before them where the order is descending.
        kind: Numbers before moments before texts.
        value: A number (false is 0), the seconds of a moment, or a text.
    """

    is_missing: bool
    kind: int
    value: float | str


MISSING = SortValue(is_missing=True, kind=_NUMBERS, value=0)


def sort_paths(
    sort_by: str | None, resource_types: Sequence[ResourceType]
) -> tuple[AttributePath | None, ...]:
    """Find the attribute by which resources of each type are sorted; None where a type has none.

    Args:
        sort_by: Path of the attribute; None sorts by nothing.
        resource_types: What is sorted together.

    Raises:
        InvalidValue: None of the types has it, or it has parts of which one must be named.
    """
    if sort_by is None:
        return (None,) * len(resource_types)
    paths = tuple(_sortable(resource_type.find(sort_by)) for resource_type in resource_types)
    if not any(paths):
        raise InvalidValue(
            "sortBy names no attribute that resources here can be sorted by; /Schemas lists the "
            "attributes, and a part of one is named as in name.familyName.",
            path="sortBy",
        )
    return paths


def sort_value(path: AttributePath | None, resource: Document) -> SortValue:
    """Return the value by which a presented resource is sorted.

    Of several values it is the primary one, or else the first. Letter case counts where the
    attribute is `caseExact`; a `dateTime` is compared as a moment.
    """
    if path is None:
        return MISSING
    value = _chosen(path, resource)
    if isinstance(value, int | float):
        return SortValue(is_missing=False, kind=_NUMBERS, value=value)
    if is_unassigned(value) or not isinstance(value, str):
        return MISSING
    if path.leaf.type == "dateTime":
        with suppress(ValueError):  # of what was written when the attribute had another type
            seconds = (read_time(value) - _EPOCH).total_seconds()
            return SortValue(is_missing=False, kind=_MOMENTS, value=seconds)
    text = value if path.leaf.case_exact else fold(value[:_FOLDED_CHARACTERS])
    return SortValue(is_missing=False, kind=_TEXTS, value=text[:MAX_CHARACTERS])


def _sortable(path: AttributePath | None) -> AttributePath | None:
    """Return what a path is sorted by: of a complex attribute, its `value`.

    What is never shown is not sorted by either, because the order would tell of it.
    """
    if path is None or "never" in {path.attribute.returned, path.leaf.returned}:
        return None
    if path.leaf.type != "complex":
        return path
    sub = path.attribute.sub_attribute("value")
    if sub is None:
        parts = ", ".join(f"{path.text}.{part.name}" for part in path.attribute.sub_attributes)
        raise InvalidValue(
            f"{path.text} has parts, of which sortBy must name one: {parts}.", path="sortBy"
        )
    return AttributePath(path.extension, path.attribute, sub, f"{path.text}.{sub.name}")


def _chosen(path: AttributePath, resource: Document) -> Any:
    held = path.read(resource)
    if isinstance(held, list):
        held = next(filter(is_primary, held), held[0] if held else None)
    if path.sub_attribute is None:
        return held
    return held.get(path.sub_attribute.name) if isinstance(held, dict) else None
