"""The headers of a webhook, as Standard Webhooks has them.

The scheme is that of https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_PREFIX = "whsec_"


def headers_of(event_id: str, seconds: int, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """Sign a webhook with every secret that is valid, so that receivers may know either.

    Args:
        event_id: the same at every attempt, by which the receiver removes doubles.
        seconds: when this attempt is made, in POSIX seconds.
        body: what is sent.
        secrets: `whsec_` and base64, the newest first.
    """
    signed = b".".join((event_id.encode(), str(seconds).encode(), body))
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(_signature(each, signed) for each in secrets),
    }


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"
