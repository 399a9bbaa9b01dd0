"""Reading a JWT before anything of it is believed: its form, its header and its claims."""

from __future__ import annotations

import binascii
import json
import re
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_JWT_CHARACTERS = 8_192
"""Of a JWT; those of Entra have some 2,000."""

_FORM = re.compile(r"eyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_BROUGHT_ALONG = frozenset({"jku", "jwk", "x5u", "x5c", "crit", "b64", "zip", "enc"})
"""Names in a header by which a sender would choose the key or the rules of the checking."""


@dataclass(frozen=True, slots=True)
class UnverifiedJwt:
    """A signed JWT (RFC 7519) as it was sent; nothing of it is known to be true.

    Attributes:
        text: The whole of it.
        header: Its header.
        claims: Its claims.
    """

    text: str
    header: Mapping[str, Any]
    claims: Mapping[str, Any]

    @property
    def algorithm(self) -> str:
        """The algorithm that the header names, for the key to be held against."""
        return _text(self.header.get("alg"))

    @property
    def key_id(self) -> str:
        """The key that the header names; "" if it names none."""
        return _text(self.header.get("kid"))

    @property
    def issuer(self) -> str:
        """The issuer that it claims; "" without one."""
        return _text(self.claims.get("iss"))


def parse_jwt(text: str) -> UnverifiedJwt | None:
    """Read a JWT; None if the text is none, or one that names the key to check it by itself."""
    if len(text) > MAX_JWT_CHARACTERS or not _FORM.fullmatch(text):
        return None
    header, claims = (_object_in(part) for part in text.split(".")[:2])
    if header is None or claims is None or not _BROUGHT_ALONG.isdisjoint(header):
        return None
    return UnverifiedJwt(text, header, claims)


def _object_in(part: str) -> dict[str, Any] | None:
    try:
        read = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)), object_pairs_hook=_once)
    except (ValueError, RecursionError, binascii.Error):
        return None
    return read if isinstance(read, dict) else None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a name that is there twice: readers differ in which of the values they take."""
    read = dict(pairs)
    if len(read) < len(pairs):
        raise ValueError
    return read


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
