"""The secrets of the vault that are ours: by what name each is known, and what it must hold."""

from __future__ import annotations

from shared import api_keys, clients, signing_secrets, tenants


def canonical_name(name: str) -> str | None:
    """Return the name by which a secret is known here, None if it is none of ours."""
    if name.lower() == clients.SIGNING_KEY:
        return clients.SIGNING_KEY
    tenant, key, client = tenants.of_secret(name), api_keys.of_secret(name), clients.of_secret(name)
    if tenant is not None:
        return tenants.secret_name(tenant)
    if client is not None:
        return clients.secret_name(*client)
    endpoint = signing_secrets.of_secret(name)
    if endpoint is not None:
        return signing_secrets.secret_name(endpoint)
    return None if key is None else api_keys.secret_name(key)


def problem_of(secret: str, value: str) -> str | None:
    """Say what a value is not that its secret should hold; None if it is as it should be."""
    if secret == clients.SIGNING_KEY:
        is_right = clients.is_signing_key(value)
        return None if is_right else "signing key: it must be a private key in PEM (PKCS #8)"
    if clients.of_secret(secret) is not None:
        form = f"{clients.SECRET_PREFIX} and 32 random characters of base64url or more"
        is_right = clients.kind_of(value) is not None
        return (
            None
            if is_right
            else f"credential of a client and opens nothing: it must be {form}, a public key in"
            " PEM, or a trust in JSON"
        )
    if signing_secrets.of_secret(secret) is not None:
        is_right = signing_secrets.is_signing_secret(value)
        least, most = signing_secrets.LEAST_BYTES, signing_secrets.MOST_BYTES
        form = f"{signing_secrets.SIGNING_PREFIX} and the base64 of {least} to {most} random bytes"
        return None if is_right else f"signing secret and signs nothing: it must be {form}"
    return _problem_of_bearer(secret, value)


def is_kept_whole(secret: str, value: str) -> bool:
    """Tell whether a value is remembered itself, and not its digest alone: it is a key or a trust.

    Of what signs nothing less would do, and public keys and trusts are no secrets.
    """
    if secret == clients.SIGNING_KEY or signing_secrets.of_secret(secret) is not None:
        return True
    return clients.of_secret(secret) is not None and not clients.is_secret(value)


def _problem_of_bearer(secret: str, value: str) -> str | None:
    """Say what is wrong with a token, or with an API key."""
    key = api_keys.of_secret(secret)
    if key is not None:
        form = f"{api_keys.PREFIX}{key}_ and 32 random characters of base64url or more"
        is_right = api_keys.name_in(value) == key
        return None if is_right else f"API key and opens nothing: it must be {form}"
    if api_keys.is_key(value):
        return f"token and opens nothing: {api_keys.PREFIX} begins an API key"
    if not tenants.TOKEN.fullmatch(value):
        return (
            "token and opens nothing: it must be 16 to 4096 visible ASCII characters without spaces"
        )
    return None
