"""Signatures against the public library of Standard Webhooks, which is the oracle."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from shared.webhooks.signing import headers_of

_SECRETS = st.binary(min_size=24, max_size=64).map(
    lambda random: "whsec_" + base64.b64encode(random).decode()
)
_IDS = st.from_regex(r"[0-9a-f]{32}(-member-(added|removed))?", fullmatch=True)


@given(_IDS, st.integers(0, 4_000_000_000), st.text(), st.lists(_SECRETS, min_size=1, max_size=2))
def test_each_secret_signs_as_the_public_library_does(
    event_id: str, seconds: int, text: str, secrets: list[str]
) -> None:
    body = text.encode("utf-8", "ignore")
    headers = headers_of(event_id, seconds, body, secrets)
    moment = datetime.fromtimestamp(seconds, UTC)
    expected = [Webhook(each).sign(event_id, moment, body.decode()) for each in secrets]
    assert headers == {
        "webhook-id": event_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(expected),
    }
