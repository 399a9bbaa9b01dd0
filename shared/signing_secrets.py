"""Secrets that sign webhooks: their names in Key Vault, and the form that Standard Webhooks gives.

The secret of the endpoint `<id>` lies in `scim-webhook--<id>`. A value is `whsec_` and the base64
of 24 to 64 random bytes.
"""

from __future__ import annotations

import base64
import binascii
import re

SIGNING_PREFIX = "whsec_"
"""What every signing secret begins with."""

LEAST_BYTES, MOST_BYTES = 24, 64

_VAULT_PREFIX = "scim-webhook--"
_ENDPOINT = re.compile(r"[0-9a-f]{32}")


def secret_name(endpoint_id: str) -> str:
    """Return the name of the Key Vault secret that signs the webhooks of an endpoint."""
    return f"{_VAULT_PREFIX}{endpoint_id}"


def of_secret(name: str) -> str | None:
    """Return the endpoint whose webhooks a secret of the vault signs, or None for any other secret.

    Key Vault keeps the case in which a secret was created and compares without it.
    """
    lowered = name.lower() if name.isascii() else ""
    endpoint_id = lowered.removeprefix(_VAULT_PREFIX)
    is_ours = lowered.startswith(_VAULT_PREFIX) and _ENDPOINT.fullmatch(endpoint_id) is not None
    return endpoint_id if is_ours else None


def encode(random: bytes) -> str:
    """Write random bytes as they stand behind the prefix: base64, not that of URLs."""
    return base64.b64encode(random).decode()


def is_signing_secret(value: str) -> bool:
    """Tell whether a value has the form of a signing secret."""
    if not value.startswith(SIGNING_PREFIX) or not value.isascii():
        return False
    try:
        key = base64.b64decode(value.removeprefix(SIGNING_PREFIX), validate=True)
    except binascii.Error:
        return False
    return LEAST_BYTES <= len(key) <= MOST_BYTES
