"""Microsoft's validators, replayed: the SCIM Validator in the browser, the direct tests of the
gallery's validation, and the Postman collection of the reference code.

The letters and numbers in the docstrings are those of `tests/spec/clients/README.md`; what is the
same as the provisioning service sends stands in `test_entra_legacy.py` and `test_entra_flag.py`.
"""

import secrets
import string
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.fixtures.scim_client import (
    ENTERPRISE,
    GROUP,
    USER,
    Resource,
    Scim,
    created,
    listed,
    own,
    refused,
    shown,
)
from tests.support.fixtures.service import Clients

STRINGS = [
    "displayName",
    "nickName",
    "title",
    "userType",
    "preferredLanguage",
    "locale",
    "timezone",
    "profileUrl",
    "externalId",
    *[
        f"name.{part}"
        for part in (
            "formatted",
            "familyName",
            "givenName",
            "middleName",
            "honorificPrefix",
            "honorificSuffix",
        )
    ],
    *[f'emails[type eq "{kind}"].value' for kind in ("work", "home", "other")],
    *[
        f'phoneNumbers[type eq "{kind}"].value'
        for kind in ("work", "mobile", "fax", "home", "pager", "other")
    ],
    *[
        f'addresses[type eq "work"].{part}'
        for part in (
            "formatted",
            "streetAddress",
            "locality",
            "region",
            "postalCode",
            "country",
        )
    ],
    *[
        f"{ENTERPRISE}:{name}"
        for name in ("employeeNumber", "costCenter", "organization", "division", "department")
    ],
    *[f'roles[primary eq "True"].{part}' for part in ("value", "display", "type")],
]


@pytest.fixture
def validator(new_scim: Clients) -> Scim:
    """Sends the SCIM media type both ways."""
    media_type = "application/scim+json"
    return new_scim().speaking({"Accept": media_type}, {"Content-Type": media_type})


def _garbage() -> str:
    return "".join(secrets.choice(string.ascii_uppercase) for _ in range(12))


def _read(resource: Resource, path: str) -> Any:
    """What a mapped path of Entra shows of a resource; None where there is nothing."""
    extension, _, path = path.rpartition(":")
    value: Any = resource.get(extension, {}) if extension else resource
    head, _, rest = path.partition("[")
    if not rest:
        for name in path.split("."):
            value = (value or {}).get(name)
        return value
    wanted = {"type eq": ("type", rest.split('"')[1]), "primary": ("primary", True)}
    name, literal = next(term for start, term in wanted.items() if rest.startswith(start))
    found = [part for part in value.get(head, []) if part.get(name) == literal]
    assert len(found) <= 1, found
    return found[0].get(path.rpartition(".")[2]) if found else None


def test_the_reader_of_mapped_paths_reads() -> None:
    user: Resource = {
        "name": {"givenName": "A"},
        "emails": [{"type": "work", "value": "W"}, {"type": "home", "value": "H"}],
        "roles": [{"primary": True, "value": "R"}],
        ENTERPRISE: {"department": "D"},
    }
    read = [
        _read(user, path)
        for path in (
            "name.givenName",
            'emails[type eq "home"].value',
            'roles[primary eq "True"].value',
            f"{ENTERPRISE}:department",
            "name.familyName",
            "title",
        )
    ]
    assert read == ["A", "H", "R", "D", None, None]


async def test_attributes_are_replaced_one_by_one(validator: Scim) -> None:
    """B1.6, E20: some forty operations with random text, formats and all."""
    user = await validator.create_user(
        displayName="old",
        emails=[{"type": "work", "value": "old", "primary": True}],
        roles=[{"primary": "True", "value": "old", "display": "old", "type": "old"}],
        addresses=[{"type": "work", "formatted": "old"}],
    )
    values = {path: _garbage() for path in STRINGS}
    operations = [{"op": "replace", "path": path, "value": value} for path, value in values.items()]

    changed = await validator.patched_user(user, *operations)

    assert {path: _read(changed, path) for path in STRINGS} == values
    assert [len(changed[name]) for name in ("emails", "phoneNumbers", "addresses", "roles")] == [
        3,
        6,
        1,
        1,
    ]


