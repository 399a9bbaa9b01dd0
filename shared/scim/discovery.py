"""Discovery: the documents that tell a client what the service does (RFC 7644 section 4)."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from shared.errors import NotFound
from shared.scim.bulk import MAX_BULK_OPERATIONS
from shared.scim.queries import DEFAULT_COUNT, MAX_COUNT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.scim.catalogue import Catalogue
    from shared.scim.schema import Attribute, Document, ResourceType, Schema

SCHEMA_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Schema"
RESOURCE_TYPE_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
SERVICE_PROVIDER_CONFIG_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"

CURSOR_SECONDS = 3_600
"""For how long a cursor is good (`cursorTimeout` of RFC 9865 section 4)."""


class AuthenticationScheme(Enum):
    """How a client may authenticate (`authenticationSchemes` of RFC 7643 section 5)."""

    CLIENT_CREDENTIALS = (
        "oauth2",
        "OAuth 2.0 client credentials",
        "An access token of <Tenant URL>/oauth2/token, in the Authorization header.",
        "https://www.rfc-editor.org/info/rfc6749",
    )
    SECRET_TOKEN = (
        "oauthbearertoken",
        "Bearer token",
        "The secret token of the tenant, in the Authorization header.",
        "https://www.rfc-editor.org/info/rfc6750",
    )

    @property
    def description(self) -> Document:
        """What the ServiceProviderConfig says of it."""
        return dict(zip(("type", "name", "description", "specUri"), self.value, strict=True))


def schemas(catalogue: Catalogue, base_url: str) -> list[Document]:
    """Return the resources of `/Schemas`, each schema once.

    Entra derives from them which attributes can be mapped.

    Args:
        catalogue: What the service serves.
        base_url: The base URL of the service, without a slash at its end.
    """
    is_closed = catalogue.user.is_closed
    return [_schema(schema, base_url, is_closed=is_closed) for schema in catalogue.schemas]


def schema(catalogue: Catalogue, base_url: str, urn: str) -> Document:
    """Return the resource of `/Schemas/<urn>`.

    Raises:
        NotFound: There is no such schema.
    """
    for candidate in catalogue.schemas:
        if candidate.id.lower() == urn.lower():
            return _schema(candidate, base_url, is_closed=catalogue.user.is_closed)
    raise NotFound("There is no schema of that URN; /Schemas lists those that there are.")


def resource_types(catalogue: Catalogue, base_url: str) -> list[Document]:
    """Return the resources of `/ResourceTypes`."""
    return [_resource_type(resource_type, base_url) for resource_type in catalogue.resource_types]


def resource_type(catalogue: Catalogue, base_url: str, name: str) -> Document:
    """Return the resource of `/ResourceTypes/<name>`.

    Raises:
        NotFound: There is no such resource type.
    """
    for candidate in catalogue.resource_types:
        if candidate.name.lower() == name.lower():
            return _resource_type(candidate, base_url)
    raise NotFound("There is no resource type of that name; /ResourceTypes lists them.")


def service_provider_config(
    base_url: str,
    max_body_bytes: int,
    schemes: Sequence[AuthenticationScheme],
    *,
    is_interop: bool = False,
) -> Document:
    """Return the resource of `/ServiceProviderConfig` (RFC 7643 section 5, RFC 9865 section 4).

    It is the truth of this service: some clients choose between PUT and PATCH by it.

    Args:
        base_url: The base URL of the service, without a slash at its end.
        max_body_bytes: The largest body that a request may have.
        schemes: How the client may authenticate, the one to prefer first.
        is_interop: Whether the tenant has the interoperability profile (draft-zollner-scim-interop-
            profile), which then is declared.
    """
    return {
        "schemas": [SERVICE_PROVIDER_CONFIG_SCHEMA],
        "patch": {"supported": True},
        "bulk": {
            "supported": True,
            "maxOperations": MAX_BULK_OPERATIONS,
            "maxPayloadSize": max_body_bytes,
        },
        "filter": {"supported": True, "maxResults": MAX_COUNT},
        "changePassword": {"supported": False},
        "sort": {"supported": True},
        "etag": {"supported": True},
        "pagination": {
            "cursor": True,
            "index": True,
            "defaultPaginationMethod": "index",
            "defaultPageSize": DEFAULT_COUNT,
            "maxPageSize": MAX_COUNT,
            "cursorTimeout": CURSOR_SECONDS,
        },
        "authenticationSchemes": [
            {**scheme.description, "primary": number == 0} for number, scheme in enumerate(schemes)
        ],
        **({"interopProfileConformant": True} if is_interop else {}),
        "meta": {
            "resourceType": "ServiceProviderConfig",
            "location": f"{base_url}/ServiceProviderConfig",
        },
    }


def _schema(described: Schema, base_url: str, *, is_closed: bool) -> Document:
    """Describe a schema: of closed types all that is read, as the interoperability profile asks."""
    return {
        "schemas": [SCHEMA_SCHEMA],
        "id": described.id,
        "name": described.name,
        "description": described.description,
        "attributes": _attributes(described.attributes, everything=is_closed),
        "meta": {"resourceType": "Schema", "location": f"{base_url}/Schemas/{described.id}"},
    }


def _attributes(described: tuple[Attribute, ...], *, everything: bool) -> list[Document]:
    return [
        _attribute(attribute, everything=everything)
        for attribute in described
        if attribute.published or everything
    ]


def _attribute(described: Attribute, *, everything: bool) -> Document:
    """Describe an attribute without a null anywhere: Entra's reader of schemas stops at one."""
    document: Document = {
        "name": described.name,
        "type": described.type,
        "multiValued": described.multi_valued,
        "description": described.description,
        "required": described.required,
        "caseExact": described.case_exact,
        "mutability": described.mutability,
        "returned": described.returned,
        "uniqueness": described.uniqueness,
    }
    if described.canonical_values:
        document["canonicalValues"] = list(described.canonical_values)
    if described.reference_types:
        document["referenceTypes"] = list(described.reference_types)
    if described.sub_attributes:
        document["subAttributes"] = _attributes(described.sub_attributes, everything=everything)
    return document


def _resource_type(described: ResourceType, base_url: str) -> Document:
    return {
        "schemas": [RESOURCE_TYPE_SCHEMA],
        "id": described.name,
        "name": described.name,
        "endpoint": described.endpoint,
        "description": described.description,
        "schema": described.schema.id,
        "schemaExtensions": [
            {"schema": extension.id, "required": extension.id in described.required_extensions}
            for extension in described.extensions
        ],
        "meta": {
            "resourceType": "ResourceType",
            "location": f"{base_url}/ResourceTypes/{described.name}",
        },
    }
