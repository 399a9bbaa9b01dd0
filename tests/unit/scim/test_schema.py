"""The description of the schema, and how names are looked up in it."""

from __future__ import annotations

import pytest

from shared.scim.catalogue import Catalogue
from shared.scim.core_schemas import (
    ENTERPRISE_USER,
    ENTERPRISE_USER_SCHEMA,
    GROUP,
    USER,
    USER_SCHEMA,
)
from shared.scim.schema import Attribute, ResourceType, Schema

MANAGER = f"{ENTERPRISE_USER_SCHEMA}:manager"


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("userName", "userName"),
        ("USERNAME", "userName"),
        ("name.GIVENname", "name.givenName"),
        (f"{USER_SCHEMA}:userName", "userName"),
        (f"{USER_SCHEMA.upper()}:NAME.FAMILYNAME", "name.familyName"),
        (MANAGER, MANAGER),
        (f"{MANAGER}.value", f"{MANAGER}.value"),
        ("manager", MANAGER),
        ("Manager.$ref", f"{MANAGER}.$ref"),
        ("urn:ietf:params:scim:schemas:extension:enterprise:2.0User:manager", MANAGER),
        (f"{ENTERPRISE_USER_SCHEMA}.manager", MANAGER),
        (f"{ENTERPRISE_USER_SCHEMA}.manager.value", f"{MANAGER}.value"),
        (
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0User.manager.$ref",
            f"{MANAGER}.$ref",
        ),
        (f"{USER_SCHEMA}.name.givenName", "name.givenName"),
        ("schemas.value", "schemas"),
        ("id", "id"),
        (f"{USER_SCHEMA}:meta.lastModified", "meta.lastModified"),
        ("roles.displayName", "roles.display"),
    ],
)
def test_a_path_is_found_in_every_spelling(text: str, canonical: str) -> None:
    path = USER.find(text)
    assert path is not None
    assert path.text == canonical


@pytest.mark.parametrize(
    "text",
    ["", "usrName", "name.nick", "name.givenName.x", ".", "members", f"{USER_SCHEMA}:department"],
)
def test_a_path_that_names_nothing_is_not_found(text: str) -> None:
    assert USER.find(text) is None


@pytest.mark.parametrize(
    "key", ["department", "DEPARTMENT", f"{ENTERPRISE_USER_SCHEMA}:department"]
)
def test_a_key_under_a_urn_may_repeat_it(key: str) -> None:
    path = USER.find_within(ENTERPRISE_USER, key)
    assert path is not None
    assert path.text == f"{ENTERPRISE_USER_SCHEMA}:department"


@pytest.mark.parametrize("key", ["title", f"{USER_SCHEMA}:title", "shoeSize", "", USER_SCHEMA])
def test_a_key_under_a_urn_names_nothing_of_another_schema(key: str) -> None:
    assert USER.find_within(ENTERPRISE_USER, key) is None


def test_a_schema_is_found_in_every_spelling() -> None:
    for urn in (ENTERPRISE_USER_SCHEMA, ENTERPRISE_USER_SCHEMA.upper()):
        assert USER.schema_of(urn) is ENTERPRISE_USER
        assert USER.schema_of(urn.replace("2.0:U", "2.0U")) is ENTERPRISE_USER
    assert USER.schema_of(USER_SCHEMA) is USER.schema
    assert USER.schema_of("urn:acme:User") is None


def test_a_core_attribute_is_preferred_to_a_namesake_in_an_extension() -> None:
    extension = Schema("urn:acme:2.0:User", "Acme", "", (Attribute("title"),))
    core = Schema("urn:core:2.0:User", "User", "", (Attribute("title"),))
    resource_type = ResourceType("User", "/Users", "", core, (extension,))
    assert [resource_type.find(text) for text in ("title", "urn:acme:2.0:User:title")] == [
        path for path in resource_type.attributes if path.attribute.name == "title"
    ]


def test_a_path_reads_its_attribute_from_a_resource() -> None:
    resource = {"title": "Dr", ENTERPRISE_USER_SCHEMA: {"manager": {"value": "m1"}}}
    values = {}
    for text in ("title", "manager.value", "department", "nickName"):
        path = USER.find(text)
        assert path is not None
        values[text] = path.read(resource)
    assert values == {
        "title": "Dr",
        "manager.value": {"value": "m1"},
        "department": None,
        "nickName": None,
    }


def test_a_user_has_every_attribute_of_rfc_7643_that_entra_can_map() -> None:
    assert [attribute.name for attribute in USER.schema.attributes] == [
        "userName",
        "externalId",
        "name",
        "displayName",
        "nickName",
        "profileUrl",
        "title",
        "userType",
        "preferredLanguage",
        "locale",
        "timezone",
        "active",
        "password",
        "emails",
        "phoneNumbers",
        "ims",
        "photos",
        "addresses",
        "groups",
        "entitlements",
        "roles",
        "x509Certificates",
    ]
    assert [attribute.name for attribute in ENTERPRISE_USER.attributes] == [
        "employeeNumber",
        "costCenter",
        "organization",
        "division",
        "department",
        "manager",
    ]


def test_what_is_required_or_has_a_default() -> None:
    assert [path.text for path in USER.required] == ["userName"]
    assert [path.text for path in GROUP.required] == ["displayName"]
    assert [path.text for path in USER.defaulted] == ["active"]
    assert GROUP.defaulted == ()


def test_what_the_service_composes_or_does_not_keep_is_not_writable() -> None:
    for resource_type in Catalogue().resource_types:
        kept = {path.text for path in resource_type.attributes if path.is_writable}
        assert kept.isdisjoint({"id", "schemas", "meta", "groups", "members", "password"})


def test_case_matters_in_external_ids_and_not_in_names() -> None:
    for text, is_exact in (("externalId", True), ("userName", False), ("emails.value", False)):
        path = USER.find(text)
        assert path is not None
        assert path.leaf.case_exact is is_exact
