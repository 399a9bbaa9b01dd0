"""Discovery documents, as Entra's validators and an independent model library read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import scim2_models

from shared.errors import NotFound
from shared.scim import discovery
from shared.scim.catalogue import Catalogue
from shared.scim.core_schemas import (
    ENTERPRISE_USER_SCHEMA,
    GROUP_SCHEMA,
    USER_SCHEMA,
)
from shared.scim.discovery import AuthenticationScheme

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.scim.schema import Document

SCHEMES = tuple(AuthenticationScheme)
BASE = "https://host/scim/v2"
CATALOGUE = Catalogue()


def published() -> dict[str, Document]:
    return {schema["id"]: schema for schema in discovery.schemas(CATALOGUE, BASE)}


def attributes(document: Document) -> Iterator[tuple[str, Document]]:
    """Yield every attribute and sub-attribute of a schema under its path."""
    for attribute in document["attributes"]:
        yield attribute["name"], attribute
        for sub in attribute.get("subAttributes", []):
            yield f"{attribute['name']}.{sub['name']}", sub


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for part in value.values():
            yield from leaves(part)
    elif isinstance(value, list):
        for part in value:
            yield from leaves(part)
    else:
        yield value


def test_every_schema_is_listed_once() -> None:
    assert list(published()) == [USER_SCHEMA, ENTERPRISE_USER_SCHEMA, GROUP_SCHEMA]
    assert [schema["meta"]["location"] for schema in discovery.schemas(CATALOGUE, BASE)] == [
        f"{BASE}/Schemas/{urn}" for urn in published()
    ]


@pytest.mark.parametrize("urn", [USER_SCHEMA, ENTERPRISE_USER_SCHEMA, GROUP_SCHEMA])
def test_a_schema_is_found_by_its_urn_in_any_case(urn: str) -> None:
    assert discovery.schema(CATALOGUE, BASE, urn.upper()) == published()[urn]


def test_an_unknown_schema_or_resource_type_is_not_found() -> None:
    with pytest.raises(NotFound):
        discovery.schema(CATALOGUE, BASE, "urn:acme")
    with pytest.raises(NotFound):
        discovery.resource_type(CATALOGUE, BASE, "Device")


def test_no_document_holds_a_null() -> None:
    documents = [
        *discovery.schemas(CATALOGUE, BASE),
        *discovery.resource_types(CATALOGUE, BASE),
        discovery.service_provider_config(BASE, 65_536, SCHEMES),
    ]
    assert None not in list(leaves(documents))


def test_what_entras_validators_stumble_over_is_not_published() -> None:
    paths = dict(attributes(published()[USER_SCHEMA]))
    assert "password" not in paths
    assert "emails.display" not in paths
    assert "addresses.primary" not in paths
    assert "phoneNumbers.display" in paths
    assert "never" not in {attribute["returned"] for attribute in paths.values()}
    assert "writeOnly" not in {attribute["mutability"] for attribute in paths.values()}


def test_what_entra_maps_by_default_can_be_derived_from_the_schemas() -> None:
    user = dict(attributes(published()[USER_SCHEMA]))
    for path in (
        "userName",
        "active",
        "displayName",
        "title",
        "emails.value",
        "preferredLanguage",
        "name.givenName",
        "name.familyName",
        "name.formatted",
        "addresses.streetAddress",
        "addresses.locality",
        "addresses.region",
        "addresses.postalCode",
        "addresses.country",
        "phoneNumbers.value",
        "roles.value",
        "externalId",
    ):
        assert path in user
    enterprise = dict(attributes(published()[ENTERPRISE_USER_SCHEMA]))
    assert {"employeeNumber", "department", "manager", "manager.value"} <= enterprise.keys()
    group = dict(attributes(published()[GROUP_SCHEMA]))
    assert {"displayName", "externalId", "members", "members.value"} <= group.keys()


def test_every_list_of_objects_has_types_with_canonical_values() -> None:
    for document in published().values():
        described = dict(attributes(document))
        for name, attribute in list(described.items()):
            if attribute["multiValued"] and attribute["type"] == "complex":
                assert described[f"{name}.type"]["canonicalValues"]


def test_only_what_is_needed_is_required() -> None:
    required = {
        f"{document['name']}.{path}"
        for document in published().values()
        for path, attribute in attributes(document)
        if attribute["required"]
    }
    assert required == {"User.userName", "Group.displayName"}


def test_names_of_characteristics_are_those_of_rfc_7643() -> None:
    user_name = dict(attributes(published()[USER_SCHEMA]))["userName"]
    assert {k: v for k, v in user_name.items() if k != "description"} == {
        "name": "userName",
        "type": "string",
        "multiValued": False,
        "required": True,
        "caseExact": False,
        "mutability": "readWrite",
        "returned": "default",
        "uniqueness": "server",
    }


def test_an_independent_library_reads_the_schemas() -> None:
    for document in discovery.schemas(CATALOGUE, BASE):
        schema = scim2_models.Schema.model_validate(document)
        assert schema.id == document["id"]
        assert schema.model_dump() == document


def test_resource_types_name_their_extensions() -> None:
    documents = discovery.resource_types(CATALOGUE, BASE)
    for document in documents:
        scim2_models.ResourceType.model_validate(document)
    assert [(d["id"], d["endpoint"], d["schema"], d["schemaExtensions"]) for d in documents] == [
        ("User", "/Users", USER_SCHEMA, [{"schema": ENTERPRISE_USER_SCHEMA, "required": False}]),
        ("Group", "/Groups", GROUP_SCHEMA, []),
    ]
    assert discovery.resource_type(CATALOGUE, BASE, "user") == documents[0]
    assert documents[0]["meta"]["location"] == f"{BASE}/ResourceTypes/User"
    assert len(documents) == len(CATALOGUE.resource_types)


def test_the_service_provider_config_tells_what_there_is() -> None:
    config = discovery.service_provider_config(BASE, 65_536, SCHEMES)
    read = scim2_models.ServiceProviderConfig.model_validate(config)
    assert read.authentication_schemes
    listed = [(each["type"], each["primary"]) for each in config["authenticationSchemes"]]
    assert listed == [("oauth2", True), ("oauthbearertoken", False)]
    assert config["patch"] == {"supported": True}
    assert config["bulk"] == {"supported": True, "maxOperations": 1_000, "maxPayloadSize": 65_536}
    assert config["filter"] == {"supported": True, "maxResults": 200}
    assert config["changePassword"] == {"supported": False}
    assert config["sort"] == {"supported": True}
    assert config["etag"] == {"supported": True}
    assert config["pagination"] == {
        "cursor": True,
        "index": True,
        "defaultPaginationMethod": "index",
        "defaultPageSize": 100,
        "maxPageSize": 200,
        "cursorTimeout": 3600,
    }
    assert config["meta"]["location"] == f"{BASE}/ServiceProviderConfig"
