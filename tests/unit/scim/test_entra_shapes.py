"""Requests as Microsoft Entra ID, its validators and Okta send them, and what comes of them.

Both dialects of Entra are here: that of the default job (`Replace`, a path each, booleans as
strings) and that of `aadOptscim062020` (one `replace` without a path), and their mixtures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from shared.scim import documents, patch
from shared.scim.core_schemas import ENTERPRISE_USER_SCHEMA, GROUP, USER, USER_SCHEMA
from shared.scim.filters import matches, parse_filter
from shared.scim.members import MemberChange, from_document, split_members
from shared.scim.messages import parse_patch
from shared.scim.projection import Projection

if TYPE_CHECKING:
    from shared.scim.schema import Document
    from tests.unit.scim.conftest import Patched

ENTERPRISE = ENTERPRISE_USER_SCHEMA
MINIMAL: Document = {"userName": "ana@contoso.test", "active": True}
ROLE_TYPE = "WindowsAzureActiveDirectoryRole"


def op(kind: str, path: str | None, *value: Any) -> Document:
    operation: Document = {"op": kind}
    if path is not None:
        operation["path"] = path
    if value:
        operation["value"] = value[0]
    return operation


CREATED: dict[str, tuple[Document, Document]] = {
    "an enterprise URN in schemas without the object": (
        {"schemas": [USER_SCHEMA, ENTERPRISE]},
        {},
    ),
    "no schemas": ({}, {}),
    "schemas that are not of the IETF": (
        {"schemas": ["http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/User"]},
        {},
    ),
    "a meta of its own": ({"meta": {"resourceType": "Users", "version": "x"}}, {}),
    "an id of its own and empty groups": ({"id": "mine", "groups": [], "roles": []}, {}),
    "nulls for what it does not have": (
        {"addresses": None, "title": None, "name": {"givenName": "Ana", "familyName": None}},
        {"name": {"givenName": "Ana"}},
    ),
    "nulls within an address": (
        {"addresses": [{"type": "work", "country": None, "locality": "Gent"}]},
        {"addresses": [{"type": "work", "locality": "Gent"}]},
    ),
    "an address that is all null": ({"addresses": [{"type": "work", "country": None}]}, {}),
    "enterprise attributes at the top": (
        {"department": "R&D", "manager": {"value": "m1"}},
        {ENTERPRISE: {"department": "R&D", "manager": {"value": "m1"}}},
    ),
    "a URN without its last colon": (
        {"urn:ietf:params:scim:schemas:extension:enterprise:2.0User": {"department": "R&D"}},
        {ENTERPRISE: {"department": "R&D"}},
    ),
    "a manager as a string": (
        {ENTERPRISE: {"manager": "m1"}},
        {ENTERPRISE: {"manager": {"value": "m1"}}},
    ),
    "a manager as a list": (
        {ENTERPRISE: {"manager": [{"$ref": None, "value": "m1"}]}},
        {ENTERPRISE: {"manager": {"value": "m1"}}},
    ),
    "active as a string": ({"active": "False"}, {"active": False}),
    "a primary role as a string": (
        {"roles": [{"primary": "True", "value": "Admin", "type": ROLE_TYPE}]},
        {"roles": [{"primary": True, "value": "Admin", "type": ROLE_TYPE}]},
    ),
    "several roles with displayName": (
        {"roles": [{"primary": False, "displayName": "Admin", "value": "Admin"}]},
        {"roles": [{"primary": False, "display": "Admin", "value": "Admin"}]},
    ),
    "a misspelled attribute": ({"usrName": "x", "name": {"givenNam": "x"}}, {}),
    "a password": ({"password": "secret"}, {}),
    "random text where a format is usual": (
        {
            "locale": "RJWNTUNNOHNZ",
            "timezone": "??",
            "profileUrl": "no url",
            "preferredLanguage": "?",
            "phoneNumbers": [{"type": "work", "value": " (0)5-5-5 ext. "}],
        },
        {
            "locale": "RJWNTUNNOHNZ",
            "timezone": "??",
            "profileUrl": "no url",
            "preferredLanguage": "?",
            "phoneNumbers": [{"type": "work", "value": " (0)5-5-5 ext. "}],
        },
    ),
    "the display of an e-mail address": (
        {"emails": [{"type": "work", "value": "a@x", "display": "A"}]},
        {"emails": [{"type": "work", "value": "a@x", "display": "A"}]},
    ),
    "an enterprise number": (
        {ENTERPRISE: {"employeeNumber": 7}},
        {ENTERPRISE: {"employeeNumber": "7"}},
    ),
}


@pytest.mark.parametrize(("sent", "kept"), CREATED.values(), ids=CREATED)
def test_a_user_is_created_with(sent: Document, kept: Document) -> None:
    assert documents.create(USER, {"userName": "ana@contoso.test", **sent}) == {**MINIMAL, **kept}


MAIL = {"type": "work", "value": "ana@contoso.test"}
MANAGED: Document = {**MINIMAL, ENTERPRISE: {"manager": {"value": "m1"}}}
ADMIN = {"primary": True, "type": ROLE_TYPE, "value": "Admin"}
PACKED = '{"id":"06b0","value":"Admin","displayName":"Admin"}'

PATCHED: dict[str, tuple[Document, list[Document], Document]] = {
    "default dialect: each attribute by its path": (
        {**MINIMAL, "emails": [MAIL]},
        [
            op("Replace", "displayName", "Ana R"),
            op("Replace", 'emails[type eq "work"].value', "ana2@contoso.test"),
            op("Replace", "name.givenName", "Ana"),
            op("Add", "nickName", "Ani"),
            op("Replace", "externalId", "0a21"),
            op("Add", f"{ENTERPRISE}:department", "Retail"),
            op("Add", 'addresses[type eq "work"].locality', "Gent"),
            op("Replace", "active", "False"),
        ],
        {
            "userName": "ana@contoso.test",
            "active": False,
            "displayName": "Ana R",
            "emails": [{"type": "work", "value": "ana2@contoso.test"}],
            "name": {"givenName": "Ana"},
            "nickName": "Ani",
            "externalId": "0a21",
            ENTERPRISE: {"department": "Retail"},
            "addresses": [{"type": "work", "locality": "Gent"}],
        },
    ),
    "default dialect: a list around a single value": (
        MINIMAL,
        [
            op("Add", "displayName", [{"$ref": None, "value": "Ana R"}]),
            op("Replace", "active", [{"$ref": None, "value": "False"}]),
            op("Add", "name.givenName", [{"value": "Ana"}]),
            op("Add", 'emails[type eq "work"].value', [{"value": "a@x"}]),
        ],
        {
            "userName": "ana@contoso.test",
            "active": False,
            "displayName": "Ana R",
            "name": {"givenName": "Ana"},
            "emails": [{"type": "work", "value": "a@x"}],
        },
    ),
    "default dialect: disabled by Add": (
        MINIMAL,
        [op("Add", "active", "False")],
        {**MINIMAL, "active": False},
    ),
    "restored": (
        {**MINIMAL, "active": False},
        [op("Replace", "active", "True"), op("Replace", "title", "Dr")],
        {**MINIMAL, "title": "Dr"},
    ),
    "flag: all in one, with dotted and prefixed keys": (
        MINIMAL,
        [
            op("replace", 'emails[type eq "work"].value', "b@contoso.test"),
            op(
                "replace",
                None,
                {
                    "displayName": "Bo",
                    "name.givenName": "Bo",
                    "name.familyName": "Li",
                    "active": False,
                    f"{ENTERPRISE}:employeeNumber": "88",
                },
            ),
        ],
        {
            "userName": "ana@contoso.test",
            "active": False,
            "emails": [{"type": "work", "value": "b@contoso.test"}],
            "displayName": "Bo",
            "name": {"givenName": "Bo", "familyName": "Li"},
            ENTERPRISE: {"employeeNumber": "88"},
        },
    ),
    "mixed: capitals without a path, nested and in any case": (
        {**MINIMAL, "name": {"familyName": "Ruiz"}},
        [
            op("Replace", None, {"NAME": {"givenname": "Ana"}, "Active": "False"}),
            op("add", f"{USER_SCHEMA}:name.formatted", "Ana Ruiz"),
            op("Add", f"{ENTERPRISE}:manager.value", "m1"),
        ],
        {
            "userName": "ana@contoso.test",
            "active": False,
            "name": {"familyName": "Ruiz", "givenName": "Ana", "formatted": "Ana Ruiz"},
            ENTERPRISE: {"manager": {"value": "m1"}},
        },
    ),
    "new elements of several kinds, each made once": (
        MINIMAL,
        [
            op("Add", 'phoneNumbers[type eq "work"].value', "555"),
            op("Add", 'phoneNumbers[type eq "mobile"].value', "556"),
            op("Add", 'phoneNumbers[type eq "work"].display', "Desk"),
            op("Add", 'addresses[type eq "work"].locality', "Gent"),
            op("Add", 'addresses[type eq "work"].country', "BE"),
        ],
        {
            **MINIMAL,
            "phoneNumbers": [
                {"type": "work", "value": "555", "display": "Desk"},
                {"type": "mobile", "value": "556"},
            ],
            "addresses": [{"type": "work", "locality": "Gent", "country": "BE"}],
        },
    ),
    "validator: the primary role in three operations": (
        MINIMAL,
        [
            op("replace", 'roles[primary eq "True"].display', "Admins"),
            op("replace", 'roles[primary eq "True"].value', "Admin"),
            op("replace", 'roles[primary eq "True"].type', ROLE_TYPE),
        ],
        {**MINIMAL, "roles": [{**ADMIN, "display": "Admins"}]},
    ),
    "the primary role of a user who has one": (
        {**MINIMAL, "roles": [ADMIN]},
        [op("add", 'roles[primary eq "True"].value', "User")],
        {**MINIMAL, "roles": [{**ADMIN, "value": "User"}]},
    ),
    "a role as JSON in a string": (
        MINIMAL,
        [op("Add", "roles", [{"value": '{"id":"1","value":"25","displayName":"Role1234"}'}])],
        {**MINIMAL, "roles": [{"value": "25", "display": "Role1234"}]},
    ),
    "a role as JSON in a string, that is there": (
        {**MINIMAL, "roles": [{"type": ROLE_TYPE, "display": "Admin", "value": "Admin"}]},
        [op("Add", "roles", [{"value": PACKED}]), op("Add", "roles", [{"value": PACKED}])],
        {**MINIMAL, "roles": [{"type": ROLE_TYPE, "display": "Admin", "value": "Admin"}]},
    ),
    "all roles replaced": (
        {**MINIMAL, "roles": [ADMIN]},
        [op("replace", "roles", [{"primary": False, "display": "User", "value": "User"}])],
        {**MINIMAL, "roles": [{"primary": False, "display": "User", "value": "User"}]},
    ),
    "a joining property without a path": (
        MINIMAL,
        [op("replace", None, {"userName": "bo@contoso.test"})],
        {"userName": "bo@contoso.test", "active": True},
    ),
    "validator: removed, added and replaced at once": (
        {**MINIMAL, "title": "Dr", "nickName": "A"},
        [
            op("remove", "title"),
            op("add", "displayName", "Ana"),
            op("replace", "nickName", "B"),
            op("replace", "nickName", "C"),
        ],
        {**MINIMAL, "displayName": "Ana", "nickName": "C"},
    ),
    "Okta: deactivated without a path": (
        MINIMAL,
        [op("replace", None, {"active": False})],
        {**MINIMAL, "active": False},
    ),
    "Okta: an id and a password beside": (
        MINIMAL,
        [op("replace", None, {"id": "1f", "password": "secret", "displayName": "Ana"})],
        {**MINIMAL, "displayName": "Ana"},
    ),
}
PATCHED |= {
    f"a manager set by {kind} {path.rpartition(':')[2]} to {value}": (
        {**MINIMAL, ENTERPRISE: {"manager": {"value": "m0", "$ref": "/m0"}}},
        [op(kind, path, value)],
        {**MINIMAL, ENTERPRISE: {"manager": expected}},
    )
    for kind in ("Add", "replace")
    for path in (f"{ENTERPRISE}:manager", "manager")
    for value, expected in (
        ("m1", {"value": "m1"}),
        ([{"$ref": "/m1", "value": "m1"}], {"$ref": "/m1", "value": "m1"}),
        ({"value": "m1"}, {"value": "m1"}),
        ({"$ref": None, "value": "m1"}, {"value": "m1"}),
    )
}
PATCHED |= {
    f"a manager cleared by {operation}": (MANAGED, [operation], MINIMAL)
    for operation in (
        op("Replace", f"{ENTERPRISE}:manager", ""),
        op("Replace", f"{ENTERPRISE}:manager", {"value": ""}),
        op("Replace", f"{ENTERPRISE}:manager", None),
        op("Replace", "manager", [{"$ref": None, "value": ""}]),
        op("replace", f"{ENTERPRISE}:manager.value", ""),
        op("replace", None, {f"{ENTERPRISE}:manager": ""}),
        op("replace", None, {ENTERPRISE: {"manager": None}}),
        op("Remove", f"{ENTERPRISE}:manager"),
        op("Remove", f"{ENTERPRISE}:manager", "m1"),
    )
}


@pytest.mark.parametrize(("before", "operations", "after"), PATCHED.values(), ids=PATCHED)
def test_a_user_is_patched(
    patched: Patched, before: Document, operations: list[Document], after: Document
) -> None:
    assert patched(before, *operations) == after


@pytest.mark.parametrize("nothing", ["", None])
@pytest.mark.parametrize(
    "path",
    [
        "displayName",
        "title",
        "preferredLanguage",
        "name.givenName",
        "name.formatted",
        'emails[type eq "work"].value',
        'phoneNumbers[type eq "mobile"].value',
        'addresses[type eq "work"].country',
        'roles[primary eq "True"].value',
        f"{ENTERPRISE}:employeeNumber",
        f"{ENTERPRISE}:department",
    ],
)
def test_the_null_update_of_the_gallery_validation_clears_each_attribute(
    patched: Patched, path: str, nothing: str | None
) -> None:
    filled = patched(MINIMAL, op("replace", path, "x"))
    assert filled != MINIMAL
    assert patched(filled, op("replace", path, nothing)) == MINIMAL
    assert patched(MINIMAL, op("replace", path, nothing)) == MINIMAL


@pytest.mark.parametrize("path", [path.text for path in USER.attributes if path.is_writable])
def test_every_attribute_that_is_patched_reads_back_equal(patched: Patched, path: str) -> None:
    attribute = USER.find(path)
    assert attribute is not None
    if attribute.attribute.type != "complex":
        value: Any = False if attribute.attribute.type == "boolean" else "x"
    else:
        value = {sub.name: "x" for sub in attribute.attribute.sub_attributes[:1]}
    once = patched(MINIMAL, op("Add", path, value))
    expected = [value] if attribute.attribute.multi_valued else value
    assert attribute.read(once) == expected
    assert patched(once, op("Add", path, value)) == once


GROUP_SHAPES: dict[str, tuple[list[Document], Document, MemberChange]] = {
    "renamed by a path": (
        [op("Replace", "displayName", "New")],
        {"displayName": "New"},
        MemberChange(),
    ),
    "renamed without a path": (
        [op("replace", None, {"displayName": "New"})],
        {"displayName": "New"},
        MemberChange(),
    ),
    "given an external id": (
        [op("replace", None, {"externalId": "8aa1"})],
        {"displayName": "Sales", "externalId": "8aa1"},
        MemberChange(),
    ),
    "Okta: renamed with its id": (
        [op("replace", None, {"id": "g1", "displayName": "New"})],
        {"displayName": "New"},
        MemberChange(),
    ),
    "renamed and given no members": (
        [op("replace", None, {"id": "g1", "displayName": "New", "members": []})],
        {"displayName": "New"},
        MemberChange(replace=True),
    ),
    "given members": (
        [op("Add", "members", [{"$ref": None, "value": "u1"}, {"$ref": None, "value": "u2"}])],
        {"displayName": "Sales"},
        MemberChange(add=("u1", "u2")),
    ),
    "reference collection: given a member as a string": (
        [op("add", "members", "u1")],
        {"displayName": "Sales"},
        MemberChange(add=("u1",)),
    ),
    "default dialect: relieved of the listed members alone": (
        [op("Remove", "members", [{"$ref": None, "value": "u1"}])],
        {"displayName": "Sales"},
        MemberChange(remove=("u1",)),
    ),
    "flag: relieved of one member": (
        [op("remove", 'members[value eq "u1"]')],
        {"displayName": "Sales"},
        MemberChange(remove=("u1",)),
    ),
    "emptied": ([op("remove", "members")], {"displayName": "Sales"}, MemberChange(replace=True)),
    "not emptied by an empty list": (
        [op("Remove", "members", [])],
        {"displayName": "Sales"},
        MemberChange(),
    ),
    "validator: a member added and another removed at once": (
        [op("add", "members", [{"value": "u1"}]), op("remove", 'members[value eq "u2"]')],
        {"displayName": "Sales"},
        MemberChange(add=("u1",), remove=("u2",)),
    ),
    "a retry of the same member": (
        [op("Add", "members", [{"value": "u1"}]), op("Add", "members", [{"value": "u1"}])],
        {"displayName": "Sales"},
        MemberChange(add=("u1",)),
    ),
}


@pytest.mark.parametrize(
    ("operations", "document", "members"), GROUP_SHAPES.values(), ids=GROUP_SHAPES
)
def test_a_group_is(operations: list[Document], document: Document, members: MemberChange) -> None:
    rest, change = split_members(GROUP, parse_patch({"Operations": operations}))
    assert change == members
    assert patch.apply(GROUP, {"displayName": "Sales"}, rest) == document


def test_a_group_is_created_without_members_and_with_a_schema_of_entras_own() -> None:
    body = {
        "schemas": [
            "urn:ietf:params:scim:schemas:core:2.0:Group",
            "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group",
        ],
        "externalId": "8aa1",
        "displayName": "Sales",
        "meta": {"resourceType": "Group"},
    }
    assert documents.create(GROUP, body) == {"externalId": "8aa1", "displayName": "Sales"}
    assert from_document(body).is_empty


@pytest.mark.parametrize(
    "text",
    [
        'userName eq "ANA@contoso.test"',
        'externalId eq "0a21"',
        "externalId eq 0a21",
        'emails[type eq "work"].value eq "ana@contoso.test"',
        'emails[type eq "work"] eq "ana@contoso.test"',
        'id eq "1f" and manager eq "m1"',
        'manager eq "m1" and id eq "1f"',
        'roles[primary eq "True"].value eq "Admin"',
        'active eq "True"',
        f'{ENTERPRISE}:department eq "R&D"',
        'userName sw "ana" and (title co y or displayName co ana)',
        "meta.created gt 2020-01-01T00:00:00Z",
    ],
)
def test_a_user_is_looked_up_by(text: str) -> None:
    user = {
        **MINIMAL,
        "id": "1f",
        "externalId": "0a21",
        "displayName": "Ana",
        "emails": [MAIL],
        "roles": [ADMIN],
        ENTERPRISE: {"manager": {"value": "m1"}, "department": "R&D"},
        "meta": {"created": "2030-01-31T12:00:00.000Z"},
    }
    assert matches(parse_filter(text, USER), user)
    assert not matches(parse_filter(text, USER), {"userName": "bo", "active": False})


def test_inactive_users_are_found_too() -> None:
    condition = parse_filter('userName eq "ana@contoso.test"', USER)
    assert matches(condition, {**MINIMAL, "active": False})


def test_a_membership_check_asks_for_the_id_alone() -> None:
    group = {"schemas": [], "id": "g1", "displayName": "Sales", "members": [{"value": "u1"}]}
    assert matches(parse_filter('id eq "g1" and members eq "u1"', GROUP), group)
    assert Projection.parse(GROUP, "id", None).apply(group) == {"schemas": [], "id": "g1"}
    assert not Projection.parse(GROUP, "id", None).includes("members")
    assert not Projection.parse(GROUP, None, "members").includes("members")