async def test_attributes_are_added_to_a_minimal_user(validator: Scim) -> None:
    """B1.9, E3: every element comes into being by its filter."""
    user = created(await validator.post("/Users", {"schemas": [USER], "userName": "min@x.test"}))
    values = {path: _garbage() for path in STRINGS}
    operations = [{"op": "add", "path": path, "value": value} for path, value in values.items()]

    changed = await validator.patched_user(user, *operations)

    assert {path: _read(changed, path) for path in STRINGS} == values
    assert changed["roles"][0]["primary"] is True
    assert changed["schemas"] == [USER, ENTERPRISE]


@pytest.mark.parametrize("path", STRINGS)
async def test_one_attribute_is_set_read_back_and_cleared(validator: Scim, path: str) -> None:
    """B2.16, B2.18, E22: "" unassigns an optional attribute; nothing else changes."""
    user = await validator.create_user()
    value = _garbage()

    changed = await validator.patched_user(user, {"op": "replace", "path": path, "value": value})
    assert _read(changed, path) == value

    cleared = await validator.patched_user(user, {"op": "replace", "path": path, "value": ""})
    assert _read(cleared, path) is None


async def test_one_attribute_of_many_is_cleared_alone(validator: Scim) -> None:
    """B2.16: what stands beside it stays."""
    user = await validator.create_user(
        name={"givenName": "A", "familyName": "R"},
        emails=[{"type": "work", "value": "w", "primary": True}, {"type": "home", "value": "h"}],
        **{ENTERPRISE: {"department": "D", "division": "V"}},
    )
    changed = await validator.patched_user(
        user,
        {"op": "replace", "path": "name.givenName", "value": ""},
        {"op": "replace", "path": 'emails[type eq "work"].value', "value": ""},
        {"op": "replace", "path": f"{ENTERPRISE}:division", "value": ""},
    )
    assert own(changed) == {
        "userName": "ana@contoso.test",
        "active": True,
        "name": {"familyName": "R"},
        "emails": [{"type": "home", "value": "h"}],
        ENTERPRISE: {"department": "D"},
    }


async def test_the_joining_property_is_replaced_without_a_path(validator: Scim) -> None:
    """B1.7, B1.22: found by the new value, and no more by the old one."""
    user = await validator.create_user()
    group = await validator.create_group("Sales", externalId="x1")
    await validator.patched_user(user, {"op": "replace", "value": {"userName": "new@x.test"}})
    await validator.patch(
        f"/Groups/{group['id']}", {"op": "replace", "value": {"displayName": "New"}}
    )

    assert await validator.found("/Users", 'userName eq "NEW@x.test"') == [user["id"]]
    assert await validator.found("/Users", 'userName eq "ana@contoso.test"') == []
    assert await validator.found("/Groups", 'displayName eq "NEW"') == [group["id"]]
    assert await validator.found("/Groups", 'displayName eq "Sales"') == []


@pytest.mark.rfc("7644-3.5.2-order")
async def test_operations_on_the_same_attribute_apply_in_order(validator: Scim) -> None:
    """B1.preview, E23."""
    user = await validator.create_user(displayName="zero")
    changed = await validator.patched_user(
        user,
        {"op": "remove", "path": "displayName"},
        {"op": "add", "path": "displayName", "value": "one"},
        {"op": "replace", "path": "displayName", "value": "two"},
        {"op": "add", "path": "emails", "value": [{"type": "work", "value": "a"}]},
        {"op": "replace", "path": 'emails[type eq "work"].value', "value": "b"},
        {"op": "add", "path": 'emails[type eq "work"].primary', "value": "True"},
    )
    assert changed["displayName"] == "two"
    assert changed["emails"] == [{"type": "work", "value": "b", "primary": True}]


async def test_operations_of_all_kinds_on_different_attributes(validator: Scim) -> None:
    """B1.preview."""
    user = await validator.create_user(displayName="D", title="T", nickName="N")
    changed = await validator.patched_user(
        user,
        {"op": "remove", "path": "displayName"},
        {"op": "add", "path": "locale", "value": "nl"},
        {"op": "replace", "path": "title", "value": "U"},
    )
    assert own(changed) == {
        "userName": "ana@contoso.test",
        "active": True,
        "title": "U",
        "nickName": "N",
        "locale": "nl",
    }


