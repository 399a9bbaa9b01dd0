"""Webhooks, verified as Standard Webhooks 1.0.0 says."""

import binascii
import hashlib
import hmac
import json
import time
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from typing import Any

TOLERANCE = 300
"""Seconds by which a webhook may be older or newer than now, so that none is sent again later."""

_PREFIX = "whsec_"
_ID, _TIMESTAMP, _SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"


class VerificationError(Exception):
    """The webhook is not what the service has sent, or not just now: answer 401, do nothing."""


def verify(
    payload: bytes | str,
    headers: Mapping[str, str],
    secret: str | Sequence[str],
    *,
    now: float | None = None,
) -> Any:
    """Verify a webhook and return its body.

    Args:
        payload: the body exactly as it came, before any parser has seen it.
        headers: of the request; letter case does not matter.
        secret: `whsec_<base64>`; several while one replaces another.
        now: POSIX seconds; those of the clock unless told.

    Raises:
        VerificationError: it is not to be trusted.
        ValueError: a secret is none.
    """
    keys = [_key(each) for each in ([secret] if isinstance(secret, str) else secret)]
    body = payload.encode() if isinstance(payload, str) else payload
    given = {name.lower(): value for name, value in headers.items()}
    missing = [name for name in (_ID, _TIMESTAMP, _SIGNATURE) if not given.get(name)]
    if missing:
        raise VerificationError(f"the request has no {missing[0]}")
    _check_time(given[_TIMESTAMP], time.time() if now is None else now)
    signed = f"{given[_ID]}.{given[_TIMESTAMP]}.".encode() + body
    if not _is_signed(signed, given[_SIGNATURE], keys):
        raise VerificationError("no signature is that of one of the secrets")
    try:
        return json.loads(body)
    except ValueError:
        raise VerificationError("the body is no JSON") from None


def _key(secret: str) -> bytes:
    try:
        key = b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not key:
        raise ValueError("a secret is whsec_ and base64")
    return key


def _check_time(timestamp: str, now: float) -> None:
    if not (timestamp.isascii() and timestamp.isdecimal()) or len(timestamp) > 15:
        raise VerificationError("webhook-timestamp is no number of seconds")
    if abs(now - int(timestamp)) > TOLERANCE:
        raise VerificationError(f"the webhook is more than {TOLERANCE} seconds from now")


def _is_signed(signed: bytes, signatures: str, keys: Sequence[bytes]) -> bool:
    """Compare all signatures of version 1 with all keys, in a time that tells nothing of them."""
    expected = [b64encode(hmac.digest(key, signed, hashlib.sha256)) for key in keys]
    versions = (each.partition(",") for each in signatures.split(" "))
    found = [signature.encode() for version, _, signature in versions if version == "v1"]
    matches = [hmac.compare_digest(mine, given) for mine in expected for given in found]
    return any(matches)
