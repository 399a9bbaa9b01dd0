"""Queries: what a client asks of a list, however it asks (RFC 7644 sections 3.4.2 and 3.4.3)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.errors import InvalidCount, InvalidFilter, InvalidValue
from shared.scim.projection import Projection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.errors import ScimError
    from shared.scim.schema import ResourceType

DEFAULT_COUNT = 100
"""Resources on a page when the client does not say."""

MAX_COUNT = 200
"""Resources on one page of the answer to a query."""

_INTEGER = re.compile(r"[+-]?[0-9]+")
_MOST_DIGITS = 18
_MOST = 10**18
"""Stands for every larger number: there are fewer resources."""

_DESCENDING = {"": False, "ascending": False, "descending": True}


@dataclass(frozen=True, slots=True)
class Query:
    """What a list shall hold, in which order, which page of it, and what of each resource.

    Attributes:
        filter: Which resources; None for all.
        sort_by: Path of the attribute that orders them; None for the order of ids.
        descending: Whether the greatest comes first.
        start_index: 1-based index of the first resource on the page.
        count: Resources wanted on the page, 0 to `MAX_COUNT`.
        cursor: Where a page of RFC 9865 begins: "" for the first; None for paging by index.
        attributes: What to show, as in `Projection.parse`.
        excluded_attributes: What to leave out, likewise.
    """

    filter: str | None = None
    sort_by: str | None = None
    descending: bool = False
    start_index: int = 1
    count: int = DEFAULT_COUNT
    cursor: str | None = None
    attributes: str | None = None
    excluded_attributes: str | None = None

    def projection(self, resource_type: ResourceType) -> Projection:
        """Return what the query shows of resources of a type."""
        return Projection.parse(resource_type, self.attributes, self.excluded_attributes)


def from_parameters(parameters: Mapping[str, str]) -> Query:
    """Read a query from the parameters of a URL, whose names are in lower case.

    A parameter without a value counts as not sent; only `filter=` is a mistake, and `cursor=`
    asks for the first page.

    Raises:
        InvalidFilter: The filter is empty.
        InvalidValue: `startIndex` or `count` is no number, or `sortOrder` no order.
        InvalidCount: `count` is out of its bounds in a query by cursor.
    """
    return checked(
        filter=parameters.get("filter"),
        sort_by=parameters.get("sortby"),
        sort_order=parameters.get("sortorder"),
        start_index=parameters.get("startindex"),
        count=parameters.get("count"),
        cursor=parameters.get("cursor"),
        attributes=parameters.get("attributes"),
        excluded_attributes=parameters.get("excludedattributes"),
    )


def checked(  # noqa: PLR0913 - a query is made of that many things
    *,
    filter: str | None,  # noqa: A002 - it is the parameter's name
    sort_by: str | None,
    sort_order: str | None,
    start_index: str | int | None,
    count: str | int | None,
    cursor: str | None,
    attributes: str | None,
    excluded_attributes: str | None,
) -> Query:
    """Make a query of what a client sent; see `from_parameters` for what it raises.

    RFC 7644 section 3.4.2.4: a `startIndex` below 1 means 1, a negative `count` means 0.
    """
    if filter is not None and not filter.strip():
        raise InvalidFilter("The filter is empty. Leave the parameter out, or send a filter.")
    first = max(_whole("startIndex", start_index, 1), 1)
    if cursor is not None and first > 1:
        raise InvalidValue(
            "A page begins at startIndex or at cursor: send one of them.", path="startIndex"
        )
    return Query(
        filter=filter,
        sort_by=(sort_by or "").strip() or None,
        descending=_is_descending(sort_order),
        start_index=first,
        count=_count(count, by_cursor=cursor is not None),
        cursor=cursor,
        attributes=attributes,
        excluded_attributes=excluded_attributes,
    )


def _is_descending(sort_order: str | None) -> bool:
    order = _DESCENDING.get((sort_order or "").strip().lower())
    if order is None:
        raise InvalidValue("sortOrder must be ascending or descending.", path="sortOrder")
    return order


def _count(count: str | int | None, *, by_cursor: bool) -> int:
    """Read `count`. More than fits is cut, but for RFC 9865 section 2.1 an error by cursor."""
    try:
        wanted = max(_whole("count", count, DEFAULT_COUNT), 0)
    except InvalidValue as error:
        raise (_invalid_count() if by_cursor else error) from None
    if by_cursor and wanted > MAX_COUNT:
        raise _invalid_count()
    return min(wanted, MAX_COUNT)


def _invalid_count() -> ScimError:
    return InvalidCount(
        f"With a cursor, count must be a whole number of at most {MAX_COUNT}, and the same for "
        "every page.",
        path="count",
    )


def _whole(name: str, value: str | int | None, default: int) -> int:
    if isinstance(value, int):
        return max(min(value, _MOST), -_MOST)
    text = (value or "").strip()
    if not text:
        return default
    number = read_whole(text)
    if number is None:
        raise InvalidValue(f"{name} must be a whole number, as in {name}=1.", path=name)
    return number


def read_whole(text: str) -> int | None:
    """Return the whole number that a text is, or None; one that is too large is the largest."""
    if not _INTEGER.fullmatch(text):
        return None
    digits = text.lstrip("+-0") or "0"
    number = int(digits) if len(digits) <= _MOST_DIGITS else _MOST
    return -number if text[0] == "-" else number