async def test_a_group_is_shown_with_its_members_by_a_plain_filter(validator: Scim) -> None:
    """B1.16, B1.17."""
    user = await validator.create_user()
    group = await validator.create_group("Sales", user["id"])
    page = await validator.find("/Groups", 'displayName eq "Sales"')
    assert page["Resources"] == [group]
    assert [member["value"] for member in group["members"]] == [user["id"]]


@pytest.mark.parametrize("endpoint", ["Users", "Groups"])
async def test_lists_come_page_by_page(validator: Scim, endpoint: str) -> None:
    """B2.23, B2.24: `startIndex` is echoed, and the pages together are everything, once."""
    make = validator.create_user if endpoint == "Users" else validator.create_group
    ids = {(await make(f"number{n}"))["id"] for n in range(12)}

    seen: list[str] = []
    for start in (1, 6, 11):
        page = listed(await validator.get(f"/{endpoint}?startIndex={start}&count=5"))
        assert (page["startIndex"], page["totalResults"]) == (start, 12)
        assert page["itemsPerPage"] == min(5, 13 - start)
        seen += [resource["id"] for resource in page["Resources"]]

    assert len(seen) == 12
    assert set(seen) == ids


def _mapped_paths(schemas: list[Resource]) -> Iterator[str]:
    """What Entra derives from /Schemas: paths that can be mapped."""
    for schema in schemas:
        prefix = f"{schema['id']}:" if "extension" in schema["id"] else ""
        for attribute in schema["attributes"]:
            parts = {part["name"]: part for part in attribute.get("subAttributes", [])}
            if not parts:
                yield prefix + attribute["name"]
            elif not attribute["multiValued"]:
                yield from (f"{prefix}{attribute['name']}.{part}" for part in parts)
            else:
                for kind in parts.get("type", {}).get("canonicalValues", []):
                    for part in parts.keys() - {"type", "primary", "$ref"}:
                        yield f'{prefix}{attribute["name"]}[type eq "{kind}"].{part}'


async def test_every_mapped_attribute_is_found_in_the_schemas(validator: Scim) -> None:
    """A11, B2.15: what is not described there cannot be mapped, and fails the validation."""
    schemas = listed(await validator.get("/Schemas"))["Resources"]
    paths = {path.lower() for path in _mapped_paths(schemas)}

    mapped = {path for path in STRINGS if not path.startswith("roles[")}
    mapped |= {"userName", "active", f"{ENTERPRISE}:manager.value"}
    assert {path for path in mapped if path.lower() not in paths} == set()
    assert {schema["id"] for schema in schemas} == {USER, GROUP, ENTERPRISE}


async def test_the_schemas_hold_nothing_that_the_validators_stumble_over(validator: Scim) -> None:
    """A11, B1: no nulls, no `password` (scimmy-routers#10), no `emails.display`
    (sourcegraph#62185), nothing that is never returned, and no other required attribute than the
    name."""
    schemas = listed(await validator.get("/Schemas"))["Resources"]
    attributes = {
        f"{schema['name']}.{attribute['name']}": attribute
        for schema in schemas
        for attribute in schema["attributes"]
    }

    assert "null" not in str(schemas).replace("None", "null")
    assert "User.password" not in attributes
    emails = attributes["User.emails"]["subAttributes"]
    assert {part["name"] for part in emails} == {"value", "type", "primary"}
    assert all(attribute["returned"] != "never" for attribute in attributes.values())
    required = {name for name, attribute in attributes.items() if attribute["required"]}
    assert required == {"User.userName", "Group.displayName"}


# ---- B3: the Postman collection of the reference code


@pytest.mark.rfc("7644-3.5.1-required")
async def test_a_user_without_a_name_is_refused(validator: Scim) -> None:
    """B3: POST and PUT."""
    user = await validator.create_user()
    async with validator.unchanged():
        body = {"schemas": [USER], "displayName": "X"}
        assert "userName" in refused(await validator.post("/Users", body), 400, "invalidValue")
        answer = await validator.put(f"/Users/{user['id']}", body)
        assert "userName" in refused(answer, 400, "invalidValue")


