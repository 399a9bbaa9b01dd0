"""Assertions by which clients show who they are (RFC 7523 section 3): what is checked of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.oauth import checks
from shared.oauth.checks import ClaimCheck

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

LEEWAY_SECONDS = 60.0
"""How far the clock of a client, or of an issuer, may be from ours."""

LONGEST_OF_CLIENT = 3_600.0
"""For how many seconds an assertion that a client signs itself may be valid: the id of each is
remembered that long."""


def examine_own(
    claims: Mapping[str, Any], client: str, audiences: Collection[str], now: float
) -> Iterator[ClaimCheck]:
    """Check the claims of an assertion that a client has signed with its own key.

    Args:
        claims: Of an assertion whose signature is the client's.
        client: The client id.
        audiences: By which this service may be meant.
        now: POSIX seconds.
    """
    yield checks.exactly("iss", client, claims.get("iss"))
    yield checks.exactly("sub", client, claims.get("sub"))
    yield checks.audience(audiences, claims.get("aud"))
    yield from checks.times(claims, now, LEEWAY_SECONDS, LONGEST_OF_CLIENT)
    has_id = isinstance(claims.get("jti"), str) and bool(claims["jti"])
    yield ClaimCheck("jti", has_id, "an id", checks.shown(claims.get("jti")))
