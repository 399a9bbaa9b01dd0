"""What an operator copies out of the service: the Tenant URL and the secret token."""

from typing import Final
from urllib.parse import urlsplit, urlunsplit

import httpx

from tools.provision.wire import Dialect

FLAG_PARAMETER: Final = "aadOptscim062020"
"""The query parameter of a Tenant URL that switches Entra's job to the flag dialect."""


class UsageError(Exception):
    """An option cannot be used; the text says in one line what to change."""


def split_tenant_url(url: str) -> tuple[str, Dialect]:
    """Take a Tenant URL apart into the base of every request and the dialect it asks for.

    Raises:
        UsageError: when it is no absolute http or https URL.
    """
    try:
        parts = urlsplit(url)
        is_named = bool(parts.hostname) and bool(httpx.URL(url).host)
        usable = parts.scheme in {"http", "https"} and is_named and parts.port != 0
    except (ValueError, httpx.InvalidURL):
        usable = False
    if not usable:
        raise UsageError(f"--url {url!r}: expected something like https://host/scim/v2")
    if "@" in parts.netloc:
        raise UsageError("--url: expected no user name or password in it; use --token")
    flagged = FLAG_PARAMETER.lower() in parts.query.lower()
    base = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
    return base, Dialect.FLAG if flagged else Dialect.LEGACY


def checked_token(token: str) -> str:
    """Return the token if a header can carry it (RFC 6750 section 2.1), else raise UsageError."""
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise UsageError("--token: expected printable ASCII without spaces")
    return token
