"""Equality: when two values of an attribute are one (RFC 7643 sections 2.3 and 7).

A time is a moment, whatever its offset, and base64 is bytes, with padding or without. A text is
compared without its letter case, unless its attribute is `caseExact`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
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


def form(attribute: Attribute) -> Form:
    """Return the form in which two values of an attribute are equal if they are one."""
    if attribute.type == "dateTime":
        return _moment
    if attribute.type == "binary":
        return _bytes
    return as_it_is if attribute.case_exact else folded


@cache
def _forms_of_parts(attribute: Attribute) -> dict[str, Form]:
    return {sub.name: form(sub) for sub in attribute.sub_attributes}


@cache
def is_written_in_one_way(attribute: Attribute) -> bool:
    """Tell whether two texts of an attribute, or of its parts, are one only if they are alike.

    Letter case is left out of account.
    """
    leaves = attribute.sub_attributes or (attribute,)
    return all(leaf.type not in {"dateTime", "binary"} for leaf in leaves)


def comparable(attribute: Attribute, value: Any) -> Any:
    """Return a value, a list or an element with its parts in the form in which it is compared.

    What was written when the attribute had another type, or other parts, stays as it is.
    """
    if isinstance(value, list):
        return [comparable(attribute, each) for each in value]
    if isinstance(value, dict):
        forms = _forms_of_parts(attribute)
        return {name: _in_form(forms.get(name, as_it_is), part) for name, part in value.items()}
    return _in_form(form(attribute), value)


def _in_form(form_of_one: Form, value: Any) -> Any:
    if isinstance(value, list):
        return [_in_form(form_of_one, each) for each in value]
    try:
        return form_of_one(value)
    except ValueError:
        return value


def is_same(attribute: Attribute, one: Any, other: Any) -> bool:
    """Tell whether two values of an attribute are one."""
    return bool(comparable(attribute, one) == comparable(attribute, other))
