"""Names of attributes and schemas: what is one, whether or not a schema has it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shared.errors import InvalidSyntax

if TYPE_CHECKING:
    from shared.scim.schema import Document

_NAME = r"(?:[A-Za-z][\w-]*|\$ref)"
_ATTRIBUTE = rf"{_NAME}(?:\.{_NAME})*"
_URI = r"(?:urn:|https?://)[\w.:%+~()@/#!*,;=&?'$-]*\w"
_PATH = re.compile(rf"{_ATTRIBUTE}|{_URI}(?:[:.]{_ATTRIBUTE})?", re.ASCII | re.IGNORECASE)
_PATH_WITHOUT_URI = re.compile(_ATTRIBUTE, re.ASCII | re.IGNORECASE)

_SHOWN = 60
"""Characters of a name that an error repeats. Of a longer one its end tells more than its URN."""


def is_well_formed(text: str) -> bool:
    """Tell whether a text is an attribute path (`attrPath` of RFC 7644 figure 1) or a schema's URI.

    Attributes that no schema has are passed over under such a name alone: Entra maps attributes
    that a service does not know, and expects that they are ignored. Anything else is a slip.
    """
    return _PATH.fullmatch(text) is not None


def is_attribute(text: str) -> bool:
    """Tell whether a text is an attribute path without the URI of a schema."""
    return _PATH_WITHOUT_URI.fullmatch(text) is not None


def abridged(name: str) -> str:
    """Return a name as an error shows it."""
    return name if len(name) <= _SHOWN else f"...{name[-_SHOWN:]}"


def check_keys(document: Document) -> None:
    """Refuse an object of which two keys are one name: letter case makes no difference.

    Raises:
        InvalidSyntax: Two keys differ in letter case alone.
    """
    if len({name.lower() for name in document}) == len(document):
        return
    seen: dict[str, str] = {}
    for name in document:
        other = seen.setdefault(name.lower(), name)
        if other != name:
            raise InvalidSyntax(
                f"{abridged(other)!r} and {abridged(name)!r} are one name, since letter case makes "
                "no difference: send one of them."
            )
