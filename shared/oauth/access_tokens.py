"""Access tokens (RFC 9068): what they say, and what is checked of them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.oauth import checks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shared.oauth.checks import ClaimCheck

ACCESS_TOKEN_TYPE = "at+jwt"  # noqa: S105 - a media type
SCOPE = "scim"

_LEEWAY_SECONDS = 5.0
"""Between the clocks of two instances of the service."""


@dataclass(frozen=True, slots=True)
class AccessGrant:
    """What an access token is for.

    Attributes:
        tenant: The tenant that it opens.
        client: The client whose it is.
        version: Of the client's secret, by which it was obtained: it ends with that.
        issuer: The Tenant URL at which it was obtained, and where it is to be used.
    """

    tenant: str
    client: str
    version: str
    issuer: str


def claims_of(grant: AccessGrant, now: float, expires: float) -> dict[str, Any]:
    """Write the claims of an access token."""
    return {
        "iss": grant.issuer,
        "aud": grant.issuer,
        "sub": grant.client,
        "client_id": grant.client,
        "scope": SCOPE,
        "tenant": grant.tenant,
        "client_version": grant.version,
        "iat": int(now),
        "exp": int(expires),
        "jti": secrets.token_urlsafe(16),
    }


def examine(
    claims: Mapping[str, Any], tenant: str, issuer: str, now: float, longest: float
) -> Iterator[ClaimCheck]:
    """Check the claims of an access token.

    Args:
        claims: Of a token whose signature is ours.
        tenant: The tenant of the request.
        issuer: The Tenant URL of the request.
        now: POSIX seconds.
        longest: For how many seconds a token may be valid.
    """
    yield checks.exactly("iss", issuer, claims.get("iss"))
    yield checks.audience((issuer,), claims.get("aud"))
    yield checks.exactly("tenant", tenant, claims.get("tenant"))
    yield checks.exactly("scope", SCOPE, claims.get("scope"))
    yield from checks.times(claims, now, _LEEWAY_SECONDS, longest)
