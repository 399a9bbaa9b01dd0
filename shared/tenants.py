"""Tenants: their names in a path, in Key Vault and in the settings, and the form of their tokens.

The tenant `default` is served at `/scim/v2`, any other at `/tenants/<tenant>/scim/v2`. A tenant
exists when it has a secret: `scim-token` for the default one, `scim-token--<tenant>` otherwise.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT = "default"

TOKEN = re.compile(r"[!-~]{16,4096}")
"""A secret token: visible ASCII without spaces, as a header can carry it (RFC 6750 section 2.1 is
narrower, but customers choose their tokens). Shorter ones could be guessed; longer ones are not
tokens but an attempt to make the service work."""

TOKEN_TAG, TOKEN_OFF = "token", "off"
"""The tag of a tenant's secret that switches its tokens off: its OAuth clients alone are let in."""

WEBHOOKS_PARTITION = "all--webhooks"
"""Where the webhook endpoints lie. As with `scratch`, no tenant can have the name."""

_NAME = re.compile(r"(?!.*--)[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_SECRET = "scim-token"  # noqa: S105 - the name of the secret, not its value
_SECRET_PREFIX = f"{_SECRET}--"


def of_path(segment: str | None) -> str | None:
    """Return the tenant that a path names.

    Args:
        segment: What stands in the place of `<tenant>`, percent-decoded; None for `/scim/v2`.

    Returns:
        The tenant, or None when no tenant can have that name. The caller is to be answered as for
        any unknown tenant: `Authenticator.authenticate` takes the None.
    """
    return DEFAULT if segment is None else _named(segment)


def named(text: str) -> str | None:
    """Return the tenant that a text names, `default` too, in lower case; None if it names none."""
    return DEFAULT if text.isascii() and text.lower() == DEFAULT else _named(text)


def of_secret(name: str) -> str | None:
    """Return the tenant whose token a secret of the vault holds, or None for any other secret.

    Key Vault keeps the case in which a secret was created and compares without it.
    """
    prefix, tenant = name[: len(_SECRET_PREFIX)], name[len(_SECRET_PREFIX) :]
    if name.lower() == _SECRET:
        return DEFAULT
    return _named(tenant) if prefix.lower() == _SECRET_PREFIX else None


def of_setting(suffix: str) -> str | None:
    """Return the tenant of `SCIM_SECRET_TOKEN__<suffix>`, or None when the suffix names none.

    A POSIX environment variable holds no dash, so `AB_CD` is the tenant `ab-cd`.
    """
    return _named(suffix.replace("_", "-"))


def secret_name(tenant: str) -> str:
    """Return the name of the Key Vault secret that holds the token of a tenant."""
    return _SECRET if tenant == DEFAULT else f"{_SECRET_PREFIX}{tenant}"


def takes_tokens(tags: Mapping[str, str]) -> bool:
    """Tell by the tags of a tenant's secret whether its tokens open it."""
    return tags.get(TOKEN_TAG, "").strip().lower() != TOKEN_OFF


def scratch(purpose: str) -> str:
    """Name a partition that no tenant can have: for rows that are written to be removed.

    Two dashes are in the name of no tenant, so nothing that goes through the tenants meets it.
    """
    return f"scratch--{purpose}"


def _named(text: str) -> str | None:
    # Non-ASCII is refused before lower(), which makes a "k" of the Kelvin sign.
    name = text.lower()
    well_formed = text.isascii() and _NAME.fullmatch(name) is not None
    return name if well_formed and name != DEFAULT else None
