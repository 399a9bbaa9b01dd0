"""Queries of `/api/v1`: each parameter is one of those that the operation describes, sent once."""

import json
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from urllib.parse import unquote_plus

from pydantic import BaseModel

from shared.errors import InvalidValue
from shared.web.requests import query_of

_LONGEST_NAME = 64
_NEXT_PAGE = frozenset({"after", "cursor"})
"""Parameters that ask for the next page: each list takes one of them."""


def parameters_of(query: type[BaseModel]) -> list[str]:
    """List the names of query parameters."""
    return [field.alias or name for name, field in query.model_fields.items()]


def read_query(known: Collection[str], url: str) -> dict[str, str]:
    """Read the query of a URL under lower-case names; letter case does not matter, as in SCIM.

    Args:
        known: names of the parameters.
        url: of the request.

    Raises:
        InvalidValue: a parameter is none of these, was sent twice, or is not UTF-8.
    """
    by_folded = {name.lower(): name for name in known}
    seen: set[str] = set()
    for pair in url.partition("?")[2].split("&"):
        if not pair:
            continue
        sent = unquote_plus(pair.partition("=")[0])
        name = by_folded.get(sent.lower())
        if name is None:
            raise InvalidValue(_unknown(sent, by_folded))
        if name in seen:
            raise InvalidValue(f"{name} was sent twice: send it once.", path=name)
        seen.add(name)
    return query_of(url, by_folded)


def _unknown(name: str, by_folded: Mapping[str, str]) -> str:
    """Say that there is no such parameter, and which there are."""
    said = f"There is no parameter {json.dumps(name[:_LONGEST_NAME])} here"
    if not by_folded:
        return f"{said}: nothing takes a query at this path. Leave it out."
    near = _nearest(name[:_LONGEST_NAME].lower(), by_folded)
    meant = "." if near is None else f"; did you mean {near}?"
    return f"{said}{meant} The parameters are: {', '.join(by_folded.values())}."


def _nearest(folded: str, by_folded: Mapping[str, str]) -> str | None:
    """Return which parameter may have been meant; None where none is near."""
    other = [name for name in by_folded if {name, folded} == _NEXT_PAGE]
    close = get_close_matches(folded, by_folded, n=1)
    return next((by_folded[name] for name in [*other, *close]), None)
