"""Equality: when two values of an attribute are one (RFC 7643 sections 2.3 and 7).

A time is a moment, whatever its offset, and base64 is bytes, with padding or without. A text is
compared without its letter case, unless its attribute is `caseExact`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from shared.scim.folding import fold
from shared.scim.scalars import read_base64, read_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.scim.schema import Attribute

Form: TypeAlias = "Callable[[Any], Any]"
"""Brings a value into the form in which it is compared.

Raises:
    ValueError: It was written when the attribute had another type.
"""


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def as_it_is(value: Any) -> Any:
    """Leave a value as it is."""
    return value


def folded(value: Any) -> Any:
    """Leave the letter case out."""
    return fold(value) if isinstance(value, str) else value


def _moment(value: Any) -> Any:
    return read_time(value) - _EPOCH if isinstance(value, str) else value


def _bytes(value: Any) -> Any:
    return read_base64(value) if isinstance(value, str) else value


def form(attribute: Attribute, *, keeps_case: bool = False) -> Form:
    """Return the form in which two values of an attribute are equal if they are one.

    Args:
        attribute: Of which they are.
        keeps_case: Whether texts differ by their letter case, whatever the attribute says of it.
    """
    if attribute.type == "dateTime":
        return _moment
    if attribute.type == "binary":
        return _bytes
    return as_it_is if keeps_case or attribute.case_exact else folded


def comparable(attribute: Attribute | None, value: Any, *, keeps_case: bool = False) -> Any:
    """Return a value, or an element with its parts, in that form; arguments as of `form`.

    What no attribute describes, or was written when the attribute had another type, stays.
    """
    if attribute is None:
        return value
    if isinstance(value, dict):
        return {
            name: comparable(attribute.sub_attribute(name), part, keeps_case=keeps_case)
            for name, part in value.items()
        }
    if isinstance(value, list):
        return [comparable(attribute, each, keeps_case=keeps_case) for each in value]
    try:
        return form(attribute, keeps_case=keeps_case)(value)
    except ValueError:
        return value


def is_same(attribute: Attribute, one: Any, other: Any) -> bool:
    """Tell whether two values of an attribute are one."""
    return bool(comparable(attribute, one) == comparable(attribute, other))
