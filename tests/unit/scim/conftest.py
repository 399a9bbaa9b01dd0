"""What the tests of the protocol share: operations as they stand in a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pytest

from shared.scim import messages, patch
from shared.scim.core_schemas import USER, USER_SCHEMA

if TYPE_CHECKING:
    from shared.scim.schema import Document, ResourceType


class Patched(Protocol):
    def __call__(
        self, document: Document, *operations: Any, of: ResourceType = USER
    ) -> Document: ...


@pytest.fixture(scope="session")
def patched() -> Patched:
    """Apply operations, given as they are sent, to a stored document."""

    def apply(document: Document, *operations: Any, of: ResourceType = USER) -> Document:
        body = {
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": list(operations),
        }
        return patch.apply(of, document, messages.parse_patch(body))

    return apply


@pytest.fixture
def user() -> Document:
    """A small stored user."""
    return {"userName": "ana@contoso.test", "active": True}


@pytest.fixture(scope="session")
def user_body() -> Document:
    """The body of a POST as Entra sends it."""
    return {
        "schemas": [USER_SCHEMA, "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
        "externalId": "0a21f0f2",
        "userName": "ana@contoso.test",
        "active": True,
        "displayName": "Ana Ruiz",
        "emails": [{"primary": True, "type": "work", "value": "ana@contoso.test"}],
        "meta": {"resourceType": "User"},
        "name": {"formatted": "Ana Ruiz", "familyName": "Ruiz", "givenName": "Ana"},
        "phoneNumbers": [
            {"type": "work", "value": "555"},
            {"type": "mobile", "value": "556"},
            {"type": "fax", "value": "557"},
        ],
        "addresses": [{"type": "work", "primary": True, "country": "BE", "streetAddress": "Rue 1"}],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
            "department": "R&D",
            "employeeNumber": "7",
            "manager": {"value": "m1"},
        },
        "roles": [],
    }
