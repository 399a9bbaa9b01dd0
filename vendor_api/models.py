"""What the models of `/api/v1` share: reading bodies, numbers and times, and describing members."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic import BaseModel

from shared.clock import rfc3339
from shared.errors import InvalidSyntax, InvalidValue
from shared.validation import read_model

_M = TypeVar("_M", bound=BaseModel)

_MOST_DIGITS = 10
"""Of a number in a query, without the zeros before it; more than any bound has."""

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def optional(schema: dict[str, Any]) -> None:
    """Describe a member that may be left out."""
    schema.pop("default", None)


def optional_moment(schema: dict[str, Any]) -> None:
    """Describe a time (RFC 3339) that may be left out."""
    optional(schema)
    schema["format"] = "date-time"


def read_body(model: type[_M], body: Any) -> _M:
    """Read the body of a request as a model.

    Raises:
        InvalidSyntax: it is no object.
        InvalidValue: a member is missing, unknown, or not what it should be. No value is quoted.
    """
    if not isinstance(body, dict):
        raise InvalidSyntax("The body must be a JSON object.")
    return read_model(model, body, strict=True)


def read_number(query: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    """Read a whole number of the query.

    Raises:
        InvalidValue: it is none, or out of bounds.
    """
    text = query.get(name.lower())
    if text is None:
        return default
    digits = text.lstrip("0") or text[:1]
    # A number of thousands of digits is not read: Python takes none, and raises.
    is_number = text.isascii() and text.isdecimal() and len(digits) <= _MOST_DIGITS
    if not is_number or not least <= int(digits) <= most:
        raise InvalidValue(f"{name} must be a whole number from {least} to {most:,}.", path=name)
    return int(digits)


def read_moment(text: str, name: str) -> int:
    """Read a time (RFC 3339) and return it in POSIX milliseconds.

    Raises:
        InvalidValue: it is none.
    """
    try:
        moment = datetime.fromisoformat(text.upper()) if _MOMENT.fullmatch(text) else None
    except ValueError:
        moment = None
    if moment is None:
        raise InvalidValue(
            f"{name} must be a time with its zone, as 2026-11-29T13:45:00Z; a + in a URL is written"
            " %2B.",
            path=name,
        )
    # Without timestamp(), which fails in the first and the last year.
    return int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000)


def check_order(since: int | None, until: int | None) -> None:
    """Refuse times between which nothing lies.

    Raises:
        InvalidValue: `until` is not after `since`.
    """
    if since is not None and until is not None and until <= since:
        raise InvalidValue("until is not after since: send a later time.", path="until")


def written_moment(seconds: float | None) -> str | None:
    """Write a time that is given in POSIX seconds; None for none."""
    return None if seconds is None else rfc3339(seconds)
