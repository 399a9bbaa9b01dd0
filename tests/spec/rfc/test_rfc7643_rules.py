"""RFC 7643 sections 2 to 4: what attributes are, and what users and groups have."""

from typing import Any

import pytest

from tests.support.fixtures.scim_client import (
    ENTERPRISE,
    USER,
    Resource,
    Scim,
    created,
    own,
    shown,
)


@pytest.mark.rfc("7644-3.10-case")
async def test_names_are_read_in_any_letter_case_and_written_in_one(scim: Scim) -> None:
    """Section 2.1."""
    body = {
        "SCHEMAS": [USER],
        "USERNAME": "ana",
        "dISPLAYnAME": "Ana",
        "NAME": {"givenname": "A", "FAMILYNAME": "R"},
        "Emails": [{"VALUE": "a@b", "Type": "work", "PRIMARY": True}],
        ENTERPRISE.upper(): {"DEPARTMENT": "D", "Manager": {"VALUE": "m"}},
    }
    user = created(await scim.post("/Users", body))
    assert own(user) == {
        "userName": "ana",
        "active": True,
        "displayName": "Ana",
        "name": {"givenName": "A", "familyName": "R"},
        "emails": [{"value": "a@b", "type": "work", "primary": True}],
        ENTERPRISE: {"department": "D", "manager": {"value": "m"}},
    }
    assert user["schemas"] == [USER, ENTERPRISE]


@pytest.mark.rfc("7644-3.10-notation", "7644-3.10-case")
@pytest.mark.parametrize("name", ["title", "TITLE", f"{USER}:title", f"{USER.upper()}:Title"])
async def test_a_path_names_an_attribute_with_or_without_its_urn(scim: Scim, name: str) -> None:
    """Section 2.1, RFC 7644 section 3.10."""
    user = await scim.create_user(title="T")
    changed = await scim.patched_user(user, {"op": "replace", "path": name, "value": "U"})
    assert changed["title"] == "U"
    assert await scim.found("/Users", f'{name} eq "u"') == [user["id"]]
    assert shown(await scim.get(f"/Users/{user['id']}?attributes={name}"))["title"] == "U"


@pytest.mark.parametrize("empty", [None, "", []], ids=str)
async def test_an_unassigned_value_is_no_value(scim: Scim, empty: Any) -> None:
    """Section 2.5: null and an empty list are the same as absence."""
    names = ("title", "name", "emails", "roles", "profileUrl", "externalId", ENTERPRISE)
    user = await scim.create_user("ana", **dict.fromkeys(names, empty))
    assert own(user) == {"userName": "ana", "active": True}
    assert user["schemas"] == [USER]


async def test_at_most_one_value_is_primary(scim: Scim) -> None:
    """Section 2.4."""
    emails = [{"value": text, "primary": True} for text in ("a", "b", "c")]
    user = await scim.create_user(emails=emails, roles=[{"value": "x", "primary": True}])
    assert [email["primary"] for email in user["emails"]] == [True, False, False]
    assert user["roles"][0]["primary"] is True


async def test_the_order_and_the_text_of_values_are_kept(scim: Scim) -> None:
    roles = [{"value": text} for text in ("z", " a ", "Z", "ß", "é", "e\u0301")]
    user = await scim.create_user(" Ana ", roles=roles, title="  spaced  ")
    assert user["userName"] == " Ana "
    assert user["title"] == "  spaced  "
    assert user["roles"] == roles


async def test_types_that_the_schema_does_not_suggest_are_taken(scim: Scim) -> None:
    """Section 7: `canonicalValues` are suggestions."""
    phones = [{"value": "1", "type": "satellite"}, {"value": "2"}]
    assert (await scim.create_user(phoneNumbers=phones))["phoneNumbers"] == phones


@pytest.mark.rfc("7644-3.3.1-resource-type")
async def test_every_resource_has_the_common_attributes(scim: Scim) -> None:
    """Section 3.1."""
    user = await scim.create_user(externalId="x")
    group = await scim.create_group(externalId="x")
    for resource, name in ((user, "User"), (group, "Group")):
        assert resource["externalId"] == "x"
        meta = resource["meta"]
        assert meta.keys() == {"resourceType", "created", "lastModified", "location", "version"}
        assert meta["resourceType"] == name
        assert meta["location"] == f"{scim.tenant_url}/{name}s/{resource['id']}"
        assert meta["created"].endswith("Z")


