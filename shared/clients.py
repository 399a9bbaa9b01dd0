"""OAuth clients: their names in Key Vault, and the forms of what authenticates them.

A client is what a customer's identity provider is to the token endpoint of its tenant. The client
`entra` of the tenant `acme` lies in the secret `scim-client--acme--entra`, and its client id is
`entra`. A version of the secret is one credential of the client, in one of three forms: a client
secret, a public key, or a trust in tokens of another issuer. The keys that sign access tokens lie
in `scim-signing-key`.
"""

from __future__ import annotations

import re
from enum import StrEnum

from shared import tenants

SIGNING_KEY = "scim-signing-key"
"""The secret whose versions sign access tokens: EC keys of the curve P-256, in PEM."""

SECRET_PREFIX = "scimsecret_"  # noqa: S105 - the beginning of every client secret, not one of them

LOCAL = "local"
"""The client that a developer's machine has for each tenant of its settings."""

_VAULT_PREFIX = "scim-client--"
_SECRET = re.compile(rf"{SECRET_PREFIX}[A-Za-z0-9_-]{{32,200}}")
_PUBLIC_KEY = "-----BEGIN PUBLIC KEY-----"
_PRIVATE_KEY = "-----BEGIN PRIVATE KEY-----"


class CredentialKind(StrEnum):
    """How a client shows who it is, by the form of what the vault keeps of it."""

    SECRET = "secret"  # noqa: S105 - a word
    PUBLIC_KEY = "public key"
    TRUST = "trust"


def content_type(kind: CredentialKind) -> str:
    """Return what a version of a client's secret says that it holds."""
    return f"SCIM client {kind}"


def kind_of(value: str) -> CredentialKind | None:
    """Return what a version of a client's secret is by its form; None if it is none of the kinds.

    A secret is the only kind that nobody else knows, so nothing of another form is ever compared
    with what was sent as one.
    """
    if is_secret(value):
        return CredentialKind.SECRET
    if value.startswith(_PUBLIC_KEY):
        return CredentialKind.PUBLIC_KEY
    return CredentialKind.TRUST if value.startswith("{") else None


def is_secret(text: str) -> bool:
    """Tell whether a text has the form of a client secret."""
    return _SECRET.fullmatch(text) is not None


def is_signing_key(value: str) -> bool:
    """Tell whether a value of the vault has the form of a private key in PEM."""
    return value.startswith(_PRIVATE_KEY)


def named(text: str) -> str | None:
    """Return the name of a client in lower case; None if no client can have it.

    The rule is that of tenants: up to 40 of a-z, 0-9 and single dashes between them.
    """
    return tenants.named(text)


def of_secret(name: str) -> tuple[str, str] | None:
    """Return the tenant and the client whose credentials a secret of the vault holds, or None.

    Two dashes are in no name, so there is one way to take the secret's name apart.
    """
    if not name.lower().startswith(_VAULT_PREFIX):
        return None
    tenant, separator, client = name[len(_VAULT_PREFIX) :].partition("--")
    pair = tenants.named(tenant), named(client)
    return (pair[0], pair[1]) if separator and pair[0] and pair[1] else None


def secret_name(tenant: str, client: str) -> str:
    """Return the name of the Key Vault secret that holds the credentials of a client."""
    return f"{_VAULT_PREFIX}{tenant}--{client}"
