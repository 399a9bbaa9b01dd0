"""What a client may read of the authorization server and of the resource: pure, from the address.

There is such a document at every address that a tenant could have, so it tells nobody which exist.
"""

from __future__ import annotations

from typing import Any

from shared.oauth.access_tokens import SCOPE

PROTECTED_RESOURCE = ".well-known/oauth-protected-resource"


def authorization_server(issuer: str) -> dict[str, Any]:
    """Describe the authorization server of a tenant (RFC 8414 section 2).

    Args:
        issuer: The Tenant URL.
    """
    return {
        "issuer": issuer,
        "token_endpoint": token_endpoint(issuer),
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": [],
        "scopes_supported": [SCOPE],
        "token_endpoint_auth_methods_supported": [
            "client_secret_basic",
            "client_secret_post",
            "private_key_jwt",
        ],
        "token_endpoint_auth_signing_alg_values_supported": ["ES256", "RS256"],
        "protected_resources": [issuer],
    }


def protected_resource(issuer: str) -> dict[str, Any]:
    """Describe the resource that access tokens open, which is SCIM of a tenant (RFC 9728)."""
    return {
        "resource": issuer,
        "authorization_servers": [issuer],
        "scopes_supported": [SCOPE],
        "bearer_methods_supported": ["header"],
    }


def token_endpoint(issuer: str) -> str:
    """Return the address of the token endpoint of a tenant."""
    return f"{issuer}/oauth2/token"
