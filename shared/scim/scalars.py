"""Scalars: simple values of each type, as clients write them and as they are held (RFC 7643 2.3).

What is of the right type is kept exactly as it was sent. Formats beyond the type are not checked,
because Entra's validators send random text for locales, time zones, phone numbers and URLs, and
compare what comes back.
"""

from __future__ import annotations

import math
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.scim.schema import Attribute, AttributeType

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_DATE_TIME = re.compile(
    r"(\d{4}-\d\d-\d\dT)(\d\d)(:\d\d:\d\d(?:\.\d+)?)(Z|[+-]\d\d:\d\d)?", re.ASCII
)
_MIDNIGHT = re.compile(r":00:00(?:\.0+)?")
_BASE64 = re.compile(
    r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?|[A-Za-z0-9+/]{4})"
)
_SPACES = re.compile(r"\s+")


def convert(attribute: Attribute, value: Any) -> Any:
    """Return a scalar as one of the attribute's type, which must not be `complex`.

    Raises:
        ValueError: It cannot be read as one.
    """
    return _CONVERT[attribute.type](value)


def wanted(attribute: Attribute) -> str:
    """Return what an attribute takes, in words for an error."""
    return _WANTED[attribute.type]


def remedy(attribute: Attribute) -> str:
    """Return what to change of a value that is nearly one of the type; "" where that is plain."""
    return _REMEDIES.get(attribute.type, "")


def kind_of(value: Any) -> str:
    """Return what a value is, in words for an error that must not repeat it."""
    kinds = ((bool, "a boolean"), (str, "this string"), (list, "a list"), (dict, "an object"))
    return next((kind for of, kind in kinds if isinstance(value, of)), "this number")


def read_time(text: str) -> datetime:
    """Return the moment that a `dateTime` names; without an offset it is taken as UTC.

    Raises:
        ValueError: The text is not an xsd:dateTime (RFC 7643 section 2.3.5), or its year has not
            four digits.
    """
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        raise ValueError
    day, hour, rest, offset = match.groups()
    # xsd:dateTime has 24:00:00, the first moment of the next day.
    is_midnight = hour == "24" and _MIDNIGHT.fullmatch(rest) is not None
    moment = datetime.fromisoformat(f"{day}{'00' if is_midnight else hour}{rest}{offset or 'Z'}")
    try:
        return moment + timedelta(days=is_midnight)
    except OverflowError:
        raise ValueError from None


def read_base64(text: str) -> str:
    """Return base64 as it is compared: without line breaks and padding.

    Raises:
        ValueError: The text is not base64 (RFC 7643 section 2.3.6).
    """
    digits = _SPACES.sub("", text)
    if not _BASE64.fullmatch(digits):
        raise ValueError
    return digits.rstrip("=")


def _string(value: Any) -> str:
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


def _binary(value: Any) -> str:
    text = _string(value)
    read_base64(text)
    return text


_CONVERT: dict[AttributeType, Callable[[Any], Any]] = {
    "string": _string,
    "reference": _string,
    "binary": _binary,
    "boolean": _boolean,
    "decimal": _decimal,
    "integer": _integer,
    "dateTime": _date_time,
}

_REMEDIES: dict[AttributeType, str] = {
    "binary": "Write + and / for - and _, and leave out the lines BEGIN and END of PEM.",
    "integer": "Send it without a fraction, such as 5.",
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