async def test_the_schemas_of_a_resource_are_those_it_has_values_of(scim: Scim) -> None:
    """Section 3: whatever the client announces."""
    body = {"schemas": [USER, ENTERPRISE, "urn:x"], "userName": "ana"}
    user = created(await scim.post("/Users", body))
    assert user["schemas"] == [USER]
    add = {"op": "add", "path": f"{ENTERPRISE}:department", "value": "D"}
    assert (await scim.patched_user(user, add))["schemas"] == [USER, ENTERPRISE]


async def test_the_time_of_modification_moves_with_the_resource(scim: Scim) -> None:
    user = await scim.create_user()
    changed = await scim.patched_user(user, {"op": "replace", "path": "title", "value": "T"})
    assert changed["meta"]["created"] == user["meta"]["created"]
    assert changed["meta"]["lastModified"] >= user["meta"]["lastModified"]


@pytest.mark.parametrize(
    "spellings",
    [
        ("ana@x.test", "ANA@X.TEST"),
        ("Zoë", "ZOË"),
        ("stra\u00dfe", "STRASSE"),
        ("Zoe\u0308", "zoë"),
        ("\u0399\u0391\u03a3", "ιας"),
    ],
    ids=str,
)
async def test_names_are_the_same_if_only_the_letter_case_differs(
    scim: Scim, spellings: tuple[str, str]
) -> None:
    """Section 4.1.1: `userName` is unique without letter case, in any script."""
    one, other = spellings
    user = await scim.create_user(one)
    async with scim.unchanged():
        assert (await scim.post("/Users", {"userName": other})).status_code == 409
    assert user["userName"] == one
    assert await scim.found("/Users", f'userName eq "{other}"') == [user["id"]]


@pytest.mark.rfc("7644-3.9-never")
async def test_a_password_is_never_returned(scim: Scim) -> None:
    """Section 4.1.1, `returned: never`."""
    user = await scim.create_user(password="s3cret-of-nobody")
    for query in ("", "?attributes=password", "?attributes=userName,password"):
        assert "s3cret" not in (await scim.get(f"/Users/{user['id']}{query}")).text
    assert await scim.found("/Users", "password pr") == []


async def test_the_groups_of_a_user_are_the_services_to_write(scim: Scim) -> None:
    """Section 4.1.2: `groups` is readOnly; memberships change at the group."""
    group = await scim.create_group()
    user = created(await scim.post("/Users", {"userName": "a", "groups": [{"value": group["id"]}]}))
    body: Resource = {"userName": "a", "groups": [{"value": group["id"]}]}
    replaced = shown(await scim.put(f"/Users/{user['id']}", body))
    assert "groups" not in user
    assert "groups" not in replaced
    assert await scim.members(group["id"]) == set()


async def test_a_user_is_active_unless_the_client_says_otherwise(scim: Scim) -> None:
    assert (await scim.create_user("one"))["active"] is True
    assert (await scim.create_user("two", active=False))["active"] is False
    assert (await scim.create_user("three", active=None))["active"] is True


async def test_clearing_active_neither_enables_nor_disables(scim: Scim) -> None:
    for active in (True, False):
        user = await scim.create_user(f"user-{active}", active=active)
        for operation in (
            {"op": "replace", "path": "active", "value": None},
            {"op": "replace", "value": {"active": ""}},
        ):
            assert (await scim.patched_user(user, operation))["active"] is active


@pytest.mark.rfc("7644-3.5.2.2-single")
async def test_a_removed_active_is_unassigned_and_stays_so(scim: Scim) -> None:
    """RFC 7644 section 3.5.2.2; nothing that does not name it gives it a value again."""
    user = await scim.create_user(active=False)
    changed = await scim.patched_user(user, {"op": "remove", "path": "active"})
    assert "active" not in changed
    assert "active" not in shown(await scim.put(f"/Users/{user['id']}", {"userName": "ana"}))
    assert await scim.found("/Users", "active eq true") == []
