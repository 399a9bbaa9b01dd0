"""The challenge of SCIM's 401, which names the address that was asked."""

from __future__ import annotations

import re

_OF_SCIM = re.compile(
    r'Bearer resource_metadata="https?://[^"/]+(/[!-~]*)?/scim/v2'
    r'/\.well-known/oauth-protected-resource"'
)
ANYWHERE = 'Bearer resource_metadata="<Tenant URL>/.well-known/oauth-protected-resource"'


def without_address(challenge: str) -> str:
    """Take the address out of a challenge of SCIM, to compare what it says of any two of them."""
    return ANYWHERE if _OF_SCIM.fullmatch(challenge) else challenge
