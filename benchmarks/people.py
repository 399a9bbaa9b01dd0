"""The people of every directory: the same documents for each service."""

from __future__ import annotations

from typing import Any

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

EVERYONE = "group 0"
"""The group of all users."""


def user_name(number: int | str) -> str:
    """Return the userName of a person."""
    return f"user{number}@example.com"


def person(number: int | str) -> dict[str, Any]:
    """Describe a person as Microsoft Entra ID does with its default mappings."""
    return {
        "schemas": [USER, ENTERPRISE],
        "externalId": f"external-{number}",
        "userName": user_name(number),
        "active": True,
        "displayName": f"User {number}",
        "name": {"givenName": "User", "familyName": f"{number}", "formatted": f"User {number}"},
        "title": "Engineer",
        "preferredLanguage": "en",
        "emails": [{"value": user_name(number), "type": "work", "primary": True}],
        "phoneNumbers": [{"value": "+1 555 0100", "type": "work"}],
        ENTERPRISE: {"department": "Research", "employeeNumber": f"{number}"},
    }


def patch(*operations: dict[str, Any]) -> dict[str, Any]:
    """Write the body of a PATCH."""
    return {"schemas": [PATCH_OP], "Operations": list(operations)}