async def test_an_unknown_attribute_of_a_put_is_ignored(validator: Scim) -> None:
    """B3."""
    user = await validator.create_user()
    body = {"schemas": [USER], "userName": "ana@contoso.test", "title": "T", "mispelled": "X"}
    replaced = shown(await validator.put(f"/Users/{user['id']}", body))
    assert own(replaced) == {"userName": "ana@contoso.test", "active": True, "title": "T"}


async def test_filters_with_unquoted_literals_and_groups_of_terms(validator: Scim) -> None:
    """B3: `sw`, `gt` on a time, and parentheses."""
    ana = await validator.create_user(title="Engineer", displayName="Ana Ruiz")
    bo = await validator.create_user("bo@x.test", title="Engineer", displayName="Bo Li")
    await validator.create_user("cy@x.test", title="Clerk", displayName="Cy Ruiz")

    condition = "title eq Engineer and (displayName co Ruiz or displayName co Li)"
    assert set(await validator.found("/Users", condition)) == {ana["id"], bo["id"]}
    assert await validator.found("/Users", 'userName sw "bo"') == [bo["id"]]
    created_at = bo["meta"]["created"]
    after = await validator.found("/Users", f'meta.created gt "{created_at}"')
    assert bo["id"] not in after
    assert bo["id"] in await validator.found("/Users", f"meta.created ge {created_at}")


async def test_only_the_asked_attributes_are_shown(validator: Scim) -> None:
    """B3."""
    user = await validator.create_user(emails=[{"value": "a@b"}], title="T")
    page = listed(await validator.get("/Users?attributes=userName,emails"))
    assert page["Resources"] == [
        {
            "schemas": user["schemas"],
            "id": user["id"],
            "userName": "ana@contoso.test",
            "emails": [{"value": "a@b"}],
        }
    ]


@pytest.mark.rfc("7644-3.4.2-empty")
async def test_an_empty_list_has_its_resources(validator: Scim) -> None:
    """B3, E12: SCIMReferenceCode#56."""
    assert listed(await validator.get("/Users"))["Resources"] == []


async def test_a_page_of_two_has_two(validator: Scim) -> None:
    """B3."""
    for n in range(3):
        await validator.create_user(f"u{n}@x.test")
    page = listed(await validator.get("/Users?startIndex=1&count=2"))
    assert (page["itemsPerPage"], page["totalResults"]) == (2, 3)


async def test_a_member_may_be_a_bare_string(validator: Scim) -> None:
    """B3: and removing one member removes one (SCIMReferenceCode#10)."""
    users = [(await validator.create_user(f"u{n}@x.test"))["id"] for n in range(2)]
    group = (await validator.create_group())["id"]
    for user in (*users, users[0]):
        operation = {"op": "add", "path": "members", "value": user}
        assert (await validator.patch(f"/Groups/{group}", operation)).status_code == 204
    assert await validator.members(group) == set(users)
    operation = {"op": "remove", "path": "members", "value": users[0]}
    assert (await validator.patch(f"/Groups/{group}", operation)).status_code == 204
    assert await validator.members(group) == {users[1]}


@pytest.mark.parametrize("content", [b"{", b"nonsense", b"[]", b'"text"', b"7", b"null"])
async def test_a_body_that_is_no_object_is_refused(validator: Scim, content: bytes) -> None:
    """B3."""
    async with validator.unchanged():
        refused(await validator.request("POST", "/Users", content=content), 400, "invalidSyntax")


async def test_attributes_of_a_group_are_set_and_read_back(validator: Scim) -> None:
    """B2.19, B2.20."""
    group = await validator.create_group("Sales", externalId="x1")
    for path, value in (("displayName", "New"), ("externalId", "x2")):
        operation = {"op": "replace", "path": path, "value": value}
        assert (await validator.patch(f"/Groups/{group['id']}", operation)).status_code == 204
        assert (await validator.group(group["id"]))[path] == value


async def test_a_joining_value_is_found_however_it_is_encoded(validator: Scim) -> None:
    """A0: `+` or `%20`, quotes raw or `%22`."""
    user = await validator.create_user("a b+c@x.test")
    text = 'userName eq "a b+c@x.test"'
    plus = text.replace("+", "%2B").replace(" ", "+")
    for encoded in (quote(text), plus, plus.replace('"', "%22")):
        page = listed(await validator.get(f"/Users?filter={encoded}"))
        assert [found["id"] for found in page["Resources"]] == [user["id"]]
