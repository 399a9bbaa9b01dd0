"""Names of attributes and schemas: what is one, whether or not a schema has it."""

from __future__ import annotations

import re

_NAME = r"[A-Za-z$][\w$-]*"
_ATTRIBUTE = rf"{_NAME}(?:\.{_NAME})*"
_URI = r"(?:urn:|https?://)[\w.:%+~()@/#!*,;=&?'$-]*\w"
_PATH = re.compile(rf"{_ATTRIBUTE}|{_URI}(?:[:.]{_ATTRIBUTE})?", re.ASCII | re.IGNORECASE)


def is_well_formed(text: str) -> bool:
    """Tell whether a text is an attribute path (`attrPath` of RFC 7644 figure 1) or a schema's URI.

    Attributes that no schema has are passed over under such a name alone: Entra maps attributes
    that a service does not know, and expects that they are ignored. Anything else is a slip.
    """
    return _PATH.fullmatch(text) is not None
