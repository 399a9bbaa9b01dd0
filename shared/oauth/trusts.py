"""Trusts: whose tokens a client is known by, and where the keys of that issuer are."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from shared.oauth import checks
from shared.oauth.assertions import LEEWAY_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shared.oauth.checks import ClaimCheck

LONGEST_OF_ISSUER = 25 * 3_600.0
"""For how many seconds a token of another issuer may be valid; Entra's have 24 h at most."""

_Text = Annotated[str, Field(min_length=1, max_length=500)]


def _https(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.username or parts.fragment:
        raise ValueError("should be an https URL")
    return url


class Trust(BaseModel):
    """A trust, as it lies in the vault. All that it names is compared exactly."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    issuer: _Text = Field(description="`iss` of its tokens.")
    jwks_uri: Annotated[_Text, AfterValidator(_https)] = Field(
        alias="jwksUri", description="Where its keys are; it need not be the host of the issuer."
    )
    audiences: tuple[_Text, ...] = Field(
        min_length=1, max_length=20, description="One of which must be among `aud`."
    )
    subject: _Text = Field(description="`sub` of its tokens: the one who is let in.")
    bearer: bool = Field(
        False, description="Whether its tokens open SCIM themselves, without the token endpoint."
    )

    @property
    def host(self) -> str:
        """Host of the keys, with the port if one is named."""
        return urlsplit(self.jwks_uri).netloc.lower()


@lru_cache(maxsize=256)
def parse_trust(text: str) -> Trust | None:
    """Read a trust; None if it is none."""
    try:
        return Trust.model_validate_json(text)
    except ValidationError:
        return None


def examine_foreign(claims: Mapping[str, Any], trust: Trust, now: float) -> Iterator[ClaimCheck]:
    """Check the claims of a token of another issuer.

    Args:
        claims: Of the token.
        trust: What is expected of it.
        now: POSIX seconds.
    """
    yield checks.exactly("iss", trust.issuer, claims.get("iss"))
    yield checks.audience(trust.audiences, claims.get("aud"))
    yield checks.exactly("sub", trust.subject, claims.get("sub"))
    yield from checks.times(claims, now, LEEWAY_SECONDS, LONGEST_OF_ISSUER)
